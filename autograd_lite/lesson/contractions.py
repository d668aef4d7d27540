"""Sums of products, index by index: why a matrix stands transposed in a gradient.

A contraction says its indices once, where it is declared (``indices="...i,oi->...o"``, see
`autograd_lite.derivative`). The gradient of an operand is a sum of products too: of the upstream
gradient and of the other operands, over all indices that the operand does not have. So the index
form of every gradient follows by moving letters; and where it is a product of two matrices, so do
the order and the transpositions.

>>> from autograd_lite.calculus.neural import linear
>>> from autograd_lite.lesson.indices import contraction
>>> declared = contraction(linear, [(5, 2), (3, 2)], (5, 3), {})
>>> str(declared.product), str(declared.gradient(0)), str(declared.gradient(1))
('ni,oi->no', 'no,oi->ni', 'no,ni->oi')
>>> from autograd_lite.lesson.formula import gradient, symbol
>>> from autograd_lite.lesson.notation import TEXT
>>> from autograd_lite.lesson.writing import write
>>> factors = [gradient("L", "Z", np.ones((5, 3))), symbol("X", np.ones((5, 2)))]
>>> write(declared.gradient(1).formula(factors), TEXT)
'Σₙ ∂L/∂Z[n, o] · X[n, i]'
>>> write(declared.gradient(1).matrices(factors), TEXT)
'(∂L/∂Z)ᵀ · X'
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .formula import Formula, apply

SPARE = "ijklmnoprstuvxabcdefghqwyz"  # in place of a letter that the program has a value for
CHECKED = 2_000_000  # products: a sum of more is not computed only to check a formula


@dataclass(frozen=True)
class SlidingIndex:
    """The index of an axis that a window slides along: ``stride · at + step · tap − before``."""

    at: str
    tap: str
    stride: int = 1
    step: int = 1
    before: int = 0

    def __str__(self) -> str:
        return f"[{self.at}{self.tap}]"

    def text(self) -> str:
        """Write it.

        >>> SlidingIndex("r", "i").text(), SlidingIndex("r", "i", stride=2, before=1).text()
        ('r + i', '2·r + i - 1')
        """
        at, tap = _times(self.stride, self.at), _times(self.step, self.tap)
        return f"{at} + {tap}" + (f" - {self.before}" if self.before else "")

    def backwards(self, place: str) -> str:
        """Write which window meets a place with this tap.

        >>> SlidingIndex("r", "i").backwards("h")
        'h - i'
        >>> SlidingIndex("r", "i", stride=2, before=1).backwards("h")
        '(h + 1 - i)/2'
        """
        text = place + (f" + {self.before}" if self.before else "")
        text += f" - {_times(self.step, self.tap)}"
        return text if self.stride == 1 else f"({text})/{self.stride}"

    def place(self, at: Any, tap: Any) -> Any:
        """Return the place that a tap meets; it may lie in the border."""
        return self.stride * at + self.step * tap - self.before


class Written(NamedTuple):
    """The indices of a sum of products, as a person writes them."""

    factors: list[list[str]]
    out: list[str]
    summed: list[str]


Index = str | SlidingIndex | int
"""A letter; a window; or 0 where an axis of length 1 is copied along the others'."""
Indices = tuple[Index, ...]


def _times(n: int, letter: str) -> str:
    return letter if n == 1 else f"{n}·{letter}"


def letters(*words: Indices) -> list[str]:
    """Return the letters of indices, each once."""
    found: dict[str, None] = {}
    for index in itertools.chain(*words):
        if isinstance(index, SlidingIndex):
            found |= {index.at: None, index.tap: None}
        elif isinstance(index, str):
            found[index] = None
    return list(found)


