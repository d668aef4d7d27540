"""Discrete distributions: after the pages of SciPy's reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import _ufuncs as sc  # type: ignore[import-untyped]

from ..special import gammas  # noqa: F401  (with the rules of what follows)
from .distribution import Discrete

COUNTS = (0.0, np.inf)


def _probability(p: Any) -> Any:
    return (p >= 0) & (p <= 1)


poisson = Discrete(
    "poisson",
    "mu",
    support=COUNTS,
    valid=lambda mu: mu >= 0,
    logf=lambda k, mu: sc.xlogy(k, mu) - sc.gammaln(k + 1.0) - mu,
    cdf=lambda k, mu: sc.pdtr(k, mu),
    sf=lambda k, mu: sc.pdtrc(k, mu),
)
bernoulli = Discrete(
    "bernoulli",
    "p",
    support=(0.0, 1.0),
    valid=_probability,
    logf=lambda k, p: sc.xlogy(k, p) + sc.xlog1py(1.0 - k, -p),
    cdf=lambda k, p: 1.0 - p + 0.0 * k,
    sf=lambda k, p: p + 0.0 * k,
)


binom = Discrete(
    "binom",
    "n p",
    support=lambda n, p: (0.0, n),
    valid=lambda n, p: (n >= 0) & (n == np.floor(n)) & _probability(p),
    logf=lambda k, n, p: (
        sc.gammaln(n + 1.0) - sc.gammaln(k + 1.0) - sc.gammaln(n - k + 1.0)
        + sc.xlogy(k, p) + sc.xlog1py(n - k, -p)
    ),
    cdf=lambda k, n, p: sc.betainc(n - k, k + 1.0, 1.0 - p),
    sf=lambda k, n, p: sc.betainc(k + 1.0, n - k, p),
)  # fmt: skip
geom = Discrete(
    "geom",
    "p",
    support=(1.0, np.inf),
    valid=lambda p: (p > 0) & (p <= 1),
    logf=lambda k, p: sc.xlog1py(k - 1.0, -p) + np.log(p),
    cdf=lambda k, p: -np.expm1(sc.xlog1py(k, -p)),
    sf=lambda k, p: np.exp(sc.xlog1py(k, -p)),
    logsf=lambda k, p: sc.xlog1py(k, -p),
)
nbinom = Discrete(
    "nbinom",
    "n p",
    support=COUNTS,
    valid=lambda n, p: (n > 0) & (p > 0) & (p <= 1),
    logf=lambda k, n, p: (
        sc.gammaln(n + k) - sc.gammaln(k + 1.0) - sc.gammaln(n)
        + n * np.log(p) + sc.xlog1py(k, -p)
    ),
    cdf=lambda k, n, p: sc.betainc(n, k + 1.0, p),
    sf=lambda k, n, p: sc.betaincc(n, k + 1.0, p),
)  # fmt: skip
