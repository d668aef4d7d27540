"""The results as captions and sentences ask for them, and what an exhibit is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd_lite.visualize.drawing import Drawing

from ... import figures as lab
from ...data import Array
from .. import figures, inside
from ..configuration import Configuration
from ..draws import points
from ..experiments import EXPERIMENTS
from ..plans import Experiment, SampleSize, cells
from ..questions import Tables
from ..statistics import wilson

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]

DATA = {"linear": "linear", "xor": "XOR"}

# -- what the report runs besides the sources' experiments -------------------------------------

_RELU = EXPERIMENTS["R3-relu"].cells["ReLU everywhere"]

OWN = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "report-grid",
            "R0's network on XOR over learning rates and hidden units, for the heatmaps.",
            cells(
                Configuration(epochs=5000),
                lr=(0.1, 0.3, 1.0, 3.0, 10.0),
                hidden=((2, 2), (4, 4), (8, 8), (16, 16)),
            ),
            sizes={"quick": SampleSize(5, 300), "default": SampleSize(20), "full": SampleSize(100)},
        ),
        Experiment(
            "report-relu",
            "R3's network with ReLU everywhere on XOR, with one thing changed at a time.",
            {
                "leaky ReLU last": replace(_RELU, output_activation="leaky_relu"),
                "rate 0.01": replace(_RELU, lr=0.01),
                "He's start": replace(_RELU, init="kaiming_normal"),
                "He's start, rate 0.01": replace(_RELU, init="kaiming_normal", lr=0.01),
            },
            sizes={"quick": SampleSize(5, 200), "default": SampleSize(20), "full": SampleSize(100)},
        ),
    )
}


# -- the results, as captions and sentences ask for them ---------------------------------------


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's 95 % interval."""

    yes: int
    n: int

    def __str__(self) -> str:
        return f"{self.yes} of {self.n}"

    @property
    def interval(self) -> str:
        """The interval, as a text."""
        low, high = wilson(self.yes, self.n)
        return f"{100 * low:.0f} to {100 * high:.0f} %"

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.yes / self.n if self.n else float("nan")


@dataclass
class Study:
    """All that the report is made of.

    Attributes
    ----------
    tables
        Runs, curves and measures.
    weights
        From an experiment and a cell to the weights of each seed, as they ended.
    watched
        What was seen while some networks trained, by name.
    """

    tables: Tables
    weights: Callable[[str, str], Mapping[int, Mapping[str, Array]]]
    watched: Mapping[str, inside.Watched]

    def runs(self, experiment: str, cell: str | None = None) -> DataFrame:
        """Return the runs of a cell, or of an experiment."""
        return _part(self.tables.runs, experiment, cell)

    def curve(self, experiment: str, cell: str) -> DataFrame:
        """Return the learning curves of a cell, without epoch 0, which has no logarithm."""
        curve = _part(self.tables.curves, experiment, cell)
        return curve[curve.epoch > 0]

    def lacking(self, experiment: str) -> list[str]:
        """Return the cells of an experiment that have no runs."""
        there = set(self.runs(experiment).cell)
        return [cell for cell in {**EXPERIMENTS, **OWN}[experiment].cells if cell not in there]

    def missing(self, experiments: Iterable[str]) -> list[str]:
        """Return those of some experiments that cannot be shown: a cell has no runs."""
        return [name for name in experiments if self.lacking(name)]

    def reach(self, experiment: str, cell: str, least: float = 1.0) -> Share:
        """Return how many runs have at least such an accuracy."""
        runs = self.runs(experiment, cell)
        return Share(int((runs.accuracy >= least - 1e-9).sum()), len(runs))

    def median(self, experiment: str, cell: str, column: str = "final_loss") -> float:
        """Return the median over the seeds."""
        return float(self.runs(experiment, cell)[column].median())

    def until(self, experiment: str, cell: str, column: str = "epochs_done") -> str:
        """Return the median of an epoch, as a text: more than all where half did not get there."""
        runs = self.runs(experiment, cell)
        last = int(runs.epochs.max())
        epochs = runs[column].astype(float)
        if column == "epochs_done":  # those that were still in training did not get there
            epochs = epochs.where(epochs < last)
        median = epochs.fillna(np.inf).median()
        return f"{median:.0f}" if np.isfinite(median) else f"more than {last}"

    def measured(self, experiment: str, cell: str, quantity: str) -> Array:
        """Return what was measured in every network of a cell."""
        found = _part(self.tables.measures, experiment, cell)
        return np.asarray(found[found.quantity == quantity].value, float)

    def networks(self, experiment: str, cell: str) -> dict[int, nn.MLP]:
        """Return the trained networks of a cell by seed."""
        c = configuration(experiment, cell)
        return {
            seed: inside.model_of(c, state)
            for seed, state in self.weights(experiment, cell).items()
        }

    def panel(self, experiment: str, cell: str, title: str) -> lab.Panel:
        """Return how the network of the first seed sees the plane."""
        c = configuration(experiment, cell)
        seed, model = min(self.networks(experiment, cell).items(), key=lambda pair: pair[0])
        inputs, labels = points(c.data, seed)
        outputs = inside.predict(model, c)
        right = np.mean((outputs(inputs) > 0.5) == np.ravel(labels))
        return lab.Panel(f"{title}: {percent(right)}", inputs, labels, outputs)


