"""Functions that cut, join, repeat and border arrays: all of them built from `shapes`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.lib.stride_tricks import sliding_window_view

from ..composite import as_array, composite, unwrap_all
from ..errors import UnsupportedArgumentError
from ..modes import report_read
from ..primitive import derivative
from ..protocol import Axis
from ..tensor import Tensor, form, measured, to_numpy, unwrap
from .indexing import along, scatter

# -- turning -----------------------------------------------------------------------------------


def _rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    first, second = axes
    k = k % 4
    if k in (0, 2):
        return np.flip(m, (first, second)) if k else m
    turned = np.swapaxes(np.flip(m, second) if k == 1 else m, first, second)
    return turned if k == 1 else np.flip(turned, second)


def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    order = list(range(np.ndim(a)))
    moved = order.pop(axis)
    start = start + np.ndim(a) if start < 0 else start
    order.insert(start - (moved < start), moved)
    return np.transpose(a, order)


composite(np.rot90, _rot90)
composite(np.rollaxis, _rollaxis)
composite(np.matrix_transpose, lambda x, /: np.swapaxes(x, -1, -2))

# -- joining -----------------------------------------------------------------------------------


def _block(arrays: Any) -> Any:
    """Join the innermost lists along the last axis, the next ones along the axis before."""

    def depth(nest: Any) -> int:
        return 1 + max(map(depth, nest)) if isinstance(nest, list) else 0

    def most_axes(nest: Any) -> int:
        return max(map(most_axes, nest)) if isinstance(nest, list) else int(np.ndim(nest))

    levels = depth(arrays)
    ndim = max(levels, most_axes(arrays))

    def join(nest: Any, level: int) -> Any:
        if not isinstance(nest, list):
            return np.reshape(nest, (1,) * (ndim - np.ndim(nest)) + np.shape(nest))
        return np.concatenate([join(part, level - 1) for part in nest], axis=-level)

    return join(arrays, levels)


def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        return np.concatenate([np.ravel(arr), np.ravel(values)])
    return np.concatenate([arr, values], axis=axis)


def _insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """Apply the function to the elements' positions, and gather by the result."""
    values = as_array(values).astype(np.result_type(arr))
    both = np.concatenate([np.ravel(arr), np.ravel(values)])
    return both[np.insert(flat_indices(arr), obj, np.size(arr) + flat_indices(values), axis)]


def flat_indices(a: Any) -> Any:
    """Number the elements of an array."""
    return np.arange(np.size(a)).reshape(np.shape(a))


def _delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    return np.take(arr, np.delete(np.arange(np.shape(arr)[axis]), obj), axis=axis)


def _resize(a: Any, new_shape: Any) -> Any:
    if not np.size(a):
        return np.broadcast_to(np.sum(a), new_shape)  # zeros, as NumPy's
    return np.ravel(a)[np.resize(np.arange(np.size(a)), new_shape)]


def _window_rule(g: Any, x: Any, window_shape: Any, axis: Any) -> Any:
    into = sliding_window_view(flat_indices(x), window_shape, axis)
    return np.reshape(scatter(g, shape=(x.size,), index=into), x.shape)


derivative(
    sliding_window_view,
    x=lambda g, x, window_shape, axis=None: _window_rule(g, x, window_shape, axis),
    parameters="subok writeable",
)
composite(
    np.dstack, lambda tup: np.concatenate([np.atleast_3d(np.atleast_2d(a)) for a in tup], axis=2)
)
composite(np.block, _block)
composite(np.append, _append)
composite(np.insert, _insert)
composite(np.delete, _delete)
composite(np.resize, _resize)
composite(np.broadcast_arrays, lambda *args, subok=False: _broadcast_all(map(as_array, args)))
composite(
    np.meshgrid,
    lambda *xi, copy=True, sparse=False, indexing="xy": _meshgrid(xi, sparse, indexing),
)


def _meshgrid(xi: Any, sparse: bool, indexing: str) -> tuple[Any, ...]:
    xi, n = [as_array(x) for x in xi], len(xi)
    order = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    lines = [
        np.reshape(x, tuple(-1 if order[i] == axis else 1 for axis in range(n)))
        for i, x in enumerate(xi)
    ]
    if sparse:
        return tuple(lines)
    return _broadcast_all(lines)


