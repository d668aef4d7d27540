"""A training whose numbers are no longer finite: back to the last weights, and what to say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite import Tensor, trace

from .history import History
from .module import Module
from .optimizer import Optimizer
from .watch import first_not_finite, same_draws

if TYPE_CHECKING:
    from autograd_lite.nonfinite import FirstBad


class DivergedError(FloatingPointError):
    """The loss or a weight became NaN or infinite; `history` is what came before.

    >>> import numpy as np
    >>> import nn
    >>> model = nn.Linear(1, 1, rng=0)
    >>> x = np.array([[1.0], [1000.0]])
    >>> optimizer = nn.optim.SGD(model.parameters(), lr=1.0)
    >>> try:
    ...     nn.fit(model, nn.MSELoss(), optimizer, x, x, epochs=99, progress=False)
    ... except DivergedError as error:
    ...     print(len(error.history.losses) > 0, str(error).partition(",")[0])
    True Training stopped in epoch 27
    """

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


class LastFinite:
    """The last parameters and buffers with which the loss was finite."""

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Tensor],
        optimizer: Optimizer,
        history: History,
    ) -> None:
        self.model, self.loss, self.optimizer, self.history = model, loss, optimizer, history
        found = {id(t): t for t in (*optimizer.params, *model.buffers())}
        self.tensors = tuple(found.values())
        self.keep(None, self.copied())

    def now(self) -> list[Any]:
        """Return the arrays: an eager step stores new ones, so that these stay as they are."""
        return [t._value for t in self.tensors]

    def copied(self) -> list[Any]:
        """Return copies of the arrays: a compiled step writes into them."""
        return [t._value.copy() for t in self.tensors]

    def keep(self, batch: Any, arrays: list[Any]) -> None:
        """Keep the arrays that had a finite loss, and the batch of the step after it."""
        self.arrays = arrays
        self.batch = batch

    def check(self, loss: float, batch: Any, arrays: list[Any]) -> None:
        """Keep the arrays with which a batch had a loss; if it is not finite, go back and raise."""
        if not math.isfinite(loss):
            raise self._diverged(f"the loss became {loss}", batch)
        self.keep(batch, arrays)

    def check_weights(self, batch: Any) -> None:
        """Look at the weights of the last step, which no forward pass has tried."""
        if not all(np.isfinite(p.data).all() for p in self.optimizer.params):
            raise self._diverged("a weight became NaN or infinite", batch)

    def _diverged(self, what: str, batch: Any) -> DivergedError:
        """Go back, and return the error that says so."""
        layer = first_not_finite(self.model, batch[0])
        bad = self._first_bad(batch)
        spoiled = bad is not None and bad.way == "input" and bad.name.startswith("the parameter")
        for t, array in zip(self.tensors, self.arrays, strict=True):
            t._set(array)
        if spoiled and self.batch is not None:  # by a step: was its gradient finite?
            bad = self._first_bad(self.batch)
        for t, array in zip(self.tensors, self.arrays, strict=True):
            t._set(array)
        self.optimizer.zero_grad()
        where = f", first in the output of {layer}" if layer else ""
        said = [f"Training stopped in epoch {len(self.history) + 1}, where {what}{where}."]
        if bad is not None:
            said.append(str(bad))
        if bad is None or (bad.way == "forward" and bad.operation in _CAN_OVERFLOW):
            data = ", or look for such values in the data" if bad is None else ""
            said.append(f"Lower the learning rate (it is {self.optimizer.lr:g}){data}.")
        said.append("The model has the last weights with a finite loss.")
        return DivergedError(" ".join(said), self.history)

    def _first_bad(self, batch: Any) -> FirstBad | None:
        """Run a batch again, as it ran, and find the first number that was not finite."""
        from autograd_lite.nonfinite import diagnose

        x, y = batch
        try:
            with trace(), same_draws(self.model):
                return diagnose(self.loss(self.model(x), y), [("inputs", x), ("targets", y)])
        except Exception:  # a model that cannot be run again is not the news here
            return None


# What becomes infinite of large numbers, as weights are that a large rate has made.
_CAN_OVERFLOW = {"add", "subtract", "multiply", "power", "exp", "linear", "matmul", "dot", "sum",
                 "mse", "conv2d", "square", "einsum", "mean"}  # fmt: skip
