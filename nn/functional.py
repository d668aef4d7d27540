"""The functions behind the modules, under the names of ``torch.nn.functional``.

They take Tensors, arrays and lists, and refuse what their modules refuse.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.calculus import activations, convolution, neural, normalization, pooling
from autograd_lite.calculus.draws import uniform_like
from autograd_lite.errors import BroadcastError
from autograd_lite.modes import runs_again
from autograd_lite.primitive import Primitive
from autograd_lite.protocol import TABLE
from autograd_lite.randomness import Random
from autograd_lite.residuals import Residuals
from autograd_lite.tensor import measured

from . import windows
from .cross_entropy import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    nll_loss,
)
from .embedding import embedding
from .loss_functions import (
    cosine_similarity,
    hinge_embedding_loss,
    hinge_loss,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
    triplet_margin_loss,
)
from .module import to_numpy
from .operands import in_single, operand
from .resizing import adaptive_avg_pool2d, interpolate
from .settings import Sizes, axis, count, flag, integer, number, probability, sizes
from .shaping_functions import normalize, one_hot, pad
from .transposed import conv_transpose2d

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "cosine_similarity",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "group_norm",
    "hardtanh",
    "hinge_embedding_loss",
    "hinge_loss",
    "huber_loss",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "logsumexp",
    "max_pool1d",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "prelu",
    "relu",
    "rms_norm",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
    "triplet_margin_loss",
]


# -- layers and activations -----------------------------------------------------------


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """Return x Wᵀ + b; input (..., in), weight (out, in), bias (out,).

    Raises
    ------
    BroadcastError
        If the shapes do not go together.

    Examples
    --------
    >>> linear(np.ones((1, 2)), np.ones((3, 2)))
    array([[2., 2., 2.]])
    """
    input, weight, bias = operand(input), operand(weight), None if bias is None else operand(bias)
    if weight.ndim != 2:
        raise BroadcastError(f"linear takes a weight (out, in), and got shape {weight.shape}.")
    if not input.ndim or input.shape[-1] != weight.shape[1]:
        name = getattr(weight, "name", None)
        raise BroadcastError(
            f"An input of shape {input.shape} does not fit a Linear that takes {weight.shape[1]} "
            f"features on the last axis{f' ({weight._describe()})' if name else ''}."
        )
    if bias is None:
        return neural.linear.apply(input, weight)
    if bias.shape != weight.shape[:1]:
        raise BroadcastError(
            f"linear takes a bias of shape {weight.shape[:1]}, a number for each output, and got "
            f"{bias.shape}."
        )
    return neural.affine.apply(input, weight, bias)


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
    settings = stride, padding, dilation, groups, padding_mode
    return _convolution("conv2d", 2, input, weight, bias, *settings)


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
    settings = stride, padding, dilation, groups, padding_mode
    return _convolution("conv1d", 1, input, weight, bias, *settings)


def _convolution(
    name: str, axes: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any,
    dilation: Any, groups: Any, padding_mode: Any,
) -> Any:  # fmt: skip
    """Return a convolution over the last `axes`, two or one, of images or of one image."""
    input, weight = operand(input), operand(weight)
    places = "H, W" if axes == 2 else "L"
    if input.ndim not in (axes + 1, axes + 2):
        raise ValueError(f"{name} takes (N, C, {places}) or (C, {places}), and got {input.shape}.")
    if weight.ndim != axes + 2:
        kernel = "rows, columns" if axes == 2 else "length"
        raise ValueError(
            f"{name} takes a weight (out_channels, in_channels / groups, {kernel}), and got shape "
            f"{weight.shape}."
        )
    channels, outputs = weight.shape[1] * count("groups", groups), weight.shape[0]
    shape = weight.shape[2:]
    settings = channels, outputs, shape, stride, padding, dilation, groups, padding_mode
    own = windows.of_convolution(axes, *settings)
    single = input.ndim == axes + 1
    images = input[None] if single else input
    if images.shape[1] != channels:
        raise ValueError(
            f"This convolution takes {channels} channels, and got an input of shape {input.shape}."
        )
    bias = None if bias is None else operand(bias)
    if bias is not None and bias.shape != (outputs,):
        raise ValueError(
            f"This convolution takes a bias of shape ({outputs},), a number for each output "
            f"channel, and got {bias.shape}."
        )
    around = windows.borders(own)
    if padding_mode != "zeros":
        images = windows.continued(images, around, padding_mode)
        around = [(0, 0)] * axes
    windows.check_fit(images.shape[2:], own, around)
    stride, dilation = own.stride, own.dilation
    if axes == 1:  # a signal is an image of one row
        images, weight = np.expand_dims(images, -2), np.expand_dims(weight, -2)
        stride, around, dilation = (1, *stride), [(0, 0), *around], (1, *dilation)
    geometry = {"stride": stride, "padding": tuple(around), "dilation": dilation}
    out = _convolved(images, weight, bias, groups, geometry)
    out = np.squeeze(out, -2) if axes == 1 else out
    return out[0] if single else out


def _convolved(images: Any, weight: Any, bias: Any, groups: int, geometry: dict[str, Any]) -> Any:
    if groups > 1:
        inputs = np.split(images, groups, axis=1)
        weights = np.split(weight, groups, axis=0)
        parts = [convolution.conv2d(x, w, **geometry) for x, w in zip(inputs, weights, strict=True)]
        out = np.concatenate(parts, axis=1)
        return out if bias is None else out + np.reshape(bias, (-1, 1, 1))
    if bias is None:
        return convolution.conv2d.apply(images, weight, **geometry)
    return convolution.conv2d_bias.apply(images, weight, bias, **geometry)


def max_pool2d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
) -> Any:
    """Return the largest number of each window; see `nn.MaxPool2d`.

    >>> max_pool2d([[[[1.0, 3.0], [7.0, 5.0]]]], 2)
    array([[[[7.]]]])
    """
    own = windows.of_pooling(2, kernel_size, stride, padding, dilation)
    input, geometry, single = _pool(input, own, ceil_mode)
    out = pooling.max_pool(input, input, **geometry)
    return out[0] if single else out


def max_pool1d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
) -> Any:
    """Return the largest number of each window of signals; see `nn.MaxPool1d`.

    >>> max_pool1d([[[1.0, 3.0, 7.0, 5.0]]], 2)
    array([[[3., 7.]]])
    """
    own = windows.of_pooling(1, kernel_size, stride, padding, dilation)
    image = _as_image(input)
    rows = ((1, *own.kernel), (1, *own.stride), (0, *own.padding), (1, *own.dilation))
    return np.squeeze(max_pool2d(image, *rows, ceil_mode), -2)


def avg_pool1d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """Return the mean of each window of signals; see `nn.AvgPool1d`.

    >>> avg_pool1d([[[1.0, 3.0, 5.0, 7.0]]], 2)
    array([[[2., 6.]]])
    """
    own = windows.of_pooling(1, kernel_size, stride, padding)
    image = _as_image(input)
    rows = ((1, *own.kernel), (1, *own.stride), (0, *own.padding))
    return np.squeeze(avg_pool2d(image, *rows, ceil_mode, count_include_pad), -2)


def _as_image(input: Any) -> Any:
    """Return signals as images of one row."""
    input = operand(input)
    if input.ndim not in (2, 3):
        raise ValueError(f"Pooling of signals takes (N, C, L) or (C, L), and got {input.shape}.")
    return np.expand_dims(input, -2)


def avg_pool2d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Return the mean of each window; see `nn.AvgPool2d`.

    >>> avg_pool2d([[[[1.0, 3.0], [5.0, 7.0]]]], 2)
    array([[[[4.]]]])
    """
    own = windows.of_pooling(2, kernel_size, stride, padding)
    count_include_pad = flag("count_include_pad", count_include_pad)
    divisor: Any = check_divisor(divisor_override)
    input, geometry, single = _pool(input, own, ceil_mode)
    del geometry["dilation"]
    dtype = input.dtype
    out = pooling.pool_sum(in_single(input), **geometry)
    if divisor is None:
        axes = zip(input.shape[2:], out.shape[2:], own.kernel, own.stride, own.padding, strict=True)
        along = [windows.counts(*axis, border=count_include_pad) for axis in axes]
        divisor = np.multiply.outer(*along).astype(out.dtype)
    out = out / divisor
    out = out.astype(dtype) if dtype == np.float16 else out
    return out[0] if single else out


