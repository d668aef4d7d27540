"""What is found inside networks: why one failed, and what a mistake did.

Nothing here is presumed. Whether units are silent, whether a gradient is exactly 0, how
sharp the corners of a boundary are and what R2's hand-written backward pass computes is
measured in networks, on the tape, and becomes numbers that the report's sentences quote.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd_lite import Tensor, no_grad

from ..data import Array
from .configuration import OPTIMIZERS, Configuration
from .experiments import EXPERIMENTS
from .training import LOSSES, logged_epochs, points, train

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
    last = None if c.output_activation == "softmax" else _activation(c, c.output_activation)
    model = nn.MLP(c.sizes, _activation(c, c.activation), c.bias, output_activation=last)
    model.load_state_dict({name: np.asarray(array, float) for name, array in state.items()})
    return model


def _activation(c: Configuration, name: str) -> nn.Module | None:
    if name == "leaky_relu":
        return nn.LeakyReLU(c.slope)
    return None if name == "identity" else nn.activation.BY_NAME[name]()


def predict(model: nn.MLP, c: Configuration) -> Callable[[Array], Array]:
    """Return the function from points to how much a network holds them for label 1."""

    def outputs(points: Array) -> Array:
        with no_grad():
            out = model(points)
            if c.output_activation == "softmax":
                return np.asarray(nn.functional.softmax(out).numpy()[:, 1])
            return np.asarray(out.numpy()[:, 0])

    return outputs


# -- inside a network --------------------------------------------------------------------------


@dataclass
class Layer:
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


def inside(model: nn.MLP, c: Configuration, inputs: Array, labels: Array) -> list[Layer]:
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
        Layer(out.numpy(), np.asarray(layer.weight.grad))
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

    def layers(self, epoch: int) -> list[list[Layer]]:
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
    """Return all activations, or all of another attribute of `Layer`, by epoch and layer."""
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


# -- corners of a boundary ---------------------------------------------------------------------


def corners(score: Callable[[Array], Array], inputs: Array, resolution: int = 400) -> float:
    """Return which share of a boundary's turning is in the sharpest tenth of its length.

    A polygon turns in its corners alone, which gives nearly 1; a circle turns everywhere
    alike, which gives a tenth.

    Parameters
    ----------
    score
        From points to a number that is 0 on the boundary.
    inputs
        The points around which the boundary is looked at.
    resolution
        Places along each side of the plane.

    Returns
    -------
    float
        NaN where there is no boundary, or a straight one.

    Examples
    --------
    >>> square = np.array([[-1.2, -1.2], [1.2, 1.2]])
    >>> round(corners(lambda p: np.hypot(*p.T) - 1, square), 2)
    0.1
    >>> corners(lambda p: np.abs(p - 0.003).max(axis=1) - 0.9, square) > 0.95
    True
    """
    from contourpy import contour_generator

    low, high = inputs.min(axis=0), inputs.max(axis=0)
    xs, ys = (np.linspace(a, b, resolution) for a, b in zip(low, high, strict=True))
    plane = np.stack(np.meshgrid(xs, ys), axis=-1)
    scores = score(plane.reshape(-1, 2)).reshape(resolution, resolution)
    step = 5.0 * float(np.max(high - low)) / resolution
    angles = []
    lines: Any = contour_generator(xs, ys, scores).lines(0.0)
    for line in lines:
        along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(line, axis=0).T))]
        if along[-1] < 4 * step:
            continue
        even = np.arange(0.0, along[-1], step)
        path = np.stack([np.interp(even, along, side) for side in line.T], axis=1)
        headings = np.unwrap(np.arctan2(*np.diff(path, axis=0).T[::-1]))
        angles.append(np.abs(np.diff(headings)))
    turning = np.sort(np.concatenate(angles))[::-1] if angles else np.zeros(1)
    if turning.sum() < 0.2:  # radians, some ten degrees
        return float("nan")
    sharpest = max(1, round(turning.size / 10))
    return float(turning[:sharpest].sum() / turning.sum())


# -- without activation ------------------------------------------------------------------------


def least_squares(inputs: Array, labels: Array, bias: bool) -> float:
    """Return the smallest mean squared error that a linear function of the inputs has.

    >>> from demos.data import generate_XOR_easy
    >>> round(least_squares(*generate_XOR_easy(), bias=True), 4)
    0.2494
    """
    columns = np.hstack([inputs, np.ones((len(inputs), 1))]) if bias else inputs
    solution = np.linalg.lstsq(columns, labels.astype(float), rcond=None)[0]
    return float(np.mean((columns @ solution - labels) ** 2))


# -- R2's backward pass ------------------------------------------------------------------------


def by_hand(
    weights: Mapping[str, Array], points: Array, labels: Array, decay: float, mistake: bool
) -> dict[str, Array]:
    """Return R2's gradients, written out by hand for one hidden layer of tanh.

    The loss is softmax cross-entropy, summed over the points, plus λ/2 ‖W‖². With
    `mistake`, biases get the mean over the points where they should get the sum, as in
    the report.

    Parameters
    ----------
    weights
        ``linear1.weight`` (h, 2), ``linear1.bias`` (h,), ``linear2.weight`` (2, h),
        ``linear2.bias`` (2,). All, points and labels too, may have axes before these, one
        network each.
    points, labels
        Shapes (n, 2) and (n,).
    """
    w1, b1, w2, b2 = (weights[name] for name in PARAMETERS)
    hidden = np.tanh(points @ _transposed(w1) + b1[..., None, :])
    scores = hidden @ _transposed(w2) + b2[..., None, :]
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    of_scores = shares - np.eye(2)[labels]
    of_net = (of_scores @ w2) * (1.0 - hidden**2)
    over_points = np.mean if mistake else np.sum
    return {
        "linear1.weight": _transposed(of_net) @ points + decay * w1,
        "linear1.bias": over_points(of_net, axis=-2),
        "linear2.weight": _transposed(of_scores) @ hidden + decay * w2,
        "linear2.bias": over_points(of_scores, axis=-2),
    }


PASSES = 20000  # R2's
PARAMETERS = ("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias")


def _transposed(array: Array) -> Array:
    return np.swapaxes(array, -1, -2)


@dataclass
class Check:
    """One parameter's gradient by hand beside the tape's."""

    parameter: str
    difference: float
    """The largest absolute difference."""
    ratio: float
    """The tape's divided by the one by hand, the median over the elements."""
    largest: float
    """The tape's largest element."""

    @property
    def right(self) -> bool:
        """Whether they are the same to rounding."""
        return self.difference <= 1e-9 * max(1.0, self.largest)


