"""One cell of an experiment: all that decides a training, except its seed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import nn

VERSION = 1
"""Of the results: it is raised when the same configuration would give other numbers."""

SHAPES = {"linear": (2, 1), "xor": (2, 1), "moons": (2, 2), "blobs": (2, 2), "digits": (64, 10)}
"""For each data set, how many numbers go into a network and how many come out."""

COUNTS = {"linear": 100, "xor": 21, "moons": 200, "blobs": 200}
"""How many points of it a network is trained with."""

ACTIVATIONS = {
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "identity": "no activation",
}
OPTIMIZERS = {
    "sgd": "SGD",
    "momentum": "momentum",
    "adagrad": "Adagrad",
    "rmsprop": "RMSprop",
    "adam": "Adam",
}
STARTS = {
    "wide_uniform": lambda tensor, rng=None: nn.init.uniform_(tensor, -1.0, 1.0, rng=rng),
    "small_normal": lambda tensor, rng=None: nn.init.normal_(tensor, 0.0, 0.01, rng=rng),
}
"""Ways for weights to start that have no name in `nn.init.BY_NAME`: U(−1, 1), N(0, 0.01²)."""

LOSSES: dict[str, Callable[..., Any]] = {
    "mse": nn.functional.mse_loss,
    "bce": nn.functional.binary_cross_entropy,
    "cross_entropy": nn.functional.cross_entropy,
}
REDUCTIONS = ("mean", "sum")


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Data, network and training of one cell.

    The defaults are R0's: 2-4-4-1 without bias, sigmoid everywhere, weights
    N(0, 1), mean squared error, full-batch gradient descent at rate 1.

    Attributes
    ----------
    data
        Of `SHAPES`. With ``"digits"`` the network is R2's convolutional one, and
        `hidden`, `bias`, `init` and what concerns the output do not count.
    hidden
        The units of each hidden layer.
    bias
        Whether the layers have a bias; it starts at 0 unless `init` is ``"fan_in_uniform"``.
    folded
        Whether it is one more column of the weights, that starts as these do.
    activation, slope
        After each hidden layer, of `ACTIVATIONS`; `slope` is leaky ReLU's.
    output_activation
        After the last layer: one of `ACTIVATIONS`, or ``"softmax"`` with cross-entropy.
    init
        How the weights start, a name of `nn.init.BY_NAME` or of `STARTS`.
    loss, reduction
        Of `LOSSES`, and whether its mean or its sum over the points is minimised.
    optimizer, momentum
        Of `OPTIMIZERS`; `momentum` is the share of the last change that ``"momentum"`` keeps.
    lr, weight_decay
        The rate, and λ of λ/2 ‖W‖², on weights alone.
    epochs
        How often all points are seen, at most.
    batch
        Points in an update, in a new order every epoch; None for all of them.
    stop_below
        Stop when the mean loss over all points is below this.

    Raises
    ------
    ValueError
        If a setting is out of range, or two of them do not go together.

    Examples
    --------
    >>> cell = Configuration(data="xor", hidden=(4, 4), lr=0.1)
    >>> cell.label
    'xor, 2-4-4-1, sigmoid, SGD at 0.1'
    >>> cell.key == Configuration(data="xor", lr=0.1, slope=0.5).key  # no leaky ReLU here
    True
    """

    data: str = "xor"
    hidden: tuple[int, ...] = (4, 4)
    bias: bool = False
    folded: bool = False
    activation: str = "sigmoid"
    slope: float = 0.01
    output_activation: str = "sigmoid"
    init: str = "normal"
    loss: str = "mse"
    reduction: str = "mean"
    optimizer: str = "sgd"
    momentum: float = 0.9
    lr: float = 1.0
    weight_decay: float = 0.0
    epochs: int = 10000
    batch: int | None = None
    stop_below: float | None = None

    def __post_init__(self) -> None:
        for name, choices in (
            ("data", SHAPES),
            ("activation", ACTIVATIONS),
            ("output_activation", (*ACTIVATIONS, "softmax")),
            ("init", (*nn.init.BY_NAME, *STARTS)),
            ("loss", LOSSES),
            ("reduction", REDUCTIONS),
            ("optimizer", OPTIMIZERS),
        ):
            _one_of(name, getattr(self, name), choices)
        object.__setattr__(self, "hidden", tuple(self.hidden))
        for units in self.hidden:
            _whole("hidden", units)
        _whole("epochs", self.epochs)
        if self.batch is not None:
            _whole("batch", self.batch)
        for name, least in (("slope", 0.0), ("momentum", 0.0), ("lr", 0.0), ("weight_decay", 0.0)):
            _number(name, getattr(self, name), least)
            object.__setattr__(self, name, float(getattr(self, name)))
        if self.stop_below is not None:
            _number("stop_below", self.stop_below, 0.0)
        self._check_combination()

    def _check_combination(self) -> None:
        """Raise unless data, output and loss go together."""
        if self.folded and not self.bias:
            raise ValueError("folded says how a bias starts, so it needs bias=True.")
        classes = SHAPES[self.data][1] > 1
        if classes != (self.loss == "cross_entropy"):
            raise ValueError(
                f"loss is {'cross_entropy' if classes else 'mse or bce'} for {self.data}, whose "
                f"labels are {'classes' if classes else '0 and 1'}, and got {self.loss!r}."
            )
        if classes != (self.output_activation == "softmax"):
            raise ValueError(
                "output_activation is softmax with cross_entropy and only there, and got "
                f"{self.output_activation!r} with {self.loss}."
            )
        if self.loss == "bce" and self.output_activation != "sigmoid":
            raise ValueError(
                "loss bce needs outputs between 0 and 1, so output_activation 'sigmoid', and got "
                f"{self.output_activation!r}."
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """The units of every layer, those of input and output too."""
        inputs, outputs = SHAPES[self.data]
        return (inputs, *self.hidden, outputs)

    def settings(self) -> dict[str, Any]:
        """Return what decides the numbers, by name: settings that are not used are left out."""
        found = asdict(self)
        unused = set()
        if self.data == "digits":
            unused |= {"hidden", "bias", "init", "output_activation", "reduction", "weight_decay"}
        if self.activation != "leaky_relu" and self.output_activation != "leaky_relu":
            unused.add("slope")
        if self.optimizer != "momentum":
            unused.add("momentum")
        if not self.folded:
            unused.add("folded")
        return {name: value for name, value in found.items() if name not in unused}

    @cached_property
    def key(self) -> str:
        """A name for the results: a hash of the settings and of their version."""
        text = json.dumps({"version": VERSION, **self.settings()}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def label(self) -> str:
        """The settings that differ most often, on one line."""
        sizes = "convolutions" if self.data == "digits" else "-".join(map(str, self.sizes))
        batch = "" if self.batch is None else f", batches of {self.batch}"
        return (
            f"{self.data}, {sizes}{' with bias' if self.bias else ''}, "
            f"{ACTIVATIONS[self.activation]}, {OPTIMIZERS[self.optimizer]} at {self.lr:g}{batch}"
        )


def _one_of(name: str, value: Any, choices: Collection[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is one of {', '.join(choices)}, and got {value!r}.")


def _whole(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is a whole number from 1 on, and got {value!r}.")


def _number(name: str, value: Any, least: float) -> None:
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value < least:
        raise ValueError(f"{name} is a number from {least:g} on, and got {value!r}.")
