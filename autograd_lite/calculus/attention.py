"""Attention of a sequence to itself: one primitive for all heads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..primitive import derivative
from .neural import softmax


def _parts(x: Any, heads: int, count: int) -> Any:
    """Return (count, …, heads, L, E) of (…, L, count · heads · E)."""
    x = np.reshape(x, (*x.shape[:-1], count, heads, x.shape[-1] // (count * heads)))
    return np.swapaxes(np.moveaxis(x, -3, 0), -3, -2)


def _together(x: Any) -> Any:
    """Return (…, L, count · heads · E) of (count, …, heads, L, E)."""
    x = np.moveaxis(np.swapaxes(x, -3, -2), 0, -3)
    return np.reshape(x, (*x.shape[:-3], x.shape[-3] * x.shape[-2] * x.shape[-1]))


def _transposed(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def _scores(q: Any, k: Any, mask: Any) -> Any:
    scores = np.matmul(q, _transposed(k)) * (1.0 / math.sqrt(q.shape[-1]))
    return scores if mask is None else scores + mask


def _attention(x: Any, heads: int, mask: Any = None) -> Any:
    q, k, v = _parts(x, heads, 3)
    return _together(np.matmul(softmax(_scores(q, k, mask)), v)[None])


def _attention_rule(g: Any, x: Any, heads: int, mask: Any) -> Any:
    """Go back through both products, and through the softmax between them."""
    (q, k, v), g = _parts(x, heads, 3), _parts(g, heads, 1)[0]
    weights = softmax(_scores(q, k, mask))
    of_weights = np.matmul(g, _transposed(v))
    of_scores = weights * (of_weights - np.sum(weights * of_weights, axis=-1, keepdims=True))
    of_scores = of_scores * (1.0 / math.sqrt(q.shape[-1]))
    of_q, of_k = np.matmul(of_scores, k), np.matmul(_transposed(of_scores), q)
    return _together(np.stack([of_q, of_k, np.matmul(_transposed(weights), g)]))


attention = derivative(
    _attention,
    name="attention",
    decomposition=_attention,
    x=lambda g, x, heads, mask=None: _attention_rule(g, x, heads, mask),
)
"""softmax(q kᵀ / √E + mask) v, side by side in heads; x is (…, L, 3 · heads · E): q, k and v."""
