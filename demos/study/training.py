"""Many trainings as one: the seeds of a cell are a batch dimension of one tape.

One small network costs what Python costs, not what its arithmetic costs. So the
networks of many seeds are stacked. Each *lane* is one of them, and a layer is

    weights (lanes, out, in) @ values (lanes, in, points) + biases (lanes, out, 1),

with the points last, where a product with a matrix this small is fastest. No
operation mixes lanes, and what is minimised is the sum of their losses, so a
lane learns what it would learn alone. Learning rates may differ from lane to
lane. A lane that is done, or whose loss overflows, leaves the stack and slows
the others no more.

What a seed draws comes from a generator of its own for each purpose, see
`stream`: a run is the same alone, in any stack, and on any machine.
"""

from __future__ import annotations

import bisect
import copy
import itertools
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import nn
from autograd_lite import Tensor, no_grad

from ..data import Array, generate_linear, generate_XOR_easy
from . import compiled
from .configuration import COUNTS, STARTS, Configuration

# -- what a seed decides ---------------------------------------------------------------------------

POINTS, WEIGHTS, ORDER, HELD_OUT = range(4)


def stream(seed: int, purpose: int) -> np.random.Generator:
    """Return the generator of a seed for one purpose: its points, weights, or their order.

    Whatever one purpose draws, the others go on as they would.
    """
    return np.random.default_rng([seed, purpose])


def points(data: str, seed: int) -> tuple[Array, Array]:
    """Return the points that a seed is trained with; XOR has the same for all.

    Returns
    -------
    inputs : array, shape (n, 2)
    labels : array of int, shape (n, 1) of 0 and 1; for moons and blobs (n,), the class.

    Examples
    --------
    >>> inputs, labels = points("linear", seed=3)
    >>> inputs.shape, labels.shape
    ((100, 2), (100, 1))
    """
    return _drawn(data, seed)[0]


def held_out(data: str, seed: int) -> tuple[Array, Array] | None:
    """Return as many points again from where the seed's own came; None for XOR, which is all.

    One rule for all data that are drawn: twice as many are drawn, of which one
    half is trained with and the other is kept; of moons and blobs, half of each class.
    """
    return _drawn(data, seed)[1]


def _drawn(data: str, seed: int) -> tuple[tuple[Array, Array], tuple[Array, Array] | None]:
    rng = stream(seed, POINTS)
    if data == "xor":
        return generate_XOR_easy(), None
    if data == "linear":
        inputs, labels = generate_linear(2 * COUNTS[data], rng)
        first, second = np.split(np.arange(len(inputs)), 2)  # a class has what chance gives it
    elif data in CLASSES:
        inputs, labels = CLASSES[data](2 * COUNTS[data], rng)
        first, second = nn.data.stratified_split(labels, 0.5, stream(seed, HELD_OUT))
    else:
        raise ValueError(f"Points are drawn for linear, xor, moons and blobs, and not {data!r}.")
    return (inputs[first], labels[first]), (inputs[second], labels[second])


CLASSES: dict[str, Callable[[int, np.random.Generator], tuple[Array, Array]]] = {
    "moons": lambda n, rng: nn.data.moons(n, 0.20, rng),
    "blobs": lambda n, rng: nn.data.blobs(n, rng=rng),
}


# -- what comes out --------------------------------------------------------------------------------


