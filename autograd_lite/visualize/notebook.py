"""What a notebook shows: text always, and beside it a picture where one is made soon.

A notebook must never wait, or fail, for a picture that nobody has asked for: a large
program, a machine without Graphviz, or any error, and there is the text alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..later import later
from ..tensor import Tensor
from .network import layers_of

SHORT = 60  # operations of a tape that is drawn without being asked
FEW = 24  # layers of a model, likewise


def mimebundle(shown: Any) -> dict[str, str]:
    """Return the representations of a Tensor or of a model.

    >>> mimebundle(Tensor(2.0))
    {'text/plain': 'Tensor(2.)'}
    >>> list(mimebundle(Tensor(2.0, requires_grad=True) * 3.0))
    ['text/plain', 'image/svg+xml']
    """
    if isinstance(shown, Tensor):
        drawable = _is_short(shown)
    else:
        drawable = len(layers_of(shown) or [None] * (FEW + 1)) <= FEW
    return beside(
        repr(shown), "image/svg+xml", drawable and (lambda: later("draw")(shown)._repr_svg_())
    )


def beside(text: str, kind: str, make: Callable[[], str | None] | bool) -> dict[str, str]:
    """Return a text, and what `make` makes of that kind if it does."""
    bundle = {"text/plain": text}
    try:
        picture = make() if callable(make) else None
    except Exception:  # whatever it is, the text is there
        picture = None
    return bundle if picture is None else {**bundle, kind: picture}


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
