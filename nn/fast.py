"""Compiled loops for networks: the same numbers, to rounding, in less time.

>>> import nn
>>> nn.fast.enable()
>>> nn.fast.enabled()
True
>>> nn.fast.disable()

Max-pooling, ReLU, GELU's polynomial and Adam go over large arrays between the
matrix products. In NumPy these take several passes, each on one core. Here they
are loops that Numba compiles (the extra ``fast``) and threads share. They take the
places of their namesakes in :mod:`autograd_lite.calculus.loops`. A convolution is
not among them: nearly all of it are the products.

`autograd_lite.compile` with Numba goes further where a whole step can be compiled. This is for all
other code: for what branches on values, looks into a model, or changes from step to step.

It is a switch, and not how things are wherever Numba happens to be installed,
since another order of sums rounds differently: a training comes to the same bits
again with the switch as it was. The first use of a loop compiles it, half a
second for each dtype; the code is kept on disk, beside this file, for later runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from autograd_lite.calculus.loops import Loop, loops
from autograd_lite.errors import missing_extra

__all__ = ["disable", "enable", "enabled"]

Pair = tuple[int, int]

_CHANNELS_LAST, _CHANNELS_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def enable() -> None:
    """Use the compiled loops from now on, in all threads.

    They are for float32 and float64; other numbers take NumPy's loops as before.

    Raises
    ------
    MissingExtraError
        If there is no Numba.

    Examples
    --------
    >>> enable()
    >>> enabled()
    True
    >>> disable()
    """
    _numba()
    if not enabled():
        _PLAIN.update({loop.__name__: loops[loop.__name__] for loop in _COMPILED})
        loops.update({loop.__name__: _where_possible(loop) for loop in _COMPILED})


def disable() -> None:
    """Use NumPy's loops again.

    >>> disable()
    >>> enabled()
    False
    """
    loops.update(_PLAIN)
    _PLAIN.clear()


def enabled() -> bool:
    """Return whether the compiled loops are in use.

    >>> enabled()
    False
    """
    return bool(_PLAIN)


_PLAIN: dict[str, Loop] = {}
"""NumPy's loops, while others are in their places."""


def _where_possible(loop: Loop) -> Loop:
    plain = loops[loop.__name__]

    def run(*operands: Any) -> Any:
        arrays = [a for a in operands if isinstance(a, np.ndarray)]
        fits = isinstance(operands[0], np.ndarray) and operands[0].dtype.char in "fd"
        fits = fits and operands[0].size >= SMALL
        fits = fits and all(a.dtype.char in "fd?" and a.size for a in arrays)
        result = loop(*operands) if fits else NotImplemented
        return plain(*operands) if result is NotImplemented else result

    return run


# -- how a loop is run ---------------------------------------------------------------------------

_asked = os.environ.get("OMP_NUM_THREADS", "")
THREADS = int(_asked) if _asked.isdigit() and int(_asked) else os.cpu_count() or 1
SMALL = 8192  # numbers: fewer are left to NumPy, which begins sooner
SHARED_FROM = 500_000  # numbers; for fewer, to wake a thread takes longer than the work


def _numba() -> Any:
    try:
        import numba
    except ImportError:
        raise missing_extra("numba", "fast", "compile the loops of networks") from None
    return numba


