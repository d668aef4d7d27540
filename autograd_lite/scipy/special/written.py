"""The functions of scipy.special that SciPy writes in Python: the same names and arguments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special as sc  # type: ignore[import-untyped]
from scipy.special import _ufuncs as ufuncs

from ...calculus import neural
from ...calculus.shapes import stop
from ...composite import as_array
from ...errors import NoDerivativeError
from ...tensor import Tensor, to_numpy
from . import bessel, gammas

Axis = int | tuple[int, ...] | None


# -- along axes --------------------------------------------------------------------------------


def _floats(x: Any) -> Any:
    x = as_array(x)
    return x if x.dtype.kind in "fc" else x.astype(float)


def _gathered(x: Any, axis: Axis) -> tuple[Any, tuple[int, ...]]:
    """Return x with some axes made one, which stands last, and which they are."""
    axes = tuple(range(x.ndim)) if axis is None else np.atleast_1d(np.asarray(axis)).tolist()
    axes = tuple(np.lib.array_utils.normalize_axis_index(a, x.ndim) for a in axes)
    x = np.moveaxis(x, axes, tuple(range(-len(axes), 0)))
    return np.reshape(x, (*x.shape[: x.ndim - len(axes)], -1)), axes


def logsumexp(
    a: Any, axis: Axis = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """Return log Σ b exp(a), in which nothing overflows.

    Parameters
    ----------
    a
        Numbers of any shape.
    axis
        What to sum over: one axis, several, or all of them.
    b
        Factors, which broadcast with `a`; they may be negative, and 0.
    keepdims
        Whether axes that are summed over stay, with length 1.
    return_sign
        Whether to return the logarithm of the sum's size, and its sign.

    Returns
    -------
    Tensor or array
        Of the shape of `a` without the axes. NaN where the sum is negative and its sign is not
        asked for.

    Examples
    --------
    >>> round(float(logsumexp([1000.0, 1000.0])), 4)
    1000.6931
    """
    a = _floats(a)
    if b is not None:
        b = as_array(b)
        shape = np.broadcast_shapes(a.shape, b.shape)
        a, b = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
    shape = a.shape
    rows, axes = _gathered(a, axis)
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
    left = kept if keepdims else tuple(n for i, n in enumerate(shape) if i not in axes)
    if b is None and rows.dtype.kind == "f" and not return_sign:
        with np.errstate(over="ignore"):  # beside an infinite number
            return np.reshape(neural.logsumexp(rows), left)
    factors = None if b is None else _gathered(b, axis)[0]
    size, sign = _signed(rows, factors)
    if return_sign:
        return np.reshape(size, left), np.reshape(sign, left)
    if rows.dtype.kind == "c":
        return np.reshape(size + np.log(sign), left)
    return np.reshape(np.where(sign < 0, np.nan, size), left)


def _signed(a: Any, b: Any) -> tuple[Any, Any]:
    """Return the logarithm of |Σ b exp(a)| along the last axis, and the sum over its size."""
    counts = stop(np.real(a) if np.iscomplexobj(a) else a)
    if b is not None:
        counts = np.where(b == 0, -np.inf, counts)
    largest = np.max(counts, axis=-1, keepdims=True, initial=-np.inf)
    largest = stop(np.where(np.isfinite(largest), largest, 0.0))
    if b is not None:  # what counts 0 times may be infinite
        a = np.where((b == 0) & ~np.isfinite(a), largest, a)
    with np.errstate(over="ignore", divide="ignore"):
        terms = np.exp(a - largest)
        total = np.sum(terms if b is None else b * terms, axis=-1)
        return np.log(np.abs(total)) + largest[..., 0], np.sign(total)


def softmax(x: Any, axis: Axis = None) -> Any:
    """Return exp(x) / Σ exp(x), over one axis, several, or all.

    >>> softmax(np.zeros((2, 2)))
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    return _shares(neural.softmax, x, axis)


def log_softmax(x: Any, axis: Axis = None) -> Any:
    """Return log softmax(x), over one axis, several, or all.

    >>> log_softmax([0.0, -1000.0])
    array([    0., -1000.])
    """
    return _shares(neural.log_softmax, x, axis)


def _shares(primitive: Any, x: Any, axis: Axis) -> Any:
    x = _floats(x)
    if x.ndim and isinstance(axis, int):
        return primitive(x, axis=axis)
    rows, axes = _gathered(x, axis)
    first = [i for i in range(x.ndim) if i not in axes]
    shape = tuple(x.shape[i] for i in (*first, *axes))
    return np.transpose(np.reshape(primitive(rows), shape), np.argsort([*first, *axes]).tolist())


