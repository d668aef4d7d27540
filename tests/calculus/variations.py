"""Any call of any function, varied: other lengths and numbers of axes, special values.

Nothing here knows a function by its name. A variation counts where NumPy takes it,
so that a new entry of the table is driven with no line of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

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
UNORDERED = {np.partition}
"""Only one place of the result is determined."""


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
    """Put copies of operands, each a little smaller and moved, along a new first axis."""

    def deeper(x: Any, depth: int) -> Any:
        shrunk = [np.asarray(x * (1.0 - k / 16) + k / 128).astype(x.dtype) for k in range(depth)]
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


def special_values(dtype: Any) -> dict[str, float]:
    limits = np.finfo(dtype)
    return {
        "zero": 0.0,
        "minus zero": -0.0,
        "denormal": 8.0 * float(limits.smallest_subnormal),
        "large": float(limits.max) ** 0.25,
        "minus large": -(float(limits.max) ** 0.25),
        "inf": np.inf,
        "minus inf": -np.inf,
        "nan": np.nan,
    }


def handed_on(function: Function) -> bool:
    """Whether a library is handed the whole array: what it makes of infinities is its affair."""
    module = getattr(function, "__module__", None)
    return module in ("numpy.linalg", "numpy.fft") or function in (np.roots, np.poly, np.polyfit)


NOT_TAKEN: list[tuple[Function, Callable[[Call, int, float], bool], str]] = [
    (np.interp, lambda call, i, value: i == 1, "its second argument must increase"),
    (np.interp, lambda call, i, value: i == 2 and np.isinf(value), "only the order decides of NaN"),
    *[
        (f, lambda call, i, value: not value >= 0 or i == 1, "by y, there is none where x < 0")
        for f in (np.power, np.float_power)
    ],
    (
        np.quantile,
        lambda call, i, value: np.isinf(value) and call.keywords.get("method") == "midpoint",
        "between inf and inf, NumPy's midpoint is NaN",
    ),
    *[
        (f, lambda call, i, value: np.isinf(value), "NumPy returns NaN for a quantile of [inf]")
        for f in (np.nanquantile, np.nanpercentile)
    ],
    *[
        (f, lambda call, i, value: _negative(call.keywords.get("ord", call.after[:1])), "1/0")
        for f in (np.linalg.norm, np.linalg.vector_norm)
    ],
]
"""Special values that are left out, with the reason: (function, which, why)."""


def _negative(order: Any) -> bool:
    order = order[0] if isinstance(order, tuple) and order else order
    return isinstance(order, (int, float)) and order < 0


class Special(NamedTuple):
    """A call, the same call with a special value in it, and where that stands."""

    clean: Call
    call: Call
    operand: int
    index: tuple[int, ...]
    what: str


@st.composite
def with_special_value(draw: Any, function: Function) -> Special:
    """Put a special value, or one that another element has too, anywhere into a call."""
    clean = draw(CASES[function])
    floats = [i for i, x in enumerate(clean.operands) if np.size(x) and x.dtype.kind == "f"]
    assume(floats)
    i = draw(st.sampled_from(floats))
    x = clean.operands[i]
    index = tuple(map(int, np.unravel_index(draw(st.integers(0, x.size - 1)), x.shape)))
    known = special_values(x.dtype)
    if handed_on(function):
        known = {what: value for what, value in known.items() if not abs(value) > 1.0}
    what = draw(st.sampled_from([*known, "tie"]))
    value = x.flat[draw(st.integers(0, x.size - 1))] if what == "tie" else known[what]
    assume(not any(f is function and holds(clean, i, value) for f, holds, _ in NOT_TAKEN))
    return Special(clean, clean.with_value(i, index, value), i, index, what)
