"""Arrays of other kinds: what stands beside a Tensor, or is to become one.

Where nothing is lost, an array of another kind is converted: a memory map, a
subclass of NumPy's, a pandas column given to ``Tensor(…)``. Where its meaning would be
lost it is refused: the mask of a masked array, the ``*`` of a matrix, another library's
tape. And where its type answers itself, an operator returns NotImplemented, as NumPy's
arrays do: a type with an ``__array_ufunc__`` of its own, or with a higher
``__array_priority__`` (pandas, xarray, dask, SciPy's sparse arrays).

>>> import numpy as np
>>> from autograd_lite import Tensor
>>> Tensor([1.0, 2.0]) * np.ma.array([1.0, 2.0], mask=[True, False])
Traceback (most recent call last):
    ...
autograd_lite.errors.ForeignArrayError: A masked array stands beside a Tensor, which would drop \
its mask: write np.where(m.mask, other, t) with m.data, or m.filled(value).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .errors import ForeignArrayError, ObjectArrayError

Array = np.ndarray[Any, np.dtype[Any]]

_TAPES = ("torch", "jax", "jaxlib", "tensorflow")  # never asked to compute with a Tensor
_MASKED = ("numpy.ma", "numpy.ma.core")
_PLAIN_INDICES = frozenset(
    {int, bool, slice, type(None), type(...), list, np.ndarray, np.int64, np.bool_}
)


def as_array(x: Any) -> Array:
    """Return what is to be a value, a gradient or an index as one of NumPy's own arrays."""
    refuse(x)
    return np.asarray(x)


class OtherKind(Exception):
    """Among the arguments of a function is an array of another kind: see `converted`."""


def is_array_like(x: Any) -> bool:
    """Whether something is read as an array, and is none of NumPy's or ours."""
    kind = type(x)
    if issubclass(kind, (np.ndarray, np.generic)) or _is_tensor(kind):
        return kind is not np.ndarray and issubclass(kind, np.ndarray)
    return hasattr(kind, "__array__") or hasattr(kind, "tocoo")


def converted(arguments: Any) -> Any:
    """Return the arguments of a function with NumPy's own arrays in place of others."""
    if type(arguments) is dict:
        return {name: converted(x) for name, x in arguments.items()}
    if type(arguments) in (list, tuple):
        return type(arguments)(converted(x) for x in arguments)
    return as_array(arguments) if is_array_like(arguments) else arguments


def as_operand(x: Any) -> Any:
    """Return the other operand as an array, or NotImplemented if its own type answers."""
    kind = type(x)
    if kind is np.ndarray or isinstance(x, np.generic):
        array = x
    elif isinstance(x, (list, tuple)):
        array = np.asarray(x)
    elif answers_itself(kind):
        _refuse_kind(kind)
        return NotImplemented
    else:
        if isinstance(x, np.matrix):
            raise ForeignArrayError(
                "A matrix stands beside a Tensor, and has a * of its own: write np.asarray(m), and "
                "@ for the product of matrices."
            )
        refuse(x)
        array = np.asarray(x)
    return array[()] if array.dtype.kind in "fiubc" else NotImplemented


def numbers_of(data: Any, dtype: Any = None) -> Any:
    """Return an array of numbers of our own; a NumPy scalar where it has no dimension."""
    if _is_tensor(type(data)):
        data._leaves_tape("Tensor(t)", "t itself")
        data = data._value
    elif isinstance(data, (list, tuple)) and any(_is_tensor(type(x)) for x in data):
        raise ObjectArrayError(
            "A list of Tensors would lose their tape as one Tensor: join them with np.stack([...])."
        )
    if hasattr(type(data), "__array__"):
        data = as_array(data)
        dtype = dtype if data.dtype.kind in "fiubcO" else None  # text and dates are no numbers
    else:
        refuse(data)
    array = np.array(data, dtype=dtype)
    if array.dtype.kind not in "fiubc":
        raise ObjectArrayError(
            f"A Tensor holds numbers, and this data has dtype {array.dtype}: convert it first; "
            "join Tensors with np.stack([...])."
        )
    return array if array.ndim else array[()]


