"""Shorten a program without changing a bit of what it computes.

>>> from autograd_lite.codegen.record import record
>>> def f(x):
...     return -(-x) * 1.0 + x**2 + x**2
>>> program = record(f, (2.0,)).program
>>> [step.primitive.name for step in simplify(program).steps]
['power', 'add', 'add']

Everything here is exact in floating point: x · 1 is x, and x + 0 is not (it turns −0 into 0).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .program import Program, Step, Value, with_operands

Rewrite = Callable[[Step], Value | None]


def simplify(program: Program) -> Program:
    """Return the program without repetitions, constant steps and unused ones."""
    return without_unused(_shortened(program))


def _shortened(program: Program) -> Program:
    """One pass from the first step to the last: each step sees operands that are short by now."""
    instead: dict[int, Value] = {}  # what stands for a value, by id
    seen: dict[Any, Step] = {}
    steps: list[Step] = []

    numbers: dict[Any, Value] = {}  # of each constant number, the first

    def now(v: Value) -> Value:
        if v.is_constant and isinstance(v.data, (int, float, np.generic)) and v.name is None:
            return numbers.setdefault((type(v.data), str(v.data)), v)
        return instead.get(id(v), v)

    for step in program.steps:
        operands = [now(v) for v in step.operands]
        if any(a is not b for a, b in zip(operands, step.operands, strict=True)):
            step = with_operands(step, operands)
        if all(v.is_constant for v in operands) and not _is_view(step):
            for v in step.results:
                instead[id(v)] = _inherit(Value(v.data), v)
            continue
        if len(step.results) == 1 and not step.indices:
            (result,) = step.results
            shorter = next(filter(None, (rule(step) for rule in RULES)), None)
            if shorter is not None and _alike(shorter, result):
                instead[id(result)] = _inherit(shorter, result)
                continue
        twin = step if step.primitive.draws else seen.setdefault(_key(step), step)
        if twin is not step:
            for v, first in zip(step.results, twin.results, strict=True):
                instead[id(v)] = _inherit(first, v)
            continue
        steps.append(step)
    for step in steps:
        for v in step.results:
            if v.gradient_of is not None:
                v.gradient_of = now(v.gradient_of)
    return Program(program.inputs, steps, [now(v) for v in program.outputs])


def without_unused(program: Program) -> Program:
    """Return the program without the steps that lead to no output."""
    used = {id(v) for v in program.outputs}
    kept = []
    for step in reversed(program.steps):
        if any(id(v) in used for v in step.results):
            used.update(id(v) for v in step.operands)
            kept.append(step)
    return Program(program.inputs, kept[::-1], program.outputs)


def _is_view(step: Step) -> bool:
    """Whether a step only makes a view, as ``X.T`` does: it is not folded."""
    return step.primitive.function is np.transpose and np.size(step.operands[0].data) > 1


def _inherit(v: Value, other: Value) -> Value:
    """Give a value the name of another that it stands for now."""
    if v.maker is not None:
        v.name = v.name or other.name
        if v.maker.is_backward:
            v.gradient_of = v.gradient_of or other.gradient_of
    return v


def _alike(a: Value, b: Value) -> bool:
    return a.shape == b.shape and np.asarray(a.data).dtype == np.asarray(b.data).dtype


def _key(step: Step) -> Any:
    """Return what two steps that compute the same have in common."""
    return (
        id(step.primitive),
        tuple(map(id, step.operands)),
        _frozen(step.parameters),
        tuple(step.indices),
    )


def _frozen(x: Any) -> Any:
    if isinstance(x, dict):
        return tuple((k, _frozen(v)) for k, v in x.items())
    if isinstance(x, (list, tuple)):
        return type(x), tuple(map(_frozen, x))
    if isinstance(x, np.ndarray):
        return x.dtype.str, x.shape, x.tobytes()
    return type(x), repr(x) if isinstance(x, (float, slice)) else x


# -- rules: what a step is the same as, or None -----------------------------------------------


def uniform(v: Value) -> Any:
    """Return the number that all elements of a constant are; None if it is not one."""
    if not v.is_constant or np.size(v.data) == 0:
        return None
    array = np.asarray(v.data)
    first = array.flat[0]
    return first if np.all(array == first) and first != 0 else None


def _times_one(step: Step) -> Value | None:
    if step.primitive.function is np.multiply:
        a, b = step.operands
        return b if uniform(a) == 1 else a if uniform(b) == 1 else None
    return None


def _by_one(step: Step) -> Value | None:
    if step.primitive.function in (np.divide, np.power):
        a, b = step.operands
        return a if uniform(b) == 1 else None
    return None


def _twice(step: Step) -> Value | None:
    """-(-x), and the transpose of a transpose."""
    maker = step.operands[0].maker
    if maker is None or maker.primitive is not step.primitive:
        return None
    own, inner = (s.parameters.get("axes") for s in (step, maker))
    plain = step.primitive.function is np.transpose and own is None and inner is None
    return maker.operands[0] if plain or step.primitive.function is np.negative else None


def _moves_nothing(step: Step) -> Value | None:
    """A reshape to the shape that is there, a cast to the dtype that is there, the like."""
    if step.primitive.name in ("reshape", "broadcast_to", "astype", "positive", "detach", "real"):
        return step.operands[0]
    return None


RULES: tuple[Rewrite, ...] = (_times_one, _by_one, _twice, _moves_nothing)
