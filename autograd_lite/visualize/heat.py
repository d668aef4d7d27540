"""How large a gradient is, as a colour: vanishing, exploding, dead, not finite.

>>> steps = [heat_of(g).word for g in (1e-9, 0.0, 1.0, -1e5, np.nan, None)]
>>> steps
['vanishing', 'dead', '', 'exploding', 'not finite', 'no gradient arrives']
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import palette
from .birth import is_finite
from .scene import magnitude

EDGES = (1e-6, 1e-4, 1e-2, 1.0, 1e2, 1e4)
"""Between the seven colours, as powers of ten: |gradient| below the first is vanishing, from the
last on it is exploding."""


class Heat(NamedTuple):
    """How a box is coloured, and the word that says the same."""

    fill: str
    word: str
    style: str = "solid"
    border: str = palette.INK.of()


DEAD = Heat(palette.PAPER.of(), "dead", "dashed")
NOTHING = Heat(palette.SHADE.of(), "no gradient arrives", "dotted", palette.GREY.of())
BAD = Heat(palette.soft(palette.BAD), "not finite", border=palette.BAD.of())


def heat_of(gradient: Any) -> Heat:
    """Return the colour of a gradient: by |gradient|, see `magnitude`."""
    if gradient is None:
        return NOTHING
    if not is_finite(gradient):
        return BAD
    size = magnitude(gradient)
    if size == 0:
        return DEAD
    step = int(np.searchsorted(EDGES, size, side="right"))
    word = {0: "vanishing", len(EDGES): "exploding"}.get(step, "")
    return Heat(palette.GRADIENTS[step], word)


def legend() -> list[tuple[Heat, str]]:
    """Return the colours with what they mean, the smallest first."""
    said = []
    for step, fill in enumerate(palette.GRADIENTS):
        low = f"{EDGES[step - 1]:g} ≤ " if step else ""
        high = f" < {EDGES[step]:g}" if step < len(EDGES) else ""
        heat = heat_of(EDGES[step] / 2 if step < len(EDGES) else EDGES[-1])
        assert heat.fill == fill
        said.append((heat, f"{low}|gradient|{high}{': ' if heat.word else ''}{heat.word}"))
    return [(DEAD, "dead: exactly 0"), *said, (BAD, "✗ NaN or infinite"), (NOTHING, NOTHING.word)]
