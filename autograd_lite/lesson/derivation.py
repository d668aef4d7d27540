"""The chain rule, applied to a graph one edge at a time, with a note of every number.

`derive` does what ``backward()`` does, in the same order and by the same rules, but it
keeps what ``backward()`` throws away: for each edge the upstream gradient, the local
derivative, their product, and the sum that the product was added to.

>>> from autograd_lite import Tensor
>>> x = Tensor(2.0, requires_grad=True, name="x")
>>> f = x * x
>>> for edge in derive(read(f)).edges:
...     print(edge.result.name, edge.operand.name, float(edge.contribution), float(edge.after))
t1 x 2.0 2.0
t1 x 2.0 4.0
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..backward import seed_for
from ..errors import NoGradientError
from ..program import reverse
from ..tensor import Tensor
from ..visualize.fold import flat
from ..visualize.graph import Graph, GraphValue, OpCall, read
from .formula import Formula, apply, renamed
from .forward import ForwardStep, applied, placed, step_of
from .rules import Terms, terms
from .simplifying import simplify

TERMS = [f.name for f in dataclasses.fields(Terms)]

PLACES = {
    "multiply": ("factor", "factor"),
    "matmul": ("factor", "factor"),
    "add": ("term", "term"),
    "subtract": ("term", "term"),
    "divide": ("numerator", "denominator"),
    "power": ("base", "exponent"),
}
"""What the two operands of an operation are called."""

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")

__all__ = ["Derivation", "Edge", "ForwardStep", "derive", "read"]


@dataclass(slots=True, eq=False, kw_only=True)
class Edge(Terms):
    """One application of the chain rule: from a result back to one of its operands.

    Attributes
    ----------
    step
        The operation.
    position
        Which of its operands it is about.
    operand
        Where the contribution goes.
    upstream
        The gradient of the result, which is complete by now.
    contribution
        The number or numbers that arrive at the operand.
    before, after
        The gradient of the operand without it (None if it is the first) and with it.
    arrived, expected
        How many contributions the operand has now, and how many it waits for.
    """

    step: ForwardStep
    position: int
    operand: GraphValue
    upstream: Any
    contribution: Any
    before: Any = None
    after: Any = None
    arrived: int = 0
    expected: int = 0

    @property
    def operation(self) -> OpCall:
        """The operation whose rule is applied."""
        return self.step.operation

    @property
    def result(self) -> GraphValue:
        """The value from which the gradient comes; of several outputs, the first."""
        return self.step.result

    @property
    def sender(self) -> str:
        """What to call the results that the gradient comes from."""
        return ", ".join(value.name for value in self.operation.results)

    @property
    def receiver(self) -> str:
        """What to call the operand; which one it is, where the operation has it twice."""
        if self.position not in self.places:
            return self.operand.name
        return f"{self.operand.name} ({self.place} {self.by})"

    @property
    def by(self) -> str:
        """What the local derivative is by: the operand, or its place."""
        return self.places.get(self.position, self.operand.name)

    @property
    def place(self) -> str:
        """What to call the place of the operand in the operation."""
        first, second = PLACES.get(self.operation.name, ("operand", "operand"))
        if first != second:
            return second if self.position else first
        nth = ORDINALS[self.position] if self.position < len(ORDINALS) else f"{self.position + 1}th"
        return f"{nth} {first}"

    @property
    def here(self) -> Formula | None:
        """The operation, with its places by name; None where each operand stands in one."""
        if not self.places:
            return None
        given = [placed(self.places, i, v) for i, v in enumerate(self.operation.operands)]
        return applied(self.operation, given)

    @property
    def factors(self) -> list[GraphValue]:
        """The operands that stand beside the upstream gradient in the sum that `index` is."""
        assert self.index is not None
        operands = self.operation.operands
        called = {v.name: v for o in flat([self.operation]) for v in o.operands}
        called |= {name: operands[i] for i, name in self.places.items()}
        return [called[f.name] for f in self.index.arguments if f.head == "symbol"]

    @property
    def same(self) -> list[str]:
        """The places that are the operand of this edge, by name."""
        operands = self.operation.operands
        return [name for i, name in self.places.items() if operands[i] is self.operand]

    @property
    def ready(self) -> bool:
        """Whether the operand's gradient is complete, so that it may be passed on."""
        return self.arrived == self.expected


@dataclass(slots=True, eq=False)
class Derivation:
    """The forward pass and the backward pass of one result.

    Attributes
    ----------
    graph
        The values and operations.
    root
        The value whose gradients are derived.
    seed
        The gradient that the backward pass begins with.
    has_run
        Whether ``backward()`` has run from the root in the user's program.
    steps
        The forward pass, in order.
    edges
        The backward pass, in order.
    gradients
        The complete gradient of every value that gets one.
    whole
        The derivation that this is a part of, where it is one.
    made_of
        Of a part: for each of its edges those of the whole that it adds up, and all that have
        arrived with it.
    """

    graph: Graph
    root: GraphValue
    seed: Any
    has_run: bool
    steps: list[ForwardStep]
    edges: list[Edge] = field(default_factory=list)
    gradients: dict[GraphValue, Any] = field(default_factory=dict)
    whole: Derivation | None = None
    made_of: dict[Edge, tuple[list[Edge], list[Edge]]] = field(default_factory=dict)

    @property
    def taken(self) -> set[str]:
        """The names that the program has, which no symbol of ours may be."""
        flats = (v for o in flat(self.graph.operations) for v in (*o.operands, *o.results))
        return {v.name.partition("[")[0] for v in (*self.graph.values, *flats)}

    @property
    def given(self) -> list[GraphValue]:
        """The values that no step makes: inputs, constants, and what comes from elsewhere."""
        made = {v for step in self.steps for v in step.operation.results}
        return [v for v in self.graph.values if v not in made]

    @property
    def inputs(self) -> list[GraphValue]:
        """The inputs, in the order in which they were used; those inside of folds too."""
        used = (v for o in flat(self.graph.operations) for v in o.operands)
        return [v for v in dict.fromkeys((*self.graph.values, *used)) if v.kind == "input"]


