"""linear.py, activation.py and container.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import nn
from autograd_lite import Tensor
from autograd_lite.errors import BroadcastError


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3)])
def test_linear_is_pytorchs_forward_and_backward(torch, rng, bias, shape):
    ours = nn.Linear(3, 4, bias=bias, rng=rng)
    theirs = torch.nn.Linear(3, 4, bias=bias, dtype=torch.float64)
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    x = rng.normal(size=shape)
    upstream = rng.normal(size=(*shape[:-1], 4))
    a = Tensor(x, requires_grad=True)
    b = torch.tensor(x, requires_grad=True)
    out, expected = ours(a), theirs(b)
    out.backward(upstream)
    expected.backward(torch.tensor(upstream))
    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), atol=1e-14)
    np.testing.assert_allclose(a.grad, b.grad.numpy(), atol=1e-14)
    for name, p in ours.named_parameters():
        wanted = getattr(theirs, name).grad.numpy()
        np.testing.assert_allclose(p.grad, wanted, atol=1e-13, err_msg=name)


def test_linear_starts_within_one_over_the_root_of_fan_in():
    layer = nn.Linear(25, 400, rng=0)
    for p in layer.parameters():
        assert 0.19 < np.abs(p.data).max() <= 0.2
        assert abs(p.data.mean()) < 0.02


def test_one_seed_gives_one_network_and_one_generator_gives_different_layers():
    def weights(rng):
        return [p.data for p in nn.MLP([3, 3, 3], rng=rng).parameters()]

    first, again, other = weights(1), weights(1), weights(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert not np.array_equal(first[0], first[2])  # the two layers of one network
    assert not np.array_equal(*(p.data[0] for p in nn.Linear(3, 3, rng=0).parameters()))


def test_the_global_random_state_of_numpy_is_neither_read_nor_changed():
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    nn.manual_seed(0)
    a = nn.Linear(2, 2)
    np.random.seed(2)  # noqa: NPY002
    nn.manual_seed(0)
    b = nn.Linear(2, 2)
    np.random.seed(1)  # noqa: NPY002
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert np.array_equal(a.weight.data, b.weight.data)


@pytest.mark.parametrize("size", [0, -1, 2.0, True, "3"])
def test_sizes_that_are_no_sizes_are_refused(size):
    with pytest.raises(ValueError, match="positive integer"):
        nn.Linear(size, 1)
    with pytest.raises(ValueError, match="positive integer"):
        nn.MLP([2, size, 1])


def test_lists_and_numbers():
    layer = nn.Linear(2, 1, rng=0)
    assert layer([[1.0, 2.0]]).item() == layer(np.array([[1.0, 2.0]])).item()


def test_inputs_of_a_wrong_width_are_refused_with_both_shapes():
    model = nn.MLP([2, 4, 1], rng=0)
    with pytest.raises(BroadcastError, match=r"\(5, 3\).*linear1\.weight"):
        model(np.zeros((5, 3)))


def test_integers_and_float32_go_in():
    layer = nn.Linear(2, 1, rng=0, dtype=np.float32)
    out = layer(np.ones((3, 2), np.float32))
    assert out.dtype == np.float32
    out.sum().backward()
    assert layer.weight.grad.dtype == np.float32
    integers = nn.Linear(2, 1, rng=0)
    integers(np.array([[1, 2]])).sum().backward()
    assert np.array_equal(integers.weight.grad, [[1.0, 2.0]])


# -- activations ------------------------------------------------------------------------------

ACTIVATIONS = {
    "Sigmoid": (),
    "Tanh": (),
    "ReLU": (),
    "LeakyReLU": (0.2,),
    "Identity": (),
    "Softmax": (1,),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@settings(deadline=None)  # the first call of PyTorch is slow
@given(x=arrays(float, (3, 4), elements=st.floats(-30, 30)))
def test_activations_are_pytorchs(torch, name, x):
    ours = getattr(nn, name)(*ACTIVATIONS[name])
    theirs = getattr(torch.nn, name)(*ACTIVATIONS[name])
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    upstream = np.arange(12.0).reshape(3, 4) - 5.0
    out, expected = ours(a), theirs(b)
    out.backward(upstream)
    expected.backward(torch.tensor(upstream))
    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), atol=1e-14)
    np.testing.assert_allclose(a.grad, b.grad.numpy(), atol=1e-13)
    # An array gives the same numbers without a tape.
    assert np.array_equal(ours(x), out.numpy())


# -- containers -------------------------------------------------------------------------------


def test_sequential_runs_is_indexed_and_iterated():
    layers = [nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1)]
    model = nn.Sequential(*layers)
    x = np.ones((2, 2))
    expected = layers[2](np.tanh(layers[0](x)))
    assert np.array_equal(model(x).numpy(), expected.numpy())
    assert list(model) == layers
    assert len(model) == 3
    assert model[-1] is layers[2]
    assert list(model[1:]) == layers[1:]
    with pytest.raises(IndexError, match="3"):
        model[3]


def test_a_slice_leaves_the_names_of_the_whole_alone():
    model = nn.Sequential(nn.Tanh(), nn.Linear(2, 2, rng=0))
    assert [n for n, _ in model[1:].named_parameters()] == ["1.weight", "1.bias"]
    assert model[1].weight.name == "1.weight"


def test_a_layer_that_is_replaced_or_deleted_is_no_longer_run():
    model = nn.Sequential({"a": nn.Linear(2, 2, rng=0), "b": nn.ReLU()})
    x = -np.ones((1, 2))
    model.a = nn.Identity()
    assert np.array_equal(model(x), np.zeros((1, 2)))
    del model.b
    assert np.array_equal(model(x), x)


def test_the_same_module_twice_runs_twice():
    double = nn.LeakyReLU(2.0)
    assert nn.Sequential(double, double)(np.array(-1.0)) == -4.0


def test_what_is_no_module_is_refused_with_what_to_write():
    with pytest.raises(TypeError, match=r"write Tanh\(\)"):
        nn.Sequential(nn.Linear(1, 1), nn.Tanh)
    with pytest.raises(TypeError, match="Layer '0'"):
        nn.Sequential(np.tanh)
    with pytest.raises(ValueError, match="dots"):
        nn.Sequential({"a.b": nn.Tanh()})
    with pytest.raises(AttributeError, match="method"):
        nn.Sequential({"forward": nn.Tanh()})


def test_mlp_names_its_layers_and_ends_as_asked():
    model = nn.MLP([2, 4, 1], "relu", output_activation="sigmoid", bias=False)
    names = ["linear1", "relu1", "linear2", "sigmoid2"]
    assert [name for name, _ in model.named_children()] == names
    assert [p.name for p in model.parameters()] == ["linear1.weight", "linear2.weight"]
    assert [type(m) for m in nn.MLP([2, 3, 1], None)] == [nn.Linear, nn.Linear]


def test_mlp_takes_activations_in_every_form_and_shares_none():
    own = nn.LeakyReLU(0.005)
    for activation in (own, lambda: nn.LeakyReLU(0.005)):
        model = nn.MLP([2, 3, 3, 1], activation)
        used = [m for m in model if isinstance(m, nn.LeakyReLU)]
        assert len({id(m) for m in [*used, own]}) == 3
        assert all(m.negative_slope == 0.005 for m in used)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([2],), "at least two sizes"),
        (([2, 1, 1], "sigmoyd"), "sigmoyd.*sigmoid"),
        (([2, 1, 1], 3), "got 3"),
        (([2, 1, 1], np.tanh), "tanh"),
    ],
)
def test_mlp_refuses_bad_input(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        nn.MLP(*arguments)


# -- the lab's network, by hand -----------------------------------------------------------------


def test_the_gradient_of_the_labs_network_is_the_formula_of_the_hand_out(rng):
    x, y = rng.uniform(size=(21, 2)), rng.integers(0, 2, size=(21, 1)).astype(float)
    model = nn.MLP(
        [2, 4, 4, 1], "sigmoid", bias=False, output_activation="sigmoid", init="normal", rng=rng
    )
    nn.MSELoss()(model(x), y).backward()

    # The hand-out multiplies from the right, so its W is our weight transposed.
    W1, W2, W3 = (p.data.T for p in model.parameters())

    def sigma(z):
        return 1.0 / (1.0 + np.exp(-z))

    Z1 = sigma(x @ W1)
    Z2 = sigma(Z1 @ W2)
    out = sigma(Z2 @ W3)
    d3 = 2.0 / 21.0 * (out - y) * out * (1.0 - out)
    d2 = d3 @ W3.T * Z2 * (1.0 - Z2)
    d1 = d2 @ W2.T * Z1 * (1.0 - Z1)
    for p, expected in zip(model.parameters(), (x.T @ d1, Z1.T @ d2, Z2.T @ d3), strict=True):
        assert np.abs(expected).max() > 1e-6
        np.testing.assert_allclose(p.grad, expected.T, rtol=1e-12, atol=1e-16)
