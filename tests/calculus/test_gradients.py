"""Every rule of every entry, against numerical derivatives."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

from autograd_lite import Tensor
from autograd_lite.calculus.comparisons import Unrecorded
from autograd_lite.primitive import Primitive
from autograd_lite.tensor import constant
from autograd_lite.testing import check_gradients
from tests.calculus.cases import (
    DIFFERENTIABLE,
    ENTRIES,
    EXPLORING,
    NOT_UNIQUE,
    Call,
    evaluate,
    label,
    leaves,
    results_of,
    some,
)
from tests.calculus.test_table import forall

HAVE_A_DERIVATIVE = sorted(
    (
        f
        for f, e in ENTRIES.items()
        if f in DIFFERENTIABLE or not isinstance(e, (Primitive, Unrecorded))
    ),
    key=label,
)
with_a_derivative = pytest.mark.parametrize("function", HAVE_A_DERIVATIVE, ids=label)
with_rules = pytest.mark.parametrize("function", sorted(DIFFERENTIABLE, key=label), ids=label)


def program(entry, call):
    """The call as a function of its operands."""

    look = NOT_UNIQUE.get(entry.function, lambda result: result)

    def f(*operands):
        return look(evaluate(entry, call, operands))

    f.__name__, f.look = entry.name, look
    return f


def has_a_value(function, call):
    """Whether a call gives numbers: beside NaN there is nothing to compare with.

    And the same ones however its operands lie in memory, which order="K" asks for.
    """

    def numbers(operands):
        with np.errstate(all="ignore"):
            results = results_of(program(ENTRIES[function], call)(*map(constant, operands)))
        return [r.numpy() for r in results if isinstance(r, Tensor) and r.dtype.kind in "fc"]

    given = numbers(call.operands)
    if any(np.any(np.isnan(r)) for r in given):
        return False
    if "order" not in call.keywords:
        return True
    copies = numbers([np.array(x, order="C") for x in call.operands])
    return all(map(np.array_equal, given, copies))


@with_a_derivative
def test_first_and_second_order(function):
    def check(call: Call) -> None:
        if has_a_value(function, call):
            check_gradients(program(ENTRIES[function], call), *call.operands)

    for call in some(function, 12):
        check(call)
    if EXPLORING:  # where Hypothesis looks for a failure, and shrinks it
        forall(function, check, 1000)


@with_a_derivative
def test_third_order(function):
    for call in some(function, 3)[1:2]:
        if function is np.linalg.det and np.linalg.matrix_rank(call.operands[0]).min() < 2:
            continue  # beside a singular matrix, rounding in its inverse hides the third order
        check_gradients(program(ENTRIES[function], call), *call.operands, order=3)


@with_a_derivative
def test_gradients_are_arrays_of_their_own(function):
    """Of their operand's dtype and shape, and in nobody else's memory."""

    def check(call: Call) -> None:
        operands = leaves(call)
        results = evaluate(ENTRIES[function], call, operands)
        results = [r for r in results_of(results) if getattr(r, "requires_grad", False)]
        upstream = [np.ones_like(r.numpy()) for r in results]
        for result, g in zip(results, upstream, strict=True):
            result.backward(g)
        held = [*upstream, *[t.numpy() for t in (*operands, *results)]]
        for t in operands:
            if t.grad is None:
                # a split into nothing, a number of elements; or only its shape, or comparisons
                assert not results or function in (np.full_like, np.setdiff1d, np.intersect1d)
                continue
            assert type(t._read_grad()) is np.ndarray
            assert (t.grad.shape, t.grad.dtype) == (t.shape, t.dtype)
            assert t.grad.flags.writeable
            assert not any(np.shares_memory(t.grad, other) for other in held)
            held.append(t.grad)

    forall(function, check, 10)


@with_a_derivative
def test_an_operand_that_is_used_twice(function):
    """f(x, x) has the sum of both gradients."""
    for call in some(function, 6):
        if len(call.operands) < 2 or len({(x.shape, x.dtype) for x in call.operands}) > 1:
            continue
        x = Tensor(call.operands[0], requires_grad=True)
        twins = [Tensor(call.operands[0], requires_grad=True) for _ in call.operands]
        for operands in ([x] * len(twins), twins):
            with np.errstate(all="ignore"):
                result = evaluate(ENTRIES[function], call, operands)
            for r in results_of(result):
                r.backward(np.ones_like(r.numpy()))
        total = np.sum([t.grad for t in twins], axis=0)
        np.testing.assert_allclose(x.grad, total, rtol=1e-5, atol=1e-12)


QUANTILES = (np.quantile, np.nanquantile, np.percentile, np.nanpercentile)


@with_a_derivative
def test_mixed_with_plain_operands(function):
    """Each operand alone on the tape, the others plain arrays, read-only, in any layout."""
    for call in some(function, 3):
        for i, x in enumerate(call.operands):
            if function in QUANTILES and x.dtype == np.float32:
                continue  # beside doubles, a plain q in single precision is another number

            def alone(t, call=call, i=i):
                return program(ENTRIES[function], call)(
                    *call.operands[:i], t, *call.operands[i + 1 :]
                )

            check_gradients(alone, x, order=1)


# -- the rules themselves, as the engine calls them -------------------------------------------


def frozen(array):
    """A view that cannot be written into."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view[()] if view.ndim == 0 else view


