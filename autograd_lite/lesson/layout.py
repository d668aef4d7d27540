"""Where the boxes of a page stand: Graphviz places them, and the page draws them.

Only the places come from Graphviz. The page writes its own SVG, so that its script can
light an edge and write a number into a box, and its style sheet decides the colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from ..visualize.graph import Module, Operation, Value, homes
from ..visualize.render import render
from ..visualize.text import cut, printable, sentence
from .derivation import Derivation, named
from .notation import TEXT, write
from .words import where

WIDTH, HEIGHT = 132, 80  # of a box, in pixels
INCH = 72
PAD, TITLE = 10, 18  # around the boxes of a module, and for its name
MANY = 24  # arrows to the further results of an operation
LETTERS = 15  # of a name or a formula, as many as fit


_BOX = f"shape=box, fixedsize=true, width={WIDTH / INCH}, height={HEIGHT / INCH}"


@dataclass(slots=True)
class Picture:
    """An SVG, the ids of its arrows (by operation and position of the operand), its frames."""

    svg: str
    arrows: dict[tuple[str, int], str]
    modules: list[Module]


def picture(derivation: Derivation) -> Picture:
    """Lay out a graph with one box for each value and one arrow for each use of it."""
    graph = derivation.graph
    values = [v for v in graph.values if named(v).head == "symbol"]
    home = homes(graph.operations, values)
    shown = set(values)
    uses = [use for operation in graph.operations for use in _uses(operation) if use[0] in shown]
    places = render(f"digraph {{ {'; '.join(_lines(values, home, uses))} }}", "plain").decode()
    return _draw(places, derivation, home, uses)


Use = tuple[Value, Value, tuple[str, int]]  # from, to, and which operand of which operation


def _uses(operation: Operation) -> list[Use]:
    """Return the arrows of an operation: from each operand to the first result, and on."""
    first, *others = operation.results
    uses = [(v, first, (operation.key, i)) for i, v in enumerate(operation.operands)]
    return uses + [(v, r, use) for r in others for v, _, use in uses[: MANY // len(others) or 1]]


def _lines(values: list[Value], home: dict[Value, list[Module]], uses: list[Use]) -> list[str]:
    """Return the graph in DOT, with the frames as clusters."""
    lines = ["rankdir=LR", "nodesep=0.22", "ranksep=0.5", "nslimit=4"]

    def write_boxes(inside: list[Value], depth: int) -> None:
        framed = set()
        for v in inside:
            if len(home[v]) == depth:
                lines.append(f'"{v.key}" [{_BOX}]')
            elif home[v][depth] not in framed:
                module = home[v][depth]
                framed.add(module)
                # The margin is where the page draws the frame and writes its name.
                lines.append(f'subgraph "cluster_{module.key}" {{ margin={PAD + TITLE}')
                write_boxes(
                    [u for u in inside if len(home[u]) > depth and home[u][depth] is module],
                    depth + 1,
                )
                lines.append("}")

    write_boxes(values, 0)
    return lines + [f'"{a.key}" -> "{b.key}" [arrowhead=none]' for a, b, _ in uses]


def _draw(
    plain: str,
    derivation: Derivation,
    home: dict[Value, list[Module]],
    uses: list[Use],
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
        within = " ".join(m.key for m in home[tail] if m in home[head])
        drawn.append(f'<path id="e{i}" class="{kind}" data-within="{within}" d="{path}"/>')
    values = list(home)
    made = {v: KINDS[v.kind] for v in values} | {
        v: write(step.formula, TEXT) for step in derivation.steps for v in step.operation.results
    }
    boxes = [_box(v, places[v.key], made[v], home[v]) for v in values]
    frames = _frames(home, places)
    role = "group" if frames else "img"
    svg = (
        f'<svg id="graph" viewBox="-6 -6 {width + 12:.0f} {height + 12:.0f}" '
        f'width="{width + 12:.0f}" height="{height + 12:.0f}" role="{role}" '
        f'aria-labelledby="graph-title"><title id="graph-title">'
        f"The graph of {escape(derivation.root.name)}: {len(values)} values, "
        f"{len(uses)} arrows. The table below says the same in words.</title>"
        f"{MARKERS}{''.join(frames.values())}{''.join(drawn)}{''.join(boxes)}</svg>"
    )
    return Picture(svg, arrows, list(frames))


KINDS = {"input": "input", "constant": "constant", "result": "computed before"}


def _frames(
    home: dict[Value, list[Module]], places: dict[str, tuple[float, float]]
) -> dict[Module, str]:
    """Draw a frame for each module, the outer ones first: a button that closes and opens it."""
    inside: dict[Module, list[Value]] = {}
    for value, modules in home.items():
        for module in modules:
            inside.setdefault(module, []).append(value)
    frames = {}
    for module in sorted(inside, key=lambda m: len(m.around())):
        values = inside[module]
        deep = max(len(home[v]) for v in values) - len(module.around())
        x = [places[v.key][0] for v in values]
        y = [places[v.key][1] for v in values]
        pad = PAD * (1 + deep) + TITLE * deep
        left, top = min(x) - WIDTH / 2 - pad, min(y) - HEIGHT / 2 - pad - TITLE
        width = max(x) - min(x) + WIDTH + 2 * pad
        height = max(y) - min(y) + HEIGHT + 2 * pad + TITLE
        room = int(width / 8)
        within = " ".join(m.key for m in module.around()[:-1])
        name = escape(cut(printable(module.name), LETTERS))
        frames[module] = (
            f'<g id="{module.key}" class="module" data-within="{within}" '
            f'data-name="{name}" role="button" '
            f'tabindex="0" aria-expanded="true" aria-label="module {escape(module.path)}" '
            f'transform="translate({left:.1f} {top:.1f})">'
            f"<title>{escape(printable(module.path))}: click to close or open</title>"
            f'<rect width="{width:.1f}" height="{height:.1f}" rx="8"/>'
            f'<text class="label" x="8" y="14">{escape(cut(printable(module.label), room))}</text>'
            f'<text class="inside" x="{width / 2:.1f}" y="{height / 2 + 5:.1f}"></text></g>'
        )
    return frames


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


def _box(value: Value, place: tuple[float, float], made: str, home: list[Module]) -> str:
    """Draw a box: the name, how it is made, and room for the value and the gradient."""
    x, y = place[0] - WIDTH / 2, place[1] - HEIGHT / 2
    name = printable(value.name)
    root = " root" if value.is_root else ""
    line = where(value.maker.line) if value.maker and value.maker.line else ""
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
        f'data-within="{" ".join(m.key for m in home)}" '
        f'transform="translate({x:.1f} {y:.1f})">'
        f"<title>{escape(sentence([f'{name} = {printable(made)}', line]))}</title>"
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="{8 if value.maker else 0}"/>{texts}</g>'
    )
