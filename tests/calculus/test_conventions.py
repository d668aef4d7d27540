"""Where a derivative is not unique, the gradient is the one that the table of docs says."""

from __future__ import annotations

import numpy as np
import pytest

from autograd_lite import Tensor
from nn import functional as F
from tests.calculus.cases import ENTRIES, Call, evaluate, label
from tests.calculus.conventions import CONVENTIONS, Convention


def gradients(entry, convention: Convention, dtype=np.float64):
    """The gradients for an upstream gradient of 3: 1 would hide a rule that forgets it."""
    operands = [Tensor(x, dtype=dtype, requires_grad=True) for x in convention.operands]
    call = Call(
        tuple(operands),
        before=convention.before,
        after=convention.after,
        keywords=convention.keywords,
    )
    with np.errstate(all="ignore"):  # of the forward pass, where a line is about infinity
        out = convention.look(evaluate(entry, call))
    out.backward(np.full_like(out.numpy(), 3.0))
    return [t.grad for t in operands]


def hold(entry, convention: Convention, dtype=np.float64) -> None:
    for actual, expected in zip(
        gradients(entry, convention, dtype), convention.gradients, strict=True
    ):
        assert actual.dtype == dtype
        expected = 3.0 * np.asarray(expected)
        np.testing.assert_allclose(actual, expected, rtol=4 * np.finfo(dtype).eps, atol=1e-30)


def names(convention: Convention) -> str:
    return label(convention.function)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=names)
def test_line(convention, dtype):
    hold(ENTRIES[convention.function], convention, dtype)


def test_where_is_exact_about_what_is_not_taken():
    """An infinite gradient above does not leak: 0 · inf would be NaN."""
    x = Tensor([1.0, 4.0], requires_grad=True)
    y = Tensor([2.0, 2.0], requires_grad=True)
    np.where([True, False], x, y).backward([np.inf, 1.0])
    np.testing.assert_array_equal(x.grad, [np.inf, 0.0])
    np.testing.assert_array_equal(y.grad, [0.0, 1.0])


def test_the_promise_ends_at_where():
    """The root in the branch that is not taken is met all the same; the double where avoids it."""
    x = Tensor([0.0, 4.0], requires_grad=True)
    np.sum(np.where(x > 0, np.sqrt(x), 0.0)).backward()
    assert np.isnan(x.grad[0])
    x.zero_grad()
    safe = np.where(x > 0, x, 1.0)
    np.sum(np.where(x > 0, np.sqrt(safe), 0.0)).backward()
    np.testing.assert_array_equal(x.grad, [0.0, 0.25])


@pytest.mark.torch
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize(
    "values", [[-np.inf] * 9, [np.nan, 1, 2, -np.inf, 5, np.inf, np.inf, np.nan, 0]]
)
def test_max_pooling_of_special_values_is_pytorchs(torch, values, padding):
    x, n = np.array(values, float).reshape(1, 1, 3, 3), 2 + 2 * padding
    weights = np.arange(1.0, n * n + 1).reshape(n, n)
    t, w = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    with np.errstate(all="ignore"):
        np.sum(F.max_pool2d(t, 2, 1, padding) * weights).backward()
    (torch.nn.functional.max_pool2d(w, 2, 1, padding) * torch.tensor(weights)).sum().backward()
    np.testing.assert_array_equal(t.grad, w.grad.numpy())


def test_relu_shows_a_nan():
    x = Tensor([np.nan, -1.0, 0.0, 2.0], requires_grad=True)
    y = F.relu(x)
    np.sum(y).backward()
    np.testing.assert_array_equal(y.data, [np.nan, 0.0, 0.0, 2.0])
    np.testing.assert_array_equal(x.grad, [np.nan, 0.0, 0.0, 1.0])
