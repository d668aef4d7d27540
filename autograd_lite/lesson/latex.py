"""A derivation as LaTeX: aligned equations, with nothing but amsmath.

Greek letters, superscripts and the like are written as commands, so that any LaTeX of
the last twenty years compiles it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..visualize.text import number, rows
from .derivation import Derivation, Edge, Step, named, paths
from .formula import Formula, gradient
from .notation import LATEX, write
from .words import contribution, scalars, total

HEAD = r"""\documentclass{article}
\usepackage{amsmath}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\setcounter{MaxMatrixCols}{20}
\begin{document}
"""

L = LATEX


def to_latex(derivation: Derivation) -> str:
    """Write a derivation as a LaTeX document."""
    root = L.symbol(derivation.root.name)
    given = [v for v in derivation.graph.values if v.maker is None and named(v).head == "symbol"]
    forward = [rf"{L.symbol(v.name)} &= {array(v.data)}" for v in given]
    forward += [_step(step) for step in derivation.steps]
    seed = gradient(derivation.root.name, derivation.root.name, derivation.seed)
    backward = [rf"{write(seed, L)} &= {array(derivation.seed)}"]
    for edge in derivation.edges:
        backward += _edge(derivation, edge)
    result = [line for v in derivation.inputs for line in _gradient(derivation, v)]
    parts = [
        HEAD,
        rf"\section*{{Forward: from the inputs to ${root}$}}",
        _aligned(forward),
        rf"\section*{{Backward: from ${root}$ to the inputs}}",
        _aligned(backward),
        r"\section*{Gradients}",
        _aligned(result),
    ]
    if any(np.ndim(v.data) for v in derivation.graph.values):
        parts.append(r"Here $\odot$ multiplies element by element.")
    return "\n".join([*parts, r"\end{document}", ""])


def _aligned(lines: list[str]) -> str:
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"


def array(value: Any) -> str:
    r"""Write a number, a small matrix, or the shape of a large one.

    >>> array(0.5), array(np.eye(2)), array(np.zeros((21, 4)))
    ('0.5', '\\begin{bmatrix} 1 & 0 \\\\ 0 & 1 \\end{bmatrix}', '\\left[21 \\times 4\\right]')
    """
    a = np.asarray(value)
    if a.ndim == 0:
        return L.number(number(a))
    if a.ndim <= 2 and rows(a) is not None:
        body = r" \\ ".join(" & ".join(map(L.number, row)) for row in rows(a) or [])
        return rf"\begin{{bmatrix}} {body} \end{{bmatrix}}"
    shape = r" \times ".join(map(str, a.shape))
    return rf"\left[{shape}\right]"


def equation(formula: Formula, value: Any) -> str:
    """Write a formula, the same with numbers, and what it comes to."""
    parts = [write(formula, L)]
    if scalars(formula):
        parts.append(write(formula, L, numbers=True))
    parts.append(array(value))
    return " = ".join(dict.fromkeys(parts))


def _step(step: Step) -> str:
    names = ", ".join(L.symbol(v.name) for v in step.operation.results)
    if len(step.operation.results) > 1:
        return rf"{names} &= {write(step.formula, L)}"
    return rf"{names} &= {equation(step.formula, step.result.data)}"


def _edge(derivation: Derivation, edge: Edge) -> list[str]:
    root, operand = derivation.root.name, edge.operand.name
    lines = []
    if edge.local is not None:
        since = r" \text{ and } ".join(dict.fromkeys(write(n, L) for n in edge.notes))
        lines.append(
            rf"{L.partial(edge.result.name, operand)} &= {equation(edge.local, edge.local.value)}"
            + (rf" \quad \text{{since }} {since}" if since else "")
        )
    product = contribution(derivation, edge)
    several = edge.expected > 1
    sign = r"\mathrel{+}=" if several and edge.before is not None else "="
    left = L.partial(root, operand)
    lines.append(rf"{left} &{sign} {equation(product, edge.contribution)}")
    lines += [rf"&\quad {L.words(remark)}" for remark in edge.remarks]
    if several and edge.before is not None:
        new = array(edge.contribution)
        new = L.parentheses(new) if new.startswith("-") else new
        count = L.words(f"({edge.arrived} of {edge.expected} contributions)")
        lines.append(rf"{left} &= {array(edge.before)} + {new} = {array(edge.after)} \quad {count}")
    return lines


def _gradient(derivation: Derivation, value: Any) -> list[str]:
    left = L.partial(derivation.root.name, value.name)
    if value not in derivation.gradients:
        return [rf"{left} &= 0 \quad \text{{(nothing arrives)}}"]
    lines = []
    ways = paths(derivation, value)
    if ways:
        chain = " + ".join(
            r" \cdot ".join(L.partial(e.result.name, e.operand.name) for e in way) for way in ways
        )
        if chain != left:
            lines.append(rf"{left} &= {chain}")
        lines.append(rf"{left} &= {write(total(ways), L)}")
    return [*lines, rf"{left} &= {array(derivation.gradients[value])}"]
