"""Where the values of a compiled program lie: in which array, and how their axes step through it.

Compiled code sees every array as one line of numbers. A view, such as a transpose, a slice or a
broadcast, is then no code at all, but another `Place` in the same line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..calculus.indexing import getitem
from .program import Step

Strides = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value's numbers are.

    Attributes
    ----------
    array
        The variable of the line of numbers.
    shape, strides
        The length along each axis, and how many numbers further its next element is.
    offset
        Where the first element is.
    base
        A variable that is added to all this; empty where there is none.
    """

    array: str
    shape: tuple[int, ...]
    strides: Strides
    offset: int = 0
    base: str = ""

    def index(self, variables: Sequence[str], strides: Strides | None = None) -> str:
        """Write the index of an element, from a variable for each axis."""
        terms = [self.base] if self.base else []
        terms += [str(self.offset)] if self.offset else []
        for variable, step in zip(
            variables, self.strides if strides is None else strides, strict=True
        ):
            if step:
                terms.append(variable if step == 1 else f"{variable} * {step}")
        return " + ".join(terms) or "0"

    def element(self, variables: Sequence[str], strides: Strides | None = None) -> str:
        """Write an element, from a variable for each axis."""
        index = self.index(variables, strides)
        # Of a loop's own variable the compiler knows that it is not negative.
        return f"{self.array}[{index if index.isalnum() else f'at({index})'}]"

    def over(self, shape: tuple[int, ...]) -> Strides:
        """Return the strides with which it is read where it is broadcast to a shape."""
        missing = len(shape) - len(self.shape)
        own = [0 if n == 1 else s for n, s in zip(self.shape, self.strides, strict=True)]
        return (*[0] * missing, *own)

    def replaced(self, shape: tuple[int, ...], strides: Strides, more: int = 0) -> Place:
        """Return another view of the same array."""
        return Place(self.array, shape, strides, self.offset + more, self.base)

    @property
    def is_line(self) -> bool:
        """Whether its elements lie one after the other, in order."""
        kept = [(n, s) for n, s in zip(self.shape, self.strides, strict=True) if n != 1]
        return [s for _, s in kept] == list(contiguous(tuple(n for n, _ in kept)))


def contiguous(shape: tuple[int, ...]) -> Strides:
    """Return the strides of an array whose last axis runs fastest."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def in_order(shape: tuple[int, ...], order: Sequence[int]) -> Strides:
    """Return the strides of an array without gaps whose axes lie in memory in this order.

    >>> in_order((2, 3, 4), (0, 2, 1))
    (12, 1, 3)
    """
    inner = contiguous(tuple(shape[i] for i in order))
    strides = dict(zip(order, inner, strict=True))
    return tuple(strides[i] for i in range(len(shape)))


def given(array: str, data: Any, base: str = "") -> Place:
    """Return the place of an array that is handed over by `line`."""
    order = _order(data)
    if order is None:
        return Place(array, np.shape(data), contiguous(np.shape(data)), 0, base)
    return Place(array, data.shape, in_order(data.shape, order), 0, base)


def _order(data: Any) -> tuple[int, ...] | None:
    """Return the axes as they lie in memory, where that is without gaps and not C's order."""
    if not isinstance(data, np.ndarray) or data.flags.c_contiguous:
        return None
    order = tuple(sorted(range(data.ndim), key=lambda i: -data.strides[i]))
    return order if data.transpose(order).flags.c_contiguous else None


def viewed(step: Step, place: Place) -> Place | None:
    """Return the place of a step's result if that is a view; None if numbers must be copied."""
    name, p, shape = step.primitive.name, step.parameters, step.results[0].shape
    if name == "transpose":
        axes = p.get("axes")
        axes = range(len(shape))[::-1] if axes is None else [a % len(shape) for a in axes]
        return place.replaced(shape, tuple(place.strides[a] for a in axes))
    if name == "broadcast_to":
        return place.replaced(shape, place.over(shape))
    if name == "reshape" and place.is_line:
        return place.replaced(shape, contiguous(shape))
    if step.primitive is getitem:
        return part(place, p["index"])
    return None