def answers_itself(kind: type) -> bool:
    """Whether NumPy's arrays would leave an operator to this type."""
    if issubclass(kind, np.ndarray):
        return kind.__array_ufunc__ is not np.ndarray.__array_ufunc__
    if issubclass(kind, np.generic) or _is_tensor(kind):
        return False
    if hasattr(kind, "__array_ufunc__"):
        return True
    if kind.__module__.partition(".")[0] in _TAPES:
        return False
    return getattr(kind, "__array_priority__", 0.0) > 0.0  # as NumPy did before there was that


def _is_tensor(kind: type) -> bool:
    return hasattr(kind, "_requires")  # Tensor is built on this module


def refuse(x: Any) -> None:
    """Raise if a conversion of `x` would lose what it means."""
    if isinstance(x, np.ndarray):
        if type(x) is not np.ndarray:
            _refuse_kind(type(x))
    elif hasattr(x, "tocoo") and hasattr(x, "toarray"):
        raise ForeignArrayError(
            "A sparse array stands beside a Tensor: write s.toarray(), or declare its product, "
            "derivative(lambda x: s @ x, x=lambda g: s.T @ g)."
        )
    elif type(x).__module__.partition(".")[0] in _TAPES and getattr(x, "requires_grad", False):
        raise ForeignArrayError(
            f"A {named(x)} that requires a gradient is on another tape, which would be dropped: "
            "write x.detach().numpy()."
        )


def _refuse_kind(kind: type) -> None:
    """Raise if it is a kind of NumPy's arrays that would lose what it means."""
    if any(k.__module__ in _MASKED for k in kind.__mro__):
        raise ForeignArrayError(
            "A masked array stands beside a Tensor, which would drop its mask: write "
            "np.where(m.mask, other, t) with m.data, or m.filled(value)."
        )


def not_an_operand(x: Any) -> ForeignArrayError | ObjectArrayError:
    """Return the error for what no function can compute with beside a Tensor."""
    refuse(x)
    if not answers_itself(type(x)):
        array = np.asarray(x)
        if array.dtype == object:
            return ObjectArrayError(
                f"An operand is made of numbers, and this one ({named(x)}) of objects: convert it "
                "first; join Tensors with np.stack([...])."
            )
        if array.dtype.kind == "V":
            return ForeignArrayError(
                "A structured array cannot be an operand: take one of its fields, as in r['a']."
            )
    return ForeignArrayError(
        f"A {named(x)} is no array of NumPy's, which would leave the answer to it: write "
        "np.asarray(x) to compute with its numbers alone."
    )


def answered_elsewhere(types: Iterable[type]) -> bool:
    """Whether a function of NumPy's met a type, beside Tensors, that has its own answer to it."""
    for kind in types:
        if issubclass(kind, np.ndarray):
            if kind.__array_function__ is not np.ndarray.__array_function__:
                return True
            if kind is not np.ndarray:
                _refuse_kind(kind)
        elif not _is_tensor(kind):
            return True
    return False


def as_index(index: Any) -> Any:
    """Return an index with NumPy's own arrays in place of others."""
    kind = type(index)
    if kind in _PLAIN_INDICES:
        return index
    if kind is tuple:
        if _PLAIN_INDICES.issuperset(map(type, index)):
            return index
        return tuple([as_index(part) for part in index])
    if isinstance(index, np.generic) or not hasattr(kind, "__array__"):
        return index
    return as_array(index)


def named(x: Any) -> str:
    """Return the name of a type, with its library.

    >>> import fractions
    >>> named(fractions.Fraction(1)), named(1.0)
    ('fractions.Fraction', 'float')
    """
    kind = type(x)
    library = kind.__module__.partition(".")[0]
    return kind.__qualname__ if library == "builtins" else f"{library}.{kind.__qualname__}"
