from __future__ import annotations

import io
import sys
import time
from importlib.util import find_spec

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from demos.data import generate_linear, generate_XOR_easy


def line(rng=0, n=12):
    """Points of y = 3 x − 1, and a model and an optimizer that can find it."""
    x = np.linspace(-1.0, 1.0, n).reshape(-1, 1)
    model = nn.Linear(1, 1, rng=rng)
    return model, nn.optim.SGD(model.parameters(), lr=0.3), x, 3.0 * x - 1.0


def fit(*args, **settings):
    model, optimizer, x, y = args
    return nn.fit(model, nn.MSELoss(), optimizer, x, y, **{"progress": False, **settings})


def test_full_batch_is_the_loop_written_by_hand():
    model, optimizer, x, y = line()
    w, b = model.weight.data[0, 0], model.bias.data[0]
    losses = []
    for _ in range(30):
        d = (w * x + b) - y
        losses.append(np.mean(d**2))
        w, b = w - 0.3 * np.mean(2.0 * d * x), b - 0.3 * np.mean(2.0 * d)
    history = fit(model, optimizer, x, y, epochs=30)
    assert len(history) == 30
    np.testing.assert_allclose(history.losses, losses, rtol=1e-12)
    np.testing.assert_allclose([model.weight.item(), model.bias.item()], [w, b], rtol=1e-12)


def test_batches_see_every_example_once_an_epoch_and_weigh_alike():
    model, optimizer, x, y = line(n=10)
    optimizer.lr = 0.0
    seen = []

    class Spy(nn.Module):
        def forward(self, batch):
            seen.append(np.array(batch))
            return model(batch)

    settings = {"epochs": 2, "batch_size": 4, "metrics": {"mean": lambda out, t: float(t.mean())}}
    history = fit(Spy(), optimizer, x, y, **settings)
    assert [len(batch) for batch in seen] == [4, 4, 2] * 2
    for epoch in (seen[:3], seen[3:]):
        assert np.array_equal(np.sort(np.concatenate(epoch), axis=0), x)
        assert not np.array_equal(np.concatenate(epoch), x)
    assert not np.array_equal(np.concatenate(seen[:3]), np.concatenate(seen[3:]))
    # With nothing learnt, the mean over uneven batches is the mean over all.
    full = np.mean((model(x).numpy() - y) ** 2)
    np.testing.assert_allclose(history.losses, [full, full], rtol=1e-12)
    np.testing.assert_allclose(history.metrics["mean"], [y.mean()] * 2, rtol=1e-12)


def test_inputs_and_targets_are_shuffled_together():
    model, optimizer, x, y = line()
    history = fit(model, optimizer, x, y, epochs=200, batch_size=1)
    assert history.losses[-1] < 1e-10


def test_one_seed_shuffles_alike_and_no_shuffle_keeps_the_order():
    def losses(**settings):
        return fit(*line(), epochs=5, batch_size=5, **settings).losses

    assert losses(rng=1) == losses(rng=1)
    assert losses(rng=1) != losses(rng=2)
    assert losses(shuffle=False, rng=1) == losses(shuffle=False, rng=2)


def test_the_data_are_not_changed_and_may_be_tensors_or_lists():
    model, optimizer, x, y = line()
    before = x.copy(), y.copy()
    fit(model, optimizer, x, y, epochs=3, batch_size=5)
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])
    arrays = fit(*line(), epochs=3).losses
    m, o, _, _ = line()
    assert fit(m, o, Tensor(x), y.tolist(), epochs=3).losses == arrays


def test_callbacks_see_the_state_and_can_stop():
    seen = []

    def callback(state):
        seen.append((state.epoch, state.loss, state.history.metrics["error"][-1]))
        state.stop = state.epoch == 4

    model, optimizer, x, y = line()
    history = fit(
        model,
        optimizer,
        x,
        y,
        epochs=50,
        callbacks=[callback],
        metrics={"error": lambda out, t: float(np.abs(out - t).max())},
    )
    assert [epoch for epoch, _, _ in seen] == [1, 2, 3, 4]
    assert [loss for _, loss, _ in seen] == history.losses
    assert [error for _, _, error in seen] == history.metrics["error"]


