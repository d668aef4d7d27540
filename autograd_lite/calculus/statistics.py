"""Order, nan-aware and running statistics; differences and integrals along an axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..array_methods import Axis
from ..composite import composite
from ..errors import UnsupportedArgumentError
from ..primitive import derivative
from ..tape import quietly
from ..tensor import Tensor, plain
from .complex import C
from .reductions import before, kept, like, normal, over, root, sum_from_the_end

# -- weighted and plain ------------------------------------------------------------------------


def _average(
    a: Any,
    axis: Axis = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    if weights is None:
        mean = np.mean(a, axis=axis, keepdims=keepdims)
        total = np.zeros_like(mean) + np.size(a) / np.size(mean)
        return (mean, total) if returned else mean
    if np.shape(weights) != np.shape(a):
        axes = axis if isinstance(axis, tuple) else (axis,)
        shape = [1] * np.ndim(a)
        for i, n in zip(axes, np.shape(weights), strict=True):
            assert i is not None
            shape[i] = n
        weights = np.reshape(weights, tuple(shape))
    weights = weights + np.zeros(np.shape(a))
    total = np.sum(weights, axis=axis, keepdims=keepdims)
    mean = np.sum(a * weights, axis=axis, keepdims=keepdims) / total
    return (mean, total) if returned else mean


def _ptp(a: Any, axis: Axis = None, out: None = None, keepdims: bool = False) -> Any:
    largest = np.max(a, axis=axis, keepdims=keepdims)
    return largest - np.min(a, axis=axis, keepdims=keepdims)


def _cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None
) -> Any:
    rows = _as_rows(m, rowvar)
    rows = rows.astype(np.result_type(rows, np.float64))  # as NumPy does
    if y is not None:
        rows = np.concatenate([rows, _as_rows(y, rowvar)])
    n = np.shape(rows)[1]
    ddof = (0 if bias else 1) if ddof is None else ddof
    from_mean = rows - np.mean(rows, axis=1, keepdims=True)
    return np.squeeze(from_mean @ np.transpose(C(from_mean)) / (n - ddof))


def _as_rows(m: Any, rowvar: bool) -> Any:
    rows = np.atleast_2d(m)
    return rows if rowvar or np.ndim(m) < 2 else np.transpose(rows)


def _corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    c = _cov(x, y, rowvar)
    if np.ndim(c) == 0:
        return c / c
    spread = np.sqrt(np.real(np.diagonal(c)))
    return c / spread[:, None] / spread


composite(np.average, _average)
composite(np.ptp, _ptp)
composite(np.cov, _cov)
composite(np.corrcoef, _corrcoef)

# -- quantiles: sort, then weigh two neighbours ------------------------------------------------

_METHODS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda part: part,
    "lower": np.zeros_like,
    "higher": lambda part: (part > 0).astype(part.dtype),
    "midpoint": lambda part: 0.5 * (part > 0),
    "nearest": lambda part: (part > 0.5).astype(part.dtype),
    "median": lambda part: part,
}

_PICKS = ("lower", "higher", "nearest")  # these keep the dtype of integers


def _quantile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    ignore_nan: bool = False,
) -> Any:
    if method not in _METHODS:
        raise UnsupportedArgumentError(
            "A quantile has a derivative for the methods "
            f"{', '.join(m for m in _METHODS if m != 'median')}, not '{method}'."
        )
    q = q if isinstance(q, Tensor) else np.asarray(q)
    rows = _together(a, axis)
    values = plain(rows)
    count = np.sum(~np.isnan(values), axis=-1) if ignore_nan else values.shape[-1]
    place = np.reshape(q, q.shape + (1,) * (values.ndim - 1)) * np.maximum(count - 1, 0)
    place = np.broadcast_to(place, q.shape + values.shape[:-1])
    below = np.floor(plain(place)).astype(int)
    part = place - below if method == "linear" else _METHODS[method](plain(place) - below)
    if method == "nearest":  # NumPy rounds a half to the even place
        part = np.rint(plain(place)) - below
    if values.dtype.kind == "f":
        part = part.astype(np.result_type(values.dtype, q if q.ndim else 1.0))
    above = np.minimum(below + 1, values.shape[-1] - 1)
    ordered = np.sort(rows, axis=-1)
    grid = np.indices(place.shape[q.ndim :], sparse=True)
    low, high = ordered[(*grid, below)], ordered[(*grid, above)]
    # A NaN or inf next door does not come in with weight 0.
    step = quietly(np.subtract, high, low)
    step = np.where(((part == 0) | (part == 1)) & ~np.isfinite(step), 0.0, step)
    from_low, from_high = step * part, step * (1.0 - part)
    mixed = np.where(
        part < 0.5, quietly(np.add, low, from_low), quietly(np.subtract, high, from_high)
    )
    if method == "median":  # as a mean, which may be infinite where a slope is not known
        mixed = np.where(part == 0, low, quietly(np.add, low, high) / 2.0)
    if method in _PICKS:
        mixed = np.where(part == 0, low, high)
    if not ignore_nan and np.isnan(values).any():
        mixed = np.where(np.isnan(values).any(axis=-1), np.nan, mixed)
    return np.reshape(mixed, q.shape + kept(np.shape(a), axis)) if keepdims else mixed


def _together(a: Any, axis: Axis) -> Any:
    """Bring the axes of a reduction together, last."""
    if axis is None:
        return np.ravel(a)
    axes = tuple(i % np.ndim(a) for i in (axis if isinstance(axis, tuple) else (axis,)))
    rest = [i for i in range(np.ndim(a)) if i not in axes]
    turned = np.transpose(a, (*rest, *axes))
    count = math.prod(np.shape(a)[i] for i in axes)
    return np.reshape(turned, (*(np.shape(a)[i] for i in rest), count))


def _percentile(a: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
    return _quantile(a, np.divide(q, 100.0), *args, **kwargs)


def _median(
    a: Any,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Any:
    return _quantile(a, 0.5, axis, method="median", keepdims=keepdims)


composite(np.quantile, _quantile)
composite(np.percentile, _percentile)
composite(np.median, _median)

# -- without NaN -------------------------------------------------------------------------------


def _nan_to(a: Any, number: float) -> Any:
    if not np.isnan(plain(a)).any():
        return a
    return np.where(np.isnan(plain(a)), number, a)


def _count(a: Any, axis: Axis, keepdims: bool) -> Any:
    return np.sum(~np.isnan(plain(a)), axis=axis, keepdims=keepdims)


def _nan_extreme(function: Callable[..., Any], worst: float) -> Callable[..., Any]:
    def extreme(a: Any, axis: Axis = None, out: None = None, keepdims: bool = False) -> Any:
        found = function(_nan_to(a, worst), axis=axis, keepdims=keepdims)
        nothing = _count(a, axis, keepdims) == 0
        return np.where(nothing, np.nan, found) if nothing.any() else found

    return extreme


def _nansum(
    a: Any, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False
) -> Any:
    return np.sum(_nan_to(a, 0.0), axis=axis, dtype=dtype, keepdims=keepdims)


def _nanprod(
    a: Any, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False
) -> Any:
    return np.prod(_nan_to(a, 1.0), axis=axis, dtype=dtype, keepdims=keepdims)


def _nanmean(
    a: Any, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False
) -> Any:
    total = _nansum(a, axis, dtype, keepdims=keepdims)
    return over(total, _count(a, axis, keepdims))


def _nanvar(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: int = 0,
    keepdims: bool = False,
) -> Any:
    from_mean = a - _nanmean(a, axis, dtype, keepdims=True)
    from_mean = np.where(np.isnan(plain(a)), 0.0, from_mean)
    squares = np.sum(from_mean * from_mean, axis=axis, keepdims=keepdims)
    return over(squares, _count(a, axis, keepdims) - ddof)


def _nanstd(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: int = 0,
    keepdims: bool = False,
) -> Any:
    return root(_nanvar(a, axis, dtype, ddof=ddof, keepdims=keepdims))


composite(np.nansum, _nansum)
composite(np.nanprod, _nanprod)
composite(np.nanmean, _nanmean)
composite(np.nanvar, _nanvar)
composite(np.nanstd, _nanstd)
composite(np.nanmax, _nan_extreme(np.max, -np.inf))
composite(np.nanmin, _nan_extreme(np.min, np.inf))
composite(np.nancumsum, lambda a, axis=None: np.cumsum(_nan_to(a, 0.0), axis=axis))
composite(np.nancumprod, lambda a, axis=None: np.cumprod(_nan_to(a, 1.0), axis=axis))
composite(
    np.nanquantile, lambda a, q, *args, **kwargs: _quantile(a, q, *args, **kwargs, ignore_nan=True)
)
composite(
    np.nanpercentile,
    lambda a, q, *args, **kwargs: _percentile(a, q, *args, **kwargs, ignore_nan=True),
)
composite(
    np.nanmedian,
    lambda a, axis=None, out=None, overwrite_input=False, keepdims=False: _quantile(
        a, 0.5, axis, method="median", keepdims=keepdims, ignore_nan=True
    ),
)

# -- running products and sums -----------------------------------------------------------------


def _running_product_rule(g: Any, a: Any, out: Any, axis: int) -> Any:
    if normal(out):
        return sum_from_the_end(g * out, axis) / a
    # xᵢ is in every product from the i-th: Πₖ﹤ᵢ xₖ · Σⱼ gⱼ Πᵢ﹤ₖ≤ⱼ xₖ, which needs no division.
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


def _cumprod(a: Any, axis: int | None = None) -> Any:
    return running_product(np.ravel(a), axis=0) if axis is None else running_product(a, axis=axis)


composite(np.cumprod, _cumprod)


def _cumulative(function: Callable[..., Any], first: float) -> Callable[..., Any]:
    def cumulative(x: Any, /, *, axis: int | None = None, include_initial: bool = False) -> Any:
        if axis is None:
            axis = 0  # allowed for one axis only
        result = function(x, axis=axis)
        if include_initial:
            shape = list(np.shape(x))
            shape[axis] = 1
            result = np.concatenate([np.full(shape, first, np.result_type(plain(x))), result], axis)
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
    ndim = np.ndim(a)
    pieces = [_border(prepend, a, axis), a, _border(append, a, axis)]
    pieces = [p for p in pieces if p is not None]
    a = np.concatenate(pieces, axis) if len(pieces) > 1 else a
    for _ in range(n):
        a = a[_at(axis, ndim, 1, None)] - a[_at(axis, ndim, None, -1)]
    return a


def _border(given: Any, a: Any, axis: int) -> Any:
    if given is None or given is getattr(np, "_NoValue", None):
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
        width = x[1:] - x[:-1] if np.ndim(x) == 1 else _diff(x, axis=axis)
        if np.ndim(x) == 1:
            shape = [1] * ndim
            shape[axis] = -1
            width = np.reshape(width, tuple(shape))
    height = (y[_at(axis, ndim, 1, None)] + y[_at(axis, ndim, None, -1)]) / 2.0
    return np.sum(width * height, axis=axis)


def _gradient(f: Any, *varargs: Any, axis: Axis = None, edge_order: int = 1) -> Any:
    given = range(np.ndim(f)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = list(given)
    steps = list(varargs) or [1.0]
    steps = steps * len(axes) if len(steps) == 1 else steps
    results = tuple(_slope(f, h, i, edge_order) for i, h in zip(axes, steps, strict=True))
    return results[0] if len(axes) == 1 else results


def _slope(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    """Return the slope of the parabola through three neighbours; at an edge, of a line or one.

    The derivative of Lagrange's polynomial, term by term as in NumPy.
    """
    f = np.moveaxis(f, axis, -1)
    n = np.shape(f)[-1]
    d = h[1:] - h[:-1] if np.ndim(h) else h + like(np.zeros(n - 1), f)
    left, right = d[:-1], d[1:]
    lines = (f[..., 1:] - f[..., :-1]) / d
    both = left + right
    low, middle, high = f[..., :-2], f[..., 1:-1], f[..., 2:]
    if np.all(plain(left) == plain(right)):
        inner = (high - low) / both
    else:
        weights = -right / (left * both), (right - left) / (left * right), left / (right * both)
        inner = weights[0] * low + weights[1] * middle + weights[2] * high
    first, last = lines[..., :1], lines[..., -1:]
    if edge_order == 2:
        first = (_edge(d[:1], d[1:2]) * f[..., :3]).sum(axis=-1, keepdims=True)
        last = (-_edge(d[-1:], d[-2:-1]) * f[..., -1:-4:-1]).sum(axis=-1, keepdims=True)
    slopes = np.concatenate([first, inner, last], axis=-1)
    return np.moveaxis(slopes.astype(np.result_type(f, np.float16)), -1, axis)


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
