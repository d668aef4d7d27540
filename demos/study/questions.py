"""Questions that a repetition of a study answers with yes or no.

>>> print(accuracy("R0-xor", "rate 1") >= 1.0)
accuracy (R0-xor, rate 1) ≥ 1
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .statistics import cliffs_delta

if TYPE_CHECKING:
    from pandas import DataFrame, Series  # type: ignore[import-untyped]
FACTOR = 2.0  # numbers are alike that differ by at most this factor
SHOWN = {
    "final_loss": "loss",
    "time": "training time",
    "reached_90": "epochs to 90 %",
    "diverged": "overflows",
}


@dataclass
class Tables:
    """The results as three tidy tables.

    Attributes
    ----------
    runs
        A row for each run: experiment, cell, seed, final_loss, accuracy, epochs_done, …
    curves
        A row for each logged epoch of a run: experiment, cell, seed, epoch, loss, accuracy.
    measures
        What was measured in a trained network besides: experiment, cell, seed, quantity,
        value. See `demos.study.diagnostics`.
    """

    runs: DataFrame
    curves: DataFrame
    measures: DataFrame

    def write(self, folder: Path) -> None:
        """Write them as CSV."""
        for name, table in vars(self).items():
            table.to_csv(folder / f"{name}.csv", index=False)

    @classmethod
    def read(cls, folder: Path) -> Tables:
        """Read what `write` wrote."""
        from pandas import read_csv

        runs = read_csv(folder / "runs.csv", dtype={"hidden": str})
        return cls(runs, read_csv(folder / "curves.csv"), read_csv(folder / "measures.csv"))


@dataclass(frozen=True, eq=False)
class Quantity:
    """A number that each run of a cell has.

    Parameters
    ----------
    name
        A column of `runs`; or ``"loss@500"``, the loss at an epoch; or ``"time"``, the epochs
        until the training stopped, and among as many the loss decides; or a quantity of
        `measures`.
    experiment, cell
        Where it is taken.
    """

    name: str
    experiment: str
    cell: str

    def of(self, tables: Tables) -> Series:
        """Return the numbers, indexed by seed; a run that diverged has the worst of all."""
        runs = rows_of(tables.runs, self).set_index("seed")
        if self.name == "time":
            loss = runs.final_loss.astype(float).fillna(1.0)
            return (runs.epochs_done + loss.clip(0.0, 0.999)).mask(_diverged(runs), math.inf)
        if self.name in runs:
            worst = 0.0 if self.name == "accuracy" else math.inf
            values = runs[self.name].astype(float).fillna(worst)
            return values.mask(_diverged(runs), worst)
        column, at, epoch = self.name.partition("@")
        if at:
            curve = rows_of(tables.curves, self)
            return curve[curve.epoch == int(epoch)].set_index("seed")[column].astype(float)
        measures = rows_of(tables.measures, self)
        values = measures[measures.quantity == self.name].set_index("seed")["value"]
        return values.astype(float).dropna()

    def __str__(self) -> str:
        name, at, epoch = self.name.partition("@")
        shown = SHOWN.get(name, name.replace("_", " "))
        return f"{shown}{' at epoch ' + epoch if at else ''} ({self.experiment}, {self.cell})"

    def __lt__(self, other: Quantity | float) -> Question:
        return _compared(self, "<", other, lambda a, b: a < b)

    def __gt__(self, other: Quantity | float) -> Question:
        return _compared(self, ">", other, lambda a, b: a > b)

    def __le__(self, other: Quantity | float) -> Question:
        return _compared(self, "≤", other, lambda a, b: a <= b)

    def __ge__(self, other: Quantity | float) -> Question:
        return _compared(self, "≥", other, lambda a, b: a >= b)

    def near(self, other: Quantity | float, distance: float) -> Question:
        """Ask whether it is at most so far away."""
        return _compared(
            self, f"within {distance:g} of", other, lambda a, b: (a - b).abs() <= distance
        )

    def like(self, other: Quantity | float, factor: float = FACTOR) -> Question:
        """Ask whether it is at most `factor` times larger or smaller."""
        return _compared(
            self,
            f"within a factor {factor:g} of",
            other,
            lambda a, b: (a <= b * factor) & (a >= b / factor),
        )


def loss(experiment: str, cell: str) -> Quantity:
    """Return the loss after the last epoch."""
    return Quantity("final_loss", experiment, cell)


def accuracy(experiment: str, cell: str) -> Quantity:
    """Return the share of points that are right after the last epoch."""
    return Quantity("accuracy", experiment, cell)


def time(experiment: str, cell: str) -> Quantity:
    """Return the epochs until the training stopped; among as many, the loss decides."""
    return Quantity("time", experiment, cell)


def measure(name: str, experiment: str, cell: str) -> Quantity:
    """Return what was measured in the trained network."""
    return Quantity(name, experiment, cell)


def _diverged(runs: DataFrame) -> Series:
    return runs.diverged.astype(bool)


def rows_of(table: DataFrame, quantity: Quantity) -> DataFrame:
    """Return the rows of the cell where a quantity is taken."""
    return table[(table.experiment == quantity.experiment) & (table.cell == quantity.cell)]


Effect = Callable[[Tables], tuple[float, float, float]]


@dataclass(frozen=True)
class Question:
    """What a repetition answers with yes or no.

    Questions are joined by ``&``, ``|`` and ``~``.

    Attributes
    ----------
    text
        The question in symbols.
    answers
        From tables to a boolean for each seed that all quantities have.
    quantities
        What is asked for.
    effect
        Where two cells are compared: from tables to Cliff's delta with its interval, above 0
        where pairs of runs say yes more often than no. Of several comparisons, the weakest.
    """

    text: str
    answers: Callable[[Tables], Series]
    quantities: tuple[Quantity, ...]
    effect: Effect | None = None

    def __str__(self) -> str:
        return self.text

    def __and__(self, other: Question) -> Question:
        joined = _joined(self, "and", other, lambda a, b: a & b)
        first, second = self.effect, other.effect
        if first is None or second is None:
            return joined
        return replace(joined, effect=lambda t: min(first(t), second(t)))

    def __or__(self, other: Question) -> Question:
        return _joined(self, "or", other, lambda a, b: a | b)

    def __invert__(self) -> Question:
        effect = self.effect
        return Question(
            f"not ({self.text})",
            lambda t: ~self.answers(t),
            self.quantities,
            None if effect is None else lambda t: _negative(*effect(t)),
        )


def _negative(delta: float, low: float, high: float) -> tuple[float, float, float]:
    return -delta, -high, -low


def _compared(
    left: Quantity, sign: str, right: Quantity | float, holds: Callable[[Any, Any], Any]
) -> Question:
    if isinstance(right, Quantity):
        larger, smaller = (left, right) if sign in (">", "≥") else (right, left)
        return Question(
            f"{left} {sign} {right}",
            lambda t: _paired(left.of(t), right.of(t), holds),
            (left, right),
            (lambda t: cliffs_delta(larger.of(t).to_numpy(), smaller.of(t).to_numpy()))
            if sign in (">", "≥", "<", "≤")
            else None,
        )
    return Question(f"{left} {sign} {right:g}", lambda t: holds(left.of(t), right), (left,))


def _joined(
    left: Question, word: str, right: Question, both: Callable[[Any, Any], Any]
) -> Question:
    return Question(
        f"{left} {word} {right}",
        lambda t: _paired(left.answers(t), right.answers(t), both),
        (*left.quantities, *right.quantities),
    )


def _paired(left: Series, right: Series, join: Callable[[Any, Any], Any]) -> Series:
    """Join two series on the seeds that both have."""
    seeds = left.index.intersection(right.index)
    return join(left.loc[seeds], right.loc[seeds])
