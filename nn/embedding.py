"""Embedding: a row of a table for each index, such as a vector for each word.

It is a linear layer whose input is one-hot: what `functional.one_hot` writes out,
the look-up leaves out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.calculus.indexing import getitem
from autograd_lite.randomness import Random
from autograd_lite.tensor import is_recorded, measured

from . import init, settings
from .module import Module, Parameter, to_numpy
from .operands import check, operand
from .settings import count, integer


def _check_indices(index: Any, name: str, rows: int) -> Any:
    """Return indices of a table's rows, having seen that they are."""
    wrong = index[(index < 0) | (index >= rows)]
    if wrong.size:
        raise IndexError(f"{name} takes indices from 0 to {rows - 1}, and got {wrong[0]}.")
    return index


_indices = check(_check_indices, nondifferentiable="index", parameters="name rows")


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """Return the rows of a table; input (…) of integers, weight (rows, numbers); `nn.Embedding`.

    Raises
    ------
    ValueError
        If the weight is not (rows, numbers).

    Examples
    --------
    >>> embedding([1, 1], np.array([[0.0, 0.0], [2.0, 3.0]]))
    array([[2., 3.],
           [2., 3.]])
    """
    weight = operand(weight)
    if weight.ndim != 2:
        raise ValueError(f"embedding takes a weight (rows, numbers), and got shape {weight.shape}.")
    index = measured(operand(input))
    if index.dtype.kind not in "iu":
        raise TypeError(f"embedding takes indices, which are integers, and got {index.dtype}.")
    index = _indices.apply(index, name="embedding", rows=len(weight))
    rows = weight[index] if is_recorded(index) else getitem.apply(weight, index=index)
    padding = _padding(padding_idx, len(weight))
    if padding is None:
        return rows
    # The same numbers there, from where no gradient goes back.
    return np.where((index == padding)[..., None], measured(weight)[padding], rows)


def _padding(padding_idx: int | None, rows: int) -> int | None:
    """Return which row is for padding, counted from the first."""
    if padding_idx is None:
        return None
    found = integer("padding_idx", padding_idx)
    if not -rows <= found < rows:
        raise ValueError(f"padding_idx is one of {rows} rows, and got {padding_idx}.")
    return found % rows


class Embedding(Module):
    """A table of vectors that are learned, one for each index.

    Parameters
    ----------
    num_embeddings
        How many vectors there are.
    embedding_dim
        How many numbers each has.
    padding_idx
        The index of a vector that starts as 0 and is never learned: it fills up
        sequences that are shorter than others.
    rng
        A generator or a seed for the start; else the default sequence (see `nn.init`).
    dtype
        Of the vectors, which start normally distributed, as in PyTorch.

    Attributes
    ----------
    weight : Parameter, (num_embeddings, embedding_dim)

    Raises
    ------
    ValueError
        If a size is not a positive integer, or `padding_idx` is out of range.
    IndexError
        At a call, if an index is out of range; a TypeError if it is no integer.

    Examples
    --------
    >>> layer = Embedding(10, 3, rng=0)
    >>> layer([[1, 2], [4, 5], [7, 8], [9, 9]]).shape
    (4, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        rng: Random = None,
        dtype: Any = np.float64,
    ) -> None:
        self.num_embeddings = rows = count("num_embeddings", num_embeddings)
        self.embedding_dim = count("embedding_dim", embedding_dim)
        self.padding_idx = _padding(padding_idx, rows)
        self.weight = Parameter(np.zeros((rows, self.embedding_dim), settings.dtype(dtype)))
        init.normal_(self.weight, rng=rng)
        if self.padding_idx is not None:
            start = to_numpy(self.weight).copy()
            start[self.padding_idx] = 0.0
            self.weight.data = start

    def forward(self, input: Any) -> Tensor:
        """Return the vectors of indices (…), as (…, embedding_dim)."""
        return embedding(input, self.weight, self.padding_idx)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the settings."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
