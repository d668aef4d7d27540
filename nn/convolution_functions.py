"""Convolution and pooling as functions, of images and of signals; `nn.functional` offers them."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.calculus import convolution, pooling

from . import windows
from .operands import in_single, operand
from .settings import Sizes, count, flag, integer


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
    bias = None if bias is None else operand(bias)
    windows.check_channels(images, input, channels, bias, outputs)
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