@dataclass
class Run:
    """One training: a configuration with a seed, and how it went.

    Attributes
    ----------
    configuration, seed
        What was trained.
    epochs, losses, accuracies
        The curve: the mean loss over all points, and the share of them that is
        right, after so many epochs; 0 is the start, the last is the result. For
        digits these are the images that are held out.
    diverged
        Whether the loss overflowed. It is infinite then, and nothing is right.
    held_out_accuracy
        The share of points that is right among those of `held_out`; NaN for XOR.
    seconds
        Its share of the time that its stack took.
    weights
        The parameters at the end, as in the `state_dict` of an `nn.MLP`.
    """

    configuration: Configuration
    seed: int
    epochs: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    diverged: bool = False
    held_out_accuracy: float = math.nan
    seconds: float = 0.0
    weights: dict[str, Array] = field(default_factory=dict)

    @property
    def epochs_done(self) -> int:
        """When it stopped."""
        return self.epochs[-1]

    @property
    def final_loss(self) -> float:
        """The mean loss over all points, when it stopped."""
        return self.losses[-1]

    @property
    def accuracy(self) -> float:
        """The share of all points that was right, when it stopped."""
        return self.accuracies[-1]

    def reached(self, share: float) -> int | None:
        """Return the first logged epoch with at least such an accuracy, if there is one."""
        found = zip(self.epochs, self.accuracies, strict=True)
        return next((epoch for epoch, accuracy in found if accuracy >= share), None)


def logged_epochs(last: int, count: int = 60) -> list[int]:
    """Return about `count` epochs from 0 to `last`, evenly spaced in their logarithm.

    1, 2 and 5 times each power of ten are among them, for a reader's sake.

    >>> logged_epochs(20, count=5)
    [0, 1, 2, 4, 5, 9, 10, 20]
    """
    spaced = np.geomspace(1, last, count).round().astype(int).tolist()
    powers = [10**k for k in range(len(str(last)))]
    round_ones = [factor * power for power in powers for factor in (1, 2, 5)]
    return sorted({0, last, *spaced, *(e for e in round_ones if e <= last)})


# -- training --------------------------------------------------------------------------------------

Observer = Callable[[int, Mapping[str, Array]], None]


def train(
    configurations: Configuration | Sequence[Configuration],
    seeds: Collection[int],
    *,
    log_at: Collection[int] | None = None,
    observe: Observer | None = None,
    compile: bool | None = None,
) -> list[Run]:
    """Train every configuration with every seed, all at once.

    Parameters
    ----------
    configurations
        One, or several that differ in nothing but the learning rate.
    seeds
        Whole numbers from 0 on.
    log_at
        The epochs of the curves, besides the last; `logged_epochs` by default.
    observe
        Called at each of these epochs with the epoch and the parameters by name,
        as in an `nn.MLP`, with one more dimension in front: the lanes that are
        still in training, configuration by configuration.
    compile
        Whether in compiled loops, with the same numbers to rounding; by default where Numba
        is installed, for as many epochs as make up for compiling.

    Returns
    -------
    list of Run
        Configuration by configuration, and for each seed by seed.

    Raises
    ------
    ValueError
        If the configurations cannot be trained as one.

    Examples
    --------
    >>> cell = Configuration(data="xor", epochs=5000)
    >>> [run.accuracy for run in train(cell, seeds=[0, 1])]
    [1.0, 1.0]
    """
    cells = [configurations] if isinstance(configurations, Configuration) else list(configurations)
    if len({replace(cell, lr=0.0) for cell in cells}) != 1:
        raise ValueError(
            "Only configurations that differ in nothing but the learning rate train together."
        )
    if cells[0].data == "digits":
        return [_train_on_digits(cell, int(seed)) for cell in cells for seed in seeds]
    started = time.perf_counter()
    runs = [Run(cell, int(seed)) for cell in cells for seed in seeds]
    if runs:
        epochs = logged_epochs(cells[0].epochs) if log_at is None else log_at
        with np.errstate(all="ignore"):  # a lane that overflows says so in its result
            stack, every = _Stack(runs), {*epochs, cells[0].epochs}
            if compiled.pays([(cells[0], len(runs))]) if compile is None else compile:
                try:
                    _train_compiled(stack, every, observe)
                except compiled.NotOneLoop:
                    _train(stack, every, observe)
            else:
                _train(stack, every, observe)
    for run in runs:
        run.seconds = (time.perf_counter() - started) / len(runs)
    return runs


