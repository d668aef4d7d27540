"""A derivation as frames: one picture for each thing that happens, all of one layout.

They are for slides (``step_01.svg``, …), for an animation, and for Beamer's overlays.

>>> from autograd_lite import Tensor
>>> from autograd_lite.lesson.derivation import derive, read
>>> x = Tensor(2.0, requires_grad=True, name="x")
>>> y = x * 3.0
>>> for frame in frames(derive(read(y))):
...     print(frame.title)
given: x = 2
t1 = x · 3 = 2 · 3 = 6
the backward pass begins: ∂t1/∂t1 = 1
t1 → x: ∂t1/∂t1 · 3 = 1 · 3 = 3
"""

from __future__ import annotations

import io
import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import missing_extra
from ..visualize import palette
from ..visualize.graph import GraphValue, OpCall
from ..visualize.labels import short_formula, short_names
from ..visualize.render import positions, render, write
from ..visualize.scene import magnitude
from ..visualize.text import cut, number, printable
from ..visualize.tikz import CENTIMETRE, latex, preamble
from .derivation import Derivation
from .equations import contribution
from .forward import named
from .parts import limit_size
from .words import equation

BOXES = 60  # values and operations, before some are folded
WIDTH, HEIGHT = 2.0, 1.0  # of a box, in inches
LETTERS, LINE = 22, 84  # of a line in a box, and of the title
TITLE = 0.75  # the height of the title, in inches
MILLISECONDS = 1600  # of a frame in an animation
DPI = 110
TIP = 10.0  # the length of an arrow's tip, in points

Point = tuple[float, float]


@dataclass(slots=True)
class Frame:
    """What one picture shows.

    Attributes
    ----------
    title
        What happens.
    values, gradients
        What stands in each box by now.
    lit
        The boxes that it happens to.
    arrows
        The uses that it goes along: an operation, and which of its operands.
    is_backward
        In which pass it is.
    """

    title: str
    values: dict[GraphValue, str] = field(default_factory=dict)
    gradients: dict[GraphValue, str] = field(default_factory=dict)
    lit: set[GraphValue] = field(default_factory=set)
    arrows: set[tuple[OpCall, int]] = field(default_factory=set)
    is_backward: bool = False


def frames(derivation: Derivation) -> list[Frame]:
    """Return a frame for the start, for each step forward, and for each step back."""
    return list(_frames(derivation))


def _frames(d: Derivation) -> Iterator[Frame]:
    given = [v for v in d.given if named(v).head == "symbol"]
    values = {v: _shown(v.data) for v in given}
    said = ", ".join(f"{v.name} = {values[v]}" for v in given)
    yield Frame(f"given: {said}", dict(values), {}, set(given))
    for step in d.steps:
        operation = step.operation
        values |= {v: _shown(v.data) for v in operation.results}
        names = ", ".join(v.name for v in operation.results)
        uses = {(operation, i) for i in range(len(operation.operands))}
        yield Frame(
            f"{names} = {equation(step.formula)}", dict(values), {}, {*operation.results}, uses
        )
    root = d.root.name
    begins = [v for v in d.graph.roots if v in d.gradients]
    gradients = {v: _shown(d.gradients[v]) for v in begins}
    said = ", ".join(f"∂{root}/∂{v.name} = {gradients[v]}" for v in begins)
    title = f"the backward pass begins: {said}"
    yield Frame(title, values, dict(gradients), set(begins), is_backward=True)
    for edge in d.edges:
        waits = "" if edge.ready else f"  ({edge.arrived} of {edge.expected})"
        gradients[edge.operand] = _shown(edge.after) + waits
        title = f"{edge.sender} → {edge.receiver}: {equation(contribution(d, edge))}"
        if edge.before is not None:
            title += f"; old + new = {_shown(edge.after)}"
        arrow = {(edge.operation, edge.position)}
        yield Frame(title, values, dict(gradients), {edge.operand}, arrow, is_backward=True)


def _shown(data: Any) -> str:
    if np.ndim(data) == 0:
        return number(data)
    return f"{np.shape(data)} |{magnitude(data):.3g}|"


# -- pictures of frames -------------------------------------------------------------------------


@dataclass(slots=True)
class LessonFilm:
    """The frames of a derivation, and where everything stands in all of them."""

    derivation: Derivation
    frames: list[Frame]
    names: dict[GraphValue, str]
    uses: dict[tuple[OpCall, int], tuple[GraphValue, GraphValue]]
    places: dict[GraphValue, Point]
    curves: dict[tuple[OpCall, int], list[Point]]
    width: float
    height: float


