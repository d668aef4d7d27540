"""Exponentials, logarithms, angles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..composite import composite
from ..modes import runs_again
from ..primitive import Primitive, derivative
from ..tensor import unwrap
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


def square_to_rest(x: Any) -> Any:
    """Return x², as a constant where it is infinite: the function is at its limit there."""
    again = runs_again()
    infinite = np.isinf((x if again else unwrap(x)) ** 2)
    x = np.where(infinite, np.inf, x) if again or infinite.any() else x
    return x * x


def _root_of_square_and_1(x: Any) -> Any:
    return np.sqrt(x * x + 1.0) if np.iscomplexobj(x) else np.hypot(x, 1.0)


derivative(np.sin, x=lambda g, x: g * np.cos(x))
derivative(np.cos, x=lambda g, x: -g * np.sin(x))
derivative(np.tan, x=lambda g, out: g * (1.0 + out * out))
derivative(np.arcsin, x=lambda g, x: g / np.sqrt(1.0 - x * x))
derivative(np.arccos, x=lambda g, x: -g / np.sqrt(1.0 - x * x))
derivative(np.arctan, x=lambda g, x: g / (1.0 + square_to_rest(x)))

derivative(np.sinh, x=lambda g, x: g * np.cosh(x))
derivative(np.cosh, x=lambda g, x: g * np.sinh(x))
derivative(np.tanh, x=lambda g, out: g * (1.0 - out * out))
derivative(np.arcsinh, x=lambda g, x: g / _root_of_square_and_1(x))
derivative(np.arccosh, x=lambda g, x: g / np.sqrt(x - 1.0) / np.sqrt(x + 1.0))
derivative(np.arctanh, x=lambda g, x: g / (1.0 - x * x))


def _cosine(x: Any, y: Any) -> Any:
    """Return x / √(x² + y²): 0 at 0, and of infinite numbers as of ones, as arctan2 has them."""
    scale = np.maximum(np.abs(x), np.abs(y))  # a radius may vanish, or overflow
    infinite = np.isinf(scale)
    x, y = (np.where(infinite, np.sign(a * 1.0) * np.isinf(a), a / or_one(scale)) for a in (x, y))
    return x / or_one(np.hypot(x, y))


def _turning(g: Any, x: Any, y: Any) -> Any:
    """Return g · sin θ / r, which is by how much the angle turns."""
    return g * cosine(y, x) / or_one(np.hypot(x, y))


cosine: Primitive = derivative(
    _cosine,
    name="cosine",
    elementwise=True,
    decomposition=lambda x, y: x / np.hypot(x, y),
    x=lambda g, x, y: _turning(g, x, y) * cosine(y, x),
    y=lambda g, x, y: -_turning(g, x, y) * cosine(x, y),
)
"""cos θ of the angle between the first axis and the point x, y."""

derivative(np.arctan2, y=lambda g, y, x: _turning(g, y, x), x=lambda g, y, x: -_turning(g, x, y))
derivative(np.hypot, x=lambda g, x, y: g * cosine(x, y), y=lambda g, x, y: g * cosine(y, x))

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
    kind, x = np.result_type(x), np.clip(x, -800.0, 800.0, dtype=np.float64)
    waves = np.multiply.outer(x, np.cos(_ANGLES))
    # By e^|x|/2 twice, since a single wave overflows before their mean does.
    size = 0.5 * np.abs(x)
    far = (np.exp(waves - size[..., None]) * np.cos(order * _ANGLES)).mean(axis=-1) * np.exp(size)
    # Near 0 only the part of exp that is odd, or even, as n: the rest would not quite cancel.
    waves = np.where(size[..., None] < 0.5, waves, 0.0)
    part = np.sinh(waves) if order % 2 else 2.0 * np.sinh(0.5 * waves) ** 2 + (order == 0)
    near = (part * np.cos(order * _ANGLES)).mean(axis=-1)
    return np.where(size < 0.5, near, far).astype(kind)


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
