"""Flatten and Unflatten: from images to rows of features, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .module import Module
from .settings import integer, sizes


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


class Unflatten(Module):
    """Split the axis `dim` into several, of sizes that multiply to its own; one may be −1.

    >>> Unflatten(1, (3, 4, 4))(np.zeros((2, 48))).shape
    (2, 3, 4, 4)
    """

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        self.dim = integer("dim", dim)
        self.unflattened_size = sizes(
            "unflattened_size", unflattened_size, len(unflattened_size), -1
        )

    def forward(self, x: Any) -> Any:
        """Return the same numbers with more axes."""
        shape = np.shape(x)
        at = self.dim + len(shape) if self.dim < 0 else self.dim
        known = math.prod(size for size in self.unflattened_size if size != -1)
        open_axes = self.unflattened_size.count(-1)
        fits = 0 <= at < len(shape) and open_axes < 2 and known > 0
        if not fits or (shape[at] % known if open_axes else shape[at] != known):
            raise ValueError(
                f"Unflatten(dim={self.dim}, unflattened_size={self.unflattened_size}) does not fit "
                f"an input of shape {shape}."
            )
        return np.reshape(x, (*shape[:at], *self.unflattened_size, *shape[at + 1 :]))

    def extra_repr(self) -> str:
        """Return the axis and its sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