def film(derivation: Derivation, folding: bool = True) -> LessonFilm:
    """Lay out a derivation once for all of its frames; of a large one, much is folded.

    Raises
    ------
    MissingExtraError
        If Graphviz is not installed.
    """
    d = limit_size(derivation, BOXES, folding)
    values = [v for v in d.graph.values if named(v).head == "symbol"]
    shown = set(values)
    uses = {
        (o, i): (v, o.results[0])
        for o in d.graph.operations
        for i, v in enumerate(o.operands)
        if v in shown
    }
    lines = ["rankdir=LR", "nodesep=0.25", "ranksep=0.45",
             f"node [shape=box, fixedsize=true, width={WIDTH}, height={HEIGHT}]"]  # fmt: skip
    lines += [f'"{v.key}"' for v in values]
    lines += [f'"{a.key}" -> "{b.key}"' for a, b in uses.values()]
    found = positions(f"digraph {{ {'; '.join(lines)} }}")
    names = short_names(d.graph.values)
    shot = [replace(f, title=_renamed(f.title, names)) for f in frames(d)]
    return LessonFilm(
        d, shot, names, uses,
        {v: found.boxes[v.key] for v in values},
        {use: found.lines[a.key, b.key].pop(0) for use, (a, b) in uses.items()},
        max(found.width, 8.0), found.height + TITLE,
    )  # fmt: skip


def _renamed(title: str, names: dict[GraphValue, str]) -> str:
    """Return a title with the names that stand in the boxes."""
    known = {v.name: short for v, short in names.items()}
    longest_first = sorted(known, key=len, reverse=True)
    pattern = "|".join(map(re.escape, longest_first))
    return re.sub(rf"(?<![\w.])({pattern})(?![\w.]\w)", lambda m: known[m[1]], title)


def to_dot(film: LessonFilm, frame: Frame) -> str:
    """Write one frame as DOT, with everything in its place."""
    lit = palette.BACKWARD if frame.is_backward else palette.FORWARD
    ink, grey = palette.INK.of(), palette.GREY.of()
    lines = [
        'layout=nop2; pad=0.1; node [fontname="Helvetica,Arial,sans-serif", fontsize=14]',
        *(f'{k} [shape=point, style=invis, width=0, pos="{x * 72:.0f},{y * 72:.0f}"]'
          for k, x, y in (("corner1", 0, 0), ("corner2", film.width, film.height))),
    ]  # fmt: skip
    title = "<br/>".join(map(escape, _title(frame)))
    lines.append(
        f'title [shape=plain, fontsize=16, fontcolor="{lit.of()}", label=<{title}>, '
        f'pos="{film.width * 36:.0f},{(film.height - TITLE / 2) * 72:.0f}"]'
    )
    for value, (x, y) in film.places.items():
        bright = value in frame.lit
        fill = palette.soft(lit) if bright else palette.PAPER.of()
        style = "filled" if value in frame.values else "filled,dashed"
        style += ",rounded" if value.maker else ""
        first, *more = _lines(film, frame, value)
        label = "<br/>".join([f"<b>{escape(first)}</b>", *map(escape, more)])
        lines.append(
            f"{value.key} [shape=box, fixedsize=true, width={WIDTH}, height={HEIGHT}, "
            f'pos="{x * 72:.1f},{y * 72:.1f}", label=<{label}>, style="{style}", '
            f'fillcolor="{fill}", color="{lit.of() if bright else grey}", '
            f'penwidth={3 if bright else 1}, fontcolor="{ink if value in frame.values else grey}"]'
        )
    for use, (a, b) in film.uses.items():
        bright = use in frame.arrows
        points = [(x * 72, y * 72) for x, y in film.curves[use]]
        look = f'color="{lit.of()}", penwidth=3' if bright else f'color="{grey}"'
        if bright and frame.is_backward:
            a, b = b, a
            points = [_beyond(points[-1], points[-2]), *points[-2::-1]]
            tip = points[-1]
            points[-2:] = [_beyond(tip, points[0], -TIP)] * 2
        else:
            tip = _beyond(points[-1], points[-2])
        end, *curve = (f"{x:.1f},{y:.1f}" for x, y in (tip, *points))
        lines.append(f'{a.key} -> {b.key} [pos="e,{end} {" ".join(curve)}", {look}]')
    return "digraph frame {\n" + ";\n".join(lines) + "\n}\n"


def _beyond(end: Point, before: Point, by: float = TIP) -> Point:
    """Return the point so much further along a line, where the tip of its arrow is."""
    dx, dy = end[0] - before[0], end[1] - before[1]
    far = math.hypot(dx, dy) or 1.0
    return end[0] + dx / far * by, end[1] + dy / far * by


def _title(frame: Frame) -> list[str]:
    """Return the title in as many lines as there is room for."""
    lines = textwrap.wrap(printable(frame.title), LINE) or [""]
    return lines if len(lines) <= 2 else [lines[0], cut(lines[1], LINE - 1) + "…"]


