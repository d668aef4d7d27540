"""The steps of an epoch: forward, backward and the optimizer's, or compiled code in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from autograd_lite import Tensor

from .compiled import TrainingStep
from .diverged import LastFinite
from .module import Module
from .optimizer import Optimizer
from .stretch import Together


class Steps:
    """Makes a step of each batch.

    Parameters
    ----------
    model, loss, optimizer
        As for `fit`.
    good
        Is shown each loss, and raises an error where it is not finite.
    compiled
        The step as compiled code, or None.
    together
        Makes several compiled steps in one call, or None.
    with_outputs
        Whether compiled code returns the outputs too.
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Tensor],
        optimizer: Optimizer,
        good: LastFinite,
        compiled: TrainingStep | None,
        together: Together | None,
        with_outputs: bool,
    ) -> None:
        self.model, self.loss, self.optimizer, self.good = model, loss, optimizer, good
        self.compiled, self.together, self.with_outputs = compiled, together, with_outputs

    def each(self, batches: Iterable[Any]) -> Iterator[tuple[Any, Any, float, Any]]:
        """Yield inputs and targets, the loss and the outputs, after the step of each batch."""
        if self.together is not None:
            yield from self._together(self.together, batches)
            return
        step = self._eager if self.compiled is None else self._compiled
        for x, y in batches:
            yield x, y, *step(x, y)

    def _eager(self, x: Any, y: Any) -> tuple[float, Any]:
        outputs = self.model(x)
        value = self.loss(outputs, y)
        self.optimizer.zero_grad()
        value.backward()
        number = value.item()
        self.good.check(number, (x, y), self.good.now())
        self.optimizer.step()
        return number, outputs

    def _compiled(self, x: Any, y: Any) -> tuple[float, Any]:
        assert self.compiled is not None
        arrays = self.good.copied()
        made = self.compiled(x, y)
        number, outputs = made if self.with_outputs else (made, None)
        self.good.check(float(number), (x, y), arrays)
        return float(number), outputs

    def _together(
        self, together: Together, batches: Iterable[Any]
    ) -> Iterator[tuple[Any, Any, float, Any]]:
        for group in together.groups(batches):
            made = together.run(group)
            if made is None:  # one by one
                for x, y in group:
                    yield x, y, *self._compiled(x, y)
            else:
                for (x, y), (number, outputs) in zip(group, made, strict=True):
                    self.good.check(number, (x, y), together.arrays)
                    yield x, y, number, outputs
