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
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite import Tensor, no_grad, trace
from autograd_lite.errors import missing_extra
from autograd_lite.files import StrPath, check_folder
from autograd_lite.randomness import Random, generator

from . import checkpoint as checkpoints
from .compiled import TrainingStep
from .data import DataLoader, Dataset, TensorDataset
from .lr_scheduler import LRScheduler, ReduceLROnPlateau
from .module import Array, Module, to_numpy
from .optimizer import Optimizer
from .progress import progress as shown
from .settings import as_data, count
from .stretch import Stretch, Together
from .watch import evaluation, first_not_finite, same_draws

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from autograd_lite.nonfinite import FirstBad

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
    >>> history = fit(model, nn.MSELoss(), optimizer, x, 2 * x, epochs=3, progress=False)
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
    >>> len(fit(model, *training, epochs=100, progress=False, callbacks=[at_the_third]).losses)
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


class DivergedError(FloatingPointError):
    """The loss or a weight became NaN or infinite; `history` is what came before.

    >>> import numpy as np
    >>> import nn
    >>> model = nn.Linear(1, 1, rng=0)
    >>> x = np.array([[1.0], [1000.0]])
    >>> optimizer = nn.optim.SGD(model.parameters(), lr=1.0)
    >>> try:
    ...     fit(model, nn.MSELoss(), optimizer, x, x, epochs=99, progress=False)
    ... except DivergedError as error:
    ...     print(len(error.history.losses) > 0, str(error).partition(",")[0])
    True Training stopped in epoch 27
    """

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


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
    See :mod:`nn.train`.

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
    loader = _loader(inputs, targets, batch_size, shuffle, rng)
    held_out = None if validation is None else _validation(validation, loader)
    history = History(
        metrics={name: [] for name in metrics},
        validation_metrics={name: [] for name in metrics if held_out is not None},
    )
    state = State(model, optimizer, history)
    saved = _Saved(state, scheduler, [*callbacks, *step_callbacks], [loader, held_out])
    if checkpoint is not None:
        check_folder(checkpoint)
        if os.path.exists(checkpoint):
            saved.load(checkpoint)
    examples = loader.examples
    model.train()
    good = _LastFinite(model, optimizer)
    compiled = None
    if compile:
        back_end = compile if isinstance(compile, str) else "auto"
        compiled = TrainingStep(
            model, loss, optimizer, back_end=back_end, with_outputs=bool(metrics)
        )
    stretch = None
    is_seen = step_callbacks or held_out or scheduler or checkpoint is not None or keep_best
    if compiled is not None and isinstance(loader, _Whole) and not is_seen:
        every = [getattr(callback, "every", 1) for callback in callbacks]
        stretch = Stretch(compiled, loader.pair, metrics, every, good.copied)
    together = None
    if compiled is not None and not step_callbacks and not isinstance(loader, _Whole):
        together = Together(compiled, bool(metrics), good.copied)
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
            groups = ([pair] for pair in loader) if together is None else together.groups(loader)
            for group in groups:
                results = None if together is None else together.run(group)
                for k, (x, y) in enumerate(group):
                    if together is not None and results is not None:
                        number, outputs = results[k]
                        arrays = together.arrays
                    elif compiled is not None:
                        arrays = good.copied()
                        made = compiled(x, y)
                        number, outputs = made if metrics else (made, None)
                        number = float(number)
                    else:
                        outputs = model(x)
                        value = loss(outputs, y)
                        optimizer.zero_grad()
                        value.backward()
                        number, arrays = value.item(), good.now()
                    if not math.isfinite(number):
                        raise good.diverged(history, f"the loss became {number}", loss, (x, y))
                    good.keep((x, y), arrays)
                    if compiled is None:
                        optimizer.step()

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
            # No forward pass has tried the weights of the last step.
            if not all(np.isfinite(p.data).all() for p in optimizer.params):
                raise good.diverged(history, "a weight became NaN or infinite", loss, (x, y))
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


# -- the data ---------------------------------------------------------------------------------


