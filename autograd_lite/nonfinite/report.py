"""Where the first NaN was born: `first_bad` of a result, and `anomaly` around a program.

>>> import numpy as np
>>> from autograd_lite import Tensor, first_bad
>>> x = Tensor([0.0, 4.0], requires_grad=True, name="x")
>>> bad = first_bad(np.sum(0.0 * np.sqrt(x)))
>>> bad.operation, bad.way, bad.index, bad.numbers
('sqrt', 'backward', (0,), '0 · inf')
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..backward import conjugate_if_complex, seed_for
from ..locations import without_folders
from ..modes import trace
from ..record import recorded
from ..tensor import Tensor
from .experiment import first_index
from .meeting import number, numbers_of
from .node import RecordedCall
from .origin import Found, Sweep, of_value

Names = Iterable[tuple[str, Any]]  # of Tensors and arrays

REMEDIES = {
    ("forward", "log"): "Keep what goes into a logarithm above 0, as in "
    "np.log(np.maximum(p, 1e-12)), or take a loss of logits.",
    ("forward", "sqrt"): "A negative number has no real root: where rounding made it negative, "
    "take np.sqrt(np.maximum(x, 0)).",
    ("backward", "sqrt"): "The slope of a root is infinite at 0: add a small number under it, or "
    "take np.linalg.norm for a distance, whose gradient at 0 is 0.",
    ("forward", "divide"): "Keep the denominator away from 0, as by adding a small number to it.",
    ("forward", "exp"): "Subtract the largest exponent first, as logsumexp and softmax do.",
    ("forward", "power"): "That power is infinite or not real: keep the base above 0.",
    ("backward", "power"): "The slope of a power below 1 is infinite at 0: keep the base above 0.",
    ("backward", "arccos"): "The slope is infinite at the ends: clip to the inside of [-1, 1].",
    ("forward", "softmax"): "A softmax of nothing but -inf has no value, nor one of inf: leave "
    "such a row out, or keep one finite number in it.",
}
_LIKE = {"log2": "log", "log10": "log", "arcsin": "arccos", "log_softmax": "softmax"}


@dataclass(frozen=True)
class FirstBad:
    """The first value or gradient that is not finite; its text says so in a sentence.

    Attributes
    ----------
    way
        ``"forward"``: an operation's result. ``"backward"``: the gradient that it sends to an
        operand. ``"input"``: it was there before, in a parameter, in the data, ….
    operation
        The operation's name; None for an input.
    line
        ``file:line`` of the operation, where `trace` or `anomaly` recorded it.
    layer
        The module that it is part of, such as ``'block.0' (Linear)``; else empty.
    name
        Of the input, or of the value whose gradient it is, with what that is; else empty.
    index
        Which element.
    value
        What it is: a NaN or an infinity.
    numbers
        What met there, such as ``0 · inf``; empty for an input.
    remarks
        Sentences on what came of it, why, and what to do.

    Examples
    --------
    >>> from autograd_lite import Tensor, first_bad
    >>> import numpy as np
    >>> z = Tensor([1.0, -1.0], requires_grad=True, name="z")
    >>> with np.errstate(all="ignore"):
    ...     bad = first_bad(np.sum(np.log(z)))
    >>> bad.operation, bad.index, bad.way
    ('log', (1,), 'forward')
    """

    way: Literal["forward", "backward", "input"]
    operation: str | None
    line: str | None
    layer: str
    name: str
    index: tuple[int, ...]
    value: Any
    numbers: str
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.way == "input":
            name = self.name[:1].upper() + self.name[1:]
            first = f"{name} had {number(self.value)}{_at(self.index)} already."
            if name == f"The number {number(self.value)}":
                first = f"{name} was given."
        else:
            where = _where(self.operation, self.line, self.layer)
            back = f" in the backward pass, as the gradient of {self.name}"
            end = back if self.way == "backward" else ""
            first = f"{where}: {self.numbers}{_at(self.index)} makes {number(self.value)}{end}."
        return " ".join([first, *self.remarks])


def first_bad(loss: Tensor | Callable[..., Tensor], *inputs: Any) -> FirstBad | None:
    """Find the first value or gradient that is not finite: where, and of which numbers.

    What is found is the cause of what can be seen: of a result that is not finite; else of
    an input's gradient; else of an interior one. An infinity that was *given*, such as the −inf
    of a mask, is nobody's fault until something makes a NaN of it. No ``.grad`` changes.

    Parameters
    ----------
    loss
        A result; or a function, which is called on the inputs while the line of each
        operation is recorded. (For a result, run the program inside ``with trace():``, or
        the line is not known.)
    *inputs
        For a function: its arguments. Arrays and numbers of floats become inputs.

    Returns
    -------
    FirstBad or None
        None if all is finite.

    Raises
    ------
    TypeError
        If `loss` is neither a Tensor nor a function that returns one.

    Examples
    --------
    >>> bad = first_bad(lambda x: np.sum(np.where(x > 0.0, np.sqrt(x), 0.0)), [-1.0, 4.0])
    >>> bad.operation, bad.way, bad.numbers, bad.index
    ('sqrt', 'forward', 'sqrt(-1)', (0,))
    >>> print(bad.remarks[0])  # doctest: +ELLIPSIS
    No result shows it, but the backward pass meets it: sqrt at ...: 0 · nan at [0].
    """
    names = names_in(sys._getframe(1).f_locals)
    if not isinstance(loss, Tensor):
        if not callable(loss):
            raise TypeError(
                f"first_bad takes a Tensor or a function, and got {type(loss).__name__}: give the "
                "result of your program, such as the loss."
            )
        given = [_input(x) for x in inputs]
        names = [*zip(_parameters(loss), given, strict=False), *names]
        with trace(), np.errstate(all="ignore"):
            loss = loss(*given)
        if not isinstance(loss, Tensor):
            raise TypeError(f"The function returned {type(loss).__name__}, and not a Tensor.")
    elif inputs:
        raise TypeError("Inputs are given to a function; a Tensor has been computed already.")
    return diagnose(loss, names)


def diagnose(loss: Tensor, names: Names = ()) -> FirstBad | None:
    """Return what `first_bad` returns, with `names` for Tensors and arrays that have none.

    >>> from autograd_lite import Tensor
    >>> import numpy as np
    >>> z = Tensor([1.0, -1.0], requires_grad=True)
    >>> with np.errstate(all="ignore"):
    ...     bad = diagnose(np.sum(np.log(z)))
    >>> bad.operation
    'log'
    """
    with np.errstate(all="ignore"):
        found = find(loss)
        return None if found is None else described(found, names)


def find(loss: Tensor) -> Found | None:
    """Return where the first number was born that is not finite, of a result or of a gradient."""
    index = first_index(loss._value)
    if index is not None:
        return of_value(loss, index)
    if loss._requires:
        found = Sweep([(loss, _seed(loss))]).first()
        if found is not None:
            return found
    # What nobody sees: a result on the way that led to nothing that is not finite.
    for t, _ in recorded([loss]):
        index = None if isinstance(t._value, tuple) else first_index(t._value)
        if index is not None:
            found = of_value(t, index)
            if found.way == "forward":
                found.harmless = True
                return found
    return None


def _seed(loss: Tensor) -> Any:
    upstream = loss.tape.upstream
    if upstream is not None:
        return conjugate_if_complex(np.asarray(upstream)[()])
    return seed_for(loss, None if loss.size == 1 else np.ones_like(loss._value))


def _parameters(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def _input(x: Any) -> Any:
    if isinstance(x, Tensor):
        return x
    t = Tensor(x)
    return t.requires_grad_() if t.dtype.kind in "fc" else t


# -- in words --------------------------------------------------------------------------------


def names_in(variables: Any) -> Names:
    """Return the Tensors and arrays among a function's variables, with their names."""
    kinds = Tensor, np.ndarray
    return [(k, v) for k, v in variables.items() if isinstance(v, kinds) and not k.startswith("_")]