@dataclass(frozen=True)
class Contraction:
    """One sum of products.

    Attributes
    ----------
    factors
        The indices of each factor.
    out
        The indices of the result.
    shapes, shape
        The shapes of the factors, and of the result.
    sizes
        How far each letter runs.
    """

    factors: tuple[Indices, ...]
    out: Indices
    shapes: tuple[tuple[int, ...], ...]
    shape: tuple[int, ...]
    sizes: Mapping[str, int]

    def __str__(self) -> str:
        words = ["".join(map(str, word)) for word in (*self.factors, self.out)]
        return f"{','.join(words[:-1])}->{words[-1]}"

    @property
    def summed(self) -> list[str]:
        """The letters that the sum runs over."""
        kept = {i for i in self.out if isinstance(i, str)}
        return [c for c in letters(*self.factors) if c not in kept]

    @property
    def windowed(self) -> bool:
        """Whether a window slides."""
        return any(isinstance(i, SlidingIndex) for word in (*self.factors, self.out) for i in word)

    def written(self) -> Written:
        """Return the indices as they are written.

        What a window adds up in a place h comes from the windows at ``(h + before − step · tap) /
        stride``, as far as there are such: so no letter of the sum stands in the result.
        """
        free = (c for c in "hwt" + SPARE if c not in self.sizes)
        names: dict[str, str] = {}
        out = []
        for index in self.out:
            if isinstance(index, SlidingIndex):
                here = next(free)
                names[index.at] = index.backwards(here)
                out.append(here)
            else:
                out.append(str(index))
        factors = [
            [names.get(i, i) if isinstance(i, str) else str(i) if isinstance(i, int) else i.text()
             for i in own]
            for own in self.factors
        ]  # fmt: skip
        return Written(factors, out, [c for c in self.summed if c not in names])

    def as_data(self) -> dict[str, Any]:
        """Return all that a page needs to find what meets in an element."""

        def plain(word: Indices) -> list[Any]:
            return [
                [i.at, i.tap, i.stride, i.step, i.before] if isinstance(i, SlidingIndex) else i
                for i in word
            ]

        return {
            "factors": [plain(word) for word in self.factors],
            "out": plain(self.out),
            "sizes": dict(self.sizes),
            "shapes": self.shapes,
            "shape": self.shape,
        }

    # -- as formulas ---------------------------------------------------------------------

    def formula(self, factors: Sequence[Formula], value: Any = None) -> Formula:
        """Return the index form of an element of the result, as a formula of all of it."""
        if value is None:
            value = self.evaluate([f.value for f in factors])
        return Formula("contraction", value, "", tuple(factors), {"contraction": self})

    def matrices(self, factors: Sequence[Formula], value: Any = None) -> Formula | None:
        """Return the same as a product of matrices and vectors, where it is one."""
        if value is None:
            value = self.evaluate([f.value for f in factors])
        return _as_matrices(self, factors, value)

    # -- as numbers ----------------------------------------------------------------------

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        """Compute the whole result with einsum."""
        words, opened = [], []
        for own, array in zip(self.factors, arrays, strict=True):
            a = np.asarray(array)
            for d in reversed(range(len(own))):
                index = own[d]
                if isinstance(index, SlidingIndex):
                    a = self._opened(a, d, index)
                elif isinstance(index, int):
                    a = np.squeeze(a, d)
            words.append("".join(letters(own)))
            opened.append(a)
        known = [c for c in letters(self.out) if any(c in word for word in words)]
        made = np.einsum(f"{','.join(words)}->{''.join(known)}", *opened)
        return self._put(made, known)

    def _opened(self, a: Any, d: int, index: SlidingIndex) -> Any:
        """Give an array two axes, of windows and of taps, for one that windows slide along."""
        ats, taps = np.indices((self.sizes[index.at], self.sizes[index.tap]))
        places = index.place(ats, taps)
        inside = (places >= 0) & (places < a.shape[d])
        picked = np.take(a, np.where(inside, places, 0), axis=d)
        return np.where(inside.reshape(*inside.shape, *(1,) * (a.ndim - d - 1)), picked, 0)

    def _put(self, made: Any, known: list[str]) -> Any:
        """Add what windows meet up in its places; copy what is the same along an axis."""
        result = np.zeros(self.shape, made.dtype)
        moving = [c for i in self.out if isinstance(i, SlidingIndex) for c in (i.at, i.tap)]
        for values in itertools.product(*(range(self.sizes[c]) for c in moving)):
            at = dict(zip(moving, values, strict=True))
            target: list[slice] = []
            for d, index in enumerate(self.out):
                place = (
                    index.place(at[index.at], at[index.tap])
                    if isinstance(index, SlidingIndex)
                    else 0
                )
                if not 0 <= place < self.shape[d]:
                    break
                single = isinstance(index, SlidingIndex)
                target.append(slice(place, place + 1) if single else slice(None))
            else:
                part = made[tuple(at.get(c, slice(None)) for c in known)]
                lengths = iter(np.shape(part))
                shape = [next(lengths) if isinstance(i, str) and i in known else 1
                         for i in self.out]  # fmt: skip
                result[tuple(target)] += np.reshape(part, shape)
        return result[()]

    def places(
        self, element: Sequence[int], *, backwards: bool = False
    ) -> Iterator[tuple[tuple[int, ...], ...]]:
        """Yield, for each product in the sum of one element, the places of its factors."""
        fixed = {c: i for c, i in zip(self.out, element, strict=True) if isinstance(c, str)}
        windows = [
            (w, i) for w, i in zip(self.out, element, strict=True) if isinstance(w, SlidingIndex)
        ]
        known = {*fixed, *(w.at for w, _ in windows)}
        free = [c for c in letters(*self.factors, self.out) if c not in known]
        step = -1 if backwards else 1
        for values in itertools.product(*(range(self.sizes[c])[::step] for c in free)):
            at = fixed | dict(zip(free, values, strict=True))
            for w, i in windows:  # which window meets this place with this tap
                at[w.at], rest = divmod(i + w.before - w.step * at[w.tap], w.stride)
                if rest or not 0 <= at[w.at] < self.sizes[w.at]:
                    break
            else:
                yield from self._inside(at)

    def _inside(self, at: Mapping[str, int]) -> Iterator[tuple[tuple[int, ...], ...]]:
        """Yield the places of the factors, unless one of them lies in the border."""
        found = tuple(tuple(_place(i, at) for i in own) for own in self.factors)
        places = zip(itertools.chain(*found), itertools.chain(*self.shapes), strict=True)
        if all(0 <= i < n for i, n in places):
            yield found

    def comes_to(self, arrays: Sequence[Any], value: Any) -> bool:
        """Whether the sums come to a value; too many of them are not checked."""
        count = 1
        for c in letters(*self.factors, self.out):
            count *= self.sizes[c]
        if count > CHECKED:
            return True
        made, value = self.evaluate(arrays), np.asarray(value)
        if np.shape(made) != value.shape:
            return False
        single = value.dtype.itemsize // (2 if value.dtype.kind == "c" else 1) <= 4
        tolerance = 1e-3 if single else 1e-9
        size = np.max(np.abs(value), initial=0.0, where=np.isfinite(value))
        return bool(np.allclose(made, value, tolerance, tolerance * size + 1e-300, equal_nan=True))


