"""Small data sets to try a network on, as scikit-learn makes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.errors import missing_extra
from autograd_lite.randomness import Random, generator

from ..module import Array
from ..settings import count, from_zero


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


def _sklearn() -> Any:
    try:
        from sklearn import datasets  # type: ignore[import-untyped]
    except ImportError:
        raise missing_extra("scikit-learn", "nn", "make this data set") from None
    return datasets


def _state(rng: Random) -> int:
    """Return a seed for scikit-learn, which knows no generators of the new kind."""
    return int(generator(rng).integers(2**31))
