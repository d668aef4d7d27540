"""The functions behind the modules, under the names of ``torch.nn.functional``.

They take Tensors, arrays and lists. The losses return one number (`reduction`
``"mean"`` or ``"sum"``) or one for each element (``"none"``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.calculus import convolution, layers, neural
from autograd_lite.protocol import TABLE
from autograd_lite.randomness import Random, generator

from .module import plain

Sizes = int | tuple[int, ...]
REDUCTIONS = ("mean", "sum", "none")
PADDING_MODES = {"zeros": "", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
"""What can be put around an image, and what `numpy.pad` calls it."""


def operand(x: Any) -> Any:
    """Return a Tensor or an array as it is, and anything else as an array."""
    return x if isinstance(x, (Tensor, np.ndarray)) else np.asarray(x)


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


def elu(input: Any, alpha: float = 1.0) -> Any:
    """Return x where it is positive, else alpha · (eˣ − 1)."""
    return layers.elu.apply(input, alpha=alpha)


def gelu(input: Any, approximate: str = "none") -> Any:
    """Return x Φ(x), or with ``"tanh"`` its approximation; see `nn.GELU`."""
    if approximate == "none":
        return layers.gelu.apply(input)
    if approximate != "tanh":
        raise ValueError(f"approximate is 'none' or 'tanh', and got {approximate!r}.")
    input = operand(input)
    inner = math.sqrt(2.0 / math.pi) * (input + 0.044715 * input * input * input)
    return 0.5 * input * (1.0 + np.tanh(inner))


def silu(input: Any) -> Any:
    """Return x σ(x)."""
    return layers.silu.apply(input)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """Return log(1 + e^(beta x)) / beta, and x itself where beta · x is above `threshold`."""
    input = operand(input)
    scaled = input * beta
    return np.where(scaled > threshold, input, neural.softplus.apply(scaled) / beta)


def softmax(input: Any, dim: int = -1) -> Any:
    """Return eˣ / Σ eˣ along the axis `dim`."""
    return neural.softmax.apply(input, axis=dim)


def log_softmax(input: Any, dim: int = -1) -> Any:
    """Return the logarithm of `softmax`, exact where that would round to 0.

    >>> log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    return neural.log_softmax.apply(input, axis=dim)


# -- convolution and pooling ------------------------------------------------------------


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Any:
    """Return the convolution of images; see `nn.Conv2d`.

    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)))
    array([[[[4., 4.],
             [4., 4.]]]])
    """
    input = operand(input)
    stride, dilation = pair("stride", stride), pair("dilation", dilation)
    if input.ndim not in (3, 4):
        raise ValueError(f"conv2d takes (N, C, H, W) or (C, H, W), and got {input.shape}.")
    if input.ndim == 3:
        settings = (stride, padding, dilation, groups, padding_mode)
        return conv2d(input[None], weight, bias, *settings)[0]
    kernel = weight.shape[2:]
    channels = weight.shape[1] * groups
    if input.shape[1] != channels:
        raise ValueError(
            f"This convolution takes {channels} channels, and got an input of shape {input.shape}."
        )
    around = borders(padding, kernel, stride, dilation)
    if padding_mode != "zeros":
        input = _continued(input, around, PADDING_MODES[padding_mode])
        around = convolution.NONE
    _see_windows(input.shape, kernel, stride, around, dilation)
    geometry = {"stride": stride, "padding": around, "dilation": dilation}
    if groups > 1:
        inputs = np.split(input, groups, axis=1)
        weights = np.split(weight, groups, axis=0)
        parts = [convolution.conv2d(x, w, **geometry) for x, w in zip(inputs, weights, strict=True)]
        out = np.concatenate(parts, axis=1)
        return out if bias is None else out + np.reshape(bias, (-1, 1, 1))
    if bias is None:
        return convolution.conv2d.apply(input, weight, **geometry)
    return convolution.conv2d_bias.apply(input, weight, bias, **geometry)


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Any:
    """Return the convolution of signals; see `nn.Conv1d`. A signal is an image of one row.

    >>> conv1d(np.ones((1, 1, 4)), np.ones((1, 1, 2)))
    array([[[2., 2., 2.]]])
    """
    input = operand(input)
    if input.ndim not in (2, 3):
        raise ValueError(f"conv1d takes (N, C, L) or (C, L), and got {input.shape}.")
    stride, dilation = single("stride", stride), single("dilation", dilation)
    padding = padding if isinstance(padding, str) else (0, *single("padding", padding, least=0))
    out = conv2d(
        np.expand_dims(input, -2),
        np.expand_dims(weight, -2),
        bias,
        (1, *stride),
        padding,
        (1, *dilation),
        groups,
        padding_mode,
    )
    return np.squeeze(out, -2)


