"""The source of every entry of the table, and of its derivatives: right, or refused.

A source runs itself on some others when it is written; here are more, with zeros and ties. Where
its lines were chosen by a fact that is another for those numbers, it says so.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pytest

from autograd_lite import Tensor, everything, grad, source, value_and_grad
from autograd_lite.codegen import NotWritable
from autograd_lite.trees import flatten
from tests.calculus.cases import ENTRIES, EXPLORING, evaluate, is_internal, label, some
from tests.codegen.test_freezing import (
    CHANGES,
    INSIDE,
    UNSPECIFIED,
    assert_close,
    others,
    scalar_of,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:`row_stack` alias:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]
REFUSED = {
    **dict.fromkeys(("allclose", "array_equal", "array_equiv"), "is a truth of Python's"),
    **dict.fromkeys(("argwhere", "flatnonzero", "nonzero"), "as many as are not 0"),
    **dict.fromkeys(("unique", "unique_all", "unique_counts"), "as many as differ"),
    **dict.fromkeys(("unique_inverse", "unique_values"), "as many as differ"),
    **dict.fromkeys(("union1d", "intersect1d", "setxor1d"), "as many as differ"),
    **dict.fromkeys(("setdiff1d", "trim_zeros"), "as many as are left"),
    "real_if_close": "has a dtype that the numbers decide",
}
"""What has no source, and why."""
ALWAYS = {*("det", "slogdet", "frexp", "unwrap", "eig", "eigvals", "polyfit", "lstsq", "roots")} | {
    *("polymul", "cond", "norm", "quantile", "gradient", "interp", "prod", "cumprod", "poly", "cov")
}
"""What has both ways of a choice in its source, or asks again for what its lines were chosen by."""


def is_written_here(function):
    """Whether its sources are written in each run, which takes long: ours, and every third."""
    name = label(function)
    return is_internal(function) or name in ALWAYS | {*REFUSED} or crc32(name.encode()) % 3 == 0


def orders(entry, call):
    """Yield the function, its gradient, and the gradient of that, as far as there are any."""
    yield lambda *x: flatten(evaluate(entry, call, x))[0]
    floats = tuple(i for i, x in enumerate(call.operands) if np.asarray(x).dtype.kind in "fc")
    if not floats:
        return
    f = scalar_of(entry, call)

    def curved(*x):
        parts = flatten(grad(f, floats)(*x))[0]
        return sum(np.sum(np.real(g) * np.real(g) + np.imag(g)) for g in parts)

    yield value_and_grad(f, floats)
    yield grad(curved, floats)


CHOSEN = [f for f in ENTRIES if label(f) not in INSIDE and (EXPLORING or is_written_here(f))]


@pytest.mark.parametrize("function", sorted(CHOSEN, key=label), ids=label)
def test_it_is_written_or_refused_with_its_line(function):
    entry, name, rng = ENTRIES[function], label(function), np.random.default_rng(0)
    (call, *_) = some(function, 1)
    for order, f in enumerate(orders(entry, call)):
        try:
            f(*call.operands)
        except Exception:  # it has no gradient
            return
        try:
            made = source(f, *call.operands).load()
        except NotWritable as error:
            said = str(error)
            if (name, order) == ("eigvals", 2):
                continue  # whether eigenvalues are real is another question for each matrix
            assert name in REFUSED or name in UNSPECIFIED, (order, said)
            assert name in UNSPECIFIED or ("cases.py, line" in said and said.count(". ") == 0)
            continue
        assert order or name not in REFUSED
        for change in CHANGES:
            operands = others(function, call, change, rng)
            try:
                with everything():
                    expected = f(*[Tensor(x) for x in operands])
            except Exception:  # these numbers are not for it
                continue
            try:
                found = made(*operands)
            except (ValueError, np.linalg.LinAlgError):  # it says so
                assert name in ALWAYS
                continue
            assert_close(found, expected)
