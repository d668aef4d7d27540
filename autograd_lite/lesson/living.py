"""A derivation as a program that a page runs: from its inputs to every number that it shows.

The recorded operations are applied again, to Tensors of the tape's own kind, and so is the rule
of each edge; what comes of it is one program, which the JavaScript back end writes.

>>> from autograd_lite import Tensor
>>> from autograd_lite.lesson.derivation import derive, read
>>> x = Tensor(3.0, requires_grad=True, name="x")
>>> derivation = derive(read(x * x))
>>> living = alive(derivation)
>>> [v.name for v in living.inputs], living.number[derivation.root, "value"]
(['x'], 1)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..codegen.expand import NotWritable
from ..codegen.program import read
from ..codegen.to_javascript import javascript
from ..helpers import conform
from ..modes import everything
from ..program import evaluate, reverse
from ..tape import next_number
from ..tensor import Tensor, constant
from ..visualize.graph import GraphValue, OpCall
from .derivation import Derivation, Edge
from .formula import arguments_of

__all__ = ["Living", "NotWritable", "alive"]

SIDES = {"sign", "floor", "ceil", "trunc", "rint", "round", "floor_divide", "heaviside"}
"""Primitives whose result jumps: it says on which side of a kink a number is."""

SHORT = 40_000
"""Letters of a program that may stand on the page beside another that does the same."""


@dataclass(slots=True)
class Living:
    """A derivation as JavaScript.

    Attributes
    ----------
    text
        The program; see `autograd_lite.codegen.to_javascript`.
    forward
        The program of the result alone, as one number: its elements times the seed. Empty where
        it is long: then `total` serves.
    total
        The number of the output that is the same.
    inputs
        The values that it takes, in order: all floating-point numbers at the start.
    number
        The number of an output, by what it is of (a `GraphValue` or an `Edge`) and which:
        ``"value"`` or ``"gradient"``; ``"contribution"``, ``"before"``, ``"after"``, ``"local"``.
    shapes
        Of each output.
    sides
        For each step and edge (by its operation, or itself), the numbers of those outputs that
        tell on which side of a kink it is.
    stays
        The names of whole numbers and truths that the program has made from its numbers, in a
        way that is not followed.
    """

    text: str = ""
    forward: str = ""
    total: int = 0
    inputs: list[GraphValue] = field(default_factory=list)
    number: dict[tuple[Any, str], int] = field(default_factory=dict)
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    sides: dict[Any, list[int]] = field(default_factory=dict)
    stays: list[str] = field(default_factory=list)


@np.errstate(all="ignore")
def alive(derivation: Derivation) -> Living:
    """Write a derivation as a program.

    Raises
    ------
    NotWritable
        If an operation, or the rule of one, has no words in JavaScript, or there are too many.
    """
    return _Reapplied(derivation).living()


class _Reapplied:
    """The recorded program, applied again."""

    def __init__(self, derivation: Derivation) -> None:
        self.shown = derivation
        self.whole = derivation.whole or derivation
        self.known: dict[GraphValue, Any] = {}
        self.bundles: dict[OpCall, Any] = {}
        self.gradients: dict[GraphValue, Any] = {}
        self.contributions: dict[Edge, Any] = {}
        self.locals: dict[Edge, Any] = {}
        self.joint: dict[tuple[OpCall, str], Any] = {}
        self.edges: dict[OpCall, list[Edge]] = {}
        for edge in self.whole.edges:
            self.edges.setdefault(edge.operation, []).append(edge)
        self.roots: list[Any] = []
        self.seen = {step.operation for step in derivation.steps} | {
            e for edge in derivation.edges for e in derivation.made_of.get(edge, ([edge], []))[0]
        }
        self.made = Living()

    def living(self) -> Living:
        """Return the derivation as JavaScript."""
        with everything():
            inputs = list(self.begin())
            operations = self.whole.graph.operations
            evaluate(operations, self.known, self.forward)
            root = self.known[self.whole.root]
            self.gradients[self.whole.root] = constant(np.asarray(_wide(self.whole.seed)))
            reverse(operations, self.gradients, self.backward)
            self.name_outputs()
            total = np.sum(root * np.asarray(_wide(self.whole.seed)))
            self.made.total = self.output(total)
        self.made.text = javascript(read(self.roots, inputs)).text
        forward = javascript(read([total], inputs)).text
        self.made.forward = forward if len(forward) <= SHORT else ""
        return self.made

    def begin(self) -> Iterator[Tensor]:
        """Yield the inputs: what the user has a name for, and what may be any real number."""
        for v in self.whole.graph.values:
            if v.maker is not None:
                continue
            if v.tensor is None and np.ndim(v.data) == 0:
                self.known[v] = v.data  # a number of the program's text
                continue
            if v.asks is not None:
                continue
            self.known[v] = t = constant(np.asarray(_wide(v.data)))
            unnamed = v.tensor is None and re.fullmatch(r"c\d+", v.name) is not None
            if not unnamed and self.is_real(v):
                self.known[v] = t = constant(np.asarray(v.data, np.float64))
                t.requires_grad_()  # so that whatever would drop it from the tape says so
                self.made.inputs.append(v)
                yield t
            elif v.tensor is not None and t.dtype.kind in "bi":
                self.made.stays.append(v.name)  # who knows from what the program made it

    def is_real(self, v: GraphValue) -> bool:
        """Whether a value may be any real number: whole numbers too, where they only compute."""
        kind = np.asarray(v.data).dtype.kind
        if kind not in "iu":
            return kind == "f"
        uses = [
            o.primitive.rules.keys() >= {o.operand_names[i]} and o.primitive.joint is None
            for o in self.whole.graph.operations
            for i, operand in enumerate(o.operands)
            if operand is v
        ]
        return bool(uses) and all(uses)

    def value(self, v: GraphValue) -> Any:
        """Return what has become of a value; a condition is asked again."""
        if v not in self.known:
            self.known[v] = self.asked_again(v)
        return self.known[v]

    def asked_again(self, v: GraphValue) -> Any:
        """Evaluate the condition behind a value again; keep a value that cannot be followed."""
        try:
            made = self.asked(v.asks)
            if np.array_equal(made.data, v.data):
                return made
        except Exception:  # there is no more to it than that it cannot be asked again
            pass
        self.made.stays.append(v.name)
        return constant(np.asarray(v.data))

    def asked(self, x: Any) -> Any:
        """Return a condition, evaluated again on its operands."""
        if isinstance(x, tuple):
            question, of = x
            return question.apply(*map(self.asked, of))
        if isinstance(x, GraphValue):
            return self.value(x)
        if not isinstance(x, Tensor):
            return x
        known = next((v for v in self.whole.graph.values if v.tensor is x), None)
        if known is not None:
            return self.value(known)
        if x.tape.primitive is None:
            return constant(np.asarray(_wide(x.data)))
        given = zip(x.tape.operands, x.tape.values, strict=True)
        operands = [self.asked(t) if isinstance(t, Tensor) else a for t, a in given]
        return x.tape.primitive.apply(*operands, **x.tape.parameters)

    def forward(self, operation: OpCall, operands: list[Any]) -> list[Any]:
        """Apply an operation."""
        if operation.primitive.draws:  # what was drawn stays
            return [constant(np.asarray(_wide(v.data))) for v in operation.results]
        pairs = zip(operation.operands, operands, strict=True)
        operands = [x if v.asks is None else self.value(v) for v, x in pairs]
        self.bundles[operation] = made = operation.primitive.apply(
            *operands, **operation.parameters
        )
        results = operation.used(made)
        for t in results:
            if _is_side(t, operation.name):
                self.side(operation, t)
        return results

    def backward(self, operation: OpCall, upstream: list[Any]) -> Iterator[tuple[GraphValue, Any]]:
        """Yield what the rule of each edge brings to its operand."""
        primitive = operation.primitive
        ones = [] if primitive.outputs else [np.ones_like(upstream[0])]
        for edge in self.edges.get(operation, []):
            begun = abs(next_number())
            made = self.rule(edge, upstream, "contribution")
            name = primitive.operands[0 if primitive.variadic else edge.position]
            made = conform(made, self.known[edge.operand], primitive, name)
            self.contributions[edge] = made
            for t in _made_since(begun, made):
                self.side(edge, t)
            if edge.local is not None:
                self.locals[edge] = self.rule(edge, ones, "local")
            yield edge.operand, made

    def rule(self, edge: Edge, upstream: list[Any], of: str) -> Any:
        """Return what a rule makes of the gradients of an operation's results."""
        operation, primitive = edge.operation, edge.operation.primitive
        key = operation, of
        if primitive.joint is not None and key in self.joint:
            return self.joint[key][edge.position]
        operands = [self.value(v) for v in operation.operands]
        named = dict(zip(primitive.operands, operands, strict=False))
        if primitive.variadic:
            named = {primitive.operands[0]: operands}
        g: Any = upstream[0]
        if primitive.outputs:
            g = [np.zeros_like(t.data) for t in self.bundles[operation]]
            for i, arrived in zip(operation.indices, upstream, strict=True):
                g[i] = g[i] if arrived is None else arrived
        offered = {"g": g, "out": self.bundles[operation], **named}
        rule = primitive.joint or primitive.rules[primitive.operands[edge.position]]
        made = rule(**arguments_of(rule, offered | operation.parameters))
        if primitive.joint is None:
            return made
        self.joint[key] = made
        return made[edge.position]

    # -- what comes out ------------------------------------------------------------------------

    def output(self, x: Any) -> int:
        """Return the number of an output."""
        self.roots.append(_tensor(x))
        self.made.shapes.append(np.shape(x))
        return len(self.roots) - 1

    def side(self, of: Any, t: Any) -> None:
        """Note what tells on which side of a kink a step is, if the page shows that step."""
        if of not in self.seen:
            return
        self.made.sides.setdefault(of, []).append(self.output(t))

    def name_outputs(self) -> None:
        """Give each number that is shown its place among the outputs."""
        number = self.made.number
        for v in self.shown.graph.values:
            if np.ndim(v.data) or v.tensor is not None:
                number[v, "value"] = self.output(self.value(v))
        for v in dict.fromkeys((*self.shown.graph.values, *self.shown.inputs)):
            if v in self.gradients:
                number[v, "gradient"] = self.output(self.gradients[v])
        arrived: dict[GraphValue, list[Edge]] = {}
        for edge in self.whole.edges:
            arrived.setdefault(edge.operand, []).append(edge)
        for edge in self.shown.edges:
            own, so_far = self.shown.made_of.get(edge, ([edge], arrived[edge.operand]))
            if not self.shown.made_of:
                so_far = so_far[: so_far.index(edge) + 1]
            number[edge, "contribution"] = self.output(self.added(own))
            number[edge, "after"] = self.output(self.before(edge.operand, so_far))
            if edge.before is not None:
                number[edge, "before"] = self.output(
                    self.added([e for e in so_far if e not in own])
                )
            if edge.local is not None:
                number[edge, "local"] = self.output(self.locals[own[0]])
            for e in own:
                if e is not edge and e in self.made.sides:
                    self.made.sides.setdefault(edge, []).extend(self.made.sides[e])

    def before(self, value: GraphValue, edges: list[Edge]) -> Any:
        """Return what has arrived at a value by these edges; the root begins with the seed."""
        seed = constant(np.asarray(_wide(self.whole.seed)))
        if value is not self.whole.root:
            return self.added(edges)
        return seed + self.added(edges) if edges else seed

    def added(self, edges: list[Edge]) -> Any:
        """Add up contributions, in order."""
        total = self.contributions[edges[0]]
        for edge in edges[1:]:
            total = total + self.contributions[edge]
        return total


def _tensor(x: Any) -> Any:
    return x if isinstance(x, Tensor) else constant(np.asarray(x))


def _wide(data: Any) -> Any:
    """Return a value in double precision."""
    array = np.asarray(data)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _is_side(t: Tensor, name: str) -> bool:
    if isinstance(t._value, tuple):  # several results
        return False
    return t.dtype.kind in "bi" or name in SIDES


def _made_since(begun: int, made: Any) -> Iterator[Tensor]:
    """Yield those values that a rule has made which tell of a kink."""
    waiting, seen = [made], set[int]()
    while waiting:
        t = waiting.pop()
        if not isinstance(t, Tensor) or id(t) in seen or abs(t._number) <= begun:
            continue
        seen.add(id(t))
        of = t.tape
        if of.primitive is None:
            continue
        if _is_side(t, of.primitive.name):
            yield t
        elif of.primitive.name == "max_unpool":  # whichever element won
            part = np.ones_like(of.operands[0].data)
            yield of.primitive.apply(part, of.operands[1], **of.parameters)
        waiting += of.operands
