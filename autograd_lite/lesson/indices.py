"""The indices that a primitive declares, read for operands of certain shapes.

>>> from autograd_lite.calculus.convolution import conv2d
>>> declared = contraction(conv2d, [(1, 2, 4, 4), (3, 2, 2, 2)], (1, 3, 3, 3), {})
>>> str(declared.product)
'nk[ri][sj],okij->nors'
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..declaration import Declaration
from .contractions import SPARE, Contraction, Indices, SlidingIndex, letters

LEADING = "nmlp"  # for the axes before those that have a letter


@dataclass(frozen=True)
class Declared:
    """The indices that an operation declares.

    Attributes
    ----------
    product
        The sum of products.
    positions
        Which operand each factor is.
    added
        The indices of those operands that are added to it, as a bias is, by their positions.
    """

    product: Contraction
    positions: tuple[int, ...]
    added: Mapping[int, tuple[Indices, tuple[int, ...]]]

    def gradient(self, position: int) -> Contraction:
        """Return the gradient of an operand: of the upstream gradient, then of the `others`."""
        p = self.product
        if position in self.added:
            own, shape = self.added[position]
            return Contraction((p.out,), own, (p.shape,), shape, p.sizes)
        k = self.positions.index(position)
        rest = [i for i in range(len(p.factors)) if i != k]
        factors = (p.out, *(p.factors[i] for i in rest))
        shapes = (p.shape, *(p.shapes[i] for i in rest))
        return Contraction(factors, p.factors[k], shapes, p.shapes[k], p.sizes)

    def others(self, position: int) -> list[int]:
        """Return which operands stand beside the upstream gradient."""
        return [] if position in self.added else [i for i in self.positions if i != position]


def contraction(
    primitive: Declaration,
    shapes: Sequence[tuple[int, ...]],
    shape: tuple[int, ...],
    parameters: Mapping[str, Any],
    taken: Collection[str] = (),
) -> Declared | None:
    """Read the indices that a primitive declares, for operands of certain shapes.

    Parameters
    ----------
    primitive
        The declaration.
    shapes, shape
        The shapes of the operands, and of the result.
    parameters
        Such as ``stride``.
    taken
        Names that are no letters of ours, since the program has values that are called so.

    Returns
    -------
    Declared
        None if the primitive declares no indices.
    """
    if primitive.indices is None:
        return None
    text = primitive.indices.format(**parameters)
    left, _, right = text.replace(" ", "").partition("->")
    first, *rest = left.split("+")
    words = first.split(",")
    every = [*words, *rest]
    if len(every) != len(shapes):
        return None
    slides = _Slides(parameters)
    read = [_indices(word, len(s), slides) for word, s in zip(every, shapes, strict=True)]
    slides.again()
    known = set(letters(*read))
    for optional in re.findall(r"(\w)\?", right):
        right = right.replace(f"{optional}?", optional if optional in known else "")
    out = _indices(right, len(shape), slides)
    renamed = _free(letters(*read, out), taken)
    read = [_renamed(word, renamed) for word in read]
    out = _renamed(out, renamed)
    sizes = _sizes([*read, out], [*shapes, shape], parameters)
    if sizes is None:
        return None
    read = [_stretched(word, s, sizes) for word, s in zip(read, shapes, strict=True)]
    n = len(words)
    product = Contraction(tuple(read[:n]), out, tuple(shapes[:n]), shape, sizes)
    added = {n + i: (word, shapes[n + i]) for i, word in enumerate(read[n:])}
    return Declared(product, tuple(range(n)), added)


class _Slides:
    """The strides, dilations and borders of windows, one axis after the other."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self.parameters = parameters
        self.count = 0

    def again(self) -> None:
        self.count = 0

    def next(self, at: str, tap: str) -> SlidingIndex:
        """Return the window of the next axis that one slides along."""
        d, given = self.count, self.parameters
        self.count += 1
        stride = given.get("stride", (1, 1))[d] if d < 2 else 1
        step = given.get("dilation", (1, 1))[d] if d < 2 else 1
        before = given.get("padding", ((0, 0), (0, 0)))[d][0] if d < 2 else 0
        return SlidingIndex(at, tap, int(stride), int(step), int(before))


def _indices(word: str, ndim: int, slides: _Slides) -> Indices:
    """Read the indices of one operand: ``...`` are leading axes, ``i?`` may be missing."""
    tokens = re.findall(r"\.\.\.|\[\w\w\]|\w\??", word)
    optional = [t for t in tokens if t.endswith("?")]
    fixed = sum(t != "..." and not t.endswith("?") for t in tokens)
    missing = optional[: max(0, fixed + len(optional) - ndim)]
    tokens = [t.rstrip("?") for t in tokens if t not in missing]
    if "..." in tokens:
        i, count = tokens.index("..."), ndim - (len(tokens) - 1)
        tokens[i : i + 1] = reversed(LEADING[: max(count, 0)])
    return tuple(slides.next(t[1], t[2]) if len(t) == 4 else t for t in tokens)


def _free(used: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """Rename the letters that the program has values for."""
    free = iter([c for c in SPARE if c not in taken and c not in used])
    return {c: next(free, c) if c in taken else c for c in used}


def _renamed(word: Indices, names: Mapping[str, str]) -> Indices:
    return tuple(
        SlidingIndex(names[i.at], names[i.tap], i.stride, i.step, i.before)
        if isinstance(i, SlidingIndex) else names[i] if isinstance(i, str) else i
        for i in word
    )  # fmt: skip


def _sizes(
    words: Sequence[Indices], shapes: Sequence[tuple[int, ...]], parameters: Mapping[str, Any]
) -> dict[str, int] | None:
    """Return how far each letter runs; None if the shapes do not tell."""
    sizes: dict[str, int] = {}
    for word, shape in zip(words, shapes, strict=True):
        if len(word) != len(shape):
            return None
        for index, n in zip(word, shape, strict=True):
            if isinstance(index, str):
                sizes[index] = n if sizes.get(index, 1) == 1 else sizes[index]
    windows = [i for word in words for i in word if isinstance(i, SlidingIndex)]
    for d, window in enumerate(windows):
        if window.tap not in sizes and "kernel" in parameters:
            sizes[window.tap] = parameters["kernel"][d % 2]
    return sizes if all(c in sizes for c in letters(*words)) else None


def _stretched(word: Indices, shape: tuple[int, ...], sizes: Mapping[str, int]) -> Indices:
    """Mark the axes of length 1 that are copied along."""
    return tuple(
        0 if isinstance(i, str) and n == 1 != sizes[i] else i
        for i, n in zip(word, shape, strict=True)
    )
