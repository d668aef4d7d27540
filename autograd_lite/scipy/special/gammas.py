"""The gamma function, what is made of it, and the distributions whose integrals it gives.

What is a number of the distribution, such as `a` of ``gammainc(a, x)``, has no derivative in
closed form: those functions have rules by their last argument.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special  # type: ignore[import-untyped]
from scipy.special import _ufuncs as sc

from ...primitive import Primitive, derivative
from .normals import ROOT_PI

# -- derivatives of ψ, on both sides of 0 ------------------------------------------------------


def _cotangent_slopes(n: int) -> Any:
    """Return the coefficients of dⁿ cot / dxⁿ, which is a polynomial in the cotangent."""
    p = np.array([1.0, 0.0])
    for _ in range(n):
        p = -np.polymul(np.polyder(p), [1.0, 0.0, 1.0])
    return p


def _polygamma(x: Any, n: int) -> Any:
    """Return ψ⁽ⁿ⁾(x); SciPy's ends at 0, and 5.15.6 of the DLMF reflects it there."""
    x = np.asarray(x)
    kind = x.dtype if x.dtype.kind == "f" else np.dtype(float)
    x = x.astype(float)
    left = x < 0
    beside = np.where(left, 1.0 - x, x)
    values = np.where(x == 0, -((-1.0) ** n) * np.inf, scipy.special.polygamma(n, beside))
    if left.any():
        poles = x == np.round(x)
        cotangent = 1.0 / np.tan(math.pi * np.where(poles, 0.25, x - np.round(x)))
        turned = (-1.0) ** n * values
        turned = turned - math.pi ** (n + 1) * np.polyval(_cotangent_slopes(n), cotangent)
        values = np.where(left, np.where(poles, np.nan, turned), values)
    return values.astype(kind)[()]


polygamma: Primitive = derivative(
    _polygamma,
    name="polygamma",
    elementwise=True,
    x=lambda g, x, n: g * polygamma(x, n=n + 1),
)
"""ψ⁽ⁿ⁾(x) for one n, at every real x."""

derivative(
    sc.psi,
    z=lambda g, z: g * (_complex_trigamma(z) if np.iscomplexobj(z) else polygamma(z, n=1)),
)


def _complex_trigamma(z: Any) -> Any:
    from ...errors import NoDerivativeError

    raise NoDerivativeError(
        "scipy.special.digamma has a derivative here of real arguments: SciPy has no trigamma "
        "function of complex ones."
    )


derivative(  # ζ(x, q)
    sc._zeta, operands="x q", name="zeta", q=lambda g, x, q: -g * x * sc._zeta(x + 1.0, q)
)

# -- Γ and its logarithm -----------------------------------------------------------------------


def _rgamma_slope(z: Any) -> Any:
    """Return the derivative of 1/Γ(z) = sin(πz) Γ(1−z) / π: a number at the poles of Γ too."""
    far = np.isinf(np.real(z))
    z = np.where(far, 1.0, z)
    left = np.real(z) < 0.5
    mirrored, right = np.where(left, 1.0 - z, 1.0), np.where(left, 1.0, z)
    turn = math.pi * (np.where(left, z, 0.0) - np.round(np.real(np.where(left, z, 0.0))))
    sign = np.where(np.round(np.real(z)) % 2 == 0, 1.0, -1.0)
    there = sign * sc.gamma(mirrored)
    there = there * (np.cos(turn) - np.sin(turn) * sc.psi(mirrored) / math.pi)
    here = -sc.rgamma(right) * sc.psi(right)
    return np.where(far, 0.0, np.where(left, there, here))


derivative(sc.gamma, z=lambda g, z, out: g * out * sc.psi(z))
derivative(sc.gammaln, x=lambda g, x: g * sc.psi(x))
derivative(sc.loggamma, z=lambda g, z: g * sc.psi(z))
derivative(sc.rgamma, z=lambda g, z: g * _rgamma_slope(z))
derivative(sc.gammasgn, x=lambda g, x: np.zeros_like(x))
derivative(
    sc.poch,
    z=lambda g, z, m, out: g * out * (sc.psi(z + m) - sc.psi(z)),
    m=lambda g, z, m, out: g * out * sc.psi(z + m),
)
derivative(
    sc.beta,
    a=lambda g, a, b, out: g * out * (sc.psi(a) - sc.psi(a + b)),
    b=lambda g, a, b, out: g * out * (sc.psi(b) - sc.psi(a + b)),
)
derivative(
    sc.betaln,
    a=lambda g, a, b: g * (sc.psi(a) - sc.psi(a + b)),
    b=lambda g, a, b: g * (sc.psi(b) - sc.psi(a + b)),
)
derivative(
    sc.binom,
    n=lambda g, n, k, out: g * out * (sc.psi(n + 1.0) - sc.psi(n - k + 1.0)),
    k=lambda g, n, k, out: g * out * (sc.psi(n - k + 1.0) - sc.psi(k + 1.0)),
)

# -- incomplete integrals: the derivative is what is integrated --------------------------------


