"""What a written program is right for: where its lines were chosen by a fact, it asks again.

Eigenvalues are real or complex, residuals are there or not: a source has the lines for one of the
two. A program that is compiled makes one closed step of such a function instead.
"""

from __future__ import annotations

from typing import Any

from ..composite import as_array
from ..primitive import Primitive, derivative
from ..tensor import form, is_recorded


def _holding(x: Any, fact: Any, is_so: bool, what: str) -> Any:
    if bool(fact) != is_so:
        raise ValueError(f"These lines are right only where {what}: write them for such numbers.")
    return x


holding: Primitive = derivative(
    _holding,
    name="holding",
    nondifferentiable="fact",
    x=lambda g, fact, is_so, what: holding(g, fact, is_so=is_so, what=what),
)


def given(x: Any, fact: Any, what: str, otherwise: str) -> Any:
    """Return x, which is right where a fact is as it is now: a recorded program sees to it."""
    if not is_recorded(fact):
        return x
    is_so = bool(as_array(form(fact)))
    return holding(x, fact, is_so=is_so, what=what if is_so else otherwise)
