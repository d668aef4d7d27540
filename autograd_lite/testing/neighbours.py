"""Kinks that no move along an axis shows: the slopes at points beside the point.

Of three equal numbers the middle one stays what it is, whichever of them moves, so that a sort
has slope 0 there on both sides; and yet beside the point it has slope 1 for one of them. What
lies between the slopes near by, if these stay apart however near, is a right derivative.

>>> import numpy as np
>>> from .numerical import moves
>>> ones = [np.ones(3)]
>>> low, high = slopes_near_by(lambda x: [np.sort(x)], ones, moves(ones)[0])
>>> low.round(6).tolist(), high.round(6).tolist()
([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
>>> slopes_near_by(lambda x: [np.sin(x)], ones, moves(ones)[0]) is None
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .ladder import Array
from .numerical import Move
from .verdicts import Slopes, Verdict

DISTANCE = 2.0**-20
"""How far the points are, relative to each number; then a sixteenth of that."""
POINTS = 40
"""How many points are looked at, at either distance."""
APART = 1e-3
"""How far slopes must be from each other to be those of two pieces."""

Function = Callable[..., Sequence[Array]]


def excused(
    verdicts: Array,
    given: Array,
    found: Slopes,
    f: Function,
    point: Sequence[Array],
    along: Sequence[Move],
    weights: Array | None = None,
) -> Array:
    """Return verdicts in which wrong derivatives that lie between the slopes near by are right.

    Those slopes are put into `found`. The arguments are those of `judge` and `slopes`; with the
    first that stays wrong it ends.
    """
    verdicts = verdicts.copy()
    for k in np.flatnonzero((verdicts == Verdict.WRONG).any(axis=1)).tolist():
        wrong = verdicts[k] == Verdict.WRONG
        near = slopes_near_by(f, point, along[k], weights)
        if near is None:
            break
        low, high = near
        slack = 1e-6 * (np.abs(low) + np.abs(high))
        between = (low - slack <= given[k]) & (given[k] <= high + slack)
        between &= high - low > APART * (np.abs(low) + np.abs(high))
        verdicts[k, wrong & between] = Verdict.RIGHT
        found.doubt[k, wrong & between] = "kink"
        for name, side in (("left", low), ("right", high)):
            getattr(found, name)[k, wrong & between] = side[wrong & between]
        if np.any(wrong & ~between):
            break
    return verdicts


def slopes_near_by(
    f: Function, point: Sequence[Array], move: Move, weights: Array | None = None
) -> tuple[Array, Array] | None:
    """Return the least and the largest slope along a move at points near by.

    None if they come together as the points do: then there is no kink.
    """
    scales = [_scale(x) for x in point]
    own = float(np.max(scales[move.argument], where=move.direction != 0.0, initial=0.0))

    def at(arrays: Sequence[Array], step: float) -> Array:
        moved = [*arrays]
        moved[move.argument] = moved[move.argument] + step * move.direction
        results = f(*moved)
        flat: Array = np.concatenate([np.asarray(r, float).reshape(-1) for r in results])
        return flat if weights is None else weights @ flat

    spread: list[tuple[Array, Array]] = []
    for distance in (DISTANCE, DISTANCE / 16.0):
        step = distance / 64.0 * own
        seen, rng = [], np.random.default_rng(0)  # the same points, only nearer
        for _ in range(POINTS):
            beside = [
                x + distance * scale * rng.uniform(-1.0, 1.0, x.shape)
                for x, scale in zip(point, scales, strict=True)
            ]
            seen.append((at(beside, step) - at(beside, -step)) / (2.0 * step))
        spread.append((np.min(seen, axis=0), np.max(seen, axis=0)))
    (low, high), (lower, higher) = spread
    stays = (higher - lower > 0.5 * (high - low)) & np.isfinite(high - low) & (high > low)
    if not stays.any():
        return None
    return np.where(stays, low, np.nan), np.where(stays, high, np.nan)


def _scale(x: Array) -> Array:
    """Return what each number is moved in parts of: itself, or the largest for one that is 0."""
    size = np.abs(np.where(np.isfinite(x), x, 0.0))
    return np.where(size > 0.0, size, float(np.max(size, initial=0.0)) or 1.0)
