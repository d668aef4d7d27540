"""The classic picture of a network: a circle for each unit, a line for each weight.

It knows no module by name. Whatever can be gone through layer by layer, and has layers
with a two-dimensional ``weight`` of shape (out, in), can be drawn; layers without one
(activations) belong to the units before them.

A line is the wider the larger its weight; it is solid and blue for a positive weight,
dashed and orange for a negative one. For a given input, a circle's fill is the unit's
activation, and its rim the gradient of the output with respect to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from ..tape import differentiating
from ..tensor import Tensor
from .text import number

POSITIVE, NEGATIVE, GREY = "#0072B2", "#D55E00", "#595959"
MOST = 12  # units of a layer, before some are left out
RADIUS, ACROSS, DOWN, MARGIN = 22, 170, 62, 60  # in pixels


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
    given = np.asarray(inputs.data if isinstance(inputs, Tensor) else inputs, dtype=float)
    if given.size != columns[0].size:
        raise ValueError(
            f"inputs is one point, {columns[0].size} numbers, and its shape is {given.shape}."
        )
    # The parameters' own gradients stay as they are.
    kept = [(p, p.grad) for layer in layers for p in _parameters(layer)]
    with differentiating():
        value: Any = Tensor(given.reshape(1, -1), requires_grad=True)
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


def to_svg(columns: list[Column]) -> str:
    """Draw the columns from left to right."""
    tallest = max(len(c.shown) + (c.size > len(c.shown)) for c in columns)
    width = 2 * MARGIN + ACROSS * (len(columns) - 1)
    height = 2 * MARGIN + DOWN * (tallest - 1) + 44
    places = [_places(c, MARGIN + i * ACROSS, height - 44) for i, c in enumerate(columns)]
    heaviest = max(float(np.max(np.abs(c.weight))) for c in columns[1:]) or 1.0
    parts = []
    for i, column in enumerate(columns[1:], 1):
        for to, (x2, y2) in places[i].items():
            for start, (x1, y1) in places[i - 1].items():
                weight = column.weight[to, start]
                parts.append(_line(weight, heaviest, (x1, y1, x2, y2), start, to))
    for i, column in enumerate(columns):
        parts += [_unit(column, k, place, i == 0) for k, place in places[i].items()]
        x = MARGIN + i * ACROSS
        if column.size > len(column.shown):
            parts.append(_text(x, (height - 44) / 2 + 6, "⋮", size=22))
        parts.append(_text(x, height - 34, ", ".join(column.names), size=13, bold=True))
        units = f"{column.size} unit{'s' * (column.size != 1)}"
        parts.append(_text(x, height - 17, units, size=12, fill=GREY))
    sizes = "-".join(str(c.size) for c in columns)
    title = f"A network of {sizes} units: a circle for each unit, a line for each weight"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" font-family="Helvetica,Arial,sans-serif">'
        f"<title>{escape(title)}</title>"
        f'<rect width="{width}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _places(column: Column, x: float, height: float) -> dict[int, tuple[float, float]]:
    """Return where the shown units stand; in the middle there is room for what is left out."""
    rows: list[int | None] = list(column.shown)
    if column.size > len(column.shown):
        rows.insert(MOST // 2, None)
    top = height / 2 - DOWN * (len(rows) - 1) / 2
    return {k: (x, top + DOWN * i) for i, k in enumerate(rows) if k is not None}


def _line(weight: Any, heaviest: float, ends: tuple[float, ...], start: int, to: int) -> str:
    x1, y1, x2, y2 = ends
    thick = 0.4 + 6.0 * abs(float(weight)) / heaviest
    look = f'stroke="{POSITIVE}"' if weight >= 0 else f'stroke="{NEGATIVE}" stroke-dasharray="7 4"'
    return (
        f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" {look} '
        f'stroke-width="{thick:.2f}" stroke-opacity="0.75">'
        f"<title>weight [{to}, {start}] = {number(weight)}</title></line>"
    )


def _unit(column: Column, k: int, place: tuple[float, float], is_input: bool) -> str:
    x, y = place
    name = f"{'input' if is_input else 'unit'} {k}"
    facts = [name]
    fill, rim, label = "#ffffff", "#000000", ""
    if column.bias is not None:
        facts.append(f"bias {number(column.bias[k])}")
    if column.activation is not None:
        value = column.activation[k]
        facts.append(f"activation {number(value)}")
        fill, label = _tint(value, np.max(np.abs(column.activation))), _signed(value)
    width = 1.5
    below = ""
    if column.gradient is not None:
        slope = column.gradient[k]
        facts.append(f"gradient {number(slope)}")
        rim, width = POSITIVE if slope >= 0 else NEGATIVE, 4
        below = _text(x, y + RADIUS + 13, f"∂ {_signed(slope)}", size=10, fill=GREY)
    return (
        f'<g><title>{escape(", ".join(facts))}</title><circle cx="{x:g}" cy="{y:g}" r="{RADIUS}" '
        f'fill="{fill}" stroke="{rim}" stroke-width="{width}"/>{_text(x, y + 4, label, size=11)}'
        f"{below}</g>"
    )


def _signed(value: Any) -> str:
    text = format(float(value) + 0.0, ".2g")
    return ("+" if value > 0 else "") + text.replace("-", "−")


def _tint(value: Any, largest: Any) -> str:
    """Return white for 0, blue above, orange below, stronger for larger."""
    share = 0.6 * min(1.0, abs(float(value)) / (float(largest) or 1.0))
    full = POSITIVE if value >= 0 else NEGATIVE
    mixed = (round(255 - (255 - int(full[i : i + 2], 16)) * share) for i in (1, 3, 5))
    return "#" + "".join(f"{c:02x}" for c in mixed)


def _text(
    x: float, y: float, text: str, *, size: int, bold: bool = False, fill: str = "#000000"
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" font-size="{size}"{weight} '
        f'fill="{fill}">{escape(text)}</text>'
    )
