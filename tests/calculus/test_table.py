"""Every entry of the table has a case, and computes what NumPy computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from autograd_lite import Tensor
from autograd_lite.composite import Composite
from autograd_lite.primitive import Primitive
from tests.calculus.cases import (
    CASES,
    DIFFERENTIABLE,
    ENTRIES,
    EXPLORING,
    INTERNAL,
    REACHED,
    Call,
    evaluate,
    is_internal,
    label,
    leaves,
    reference,
    some,
)

FUNCTIONS = sorted(ENTRIES, key=label)
pytestmark = pytest.mark.filterwarnings("ignore:`row_stack` alias:DeprecationWarning")
every_entry = pytest.mark.parametrize("function", FUNCTIONS, ids=label)
# Their answers are not values on the tape: a number is a number, a text a text.
UNSPECIFIED = {np.empty_like}


def forall(function, check, count):
    """Run a check on generated calls of a function."""

    @settings(max_examples=1000 if EXPLORING else count)
    @given(CASES[function])
    def run(call: Call) -> None:
        check(call)

    run()


@every_entry
def test_every_entry_has_a_case(function):
    assert function in CASES, f"cases.py says nothing about {ENTRIES[function]!r}"


COUNTED = 322
"""So many functions of NumPy 2.4 have an entry; older ones lack a few of them."""


def test_there_are_enough_entries():
    numpys = [f for f in ENTRIES if not is_internal(f)]
    assert len(numpys) >= 0.97 * COUNTED, "functions are missing: were they meant to go?"
    assert all(isinstance(ENTRIES[f], (Primitive, Composite)) for f in DIFFERENTIABLE)


def test_every_internal_primitive_can_be_held_against_something():
    internal = {f for f in ENTRIES if is_internal(f)}
    fused = {f for f in internal if ENTRIES[f].decomposition}
    public = {e.name for f, e in ENTRIES.items() if f not in internal}
    without = internal - fused - set(INTERNAL)
    assert without <= {f for f in REACHED if f in internal} | {
        f for f in internal if ENTRIES[f].name in public
    }


def plain(result: Any) -> Any:
    """Return results as arrays and other plain things."""
    if isinstance(result, (list, tuple)):
        return [plain(r) for r in result]
    return result.data if isinstance(result, Tensor) else result


def assert_same(actual: Any, expected: Any, epsilon: float) -> None:
    if isinstance(expected, (list, tuple)) and not isinstance(expected, np.dtype):
        assert len(actual) == len(expected)
        for a, e in zip(actual, expected, strict=True):
            assert_same(a, e, epsilon)
        return
    if not isinstance(expected, (np.ndarray, np.generic)):
        assert actual == expected
        return
    assert np.shape(actual) == np.shape(expected)
    assert actual.dtype == expected.dtype
    if expected.dtype.kind not in "fc":
        np.testing.assert_array_equal(actual, expected)
    else:
        # NumPy's own last digits depend on how an array lies in memory, and a Tensor's is a copy.
        close = 64 * epsilon
        finite = np.abs(expected[np.isfinite(expected)])
        np.testing.assert_allclose(
            actual, expected, rtol=close, atol=close * np.max(finite, initial=1.0)
        )


def on_tensors(function, call: Call, operands: Any) -> Any:
    """Call as a program does: through NumPy where the function is NumPy's."""
    if is_internal(function):
        return evaluate(ENTRIES[function], call, operands)
    args, keywords = call.arguments(operands)
    if function is np.ndarray.astype:
        return args[0].astype(**keywords)
    return function(*args, **keywords)


def compare(function, call: Call) -> None:
    args, keywords = call.arguments()
    with np.errstate(all="ignore"):
        expected = reference(function)(*args, **keywords)
    kinds = [np.asarray(x).dtype for x in call.operands]
    epsilon = max([np.finfo(k).eps for k in kinds if k.kind in "fc"], default=2.0**-52)
    for operands in (leaves(call), [Tensor(x) for x in call.operands]):
        with np.errstate(all="ignore"):
            result = plain(on_tensors(function, call, operands))
        if function in UNSPECIFIED:
            assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
        else:
            assert_same(result, expected, epsilon)


@every_entry
def test_values_are_numpys(function):
    for call in some(function, 30):
        compare(function, call)
    forall(function, lambda call: compare(function, call), 3)
