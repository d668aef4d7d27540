"""The steps that are not elementwise, as loops: which of them there are, and their writing."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..calculus.indexing import getitem, scatter
from .numba_blocks import Body
from .numba_expressions import KINDS, dtype_of, expression, number
from .numba_memory import Place, contiguous, part
from .program import Step, Value
from .schedule import Call, Loop

PRODUCT = 1 << 15
"""A matrix product of more multiplications is NumPy's."""

_REDUCTIONS = {np.sum: "sum", np.max: "max", np.min: "min"}

Find = Callable[[Value], Any]


def is_compiled(block: Loop | Call) -> bool:
    """Whether a block is written as loops; else it is left to NumPy."""
    if isinstance(block, Loop):
        return all(expression(s, ["x"] * len(s.operands)) is not None for s in block.steps)
    step = block.step
    if step.primitive.is_closed or step.primitive.draws:
        return False
    if any(dtype_of(v) not in KINDS for v in (*step.operands, *step.results)):
        return False
    return _kind(step) is not None


def _kind(step: Step) -> str | None:
    """Return how a call is written."""
    function, p = step.primitive.function, step.parameters
    if len(step.results) != 1 or step.indices:
        return None
    if function is np.matmul:
        return "product" if is_small_product(step) else None
    if function in _REDUCTIONS:
        return "reduction" if _is_plain_reduction(step) else None
    if step.primitive is getitem:
        operand = Place("", step.operands[0].shape, contiguous(step.operands[0].shape))
        return "move" if part(operand, p["index"]) is not None else None
    if step.primitive is scatter:
        whole = Place("", step.results[0].shape, contiguous(step.results[0].shape))
        return "scatter" if part(whole, p["index"]) is not None else None
    if step.primitive.name in ("transpose", "reshape", "broadcast_to", "copy"):
        return "move"
    if step.primitive.name == "concatenate":
        return "concatenate"
    return None


def is_small_product(step: Step) -> bool:
    """Whether a product of matrices has so few multiplications that it is plain loops."""
    a, b = (v.shape for v in step.operands)
    if dtype_of(step.results[0]).kind != "f" or any(
        dtype_of(v) != dtype_of(step.results[0]) for v in step.operands
    ):
        return False
    count = prod(a[:-1]) * a[-1] * (b[-1] if len(b) > 1 else 1) * prod(b[:-2])
    return count <= PRODUCT and count > 0


def _is_plain_reduction(step: Step) -> bool:
    p, (v,) = step.parameters, step.operands[:1]
    if len(step.operands) != 1 or p.get("where", True) is not True or not prod(v.shape):
        return False
    if set(p) - {"axis", "keepdims", "where", "dtype", "initial"} or p.get("dtype") not in (
        None,
        dtype_of(step.results[0]),
    ):
        return False
    made, kind = dtype_of(step.results[0]), dtype_of(v)
    if "initial" in p and not (made.kind == "f" and v.shape and isinstance(p["initial"], float)):
        return False
    return made == kind or (step.primitive.function is np.sum and made == np.int64)


def write_call(body: Body, step: Step, place: Find) -> None:
    """Write a step whose `is_compiled` holds."""
    _WRITERS[_kind(step)](body, step, place)


def _product(body: Body, step: Step, place: Find) -> None:
    a, b, c = (place(v) for v in (*step.operands, *step.results))
    kind = dtype_of(step.results[0])
    single = c if isinstance(c, str) else None
    if single is not None:
        c = Place(body.stack("t", 1, kind), (), ())
    left, right = len(a.shape) == 1, len(b.shape) == 1
    shape, strides = list(c.shape), list(c.strides)
    if right:
        b = b.replaced((*b.shape, 1), (*b.strides, 0))
        shape, strides = [*shape, 1], [*strides, 0]
    if left:
        a = a.replaced((1, *a.shape), (0, *a.strides))
        shape, strides = [*shape[:-1], 1, shape[-1]], [*strides[:-1], 0, strides[-1]]
    body.product(c.replaced(tuple(shape), tuple(strides)), a, b, kind)
    if single is not None:
        body.write(f"{single} = {c.element([])}")


def _reduction(body: Body, step: Step, place: Find) -> None:
    (v,), (result,) = step.operands, step.results
    a, c = place(v), place(result)
    axis = step.parameters.get("axis")
    count = len(v.shape)
    axes = range(count) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    across = frozenset(i % count for i in axes) if count else frozenset()
    if isinstance(a, str):
        body.write(f"{c if isinstance(c, str) else c.element([])} = {a}")
        return
    if isinstance(c, Place) and len(c.shape) == count:  # keepdims
        kept = [i for i in range(count) if i not in across]
        c = c.replaced(tuple(c.shape[i] for i in kept), tuple(c.strides[i] for i in kept))
    name, initial = _REDUCTIONS[step.primitive.function], step.parameters.get("initial")
    body.reduction(name, c, a, across, dtype_of(result), initial)


def _move(body: Body, step: Step, place: Find) -> None:
    """A copy in the order in which NumPy reads: what could not stay where it is."""
    source, target = place(step.operands[0]), place(step.results[0])
    operand, result = step.operands[0], step.results[0]
    if isinstance(source, str) or isinstance(target, str):
        text = source if isinstance(source, str) else _first(step, source)
        if isinstance(target, str):
            body.write(f"{target} = {text}")
        else:
            body.fill(target, text)
    elif step.primitive.name == "reshape":
        body.copy(target.replaced(operand.shape, contiguous(operand.shape)), source)
    else:
        from .numba_memory import viewed

        body.copy(target, viewed(step, source) or source)
    del result


def _first(step: Step, source: Place) -> str:
    from .numba_memory import viewed

    seen = viewed(step, source) or source
    return seen.element(["0"] * len(seen.shape))


def _scatter(body: Body, step: Step, place: Find) -> None:
    source, whole = place(step.operands[0]), place(step.results[0])
    if isinstance(whole, str):  # a single number, which an index of None or ... picks
        zeros = [] if isinstance(source, str) else ["0"] * len(source.shape)
        body.write(f"{whole} = {source if isinstance(source, str) else source.element(zeros)}")
        return
    body.fill(whole, number(0, dtype_of(step.results[0])))
    target = part(whole, step.parameters["index"])
    assert target is not None
    if isinstance(source, str):
        source_place = Place(body.stack("t", 1, dtype_of(step.operands[0])), (), ())
        body.write(f"{source_place.element([])} = {source}")
        source = source_place
    body.copy(target, source)


def _concatenate(body: Body, step: Step, place: Find) -> None:
    whole = place(step.results[0])
    axis = step.parameters.get("axis", 0) % len(whole.shape)
    begin = 0
    for v in step.operands:
        target = whole.replaced(v.shape, whole.strides, begin * whole.strides[axis])
        body.copy(target, place(v))
        begin += v.shape[axis]


_WRITERS: dict[Any, Callable[[Body, Step, Find], None]] = {
    "product": _product,
    "reduction": _reduction,
    "move": _move,
    "scatter": _scatter,
    "concatenate": _concatenate,
}
