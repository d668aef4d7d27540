"""Recording: what is kept of a running program, and in which order.

There is no list of operations. The tape is the Tensors themselves: each one
that an operation made knows its primitive, its operands, their values and a
*sequence number*. The numbers count down, so whatever uses a value has a
smaller number than the value. They are a topological order for free: the
reverse pass (:mod:`autograd_lite.backward`) visits the smallest, the newest,
first, which is what a heap hands out.

How much is recorded is a *mode*: see :mod:`autograd_lite.modes`.
"""

from __future__ import annotations

import contextvars
import itertools
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import locations
from .errors import StaleValueError
from .keeping import held_by
from .modes import state
from .node import Node, metadata, parents

if TYPE_CHECKING:
    from .locations import LayerCall
    from .tensor import Tensor

next_number: Callable[[], int] = itertools.count(-1, -1).__next__

newest_write = [0]
"""The latest change of any value, in any thread: its sequence number, counted up.

A heap of one, since ``heappushpop`` keeps the newer of two numbers in one step, of C. A
thread that took its number and then slept cannot write it over a newer one.
"""


def annotate(result: Tensor) -> None:
    """Add to a recorded result what the present mode asks for beyond a gradient."""
    mode = state.mode
    if mode.lines:
        note_location(result)
    if mode.fingerprints:
        metadata(result)["fingerprints"] = _fingerprints(result)


rule_of: contextvars.ContextVar[Tensor | None] = contextvars.ContextVar(
    "autograd_lite.rule_of", default=None
)
"""The result whose rule is being applied on the tape: what that computes belongs to its line."""


def note_location(result: Tensor) -> None:
    """Note the line and the layer of an operation; in a rule, those of what it is the rule of."""
    made = rule_of.get()
    location: tuple[str | None, LayerCall | None]
    if made is not None and made.tape.line is not None:
        location = made.tape.line, made.tape.call
        metadata(result)["rule_of"] = made._primitive.name
    else:
        location = locations.location(state.calls)
    metadata(result).update(zip(("line", "call"), location, strict=True))


def note_gradient(g: Any, t: Tensor, sweep: int) -> None:
    """Note whose gradient a recorded value is, and at which number the reverse pass began.

    Source code names it after that, and sets the backward pass apart.
    """
    if isinstance(g, Node):
        metadata(g).setdefault("gradient_of", (t, sweep))


def note_sweep(gradients: Iterable[Any], leaves: Iterable[Node], began: int) -> None:
    """Note between which numbers a recorded reverse pass ran, for pictures.

    Either a gradient or what it is the gradient of is on the tape of what is made of it.
    """
    end = next_number()
    made = (g for g in gradients if isinstance(g, Node) and g._number < began)
    aliases = (t for t in leaves if t._metadata is not None and "alias" in t._metadata)
    for t in (*made, *aliases):
        metadata(t)["sweep"] = began, end


MOST_STOPPED = 8  # of the values that a constant was computed from, before no more are noted


def note_stop(t: Tensor, operands: Iterable[Any], needs: bool, how: str) -> None:
    """Note of a constant from which values a gradient would have come, for pictures.

    The values are not kept alive.
    """
    sources: Any = ()
    for x in operands:
        if needs and x._requires:
            found = (weakref.ref(x),)
        elif x._metadata is not None and "stopped" in x._metadata:
            how, found = x._metadata["stopped"]
        else:
            continue
        if not sources:
            sources = found
        elif found is not sources and len(sources) < MOST_STOPPED:
            sources += found
    if sources:
        metadata(t)["stopped"] = how, sources


def verify(result: Any) -> None:
    """Raise if a value that `result` was made from was changed since."""
    for x in parents(result):
        if x._number < result._number:
            raise StaleValueError(
                f"{x._describe()} was changed after '{result._primitive.name}' used it: take the "
                "gradient before the change, or compute the result again."
            )
    note = result._metadata or {}
    for guard in note.get("guards", ()):
        if not guard.holds():
            raise StaleValueError(
                f"An array of shape {guard.array.shape} that '{result._primitive.name}' used was "
                "refilled since: give each use an array of its own (x.copy()), or take the "
                "gradient before the change."
            )
    kept = note.get("fingerprints")
    if kept is not None and kept != _fingerprints(result):
        raise StaleValueError(
            f"An operand of '{result._primitive.name}' was written into after it was used: "
            "compute the result again before taking its gradient."
        )


def _fingerprints(result: Tensor) -> list[int]:
    of = result.tape
    held = held_by(result._primitive.function, *result._primitive._all_rules())
    return [_fingerprint(x) for x in (of.values, of.parameters, result._value, held)]


def _fingerprint(x: Any) -> int:
    """Return a hash of all numbers in an array, or in a nest of them."""
    if isinstance(x, (list, tuple)):
        return hash(tuple(map(_fingerprint, x)))
    if isinstance(x, dict):
        return hash(tuple((key, _fingerprint(value)) for key, value in x.items()))
    if isinstance(x, (np.ndarray, np.generic, int, float, complex)):
        array = np.asarray(x)
        return hash((array.dtype.str, array.shape, array.tobytes()))
    return id(x)
