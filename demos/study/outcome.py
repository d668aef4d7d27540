"""What comes out of one training."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ..data import Array
from .configuration import Configuration


@dataclass
class Outcome:
    """One training: a configuration with a seed, and how it went.

    Attributes
    ----------
    configuration, seed
        What was trained.
    epochs, losses, accuracies
        The curve: the mean loss over all points, and the share of them that is
        right, after so many epochs; 0 is the start, the last is the result. For
        digits these are the images that are held out.
    diverged
        Whether the loss overflowed. It is infinite then, and nothing is right.
    held_out_accuracy
        The share of points that is right among those of `held_out`; NaN for XOR.
    seconds
        Its share of the time that its stack took.
    weights
        The parameters at the end, as in the `state_dict` of an `nn.MLP`.
    """

    configuration: Configuration
    seed: int
    epochs: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    diverged: bool = False
    held_out_accuracy: float = math.nan
    seconds: float = 0.0
    weights: dict[str, Array] = field(default_factory=dict)

    @property
    def epochs_done(self) -> int:
        """When it stopped."""
        return self.epochs[-1]

    @property
    def final_loss(self) -> float:
        """The mean loss over all points, when it stopped."""
        return self.losses[-1]

    @property
    def accuracy(self) -> float:
        """The share of all points that was right, when it stopped."""
        return self.accuracies[-1]

    def reached(self, share: float) -> int | None:
        """Return the first logged epoch with at least such an accuracy, if there is one."""
        found = zip(self.epochs, self.accuracies, strict=True)
        return next((epoch for epoch, accuracy in found if accuracy >= share), None)


def logged_epochs(last: int, count: int = 60) -> list[int]:
    """Return about `count` epochs from 0 to `last`, evenly spaced in their logarithm.

    1, 2 and 5 times each power of ten are among them, for a reader's sake.

    >>> logged_epochs(20, count=5)
    [0, 1, 2, 4, 5, 9, 10, 20]
    """
    spaced = np.geomspace(1, last, count).round().astype(int).tolist()
    powers = [10**k for k in range(len(str(last)))]
    round_ones = [factor * power for power in powers for factor in (1, 2, 5)]
    return sorted({0, last, *spaced, *(e for e in round_ones if e <= last)})
