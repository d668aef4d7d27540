"""A derivation in plain text, to be read from top to bottom and copied onto paper."""

from __future__ import annotations

import os
import textwrap
from typing import Any

import numpy as np

from ..visualize.graph import Value
from ..visualize.text import number, rows, summary
from .derivation import Derivation, Edge, Step, in_one_line, named, paths
from .formula import Formula, apply, gradient
from .notation import TEXT, write

WIDTH = 96


def to_text(derivation: Derivation) -> str:
    """Write a derivation as text."""
    root = derivation.root
    lines = [f"Forward: from the inputs to {root.name}", ""]
    lines += [f"  {line}" for line in _given(derivation)]
    for step in derivation.steps:
        lines += _step(step)
    lines += ["", f"Backward: from {root.name} to the inputs, one edge at a time", ""]
    lines.append(f"  ∂{root.name}/∂{root.name} = {show(derivation.seed)}, to begin with")
    for i, edge in enumerate(derivation.edges, 1):
        lines += ["", *_edge(derivation, edge, i)]
    lines += ["", "Gradients", ""]
    for value in derivation.inputs:
        lines += _gradient(derivation, value)
    lines += ["", *_state(derivation)]
    if any(np.ndim(v.data) for v in derivation.graph.values):
        lines += ["", "⊙ multiplies element by element, · is the product of matrices."]
    return "\n".join(lines)


def show(array: Any) -> str:
    """Write a number, a small array, or what a large array is like.

    >>> show(2.0), show(np.eye(2)), show(np.zeros((21, 4)))
    ('2', '[[1, 0], [0, 1]]', '(21, 4) array: min 0, mean 0, max 0')
    """
    a = np.asarray(array)
    if a.ndim == 0:
        return number(a)
    if rows(a) is not None:
        return _nested(a)
    facts = ", ".join(f"{fact} {value}" for fact, value in summary(a).items())
    return f"{a.shape} array: {facts}"


def _nested(a: Any) -> str:
    return number(a) if a.ndim == 0 else f"[{', '.join(map(_nested, a))}]"


def _given(derivation: Derivation) -> list[str]:
    """Return a line for each value that was there at the start."""
    given = [v for v in derivation.graph.values if v.maker is None]
    shown = [v for v in given if named(v).head == "symbol"]
    return [f"{v.name} = {show(v.data)}{'' if v.requires_grad else '   (constant)'}" for v in shown]


def numeric(formula: Formula) -> str | None:
    """Write a formula between numbers with the numbers in it; None where that says nothing new."""
    if not scalars(formula):
        return None
    text = write(formula, TEXT, numbers=True)
    return None if text in (number(formula.value), write(formula, TEXT)) else text


def scalars(formula: Formula) -> bool:
    """Whether a formula has nothing but single numbers in it."""
    return np.ndim(formula.value) == 0 and all(map(scalars, formula.arguments))


def equation(formula: Formula) -> str:
    """Write a formula, the same with numbers, and what it comes to.

    >>> from .formula import symbol
    >>> x = symbol("x", np.float64(2.0))
    >>> equation(apply("multiply", x, x, value=4.0))
    'x · x = 2 · 2 = 4'
    """
    parts = [write(formula, TEXT), numeric(formula), show(formula.value)]
    return " = ".join(dict.fromkeys(part for part in parts if part))


def _step(step: Step) -> list[str]:
    names = ", ".join(v.name for v in step.operation.results)
    if len(step.operation.results) > 1:
        values = [f"  {v.name} = {show(v.data)}" for v in step.operation.results]
        return [f"  {names} = {write(step.formula, TEXT)}", *values]
    shown = Formula(
        step.formula.head,
        step.result.data,
        step.formula.name,
        step.formula.arguments,
        step.formula.parameters,
    )
    line = f"  {names} = {equation(shown)}"
    if step.operation.line:
        line += f"   [{where(step.operation.line)}]"
    return [line]


def where(line: str) -> str:
    """Return the file and line of an operation, without the folders."""
    return os.path.basename(line)


def contribution(derivation: Derivation, edge: Edge) -> Formula:
    """Return a contribution as upstream · local, where it is such a product; else as its rule."""
    if edge.local is None:
        return edge.product
    g = gradient(derivation.root.name, edge.result.name, edge.upstream)
    product = apply("multiply", g, edge.local, value=np.multiply(g.value, edge.local.value))
    if edge.product.head == "sum" and np.shape(edge.contribution) != np.shape(product.value):
        return apply("sum", product, value=edge.contribution, **edge.product.parameters)
    return Formula("multiply", edge.contribution, "", product.arguments)


def _edge(derivation: Derivation, edge: Edge, i: int) -> list[str]:
    root, operand, sender = derivation.root.name, edge.operand, edge.sender
    lines = [f"  {i}. {sender} → {edge.receiver}      {operand.name} = {show(operand.data)}"]

    def row(what: str, text: str) -> None:
        indent = " " * 18
        wrapped = textwrap.wrap(f"{what:<14}{text}", WIDTH - 5, subsequent_indent=indent[:14])
        lines.extend(f"     {line}" for line in wrapped)

    for result in edge.operation.results:
        row("upstream", f"∂{root}/∂{result.name} = {show(derivation.gradients.get(result, 0.0))}")
    if edge.local is not None:
        row("local", f"∂{sender}/∂{operand.name} = {equation(edge.local)}{since(edge)}")
    product = contribution(derivation, edge)
    row("contribution", equation(product) + ("" if edge.local else since(edge)))
    for remark in edge.remarks:
        row("", remark)
    if edge.expected > 1:
        count = f"{edge.arrived} of {edge.expected} contributions"
        if edge.before is None:
            row(f"∂{root}/∂{operand.name}", f"{show(edge.after)}   ({count}: not complete yet)")
        else:
            total = f"{show(edge.before)} + {signed(edge.contribution)} = {show(edge.after)}"
            end = "complete" if edge.ready else "not complete yet"
            row(f"∂{root}/∂{operand.name}", f"{total}   (old + new; {count}: {end})")
    return lines


def signed(array: Any) -> str:
    """Write a number that stands after a plus sign."""
    text = show(array)
    return f"({text})" if text.startswith("-") else text


def since(edge: Edge) -> str:
    """Say why a rule is what it is at these numbers."""
    notes = dict.fromkeys(write(note, TEXT) for note in edge.notes)
    return f", since {' and '.join(notes)}" if notes else ""


def _gradient(derivation: Derivation, value: Value) -> list[str]:
    name = f"∂{derivation.root.name}/∂{value.name}"
    if value not in derivation.gradients:
        return [f"  {name}: nothing arrives"]
    lines = []
    ways = paths(derivation, value)
    if ways:
        chain = " + ".join(
            " · ".join(f"∂{edge.result.name}/∂{edge.operand.name}" for edge in way) for way in ways
        )
        if chain != name:
            lines += [f"  {name} = {chain}"]
        lines += [f"  {name} = {write(total(ways), TEXT)}"]
    return [*lines, f"  {name} = {show(derivation.gradients[value])}"]


def total(ways: list[list[Edge]]) -> Formula:
    """Add up the products along all ways."""
    first, *others = map(in_one_line, ways)
    for other in others:
        first = apply("add", first, other, value=np.add(first.value, other.value))
    return first


def _state(derivation: Derivation) -> list[str]:
    if derivation.has_run:
        return [f"{derivation.root.name}.backward() has run; this derivation changed no .grad."]
    return [
        f"{derivation.root.name}.backward() has not run: what stands in .grad is not from it. "
        "This derivation changed nothing."
    ]
