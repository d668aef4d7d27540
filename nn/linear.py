"""Linear and Bilinear: fully connected layers of one input, and of two."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.calculus.neural import affine, linear
from autograd_lite.randomness import Random, generator

from . import functional, settings
from . import init as initialisations
from .module import Module, Parameter
from .operands import operand
from .settings import count, flag


class Linear(Module):
    """y = x Wᵀ + b: every output is a weighted sum of all inputs.

    Parameters
    ----------
    in_features, out_features
        How many numbers go in and come out.
    bias
        Whether there is a b.
    rng
        A generator or a seed for the weights; else the default sequence (see `nn.init`).
    init
        How the weights start: a name, such as ``"normal"`` (see `nn.init.BY_NAME`),
        or a function of (tensor, rng=...). By default both weights and bias are
        uniform within ± 1 / √in_features, as in PyTorch; with any other the bias
        starts at 0.
    dtype
        Of the parameters.

    Attributes
    ----------
    weight : Parameter, (out_features, in_features)
    bias : Parameter, (out_features,), or None

    Raises
    ------
    ValueError
        If a size is not a positive integer, or the initialisation is unknown; and
        at a call, if the input has another number of features.

    Examples
    --------
    Input (..., in_features), output (..., out_features):

    >>> layer = Linear(2, 3, rng=0)
    >>> layer(np.zeros((5, 2))).shape
    (5, 3)
    >>> layer
    Linear(in_features=2, out_features=3, bias=True)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Random = None,
        init: str | initialisations.Initialisation = "fan_in_uniform",
        dtype: Any = np.float64,
    ) -> None:
        self.in_features = in_features = count("in_features", in_features)
        self.out_features = out_features = count("out_features", out_features)
        bias, dtype = flag("bias", bias), settings.dtype(dtype)
        rng, fill = generator(rng), initialisations.named(init)
        self.weight = Parameter(np.zeros((out_features, in_features), dtype))
        self.bias = Parameter(np.zeros(out_features, dtype)) if bias else None
        fill(self.weight, rng=rng)
        if self.bias is not None and fill is initialisations.fan_in_uniform_:
            bound = 1.0 / math.sqrt(in_features)
            initialisations.uniform_(self.bias, -bound, bound, rng=rng)

    def forward(self, x: Any) -> Tensor:
        """Return x Wᵀ + b."""
        try:
            if self.bias is None:
                return linear.apply(x, self.weight)  # type: ignore[no-any-return]
            return affine.apply(x, self.weight, self.bias)  # type: ignore[no-any-return]
        except (ValueError, AttributeError):  # a list, or what does not fit
            return functional.linear(x, self.weight, self.bias)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the settings."""
        bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"


class Bilinear(Module):
    """y_o = x₁ᵀ W_o x₂ + b_o: every output weighs all products of two inputs' numbers.

    Parameters
    ----------
    in1_features, in2_features, out_features
        How many numbers go in, of each, and come out.
    bias
        Whether there is a b.
    rng, dtype
        As for `Linear`; weight and bias start uniform within ± 1 / √in1_features.

    Attributes
    ----------
    weight : Parameter, (out_features, in1_features, in2_features)
    bias : Parameter, (out_features,), or None

    Examples
    --------
    >>> Bilinear(2, 3, 4, rng=0)(np.zeros((5, 2)), np.zeros((5, 3))).shape
    (5, 4)
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Random = None,
        dtype: Any = np.float64,
    ) -> None:
        self.in1_features = count("in1_features", in1_features)
        self.in2_features = count("in2_features", in2_features)
        self.out_features = count("out_features", out_features)
        dtype, rng, bound = settings.dtype(dtype), generator(rng), 1.0 / math.sqrt(in1_features)
        self.weight = Parameter(np.zeros((out_features, in1_features, in2_features), dtype))
        self.bias = Parameter(np.zeros(out_features, dtype)) if flag("bias", bias) else None
        for parameter in (self.weight, self.bias) if self.bias is not None else (self.weight,):
            initialisations.uniform_(parameter, -bound, bound, rng=rng)

    def forward(self, x1: Any, x2: Any) -> Any:
        """Return the outputs, (…, out_features), for inputs (…, in1) and (…, in2)."""
        x1, x2 = operand(x1), operand(x2)
        sizes = self.in1_features, self.in2_features
        if not x1.ndim or x1.shape[:-1] != x2.shape[:-1] or (x1.shape[-1], x2.shape[-1]) != sizes:
            raise ValueError(
                f"This Bilinear takes inputs (…, {sizes[0]}) and (…, {sizes[1]}), and got "
                f"{x1.shape} and {x2.shape}."
            )
        out = np.einsum("...i,oij,...j->...o", x1, self.weight, x2)
        return out if self.bias is None else out + self.bias

    def extra_repr(self) -> str:
        """Return the settings."""
        sizes = f"in1_features={self.in1_features}, in2_features={self.in2_features}"
        return f"{sizes}, out_features={self.out_features}, bias={self.bias is not None}"