def _place(index: Index, at: Mapping[str, int]) -> int:
    if isinstance(index, SlidingIndex):
        return int(index.place(at[index.at], at[index.tap]))
    return at[index] if isinstance(index, str) else 0


def reasons(formula: Formula, product: Formula, operand: str, result: str) -> list[str]:
    """Say why a gradient is this sum of products, and why its factors stand as they do.

    Parameters
    ----------
    formula
        The index form of the gradient.
    product
        The same as a product of matrices, if it is one.
    operand, result
        What they are called.
    """
    c: Contraction = formula.parameters["contraction"]
    written = c.written()
    said = []
    if written.summed:
        # A word stands first, as a sentence's first letter is made large, and a name's must not be.
        place = f"[{', '.join(written.out)}]" if written.out else ""
        own = f"{'each' if place else 'the number'} {operand}{place}"
        to = ", ".join(written.factors[0])
        every = _every(written.summed)
        said.append(
            f"{own} goes into {result}[{to}] for every {every}, and each of these sends something "
            f"back: so the sum runs over {every}"
        )
    if product.head == "matmul":
        said.append(_why_so(c, product, operand))
    return said


def _every(letters: Sequence[str]) -> str:
    return letters[0] if len(letters) == 1 else f"{', '.join(letters[:-1])} and {letters[-1]}"