def configuration(experiment: str, cell: str) -> Configuration:
    """Return a cell of an experiment, of the sources' or of the report's own."""
    return {**EXPERIMENTS, **OWN}[experiment].cells[cell]


def _part(table: DataFrame, experiment: str, cell: str | None) -> DataFrame:
    found = table[table.experiment == experiment]
    return found if cell is None else found[found.cell == cell]


def number(value: float) -> str:
    """Write a number so that it can be read: two or three digits, no e where none is needed.

    >>> number(0.238), number(0.000324), number(4.2e-11), number(20000.0)
    ('0.238', '0.000324', '4.2 × 10⁻¹¹', '20000')
    """
    if not np.isfinite(value):
        return "∞" if value > 0 else "–"
    if value == 0 or 1e-5 <= abs(value) < 1e6:
        digits = f"{value:.3g}"
        return f"{float(digits):.8f}".rstrip("0").rstrip(".") if "e" in digits else digits
    mantissa, exponent = f"{value:.1e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa} × 10{raised}"


def percent(share: float) -> str:
    """Write a share in percent: whole ones without a fraction.

    >>> print(percent(1.0), percent(16 / 21), percent(float("nan")), sep=", ")
    100 %, 76.2 %, –
    """
    if not np.isfinite(share):
        return "–"
    text = f"{100 * share:.1f}".removesuffix(".0")
    return f"{text}\N{NO-BREAK SPACE}%"


# -- the exhibits ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Exhibit:
    """A figure, or an SVG picture, and what is said about it."""

    figure: Any
    caption: str
    alt: str

    def save(self, folder: Path, name: str) -> None:
        """Write the figure as SVG and as PNG."""
        if isinstance(self.figure, Drawing):
            from matplotlib import rc_context

            with rc_context({"figure.constrained_layout.use": False}):  # it has its own layout
                for kind in ("svg", "png"):
                    self.figure.render(folder / f"{name}.{kind}")
        else:
            figures.save(self.figure, folder, name)


Maker = Callable[[Study], Exhibit]
EXHIBITS: dict[str, tuple[Maker, tuple[str, ...]]] = {}
"""By name, in the report's order: the function that makes it, and the experiments it needs."""


def exhibit(name: str, *needs: str) -> Callable[[Maker], Maker]:
    """Add a function to `EXHIBITS`."""

    def add(make: Maker) -> Maker:
        EXHIBITS[name] = make, needs
        return make

    return add
