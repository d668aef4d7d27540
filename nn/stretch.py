"""Steps without a callback between them: `fit` lets compiled code run them in one call.

With the whole data in one batch an epoch is a step, and `TrainingStep.run` makes thousands of
them with no Python in between. What is measured of each is read off afterwards. If the training
should have ended in the middle, the parameters go back to where the stretch began, and only as
many steps are made as should have been.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
        For each callback, after how many epochs it is called.
    copied
        Returns copies of the model's arrays; those from before the last step, the last of which
        the loss is known, stand in `arrays`.
    """

    def __init__(
        self,
        compiled: TrainingStep,
        batch: tuple[Any, Any],
        metrics: Mapping[str, Callable[..., float]],
        every: Sequence[int],
        copied: Callable[[], list[Any]],
    ) -> None:
        self.compiled, self.batch, self.metrics, self.every = compiled, batch, metrics, every
        self.copied, self.size = copied, 16
        self.arrays: list[Any] = []

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
            made = self._steps(count)
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
                    self._steps(k + 1)
                break
        seconds = max(time.perf_counter() - begin, 1e-9)
        self.size = max(2, min(2 * self.size, int(count * SECONDS / seconds)))
        return True

    def _steps(self, count: int) -> Any:
        made = self.compiled.run(count - 1, *self.batch)
        self.arrays = self.copied()
        return _joined(made, self.compiled(*self.batch))

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


class Together:
    """Makes the steps of several batches at once.

    Parameters
    ----------
    compiled
        The step.
    with_outputs
        Whether it returns the outputs too.
    copied
        As for `Stretch`.
    """

    def __init__(
        self, compiled: TrainingStep, with_outputs: bool, copied: Callable[[], list[Any]]
    ) -> None:
        self.compiled, self.with_outputs, self.copied = compiled, with_outputs, copied
        self.size = 1
        self.arrays: list[Any] = []

    def groups(self, batches: Iterable[Any]) -> Iterator[list[Any]]:
        """Yield batches that are shaped alike and follow each other, `size` together."""
        group: list[Any] = []
        for batch in batches:
            alike = group and [np.shape(a) for a in group[0]] == [np.shape(a) for a in batch]
            if group and (len(group) >= self.size or not alike):
                yield group
                group = []
            group.append(batch)
        if group:
            yield group

    def run(self, group: list[Any]) -> list[tuple[float, Any]] | None:
        """Make a step for each batch; return the losses and outputs.

        None if they have to be made one by one: at the beginning, and where a number becomes
        infinite; then all is as before.
        """
        if self.compiled._ready() is None:
            return None
        self.size = max(self.size, 2)
        if len(group) == 1:
            return None
        arrays = flatten(self.compiled.state)[0]
        before = [a.copy() for a in arrays]
        begin = time.perf_counter()
        with np.errstate(all="ignore"):
            stacked = [np.stack(part) for part in zip(*group[:-1], strict=True)]
            made = self.compiled.run(len(group) - 1, *stacked, scanned=True)
            self.arrays = self.copied()
            made = _joined(made, self.compiled(*group[-1]))
        losses, outputs = made if self.with_outputs else (made, [None] * len(group))
        if not (np.isfinite(losses).all() and all(np.isfinite(a).all() for a in arrays)):
            for a, old in zip(arrays, before, strict=True):
                a[...] = old
            self.compiled.after(-len(group))
            return None
        seconds = max(time.perf_counter() - begin, 1e-9)
        self.size = max(2, min(2 * self.size, int(len(group) * SECONDS / seconds), LONGEST))
        return [(float(loss), out) for loss, out in zip(losses, outputs, strict=True)]


def _joined(made: Any, last: Any) -> Any:
    """Return what several steps gave, and the one after them."""
    if isinstance(made, tuple):
        return tuple(np.concatenate([a, [b]]) for a, b in zip(made, last, strict=True))
    return np.concatenate([made, [last]])
