"""One element of an array, as a formula between single numbers.

A product of matrices is a sum of products, a sum of an array is a sum of its elements,
and what only moves numbers is followed back to where each number came from.

>>> from autograd_lite.lesson.notation import TEXT, write
>>> x = symbol("X", np.array([[1.0, 2.0], [3.0, 4.0]]))
>>> w = symbol("w", np.array([[0.5], [0.1]]))
>>> z = record(lambda x, w: np.tanh(x @ w), {"x": x, "w": w})
>>> one = element(z, (1, 0))
>>> write(one, TEXT)
'tanh(X[1, 0] · w[0, 0] + X[1, 1] · w[1, 0])'
>>> write(one, TEXT, numbers=True)
'tanh(3 · 0.5 + 4 · 0.1)'
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .formula import Formula, number, record, symbol

__all__ = ["element", "record", "symbol"]

Index = tuple[int, ...]

SHOWN = 8  # terms of a sum, before some are left out
MOVERS = {
    "broadcast_to", "reshape", "transpose", "getitem", "scatter", "flip", "roll", "copy",
    "astype", "positive",
}  # fmt: skip


def element(formula: Formula, index: Index) -> Formula:
    """Return the formula of one element; of what cannot be followed, its number."""
    followed = _element(formula, index)
    return followed if followed is not None else number(formula.value[index])


def _element(f: Formula, index: Index) -> Formula | None:
    if not f.shape and f.head in ("symbol", "gradient", "constant"):
        return f
    value = np.asarray(f.value)[index]
    if f.head in ("symbol", "gradient"):
        return dataclasses.replace(f, name=f"{f.name}[{', '.join(map(str, index))}]", value=value)
    if f.head == "constant":
        return number(value)
    if f.head == "matmul":
        return _product(f, index, value)
    if f.head == "sum":
        return _total(f, index, value)
    if f.head in MOVERS and len(f.arguments) == 1:
        return _moved(f, index)
    if _one_by_one(f):
        arguments = [element(a, _before_broadcast(index, a.shape)) for a in f.arguments]
        return dataclasses.replace(f, value=value, arguments=tuple(arguments))
    return None


def _one_by_one(f: Formula) -> bool:
    """Whether each element of a result comes from the elements at the same place."""
    if f.primitive is None:
        return f.head in ("add", "subtract", "multiply", "divide", "negative")
    matrices = getattr(f.primitive.function, "signature", None) is not None
    return f.primitive.elementwise and not matrices


def _before_broadcast(index: Index, shape: tuple[int, ...]) -> Index:
    """Return where an element came from that was broadcast to `index`."""
    last = index[len(index) - len(shape) :]
    return tuple(0 if n == 1 else i for i, n in zip(last, shape, strict=True))


def _product(f: Formula, index: Index, value: Any) -> Formula | None:
    a, b = f.arguments
    if len(a.shape) > 2 or len(b.shape) > 2:
        return None
    row = index[:1] if len(a.shape) == 2 else ()
    column = index[-1:] if len(b.shape) == 2 else ()
    terms = []
    for k in _some(range(a.shape[-1])):
        x, y = element(a, (*row, k)), element(b, (k, *column))
        terms.append(Formula("multiply", np.multiply(x.value, y.value), "", (x, y)))
    return _sum(terms, a.shape[-1], value)


def _total(f: Formula, index: Index, value: Any) -> Formula:
    (a,) = f.arguments
    axis = f.parameters.get("axis")
    ndim = len(a.shape)
    given = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = sorted(i % ndim for i in given)
    kept = iter(i for d, i in enumerate(index) if len(index) < ndim or d not in axes)
    places = [range(a.shape[d]) if d in axes else (next(kept),) for d in range(ndim)]
    every = list(itertools.product(*places))
    return _sum([element(a, place) for place in _some(every)], len(every), value)


def _some(all_of_them: Sequence[Any]) -> list[Any]:
    if len(all_of_them) <= SHOWN:
        return list(all_of_them)
    return [*all_of_them[: SHOWN - 1], all_of_them[-1]]


def _sum(terms: list[Formula], count: int, value: Any) -> Formula:
    if len(terms) == 1:
        return terms[0]
    return Formula("terms", value, "", tuple(terms), {"total": count})


def _moved(f: Formula, index: Index) -> Formula | None:
    """Follow an element back through what moved it: move the places instead of the numbers."""
    (a,) = f.arguments
    if f.primitive is None:
        return None
    places = np.arange(1, np.size(a.value) + 1).reshape(a.shape)
    parameters = {k: v for k, v in f.parameters.items() if k != "dtype"}
    if f.head == "astype":
        return element(a, index)
    try:
        place = int(np.asarray(f.primitive.forward(places, **parameters))[index])
    except (TypeError, ValueError, IndexError):
        return None
    if not place:
        return number(0.0)
    return element(a, tuple(int(i) for i in np.unravel_index(place - 1, a.shape)))
