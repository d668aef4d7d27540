"""The frames of a page: what is said, shown and asked at each step of a derivation.

A frame is made as it is built on the page: its sentences and formulas are templates, with slots
for the numbers that the page computes (:mod:`autograd_lite.lesson.slots`).
"""

from __future__ import annotations

import linecache
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..visualize.graph import GraphValue, OpCall
from .derivation import Derivation, Edge, paths
from .elements import Follower
from .equations import (
    by_index,
    contribution,
    equal,
    scalars,
    since,
    total,
    with_places,
)
from .formula import Formula
from .forward import ForwardStep, named
from .layout import picture
from .living import Living
from .notation import MATHML, TEXT, Notation
from .slots import SHOWN, Lost, Slots
from .words import where
from .writing import write

FOLLOWED = 600_000  # characters of element derivations: a page stays under a megabyte
NAMED = 12  # inputs whose names are listed
PATHS, LONGEST = 12, 40  # of one input, and operations of a path, that a learner is asked for


class Frames:
    """All frames of a derivation, and what their numbers are.

    Attributes
    ----------
    derivation
        What they show.
    living
        Its program; None where the page cannot compute.
    picture
        The boxes and arrows.
    slots
        The arrays of the page.
    left
        How many characters of element derivations there is room for.
    shown
        The values that have boxes.
    """

    def __init__(self, derivation: Derivation, living: Living | None) -> None:
        self.derivation, self.living = derivation, living
        self.root = derivation.root.name
        self.picture = picture(derivation)
        self.slots = Slots(derivation, living)
        self.left = FOLLOWED
        self.shown = {v for v in derivation.graph.values if named(v).head == "symbol"}

    # -- numbers ---------------------------------------------------------------------------

    def of(self, what: Any, which: str) -> tuple[int, Any]:
        """Return the place of an array and the array: which one of a value or an edge."""
        if which == "gradient":
            data = self.derivation.gradients.get(what, np.zeros_like(what.data))
        elif which == "local":
            data = what.local.value
        else:
            data = what.data if which == "value" else getattr(what, which)
        return self.slots.of(what, which, data), data

    def said(self, what: Any, which: str) -> str:
        """Return what stands for a number in a sentence."""
        return self.slots.text(*self.of(what, which))

    def equals(self, what: Any, which: str) -> str:
        """Say that something is equal to a number, or an array."""
        number, data = self.of(what, which)
        return f"{', ' if np.ndim(data) else ' = '}{self.slots.text(number, data)}"

    def mathml(self, what: Any, which: str) -> str:
        """Return what stands for a number in a formula."""
        return self.slots.mathml(*self.of(what, which))

    def filled(self, formula: Formula, notation: Notation) -> Any:
        """Write a formula with numbers; one of which the page knows nothing is fixed."""
        try:
            return write(formula, notation, numbers=self.slots.leaf)
        except Lost:
            return {"fixed": write(formula, notation, numbers=True)}

    def equation(self, formula: Formula, value: str) -> list[Any]:
        """Return a formula, the same with numbers where it can be worked out, and the value."""
        parts: list[Any] = [write(formula, MATHML)]
        if scalars(formula):
            parts.append(self.filled(formula, MATHML))
        return [*parts, value]

    def value(self, value: GraphValue) -> dict[str, Any]:
        """Return what a box shows once it is known."""
        expected = next((e.expected for e in self.derivation.edges if e.operand is value), 0)
        return {
            "name": value.name,
            "kind": value.kind,
            "data": self.slots.of(value, "value", value.data),
            "carries": value in self.derivation.gradients,
            "expected": expected,
        }

    # -- frames --------------------------------------------------------------------------

    def frames(self) -> Iterable[dict[str, Any]]:
        """Return one frame for each thing that happens."""
        d, root = self.derivation, self.root
        given = [v for v in d.given if v in self.shown]
        begins = [v for v in d.graph.roots if v in d.gradients]
        yield {
            "phase": "forward",
            "title": "The start",
            "say": f"Given: {_list(given)}. Everything else is not computed yet.",
            "math": [],
            "values": [v.key for v in given],
            "lit": [v.key for v in given],
            "show": [self.panel(v.name, v) for v in given],
        }
        for step in d.steps:
            yield self.forward(step)
        yield {
            "phase": "backward",
            "title": "The backward pass begins",
            "say": f"The backward pass begins at {root}: the derivative of {root} with respect "
            f"to itself is {self.said(d.root, 'gradient')}."
            if begins == [d.root]
            else f"Here the backward pass comes to {_list(begins)}, from {root}.",
            "math": [
                _line(
                    "to begin with",
                    [MATHML.partial(root, v.name), self.mathml(v, "gradient")],
                )
                for v in begins
            ],
            "lit": [v.key for v in begins],
            "grads": {v.key: [self.of(v, "gradient")[0], 0, 0] for v in begins},
            "ask": self.paths(),
            "show": [self.panel(f"∂{root}/∂{v.name}", v, "gradient") for v in begins],
        }
        for i, edge in enumerate(d.edges, 1):
            yield self.backward(edge, i)
        yield {
            "phase": "done",
            "title": "All gradients",
            "say": f"Every input has its gradient: {_list(d.inputs)}.",
            "math": [line for v in d.inputs[:NAMED] for line in self.in_the_end(v)],
            "sides": [i for edge in d.edges for i in self.sides(edge)],
            "lit": [v.key for v in d.inputs if v in self.shown],
            "show": [
                self.panel(f"∂{root}/∂{v.name}", v, "gradient")
                for v in d.inputs[:NAMED]
                if v in d.gradients and np.ndim(v.data)
            ],
        }

    def in_the_end(self, value: GraphValue) -> Iterable[dict[str, Any]]:
        """Return a gradient as a sum over ways, as a formula of the values, and as a number."""
        if value not in self.derivation.gradients:
            return
        left, number = MATHML.partial(self.root, value.name), self.mathml(value, "gradient")
        ways = paths(self.derivation, value)
        if not ways:
            yield _line(value.name, [left, number])
            return
        products = [self.way(way, i) for i, way in enumerate(ways)]
        yield _line(value.name, [left, MATHML.chain(products, "+")])
        yield _line("closed form", [left, write(total(ways), MATHML), number], beyond=2)

    def way(self, way: list[Edge], i: int) -> str:
        """Return a product of local derivatives, with the arrows that it goes along."""
        product = MATHML.chain([MATHML.local(e.result.name, e.by) for e in way], MATHML.times)
        drawn = (self.arrows(e.operation.key, [e.position]) for e in way)
        arrows = " ".join(arrow for found in drawn for arrow in found)
        if not arrows:
            return product
        return f'<mrow class="way" data-way="{i % 6}" data-arrows="{arrows}">{product}</mrow>'

    def forward(self, step: ForwardStep) -> dict[str, Any]:
        """Return the frame of one operation."""
        operation, result = step.operation, step.result
        names = ", ".join(v.name for v in operation.results)
        operands = list(dict.fromkeys(v for v in operation.operands if v in self.shown))
        lines = [
            _line("computed", [MATHML.symbol(names), write(step.formula, MATHML)]),
        ]
        if len(equal(step.formula, step.formula.value, TEXT)) > 2:
            parts = [MATHML.symbol(names), self.filled(step.formula, MATHML)]
            lines.append(_line("with numbers", parts, True))
        for value in operation.results:
            parts = [MATHML.symbol(value.name), self.mathml(value, "value")]
            lines.append(_line("value", parts, not np.ndim(value.data)))
        text = write(step.formula, TEXT)
        panels = [self.panel(v.name, v) for v in operands if np.ndim(v.data)]
        panels += [
            self.panel(v.name, v, "value", step.moving if v is result else None, result=True)
            for v in operation.results
        ]
        return {
            "phase": "forward",
            "title": f"Forward: {names} = {text}",
            "say": f"{names} is computed by {operation.name}: {names} = {text}"
            f"⟨{self.equals(result, 'value')}⟩.",
            "math": lines,
            "arrows": self.arrows(operation.key, range(len(operation.operands))),
            "lit": [v.key for v in operation.results],
            "values": [v.key for v in operation.results],
            "show": panels,
            "within": self.within(operation),
            "source": _source(operation.line),
            "ask": self.question(names, result, "value"),
            "sides": self.sides(operation),
        }

    def within(self, operation: OpCall) -> list[str]:
        """Return the modules around an operation that the picture has a frame for."""
        around = operation.module.around() if operation.module else []
        return [m.key for m in around if m in self.picture.modules]

    def arrows(self, key: str, positions: Iterable[int]) -> list[str]:
        """Return the arrows of an operation's operands; a bare number has none."""
        drawn = self.picture.arrows
        return [drawn[key, position] for position in positions if (key, position) in drawn]

    def backward(self, edge: Edge, i: int) -> dict[str, Any]:
        """Return the frame of one application of a rule."""
        operand, operation = edge.operand, edge.operation
        product = contribution(self.derivation, edge)
        formula = write(product, TEXT)
        if product.head == "contraction":  # of one element: it says which
            formula = f"the sum {' = '.join(by_index(self.derivation, edge, TEXT))}"
        say = f"Step {i} back: from {edge.sender} to {edge.receiver}. The contribution is {formula}"
        more = "".join(f" {remark[0].upper()}{remark[1:]}." for remark in edge.remarks)
        more += _count(edge)
        back = f"Backward {i} of {len(self.derivation.edges)}"
        about = f"the contribution to ∂{self.root}/∂{operand.name}"
        return {
            "phase": "backward",
            "title": f"{back}: {edge.sender} → {edge.receiver}",
            "say": f"{say}⟨{self.equals(edge, 'contribution')}⟩.{more}",
            **({"beyond": self.beyond(edge, i) + more} if self.sides(edge) else {}),
            "math": self.chain_rule(edge, product),
            "arrows": self.arrows(operation.key, [edge.position]),
            "from": [v.key for v in operation.results],
            "lit": [operand.key],
            "grads": {operand.key: [self.of(edge, "after")[0], edge.arrived, edge.expected]},
            "show": self.factors(edge, product),
            "within": self.within(operation),
            "source": _source(operation.line),
            "ask": self.question(about, edge, "contribution"),
            "sides": self.sides(edge),
        }

    def beyond(self, edge: Edge, i: int) -> str:
        """Say what is known of a step when a change of the numbers has crossed a kink."""
        return (
            f"Step {i} back: from {edge.sender} to {edge.receiver}. The change has crossed a kink "
            f"of {edge.operation.name}, so the formula of its derivative may be another. The "
            f"contribution is {self.said(edge, 'contribution')}."
        )

    def sides(self, of: Any) -> list[int]:
        """Return the numbers of the outputs that tell on which side of a kink a step is."""
        return self.living.sides.get(of, []) if self.living is not None else []

    def chain_rule(self, edge: Edge, product: Formula) -> list[dict[str, Any]]:
        """Return the formulas of one application: upstream, local, product, sum."""
        root, operand = self.root, edge.operand
        lines = [
            _line("upstream", [MATHML.partial(root, v.name), self.mathml(v, "gradient")])
            for v in edge.operation.results[:NAMED]
        ]
        if edge.here is not None:
            parts = [MATHML.symbol(edge.sender), write(edge.here, MATHML)]
            lines.append(_line("here", parts, note=with_places(edge, TEXT)))
        because = since(edge, TEXT)
        whole = self.equation(product, self.mathml(edge, "contribution"))
        if edge.local is not None:
            local = self.equation(edge.local, self.mathml(edge, "local"))
            parts = [MATHML.local(edge.result.name, edge.by), *local]
            lines.append(_line("local derivative", parts, note=because, beyond=2))
            lines.append(_line("upstream · local", whole[:-1], beyond=0))
        elif edge.product.head != "contraction":
            lines.append(_line("by the rule", whole[:-1], note=because, beyond=0))
        if edge.index is not None:
            lines.append(_line("by index", list(by_index(self.derivation, edge, MATHML))))
        if not np.ndim(edge.contribution):
            lines.append(_line("contribution", whole[-1:], True))
        if edge.before is not None:
            ways = ("before", "contribution", "after")
            old, new, both = (self.mathml(edge, which) for which in ways)
            new = new if np.ndim(edge.contribution) else f"⟪{new}⟫"
            parts = [MATHML.partial(root, operand.name), MATHML.infix(old, "+", new), both]
            lines.append(_line("old + new", parts, True))
        return lines

    def factors(self, edge: Edge, product: Formula) -> list[dict[str, Any]]:
        """Return the arrays of one application: what goes in, and what comes out."""
        root, operand = self.root, edge.operand
        sent = edge.operation.results[:NAMED]
        panels = [self.panel(f"upstream ∂{root}/∂{v.name}", v, "gradient") for v in sent]
        moving = edge.moving
        if edge.local is None:
            others = dict.fromkeys(v for v in edge.operation.operands if v is not operand)
            if edge.index is not None:  # those that stand in the sum, or the operand itself twice
                others = dict.fromkeys(edge.factors)
            panels += [self.panel(v.name, v) for v in others]
        else:
            panels.append(
                self.panel(f"local {TEXT.local(edge.result.name, edge.by)}", edge, "local")
            )
            if edge.product.head != "sum":
                moving = Formula("multiply", edge.contribution, "", product.arguments)
        name = f"∂{root}/∂{operand.name}"
        panels.append(self.panel(f"contribution to {name}", edge, "contribution", moving, True))
        if edge.index is not None:
            arrays = [self.of(edge.result, "gradient")[0]]
            arrays += [self.of(v, "value")[0] for v in edge.factors]
            spec = edge.index.parameters["contraction"].as_data()
            panels[-1]["sum"] = {"arrays": arrays, **spec}
        if edge.before is not None:
            panels.append(self.panel(f"{name}: old + new", edge, "after", None, True))
        return panels

    def panel(
        self,
        label: str,
        of: Any,
        which: str = "value",
        moving: Formula | None = None,
        result: bool = False,
    ) -> dict[str, Any]:
        """Return an array to show, with the derivation of each element where there is one."""
        number, data = self.of(of, which)
        panel: dict[str, Any] = {"label": label, "data": number, "result": result}
        if moving is not None and np.ndim(data) and moving.head not in ("rule", "fold"):
            followed = self.followed(moving, list(_shown_places(np.shape(data))))
            if followed is not None:
                panel["elements"] = followed
        return panel

    def followed(self, moving: Formula, every: list[tuple[int, ...]]) -> list[Any] | None:
        """Return the formula of each element; None where there is no room for all of them."""
        follower, found, left = Follower(), [], self.left
        for i, index in enumerate(every):
            found.append(self.element(follower.follow(moving, index)))
            left -= len(str(found[-1]))
            if left < 0 or (i == 0 and (self.left - left) * len(every) > 2 * self.left):
                return None
        self.left = left
        return found

    def element(self, formula: Formula) -> Any:
        """Return an element's formula: one template serves for the names and the numbers."""
        text = self.filled(formula, TEXT)
        names = write(formula, TEXT)
        if isinstance(text, dict):
            return [names, text]
        return text if self.slots.named(text) == names else [names, text]

    def question(self, what: str, of: Any, which: str) -> dict[str, Any] | None:
        """Return what the learner is asked: a number, or the largest element of an array."""
        number, data = self.of(of, which)
        array = np.asarray(data)
        if array.dtype.kind not in "fiu" or not array.size:
            return None
        if not array.ndim:
            return {"what": what, "data": number, "element": 0} if np.isfinite(array) else None
        sizes = np.abs([np.nan_to_num(array[p]) for p in _shown_places(array.shape)])
        largest = int(np.argmax(sizes))
        place = np.unravel_index(largest, [min(n, SHOWN) for n in array.shape])
        if not np.isfinite(array[place]):
            return None
        return {"what": what, "data": number, "element": largest}

    def paths(self) -> dict[str, Any] | None:
        """Return, for the inputs, which arrows lead from there to the result, path by path."""
        d = self.derivation
        onward: dict[GraphValue, list[Edge]] = {}
        for edge in d.edges:
            onward.setdefault(edge.operand, []).append(edge)
        found = []
        for value in d.inputs:
            routes = _routes(value, onward) if value in self.shown else None
            if routes:
                edges = [(e.operation.key, e.position) for route in routes for e in route]
                names = [[value.name, *(e.sender for e in route)] for route in routes]
                arrows = [self.picture.arrows[e] for e in dict.fromkeys(edges)]
                found.append({"name": value.name, "arrows": arrows, "routes": names})
        return {"paths": found} if found else None


