"""Where the boxes of a graph stand: in columns from left to right, each operand before its use.

The method is Sugiyama, Tagawa and Toda's (1981): a box stands one column right of the longest
path that leads to it; a line that is longer than a column has a bend in each column between;
in a column, boxes are sorted by where their neighbours stand (the barycentre), again and again;
and heights are those that bend the lines least (least squares) with the boxes kept apart.

A frame around boxes is laid out by itself, and is one large box in the layout around it: so
no other box is ever inside of it. What is used once, beside a main operand, stands above or
below the operation instead of left of it: a layer's weight and bias hang on their layer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean

COLUMN, ROW, BEND = 44.0, 20.0, 12.0  # between columns, between boxes, between lines
HANG = 26.0  # between an operation and what hangs on it
PAD, TITLE = 9.0, 19.0  # around the boxes of a frame, and for its name
SWEEPS, STEPS = 12, 60  # of sorting; of settling the heights
LIGHT = 0.02  # how much a line from an input weighs, beside the main line, which is straight

Path = tuple[str, ...]  # the frames around a box, the outermost first
Use = tuple[str, str]  # from a box to a box
Point = tuple[float, float]
Reach = tuple[float, float, float]  # the width, and how far it goes above and below its line


@dataclass(slots=True)
class Item:
    """What stands in a column: a box, a frame, or the bend of a line. Its line is at y."""

    key: str
    column: int
    width: float = 0.0
    up: float = 0.0  # how far it reaches above its line, and below
    down: float = 0.0
    bend: bool = False
    y: float = 0.0
    ins: list[tuple[Item, float, float]] = field(default_factory=list)
    outs: list[tuple[Item, float, float]] = field(default_factory=list)  # other, offset, weight

    def wanted(self, links: Sequence[tuple[Item, float, float]]) -> tuple[float, float]:
        """Return the height that its neighbours want, and how much they weigh."""
        weight = sum(w for _, _, w in links)
        return (sum((o.y + d) * w for o, d, w in links) / weight if weight else self.y), weight


@dataclass(slots=True)
class BoxLayout:
    """The places of boxes (their middle), of frames (left, top, width, height), and of bends."""

    width: float = 0.0
    height: float = 0.0
    boxes: dict[str, Point] = field(default_factory=dict)
    frames: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    bends: dict[tuple[str, str], list[Point]] = field(default_factory=dict)  # frame, source
    enters: dict[str, float] = field(default_factory=dict)  # where a source's line comes in
    leaves: dict[str, float] = field(default_factory=dict)

    def take(self, other: BoxLayout, dx: float, dy: float) -> None:
        """Put another layout into this one."""
        self.boxes |= {k: (x + dx, y + dy) for k, (x, y) in other.boxes.items()}
        self.frames |= {k: (x + dx, y + dy, w, h) for k, (x, y, w, h) in other.frames.items()}
        for key, points in other.bends.items():
            self.bends[key] = [(x + dx, y + dy) for x, y in points]


def hanging(uses: Sequence[Use], homes: Mapping[str, Path]) -> dict[str, list[str]]:
    """Return which boxes hang on which: at most two, each used once, beside another operand."""
    into: dict[str, list[str]] = {}
    used: dict[str, int] = {}
    for tail, head in uses:
        into.setdefault(head, []).append(tail)
        used[tail] = used.get(tail, 0) + 1
    found = {}
    for head, tails in into.items():
        single = [t for t in tails if used[t] == 1 and t not in into and homes[t] == homes[head]]
        framed = homes[head] and len(single) < len(tails)  # the main operand comes from outside
        if 0 < len(single) <= 2 and (framed or any(t in into for t in tails)):
            found[head] = single
    return found


def layers(
    sizes: Mapping[str, tuple[float, float]], homes: Mapping[str, Path], uses: Sequence[Use]
) -> BoxLayout:
    """Place boxes.

    Parameters
    ----------
    sizes
        The width and the height of each box, in the order of the program.
    homes
        The frames around each box, the outermost first.
    uses
        The lines, from a box to a box.

    Examples
    --------
    >>> sizes = {"x": (60, 20), "y": (60, 20), "f": (60, 20)}
    >>> made = layers(sizes, {k: () for k in sizes}, [("x", "y"), ("y", "f")])
    >>> made.boxes
    {'x': (30.0, 10.0), 'y': (134.0, 10.0), 'f': (238.0, 10.0)}
    """
    hung = hanging(uses, homes)
    under = beneath(uses, homes)
    aside = {t for tails in hung.values() for t in tails} | {t for t, _ in under.values()}
    lines = [use for use in uses if use[0] not in aside]
    reach: dict[str, Reach] = {}
    for key, (width, height) in sizes.items():
        up = down = height / 2
        for tail, sign in zip(hung.get(key, ()), _signs(hung.get(key, ())), strict=True):
            width = max(width, sizes[tail][0])
            up += (sign < 0) * (HANG + sizes[tail][1])
            down += (sign > 0) * (HANG + sizes[tail][1])
        if key not in aside:
            reach[key] = width, up, down
    layout = _frame((), reach, homes, lines, {f: sizes[t] for f, (t, _) in under.items()})
    for head, tails in hung.items():
        x, y = layout.boxes[head]
        for tail, sign in zip(tails, _signs(tails), strict=True):
            layout.boxes[tail] = x, y + sign * ((sizes[head][1] + sizes[tail][1]) / 2 + HANG)
    for frame, (tail, head) in under.items():
        _, top, _, height = layout.frames[frame]
        layout.boxes[tail] = layout.boxes[head][0], top + height + HANG + sizes[tail][1] / 2
    return layout


def beneath(uses: Sequence[Use], homes: Mapping[str, Path]) -> dict[str, Use]:
    """Return what hangs beneath which frame: a target beneath its loss, which is one box."""
    into = {head for _, head in uses}
    boxes = Counter(frame for home in homes.values() for frame in home)
    used = Counter(tail for tail, _ in uses)
    operands = Counter(head for _, head in uses)
    found: dict[str, Use] = {}
    for tail, head in uses:
        mine, theirs = homes[tail], homes[head]
        inner = theirs[len(mine) :]
        apart = inner and theirs[: len(mine)] == mine and all(boxes[frame] == 1 for frame in inner)
        if apart and used[tail] == 1 and tail not in into and operands[head] > 1:
            found[inner[0]] = (tail, head)  # the last of its operands
    return found


def _signs(tails: Sequence[str]) -> tuple[int, ...]:
    """Return the sides of boxes that hang on one: a single one below; of two, the first above."""
    return ((), (1,), (-1, 1))[len(tails)]


def route(layout: BoxLayout, homes: Mapping[str, Path], tail: str, head: str) -> list[Point]:
    """Return the bends of a line, from the left to the right."""
    mine, theirs = homes[tail], homes[head]
    common = sum(1 for _ in _shared(mine, theirs))
    points: list[Point] = []
    levels = [mine[:i] for i in range(len(mine), common - 1, -1)]
    levels += [theirs[:i] for i in range(common + 1, len(theirs) + 1)]
    for level in levels:
        points += layout.bends.get(("/".join(level), tail), [])
    left, right = layout.boxes[tail][0], layout.boxes[head][0]
    return sorted(p for p in points if left < p[0] < right)


def _shared(a: Path, b: Path) -> Iterable[str]:
    for x, y in zip(a, b, strict=False):
        if x != y:
            return
        yield x


# -- one frame -----------------------------------------------------------------------------


def _frame(
    path: Path,
    reach: Mapping[str, Reach],
    homes: Mapping[str, Path],
    uses: Sequence[Use],
    under: Mapping[str, tuple[float, float]],
) -> BoxLayout:
    """Lay out what is in a frame; a frame in it is laid out first, and is one box."""
    child = {box: (*homes[box], box)[len(path)] for box in reach}  # that a box is, or is in
    inner: dict[str, BoxLayout] = {}
    items: dict[str, Item] = {}
    for name in dict.fromkeys(child.values()):
        if name in reach:
            width, up, down = reach[name]
            items[name] = Item(name, 0, width, up, down)
        else:
            inside = {box: r for box, r in reach.items() if child[box] == name}
            inner[name] = made = _frame((*path, name), inside, homes, uses, under)
            line = next(iter([*made.enters.values(), *made.leaves.values()]), made.height / 2)
            width, height = under.get(name, (0.0, -HANG))  # what hangs beneath it
            wide = max(made.width, width)
            items[name] = Item(name, 0, wide, line, made.height - line + HANG + height)
    lines = [(t, h) for t, h in uses if child.get(t) != child.get(h)]
    last = _columns(items, [(child.get(t), child.get(h)) for t, h in lines])
    made_here = {h for _, h in uses}
    bends: dict[str, list[Item]] = {}
    enters: dict[str, list[tuple[Item, float]]] = {}
    leaves: dict[str, tuple[Item, float]] = {}
    for source in dict.fromkeys(t for t, _ in lines):
        begin = items[child[source]] if source in child else None
        ends = {child[h]: items[child[h]] for t, h in lines if t == source and h in child}
        out = any(t == source and h not in child for t, h in lines)
        start = begin.column if begin else -1
        goal = max([last + 1] * out + [item.column for item in ends.values()])
        trunk: list[tuple[Item, float] | None] = [None]
        if begin:
            trunk = [(begin, _at(inner, begin, "leaves", source))]
        weight = 1.0 if source in made_here else LIGHT
        for column in range(start + 1, goal):
            bend = Item(source, column, 0, BEND / 2, BEND / 2, bend=True)
            bends.setdefault(source, []).append(bend)
            _link(trunk[-1], (bend, 0.0), 2 * weight)
            trunk.append((bend, 0.0))
        for name, item in ends.items():
            to = item, _at(inner, item, "enters", source)
            if item.column > start:
                before = trunk[item.column - start - 1]
                _link(before, to, weight)
                if before is None:
                    enters.setdefault(source, []).append(to)
            assert name
        if begin is None and bends.get(source):
            enters[source] = [(bends[source][0], 0.0)]
        if out and trunk[-1] is not None:
            leaves[source] = trunk[-1]
    grid: list[list[Item]] = [[] for _ in range(last + 1)]
    for item in [*(b for some in bends.values() for b in some), *items.values()]:
        grid[item.column].append(item)
    grid = _sorted(grid)
    _settle(grid)
    return _assembled(path, grid, inner, enters, leaves)


def _at(inner: Mapping[str, BoxLayout], item: Item, side: str, source: str) -> float:
    """Return where a source's line goes into a box, or comes out of it, relative to its line."""
    if item.key not in inner:
        return 0.0
    heights: dict[str, float] = getattr(inner[item.key], side)
    return heights.get(source, item.up) - item.up