class _Whole(DataLoader):
    """All examples in one batch, as they are: without a copy."""

    def __init__(self, inputs: Array, targets: Array) -> None:
        super().__init__(TensorDataset(inputs, targets), len(inputs))
        self.pair = inputs, targets

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        yield self.pair


def _loader(
    inputs: Any, targets: Any, batch_size: int | None, shuffle: bool, rng: Random
) -> DataLoader:
    """Return what gives the batches of each epoch."""
    if isinstance(inputs, DataLoader):
        if targets is not None or batch_size is not None:
            raise TypeError("A DataLoader brings its own targets and batch_size: give it alone.")
        return _filled(inputs)
    order = None if rng is None else generator(rng)
    if batch_size is not None:
        count("batch_size", batch_size)
    if isinstance(inputs, Dataset):
        if targets is not None:
            raise TypeError("A Dataset brings its own targets: give it alone.")
        size = int(batch_size or max(len(inputs), 1))
        return _filled(DataLoader(inputs, size, shuffle, rng=order))
    inputs, targets = as_data("inputs", inputs), as_data("targets", targets)
    if not inputs.ndim or not targets.ndim or len(inputs) != len(targets) or not len(inputs):
        raise ValueError(
            "fit takes a target for each input, at least one, and got arrays of shapes "
            f"{inputs.shape} and {targets.shape}."
        )
    if batch_size is None:
        return _Whole(inputs, targets)
    return DataLoader(TensorDataset(inputs, targets), int(batch_size), shuffle, rng=order)


def _filled(loader: DataLoader) -> DataLoader:
    if not len(loader):
        raise ValueError(
            f"The data have {len(loader.dataset)} examples, which is no batch of "
            f"{loader.batch_size}."
        )
    return loader


def _validation(given: Any, loader: DataLoader) -> DataLoader:
    """Return what gives the batches of the validation, as large as those of the training."""
    if isinstance(given, (DataLoader, Dataset)):
        return _loader(given, None, None, False, None)
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise TypeError("validation is a pair (inputs, targets), a Dataset or a DataLoader.")
    return _loader(given[0], given[1], loader.batch_size, False, None)


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


# -- when it goes wrong ------------------------------------------------------------------------


class _LastFinite:
    """The last parameters and buffers with which the loss was finite."""

    def __init__(self, model: Module, optimizer: Optimizer) -> None:
        self.model, self.optimizer = model, optimizer
        found = {id(t): t for t in (*optimizer.params, *model.buffers())}
        self.tensors = tuple(found.values())
        self.keep(None, self.copied())

    def now(self) -> list[Any]:
        # An eager step stores new arrays, so keeping the old ones is enough to go back.
        return [t._value for t in self.tensors]

    def copied(self) -> list[Any]:
        # A compiled one writes into them.
        return [t._value.copy() for t in self.tensors]

    def keep(self, batch: Any, arrays: list[Any]) -> None:
        self.arrays = arrays
        self.batch = batch  # with which the step after this is made

    def diverged(
        self, history: History, what: str, loss: Callable[..., Tensor], batch: Any
    ) -> DivergedError:
        """Go back, and return the error that says so."""
        layer = first_not_finite(self.model, batch[0])
        bad = self._first_bad(loss, batch)
        spoiled = bad is not None and bad.way == "input" and bad.name.startswith("the parameter")
        for t, array in zip(self.tensors, self.arrays, strict=True):
            t._set(array)
        if spoiled and self.batch is not None:  # by a step: was its gradient finite?
            bad = self._first_bad(loss, self.batch)
        for t, array in zip(self.tensors, self.arrays, strict=True):
            t._set(array)
        self.optimizer.zero_grad()
        where = f", first in the output of {layer}" if layer else ""
        said = [f"Training stopped in epoch {len(history) + 1}, where {what}{where}."]
        if bad is not None:
            said.append(str(bad))
        if bad is None or (bad.way == "forward" and bad.operation in _CAN_OVERFLOW):
            data = ", or look for such values in the data" if bad is None else ""
            said.append(f"Lower the learning rate (it is {self.optimizer.lr:g}){data}.")
        said.append("The model has the last weights with a finite loss.")
        return DivergedError(" ".join(said), history)

    def _first_bad(self, loss: Callable[..., Tensor], batch: Any) -> FirstBad | None:
        """Run a batch again, as it ran, and find the first number that was not finite."""
        from autograd_lite.nonfinite import diagnose

        x, y = batch
        try:
            with trace(), same_draws(self.model):
                return diagnose(loss(self.model(x), y), [("inputs", x), ("targets", y)])
        except Exception:  # a model that cannot be run again is not the news here
            return None