@cache
def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    return _numba().njit(nogil=True, cache=True, error_model="numpy")(function)  # type: ignore[no-any-return]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, THREADS - 1), "autograd_lite")


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _run(function: Callable[..., None], arrays: list[Any], *settings: Any) -> None:
    """Run a loop over the first axis of its arrays, each thread over a part of it."""
    loop, count = _compiled(function), len(arrays[0])
    parts = min(THREADS, count) if max(a.size for a in arrays) >= SHARED_FROM else 1
    ends = [count * i // parts for i in range(parts + 1)]
    cut = [[a[i:j] for a in arrays] for i, j in pairwise(ends)]
    others = [_pool().submit(loop, *part, *settings) for part in cut[1:]]
    loop(*cut[0], *settings)
    for other in others:
        other.result()


# -- max-pooling ---------------------------------------------------------------------------------


# Images whose channels lie side by side, as a convolution leaves them; others are NumPy's. All
# channels are taken at once, without a branch, so that they fill vector registers.


def _largest_of_each(
    by: Any, out: Any, kh: int, kw: int, down: int, along: int, below: int, beside: int
) -> None:
    n, rows, columns, channels = out.shape
    for image in range(n):
        for row in range(rows):
            for column in range(columns):
                largest = out[image, row, column]
                line = by[image, row * down, column * along]
                for k in range(channels):
                    largest[k] = line[k]
                for tap in range(1, kh * kw):
                    y, x = tap // kw * below, tap % kw * beside
                    line = by[image, row * down + y, column * along + x]
                    for k in range(channels):
                        more = line[k] > largest[k] or line[k] != line[k]
                        largest[k] = line[k] if more else largest[k]


def largest(by: Any, grid: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Any:
    """Return the largest of each window, or NaN if there is one."""
    lines = by.transpose(_CHANNELS_LAST)
    if not lines.flags.c_contiguous:
        return NotImplemented
    out = np.empty((len(by), *grid, by.shape[1]), by.dtype)
    _run(_largest_of_each, [lines, out], *kernel, *stride, *dilation)
    return out.transpose(_CHANNELS_FIRST)


def _unpool_each(
    part: Any, by: Any, largest: Any, whole: Any, kh: int, kw: int, down: int, along: int,
    below: int, beside: int,
) -> None:  # fmt: skip
    n, rows, columns, channels = part.shape
    left, none = np.empty(channels, part.dtype), part.dtype.type(0.0)
    for image in range(n):
        for row in range(rows):
            for column in range(columns):
                winner = largest[image, row, column]
                for k in range(channels):
                    left[k] = part[image, row, column, k]
                for tap in range(kh * kw):
                    y, x = row * down + tap // kw * below, column * along + tap % kw * beside
                    line, place = by[image, y, x], whole[image, y, x]
                    for k in range(channels):
                        found = line[k] == winner[k]  # the first one takes what is left
                        place[k] += left[k] if found else none
                        left[k] = none if found else left[k]


def unpool(
    part: Any, by: Any, largest: Any, kernel: Pair, stride: Pair, dilation: Pair, whole: Any
) -> Any:
    """Add each part to `whole` where `by` is largest in its window; all (n, C, rows, columns)."""
    arrays = [a.transpose(_CHANNELS_LAST) for a in (part, by, largest, whole)]
    if not all(a.flags.c_contiguous for a in arrays):
        return NotImplemented
    return _run(_unpool_each, arrays, *kernel, *stride, *dilation)


# -- number by number ----------------------------------------------------------------------------


def _masked(g: Any, mask: Any, out: Any) -> None:
    zero = g.dtype.type(0.0)
    for i in range(g.size):
        out[i] = g[i] if mask[i] else zero


def masked(g: Any, mask: Any) -> Any:
    """Return np.where(mask, g, 0)."""
    out = np.empty_like(g)
    arrays = _in_line(g, mask, out)
    if arrays is None:
        return NotImplemented
    _run(_masked, arrays)
    return out


def _relu_slope(g: Any, x: Any, out: Any) -> None:
    zero = g.dtype.type(0.0)
    for i in range(g.size):
        slope = g[i] if x[i] > zero else zero
        out[i] = x[i] if x[i] != x[i] else slope


def relu_rule(g: Any, x: Any) -> Any:
    """Return g where x is positive and 0 elsewhere, but NaN where x is."""
    out = np.empty_like(g)
    arrays = _in_line(g, x, out)
    if arrays is None or g.dtype != x.dtype:
        return NotImplemented
    _run(_relu_slope, arrays)
    return out


def _adapt(
    p: Any, g: Any, m: Any, v: Any, out: Any, share: Any, beta1: Any, beta2: Any, new1: Any,
    new2: Any, rate: Any, root: Any, eps: Any,
) -> None:  # fmt: skip
    for i in range(g.size):
        m[i] = beta1 * m[i] + new1 * g[i]
        v[i] = beta2 * v[i] + new2 * (g[i] * g[i])
        out[i] = share * p[i] - rate * (m[i] / (np.sqrt(v[i]) / root + eps))


def adapt(
    p: Any, g: Any, means: Any, share: float, beta1: float, beta2: float, rate: float,
    root: float, eps: float,
) -> Any:  # fmt: skip
    """Take g into the means m and v; return share · p − rate · m / (√v / root + eps)."""
    out = np.empty_like(p)
    arrays = _in_line(p, g, *means, out)
    settings = (share, beta1, beta2, 1.0 - beta1, 1.0 - beta2, rate, root, eps)
    if arrays is None or len(means) > 2 or any(map(np.ndim, settings)):
        return NotImplemented
    _run(_adapt, arrays, *map(p.dtype.type, settings))
    return out


def _polynomial(x: Any, out: Any, coefficients: Any) -> None:
    block = 256  # numbers, which stay close to where they are computed while all terms go by
    last = len(coefficients) - 1
    for first in range(0, x.size, block):
        some, sums = x[first : first + block], out[first : first + block]
        for i in range(some.size):
            sums[i] = coefficients[last]
        for c in coefficients[:last][::-1]:
            for i in range(some.size):
                sums[i] = sums[i] * some[i] + c


def polynomial(x: Any, coefficients: Any) -> Any:
    """Return the sum of all cₖ xᵏ."""
    out = np.empty_like(x)
    arrays = _in_line(x, out)
    if arrays is None:
        return NotImplemented
    x, sums = arrays
    _run(_polynomial, [x, sums], np.asarray(coefficients, x.dtype))
    return out


def _in_line(*arrays: Any) -> list[Any] | None:
    """Return views of arrays with one axis, if they lie in memory alike and without gaps."""
    first = arrays[0]
    steps = {tuple(s // a.itemsize for s in a.strides) for a in arrays}
    if not first.ndim or len(steps) > 1 or any(a.shape != first.shape for a in arrays):
        return None
    axes = sorted(range(first.ndim), key=lambda axis: -first.strides[axis])
    ordered = [a.transpose(axes) for a in arrays]
    whole = all(a.flags.c_contiguous for a in ordered)
    return [a.reshape(-1) for a in ordered] if whole else None


_COMPILED = (largest, unpool, masked, relu_rule, adapt, polynomial)
