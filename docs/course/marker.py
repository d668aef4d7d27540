"""Mark the lab: ``python -m autograd_lite.testing 'hand-ins/*.py:gradient' --adapter marker.py``.

Each hand-in defines ``gradient(X, y, W1, W2, W3)``, the three gradients of the network of the lab.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def gradient_check(gradient: Callable[..., Any]) -> tuple[Any, ...]:
    """Return the loss of the lab, the gradient that was handed in, and where to compare them."""
    rng = np.random.default_rng(0)
    # Axes of different lengths, so that no wrong shape fits by accident.
    X, y = rng.normal(size=(7, 2)), rng.integers(0, 2, size=(7, 1)).astype(float)
    weights = [rng.normal(size=shape) for shape in ((2, 4), (4, 3), (3, 1))]

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    def loss(W1: Any, W2: Any, W3: Any) -> Any:
        p = sigmoid(sigmoid(sigmoid(X @ W1) @ W2) @ W3)
        return np.mean((p - y) ** 2)

    return loss, lambda W1, W2, W3: gradient(X, y, W1, W2, W3), *weights
