"""Epochs that run in one go are those that run one by one."""

import numpy as np
import pytest

import nn
from autograd_lite.trees import flatten
from nn import stretch

X = np.random.default_rng(0).normal(size=(8, 3))
Y = np.sin(X[:, :1])


def trained(compile, monkeypatch, size=None, **settings):
    sizes = []
    run = stretch.TrainingStep.run
    with monkeypatch.context() as patch:
        patch.setattr(
            stretch.TrainingStep,
            "run",
            lambda self, n, *b, **k: sizes.append(n) or run(self, n, *b, **k),
        )
        model = nn.MLP([3, 4, 1], "tanh", rng=1)
        optimizer = nn.optim.SGD(model.parameters(), 0.5, 0.9)
        seen = []

        def look(state):
            seen.append((state.epoch, state.step, state.loss, model.state_dict()))

        look.every = 40
        history = nn.fit(
            model, nn.MSELoss(), optimizer, X, Y, compile=compile, progress=False,
            metrics={"worst": lambda out, y: float(np.max(np.abs(out - y)))}, callbacks=[look],
            **settings,
        )  # fmt: skip
    return (history.series(), seen, model.state_dict(), optimizer.state_dict()), sizes


@pytest.mark.parametrize(
    "settings",
    [
        {"epochs": 100},
        {"epochs": 300, "stop_below": 0.01},
        {"epochs": 300, "patience": 3},
        {"epochs": 40, "batch_size": 1, "rng": 0},
        {"epochs": 40, "batch_size": 3, "rng": 0, "validation": (X[:2], Y[:2])},
    ],
    ids=lambda settings: " ".join(settings),
)
def test_is_the_epochs_one_by_one(settings, monkeypatch):
    expected, none = trained(False, monkeypatch, **settings)
    found, sizes = trained("numpy", monkeypatch, **settings)
    assert not none
    assert max(sizes) > (0 if "validation" in settings else 5)
    assert len(found[0]["loss"]) == len(expected[0]["loss"])
    for a, b in zip(flatten(found)[0], flatten(expected)[0], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("size", [None, 2])
@pytest.mark.parametrize("first", [16, 2, 3])
def test_what_diverges_goes_back_to_the_last_finite_loss(size, first, monkeypatch):
    """Wherever in a stretch, or between two, that is."""
    monkeypatch.setattr(stretch, "LONGEST", first)
    histories = []
    for compile in (False, "numpy"):
        model = nn.Linear(3, 1, rng=0)
        optimizer = nn.optim.SGD(model.parameters(), lr=30.0)
        with pytest.raises(nn.DivergedError, match="learning rate") as caught:
            nn.fit(
                model,
                nn.MSELoss(),
                optimizer,
                X,
                Y,
                epochs=900,
                progress=False,
                compile=compile,
                batch_size=size,
                rng=0,
            )
        histories.append((caught.value.history.losses, model.state_dict()))
    for a, b in zip(flatten(histories[0])[0], flatten(histories[1])[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(histories[0][0]) > 20
