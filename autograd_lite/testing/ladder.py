"""The derivative of one number, from how it changes over a ladder of steps, each half of the last.

Of three neighbouring steps whose slopes agree best with each other, the middle one is the
derivative, and what they differ by is its error. See :mod:`.numerical` for why.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EPSILON = float(np.finfo(np.float64).eps)
SURE = 4.0
"""How many times its estimated error a reference may really be off."""
COARSE = 0.01
"""A reference that is known less well than this, relative to what it is, cannot tell."""


class Settled(NamedTuple):
    """One derivative: see the attributes of `numerical.Slopes`."""

    value: float
    error: float
    left: float
    right: float
    doubt: str


def settle(h: Array, plus: Array, minus: Array, rounding: Array, size: float) -> Settled:
    """Return the derivative of one number from its changes over a ladder of steps.

    Parameters
    ----------
    h
        The steps, each half of the last.
    plus, minus
        The change at x + h and at x − h.
    rounding
        What rounding may add to a slope at each step.
    size
        The magnitude of the result.
    """
    grain = _grain(plus, minus, size)
    if grain:
        rounding = rounding + grain / h  # it is computed in fewer digits than its dtype has
    right, left = plus / h, -minus / h
    both = np.isfinite(right) & np.isfinite(left)
    if not np.isfinite(size):
        return Settled(np.nan, np.inf, np.nan, np.nan, "overflow")
    if both.sum() < 5:
        for side in (right, left):
            if np.isfinite(side).sum() >= 6:
                return _one_sided(side, rounding)
        return Settled(np.nan, np.inf, np.nan, np.nan, "overflow")
    middle, gap = (right + left) / 2.0, right - left
    value = _extrapolated(middle, 4.0)
    bend = _extrapolated(gap, 2.0)  # 0 where smooth, right − left at a kink
    rounding = rounding[1:]
    spread, bends, rest = _with_noise(_in_threes(value)[1]), _in_threes(bend), rounding[1:-1]
    values, jump, wavers = value[1:-1], *bends
    error = spread + rest
    side = np.maximum(np.abs(right), np.abs(left))[2:-1]
    total = error + wavers
    # A kink is the same at each step; noise is not, and a smooth function has none.
    kinked = np.abs(jump) > SURE * total + 1e-6 * side
    best = _least(np.where(kinked, total, error + np.abs(jump)))
    if kinked[best]:
        # Smaller steps may show that it lies beside the point.
        beside = np.abs(jump) + wavers + error < 0.05 * abs(jump[best])
        beside[: best + 1] = False
        if not beside.any():
            low, high = values[best] - jump[best] / 2.0, values[best] + jump[best] / 2.0
            return Settled(values[best], total[best], low, high, "kink")
        best = _least(np.where(beside, error + np.abs(jump), np.inf))
    off = float(error[best] + np.abs(jump[best]))
    v = float(values[best])
    doubt = ""
    if not grain and not np.any(plus[best + 2 :]) and not np.any(minus[best + 2 :]):
        doubt = "flat"
    elif not off <= COARSE * max(abs(v), float(side[best])):
        doubt = "jump" if _grows(middle[both]) else "noise"
    return Settled(v, off if np.isfinite(off) else np.inf, v, v, doubt)


def _one_sided(slope: Array, rounding: Array) -> Settled:
    """Return the derivative at the edge of where a function is defined."""
    value = _extrapolated(_extrapolated(slope, 2.0), 4.0)
    values, spread = _in_threes(value)
    error = spread + rounding[3:-1]
    best = _least(error)
    v, off = float(values[best]), float(error[best])
    doubt = "jump" if _grows(slope[np.isfinite(slope)]) else "edge"
    return Settled(v, off if np.isfinite(off) else np.inf, v, v, doubt)


def _grain(plus: Array, minus: Array, size: float) -> float:
    """Return what a result is rounded to, if that is coarser than its dtype, or 0.

    Then small steps change nothing, and large ones change it on both sides, by some grains;
    beside a kink or a jump that is so on one side.
    """
    changes = np.fmax(np.abs(plus), np.abs(minus))
    if changes[-1] != 0.0 or not np.nan_to_num(plus).any() or not np.nan_to_num(minus).any():
        return 0.0
    grain = float(np.min(changes[changes > 0.0], initial=np.inf))
    grains = changes[np.isfinite(changes)] / grain
    if grain <= 1e-5 * size or any(
        np.allclose(k * grains, np.round(k * grains), rtol=1e-9, atol=1e-6) for k in (1, 2, 3, 4)
    ):
        return grain
    return 0.0


def _least(error: Array) -> int:
    """Return where an error is least; NaN counts as infinite."""
    return int(np.argmin(np.where(np.isnan(error), np.inf, error)))


def _extrapolated(slope: Array, by: float) -> Array:
    """Take the leading term off what changes by a factor when the step is halved."""
    return slope[1:] + (slope[1:] - slope[:-1]) / (by - 1.0)


def _in_threes(x: Array) -> tuple[Array, Array]:
    """Return the middle of each three neighbours, and by how much they differ."""
    a, b, c = x[:-2], x[1:-1], x[2:]
    return b, np.maximum(np.maximum(a, b), c) - np.minimum(np.minimum(a, b), c)


def _with_noise(spread: Array) -> Array:
    """Return spreads that are not small by chance, as the least of many may be.

    Noise at least doubles as the step is halved: so that of the next steps says what it is here.
    """
    found = spread.copy()
    for k in (1, 2, 3):
        later = spread[k:] / 2.0**k
        found[:-k] = np.fmax(found[:-k], np.where(np.isfinite(later), later, 0.0))
    return found


def _grows(slope: Array) -> bool:
    """Whether a slope grows without bound as the step shrinks, as at a jump."""
    steepest = np.abs(slope[len(slope) // 2 :])
    return bool(np.all(steepest[1:] > 1.2 * steepest[:-1]))
