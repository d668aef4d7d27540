"""The lab's figures, in the style of lab.mplstyle.

Every function returns a Matplotlib figure that belongs to no window: it is
drawn when it is saved. Matplotlib is imported when the first one is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.visualize import palette

from .data import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

INK, PAPER = palette.INK.of(), palette.PAPER.of()
CLASSES = [(c.of(), m) for c, m in zip(palette.CLASSES, palette.MARKERS, strict=True)]


@contextmanager
def style() -> Iterator[None]:
    """Make and save figures in the project's style inside the `with`."""
    from cycler import cycler
    from matplotlib.style import context

    ours = {
        "axes.prop_cycle": cycler(color=palette.SERIES),
        "grid.color": palette.LINE.of(),
        "savefig.facecolor": PAPER,
    }
    with context([Path(__file__).with_name("lab.mplstyle"), ours]):
        yield


def comparison(inputs: Array, labels: Array, outputs: Array) -> Figure:
    """Draw the ground truth beside the prediction, with a ring around each mistake."""
    figure = blank()
    left, right = figure.subplots(1, 2, sharey=True)
    predicted = outputs > 0.5
    wrong = (predicted != labels)[:, 0]
    _points(left, inputs, labels)
    _points(right, inputs, predicted)
    if wrong.any():
        ring = {"marker": "o", "markersize": 14, "markerfacecolor": "none", "color": INK}
        right.plot(*inputs[wrong].T, linestyle="", label="mistake", **ring)
    left.set_title("Ground truth")
    right.set_title(f"Prediction: {np.sum(~wrong)} of {len(wrong)} right")
    right.set_ylabel("")
    handles, names = right.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center")
    return figure


def learning_curve(losses: Sequence[float], accuracies: Sequence[float], loss_name: str) -> Figure:
    """Draw the loss of every epoch, and below it the accuracy."""
    figure = blank()
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    epochs = np.arange(1, len(losses) + 1)
    above.plot(epochs, losses, marker=marker_of(epochs))
    above.set_ylabel(f"{loss_name}\n(log scale)")
    logarithmic(above, "y")
    below.plot(epochs, 100 * np.asarray(accuracies), marker=marker_of(epochs), color="C1")
    below.set(ylim=(-4, 104), yticks=(0, 50, 100), ylabel="accuracy (%)", xlabel="epoch")
    below.set_xlim(0, max(len(losses), 2))
    below.xaxis.get_major_locator().set_params(integer=True)
    for axes in (above, below):
        axes.grid(True)
    figure.align_ylabels()
    return figure


