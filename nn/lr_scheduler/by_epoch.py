"""Schedulers whose rate is a function of the epoch: steps, powers, lines and cosines."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..settings import count, number
from .base import LRScheduler

if TYPE_CHECKING:
    from ..optimizer import Optimizer


class StepLR(LRScheduler):
    """The rate times `gamma` every `step_size` epochs.

    >>> import nn
    >>> from autograd_lite import Tensor
    >>> optimizer = nn.optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates.append(round(optimizer.lr, 4))
    ...     scheduler.step()
    >>> rates
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = count("step_size", step_size)
        self.gamma = number("gamma", gamma)
        super().__init__(optimizer)

    def rate(self, base: float, epoch: int) -> float:
        """Return base · gamma^⌊epoch / step_size⌋."""
        return base * self.gamma ** (epoch // self.step_size)

    def next_rate(self, rate: float, base: float, epoch: int) -> float:
        """Return the rate, times gamma where a multiple of `step_size` is reached."""
        return rate * self.gamma if epoch and epoch % self.step_size == 0 else rate


class ExponentialLR(LRScheduler):
    """The rate times `gamma` every epoch.

    >>> import nn
    >>> from autograd_lite import Tensor
    >>> optimizer = nn.optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> scheduler = ExponentialLR(optimizer, gamma=0.5)
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates.append(round(optimizer.lr, 4))
    ...     scheduler.step()
    >>> rates
    [1.0, 0.5, 0.25, 0.125, 0.0625]
    """

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = number("gamma", gamma)
        super().__init__(optimizer)

    def rate(self, base: float, epoch: int) -> float:
        """Return base · gamma^epoch."""
        return base * self.gamma**epoch

    def next_rate(self, rate: float, base: float, epoch: int) -> float:
        """Return the rate times gamma."""
        return rate * self.gamma if epoch else rate


class CosineAnnealingLR(LRScheduler):
    """Along half a cosine from the first rate to `eta_min` in `T_max` epochs, then back.

    >>> import nn
    >>> from autograd_lite import Tensor
    >>> optimizer = nn.optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> scheduler = CosineAnnealingLR(optimizer, T_max=4)
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates.append(round(optimizer.lr, 4))
    ...     scheduler.step()
    >>> rates
    [1.0, 0.8536, 0.5, 0.1464, 0.0]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max = count("T_max", T_max)
        self.eta_min = number("eta_min", eta_min)
        super().__init__(optimizer)

    def rate(self, base: float, epoch: int) -> float:
        """Return eta_min + (base − eta_min) · (1 + cos(π epoch / T_max)) / 2."""
        height = 0.5 * (1.0 + math.cos(math.pi * epoch / self.T_max))
        return self.eta_min + (base - self.eta_min) * height

    def next_rate(self, rate: float, base: float, epoch: int) -> float:
        """Return eta_min + (rate − eta_min) · (1 + cos(π epoch / T_max)) / the same of before.

        Where that was 0, at the lowest point, the rate rises as from there.
        """
        if not epoch:
            return rate
        angle = math.pi / self.T_max
        if (epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            return rate + (base - self.eta_min) * (1.0 - math.cos(angle)) / 2.0
        height, before = 1.0 + math.cos(angle * epoch), 1.0 + math.cos(angle * (epoch - 1))
        return height / before * (rate - self.eta_min) + self.eta_min


class LinearLR(LRScheduler):
    """A warm-up: from `start_factor` to `end_factor` times the rate in `total_iters` epochs.

    Raises
    ------
    ValueError
        If a factor is not between 0 and 1.

    Examples
    --------
    >>> import nn
    >>> from autograd_lite import Tensor
    >>> optimizer = nn.optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> scheduler = LinearLR(optimizer, start_factor=0.25, total_iters=3)
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates.append(round(optimizer.lr, 4))
    ...     scheduler.step()
    >>> rates
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3.0,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        start_factor, end_factor = (
            number("start_factor", start_factor),
            number("end_factor", end_factor),
        )
        if not 0.0 < start_factor <= 1.0 or not 0.0 <= end_factor <= 1.0:
            raise ValueError(
                "start_factor is above 0 and at most 1, end_factor from 0 to 1, and got "
                f"{start_factor!r} and {end_factor!r}."
            )
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = count("total_iters", total_iters)
        super().__init__(optimizer)

    def rate(self, base: float, epoch: int) -> float:
        """Return base times a factor on the line between the two."""
        return base * self._factor(epoch)

    def _factor(self, epoch: int) -> float:
        done = min(epoch, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * done

    def next_rate(self, rate: float, base: float, epoch: int) -> float:
        """Return the rate times the factor of this epoch over that of the last."""
        if not epoch:
            return rate * self.start_factor
        if epoch > self.total_iters:
            return rate
        # Between two points of a line: 1 + slope / (what there was), both times total_iters.
        slope = self.end_factor - self.start_factor
        return rate * (1.0 + slope / (self.total_iters * self.start_factor + (epoch - 1) * slope))


class MultiStepLR(LRScheduler):
    """The rate times `gamma` at each milestone, an epoch.

    >>> import nn
    >>> from autograd_lite import Tensor
    >>> optimizer = nn.optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> scheduler = MultiStepLR(optimizer, milestones=[2, 3], gamma=0.1)
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates.append(round(optimizer.lr, 4))
    ...     scheduler.step()
    >>> rates
    [1.0, 1.0, 0.1, 0.01, 0.01]
    """

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1) -> None:
        self.milestones = sorted(count("A milestone", m, 0) for m in milestones)
        self.gamma = number("gamma", gamma)
        super().__init__(optimizer)

    def rate(self, base: float, epoch: int) -> float:
        """Return base · gamma^(milestones up to the epoch)."""
        return base * self.gamma ** bisect_right(self.milestones, epoch)

    def next_rate(self, rate: float, base: float, epoch: int) -> float:
        """Return the rate, times gamma for each milestone that is this epoch."""
        return rate * self.gamma ** self.milestones.count(epoch) if epoch else rate


class LambdaLR(LRScheduler):
    """The first rate times a function of the epoch, or one function for each group.

    Raises
    ------
    ValueError
        If there is neither one function nor one for each group.

    Examples
    --------
    >>> import nn
    >>> from autograd_lite import Tensor
    >>> optimizer = nn.optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> scheduler = LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates.append(round(optimizer.lr, 4))
    ...     scheduler.step()
    >>> rates
    [1.0, 0.5, 0.3333, 0.25, 0.2]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Any) -> None:
        groups = len(optimizer.param_groups)
        given = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * groups
        if len(given) != groups or not all(map(callable, given)):
            raise ValueError(
                f"lr_lambda is a function of the epoch, or one for each of {groups} groups, and "
                f"got {lr_lambda!r}."
            )
        self.lr_lambdas = tuple(given)
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """Return the rate of each group in the epoch `last_epoch`."""
        pairs = zip(self.lr_lambdas, self.base_lrs, strict=True)
        return [base * number("lr_lambda", factor(self.last_epoch)) for factor, base in pairs]

    def _begin_anew(self) -> None:
        self._begin()


class CosineAnnealingWarmRestarts(LRScheduler):
    """Along half a cosine to `eta_min`, then from the first rate anew; (Loshchilov, Hutter, 2017).

    The first turn has `T_0` epochs, and each later one `T_mult` times as many.

    >>> import nn
    >>> from autograd_lite import Tensor
    >>> optimizer = nn.optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=3)
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates.append(round(optimizer.lr, 4))
    ...     scheduler.step()
    >>> rates
    [1.0, 0.75, 0.25, 1.0, 0.75]
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0
    ) -> None:
        self.T_0, self.T_mult = count("T_0", T_0), count("T_mult", T_mult)
        self.eta_min = number("eta_min", eta_min)
        super().__init__(optimizer)

    def rate(self, base: float, epoch: int) -> float:
        """Return eta_min + (base − eta_min) · (1 + cos(π · the share of the turn)) / 2."""
        since, turn = epoch, self.T_0
        while since >= turn:
            since, turn = since - turn, turn * self.T_mult
            if self.T_mult == 1:
                since %= turn
        height = 0.5 * (1.0 + math.cos(math.pi * since / turn))
        return self.eta_min + (base - self.eta_min) * height
