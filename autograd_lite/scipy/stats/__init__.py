"""scipy.stats: the densities and probabilities of distributions, with derivatives.

>>> import numpy as np
>>> from autograd_lite import grad
>>> from autograd_lite.scipy import stats
>>> x = np.array([0.5, 1.5, 4.0])
>>> round(float(grad(lambda a: np.sum(stats.gamma.logpdf(x, a, scale=2.0)))(1.5)), 4)
-1.0903

Each has SciPy's methods ``logpdf`` and ``pdf`` (``logpmf`` and ``pmf`` of whole numbers), ``cdf``,
``logcdf``, ``sf``, ``logsf`` and, of the continuous ones, ``ppf``, with SciPy's parameters by
position or name; a call with the parameters freezes them. There are derivatives by x, ``loc``,
``scale`` and the shapes, except of a ``cdf``, and of ``ppf``, by a shape: there is no closed form.
As everywhere here, float32 stays float32, where SciPy has float64.
"""

from __future__ import annotations

import sys

from .continuous import (
    beta,
    cauchy,
    chi2,
    expon,
    f,
    gamma,
    gumbel_r,
    halfnorm,
    invgamma,
    laplace,
    logistic,
    lognorm,
    norm,
    pareto,
    rayleigh,
    t,
    uniform,
    weibull_min,
)
from .discrete import bernoulli, binom, geom, nbinom, poisson
from .multivariate import dirichlet, multinomial, multivariate_normal

__all__ = [
    "bernoulli",
    "beta",
    "binom",
    "cauchy",
    "chi2",
    "dirichlet",
    "expon",
    "f",
    "gamma",
    "geom",
    "gumbel_r",
    "halfnorm",
    "invgamma",
    "laplace",
    "logistic",
    "lognorm",
    "multinomial",
    "multivariate_normal",
    "nbinom",
    "norm",
    "pareto",
    "poisson",
    "rayleigh",
    "t",
    "uniform",
    "weibull_min",
]

# Programs of HIPS autograd say `import autograd.scipy.stats.norm as norm`.
for _name in __all__:
    sys.modules[f"{__name__}.{_name}"] = globals()[_name]


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}; there are {', '.join(__all__)}.", name=name
    )
