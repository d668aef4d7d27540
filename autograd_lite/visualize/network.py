"""The classic picture of a network: a circle for each unit, a line for each weight.

It knows no module by name. Whatever can be gone through layer by layer, and has layers
with a two-dimensional ``weight`` of shape (out, in), can be drawn; layers without one
(activations) belong to the units before them.

A line is the wider the larger its weight; it is solid and blue for a positive weight,
dashed and orange for a negative one (as everywhere: see `palette`). For a given input, a
circle's fill is the unit's activation, and its rim the gradient of the output with respect to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np

from ..errors import missing_extra
from ..modes import enable_grad
from ..tensor import Tensor
from . import palette
from .text import cut, number

POSITIVE, NEGATIVE = palette.POSITIVE.of(), palette.NEGATIVE.of()
INK, PAPER, GREY = palette.INK.of(), palette.PAPER.of(), palette.GREY.of()
MOST = 12  # units of a layer, before some are left out
LETTERS = 20  # of the names of a layer
OPACITY = 0.75
RADIUS, ACROSS, DOWN, MARGIN, SIDE = 22, 170, 62, 60, 84  # in pixels


@dataclass(slots=True)
class Column:
    """The units of one layer.

    Attributes
    ----------
    names
        What is done to arrive here, such as ``Linear`` and ``Sigmoid``.
    size
        How many units there are.
    weight
        Of the lines that lead here, (units, units before); None for the inputs.
    bias
        Of the units, where there is one.
    activation, gradient
        Of the units, for a given input.
    """

    names: list[str]
    size: int
    weight: Any = None
    bias: Any = None
    activation: Any = None
    gradient: Any = None
    shown: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        half = MOST // 2
        every = range(self.size)
        self.shown = [*every] if self.size <= MOST else [*every[:half], *every[-half:]]


def layers_of(model: Any) -> list[Any] | None:
    """Return the layers of something that looks like a network, else None."""
    if isinstance(model, (Tensor, np.ndarray, str)) or not hasattr(model, "parameters"):
        return None
    try:
        layers = list(model)
    except TypeError:
        return None
    return layers if any(_weight(layer) is not None for layer in layers) else None


def _weight(layer: Any) -> Any:
    weight = getattr(layer, "weight", None)
    return weight.data if isinstance(weight, Tensor) and weight.ndim == 2 else None


def columns_of(layers: list[Any], inputs: Any = None) -> list[Column]:
    """Read the layers, and run one input through them if there is one."""
    first = next(w for w in map(_weight, layers) if w is not None)
    columns = [Column(["input"], first.shape[1])]
    for layer in layers:
        weight = _weight(layer)
        if weight is not None:
            bias = getattr(layer, "bias", None)
            bias = bias.data if isinstance(bias, Tensor) else None
            columns.append(Column([type(layer).__name__], weight.shape[0], weight, bias))
        else:
            columns[-1].names.append(type(layer).__name__)
    if inputs is not None:
        _run(layers, columns, inputs)
    return columns


def _run(layers: list[Any], columns: list[Column], inputs: Any) -> None:
    """Fill in the activations of one input, and the gradient of the output's sum."""
    given = np.asarray(inputs.data if isinstance(inputs, Tensor) else inputs)
    if given.size != columns[0].size or given.dtype.kind not in "fiub":
        raise ValueError(
            f"inputs is one point, {columns[0].size} numbers, and an array of shape {given.shape} "
            f"and dtype {given.dtype} was given."
        )
    # The parameters' own gradients stay as they are.
    kept = [(p, p.grad) for layer in layers for p in _parameters(layer)]
    with enable_grad():
        value: Any = Tensor(given.reshape(1, -1), requires_grad=True, dtype=float)
        made = [value]
        for layer in layers:
            value = layer(value)
            if _weight(layer) is not None:
                made.append(value)
            else:
                made[-1] = value
        for unit in made:
            if not unit.is_leaf:
                unit.retain_grad()
        np.sum(value).backward()
    for p, grad in kept:
        p.grad = grad
    for column, unit in zip(columns, made, strict=True):
        column.activation = np.ravel(unit.numpy())
        column.gradient = None if unit.grad is None else np.ravel(unit.grad)


