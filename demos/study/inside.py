"""Inside a network: activations, gradients and silent units, at the end and as it learns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd_lite import Tensor, no_grad

from ..choices import activation
from ..data import Array
from .configuration import LOSSES, Configuration
from .draws import points
from .training import train

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]


def model_of(configuration: Configuration, state: Mapping[str, Array]) -> nn.MLP:
    """Return a cell's network with weights of one seed; it outputs logits where softmax follows.

    >>> cell = Configuration(hidden=(2,))
    >>> weights = {"linear1.weight": np.ones((2, 2)), "linear2.weight": np.ones((1, 2))}
    >>> model_of(cell, weights)(np.zeros((1, 2))).item().__round__(3)
    0.731
    """
    c = configuration
    last = None if c.output_activation == "softmax" else activation(c.output_activation, c.slope)
    model = nn.MLP(c.sizes, activation(c.activation, c.slope), c.bias, output_activation=last)
    model.load_state_dict({name: np.asarray(array, float) for name, array in state.items()})
    return model


def predict(model: nn.MLP, c: Configuration) -> Callable[[Array], Array]:
    """Return the function from points to how much a network holds them for label 1."""

    def outputs(points: Array) -> Array:
        with no_grad():
            out = model(points)
            if c.output_activation == "softmax":
                return np.asarray(nn.functional.softmax(out).numpy()[:, 1])
            return np.asarray(out.numpy()[:, 0])

    return outputs


@dataclass
class LayerReading:
    """What one layer did with some points.

    Attributes
    ----------
    activations
        Its outputs, shape (points, units).
    weight_gradient
        ∂L/∂W, shape (units, units before).
    """

    activations: Array
    weight_gradient: Array


def inside(model: nn.MLP, c: Configuration, inputs: Array, labels: Array) -> list[LayerReading]:
    """Return the activations and the gradients of every layer, in order.

    The parameters' own gradients stay as they are.
    """
    copy = model_of(c, model.state_dict())
    value: Any = Tensor(inputs)
    outputs = []
    for layer in copy:
        value = layer(value)
        if isinstance(layer, nn.Linear):
            outputs.append(value)
        else:
            outputs[-1] = value
    LOSSES[c.loss](value, labels, reduction=c.reduction).backward()
    layers = [layer for layer in copy if isinstance(layer, nn.Linear)]
    return [
        LayerReading(out.numpy(), np.asarray(layer.weight.grad))
        for out, layer in zip(outputs, layers, strict=True)
    ]


@dataclass
class Silence:
    """What has stopped learning in a network with ReLU.

    A unit is silent when it outputs 0 for every point: there ReLU's slope is 0, so no
    gradient passes it.

    Attributes
    ----------
    hidden
        The share of hidden units that are silent.
    output
        Whether the output is, and with it the only way back into the network.
    gradient
        The largest |∂L/∂w| over all weights.
    """

    hidden: float
    output: bool
    gradient: float


def silence(model: nn.MLP, c: Configuration, inputs: Array, labels: Array) -> Silence:
    """Find the silent units of a network, and the gradient that is left.

    >>> cell = Configuration(hidden=(2,), activation="relu", output_activation="relu")
    >>> weights = {"linear1.weight": np.ones((2, 2)), "linear2.weight": -np.ones((1, 2))}
    >>> inputs, labels = np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[0.0], [1.0]])
    >>> silence(model_of(cell, weights), cell, inputs, labels)
    Silence(hidden=0.0, output=True, gradient=0.0)
    """
    layers = inside(model, c, inputs, labels)
    *hidden, output = (np.all(layer.activations == 0.0, axis=0) for layer in layers)
    return Silence(
        hidden=float(np.concatenate(hidden).mean()),
        output=bool(output.all()),
        gradient=max(float(np.abs(layer.weight_gradient).max()) for layer in layers),
    )


# -- while it learns ---------------------------------------------------------------------------


@dataclass
class Watched:
    """The weights of some networks at several moments of their training.

    Attributes
    ----------
    configuration, seeds
        What was trained.
    states
        For each epoch the weights of each seed, in the seeds' order.
    """

    configuration: Configuration
    seeds: list[int]
    states: dict[int, list[dict[str, Array]]]

    def layers(self, epoch: int) -> list[list[LayerReading]]:
        """Return, for each seed, what its layers do at an epoch."""
        c = self.configuration
        return [
            inside(model_of(c, state), c, *points(c.data, seed))
            for seed, state in zip(self.seeds, self.states[epoch], strict=True)
        ]


def watch(
    c: Configuration, seeds: Collection[int], epochs: Collection[int], compile: bool | None = None
) -> Watched:
    """Train, and keep the weights at some epochs; 0 is the start.

    Of moments when not all seeds were in training any more nothing is kept.

    >>> seen = watch(Configuration(epochs=3), seeds=[0, 5], epochs=[0, 3])
    >>> list(seen.states), len(seen.states[3]), seen.states[0][1]["linear1.weight"].shape
    ([0, 3], 2, (4, 2))
    """
    seen = Watched(c, list(seeds), {})

    def keep(epoch: int, parameters: Mapping[str, Array]) -> None:
        arrays = {name: np.array(array) for name, array in parameters.items()}
        if all(len(array) == len(seen.seeds) for array in arrays.values()):
            seen.states[epoch] = [
                {name: array[lane] for name, array in arrays.items()}
                for lane in range(len(seen.seeds))
            ]

    train(c, seen.seeds, log_at=epochs, observe=keep, compile=compile)
    return seen


def moments(seen: Watched, count: int) -> list[int]:
    """Return some epochs from the first to the last, between which the loss falls by equal parts.

    By equal parts of its square root, which is the error that is left; for the first seed,
    as far as the epochs that were watched allow.
    """
    c = seen.configuration
    inputs, labels = points(c.data, seen.seeds[0])
    with no_grad():
        losses = [
            LOSSES[c.loss](model_of(c, states[0])(inputs), labels).item()
            for states in seen.states.values()
        ]
    errors = np.sqrt(losses)
    wanted = np.linspace(errors[0], errors[-1], count)[1:-1]
    between = (int(np.abs(errors - error).argmin()) for error in wanted)
    epochs = list(seen.states)
    return [epochs[i] for i in sorted({0, *between, len(epochs) - 1})]


def gradients_over_time(seen: Watched, layers: Iterable[int]) -> dict[str, DataFrame]:
    """Return, for each layer, the root mean square of ∂L/∂W: columns epoch, seed, value."""
    from pandas import DataFrame

    rows: dict[int, list[dict[str, Any]]] = {}
    for epoch in seen.states:
        for seed, found in zip(seen.seeds, seen.layers(epoch), strict=True):
            for i, layer in enumerate(found, 1):
                size = float(np.sqrt(np.mean(layer.weight_gradient**2)))
                rows.setdefault(i, []).append({"epoch": epoch, "seed": seed, "value": size})
    return {f"layer {i}": DataFrame(rows[i]) for i in layers}


def spread_over(seen: Watched, epochs: Sequence[int], what: str) -> dict[str, list[Array]]:
    """Return all activations, or all of another attribute of `LayerReading`, by epoch and layer."""
    found = {}
    for epoch in epochs:
        by_layer = zip(*seen.layers(epoch), strict=True)
        found[f"epoch {epoch}"] = [
            np.concatenate([np.ravel(getattr(layer, what)) for layer in seeds])
            for seeds in by_layer
        ]
    return found


def silence_over_time(seen: Watched) -> DataFrame:
    """Return `Silence` of every seed at every moment, a row each."""
    from pandas import DataFrame

    c = seen.configuration
    return DataFrame(
        [
            {
                "epoch": epoch,
                "seed": seed,
                **dataclasses.asdict(silence(model_of(c, state), c, *points(c.data, seed))),
            }
            for epoch, states in seen.states.items()
            for seed, state in zip(seen.seeds, states, strict=True)
        ]
    )
