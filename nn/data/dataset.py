"""Examples that can be counted and taken by index, and how they are divided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_lite.randomness import Random, generator

from ..module import Array
from ..settings import as_data, probability


class Dataset:
    """Examples that can be counted and taken by index: a subclass says how.

    `__getitem__` returns an example, usually a tuple (input, target).

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 3
    ...
    ...     def __getitem__(self, i):
    ...         return float(i), float(i * i)
    >>> Squares()[2], len(Squares())
    ((2.0, 4.0), 3)
    """

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} does not say how many examples it has.")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not say what an example is.")

    def batch(self, indices: Array) -> tuple[Array, ...]:
        """Return several examples, each of their parts as one array."""
        examples = [self[int(i)] for i in indices]
        if not isinstance(examples[0], tuple):
            examples = [(example,) for example in examples]
        parts = zip(*examples, strict=True)
        return tuple(np.stack([as_data("Examples", p) for p in part]) for part in parts)


class TensorDataset(Dataset):
    """Arrays side by side: example i is row i of each.

    Raises
    ------
    ValueError
        If there is none, or they have different lengths.

    Examples
    --------
    >>> pairs = TensorDataset(np.array([[0.0], [1.0], [2.0]]), np.array([0, 1, 4]))
    >>> len(pairs), pairs[2]
    (3, (array([2.]), np.int64(4)))
    """

    def __init__(self, *arrays: Any) -> None:
        self.arrays = tuple(as_data("The arrays of a dataset", array) for array in arrays)
        lengths = {len(array) if array.ndim else None for array in self.arrays}
        if len(lengths) != 1 or None in lengths:
            shapes = ", ".join(str(array.shape) for array in self.arrays)
            raise ValueError(
                f"TensorDataset takes arrays of one length, and got {shapes or 'none'}."
            )

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return tuple(array[index] for array in self.arrays)

    def batch(self, indices: Array) -> tuple[Array, ...]:
        """Return several examples at once."""
        return tuple(array[indices] for array in self.arrays)


class Subset(Dataset):
    """Some examples of another dataset.

    >>> numbers = TensorDataset(np.arange(5))
    >>> [int(x) for (x,) in Subset(numbers, [0, 4])]
    [0, 4]
    """

    def __init__(self, dataset: Dataset, indices: Any) -> None:
        self.dataset = dataset
        self.indices = np.asarray(indices, dtype=np.intp)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: Array) -> tuple[Array, ...]:
        """Return several examples at once."""
        return self.dataset.batch(self.indices[indices])


def random_split(dataset: Dataset, lengths: Sequence[float], rng: Random = None) -> list[Subset]:
    """Divide a dataset by chance into parts without a common example.

    Parameters
    ----------
    dataset
        What to divide.
    lengths
        How many examples are in each part; or shares that add up to 1, of which
        what rounding leaves over goes one by one to the first parts.
    rng
        A generator or a seed; else the default sequence (see `nn.init`).

    Raises
    ------
    ValueError
        If the lengths do not add up.

    Examples
    --------
    >>> data = TensorDataset(np.arange(10))
    >>> [len(part) for part in random_split(data, [0.75, 0.25])]
    [8, 2]
    """
    count = len(dataset)
    if all(isinstance(n, (int, np.integer)) for n in lengths) and sum(lengths) == count:
        sizes = [int(n) for n in lengths]
    elif math.isclose(sum(lengths), 1.0) and min(lengths) >= 0:
        sizes = [math.floor(count * share) for share in lengths]
        for i in range(count - sum(sizes)):
            sizes[i % len(sizes)] += 1
    else:
        raise ValueError(
            f"lengths add up to the {count} examples, or as shares to 1, and got {list(lengths)}."
        )
    if min(sizes) < 0:
        raise ValueError(f"A length is at least 0, and got {list(lengths)}.")
    order = generator(rng).permutation(count)
    return [Subset(dataset, part) for part in np.split(order, np.cumsum(sizes[:-1]))]


def stratified_split(labels: Any, share: float = 0.2, rng: Random = None) -> tuple[Array, Array]:
    """Return the indices of two parts, in which every class has its share.

    Parameters
    ----------
    labels
        The class of each example, (n,).
    share
        Of each class, what goes into the second part, rounded.
    rng
        A generator or a seed; else the default sequence (see `nn.init`).

    Returns
    -------
    rest, held_out : arrays of int
        Sorted.

    Examples
    --------
    >>> rest, held_out = stratified_split([0] * 10 + [1] * 5, share=0.2)
    >>> len(rest), (held_out < 10).sum(), (held_out >= 10).sum()
    (12, np.int64(2), np.int64(1))
    """
    labels, rng, share = as_data("labels", labels), generator(rng), probability("share", share)
    chosen = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        chosen.append(rng.permutation(places)[: round(share * len(places))])
    held_out = np.sort(np.concatenate(chosen))
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out
