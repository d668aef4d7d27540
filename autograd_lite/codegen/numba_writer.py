"""Writing compiled parts: places for the values of a schedule, names, and the lines of its blocks.

`Writer` is what a schedule in one function and a schedule in parts have in common.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np

from .numba_blocks import Body
from .numba_calls import write_call
from .numba_elements import HEAVY, rounded
from .numba_expressions import NEAR, OWN, dtype_of, is_heavy, own_function
from .numba_memory import Place, Strides, contiguous, given, viewed
from .program import Step, Value
from .schedule import Call, Loop, Schedule

Unit = list[Loop | Call]

SMALL = 4096
"""Arrays of up to so many numbers live on the stack; all of them together are eight times that."""
NARROW = 16
"""Rows up to so long have too few vectors to keep a machine busy: see `_unspread_first`."""

_USED = """
    np at stack compiled added product_added larger smaller members count jumps member step
    begin end share tile s x b i j k first part whole lost odd far abs min range
"""
_FUNCTIONS = (*OWN.values(), *NEAR.values())
FIXED_NAMES = frozenset(
    (*_USED.split(), *_FUNCTIONS, *(f"{name}32" for name in _FUNCTIONS), *keyword.kwlist)
)


class Names:
    """Names for variables: of a wish, what is left when all but letters and digits is gone."""

    def __init__(self) -> None:
        self.taken = set(FIXED_NAMES)

    def free(self, wish: str) -> str:
        """Return a name that nothing has yet."""
        stem = re.sub(r"[^A-Za-z0-9_]", "_", wish)[:40].strip("_") or "v"
        stem = f"v_{stem}" if stem[0].isdigit() else stem
        name, n = stem, 1
        while name in self.taken or re.fullmatch(r"[nij]\d+", name):
            n += 1
            name = f"{stem}_{n}"
        self.taken.add(name)
        return name


class Writer:
    """Places for the values of a schedule, and the lines of its blocks."""

    def __init__(self, schedule: Schedule, depth: int) -> None:
        self.schedule = schedule
        self.names = Names()
        self.places: dict[Value, Place | str] = {}
        self.constants: dict[str, Value] = {}
        self.work: dict[str, tuple[int, np.dtype[Any]]] = {}  # too large for the stack
        self.unused: dict[Any, list[str]] = {}  # of these, what is no longer read
        self.on_stack = 0
        self.last = schedule.last_use()
        self.body = Body(self.place, self.names.free, depth)
        self.notes: list[tuple[str, str]] = []

    def place(self, v: Value) -> Place | str:
        """Return where a value lies: a variable, for a single number, or a place in an array."""
        known = self.places.get(v)
        if known is not None:
            return known
        if v.is_constant:
            name = self.names.free(v.name or "c")
            self.constants[name] = v
            self.places[v] = given(name, v.data)
        elif v.maker is not None and (view := self.view(v.maker)) is not None:
            self.places[v] = view
        elif not v.shape:
            self.places[v] = self.names.free(v.name or "t")
        else:
            self.places[v] = Place(self.memory(v), v.shape, self.strides(v))
        return self.places[v]

    def strides(self, v: Value) -> Strides:
        """Return how a value lies in an array of its own."""
        return contiguous(v.shape)

    def view(self, step: Step) -> Place | None:
        """Return where a step's result lies if it is another look at its operand."""
        if step.primitive.name not in ("transpose", "broadcast_to", "reshape", "getitem"):
            return None
        if len(step.operands) != 1:
            return None
        place = self.place(step.operands[0])
        if isinstance(place, str):  # a single number, as it stands
            return None
        return viewed(step, place)

    def fits_in_place(self, v: Value, u: Value) -> bool:
        """Whether v can be written over u while it is computed: nothing reads u later."""
        blocks = self.schedule.blocks
        at = next((i for i, b in enumerate(blocks) if v in b.results), None)
        if at is None or not v.shape:
            return False
        loop = blocks[at]
        if not isinstance(loop, Loop) or loop.shape != u.shape:
            return False
        later = [w for block in blocks[at + 1 :] for w in block.operands]
        if any(root(w) is u for w in (*later, *self.schedule.outputs)):
            return False
        heavy = sum(map(is_heavy, loop.steps))
        if heavy > HEAVY or any(own_function(s) in ("sin", "cos") for s in loop.steps):
            return False  # it runs in parts, and what is overwritten might be read once more
        if any(w is not u and w.maker and root(w) is u for w in loop.operands):
            return False
        taken = [p for w, p in self.places.items() if w is not u]
        return self.places[u] not in taken

    def memory(self, v: Value) -> str:
        """Return the name of an array for a value that has none."""
        count, kind = prod(v.shape), dtype_of(v)
        if count <= SMALL and self.on_stack + count <= 8 * SMALL:
            self.on_stack += count
            return self.body.stack(v.name or "t", count, kind)
        unused = self.unused.get((count, kind))
        if unused:
            return unused.pop()
        name = self.names.free(v.name or "t")
        self.work[name] = count, kind
        return name

    def release(self, i: int, block: Loop | Call) -> None:
        """Let the memory of what no later block reads be used again."""
        for v in block.operands:
            place = self.places.get(v)
            if isinstance(place, Place) and place.array in self.work and self.last.get(v, -1) <= i:
                roots = [
                    w
                    for w, p in self.places.items()
                    if isinstance(p, Place) and p.array == place.array
                ]
                if all(self.last.get(w, -1) <= i for w in roots):
                    unused = self.unused.setdefault(self.work[place.array], [])
                    if place.array not in unused:
                        unused.append(place.array)

    def blocks(self, blocks: Iterable[tuple[int, Loop | Call]]) -> None:
        """Write blocks, each with its number in the schedule."""
        blocks = list(blocks)
        inside = [b for _, b in blocks]
        sums, stored = self.sums_of(inside), self._stored(inside)
        for i, block in blocks:
            begin = len(self.body.write.lines)
            if isinstance(block, Loop):
                block = Loop(block.shape, block.steps, [v for v in block.results if v in stored])
                own = {v: sums[v] for s in block.steps for v in s.results if v in sums}
                for part in _unspread_first(block):
                    here = {v: n for v, n in own.items() if any(v in s.results for s in part.steps)}
                    self.body.loop(part, here)
            elif self.view(block.step) is not None:
                self.place(block.results[0])  # noted now: its operand's memory is in use
            elif not any(block.results[0] in made for made in sums.values()):
                self.call(block.step)
            lines = self.body.write.lines[begin:]
            if lines:
                self.notes.append((lines[0].strip(), f"{block}; {len(lines)} lines"))
            self.release(i, block)

    def call(self, step: Step) -> None:
        """Write a call."""
        write_call(self.body, step, self.place)

    def sums_of(self, blocks: list[Loop | Call]) -> dict[Value, list[Value]]:
        """Find sums over all elements of what a loop makes, by what is summed: the loop adds up."""
        made = {v: b for b in blocks if isinstance(b, Loop) for s in b.steps for v in s.results}
        sums: dict[Value, list[Value]] = {}
        for block in blocks:
            if isinstance(block, Call) and _is_total(block.step):
                (v,) = block.step.operands
                if v in made and made[v].shape == v.shape and prod(v.shape) > 1:
                    sums.setdefault(v, []).append(block.step.results[0])
        return sums

    def _stored(self, blocks: list[Loop | Call]) -> set[Value]:
        """Return what is read by anything but a loop's own sums."""
        added = {v for made in self.sums_of(blocks).values() for v in made}
        read = set(self.schedule.outputs)
        for block in self.schedule.blocks:
            if not added.issuperset(block.results) or not block.results:
                read.update(block.operands)
        return read


