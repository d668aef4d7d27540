"""The error function, the normal distribution and their inverses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import _ufuncs as sc  # type: ignore[import-untyped]

from ...primitive import derivative

ROOT_PI = math.sqrt(math.pi)
ROOT_2 = math.sqrt(2.0)
ROOT_2PI = math.sqrt(2.0 * math.pi)

derivative(sc.erf, z=lambda g, z: g * (2.0 / ROOT_PI) * np.exp(-z * z))
derivative(sc.erfc, z=lambda g, z: -g * (2.0 / ROOT_PI) * np.exp(-z * z))
derivative(sc.erfi, z=lambda g, z: g * (2.0 / ROOT_PI) * np.exp(z * z))
derivative(sc.erfinv, y=lambda g, out: g * (0.5 * ROOT_PI) * np.exp(out * out))
derivative(sc.erfcinv, y=lambda g, out: -g * (0.5 * ROOT_PI) * np.exp(out * out))

# -- exp(z²) erfc(z) and its kin: far out, the series 7.12.1 of the DLMF -----------------------

FAR = 50.0


def _tail(u: Any) -> Any:
    """Return u + 3/2 u² + 15/4 u³ + 105/8 u⁴ + 945/16 u⁵."""
    return u * (1.0 + 1.5 * u * (1.0 + 2.5 * u * (1.0 + 3.5 * u * (1.0 + 4.5 * u))))


def _erfcx_slope(z: Any, out: Any) -> Any:
    """Return 2 z erfcx(z) − 2/√π, in which far out all digits would cancel."""
    far = (np.abs(z) > FAR) & (np.real(z) >= 0)
    inverse = 1.0 / np.where(far, z, 1.0)
    near = 2.0 * np.where(far, 0.0, z) * out - 2.0 / ROOT_PI
    return np.where(far, _tail(-inverse * inverse) / ROOT_PI, near)


def _dawson_slope(z: Any, out: Any) -> Any:
    """Return 1 − 2 z dawsn(z)."""
    far = (np.abs(z) > FAR) & (np.abs(np.real(z)) >= np.abs(np.imag(z)))
    inverse = 1.0 / np.where(far, z, 1.0)
    near = 1.0 - 2.0 * np.where(far, 0.0, z) * out
    return np.where(far, -0.5 * _tail(inverse * inverse), near)


derivative(sc.erfcx, z=lambda g, z, out: g * _erfcx_slope(z, out))
derivative(sc.dawsn, z=lambda g, z, out: g * _dawson_slope(z, out))
derivative(sc.wofz, z=lambda g, z, out: g * -1j * _erfcx_slope(-1j * z, out))  # erfcx(−i z)


def _faddeeva(x: Any, sigma: Any, gamma: Any) -> tuple[Any, Any]:
    """Return the derivatives of the Voigt profile by x and γ."""
    z = (x + 1j * gamma) / (sigma * ROOT_2)
    slope = -1j * _erfcx_slope(-1j * z, sc.wofz(z)) / (sigma * sigma * (2.0 * ROOT_PI))
    return np.real(slope), -np.imag(slope)


def _voigt_rule(g: Any, x: Any, sigma: Any, gamma: Any, out: Any) -> tuple[Any, Any, Any]:
    """As z = (x + i γ) / (σ √2) and the profile is Re w(z) / (σ √(2π))."""
    by_x, by_gamma = _faddeeva(x, sigma, gamma)
    return g * by_x, -g * (out + x * by_x + gamma * by_gamma) / sigma, g * by_gamma


derivative(sc.voigt_profile, operands="x sigma gamma", joint=_voigt_rule)
derivative(
    sc.fresnel,
    outputs=True,
    operands="z",
    z=lambda g, z: g[0] * np.sin((0.5 * math.pi) * z * z) + g[1] * np.cos((0.5 * math.pi) * z * z),
)

# -- the normal distribution -------------------------------------------------------------------


def _density(x: Any) -> Any:
    return np.exp(-0.5 * x * x) / ROOT_2PI


def _hazard(x: Any) -> Any:
    """Return φ(x) / Φ(x), also where both are 0 in floating point."""
    positive = np.real(x) > 0
    below, above = np.where(positive, 0.0, x), np.where(positive, x, 0.0)
    of_tail = (2.0 / ROOT_2PI) / sc.erfcx(-below / ROOT_2)
    return np.where(positive, _density(above) / sc.ndtr(above), of_tail)


derivative(sc.ndtr, x=lambda g, x: g * _density(x))
derivative(sc.ndtri, y=lambda g, out: g * ROOT_2PI * np.exp(0.5 * out * out))
derivative(sc.log_ndtr, x=lambda g, x: g * _hazard(x))
derivative(sc.ndtri_exp, y=lambda g, out: g / _hazard(out))
derivative(
    sc.owens_t,
    h=lambda g, h, a: g * (-0.5) * _density(h) * sc.erf(a * h / ROOT_2),
    a=lambda g, h, a: g * np.exp(-0.5 * h * h * (1.0 + a * a)) / (2.0 * math.pi * (1.0 + a * a)),
)