def _why_so(c: Contraction, product: Formula, operand: str) -> str:
    a, b = product.arguments
    shapes = " · ".join(f"({_across(_as_factor(f))})" for f in (a, b))
    text = f"shapes: {shapes} = {_across(c.shape)}, which is that of {operand}"
    if not c.summed:
        return (
            f"{text}: nothing is summed, each element of the one meets each of the other, as a "
            "column times a row"
        )
    (s,) = c.summed
    turned = [f for f in (a, b) if f.head == "transpose"]
    if not turned:
        return f"{text}: {s}, which is summed, stands last in the first and first in the second"
    which = (
        "both are" if len(turned) == 2 else "the first is" if turned[0] is a else "the second is"
    )
    return (
        f"{text}: {s}, which is summed, has to stand last in the first and first in the second, so "
        f"{which} transposed"
    )


def _as_factor(f: Formula) -> tuple[int, ...]:
    """Return the shape of a matrix; a vector is a column."""
    return f.shape if len(f.shape) > 1 else (*f.shape, 1)


def _across(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "1"


# -- matrices ------------------------------------------------------------------------------------


def _as_matrices(c: Contraction, factors: Sequence[Formula], value: Any) -> Formula | None:
    """Write a contraction with products of matrices, transpositions and sums over axes."""
    if c.windowed or any(isinstance(i, int) for word in (*c.factors, c.out) for i in word):
        return None
    if len(factors) == 1:
        return _total(c, factors[0], value)
    if len(factors) != 2:
        return None
    (x, y), words = factors, [tuple(map(str, word)) for word in c.factors]
    out = tuple(map(str, c.out))
    if not words[0] or not words[1]:  # a number times an array
        whole = words[1] if not words[0] else words[0]
        return apply("multiply", x, y, value=value) if whole == out else None
    # Matrices that stand in rows are multiplied each by itself.
    together = _common_start(words[0], words[1], out)
    left, right, made = (word[together:] for word in (*words, out))
    summed = [i for i in left if i in right and i not in made]
    if len(summed) != len(c.summed) or max(map(len, (left, right, made))) > 2:
        return None
    if len(made) == 2:
        if len(summed) > 1 or made[0] in right:
            x, y, left, right = y, x, right, left
        if made[0] not in left or made[1] not in right or made[0] in right or made[1] in left:
            return None
        if not summed:  # two vectors: a column times a row
            return None if together else apply("matmul", x, _turned(y), value=value)
        (s,) = summed
        x = x if left[-1] == s else _turned(x)
        y = y if right[0] == s else _turned(y)
        return apply("matmul", x, y, value=value)
    if len(made) == 1 and len(summed) == 1:
        if made[0] in right:
            x, y, left, right = y, x, right, left
        if made[0] not in left or right != (summed[0],):
            return None
        return apply("matmul", x if left[-1] == summed[0] else _turned(x), y, value=value)
    if not made and len(summed) == 1 and left == right and not together:
        return apply("matmul", x, y, value=value)
    return None


def _common_start(*words: tuple[str, ...]) -> int:
    """Count the letters with which all words begin, beside two."""
    n = 0
    while all(len(word) > n + 1 and word[n] == words[0][n] for word in words):
        n += 1
    return n


def _turned(f: Formula) -> Formula:
    """Return the transpose; of a vector, which is a column, the row."""
    value = np.asarray(f.value)
    turned = value[None, :] if value.ndim == 1 else np.swapaxes(value, -1, -2)
    return Formula("transpose", turned, "", (f,), {"rows": True})


def _total(c: Contraction, f: Formula, value: Any) -> Formula | None:
    """Write a sum over axes."""
    (word,) = c.factors
    if [i for i in word if i in c.out] != list(c.out):  # else it is copied along an axis
        return None
    axes = tuple(d for d, i in enumerate(word) if i not in c.out)
    if not axes:
        return f
    total = np.sum(np.asarray(f.value), axis=axes)
    return apply("sum", f, value=total, axis=axes[0] if len(axes) == 1 else axes)