def _train(stack: _Stack, log_at: set[int], observe: Observer | None) -> None:
    """Train until no lane is left; the last epoch is logged, and none is left after it."""
    whole = stack.cell.batch is None
    stop_below = stack.cell.stop_below
    for epoch in itertools.count():
        logged = epoch in log_at
        look = logged or (stop_below is not None and not whole)
        if whole:
            # The forward pass of the next step says how good the networks are after this many.
            output, loss = stack.forward()
            look |= not math.isfinite(loss.item())
            if stop_below is not None and not look:
                look = bool((stack.losses(output.data) < stop_below).any())
        elif look:
            with no_grad():
                output, loss = stack.forward()
        if look:
            if logged and observe is not None:
                observe(epoch, stack.parameters())
            before = len(stack.runs)
            stack.review(epoch, output.data, logged)
            if not stack.runs:
                return
            if whole and len(stack.runs) < before:
                output, loss = stack.forward()
        if whole:
            stack.step(loss, stack.inputs.shape[-1])
        else:
            for inputs, targets in stack.batches():
                stack.step(stack.forward(inputs, targets)[1], inputs.shape[-1])


def _train_compiled(stack: _Stack, log_at: set[int], observe: Observer | None) -> None:
    """Do what `_train` does, with as many epochs in one call as nobody looks between.

    Where a lane should have left in the middle, its steps up to there are made again. Where a step
    changes no bit of a lane, no later one does: what it is at its end is known then.
    """
    cell, epoch = stack.cell, 0
    whole, stop_below = cell.batch is None, cell.stop_below
    loop = compiled.Loop(
        cell, stack.forward_with, stack.optimizer, stack.arrays(),
        inputs=stack.inputs, targets=stack.targets,
        lr=np.array([run.configuration.lr for run in stack.runs]),
    )  # fmt: skip
    state = loop.state
    logged_at = sorted(log_at)
    while True:
        logged = epoch in log_at
        if logged or (stop_below is not None and not whole):
            stack.take(state["parameters"])
            with no_grad():
                output, _ = stack.forward()
            if logged and observe is not None:
                observe(epoch, stack.parameters())
            state = compiled.part(state, stack.review(epoch, output.data, logged))
        if not stack.runs:
            return
        following = logged_at[bisect.bisect(logged_at, epoch)]
        count = min(following - epoch, loop.longest(len(stack.runs)))
        if stop_below is not None and not whole:
            count = 1
        before = state
        state, losses = loop.run(before, epoch, count, stack.order(count))
        if losses is not None:
            leaves = ~np.isfinite(losses)
            if stop_below is not None:
                leaves |= losses < stop_below
            leaves[:, 0] &= not logged  # then it was looked at
            for i in np.flatnonzero(leaves.any(axis=1)):
                steps = int(leaves[i].argmax())
                lane = stack.part([i])
                there = compiled.part(before, [i])
                there = loop.run(there, epoch, steps, None)[0] if steps else there
                lane.take(there["parameters"])
                with no_grad():
                    output, _ = lane.forward()
                lane.review(epoch + steps, output.data, False, losses[[i], steps])
            goes_on = np.flatnonzero(~leaves.any(axis=1))
            stack, state = stack.part(goes_on), compiled.part(state, goes_on)
            if stack.runs and observe is None:
                stands = loop.stands(state, losses[goes_on])
                if stands.any():
                    rest = logged_at[bisect.bisect(logged_at, epoch) :]
                    _stay(stack.part(np.flatnonzero(stands)), compiled.part(state, stands), rest)
                    stack, state = (
                        stack.part(np.flatnonzero(~stands)),
                        compiled.part(state, ~stands),
                    )
            if not stack.runs:
                return
        epoch += count


def _stay(stack: _Stack, state: compiled.State, epochs: Sequence[int]) -> None:
    """Note of lanes that every step leaves as they are what they are at the epochs to come."""
    stack.take(state["parameters"])
    with no_grad():
        output, _ = stack.forward()
    for epoch in epochs:
        stack.review(epoch, output.data, True)