def part(place: Place, index: Any) -> Place | None:
    """Return the place of what an index of whole numbers, slices and None selects."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(
        isinstance(i, bool) or not isinstance(i, (int, np.integer, slice, type(None), type(...)))
        for i in parts
    ):
        return None
    taken = sum(1 for i in parts if i is not None and i is not ...)
    full = [slice(None)] * (len(place.shape) - taken)
    at = next((k for k, i in enumerate(parts) if i is ...), None)
    parts = [*parts, *full] if at is None else [*parts[:at], *full, *parts[at + 1 :]]
    axes = iter(zip(place.shape, place.strides, strict=True))
    shape, strides, offset = list[int](), list[int](), 0
    for i in parts:
        if i is None:
            shape.append(1)
            strides.append(0)
            continue
        length, stride = next(axes)
        if isinstance(i, slice):
            begin, end, step = i.indices(length)
            count = len(range(begin, end, step))
            offset += begin * stride if count else 0
            shape.append(count)
            strides.append(step * stride)
        else:
            offset += int(i) % length * stride
    return place.replaced(tuple(shape), tuple(strides), offset)


def collapsed(
    shape: tuple[int, ...], strides: Sequence[Strides]
) -> tuple[tuple[int, ...], list[Strides]]:
    """Join axes that all arrays step through as if they were one; leave out those of length 1.

    >>> collapsed((2, 3, 1), [(3, 1, 1), (0, 0, 0)])
    ((6,), [(1,), (0,)])
    """
    kept = [i for i, n in enumerate(shape) if n != 1]
    lengths = [shape[i] for i in kept]
    steps = [[s[i] for i in kept] for s in strides]
    for i in reversed(range(len(lengths) - 1)):
        if all(s[i] == s[i + 1] * lengths[i + 1] for s in steps):
            lengths[i] *= lengths.pop(i + 1)
            for s in steps:
                s[i] = s.pop(i + 1)
    return tuple(lengths), [tuple(s) for s in steps]


class Line:
    """Makes one line of numbers of each array that is given for an input.

    Parameters
    ----------
    place, dtype
        Of the input.
    is_written
        Whether the array itself is to be written into, so that a copy will not do.
    """

    __slots__ = ("axes", "dtype", "is_plain", "is_written", "place")

    def __init__(self, place: Place, dtype: np.dtype[Any], is_written: bool = False) -> None:
        self.place, self.dtype, self.is_written = place, dtype, is_written
        self.is_plain = bool(place.shape) and place.strides == contiguous(place.shape)
        order = sorted(range(len(place.shape)), key=lambda i: (-place.strides[i], i))
        self.axes = () if self.is_plain else tuple(order)  # as they lie in memory

    def __call__(self, a: Any) -> Any:
        """Return the array as a line, in the order that its place has."""
        if self.is_plain and self._serves(a):
            return a if a.ndim == 1 else a.reshape(-1)
        if not isinstance(a, np.ndarray):
            return np.array([a], self.dtype)
        order = self.axes or range(len(self.place.shape))
        more = a.ndim - len(order)  # axes in front that are scanned or batched
        turned = a.transpose((*range(more), *(i + more for i in order)))
        if self._serves(turned):
            return turned.reshape(-1)
        if self.is_written:
            raise ValueError(
                "What is updated must be a writeable array whose numbers lie one after the other."
            )
        return np.array(turned, self.dtype, order="C").reshape(-1)

    def _serves(self, a: Any) -> bool:
        flags = a.flags
        fits = flags.carray or (flags.c_contiguous and flags.aligned and not self.is_written)
        return fits and bool(a.dtype == self.dtype)


def shaped(flat: Any, place: Place) -> Any:
    """Return a line of numbers as the array that it stands for."""
    width = flat.itemsize
    strides = tuple(s * width for s in place.strides)
    return np.ndarray(place.shape, flat.dtype, flat, place.offset * width, strides)
