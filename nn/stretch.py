"""Epochs between which nobody looks: `fit` lets compiled code run them in one go.

With the whole data in one batch an epoch is a step, and `TrainingStep.run` makes thousands of
them with no Python in between. What is measured of each is read off afterwards. If the training
should have ended in the middle, the parameters go back to where the stretch began, and only as
many steps are made as should have been.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_lite.trees import flatten

from .compiled import TrainingStep

SECONDS = 0.2
"""A stretch takes about as long at most: then Ctrl-C is heard, and a progress bar moves."""
LONGEST = 1000
"""So many epochs are in one at most: the outputs of all are kept, for the metrics."""


class Stretch:
    """Makes many epochs at once.

    Parameters
    ----------
    compiled
        The step.
    batch
        Inputs and targets.
    metrics
        As for `fit`.
    every
        After how many epochs somebody wants to see the model, for each who does.
    """

    def __init__(
        self,
        compiled: TrainingStep,
        batch: tuple[Any, Any],
        metrics: Mapping[str, Callable[..., float]],
        every: Sequence[int],
    ) -> None:
        self.compiled, self.batch, self.metrics, self.every = compiled, batch, metrics, every
        self.size = 16

    def run(self, state: Any, epochs: int, is_finished: Callable[[], bool]) -> bool:
        """Make some epochs and note them in the state; false if they have to be made one by one.

        That is so at the very beginning, when nothing is compiled yet, and where a number
        becomes infinite: then all is as before.
        """
        ahead = [epochs, *((state.epoch // n + 1) * n for n in self.every)]
        count = min(self.size, LONGEST, min(ahead) - state.epoch)
        if count < 2 or self.compiled._ready() is None:
            return False
        before = self._kept()
        begin = time.perf_counter()
        with np.errstate(all="ignore"):
            made = self.compiled.run(count, *self.batch)
        losses, outputs = made if self.metrics else (made, None)
        arrays = flatten(self.compiled.state)[0]
        if not (np.isfinite(losses).all() and all(np.isfinite(a).all() for a in arrays)):
            self._back(before, count)
            self.size = 1
            return False
        for k in range(count):
            self._note(state, float(losses[k]), None if outputs is None else outputs[k])
            if is_finished():
                if k + 1 < count:
                    self._back(before, count)
                    self.compiled.run(k + 1, *self.batch)
                break
        seconds = max(time.perf_counter() - begin, 1e-9)
        self.size = max(2, min(2 * self.size, int(count * SECONDS / seconds)))
        return True

    def _note(self, state: Any, loss: float, outputs: Any) -> None:
        state.epoch += 1
        state.step += 1
        state.step_loss = loss
        state.history.losses.append(loss)
        for name, metric in self.metrics.items():
            state.history.metrics[name].append(float(metric(outputs, self.batch[1])))
        if loss < state.best_loss:
            state.best_loss, state.best_epoch = loss, state.epoch

    def _kept(self) -> list[Any]:
        return [a.copy() for a in flatten(self.compiled.state)[0]]

    def _back(self, before: list[Any], count: int) -> None:
        """Undo some steps."""
        for a, old in zip(flatten(self.compiled.state)[0], before, strict=True):
            a[...] = old
        self.compiled.after(-count)
