"""What a notebook shows: a value's numbers, a model's table, and behind a fold the picture.

A notebook must never wait, or fail, for a picture that nobody has asked for: a large
program, a machine without Graphviz, or any error, and there is no fold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from ..later import later
from ..tensor import Tensor
from . import palette
from .graph import named_in
from .network import layers_of
from .text import rows, sentence, summary

SHORT = 60  # operations of a tape that is drawn without being asked
FEW = 24  # layers of a model, likewise


def mimebundle(_shown: Any) -> dict[str, str]:
    """Return the representations of a Tensor or of a model.

    >>> list(mimebundle(Tensor(2.0, requires_grad=True) * 3.0))
    ['text/plain', 'text/html']
    """
    make = _value if isinstance(_shown, Tensor) else _model
    return beside(repr(_shown), "text/html", lambda: make(_shown))


def beside(text: str, kind: str, make: Callable[[], str | None]) -> dict[str, str]:
    """Return a text, and what `make` makes of that kind if it does."""
    bundle = {"text/plain": text}
    try:
        picture = make()
    except Exception:  # whatever it is, the text is there
        picture = None
    return bundle if picture is None else {**bundle, kind: picture}


# -- a value -----------------------------------------------------------------------------------


def _value(_t: Tensor) -> str:
    """Return a value's numbers, shape, dtype and gradient, and its graph behind a fold."""
    array = np.asarray(_t.data)
    known = "requires a gradient, and has none yet" if _t.requires_grad and _t.is_leaf else ""
    known = known if _t.grad is None else ""
    name = escape(named_in(None).get(id(_t)) or _t.name or "value")
    made = _t.tape.primitive.name if _t.tape.primitive is not None else ""
    facts = sentence(
        [f"shape {array.shape}", str(array.dtype), f"made by {made}" if made else "", known]
    )
    columns = [_numbers(array, f"<b>{name}</b>")]
    if _t.grad is not None:
        columns.append(_numbers(np.asarray(_t.grad), f"gradient of {name}"))
    picture = ""
    if _is_short(_t):
        drawn = beside("", "svg", lambda: later("draw")(_t)._repr_svg_()).get("svg", "")
        picture = _fold("the graph", drawn)
    beside_each_other = f'<div style="{ROW}">{"".join(columns)}</div>'
    return f"<div>{beside_each_other}<div>{escape(facts)}</div>{picture}</div>"


ROW = "display:flex;flex-wrap:wrap;gap:.5em 2em;align-items:flex-start"


def _numbers(array: Any, title: str) -> str:
    """Return the numbers of a small array as a table of coloured cells; else what it is like."""
    small = rows(array)
    if small is None:
        facts = [[escape(fact), escape(said)] for fact, said in summary(array).items()]
        return _table(facts, title)
    if not array.ndim:
        return _table([[f"<b>{escape(small[0][0])}</b>"]], title)
    values = np.asarray(array).reshape(-1, array.shape[-1])
    largest = float(np.max(np.abs(values[np.isfinite(values)]), initial=0.0)) or 1.0
    cells = [
        [_cell(text, float(x.real) / largest) for text, x in zip(line, numbers, strict=True)]
        for line, numbers in zip(small, values, strict=True)
    ]
    return _table(cells, title)


def _cell(text: str, share: float) -> str:
    """Return a number on the ground of its sign and size; the sign stands in it too."""
    ground = palette.diverging(share) if np.isfinite(share) else palette.PAPER.of()
    ink = palette.INK.of() if np.isfinite(share) else palette.BAD.of()
    style = f"background:{ground};color:{ink};padding:0 .4em;display:block"
    return f'<span style="{style}">{escape(text.replace("-", "−"))}</span>'


def _table(cells: Iterable[Sequence[str]], title: str = "", head: Sequence[str] = ()) -> str:
    above = "".join(f'<th style="text-align:left">{name}</th>' for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>" for line in cells)
    caption = f'<caption style="text-align:left">{title}</caption>' if title else ""
    return f"<table>{caption}{above and f'<tr>{above}</tr>'}{body}</table>"


def _fold(title: str, svg: str) -> str:
    """Return a picture behind a fold, as wide as the cell, and no wider than it was drawn."""
    found = re.search(r"<svg\b[^>]*>", svg)
    if not found:
        return ""
    width = re.search(r'width="([\d.]+(?:pt|px)?)"', found[0])
    most = f"max-width:{width[1].replace('pt', '').replace('px', '')}px;" if width else ""
    tag = re.sub(r'\s(?:width|height)="[^"]*"', "", found[0])
    tag = tag.replace("<svg", f'<svg style="width:100%;{most}height:auto"', 1)
    picture = tag + svg[found.end() :]
    return f"<details><summary>{title}</summary>{picture}</details>"


def _is_short(t: Tensor) -> bool:
    """Whether something led to it, and not too much."""
    found: set[int] = set()
    waiting: list[Any] = [t]
    while waiting and len(found) <= SHORT:
        x = waiting.pop()
        if isinstance(x, Tensor) and x.tape.primitive is not None and id(x) not in found:
            found.add(id(x))
            waiting.extend(x.tape.operands)
    return 0 < len(found) <= SHORT


# -- a model -----------------------------------------------------------------------------------


def _model(model: Any) -> str:
    """Return a model's table of layers, parameters and shapes, and its picture behind a fold."""
    seen: set[int] = set()
    cells = []
    for path, layer in model.named_modules():
        own = [(n, p) for n, p in vars(layer).items() if isinstance(p, Tensor)]
        if not own and any(True for _ in layer.children()):
            continue
        new = [p for _, p in own if id(p) not in seen]
        seen |= {id(p) for p in new}
        shapes = ", ".join(f"{n} {' × '.join(map(str, p.shape)) or 'number'}" for n, p in own)
        count = f"{sum(p.size for p in new):,}" if own else ""
        cells.append([path or "the model", type(layer).__name__, shapes, count])
    total = sum(p.size for p in model.parameters())
    said = [[escape(str(text)) for text in line] for line in cells]
    said.append(["<b>together</b>", "", "", f"<b>{total:,}</b>"])
    table = _table(said, head=["layer", "kind", "parameters and shapes", "numbers"])
    layers = layers_of(model)
    drawn = ""
    if layers is not None and len(layers) <= FEW:
        drawn = beside("", "svg", lambda: later("draw")(model)._repr_svg_()).get("svg", "")
    return f"<div>{table}{_fold('the network', drawn)}</div>"
