"""A graph on a slide: its lines wrap to 1280 × 720, and its letters are as large as they can be.

An operation and its results are one box, which says names, shapes and |gradient|; what only
one operation uses hangs on it. Operations stand in columns, each after those that it needs;
columns stand in rows, as words do in the lines of a text. An arrow to the next column goes
there straight; any other one runs between the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from . import palette
from .birth import is_finite
from .boxes import SPACE, in_one_colour, operation_tooltip, quoted, tooltip, value_tooltip
from .dot import ARROWS, BAD, BOXES, View, empty
from .fold import Fold
from .graph import GraphValue, OpCall
from .heat import EDGES, heat_of
from .labels import short_formula, short_names
from .part import Part
from .scene import magnitude, what_is_not_shown
from .text import cut, number, printable

WIDTH, HEIGHT = 1280, 720  # of a slide, in pixels
POINTS = 72 / 96  # in a pixel
SIZE = 16.0  # of a letter, before all is scaled to the slide
LETTER = 0.55 * SIZE  # as wide as a letter is on average, of the wide fonts in use
LINE, PAD = 1.25 * SIZE, 8.0  # the height of a line, and around the lines of a box
AHEAD, BESIDE, HANG = 30.0, 10.0, 4.0  # between columns, between boxes, above what hangs
LANE, GUTTER, MARGIN = 8.0, 14.0, 10.0  # between arrows beside each other; rows; around all
HEAD = 9.0  # of an arrow, its length
LETTERS = 26  # of a name, or of a formula
MANY = 3  # arrows to a box, before they share a lane
OPERATIONS = 40  # before some are folded
LEAST = 14  # pixels of a letter, before less is said of what hangs on an operation

Point = tuple[float, float]


@dataclass(slots=True, eq=False)
class Cell:
    """A box with what hangs on it; its place is the top left of it all.

    Attributes
    ----------
    key
        Of the box.
    of
        An operation, or a value that several use.
    lines
        What stands in the box; in bold where it begins with ``*``.
    needs
        The cells before it, each with whether a gradient comes back to there.
    hung
        The values that only this operation uses, each with what is said of it.
    """

    key: str
    of: OpCall | GraphValue
    lines: list[str]
    needs: dict[Cell, bool] = field(default_factory=dict)
    hung: list[tuple[GraphValue, str]] = field(default_factory=list)
    depth: int = 0
    column: int = 0
    row: int = 0
    x: float = 0.0
    y: float = 0.0
    left: float = 0.0  # of its column, and right
    right: float = 0.0

    @property
    def width(self) -> float:
        """How wide it is."""
        texts = [*self.lines, *(text for _, text in self.hung)]
        return max(len(text.lstrip("*")) for text in texts) * LETTER + 2 * PAD

    @property
    def box(self) -> float:
        """How high the box itself is."""
        return len(self.lines) * LINE + PAD

    @property
    def height(self) -> float:
        """How high it is, with what hangs on it."""
        return self.box + len(self.hung) * (LINE + PAD + HANG)

    @property
    def middle(self) -> float:
        """Where arrows arrive and leave."""
        return self.y + self.height - self.box / 2


def to_slide(part: Part, view: View) -> Any:
    """Write a part of a graph as a `graphviz.Digraph` that is a slide."""
    cells = cells_of(part, view)
    sheet = _best(cells)
    if sheet.scale * SIZE < LEAST:
        for cell in cells:
            cell.hung = [(v, text.partition("  ")[0]) for v, text in cell.hung]
            if len(cell.hung) > 1:
                names = ", ".join(text[1:] for _, text in cell.hung)
                cell.hung = [(cell.hung[0][0], f"*{names}")]
        sheet = _best(cells)
    notes = [line[1:] for line in what_is_not_shown(part) if line[0] == "*"]
    below = ([_legend()] if view.heat else []) + ([quoted("; ".join(notes))] if notes else [])
    across, down = sheet.width, sheet.height + 1.5 * LINE * len(below)
    # The sheet has the shape of a slide, whatever is on it.
    across, down = max(across, down * WIDTH / HEIGHT), max(down, across * HEIGHT / WIDTH)
    size = f"{WIDTH * POINTS / 72:.4f},{HEIGHT * POINTS / 72:.4f}!"
    digraph = empty({"layout": "nop2", "size": size, "pad": "0"})
    digraph.attr("node", fontsize=f"{SIZE:g}", fixedsize="true", margin="0")
    for key, x, y in (("corner1", 0.0, 0.0), ("corner2", across, down)):
        digraph.node(key, "", shape="point", style="invis", width="0", pos=f"{x:.1f},{y:.1f}")
    for cell in cells:
        for key, label, tip, look, (x, y, width, height) in _boxes(cell, part, view):
            place = f"{x + width / 2:.1f},{down - y - height / 2:.1f}"
            digraph.node(
                key, f"<{label}>", tooltip=tooltip(tip), pos=place, width=f"{width / 72:.3f}",
                height=f"{height / 72:.3f}", **look,
            )  # fmt: skip
    for cell in cells:
        for before, carries in cell.needs.items():
            points = [(x, down - y) for x, y in sheet.route(before, cell)]
            digraph.edge(
                before.key, cell.key, pos=_spline(points),
                **ARROWS["gradient" if carries else "constant"],
            )  # fmt: skip
    for i, label in enumerate(reversed(below)):
        place = f"{across / 2:.1f},{(1.5 * i + 0.75) * LINE:.1f}"
        digraph.node(f"below{i}", f"<{label}>", shape="plain", fixedsize="false", pos=place)
    return digraph


def _legend() -> str:
    """Return the colours in a row: between two of them stands where one ends."""
    cells = ["|∇| vanishing"]
    for i, fill in enumerate(palette.GRADIENTS):
        said = f"&lt; {EDGES[i]:g}" if i < len(EDGES) else "exploding"
        ink = palette.text_on(fill)
        cells.append(f'<td bgcolor="{fill}"><font color="{ink}">{said}</font></td>')
    cells[0] = f"<td>{cells[0]}</td>"
    return f'<table border="0" cellborder="0" cellspacing="0"><tr>{"".join(cells)}</tr></table>'


# -- what stands on it --------------------------------------------------------------------------


def cells_of(part: Part, view: View) -> list[Cell]:
    """Return the cells of a part of a graph, each after those that it needs."""
    names, shown = short_names(part.graph.values), set(part.values)
    users: dict[GraphValue, list[OpCall]] = {}
    for operation in part.operations:
        for value in dict.fromkeys(operation.operands):
            users.setdefault(value, []).append(operation)
    made = {v: o for o in part.operations for v in o.results}
    found: dict[OpCall | GraphValue, Cell] = {}
    for value in part.values:
        if value not in made and not _is_number(value) and len(users.get(value, [])) != 1:
            lines = [f"*{_cut(names[value])}", _facts(value, view)]
            found[value] = Cell(value.key, value, lines)
    for operation in part.operations:
        results = [v for v in operation.results if v in shown]
        made_here = ", ".join(names[v] for v in results) or "…"
        lines = [f"*{_cut(made_here)} = {_done(operation, names)}"]
        lines += [_facts(v, view) for v in results[:1]]
        cell = found[operation] = Cell(operation.key, operation, lines)
        for value in dict.fromkeys(operation.operands):
            before = found.get(made.get(value, value))
            if before is not None and before is not cell:
                goes_back = value.requires_grad and any(v.requires_grad for v in results)
                cell.needs[before] = cell.needs.get(before, False) or goes_back
            elif not _is_number(value) and value in shown and value not in made:
                cell.hung.append((value, f"*{_cut(names[value])}  {_facts(value, view)}"))
        for (tail, head), values in part.graph.bundles.items():
            if head is operation and tail in found:
                cell.needs[found[tail]] = any(v.requires_grad for v in values)
    return list(found.values())


def _is_number(value: GraphValue) -> bool:
    return value.tensor is None and np.ndim(value.data) == 0


def _cut(text: str) -> str:
    return cut(printable(text), LETTERS)


def _done(operation: OpCall, names: Mapping[GraphValue, str]) -> str:
    """Say what an operation does; its name, where the formula is too long."""
    if isinstance(operation, Fold):
        return printable(operation.short(LETTERS))
    formula = short_formula(operation, names)
    return _cut(formula if len(formula) <= LETTERS else operation.name)


def _facts(value: GraphValue, view: View) -> str:
    """Say the shape of a value, or the number that it is, and the size of its gradient."""
    said = [number(value.data) if np.ndim(value.data) == 0 else str(np.shape(value.data))]
    if value.gradient is not None:
        said.append(f"|∇| {magnitude(value.gradient):.2g}")
        said += [heat_of(value.gradient).word] if view.heat else []
    return "  ".join(filter(None, said))


Drawn = tuple[str, str, str, dict[str, str], tuple[float, float, float, float]]


def _boxes(cell: Cell, part: Part, view: View) -> Iterator[Drawn]:
    """Yield the boxes of a cell: key, label, tooltip, look, and left, top, width, height."""
    y = cell.y
    for value, text in cell.hung:
        look = dict(BOXES[value.kind if value.maker is None else "source"])
        label = _labelled([text], look, value, view)
        place = (cell.x, y, cell.width, LINE + PAD)
        yield value.key, label, value_tooltip(value, part), look, place
        y += LINE + PAD + HANG
    place = (cell.x, y, cell.width, cell.box)
    if isinstance(cell.of, GraphValue):
        look = dict(BOXES[cell.of.kind if cell.of.maker is None else "source"])
        tip = value_tooltip(cell.of, part)
        told: GraphValue | None = cell.of
    else:
        told = next((v for v in cell.of.results if v in part.values), None)
        kind = "fold" if isinstance(cell.of, Fold) else "result"
        look = dict(BOXES["root" if told is not None and told.is_root else kind])
        tip = operation_tooltip(cell.of)
    yield cell.key, _labelled(cell.lines, look, told, view), tip, look, place


def _labelled(lines: list[str], look: dict[str, str], value: GraphValue | None, view: View) -> str:
    """Return the label of a box; its look changes with the value that it tells of."""
    written = []
    for line in lines:
        name = re.match(r"\*(.*?)(?= = |  |$)", line)
        bold = f"<b>{quoted(name[1])}</b>" if name else ""
        rest = quoted(line[name.end() :] if name else line)
        written.append(bold + re.sub("^ +", SPACE, rest) if bold else rest)
    label = "<br/>".join(written)
    if value is None:
        return label
    if not is_finite(value.data) or not is_finite(value.gradient):
        look |= BAD
    if view.heat and value.requires_grad:
        heat = heat_of(value.gradient)
        look |= {"fillcolor": heat.fill, "style": f"{look['style']},{heat.style}"}
        return in_one_colour(label, palette.text_on(heat.fill))
    return label


# -- where it stands ----------------------------------------------------------------------------


@dataclass(slots=True)
class Sheet:
    """Where everything stands.

    Attributes
    ----------
    width, height
        Of all.
    gutters
        The height of the middle of the space above each row, and below the last.
    lanes
        Which lane of a gutter belongs to the arrows from, or to, a cell.
    """

    cells: list[Cell]
    width: float = 0.0
    height: float = 0.0
    gutters: list[float] = field(default_factory=list)
    lanes: dict[tuple[int, Cell], int] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """How much it can grow, or must shrink, to fill a slide."""
        return min(WIDTH / self.width, HEIGHT / self.height)

    def route(self, tail: Cell, head: Cell) -> list[Point]:
        """Return the corners of an arrow."""
        start = tail.x + tail.width, tail.middle
        end = head.x - HEAD, head.middle
        passes = self.passes(tail, head)
        if not passes:
            return [start, end]
        points = [start]
        x = tail.right + 6.0
        for i, gutter in enumerate(passes):
            y = self.gutters[gutter] + LANE * self.lanes[gutter, _lane(tail, head)]
            last = i == len(passes) - 1
            across = head.left - HEAD - 8.0 if last else MARGIN / 2
            points += [(x, points[-1][1]), (x, y), (across, y)]
            x = across
        return [*points, (x, end[1]), end]

    @staticmethod
    def passes(tail: Cell, head: Cell) -> list[int]:
        """Return the gutters that an arrow runs through: none to the next column."""
        if tail.row == head.row:
            return [] if head.column == tail.column + 1 else [tail.row]
        return sorted({tail.row + 1, head.row})


def _lane(tail: Cell, head: Cell) -> Cell:
    """Return whose lane an arrow takes: that of its tail, or of a head where many arrive."""
    return head if len(head.needs) > MANY else tail


def _best(cells: list[Cell]) -> Sheet:
    """Place the cells so that the letters are as large as they can be."""
    for cell in cells:
        cell.depth = max((c.depth + 1 for c in cell.needs), default=0)
    for cell in reversed(cells):  # what is given stands where it is needed first
        if not cell.needs:
            users = [c.depth for c in cells if cell in c.needs]
            cell.depth = min(users, default=1) - 1
    tallest, widest = (max(getattr(c, side) for c in cells) for side in ("height", "width"))
    total = sum((c.width + AHEAD) * (c.height + BESIDE) for c in cells)
    heights = {tallest * k for k in (1.0, 1.5, 2.2, 3.2, 4.5, 7.0)}
    widths = [max(widest, total**0.5 * k / 10) for k in range(6, 40, 2)]
    tried = ((h, w) for h in sorted(heights) for w in widths)
    height, width = max(tried, key=lambda sides: _placed(cells, *sides).scale)
    return _placed(cells, height, width)


def _placed(cells: list[Cell], height: float, width: float) -> Sheet:
    """Place the cells in columns and rows that are not much higher and wider than this."""
    columns = _columns(cells, height)
    rows: list[list[list[Cell]]] = [[]]
    used = 0.0
    for i, column in enumerate(columns):
        takes = max(c.width for c in column) + AHEAD
        if used and used + takes > width + AHEAD:
            rows.append([])
            used = 0.0
        rows[-1].append(column)
        used += takes
        for cell in column:
            cell.column, cell.row = i, len(rows) - 1
    sheet = Sheet(cells)
    for cell in cells:
        for before in cell.needs:
            for gutter in sheet.passes(before, cell):
                taken = sum(g == gutter for g, _ in sheet.lanes)
                sheet.lanes.setdefault((gutter, _lane(before, cell)), taken)
    y = 0.0
    for r, row in enumerate([*rows, []]):
        lanes = sum(gutter == r for gutter, _ in sheet.lanes)
        sheet.gutters.append(y + (GUTTER if lanes else MARGIN / 2))
        y += GUTTER + LANE * lanes if lanes or 0 < r < len(rows) else MARGIN
        y += GUTTER * (lanes > 0)
        up = max((_reach(column)[0] for column in row), default=0.0)
        x = MARGIN + AHEAD / 2
        for column in row:
            top = y + up - _reach(column)[0]
            wide = max(c.width for c in column)
            for cell in column:
                cell.x, cell.y = x + (wide - cell.width) / 2, top
                cell.left, cell.right = x, x + wide
                top += cell.height + BESIDE
            x += wide + AHEAD
            sheet.width = max(sheet.width, x - AHEAD / 2 + MARGIN)
        y += up + max((_reach(column)[1] for column in row), default=0.0)
    sheet.height = y
    return sheet


def _columns(cells: list[Cell], height: float) -> list[list[Cell]]:
    """Return the cells by depth; those of one depth in several columns, where they are many."""
    columns: list[list[Cell]] = []
    order: dict[Cell, float] = {}
    for depth in sorted({c.depth for c in cells}):
        level = [c for c in cells if c.depth == depth]
        for i, c in enumerate(level):
            before = [order[b] for b in c.needs if b in order]
            order[c] = sum(before) / len(before) if before else float(i)
        level.sort(key=order.__getitem__)
        used = np.inf
        for i, c in enumerate(level):
            order[c] = float(i)
            if used + c.height > height:
                columns.append([])
                used = 0.0
            columns[-1].append(c)
            used += c.height + BESIDE
    return columns


def _reach(column: list[Cell]) -> tuple[float, float]:
    """Return how far a column goes above and below the line that runs through its row."""
    if len(column) == 1:
        return column[0].height - column[0].box / 2, column[0].box / 2
    half = (sum(c.height + BESIDE for c in column) - BESIDE) / 2
    return half, half


def _spline(points: list[Point]) -> str:
    """Return the line through some corners as Graphviz wants it, with an arrow at its end."""
    (x, y), (x0, y0) = points[-1], points[0]
    if len(points) == 2:  # bent only as much as it must be
        half = (x - x0) / 2
        curve = [(x0, y0), (x0 + half, y0), (x - half, y), (x, y)]
    else:
        curve = [points[0]]
        for (ax, ay), (bx, by) in pairwise(points):
            curve += [(ax + (bx - ax) * k / 3, ay + (by - ay) * k / 3) for k in (1, 2, 3)]
    return f"e,{x + HEAD:.1f},{y:.1f} " + " ".join(f"{px:.1f},{py:.1f}" for px, py in curve)
