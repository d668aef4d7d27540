"""Closer looks at the same program have the same gradients."""

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, explain
from autograd_lite.calculus.neural import softmax
from autograd_lite.protocol import TABLE


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


@pytest.mark.parametrize("level", ["program", "modules", "steps", "scalars"])
def test_an_upstream_gradient_at_every_level(level):
    x = Tensor([0.5, -1.0], requires_grad=True, name="x")
    y = x.sigmoid()
    slope = y.numpy() * (1 - y.numpy())
    for given, seed in (([1.0, 10.0], [1.0, 10.0]), (None, [3.0, 0.5])):
        if given is None:
            y.backward(seed)
        found = gradients(explain(y, upstream=given, level=level))
        got = found["x"] if "x" in found else [found["x[0]"], found["x[1]"]]
        np.testing.assert_allclose(got, slope * seed)
    z = np.sum(x)
    assert gradients(explain(z, upstream=2.0, level=level)).popitem()[1] == pytest.approx(2.0)


def test_new_values_do_not_take_the_names_of_old_ones():
    loss = network()  # it has t1, an array
    names = {v.name for v in explain(loss, level="scalars").derivation.graph.values}
    assert "t1[0, 0]" in names
    assert "t1" not in names


def test_a_result_of_one_element_is_itself():
    x = Tensor([[2.0]], requires_grad=True, name="x")
    y = x * 3.0
    assert "∂y[0, 0]/∂x[0, 0] = 3" in str(explain(y, level="scalars"))


def test_the_page_opens_a_neuron(tmp_path):
    page = explain(network(), level="scalars")
    assert len(page.derivation.steps) < 120
    assert page.save(tmp_path / "steps.html").stat().st_size < 1_000_000


@pytest.mark.parametrize(
    "program",
    [
        lambda x: np.sum(np.cumsum(x) ** 2),
        lambda x: np.sum(np.sort(x, axis=None) * np.arange(4.0)),
        lambda x: np.prod(x) + np.max(x),
        lambda x: np.sum(np.linalg.inv(x) @ x[0]),
        lambda x: np.sum(np.split(x, 2)[1] ** 2 * np.split(x * 2.0, 2)[0]),
        lambda x: np.linalg.norm(x) + np.std(x) + np.mean(x, axis=0)[1],
        lambda x: np.sum(np.stack([x, x]) @ x),
        lambda x: np.sum(np.einsum("ij,kj->ik", x, x) ** 2),
        lambda x: np.linalg.slogdet(x)[1],
        lambda x: np.sum(x[:0] * 2.0) + np.sum(x),
        lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2),
        lambda x: nn.CrossEntropyLoss()(x, np.array([0, 1])),
        lambda x: nn.BCEWithLogitsLoss()(x, np.array([[0.0, 1.0], [1.0, 1.0]])),
        lambda x: np.sum(np.where(x > 0.0, x, np.abs(x)) * np.clip(x, -1.0, 1.0)),
        lambda x: np.sum(nn.Conv2d(1, 1, 2, rng=0)(x.reshape(1, 1, 2, 2)) ** 2),
        lambda x: np.sum(nn.LayerNorm(2)(x) ** 3),
    ],
)
def test_any_small_program_has_scalars(program):
    x = Tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True, name="x")
    loss = program(x)
    loss.backward()
    apart = explain(loss, level="scalars")
    assert all(np.ndim(v.data) == 0 for v in apart.derivation.graph.values)
    found = gradients(apart)
    for index in np.ndindex(x.shape):
        place = ", ".join(map(str, index))
        assert found.get(f"x[{place}]", 0.0) == pytest.approx(x.grad[index], abs=1e-12)
    assert float(apart.derivation.root.data) == pytest.approx(loss.item())


def test_what_cannot_be_followed_stays_one_step_and_says_so():
    x = Tensor([1.0, 2.0, 4.0], requires_grad=True)
    text = str(explain(np.sum(np.cumsum(x) ** 2), level="scalars"))
    assert "t1[0], t1[1], t1[2] = cumsum(x[0], x[1], x[2])" in text
    assert "cumsum cannot be followed element by element, so it stays one step" in " ".join(
        text.split()
    )
    before = len(TABLE)
    explain(np.sum(np.cumsum(x) ** 2), level="scalars")
    assert len(TABLE) == before


def test_what_is_too_much_to_be_taken_apart_says_so():
    big = Tensor(np.ones(3000), requires_grad=True)
    with pytest.raises(ValueError, match="too many to look at"):
        explain(np.sum(big * 2.0), level="scalars")
    with pytest.raises(ValueError, match="level"):
        explain(np.sum(big), level="atoms")


def test_softmax_unfolds():
    x = Tensor([0.1, 0.2, 0.3], requires_grad=True)
    y = np.sum(softmax(x) * np.arange(3.0))
    steps = explain(y, level="steps")
    np.testing.assert_allclose(gradients(steps)["x"], gradients(explain(y))["x"])
