"""Which number is to blame: an experiment with harmless ones in the place of the others.

>>> x = np.array([1.0, np.inf, np.nan, 2.0])
>>> first_index(x)
(2,)
>>> culprit([x, np.zeros(2)], lambda arrays: np.sum(arrays[0][:2]))  # the NaN is not in this sum
(0, (1,))
>>> culprit([np.zeros(2)], lambda arrays: 1.0 / np.float64(0.0)) is None  # nobody: born here
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Index = tuple[int, ...]


def first_index(array: Any) -> Index | None:
    """Return where the first NaN of an array is; else its first infinity; else None."""
    a = np.asarray(array)
    if a.dtype.kind not in "fc" or np.isfinite(a).all():
        return None
    bad = np.isnan(a)
    if not bad.any():
        bad = ~np.isfinite(a)
    return tuple(int(i) for i in np.unravel_index(int(bad.argmax()), a.shape))


def culprit(arrays: Sequence[Any], run: Callable[[list[Any]], Any]) -> tuple[int, Index] | None:
    """Return which of the arrays, and which element, a number that is not finite comes from.

    Parameters
    ----------
    arrays
        What the number was computed from.
    run
        Computes it again, from other arrays of the same shapes.

    Returns
    -------
    int, tuple or None
        None if the number would not be finite either, were all of `arrays` so.
    """
    suspects = _Suspects(arrays)

    def is_bad(keep: int, guise: int) -> bool:
        try:
            return not np.isfinite(run(suspects.replaced(keep, guise)))
        except Exception:  # such as a singular matrix: nothing is learnt from these numbers
            return False

    if not suspects.places:
        return None
    guise = next((g for g in (0, 1) if not is_bad(0, g)), None)
    if guise is None:
        return None
    # With none of the suspects the result is finite, and with all of them it is not.
    innocent, enough = 0, len(suspects.places)
    while enough - innocent > 1:
        middle = (innocent + enough) // 2
        innocent, enough = (innocent, middle) if is_bad(middle, guise) else (middle, enough)
    i, k = suspects.places[enough - 1]
    return i, tuple(int(n) for n in np.unravel_index(k, np.shape(arrays[i])))


class _Suspects:
    """The numbers that are not finite: which array, and which of its elements; NaNs first."""

    def __init__(self, arrays: Sequence[Any]) -> None:
        self.arrays = arrays
        nans: list[tuple[int, int]] = []
        infinities: list[tuple[int, int]] = []
        for i, array in enumerate(arrays):
            if first_index(() if isinstance(array, tuple) else array) is not None:
                flat = np.ravel(array)
                nans += [(i, int(k)) for k in np.flatnonzero(np.isnan(flat))]
                infinities += [(i, int(k)) for k in np.flatnonzero(np.isinf(flat))]
        self.places = nans + infinities

    def replaced(self, keep: int, guise: int) -> list[Any]:
        """Return the arrays with finite numbers in place of all suspects but the first few."""
        changed: dict[int, Any] = {}
        least = (0.3, 1.3)[guise]  # in the domain of arccos; in that of arccosh
        numbers = np.random.default_rng(0).uniform(least, least + 0.5, len(self.places))
        for (i, k), number in zip(self.places[keep:], numbers[keep:], strict=True):
            if i not in changed:
                changed[i] = np.array(self.arrays[i], order="C")
            changed[i].reshape(-1)[k] = number
        return [changed[i][()] if i in changed else a for i, a in enumerate(self.arrays)]