def _is_total(step: Step) -> bool:
    """Whether a step is the sum of all elements of an array of floats."""
    if step.primitive.function is not np.sum or step.parameters.get("where", True) is not True:
        return False
    (v,) = step.operands
    axis = step.parameters.get("axis")
    all_axes = axis is None or (isinstance(axis, tuple) and len(axis) == len(v.shape))
    same = dtype_of(step.results[0]) == dtype_of(v) and dtype_of(v).kind == "f"
    return all_axes and same


def root(v: Value) -> Value:
    """Return what a value is a look at; itself, if it is none."""
    while v.maker is not None and v.maker.primitive.name in (
        "transpose",
        "reshape",
        "broadcast_to",
        "getitem",
    ):
        v = v.maker.operands[0]
    return v


def kind_name(kind: np.dtype[Any], is_read: bool = False) -> str:
    """Return what `jit.compiled` calls a line of numbers, which may be read and not written."""
    name = "boolean" if kind.kind == "b" else kind.name
    return f"{'const ' if is_read else ''}{name}[::1]"


def header(body: Body) -> list[str]:
    """Return the first lines of a generated module."""
    lines = ['"""Generated by autograd_lite.codegen.to_numba."""', "", "import numpy as np", ""]
    for module, suffix in (("elementary", ""), ("elementary32", "32")):
        names = sorted(name for m, name in body.own if m == module)
        if names:
            called = ", ".join(f"{name} as {name}{suffix}" if suffix else name for name in names)
            lines.append(f"from autograd_lite.codegen.{module} import {called}")
    named = "added, compiled, intrinsics, larger, product_added, smaller"
    lines.append(f"from autograd_lite.codegen.jit import {named}")
    if body.tiles:
        lines.append("from autograd_lite.codegen.numba_tile import tile")
    lines += ["", "stack, at = intrinsics()", *(f"{x} = {text}" for text, x in body.tiles.items())]
    return [*lines, "", ""]


def stacks(body: Body) -> list[str]:
    """Return the lines that make the small arrays."""
    return [
        f"{name} = stack({rounded(count)}, np.{kind.name if kind.kind != 'b' else 'bool_'})"
        for name, (count, kind) in body.small.items()
    ]


def _unspread_first(loop: Loop) -> list[Loop]:
    """Cut a small loop so that elementary functions run along one line, as long as all of it.

    A bias is read over and over, so its rows are a loop in a loop, of a few vectors each: too few
    to run beside each other. What reads it, and what leads there, is a loop of its own, if it is
    light.
    """
    shape = loop.shape
    if (
        len(shape) < 2
        or prod(shape) > SMALL
        or shape[-1] > NARROW
        or not any(map(is_heavy, loop.steps))
    ):
        return [loop]
    spread = {v for v in loop.operands if v.shape != shape and prod(v.shape) > 1}
    first: set[Step] = set()
    for step in reversed(loop.steps):
        leads = any(v in later.operands for later in first for v in step.results)
        if leads or not spread.isdisjoint(step.operands):
            first.add(step)
    if not first or len(first) == len(loop.steps) or any(map(is_heavy, first)):
        return [loop]
    before = [step for step in loop.steps if step in first]
    after = [step for step in loop.steps if step not in first]
    read = {v for step in after for v in step.operands}
    made = [v for step in before for v in step.results if v in read or v in loop.results]
    return [
        Loop(shape, before, made),
        Loop(shape, after, [v for v in loop.results if v not in made]),
    ]
