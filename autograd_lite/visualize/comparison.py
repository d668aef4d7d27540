"""`compare`: two graphs in one picture, such as before and after a step of training.

Operations that do the same, in the same order, are one box with both numbers; what is only in
one of the graphs has a sign, − or +, and a colour.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from ..tensor import Tensor
from . import palette
from .boxes import NAME_LENGTH, operation_tooltip, quoted, tooltip
from .dot import BOXES, Line, View, edge, empty, write
from .drawing import Drawing
from .gradients import differentiate
from .graph import Graph, GraphValue, OpCall, named_in, read
from .labels import short_names
from .part import Part, nearest
from .plain import lines
from .scene import Box, magnitude, scene
from .text import cut, number, parameters, printable

GONE = {"color": palette.NEGATIVE.of(), "fontcolor": palette.NEGATIVE.of(), "penwidth": "2",
        "style": "dashed"}  # fmt: skip
NEW = {"color": palette.POSITIVE.of(), "fontcolor": palette.POSITIVE.of(), "penwidth": "3"}
CHANGED = {"color": palette.COMPLETE.of(), "penwidth": "3"}
SAME = {"color": palette.GREY.of(), "fontcolor": palette.GREY.of(), "penwidth": "1"}


def compare(
    before: Tensor | Sequence[Tensor],
    after: Tensor | Sequence[Tensor],
    *,
    gradients: Any = None,
    rankdir: str = "LR",
    max_boxes: int = 200,
) -> Drawing:
    """Draw two graphs as one: what is the same, what has changed, and what only one has.

    Parameters
    ----------
    before, after
        Two results, such as the losses before and after a step of an optimizer, or those of
        two programs; or two lists of results.
    gradients, rankdir, max_boxes
        As for `draw`.

    Returns
    -------
    Drawing
        A box says ``0.5 → 0.4`` where a number has changed; of an array it says
        |after − before|, the square root of the sum of squares. − marks what is only in
        the first graph, + what is only in the second.

    Raises
    ------
    NoGradientError
        If nothing was recorded on the way to a result.
    TypeError
        If something else than a Tensor is given.

    Examples
    --------
    >>> from autograd_lite import Tensor, compare
    >>> w = Tensor(2.0, requires_grad=True, name="w")
    >>> before = w * w
    >>> w.data = w.data - 0.5
    >>> after = w * w
    >>> picture = compare(before, after)
    >>> picture
    <Drawing of before and after: 2 values changed, 0 operations gone, 0 new>
    >>> "w = 2 → 1.5" in picture.source.replace("</b>", "").replace("&#160;", " ")
    True
    """
    variables = named_in(sys._getframe(1))
    first, second = read(before, variables), read(after, variables)
    for graph in (first, second):
        differentiate(graph, gradients)
    merged = _Merged(first, second)
    part = nearest(merged.graph, max_boxes)
    digraph = _to_dot(part, merged, View(rankdir))
    changed = sum(merged.has_changed(v) for v in merged.was)
    names = " and ".join("this" if not g.roots else g.roots[0].name for g in (first, second))
    gone, new = (sum(isinstance(x, OpCall) for x in some) for some in (merged.gone, merged.new))
    title = (
        f"{names}: {changed} value{'s' * (changed != 1)} changed, "
        f"{gone} operation{'s' * (gone != 1)} gone, {new} new"
    )
    return Drawing(digraph, title, merged.graph)


# -- one graph of two ---------------------------------------------------------------------------


@dataclass(slots=True)
class _Merged:
    """The second graph, with what only the first has in its place.

    Attributes
    ----------
    graph
        Both.
    was
        From a value of the second graph to the same of the first.
    gone, new
        What only one of them has.
    """

    first: Graph
    second: Graph
    was: dict[GraphValue, GraphValue] = field(default_factory=dict)
    gone: set[Any] = field(default_factory=set)
    new: set[Any] = field(default_factory=set)
    graph: Graph = field(init=False)
    now: dict[GraphValue, GraphValue] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        first, second = self.first.operations, self.second.operations
        was, now = ([_signature(o) for o in operations] for operations in (first, second))
        matcher = SequenceMatcher(None, was, now, autojunk=False)
        whole: list[tuple[str, int, int, int, int]] = [("equal", 0, len(was), 0, len(now))]
        steps = whole if was == now else matcher.get_opcodes()
        for kind, a, b, c, d in steps:
            if kind == "equal":
                for one, other in zip(first[a:b], second[c:d], strict=True):
                    self.match(one, other)
        for value, its in zip(self.first.roots, self.second.roots, strict=False):
            self.same(value, its)
        operations: list[OpCall] = []
        for kind, a, b, c, d in steps:
            if kind != "equal":
                operations += [self.taken(o) for o in first[a:b]]
                self.new.update(second[c:d])
            operations += second[c:d]
        mine = set(self.was)
        self.new.update(v for v in self.second.values if v not in mine and not _is_number(v))
        roots = list(dict.fromkeys([*self.second.roots, *map(self.there, self.first.roots)]))
        used = [v for o in operations for v in (*o.operands, *o.results)]
        values = list(dict.fromkeys([*self.second.values, *used, *roots]))
        self.graph = Graph(roots, values, operations, self.second.gradients)

    def match(self, one: OpCall, other: OpCall) -> None:
        """Note that two operations are the same, and so are their values."""
        for a, b in zip(
            (*one.operands, *one.results), (*other.operands, *other.results), strict=True
        ):
            self.same(a, b)

    def same(self, a: GraphValue, b: GraphValue) -> None:
        """Note that two values are the same, if neither is another's already."""
        if b not in self.was and a not in self.now and (a.maker is None) == (b.maker is None):
            self.was[b], self.now[a] = a, b

    def there(self, value: GraphValue) -> GraphValue:
        """Return what stands for a value of the first graph."""
        if value not in self.now:
            copy = replace(value, key=f"a{value.key}", maker=None, is_root=value.is_root)
            self.now[value] = copy
            if not _is_number(value):
                self.gone.add(copy)
        return self.now[value]

    def taken(self, operation: OpCall) -> OpCall:
        """Return an operation of the first graph, as it stands in both."""
        copy = replace(operation, key=f"a{operation.key}",
                       operands=[self.there(v) for v in operation.operands])  # fmt: skip
        copy.results = [self.there(v) for v in operation.results]
        for value in copy.results:
            if value.key[0] == "a":
                value.maker = copy
        self.gone.add(copy)
        return copy

    def has_changed(self, value: GraphValue) -> bool:
        """Whether a value of both graphs is another one now."""
        a, b = self.was[value].data, value.data
        return not _is_number(value) and not np.array_equal(
            a, b, equal_nan=np.asarray(a).dtype.kind in "fc"
        )


