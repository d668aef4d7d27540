"""Windows that slide over images: convolution.

A convolution is linear in the image and in the weights. With the upstream
gradient there are three arrays, and one sum of products over all of them:

    Σ  g[n, o, y, x] · image[n, c, s·y + i, s·x + j] · weight[o, c, i, j]

Leave one of the three out, and what remains is its gradient. So there are three
primitives, `conv2d`, `conv2d_image` and `conv2d_weight`, and the rules of each
are the other two: derivatives of every order need no more.

Shapes are PyTorch's, (N, C, H, W). In memory the channels stand last, so that
what a row of the kernel meets, its *line*, is one contiguous piece, kw · C long.
The lines are gathered by copying long runs, and a convolution is a sum over the
rows of the kernel: of the lines that each meets, times its weights,

    out[r] = Σ  lines[s·r + i] @ weight[i]
             i

one matrix product for each row i. A line serves kh windows, one below the other.
All this is done for some images at a time, while they are in the cache, and lines
are gathered again in the backward pass, which is cheaper than to keep them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..primitive import Primitive, derivative

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]  # (above, below), (left, right)

NONE: Padding = ((0, 0), (0, 0))
BUFFER = 1_000_000  # numbers: as many images at a time as have so many, in all windows, or one
SHORT = 16  # numbers: of a line that is not worth a product of its own
FEW = 8  # channels: of fewer, a run is too short


# -- where the windows are -----------------------------------------------------------------


def window_count(size: int, kernel: int, stride: int, padding: Pair, dilation: int) -> int:
    """Return how many windows fit along an axis.

    >>> window_count(28, kernel=5, stride=1, padding=(2, 2), dilation=1)
    28
    """
    return (size + sum(padding) - dilation * (kernel - 1) - 1) // stride + 1


def window_grid(shape: Any, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair) -> Pair:
    """Return the rows and columns of windows in an image of (…, H, W)."""
    geometry = zip(shape[-2:], kernel, stride, padding, dilation, strict=True)
    rows, columns = (window_count(*axis) for axis in geometry)
    return rows, columns


def tap_places(kernel: Pair, grid: Pair, stride: Pair, dilation: Pair) -> Any:
    """Yield for each tap of the kernel the rows and columns of the image that it meets."""
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            yield tuple(
                slice(at * d, at * d + s * (n - 1) + 1, s)
                for at, d, s, n in zip((i, j), dilation, stride, grid, strict=True)
            )


def _parts(n: int, grid: Any, of_one: int) -> Any:
    """Yield which images to take at a time, of `n`, if a window takes so many numbers."""
    step = max(1, BUFFER // max(math.prod(grid) * of_one, 1))
    return (slice(first, min(first + step, n)) for first in range(0, n, step))


def channels_last_in(x: Any) -> bool:
    """Whether the channels of images lie side by side in memory."""
    return bool(x.strides[1] < x.strides[3])


def zero_images(shape: Any, dtype: Any, channels_last: bool) -> Any:
    """Return zeros for images (N, C, H, W)."""
    if not channels_last:
        return np.zeros(shape, dtype)
    n, channels, height, width = shape
    return np.zeros((n, height, width, channels), dtype).transpose(0, 3, 1, 2)


# -- convolution ----------------------------------------------------------------------------


def _lines(
    image: Any, kernel: Pair, grid: Pair, stride: Pair, padding: Padding, dilation: Pair, dtype: Any
) -> tuple[tuple[int, ...], list[Any]]:
    """Return what the rows of the kernel meet, and an order of an image's axes.

    For each row of the kernel that is a matrix with a line for each window, in that order. Where
    lines are short, or no other window meets them, there is one matrix for the whole kernel.
    """
    channels, short = image.shape[1], kernel[1] * image.shape[1] < SHORT
    padded = _surrounded(image, padding, dtype, not short)
    across, deep, down, along = padded.strides
    (rows, columns), (sy, sx), (dy, dx) = grid, stride, dilation
    if kernel[0] > 1 and sy == 1 and not short:  # rows first, since the next window has all but one
        shape = (padded.shape[2], len(image), columns, kernel[1], channels)
        steps = (down, across, along * sx, along * dx, deep)
        every = np.ascontiguousarray(as_strided(padded, shape, steps, writeable=False))
        lines = [every[i * dy : i * dy + rows] for i in range(kernel[0])]
        return (2, 0, 3, 1), [line.reshape(rows * len(image) * columns, -1) for line in lines]
    windows, taps = (len(image), rows, columns), (*kernel, channels)
    over, within = (across, down * sy, along * sx), (down * dy, along * dx, deep)
    if short:  # a tap at a time, since the runs are longer so
        found = as_strided(padded, taps + windows, within + over, writeable=False)
        matrix = np.ascontiguousarray(found).reshape(math.prod(taps), -1).T
    else:
        found = as_strided(padded, windows + taps, over + within, writeable=False)
        matrix = found.reshape(math.prod(windows), -1)
    return (0, 2, 3, 1), [matrix]


def _surrounded(image: Any, padding: Padding, dtype: Any, channels_last: bool) -> Any:
    """Return images with zeros around, of a dtype, and in memory so; or the same, if they are."""
    if (
        padding == NONE
        and image.dtype == dtype
        and (image.strides[1] == image.itemsize) == channels_last
    ):
        return image
    n, channels, height, width = image.shape
    (top, bottom), (left, right) = padding
    whole = zero_images(
        (n, channels, top + height + bottom, left + width + right), dtype, channels_last
    )
    whole[:, :, top : top + height, left : left + width] = image
    return whole


def _convolved(
    image: Any,
    weight: Any,
    bias: Any,
    stride: Pair = (1, 1),
    padding: Padding = NONE,
    dilation: Pair = (1, 1),
) -> Any:
    """Add up, over the rows of the kernel, its weights times the lines that it meets."""
    outputs, _, *kernel = weight.shape
    grid = window_grid(image.shape, kernel, stride, padding, dilation)
    dtype = np.result_type(image, weight)
    matrix = weight.transpose(2, 3, 1, 0).reshape(-1, outputs).astype(dtype, copy=False)
    out = np.empty((len(image), *grid, outputs), dtype).transpose(0, 3, 1, 2)
    for some in _parts(len(image), grid, len(matrix) + outputs):
        order, lines = _lines(image[some], kernel, grid, stride, padding, dilation, dtype)
        taps = matrix.reshape(len(lines), -1, outputs)
        total = lines[0] @ taps[0]
        for line, tap in zip(lines[1:], taps[1:], strict=True):
            total += line @ tap
        place = out[some].transpose(order)
        total = total.reshape(place.shape)
        if bias is None:
            place[...] = total
        else:
            np.add(total, bias, out=place, casting="same_kind")
    return out


def _conv2d(image: Any, weight: Any, **geometry: Any) -> Any:
    return _convolved(image, weight, None, **geometry)


def _conv2d_bias(image: Any, weight: Any, bias: Any, **geometry: Any) -> Any:
    return _convolved(image, weight, bias, **geometry)


def _conv2d_weight(
    upstream: Any,
    image: Any,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = NONE,
    dilation: Pair = (1, 1),
) -> Any:
    """Multiply the lines by the upstream gradient: a tap's gradient sums over its visits."""
    channels, (n, outputs, *grid) = image.shape[1], upstream.shape
    dtype = np.result_type(upstream, image)
    matrix = np.zeros((kernel[0] * kernel[1] * channels, outputs), dtype)
    for some in _parts(n, grid, len(matrix) + outputs):
        order, lines = _lines(image[some], kernel, grid, stride, padding, dilation, dtype)
        g = upstream[some].transpose(order).reshape(-1, outputs).astype(dtype, copy=False)
        matrix += np.concatenate([line.T @ g for line in lines])
    return np.ascontiguousarray(matrix.reshape(*kernel, channels, outputs).transpose(3, 2, 0, 1))


