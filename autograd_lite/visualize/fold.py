"""A large graph, folded until it fits: modules and repetitions become one box each.

The operations of a graph stand in the order in which they ran. A module's call is a
stretch of them, and so is a loop; a stretch that is folded is a `Fold`, which stands in
the graph like one operation. First the innermost modules are folded and what repeats,
then the modules around them, until there are no longer too many boxes.

>>> from autograd_lite import Tensor
>>> from autograd_lite.visualize.graph import read
>>> y = x = Tensor(1.0, requires_grad=True, name="x")
>>> for _ in range(1000):
...     y = np.sin(y * 2.0)
>>> folded = fold(read(y), 200)
>>> [operation.name for operation in folded.operations], [v.name for v in folded.values]
(['(multiply, sin) × 1,000'], ['x', 't2000'])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np

from .graph import Graph, GraphValue, OpCall
from .modules import ModuleCall
from .text import counted, cut, parameters
from .text import operations as so_many

ROUNDS = 24  # of looking for repetitions; a tape without any ends it sooner
EFFORT = 20_000_000  # comparisons in a round: periods of 2,000 in a tape of 10,000
SAID = 4  # operations of a repetition that are named
BUNDLE = 8  # values that a fold hands to one other box, before they are one arrow


@dataclass(slots=True, eq=False)
class Fold(OpCall):
    """Several operations in one box; `primitive` is that of the first.

    Attributes
    ----------
    label
        What stands in the box.
    inside
        The operations, in order.
    times
        How many times the same ones.
    example
        What to ask for as ``part`` to see its inside.
    hidden
        The inputs and constants that only its operations use, and that are not shown.
    parts
        What was folded: operations, and folds.
    """

    label: str = ""
    inside: list[OpCall] = field(default_factory=list, repr=False)
    times: int = 1
    example: str = ""
    hidden: list[GraphValue] = field(default_factory=list, repr=False)
    parts: list[OpCall] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        """What stands in the box."""
        return self.label

    @property
    def count(self) -> int:
        """How many operations of the program it is."""
        return len(self.inside)

    @property
    def operand_names(self) -> list[str]:
        """The operands' own names: several primitives have several names for them."""
        return [value.name for value in self.operands]

    def turn(self, i: int) -> list[OpCall]:
        """Return the operations of one repetition; the last is number -1."""
        length = len(self.inside) // self.times
        i = range(self.times)[i]
        return self.inside[i * length : (i + 1) * length]

    def short(self, length: int) -> str:
        """Return the label with at most so many characters; how often it repeats stays.

        >>> Fold(None, [], {}, label="(multiply, sin, cos) × 1,000").short(20)
        '(multiply, … × 1,000'
        """
        what, times, count = self.label.rpartition(" × ")
        return cut(what, length - len(times + count)) + times + count

    def contents(self) -> str:
        """Say how much is inside."""
        words = Counter({"input": "parameter" if v.module else "input"}.get(v.kind, v.kind)
                        for v in self.hidden)  # fmt: skip
        return ", ".join([so_many(self.count), *(counted(n, w) for w, n in words.items())])


def fold(
    graph: Graph,
    max_boxes: int,
    modules: bool = False,
    around: Collection[ModuleCall] = (),
    bundles: bool = False,
    operations: float = np.inf,
) -> Graph:
    """Fold a graph until it has at most `max_boxes` boxes, or nothing more can be folded.

    Parameters
    ----------
    graph
        The graph; it stays as it is.
    max_boxes
        How many values and operations there may be.
    modules
        Whether to fold the innermost modules even where everything fits.
    around
        Modules that stay open: those that all of the graph is inside of.
    bundles
        Whether many values that pass from one box to one other are left out.
    operations
        How many operations there may be of them.
    """

    def fits(graph: Graph) -> bool:
        boxes = len(graph.values) + len(graph.operations)
        return boxes <= max_boxes and len(graph.operations) <= operations

    if fits(graph) and not modules:
        return graph
    folded = graph
    for stage in stages(graph, around):
        folded = _bundled(stage) if bundles else stage
        if fits(folded):
            break
    return folded


def stages(graph: Graph, around: Collection[ModuleCall] = ()) -> Iterator[Graph]:
    """Yield a graph with more and more of it folded."""
    heights = _heights(graph, around)
    uses = _uses(graph)
    for height in range(max(heights.values(), default=0) + 1):
        items = _by_module(graph, heights, height)
        yield _assembled(graph, items, uses)
        for folded in _more_and_more(items):
            yield _assembled(graph, folded, uses)


def nested(operations: Sequence[OpCall], depth: int = 0) -> list[OpCall]:
    """Return the operations with each module and each repetition in a fold, in each other."""

    def owner(operation: OpCall) -> ModuleCall | None:
        around = operation.module.around() if operation.module else []
        return around[depth] if depth < len(around) else None

    items: list[OpCall] = []
    for module, stretch in groupby(operations, owner):
        inside = list(stretch)
        if module is not None:
            inside = [_folded(nested(inside, depth + 1), module.label, module=module.within)]
        items += inside
    return [items, *_more_and_more(items)][-1]


