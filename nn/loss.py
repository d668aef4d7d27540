"""Losses: how far an output is from what it should be."""

from __future__ import annotations

from typing import Any

from . import functional
from .loss_functions import check_reduction
from .module import Module
from .settings import above_zero, integer, number, probability


class _Loss(Module):
    """A loss with a `reduction`: ``"mean"``, ``"sum"``, or ``"none"`` for all elements."""

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = check_reduction(reduction)


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


class L1Loss(_Loss):
    """The absolute difference |x − y|; its derivative at 0 is 0.

    >>> import numpy as np
    >>> L1Loss()(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(1.0)
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss of an input beside its target."""
        return functional.l1_loss(input, target, self.reduction)


class HuberLoss(_Loss):
    """½ (x − y)² up to a distance of `delta`, then a straight line: outliers pull less.

    >>> import numpy as np
    >>> HuberLoss()(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(0.75)
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = above_zero("delta", delta)

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss of an input beside its target."""
        return functional.huber_loss(input, target, self.reduction, self.delta)


class HingeLoss(_Loss):
    """max(0, margin − y x) for a score x and a class y of 1 or −1: what is missing to the margin.

    >>> import numpy as np
    >>> HingeLoss()(np.array([2.0, 0.5]), np.array([1, 1]))
    np.float64(0.25)
    """

    def __init__(self, reduction: str = "mean", margin: float = 1.0) -> None:
        super().__init__(reduction)
        self.margin = number("margin", margin)

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss of scores beside their classes."""
        return functional.hinge_loss(input, target, self.reduction, self.margin)


class HingeEmbeddingLoss(_Loss):
    """x where y is 1 (alike), max(0, margin − x) where it is −1 (apart), for a distance x.

    >>> import numpy as np
    >>> HingeEmbeddingLoss(reduction="none")(np.array([0.3, 0.3]), np.array([1, -1]))
    array([0.3, 0.7])
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = number("margin", margin)

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss of distances beside what they should be."""
        return functional.hinge_embedding_loss(input, target, self.margin, self.reduction)


class BCELoss(_Loss):
    """Binary cross-entropy −(t log p + (1 − t) log(1 − p)) of probabilities p.

    Input and target have one shape. The logarithms stop at −100, so that a
    wrong certainty is finite. An input outside 0 … 1 is a ValueError. Where p
    comes from a sigmoid, `BCEWithLogitsLoss` is exact further out. `weight`
    multiplies the losses, and broadcasts.

    >>> import numpy as np
    >>> BCELoss()(np.array([0.5]), np.array([1.0]))
    np.float64(0.6931471805599453)
    """

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.weight = weight

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss of probabilities beside their targets."""
        return functional.binary_cross_entropy(input, target, self.reduction, self.weight)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of the sigmoid of the input, in one step that cannot overflow.

    Input and target have one shape. `weight` multiplies the losses, `pos_weight`
    that part of them which is of the positive class; both broadcast.

    >>> import numpy as np
    >>> BCEWithLogitsLoss()(np.array([0.0]), np.array([1.0]))
    np.float64(0.6931471805599453)
    """

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction)
        self.weight = weight
        self.pos_weight = pos_weight

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss of logits beside their targets."""
        return functional.binary_cross_entropy_with_logits(
            input, target, self.reduction, self.weight, self.pos_weight
        )


class CrossEntropyLoss(_Loss):
    """−log softmax(x) of the right class.

    Input (N, C), (N, C, ...) or (C,): a number for each of C classes. Target
    (N,), (N, ...) or (): the indices of the right classes, as integers; or the
    input's shape: a probability for each class.

    Parameters
    ----------
    weight
        How much each class counts, (C,). A mean of losses by index is weighted too.
    ignore_index
        Examples of this class index count for nothing.
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.
    label_smoothing
        The share of each target that is spread over all classes.

    Raises
    ------
    ValueError
        If shapes do not fit, or an index is out of range: it says which and where.

    Examples
    --------
    >>> import numpy as np
    >>> CrossEntropyLoss()(np.array([[0.0, 0.0]]), np.array([1]))
    np.float64(0.6931471805599453)
    """

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.weight = weight
        self.ignore_index = integer("ignore_index", ignore_index)
        self.label_smoothing = probability("label_smoothing", label_smoothing)

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss of logits beside class indices or probabilities."""
        return functional.cross_entropy(
            input, target, self.reduction, self.weight, self.ignore_index, self.label_smoothing
        )


class NLLLoss(_Loss):
    """Minus the input at the right class: `CrossEntropyLoss` after `LogSoftmax`.

    Shapes and arguments are those of `CrossEntropyLoss` with class indices.

    >>> import numpy as np
    >>> NLLLoss()(np.log([[0.25, 0.75]]), np.array([1])).round(4)
    np.float64(0.2877)
    """

    def __init__(
        self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.weight = weight
        self.ignore_index = integer("ignore_index", ignore_index)

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss of logarithms of probabilities beside class indices."""
        return functional.nll_loss(input, target, self.reduction, self.weight, self.ignore_index)
