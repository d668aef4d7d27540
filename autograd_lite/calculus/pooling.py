"""Pooling: of each window of an image, its sum or its largest number.

Both are linear in the values: which number of a window is the largest is told by another operand,
`by`, to which no gradient flows. So `pool_sum` and `pool_spread`, `max_pool` and `max_unpool` are
each other's transpose, and the rules of one are the other: derivatives of every order need no more.

Windows lie as in :mod:`autograd_lite.calculus.convolution`; a loop over the taps looks at one
number of all windows at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import Primitive, derivative
from ..quiet import quiet
from .convolution import (
    NONE,
    Padding,
    Pair,
    channels_last_in,
    conv2d_by_taps,
    conv2d_image_by_taps,
    tap_places,
    window_grid,
    zero_images,
    zero_padded,
)
from .loops import loop, loops

# -- sums over windows ------------------------------------------------------------------------


def _pool_sum(image: Any, kernel: Pair, stride: Pair = (1, 1), padding: Padding = NONE) -> Any:
    grid = window_grid(image.shape, kernel, stride, padding, (1, 1))
    image = zero_padded(image, padding) if padding != NONE else image
    windows = [image[:, :, r, c] for r, c in tap_places(kernel, grid, stride, (1, 1))]
    # A row of the kernel, then the rows: in one long sum, digits of float32 would get lost.
    rows = [_added(windows[i : i + kernel[1]]) for i in range(0, len(windows), kernel[1])]
    return _added(rows).copy("K") if len(windows) == 1 else _added(rows)


def _added(arrays: list[Any]) -> Any:
    """Return the sum; of a single array, itself."""
    if len(arrays) == 1:
        return arrays[0]
    total = arrays[0] + arrays[1]
    for array in arrays[2:]:
        total += array
    return total


def _pool_spread(
    upstream: Any, size: Pair, kernel: Pair, stride: Pair = (1, 1), padding: Padding = NONE
) -> Any:
    (top, bottom), (left, right) = padding
    height, width = size
    whole = _like(upstream, (top + height + bottom, left + width + right))
    for rows, columns in tap_places(kernel, upstream.shape[2:], stride, (1, 1)):
        whole[:, :, rows, columns] += upstream
    return whole[:, :, top : top + height, left : left + width]


def _like(g: Any, size: Pair) -> Any:
    """Return zeros for images of another size, with g's order of axes in memory."""
    return zero_images((*g.shape[:2], *size), g.dtype, channels_last_in(g))


def _pool_sum_by_conv(image: Any, kernel: Pair, **geometry: Any) -> Any:
    channels = np.eye(image.shape[1], dtype=image.dtype)[:, :, None, None]
    return conv2d_by_taps(image, channels * np.ones(kernel, image.dtype), **geometry)


def _pool_spread_by_conv(upstream: Any, size: Pair, kernel: Pair, **geometry: Any) -> Any:
    channels = np.eye(upstream.shape[1], dtype=upstream.dtype)[:, :, None, None]
    return conv2d_image_by_taps(
        upstream, channels * np.ones(kernel, upstream.dtype), size, **geometry
    )


pool_sum: Primitive = derivative(
    _pool_sum,
    name="pool_sum",
    decomposition=_pool_sum_by_conv,
    indices="nk[ri][sj]->nkrs",
    image=lambda g, image, kernel, stride=(1, 1), padding=NONE: pool_spread(
        g, size=image.shape[2:], kernel=kernel, stride=stride, padding=padding
    ),
)
"""The sum over each window of an image."""

pool_spread: Primitive = derivative(
    _pool_spread,
    name="pool_spread",
    decomposition=_pool_spread_by_conv,
    indices="nkrs->nk[ri][sj]",
    upstream=lambda g, kernel, stride=(1, 1), padding=NONE: pool_sum(
        g, kernel=kernel, stride=stride, padding=padding
    ),
    parameters="size",
)
"""A number spread over each window; where windows overlap, they add up."""

# -- the largest of a window --------------------------------------------------------------------

# Of equal numbers the first counts, as in PyTorch: they are not shared as in np.max. After a
# ReLU many windows are all zero, and a network would train differently.