def _more_and_more(items: list[OpCall]) -> Iterator[list[OpCall]]:
    """Yield the operations with their repetitions folded, then the repetitions of those."""
    signatures: dict[Hashable, int] = {}
    for _ in range(ROUNDS):
        repeated = _by_repetition(items, signatures)
        if len(repeated) == len(items):
            return
        items = repeated
        yield items


def flat(operations: Iterable[OpCall]) -> Iterable[OpCall]:
    """Yield the operations, those in a fold one by one."""
    for operation in operations:
        if isinstance(operation, Fold):
            yield from operation.inside
        else:
            yield operation


# -- modules ------------------------------------------------------------------------------


def modules_of(graph: Graph) -> dict[ModuleCall, str]:
    """Return the modules in the order in which they ran, and what to call each as a part.

    That is its path, with a number where several calls have the same.
    """
    around = (m for o in graph.operations if o.module for m in o.module.around())
    found = list(dict.fromkeys(around))
    times = Counter(m.path for m in found)
    count: Counter[str] = Counter()
    names = {}
    for m in found:
        names[m] = m.path if times[m.path] == 1 else f"{m.path}[{count[m.path]}]"
        count[m.path] += 1
    return names


def _heights(graph: Graph, open_modules: Collection[ModuleCall]) -> dict[ModuleCall, int]:
    """Return how many modules are in each other inside of each: 0 for the innermost."""
    heights: dict[ModuleCall, int] = {}
    for operation in graph.operations:
        around = operation.module.around() if operation.module else []
        for height, module in enumerate(reversed(around)):
            if module not in open_modules:
                heights[module] = max(height, heights.get(module, 0))
    return heights


def _by_module(graph: Graph, heights: dict[ModuleCall, int], height: int) -> list[OpCall]:
    """Fold each module that has no more than `height` others in each other inside."""
    names = modules_of(graph)

    def owner(operation: OpCall) -> ModuleCall | None:
        around = operation.module.around() if operation.module else []
        return next((m for m in around if heights.get(m, height + 1) <= height), None)

    items: list[OpCall] = []
    for module, stretch in groupby(graph.operations, owner):
        if module is None:
            items += stretch
        else:
            items.append(_folded(list(stretch), module.label, names[module], module.within))
    return items


# -- repetitions --------------------------------------------------------------------------


def _by_repetition(items: list[OpCall], signatures: dict[Hashable, int]) -> list[OpCall]:
    """Fold the repetitions of that period which saves the most boxes."""
    ids = np.array([signatures.setdefault(_signature(o), len(signatures)) for o in items])
    folded: list[OpCall] = []
    at = 0
    for begin, end, length in _repetitions(ids):
        times = (end - begin) // length
        inside = items[begin : begin + times * length]
        folded += items[at:begin]
        folded.append(_folded(inside, f"{_said(inside[:length])} × {times:,}", times=times))
        at = begin + times * length
    return folded + items[at:]


