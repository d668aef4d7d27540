"""A part of a graph as boxes and arrows, before any language writes them down.

DOT, TikZ and Mermaid are three ways to write a scene; each says in its own way what stands in
a box, and how a kind looks.

>>> from autograd_lite import Tensor
>>> from autograd_lite.visualize.graph import read
>>> from autograd_lite.visualize.part import nearest
>>> x = Tensor(2.0, requires_grad=True, name="x")
>>> for thing in scene(nearest(read(x * 3.0), 200)):
...     print(thing.kind, *([thing.key] if isinstance(thing, Box) else [thing.tail, thing.head]))
input v1
constant v2
operation o1
gradient v1 o1
constant v2 o1
root v3
gradient o1 v3
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .fold import Fold
from .graph import GraphValue, OpCall
from .modules import ModuleCall, homes
from .part import Part
from .text import number, operations, summary

BoxKind = Literal["input", "constant", "result", "root", "operation", "fold", "rest", "source"]
ArrowKind = Literal["gradient", "constant", "stopped", "backward"]


@dataclass(slots=True, eq=False)
class Box:
    """A box: of a value, of an operation, or of what is not shown.

    Attributes
    ----------
    key
        What tells it from the others.
    kind
        How it looks. A ``source`` is a value outside of the graph, from which one in it was
        computed without a gradient; the ``rest`` is what is not shown.
    of
        What it is the box of; lines of text, for the rest.
    home
        The modules around it, the outermost first.
    """

    key: str
    kind: BoxKind
    of: GraphValue | OpCall | list[str]
    home: Sequence[ModuleCall] = ()


@dataclass(slots=True, eq=False)
class Arrow:
    """An arrow between two boxes.

    Attributes
    ----------
    tail, head
        The keys of the boxes.
    kind
        ``gradient``: forward, where a gradient comes back along it. ``constant``: where none
        does. ``stopped``: where one would, were it not for ``detach()`` or ``no_grad()``.
        ``backward``: the other way, with what it brings.
    label
        A few letters.
    tooltip
        More of them.
    """

    tail: str
    head: str
    kind: ArrowKind
    label: str = ""
    tooltip: str = ""


Scene = list[Box | Arrow]


def scene(part: Part, backward: bool = False) -> Scene:
    """Return the boxes and arrows of a part of a graph, each box before its arrows.

    Parameters
    ----------
    part
        What to show.
    backward
        Whether the arrows of the backward pass are there too.
    """
    return _Stage(part, backward).scene


@dataclass(slots=True)
class _Stage:
    part: Part
    backward: bool
    scene: Scene = field(default_factory=list)

    def __post_init__(self) -> None:
        part = self.part
        shown, home = set(part.values), homes(part.operations, part.values)
        made_here = {v for operation in part.operations for v in operation.results}

        def put(value: GraphValue) -> None:
            kind: BoxKind = "root" if value.is_root and value.maker else value.kind
            self.scene.append(Box(value.key, kind, value, home[value]))

        rest = what_is_not_shown(part)
        if rest:
            self.scene.append(Box("rest", "rest", rest))
        for value in part.values:
            if value not in made_here:
                put(value)
                if value.maker is not None:
                    self.arrow("rest", value.key, value.requires_grad)
        for operation in part.operations:
            around = operation.module.around() if operation.module else []
            kind: BoxKind = "fold" if isinstance(operation, Fold) else "operation"
            self.scene.append(Box(operation.key, kind, operation, around))
            self.given(operation, shown)
            for i, value in enumerate(operation.results):
                if value in shown:
                    put(value)
                    which = f"[{operation.indices[i]}]" if operation.indices else ""
                    self.arrow(operation.key, value.key, value.requires_grad, which)
                    if self.backward and value.gradient is not None:
                        self.scene.append(Arrow(value.key, operation.key, "backward"))
        self.stopped(shown)

    def arrow(
        self, tail: str, head: str, carries: bool, label: str = "", tooltip: str = ""
    ) -> None:
        kind: ArrowKind = "gradient" if carries else "constant"
        self.scene.append(Arrow(tail, head, kind, label, tooltip))

    def given(self, operation: OpCall, shown: set[GraphValue]) -> None:
        """Put the arrows from an operation's operands, and those back to them."""
        graph = self.part.graph
        carries = any(v.requires_grad for v in operation.results)
        for name, value in zip(operation.operand_names, operation.operands, strict=True):
            if value in shown:
                goes_back = carries and value.requires_grad
                self.arrow(value.key, operation.key, goes_back, tooltip=name)
        for (tail, head), values in graph.bundles.items():
            if head is operation and tail in self.part.operations:
                goes_back = any(v.requires_grad for v in values)
                self.arrow(tail.key, head.key, goes_back, f"{len(values):,} values")
        if operation in self.part.cut:
            self.arrow(
                "rest", operation.key, carries, f"{len(self.part.cut[operation]):,} operands"
            )
        if self.backward:
            for value, brought in _brought(operation, graph.contributions):
                if value in shown:
                    label, tooltip = _of_contribution(brought)
                    self.scene.append(Arrow(operation.key, value.key, "backward", label, tooltip))

    def stopped(self, shown: set[GraphValue]) -> None:
        """Put dotted arrows to constants from what they were computed from."""
        known = {thing.key for thing in self.scene if isinstance(thing, Box)}
        for stop in self.part.graph.stops:
            if stop.made not in shown:
                continue
            if stop.source.key not in known:
                known.add(stop.source.key)
                self.scene.append(Box(stop.source.key, "source", stop.source))
            why = f"{HOW[stop.how]}: no gradient comes back"
            self.scene.append(Arrow(stop.source.key, stop.made.key, "stopped", stop.how, why))