def _is_number(value: GraphValue) -> bool:
    return value.tensor is None and np.ndim(value.data) == 0


def _signature(operation: OpCall) -> Hashable:
    """Return what two operations have in common if they are the same."""
    shapes = tuple(np.shape(v.data) for v in operation.results)
    numbers = tuple(number(v.data) if _is_number(v) else "" for v in operation.operands)
    kind = operation.module.path if operation.module else ""
    return operation.name, parameters(operation.parameters), shapes, numbers, kind


# -- the picture --------------------------------------------------------------------------------


def _to_dot(part: Part, merged: _Merged, view: View) -> Any:
    digraph = empty({"rankdir": view.rankdir, "nodesep": "0.25", "ranksep": "0.4"})
    names = short_names(part.graph.values)
    written: list[Line] = []
    for thing in scene(part):
        if isinstance(thing, Box):
            written.append((thing.home, _node(thing, part, merged, names)))
        else:
            written.append(((), edge(thing)))
    write(digraph, written)
    said = ["− only before", "+ only after", "→ changed", "grey: the same"]
    digraph.node("legend", "\\n".join(said), **BOXES["rest"])
    return digraph


def _node(
    box: Box, part: Part, merged: _Merged, names: dict[GraphValue, str]
) -> Callable[[Any], None]:
    look, said, tip = dict(BOXES[box.kind]), lines(box, part, names), ""
    if box.of in merged.gone:
        look |= GONE
        said[0] = f"− {said[0]}"
    elif box.of in merged.new:
        look |= NEW
        said[0] = f"+ {said[0]}"
    elif isinstance(box.of, GraphValue) and box.of in merged.was:
        was, changed = merged.was[box.of], merged.has_changed(box.of)
        moved = changed or not _equal(was.gradient, box.of.gradient)
        look |= CHANGED if moved else SAME
        said = _of_both(was, box.of, changed) if not _is_number(box.of) else said
    elif isinstance(box.of, OpCall):
        look |= SAME
    if isinstance(box.of, OpCall):
        tip = operation_tooltip(box.of)
    first, *more = map(quoted, said)
    label = "<br/>".join([f"<b>{first}</b>", *more])
    look = {"label": f"<{label}>", "tooltip": tooltip(tip), **look}
    return lambda body: body.node(box.key, **look)


def _equal(a: Any, b: Any) -> bool:
    return (a is None) == (b is None) and (a is None or np.array_equal(a, b, equal_nan=True))


def _of_both(was: GraphValue, now: GraphValue, changed: bool) -> list[str]:
    """Say what a value was and is, and so of its gradient."""
    name = cut(printable(now.name), NAME_LENGTH)
    if np.ndim(now.data) == 0:
        said = [f"{name} = {_arrow(number(was.data), number(now.data))}"]
    elif np.shape(was.data) != np.shape(now.data):
        said = [f"{name} {np.shape(was.data)} → {np.shape(now.data)}"]
    else:
        said = [f"{name} {np.shape(now.data)}"]
        if changed:
            change = np.asarray(now.data) - np.asarray(was.data, dtype=float)
            said.append(f"|change| {magnitude(change):.3g}")
    if now.gradient is not None and was.gradient is not None:
        if np.ndim(now.gradient) == 0 and np.ndim(was.gradient) == 0:
            said.append(f"grad {_arrow(number(was.gradient), number(now.gradient))}")
        else:
            sizes = (f"{magnitude(g):.3g}" for g in (was.gradient, now.gradient))
            said.append(f"|grad| {_arrow(*sizes)}")
    return said


def _arrow(a: str, b: str) -> str:
    return a if a == b else f"{a} → {b}"
