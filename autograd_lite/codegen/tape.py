"""What a reader asks the tape for: everything that knows how a Tensor keeps it is here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..primitive import Primitive
from ..record import recorded
from ..tensor import Tensor


def steps(roots: Sequence[Tensor]) -> list[Tensor]:
    """Return every result on the tape behind `roots`, oldest first."""
    return [t for t, _ in recorded(roots)]


def made(t: Tensor) -> tuple[Primitive, tuple[Any, ...], tuple[Any, ...]]:
    """Return what made a result: the primitive, the operands, and their values then."""
    of = t.tape
    assert of.primitive is not None
    return of.primitive, of.operands, of.values


def parameters(t: Tensor) -> dict[str, Any]:
    """Return what was given to the primitive beside the operands."""
    return t.tape.parameters


def line(t: Tensor) -> str | None:
    """Return ``file:line`` of the operation, where it was recorded."""
    return t.tape.line


def data(x: Any) -> Any:
    """Return the array or number of a Tensor; anything else as it is."""
    return x.data if isinstance(x, Tensor) else x


def owner(operand: Any, data: Any) -> Any:
    """Return who has the numbers of an operand that no step made: a Tensor, or the array."""
    if isinstance(operand, Tensor):
        return (operand._metadata or {}).get("held", operand)
    return data


def number(t: Tensor) -> int:
    """Return a number that is larger for what was made later."""
    return abs(t._number)


def gradient_of(t: Tensor) -> tuple[Tensor | None, int]:
    """Return the value whose gradient a result is, and at which number that sweep began.

    None and 0 where no recorded backward pass made it.
    """
    found: tuple[Tensor | None, int] = (t._metadata or {}).get("gradient_of", (None, 0))
    return found
