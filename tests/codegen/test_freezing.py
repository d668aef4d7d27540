"""Every entry of the table, compiled with its gradient, is right on other numbers or refused."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from autograd_lite import Tensor, compile, everything, source, value_and_grad
from autograd_lite.calculus import activations, neural, norms
from autograd_lite.codegen.watching import record_watched
from autograd_lite.composite import TABLE
from autograd_lite.errors import CompileError
from autograd_lite.tensor import constant
from autograd_lite.trees import flatten
from nn import functional as F
from tests.calculus.cases import ENTRIES, evaluate, label, some

REFUSED = {
    *("allclose", "array_equal", "array_equiv", "argwhere", "flatnonzero", "nonzero"),
    *("unique", "unique_all", "unique_counts", "unique_inverse", "unique_values", "union1d"),
    *("intersect1d", "setdiff1d", "setxor1d", "trim_zeros", "real_if_close", "extract"),
    *("compress", "delete", "insert"),
}
"""What hangs on the numbers themselves: a truth of Python's, or a shape."""
ONE_KIND = {"eig", "eigvals", "lstsq", "cond", "polymul", "roots"}
"""What gives another dtype or shape for some numbers, or none, which is an error then."""
UNSPECIFIED = {"empty_like"}
INSIDE = {"_roots"}
"""What a function reaches that is closed itself."""
pytestmark = [
    pytest.mark.filterwarnings("ignore:`row_stack` alias:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]
CHANGES = {
    "turned": lambda a, rng: -a,
    "moved": lambda a, rng: rng.permutation(a.ravel()).reshape(a.shape),
    "rounded": lambda a, rng: np.asarray(np.round(a * 0.5), a.dtype),
}


def others(function, call, change, rng):
    """Return other operands: floats changed, whole numbers and masks in another order."""
    made = []
    for x in call.operands:
        a = np.asarray(x)
        made.append(CHANGES[change if a.dtype.kind in "fc" else "moved"](a, rng)[()])
    if function is np.interp:
        made[1] = np.sort(made[1])  # of other x-coordinates NumPy's answer has no meaning
    return made


def scalar_of(entry, call):
    """Return a function from the operands to one number that hangs on each number of the result."""

    def f(*operands):
        total = 0.0
        for x in flatten(evaluate(entry, call, operands))[0]:
            if np.result_type(x).kind in "fc":
                weights = np.cos(np.arange(np.size(x)).reshape(np.shape(x)))
                total = total + np.sum(np.real(x) * weights) + np.sum(np.imag(x))
        return total

    return f


def assert_close(found, expected):
    for a, b in zip(flatten(found)[0], flatten(expected)[0], strict=True):
        a, b = (np.asarray(x.data if isinstance(x, Tensor) else x) for x in (a, b))
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        size = np.max(np.abs(b), where=np.isfinite(b), initial=0.0)
        rtol = 1e-9 if a.dtype.itemsize >= 8 and a.dtype != np.complex64 else 1e-3
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * size)


@pytest.mark.parametrize("function", sorted(ENTRIES, key=label), ids=label)
def test_nothing_freezes(function):
    entry, name, rng = ENTRIES[function], label(function), np.random.default_rng(0)
    (call, *_) = some(function, 1)
    floats = tuple(i for i, x in enumerate(call.operands) if np.asarray(x).dtype.kind in "fc")
    g = scalar_of(entry, call)
    g = value_and_grad(g, floats) if floats else lambda *x: flatten(evaluate(entry, call, x))[0]
    try:
        g(*call.operands)
    except Exception:  # it has no gradient
        g = lambda *x: flatten(evaluate(entry, call, x))[0]  # noqa: E731
    step = compile(g, back_end="numpy")
    try:
        step(*call.operands)
    except CompileError:
        assert name.rpartition(".")[2] in REFUSED
        return
    for change in CHANGES:
        operands = others(function, call, change, rng)
        try:
            expected = g(*operands)
        except Exception:  # these numbers are not for it
            continue
        try:
            found = step(*operands)
        except CompileError:
            assert name.rpartition(".")[2] in ONE_KIND
            continue
        except Exception:
            assert name in INSIDE
            continue
        if name not in UNSPECIFIED | ONE_KIND:
            assert_close(found, expected)


@pytest.mark.parametrize("function", sorted(ENTRIES, key=label), ids=label)
def test_one_operand_is_recorded_beside_plain_ones(function):
    """What a usual tape takes, a tape of everything takes as well, and to the same values."""
    for call in some(function, 3):
        for i in range(len(call.operands)):
            operands = [
                constant(np.asarray(x)) if k == i else x for k, x in enumerate(call.operands)
            ]
            try:
                expected = evaluate(ENTRIES[function], call, operands)
            except Exception:  # nor does the usual one
                continue
            with everything():
                found = evaluate(ENTRIES[function], call, operands)
            if label(function) not in UNSPECIFIED | ONE_KIND:
                assert_close(found, expected)


def test_what_has_no_numpy_of_its_own_is_quoted_with_all_that_it_calls():
    """A convolution network with GELU, solve: self-contained."""
    rng = np.random.default_rng(0)
    x, w, a = rng.normal(size=(2, 2, 5, 5)), rng.normal(size=(3, 2, 3, 3)), rng.normal(size=(3, 3))

    def loss(w, a):
        h = F.max_pool2d(F.gelu(F.conv2d(x, w, padding=1)), 2, padding=1)
        h = F.dropout(F.avg_pool2d(h, 2), 0.5, rng=draws)
        return F.cross_entropy(np.linalg.solve(a, h.reshape(2, 3, 1))[..., 0], labels)

    draws, labels, both = np.random.default_rng(1), np.array([2, 0]), value_and_grad(loss, (0, 1))
    before = draws.bit_generator.state
    text = source(both, w, a)
    assert draws.bit_generator.state == before
    code = text[text.rindex("\ndef ") :]
    for called in ("conv2d(", "conv2d_weight(", "max_unpool(", "erf(", "np.linalg.solve(a, "):
        assert f" {called}" in code
    assert "autograd_lite" not in text
    found = text.load()(w, a)
    draws.bit_generator.state = before
    for p, q in zip(flatten(found)[0], flatten(both(w, a))[0], strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-12)  # eager, a slope of gelu is a quotient


CHOICES = (neural.relu, neural.leaky_relu, activations.silu, activations.gelu, activations.erf,
           np.arctan, lambda x: np.clip(x, -1.0, 1.0),
           lambda x: norms.powers(x, order=1.5))  # fmt: skip


@pytest.mark.parametrize("function", CHOICES)
def test_a_rule_that_looks_for_nan_or_infinity_stays_open(function):
    """What is recorded for other numbers makes the choice in each run, as steps of its own."""
    both = value_and_grad(lambda x: np.sum(function(x) * np.arange(4.0)))
    recording, _ = record_watched(both, (np.array([0.5, -2.0, 3.0, 0.1]),), {})
    assert not any(step.primitive.is_closed for step in recording.program.steps)
    with np.errstate(all="ignore"):
        for special in (np.nan, np.inf, -np.inf, 0.0):
            x = np.array([special, -0.3, 2.0, special])
            assert_close(recording.program.evaluate([x]), both(x))


POINTS = np.arange(12.0).reshape(3, 4) ** 2
PICKS = {
    "take_along_axis": lambda x: np.take_along_axis(POINTS, np.argsort(x, axis=-1), axis=-1),
    "take_along_axis, flat": lambda x: np.reshape(
        np.take_along_axis(POINTS, np.argsort(x, axis=None), axis=None), x.shape
    ),
    "interp": lambda x: np.interp(x, POINTS[0], POINTS[1]),
    "interp, period": lambda x: np.interp(x, POINTS[0], POINTS[1], period=40.0),
    "quantile": lambda x: np.quantile(POINTS, np.clip(x[0, 0], 0.0, 1.0)),
}


@pytest.mark.parametrize("pick", PICKS.values(), ids=PICKS)
def test_an_index_that_is_computed_picks_from_a_plain_array(pick):
    """The index is a step of the program, so other numbers pick others."""
    both = value_and_grad(lambda x: np.sum(pick(x) * x))
    first, other = np.random.default_rng(0).random((2, 3, 4))
    step = compile(both, back_end="numpy")
    step(first)
    assert_close(step(other), both(other))
    assert_close(source(both, first).load()(other), both(other))


def along_an_axis():
    """Return what goes along one axis when nothing is said, and over all numbers if axis=None."""
    for function in filter(callable, list(TABLE)):
        takes = inspect.signature(getattr(function, "function", function)).parameters
        axis = takes["axis"].default if "axis" in takes else None
        if type(axis) is int and len([p for p in takes.values() if p.default is p.empty]) == 1:
            yield function


def test_no_axis_is_written_where_the_usual_one_is_another():
    """A source may leave out what NumPy does anyway, and None is not always that."""
    x, tried = np.random.default_rng(0).random((3, 4)), 0
    for function in along_an_axis():

        def f(x, function=function):
            return np.sum(np.ravel(function(x, axis=None)) * np.arange(12.0)) + 0 * np.sum(x)

        try:
            expected = f(x)
        except TypeError:  # it takes no None
            continue
        assert_close(source(f, x).load()(x), expected)
        tried += 1
    assert tried > 3
