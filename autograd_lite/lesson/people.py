"""Names as people say them: ``conv1.weight``, not ``0.weight``.

A model that is a list numbers its layers, and so are its parameters called. Here each gets the
name of what it does, numbered among its kind.
"""

from __future__ import annotations

import re

from ..visualize.graph import Graph

KINDS = {"conv2d": "conv", "linear": "linear", "normalize": "norm"}


def named_by_people(graph: Graph) -> None:
    """Rename the parameters of a graph that a number stands for, such as ``0.weight``.

    >>> import numpy as np
    >>> from autograd_lite import Tensor
    >>> from autograd_lite.visualize.graph import read
    >>> x, w = Tensor([[1.0]]), Tensor([[2.0]], requires_grad=True, name="3.weight")
    >>> graph = read(x @ w)
    >>> named_by_people(graph)
    >>> [v.name for v in graph.values]
    ['x1', 'layer1.weight', 't1']
    """
    taken = {v.name.partition(".")[0] for v in graph.values}
    known: dict[str, str] = {}
    counts: dict[str, int] = {}
    for operation in graph.operations:
        for value in operation.operands:
            match = re.fullmatch(r"(\d+(?:\.\d+)*)\.(\D.*)", value.name)
            if value.maker is not None or value.tensor is None or not match:
                continue
            path, rest = match.groups()
            if path not in known:
                module = value.module.kind if value.module else ""
                kind = module.lower().rstrip("0123456789d") or KINDS.get(operation.name, "layer")
                while True:
                    counts[kind] = counts.get(kind, 0) + 1
                    known[path] = f"{kind}{counts[kind]}"
                    if known[path] not in taken:
                        break
            value.name = f"{known[path]}.{rest}"
