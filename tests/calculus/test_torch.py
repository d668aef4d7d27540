"""PyTorch as a second reference, to the second order."""

from __future__ import annotations

import numpy as np
import pytest

from autograd_lite import Tensor, grad

RNG = np.random.default_rng(11)
A, B = RNG.uniform(0.2, 0.9, (2, 3)), RNG.uniform(0.3, 0.8, (2, 3))
SQUARE = RNG.normal(size=(3, 3)) + 3.0 * np.eye(3)

SAME_NAME_ONE = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "sinh",
    "cosh",
    "tanh",
    "arcsinh",
    "arctanh",
    "sqrt",
    "square",
    "reciprocal",
    "negative",
    "absolute",
    "sign",
    "floor",
    "ceil",
    "trunc",
    "deg2rad",
    "rad2deg",
    "sinc",
    "ravel",
    "cumsum:1",
    "var",
    "std",
    "mean",
    "sum",
    "prod",
    "max",
    "min",
    "squeeze",
]
SAME_NAME_TWO = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "logaddexp",
    "logaddexp2",
    "arctan2",
    "hypot",
    "remainder",
    "fmod",
    "copysign",
]
CASES = {
    "reductions": (
        lambda n, x: n.sum(x * x, 0) * n.prod(x, 1).sum() + n.mean(x, 0),
        [A],
    ),
    "matmul": (lambda n, x, y: n.matmul(x, y.T) @ x, [A, B]),
    "where": (lambda n, x, y: n.where(x > y, x * x, y * x), [A, B]),
    "clip": (lambda n, x: n.clip(x, 0.4, 0.7) * x, [A]),
    "concatenate": (lambda n, x, y: n.concatenate([x, y * x], 1) ** 2, [A, B]),
    "stack": (lambda n, x, y: n.stack([x, y]) ** 3, [A, B]),
    "transpose": (lambda n, x: x.T @ x, [A]),
    "index": (lambda n, x: x[:, [0, 0, 2]] * x[1], [A]),
    "einsum": (lambda n, x, y: n.einsum("ij,kj->ik", x, y) ** 2, [A, B]),
    "diff": (lambda n, x: n.diff(x) ** 3, [A]),
    "tril": (lambda n, x: n.tril(x) @ n.triu(x, 1), [SQUARE]),
    "trace": (lambda n, x: n.trace(x @ x), [SQUARE]),
    "outer": (lambda n, x, y: n.outer(x[0], y[1]) ** 2, [A, B]),
    "inv": (lambda n, x: n.linalg.inv(x), [SQUARE]),
    "solve": (lambda n, x, y: n.linalg.solve(x, y.T), [SQUARE, B]),
    "det": (lambda n, x: n.linalg.det(x), [SQUARE]),
    "cross-entropy": (
        lambda n, x: -n.log(n.exp(x) / n.exp(x).sum(1)[:, None])[[0, 1], [2, 0]].mean(),
        [A],
    ),
}


def in_both(torch, f, arrays):
    """Compare the value, the gradient and the gradient of a function of the gradient."""
    weights = np.linspace(0.5, 1.5, 1000)

    def weighted(results, w):
        return sum((r * w(r)).sum() for r in results)

    def ours(*xs):
        return weighted([f(np, *xs)], lambda r: weights[: r.size].reshape(r.shape))

    def theirs(*xs):
        return weighted(
            [f(torch, *xs)], lambda r: torch.from_numpy(weights[: r.numel()]).reshape(r.shape)
        )

    n = tuple(range(len(arrays)))
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    value = theirs(*leaves)
    first = torch.autograd.grad(value, leaves, create_graph=True, allow_unused=True)
    np.testing.assert_allclose(ours(*arrays), value.detach(), rtol=1e-12)
    for mine, other in zip(grad(ours, n)(*arrays), first, strict=True):
        np.testing.assert_allclose(
            mine, 0.0 if other is None else other.numpy(force=True), atol=1e-11
        )

    def of_gradient(*xs):
        return sum(np.sum(np.sin(g)) for g in grad(ours, n)(*xs))

    norm = sum(torch.sin(g).sum() for g in first if g is not None)
    second = [None] * len(n)
    if norm.requires_grad:
        second = torch.autograd.grad(norm, leaves, allow_unused=True)
    for mine, other in zip(grad(of_gradient, n)(*arrays), second, strict=True):
        np.testing.assert_allclose(
            mine, 0.0 if other is None else other.numpy(force=True), atol=1e-9
        )