def max_pool2d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
) -> Any:
    """Return the largest number of each window; see `nn.MaxPool2d`."""
    input, geometry, single_image = _pool(
        input, kernel_size, stride, padding, pair("dilation", dilation), ceil_mode
    )
    out = convolution.pick(input, input, **geometry)
    return out[0] if single_image else out


def avg_pool2d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Return the mean of each window; see `nn.AvgPool2d`."""
    input, geometry, single_image = _pool(input, kernel_size, stride, padding, (1, 1), ceil_mode)
    del geometry["dilation"]
    out = convolution.pool_sum(input, **geometry)
    if divisor_override is not None:
        out = out / divisor_override
    else:
        around = pair("padding", padding, least=0)
        counts = [
            _counts(size, places, kernel, step, beside, count_include_pad)
            for size, places, kernel, step, beside in zip(
                input.shape[2:],
                out.shape[2:],
                geometry["kernel"],
                geometry["stride"],
                around,
                strict=True,
            )
        ]
        out = out / np.multiply.outer(*counts).astype(out.dtype)
    return out[0] if single_image else out


def _counts(size: int, places: int, kernel: int, stride: int, beside: int, border: bool) -> Any:
    """Return how many numbers along an axis each window has, with the border's or without."""
    first = np.arange(places) * stride - beside
    if border:
        return np.minimum(first + kernel, size + beside) - first
    return np.minimum(first + kernel, size) - np.maximum(first, 0)


def _pool(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: tuple[int, int],
    ceil_mode: bool,
) -> tuple[Any, dict[str, Any], bool]:
    """Return images, where their windows are, and whether it was a single image."""
    input = operand(input)
    if input.ndim not in (3, 4):
        raise ValueError(f"Pooling takes (N, C, H, W) or (C, H, W), and got {input.shape}.")
    kernel = pair("kernel_size", kernel_size)
    step = kernel if stride is None else pair("stride", stride)
    beside = pair("padding", padding, least=0)
    check_pool_padding(beside, kernel)
    around = [(p, p) for p in beside]
    if ceil_mode:
        axes = zip(input.shape[-2:], kernel, step, around, dilation, strict=True)
        around = [_to_the_end(*axis) for axis in axes]
    borders_of_both = (around[0], around[1])
    _see_windows(input.shape, kernel, step, borders_of_both, dilation)
    geometry = {"kernel": kernel, "stride": step, "padding": borders_of_both, "dilation": dilation}
    return (input[None], geometry, True) if input.ndim == 3 else (input, geometry, False)


def _to_the_end(
    size: int, kernel: int, stride: int, beside: tuple[int, int], dilation: int
) -> tuple[int, int]:
    """Widen the border at the end for a window that begins inside and reaches over it."""
    before, after = beside
    left_over = (size + before + after - dilation * (kernel - 1) - 1) % stride
    more = (stride - left_over) % stride
    places = convolution.places(size, kernel, stride, (before, after + more), dilation)
    begins_inside = (places - 1) * stride < size + before
    return (before, after + more) if begins_inside else beside


def _continued(input: Any, around: convolution.Padding, mode: str) -> Any:
    """Continue images over their border: the numbers outside are some from inside."""
    for axis, beside in zip((2, 3), around, strict=True):
        size = input.shape[axis]
        most = {"reflect": size - 1, "wrap": size, "edge": math.inf}[mode]
        if max(beside) > most:
            raise ValueError(
                f"A border of {max(beside)} is too wide for this padding_mode and an image of "
                f"shape {input.shape}: at most {most}."
            )
        if any(beside):
            input = np.take(input, np.pad(np.arange(size), beside, mode=mode), axis=axis)  # type: ignore[call-overload]
    return input


