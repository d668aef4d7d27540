"""Functions that prepare an input: `normalize`, `one_hot`, `pad`."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.tensor import measured, to_numpy

from .operands import check, operand
from .settings import axis, integer, number


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """Return vectors along the axis `dim` divided by their norm, or by `eps` if that is more.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    input, order = operand(input), number("p", p, finite=False)
    lengths = np.linalg.vector_norm(input, axis=axis("dim", dim), keepdims=True, ord=order)
    return input / np.clip(lengths, number("eps", eps), None)


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """Return one-hot vectors: 1 at each integer's index, else 0, along a new last axis.

    By default there are as many classes as the largest number needs.

    Raises
    ------
    TypeError, ValueError
        If the numbers are not whole, or not from 0 to `num_classes` − 1.

    Examples
    --------
    >>> one_hot(np.array([2, 0]))
    array([[0, 0, 1],
           [1, 0, 0]])
    """
    indices, classes = measured(operand(tensor)), integer("num_classes", num_classes)
    if indices.dtype.kind not in "iu":
        raise TypeError(f"one_hot takes whole numbers, and got dtype {indices.dtype}.")
    if classes == -1:
        classes = int(to_numpy(indices).max(initial=-1)) + 1
    indices = _classes.apply(indices, classes=classes, num_classes=num_classes)
    found = (indices[..., None] == np.arange(classes)).astype(np.int64)
    return Tensor(found) if isinstance(tensor, Tensor) and not isinstance(found, Tensor) else found


def _check_classes(indices: Any, classes: int, num_classes: int) -> Any:
    """Return the integers; raise unless each is the index of a class."""
    smallest, largest = indices.min(initial=0), indices.max(initial=-1)
    if smallest < 0 or largest >= classes or classes < 1:
        raise ValueError(
            f"one_hot takes numbers from 0 to num_classes − 1, and got {smallest} to "
            f"{largest} with num_classes={num_classes}."
        )
    return indices


_classes = check(_check_classes, nondifferentiable="indices", parameters="classes num_classes")

_PADDED_WITH = {"constant": "constant", "reflect": "reflect", "replicate": "edge",
                "circular": "wrap"}  # fmt: skip


def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """Return the input with more around it: two widths for the last axis, two for the one before.

    Parameters
    ----------
    input
        A Tensor or an array, of any shape.
    pad
        Widths before and after, the last axis first; below 0 they cut off.
    mode
        ``"constant"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
    value
        Of the constant, 0 by default.

    Raises
    ------
    ValueError
        If the widths are no pairs, or more than there are axes, or `mode` is another.

    Examples
    --------
    >>> pad(np.array([[1.0, 2.0]]), (1, 0))
    array([[0., 1., 2.]])
    """
    input, flat = operand(input), tuple(integer("pad", width) for width in pad)
    if len(flat) % 2 or len(flat) > 2 * input.ndim:
        raise ValueError(
            f"pad takes two widths for each axis, at most {2 * input.ndim}, and got {len(flat)}."
        )
    if mode not in _PADDED_WITH:
        raise ValueError(f"mode is {', '.join(map(repr, _PADDED_WITH))}, and got {mode!r}.")
    if value is not None and mode != "constant":
        raise ValueError(f"value is for mode='constant', and mode is {mode!r}.")
    widths = [*zip(flat[::2], flat[1::2], strict=True)][::-1]
    widths = [(0, 0)] * (input.ndim - len(widths)) + widths
    lengths = [n + before + after for n, (before, after) in zip(input.shape, widths, strict=True)]
    if min(lengths, default=0) < 0:
        raise ValueError(f"pad would cut more off an axis of {input.shape} than there is: {flat}.")
    cut = tuple(
        slice(max(-before, 0), n - max(-after, 0))
        for n, (before, after) in zip(input.shape, widths, strict=True)
    )
    added = [(max(before, 0), max(after, 0)) for before, after in widths]
    how = {} if mode != "constant" else {"constant_values": number("value", value or 0.0)}
    return np.pad(input[cut], added, _PADDED_WITH[mode], **how)  # type: ignore[call-overload]
