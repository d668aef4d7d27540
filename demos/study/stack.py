"""The lanes that are still in training, as one network whose parameters have one more axis."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import nn
from autograd_lite import Tensor, no_grad

from ..choices import optimizer
from ..data import Array
from .configuration import LOSSES, STARTS, Configuration
from .draws import ORDER, WEIGHTS, held_out, points, stream
from .outcome import Outcome


class Stack:
    """The lanes that are still in training: their points, parameters and optimizer."""

    def __init__(self, runs: list[Outcome]) -> None:
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
        momentum = self.cell.momentum if self.cell.optimizer == "momentum" else 0.0
        self.optimizer = optimizer(self.cell.optimizer, groups, self.cell.lr, momentum)
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
            value = _activated(value, activation, self.cell)
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

    def part(self, lanes: Any) -> Stack:
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


def _activated(x: Any, name: str, cell: Configuration) -> Any:
    if name == "leaky_relu":
        return nn.functional.leaky_relu(x, cell.slope)
    if name in ("identity", "softmax"):  # softmax is the loss's, where it cannot overflow
        return x
    return getattr(nn.functional, name)(x)