class _Stack:
    """The lanes that are still in training: their points, parameters and optimizer."""

    def __init__(self, runs: list[Run]) -> None:
        self.runs = runs
        self.cell = cell = runs[0].configuration
        self.inputs, self.targets = _stacked([points(cell.data, run.seed) for run in runs])
        kept = [held_out(cell.data, run.seed) for run in runs]
        self.held_out = None if kept[0] is None else _stacked([k for k in kept if k is not None])
        self.orders = {run.seed: stream(run.seed, ORDER) for run in runs}
        starts = [_start(cell, run.seed) for run in runs]
        self._begin({name: np.stack([start[name] for start in starts]) for name in starts[0]})

    def _begin(self, parameters: Mapping[str, Array]) -> None:
        """Set the parameters, and an optimizer that remembers nothing."""
        self.tensors = {
            # A bias is added to a column for each point.
            name: Tensor(array if array.ndim == 3 else array[..., None], requires_grad=True)
            for name, array in parameters.items()
        }
        self.weights = [t for name, t in self.tensors.items() if name.endswith("weight")]
        self.biases = [t for name, t in self.tensors.items() if name.endswith("bias")]
        groups = [{"params": self.weights, "weight_decay": self.cell.weight_decay}]
        if self.biases:
            groups.append({"params": self.biases})
        self.optimizer = OPTIMIZERS[self.cell.optimizer](groups, self.cell)
        rates = np.array([run.configuration.lr for run in self.runs])
        for group in self.optimizer.param_groups:
            group["lr"] = float(rates[0]) if np.ptp(rates) == 0.0 else rates[:, None, None]

    def take(self, arrays: Mapping[str, Array]) -> None:
        """Set the parameters, as `arrays` returns them."""
        for name, array in arrays.items():
            self.tensors[name].data = array

    def arrays(self) -> dict[str, Array]:
        """Return the parameters as they stand in a forward pass."""
        return {name: t.data for name, t in self.tensors.items()}

    def parameters(self) -> dict[str, Array]:
        """Return the parameters of all lanes by name."""
        return {
            name: t.data if name.endswith("weight") else t.data[..., 0]
            for name, t in self.tensors.items()
        }

    def forward(self, inputs: Any = None, targets: Any = None) -> tuple[Tensor, Tensor]:
        """Return the outputs for some points, all by default, and the mean loss of all lanes."""
        made: tuple[Tensor, Tensor] = self._forward(
            self.tensors,
            self.inputs if inputs is None else inputs,
            self.targets if targets is None else targets,
        )
        return made

    def forward_with(self, parameters: Mapping[str, Any], inputs: Any, targets: Any) -> Any:
        """Return what `forward` does, of one lane alone."""
        own = {name: p[None] for name, p in parameters.items()}
        return self._forward(own, inputs[None], targets[None])

    def _forward(self, parameters: Mapping[str, Any], value: Any, targets: Any) -> Any:
        weights = [p for name, p in parameters.items() if name.endswith("weight")]
        biases = [p for name, p in parameters.items() if name.endswith("bias")]
        for i, weight in enumerate(weights):
            is_last = i == len(weights) - 1
            value = weight @ value
            if biases:
                value = value + biases[i]
            activation = self.cell.output_activation if is_last else self.cell.activation
            value = ACTIVATIONS[activation](value, self.cell)
        return value, LOSSES[self.cell.loss](value, targets, "mean")

    def losses(self, outputs: Array) -> Array:
        """Return the loss of each lane, the mean over its points."""
        elements = LOSSES[self.cell.loss](outputs, self.targets, "none")
        means: Array = elements.reshape(len(self.runs), -1).mean(axis=1)
        return means

    def step(self, loss: Tensor, count: int) -> None:
        """Follow the gradient of the sum over the lanes, of their means or sums over the points."""
        self.optimizer.zero_grad()
        loss.backward(float(len(self.runs) * (count if self.cell.reduction == "sum" else 1)))
        self.optimizer.step()

    def order(self, epochs: int) -> Array | None:
        """Return the orders of the next epochs (lanes, epochs, points); each seed has its own."""
        if self.cell.batch is None:
            return None
        n = self.inputs.shape[-1]
        drawn = {
            seed: np.stack([rng.permutation(n) for _ in range(epochs)])
            for seed, rng in self.orders.items()
        }
        return np.stack([drawn[run.seed] for run in self.runs])

    def batches(self) -> Iterator[tuple[Array, Array]]:
        """Yield all points in a new order, some at a time."""
        order, size = self.order(1), self.cell.batch or 0
        assert order is not None
        inputs = np.take_along_axis(self.inputs, order, axis=-1)
        targets = np.take_along_axis(self.targets, order, axis=-1)
        for first in range(0, order.shape[-1], size):
            part = slice(first, first + size)
            yield np.ascontiguousarray(inputs[..., part]), np.ascontiguousarray(targets[..., part])

    def review(
        self, epoch: int, outputs: Array, logged: bool, losses: Array | None = None
    ) -> Array:
        """Note how good each lane is, and let leave what stops, overflows or is at the end.

        The losses are those of the outputs, unless they are known. Returns the lanes that stay.
        """
        losses = self.losses(outputs) if losses is None else losses
        shares = self._right(outputs, self.targets)
        overflown = ~np.isfinite(losses)
        leaves = overflown | (epoch == self.cell.epochs)
        if self.cell.stop_below is not None:
            leaves |= losses < self.cell.stop_below
        for i in np.flatnonzero(leaves | logged):
            run = self.runs[i]
            run.diverged = bool(overflown[i])
            loss, share = (math.inf, 0.0) if run.diverged else (losses[i], shares[i])
            run.epochs.append(epoch)
            run.losses.append(float(loss))
            run.accuracies.append(float(share))
        if leaves.any():
            self._finish(np.flatnonzero(leaves))
            self._keep(np.flatnonzero(~leaves))
        return np.flatnonzero(~leaves)

    def _right(self, outputs: Array, targets: Array) -> Array:
        """Return for each lane the share of points whose label is the output's."""
        if self.cell.loss == "cross_entropy":
            right = outputs.argmax(axis=1) == targets.argmax(axis=1)
        else:
            right = ((outputs > 0.5) == (targets > 0.5))[:, 0]
        share: Array = right.mean(axis=-1)
        return share

    def _finish(self, lanes: Array) -> None:
        """Write into the runs of some lanes what is known at their end."""
        shares = None
        if self.held_out is not None:
            with no_grad():
                outputs, _ = self.forward(*self.held_out)
            shares = self._right(outputs.data, self.held_out[1])
        parameters = self.parameters()
        for i in lanes:
            run = self.runs[i]
            run.weights = {name: array[i].copy() for name, array in parameters.items()}
            if shares is not None:
                run.held_out_accuracy = 0.0 if run.diverged else float(shares[i])

    def _keep(self, lanes: Array) -> None:
        """Go on with some lanes only."""
        if not len(lanes):
            self.runs = []
            return
        state = self.optimizer.state_dict()["state"]
        vars(self).update(vars(self.part(lanes)))
        for memory, saved in zip(self.optimizer.state, state.values(), strict=False):
            memory.update({k: v[lanes] if np.ndim(v) else v for k, v in saved.items()})

    def part(self, lanes: Any) -> _Stack:
        """Return some lanes as a stack of their own, whose optimizer remembers nothing."""
        new = copy.copy(self)
        new.runs = [self.runs[i] for i in lanes]
        if not new.runs:
            return new
        new.inputs, new.targets = self.inputs[lanes], self.targets[lanes]
        if self.held_out is not None:
            new.held_out = (self.held_out[0][lanes], self.held_out[1][lanes])
        seeds = {run.seed for run in new.runs}
        new.orders = {seed: rng for seed, rng in self.orders.items() if seed in seeds}
        new._begin({name: array[lanes] for name, array in self.parameters().items()})
        return new


