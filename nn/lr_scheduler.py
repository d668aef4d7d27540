"""Schedulers: the learning rate as a function of the epoch, as in ``torch.optim.lr_scheduler``.

A scheduler sets the rate of every group of an optimizer when it is made, and
again in each `step`, which is called once an epoch, after the optimizer's steps.
The rate is a formula of the epoch and of the rate that the group began with.

>>> from autograd_lite import Tensor
>>> from nn import optim
>>> optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=0.1)
>>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
>>> rates = []
>>> for epoch in range(5):
...     rates.append(optimizer.lr)
...     scheduler.step()
>>> rates
[0.1, 0.1, 0.05, 0.05, 0.025]
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .optim import Optimizer


class LRScheduler:
    """The base: a subclass says in `rate` what the rate is in an epoch.

    Parameters
    ----------
    optimizer
        Whose rates are set. A group's ``"initial_lr"``, or else its rate now, is
        what it begins with.

    Attributes
    ----------
    last_epoch : int
        How many steps there have been.

    Examples
    --------
    >>> from autograd_lite import Tensor
    >>> from nn import optim
    >>> class Halving(LRScheduler):
    ...     def rate(self, base, epoch):
    ...         return base * 0.5**epoch
    >>> optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> scheduler = Halving(optimizer)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.last_epoch = 0
        self._set(0)

    def rate(self, base: float, epoch: int) -> float:
        """Return the rate in an epoch, counted from 0, of a group that began with `base`."""
        raise NotImplementedError(f"{type(self).__name__} does not say what the rate is.")

    def _set(self, epoch: int) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(group["initial_lr"], epoch)

    def step(self) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        self._set(self.last_epoch)

    def get_last_lr(self) -> list[float]:
        """Return the rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return where the scheduler stands; the rates are in the optimizer's state."""
        return {k: v for k, v in vars(self).items() if isinstance(v, (int, float, str))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        own = self.state_dict()
        if not isinstance(state, Mapping) or set(state) != set(own):
            raise ValueError(
                f"The state does not fit this {type(self).__name__}, so nothing was loaded: it "
                f"has {', '.join(state) or 'nothing'}, not {', '.join(own)}."
            )
        vars(self).update(state)


class StepLR(LRScheduler):
    """The rate times `gamma` every `step_size` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = _count("step_size", step_size)
        self.gamma = gamma
        super().__init__(optimizer)

    def rate(self, base: float, epoch: int) -> float:
        """Return base · gamma^⌊epoch / step_size⌋."""
        return base * self.gamma ** (epoch // self.step_size)


class ExponentialLR(LRScheduler):
    """The rate times `gamma` every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimizer)

    def rate(self, base: float, epoch: int) -> float:
        """Return base · gamma^epoch."""
        return base * self.gamma**epoch


class CosineAnnealingLR(LRScheduler):
    """Along half a cosine from the first rate to `eta_min` in `T_max` epochs, then back."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max = _count("T_max", T_max)
        self.eta_min = eta_min
        super().__init__(optimizer)

    def rate(self, base: float, epoch: int) -> float:
        """Return eta_min + (base − eta_min) · (1 + cos(π epoch / T_max)) / 2."""
        height = 0.5 * (1.0 + math.cos(math.pi * epoch / self.T_max))
        return self.eta_min + (base - self.eta_min) * height


class LinearLR(LRScheduler):
    """A warm-up: from `start_factor` to `end_factor` times the rate in `total_iters` epochs."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3.0,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        if not 0.0 < start_factor <= 1.0 or not 0.0 <= end_factor <= 1.0:
            raise ValueError(
                "start_factor is above 0 and at most 1, end_factor from 0 to 1, and got "
                f"{start_factor!r} and {end_factor!r}."
            )
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = _count("total_iters", total_iters)
        super().__init__(optimizer)

    def rate(self, base: float, epoch: int) -> float:
        """Return base times a factor on the line between the two."""
        done = min(epoch, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * done)


class SequentialLR(LRScheduler):
    """One scheduler after another: at each milestone the next one begins, from its epoch 0.

    >>> from autograd_lite import Tensor
    >>> from nn import optim
    >>> optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> warm_up, then = LinearLR(optimizer, 0.5, total_iters=2), ExponentialLR(optimizer, 0.1)
    >>> scheduler = SequentialLR(optimizer, [warm_up, then], milestones=[2])
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates.append(optimizer.lr)
    ...     scheduler.step()
    >>> rates
    [0.5, 0.75, 1.0, 0.1]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]
    ) -> None:
        if len(milestones) != len(schedulers) - 1 or list(milestones) != sorted(set(milestones)):
            raise ValueError(
                "There is a milestone, later each time, between any two schedulers, and got "
                f"{list(milestones)} for {len(schedulers)}."
            )
        self.schedulers = tuple(schedulers)
        self.milestones = (0, *milestones)
        super().__init__(optimizer)

    def rate(self, base: float, epoch: int) -> float:
        """Return the rate that the scheduler whose turn it is says."""
        turn = sum(epoch >= milestone for milestone in self.milestones) - 1
        return self.schedulers[turn].rate(base, epoch - self.milestones[turn])


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
        The rate does not go below.
    eps
        Reductions smaller than this are left out.

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
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                "mode is 'min' or 'max' and threshold_mode 'rel' or 'abs', and got "
                f"{mode!r} and {threshold_mode!r}."
            )
        if not 0.0 < factor < 1.0:
            raise ValueError(f"factor is above 0 and below 1, and got {factor!r}.")
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.min_lr, self.eps = cooldown, min_lr, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.bad_epochs = self.cooling = 0
        super().__init__(optimizer)

    def _set(self, epoch: int) -> None:
        """Leave the rates alone: they hang on what is measured, not on the epoch."""

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
            for group in self.optimizer.param_groups:
                lower = max(group["lr"] * self.factor, self.min_lr)
                if group["lr"] - lower > self.eps:
                    group["lr"] = lower


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is a positive integer, and got {value!r}.")
    return value