@np.errstate(all="ignore")  # the program had its warnings
def derive(graph: Graph, upstream: Any = None) -> Derivation:
    """Derive the gradients of a graph's root.

    Parameters
    ----------
    graph
        What `read` returned for one root.
    upstream
        The gradient to begin with. By default what ``backward()`` began with, else 1.

    Raises
    ------
    NoGradientError
        If the root does not depend on anything that requires a gradient.
    NonScalarBackwardError
        If the root is not a single number and no upstream gradient is known.
    """
    (root,) = graph.roots
    assert root.tensor is not None
    if not root.requires_grad:
        raise NoGradientError(
            f"{root.tensor._describe()} does not depend on anything that requires a gradient: "
            "make an input with requires_grad=True."
        )
    seed = seed_of(root.tensor, upstream)
    steps = [step_of(operation) for operation in graph.operations]
    derivation = Derivation(graph, root, seed, root.tensor.tape.upstream is not None, steps)
    gradients, taken = derivation.gradients, derivation.taken
    gradients[root] = seed
    step_for = {step.operation: step for step in steps}

    def visit(operation: OpCall, upstream: list[Any]) -> Iterator[tuple[GraphValue, Any]]:
        step = step_for[operation]
        arrived = np.zeros_like(step.result.data) if upstream[0] is None else upstream[0]
        for position, brought in enumerate(operation.vjp(upstream)):
            if brought is None:
                continue
            operand = operation.operands[position]
            contribution = np.array(brought)[()]  # a rule may hand on what it was given
            said = terms(root.name, step, position, upstream, contribution, taken)
            edge = Edge(
                **{name: getattr(said, name) for name in TERMS}, step=step, position=position,
                operand=operand, upstream=arrived, contribution=contribution,
                before=gradients.get(operand),
            )  # fmt: skip
            derivation.edges.append(edge)
            yield operand, contribution
            edge.after = gradients[operand]

    reverse(graph.operations, gradients, visit)
    _count(derivation.edges)
    for value in graph.values:
        value.gradient = gradients.get(value)
    return derivation


def _count(edges: list[Edge]) -> None:
    """Number the contributions to each value."""
    expected = Counter(edge.operand for edge in edges)
    arrived: Counter[GraphValue] = Counter()
    for edge in edges:
        arrived[edge.operand] += 1
        edge.arrived, edge.expected = arrived[edge.operand], expected[edge.operand]


def seed_of(root: Tensor, upstream: Any = None) -> Any:
    """Return the gradient that a backward pass begins with: as given, as it began, or 1."""
    begun = root.tape.upstream
    return begun if upstream is None and begun is not None else seed_for(root, upstream)


# -- the derivative in one line -----------------------------------------------------------


def paths(
    derivation: Derivation, value: GraphValue, most: int = 4, longest: int = 24
) -> list[list[Edge]] | None:
    """Return the ways from the root to a value, each as the edges along it.

    None where there are more than `most`, or one of more than `longest` edges, where a
    derivative on the way is not a number, or where not all edges are there.

    >>> from autograd_lite import Tensor
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> derivation = derive(read(x * np.sin(x)))
    >>> [[edge.result.name for edge in path] for path in paths(derivation, derivation.inputs[0])]
    [['t2'], ['t2', 't1']]
    """
    if derivation.whole is not None:
        return None
    arriving: dict[GraphValue, list[Edge]] = {}
    for edge in derivation.edges:
        arriving.setdefault(edge.operand, []).append(edge)
    found: list[list[Edge]] = []
    waiting: list[tuple[GraphValue, list[Edge]]] = [(value, [])]
    while waiting:
        here, path = waiting.pop()
        if here is derivation.root and path:
            found.append(path)
        for edge in reversed(arriving.get(here, [])):
            if edge.local is None or np.ndim(edge.operand.data):
                return None
            waiting.append((edge.result, [edge, *path]))
        if len(found) + len(waiting) > most or len(path) > longest:
            return None
    return found


def in_one_line(path: list[Edge]) -> Formula:
    """Multiply the local derivatives along a path, as a formula of the values."""
    total: Formula | None = None
    for edge in path:
        local = in_program(edge)
        if total is None:
            total = local
        else:
            value = np.multiply(total.value, local.value)
            total = simplify(apply("multiply", total, local, value=value))
    assert total is not None
    return total


def in_program(edge: Edge) -> Formula:
    """Return a local derivative with the program's names in place of those of its places."""
    assert edge.local is not None
    operands = edge.operation.operands
    return renamed(edge.local, {name: operands[i].name for i, name in edge.places.items()})
