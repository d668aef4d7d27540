"""A part of a derivation, or all of it with operations folded: fewer steps, the same numbers.

A fold is one step forward, and one step back to each value that it was given: what all the
edges inside it bring there.

>>> from autograd_lite import Tensor
>>> from autograd_lite.lesson.derivation import derive, read
>>> y = x = Tensor(1.0, requires_grad=True, name="x")
>>> for _ in range(1000):
...     y = y * 1.001
>>> derivation = derive(read(y))
>>> folded = of_graph(derivation, fold(derivation.graph, 200))
>>> [(e.sender, e.operand.name, round(float(e.contribution), 3)) for e in folded.edges]
[('t1000', 'x', 2.717)]
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..visualize.fold import Fold, flat, fold
from ..visualize.graph import Graph, GraphValue, OpCall
from ..visualize.part import nearest
from ..visualize.text import operations
from .derivation import Derivation, Edge
from .equations import total
from .formula import Formula, apply, gradient
from .forward import ForwardStep, named
from .simplifying import simplify
from .writing import legible

MOST_WAYS, LONGEST_WAY = 4, 8  # through a module, before its derivative is only a name


def limit_size(derivation: Derivation, max_boxes: int, folding: bool = True) -> Derivation:
    """Return a derivation of at most so many values and operations; itself if it fits.

    Without `folding`, it is the latest of them.
    """
    graph = derivation.graph
    if len(graph.values) + len(graph.operations) <= max_boxes:
        return derivation
    if folding:
        derivation = derivation.whole or derivation
        graph = fold(derivation.graph, max_boxes, modules=derivation.graph is not graph)
    part = nearest(graph, max_boxes)
    return of_graph(derivation, Graph(graph.roots, part.values, part.operations, graph.gradients))


def of_graph(derivation: Derivation, graph: Graph) -> Derivation:
    """Return the steps and edges of a graph that is a part of the derivation's, or folds it.

    What arrives at a value from elsewhere is counted, and is not an edge.
    """
    whole = derivation.whole or derivation
    shown = {o: item for item in graph.operations for o in flat([item])}
    known = {step.operation: step for step in derivation.steps}
    steps = {o: known[o] if o in known else _step(o) for o in graph.operations}
    new = dataclasses.replace(
        derivation, graph=graph, steps=list(steps.values()), edges=[], whole=whole, made_of={}
    )
    contributions = _contributions(derivation, shown)
    expected: dict[GraphValue, int] = {}
    for edge, _, _ in contributions:
        expected[edge.operand] = expected.get(edge.operand, 0) + 1
    so_far: dict[GraphValue, Any] = {derivation.root: derivation.seed}
    arrived: dict[GraphValue, int] = {}
    there: dict[GraphValue, list[Edge]] = {}
    for edge, item, own in contributions:
        v = edge.operand
        there[v] = [*there.get(v, []), *own]
        arrived[v] = arrived.get(v, 0) + 1
        before = so_far.get(v)
        so_far[v] = edge.contribution if before is None else before + edge.contribution
        if item is None:
            continue
        edge = dataclasses.replace(edge, step=steps[item], before=before, after=so_far[v])
        edge.arrived, edge.expected = arrived[v], expected[v]
        new.edges.append(edge)
        new.made_of[edge] = own, there[v]
    return new


def _contributions(
    derivation: Derivation, shown: dict[OpCall, OpCall]
) -> list[tuple[Edge, OpCall | None, list[Edge]]]:
    """Return what arrives where, in order, with the item of the graph that it comes from.

    All that a fold sends to one value is one contribution. The last are the edges of the whole
    that it adds up.
    """
    found: list[tuple[Edge, OpCall | None, list[Edge]]] = []
    places: dict[tuple[OpCall, GraphValue], int] = {}
    for edge in derivation.edges:
        item = shown.get(edge.operation)
        own, _ = derivation.made_of.get(edge, ([edge], []))
        if not isinstance(item, Fold):
            found.append((edge, item, own))
        elif item.count == 1 and edge.operand in item.operands and not edge.places:
            # A module of one operation says what that says.
            here = dataclasses.replace(edge, position=item.operands.index(edge.operand))
            found.append((here, item, own))
        elif edge.operand in item.operands:
            place = places.setdefault((item, edge.operand), len(found))
            if place == len(found):
                found.append((_first(derivation, edge, item), item, [*own]))
            else:
                first, _, before = found[place]
                found[place] = _added(first, edge.contribution), item, [*before, *own]
    return [(_by_its_own_formula(derivation, e, item), item, own) for e, item, own in found]


def _by_its_own_formula(derivation: Derivation, edge: Edge, item: OpCall | None) -> Edge:
    """Let a module say its own derivative, where that is a product for each element.

    It is the sum over the ways through it of the local derivatives along each; where it does not
    come to the contribution, the fold stays a name and its numbers.
    """
    if not isinstance(item, Fold) or item.count == 1 or len(item.results) != 1:
        return edge
    (result,) = item.results
    ways = _through(derivation, item, edge.operand, result)
    if not ways or result not in derivation.gradients:
        return edge
    local = total(ways)
    upstream = gradient(derivation.root.name, result.name, derivation.gradients[result])
    value = np.multiply(upstream.value, local.value)
    same = np.shape(value) == np.shape(edge.contribution)
    product = simplify(apply("multiply", upstream, local, value=value))
    if not same or not np.allclose(value, edge.contribution, rtol=1e-5) or not legible(product):
        return edge
    return dataclasses.replace(edge, product=product, moving=product)


def _through(
    derivation: Derivation, item: Fold, operand: GraphValue, result: GraphValue
) -> list[list[Edge]] | None:
    """Return the ways through a fold, as the edges along each; None if there are many."""
    inside = set(flat([item]))
    arriving: dict[GraphValue, list[Edge]] = {}
    for e in derivation.edges:
        if e.operation in inside:
            arriving.setdefault(e.operand, []).append(e)
    found: list[list[Edge]] = []
    waiting: list[tuple[GraphValue, list[Edge]]] = [(operand, [])]
    while waiting:
        here, path = waiting.pop()
        if here is result:
            found.append(path)
            continue
        for e in arriving.get(here, []):
            if e.local is None:
                return None
            waiting.append((e.result, [e, *path]))
        if len(found) + len(waiting) > MOST_WAYS or len(path) > LONGEST_WAY:
            return None
    return found


def _first(derivation: Derivation, edge: Edge, item: Fold) -> Edge:
    """Return the initial contribution of a fold to a value: that of its first edge."""
    gradients = derivation.gradients
    sent = [gradient(derivation.root.name, v.name, gradients[v])
            for v in item.results if v in gradients]  # fmt: skip
    product = Formula("fold", edge.contribution, f"back through {item.name}", tuple(sent))
    remark = f"{item.name} is {operations(item.count)}, folded: part={item.example!r} shows it"
    return dataclasses.replace(
        edge, position=item.operands.index(edge.operand), places={}, local=None, product=product,
        index=None, moving=product, notes=[], remarks=[remark],
    )  # fmt: skip


def _added(edge: Edge, contribution: Any) -> Edge:
    """Return what a fold sends, with one edge more."""
    total = edge.contribution + contribution
    product = dataclasses.replace(edge.product, value=total)
    return dataclasses.replace(edge, contribution=total, product=product, moving=product)


def _step(item: OpCall) -> ForwardStep:
    """Return a fold as one step forward."""
    given = tuple(named(v) for v in item.operands)
    formula = Formula("fold", item.results[0].data, item.name, given)
    return ForwardStep(item, formula, formula)
