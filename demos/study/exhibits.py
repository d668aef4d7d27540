"""Every figure of the report, in its order, with a caption that says what to see in it.

An exhibit is a function of the study that returns a figure, a caption, and a text for those
who cannot see the picture. The numbers in a caption are computed from what the figure shows.
An exhibit whose experiments have not been run is a gap, and the report says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd_lite import draw
from autograd_lite.visualize.drawing import Drawing

from .. import figures as lab
from ..data import Array
from . import diagnostics, figures
from .claims import Tables, wilson
from .configuration import Configuration
from .experiments import EXPERIMENTS, Experiment, Size, cells
from .training import points

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
            sizes={"quick": Size(5, 300), "default": Size(20), "full": Size(100)},
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
            sizes={"quick": Size(5, 200), "default": Size(20), "full": Size(100)},
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
    watched: Mapping[str, diagnostics.Watched]

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
            seed: diagnostics.model_of(c, state)
            for seed, state in self.weights(experiment, cell).items()
        }

    def panel(self, experiment: str, cell: str, title: str) -> lab.Panel:
        """Return how the network of the first seed sees the plane."""
        c = configuration(experiment, cell)
        seed, model = min(self.networks(experiment, cell).items(), key=lambda pair: pair[0])
        inputs, labels = points(c.data, seed)
        outputs = diagnostics.predict(model, c)
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


@exhibit("sigmoid")
def _sigmoid(study: Study) -> Exhibit:
    def sigmoid(x: Array) -> Array:
        return np.asarray(nn.functional.sigmoid(x))

    shown = {
        "σ(x) = 1 / (1 + e⁻ˣ)": sigmoid,
        "σ′(x) = σ(x) (1 − σ(x))": lambda x: sigmoid(x) * (1.0 - sigmoid(x)),
    }
    return Exhibit(
        figures.function(shown),
        "The sigmoid and its derivative. The derivative is largest at 0, where it is ¼, and next "
        "to nothing beyond ±6: each sigmoid that a gradient passes on its way back shrinks it at "
        "least to a quarter.",
        "An S-shaped curve from 0 to 1, and a bell-shaped one whose peak is 0.25 at x = 0.",
    )


@exhibit("network", "R0-xor")
def _network(study: Study) -> Exhibit:
    networks = study.networks("R0-xor", "xor")
    model = networks[min(networks)]
    return Exhibit(
        draw(model),
        "The network of the hand-out, 2-4-4-1, as the first seed trained it on XOR. A circle is a "
        "unit and a line a weight: the thicker, the larger; solid and blue is positive, dashed "
        "and orange negative. A few thick lines carry most of the decision.",
        "Four columns of circles, two inputs, four units, four units and one output, joined by "
        "lines.",
    )


@exhibit("comparison-linear", "R0-linear")
def _comparison_linear(study: Study) -> Exhibit:
    return _comparison(study, "linear")


@exhibit("comparison-xor", "R0-xor")
def _comparison_xor(study: Study) -> Exhibit:
    return _comparison(study, "xor")


def _comparison(study: Study, data: str) -> Exhibit:
    c = configuration(f"R0-{data}", data)
    networks = study.networks(f"R0-{data}", data)
    inputs, labels = points(data, min(networks))
    outputs = diagnostics.predict(networks[min(networks)], c)(inputs)[:, None]
    wrong = int(np.sum((outputs > 0.5) != labels))
    says = "none is" if not wrong else f"{wrong} {'is' if wrong == 1 else 'are'}"
    return Exhibit(
        lab.comparison(inputs, labels, outputs),
        f"Ground truth and prediction on {DATA[data]}, for the first seed. Rings would mark points "
        f"that are on the wrong side: {says}. Outputs lie between {outputs.min():.4f} and "
        f"{outputs.max():.4f}.",
        f"Two scatter plots of the {len(inputs)} points side by side; the predictions are right "
        f"for {len(inputs) - wrong} of them.",
    )


BASELINES = {
    "R0, linear": ("R0-linear", "linear"),
    "R0, XOR": ("R0-xor", "xor"),
    "R1, linear, rate 0.1": ("R1-learning-rates", "linear, rate 0.1"),
    "R1, XOR, rate 0.1": ("R1-learning-rates", "xor, rate 0.1"),
    "R3, linear": ("R3-linear", "linear"),
    "R3, XOR": ("R3-xor", "xor"),
    "R4, linear": ("R4-log", "linear"),
    "R4, XOR": ("R4-log", "xor"),
}


@exhibit("success", "R0-linear", "R0-xor")
def _success(study: Study) -> Exhibit:
    found = {label: study.runs(*where) for label, where in BASELINES.items()}
    found = {label: runs for label, runs in found.items() if len(runs)}
    worst = min(found, key=lambda label: (found[label].accuracy >= 1.0).mean())
    return Exhibit(
        figures.success(found),
        "How many seeds the networks of the reports bring to 90 % and to 100 %, with 95 % "
        "intervals. Each report showed one run, which is one draw from its bar; "
        f"the bar that is shortest at 100 % is {worst}. The intervals are long where few seeds "
        "were run.",
        "Bars for each report and data set: "
        + "; ".join(
            f"{label} {int((runs.accuracy >= 1.0).sum())} of {len(runs)} at 100 %"
            for label, runs in found.items()
        )
        + ".",
    )


@exhibit("curves", "R0-linear", "R0-xor")
def _curves(study: Study) -> Exhibit:
    panels = {DATA[d]: {"reproduced": study.curve(f"R0-{d}", d)} for d in DATA}
    figure = figures.learning_curves(panels, "mean squared error (log scale)")
    inside = every = 0
    for axes, d in zip(figure.axes, DATA, strict=False):
        printed = [r for r in EXPERIMENTS[f"R0-{d}"].reported if r.epoch]
        where = np.array([(r.epoch, r.value) for r in printed])
        axes.plot(
            *where.T, "*", color="C1", markersize=12,
            markeredgecolor=lab.INK, label="reported by R0",
        )  # fmt: skip
        axes.legend()
        for r in printed:
            at = study.curve(f"R0-{d}", d)
            losses = at[at.epoch == r.epoch].loss
            if len(losses):
                every += 1
                inside += bool(losses.quantile(0.25) <= r.value <= losses.quantile(0.75))
    return Exhibit(
        figure,
        "Learning curves of R0's network: the median over the seeds as a line, the middle half as "
        f"a dark band, nine of ten as a pale one, and R0's printed losses as stars. {inside} of "
        f"{every} stars lie in the dark band. On XOR each seed waits on a plateau near a quarter, "
        "as if the answer were one half everywhere, and then falls; how long it waits is luck, "
        "which is what makes the pale band so wide there.",
        "Two panels of falling curves on logarithmic axes; on XOR the curve is level near 0.25 "
        "before it falls.",
    )


@exhibit("stochastic", "R3-linear", "R3-xor")
def _stochastic(study: Study) -> Exhibit:
    panels = {
        "linear, 2-5-5-1, rate 0.01": {"R3": study.curve("R3-linear", "linear")},
        "XOR, 2-7-7-1, rate 0.1": {"R3": study.curve("R3-xor", "xor")},
    }
    linear, xor = study.reach("R3-linear", "linear", 0.985), study.reach("R3-xor", "xor")
    return Exhibit(
        figures.learning_curves(panels, "mean squared error (log scale)"),
        "R3's networks, updated after every single point. A single run is noisy, since each step "
        "follows one point; the band over the seeds is not. "
        f"{linear} seeds have 99 % or more on linear at the end, and {xor} have all of XOR.",
        "Two panels of falling curves with bands.",
    )


@exhibit("moments", "R0-xor")
def _moments(study: Study) -> Exhibit:
    seen = study.watched["xor"]
    inputs, labels = points("xor", seen.seeds[0])
    panels, right = [], []
    epochs = diagnostics.moments(seen, 5)
    for epoch in epochs:
        model = diagnostics.model_of(seen.configuration, seen.states[epoch][0])
        outputs = diagnostics.predict(model, seen.configuration)
        right.append(int(np.sum((outputs(inputs) > 0.5) == labels[:, 0])))
        title = f"epoch {epoch}: {right[-1]} of 21"
        panels.append(lab.Panel(title, inputs, labels, outputs))
    counts = f"{', '.join(map(str, right[:-1]))} and {right[-1]}"
    return Exhibit(
        lab.boundaries(panels),
        "The decision boundary of R0's network on XOR at five moments of its learning, for the "
        "first seed; between them the error that is left falls by equal parts. Shades are the "
        "output, from 0 (orange) to 1 (blue); the black line is where it is one half. Of the 21 "
        f"points {counts} are right. The first of the steps takes {epochs[1]} epochs, most of them "
        f"on the plateau, and the second {epochs[2] - epochs[1]}.",
        "Five panels of the unit square with two crossing diagonals of points. "
        + "; ".join(panel.title for panel in panels)
        + ".",
    )


@exhibit("rates", "R0-learning-rates")
def _rates(study: Study) -> Exhibit:
    rates = ("5", "2", "1", "0.1", "0.01", "0.001")
    name = "R0-learning-rates"
    panels = {
        title: {f"rate {rate}": study.curve(name, f"{d}, rate {rate}") for rate in rates}
        for d, title in DATA.items()
    }
    small = study.median(name, "xor, rate 0.01")
    until = [study.until(name, f"linear, rate {rate}", "reached_90") for rate in ("1", "0.1")]
    return Exhibit(
        figures.learning_curves(panels, "mean squared error (log scale)"),
        "Learning rates of R0's network. Between neighbours the curves are shifted along the "
        "logarithmic axis more than they are bent: a tenth of the rate takes about ten times the "
        f"epochs. On linear half of the seeds have 90 % after {until[0]} epochs at rate 1, and "
        f"after {until[1]} at 0.1. So the small rates have not failed, they have not arrived; at "
        f"0.01 the median loss on XOR is still {number(small)}.",
        "Two panels with a curve for each of six rates; larger rates fall sooner.",
    )


@exhibit("rates-success", "R0-learning-rates")
def _rates_success(study: Study) -> Exhibit:
    rates = ("0.001", "0.01", "0.1", "1", "2", "5")
    found = {
        f"{title}, rate {rate}": study.runs("R0-learning-rates", f"{d}, rate {rate}")
        for d, title in DATA.items()
        for rate in rates
    }
    at = {d: study.reach("R0-learning-rates", f"{d}, rate 0.1") for d in DATA}
    return Exhibit(
        figures.success(found),
        "The same rates by how many seeds they bring to 90 % and 100 % in the same number of "
        f"epochs. At 0.1 it is {at['linear']} for all of linear and {at['xor']} for all of XOR: "
        "whoever tries one seed there learns little about the rate.",
        "Bars for six rates on both data sets, growing with the rate.",
    )


@exhibit("rates-stochastic", "R3-learning-rates-xor", "R3-learning-rates-linear")
def _rates_stochastic(study: Study) -> Exhibit:
    panels = {
        "linear": {
            f"rate {r}": study.curve("R3-learning-rates-linear", f"rate {r}")
            for r in ("0.1", "0.01", "0.001")
        },
        "XOR": {
            f"rate {r}": study.curve("R3-learning-rates-xor", f"rate {r}")
            for r in ("1", "0.1", "0.01", "0.001")
        },
    }
    slow = study.reach("R3-learning-rates-xor", "rate 0.001", 0.9)
    epochs = int(study.runs("R3-learning-rates-xor", "rate 0.001").epochs.max())
    return Exhibit(
        figures.learning_curves(panels, "mean squared error (log scale)"),
        "R3's rates, with an update after every point. At 0.001 "
        f"{slow} seeds have 90 % of XOR after {epochs} epochs: the curve is still on the plateau.",
        "Two panels with a curve for each rate.",
    )


@exhibit("grid", "report-grid")
def _grid(study: Study) -> Exhibit:
    runs = study.runs("report-grid")
    epochs = int(runs.epochs.max())
    losses = _over_grid(runs, lambda cell: float(cell.final_loss.median()))
    best = losses.stack().idxmin()
    return Exhibit(
        figures.heatmap(
            {f"XOR after {epochs} epochs": losses}, "median loss (log scale)", log=True
        ),
        "Median loss of R0's network on XOR over the learning rate and the units of each hidden "
        "layer. Brighter is better. A larger rate and more units both lead downhill, and within "
        f"limits one makes up for the other. The best cell is rate {best[0]:g} with {best[1]} "
        "units.",
        "A table of coloured fields, rates down and units across, with the loss in each field.",
    )


@exhibit("grid-success", "report-grid")
def _grid_success(study: Study) -> Exhibit:
    runs = study.runs("report-grid")
    shares = _over_grid(runs, lambda cell: float((cell.accuracy >= 1.0 - 1e-9).mean()))
    return Exhibit(
        figures.heatmap({"XOR": shares}, "share of seeds with every point right", form="{:.0%}"),
        f"The same networks by the share of {runs.seed.nunique()} seeds that have every point "
        "right. At the best of these rates, with two units in each layer it is "
        f"{percent(shares.iloc[:, 0].max())}, with sixteen {percent(shares.iloc[:, -1].max())}.",
        "A table of coloured fields with percentages.",
    )


def _over_grid(runs: DataFrame, reduce: Callable[[DataFrame], float]) -> DataFrame:
    (table,) = figures.over_rate_and_units(runs, reduce).values()
    return table.rename(columns=lambda sizes: sizes.split("-")[0])


@exhibit("units", "R1-hidden-units", "R0-hidden-units")
def _units(study: Study) -> Exhibit:
    panels = {
        "R1, XOR, rate 0.1": {
            f"{n} units": study.curve("R1-hidden-units", f"xor, {n} units") for n in (2, 4, 8, 16)
        },
        "R0, XOR, rate 0.1": {
            f"{n} units": study.curve("R0-hidden-units", f"xor, {n} units") for n in (4, 10)
        },
    }
    until = ", ".join(
        f"{study.until('R1-hidden-units', f'xor, {n} units')} with {n}" for n in (2, 4, 8, 16)
    )
    return Exhibit(
        figures.learning_curves(panels, "mean squared error (log scale)"),
        "More hidden units on XOR. Where bands overlap, a run with more units can well be slower "
        "than one with fewer. Epochs until half of R1's seeds are below a loss of 0.001: "
        f"{until}.",
        "Two panels with a curve for each number of hidden units.",
    )


@exhibit("moons-units", "R2-moons-hidden-units")
def _moons_units(study: Study) -> Exhibit:
    name = "R2-moons-hidden-units"
    panels = [study.panel(name, f"{n} units", f"{n} units") for n in (3, 5, 10, 15, 20)]
    medians = [study.median(name, f"{n} units", "accuracy") for n in (5, 10, 15, 20)]
    held = [study.median(name, f"{n} units", "held_out_accuracy") for n in (5, 20)]
    return Exhibit(
        lab.boundaries(panels),
        "R2's network on two moons with more and more hidden units, for the first seed. Median "
        f"accuracies past 5 units: {', '.join(percent(m) for m in medians)}. On as many "
        f"new points from the same moons, 5 units have {percent(held[0])} and 20 have "
        f"{percent(held[1])}.",
        "Five panels with two interleaved moons and a curved boundary between them.",
    )


DEPTHS = ((3, 3), (3, 5), (5, 5), (5, 10), (10, 3), (10, 5))


@exhibit("moons-depth", "R2-moons-depth")
def _moons_depth(study: Study) -> Exhibit:
    panels = [
        study.panel("R2-moons-depth", f"width {w}, {n} layers", f"({w}, {n})") for w, n in DEPTHS
    ]
    return Exhibit(
        lab.boundaries(panels),
        "R2's networks of several (width, layers) on two moons, for the first seed; input and "
        "output count as layers. It is one run of each, like the report's own figure: the next one "
        "has all seeds, and should be seen before a conclusion is drawn from this one.",
        "Six panels with two moons: " + "; ".join(panel.title for panel in panels) + ".",
    )


@exhibit("depth-success", "R2-moons-depth", "R2-blobs-depth")
def _depth_success(study: Study) -> Exhibit:
    from pandas import concat

    runs = {
        f"moons ({w}, {n})": study.runs("R2-moons-depth", f"width {w}, {n} layers")
        for w, n in DEPTHS
    } | {
        f"blobs ({w}, {n})": study.runs("R2-blobs-depth", f"width {w}, {n} layers")
        for w, n in ((3, 3), (3, 5), (5, 3), (5, 5))
    }
    reach = {
        f"({w}, {n})": study.reach("R2-moons-depth", f"width {w}, {n} layers", 0.95)
        for w, n in ((3, 5), (5, 10), (10, 5))
    }
    lost = concat([study.runs("R2-moons-depth"), study.runs("R2-blobs-depth")])
    lost = Share(int((lost.accuracy <= 0.55).sum()), len(lost))
    return Exhibit(
        figures.success(runs, shares=(0.9, 0.95)),
        "The same networks, and those on blobs, over all seeds. On moons, 95 % is reached by "
        + ", ".join(f"{share} seeds with {name}" for name, share in reach.items())
        + f". Of all {lost.n} runs, {lost.yes} end{'s' * (lost.yes == 1)} no better than a coin.",
        "Bars for each width and depth.",
    )


@exhibit("linear-only", "R1-without-activation", "R0-xor")
def _linear_only(study: Study) -> Exhibit:
    name = "R1-without-activation"
    panels = [
        study.panel(name, "linear", "linear, without"),
        study.panel(name, "xor", "XOR, without"),
        study.panel("R0-xor", "xor", "XOR, with sigmoid"),
    ]
    loss = study.median(name, "xor")
    return Exhibit(
        lab.boundaries(panels),
        "Without activation in its hidden layers a network draws a straight line, whatever its "
        "depth: enough for linear, not for XOR. The best that a line can do there is 16 of 21 "
        f"points; the median loss is {number(loss)}. On the right, the network with sigmoids.",
        "Three panels: a straight boundary on linear, a straight boundary on XOR, a curved one "
        "on XOR.",
    )


@exhibit("vanishing")
def _vanishing(study: Study) -> Exhibit:
    names = {"xor": "XOR, 2 hidden, sigmoid", "deep": "moons, 8 hidden, tanh"}
    names["deep-sigmoid"] = "moons, 8 hidden, sigmoid"
    panels, ratios = {}, []
    for name, title in names.items():
        seen = study.watched[name]
        last = len(seen.configuration.sizes) - 1
        shown = range(1, last + 1, 2 if last > 3 else 1)
        panels[title] = diagnostics.gradients_over_time(seen, shown)
        first, *_, end = (
            layer[layer.epoch == 0].value.median() for layer in panels[title].values()
        )
        ratios.append(number(float(end / first)))
    return Exhibit(
        figures.over_time(panels, "root mean square of ∂L/∂W (log scale)"),
        "How large the gradient of each layer's weights is while a network learns, median and "
        "bands over the seeds. At the start the last layer's is "
        f"{ratios[0]} times the first layer's with two hidden layers of sigmoids, {ratios[1]} "
        f"times in R2's narrow network with eight layers of tanh, and {ratios[2]} times in the "
        "same with sigmoids. Each layer on the way back multiplies by its weights and its slope, "
        "and the sigmoid's slope is at most a quarter: this is what is called vanishing gradients.",
        "Three panels with a curve for each layer; in the third they lie far apart.",
    )


@exhibit("activations-histogram")
def _activations_histogram(study: Study) -> Exhibit:
    seen = study.watched["xor"]
    moments = diagnostics.spread_over(seen, diagnostics.moments(seen, 4), "activations")
    *_, (*_, outputs) = moments.values()
    (*_, before), *_ = moments.values()
    clear = [float(np.mean(np.abs(a - 0.5) > 0.4)) for a in (before, outputs)]
    return Exhibit(
        figures.histograms(moments, "activation"),
        "The activations of R0's network on XOR over all points and seeds, layer by layer (down) "
        "at four moments (across). Layer 3 is the output: at the start "
        f"{percent(clear[0])} of its values are within a tenth of 0 or 1, and at the end "
        f"{percent(clear[1])}. The hidden units spread towards their two ends, where the sigmoid "
        "is flat.",
        "A grid of histograms; the last row moves from the middle to the two ends.",
    )


@exhibit("gradients-histogram")
def _gradients_histogram(study: Study) -> Exhibit:
    seen = study.watched["xor"]
    moments = diagnostics.spread_over(seen, diagnostics.moments(seen, 4), "weight_gradient")
    start, *_, end = moments.values()
    sizes = [number(float(np.median(np.abs(a)))) for a in (start[0], start[2], end[0], end[2])]
    return Exhibit(
        figures.histograms(moments, "∂L/∂w", log=True),
        "The gradients of the same networks' weights: what share lies at each order of magnitude. "
        f"At the start the median is {sizes[0]} in layer 1 and {sizes[1]} in layer 3, further "
        f"right; at the end it is {sizes[2]} and {sizes[3]}.",
        "A grid of histograms of gradients on a logarithmic axis.",
    )


@exhibit("optimizers", "R1-optimizers")
def _optimizers(study: Study) -> Exhibit:
    names = ("SGD", "momentum", "Adagrad")
    panels = {
        title: {name: study.curve("R1-optimizers", f"{d}, {name}") for name in names}
        for d, title in DATA.items()
    }
    until = ", ".join(f"{study.until('R1-optimizers', f'xor, {n}')} with {n}" for n in names)
    return Exhibit(
        figures.learning_curves(panels, "mean squared error (log scale)"),
        "R1's optimizers at the same rate, 0.1. Epochs until half of the seeds are below a loss of "
        f"0.001 on XOR: {until}. The same rate is not the same step: Adagrad's first step is the "
        "rate itself, whatever the gradient.",
        "Two panels with a curve for each of three optimizers.",
    )


@exhibit("momentum", "R0-momentum")
def _momentum(study: Study) -> Exhibit:
    labels = [f"{d}, {how}" for d in DATA for how in ("SGD", "momentum 0.9", "momentum 0.99")]
    groups = {label: study.runs("R0-momentum", label).final_loss.to_numpy() for label in labels}
    printed = {r.cell: r.value for r in EXPERIMENTS["R0-momentum"].reported if r.quantity == "loss"}
    medians = [number(float(np.median(groups[label]))) for label in labels[:2]]
    return Exhibit(
        figures.spread(groups, "loss after the last epoch (log scale)", printed),
        "What momentum is worth at a rate of 0.1: a dot for each seed, the median as a bar, and "
        "as stars the two losses that R0 printed. On linear the medians are "
        f"{medians[0]} for plain descent and {medians[1]} with momentum 0.9.",
        "Six columns of dots on a logarithmic axis.",
    )


@exhibit("surface", "R0-xor")
def _surface(study: Study) -> Exhibit:
    s = diagnostics.surface_of(study.watched["xor"])
    return Exhibit(
        figures.surface(s.xs, s.ys, s.losses, s.paths, s.explained),
        "The ways of four optimizers over the loss of XOR, from the same start (white) to where "
        "each is after as many epochs (stars), in the plane in which the ways differ most. Dark is "
        "low. They do not meet: the network has many equally good solutions, since hidden units "
        f"can be swapped. The plane holds {percent(s.explained)} of what the ways do; heights off "
        "it are not seen.",
        "A map in grey shades with four lines that lead away from one point.",
    )


@exhibit("activations", "R1-activations", "R3-tanh")
def _activations(study: Study) -> Exhibit:
    names = ("sigmoid", "tanh", "ReLU", "leaky ReLU")
    panels = {
        "R1, XOR, full batch": {
            name: study.curve("R1-activations", f"xor, {name}") for name in names
        },
        "R3, XOR, point by point": {
            name: study.curve("R3-tanh", name) for name in ("sigmoid", "tanh")
        },
    }
    until = ", ".join(f"{study.until('R1-activations', f'xor, {n}')} with {n}" for n in names)
    return Exhibit(
        figures.learning_curves(panels, "mean squared error (log scale)"),
        "Activations on XOR at a rate of 0.1. The sigmoid stays longest on the plateau, since its "
        "slope is the smallest. Epochs until half of R1's seeds are below a loss of 0.001: "
        f"{until}.",
        "Two panels with a curve for each activation.",
    )


@exhibit("moons-activations", "R2-moons-activations")
def _moons_activations(study: Study) -> Exhibit:
    name = "R2-moons-activations"
    cells = ("tanh", "sigmoid", "ReLU")
    found = {cell: study.measured(name, cell, "corners") for cell in cells}
    turning = ", ".join(
        f"{percent(np.median(values[np.isfinite(values)]))} with {cell}"
        for cell, values in found.items()
        if np.isfinite(values).any()  # the others' boundaries are straight
    )
    return Exhibit(
        lab.boundaries([study.panel(name, cell, cell) for cell in cells]),
        "R2's boundaries with 3 hidden units, for the first seed: round with tanh and sigmoid, a "
        "polygon with ReLU. In numbers, over all seeds: of all the turning that the boundary "
        f"does, the sharpest tenth of its length holds {turning or 'nothing yet: it is straight'}.",
        "Three panels with two moons; the third boundary has corners.",
    )


@exhibit("silence", "R3-relu")
def _silence(study: Study) -> Exhibit:
    quiet = {
        label: diagnostics.silence_over_time(study.watched[name])
        for label, name in (("ReLU in every layer", "relu"), ("sigmoid in the last", "relu-last"))
    }
    silent = {
        label: [int(table[table.epoch == epoch].output.sum()) for epoch in (0, 1)]
        for label, table in quiet.items()
    }
    table = quiet["ReLU in every layer"]
    n = table.seed.nunique()
    first, second = silent["ReLU in every layer"]
    return Exhibit(
        figures.silences(quiet),
        "R3's network on XOR, with ReLU in every layer and with a sigmoid in the last. Left, how "
        f"many networks output 0 for all 21 points: with ReLU {first} of {n} at the start and "
        f"{second} after a single epoch. Right, the largest gradient in the network, median and "
        "bands over the seeds: where the output is silent it is exactly 0, and what is 0 once "
        "stays 0.",
        f"Two panels over the epochs. Left, silent outputs, {first} of {n} at first and then "
        f"{second}, and none with a sigmoid. Right, gradients, which fall to 0 with ReLU.",
    )


@exhibit("relu-changed", "R3-relu", "report-relu")
def _relu_changed(study: Study) -> Exhibit:
    runs = {
        "ReLU in every layer": study.runs("R3-relu", "ReLU everywhere"),
        **{cell: study.runs("report-relu", cell) for cell in OWN["report-relu"].cells},
        "sigmoid last": study.runs("R3-relu", "ReLU, sigmoid last"),
    }
    counts = "; ".join(
        f"{label} {int((r.accuracy >= 1.0).sum())} of {len(r)}" for label, r in runs.items()
    )
    return Exhibit(
        figures.success(runs),
        "ReLU in every layer, as it is and with one thing changed, from the same seeds. Leaky ReLU "
        "in the last layer lets a hundredth of the gradient through where ReLU lets none; He's "
        "start draws smaller weights, and a smaller rate takes smaller steps, so that fewer "
        "outputs are thrown below 0. A sigmoid in the last layer is never silent.",
        f"Bars, with every point right: {counts}.",
    )


DIGITS = ("ReLU + Adam", "ReLU + Adagrad", "leaky ReLU + Adagrad", "tanh + Adagrad")


@exhibit("digits-curves", "R2-digits")
def _digits_curves(study: Study) -> Exhibit:
    curves = {cell: study.curve("R2-digits", cell) for cell in DIGITS}
    figure = figures.learning_curves({"digits": curves}, "cross-entropy (log scale)")
    medians = {cell: study.median("R2-digits", cell, "accuracy") for cell in DIGITS}
    return Exhibit(
        figure,
        "R2's convolutional network on handwritten digits. Median accuracy on the digits that "
        "were held out: "
        + ", ".join(f"{cell} {percent(value)}" for cell, value in medians.items())
        + ".",
        "Four falling curves.",
    )


@exhibit("digits-spread", "R2-digits")
def _digits_spread(study: Study) -> Exhibit:
    errors = {
        cell: 100.0 - 100.0 * study.runs("R2-digits", cell).accuracy.to_numpy() for cell in DIGITS
    }
    n = len(errors[DIGITS[0]])
    return Exhibit(
        figures.spread(errors, "digits read wrong (%)", {}, yscale="linear"),
        f"The same in single runs, {n} for each. Where the dots of two combinations mix, one run "
        "of each cannot say which is better.",
        "Four columns of dots.",
    )


@exhibit("digits-filters", "R2-digits")
def _digits_filters(study: Study) -> Exhibit:
    seeds = study.weights("R2-digits", "ReLU + Adagrad")
    state = seeds[min(seeds)]
    kernels = state["conv1.weight"][:, 0]
    start = diagnostics.first_kernels("ReLU", min(seeds))
    moved = np.linalg.norm(kernels - start, axis=(1, 2)) / np.linalg.norm(start, axis=(1, 2))
    return Exhibit(
        figures.tiles(kernels),
        f"The {len(kernels)} kernels of the first convolution after training with ReLU and "
        "Adagrad: blue adds, orange takes away. A kernel with a blue and an orange side answers to "
        "an edge, one with a blue stripe to a stroke. Training has moved them by "
        f"{percent(np.median(moved))} of their length in the median, so much of what is seen is "
        "how they started.",
        "Small squares of 5 by 5 fields in blue and orange.",
    )


@exhibit("digits-statistics", "R2-digits")
def _digits_statistics(study: Study) -> Exhibit:
    layers = ("conv1", "conv2", "fc1", "fc2")
    moments = {}
    for cell in ("ReLU + Adam", "ReLU + Adagrad"):
        seeds = study.weights("R2-digits", cell)
        state = seeds[min(seeds)]
        moments[cell] = [np.ravel(state[f"{layer}.weight"]) for layer in layers]
    widths = [float(np.std(np.concatenate(arrays))) for arrays in moments.values()]
    return Exhibit(
        figures.histograms(moments, "weight", layers=layers, alike=False),
        "The weights of every layer after training with Adam and with Adagrad. R2 preferred "
        "Adagrad for its more uniform weights and smoother histograms; here their standard "
        f"deviation is {number(widths[0])} with Adam and {number(widths[1])} with Adagrad.",
        "Two columns of histograms, a row for each layer.",
    )
