"""Convolution and pooling, written out as loops that threads share.

A convolution is a matrix product whose rows are the windows of an image; see
:mod:`autograd_lite.calculus.convolution`. No columns are copied for it here: where the channels
stand last, a row of a window is one run of numbers, and a tile (`numba_tile`) reads windows where
they are. What is copied is the image, once, into the middle of zeros, and the weights, into the
order in which they are read.

* forward: rows are the windows of a line, columns the output channels;
* ∂L/∂image: the same on the upstream gradient, with the weights turned around;
* ∂L/∂weight: rows are the places in a window, columns the output channels, and what is summed
  over are the windows.

Each thread takes some images; of ∂L/∂weight, where all images add up, some rows. So the results
do not depend on how many threads there are.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..calculus.convolution import (
    NONE,
    conv2d,
    conv2d_bias,
    conv2d_image,
    conv2d_weight,
)
from ..calculus.pooling import max_pool, max_unpool, pool_spread, pool_sum
from .numba_blocks import Body
from .numba_expressions import dtype_of, number
from .numba_memory import Place, in_order
from .numba_parts import Parts
from .numba_tile import Tile, cut, pieces, registers
from .program import Step

CHANNELS_LAST = (0, 2, 3, 1)
TAPS = 32
"""Windows of more numbers are pooled by NumPy: each number is a line of code here."""


def is_windowed(step: Step) -> bool:
    """Whether a step is written here."""
    check = _CHECKS.get(step.primitive)
    if check is None or len(step.results) != 1 or step.indices:
        return False
    kinds = {dtype_of(v) for v in (*step.operands, *step.results)}
    sizes = [prod(v.shape) for v in (*step.operands, *step.results)]
    return len(kinds) == 1 and kinds <= _FLOATS and all(sizes) and check(step)


_FLOATS = {np.dtype(np.float32), np.dtype(np.float64)}


def write_windows(step: Step, parts: Parts) -> None:
    """Write a step whose `is_windowed` holds."""
    _WRITERS[step.primitive](step, parts)


# -- where the windows are ------------------------------------------------------------------------


def _geometry(step: Step) -> tuple[Any, Any, Any]:
    p = step.parameters
    return p.get("stride", (1, 1)), p.get("padding", NONE), p.get("dilation", (1, 1))


def _has_whole_rows(step: Step) -> bool:
    """Whether the numbers of a window's row lie side by side."""
    return bool(_geometry(step)[2][1] == 1)


def _has_no_gaps(step: Step) -> bool:
    """Whether a convolution leaves out nothing, so that its transpose is a convolution too."""
    stride, padding, dilation = _geometry(step)
    kernel = step.operands[1].shape[2:]
    inside = all(max(pads) < k for pads, k in zip(padding, kernel, strict=True))
    return tuple(stride) == tuple(dilation) == (1, 1) and inside


def _is_simple_pool(step: Step) -> bool:
    p = step.parameters
    _, padding, dilation = _geometry(step)
    is_plain = padding == NONE and tuple(dilation) == (1, 1) and prod(p["kernel"]) <= TAPS
    if step.primitive is max_pool:
        return is_plain and step.operands[0] is step.operands[1]
    return is_plain


# -- convolution ----------------------------------------------------------------------------------


class _Padded:
    """Images in the middle of zeros, with their channels last."""

    def __init__(self, image: Place, top: int, left: int, height: int, width: int) -> None:
        self.image, self.top, self.left = image, top, left
        self.height, self.width, self.channels = height, width, image.shape[1]
        self.line = width * self.channels
        self.size = height * self.line

    def zeros(self, body: Body, array: str, at: str) -> None:
        """Write zeros into all of it."""
        with body.write.inside(f"for i in range({self.size}):"):
            body.write(f"{array}[at({at} + i)] = 0.0")

    def copy(self, body: Body, array: str, at: str) -> None:
        """Write image number i0 into the middle."""
        image = self.image
        with body.write.over([image.shape[i] for i in (2, 3, 1)], ("i1", "i2", "i3")):
            into = f"{at} + {self.top * self.line + self.left * self.channels}"
            into += f" + i1 * {self.line} + i2 * {self.channels} + i3"
            body.write(f"{array}[at({into})] = {image.element(('i0', 'i3', 'i1', 'i2'))}")


