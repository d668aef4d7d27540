"""Bessel's functions and their kin: by the neighbours in order, 10.6, 10.29 and 10.51 of the DLMF.

By its order a Bessel function has no derivative in closed form.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import _ufuncs as sc  # type: ignore[import-untyped]

from ...primitive import Primitive, derivative
from .normals import ROOT_PI

# -- J and Y: 2 J′ᵥ = Jᵥ₋₁ − Jᵥ₊₁ --------------------------------------------------------------

derivative(sc.j0, x=lambda g, x: -g * sc.j1(x))
derivative(sc.j1, x=lambda g, x: g * 0.5 * (sc.j0(x) - sc.jv(2.0, x)))
derivative(sc.y0, x=lambda g, x: -g * sc.y1(x))
derivative(sc.y1, x=lambda g, x: g * 0.5 * (sc.y0(x) - sc.yv(2.0, x)))
derivative(sc.yn, operands="n x", x=lambda g, n, x: g * 0.5 * (sc.yv(n - 1, x) - sc.yv(n + 1, x)))


def _cylinder(f: Any) -> None:
    derivative(f, operands="v z", z=lambda g, v, z: g * 0.5 * (f(v - 1, z) - f(v + 1, z)))


for _ufunc in (sc.jv, sc.yv, sc.hankel1, sc.hankel2):
    _cylinder(_ufunc)


def _by_imaginary(g: Any, z: Any, out: Any) -> Any:
    """Return the part of a gradient that comes of the factor exp(−|Im z|)."""
    return 1j * np.sign(np.imag(z)) * np.real(g * out) if np.iscomplexobj(z) else 0.0


def _scaled_cylinder(f: Any) -> None:
    derivative(
        f,
        operands="v z",
        z=lambda g, v, z, out: g * 0.5 * (f(v - 1, z) - f(v + 1, z)) + _by_imaginary(g, z, out),
    )


for _ufunc in (sc.jve, sc.yve):
    _scaled_cylinder(_ufunc)
derivative(
    sc.hankel1e,
    operands="v z",
    z=lambda g, v, z, out: g * (0.5 * (sc.hankel1e(v - 1, z) - sc.hankel1e(v + 1, z)) - 1j * out),
)
derivative(
    sc.hankel2e,
    operands="v z",
    z=lambda g, v, z, out: g * (0.5 * (sc.hankel2e(v - 1, z) - sc.hankel2e(v + 1, z)) + 1j * out),
)

# -- I: 2 I′ᵥ = Iᵥ₋₁ + Iᵥ₊₁; with an e, times exp(−|Re z|), whose slope at 0 counts as 0 --------

derivative(sc.i0, x=lambda g, x: g * sc.i1(x))
derivative(sc.i1, x=lambda g, x: g * 0.5 * (sc.i0(x) + sc.iv(2.0, x)))
derivative(sc.i0e, x=lambda g, x, out: g * (sc.i1e(x) - np.sign(x) * out))


def _i1e_slope(x: Any, out: Any) -> Any:
    """Return (I₀ + I₂)/2 − sign x · I₁, all scaled; far out, SciPy's I₂ is NaN."""
    near = np.abs(x) < 1
    second = sc.i0e(x) - 2.0 * out / np.where(near, 1.0, x)
    second = np.where(near, sc.ive(2.0, np.where(near, x, 0.0)), second)
    return 0.5 * (sc.i0e(x) + second) - np.sign(x) * out


derivative(sc.i1e, x=lambda g, x, out: g * _i1e_slope(x, out))
derivative(sc.iv, operands="v z", z=lambda g, v, z: g * 0.5 * (sc.iv(v - 1, z) + sc.iv(v + 1, z)))
derivative(
    sc.ive,
    operands="v z",
    z=lambda g, v, z, out: (
        g * 0.5 * (sc.ive(v - 1, z) + sc.ive(v + 1, z)) - np.sign(np.real(z)) * np.real(g * out)
    ),
)

# -- K: −2 K′ᵥ = Kᵥ₋₁ + Kᵥ₊₁; with an e, times exp(z) ------------------------------------------

derivative(sc.k0, x=lambda g, x: -g * sc.k1(x))
derivative(sc.k1, x=lambda g, x, out: -g * (sc.k0(x) + out / x))
derivative(sc.kn, operands="n x", x=lambda g, n, x: -g * 0.5 * (sc.kv(n - 1, x) + sc.kv(n + 1, x)))
derivative(sc.kv, operands="v z", z=lambda g, v, z: -g * 0.5 * (sc.kv(v - 1, z) + sc.kv(v + 1, z)))
derivative(sc.k0e, x=lambda g, x, out: g * (out - sc.k1e(x)))
derivative(sc.k1e, x=lambda g, x, out: g * (out - sc.k0e(x) - out / x))
derivative(
    sc.kve,
    operands="v z",
    z=lambda g, v, z, out: g * (out - 0.5 * (sc.kve(v - 1, z) + sc.kve(v + 1, z))),
)

# -- spherical ones, of a whole order: (2n + 1) j′ₙ = n jₙ₋₁ − (n + 1) jₙ₊₁ ---------------------


def _spherical(name: str, below: float, above: float) -> Primitive:
    function = getattr(sc, f"_spherical_{name}")

    def slope(n: Any, z: Any) -> Any:
        lower = below * n * function(np.maximum(n - 1, 0), z)
        return (lower + above * (n + 1) * function(n + 1, z)) / (2 * n + 1)

    return derivative(
        function, operands="n z", name=f"spherical_{name}", z=lambda g, n, z: g * slope(n, z)
    )


spherical_jn = _spherical("jn", 1.0, -1.0)
spherical_yn = _spherical("yn", 1.0, -1.0)
spherical_in = _spherical("in", 1.0, 1.0)
spherical_kn = _spherical("kn", -1.0, -1.0)

# -- Struve's and Airy's, and integrals --------------------------------------------------------


def _struve_term(v: Any, x: Any) -> Any:
    """Return (x/2)ᵛ / (√π Γ(v + 3/2)), after 11.4.23 of the DLMF."""
    return (0.5 * x) ** v * sc.rgamma(v + 1.5) / ROOT_PI


derivative(
    sc.struve,
    operands="v x",
    x=lambda g, v, x: g * 0.5 * (sc.struve(v - 1, x) - sc.struve(v + 1, x) + _struve_term(v, x)),
)
derivative(
    sc.modstruve,
    operands="v x",
    x=lambda g, v, x: (
        g * 0.5 * (sc.modstruve(v - 1, x) + sc.modstruve(v + 1, x) + _struve_term(v, x))
    ),
)
derivative(
    sc.wright_bessel,
    operands="a b x",
    x=lambda g, a, b, x: g * sc.wright_bessel(a, a + b, x),
)


def _airy_rule(g: Any, z: Any) -> Any:
    """As Ai″ = z Ai, and Bi alike."""
    ai, of_ai, bi, of_bi = sc.airy(z)
    return g[0] * of_ai + g[1] * z * ai + g[2] * of_bi + g[3] * z * bi


derivative(sc.airy, outputs=True, operands="z", z=lambda g, z: _airy_rule(g, z))
derivative(sc.itj0y0, outputs=True, operands="x", x=lambda g, x: g[0] * sc.j0(x) + g[1] * sc.y0(x))
derivative(sc.iti0k0, outputs=True, operands="x", x=lambda g, x: g[0] * sc.i0(x) + g[1] * sc.k0(x))
