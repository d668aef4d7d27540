"""Initialisations: how the parameters of a layer start.

Each function fills a Tensor that it is given, and returns it. Names and
formulas are those of ``torch.nn.init``; *fan-in* is how many numbers go into
an output of the layer, *fan-out* how many outputs a number goes into.

`rng` is a NumPy generator, which goes on from where it is, or a seed, which
starts one. Without it numbers come from the default sequence (see
:mod:`autograd_lite.randomness`): the same program has the same weights, and two
layers in it that are made alike have different ones. `nn.manual_seed` starts the
sequence again:

>>> import nn
>>> nn.manual_seed(7)
>>> a, b = nn.Linear(4, 4), nn.Linear(4, 4)
>>> nn.manual_seed(7)
>>> c = nn.Linear(4, 4)
>>> bool((a.weight == b.weight).any()), bool((a.weight == c.weight).all())
(False, True)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.randomness import Random, generator

Initialisation = Callable[..., Any]


# -- fixed values ----------------------------------------------------------------------


def constant_(tensor: Tensor, value: float, *, rng: Random = None) -> Tensor:
    """Fill with one value. `rng` is not used: all initialisations are called alike.

    >>> constant_(Tensor(np.zeros((1, 3))), 0.5).data
    array([[0.5, 0.5, 0.5]])
    """
    tensor.data = np.full(tensor.shape, value)
    return tensor


def zeros_(tensor: Tensor, *, rng: Random = None) -> Tensor:
    """Fill with 0.

    >>> zeros_(Tensor(np.ones(3))).data
    array([0., 0., 0.])
    """
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor, *, rng: Random = None) -> Tensor:
    """Fill with 1.

    >>> ones_(Tensor(np.zeros(3))).data
    array([1., 1., 1.])
    """
    return constant_(tensor, 1.0)


# -- one distribution for every layer ---------------------------------------------------


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, *, rng: Random = None) -> Tensor:
    """Fill from the uniform distribution between `a` and `b`.

    >>> uniform_(Tensor([0.0, 0.0]), -1.0, 1.0, rng=0).shape
    (2,)
    """
    tensor.data = generator(rng).uniform(a, b, tensor.shape)
    return tensor


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, *, rng: Random = None) -> Tensor:
    """Fill from the normal distribution.

    >>> float(normal_(Tensor(np.zeros((100, 100))), std=0.02, rng=0).data.std().round(3))
    0.02
    """
    tensor.data = generator(rng).normal(mean, std, tensor.shape)
    return tensor


# -- distributions that keep the size of what passes through ---------------------------------


def fans(tensor: Tensor) -> tuple[int, int]:
    """Return fan-in and fan-out of a weight of shape (out, in, ...).

    Raises
    ------
    ValueError
        If it has fewer than two axes.

    Examples
    --------
    >>> fans(Tensor(np.zeros((3, 2))))
    (2, 3)
    """
    if tensor.ndim < 2:
        raise ValueError(
            f"A Tensor of shape {tensor.shape} has no fan-in and fan-out: this initialisation is "
            "for weights of shape (out, in, ...)."
        )
    positions = math.prod(tensor.shape[2:])
    return tensor.shape[1] * positions, tensor.shape[0] * positions


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor that makes up for what an activation does to the size.

    `param` is the negative slope of ``"leaky_relu"``, 0.01 by default.

    Raises
    ------
    ValueError
        If no gain is known for it.

    Examples
    --------
    >>> calculate_gain("leaky_relu", 1.0)
    1.0
    """
    slope = 0.01 if param is None else param
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5.0 / 3.0,
        "relu": math.sqrt(2.0),
        "leaky_relu": math.sqrt(2.0 / (1.0 + slope**2)),
    }
    if nonlinearity not in gains:
        raise ValueError(f"No gain is known for '{nonlinearity}': use one of {', '.join(gains)}.")
    return gains[nonlinearity]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, *, rng: Random = None) -> Tensor:
    """Fill uniformly within ± gain · √(6 / (fan-in + fan-out)) (Glorot and Bengio, 2010).

    >>> bool((np.abs(xavier_uniform_(Tensor(np.zeros((3, 3))), rng=0).data) <= 1).all())  # √(6 / 6)
    True
    """
    bound = gain * math.sqrt(6.0 / max(sum(fans(tensor)), 1))
    return uniform_(tensor, -bound, bound, rng=rng)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, *, rng: Random = None) -> Tensor:
    """Fill normally with std gain · √(2 / (fan-in + fan-out)) (Glorot and Bengio, 2010).

    >>> float(xavier_normal_(Tensor(np.zeros((100, 100))), rng=0).data.std().round(2))  # √(2 / 200)
    0.1
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / max(sum(fans(tensor)), 1)), rng=rng)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode is 'fan_in' or 'fan_out', and got {mode!r}.")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: Random = None,
) -> Tensor:
    """Fill uniformly within ± gain · √(3 / fan) (He et al., 2015); `a` is the negative slope.

    >>> w = kaiming_uniform_(Tensor(np.zeros((4, 6))), rng=0)
    >>> bool((np.abs(w.data) <= 1).all())  # √(6 / 6)
    True
    """
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng=rng)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: Random = None,
) -> Tensor:
    """Fill normally with std gain / √fan (He et al., 2015); `a` is the negative slope.

    >>> float(kaiming_normal_(Tensor(np.zeros((200, 50))), rng=0).data.std().round(2))  # √(2 / 50)
    0.2
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), rng=rng)


def fan_in_uniform_(tensor: Tensor, *, rng: Random = None) -> Tensor:
    """Fill uniformly within ± 1 / √fan-in: how a layer starts where nothing else is asked for.

    >>> bool((np.abs(fan_in_uniform_(Tensor(np.zeros((100, 25))), rng=0).data) <= 1 / 5).all())
    True
    """
    bound = 1.0 / math.sqrt(max(fans(tensor)[0], 1))
    return uniform_(tensor, -bound, bound, rng=rng)


def fan_in_normal_(tensor: Tensor, *, rng: Random = None) -> Tensor:
    """Fill normally with std 1 / √fan-in.

    >>> float(fan_in_normal_(Tensor(np.zeros((100, 25))), rng=0).data.std().round(2))  # 1 / √25
    0.2
    """
    return normal_(tensor, 0.0, 1.0 / math.sqrt(max(fans(tensor)[0], 1)), rng=rng)


# -- by name -----------------------------------------------------------------------------

BY_NAME: dict[str, Initialisation] = {
    function.__name__.rstrip("_"): function
    for function in (
        fan_in_uniform_,
        fan_in_normal_,
        normal_,
        uniform_,
        zeros_,
        ones_,
        xavier_uniform_,
        xavier_normal_,
        kaiming_uniform_,
        kaiming_normal_,
    )
}
"""What ``init="..."`` of a layer can name."""


def named(init: str | Initialisation) -> Initialisation:
    """Return the initialisation of a name; a function ``f(tensor, rng=...)`` stands for itself.

    Raises
    ------
    ValueError
        If there is no such initialisation.

    Examples
    --------
    >>> named("xavier_normal").__name__
    'xavier_normal_'
    """
    if callable(init):
        return init
    if init not in BY_NAME:
        raise ValueError(f"No initialisation is called {init!r}: use one of {', '.join(BY_NAME)}.")
    return BY_NAME[init]