HOW = {"detach": "detached", "no_grad": "computed under no_grad"}


def _brought(
    operation: OpCall, contributions: dict[tuple[OpCall, int], np.ndarray]
) -> list[tuple[GraphValue, np.ndarray]]:
    """Return what an operation brings back, one for each operand; a fold brings sums."""
    if not isinstance(operation, Fold):
        return [
            (v, contributions[operation, i])
            for i, v in enumerate(operation.operands)
            if (operation, i) in contributions
        ]
    brought: dict[GraphValue, np.ndarray] = {}
    for one in operation.inside:
        for i, value in enumerate(one.operands):
            if (one, i) in contributions:
                brought[value] = contributions[one, i] + brought.get(value, 0.0)
    return [(v, brought[v]) for v in operation.operands if v in brought]


def _of_contribution(brought: np.ndarray) -> tuple[str, str]:
    """Return what an arrow back says of what it brings, and its tooltip."""
    if np.ndim(brought) == 0:
        return number(brought), f"contribution {brought.item()!r}"
    facts = (f"{fact} {found}" for fact, found in summary(brought).items())
    return f"|{magnitude(brought):.3g}|", f"contribution {', '.join(facts)}"


def magnitude(gradient: np.ndarray) -> float:
    """Return |gradient|: the square root of the sum of the squares of its elements.

    >>> magnitude(np.array([[3.0, 0.0], [0.0, -4.0]])), magnitude(np.array(-2.0))
    (5.0, 2.0)
    """
    with np.errstate(all="ignore"):
        flat = np.abs(np.ravel(gradient)).astype(np.float64)
        largest = flat.max(initial=0.0)
        if not 0 < largest < np.inf:
            return float(largest)
        return float(largest * np.sqrt(np.sum((flat / largest) ** 2)))  # 1e-200 squared is not 0


def what_is_not_shown(part: Part) -> list[str]:
    """Say what is not shown, and how to see it: lines, of which those that begin with * tell it."""
    total = len(part.graph.values) + len(part.graph.operations)
    lines = [f"*{remark}" for remark in part.graph.remarks]
    folds = [o for o in part.operations if isinstance(o, Fold)]
    if folds:
        inside = sum(len(fold.inside) for fold in folds)
        boxes = f"{len(folds)} box{'es' * (len(folds) != 1)}"
        lines.append(f"*{operations(inside)} folded into {boxes}")
    if part.left_out:
        lines.append(f"*{operations(part.left_out, 'earlier ')} not shown")
    if part.cut:
        lines.append(f"*{sum(map(len, part.cut.values())):,} operands not shown")
    if part.left_out or part.cut:
        lines.append(f"{part.max_boxes:,} of {total:,} boxes: draw(…, max_boxes=…) to see more")
    if folds:
        largest = max(folds, key=lambda fold: fold.count)
        lines.append(f"draw(…, part={largest.example!r}) shows what is inside")
    made = {v for operation in part.operations for v in operation.results}
    if not part.left_out and any(v.maker and v not in made for v in part.values):
        lines.append("*computed before")
    return lines