def decision_boundary(
    inputs: Array, labels: Array, predict: Callable[[Array], Array], places: int = 241
) -> Figure:
    """Draw the network's output over the plane, and the line where it is one half.

    There are as many places along each side as `places` says.
    """
    figure = blank(figsize=(6.4, 5))
    axes = figure.subplots()
    ticks = np.linspace(-0.1, 1.1, places)
    plane = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    output = predict(plane.reshape(-1, 2)).reshape(plane.shape[:2])
    if np.isfinite(output).all():
        shades = axes.pcolormesh(ticks, ticks, output, cmap=diverging(), vmin=0, vmax=1, alpha=0.55)
        beyond = ("neither", "min", "max", "both")[(output.min() < 0) + 2 * (output.max() > 1)]
        figure.colorbar(
            shades, ax=axes, label="output of the network", ticks=(0, 0.5, 1), extend=beyond
        )
        if output.min() < 0.5 < output.max():
            axes.contour(ticks, ticks, output, levels=[0.5], colors=INK, linewidths=1.8)
            axes.plot([], [], color=INK, label="output 0.5")
    _points(axes, inputs, labels)
    axes.set(xlim=(-0.1, 1.1), ylim=(-0.1, 1.1))
    axes.grid(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


@dataclass
class Panel:
    """A network's view of the plane: its points, and its output for any of them, from 0 to 1."""

    title: str
    inputs: Array
    labels: Array
    predict: Callable[[Array], Array]


def boundaries(panels: Sequence[Panel], columns: int = 3) -> Figure:
    """Draw outputs over the plane as shades, the line where they are one half, the points."""
    from matplotlib.lines import Line2D

    columns = min(columns, len(panels))
    figure, grid, empty = panes(len(panels), columns, width=7.9 / columns, height=8.2 / columns)
    shades, shown = diverging(), None
    for i, (axes, panel) in enumerate(zip(grid, panels, strict=True)):
        low, high = panel.inputs.min(axis=0), panel.inputs.max(axis=0)
        left, bottom = low - 0.1 * (high - low)
        right, top = high + 0.1 * (high - low)
        xs, ys = np.linspace(left, right, 160), np.linspace(bottom, top, 160)
        plane = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        outputs = panel.predict(plane).reshape(160, 160)
        if np.isfinite(outputs).all():
            shown = axes.pcolormesh(
                xs, ys, outputs, cmap=shades, vmin=0, vmax=1, alpha=0.55, rasterized=True
            )
            if outputs.min() < 0.5 < outputs.max():
                axes.contour(xs, ys, outputs, levels=[0.5], colors=INK, linewidths=1.5)
        labels = np.ravel(panel.labels)
        for label, (color, marker) in enumerate(CLASSES):
            axes.plot(
                *panel.inputs[labels == label].T, marker, color=color, markersize=5,
                markeredgecolor=PAPER, markeredgewidth=0.6,
            )  # fmt: skip
        axes.set_title(panel.title, fontsize=11)
        axes.set(xlabel="$x_1$", ylabel="$x_2$")
        if i % columns:
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
        if i + columns < len(panels):
            axes.set_xlabel("")
            axes.tick_params(labelbottom=False)
    keys = [
        Line2D([], [], label="output 0.5", color=INK, linewidth=1.5),
        *(
            Line2D([], [], linestyle="", marker=marker, color=color, label=f"label {label}")
            for label, (color, marker) in enumerate(CLASSES)
        ),
    ]
    if shown is not None:
        figure.colorbar(shown, ax=grid, label="output", ticks=(0, 0.5, 1), shrink=0.8)
    if empty:  # that is where the key goes
        empty[0].legend(handles=keys, loc="center")
    else:
        figure.legend(handles=keys, loc="outside lower center", ncols=3)
    return figure


def panes(
    count: int, columns: int = 2, *, width: float, height: float, sharey: bool = False
) -> tuple[Figure, list[Axes], list[Axes]]:
    """Return a figure with so many panels, in rows; and the places that are left empty."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = blank(figsize=(max(width * columns, 5.5), height * rows))
    grid = figure.subplots(rows, columns, squeeze=False, sharey=sharey)
    axes = list(grid.ravel())
    for empty in axes[count:]:
        empty.axis("off")
    return figure, axes[:count], axes[count:]


def logarithmic(axes: Axes, which: str) -> None:
    """Give the axis "x" or "y" of what is drawn a logarithmic scale, with ticks to be read."""
    from .ticks import log_numbers, log_ticks

    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_data_interval()
    if 0.0 < low <= high < 1.5 * low:  # Matplotlib's own limits would be a decade away
        axes.set(**{f"{which}lim": (low / 1.2, high * 1.2)})
    axis.set_major_locator(log_ticks(whole=which == "x"))  # epochs
    axis.set_major_formatter(log_numbers())
    axis.set_minor_formatter("")


def marker_of(places: Sequence[Any] | Array) -> str:
    """Return the marker of a line: one where the line is too short to be seen."""
    return "o" if len(places) < 5 else ""


def blank(**kwargs: Any) -> Figure:
    """Return an empty figure."""
    from matplotlib.figure import Figure  # not pyplot: no window, no state

    return Figure(**kwargs)


def diverging() -> Colormap:
    """Return the colours from label 0 to label 1, or from negative to positive: orange to blue."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(
        "diverging", [palette.NEGATIVE.of(), PAPER, palette.POSITIVE.of()]
    )


def _points(axes: Axes, inputs: Array, labels: Array) -> None:
    """Scatter the points, one colour and one marker for each label."""
    for label, (color, marker) in enumerate(CLASSES):
        x1, x2 = inputs[labels[:, 0] == label].T
        axes.plot(
            x1, x2, marker, color=color, markeredgecolor=PAPER, label=f"label {label}"
        )  # fmt: skip
    axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal", xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
    axes.grid(True)
