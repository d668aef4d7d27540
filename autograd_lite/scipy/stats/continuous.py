"""Continuous distributions, in their standard form: after the pages of SciPy's reference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import _ufuncs as sc  # type: ignore[import-untyped]

from ..special import gammas  # noqa: F401  (with the rules of what follows)
from .distribution import Continuous

ROOT_2 = math.sqrt(2.0)
LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)
HALF_LINE = (0.0, np.inf)
ABOVE_0 = (float(np.nextafter(0.0, 1.0)), np.inf)


def _positive(*shapes: Any) -> Any:
    known = True
    for shape in shapes:
        known = known & (shape > 0)
    return known


norm = Continuous(
    "norm",
    logf=lambda y: -0.5 * y * y - LOG_ROOT_2PI,
    cdf=lambda y: sc.ndtr(y),
    sf=lambda y: sc.ndtr(-y),
    logcdf=lambda y: sc.log_ndtr(y),
    logsf=lambda y: sc.log_ndtr(-y),
    ppf=lambda q: sc.ndtri(q),
)
uniform = Continuous(
    "uniform",
    support=(0.0, 1.0),
    logf=lambda y: 0.0 * y,
    cdf=lambda y: y,
    sf=lambda y: 1.0 - y,
    ppf=lambda q: q,
)
expon = Continuous(
    "expon",
    support=HALF_LINE,
    logf=lambda y: -y,
    cdf=lambda y: -np.expm1(-y),
    sf=lambda y: np.exp(-y),
    logsf=lambda y: -y,
    ppf=lambda q: -np.log1p(-q),
)
laplace = Continuous(
    "laplace",
    logf=lambda y: -np.abs(y) - math.log(2.0),
    cdf=lambda y: _laplace_cdf(y),
    sf=lambda y: _laplace_cdf(-y),
    ppf=lambda q: np.where(q > 0.5, -np.log(2.0 - 2.0 * q), np.log(2.0 * q)),
)


def _laplace_cdf(y: Any) -> Any:
    half = 0.5 * np.exp(-np.abs(y))
    return np.where(y > 0, 1.0 - half, half)


logistic = Continuous(
    "logistic",
    logf=lambda y: sc.log_expit(y) + sc.log_expit(-y),
    cdf=lambda y: sc.expit(y),
    sf=lambda y: sc.expit(-y),
    logcdf=lambda y: sc.log_expit(y),
    logsf=lambda y: sc.log_expit(-y),
    ppf=lambda q: sc.logit(q),
)
cauchy = Continuous(
    "cauchy",
    logf=lambda y: -math.log(math.pi) - np.log1p(y * y),
    cdf=lambda y: np.arctan2(1.0, -y) / math.pi,
    sf=lambda y: np.arctan2(1.0, y) / math.pi,
    ppf=lambda q: np.sign(q - 0.5) / np.tan(math.pi * np.minimum(q, 1.0 - q)),
)
halfnorm = Continuous(
    "halfnorm",
    support=HALF_LINE,
    logf=lambda y: -0.5 * y * y - LOG_ROOT_2PI + math.log(2.0),
    cdf=lambda y: sc.erf(y / ROOT_2),
    sf=lambda y: sc.erfc(y / ROOT_2),
    ppf=lambda q: ROOT_2 * sc.erfinv(q),
)
rayleigh = Continuous(
    "rayleigh",
    support=HALF_LINE,
    logf=lambda y: sc.xlogy(1.0, y) - 0.5 * y * y,
    cdf=lambda y: -np.expm1(-0.5 * y * y),
    sf=lambda y: np.exp(-0.5 * y * y),
    logsf=lambda y: -0.5 * y * y,
    ppf=lambda q: np.sqrt(-2.0 * np.log1p(-q)),
)
gumbel_r = Continuous(
    "gumbel_r",
    logf=lambda y: -y - np.exp(-y),
    cdf=lambda y: np.exp(-np.exp(-y)),
    sf=lambda y: -np.expm1(-np.exp(-y)),
    logcdf=lambda y: -np.exp(-y),
    ppf=lambda q: -np.log(-np.log(q)),
)
lognorm = Continuous(
    "lognorm",
    "s",
    support=ABOVE_0,
    valid=_positive,
    logf=lambda y, s: -0.5 * (np.log(y) / s) ** 2 - np.log(y) - np.log(s) - LOG_ROOT_2PI,
    cdf=lambda y, s: sc.ndtr(np.log(y) / s),
    sf=lambda y, s: sc.ndtr(-np.log(y) / s),
    logcdf=lambda y, s: sc.log_ndtr(np.log(y) / s),
    logsf=lambda y, s: sc.log_ndtr(-np.log(y) / s),
    ppf=lambda q, s: np.exp(s * sc.ndtri(q)),
)
gamma = Continuous(
    "gamma",
    "a",
    support=HALF_LINE,
    valid=_positive,
    logf=lambda y, a: sc.xlogy(a - 1.0, y) - y - sc.gammaln(a),
    cdf=lambda y, a: sc.gammainc(a, y),
    sf=lambda y, a: sc.gammaincc(a, y),
    ppf=lambda q, a: sc.gammaincinv(a, q),
)
chi2 = Continuous(
    "chi2",
    "df",
    support=HALF_LINE,
    valid=_positive,
    logf=lambda y, df: (
        sc.xlogy(0.5 * df - 1.0, y) - 0.5 * y - sc.gammaln(0.5 * df) - 0.5 * math.log(2.0) * df
    ),
    cdf=lambda y, df: sc.chdtr(df, y),
    sf=lambda y, df: sc.chdtrc(df, y),
    ppf=lambda q, df: 2.0 * sc.gammaincinv(0.5 * df, q),
)
invgamma = Continuous(
    "invgamma",
    "a",
    support=ABOVE_0,
    valid=_positive,
    logf=lambda y, a: -(a + 1.0) * np.log(y) - sc.gammaln(a) - 1.0 / y,
    cdf=lambda y, a: sc.gammaincc(a, 1.0 / y),
    sf=lambda y, a: sc.gammainc(a, 1.0 / y),
    ppf=lambda q, a: 1.0 / sc.gammainccinv(a, q),
)
beta = Continuous(
    "beta",
    "a b",
    support=(0.0, 1.0),
    valid=_positive,
    logf=lambda y, a, b: sc.xlogy(a - 1.0, y) + sc.xlog1py(b - 1.0, -y) - sc.betaln(a, b),
    cdf=lambda y, a, b: sc.betainc(a, b, y),
    sf=lambda y, a, b: sc.betaincc(a, b, y),
    ppf=lambda q, a, b: sc.betaincinv(a, b, q),
)
t = Continuous(
    "t",
    "df",
    valid=_positive,
    logf=lambda y, df: _log_of_t(y, df),
    cdf=lambda y, df: sc.stdtr(df, y),
    sf=lambda y, df: sc.stdtr(df, -y),
    ppf=lambda q, df: sc.stdtrit(df, q),
)


def _log_of_t(y: Any, df: Any) -> Any:
    """For infinitely many degrees of freedom it is the normal distribution."""
    normal = np.isinf(df)
    df = np.where(normal, 1.0, df)
    half = 0.5 * (df + 1.0)
    scale = sc.gammaln(half) - sc.gammaln(0.5 * df) - 0.5 * np.log(math.pi * df)
    return np.where(normal, -0.5 * y * y - LOG_ROOT_2PI, scale - half * np.log1p(y * y / df))


f = Continuous(
    "f",
    "dfn dfd",
    support=HALF_LINE,
    valid=_positive,
    logf=lambda y, n, m: (
        0.5 * n * np.log(n) + 0.5 * m * np.log(m) + sc.xlogy(0.5 * n - 1.0, y)
        - 0.5 * (n + m) * np.log(m + n * y) - sc.betaln(0.5 * n, 0.5 * m)
    ),
    cdf=lambda y, n, m: sc.fdtr(n, m, y),
    sf=lambda y, n, m: sc.fdtrc(n, m, y),
    ppf=lambda q, n, m: sc.fdtri(n, m, q),
)  # fmt: skip
weibull_min = Continuous(
    "weibull_min",
    "c",
    support=HALF_LINE,
    valid=_positive,
    logf=lambda y, c: np.log(c) + sc.xlogy(c - 1.0, y) - y**c,
    cdf=lambda y, c: -np.expm1(-(y**c)),
    sf=lambda y, c: np.exp(-(y**c)),
    logsf=lambda y, c: -(y**c),
    ppf=lambda q, c: (-np.log1p(-q)) ** (1.0 / c),
)
pareto = Continuous(
    "pareto",
    "b",
    support=(1.0, np.inf),
    valid=_positive,
    logf=lambda y, b: np.log(b) - (b + 1.0) * np.log(y),
    cdf=lambda y, b: 1.0 - y**-b,
    sf=lambda y, b: y**-b,
    logsf=lambda y, b: -b * np.log(y),
    ppf=lambda q, b: (1.0 - q) ** (-1.0 / b),
)
