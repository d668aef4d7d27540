"""Numerical derivatives of plain functions of arrays, each with an estimate of its own error.

There is no Tensor in here: a function takes float64 arrays and returns a list of arrays.

    f′(x) ≈ D(h) = [f(x+h) − f(x−h)] / 2h        error h²f‴/6 from the formula, ε|f|/h from rounding
          ≈ D(h/2) + [D(h/2) − D(h)] / 3         Richardson: the h² is gone

Points to the right and to the left of x tell more than their difference. The one-sided
slopes differ by h f″ where `f` is smooth, so twice their difference at h/2 less that at h
is 0; at a kink it is what the slopes differ by, and where only rounding is seen it is that
rounding. So four points show the derivative and how far it can be trusted.

Where they do not settle it, or where a given gradient disagrees, a ladder of steps from
large to small is climbed, each half of the last. Three neighbouring steps that agree with
each other are the reference, and what they differ by is its error. A kink beside the point
is passed by steps that are smaller than the way to it. See Ridders (1982), "Accurate
computation of F′(x) and F′(x)F″(x)", and Squire & Trapp (1998) for the complex step.

>>> point = [np.array([0.5, 2.0])]
>>> found = slopes(lambda x: [np.sin(x)], point, moves(point))
>>> found.value.round(6)
array([[ 0.877583,  0.      ],
       [ 0.      , -0.416147]])
>>> bool(np.all(found.error < 1e-8))
True
>>> exact = np.diag(np.cos(point[0]))
>>> [Verdict(judge(given, found).max()).name for given in (exact, exact * 1.00001)]
['RIGHT', 'WRONG']
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from .ladder import COARSE, EPSILON, SURE, Array, settle

Function = Callable[..., Sequence[Array]]
"""From float64 arrays, one for each argument, to a list of real arrays."""

ELEMENTS = 32
"""The largest argument that is moved element by element."""
DIRECTIONS = 6
"""Along how many random directions a larger one is moved."""
NOUGHT = 1e-6
"""How well a reference must be known to say that a derivative is 0."""
ODD = 0.8125
"""What the ladder's steps are multiplied with: they are not those of the first look."""


class Verdict(IntEnum):
    """What a reference says of a given derivative; the larger is the worse."""

    RIGHT = 0
    UNKNOWN = 1
    WRONG = 2


class Move(NamedTuple):
    """A way in which a point can be moved."""

    argument: int
    direction: Array  # of that argument's shape
    at: tuple[int, ...] | None = None  # the one element that moves; None where many do


def moves(
    point: Sequence[Array],
    seed: int | np.random.Generator = 0,
    elements: int = ELEMENTS,
    directions: int = DIRECTIONS,
) -> list[Move]:
    """Return the ways to move each argument of a point.

    Parameters
    ----------
    point
        float64 arrays.
    seed
        For the random directions.
    elements
        An argument of at most so many elements is moved one by one,
    directions
        a larger one along so many random directions, in which each element counts.

    >>> [(m.argument, m.at) for m in moves([np.ones(2), np.ones(())])]
    [(0, (0,)), (0, (1,)), (1, ())]
    >>> len(moves([np.ones((100, 100))]))
    6
    """
    rng = np.random.default_rng(seed)
    found = []
    for i, x in enumerate(point):
        if x.size > elements:
            found += [Move(i, random_weights(x.shape, rng)) for _ in range(directions)]
            continue
        for index in np.ndindex(x.shape):
            unit = np.zeros(x.shape)
            unit[index] = 1.0
            found.append(Move(i, unit, index))
    return found