def test_step_callbacks_see_every_step():
    seen = []
    model, optimizer, x, y = line(n=10)
    settings = {"epochs": 2, "batch_size": 4, "shuffle": False}
    history = fit(
        model, optimizer, x, y, **settings,
        step_callbacks=[lambda state: seen.append((state.step, state.epoch, state.step_loss))],
    )  # fmt: skip
    assert [step for step, _, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert [epoch for _, epoch, _ in seen] == [0, 0, 0, 1, 1, 1]
    losses = [loss for _, _, loss in seen]
    for epoch in (0, 1):
        weighted = np.average(losses[3 * epoch :][:3], weights=[4, 4, 2])
        assert weighted == pytest.approx(history.losses[epoch])


def test_it_stops_below():
    history = fit(*line(), epochs=1000, stop_below=1e-3)
    assert len(history) < 1000
    assert history.losses[-1] < 1e-3 <= history.losses[-2]


def test_zero_epochs_change_nothing():
    model, optimizer, x, y = line()
    before = model.state_dict()
    assert repr(fit(model, optimizer, x, y, epochs=0)) == "History(epochs=0)"
    assert np.array_equal(before["weight"], model.weight.data)


def test_it_switches_to_training():
    model, optimizer, x, y = line()
    model.eval()
    fit(model, optimizer, x, y, epochs=1)
    assert model.training


# -- validation, early stopping, best weights -----------------------------------------------------


def test_validation_measures_in_evaluation_and_changes_nothing():
    model = nn.Sequential(nn.Linear(1, 1, rng=0), nn.BatchNorm1d(1), nn.Dropout(0.5))
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    _, _, x, y = line()
    measured = []

    def measure(state):
        model.eval()
        out = model(x[:4])
        measured.append(np.mean((out.numpy() - y[:4]) ** 2))
        model.train()

    history = nn.fit(
        model,
        nn.MSELoss(),
        optimizer,
        x,
        y,
        epochs=3,
        batch_size=3,
        validation=(x[:4], y[:4]),
        metrics={"error": lambda out, t: float(np.abs(out - t).mean())},
        callbacks=[measure],
        progress=False,
    )
    np.testing.assert_allclose(history.validation_losses, measured, rtol=1e-12)
    assert len(history.validation_metrics["error"]) == 3
    assert set(history.latest()) == {"loss", "error", "validation loss", "validation error"}
    assert model.training


def test_it_stops_early_and_gives_the_best_weights_back():
    model, optimizer, x, y = line()
    seen = []

    def walk_away(state):
        seen.append(model.state_dict())
        if state.epoch == 5:
            optimizer.lr = 1.05  # from here on it gets worse, slowly

    history = fit(
        model, optimizer, x, y, epochs=100, validation=(x, y), patience=4, keep_best=True,
        callbacks=[walk_away],
    )  # fmt: skip
    best = int(np.argmin(history.validation_losses))
    assert len(history) == best + 1 + 4
    assert np.array_equal(model.weight.data, seen[best]["weight"])


def test_data_come_from_a_loader_or_a_dataset():
    x, y = line()[2:]
    data = nn.TensorDataset(x, y)
    arrays = fit(*line(), epochs=5, batch_size=5, rng=3).losses
    for given, settings in (
        (nn.DataLoader(data, 5, shuffle=True, rng=3), {}),
        (data, {"batch_size": 5, "rng": 3}),
    ):
        model, optimizer, _, _ = line()
        loss = nn.MSELoss()
        found = nn.fit(model, loss, optimizer, given, epochs=5, progress=False, **settings)
        assert found.losses == arrays
    with pytest.raises(TypeError, match="alone"):
        nn.fit(model, loss, optimizer, nn.DataLoader(data, 5), y, epochs=1)
    with pytest.raises(ValueError, match="no batch of 50"):
        nn.fit(model, loss, optimizer, nn.DataLoader(data, 50, drop_last=True), epochs=1)
    with pytest.raises(TypeError, match="pair"):
        fit(*line(), epochs=1, validation=x)


def test_a_scheduler_makes_a_step_after_each_epoch():
    model, optimizer, x, y = line()
    scheduler = nn.optim.lr_scheduler.StepLR(optimizer, 2)
    rates = []
    fit(
        model, optimizer, x, y, epochs=4, scheduler=scheduler,
        callbacks=[lambda state: rates.append(optimizer.lr)],
    )  # fmt: skip
    np.testing.assert_allclose(rates, [0.3, 0.03, 0.03, 0.003])
    plateau = nn.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    fit(model, optimizer, x, y, epochs=3, scheduler=plateau)
    assert plateau.best < np.inf


def test_a_history_is_plotted():
    pytest.importorskip("matplotlib")
    model, optimizer, x, y = line()
    error = {"error": lambda out, t: float(np.abs(out - t).mean())}
    history = fit(model, optimizer, x, y, epochs=4, validation=(x, y), metrics=error)
    above, below = history.plot().axes
    assert [line.get_label() for line in above.lines] == ["training", "validation"]
    assert np.array_equal(above.lines[0].get_ydata(), history.losses)
    assert np.array_equal(below.lines[1].get_ydata(), history.validation_metrics["error"])


def test_the_summary_of_r2s_network(torch):
    model = nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(3136, 1024),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(1024, 10),
    )
    table = nn.summary(model, (1, 28, 28))
    assert [row.shape for row in table.rows][::3] == [(32, 28, 28), (64, 14, 14), (3136,), (1024,)]
    assert table.parameters == 3_274_634
    assert [row.multiply_adds for row in table.rows if row.multiply_adds] == [
        28 * 28 * 25 * 32,
        14 * 14 * 25 * 32 * 64,
        3136 * 1024,
        10240,
    ]
    assert all(module.training for module in model.modules())
    # The classes are as they were.
    assert "Conv2d" in str(table)
    assert nn.ReLU()(np.array(-1.0)) == 0.0
    assert nn.ReLU.__call__ is nn.ReLU.forward


