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
from typing import Any, NamedTuple

import numpy as np

from ..errors import CheckInputError
from .ladder import COARSE, EPSILON, SURE, Array, settle
from .verdicts import Slopes, Verdict, default_rtol, is_zero, judge

__all__ = ["Move", "Slopes", "Verdict", "judge", "moves", "random_weights", "slopes", "tied"]

Function = Callable[..., Sequence[Array]]
"""From float64 arrays, one for each argument, to a list of real arrays."""

ELEMENTS = 32
"""The largest argument that is moved element by element."""
DIRECTIONS = 6
"""Along how many random directions a larger one is moved."""
NEARER = 1.0 / 16.0
"""The step of the second look, beside that of the first."""
ODD = 0.8125
"""What the ladder's steps are multiplied with: they are not those of the first look."""


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


def slopes(
    f: Function,
    point: Sequence[Array],
    along: Sequence[Move],
    *,
    weights: Array | None = None,
    given: Array | None = None,
    rtol: float | None = None,
    atol: float = 0.0,
    size: float = 0.0,
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
    size
        The magnitude of what the results were made from, where that is larger than they are.

    Returns
    -------
    Slopes
        Four calls of `f` for each move, one at the point, four more for a move that these do
        not settle, and then up to 140.
    """
    with np.errstate(all="ignore"):
        around = _Surroundings(f, point, weights)
        tolerances: Any = {"rtol": rtol, "atol": atol}
        found = around.first_look(along)
        found.size = np.maximum(found.size, size)
        unsettled = found.doubt == "noise"
        if given is not None and unsettled.any():
            # A reference that is known to three digits and agrees to seven needs no second look;
            # nor does 0, if the reference is within its error of it, and that is nothing to others.
            slope = np.abs(found.value)
            near = np.abs(given - found.value) <= default_rtol(EPSILON) * slope
            near &= SURE * found.error <= COARSE * slope
            nothing = default_rtol(EPSILON) * np.nanmax(slope, initial=0.0)
            near |= is_zero(given, found) & (slope <= found.error) & (found.error <= nothing)
            near &= judge(given, found, **tolerances) == Verdict.RIGHT
            found.doubt[near & unsettled] = ""
            unsettled &= ~near
        if unsettled.any():
            unsettled = around.second_look(found, along, unsettled)
        for k in _rows(unsettled):
            around.look_closely(found, along[k], k, unsettled[k])
        if given is not None:
            _confirm(around, found, along, given, tolerances, unsettled)
        found.evaluations = around.evaluations
    return found


def _confirm(
    around: _Surroundings,
    found: Slopes,
    along: Sequence[Move],
    given: Array,
    tolerances: Any,
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


def tied(
    f: Function,
    point: Sequence[Array],
    kinked: Sequence[Move],
    left: Array,
    right: Array,
    given: Array,
    **options: Any,
) -> Slopes | None:
    """Return the slopes where all kinks are moved at once, if together they are none.

    Of two equal numbers the maximum has a kink in each, with slopes 0 and 1; where both move it
    has none, and the two derivatives must sum to 1.

    Parameters
    ----------
    f, point
        As for `slopes`.
    kinked
        The moves along which one number, a result or a sum of them, has a kink.
    left, right, given
        For each of these, the one-sided slopes and the given derivative.
    **options
        For `slopes`.

    Returns
    -------
    Slopes or None
        One number. None where the elements have nothing to do with each other, or there is
        a kink in the common move too.
    """

    def moved(t: Array) -> Sequence[Array]:
        arrays = [*point]
        for m in kinked:
            arrays[m.argument] = arrays[m.argument] + t * m.direction
        return f(*arrays)

    origin = [np.zeros(())]
    found = slopes(moved, origin, moves(origin), given=np.array([[given.sum()]]), **options)
    value, apart = found.value[0, 0], float(np.sum(np.abs(left - right)))
    linked = all(abs(side.sum() - value) > COARSE * apart for side in (left, right))
    return found if linked and found.doubt[0, 0] == "" else None


class _Changes(NamedTuple):
    """How results, or their sums, change along a move: a row for each step."""

    sums: Array
    size: Array  # the magnitude of what changes
    epsilon: Array  # and the ε of its dtype
    term: Array  # the most that one summand changes between the first two steps


class _Surroundings:
    """A function around a point: its changes along a move, and what is reckoned from them."""

    def __init__(self, f: Function, point: Sequence[Array], weights: Array | None) -> None:
        self.f, self.weights, self.evaluations = f, weights, 0
        self.point = [read_only(x) for x in point]
        results = self._call(self.point)
        self.shapes = [r.shape for r in results]
        self.at = _flat(results)
        self.is_finite = bool(np.isfinite(self.at).all())
        epsilons = [np.full(r.size, _epsilon(r.dtype)) for r in results]
        self.epsilon = np.concatenate(epsilons) if epsilons else np.zeros(0)
        size = np.abs(self.at)
        self.size = size if weights is None else np.abs(weights) @ np.nan_to_num(size)
        # The step at which the error of the formula and that of rounding are about the same;
        # shorter in double precision, where D(h/2) − D(h) is to be small beside D.
        coarsest = float(self.epsilon.max(initial=EPSILON))
        self.first = 2.0**-13 if coarsest <= EPSILON else 2.0 ** round(math.log2(coarsest) / 5.0)

    def _call(self, arrays: Sequence[Array]) -> list[Array]:
        self.evaluations += 1
        return [np.asarray(r) for r in self.f(*arrays)]

    def changes(self, move: Move, steps: Sequence[float], far: bool = False) -> _Changes:
        """Return by how much the results (or their sums) change when the point moves.

        Far away it may be another function, and then the change is NaN.
        """
        rows = np.array([self._change(move, t, far) for t in steps])
        if self.weights is None:
            return _Changes(rows, self.size, self.epsilon, np.zeros(self.size.shape))
        moving = (rows != 0.0).any(axis=0)
        size = np.abs(self.weights) @ np.where(moving, np.abs(self.at), 0.0)
        coarsest = np.full(size.shape, self.epsilon.max(initial=EPSILON, where=moving))
        term = np.max(np.abs(self.weights) * np.abs(rows[0] - rows[1]), axis=1, initial=0.0)
        return _Changes(rows @ self.weights.T, size, coarsest, np.nan_to_num(term))

    def _change(self, move: Move, t: float, far: bool) -> Array:
        i = move.argument
        moved = [*self.point]
        moved[i] = x = np.asarray(self.point[i] + t * move.direction)
        x.flags.writeable = False
        try:
            results = self._call(moved)
        except (ArithmeticError, np.linalg.LinAlgError):
            return np.full(self.at.shape, np.nan)  # it is not defined there
        shapes = [r.shape for r in results]
        if shapes != self.shapes:
            if far:
                return np.full(self.at.shape, np.nan)
            raise CheckInputError(
                f"The function returns results of shapes {_listed(shapes)} near the point, and "
                f"{_listed(self.shapes)} at it: it must return the same form each time."
            )
        there = _flat(results)
        if self.is_finite:
            return there - self.at
        return np.where(there == self.at, 0.0, there - self.at)  # an infinity may stay one

    def farthest(self, move: Move) -> float:
        """Return the largest magnitude among the elements that move."""
        x = self.point[move.argument]
        if move.at is not None:
            return abs(float(x[move.at])) if np.isfinite(x[move.at]) else 0.0
        moving = np.abs(x[move.direction != 0.0])
        return float(np.max(moving, initial=0.0, where=np.isfinite(moving)))

    def unit(self, move: Move, farthest: float) -> float:
        """Return what a step is a part of: the scale of what moves.

        A power of two, so that x ± h differ by what the formula divides by.
        """
        many = 1 if move.at is not None else max(1, int(np.count_nonzero(move.direction)))
        return float(
            2.0 ** (math.ceil(math.log2(max(1.0, farthest))) - math.ceil(math.log2(many) / 2.0))
        )

    def nearest(self, move: Move) -> float:
        """Return the smallest magnitude among the elements that move and are not 0."""
        x = np.abs(self.point[move.argument][move.direction != 0.0])
        return float(np.min(x[x > 0.0], initial=1.0))

    def first_look(self, along: Sequence[Move], times: Array | float = 1.0) -> Slopes:
        """Return what two steps, h and h/2, tell of each move."""
        farthest = [self.farthest(move) for move in along]
        units = [self.unit(move, x) for move, x in zip(along, farthest, strict=True)]
        far, h = np.array(farthest), times * self.first * np.array(units)
        seen = [
            self.changes(move, (step, -step, step / 2.0, -step / 2.0))
            for move, step in zip(along, h.tolist(), strict=True)
        ]
        h, far = h[:, None], far[:, None]
        changes = np.array([s.sums for s in seen]).reshape(len(along), 4, len(self.size))
        a, b, c, d = changes.transpose(1, 0, 2)
        size = np.array([s.size for s in seen]).reshape(a.shape)
        epsilon = np.array([s.epsilon for s in seen]).reshape(a.shape)
        term = np.array([s.term for s in seen]).reshape(a.shape) / (2.0 * h)
        wide, narrow = (a - b) / (2.0 * h), (c - d) / h
        value = narrow + (narrow - wide) / 3.0
        # What the one-sided slopes tell of kinks and of noise.
        bend = np.abs(4.0 * (c + d) - (a + b)) / h
        change = np.maximum(np.abs(a), np.abs(b))
        side = change / h
        # The results are rounded, and so is the place where they are taken: the noise is that of
        # the one-sided slopes, for the centred one is 0 at the bottom of a valley.
        rounding = epsilon * (size + change) + 4.0 * EPSILON * far * side
        error = np.abs(narrow - wide) / 3.0 + bend + 2.0 * rounding / h
        good = 8.0 * np.sqrt(epsilon)
        flat = (change == 0.0) & (c == 0.0) & (d == 0.0)
        doubt = np.where(flat, "flat", np.where(error <= good * side, "", "noise"))
        error = np.where(np.isfinite(error), error, np.inf)
        nothing = np.full(value.shape, np.nan)
        return Slopes(
            value,
            error,
            value.copy(),
            value.copy(),
            nothing,
            doubt.astype(object),
            term,
            self.at,
            self.size,
            self.evaluations,
        )

    def second_look(self, found: Slopes, along: Sequence[Move], unsettled: Array) -> Array:
        """Try another step where the first did not settle it; return where it still is not."""
        rows = _rows(unsettled)
        again = self.first_look([along[k] for k in rows], NEARER)
        better = unsettled[rows] & (again.doubt == "")
        for name in ("value", "error", "left", "right", "doubt"):
            table = getattr(found, name)
            table[rows] = np.where(better, getattr(again, name), table[rows])
        left = unsettled.copy()
        left[rows] &= ~better
        return left

    def look_closely(self, found: Slopes, move: Move, k: int, columns: Array) -> None:
        """Settle some derivatives along a move by a ladder of steps."""
        far = self.farthest(move)
        steps = [ODD * self.unit(move, far) * 2.0**-n for n in range(2, 37)]
        near = self.nearest(move)
        if near < 2.0**-8:
            # A tiny number may be of a tiny scale.
            smaller = ODD * 2.0 ** np.ceil(np.log2(near))
            steps += [s for n in range(3, 25) if (s := smaller * 2.0**-n) < steps[-1]]
        h = np.array(steps)
        seen = self.changes(move, [*steps, *(-t for t in steps)], far=True)
        ahead, behind = seen.sums[: len(steps)], seen.sums[len(steps) :]
        change = np.fmax(np.abs(ahead), np.abs(behind))
        rounding = seen.epsilon * (seen.size + change)
        rounding = rounding + 4.0 * EPSILON * far * change / h[:, None]
        for j in np.flatnonzero(columns):
            plus, minus = ahead[:, j], behind[:, j]
            best = settle(h, plus, minus, 2.0 * rounding[:, j] / h, float(seen.size[j]))
            found.value[k, j], found.error[k, j] = best.value, best.error
            found.left[k, j], found.right[k, j] = best.left, best.right
            found.doubt[k, j] = best.doubt
        # At a perfect fit the result is 0, and what is rounded is as large as what it can be.
        reached = np.max(change, axis=0, where=np.isfinite(change), initial=0.0)
        found.size = np.maximum(found.size, np.minimum(1.0, reached))

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
                results = self._call(moved)
        except Exception:
            return  # it does not take complex numbers
        if [r.shape for r in results] == self.shapes:
            slope: Array = np.concatenate([np.imag(r).ravel() for r in results]) / h
            found.analytic[k] = slope if self.weights is None else self.weights @ slope


def read_only(x: Array) -> Array:
    """Return a view that cannot be written into."""
    view = np.asarray(x).view()
    view.flags.writeable = False
    return view


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))


def _flat(results: Sequence[Array]) -> Array:
    flat = [r.reshape(-1).astype(np.float64, copy=False) for r in results]
    return flat[0] if len(flat) == 1 else np.concatenate(flat) if flat else np.zeros(0)


def _epsilon(dtype: Any) -> float:
    return max(EPSILON, float(np.finfo(dtype).eps)) if dtype.kind in "fc" else EPSILON
