from __future__ import annotations

import math

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from nn import init

SHAPE = (300, 200)  # out, in: different, so that fan-in and fan-out cannot be mistaken

STD = {
    "normal": 1.0,
    "uniform": 1.0 / math.sqrt(12.0),
    "zeros": 0.0,
    "ones": 0.0,
    "xavier_uniform": math.sqrt(2.0 / 500.0),
    "xavier_normal": math.sqrt(2.0 / 500.0),
    "kaiming_uniform": math.sqrt(2.0 / 200.0),
    "kaiming_normal": math.sqrt(2.0 / 200.0),
    "fan_in_uniform": 1.0 / math.sqrt(3.0 * 200.0),
    "fan_in_normal": 1.0 / math.sqrt(200.0),
}
MEAN = {"uniform": 0.5, "ones": 1.0}


def test_every_name_has_its_distribution():
    assert set(STD) == set(init.BY_NAME)
    for name, std in STD.items():
        w = Tensor(np.zeros(SHAPE))
        assert init.named(name)(w, rng=3) is w
        assert w.data.std() == pytest.approx(std, rel=0.02), name
        assert w.data.mean() == pytest.approx(MEAN.get(name, 0.0), abs=0.02 * std), name
        if "uniform" in name:
            half = std * math.sqrt(3.0)
            spread = np.abs(w.data - MEAN.get(name, 0.0)).max()
            assert 0.99 * half < spread <= half, name
        elif "normal" in name:
            beyond = np.mean(np.abs(w.data) > 2.0 * std)
            assert beyond == pytest.approx(0.0455, abs=0.005), name


@pytest.mark.parametrize("name", ["xavier_uniform_", "kaiming_uniform_"])
@pytest.mark.parametrize("shape", [(30, 20), (8, 4, 3, 3)])
def test_bounds_are_pytorchs(torch, name, shape):
    ours = getattr(init, name)(Tensor(np.zeros(shape)), rng=0).data
    theirs = getattr(torch.nn.init, name)(torch.empty(shape)).numpy()
    assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.05)


@pytest.mark.parametrize(
    "arguments", [("linear",), ("sigmoid",), ("tanh",), ("relu",), ("leaky_relu", 0.3)]
)
def test_gains_are_pytorchs(torch, arguments):
    expected = torch.nn.init.calculate_gain(*arguments)
    assert init.calculate_gain(*arguments) == pytest.approx(expected, rel=1e-15)


def test_mode_and_gain_are_used():
    fan_out = init.kaiming_normal_(Tensor(np.zeros(SHAPE)), mode="fan_out", rng=0)
    assert fan_out.data.std() == pytest.approx(math.sqrt(2.0 / 300.0), rel=0.02)
    tanh = init.kaiming_normal_(Tensor(np.zeros(SHAPE)), nonlinearity="tanh", rng=0)
    assert tanh.data.std() == pytest.approx(5.0 / 3.0 / math.sqrt(200.0), rel=0.02)
    doubled = init.xavier_normal_(Tensor(np.zeros(SHAPE)), gain=2.0, rng=0)
    assert doubled.data.std() == pytest.approx(2.0 * math.sqrt(2.0 / 500.0), rel=0.02)
    assert np.all(init.constant_(Tensor(np.zeros(3)), 0.3).data == 0.3)


def test_a_seed_starts_and_a_generator_goes_on():
    def draw(rng):
        return init.normal_(Tensor(np.zeros(4)), rng=rng).data

    assert np.array_equal(draw(5), draw(5))
    rng = np.random.default_rng(5)
    assert np.array_equal(draw(rng), draw(5))
    assert not np.array_equal(draw(rng), draw(5))


def test_float32_stays():
    w = Tensor(np.zeros((2, 2), np.float32), requires_grad=True)
    assert init.normal_(w, rng=0).dtype == np.float32


@pytest.mark.parametrize("rng", ["a", -1, 1.5, True])
def test_a_bad_seed_is_refused(rng):
    with pytest.raises(TypeError, match="seed"):
        nn.Linear(1, 1, rng=rng)


def test_other_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"normale.*normal"):
        nn.Linear(1, 1, init="normale")
    with pytest.raises(ValueError, match=r"\(3,\)"):
        init.xavier_normal_(Tensor(np.zeros(3)))
    with pytest.raises(ValueError, match="fan_in"):
        init.kaiming_normal_(Tensor(np.zeros((2, 2))), mode="both")
    with pytest.raises(ValueError, match="swish"):
        init.calculate_gain("swish")


def test_any_function_can_be_an_initialisation_and_leaves_the_bias_at_zero():
    layer = nn.Linear(2, 3, init=lambda w, rng: init.constant_(w, 7.0))
    assert np.all(layer.weight.data == 7.0)
    assert np.all(layer.bias.data == 0.0)


LAYERS = {
    "Linear": (50, 300),
    "Conv1d": (4, 300, 3),
    "Conv2d": (4, 300, (3, 2)),
    "ConvTranspose2d": (4, 300, (3, 2)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_bias_starts_within_pytorchs_bound_and_fills_it(torch, name):
    """Uniform within ±1/√fan-in, which is read off PyTorch's weights."""
    theirs = getattr(torch.nn, name)(*LAYERS[name])
    fan_in, _ = torch.nn.init._calculate_fan_in_and_fan_out(theirs.weight)
    ours, bound = getattr(nn, name)(*LAYERS[name], rng=0).bias.data, fan_in**-0.5
    assert np.all(np.abs(ours) <= bound)
    assert np.std(ours) == pytest.approx(bound / math.sqrt(3.0), rel=0.15)
    assert abs(np.mean(ours)) < 0.15 * bound
    other = getattr(nn, name)(*LAYERS[name], init="xavier_normal", rng=0)
    assert np.any(other.weight.data)
    assert not np.any(other.bias.data)