def borders(padding: Sizes | str, kernel: Any, stride: Any, dilation: Any) -> convolution.Padding:
    """Return what a `padding` argument puts before and after, along each axis."""
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"padding is numbers, 'same' or 'valid', and got {padding!r}.")
        if padding == "same" and max(stride) > 1:
            raise ValueError(
                f"padding='same' is for stride 1, and got stride={stride}: give numbers."
            )
        totals = [d * (k - 1) * (padding == "same") for k, d in zip(kernel, dilation, strict=True)]
        sides = [(total // 2, total - total // 2) for total in totals]
    else:
        both = padding if isinstance(padding, tuple) else (padding,) * len(kernel)
        sides = [(p, p) for p in both]
    return sides[0], sides[-1]


def _see_windows(
    shape: Any, kernel: Any, stride: Any, around: convolution.Padding, dilation: Any
) -> None:
    axes = zip(shape[-2:], kernel, stride, around, dilation, strict=True)
    if min(convolution.places(*axis) for axis in axes) < 1:
        raise ValueError(
            f"An image of {shape[-2]} × {shape[-1]} is too small for a window of "
            f"{' × '.join(map(str, kernel))}: the output would be empty."
        )


def check_pool_padding(padding: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    """See that no window can lie wholly beside the image."""
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(
            f"padding is at most half of kernel_size, and got padding={padding} for "
            f"kernel_size={kernel}."
        )


def single(name: str, size: Any, least: int = 1) -> tuple[int]:
    """Return a setting for one axis: an integer, or a tuple of one."""
    return _sizes(name, size, 1, least)  # type: ignore[return-value]


def pair(name: str, size: Any, least: int = 1) -> tuple[int, int]:
    """Return a setting for two axes: an integer for both, or a tuple of two."""
    return _sizes(name, size, 2, least)  # type: ignore[return-value]


def _sizes(name: str, size: Any, axes: int, least: int) -> tuple[int, ...]:
    sizes = tuple(size) if isinstance(size, (tuple, list)) else (size,) * axes
    wrong = [
        s for s in sizes if isinstance(s, bool) or not isinstance(s, (int, np.integer)) or s < least
    ]
    if wrong or len(sizes) != axes:
        kind = "a positive integer" if least else "an integer from 0 on"
        several = f", or {axes} of them" if axes > 1 else ""
        raise ValueError(f"{name} is {kind}{several}, and got {size!r}.")
    return tuple(int(s) for s in sizes)


# -- normalization and dropout -----------------------------------------------------------


def layer_norm(
    input: Any,
    normalized_shape: tuple[int, ...],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    """Return each example normalized over its last axes; see `nn.LayerNorm`."""
    input = operand(input)
    axes = len(normalized_shape)
    if input.shape[input.ndim - axes :] != tuple(normalized_shape) or input.ndim < axes:
        raise ValueError(
            f"layer_norm takes an input whose last axes are {tuple(normalized_shape)}, and got "
            f"shape {input.shape}."
        )
    out = layers.normalize.apply(input, axis=tuple(range(-axes, 0)), eps=eps)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


def dropout(input: Any, p: float = 0.5, training: bool = True, *, rng: Random = None) -> Any:
    """Return the input with a share of p set to 0, the rest divided by 1 − p; see `nn.Dropout`."""
    check_probability(p)
    input = operand(input)
    if not training or p == 0.0:
        return input
    keep = generator(rng).random(input.shape, np.float32) >= p
    dtype = input.dtype if input.dtype.kind == "f" else np.dtype(float)
    return input * (keep * dtype.type(1.0 / (1.0 - p) if p < 1.0 else 0.0))


def check_probability(p: Any) -> None:
    """See that p is a probability."""
    if not isinstance(p, (int, float, np.number)) or not 0.0 <= p <= 1.0:
        raise ValueError(f"p is a probability, from 0 to 1, and got {p!r}.")


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


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Return the absolute difference; see `nn.L1Loss`.

    >>> l1_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(1.0)
    """
    input, target = _alike("l1_loss", input, target)
    return _reduced(np.abs(input - target), reduction)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """Return half the squared difference, or beyond `delta` a line; see `nn.HuberLoss`.

    >>> huber_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]), "none")
    array([0. , 1.5])
    """
    if not delta > 0:
        raise ValueError(f"delta is above 0, and got {delta!r}.")
    input, target = _alike("huber_loss", input, target)
    distance = np.abs(input - target)
    near = distance <= delta
    # A square where it is near, so that its second derivative is 1 at 0 as well.
    square = 0.5 * np.where(near, input - target, 0.0) ** 2
    return _reduced(np.where(near, square, delta * (distance - 0.5 * delta)), reduction)


def hinge_loss(input: Any, target: Any, reduction: str = "mean", margin: float = 1.0) -> Any:
    """Return what is missing to the margin; see `nn.HingeLoss`.

    >>> hinge_loss(np.array([2.0, 0.5, -1.0]), np.array([1, 1, 1]), "none")
    array([0. , 0.5, 2. ])
    """
    input, target = _alike("hinge_loss", input, target)
    _see_signs("hinge_loss", target)
    return _reduced(neural.relu.apply(margin - input * target), reduction)


def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, reduction: str = "mean"
) -> Any:
    """Return x where the target is 1, max(0, margin − x) where it is −1.

    See `nn.HingeEmbeddingLoss`.
    """
    input, target = _alike("hinge_embedding_loss", input, target)
    _see_signs("hinge_embedding_loss", target)
    apart = neural.relu.apply(margin - input)
    return _reduced(np.where(plain(target) == 1, input, apart), reduction)


def _see_signs(name: str, target: Any) -> None:
    wrong = ~np.isin(plain(target), (-1, 1))
    if wrong.any():
        value, where = _first(plain(target), wrong)
        raise ValueError(f"{name} takes targets of 1 and -1, and got {value} at {where}.")


def _first(array: Any, wrong: Any) -> tuple[Any, str]:
    """Return the first element that is wrong, and where it is."""
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    return array[where], f"index {where[0] if len(where) == 1 else where}"


# -- losses: between probabilities ---------------------------------------------------------


def binary_cross_entropy(
    input: Any, target: Any, reduction: str = "mean", weight: Any = None
) -> Any:
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
    losses = neural.bce.apply(input, target)
    return _reduced(losses if weight is None else losses * plain(weight), reduction)


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
    input, target = _alike("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        losses = neural.bce_with_logits.apply(input, target)
    else:
        # −log σ(x), which the positive part of the target weighs, is softplus(−x).
        more = 1.0 + (plain(pos_weight) - 1.0) * target
        losses = (1.0 - target) * input + more * neural.softplus.apply(-input)
    return _reduced(losses if weight is None else losses * plain(weight), reduction)


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
    input, target = operand(input), plain(target)
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"label_smoothing is from 0 to 1, and got {label_smoothing!r}.")
    axis = _class_axis("cross_entropy", input, weight)
    logs = log_softmax(input, axis)
    if target.shape != input.shape:
        return _negative_logs(
            "cross_entropy", logs, target, axis, reduction, weight, ignore_index, label_smoothing
        )
    if label_smoothing:
        target = target * (1.0 - label_smoothing) + label_smoothing / input.shape[axis]
    if weight is not None:
        target = target * _along(weight, axis, input.ndim)
    return _reduced(-(target * logs).sum(axis=axis), reduction)


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
    input, target = operand(input), plain(target)
    axis = _class_axis("nll_loss", input, weight)
    return _negative_logs("nll_loss", input, target, axis, reduction, weight, ignore_index)


def _class_axis(name: str, input: Any, weight: Any) -> int:
    """Return the axis of the classes: the second, or the only one."""
    if not input.ndim:
        raise ValueError(f"{name} takes an input (N, C, ...) or (C,), and got a single number.")
    axis = 1 if input.ndim > 1 else 0
    if weight is not None and np.shape(weight) != (input.shape[axis],):
        raise ValueError(
            f"weight has a number for each of {input.shape[axis]} classes, and got shape "
            f"{np.shape(weight)}."
        )
    return axis


def _along(weight: Any, axis: int, ndim: int) -> Any:
    """Shape a number for each class so that it broadcasts along their axis."""
    return plain(weight).reshape((1,) * axis + (-1,) + (1,) * (ndim - axis - 1))


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
    ignored = target == ignore_index
    wrong = ((target < 0) | (target >= count)) & ~ignored
    if wrong.any():
        value, where = _first(target, wrong)
        raise ValueError(
            f"{name} has {count} classes, numbered from 0, and its target has {value} at {where}."
        )
    some = bool(ignored.any())
    index = np.where(ignored, 0, target) if some else target
    losses = -np.squeeze(np.take_along_axis(logs, np.expand_dims(index, axis), axis), axis)
    shares = None  # how much each loss counts; 1 by default
    if weight is not None:
        shares = plain(weight)[index]
    if some:
        shares = (~ignored if shares is None else shares * ~ignored).astype(logs.dtype)
    if shares is not None:
        # Not a product: what is ignored may be infinite.
        losses = np.where(ignored, 0.0, losses * shares)
    if smoothing:
        spread = logs if weight is None else logs * _along(weight, axis, logs.ndim)
        spread = -spread.sum(axis=axis)
        spread = np.where(ignored, 0.0, spread) if some else spread
        losses = (1.0 - smoothing) * losses + smoothing / count * spread
    if reduction == "mean" and shares is not None:
        with np.errstate(invalid="ignore"):  # 0 / 0 where all are ignored: NaN, as in PyTorch
            return losses.sum() / shares.sum()
    return _reduced(losses, reduction)


# -- what the losses share -----------------------------------------------------------------


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


def _reduced(losses: Any, reduction: str) -> Any:
    """Return the mean or the sum of the losses, or the losses."""
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise ValueError(f"reduction is one of {', '.join(REDUCTIONS)}, and got {reduction!r}.")
