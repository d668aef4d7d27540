"""Activations as functions, and the softmax along an axis; `nn.functional` offers them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite.calculus import activations, neural
from autograd_lite.modes import runs_again
from autograd_lite.primitive import Primitive
from autograd_lite.protocol import TABLE
from autograd_lite.tensor import measured

from .module import to_numpy
from .operands import in_single, operand
from .settings import axis, flag, number


def sigmoid(input: Any) -> Any:
    """Return 1 / (1 + e⁻ˣ).

    >>> sigmoid([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """
    return neural.sigmoid.apply(input)


def tanh(input: Any) -> Any:
    """Return the hyperbolic tangent.

    >>> tanh([-1000.0, 0.0, 1.0]).round(4)
    array([-1.    ,  0.    ,  0.7616])
    """
    return TABLE[np.tanh].apply(input)


def relu(input: Any) -> Any:
    """Return max(x, 0).

    >>> relu([-2.0, 3.0])
    array([0., 3.])
    """
    return neural.relu.apply(input)


def leaky_relu(input: Any, negative_slope: float = 0.01) -> Any:
    """Return x where it is positive, else `negative_slope` · x.

    >>> leaky_relu([-2.0, 3.0], 0.1)
    array([-0.2,  3. ])
    """
    return neural.leaky_relu.apply(input, slope=number("negative_slope", negative_slope))


def elu(input: Any, alpha: float = 1.0) -> Any:
    """Return x where it is positive, else alpha · (eˣ − 1).

    >>> elu([-1.0, 2.0]).round(4)
    array([-0.6321,  2.    ])
    """
    return activations.elu.apply(input, alpha=number("alpha", alpha))


def gelu(input: Any, approximate: str = "none") -> Any:
    """Return x Φ(x), or with ``"tanh"`` its approximation; see `nn.GELU`.

    >>> gelu([-1.0, 0.0, 2.0]).round(4)
    array([-0.1587,  0.    ,  1.9545])
    """
    if check_approximate(approximate) == "none":
        return activations.gelu.apply(input)
    input = operand(input)
    near = np.clip(input, -10.0, 10.0)  # outside, tanh is 1 or −1; and 0 · inf is avoided
    inner = math.sqrt(2.0 / math.pi) * (near + 0.044715 * near * near * near)
    return 0.5 * np.maximum(input, -10.0) * (1.0 + np.tanh(inner))


def check_approximate(approximate: Any) -> str:
    """Return an `approximate` that there is."""
    if not isinstance(approximate, str) or approximate not in ("none", "tanh"):
        raise ValueError(f"approximate is 'none' or 'tanh', and got {approximate!r}.")
    return approximate


def silu(input: Any) -> Any:
    """Return x σ(x).

    >>> silu([-1.0, 0.0, 2.0]).round(4)
    array([-0.2689,  0.    ,  1.7616])
    """
    return activations.silu.apply(input)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """Return log(1 + e^(beta x)) / beta, and x itself where beta · x is above `threshold`.

    >>> softplus([-1000.0, 0.0, 1000.0]).round(4)
    array([0.000e+00, 6.931e-01, 1.000e+03])
    """
    input, beta = operand(input), check_beta(beta)
    threshold = number("threshold", threshold, finite=False)
    scaled = input * beta
    return np.where(scaled > threshold, input, neural.softplus.apply(scaled) / beta)


def check_beta(beta: Any) -> float:
    """Return a `beta` by which can be divided."""
    if number("beta", beta) == 0.0:
        raise ValueError("beta is a number other than 0, and got 0.")
    return number("beta", beta)


def softmax(input: Any, dim: int = -1) -> Any:
    """Return eˣ / Σ eˣ along the axis `dim`.

    >>> softmax([[1.0, 1.0], [0.0, 1000.0]])
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    return _of_single(neural.softmax, input, axis("dim", dim))


def log_softmax(input: Any, dim: int = -1) -> Any:
    """Return the logarithm of `softmax`, exact where that would round to 0.

    >>> log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    return _of_single(neural.log_softmax, input, axis("dim", dim))


def _of_single(primitive: Primitive, input: Any, axis: Any) -> Any:
    """Apply along an axis; half precision in single, as its sums overflow."""
    input = operand(input)
    out = primitive.apply(in_single(input), axis=axis)
    return out.astype(input.dtype) if input.dtype == np.float16 else out


def logsumexp(input: Any, dim: Any = -1, keepdim: bool = False) -> Any:
    """Return log Σ eˣ along the axis `dim`, which cannot overflow.

    >>> logsumexp(np.array([1000.0, 1000.0])).round(4)
    np.float64(1000.6931)
    """
    input = operand(input)
    along, keep = axis("dim", dim), flag("keepdim", keepdim)
    out = neural.logsumexp(in_single(input), axis=along, keepdims=keep)
    return out.astype(input.dtype) if input.dtype == np.float16 else out


def logsigmoid(input: Any) -> Any:
    """Return log σ(x) = −log(1 + e⁻ˣ), exact where σ(x) would round to 0.

    >>> logsigmoid([-1000.0, 0.0]).round(4)
    array([-1.000e+03, -6.931e-01])
    """
    return -neural.softplus(-operand(input))


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """Return x, limited to what lies between `min_val` and `max_val`; the derivative there is 0.

    >>> hardtanh([-3.0, 0.5, 3.0])
    array([-1. ,  0.5,  1. ])
    """
    low, high = check_limits(min_val, max_val)
    input = operand(input)
    held = measured(input)
    outside = (held <= low) | (held >= high)
    return _shown(np.where(outside, np.clip(held, low, high), input), input)


def _shown(out: Any, input: Any) -> Any:
    """Return a result with NaN as its gradient where the input is NaN, so that it stays visible."""
    if runs_again():
        return out * np.where(np.isnan(input), np.nan, 1.0).astype(out.dtype)
    lost = np.isnan(to_numpy(input))
    return out * np.where(lost, np.nan, 1.0).astype(out.dtype) if lost.any() else out


def check_limits(min_val: Any, max_val: Any) -> tuple[float, float]:
    """Return two limits, the lower first."""
    low, high = number("min_val", min_val, finite=False), number("max_val", max_val, finite=False)
    if low > high:
        raise ValueError(f"min_val is at most max_val, and got {low} and {high}.")
    return low, high


def prelu(input: Any, weight: Any) -> Any:
    """Return x where it is positive, else weight · x; a weight for each channel, or one for all.

    Raises
    ------
    ValueError
        If there is neither one weight nor one for each channel.

    Examples
    --------
    >>> prelu([-2.0, 3.0], [0.25])
    array([-0.5,  3. ])
    """
    input, weight = operand(input), operand(weight)
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.size not in (1, channels):
        raise ValueError(
            f"prelu takes one weight, or one for each of {channels} channels, and got shape "
            f"{weight.shape}."
        )
    if weight.size > 1:
        weight = np.reshape(weight, (-1, *(1,) * (input.ndim - 2)))
    return _shown(np.where(input > 0, input, weight * input), input)
