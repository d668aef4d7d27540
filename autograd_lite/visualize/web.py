"""A graph as one web page that needs no network: it zooms, searches, opens and closes.

A module is a box that opens, and so is what repeats; one turn of a repetition is again such a
box. The page lays out what is shown, at each change, so that graphs of tens of thousands of
operations can be looked at from the outside in.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from .birth import is_finite
from .boxes import operation_tooltip, value_tooltip
from .document import as_script, document
from .dot import View
from .fold import Fold, nested
from .graph import Graph, GraphValue, OpCall
from .modules import ModuleCall
from .part import Part
from .slide import Cell, cells_of
from .text import operations

CHILDREN, STRETCH = 40, 10  # of a group, before stretches of so many or more are groups


def to_html(graph: Graph, title: str, view: View) -> str:
    """Write a graph as a page."""
    part = Part(graph, len(graph.values), graph.values, graph.operations)
    cells = cells_of(part, view)
    data = {
        "boxes": [_box(cell, part) for cell in cells],
        "groups": _Groups(graph, cells).groups,
        "arrows": [
            [before.key, cell.key, int(carries)]
            for cell in cells
            for before, carries in cell.needs.items()
        ],
    }
    pages = files(__package__).joinpath("template")
    page, style, script = (
        pages.joinpath(f"view.{k}").read_text("utf-8") for k in ("html", "css", "js")
    )
    return document(page, title, style, script=script, data=as_script(data))


def _box(cell: Cell, part: Part) -> dict[str, Any]:
    if isinstance(cell.of, GraphValue):
        told: Sequence[GraphValue] = [cell.of]
        kind, title = str(cell.of.kind), value_tooltip(cell.of, part)
    else:
        told = cell.of.results
        root = any(v.is_root for v in told)
        kind, title = "root" if root else "result", operation_tooltip(cell.of)
    bad = not all(is_finite(v.data) and is_finite(v.gradient) for v in told)
    return {
        "key": cell.key,
        "kind": f"{kind} bad" if bad else kind,
        "lines": [line.lstrip("*") for line in cell.lines],
        "given": [text.lstrip("*") for _, text in cell.hung],
        "title": "\n".join([title, *(v.name for v, _ in cell.hung)]),
    }


class _Groups:
    """Modules, repetitions, their turns, and stretches of what is many."""

    def __init__(self, graph: Graph, cells: Sequence[Cell]) -> None:
        self.groups: list[dict[str, Any]] = []
        self.of_module: dict[ModuleCall, dict[str, Any]] = {}
        children = self.keys(nested(graph.operations))
        self.add("", [], "all")
        whole = self.groups[-1]
        values = [c for c in cells if isinstance(c.of, GraphValue)]
        outside = []
        for cell in values:
            assert isinstance(cell.of, GraphValue)
            module = cell.of.module
            if module in self.of_module:
                self.of_module[module]["children"].insert(0, cell.key)
            else:
                outside.append(cell.key)
        whole["children"] = [*outside, *children]

    def add(self, label: str, children: list[str], key: str = "", said: str = "") -> str:
        """Add a group, and return its key."""
        key = key or f"g{len(self.groups)}"
        self.groups.append({"key": key, "label": label, "said": said, "children": children})
        return key

    def keys(self, items: Sequence[OpCall]) -> list[str]:
        """Return the keys of what stands beside each other."""
        return self.stretches([self.key(item) for item in items], len(items))

    def key(self, item: OpCall) -> str:
        """Return the key of an operation, or of the group that a fold is."""
        if not isinstance(item, Fold):
            return item.key
        said = operations(item.count)
        if item.times == 1:
            key = self.add(item.label, self.keys(item.parts), said=said)
            inner = item.inside[0].module
            for module in inner.around() if inner else []:
                if module.within is item.module:
                    self.of_module[module] = self.groups[-1]
            return key
        length = len(item.parts) // item.times
        turns = [item.parts[i : i + length] for i in range(0, len(item.parts), length)]
        if length == 1:
            children = [self.key(turn[0]) for turn in turns]
        else:
            children = [
                self.add(
                    f"turn {i:,}", self.keys(turn), said=operations(sum(o.count for o in turn))
                )
                for i, turn in enumerate(turns, 1)
            ]
        return self.add(item.label, self.stretches(children, item.times), said=said)

    def stretches(self, keys: list[str], count: int) -> list[str]:
        """Return the keys; where they are many, those of groups of them."""
        if len(keys) <= CHILDREN:
            return keys
        each = max(STRETCH, -(-len(keys) // CHILDREN))
        made = []
        for i in range(0, len(keys), each):
            some = keys[i : i + each]
            label = f"{i + 1:,} – {i + len(some):,}"
            made.append(self.add(label, self.stretches(some, len(some)), said=f"of {count:,}"))
        return made
