"""Normalization: less its mean, over its deviation; with a weight and a bias, or without."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..fitting import unbroadcast
from ..node import LARGE
from ..primitive import Primitive, derivative
from ..residuals import Residuals
from ..tensor import Tensor
from .loops import loop, loops

_ROWS = 1024  # so many numbers are added up in one run: of more, float32 would lose digits


def mean_of(x: Any, axis: Any) -> Any:
    """Return np.mean(x, axis, keepdims=True)."""
    return loops["mean"](x, axis) if type(x) is np.ndarray else np.mean(x, axis, keepdims=True)


@loop
def _mean(x: Any, axis: Any) -> Any:
    """Return np.mean(x, axis, keepdims=True); of a matrix as a product with ones.

    That takes a fifth of the time, and keeps the digits of float32 that NumPy, which adds
    row by row, would lose.
    """
    across, matrix, shape = _as_matrix(x, axis)
    if matrix is None:
        return np.mean(x, axis=axis, keepdims=True)
    ones = _ones(min(_ROWS, matrix.shape[across]), x.dtype)
    if across:
        sums = matrix.dot(ones)
    elif len(matrix) <= _ROWS:
        sums = ones.dot(matrix)
    else:
        parts = (matrix[i : i + _ROWS] for i in range(0, len(matrix), _ROWS))
        sums = np.add.reduce([ones[: len(part)].dot(part) for part in parts], dtype=np.float64)
    sums /= matrix.shape[across]
    return sums.astype(x.dtype, copy=False).reshape(shape)


@functools.cache  # of at most _ROWS lengths
def _ones(count: int, dtype: Any) -> Any:
    ones = np.ones(count, dtype)
    ones.flags.writeable = False
    return ones


def _as_matrix(x: Any, axis: Any) -> tuple[int, Any, Any]:
    """View the numbers of each mean as a row or as a column, where they lie so in memory."""
    if x.dtype.char not in "fd" or not x.size:
        return 0, None, None
    if type(axis) is tuple and len(axis) == 1:
        axis = axis[0]
    if axis == 0 and x.ndim == 2:
        return 0, x, (1, x.shape[1])
    if axis == -1 and x.shape[-1] <= _ROWS:
        return 1, x.reshape(-1, x.shape[-1]), (*x.shape[:-1], 1)
    if x.ndim > 2 and axis == (0, *range(2, x.ndim)):
        last = np.moveaxis(x, 1, -1)
        if last.flags.c_contiguous:
            return 0, last.reshape(-1, x.shape[1]), (1, -1, *(1,) * (x.ndim - 2))
    return 0, None, None


def mean_and_variance(x: Any, axis: Any, residuals: Residuals | None = None) -> tuple[Any, Any]:
    """Return np.mean and np.var of x over an axis, which both keep."""
    if isinstance(x, Tensor):
        return batch_mean(x, axis=axis), batch_variance(x, axis=axis)
    known = residuals and residuals.of(x)
    if known:
        return known[0], known[1]
    mean = mean_of(x, axis)
    from_mean = x - mean
    return mean, mean_of(from_mean * from_mean, axis)


batch_mean = Primitive(mean_of, {}, nondifferentiable="x", parameters="axis")
batch_variance = Primitive(
    lambda x, axis: mean_and_variance(x, axis)[1], {}, nondifferentiable="x", parameters="axis"
)
"""The same as operations, for running means, to which no gradient flows."""


def _normalize(x: Any, axis: Any, eps: float = 1e-5, residuals: Residuals | None = None) -> Any:
    if isinstance(x, Tensor):
        return _normalized(x, axis, eps)[0]
    mean = mean_of(x, axis)
    out = x - mean
    variance = mean_of(out * out, axis)
    root = np.sqrt(variance + eps)
    out /= root
    if residuals is not None:
        residuals.keep(x, mean, variance, root, out if out.nbytes < LARGE else None)
    return out


def _normalized(
    x: Any, axis: Any, eps: float, residuals: Residuals | None = None
) -> tuple[Any, Any]:
    """Return what `normalize` does, and what it divides by; as arrays, or recorded."""
    if known := residuals and residuals.of(x):
        return _as_known(x, *known)
    from_mean = x - mean_of(x, axis)
    root = np.sqrt(mean_of(from_mean * from_mean, axis) + eps)
    return from_mean / root, root


def _as_known(x: Any, mean: Any, variance: Any, root: Any, out: Any) -> tuple[Any, Any]:
    return (x - mean) / root if out is None else out, root


def _without_scale(g: Any, out: Any, axis: Any) -> Any:
    """Take out of g what would only shift or scale x: the result has neither."""
    return g - mean_of(g, axis) - out * mean_of(g * out, axis)


def _normalize_rule(g: Any, x: Any, axis: Any, eps: float, residuals: Any) -> Any:
    out, root = _normalized(x, axis, eps, residuals)
    return _without_scale(g, out, axis) / root


normalize = derivative(
    _normalize,
    name="normalize",
    decomposition=lambda x, axis, eps=1e-5: (
        (x - np.mean(x, axis=axis, keepdims=True))
        / np.sqrt(np.var(x, axis=axis, keepdims=True) + eps)
    ),
    x=lambda g, x, axis=None, eps=1e-5, residuals=None: _normalize_rule(g, x, axis, eps, residuals),
)
"""(x − mean) / √(variance + eps), both taken over the axes `axis`."""


def _scaled_rule(g: Any, x: Any, weight: Any, bias: Any, axis: Any, eps: float, kept: Any) -> Any:
    out, root = _normalized(x, axis, eps, kept)
    aligned = (1,) * (x.ndim - np.ndim(weight)) + np.shape(weight)
    if aligned == root.shape and np.shape(bias) == np.shape(weight):
        # Of one weight for each mean, both sums of the one are those of the other.
        shift, scale = mean_of(g, axis), mean_of(g * out, axis)
        of_x, count = (g - shift - out * scale) * (weight / root), x.size // root.size
        return of_x, *((a * count).reshape(np.shape(weight)) for a in (scale, shift))
    shares = _without_scale(g * weight, out, axis) / root, g * out, g
    return tuple(map(unbroadcast, shares, (x.shape, np.shape(weight), np.shape(bias))))


normalize_and_scale = derivative(
    lambda x, weight, bias, axis, eps=1e-5, residuals=None: (
        _normalize(x, axis, eps, residuals) * weight + bias
    ),
    name="normalize",
    decomposition=lambda x, weight, bias, axis, eps=1e-5: (
        (x - np.mean(x, axis=axis, keepdims=True))
        / np.sqrt(np.var(x, axis=axis, keepdims=True) + eps)
        * weight
        + bias
    ),
    operands="x weight bias",
    joint=lambda g, x, weight, bias, axis=None, eps=1e-5, residuals=None: _scaled_rule(
        g, x, weight, bias, axis, eps, residuals
    ),
)
"""The same, times a weight, plus a bias, which broadcast."""
