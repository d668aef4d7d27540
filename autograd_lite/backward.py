"""The reverse pass: the chain rule, applied to the tape from its newest end.

`sweep` is all of it. A value is ready when every use of it has sent its
contribution, and every use is newer than the value, so taking the newest
waiting value each time visits them in the right order. A heap of sequence
numbers finds it; nothing recurses, so a chain of a million operations is fine.

What one visit does, `primitive.pull(t, g, …)`, is compiled from the rules: see
:mod:`autograd_lite.primitive`.
"""

from __future__ import annotations

from heapq import heappop
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import (
    GradientDtypeError,
    GradientShapeError,
    NoGradientError,
    NonScalarBackwardError,
)
from .tape import verify

if TYPE_CHECKING:
    from .tensor import Tensor


def sweep(
    root: Tensor, seed: Any, *, start: int = 0, stop: int = 0, recorded: bool = False
) -> tuple[dict[int, list[Any]], list[tuple[Tensor, Any]]]:
    """Carry the gradient `seed` of `root` back along the tape.

    Parameters
    ----------
    root
        Where to begin.
    seed
        ∂L/∂root, an array like `root`.
    start, stop
        The sequence numbers of the inputs of a transform: nothing older than
        `start` is visited, nothing up to `stop` is passed. Without them the
        sweep ends at the leaves.
    recorded
        Whether the rules are fed Tensors, so that the sweep is itself on the
        tape and can be differentiated.

    Returns
    -------
    reached : dict
        For each end that was reached, by sequence number: the Tensor and its gradient.
    kept : list
        The gradients of those interior values that were asked to keep theirs.
    """
    pending: dict[int, list[Any]] = {root._number: [root, seed]}
    heap = [-root._number] if root._primitive is not None and root._number > stop else []
    kept = []
    while heap:
        t, g = pending.pop(-heappop(heap))
        if t._note is not None:
            verify(t)
        if t._grad is not None:
            kept.append((t, g))
        if recorded:
            t._primitive.pull_recorded(t, g, start, stop, pending, heap)
        else:
            t._primitive.pull(t, g, start, stop, pending, heap)
    return pending, kept


def backward(root: Tensor, gradient: Any = None) -> None:
    """Add ∂root/∂leaf into the ``.grad`` of every leaf: see `Tensor.backward`."""
    if not root._requires:
        raise NoGradientError(
            f"{root.called()} does not depend on anything that requires a gradient: "
            "make an input with requires_grad=True."
        )
    seed = seed_for(root, gradient)
    reached, kept = sweep(root, seed)
    # Nothing has been written so far: an error above leaves every gradient as it was.
    given = {id(seed), id(gradient)}
    for leaf, g in reached.values():
        if type(leaf._grad) is np.ndarray:
            leaf._grad = np.asarray(leaf._grad + g)
        elif type(g) is np.ndarray and g.base is None and id(g) not in given:
            given.add(id(g))
            leaf._grad = g
        else:
            leaf._grad = np.array(g)
    for t, g in kept:
        t._grad = np.array(t._grad + g if type(t._grad) is np.ndarray else g)


def seed_for(root: Tensor, gradient: Any) -> Any:
    """Check a given upstream gradient against its Tensor, or begin with 1."""
    data = root._data
    if gradient is None:
        if data.size != 1:
            raise NonScalarBackwardError(
                f"{root.called()} has shape {data.shape}, and only a single number can start a "
                "backward pass: reduce it first, as with np.sum, or give the upstream gradient."
            )
        return np.ones_like(data) if data.shape else data.dtype.type(1)
    seed = gradient.numpy() if hasattr(gradient, "_requires") else np.asarray(gradient)
    if seed.shape != data.shape:
        raise GradientShapeError(
            f"The given gradient has shape {seed.shape}, but {root.called()} has shape "
            f"{data.shape}: they must be the same."
        )
    if not np.can_cast(seed.dtype, data.dtype, "same_kind"):
        raise GradientDtypeError(
            f"The given gradient has dtype {seed.dtype}, which {root.called()} of dtype "
            f"{data.dtype} cannot hold: convert it with astype first."
        )
    return seed.astype(data.dtype, copy=False)
