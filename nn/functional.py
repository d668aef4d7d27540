"""The functions behind the modules, under the names of ``torch.nn.functional``.

They take Tensors, arrays and lists. The losses return one number (`reduction`
``"mean"`` or ``"sum"``) or one for each element (``"none"``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.calculus import neural
from autograd_lite.protocol import TABLE

from .module import plain

REDUCTIONS = ("mean", "sum", "none")

# -- layers and activations -----------------------------------------------------------


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """Return x Wᵀ + b; input (..., in), weight (out, in), bias (out,).

    >>> linear(np.ones((1, 2)), np.ones((3, 2)))
    array([[2., 2., 2.]])
    """
    if bias is None:
        return neural.linear.apply(input, weight)
    return neural.affine.apply(input, weight, bias)


def sigmoid(input: Any) -> Any:
    """Return 1 / (1 + e⁻ˣ)."""
    return neural.sigmoid.apply(input)


def tanh(input: Any) -> Any:
    """Return the hyperbolic tangent."""
    return TABLE[np.tanh].apply(input)


def relu(input: Any) -> Any:
    """Return max(x, 0)."""
    return neural.relu.apply(input)


def leaky_relu(input: Any, negative_slope: float = 0.01) -> Any:
    """Return x where it is positive, else `negative_slope` · x."""
    return neural.leaky_relu.apply(input, slope=negative_slope)


def softplus(input: Any) -> Any:
    """Return log(1 + eˣ)."""
    return neural.softplus.apply(input)


def softmax(input: Any, dim: int = -1) -> Any:
    """Return eˣ / Σ eˣ along the axis `dim`."""
    return neural.softmax.apply(input, axis=dim)


def log_softmax(input: Any, dim: int = -1) -> Any:
    """Return the logarithm of `softmax`, exact where that would round to 0.

    >>> log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    return neural.log_softmax.apply(input, axis=dim)


# -- losses: between numbers -------------------------------------------------------------


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Return the squared difference; see `nn.MSELoss`.

    >>> mse_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(2.0)
    """
    input, target = _alike("mse_loss", input, target)
    if reduction == "mean":
        return neural.mse.apply(input, target)
    return _reduced(np.square(input - target), reduction)


# -- losses: between probabilities ---------------------------------------------------------


def binary_cross_entropy(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Return the cross-entropy of probabilities; see `nn.BCELoss`.

    >>> binary_cross_entropy(np.array([0.0, 1.0]), np.array([0.0, 0.0]))
    np.float64(50.0)
    """
    input, target = _alike("binary_cross_entropy", input, target)
    p = plain(input)
    if p.size and (p.min() < 0.0 or p.max() > 1.0):
        raise ValueError(
            "binary_cross_entropy takes probabilities between 0 and 1, and its input reaches "
            f"from {p.min():.4g} to {p.max():.4g}: apply a sigmoid first, or use "
            "binary_cross_entropy_with_logits."
        )
    return _reduced(neural.bce.apply(input, target), reduction)


def binary_cross_entropy_with_logits(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Return the cross-entropy of the sigmoid of the input; see `nn.BCEWithLogitsLoss`.

    >>> binary_cross_entropy_with_logits(np.array([-1000.0]), np.array([1.0]))
    np.float64(1000.0)
    """
    input, target = _alike("binary_cross_entropy_with_logits", input, target)
    return _reduced(neural.bce_with_logits.apply(input, target), reduction)


def cross_entropy(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Return the cross-entropy of the softmax of the input; see `nn.CrossEntropyLoss`.

    >>> cross_entropy(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1])).round(6)
    np.float64(0.693147)
    """
    input, target = _as_operand(input), plain(target)
    classes = 1 if input.ndim > 1 else 0  # the axis
    if target.shape == input.shape:
        losses = -(target * log_softmax(input, classes)).sum(axis=classes)
        return _reduced(losses, reduction)
    if not input.ndim or target.shape != input.shape[:classes] + input.shape[classes + 1 :]:
        raise ValueError(
            "cross_entropy takes an input (N, C, ...) and a target (N, ...) of class indices, or "
            f"probabilities of the input's shape, and got {input.shape} and {target.shape}."
        )
    if target.dtype.kind not in "iu":
        raise TypeError(
            f"cross_entropy takes class indices as integers, and its target has dtype "
            f"{target.dtype}: write target.astype(int)."
        )
    count = input.shape[classes]
    if target.size and (target.min() < 0 or target.max() >= count):
        raise ValueError(
            f"cross_entropy has {count} classes, numbered from 0, and its target reaches from "
            f"{target.min()} to {target.max()}."
        )
    index = np.expand_dims(target, classes)
    chosen = np.take_along_axis(log_softmax(input, classes), index, classes)
    return _reduced(-np.squeeze(chosen, classes), reduction)


# -- what the losses share -----------------------------------------------------------------


def _as_operand(x: Any) -> Any:
    """Return a Tensor or an array as it is, and anything else as an array."""
    return x if isinstance(x, (Tensor, np.ndarray)) else np.asarray(x)


def _alike(name: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Return both, having seen that they have one shape.

    (n,) beside (n, 1) would broadcast to (n, n), and train towards nothing.
    """
    try:
        same = input.shape == target.shape
    except AttributeError:
        input, target = _as_operand(input), _as_operand(target)
        same = input.shape == target.shape
    if not same:
        raise ValueError(
            f"{name} takes input and target of one shape, and got {input.shape} and "
            f"{target.shape}: reshape one, as in target.reshape(-1, 1)."
        )
    return input, target


def _reduced(losses: Any, reduction: str) -> Any:
    """Return the mean or the sum of the losses, or the losses."""
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise ValueError(f"reduction is one of {', '.join(REDUCTIONS)}, and got {reduction!r}.")
