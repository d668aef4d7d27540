"""What the lines of a function give names, found by following it while it runs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..reachable import is_library
from ..tensor import Array
from .record import items_of, named_in

GRADIENT = re.compile(r"^_?(d|d_|grad|grads_|delta|err|error|g_|del)", re.IGNORECASE)
"""How people name what should be a gradient."""

PREFIX = re.compile(r"^_?(d_L_|dL_d|dL|grad_|grads_|delta_?|d_?)(?=.)", re.IGNORECASE)


def gradient_of(name: str) -> str | None:
    """Return what a gradient's name says that it is the gradient of; None if it says nothing.

    >>> gradient_of("dz2"), gradient_of("grad_W1"), gradient_of("d_L_w1"), gradient_of("W1")
    ('z2', 'w1', 'w1', None)
    """
    of = PREFIX.sub("", name)
    return of.lower() if of != name else None


@dataclass(frozen=True, eq=False)
class Assignment:
    """An array that a line of a function gave a name."""

    name: str
    array: Array
    file: str
    line: int


def assignments(
    f: Callable[..., Any], arguments: Sequence[Any], closely: bool = False
) -> Iterator[Assignment]:
    """Yield the float arrays that the lines of `f`, and of what it calls, give names.

    With `closely`, also single numbers, and arrays again when a line has written into them.

    >>> def backward(x):
    ...     dz = x * 2.0
    ...     return dz + 1.0
    >>> [(a.name, a.array) for a in assignments(backward, [np.ones(2)])]
    [('x', array([1., 1.])), ('dz', array([2., 2.]))]
    """
    found: list[Assignment] = []
    seen: dict[tuple[CodeType, str, int], Array] = {}
    kept: list[Any] = []
    old: set[int] = set()
    last: dict[FrameType, int] = {}

    def look(frame: FrameType) -> None:
        for holder, name, x in named_in(frame):
            if isinstance(x, float | np.ndarray | np.floating) and (
                np.asarray(x).dtype.kind == "f" and (closely or np.ndim(x))
            ):
                if GRADIENT.match(holder) and not GRADIENT.match(name):
                    name = f"d{name}"  # as in grads["W1"]
                key = (frame.f_code, name, id(x))
                if id(x) in old:
                    continue
                new = key not in seen
                if new or (closely and not np.array_equal(seen[key], x, equal_nan=True)):
                    seen[key] = np.array(x)
                    kept.append(x)
                    file = frame.f_code.co_filename
                    line = last.get(frame, frame.f_lineno)
                    found.append(Assignment(name, seen[key], file, line))

    def on_line(frame: FrameType, event: str, arg: Any) -> Any:
        if event in ("line", "return"):
            look(frame)
            last[frame] = frame.f_lineno
        return on_line

    selves: list[Any] = []

    def on_call(frame: FrameType, event: str, arg: Any) -> Any:
        me = frame.f_locals.get("self")
        if me is not None and hasattr(me, "__dict__") and not any(me is x for x in selves):
            # What an object holds from before is no result of this call.
            selves.append(me)
            held = [*vars(me).values()]
            held += [x for value in held for _, x in items_of(value)]
            old.update(map(id, held))
            kept.extend(held)
        if is_library(frame.f_code.co_filename):
            return None
        if closely:  # what it is given, no line of its gave a name
            for name, x in frame.f_locals.items():
                if isinstance(x, float | np.ndarray | np.floating):
                    kept.append(x)
                    seen[frame.f_code, name, id(x)] = np.array(x)
        return on_line

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        f(*arguments)
    finally:
        sys.settrace(before)
    yield from found
