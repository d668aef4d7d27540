"""What stands in a box, as lines of plain text, for languages that have no more.

>>> from autograd_lite import Tensor
>>> from autograd_lite.visualize.graph import read
>>> from autograd_lite.visualize.part import nearest
>>> x = Tensor(2.0, requires_grad=True, name="x")
>>> part = nearest(read(x * 3.0), 200)
>>> [lines(box, part) for box in scene(part) if isinstance(box, Box)]
[['x = 2', 'grad ?'], ['3'], ['multiply', 'x·3'], ['t1 = 6', 'grad ?']]
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .fold import Fold
from .graph import GraphValue, OpCall
from .labels import short_formula, short_names
from .part import Part
from .scene import HOW, Box, magnitude, scene
from .text import cut, number, printable

LETTERS = 32

__all__ = ["lines", "scene"]


def lines(box: Box, part: Part, names: Mapping[GraphValue, str] | None = None) -> list[str]:
    """Return what a box says, line by line; `names` are those that formulas use."""
    if isinstance(box.of, GraphValue):
        said = _of_value(box.of, part)
    elif isinstance(box.of, OpCall):
        said = _of_operation(box.of, names or short_names(part.graph.values))
    else:
        return [line.lstrip("*") for line in box.of]
    return [cut(printable(line), LETTERS) for line in said]


def _of_value(value: GraphValue, part: Part) -> list[str]:
    if np.ndim(value.data):
        said = [f"{value.name} {np.shape(value.data)}"]
    elif value.tensor is None:
        said = [value.name]
    else:
        said = [f"{value.name} = {number(value.data)}"]
    if value.requires_grad and part.graph.gradients != "hidden":
        if value.gradient is None:
            said.append("grad ?" if part.graph.gradients == "unknown" else "no grad arrives")
        elif np.ndim(value.gradient):
            said.append(f"|grad| {magnitude(value.gradient):.3g}")
        else:
            said.append(f"grad {number(value.gradient)}")
    return said + [HOW[stop.how] for stop in part.graph.stops if stop.made is value][:1]


def _of_operation(operation: OpCall, names: Mapping[GraphValue, str]) -> list[str]:
    if isinstance(operation, Fold):
        return [operation.short(LETTERS), operation.contents()]
    formula = short_formula(operation, names)
    return [operation.name] + [formula] * (not formula.startswith(f"{operation.name}("))
