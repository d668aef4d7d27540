"""A scene as a flowchart of Mermaid's, which Markdown on many sites shows as a picture.

>>> from autograd_lite import Tensor
>>> from autograd_lite.visualize.graph import read
>>> from autograd_lite.visualize.part import nearest
>>> x = Tensor(2.0, requires_grad=True, name="x")
>>> print(to_mermaid(nearest(read(x * 3.0), 200), View()).partition("  classDef")[0], end="")
flowchart LR
  v1["x = 2<br/>grad ?"]:::input
  v2["3"]:::constant
  o1(["multiply<br/>x·3"]):::operation
  v3("t1 = 6<br/>grad ?"):::root
  v1 --> o1
  v2 -.-> o1
  o1 --> v3
"""

from __future__ import annotations

from . import palette
from .dot import View
from .labels import short_names
from .modules import ModuleCall
from .part import Part
from .plain import lines
from .scene import Arrow, Box, scene
from .text import printable

SHAPES = {
    "operation": '(["{}"])', "fold": '[["{}"]]', "result": '("{}")', "root": '("{}")',
    "input": '["{}"]', "constant": '["{}"]', "rest": '["{}"]', "source": '["{}"]',
}  # fmt: skip
LINES = {"gradient": "-->", "constant": "-.->", "stopped": "-.->", "backward": "==>"}


def _style(stroke: palette.Role, fill: str, *more: str) -> str:
    ink = palette.INK.of()
    return ",".join([f"stroke:{stroke.of()}", f"fill:{fill}", f"color:{ink}", *more])


PAPER, SHADE = palette.PAPER.of(), palette.SHADE.of()
CLASSES = {
    "input": _style(palette.FORWARD, palette.soft(palette.FORWARD), "stroke-width:3px"),
    "constant": _style(palette.GREY, SHADE),
    "result": _style(palette.INK, PAPER),
    "root": _style(palette.BACKWARD, palette.soft(palette.BACKWARD), "stroke-width:3px"),
    "operation": _style(palette.GREY, SHADE),
    "fold": _style(palette.GREY, SHADE),
    "rest": _style(palette.GREY, PAPER, "stroke-dasharray:5 3"),
    "source": _style(palette.GREY, PAPER, "stroke-dasharray:2 3"),
}


def to_mermaid(part: Part, view: View) -> str:
    """Write a part of a graph as a flowchart."""
    things, names = scene(part, view.backward), short_names(part.graph.values)
    written = [f"flowchart {view.rankdir}"]
    boxes = [thing for thing in things if isinstance(thing, Box)]
    open_frames: list[ModuleCall] = []
    for box in _by_frame(boxes):
        while open_frames != list(box.home[: len(open_frames)]):
            written.append("  " * len(open_frames) + "end")
            open_frames.pop()
        for module in box.home[len(open_frames) :]:
            open_frames.append(module)
            label = _quoted(module.label)
            written.append(f'{"  " * len(open_frames)}subgraph {module.key}["{label}"]')
        label = "<br/>".join(map(_quoted, lines(box, part, names)))
        shape = SHAPES[box.kind].format(label)
        written.append(f"{'  ' * (len(open_frames) + 1)}{box.key}{shape}:::{box.kind}")
    written += ["  " * i + "end" for i in range(len(open_frames), 0, -1)]
    arrows = [thing for thing in things if isinstance(thing, Arrow)]
    for arrow in arrows:
        label = f'|"{_quoted(arrow.label)}"|' if arrow.label else ""
        written.append(f"  {arrow.tail} {LINES[arrow.kind]}{label} {arrow.head}")
    used = {box.kind for box in boxes}
    written += [f"  classDef {kind} {look}" for kind, look in CLASSES.items() if kind in used]
    back = [str(i) for i, arrow in enumerate(arrows) if arrow.kind == "backward"]
    if back:
        written.append(f"  linkStyle {','.join(back)} stroke:{palette.BACKWARD.of()}")
    return "\n".join(written) + "\n"


def _by_frame(boxes: list[Box]) -> list[Box]:
    """Return the boxes with those of a frame one after the other, as it is written once."""
    first: dict[tuple[str, ...], int] = {}
    for i, box in enumerate(boxes):
        for depth in range(len(box.home) + 1):
            first.setdefault(tuple(m.key for m in box.home[:depth]), i)

    def place(i: int) -> list[int]:
        keys = [m.key for m in boxes[i].home]
        return [*(first[tuple(keys[:depth])] for depth in range(1, len(keys) + 1)), i]

    return [boxes[i] for i in sorted(range(len(boxes)), key=place)]


def _quoted(text: str) -> str:
    """Quote a text for a label between quotation marks: entities, with # for Mermaid's own."""
    names = {'"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "#": "#35;", "`": "#96;"}
    return "".join(names.get(c, c) for c in printable(text))
