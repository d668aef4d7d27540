"""What a ufunc takes beside its operands, and its methods: ``np.add.reduce(t, axis=1)``.

Every ufunc has the same keywords. Some only say how an array lies in memory; a dtype
chooses the operands' types; `axes` moves them. What is left is a plain call, which the
table answers. The methods are folds of plain calls, or the table's own reductions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .composite import NO_VALUE, as_array, ask, unsupported, unwrap_all
from .errors import DetachError, InPlaceError, UnsupportedArgumentError
from .leaving import advice
from .modes import state
from .protocol import OPERATORS, WRITERS, Axis, look_up, whole_name
from .tensor import Tensor, unwrap

_WITH_DTYPE: dict[np.ufunc, Callable[..., Any]] = {np.add: np.sum, np.multiply: np.prod}
_REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.maximum: np.max,
    np.minimum: np.min,
    np.logical_and: np.all,
    np.logical_or: np.any,
}
_RUNNING: dict[np.ufunc, Callable[..., Any]] = {np.add: np.cumsum, np.multiply: np.cumprod}


def answer(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a call with keywords, or a method."""
    if method == "at":
        raise InPlaceError(
            f"{whole_name(ufunc)}.at writes into an array: for a sum write t.at[index].add(v), or "
            "t.at[index].set(…)."
        )
    called = method == "__call__"
    given = (*(inputs[ufunc.nin :] if called else ()), *kwargs.pop("out", ()))
    if any(out is not None for out in given):
        return _into(given, ufunc, method, inputs, kwargs)
    entry = look_up(ufunc)
    # What NumPy refuses, it refuses in its own words.
    nowhere = (None,) * ufunc.nout if called else None
    ask(getattr(ufunc, method), inputs, {**kwargs, "out": nowhere})
    if called and not np.asarray(unwrap(kwargs.pop("where", True))).astype(bool).all():
        raise unsupported(ufunc, "where", ())
    if called:
        return _call(ufunc, entry, inputs[: ufunc.nin], kwargs)
    if method == "outer":
        x, y = map(as_array, inputs)
        column = x[(..., *[None] * y.ndim)]
        return _call(ufunc, entry, (column, y), kwargs)
    return _METHODS[method](ufunc, *inputs, **kwargs)


def _into(
    outs: tuple[Any, ...], ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: Any
) -> Any:
    """Write the result into arrays, as ``array += t`` does: it is a constant, or has no tape."""
    on_tape = state.mode.records and any(isinstance(x, Tensor) and x._requires for x in inputs)
    if not on_tape and not state.mode.everything and not any(isinstance(o, Tensor) for o in outs):
        given = unwrap_all(inputs[: ufunc.nin] if method == "__call__" else inputs)
        return getattr(ufunc, method)(*given, out=outs, **unwrap_all(kwargs))
    if ufunc in OPERATORS and method == "__call__" and outs[0] is inputs[0]:
        symbol = OPERATORS[ufunc][0]
        raise UnsupportedArgumentError(
            f"x {symbol}= t would write a Tensor into the array x, which has no tape: write "
            f"x = x {symbol} t."
        )
    raise unsupported(ufunc, "out", ())