def test_the_summary_counts_a_shared_parameter_once():
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2))
    model[2].weight = model[0].weight
    table = nn.summary(model, (2,))
    assert [row.parameters for row in table.rows] == [6, 0, 2]
    assert table.parameters == 8
    assert table.multiply_adds == 8


# -- when it goes wrong -------------------------------------------------------------------------


def test_a_diverging_training_stops_with_the_last_good_weights():
    model, optimizer, x, y = line()
    optimizer.lr = 1e60
    good = []

    def keep(state):
        good.append(model.state_dict())

    with pytest.raises(nn.DivergedError, match="Lower the learning rate") as raised:
        fit(model, optimizer, x, y, epochs=100, callbacks=[keep])
    history = raised.value.history
    assert np.isfinite(history.losses).all()
    assert 0 < len(history) < 100
    # The loss of the last epoch was finite with the weights that came out of the one before.
    for name, array in model.state_dict().items():
        assert np.array_equal(array, good[-2][name])
    assert np.isfinite(nn.MSELoss()(model(x), y).item())
    assert all(p.grad is None for p in model.parameters())


def test_a_weight_that_the_last_step_spoils_is_noticed():
    class Spoil(nn.optim.Optimizer):
        def update(self, parameter, gradient, state, group):
            return gradient * np.nan

    model, _, x, y = line()
    before = model.state_dict()
    with pytest.raises(nn.DivergedError, match="weight"):
        fit(model, Spoil(model.parameters(), lr=1.0), x, y, epochs=1)
    assert np.array_equal(model.weight.data, before["weight"])


def test_the_first_layer_that_is_not_finite_is_named_and_running_means_are_restored():
    class Net(nn.Module):
        def __init__(self):
            self.norm = nn.BatchNorm1d(1)
            self.body = nn.Sequential(nn.Linear(1, 2, rng=0), nn.ReLU())
            self.last = nn.Linear(2, 1, rng=0)

        def forward(self, x):
            return self.last(self.body(self.norm(x)))

    model = Net()
    _, _, x, y = line()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    good = []

    def break_it(state):
        good.append(model.state_dict())
        if state.epoch == 3:
            model.body[0].weight.data = [[np.inf], [1.0]]

    with pytest.raises(nn.DivergedError, match=r"epoch 4.*output of 'body.0' \(Linear\)"):
        nn.fit(model, nn.MSELoss(), optimizer, x, y, epochs=9, callbacks=[break_it], progress=False)
    state = model.state_dict()
    assert all(np.isfinite(array).all() for array in state.values())


def test_nan_in_the_data_leaves_the_weights_as_they_were():
    model, optimizer, x, y = line()
    before = model.state_dict()
    y[3] = np.nan
    with pytest.raises(nn.DivergedError, match=r"epoch 1,.*nan") as raised:
        fit(model, optimizer, x, y, epochs=10)
    assert "The array 'targets' had nan at [3, 0] already." in str(raised.value)
    assert "rate" not in str(raised.value)
    for name, array in model.state_dict().items():
        assert np.array_equal(array, before[name])


