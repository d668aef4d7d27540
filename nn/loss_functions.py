"""Losses between numbers, vectors and distributions, as functions; `nn.functional` offers them.

They take Tensors, arrays and lists, and return one number (`reduction`
``"mean"`` or ``"sum"``) or one for each element (``"none"``). A gradient flows to
the input, to a target of floats and to every weight. Targets and weights take
the input's dtype where they are integers; half precision is computed in single.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.calculus import neural
from autograd_lite.tensor import is_recorded

from .loss_parts import as_floats, computed_in_single, first_wrong, of_one_shape, reduced
from .module import to_numpy
from .operands import check, floats, in_single, operand
from .settings import above_zero, flag, from_zero, integer, number


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Return the squared difference; see `nn.MSELoss`.

    >>> mse_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(2.0)
    """
    if reduction == "mean":
        input, target = of_one_shape("mse_loss", input, target)
        return neural.mse.apply(input, target)
    return _squares(input, target, reduction)


@computed_in_single
def _squares(input: Any, target: Any, reduction: str) -> Any:
    input, target = as_floats("mse_loss", input, target)
    return reduced(np.square(input - target), reduction)


@computed_in_single
def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Return the absolute difference; see `nn.L1Loss`.

    >>> l1_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(1.0)
    """
    input, target = as_floats("l1_loss", input, target)
    return reduced(np.abs(input - target), reduction)


@computed_in_single
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """Return half the squared difference, or beyond `delta` a line; see `nn.HuberLoss`.

    >>> huber_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]), "none")
    array([0. , 1.5])
    """
    delta = above_zero("delta", delta)
    input, target = as_floats("huber_loss", input, target)
    distance = np.abs(input - target)
    near = distance <= delta
    # A square where it is near, so that its second derivative is 1 at 0 as well.
    square = 0.5 * np.where(near, input - target, 0.0) ** 2
    return reduced(np.where(near, square, delta * (distance - 0.5 * delta)), reduction)


@computed_in_single
def hinge_loss(input: Any, target: Any, reduction: str = "mean", margin: float = 1.0) -> Any:
    """Return what is missing to the margin; see `nn.HingeLoss`.

    >>> hinge_loss(np.array([2.0, 0.5, -1.0]), np.array([1, 1, 1]), "none")
    array([0. , 0.5, 2. ])
    """
    input, target = as_floats("hinge_loss", input, target)
    signs = _signs("hinge_loss", target)
    return reduced(neural.relu.apply(number("margin", margin) - input * signs), reduction)


@computed_in_single
def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, reduction: str = "mean"
) -> Any:
    """Return x where the target is 1, max(0, margin − x) where it is −1.

    See `nn.HingeEmbeddingLoss`.

    >>> hinge_embedding_loss([0.25, 0.25], [1, -1], reduction="none")
    array([0.25, 0.75])
    """
    input, target = as_floats("hinge_embedding_loss", input, target)
    signs = _signs("hinge_embedding_loss", target)
    apart = neural.relu.apply(number("margin", margin) - input)
    return reduced(np.where(signs == 1, input, apart), reduction)


def _signs(name: str, target: Any) -> Any:
    """Return targets of 1 and −1, which no gradient can move."""
    if isinstance(target, Tensor) and target.requires_grad:
        raise TypeError(
            f"{name} takes targets of 1 and -1, which no gradient reaches: detach() it."
        )
    return _signed.apply(target if is_recorded(target) else to_numpy(target), name=name)


def _check_signs(target: Any, name: str) -> Any:
    """Return targets, having seen that they are 1 and −1."""
    wrong = ~np.isin(target, (-1, 1))
    if wrong.any():
        value, where = first_wrong(target, wrong)
        raise ValueError(f"{name} takes targets of 1 and -1, and got {value:g} at {where}.")
    return target


_signed = check(_check_signs, nondifferentiable="target", parameters="name")


# -- between distributions and between vectors ---------------------------------------------------


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """Return ½ (x − y)² / beta up to a distance of `beta`, then a straight line; `nn.SmoothL1Loss`.

    >>> smooth_l1_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(0.75)
    """
    if from_zero("beta", beta) == 0.0:
        return l1_loss(input, target, reduction)
    return huber_loss(input, target, reduction, beta) / from_zero("beta", beta)


@computed_in_single
def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """Return t · (log t − x), for logarithms x of probabilities; see `nn.KLDivLoss`.

    >>> kl_div(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]]), "batchmean").round(4)
    np.float64(0.6931)
    """
    input, target = as_floats("kl_div", input, target)
    if flag("log_target", log_target):
        losses = np.exp(target) * (target - input)
    else:
        # 0 · log 0 is 0; by a target of 0 the derivative has log tiny (−708 in double), not −∞.
        logs = np.log(np.maximum(target, np.finfo(target.dtype).tiny))
        losses = target * logs - target * input
    if reduction == "batchmean":
        return losses.sum() / max(len(losses) if losses.ndim else 1, 1)
    return reduced(losses, reduction)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """Return the cosine of the angle between vectors along the axis `dim`; lengths are ≥ `eps`.

    >>> cosine_similarity(np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]])).round(4)
    array([0.7071])
    """
    x1, x2, along = floats(operand(x1)), floats(operand(x2)), integer("dim", dim)
    least = number("eps", eps)
    lengths = [np.linalg.vector_norm(x, axis=along, keepdims=True) for x in (x1, x2)]
    x1, x2 = (x / np.maximum(n, least) for x, n in zip((x1, x2), lengths, strict=True))
    return (x1 * x2).sum(axis=along)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """Return max(0, margin + d(anchor, positive) − d(anchor, negative)); `nn.TripletMarginLoss`.

    >>> triplet_margin_loss(np.zeros((1, 2)), np.zeros((1, 2)), np.ones((1, 2)), eps=0.0, margin=2)
    np.float64(0.5857864376269049)
    """
    dtype = operand(anchor).dtype
    wide = [in_single(operand(x)) for x in (anchor, positive, negative)]
    anchor, positive = as_floats("triplet_margin_loss", *wide[:2])
    _, negative = as_floats("triplet_margin_loss", anchor, wide[2])
    power, small = number("p", p, finite=False), number("eps", eps)

    def distance(a: Any, b: Any) -> Any:
        return np.linalg.vector_norm(a - b + small, ord=power, axis=-1)

    far = distance(anchor, negative)
    if flag("swap", swap):
        far = np.minimum(far, distance(positive, negative))
    losses = above_zero("margin", margin) + distance(anchor, positive) - far
    out = reduced(np.where(losses > 0, losses, 0.0), reduction)
    return out.astype(dtype) if dtype == np.float16 else out
