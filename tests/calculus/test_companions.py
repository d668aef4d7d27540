"""What stands beside an operand may be of any dtype: the result is NumPy's, and so is the gradient.

Nothing here knows a function by its name. Each array of a call of `cases.py` is given in turn
as whole numbers of every dtype. Value and dtype must be NumPy's; the gradients of the others
must be those beside the same numbers in double precision, which other tests hold against
numerical differences.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from autograd_lite import Tensor
from autograd_lite.composite import Composite
from autograd_lite.primitive import Primitive
from tests.calculus import test_surface as surface
from tests.calculus.cases import ENTRIES, NOT_UNIQUE, label, results_of
from tests.calculus.test_surface import (
    Arguments,
    calls,
    floats,
    is_documented,
    is_numpys,
    on,
    outcome,
    places,
    put,
    tensor,
)

pytestmark = surface.pytestmark
FUNCTIONS = [f for f in surface.FUNCTIONS if isinstance(ENTRIES[f], (Primitive, Composite))]
every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=label)
WHOLE = [np.dtype(c) for c in "?bBhHiIqQ"]
FLOATS = [np.dtype(c) for c in "efdg"]


def companions(x: np.ndarray) -> Iterator[Any]:
    """Yield whole numbers of every dtype: small ones and, of bytes and the longest, the largest."""
    if x.dtype.kind in "iu":  # an index, or a count
        yield from (x.astype(d) for d in WHOLE[1:] if d.kind == "i" or np.all(x >= 0))
    if x.dtype.kind != "f":
        return
    yield from (small(x).astype(d) for d in (*WHOLE, *FLOATS))
    for limits in map(np.iinfo, "bBqQ"):
        ends = itertools.cycle([limits.max, limits.min, 1])
        yield np.array(list(itertools.islice(ends, x.size)), limits.dtype).reshape(x.shape)
    yield from (2, 2.0)


def small(x: np.ndarray) -> np.ndarray:
    return np.abs(np.rint(3.0 * np.nan_to_num(x)))


def at(given: Arguments, place: Any) -> Any:
    key, inner = place
    argument = given.args[key] if isinstance(key, int) else given.kwargs[key]
    return argument if inner is None else argument[inner]


def gradients(function: Any, given: Arguments, place: Any) -> tuple[Any, list[np.ndarray]]:
    """Return the result, and its gradients by all floats but the one in a place."""
    leaves: list[Tensor] = []

    def leaf(x: np.ndarray) -> Any:
        if x.dtype.kind not in "fc":
            return Tensor(x) if x.dtype.kind in "iub" else x
        leaves.append(Tensor(x, requires_grad=True))
        return leaves[-1]

    result = outcome(function, put(on(put(given, place, None), leaf), place, at(given, place)))
    if isinstance(result, Exception):
        return result, []
    found = NOT_UNIQUE.get(function, lambda r: r)(result)
    found = [r for r in results_of(found) if getattr(r, "requires_grad", False)]
    with np.errstate(all="ignore"):
        for i, r in enumerate(found):
            r.backward(np.cos(np.arange(r.size) + i).reshape(r.shape).astype(r.dtype))
    return result, [np.zeros(t.shape) if t.grad is None else t.grad for t in leaves]


def in_single(given: Arguments) -> Arguments:
    return on(given, lambda x: x.astype(np.float32) if x.dtype == np.float64 else x)


def numbers(result: Any) -> list[Any]:
    return [np.asarray(r.numpy() if isinstance(r, Tensor) else r) for r in results_of(result)]


def alike(a: Any, b: Any, precision: float) -> bool:
    """Whether arrays are the same but for rounding, of whatever dtype they are."""
    with np.errstate(all="ignore"):
        close = precision * np.max(np.abs(b[np.isfinite(b)]), initial=1.0)
        return a.shape == b.shape and np.allclose(
            a, b, rtol=precision, atol=close, equal_nan=a.dtype.kind in "fc"
        )


@every_function
def test_companions_of_every_dtype(function):
    given = max(calls(function, 30), key=lambda call: len(list(places(call))))
    arrays = list(places(given))
    for place, x in arrays if len(arrays) > 1 else []:
        references: dict[bytes, Any] = {}
        for companion in companions(x):
            compare(function, put(in_single(given), place, companion))
            call = put(given, place, companion)
            result, found = gradients(function, call, place)
            if compare(function, call, result) and found:
                exact = np.asarray(companion, np.float64 if x.dtype.kind == "f" else np.int64)
                key = exact.tobytes()
                if key not in references:
                    references[key] = gradients(function, put(given, place, exact), place)
                precision = 64 * max(np.finfo(d).eps for d in floats(call) or [np.float64])
                holds = hold((result, found), references[key], precision)
                assert holds, (
                    f"{label(function)} at {place} {companion!r}: {found}, {references[key]}"
                )


def hold(found: Any, reference: Any, precision: float) -> bool:
    """Whether gradients are those of a reference, where NumPy reads both calls alike."""
    pairs = zip(numbers(found[0]), numbers(reference[0]), strict=True)
    if not all(alike(a, b, precision) for a, b in pairs):
        return True
    return all(alike(a, b, precision) for a, b in zip(found[1], reference[1], strict=True))


@every_function
def test_all_of_one_dtype(function):
    for given in calls(function):
        for dtype in (*FLOATS, np.dtype(np.int8), np.dtype(np.int64)):
            compare(function, on(given, lambda x, d=dtype: in_dtype(x, d)))


def in_dtype(x: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    if x.dtype.kind != "f":
        return x
    return x.astype(dtype) if dtype.kind == "f" else small(x).astype(dtype)


def compare(function: Any, call: Arguments, result: Any = None) -> bool:
    """Assert that a result is NumPy's; return whether there are floats in it."""
    expected = outcome(function, on(call, np.copy))
    result = outcome(function, on(call, tensor)) if result is None else result
    if isinstance(expected, Exception):
        holds = isinstance(result, type(expected)) or is_documented(result, expected)
    else:
        holds = is_numpys(function, call, result, expected)
    assert holds, f"{label(function)} {call}: NumPy {expected!r:.200}, ours {result!r:.300}"
    failed = isinstance(expected, Exception) or isinstance(result, Exception)
    return not failed and any(r.dtype.kind in "fc" for r in numbers(expected))
