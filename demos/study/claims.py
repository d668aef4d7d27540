"""What the sources say, put as questions that every run answers with yes or no.

A source drew each conclusion from one run of each network. So a claim is a question to
*one repetition of that study*, one run of each network with the same seed, and what is
counted is the share of repetitions that would have led to the same conclusion:

>>> claim = Claim("R0", "rates", "XOR is learned.", accuracy("R0-xor", "rate 1") >= 1.0)
>>> print(claim.question)
accuracy (R0-xor, rate 1) ≥ 1

If at least four of five repetitions say yes, the claim *agrees*; if at most one of five
does, it *disagrees*; in between it *depends on luck*. Where runs were ended that would have
gone on in the source, it is *not run so long*, whatever they say by then. The 95 % interval
of the share has to lie on one side of one half as well; where it does not, there are *too few
seeds*. A comparison of two networks comes with an effect size, Cliff's delta, over all pairs of
runs.

Whatever a verdict says, it is computed from the tables `runs`, `curves` and `measures`.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .experiments import R1_STARTS, R1_STEPS, Experiment, Reported

if TYPE_CHECKING:
    from pandas import DataFrame, Series  # type: ignore[import-untyped]

MOST, LEAST = 0.8, 0.2  # shares of repetitions: four of five, one of five
FACTOR, NEAR = 2.0, 0.01  # a loss is as reported within this factor and this distance
SHOWN = {
    "final_loss": "loss",
    "time": "training time",
    "reached_90": "epochs to 90 %",
    "diverged": "overflows",
}
LENGTHS = ("epochs", "source_epochs")
AGREES, DISAGREES, LUCK = "agrees", "disagrees", "depends on luck"
FEW, SHORT, MISSING = "too few seeds", "not run so long", "not run"
SIGNS = {AGREES: "✓", DISAGREES: "✗", LUCK: "≈", FEW: "?", SHORT: "–", MISSING: "–"}


# -- what a run is asked -----------------------------------------------------------------------


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
        runs = _cell(tables.runs, self).set_index("seed")
        if self.name == "time":
            loss = runs.final_loss.astype(float).fillna(1.0)
            return (runs.epochs_done + loss.clip(0.0, 0.999)).mask(_diverged(runs), math.inf)
        if self.name in runs:
            worst = 0.0 if self.name == "accuracy" else math.inf
            values = runs[self.name].astype(float).fillna(worst)
            return values.mask(_diverged(runs), worst)
        column, at, epoch = self.name.partition("@")
        if at:
            curve = _cell(tables.curves, self)
            return curve[curve.epoch == int(epoch)].set_index("seed")[column].astype(float)
        measures = _cell(tables.measures, self)
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


def _cell(table: DataFrame, quantity: Quantity) -> DataFrame:
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


# -- what many runs say ------------------------------------------------------------------------


def wilson(yes: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the 95 % interval of a share, which holds for 0 of n and for n of n too.

    The shares p with |yes/n − p| = z √(p (1 − p) / n): E. B. Wilson, Journal of the
    American Statistical Association 22 (1927).

    >>> low, high = wilson(98, 100)
    >>> f"{low:.3f} {high:.3f}"
    '0.930 0.994'
    """
    if n == 0:
        return 0.0, 1.0
    share = yes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half))


def cliffs_delta(a: Any, b: Any, resamples: int = 1000) -> tuple[float, float, float]:
    """Return P(a > b) − P(a < b) over all pairs, and its 95 % bootstrap interval.

    1 means that every number of `a` is above every number of `b`, 0 that it is as often
    below as above, −1 that it is always below: N. Cliff, Psychological Bulletin 114
    (1993). The interval is that of runs drawn anew, with replacement, from both sides.

    >>> cliffs_delta([3.0, 4.0], [1.0, 2.0])
    (1.0, 1.0, 1.0)
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if not a.size or not b.size:
        return math.nan, math.nan, math.nan
    above = (a[:, None] > b).astype(float) - (a[:, None] < b)
    rng = np.random.default_rng(0)
    rows = rng.multinomial(a.size, np.full(a.size, 1 / a.size), resamples)
    columns = rng.multinomial(b.size, np.full(b.size, 1 / b.size), resamples)
    drawn = np.sum((rows @ above) * columns, axis=1) / (a.size * b.size)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(above.mean()), float(low), float(high)


def size_of(delta: float) -> str:
    """Say how large an effect is, with the bounds of Romano and others (2006).

    >>> size_of(-0.2)
    'small'
    """
    for bound, word in ((0.147, "negligible"), (0.33, "small"), (0.474, "medium")):
        if abs(delta) < bound:
            return word
    return "large"


@dataclass(frozen=True)
class Verdict:
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

    def judge(self, tables: Tables) -> Verdict:
        """Count the answers."""
        answers = self.question.answers(tables)
        n, yes = len(answers), int(answers.sum())
        effect = self.question.effect
        delta = effect(tables) if effect and n else None
        typical = False
        if self.printed is not None and n:
            below = float((self.question.quantities[0].of(tables) < self.printed).mean())
            typical = 0.05 <= below <= 0.95
        return Verdict(self, n, yes, *wilson(yes, n), delta, self._epochs(tables), typical)

    def _epochs(self, tables: Tables) -> tuple[int, int]:
        """Return the epochs of the cell that was cut short most, and the source's."""
        found = [(1, 1)]
        for quantity in self.question.quantities:
            runs = _cell(tables.runs, quantity)
            cut = runs[(runs.epochs_done == runs.epochs) & (runs.epochs < runs.source_epochs)]
            found += zip(cut.epochs.astype(int), cut.source_epochs.astype(int), strict=True)
            if not len(runs):  # trained by the diagnostics, which say how long
                told = [replace(quantity, name=name).of(tables) for name in LENGTHS]
                found += zip(*(lengths.astype(int) for lengths in told), strict=True)
        return min(found, key=lambda pair: pair[0] / pair[1])