def gamma_density(a: Any, x: Any) -> Any:
    """Return x^(a−1) exp(−x) / Γ(a)."""
    far = np.isinf(x)
    x = np.where(far, 1.0, x)
    return np.where(far, 0.0, np.exp(sc.xlogy(a - 1.0, x) - x - sc.gammaln(a)))


def beta_density(a: Any, b: Any, x: Any) -> Any:
    """Return x^(a−1) (1−x)^(b−1) / B(a, b)."""
    return np.exp(sc.xlogy(a - 1.0, x) + sc.xlog1py(b - 1.0, -x) - sc.betaln(a, b))


def t_density(df: Any, t: Any) -> Any:
    """Return the density of Student's distribution."""
    half = 0.5 * (df + 1.0)
    scale = sc.gammaln(half) - sc.gammaln(0.5 * df)
    return np.exp(scale - half * np.log1p(t * t / df)) / (np.sqrt(df) * ROOT_PI)


def f_density(dfn: Any, dfd: Any, x: Any) -> Any:
    """Return the density of Fisher's distribution: of the quotient of two sums of squares."""
    whole = dfn * x + dfd
    return beta_density(0.5 * dfn, 0.5 * dfd, dfn * x / whole) * dfn * dfd / (whole * whole)


derivative(sc.gammainc, operands="a x", x=lambda g, a, x: g * gamma_density(a, x))
derivative(sc.gammaincc, operands="a x", x=lambda g, a, x: -g * gamma_density(a, x))
derivative(sc.gammaincinv, operands="a y", y=lambda g, a, out: g / gamma_density(a, out))
derivative(sc.gammainccinv, operands="a y", y=lambda g, a, out: -g / gamma_density(a, out))
derivative(sc.betainc, operands="a b x", x=lambda g, a, b, x: g * beta_density(a, b, x))
derivative(sc.betaincc, operands="a b x", x=lambda g, a, b, x: -g * beta_density(a, b, x))
derivative(sc.betaincinv, operands="a b y", y=lambda g, a, b, out: g / beta_density(a, b, out))
derivative(sc.betainccinv, operands="a b y", y=lambda g, a, b, out: -g / beta_density(a, b, out))
derivative(sc.chdtr, operands="v x", x=lambda g, v, x: g * 0.5 * gamma_density(0.5 * v, 0.5 * x))
derivative(sc.chdtrc, operands="v x", x=lambda g, v, x: -g * 0.5 * gamma_density(0.5 * v, 0.5 * x))
derivative(
    sc.chdtri, operands="v p", p=lambda g, v, out: -2.0 * g / gamma_density(0.5 * v, 0.5 * out)
)
derivative(
    sc.gdtr,
    operands="a b x",
    a=lambda g, a, b, x: g * x * gamma_density(b, a * x),
    x=lambda g, a, b, x: g * a * gamma_density(b, a * x),
)
derivative(
    sc.gdtrc,
    operands="a b x",
    a=lambda g, a, b, x: -g * x * gamma_density(b, a * x),
    x=lambda g, a, b, x: -g * a * gamma_density(b, a * x),
)
derivative(sc.stdtr, operands="df t", t=lambda g, df, t: g * t_density(df, t))
derivative(sc.stdtrit, operands="df p", p=lambda g, df, out: g / t_density(df, out))
derivative(sc.fdtr, operands="dfn dfd x", x=lambda g, dfn, dfd, x: g * f_density(dfn, dfd, x))
derivative(sc.fdtrc, operands="dfn dfd x", x=lambda g, dfn, dfd, x: -g * f_density(dfn, dfd, x))
derivative(sc.fdtri, operands="dfn dfd p", p=lambda g, dfn, dfd, out: g / f_density(dfn, dfd, out))

# -- of counts, by what the count depends on ---------------------------------------------------

derivative(sc.pdtr, operands="k m", m=lambda g, k, m: -g * gamma_density(np.floor(k) + 1.0, m))
derivative(sc.pdtrc, operands="k m", m=lambda g, k, m: g * gamma_density(np.floor(k) + 1.0, m))
derivative(sc.pdtri, operands="k y", y=lambda g, k, out: -g / gamma_density(np.floor(k) + 1.0, out))


def _binomial_density(k: Any, n: Any, p: Any) -> Any:
    """Return by how much the probability of more than k of n grows with p; 0 for k = n."""
    k = np.floor(k)
    some = (k >= 0) & (k < n)
    k = np.where(some, k, 0.0)
    return np.where(some, beta_density(k + 1.0, np.where(some, n - k, 1.0), p), 0.0)


derivative(sc.bdtr, operands="k n p", p=lambda g, k, n, p: -g * _binomial_density(k, n, p))
derivative(sc.bdtrc, operands="k n p", p=lambda g, k, n, p: g * _binomial_density(k, n, p))
derivative(sc.bdtri, operands="k n y", y=lambda g, k, n, out: -g / _binomial_density(k, n, out))
derivative(sc.nbdtr, operands="k n p", p=lambda g, k, n, p: g * beta_density(n, k + 1.0, p))
derivative(sc.nbdtrc, operands="k n p", p=lambda g, k, n, p: -g * beta_density(n, k + 1.0, p))
derivative(sc.nbdtri, operands="k n y", y=lambda g, k, n, out: g / beta_density(n, k + 1.0, out))
