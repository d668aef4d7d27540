"""Many seeds in one tape: each learns what it would learn alone."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from demos.study import compiled
from demos.study.configuration import Configuration
from demos.study.draws import ORDER, WEIGHTS, held_out, points, stream
from demos.study.experiments import EXPERIMENTS
from demos.study.outcome import logged_epochs
from demos.study.training import train
from tests.codegen.test_numba import as_python

__all__ = ["as_python"]  # the fixture

MOONS = EXPERIMENTS["R2-moons-depth"].cells["width 3, 5 layers"]


@st.composite
def cells(draw):
    """Draw a configuration of a few epochs."""
    cell = Configuration(
        data=draw(st.sampled_from(["linear", "xor"])),
        hidden=tuple(draw(st.lists(st.integers(1, 5), max_size=2))),
        bias=draw(st.booleans()),
        activation=draw(st.sampled_from(["sigmoid", "tanh", "relu", "leaky_relu", "identity"])),
        slope=0.3,
        output_activation="sigmoid",
        init=draw(st.sampled_from(["normal", "xavier_uniform", "fan_in_uniform"])),
        loss=draw(st.sampled_from(["mse", "bce"])),
        reduction=draw(st.sampled_from(["mean", "sum"])),
        optimizer=draw(st.sampled_from(["sgd", "momentum", "adagrad", "rmsprop", "adam"])),
        momentum=0.8,
        lr=draw(st.sampled_from([0.003, 0.02])),
        weight_decay=draw(st.sampled_from([0.0, 0.01])),
        epochs=draw(st.integers(1, 6)),
        batch=draw(st.sampled_from([None, 1, 7, 100])),
    )
    if draw(st.booleans()):
        return cell
    return replace(
        cell,
        data=draw(st.sampled_from(["moons", "blobs"])),
        loss="cross_entropy",
        output_activation="softmax",
        batch=draw(st.sampled_from([None, 30])),
    )


def alone(cell: Configuration, seed: int) -> tuple[dict, float]:
    """Train one network with `nn`, the plain way; return its weights and its mean loss."""
    kinds = {"leaky_relu": nn.LeakyReLU(cell.slope), "identity": None}
    model = nn.MLP(
        cell.sizes,
        kinds.get(cell.activation, cell.activation),
        cell.bias,
        output_activation="sigmoid" if cell.output_activation == "sigmoid" else None,
        init=cell.init,
        rng=stream(seed, WEIGHTS),
    )
    weights = [p for p in model.parameters() if p.ndim == 2]
    biases = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": weights, "weight_decay": cell.weight_decay}]
    groups += [{"params": biases}] if biases else []
    optimizer = {
        "sgd": lambda: nn.optim.SGD(groups, cell.lr),
        "momentum": lambda: nn.optim.SGD(groups, cell.lr, momentum=cell.momentum),
        "adagrad": lambda: nn.optim.Adagrad(groups, cell.lr),
        "rmsprop": lambda: nn.optim.RMSprop(groups, cell.lr),
        "adam": lambda: nn.optim.Adam(groups, cell.lr),
    }[cell.optimizer]()
    kind = {"mse": nn.MSELoss, "bce": nn.BCELoss, "cross_entropy": nn.CrossEntropyLoss}[cell.loss]
    inputs, labels = points(cell.data, seed)
    targets = labels if cell.loss == "cross_entropy" else labels.astype(float)
    rng = stream(seed, ORDER)
    for _ in range(cell.epochs):
        order = np.arange(len(inputs)) if cell.batch is None else rng.permutation(len(inputs))
        size = cell.batch or len(inputs)
        for first in range(0, len(inputs), size):
            part = order[first : first + size]
            optimizer.zero_grad()
            kind(reduction=cell.reduction)(model(inputs[part]), targets[part]).backward()
            optimizer.step()
    return model.state_dict(), float(kind()(model(inputs), targets).item())


@settings(max_examples=40)
@given(cell=cells())
def test_a_seed_in_a_stack_learns_what_it_learns_alone(cell):
    runs = train(cell, [4, 0, 11])
    assert [run.seed for run in runs] == [4, 0, 11]
    for run in runs[::2]:
        weights, loss = alone(cell, run.seed)
        assert run.weights.keys() == weights.keys()
        for name, array in weights.items():
            np.testing.assert_allclose(run.weights[name], array, rtol=1e-7, atol=1e-9)
        assert run.final_loss == pytest.approx(loss, rel=1e-7)
    [lone] = train(cell, [0])
    assert lone.losses == pytest.approx(runs[1].losses, rel=1e-9)
    assert lone.accuracies == runs[1].accuracies


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adagrad", "rmsprop", "adam"])
@pytest.mark.parametrize("batch", [None, 5])
def test_rates_differ_from_lane_to_lane(optimizer, batch):
    cell = Configuration(optimizer=optimizer, batch=batch, epochs=5, bias=True)
    rates = [0.001, 0.1, 0.01]
    together = train([replace(cell, lr=lr) for lr in rates], [2, 3])
    assert [(run.configuration.lr, run.seed) for run in together] == [
        (lr, seed) for lr in rates for seed in (2, 3)
    ]
    for run in together:
        [lone] = train(run.configuration, [run.seed])
        for name, array in lone.weights.items():
            np.testing.assert_allclose(run.weights[name], array, rtol=1e-9)


# -- in compiled loops ---------------------------------------------------------------------------


COMPILED = {
    "all points": replace(MOONS, hidden=(3,), epochs=9),
    "ReLU, decay": replace(MOONS, hidden=(3,), activation="relu", epochs=5, data="blobs"),
    "point by point": Configuration(hidden=(3,), bias=True, batch=1, epochs=6, lr=0.1),
    "uneven batches": Configuration(hidden=(3,), batch=8, epochs=6, optimizer="adam", lr=0.1),
    "cross-entropy of one output": Configuration(hidden=(), loss="bce", epochs=9),
    "stops": Configuration(lr=3.0, hidden=(4,), bias=True, epochs=60, stop_below=0.243),
    "stops between batches": Configuration(lr=0.3, batch=7, epochs=30, stop_below=0.25),
    "overflows": Configuration(activation="identity", output_activation="identity", epochs=50,
                               lr=0.2),
    **{
        name: Configuration(hidden=(2,), bias=True, optimizer=name, weight_decay=0.01, epochs=7)
        for name in ("momentum", "adagrad", "rmsprop", "adam")
    },
}  # fmt: skip


@pytest.mark.parametrize("name", COMPILED)
def test_a_compiled_loop_trains_as_the_tape_does(name, as_python):
    cell, seen, runs = COMPILED[name], {}, {}
    cells = [cell, replace(cell, lr=cell.lr / 10)]
    for way in (False, True):
        lanes = seen[way] = []
        runs[way] = train(
            cells, [2, 0, 5], log_at=[0, 1, 4], compile=way,
            observe=lambda epoch, p, to=lanes: to.append((epoch, [len(a) for a in p.values()])),
        )  # fmt: skip
    assert seen[True] == seen[False]
    for here, there in zip(runs[True], runs[False], strict=True):
        assert (here.configuration, here.seed) == (there.configuration, there.seed)
        assert here.epochs == there.epochs
        assert here.accuracies == there.accuracies
        assert here.diverged == there.diverged
        np.testing.assert_equal(here.held_out_accuracy, there.held_out_accuracy)
        assert here.losses == pytest.approx(there.losses, rel=1e-9)
        for key, array in there.weights.items():
            if not there.diverged:
                np.testing.assert_allclose(here.weights[key], array, rtol=1e-9, atol=1e-12)
    if "stops" in name:
        assert len({run.epochs_done for run in runs[True]}) > 1
    if name == "overflows":
        assert {run.diverged for run in runs[True]} == {True, False}


def test_a_lane_that_no_step_changes_is_at_its_end_at_once(as_python, monkeypatch):
    cell = Configuration(activation="relu", output_activation="relu", lr=3.0, epochs=3000)
    steps, run = [], compiled.CompiledLane.run
    monkeypatch.setattr(
        compiled.CompiledLane, "run", lambda *args: steps.append(args[3]) or run(*args)
    )  # fmt: skip
    here, there = (train(cell, range(4), log_at=[0, 1, 40, 2999], compile=c) for c in (True, False))
    assert sum(steps) < 100
    for ours, right in zip(here, there, strict=True):
        assert (ours.epochs, ours.losses) == ([0, 1, 40, 2999, 3000], right.losses)
        assert ours.accuracies == right.accuracies
        assert ours.final_loss == pytest.approx(10 / 21)  # silent: it says 0 of all points
        for name, array in right.weights.items():
            np.testing.assert_allclose(ours.weights[name], array, rtol=1e-9)


def test_what_would_not_be_one_loop_is_trained_on_the_tape(as_python, monkeypatch):
    wide = Configuration(hidden=(90, 90), epochs=2)
    assert not compiled.pays([(replace(wide, epochs=10**9), 50)])
    runs = [train(wide, [0], compile=way)[0] for way in (True, False)]
    assert runs[0].epochs == runs[1].epochs
    assert runs[0].losses == runs[1].losses


def test_it_is_compiled_where_that_takes_less_time(monkeypatch):
    long = Configuration(epochs=10**6)
    assert compiled.pays([(long, 5)])
    assert not compiled.pays([(Configuration(epochs=100), 5)])
    monkeypatch.setattr(compiled, "find_spec", lambda name: None)  # without Numba never
    assert not compiled.pays([(long, 5)])


def test_only_the_rate_may_differ():
    with pytest.raises(ValueError, match="nothing but the learning rate"):
        train([Configuration(), Configuration(bias=True)], [0])


# -- lanes that leave ------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [None, 7])
def test_a_lane_that_overflows_is_marked_and_spoils_no_other(batch):
    cell = Configuration(
        activation="identity", output_activation="identity", epochs=60, batch=batch
    )
    rates = [1e6, 0.01]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wild, tame = train([replace(cell, lr=lr) for lr in rates], [0])
    assert wild.diverged
    assert wild.final_loss == math.inf
    assert wild.accuracy == 0.0
    assert wild.epochs_done < 60
    assert not tame.diverged
    [lone] = train(replace(cell, lr=0.01), [0])
    assert tame.losses == pytest.approx(lone.losses, rel=1e-9)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_lane_stops_when_it_is_good_enough_and_the_others_go_on(optimizer):
    rate = 3.0 if optimizer == "sgd" else 0.1
    cell = Configuration(data="linear", optimizer=optimizer, lr=rate, epochs=400)
    long = train(cell, range(6), log_at=range(401))
    stopped = train(replace(cell, stop_below=0.1), range(6), log_at=[0])
    assert len({run.epochs_done for run in stopped}) > 2
    for run, whole in zip(stopped, long, strict=True):
        first = next((e for e, loss in enumerate(whole.losses) if loss < 0.1), 400)
        assert run.epochs_done == first
        assert run.final_loss == pytest.approx(whole.losses[first], rel=1e-9)
        assert run.accuracy == whole.accuracies[first]
        [lone] = train(run.configuration, [run.seed])
        assert run.held_out_accuracy == lone.held_out_accuracy


def test_with_updates_after_every_point_a_lane_stops_after_an_epoch():
    cell = Configuration(data="linear", batch=1, lr=0.1, epochs=60, optimizer="momentum")
    long = train(cell, range(4), log_at=range(61))
    stopped = train(replace(cell, stop_below=0.02), range(4), log_at=[0])
    assert len({run.epochs_done for run in stopped}) > 1
    for run, whole in zip(stopped, long, strict=True):
        first = next((e for e, loss in enumerate(whole.losses) if loss < 0.02), 60)
        assert run.epochs_done == first
        assert run.final_loss == pytest.approx(whole.losses[first], rel=1e-9)


# -- curves, points, observation -----------------------------------------------------------------


def test_the_curve_says_how_good_the_network_is_after_so_many_epochs():
    cell = Configuration(epochs=30)
    [run] = train(cell, [5], log_at=[0, 10, 20])
    assert run.epochs == [0, 10, 20, 30]
    for epochs, loss in zip(run.epochs[1:], run.losses[1:], strict=True):
        assert loss == pytest.approx(alone(replace(cell, epochs=epochs), 5)[1], rel=1e-9)
    accuracies = [0.5, 0.9, 0.95, 1.0]
    run.accuracies = accuracies
    assert (run.reached(0.9), run.reached(1.0), run.reached(1.1)) == (10, 30, None)


@given(last=st.integers(1, 10**6), count=st.integers(2, 80))
def test_logged_epochs_begin_at_0_and_end_at_the_last(last, count):
    epochs = logged_epochs(last, count)
    assert epochs == sorted(set(epochs))
    assert (epochs[0], epochs[-1]) == (0, last)
    assert len(epochs) <= count + 2 + 3 * len(str(last))
    assert {e for e in (1, 2, 5, 1000) if e <= last} <= set(epochs)


def test_an_observer_sees_the_parameters_of_all_lanes():
    seen = {}
    cell = Configuration(bias=True, epochs=4)
    runs = train(cell, [1, 2, 3], log_at=[0, 2], observe=lambda e, p: seen.update({e: dict(p)}))
    assert list(seen) == [0, 2, 4]
    assert seen[0]["linear1.weight"].shape == (3, 4, 2)
    assert seen[0]["linear3.bias"].shape == (3, 1)
    for name, array in runs[1].weights.items():
        np.testing.assert_array_equal(seen[4][name][1], array)


@pytest.mark.parametrize("data", ["linear", "moons", "blobs"])
def test_as_many_points_again_are_held_out(data):
    inputs, labels = points(data, 3)
    others, other_labels = held_out(data, 3)
    assert inputs.shape == others.shape == ((100 if data == "linear" else 200), 2)
    assert labels.shape == other_labels.shape
    assert not {tuple(p) for p in inputs} & {tuple(p) for p in others}
    np.testing.assert_array_equal(points(data, 3)[0], inputs)
    assert not np.array_equal(points(data, 4)[0], inputs)
    assert abs(labels.mean() - 0.5) < 0.2
    with pytest.raises(ValueError, match="not 'digits'"):
        points("digits", 3)


def test_held_out_points_measure_what_was_not_trained_with():
    [run] = train(replace(MOONS, hidden=(5,), epochs=400), [0])
    inputs, labels = held_out("moons", 0)
    model = nn.MLP([2, 5, 2], "tanh")
    model.load_state_dict(run.weights)
    assert run.held_out_accuracy == nn.accuracy(model(inputs), labels)
    [xor] = train(Configuration(epochs=1), [0])
    assert math.isnan(xor.held_out_accuracy)


def test_digits_are_trained_with_r2s_convolutional_network():
    cell = EXPERIMENTS["R2-digits"].cells["tanh + Adagrad"]
    [run] = train(replace(cell, epochs=2), [0])
    assert run.epochs == [1, 2]
    assert run.accuracy == pytest.approx(run.held_out_accuracy)
    assert run.accuracy > 0.8
    assert run.weights["conv2.weight"].shape == (64, 32, 5, 5)


@pytest.mark.slow
def test_xor_reaches_what_an_independent_program_measured():
    """98 of 100 with median 0.000324 (shared figures of an independent NumPy program)."""
    runs = train(Configuration(data="xor"), range(100))
    right = sum(run.accuracy == 1.0 for run in runs)
    assert 94 <= right <= 100
    assert np.median([run.final_loss for run in runs]) == pytest.approx(0.000324, rel=0.1)
