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

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np

from .graph import Graph, Module, Operation, Value
from .text import parameters

ROUNDS = 24  # of looking for repetitions; a tape without any ends it sooner
EFFORT = 20_000_000  # comparisons in a round: periods of 2,000 in a tape of 10,000
SAID = 4  # operations of a repetition that are named


@dataclass(slots=True, eq=False)
class Fold(Operation):
    """Several operations in one box; `primitive` is that of the first.

    Attributes
    ----------
    label
        What stands in the box.
    inside
        The operations, in order.
    times
        How many times the same ones.
    """

    label: str = ""
    inside: list[Operation] = field(default_factory=list, repr=False)
    times: int = 1

    @property
    def name(self) -> str:
        """What stands in the box."""
        return self.label

    @property
    def count(self) -> int:
        """How many operations of the program it is."""
        return len(self.inside)

    @property
    def example(self) -> str:
        """What to ask for to see some of it: a module, or a result."""
        first = self.inside[0].module
        if self.times == 1 and first is not None:
            return next(m for m in first.around() if m.within is self.module).name
        return self.inside[len(self.inside) // 2].results[0].name

    @property
    def operand_names(self) -> list[str]:
        """The operands' own names: several primitives have several names for them."""
        return [value.name for value in self.operands]


def fold(graph: Graph, max_boxes: int, modules: bool = False) -> Graph:
    """Fold a graph until it has at most `max_boxes` boxes, or nothing more can be folded.

    Parameters
    ----------
    graph
        The graph; it stays as it is.
    max_boxes
        How many values and operations there may be.
    modules
        Whether to fold the innermost modules even where everything fits.
    """
    if _boxes(graph) <= max_boxes and not modules:
        return graph
    heights = _heights(graph)
    folded = graph
    for height in range(max(heights.values(), default=0) + 1):
        items = _by_module(graph, heights, height)
        folded = _assembled(graph, items)
        signatures: dict[Hashable, int] = {}
        for _ in range(ROUNDS):
            if _boxes(folded) <= max_boxes:
                return folded
            repeated = _by_repetition(items, signatures)
            if len(repeated) == len(items):
                break
            items, folded = repeated, _assembled(graph, repeated)
    return folded


def flat(operations: Iterable[Operation]) -> Iterable[Operation]:
    """Yield the operations, those in a fold one by one."""
    for operation in operations:
        if isinstance(operation, Fold):
            yield from operation.inside
        else:
            yield operation


def _boxes(graph: Graph) -> int:
    return len(graph.values) + len(graph.operations)


# -- modules ------------------------------------------------------------------------------


def _heights(graph: Graph) -> dict[Module, int]:
    """Return how many modules are in each other inside of each: 0 for the innermost."""
    heights: dict[Module, int] = {}
    for operation in graph.operations:
        around = operation.module.around() if operation.module else []
        for height, module in enumerate(reversed(around)):
            heights[module] = max(height, heights.get(module, 0))
    return heights


def _by_module(graph: Graph, heights: dict[Module, int], height: int) -> list[Operation]:
    """Fold each module that has no more than `height` others in each other inside."""

    def owner(operation: Operation) -> Module | None:
        around = operation.module.around() if operation.module else []
        return next((m for m in around if heights[m] <= height), None)

    items: list[Operation] = []
    for module, stretch in groupby(graph.operations, owner):
        if module is None:
            items += stretch
        else:
            items.append(_folded(list(stretch), module.label, module=module))
    return items


# -- repetitions --------------------------------------------------------------------------


def _by_repetition(items: list[Operation], signatures: dict[Hashable, int]) -> list[Operation]:
    """Fold the repetitions of that period which saves the most boxes."""
    ids = np.array([signatures.setdefault(_signature(o), len(signatures)) for o in items])
    longest = min(len(ids) // 2, EFFORT // (len(ids) + 1))
    savings = {p: sum((b - a) // p * p for a, b in _runs(ids, p)) for p in range(1, longest + 1)}
    period = max(savings, key=savings.__getitem__, default=0)
    if not savings.get(period):
        return items
    folded: list[Operation] = []
    at = 0
    for begin, end in _runs(ids, period):
        start = max(begin, at)  # what the run before has taken is gone
        turn = _shortest(ids[start : end + period], period)
        times = (end + period - start) // turn
        if times < 2:
            continue
        folded += items[at:start]
        at = start + times * turn
        names = [o.name.rpartition(": ")[2] for o in items[start : start + min(turn, SAID)]]
        if turn > SAID:
            names.append(f"… {turn - SAID:,} more")
        one = f"({', '.join(names)})" if turn > 1 else names[0]
        folded.append(_folded(items[start:at], f"{one} × {times:,}", times))
    return folded + items[at:]


def _shortest(ids: Any, period: int) -> int:
    """Return the shortest period of a stretch that has this one."""
    divisors = (p for p in range(1, period) if period % p == 0)
    return next((p for p in divisors if np.array_equal(ids[p:], ids[:-p])), period)


def _signature(operation: Operation) -> Hashable:
    """Return what is the same wherever a program does the same again."""
    if isinstance(operation, Fold):
        return operation.times, tuple(map(_signature, operation.inside))
    shapes = tuple(np.shape(v.data) for v in operation.results)
    kind = operation.module.kind if operation.module else ""
    return kind, operation.primitive.name, parameters(operation.parameters), shapes


def _runs(ids: Any, period: int) -> list[tuple[int, int]]:
    """Return from where to where the items are the same as those `period` places later."""
    same = np.concatenate([[False], ids[:-period] == ids[period:], [False]])
    edges = np.flatnonzero(same[1:] != same[:-1])
    starts, ends = edges[::2], edges[1::2]
    long = ends - starts >= period
    return list(zip(starts[long].tolist(), ends[long].tolist(), strict=True))


# -- a graph again ------------------------------------------------------------------------


def _folded(
    inside: list[Operation], label: str, times: int = 1, module: Module | None = None
) -> Fold:
    inside = list(flat(inside))
    first = inside[0]
    return Fold(
        f"f{first.key[1:]}", first.primitive, {}, [], first.line, label=label, inside=inside,
        times=times, module=module.within if module else _common(inside),
    )  # fmt: skip


def _common(inside: list[Operation]) -> Module | None:
    """Return the innermost module that all operations are part of."""
    around = [o.module.around() if o.module else [] for o in inside]
    common = None
    for modules in zip(*around, strict=False):
        if any(m is not modules[0] for m in modules):
            break
        common = modules[0]
    return common


def _assembled(graph: Graph, items: list[Operation]) -> Graph:
    """Return the graph of the items: their operands and results are the values that show."""
    users: dict[Value, set[Operation]] = {}
    for item in items:
        for operation in flat([item]):
            for value in operation.operands:
                users.setdefault(value, set()).add(item)
    roots = set(graph.roots)
    whole: list[Operation] = []
    for item in items:
        if not isinstance(item, Fold):
            whole.append(item)
            continue
        made = [v for o in item.inside for v in o.results]
        uses: dict[Value, list[Place]] = {v: [] for o in item.inside for v in o.operands}
        for at, operation in enumerate(item.inside):
            for position, value in enumerate(operation.operands):
                uses[value].append((at, position))
        for value in made:
            uses.pop(value, None)

        results = [v for v in made if v in roots or users.get(v, set()) - {item}]
        operands = [v for v in uses
                    if v.maker or users[v] != {item} or _stays(v, item, uses[v])]  # fmt: skip
        whole.append(replace(item, results=results, operands=operands))
    shown = {v for item in whole for v in (*item.operands, *item.results)} | roots
    values = [v for v in graph.values if v in shown]
    return Graph(graph.roots, values, whole, graph.gradients)


Place = tuple[int, int]  # which operation of a fold, and which operand of it


def _stays(value: Value, item: Fold, uses: list[Place]) -> bool:
    """Whether an input that only one fold uses is shown: what the program was given.

    A module's parameters are folded with it, and so is what a loop takes up at each turn.
    """
    if value.tensor is None and np.ndim(value.data) == 0:
        return False
    if item.times == 1:
        return value.module is None
    if len({at for at, _ in uses}) > 1:
        return True
    # What one turn hands on to the next: the first turn was given it.
    (at, position), turn = uses[0], len(item.inside) // item.times
    after = item.inside[at + turn : at + turn + 1]
    return any(o.operands[position].maker is not None for o in after)
