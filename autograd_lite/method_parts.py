"""What the lines of :mod:`autograd_lite.method_names` call, where an expression is not enough.

All of it takes the Tensor first. ``np.sum`` is the entry of the table here, so that a method goes
straight to it; ``full(np.sum, …)`` calls it as NumPy would, with any argument that NumPy has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy

from .calculus import activations, neural, reductions, shapes
from .inplace import overwrite as write
from .later import later
from .modes import special
from .protocol import TABLE
from .randomness import generator as rng
from .tensor import Tensor, to_numpy, unwrap

__all__ = ["activations", "neural", "rng", "write"]


class _Entries:
    """NumPy, with the entry of the table in place of each function that has one."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(numpy, name)
        if callable(found):
            found = TABLE.get(found) or later("whole_table")().get(found, found)
        setattr(self, name, found)
        return found


np: Any = _Entries()


class Device(str):
    """Where the numbers are: ``"cpu"``, a text that has PyTorch's `type`."""

    __slots__ = ()

    @property
    def type(self) -> str:
        """The kind of device."""
        return str(self)


CPU = Device("cpu")


def full(entry: Any, *args: Any, **kwargs: Any) -> Any:
    """Call as NumPy would be called."""
    return entry.from_numpy(args, kwargs)


def either(method: str, name: str, value: Any, default: Any, other: Any) -> Any:
    """Return what `dim` and the like say in place of `axis`; of a list, a tuple."""
    if value is not default and value != default:
        raise TypeError(f"{method}() takes {name} or PyTorch's word for it, and got both.")
    return tuple(other) if isinstance(other, list) else other


def unpacked(sizes: Any) -> Any:
    """Return ``(2, 3)`` of ``f(2, 3)``, of ``f((2, 3))`` and of ``f([2, 3])``."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        return tuple(sizes[0])
    return sizes


def numbers(x: Any) -> Any:
    """Return what is no part of the derivative as an array: indices, a mask."""
    return to_numpy(x)


# -- many numbers into fewer ---------------------------------------------------------------------


def reduced(entry: Any, t: Any, axis: Any, dtype: Any, out: Any, keepdims: Any, more: Any) -> Any:
    """Reduce over an axis, the shortest way if there is only that to say."""
    if dtype is True or dtype is False or out is True or out is False:
        # PyTorch's second argument, where NumPy's is a dtype or an array.
        keepdims, dtype, out = (dtype, None, out) if out is None else (out, dtype, None)
    if type(axis) is list:
        axis = tuple(axis)
    if dtype is out is None and not more:
        if axis is None or type(axis) in (int, tuple):
            if entry.function in _SHORT:
                return entry.apply(t, axis=axis, keepdims=keepdims)
            if entry.function is numpy.mean and t._requires and not special:
                return reductions.mean(t, axis, keepdims=keepdims)
        return entry.from_numpy((t,), {"axis": axis, "keepdims": keepdims})
    if dtype is not None:
        more["dtype"] = dtype
    return entry.from_numpy((t,), {"axis": axis, "out": out, "keepdims": keepdims, **more})


_SHORT = frozenset({numpy.sum, numpy.prod, numpy.max, numpy.min})


def variance(
    entry: Any, t: Any, axis: Any, dtype: Any, out: Any, ddof: Any, keepdims: Any, more: Any
) -> Any:
    """Return NumPy's `var` or `std`; PyTorch's `unbiased` says which `ddof` is meant."""
    if "unbiased" in more:
        ddof = int(bool(more.pop("unbiased")))
    if type(axis) is list:
        axis = tuple(axis)
    return full(entry, t, axis, dtype, out, ddof, keepdims, **more)


def logsumexp(t: Any, dim: Any, keepdims: bool) -> Any:
    """Return log Σ exp along one axis or several."""
    if isinstance(dim, (tuple, list)):
        return np.logaddexp.function.reduce(t, axis=tuple(dim), keepdims=keepdims)
    return neural.logsumexp(t, axis=dim, keepdims=keepdims)


def along_axis(primitive: Any, t: Any, dim: Any, dtype: Any) -> Any:
    """Return a softmax along one axis, of `dtype` if that is given."""
    return primitive(t if dtype is None else t.astype(dtype), axis=dim)


def norm(t: Any, p: Any, axis: Any, keepdims: bool) -> Any:
    """Return the norm of a vector: of all elements, or along axes."""
    if p == "nuc":
        return full(later("whole_table")()[numpy.linalg.norm], t, "nuc", axis, keepdims)
    if isinstance(axis, list):
        axis = tuple(axis)
    ord = 2 if p in (None, "fro") else p
    entry = later("whole_table")()[numpy.linalg.vector_norm]
    return full(entry, t, axis=axis, keepdims=keepdims, ord=ord)


def argsort(t: Any, axis: Any, kind: Any, order: Any, more: Any) -> Any:
    """Return the order that sorts an axis; PyTorch's `descending` turns it round."""
    if more.pop("descending", False):
        turned = numpy.flip(to_numpy(t), axis)
        last = turned.shape[axis] - 1
        found = last - numpy.argsort(turned, axis, kind or "stable", **more)
        return Tensor(numpy.flip(found, axis))
    return full(np.argsort, t, axis, kind, order, **more)


