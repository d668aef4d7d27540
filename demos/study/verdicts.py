"""What the repetitions of a study say of a claim, in words and as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .plans import Experiment, Reported
from .questions import Quantity, Question, Tables, accuracy, rows_of
from .statistics import wilson

if TYPE_CHECKING:
    from pandas import DataFrame, Series  # type: ignore[import-untyped]

NEAR = 0.01  # a loss is as reported within this distance, and a factor
MOST, LEAST = 0.8, 0.2  # shares of repetitions: four of five, one of five
LENGTHS = ("epochs", "source_epochs")
AGREES, DISAGREES, LUCK = "agrees", "disagrees", "depends on luck"
FEW, SHORT, MISSING = "too few seeds", "not run so long", "not run"
SIGNS = {AGREES: "✓", DISAGREES: "✗", LUCK: "≈", FEW: "?", SHORT: "–", MISSING: "–"}


@dataclass(frozen=True)
class Judgement:
    """What the repetitions say of a claim."""

    claim: Claim
    n: int
    yes: int
    low: float
    high: float
    delta: tuple[float, float, float] | None
    epochs: tuple[int, int]
    """The epochs of the runs that were cut short most, of how many in the source."""
    typical: bool = False
    """Whether the printed figure is among the middle nine of ten."""

    @property
    def shortened(self) -> bool:
        """Whether runs were ended that would have gone on in the source."""
        return self.epochs[0] < self.epochs[1]

    @property
    def share(self) -> float:
        """The share of repetitions that say yes."""
        return self.yes / self.n if self.n else math.nan

    @property
    def verdict(self) -> str:
        """Agrees, disagrees, depends on luck; or that there are too few runs to say."""
        if self.shortened:  # who knows what they would say at their end
            return SHORT
        if not self.n:
            return MISSING
        if self.share >= MOST:
            return AGREES if self.low > 0.5 else FEW
        if self.share <= LEAST and not self.typical:
            return DISAGREES if self.high < 0.5 else FEW
        return LUCK


@dataclass(frozen=True)
class Claim:
    """A sentence of a source, and the question that tests it.

    Attributes
    ----------
    source
        "R0" to "R4".
    topic
        The part of the report that it belongs to.
    words
        What the source says.
    question
        What a repetition is asked.
    remark
        What a reader has to know about the question.
    printed
        The figure that the source printed, if it did.
    """

    source: str
    topic: str
    words: str
    question: Question
    remark: str = field(default="", kw_only=True)
    printed: float | None = field(default=None, kw_only=True)

    def judge(self, tables: Tables) -> Judgement:
        """Count the answers to the question."""
        answers = self.question.answers(tables)
        n, yes = len(answers), int(answers.sum())
        effect = self.question.effect
        delta = effect(tables) if effect and n else None
        typical = False
        if self.printed is not None and n:
            below = float((self.question.quantities[0].of(tables) < self.printed).mean())
            typical = 0.05 <= below <= 0.95
        return Judgement(self, n, yes, *wilson(yes, n), delta, self._epochs(tables), typical)

    def _epochs(self, tables: Tables) -> tuple[int, int]:
        """Return the epochs of the cell that was cut short most, and the source's."""
        found = [(1, 1)]
        for quantity in self.question.quantities:
            runs = rows_of(tables.runs, quantity)
            cut = runs[(runs.epochs_done == runs.epochs) & (runs.epochs < runs.source_epochs)]
            found += zip(cut.epochs.astype(int), cut.source_epochs.astype(int), strict=True)
            if not len(runs):  # trained by the diagnostics, which say how long
                told = [replace(quantity, name=name).of(tables) for name in LENGTHS]
                found += zip(*(lengths.astype(int) for lengths in told), strict=True)
        return min(found, key=lambda pair: pair[0] / pair[1])


def judge(claims: Iterable[Claim], tables: Tables) -> list[Judgement]:
    """Judge every claim."""
    return [claim.judge(tables) for claim in claims]


