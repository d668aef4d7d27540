"""Hypergeometric and elliptic functions, and orthogonal polynomials.

Each derivative is a neighbour: with larger parameters, or of a lower degree. By a parameter or a
degree there is none in closed form.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import _ufuncs as sc  # type: ignore[import-untyped]

from ...calculus.arithmetic import or_one
from ...primitive import derivative

# -- series: 15.5.1, 13.3.15, 13.3.22 and 16.3.1 of the DLMF -----------------------------------

derivative(sc.hyp0f1, operands="v z", z=lambda g, v, z: g * sc.hyp0f1(v + 1.0, z) / v)
derivative(
    sc.hyp1f1,
    operands="a b x",
    x=lambda g, a, b, x: g * (a / b) * sc.hyp1f1(a + 1.0, b + 1.0, x),
)
derivative(
    sc.hyperu, operands="a b x", x=lambda g, a, b, x: -g * a * sc.hyperu(a + 1.0, b + 1.0, x)
)
derivative(
    sc.hyp2f1,
    operands="a b c z",
    z=lambda g, a, b, c, z: g * (a * b / c) * sc.hyp2f1(a + 1.0, b + 1.0, c + 1.0, z),
)

# -- complete elliptic integrals of the parameter m = k²: 19.4.1 of the DLMF -------------------

_SMALL = 0.1


def _by_series(m: Any, a: float, otherwise: Callable[[Any], Any]) -> Any:
    """Return π a/4 · F(a + 1, 3/2; 2; m) near 0, where a difference would lose its digits."""
    near = np.abs(m) < _SMALL
    series = 0.25 * a * math.pi * sc.hyp2f1(a + 1.0, 1.5, 2.0, np.where(near, m, 0.0))
    return np.where(near, series, otherwise(near))


def _k_slope(m: Any, rest: Any) -> Any:
    """Return K′(m), given m and 1 − m, of which one may be small."""

    def direct(near: Any) -> Any:
        outside, beside = np.where(near, 0.5, m), np.where(near, 0.5, rest)
        whole = sc.ellipe(outside) - beside * sc.ellipkm1(or_one(beside))
        return whole / (2.0 * outside * beside)

    return _by_series(m, 0.5, direct)


def _e_slope(m: Any) -> Any:
    def direct(near: Any) -> Any:
        outside = np.where(near, 0.5, m)
        return (sc.ellipe(outside) - sc.ellipk(outside)) / (2.0 * outside)

    return _by_series(m, -0.5, direct)


derivative(sc.ellipk, m=lambda g, m: g * _k_slope(m, 1.0 - m))
derivative(sc.ellipkm1, p=lambda g, p: -g * _k_slope(1.0 - p, p))
derivative(sc.ellipe, m=lambda g, m: g * _e_slope(m))

# -- incomplete ones: the integral's own derivative under the integral -------------------------

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


def _integral(phi: Any, m: Any, power: float) -> Any:
    """Return ∫₀^φ sin²θ (1 − m sin²θ)^power dθ for a small m, by Gauss."""
    half = 0.5 * phi[..., None] if np.ndim(phi) else 0.5 * phi
    squares = np.sin(half * (1.0 + _NODES)) ** 2
    values = squares * (1.0 - np.expand_dims(m, -1) * squares) ** power
    return np.sum(values * _WEIGHTS * half, axis=-1)


def _incomplete(phi: Any, m: Any, power: float, otherwise: Callable[[Any], Any]) -> Any:
    near = np.abs(m) < _SMALL
    phi, m = phi + 0.0 * m, m + 0.0 * phi
    inside = _integral(phi, np.where(near, m, 0.0), power)
    return np.where(near, inside, otherwise(np.where(near, 0.5, m)))


def _f_by_m(phi: Any, m: Any) -> Any:
    def direct(m: Any) -> Any:
        root = np.sqrt(1.0 - m * np.sin(phi) ** 2)
        rest = sc.ellipeinc(phi, m) / (1.0 - m) - sc.ellipkinc(phi, m)
        return rest / (2.0 * m) - np.sin(2.0 * phi) / (4.0 * (1.0 - m) * root)

    return _incomplete(phi, m, -1.5, lambda m: 2.0 * direct(m))


def _e_by_m(phi: Any, m: Any) -> Any:
    return _incomplete(phi, m, -0.5, lambda m: (sc.ellipkinc(phi, m) - sc.ellipeinc(phi, m)) / m)


derivative(
    sc.ellipkinc,
    phi=lambda g, phi, m: g / np.sqrt(1.0 - m * np.sin(phi) ** 2),
    m=lambda g, phi, m: g * 0.5 * _f_by_m(phi, m),
)
derivative(
    sc.ellipeinc,
    phi=lambda g, phi, m: g * np.sqrt(1.0 - m * np.sin(phi) ** 2),
    m=lambda g, phi, m: -g * 0.5 * _e_by_m(phi, m),
)

# -- orthogonal polynomials, of degree n: 18.9.15 to 18.9.25 of the DLMF -----------------------


def _lower(n: Any, polynomial: Callable[[Any], Any]) -> Any:
    """Return a polynomial of degree n − 1; 0 of a constant."""
    return np.where(np.asarray(n) == 0, 0.0, polynomial(np.maximum(n - 1, 0)))


def _gegenbauer(n: Any, alpha: Any, x: Any) -> Any:
    return _lower(n, lambda n: sc.eval_gegenbauer(n, alpha, x))


derivative(
    sc.eval_jacobi,
    operands="n alpha beta x",
    x=lambda g, n, alpha, beta, x: (
        g * 0.5 * (n + alpha + beta + 1.0)
        * _lower(n, lambda n: sc.eval_jacobi(n, alpha + 1.0, beta + 1.0, x))
    ),
)  # fmt: skip
derivative(
    sc.eval_gegenbauer,
    operands="n alpha x",
    x=lambda g, n, alpha, x: g * 2.0 * alpha * _gegenbauer(n, alpha + 1.0, x),
)
derivative(sc.eval_legendre, operands="n x", x=lambda g, n, x: g * _gegenbauer(n, 1.5, x))
derivative(
    sc.eval_chebyt,
    operands="n x",
    x=lambda g, n, x: g * n * _lower(n, lambda n: sc.eval_chebyu(n, x)),
)
derivative(sc.eval_chebyu, operands="n x", x=lambda g, n, x: g * 2.0 * _gegenbauer(n, 2.0, x))
derivative(
    sc.eval_chebyc,
    operands="n x",
    x=lambda g, n, x: g * n * _lower(n, lambda n: sc.eval_chebys(n, x)),
)
derivative(sc.eval_chebys, operands="n x", x=lambda g, n, x: g * _gegenbauer(n, 2.0, 0.5 * x))
derivative(
    sc.eval_sh_legendre,
    operands="n x",
    x=lambda g, n, x: g * 2.0 * _gegenbauer(n, 1.5, 2.0 * x - 1.0),
)
derivative(
    sc.eval_sh_chebyt,
    operands="n x",
    x=lambda g, n, x: g * 2.0 * n * _lower(n, lambda n: sc.eval_sh_chebyu(n, x)),
)
derivative(
    sc.eval_sh_chebyu,
    operands="n x",
    x=lambda g, n, x: g * 4.0 * _gegenbauer(n, 2.0, 2.0 * x - 1.0),
)
derivative(
    sc.eval_genlaguerre,
    operands="n alpha x",
    x=lambda g, n, alpha, x: -g * _lower(n, lambda n: sc.eval_genlaguerre(n, alpha + 1.0, x)),
)
derivative(
    sc.eval_laguerre,
    operands="n x",
    x=lambda g, n, x: -g * _lower(n, lambda n: sc.eval_genlaguerre(n, 1.0, x)),
)
derivative(
    sc.eval_hermite,
    operands="n x",
    x=lambda g, n, x: g * 2.0 * n * _lower(n, lambda n: sc.eval_hermite(n, x)),
)
derivative(
    sc.eval_hermitenorm,
    operands="n x",
    x=lambda g, n, x: g * n * _lower(n, lambda n: sc.eval_hermitenorm(n, x)),
)
