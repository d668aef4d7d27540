"""A scene, written as DOT: how each kind of box and of arrow looks.

Kinds are told apart by shape and by border, and only then by colour (those of
`palette`: where the forward pass begins is green, what is of the backward pass purple):

=====================  ==============================  ===========
an input               box with a heavy border         green
a constant             sheet with a folded corner      grey
a result               box with round corners          white
a root                 the same, with two borders      purple
an operation           ellipse                         shaded
several, folded        box that looks like a stack     shaded
a module               frame around its operations     grey
a backward pass        the same, with a heavy border   purple
what is left out       dashed box                      white
not finite             heavy border, and a cross       red
=====================  ==============================  ===========

An arrow is solid where a gradient comes back along it, dashed where none does, and dotted
where one would, were it not for ``detach()`` or ``no_grad()``. One of the backward pass is
purple, and has an empty head. With ``color="gradient"``, the ground of a value tells the size
of its gradient instead: see `heat`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import numpy as np

from . import palette
from .birth import Birth, birth
from .boxes import (
    NAME_LENGTH,
    in_one_colour,
    is_birth,
    operation_label,
    operation_tooltip,
    quoted,
    tooltip,
    value_label,
    value_tooltip,
    what_is_not_finite,
)
from .digraph import Digraph
from .graph import GraphValue, OpCall
from .heat import heat_of, legend
from .labels import short_names
from .modules import ModuleCall
from .part import Part
from .scene import Arrow, Box, scene
from .text import cut, printable

INK, PAPER, GREY = palette.INK.of(), palette.PAPER.of(), palette.GREY.of()
BACKWARD = palette.BACKWARD.of()
FONT = "Helvetica,Arial,sans-serif"

SYMMETRIC = {np.add, np.multiply, np.maximum, np.minimum, np.equal, np.not_equal}

RESULT = {"shape": "box", "style": "rounded,filled", "color": INK, "fillcolor": PAPER}
OPERATION = {"shape": "ellipse", "style": "filled", "color": GREY, "fillcolor": palette.SHADE.of()}
BOXES: dict[str, dict[str, str]] = {
    "input": {"shape": "box", "style": "filled", "penwidth": "3",
              "color": palette.FORWARD.of(), "fillcolor": palette.soft(palette.FORWARD)},
    "constant": {"shape": "note", "style": "filled", "color": GREY,
                 "fillcolor": palette.SHADE.of()},
    "result": RESULT,
    "root": {**RESULT, "peripheries": "2", "penwidth": "2",
             "color": BACKWARD, "fillcolor": palette.soft(palette.BACKWARD)},
    "operation": OPERATION,
    "fold": {**OPERATION, "shape": "box3d"},
    "rest": {"shape": "box", "style": "dashed", "color": GREY},
    "source": {"shape": "box", "style": "dotted", "color": GREY},
}  # fmt: skip
BAD = {"color": palette.BAD.of(), "penwidth": "3"}
ARROWS: dict[str, dict[str, str]] = {
    "gradient": {},
    "constant": {"style": "dashed", "color": GREY},
    "stopped": {"style": "dotted", "color": GREY, "penwidth": "2"},
    # Written from its head to its tail, it runs beside the arrow that it is the answer to.
    "backward": {"color": BACKWARD, "fontcolor": BACKWARD, "dir": "back", "arrowtail": "empty"},
}  # fmt: skip
MODULE = {
    "style": "rounded", "color": GREY, "fontcolor": GREY, "fontname": FONT, "fontsize": "12",
    "labeljust": "l", "margin": "10",
}  # fmt: skip
SWEEP = {**MODULE, "color": BACKWARD, "fontcolor": BACKWARD, "penwidth": "2"}


@dataclass(frozen=True, slots=True)
class View:
    """How a graph is drawn.

    Attributes
    ----------
    rankdir
        Where the arrows point: ``LR``, ``TB``, ``RL`` or ``BT``.
    backward
        Whether the arrows of the backward pass are drawn, with what each brings.
    color
        What the ground of a box tells: its ``"kind"``, or the size of the ``"gradient"``.
    """

    rankdir: str = "LR"
    backward: bool = False
    color: Literal["kind", "gradient"] = "kind"

    @property
    def heat(self) -> bool:
        """Whether boxes are coloured by their gradients."""
        return self.color == "gradient"


def to_dot(part: Part, view: View) -> Any:
    """Write a part of a graph as a `graphviz.Digraph`."""
    digraph = empty({"rankdir": view.rankdir, "nodesep": "0.25", "ranksep": "0.4"})
    born, names = birth(part.graph), short_names(part.graph.values)
    lines: list[Line] = []
    for thing in scene(part, view.backward):
        if isinstance(thing, Box):
            lines.append((thing.home, _node(thing, part, view, names, born)))
        else:
            lines.append(((), edge(thing)))
    write(digraph, lines)
    if view.heat:
        digraph.node("legend", f"<{_legend()}>", shape="box", style="dashed", color=GREY)
    return digraph


def empty(graph_attr: dict[str, str]) -> Any:
    """Return a picture with nothing in it: the package graphviz's, or one that is like it."""
    try:
        make = import_module("graphviz").Digraph
    except ImportError:
        make = Digraph
    return make(
        "autograd_lite",
        # nslimit ends the search for the very best layout, which takes a tangle of 200 boxes
        # from ten seconds to half of one; layered graphs come out the same.
        graph_attr={**graph_attr, "nslimit": "4"},
        node_attr={"fontname": FONT, "fontsize": "14", "margin": "0.08,0.05"},
        edge_attr={"fontname": FONT, "fontsize": "11", "color": GREY, "arrowsize": "0.8"},
    )


