"""The losses as functions, under the names of ``torch.nn.functional``, where users find them.

They take Tensors, arrays and lists, and return one number (`reduction`
``"mean"`` or ``"sum"``) or one for each element (``"none"``). A gradient flows to
the input, to a target of floats and to every weight. Targets and weights take
the input's dtype where they are integers; half precision is computed in single.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from autograd_lite import Tensor
from autograd_lite.calculus import neural
from autograd_lite.modes import runs_again
from autograd_lite.primitive import Primitive
from autograd_lite.tensor import is_recorded

from .module import to_numpy
from .settings import above_zero, flag, from_zero, integer, number, probability

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(reduction: Any) -> str:
    """Return a `reduction` that there is."""
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        raise ValueError(f"reduction is one of {', '.join(REDUCTIONS)}, and got {reduction!r}.")
    return reduction


# -- what the losses share -----------------------------------------------------------------


def operand(x: Any) -> Any:
    """Return a Tensor or an array as it is, and anything else as an array."""
    return x if isinstance(x, (Tensor, np.ndarray)) else np.asarray(x)


def in_single(x: Any) -> Any:
    """Return half precision in single, in which sums and squares have room."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


Loss = TypeVar("Loss", bound=Callable[..., Any])


def _in_single(loss: Loss) -> Loss:
    """Compute a loss of half precision in single, and round once, at the end."""

    @functools.wraps(loss)
    def wide(input: Any, *args: Any, **kwargs: Any) -> Any:
        input = operand(input)
        if input.dtype != np.float16:
            return loss(input, *args, **kwargs)
        return loss(in_single(input), *args, **kwargs).astype(np.float16)

    return wide  # type: ignore[return-value]


