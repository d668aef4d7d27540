"""One element of an array, as a formula between single numbers.

A product of matrices is a sum of products, a sum of an array is a sum of its elements,
and what only moves numbers is followed back to where each number came from.

>>> from autograd_lite.lesson.notation import TEXT
>>> from autograd_lite.lesson.writing import write
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
from .simplifying import simplify

__all__ = ["element", "record", "symbol"]

Index = tuple[int, ...]

SHOWN = 8  # terms of a sum, before some are left out
REARRANGEMENTS = {
    "astype", "broadcast_to", "concatenate", "copy", "flip", "getitem", "positive", "reshape",
    "roll", "scatter", "transpose",
}  # fmt: skip


def element(formula: Formula, index: Index, shown: int = SHOWN) -> Formula:
    """Return the formula of one element; of what cannot be followed, its number.

    Parameters
    ----------
    formula
        Of the array.
    index
        Which element.
    shown
        How many terms of a sum to write out.
    """
    return Follower(shown).follow(formula, index)


def followed(formula: Formula, index: Index) -> Formula:
    """Return the formula of one element, with all its terms.

    Raises
    ------
    ValueError
        If there is something in it that cannot be followed element by element.
    """
    return Follower(shown=10**9, strict=True).follow(formula, index)


class Follower:
    """Follows many elements of the same formulas; see `element` and `followed`."""

    def __init__(self, shown: int = SHOWN, strict: bool = False) -> None:
        self.shown = shown
        self.strict = strict
        self.places: dict[Formula, Any] = {}  # where each number came from
        self.compositions: dict[Formula, Formula] = {}

    def follow(self, f: Formula, index: Index) -> Formula:
        """Return the formula of one element."""
        if not f.shape and f.head in ("symbol", "gradient", "constant"):
            return f
        value = np.asarray(f.value)[index]
        if f.head in ("symbol", "gradient"):
            at = {**f.parameters, "at": (f.value, index)}
            return dataclasses.replace(f, name=name_at(f.name, index), value=value, parameters=at)
        if f.head == "constant":
            return number(value)
        found = None
        if f.head == "matmul":
            found = self.product(f, index, value)
        elif f.head == "contraction":
            found = self.contracted(f, index, value)
        elif f.head == "sum":
            found = self.total(f, index, value)
        elif f.head in REARRANGEMENTS:
            found = self.moved(f, index)
        elif f.head in ("max_pool", "max_unpool"):
            found = self.won(f, index)
        elif _one_by_one(f):
            found = self.one_by_one(f, index, value)
        else:
            composition = self.unfolded(f)
            found = composition and self.follow(composition, index)
        if found is None and self.strict:
            raise ValueError(f"'{f.head}' cannot be followed element by element.")
        return _known(f, index, value) if found is None else found

    def one_by_one(self, f: Formula, index: Index, value: Any) -> Formula:
        arguments = [self.follow(a, _before_broadcast(index, a.shape)) for a in f.arguments]
        return dataclasses.replace(f, value=value, arguments=tuple(arguments))

    def product(self, f: Formula, index: Index, value: Any) -> Formula | None:
        a, b = f.arguments
        if len(a.shape) > 2 or len(b.shape) > 2:
            return None
        row = index[:1] if len(a.shape) == 2 else ()
        column = index[-1:] if len(b.shape) == 2 else ()
        terms = []
        for k in self.some(range(a.shape[-1])):
            x, y = self.follow(a, (*row, k)), self.follow(b, (k, *column))
            terms.append(Formula("multiply", np.multiply(x.value, y.value), "", (x, y)))
        return _sum(terms, a.shape[-1], value)

    def contracted(self, f: Formula, index: Index, value: Any) -> Formula:
        contraction = f.parameters["contraction"]
        every = list(itertools.islice(contraction.places(index), self.shown + 1))
        if len(every) > self.shown:
            every[-2:] = [next(contraction.places(index, backwards=True))]
            count = len(every) + 1  # or more
        else:
            count = len(every)
        terms = []
        for places in every:
            factors = [self.follow(a, at) for a, at in zip(f.arguments, places, strict=True)]
            product = factors[0]
            for x in factors[1:]:
                product = Formula("multiply", np.multiply(product.value, x.value), "", (product, x))
            terms.append(product)
        return _sum(terms, count, value)

    def total(self, f: Formula, index: Index, value: Any) -> Formula:
        (a,) = f.arguments
        axis = f.parameters.get("axis")
        ndim = len(a.shape)
        given = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        axes = sorted(i % ndim for i in given)
        kept = iter(i for d, i in enumerate(index) if len(index) < ndim or d not in axes)
        places = [range(a.shape[d]) if d in axes else (next(kept),) for d in range(ndim)]
        every = list(itertools.product(*places))
        return _sum([self.follow(a, place) for place in self.some(every)], len(every), value)

    def some(self, every: Sequence[Any]) -> list[Any]:
        """Return the terms of a sum that are written out."""
        if len(every) <= self.shown:
            return list(every)
        return [*every[: self.shown - 1], every[-1]]

    def moved(self, f: Formula, index: Index) -> Formula | None:
        """Follow an element back through what moved it: move the places, not the numbers."""
        if f.primitive is None:
            return None
        if f.head == "astype":
            return self.follow(f.arguments[0], index)
        if f not in self.places:
            numbered, count = [], 1  # every place of every argument has a number, from 1
            for a in f.arguments:
                numbered.append(np.arange(count, count + np.size(a.value)).reshape(a.shape))
                count += np.size(a.value)
            try:
                self.places[f] = np.asarray(f.primitive.forward(*numbered, **f.parameters))
            except (TypeError, ValueError, IndexError):
                return None
        place = int(self.places[f][index]) - 1
        for a in f.arguments:
            if 0 <= place < np.size(a.value):
                return self.follow(a, tuple(int(i) for i in np.unravel_index(place, a.shape)))
            place -= np.size(a.value)
        return number(0.0)  # a place that nothing was moved to

    def won(self, f: Formula, index: Index) -> Formula | None:
        """Follow an element back to the one that was largest in its window, or to that window."""
        x, by = f.arguments
        if f.primitive is None or (f.head == "max_unpool" and _overlap(f.parameters)):
            return None
        if f not in self.places:
            numbered = np.arange(1.0, np.size(x.value) + 1).reshape(x.shape)
            self.places[f] = f.primitive.forward(numbered, np.asarray(by.value), **f.parameters)
        place = int(self.places[f][index]) - 1
        if place < 0:
            return number(0.0)  # it was largest in no window
        return self.follow(x, tuple(int(i) for i in np.unravel_index(place, x.shape)))

    def unfolded(self, f: Formula) -> Formula | None:
        """Return a fused primitive as the composition that it stands for."""
        if f.primitive is None or f.primitive.decomposition is None:
            return None
        if f not in self.compositions:
            given = dict(zip(f.primitive.operands, f.arguments, strict=True)) | dict(f.parameters)
            try:
                composition = record(f.primitive.decomposition, given)
            except Exception:  # it is written for arrays only: then it cannot be followed
                return None
            self.compositions[f] = simplify(composition, choose=False, moves=True)
        return self.compositions[f]


def _known(f: Formula, index: Index, value: Any) -> Formula:
    """Return the number that an element is, with a note of whose element it is."""
    return dataclasses.replace(number(value), parameters={"at": (f.value, index)})


def name_at(name: str, index: Index) -> str:
    """Return what an element is called.

    >>> name_at("W", (0, 1)), name_at("x", ())
    ('W[0, 1]', 'x')
    """
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def _overlap(parameters: Any) -> bool:
    """Whether windows have places in common, so that several may send something back to one."""
    strides = zip(parameters.get("stride", (1, 1)), parameters["kernel"], strict=True)
    return any(stride < size for stride, size in strides)


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


def _sum(terms: list[Formula], count: int, value: Any) -> Formula:
    if not terms:
        return number(np.zeros_like(value))
    if len(terms) == 1:
        return terms[0]
    return Formula("terms", value, "", tuple(terms), {"total": count})
