"""Every entry of the table, mapped over a batch with its gradient: what a loop gives."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from autograd_lite import Tensor, grad, vmap
from autograd_lite.batching import rules
from autograd_lite.codegen.looks import SHAPES
from autograd_lite.errors import VmapError
from autograd_lite.primitive import Primitive
from autograd_lite.trees import flatten
from tests.calculus.cases import ENTRIES, NOT_UNIQUE, evaluate, label, some
from tests.codegen.test_freezing import INSIDE, ONE_KIND, REFUSED, UNSPECIFIED, others, scalar_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:`row_stack` alias:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]
ONE_BY_ONE = {
    "convolve": "slides one sequence along another",
    "lexsort": "takes keys as one array, or as many",
    "conv2d_weight": "sums over the images of each example",
    "turns": "NumPy's own loop along an axis",
    "roots": "as many as each polynomial has",
    "holding": "asks of each example",
    "eig": "gives complex numbers for the whole stack or none",
}
"""Primitives without a batching rule, and why."""


def test_which_primitives_run_one_by_one():
    without = {
        entry.name
        for function, entry in ENTRIES.items()
        if isinstance(entry, Primitive)
        and not (entry.elementwise or function in rules.RULES or function in SHAPES)
    }
    assert without == {*ONE_BY_ONE, "alias", "output"}  # these two the replay sees to itself


def batches_of(function, call, rng):
    """Yield three examples of each operand: the call's, and two with other numbers."""
    own = [np.array(x) for x in call.operands]
    smaller = [[x * x.dtype.type(k) if x.dtype.kind in "fc" else x for x in own] for k in (0.5, 2)]
    moved = dataclasses.replace(call, operands=tuple(own))
    moved = [np.array(x) for x in others(function, moved, "moved", rng)]
    # Moved numbers can be nothing for a function: no matrix is positive definite by chance.
    for examples in ((own, moved, smaller[0]), (own, *smaller)):
        yield [np.stack(column) for column in zip(*examples, strict=True)]


def numbers(tree):
    return [x.numpy() if isinstance(x, Tensor) else np.asarray(x) for x in flatten(tree)[0]]


def assert_same(found, expected, what):
    found, expected = numbers(found), numbers(expected)
    assert len(found) == len(expected), what
    for a, b in zip(found, expected, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), (what, a, b)
        if a.dtype.kind in "fc":
            eps = np.finfo(a.dtype).eps
            size = np.max(np.abs(b), where=np.isfinite(b), initial=1.0)
            assert np.allclose(a, b, rtol=eps**0.6, atol=64 * eps * size, equal_nan=True), (
                what,
                a,
                b,
            )
        else:
            assert np.array_equal(a, b), (what, a, b)


def both(entry, call, floats):
    """Return the function from operands to the result, and the gradients by some of them."""

    def f(*operands):
        result = evaluate(entry, call, operands)
        return (result, grad(scalar_of(entry, call), floats)(*operands)) if floats else result

    return f


def looped(f, operands, is_mapped):
    """Call a function on each example, as one would without `vmap`."""
    results = []
    for n in range(3):
        pairs = zip(operands, is_mapped, strict=True)
        results.append(numbers(f(*[Tensor(x[n]) if m else x for x, m in pairs])))
    return [np.stack(column) for column in zip(*results, strict=True)]


@pytest.mark.parametrize("function", ENTRIES, ids=label)
def test_mapped_as_in_a_loop(function):
    rng = np.random.default_rng(0)
    if label(function) in UNSPECIFIED | INSIDE:
        return
    compared = 0
    calls = [call for call in some(function, 2) if call.operands]
    for n, call in enumerate(calls):
        # One call with all of its operands mapped, and the last with each of them alone.
        count = len(call.operands)
        one = count > 1 and n == len(calls) - 1
        ways = [[i == k for i in range(count)] for k in range(min(count, 4))] if one else []
        for is_mapped in [*([[True] * count] if n == 0 else []), *ways]:
            for batch in batches_of(function, call, rng):
                made = compare(function, call, batch, is_mapped)
                compared += made
                if made:
                    break
    assert compared or not calls, "nothing was compared"


def compare(function, call, batch, is_mapped):
    """Compare with a loop; return whether there was something to compare."""
    entry = ENTRIES[function]
    given = [x if m else x[0][()] for x, m in zip(batch, is_mapped, strict=True)]
    floats = tuple(i for i, x in enumerate(given) if x.dtype.kind in "fc")
    for of in (floats, ()) if function not in NOT_UNIQUE else ((),):
        f = both(entry, call, of)
        try:
            expected = looped(f, given, is_mapped)
            break
        except Exception:  # NumPy does not take it, or it has no gradient
            continue
    else:
        return False
    what = label(function), is_mapped, floats
    said = ""
    try:
        found = vmap(f, tuple(0 if m else None for m in is_mapped))(*given)
    except VmapError as error:
        said = str(error)
    if said:
        assert entry.name in REFUSED | ONE_KIND, what
        assert said.find(". ") == -1, "it is one sentence"
    else:
        assert_same(found, expected, what)
    return True