def _parameters(layer: Any) -> list[Tensor]:
    given = layer.parameters() if hasattr(layer, "parameters") else []
    return list(given)


# -- drawing -----------------------------------------------------------------------------
#
# A picture is a list of shapes; SVG and matplotlib are two ways to put them down.


@dataclass(slots=True)
class WeightLine:
    """A weight."""

    ends: tuple[float, float, float, float]
    colour: str
    width: float
    dashed: bool
    title: str


@dataclass(slots=True)
class Circle:
    """A unit."""

    x: float
    y: float
    fill: str
    rim: str
    width: float
    title: str


@dataclass(slots=True)
class Words:
    """Words, around a point in the middle of their foot."""

    x: float
    y: float
    text: str
    size: float
    bold: bool = False
    fill: str = INK


@dataclass(slots=True)
class Picture:
    """Shapes in a frame, the later ones above."""

    width: float
    height: float
    title: str
    shapes: list[WeightLine | Circle | Words]


def picture(columns: list[Column]) -> Picture:
    """Place the columns from left to right."""
    tallest = max(len(c.shown) + (c.size > len(c.shown)) for c in columns)
    legend = ["solid: positive weight, dashed: negative"]
    if columns[0].activation is not None:
        legend.append("fill: activation, rim and ∂: gradient")
    width = max(2 * SIDE + ACROSS * (len(columns) - 1), 8 * max(map(len, legend)))
    inset = (width - ACROSS * (len(columns) - 1)) / 2
    foot = 2 * MARGIN + DOWN * (tallest - 1)  # the names of the layers stand below
    across = [inset + i * ACROSS for i in range(len(columns))]
    positions = [_positions(c, x, foot) for c, x in zip(columns, across, strict=True)]
    heaviest = max(float(np.max(np.abs(c.weight))) for c in columns[1:]) or 1.0
    shapes: list[WeightLine | Circle | Words] = []
    for i, column in enumerate(columns[1:], 1):
        for to, (x2, y2) in positions[i].items():
            for start, (x1, y1) in positions[i - 1].items():
                weight = column.weight[to, start]
                shapes.append(_line(weight, heaviest, (x1, y1, x2, y2), start, to))
    for i, (column, x) in enumerate(zip(columns, across, strict=True)):
        for k, position in positions[i].items():
            shapes += _unit(column, k, position, i == 0)
        if column.size > len(column.shown):
            shapes.append(Words(x, foot / 2 + 6, "⋮", 22))
        shapes.append(Words(x, foot + 10, cut(", ".join(column.names), LETTERS), 13, bold=True))
        units = f"{column.size} unit{'s' * (column.size != 1)}"
        shapes.append(Words(x, foot + 27, units, 12, fill=GREY))
    for i, line in enumerate(legend):
        shapes.append(Words(width / 2, foot + 52 + 16 * i, line, 11, fill=GREY))
    sizes = "-".join(str(c.size) for c in columns)
    title = f"A network of {sizes} units: a circle for each unit, a line for each weight"
    return Picture(width, foot + 46 + 16 * len(legend), title, shapes)


