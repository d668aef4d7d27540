"""The derivatives of each order: a Jacobian by rows, by columns and by differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CheckInputError, GradientCheckError
from ..tensor import Array, constant, to_numpy
from ..transforms import linearize, vjp
from .ladder import EPSILON, SURE
from .locate import REASONS, Derivative, derivative_at, described, element, index_text, pinpoint
from .neighbours import excused
from .numerical import Move, Verdict, judge, moves, random_weights, slopes, tied
from .programs import CheckedProgram, Function, derivative_of, on_arrays, split
from .report import Report, ReportRow
from .verdicts import default_rtol

ROWS = 8
"""The longest result whose numbers are looked at one by one."""
SUMS = 4
"""How many sums with random weights are looked at of a longer one."""
PUSHES = 2
"""In how many directions forward mode is asked."""
FIRST = {"elements": 32, "directions": 6}
HIGHER = {"elements": 8, "directions": 3}
"""How arguments are moved, see `moves`: higher derivatives cost more."""


class Check:
    """One call of check_gradients: what is the same for all orders, and what was found."""

    def __init__(
        self,
        f: Callable[..., Any],
        inputs: Sequence[Any],
        rtol: float | None,
        atol: float,
        rng: np.random.Generator,
    ) -> None:
        self.program = CheckedProgram(f, inputs)
        self.names, self.name = self.program.names, self.program.name
        self.tolerances: dict[str, Any] = {"rtol": rtol, "atol": atol}
        self.rng = rng
        self.own = self.program.arrays
        self.precise = [x.astype(np.float64, copy=False) for x in self.own]
        self.is_rough = any(x.dtype != np.float64 for x in self.own)
        self.point = [np.array(x, order="C") for x in self.precise]
        self.kinks = [np.zeros(x.shape, bool) for x in self.point]  # elements along which one lies
        self.weights: list[list[Array]] = []  # of the results, of their derivatives, and so on
        self.size = 0.0  # what is rounded: the results and derivatives so far, without cancelling
        self.report = Report(self.name)
        self.doubts: list[str] = []

    def run(self, order: int) -> GradientCheckError | None:
        """Check all orders, until something is wrong."""
        function: Function = self.program
        for n in range(1, order + 1):
            try:
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    # At the border of where a function is defined, and beside it.
                    warnings.simplefilter("ignore", RuntimeWarning)
                    wrong = _Order(self, n, function).check()
            except (TypeError, ValueError, NotImplementedError, RuntimeError) as error:
                known = self.explained(error, n)
                if known is None:
                    raise
                raise known from error
            if wrong is not None or len(self.weights) < n:
                return wrong
            function = derivative_of(function, self.weights[-1], len(self.own))
        return None

    def explained(self, error: Exception, n: int) -> CheckInputError | None:
        """Say what an error means for the check, where that is known."""
        if isinstance(error, CheckInputError):
            return None
        if isinstance(error, ValueError) and "read-only" in str(error):
            return CheckInputError(
                f"{self.name}, or its derivative, writes into an array that it was given, and "
                f"it gets read-only views of its inputs here: let it make a new one ({error})."
            )
        if n > 1:
            return CheckInputError(
                f"The derivative of order {n} of {self.name} could not be taken, and those below "
                f"it are right: give order={n - 1} to check those alone "
                f"({type(error).__name__}: {error})."
            )
        return None


@dataclass(frozen=True)
class _Block:
    """The moves of one argument."""

    argument: int
    rows: slice
    elements: Array | None  # which are moved one by one, or
    directions: Array | None  # a row for each move of many at once

    def along(self, gradients: Sequence[Array]) -> Array:
        """Return the derivatives along the moves: a column for each gradient."""
        flat = np.array([g.reshape(-1) for g in gradients], dtype=np.float64).T
        return flat[self.elements] if self.directions is None else self.directions @ flat


def _blocks(along: Sequence[Move], count: int) -> Iterator[_Block]:
    begin = 0
    for i in range(count):
        own = [move for move in along if move.argument == i]
        rows = slice(begin, begin + len(own))
        begin += len(own)
        directions = np.array([m.direction.reshape(-1) for m in own])
        if own and own[0].at is None:
            yield _Block(i, rows, None, directions)
        else:
            yield _Block(i, rows, np.nonzero(directions)[1] if own else np.zeros(0, int), None)


class _Order:
    """The derivatives of order n: those of a function that is itself of order n − 1."""

    def __init__(self, whole: Check, n: int, function: Function) -> None:
        self.whole, self.n, self.function = whole, n, function
        self.inputs = list(map(constant, whole.precise))
        self.along = list(self.moves())
        self.blocks = list(_blocks(self.along, len(whole.point)))

    def moves(self) -> Iterator[Move]:
        """Yield the moves, but those along which the derivative below has a kink."""
        kinks = self.whole.kinks
        for move in moves(self.whole.point, self.whole.rng, **(FIRST if self.n == 1 else HIGHER)):
            kinked = kinks[move.argument]
            if not kinked.any():
                yield move
            elif move.at is None:
                yield Move(move.argument, np.where(kinked, 0.0, move.direction))
            elif not kinked[move.at]:
                yield move

    def check(self) -> GradientCheckError | None:
        """Hold the Jacobian against differences, in reverse and in forward mode."""
        results, pullback = vjp(self.function, *self.inputs)
        self.values = list(map(to_numpy, results))
        count = sum(x.size for x in self.values)
        self.one_by_one = count <= ROWS
        rng, report = self.whole.rng, self.whole.report
        self.rows = np.eye(count) if self.one_by_one else random_weights((SUMS, count), rng)
        if any(not x.size for x in self.inputs) and any(np.isnan(x).any() for x in self.values):
            return None  # the mean of nothing is a function of nothing
        pulled = [list(map(to_numpy, pullback(split(row, self.values)))) for row in self.rows]
        report.gradients += len(pulled)
        for i, x in enumerate(self.whole.precise if pulled else ()):
            if wrong := self.form(i, pulled[0][i], x):
                return wrong
        self.given = np.zeros((len(self.along), len(pulled)))
        for block in self.blocks if pulled else ():
            self.given[block.rows] = block.along([g[block.argument] for g in pulled])
        self.numeric = on_arrays(self.function)
        self.found = slopes(
            self.numeric,
            self.whole.point,
            self.along,
            weights=None if self.one_by_one else self.rows,
            given=self.given,
            size=self.whole.size,
            **self.whole.tolerances,
        )
        report.evaluations += self.found.evaluations
        self.same()
        told = judge(self.given, self.found, **self.whole.tolerances)
        self.verdicts = excused(
            told,
            self.given,
            self.found,
            self.numeric,
            self.whole.point,
            self.along,
            None if self.one_by_one else self.rows,
        )
        self.excused = self.verdicts != told
        self.record()
        if np.any(self.verdicts == Verdict.WRONG):
            return self.wrong()
        self.doubt()
        return self.wrong_where_tied() or self.forward() or self.next()

    def next(self) -> GradientCheckError | None:
        """Choose the weights for the next order, and look at the gradient in other precisions."""
        whole = self.whole
        # Of a number, 1: so that a message can show its derivatives.
        weights = [
            random_weights(x.shape, whole.rng) if x.shape else np.ones(()) for x in self.values
        ]
        whole.weights.append(weights)
        whole.size = max(whole.size, _size(self.values, weights))
        if not whole.is_rough:
            return None
        return self.roughly(derivative_of(self.function, weights, len(whole.own)))

    # -- what may be wrong -----------------------------------------------------------------

    def fails(self, i: int, what: str) -> GradientCheckError:
        return GradientCheckError(
            f"The derivative of order {self.n} of {self.whole.name} with respect to "
            f"{self.whole.names[i]} {what}."
        )

    def form(self, i: int, gradient: Array, x: Array) -> GradientCheckError | None:
        """Hold a gradient's shape and dtype against its argument's."""
        if gradient.shape == x.shape and gradient.dtype == x.dtype:
            return None
        return self.fails(
            i,
            f"has shape {gradient.shape} and dtype {gradient.dtype}, and the argument has shape "
            f"{x.shape} and dtype {x.dtype}",
        )

    def same(self) -> None:
        """Hold the results of two runs against each other: it must be a function of its inputs."""
        name, at = self.whole.name, self.found.at
        first = np.concatenate([x.reshape(-1) for x in self.values]).astype(np.float64)
        if self.n == 1 and np.any(np.isnan(first)):
            raise CheckInputError(
                f"{name} is NaN at this point{self.element(np.isnan(first))}: choose one where it "
                "has a derivative."
            )
        if _alike(first, at):
            return
        a, b = (
            np.concatenate([r.reshape(-1) for r in self.numeric(*self.whole.point)])
            for _ in range(2)
        )
        if not _alike(a, b):
            off = ~(a == b)
            raise CheckInputError(
                f"{name} gives two results for one input{self.element(off)}: "
                f"{a[off][0]:.9g} and {b[off][0]:.9g}. Draw what is random (a dropout mask, a "
                "batch) before, or let the function make its generator anew from a seed; of a "
                "module, call eval()."
            )
        off = ~(np.abs(first - at) <= 1e-6 * float(np.max(np.abs(at), initial=0.0)))
        if off.any():
            raise CheckInputError(
                f"{name} depends on how its inputs lie in memory{self.element(off)}: "
                f"{first[off][0]:.9g} as given, and {at[off][0]:.9g} for a copy in C order. "
                'Is there an order="K", or a view of the bytes?'
            )

    def element(self, marked: Array) -> str:
        """Name the first number of the results that is marked."""
        names = self.whole.program.result_names() if self.n == 1 else self.whole.names
        name = element(names, self.values, int(np.flatnonzero(marked)[0]))
        return "" if name == "result" else f", in {name}"

    @property
    def shapes(self) -> list[list[Array]]:
        """Arrays like the results of each order up to this one."""
        return [*self.whole.weights, self.values]

    def at(self, k: int, j: int) -> Derivative:
        """Return the derivative of one sum along one move, and of what it is one."""
        below = [np.concatenate([w.reshape(-1) for w in ws]) for ws in self.whole.weights]
        return derivative_at(self.given, self.found, k, j, self.along[k], [*below, self.rows[j]])

    def wrong(self) -> GradientCheckError:
        """Name the worst of what is wrong."""
        bad = self.verdicts == Verdict.WRONG
        given, value, whole = self.given, self.found.value, self.whole
        with np.errstate(all="ignore"):
            off = np.abs(given - value) / np.maximum(np.abs(given), np.abs(value))
        off = np.where(bad, np.nan_to_num(off, nan=np.inf, posinf=np.inf), -1.0)
        k, j = (int(i) for i in np.unravel_index(np.argmax(off), off.shape))
        worst = self.at(k, j)
        block = self.blocks[worst.move.argument]
        if worst.move.at is None or any(np.count_nonzero(w) > 1 for w in worst.of):
            worst = pinpoint(
                whole.program, whole.precise, whole.point, self.shapes, worst, whole.tolerances
            )
        where = " along a random direction" if worst.move.at is None else index_text(worst.move.at)
        count, total = int(bad[block.rows].any(axis=1).sum()), len(bad[block.rows])
        if block.directions is None and total > 1:
            where += f", the worst of {count} wrong elements" if count > 1 else ", the only one"
            where += f" of {total}"
        about = described(whole.program, self.shapes, worst)
        return self.fails(block.argument, f"is wrong{where}{about}: {worst.numbers}")

    def wrong_where_tied(self) -> GradientCheckError | None:
        """Look at elements with kinks together: each may be right alone, as in a maximum."""
        whole = self.whole
        for j in range(self.given.shape[1]):
            rows = np.flatnonzero(self.found.doubt[:, j] == "kink")
            if len(rows) < 2 or self.excused[:, j].any():
                continue
            kinked = [self.along[k] for k in rows]
            left, right, given = (
                x[rows, j] for x in (self.found.left, self.found.right, self.given)
            )
            options = {"weights": self.rows[j][None], **whole.tolerances}
            joint = tied(self.numeric, whole.point, kinked, left, right, given, **options)
            total = np.array([[given.sum()]])
            if joint is None or judge(total, joint, **whole.tolerances)[0, 0] != Verdict.WRONG:
                continue
            names = ", ".join(dict.fromkeys(whole.names[m.argument] for m in kinked))
            about = described(whole.program, self.shapes, self.at(int(rows[0]), j))
            return GradientCheckError(
                f"The derivative of order {self.n} of {whole.name} with respect to {names} is "
                f"wrong where elements are tied{about}: "
                f"analytic, those with a kink sum to {total[0, 0]:.9g}; numerical, where all of "
                f"them move at once, {joint.value[0, 0]:.9g}."
            )
        return None

    def doubt(self) -> None:
        """Say what cannot be told, and note the kinks."""
        for k in np.flatnonzero((self.found.doubt == "kink").any(axis=1)).tolist():
            self.whole.kinks[self.along[k].argument][self.along[k].direction != 0.0] = True
        unknown = np.argwhere(self.verdicts == Verdict.UNKNOWN).tolist()
        for k, j in unknown[:1]:
            one = self.at(k, j)
            where = " along a random direction" if one.move.at is None else index_text(one.move.at)
            reason = REASONS.get(one.doubt, "the reference is too uncertain")
            more = f" (and so for {len(unknown) - 1} more)" if len(unknown) > 1 else ""
            self.whole.doubts.append(
                f"Cannot tell whether the derivative of order {self.n} of {self.whole.name} with "
                f"respect to {self.whole.names[one.move.argument]} is right{where}"
                f"{described(self.whole.program, self.shapes, one)}: {one.numbers}; {reason}{more}."
            )

    def record(self) -> None:
        """Put a row for each argument into the report."""
        for block in self.blocks:
            own = self.verdicts[block.rows]
            doubt = self.found.doubt[block.rows]
            note = ""
            if kinks := np.argwhere(doubt == "kink").tolist():
                k, j = kinks[0]
                left, right = self.found.left[block.rows][k, j], self.found.right[block.rows][k, j]
                note = f"kink: left slope {left:.6g}, right slope {right:.6g}"
            elif np.any(own == Verdict.UNKNOWN):
                note = REASONS.get(str(doubt[own == Verdict.UNKNOWN][0]), "")
            elif self.whole.kinks[block.argument].any():
                note = "not asked where there is a kink"
            self.row(
                self.whole.names[block.argument],
                "reverse",
                self.given[block.rows],
                self.found.value[block.rows],
                self.found.error[block.rows],
                own,
                note,
            )

    def row(
        self,
        argument: str,
        mode: str,
        given: Array,
        value: Array,
        error: Array,
        verdicts: Array,
        note: str = "",
    ) -> None:
        off = np.abs(given - value)
        value, error = (np.abs(x[np.isfinite(x)]) for x in (value, error))
        scale = float(value.max(initial=0.0)) or 1.0
        self.whole.report.rows.append(
            ReportRow(
                argument,
                self.n,
                mode,
                given.size,
                Verdict(int(verdicts.max(initial=0))),
                float(off[np.isfinite(off)].max(initial=0.0)) / scale,
                float(error.max(initial=0.0)) / scale,
                note,
            )
        )

    # -- the other ways to the same numbers ------------------------------------------------

    def forward(self) -> GradientCheckError | None:
        """Hold forward mode against reverse mode, which has passed: t ↦ J t must be the same J."""
        if not self.along:
            return None
        try:
            _, push = linearize(self.function, *self.inputs)
            drawn = [self.direction() for _ in range(PUSHES)]
            pushed = [[to_numpy(t).reshape(-1) for t in push(*tangents)] for tangents, _ in drawn]
        except (TypeError, ValueError, NotImplementedError, RuntimeError) as error:
            # A rule that writes in place, say; with order=2 it would be refused.
            none = np.zeros((0, 0))
            self.row("all", "forward", none, none, none, none, f"not available: {error}")
            return None
        self.whole.report.gradients += PUSHES
        flat = np.array([np.concatenate(tangents) for tangents in pushed], dtype=np.float64)
        forward = flat if self.one_by_one else flat @ self.rows.T
        shares = np.array([shares for _, shares in drawn])
        reverse, size = shares @ self.given, np.abs(shares) @ np.abs(self.given)
        rtol = self.whole.tolerances["rtol"] or default_rtol(EPSILON)
        zero = 64.0 * EPSILON * max(1.0, float(np.max(self.found.size, initial=0.0)))
        allowed = rtol * size + zero + self.whole.tolerances["atol"]
        allowed = allowed + np.abs(shares) @ np.nan_to_num(self.found.error, posinf=0.0)
        wrong = np.isfinite(reverse) & ~(np.abs(forward - reverse) <= allowed)
        verdicts = np.where(wrong, Verdict.WRONG, Verdict.RIGHT)
        self.row("all", "forward", forward, reverse, allowed, verdicts)
        for k, j in np.argwhere(wrong)[:1].tolist():
            return GradientCheckError(
                f"The derivative of order {self.n} of {self.whole.name} is right in reverse mode "
                f"and wrong in forward mode, along a random direction: {forward[k, j]:.9g} in "
                f"place of {reverse[k, j]:.9g}. Is a rule not linear in g?"
            )
        return None

    def direction(self) -> tuple[list[Array], Array]:
        """Return a tangent for each argument, and how much of each move is in it."""
        rng = self.whole.rng
        tangents, shares = [], np.zeros(len(self.along))
        for block, x in zip(self.blocks, self.whole.point, strict=True):
            tangent = np.zeros(x.size)
            if block.directions is not None:
                chosen = int(rng.integers(len(block.directions)))
                tangent, shares[block.rows.start + chosen] = block.directions[chosen], 1.0
            elif block.elements is not None:
                shares[block.rows] = random_weights(block.elements.shape, rng)
                tangent[block.elements] = shares[block.rows]
            tangents.append(tangent.reshape(x.shape))
        return tangents, shares

    def roughly(self, gradient: Function) -> GradientCheckError | None:
        """Hold a gradient in low precision against the same in float64."""
        whole = self.whole
        precise, rough = on_arrays(gradient)(*whole.precise), on_arrays(gradient)(*whole.own)
        whole.report.gradients += 2
        size = max(whole.size, _size(precise, precise))
        for i, (value, exact, x) in enumerate(zip(rough, precise, whole.own, strict=True)):
            if wrong := self.form(i, value, x):
                return wrong
            if not value.size or x.dtype == np.float64:
                continue
            rtol = whole.tolerances["rtol"] or 0.0
            allowed = max(rtol, float(np.finfo(value.dtype).eps) ** 0.5)
            largest = max(size, float(np.max(np.abs(exact))))
            error = np.abs(value.astype(np.float64) - exact)
            error = np.where(np.isnan(error), np.inf, error)
            bound = allowed * largest + whole.tolerances["atol"]
            if not np.max(error) <= bound:
                bound += self.moved_by_rounding(gradient, precise)[i]
            if not np.max(error) <= bound:
                index = tuple(int(k) for k in np.unravel_index(np.argmax(error), error.shape))
                return self.fails(
                    i,
                    f"is wrong in {value.dtype}{index_text(index)}: {float(value[index]):.7g}, and "
                    f"in float64 {float(exact[index]):.7g}",
                )
        return None

    def moved_by_rounding(self, gradient: Function, precise: Sequence[Array]) -> list[float]:
        """Return by how much each gradient changes where the arguments are rounded.

        A program in low precision is as good as the same at arguments that are rounded; at the
        bottom of a valley, where its gradient cancels, that is much beside the gradient.
        """
        whole, rng = self.whole, self.whole.rng
        change = [0.0] * len(precise)
        for _ in range(3):
            beside = [
                p + rng.choice([-1.0, 1.0], p.shape) * _spacing(own)
                for p, own in zip(whole.precise, whole.own, strict=True)
            ]
            there = on_arrays(gradient)(*beside)
            whole.report.gradients += 1
            off = [
                float(np.max(np.abs(a - b), initial=0.0))
                for a, b in zip(there, precise, strict=True)
            ]
            change = [max(c, SURE * d) for c, d in zip(change, off, strict=True)]
        return change


def _spacing(x: Array) -> Array:
    """Return the distance from numbers to the next ones of their dtype, in float64."""
    return np.asarray(np.spacing(np.abs(x)), dtype=np.float64)


def _alike(a: Array, b: Array) -> bool:
    """Whether two runs gave the same, but for rounding."""
    largest = float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a)))
    return bool(np.allclose(a, b, rtol=1e-9, atol=1e-9 * largest, equal_nan=True))


def _size(values: Sequence[Array], weights: Sequence[Array]) -> float:
    """Return what goes into the weighted sum of some values, without cancellation."""
    with np.errstate(all="ignore"):
        sizes = [np.abs(w * v) for w, v in zip(weights, values, strict=True)]
    return sum(float(np.sum(size[np.isfinite(size)])) for size in sizes)
