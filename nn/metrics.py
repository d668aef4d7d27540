"""Measures of outputs beside targets, for a person to read."""

from __future__ import annotations

from typing import Any

from .module import to_numpy


def accuracy(outputs: Any, targets: Any, threshold: float = 0.5) -> float:
    """Return the share of examples that are classified right.

    Parameters
    ----------
    outputs
        (n,) or (n, 1): above `threshold` means yes; or (n, C): the largest means that class.
    targets
        For yes or no, of the outputs' shape, 0 or 1. For classes (n,), indices, or
        (n, C), of which the largest counts.
    threshold
        For outputs that are logits, use 0.

    Raises
    ------
    ValueError
        If the shapes are others.

    Examples
    --------
    >>> accuracy([[0.2], [0.9], [0.8]], [[0], [1], [0]])
    0.6666666666666666
    >>> accuracy([[0.1, 0.9], [0.7, 0.3]], [1, 0])
    1.0
    """
    outputs, targets = to_numpy(outputs), to_numpy(targets)
    if outputs.shape == targets.shape and (outputs.ndim == 1 or outputs.shape[1:] == (1,)):
        right = (outputs > threshold) == (targets > 0.5)
    elif (
        outputs.ndim == 2
        and outputs.shape[1] > 1
        and targets.shape in (outputs.shape, outputs.shape[:1])
    ):
        classes = targets if targets.ndim == 1 else targets.argmax(axis=1)
        right = outputs.argmax(axis=1) == classes
    else:
        raise ValueError(
            "accuracy takes outputs (n, 1) with targets of the same shape, or outputs (n, C) with "
            f"targets (n,) or (n, C), and got {outputs.shape} and {targets.shape}."
        )
    return float(right.mean())