def _link(a: tuple[Item, float] | None, b: tuple[Item, float], weight: float) -> None:
    if a is not None:
        a[0].outs.append((b[0], b[1] - a[1], weight))
        b[0].ins.append((a[0], a[1] - b[1], weight))


def _columns(items: Mapping[str, Item], lines: Iterable[tuple[str | None, str | None]]) -> int:
    """Give each box its column, and return the last one."""
    pairs = list(dict.fromkeys(lines))
    edges = [(a, b) for a, b in pairs if a is not None and b is not None]
    entered = {b for a, b in pairs if a is None}
    order: dict[str, int] = {}
    while len(order) < len(items):
        left = [k for k in items if k not in order]
        waiting = {b for a, b in edges if a not in order}
        # On a circle of frames (one that is left and entered again) the first goes first.
        for key in [k for k in left if k not in waiting] or left[:1]:
            order[key] = len(order)
    edges = [(a, b) for a, b in edges if order[a] < order[b]]
    for key in order:
        items[key].column = max((items[a].column + 1 for a, b in edges if b == key), default=0)
    for key in reversed(order):  # what nothing leads to stands beside its use
        uses = [items[b].column for a, b in edges if a == key]
        if uses and key not in entered and not any(b == key for _, b in edges):
            items[key].column = max(0, min(uses) - 1)
    return max((item.column for item in items.values()), default=0)