def against_the_tape(
    model: nn.MLP, points: Array, labels: Array, decay: float, mistake: bool
) -> list[Check]:
    """Hold the backward pass by hand against the tape's, parameter by parameter."""
    state = {name: np.array(array) for name, array in model.state_dict().items()}
    found = by_hand(state, points, labels, decay, mistake)
    copy = deepcopy(model)
    penalty = sum(np.sum(layer.weight**2) for layer in copy if isinstance(layer, nn.Linear))
    total = nn.CrossEntropyLoss(reduction="sum")(copy(points), labels) + 0.5 * decay * penalty
    total.backward()
    checks = []
    for name, parameter in copy.named_parameters():
        tape, hand = np.asarray(parameter.grad), found[name]
        checks.append(
            Check(
                name,
                float(np.abs(tape - hand).max()),
                float(np.median(tape / hand)),
                float(np.abs(tape).max()),
            )
        )
    return checks


def train_by_hand(
    data: Sequence[tuple[Array, Array]],
    hidden: int,
    passes: int,
    lr: float,
    decay: float,
    mistake: bool,
) -> tuple[Array, Array]:
    """Train R2's network with its own backward pass, once for each data set; seeds 0, 1, ….

    Returns
    -------
    losses, accuracies : arrays, shape (len(data),)
        After the last pass; the loss is the mean cross-entropy.
    """
    points = np.stack([x for x, _ in data])
    labels = np.stack([np.ravel(y) for _, y in data]).astype(int)
    models = [nn.MLP([2, hidden, 2], "tanh", init="fan_in_normal", rng=s) for s in range(len(data))]
    weights = {
        name: np.stack([model.state_dict()[name] for model in models]) for name in PARAMETERS
    }
    for _ in range(passes):
        gradients = by_hand(weights, points, labels, decay, mistake)
        weights = {name: w - lr * gradients[name] for name, w in weights.items()}
    w1, b1, w2, b2 = (weights[name] for name in PARAMETERS)
    hidden_out = np.tanh(points @ _transposed(w1) + b1[:, None, :])
    scores = hidden_out @ _transposed(w2) + b2[:, None, :]
    scores -= scores.max(axis=-1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    losses = -np.take_along_axis(logs, labels[..., None], axis=-1)[..., 0].mean(axis=-1)
    return losses, np.mean(scores.argmax(axis=-1) == labels, axis=-1)


# -- the loss as a landscape -------------------------------------------------------------------


@dataclass
class Slice:
    """The loss over a plane through weight space that the optimizers' ways lie near.

    Attributes
    ----------
    xs, ys
        Places along the two directions, in units of weight.
    losses
        Shape (len(ys), len(xs)).
    paths
        For each optimizer the places that it visited, shape (moments, 2).
    explained
        The share of the ways' variance that lies in the plane.
    """

    xs: Array
    ys: Array
    losses: Array
    paths: dict[str, Array]
    explained: float


def slice_through(
    ways: Mapping[str, Array], loss: Callable[[Array], float], places: int = 45
) -> Slice:
    """Cut the loss along the two directions in which the ways differ most.

    Parameters
    ----------
    ways
        For each optimizer all weights, in one row, at each moment: shape (moments, weights).
    loss
        From all weights in one row to the loss.
    places
        Along each side.

    Notes
    -----
    The directions are the first two principal components of all moments around their
    mean, as in H. Li and others, Visualizing the Loss Landscape of Neural Nets (2018).
    """
    every = np.concatenate(list(ways.values()))
    middle = every.mean(axis=0)
    _, spread, directions = np.linalg.svd(every - middle, full_matrices=False)
    plane = directions[:2]
    paths = {name: (way - middle) @ plane.T for name, way in ways.items()}
    flat = np.concatenate(list(paths.values()))
    low, high = flat.min(axis=0), flat.max(axis=0)
    edge = 0.12 * (high - low) + 1e-6
    xs, ys = (np.linspace(a, b, places) for a, b in zip(low - edge, high + edge, strict=True))
    losses = np.array([[loss(middle + x * plane[0] + y * plane[1]) for x in xs] for y in ys])
    explained = float(np.sum(spread[:2] ** 2) / np.sum(spread**2))
    return Slice(xs, ys, losses, paths, explained)


def surface_of(seen: Watched, places: int = 45) -> Slice:
    """Train the first seed's network with four optimizers, and cut the loss along their ways."""
    c, last = seen.configuration, max(seen.states)
    inputs, labels = points(c.data, seen.seeds[0])
    start = seen.states[0][0]
    moments = logged_epochs(last, 40)
    ways = {}
    for name, lr in RATES.items():
        cell = dataclasses.replace(c, optimizer=name, lr=lr, epochs=last)
        states = watch(cell, seen.seeds[:1], moments).states
        ways[f"{OPTIMIZERS[name]}, rate {lr:g}"] = np.stack([flat(s[0]) for s in states.values()])
    model = model_of(c, start)

    def loss(row: Array) -> float:
        model.load_state_dict(unflat(row, start))
        with no_grad():
            return float(LOSSES[c.loss](model(inputs), labels).item())

    return slice_through(ways, loss, places)


RATES = {"sgd": 1.0, "momentum": 0.1, "adagrad": 0.1, "adam": 0.01}


def flat(state: Mapping[str, Array]) -> Array:
    """Return all weights in one row."""
    return np.concatenate([np.ravel(array) for array in state.values()])


def unflat(row: Array, like: Mapping[str, Array]) -> dict[str, Array]:
    """Return a row of weights as the parameters it was made of."""
    parts = np.split(row, np.cumsum([np.size(a) for a in like.values()])[:-1])
    return {
        name: part.reshape(np.shape(a)) for part, (name, a) in zip(parts, like.items(), strict=True)
    }


# -- all that is measured ---------------------------------------------------------------------

Weights = Callable[[str, str], Mapping[int, Mapping[str, Array]]]


def measure(runs: DataFrame, weights: Weights, seeds: int, passes: int) -> DataFrame:
    """Return what is measured in trained networks: experiment, cell, seed, quantity, value.

    Parameters
    ----------
    runs
        Which networks there are.
    weights
        From an experiment and a cell to the weights of each seed.
    seeds, passes
        For R2's backward pass by hand: how many trainings, and how long.
    """
    from pandas import DataFrame

    there = set(zip(runs.experiment, runs.cell, strict=True))
    rows: list[tuple[str, str, int, str, float]] = []
    for experiment, look in MEASURED.items():
        for cell, c in EXPERIMENTS[experiment].cells.items():
            if (experiment, cell) in there:
                for seed, state in weights(experiment, cell).items():
                    for quantity, value in look(c, state, seed).items():
                        rows.append((experiment, cell, seed, quantity, float(value)))
    data = [points("moons", seed) for seed in range(seeds)]
    for cell, mistake in (("mistake", True), ("right", False)):
        for seed, (loss, right) in enumerate(
            zip(*train_by_hand(data, 3, passes, 0.01, 0.01, mistake), strict=True)
        ):
            found = {
                "trained_loss": loss,
                "trained_accuracy": right,
                "epochs": passes,
                "source_epochs": PASSES,
            }
            rows += [("R2-backward", cell, seed, name, float(x)) for name, x in found.items()]
    return DataFrame(rows, columns=["experiment", "cell", "seed", "quantity", "value"])


def _linear(c: Configuration, state: Mapping[str, Array], seed: int) -> dict[str, float]:
    return {"least_squares": least_squares(*points(c.data, seed), c.bias)}


def _corners(c: Configuration, state: Mapping[str, Array], seed: int) -> dict[str, float]:
    model = model_of(c, state)

    def score(plane: Array) -> Array:
        with no_grad():
            logits = model(plane).numpy()
        return np.asarray(logits[:, 1] - logits[:, 0])

    return {"corners": corners(score, points(c.data, seed)[0])}


def _silence(c: Configuration, state: Mapping[str, Array], seed: int) -> dict[str, float]:
    where = points(c.data, seed)
    end = silence(model_of(c, state), c, *where)
    first = watch(dataclasses.replace(c, epochs=1), [seed], [0]).states[0][0]
    return {
        "silent_hidden": end.hidden,
        "silent_output": end.output,
        "largest_gradient": end.gradient,
        "silent_output_at_start": silence(model_of(c, first), c, *where).output,
    }


def first_kernels(activation: str, seed: int) -> Array:
    """Return the kernels that R2's convolutional network starts with."""
    from .. import digits, handwriting

    model = handwriting.network(digits.task(), activation.lower(), np.random.default_rng(seed))
    return np.asarray(model.state_dict()["conv1.weight"][:, 0])


MEASURED: dict[str, Callable[[Configuration, Mapping[str, Array], int], dict[str, float]]] = {
    "R0-without-activation": _linear,
    "R2-moons-activations": _corners,
    "R3-relu": _silence,
}