def _positions(column: Column, x: float, height: float) -> dict[int, tuple[float, float]]:
    """Return where the shown units stand; in the middle there is room for what is left out."""
    rows: list[int | None] = list(column.shown)
    if column.size > len(column.shown):
        rows.insert(MOST // 2, None)
    top = height / 2 - DOWN * (len(rows) - 1) / 2
    return {k: (x, top + DOWN * i) for i, k in enumerate(rows) if k is not None}


def _line(weight: Any, heaviest: float, ends: tuple[Any, ...], start: int, to: int) -> WeightLine:
    thick = 0.4 + 6.0 * abs(float(weight)) / heaviest
    title = f"weight [{to}, {start}] = {number(weight)}"
    return WeightLine(ends, POSITIVE if weight >= 0 else NEGATIVE, thick, bool(weight < 0), title)


def _unit(
    column: Column, k: int, position: tuple[float, float], is_input: bool
) -> list[WeightLine | Circle | Words]:
    x, y = position
    facts = [f"{'input' if is_input else 'unit'} {k}"]
    circle = Circle(x, y, PAPER, INK, 1.5, "")
    words: list[WeightLine | Circle | Words] = []
    if column.bias is not None:
        facts.append(f"bias {number(column.bias[k])}")
    if column.activation is not None:
        value = column.activation[k]
        facts.append(f"activation {number(value)}")
        circle.fill = _tint(value, np.max(np.abs(column.activation)))
        words.append(Words(x, y + 4, _signed(value), 11))
    if column.gradient is not None:
        slope = column.gradient[k]
        facts.append(f"gradient {number(slope)}")
        circle.rim, circle.width = (POSITIVE if slope >= 0 else NEGATIVE), 4
        words.append(Words(x, y + RADIUS + 13, f"∂ {_signed(slope)}", 10, fill=GREY))
    circle.title = ", ".join(facts)
    return [circle, *words]


def _signed(value: Any) -> str:
    text = format(float(value) + 0.0, ".2g")
    return ("+" if value > 0 else "") + text.replace("-", "−")


def _tint(value: Any, largest: Any) -> str:
    """Return white for 0, blue above, orange below, stronger for larger."""
    return palette.diverging(float(value) / (float(largest) or 1.0))


def to_svg(picture: Picture) -> str:
    """Write a picture as SVG; what a shape stands for is its tooltip."""
    parts = []
    for s in picture.shapes:
        if isinstance(s, WeightLine):
            x1, y1, x2, y2 = s.ends
            dashes = f' stroke-dasharray="{palette.DASHES}"' * s.dashed
            parts.append(
                f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{s.colour}"{dashes}'
                f' stroke-width="{s.width:.2f}" stroke-opacity="{OPACITY}">'
                f"<title>{escape(s.title)}</title></line>"
            )
        elif isinstance(s, Circle):
            parts.append(
                f'<circle cx="{s.x:g}" cy="{s.y:g}" r="{RADIUS}" fill="{s.fill}" stroke="{s.rim}" '
                f'stroke-width="{s.width}"><title>{escape(s.title)}</title></circle>'
            )
        else:
            bold = ' font-weight="bold"' * s.bold
            parts.append(
                f'<text x="{s.x:g}" y="{s.y:g}" text-anchor="middle" font-size="{s.size}"{bold} '
                f'fill="{s.fill}" pointer-events="none">{escape(s.text)}</text>'
            )
    width, height = f"{picture.width:g}", f"{picture.height:g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" font-family="Helvetica,Arial,sans-serif">'
        f"<title>{escape(picture.title)}</title>"
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>{"".join(parts)}</svg>\n'
    )


def to_bytes(picture: Picture, format: str) -> bytes:
    """Render a picture as PDF or PNG, with matplotlib.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        figures = import_module("matplotlib.figure")
        patches = import_module("matplotlib.patches")
    except ImportError:
        purpose = f"write the picture of a network as {format.upper()}"
        raise missing_extra("matplotlib", "viz", purpose) from None
    # One pixel of the picture is one point, so that lines and letters keep their sizes.
    figure = figures.Figure(figsize=(picture.width / 72, picture.height / 72))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, picture.width), ylim=(picture.height, 0))
    axes.set_axis_off()
    dashes = [float(n) for n in palette.DASHES.split()]
    for above, s in enumerate(picture.shapes, 1):
        if isinstance(s, WeightLine):
            style = (0, [n / s.width for n in dashes]) if s.dashed else "-"  # in widths of the line
            axes.plot(s.ends[::2], s.ends[1::2], color=s.colour, lw=s.width, ls=style,
                      alpha=OPACITY, zorder=above, solid_capstyle="butt")  # fmt: skip
        elif isinstance(s, Circle):
            axes.add_patch(patches.Circle((s.x, s.y), RADIUS, facecolor=s.fill, edgecolor=s.rim,
                                          lw=s.width, zorder=above))  # fmt: skip
        else:
            axes.text(s.x, s.y, s.text, size=s.size, color=s.fill, ha="center", va="baseline",
                      weight="bold" if s.bold else "normal", zorder=above)  # fmt: skip
    made = BytesIO()
    # Without the date, two runs give the same bytes.
    metadata = {"CreationDate": None} if format == "pdf" else {}
    figure.savefig(made, format=format, dpi=160, metadata=metadata)
    return made.getvalue()
