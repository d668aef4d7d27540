"""Tensor: an array that remembers how it was made.

>>> import numpy as np
>>> from autograd_lite import Tensor
>>> x = Tensor(2.0, requires_grad=True)
>>> y = Tensor(3.0, requires_grad=True)
>>> loss = x * y + np.sin(x)
>>> loss.backward()
>>> x.grad == y.data + np.cos(x.data)
np.True_

A Tensor answers NumPy: its operators, methods and ``np.…`` functions are
NumPy's, and each that has a derivative is an entry of one table
(:data:`autograd_lite.protocol.TABLE`), which the methods below look up.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from heapq import heappushpop
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from .backward import backward
from .errors import (
    DetachError,
    GradientDtypeError,
    GradientShapeError,
    InPlaceError,
    IntegerGradientError,
    NoGradientError,
    UnsupportedArgumentError,
)
from .foreign import answered_elsewhere, as_array, as_index, numbers_of
from .gradient import Gradient
from .inplace import write_items
from .later import later
from .modes import report_read, special, state
from .node import LEAF, Node, Size, metadata
from .protocol import TABLE, apply_function, apply_ufunc
from .record import Record
from .tape import newest_write, next_number, note_stop

if TYPE_CHECKING:
    from .indexed import IndexUpdateHelper
    from .typed_methods import Methods
else:
    Methods = object  # methods.py sets them

Array = np.ndarray[Any, np.dtype[Any]]
ArrayLike = Union["Tensor", Array, float, complex, Sequence[Any], np.generic]


class Tensor(Node, Methods):
    """An array on the tape.

    Parameters
    ----------
    data
        Anything that `numpy.array` takes, except Tensors; it is copied.
    requires_grad
        Whether ``backward()`` should leave a gradient in `grad`.
    dtype
        As for `numpy.array`.
    name
        How pictures, explanations and messages call it.

    Raises
    ------
    IntegerGradientError
        If integers or booleans are asked to require a gradient.
    ObjectArrayError
        If `data` holds objects or Tensors.

    Examples
    --------
    >>> w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> np.sum(w**2).backward()
    >>> w.grad
    array([2., 4.])
    """

    __slots__ = ("__weakref__",)

    def __init__(
        self,
        data: Any,
        requires_grad: bool = False,
        *,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        self._value = numbers_of(data, dtype)
        self._grad = None
        self._requires = 0
        self._number = next_number()
        self._primitive = None
        self._metadata = None if name is None else {"name": name}
        if requires_grad:
            self._check_switch(True)
            self._requires = LEAF

    # -- the value and its gradient ------------------------------------------

    @property
    def data(self) -> Any:
        """The array; a NumPy scalar where there is no dimension, as in NumPy.

        Setting it stores a copy, of the same shape, in the Tensor's dtype.
        Results that were computed from the old value keep it, and refuse to
        send a gradient here.
        """
        if special:
            report_read(self, ".data")
        return self._value

    @data.setter
    def data(self, value: Any) -> None:
        if special:
            report_read(self, "setting .data")
        if self._primitive is not None:
            raise InPlaceError(
                f"{self._describe()} was computed by '{self._primitive.name}', so its value cannot "
                "be set: set the inputs, or make a new Tensor."
            )
        new = numbers_of(value, self._value.dtype)
        if new.shape != self._value.shape:
            raise GradientShapeError(
                f"{self._describe()} has shape {self._value.shape}, and its data was set to shape "
                f"{new.shape}: make a new Tensor for another shape."
            )
        self._set(new)

    def _set(self, array: Any) -> None:
        """Replace the array by another that nobody else holds.

        The Tensor becomes newer than all that was made from it: that is how a
        reverse pass through the old value is caught.
        """
        self._value = array
        self._number = n = next_number()
        heappushpop(newest_write, -n)

    @property
    def grad(self) -> Any:
        """None, or the gradient: an array of the same shape and dtype; see `gradient`."""
        gradient = self._read_grad()
        return None if gradient is None else gradient.view(Gradient)

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is None:
            self._grad = None
            return
        array = to_numpy(value)
        if array.shape not in (self._value.shape, ()):
            raise GradientShapeError(
                f"A gradient of shape {array.shape} was given to {self._describe(inside=True)} "
                f"of shape {self._value.shape}: they must be the same."
            )
        if not np.can_cast(array.dtype, self._value.dtype, "same_kind"):
            raise GradientDtypeError(
                f"A gradient of dtype {array.dtype} was given to {self._describe(inside=True)} "
                f"of dtype {self._value.dtype}: convert it with astype first."
            )
        self._grad = np.array(np.broadcast_to(array, self._value.shape), dtype=self._value.dtype)

    def _read_grad(self) -> Any:
        """Return the gradient as the plain array that it is."""
        if special:
            report_read(self, ".grad")
        return self._grad

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradient, or set it to 0, so that the next ``backward()`` starts afresh."""
        self._grad = None if set_to_none or self._grad is None else np.zeros_like(self._grad)

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient flows through this value. Leaves can be switched."""
        return bool(self._requires)

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self._check_switch(flag)
        if flag and not self._requires:
            # What was made from the constant is not all on the tape: it must not be swept.
            self._set(self._value)
        self._requires = LEAF if flag else 0

    def _check_switch(self, flag: bool) -> None:
        if flag and self._value.dtype.kind not in "fc":
            raise IntegerGradientError(
                f"A Tensor of dtype {self._value.dtype} cannot require a gradient: give floats, as "
                "in Tensor(2.0) or dtype=float."
            )
        if self._primitive is not None and bool(flag) != self.requires_grad:
            raise InPlaceError(
                f"{self._describe()} was computed by '{self._primitive.name}': only inputs can "
                "switch requires_grad; use detach() for a constant copy."
            )

    def requires_grad_(self, flag: bool = True) -> Tensor:
        """Set `requires_grad` and return the Tensor itself."""
        self.requires_grad = flag
        return self

    def retain_grad(self) -> None:
        """Keep the gradient of this interior value at the next ``backward()``.

        >>> x = Tensor(3.0, requires_grad=True)
        >>> y = x * x
        >>> y.retain_grad()
        >>> (y * 2.0).backward()
        >>> y.grad
        array(2.)
        """
        if not self._requires:
            raise NoGradientError(
                f"{self._describe()} does not require a gradient: nothing to keep."
            )
        metadata(self)["retain"] = True

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Add the gradient of this value into the ``.grad`` of the leaves it came from.

        A second call adds once more. An error leaves every ``.grad`` as it was.

        Parameters
        ----------
        gradient
            The upstream gradient, an array of this Tensor's shape. Only a
            single number may leave it out: it is 1 then.
        retain_graph
            Whatever it is, the graph is kept as long as somebody holds its result.
        create_graph
            Only False: gradients that are on the tape are what `grad` returns.

        Raises
        ------
        NonScalarBackwardError
            If no gradient is given for more than one number.
        NoGradientError
            If nothing that led here requires a gradient.
        GradientShapeError, GradientDtypeError
            If the given gradient does not fit.
        StaleValueError
            If a value on the way was changed since it was used.

        Examples
        --------
        >>> a = Tensor(-4.0, requires_grad=True)
        >>> b = a + a
        >>> (b * b).backward()
        >>> a.grad
        array(-32.)
        """
        if create_graph:
            raise UnsupportedArgumentError(
                "backward(create_graph=True) has no place here, as x.grad is an array without a "
                "tape: write grad(grad(f)), hessian(f) or hvp(f) (docs/coming_from.md)."
            )
        if special:
            report_read(self, ".backward()")
        backward(self, gradient)

    # -- leaving the tape ----------------------------------------------------

    def detach(self) -> Tensor:
        """Return a constant with the same value: no gradient flows through it."""
        if special and state.mode.everything:  # it stays the same value of the program
            return later("stop").apply(self)  # type: ignore[no-any-return]
        t = constant(self._value)
        if self._requires or self._metadata is not None:
            note_stop(t, (self,), self.requires_grad, "detach")
        return t

    def numpy(self) -> Array:
        """Return the value as a plain array (not a copy, unless it has no dimension)."""
        if special:
            report_read(self, ".numpy()")
        return np.asarray(self._value)

    def item(self, *args: Any) -> Any:
        """Return the value of a Tensor with one element, or one of its elements, as a number."""
        if special:
            report_read(self, ".item()")
        return self._value.item(*args)

    def tolist(self) -> Any:
        """Return the value as nested lists of Python numbers."""
        if special:
            report_read(self, ".tolist()")
        return self._value.tolist()

    @property
    def size(self) -> Size:
        """The number of elements; called as PyTorch's method, ``t.size(0)``, the shape."""
        size = Size(self._value.size)
        size.shape = self._value.shape
        return size

    # -- how it was made -----------------------------------------------------

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return self._primitive is None

    @property
    def tape(self) -> Record:
        """What the tape knows of it: its primitive, operands, parameters, line, …."""
        return Record(self)

    def __repr__(self) -> str:
        body = np.array2string(np.asarray(self._value), separator=", ", prefix="Tensor(")
        if "..." in body or not self._value.size:
            body += f", shape={self._value.shape}"
        if self._value.dtype != np.float64 and self._value.dtype.kind in "fc":
            body += f", dtype={self._value.dtype}"
        if self._primitive is not None:
            body += f", made_by={self._primitive.name}"
        elif self._requires:
            body += ", requires_grad=True"
        if self._grad is not None:
            short = self._grad.ndim < 2 and self._grad.size <= 8
            body += f", grad={np.array2string(self._grad, separator=', ') if short else 'known'}"
        return f"Tensor({body}" + (f", name={self.name!r})" if self.name else ")")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return what a notebook shows: the text, and a picture of the graph if it is small."""
        return later("mimebundle")(self)  # type: ignore[no-any-return]

    def __format__(self, spec: str) -> str:
        return format(self._value if self._value.ndim == 0 else np.asarray(self._value), spec)

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Iterator[Tensor]:
        if self._value.ndim == 0:
            raise TypeError("A Tensor without dimensions cannot be iterated over.")
        return (self[i] for i in range(len(self._value)))

    def __bool__(self) -> bool:
        if special:
            report_read(self, "a choice by the value")
        return bool(self._value)

    def __contains__(self, x: Any) -> bool:
        if special:
            report_read(self, "a choice by the value")
        return bool(np.any(self._value == unwrap(x)))

    def __index__(self) -> int:
        if special:
            report_read(self, "an index or a count")
        return operator.index(np.asarray(self._value))  # older NumPy took a bool_, not its array

    __hash__ = object.__hash__

    def __reduce__(self) -> Any:
        if self._primitive is not None:
            _, instead = later("advice")("Pickling", "t.detach()")
            raise DetachError(
                f"{self._describe()} is on the tape and cannot be copied or pickled: write "
                f"{instead}."
            )
        if special:
            report_read(self, "a copy")
        return _restore, (type(self), self._value, self.requires_grad, self._grad, self.name)

    # -- what would drop the tape in silence -----------------------------------

    def _leaves_tape(self, what: str, instead: str) -> None:
        if self._requires or self._primitive is not None:
            what, instead = later("advice")(what, instead)
            raise DetachError(
                f"{what} would drop the tape of {self._describe(inside=True)}: write {instead} to "
                "compute with the gradient, or .item(), .numpy() or .detach() to leave it on "
                "purpose."
            )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if special:
            report_read(self, "making an array")
        self._leaves_tape("Making an array", "np.stack([...]), np.where(...) or an np function")
        array = np.asarray(self._value, dtype=dtype)
        return array.copy() if copy or (array is self._value and copy is None) else array

    def __float__(self) -> float:
        if special:
            report_read(self, "float()")
        self._leaves_tape("float()", "np.sin(t) in place of math.sin(t), or t itself")
        return float(self._value)

    def __int__(self) -> int:
        if special:
            report_read(self, "int()")
        self._leaves_tape("int()", "np.trunc(t)")
        return int(self._value)

    def __complex__(self) -> complex:
        if special:
            report_read(self, "complex()")
        self._leaves_tape("complex()", "t + 0j")
        return complex(self._value)

    def __setitem__(self, index: Any, value: Any) -> None:
        if special:
            report_read(self, "writing into it")
        write_items(self, unwrap_index(index), value)

    @property
    def at(self) -> IndexUpdateHelper:
        """Writes as values: ``t.at[index].set(v)`` and ``.add(v)`` return a changed copy."""
        return later("IndexUpdateHelper")(self)  # type: ignore[no-any-return]

    # -- NumPy's protocols -----------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return apply_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
    ) -> Any:
        if len(types) > 1 and answered_elsewhere(types):
            return NotImplemented
        return apply_function(function, args, kwargs)

    # -- operators and methods: set by methods.py --------------------------------

    def __getitem__(self, index: Any) -> Tensor:
        return TABLE[operator.getitem](self, index)  # type: ignore[no-any-return]


def constant(array: Any, requires: int = 0) -> Tensor:
    """Return a Tensor around an array, without copying it: a constant, unless it `requires`."""
    t = object.__new__(Tensor)
    t._value = array[()] if array.ndim == 0 else array
    t._grad = t._metadata = t._primitive = None
    t._requires = requires
    t._number = next_number()
    return t


Gradient.as_tensor = staticmethod(constant)

CONSTANT = constant(np.zeros(()))
"""The placeholder for an operand that is no Tensor: an array or a number needs no gradient."""
CONSTANT._number = 0  # older than anything


def unwrap(x: Any, how: str = "unwrap") -> Any:
    """Return the value of a Tensor, off the tape; anything else as it is."""
    if not isinstance(x, Tensor):
        return x
    if special:
        report_read(x, how)
    return x._value


def to_numpy(x: Any) -> Array:
    """Return the numbers of a Tensor, or of anything that NumPy can read, as an array."""
    return as_array(unwrap(x))


def is_recorded(x: Any) -> bool:
    """Whether a program is recorded in which `x` is an operand: a branch on it would freeze."""
    return bool(special) and isinstance(x, Tensor) and state.mode.everything


def measured(x: Any) -> Any:
    """Return what to look at an operand by, with no gradient: an array, unless it is recorded."""
    return x.detach() if is_recorded(x) else to_numpy(x)


def form(x: Any) -> Array:
    """Return the array of a Tensor to ask for shape, dtype and layout: no look at its numbers."""
    return as_array(x._value if isinstance(x, Tensor) else x)


def unwrap_index(index: Any) -> Any:
    """Return an index with arrays in place of Tensors."""
    if isinstance(index, tuple):
        return tuple(map(unwrap_index, index))
    return unwrap(index, "an index") if isinstance(index, Tensor) else as_index(index)


def _restore(kind: type[Tensor], data: Any, requires: bool, grad: Any, name: str | None) -> Tensor:
    t = object.__new__(kind)
    Tensor.__init__(t, data, requires, name=name)
    t._grad = None if grad is None else np.array(grad)
    return t
