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

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from .fold import Fold, fold, modules_of, stages
from .graph import Graph, GraphValue, OpCall
from .modules import ModuleCall


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
    values: list[GraphValue]
    operations: list[OpCall]
    left_out: int = 0
    cut: dict[OpCall, list[int]] = field(default_factory=dict)


def piece(
    graph: Graph, name: str, max_boxes: int | None = None, operations: float = np.inf
) -> Graph:
    """Return a part of a graph: the inside of a module or of a repetition, or what led to a value.

    Parameters
    ----------
    graph
        The whole.
    name
        The name of a result; of a module, or the end of its path, such as ``blocks.3`` (of
        several calls the first; ``fc1[2]`` is the third); or how often something repeats, as
        its box says it: ``× 20`` is its first turn, ``× 20[-1]`` the last.
    max_boxes, operations
        Where the inside of a module or repetition has more, it is folded.

    Raises
    ------
    ValueError
        If nothing has that name.
    """
    for value in graph.values:
        if value.name == name and value.maker is not None:
            return _that_led_to(graph, value)
    asked, index = name, None
    if numbered := re.fullmatch(r"(.+)\[(-?\d+)\]", name):
        asked, index = numbered[1], int(numbered[2])
    around: list[ModuleCall] = []
    if called := _called(graph, asked):
        module = called[_checked(index, len(called), f"'{asked}' was called")]
        inside = [o for o in graph.operations if o.module and module in o.module.around()]
        remark = _which(called, module, asked, modules_of(graph)) if len(called) > 1 else ""
        around = module.around()
    elif repetition := _repetition(graph, asked):
        i = _checked(index, repetition.times, f"{asked!r} repeats") % repetition.times
        inside = repetition.turn(i)
        remark = f"turn {i + 1:,} of {repetition.times:,}"
        around = repetition.module.around() if repetition.module else []
    else:
        known = ", ".join(dict.fromkeys(m.name for m in modules_of(graph)))
        raise ValueError(
            f"part is the name of a module or of a result, or a repetition such as '× 20', and "
            f"there is no {name!r}: give the name of a result, or of a module "
            f"({known or 'no module was recorded'})."
        )
    found = _of(graph, inside)
    if remark:
        found.remarks = [*found.remarks, remark]
    if max_boxes is None:
        return found
    return fold(found, max_boxes, around=around, bundles=True, operations=operations)


def _that_led_to(graph: Graph, root: GraphValue) -> Graph:
    needed = {root}
    inside = []
    for operation in reversed(graph.operations):
        if needed & {*operation.results}:
            needed.update(operation.operands)
            inside.append(operation)
    return _of(graph, inside[::-1], [root])


def _of(graph: Graph, inside: list[OpCall], roots: Iterable[GraphValue] = ()) -> Graph:
    """Return the graph of some operations; its roots are what is used elsewhere."""
    those = {*inside}
    used = {v for o in graph.operations if o not in those for v in o.operands}
    roots = [*roots] or [v for o in inside for v in o.results if v in used or v in graph.roots]
    shown = {v for o in inside for v in (*o.operands, *o.results)}
    values = [v for v in graph.values if v in shown]
    return replace(graph, roots=roots, values=values, operations=inside)


def _called(graph: Graph, name: str) -> list[ModuleCall]:
    """Return the calls of modules with a name: their own, their path's, or the end of that."""
    found = modules_of(graph)
    same = [m for m, called in found.items() if name in (m.path, called)]
    return same or [m for m in found if m.name == name or m.path.endswith(f".{name}")]


def _checked(index: int | None, count: int, what: str) -> int:
    if index is not None and not -count <= index < count:
        raise ValueError(
            f"part asks for number {index}, and {what} {count:,} times: give 0 to {count - 1}, or "
            "-1 for the last."
        )
    return index or 0


def _which(
    called: list[ModuleCall], module: ModuleCall, name: str, names: dict[ModuleCall, str]
) -> str:
    """Say which of several calls it is, and how to see another one."""
    i = called.index(module)
    other = (i + 1) % len(called)
    how = names[called[other]] if len({m.path for m in called}) > 1 else f"{name}[{other}]"
    return f"{module.path}, call {i + 1} of {len(called)}: part={how!r} is another"


def _repetition(graph: Graph, name: str) -> Fold | None:
    """Return the repetition that a box is labelled with, in the graph or inside of its modules."""
    if "×" not in name:
        return None
    asked = name.replace(",", "").replace(" ", "")

    def matches(operation: OpCall) -> bool:
        label = operation.name.replace(",", "").replace(" ", "")
        return label == asked or (asked[0] == "×" and label.endswith(asked))

    for module in (None, *modules_of(graph)):
        whole, around = graph, module.around() if module else []
        if module is not None:
            inside = (o for o in graph.operations if o.module and module in o.module.around())
            whole = _of(graph, [*inside])
        for stage in stages(whole, around):
            for operation in stage.operations:
                if isinstance(operation, Fold) and operation.times > 1 and matches(operation):
                    return operation
    return None


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
    bundled = {v for values in graph.bundles.values() for v in values}
    operations: list[OpCall] = []
    cut: dict[OpCall, list[int]] = {}
    for operation in reversed(graph.operations):
        values = dict.fromkeys((*operation.operands, *operation.results))
        new = [v for v in values if v not in kept and v not in bundled]
        room = max_boxes - len(kept) - len(operations) - 1
        if len(new) > room:
            if operations or room <= 0:
                break
            # One operation that has more operands than fit: show the first of them.
            kept.update(dict.fromkeys(new[:room]))
            operations.append(operation)
            cut[operation] = [i for i, v in enumerate(operation.operands) if v not in kept]
            break
        kept.update(dict.fromkeys(new))
        operations.append(operation)
    shown = [v for v in graph.values if v in kept]
    left_out = sum(o.count for o in graph.operations) - sum(o.count for o in operations)
    return Part(graph, max_boxes, shown, operations[::-1], left_out, cut)
