"""What every scheduler shares: the rates of an optimizer's groups, an epoch after the other."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..optimizer import Optimizer


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
