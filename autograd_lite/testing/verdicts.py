"""Slopes with their errors, and what they say of a derivative: right, wrong, or cannot tell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from .ladder import COARSE, EPSILON, SURE, Array

NOUGHT = 1e-6
"""How well a reference must be known to say that a derivative is 0."""
ROUNDED = 1e3 * EPSILON
"""What rounding may leave of a derivative that is 0, beside a result of 1."""


class Verdict(IntEnum):
    """What a reference says of a given derivative; the larger is the worse."""

    RIGHT = 0
    UNKNOWN = 1
    WRONG = 2


@dataclass
class Slopes:
    """Numerical derivatives: a row for each move, a column for each number in the result.

    Attributes
    ----------
    value
        The derivative; at a kink the mean of the one-sided slopes.
    error
        How far off `value` may be, estimated; infinite where nothing is known.
    left, right
        The one-sided slopes: both `value`, but at a kink.
    analytic
        The derivative by the complex step where it was tried and `f` can do it, else NaN.
        It is exact for an analytic function and nonsense for others, so that it confirms
        and never convicts.
    doubt
        Why the error is large, if it is: ``"kink"`` at the point (both slopes are known),
        ``"noise"``, ``"jump"`` (or a vertical tangent: the slope grows without bound as the
        step shrinks), ``"overflow"`` (nothing finite near by); ``"edge"`` where `f` is
        defined on one side only; ``"flat"`` where not a digit changes. ``""`` otherwise.
    term
        The largest of the slopes that were summed in one, with its weight; else 0.
    at, size
        The results at the point, as one row; and the magnitude of each, or of each sum.
    evaluations
        How often the function was called.
    """

    value: Array
    error: Array
    left: Array
    right: Array
    analytic: Array
    doubt: Array
    term: Array
    at: Array
    size: Array
    evaluations: int

    @property
    def nought(self) -> float:
        """Return how large a slope may be that is only rounding in the largest of the results."""
        largest = float(np.max(self.size, initial=0.0, where=np.isfinite(self.size)))
        return ROUNDED * min(1.0, largest)


def judge(
    given: Array,
    slopes: Slopes,
    *,
    rtol: float | None = None,
    atol: float = 0.0,
    epsilon: float = EPSILON,
) -> Array:
    """Return the `Verdict` on each of some given derivatives.

    Parameters
    ----------
    given
        What is to be checked, in the form of `slopes.value`.
    slopes
        The reference.
    rtol, atol
        What is allowed beside the reference's error, relative to the larger of both and
        absolute. By default `rtol` is 8 √ε of the dtype in which `given` was computed.
    epsilon
        That dtype's ε.

    Notes
    -----
    Between the one-sided slopes of a kink each number is right. A number that agrees is
    right only where the reference would have shown a mistake of a hundredth, or where both
    are 0 but for rounding; else it cannot be told, unless the complex step confirms it.
    """
    rtol = default_rtol(epsilon) if rtol is None else rtol
    with np.errstate(all="ignore"):
        low, high = np.minimum(slopes.left, slopes.right), np.maximum(slopes.left, slopes.right)
        scale = np.maximum(np.abs(given), np.maximum(np.abs(low), np.abs(high)))
        finite = np.isfinite(given)
        off = np.maximum(np.maximum(low - given, given - high), 0.0)
        unsure = SURE * slopes.error
        allowed = rtol * scale + atol
        agrees = finite & (off <= allowed + unsure)
        reference = np.maximum(np.maximum(np.abs(low), np.abs(high)), slopes.term)
        known = unsure <= COARSE * np.where(finite, np.maximum(scale, reference), reference)
        known |= (unsure <= atol) | (is_zero(given, slopes, epsilon) & (unsure <= NOUGHT))
        known |= (slopes.doubt == "flat") & (given == 0.0)
        # NaN is wrong wherever there is a derivative, 0 too; but not beside an infinite one, where
        # it is 0 · ∞.
        there_is_one = (slopes.doubt != "jump") & (slopes.doubt != "edge")
        there_is_one &= slopes.doubt != "overflow"
        known |= ~finite & ((unsure <= NOUGHT) | (slopes.doubt == "flat"))
        known &= finite | there_is_one.all(axis=-1, keepdims=True)
        known &= np.isfinite(slopes.error)
        confirmed = np.abs(given - slopes.analytic) <= allowed + 8.0 * epsilon * slopes.size
        confirmed &= finite
        wrong = np.where(finite, off > allowed + unsure, known)
        # All is flat to rounding, and the complex step sees a slope.
        wrong &= ~(confirmed & (slopes.value == 0.0))
        # Both are 0 beside the rounding of the largest result: they have cancelled.
        nought = is_zero(given, slopes, epsilon) & (np.abs(slopes.value) <= slopes.nought)
        nought &= unsure <= NOUGHT
        wrong &= ~nought
        right = (agrees & (known | confirmed)) | nought
    verdicts = np.where(right, Verdict.RIGHT, np.where(wrong, Verdict.WRONG, Verdict.UNKNOWN))
    return verdicts.astype(np.int8)


def is_zero(given: Array, slopes: Slopes, epsilon: float = EPSILON) -> Array:
    """Whether derivatives are 0 but for the rounding in what cancels."""
    size = np.where(np.isfinite(slopes.size), slopes.size, 0.0)
    noise = max(ROUNDED, 64.0 * epsilon)
    return np.asarray(np.abs(given) <= noise * np.maximum(1.0, size))


def default_rtol(epsilon: float) -> float:
    """Return what rounding may have done to a derivative that was computed with some ε."""
    return float(8.0 * epsilon**0.5)