def described(found: Found, names: Names = ()) -> FirstBad:
    """Put into words what was found."""
    node, way, name = found.node, found.way, ""
    operation, line, layer = _operation(node) if node is not None else (None, None, "")
    if found.way == "input":
        name = describe_value(found.operand, names)
    elif found.way == "sum":
        way, operation, name = (
            "backward",
            "the sum of gradients",
            describe_value(found.operand, names),
        )
    elif found.way == "backward":
        name = describe_value(node.operands[found.operand], names, node, found.operand)
    remarks = []
    if found.turn is not None:
        remarks.append(f"{_met(found.turn)} makes nan of it.")
    if found.poisoned is not None:
        remarks.append(
            f"No result shows it, but the backward pass meets it: {_met(found.poisoned)}."
        )
    if found.unused is not None:
        remarks.append(_unused(found))
    else:
        remarks += _remedy(found.turn if way == "input" and found.turn else found)
    if node is not None and node.t.tape.rule_of is not None:
        remarks.append(f"It is in the derivative of {operation}, in its step '{node.name}'.")
    if found.harmless:
        remarks.append("The result and all gradients are finite all the same.")
    if operation is not None and line is None:
        remarks.append("(Inside `with trace():` the line would be known.)")
    return FirstBad(
        "backward" if way == "sum" else way, operation, line, layer, name, found.index,
        found.number, numbers_of(found), tuple(remarks),
    )  # fmt: skip


