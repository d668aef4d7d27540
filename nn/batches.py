"""What gives the batches of each epoch: arrays, a Dataset or a DataLoader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autograd_lite.randomness import Random, generator

from .data import DataLoader, Dataset, TensorDataset
from .module import Array
from .settings import as_data, count


class OneBatch(DataLoader):
    """All examples in one batch, as they are: without a copy."""

    def __init__(self, inputs: Array, targets: Array) -> None:
        super().__init__(TensorDataset(inputs, targets), len(inputs))
        self.pair = inputs, targets

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        yield self.pair


def batches_of(
    inputs: Any, targets: Any, batch_size: int | None, shuffle: bool, rng: Random
) -> DataLoader:
    """Return what gives the batches of each epoch."""
    if isinstance(inputs, DataLoader):
        if targets is not None or batch_size is not None:
            raise TypeError("A DataLoader brings its own targets and batch_size: give it alone.")
        return _filled(inputs)
    order = None if rng is None else generator(rng)
    if batch_size is not None:
        count("batch_size", batch_size)
    if isinstance(inputs, Dataset):
        if targets is not None:
            raise TypeError("A Dataset brings its own targets: give it alone.")
        size = int(batch_size or max(len(inputs), 1))
        return _filled(DataLoader(inputs, size, shuffle, rng=order))
    inputs, targets = as_data("inputs", inputs), as_data("targets", targets)
    if not inputs.ndim or not targets.ndim or len(inputs) != len(targets) or not len(inputs):
        raise ValueError(
            "fit takes a target for each input, at least one, and got arrays of shapes "
            f"{inputs.shape} and {targets.shape}."
        )
    if batch_size is None:
        return OneBatch(inputs, targets)
    return DataLoader(TensorDataset(inputs, targets), int(batch_size), shuffle, rng=order)


def _filled(loader: DataLoader) -> DataLoader:
    if not len(loader):
        raise ValueError(
            f"The data have {len(loader.dataset)} examples, which is no batch of "
            f"{loader.batch_size}."
        )
    return loader


def validation_batches(given: Any, loader: DataLoader) -> DataLoader:
    """Return what gives the batches of the validation, as large as those of the training."""
    if isinstance(given, (DataLoader, Dataset)):
        return batches_of(given, None, None, False, None)
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise TypeError("validation is a pair (inputs, targets), a Dataset or a DataLoader.")
    return batches_of(given[0], given[1], loader.batch_size, False, None)