# What becomes infinite of large numbers, as weights are that a large rate has made.
_CAN_OVERFLOW = {"add", "subtract", "multiply", "power", "exp", "linear", "matmul", "dot", "sum",
                 "mse", "conv2d", "square", "einsum", "mean"}  # fmt: skip


# -- checkpoints ----------------------------------------------------------------------------------


class _Saved:
    """All that the next epoch depends on, and what was measured, as a checkpoint keeps it."""

    def __init__(
        self,
        state: State,
        scheduler: LRScheduler | None,
        callbacks: Iterable[Callback],
        loaders: Iterable[DataLoader | None],
    ) -> None:
        self.state = state
        named = {"model": state.model, "optimizer": state.optimizer, "scheduler": scheduler}
        named |= {f"callback {i} ({type(c).__name__})": c for i, c in enumerate(callbacks)}
        self.parts: dict[str, Any] = {
            name: part for name, part in named.items() if hasattr(part, "state_dict")
        }
        self.generators = {"the default sequence": generator()}
        self.generators |= checkpoints.generators(state.model)
        for name, loader in zip(("training data", "validation data"), loaders, strict=True):
            if loader is not None:
                if loader.rng is not None:
                    self.generators[f"order of the {name}"] = loader.rng
                for path, rng in checkpoints.generators_of_data(loader.dataset):
                    self.generators[f"{name}.{path}"] = rng

    def write(self, path: StrPath) -> None:
        """Write a checkpoint."""
        checkpoints.write(path, self._taken())

    def load(self, path: StrPath) -> None:
        """Set all of it to what a checkpoint says, or nothing if it does not fit."""
        saved, before = checkpoints.read(path), self._taken()
        try:
            self._set(saved)
        except (ValueError, TypeError, KeyError) as error:
            self._set(before)
            raise ValueError(
                f"The checkpoint {os.fspath(path)} does not fit this training, so nothing was "
                f"loaded: {str(error).rstrip('.')}. Take it away to begin anew."
            ) from None

    def _taken(self) -> dict[str, Any]:
        state = self.state
        return {
            "parts": {name: part.state_dict() for name, part in self.parts.items()},
            "generators": {name: rng.bit_generator.state for name, rng in self.generators.items()},
            "history": dict(vars(state.history)),
            "state": {name: getattr(state, name) for name in _COUNTED},
        }

    def _set(self, saved: Any) -> None:
        own = self._taken()
        if set(saved) != set(own) or set(saved["state"]) != set(own["state"]):
            raise ValueError("it has other parts than a checkpoint of this version")
        for kind in ("parts", "generators"):
            _alike(saved[kind], own[kind])
        _alike(saved["history"]["metrics"], own["history"]["metrics"])
        for name, part in self.parts.items():
            part.load_state_dict(saved["parts"][name])
        for name, rng in self.generators.items():
            rng.bit_generator.state = saved["generators"][name]
        vars(self.state.history).update(saved["history"])
        vars(self.state).update(saved["state"])


_COUNTED = ("epoch", "step", "step_loss", "stop", "best_loss", "best_epoch", "best_weights")


def _alike(saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    if set(saved) != set(own):
        raise ValueError(
            f"it has {', '.join(sorted(saved)) or 'nothing'}, and this training has "
            f"{', '.join(sorted(own)) or 'nothing'}"
        )


# -- the bar, and what is checked -----------------------------------------------------------------


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
    outputs, targets = to_numpy(outputs), to_numpy(targets)
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
