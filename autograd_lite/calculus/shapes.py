"""Functions that move numbers without changing them. Each is its own transpose's partner."""

from __future__ import annotations

import itertools
import math
import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..composite import as_array, composite
from ..fitting import as_dtype, unbroadcast, wider
from ..foreign import as_index
from ..modes import report_read, special
from ..primitive import Primitive, derivative
from ..protocol import Axis
from ..tensor import Tensor, form, unwrap

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


def _squeezed(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    return np.squeeze(np.broadcast_to(0, shape), axis=axis).shape


def _expanded(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    return np.expand_dims(np.broadcast_to(0, shape), axis).shape  # type: ignore[arg-type]


def _each(function: Any, arrays: Any) -> Any:
    results = tuple(function(as_array(a)) for a in arrays)
    return results[0] if len(results) == 1 else results


def _at_least_2d(a: Any) -> Any:
    return a if np.ndim(a) > 1 else reshape(a, shape=(1, -1))


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


# -- selecting and placing: each other's transpose ------------------------------------------


def _selects_once(index: Any) -> bool:
    """Whether an index selects no element twice: no integer array is in it."""
    parts = index if isinstance(index, tuple) else (index,)
    return not any(isinstance(i, (list, np.ndarray)) and np.asarray(i).dtype != bool for i in parts)


def _scatter(part: Any, shape: tuple[int, ...], index: Any) -> Any:
    if _selects_once(index):
        whole = np.zeros(shape, dtype=part.dtype)
        whole[index] = part
        return whole
    dtype = wider(part, None) or part.dtype  # many may add up in one place
    whole, terms = np.zeros(shape, dtype=dtype), part.astype(dtype, copy=False)
    places = _places(index, shape, part.size)
    if places is None:
        np.add.at(whole, index, terms)
    else:
        np.add.at(whole.reshape(-1), places, terms.reshape(-1))
    return whole.astype(part.dtype, copy=False)


def _places(index: Any, shape: tuple[int, ...], count: int) -> Any:
    """Return where in memory an index finds `count` numbers of an array of a shape.

    NumPy adds at a line of places in a fifth of the time that it takes at rows, in the same
    order. None where to find out would take longer than that saves.
    """
    if not count or len(shape) < 2:
        return None
    if isinstance(index, np.ndarray):  # of rows, as an embedding has it
        width = math.prod(shape[1:])
        return (index.astype(np.intp)[..., None] * width + np.arange(width)).reshape(-1)
    size = math.prod(shape)
    return np.arange(size).reshape(shape)[index].reshape(-1) if size <= 8 * count + 1024 else None


getitem: Primitive = derivative(
    lambda x, index: x[index],
    name="getitem",
    x=lambda g, x, index: scatter(g, shape=x.shape, index=index),
)
scatter: Primitive = derivative(
    _scatter, name="scatter", part=lambda g, index: getitem(g, index=index), parameters="shape"
)
"""Zeros of `shape`, with a part added at `index`; where indices repeat, they add up."""

# The same two where the index is itself a value on the tape: x[order], x[x > 0].


class TensorSlot:
    """Placeholder in an index for a Tensor, which is an operand of its own."""

    def __repr__(self) -> str:
        return "·"


TENSOR_SLOT = TensorSlot()


def _filled(index: Any, fillings: Any) -> Any:
    """Put the arrays into the slots of an index, in order."""
    if not isinstance(index, tuple):
        return fillings[0] if index is TENSOR_SLOT else index
    left = iter(fillings)
    return tuple(next(left) if i is TENSOR_SLOT else i for i in index)


gather: Primitive = derivative(
    lambda *arrays, index: arrays[0][_filled(index, arrays[1:])],
    name="getitem",
    operands="*arrays",
    joint=lambda g, arrays, index: (
        put(g, *arrays[1:], index=index, shape=arrays[0].shape),
        *[None] * (len(arrays) - 1),
    ),
)
put: Primitive = derivative(
    lambda *arrays, index, shape: _scatter(arrays[0], shape, _filled(index, arrays[1:])),
    name="scatter",
    operands="*arrays",
    joint=lambda g, arrays, index: (
        gather(g, *arrays[1:], index=index),
        *[None] * (len(arrays) - 1),
    ),
    parameters="shape",
)


def _item(x: Any, index: Any) -> Any:
    if isinstance(index, list):
        index = np.asarray(index) if index else np.asarray(index, dtype=int)
    if isinstance(index, tuple):
        fillings = [i for i in index if isinstance(i, Tensor)]
        if fillings:
            _report_masks(fillings)
            index = tuple(TENSOR_SLOT if isinstance(i, Tensor) else as_index(i) for i in index)
            return gather(x, *fillings, index=index)
    elif isinstance(index, Tensor):
        _report_masks([index])
        return gather(x, index, index=TENSOR_SLOT)
    return getitem(x, index=as_index(index))


def _report_masks(fillings: list[Tensor]) -> None:
    """Report masks to a recorder: their values decide the shape of the result."""
    for mask in fillings if special else ():
        if mask.dtype == bool:
            report_read(mask, "a shape that values decide")


item = composite(operator.getitem, _item)


def _take(
    a: Any, indices: Any, axis: int | None = None, out: None = None, mode: Any = "raise"
) -> Any:
    if axis is None or np.ndim(a) == 0:
        a, axis = np.ravel(a), 0
    axis = normalize_axis_index(axis, np.ndim(a))
    if mode != "raise" or form(indices).dtype.kind not in "iu":
        indices = np.take(np.arange(np.shape(a)[axis]), unwrap(indices), mode=mode)
    if not isinstance(indices, Tensor):
        indices = np.asarray(indices)
    return item(a, (slice(None),) * axis + (indices,))


composite(np.take, _take)


def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    if axis is None:
        return item(np.ravel(arr), indices)
    shape = np.shape(arr)
    axis %= len(shape)
    grid: list[Any] = [
        np.arange(n).reshape((1,) * i + (n,) + (1,) * (len(shape) - i - 1))
        for i, n in enumerate(shape)
    ]
    grid[axis] = indices
    return item(arr, tuple(grid))


composite(np.take_along_axis, _take_along_axis)


def _sort(
    a: Any,
    axis: int | None = -1,
    kind: Any = None,
    order: None = None,
    *,
    stable: bool | None = None,
) -> Any:
    if axis is None:
        a, axis = np.ravel(a), -1
    return np.take_along_axis(a, np.argsort(a, axis=axis, kind=kind, stable=stable), axis=axis)


composite(np.sort, _sort)


def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    if axis is None or np.ndim(a) == 0:
        a, axis = np.ravel(a), 0
    return np.take(a, np.repeat(np.arange(np.shape(a)[axis]), repeats), axis=axis)


composite(np.repeat, _repeat)


def _tile(A: Any, reps: Any) -> Any:
    index = np.tile(np.arange(np.size(A)).reshape(np.shape(A)), reps)
    return np.ravel(A)[index]


composite(np.tile, _tile)

# -- joining and splitting: each other's transpose -----------------------------------------

join: Primitive = derivative(
    lambda *arrays, axis=0: np.concatenate(arrays, axis),
    name="concatenate",
    operands="*arrays",
    joint=lambda g, arrays, axis=0: part(g, sizes=[a.shape[axis] for a in arrays], axis=axis),
)


def _parts(array: Any, sizes: Any, axis: int = 0) -> Any:
    """Return consecutive parts: what np.split does, which looks at more."""
    before = (slice(None),) * (axis % array.ndim)
    ends = [0, *itertools.accumulate(sizes)]
    return tuple(array[(*before, slice(*ab))] for ab in itertools.pairwise(ends))


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
