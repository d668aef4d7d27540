"""One piece of memory, of which places are given out and taken back; how arrays lie in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .program import Value
from .schedule import nbytes

_ALIGNED = 64


class Memory:
    """One piece of memory, and what of it is free: places are given out and taken back."""

    def __init__(self) -> None:
        self.size = 0
        self._free: list[tuple[int, int]] = []  # (begin, end), in order

    def take(self, count: int, wanted: int | None = None) -> int:
        """Return where `count` bytes may be written; at `wanted` if that is free."""
        count = -(-count // _ALIGNED) * _ALIGNED
        fitting = [(a, b) for a, b in self._free if b - a >= count]
        if wanted is not None:
            fitting = [(a, b) for a, b in fitting if a <= wanted and wanted + count <= b] or fitting
        if not fitting:
            begin = self.size
            if self._free and self._free[-1][1] == begin:  # the last place grows
                begin, _ = self._free.pop()
            self.size = begin + count
            return begin
        begin, end = min(fitting, key=lambda place: place[1] - place[0])
        self._free.remove((begin, end))
        at = begin
        if wanted is not None and begin <= wanted and wanted + count <= end:
            at = wanted
        self._free += [(a, b) for a, b in ((begin, at), (at + count, end)) if a < b]
        self._free.sort()
        return at

    def give_back(self, begin: int, count: int) -> None:
        """Let a place be used again."""
        places = sorted([*self._free, (begin, begin + -(-count // _ALIGNED) * _ALIGNED)])
        self._free = []
        for a, b in places:
            if self._free and self._free[-1][1] == a:
                self._free[-1] = self._free[-1][0], b
            else:
                self._free.append((a, b))


# -- how an array lies in memory ---------------------------------------------------------------


def dtype_of(v: Value) -> np.dtype[Any]:
    """Return a value's dtype."""
    return np.asarray(v.data).dtype


def axis_order(v: Value) -> tuple[int, ...] | None:
    """Return the axes in the order in which they lie in memory; None if there are gaps."""
    data = np.asarray(v.data)
    order = sorted(range(data.ndim), key=lambda i: -abs(data.strides[i]))
    return tuple(order) if data.transpose(order).flags.c_contiguous else None


def alike(v: Value, other: Value) -> bool:
    """Whether two values can be the very same array, one after the other."""
    return (
        v.shape == other.shape
        and dtype_of(v) == dtype_of(other)
        and axis_order(v) == axis_order(other)
    )


def in_order(v: Value) -> bool:
    """Whether an array has numbers, one after the other in the order of its axes."""
    return axis_order(v) == tuple(range(len(v.shape))) and bool(nbytes(v))