def judge(claims: Iterable[Claim], tables: Tables) -> list[Verdict]:
    """Judge every claim."""
    return [claim.judge(tables) for claim in claims]


def table(verdicts: Sequence[Verdict]) -> DataFrame:
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


def beside(experiments: Iterable[Experiment], tables: Tables) -> DataFrame:
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
                "epochs": _cell(tables.runs, claim.question.quantities[0]).epochs.max(),
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


# -- what the sources say in words -------------------------------------------------------------


def _every(questions: Iterable[Question]) -> Question:
    return functools.reduce(operator.and_, questions)


def _some(questions: Iterable[Question]) -> Question:
    return functools.reduce(operator.or_, questions)


def _more_is_no_better(data: str) -> Question:
    units = [time("R1-hidden-units", f"{data}, {n} units") for n in (2, 4, 8, 16)]
    return _some(~(more < fewer) for fewer, more in itertools.pairwise(units))


def _until_90(cell: str) -> Quantity:
    return Quantity("reached_90", "R3-hidden-units", cell)


BOTH = ("linear", "xor")

CLAIMS = (
    # learning rates
    Claim(
        "R0",
        "rates",
        "Rates above 1 reach 100 % too.",
        _every(
            accuracy("R0-learning-rates", f"{data}, rate {rate}") >= 1.0
            for data in BOTH
            for rate in (2, 5)
        ),
        remark="All four trainings of a seed have to get there: two rates, two data sets.",
    ),
    Claim(
        "R0",
        "rates",
        "Rates from 0.001 to 0.01 do not reach 100 %.",
        _every(
            accuracy("R0-learning-rates", f"{data}, rate {rate}") < 1.0
            for data in BOTH
            for rate in (0.001, 0.01)
        ),
    ),
    Claim(
        "R1",
        "rates",
        "On XOR a rate of 0.1 is no better than 0.01.",
        ~(time("R1-learning-rates", "xor, rate 0.1") < time("R1-learning-rates", "xor, rate 0.01")),
    ),
    Claim(
        "R3",
        "rates",
        "On XOR a rate of 0.001 does not converge.",
        accuracy("R3-learning-rates-xor", "rate 0.001") < 0.9,
    ),
    # hidden units
    Claim(
        "R0",
        "units",
        "At a small rate, 10 hidden units converge faster than 4.",
        _every(
            loss("R0-hidden-units", f"{data}, 10 units")
            < loss("R0-hidden-units", f"{data}, 4 units")
            for data in BOTH
        ),
        remark="Faster is a lower loss after as many epochs, on both data sets.",
    ),
    Claim(
        "R1",
        "units",
        "More hidden units are not always better (XOR).",
        _more_is_no_better("xor"),
        remark="Yes, if the time gets no shorter in at least one step from 2 to 4, 8 and 16.",
    ),
    Claim(
        "R1",
        "units",
        "More hidden units are not always better (linear).",
        _more_is_no_better("linear"),
    ),
    Claim(
        "R2",
        "units",
        "On moons, little changes past 5 hidden units.",
        _every(
            accuracy("R2-moons-hidden-units", f"{n} units").near(
                accuracy("R2-moons-hidden-units", "5 units"), 0.02
            )
            for n in (10, 15, 20)
        ),
        remark="Little is at most 4 of the 200 points.",
    ),
    Claim(
        "R3",
        "units",
        "2-2-2-1 learns linear, but more slowly than 2-5-5-1.",
        (accuracy("R3-hidden-units", "2 units") >= 0.9)
        & (_until_90("2 units") > _until_90("5 units")),
        remark="More slowly is more epochs until 90 % are right.",
    ),
    Claim(
        "R3",
        "units",
        "2-15-15-1 is not faster than 2-5-5-1.",
        ~(_until_90("15 units") < _until_90("5 units")),
    ),
    # depth
    Claim(
        "R2",
        "depth",
        "Narrow and deep does badly on moons (width 3, 5 layers).",
        accuracy("R2-moons-depth", "width 3, 5 layers") < 0.9,
        remark="Badly is below the 90 % that the hand-out asks for.",
    ),
    Claim(
        "R2",
        "depth",
        "Narrow and deep does badly on moons (width 5, 10 layers).",
        accuracy("R2-moons-depth", "width 5, 10 layers") < 0.9,
    ),
    Claim(
        "R2",
        "depth",
        "Wide and deep does well on moons (width 10, 5 layers).",
        accuracy("R2-moons-depth", "width 10, 5 layers") >= 0.9,
    ),
    # without activation
    Claim(
        "R0",
        "linear",
        "Without activation the network is a linear regression.",
        _every(
            loss("R0-without-activation", data).like(
                measure("least_squares", "R0-without-activation", data), 1.05
            )
            for data in BOTH
        ),
        remark="Its loss is the smallest that a linear function has, to 5 %.",
    ),
    Claim(
        "R1",
        "linear",
        "Without activation XOR is not learned.",
        accuracy("R1-without-activation", "xor") < 0.9,
    ),
    *(
        Claim(
            "R1",
            "linear",
            f"Without activation XOR ends at a loss of 0.238 and 16 of 21 points: weights {start}.",
            _some(
                loss("R1-starts", f"{start}, {step}").near(5 / 21, 0.001)
                & accuracy("R1-starts", f"{start}, {step}").near(16 / 21, 0.001)
                for step in R1_STEPS
            ),
            remark="R1 does not say how its weights start. Yes, if a seed ends there with "
            "gradients that are means over the points, or sums.",
        )
        for start in R1_STARTS
    ),
    Claim(
        "R3",
        "linear",
        "Without activations the loss overflows (linear, rate 0.01).",
        Quantity("diverged", "R3-without-activation", "linear") >= 1.0,
    ),
    Claim(
        "R3",
        "linear",
        "Without activations the loss overflows (XOR, rate 0.1).",
        Quantity("diverged", "R3-without-activation", "xor") >= 1.0,
    ),
    Claim(
        "R3",
        "linear",
        "With a sigmoid on the last layer alone, linear is solved and XOR is not.",
        (accuracy("R3-sigmoid-last", "linear") >= 0.99)
        & (accuracy("R3-sigmoid-last", "xor") < 0.9),
    ),
    # optimizers
    Claim(
        "R0",
        "optimizers",
        "Momentum is better than plain descent at a rate of 0.1.",
        loss("R0-momentum", "linear, momentum 0.9") < loss("R0-momentum", "linear, SGD"),
    ),
    # activations
    Claim(
        "R2",
        "activations",
        "Boundaries are smooth with tanh and sigmoid, polygons with ReLU.",
        _every(
            measure("corners", "R2-moons-activations", "ReLU")
            > measure("corners", "R2-moons-activations", smooth)
            for smooth in ("tanh", "sigmoid")
        ),
        remark="More of the boundary's turning is in the sharpest tenth of its length.",
    ),
    Claim(
        "R3",
        "activations",
        "tanh separates XOR better than sigmoid.",
        loss("R3-tanh", "tanh") < loss("R3-tanh", "sigmoid"),
    ),
    Claim(
        "R3",
        "activations",
        "ReLU fails on XOR (in the hidden layers).",
        accuracy("R3-relu", "ReLU, sigmoid last") < 0.9,
    ),
    Claim(
        "R3",
        "activations",
        "ReLU fails on XOR (in every layer).",
        accuracy("R3-relu", "ReLU everywhere") < 0.9,
    ),
    # R2's backward pass
    Claim(
        "R2",
        "backward",
        "Training works with the hand-written backward pass, in spite of its mistake.",
        measure("trained_accuracy", "R2-backward", "mistake") >= 0.9,
    ),
    # convolution
    Claim(
        "R2",
        "convolution",
        "With ReLU, Adagrad is better than Adam.",
        accuracy("R2-digits", "ReLU + Adagrad") > accuracy("R2-digits", "ReLU + Adam"),
    ),
    Claim(
        "R2",
        "convolution",
        "With Adagrad, ReLU does best.",
        _every(
            accuracy("R2-digits", "ReLU + Adagrad") > accuracy("R2-digits", f"{other} + Adagrad")
            for other in ("leaky ReLU", "tanh")
        ),
    ),
    # the hand-out
    Claim(
        "R4",
        "accuracy",
        "At least 90 % on both data sets can be asked for.",
        _every(accuracy("R4-log", data) >= 0.9 for data in BOTH),
    ),
)
"""Every conclusion that a source draws in words; what it prints as figures is `reported`."""
