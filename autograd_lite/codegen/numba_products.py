"""Large matrix products, written out as tiles that threads share.

See `numba_tile`. C = A B is cut along the columns of C, into pieces of two registers, and these
along the rows. Where the numbers of B that a piece needs do not lie close together, they are
copied so first, and then serve all rows.

This is left to NumPy where a matrix is so large that it matters in what order it goes through
the caches: there a BLAS knows better.
"""

from __future__ import annotations

from contextlib import nullcontext
from math import prod
from typing import Any

import numpy as np

from .numba_expressions import dtype_of, number
from .numba_memory import Place, contiguous
from .numba_parts import Parts
from .numba_tile import Tile, cut, pieces, registers
from .program import Step

DEEP = 1024
"""So many numbers are added up at a time: so long is a piece of B that stays in a cache."""
WIDE = 1 << 20
"""Bytes of A, or of B, that stay in a cache while all of the other goes by."""
CLOSE = 256
"""Numbers from one row of B to the next; if it is further, B is copied."""
MANY = 1 << 23
"""A product of so many multiplications is shared by threads."""


def is_tiled(step: Step) -> bool:
    """Whether a step is written here."""
    if step.primitive.function is not np.matmul or len(step.operands[1].shape) < 2:
        return False
    (c,), (a, b) = step.results, step.operands
    kinds = {dtype_of(v) for v in (a, b, c)}
    if len(kinds) > 1 or not kinds <= {np.dtype(np.float32), np.dtype(np.float64)}:
        return False
    if not (prod(a.shape) and prod(b.shape)) or c.shape[-1] < 4:
        return False
    m, (k, n) = (a.shape[-2] if len(a.shape) > 1 else 1), b.shape[-2:]
    width = dtype_of(c).itemsize
    return min(m * min(k, DEEP), k * n) * width <= WIDE


def multiplications(step: Step) -> int:
    """Return how many there are in a matrix product."""
    return prod(step.results[0].shape) * step.operands[0].shape[-1]


def write_product(step: Step, parts: Parts) -> None:
    """Write a step whose `is_tiled` holds."""
    a, b, c = (parts.place(v) for v in (*step.operands, *step.results))
    kind = dtype_of(step.results[0])
    if len(a.shape) == 1:
        a = a.replaced((1, *a.shape), (0, *a.strides))
        c = c.replaced((*c.shape[:-1], 1, c.shape[-1]), (*c.strides[:-1], 0, c.strides[-1]))
    if c.strides[-1] != 1:
        lines = Place(parts.work("lines", prod(c.shape), kind), c.shape, contiguous(c.shape))
        _Product(a, b, lines, kind, parts).write()
        parts.begin(None).copy(c, lines)
    else:
        _Product(a, b, c, kind, parts).write()


class _Product:
    def __init__(self, a: Place, b: Place, c: Place, kind: np.dtype[Any], parts: Parts) -> None:
        self.a, self.b, self.c, self.kind, self.parts = a, b, c, kind, parts
        *self.batch, self.m, self.n = c.shape
        self.k = a.shape[-1]
        self.sa, self.sb = (p.over((*self.batch, *p.shape[-2:])) for p in (a, b))
        self.copies = self.sb[-1] != 1 or (self.sb[-2] > CLOSE and self.m > 1)
        self.rows = cut(self.m, registers()[1])
        self.pieces = pieces(self.n, kind)

    def write(self) -> None:
        """Write all of it."""
        parts = self.parts
        self.packed = ""
        if self.copies:
            self.packed = parts.each("packed", min(self.k, DEEP) * self.pieces[0][1], self.kind)
        if self.batch:
            self.outer = [f"i{i}" for i in range(len(self.batch))]
            with (
                parts.loop(self.batch[0]) as self.body,
                self.body.write.over(self.batch[1:], self.outer[1:]),
            ):
                for first, count in self.pieces:
                    self._piece(str(first), count)
            return
        self.outer = []
        most = self.pieces[0][1]
        whole, rest = divmod(self.n, most)
        with parts.loop(whole + bool(rest)) as self.body:
            write = self.body.write
            write(f"first = i0 * {most}")
            with write.inside(f"if i0 < {whole}:") if rest else nullcontext():
                self._piece("first", most)
            if rest:
                with write.inside("else:"):
                    for first, count in pieces(rest, self.kind):
                        self._piece(f"(first + {first})", count)

    def _piece(self, first: str, columns: int) -> None:
        """Write some columns of the result."""
        write, body = self.body.write, self.body
        deep = self.k if self.k <= DEEP else cut(self.k, DEEP)
        is_deep = deep < self.k
        body.handed.update(dict.fromkeys((self.c.array, self.a.array)))
        if is_deep:
            with write.over((self.m, columns), ("i", "j")):
                cell = self.c.element([*self.outer, "i", f"({first} + j)"])
                write(f"{cell} = {number(0, self.kind)}")
        whole, rest = divmod(self.k, deep)
        if is_deep:
            with write.inside(f"for b in range({whole}):"):
                self._block(f"b * {deep}", deep, first, columns, True)
        else:
            self._block("0", deep, first, columns, False)
        if rest:
            self._block(str(whole * deep), rest, first, columns, True)

    def _block(self, begin: str, depth: int, first: str, columns: int, adds: bool) -> None:
        """Write what some of the numbers that are added up give."""
        write, body = self.body.write, self.body
        array, at = self.b.array, self.b.index([*self.outer, f"({begin})", first], self.sb)
        step = self.sb[-2]
        if self.copies:
            array, step = self.packed, columns
            at = self.parts.at(min(self.k, DEEP) * self.pieces[0][1])
            names = "kj" if self.sb[-1] == 1 else "jk"
            with write.over([{"k": depth, "j": columns}[name] for name in names], names):
                cell = self.b.element([*self.outer, f"({begin} + k)", f"({first} + j)"], self.sb)
                write(f"{array}[at({at} + k * {columns} + j)] = {cell}")
        body.handed[array] = None
        whole, rest = divmod(self.m, self.rows)
        spans = [(f"i * {self.rows}", self.rows, whole)]
        if rest:
            spans.append((str(whole * self.rows), rest, 1))
        for row, rows, count in spans:
            tile = body.tile(Tile(
                rows, columns, self.c.strides[-2], self.sa[-2], 0, self.sa[-1], step, 1,
                depth, adds,
            ))  # fmt: skip
            with write.inside(f"for i in range({count}):"):
                c = self.c.index([*self.outer, f"({row})", first])
                a = self.a.index([*self.outer, f"({row})", f"({begin})"], self.sa)
                write(f"{tile}({self.c.array}, {c}, {self.a.array}, {a}, {array}, {at})")
