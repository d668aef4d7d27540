"""check_gradient_function: hold a gradient that was written by hand against numerical ones.

There need be no Tensor in it: `f` and `grad_f` are ordinary functions of NumPy arrays, in
whatever library they are written. What is wrong is named, where the numbers betray it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import CheckInputError, GradientCheckError, UncertainGradientWarning
from .arguments import describe_function
from .calls import FunctionPair
from .diagnosis import Array, Finding, same
from .explained import MistakeFinder
from .ladder import EPSILON, SURE
from .neighbours import excused
from .numerical import Move, Slopes, Verdict, judge, moves, read_only, slopes, tied
from .pasting import reproducible
from .report import Report, ReportRow

BESIDE = 0.03
"""How far the second point is from the first, relative to each number, or to 1."""


def check_gradient_function(
    f: Callable[..., Any],
    grad_f: Callable[..., Any],
    *inputs: Any,
    argnum: int | tuple[int, ...] | None = None,
    rtol: float | None = None,
    atol: float = 0.0,
    seed: int | np.random.Generator = 0,
    verbose: bool = False,
) -> Report:
    """Compare a hand-written gradient with numerical derivatives, and say what is wrong.

    Parameters
    ----------
    f
        A function that returns one number, the loss.
    grad_f
        Takes what `f` takes and returns its gradient: an array for one argument, a tuple or
        a list for several, for a dict or another container one like it. Functions that keep
        a cache or store gradients on an object: see `with_cache` and `stored`.
    *inputs
        Where to check. Arrays and numbers of floats, and dicts, lists, tuples and
        dataclasses of them, are differentiated; all else (labels, shapes) is passed on.
        The gradient of what is complex, x + iy, is ∂L/∂x + i ∂L/∂y.
    argnum
        Which arguments `grad_f` returns the gradients of, where not of all that hold floats.
    rtol, atol
        What is allowed beside the error of the numerical reference, which is estimated;
        `rtol` is 8 √ε of the dtype by default.
    seed
        For the random directions in which arguments of over 32 numbers are moved.
    verbose
        Whether to print the report.

    Returns
    -------
    Report
        A row for each array; it prints as a table.

    Raises
    ------
    GradientCheckError
        If a gradient is wrong: which, where, and why, if the numbers tell.
    CheckInputError
        If there is nothing to check: a random function, one that writes into its arguments,
        NaN at the point, a gradient that does not have the form of the arguments.

    Warns
    -----
    UncertainGradientWarning
        Where the numerical reference is too uncertain to tell.

    Notes
    -----
    The gradient is asked for at two points, each time after `f` was called there: a wrapper
    that relies on the last forward pass works, and one that kept too much of it shows.
    At a kink any number between the one-sided slopes is right.

    Examples
    --------
    >>> X, y = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]]), np.array([1.0, 0.0, 2.0])
    >>> def loss(w, b):
    ...     return np.sum((X @ w + b - y) ** 2)
    >>> def gradient(w, b):
    ...     d = 2 * (X @ w + b - y)
    ...     return X.T @ d, d.mean()
    >>> check_gradient_function(loss, gradient, np.array([0.3, -0.2]), 0.1)
    Traceback (most recent call last):
        ...
    autograd_lite.errors.GradientCheckError: The gradient of 'loss' with respect to b is wrong: \
given -1.16667, numerical -3.5. b is 1/3 of the right gradient: a mean over 3 where a sum belongs.
    import numpy as np; from autograd_lite.testing import check_gradient_function; \