@pytest.mark.parametrize("name", SAME_NAME_ONE)
def test_functions_of_one_array(torch, name):
    name, _, axis = name.partition(":")
    arguments = (int(axis),) if axis else ()
    options = {"var": {"correction": 0}, "std": {"correction": 0}}.get(name, {})
    in_both(torch, lambda n, x: getattr(n, name)(x, *arguments, **options), [A])


@pytest.mark.parametrize("name", SAME_NAME_TWO)
def test_functions_of_two_arrays(torch, name):
    in_both(torch, lambda n, x, y: getattr(n, "pow" if name == "power" else name)(x, y[:1]), [A, B])


@pytest.mark.parametrize("name", CASES)
def test_programs(torch, name):
    f, arrays = CASES[name]
    in_both(torch, f, arrays)


# -- special values --------------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 0.5, -2.0, 1.0, -1.0, 5e-324, 1e-310, 1e200, -1e200, np.inf, -np.inf, np.nan]
ELEMENTWISE_ONE = [n for n in SAME_NAME_ONE if isinstance(getattr(np, n, None), np.ufunc)]
NOT_FOLLOWED = {
    "absolute": lambda x: np.isnan(x),  # it has 0 for NaN, which hides it
    "power": lambda x, y: (x <= 0) | np.isnan(x) | np.isnan(y),
    "arctan2": lambda x, y: ~((abs(x) + abs(y) > 0.1) & (abs(x) + abs(y) < 10)),  # x² + y²
    "arcsinh": lambda x: abs(x) > 1e150,  # x², which overflows
    "hypot": lambda x, y: np.hypot(x, y) < 1e-300,  # by the root, which is rounded to a denormal
    "copysign": lambda x, y: x == 0,
    "fmax": lambda x, y: (x == y) | np.isnan(x + y),  # all to the first of equals
    "fmin": lambda x, y: (x == y) | np.isnan(x + y),
    "fmod": lambda x, y: ~(abs(x / y) < 1e15),
    "remainder": lambda x, y: ~(abs(x / y) < 1e15),
}
"""Where a gradient of PyTorch's is a number, and another stands here."""


def both_gradients(torch, name, values):
    with np.errstate(all="ignore"):
        ours = [Tensor(x, requires_grad=True) for x in values]
        getattr(np, name)(*ours).backward(np.ones(values[0].shape))
    theirs = [torch.tensor(x, requires_grad=True) for x in values]
    getattr(torch, "pow" if name == "power" else name)(*theirs).sum().backward()
    return [(a.grad, b.grad.numpy()) for a, b in zip(ours, theirs, strict=True)]


def assert_like_torchs(torch, name, *values):
    """Of PyTorch's gradients, those that are not NaN: what is infinite there is so here."""
    with np.errstate(all="ignore"):
        followed = ~NOT_FOLLOWED.get(name, lambda *values: np.zeros(len(values[0]), bool))(*values)
    for ours, theirs in both_gradients(torch, name, values):
        known = ~np.isnan(theirs) & followed
        assert known.any()
        np.testing.assert_allclose(ours[known], theirs[known], rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("name", ELEMENTWISE_ONE)
def test_special_values_of_one_array(torch, name):
    assert_like_torchs(torch, name, np.array(SPECIAL))


@pytest.mark.parametrize("name", SAME_NAME_TWO)
def test_special_values_of_two_arrays(torch, name):
    assert_like_torchs(torch, name, *(a.ravel() for a in np.meshgrid(SPECIAL, SPECIAL)))


@pytest.mark.parametrize("function", [np.fmax, np.fmin])
def test_fmax_and_fmin_pass_over_nan(function):
    x, y = Tensor([3.0, np.nan], requires_grad=True), Tensor([np.nan, 4.0], requires_grad=True)
    function(x, y).backward([2.0, 5.0])
    np.testing.assert_array_equal(x.grad, [2.0, 0.0])
    np.testing.assert_array_equal(y.grad, [0.0, 5.0])
