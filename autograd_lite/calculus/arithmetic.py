"""Sums, products, powers, and the functions that choose between values."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..primitive import composite, derivative

# -- the four operations -------------------------------------------------------

derivative(np.add, x=lambda g: g, y=lambda g: g, scalar=operator.add)
derivative(np.subtract, x=lambda g: g, y=lambda g: -g, scalar=operator.sub)
derivative(np.multiply, x=lambda g, y: g * y, y=lambda g, x: g * x, scalar=operator.mul)
derivative(
    np.divide, x=lambda g, y: g / y, y=lambda g, y, out: -g * out / y, scalar=operator.truediv
)
derivative(np.negative, x=lambda g: -g, scalar=operator.neg)
derivative(np.positive, x=lambda g: g, scalar=operator.pos)
derivative(np.reciprocal, x=lambda g, out: -g * out * out)

# -- powers --------------------------------------------------------------------


def _one_less(y: Any) -> Any:
    """Return y − 1, but 1 where y is 0: there y·x**(y−1) is 0 for every x, 0 included."""
    if isinstance(y, (int, float)):
        return y - 1 if y else 1
    return np.where(y == 0, 1.0, y - 1)


def _log_of_base(x: Any) -> Any:
    """Return log x; 0 at x = 0, where x**y is flat in y > 0; NaN for x < 0."""
    return np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), np.where(x < 0, np.nan, 0.0))


derivative(
    np.power,
    x=lambda g, x, y: g * (y * x ** _one_less(y)),
    y=lambda g, x, out: g * (out * _log_of_base(x)),
    scalar=operator.pow,
)
derivative(np.square, x=lambda g, x: g * (2.0 * x))
derivative(np.sqrt, x=lambda g, out: g * 0.5 / out)
derivative(np.cbrt, x=lambda g, out: g / (3.0 * out * out))

# -- size and sign ---------------------------------------------------------------

derivative(np.absolute, x=lambda g, x: g * np.sign(x), scalar=operator.abs)
derivative(np.fabs, x=lambda g, x: g * np.sign(x))


def _flat(g: Any, x: Any) -> Any:
    """The gradient of a function that is constant in steps: 0 everywhere."""
    return np.zeros_like(x)


derivative(np.sign, x=_flat)
derivative(np.floor, x=_flat)
derivative(np.ceil, x=_flat)
derivative(np.trunc, x=_flat)
derivative(np.rint, x=_flat)
derivative(np.round, a=lambda g, a: _flat(g, a), allows="decimals")
derivative(np.floor_divide, x=lambda g, x: _flat(g, x), y=lambda g, y: _flat(g, y))

derivative(np.remainder, x=lambda g: g, y=lambda g, x, y: -g * np.floor(x / y))
derivative(np.fmod, x=lambda g: g, y=lambda g, x, y: -g * np.trunc(x / y))

# -- choices: ties are shared, a bound counts as inside ------------------------------


def _where_larger(g: Any, x: Any, y: Any) -> Any:
    return np.where(x > y, g, np.where(x == y, 0.5 * g, 0.0))


_ufunc: np.ufunc
for _ufunc in (np.maximum, np.fmax):
    derivative(
        _ufunc,
        x=lambda g, x, y: _where_larger(g, x, y),
        y=lambda g, x, y: _where_larger(g, y, x),
    )
for _ufunc in (np.minimum, np.fmin):
    derivative(
        _ufunc,
        x=lambda g, x, y: _where_larger(g, y, x),
        y=lambda g, x, y: _where_larger(g, x, y),
    )

derivative(
    np.where,
    operands="condition x y",
    constants="condition",
    elementwise=True,
    x=lambda g, condition: np.where(condition, g, 0.0),
    y=lambda g, condition: np.where(condition, 0.0, g),
)


def _clip_between(x: Any, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(x, low), high)


between = derivative(
    _clip_between,
    name="clip",
    elementwise=True,
    x=lambda g, x, low, high: np.where((x >= low) & (x <= high), g, 0.0),
    low=lambda g, x, low, high: np.where((x < low) & (low <= high), g, 0.0),
    high=lambda g, x, low, high: np.where((x > high) | (low > high), g, 0.0),
)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low = a_min if min is None else min
    high = a_max if max is None else max
    return between(a, -np.inf if low is None else low, np.inf if high is None else high)


composite(np.clip, _clip)
