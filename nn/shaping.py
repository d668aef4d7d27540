"""Flatten: from images to rows of features."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .module import Module
from .settings import integer


class Flatten(Module):
    """Join the axes from `start_dim` to `end_dim` into one.

    By default all but the first, the batch: (N, C, H, W) becomes (N, C · H · W).

    >>> Flatten()(np.zeros((2, 3, 4, 4))).shape
    (2, 48)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = integer("start_dim", start_dim)
        self.end_dim = integer("end_dim", end_dim)

    def forward(self, x: Any) -> Any:
        """Return the same numbers with fewer axes."""
        shape = np.shape(x)
        first, last = (d + len(shape) if d < 0 else d for d in (self.start_dim, self.end_dim))
        if not 0 <= first <= last < len(shape):
            raise ValueError(
                f"Flatten(start_dim={self.start_dim}, end_dim={self.end_dim}) does not fit an "
                f"input of shape {shape}."
            )
        joined = math.prod(shape[first : last + 1])
        return np.reshape(x, (*shape[:first], joined, *shape[last + 1 :]))

    def extra_repr(self) -> str:
        """Return the axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
