"""In-place operators: what ``t += y`` changes, and when it cannot.

>>> import numpy as np
>>> from autograd_lite import Tensor, no_grad
>>> w = Tensor([1.0, 2.0], requires_grad=True)
>>> np.sum(w**2).backward()
>>> with no_grad():
...     w -= 0.5 * w.grad
>>> w
Tensor([0., 0.], requires_grad=True, grad=[2., 4.])

Under `no_grad`, and for a constant, the operator writes into the Tensor, by NumPy's rules
for shape and dtype. Results that were computed from the old value keep it, and refuse to
send a gradient here. What leads to a gradient cannot be overwritten: an interior value, or
a constant to which one is added, becomes a new value under the same name, of its shape and
dtype as in NumPy; on an input that requires a gradient it is an error.
"""

from __future__ import annotations

import dis
from collections.abc import Callable
from sys import getrefcount
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import GradientDtypeError, InPlaceError
from .foreign import answers_itself, as_array, not_an_operand
from .modes import state
from .numpy_warnings import users_frame
from .protocol import OPERATORS

if TYPE_CHECKING:
    from .primitive import Primitive
    from .tensor import Tensor


def write(t: Tensor, other: Any, primitive: Primitive) -> Any:
    """Answer ``t += other`` and the like for what no operation on the tape made."""
    mode = state.mode
    if mode.recorder is not None:
        mode.recorder.reads(t, "writing into it")
    name = t.name if t.name and t.name.isidentifier() else "t"
    symbol, inplace = OPERATORS[primitive.function]
    instead = f"{name} = {name} {symbol} other"
    _check_writable(t, instead)
    result = primitive.operator(t, other)
    if result is NotImplemented and answers_itself(type(other)):
        raise not_an_operand(other)
    on_tape = mode.everything or (mode.records and getattr(other, "_requires", False))
    if result is NotImplemented or on_tape:
        return result
    check_not_a_view(t, instead)
    value, new, operand = t._value, result._value, getattr(other, "_value", other)
    fits = new.shape == value.shape and np.can_cast(new.dtype, value.dtype, "same_kind")
    if not fits or (symbol == "@" and np.ndim(operand) < 2):
        inplace(np.array(value), operand)  # NumPy says what is wrong
    t._set(new.astype(value.dtype, copy=False))
    return t


def overwrite(t: Tensor, method: str, compute: Callable[[], Any]) -> Tensor:
    """Answer ``t.add_(y)`` and the like: write what `compute` returns, and return `t`."""
    mode = state.mode
    name = t.name if t.name and t.name.isidentifier() else "t"
    instead = f"{name} = {name}.{method.removesuffix('_')}(…)"
    if t._primitive is not None:
        raise InPlaceError(
            f"{t._describe()} was computed by '{t._primitive.name}', so {method}() cannot write "
            f"into it: make a new value, {instead}."
        )
    _check_writable(t, instead)
    new = compute()
    if mode.everything or (mode.records and getattr(new, "_requires", False)):
        raise InPlaceError(
            f"What {method}() would write into {t._describe(inside=True)} is on the tape, which "
            f"would be lost: make a new value, {instead}."
        )
    check_not_a_view(t, instead)
    value, new = t._value, np.asarray(getattr(new, "_value", new))
    if not np.can_cast(new.dtype, value.dtype, "same_kind") and new.ndim:
        raise GradientDtypeError(
            f"{method}() gives dtype {new.dtype}, which {t._describe(inside=True)} of dtype "
            f"{value.dtype} cannot hold: convert with astype first."
        )
    array = np.empty(value.shape, value.dtype)
    array[...] = new  # NumPy says what does not fit
    t._set(array if array.ndim else array[()])
    return t


def _check_writable(t: Tensor, instead: str) -> None:
    if t._requires and state.mode.records:
        raise InPlaceError(
            f"{t._describe()} requires a gradient, so it cannot be changed in place here: change "
            f"it inside `with no_grad():`, as an optimizer does, or make a new value, {instead}."
        )


def rebound(t: Tensor, other: Any, operand: Any, primitive: Primitive) -> Any:
    """Answer ``t += other`` for an interior value where ``t + other`` has another form than `t`."""
    result = primitive.operator(t, other if getattr(other, "_value", None) is operand else operand)
    if result.shape != t.shape or not np.can_cast(result.dtype, t.dtype, "same_kind"):
        OPERATORS[primitive.function][1](np.array(t._value), operand)  # NumPy says what is wrong
    return result.astype(t.dtype)


def write_items(t: Tensor, index: Any, value: Any) -> None:
    """Answer ``t[index] = value``, for an index without Tensors."""
    records = state.mode.records
    if t._primitive is not None or (t._requires and records):
        raise InPlaceError(
            f"{t._describe()} is on the tape, so it cannot be written into: build the new "
            "value with t.at[index].set(v) or np.where(...), or write into an input inside "
            "`with no_grad():`."
        )
    if hasattr(type(value), "_requires"):
        if records:
            value._leaves_tape("Writing into another Tensor", "np.where(...)")
        value = value.numpy()
    check_not_a_view(t, "t.at[index].set(y)")
    array = np.array(t._value)
    array[index] = as_array(value)
    t._set(array if array.ndim else array[()])


def check_not_a_view(t: Tensor, instead: str) -> None:
    """Raise if an array is a part of another value's, which a write into it would not reach."""
    is_view = isinstance(getattr(t._value, "base", None), np.ndarray)
    if is_view and _holders(t._value) > _ALONE and not _is_written_back():
        raise InPlaceError(
            f"{t._describe()} is a part of another value, which would not change with it: write "
            f"into that, as in x[index] += y, or make a new value, {instead}."
        )


def _holders(view: Any) -> int:
    return getrefcount(view.base)


_ALONE = _holders(np.empty(1)[:])  # of an array of which nothing but a view is left


def _is_written_back() -> bool:
    """Whether the user's line is one like ``x[index] += y``, which ends by setting ``x[index]``."""
    frame = users_frame()
    later = (i.opname for i in dis.get_instructions(frame.f_code) if i.offset > frame.f_lasti)
    return next((name for name in later if name != "SWAP"), "") in ("STORE_SUBSCR", "STORE_SLICE")