def _broadcast_all(arrays: Iterable[Any]) -> tuple[Any, ...]:
    arrays = tuple(arrays)
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    return tuple(np.broadcast_to(a, shape) for a in arrays)


# -- splitting and choosing --------------------------------------------------------------------


def _partition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None
) -> Any:
    if axis is None:
        a, axis = np.ravel(a), -1
    return np.take_along_axis(a, np.argpartition(measured(a), kth, axis=axis), axis=axis)


def _compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    if axis is None:
        a, axis = np.ravel(a), 0
    return np.take(a, np.flatnonzero(to_numpy(condition)), axis=axis)


def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = np.where(condition, choice, result)
    return result


def _piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    # NumPy says what it takes, with numbers in place of the functions.
    for condition in condlist if isinstance(condlist, (list, tuple)) else [condlist]:
        if isinstance(condition, Tensor):
            report_read(condition, "a shape that values decide")
    conditions = unwrap_all(condlist)
    np.piecewise(form(x), conditions, [0] * len(funclist))
    one = np.isscalar(conditions) or not isinstance(conditions[0], (list, np.ndarray))
    if one and (np.isscalar(conditions) or np.ndim(x)):
        conditions = [conditions]
    conditions = list(np.asarray(conditions, dtype=bool))
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    result: Any = np.zeros_like(x)
    for condition, piece in zip(conditions, funclist, strict=True):
        chosen = flat_indices(x)[condition]
        if chosen.size:
            # Only where it holds, so that no other value of x can do harm.
            value = piece(x[condition], *args, **kw) if callable(piece) else piece
            value = np.broadcast_to(as_array(value).astype(np.result_type(x)), chosen.shape)
            from_where, mask = np.zeros(np.shape(x), int), np.zeros(np.shape(x), bool)
            from_where[condition], mask[condition] = flat_indices(chosen), True
            result = np.where(mask, np.ravel(value)[from_where], result)
    return result


def _choose(a: Any, choices: Any, out: None = None, mode: Any = "raise") -> Any:
    index = to_numpy(a)
    shape = np.broadcast_shapes(index.shape, *map(np.shape, choices))
    stack = np.stack([np.broadcast_to(c, shape) for c in choices])
    return np.ravel(stack)[np.choose(index, list(flat_indices(stack)), mode=mode)]


def _unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    **kwargs: Any,
) -> Any:
    found: Any = np.unique(  # type: ignore[call-overload]
        to_numpy(ar), True, return_inverse, return_counts, axis, **kwargs
    )
    values = np.take(np.ravel(ar) if axis is None else ar, found[1], axis=axis or 0)
    others = (*((found[1],) if return_index else ()), *found[2:])
    return (values, *others) if others else values


def _unique_parts(x: Any, *parts: str) -> Any:
    if np.result_type(x).kind not in "fc":
        values = to_numpy(x)
        if parts == ("values",):  # in an order of its own
            return [np.unique_values(values)]
        return [getattr(np.unique_all(values), part) for part in parts]
    whole = np.unique_all(to_numpy(x))
    found = {"values": np.ravel(x)[whole.indices], "indices": whole.indices}
    found |= {"inverse_indices": whole.inverse_indices, "counts": whole.counts}
    return [found[part] for part in parts]


def _all_unique(x: Any, /) -> Any:
    kind = type(np.unique_all(np.zeros(1)))
    return kind(*_unique_parts(x, "values", "indices", "inverse_indices", "counts"))


def _unique_counts(x: Any, /) -> Any:
    return type(np.unique_counts(np.zeros(1)))(*_unique_parts(x, "values", "counts"))


def _unique_inverse(x: Any, /) -> Any:
    kind = type(np.unique_inverse(np.zeros(1)))
    return kind(*_unique_parts(x, "values", "inverse_indices"))


def _unique_values(x: Any, /) -> Any:
    (values,) = _unique_parts(x, "values")
    if np.iscomplexobj(values):  # in an order of its own, from NumPy 2.3 on
        values = values[np.searchsorted(to_numpy(values), np.unique_values(to_numpy(x)))]
    return values


