"""Selecting and placing: each other's transpose. What takes an index ends here."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..composite import composite
from ..fitting import wider
from ..foreign import as_index
from ..modes import report_read, special
from ..primitive import Primitive, derivative
from ..tensor import Tensor, form, unwrap


def along(axis: int, ndim: int, index: Any) -> tuple[Any, ...]:
    """Return an index that is `index` along one axis and everything along the others."""
    return (slice(None),) * (axis % ndim) + (index,)


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
    return item(a, along(axis, np.ndim(a), indices))


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
