r"""A scene as TikZ: a picture for a LaTeX document, in that document's own letters.

Graphviz places the boxes; what stands in them is LaTeX. ``.tikz`` is the picture alone, to
``\input``; ``.tex`` is a whole document around it. Both need the package tikz and nothing else.
"""

from __future__ import annotations

from collections import Counter

from . import palette
from .dot import View, to_dot
from .labels import ABOVE, BELOW, GREEK, short_names
from .modules import ModuleCall
from .part import Part
from .plain import lines
from .render import positions
from .scene import Arrow, Box, scene
from .text import printable

CENTIMETRE = 1.55  # how many for an inch of Graphviz's: its letters are larger than footnotes
LIBRARIES = r"\usetikzlibrary{arrows.meta, backgrounds, fit, shapes.geometric}"
COLOURS = {"forward": palette.FORWARD, "backward": palette.BACKWARD, "grey": palette.GREY,
           "shade": palette.SHADE}  # fmt: skip

STYLES = r"""  every node/.style={font=\footnotesize, align=center, inner sep=3pt},
  input/.style={draw=forward, very thick, fill=forward!10},
  constant/.style={draw=grey, fill=shade},
  result/.style={draw, rounded corners=3pt},
  root/.style={draw=backward, double, fill=backward!10, rounded corners=3pt},
  operation/.style={draw=grey, fill=shade, ellipse, inner sep=1pt},
  fold/.style={draw=grey, fill=shade, double},
  rest/.style={draw=grey, dashed},
  source/.style={draw=grey, dotted},
  gradient/.style={-{Stealth}, grey},
  no gradient/.style={-{Stealth}, grey, dashed},
  stopped/.style={-{Stealth}, grey, dotted, thick},
  back/.style={-{Stealth[open]}, backward},
  module/.style={draw=grey, rounded corners=4pt, inner sep=6pt},"""
ARROWS = {"gradient": "gradient", "constant": "no gradient", "stopped": "stopped",
          "backward": "back"}  # fmt: skip


def to_tikz(part: Part, view: View) -> str:
    """Write a part of a graph as a ``tikzpicture``."""
    things, names = scene(part, view.backward), short_names(part.graph.values)
    placed = positions(str(to_dot(part, view).source)).boxes
    boxes = [thing for thing in things if isinstance(thing, Box)]
    written = [*preamble(), r"\begin{tikzpicture}[", STYLES, "]"]
    for box in boxes:
        x, y = placed[box.key]
        first, *more = [latex(line) for line in lines(box, part, names)] or [""]
        text = r" \\ ".join([rf"\textbf{{{first}}}", *more])
        at = f"({x * CENTIMETRE:.2f}, {y * CENTIMETRE:.2f})"
        written.append(rf"  \node[{box.kind}] ({box.key}) at {at} {{{text}}};")
    arrows = [thing for thing in things if isinstance(thing, Arrow)]
    beside = Counter(frozenset((a.tail, a.head)) for a in arrows)
    drawn: Counter[frozenset[str]] = Counter()
    for arrow in arrows:
        ends = frozenset((arrow.tail, arrow.head))
        bend = _bend(drawn[ends], beside[ends], arrow)
        drawn[ends] += 1
        label = rf" node[midway, auto, font=\scriptsize] {{{latex(arrow.label)}}}"
        written.append(
            rf"  \draw[{ARROWS[arrow.kind]}] ({arrow.tail}) to{bend}"
            f"{label * bool(arrow.label)} ({arrow.head});"
        )
    written += _frames(boxes)
    return "\n".join([*written, r"\end{tikzpicture}"]) + "\n"


def to_document(picture: str) -> str:
    """Return a whole LaTeX document with one picture."""
    return (
        "\\documentclass{article}\n\\usepackage[landscape,margin=1cm]{geometry}\n"
        "\\usepackage[utf8]{inputenc}\n\\usepackage{graphicx}\n\\usepackage{tikz}\n"
        f"{LIBRARIES}\n\\pagestyle{{empty}}\n\\begin{{document}}\n\\centering\n"
        "\\newsavebox\\picturebox\n\\sbox\\picturebox{%\n"
        f"{picture}}}\n"
        "\\ifdim\\wd\\picturebox>\\textwidth\\resizebox{\\textwidth}{!}{\\usebox\\picturebox}"
        "\\else\\usebox\\picturebox\\fi\n\\end{document}\n"
    )


def preamble() -> list[str]:
    """Return what stands before a picture: what it needs, and its colours."""
    return [
        f"% needs {LIBRARIES}",
        *(
            rf"\definecolor{{{name}}}{{HTML}}{{{role.of()[1:].upper()}}}"
            for name, role in COLOURS.items()
        ),
    ]


def _bend(i: int, count: int, arrow: Arrow) -> str:
    """Return how an arrow bends so that those between the same boxes lie apart."""
    if count == 1:
        return ""
    angle = round(40 * (i - (count - 1) / 2))
    if arrow.kind == "backward":
        angle = -angle  # it goes the other way
    return f"[bend left={angle}]" if angle else ""


def _frames(boxes: list[Box]) -> list[str]:
    """Return a frame around the boxes of each module, behind them."""
    inside: dict[ModuleCall, list[str]] = {}
    for box in boxes:
        for module in box.home:
            inside.setdefault(module, []).append(box.key)
    frames = []
    for module in sorted(inside, key=lambda m: -len(m.around())):
        within = [f"({key})" for key in inside[module]]
        within += [f"({m.key})" for m in inside if m.within is module]
        label = rf"label={{[anchor=south west, font=\scriptsize]north west:{latex(module.label)}}}"
        frames.append(rf"    \node[module, {label}, fit={''.join(within)}] ({module.key}) {{}};")
    if frames:
        frames = [r"  \begin{scope}[on background layer]", *frames, r"  \end{scope}"]
    return frames


_MATHS = {
    "·": r"$\cdot$", "⊙": r"$\odot$", "∗": r"$\ast$", "×": r"$\times$", "−": "$-$", "ᵀ": "$^{T}$",
    "√": r"$\surd$", "Σ": r"$\sum$", "σ": r"$\sigma$", "∂": r"$\partial$", "∇": r"$\nabla$",
    "≥": r"$\geq$", "≤": r"$\leq$", "≠": r"$\neq$", "→": r"$\to$", "…": r"\dots{}",
    "<": "$<$", ">": "$>$", "|": "$|$", "∞": r"$\infty$",
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    **{c: f"\\{c}" for c in "&%$#_{}"},
    **{letter: f"$\\{name}$" for name, letter in GREEK.items()},
}  # fmt: skip
_DIGITS = {chr(small): f"$_{{{chr(digit)}}}$" for digit, small in BELOW.items()} | {
    chr(small): f"$^{{{chr(digit)}}}$" for digit, small in ABOVE.items()
}


def latex(text: str) -> str:
    r"""Write a text so that LaTeX sets it as it is.

    >>> latex("σ(t₁)"), latex("a_b & 50%"), latex("名")
    ('$\\sigma$(t$_{1}$)', 'a\\_b \\& 50\\%', '?')
    """
    known = _MATHS | _DIGITS
    return "".join(known.get(c) or (c if c.isascii() else "?") for c in printable(text))
