"""The reverse pass: the chain rule, applied to the tape from its newest end.

`reverse` is all of it. A value is ready when every use of it has sent its
contribution, and every use is newer than the value, so taking the newest
waiting value each time visits them in the right order. A heap of sequence
numbers finds it; nothing recurses, so a chain of a million operations is fine.

What one visit does, `primitive.vjp(t, g, …)`, is compiled from the rules: see
:mod:`autograd_lite.weave`.

Complex numbers: the gradient of a real L with respect to z = x + iy, as users
see it, is ∂L/∂x + i ∂L/∂y, the direction of steepest ascent. On its way along
the tape it is the conjugate of that, ∂L/∂x − i ∂L/∂y, because then the rules
are those of calculus, g · f′(z), with nothing conjugated in them. `conjugate_if_complex`
stands at both ends.
"""

from __future__ import annotations

from heapq import heappop, heappush
from sys import getrefcount
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import float64, ndarray

from .errors import (
    GradientDtypeError,
    GradientShapeError,
    NoGradientError,
    NonScalarBackwardError,
)
from .foreign import as_array
from .later import later
from .modes import recording, special, state
from .node import Node, as_tensor
from .quiet import quietly
from .tape import newest_write, next_number, note_gradient, note_sweep, rule_of, verify

if TYPE_CHECKING:
    from .tensor import Tensor


FLOAT64 = np.dtype(float64)  # there is one object of it
_ONE = float64(1.0)

Kept = list[tuple["Tensor", Any]]


def reverse(roots: Kept) -> tuple[dict[int, Any], list[Tensor], Kept]:
    """Carry the gradients of some values, the roots, back along the tape to the leaves.

    Returns the leaves' gradients by sequence number, the leaves, and with their gradients those
    interior values that were asked to retain theirs.

    The list of roots is emptied, and nothing is held of what was passed: where
    nobody else does, values and gradients are freed as the sweep goes.
    """
    pending, heap, leaves = _waiting(roots)
    retained: Kept = []
    latest = -newest_write[0]
    while heap:
        n, t = heappop(heap)
        g = pending.pop(n)
        if n > latest or t._metadata is not None:
            verify(t)
            if t._metadata is not None and "retain" in t._metadata:
                retained.append((as_tensor(t), g))
        primitive = t._primitive
        vjp = primitive.vjp_scalar if type(t._value) is float64 else primitive.vjp
        vjp(t, g, pending, heap, leaves)
    return pending, leaves, retained


def _waiting(roots: Kept) -> tuple[dict[int, Any], list[Any], list[Tensor]]:
    """Return the gradients that wait, by sequence number, and what they belong to.

    That is a heap of what operations made, the newest first, and a list of leaves.
    """
    pending: dict[int, Any] = {}
    heap: list[Any] = []
    leaves: list[Tensor] = []
    for root, g in roots:
        n = root._number
        if n in pending:
            pending[n] = pending[n] + g
        else:
            pending[n] = g
            if root._primitive is None:
                leaves.append(root)
            else:
                heappush(heap, (n, root))
    roots.clear()
    return pending, heap, leaves


def reverse_since(roots: Kept, start: int, stop: int, recorded: bool) -> dict[int, Any]:
    """Carry the gradients of some roots back to the aliases of a transform, and no further.

    The aliases have the sequence numbers from `start` down to `stop`: nothing
    older than them is visited, and they are not passed. With `recorded`, the
    rules are fed Tensors, so that the sweep is itself on the tape and can be
    differentiated. Returns gradients by sequence number. Of the roots see `reverse`.
    """
    if special and state.mode.watch:
        watch_gradients(roots, start, stop)
        with recording(lambda outside: outside._replace(watch="")):
            return reverse_since(roots, start, stop, recorded)
    pending, heap, leaves = _waiting(roots)
    latest = -newest_write[0]
    if not recorded:
        while heap:
            n, t = heappop(heap)
            if n < stop:
                if n > latest or t._metadata is not None:
                    verify(t)
                t._primitive.vjp_since(t, pending.pop(n), pending, heap, leaves, start)
        return pending
    began = next_number()
    sweep = -began if state.mode.everything else 0
    lines = state.mode.lines
    outer = rule_of.get()
    try:
        while heap:
            n, t = heappop(heap)
            if sweep:
                note_gradient(pending[n], t, sweep)
            if n >= stop:
                continue
            if n > latest or t._metadata is not None:
                verify(t)
            if lines:
                rule_of.set(t)
            t._primitive.vjp_recorded(t, pending.pop(n), pending, heap, leaves, start)
    finally:
        if lines:
            rule_of.set(outer)
    if sweep:
        for leaf in leaves:
            note_gradient(pending[leaf._number], leaf, sweep)
    note_sweep(pending.values(), leaves, began)
    return pending


