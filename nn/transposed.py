"""Transposed convolutions: what a convolution's backward pass does, as a layer.

Each number of the input puts down the kernel, times itself, on the output, a
stride apart; what meets there adds up. So images become larger again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite.calculus.convolution import conv2d_image
from autograd_lite.randomness import Random, generator

from . import init as initialisations
from . import settings as checks
from . import windows
from .module import Module, Parameter
from .operands import operand
from .settings import Sizes, count, flag, sizes


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Any:
    """Return the transposed convolution of images; see `nn.ConvTranspose2d`.

    Raises
    ------
    ValueError
        If the shapes do not go together, or no output is left.

    Examples
    --------
    >>> conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)), stride=2).shape
    (1, 1, 4, 4)
    """
    input, weight = operand(input), operand(weight)
    if input.ndim not in (3, 4):
        raise ValueError(
            f"conv_transpose2d takes (N, C, H, W) or (C, H, W), and got {input.shape}."
        )
    if weight.ndim != 4:
        raise ValueError(
            "conv_transpose2d takes a weight (in_channels, out_channels / groups, rows, columns), "
            f"and got shape {weight.shape}."
        )
    inputs, outputs = weight.shape[0], weight.shape[1] * count("groups", groups)
    own = windows.of_convolution(
        2, inputs, outputs, weight.shape[2:], stride, padding, dilation, groups, "zeros"
    )
    more = _output_padding(output_padding, own)
    single = input.ndim == 3
    images = np.expand_dims(input, 0) if single else input
    bias = None if bias is None else operand(bias)
    windows.check_channels(images, input, inputs, bias, outputs)
    axes = zip(
        images.shape[2:], own.kernel, own.stride, own.padding, own.dilation, more, strict=True
    )
    size = tuple((n - 1) * s - 2 * p + d * (k - 1) + extra + 1 for n, k, s, p, d, extra in axes)
    if min(size) < 1:
        raise ValueError(
            f"An image of {images.shape[2]} × {images.shape[3]} and a padding of {own.padding} "
            "leave no output."
        )
    geometry: dict[str, Any] = {
        "size": size,
        "stride": own.stride,
        "padding": tuple(windows.borders(own)),
        "dilation": own.dilation,
    }
    parts = zip(np.split(images, groups, axis=1), np.split(weight, groups, axis=0), strict=True)
    made = [conv2d_image(x, w, **geometry) for x, w in parts]
    out = made[0] if groups == 1 else np.concatenate(made, axis=1)
    out = out if bias is None else out + np.reshape(bias, (-1, 1, 1))
    return out[0] if single else out


def _output_padding(output_padding: Any, own: windows.Windows) -> tuple[int, ...]:
    """Return what is added at the end: it says which of several sizes the output has."""
    more = sizes("output_padding", output_padding, 2, least=0)
    limits = [max(s, d) for s, d in zip(own.stride, own.dilation, strict=True)]
    if any(extra >= limit for extra, limit in zip(more, limits, strict=True)):
        raise ValueError(
            "output_padding is less than the stride or the dilation, and got "
            f"output_padding={more} for stride={own.stride}."
        )
    return more


class ConvTranspose2d(Module):
    """A convolution's backward pass as a layer: (N, in, H, W) to a larger (N, out, H', W').

    H' = (H − 1) · stride − 2 · padding + dilation · (kernel − 1) + output_padding + 1.

    Parameters
    ----------
    in_channels, out_channels
        Of input and output.
    kernel_size, stride, padding, dilation, groups
        Those of the convolution that goes the other way; numbers, or (rows, columns).
    output_padding
        How many rows and columns more there are at the end: with a stride, images of
        several sizes have the same number of windows.
    bias
        Whether each output channel has one.
    rng, init, dtype
        As for `Linear`.

    Attributes
    ----------
    weight : Parameter, ``(in_channels, out_channels / groups, *kernel_size)``
    bias : Parameter, (out_channels,), or None

    Raises
    ------
    ValueError
        If a setting is out of range; and at a call, if the input does not fit.

    Examples
    --------
    >>> ConvTranspose2d(3, 2, 2, stride=2, rng=0)(np.zeros((1, 3, 4, 4))).shape
    (1, 2, 8, 8)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        *,
        rng: Random = None,
        init: str | initialisations.Initialisation = "fan_in_uniform",
        dtype: Any = np.float64,
    ) -> None:
        own = windows.of_convolution(
            2, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, "zeros"
        )
        self.in_channels = count("in_channels", in_channels)
        self.out_channels = count("out_channels", out_channels)
        self.kernel_size, self.stride, self.padding, self.dilation = own
        self.output_padding = _output_padding(output_padding, own)
        self.groups = groups = count("groups", groups)
        dtype, fill, rng = checks.dtype(dtype), initialisations.named(init), generator(rng)
        shape = (self.in_channels, self.out_channels // groups, *own.kernel)
        self.weight = Parameter(np.zeros(shape, dtype))
        fill(self.weight, rng=rng)
        self.bias = None
        if flag("bias", bias):
            start = Parameter(np.zeros(self.out_channels, dtype))
            if fill is initialisations.fan_in_uniform_:
                bound = 1.0 / math.sqrt(initialisations.fans(self.weight)[0])
                initialisations.uniform_(start, -bound, bound, rng=rng)
            self.bias = start

    def forward(self, x: Any) -> Any:
        """Return the larger images."""
        settings = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        return conv_transpose2d(x, self.weight, self.bias, *settings)

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
