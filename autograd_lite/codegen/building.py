"""From a recorded program to a kernel: simplified, laid out, and built by the first that can."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..calculus.indexing import getitem
from . import backends
from .expand import BY_PRODUCTS, NotWritable, expand
from .program import Program, Step
from .schedule import Schedule
from .simplify import simplify
from .write import is_writable


def built(back_end: str, laid: Schedule, name: str) -> tuple[backends.Kernel, str]:
    """Build a kernel with the best back end that can; return also which it was."""
    names = backends.chosen(back_end)
    for one in names[:-1]:
        try:
            return backends.build(one, laid, name), one
        except NotWritable:
            continue
    return backends.build(names[-1], laid, name), names[-1]


def plain_program(program: Program) -> Program:
    """Return a program as back ends want it: in NumPy's functions, as far as can be, and short."""
    return simplify(
        expand(_with_parts_as_views(program), _is_plain, lambda primitive: True, _stays)
    )


def _with_parts_as_views(program: Program) -> Program:
    """Let what splits an array be views of its parts."""
    steps: list[Step] = []
    for step in program.steps:
        if step.primitive.name != "split":
            steps.append(step)
            continue
        (whole,), axis = step.operands, step.parameters.get("axis", 0) % len(step.operands[0].shape)
        ends = np.cumsum([0, *step.parameters["sizes"]]).tolist()
        for i, v in zip(step.indices, step.results, strict=True):
            index = (*[slice(None)] * axis, slice(ends[i], ends[i + 1]))
            v.maker = Step(
                getitem, [whole], {"index": index}, [v], line=step.line,
                is_backward=step.is_backward, shows=True,
            )  # fmt: skip
            steps.append(v.maker)
    return Program(program.inputs, steps, program.outputs)


def _stays(primitive: Any) -> bool:
    return primitive not in BY_PRODUCTS


def _is_plain(primitive: Any) -> bool:
    return is_writable(primitive) and primitive.name != "clip"
