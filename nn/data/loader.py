"""Batches of a dataset: in which order, and how examples become one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.randomness import Random, generator

from ..module import Array, to_numpy
from ..settings import count, flag
from .dataset import TensorDataset


def collate(examples: list[Any]) -> Any:
    """Return a batch of examples: numbers and arrays are stacked, tuples and dicts part by part.

    >>> collate([(np.zeros(2), 1), (np.ones(2), 0)])
    (array([[0., 0.],
           [1., 1.]]), array([1, 0]))

    Raises
    ------
    ValueError
        If examples have different shapes: a `collate_fn` says what is to become of them.
    """
    first = examples[0]
    if isinstance(first, Mapping):
        return {key: collate([example[key] for example in examples]) for key in first}
    if isinstance(first, (tuple, list)):
        return tuple(collate(list(parts)) for parts in zip(*examples, strict=True))
    if isinstance(first, (str, bytes)):
        return list(examples)
    arrays = [to_numpy(example) for example in examples]
    if len({array.shape for array in arrays}) > 1:
        raise ValueError(
            "Examples of several shapes make no array: give DataLoader a collate_fn, a function "
            f"of their list; the first is of shape {arrays[0].shape}."
        )
    return np.stack(arrays)


class DataLoader:
    """Batches of a dataset, each a tuple of arrays; every iteration goes once through all.

    Parameters
    ----------
    dataset
        A `Dataset`, a tuple of arrays, or anything with a length and examples by number.
    batch_size
        Examples in a batch.
    shuffle
        Whether every iteration takes a new order.
    sampler
        An iterable of the numbers of examples, which says what an iteration takes and in
        which order; in place of `shuffle`.
    num_workers
        Accepted, as programs for PyTorch give it: here one process serves all batches,
        and a warning says so.
    collate_fn
        Makes a batch of a list of examples; by default `collate`.
    drop_last
        Whether a last batch that is smaller is left out.
    rng
        A generator or a seed for the orders; else the default sequence (see `nn.init`).

    Raises
    ------
    ValueError
        If the size is no positive integer, or both `shuffle` and a `sampler` are given.

    Examples
    --------
    >>> loader = DataLoader((np.arange(5),), batch_size=2, drop_last=True)
    >>> len(loader), [batch[0].tolist() for batch in loader]
    (2, [[0, 1], [2, 3]])

    Words of several lengths, with a batch of our own:

    >>> words = [("ab", 0), ("c", 1)]
    >>> longest = lambda examples: (max(len(word) for word, _ in examples), len(examples))
    >>> list(DataLoader(words, batch_size=2, collate_fn=longest))
    [(2, 2)]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        *,
        sampler: Iterable[int] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        rng: Random = None,
    ) -> None:
        self.dataset = TensorDataset(*dataset) if isinstance(dataset, tuple) else dataset
        by_number = hasattr(self.dataset, "__len__") and hasattr(self.dataset, "__getitem__")
        if isinstance(dataset, (np.ndarray, Tensor, str)) or not by_number:
            raise TypeError(
                "A DataLoader takes a Dataset or a tuple of arrays, and got "
                f"{type(dataset).__name__}: for one array, write (array,)."
            )
        if collate_fn is not None and not callable(collate_fn):
            raise TypeError(
                f"collate_fn is a function of a list of examples, and got {collate_fn!r}."
            )
        self.batch_size = count("batch_size", batch_size)
        self.shuffle = flag("shuffle", shuffle)
        self.drop_last = flag("drop_last", drop_last)
        if sampler is not None and self.shuffle:
            raise ValueError("A sampler says the order: give it, or shuffle=True, not both.")
        self.sampler, self.collate_fn = sampler, collate_fn
        if count("num_workers", num_workers, 0):
            warnings.warn(
                f"num_workers={num_workers} is accepted, and one process serves all batches.",
                stacklevel=2,
            )
        self.rng = None if rng is None else generator(rng)
        # An iteration's order, and how far it is: the one that runs, and one that is to go on.
        self._under_way: tuple[Array, int] | None = None
        self._loaded: tuple[Array, int] | None = None

    @property
    def examples(self) -> int:
        """How many examples an iteration takes."""
        return self._taken - self._taken % self.batch_size if self.drop_last else self._taken

    @property
    def _taken(self) -> int:
        return len(self.dataset if self.sampler is None else _sized(self.sampler))

    def __len__(self) -> int:
        return self._batches(self._taken)

    def _batches(self, examples: int) -> int:
        return examples // self.batch_size if self.drop_last else -(-examples // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        order, begins = self._loaded or (self._order(), 0)
        self._loaded, size = None, self.batch_size
        try:
            for first in range(begins, self._batches(len(order)) * size, size):
                self._under_way = order, first + size
                yield self._batch(order[first : first + size])
        finally:
            self._under_way = None

    def _batch(self, numbers: Array) -> Any:
        if self.collate_fn is None and hasattr(self.dataset, "batch"):
            return self.dataset.batch(numbers)  # at once, not example by example
        return (self.collate_fn or collate)([self.dataset[int(i)] for i in numbers])

    def _order(self) -> Array:
        if self.sampler is not None:
            return np.fromiter(self.sampler, int)
        count = len(self.dataset)
        return generator(self.rng).permutation(count) if self.shuffle else np.arange(count)

    def state_dict(self) -> dict[str, Any]:
        """Return what the next batches depend on, in the middle of an iteration too.

        Without an `rng` of its own the loader draws from the default sequence,
        which `nn.get_rng_state` saves.

        >>> loader = DataLoader((np.arange(6),), batch_size=2, shuffle=True, rng=0)
        >>> for batch in loader:
        ...     saved = loader.state_dict()
        ...     break
        >>> loader.load_state_dict(saved)
        >>> [rest.tolist() for (rest,) in loader]
        [[5, 4], [0, 1]]
        """
        order, position = self._under_way or self._loaded or (None, 0)
        rng = None if self.rng is None else dict(self.rng.bit_generator.state)
        return {"order": order, "position": position, "rng": rng}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned: first with the rest of that iteration.

        Raises
        ------
        ValueError
            If it is the state of a loader of other data, or of one with an `rng`
            where this has none or the reverse; nothing has been changed then.
        """
        order, rng, own = state["order"], state["rng"], self.state_dict()
        if set(state) != set(own) or (rng is None) != (self.rng is None):
            raise ValueError(
                "The state does not fit this DataLoader, so nothing was loaded: only one of them "
                "has an rng of its own."
            )
        if order is not None and self.sampler is None and len(order) != len(self.dataset):
            raise ValueError(
                f"The state does not fit this DataLoader, so nothing was loaded: it is of "
                f"{len(order)} examples, and here are {len(self.dataset)}."
            )
        if self.rng is not None:
            self.rng.bit_generator.state = rng
        self._under_way = None
        self._loaded = None if order is None else (np.asarray(order), int(state["position"]))


def _sized(sampler: Iterable[int]) -> Sized:
    if not isinstance(sampler, Sized):
        raise TypeError(
            f"This {type(sampler).__name__} of a sampler has no length: give a list, or a class "
            "with __len__ and __iter__."
        )
    return sampler
