"""Windows that slide over images and signals: their settings, checked here for all layers.

Both the modules, when they are made, and the functions, when they are called,
come here with their settings, so that what one refuses the other does too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_lite.calculus.convolution import Pair, window_count

from .settings import Sizes, count, sizes

PADDING_MODES = {"zeros": "", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
"""What can be put around an image, and what `numpy.pad` calls it."""


class Windows(NamedTuple):
    """Settings that are right, each for every axis over which the windows slide."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Any  # a number for each; or of a convolution "same" or "valid"
    dilation: tuple[int, ...]


def of_convolution(
    axes: int,
    in_channels: int,
    out_channels: int,
    kernel_size: Sizes,
    stride: Sizes,
    padding: Sizes | str,
    dilation: Sizes,
    groups: int,
    padding_mode: str,
) -> Windows:
    """Return the windows of a convolution, having checked all that can be told without an image.

    Raises
    ------
    ValueError
        If a setting is out of range, or two do not go together.
    """
    channels = count("in_channels", in_channels), count("out_channels", out_channels)
    if any(c % count("groups", groups) for c in channels):
        raise ValueError(
            f"groups divides both numbers of channels, and got groups={groups} for "
            f"{in_channels} and {out_channels}."
        )
    if padding_mode not in PADDING_MODES:
        raise ValueError(
            f"padding_mode is one of {', '.join(PADDING_MODES)}, and got {padding_mode!r}."
        )
    stride = sizes("stride", stride, axes)
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"padding is numbers, 'same' or 'valid', and got {padding!r}.")
        if padding == "same" and max(stride) > 1:
            raise ValueError(
                f"padding='same' is for stride 1, and got stride={stride}: give numbers."
            )
    else:
        padding = sizes("padding", padding, axes, least=0)
    kernel, dilation = sizes("kernel_size", kernel_size, axes), sizes("dilation", dilation, axes)
    return Windows(kernel, stride, padding, dilation)


def of_pooling(
    axes: int, kernel_size: Sizes, stride: Sizes | None, padding: Sizes, dilation: Sizes = 1
) -> Windows:
    """Return the windows of a pooling, which by default lie side by side.

    Raises
    ------
    ValueError
        If a setting is out of range, or a window could lie wholly beside the image.
    """
    kernel = sizes("kernel_size", kernel_size, axes)
    beside = sizes("padding", padding, axes, least=0)
    if any(2 * p > k for p, k in zip(beside, kernel, strict=True)):
        raise ValueError(
            f"padding is at most half of kernel_size, and got padding={beside} for "
            f"kernel_size={kernel}."
        )
    step = kernel if stride is None else sizes("stride", stride, axes)
    return Windows(kernel, step, beside, sizes("dilation", dilation, axes))


# -- on an image ---------------------------------------------------------------------------


def borders(windows: Windows) -> list[Pair]:
    """Return what is put before and after, along each axis."""
    if not isinstance(windows.padding, str):
        return [(p, p) for p in windows.padding]
    same = windows.padding == "same"
    totals = [d * (k - 1) * same for k, d in zip(windows.kernel, windows.dilation, strict=True)]
    return [(total // 2, total - total // 2) for total in totals]


def check_channels(images: Any, given: Any, inputs: int, bias: Any, outputs: int) -> None:
    """Raise a ValueError unless images, made of what was given, and a bias fit a convolution."""
    if images.shape[1] != inputs:
        raise ValueError(
            f"This convolution takes {inputs} channels, and got an input of shape {given.shape}."
        )
    if bias is not None and bias.shape != (outputs,):
        raise ValueError(
            f"This convolution takes a bias of shape ({outputs},), a number for each output "
            f"channel, and got {bias.shape}."
        )


def check_fit(image: Sequence[int], windows: Windows, around: Sequence[Pair]) -> None:
    """Raise a ValueError if there is no window in an image, or a signal, of some size."""
    settings = windows.kernel, windows.stride, around, windows.dilation
    if min(window_count(*axis) for axis in zip(image, *settings, strict=True)) < 1:
        kind = "A signal" if len(image) == 1 else "An image"
        raise ValueError(
            f"{kind} of {' × '.join(map(str, image))} is too small for a window of "
            f"{' × '.join(map(str, windows.kernel))}: the output would be empty."
        )


def continued(input: Any, around: Sequence[Pair], padding_mode: str) -> Any:
    """Continue images over their border: the numbers outside are some from inside."""
    mode = PADDING_MODES[padding_mode]
    for axis, beside in enumerate(around, input.ndim - len(around)):
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


def to_the_end(size: int, kernel: int, stride: int, beside: Pair, dilation: int) -> Pair:
    """Widen the border at the end for a window that begins inside and reaches over it."""
    before, after = beside
    left_over = (size + before + after - dilation * (kernel - 1) - 1) % stride
    more = (stride - left_over) % stride
    begins = (window_count(size, kernel, stride, (before, after + more), dilation) - 1) * stride
    return (before, after + more) if begins < size + before else beside


def counts(size: int, places: int, kernel: int, stride: int, beside: int, border: bool) -> Any:
    """Return how many numbers along an axis each window has, with the border's or without."""
    first = np.arange(places) * stride - beside
    if border:
        return np.minimum(first + kernel, size + beside) - first
    return np.minimum(first + kernel, size) - np.maximum(first, 0)
