"""Dropout: while training, a share of the numbers is set to 0, others each time.

No unit can lean on a certain other one, so what is learned is spread over many.
(Srivastava et al., 2014.)
"""

from __future__ import annotations

from typing import Any

from autograd_lite.randomness import Random, generator

from . import functional
from .module import Module
from .settings import probability


class Dropout(Module):
    """Set each number to 0 with probability p, and divide the others by 1 − p.

    So the mean stays the same, and in evaluation nothing has to be done.

    Parameters
    ----------
    p
        From 0 to 1.
    rng
        A generator or a seed, which then belongs to the layer; else the default
        sequence (see `nn.init`). A checkpoint of `fit` saves where either stands.

    Raises
    ------
    ValueError
        If `p` is no probability.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Dropout(0.5, rng=0)
    >>> layer(np.ones(6))
    array([2., 2., 2., 0., 0., 0.])
    >>> layer.eval()(np.ones(6))
    array([1., 1., 1., 1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, *, rng: Random = None) -> None:
        self.p = probability("p", p)
        self.rng = None if rng is None else generator(rng)

    def forward(self, x: Any) -> Any:
        """Return the input, with holes in training."""
        return functional.dropout(x, self.p, self.training, rng=self.rng)

    def extra_repr(self) -> str:
        """Return the probability."""
        return f"p={self.p}"
