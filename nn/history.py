"""What a training measured, and what its callbacks are shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.errors import missing_extra

from .module import Array, Module
from .optimizer import Optimizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure


Metric = Callable[[Array, Array], float]


@dataclass
class History:
    """What `fit` measured, a number for each epoch that it ran.

    The numbers of an epoch are those of its outputs while it trained: a mean
    over its batches, each measured before the step that it leads to. Those of
    the validation are of the weights at the epoch's end.

    >>> import numpy as np
    >>> import nn
    >>> x = np.array([[0.0], [1.0]])
    >>> model = nn.Linear(1, 1, rng=0)
    >>> optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    >>> history = nn.fit(model, nn.MSELoss(), optimizer, x, 2 * x, epochs=3, progress=False)
    >>> len(history.losses), history.losses[2] < history.losses[0]
    (3, True)
    """

    losses: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    validation_losses: list[float] = field(default_factory=list)
    validation_metrics: dict[str, list[float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.losses)

    def series(self) -> dict[str, list[float]]:
        """Return all that was measured, by name; ``"validation loss"`` and the like too."""
        found = {"loss": self.losses, **self.metrics}
        if self.validation_losses:
            found["validation loss"] = self.validation_losses
            found |= {f"validation {k}": v for k, v in self.validation_metrics.items()}
        return found

    def latest(self) -> dict[str, float]:
        """Return the numbers of the last epoch, by name."""
        return {name: values[-1] for name, values in self.series().items() if values}

    def plot(self) -> Figure:
        """Return a figure of the loss over the epochs, and of each metric below it.

        It needs Matplotlib, and belongs to no window: use its ``savefig``.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError:
            raise missing_extra("matplotlib", "viz", "plot a history") from None
        series, names = self.series(), ["loss", *self.metrics]
        figure = Figure(figsize=(6.4, 2.6 * len(names)), layout="constrained")
        rows = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
        epochs = np.arange(1, len(self) + 1)
        for axes, name in zip(rows, names, strict=True):
            axes.plot(epochs, series[name], label="training")
            if f"validation {name}" in series:
                axes.plot(epochs, series[f"validation {name}"], label="validation")
                axes.legend()
            axes.set_ylabel(name)
            axes.grid(True, alpha=0.3)
        if self.losses and min(self.losses) > 0:
            rows[0].set_yscale("log")
        rows[-1].set_xlabel("epoch")
        return figure

    def __repr__(self) -> str:
        parts = [f"epochs={len(self)}"]
        parts += [f"{k.replace(' ', '_')}={v:.4g}" for k, v in self.latest().items()]
        return f"History({', '.join(parts)})"


@dataclass
class State:
    """What a callback is shown, and how it can end the training.

    >>> import numpy as np
    >>> import nn
    >>> def at_the_third(state):
    ...     state.stop = state.epoch == 3
    >>> x = np.array([[0.0], [1.0]])
    >>> model = nn.Linear(1, 1, rng=0)
    >>> training = nn.MSELoss(), nn.optim.SGD(model.parameters(), lr=0.1), x, 2 * x
    >>> len(nn.fit(model, *training, epochs=100, progress=False, callbacks=[at_the_third]).losses)
    3
    """

    model: Module
    optimizer: Optimizer
    history: History
    epoch: int = 0
    """How many epochs have been done."""
    step: int = 0
    """How many steps of the optimizer, in all epochs together."""
    step_loss: float = math.nan
    """The loss of the batch that led to the latest of them."""
    stop: bool = False
    """Set it to end the training after this epoch."""
    best_loss: float = math.inf
    """The smallest loss of an epoch so far, in the validation where there is one."""
    best_epoch: int = 0
    """The epoch that had it."""
    best_weights: dict[str, Array] = field(default_factory=dict)
    """The model's state at its end, where `fit` was asked to keep the best."""

    @property
    def loss(self) -> float:
        """The loss of the latest epoch."""
        return self.history.losses[-1]

    @property
    def monitored(self) -> float:
        """The loss that decides what is best: of the validation, where there is one."""
        return (self.history.validation_losses or self.history.losses)[-1]


Callback = Callable[[State], Any]
