"""The rows for the study: the seeds of R0's network trained as one, beside other ways.

``python -m demos experiment R0-linear R0-xor --seeds 100`` times the whole study.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

import nn
from demos.study.configuration import Configuration
from demos.study.draws import WEIGHTS, points, stream
from demos.study.experiments import EXPERIMENTS
from demos.study.training import train

from .harness import OURS, Contender, Row

EPOCHS = 100
ALLOWED = "asked: 200 runs of 10000 epochs in a minute on two cores, so 60 µs for one lane's step"


def _one_by_one(cell: Configuration, seeds: range) -> Callable[[], list[float]]:
    """Train with `nn`, one seed after the other."""

    def run() -> list[float]:
        losses = []
        for seed in seeds:
            inputs, labels = points(cell.data, seed)
            targets = labels.astype(float)
            model = nn.MLP(
                cell.sizes, "sigmoid", cell.bias, output_activation="sigmoid", init=cell.init,
                rng=stream(seed, WEIGHTS),
            )  # fmt: skip
            optimizer, loss_of = nn.optim.SGD(model.parameters(), cell.lr), nn.MSELoss()
            for _ in range(EPOCHS):
                loss = loss_of(model(inputs), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            losses.append(float(loss_of(model(inputs), targets).item()))
        return losses

    return run


def _by_hand(cell: Configuration, seeds: range) -> Callable[[], list[float]]:
    """Train all seeds as one in NumPy alone: the same layout, in place."""

    def run() -> list[float]:
        drawn = [points(cell.data, seed) for seed in seeds]
        x = np.stack([np.ascontiguousarray(inputs.T) for inputs, _ in drawn])
        t = np.stack([labels.T.astype(float) for _, labels in drawn])
        starts = [
            nn.MLP(cell.sizes, None, False, init=cell.init, rng=stream(seed, WEIGHTS)).parameters()
            for seed in seeds
        ]
        weights = [np.stack([p.data for p in layer]) for layer in zip(*starts, strict=True)]

        def forward() -> list[np.ndarray]:
            values = [x]
            for w in weights:
                z = w @ values[-1]
                np.negative(z, z)
                np.exp(z, z)
                z += 1.0
                values.append(np.reciprocal(z, z))
            return values

        for _ in range(EPOCHS):
            values = forward()
            d = values[-1] - t
            d *= 2.0 / t.shape[-1]
            for i in reversed(range(len(weights))):
                y = values[i + 1]
                d *= y
                d *= 1.0 - y
                step = d @ values[i].swapaxes(1, 2)
                if i:
                    d = weights[i].swapaxes(1, 2) @ d
                step *= cell.lr
                weights[i] -= step
        last = forward()[-1]
        return [float(loss) for loss in ((last - t) ** 2).mean(axis=(1, 2))]

    return run


def stacked(data: str, lanes: int) -> Row:
    """One step of R0's network on one of its data sets, many seeds as one."""
    cell = replace(EXPERIMENTS[f"R0-{data}"].cells[data], epochs=EPOCHS)
    seeds = range(lanes)
    runs: dict[str, Callable[[], list[float]]] = {
        OURS: lambda: [run.final_loss for run in train(cell, seeds, log_at=[0])],
        "itself, one seed after another": _one_by_one(cell, seeds),
        "hand-written NumPy, in place": _by_hand(cell, seeds),
    }
    reference = runs[OURS]()
    for run in runs.values():
        np.testing.assert_allclose(run(), reference, rtol=1e-8)
    contenders = [Contender(name, run, lanes * EPOCHS) for name, run in runs.items()]
    return Row(f"R0 on {data}, {lanes} seeds as one", "a lane's step", contenders, [], ALLOWED)


ROWS: dict[str, Callable[[], Row]] = {
    "study-linear": lambda: stacked("linear", 25),
    "study-xor": lambda: stacked("xor", 50),
}
