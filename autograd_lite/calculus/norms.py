"""numpy.linalg: norms of vectors and matrices, and condition numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..composite import composite
from ..modes import runs_again
from ..primitive import Primitive, derivative
from ..quiet import quietly
from ..tensor import to_numpy, unwrap
from .arithmetic import or_one
from .factorisations import nuclear_norm, singular_values
from .reductions import keepdims_shape, root, squared

la = np.linalg


def _powers_rule(g: Any, x: Any, order: float, signed: bool) -> Any:
    """Return g · order · |x|**(order − 1), with the sign of x for an even power; 0 for 0 · inf."""
    slope = order * powers(x, order=order - 1.0, signed=not signed)
    seen = (slope, g) if runs_again() else (unwrap(slope), unwrap(g))
    nothing = np.isinf(seen[0]) & (seen[1] == 0)
    return np.where(nothing, 0.0, g * slope)


powers: Primitive = derivative(
    lambda x, order, signed=False: np.abs(x) ** order * (np.sign(x) if signed else 1.0),
    name="powers",
    elementwise=True,
    x=lambda g, x, order, signed=False: _powers_rule(g, x, order, signed),
)
"""|x|**order; signed, with the sign of x. NumPy's power would not know the slopes at 0."""


def _vector_norm(x: Any, order: Any, axis: Any, keepdims: bool) -> Any:
    x = x * 1.0 if np.result_type(x).kind not in "fc" else x
    axis = axis if axis is None or isinstance(axis, tuple) else int(axis)
    infinite = np.isinf(unwrap(x))
    if infinite.any() and (order is None or 1 < order < np.inf):
        return _norm_with_infinities(x, infinite, order, axis, keepdims)
    if order is None or order == 2:
        return root(np.sum(squared(x), axis=axis, keepdims=keepdims))
    size = np.abs(x)
    if order == np.inf:
        return np.max(size, axis=axis, keepdims=keepdims, initial=0.0)
    if order == -np.inf:
        return np.min(size, axis=axis, keepdims=keepdims)
    if order == 0:
        counts = np.where(size != 0, np.ones((), size.dtype), size)  # on the tape, with slope 0
        return np.sum(counts, axis=axis, keepdims=keepdims)
    if order == 1:
        return np.sum(size, axis=axis, keepdims=keepdims)
    if order > 1 and not np.iscomplexobj(x):
        sums = np.sum(powers(x, order=float(order)), axis=axis, keepdims=keepdims)
        return root(sums, 1.0 / order)
    if order > 0:
        return root(np.sum(root(size, order), axis=axis, keepdims=keepdims), 1.0 / order)
    # One 0 makes the norm 0, and the others have no influence.
    sums = np.sum(or_one(size) ** order, axis=axis, keepdims=keepdims)
    nothing = np.any(size == 0, axis=axis, keepdims=keepdims)
    return np.where(nothing, 0.0, sums ** (1.0 / order))


def _norm_with_infinities(x: Any, infinite: Any, order: Any, axis: Any, keepdims: bool) -> Any:
    """Return a norm, which, where numbers are infinite, changes with them alone, and alike."""
    lost = np.any(np.isnan(unwrap(x)), axis=axis, keepdims=True)
    some = np.any(infinite, axis=axis, keepdims=True) & ~lost
    count = or_one(np.sum(infinite, axis=axis, keepdims=True)).astype(
        np.result_type(unwrap(x).real)
    )
    shares = np.where(infinite, np.abs(x), 0.0) * count ** (1.0 / (order or 2) - 1.0)
    of_infinite = np.sum(shares, axis=axis, keepdims=True)
    rest = np.where(some, 0.0, np.where(infinite, np.nan, x))
    out = np.where(some, of_infinite, _vector_norm(rest, order, axis, True))
    return out if keepdims else np.squeeze(out, axis=axis)


def _matrix_norm(x: Any, order: Any, axis: tuple[int, int], keepdims: bool) -> Any:
    x = x * 1.0 if np.result_type(x).kind not in "fc" else x
    row, column = (i % np.ndim(x) for i in axis)
    if order in (None, "fro", "f"):
        return _vector_norm(x, 2, (row, column), keepdims)
    if order in ("nuc", 2, -2):
        matrix = np.moveaxis(x, (row, column), (-2, -1))
        if order == "nuc":
            result = nuclear_norm(matrix)
        else:
            sizes = singular_values(matrix)
            result = np.max(sizes, axis=-1, initial=0.0) if order == 2 else np.min(sizes, axis=-1)
        return (
            np.reshape(result, keepdims_shape(np.shape(x), (row, column))) if keepdims else result
        )
    sums = np.sum(np.abs(x), axis=row if abs(order) == 1 else column, keepdims=True)
    if order > 0:
        result = np.max(sums, axis=(row, column), keepdims=True, initial=0.0)
    else:
        result = np.min(sums, axis=(row, column), keepdims=True)
    return result if keepdims else np.squeeze(result, axis=(row, column))


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if axis is None:
        if ord is None:
            flat = _vector_norm(np.ravel(x), 2, None, False)
            return np.reshape(flat, (1,) * np.ndim(x)) if keepdims else flat
        axis = tuple(range(np.ndim(x)))
    axes = axis if isinstance(axis, tuple) else (axis,)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    return _matrix_norm(x, ord, axes, keepdims)


composite(la.norm, _norm)
composite(
    la.vector_norm,
    lambda x, /, *, axis=None, keepdims=False, ord=2: _vector_norm(x, ord, axis, keepdims),
)
composite(
    la.matrix_norm,
    lambda x, /, *, keepdims=False, ord="fro": _matrix_norm(x, ord, (-2, -1), keepdims),
)


def _cond(x: Any, p: Any = None) -> Any:
    if p in (None, 2, -2):
        s = singular_values(x)
        first, last = (s[..., -1], s[..., 0]) if p == -2 else (s[..., 0], s[..., -1])
        return quietly(np.divide, first, last)  # inf for a singular matrix
    singular = la.cond(to_numpy(x), p) == np.inf
    if np.any(singular):
        x = np.where(np.expand_dims(singular, (-2, -1)), np.eye(np.shape(x)[-1]), x)
    both = _matrix_norm(x, p, (-2, -1), False) * _matrix_norm(la.inv(x), p, (-2, -1), False)
    return np.where(singular, np.inf, both) if np.any(singular) else both


composite(la.cond, _cond)
