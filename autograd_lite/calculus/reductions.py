"""Functions that make many numbers into fewer: sums, means, extremes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..composite import composite
from ..declaration import Rule
from ..fitting import converted
from ..primitive import derivative
from ..protocol import Axis
from ..tensor import Tensor, is_recorded


def keepdims_shape(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """Return the shape that a reduction over `axis` has with ``keepdims=True``.

    >>> keepdims_shape((2, 3, 4), (0, -1))
    (1, 3, 1)
    """
    if axis is None:
        return (1,) * len(shape)
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def expand_reduced(g: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """Broadcast a reduced array back to the shape that it was reduced from."""
    if axis is not None and not keepdims and shape:
        g = np.reshape(g, keepdims_shape(shape, axis))
    return np.broadcast_to(g, shape)


def _count(a: Any, axis: Axis, keepdims: bool, where: Any) -> Any:
    """Return how many elements are reduced into one."""
    if where is True:
        shape = a.shape if hasattr(a, "shape") else np.shape(a)
        return math.prod(
            n for n, k in zip(shape, keepdims_shape(shape, axis), strict=True) if k == 1
        )
    return np.sum(np.broadcast_to(where, np.shape(a)), axis=axis, keepdims=keepdims)


def dtype_of(x: Any) -> Any:
    """Return np.result_type(x), sooner where x says it itself."""
    return x.dtype if hasattr(x, "dtype") else np.result_type(x)


def cast_like(counts: Any, x: Any) -> Any:
    """Convert counts to the dtype of `x`, so that float32 stays float32."""
    dtype = dtype_of(x)
    return converted(counts, dtype) if dtype.kind in "fc" else counts


def over(total: Any, count: Any) -> Any:
    """Divide by a count, in the dtype of the total; half precision cannot hold a large count."""
    if dtype_of(total) == np.float16:
        return over(total.astype(np.float32), count).astype(np.float16)
    return total / (count if type(count) in (int, float) else cast_like(count, total))


def mask_where(g: Any, where: Any) -> Any:
    """Return a gradient with 0 where a reduction's `where` is false."""
    return g if where is True else np.where(where, g, 0.0)


derivative(
    np.sum,
    a=lambda g, a, axis=None, keepdims=False, where=True: mask_where(
        expand_reduced(g, a.shape, axis, keepdims), where
    ),
    parameters="dtype initial",
)


def mean(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: Any = True,
) -> Any:
    """Return np.mean, as a sum over a count."""
    own = dtype_of(a)
    if dtype is None and own.kind not in "fc":
        dtype = np.float64
    if dtype is None and own == np.float16:  # NumPy sums in single precision, for the mean alone
        return mean(a, axis, np.float32, None, keepdims, where=where).astype(own)
    if dtype is None and where is True and isinstance(a, Tensor):
        sums = a.sum(axis=axis, keepdims=keepdims)
    else:
        sums = np.sum(a, axis=axis, keepdims=keepdims, dtype=dtype, where=where)
    count = _count(a, axis, keepdims, where)
    found = over(sums, count) if where is not True or count else sums * np.nan
    return found.astype(dtype) if dtype is not None and np.dtype(dtype).kind in "iu" else found


composite(np.mean, mean)