def _setdiff(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    values = np.ravel(ar1) if assume_unique else np.unique(ar1)
    return values[~np.isin(to_numpy(values), to_numpy(ar2))]


def _intersect(
    ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    found: Any = np.intersect1d(to_numpy(ar1), to_numpy(ar2), assume_unique, return_indices=True)
    values = np.ravel(ar1)[found[1]].astype(found[0].dtype)
    return (values, *found[1:]) if return_indices else values


def _setxor(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    both = [np.ravel(a) if assume_unique else np.unique(a) for a in (ar1, ar2)]
    values = np.sort(np.concatenate(both))
    changes = to_numpy(values)[1:] != to_numpy(values)[:-1]
    edge = np.ones(min(1, np.size(values)), bool)
    return values[np.concatenate([edge, changes]) & np.concatenate([changes, edge])]


def _trim_zeros(filt: Any, trim: str = "fb", axis: Axis = None) -> Any:
    ndim = np.ndim(filt)
    axes = range(ndim) if axis is None else normalize_axis_tuple(axis, ndim)
    index = [slice(None)] * ndim
    for i, filled in enumerate(np.nonzero(to_numpy(filt)) if ndim else ()):
        if i in axes:
            begin = filled.min(initial=np.shape(filt)[i]) if "f" in trim.lower() else 0
            end = filled.max(initial=-1) + 1 if "b" in trim.lower() else None
            index[i] = slice(begin, end) if filled.size else slice(0)
    return filt[tuple(index)]


def _apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    np.apply_along_axis(lambda row: 0.0, axis, form(arr))  # or its error
    rows = np.moveaxis(arr, axis, -1)
    outer = np.shape(rows)[:-1]
    results = [func1d(rows[i], *args, **kwargs) for i in np.ndindex(outer)]
    inner = np.shape(results[0])
    whole = np.reshape(np.stack(results), outer + inner)
    ndim, axis = len(outer) + 1, axis % (len(outer) + 1)
    order = [*range(axis), *range(ndim - 1, ndim - 1 + len(inner)), *range(axis, ndim - 1)]
    return np.transpose(whole, order)


def _apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    np.apply_over_axes(np.sum, form(a), axes)  # or its error
    for axis in np.atleast_1d(axes).tolist():
        result = func(a, axis)
        a = result if np.ndim(result) == np.ndim(a) else np.expand_dims(result, axis)
    return a


composite(np.partition, _partition)
composite(np.compress, _compress)
composite(
    np.extract, lambda condition, arr: _compress(np.ravel(to_numpy(condition)), np.ravel(arr))
)
composite(np.select, _select)
composite(np.piecewise, _piecewise)
composite(np.choose, _choose)
composite(np.unique, _unique)
composite(np.unique_all, _all_unique)
composite(np.unique_counts, _unique_counts)
composite(np.unique_inverse, _unique_inverse)
composite(np.unique_values, _unique_values)
composite(np.union1d, lambda ar1, ar2: np.unique(np.concatenate([np.ravel(ar1), np.ravel(ar2)])))
composite(np.intersect1d, _intersect)
composite(np.setxor1d, _setxor)
composite(np.setdiff1d, _setdiff)
composite(np.sort_complex, lambda a: np.sort(a).astype(np.complex128))
composite(np.trim_zeros, _trim_zeros)
composite(np.apply_along_axis, _apply_along_axis)
composite(np.apply_over_axes, _apply_over_axes)
composite(np.diagflat, lambda v, k=0: np.diag(np.ravel(v), k))
composite(np.dsplit, lambda ary, indices_or_sections: np.split(ary, indices_or_sections, axis=2))
if hasattr(np, "unstack"):  # from NumPy 2.1 on
    composite(
        np.unstack,
        lambda x, /, *, axis=0: tuple(np.moveaxis(x, axis, 0)[i] for i in range(np.shape(x)[axis])),
    )

# -- borders -----------------------------------------------------------------------------------

_STATISTICS: dict[str, Any] = {
    "maximum": np.max,
    "minimum": np.min,
    "mean": np.mean,
    "median": np.median,
}
_MOVED = ("edge", "reflect", "symmetric", "wrap")


def _pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    ndim = np.ndim(array)
    if callable(mode):
        raise UnsupportedArgumentError("np.pad has no derivative for a function as its mode.")
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(i, pad_width.get(i - ndim, 0)) for i in range(ndim)]
        pad_width = [(w, w) if np.ndim(w) == 0 else w for w in pad_width]
    np.pad(np.zeros(np.shape(array)), pad_width, mode, **_without_tensors(kwargs))  # or its error
    widths = np.broadcast_to(np.asarray(pad_width), (ndim, 2)).tolist()
    for axis, (before, after) in enumerate(widths):
        if before or after:
            array = _pad_axis(array, axis, before, after, mode, kwargs)
    return array


def _without_tensors(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {k: unwrap(v) for k, v in kwargs.items()}


def _pad_axis(a: Any, axis: int, before: int, after: int, mode: Any, kwargs: dict[str, Any]) -> Any:
    n, ndim = np.shape(a)[axis], np.ndim(a)
    if mode in _MOVED and kwargs.get("reflect_type", "even") == "even":
        return np.take(a, np.pad(np.arange(n), (before, after), mode), axis=axis)
    if mode in _MOVED:
        if before >= n or after >= n:
            raise UnsupportedArgumentError(
                "np.pad with reflect_type='odd' has a derivative for widths below the length."
            )
        even = np.take(a, np.pad(np.arange(n), (before, after), mode), axis=axis)
        first, last = a[along(axis, ndim, slice(1))], a[along(axis, ndim, slice(-1, None))]
        low = 2 * first - even[along(axis, ndim, slice(before))]
        high = 2 * last - even[along(axis, ndim, slice(before + n, None))]
        return np.concatenate([low, a, high], axis=axis)
    dtype = np.result_type(a)
    kind = "f" if dtype.kind in "fc" else "i"
    low, high = _borders(a, axis, mode, kwargs)
    blocks = []
    for width, value, edge in ((before, low, 0), (after, high, -1)):
        shape = list(np.shape(a))
        shape[axis] = width
        value = value if kind == "f" else np.rint(value)
        block = np.broadcast_to(value, tuple(shape))
        if mode == "linear_ramp":
            line = [1] * ndim
            line[axis] = width
            share = np.arange(width).reshape(line) / max(width, 1)
            share = share if edge == 0 else (np.flip(share) if width else share)
            at_edge = a[along(axis, ndim, slice(1) if edge == 0 else slice(-1, None))]
            block = value + (at_edge - value) * share + np.zeros(shape)
        blocks.append(block if np.result_type(block) == dtype else block.astype(dtype))
    return np.concatenate([blocks[0], a, blocks[1]], axis=axis)


def _borders(a: Any, axis: int, mode: Any, kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """Return what stands before and after, for the modes that repeat one value."""
    ndim = np.ndim(a)
    if mode in _STATISTICS:
        length = kwargs.get("stat_length")
        first, last = (
            (None, None) if length is None else np.broadcast_to(length, (ndim, 2))[axis].tolist()
        )
        of = _STATISTICS[mode]
        return (
            of(a[along(axis, ndim, slice(first))], axis=axis, keepdims=True),
            of(
                a[along(axis, ndim, slice(-last if last else None, None))],
                axis=axis,
                keepdims=True,
            ),
        )
    given = kwargs.get("end_values" if mode == "linear_ramp" else "constant_values", 0.0)
    pairs = np.broadcast_to(given, (ndim, 2))
    return pairs[axis, 0], pairs[axis, 1]


composite(np.pad, _pad)

# -- other names, and weights that are counted -----------------------------------------------


def _bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    bins = to_numpy(x).astype(np.intp)
    if weights is None or not bins.size:  # of nothing, NumPy does not look at the weights
        return np.bincount(bins, minlength=minlength)
    n = max(minlength, int(bins.max()) + 1)
    return scatter(weights.astype(np.float64), shape=(n,), index=bins)


def _same_as(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: function(*args, **kwargs)


def _full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True,
    shape: Any = None, *, device: Any = None,
) -> Any:  # fmt: skip
    if not isinstance(fill_value, Tensor):
        return np.full_like(form(a), fill_value, dtype, order, subok, shape)  # type: ignore[call-overload]
    whole = np.broadcast_to(fill_value, np.shape(a) if shape is None else shape)
    return whole.astype(np.result_type(a) if dtype is None else dtype)


composite(np.full_like, _full_like, always=True)
composite(np.bincount, _bincount)
composite(np.amax, _same_as(np.max))
composite(np.amin, _same_as(np.min))
composite(np.around, _same_as(np.round))
if hasattr(np, "astype"):  # from NumPy 2.1 on
    composite(np.astype, lambda x, dtype, /, *, copy=True, device=None: x.astype(dtype))