class Largest(NamedTuple):
    """Values and where they stood."""

    values: Any
    indices: Any


def topk(t: Any, k: int, axis: int, largest: bool) -> Largest:
    """Return the k largest or smallest along an axis, in order, and their places."""
    places = argsort(t, axis, None, None, {"descending": largest})
    first: Any = [slice(None)] * t.ndim
    if t.ndim:
        first[axis] = slice(k)
    places = places[tuple(first)]
    return Largest(np.take_along_axis(t, to_numpy(places), axis=axis), places)


# -- shapes --------------------------------------------------------------------------------------


def reshape(t: Any, shape: Any, order: Any, copy: Any) -> Any:
    """Return the same elements in another shape."""
    shape = shape[0] if len(shape) == 1 else shape
    if type(shape) in (int, tuple) and order == "C" and copy is None and not special:
        return shapes.reshape.apply(t, shape=shape)
    return full(np.reshape, t, shape, order, **({} if copy is None else {"copy": copy}))


def view(t: Any, shape: Any) -> Any:
    """Return the same elements in another shape; no bits are read as another type."""
    if len(shape) == 1 and isinstance(shape[0], (type, numpy.dtype, str)):
        raise TypeError(
            "view(dtype) would read the bits of a Tensor as another type: write astype(dtype) to "
            "convert the numbers."
        )
    return reshape(t, shape, "C", None)


def transpose(t: Any, axes: Any) -> Any:
    """Permute the axes, or reverse them; two that are given of more are exchanged."""
    if len(axes) == 1 and not hasattr(axes[0], "__index__"):
        axes = axes[0]
    if axes and len(axes) == 2 and t.ndim > 2:
        return full(np.swapaxes, t, *axes)
    return np.transpose(t, axes=axes or None)


def transposed(t: Any) -> Any:
    """Return the transpose of a matrix, and a vector as it is."""
    if t.ndim > 2:
        raise ValueError(
            f"t() is of a matrix, and this Tensor has shape {t.shape}: write t.T to reverse all "
            "axes, t.mT for the last two."
        )
    return np.transpose(t, axes=None)


def flatten(t: Any, start: Any, end: Any, order: Any) -> Any:
    """Return all elements along one axis, or the axes from `start` to `end` as one."""
    if isinstance(start, str):  # NumPy's first argument
        order, start = start, 0
    if (start, end) == (0, -1):
        return full(np.ravel, t, order)
    start, end = (range(t.ndim)[i] for i in (start, end))
    return full(np.reshape, t, (*t.shape[:start], -1, *t.shape[end + 1 :]), order)


def unflatten(t: Any, dim: int, sizes: Any) -> Any:
    """Return an axis as several."""
    dim = range(t.ndim)[dim]
    return full(np.reshape, t, (*t.shape[:dim], *sizes, *t.shape[dim + 1 :]))


def expand(t: Any, sizes: Any) -> Any:
    """Broadcast to a shape, in which −1 leaves an axis as it is."""
    own = (1,) * (len(sizes) - t.ndim) + t.shape
    return full(np.broadcast_to, t, tuple(n if s == -1 else s for s, n in zip(sizes, own)))  # noqa: B905


