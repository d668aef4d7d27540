"""The study's figures: many runs in one picture, in the style of lab.mplstyle.

What is drawn of many seeds is their distribution: the median as a line, the middle half
of the seeds as a band, nine of ten as a paler one; a share with its 95 % interval. Every
function returns a figure that is drawn when it is saved; Matplotlib is imported then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.visualize import palette

from ..data import Array
from ..figures import INK, PAPER, blank, diverging, logarithmic, marker_of, panes, style
from .configuration import ACTIVATIONS, OPTIMIZERS
from .statistics import wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame  # type: ignore[import-untyped]

LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
"""Line styles, so that curves are told apart without colour too."""
LOSS = "loss (log scale)"


# -- curves over the epochs --------------------------------------------------------------------


def learning_curves(panels: Mapping[str, Mapping[str, DataFrame]], ylabel: str = LOSS) -> Figure:
    """Draw the loss over the epochs, with bands over the seeds.

    Parameters
    ----------
    panels
        For each panel's title, for each curve's label, a table of epoch, seed and loss.
    ylabel
        What the loss is.
    """
    figure, grid, _ = panes(len(panels), width=4.4, height=4.2, sharey=True)
    for axes, (title, curves) in zip(grid, panels.items(), strict=False):
        for i, (label, curve) in enumerate(curves.items()):
            band(axes, curve, "loss", label, i)
        axes.set(title=title, xlabel="epoch (log scale)")
        logarithmic(axes, "x")
        logarithmic(axes, "y")
        axes.legend()
    grid[0].set_ylabel(ylabel)
    return figure


def band(axes: Axes, curve: DataFrame, column: str, label: str, i: int = 0) -> None:
    """Draw the median over the seeds, the middle half, and nine of ten."""
    finite = curve[np.isfinite(curve[column])]
    quantiles = finite.groupby("epoch")[column].quantile([0.05, 0.25, 0.5, 0.75, 0.95]).unstack()
    if quantiles.empty:
        axes.plot([], [], label=f"{label} (diverged)", color=f"C{i}")
        return
    epochs = quantiles.index.to_numpy()
    for low, high, alpha in ((0.05, 0.95, 0.12), (0.25, 0.75, 0.25)):
        axes.fill_between(
            epochs, quantiles[low], quantiles[high], color=f"C{i}", alpha=alpha, linewidth=0
        )
    line = LINES[i % len(LINES)]
    axes.plot(epochs, quantiles[0.5], color=f"C{i}", linestyle=line, label=label,
              marker=marker_of(epochs))  # fmt: skip


# -- shares of the seeds -----------------------------------------------------------------------


def success(runs: Mapping[str, DataFrame], shares: Sequence[float] = (0.9, 1.0)) -> Figure:
    """Draw how many of the seeds reach an accuracy, with Wilson's 95 % interval.

    Parameters
    ----------
    runs
        For each bar's label a table of runs with their accuracy.
    shares
        The accuracies, a colour each.
    """
    from matplotlib.patches import Patch

    figure = blank(figsize=(8, 1.5 + 0.27 * len(shares) * len(runs)))
    axes = figure.subplots()
    height = 0.8 / len(shares)
    hatches = ("", "///")
    for k, least in enumerate(shares):
        for i, table in enumerate(runs.values()):
            n, yes = len(table), int((table.accuracy >= least - 1e-9).sum())
            if not n:
                continue
            low, high = wilson(yes, n)
            where = i + (k - (len(shares) - 1) / 2) * height
            axes.barh(
                where, 100 * yes / n, height, color=f"C{k}", edgecolor=PAPER,
                hatch=hatches[k % 2],
            )  # fmt: skip
            share = 100 * yes / n
            error = [[share - 100 * low], [100 * high - share]]
            axes.errorbar(share, where, xerr=error, color=INK, capsize=2.5, linewidth=1)
            axes.text(101.5, where, f"{yes}/{n}", va="center", fontsize=9)
    axes.set(xlim=(0, 110), ylim=(len(runs) - 0.5, -0.5), xlabel="share of the seeds (%)")
    axes.set(xticks=range(0, 101, 20), yticks=range(len(runs)), yticklabels=list(runs))
    axes.grid(True, axis="x")
    keys = [
        Patch(facecolor=f"C{k}", edgecolor=PAPER, hatch=hatches[k % 2], label=_at_least(least))
        for k, least in enumerate(shares)
    ]
    figure.legend(handles=keys, loc="outside upper center", ncols=len(shares))
    return figure


def _at_least(share: float) -> str:
    return "every point right" if share >= 1.0 else f"at least {100 * share:.0f} % right"


def heatmap(
    panels: Mapping[str, DataFrame], label: str, form: str = "{:.2g}", log: bool = False
) -> Figure:
    """Draw numbers over the learning rate (down) and the hidden units (across).

    Parameters
    ----------
    panels
        For each title a table of numbers: an index of rates, columns of hidden units.
    label
        What the numbers are.
    form
        How a number is written into its field.
    log
        Whether colours follow the logarithm; where not, the numbers are shares.
    """
    import matplotlib
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.ticker import PercentFormatter

    from ..ticks import log_numbers, log_ticks

    figure, grid, _ = panes(len(panels), width=4.2, height=3.6)
    every = np.concatenate([table.to_numpy(float).ravel() for table in panels.values()])
    every = every[np.isfinite(every) & ((every > 0) | (not log))]
    low, high = (every.min(), every.max()) if every.size else (0.1, 1.0)
    if not log:
        low, high = min(low, 0.0), max(high, 1.0)
    norm = LogNorm(low, max(high, low * 1.01)) if log else Normalize(low, high)
    colors = matplotlib.colormaps[palette.HEAT + "_r" * log].with_extremes(bad=palette.MISSING)
    for axes, (title, table) in zip(grid, panels.items(), strict=False):
        numbers = table.to_numpy(float)
        shades = axes.imshow(np.where(np.isfinite(numbers), numbers, np.nan), cmap=colors,
                             norm=norm, aspect="auto")  # fmt: skip
        for (row, column), number in np.ndenumerate(numbers):
            dark = np.isfinite(number) and np.mean(colors(norm(number))[:3]) < 0.5
            text = form.format(number) if np.isfinite(number) else "–"
            axes.text(column, row, text, ha="center", va="center", fontsize=9,
                      color=PAPER if dark else INK)  # fmt: skip
        axes.set(title=title, xlabel="hidden units", ylabel="learning rate")
        axes.set_xticks(range(len(table.columns)), [str(c) for c in table.columns])
        axes.set_yticks(range(len(table.index)), [f"{rate:g}" for rate in table.index])
        for side in axes.spines.values():
            side.set_visible(False)
    log_scale = {"ticks": log_ticks(), "format": log_numbers()}
    how = log_scale if log else {"format": PercentFormatter(1.0)}
    figure.colorbar(shades, ax=list(grid), label=label, shrink=0.9, **how).minorticks_off()
    return figure


# -- the plane ---------------------------------------------------------------------------------


def surface(
    xs: Array, ys: Array, losses: Array, paths: Mapping[str, Array], explained: float
) -> Figure:
    """Draw the loss over a plane through weight space, and the optimizers' ways over it.

    Parameters
    ----------
    xs, ys
        Places along the two directions, in units of weight.
    losses
        The loss at each place, shape (len(ys), len(xs)).
    paths
        For each optimizer the places that it visited, shape (moments, 2).
    explained
        The share of the paths' variance that lies in this plane.
    """
    from matplotlib.colors import LogNorm

    from ..ticks import log_numbers, log_ticks

    figure = blank(figsize=(8, 5.6))
    axes = figure.subplots()
    levels = np.geomspace(losses.min(), losses.max(), 16)
    shades = axes.contourf(
        xs, ys, losses, levels=levels, norm=LogNorm(), cmap=palette.SHADES + "_r", alpha=0.7
    )
    figure.colorbar(
        shades,
        ax=axes,
        label="loss in this plane (log scale)",
        ticks=log_ticks(),
        format=log_numbers(),
    ).minorticks_off()
    for i, (label, path) in enumerate(paths.items()):
        axes.plot(*path.T, color=f"C{i}", linestyle=LINES[i % len(LINES)], label=label)
        axes.plot(*path[-1], "*", color=f"C{i}", markersize=13, markeredgecolor=INK)
    start = next(iter(paths.values()))[0]
    axes.plot(*start, "o", color=PAPER, markeredgecolor=INK, label="start")
    axes.set(
        xlabel="first principal direction (units of weight)",
        ylabel="second principal direction (units of weight)",
        title=f"{100 * explained:.0f} % of the paths' variance lies in this plane",
    )
    figure.legend(loc="outside lower center", ncols=3)
    return figure


# -- inside a network --------------------------------------------------------------------------


def histograms(
    moments: Mapping[str, Sequence[Array]],
    label: str,
    *,
    log: bool = False,
    layers: Sequence[str] | None = None,
    alike: bool = True,
) -> Figure:
    """Draw how numbers are spread in each layer (down) at some moments (across).

    Parameters
    ----------
    moments
        For each moment's name the numbers of each layer, from the first to the last.
    label
        What they are, with their unit.
    log
        Whether to draw the logarithm of their absolute value; how many are 0 is then
        written into the panel.
    layers
        What the layers are called.
    alike
        Whether all layers share one axis; else each has its own.
    """
    rows = layers or [f"layer {i}" for i in range(1, 1 + len(next(iter(moments.values()))))]
    figure = blank(figsize=(8, 1.1 + (1.35 if alike else 1.6) * len(rows)))
    grid = figure.subplots(
        len(rows), len(moments), sharex=True if alike else "row", sharey="row", squeeze=False
    )
    same_layers = zip(*moments.values(), strict=True)
    by_layer = [np.concatenate([np.ravel(array) for array in same]) for same in same_layers]
    if alike:
        by_layer = [np.concatenate(by_layer)] * len(rows)
    every_bins = [_bins(numbers, log) for numbers in by_layer]
    for column, (moment, arrays) in enumerate(moments.items()):
        for row, array in enumerate(arrays):
            axes, bins = grid[row, column], every_bins[row]
            numbers = np.ravel(array)
            zeros = np.count_nonzero(numbers == 0.0)
            if log:
                numbers = np.log10(np.abs(numbers[numbers != 0.0]))
            weights = np.full(numbers.size, 100.0 / max(1, np.size(array)))
            axes.hist(np.clip(numbers, bins[0], bins[-1]), bins, weights=weights, color=f"C{row}")
            if log and zeros:
                says = f"{100 * zeros / np.size(array):.0f} % are 0"
                axes.text(0.03, 0.95, says, transform=axes.transAxes, va="top", fontsize=9)
            if row == 0:
                axes.set_title(moment, fontsize=10, loc="center")
            if column == 0:
                axes.set_ylabel(f"{rows[row]}\n(%)", fontsize=10)
            axes.tick_params(labelsize=9)
    figure.supxlabel(f"$\\log_{{10}}$ |{label}|" if log else label, fontsize=12)
    return figure


def _bins(numbers: Array, log: bool) -> Array:
    """Return the bounds of thirty bins that hold all but the very last of some numbers."""
    numbers = numbers[np.isfinite(numbers)]
    if log:
        numbers = np.log10(np.abs(numbers[numbers != 0.0]))
    low, high = np.quantile(numbers, [0.001, 0.999]) if numbers.size else (0.0, 1.0)
    return np.linspace(low, high if high > low else low + 1.0, 31)


def over_time(panels: Mapping[str, Mapping[str, DataFrame]], ylabel: str) -> Figure:
    """Draw a number of each layer over the epochs, with bands over the seeds.

    Each table has the columns epoch, seed and value.
    """
    figure, grid, _ = panes(len(panels), 3, width=3.6, height=4.4)
    for axes, (title, layers) in zip(grid, panels.items(), strict=False):
        for i, (label, values) in enumerate(layers.items()):
            band(axes, values, "value", label, i)
        axes.set_title(title, fontsize=11)
        axes.set(xscale="symlog", xlabel="epoch (log scale)")
        logarithmic(axes, "y")
        axes.set_xlim(left=0)
        axes.legend(fontsize=9)
    grid[0].set_ylabel(ylabel)
    return figure


def silences(networks: Mapping[str, DataFrame]) -> Figure:
    """Draw how many networks say 0 of every point, and the largest gradient that is left.

    Parameters
    ----------
    networks
        For each kind of network a table of epoch, seed, output (whether it is silent) and
        gradient.
    """
    figure = blank(figsize=(8.8, 4.2))
    left, right = figure.subplots(1, 2)
    for i, (label, table) in enumerate(networks.items()):
        counts = table.groupby("epoch").output.agg(["sum", "count"])
        low, high = np.transpose([wilson(yes, n) for yes, n in counts.to_numpy()])
        share = counts["sum"] / counts["count"]
        left.fill_between(
            counts.index, 100 * low, 100 * high, color=f"C{i}", alpha=0.2, linewidth=0
        )
        left.plot(counts.index, 100 * share, LINES[i], color=f"C{i}", marker="o", markersize=4,
                  label=label)  # fmt: skip
        band(right, table, "gradient", label, i)
    left.set(ylabel="networks with a silent output (%)", ylim=(-3, 103))
    right.set(ylabel="largest |∂L/∂w|\n(log scale, 0 at the bottom)")
    right.set_yscale("symlog", linthresh=1e-6)
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.set(xscale="symlog", xlabel="epoch (log scale)")
        axes.set_xlim(left=0)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def tiles(images: Array) -> Figure:
    """Draw small arrays side by side, blue for positive, orange for negative numbers."""
    figure, grid, _ = panes(len(images), 8, width=1.0, height=1.05)
    most = float(np.abs(images).max())
    for axes, image in zip(grid, images, strict=True):
        shown = axes.imshow(image, cmap=diverging(), vmin=-most, vmax=most)
        axes.axis("off")
    figure.colorbar(shown, ax=grid, label="weight", shrink=0.8)
    return figure


def spread(
    groups: Mapping[str, Array], ylabel: str, reported: Mapping[str, float], yscale: str = "log"
) -> Figure:
    """Draw a number of every run as a dot, the median as a line, what was reported as a star."""
    figure = blank(figsize=(8, 4.4))
    axes = figure.subplots()
    rng = np.random.default_rng(0)
    for i, (label, values) in enumerate(groups.items()):
        values = np.asarray(values, float)
        values = values[np.isfinite(values)]
        beside = i + rng.uniform(-0.18, 0.18, len(values))
        axes.plot(beside, values, "o", color="C0", alpha=0.45, markersize=4, markeredgewidth=0)
        if len(values):
            axes.hlines(np.median(values), i - 0.28, i + 0.28, color=INK, linewidth=2)
        if label in reported:
            axes.plot(i, reported[label], "*", color="C1", markersize=14, markeredgecolor=INK)
    axes.plot([], [], "o", color="C0", alpha=0.45, markersize=4, label="a run")
    axes.plot([], [], color=INK, linewidth=2, label="median")
    if reported:
        axes.plot([], [], "*", color="C1", markersize=14, markeredgecolor=INK, label="reported")
    names = [label.replace(", ", "\n").replace(" 0", "\n0") for label in groups]
    axes.set_xticks(range(len(groups)), names)
    axes.set_ylabel(ylabel)
    if yscale == "log":
        logarithmic(axes, "y")
    axes.grid(True, axis="y")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def function(names: Mapping[str, Callable[[Array], Array]], ylabel: str = "value") -> Figure:
    """Draw functions of one number, such as the sigmoid and its derivative."""
    figure = blank(figsize=(8, 3.8))
    axes = figure.subplots()
    x = np.linspace(-8.0, 8.0, 321)
    for i, (label, f) in enumerate(names.items()):
        axes.plot(x, f(x), linestyle=LINES[i], label=label)
    axes.set(xlabel="x", ylabel=ylabel)
    axes.grid(True)
    axes.legend()
    return figure


# -- a sweep -----------------------------------------------------------------------------------


def sweep_figures(results: Any, folder: str | Path) -> list[Path]:
    """Write the figures of a sweep: success and loss over learning rate and hidden units.

    Parameters
    ----------
    results
        Has a table `runs` with the columns activation, optimizer, hidden, lr, accuracy
        and final_loss.
    folder
        Where the files are written, as SVG and PNG.

    Returns
    -------
    list of Path
    """
    runs = results.runs
    hows = {
        "sweep_success_90": (
            "share of seeds at least 90 % right",
            lambda cell: (cell.accuracy >= 0.9).mean(),
            "{:.0%}",
            False,
        ),
        "sweep_success_100": (
            "share of seeds with every point right",
            lambda cell: (cell.accuracy >= 1.0 - 1e-9).mean(),
            "{:.0%}",
            False,
        ),
        "sweep_loss": (
            "median loss (log scale)",
            lambda cell: cell.final_loss.median(),
            "{:.2g}",
            True,
        ),
    }
    written = []
    with style():
        for name, (label, reduce, form, log) in hows.items():
            figure = heatmap(over_rate_and_units(runs, reduce), label, form, log)
            written += save(figure, Path(folder), name)
    return written


def over_rate_and_units(
    runs: DataFrame, reduce: Callable[[DataFrame], float]
) -> dict[str, DataFrame]:
    """Return a number over learning rate and units, a table for each of the other settings."""
    from pandas import DataFrame

    differ = [name for name in OTHERS if name in runs and runs[name].nunique(dropna=False) > 1]
    panels = {}
    for values, part in runs.groupby(differ or ["activation"], sort=False, dropna=False):
        cells = {key: reduce(cell) for key, cell in part.groupby(["lr", "hidden"], sort=False)}
        rates = sorted({rate for rate, _ in cells}, reverse=True)
        units = sorted({hidden for _, hidden in cells}, key=_sizes)
        words = [OTHERS[name](x) for name, x in zip(differ or ["activation"], values, strict=True)]
        panels[fill(", ".join(words), 34)] = DataFrame(
            [[cells.get((rate, hidden), np.nan) for hidden in units] for rate in rates],
            index=rates,
            columns=["-".join(map(str, _sizes(hidden))) for hidden in units],
        )
    return panels


OTHERS: dict[str, Callable[[Any], str]] = {
    "data": str,
    "bias": lambda bias: "with bias" if bias else "no bias",
    "activation": lambda name: ACTIVATIONS.get(name, name),
    "init": str,
    "loss": str,
    "optimizer": lambda name: OPTIMIZERS.get(name, name),
    "batch": lambda batch: f"batches of {batch:g}" if batch > 0 else "full batch",
}
"""Settings that a sweep may vary beside rate and units, and how they are written."""


def _sizes(hidden: Any) -> list[int]:
    """Read the sizes of hidden layers, as a tuple or as a table writes them.

    >>> _sizes("4-4"), _sizes("(5, 5)"), _sizes(3)
    ([4, 4], [5, 5], [3])
    """
    import re

    return [int(size) for size in re.findall(r"\d+", str(hidden))]


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure as SVG and as PNG; the same figure gives the same bytes."""
    from matplotlib import rc_context

    paths = [folder / f"{name}.svg", folder / f"{name}.png"]
    with rc_context({"svg.hashsalt": name}):
        figure.savefig(paths[0], metadata={"Date": None})
        figure.set_layout_engine("none")  # what was laid out for the first is so for the second
        figure.savefig(paths[1])
    return paths
