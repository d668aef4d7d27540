"""Schedulers: the learning rate from epoch to epoch, as in ``torch.optim.lr_scheduler``.

A scheduler sets the rate of every group of an optimizer when it is made, and
again in each `step`, which is called once an epoch, after the optimizer's steps.
It makes the next rate from the one that there is, so that two schedulers chain,
and a rate that was set by hand stays the rate from which it goes on.

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

import copy
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .settings import above_zero, count, flag, from_zero, number, probability

if TYPE_CHECKING:
    from .optimizer import Optimizer


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
    base_lrs : list of float
        What each group began with.

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
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self._attach(optimizer)
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self._begin()

    def _attach(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.last_epoch = 0
        self._loads_before = optimizer.loads
        self._last_lr = self._rates()

    def _rates(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    # -- from epoch to epoch ---------------------------------------------------------------

    def rate(self, base: float, epoch: int) -> float:
        """Return the rate in an epoch, counted from 0, of a group that began with `base`."""
        raise NotImplementedError(f"{type(self).__name__} does not say what the rate is.")

    def next_rate(self, rate: float, base: float, epoch: int) -> float:
        """Return the rate in an epoch of a group that has a rate now.

        By default it is what `rate` says, whatever the group has. In epoch 0 this
        is what the group is to start with.
        """
        return self.rate(base, epoch)

    def get_lr(self) -> list[float]:
        """Return the rate of each group in the epoch `last_epoch`."""
        pairs = zip(self._rates(), self.base_lrs, strict=True)
        return [self.next_rate(rate, base, self.last_epoch) for rate, base in pairs]

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = list(rates)

    def _begin(self) -> None:
        """Set the rates of epoch 0, from those that there are."""
        self.last_epoch = 0
        self._set(self.get_lr())

    def _begin_anew(self) -> None:
        """Set the rates of epoch 0, whatever there are."""
        self.last_epoch = 0
        self._set([self.rate(base, 0) for base in self.base_lrs])

    def step(self) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        self._set(self.get_lr())

    def get_last_lr(self) -> list[float]:
        """Return the rate that this scheduler last set for each group."""
        return self._last_lr

    # -- saving and loading ------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of where the scheduler stands, and of the optimizer's rates."""
        own = {k: copy.deepcopy(v) for k, v in vars(self).items() if k not in _NOT_SAVED}
        return {k: v for k, v in own.items() if _is_data(v)} | {"rates": self._rates()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned.

        Scheduler and optimizer may be made and loaded in any order. The rates are
        in the states of both: those of the optimizer count, unless it was loaded
        before this scheduler was made, which has since set others.

        Raises
        ------
        ValueError
            If it is not the state of such a scheduler; nothing has been changed then.
        """
        problem = self._misfit(state)
        if problem:
            raise ValueError(
                f"The state does not fit this {type(self).__name__}, so nothing was loaded: "
                f"{problem}."
            )
        self._load(state)
        if self.optimizer.loads == self._loads_before:
            for group, rate in zip(self.optimizer.param_groups, state["rates"], strict=True):
                group["lr"] = rate

    def _misfit(self, state: Any) -> str:
        own = self.state_dict()
        if not isinstance(state, Mapping) or set(state) != set(own):
            return f"it has {', '.join(state or ()) or 'nothing'}, not {', '.join(own)}"
        if len(state["rates"]) != len(own["rates"]):
            return f"it is for {len(state['rates'])} groups, not {len(own['rates'])}"
        return ""

    def _load(self, state: Mapping[str, Any]) -> None:
        vars(self).update({k: copy.deepcopy(v) for k, v in state.items() if k != "rates"})


_NOT_SAVED = ("optimizer", "schedulers", "_loads_before")


def _is_data(value: Any) -> bool:
    """Tell what a file can hold from what only a program can, such as a function."""
    if isinstance(value, Mapping):
        return all(map(_is_data, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_data, value))
    return value is None or isinstance(value, (int, float, str, np.generic, np.ndarray))


class StepLR(LRScheduler):
    """The rate times `gamma` every `step_size` epochs.

    >>> import nn
    >>> from autograd_lite import Tensor
    >>> optimizer = nn.optim.SGD([Tensor(1.0, requires_grad=True)], lr=1.0)
    >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates.append(round(optimizer.param_groups[0]["lr"], 4))
    ...     optimizer.step()
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
    ...     rates.append(round(optimizer.param_groups[0]["lr"], 4))
    ...     optimizer.step()
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
    ...     rates.append(round(optimizer.param_groups[0]["lr"], 4))
    ...     optimizer.step()
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
    ...     rates.append(round(optimizer.param_groups[0]["lr"], 4))
    ...     optimizer.step()
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
    ...     rates.append(round(optimizer.param_groups[0]["lr"], 4))
    ...     optimizer.step()
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
    ...     rates.append(round(optimizer.param_groups[0]["lr"], 4))
    ...     optimizer.step()
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
    ...     rates.append(round(optimizer.param_groups[0]["lr"], 4))
    ...     optimizer.step()
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


class SequentialLR(LRScheduler):
    """One scheduler after another: at each milestone the next one begins, from its epoch 0.

    Raises
    ------
    ValueError
        If the milestones do not lie between the schedulers, or a scheduler is of another
        optimizer.

    Examples
    --------
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
        milestones = [count("A milestone", milestone, 0) for milestone in milestones]
        if len(milestones) != len(schedulers) - 1 or milestones != sorted(set(milestones)):
            raise ValueError(
                "There is a milestone, later each time, between any two schedulers, and got "
                f"{milestones} for {len(schedulers)}."
            )
        for scheduler in schedulers:
            if isinstance(scheduler, ReduceLROnPlateau) or scheduler.optimizer is not optimizer:
                raise ValueError(
                    "SequentialLR takes schedulers of its optimizer that hang on the epoch alone, "
                    f"and got a {type(scheduler).__name__}"
                    f"{'' if scheduler.optimizer is optimizer else ' of another optimizer'}."
                )
        self.schedulers = tuple(schedulers)
        self.milestones = milestones
        super().__init__(optimizer)

    def _begin(self) -> None:
        # Each scheduler has set its own first rate when it was made: only one of them is to.
        self._set(self.base_lrs)
        self.last_epoch = 0
        self._turn()._begin()
        self._last_lr = self._rates()

    _begin_anew = _begin

    def _turn(self) -> LRScheduler:
        return self.schedulers[bisect_right(self.milestones, self.last_epoch)]

    def step(self) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        if self.last_epoch in self.milestones:
            self._turn()._begin_anew()
        else:
            self._turn().step()
        self._last_lr = self._rates()

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of where all of the schedulers stand, and of the optimizer's rates."""
        return super().state_dict() | {"schedulers": [s.state_dict() for s in self.schedulers]}

    def _misfit(self, state: Any) -> str:
        problem = super()._misfit(state)
        if not problem and len(state["schedulers"]) != len(self.schedulers):
            problem = f"it has {len(state['schedulers'])} schedulers, not {len(self.schedulers)}"
        inside = () if problem else zip(self.schedulers, state["schedulers"], strict=True)
        return problem or next(filter(None, (s._misfit(own) for s, own in inside)), "")

    def _load(self, state: Mapping[str, Any]) -> None:
        super()._load({k: v for k, v in state.items() if k != "schedulers"})
        for scheduler, own in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler._load(own)


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
        self._attach(optimizer)  # and leave its rates: they hang on what is measured

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
