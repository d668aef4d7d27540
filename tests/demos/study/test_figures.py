"""What figures show, read off their lines, bars and fields."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demos import figures as lab
from demos.figures import style
from demos.study import figures
from demos.study.statistics import wilson

pd = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")


def curves(seeds=21, epochs=(1, 10, 100)):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {"seed": seed, "epoch": epoch, "loss": rng.lognormal() / epoch}
            for seed in range(seeds)
            for epoch in epochs
        ]
    )


def fields(axes):
    """Return the texts of a heatmap as rows."""
    texts = {tuple(reversed(t.get_position())): t.get_text() for t in axes.texts}
    rows, columns = (max(place[k] for place in texts) + 1 for k in (0, 1))
    return [[texts[row, column] for column in range(columns)] for row in range(rows)]


# -- curves ----------------------------------------------------------------------------------


def test_the_line_is_the_median_and_the_band_holds_the_middle_half():
    table = curves()
    (axes,) = figures.learning_curves({"one": {"a": table}}).axes
    (line,) = axes.lines
    by_epoch = table.groupby("epoch").loss
    np.testing.assert_allclose(line.get_ydata(), by_epoch.median())
    wide, middle = (band.get_paths()[0].vertices[:, 1] for band in axes.collections)
    assert middle.min() == pytest.approx(by_epoch.quantile(0.25).min())
    assert middle.max() == pytest.approx(by_epoch.quantile(0.75).max())
    assert wide.max() == pytest.approx(by_epoch.quantile(0.95).max())
    assert (axes.get_xlabel(), axes.get_xscale()) == ("epoch (log scale)", "log")


def test_curves_are_told_apart_without_colour():
    few = curves(3, (1, 2, 5, 10, 20))
    (axes,) = figures.learning_curves({"one": {str(i): few for i in range(6)}}).axes
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in axes.lines}) == 6


def test_a_run_that_overflowed_is_left_out_of_the_band_and_said():
    table = curves()
    table["loss"] = np.inf
    (axes,) = figures.learning_curves({"one": {"a": table}}).axes
    assert axes.get_legend().texts[0].get_text() == "a (diverged)"


# -- shares ----------------------------------------------------------------------------------


def test_bars_are_shares_with_wilsons_interval():
    runs = pd.DataFrame({"accuracy": [1.0] * 6 + [0.95] * 3 + [0.5]})
    (axes,) = figures.success({"a": runs}).axes
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx([90.0, 60.0])
    ends = [segment[:, 0] for bars in axes.collections for segment in bars.get_segments()]
    for yes, found in zip((9, 6), ends, strict=True):
        np.testing.assert_allclose(found, 100 * np.array(wilson(yes, 10)))
    assert [t.get_text() for t in axes.texts] == ["9/10", "6/10"]
    assert {bar.get_hatch() for bar in axes.patches} == {"", "///"}


def test_no_runs_are_no_bar():
    none = pd.DataFrame({"accuracy": []})
    (axes,) = figures.success({"a": none}).axes
    assert not axes.patches
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a"]


def sweep(**settings):
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        [
            {
                "lr": lr, "hidden": hidden, "activation": activation, "optimizer": "sgd",
                "accuracy": rng.choice([0.8, 0.95, 1.0]), "final_loss": rng.lognormal(), **settings,
            }
            for lr in (0.1, 1.0)
            for hidden in ("2-2", "10-10", "4-4")
            for activation in ("sigmoid", "tanh")
            for _ in range(5)
        ]
    )  # fmt: skip


def test_a_heatmap_has_rates_down_and_units_across():
    runs = sweep()
    panels = figures.over_rate_and_units(runs, lambda cell: cell.final_loss.median())
    assert list(panels) == ["sigmoid", "tanh"]
    axes = figures.heatmap(panels, "loss", "{:.6f}").axes[1]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["1", "0.1"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["2-2", "4-4", "10-10"]
    part = runs[(runs.activation == "tanh") & (runs.lr == 0.1) & (runs.hidden == "10-10")]
    assert fields(axes)[1][2] == f"{part.final_loss.median():.6f}"


def test_a_field_that_was_not_run_is_a_dash():
    runs = sweep()
    runs = runs[~((runs.lr == 1.0) & (runs.hidden == "4-4"))]
    panels = figures.over_rate_and_units(runs, lambda cell: cell.accuracy.mean())
    assert fields(figures.heatmap(panels, "share").axes[0])[0][1] == "–"


@pytest.mark.parametrize("loss", [0.0, np.inf, np.nan, 1e-300])
def test_strange_losses_are_drawn(loss):
    runs = sweep()
    runs.loc[::2, "final_loss"] = loss
    panels = figures.over_rate_and_units(runs, lambda cell: cell.final_loss.max())
    figures.heatmap(panels, "loss", log=True).canvas.draw()


def test_a_sweep_has_its_figures(tmp_path):
    written = figures.sweep_figures(SimpleNamespace(runs=sweep()), tmp_path)
    assert {path.name for path in written} == {
        f"sweep_{what}.{kind}"
        for what in ("success_90", "success_100", "loss")
        for kind in ("svg", "png")
    }
    assert all(path.stat().st_size > 1000 for path in written)


# -- the plane -------------------------------------------------------------------------------


def test_the_boundary_is_where_the_output_is_one_half():
    inputs = np.array([[0.0, 0.0], [1.0, 1.0]])
    panel = lab.Panel("a", inputs, np.array([[0], [1]]), lambda p: p[:, 0] + 0.1)
    axes, _ = lab.boundaries([panel]).axes
    line = axes.collections[-1].get_paths()[0].vertices
    np.testing.assert_allclose(line[:, 0], 0.4, atol=1e-9)
    assert [line.get_marker() for line in axes.lines] == ["o", "^"]


@pytest.mark.parametrize("output", [0.2, np.nan])
def test_a_network_without_a_boundary_is_drawn(output):
    inputs = np.array([[0.0, 0.0], [1.0, 1.0]])
    panel = lab.Panel("a", inputs, np.array([0, 1]), lambda p: np.full(len(p), output))
    lab.boundaries([panel]).canvas.draw()


# -- inside a network ------------------------------------------------------------------------


def test_a_histogram_has_all_numbers():
    moments = {"start": [np.linspace(0, 1, 50)], "end": [np.r_[np.zeros(25), np.ones(25)]]}
    for axes in figures.histograms(moments, "x").axes:
        assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(100.0)


def test_zeros_have_no_logarithm_and_are_counted():
    moments = {"start": [np.array([0.0, 1e-3, 1e-2, -1e-1])], "end": [np.zeros(4)]}
    first, second = figures.histograms(moments, "x", log=True).axes
    assert sum(bar.get_height() for bar in first.patches) == pytest.approx(75.0)
    assert [axes.texts[0].get_text() for axes in (first, second)] == ["25 % are 0", "100 % are 0"]


def test_silent_outputs_are_counted():
    table = pd.DataFrame(
        {
            "epoch": [0, 0, 1, 1],
            "seed": [0, 1, 0, 1],
            "output": [False, True, True, True],
            "gradient": [0.1, 0.0, 0.0, 0.0],
        }
    )
    left, right = figures.silences({"ReLU": table}).axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), [50.0, 100.0])
    np.testing.assert_allclose(right.lines[0].get_ydata(), [0.05, 0.0])


# -- files -----------------------------------------------------------------------------------


def test_the_same_figure_is_the_same_file_and_needs_no_network(tmp_path):
    contents = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        with style():
            figure = figures.learning_curves({"one": {"a": curves()}})
            contents += [p.read_bytes() for p in figures.save(figure, tmp_path / name, "curve")]
    assert contents[:2] == contents[2:]
    svg = contents[0].decode()
    assert not re.search(r'(href|src)="https?:', svg)


# -- ticks -----------------------------------------------------------------------------------


@given(st.floats(1e-12, 1e9), st.floats(0.0, 12.0))
def test_ticks_of_a_logarithmic_axis_are_plain_numbers_or_decades(low, decades):
    axes = lab.blank().subplots()
    axes.plot([0, 1], [low, low * 10.0**decades], marker=lab.marker_of([0, 1]))
    lab.logarithmic(axes, "y")
    axes.figure.canvas.draw()
    bounds = sorted(axes.get_ylim())
    texts = [t.get_text() for t in axes.get_yticklabels(which="both")]
    places = [
        (place, text)
        for place, text in zip(axes.get_yticks(), texts, strict=False)
        if bounds[0] <= place <= bounds[1]
    ]
    assert 2 <= len(places) <= 12
    for place, text in places:
        said = re.fullmatch(r"\$10\^\{(-?\d+)\}\$|(\d+(?:\.\d+)?(?:e[+-]\d+)?)", text)
        value = 10.0 ** int(said[1]) if said[1] else float(said[2])
        assert value == pytest.approx(place, rel=1e-6)
        assert len(text) < 12
    assert bounds[1] / bounds[0] < max(2.0, 10.0 ** (1.2 * decades + 0.2))


def test_a_run_of_one_epoch_is_seen():
    curve = pd.DataFrame({"epoch": [1, 1], "seed": [0, 1], "loss": [0.2, 0.21]})
    drawn = {
        "lab": lab.learning_curve([0.3], [0.5], "loss"),
        "study": figures.learning_curves({"a": {"b": curve}}),
    }
    for figure in drawn.values():
        figure.canvas.draw()
        assert all(axes.lines[0].get_marker() == "o" for axes in figure.axes)
        low, high = figure.axes[0].get_ylim()
        assert high < 2.1 * low  # not a decade above and below
    ticks = drawn["study"].axes[0].get_xticklabels()
    assert {t.get_text() for t in ticks if 0.9 < t.get_position()[0] < 1.1} <= {"1"}


@pytest.mark.parametrize("count", [1, 3, 5, 6])
def test_panels_have_axes_a_key_and_a_scale_and_leave_no_hole(count):
    inputs = np.array([[0.0, 0.0], [1.0, 1.0]])
    panel = lab.Panel("a", inputs, np.array([[0], [1]]), lambda p: p[:, 0])
    figure = lab.boundaries([panel] * count)
    shown = [axes for axes in figure.axes if axes.get_title(loc="left") or axes.get_title()]
    assert len(shown) == count
    assert shown[0].get_ylabel() == "$x_2$"
    assert shown[-1].get_xlabel() == "$x_1$"
    keys = [*figure.legends, *(a.get_legend() for a in figure.axes if a.get_legend())]
    assert [[t.get_text() for t in key.get_texts()] for key in keys] == [
        ["output 0.5", "label 0", "label 1"]
    ]
    assert "output" in [axes.get_ylabel() for axes in figure.axes]
