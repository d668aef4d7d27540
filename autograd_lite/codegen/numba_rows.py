"""Rows of a table, picked and added up by index: an embedding, and its gradient.

Only where the program has seen that the indices are in range: else NumPy has to look.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import numpy as np

from ..calculus.indexing import TENSOR_SLOT, gather, put
from .numba_blocks import Body
from .numba_calls import Find
from .numba_expressions import dtype_of
from .numba_memory import Place, contiguous
from .program import Step

MOST = 4096
"""Numbers in a table whose gradient is added up here: in float64, as NumPy's is by ours."""


def is_by_rows(step: Step) -> bool:
    """Whether a step is written here."""
    if step.primitive not in (gather, put) or step.parameters.get("index") is not TENSOR_SLOT:
        return False
    x, index = step.operands
    (made,) = step.results
    table = x if step.primitive is gather else made
    if dtype_of(table) not in (np.dtype(np.float32), np.dtype(np.float64)) or not table.shape:
        return False
    seen = index.maker is not None and index.maker.primitive.is_check
    in_range = seen and index.maker.parameters.get("rows") == table.shape[0]  # type: ignore[union-attr]
    is_small = step.primitive is gather or prod(table.shape) <= MOST
    return in_range and is_small and bool(index.shape) and prod(made.shape) > 0


@contextmanager
def _over(body: Body, index: Place, table: Place) -> Iterator[list[str]]:
    """Write loops over indices and the numbers of a row; give the place in the table."""
    outer = [f"i{k}" for k in range(len(index.shape))]
    inner = [f"i{k + len(outer)}" for k in range(len(table.shape) - 1)]
    with body.write.over(index.shape, outer):
        body.write(f"first = {index.element(outer)}")
        with body.write.over(table.shape[1:], inner):
            yield ["first", *inner]


def write_rows(body: Body, step: Step, place: Find) -> None:
    """Write a step whose `is_by_rows` holds."""
    x, index = (place(v) for v in step.operands)
    made = place(step.results[0])
    if step.primitive is gather:
        with _over(body, index, x) as row:
            at = [f"i{k}" for k in range(len(made.shape))]
            body.write(f"{made.element(at)} = {x.element(row)}")
        return
    array = body.stack("sums", prod(made.shape), np.dtype(float))
    line = Place(array, made.shape, contiguous(made.shape))
    with body.write.inside(f"for i in range({prod(made.shape)}):"):
        body.write(f"{array}[i] = 0.0")
    with _over(body, index, made) as row:
        at = [f"i{k}" for k in range(len(x.shape))]
        body.write(f"{line.element(row)} += {x.element(at)}")
    body.copy(made, line)
