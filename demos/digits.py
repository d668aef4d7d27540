"""R2's convolutional network, scaled to scikit-learn's 8 × 8 handwritten digits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import nn

from .handwriting import Task, arguments, run

SPLIT_SEED = 0  # fixed before anything was trained: every run holds out the same fifth


def task() -> Task:
    """Return the digits, of which a fifth is held out, and the settings.

    The settings were chosen on the other four fifths alone, each of five times divided again
    into a part to train with and a fifth to test on (`Task.without_test` is the first of these).
    """
    images, labels = nn.data.digits(np.float32)
    rest, held_out = nn.data.stratified_split(labels, 0.2, rng=SPLIT_SEED)
    return Task(
        name="digits",
        train=(images[rest], labels[rest]),
        test=(images[held_out], labels[held_out]),
        channels=(32, 64),
        units=512,
        rates={"adam": 2e-3, "adagrad": 1e-2},
        epochs=30,
        smoothing=0.1,
    )


def main(argv: Sequence[str]) -> int:
    """Train, print and save; return the exit status."""
    args = arguments(argv, "digits", __doc__ or "")
    return run(task(), args)
