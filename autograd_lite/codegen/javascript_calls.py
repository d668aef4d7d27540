"""The steps that are not elementwise, in JavaScript: which of them there are, and their writing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod
from typing import Any

import numpy as np

from ..calculus import convolution, pooling
from ..calculus.indexing import TENSOR_SLOT, gather, getitem, put, scatter
from ..primitive import Primitive
from . import javascript_products as products
from .expand import NotWritable
from .javascript_expressions import kind, number
from .javascript_memory import Lines, Place, line, regular
from .program import Step, Value

REARRANGEMENTS = frozenset({
    "transpose", "reshape", "broadcast_to", "getitem", "flip", "roll", "copy", "detach", "alias",
    "sliding_window_view", "split", "real", "conjugate",
})  # fmt: skip
"""What moves numbers without a look at them."""


def refusal(step: Step) -> NotWritable:
    """Return the error for a step that cannot be written."""
    where = f" ({step.line})" if step.line else ""
    why = "it draws random numbers" if step.primitive.draws else "there are no words for it here"
    return NotWritable(f"'{step.primitive.name}'{where} cannot be written in JavaScript: {why}.")


# -- what moves numbers ------------------------------------------------------------------------


def moved(w: Lines, step: Step) -> None:
    """What moves numbers: a view of them, or a table of where they are."""
    source = w.place(step.operands[0])
    for v, where in zip(step.results, step.apply([source.numbers()]), strict=True):
        place = regular(where)
        if place is None:
            place = w.room(v.shape)
            name = w.table(where)
            w.turns(prod(v.shape), f"m[{place.offset} + i] = m[{name}[i]];")
        w.places[v] = place


def scattered(w: Lines, step: Step) -> None:
    """Zeros, with a part added at an index."""
    whole = w.zeroed(w.new(step.results[0]))
    where = whole.numbers()[step.parameters["index"]]
    part = w.place(step.operands[0]).spread(where.shape)
    target = regular(where)
    if target is not None:
        w.each([target, part], "{} += {};")
        return
    part = w.in_one_run(part)
    text = f"m[{w.table(where)}[i]] += m[{part.offset} + i];"
    w.turns(prod(part.shape), text)


def indexed(w: Lines, step: Step, shape: tuple[int, ...]) -> tuple[str, int]:
    """Return the place of the i-th chosen element of an array in one run, and how many.

    Some of the indices are values of the program: what they add is looked up.
    """
    index, holes = step.parameters["index"], step.operands[1:]
    parts = index if isinstance(index, tuple) else (index,)
    if any(kind(v) not in "iu" and not v.is_constant for v in holes):
        raise refusal(step)

    def chosen(whole: Any, fillings: list[Any]) -> Any:
        left = iter(fillings)
        filled = tuple(next(left) if p is TENSOR_SLOT else p for p in parts)
        return whole[filled]

    nothing = [v.data if v.is_constant else np.zeros(v.shape, np.int64) for v in holes]
    flat = np.arange(prod(shape)).reshape(shape)
    fixed = chosen(flat, nothing)
    terms = [f"{w.table(fixed)}[i]"]
    axes = _axes_of_holes(parts, len(shape))
    for k, (v, axis) in enumerate(zip(holes, axes, strict=True)):
        if v.is_constant:
            continue
        # Which element of the filling each result is chosen by: NumPy says so itw.
        along = [-1 if i == axis else 1 for i in range(len(shape))]
        size = prod(v.shape)
        numbered = np.arange(size).reshape(along)
        numbered = np.broadcast_to(numbered, (*shape[:axis], size, *shape[axis + 1 :]))
        fillings = [*nothing[:k], np.arange(size).reshape(v.shape), *nothing[k + 1 :]]
        by = w.table(chosen(numbered, fillings))
        run = w.in_one_run(w.place(v))
        name, n = f"m[{run.offset} + {by}[i]]", shape[axis]
        stride = prod(shape[axis + 1 :])
        terms.append(f"{stride} * (({name} + {n}) % {n})")
    return " + ".join(terms), fixed.size


def _axes_of_holes(parts: tuple[Any, ...], ndim: int) -> list[int]:
    """Return which axis each hole of an index chooses along."""

    def takes(p: Any) -> int:
        if p is None:
            return 0
        return np.ndim(p) if isinstance(p, np.ndarray) and p.dtype == bool else 1

    named = sum(takes(p) for p in parts if p is not Ellipsis)
    axes, axis = [], 0
    for p in parts:
        if p is TENSOR_SLOT:
            axes.append(axis)
        axis += ndim - named if p is Ellipsis else takes(p)
    return axes


def gathered(w: Lines, step: Step) -> None:
    """What an index that is a value chooses."""
    source = w.in_one_run(w.place(step.operands[0]))
    where, count = indexed(w, step, source.shape)
    made = w.new(step.results[0])
    w.turns(count, f"m[{made.offset} + i] = m[{source.offset} + {where}];")


def placed(w: Lines, step: Step) -> None:
    """Zeros, with a part added where an index that is a value says."""
    whole = w.zeroed(w.new(step.results[0]))
    where, count = indexed(w, step, whole.shape)
    part = w.place(step.operands[0])
    chosen = w.in_one_run(part)
    w.turns(count, f"m[{whole.offset} + {where}] += m[{chosen.offset} + i];")


def joined(w: Lines, step: Step) -> None:
    """Arrays behind each other along an axis."""
    whole = w.new(step.results[0])
    axis = step.parameters.get("axis", 0) % len(whole.shape)
    begin = 0
    for v in step.operands:
        offset = whole.offset + begin * whole.strides[axis]
        w.each([Place(offset, v.shape, whole.strides), w.place(v)], "{} = {};")
        begin += v.shape[axis]


# -- along axes --------------------------------------------------------------------------------


_REDUCTIONS = {
    "sum": ("0", "s += {};"), "prod": ("1", "s *= {};"),
    "max": ("-Infinity", "s = Math.max(s, {});"), "min": ("Infinity", "s = Math.min(s, {});"),
    "all": ("1", "if ({} === 0) s = 0;"), "any": ("0", "if ({} !== 0) s = 1;"),
    "count_nonzero": ("0", "if ({} !== 0) s += 1;"),
}  # fmt: skip
"""What a reduction begins with, and its turn."""


def reduced(w: Lines, step: Step) -> None:
    """A sum, a product, an extreme, a question of all: one number of many."""
    first, turn = _REDUCTIONS[step.primitive.name]
    p = dict(step.parameters)
    names = step.primitive.operands
    extra = {n: w.place(v) for n, v in zip(names, step.operands, strict=True)}
    source = extra.pop(names[0])
    given = p.get("where", True)
    if given is not True and not isinstance(given, bool):
        extra["where"] = w.place(Value(np.asarray(given)))
    if set(extra) - {"where"}:
        raise refusal(step)
    shape = source.shape
    axis, ndim = p.get("axis"), len(shape)
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    across = {int(i) % ndim for i in axes} if ndim else set()
    letters = [f"i{k}" for k in range(ndim)]
    made = w.new(step.results[0])
    kept = [k for k in range(ndim) if k not in across]
    target = line(made.offset, tuple(shape[k] for k in kept))
    initial = p.get("initial", np._NoValue)
    begin = first if initial is np._NoValue or initial is None else number(initial)
    line_of = turn.format(source.at(letters))
    if "where" in extra:
        line_of = f"if ({extra['where'].spread(shape).at(letters)} !== 0) {line_of}"
    inner = Lines()
    inner.nest([(letters[k], shape[k]) for k in sorted(across)], [line_of])
    lines = [f"let s = {begin};", *inner.body, f"{target.at([letters[k] for k in kept])} = s;"]
    if all(shape[k] == 1 for k in kept):
        lines = ["{", *lines, "}"]
    w.nest([(letters[k], shape[k]) for k in kept], lines)


def running(w: Lines, step: Step) -> None:
    """Sums or products of all numbers so far along an axis."""
    sign = "+" if step.primitive.name == "cumsum" else "*"
    source, axis = w.place(step.operands[0]), step.parameters.get("axis")
    made = w.new(step.results[0])
    if axis is None or not source.shape:
        source, axis = w.flat(source), 0
    axis %= len(source.shape)
    target = line(made.offset, source.shape)
    letters = [f"i{k}" for k in range(len(source.shape))]
    here = (*source.shape[:axis], *source.shape[axis + 1 :])
    around = [*letters[:axis], *letters[axis + 1 :]]
    n = source.shape[axis]
    inner = f"{target.at(letters)} = s = s {sign} {source.at(letters)};"
    begin = f"let s = {0 if sign == '+' else 1};"
    along = f"for (let {letters[axis]} = 0; {letters[axis]} < {n}; {letters[axis]}++) {inner}"
    if n == 1:
        along = inner
    w.nest(zip(around, here, strict=True), ["{", begin, along, "}"])


def lines_along(w: Lines, step: Step, call: str, one: bool) -> None:
    """Call a function for each line of numbers along an axis.

    In `call` stand where a line begins, its stride and length, and the same of the result.
    """
    p, source = step.parameters, w.place(step.operands[0])
    axis = p.get("axis", None if one else -1)
    made = w.new(step.results[0])
    if axis is None or not source.shape:
        source, axis = w.flat(source), 0
    axis = int(axis) % len(source.shape)
    shape = tuple(1 if one and k == axis else n for k, n in enumerate(source.shape))
    target = line(made.offset, shape)
    letters = ["0" if k == axis else f"i{k}" for k in range(len(shape))]

    def begin(place: Place) -> str:
        strides = tuple(0 if k == axis else s for k, s in enumerate(place.strides))
        return Place(place.offset, shape, strides).at(letters)[2:-1]

    n = source.shape[axis]
    text = call.format(begin(source), source.strides[axis], n, begin(target), target.strides[axis])
    around = [(i, m) for k, (i, m) in enumerate(zip(letters, shape, strict=True)) if k != axis]
    w.nest(around, [text])


def _argsort(w: Lines, step: Step) -> None:
    lines_along(w, step, "argsort(m, {0}, {1}, {2}, {3}, {4});", one=False)


def _argmax(w: Lines, step: Step) -> None:
    lines_along(w, step, "m[{3}] = extreme(m, {0}, {1}, {2}, 1);", one=True)


def _argmin(w: Lines, step: Step) -> None:
    lines_along(w, step, "m[{3}] = extreme(m, {0}, {1}, {2}, -1);", one=True)


def _searchsorted(w: Lines, step: Step) -> None:
    if len(step.operands) != 2 or step.parameters.get("sorter") is not None:
        raise refusal(step)
    a, v = (w.place(x) for x in step.operands)
    right = "true" if step.parameters.get("side", "left") == "right" else "false"
    made = w.new(step.results[0])
    call = f"searchsorted(m, {a.offset}, {a.strides[0]}, {a.shape[0]}, {{1}}, {right})"
    w.each([made, v], f"{{0}} = {call};")


# -- the table ---------------------------------------------------------------------------------

Write = Callable[[Lines, Step], None]


@cache
def _by_primitive() -> dict[Any, Write]:
    return {
        getitem: moved, scatter: scattered, gather: gathered, put: placed,
        convolution.conv2d: products.conv2d, convolution.conv2d_bias: products.conv2d,
        convolution.conv2d_weight: products.conv2d_weight,
        convolution.conv2d_image: products.conv2d_image,
        pooling.pool_sum: products.pool_sum, pooling.pool_spread: products.pool_spread,
        pooling.max_pool: products.max_pool, pooling.max_unpool: products.max_pool,
    }  # fmt: skip


@cache
def _by_name() -> dict[str, Write]:
    found: dict[str, Write] = dict.fromkeys(REARRANGEMENTS, moved)
    found |= dict.fromkeys(_REDUCTIONS, reduced)
    found |= dict.fromkeys(("solve", "inv", "det", "slogdet", "cholesky"), products.of_matrices)
    found |= {
        "concatenate": joined, "matmul": products.product, "einsum": products.einsum,
        "linear": products.linear,
        "cumsum": running, "cumprod": running, "convolve": products.convolved,
        "argsort": _argsort, "argmax": _argmax, "argmin": _argmin, "searchsorted": _searchsorted,
    }  # fmt: skip
    return found


def writer_of(primitive: Primitive) -> Write | None:
    """Return what writes a primitive, if it is the one that we know by its name."""
    found = _by_primitive().get(primitive)
    if found is not None or primitive.name == "scatter":
        return found
    function: Any = primitive.function
    own = (getattr(function, "__module__", None) or "numpy").startswith(("numpy", "autograd_lite"))
    return _by_name().get(primitive.name) if own else None
