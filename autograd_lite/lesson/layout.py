"""Where the boxes of a page stand: Graphviz places them, and the page draws them.

Only the places come from Graphviz. The page writes its own SVG, so that its script can
light an edge and write a number into a box, and its style sheet decides the colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from ..visualize.graph import Value
from ..visualize.render import render
from ..visualize.text import cut, printable
from .derivation import Derivation, named
from .notation import TEXT, write

WIDTH, HEIGHT = 132, 80  # of a box, in pixels
INCH = 72
LETTERS = 15  # of a name or a formula, as many as fit


@dataclass(slots=True)
class Picture:
    """An SVG, and the ids of the arrows in it: by operation and position of the operand."""

    svg: str
    arrows: dict[tuple[str, int], str]


def picture(derivation: Derivation) -> Picture:
    """Lay out a graph with one box for each value and one arrow for each use of it."""
    values = [v for v in derivation.graph.values if named(v).head == "symbol"]
    shown = set(values)
    uses = [
        (operand, result, (operation.key, position))
        for operation in derivation.graph.operations
        for result in operation.results
        for position, operand in enumerate(operation.operands)
        if operand in shown
    ]
    lines = [
        f'"{v.key}" [shape=box, fixedsize=true, width={WIDTH / INCH}, height={HEIGHT / INCH}]'
        for v in values
    ]
    lines += [f'"{a.key}" -> "{b.key}" [arrowhead=none]' for a, b, _ in uses]
    graph = "; ".join(["rankdir=LR", "nodesep=0.22", "ranksep=0.5", "nslimit=4", *lines])
    plain = render(f"digraph {{ {graph} }}", "plain").decode()
    return _draw(plain, derivation, values, uses)


def _draw(
    plain: str,
    derivation: Derivation,
    values: list[Value],
    uses: list[tuple[Value, Value, tuple[str, int]]],
) -> Picture:
    """Turn Graphviz's plain list of places into SVG."""
    places: dict[str, tuple[float, float]] = {}
    curves: dict[tuple[str, str], list[str]] = {}
    width = height = 0.0
    for line in plain.splitlines():
        words = line.replace('"', "").split()
        if words[0] == "graph":
            width, height = float(words[2]) * INCH, float(words[3]) * INCH
        elif words[0] == "node":
            places[words[1]] = float(words[2]) * INCH, height - float(words[3]) * INCH
        elif words[0] == "edge":
            count = int(words[3])
            numbers = [float(w) * INCH for w in words[4 : 4 + 2 * count]]
            points = [(x, height - y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
            curves.setdefault((words[1], words[2]), []).append(_path(points))
    arrows: dict[tuple[str, int], str] = {}
    drawn = []
    for i, (tail, head, use) in enumerate(uses):
        arrows.setdefault(use, f"e{i}")
        path = curves[tail.key, head.key].pop(0)
        kind = "arrow" if tail.requires_grad else "arrow constant"
        drawn.append(f'<path id="e{i}" class="{kind}" d="{path}"/>')
    made = {v: v.kind for v in values if v.maker is None} | {
        v: write(step.formula, TEXT) for step in derivation.steps for v in step.operation.results
    }
    boxes = [_box(v, places[v.key], made[v]) for v in values]
    svg = (
        f'<svg id="graph" viewBox="-6 -6 {width + 12:.0f} {height + 12:.0f}" '
        f'width="{width + 12:.0f}" height="{height + 12:.0f}" role="img" '
        f'aria-labelledby="graph-title"><title id="graph-title">'
        f"The graph of {escape(derivation.root.name)}: {len(values)} values, "
        f"{len(uses)} arrows. The table below says the same in words.</title>"
        f"{MARKERS}{''.join(drawn)}{''.join(boxes)}</svg>"
    )
    return Picture(svg, arrows)


MARKERS = "<defs>" + "".join(
    f'<marker id="{name}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="{size}" '
    f'markerHeight="{size}" markerUnits="userSpaceOnUse" orient="auto-start-reverse">'
    f'<path class="{name}" d="M0 0 8 4 0 8z"/></marker>'
    for name, size in (("tip", 9), ("tip-forward", 15), ("tip-backward", 15))
) + "</defs>"  # fmt: skip


def _path(points: list[tuple[float, float]]) -> str:
    first, *rest = [f"{x:.1f} {y:.1f}" for x, y in points]
    return f"M{first}C{' '.join(rest)}"


def _cut_name(name: str) -> str:
    """Shorten a name, but not the index at its end.

    >>> _cut_name("linear1.weight[1, 0]"), _cut_name("x[0]"), _cut_name("a_very_long_name")
    ('linear1.…[1, 0]', 'x[0]', 'a_very_long_na…')
    """
    name, bracket, index = name.partition("[")
    room = max(LETTERS - len(bracket + index), 4)
    return cut(name, room) + bracket + cut(index, LETTERS - 5)


def _box(value: Value, place: tuple[float, float], made: str) -> str:
    """Draw a box: the name, how it is made, and room for the value and the gradient."""
    x, y = place[0] - WIDTH / 2, place[1] - HEIGHT / 2
    name = printable(value.name)
    root = " root" if value.is_root else ""
    rows = {
        "name": (18, _cut_name(name)),
        "made": (35, cut(printable(made), LETTERS + 2)),  # in smaller letters
        "value": (53, ""),
        "grad": (71, ""),
    }
    texts = "".join(
        f'<text class="{kind}" x="{WIDTH // 2}" y="{down}">{escape(text)}</text>'
        for kind, (down, text) in rows.items()
    )
    return (
        f'<g id="{value.key}" class="box {value.kind}{root}" '
        f'transform="translate({x:.1f} {y:.1f})">'
        f"<title>{escape(f'{name} = {printable(made)}')}</title>"
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="{8 if value.maker else 0}"/>{texts}</g>'
    )
