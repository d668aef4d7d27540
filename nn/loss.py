"""Losses: how far an output is from what it should be."""

from __future__ import annotations

from typing import Any

from . import functional
from .loss_parts import check_reduction
from .module import Module
from .settings import above_zero, flag, from_zero, integer, number, probability


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
    """The absolute difference ``|x − y|``; its derivative at 0 is 0.

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


class SmoothL1Loss(_Loss):
    """½ (x − y)² / beta up to `beta`, then ``|x − y|`` − beta / 2; `L1Loss` for beta 0.

    >>> import numpy as np
    >>> SmoothL1Loss()(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(0.75)
    """

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = from_zero("beta", beta)

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss of an input beside its target."""
        return functional.smooth_l1_loss(input, target, self.reduction, self.beta)


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


class KLDivLoss(Module):
    """The Kullback-Leibler divergence t · (log t − x) of targets t from log-probabilities x.

    Parameters
    ----------
    reduction
        ``"batchmean"``, the sum over the number of examples, is the divergence;
        ``"mean"``, over all elements, is the default, as in PyTorch; ``"sum"``, ``"none"``.
    log_target
        Whether the targets are logarithms too.

    Examples
    --------
    >>> import numpy as np
    >>> KLDivLoss("batchmean")(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]])).round(4)
    np.float64(0.6931)
    """

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        self.reduction = reduction if reduction == "batchmean" else check_reduction(reduction)
        self.log_target = flag("log_target", log_target)

    def forward(self, input: Any, target: Any) -> Any:
        """Return the divergence of log-probabilities from their targets."""
        return functional.kl_div(input, target, self.reduction, self.log_target)


class TripletMarginLoss(_Loss):
    """max(0, margin + d(a, p) − d(a, n)): an anchor is to be nearer to one than to another.

    d is the p-norm of the difference plus `eps`, along the last axis. With `swap`
    the smaller of d(a, n) and d(p, n) counts. (Balntas et al., 2016.)

    >>> import numpy as np
    >>> TripletMarginLoss(eps=0.0)(np.zeros((1, 2)), np.zeros((1, 2)), np.array([[0.0, 0.5]]))
    np.float64(0.5)
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.margin, self.p = above_zero("margin", margin), number("p", p, finite=False)
        self.eps, self.swap = number("eps", eps), flag("swap", swap)

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """Return the loss of anchors beside what is to be near, and what far."""
        return functional.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, self.reduction
        )


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along the axis `dim`.

    >>> import numpy as np
    >>> CosineSimilarity()(np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]])).round(4)
    array([0.7071])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        self.dim, self.eps = integer("dim", dim), number("eps", eps)

    def forward(self, x1: Any, x2: Any) -> Any:
        """Return the cosines."""
        return functional.cosine_similarity(x1, x2, self.dim, self.eps)
