"""Functions that make many numbers into fewer: sums, means, extremes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..primitive import composite, derivative
from ..tensor import Axis


def kept(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """Return the shape that a reduction over `axis` has with ``keepdims=True``.

    >>> kept((2, 3, 4), (0, -1))
    (1, 3, 1)
    """
    if axis is None:
        return (1,) * len(shape)
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def spread(g: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """Copy each number of a reduced array to all places that it was reduced from."""
    if axis is not None and not keepdims and shape:
        g = np.reshape(g, kept(shape, axis))
    return np.broadcast_to(g, shape)


def _count(a: Any, axis: Axis) -> int:
    """Return how many numbers go into one."""
    return math.prod(n for n, k in zip(np.shape(a), kept(np.shape(a), axis), strict=True) if k == 1)


derivative(
    np.sum,
    a=lambda g, a, axis=None, keepdims=False: spread(g, a.shape, axis, keepdims),
    allows="dtype",
)


def _mean(
    a: Any, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False
) -> Any:
    if dtype is None and np.result_type(a).kind not in "fc":
        dtype = np.float64
    total = np.sum(a, axis=axis, keepdims=keepdims, dtype=dtype)
    return total / max(_count(a, axis), 1) if np.size(a) else total * np.nan


composite(np.mean, _mean)


def _var(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: int = 0,
    keepdims: bool = False,
) -> Any:
    from_mean = a - np.mean(a, axis=axis, dtype=dtype, keepdims=True)
    squares = np.sum(from_mean * from_mean, axis=axis, keepdims=keepdims)
    return squares / (_count(a, axis) - ddof)


def _std(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: int = 0,
    keepdims: bool = False,
) -> Any:
    variance = np.var(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims)
    # The root is not differentiable at 0; of its subgradients, 0 is chosen.
    spreads = variance != 0
    return np.where(spreads, np.sqrt(np.where(spreads, variance, 1.0)), 0.0)


composite(np.var, _var)
composite(np.std, _std)


def _extreme(g: Any, a: Any, out: Any, axis: Axis, keepdims: bool) -> Any:
    """Share the gradient equally among the places where the extreme was found."""
    found = (a == spread(out, a.shape, axis, keepdims)).astype(g.dtype)
    return spread(g, a.shape, axis, keepdims) * found / found.sum(axis=axis, keepdims=True)


for _function in (np.max, np.min):
    derivative(
        _function,
        a=lambda g, a, out, axis=None, keepdims=False: _extreme(g, a, out, axis, keepdims),
    )


def _others(a: Any, axis: Axis) -> Any:
    """Return for each number the product of the others that it is multiplied with."""
    axes = tuple(range(a.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(i % a.ndim for i in axes)
    rest = tuple(i for i in range(a.ndim) if i not in axes)
    rows = np.transpose(a, rest + axes)
    turned = rows.shape
    n = math.prod(a.shape[i] for i in axes)
    rows = np.reshape(rows, (*turned[: len(rest)], 1, n))
    products = np.prod(np.where(np.eye(n, dtype=bool), 1.0, rows), axis=-1)
    back = np.argsort(rest + axes)
    return np.transpose(np.reshape(products, turned), tuple(back.tolist()))


def _product(g: Any, a: Any, out: Any, axis: Axis, keepdims: bool) -> Any:
    if np.all(a != 0):
        return spread(g * out, a.shape, axis, keepdims) / a
    return spread(g, a.shape, axis, keepdims) * _others(a, axis)


derivative(
    np.prod,
    a=lambda g, a, out, axis=None, keepdims=False: _product(g, a, out, axis, keepdims),
)


def _sum_from_the_end(g: Any, shape: tuple[int, ...], axis: int | None) -> Any:
    if axis is None:
        return np.reshape(np.flip(np.cumsum(np.flip(g))), shape)
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


derivative(np.cumsum, a=lambda g, a, axis=None: _sum_from_the_end(g, a.shape, axis))
