"""What is found inside networks, held against closed forms, PyTorch and other ways to count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from autograd_lite import Tensor
from demos.study import by_hand, configuration, diagnostics, inside, landscape
from demos.study.configuration import Configuration
from demos.study.draws import points
from demos.study.experiments import EXPERIMENTS
from demos.study.training import train

XOR = Configuration(epochs=50)
RELU = Configuration(
    hidden=(7, 7), bias=True, activation="relu", output_activation="relu", batch=1, lr=0.1, epochs=5
)


# -- inside a network ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["R0-xor", "R1-activations", "R2-moons-depth", "R3-relu"])
def test_a_network_of_stored_weights_is_the_one_that_was_trained(name):
    """Its loss on its seed's points is the loss that the training reported."""
    for c in EXPERIMENTS[name].cells.values():
        cell = Configuration(**{**vars_of(c), "epochs": 3})
        (run,) = train(cell, [4])
        model = inside.model_of(cell, run.weights)
        inputs, labels = points(cell.data, 4)
        loss = configuration.LOSSES[cell.loss](model(inputs), labels)
        assert loss.item() == pytest.approx(run.final_loss, rel=1e-9)
        right = (inside.predict(model, cell)(inputs) > 0.5) == np.ravel(labels)
        assert right.mean() == pytest.approx(run.accuracy)


def vars_of(configuration):
    from dataclasses import fields

    return {f.name: getattr(configuration, f.name) for f in fields(configuration)}


def test_layers_are_torchs(torch):
    (run,) = train(XOR, [1])
    inputs, labels = points("xor", 1)
    found = inside.inside(inside.model_of(XOR, run.weights), XOR, inputs, labels)
    weights = [
        torch.tensor(run.weights[f"linear{i}.weight"], requires_grad=True) for i in (1, 2, 3)
    ]
    value = torch.tensor(inputs)
    for weight, layer in zip(weights, found, strict=True):
        value = torch.sigmoid(value @ weight.T)
        np.testing.assert_allclose(value.detach(), layer.activations)
    ((value - torch.tensor(labels)) ** 2).mean().backward()
    for weight, layer in zip(weights, found, strict=True):
        np.testing.assert_allclose(weight.grad, layer.weight_gradient, rtol=1e-10)


def test_looking_inside_changes_no_gradient():
    model = inside.model_of(XOR, train(XOR, [0])[0].weights)
    inside.inside(model, XOR, *points("xor", 0))
    assert all(p.grad is None for p in model.parameters())


@given(st.integers(0, 50))
@settings(max_examples=15)
def test_a_silent_output_is_a_gradient_of_exactly_zero(seed):
    """Counted by hand from the net inputs: silent if and only if none is above 0."""
    (run,) = train(RELU, [seed])
    found = inside.silence(inside.model_of(RELU, run.weights), RELU, *points("xor", seed))
    value, quiet = points("xor", seed)[0], []
    for i in (1, 2, 3):
        value = value @ run.weights[f"linear{i}.weight"].T + run.weights[f"linear{i}.bias"]
        quiet.append((value <= 0).all(axis=0))
        value = np.maximum(value, 0)
    assert found.output == quiet[2].all()
    assert found.hidden == pytest.approx(np.concatenate(quiet[:2]).mean())
    assert (found.gradient == 0.0) == (found.output or any(q.all() for q in quiet))


def test_with_a_sigmoid_no_unit_is_silent():
    (run,) = train(XOR, [0])
    found = inside.silence(inside.model_of(XOR, run.weights), XOR, *points("xor", 0))
    assert (found.hidden, found.output) == (0.0, False)
    assert found.gradient > 0.0


# -- while it learns -------------------------------------------------------------------------


def test_what_is_watched_ends_as_the_training_does():
    seen = inside.watch(XOR, [3, 8], [0, 10, 50])
    assert list(seen.states) == [0, 10, 50]
    for run, state in zip(train(XOR, [3, 8]), seen.states[50], strict=True):
        for name, weights in run.weights.items():
            np.testing.assert_allclose(state[name], weights, rtol=1e-9)