def _sorted(grid: list[list[Item]]) -> list[list[Item]]:
    """Sort each column by the barycentre of its neighbours; keep what crosses the least."""
    best, fewest = grid, _crossings(grid)
    for sweep in range(SWEEPS):
        grid = [*map(list, grid)]
        forward = sweep % 2 == 0
        place = {id(item): float(i) for column in grid for i, item in enumerate(column)}
        for column in grid if forward else reversed(grid):
            centres = {id(item): _centre(item, forward, place) for item in column}
            column.sort(key=lambda item, centres=centres: centres[id(item)])  # type: ignore[misc]
            place |= {id(item): float(i) for i, item in enumerate(column)}
        crossings = _crossings(grid)
        if crossings < fewest:
            best, fewest = grid, crossings
    return best


def _centre(item: Item, forward: bool, place: Mapping[int, float]) -> float:
    """Return where an item's neighbours stand, on the left or on the right."""
    links = item.ins if forward else item.outs
    return fmean(place[id(o)] + d / 1e5 for o, d, _ in links) if links else place[id(item)]


def _crossings(grid: list[list[Item]]) -> int:
    place = {id(item): i for column in grid for i, item in enumerate(column)}
    crossings = 0
    for column in grid:
        ends = [place[id(o)] + d / 1e5 for item in column for o, d, _ in sorted(
            item.outs, key=lambda link: (place[id(link[0])], link[1]))]  # fmt: skip
        crossings += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return crossings


