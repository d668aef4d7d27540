"""Closer looks at the same program have the same gradients."""

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, explain
from autograd_lite.calculus.neural import softmax


def gradients(explanation):
    d = explanation.derivation
    return {v.name: d.gradients[v] for v in d.inputs}


def network():
    model = nn.MLP([2, 2, 1], "sigmoid", output_activation="sigmoid", rng=0)
    x, truth = np.array([[0.1, 0.9], [0.4, 0.4]]), np.array([[1.0], [0.0]])
    return nn.MSELoss()(model(x), truth)


def test_fused_operations_unfold():
    loss = network()
    whole, steps = explain(loss), explain(loss, level="steps")
    names = {s.operation.name for s in steps.derivation.steps}
    assert {"matmul", "transpose", "exp"} <= names
    assert not {"linear", "sigmoid", "mse"} & names
    for name, gradient in gradients(whole).items():
        np.testing.assert_allclose(gradients(steps)[name], gradient, rtol=1e-12)


@pytest.mark.parametrize(
    "program",
    [
        lambda w, b: np.sum((w @ w.T + b) ** 2),
        lambda w, b: np.mean(np.tanh(w * b + 1.0)) / np.sum(np.exp(b)),
        lambda w, b: np.sum(w[1:] * b) + np.sum(w.T.reshape(-1)),
        lambda w, b: np.sum(np.maximum(w, 0.0) + b),
        lambda w, b: np.sum(np.concatenate([w, w * 2.0]) ** 2) + np.sum(np.stack([b, b])),
    ],
)
def test_arrays_are_taken_apart(program):
    w = Tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)
    b = Tensor([0.3, -0.4], requires_grad=True)
    loss = program(w, b)
    loss.backward()
    apart = explain(loss, level="scalars")
    assert all(np.ndim(v.data) == 0 for v in apart.derivation.graph.values)
    found = gradients(apart)
    for tensor, name in ((w, "w"), (b, "b")):
        for index in np.ndindex(tensor.shape):
            place = ", ".join(map(str, index))
            assert found[f"{name}[{place}]"] == pytest.approx(tensor.grad[index])


def test_a_neuron_can_be_opened():
    loss = network()
    apart = explain(loss, level="scalars")
    whole = gradients(explain(loss))
    assert gradients(apart)["linear1.weight[1, 0]"] == pytest.approx(whole["linear1.weight"][1, 0])
    assert "linear1.weight[1, 0]" in str(apart)


def test_an_array_as_result():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    found = gradients(explain(y, upstream=[1.0, 10.0], level="scalars"))
    assert found["x[1]"] == 40.0


def test_the_page_opens_a_neuron(tmp_path):
    page = explain(network(), level="scalars")
    assert len(page.derivation.steps) < 120
    assert page.save(tmp_path / "steps.html").stat().st_size < 1_000_000


def test_what_cannot_be_taken_apart_says_so():
    x = Tensor(np.ones((2, 2)), requires_grad=True)
    with pytest.raises(ValueError, match="element by element"):
        explain(np.sum(np.cumsum(x) ** 2), level="scalars")
    big = Tensor(np.ones(3000), requires_grad=True)
    with pytest.raises(ValueError, match="too many to look at"):
        explain(np.sum(big * 2.0), level="scalars")
    with pytest.raises(ValueError, match="level"):
        explain(np.sum(x), level="atoms")


def test_softmax_unfolds():
    x = Tensor([0.1, 0.2, 0.3], requires_grad=True)
    y = np.sum(softmax(x) * np.arange(3.0))
    steps = explain(y, level="steps")
    np.testing.assert_allclose(gradients(steps)["x"], gradients(explain(y))["x"])
