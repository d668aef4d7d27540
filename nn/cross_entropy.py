"""Cross-entropies of probabilities, logits and class indices; `nn.functional` offers them."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.calculus import neural
from autograd_lite.calculus.indexing import getitem
from autograd_lite.modes import runs_again
from autograd_lite.tensor import is_recorded

from .loss_parts import (
    as_floats,
    broadcasting,
    computed_in_single,
    first_wrong,
    like,
    reduced,
    weighted,
)
from .module import to_numpy
from .operands import check, floats, operand
from .settings import integer, probability


@computed_in_single
def binary_cross_entropy(
    input: Any, target: Any, reduction: str = "mean", weight: Any = None
) -> Any:
    """Return the cross-entropy of probabilities; see `nn.BCELoss`.

    >>> binary_cross_entropy(np.array([0.0, 1.0]), np.array([0.0, 0.0]))
    np.float64(50.0)
    """
    input, target = as_floats("binary_cross_entropy", input, target)
    if is_recorded(input):
        sure = input._primitive in (neural.sigmoid, neural.softmax)
        input = input if sure else _probabilities.apply(input)
    else:
        _check_probabilities(to_numpy(input))
    return reduced(weighted(neural.bce.apply(input, target), "weight", weight), reduction)


@computed_in_single
def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    reduction: str = "mean",
    weight: Any = None,
    pos_weight: Any = None,
) -> Any:
    """Return the cross-entropy of the sigmoid of the input; see `nn.BCEWithLogitsLoss`.

    >>> binary_cross_entropy_with_logits(np.array([-1000.0]), np.array([1.0]))
    np.float64(1000.0)
    """
    input, target = as_floats("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        losses = neural.bce_with_logits.apply(input, target)
    else:
        # −log σ(x), which the positive part of the target weighs, is softplus(−x).
        more = 1.0 + (broadcasting("pos_weight", pos_weight, input) - 1.0) * target
        losses = (1.0 - target) * input + more * neural.softplus.apply(-input)
    return reduced(weighted(losses, "weight", weight), reduction)


@computed_in_single
def cross_entropy(
    input: Any,
    target: Any,
    reduction: str = "mean",
    weight: Any = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:
    """Return the cross-entropy of the softmax of the input; see `nn.CrossEntropyLoss`.

    >>> cross_entropy(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1])).round(6)
    np.float64(0.693147)
    """
    input, target = floats(operand(input)), operand(target)
    smoothing = probability("label_smoothing", label_smoothing)
    axis, weight = _classes("cross_entropy", input, weight)
    logs = neural.log_softmax.apply(input, axis=axis)
    if target.shape != input.shape:
        settings = axis, reduction, weight, ignore_index, smoothing
        return _negative_logs("cross_entropy", logs, target, *settings)
    integer("ignore_index", ignore_index)
    target = floats(target, input.dtype)
    if smoothing:
        target = target * (1.0 - smoothing) + smoothing / input.shape[axis]
    if weight is not None:
        target = target * _along(weight, axis, input.ndim)
    return reduced(-(target * logs).sum(axis=axis), reduction)


@computed_in_single
def nll_loss(
    input: Any,
    target: Any,
    reduction: str = "mean",
    weight: Any = None,
    ignore_index: int = -100,
) -> Any:
    """Return minus the input at the right class, where it is a logarithm; see `nn.NLLLoss`.

    >>> nll_loss(np.log([[0.5, 0.5], [0.25, 0.75]]), np.array([0, 1]), "none").round(4)
    array([0.6931, 0.2877])
    """
    input = floats(operand(input))
    axis, weight = _classes("nll_loss", input, weight)
    return _negative_logs("nll_loss", input, operand(target), axis, reduction, weight, ignore_index)


def _check_labels(target: Any, name: str, count: int, ignore_index: int) -> Any:
    """Return class indices, having seen that there are such classes."""
    wrong = ((target < 0) | (target >= count)) & (target != ignore_index)
    if wrong.any():
        value, where = first_wrong(target, wrong)
        raise ValueError(
            f"{name} has {count} classes, numbered from 0, and its target has {value} at {where}."
        )
    return target


def _check_probabilities(input: Any) -> Any:
    """Return what is to be probabilities, having seen that it can be."""
    if input.size and (input.min() < 0.0 or input.max() > 1.0):
        raise ValueError(
            "binary_cross_entropy takes probabilities between 0 and 1, and its input reaches "
            f"from {input.min():.4g} to {input.max():.4g}: apply a sigmoid first, or use "
            "binary_cross_entropy_with_logits."
        )
    return input


_labels = check(_check_labels, nondifferentiable="target", parameters="name count ignore_index")
_probabilities = check(_check_probabilities, rules={"input": lambda g: g})

FEW = 32
"""Up to so many classes, a compiled program looks at all of them instead of finding one."""


def _classes(name: str, input: Any, weight: Any) -> tuple[int, Any]:
    """Return the axis of the classes, the second or the only one, and a weight for each."""
    if not input.ndim:
        raise ValueError(f"{name} takes an input (N, C, ...) or (C,), and got a single number.")
    axis = 1 if input.ndim > 1 else 0
    if weight is None:
        return axis, None
    weight = like(weight, input)
    if weight.shape != (input.shape[axis],):
        raise ValueError(
            f"weight has a number for each of {input.shape[axis]} classes, and got shape "
            f"{weight.shape}."
        )
    return axis, weight


def _along(weight: Any, axis: int, ndim: int) -> Any:
    """Shape a number for each class so that it broadcasts along their axis."""
    return weight.reshape((1,) * axis + (-1,) + (1,) * (ndim - axis - 1))


def _negative_logs(
    name: str,
    logs: Any,
    target: Any,
    axis: int,
    reduction: str,
    weight: Any,
    ignore_index: int,
    smoothing: float = 0.0,
) -> Any:
    """Return −log p of the right classes, given as indices; weighted, and without some."""
    count = logs.shape[axis]
    if target.shape != logs.shape[:axis] + logs.shape[axis + 1 :]:
        raise ValueError(
            f"{name} takes an input (N, C, ...) and a target (N, ...) of class indices, or "
            f"probabilities of the input's shape, and got {logs.shape} and {target.shape}."
        )
    if target.dtype.kind not in "iu":
        raise TypeError(
            f"{name} takes class indices as integers, and its target has dtype {target.dtype}: "
            "write target.astype(int)."
        )
    ignore_index = integer("ignore_index", ignore_index)
    recorded = is_recorded(target)
    target = target if recorded else to_numpy(target)
    target = _labels.apply(target, name=name, count=count, ignore_index=ignore_index)
    ignored = target == ignore_index
    some = recorded or bool(ignored.any())  # of a program, another batch may have some
    index = np.where(ignored, 0, target) if some else target
    chosen = None  # of each class, whether it is the right one
    if logs.ndim == 2 and isinstance(index, np.ndarray):
        losses = -getitem.apply(logs, index=(np.arange(len(logs)), index))
    elif runs_again() and count <= FEW:
        chosen = np.expand_dims(index, axis) == _along(np.arange(count), axis, logs.ndim)
        losses = -np.where(chosen, logs, 0.0).sum(axis=axis)
    else:
        places = np.expand_dims(index, axis)
        losses = -np.squeeze(np.take_along_axis(logs, places, axis), axis)
    if some:  # and not a product: what is ignored may be infinite
        losses = np.where(ignored, 0.0, losses)
    shares = None  # how much each loss counts; 1 by default
    if weight is not None:
        if chosen is not None:
            shares = np.where(chosen, _along(weight, axis, logs.ndim), 0.0).sum(axis=axis)
        else:
            shares = weight[index]
    if some:
        shares = (~ignored).astype(logs.dtype) if shares is None else shares * ~ignored
    if shares is not None:
        losses = losses * shares
    if smoothing:
        spread = logs if weight is None else logs * _along(weight, axis, logs.ndim)
        spread = -spread.sum(axis=axis)
        spread = np.where(ignored, 0.0, spread) if some else spread
        losses = (1.0 - smoothing) * losses + smoothing / count * spread
    if reduction == "mean" and shares is not None:
        with np.errstate(invalid="ignore"):  # 0 / 0 where all are ignored: NaN, as in PyTorch
            return losses.sum() / shares.sum()
    return reduced(losses, reduction)
