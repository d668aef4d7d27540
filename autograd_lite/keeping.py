"""What the tape keeps of arrays that belong to the user, who may refill them.

A rule needs the numbers that its operation saw. An array that a Tensor holds is ours; one
that stood beside it, or in an index or another parameter, is the user's, and the next batch
may be written into it. So the tape keeps a copy of what is small and of everything that is
not of floats (indices, masks, labels); a larger array is kept as it is, with a fingerprint of
some of its numbers, and the reverse pass raises where that has changed.

>>> import numpy as np
>>> from autograd_lite import Tensor
>>> w, batch, loss = Tensor(2.0, requires_grad=True), np.zeros(2), 0.0
>>> for numbers in ([1.0, 2.0], [3.0, 4.0]):
...     batch[:] = numbers
...     loss = loss + np.sum(w * batch)
>>> loss.backward()
>>> w.grad
array(10.)

An array that is used again unchanged is copied once: its copy is found by its `id`.
"""

from __future__ import annotations

import contextlib
import functools
import math
import weakref
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

SMALL = 1024
"""Up to so many numbers, a copy costs less than the operation that uses it."""
SAMPLES, SHARE = 512, 128
"""Of a larger array, so many numbers are looked at, or one in so many if that is more."""

_copies: dict[int, tuple[weakref.ref[Array], Array]] = {}


class Guard(NamedTuple):
    """An array that is kept as it is, and what some of its numbers were."""

    array: Array
    fingerprint: int

    def holds(self) -> bool:
        """Whether these numbers are still there."""
        return sampled(self.array) == self.fingerprint


def sampled(array: Array) -> int:
    """Return a number that tells whether an array was refilled: a hash of some of it."""
    flat: Any = array.ravel("K") if array.flags.forc else array.flat
    return hash(flat[_places(array.size)].tobytes())


@functools.lru_cache
def _places(size: int) -> Any:
    """Return one index in each of equal parts of an array.

    Where in its part follows the golden ratio, which keeps step with no period: no column
    of a matrix, and no pixel of a stack of images, is left out in every part.
    """
    count = max(SAMPLES, size // SHARE)
    k = np.arange(count)
    return ((k + k * 0.6180339887498949 % 1.0) * (size / count)).astype(np.intp)


def snapshot(x: Any) -> Any:
    """Return a parameter with copies in place of its arrays, lists and dicts.

    >>> index = [0, 1], np.array([2, 3])
    >>> snapshot(index)
    ([0, 1], array([2, 3]))
    >>> snapshot(index)[0] is index[0]
    False
    """
    if isinstance(x, np.ndarray):
        return copied(x)
    if type(x) is list:
        return [snapshot(part) for part in x]
    if isinstance(x, tuple):
        parts = [snapshot(part) for part in x]
        return type(x)(*parts) if hasattr(x, "_fields") else tuple(parts)
    if type(x) is dict:
        return {key: snapshot(value) for key, value in x.items()}
    return x


def arrays_in(x: Any) -> list[Array]:
    """Return the arrays in a nest of lists, tuples and dicts.

    >>> arrays_in({"index": (np.arange(2), [1]), "axis": 0})
    [array([0, 1])]
    """
    if isinstance(x, np.ndarray):
        return [x]
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, (list, tuple)) else ()
    return [array for part in parts for array in arrays_in(part)]


def held_by(*functions: Any) -> list[Array]:
    """Return the arrays that functions hold themselves: of their object, or from around them."""
    held = []
    for function in functions:
        cells = getattr(function, "__closure__", None) or ()
        with contextlib.suppress(ValueError):  # of a cell that is still empty
            held += arrays_in([cell.cell_contents for cell in cells])
        held += arrays_in(getattr(function, "__defaults__", None))
        held += arrays_in(getattr(getattr(function, "__self__", None), "__dict__", {}))
    return held


def snapshot_operand(x: Any, guards: list[Guard]) -> Any:
    """Return an operand as the tape keeps it; a large one is added to `guards`."""
    if not isinstance(x, np.ndarray):
        return x
    if x.size <= SMALL or x.dtype.kind not in "fc":
        return copied(x)
    guards.append(Guard(x, sampled(x)))
    return x


def copied(x: Array) -> Array:
    """Return a copy of an array; the same one as long as the array has not changed."""
    found = _copies.get(id(x))
    if found is not None and found[0]() is x and _same(found[1], x):
        return found[1]
    copy = x.copy(order="K") if type(x) is np.ndarray else np.array(x, order="K", subok=True)
    key = id(x)

    def forget(ref: weakref.ref[Array], copies: dict[int, Any] = _copies) -> None:
        # Python may have taken the module's names away by then: it is ending.
        if (now := copies.get(key)) is not None and now[0] is ref:
            del copies[key]

    _copies[key] = weakref.ref(x, forget), copy
    return copy


def copy_of(x: Array) -> Array | None:
    """Return the copy that the tape keeps of an array; None if it keeps none."""
    found = _copies.get(id(x))
    return found[1] if found is not None and found[0]() is x else None


def _same(a: Array, b: Array) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype or a.strides != b.strides:
        return False
    if a.size <= SMALL or a.dtype.kind not in "fciub":
        return a.tobytes("A") == b.tobytes("A")
    unsigned = f"u{math.gcd(a.itemsize, 8)}"  # by their bits: a NaN is itself, −0 is not 0
    return np.array_equal(a.ravel("K").view(unsigned), b.ravel("K").view(unsigned))