def table_of(verdicts: Sequence[Judgement]) -> DataFrame:
    """Return verdicts as a table, a row for each claim."""
    from pandas import DataFrame

    rows = []
    for v in verdicts:
        delta, low, high = v.delta or (math.nan,) * 3
        rows.append(
            {
                "source": v.claim.source,
                "topic": v.claim.topic,
                "claim": v.claim.words,
                "question": str(v.claim.question),
                "seeds": v.n,
                "yes": v.yes,
                "share": v.share,
                "share_low": v.low,
                "share_high": v.high,
                "cliffs_delta": delta,
                "delta_low": low,
                "delta_high": high,
                "cut_at": v.epochs[0] if v.shortened else math.nan,
                "source_epochs": v.epochs[1] if v.shortened else math.nan,
                "verdict": v.verdict,
            }
        )
    return DataFrame(rows)


# -- figures that a source printed -------------------------------------------------------------


def reported(experiments: Iterable[Experiment]) -> list[tuple[Experiment, Reported, Claim]]:
    """Return, for every figure that a source printed, the claim that a run shows it too.

    A loss is as reported within a factor of 2 and to 0.01; an accuracy from 90 % on if it
    is reached to half a percent, a lower one if it is the same to half a percent. A printed
    loss that few runs are near, but that lies amid them, depends on luck.
    """
    found = []
    for experiment in experiments:
        for figure in experiment.reported:
            at = "" if figure.epoch is None else f"@{figure.epoch}"
            name = figure.quantity + at if at or figure.quantity != "loss" else "final_loss"
            quantity = Quantity(name, experiment.name, figure.cell)
            if figure.quantity == "loss":
                question = quantity.like(figure.value) & quantity.near(figure.value, NEAR)
            elif figure.value >= 0.9:
                question = quantity >= figure.value - 0.005
            else:
                question = quantity.near(figure.value, 0.005)
            when = f" at epoch {figure.epoch}" if figure.epoch else ""
            words = f"{figure.cell}: {figure.quantity} {figure.value:g}{when}"
            printed = figure.value if figure.quantity == "loss" else None
            claim = Claim(experiment.source, "figures", words, question, printed=printed)
            found.append((experiment, figure, claim))
    return found


def reported_beside(experiments: Iterable[Experiment], tables: Tables) -> DataFrame:
    """Return the table of reported beside reproduced, a row for each printed figure."""
    from pandas import DataFrame

    rows = []
    for experiment, figure, claim in reported(experiments):
        verdict = claim.judge(tables)
        values = claim.question.quantities[0].of(tables)
        right = accuracy(experiment.name, figure.cell).of(tables)
        q1, median, q3 = values.quantile([0.25, 0.5, 0.75]) if len(values) else (math.nan,) * 3
        rows.append(
            {
                "source": experiment.source,
                "experiment": experiment.name,
                "cell": figure.cell,
                "quantity": figure.quantity,
                "epoch": figure.epoch,
                "reported": figure.value,
                "words": figure.words,
                "median": median,
                "quartile_1": q1,
                "quartile_3": q3,
                "as_good": _as_good(values, figure),
                "share_90": (right >= 0.9).mean(),
                "share_100": (right >= 1.0).mean(),
                "seeds": len(right),
                "epochs": rows_of(tables.runs, claim.question.quantities[0]).epochs.max(),
                "source_epochs": experiment.cells[figure.cell].epochs,
                "shortened": verdict.shortened,
                "share_like_it": verdict.share,
                "verdict": verdict.verdict,
            }
        )
    return DataFrame(rows)


def _as_good(values: Series, figure: Reported) -> float:
    """Return the share of runs that are at least as good as a printed figure."""
    if not len(values):
        return math.nan
    good = values <= figure.value if figure.quantity == "loss" else values >= figure.value - 0.005
    return float(good.mean())
