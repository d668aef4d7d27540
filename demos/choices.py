"""What flags and configurations name: an activation, an optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nn

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky-relu", "none")
"""The names of activations, as flags spell them."""


def activation(name: str, slope: float = 0.01) -> nn.Module | None:
    """Return the layer of an activation, by a flag's name or by that of `nn.activation.BY_NAME`.

    >>> activation("leaky-relu", 0.1), activation("none"), activation("identity")
    (LeakyReLU(negative_slope=0.1), None, None)
    """
    name = name.replace("-", "_")
    if name in ("none", "identity"):
        return None
    return nn.LeakyReLU(slope) if name == "leaky_relu" else nn.activation.BY_NAME[name]()


OPTIMIZERS: dict[str, Callable[..., nn.optim.Optimizer]] = {
    "sgd": nn.optim.SGD,
    "momentum": nn.optim.SGD,
    "adagrad": nn.optim.Adagrad,
    "rmsprop": nn.optim.RMSprop,
    "adam": nn.optim.Adam,
}


def optimizer(name: str, params: Any, lr: float, momentum: float = 0.0) -> nn.optim.Optimizer:
    """Return an optimizer; the momentum is for those of gradient descent."""
    kind = OPTIMIZERS[name]
    return kind(params, lr, momentum) if kind is nn.optim.SGD else kind(params, lr)
