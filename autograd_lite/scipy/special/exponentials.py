"""Exponentials, logarithms, entropies, and what is made of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import _ufuncs as sc  # type: ignore[import-untyped]

from ...calculus.arithmetic import or_one
from ...calculus.transcendental import DEGREE, LN2, LN10
from ...primitive import derivative

# -- exponentials and logarithms ---------------------------------------------------------------

derivative(sc.expit, x=lambda g, x, out: g * out * sc.expit(-x))  # 1 − σ(x) would round to 0
derivative(sc.logit, x=lambda g, x: g / (x * (1.0 - x)))
derivative(sc.log_expit, x=lambda g, x: g * sc.expit(-x))
derivative(sc.exp2, x=lambda g, out: g * out * LN2)
derivative(sc.exp10, x=lambda g, out: g * out * LN10)
derivative(sc.expm1, x=lambda g, x: g * np.exp(x))
derivative(sc.log1p, x=lambda g, x: g / (x + 1.0))
derivative(sc.cbrt, x=lambda g, out: g * np.square(1.0 / out) / 3.0)
derivative(sc.cosm1, x=lambda g, x: -g * np.sin(x))
derivative(
    sc.powm1,
    x=lambda g, x, y: g * y * x ** (y - 1.0),
    y=lambda g, x, out: g * sc.xlogy(out + 1.0, x),
)


def _exprel_slope(x: Any) -> Any:
    """Return ∫₀¹ s exp(s x) ds, the derivative of ∫₀¹ exp(s x) ds = (exp(x) − 1) / x."""
    near = np.abs(x) < 1
    series = 0.5 * sc.hyp1f1(2.0, 3.0, np.where(near, x, 0.0))
    x = np.where(near, 1.0, x)
    out = sc.exprel(x)
    above, below = out * (1.0 - 1.0 / x) + 1.0 / x, (np.exp(np.where(x < 0, x, 0.0)) - out) / x
    return np.where(near, series, np.where(x > 0, above, below))


derivative(sc.exprel, x=lambda g, x: g * _exprel_slope(x))

# -- angles in degrees -------------------------------------------------------------------------

derivative(sc.sindg, x=lambda g, x: g * DEGREE * sc.cosdg(x))
derivative(sc.cosdg, x=lambda g, x: -g * DEGREE * sc.sindg(x))
derivative(sc.tandg, x=lambda g, out: g * DEGREE * (1.0 + out * out))
derivative(sc.cotdg, x=lambda g, out: -g * DEGREE * (1.0 + out * out))
derivative(
    sc.radian,
    d=lambda g: g * DEGREE,
    m=lambda g: g * (DEGREE / 60.0),
    s=lambda g: g * (DEGREE / 3600.0),
)
derivative(sc.round, x=lambda g, x: np.zeros_like(x))

# -- x log y: 0 where x is 0, whatever y is ----------------------------------------------------


def _log(x: Any, y: Any) -> Any:
    """Return log y; 0 where x is 0 too, or y no longer has a logarithm there."""
    return np.log(np.where((x == 0) & (np.real(y) <= 0), 1.0, y))


def _ratio(x: Any, y: Any) -> Any:
    """Return x / y; 0 where both are 0."""
    return x / np.where((x == 0) & (y == 0), 1.0, y)


derivative(sc.xlogy, x=lambda g, x, y: g * _log(x, y), y=lambda g, x, y: g * _ratio(x, y))
derivative(
    sc.xlog1py,
    x=lambda g, x, y: g * np.where((x == 0) & (np.real(y) <= -1), 0.0, sc.log1p(y)),
    y=lambda g, x, y: g * _ratio(x, 1.0 + y),
)
derivative(sc.entr, x=lambda g, x: -g * (np.log(x) + 1.0))


def _relative(x: Any, y: Any) -> Any:
    """Return log(x / y); 0 where both are 0."""
    both = (x == 0) & (y == 0)
    return np.log(np.where(both, 1.0, x)) - np.log(np.where(both, 1.0, y))


def _unless_none(x: Any, y: Any) -> Any:
    """Return 1; 0 where both are 0, at which x log(x / y) counts as flat."""
    return np.where((x == 0) & (y == 0), 0.0, 1.0)


derivative(
    sc.rel_entr,
    x=lambda g, x, y: g * (_relative(x, y) + _unless_none(x, y)),
    y=lambda g, x, y: -g * _ratio(x, y),
)
derivative(
    sc.kl_div,
    x=lambda g, x, y: g * _relative(x, y),
    y=lambda g, x, y: g * (1.0 - _ratio(x, y)),
)

# -- losses ------------------------------------------------------------------------------------

derivative(
    sc.huber,
    delta=lambda g, delta, r: g * np.where(np.abs(r) <= delta, 0.0, np.abs(r) - delta),
    r=lambda g, delta, r: g * np.where(np.abs(r) <= delta, r, delta * np.sign(r)),
)


def _pseudo_huber_by_delta(delta: Any, r: Any) -> Any:
    """Return δ u⁴ / (s (1 + s)²), with u = r / δ and s = √(1 + u²); 0 for δ = 0."""
    u = np.where(delta == 0, 0.0, r) / or_one(delta)
    s = np.hypot(1.0, u)
    return delta * (u * u / (1.0 + s)) ** 2 / s


derivative(
    sc.pseudo_huber,
    delta=lambda g, delta, r: g * _pseudo_huber_by_delta(delta, r),
    r=lambda g, delta, r: g * delta * np.sin(np.arctan2(r, delta)),  # r / √(1 + (r / δ)²)
)

# -- powers after Box and Cox: (x^λ − 1) / λ = log x · exprel(λ log x) -------------------------


def _boxcox_by_power(log: Any, power: Any) -> Any:
    """Return log² · exprel′(λ log), which comes to 1 / λ² where the logarithm is −inf."""
    lost = np.isinf(log)
    log = np.where(lost, 0.0, log)
    return np.where(lost, 1.0 / or_one(power) ** 2, log * log * _exprel_slope(power * log))


derivative(
    sc.boxcox,
    x=lambda g, x, lmbda: g * x ** (lmbda - 1.0),
    lmbda=lambda g, x, lmbda: g * _boxcox_by_power(np.log(x), lmbda),
)
derivative(
    sc.boxcox1p,
    x=lambda g, x, lmbda: g * (1.0 + x) ** (lmbda - 1.0),
    lmbda=lambda g, x, lmbda: g * _boxcox_by_power(sc.log1p(x), lmbda),
)


def _log1p_over(y: Any, power: Any) -> Any:
    """Return the derivative of log(1 + λ y) / λ by λ."""
    u = power * y
    near = np.abs(u) < 0.5
    series = -0.5 * y * y * sc.hyp2f1(2.0, 2.0, 3.0, np.where(near, -u, 0.0))
    u, power = np.where(near, 1.0, u), np.where(near, 1.0, power)
    return np.where(near, series, (y / (1.0 + u) - sc.log1p(u) / power) / power)


derivative(
    sc.inv_boxcox,
    y=lambda g, y, lmbda, out: g * out / (lmbda * y + 1.0),
    lmbda=lambda g, y, lmbda, out: g * out * _log1p_over(y, lmbda),
)
derivative(
    sc.inv_boxcox1p,
    y=lambda g, y, lmbda, out: g * (out + 1.0) / (lmbda * y + 1.0),
    lmbda=lambda g, y, lmbda, out: g * (out + 1.0) * _log1p_over(y, lmbda),
)

# -- the inverse of w exp(w), and of w + log w -------------------------------------------------

derivative(
    sc._lambertw,
    operands="z k tol",
    name="lambertw",
    nondifferentiable="k tol",
    z=lambda g, out: g * np.exp(-out) / (1.0 + out),
)
derivative(sc.wrightomega, z=lambda g, out: g * out / (1.0 + out))

# -- integrals of exp(x) / x and log(x) / x ----------------------------------------------------

derivative(sc.expi, x=lambda g, x: g * np.exp(x) / x)
derivative(sc.exp1, z=lambda g, z: -g * np.exp(-z) / z)
derivative(
    sc.expn,
    operands="n x",
    x=lambda g, n, x, out: (
        -g * np.where(n == 0, out * (1.0 + 1.0 / x), sc.expn(np.maximum(n - 1, 0), x))
    ),
)


def _dilogarithm_slope(z: Any) -> Any:
    """Return log(z) / (1 − z), by its series near z = 1."""
    near = np.abs(z - 1.0) < 0.5
    far = np.where(near, 2.0, z)
    series = -sc.hyp2f1(1.0, 1.0, 2.0, np.where(near, 1.0 - z, 0.0))
    return np.where(near, series, np.log(far) / (1.0 - far))


derivative(sc.spence, z=lambda g, z: g * _dilogarithm_slope(z))

# -- integrals of sin(x) / x and the like, two at a time ---------------------------------------

derivative(
    sc.sici,
    outputs=True,
    operands="x",
    x=lambda g, x: g[0] * np.sinc(x / math.pi) + g[1] * np.cos(x) / x,
)
derivative(
    sc.shichi,
    outputs=True,
    operands="x",
    x=lambda g, x: g[0] * sc.hyp0f1(1.5, 0.25 * x * x) + g[1] * np.cosh(x) / x,
)