def write_by_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer ``np.copyto(x, t)`` and the like, by which ``np.full_like(x, t)`` fills its result."""
    into = args[0] if args else kwargs.get(WRITERS[function])
    given = (*args, *kwargs.values())
    on_tape = state.mode.records and any(getattr(x, "_requires", False) for x in given)
    if on_tape or state.mode.everything or not isinstance(into, np.ndarray):
        what, instead = advice("", "")
        if what == "np.full_like":
            raise DetachError(
                f"{what} would write a Tensor into an array, which has no tape: write {instead}."
            )
        look_up(function)  # which says what to write
    return function(*unwrap_all(args), **unwrap_all(kwargs))


# -- a call ------------------------------------------------------------------------------------


def _call(ufunc: np.ufunc, entry: Any, operands: Any, kwargs: dict[str, Any]) -> Any:
    for how_it_lies in ("order", "subok"):
        kwargs.pop(how_it_lies, None)
    operands = [as_array(x) if isinstance(x, (list, tuple)) else x for x in operands]
    casting = kwargs.pop("casting", "same_kind")
    chosen = kwargs.pop("signature", kwargs.pop("sig", None)), kwargs.pop("dtype", None)
    if chosen != (None, None):
        operands = _converted(ufunc, operands, *chosen, casting)
    axes, axis = kwargs.pop("axes", None), kwargs.pop("axis", None)
    keepdims = kwargs.pop("keepdims", False)
    if axes is None and axis is None and not keepdims:
        return entry.from_numpy(operands, kwargs)
    return _along(ufunc, entry, operands, axes, axis, keepdims)


def _converted(ufunc: np.ufunc, operands: Any, signature: Any, dtype: Any, casting: Any) -> Any:
    """Convert the operands to the types of the loop that NumPy chooses."""
    if signature is None:
        wanted: Any = (None,) * ufunc.nin + (type(np.dtype(dtype)),) * ufunc.nout
    elif isinstance(signature, str):
        wanted = tuple(type(np.dtype(c)) for c in signature.replace("->", ""))
        wanted = (None,) * ufunc.nin + wanted if len(wanted) == 1 else wanted
    else:
        wanted = tuple(None if d is None else type(np.dtype(d)) for d in np.atleast_1d(signature))
    values = [unwrap(x) for x in operands]
    weak = (int, float, complex)
    given = [type(x) if type(x) in weak else np.asarray(x).dtype for x in values]
    types = ufunc.resolve_dtypes((*given, *[None] * ufunc.nout), signature=wanted, casting=casting)
    return [as_array(x).astype(t) for x, t in zip(operands, types, strict=False)]


def _along(ufunc: np.ufunc, entry: Any, operands: Any, axes: Any, axis: Any, keepdims: bool) -> Any:
    """Bring the axes that a product like matmul works on to the end, and back in the result."""
    inputs, output = (part.split("),") for part in str(ufunc.signature).split("->"))
    counts = [len(core.strip("()").split(",")) if core.strip("()") else 0 for core in inputs]
    left = [name for name in output[0].strip("()").split(",") if name]
    operands = [as_array(x) for x in operands]
    if axes is None:
        axes = [(-1 if axis is None else axis,)] * len(counts)
    axes = [(a,) if isinstance(a, int) else tuple(a) for a in axes]
    moved = [
        np.moveaxis(x, given, tuple(range(-len(given), 0)))
        for x, given in zip(operands, axes, strict=False)
    ]
    result = entry.from_numpy(tuple(moved), {})
    if keepdims:
        return np.expand_dims(result, axes[0] if axis is None else axis)
    if len(axes) > len(counts) and left:
        back = axes[-1]
        result = np.moveaxis(result, tuple(range(-len(back), 0)), back)
    return result


# -- methods -----------------------------------------------------------------------------------


def _reduce(
    ufunc: np.ufunc,
    array: Any,
    axis: Axis = 0,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    array = as_array(array)
    more: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
    more |= {} if initial is None or initial is NO_VALUE else {"initial": initial}
    more |= {} if where is True else {"where": where}
    if ufunc in _WITH_DTYPE:
        return _full(_WITH_DTYPE[ufunc], array, dtype=dtype, **more)
    array = array if dtype is None else array.astype(dtype)
    if ufunc in _REDUCTIONS:
        return _full(_REDUCTIONS[ufunc], array, **more)
    return _fold(ufunc, array, **more)


def _full(function: Any, array: Any, **how: Any) -> Any:
    """Call by the table: the array may be bare, and a Tensor stand in `where`."""
    return look_up(function).from_numpy((array,), how)


def _fold(
    ufunc: np.ufunc, array: Any, axis: Axis, keepdims: bool, initial: Any = None, where: Any = True
) -> Any:
    """Apply the ufunc to what there is so far and the next element, all along the axes."""
    ndim = array.ndim
    axes = tuple(range(ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = normalize_axis_tuple(axes, max(ndim, 1)) if ndim else ()

    def in_rows(x: Any) -> Any:
        x = np.moveaxis(x, axes, tuple(range(len(axes))))
        return np.reshape(x, (math.prod(x.shape[: len(axes)]), *x.shape[len(axes) :]))

    if initial is not None and array.dtype.kind in "iub":
        initial = as_array(initial).astype(array.dtype)
    rows, everywhere = in_rows(array), where is True
    result, n = initial, rows.shape[0]
    if result is None:
        result = rows[0] if n and everywhere else ufunc.identity
    chosen = [True] * n if everywhere else in_rows(np.broadcast_to(unwrap(where), array.shape))
    for i in range(1 if n and everywhere and initial is None else 0, n):
        step = ufunc(result, rows[i])
        result = step if everywhere else np.where(chosen[i], step, result)
    result = (
        result if np.shape(result) == rows.shape[1:] else np.broadcast_to(result, rows.shape[1:])
    )
    return np.expand_dims(result, axes) if keepdims else result


def _accumulate(ufunc: np.ufunc, array: Any, axis: int = 0, dtype: Any = None) -> Any:
    array = as_array(array)
    if ufunc in _RUNNING:
        return _full(_RUNNING[ufunc], array, axis=axis, dtype=dtype)
    rows = np.moveaxis(array if dtype is None else array.astype(dtype), axis, 0)
    if not len(rows):
        return np.moveaxis(rows, 0, axis)
    results = [rows[0]]
    for i in range(1, len(rows)):
        results.append(ufunc(results[-1], rows[i]))
    return np.stack(results, axis=axis)


def _reduceat(ufunc: np.ufunc, array: Any, indices: Any, axis: int = 0, dtype: Any = None) -> Any:
    rows = np.moveaxis(as_array(array), axis, 0)
    begins = np.asarray(unwrap(indices)).tolist()
    ends = [*begins[1:], len(rows)]
    # Where the next part does not begin behind this one, one element is taken.
    pieces = [rows[i : max(j, i + 1)] for i, j in zip(begins, ends, strict=True)]
    return np.stack([_reduce(ufunc, piece, 0, dtype) for piece in pieces], axis=axis)


_METHODS: dict[str, Callable[..., Any]] = {
    "reduce": _reduce,
    "accumulate": _accumulate,
    "reduceat": _reduceat,
}
