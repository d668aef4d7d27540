"""Along an axis: running sums and products, differences, slopes and integrals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..composite import as_array, composite
from ..fitting import wider
from ..primitive import derivative
from ..tensor import form, is_recorded, measured
from .indexing import along
from .reductions import (
    before,
    by_division,
    cast_like,
    normal,
)

# -- running sums and products -----------------------------------------------------------------


def _sum_from_the_end(g: Any, axis: int | None) -> Any:
    """Return running sums that begin at the last number."""
    return np.flip(np.cumsum(np.flip(g, axis), axis, dtype=wider(g, axis)), axis)


derivative(
    np.cumsum,
    a=lambda g, a, axis=None: np.reshape(_sum_from_the_end(g, axis if a.ndim else None), a.shape),
    parameters="dtype",
)


def _running_product_rule(g: Any, a: Any, out: Any, axis: int) -> Any:
    return by_division(
        a,
        normal(out),
        lambda a: _sum_from_the_end(g * out, axis) / a,
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


def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    if n == 0:
        return a  # without borders
    ndim = np.ndim(a)
    pieces = [_border(prepend, a, axis), a, _border(append, a, axis)]
    pieces = [p for p in pieces if p is not None]
    a = np.concatenate(pieces, axis) if len(pieces) > 1 else a
    for _ in range(n):
        a = a[along(axis, ndim, slice(1, None))] - a[along(axis, ndim, slice(-1))]
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
    height = (y[along(axis, ndim, slice(1, None))] + y[along(axis, ndim, slice(-1))]) / 2.0
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
    inner, even = (high - low) / both, np.all(measured(left) == measured(right))
    if is_recorded(even) or not even:
        weights = -right / (left * both), (right - left) / (left * right), left / (right * both)
        uneven = weights[0] * low + weights[1] * middle + weights[2] * high
        inner = np.where(even, inner, uneven) if is_recorded(even) else uneven
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