def test_what_is_watched_keeps_its_numbers():
    """The weights of a moment are not those that the training goes on to change."""
    seen = inside.watch(XOR, [0], [0, 50])
    assert not np.allclose(
        seen.states[0][0]["linear1.weight"], seen.states[50][0]["linear1.weight"]
    )


def test_moments_split_the_way_down():
    often = [*range(50), *range(50, 3001, 10)]
    seen = inside.watch(Configuration(epochs=3000), [0], often)
    epochs = inside.moments(seen, 5)
    assert epochs[0] == 0
    assert epochs[-1] == 3000
    model = [inside.model_of(XOR, seen.states[e][0]) for e in epochs]
    inputs, labels = points("xor", 0)
    errors = [np.sqrt(np.mean((m(inputs).numpy() - labels) ** 2)) for m in model]
    steps = -np.diff(errors)
    assert steps.min() > 0.3 * steps.max()


def test_gradients_over_time_are_the_layers_root_mean_squares():
    seen = inside.watch(XOR, [0, 1], [0, 50])
    found = inside.gradients_over_time(seen, (1, 3))
    assert list(found) == ["layer 1", "layer 3"]
    layer = seen.layers(50)[1][2]
    row = found["layer 3"].query("epoch == 50 and seed == 1")
    assert row.value.item() == pytest.approx(np.sqrt(np.mean(np.square(layer.weight_gradient))))


def test_spread_over_has_every_number_of_every_seed():
    seen = inside.watch(XOR, [0, 1], [0, 50])
    found = inside.spread_over(seen, [0, 50], "activations")
    assert [len(layer) for layer in found["epoch 50"]] == [2 * 21 * 4, 2 * 21 * 4, 2 * 21]


# -- corners ---------------------------------------------------------------------------------


@given(st.integers(4, 6), st.floats(0.0, 6.28), st.floats(1.0, 1.3))
@settings(max_examples=15)
def test_a_polygon_has_its_turning_in_its_corners(sides, turned, radius):
    angles = turned + 2 * np.pi * np.arange(sides) / sides
    normals = np.stack([np.cos(angles), np.sin(angles)])
    square = np.array([[-2.0, -2.0], [2.0, 2.0]])
    assert diagnostics.corners(lambda p: (p @ normals).max(axis=1) - radius, square) > 0.8
    assert diagnostics.corners(lambda p: np.hypot(*p.T) - radius, square) < 0.2


def test_a_straight_boundary_has_no_corners():
    square = np.array([[-1.0, -1.0], [1.0, 1.0]])
    assert np.isnan(diagnostics.corners(lambda p: p @ [1.0, 0.3], square))
    assert np.isnan(diagnostics.corners(lambda p: np.ones(len(p)), square))


# -- without activation ----------------------------------------------------------------------


@given(st.integers(0, 1000), st.booleans())
@settings(max_examples=20)
def test_nothing_linear_is_better_than_least_squares(seed, bias):
    inputs, labels = points("linear", seed)
    best = diagnostics.least_squares(inputs, labels, bias)
    rng = np.random.default_rng(seed)
    slopes, offset = rng.normal(size=(2, 1)), rng.normal() * bias
    assert np.mean((inputs @ slopes + offset - labels) ** 2) >= best
    columns = np.hstack([inputs, np.ones((len(inputs), 1))]) if bias else inputs
    solved = np.linalg.solve(columns.T @ columns, columns.T @ labels)  # the normal equations
    assert np.mean((columns @ solved - labels) ** 2) == pytest.approx(best)


# -- R2's backward pass ----------------------------------------------------------------------


