"""One cycle: the rate goes up, and then far down, while the momentum goes the other way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..settings import above_zero, count, flag, from_zero, number, probability
from .base import LRScheduler

if TYPE_CHECKING:
    from ..optimizer import Optimizer


class OneCycleLR(LRScheduler):
    """Up to `max_lr` and down again, far below, in one training; step it after every batch.

    From max_lr / div_factor up in the first `pct_start` of the steps, then down to that
    over `final_div_factor`; with `three_phase` down to where it began first. The momentum
    (or the first of Adam's betas) goes the other way. (Smith and Topin, 2017.)

    Parameters
    ----------
    optimizer
        As for `LRScheduler`; its rates are set to the first ones.
    max_lr
        A number, or a list of one for each group.
    total_steps, epochs, steps_per_epoch
        How many steps there are; or epochs, and steps in each.
    pct_start, anneal_strategy, div_factor, final_div_factor, three_phase
        As above; along ``"cos"``, half a cosine, or ``"linear"``.
    cycle_momentum, base_momentum, max_momentum
        Whether the momentum is changed, and between what.

    Raises
    ------
    ValueError
        If an argument is not valid, or the optimizer has no momentum to cycle.

    Examples
    --------
    >>> from autograd_lite import Tensor
    >>> from nn import optim
    >>> optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0, momentum=0.9)
    >>> scheduler = OneCycleLR(optimizer, 1.0, total_steps=5, pct_start=0.5)
    >>> rates = []
    >>> for step in range(5):
    ...     rates.append(round(optimizer.lr, 4))
    ...     if step < 4:
    ...         scheduler.step()
    >>> rates
    [0.04, 0.76, 0.9045, 0.3455, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR takes total_steps, or epochs and steps_per_epoch.")
            total_steps = count("epochs", epochs) * count("steps_per_epoch", steps_per_epoch)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy is 'cos' or 'linear', and got {anneal_strategy!r}.")
        groups = optimizer.param_groups
        tops = [*max_lr] if isinstance(max_lr, (list, tuple)) else [max_lr] * len(groups)
        if len(tops) != len(groups):
            raise ValueError(f"max_lr is for each of {len(groups)} groups, and got {max_lr!r}.")
        self.max_lrs = [from_zero("max_lr", top) for top in tops]
        self.total_steps = count("total_steps", total_steps)
        self.anneal_strategy = anneal_strategy
        self.div_factor = above_zero("div_factor", div_factor)
        self.final_div_factor = above_zero("final_div_factor", final_div_factor)
        share = probability("pct_start", pct_start)
        low, high = number("base_momentum", base_momentum), number("max_momentum", max_momentum)
        first = [top / self.div_factor for top in self.max_lrs]
        last = [begin / self.final_div_factor for begin in first]
        ends = [share * self.total_steps - 1.0, self.total_steps - 1.0]
        # Each phase: its last step, the rates at its ends, the momenta there.
        self.phases: list[Any] = [
            [ends[0], first, self.max_lrs, high, low],
            [ends[1], self.max_lrs, last, low, high],
        ]
        if flag("three_phase", three_phase):
            middle = 2.0 * share * self.total_steps - 2.0
            self.phases[1:] = [
                [middle, self.max_lrs, first, low, high],
                [ends[1], first, last, high, high],
            ]
        self.cycle_momentum = flag("cycle_momentum", cycle_momentum)
        if self.cycle_momentum and not {"momentum", "betas"} & set(groups[0]):
            raise ValueError(
                "cycle_momentum is for an optimizer that has a momentum or betas: give "
                "cycle_momentum=False."
            )
        for group, begin in zip(groups, first, strict=True):
            group["initial_lr"] = begin
        super().__init__(optimizer)

    def _phase(self) -> tuple[Any, float]:
        """Return the phase of the step `last_epoch`, and how far in it that is."""
        if self.last_epoch > self.total_steps - 1:
            raise ValueError(
                f"OneCycleLR was made for {self.total_steps} steps, and this is one more."
            )
        start = 0.0
        for phase in self.phases:
            if self.last_epoch <= phase[0] or phase is self.phases[-1]:
                break
            start = phase[0]
        return phase, (self.last_epoch - start) / (phase[0] - start)

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (end - start) * share
        return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * share))

    def get_lr(self) -> list[float]:
        """Return the rate of each group in the step `last_epoch`; set the momenta on the way."""
        (_, starts, ends, from_momentum, to_momentum), share = self._phase()
        if self.cycle_momentum:
            momentum = self._between(from_momentum, to_momentum, share)
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum
        return [self._between(*pair, share) for pair in zip(starts, ends, strict=True)]

    def _begin_anew(self) -> None:
        self._begin()
