"""loss.py and functional.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import nn
from autograd_lite import Tensor, grad
from autograd_lite.calculus import neural
from nn import functional

REDUCTIONS = ["mean", "sum", "none"]


def compare(torch, name, reduction, x, target, *, target_grad=False, atol=1e-14, **extra):
    """Hold value and gradients together with PyTorch's."""
    # PyTorch keeps BCE's denominator from 0 with a 1e-12 that was rounded to float32.
    rtol = 1e-8 if name == "BCELoss" else 1e-11
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    s, t = target, torch.tensor(target)
    if target_grad:
        s, t = Tensor(target, requires_grad=True), t.requires_grad_()
    ours = getattr(nn, name)(reduction=reduction, **extra)(a, s)
    extra = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in extra.items()}
    theirs = getattr(torch.nn, name)(reduction=reduction, **extra)(b, t)
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-12, atol=atol)
    ours.backward(np.ones(ours.shape))
    theirs.backward(torch.ones_like(theirs))
    np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=rtol, atol=1e-14)
    if target_grad:
        np.testing.assert_allclose(s.grad, t.grad.numpy(), rtol=rtol, atol=1e-14)


def pair(low, high, target_low, target_high):
    """Two arrays of one shape, with values in two ranges."""
    shapes = array_shapes(max_dims=3, max_side=4)
    return shapes.flatmap(
        lambda shape: st.tuples(
            arrays(float, shape, elements=st.floats(low, high)),
            arrays(float, shape, elements=st.floats(target_low, target_high)),
        )
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@settings(deadline=None)  # the first call of PyTorch is slow
@given(data=pair(-10, 10, -10, 10))
def test_mse(torch, reduction, data):
    compare(torch, "MSELoss", reduction, *data, target_grad=True)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@settings(deadline=None)
@given(data=pair(0, 1, 0, 1))
def test_bce(torch, reduction, data):
    compare(torch, "BCELoss", reduction, *data)


@pytest.mark.parametrize("target", [0.0, 1.0, 0.25])
@pytest.mark.parametrize("p", [0.0, 1.0, 1e-14, 1e-200, 0.3])
def test_bce_at_and_near_certainty(torch, p, target):
    compare(torch, "BCELoss", "sum", np.array([p]), np.array([target]))


def test_bces_target_gets_a_gradient_too(torch):
    compare(torch, "BCELoss", "sum", np.array([0.2, 0.7]), np.array([0.4, 1.0]), target_grad=True)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@settings(deadline=None)
@given(data=pair(-800, 800, 0, 1))
def test_bce_with_logits(torch, reduction, data):
    # (1 − t) x − min(x, 0), as PyTorch has it, loses what is small beside x = 800.
    compare(torch, "BCEWithLogitsLoss", reduction, *data, atol=1e-11)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(4,), (5, 4), (5, 4, 3), (2, 4, 3, 2)])
def test_cross_entropy_of_indices_and_of_probabilities(torch, rng, reduction, shape):
    x = rng.normal(scale=5.0, size=shape)
    classes = 1 if len(shape) > 1 else 0
    index = rng.integers(0, 4, size=shape[:classes] + shape[classes + 1 :])
    compare(torch, "CrossEntropyLoss", reduction, x, index)
    p = rng.uniform(size=shape)
    compare(torch, "CrossEntropyLoss", reduction, x, p / p.sum(axis=classes, keepdims=True))


def test_cross_entropy_of_indices_is_finite_beside_an_impossible_class(torch):
    compare(torch, "CrossEntropyLoss", "mean", np.array([[0.0, -np.inf, 1.0]]), np.array([2]))


def test_cross_entropy_is_exact_far_out():
    assert nn.CrossEntropyLoss()(np.array([[0.0, 2000.0]]), np.array([0])) == 2000.0


@pytest.mark.parametrize("reduction", REDUCTIONS)
@settings(deadline=None)
@given(data=pair(-10, 10, -10, 10))
def test_l1(torch, reduction, data):
    compare(torch, "L1Loss", reduction, *data, target_grad=True)


@pytest.mark.parametrize("delta", [1.0, 0.3])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_huber(torch, rng, reduction, delta):
    x, y = rng.normal(size=(5, 4)), rng.normal(size=(5, 4))
    x[0] = y[0]
    x[1] = y[1] + delta
    compare(torch, "HuberLoss", reduction, x, y, target_grad=True, delta=delta)


@pytest.mark.parametrize("margin", [1.0, 0.5])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_hinges(torch, rng, reduction, margin):
    x, y = rng.normal(size=(5, 4)), rng.choice([-1.0, 1.0], size=(5, 4))
    compare(torch, "HingeEmbeddingLoss", reduction, x, y, margin=margin)
    ours = nn.HingeLoss(reduction, margin)(x, y)
    expected = np.array([max(0.0, margin - a * b) for a, b in zip(x.flat, y.flat, strict=True)])
    whole = {"mean": expected.mean(), "sum": expected.sum(), "none": expected.reshape(5, 4)}
    np.testing.assert_allclose(ours, whole[reduction], rtol=1e-14)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_weights_of_binary_cross_entropies(torch, rng, reduction):
    p, t = rng.uniform(0.05, 0.95, size=(5, 4)), rng.uniform(size=(5, 4))
    weight, pos_weight = rng.uniform(size=(5, 4)), rng.uniform(0.5, 3.0, size=4)
    compare(torch, "BCELoss", reduction, p, t, weight=weight)
    logits = rng.normal(scale=9.0, size=(5, 4))
    compare(torch, "BCEWithLogitsLoss", reduction, logits, t, weight=weight)
    compare(torch, "BCEWithLogitsLoss", reduction, logits, t, weight=weight, pos_weight=pos_weight)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignored", [None, 2, -100])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(5, 4), (3, 4, 2)])
