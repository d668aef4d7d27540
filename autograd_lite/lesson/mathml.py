"""A derivation as MathML, to stand in the middle of another web page.

It has no script, no style and no id, so that it can stand there any number of times; the
class names ``derivation`` and ``note`` are there to be styled.
"""

from __future__ import annotations

from html import escape

import numpy as np

from .derivation import Derivation
from .equations import Equation, equations, how_to_read
from .notation import MATHML, Rounded


@np.errstate(all="ignore")  # the program had its warnings
def to_mathml(derivation: Derivation) -> str:
    """Write a derivation as a fragment of HTML: headings and equations."""
    root = f"<math>{MATHML.symbol(derivation.root.name)}</math>"
    forward, backward, gradients = equations(derivation, MATHML)
    parts = [
        '<div class="derivation">',
        f"<h3>Forward: from the inputs to {root}</h3>",
        *map(_line, forward),
        f"<h3>Backward: from {root} to the inputs</h3>",
        *map(_line, backward),
        "<h3>Gradients</h3>",
        *map(_line, gradients),
        f'<p class="note">{escape(how_to_read(derivation))}</p>',
        "</div>",
    ]
    return "\n".join(parts) + "\n"


def _line(e: Equation) -> str:
    if not e.left:
        return f'<p class="note"><math>{e.note}</math></p>'
    sign = "+=" if e.adds else "≈" if isinstance(e.right[0], Rounded) else "="
    parts = [e.left, f"<mo>{sign}</mo>", MATHML.equation(e.right)]
    note = f'<mspace width="1.5em"/>{e.note}' if e.note else ""
    return f'<p><math display="block">{"".join(parts)}{note}</math></p>'
