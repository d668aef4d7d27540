"""Convolutions: small weighted sums that slide along a signal or over an image.

Each output channel has a *kernel*, a small image of weights, and its value at a
place is the sum of what lies under the kernel there, weighted, plus a bias. The
same few weights serve all positions, so a pattern is found wherever it is.

How it is computed, and its derivatives, stand in
:mod:`autograd_lite.calculus.convolution`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite.randomness import Random, generator

from . import functional, windows
from . import init as initialisations
from . import settings as checks
from .module import Module, Parameter
from .settings import Sizes


class _Convolution(Module):
    """What Conv1d and Conv2d share: their settings and weights."""

    _dimensions: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        rng: Random = None,
        init: str | initialisations.Initialisation = "fan_in_uniform",
        dtype: Any = np.float64,
    ) -> None:
        settings = kernel_size, stride, padding, dilation, groups, padding_mode
        own = windows.of_convolution(self._dimensions, in_channels, out_channels, *settings)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size, self.stride, self.padding, self.dilation = own
        self.groups = groups
        self.padding_mode = padding_mode
        dtype, bias = checks.dtype(dtype), checks.flag("bias", bias)
        rng, fill = generator(rng), initialisations.named(init)
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = Parameter(np.zeros(shape, dtype))
        self.bias = Parameter(np.zeros(out_channels, dtype)) if bias else None
        fill(self.weight, rng=rng)
        if self.bias is not None and fill is initialisations.fan_in_uniform_:
            bound = 1.0 / math.sqrt(math.prod(shape[1:]))
            initialisations.uniform_(self.bias, -bound, bound, rng=rng)

    def _settings(self) -> tuple[Any, ...]:
        return self.stride, self.padding, self.dilation, self.groups, self.padding_mode

    def extra_repr(self) -> str:
        """Return the settings that are not the usual ones."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        text += f", stride={self.stride}"
        for name, usual in (("padding", 0), ("dilation", 1), ("groups", 1)):
            value = getattr(self, name)
            if value not in (usual, (usual,) * self._dimensions):
                text += f", {name}={value}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class Conv2d(_Convolution):
    """A convolution over images.

    Input (N, in_channels, H, W) or one image (in_channels, H, W); output
    (N, out_channels, rows, columns), where along each axis there are
    ⌊(size + 2 padding − dilation · (kernel_size − 1) − 1) / stride⌋ + 1 positions.

    Parameters
    ----------
    in_channels, out_channels
        How many images go in, on top of each other, and how many come out.
    kernel_size
        Of the kernel: a number, or (rows, columns). So are the next three.
    stride
        How far from one position to the next.
    padding
        How many zeros are put around the image; or ``"same"``, as many as it
        takes for an output of the input's size (stride 1); or ``"valid"``, none.
    dilation
        How far from one tap of the kernel to the next.
    groups
        Into how many parts the channels are divided, each with kernels of its own.
    bias
        Whether each output channel has a number that is added.
    padding_mode
        What is put around the image: ``"zeros"``, or its own ``"reflect"``-ion,
        ``"replicate"``-d border or ``"circular"`` continuation.
    rng, init, dtype
        As for `Linear`: by default weight and bias are uniform within
        ± 1 / √(in_channels / groups · kernel's size), as in PyTorch.

    Attributes
    ----------
    weight : Parameter, (out_channels, in_channels / groups, rows, columns)
    bias : Parameter, (out_channels,), or None

    Raises
    ------
    ValueError
        If a setting is out of range; and at a call, if the input has another
        number of channels or is too small for a single window.

    Examples
    --------
    >>> layer = Conv2d(1, 8, 5, padding="same", rng=0)
    >>> layer(np.zeros((2, 1, 28, 28))).shape
    (2, 8, 28, 28)
    >>> layer
    Conv2d(1, 8, kernel_size=(5, 5), stride=(1, 1), padding=same)
    """

    _dimensions = 2

    def forward(self, x: Any) -> Any:
        """Return the convolution of images."""
        return functional.conv2d(x, self.weight, self.bias, *self._settings())


class Conv1d(_Convolution):
    """A convolution along signals: as `Conv2d`, with one axis in place of two.

    Input (N, in_channels, L) or (in_channels, L); output (N, out_channels, places);
    weight (out_channels, in_channels / groups, kernel_size).

    >>> layer = Conv1d(2, 4, 3, stride=2, rng=0)
    >>> layer(np.zeros((5, 2, 9))).shape
    (5, 4, 4)
    """

    _dimensions = 1

    def forward(self, x: Any) -> Any:
        """Return the convolution of signals."""
        return functional.conv1d(x, self.weight, self.bias, *self._settings())
