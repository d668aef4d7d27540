"""How the networks of R0 and R3 learn."""

from __future__ import annotations

import numpy as np

import nn
from autograd_lite import draw

from ... import figures as lab
from ...data import Array
from .. import figures, inside
from ..draws import points
from ..experiments import EXPERIMENTS
from .results import DATA, Exhibit, Study, configuration, exhibit


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
    outputs = inside.predict(networks[min(networks)], c)(inputs)[:, None]
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
    epochs = inside.moments(seen, 5)
    for epoch in epochs:
        model = inside.model_of(seen.configuration, seen.states[epoch][0])
        outputs = inside.predict(model, seen.configuration)
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