def _bordered(values: Any, padding: Padding) -> Any:
    """Pad images with the lowest value, which is never the largest."""
    if padding == NONE:
        return values
    lowest = -np.inf if values.dtype.kind == "f" else np.iinfo(values.dtype).min
    return np.pad(values, ((0, 0), (0, 0), *padding), constant_values=lowest)


def _is_finite(x: Any) -> bool:
    return x.dtype.kind != "f" or bool(np.isfinite(quiet(np.add.reduce, x, None)))


def _ranked(by: Any) -> Any:
    """Return numbers of the same order: NaN is the largest, and all are above the border."""
    limits = np.finfo(by.dtype)
    return np.where(np.isnan(by), np.inf, np.clip(by, limits.min, limits.max))


@loop
def _largest(by: Any, grid: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Any:
    """Return the largest of each window, or NaN if there is one."""
    first, *others = tap_places(kernel, grid, stride, dilation)
    largest = by[:, :, *first].copy("K")
    for rows, columns in others:
        np.maximum(largest, by[:, :, rows, columns], out=largest)
    return largest


def _max_pool(
    values: Any,
    by: Any,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = NONE,
    dilation: Pair = (1, 1),
) -> Any:
    grid = window_grid(by.shape, kernel, stride, padding, dilation)
    if values is by:
        return loops["largest"](_bordered(by, padding), grid, kernel, stride, dilation)
    by = _bordered(by if _is_finite(by) else _ranked(by), padding)
    values = zero_padded(values, padding)
    first, *others = tap_places(kernel, grid, stride, dilation)
    largest, picked = by[:, :, *first].copy("K"), values[:, :, *first].copy("K")
    for rows, columns in others:
        window = by[:, :, rows, columns]
        np.copyto(picked, values[:, :, rows, columns], where=window > largest)
        np.maximum(largest, window, out=largest)
    return picked


def _max_unpool(
    part: Any,
    by: Any,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = NONE,
    dilation: Pair = (1, 1),
) -> Any:
    (top, bottom), (left, right) = padding
    height, width = by.shape[2:]
    geometry = kernel, stride, dilation
    bordered = _bordered(by, padding)
    largest = loops["largest"](bordered, part.shape[2:], *geometry)
    if not _is_finite(largest):
        bordered = _bordered(_ranked(by), padding)
        largest = loops["largest"](bordered, part.shape[2:], *geometry)
    last = channels_last_in(by)
    if last:  # which it need not do as it comes from above, such as through a flatten
        part = np.ascontiguousarray(part.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    size = top + height + bottom, left + width + right
    whole = zero_images((*part.shape[:2], *size), part.dtype, last)
    loops["unpool"](part, bordered, largest, *geometry, whole)
    return whole[:, :, top : top + height, left : left + width]


@loop
def _unpool(
    part: Any, by: Any, largest: Any, kernel: Pair, stride: Pair, dilation: Pair, whole: Any
) -> None:
    """Add each part to `whole` where `by` is largest in its window first; all (N, C, H, W)."""
    free = np.ones_like(part, bool)
    apart = all(d * (k - 1) < s for d, k, s in zip(dilation, kernel, stride, strict=True))
    quick = apart and _is_finite(part)  # inf times False is NaN
    for rows, columns in tap_places(kernel, part.shape[2:], stride, dilation):
        found = np.equal(by[:, :, rows, columns], largest)
        found &= free
        free ^= found
        place = whole[:, :, rows, columns]
        if quick:
            np.multiply(part, found, out=place)
        else:
            place += np.where(found, part, 0)


max_pool: Primitive = derivative(
    _max_pool,
    name="max_pool",
    operands="values by",
    nondifferentiable="by",
    values=lambda g, by, kernel, stride=(1, 1), padding=NONE, dilation=(1, 1): max_unpool(
        g, by, kernel=kernel, stride=stride, padding=padding, dilation=dilation
    ),
)
"""Of each window, the value at the index where `by` is largest."""

max_unpool: Primitive = derivative(
    _max_unpool,
    name="max_unpool",
    operands="part by",
    nondifferentiable="by",
    part=lambda g, by, kernel, stride=(1, 1), padding=NONE, dilation=(1, 1): max_pool(
        g, by, kernel=kernel, stride=stride, padding=padding, dilation=dilation
    ),
)
"""Zeros, with a part added in each window at the index where `by` is largest."""