check_gradient_function(loss, gradient, np.array([0.3, -0.2]), 0.1)
    """
    __tracebackhide__ = True
    begin = time.perf_counter()
    calls = FunctionPair(f, grad_f, inputs, argnum)
    check = _Check(calls, rtol, atol, np.random.default_rng(seed))
    wrong: GradientCheckError | CheckInputError | None
    try:
        wrong = check.run()
    except CheckInputError as error:
        wrong = error
    check.report.seconds = time.perf_counter() - begin
    if verbose:
        print(check.report)
    if wrong is not None:
        options = {"argnum": argnum, "rtol": rtol, "atol": atol, "seed": seed}
        raise reproducible(wrong, check_gradient_function, [f, grad_f], inputs, options)
    for doubt in check.doubts:
        warnings.warn(doubt, UncertainGradientWarning, stacklevel=2)
    return check.report


class _Check:
    """One call of check_gradient_function."""

    def __init__(
        self, calls: FunctionPair, rtol: float | None, atol: float, rng: np.random.Generator
    ) -> None:
        self.calls, self.report, self.rng = calls, calls.report, rng
        self.finder = MistakeFinder(calls)
        self.tolerances: dict[str, Any] = {"rtol": rtol, "atol": atol}
        self.doubts: list[str] = []

    def run(self) -> GradientCheckError | None:
        here = [np.array(x, dtype=np.float64) for x in self.calls.own]
        beside = [
            x + BESIDE * np.maximum(np.abs(x), 0.1) * self.rng.uniform(-1.0, 1.0, x.shape)
            for x in here
        ]
        rights: list[list[Array]] = []
        for number, arrays in enumerate((here, beside)):
            lent = [
                read_only(x.astype(own.dtype))
                for x, own in zip(arrays, self.calls.own, strict=True)
            ]
            (value,), (again,) = self.calls.value(*lent), self.calls.value(*lent)
            if not np.array_equal(value, again, equal_nan=True):
                raise CheckInputError(
                    f"{self.report.name} is random: it returned {value} and then {again} "
                    "for the same arguments. Fix its seed, or draw what is random outside of it."
                )
            if not np.isfinite(value):
                if number:
                    break
                raise CheckInputError(
                    f"{self.report.name} is {value} at the point: give a point where it is finite."
                )
            given = [np.array(g) for g in self.calls.gradient(lent)]
            wrong = self.compare(number, lent, arrays, given, rights)
            if wrong is not None:
                return wrong
            self.calls.value(*lent)
            repeated = self.calls.gradient(lent)
            if wrong := self.not_the_same(given, repeated):
                return wrong
        return None

    def not_the_same(
        self, given: Sequence[Array], repeated: Sequence[Array]
    ) -> GradientCheckError | None:
        """Whether a second call gives something else: an accumulation, or randomness."""
        for name, a, b in zip(self.calls.names, given, repeated, strict=True):
            if np.array_equal(a, b, equal_nan=True):
                continue
            if np.shape(a) == np.shape(b) and same(b, 2.0 * a):
                finding = Finding(
                    "accumulates",
                    "is twice as large when it is asked for again: gradients of earlier calls are "
                    "added to, and must be set to 0 first",
                    (name,),
                )
                return self.finder.error(
                    [f"The gradient of {self.report.name} accumulates."], [finding]
                )
            raise CheckInputError(
                f"{describe_function(self.calls.grad_f)} is random: called twice, it returned two "
                f"gradients for {name}. Fix its seed."
            )
        return None

    def compare(
        self,
        number: int,
        lent: Sequence[Array],
        point: list[Array],
        given: list[Array],
        rights: list[list[Array]],
    ) -> GradientCheckError | None:
        """Hold the gradients at one point against differences."""
        badly_formed = [g.shape != x.shape for g, x in zip(given, point, strict=True)]
        along = moves(point, self.rng)
        along = [m for m in along if not badly_formed[m.argument]]
        column = _along(given, along)
        found = slopes(self.calls.value, point, along, given=column, **self.tolerances)
        judging = {**self.tolerances, "epsilon": max(self.calls.epsilon, EPSILON)}
        told = judge(column, found, **judging)
        verdicts = excused(told, column, found, self.calls.value, point, along)
        is_excused = bool(np.any(verdicts != told))
        bad = verdicts == Verdict.WRONG
        if bad.any() and not any(badly_formed) and self.calls.epsilon > EPSILON:
            exact = self.calls.asked(point)
            told = judge(_along(exact, along), found, **judging)  # it may hold on to constants
            if np.any(told == Verdict.WRONG):  # what is wrong in float64 too is diagnosed there
                given, column, verdicts = exact, _along(exact, along), told
            elif self.is_rounding(point, given, exact):
                verdicts = np.where(bad, Verdict.RIGHT, verdicts)
        self.record(number, point, along, column, found, verdicts, badly_formed)
        if not any(badly_formed) and not np.any(verdicts == Verdict.WRONG):
            if not is_excused and (
                wrong := self.wrong_where_tied(point, along, column, found, judging)
            ):
                return wrong
            self.note_doubts(along, found, verdicts)
            if not np.any(verdicts):
                rights.append([np.asarray(g, dtype=np.float64) for g in given])
            return None
        return self.finder.error_at(lent, point, given, along, column, found, verdicts, rights)

    def wrong_where_tied(
        self,
        point: list[Array],
        along: list[Move],
        column: Array,
        found: Slopes,
        judging: dict[str, Any],
    ) -> GradientCheckError | None:
        """Look at elements with kinks together: each may be right alone, as in a maximum."""
        rows = np.flatnonzero(found.doubt[:, 0] == "kink")
        if len(rows) < 2:
            return None
        left, right, given = (x[rows, 0] for x in (found.left, found.right, column))
        kinked = [along[k] for k in rows]
        joint = tied(self.calls.value, point, kinked, left, right, given, **self.tolerances)
        total = np.array([[given.sum()]])
        if joint is None or judge(total, joint, **judging)[0, 0] != Verdict.WRONG:
            return None
        names = tuple(dict.fromkeys(self.calls.names[m.argument] for m in kinked))
        line = (
            f"The gradient of {self.report.name} with respect to {', '.join(names)} is wrong where "
            f"elements are tied: those with a kink sum to {total[0, 0]:.6g}, and where all of them "
            f"move at once, the slope is {joint.value[0, 0]:.6g}."
        )
        text = (
            "is wrong only at ties: what is shared by equal elements is counted in full for each "
            "of them, or for none"
        )
        return self.finder.error([line], [Finding("kink", text, names)])

    def is_rounding(self, point: list[Array], given: list[Array], exact: list[Array]) -> bool:
        """Whether a gradient in low precision is that in float64, at arguments that are rounded.

        At the bottom of a valley, where it cancels, that is much beside the gradient itself.
        """
        change = [0.0] * len(exact)
        for _ in range(3):
            beside = [
                x + self.rng.choice([-1.0, 1.0], x.shape) * np.spacing(np.abs(own))
                for x, own in zip(point, self.calls.own, strict=True)
            ]
            there = self.calls.asked(beside)
            change = [
                max(c, SURE * float(np.max(np.abs(a - b), initial=0.0)))
                for c, a, b in zip(change, there, exact, strict=True)
            ]
        largest = max(float(np.max(np.abs(e), initial=0.0)) for e in exact)
        least = max(float(np.finfo(x.dtype).smallest_normal) for x in self.calls.own)
        size = max(largest, float(np.abs(self.calls.value(*point)[0])))
        return all(
            bool(np.all(np.abs(g - e) <= c + self.calls.epsilon**0.5 * size + least))
            for g, e, c in zip(given, exact, change, strict=True)
        )

    def record(
        self,
        number: int,
        point: list[Array],
        along: list[Move],
        column: Array,
        found: Slopes,
        verdicts: Array,
        badly_formed: list[bool],
    ) -> None:
        for i, name in enumerate(self.calls.names):
            rows = [k for k, m in enumerate(along) if m.argument == i]
            verdict = Verdict(int(verdicts[rows].max(initial=0)))
            scale = float(np.max(np.abs(found.value[rows]), initial=0.0)) or 1.0
            off = float(np.max(np.abs(column[rows] - found.value[rows]), initial=0.0)) / scale
            error = float(np.max(found.error[rows], initial=0.0)) / scale
            note = "" if number == 0 else "at a point beside it"
            if badly_formed[i]:
                verdict, note = Verdict.WRONG, "of the wrong shape"
            self.report.rows.append(
                ReportRow(name, 1, "by hand", len(rows), verdict, off, error, note)
            )

    def note_doubts(self, along: list[Move], found: Slopes, verdicts: Array) -> None:
        unknown = np.flatnonzero(verdicts[:, 0] == Verdict.UNKNOWN)
        if unknown.size:
            m, why = along[int(unknown[0])], found.doubt[int(unknown[0]), 0] or "noise"
            self.doubts.append(
                f"The gradient of {self.report.name} with respect to "
                f"{self.calls.names[m.argument]}{list(m.at) if m.at else ''} cannot be told: the "
                f"numerical reference is uncertain there ({why})."
            )


def _along(gradients: Sequence[Array], along: Sequence[Move]) -> Array:
    """Return the derivatives along the moves, as a column."""
    column = [
        np.sum(gradients[m.argument] * m.direction) if m.at is None else gradients[m.argument][m.at]
        for m in along
    ]
    return np.array(column, dtype=np.float64).reshape(len(along), 1)
