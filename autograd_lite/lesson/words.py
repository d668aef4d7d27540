"""A derivation in plain text, to be read from top to bottom and copied onto paper."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import Any

import numpy as np

from ..locations import without_folders
from ..visualize.birth import birth
from .derivation import Derivation, Edge
from .equations import (
    by_index,
    contribution,
    equal,
    how_to_read,
    of_input,
    old_and_new,
    since,
    with_places,
)
from .formula import Formula
from .forward import ForwardStep, named
from .notation import TEXT
from .writing import MANY, write

WIDTH = 96
show = TEXT.array


@np.errstate(all="ignore")  # the program had its warnings
def to_text(derivation: Derivation) -> str:
    """Write a derivation as text."""
    root = derivation.root
    lines = [*not_finite(derivation), f"Forward: from the inputs to {root.name}", ""]
    lines += [f"  {line}" for line in _given(derivation)]
    for step in derivation.steps:
        lines += _step(step)
    lines += ["", f"Backward: from {root.name} to the inputs, one edge at a time", ""]
    lines += [f"  {line}" for line in textwrap.wrap(how_to_read(derivation), WIDTH - 4)]
    lines.append("")
    for v in derivation.graph.roots:
        if v in derivation.gradients:
            begin = is_(f"∂{root.name}/∂{v.name}", derivation.gradients[v])
            lines.append(f"  {begin}, to begin with")
    for i, edge in enumerate(derivation.edges, 1):
        lines += ["", *_edge(derivation, edge, i)]
    lines += ["", "Gradients", ""]
    for value in derivation.inputs:
        for e in of_input(derivation, value, TEXT):
            lines.append(f"  {TEXT.equation([e.left, *e.right])}{e.note and '   ' + e.note}")
    lines += ["", *_state(derivation)]
    if any(TEXT.hadamard in line for line in lines):
        lines += ["", "⊙ multiplies element by element, · is the product of matrices."]
    return "\n".join(lines)


def not_finite(derivation: Derivation) -> list[str]:
    """Say where the first number that is not finite was born; nothing if all are."""
    whole = derivation.whole or derivation
    born = birth(dataclasses.replace(whole.graph, gradients="known"))
    return [f"✗ Not all numbers are finite. {born.report}", ""] if born else []


def _given(derivation: Derivation) -> list[str]:
    """Return a line for each value that was there at the start."""
    notes = {"constant": "   (constant)", "result": "   (computed before)", "input": ""}
    shown = [v for v in derivation.given if named(v).head == "symbol"]
    return [f"{is_(v.name, v.data)}{notes[v.kind]}" for v in shown]


def equation(formula: Formula) -> str:
    """Write a formula, the same with numbers, and what it comes to.

    >>> from .formula import apply, symbol
    >>> x = symbol("x", np.float64(2.0))
    >>> equation(apply("multiply", x, x, value=4.0))
    'x · x = 2 · 2 = 4'
    """
    return TEXT.equation(equal(formula, formula.value, TEXT))


def is_(name: str, value: Any) -> str:
    """Say what a number is, or about what where its digits are not all shown."""
    return TEXT.equation([name, TEXT.array(value)])


def _step(step: ForwardStep) -> list[str]:
    names = ", ".join(v.name for v in step.operation.results)
    if len(step.operation.results) > 1:
        values = [f"  {is_(v.name, v.data)}" for v in step.operation.results]
        return [f"  {names} = {write(step.formula, TEXT)}", *values]
    shown = dataclasses.replace(step.formula, value=step.result.data)
    line = f"  {TEXT.equation([names, *equal(shown, shown.value, TEXT)])}"
    if step.operation.line:
        line += f"   [{where(step.operation.line)}]"
    return [line]


def where(line: str) -> str:
    """Return the file and line of an operation, without the folders."""
    return without_folders(line)


def _edge(derivation: Derivation, edge: Edge, i: int) -> list[str]:
    root, operand, sender = derivation.root.name, edge.operand, edge.sender
    lines = [f"  {i}. {sender} → {edge.receiver}      {is_(operand.name, operand.data)}"]

    def row(what: str, text: str) -> None:
        indent = " " * 18
        wrapped = textwrap.wrap(f"{what:<14}{text}", WIDTH - 5, subsequent_indent=indent[:14])
        lines.extend(f"     {line}" for line in wrapped)

    for result in edge.operation.results[:MANY]:
        row("upstream", is_(f"∂{root}/∂{result.name}", derivation.gradients.get(result, 0.0)))
    because = since(edge, TEXT)
    because = because and f", {because}"
    if edge.here is not None:
        places = with_places(edge, TEXT)
        row("here", f"{sender} = {write(edge.here, TEXT)}, {places}")
    if edge.local is not None:
        parts = equal(edge.local, edge.local.value, TEXT)
        row("local", TEXT.equation([TEXT.local(sender, edge.by), *parts]) + because)
    product = contribution(derivation, edge)
    shown = equation(product) if product.head != "contraction" else show(product.value)
    row("contribution", shown + ("" if edge.local else because))
    if edge.index is not None:
        row("by index", " = ".join(by_index(derivation, edge, TEXT)))
    for remark in edge.remarks:
        row("", remark)
    if edge.expected > 1:
        count = f"{edge.arrived} of {edge.expected} contributions"
        if edge.before is None:
            row(f"∂{root}/∂{operand.name}", f"{show(edge.after)}   ({count}: not complete yet)")
        else:
            total = TEXT.equation([old_and_new(edge, TEXT), show(edge.after)])
            end = "complete" if edge.ready else "not complete yet"
            row(f"∂{root}/∂{operand.name}", f"{total}   (old + new; {count}: {end})")
    return lines


def _state(derivation: Derivation) -> list[str]:
    if derivation.has_run:
        return [f"{derivation.root.name}.backward() has run; this derivation changed no .grad."]
    return [
        f"{derivation.root.name}.backward() has not run: what stands in .grad is not from it. "
        "This derivation changed nothing."
    ]