def check_divisor(divisor: Any) -> int | None:
    """Return a `divisor_override`: an integer other than 0, or None."""
    if divisor is not None and integer("divisor_override", divisor) == 0:
        raise ValueError("divisor_override is an integer other than 0, and got 0.")
    return None if divisor is None else integer("divisor_override", divisor)


def _pool(input: Any, own: windows.Windows, ceil_mode: bool) -> tuple[Any, dict[str, Any], bool]:
    """Return images, where their windows are, and whether it was a single image."""
    input = operand(input)
    if input.ndim not in (3, 4):
        raise ValueError(f"Pooling takes (N, C, H, W) or (C, H, W), and got {input.shape}.")
    image, around = input.shape[-2:], windows.borders(own)
    if flag("ceil_mode", ceil_mode):
        axes = zip(image, own.kernel, own.stride, around, own.dilation, strict=True)
        around = [windows.to_the_end(*axis) for axis in axes]
    windows.check_fit(image, own, around)
    geometry = own._asdict() | {"padding": tuple(around)}
    return (input[None], geometry, True) if input.ndim == 3 else (input, geometry, False)


# -- normalization and dropout -----------------------------------------------------------


def layer_norm(
    input: Any,
    normalized_shape: Sizes,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    """Return each example normalized over its last axes; see `nn.LayerNorm`.

    Raises
    ------
    ValueError
        If the last axes are not `normalized_shape`, or weight or bias have another shape.

    Examples
    --------
    >>> layer_norm([[1.0, 2.0, 3.0]], 3).round(4)
    array([[-1.2247,  0.    ,  1.2247]])
    """
    input, shape = operand(input), check_shape(normalized_shape)
    if input.shape[input.ndim - len(shape) :] != shape or input.ndim < len(shape):
        raise ValueError(
            f"layer_norm takes an input whose last axes are {shape}, and got shape {input.shape}."
        )
    axes = tuple(range(-len(shape), 0))
    weight, bias = (a if a is None else operand(a) for a in (weight, bias))
    for name, given in (("weight", weight), ("bias", bias)):
        if given is not None and given.shape != shape:
            raise ValueError(f"layer_norm takes a {name} of shape {shape}, and got {given.shape}.")
    return normalized(input, axes, eps, weight, bias)


def normalized(
    x: Any,
    axes: tuple[int, ...],
    eps: Any,
    weight: Any = None,
    bias: Any = None,
    *,
    residuals: Residuals | None = None,
) -> Any:
    """Return x with mean 0 and variance 1 over axes, times a weight, plus a bias.

    Its mean and variance are among the residuals then.
    """
    given: dict[str, Any] = {"axis": axes[0] if len(axes) == 1 else axes, "eps": number("eps", eps)}
    if not runs_again():
        given["residuals"] = Residuals() if residuals is None else residuals
    wide = in_single(x)
    if weight is None and bias is None:
        out = normalization.normalize.apply(wide, **given)
    else:
        weight, bias = 1.0 if weight is None else weight, 0.0 if bias is None else bias
        out = normalization.normalize_and_scale.apply(wide, weight, bias, **given)
    return out.astype(x.dtype) if x.dtype == np.float16 else out


def rms_norm(
    input: Any, normalized_shape: Sizes, weight: Any = None, eps: float | None = None
) -> Any:
    """Return each example over the root of its mean square; see `nn.RMSNorm`.

    Raises
    ------
    ValueError
        If the last axes are not `normalized_shape`, or the weight has another shape.

    Examples
    --------
    >>> rms_norm([[3.0, 4.0]], 2).round(4)
    array([[0.8485, 1.1314]])
    """
    input, shape = operand(input), check_shape(normalized_shape)
    if input.shape[input.ndim - len(shape) :] != shape or input.ndim < len(shape):
        raise ValueError(
            f"rms_norm takes an input whose last axes are {shape}, and got shape {input.shape}."
        )
    wide = in_single(input)
    small = float(np.finfo(wide.dtype).eps) if eps is None else number("eps", eps)
    axes = tuple(range(-len(shape), 0))
    out = wide / np.sqrt(np.mean(np.square(wide), axis=axes, keepdims=True) + small)
    if weight is not None:
        weight = operand(weight)
        if weight.shape != shape:
            raise ValueError(f"rms_norm takes a weight of shape {shape}, and got {weight.shape}.")
        out = out * weight
    return out.astype(input.dtype) if input.dtype == np.float16 else out


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Return each group of channels normalized, in each example; see `nn.GroupNorm`.

    Raises
    ------
    ValueError
        If `num_groups` does not divide the channels.

    Examples
    --------
    >>> group_norm([[1.0, 3.0, 10.0, 30.0]], 2).round(4)
    array([[-1.,  1., -1.,  1.]])
    """
    input, groups = operand(input), count("num_groups", num_groups)
    if input.ndim < 2 or input.shape[1] % groups:
        raise ValueError(
            f"group_norm takes (N, C, …) with a C that {groups} groups divide, and got shape "
            f"{input.shape}."
        )
    parts = np.reshape(in_single(input), (input.shape[0], groups, -1))
    out = np.reshape(normalized(parts, (2,), eps), input.shape)
    out = _scaled(out, *_by_channel("group_norm", input, weight, bias))
    return out.astype(input.dtype) if input.dtype == np.float16 else out


def _scaled(x: Any, weight: Any, bias: Any) -> Any:
    """Return x times a weight, plus a bias, if there are such."""
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _by_channel(name: str, x: Any, weight: Any, bias: Any) -> list[Any]:
    """Return a weight and a bias, a number for each channel, so that they broadcast."""
    found = []
    for what, given in (("weight", weight), ("bias", bias)):
        if given is not None:
            given = operand(given)
            if given.shape != x.shape[1:2]:
                raise ValueError(
                    f"{name} takes a {what} of shape {x.shape[1:2]}, and got {given.shape}."
                )
            given = by_channel(given, x)
        found.append(given)
    return found


def by_channel(values: Any, x: Any) -> Any:
    """Shape a number for each channel so that it broadcasts along the second axis."""
    return values if x.ndim == 2 else np.reshape(values, (-1, *(1,) * (x.ndim - 2)))


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Return each channel normalized over the batch, (N, C, …); see `nn.BatchNorm2d`.

    In training by its own mean and variance, towards which the running ones, arrays
    or Tensors of (C,), are moved in place; else by the running ones.

    Raises
    ------
    ValueError
        In training, if a channel has one number alone.

    Examples
    --------
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> batch_norm(x, np.zeros(2), np.ones(2), training=True).round(4)
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    input = operand(input)
    scales = _by_channel("batch_norm", input, weight, bias)
    over = (0, *range(2, input.ndim))
    if not flag("training", training):
        mean, variance = (by_channel(operand(a), input) for a in (running_mean, running_var))
        out = (in_single(input) - mean) / np.sqrt(variance + number("eps", eps))
        out = _scaled(out, *scales)
        return out.astype(input.dtype) if input.dtype == np.float16 else out
    numbers = math.prod(input.shape) // max(input.shape[1], 1)
    if numbers < 2:
        raise ValueError(
            "In training, batch_norm needs more than one number for each channel, and got "
            f"shape {input.shape}."
        )
    residuals = Residuals()
    out = normalized(input, over, eps, *scales, residuals=residuals)
    share = number("momentum", momentum)
    found = normalization.mean_and_variance(to_numpy(in_single(input)), over, residuals)
    mean, variance = map(np.ravel, found)
    for running, new in ((running_mean, mean), (running_var, variance * (numbers / (numbers - 1)))):
        if running is not None:
            moved = (1.0 - share) * to_numpy(running) + share * new
            if isinstance(running, Tensor):
                running.data = moved
            else:
                running[...] = moved
    return out


def check_shape(normalized_shape: Any) -> tuple[int, ...]:
    """Return a `normalized_shape`: the sizes of the last axes, or of the last one."""
    axes = len(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else 1
    if not axes:
        raise ValueError("normalized_shape has the size of one axis at least, and got none.")
    return sizes("normalized_shape", normalized_shape, axes)


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    *,
    rng: Random = None,
) -> Any:
    """Return softmax(q kᵀ · scale) v: for each query, a mean of values (Vaswani et al., 2017).

    Parameters
    ----------
    query, key, value
        Of shapes (…, L, E), (…, S, E) and (…, S, V); the first axes broadcast.
    attn_mask
        (…, L, S): of booleans, True where a query may look; of numbers, they are added.
    dropout_p
        Which share of the weights is set to 0, always.
    is_causal
        Whether a query looks at no key behind its own position; without `attn_mask`.
    scale
        By default 1 / √E.
    rng
        For the dropout.

    Returns
    -------
    Tensor or array
        (…, L, V). A query that may look nowhere gets 0.

    Raises
    ------
    ValueError
        If both a mask and `is_causal` are given.

    Examples
    --------
    >>> q = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> scaled_dot_product_attention(q, q, np.array([[1.0], [3.0]]), is_causal=True).round(3)
    array([[1.  ],
           [2.34]])
    """
    query, key, value = operand(query), operand(key), operand(value)
    if scale is None:
        scale = 1.0 / math.sqrt(query.shape[-1])
    scores = np.matmul(query, np.matrix_transpose(key)) * number("scale", scale)
    if flag("is_causal", is_causal):
        if attn_mask is not None:
            raise ValueError("scaled_dot_product_attention takes attn_mask or is_causal, not both.")
        attn_mask = np.tri(*scores.shape[-2:], dtype=bool)
    if attn_mask is None:
        weights = softmax(scores)
    else:
        mask = operand(attn_mask)
        allowed = mask if mask.dtype == bool else mask > -math.inf
        # What is masked out counts for nothing, and a row of nothing but that is 0.
        shown = np.where(allowed, scores if mask.dtype == bool else scores + mask, -math.inf)
        some = np.any(allowed, axis=-1, keepdims=True)
        weights = np.where(some, softmax(np.where(some, shown, 0.0)), 0.0)
    return np.matmul(dropout(weights, dropout_p, rng=rng), value)


def dropout(input: Any, p: float = 0.5, training: bool = True, *, rng: Random = None) -> Any:
    """Return the input with a share of p set to 0, the rest divided by 1 − p; see `nn.Dropout`.

    >>> dropout(np.ones(6), 0.5, rng=0)
    array([2., 2., 2., 0., 0., 0.])
    >>> dropout(np.ones(3), 0.5, training=False)
    array([1., 1., 1.])
    """
    p, input = probability("p", p), operand(input)
    if not flag("training", training) or p == 0.0:
        return input
    keep = uniform_like(input, rng, np.float32) >= p
    dtype = input.dtype if input.dtype.kind == "f" else np.dtype(float)
    return input * (keep * dtype.type(1.0 / (1.0 - p) if p < 1.0 else 0.0))
