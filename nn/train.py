"""Training: the loop that everybody writes, once.

>>> import nn
>>> x = np.linspace(-1.0, 1.0, 20).reshape(-1, 1)
>>> model = nn.Linear(1, 1, rng=0)
>>> optimizer = nn.optim.SGD(model.parameters(), lr=0.5)
>>> history = fit(model, nn.MSELoss(), optimizer, x, 3.0 * x, epochs=200, progress=False)
>>> history
History(epochs=200, loss=...)
>>> model.weight.data.round(3)
array([[3.]])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.errors import missing_extra

from .init import Random, generator
from .module import Array, Module, plain
from .optim import Optimizer

Metric = Callable[[Array, Array], float]


@dataclass
class History:
    """What `fit` measured, a number for each epoch that it ran.

    The numbers of an epoch are those of its outputs while it trained: a mean
    over its batches, each measured before the step that it leads to.
    """

    losses: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.losses)

    def latest(self) -> dict[str, float]:
        """Return the numbers of the last epoch, by name."""
        if not self.losses:
            return {}
        return {"loss": self.losses[-1]} | {k: v[-1] for k, v in self.metrics.items()}

    def __repr__(self) -> str:
        parts = [f"epochs={len(self)}", *(f"{k}={v:.4g}" for k, v in self.latest().items())]
        return f"History({', '.join(parts)})"


@dataclass
class State:
    """What a callback is shown at the end of an epoch, and how it can end the training."""

    model: Module
    optimizer: Optimizer
    history: History
    epoch: int = 0
    """How many epochs have been done."""
    stop: bool = False
    """Set it to end the training after this epoch."""

    @property
    def loss(self) -> float:
        """The loss of the epoch."""
        return self.history.losses[-1]


Callback = Callable[[State], Any]


class DivergedError(FloatingPointError):
    """The loss or a weight became NaN or infinite; `history` is what came before."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


def fit(
    model: Module,
    loss: Callable[[Any, Any], Tensor],
    optimizer: Optimizer,
    inputs: Any,
    targets: Any,
    *,
    epochs: int,
    batch_size: int | None = None,
    shuffle: bool = True,
    rng: Random = None,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    stop_below: float | None = None,
) -> History:
    """Train a model: forward, backward and step, batch by batch, epoch by epoch.

    Parameters
    ----------
    model, loss, optimizer
        The loss takes the model's output and the targets and returns one number.
    inputs, targets
        Arrays, or Tensors, with one example for each position of the first axis.
    epochs
        How often all examples are seen.
    batch_size
        How many examples go into a step; all of them by default.
    shuffle
        Whether each epoch takes the examples in a new order (where there are batches).
    rng
        A generator or a seed for these orders; seed 0 by default (see `nn.init`).
    metrics
        Functions of (outputs, targets), both arrays, such as `accuracy`, by name.
    callbacks
        Functions that are called with a `State` at the end of each epoch.
    progress
        Whether to show a progress bar (which needs tqdm).
    stop_below
        End after the first epoch whose loss is smaller.

    Returns
    -------
    History
        The loss and the metrics of each epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid; nothing has been trained then.
    DivergedError
        If the loss becomes NaN or infinite. The model has the last weights with
        which it was finite.

    Examples
    --------
    See :mod:`nn.train`.
    """
    inputs, targets = plain(inputs), plain(targets)
    metrics, callbacks = dict(metrics or {}), list(callbacks)
    functions = [loss, *metrics.values(), *callbacks]
    _check(model, inputs, targets, epochs, batch_size, stop_below, functions)
    order = generator(rng) if shuffle else None
    history = History(metrics={name: [] for name in metrics})
    state = State(model, optimizer, history)
    model.train()
    weights = _weights(optimizer)
    # An overflow is reported below, with what to do about it; NumPy's warning says less.
    with np.errstate(all="ignore"), _bar(epochs if progress else None) as bar:
        for state.epoch in range(1, epochs + 1):
            numbers = dict.fromkeys(("loss", *metrics), 0.0)
            for x, y in _batches(inputs, targets, batch_size, order):
                outputs = model(x)
                value = loss(outputs, y)
                optimizer.zero_grad()
                value.backward()
                number = value.item()
                if not math.isfinite(number):
                    raise _diverged(optimizer, weights, history, f"the loss became {number}")
                weights = _weights(optimizer)
                optimizer.step()

                share = len(x) / len(inputs)
                numbers["loss"] += share * number
                for name, metric in metrics.items():
                    numbers[name] += share * float(metric(plain(outputs), y))
            history.losses.append(numbers["loss"])
            for name in metrics:
                history.metrics[name].append(numbers[name])
            for callback in callbacks:
                callback(state)
            if bar is not None and bar.update():  # true where it has just been redrawn
                bar.set_postfix(history.latest(), refresh=False)
            if state.stop or (stop_below is not None and state.loss < stop_below):
                break
        if bar is not None:
            bar.set_postfix(history.latest(), refresh=False)
        # No forward pass has tried the weights of the last step.
        if not all(np.isfinite(p.data).all() for p in optimizer.params):
            raise _diverged(optimizer, weights, history, "a weight became NaN or infinite")
    return history


