"""What a seed decides: the points, and a generator for each purpose."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import nn

from ..data import Array, generate_linear, generate_XOR_easy
from .configuration import COUNTS

POINTS, WEIGHTS, ORDER, HELD_OUT = range(4)


def stream(seed: int, purpose: int) -> np.random.Generator:
    """Return the generator of a seed for one purpose: its points, weights, or their order.

    Whatever one purpose draws, the others go on as they would.
    """
    return np.random.default_rng([seed, purpose])


def points(data: str, seed: int) -> tuple[Array, Array]:
    """Return the points that a seed is trained with; XOR has the same for all.

    Returns
    -------
    inputs : array, shape (n, 2)
    labels : array of int, shape (n, 1) of 0 and 1; for moons and blobs (n,), the class.

    Examples
    --------
    >>> inputs, labels = points("linear", seed=3)
    >>> inputs.shape, labels.shape
    ((100, 2), (100, 1))
    """
    return _drawn(data, seed)[0]


def held_out(data: str, seed: int) -> tuple[Array, Array] | None:
    """Return as many points again from where the seed's own came; None for XOR, which is all.

    One rule for all data that are drawn: twice as many are drawn, of which one
    half is trained with and the other is kept; of moons and blobs, half of each class.
    """
    return _drawn(data, seed)[1]


def _drawn(data: str, seed: int) -> tuple[tuple[Array, Array], tuple[Array, Array] | None]:
    rng = stream(seed, POINTS)
    if data == "xor":
        return generate_XOR_easy(), None
    if data == "linear":
        inputs, labels = generate_linear(2 * COUNTS[data], rng)
        first, second = np.split(np.arange(len(inputs)), 2)  # a class has what chance gives it
    elif data in CLASSES:
        inputs, labels = CLASSES[data](2 * COUNTS[data], rng)
        first, second = nn.data.stratified_split(labels, 0.5, stream(seed, HELD_OUT))
    else:
        raise ValueError(f"Points are drawn for linear, xor, moons and blobs, and not {data!r}.")
    return (inputs[first], labels[first]), (inputs[second], labels[second])


CLASSES: dict[str, Callable[[int, np.random.Generator], tuple[Array, Array]]] = {
    "moons": lambda n, rng: nn.data.moons(n, 0.20, rng),
    "blobs": lambda n, rng: nn.data.blobs(n, rng=rng),
}