def _remedy(found: Found) -> list[str]:
    """Say what to do, where that is known."""
    if found.node is None:
        return []
    name, said = found.node.name, []
    dtype = np.asarray(found.node.outs[0]).dtype
    if np.isinf(found.number) and dtype in (np.float16, np.float32):
        said.append(f"{dtype} ends at {number(np.finfo(dtype).max)}.")
    remedy = REMEDIES.get((found.way, _LIKE.get(name, name)))
    return [*said, remedy] if remedy else said


def _operation(node: RecordedCall) -> tuple[str, str | None, str]:
    """Return an operation's name, line and layer."""
    return node.t.tape.rule_of or node.name, node.t.tape.line, _layer(node)


def _layer(node: RecordedCall) -> str:
    call = node.t.tape.call
    if call is not None:
        path, outer = call.name, call.within
        while outer is not None and outer.within is not None:
            path, outer = f"{outer.name}.{path}", outer.within
        return f"'{path}' ({call.kind})" if path != call.kind else path
    for x in node.operands:  # the name of a parameter tells too
        name = x.name if isinstance(x, Tensor) and x.is_leaf else None
        if name and "." in name:
            return f"'{name.rpartition('.')[0]}'"
    return ""


def _at(index: tuple[int, ...]) -> str:
    return f" at {list(index)}" if index else ""


def _where(operation: str | None, line: str | None, layer: str = "") -> str:
    at = f" at {without_folders(line)}" if line else ""
    return f"{operation}{at}{layer and f' in {layer}'}"


def _met(found: Found) -> str:
    """Say where some numbers met."""
    operation, line, _ = _operation(found.node)
    return f"{_where(operation, line)}: {numbers_of(found)}{_at(found.index)}"


def _unused(found: Found) -> str:
    """Say why a gradient is 0 where a bad number is, and how to keep that out."""
    assert found.unused is not None
    name, line, _ = _operation(found.unused)
    operation = found.node.name if found.node is not None else None
    said = f"{_where(name, line)} did not use that element, which hides its value, but not its "
    said += "gradient: 0 times what is not finite is nan. "
    if operation is None:
        return said + "Replace it before it is used, as with a second np.where."
    if name == "where":
        return said + (
            "Write the double where, in which a harmless number takes its place before: "
            f"np.where(ok, {operation}(np.where(ok, x, 1.0)), …)."
        )
    return said + f"Replace it before {operation}, as in {operation}(np.where(ok, x, 1.0))."


def describe_value(x: Any, names: Names = (), node: RecordedCall | None = None, i: int = 0) -> str:
    """Say what an operand is, and what it is called: ``the parameter 'l.weight'``."""
    while (
        isinstance(x, Tensor) and x.tape.primitive is not None and x.tape.primitive.name == "alias"
    ):
        x = x.tape.parents[0]  # a transform's private name for its input
    name = _name(x, names)
    quoted = f" '{name}'" if name else ""
    if not isinstance(x, Tensor):
        if not np.ndim(x):
            return f"the number {number(x)}"
        return f"the array{quoted}" if name else f"an array of shape {np.shape(x)}"
    if x.tape.primitive is not None:
        made = f"the result of {_where(x.tape.primitive.name, x.tape.line)}"
        return f"the value{quoted}" if name else made
    kind = type(x).__name__.lower()
    if type(x) is Tensor:
        kind = "input" if x.requires_grad else "constant"
    if name or node is None:
        return f"the {kind}{quoted or f' of shape {x.shape}'}"
    return f"the {kind} that is its operand {node.operand_name(i)}"


def _name(x: Any, names: Names) -> str:
    if isinstance(x, Tensor) and x.name:
        return x.name
    array = np.asarray(getattr(x, "_value", x))
    for name, other in names:
        if other is x:
            return name
        # A small array may have been copied when it was used, and a transform copies its inputs.
        leaf = not isinstance(x, Tensor) or (type(x) is Tensor and x.is_leaf)
        if leaf and isinstance(other, np.ndarray) and array.ndim:
            numbers = array.dtype.kind in "fc"
            if other.dtype == array.dtype and np.array_equal(other, array, equal_nan=numbers):
                return name
    return ""
