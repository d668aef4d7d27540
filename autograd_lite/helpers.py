"""What the woven functions call where a few lines will not do: see :mod:`autograd_lite.weave`.

First of the forward pass (operands that are no Tensors, results of which more than usual is
recorded, errors), then of the reverse pass (contributions that do not fit, several outputs).
"""

from __future__ import annotations

import operator
import re
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .declaration import Declaration
from .errors import BroadcastError, NoDerivativeError, RuleError
from .fitting import as_dtype, unbroadcast
from .foreign import answers_itself, as_operand, not_an_operand
from .keeping import Guard, snapshot, snapshot_operand
from .later import later
from .modes import GRADIENT, special, state
from .node import LARGE, Node, let_go, metadata, parents
from .node import values as values_of
from .protocol import whole_name
from .tape import annotate, note_stop
from .tensor import CONSTANT, Tensor, constant, unwrap

WEAK = frozenset({float, int, bool, complex, np.float64, np.float32, np.int64, np.bool_})
REFILLABLE = frozenset({np.ndarray, list, tuple, dict})  # parameters that may change later


def checked(value: Any) -> Any:
    """Check an operand that is not a Tensor."""
    array = beside(value)
    if array is not NotImplemented:
        return array
    if isinstance(value, (np.ndarray, np.generic, str, bytes)):
        array = np.asarray(value)
        if array.dtype.kind in "SUMm":  # text and dates: NumPy says what is wrong with them
            return array
    raise not_an_operand(value)


def beside(value: Any) -> Any:
    """Return what stands beside a Tensor as an array; NotImplemented where that answers itself."""
    if type(value) is not np.ndarray or value.dtype.kind not in "fciub":
        return as_operand(value)
    if value.ndim or (special and state.mode.recorder is not None):  # which sees who owns it
        return value
    return value[()]  # a scalar, as in a Tensor


def leave(x: Any, y: Any, primitive: Declaration) -> Any:
    """Return NotImplemented for an operand that is no array; a comparison is left to NumPy."""
    compare = _COMPARISONS.get(primitive.function)
    if compare is None or answers_itself(type(y if isinstance(x, Tensor) else x)):
        return NotImplemented
    return constant(np.asarray(compare(unwrap(x), unwrap(y))))


_COMPARISONS: dict[Any, Callable[[Any, Any], Any]] = {
    np.equal: operator.eq,
    np.not_equal: operator.ne,
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
}


def finish(
    value: Any,
    number: int,
    needs: int,
    primitive: Declaration,
    operands: Any,
    values: Any,
    parameters: Any,
) -> Tensor:
    """Return a result that is a constant, or of which more than usual is recorded."""
    t = object.__new__(Tensor)
    t._value = value
    t._grad = t._metadata = None
    t._number = number
    mode = state.mode if special else GRADIENT
    t._requires = needs if mode.records else 0
    if mode.watch:
        t._primitive = None
        later("watch_result")(t, primitive, operands, values, parameters)
    if not t._requires and not mode.everything:
        t._primitive = None
        if needs or operands[0]._metadata is not None or operands[-1]._metadata is not None:
            note_stop(t, operands, bool(needs), "no_grad")
        if not primitive.rules and primitive.joint is None:
            _note_condition(t, primitive, operands, values, mode.lines)
        return t
    if mode.recorder is not None:
        # A rule must get arrays of the surrounding program as its values, not as constants.
        operands = tuple(
            mode.recorder.held(v) if x is CONSTANT and isinstance(v, np.ndarray) else x
            for x, v in zip(operands, values, strict=True)
        )
        if primitive in mode.recorder.closed:
            primitive, parameters = mode.recorder.primitive(primitive, parameters)
    t._primitive = primitive
    if mode.keeps:
        guards: list[Guard] = []
        values = [
            snapshot_operand(v, guards) if x is CONSTANT and type(v) not in WEAK else v
            for x, v in zip(operands, values, strict=True)
        ]
        if parameters:
            parameters = {k: snapshot(v) for k, v in parameters.items()}
        if guards:
            t._metadata = {**(t._metadata or {}), "guards": guards}
    if primitive.slots == 0:
        t._a, t._value_a = operands, tuple(values)
    else:
        t._a, t._value_a = operands[0], values[0]
        t._b, t._value_b = operands[-1], values[-1]
    if primitive.takes_parameters:
        t._parameters = parameters
    if mode is not GRADIENT:
        annotate(t)
        return t
    large = t._value if primitive.elementwise else values[0]
    if type(large) is np.ndarray and large.nbytes >= LARGE:
        let_go(t)
    return t


DEPTH = 3  # operations that a condition may tell of, one in the other


