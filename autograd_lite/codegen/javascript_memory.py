"""Where the numbers of a program in JavaScript lie, and the loops that walk over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from .javascript_expressions import number
from .program import Value

Text = list[str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the numbers of a value lie."""

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def at(self, letters: Sequence[str]) -> str:
        """Return the element at these indices; an axis of one element needs none."""
        terms = [
            name if step == 1 else f"{step}*{name}"
            for name, step, n in zip(letters, self.strides, self.shape, strict=True)
            if step and n != 1
        ]
        if self.offset or not terms:
            terms.insert(0, str(self.offset))
        return f"m[{'+'.join(terms).replace('+-', '-')}]"

    def numbers(self) -> Any:
        """Return an array of this shape of where each number lies."""
        where = np.full(self.shape, self.offset, np.int64)
        for axis, (n, step) in enumerate(zip(self.shape, self.strides, strict=True)):
            along = [-1 if i == axis else 1 for i in range(len(self.shape))]
            where += (np.arange(n) * step).reshape(along)
        return where

    def spread(self, shape: tuple[int, ...]) -> Place:
        """Return the place, broadcast."""
        missing = len(shape) - len(self.shape)
        strides = [s if n != 1 else 0 for s, n in zip(self.strides, self.shape, strict=True)]
        return Place(self.offset, shape, (*(0,) * missing, *strides))

    @property
    def is_one_run(self) -> bool:
        """Whether the numbers lie behind each other, in order."""
        return self == line(self.offset, self.shape)


def line(offset: int, shape: tuple[int, ...]) -> Place:
    """Return the place of numbers that lie behind each other."""
    strides = [prod(shape[i + 1 :]) for i in range(len(shape))]
    return Place(offset, shape, tuple(strides))


def regular(where: Any) -> Place | None:
    """Return the place that has these numbers, if a constant stride along each axis has them."""
    where = np.asarray(where)
    if not where.size:
        return Place(0, where.shape, (0,) * where.ndim)
    first = int(where.flat[0])
    strides = []
    for axis, n in enumerate(where.shape):
        second = tuple(int(i == axis) for i in range(where.ndim))
        strides.append(int(where[second]) - first if n > 1 else 0)
    place = Place(first, where.shape, tuple(strides))
    return place if np.array_equal(place.numbers(), where) else None


def merged(
    places: Sequence[Place], shape: tuple[int, ...] | None = None
) -> tuple[tuple[int, ...], list[Place]]:
    """Walk along as few axes as these places of one shape allow."""
    shape = places[0].shape if shape is None else shape
    kept = [k for k, n in enumerate(shape) if n != 1]
    sizes: list[int] = []
    strides: list[list[int]] = [[] for _ in places]
    for k in kept:
        steps = [p.strides[k] for p in places]
        if sizes and all(s[-1] == step * shape[k] for s, step in zip(strides, steps, strict=True)):
            sizes[-1] *= shape[k]
            for s, step in zip(strides, steps, strict=True):
                s[-1] = step
        else:
            sizes.append(shape[k])
            for s, step in zip(strides, steps, strict=True):
                s.append(step)
    new = tuple(sizes)
    return new, [Place(p.offset, new, tuple(s)) for p, s in zip(places, strides, strict=True)]


class Lines:
    """Lines of JavaScript, and the places of the values that they read and write.

    Attributes
    ----------
    places
        Of each value that has one by now.
    size
        How many numbers there are.
    constants, body
        What is written before the first run, and what each run does.
    """

    def __init__(self) -> None:
        self.places: dict[Value, Place] = {}
        self.size = 0
        self.constants: Text = []
        self.body: Text = []
        self._tables: dict[bytes, str] = {}

    # -- places --------------------------------------------------------------------------------

    def room(self, shape: tuple[int, ...]) -> Place:
        """Return a place that nothing else has."""
        place = line(self.size, shape)
        self.size += prod(shape)
        return place

    def new(self, v: Value) -> Place:
        """Make room for a value."""
        self.places[v] = self.room(v.shape)
        return self.places[v]

    def place(self, v: Value) -> Place:
        """Return where a value lies; a constant is put there before the first run."""
        if v not in self.places:
            assert v.is_constant
            place = self.new(v)
            numbers = np.asarray(v.data, float).ravel()
            if numbers.size and np.all(numbers == numbers[0]) and numbers.size > 4:
                end = place.offset + numbers.size
                self.constants.append(f"m.fill({number(numbers[0])}, {place.offset}, {end});")
            else:
                self.constants.append(f"m.set([{','.join(map(number, numbers))}], {place.offset});")
        return self.places[v]

    def table(self, numbers: Any) -> str:
        """Return the name of an array of whole numbers."""
        flat = np.asarray(numbers, np.int64).ravel()
        key = flat.tobytes()
        if key not in self._tables:
            self._tables[key] = name = f"table{len(self._tables) + 1}"
            self.constants.append(f"const {name} = Int32Array.of({','.join(map(str, flat))});")
        return self._tables[key]

    def zeroed(self, place: Place) -> Place:
        """Write zeros into a new place."""
        self.body.append(f"m.fill(0, {place.offset}, {place.offset + prod(place.shape)});")
        return place

    def in_one_run(self, place: Place) -> Place:
        """Return a place, copied if its numbers do not lie behind each other in order."""
        if place.is_one_run:
            return place
        made = self.room(place.shape)
        self.each([made, place], "{} = {};")
        return made

    def copied(self, place: Place) -> Place:
        """Return a copy."""
        made = self.room(place.shape)
        self.each([made, place], "{} = {};")
        return made

    def flat(self, place: Place) -> Place:
        """Return a place as one line."""
        place = self.in_one_run(place)
        return line(place.offset, (prod(place.shape),))

    # -- loops ---------------------------------------------------------------------------------

    def nest(self, axes: Iterable[tuple[str, int]], inner: Text) -> None:
        """Write loops around lines."""
        around = [(name, n) for name, n in axes if n != 1]
        if any(n == 0 for _, n in around):
            return
        self.body += [f"for (let {i} = 0; {i} < {n}; {i}++) {{" for i, n in around]
        self.body += [*inner, "}" * len(around)] if around else inner

    def turns(self, count: int, text: str) -> None:
        """Write a line for i from 0 to a count."""
        self.body.append(f"for (let i = 0; i < {count}; i++) {text}")

    def each(self, places: Sequence[Place], template: str) -> None:
        """Write a line for each element of places of one shape."""
        shape, places = merged(places)
        letters = [f"i{k}" for k in range(len(shape))]
        texts = [p.at(letters) for p in places]
        self.nest(zip(letters, shape, strict=True), [template.format(*texts)])
