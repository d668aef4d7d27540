"""Activations: functions of one number, applied to each; and Softmax, along an axis.

They take Tensors and arrays of any shape and keep it. An array gives an array:
nothing is on a tape then.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.calculus.neural import relu, sigmoid
from autograd_lite.protocol import TABLE

from . import functional
from .activation_functions import check_approximate, check_beta, check_limits
from .module import Module, Parameter
from .settings import axis, count, number
from .settings import dtype as as_dtype

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
        self.negative_slope = number("negative_slope", negative_slope)

    def forward(self, x: Any) -> Any:
        """Return x or a fraction of it."""
        return functional.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """Return the slope."""
        return f"negative_slope={self.negative_slope}"


class PReLU(Module):
    """x where it is positive, else weight · x, with a weight that is learned.

    There is one for all numbers, or `num_parameters`, one for each channel (the
    second axis). (He et al., 2015.)

    >>> PReLU(init=0.5)(np.array([-1.0, 2.0])).numpy()
    array([-0.5,  2. ])
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, *, dtype: Any = np.float64
    ) -> None:
        self.num_parameters = count("num_parameters", num_parameters)
        start = np.full(num_parameters, number("init", init), as_dtype(dtype))
        self.weight = Parameter(start)

    def forward(self, x: Any) -> Any:
        """Return x or a share of it."""
        return functional.prelu(x, self.weight)

    def extra_repr(self) -> str:
        """Return how many weights there are."""
        return f"num_parameters={self.num_parameters}"


class Hardtanh(Module):
    """x, limited to what lies between `min_val` and `max_val`; its derivative there is 0.

    >>> Hardtanh()(np.array([-3.0, 0.5]))
    array([-1. ,  0.5])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self.min_val, self.max_val = check_limits(min_val, max_val)

    def forward(self, x: Any) -> Any:
        """Return what is left between the limits."""
        return functional.hardtanh(x, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        """Return the limits."""
        return f"min_val={self.min_val}, max_val={self.max_val}"


class LogSigmoid(Module):
    """log σ(x) = −log(1 + e⁻ˣ), exact where σ(x) would round to 0.

    >>> LogSigmoid()(np.array([0.0, -50.0])).round(4)
    array([ -0.6931, -50.    ])
    """

    def forward(self, x: Any) -> Any:
        """Return the logarithm of the sigmoid."""
        return functional.logsigmoid(x)


class ELU(Module):
    """x where it is positive, else alpha · (eˣ − 1), which goes towards −alpha.

    >>> ELU()(np.array([-1.0, 2.0])).round(4)
    array([-0.6321,  2.    ])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = number("alpha", alpha)

    def forward(self, x: Any) -> Any:
        """Return x or the exponential."""
        return functional.elu(x, self.alpha)

    def extra_repr(self) -> str:
        """Return alpha."""
        return f"alpha={self.alpha}"


class GELU(Module):
    """x Φ(x), with Φ(x) the share of the normal distribution that is below x.

    With ``approximate="tanh"``, x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))).

    >>> GELU()(np.array([-1.0, 2.0])).round(4)
    array([-0.1587,  1.9545])
    """

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = check_approximate(approximate)

    def forward(self, x: Any) -> Any:
        """Return x Φ(x)."""
        return functional.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        """Return which form it is."""
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """x σ(x), also called swish.

    >>> SiLU()(np.array([-1.0, 2.0])).round(4)
    array([-0.2689,  1.7616])
    """

    def forward(self, x: Any) -> Any:
        """Return x σ(x)."""
        return functional.silu(x)


class Softplus(Module):
    """log(1 + e^(beta x)) / beta: a smooth ReLU.

    Where beta · x is above `threshold` it is x itself, as in PyTorch.

    >>> Softplus()(np.array([0.0, 30.0])).round(4)
    array([ 0.6931, 30.    ])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta = check_beta(beta)
        self.threshold = number("threshold", threshold, finite=False)

    def forward(self, x: Any) -> Any:
        """Return the smooth positive part."""
        return functional.softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Identity(Module):
    """x itself: where no activation is wanted.

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
        self.dim = axis("dim", dim)

    def forward(self, x: Any) -> Any:
        """Return the shares."""
        return functional.softmax(x, self.dim)

    def extra_repr(self) -> str:
        """Return the axis."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """The logarithm of `Softmax`, exact where that would round to 0.

    >>> LogSoftmax(dim=-1)(np.array([[0.0, -1000.0]]))
    array([[    0., -1000.]])
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = axis("dim", dim)

    def forward(self, x: Any) -> Any:
        """Return the logarithms of the shares."""
        return functional.log_softmax(x, self.dim)

    def extra_repr(self) -> str:
        """Return the axis."""
        return f"dim={self.dim}"


BY_NAME: dict[str, type[Module]] = {
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "gelu": GELU,
    "silu": SiLU,
    "softplus": Softplus,
    "prelu": PReLU,
    "hardtanh": Hardtanh,
    "log_sigmoid": LogSigmoid,
    "identity": Identity,
    "softmax": Softmax,
    "log_softmax": LogSoftmax,
}
"""What ``activation="..."`` of an MLP can name."""