def _lines(film: LessonFilm, frame: Frame, value: GraphValue) -> list[str]:
    """Return what stands in a box: its name, how it is made, its value, its gradient."""
    lines = [film.names[value]]
    if value.maker is not None and value.maker in {s.operation for s in film.derivation.steps}:
        lines[0] += f" = {short_formula(value.maker, film.names)}"
    lines.append(frame.values.get(value, "?"))
    if value in film.derivation.gradients and frame.is_backward:
        lines.append(f"∂ {frame.gradients.get(value, '…')}")
    return [cut(printable(line), LETTERS) for line in lines]


# -- files --------------------------------------------------------------------------------------


def save_frames(film: LessonFilm, path: Path) -> list[Path]:
    """Write each frame to a file of its own: ``step_*.svg`` is ``step_01.svg``, and so on."""
    digits = len(str(len(film.frames)))
    written = []
    for i, frame in enumerate(film.frames, 1):
        name = path.name.replace("*", f"{i:0{digits}}", 1)
        written.append(path.with_name(name))
        write(written[-1], render(to_dot(film, frame), path.suffix[1:].lower()))
    return written


def to_gif(film: LessonFilm) -> bytes:
    """Return the frames as an animation.

    Raises
    ------
    MissingExtraError
        If Pillow is not installed.
    """
    try:
        images = import_module("PIL.Image")
    except ImportError:
        raise missing_extra("pillow", "viz", "write an animation") from None
    source = [to_dot(film, f).replace("pad=0.1", f"pad=0.1; dpi={DPI}") for f in film.frames]
    shots = [images.open(io.BytesIO(render(dot, "png"))).convert("RGB") for dot in source]
    width, height = (max(shot.size[i] for shot in shots) for i in (0, 1))
    sheets = []
    for shot in shots:
        sheet = images.new("RGB", (width, height), palette.PAPER.of())
        sheet.paste(shot, (0, 0))
        sheets.append(sheet.quantize(64, dither=0))
    made = io.BytesIO()
    times = [MILLISECONDS] * (len(sheets) - 1) + [3 * MILLISECONDS]
    sheets[0].save(made, "GIF", save_all=True, append_images=sheets[1:], duration=times, loop=0)
    return made.getvalue()


def to_beamer(film: LessonFilm) -> str:
    r"""Write the frames as one ``tikzpicture`` with an overlay for each, for Beamer."""
    scale = CENTIMETRE
    written = [*preamble(), r"\begin{tikzpicture}["]
    written += [
        r"  every node/.style={font=\footnotesize, align=center},",
        rf"  value/.style={{draw=grey, minimum width={WIDTH * scale:.2f}cm, "
        rf"minimum height={HEIGHT * scale:.2f}cm, inner sep=1pt}}]",
    ]
    middle, top = film.width * scale / 2, (film.height - TITLE / 2) * scale
    for i, frame in enumerate(film.frames, 1):
        colour = "backward" if frame.is_backward else "forward"
        title = r" \\ ".join(map(latex, _title(frame)))
        written.append(
            rf"  \only<{i}>{{\node[text={colour}] at ({middle:.2f}, {top:.2f}) {{{title}}};}}"
        )
    for value, (x, y) in film.places.items():
        looks = [_look(film, frame, value) for frame in film.frames]
        for style, text, overlay in _runs(looks):
            written.append(
                rf"  \only<{overlay}>{{\node[{style}] ({value.key}) at "
                rf"({x * scale:.2f}, {y * scale:.2f}) {{{text}}};}}"
            )
    for use, (a, b) in film.uses.items():
        arrows = [
            (("->, grey", "<-, backward, very thick", "->, forward, very thick")
             [(1 + (not frame.is_backward)) * (use in frame.arrows)], "")
            for frame in film.frames
        ]  # fmt: skip
        for style, _, overlay in _runs(arrows):
            written.append(rf"  \only<{overlay}>{{\draw[{style}] ({a.key}) to ({b.key});}}")
    return "\n".join([*written, r"\end{tikzpicture}"]) + "\n"


def _look(film: LessonFilm, frame: Frame, value: GraphValue) -> tuple[str, str]:
    """Return the style of a box in a frame, and what stands in it."""
    style = "value" + (", rounded corners=3pt" if value.maker else "")
    if value in frame.lit:
        colour = "backward" if frame.is_backward else "forward"
        style += f", draw={colour}, fill={colour}!10, very thick"
    elif value not in frame.values:
        style += ", dashed, text=grey"
    first, *more = map(latex, _lines(film, frame, value))
    return style, r" \\ ".join([rf"\textbf{{{first}}}", *more])


def _runs(looks: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Yield what stays the same for some frames, with the numbers of these."""
    for (style, text), group in groupby(enumerate(looks, 1), lambda numbered: numbered[1]):
        numbers = [i for i, _ in group]
        yield style, text, f"{numbers[0]}-{numbers[-1]}"
