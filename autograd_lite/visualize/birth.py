"""Where the first number of a graph that is not finite was born, for pictures and texts.

>>> from autograd_lite import Tensor
>>> from autograd_lite.visualize.graph import read
>>> x = Tensor([0.0, 1.0], requires_grad=True, name="x")
>>> with np.errstate(all="ignore"):
...     graph = read(np.log(x))
>>> born = birth(graph)
>>> born.operation.name, born.report.numbers, is_finite(graph.values[-1].data)
('log', 'log(0)', False)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..nonfinite import FirstBad
from ..nonfinite.report import described, find
from .graph import Graph, OpCall


@dataclass(frozen=True)
class Birth:
    """What was found, and the operation of the graph that it was in, where that is there."""

    report: FirstBad
    operation: OpCall | None


def is_finite(data: Any) -> bool:
    """Whether all numbers of an array are neither infinite nor NaN; what has none is finite."""
    array = np.asarray(0.0 if data is None else data)
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


def birth(graph: Graph) -> Birth | None:
    """Return where the first number that is not finite was born, if a graph shows one."""
    if all(is_finite(v.data) and is_finite(v.gradient) for v in graph.values):
        return None
    for root in graph.roots:
        if root.tensor is None:
            continue
        with np.errstate(all="ignore"):
            found = find(root.tensor)
            if found is None:
                continue
            report = described(
                found, [(v.name, v.tensor) for v in graph.values if v.tensor is not None]
            )
        if report.way == "backward" and graph.gradients != "known":
            continue
        made = found.node.t if found.node is not None else None
        makers = (o for o in graph.operations for v in o.results if v.tensor is made)
        return Birth(report, next(makers, None) if made is not None else None)
    return None
