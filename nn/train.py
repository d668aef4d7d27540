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

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from autograd_lite import Tensor, no_grad
from autograd_lite.files import StrPath, check_folder
from autograd_lite.randomness import Random

from .batches import OneBatch, batches_of, validation_batches
from .compiled import TrainingStep
from .data import DataLoader
from .diverged import DivergedError as DivergedError
from .diverged import LastFinite
from .history import Callback, History, Metric, State
from .lr_scheduler import LRScheduler, ReduceLROnPlateau
from .metrics import accuracy as accuracy
from .module import Module, to_numpy
from .optimizer import Optimizer
from .progress import progress as shown
from .resume import Resumable
from .settings import count
from .steps import Steps
from .stretch import Stretch, Together
from .watch import evaluation


def fit(
    model: Module,
    loss: Callable[[Any, Any], Tensor],
    optimizer: Optimizer,
    inputs: Any,
    targets: Any = None,
    *,
    epochs: int,
    batch_size: int | None = None,
    shuffle: bool = True,
    rng: Random = None,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Iterable[Callback] = (),
    step_callbacks: Iterable[Callback] = (),
    progress: bool = True,
    stop_below: float | None = None,
    validation: Any = None,
    patience: int | None = None,
    keep_best: bool = False,
    scheduler: LRScheduler | None = None,
    checkpoint: StrPath | None = None,
    compile: bool | str = False,
) -> History:
    """Train a model: forward, backward and step, batch by batch, epoch by epoch.

    Parameters
    ----------
    model, loss, optimizer
        The loss takes the model's output and the targets and returns one number.
    inputs, targets
        Arrays, or Tensors, with one example for each position of the first axis.
        Or `inputs` alone: a `Dataset` of pairs, or a `DataLoader`, which has its
        own batch size and order.
    epochs
        How often all examples are seen.
    batch_size
        How many examples go into a step; all of them by default.
    shuffle
        Whether each epoch takes the examples in a new order (where there are batches).
    rng
        A generator or a seed for these orders; else the default sequence (see `nn.init`).
    metrics
        Functions of (outputs, targets), both arrays, such as `accuracy`, by name.
    callbacks
        Functions that are called with a `State` at the end of each epoch; one that has an
        attribute ``every``, a whole number, only after each so many.
    step_callbacks
        The same, after each step.
    progress
        Whether to show a progress bar: in a notebook with the curve of the loss; without tqdm, a
        plain line now and then.
    stop_below
        End after the first epoch whose loss is smaller.
    validation
        A pair (inputs, targets), a `Dataset` or a `DataLoader`, on which loss and
        metrics are measured after each epoch, in evaluation.
    patience
        End when the loss (of the validation, where there is one) has not become
        smaller than ever before for so many epochs.
    keep_best
        Whether the model gets back, at the end, the weights with the smallest loss.
    scheduler
        Makes a step after each epoch.
    checkpoint
        Of a file, that holds the whole state after each epoch (see
        :mod:`nn.checkpoint`). Where it is there already, the training goes on
        from it, and comes to the same bits as one that was never interrupted. A
        callback with a ``state_dict`` and a ``load_state_dict`` is part of it.
    compile
        Whether steps run as compiled code (see :mod:`nn.compiled`), with the best back end
        that is there; or the name of one. Where all examples are one batch and nothing but
        callbacks with ``every`` wants to see the epochs, many of them run with no Python in
        between.

    Returns
    -------
    History
        The loss and the metrics of each epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid, or the checkpoint is damaged or of another
        model; nothing has been trained then.
    DivergedError
        If the loss or a weight becomes NaN or infinite. It says where that was born, as
        `autograd_lite.first_bad` does, and names the first layer whose output had it; the
        model has the last weights with a finite loss.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> model = nn.Linear(1, 1, rng=0)
    >>> optimizer = nn.optim.SGD(model.parameters(), lr=0.3)
    >>> history = fit(model, nn.MSELoss(), optimizer, x, 2 * x + 1, epochs=100, progress=False)
    >>> model([[3.0]]).round(2)
    Tensor([[7.]], made_by=round)
    """
    metrics, callbacks, step_callbacks = dict(metrics or {}), [*callbacks], [*step_callbacks]
    functions = [loss, *metrics.values(), *callbacks, *step_callbacks]
    _check(model, epochs, patience, stop_below, functions)
    loader = batches_of(inputs, targets, batch_size, shuffle, rng)
    held_out = None if validation is None else validation_batches(validation, loader)
    history = History(
        metrics={name: [] for name in metrics},
        validation_metrics={name: [] for name in metrics if held_out is not None},
    )
    state = State(model, optimizer, history)
    saved = Resumable(state, scheduler, [*callbacks, *step_callbacks], [loader, held_out])
    if checkpoint is not None:
        check_folder(checkpoint)
        if os.path.exists(checkpoint):
            saved.load(checkpoint)
    model.train()
    good = LastFinite(model, loss, optimizer, history)
    compiled = stretch = together = None
    if compile:
        back_end = compile if isinstance(compile, str) else "auto"
        compiled = TrainingStep(
            model, loss, optimizer, back_end=back_end, with_outputs=bool(metrics)
        )
        if not isinstance(loader, OneBatch):
            together = None if step_callbacks else Together(compiled, bool(metrics), good.copied)
        elif not (step_callbacks or held_out or scheduler or checkpoint is not None or keep_best):
            every = [getattr(callback, "every", 1) for callback in callbacks]
            stretch = Stretch(compiled, loader.pair, metrics, every, good.copied)
    examples = loader.examples
    steps = Steps(model, loss, optimizer, good, compiled, together, bool(metrics))
    # An overflow is reported below, with what to do about it; NumPy's warning says less.
    with np.errstate(all="ignore"), _bar(progress, epochs, len(loader), state) as bar:
        while state.epoch < epochs and not _finished(state, patience, stop_below):
            before = state.epoch
            if stretch is not None and stretch.run(
                state, epochs, lambda: _finished(state, patience, stop_below)
            ):
                good.keep(stretch.batch, stretch.arrays)
                _tell(callbacks, state)
                if bar is not None and bar.update(state.epoch - before):
                    bar.set_postfix(history.latest(), refresh=False)
                continue
            numbers = dict.fromkeys(("loss", *metrics), 0.0)
            for x, y, number, outputs in steps.each(loader):
                share = len(x) / examples
                numbers["loss"] += share * number
                for name, metric in metrics.items():
                    numbers[name] += share * float(metric(to_numpy(outputs), y))
                state.step += 1
                state.step_loss = number
                for callback in step_callbacks:
                    callback(state)
                if bar is not None and bar.update():  # true where it has just been redrawn
                    bar.set_postfix({**history.latest(), "loss": number}, refresh=False)
            good.check_weights((x, y))
            state.epoch += 1
            history.losses.append(numbers["loss"])
            for name in metrics:
                history.metrics[name].append(numbers[name])
            if held_out is not None:
                _validate(state, loss, metrics, held_out)
            if state.monitored < state.best_loss:
                state.best_loss, state.best_epoch = state.monitored, state.epoch
                if keep_best:
                    state.best_weights = model.state_dict()
            if isinstance(scheduler, ReduceLROnPlateau):
                scheduler.step(state.monitored)
            elif scheduler is not None:
                scheduler.step()
            _tell(callbacks, state)
            if checkpoint is not None:
                saved.write(checkpoint)
        if bar is not None:
            bar.set_postfix(history.latest(), refresh=False)
    if keep_best and state.best_weights:
        model.load_state_dict(state.best_weights)
    return history


