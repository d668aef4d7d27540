"""The inner part of all matrix products: a small block of the result, kept in registers.

A product C = A B is cut into *tiles* of some rows and columns. A tile is added up in registers,
one product after the other, and written once. For each k it reads a row of B, some numbers of A,
and multiplies them all: with 14 rows and two registers of columns, 28 products follow from 16
reads. This is what a BLAS does inside. Here the sizes are numbers in the code, so nothing is
copied into panels first, and A may be anything whose numbers stand at even steps: the windows of
an image are a matrix so, without being written down.

So `tile` reads A at ``a_row * r + a_run * i + a_k * k``: for each row r, `runs` runs of `run`
numbers. Of a plain matrix there is one run; a window has one for each of its lines.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np


class Tile(NamedTuple):
    """The sizes of a tile, and how its rows and runs step through the three arrays."""

    rows: int
    columns: int
    c_row: int
    a_row: int
    a_run: int
    a_k: int
    b_k: int
    runs: int
    run: int
    adds: bool = False
    """Whether the products are added to what is there."""

    def text(self, function: str = "tile") -> str:
        """Return the call that makes a function of it, as generated code has it."""
        return f"{function}({', '.join(map(repr, self))})"


@cache
def registers() -> tuple[int, int]:
    """Return the bytes of a vector register, and how many rows of two such fit into all.

    >>> width, rows = registers()
    >>> width in (16, 32, 64) and rows >= 4
    True
    """
    import llvmlite.binding  # type: ignore[import-untyped]

    features: Any = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 14  # of 32 registers
    return (32, 6) if features.get("avx") else (16, 6)  # of 16


def cut(count: int, most: int) -> int:
    """Return into what pieces to cut a length: none is larger than `most`, the last may be less.

    >>> cut(28, 14), cut(160, 14), cut(29, 14), cut(5, 14)
    (14, 10, 10, 5)
    """
    even = [n for n in range(most, most // 2, -1) if count % n == 0]
    return even[0] if even else -(-count // -(-count // most))


def pieces(columns: int, kind: np.dtype[Any]) -> list[tuple[int, int]]:
    """Cut columns into pieces of two registers: where each begins, and its length.

    What is left over is whole registers, and then a part of one: in one piece, the part would
    be done number by number.

    >>> one = registers()[0] // 8
    >>> [n for _, n in pieces(3 * one + 1, np.dtype(np.float64))] == [2 * one, one, 1]
    True
    """
    one, found, first = registers()[0] // kind.itemsize, list[tuple[int, int]](), 0
    while first < columns:
        left = columns - first
        size = next((n for n in (2 * one, one) if n <= left), left)
        found.append((first, size))
        first += size
    return found


def tile_in_python(*sizes: Any) -> Any:
    """Return a tile as a function of Python: what the compiled one computes.

    >>> c, a, b = np.zeros(4), np.arange(6.0), np.arange(6.0)
    >>> tile_in_python(2, 2, 2, 3, 0, 1, 2, 1, 3)(c, 0, a, 0, b, 0)
    >>> c.reshape(2, 2) == a.reshape(2, 3) @ b.reshape(3, 2)
    array([[ True,  True],
           [ True,  True]])
    """
    t = Tile(*sizes)

    def run(c: Any, c_at: int, a: Any, a_at: int, b: Any, b_at: int) -> None:
        for r in range(t.rows):
            into = c[c_at + r * t.c_row :][: t.columns]
            total = into.copy() if t.adds else np.zeros_like(into)
            for i in range(t.runs):
                for k in range(t.run):
                    x = a[a_at + r * t.a_row + i * t.a_run + k * t.a_k]
                    total += x * b[b_at + (i * t.run + k) * t.b_k :][: t.columns]
            into[:] = total

    return run


def tile(*sizes: Any) -> Any:
    """Return a tile of these sizes, see `Tile`, as a function for compiled code.

    It takes C, A and B as lines of numbers, each followed by where in it the tile begins.
    """
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils as builders
    from numba.extending import intrinsic

    from .jit import widen

    t, integer = Tile(*sizes), ir.IntType(64)
    cgutils: Any = builders
    contract = ("contract",)

    def fixed(n: int) -> Any:
        return ir.Constant(integer, n)

    @intrinsic
    def product(typing: Any, c: Any, c_at: Any, a: Any, a_at: Any, b: Any, b_at: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            widen(builder)
            kind = context.get_data_type(c.dtype)
            vector, width = ir.VectorType(kind, t.columns), context.get_abi_sizeof(kind)
            every = ir.Constant(ir.VectorType(ir.IntType(32), t.columns), None)
            unknown = ir.Constant(vector, ir.Undefined)
            into, left, right = (
                builder.gep(
                    context.make_array(signature.args[i])(context, builder, arguments[i]).data,
                    [arguments[i + 1]],
                )
                for i in (0, 2, 4)
            )

            def row(pointer: Any, at: Any) -> Any:
                return builder.bitcast(builder.gep(pointer, [at]), vector.as_pointer())

            def loaded(pointer: Any) -> Any:
                x = builder.load(pointer)
                x.align = width
                return x

            totals = [cgutils.alloca_once(builder, vector) for _ in range(t.rows)]
            targets = [row(into, fixed(r * t.c_row)) for r in range(t.rows)]
            for total, target in zip(totals, targets, strict=True):
                builder.store(loaded(target) if t.adds else ir.Constant(vector, None), total)
            with cgutils.for_range(builder, fixed(t.runs), intp=integer) as outer:
                line = builder.mul(outer.index, fixed(t.a_run))
                first = builder.mul(outer.index, fixed(t.run))
                with cgutils.for_range(builder, fixed(t.run), intp=integer) as inner:
                    at = builder.add(line, builder.mul(inner.index, fixed(t.a_k)))
                    k = builder.add(first, inner.index)
                    b_row = loaded(row(right, builder.mul(k, fixed(t.b_k))))
                    for r, total in enumerate(totals):
                        place = builder.gep(left, [builder.add(at, fixed(r * t.a_row))])
                        x = builder.insert_element(
                            unknown, builder.load(place), ir.Constant(ir.IntType(32), 0)
                        )
                        x = builder.shuffle_vector(x, unknown, every)
                        more = builder.fmul(x, b_row, flags=contract)
                        added = builder.fadd(builder.load(total), more, flags=contract)
                        builder.store(added, total)
            for total, target in zip(totals, targets, strict=True):
                builder.store(builder.load(total), target).align = width
            return context.get_dummy_value()

        return types.void(c, types.intp, a, types.intp, b, types.intp), generate

    return product
