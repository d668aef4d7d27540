"""Loops over large arrays in blocks that fit into a cache.

What one step writes is still there when the next reads it. What is read in one block alone lies
in memory of a block's size, which each block uses again.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .numpy_memory import axis_order, dtype_of
from .numpy_plan import Plan
from .program import Value
from .schedule import Loop, nbytes

BLOCK = 1 << 16
"""Bytes of each array in one turn of a loop: a few of them fit into a core's second cache."""
LARGE = 4 * BLOCK
"""From so many bytes on, a loop runs in blocks."""


def in_blocks(loop: Loop) -> bool:
    """Whether a loop is so long that it pays to run its steps block by block."""
    if len(loop.steps) < 2 or max(map(nbytes, _made(loop))) < LARGE:
        return False
    return _lines_of(loop) is not None


def _lines_of(loop: Loop) -> tuple[bool, int] | None:
    """Return whether all arrays can be one line of numbers, and how many rows make a block.

    None where they lie in memory in ways that cannot be cut alike.
    """
    whole = [v for v in (*loop.operands, *_made(loop)) if v.shape == loop.shape]
    others = [v for v in loop.operands if v.shape != loop.shape]
    largest = max(np.asarray(v.data).itemsize for v in whole)
    if all(prod(v.shape) == 1 for v in others) and len({axis_order(v) for v in whole}) == 1:
        if axis_order(whole[0]) is None:
            return None
        return True, BLOCK // largest
    if any(axis_order(v) != tuple(range(len(loop.shape))) for v in whole):
        return None
    rows = BLOCK // (largest * prod(loop.shape[1:]) or 1)
    return (False, rows) if 0 < rows < loop.shape[0] else None


def _made(loop: Loop) -> list[Value]:
    return [v for step in loop.steps for v in step.results]


class Blocks(Plan):
    """Writes such loops."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.body: list[str] = []  # lines of each run

    def _blocked(self, loop: Loop, first: int) -> None:
        """Write a loop as a function of one block, called block by block."""
        lines = _lines_of(loop)
        assert lines is not None
        flat, rows = lines
        count = prod(loop.shape) if flat else loop.shape[0]
        rest = loop.shape[1:] if not flat else ()
        function = self._free("loop1")
        inner = set(_made(loop)) - set(loop.results)
        operands = [v for v in loop.operands if not (v.is_constant and not v.shape)]
        for v in loop.results:
            if v in self.outputs and v not in self.into:
                self.body.append(f"{self._name(v)} = {self._empty(v)}")
            elif v not in self.into:
                self._memory_for(v, ())
        # Memory of one block for what is read in it alone.
        scratch: dict[Any, list[str]] = {}
        pads: list[tuple[str, Any]] = []
        names: dict[Value, str] = {}
        free_in: dict[Value, int] = {}
        for i, step in enumerate(loop.steps):
            for v in step.operands:
                if v in inner:
                    free_in[v] = i
        code = []
        outside = dict(self.names)
        for i, step in enumerate(loop.steps):
            (v,) = step.results
            safe = isinstance(step.primitive.function, np.ufunc)
            dead = [x for x in dict.fromkeys(step.operands) if free_in.get(x) == i]
            if safe:
                for x in dead:
                    scratch.setdefault(dtype_of(x), []).append(names[x])
            if v in inner:
                kind = dtype_of(v)
                if scratch.get(kind):
                    names[v] = scratch[kind].pop()
                else:
                    names[v] = self._free("s1")
                    pads.append((names[v], kind))
                self.names[v] = names[v]
            code.append(self._call(step, self._name(v)))
            if not safe:
                for x in dead:
                    scratch.setdefault(dtype_of(x), []).append(names[x])
        arguments = [self._name(v) for v in (*operands, *loop.results)]
        arguments = list(dict.fromkeys(arguments))
        pad_names = [name for name, _ in pads]
        self.setup += ["", f"def {function}({', '.join([*arguments, *pad_names])}):"]
        self.setup += [f"    {line}" for line in code] + [""]
        for name, kind in pads:
            shape = (min(rows, count), *rest)
            self.setup.append(f"{name} = np.empty({shape}, np.{kind.name})")
        left = count % rows
        if left:
            self.setup += [f"{name}_rest = {name}[:{left}]" for name in pad_names]
        cut: list[str] = []
        seen = set[str]()
        for v in (*operands, *loop.results):
            name = self._name(v)
            if name in seen:
                continue
            seen.add(name)
            if v.shape != loop.shape and not (
                not flat and len(v.shape) == len(loop.shape) and v.shape[0] == count
            ):
                cut.append(name)
                continue
            if flat and len(v.shape) != 1:
                line = self._free(f"{name}_line")
                layout = axis_order(v)
                turned = "" if layout == tuple(range(len(v.shape))) else f".transpose({layout})"
                text = f"{line} = {name}{turned}.reshape(-1)"
                (self.setup if v in self.static else self.body).append(text)
                name = line
            cut.append(f"{name}[§]")
        full = count - left
        turn = ", ".join([*cut, *pad_names])
        if full:
            self.body.append(f"for i in range(0, {full}, {rows}):")
            self.body.append(f"    {function}({turn.replace('§', f'i:i + {rows}')})")
        if left:
            turn = ", ".join([*cut, *(f"{name}_rest" for name in pad_names)])
            self.body.append(f"{function}({turn.replace('§', f'{full}:')})")
        self.names = {**outside, **{v: n for v, n in self.names.items() if v not in inner}}
        last = first + len(loop.steps) - 1
        self._release([
            v for x in loop.operands for v in self._roots(x) if self.last.get(v, -1) == last
        ])  # fmt: skip

    def _empty(self, v: Value) -> str:
        layout = axis_order(v)
        shape = [v.shape[i] for i in layout or ()]
        text = f"np.empty({tuple(shape)}, np.{dtype_of(v).name})"
        if layout != tuple(range(len(v.shape))):
            text += f".transpose({tuple(np.argsort(layout or ()).tolist())})"
        return text
