"""Activations: functions of one number, applied to each; and Softmax, along an axis.

They take Tensors and arrays of any shape and keep it. An array gives an array:
nothing is on a tape then.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.calculus.neural import leaky_relu, relu, sigmoid, softmax
from autograd_lite.protocol import TABLE

from .module import Module

tanh = TABLE[np.tanh]


class Sigmoid(Module):
    """σ(x) = 1 / (1 + e⁻ˣ).

    >>> Sigmoid()(np.array([0.0]))
    array([0.5])
    """

    def forward(self, x: Any) -> Any:
        """Return σ(x)."""
        return sigmoid.apply(x)


class Tanh(Module):
    """The hyperbolic tangent.

    >>> Tanh()(np.array([0.0]))
    array([0.])
    """

    def forward(self, x: Any) -> Any:
        """Return tanh x."""
        return tanh.apply(x)


class ReLU(Module):
    """max(x, 0); its derivative at 0 is 0.

    >>> ReLU()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def forward(self, x: Any) -> Any:
        """Return max(x, 0)."""
        return relu.apply(x)


class LeakyReLU(Module):
    """x where it is positive, else `negative_slope` · x; its derivative at 0 is the slope.

    >>> LeakyReLU(0.5)(np.array([-1.0, 2.0]))
    array([-0.5,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Any:
        """Return x or a fraction of it."""
        return leaky_relu.apply(x, slope=self.negative_slope)

    def extra_repr(self) -> str:
        """Return the slope."""
        return f"negative_slope={self.negative_slope}"


class Identity(Module):
    """x itself: a place where no activation stands.

    >>> Identity()(3.0)
    3.0
    """

    def forward(self, x: Any) -> Any:
        """Return x."""
        return x


class Softmax(Module):
    """eˣ / Σ eˣ along the axis `dim`: positive numbers that add up to 1.

    >>> Softmax(dim=-1)(np.array([[1.0, 1.0]]))
    array([[0.5, 0.5]])
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Any) -> Any:
        """Return the shares."""
        return softmax.apply(x, axis=self.dim)

    def extra_repr(self) -> str:
        """Return the axis."""
        return f"dim={self.dim}"


BY_NAME: dict[str, type[Module]] = {
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "identity": Identity,
    "softmax": Softmax,
}
"""What ``activation="..."`` of an MLP can name."""
