"""The first line of a hand-written backward pass whose result is no gradient of the program.

A backward pass names its intermediate results: ``dz2``, ``da1``, ``grad_h``. Each of them
should be the gradient of some value of the forward pass, and those are known from the tape.
So the lines are followed one by one, and the first that assigns an array that looks like a
gradient and is none is named.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..codegen.record import items_of, named_in
from ..places import without_folders
from ..reachable import is_library
from .diagnosis import Array, same
from .suspects import Tape

GRADIENT = re.compile(r"^_?(d|d_|grad|grads_|delta|err|error|g_|del)", re.IGNORECASE)
"""How people name what should be a gradient."""


@dataclass(frozen=True, eq=False)
class Assignment:
    """An array that a line of the backward pass gave a name."""

    name: str
    array: Array
    file: str
    line: int


@dataclass(frozen=True, eq=False)
class WrongStep:
    """The first line whose result is not the gradient that it should be.

    Attributes
    ----------
    assignment
        The line, and what it made.
    wanted
        The gradient that its name says it is; None where the name says nothing.
    before
        The name of the last right gradient before it, or None.
    """

    assignment: Assignment
    wanted: Array | None
    before: str | None

    def __str__(self) -> str:
        a = self.assignment
        so_far = f"; '{self.before}' before it is right" if self.before else ""
        return (
            f"the first line whose result is not the gradient that it should be is "
            f"{a.file}:{a.line}, '{a.name}'{so_far}"
        )


def first_wrong_step(
    grad_f: Callable[..., Any], arguments: Sequence[Any], tape: Tape
) -> WrongStep | None:
    """Return the first wrong line; None where that is not clear.

    Parameters
    ----------
    grad_f
        The hand-written gradient; it is called once more.
    arguments
        What to call it with.
    tape
        The forward pass at the same point.
    """
    try:
        made = list(assignments(grad_f, arguments))
    except Exception:
        return None
    gradients = tape.reached()
    parts = tape.contributions()  # a gradient may be summed in several lines
    known = [(np.asarray(gradients[id(v)]), v) for v in tape.program.values() if id(v) in gradients]
    named = {v.name.lower(): (g, parts.get(id(v), [])) for g, v in known if v.name}
    right_ones = [g for g, _ in known] + [
        g for _, v in known if len(parts.get(id(v), ())) > 1 for g in parts[id(v)]
    ]
    forward = [np.asarray(v.data) for v in tape.program.values()]
    right: list[Assignment] = []
    for a in made:
        is_known = any(same(a.array, g) or same(a.array, g.T) for g in right_ones)
        wanted, summands = named.get(_gradient_of(a.name) or "", (None, []))
        if wanted is not None and wanted.shape == a.array.shape:
            is_right = any(same(a.array, g) for g in (wanted, *summands))
            if is_known and not is_right:
                continue  # the name stands for another gradient, as dx may for that of (x − mean)
        else:
            is_right = is_known
            looks_like_one = GRADIENT.match(a.name) and any(
                g.shape == a.array.shape for g, _ in known
            )
            if not is_right and (not looks_like_one or any(same(a.array, x) for x in forward)):
                continue
        if is_right:
            right.append(a)
        elif right or wanted is not None:
            before = [r.name for r in right if r.line < a.line and r.name != a.name]
            return WrongStep(a, wanted, before[-1] if before else None)
        else:
            return None  # nothing to hold on to: the names are not those of gradients, perhaps
    return None


PREFIX = re.compile(r"^_?(d_L_|dL_d|dL|grad_|grads_|delta_?|d_?)(?=.)", re.IGNORECASE)


def _gradient_of(name: str) -> str | None:
    """Return what a gradient's name says that it is the gradient of; None if it says nothing.

    >>> _gradient_of("dz2"), _gradient_of("grad_W1"), _gradient_of("d_L_w1"), _gradient_of("W1")
    ('z2', 'w1', 'w1', None)
    """
    of = PREFIX.sub("", name)
    return of.lower() if of != name else None


def assignments(f: Callable[..., Any], arguments: Sequence[Any]) -> Iterator[Assignment]:
    """Yield the float arrays that the lines of `f`, and of what it calls, give names.

    >>> def backward(x):
    ...     dz = x * 2.0
    ...     return dz + 1.0
    >>> [(a.name, a.array) for a in assignments(backward, [np.ones(2)])]
    [('x', array([1., 1.])), ('dz', array([2., 2.]))]
    """
    found: list[Assignment] = []
    seen: set[tuple[CodeType, str, int]] = set()
    kept: list[Any] = []
    old: set[int] = set()
    last: dict[FrameType, int] = {}

    def look(frame: FrameType) -> None:
        for holder, name, x in named_in(frame):
            if isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.ndim:
                if GRADIENT.match(holder) and not GRADIENT.match(name):
                    name = f"d{name}"  # as in grads["W1"]
                key = (frame.f_code, name, id(x))
                if key not in seen and id(x) not in old:
                    seen.add(key)
                    kept.append(x)
                    file = without_folders(frame.f_code.co_filename)
                    line = last.get(frame, frame.f_lineno)
                    found.append(Assignment(name, x.copy(), file, line))

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
        return None if is_library(frame.f_code.co_filename) else on_line

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        f(*arguments)
    finally:
        sys.settrace(before)
    yield from found