Home = Sequence[ModuleCall]  # the modules around a box, the outermost first
Line = tuple[Home, Callable[[Any], None]]  # where a box stands, and what writes it


def _node(
    box: Box, part: Part, view: View, names: Mapping[GraphValue, str], born: Birth | None
) -> Callable[[Any], None]:
    look, tip = BOXES[box.kind], ""
    if isinstance(box.of, GraphValue):
        short = names.get(box.of, "")
        label, tip = value_label(box.of, part, short, view.heat), value_tooltip(box.of, part)
        if view.heat and box.of.requires_grad:
            heat = heat_of(box.of.gradient)
            style = f"{look['style']},{heat.style}"
            look = {**look, "fillcolor": heat.fill, "style": style, "color": heat.border}
            label = in_one_colour(label, palette.text_on(heat.fill))
        if what_is_not_finite(box.of, part):
            look = {**look, **BAD}
    elif isinstance(box.of, OpCall):
        label, tip = operation_label(box.of, names, born), operation_tooltip(box.of, born)
        if is_birth(box.of, born):
            look = {**look, **BAD}
        if box.kind == "operation" and _has_an_order(box.of):
            look = {**look, "ordering": "in"}
    else:
        marked = (f"<b>{quoted(s[1:])}</b>" if s[0] == "*" else quoted(s) for s in box.of)
        label = "<br/>".join(marked)
    look = {"label": f"<{label}>", "tooltip": tooltip(tip), **look}
    return lambda body: body.node(box.key, **look)


def _has_an_order(operation: OpCall) -> bool:
    """Whether the arrows are to arrive in the order of the operands: x − y is not y − x."""
    return len(operation.operands) > 1 and operation.primitive.function not in SYMMETRIC


def edge(arrow: Arrow) -> Callable[[Any], None]:
    """Return what writes an arrow."""
    look = dict(ARROWS[arrow.kind])
    if arrow.label:
        look["label"] = f"<{quoted(arrow.label)}>"
    if arrow.tooltip:
        look["tooltip"] = tooltip(arrow.tooltip)
    ends = (arrow.head, arrow.tail) if look.get("dir") == "back" else (arrow.tail, arrow.head)
    return lambda body: body.edge(*ends, **look)


def write(body: Any, lines: list[Line], depth: int = 0) -> None:
    """Write boxes and arrows; the boxes of a module in a frame, where its first box would be."""
    framed = set()
    for home, line in lines:
        if len(home) == depth:
            line(body)
        elif home[depth] not in framed:
            module = home[depth]
            framed.add(module)
            with body.subgraph(name=f"cluster_{module.key}") as frame:
                label = f"<{quoted(cut(printable(module.label), NAME_LENGTH))}>"
                look = SWEEP if module.is_backward else MODULE
                frame.attr(label=label, tooltip=tooltip(module.path), **look)
                inside = [x for x in lines if len(x[0]) > depth and x[0][depth] is module]
                write(frame, inside, depth + 1)


def _legend() -> str:
    rows = []
    for heat, said in legend():
        sides = f'bgcolor="{heat.fill}" border="1" color="{heat.border}" width="24"'
        rows.append(f'<tr><td {sides}> </td><td align="left">{quoted(said)}</td></tr>')
    return f'<table border="0" cellborder="0" cellspacing="2">{"".join(rows)}</table>'
