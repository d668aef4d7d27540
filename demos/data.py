"""The lab's two data sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.randomness import Random, generator

Array = np.ndarray[Any, np.dtype[Any]]


def generate_linear(n: int = 100, rng: Random = None) -> tuple[Array, Array]:
    """Draw points of the unit square, told apart by its diagonal.

    Parameters
    ----------
    n
        How many points.
    rng
        A generator or a seed; else the default sequence (see `nn.init`).

    Returns
    -------
    inputs : array of float, shape (n, 2)
    labels : array of int, shape (n, 1)
        0 where the first coordinate is greater than the second, else 1.
    """
    inputs = generator(rng).uniform(0.0, 1.0, (n, 2))
    return inputs, np.where(inputs[:, :1] > inputs[:, 1:], 0, 1)


def generate_XOR_easy() -> tuple[Array, Array]:
    """Return the points of two crossing diagonals, which no line tells apart.

    Returns
    -------
    inputs : array of float, shape (21, 2)
        For i = 0 … 10 the points (0.1 i, 0.1 i) and (0.1 i, 1 − 0.1 i); they
        are the same at i = 5, where there is one.
    labels : array of int, shape (21, 1)
        0 on the first diagonal, 1 on the second.
    """
    inputs, labels = [], []
    for i in range(11):
        inputs.append([0.1 * i, 0.1 * i])
        labels.append([0])
        if i != 5:
            inputs.append([0.1 * i, 1.0 - 0.1 * i])
            labels.append([1])
    return np.array(inputs), np.array(labels)


DATASETS = {
    "linear": lambda rng: generate_linear(100, rng),
    "xor": lambda rng: generate_XOR_easy(),
}
"""Each data set by the name it has on the command line, as a function of a generator."""
