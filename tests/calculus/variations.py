"""Any call of any function, varied: other lengths and numbers of axes, special values.

Nothing here knows a function by its name. A variation counts where NumPy takes it,
so that a new entry of the table is driven with no line of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tests.calculus.cases import CASES, Call, reference, results_of

Function = Callable[..., Any]
ODD_OF_NOTHING = {
    *(np.fft.irfft, np.fft.irfft2, np.fft.irfftn, np.fft.hfft),  # memory as it is found
    *(np.nanquantile, np.nanpercentile),  # of the shape of one quantile, for many
}
"""What NumPy returns of no element is no value to compare with."""


def numpys(function: Function, call: Call) -> tuple[list[Any], set[str]] | None:
    """Return NumPy's results and what it warns of, or None where it does not take the call."""
    args, keywords = call.arguments()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            results = reference(function)(*args, **keywords)
        except (TypeError, ValueError, IndexError, ZeroDivisionError, np.linalg.LinAlgError):
            return None
    return results_of(results), {str(w.message) for w in caught}


def is_smooth(function: Function, call: Call) -> bool:
    """Whether results keep their shapes, and nearly their values, where all operands move a bit."""
    rng = np.random.default_rng(0)

    def moved(x: Any) -> Any:
        x = np.asarray(x)
        step = np.sqrt(np.finfo(x.dtype).eps) * rng.uniform(0.5, 1.0, x.shape)
        moved = x + step * np.maximum(np.abs(x), 1.0)
        return np.where(np.isfinite(x), moved, x).astype(x.dtype)

    with np.errstate(all="ignore"):
        elsewhere = tuple(map(moved, call.operands))
    there = numpys(function, replace(call, operands=elsewhere))
    here = numpys(function, call)
    if there is None or here is None:
        return False
    epsilon = max(np.finfo(np.asarray(x).dtype).eps for x in call.operands)
    close = [
        np.shape(a) == np.shape(b)
        and np.allclose(a, b, rtol=epsilon**0.25, atol=epsilon**0.25, equal_nan=True)
        for a, b in zip(here[0], there[0], strict=True)
        if np.asarray(a).dtype.kind in "fc"
    ]
    return bool(close) and all(close)


def arrays_changed(call: Call, change: Callable[[Any], Any]) -> Call:
    """Apply a change to every array of a call, the parameters among them."""

    def changed(x: Any) -> Any:
        if isinstance(x, (list, tuple)) and any(isinstance(i, np.ndarray) for i in x):
            return type(x)(map(changed, x))
        return change(x) if isinstance(x, np.ndarray) else x

    return replace(
        call,
        operands=tuple(map(changed, call.operands)),
        before=tuple(map(changed, call.before)),
        after=tuple(map(changed, call.after)),
        keywords={name: changed(x) for name, x in call.keywords.items()},
    )


def cut(call: Call, lengths: dict[int, int]) -> Call:
    """Cut all axes of one length to another: what fitted together still does.

    Its corner of a matrix far from singular is far from singular, and values that
    were distinct, positive or in order still are.
    """

    def corner(x: Any) -> Any:
        return x[tuple(slice(lengths.get(n, n)) for n in x.shape)]

    return arrays_changed(call, corner)


def stacked(call: Call, depths: list[int]) -> Call:
    """Put copies, each a little smaller, of operands along a new first axis."""

    def deeper(x: Any, depth: int) -> Any:
        shrunk = [np.asarray(x * (1.0 - k / 16)).astype(x.dtype) for k in range(depth)]
        return np.stack(shrunk) if depth else x

    operands = tuple(deeper(x, d) for x, d in zip(call.operands, depths, strict=True))
    return replace(call, operands=operands)


def axes(ndim: int) -> st.SearchStrategy[Any]:
    """An axis in any form; not always one that there is."""
    one = st.integers(-ndim, max(ndim - 1, 0))
    several = st.lists(one, max_size=2, unique=True).map(tuple)
    return st.one_of(st.none(), one, several)


@st.composite
def varied(draw: Any, function: Function) -> Call:
    """A call of other shapes, and of any axis, that NumPy takes and is not warned of."""
    call = draw(CASES[function])
    lengths = {n for x in call.operands for n in np.shape(x) if n > 1}
    new = {n: draw(st.sampled_from([n, n, n - 1, 1, 0])) for n in sorted(lengths)}
    call = cut(call, new)
    if draw(st.booleans()):
        depths = [draw(st.sampled_from([0, 1, 2])) for _ in call.operands]
        call = stacked(call, depths)
    if "axis" in call.keywords and draw(st.booleans()):
        axis = draw(axes(np.ndim(call.operands[0])))
        call = replace(call, keywords={**call.keywords, "axis": axis})
    if "keepdims" in call.keywords:
        call = replace(call, keywords={**call.keywords, "keepdims": draw(st.booleans())})
    if function in ODD_OF_NOTHING:
        assume(all(np.size(x) for x in call.operands))
    found = numpys(function, call)
    assume(found is not None and not found[1])
    return call


SPECIAL = {
    "zero": 0.0,
    "minus zero": -0.0,
    "denormal": 1e-310,
    "large": 1e30,
    "inf": np.inf,
    "minus inf": -np.inf,
    "nan": np.nan,
    "tie": None,
}


@st.composite
def with_special_value(draw: Any, function: Function) -> tuple[Call, Call, int, tuple[int, ...]]:
    """A call, the same with a special value somewhere, and where that is: operand and index."""
    call = draw(CASES[function])
    places = [i for i, x in enumerate(call.operands) if np.size(x)]
    assume(places)
    i = draw(st.sampled_from(places))
    x = np.array(call.operands[i])
    flat = draw(st.integers(0, x.size - 1))
    index = np.unravel_index(flat, x.shape)
    value = SPECIAL[draw(st.sampled_from(sorted(SPECIAL)))]
    if value is None:
        value = x.flat[draw(st.integers(0, x.size - 1))]
    x[index] = value
    operands = (*call.operands[:i], x, *call.operands[i + 1 :])
    special = replace(call, operands=operands)
    return call, special, i, tuple(map(int, index))