def _repetitions(ids: Any) -> Iterator[tuple[int, int, int]]:
    """Yield where the same is repeated, one after the other: from, to, and the period."""
    longest = min(len(ids) // 2, EFFORT // (len(ids) + 1))
    savings = {p: sum((b - a) // p * p for a, b in _runs(ids, p)) for p in range(1, longest + 1)}
    period = max(savings, key=savings.__getitem__, default=0)
    if not savings.get(period):
        return
    at = 0
    for begin, end in _runs(ids, period):
        begin, end = max(begin, at), end + period  # what the run before has taken is gone
        length = _shortest(ids[begin:end], period)
        if end - begin >= 2 * length:
            yield begin, end, length
            at = begin + (end - begin) // length * length


def _said(turn: list[OpCall]) -> str:
    """Name the operations of one repetition."""
    names = [o.name.rpartition(": ")[2] for o in turn[:SAID]]
    if len(turn) > SAID:
        names.append(f"… {len(turn) - SAID:,} more")
    return f"({', '.join(names)})" if len(turn) > 1 else names[0]


def _shortest(ids: Any, period: int) -> int:
    """Return the shortest period of a stretch that has this one."""
    divisors = (p for p in range(1, period) if period % p == 0)
    return next((p for p in divisors if np.array_equal(ids[p:], ids[:-p])), period)


def _signature(operation: OpCall) -> Hashable:
    """Return what is the same wherever a program does the same again."""
    if isinstance(operation, Fold):
        return operation.times, tuple(map(_signature, operation.inside))
    shapes = tuple(np.shape(v.data) for v in operation.results)
    kind = operation.module.kind if operation.module else ""
    given = dict(operation.parameters)
    if "index" in given:  # a loop takes x[0], x[1], …: how many numbers, the shapes say
        parts = given["index"] if isinstance(given["index"], tuple) else (given["index"],)
        given["index"] = tuple(type(part).__name__ for part in parts)
    return kind, operation.primitive.name, parameters(given), shapes


def _runs(ids: Any, period: int) -> list[tuple[int, int]]:
    """Return from where to where the items are the same as those `period` places later."""
    same = np.concatenate([[False], ids[:-period] == ids[period:], [False]])
    edges = np.flatnonzero(same[1:] != same[:-1])
    starts, ends = edges[::2], edges[1::2]
    long = ends - starts >= period
    return list(zip(starts[long].tolist(), ends[long].tolist(), strict=True))


# -- a graph again ------------------------------------------------------------------------


def _folded(
    items: list[OpCall],
    label: str,
    example: str = "",
    module: ModuleCall | None = None,
    times: int = 1,
) -> Fold:
    inside = list(flat(items))
    first = inside[0]
    return Fold(
        first.primitive, [], {}, line=first.line, key=f"f{first.key[1:]}", label=label,
        inside=inside, times=times, example=example or label,
        module=_common(inside) if times > 1 else module, parts=items,
    )  # fmt: skip


def _common(inside: list[OpCall]) -> ModuleCall | None:
    """Return the innermost module that all operations are part of."""
    around = [o.module.around() if o.module else [] for o in inside]
    common = None
    for modules in zip(*around, strict=False):
        if any(m is not modules[0] for m in modules):
            break
        common = modules[0]
    return common


Uses = dict[GraphValue, list[tuple[int, int]]]  # which operations use it, and as which operand


def _uses(graph: Graph) -> Uses:
    uses: Uses = {v: [] for v in graph.values}
    for i, operation in enumerate(graph.operations):
        for position, value in enumerate(operation.operands):
            uses[value].append((i, position))
    return uses


def _assembled(graph: Graph, items: list[OpCall], uses: Uses) -> Graph:
    """Return the graph of the items, each fold with what passes its border."""
    holders = [item for item in items for _ in range(item.count)]  # of each operation
    whole = _told_apart(
        [
            _bordered(item, graph, uses, holders) if isinstance(item, Fold) else item
            for item in items
        ]
    )
    shown = {v for item in whole for v in (*item.operands, *item.results)} | {*graph.roots}
    return replace(graph, values=[v for v in graph.values if v in shown], operations=whole)


def _bordered(item: Fold, graph: Graph, uses: Uses, holders: list[OpCall]) -> Fold:
    """Return a fold with what it was given and what it hands on; the rest is hidden in it."""
    made = dict.fromkeys(v for o in item.inside for v in o.results)
    given = dict.fromkeys(v for o in item.inside for v in o.operands if v not in made)
    outside = {v for v in (*made, *given) if any(holders[i] is not item for i, _ in uses[v])}
    operands = {v: None for v in given if v.maker or v in outside or _stays(v, item, graph, uses)}
    numbers = {v for v in given if v.tensor is None and not np.ndim(v.data)}
    return replace(
        item,
        operands=[*operands],
        results=[v for v in made if v.is_root or v in graph.roots or v in outside],
        hidden=[v for v in given if v not in operands and v not in numbers],
    )


def _told_apart(items: list[OpCall]) -> list[OpCall]:
    """Let a repetition be asked for by how often it repeats, where no other repeats as often."""
    often = Counter(map(_times, items))
    return [
        replace(item, example=_times(item))
        if isinstance(item, Fold) and item.times > 1 and often[_times(item)] == 1 else item
        for item in items
    ]  # fmt: skip


def _bundled(graph: Graph) -> Graph:
    """Leave out the values that pass from one box to one other, where they are many."""
    users: dict[GraphValue, set[OpCall]] = {v: set() for v in graph.values}
    for operation in graph.operations:
        for value in operation.operands:
            users[value].add(operation)
    bundles: dict[tuple[OpCall, OpCall], list[GraphValue]] = {}
    for operation in graph.operations:
        for value in operation.results:
            if len(users[value]) == 1 and not value.is_root:
                (user,) = users[value]
                bundles.setdefault((operation, user), []).append(value)
    bundles = {ends: values for ends, values in bundles.items() if len(values) > BUNDLE}
    hidden = {v for values in bundles.values() for v in values} - {*graph.roots}
    return replace(graph, values=[v for v in graph.values if v not in hidden], bundles=bundles)


def _times(item: OpCall) -> str:
    """Return how often a repetition repeats, as the end of its label says it."""
    return "× " + item.name.rpartition("× ")[2]


def _stays(value: GraphValue, item: Fold, graph: Graph, uses: Uses) -> bool:
    """Whether an input that only one fold uses is shown: what the program was given.

    A module's parameters are folded with it, and so is what a loop takes up at each turn.
    """
    if value.tensor is None and np.ndim(value.data) == 0:
        return False
    if item.times == 1:
        return value.module is None
    if len({i for i, _ in uses[value]}) > 1:
        return True
    # A value that is carried from turn to turn: the first turn was given it.
    i, position = uses[value][0]
    after = graph.operations[i + len(item.inside) // item.times :][:1]
    return any(o in item.inside and o.operands[position].maker for o in after)