def split(t: Any, size: Any, dim: int) -> tuple[Any, ...]:
    """Return pieces of a size (the last may be shorter), or of each size in a list."""
    n = t.shape[dim]
    sizes = [size] * -(-n // size) if isinstance(size, int) else list(size)
    ends = numpy.cumsum(sizes)
    if not isinstance(size, int) and (not len(ends) or ends[-1] != n):
        raise ValueError(f"split() takes sizes that add up to {n}, and got {sizes}.")
    return tuple(full(np.split, t, [int(end) for end in ends[:-1]], dim))


def rows(t: Any, dim: int, index: Any) -> Any:
    """Return the index of some places of an axis: ``t[:, index]`` for the second."""
    return (slice(None),) * range(t.ndim)[dim] + (unwrap(index),)


# -- some of the numbers -------------------------------------------------------------------------


def gather(t: Any, dim: int, index: Any) -> Any:
    """Take along an axis; along the others, `index` may be shorter."""
    index = to_numpy(index)
    dim = range(t.ndim)[dim]
    corner = tuple(slice(None if i == dim else n) for i, n in enumerate(index.shape))
    return full(np.take_along_axis, t[corner], index, dim)


def _places(t: Any, dim: int, index: Any) -> Any:
    index = to_numpy(index)
    places = list(numpy.ogrid[tuple(slice(n) for n in index.shape)])
    places[range(t.ndim)[dim]] = index
    return tuple(places), index.shape


def scatter(t: Any, dim: int, index: Any, src: Any, value: Any) -> Any:
    """Write numbers, or one number, along an axis."""
    places, shape = _places(t, dim, index)
    return t.at[places].set(_corner(src, shape) if value is None else value)


def scatter_add(t: Any, dim: int, index: Any, src: Any) -> Any:
    """Add numbers along an axis."""
    places, shape = _places(t, dim, index)
    return t.at[places].add(_corner(src, shape))


def _corner(src: Any, shape: Sequence[int]) -> Any:
    return src[tuple(slice(n) for n in shape)] if getattr(src, "ndim", 0) else src


# -- other numbers -------------------------------------------------------------------------------


def divide(t: Any, other: Any, rounding_mode: Any) -> Any:
    """Divide, and round as `rounding_mode` says."""
    if rounding_mode == "floor":
        return t // other
    if rounding_mode not in (None, "trunc"):
        raise ValueError(f"rounding_mode is None, 'floor' or 'trunc', and got {rounding_mode!r}.")
    return t / other if rounding_mode is None else np.trunc(t / other)


def dot(t: Any, b: Any, out: Any) -> Any:
    """Return the dot product; of two matrices it is the shorter way."""
    if out is None and t._value.ndim == 2 and numpy.ndim(b) == 2:
        return np.matmul(t, b)
    return full(np.dot, t, b, out)


def astype(t: Any, dtype: Any, order: Any, casting: Any) -> Any:
    """Convert; the gradient is converted back. Integers carry no gradient."""
    how = {} if (order, casting) == ("K", "unsafe") else {"order": order, "casting": casting}
    return TABLE[numpy.ndarray.astype](t, dtype=numpy.dtype(dtype), **how)


def to(t: Any, target: Any, dtype: Any, device: Any, copy: bool) -> Any:
    """Convert to a dtype; there is one device."""
    dtype = destination(target, dtype, device)
    if dtype is not None and dtype != t.dtype:
        return t.astype(dtype)
    return t.copy() if copy else t


def destination(target: Any, dtype: Any = None, device: Any = None) -> Any:
    """Return the dtype that ``to(…)`` asks for, or None; of the devices there is one.

    Raises
    ------
    ValueError
        If another device is named.
    TypeError
        If it is no dtype.
    """
    for given in (*target, device):
        if given is None or isinstance(given, bool):
            continue
        if isinstance(given, Tensor):
            dtype = given.dtype
        elif isinstance(given, str) and given.partition(":")[0] in _DEVICES:
            if given != CPU:
                raise ValueError(
                    f"There is no device {str(given)!r}: all is computed by NumPy, on the CPU "
                    "(docs/coming_from.md)."
                )
        else:
            dtype = given
    if dtype is None:
        return None
    try:
        return numpy.dtype(dtype)
    except TypeError:
        raise TypeError(
            f"to() takes a dtype, such as numpy.float32, or the device 'cpu', and got {dtype!r}."
        ) from None


_DEVICES = ("cpu", "cuda", "mps", "xpu", "meta", "mtia", "ipu", "hpu")


def retyped(t: Any, dtype: Any) -> Any:
    """Return the name of the dtype, or convert to another."""
    return str(t.dtype) if dtype is None else t.astype(dtype)


def new(t: Any, value: Any, size: Any, dtype: Any) -> Any:
    """Return a constant of this dtype, or another, and of some size."""
    return Tensor(numpy.full(unpacked(size), unwrap(value), dtype=dtype or t.dtype))


# -- drawn ---------------------------------------------------------------------------------------


def bernoulli(t: Any, generator: Any) -> Any:
    """Return 1 with the probability that stands there, else 0."""
    return Tensor((rng(generator).random(t.shape) < to_numpy(t)).astype(t.dtype))


def multinomial(t: Any, count: int, replacement: bool, generator: Any) -> Any:
    """Draw places of each row, with the weights that stand there."""
    weights = to_numpy(t)
    if weights.ndim not in (1, 2) or (weights < 0).any() or not numpy.isfinite(weights).all():
        raise ValueError(
            "multinomial() takes a vector of weights from 0 on, or a matrix with one in each row, "
            f"and got shape {weights.shape}."
        )
    table = weights.reshape(-1, weights.shape[-1]).astype(float)
    if not replacement and (numpy.count_nonzero(table, axis=1) < count).any():
        raise ValueError(
            f"multinomial() cannot draw {count} different places where fewer have a weight: give "
            "replacement=True."
        )
    draw: Callable[..., Any] = rng(generator).choice
    drawn = [draw(len(w), count, replace=replacement, p=w / math.fsum(w)) for w in table]
    return Tensor(numpy.reshape(drawn, (*weights.shape[:-1], count)))