def random_weights(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return random numbers, none of them near 0: each element has to count."""
    return np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape))


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
        defined on one side only. ``""`` otherwise.
    size
        The magnitude of each result at the point.
    evaluations
        How often the function was called.
    """

    value: Array
    error: Array
    left: Array
    right: Array
    analytic: Array
    doubt: Array
    size: Array
    evaluations: int


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
        known = unsure <= COARSE * np.where(finite, scale, np.maximum(np.abs(low), np.abs(high)))
        is_zero = np.abs(given) <= 64.0 * epsilon * np.maximum(1.0, slopes.size)
        known |= (unsure <= atol) | (is_zero & (unsure <= NOUGHT))
        known &= np.isfinite(slopes.error)
        confirmed = np.abs(given - slopes.analytic) <= allowed + 8.0 * epsilon * slopes.size
        confirmed &= finite
        wrong = np.where(finite, off > allowed + unsure, known)
        # All is flat to rounding, and the complex step sees a slope.
        wrong &= ~(confirmed & (slopes.value == 0.0))
        right = agrees & (known | confirmed)
    verdicts = np.where(right, Verdict.RIGHT, np.where(wrong, Verdict.WRONG, Verdict.UNKNOWN))
    return verdicts.astype(np.int8)


def default_rtol(epsilon: float) -> float:
    """Return what rounding may have done to a derivative that was computed with some ε."""
    return float(8.0 * epsilon**0.5)


def slopes(
    f: Function,
    point: Sequence[Array],
    along: Sequence[Move],
    *,
    weights: Array | None = None,
    given: Array | None = None,
    rtol: float | None = None,
    atol: float = 0.0,
    noise: float = 0.0,
) -> Slopes:
    """Return the numerical derivatives of `f` at a point.

    Parameters
    ----------
    f
        Called with arrays like those of `point`, read-only; returns a list of real arrays,
        always of the same shapes.
    point
        A float64 array for each argument.
    along
        Moves of the point: see `moves`.
    weights
        A matrix with a row for each sum of the results that is differentiated in place of
        each number of them, and a column for each of these. Differences are taken first, so
        that what does not change does not hide what does.
    given
        Derivatives that will be judged, in the form of the result, to save work: where they
        disagree with a first look, a second is taken. That ends with the first that stays
        wrong.
    rtol, atol
        As will be given to `judge`.
    noise
        What is known of the rounding in the results (or in the sums), beside their own ε.

    Returns
    -------
    Slopes
        Four calls of `f` for each move, one at the point, and up to 140 more for a move
        that these do not settle.
    """
    with np.errstate(all="ignore"):
        around = _Surroundings(f, point, weights, noise)
        found = around.first_look(along)
        unsettled = found.doubt != ""
        for k in _rows(unsettled):
            around.look_closely(found, along[k], k, unsettled[k])
        if given is not None:
            _confirm(around, found, along, given, {"rtol": rtol, "atol": atol}, unsettled)
        found.evaluations = around.evaluations
    return found


def _confirm(
    around: _Surroundings,
    found: Slopes,
    along: Sequence[Move],
    given: Array,
    tolerances: dict[str, Any],
    looked: Array,
) -> None:
    """Look again where a given number is not right, the worst first, until one is surely wrong."""
    unknown = judge(given, found, **tolerances) == Verdict.UNKNOWN
    for k in _rows(unknown & ~looked):
        around.look_closely(found, along[k], k, unknown[k] & ~looked[k])
    looked = looked | unknown
    verdicts = judge(given, found, **tolerances)
    for k in _rows((verdicts > Verdict.RIGHT) & looked):
        around.complex_step(found, along[k], k)
    verdicts = judge(given, found, **tolerances)
    if np.any((verdicts == Verdict.WRONG) & looked):
        return
    off = np.abs(given - found.value) / np.maximum(np.abs(given), np.abs(found.value))
    off = np.where((verdicts == Verdict.WRONG) & ~looked, np.nan_to_num(off, nan=np.inf), -1.0)
    for k in np.argsort(-off.max(axis=1, initial=-1.0)).tolist():
        suspects = off[k] >= 0.0
        if not suspects.any():
            break
        around.look_closely(found, along[k], k, suspects)
        around.complex_step(found, along[k], k)
        if np.any(judge(given, found, **tolerances)[k][suspects] == Verdict.WRONG):
            break


def _rows(marked: Array) -> list[int]:
    """Return the rows in which something is marked."""
    rows: list[int] = np.flatnonzero(marked.any(axis=1)).tolist()
    return rows


class _Surroundings:
    """A function around a point: its changes along a move, and what is reckoned from them."""

    def __init__(
        self, f: Function, point: Sequence[Array], weights: Array | None, noise: float
    ) -> None:
        self.f, self.weights, self.evaluations = f, weights, 0
        self.point = [_lent(x) for x in point]
        results = [np.asarray(r) for r in self._call(self.point)]
        self.shapes = [r.shape for r in results]
        self.at = _flat(results)
        epsilons = [np.full(r.size, _epsilon(r.dtype)) for r in results]
        self.epsilon = np.concatenate(epsilons) if epsilons else np.zeros(0)
        size = np.abs(self.at)
        self.size = size if weights is None else np.abs(weights) @ np.nan_to_num(size)
        self.noise = noise
        # The step at which the error of the formula and that of rounding are about the same;
        # shorter in double precision, where D(h/2) − D(h) is to be small beside D.
        coarsest = float(self.epsilon.max(initial=EPSILON))
        self.first = 2.0**-13 if coarsest <= EPSILON else 2.0 ** np.round(np.log2(coarsest) / 5.0)
        self.good = default_rtol(coarsest)

    def _call(self, arrays: Sequence[Array]) -> Sequence[Array]:
        self.evaluations += 1
        return self.f(*arrays)

    def change(self, move: Move, t: float) -> Array:
        """Return by how much the results (or their sums) change when the point moves."""
        i = move.argument
        moved = [*self.point]
        moved[i] = _lent(self.point[i] + t * move.direction)
        results = [np.asarray(r) for r in self._call(moved)]
        if [r.shape for r in results] != self.shapes:
            raise ValueError(
                f"The function returned results of shapes {[r.shape for r in results]} beside the "
                f"point, and {self.shapes} at it: it must be the same function near by."
            )
        changed = _flat(results) - self.at
        return changed if self.weights is None else np.asarray(self.weights @ changed)

    def farthest(self, move: Move) -> float:
        """Return the largest magnitude among the elements that move."""
        x = self.point[move.argument]
        moving = np.abs(x[move.at] if move.at is not None else x[move.direction != 0.0])
        return float(np.max(moving, initial=0.0, where=np.isfinite(moving)))

    def unit(self, move: Move) -> float:
        """Return what a step is a part of: the scale of what moves.

        A power of two, so that x ± h differ by what the formula divides by.
        """
        many = 1 if move.at is not None else max(1, int(np.count_nonzero(move.direction)))
        far = math.ceil(math.log2(max(1.0, self.farthest(move))))
        return float(2.0 ** (far - math.ceil(math.log2(many) / 2.0)))

    def nearest(self, move: Move) -> float:
        """Return the smallest magnitude among the elements that move and are not 0."""
        x = np.abs(self.point[move.argument][move.direction != 0.0])
        return float(np.min(x[x > 0.0], initial=1.0))

    def rounding(self, change: Array) -> Array:
        """Return what the rounding of the results, or of their sums, may be."""
        if self.weights is None:
            return np.asarray(self.epsilon * (np.abs(self.at) + change) + self.noise)
        coarsest = float(self.epsilon.max(initial=EPSILON))
        return np.asarray(coarsest * (self.size + change) + self.noise)

    def first_look(self, along: Sequence[Move]) -> Slopes:
        """Return what two steps, h and h/2, tell of each move."""
        far = np.array([self.farthest(move) for move in along])
        h = self.first * np.array([self.unit(move) for move in along])
        steps = (1.0, -1.0, 0.5, -0.5)
        changes = np.array([
            [self.change(move, t * step) for t in steps]
            for move, step in zip(along, h.tolist(), strict=True)
        ])  # fmt: skip
        h, far = h[:, None], far[:, None]
        a, b, c, d = changes.reshape(len(along), 4, len(self.size)).transpose(1, 0, 2)
        wide, narrow = (a - b) / (2.0 * h), (c - d) / h
        value = narrow + (narrow - wide) / 3.0
        # What the one-sided slopes tell of kinks and of noise.
        bend = np.abs(4.0 * (c + d) - (a + b)) / h
        change = np.maximum(np.abs(a), np.abs(b))
        side = change / h
        # The results are rounded, and so is the place where they are taken: the noise is that of
        # the one-sided slopes, for the centred one is 0 at the bottom of a valley.
        rounding = (self.rounding(change) + 4.0 * EPSILON * far * side) * 2.0 / h
        error = np.abs(narrow - wide) / 3.0 + bend + rounding
        settled = (error <= self.good * side) | ((change == 0.0) & (c == 0.0) & (d == 0.0))
        doubt = np.where(settled, "", "noise").astype(object)
        error = np.where(np.isfinite(error), error, np.inf)
        nothing = np.full(value.shape, np.nan)
        return Slopes(
            value, error, value.copy(), value.copy(), nothing, doubt, self.size, self.evaluations
        )

    def look_closely(self, found: Slopes, move: Move, k: int, columns: Array) -> None:
        """Settle some derivatives along a move by a ladder of steps."""
        far = self.farthest(move)
        steps = [ODD * self.unit(move) * 2.0**-n for n in range(2, 37)]
        near = self.nearest(move)
        if near < 2.0**-8:
            # A tiny number may be of a tiny scale.
            smaller = ODD * 2.0 ** np.ceil(np.log2(near))
            steps += [s for n in range(3, 25) if (s := smaller * 2.0**-n) < steps[-1]]
        h = np.array(steps)
        ahead = np.array([self.change(move, t) for t in steps])
        behind = np.array([self.change(move, -t) for t in steps])
        change = np.fmax(np.abs(ahead), np.abs(behind))
        rounding = self.rounding(change) + 4.0 * EPSILON * far * change / h[:, None]
        for j in np.flatnonzero(columns):
            plus, minus = ahead[:, j], behind[:, j]
            best = settle(h, plus, minus, 2.0 * rounding[:, j] / h, float(self.size[j]))
            found.value[k, j], found.error[k, j] = best.value, best.error
            found.left[k, j], found.right[k, j] = best.left, best.right
            found.doubt[k, j] = best.doubt

    def complex_step(self, found: Slopes, move: Move, k: int) -> None:
        """Fill in ``Im f(x + ih d) / h``, exact to rounding if `f` is analytic and can do it."""
        if not np.isnan(found.analytic[k]).all():
            return
        h = 2.0**-100 * self.nearest(move)
        moved: list[Array] = [*self.point]
        moved[move.argument] = self.point[move.argument] + 1j * h * move.direction
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # of imaginary parts that are thrown away
                results = [np.asarray(r) for r in self._call(moved)]
        except Exception:
            return  # it does not take complex numbers
        if [r.shape for r in results] == self.shapes:
            slope: Array = np.concatenate([np.imag(r).ravel() for r in results]) / h
            found.analytic[k] = slope if self.weights is None else self.weights @ slope


def _lent(x: Array) -> Array:
    """Return a view that cannot be written into."""
    view = np.asarray(x).view()
    view.flags.writeable = False
    return view


def _flat(results: Sequence[Array]) -> Array:
    flat = [r.reshape(-1).astype(np.float64, copy=False) for r in results]
    return flat[0] if len(flat) == 1 else np.concatenate(flat) if flat else np.zeros(0)


def _epsilon(dtype: Any) -> float:
    return max(EPSILON, float(np.finfo(dtype).eps)) if dtype.kind in "fc" else EPSILON
