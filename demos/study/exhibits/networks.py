"""What goes on inside: gradients, activations, optimizers, silent units, images."""

from __future__ import annotations

import numpy as np

from ... import figures as lab
from ...data import Array
from .. import figures, inside, landscape
from ..experiments import EXPERIMENTS
from .results import DATA, OWN, Exhibit, Study, exhibit, number, percent


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
        panels[title] = inside.gradients_over_time(seen, shown)
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
    moments = inside.spread_over(seen, inside.moments(seen, 4), "activations")
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
    moments = inside.spread_over(seen, inside.moments(seen, 4), "weight_gradient")
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
    s = landscape.surface_of(study.watched["xor"])
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
        label: inside.silence_over_time(study.watched[name])
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
    start = _first_kernels("ReLU", min(seeds))
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


def _first_kernels(activation: str, seed: int) -> Array:
    """Return the kernels that R2's convolutional network starts with."""
    from ... import digits, handwriting

    model = handwriting.network(digits.task(), activation.lower(), np.random.default_rng(seed))
    return np.asarray(model.state_dict()["conv1.weight"][:, 0])
