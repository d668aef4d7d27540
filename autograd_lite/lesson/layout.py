"""The picture of a page: boxes and arrows as SVG, which the script lights and fills in.

Its style sheet decides the colours; `layers` says where the boxes stand.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import numpy as np

from ..visualize.graph import GraphValue, OpCall
from ..visualize.labels import short_formula, short_names
from ..visualize.modules import ModuleCall, homes
from ..visualize.text import cut, printable, sentence
from .derivation import Derivation
from .forward import named
from .layers import BoxLayout, Path, Point, layers, route
from .notation import TEXT
from .words import where
from .writing import write

NARROW, WIDE = 104, 214  # the least and the greatest width of a box, in pixels
LETTER = 8.1  # the width of one, at the size of the style sheet
ROWS = (20, 39, 58, 77)  # the feet of a box's lines
HEIGHT = 86
LETTERS = 24  # of a name or a formula, as many as fit
FEW = 4  # numbers of a vector that are shown
MANY = 24  # arrows to the further results of an operation


@dataclass(slots=True)
class GraphPicture:
    """An SVG, the ids of its arrows (by operation and position of the operand), its frames."""

    svg: str
    arrows: dict[tuple[str, int], str]
    modules: list[ModuleCall]


@dataclass(slots=True)
class BoxText:
    """What stands in a box: a short name, how it is made, and the whole of both."""

    name: str
    made: str
    title: str
    width: float


Use = tuple[
    GraphValue, GraphValue, tuple[str, int]
]  # from, to, and which operand of which operation


def picture(derivation: Derivation) -> GraphPicture:
    """Draw a graph with one box for each value and one arrow for each use of it."""
    graph = derivation.graph
    values = [v for v in graph.values if named(v).head == "symbol"]
    home = homes(graph.operations, values)
    shown = set(values)
    uses = [use for operation in graph.operations for use in _uses(operation) if use[0] in shown]
    boxes = _boxes(derivation, values)
    paths = {v.key: tuple(m.key for m in home[v]) for v in values}
    lines = [(a.key, b.key) for a, b, _ in uses]
    layout = layers({v.key: (boxes[v].width, HEIGHT) for v in values}, paths, lines)
    modules = {m.key: m for around in home.values() for m in around}
    arrows: dict[tuple[str, int], str] = {}
    for i, (_, _, use) in enumerate(uses):
        arrows.setdefault(use, f"e{i}")
    frames = [_frame(modules[key], place) for key, place in sorted(
        layout.frames.items(), key=lambda item: len(modules[item[0]].around()))]  # fmt: skip
    drawn = _arrows(layout, uses, paths, boxes)
    placed = [_box(v, layout.boxes[v.key], boxes[v], paths[v.key]) for v in values]
    size = f"{layout.width + 12:.0f}", f"{layout.height + 12:.0f}"
    role = "group" if frames else "img"
    svg = (
        f'<svg id="graph" viewBox="-6 -6 {size[0]} {size[1]}" data-width="{size[0]}" '
        f'data-height="{size[1]}" role="{role}" '
        f'aria-labelledby="graph-title"><title id="graph-title">'
        f"The graph of {escape(derivation.root.name)}: {len(values)} values, "
        f"{len(uses)} arrows. The table below says the same in words.</title>"
        f"{MARKERS}{''.join(frames)}{''.join(drawn)}{''.join(placed)}</svg>"
    )
    return GraphPicture(svg, arrows, [modules[key] for key in layout.frames])


def _uses(operation: OpCall) -> list[Use]:
    """Return the arrows of an operation: from each operand to the first result, and on."""
    first, *others = operation.results
    uses = [(v, first, (operation.key, i)) for i, v in enumerate(operation.operands)]
    return uses + [(v, r, use) for r in others for v, _, use in uses[: MANY // len(others) or 1]]


# -- boxes -----------------------------------------------------------------------------------

KINDS = {"input": "input", "constant": "constant", "result": "computed before"}


def _boxes(derivation: Derivation, values: list[GraphValue]) -> dict[GraphValue, BoxText]:
    """Return what the boxes say."""
    names = short_names(values)
    made = {v: KINDS[v.kind] for v in values}
    whole = dict(made)
    for step in derivation.steps:
        for v in step.operation.results:
            made[v], whole[v] = short_formula(step.operation, names), write(step.formula, TEXT)
    boxes = {}
    for v in values:
        name, line = printable(v.name), v.maker.line if v.maker else None
        title = sentence([f"{name} = {printable(whole[v])}", where(line) if line else ""])
        if v.maker is None and names[v] != name:
            made[v] = name
        rows = [_cut_name(names[v]), cut(printable(made[v]), LETTERS), *_numbers(v)]
        width = max(NARROW, min(WIDE, LETTER * max(map(len, rows)) + 18))
        boxes[v] = BoxText(rows[0], rows[1], title, round(width))
    return boxes


def _numbers(value: GraphValue) -> list[str]:
    """Return as wide a text as the numbers of a value may be."""
    size = np.size(value.data)
    vector = np.ndim(value.data) == 1 and size <= FEW
    return ["= [" + "−0.00, " * size] if vector else ["∂ −0.0000 (1/2)"]


def _cut_name(name: str) -> str:
    """Shorten a name, but not the index at its end.

    >>> _cut_name("a_very_long_name_of_a_weight[1, 0]"), _cut_name("x[0]")
    ('a_very_long_name_…[1, 0]', 'x[0]')
    """
    name, bracket, index = printable(name).partition("[")
    room = max(LETTERS - len(bracket + index), 4)
    return cut(name, room) + bracket + cut(index, LETTERS - 5)


def _box(value: GraphValue, place: Point, box: BoxText, path: Path) -> str:
    """Draw a box: the name, how it is made, and room for the value and the gradient."""
    x, y = place[0] - box.width / 2, place[1] - HEIGHT / 2
    root = " root" if value.is_root else ""
    texts = "".join(
        f'<text class="{kind}" x="{box.width / 2:g}" y="{down}">{escape(text)}</text>'
        for kind, down, text in zip(
            ("name", "made", "value", "grad"), ROWS, (box.name, box.made, "", ""), strict=True
        )
    )
    return (
        f'<g id="{value.key}" class="box {value.kind}{root}" data-within="{" ".join(path)}" '
        f'transform="translate({x:.1f} {y:.1f})"><title>{escape(box.title)}</title>'
        f'<rect width="{box.width}" height="{HEIGHT}" rx="{12 if value.maker else 0}"/>{texts}</g>'
    )


def _frame(module: ModuleCall, place: tuple[float, float, float, float]) -> str:
    """Draw the frame of a module: a button that closes and opens it."""
    left, top, width, height = place
    within = " ".join(m.key for m in module.around()[:-1])
    name = escape(cut(printable(module.name), LETTERS))
    label = escape(cut(printable(module.label), int(width / LETTER)))
    return (
        f'<g id="{module.key}" class="module" data-within="{within}" data-name="{name}" '
        f'role="button" tabindex="0" aria-expanded="true" '
        f'aria-label="module {escape(module.path)}" '
        f'transform="translate({left:.1f} {top:.1f})">'
        f"<title>{escape(printable(module.path))}: click to close or open</title>"
        f'<rect width="{width:.1f}" height="{height:.1f}" rx="8"/>'
        f'<text class="label" x="9" y="15">{label}</text>'
        f'<text class="inside" x="{width / 2:.1f}" y="{height / 2 + 5:.1f}"></text></g>'
    )


# -- arrows ----------------------------------------------------------------------------------

MARKERS = "<defs>" + "".join(
    f'<marker id="{name}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="{size}" '
    f'markerHeight="{size}" markerUnits="userSpaceOnUse" orient="auto-start-reverse">'
    f'<path class="{name}" d="M0 0 8 4 0 8z"/></marker>'
    for name, size in (("tip", 9), ("tip-forward", 15), ("tip-backward", 15))
) + "</defs>"  # fmt: skip


def _arrows(
    layout: BoxLayout, uses: list[Use], paths: dict[str, Path], boxes: dict[GraphValue, BoxText]
) -> list[str]:
    """Draw the arrows; those that arrive at one box arrive beside each other."""
    arriving: dict[GraphValue, list[int]] = {}
    ways = []
    for i, (tail, head, _) in enumerate(uses):
        way = [layout.boxes[tail.key], *route(layout, paths, tail.key, head.key)]
        ways.append(way)
        if layout.boxes[head.key][0] != way[0][0]:
            arriving.setdefault(head, []).append(i)
    spread: dict[int, float] = {}
    for some in arriving.values():
        some.sort(key=lambda i: (ways[i][-1][1], i))
        room = min(16.0, (HEIGHT - 24) / len(some))
        spread |= {i: (k - (len(some) - 1) / 2) * room for k, i in enumerate(some)}
    leaving = Counter(tail for tail, _, _ in uses)
    drawn = []
    for i, (tail, head, _) in enumerate(uses):
        (x1, y1), *bends = ways[i]
        x2, y2 = layout.boxes[head.key]
        if i in spread:
            twice = leaving[tail] > 1 and len(bends) == 0
            y1 += spread[i] / 2 if twice else 0.0
            path = _path([(x1 + boxes[tail].width / 2, y1), *bends,
                          (x2 - boxes[head].width / 2, y2 + spread[i])])  # fmt: skip
        else:  # it hangs on it
            up = 1 if y1 > y2 else -1
            end = y2 + up * HEIGHT / 2
            path = f"M{x1:.1f} {y1 - up * HEIGHT / 2:.1f}V{end:.1f}"
        kind = "arrow" if tail.requires_grad else "arrow constant"
        within = " ".join(m for m in paths[tail.key] if m in paths[head.key])
        says = escape(f"from {printable(tail.name)} to {printable(head.name)}")
        drawn.append(
            f'<path id="e{i}" class="{kind}" data-within="{within}" data-says="{says}" d="{path}"/>'
        )
    return drawn


def _path(points: list[Point]) -> str:
    """Return a curve through points that is level at each of them."""
    written = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in pairwise(points):
        if abs(y1 - y2) < 0.05:
            written += f"H{x2:.1f}"
        else:
            bent = max(abs(x2 - x1) / 2, 14.0)
            written += f"C{x1 + bent:.1f} {y1:.1f} {x2 - bent:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return written
