"""What the losses share: their shapes, dtypes, weights and reduction, and how they check."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .operands import floats, in_single, operand

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(reduction: Any) -> str:
    """Return a `reduction` that there is."""
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        raise ValueError(f"reduction is one of {', '.join(REDUCTIONS)}, and got {reduction!r}.")
    return reduction


Loss = TypeVar("Loss", bound=Callable[..., Any])


def computed_in_single(loss: Loss) -> Loss:
    """Compute a loss of half precision in single, and round once, at the end."""

    @functools.wraps(loss)
    def wide(input: Any, *args: Any, **kwargs: Any) -> Any:
        input = operand(input)
        if input.dtype != np.float16:
            return loss(input, *args, **kwargs)
        return loss(in_single(input), *args, **kwargs).astype(np.float16)

    return wide  # type: ignore[return-value]


def of_one_shape(name: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Return both, having seen that they have one shape.

    (n,) beside (n, 1) would broadcast to (n, n), and train towards nothing.
    """
    try:
        same = input.shape == target.shape
    except AttributeError:
        input, target = operand(input), operand(target)
        same = input.shape == target.shape
    if not same:
        raise ValueError(
            f"{name} takes input and target of one shape, and got {input.shape} and "
            f"{target.shape}: reshape one, as in target.reshape(-1, 1)."
        )
    return input, target


def as_floats(name: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Return both in floats, having seen that they have one shape."""
    input, target = of_one_shape(name, input, target)
    input = floats(input)
    return input, floats(target, input.dtype)


def weighted(losses: Any, name: str, weight: Any) -> Any:
    """Return the losses times a weight that broadcasts to their shape."""
    return losses if weight is None else losses * broadcasting(name, weight, losses)


def broadcasting(name: str, weight: Any, losses: Any) -> Any:
    """Return a weight, having seen that it broadcasts to the shape of the losses."""
    weight = like(weight, losses)
    try:
        fits = np.broadcast_shapes(weight.shape, losses.shape) == losses.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name} broadcasts to the input's shape {losses.shape}, and got shape {weight.shape}."
        )
    return weight


def like(weight: Any, x: Any) -> Any:
    """Return a weight in the dtype of what it weighs."""
    weight = operand(weight)
    return weight if weight.dtype == x.dtype else weight.astype(x.dtype)


def reduced(losses: Any, reduction: str) -> Any:
    """Return the mean or the sum of the losses, or the losses."""
    if check_reduction(reduction) == "mean":
        return losses.mean()
    return losses.sum() if reduction == "sum" else losses


def first_wrong(array: Any, wrong: Any) -> tuple[Any, str]:
    """Return the first element that is wrong, and where it is."""
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    return array[where], f"index {where[0] if len(where) == 1 else where}"
