"""Normalization as functions; `nn.functional` offers them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.calculus import normalization
from autograd_lite.modes import runs_again
from autograd_lite.residuals import Residuals

from .module import to_numpy
from .operands import in_single, operand
from .settings import Sizes, count, flag, number, sizes


def layer_norm(
    input: Any,
    normalized_shape: Sizes,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    """Return each example normalized over its last axes; see `nn.LayerNorm`.

    Raises
    ------
    ValueError
        If the last axes are not `normalized_shape`, or weight or bias have another shape.

    Examples
    --------
    >>> layer_norm([[1.0, 2.0, 3.0]], 3).round(4)
    array([[-1.2247,  0.    ,  1.2247]])
    """
    input, shape = operand(input), check_shape(normalized_shape)
    if input.shape[input.ndim - len(shape) :] != shape or input.ndim < len(shape):
        raise ValueError(
            f"layer_norm takes an input whose last axes are {shape}, and got shape {input.shape}."
        )
    axes = tuple(range(-len(shape), 0))
    weight, bias = (a if a is None else operand(a) for a in (weight, bias))
    for name, given in (("weight", weight), ("bias", bias)):
        if given is not None and given.shape != shape:
            raise ValueError(f"layer_norm takes a {name} of shape {shape}, and got {given.shape}.")
    return normalized(input, axes, eps, weight, bias)


def normalized(
    x: Any,
    axes: tuple[int, ...],
    eps: Any,
    weight: Any = None,
    bias: Any = None,
    *,
    residuals: Residuals | None = None,
) -> Any:
    """Return x with mean 0 and variance 1 over axes, times a weight, plus a bias.

    Its mean and variance are among the residuals then.
    """
    given: dict[str, Any] = {"axis": axes[0] if len(axes) == 1 else axes, "eps": number("eps", eps)}
    if not runs_again():
        given["residuals"] = Residuals() if residuals is None else residuals
    wide = in_single(x)
    if weight is None and bias is None:
        out = normalization.normalize.apply(wide, **given)
    else:
        weight, bias = 1.0 if weight is None else weight, 0.0 if bias is None else bias
        out = normalization.normalize_and_scale.apply(wide, weight, bias, **given)
    return out.astype(x.dtype) if x.dtype == np.float16 else out


def rms_norm(
    input: Any, normalized_shape: Sizes, weight: Any = None, eps: float | None = None
) -> Any:
    """Return each example over the root of its mean square; see `nn.RMSNorm`.

    Raises
    ------
    ValueError
        If the last axes are not `normalized_shape`, or the weight has another shape.

    Examples
    --------
    >>> rms_norm([[3.0, 4.0]], 2).round(4)
    array([[0.8485, 1.1314]])
    """
    input, shape = operand(input), check_shape(normalized_shape)
    if input.shape[input.ndim - len(shape) :] != shape or input.ndim < len(shape):
        raise ValueError(
            f"rms_norm takes an input whose last axes are {shape}, and got shape {input.shape}."
        )
    wide = in_single(input)
    small = float(np.finfo(wide.dtype).eps) if eps is None else number("eps", eps)
    axes = tuple(range(-len(shape), 0))
    out = wide / np.sqrt(np.mean(np.square(wide), axis=axes, keepdims=True) + small)
    if weight is not None:
        weight = operand(weight)
        if weight.shape != shape:
            raise ValueError(f"rms_norm takes a weight of shape {shape}, and got {weight.shape}.")
        out = out * weight
    return out.astype(input.dtype) if input.dtype == np.float16 else out


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Return each group of channels normalized, in each example; see `nn.GroupNorm`.

    Raises
    ------
    ValueError
        If `num_groups` does not divide the channels.

    Examples
    --------
    >>> group_norm([[1.0, 3.0, 10.0, 30.0]], 2).round(4)
    array([[-1.,  1., -1.,  1.]])
    """
    input, groups = operand(input), count("num_groups", num_groups)
    if input.ndim < 2 or input.shape[1] % groups:
        raise ValueError(
            f"group_norm takes (N, C, …) with a C that {groups} groups divide, and got shape "
            f"{input.shape}."
        )
    parts = np.reshape(in_single(input), (input.shape[0], groups, -1))
    out = np.reshape(normalized(parts, (2,), eps), input.shape)
    out = _scaled(out, *_by_channel("group_norm", input, weight, bias))
    return out.astype(input.dtype) if input.dtype == np.float16 else out


def _scaled(x: Any, weight: Any, bias: Any) -> Any:
    """Return x times a weight, plus a bias, if there are such."""
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _by_channel(name: str, x: Any, weight: Any, bias: Any) -> list[Any]:
    """Return a weight and a bias, a number for each channel, so that they broadcast."""
    found = []
    for what, given in (("weight", weight), ("bias", bias)):
        if given is not None:
            given = operand(given)
            if given.shape != x.shape[1:2]:
                raise ValueError(
                    f"{name} takes a {what} of shape {x.shape[1:2]}, and got {given.shape}."
                )
            given = by_channel(given, x)
        found.append(given)
    return found


def by_channel(values: Any, x: Any) -> Any:
    """Shape a number for each channel so that it broadcasts along the second axis."""
    return values if x.ndim == 2 else np.reshape(values, (-1, *(1,) * (x.ndim - 2)))


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Return each channel normalized over the batch, (N, C, …); see `nn.BatchNorm2d`.

    In training by its own mean and variance, towards which the running ones, arrays
    or Tensors of (C,), are moved in place; else by the running ones.

    Raises
    ------
    ValueError
        In training, if a channel has one number alone.

    Examples
    --------
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> batch_norm(x, np.zeros(2), np.ones(2), training=True).round(4)
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    input = operand(input)
    scales = _by_channel("batch_norm", input, weight, bias)
    over = (0, *range(2, input.ndim))
    if not flag("training", training):
        mean, variance = (by_channel(operand(a), input) for a in (running_mean, running_var))
        out = (in_single(input) - mean) / np.sqrt(variance + number("eps", eps))
        out = _scaled(out, *scales)
        return out.astype(input.dtype) if input.dtype == np.float16 else out
    numbers = math.prod(input.shape) // max(input.shape[1], 1)
    if numbers < 2:
        raise ValueError(
            "In training, batch_norm needs more than one number for each channel, and got "
            f"shape {input.shape}."
        )
    residuals = Residuals()
    out = normalized(input, over, eps, *scales, residuals=residuals)
    share = number("momentum", momentum)
    found = normalization.mean_and_variance(to_numpy(in_single(input)), over, residuals)
    mean, variance = map(np.ravel, found)
    for running, new in ((running_mean, mean), (running_var, variance * (numbers / (numbers - 1)))):
        if running is not None:
            moved = (1.0 - share) * to_numpy(running) + share * new
            if isinstance(running, Tensor):
                running.data = moved
            else:
                running[...] = moved
    return out


def check_shape(normalized_shape: Any) -> tuple[int, ...]:
    """Return a `normalized_shape`: the sizes of the last axes, or of the last one."""
    axes = len(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else 1
    if not axes:
        raise ValueError("normalized_shape has the size of one axis at least, and got none.")
    return sizes("normalized_shape", normalized_shape, axes)
