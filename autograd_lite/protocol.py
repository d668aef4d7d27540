"""NumPy is the interface: how ``np.exp(t)`` finds its derivative.

NumPy hands a call that meets a Tensor to the Tensor (the protocols
``__array_ufunc__`` and ``__array_function__``, NEP 13 and NEP 18). What follows
is a look-up in one table, from the function to its entry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import InPlaceError, NoDerivativeError, UnsupportedArgumentError

TABLE: dict[Callable[..., Any], Any] = {}
"""Every function with an entry: the inside cover of the calculus book."""

_REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.logical_and: np.all,
    np.logical_or: np.any,
}
_RUNNING: dict[np.ufunc, Callable[..., Any]] = {np.add: np.cumsum, np.multiply: np.cumprod}


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: Any) -> Any:
    """Answer ``ufunc(*inputs)`` or a method of the ufunc, such as ``np.add.reduce``."""
    if method == "__call__":
        return _look_up(ufunc).from_numpy(inputs, kwargs)
    if method == "reduce" and ufunc in _REDUCTIONS:
        kwargs.setdefault("axis", inputs[1] if len(inputs) > 1 else 0)
        return _look_up(_REDUCTIONS[ufunc]).from_numpy(inputs[:1], kwargs)
    if method == "accumulate" and ufunc in _RUNNING:
        kwargs.setdefault("axis", inputs[1] if len(inputs) > 1 else 0)
        return _look_up(_RUNNING[ufunc]).from_numpy(inputs[:1], kwargs)
    if method == "at":
        raise InPlaceError(
            f"np.{ufunc.__name__}.at writes into an array: for a sum write t.at[index].add(v), or "
            "t.at[index].set(…)."
        )
    if method == "outer":
        x, y = inputs
        column = x[(..., *[None] * np.ndim(y))]
        return _look_up(ufunc).from_numpy((column, y), kwargs)
    raise UnsupportedArgumentError(
        f"np.{ufunc.__name__}.{method} has no derivative: write it with np.{ufunc.__name__} and "
        "array functions that have one."
    )


def apply_function(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> Any:
    """Answer a function of NumPy's that is not a ufunc, such as ``np.sum(t, axis=0)``."""
    return _look_up(function).from_numpy(args, kwargs)


def _look_up(function: Callable[..., Any]) -> Any:
    entry = TABLE.get(function)
    if entry is None:
        from difflib import get_close_matches  # imported late: a tenth of our import time

        name = function.__name__
        close = get_close_matches(name, [e.name for e in TABLE.values()], n=3, cutoff=0.4)
        raise NoDerivativeError(
            f"np.{name} has no derivative here; the nearest that have one: "
            f"{', '.join(close) or 'none with a like name'}. Use one of them, give t.numpy() where "
            "no gradient is needed, or declare a rule with derivative(...)."
        )
    return entry
