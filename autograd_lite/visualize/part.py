"""A part of a graph: the inside of a module, what led to a value, or as much as fits.

>>> from autograd_lite import Tensor
>>> from autograd_lite.visualize.graph import read
>>> x = Tensor(2.0, requires_grad=True, name="x")
>>> graph = read((x * 3.0 + x) * x)
>>> [operation.name for operation in piece(graph, "t2").operations]
['multiply', 'add']
>>> nearest(graph, 4).left_out
2
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .graph import Graph, Operation, Value


@dataclass(slots=True, eq=False)
class Part:
    """As much of a graph as fits, nearest to its roots.

    Attributes
    ----------
    graph
        The whole.
    max_boxes
        How many boxes were allowed.
    values, operations
        What is kept.
    left_out
        How many operations are not.
    cut
        Those operands, by operation and position, that did not fit.
    """

    graph: Graph
    max_boxes: int
    values: list[Value]
    operations: list[Operation]
    left_out: int = 0
    cut: dict[Operation, list[int]] = field(default_factory=dict)


def piece(graph: Graph, name: str) -> Graph:
    """Return a part of a graph: the inside of a module, or what led to a value.

    Raises
    ------
    ValueError
        If nothing has that name.
    """
    modules = {m: None for o in graph.operations for m in (o.module.around() if o.module else [])}
    chosen = {m for m in modules if name in (m.name, m.path)}
    values = [v for v in graph.values if v.name == name and v.maker is not None]
    if chosen:
        inside = [o for o in graph.operations if o.module and chosen & {*o.module.around()}]
        used = {v for o in graph.operations if o not in set(inside) for v in o.operands}
        roots = [v for o in inside for v in o.results if v in used or v.is_root]
    elif values:
        roots = values[:1]
        needed = set(roots)
        inside = []
        for operation in reversed(graph.operations):
            if needed & {*operation.results}:
                needed.update(operation.operands)
                inside.append(operation)
        inside.reverse()
    else:
        known = ", ".join(dict.fromkeys(m.name for m in modules)) or "no module was recorded"
        raise ValueError(
            f"part is the name of a module or of a result, and there is no {name!r}: give the "
            f"name of a result, or of a module ({known})."
        )
    shown = {v for o in inside for v in (*o.operands, *o.results)}
    return Graph(roots, [v for v in graph.values if v in shown], inside, graph.gradients)


def nearest(graph: Graph, max_boxes: int) -> Part:
    """Return the latest operations of a graph, with their values, `max_boxes` in all.

    Operations are taken from the newest to the oldest. So what uses the result of
    an operation that is kept is kept too, and all that is cut off lies before.
    """
    if len(graph.roots) > max_boxes:
        raise ValueError(
            f"{len(graph.roots)} results do not fit into max_boxes={max_boxes}: "
            "give fewer of them, or allow more boxes."
        )
    kept = dict.fromkeys(graph.roots)
    operations: list[Operation] = []
    cut: dict[Operation, list[int]] = {}
    for operation in reversed(graph.operations):
        new = dict.fromkeys(v for v in (*operation.operands, *operation.results) if v not in kept)
        room = max_boxes - len(kept) - len(operations) - 1
        if len(new) > room:
            if operations or room <= 0:
                break
            # One operation that has more operands than fit: show the first of them.
            new = dict.fromkeys(list(new)[:room])
            kept.update(new)
            operations.append(operation)
            cut[operation] = [i for i, v in enumerate(operation.operands) if v not in kept]
            break
        kept.update(new)
        operations.append(operation)
    values = [v for v in graph.values if v in kept]
    left_out = sum(o.count for o in graph.operations) - sum(o.count for o in operations)
    return Part(graph, max_boxes, values, operations[::-1], left_out, cut)
