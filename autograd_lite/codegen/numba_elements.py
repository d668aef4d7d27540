"""One loop over elements, written out: elementwise steps that run together.

A step's result is a variable, for one element, unless something outside of the loop reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from .numba_expressions import dtype_of, is_heavy, number, own_function
from .numba_memory import Place, Strides
from .program import Step, Value
from .schedule import Loop

if TYPE_CHECKING:
    from .numba_blocks import Body

BLOCK = 512
"""Elements in one turn, where a loop is cut into several."""
HEAVY = 5
"""Elementary functions in one loop."""
PAIRS = 32
"""So many cosines at most wait in a block each for the gradient that reads them."""
LANES = 32
"""A short loop with elementary functions runs over so many elements at once, and to the end of the
last such group: what is left over would be done one by one, which takes as long as all the rest.
Small arrays are made longer for it; what stands there is never read."""
LINE = 4096
"""Elements in one turn of a loop that threads share."""


def rounded(n: int) -> int:
    """Return how long a small array is of which `n` numbers are used; of few, no longer."""
    return max(n, 1) if n <= 4 else -(-n // LANES) * LANES


def count_of(n: int, size: int = BLOCK) -> str:
    """Write how many elements are in the turn that begins at `first`."""
    return str(size) if n % size == 0 else f"min({size}, {n} - first)"


class Elements:
    """The writing of one loop over elements; see `Body.loop`."""

    def __init__(
        self,
        body: Body,
        loop: Loop,
        sums: dict[Value, list[Value]],
        places: dict[Value, Place],
        strides: dict[Value, Strides],
        names: dict[Value, str],
        shape: tuple[int, ...],
    ) -> None:
        self.body, self.loop, self.sums = body, loop, sums
        self.places, self.strides, self.names = places, strides, names
        self.shape = shape or (1,)
        if not shape:
            self.strides = dict.fromkeys(strides, (0,))
        self.variables = [f"i{k}" for k in range(len(self.shape))]

    def write(self, is_shared: bool) -> int:
        """Write all of it; see `Body.loop`."""
        write = self.body.write
        n = self.shape[-1]
        is_line = len(self.shape) == 1
        totals = [(v, self.body.free("total"), self.body.free("lost")) for v in self.sums]
        for v, total, lost in totals:
            write(f"{total} = {lost} = {number(0, dtype_of(v))}")
        heavy = sum(map(is_heavy, self.loop.steps))
        waves = [s for s in self.loop.steps if own_function(s) in ("sin", "cos")]
        long = is_line and n > BLOCK and (heavy > HEAVY or totals)
        cut = is_line and (long or waves or heavy > HEAVY)
        groups = _grouped(self.loop.steps) if cut else [list(self.loop.steps)]
        if is_line and heavy and 4 < n <= BLOCK and n % LANES:
            groups = [part for group in groups for part in self._split(group, n)]
            cut = True
        if is_shared and is_line:
            size = BLOCK if cut else LINE
            self._in_blocks(n, [], waves, groups, size, is_shared)
            return -(-n // size)
        if is_shared:
            first, *rest = self.variables
            with (
                write.inside(f"for {first} in range(begin, end):"),
                write.over(self.shape[1:], rest),
            ):
                self._steps(self.loop.steps, self.variables, {}, {}, False)
            return self.shape[0]
        if not cut:
            parts = [(v, self.body.free("part")) for v in self.sums]
            for v, part in parts:
                write(f"{part} = {number(0, dtype_of(v))}")
            with write.over(self.shape, self.variables):
                self._steps(self.loop.steps, self.variables, dict(parts), {}, False)
            for (_, total, lost), (_, part) in zip(totals, parts, strict=True):
                self.body.carried(total, lost, part)
        else:
            self._in_blocks(n, totals, waves, groups)
        for v, total, _ in totals:
            for named in self.sums[v]:
                place = self.body.place(named)
                if not isinstance(place, str):
                    place = place.element(["0"] * len(place.shape))
                write(f"{place} = {total}")
        return 1

    def _split(self, group: list[Step], n: int) -> list[list[Step]]:
        """Cut a group behind its last step that can run to the end of a group of lanes."""
        heavy = [k for k, step in enumerate(group) if is_heavy(step)]
        end = 0
        while end < len(group) and self._is_longer(group[end], n):
            end += 1
        if not heavy or end <= heavy[-1] or end == len(group):
            return [group]
        return [group[:end], group[end:]]

    def _is_longer(self, step: Step, n: int) -> bool:
        """Whether what a step reads and writes lies in small arrays, one element after another."""
        for v in (*step.operands, *step.results):
            if v in self.sums:
                return False
            place = self.places.get(v)
            if place is None or v in self.names:
                continue
            count, _ = self.body.small.get(place.array, (0, None))
            is_whole = count == n == prod(place.shape) and not place.base and not place.offset
            if not (is_whole and self.strides[v] == (1,)):
                return False  # what lies behind it is another's
        return True

    def _in_blocks(
        self,
        n: int,
        totals: list[tuple[Value, str, str]],
        waves: list[Step],
        groups: list[list[Step]],
        size: int = BLOCK,
        is_shared: bool = False,
    ) -> None:
        write, variable = self.body.write, self.body.free("i")
        scratch = self._scratch(groups, min(n, size))
        parts = {v: self.body.free("part") for v in self.sums}

        def turns(count: str, index: str) -> None:
            for group in groups:
                inner = [s for s in group if s in waves]
                own = {v: p for v, p in parts.items() if any(v in s.results for s in group)}
                for near in (True, False) if inner else (False,):
                    if near:
                        write("far = False")
                    elif inner:
                        write("if far:  # arguments so large that the reduction is the C library's")
                        write.depth += 1
                    for v, part in own.items():
                        write(f"{part} = {number(0, dtype_of(v))}")
                    turn = count
                    if n <= BLOCK and any(map(is_heavy, group)):
                        is_longer = all(self._is_longer(step, n) for step in group)
                        turn = str(rounded(n)) if is_longer else count
                    with write.inside(f"for {variable} in range({turn}):"):
                        self._steps(group, [index], own, scratch, near, variable)
                    if inner and not near:
                        write.depth -= 1
            for v, total, lost in totals:
                self.body.carried(total, lost, parts[v])

        if n <= size:
            turns(str(n), variable)
            return
        with write.inside(f"for b in range({'begin, end' if is_shared else -(-n // size)}):"):
            write(f"first = b * {size}")
            if n % size:
                write(f"count = {count_of(n, size)}")
            turns(str(size) if n % size == 0 else "count", f"(first + {variable})")

    def _scratch(self, groups: list[list[Step]], length: int) -> dict[Value, str]:
        """Return arrays of a block's length for what one group makes and a later one reads."""
        made = {v: g for g, group in enumerate(groups) for s in group for v in s.results}
        last: dict[Value, int] = {}
        for g, group in enumerate(groups):
            for v in (v for s in group for v in s.operands):
                if v in made and made[v] != g:
                    last[v] = g
        scratch: dict[Value, str] = {}
        free: dict[Any, list[str]] = {}
        for g, group in enumerate(groups):
            for v in (v for s in group for v in s.results if v in last):
                kind = dtype_of(v)
                unused = free.setdefault(kind, [])
                scratch[v] = unused.pop() if unused else self.body.stack("block", length, kind)
            for v in [v for v, end in last.items() if end == g]:
                free[dtype_of(v)].append(scratch[v])
        return scratch

    def _steps(
        self,
        steps: Sequence[Step],
        index: Sequence[str],
        parts: dict[Value, str],
        scratch: dict[Value, str],
        near: bool,
        inner: str = "",
    ) -> None:
        """Write steps on one element."""
        write, names = self.body.write, dict(self.names)
        for step in steps:
            for v in dict.fromkeys(step.operands):
                if v not in names and not (v.is_constant and not v.shape):
                    names[v] = self.body.free(v.name or "x")
                    if v in scratch:
                        write(f"{names[v]} = {scratch[v]}[{inner}]")
                    else:
                        write(f"{names[v]} = {self.places[v].element(index, self.strides[v])}")
            (v,) = step.results
            if near and own_function(step) in ("sin", "cos"):
                (x,) = step.operands
                write(f"far |= abs({names[x]}) > {number(1e6, dtype_of(x))}")
            text = self.body.expression(step, names, near)
            names[v] = self.body.free(v.name or "t")
            write(f"{names[v]} = {text}")
            if v in self.places:
                write(f"{self.places[v].element(index, self.strides[v])} = {names[v]}")
            if v in scratch:
                write(f"{scratch[v]}[{inner}] = {names[v]}")
            if v in parts:
                write(f"{parts[v]} = added({parts[v]}, {names[v]})")


def _grouped(steps: Sequence[Step]) -> list[list[Step]]:
    """Cut a sequence of steps so that few elementary functions are in each part.

    The sine and cosine of one number, which a gradient needs, come one after the other: a compiler
    sees then that all but the choice between them is the same.
    """
    waves: dict[Value, list[Step]] = {}
    for step in steps:
        if own_function(step) in ("sin", "cos"):
            waves.setdefault(step.operands[0], []).append(step)
    pairs = [both for both in waves.values() if len(both) > 1][:PAIRS]
    together = {step: both for both in pairs for step in both}
    groups: list[list[Step]] = [[]]
    heavy = 0
    for step in steps:
        both = together.get(step, [step])
        if step is not both[0]:
            continue
        if is_heavy(step):
            if heavy == HEAVY:
                groups.append([])
                heavy = 0
            heavy += 1
        groups[-1] += both
    return groups