def _settle(grid: list[list[Item]]) -> None:
    """Find the heights: lines as straight as they can be, boxes apart."""
    for column in grid:
        for above, item in pairwise(column):
            item.y = above.y + _apart(above, item)
    for step in range(STEPS):
        for column in grid if step % 2 == 0 else reversed(grid):
            wanted = [item.wanted([*item.ins, *item.outs]) for item in column]
            starts = [0.0]
            for above, item in pairwise(column):
                starts.append(starts[-1] + _apart(above, item))
            free = [(y - start, max(w, 1e-4)) for (y, w), start in zip(wanted, starts, strict=True)]
            for item, y, start in zip(column, monotone(free), starts, strict=True):
                item.y = y + start


def _apart(above: Item, below: Item) -> float:
    gap = BEND if above.bend or below.bend else ROW
    return above.down + gap + below.up


def monotone(wanted: Sequence[tuple[float, float]]) -> list[float]:
    """Return the increasing numbers nearest to those wanted, by weighted least squares.

    Neighbours that are in the wrong order are pooled (pool adjacent violators).

    >>> monotone([(1.0, 1.0), (4.0, 1.0), (2.0, 1.0)])
    [1.0, 3.0, 3.0]
    """
    pools: list[tuple[float, float, int]] = []  # the mean, the weight, how many
    for y, w in wanted:
        pools.append((y, w, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (y1, w1, n1), (y2, w2, n2) = pools[-2:]
            pools[-2:] = [((y1 * w1 + y2 * w2) / (w1 + w2), w1 + w2, n1 + n2)]
    return [y for y, _, count in pools for _ in range(count)]


def _assembled(
    path: Path,
    grid: list[list[Item]],
    inner: Mapping[str, BoxLayout],
    enters: Mapping[str, list[tuple[Item, float]]],
    leaves: Mapping[str, tuple[Item, float]],
) -> BoxLayout:
    """Put the boxes of the columns to their places, and the frame around them."""
    side, title = (PAD, TITLE) if path else (0.0, 0.0)
    every = [item for column in grid for item in column]
    top = min(item.y - item.up for item in every) - (side + title if path else 0.0)
    made = BoxLayout()
    left = side
    for column in grid:
        wide = max(item.width for item in column)
        for item in column:
            y = item.y - top
            if item.bend:
                points = made.bends.setdefault(("/".join(path), item.key), [])
                points += [(left, y), (left + wide, y)]
            elif item.key in inner:
                made.take(inner[item.key], left + (wide - inner[item.key].width) / 2, y - item.up)
            else:
                # Beside a wide frame, a box stands where its line leaves the column.
                aside = (wide - item.width) / 2 * (1 if item.ins else 2)
                made.boxes[item.key] = left + aside + item.width / 2, y
        left += wide + COLUMN
    made.width = left - COLUMN + side
    made.height = max(item.y + item.down for item in every) - top + (side if path else 0.0)
    made.enters = {s: fmean(i.y + d for i, d in some) - top for s, some in enters.items()}
    made.leaves = {s: item.y + d - top for s, (item, d) in leaves.items()}
    if path:
        made.frames[path[-1]] = 0.0, 0.0, made.width, made.height
    return made