@given(st.integers(0, 100), st.integers(2, 6))
@settings(max_examples=15)
def test_the_mistake_is_a_factor_of_n_on_biases_alone(seed, hidden):
    inputs, labels = points("moons", seed)
    model = nn.MLP([2, hidden, 2], "tanh", init="fan_in_normal", rng=seed)
    for check in by_hand.against_the_tape(model, inputs, labels, 0.01, mistake=True):
        expected = len(inputs) if check.parameter.endswith("bias") else 1.0
        assert check.ratio == pytest.approx(expected, rel=1e-6)
        assert check.right == check.parameter.endswith("weight")
    for check in by_hand.against_the_tape(model, inputs, labels, 0.01, mistake=False):
        assert check.right, check


def test_training_by_hand_is_training_on_the_tape():
    data = [points("moons", 0)]
    losses, shares = by_hand.train_by_hand(data, 3, 40, 0.01, 0.01, mistake=False)
    inputs, labels = data[0]
    model = nn.MLP([2, 3, 2], "tanh", init="fan_in_normal", rng=0)
    weights = [p for p in model.parameters() if p.ndim == 2]
    biases = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": weights, "weight_decay": 0.01}, {"params": biases}]
    loss = nn.CrossEntropyLoss(reduction="sum")
    nn.fit(model, loss, nn.optim.SGD(groups, 0.01), inputs, labels, epochs=40, progress=False)
    outputs = model(inputs)
    assert losses[0] == pytest.approx(loss(outputs, labels).item() / len(labels))
    assert shares[0] == nn.accuracy(outputs, labels)


def test_with_the_mistake_biases_learn_n_times_more_slowly():
    """It is the right pass with a rate n times smaller for the biases."""
    data = [points("moons", 2)]
    wrong = by_hand.train_by_hand(data, 3, 30, 0.01, 0.0, mistake=True)
    inputs, labels = data[0]
    model = nn.MLP([2, 3, 2], "tanh", init="fan_in_normal", rng=0)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim == 2]},
        {"params": [p for p in model.parameters() if p.ndim == 1], "lr": 0.01 / len(labels)},
    ]
    loss = nn.CrossEntropyLoss(reduction="sum")
    nn.fit(model, loss, nn.optim.SGD(groups, 0.01), inputs, labels, epochs=30, progress=False)
    assert wrong[0][0] == pytest.approx(loss(model(inputs), labels).item() / len(labels))


# -- the loss as a landscape -----------------------------------------------------------------


def test_a_plane_is_found_where_the_ways_lie_in_one():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(9, 2)))[0].T
    ways = {name: rng.normal(size=(20, 2)) @ basis for name in ("a", "b")}
    found = landscape.slice_through(ways, lambda row: float(row @ row) + 1.0, places=9)
    assert found.explained == pytest.approx(1.0)
    middle = np.concatenate(list(ways.values())).mean(axis=0)
    for name, path in found.paths.items():
        np.testing.assert_allclose(
            np.sum(path**2, axis=1), np.sum((ways[name] - middle) ** 2, axis=1)
        )
    assert found.losses.shape == (9, 9)
    assert found.losses.min() >= 1.0


def test_weights_in_a_row_and_back():
    state = train(XOR, [0])[0].weights
    back = landscape.unflat(landscape.flat(state), state)
    for name, array in state.items():
        np.testing.assert_array_equal(back[name], array)


def test_the_ways_start_together():
    seen = inside.watch(XOR, [0], [0, 50])
    found = landscape.surface_of(seen, places=5)
    starts = np.array([path[0] for path in found.paths.values()])
    assert len(starts) == 4
    np.testing.assert_allclose(starts, np.broadcast_to(starts[0], starts.shape), atol=1e-9)


def test_a_tensor_in_labels_is_not_needed():
    """The loss functions take the labels as the data gives them, integers too."""
    inputs, labels = points("moons", 0)
    c = EXPERIMENTS["R2-moons-depth"].cells["width 3, 3 layers"]
    model = nn.MLP([2, 3, 2], "tanh", rng=0)
    assert isinstance(configuration.LOSSES[c.loss](model(inputs), labels), Tensor)