def _var(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    if dtype is None and np.result_type(a) == np.float16:
        dtype = np.float16  # as NumPy does, here
    if mean is None:
        mean = np.mean(a, axis=axis, dtype=dtype, keepdims=True, where=where)
    from_mean = a - mean
    if where is not True:
        from_mean = np.where(where, from_mean, 0.0)  # what is left out may be NaN
    squares = np.sum(squared(from_mean), axis=axis, dtype=dtype, keepdims=keepdims)
    count = _count(a, axis, keepdims, where)
    left = np.maximum(count - (ddof if correction is None else correction), 0)
    return over(squares, left)


def squared(x: Any) -> Any:
    """Return |x|² of real or complex numbers."""
    return np.real(x) ** 2 + np.imag(x) ** 2 if np.iscomplexobj(x) else x * x


def _std(a: Any, axis: Axis = None, dtype: Any = None, out: None = None, **kwargs: Any) -> Any:
    return root(np.var(a, axis=axis, dtype=dtype, **kwargs))


def root(x: Any, power: float = 0.5) -> Any:
    """Return a root of what is not negative; of its subgradients at 0, 0 is chosen."""
    positive = x > 0
    nothing = np.where(positive, 0.0, x) * 0.0  # NaN where x is
    return np.where(positive, np.where(positive, x, 1.0) ** power, nothing)


composite(np.var, _var)
composite(np.std, _std)


def _extreme(g: Any, a: Any, out: Any, axis: Axis, keepdims: bool, where: Any) -> Any:
    """Share the gradient equally among the elements that attain the extreme."""
    # Where the extreme is NaN, the NaN are found.
    found = ((a == expand_reduced(out, a.shape, axis, keepdims)) | (a != a)) & where
    # None was found where `initial` is the extreme.
    share = cast_like(1.0 / np.maximum(np.sum(found, axis=axis, keepdims=True), 1), g)
    return np.where(found, expand_reduced(g, a.shape, axis, keepdims) * share, 0.0)


for _function in (np.max, np.min):
    derivative(
        _function,
        a=lambda g, a, out, axis=None, keepdims=False, where=True: _extreme(
            g, a, out, axis, keepdims, where
        ),
        parameters="initial",
    )


def _others(a: Any, axis: Axis) -> Any:
    """Return for each number the product of the others that it is multiplied with."""
    if axis is None or a.ndim == 0:  # NumPy gives a number an axis
        axis = tuple(range(a.ndim))
    axes = tuple(i % a.ndim for i in (axis if isinstance(axis, tuple) else (axis,)))
    rest = tuple(i for i in range(a.ndim) if i not in axes)
    rows = np.transpose(a, rest + axes)
    turned = rows.shape
    rows = np.reshape(rows, (*turned[: len(rest)], math.prod(a.shape[i] for i in axes)))
    products = before(rows) * np.flip(before(np.flip(rows, -1)), -1)
    back = np.argsort(rest + axes)
    return np.transpose(np.reshape(products, turned), tuple(back.tolist()))


def before(rows: Any) -> Any:
    """Return for each number of a row the product of those before it."""
    first = np.ones_like(rows[..., :1])
    return np.concatenate([first, np.cumprod(rows[..., :-1], axis=-1)], axis=-1)


def normal(out: Any) -> Any:
    """Whether products can be divided by a factor again: none is 0, inf, or lost its digits."""
    return np.all(np.isfinite(out) & (np.abs(out) >= np.finfo(out.dtype).tiny))


def by_division(a: Any, whole: Any, divided: Rule, others: Rule) -> Any:
    """Return products without one of their factors: divided by it where they are `whole`.

    A recorded program does both, and chooses when it runs again.
    """
    if is_recorded(whole):
        return np.where(whole, divided(np.where(whole, a, 1.0)), others(a))
    return divided(a) if whole else others(a)


def _product(g: Any, a: Any, out: Any, axis: Axis, keepdims: bool, initial: Any, where: Any) -> Any:
    def divided(a: Any) -> Any:
        return expand_reduced(g * out, a.shape, axis, keepdims) / a

    def others(a: Any) -> Any:
        return expand_reduced(g * initial, a.shape, axis, keepdims) * _others(a, axis)

    a = a if where is True else np.where(where, a, 1.0)
    return mask_where(by_division(a, normal(out), divided, others), where)


derivative(
    np.prod,
    a=lambda g, a, out, axis=None, keepdims=False, initial=1.0, where=True: _product(
        g, a, out, axis, keepdims, initial, where
    ),
    parameters="dtype",
)
