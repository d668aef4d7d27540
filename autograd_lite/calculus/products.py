"""Products of vectors, matrices and arrays of more axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import composite, derivative, unbroadcast


def _left(g: Any, x: Any, y: Any) -> Any:
    """∂L/∂x of x @ y: the upstream gradient times yᵀ, with vectors as one-line matrices."""
    if x.ndim == y.ndim == 2:
        return g @ y.T
    if y.ndim == 1:
        return g[..., None] * y
    if x.ndim == 1:
        return unbroadcast((y @ g[..., None])[..., 0], x.shape)
    return unbroadcast(g @ np.swapaxes(y, -1, -2), x.shape)


def _right(g: Any, x: Any, y: Any) -> Any:
    """∂L/∂y of x @ y: xᵀ times the upstream gradient, with vectors as one-line matrices."""
    if x.ndim == y.ndim == 2:
        return x.T @ g
    if x.ndim == y.ndim == 1:
        return g * x
    if x.ndim == 1:
        return unbroadcast(x[:, None] * g[..., None, :], y.shape)
    if y.ndim == 1:
        return unbroadcast((np.swapaxes(x, -1, -2) @ g[..., None])[..., 0], y.shape)
    return unbroadcast(np.swapaxes(x, -1, -2) @ g, y.shape)


derivative(np.matmul, x=lambda g, x, y: _left(g, x, y), y=lambda g, x, y: _right(g, x, y))


def _dot(a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    if (np.ndim(b) <= 2 and np.ndim(a) <= 2) or np.ndim(b) == 1:
        return np.matmul(a, b)
    return np.tensordot(a, b, (-1, -2))


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Bring the summed axes together, and it is one matrix product."""
    if np.ndim(axes) == 0:
        summed_a, summed_b = list(range(np.ndim(a) - axes, np.ndim(a))), list(range(axes))
    else:
        summed_a, summed_b = (list(np.atleast_1d(pair).tolist()) for pair in axes)
    summed_a = [i % np.ndim(a) for i in summed_a]
    summed_b = [i % np.ndim(b) for i in summed_b]
    kept_a = [i for i in range(np.ndim(a)) if i not in summed_a]
    kept_b = [i for i in range(np.ndim(b)) if i not in summed_b]
    n = int(np.prod([np.shape(a)[i] for i in summed_a]))
    shape = tuple(np.shape(a)[i] for i in kept_a) + tuple(np.shape(b)[i] for i in kept_b)
    rows = np.reshape(np.transpose(a, kept_a + summed_a), (-1, n) if n else (_size(a, kept_a), 0))
    columns = np.reshape(
        np.transpose(b, summed_b + kept_b), (n, -1) if n else (0, _size(b, kept_b))
    )
    return np.reshape(np.matmul(rows, columns), shape)


def _size(a: Any, axes: list[int]) -> int:
    return int(np.prod([np.shape(a)[i] for i in axes]))


composite(np.dot, _dot)
composite(np.tensordot, _tensordot)
composite(np.vdot, lambda a, b: np.matmul(np.ravel(a), np.ravel(b)))
composite(
    np.inner,
    lambda a, b: (
        np.multiply(a, b) if np.ndim(a) == 0 or np.ndim(b) == 0 else np.tensordot(a, b, (-1, -1))
    ),
)
composite(np.outer, lambda a, b: np.reshape(a, (-1, 1)) * np.ravel(b))
