"""Data: examples one by one, or in batches, in an order that a seed decides.

>>> x, y = np.arange(10.0).reshape(5, 2), np.arange(5)
>>> loader = DataLoader(TensorDataset(x, y), batch_size=2, shuffle=True, rng=0)
>>> for inputs, targets in loader:
...     print(inputs.shape, targets)
(2, 2) [2 4]
(2, 2) [3 0]
(1, 2) [1]
"""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.errors import missing_extra
from autograd_lite.files import StrPath
from autograd_lite.randomness import Random, generator

from .module import Array, to_numpy
from .settings import as_data, count, flag, from_zero, probability

# -- examples ----------------------------------------------------------------------------------


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


# -- batches -------------------------------------------------------------------------------------


def _sized(sampler: Iterable[int]) -> Sized:
    if not isinstance(sampler, Sized):
        raise TypeError(
            f"This {type(sampler).__name__} of a sampler has no length: give a list, or a class "
            "with __len__ and __iter__."
        )
    return sampler


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
        """Return what the next batches hang on, in the middle of an iteration too.

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


# -- files of the MNIST family --------------------------------------------------------------------

MOST_AXES = 64
IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: StrPath) -> Array:
    """Read an array from an IDX file, compressed with gzip or not.

    The file is two zero bytes, a byte for the type, a byte for the number of
    axes, their sizes (big-endian, four bytes each), and the numbers.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no IDX file, or has fewer or more numbers than it says.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     written = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    ...     file.flush()
    ...     read_idx(file.name)
    array([7, 8, 9], dtype=uint8)
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            return _idx(name, gzip.GzipFile(fileobj=file) if compressed else file)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{name} is a damaged gzip file: {error}.") from None


def _idx(name: str, file: io.BufferedIOBase) -> Array:
    """Read an IDX file, of which no more is unpacked than its header announces."""
    begin = file.read(4)
    if len(begin) < 4 or begin[:2] != b"\0\0" or begin[2] not in IDX_TYPES:
        raise ValueError(
            f"{name} is no IDX file: it begins with the bytes {begin.hex(' ') or '(none)'}, "
            "not with 00 00, a type and a number of axes."
        )
    kind, axes = np.dtype(IDX_TYPES[begin[2]]), begin[3]
    if axes > MOST_AXES:
        raise ValueError(
            f"{name} is no IDX file that can be read: it has {axes} axes, and NumPy's arrays have "
            f"at most {MOST_AXES}."
        )
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise ValueError(f"{name} is cut off: it ends before the sizes of its {axes} axes.")
    shape = struct.unpack(f">{axes}I", sizes)
    wanted = math.prod(shape) * kind.itemsize
    content = bytearray()
    while part := file.read(min(wanted + 1 - len(content), 2**20)):
        content += part
    if len(content) != wanted:
        short, begins = len(content) < wanted, 4 + 4 * axes
        raise ValueError(
            f"{name} is {'cut off' if short else 'too long'}: for {' × '.join(map(str, shape))} "
            f"numbers of {kind.itemsize} bytes it would have {begins + wanted} bytes, and it has "
            f"{begins + len(content) if short else 'more'}."
        )
    return np.frombuffer(content, kind).reshape(shape).astype(kind.newbyteorder("="))


def read_mnist(folder: StrPath, train: bool = True, dtype: Any = np.float32) -> TensorDataset:
    """Read MNIST, or a relative of it, from its IDX files in a folder.

    These are ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, or
    ``t10k-…`` for testing, with ``.gz`` at the end or not.

    Returns
    -------
    TensorDataset
        Images (n, 1, rows, columns) from 0 to 1 in `dtype`, and labels (n,) of int.

    Raises
    ------
    FileNotFoundError
        If a file is not there: it says which were looked for.
    ValueError
        If a file is damaged, holds something else than its name says, or the two
        do not belong together.

    Examples
    --------
    >>> try:
    ...     read_mnist("no such folder")
    ... except FileNotFoundError as error:
    ...     print(str(error)[:40])
    no such folder has none of train-images-
    """
    part = "train" if train else "t10k"
    images_path = _found(folder, f"{part}-images-idx3-ubyte")
    labels_path = _found(folder, f"{part}-labels-idx1-ubyte")
    images, labels = read_idx(images_path), read_idx(labels_path)
    for path, array, axes, what in (
        (images_path, images, 3, "images"),
        (labels_path, labels, 1, "labels"),
    ):
        if array.ndim != axes or array.dtype != np.uint8:
            raise ValueError(
                f"{path} should have {what}, {axes} axes of bytes, and has {array.ndim} of "
                f"{array.dtype}: is it another file under this name?"
            )
    if len(images) != len(labels):
        raise ValueError(
            f"{images_path} has {len(images)} images and {labels_path} has {len(labels)} labels: "
            "they do not belong together."
        )
    scaled = images[:, None].astype(dtype) / np.dtype(dtype).type(255)
    return TensorDataset(scaled, labels.astype(np.int64))


def _found(folder: StrPath, name: str) -> Path:
    candidates = [
        Path(folder) / variant
        for base in (name, name.replace("-idx", ".idx"))
        for variant in (base, f"{base}.gz")
    ]
    for path in candidates:
        if path.is_file():
            return path
    names = ", ".join(path.name for path in candidates)
    raise FileNotFoundError(f"{os.fspath(folder)} has none of {names}.")


# -- scikit-learn's -----------------------------------------------------------------------------


def moons(n: int = 200, noise: float = 0.2, rng: Random = None) -> tuple[Array, Array]:
    """Return two interleaving half circles: points (n, 2) and labels (n,) of 0 and 1.

    >>> points, labels = moons(10)
    >>> points.shape, labels.shape
    ((10, 2), (10,))
    """
    n, noise = count("n", n), from_zero("noise", noise)
    points, labels = _sklearn().make_moons(n, noise=noise, random_state=_state(rng))
    return points, labels


def blobs(
    n: int = 200, centers: int = 2, spread: float = 1.0, rng: Random = None
) -> tuple[Array, Array]:
    """Return round clusters: points (n, 2) and the number of each one's cluster (n,).

    >>> points, labels = blobs(10)
    >>> sorted(set(labels.tolist()))
    [0, 1]
    """
    n, centers, spread = count("n", n), count("centers", centers), from_zero("spread", spread)
    points, labels = _sklearn().make_blobs(
        n, centers=centers, cluster_std=spread, random_state=_state(rng)
    )
    return points, labels


def digits(dtype: Any = np.float64) -> tuple[Array, Array]:
    """Return 1797 handwritten digits: images (n, 1, 8, 8) from 0 to 1, and labels (n,).

    >>> images, labels = digits()
    >>> images.shape, float(images.max())
    ((1797, 1, 8, 8), 1.0)
    """
    found = _sklearn().load_digits()
    return (found.images[:, None] / 16.0).astype(dtype), found.target.astype(np.int64)


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


def _sklearn() -> Any:
    try:
        from sklearn import datasets  # type: ignore[import-untyped]
    except ImportError:
        raise missing_extra("scikit-learn", "nn", "make this data set") from None
    return datasets


def _state(rng: Random) -> int:
    """Return a seed for scikit-learn, which knows no generators of the new kind."""
    return int(generator(rng).integers(2**31))
