"""Fused primitives, opened: a program in NumPy's own functions only.

A fused primitive, such as ``mse``, is one step on the tape and several lines of NumPy in
its forward pass. That is run here on Tensors, so that those lines are steps too. Where it
cannot be (it writes into arrays, say), the composition that the primitive stands for
serves, if it is in `EXACT`: those compute the same to the bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..calculus import neural, normalization
from ..errors import AutogradError
from ..modes import Mode, grad_enabled, recording
from ..primitive import Primitive
from ..tensor import constant
from .looks import Recorder
from .program import Program, Step, Value, read, with_operands

EXACT = {neural.sigmoid}
"""Fused primitives whose composition gives the same bits for every input."""
BY_PRODUCTS = {normalization.normalize, normalization.normalize_and_scale}
"""What adds up by a product with ones, which no loop does: opened, its sums are NumPy's."""


class NotWritable(AutogradError):
    """An operation cannot be written as lines of NumPy.

    >>> from autograd_lite import source
    >>> from autograd_lite.scipy import linalg
    >>> try:
    ...     source(linalg.expm, [[1.0, 0.0], [0.0, 1.0]])
    ... except NotWritable:
    ...     print("SciPy's, and not NumPy's")
    SciPy's, and not NumPy's
    """


def expand(
    program: Program,
    is_writable: Any,
    kept: Any = lambda primitive: False,
    exact: Any = lambda primitive: True,
) -> Program:
    """Return the program with each primitive opened that is not writable as it is.

    Parameters
    ----------
    program
        As it was recorded.
    is_writable
        Whether a primitive can be written as one expression.
    kept
        Whether one that cannot be opened stays what it is; else it is an error.
    exact
        Whether the bits have to stay; else any composition serves that agrees to rounding.
    """
    steps: list[Step] = []
    for step in program.steps:
        primitive = step.primitive
        whole = is_writable(primitive) or primitive.is_closed or primitive.draws
        whole = whole or primitive.name == "detach"  # `simplify` takes it away
        steps += [step] if whole else _opened(step, is_writable, kept, exact)
    return Program(program.inputs, steps, program.outputs)


def without_checks(program: Program) -> Program:
    """Return the program without the steps that only see that numbers are in range."""
    instead: dict[Value, Value] = {}
    steps = []
    for step in program.steps:
        operands = [instead.get(v, v) for v in step.operands]
        if step.primitive.is_check:
            instead[step.results[0]] = operands[0]
        else:
            steps.append(with_operands(step, operands) if instead else step)
    return Program(program.inputs, steps, [instead.get(v, v) for v in program.outputs])


def _opened(step: Step, is_writable: Any, kept: Any, exact: Any) -> list[Step]:
    """Return the steps that one step consists of; their last results are its results."""
    primitive = step.primitive
    stays = exact(primitive)
    agree = _same if stays else _near
    for forward in _forwards(primitive, stays):
        try:
            inner = _recorded(forward, step)
        except Exception:  # it does not run on Tensors: the next way
            continue
        made = inner.evaluate([v.data for v in step.operands])
        if any(v.maker is None for v in inner.outputs):  # it hands on what it was given
            continue
        if any(inside.primitive is primitive for inside in inner.steps):  # nothing is opened
            continue
        if all(agree(a, v.data) for a, v in zip(made, step.results, strict=True)):
            return _spliced(expand(inner, is_writable, kept, exact), step)
    if kept(primitive):
        return [step]
    where = f" ({step.line})" if step.line else ""
    raise NotWritable(
        f"'{primitive.name}'{where} cannot be written as lines of NumPy: it has no composition "
        f"that gives the same {'bits' if stays else 'numbers'}."
    )


def _forwards(primitive: Primitive, exact: bool) -> list[Any]:
    other = primitive.decomposition
    if other is not None and not exact:
        return [primitive.function, other]
    return [other] if primitive in EXACT and other is not None else [primitive.function]


def _looked_at(outside: Mode) -> Mode:
    return grad_enabled(outside)._replace(everything=True, recorder=Recorder())


def _recorded(forward: Any, step: Step) -> Program:
    """Run a forward pass on Tensors and read what it did."""
    inputs = [constant(np.asarray(v.data)) for v in step.operands]
    given, named = list(inputs), dict[str, Any]()
    if step.primitive.by_name:
        given, named = [], dict(zip(step.primitive.operands, inputs, strict=True))
    for x, v in zip(inputs, step.operands, strict=True):
        x.name = v.name or "x"  # so that a look at it counts
    with recording(_looked_at):
        made = forward(*given, **named, **step.parameters)
    return read(step.used(made), inputs)


def _spliced(inner: Program, step: Step) -> list[Step]:
    """Put a program in the place of a step: its inputs are the step's operands."""
    instead: dict[int, Value] = {id(v): x for v, x in zip(inner.inputs, step.operands, strict=True)}
    instead |= {id(v): x for v, x in zip(inner.outputs, step.results, strict=True)}
    for s in inner.steps:
        s.operands = [instead.get(id(v), v) for v in s.operands]
        s.results = [instead.get(id(v), v) for v in s.results]
        s.line, s.is_backward = s.line or step.line, step.is_backward
        for v in s.results:
            v.maker = s
    return inner.steps


def _same(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())


def _near(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    size = np.max(np.abs(b), where=np.isfinite(b), initial=0.0)
    return np.allclose(a, b, 1e-5, 1e-6 * size, equal_nan=True)
