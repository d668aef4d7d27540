"""Loops over numbers, written out: elementwise steps, matrix products, sums, copies.

`Body` gathers lines of Python that Numba compiles. What the loops need is known when they are
written: every length and every stride is a number in the text.

What was measured, and so is done here:

* at most five elementary functions stand in one loop; what has more runs as several small loops
  over 512 elements at a time;
* an array of a fixed small size lives on the stack;
* an index is never looked at for being negative (`at`), else a loop may not run over several
  elements at once;
* sums over long axes run over several elements at once (`added`), 512 of them; those partial
  sums are added with the part that each addition loses (Kahan, *CACM* 8, 1965), so that a sum
  is at least as good as NumPy's pairwise one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from .numba_elements import BLOCK, Elements, count_of
from .numba_expressions import dtype_of, expression, number, own_function
from .numba_memory import Place, collapsed, contiguous
from .numba_tile import Tile
from .program import Step, Value
from .schedule import Loop

SHORT = 16
"""The sums of a product are added up so many numbers at a time, in a loop that is unrolled."""


@dataclass(slots=True)
class Text:
    """Lines, and how deep the next one stands."""

    lines: list[str]
    depth: int

    def __call__(self, line: str) -> None:
        """Write a line."""
        self.lines.append("    " * self.depth + line)

    @contextmanager
    def inside(self, header: str) -> Iterator[None]:
        """Write a line with a colon, and what follows under it."""
        self(header)
        self.depth += 1
        yield
        self.depth -= 1

    @contextmanager
    def over(self, shape: Sequence[int], names: Sequence[str]) -> Iterator[None]:
        """Write nested loops."""
        for n, name in zip(shape, names, strict=True):
            self(f"for {name} in range({n}):")
            self.depth += 1
        yield
        self.depth -= len(shape)


class Body:
    """The lines of one run, and the small arrays that they use.

    Parameters
    ----------
    place
        Returns where a value lies, or what place it is given when it is first written.
    free
        Returns a name that nothing has, from a wish.
    """

    def __init__(
        self, place: Callable[[Value], Place | str], free: Callable[[str], str], depth: int
    ) -> None:
        self.place, self.free = place, free
        self.write = Text([], depth)
        self.small: dict[str, tuple[int, np.dtype[Any]]] = {}  # on the stack
        self.own: set[tuple[str, str]] = set()  # elementary functions, by module
        self.tiles: dict[str, str] = {}  # functions, by what makes them
        self.handed: dict[str, None] = {}  # arrays that are handed on whole

    def stack(self, wish: str, count: int, dtype: np.dtype[Any]) -> str:
        """Return the name of a new small array."""
        name = self.free(wish)
        self.small[name] = count, dtype
        return name

    def tile(self, tile: Tile) -> str:
        """Return the name of a tile's function."""
        if tile.text() not in self.tiles:
            self.tiles[tile.text()] = self.free("tile")
        return self.tiles[tile.text()]

    # -- elementwise steps ------------------------------------------------------------------

    def loop(self, loop: Loop, sums: dict[Value, list[Value]], is_shared: bool = False) -> int:
        """Write a loop over elements; return how many turns it has, if threads share it.

        Parameters
        ----------
        loop
            Its steps.
        sums
            For results of steps, what their sum over all elements is called elsewhere.
        is_shared
            Whether it runs over ``range(begin, end)`` of its turns.
        """
        operands = [v for v in loop.operands if not (v.is_constant and not v.shape)]
        stored = [v for v in loop.results if not isinstance(self.place(v), str)]
        places: dict[Value, Place] = {}
        names: dict[Value, str] = {}
        for v in (*operands, *stored):
            place = self.place(v)
            if isinstance(place, str):
                names[v] = place
            else:
                places[v] = place
        over = [p.over(loop.shape) for p in places.values()]
        lead = places[stored[0]].strides if stored else contiguous(loop.shape)
        order = sorted(range(len(loop.shape)), key=lambda i: -lead[i])  # as the result lies
        shape, strides = collapsed(
            tuple(loop.shape[i] for i in order), [tuple(s[i] for i in order) for s in over]
        )
        steps = dict(zip(places, strides, strict=True))
        for v in operands:
            if v in places and not any(steps[v]):  # the same number for all elements
                names[v] = self.free(v.name or "a")
                self.write(f"{names[v]} = {places[v].element(['0'] * len(shape), steps[v])}")
        if not loop.shape:
            self._numbers(loop, names, places)
            return 1
        return Elements(self, loop, sums, places, steps, names, shape).write(is_shared)

    def _numbers(self, loop: Loop, names: dict[Value, str], places: dict[Value, Place]) -> None:
        """Write steps on single numbers."""
        for step in loop.steps:
            (v,) = step.results
            place = self.place(v)
            names[v] = place if isinstance(place, str) else self.free(v.name or "t")
            self.write(f"{names[v]} = {self.expression(step, names)}")
            if v in places:
                self.write(f"{places[v].element([])} = {names[v]}")

    def expression(self, step: Step, names: dict[Value, str], near: bool = False) -> str:
        """Write a step from the names of its operands."""
        own = own_function(step)
        text = expression(step, [names.get(v, "") for v in step.operands], near)
        assert text is not None
        if own:
            module = "elementary" if dtype_of(step.results[0]) == np.float64 else "elementary32"
            called = text.partition("(")[0]
            self.own.add((module, called.removesuffix("32") if module[-2:] == "32" else called))
        return text

    # -- matrix products --------------------------------------------------------------------

    def product(self, c: Place, a: Place, b: Place, dtype: np.dtype[Any]) -> None:
        """Write c = a b; what is a vector has got an axis of length 1 for this."""
        (*batch, m, n), k = c.shape, a.shape[-1]
        write, outer = self.write, [f"n{i}" for i in range(len(batch))]
        zero = number(0, dtype)
        sa, sb = (p.over((*batch, *p.shape[-2:])) for p in (a, b))
        if n > 1 and b.strides[-1] != 1 and k * n <= 4096 and not batch:
            packed = Place(self.stack("packed", k * n, dtype), (k, n), (n, 1))
            with write.over((k, n), "kj"):
                write(f"{packed.element('kj')} = {b.element('kj')}")
            b, sb = packed, packed.strides
        parts = max(1, -(-k // SHORT))
        length = -(-k // parts)

        def part(count: int, at: str, begin: str) -> None:
            with write.over((m, n), "ij"):
                write(f"s = {begin}")
                with write.inside(f"for k in range({count}):"):
                    ak, kb = a.element([*outer, "i", at], sa), b.element([*outer, at, "j"], sb)
                    write(f"s = product_added(s, {ak}, {kb})")
                write(f"{cell} = s")

        cell = c.element([*outer, "i", "j"])
        with write.over(batch, outer):
            if parts == 1:
                part(k, "k", zero)
                return
            with write.over((m, n), "ij"):
                write(f"{cell} = {zero}")
            full, rest = divmod(k, length)
            with write.inside(f"for b in range({full}):"):
                write(f"first = b * {length}")
                part(length, "(first + k)", cell)
            if rest:
                part(rest, f"({full * length} + k)", cell)

    # -- sums, and other ways to make one number of many -------------------------------------

    def reduction(
        self, name: str, c: Place | str, a: Place, axes: frozenset[int], dtype: np.dtype[Any],
        initial: Any = None,
    ) -> None:  # fmt: skip
        """Write the sum, max or min of `a` over axes, as `c`, which has 1 or nothing there.

        `initial` is a number that counts with those of `a`.
        """
        kept = [i for i in range(len(a.shape)) if i not in axes]
        across = [i for i in range(len(a.shape)) if i in axes]
        write, variables = self.write, [f"i{i}" for i in range(len(a.shape))]
        outer, lengths = [variables[i] for i in kept], [a.shape[i] for i in kept]
        start = 0 if initial is None and name == "sum" else initial
        first = "" if start is None else number(start, dtype)
        inner = across and (not kept or a.strides[across[-1]] < a.strides[kept[-1]])
        if isinstance(c, str) or inner or not kept or not across:
            with write.over(lengths, outer):
                self._reduced(name, a, across, variables, dtype, first)
                write(f"{c if isinstance(c, str) else c.element(outer)} = s")
            return
        begin = [v if i in kept else "0" for i, v in enumerate(variables)]
        with write.over(lengths, outer):
            write(f"{c.element(outer)} = {first or a.element(begin)}")
        order = [*across, *kept]
        with write.over([a.shape[i] for i in order], [variables[i] for i in order]):
            cell = c.element(outer)
            write(f"s, x = {cell}, {self._as(a.element(variables), dtype)}")
            write(f"{cell} = {_combined(name, sum_call='s + x')}")

    def _reduced(
        self, name: str, a: Place, across: list[int], variables: list[str], dtype: Any, first: str
    ) -> None:
        """Write the reduction of the elements across as the variable s."""
        write = self.write
        shape, (strides,) = collapsed(
            tuple(a.shape[i] for i in across), [tuple(a.strides[i] for i in across)]
        )
        rest = [
            (v, s)
            for i, (v, s) in enumerate(zip(variables, a.strides, strict=True))
            if i not in across
        ]
        names = [f"j{i}" for i in range(len(shape))]

        def element(inner: Sequence[str]) -> str:
            return a.element([*(v for v, _ in rest), *inner], (*(s for _, s in rest), *strides))

        write(f"s = {first or element(['0'] * len(shape))}")
        if name == "sum" and len(shape) == 1 and shape[0] > BLOCK:
            self._in_parts(shape[0], lambda i: self._as(element([i]), dtype), dtype)
            return
        if name != "sum" and dtype.kind == "f":
            write("odd = s != s  # whether there is a NaN")
            with write.over(shape, names):
                write(f"x = {element(names)}")
                write(f"s = {'larger' if name == 'max' else 'smaller'}(s, x)")
                write("odd |= x != x")
            write(f"s = {number(np.nan, dtype)} if odd else s")
            return
        with write.over(shape, names):
            write(f"x = {self._as(element(names), dtype)}")
            write(f"s = {_combined(name)}")

    def _in_parts(self, n: int, element: Callable[[str], str], dtype: np.dtype[Any]) -> None:
        """Write a long sum: parts of `BLOCK` elements, and what adding them up loses."""
        write, zero = self.write, number(0, dtype)
        write(f"lost = {zero}")
        with write.inside(f"for b in range({-(-n // BLOCK)}):"):
            write(f"first, part = b * {BLOCK}, {zero}")
            with write.inside(f"for i in range({count_of(n)}):"):
                write(f"part = added(part, {element('first + i')})")
            self.carried("s", "lost", "part")

    def carried(self, total: str, lost: str, part: str) -> None:
        """Write total += part, with what that loses in a variable of its own."""
        self.write(f"{part} -= {lost}")
        self.write(f"whole = {total} + {part}")
        self.write(f"{lost} = (whole - {total}) - {part} if abs(whole) < np.inf else {lost}")
        self.write(f"{total} = whole")

    def _as(self, text: str, dtype: np.dtype[Any]) -> str:
        return f"np.int64({text})" if dtype == np.int64 else text

    # -- copies ---------------------------------------------------------------------------------

    def copy(self, c: Place, a: Place, adds: bool = False) -> None:
        """Write c = a, or c += a; a is broadcast."""
        shape, (sc, sa) = collapsed(c.shape, [c.strides, a.over(c.shape)])
        names = [f"i{i}" for i in range(len(shape))]
        with self.write.over(shape, names):
            self.write(f"{c.element(names, sc)} {'+' if adds else ''}= {a.element(names, sa)}")

    def fill(self, c: Place, text: str) -> None:
        """Write one number into all of c, which is a line."""
        with self.write.inside(f"for i in range({prod(c.shape)}):"):
            self.write(f"{c.replaced((prod(c.shape),), (1,)).element('i')} = {text}")


def _combined(name: str, sum_call: str = "added(s, x)") -> str:
    if name == "sum":
        return sum_call
    sign = ">=" if name == "max" else "<="
    return f"s if s {sign} x or s != s else x"
