"""R2's backward pass, written out by hand, with its mistake and without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np

import nn

from ..data import Array


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
class Difference:
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
) -> list[Difference]:
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
            Difference(
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
