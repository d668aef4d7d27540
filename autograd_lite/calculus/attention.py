"""Attention of a sequence to itself: one primitive for all heads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..primitive import derivative
from ..residuals import Residuals
from ..tensor import Tensor
from .neural import largest_along, softmax


def _parts(x: Any, heads: int, count: int) -> list[Any]:
    """Return (…, heads, L, E), `count` times, of (…, L, count · heads · E)."""
    x = np.reshape(x, (*x.shape[:-1], count, heads, x.shape[-1] // (count * heads)))
    return [np.swapaxes(x[..., i, :, :], -3, -2) for i in range(count)]


def _together(*factors: tuple[Any, Any]) -> Any:
    """Return (…, L, count · heads · E) of pairs whose products are (…, heads, L, E)."""
    (x, y), count = factors[0], len(factors)
    shape = (*x.shape[:-3], x.shape[-2], count * x.shape[-3] * y.shape[-1])
    if not isinstance(x, Tensor):  # each product goes where it belongs
        whole = np.empty(shape, np.result_type(x, y))
        for pair, part in zip(factors, _parts(whole, x.shape[-3], count), strict=True):
            np.matmul(*pair, out=part)
        return whole
    turned = [np.swapaxes(np.matmul(*pair), -3, -2) for pair in factors]
    return np.reshape(np.stack(turned, axis=-3), shape)


def _transposed(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def _row_sums(x: Any) -> Any:
    """Return np.sum(x, axis=-1, keepdims=True); as a product with ones, in an order of its own.

    Rows are short: NumPy takes ten times as long to begin them.
    """
    if isinstance(x, Tensor) or not x.size:
        return np.sum(x, axis=-1, keepdims=True)
    sums = x.reshape(-1, x.shape[-1]).dot(np.ones(x.shape[-1], x.dtype))
    return sums.reshape(*x.shape[:-1], 1)


def _shares(scores: Any) -> Any:
    """Return the softmax along the last axis, in place if that is an array."""
    if isinstance(scores, Tensor) or scores.dtype.char not in "fd" or not scores.size:
        return softmax(scores)
    scores -= largest_along(scores, -1)
    np.exp(scores, out=scores)
    scores /= _row_sums(scores)
    return scores


def _weights(q: Any, k: Any, mask: Any) -> Any:
    """Return how much of each value goes in."""
    scores = np.matmul(q, _transposed(k)) * (1.0 / math.sqrt(q.shape[-1]))
    return _shares(scores if mask is None else scores + mask)


def _attention(x: Any, heads: int, mask: Any = None, residuals: Residuals | None = None) -> Any:
    q, k, v = _parts(x, heads, 3)
    weights = _weights(q, k, mask)
    if residuals is not None:
        residuals.keep(x, weights)
    return _together((weights, v))


def _attention_rule(g: Any, x: Any, heads: int, mask: Any, residuals: Any) -> Any:
    """Go back through both products, and through the softmax between them."""
    (q, k, v), (g,) = _parts(x, heads, 3), _parts(g, heads, 1)
    [weights] = (residuals and residuals.of(x)) or [_weights(q, k, mask)]
    of_weights = np.matmul(g, _transposed(v))
    of_scores = weights * (of_weights - _row_sums(weights * of_weights))
    of_scores = of_scores * (1.0 / math.sqrt(q.shape[-1]))
    return _together((of_scores, k), (_transposed(of_scores), q), (_transposed(weights), g))


attention = derivative(
    _attention,
    name="attention",
    decomposition=_attention,
    x=lambda g, x, heads, mask=None, residuals=None: _attention_rule(g, x, heads, mask, residuals),
)
"""softmax(q kᵀ / √E + mask) v, side by side in heads; x is (…, L, 3 · heads · E): q, k and v."""
