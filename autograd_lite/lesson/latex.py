"""A derivation as LaTeX: aligned equations, with nothing but amsmath.

Greek letters, superscripts and the like are written as commands, so that any LaTeX of
the last twenty years compiles it.
"""

from __future__ import annotations

import numpy as np

from .derivation import Derivation
from .equations import Equation, equations
from .notation import LATEX, Rounded

HEAD = r"""\documentclass{article}
\usepackage{amsmath}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\setlength{\oddsidemargin}{0pt}
\setlength{\textwidth}{6.5in}
\setcounter{MaxMatrixCols}{20}
\begin{document}
"""


@np.errstate(all="ignore")  # the program had its warnings
def to_latex(derivation: Derivation) -> str:
    """Write a derivation as a LaTeX document."""
    root = LATEX.symbol(derivation.root.name)
    forward, backward, gradients = equations(derivation, LATEX)
    parts = [
        HEAD,
        rf"\section*{{Forward: from the inputs to ${root}$}}",
        _aligned(forward),
        rf"\section*{{Backward: from ${root}$ to the inputs}}",
        _aligned(backward),
        r"\section*{Gradients}",
        _aligned(gradients),
    ]
    if any(LATEX.hadamard in part for part in parts):
        parts.append(rf"Here ${LATEX.hadamard}$ multiplies element by element.")
    parts.append(
        rf"$\frac{{\partial {root}}}{{\partial x}}$ is a gradient: how fast ${root}$ changes with "
        "$x$, along all ways together. $y'(x)$ is a local derivative: how fast $y$ changes with "
        "$x$ in one operation, all else held still."
    )
    return "\n".join([*parts, r"\end{document}", ""])


def _aligned(lines: list[Equation]) -> str:
    return "\\begin{align*}\n" + " \\\\\n".join(map(_line, lines)) + "\n\\end{align*}"


def _line(e: Equation) -> str:
    if not e.left:
        return rf"&\quad {e.note}"
    about = isinstance(e.right[0], Rounded)
    sign = r"\mathrel{+}=" if e.adds else r"\approx" if about else "="
    return rf"{e.left} &{sign} {LATEX.equation(e.right)}" + (rf" \quad {e.note}" if e.note else "")
