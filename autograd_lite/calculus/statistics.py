"""Weighted means, covariances, and sums and spreads that leave out NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..composite import as_array, composite
from ..protocol import Axis
from ..tensor import is_recorded, measured, to_numpy
from .complex import C
from .reductions import (
    over,
    root,
    squared,
)

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