def _conv2d_image(
    upstream: Any,
    weight: Any,
    size: Pair,
    stride: Pair = (1, 1),
    padding: Padding = NONE,
    dilation: Pair = (1, 1),
) -> Any:
    """Send the upstream gradient back through each tap, and sum what reaches the same pixel."""
    n, (outputs, channels, *kernel), grid = len(upstream), weight.shape, upstream.shape[2:]
    few, reach = channels < FEW, [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    around = tuple((r - p, r - q) for r, (p, q) in zip(reach, padding, strict=True))
    if stride == (1, 1) and not few and min(map(min, around)) >= 0:
        # What reaches a pixel comes from a window around it: a convolution, with the kernel turned.
        turned = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
        return _conv2d(upstream, turned, padding=around, dilation=dilation)
    (top, bottom), (left, right) = padding
    height, width = size
    dtype = np.result_type(upstream, weight)
    matrix = weight.transpose(2, 3, 1, 0).reshape(-1, outputs).astype(dtype, copy=False)
    whole = zero_images((n, channels, top + height + bottom, left + width + right), dtype, not few)
    for some in _parts(n, grid, len(matrix) + outputs):
        lines = upstream[some].transpose(0, 2, 3, 1)
        g = lines.reshape(-1, outputs).astype(dtype, copy=False)
        if few:  # all taps at once, since each is short
            shares = (matrix @ g.T).reshape(-1, channels, *lines.shape[:3]).swapaxes(1, 2)
        else:
            taps = matrix.reshape(-1, channels, outputs)
            shares = ((g @ t.T).reshape(*lines.shape[:3], -1).transpose(0, 3, 1, 2) for t in taps)
        places = tap_places(kernel, grid, stride, dilation)
        for share, (rows, columns) in zip(shares, places, strict=True):
            whole[some, :, rows, columns] += share
    return whole[:, :, top : top + height, left : left + width]


# The same by taps, as one would write them without columns: what the three stand for.


def zero_padded(image: Any, padding: Padding) -> Any:
    """Return images with zeros around."""
    return np.pad(image, ((0, 0), (0, 0), *padding))


def conv2d_by_taps(
    image: Any,
    weight: Any,
    stride: Pair = (1, 1),
    padding: Padding = NONE,
    dilation: Pair = (1, 1),
) -> Any:
    """Return a convolution as one would write it: for each tap a product, and their sum."""
    kernel = weight.shape[2:]
    grid = window_grid(image.shape, kernel, stride, padding, dilation)
    image = zero_padded(image, padding)
    total: Any = 0
    for t, (rows, columns) in enumerate(tap_places(kernel, grid, stride, dilation)):
        tap = weight[:, :, t // kernel[1], t % kernel[1]]
        total = total + np.moveaxis(np.tensordot(image[:, :, rows, columns], tap, (1, 1)), -1, 1)
    return total


def _conv2d_weight_by_taps(
    upstream: Any,
    image: Any,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = NONE,
    dilation: Pair = (1, 1),
) -> Any:
    image = zero_padded(image, padding)
    taps = [
        np.tensordot(upstream, image[:, :, rows, columns], ((0, 2, 3), (0, 2, 3)))
        for rows, columns in tap_places(kernel, upstream.shape[2:], stride, dilation)
    ]
    return np.reshape(np.stack(taps, axis=-1), (upstream.shape[1], image.shape[1], *kernel))


def conv2d_image_by_taps(
    upstream: Any,
    weight: Any,
    size: Pair,
    stride: Pair = (1, 1),
    padding: Padding = NONE,
    dilation: Pair = (1, 1),
) -> Any:
    """Return a transposed convolution: what each tap sends, put in its place, and their sum."""
    (top, bottom), (left, right) = padding
    height, width = size
    kernel = weight.shape[2:]
    rows_of_all = np.arange(top + height + bottom)
    columns_of_all = np.arange(left + width + right)
    total: Any = 0
    for t, (rows, columns) in enumerate(tap_places(kernel, upstream.shape[2:], stride, dilation)):
        share = np.tensordot(weight[:, :, t // kernel[1], t % kernel[1]], upstream, (0, 1))
        # A line of zeros with a one in it puts each row, and each column, in its place.
        down = np.equal.outer(rows_of_all[rows], rows_of_all).astype(upstream.dtype)
        along = np.equal.outer(columns_of_all[columns], columns_of_all).astype(upstream.dtype)
        spread = np.tensordot(np.tensordot(share, down, (2, 0)), along, (2, 0))
        total = total + np.moveaxis(spread, 0, 1)
    return total[:, :, top : top + height, left : left + width]


# With a bias or without, the gradients of image and weight are the other two primitives.
_RULES: dict[str, Any] = {
    "image": lambda g, image, weight, stride=(1, 1), padding=NONE, dilation=(1, 1): conv2d_image(
        g, weight, size=image.shape[2:], stride=stride, padding=padding, dilation=dilation
    ),
    "weight": lambda g, image, weight, stride=(1, 1), padding=NONE, dilation=(1, 1): conv2d_weight(
        g, image, kernel=weight.shape[2:], stride=stride, padding=padding, dilation=dilation
    ),
}

# Image n, channels k and o; a window at row r and column s, in it the tap in row i and column j.
conv2d: Primitive = derivative(
    _conv2d,
    name="conv2d",
    decomposition=conv2d_by_taps,
    indices="nk[ri][sj],okij->nors",
    **_RULES,
)
"""A convolution: image (N, C, H, W) and weight (O, C, kh, kw) to (N, O, rows, columns)."""

conv2d_bias: Primitive = derivative(
    _conv2d_bias,
    name="conv2d",
    decomposition=lambda image, weight, bias, **geometry: (
        conv2d_by_taps(image, weight, **geometry) + np.reshape(bias, (-1, 1, 1))
    ),
    indices="nk[ri][sj],okij+o->nors",
    **_RULES,
    bias=lambda g: g.sum(axis=0).sum(axis=(1, 2)),  # images first: in long runs
)
"""The same, plus a number for each output channel; bias (O,)."""

conv2d_image: Primitive = derivative(
    _conv2d_image,
    name="conv2d_image",
    decomposition=conv2d_image_by_taps,
    indices="nors,okij->nk[ri][sj]",
    upstream=lambda g, weight, stride=(1, 1), padding=NONE, dilation=(1, 1): conv2d(
        g, weight, stride=stride, padding=padding, dilation=dilation
    ),
    weight=lambda g, upstream, weight, stride=(1, 1), padding=NONE, dilation=(1, 1): conv2d_weight(
        upstream, g, kernel=weight.shape[2:], stride=stride, padding=padding, dilation=dilation
    ),
    parameters="size",
)
"""∂L/∂image of a convolution: a *transposed* convolution."""

conv2d_weight: Primitive = derivative(
    _conv2d_weight,
    name="conv2d_weight",
    decomposition=_conv2d_weight_by_taps,
    indices="nors,nk[ri][sj]->okij",
    upstream=lambda g, image, stride=(1, 1), padding=NONE, dilation=(1, 1): conv2d(
        image, g, stride=stride, padding=padding, dilation=dilation
    ),
    image=lambda g, upstream, image, stride=(1, 1), padding=NONE, dilation=(1, 1): conv2d_image(
        upstream, g, size=image.shape[2:], stride=stride, padding=padding, dilation=dilation
    ),
    parameters="kernel",
)
"""∂L/∂weight of a convolution."""
