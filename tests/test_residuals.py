"""What a forward pass hands to the reverse pass is of the same array, or is not used."""

from contextlib import nullcontext

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, grad, no_grad, trace
from autograd_lite.calculus.attention import attention
from autograd_lite.calculus.normalization import normalize_and_scale
from autograd_lite.residuals import Residuals
from autograd_lite.testing import check_gradients

LAYERS = {
    "batch": lambda: nn.BatchNorm1d(3),
    "batch, without weights": lambda: nn.BatchNorm1d(3, affine=False),
    "layer": lambda: nn.LayerNorm(3),
}
RNG = np.random.default_rng(3)


def test_another_array_has_none():
    x, residuals = np.ones(3), Residuals()
    assert residuals.of(x) is residuals.of(None) is None
    residuals.keep(x, 1.0)
    assert residuals.of(x) == (1.0,)
    assert residuals.of(Tensor(x)) is residuals.of(x.copy()) is residuals.of(x[:]) is None
    residuals.keep(np.float64(2.0), 3.0)
    assert residuals.of(x) == (1.0,)
    del x
    assert residuals.of(None) is None


@pytest.mark.parametrize("name", LAYERS)
def test_layers_have_right_derivatives_of_two_orders(name):
    layer, weights = LAYERS[name](), RNG.normal(size=(4, 3))
    check_gradients(lambda x: np.sum(layer(x) * weights) ** 2, RNG.normal(size=(4, 3)), order=2)


@pytest.mark.parametrize("rows", [8, 20_000])
def test_residuals_change_no_bit(rows):
    x, weight, g = RNG.normal(size=(rows, 5)), RNG.normal(size=5), RNG.normal(size=(rows, 5))

    def gradients(**more):
        operands = [Tensor(a, requires_grad=True) for a in (x, weight, weight)]
        normalize_and_scale.apply(*operands, axis=0, eps=1e-5, **more).backward(g)
        return [t.grad.tobytes() for t in operands]

    assert gradients() == gradients(residuals=Residuals())


def test_readers_do_not_see_them():
    out = nn.LayerNorm(3)(np.ones((2, 3)))
    assert out.tape.parameters == {"axis": -1, "eps": 1e-5}


def test_what_is_refilled_between_the_passes():
    """A small array of the user's is copied: its gradient is of the numbers that were there."""
    weight, batch = Tensor(np.ones(3), requires_grad=True), RNG.normal(size=(4, 3))
    before = batch.copy()
    out = nn.functional.layer_norm(batch, 3, weight)
    batch[:] = 7.0
    g = RNG.normal(size=(4, 3))
    out.backward(g)
    mean, root = before.mean(1, keepdims=True), np.sqrt(before.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(weight.grad, (g * (before - mean) / root).sum(0))


def test_running_means_are_of_the_batch():
    """Those that a forward pass left, of each batch anew, in training and through a transform."""
    layer, x = nn.BatchNorm1d(3, momentum=None), RNG.normal(size=(6, 3))
    layer(x)
    with no_grad():
        layer(x + 2.0)
    grad(lambda x: np.sum(layer(x) ** 3))(x + 4.0)
    np.testing.assert_allclose(layer.running_mean.data, x.mean(0) + 2.0)
    np.testing.assert_allclose(layer.running_var.data, x.var(0, ddof=1))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kept", [Residuals, lambda: None])
def test_attention_has_right_derivatives_of_two_orders(masked, kept):
    mask, weights = np.where(np.tri(3), 0.0, -np.inf), RNG.normal(size=(2, 3, 4))
    more = {"mask": mask if masked else None, "residuals": kept()}
    check_gradients(
        lambda x: np.sum(attention(x, heads=2, **more) * weights),
        RNG.normal(size=(2, 3, 12)), order=2,
    )  # fmt: skip


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_recurrent_layers_have_right_derivatives_of_two_orders(kind):
    layer = kind(2, 3, rng=0)
    weights = RNG.normal(size=(4, 2, 3))
    check_gradients(lambda x: np.sum(layer(x)[0] * weights), RNG.normal(size=(4, 2, 2)), order=2)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_cell_is_its_steps_to_the_bit(kind):
    """With its gates in one operation, and, where lines are noted, each function in one."""
    layer, x, g = kind(2, 3, 2, rng=0), RNG.normal(size=(4, 2, 2)), RNG.normal(size=(4, 2, 3))
    found = []
    for mode in (nullcontext, no_grad, trace):
        with mode():
            found.append(layer(x)[0].numpy().tobytes())
    assert len(set(found)) == 1
    gradients = []
    for mode in (nullcontext, trace):
        t = Tensor(x, requires_grad=True)
        with mode():
            out = layer(t)[0]
        out.backward(g)
        gradients.append([t.grad, *(p.grad for p in layer.parameters())])
        layer.zero_grad()
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)