# -- pieces ------------------------------------------------------------------------------


def _routes(value: GraphValue, onward: dict[GraphValue, list[Edge]]) -> list[list[Edge]] | None:
    """Return every path from a value to the result; None if there are too many to look at."""
    done: list[list[Edge]] = []
    begun: list[list[Edge]] = [[e] for e in onward.get(value, [])]
    while begun:
        path = begun.pop(0)
        onwards = onward.get(path[-1].result, [])
        done += [] if onwards else [path]
        begun += [[*path, edge] for edge in onwards]
        if len(done) + len(begun) > PATHS or len(path) > LONGEST:
            return None
    return done


def _line(
    label: str, parts: list[Any], reveals: bool = False, note: str = "", beyond: int | None = None
) -> dict[str, Any]:
    """Return a labelled equation.

    One that `reveals` hides in predict mode. Beyond a kink, a rule may be another: of a line with
    `beyond` its first and last part are shown then; if that is 0, nothing is.
    """
    line = {"label": label, "parts": parts, "reveals": reveals, "note": note}
    return line if beyond is None else {**line, "beyond": beyond}


def _count(edge: Edge) -> str:
    """Say how many contributions have arrived, where there is more than one."""
    if edge.expected < 2:
        return ""
    name = edge.operand.name
    count = f" {edge.arrived} of {edge.expected} contributions to {name} have arrived; "
    if edge.ready:
        return f"{count}all are here, so {name} is ready to pass its gradient on."
    return (
        f"{count}{name} waits for {edge.expected - edge.arrived} more, and passes nothing on "
        "before that. An order in which nothing is passed on too early is called topological."
    )


def _list(values: list[GraphValue]) -> str:
    """Name values, as many as one reads."""
    names = [v.name for v in values[:NAMED]]
    if len(values) > NAMED:
        names.append(f"and {len(values) - NAMED:,} more")
    return ", ".join(names)


def _shown_places(shape: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
    return np.ndindex(tuple(min(n, SHOWN) for n in shape))


def _source(line: str | None) -> dict[str, str] | None:
    """Return the place in the program, and what stands there."""
    if line is None:
        return None
    file, _, row = line.rpartition(":")
    return {"place": where(line), "code": linecache.getline(file, int(row)).strip()}
