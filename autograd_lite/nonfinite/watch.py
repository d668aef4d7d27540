"""`anomaly`: an error at the moment when the first NaN or infinity is made."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import numpy as np

from ..errors import NotFiniteError
from ..locations import is_skipped
from ..modes import Mode, recording, state
from ..tape import note_location
from ..tensor import CONSTANT, Tensor, unwrap
from .experiment import first_index
from .node import RecordedCall
from .origin import Found, Sweep, of_result, of_value
from .report import described, names_in


def anomaly(infinities: bool = True) -> recording:
    """Raise where the first value or gradient that is not finite is made, inside a ``with`` block.

    Both passes are watched, transforms and checkpoints too, and every operation is looked at,
    so it is slow: it is for finding a fault. Outside of such blocks nothing is slower for it.

    Parameters
    ----------
    infinities
        Whether an infinity that an operation makes is a fault as well, such as log(0). One
        that was given, such as the −inf of a mask, is none before a NaN is made of it.

    Raises
    ------
    NotFiniteError
        A `FloatingPointError`. Its text, and its `first_bad`, say where and of which numbers.

    Examples
    --------
    >>> from autograd_lite import Tensor, anomaly
    >>> x = Tensor([1.0, 0.0], requires_grad=True, name="x")
    >>> with anomaly():
    ...     np.sum(np.sqrt(x)).backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_lite.errors.NotFiniteError: sqrt at ...: 1 · inf at [1] makes inf in the backward \
pass, as the gradient of the input 'x'...
    """
    watch = "all" if infinities else "nan"

    def change(outside: Mode) -> Mode:
        return outside._replace(lines=True, watch=watch)

    return recording(change)


def watch_result(t: Tensor, primitive: Any, operands: Any, values: Any, parameters: Any) -> None:
    """Raise if an operation has made a number that is not finite."""
    results = t._value if primitive.outputs else (t._value,)
    if all(first_index(x) is None for x in results):
        return
    note_location(t)
    operands = [v if x is CONSTANT else x for x, v in zip(operands, values, strict=True)]
    node = RecordedCall(t, primitive, operands, values, parameters or {})
    kind = state.mode.watch
    with recording(_unwatched), np.errstate(all="ignore"):
        for k, x in enumerate(results):
            found = _made(node, (k,) if primitive.outputs else (), x, kind)
            if found is not None:
                _raise(found)


def _made(node: RecordedCall, which: tuple[int, ...], result: Any, kind: str) -> Found | None:
    """Return what an operation has made of its operands, unless that was given."""
    index = first_index(result)
    if index is None:
        return None
    x = np.asarray(result)
    if not np.isnan(x[index]):
        if kind == "nan":
            return None
        # Of several infinities some may have been given: those that go with the operands'.
        index = next((i for i in _infinite(x) if _handed_on(node, (*which, *i)) is None), None)
        return None if index is None else Found("forward", (*which, *index), x[index], node)
    step = of_result(node, (*which, *index))
    if isinstance(step, Found):
        return step
    i, at = step
    origin = of_value(node.operands[i], at, node.values[i])
    if not np.isnan(np.asarray(node.values[i])[at]) and origin.turn is None:
        origin.turn = Found("forward", (*which, *index), x[index], node)
    return origin


def _infinite(x: Any) -> list[tuple[int, ...]]:
    return [tuple(map(int, i)) for i in np.argwhere(np.isinf(x))[:64]]


def _handed_on(node: RecordedCall, index: tuple[int, ...]) -> Any:
    """Return the operand that an infinity came from; None if it was made here."""
    step = of_result(node, index)
    return None if isinstance(step, Found) else step


def watch_gradients(roots: Any, start: int | None = None, stop: int = 0) -> None:
    """Raise if a reverse pass from some roots makes a number that is not finite."""
    kind = state.mode.watch
    roots = [(t, unwrap(g)) for t, g in roots]
    if not any(np.any(g) for _, g in roots):
        return  # of no gradient there is nothing to learn: `linearize` begins so
    with recording(_unwatched), np.errstate(all="ignore"):
        found = Sweep(roots, start, stop).first()
        if found is not None and (kind == "all" or found.turn or np.isnan(found.number)):
            _raise(found)


def _unwatched(mode: Mode) -> Mode:
    return mode._replace(watch="")


def _raise(found: Found) -> None:
    names: list[tuple[str, Any]] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not is_skipped(frame.f_code.co_filename):
            names += names_in(frame.f_locals)
        frame = frame.f_back
    raise NotFiniteError(described(found, names)) from None
