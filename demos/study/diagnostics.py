"""What is found inside networks: why one failed, and what a mistake did.

Nothing here is presumed. Whether units are silent, whether a gradient is exactly 0, how
sharp the corners of a boundary are and what R2's hand-written backward pass computes is
measured in networks, on the tape, and becomes numbers that the report's sentences quote.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite import no_grad

from ..data import Array
from .by_hand import PASSES, train_by_hand
from .configuration import Configuration
from .draws import points
from .experiments import EXPERIMENTS
from .inside import model_of, silence, watch

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]


# -- corners of a boundary ---------------------------------------------------------------------


def corners(score: Callable[[Array], Array], inputs: Array, resolution: int = 400) -> float:
    """Return which share of a boundary's turning is in the sharpest tenth of its length.

    A polygon turns in its corners alone, which gives nearly 1; a circle turns everywhere
    alike, which gives a tenth.

    Parameters
    ----------
    score
        From points to a number that is 0 on the boundary.
    inputs
        The points around which the boundary is looked at.
    resolution
        Places along each side of the plane.

    Returns
    -------
    float
        NaN where there is no boundary, or a straight one.

    Examples
    --------
    >>> square = np.array([[-1.2, -1.2], [1.2, 1.2]])
    >>> round(corners(lambda p: np.hypot(*p.T) - 1, square), 2)
    0.1
    >>> corners(lambda p: np.abs(p - 0.003).max(axis=1) - 0.9, square) > 0.95
    True
    """
    from contourpy import contour_generator

    low, high = inputs.min(axis=0), inputs.max(axis=0)
    xs, ys = (np.linspace(a, b, resolution) for a, b in zip(low, high, strict=True))
    plane = np.stack(np.meshgrid(xs, ys), axis=-1)
    scores = score(plane.reshape(-1, 2)).reshape(resolution, resolution)
    step = 5.0 * float(np.max(high - low)) / resolution
    angles = []
    lines: Any = contour_generator(xs, ys, scores).lines(0.0)
    for line in lines:
        along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(line, axis=0).T))]
        if along[-1] < 4 * step:
            continue
        even = np.arange(0.0, along[-1], step)
        path = np.stack([np.interp(even, along, side) for side in line.T], axis=1)
        headings = np.unwrap(np.arctan2(*np.diff(path, axis=0).T[::-1]))
        angles.append(np.abs(np.diff(headings)))
    turning = np.sort(np.concatenate(angles))[::-1] if angles else np.zeros(1)
    if turning.sum() < 0.2:  # radians, some ten degrees
        return float("nan")
    sharpest = max(1, round(turning.size / 10))
    return float(turning[:sharpest].sum() / turning.sum())


# -- without activation ------------------------------------------------------------------------


def least_squares(inputs: Array, labels: Array, bias: bool) -> float:
    """Return the smallest mean squared error that a linear function of the inputs has.

    >>> from demos.data import generate_XOR_easy
    >>> round(least_squares(*generate_XOR_easy(), bias=True), 4)
    0.2494
    """
    columns = np.hstack([inputs, np.ones((len(inputs), 1))]) if bias else inputs
    solution = np.linalg.lstsq(columns, labels.astype(float), rcond=None)[0]
    return float(np.mean((columns @ solution - labels) ** 2))


# -- all that is measured ---------------------------------------------------------------------

Weights = Callable[[str, str], Mapping[int, Mapping[str, Array]]]


def measure(runs: DataFrame, weights: Weights, seeds: int, passes: int) -> DataFrame:
    """Return what is measured in trained networks: experiment, cell, seed, quantity, value.

    Parameters
    ----------
    runs
        Which networks there are.
    weights
        From an experiment and a cell to the weights of each seed.
    seeds, passes
        For R2's backward pass by hand: how many trainings, and how long.
    """
    from pandas import DataFrame

    there = set(zip(runs.experiment, runs.cell, strict=True))
    rows: list[tuple[str, str, int, str, float]] = []
    for experiment, look in MEASURED.items():
        for cell, c in EXPERIMENTS[experiment].cells.items():
            if (experiment, cell) in there:
                for seed, state in weights(experiment, cell).items():
                    for quantity, value in look(c, state, seed).items():
                        rows.append((experiment, cell, seed, quantity, float(value)))
    data = [points("moons", seed) for seed in range(seeds)]
    for cell, mistake in (("mistake", True), ("right", False)):
        for seed, (loss, right) in enumerate(
            zip(*train_by_hand(data, 3, passes, 0.01, 0.01, mistake), strict=True)
        ):
            found = {
                "trained_loss": loss,
                "trained_accuracy": right,
                "epochs": passes,
                "source_epochs": PASSES,
            }
            rows += [("R2-backward", cell, seed, name, float(x)) for name, x in found.items()]
    return DataFrame(rows, columns=["experiment", "cell", "seed", "quantity", "value"])


def _linear(c: Configuration, state: Mapping[str, Array], seed: int) -> dict[str, float]:
    return {"least_squares": least_squares(*points(c.data, seed), c.bias)}


def _corners(c: Configuration, state: Mapping[str, Array], seed: int) -> dict[str, float]:
    model = model_of(c, state)

    def score(plane: Array) -> Array:
        with no_grad():
            logits = model(plane).numpy()
        return np.asarray(logits[:, 1] - logits[:, 0])

    return {"corners": corners(score, points(c.data, seed)[0])}


def _silence(c: Configuration, state: Mapping[str, Array], seed: int) -> dict[str, float]:
    where = points(c.data, seed)
    end = silence(model_of(c, state), c, *where)
    first = watch(dataclasses.replace(c, epochs=1), [seed], [0]).states[0][0]
    return {
        "silent_hidden": end.hidden,
        "silent_output": end.output,
        "largest_gradient": end.gradient,
        "silent_output_at_start": silence(model_of(c, first), c, *where).output,
    }


MEASURED: dict[str, Callable[[Configuration, Mapping[str, Array], int], dict[str, float]]] = {
    "R0-without-activation": _linear,
    "R2-moons-activations": _corners,
    "R3-relu": _silence,
}
