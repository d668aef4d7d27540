"""Random programs: what holds for each primitive holds for what is composed of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_lite import Tensor
from autograd_lite.testing import arrays, check_gradients

ROWS, COLUMNS = 2, 3

# Each takes and gives arrays of shape (2, 3), is smooth and keeps numbers of middling size.
ONE = {
    "sin": np.sin,
    "tanh": np.tanh,
    "bell": lambda x: np.exp(-x * x),
    "softplus": lambda x: np.log(1.0 + np.exp(-x)),
    "inverse": lambda x: 1.0 / (2.0 + np.cos(x)),
    "power": lambda x: (1.5 + np.sin(x)) ** 1.7,
    "turned": lambda x: np.reshape(x.T, (ROWS, COLUMNS)),
    "rolled": lambda x: np.roll(x, 1, axis=-1),
    "picked": lambda x: x[[1, 0], :][:, ::-1],
    "repeated": lambda x: x[:, [0, 0, 2]],
    "centred": lambda x: x - x.mean(axis=0),
    "scaled": lambda x: x / (1.0 + np.sum(x * x, axis=1, keepdims=True)),
    "summed": lambda x: np.cumsum(x, axis=1) / 3.0,
    "gram": lambda x: np.tanh((x @ x.T) @ x),
    "split": lambda x: np.concatenate(np.split(x, [1, 2], axis=1)[::-1], axis=1),
    "padded": lambda x: np.pad(x, ((0, 0), (1, 1)))[:, 1:-1] * 0.5,
    "masked": lambda x: np.where(np.arange(COLUMNS) == 1, x * 0.5, np.sin(x)),
    "spread": lambda x: np.std(x + np.arange(COLUMNS) * 4.0) * x / 5.0,
}
TWO = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: np.tanh(x) * y,
    "divide": lambda x, y: x / (1.0 + y * y),
    "outer": lambda x, y: np.tanh(np.sum(x[:, :, None] * y[:, None, :], axis=0))[:ROWS],
    "angle": lambda x, y: np.arctan2(x, 2.0 + np.cos(y)),
    "stacked": lambda x, y: np.stack([x, y]).sum(axis=0) / 2.0,
    "product": lambda x, y: np.einsum("ij,kj->ik", x, y) @ np.ones((ROWS, COLUMNS)) / 6.0,
}


@st.composite
def programs(draw):
    """A list of steps; each names an operation and the earlier values that it takes."""
    steps = []
    for known in range(2, 2 + draw(st.integers(1, 7))):
        earlier = st.integers(0, known - 1)
        if draw(st.booleans()):
            steps.append((draw(st.sampled_from(sorted(ONE))), draw(earlier)))
        else:
            steps.append((draw(st.sampled_from(sorted(TWO))), draw(earlier), draw(earlier)))
    return steps


def run(steps, x, y):
    values = [x, y]
    for name, *places in steps:
        values.append((ONE | TWO)[name](*[values[place] for place in places]))
    return values[-1]


pairs = st.tuples(
    arrays((ROWS, COLUMNS), np.float64, low=-1.5, high=1.5),
    arrays((1, COLUMNS), np.float64, low=-1.5, high=1.5),
)


@settings(max_examples=80)
@given(programs(), pairs)
def test_against_numerical_derivatives(steps, inputs):
    check_gradients(lambda x, y: run(steps, x, x + y), *inputs)


@settings(max_examples=30)
@given(programs(), pairs)
def test_recorded_or_not_the_value_is_the_same(steps, inputs):
    x, y = inputs[0], inputs[0] + inputs[1]
    bare = run(steps, x, y)
    recorded = run(steps, Tensor(x, requires_grad=True), Tensor(y, requires_grad=True))
    np.testing.assert_allclose(recorded.data, bare, rtol=1e-12, atol=1e-12)


@settings(max_examples=30)
@given(programs(), pairs)
def test_backward_adds_up(steps, inputs):
    """Twice backward is twice the gradient, and a sum of losses has the sum of gradients."""
    x = Tensor(inputs[0], requires_grad=True)
    y = Tensor(inputs[0] + inputs[1], requires_grad=True)
    loss = np.sum(run(steps, x, y) ** 2)
    if not loss.requires_grad:
        return
    loss.backward()
    once = [None if t.grad is None else t.grad.copy() for t in (x, y)]
    loss.backward()
    for t, g in zip((x, y), once, strict=True):
        if g is not None:
            np.testing.assert_array_equal(t.grad, 2.0 * g)