def _start(cell: Configuration, seed: int) -> dict[str, Array]:
    """Return the parameters that a seed starts with: those of an `nn.MLP`."""
    rng = stream(seed, WEIGHTS)
    init = STARTS.get(cell.init, cell.init)
    if not cell.folded:
        return nn.MLP(cell.sizes, None, cell.bias, init=init, rng=rng).state_dict()
    arrays = {}
    for i, (inputs, outputs) in enumerate(itertools.pairwise(cell.sizes), 1):
        whole = Tensor(np.zeros((outputs, inputs + 1)))  # with an input of 1 for the bias
        nn.init.named(init)(whole, rng=rng)
        arrays[f"linear{i}.weight"], arrays[f"linear{i}.bias"] = (
            whole.data[:, :-1],
            whole.data[:, -1],
        )
    return arrays


def _stacked(drawn: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Return inputs (lanes, in, points) and targets (lanes, out, points), as the losses want."""
    inputs = np.stack([points.T for points, _ in drawn])
    labels = np.stack([labels.T for _, labels in drawn])
    if labels.ndim == 2:  # classes: one of them has probability 1
        targets = labels[:, None] == np.arange(labels.max() + 1)[:, None]
    else:
        targets = labels
    return np.ascontiguousarray(inputs), targets.astype(float)


# -- what a configuration names --------------------------------------------------------------------

ACTIVATIONS: dict[str, Callable[[Any, Configuration], Any]] = {
    "sigmoid": lambda x, cell: nn.functional.sigmoid(x),
    "tanh": lambda x, cell: nn.functional.tanh(x),
    "relu": lambda x, cell: nn.functional.relu(x),
    "leaky_relu": lambda x, cell: nn.functional.leaky_relu(x, cell.slope),
    "identity": lambda x, cell: x,
    "softmax": lambda x, cell: x,  # the loss takes it, where it cannot overflow
}
LOSSES: dict[str, Callable[..., Any]] = {
    "mse": nn.functional.mse_loss,
    "bce": nn.functional.binary_cross_entropy,
    "cross_entropy": nn.functional.cross_entropy,
}
OPTIMIZERS: dict[str, Callable[[Any, Configuration], nn.optim.Optimizer]] = {
    "sgd": lambda groups, cell: nn.optim.SGD(groups),
    "momentum": lambda groups, cell: nn.optim.SGD(groups, momentum=cell.momentum),
    "adagrad": lambda groups, cell: nn.optim.Adagrad(groups),
    "rmsprop": lambda groups, cell: nn.optim.RMSprop(groups),
    "adam": lambda groups, cell: nn.optim.Adam(groups),
}

# -- R2's convolutional network, which fills a core by itself --------------------------------------


def _train_on_digits(cell: Configuration, seed: int) -> Run:
    """Train on the digits' images; the curve is that on the images that are held out."""
    from .. import digits, handwriting

    task = digits.task()
    size = cell.batch or len(task.train[0])
    steps = -(-len(task.train[0]) // size)
    done = handwriting.train(
        task,
        cell.activation.replace("_", "-"),
        cell.optimizer,
        seed,
        epochs=cell.epochs,
        batch_size=size,
        lr=cell.lr,
        log_every=steps,
    )
    run = Run(cell, seed, diverged=bool(done.diverged), seconds=done.seconds)
    run.epochs = [-(-step // steps) for step in done.log.steps]
    run.losses = [math.inf if run.diverged else loss for loss in done.log.test_losses]
    run.accuracies = [1.0 - error for error in done.log.test_errors]
    run.held_out_accuracy = done.accuracy
    run.weights = done.model.state_dict()
    return run
