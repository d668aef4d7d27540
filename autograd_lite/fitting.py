"""A gradient fits what it is the gradient of: its shape and its dtype.

What was broadcast is summed, in a wider type where digits would be lost, and what was promoted
is converted back. The engine does it to what elementwise rules return; a few rules, and forward
passes of the calculus, ask for it themselves.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def converted(x: Any, dtype: Any) -> Any:
    """Return an operand of a rule in another dtype: of two, one may not hold what both give."""
    if getattr(x, "dtype", None) == dtype:
        return x
    return x.astype(dtype) if hasattr(x, "astype") else np.asarray(x, dtype)


def as_dtype(g: Any, dtype: Any) -> Any:
    """Convert a gradient; of a complex one, a real operand gets the real part."""
    if g.dtype == dtype:
        return g
    if g.dtype.kind == "c" and dtype.kind != "c":
        g = np.real(g)
    return g.astype(dtype)


_WIDER = {"f": np.float64, "F": np.complex128}
MANY = 10_000  # numbers of single precision: from there on, their sum is made in double


def wider(a: Any, axis: Any) -> Any:
    """Return the dtype to sum in, so that no digits are lost; None for that of the array.

    In half precision, a sum of ones stops at 2048.
    """
    if a.dtype.char == "e":
        return np.float32
    if a.size <= MANY:
        return None
    axes = range(a.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return _WIDER.get(a.dtype.char) if math.prod(a.shape[i] for i in axes) > MANY else None


def total(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum what a rule has to sum, in a wider type where that is needed, as PyTorch does."""
    dtype = wider(a, axis)
    if dtype is None:
        return a.sum(axis=axis, keepdims=keepdims)
    return np.sum(a, axis=axis, dtype=dtype, keepdims=keepdims).astype(a.dtype)


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum a gradient over the axes along which its operand was broadcast.

    Broadcasting copies a value, and a value that is used many times gets the
    sum of its gradients.

    >>> import numpy as np
    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    """
    if g.shape == shape:
        return g
    if g.ndim < len(shape):
        return np.broadcast_to(g, shape)
    summed = total(g, broadcast_axes(shape, g.shape))
    return summed if summed.shape == shape else summed.reshape(shape)


def broadcast_axes(shape: tuple[int, ...], wide: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes along which what has one shape is copied to have a wider one.

    >>> broadcast_axes((3, 1), (2, 3, 4))
    (0, 2)
    """
    extra = len(wide) - len(shape)
    return (*range(extra), *[i + extra for i, n in enumerate(shape) if n == 1 != wide[i + extra]])