@with_rules
def test_rules_on_arrays(function):
    """No warning, no write, no other dtype, nothing of the operands in the result."""
    entry = DIFFERENTIABLE[function]

    for call in some(function, 12):
        operands = [constant(frozen(x)) for x in call.operands]
        for t in operands:
            t._requires = t.dtype.kind in "fc"
        for result in results_of(evaluate(entry, call, operands)):
            made = [result, *(x for x in result.tape.operands if isinstance(x, Tensor))]
            for t in made:  # of several outputs, the bundle that they are parts of
                if t.tape.primitive is entry and entry.name != "output":
                    check_rules(entry, t)


def check_rules(entry, t):
    out, values = t._value, t.tape.values
    arrays = [x for x in values if isinstance(x, (np.ndarray, np.generic))]
    outs = out if isinstance(out, tuple) else (out,)
    upstream = [frozen(np.ones_like(x)) for x in outs]
    known = {
        "g": upstream if isinstance(out, tuple) else upstream[0],
        "out": out,
        **t.tape.parameters,
    }
    known |= (
        {entry.operands[0]: values}
        if entry.variadic
        else dict(zip(entry.operands, values, strict=True))
    )
    single = all(x.dtype in (np.float32, np.complex64) for x in (*arrays, *outs))
    for rule in entry._all_rules():
        names = inspect.signature(rule).parameters
        arguments = {name: known[name] for name in names if name in known}
        with warnings.catch_warnings(), np.errstate(divide="raise", invalid="raise", over="raise"):
            warnings.simplefilter("error")
            contributions = rule(**arguments)
        for c in contributions if isinstance(contributions, (tuple, list)) else [contributions]:
            if c is not None:
                assert not single or c.dtype in (np.float32, np.complex64)
                assert not any(np.shares_memory(c, x) for x in (*arrays, *outs))


# -- fused primitives ------------------------------------------------------------------------------


FUSED = sorted((f for f, e in DIFFERENTIABLE.items() if e.decomposition), key=label)


@pytest.mark.parametrize("function", FUSED, ids=label)
def test_a_fused_primitive_is_what_it_stands_for(function):
    entry = DIFFERENTIABLE[function]

    def check(call: Call) -> None:
        fused, unfused = leaves(call), leaves(call)
        args, keywords = call.arguments(unfused)
        ours, theirs = evaluate(entry, call, fused), entry.decomposition(*args, **keywords)
        tolerance = 64 * np.finfo(ours.dtype).eps
        close = {"rtol": tolerance, "atol": tolerance}
        np.testing.assert_allclose(ours.data, theirs.data, **close)
        g = np.linspace(-1.0, 2.0, ours.size, dtype=ours.dtype).reshape(ours.shape)
        ours.backward(g)
        theirs.backward(g)
        for a, b in zip(fused, unfused, strict=True):
            np.testing.assert_allclose(a.grad, b.grad, **close)

    assert FUSED
    forall(function, check, 40)
