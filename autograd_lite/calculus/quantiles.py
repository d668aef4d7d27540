"""Quantiles and medians: sort, then weigh two neighbours."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..composite import as_array, composite
from ..protocol import Axis
from ..quiet import quietly
from ..tensor import Tensor, is_recorded, measured, to_numpy
from .indexing import item
from .reductions import (
    keepdims_shape,
)

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
composite(np.nanquantile, partial(_quantile, ignore_nan=True), chooses=["weights"])
composite(np.nanpercentile, partial(_percentile, ignore_nan=True), chooses=["weights"])
composite(np.nanmedian, partial(_median, ignore_nan=True))