def _convolution(step: Step, parts: Parts) -> None:
    image, weight, *bias = (parts.place(v) for v in step.operands)
    stride, ((top, bottom), (left, right)), dilation = _geometry(step)
    outputs, channels, _, kw = weight.shape
    order = Place("", weight.shape, (1, outputs, kw * channels * outputs, channels * outputs))
    height, width = image.shape[2] + top + bottom, image.shape[3] + left + right
    padded = _Padded(image, top, left, height, width)
    _slide(step, parts, padded, order, stride, dilation, bias)


def _image(step: Step, parts: Parts) -> None:
    upstream, weight = (parts.place(v) for v in step.operands)
    _, ((top, _), (left, _)), _ = _geometry(step)
    outputs, channels, kh, kw = weight.shape
    tap = outputs * channels
    order = Place(
        "", weight.shape, (channels, 1, -kw * tap, -tap), (kh - 1) * kw * tap + (kw - 1) * tap
    )
    height, width = step.parameters["size"]
    padded = _Padded(upstream, kh - 1 - top, kw - 1 - left, height + kh - 1, width + kw - 1)
    _slide(step, parts, padded, order, (1, 1), (1, 1), [])


def _slide(
    step: Step, parts: Parts, padded: _Padded, order: Place, stride: Any, dilation: Any,
    bias: list[Place],
) -> None:  # fmt: skip
    """Write the sums of products of all windows with the weights, laid out as in `order`."""
    result, weight = parts.place(step.results[0]), parts.place(step.operands[1])
    kind, (kh, kw) = dtype_of(step.results[0]), weight.shape[2:]
    n, columns, rows, along = result.shape
    packed = parts.work("packed", prod(weight.shape), kind)
    whole = Place(packed, order.shape, order.strides, order.offset)
    parts.begin(None).copy(whole, weight)

    scratch = parts.each("padded", padded.size, kind)
    body = parts.begin(n)
    write, begin = body.write, parts.at(padded.size)
    padded.zeros(body, scratch, begin)
    size, (down, across) = cut(along, registers()[1]), stride
    row, spot = result.strides[2], result.strides[3]
    with write.inside("for i0 in range(begin, end):"):
        padded.copy(body, scratch, begin)
        with write.over((rows, -(-along // size)), ("i1", "i2")):
            write(f"i3 = min(i2 * {size}, {along - size})")
            for first, count in pieces(columns, kind):
                tile = body.tile(Tile(
                    size, count, spot, across * padded.channels, dilation[0] * padded.line, 1,
                    columns, kh, kw * padded.channels,
                ))  # fmt: skip
                c = result.replaced((n, rows, along), (result.strides[0], row, spot), first)
                a = f"{begin} + i1 * {down * padded.line} + i3 * {across * padded.channels}"
                body.handed.update(dict.fromkeys((result.array, scratch, packed)))
                index = c.index(("i0", "i1", "i3"))
                write(f"{tile}({result.array}, {index}, {scratch}, {a}, {packed}, {first})")
        for shift in bias:
            with write.over((rows, along, columns), ("i1", "i2", "i3")):
                cell = result.element(("i0", "i3", "i1", "i2"))
                write(f"{cell} += {shift.element(('i3',))}")


def _weight(step: Step, parts: Parts) -> None:
    upstream, image = (parts.place(v) for v in step.operands)
    result, kind = parts.place(step.results[0]), dtype_of(step.results[0])
    stride, ((top, bottom), (left, right)), dilation = _geometry(step)
    outputs, channels, kh, kw = result.shape
    n, _, rows, along = upstream.shape
    height, width = image.shape[2] + top + bottom, image.shape[3] + left + right
    padded = _Padded(image, top, left, height, width)
    scratch = parts.work("padded", n * padded.size, kind)
    last, lines = in_order(upstream.shape, CHANNELS_LAST), upstream
    if upstream.strides != last:
        lines = Place(parts.work("lines", prod(upstream.shape), kind), upstream.shape, last)
    body = parts.begin(n)
    with body.write.inside("for i0 in range(begin, end):"):
        padded.zeros(body, scratch, f"i0 * {padded.size}")
        padded.copy(body, scratch, f"i0 * {padded.size}")
        if lines is not upstream:
            with body.write.over((rows, along, outputs), ("i1", "i2", "i3")):
                cell = ("i0", "i3", "i1", "i2")
                body.write(f"{lines.element(cell)} = {upstream.element(cell)}")

    sums = parts.work("sums", prod(result.shape), kind)
    run = kw * channels  # of one row of the kernel
    size = cut(run, registers()[1])
    turns = -(-run // size)
    body = parts.begin(kh * turns)
    write = body.write
    with write.inside("for i0 in range(begin, end):"):
        write(f"i1, i2 = i0 // {turns}, i0 % {turns} * {size}")
        first = f"(i1 * {run} + i2) * {outputs}"
        with write.inside(f"for i in range(min({size}, {run} - i2) * {outputs}):"):
            write(f"{sums}[at({first} + i)] = {number(0, kind)}")
        with write.inside(f"for i3 in range({n}):"):
            whole, rest = run // size, run % size
            for count, case in ((size, f"if i2 < {whole * size}:"), (rest, "else:")):
                if not count or (case == "else:" and not whole):
                    continue
                with write.inside(case if rest else "if True:"):
                    for at, columns in pieces(outputs, kind):
                        tile = body.tile(Tile(
                            count, columns, outputs, 1, stride[0] * padded.line,
                            stride[1] * channels, outputs, rows, along, True,
                        ))  # fmt: skip
                        body.handed.update(dict.fromkeys((sums, scratch, lines.array)))
                        a = f"i3 * {padded.size} + i1 * {dilation[0] * padded.line} + i2"
                        b = lines.replaced((n,), (rows * along * outputs,), at).index(("i3",))
                        write(f"{tile}({sums}, {first} + {at}, {scratch}, {a}, {lines.array}, {b})")
    strides = (1, outputs, kw * channels * outputs, channels * outputs)
    parts.begin(None).copy(result, Place(sums, result.shape, strides))


# -- pooling --------------------------------------------------------------------------------------


def _in_windows(step: Step, small: Place, wide: Place) -> list[Place]:
    """Return for each tap where the numbers lie that it meets, with an axis for each of `small`."""
    down, across = step.parameters.get("stride", (1, 1))
    s0, s1, s2, s3 = wide.strides
    strides = (s0, s1, down * s2, across * s3)
    height, width = step.parameters["kernel"]
    taps = [(i, j) for i in range(height) for j in range(width)]
    return [wide.replaced(small.shape, strides, i * s2 + j * s3) for i, j in taps]


def _orders(small: Place) -> tuple[list[int], list[str]]:
    """Return lengths and variables of the loops over all but images, as they lie in memory."""
    axes = sorted((1, 2, 3), key=lambda axis: -small.strides[axis])
    return [small.shape[axis] for axis in axes], [f"i{axis}" for axis in axes]


_AT = ("i0", "i1", "i2", "i3")


def _max(step: Step, parts: Parts) -> None:
    result, values = parts.place(step.results[0]), parts.place(step.operands[0])
    first, *taps = _in_windows(step, result, values)
    write = parts.begin(result.shape[0]).write
    with write.inside("for i0 in range(begin, end):"), write.over(*_orders(result)):
        write(f"s = {first.element(_AT)}")
        for tap in taps:
            write(f"x = {tap.element(_AT)}")
            write("s = s if s >= x or s != s else x")
        write(f"{result.element(_AT)} = s")


def _unpool(step: Step, parts: Parts) -> None:
    upstream, by = (parts.place(v) for v in step.operands)
    result, zero = parts.place(step.results[0]), number(0, dtype_of(step.results[0]))
    taps, targets = (_in_windows(step, upstream, wide) for wide in (by, result))
    body, adds = parts.begin(upstream.shape[0]), _overlaps(step, upstream, result)
    write = body.write
    with write.inside("for i0 in range(begin, end):"):
        if adds:
            _zeros(body, result, zero)
        with write.over(*_orders(result.replaced(upstream.shape, result.strides))):
            write(f"s = {taps[0].element(_AT)}")
            for tap in taps[1:]:
                write(f"x = {tap.element(_AT)}")
                write("s = s if s >= x or s != s else x")
            write(f"part = {upstream.element(_AT)}")
            for tap, target in zip(taps, targets, strict=True):
                write(f"x = {tap.element(_AT)}")
                write("far = x == s or (x != x and s != s)  # the first of the largest takes it")
                write(f"{target.element(_AT)} {'+' if adds else ''}= part if far else {zero}")
                write(f"part = {zero} if far else part")


def _sum(step: Step, parts: Parts) -> None:
    result, image = parts.place(step.results[0]), parts.place(step.operands[0])
    taps, width = _in_windows(step, result, image), step.parameters["kernel"][1]
    write = parts.begin(result.shape[0]).write
    rows = [taps[i : i + width] for i in range(0, len(taps), width)]
    text = " + ".join(f"({' + '.join(tap.element(_AT) for tap in row)})" for row in rows)
    with write.inside("for i0 in range(begin, end):"), write.over(*_orders(result)):
        write(f"{result.element(_AT)} = {text}")


def _spread(step: Step, parts: Parts) -> None:
    upstream, result = parts.place(step.operands[0]), parts.place(step.results[0])
    targets, adds = _in_windows(step, upstream, result), _overlaps(step, upstream, result)
    body = parts.begin(upstream.shape[0])
    write = body.write
    with write.inside("for i0 in range(begin, end):"):
        if adds:
            _zeros(body, result, number(0, dtype_of(step.results[0])))
        with write.over(*_orders(result.replaced(upstream.shape, result.strides))):
            write(f"part = {upstream.element(_AT)}")
            for target in targets:
                write(f"{target.element(_AT)} {'+' if adds else ''}= part")


def _overlaps(step: Step, small: Place, wide: Place) -> bool:
    """Whether windows share numbers, or leave some out."""
    stride, kernel = step.parameters.get("stride", (1, 1)), step.parameters["kernel"]
    exact = all(n * s == m for n, s, m in zip(small.shape[2:], stride, wide.shape[2:], strict=True))
    return not exact or tuple(stride) != tuple(kernel)


def _zeros(body: Body, whole: Place, zero: str) -> None:
    with body.write.over(*_orders(whole)):
        body.write(f"{whole.element(_AT)} = {zero}")


_CHECKS: dict[Any, Callable[[Step], bool]] = {
    conv2d: _has_whole_rows,
    conv2d_bias: _has_whole_rows,
    conv2d_image: _has_no_gaps,
    conv2d_weight: _has_whole_rows,
    max_pool: _is_simple_pool,
    max_unpool: _is_simple_pool,
    pool_sum: _is_simple_pool,
    pool_spread: _is_simple_pool,
}
_WRITERS: dict[Any, Callable[[Step, Parts], None]] = {
    conv2d: _convolution,
    conv2d_bias: _convolution,
    conv2d_image: _image,
    conv2d_weight: _weight,
    max_pool: _max,
    max_unpool: _unpool,
    pool_sum: _sum,
    pool_spread: _spread,
}
