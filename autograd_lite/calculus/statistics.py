"""Order, nan-aware and running statistics; differences and integrals along an axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..composite import as_array, composite
from ..primitive import derivative
from ..protocol import Axis
from ..quiet import quietly
from ..tensor import Tensor, form, is_recorded, measured, to_numpy
from .complex import C
from .reductions import (
    before,
    by_division,
    cast_like,
    keepdims_shape,
    normal,
    over,
    root,
    squared,
    sum_from_the_end,
)
from .shapes import item

# -- weighted and plain ------------------------------------------------------------------------


def _average(
    a: Any,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    axes = None if axis is None else normalize_axis_tuple(axis, np.ndim(a))
    if weights is None:
        mean = np.mean(a, axis=axes, keepdims=keepdims)
        total = np.zeros_like(mean) + np.size(a) / np.size(mean)
        return (mean, total) if returned else mean
    dtype = np.result_type(a, weights)
    dtype = dtype if np.result_type(a).kind in "fc" else np.result_type(dtype, np.float64)
    if np.shape(weights) != np.shape(a):
        assert axes is not None
        weights = np.transpose(weights, np.argsort(axes).tolist())
        weights = np.reshape(weights, [n if i in axes else 1 for i, n in enumerate(np.shape(a))])
    total = np.sum(weights, axis=axes, dtype=dtype, keepdims=keepdims)
    if np.any(to_numpy(total) == 0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    weighted = as_array(a).astype(dtype) * weights
    mean = np.sum(weighted, axis=axes, dtype=dtype, keepdims=keepdims) / total
    return (mean, np.broadcast_to(total, np.shape(mean))) if returned else mean


def _ptp(a: Any, axis: Axis = None, out: None = None, keepdims: bool = False) -> Any:
    largest = np.max(a, axis=axis, keepdims=keepdims)
    return largest - np.min(a, axis=axis, keepdims=keepdims)


def _cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    both = [m] if y is None else [m, y]
    dtype = np.result_type(np.float64, *map(to_numpy, both)) if dtype is None else dtype
    rows = _as_rows(m, rowvar).astype(dtype)
    if not np.shape(rows)[0]:
        return rows @ np.transpose(rows)
    if y is not None:
        rows = np.concatenate([rows, _as_rows(y, rowvar).astype(dtype)])
    ddof = (1 if bias == 0 else 0) if ddof is None else ddof
    if aweights is not None:
        aweights = np.real(aweights).astype(float)
    weights, total = _weights(fweights, aweights), np.shape(rows)[1]
    freedom: Any = total - ddof
    if weights is not None:
        total = np.sum(weights)
        lost = ddof if aweights is None else ddof * np.sum(weights * aweights) / total
        freedom = total - lost
    mean, _ = np.average(rows, axis=1, weights=weights, returned=True)
    from_mean = (rows - mean[:, None]).astype(dtype)
    other = from_mean if weights is None else from_mean * weights
    return np.squeeze(from_mean @ np.transpose(C(other)) / np.maximum(freedom, 0))


def _weights(fweights: Any, aweights: Any) -> Any:
    """Return how often each observation counts, and how much, in one; None where they are alike."""
    counts = None if fweights is None else to_numpy(fweights).astype(float)
    if counts is not None and not np.array_equal(counts, np.around(counts)):
        raise TypeError("fweights must be integer")
    if counts is not None and np.any(counts < 0):
        raise ValueError("fweights cannot be negative")
    if aweights is not None and np.any(to_numpy(aweights) < 0):
        raise ValueError("aweights cannot be negative")
    if aweights is None:
        return counts
    return aweights if counts is None else aweights * counts


def _as_rows(m: Any, rowvar: bool) -> Any:
    rows = np.atleast_2d(m)
    return rows if rowvar or np.ndim(m) < 2 else np.transpose(rows)


def _corrcoef(
    x: Any, y: Any = None, rowvar: bool = True, bias: Any = None, ddof: Any = None, *,
    dtype: Any = None,
) -> Any:  # fmt: skip
    # NumPy had bias and ddof before 2.4, which change nothing.
    c = _cov(x, y, rowvar, dtype=dtype)
    if np.ndim(c) == 0:
        return c / c
    spread = np.sqrt(np.real(np.diagonal(c)))
    return c / spread[:, None] / spread


composite(np.average, _average)
composite(np.ptp, _ptp)
composite(np.cov, _cov, chooses=["fweights"])
composite(np.corrcoef, _corrcoef)

# -- quantiles: sort, then weigh two neighbours ------------------------------------------------

_CONTINUOUS = {
    "linear": (1.0, 1.0),
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
"""α and β of the methods that interpolate; after Hyndman and Fan, "Sample Quantiles" (1996)."""


def _quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
    ignore_nan: bool = False,
) -> Any:
    if ignore_nan and not np.size(a):  # as NumPy does, of whatever shape q is
        return np.nanmean(a, axis=axis, keepdims=keepdims)
    q = as_array(q)
    if not np.all((to_numpy(q) >= 0) & (to_numpy(q) <= 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    axis = None if axis is None else normalize_axis_tuple(axis, np.ndim(a))
    rows = _together(a, axis)
    values = measured(rows)
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(rows, order, axis=-1)
    if not values.shape[-1]:
        nothing = np.sum(rows, axis=-1) * np.nan
        return np.broadcast_to(nothing, q.shape + np.shape(nothing))
    if weights is not None:
        shape = [1] * np.ndim(a)
        for i, n in zip(axis or (), np.shape(weights), strict=False):
            shape[i] = n
        weights = measured(weights)
        weights = weights if weights.shape == np.shape(a) else weights.reshape(shape)
        weights = _together(np.broadcast_to(weights, np.shape(a)), axis)
        weights = np.take_along_axis(weights, order, axis=-1)
    count = np.sum(~np.isnan(values), axis=-1) if ignore_nan else values.shape[-1]
    position = _position(q, count, values, method, weights)
    below = np.floor(measured(position)).astype(int)
    part = position - below
    if values.dtype.kind == "f":
        part = part.astype(np.result_type(values.dtype, q if q.ndim else 1.0))
    above = np.minimum(below + 1, values.shape[-1] - 1)
    grid = np.indices(position.shape[q.ndim :], sparse=True)
    low, high = item(ordered, (*grid, below)), item(ordered, (*grid, above))
    # A neighbour that is NaN or inf must not count with weight 0.
    step = quietly(np.subtract, high, low)
    step = np.where(((part == 0) | (part == 1)) & ~np.isfinite(step), 0.0, step)
    from_low, from_high = step * part, step * (1.0 - part)
    mixed = np.where(
        part < 0.5, quietly(np.add, low, from_low), quietly(np.subtract, high, from_high)
    )
    if method == "median":  # as a mean, which may be infinite where a slope is not known
        mixed = np.where(part == 0, low, quietly(np.add, low, high) / 2.0)
    if not ignore_nan and (is_recorded(values) or np.isnan(values).any()):
        mixed = np.where(np.isnan(values).any(axis=-1), np.nan, mixed)
    return np.reshape(mixed, q.shape + keepdims_shape(np.shape(a), axis)) if keepdims else mixed


def _position(q: Any, count: Any, values: Any, method: str, weights: Any) -> Any:
    """Return between which of the ordered values a quantile lies, counted from 0."""
    if method == "median" or method in _CONTINUOUS:
        alpha, beta = _CONTINUOUS.get(method, (1.0, 1.0))
        q = np.reshape(q, q.shape + (1,) * (values.ndim - 1))
        last = np.maximum(count - 1, 0)
        between = q * (last + 2.0 - alpha - beta) + (alpha - 1.0)
        between = between if method in ("linear", "median") else np.clip(between, 0, last)
        return np.broadcast_to(between, q.shape[: np.ndim(q) - values.ndim + 1] + values.shape[:-1])
    # NumPy's quantile of 0, 1, 2, … is the index.
    ramp = np.broadcast_to(np.arange(float(values.shape[-1])), values.shape)
    ramp = np.where(ramp < np.expand_dims(count, -1), ramp, np.nan)
    more = {} if weights is None else {"weights": np.where(np.isnan(ramp), 0.0, weights)}
    found: Any = np.nanquantile(ramp, to_numpy(q), axis=-1, method=method, **more)  # type: ignore[call-overload]
    return np.nan_to_num(found)


def _together(a: Any, axis: Axis) -> Any:
    """Bring the axes of a reduction together, last."""
    if axis is None:
        return np.ravel(a)
    axes = axis if isinstance(axis, tuple) else (axis,)
    rest = [i for i in range(np.ndim(a)) if i not in axes]
    turned = np.transpose(a, (*rest, *axes))
    count = math.prod(np.shape(a)[i] for i in axes)
    return np.reshape(turned, (*(np.shape(a)[i] for i in rest), count))


def _percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
    ignore_nan: bool = False,
) -> Any:
    q = q if isinstance(q, (Tensor, int, float)) else np.asarray(q)
    if not np.all((to_numpy(q) >= 0) & (to_numpy(q) <= 100)):
        raise ValueError("Percentiles must be in the range [0, 100]")
    dtype = np.result_type(a)
    q = np.divide(q, dtype.type(100) if dtype.kind == "f" else 100)
    return _quantile(
        a, q, axis, method=method, keepdims=keepdims, weights=weights, ignore_nan=ignore_nan
    )


def _median(
    a: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
    *,
    ignore_nan: bool = False,
) -> Any:
    return _quantile(a, 0.5, axis, method="median", keepdims=keepdims, ignore_nan=ignore_nan)


composite(np.quantile, _quantile, chooses=["weights"])
composite(np.percentile, _percentile, chooses=["weights"])
composite(np.median, _median)

# -- without NaN -------------------------------------------------------------------------------


def _nan_to(a: Any, number: float) -> Any:
    lost = np.isnan(measured(a))
    return np.where(lost, number, a) if is_recorded(a) or lost.any() else a


def _count(a: Any, axis: Axis, keepdims: bool, where: Any) -> Any:
    return np.sum(~np.isnan(measured(a)), axis=axis, keepdims=keepdims, where=measured(where))


def _given(initial: Any, where: Any) -> dict[str, Any]:
    more = {} if initial is None else {"initial": initial}
    return more if where is True else {**more, "where": where}


def _nan_extreme(function: Callable[..., Any], worst: float) -> Callable[..., Any]:
    def extreme(
        a: Any, axis: Axis = None, out: None = None, keepdims: bool = False, initial: Any = None,
        where: Any = True,
    ) -> Any:  # fmt: skip
        nan = initial is not None and np.isnan(to_numpy(initial))
        more = _given(worst if nan else initial, where)
        found = function(_nan_to(a, worst), axis=axis, keepdims=keepdims, **more)
        if not nan and initial is not None:
            return found
        nothing = _count(a, axis, keepdims, where) == 0
        return np.where(nothing, np.nan, found) if is_recorded(a) or nothing.any() else found

    return extreme


def _of_rest(function: Callable[..., Any], number: float) -> Callable[..., Any]:
    def rest(
        a: Any, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False,
        initial: Any = None, where: Any = True,
    ) -> Any:  # fmt: skip
        more = _given(initial, where)
        return function(_nan_to(a, number), axis=axis, dtype=dtype, keepdims=keepdims, **more)

    return rest


_nansum, _nanprod = _of_rest(np.sum, 0.0), _of_rest(np.prod, 1.0)


def _nanmean(
    a: Any, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False, *,
    where: Any = True,
) -> Any:  # fmt: skip
    total = _nansum(a, axis, dtype, keepdims=keepdims, where=where)
    return over(total, _count(a, axis, keepdims, where))


def _nanvar(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    if mean is None:
        mean = _nanmean(a, axis, dtype, keepdims=True, where=where)
    from_mean = np.where(np.isnan(measured(a)) | ~measured(where), 0.0, a - mean)
    squares = np.sum(squared(from_mean), axis=axis, dtype=dtype, keepdims=keepdims)
    left = _count(a, axis, keepdims, where) - (ddof if correction is None else correction)
    return over(squares, np.where(left > 0, left, np.nan))


def _nanstd(a: Any, axis: Axis = None, dtype: Any = None, out: None = None, **kwargs: Any) -> Any:
    return root(np.nanvar(a, axis=axis, dtype=dtype, **kwargs))


composite(np.nansum, _nansum)
composite(np.nanprod, _nanprod)
composite(np.nanmean, _nanmean)
composite(np.nanvar, _nanvar)
composite(np.nanstd, _nanstd)
composite(np.nanmax, _nan_extreme(np.max, -np.inf))
composite(np.nanmin, _nan_extreme(np.min, np.inf))
composite(np.nancumsum, lambda a, axis=None, dtype=None: np.cumsum(_nan_to(a, 0.0), axis, dtype))
composite(np.nancumprod, lambda a, axis=None, dtype=None: np.cumprod(_nan_to(a, 1.0), axis, dtype))
composite(np.nanquantile, partial(_quantile, ignore_nan=True), chooses=["weights"])
composite(np.nanpercentile, partial(_percentile, ignore_nan=True), chooses=["weights"])
composite(np.nanmedian, partial(_median, ignore_nan=True))

# -- running products and sums -----------------------------------------------------------------


def _running_product_rule(g: Any, a: Any, out: Any, axis: int) -> Any:
    return by_division(
        a,
        normal(out),
        lambda a: sum_from_the_end(g * out, axis) / a,
        lambda a: _without_division(g, a, axis),
    )


def _without_division(g: Any, a: Any, axis: int) -> Any:
    """Return the same, also where a number is 0.

    xᵢ is in every product from the i-th: Πₖ﹤ᵢ xₖ · Σⱼ gⱼ Πᵢ﹤ₖ≤ⱼ xₖ.
    """
    g, a = np.moveaxis(g, axis, -1), np.moveaxis(a, axis, -1)
    return np.moveaxis(before(a) * _after(g, a), -1, axis)


def _after(g: Any, a: Any) -> Any:
    """Return Σⱼ gⱼ Πᵢ﹤ₖ≤ⱼ aₖ over j ≥ i: its first 1, 2, 4, … terms, until there are no more."""
    sums, products = g, a[..., 1:]
    for i in range((g.shape[-1] - 1).bit_length()):
        n = 2**i
        more = sums[..., :-n] + products * sums[..., n:]
        sums = np.concatenate([more, sums[..., -n:]], axis=-1)
        products = products[..., :-n] * products[..., n:]
    return sums


running_product = derivative(
    lambda a, axis: np.cumprod(a, axis),
    name="cumprod",
    a=lambda g, a, out, axis: _running_product_rule(g, a, out, axis),
)


def _cumprod(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    if dtype is not None:
        return _cumprod(as_array(a).astype(dtype), axis).astype(dtype)
    return running_product(np.ravel(a), axis=0) if axis is None else running_product(a, axis=axis)


composite(np.cumprod, _cumprod)


def _cumulative(function: Callable[..., Any], first: float) -> Callable[..., Any]:
    def cumulative(
        x: Any, /, *, axis: int | None = None, dtype: Any = None, out: None = None,
        include_initial: bool = False,
    ) -> Any:  # fmt: skip
        x, axis = np.atleast_1d(x), axis or 0  # None is allowed for one axis only
        result = function(x, axis=axis, dtype=dtype)
        if include_initial:
            shape = list(np.shape(x))
            shape[axis] = 1
            start = np.full(shape, first, np.result_type(form(result)))
            result = np.concatenate([start, result], axis)
        return result

    return cumulative


# NumPy has these from 2.1 on.
for _name, _function, _first in (
    ("cumulative_sum", np.cumsum, 0.0),
    ("cumulative_prod", np.cumprod, 1.0),
):
    if hasattr(np, _name):
        composite(getattr(np, _name), _cumulative(_function, _first))

# -- differences and integrals -----------------------------------------------------------------


def _at(axis: int, ndim: int, start: int | None, stop: int | None) -> tuple[Any, ...]:
    return (slice(None),) * (axis % ndim) + (slice(start, stop),)


def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    if n == 0:
        return a  # without borders
    ndim = np.ndim(a)
    pieces = [_border(prepend, a, axis), a, _border(append, a, axis)]
    pieces = [p for p in pieces if p is not None]
    a = np.concatenate(pieces, axis) if len(pieces) > 1 else a
    for _ in range(n):
        a = a[_at(axis, ndim, 1, None)] - a[_at(axis, ndim, None, -1)]
    return a


def _border(given: Any, a: Any, axis: int) -> Any:
    if given is None:
        return None
    if np.ndim(given) == 0:
        shape = list(np.shape(a))
        shape[axis] = 1
        return np.broadcast_to(given, tuple(shape))
    return given


def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    flat = np.ravel(ary)
    pieces = [
        None if to_begin is None else np.ravel(to_begin).astype(np.result_type(ary)),
        flat[1:] - flat[:-1],
        None if to_end is None else np.ravel(to_end).astype(np.result_type(ary)),
    ]
    return np.concatenate([p for p in pieces if p is not None])


def _trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    ndim = np.ndim(y)
    width: Any = dx
    if x is not None:
        width = np.diff(x, axis=axis if np.ndim(x) > 1 else 0)
        if np.ndim(x) == 1:
            shape = [1] * ndim
            shape[axis] = -1
            width = np.reshape(width, tuple(shape))
    height = (y[_at(axis, ndim, 1, None)] + y[_at(axis, ndim, None, -1)]) / 2.0
    return np.sum(width * height, axis=axis)


def _inexact(x: Any) -> Any:
    x = as_array(x)
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f, *given = map(_inexact, (f, *varargs))  # whole numbers may wrap in differences
    axes = range(np.ndim(f)) if axis is None else normalize_axis_tuple(axis, np.ndim(f))
    steps: list[Any] = given or [1.0]
    steps = steps * len(axes) if len(steps) == 1 else steps
    results = tuple(_slope(f, h, i, edge_order) for i, h in zip(axes, steps, strict=True))
    return results[0] if len(axes) == 1 else results


def _slope(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    """Return the slope of the parabola through three neighbours; at an edge, of a line or one.

    The derivative of Lagrange's polynomial, term by term as in NumPy.
    """
    f = np.moveaxis(f, axis, -1)
    n = np.shape(f)[-1]
    d = h[1:] - h[:-1] if np.ndim(h) else h + cast_like(np.zeros(n - 1), f)
    left, right = d[:-1], d[1:]
    lines = (f[..., 1:] - f[..., :-1]) / d
    both = left + right
    low, middle, high = f[..., :-2], f[..., 1:-1], f[..., 2:]
    if np.all(to_numpy(left) == to_numpy(right)):
        inner = (high - low) / both
    else:
        weights = -right / (left * both), (right - left) / (left * right), left / (right * both)
        inner = weights[0] * low + weights[1] * middle + weights[2] * high
    first, last = lines[..., :1], lines[..., -1:]
    if edge_order != 1:
        first = (_edge(d[:1], d[1:2]) * f[..., :3]).sum(axis=-1, keepdims=True)
        last = (-_edge(d[-1:], d[-2:-1]) * f[..., -1:-4:-1]).sum(axis=-1, keepdims=True)
    slopes = np.concatenate([first, inner, last], axis=-1)
    return np.moveaxis(slopes.astype(np.result_type(f)), -1, axis)


def _edge(near: Any, far: Any) -> Any:
    """Return the weights of three values, from the edge inwards, in the slope at the edge."""
    both = near + far
    return np.concatenate([
        -(near + both) / (near * both), both / (near * far), -near / (far * both)
    ])  # fmt: skip


composite(np.diff, _diff)
composite(np.ediff1d, _ediff1d)
composite(np.trapezoid, _trapezoid)
composite(np.gradient, _gradient)
