"""Fewer calls for small arrays: what is done to several of them is done once.

A call of NumPy's takes half a microsecond however small its arrays are. So where a program
applies one function to several small arrays, with the same number beside them (1 − z of each
layer), they are put side by side and it is applied once. Where a product's sign is turned
before it goes into `exp`, as in each sigmoid, that of the weights is turned instead, of all
weights at once where they lie in one array.

The bits stay the same: −(x · w) is x · (−w), but for the sign of a zero, which `exp` does not see.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..calculus.indexing import getitem
from ..calculus.shapes import join, reshape
from .program import Program, Step, Value, with_operands
from .schedule import Schedule, is_view, schedule
from .simplify import without_unused

SMALL = 4096
"""Numbers: above so many, a call costs more than it takes to begin it."""
MANY = 500
"""Steps: a longer program is left as it is, for it would take long to see what leads to what."""


def packed(laid: Schedule) -> Schedule:
    """Return a schedule of the same program with fewer calls."""
    program = Program(laid.inputs, list(laid.steps()), laid.outputs)
    changed = _side_by_side(_with_turned_factors(program))
    if changed is program:
        return laid
    return schedule(without_unused(changed), laid.updates, laid.fixed)


def _made(
    function: Callable[..., Any], operand: Value, like: Step | None = None, **how: Any
) -> Value:
    """Return the result of a further step, with no name."""
    primitive = like.primitive if like is not None else function
    step = Step(primitive, [operand], how, shows=bool(like is not None and like.shows))  # type: ignore[arg-type]
    value = Value(step.apply([operand.data])[0], maker=step)
    step.results = [value]
    return value


# -- the sign of a product ---------------------------------------------------------------------


def _with_turned_factors(program: Program) -> Program:
    """Turn the sign of small factors in place of that of the products."""
    uses = program.uses()
    found: dict[Step, tuple[Step, list[Step], Value]] = {}  # by the negation
    roots: dict[Value, int] = {}
    for step in program.steps:
        if step.primitive.function is not np.exp or not step.results[0].shape:
            continue
        turned = step.operands[0].maker
        if turned is None or not _is(turned, np.negative):
            continue
        product = turned.operands[0].maker
        if product is None or not _is(product, np.matmul):
            continue
        alone = uses[id(turned.results[0])] == uses[id(product.results[0])] == 1
        views, root = _seen_through(product.operands[1])
        if alone and root.shape and prod(root.shape) <= SMALL:
            found[turned] = product, views, root
            roots[root] = roots.get(root, 0) + 1
    found = {k: v for k, v in found.items() if roots[v[2]] > 1}
    if not found:
        return program
    negative: dict[Value, Value] = {}
    instead: dict[Step, Step | None] = {}
    added: dict[Step, list[Step]] = {}  # before which step
    for turned, (product, views, root) in found.items():
        if root not in negative:
            negative[root] = _made(turned.primitive, root, turned)
            first = min((p for p, _, r in found.values() if r is root), key=program.steps.index)
            added.setdefault(first, []).append(negative[root].maker)  # type: ignore[arg-type]
        factor = negative[root]
        for view in views:
            factor = _made(view.primitive, factor, view, **view.parameters)
            added.setdefault(product, []).append(factor.maker)  # type: ignore[arg-type]
        new = with_operands(product, [product.operands[0], factor])
        new.results = turned.results
        turned.results[0].maker = new
        instead[product], instead[turned] = new, None
    steps: list[Step] = []
    for step in program.steps:
        steps += added.get(step, [])
        now = instead.get(step, step)
        if now is not None:
            steps.append(now)
    return Program(program.inputs, steps, program.outputs)


def _is(step: Step | None, function: Any) -> bool:
    return step is not None and step.primitive.function is function and not step.parameters


def _seen_through(v: Value) -> tuple[list[Step], Value]:
    """Return the views through which an array is seen, and the array."""
    views: list[Step] = []
    while v.maker is not None and is_view(v.maker) and v.maker.primitive.name != "broadcast_to":
        views.append(v.maker)
        v = v.maker.operands[0]
    return views[::-1], v


# -- one function of several arrays ---------------------------------------------------------------


def _side_by_side(program: Program) -> Program:
    """Apply a function of an array and a number once where it is applied to several arrays."""
    if len(program.steps) > MANY:
        return program
    keys = dict.fromkeys(key for step in program.steps if (key := _key(step)) is not None)
    for key in keys:
        before = _what_leads_to(program)
        place = {step: i for i, step in enumerate(program.steps)}
        group: list[Step] = []
        for step in program.steps:
            if _key(step) == key:
                # None may lead to another, on whatever way.
                v = step.operands[1 - key[1]]
                mine, alone = before[v], all(v is not x.operands[1 - key[1]] for x in group)
                if alone and not any(mine >> place[other] & 1 for other in group):
                    group.append(step)
        if len(group) > 1:
            program = _joined(program, group, key[1])
    return program


def _key(step: Step) -> Any:
    """Return what two steps have in common that can be one."""
    at = _number(step)
    if at is None:
        return None
    number, v = step.operands[at], step.operands[1 - at]
    return step.primitive, at, type(number.data), str(number.data), v.data.dtype


def _number(step: Step) -> int | None:
    """Return which operand is a number beside an array that is made here; None if none is."""
    function = step.primitive.function
    if not isinstance(function, np.ufunc) or len(step.operands) != 2 or step.parameters:
        return None
    for at, (number, v) in enumerate((step.operands, step.operands[::-1])):
        if number.is_constant and not number.shape and v.shape and prod(v.shape) <= SMALL:
            own = v.maker is not None and isinstance(v.maker.primitive.function, np.ufunc)
            order = isinstance(v.data, np.ndarray) and v.data.flags.c_contiguous
            same = step.results[0].data.dtype == v.data.dtype and v.shape == step.results[0].shape
            if own and order and same:
                return at
    return None


def _what_leads_to(program: Program) -> dict[Value, int]:
    """Return for each value which steps lead to it, as the bits of a number."""
    before: dict[Value, int] = {}
    for i, step in enumerate(program.steps):
        bits = 1 << i
        for v in step.operands:
            bits |= before.get(v, 0)
        before.update(dict.fromkeys(step.results, bits))
    return before


def _joined(program: Program, group: list[Step], at: int) -> Program:
    """Put the arrays of a group side by side, and apply the function to all."""
    lines = [_made(reshape, s.operands[1 - at], shape=(-1,)) for s in group]
    for line in lines:
        line.maker.shows = True  # type: ignore[union-attr]
    whole = Value(np.concatenate([v.data for v in lines]))
    whole.maker = Step(join, lines, {"axis": 0}, [whole])
    operands = [group[0].operands[at], whole]
    made = Step(group[0].primitive, operands if at == 0 else operands[::-1], {})
    result = Value(made.apply([v.data for v in made.operands])[0], maker=made)
    made.results = [result]
    new = [*(v.maker for v in lines), whole.maker, made]
    begin = 0
    for step in group:
        (old,) = step.results
        end = begin + prod(old.shape)
        part = _made(getitem, result, index=slice(begin, end))
        cut = Step(reshape, [part], {"shape": old.shape}, [old], shows=True)
        part.maker.shows = True  # type: ignore[union-attr]
        old.maker = cut
        new += [part.maker, cut]
        begin = end
    last = max(map(program.steps.index, group))
    steps: list[Any] = []
    for i, step in enumerate(program.steps):
        if i == last:
            steps += new
        if step not in group:
            steps.append(step)
    return _in_order(Program(program.inputs, steps, program.outputs))


def _in_order(program: Program) -> Program:
    """Return the steps in an order in which they can run."""
    placed: set[Step] = set()
    steps: list[Step] = []
    for root in program.steps:
        waiting = [root]
        while waiting:
            step = waiting[-1]
            missing = [
                v.maker for v in step.operands if v.maker is not None and v.maker not in placed
            ]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            if step not in placed:
                placed.add(step)
                steps.append(step)
    return Program(program.inputs, steps, program.outputs)