def _batches(
    inputs: Array, targets: Array, size: int | None, order: np.random.Generator | None
) -> Iterator[tuple[Array, Array]]:
    """Yield the examples of one epoch."""
    if size is None:
        yield inputs, targets
        return
    if order is not None:
        shuffled = order.permutation(len(inputs))
        inputs, targets = inputs[shuffled], targets[shuffled]
    for i in range(0, len(inputs), size):
        yield inputs[i : i + size], targets[i : i + size]


def _weights(optimizer: Optimizer) -> list[Any]:
    # A step stores new arrays, so keeping the old ones is enough to go back.
    return [p._data for p in optimizer.params]


def _diverged(
    optimizer: Optimizer, weights: list[Any], history: History, what: str
) -> DivergedError:
    """Go back to the weights, and return the error that says so."""
    for p, array in zip(optimizer.params, weights, strict=True):
        p._set(array)
    optimizer.zero_grad()
    return DivergedError(
        f"Training stopped in epoch {len(history) + 1}, where {what}: lower the learning rate "
        f"(it is {optimizer.lr:g}), or look for such values in the data. The model has the last "
        "weights with a finite loss.",
        history,
    )


def _bar(epochs: int | None) -> AbstractContextManager[Any]:
    """Return a progress bar, or nothing in its place."""
    if epochs is None:
        return nullcontext()
    try:
        from tqdm import tqdm  # type: ignore[import-untyped]
    except ImportError:
        raise missing_extra(
            "tqdm", "demos", "show the progress of fit (progress=False does without)"
        ) from None
    return tqdm(total=epochs, unit="epoch", mininterval=0.2)  # type: ignore[no-any-return]


def _check(
    model: Any,
    inputs: Array,
    targets: Array,
    epochs: Any,
    batch_size: Any,
    stop_below: Any,
    functions: list[Any],
) -> None:
    """Find what is wrong before anything is trained."""
    if not isinstance(model, Module):
        raise TypeError(f"fit trains an nn.Module, and got {type(model).__name__}.")
    for f in functions:
        if not callable(f):
            raise TypeError(f"Loss, metrics and callbacks are functions, and got {f!r}.")
    if not inputs.ndim or not targets.ndim or len(inputs) != len(targets) or not len(inputs):
        raise ValueError(
            "fit takes a target for each input, at least one, and got arrays of shapes "
            f"{inputs.shape} and {targets.shape}."
        )
    for name, count, least in (("epochs", epochs, 0), ("batch_size", batch_size, 1)):
        if name == "batch_size" and count is None:
            continue
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < least:
            raise ValueError(f"{name} is an integer from {least} on, and got {count!r}.")
    if stop_below is not None and not isinstance(stop_below, (int, float, np.number)):
        raise TypeError(f"stop_below is a number, and got {stop_below!r}.")


def accuracy(outputs: Any, targets: Any, threshold: float = 0.5) -> float:
    """Return the share of examples that are classified right.

    Parameters
    ----------
    outputs
        (n,) or (n, 1): above `threshold` means yes; or (n, C): the largest means that class.
    targets
        For yes or no, of the outputs' shape, 0 or 1. For classes (n,), indices, or
        (n, C), of which the largest counts.
    threshold
        For outputs that are logits, use 0.

    Raises
    ------
    ValueError
        If the shapes are others.

    Examples
    --------
    >>> accuracy([[0.2], [0.9], [0.8]], [[0], [1], [0]])
    0.6666666666666666
    >>> accuracy([[0.1, 0.9], [0.7, 0.3]], [1, 0])
    1.0
    """
    outputs, targets = plain(outputs), plain(targets)
    if outputs.shape == targets.shape and (outputs.ndim == 1 or outputs.shape[1:] == (1,)):
        right = (outputs > threshold) == (targets > 0.5)
    elif (
        outputs.ndim == 2
        and outputs.shape[1] > 1
        and targets.shape in (outputs.shape, outputs.shape[:1])
    ):
        classes = targets if targets.ndim == 1 else targets.argmax(axis=1)
        right = outputs.argmax(axis=1) == classes
    else:
        raise ValueError(
            "accuracy takes outputs (n, 1) with targets of the same shape, or outputs (n, C) with "
            f"targets (n,) or (n, C), and got {outputs.shape} and {targets.shape}."
        )
    return float(right.mean())
