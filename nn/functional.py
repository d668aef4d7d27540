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

from .init import Random, generator
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
    input, target = operand(input), plain(target)
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
