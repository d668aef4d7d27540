"""Linear: a fully connected layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.calculus.neural import affine, linear
from autograd_lite.errors import BroadcastError
from autograd_lite.randomness import Random, generator

from . import init as initialisations
from .module import Module, Parameter


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
        for name, size in (("in_features", in_features), ("out_features", out_features)):
            if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
                raise ValueError(f"{name} is a positive integer, and got {size!r}.")
        rng = generator(rng)
        fill = initialisations.named(init)
        self.in_features = in_features
        self.out_features = out_features
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
        except (BroadcastError, AttributeError):
            if not isinstance(x, (Tensor, np.ndarray)):  # such as a list
                return self.forward(np.asarray(x))
            if not x.ndim or x.shape[-1] != self.in_features:
                raise BroadcastError(
                    f"An input of shape {x.shape} does not fit a Linear that takes "
                    f"{self.in_features} features on the last axis ({self.weight.called()})."
                ) from None
            raise

    def extra_repr(self) -> str:
        """Return the settings."""
        bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"
