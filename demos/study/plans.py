"""What an experiment is: cells, printed figures, and how much of it a shorter study runs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from .configuration import ACTIVATIONS, OPTIMIZERS, Configuration

FULL_SEEDS = 100


class SampleSize(NamedTuple):
    """How many seeds each cell has, and its epochs at most (None: as many as the source)."""

    seeds: int
    epochs: int | None = None


SIZES = ("quick", "default", "full")


@dataclass(frozen=True)
class Reported:
    """A figure that a source printed.

    Attributes
    ----------
    cell
        The label of the cell it belongs to.
    quantity
        ``"loss"`` (the mean over all points) or ``"accuracy"`` (from 0 to 1).
    value
        The figure.
    epoch
        When it was reached; None for the end.
    words
        What to know about it.
    """

    cell: str
    quantity: str
    value: float
    epoch: int | None = None
    words: str = ""


@dataclass(frozen=True)
class Experiment:
    """Some cells that a source compared, or one that it showed.

    Attributes
    ----------
    name
        Its source, and what it is about.
    sentence
        What is trained, and what for.
    cells
        Configurations by label, with as many epochs as the source used.
    reported
        What the source printed.
    assumed
        What the source does not say and was chosen here, or is done otherwise here.
    sizes
        For ``"quick"``, ``"default"`` and ``"full"``, the seeds and epochs.
    """

    name: str
    sentence: str
    cells: Mapping[str, Configuration]
    reported: tuple[Reported, ...] = ()
    assumed: str = ""
    sizes: Mapping[str, SampleSize] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The report: R0 to R4."""
        return self.name.split("-")[0]

    def sized(
        self, size: str = "full", seeds: int | None = None, epochs: int | None = None
    ) -> RunPlan:
        """Return what to run for a study of that size, or with other seeds or epochs at most."""
        chosen = self.sizes.get(size, SampleSize(FULL_SEEDS))
        most = epochs or chosen.epochs
        cells = {
            label: cell if most is None else replace(cell, epochs=min(cell.epochs, most))
            for label, cell in self.cells.items()
        }
        return RunPlan(self, cells, range(seeds or chosen.seeds))


@dataclass(frozen=True)
class RunPlan:
    """What is to be run of an experiment: its cells, maybe with fewer epochs, and the seeds."""

    experiment: Experiment
    cells: Mapping[str, Configuration]
    seeds: range


WORDS: dict[str, Callable[[Any], str]] = {
    "data": str,
    "lr": lambda lr: f"rate {lr:.12g}",
    "hidden": lambda hidden: f"{hidden[0]} units",
    "activation": ACTIVATIONS.__getitem__,
    "optimizer": OPTIMIZERS.__getitem__,
}
"""How a setting is written in the label of a cell."""


def cells(base: Configuration, **options: Sequence[Any]) -> dict[str, Configuration]:
    """Return a cell for every combination of some settings, labelled by them.

    >>> list(cells(Configuration(), data=["linear", "xor"], lr=[0.1, 1.0]))
    ['linear, rate 0.1', 'linear, rate 1', 'xor, rate 0.1', 'xor, rate 1']
    """
    found = {}
    for values in itertools.product(*options.values()):
        settings = dict(zip(options, values, strict=True))
        label = ", ".join(WORDS[name](value) for name, value in settings.items())
        found[label] = replace(base, **settings)
    return found