def _note_condition(
    t: Tensor, primitive: Declaration, operands: Any, values: Any, holds: bool
) -> None:
    """Note what a condition asked, such as z > 0, for those who explain a choice.

    It is no step of the program, and holds what it was asked of no longer than the program does,
    unless that is traced; numbers and other conditions belong to the question. What was computed
    for the question alone, as |z| in |z| < 1, is gone after it: how it was computed is noted.
    """
    asks = _told(primitive, operands, values, holds, DEPTH)
    if asks is not None:
        metadata(t)["asks"] = asks


def _told(
    primitive: Declaration, operands: Any, values: Any, holds: bool, depth: int
) -> tuple[Declaration, list[Any]] | None:
    """Return what was applied to what: numbers, Tensors, or references with what made those.

    None where an array stands among the operands.
    """
    of: list[Any] = []
    for x, value in zip(operands, values, strict=True):
        if x is CONSTANT:
            if type(value) not in WEAK:
                return None
            of.append(value)
        elif holds or (x._metadata is not None and "asks" in x._metadata):
            of.append(x)
        else:
            held = weakref.ref(x) if type(x) is not Node else x._twin[0]
            made = x._primitive
            is_plain = depth and made is not None and made.slots and not made.outputs
            if is_plain and not (made.takes_parameters and x._parameters):
                of.append((held, _told(made, parents(x), values_of(x), False, depth - 1)))
            else:
                of.append((held, None))
    return primitive, of


_MISFIT = re.compile("could not be broadcast|mismatch in its core dimension|not aligned")


def explain(error: ValueError, primitive: Declaration, operands: Any, values: Any) -> None:
    """Say which operation failed, on which shapes and names, if it is the shapes that do not fit.

    Any other error is left as it is, and so is one that was raised inside of somebody's function,
    unless the function is elementwise and its operands do not broadcast.
    """
    if type(error) is not ValueError or not _MISFIT.search(str(error)):
        return
    assert error.__traceback__ is not None
    inside = error.__traceback__.tb_next is not None
    if _broadcast(map(np.shape, values)) if primitive.elementwise else inside:
        return
    described = [
        f"{np.shape(value)}" + (f" ('{operand.name}')" if operand.name else "")
        for value, operand in zip(values, operands, strict=True)
    ]
    raise BroadcastError(
        f"The shapes {' and '.join(described)} do not go together in {primitive.name}: {error}"
    ) from error


def _broadcast(shapes: Iterable[tuple[int, ...]]) -> bool:
    """Whether shapes broadcast."""
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def missing_rule(primitive: Declaration, operand: str) -> Any:
    """Raise: a gradient was asked for of an operand that has no rule."""
    name = whole_name(primitive.function)
    if name.startswith("scipy."):  # whose rules are all that there are in closed form
        raise NoDerivativeError(
            f"{name} has no derivative by its argument '{operand}' in closed form: give it as a "
            "number, t.item() or t.numpy(), and it counts as a constant."
        )
    raise NoDerivativeError(
        f"'{primitive.name}' has no rule for its operand '{operand}': declare one, "
        f"derivative(…, {operand}=lambda g, …: …), or detach() the operand."
    )


def of_each(parts: Any, count: int, primitive: Declaration) -> Any:
    """Raise RuleError unless a joint rule returned a gradient, or None, for each operand."""
    if not isinstance(parts, (tuple, list)) or len(parts) != count:
        given = f"{len(parts)}" if isinstance(parts, (tuple, list)) else f"a {type(parts).__name__}"
        raise RuleError(
            f"The joint rule of '{primitive.name}' returned {given}: it must return a tuple of "
            f"{count}, a gradient or None for each operand."
        )
    return parts


def conform(c: Any, value: Any, primitive: Declaration, operand: str) -> Any:
    """Fit a contribution to its operand: sum what was broadcast, keep the dtype."""
    if isinstance(c, OutputGradients):
        return c
    if c is None:
        missing_rule(primitive, operand)
    if not isinstance(c, (np.ndarray, np.generic, Tensor)):
        c = np.asarray(c)
    shape = value.shape
    if c.shape != shape:
        if not primitive.elementwise:
            raise RuleError(
                f"A rule of '{primitive.name}' returned a gradient of shape {c.shape} "
                f"for an operand of shape {shape}."
            )
        c = unbroadcast(c, shape)
    return as_dtype(c, value.dtype)


# -- primitives with several outputs -------------------------------------------


class OutputGradients:
    """The gradient of a bundle of outputs: what has arrived so far, by position."""

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts

    def __add__(self, other: OutputGradients) -> OutputGradients:
        both = dict(self.parts)
        for index, g in other.parts.items():
            both[index] = both[index] + g if index in both else g
        return OutputGradients(both)


def zero_fill(g: OutputGradients, t: Tensor) -> list[Any]:
    """Return a gradient for each output; zeros where none arrived."""
    return [g.parts[i] if i in g.parts else np.zeros_like(part) for i, part in enumerate(t._value)]