def _alike(name: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Return both, having seen that they have one shape.

    (n,) beside (n, 1) would broadcast to (n, n), and train towards nothing.
    """
    try:
        same = input.shape == target.shape
    except AttributeError:
        input, target = operand(input), operand(target)
        same = input.shape == target.shape
    if not same:
        raise ValueError(
            f"{name} takes input and target of one shape, and got {input.shape} and "
            f"{target.shape}: reshape one, as in target.reshape(-1, 1)."
        )
    return input, target


def _floats(x: Any, dtype: Any = np.float64) -> Any:
    """Return integers and booleans, which wrap and promote, as floats."""
    return x.astype(dtype) if x.dtype.kind in "biu" else x


def _as_floats(name: str, input: Any, target: Any) -> tuple[Any, Any]:
    input, target = _alike(name, input, target)
    input = _floats(input)
    return input, _floats(target, input.dtype)


def _weighted(losses: Any, name: str, weight: Any) -> Any:
    """Return the losses times a weight that broadcasts to their shape."""
    return losses if weight is None else losses * _broadcasting(name, weight, losses)


def _broadcasting(name: str, weight: Any, losses: Any) -> Any:
    weight = _like(weight, losses)
    try:
        fits = np.broadcast_shapes(weight.shape, losses.shape) == losses.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name} broadcasts to the input's shape {losses.shape}, and got shape {weight.shape}."
        )
    return weight


def _like(weight: Any, x: Any) -> Any:
    """Return a weight in the dtype of what it weighs."""
    weight = operand(weight)
    return weight if weight.dtype == x.dtype else weight.astype(x.dtype)


def _reduced(losses: Any, reduction: str) -> Any:
    """Return the mean or the sum of the losses, or the losses."""
    if check_reduction(reduction) == "mean":
        return losses.mean()
    return losses.sum() if reduction == "sum" else losses


# -- between numbers -------------------------------------------------------------


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Return the squared difference; see `nn.MSELoss`.

    >>> mse_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(2.0)
    """
    if reduction == "mean":
        input, target = _alike("mse_loss", input, target)
        return neural.mse.apply(input, target)
    return _squares(input, target, reduction)


@_in_single
def _squares(input: Any, target: Any, reduction: str) -> Any:
    input, target = _as_floats("mse_loss", input, target)
    return _reduced(np.square(input - target), reduction)


@_in_single
def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Return the absolute difference; see `nn.L1Loss`.

    >>> l1_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(1.0)
    """
    input, target = _as_floats("l1_loss", input, target)
    return _reduced(np.abs(input - target), reduction)


@_in_single
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """Return half the squared difference, or beyond `delta` a line; see `nn.HuberLoss`.

    >>> huber_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]), "none")
    array([0. , 1.5])
    """
    delta = above_zero("delta", delta)
    input, target = _as_floats("huber_loss", input, target)
    distance = np.abs(input - target)
    near = distance <= delta
    # A square where it is near, so that its second derivative is 1 at 0 as well.
    square = 0.5 * np.where(near, input - target, 0.0) ** 2
    return _reduced(np.where(near, square, delta * (distance - 0.5 * delta)), reduction)


@_in_single
def hinge_loss(input: Any, target: Any, reduction: str = "mean", margin: float = 1.0) -> Any:
    """Return what is missing to the margin; see `nn.HingeLoss`.

    >>> hinge_loss(np.array([2.0, 0.5, -1.0]), np.array([1, 1, 1]), "none")
    array([0. , 0.5, 2. ])
    """
    input, target = _as_floats("hinge_loss", input, target)
    signs = _signs("hinge_loss", target)
    return _reduced(neural.relu.apply(number("margin", margin) - input * signs), reduction)


@_in_single
def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, reduction: str = "mean"
) -> Any:
    """Return x where the target is 1, max(0, margin − x) where it is −1.

    See `nn.HingeEmbeddingLoss`.

    >>> hinge_embedding_loss([0.25, 0.25], [1, -1], reduction="none")
    array([0.25, 0.75])
    """
    input, target = _as_floats("hinge_embedding_loss", input, target)
    signs = _signs("hinge_embedding_loss", target)
    apart = neural.relu.apply(number("margin", margin) - input)
    return _reduced(np.where(signs == 1, input, apart), reduction)


def _signs(name: str, target: Any) -> Any:
    """Return targets of 1 and −1, which no gradient can move."""
    if isinstance(target, Tensor) and target.requires_grad:
        raise TypeError(
            f"{name} takes targets of 1 and -1, which no gradient reaches: detach() it."
        )
    return _signed.apply(target if is_recorded(target) else to_numpy(target), name=name)


def _first(array: Any, wrong: Any) -> tuple[Any, str]:
    """Return the first element that is wrong, and where it is."""
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    return array[where], f"index {where[0] if len(where) == 1 else where}"


# -- between probabilities ---------------------------------------------------------


@_in_single
def binary_cross_entropy(
    input: Any, target: Any, reduction: str = "mean", weight: Any = None
) -> Any:
    """Return the cross-entropy of probabilities; see `nn.BCELoss`.

    >>> binary_cross_entropy(np.array([0.0, 1.0]), np.array([0.0, 0.0]))
    np.float64(50.0)
    """
    input, target = _as_floats("binary_cross_entropy", input, target)
    if is_recorded(input):
        sure = input._primitive in (neural.sigmoid, neural.softmax)
        input = input if sure else _probabilities.apply(input)
    else:
        _check_probabilities(to_numpy(input))
    return _reduced(_weighted(neural.bce.apply(input, target), "weight", weight), reduction)


@_in_single
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
    input, target = _as_floats("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        losses = neural.bce_with_logits.apply(input, target)
    else:
        # −log σ(x), which the positive part of the target weighs, is softplus(−x).
        more = 1.0 + (_broadcasting("pos_weight", pos_weight, input) - 1.0) * target
        losses = (1.0 - target) * input + more * neural.softplus.apply(-input)
    return _reduced(_weighted(losses, "weight", weight), reduction)


@_in_single
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
    input, target = _floats(operand(input)), operand(target)
    smoothing = probability("label_smoothing", label_smoothing)
    axis, weight = _classes("cross_entropy", input, weight)
    logs = neural.log_softmax.apply(input, axis=axis)
    if target.shape != input.shape:
        settings = axis, reduction, weight, ignore_index, smoothing
        return _negative_logs("cross_entropy", logs, target, *settings)
    integer("ignore_index", ignore_index)
    target = _floats(target, input.dtype)
    if smoothing:
        target = target * (1.0 - smoothing) + smoothing / input.shape[axis]
    if weight is not None:
        target = target * _along(weight, axis, input.ndim)
    return _reduced(-(target * logs).sum(axis=axis), reduction)


@_in_single
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
    input = _floats(operand(input))
    axis, weight = _classes("nll_loss", input, weight)
    return _negative_logs("nll_loss", input, operand(target), axis, reduction, weight, ignore_index)


def _check_labels(target: Any, name: str, count: int, ignore_index: int) -> Any:
    """Return class indices, having seen that there are such classes."""
    wrong = ((target < 0) | (target >= count)) & (target != ignore_index)
    if wrong.any():
        value, where = _first(target, wrong)
        raise ValueError(
            f"{name} has {count} classes, numbered from 0, and its target has {value} at {where}."
        )
    return target


def _check_signs(target: Any, name: str) -> Any:
    """Return targets, having seen that they are 1 and −1."""
    wrong = ~np.isin(target, (-1, 1))
    if wrong.any():
        value, where = _first(target, wrong)
        raise ValueError(f"{name} takes targets of 1 and -1, and got {value:g} at {where}.")
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


# Checks are operations, so that a recorded program makes them in each run.
_labels = Primitive(
    _check_labels,
    {},
    name="labels",
    nondifferentiable="target",
    parameters="name count ignore_index",
)
_signed = Primitive(_check_signs, {}, name="signs", nondifferentiable="target", parameters="name")
_probabilities = Primitive(_check_probabilities, {"input": lambda g: g}, name="probabilities")
for _check in (_labels, _signed, _probabilities):
    _check.is_closed = _check.is_check = True

FEW = 32
"""Up to so many classes, a compiled program looks at all of them instead of finding one."""


def _classes(name: str, input: Any, weight: Any) -> tuple[int, Any]:
    """Return the axis of the classes, the second or the only one, and a weight for each."""
    if not input.ndim:
        raise ValueError(f"{name} takes an input (N, C, ...) or (C,), and got a single number.")
    axis = 1 if input.ndim > 1 else 0
    if weight is None:
        return axis, None
    weight = _like(weight, input)
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
    chosen = np.expand_dims(index, axis)
    if logs.ndim == 2 and isinstance(index, np.ndarray):
        losses = -logs[np.arange(len(logs)), index]
    elif runs_again() and count <= FEW:
        chosen = chosen == _along(np.arange(count), axis, logs.ndim)
        losses = -np.where(chosen, logs, 0.0).sum(axis=axis)
    else:
        losses = -np.squeeze(np.take_along_axis(logs, chosen, axis), axis)
    if some:  # and not a product: what is ignored may be infinite
        losses = np.where(ignored, 0.0, losses)
    shares = None  # how much each loss counts; 1 by default
    if weight is not None:
        if chosen.dtype == bool:
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
    return _reduced(losses, reduction)


# -- between distributions and between vectors ---------------------------------------------------


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """Return ½ (x − y)² / beta up to a distance of `beta`, then a straight line; `nn.SmoothL1Loss`.

    >>> smooth_l1_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(0.75)
    """
    if from_zero("beta", beta) == 0.0:
        return l1_loss(input, target, reduction)
    return huber_loss(input, target, reduction, beta) / from_zero("beta", beta)


@_in_single
def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """Return t · (log t − x), for logarithms x of probabilities; see `nn.KLDivLoss`.

    >>> kl_div(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]]), "batchmean").round(4)
    np.float64(0.6931)
    """
    input, target = _as_floats("kl_div", input, target)
    if flag("log_target", log_target):
        losses = np.exp(target) * (target - input)
    else:
        # 0 · log 0 is 0; by a target of 0 the derivative has log tiny (−708 in double), not −∞.
        logs = np.log(np.maximum(target, np.finfo(target.dtype).tiny))
        losses = target * logs - target * input
    if reduction == "batchmean":
        return losses.sum() / max(len(losses) if losses.ndim else 1, 1)
    return _reduced(losses, reduction)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """Return the cosine of the angle between vectors along the axis `dim`; lengths are ≥ `eps`.

    >>> cosine_similarity(np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]])).round(4)
    array([0.7071])
    """
    x1, x2, along = _floats(operand(x1)), _floats(operand(x2)), integer("dim", dim)
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
    anchor, positive = _as_floats("triplet_margin_loss", *wide[:2])
    _, negative = _as_floats("triplet_margin_loss", anchor, wide[2])
    power, small = number("p", p, finite=False), number("eps", eps)

    def distance(a: Any, b: Any) -> Any:
        return np.linalg.vector_norm(a - b + small, ord=power, axis=-1)

    far = distance(anchor, negative)
    if flag("swap", swap):
        far = np.minimum(far, distance(positive, negative))
    losses = above_zero("margin", margin) + distance(anchor, positive) - far
    out = _reduced(np.where(losses > 0, losses, 0.0), reduction)
    return out.astype(dtype) if dtype == np.float16 else out
