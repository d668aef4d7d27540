"""A derivation as equations, in whichever notation: what is equal to what, and why.

>>> from autograd_lite import Tensor
>>> from autograd_lite.lesson.derivation import derive, read
>>> from autograd_lite.lesson.notation import TEXT
>>> x = Tensor(2.0, requires_grad=True, name="x")
>>> for e in equations(derive(read(np.sin(x) * 3.0)), TEXT).gradients:
...     print(TEXT.equation([e.left, *e.right]))
∂t2/∂x = t2′(t1) · t1′(x)
∂t2/∂x = 3 · cos(x)
∂t2/∂x ≈ -1.248
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..visualize.graph import GraphValue
from .derivation import Derivation, Edge, in_one_line, paths
from .formula import Formula, apply, gradient
from .forward import ForwardStep, named
from .notation import Notation, Rounded, is_rounded
from .simplifying import simplify
from .writing import write


@dataclass(slots=True)
class Equation:
    """One line.

    Attributes
    ----------
    left
        What is computed; empty for a remark on the line before.
    right
        What it is equal to, one after the other.
    note
        What to say behind it.
    adds
        Whether it is added to what there is, `+=`.
    """

    left: str
    right: list[str]
    note: str = ""
    adds: bool = False


class Equations(NamedTuple):
    """The three parts of a derivation."""

    forward: list[Equation]
    backward: list[Equation]
    gradients: list[Equation]


def equations(derivation: Derivation, n: Notation) -> Equations:
    """Write a derivation as equations in a notation."""
    root = derivation.root.name
    given = [v for v in derivation.given if named(v).head == "symbol"]
    forward = [Equation(n.symbol(v.name), [n.array(v.data)]) for v in given]
    forward += [_step(step, n) for step in derivation.steps]
    begins = derivation.graph.roots
    backward = [Equation(n.partial(root, v.name), [n.array(derivation.gradients[v])])
                for v in begins if v in derivation.gradients]  # fmt: skip
    for edge in derivation.edges:
        backward += _edge(derivation, edge, n)
    found = [e for v in derivation.inputs for e in of_input(derivation, v, n)]
    return Equations(forward, backward, found)


def _step(step: ForwardStep, n: Notation) -> Equation:
    names = ", ".join(n.symbol(v.name) for v in step.operation.results)
    if len(step.operation.results) > 1:
        return Equation(names, [write(step.formula, n)])
    return Equation(names, equal(step.formula, step.result.data, n))


def _edge(derivation: Derivation, edge: Edge, n: Notation) -> list[Equation]:
    root, operand = derivation.root.name, edge.operand.name
    lines = []
    because = since(edge, n)
    if edge.here is not None:
        lines.append(Equation(n.symbol(edge.sender), [write(edge.here, n)], with_places(edge, n)))
    if edge.local is not None:
        local = equal(edge.local, edge.local.value, n)
        lines.append(Equation(n.local(edge.result.name, edge.by), local, because))
    if edge.index is not None:
        left, right = by_index(derivation, edge, n)
        lines.append(Equation(left, [right]))
    adding = edge.before is not None
    total = n.partial(root, operand)
    product = [n.array(edge.contribution)]
    if edge.product.head != "contraction":
        product = equal(contribution(derivation, edge), edge.contribution, n)
    lines.append(Equation(total, product, "" if edge.local else because, adds=adding))
    lines += [Equation("", [], n.words(remark)) for remark in edge.remarks]
    if adding:
        count = n.words(f"({edge.arrived} of {edge.expected} contributions)")
        lines.append(Equation(total, [old_and_new(edge, n), n.array(edge.after)], count))
    return lines


def of_input(derivation: Derivation, value: GraphValue, n: Notation) -> list[Equation]:
    """Write the gradient of an input: as the ways that lead to it, as a formula, as a number."""
    left = n.partial(derivation.root.name, value.name)
    if value not in derivation.gradients:
        return [Equation(left, [n.number("0")], n.words("(nothing arrives)"))]
    lines = []
    ways = paths(derivation, value)
    if ways:
        products = [n.chain([n.local(e.result.name, e.by) for e in way], n.times) for way in ways]
        chain = n.chain(products, "+") if len(products) > 1 else products[0]
        lines.append(Equation(left, [chain]))
        lines.append(Equation(left, [write(total(ways), n)]))
    return [*lines, Equation(left, [n.array(derivation.gradients[value])])]


def how_to_read(derivation: Derivation) -> str:
    """Say what the two kinds of derivatives are, in text, with names of this program."""
    root = derivation.root.name
    step = next((e for e in derivation.edges if e.local is not None), None)
    input_name = derivation.inputs[0].name if derivation.inputs else root
    text = (
        f"∂{root}/∂{input_name} is the gradient of {input_name}: how fast {root} changes with it, "
        "along all ways together."
    )
    if step is not None:
        of, by = step.result.name, step.by
        text += (
            f" {of}′({by}) is a local derivative: how fast {of} changes with {by} in this one "
            "operation, all else held still."
        )
    return text


def old_and_new(edge: Edge, n: Notation) -> str:
    """Write the sum of what has arrived before and of a contribution."""
    old, new = n.array(edge.before), n.array(edge.contribution)
    held = n.parentheses(new) if _negative(edge.contribution) else new
    text = n.infix(old, "+", held)
    return Rounded(text) if Rounded in map(type, (old, new)) else text


# -- what the readers share ---------------------------------------------------------------


def equal(formula: Formula, value: Any, n: Notation) -> list[str]:
    """Write a formula, the same with numbers, and what it comes to; nothing twice."""
    parts = [write(formula, n)]
    if scalars(formula):
        numbers = write(formula, n, numbers=True)
        parts.append(Rounded(numbers) if rounds(formula) else numbers)
    return list(dict.fromkeys([*parts, n.array(value)]))


def rounds(formula: Formula) -> bool:
    """Whether one of the numbers in a formula has been rounded."""
    if formula.head in ("symbol", "gradient"):
        return is_rounded(formula.value)
    return any(map(rounds, formula.arguments))


def scalars(formula: Formula) -> bool:
    """Whether a formula can be computed by hand: there are only single numbers in it."""
    return (
        formula.head != "fold"
        and np.ndim(formula.value) == 0
        and all(map(scalars, formula.arguments))
    )


def contribution(derivation: Derivation, edge: Edge) -> Formula:
    """Return a contribution as upstream · local, where it is such a product; else as its rule."""
    if edge.local is None:
        return edge.product
    g = gradient(derivation.root.name, edge.result.name, edge.upstream)
    product = apply("multiply", g, edge.local, value=np.multiply(g.value, edge.local.value))
    if edge.product.head == "sum" and np.shape(edge.contribution) != np.shape(product.value):
        return apply("sum", product, value=edge.contribution, **edge.product.parameters)
    return Formula("multiply", edge.contribution, "", product.arguments)


def with_places(edge: Edge, n: Notation) -> str:
    """Say what the places of an operation are."""
    equation = n.equation([*map(n.symbol, edge.same), n.symbol(edge.operand.name)])
    return n.where(equation)


def by_index(derivation: Derivation, edge: Edge, n: Notation) -> tuple[str, str]:
    """Write an element of a contribution, and the sum of products that it is."""
    assert edge.index is not None
    places = ", ".join(edge.index.parameters["contraction"].written().out)
    name = f"{edge.operand.name}[{places}]" if places else edge.operand.name
    return n.partial(derivation.root.name, name), write(edge.index, n)


def since(edge: Edge, n: Notation) -> str:
    """Say why a rule is what it is at these numbers."""
    notes = list(dict.fromkeys(write(note, n) for note in edge.notes))
    return n.since(notes) if notes else ""


def total(ways: list[list[Edge]]) -> Formula:
    """Add up the products along all ways."""
    first, *others = map(in_one_line, ways)
    for other in others:
        sum_of_both = apply("add", first, other, value=np.add(first.value, other.value))
        first = simplify(sum_of_both)
    return first


def _negative(value: Any) -> bool:
    return np.ndim(value) == 0 and np.asarray(value).dtype.kind in "fiu" and bool(value < 0)