# -- of the gamma function ---------------------------------------------------------------------


def _no_order(name: str, argument: str, value: Any) -> Any:
    """Return an order as numbers; a gradient by it is refused."""
    if isinstance(value, Tensor) and value.requires_grad:
        raise NoDerivativeError(
            f"scipy.special.{name} has no derivative by its argument '{argument}' in closed form: "
            f"give its number, {argument}=t.item() or t.numpy()."
        )
    return to_numpy(value)


def polygamma(n: Any, x: Any) -> Any:
    """Return the n-th derivative of the digamma function, at every real x.

    Raises
    ------
    ValueError
        If n is not a whole number from 0 on.

    Examples
    --------
    >>> float(polygamma(1, 1.0)) - np.pi**2 / 6 < 1e-15
    True
    """
    n, x = _no_order("polygamma", "n", n), as_array(x)
    out: Any = 0.0
    for k in np.unique(n).tolist():
        if k != int(k) or k < 0:
            raise ValueError(f"polygamma is the n-th derivative, n = 0, 1, …; n is {k}.")
        values = gammas.polygamma(x, n=int(k)) if k else ufuncs.psi(x)
        out = values if n.ndim == 0 else out + np.where(n == k, values, 0.0)
    return out


def multigammaln(a: Any, d: int) -> Any:
    """Return the logarithm of the multivariate gamma function of dimension d.

    >>> round(float(multigammaln(2.5, 1)), 4)
    0.2847
    """
    sc.multigammaln(to_numpy(a), d)  # which sees whether a is large enough
    constant = 0.25 * d * (d - 1) * math.log(math.pi)
    return constant + sum(ufuncs.gammaln(a - 0.5 * j) for j in range(int(d)))


def factorial(n: Any, exact: bool = False) -> Any:
    """Return Γ(n + 1); 0 for a negative n.

    >>> float(factorial(4.0))
    24.0
    """
    if exact:
        return sc.factorial(_no_order("factorial", "n", n), exact=True)
    n = as_array(n)
    return np.where(n < 0, 0.0, ufuncs.gamma(n + 1.0))


def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    """Return how many ways there are to take k of N.

    >>> float(comb(5.0, 2.0))
    10.0
    """
    if exact:
        given = _no_order("comb", "N", N), _no_order("comb", "k", k)
        return sc.comb(*given, exact=True, repetition=repetition)
    N, k = as_array(N), as_array(k)
    if repetition:
        return comb(N + k - 1.0, k)
    there = (k <= N) & (N >= 0) & (k >= 0)
    return np.where(there, ufuncs.binom(N, k), 0.0)


def perm(N: Any, k: Any, exact: bool = False) -> Any:
    """Return how many ways there are to take k of N in order.

    >>> float(perm(5.0, 2.0))
    20.0
    """
    if exact:
        return sc.perm(_no_order("perm", "N", N), _no_order("perm", "k", k), exact=True)
    N, k = as_array(N), as_array(k)
    there = (k <= N) & (N >= 0) & (k >= 0)
    return np.where(there, ufuncs.poch(N - k + 1.0, k), 0.0)


# -- spherical Bessel functions ------------------------------------------------------------------


def _spherical(primitive: Any, n: Any, z: Any, derivative: bool) -> Any:
    n = _no_order(primitive.name, "n", n)[()]
    if not derivative:
        return primitive(n, z)
    return primitive.rules["z"](1.0, n, as_array(z))


def spherical_jn(n: Any, z: Any, derivative: bool = False) -> Any:
    """Return the spherical Bessel function jₙ(z), or its derivative.

    >>> float(spherical_jn(0, 0.0))
    1.0
    """
    return _spherical(bessel.spherical_jn, n, z, derivative)


def spherical_yn(n: Any, z: Any, derivative: bool = False) -> Any:
    """Return the spherical Bessel function yₙ(z), or its derivative.

    >>> float(spherical_yn(0, np.pi)) * np.pi
    1.0
    """
    return _spherical(bessel.spherical_yn, n, z, derivative)


def spherical_in(n: Any, z: Any, derivative: bool = False) -> Any:
    """Return the modified spherical Bessel function iₙ(z), or its derivative.

    >>> float(spherical_in(0, 0.0))
    1.0
    """
    return _spherical(bessel.spherical_in, n, z, derivative)


def spherical_kn(n: Any, z: Any, derivative: bool = False) -> Any:
    """Return the modified spherical Bessel function kₙ(z), or its derivative.

    >>> float(spherical_kn(0, 1.0)) * 2 * np.e / np.pi
    1.0
    """
    return _spherical(bessel.spherical_kn, n, z, derivative)
