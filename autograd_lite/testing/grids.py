"""The values that arrays are filled with: a grid of short numbers, the simplest first.

Two bytes choose a value, and one draw all values of an array, where a list would take a draw
for each. The first byte chooses a simple number, the second one of those around it: so a
failing example shrinks to simple numbers, and then to the simplest.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import cycle
from typing import Any

import numpy as np

from ..tensor import Array
from .pasting import as_code

STEP = 1.0 / 64.0
"""Values are multiples of it: exact in float32, short to read, ties now and then."""
MARGIN = 4
"""How many steps values stay away from a kink."""
ALONE = 64
"""Of so few values, each is simple."""
FEWEST, MOST = 32, 2048
"""How many steps an interval has, or they are made smaller or larger."""


one_by_one: ContextVar[bool] = ContextVar("one_by_one", default=False)
"""Whether each value is a draw of its own: slower, and shrinks to fewer of them."""


@dataclass(frozen=True)
class Grid:
    """Simple numbers, each with those around it, and numbers that are hit now and then."""

    values: tuple[Any, ...]  # in ascending order
    on: tuple[Any, ...] = ()

    def every(self, first: int, step: int) -> Grid:
        """Return every so many-th value: grids that have no value in common."""
        return Grid(self.values[first::step], self.on)

    @cached_property
    def groups(self) -> list[Array]:
        """The simplest numbers first, each followed by those of which it is the nearest."""
        values = np.array(self.values)
        simple = [v for v in self.values if v % 0.25 == 0.0]
        if len(values) <= ALONE:
            simple = list(self.values)
        elif not 8 <= len(simple) <= 256:
            simple = list(self.values[:: len(values) // ALONE])
        away = np.abs(values.astype(float)[:, None] - np.array(simple, float))
        nearest = away.argmin(axis=1)
        groups = []
        for k in range(len(simple)):
            around = values[nearest == k]
            groups.append(around[np.argsort(away[nearest == k, k], kind="stable")])
        # Failing examples shrink towards the first: short, positive numbers. 0 and ±1 are not
        # simple: too much is right by accident there.
        groups.sort(
            key=lambda g: (g[0] % 1.0 != 0.0, g[0] in (0.0, 1.0, -1.0), abs(g[0]), g[0] < 0)
        )
        if self.on:  # after every second, one of the kinks
            kinks = cycle(np.array([v]) for v in self.on)
            pairs = [groups[i : i + 2] for i in range(0, len(groups), 2)]
            groups = [g for pair in pairs for g in (*pair, next(kinks))]
        return groups

    @cached_property
    def table(self) -> tuple[Array, Array, Array]:
        """The groups one after another, where each begins, and how long it is."""
        lengths = np.array([len(g) for g in self.groups])
        return np.concatenate(self.groups), np.cumsum(lengths) - lengths, lengths


def grid_of(
    dtype: Any,
    low: float,
    high: float,
    away_from: Sequence[float],
    on: Sequence[float],
    distinct_from: Sequence[Any] = (),
) -> Grid:
    """Return the grid of an interval, for a dtype.

    >>> grid_of(np.dtype(float), 0.0, 3.0, away_from=[1.5], on=[]).groups[0][:4].tolist()
    [2.0, 1.984375, 2.015625, 1.96875]
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"An interval is finite, and this one is [{low}, {high}]: see magnitudes.")
    if low > high:
        raise ValueError(f"There is no number from {low} to {high}: give low <= high.")
    kind = np.dtype(dtype).kind
    taken = tuple(sorted({float(v) for v in np.asarray(distinct_from).real}))
    grid = _grid(kind if kind in "biu" else "f", low, high, tuple(away_from), tuple(on), taken)
    if not grid.values:
        raise ValueError(
            f"No {np.dtype(dtype).name} from {low} to {high} is left away from {list(away_from)}"
            f"{' and distinct' if taken else ''}."
        )
    return grid


@lru_cache(maxsize=256)
def _grid(
    kind: str,
    low: float,
    high: float,
    away_from: tuple[float, ...],
    on: tuple[float, ...],
    taken: tuple[float, ...],
) -> Grid:
    if kind == "b":
        return Grid((True, False))
    step = 1.0 if kind in "iu" else STEP
    if kind == "f" and high > low:
        # Of a narrow interval smaller steps, of a wide one larger ones.
        while (high - low) / step < FEWEST:
            step /= 2.0
    while (high - low) / step > MOST:
        step *= 2.0
    if kind == "u":
        low = max(low, 0.0)
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    values = {k * step for k in range(first, last + 1)} | ({low} if low == high else set())
    if step > STEP and kind == "f":  # and the short numbers that are in a wide one
        values |= {k * STEP for k in range(-192, 193) if low <= k * STEP <= high}
    margin = MARGIN * min(step, STEP)
    kept = [v for v in values if all(abs(v - kink) >= margin for kink in away_from)]
    kept = sorted(v for v in kept if v not in taken)
    if kind in "iu":
        return Grid(tuple(map(int, kept)), tuple(map(int, on)))
    return Grid(tuple(kept), tuple(map(float, on)))


def draw_values(
    draw: Any, shape: tuple[int, ...], dtype: Any, grid: Grid, unique: bool = False, after: int = 0
) -> Array:
    """Draw an array from a grid; of complex numbers, both parts.

    The values are counted on from the place of the first, so that in the simplest example
    they are not all equal; and from `after`, so that those of several arrays are not.
    """
    from hypothesis import strategies as st

    size = int(np.prod(shape, dtype=int))
    if unique and size > len(grid.values):
        raise ValueError(f"There are {len(grid.values)} values, not {size} different ones.")
    parts = 2 if np.dtype(dtype).kind == "c" else 1
    values, begins, lengths = grid.table
    if one_by_one.get():
        # Each a draw that can be left out.
        one = st.tuples(st.integers(0, len(begins) - 1), st.integers(0, int(lengths.max()) - 1))
        chosen = np.array([draw(one) for _ in range(size * parts)], int).reshape(-1, 2)
        group, around = chosen[:, 0], chosen[:, 1]
    else:
        length = 2 * size * parts
        drawn = np.frombuffer(draw(st.binary(min_size=length, max_size=length)), "u1").astype(int)
        group = (drawn[::2] + np.arange(size * parts) + after) % len(begins)
        around = drawn[1::2]
    places = begins[group] + around % lengths[group]
    if unique:
        places[:size] = _distinct(places[:size], values)
    found = values[places]
    if parts == 2:
        found = found[:size] + 1j * found[size:]
    return np.asarray(found).astype(dtype).reshape(shape)


def _distinct(places: Array, values: Array) -> Array:
    """Move each place on to the next whose value is not taken."""
    taken: set[Any] = set()
    for k, place in enumerate(places.tolist()):
        while values[place] in taken:
            place = (place + 1) % len(values)
        taken.add(values[place])
        places[k] = place
    return places


def pasteable(value: Any) -> Any:
    """Let Hypothesis print a drawn value as Python that can be pasted."""
    try:
        from hypothesis.control import current_build_context
        from hypothesis.vendor.pretty import IDKey

        printers = current_build_context().known_object_printers[IDKey(value)]
    except Exception:  # another version of Hypothesis: it prints what it can
        return value
    if not printers:
        printers.append(lambda obj, printer, cycle: printer.text(as_code(obj)))
    return value
