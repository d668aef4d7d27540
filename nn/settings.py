"""What a setting may be: a number, a size, a probability.

Each check returns the setting as Python's own number. Beside an array that is
*weak*: a rate of np.float64 would make float32 weights float64, and 0.1 does not.

>>> number("eps", np.float64(0.5))
0.5
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.tensor import Array, to_numpy

Sizes = int | tuple[int, ...]


def plain_number(name: str, value: Any) -> Any:
    """Return a number of NumPy's, or an array of no dimension, as Python's; others as they are.

    Raises
    ------
    TypeError
        If it is a Tensor that requires a gradient: none would reach it.
    """
    if isinstance(value, Tensor):
        if value.requires_grad:
            raise TypeError(
                f"{name} is a setting, which no gradient reaches, and got a Tensor that requires "
                f"one: give its number, {name}=t.item()."
            )
        value = value.data
    if isinstance(value, (np.generic, np.ndarray)) and not value.ndim:
        return float(value) if value.dtype.kind == "f" else value.item()
    return value


def number(name: str, value: Any, least: float = -math.inf, finite: bool = True) -> float:
    """Return a setting that is a number, and at least `least`.

    Raises
    ------
    TypeError
        As for `plain_number`.
    ValueError
        If it is no such number.
    """
    found = plain_number(name, value)
    if not isinstance(found, (int, float)) or math.isnan(found) or (finite and math.isinf(found)):
        kind = "a finite number" if finite else "a number"
        raise ValueError(f"{name} is {kind}, and got {value!r}.")
    if found < least:
        raise ValueError(f"{name} is at least {least:g}, and got {value!r}.")
    return found


def from_zero(name: str, value: Any) -> float:
    """Return a setting that is a finite number from 0 on."""
    return number(name, value, least=0.0)


def above_zero(name: str, value: Any) -> float:
    """Return a setting that is a finite number above 0."""
    found = number(name, value)
    if found <= 0.0:
        raise ValueError(f"{name} is above 0, and got {value!r}.")
    return found


def share(name: str, value: Any) -> float:
    """Return a setting that is a number from 0 up to but not including 1."""
    found = number(name, value)
    if not 0.0 <= found < 1.0:
        raise ValueError(f"{name} is at least 0 and below 1, and got {value!r}.")
    return found


def shares(name: str, values: Any) -> tuple[float, ...]:
    """Return a setting that is a pair of such numbers."""
    if not isinstance(values, (tuple, list)) or len(values) != 2:
        raise ValueError(f"{name} is a pair of numbers, and got {values!r}.")
    return tuple(share(f"{name}[{i}]", value) for i, value in enumerate(values))


def probability(name: str, value: Any) -> float:
    """Return a setting that is a number from 0 to 1."""
    found = number(name, value, finite=False)
    if not 0.0 <= found <= 1.0:
        raise ValueError(f"{name} is a probability, from 0 to 1, and got {value!r}.")
    return found


def flag(name: str, value: Any) -> bool:
    """Return a setting that is True or False; 1 and 0 will do."""
    if not isinstance(plain_number(name, value), (bool, int)):
        raise ValueError(f"{name} is True or False, and got {value!r}.")
    return bool(value)


def integer(name: str, value: Any) -> int:
    """Return a setting that is an integer, of any sign."""
    found = plain_number(name, value)
    if isinstance(found, bool) or not isinstance(found, int):
        raise ValueError(f"{name} is an integer, and got {value!r}.")
    return found


def as_data(name: str, value: Any) -> Array:
    """Return data as an array; a Tensor that requires a gradient would lose it there."""
    if isinstance(value, Tensor) and value.requires_grad:
        raise TypeError(
            f"{name} are data, which no gradient reaches, and got a Tensor that requires one: "
            "detach() it, or call the model with it yourself."
        )
    return to_numpy(value)


def axis(name: str, value: Any) -> Any:
    """Return a setting that is an axis, by its number, or a tuple of some, or None for all."""
    if isinstance(value, (tuple, list)):
        return tuple(integer(name, one) for one in value)
    return None if value is None else integer(name, value)


def dtype(value: Any) -> np.dtype[Any]:
    """Return a `dtype` of floats, of which parameters can be."""
    if isinstance(value, Tensor):  # numpy.dtype would take its dtype
        raise TypeError(f"dtype is a dtype, such as numpy.float32, and got {value!r}.")
    found: np.dtype[Any] = np.dtype(value)
    if found.kind not in "fc":
        raise TypeError(f"dtype is one of floats, such as numpy.float32, and got {value!r}.")
    return found


def count(name: str, value: Any, least: int = 1) -> int:
    """Return a setting that is an integer from `least` on."""
    return sizes(name, [value], 1, least)[0]


def sizes(name: str, size: Any, axes: int, least: int = 1) -> tuple[int, ...]:
    """Return a setting for some axes: an integer for all, or a tuple of one for each."""
    found = tuple(size) if isinstance(size, (tuple, list)) else (size,)
    found = tuple(plain_number(name, s) for s in found) * (axes if len(found) == 1 else 1)
    wrong = [s for s in found if isinstance(s, bool) or not isinstance(s, int) or s < least]
    if wrong or len(found) != axes:
        kind = "a positive integer" if least == 1 else f"an integer from {least} on"
        several = f", or {axes} of them" if axes > 1 else ""
        given = size[0] if isinstance(size, list) and len(size) == 1 else size
        raise ValueError(f"{name} is {kind}{several}, and got {given!r}.")
    return found
