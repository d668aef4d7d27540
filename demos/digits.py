"""R2's convolutional network, scaled to scikit-learn's 8 × 8 handwritten digits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import nn

from .handwriting import Task, arguments, run

SPLIT_SEED = 0  # fixed before anything was trained: every run holds out the same fifth


def main(argv: Sequence[str]) -> int:
    """Train, print and save; return the exit status."""
    args = arguments(argv, "digits", __doc__ or "", epochs=30)
    images, labels = nn.data.digits(np.float32)
    rest, held_out = nn.data.stratified_split(labels, 0.2, rng=SPLIT_SEED)
    task = Task(
        name="digits",
        train=(images[rest], labels[rest]),
        test=(images[held_out], labels[held_out]),
        channels=(32, 64),
        units=512,
        rates={"adam": 2e-3, "adagrad": 1e-2},
        smoothing=0.1,
    )
    return run(task, args)