def test_cross_entropy_with_all_it_takes(
    torch, rng, shape, reduction, ignored, weighted, smoothing
):
    x = rng.normal(scale=3.0, size=shape)
    extra = {"weight": rng.uniform(0.1, 2.0, size=4)} if weighted else {}
    index = rng.integers(0, 4, size=(shape[0], *shape[2:]))
    if ignored is not None:
        index.flat[[0, 2]] = ignored
        extra["ignore_index"] = ignored
    logs = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    compare(torch, "NLLLoss", reduction, logs, index, **extra)
    extra["label_smoothing"] = smoothing
    compare(torch, "CrossEntropyLoss", reduction, x, index, **extra)
    p = rng.uniform(size=shape)
    extra.pop("ignore_index", None)
    compare(torch, "CrossEntropyLoss", reduction, x, p / p.sum(axis=1, keepdims=True), **extra)


def test_a_mean_over_nothing_is_nan(torch):
    x = Tensor(np.zeros((2, 3)), requires_grad=True)
    assert np.isnan(nn.CrossEntropyLoss()(x, np.array([-100, -100])).item())


def test_second_derivatives_are_those_of_the_formulas():
    def second(loss, x):
        return grad(grad(lambda p: loss(p, np.asarray(0.25)).sum()))(x)

    p = 0.3
    expected = 0.25 / p**2 + 0.75 / (1.0 - p) ** 2
    assert second(functional.binary_cross_entropy, p) == pytest.approx(expected, rel=1e-12)
    s = 1.0 / (1.0 + np.exp(-p))
    expected = s * (1.0 - s)
    actual = second(functional.binary_cross_entropy_with_logits, p)
    assert actual == pytest.approx(expected, rel=1e-12)
    assert second(functional.mse_loss, p) == pytest.approx(2.0)


def test_bce_is_the_composition_that_it_names(rng):
    p, t = rng.uniform(0.1, 0.9, size=7), rng.uniform(size=7)
    np.testing.assert_allclose(neural.bce(p, t), neural.bce.decomposition(p, t), rtol=1e-14)


@pytest.mark.parametrize("name", ["MSELoss", "BCELoss", "BCEWithLogitsLoss"])
def test_shapes_that_would_broadcast_are_refused(name):
    out = nn.Linear(1, 1, rng=0)(np.zeros((5, 1)))
    with pytest.raises(ValueError, match=r"\(5, 1\) and \(5,\).*reshape"):
        getattr(nn, name)()(out, np.zeros(5))


def test_lists_and_integers_are_targets():
    out = Tensor([1.0, 2.0], requires_grad=True)
    for target in ([0, 1], np.array([0, 1]), Tensor([0, 1])):
        assert nn.MSELoss()(out, target).item() == 1.0
    assert nn.MSELoss()([1.0, 2.0], [0, 1]) == 1.0


@pytest.mark.parametrize(
    ("loss", "x", "target", "message"),
    [
        ("BCELoss", [1.5], [1.0], "between 0 and 1.*sigmoid"),
        ("BCELoss", [-0.1], [1.0], "between 0 and 1"),
        ("CrossEntropyLoss", [[0.0, 1.0]], [2], "2 classes"),
        ("CrossEntropyLoss", [[0.0, 1.0]], [-1], "2 classes"),
        ("CrossEntropyLoss", [[0.0, 1.0]] * 3, [0, 1, 7], "has 7 at index 2"),
        ("NLLLoss", [[[0.0, 1.0], [1.0, 2.0]]], [[0, 3]], r"has 3 at index \(0, 1\)"),
        ("NLLLoss", 1.0, 1, "single number"),
        ("HingeLoss", [0.5, 0.5], [1, 0], "0 at index 1"),
        ("L1Loss", [0.5, 0.5], [[1, 0]], "reshape"),
        ("CrossEntropyLoss", [[0.0, 1.0]], [1.0], "astype"),
        ("CrossEntropyLoss", [[0.0, 1.0]], [[1]], r"\(1, 2\) and \(1, 1\)"),
    ],
)
def test_bad_input_is_refused(loss, x, target, message):
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(nn, loss)()(Tensor(x, requires_grad=True), np.array(target))


def test_an_unknown_reduction_is_refused_at_once():
    for name in ("MSELoss", "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss"):
        with pytest.raises(ValueError, match="avg"):
            getattr(nn, name)(reduction="avg")
    with pytest.raises(ValueError, match="avg"):
        functional.mse_loss(np.zeros(1), np.zeros(1), "avg")


FUNCTIONS = ["sigmoid", "tanh", "relu", "leaky_relu", "softplus", "softmax", "log_softmax"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_pytorchs(torch, rng, name):
    x = rng.normal(scale=3.0, size=(3, 4))
    more = (0.2,) if name == "leaky_relu" else (0,) if "softmax" in name else ()
    expected = getattr(torch.nn.functional, name)(torch.tensor(x), *more).numpy()
    np.testing.assert_allclose(
        getattr(functional, name)(x, *more), expected, rtol=1e-13, atol=1e-15
    )
