"""Exponentials, logarithms, angles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..composite import composite
from ..primitive import Primitive, derivative
from .arithmetic import or_one

LN2 = math.log(2.0)
LN10 = math.log(10.0)
DEGREE = math.pi / 180.0

# -- exponentials and logarithms ---------------------------------------------------

derivative(np.exp, x=lambda g, out: g * out)
derivative(np.exp2, x=lambda g, out: g * out * LN2)
derivative(np.expm1, x=lambda g, out: g * (out + 1.0))
derivative(np.log, x=lambda g, x: g / x)
derivative(np.log2, x=lambda g, x: g / (x * LN2))
derivative(np.log10, x=lambda g, x: g / (x * LN10))
derivative(np.log1p, x=lambda g, x: g / (x + 1.0))


def _share(x: Any, y: Any, unit: float = 1.0) -> Any:
    """Return the share of bˣ in bˣ + bʸ, for log b = `unit`; 0 where both are 0."""
    equal = (x == y) & np.isinf(x)
    share = np.exp(-np.logaddexp(0.0, np.where(equal, 0.0, y - x) * unit))
    return np.where(x == -np.inf, 0.0, share)


derivative(np.logaddexp, x=lambda g, x, y: g * _share(x, y), y=lambda g, x, y: g * _share(y, x))
derivative(
    np.logaddexp2,
    x=lambda g, x, y: g * _share(x, y, LN2),
    y=lambda g, x, y: g * _share(y, x, LN2),
)

# -- angles ------------------------------------------------------------------------

derivative(np.sin, x=lambda g, x: g * np.cos(x))
derivative(np.cos, x=lambda g, x: -g * np.sin(x))
derivative(np.tan, x=lambda g, out: g * (1.0 + out * out))
derivative(np.arcsin, x=lambda g, x: g / np.sqrt(1.0 - x * x))
derivative(np.arccos, x=lambda g, x: -g / np.sqrt(1.0 - x * x))
derivative(np.arctan, x=lambda g, x: g / (1.0 + x * x))

derivative(np.sinh, x=lambda g, x: g * np.cosh(x))
derivative(np.cosh, x=lambda g, x: g * np.sinh(x))
derivative(np.tanh, x=lambda g, out: g * (1.0 - out * out))
derivative(np.arcsinh, x=lambda g, x: g / np.sqrt(x * x + 1.0))
derivative(np.arccosh, x=lambda g, x: g / (np.sqrt(x - 1.0) * np.sqrt(x + 1.0)))
derivative(np.arctanh, x=lambda g, x: g / (1.0 - x * x))


derivative(
    np.arctan2,
    # By the radius twice: a square of it would vanish, or overflow, long before.
    y=lambda g, y, x: g * (x / or_one(np.hypot(x, y))) / or_one(np.hypot(x, y)),
    x=lambda g, y, x: -g * (y / or_one(np.hypot(x, y))) / or_one(np.hypot(x, y)),
)
derivative(
    np.hypot,
    x=lambda g, x, out: g * x / or_one(out),
    y=lambda g, y, out: g * y / or_one(out),
)

derivative(np.deg2rad, x=lambda g: g * DEGREE)
derivative(np.radians, x=lambda g: g * DEGREE)
derivative(np.rad2deg, x=lambda g: g / DEGREE)
derivative(np.degrees, x=lambda g: g / DEGREE)


# -- sinc, by the series where the quotient loses its digits --------------------------------------


def _sinc(x: Any) -> Any:
    near = np.abs(x) < 0.03
    y = np.pi * np.where(near, 1.0, x)
    z = np.pi * np.where(near, x, 0.0)
    z = z * z
    series = 1.0 - z / 6.0 * (1.0 - z / 20.0 * (1.0 - z / 42.0 * (1.0 - z / 72.0)))
    return np.where(near, series, np.sin(y) / y)


composite(np.sinc, _sinc)

# -- Bessel functions Iₙ, of which NumPy has the first: 2 Iₙ′ = Iₙ₋₁ + Iₙ₊₁ (Abramowitz 9.6.26)

_ANGLES = (np.arange(128) + 0.5) * math.pi / 128


def _bessel(x: Any, order: int) -> Any:
    """Return the mean of exp(x cos θ) cos(nθ): to rounding with 128 angles, until it overflows."""
    # By e^|x|/2 twice, since a single wave overflows before their mean does.
    size = 0.5 * np.abs(x, dtype=np.float64)
    waves = np.exp(np.multiply.outer(x, np.cos(_ANGLES)) - size[..., None])
    mean = (waves * np.cos(order * _ANGLES)).mean(axis=-1)
    return (mean * np.exp(size)).astype(np.result_type(x))


bessel: Primitive = derivative(
    _bessel,
    name="bessel",
    elementwise=True,
    x=lambda g, x, order: g * 0.5 * (bessel(x, order=abs(order - 1)) + bessel(x, order=order + 1)),
)
_i0: Primitive = derivative(
    lambda x: np.i0(x), name="i0", elementwise=True, x=lambda g, x: g * bessel(x, order=1)
)
composite(np.i0, lambda x: _i0(x))