def _tell(callbacks: Iterable[Callback], state: State) -> None:
    """Call those callbacks whose turn it is."""
    for callback in callbacks:
        if state.epoch % getattr(callback, "every", 1) == 0:
            callback(state)


def _finished(state: State, patience: int | None, stop_below: float | None) -> bool:
    if not state.epoch:
        return False
    waited = state.epoch - state.best_epoch
    return (
        state.stop
        or (stop_below is not None and state.loss < stop_below)
        or (patience is not None and waited >= patience)
    )


def _validate(
    state: State, loss: Callable[[Any, Any], Any], metrics: Mapping[str, Metric], data: DataLoader
) -> None:
    """Measure loss and metrics on data that the model does not learn."""
    history = state.history
    totals, seen = dict.fromkeys(("loss", *metrics), 0.0), 0
    with no_grad(), evaluation(state.model):
        for x, y in data:
            outputs = state.model(x)
            totals["loss"] += len(x) * float(to_numpy(loss(outputs, y)))
            for name, metric in metrics.items():
                totals[name] += len(x) * float(metric(to_numpy(outputs), y))
            seen += len(x)
    history.validation_losses.append(totals["loss"] / seen)
    for name in metrics:
        history.validation_metrics[name].append(totals[name] / seen)


def _bar(progress: bool, epochs: int, steps: int, state: State) -> AbstractContextManager[Any]:
    """Return a progress bar over all steps, or nothing in its place."""
    if not progress:
        return nullcontext()
    unit = "epoch" if steps == 1 else "step"
    return shown(epochs * steps, state.step, unit)


def _check(model: Any, epochs: Any, patience: Any, stop_below: Any, functions: list[Any]) -> None:
    """Find what is wrong before anything is trained."""
    if not isinstance(model, Module):
        raise TypeError(f"fit trains an nn.Module, and got {type(model).__name__}.")
    for f in functions:
        if not callable(f):
            raise TypeError(f"Loss, metrics and callbacks are functions, and got {f!r}.")
    count("epochs", epochs, 0)
    if patience is not None:
        count("patience", patience)
    if stop_below is not None and not isinstance(stop_below, (int, float, np.number)):
        raise TypeError(f"stop_below is a number, and got {stop_below!r}.")
