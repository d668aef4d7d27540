"""Batching rules of indices: parts of each example, and each example's own parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..calculus import indexing
from ..calculus.indexing import TENSOR_SLOT
from .rules import BatchedStep, rule

_N = 5  # a length that nothing else has, in `_where`


def _is_places(part: Any) -> bool:
    """Whether a part of an index is an index array, or stands for a Tensor that is."""
    return part is TENSOR_SLOT or isinstance(part, (list, np.ndarray, bool, np.bool_))


def _spelled(index: Any) -> tuple[Any, ...]:
    """Return an index as a tuple, with places in place of masks."""
    parts: list[Any] = []
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, list):
            part = np.asarray(part) if part else np.zeros(0, int)
        if isinstance(part, np.ndarray) and part.dtype == bool and part.ndim:
            parts += part.nonzero()
        else:
            parts.append(part)
    return tuple(parts)


def _where(parts: tuple[Any, ...], ndim: int) -> int:
    """Return at which axis of a result the looked-up indices stand.

    NumPy puts them where they are in the index if they are side by side there, else first: a
    small array is asked.
    """
    probe = np.broadcast_to(0, (2,) * ndim)
    indices = np.zeros(_N, int)
    index = tuple(
        p if p is None or p is Ellipsis or isinstance(p, slice) else indices for p in parts
    )
    whole = tuple(slice(None) if isinstance(p, slice) else p for p in index)
    return probe[whole].shape.index(_N)


def _is_whole(part: Any) -> bool:
    return isinstance(part, (int, np.integer)) and not isinstance(part, (bool, np.bool_))


@rule(indexing.getitem)
def _getitem(step: BatchedStep) -> Any:
    index = step.parameters["index"]
    parts = index if isinstance(index, tuple) else (index,)
    further = (slice(None), *parts)
    if not any(map(_is_places, parts)) or _goes_on(parts, step.ndims[0]):
        return step.apply(step.operands[0], index=further)
    # The indexed axes come first in the result: the examples go behind all, where they stay.
    last = step.apply(np.moveaxis(step.operands[0], 0, -1), index=(*parts, slice(None)))
    return np.moveaxis(last, -1, 0)


def _goes_on(parts: tuple[Any, ...], ndim: int) -> bool:
    """Whether an axis in front moves all axes of the result one further on."""
    if any(isinstance(p, (bool, np.bool_)) or np.shape(p) == () for p in parts if _is_places(p)):
        return False
    spelled = _spelled(parts)
    return _where((slice(None), *spelled), ndim + 1) == _where(spelled, ndim) + 1


@rule(indexing.scatter)
def _scatter(step: BatchedStep) -> Any:
    index, shape = step.parameters["index"], step.parameters["shape"]
    parts = index if isinstance(index, tuple) else (index,)
    chosen = np.broadcast_to(0, shape)[index]
    part = step.aligned(0, chosen.ndim)
    if not any(map(_is_places, parts)) or _goes_on(parts, len(shape)):
        return step.apply(part, shape=(step.count, *shape), index=(slice(None), *parts))
    last = step.apply(
        np.moveaxis(part, 0, -1), shape=(*shape, step.count), index=(*parts, slice(None))
    )
    return np.moveaxis(last, -1, 0)


class _Lookup:
    """An index with arrays of its own for each example, as NumPy is asked for it.

    Attributes
    ----------
    at
        The axis at which the indexed axes begin in the result of one example.
    depth
        How many axes the index arrays have together.
    """

    def __init__(self, step: BatchedStep, ndim: int) -> None:
        self.step = step
        self.parts = _spelled(step.parameters["index"])
        self.at = _where(self.parts, ndim)
        fillings = iter(step.of_one[1:])
        of_one = [next(fillings) if p is TENSOR_SLOT else p for p in self.parts]
        looked_up = [np.shape(p) for p in of_one if not _is_other(p)]
        self.depth = len(np.broadcast_shapes(*looked_up))

    def own(self) -> list[Any]:
        """Return what fills the slots, the examples in front of the index arrays' axes."""
        return [self.step.aligned(i, self.depth) for i in range(1, len(self.step.operands))]

    def examples(self) -> Any:
        """Return the number of each example, in front of the axes of all index arrays."""
        count = self.step.count
        return np.arange(count).reshape((count,) + (1,) * self.depth)

    def back(self, result: Any) -> Any:
        """Move the indexed axes, which follow the examples, to where they stand of one example."""
        axes = range(1, self.depth + 1)
        return np.moveaxis(result, [*axes], [a + self.at for a in axes]) if self.at else result

    def forth(self, part: Any) -> Any:
        """Move them from there to behind the examples."""
        axes = range(1, self.depth + 1)
        return np.moveaxis(part, [a + self.at for a in axes], [*axes]) if self.at else part


def _is_other(part: Any) -> bool:
    return part is None or part is Ellipsis or isinstance(part, slice)


@rule(indexing.gather)
def _gather(step: BatchedStep) -> Any:
    if any(isinstance(p, (bool, np.bool_)) for p in _tuple(step)):
        return NotImplemented
    lookup = _Lookup(step, step.ndims[0])
    if step.is_mapped[0]:
        index = (lookup.examples(), *lookup.parts)
        return lookup.back(indexing.gather.apply(step.operands[0], *lookup.own(), index=index))
    looked_up = indexing.gather.apply(step.operands[0], *lookup.own(), index=lookup.parts)
    return np.moveaxis(looked_up, lookup.at, 0) if lookup.at else looked_up


@rule(indexing.put)
def _put(step: BatchedStep) -> Any:
    shape = step.parameters["shape"]
    if any(isinstance(p, (bool, np.bool_)) for p in _tuple(step)):
        return NotImplemented
    lookup = _Lookup(step, len(shape))
    chosen = np.broadcast_to(0, shape)[indexing._filled(step.parameters["index"], step.of_one[1:])]
    part = np.broadcast_to(step.aligned(0, chosen.ndim), (step.count, *chosen.shape))
    return indexing.put.apply(
        lookup.forth(part),
        *lookup.own(),
        index=(lookup.examples(), *lookup.parts),
        shape=(step.count, *shape),
    )


def _tuple(step: BatchedStep) -> tuple[Any, ...]:
    index = step.parameters["index"]
    return index if isinstance(index, tuple) else (index,)
