"""A scheduler that waits for what is measured: lower the rate when it improves no more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..settings import count, from_zero, number
from .base import LRScheduler

if TYPE_CHECKING:
    from ..optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """The rate times `factor` when a measure has not become better for `patience` epochs.

    Parameters
    ----------
    optimizer
        As for `LRScheduler`.
    mode
        Whether ``"min"`` or ``"max"`` is better.
    factor, patience
        As above.
    threshold, threshold_mode
        By how much it must be better: a share of the best (``"rel"``) or a number (``"abs"``).
    cooldown
        How many epochs after a reduction are not counted.
    min_lr
        The rate does not go below; a number, or a list of one for each group.
    eps
        Reductions smaller than this are left out.

    Raises
    ------
    ValueError
        If an argument is not valid.

    Examples
    --------
    >>> from autograd_lite import Tensor
    >>> from nn import optim
    >>> optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> scheduler = ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     scheduler.step(loss)
    >>> optimizer.lr
    0.1
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                "mode is 'min' or 'max' and threshold_mode 'rel' or 'abs', and got "
                f"{mode!r} and {threshold_mode!r}."
            )
        if not 0.0 < number("factor", factor) < 1.0:
            raise ValueError(f"factor is above 0 and below 1, and got {factor!r}.")
        groups = len(optimizer.param_groups)
        lows = [*min_lr] if isinstance(min_lr, (list, tuple)) else [min_lr] * groups
        if len(lows) != groups:
            raise ValueError(f"min_lr is for each of {groups} groups, and got {min_lr!r}.")
        self.mode, self.factor = mode, number("factor", factor)
        self.patience, self.cooldown = (
            count("patience", patience, 0),
            count("cooldown", cooldown, 0),
        )
        self.threshold, self.threshold_mode = number("threshold", threshold), threshold_mode
        self.min_lrs = [from_zero("min_lr", low) for low in lows]
        self.eps = from_zero("eps", eps)
        self.best = math.inf if mode == "min" else -math.inf
        self.bad_epochs = self.cooling = 0
        self._attach(optimizer)  # and leave its rates: they depend on what is measured

    def _better(self, value: float) -> bool:
        sign = 1.0 if self.mode == "max" else -1.0
        if self.threshold_mode == "rel":
            return sign * value > sign * self.best * (1.0 + sign * self.threshold)
        return sign * value > sign * self.best + self.threshold

    def step(self, metrics: float) -> None:  # type: ignore[override]
        """Take note of what was measured in an epoch."""
        value = float(metrics)
        self.last_epoch += 1
        if self._better(value):
            self.best, self.bad_epochs = value, 0
        else:
            self.bad_epochs += 1
        if self.cooling > 0:
            self.cooling -= 1
            self.bad_epochs = 0
        if self.bad_epochs > self.patience:
            self.cooling, self.bad_epochs = self.cooldown, 0
            for group, low in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                lower = max(group["lr"] * self.factor, low)
                if group["lr"] - lower > self.eps:
                    group["lr"] = lower
        self._last_lr = self._rates()