def watch_gradients(roots: Kept, start: int | None = None, stop: int = 0) -> None:
    """Raise if a gradient is not finite, for `autograd_lite.anomaly`."""
    quietly(later("watch_gradients"), roots, start, stop)


def backward(root: Tensor, gradient: Any = None) -> None:
    """Add ∂root/∂leaf into the ``.grad`` of every leaf: see `Tensor.backward`."""
    if not root._requires:
        raise NoGradientError(
            f"{root._describe()} does not depend on anything that requires a gradient: "
            "make an input with requires_grad=True."
        )
    # For the usual start, a loss of one float64, the call is saved.
    seed = _ONE if gradient is None and type(root._value) is float64 else seed_for(root, gradient)
    if special and state.mode.watch:
        watch_gradients([(root, seed)])
    pending, leaves, retained = quietly(reverse, [(root, seed)])
    totals: list[Any] = []
    for leaf in leaves:
        g = pending[leaf._number]
        if g.dtype is not FLOAT64:
            g = conjugate_if_complex(g)
        if leaf._grad is not None:
            # In silence, as all of the pass: inf − inf is nobody's line.
            g = np.asarray(quietly(np.add, leaf._grad, g), leaf._value.dtype)
        elif not (
            type(g) is ndarray
            and g.dtype is leaf._value.dtype  # `vjp_scalar` casts nothing
            and g.base is None
            and getrefcount(g) <= _ALONE  # see `owned`
            and g.flags.writeable
        ):
            g = np.array(g, leaf._value.dtype)
        totals.append(g)
    for t, g in retained:
        g = conjugate_if_complex(g)
        totals.append(
            np.array(g if t._grad is None else quietly(np.add, t._grad, g), t._value.dtype)
        )
        leaves.append(t)
    # Nothing has been written so far: an error leaves every gradient as it was. Now all are, in
    # one call of C, so that an interrupt leaves none behind.
    any(map(_set_gradient, leaves, totals))
    # A drawing shows gradients as unknown until a backward pass has run from its root.
    if root._metadata is None:
        root._metadata = {}
    root._metadata["upstream"] = seed if seed is _ONE else np.array(conjugate_if_complex(seed))


_set_gradient: Any = vars(Node)["_grad"].__set__  # which returns None


def owned(arrays: list[Any]) -> list[Any]:
    """Copy those arrays in a list that something else refers to, too.

    A gradient may be an array that a rule passed on, the upstream gradient itself
    or the value of an operand, or a view of one. It is the caller's alone if no
    other reference to it is left, nor to the array whose memory it is a view of;
    then it is not copied. Anything else than arrays is left as it is.
    """
    for i in range(len(arrays)):
        array = arrays[i]
        if isinstance(array, ndarray):
            alone = type(array) is ndarray and getrefcount(array) == _ALONE
            if not (alone and array.flags.writeable and (array.base is None or _is_all(array))):
                arrays[i] = np.array(array)
    return arrays


def _is_all(view: Any) -> bool:
    """Whether a view, such as a transpose, covers an array that nothing else refers to."""
    base = view.base
    return (
        type(base) is ndarray
        and getrefcount(base) == _ALONE
        and base.flags.owndata
        and base.size == view.size
        and view.flags.forc
    )


def _references(arrays: list[Any]) -> int:
    array = arrays[0]
    return getrefcount(array)


_ALONE = _references([np.empty(1)])  # the list's, and some of the interpreter's


def conjugate_if_complex(g: Any) -> Any:
    """Turn a gradient of the tape into one for the user, or back: conjugate what is complex."""
    return np.conjugate(g) if g.dtype.kind == "c" else g


def seed_for(root: Tensor, gradient: Any) -> Any:
    """Check a given upstream gradient against its Tensor, or begin with 1; as on the tape."""
    data = root._value
    if gradient is None:
        if data.size != 1:
            raise NonScalarBackwardError(
                f"{root._describe()} has shape {data.shape}, and only a single number can start a "
                "backward pass: reduce it first, as with np.sum, or give the upstream gradient."
            )
        if data.dtype.kind == "c":
            raise NonScalarBackwardError(
                f"{root._describe()} is complex, and only a real number has a gradient: take its "
                "real part or its absolute value, or give the upstream gradient."
            )
        return np.ones_like(data) if data.shape else data.dtype.type(1)
    seed = gradient.numpy() if hasattr(gradient, "_requires") else as_array(gradient)
    if seed.shape != data.shape:
        raise GradientShapeError(
            f"The given gradient has shape {seed.shape}, but {root._describe(inside=True)} has "
            f"shape {data.shape}: they must be the same."
        )
    if not np.can_cast(seed.dtype, data.dtype, "same_kind"):
        raise GradientDtypeError(
            f"The given gradient has dtype {seed.dtype}, which {root._describe(inside=True)} of "
            f"dtype {data.dtype} cannot hold: convert it with astype first."
        )
    return conjugate_if_complex(seed.astype(data.dtype, copy=False))
