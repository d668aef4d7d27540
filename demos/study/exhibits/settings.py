"""What learning rates, batches and sizes do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ... import figures as lab
from .. import figures
from .results import DATA, Exhibit, Share, Study, exhibit, number, percent

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]


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
