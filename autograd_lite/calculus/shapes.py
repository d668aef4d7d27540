"""Functions that move numbers without changing them. Each is its own transpose's partner."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..composite import as_array, composite
from ..fitting import as_dtype, unbroadcast
from ..primitive import Primitive, derivative
from ..protocol import Axis
from ..tensor import form
from .indexing import along, scatter

# -- the same numbers in another shape ------------------------------------------------


def _reshape(a: Any, shape: Any) -> Any:
    return np.reshape(a, shape)


reshape = derivative(_reshape, name="reshape", a=lambda g, a, shape=None: np.reshape(g, a.shape))


def _in_order(a: Any, order: str) -> Any:
    """Return what has, in the usual order, the numbers in the order in which they are asked for."""
    value = form(a)
    if order in "Aa":
        order = "F" if value.flags.fnc else "C"
    if order in "Kk":  # as they lie in memory
        return np.transpose(a, sorted(range(value.ndim), key=lambda i: -abs(value.strides[i])))
    return np.transpose(a) if order in "Ff" else a


def _reshaped(a: Any, shape: Any, order: str | None = "C", *, copy: bool | None = None) -> Any:
    order = order or "C"
    if order in "Cc" or (order in "Aa" and not form(a).flags.fnc):
        return reshape(a, shape=shape)
    sizes = np.reshape(np.broadcast_to(0, np.shape(a)), shape).shape
    return np.transpose(reshape(np.transpose(a), shape=sizes[::-1]))


composite(np.reshape, _reshaped)
composite(np.ravel, lambda a, order="C": reshape(_in_order(a, order or "C"), shape=(-1,)))
composite(np.squeeze, lambda a, axis=None: reshape(a, shape=_squeezed(np.shape(a), axis)))
composite(np.expand_dims, lambda a, axis: reshape(a, shape=_expanded(np.shape(a), axis)))
composite(
    np.atleast_1d, lambda *arys: _each(lambda a: a if np.ndim(a) else reshape(a, shape=(1,)), arys)
)
composite(np.atleast_2d, lambda *arys: _each(_at_least_2d, arys))
composite(np.atleast_3d, lambda *arys: _each(_at_least_3d, arys))


def _squeezed(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    return np.squeeze(np.broadcast_to(0, shape), axis=axis).shape


def _expanded(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    return np.expand_dims(np.broadcast_to(0, shape), axis).shape  # type: ignore[arg-type]


def _each(function: Any, arrays: Any) -> Any:
    results = tuple(function(as_array(a)) for a in arrays)
    return results[0] if len(results) == 1 else results


def _at_least_2d(a: Any) -> Any:
    return a if np.ndim(a) > 1 else reshape(a, shape=(1, -1))


def _at_least_3d(a: Any) -> Any:
    shape = np.shape(a)
    return a if len(shape) > 2 else np.reshape(a, {0: (1, 1, 1), 1: (1, *shape, 1)}.get(
        len(shape), (*shape, 1)
    ))  # fmt: skip


derivative(
    np.broadcast_to,
    array=lambda g, array, shape=None: unbroadcast(g, array.shape),
    parameters="subok",
)
derivative(np.copy, a=lambda g: g, parameters="order subok")

stop: Primitive = derivative(lambda x: x, name="detach", nondifferentiable="x")
"""The same value without a gradient: `Tensor.detach`, where everything is recorded."""


def _astype(x: Any, dtype: Any, order: str = "K", casting: Any = "unsafe") -> Any:
    return x.astype(dtype, order, casting)


_cast = derivative(
    _astype,
    name="astype",
    x=lambda g, x, dtype=None: as_dtype(g, x.dtype),
    parameters="order casting",
)


def _convert(x: Any, dtype: Any, **how: Any) -> Any:
    # Integers carry no gradient.
    return _cast(x if dtype.kind in "fc" else x.detach(), dtype=dtype, **how)


composite(np.ndarray.astype, _convert)

# -- another order of axes or places ----------------------------------------------------


def _axes_back(axes: Any) -> Any:
    return None if axes is None else tuple(np.argsort([a % len(axes) for a in axes]).tolist())


derivative(np.transpose, a=lambda g, axes=None: np.transpose(g, _axes_back(axes)))
composite(np.swapaxes, lambda a, axis1, axis2: np.transpose(a, _swapped(np.ndim(a), axis1, axis2)))
composite(
    np.moveaxis,
    lambda a, source, destination: np.transpose(a, _moved(np.ndim(a), source, destination)),
)


def _swapped(ndim: int, axis1: int, axis2: int) -> list[int]:
    axis1, axis2 = normalize_axis_index(axis1, ndim), normalize_axis_index(axis2, ndim)
    axes = list(range(ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return axes


def _moved(ndim: int, source: Any, destination: Any) -> list[int]:
    return list(np.moveaxis(np.empty(range(ndim)), source, destination).shape)


derivative(np.flip, m=lambda g, axis=None: np.flip(g, axis))
composite(np.flipud, lambda m: np.flip(m, 0))
composite(np.fliplr, lambda m: np.flip(m, 1))
derivative(np.roll, a=lambda g, shift, axis=None: np.roll(g, _negated(shift), axis))


def _negated(shift: Any) -> Any:
    return tuple((-np.asarray(shift, int)).tolist()) if np.ndim(shift) else -int(shift)


# -- joining and splitting: each other's transpose -----------------------------------------

join: Primitive = derivative(
    lambda *arrays, axis=0: np.concatenate(arrays, axis),
    name="concatenate",
    operands="*arrays",
    joint=lambda g, arrays, axis=0: part(g, sizes=[a.shape[axis] for a in arrays], axis=axis),
)


def _parts(array: Any, sizes: Any, axis: int = 0) -> Any:
    """Return consecutive parts: what np.split does, which looks at more."""
    ends = [0, *itertools.accumulate(sizes)]
    return tuple(array[along(axis, array.ndim, slice(*ab))] for ab in itertools.pairwise(ends))


part: Primitive = derivative(
    _parts,
    name="split",
    outputs=True,
    array=lambda g, axis=0: join(*g, axis=axis),
    parameters="sizes",
)


def _concatenate(
    arrays: Any, axis: int | None = 0, out: None = None, *, dtype: Any = None, casting: Any = None
) -> Any:
    if axis is None:
        arrays, axis = [np.ravel(a) for a in arrays], 0
    whole = join(*arrays, axis=axis)
    return whole if dtype is None else whole.astype(dtype)


def _stack(arrays: Any, axis: int = 0, out: None = None, **how: Any) -> Any:
    return _concatenate([np.expand_dims(a, axis) for a in arrays], axis, **how)


def _vstack(tup: Any, **how: Any) -> Any:
    return _concatenate([np.atleast_2d(a) for a in tup], 0, **how)


def _hstack(tup: Any, **how: Any) -> Any:
    rows = [np.atleast_1d(a) for a in tup]
    return _concatenate(rows, 0 if np.ndim(rows[0]) == 1 else 1, **how)


def _column_stack(tup: Any) -> Any:
    return join(*[a if np.ndim(a) > 1 else np.reshape(a, (-1, 1)) for a in tup], axis=1)


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    axis = normalize_axis_index(axis, np.ndim(ary))
    index = np.array_split(np.arange(np.shape(ary)[axis]), indices_or_sections)
    sizes = [len(p) for p in index]
    if sum(sizes) == np.shape(ary)[axis]:
        return list(part(ary, sizes=sizes, axis=axis))
    return [np.take(ary, p, axis) for p in index]  # the borders do not increase


composite(np.concatenate, _concatenate)
composite(np.stack, _stack)
composite(np.vstack, _vstack)
composite(np.hstack, _hstack)
composite(np.column_stack, _column_stack)
composite(np.split, _split)
composite(np.array_split, _split)
composite(
    np.hsplit,
    lambda ary, indices_or_sections: np.split(
        ary, indices_or_sections, axis=min(1, np.ndim(ary) - 1)
    ),
)
composite(np.vsplit, lambda ary, indices_or_sections: np.split(ary, indices_or_sections, axis=0))

# -- diagonals, triangles, borders ------------------------------------------------------


def _diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    moved = np.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = np.shape(moved)[-2:]
    above, below = max(offset, 0), max(-offset, 0)
    along = np.arange(max(min(rows - below, columns - above), 0))
    return moved[..., along + below, along + above]


def _trace(
    a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: None = None
) -> Any:
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


def _diag(v: Any, k: int = 0) -> Any:
    if np.ndim(v) == 2:
        return np.diagonal(v, offset=k)
    n = np.size(v) + abs(k)
    along = np.arange(np.size(v))
    return scatter(v, shape=(n, n), index=(along + max(-k, 0), along + max(k, 0)))


composite(np.diagonal, _diagonal)
composite(np.trace, _trace)
composite(np.diag, _diag)
composite(np.tril, lambda m, k=0: np.where(_lower(m, k), m, m.dtype.type(0)))
composite(np.triu, lambda m, k=0: np.where(_lower(m, k - 1), m.dtype.type(0), m))


def _lower(m: Any, k: int) -> Any:
    columns = np.shape(m)[-1]
    rows = np.shape(m)[-2] if np.ndim(m) > 1 else columns  # of one axis, each row is the same
    return np.tri(rows, columns, k, dtype=bool)
