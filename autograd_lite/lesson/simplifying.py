"""A formula, written as one would by hand.

A rule is written for all shapes and for every number; at those at hand most of it is redundant.
Each rewriting below takes a formula whose parts are simple already, and returns a simpler one
that comes to the same, or None; `rewriting` applies them until none applies.

>>> from autograd_lite.lesson.formula import symbol
>>> from autograd_lite.lesson.notation import TEXT
>>> from autograd_lite.lesson.writing import write
>>> x = symbol("x", np.float64(3.0))
>>> write(simplify(record(lambda x: 1.0 * x * -2.0 + 0.0, {"x": x})), TEXT)
'-2 · x'

Of a choice between two formulas only the one taken is shown, where it is the same one
everywhere; why it was taken is noted, as a comparison.

>>> notes = []
>>> chosen = record(lambda x: np.where(x > 0.0, 1.0 * x, 0.0), {"x": x})
>>> write(simplify(chosen, notes), TEXT), write(notes[0], TEXT)
('x', 'x > 0')
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .formula import Formula, apply, arguments_of, is_number, number, record, same
from .rewriting import (
    COMPARISONS,
    Way,
    again,
    computed,
    filled,
    is_equal,
    opposite,
    rewrites,
    simplified,
)
from .rewriting import simplify as simplify

VALUE_PRESERVING = {"broadcast_to", "reshape", "astype", "copy", "positive", "alias"}
"""Primitives that a formula between numbers does not mention: shapes tell them."""


# -- what only moves numbers -------------------------------------------------------------------


@rewrites(*VALUE_PRESERVING)
def _moved(f: Formula, way: Way) -> Formula | None:
    if way.moves or not f.arguments:
        return None
    (x,) = f.arguments[:1]
    return number(f.value) if x.head == "constant" else x


@rewrites("scatter")
def _an_axis_less(f: Formula, way: Way) -> Formula | None:
    """Leave out a scatter that only adds axes of length 1."""
    if way.moves or len(f.arguments) != 1 or np.size(f.value) != np.size(f.arguments[0].value):
        return None
    index = f.parameters.get("index")
    parts = index if isinstance(index, tuple) else (index,)
    whole = all(p is None or p is Ellipsis or p == 0 or p == slice(None)
                for p in parts if not isinstance(p, (list, np.ndarray)))  # fmt: skip
    plain = not any(isinstance(p, (list, np.ndarray)) for p in parts)
    return f.arguments[0] if whole and plain else None


@rewrites("getitem")
def _another_axis(f: Formula, way: Way) -> Formula | None:
    """Leave out an index that only gives a number axes of length 1."""
    if way.moves or len(f.arguments) != 1:
        return None
    (x,) = f.arguments
    if is_number(x):
        return number(f.value)
    return x if x.shape == () or (np.size(x.value) == 1 and np.size(f.value) == 1) else None


@rewrites("transpose")
def _transposed(f: Formula, way: Way) -> Formula | None:
    """Leave out a transpose of a transpose, of a number, and one that changes no order."""
    (x,) = f.arguments
    axes = f.parameters.get("axes")
    ndim = len(x.shape)
    if axes is not None and [i % max(ndim, 1) for i in axes] == list(range(ndim)):
        return x
    if is_number(x):
        return number(f.value)
    if x.head == "transpose" and not axes and not x.parameters.get("axes"):
        return x.arguments[0]
    return None


@rewrites("output")
def _piece(f: Formula, way: Way) -> Formula | None:
    """A piece of an array that was split is a slice of it."""
    (x,) = f.arguments
    if x.head != "split" or way.moves:
        return None
    axis = x.parameters.get("axis", 0) % max(len(x.arguments[0].shape), 1)
    sizes, i = x.parameters["sizes"], f.parameters["index"]
    begin = sum(sizes[:i])
    piece = slice(begin or None, begin + sizes[i] if i + 1 < len(sizes) else None)
    index = (*(slice(None),) * axis, piece)
    return apply("getitem", x.arguments[0], value=f.value, index=index if axis else piece)


# -- signs -------------------------------------------------------------------------------------


@rewrites("negative")
def _negative(f: Formula, way: Way) -> Formula | None:
    (x,) = f.arguments
    if x.head == "negative":
        return x.arguments[0]
    if x.head == "constant" and np.asarray(x.value).dtype.kind in "fiu":
        return number(f.value)
    if x.head == "subtract":
        a, b = x.arguments
        return apply("subtract", b, a, value=f.value)
    return None


@rewrites("multiply", "divide")
def _signs(f: Formula, way: Way) -> Formula | None:
    """Move a minus to the front; two of them cancel."""
    a, b = f.arguments
    negative = (a.head == "negative") + (b.head == "negative")
    if is_equal(a, -1) and f.head == "multiply":
        return apply("negative", b, value=f.value)
    if not negative:
        return None
    a, b = (x.arguments[0] if x.head == "negative" else x for x in (a, b))
    positive = again(apply(f.head, a, b, value=np.negative(f.value)), way)
    if negative == 2:
        return dataclasses.replace(positive, value=f.value)
    return apply("negative", positive, value=f.value)


# -- products ----------------------------------------------------------------------------------


@rewrites("multiply")
def _one_and_zero(f: Formula, way: Way) -> Formula | None:
    a, b = f.arguments
    if is_equal(a, 0) or is_equal(b, 0):
        return filled(np.zeros_like(f.value))
    for x, y in ((a, b), (b, a)):
        if is_equal(x, 1) and (not way.moves or np.shape(y.value) == np.shape(f.value)):
            return y
    return None


@rewrites("divide")
def _of_one(f: Formula, way: Way) -> Formula | None:
    a, b = f.arguments
    if is_equal(b, 1):
        return a
    if is_equal(a, 0):
        return filled(np.zeros_like(f.value))
    if b.head == "divide" and is_equal(b.arguments[0], 1):  # x / (1 / y)
        return again(apply("multiply", a, b.arguments[1], value=f.value), way)
    return None


@rewrites("divide")
def _hypotenuses(f: Formula, way: Way) -> Formula | None:
    """What is divided by √(a² + b²) twice is divided by a² + b²."""
    a, b = f.arguments
    if a.head != "divide" or a.arguments[1].head != "hypot" or b.head != "hypot":
        return None
    if not _same_set(a.arguments[1].arguments, b.arguments):
        return None
    squares = [computed("square", x) for x in b.arguments]
    return apply("divide", a.arguments[0], computed("add", *squares), value=f.value)


def _same_set(some: tuple[Formula, ...], others: tuple[Formula, ...]) -> bool:
    return all(any(same(a, b) for b in others) for a in some) and len(some) == len(others)


@rewrites("multiply")
def _numbers_first(f: Formula, way: Way) -> Formula | None:
    """Move constant factors to the front: 2 · x · 3 · y becomes 6 · (x · y)."""
    a, b = f.arguments
    if is_number(a) and is_number(b):
        return number(f.value)
    if is_number(b):
        return apply("multiply", b, a, value=f.value)
    if is_number(a):
        if b.head == "multiply" and is_number(b.arguments[0]):
            first, rest = b.arguments
            coefficient = number(np.multiply(a.value, first.value))
            return rest if is_equal(coefficient, 1) else apply(
                "multiply", coefficient, rest, value=f.value
            )  # fmt: skip
        return None
    for x, y in ((a, b), (b, a)):
        if x.head == "divide" and is_equal(x.arguments[0], 1):  # 1 / x · y
            return apply("divide", y, x.arguments[1], value=f.value)
        if x.head == "multiply" and is_number(x.arguments[0]):
            coefficient, rest = x.arguments
            both = (rest, y) if x is a else (y, rest)
            product = again(computed("multiply", *both), way)
            return apply("multiply", coefficient, product, value=f.value)
    return None


# -- sums and powers ---------------------------------------------------------------------------


@rewrites("add", "subtract")
def _plus_nothing(f: Formula, way: Way) -> Formula | None:
    a, b = f.arguments
    if is_number(a) and is_number(b):
        return number(f.value)
    if is_equal(b, 0):
        return a
    if f.head == "add" and is_equal(a, 0):
        return b
    if f.head == "subtract" and is_equal(a, 0):
        return again(apply("negative", b, value=f.value), way)
    return None


@rewrites("add")
def _like_terms(f: Formula, way: Way) -> Formula | None:
    """X + x is 2 · x, where both are single formulas and not the elements of a sum."""
    if way.moves or not way.choose:  # a program is shown as it was written
        return None
    (m, x), (n, y) = map(_coefficient, f.arguments)
    if x.head == "constant" or not same(x, y):
        return None
    return again(apply("multiply", number(m + n), x, value=f.value), way)


def _coefficient(f: Formula) -> tuple[Any, Formula]:
    """Return the number in front of a formula, and the rest."""
    if f.head == "negative":
        n, rest = _coefficient(f.arguments[0])
        return -n, rest
    if f.head == "multiply" and is_number(f.arguments[0]) and np.ndim(f.arguments[0].value) == 0:
        return float(f.arguments[0].value), f.arguments[1]
    return 1.0, f


@rewrites("power", "float_power")
def _powers(f: Formula, way: Way) -> Formula | None:
    x, y = f.arguments
    if is_equal(y, 1):
        return x
    if is_equal(y, 0) and way.choose:
        return filled(np.ones_like(f.value))
    return None


@rewrites("divide")
def _square_of_fraction(f: Formula, way: Way) -> Formula | None:
    """(1 / y)² / 3 is 1 / (3 · y²)."""
    a, b = f.arguments
    if a.head != "square" or not is_number(b) or a.arguments[0].head != "divide":
        return None
    one, y = a.arguments[0].arguments
    if not is_equal(one, 1):
        return None
    below = apply("multiply", b, computed("square", y), value=np.multiply(b.value, y.value**2))
    return apply("divide", one, below, value=f.value)


@rewrites("matmul")
def _with_ones(f: Formula, way: Way) -> Formula | None:
    """A product with a line of ones is a sum."""
    ones, x = f.arguments
    if ones.head != "constant" or np.ndim(ones.value) != 1 or not np.all(ones.value == 1):
        return None
    return apply("sum", x, value=f.value, axis=0)


@rewrites("sum")
def _nothing_to_sum(f: Formula, way: Way) -> Formula | None:
    """Count axes from the left; name none where the sum is over all of them."""
    (x,) = f.arguments
    axis = f.parameters.get("axis")
    if way.moves:
        return None
    if is_number(x):
        return number(f.value)
    ndim = len(x.shape)
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    plain = tuple(sorted(i % ndim for i in axes)) if ndim else ()
    if all(x.shape[i] == 1 for i in plain):
        return x
    shown: Any = None if len(plain) == ndim else plain[0] if len(plain) == 1 else plain
    if dict(f.parameters) == {"axis": shown}:
        return None
    return apply("sum", x, value=f.value, axis=shown)


@rewrites("bitwise_or", "bitwise_and", "logical_or", "logical_and")
def _what_always_holds(f: Formula, way: Way) -> Formula | None:
    """Leave out of an `or` what holds nowhere, and of an `and` what holds everywhere."""
    if not way.choose or np.asarray(f.value).dtype.kind != "b":
        return None
    neutral = f.head.endswith("and")
    a, b = f.arguments
    for x, y in ((a, b), (b, a)):
        if np.all(np.asarray(y.value) == neutral) and (
            y.head == "constant" or not np.all(np.asarray(x.value) == neutral)
        ):
            return x
    return None


@rewrites("where")
def _turned(f: Formula, way: Way) -> Formula | None:
    """(0 where a < b, else 1) is (1 where a ≥ b, else 0)."""
    condition, a, b = f.arguments
    if not way.choose or condition.head not in COMPARISONS or not is_equal(a, 0) or is_equal(b, 0):
        return None
    return apply("where", opposite(condition), b, a, value=f.value)


@rewrites("maximum", "minimum")
def _bound(f: Formula, way: Way) -> Formula | None:
    """Leave out a bound, as in ``maximum(x, 1e-12)``, that was not reached."""
    if not way.choose:
        return None
    head = "greater" if f.head == "maximum" else "less"
    for x, bound in (f.arguments, f.arguments[::-1]):
        if is_number(x) and is_number(bound):
            return number(f.value)
        count = x.head == "sum" or np.asarray(x.value).dtype.kind == "b"
        if is_number(bound) and count and np.all(np.asarray(f.value) == 1):
            return filled(f.value)  # how many were found: one each
        if is_number(bound) and not is_number(x):
            holds = getattr(np, head)(x.value, bound.value)
            if np.all(holds):
                way.notes.append(apply(head, x, bound, value=holds))
                return x
    return None


# -- functions that are there for their slopes ---------------------------------------------------


@rewrites("cosine")
def _unfolded(f: Formula, way: Way) -> Formula | None:
    """Write out what is a primitive of ours only because its derivative is delicate."""
    if f.primitive is None or f.primitive.decomposition is None:
        return None
    given = dict(zip(f.primitive.operands, f.arguments, strict=True)) | dict(f.parameters)
    composition = record(f.primitive.decomposition, arguments_of(f.primitive.decomposition, given))
    return dataclasses.replace(simplified(composition, way), value=f.value)


@rewrites("conjugate", "real")
def _is_real(f: Formula, way: Way) -> Formula | None:
    """A real number is its own conjugate."""
    (x,) = f.arguments
    if np.asarray(x.value).dtype.kind == "c":
        return None
    return number(f.value) if x.head == "constant" else x
