"""One scheduler after another, such as a warm-up before a cosine."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..settings import count
from .base import LRScheduler
from .plateau import ReduceLROnPlateau

if TYPE_CHECKING:
    from ..optimizer import Optimizer


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
    >>> from nn.lr_scheduler import ExponentialLR, LinearLR
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
                    "SequentialLR takes schedulers of its optimizer that need the epoch alone, "
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
