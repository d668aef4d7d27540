"""scipy.signal: convolutions with derivatives.

>>> import numpy as np
>>> from autograd_lite import grad
>>> from autograd_lite.scipy import signal
>>> signal.convolve([1.0, 2.0, 3.0], [1.0, -1.0])
array([ 1.,  1.,  1., -3.])
>>> grad(lambda k: np.sum(signal.convolve([1.0, 2.0, 3.0], k, mode="valid") ** 2))(np.ones(2))
array([42., 26.])

A convolution is linear in both arrays, and the gradient by either is a convolution again: of the
upstream gradient with the other array, reversed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.signal  # type: ignore[import-untyped]

from ..calculus.complex import C
from ..composite import as_array
from ..primitive import Primitive, derivative
from ..tensor import unwrap

__all__ = ["convolve", "correlate", "fftconvolve"]


def _all_of_it(in1: Any, in2: Any, method: str) -> Any:
    out = scipy.signal.convolve(in1, in2, "full", method)
    return out.astype(np.result_type(in1, in2), copy=False)


def _by_first(g: Any, in1: Any, in2: Any, method: str) -> Any:
    """Return the gradient by the first array: that part of g ∗ reversed in2 which is as large."""
    whole = full(g, np.flip(in2), method=method)
    places = zip(np.shape(in1), np.shape(in2), strict=True)
    return whole[tuple(slice(other - 1, other - 1 + n) for n, other in places)]


full: Primitive = derivative(
    _all_of_it,
    name="convolve",
    operands="in1 in2",
    in1=lambda g, in1, in2, method: _by_first(g, in1, in2, method),
    in2=lambda g, in1, in2, method: _by_first(g, in2, in1, method),
)
"""Every sum of products in which the arrays meet."""


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto", **hips: Any) -> Any:
    """Convolve two arrays of any, and the same, number of axes.

    Parameters
    ----------
    in1, in2
        The arrays; both may be differentiated.
    mode
        ``"full"``, all; ``"same"``, the middle, as large as `in1`; ``"valid"``, where one array
        lies inside the other.
    method
        ``"direct"``, by sums; ``"fft"``; ``"auto"``, what is faster.

    Returns
    -------
    Tensor or array

    Raises
    ------
    ValueError
        As SciPy raises it: of other modes, numbers of axes, or shapes that do not fit.

    Examples
    --------
    >>> convolve(np.ones((2, 2)), np.ones((2, 2)), mode="same")
    array([[1., 2.],
           [2., 4.]])
    """
    if hips:
        given = ", ".join(f"{name}=" for name in hips)
        raise TypeError(
            f"convolve was given {given}, which HIPS autograd's takes: here it is SciPy's "
            "convolve, of one array with another; a layer of channels and a batch is "
            "nn.functional.conv2d."
        )
    in1, in2 = as_array(in1), as_array(in2)
    # SciPy says what it does not take: of shapes alone, which cost nothing.
    few = [np.broadcast_to(np.zeros((), x.dtype), x.shape) for x in (in1, in2)]
    if mode not in ("full", "same", "valid") or in1.ndim != in2.ndim or method not in _METHODS:
        scipy.signal.convolve(*few, mode, method)
    if in1.ndim == 0:
        return in1 * in2
    if in1.size == 0 or in2.size == 0:
        return np.zeros(0, np.result_type(in1, in2))
    if mode == "valid":
        in1, in2 = _larger_first(in1, in2)
    if method == "auto":
        method = scipy.signal.choose_conv_method(unwrap(in1), unwrap(in2), mode)
    return _part(full(in1, in2, method=method), in1.shape, in2.shape, mode)


_METHODS = ("auto", "direct", "fft")


def _larger_first(in1: Any, in2: Any) -> tuple[Any, Any]:
    if all(n >= m for n, m in zip(in1.shape, in2.shape, strict=True)):
        return in1, in2
    if all(n <= m for n, m in zip(in1.shape, in2.shape, strict=True)):
        return in2, in1
    raise ValueError(
        "For 'valid' mode, one must be at least as large as the other in every dimension."
    )


def _part(whole: Any, first: Sequence[int], second: Sequence[int], mode: str) -> Any:
    """Return what a mode keeps."""
    if mode == "full":
        return whole
    pairs = list(zip(first, second, strict=True))
    if mode == "same":
        return whole[tuple(slice((m - 1) // 2, (m - 1) // 2 + n) for n, m in pairs)]
    return whole[tuple(slice(m - 1, n) for n, m in pairs)]


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """Correlate two arrays: convolve with the second one reversed, and conjugated.

    >>> correlate([1.0, 2.0, 3.0], [1.0, 0.0])
    array([0., 1., 2., 3.])
    """
    in1, in2 = as_array(in1), as_array(in2)
    if mode == "valid" and in1.ndim == in2.ndim and _larger_first(in1, in2)[0] is not in1:
        return C(np.flip(convolve(in2, C(np.flip(in1)), mode, method)))
    return convolve(in1, C(np.flip(in2)), mode, method)


def fftconvolve(in1: Any, in2: Any, mode: str = "full") -> Any:
    """Convolve two arrays by the fast Fourier transform.

    >>> fftconvolve([1.0, 2.0], [1.0, 1.0]).round(12)
    array([1., 3., 2.])
    """
    return convolve(in1, in2, mode, "fft")


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(scipy.signal, name)  # which refuses a Tensor that needs a gradient