def test_where_the_nan_was_born_is_said_and_the_rate_is_not_blamed_for_it():
    class Distance(nn.Module):
        def __init__(self):
            self.l = nn.Linear(1, 1, bias=False, rng=0)
            self.drop = nn.Dropout(0.25)

        def forward(self, x):
            return np.sqrt(self.drop(self.l(x)) ** 2)

    model = Distance()
    optimizer = nn.optim.SGD(model.parameters(), lr=1e-9)
    x = np.array([[1.0], [0.0], [2.0]])  # a distance of 0: the loss is finite, its gradient is not
    with pytest.raises(nn.DivergedError) as raised:
        fit(model, optimizer, x, np.ones((3, 1)), epochs=5)
    said = str(raised.value)
    line = Distance.forward.__code__.co_firstlineno + 1
    assert f"sqrt at test_train.py:{line} in Distance: " in said
    assert "· inf at [" in said
    assert "rate" not in said
    assert np.isfinite(model.l.weight.data).all()
    assert model.l.weight.grad is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": -1}, "epochs"),
        ({"epochs": 1.5}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"rng": "x"}, "seed"),
        ({"callbacks": [3]}, "functions"),
        ({"metrics": {"accuracy": "accuracy"}}, "functions"),
        ({"stop_below": "0.1"}, "stop_below"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_trained(settings, message):
    model, optimizer, x, y = line()
    before = model.weight.data
    with pytest.raises((ValueError, TypeError), match=message):
        fit(model, optimizer, x, y, **{"epochs": 1, **settings})
    assert model.weight.data is before


def test_bad_data_are_refused():
    model, optimizer, x, y = line()
    for bad in ((x, y[:-1]), (x[:0], y[:0]), (1.0, 2.0)):
        with pytest.raises(ValueError, match="target for each input"):
            fit(model, optimizer, *bad, epochs=1)
    with pytest.raises(TypeError, match=r"nn\.Module"):
        fit(lambda x: x, optimizer, x, y, epochs=1)
    before = model.weight.data
    with pytest.raises(ValueError, match="reshape"):
        fit(model, optimizer, x, y[:, 0], epochs=1)
    assert model.weight.data is before


# -- the bar --------------------------------------------------------------------------------------


def test_the_bar_shows_the_loss(monkeypatch):
    pytest.importorskip("tqdm")
    err = io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    history = fit(*line(), epochs=20, progress=True)
    assert "20/20" in err.getvalue()
    assert f"{history.losses[-1]:.3g}"[:4] in err.getvalue()
    fit(*line(), epochs=3, batch_size=5, progress=True)
    assert "9/9" in err.getvalue()  # with batches, it counts steps
    assert "step" in err.getvalue()


def test_without_tqdm_a_plain_line_tells(monkeypatch):
    err, now = io.StringIO(), iter(range(0, 1000, 2))
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(now)))  # two seconds at each look
    history = fit(*line(), epochs=20, progress=True)
    *between, last = err.getvalue().splitlines()
    assert last == f"epoch 20 of 20, loss {history.losses[-1]:.3g}"
    assert 3 <= len(between) < 20  # now and then
    assert all(f", loss {loss:.3g}" in err.getvalue() for loss in history.losses[-1:])


# -- accuracy -------------------------------------------------------------------------------------


def test_accuracy_of_yes_or_no_and_of_classes():
    assert nn.accuracy([[0.4], [0.6], [0.6], [0.4]], [[0], [1], [0], [1]]) == 0.5
    assert nn.accuracy(np.array([-1.0, 0.2]), np.array([0, 1]), threshold=0.0) == 1.0
    logits = np.array([[1.0, 2.0, 0.0], [5.0, 1.0, 1.0], [0.0, 1.0, 3.0], [1.0, 0.0, 0.0]])
    assert nn.accuracy(logits, [1, 0, 2, 2]) == 0.75
    assert nn.accuracy(logits, np.eye(3)[[1, 0, 2, 2]]) == 0.75


def test_accuracy_refuses_what_would_broadcast():
    with pytest.raises(ValueError, match=r"\(3, 1\) and \(3,\)"):
        nn.accuracy(np.zeros((3, 1)), np.zeros(3))


# -- the lab --------------------------------------------------------------------------------------


def lab(dataset, seed):
    x, y = (
        generate_XOR_easy()
        if dataset == "xor"
        else generate_linear(rng=np.random.default_rng(seed))
    )
    model = nn.MLP(
        [2, 4, 4, 1], "sigmoid", bias=False, output_activation="sigmoid", init="normal", rng=seed
    )
    return model, x, y


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["linear", "xor"])
def test_the_labs_network_reaches_all_points_from_18_of_20_starts(dataset):
    def reached(seed, epochs, **settings):
        model, x, y = lab(dataset, seed)
        optimizer = nn.optim.SGD(model.parameters(), lr=1.0)
        nn.fit(model, nn.MSELoss(), optimizer, x, y, epochs=epochs, progress=False, **settings)
        return model(x).data, nn.accuracy(model(x), y)

    loops = {"compile": find_spec("numba") is not None}  # the same numbers, a hundred times faster
    eager, compiled = reached(3, 200)[0], reached(3, 200, **loops)[0]
    np.testing.assert_allclose(eager, compiled, rtol=1e-9)

    accuracies = [reached(seed, 10_000, **loops)[1] for seed in range(20)]
    assert sum(accuracy == 1.0 for accuracy in accuracies) >= 18
    # All but one: from seed 6 XOR comes, near epoch 2700, to where 1e-15 grows to 0.1 within 200
    # epochs, so that the last bit of a sum decides whether it ends at 16 or at 19 of 21 points.
    assert sorted(accuracies)[1] >= 0.9
