"""Distributions of vectors: the normal, Dirichlet's and the multinomial."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import _ufuncs as sc  # type: ignore[import-untyped]

from ...errors import NoDerivativeError
from ...tensor import Tensor, unwrap
from ..special import gammas  # noqa: F401  (with the rules of what follows)
from .distribution import Frozen, alike


class Multivariate:
    """A family of distributions of vectors; its call with parameters freezes them."""

    name = ""

    def __call__(self, *args: Any, **kwargs: Any) -> Frozen:
        """Return the distribution with these parameters."""
        return Frozen(self, args, kwargs)

    def __repr__(self) -> str:
        return f"<distribution {self.name}>"


def _alone(out: Any) -> Any:
    """Return a result as SciPy does: without axes of length 1."""
    return np.squeeze(out)


class MultivariateNormal(Multivariate):
    """scipy.stats.multivariate_normal, of a covariance matrix that has an inverse.

    Its mean is (d,), its covariance (d, d) or a number, its points (…, d).

    >>> from autograd_lite import grad
    >>> grad(MultivariateNormal().logpdf)(np.array([1.0, 2.0]), [0.0, 0.0], 2.0)
    array([-0.5, -1. ])
    """

    name = "multivariate_normal"

    def logpdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """Return the logarithm of the density at vectors x, (…, d).

        The gradient by `cov`, (d, d), is symmetric: each pair of its elements shares it.
        """
        x, mean, cov, d = self._read(x, mean, cov, allow_singular)
        try:
            root = np.linalg.cholesky(0.5 * (cov + cov.T))
        except np.linalg.LinAlgError:
            raise np.linalg.LinAlgError(
                "The covariance matrix must be symmetric and positive definite, and is not."
            ) from None
        apart = np.reshape(x - mean, (-1, d))
        white = np.linalg.solve(root, apart.T)
        log_of_root = np.sum(np.log(np.diagonal(root)))
        out = -0.5 * np.sum(white * white, axis=0) - log_of_root - 0.5 * d * math.log(2.0 * math.pi)
        return _alone(np.reshape(out, x.shape[:-1]))

    def pdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """Return the density at vectors x, (…, d)."""
        return np.exp(self.logpdf(x, mean, cov, allow_singular))

    def _read(self, x: Any, mean: Any, cov: Any, allow_singular: bool) -> Any:
        """Return points (…, d), the mean (d,) and the covariance (d, d), as SciPy reads them."""
        if allow_singular:
            raise NoDerivativeError(
                "scipy.stats.multivariate_normal has a derivative here of a covariance matrix with "
                "an inverse: leave allow_singular out, and add a little to the diagonal."
            )
        x, cov, *means = alike(x, 1.0 if cov is None else cov, *([] if mean is None else [mean]))
        mean = np.ravel(means[0]) if means else None
        d = mean.size if mean is not None else cov.shape[0] if cov.ndim == 2 else 1
        mean = np.zeros(d, x.dtype) if mean is None else mean
        if cov.ndim < 2:
            cov = cov * np.eye(d, dtype=cov.dtype)
        if cov.shape != (d, d):
            raise ValueError(
                f"The mean has {d} elements, so the covariance matrix has the shape {(d, d)}, and "
                f"not {cov.shape}."
            )
        if not np.allclose(unwrap(cov), unwrap(cov).T):
            raise np.linalg.LinAlgError("The covariance matrix must be symmetric, and is not.")
        x = x[..., None] if d == 1 and (x.ndim < 2) else x
        if x.ndim == 0 or x.shape[-1] != d:
            raise ValueError(f"The last axis of x must have the length {d}; x has {x.shape}.")
        return x, mean, cov, d


class Dirichlet(Multivariate):
    """scipy.stats.dirichlet, of parameters alpha, (k,), at points (k,) or (k, n) whose sum is 1.

    >>> from autograd_lite import grad
    >>> Dirichlet().pdf([0.25, 0.75], [1.0, 1.0])
    np.float64(1.0)
    """

    name = "dirichlet"

    def logpdf(self, x: Any, alpha: Any) -> Any:
        """Return the logarithm of the density at x, (k,) or (k, n), of alpha, (k,).

        The last element of each x may be left out: it is 1 less the others.
        """
        x, alpha = alike(x, alpha)
        if alpha.ndim != 1 or np.any(unwrap(alpha) <= 0):
            raise ValueError("The parameter alpha must be a vector of positive numbers.")
        if x.shape[:1] == (alpha.shape[0] - 1,):
            x = np.concatenate([x, 1.0 - np.sum(x, axis=0, keepdims=True)])
        if x.shape[:1] != alpha.shape:
            raise ValueError(
                f"The first axis of x must be as long as alpha, {alpha.shape[0]}, or one shorter; "
                f"x has the shape {x.shape}."
            )
        numbers = unwrap(x)
        if np.any(numbers < 0) or np.any(np.abs(np.sum(numbers, axis=0) - 1.0) > 1e-9):
            raise ValueError("Each vector x must be of positive numbers with the sum 1.")
        column = alpha if x.ndim == 1 else alpha[:, None]
        scale = sc.gammaln(np.sum(alpha)) - np.sum(sc.gammaln(alpha))
        return _alone(np.sum(sc.xlogy(column - 1.0, x), axis=0) + scale)

    def pdf(self, x: Any, alpha: Any) -> Any:
        """Return the density at x."""
        return np.exp(self.logpdf(x, alpha))


class Multinomial(Multivariate):
    """scipy.stats.multinomial: n draws of k kinds by their probabilities p, (…, k).

    >>> Multinomial().pmf([1, 1], 2, [0.5, 0.5]).round(4)
    np.float64(0.5)
    """

    name = "multinomial"

    def logpmf(self, x: Any, n: Any, p: Any) -> Any:
        """Return the logarithm of the probability of counts x, (…, k), of n, by p, (…, k)."""
        for value in (x, n):
            if isinstance(value, Tensor) and value.requires_grad:
                raise NoDerivativeError(
                    "scipy.stats.multinomial.logpmf has no derivative by counts: give t.numpy()."
                )
        x, n, p = alike(x, n, p)
        counted = np.all((x >= 0) & (x == np.floor(x)), axis=-1) & (np.sum(x, axis=-1) == n)
        known = np.all((p >= 0) & (p <= 1), axis=-1) & (n >= 0)
        known = known & (np.abs(np.sum(p, axis=-1) - 1.0) < 1e-6)
        inside = np.where(counted[..., None], x, 0.0)
        terms = sc.xlogy(inside, p) - sc.gammaln(inside + 1.0)
        out = sc.gammaln(n + 1.0) + np.sum(terms, axis=-1)
        return np.where(known, np.where(counted, out, -np.inf), np.nan)

    def pmf(self, x: Any, n: Any, p: Any) -> Any:
        """Return the probability of counts x."""
        return np.exp(self.logpmf(x, n, p))


multivariate_normal = MultivariateNormal()
dirichlet = Dirichlet()
multinomial = Multinomial()
