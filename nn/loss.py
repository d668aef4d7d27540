"""Losses: how far an output is from what it should be."""

from __future__ import annotations

from typing import Any

from . import functional
from .module import Module


class _Loss(Module):
    """A loss with a `reduction`: ``"mean"``, ``"sum"``, or ``"none"`` for all elements."""

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in functional.REDUCTIONS:
            raise ValueError(
                f"reduction is one of {', '.join(functional.REDUCTIONS)}, and got {reduction!r}."
            )
        self.reduction = reduction


class MSELoss(_Loss):
    """The squared difference (x − y)².

    Input and target have one shape; anything else is a ValueError, because
    (n,) beside (n, 1) would broadcast.

    >>> import numpy as np
    >>> MSELoss()(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(2.0)
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss of an input beside its target."""
        return functional.mse_loss(input, target, self.reduction)


class BCELoss(_Loss):
    """Binary cross-entropy −(t log p + (1 − t) log(1 − p)) of probabilities p.

    Input and target have one shape. The logarithms stop at −100, so that a
    wrong certainty is finite. An input outside 0 … 1 is a ValueError. Where p
    comes from a sigmoid, `BCEWithLogitsLoss` is exact further out.

    >>> import numpy as np
    >>> BCELoss()(np.array([0.5]), np.array([1.0]))
    np.float64(0.6931471805599453)
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss of probabilities beside their targets."""
        return functional.binary_cross_entropy(input, target, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of the sigmoid of the input, in one step that cannot overflow.

    Input and target have one shape.

    >>> import numpy as np
    >>> BCEWithLogitsLoss()(np.array([0.0]), np.array([1.0]))
    np.float64(0.6931471805599453)
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss of logits beside their targets."""
        return functional.binary_cross_entropy_with_logits(input, target, self.reduction)


class CrossEntropyLoss(_Loss):
    """−log softmax(x) of the right class.

    Input (N, C), (N, C, ...) or (C,): a number for each of C classes. Target
    (N,), (N, ...) or (): the indices of the right classes, as integers; or the
    input's shape: a probability for each class.

    >>> import numpy as np
    >>> CrossEntropyLoss()(np.array([[0.0, 0.0]]), np.array([1]))
    np.float64(0.6931471805599453)
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss of logits beside class indices or probabilities."""
        return functional.cross_entropy(input, target, self.reduction)
