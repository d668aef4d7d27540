"""vmap around every transform and inside of it, nested, with axes of all kinds, and refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import nn
from autograd_lite import (
    Operation,
    Tensor,
    compile,
    derivative,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    value_and_grad,
    vjp,
    vmap,
)
from autograd_lite.batching import rules
from autograd_lite.errors import VmapError
from autograd_lite.trees import flatten
from nn import functional as F
from tests.calculus.test_programs import pairs, programs, run

RNG = np.random.default_rng(0)


def stacked(f, *columns):
    """What a loop over the examples gives."""
    results = [flatten(f(*row))[0] for row in zip(*columns, strict=True)]
    return [
        np.stack([np.asarray(bare(x)) for x in column]) for column in zip(*results, strict=True)
    ]


def bare(x):
    return x.numpy() if isinstance(x, Tensor) else x


def assert_equal(found, expected, **close):
    found = [np.asarray(bare(x)) for x in flatten(found)[0]]
    expected = [np.asarray(bare(x)) for x in flatten(expected)[0]]
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, **{"rtol": 1e-9, "atol": 1e-12, **close})


@settings(max_examples=25)
@given(programs(), pairs)
def test_random_programs(steps, inputs):
    x = np.stack([inputs[0], inputs[0][::-1], 0.5 * inputs[0]])
    y = np.stack([inputs[1], -inputs[1], 0.3 * inputs[1]])
    f = lambda x, y: np.sum(np.sin(run(steps, x, x + y)))  # noqa: E731
    for g in (f, grad(f, argnum=(0, 1))):
        assert_equal(vmap(g)(x, y), stacked(g, x, y))
        assert_equal(vmap(g, (0, None))(x, y[0]), stacked(lambda x, g=g: g(x, y[0]), x))


def f(x):
    return np.sum(np.tanh(np.outer(x, x)) * x) / (1.0 + np.max(x) ** 2)


X = RNG.normal(size=(4, 3))
TRANSFORMS = {
    "grad": lambda f: grad(f),
    "value_and_grad": value_and_grad,
    "hessian": hessian,
    "jacobian of grad": lambda f: jacobian(grad(f)),
    "jvp": lambda f: lambda x: jvp(f, (x,), (np.arange(3.0),)),
    "vjp": lambda f: lambda x: vjp(lambda x: np.sin(x) * f(x), x)[1](np.arange(3.0)),
    "hvp": lambda f: lambda x: hvp(f)(x, np.arange(3.0)),
    "third": lambda f: grad(lambda x: np.sum(grad(lambda x: np.sum(grad(f)(x) ** 2))(x) ** 2)),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_around_every_transform_and_inside_of_it(name):
    transform = TRANSFORMS[name]
    assert_equal(vmap(transform(f))(X), stacked(transform(f), X))
    looped = lambda x: sum(f(x * k) for k in (1.0, 2.0, 0.5))  # noqa: E731
    mapped = lambda x: np.sum(vmap(lambda k: f(x * k))(np.array([1.0, 2.0, 0.5])))  # noqa: E731
    assert_equal(transform(mapped)(X[0]), transform(looped)(X[0]))


def test_nested():
    g = lambda x, y: np.sin(x) @ y * np.sum(x)  # noqa: E731
    expected = [[g(x, y) for y in X] for x in X]
    table = vmap(vmap(g, (None, 0)), (0, None))
    assert_equal(table(X, X), np.array(expected))
    assert_equal(vmap(vmap(grad(g), (None, 0)), (0, None))(X, X)[1, 2], grad(g)(X[1], X[2]))
    assert_equal(grad(lambda x: np.sum(table(x, X)))(X), grad(lambda x: np.sum(stack2(g, x)))(X))
    # An inner function that uses what the outer one maps.
    inner = lambda x: vmap(lambda y: g(x, y) * x)(X)  # noqa: E731
    assert_equal(vmap(inner)(X), stacked(inner, X)[0])
    assert_equal(vmap(vmap(vmap(np.sin)))(np.ones((2, 3, 4))), np.sin(np.ones((2, 3, 4))))


def stack2(g, x):
    return np.stack([np.stack([g(x[i], X[j]) for j in range(4)]) for i in range(4)])


# -- axes --------------------------------------------------------------------------------------


def test_axes():
    x = RNG.normal(size=(3, 5, 4))
    for axis in (0, 1, 2, -1):
        rows = np.moveaxis(x, axis, 0)
        expected = stacked(np.cumsum, rows)[0]
        assert_equal(vmap(np.cumsum, axis)(x), expected)
        assert_equal(vmap(np.cumsum, axis, 1)(x), np.moveaxis(expected, 0, 1))
        assert_equal(vmap(np.cumsum, (axis,), -1)(Tensor(x)), np.moveaxis(expected, 0, -1))


def test_axes_of_nests():
    params = {"w": X.T, "b": 2.0, "kind": "line"}
    line = lambda p, x: {"y": p["w"] @ x + p["b"], "kind": p["kind"], "b": p["b"]}  # noqa: E731
    made = vmap(line, ({"w": 1, "b": None, "kind": None}, 0), {"y": 0, "kind": 0, "b": None})(
        params, X
    )
    assert made["kind"] == "line"
    assert made["b"] == 2.0
    assert_equal(made["y"], np.sum(X * X, axis=1) + 2.0)
    assert_equal(vmap(lambda x, *, y, n: x * y + n)(X, y=X, n=1), X * X + 1)
    assert_equal(vmap(lambda x: (x, 1.0))(X)[1], np.ones(4))  # the same for all: repeated
    pair = vmap(lambda x: (x, 2 * x), 0, (0, 1))(X)
    assert_equal(pair, (X, 2 * X.T))


def test_what_comes_out_is_what_went_in():
    assert type(vmap(np.sin)(X)) is np.ndarray
    assert isinstance(vmap(np.sin)(Tensor(X)), Tensor)
    made = vmap(lambda x: x)(X)
    made[0] = 0.0  # the caller's alone
    assert X[0, 0] != 0.0
    assert vmap(np.sum)(np.zeros((0, 3))).shape == (0,)
    assert vmap(lambda x: np.linalg.inv(x))(np.zeros((0, 2, 2))).shape == (0, 2, 2)
    assert vmap(np.linalg.cholesky)(np.zeros((0, 2, 2))).shape == (0, 2, 2)
    assert vmap(np.median)(np.zeros((0, 3))).shape == (0,)
    for dtype in (np.float32, np.float16, np.complex128):
        assert vmap(grad(lambda x: np.sum(np.abs(x) * 2.0)))(X.astype(dtype)).dtype == dtype


def test_gradients_reach_what_is_used_from_around():
    w = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = vmap(lambda x: np.sin(w @ x))(X)
    np.sum(y * np.arange(4.0)).backward()
    assert_equal(w.grad, (np.arange(4.0) * np.cos(X @ w.numpy())) @ X)
    with no_grad():
        assert not vmap(lambda x: w @ x)(X).requires_grad


# -- indices, of one example and of each -----------------------------------------------------------

INDICES = {
    "x[i]": lambda x, i, j: x[i],
    "x[:, i]": lambda x, i, j: x[:, i],
    "x[..., i]": lambda x, i, j: x[..., i],
    "x[None, :, i]": lambda x, i, j: x[None, :, i],
    "x[i, :, j]": lambda x, i, j: x[i, :, j],
    "x[j, :, i]": lambda x, i, j: x[j, :, i],
    "x[:, i, j]": lambda x, i, j: x[:, i, j],
    "x[i[:, None], :, i]": lambda x, i, j: x[i[:, None], :, i],
    "x[:, j]": lambda x, i, j: x[:, j],
    "x[i, 1:, 0]": lambda x, i, j: x[i, 1:, 0],
    "x[[0, 1], :, i]": lambda x, i, j: x[[0, 1], :, i],
    "x[:, [0, 2, 0]]": lambda x, i, j: x[:, [0, 2, 0]],
    "x[[0, 1], :, [1, 2]]": lambda x, i, j: x[[0, 1], :, [1, 2]],
    "x[1, :, [0, 2]]": lambda x, i, j: x[1, :, [0, 2]],
    "x[[True, False, True], 1:, -1]": lambda x, i, j: x[np.array([True, False, True]), 1:, -1],
    "x.at[:, [2, 0]].add": lambda x, i, j: x.at[:, [2, 0]].add(np.ones((3, 1, 1)) * x[0, 0, 0]),
}


@pytest.mark.parametrize("name", INDICES)
def test_indices(name):
    f = INDICES[name]
    x, i = RNG.normal(size=(2, 3, 3, 3)), np.array([[0, 2], [1, 1]])
    j = np.array([2, 0])

    def both(x, i, j):
        def total(x):
            y = f(x, i, j)
            return np.sum(np.sin(y) * np.cos(np.arange(y.size)).reshape(y.shape))

        return f(x, i, j), grad(total)(x)

    for axes in ((0, 0, 0), (0, None, None), (None, 0, 0), (0, None, 0), (None, 0, None)):
        given = [y if a == 0 else Tensor(y[0]) for y, a in zip((x, i, j), axes, strict=True)]
        columns = [y if a == 0 else y[[0, 0]] for y, a in zip((x, i, j), axes, strict=True)]
        tensors = [[Tensor(row) for row in column] for column in columns]
        assert_equal(vmap(both, axes)(*given), stacked(both, *tensors))


def test_what_a_look_at_values_broadcasts():
    """The rule of clip looks at values: the gradient of a bound adds up over what it bounds."""
    bounded = grad(lambda x, low, high: np.sum(np.clip(x, low, high) ** 2), argnum=(0, 1, 2))
    low, high = np.array([-0.5, 0.0, 0.3, 0.1]), np.array([[0.4], [0.5], [0.6], [0.7]])
    assert_equal(vmap(bounded)(X, low, high), stacked(bounded, X, low, high))
    one = vmap(bounded, (0, None, None))(X, -0.2, high[0])
    assert_equal(one, stacked(lambda x: bounded(x, -0.2, high[0]), X))


# -- networks ----------------------------------------------------------------------------------


def classifier():
    return nn.Sequential(nn.Linear(3, 5, rng=0), nn.ReLU(), nn.LayerNorm(5), nn.Linear(5, 3, rng=1))


def images():
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(8, 3, rng=1),
    )  # fmt: skip


def recurrent():
    class Last(nn.Module):
        def __init__(self):
            self.lstm, self.out = nn.LSTM(2, 3, rng=0), nn.Linear(3, 3, rng=1)

        def forward(self, x):
            return self.out(self.lstm(x)[0][:, -1])

    return Last()


@pytest.mark.parametrize(
    ("make", "shape"), [(classifier, (3,)), (images, (1, 4, 4)), (recurrent, (4, 2))]
)
def test_gradients_of_each_example_of_a_network(make, shape):
    """Beside the loop, of the parameters of a module as one vector."""
    from autograd_lite import flatten as as_vector

    vector, rebuild = as_vector(make())
    x, y = RNG.normal(size=(6, *shape)), np.array([0, 2, 1, 1, 0, 2])

    def loss(v, x, y):
        return F.cross_entropy(rebuild(v)(x[None]), y[None])

    found = vmap(value_and_grad(loss), (None, 0, 0))(vector.numpy(), x, y)
    expected = stacked(lambda x, y: value_and_grad(loss)(vector.numpy(), x, y), x, y)
    assert_equal(found, expected)
    # And an ensemble: each with weights of its own, of the same examples.
    vectors = np.stack([vector.numpy(), 0.5 * vector.numpy()])
    ensemble = vmap(lambda v: rebuild(v)(x))
    assert_equal(ensemble(vectors), stacked(lambda v: rebuild(v)(x), vectors)[0])


def test_compiled():
    g = grad(lambda w, x, y: (np.tanh(w @ x) - y) ** 2)
    step = compile(vmap(g, (None, 0, 0)), back_end="numpy")
    for k in (1.0, 0.5):
        w, x, y = X[0] * k, X * k, X[:, 0]
        assert_equal(step(w, x, y), stacked(lambda x, y, w=w: g(w, x, y), x, y)[0])


# -- what a loop is run for, and what is drawn ---------------------------------------------------


def test_functions_of_a_user_s():
    twice = derivative(lambda x: x * 2.0, x=lambda g: g * 2.0, name="twice")
    whole = derivative(lambda x: x - np.mean(x), x=lambda g: g - np.mean(g), name="centred")

    class Power(Operation):
        def __init__(self, n):
            self.n = n

        def forward(self, x):
            return x**self.n

        def grad_x(self, g, x):
            return g * self.n * x ** (self.n - 1)

    for op in (twice, whole, Power(3)):
        g = lambda x, op=op: np.sum(np.sin(op(x)))  # noqa: E731
        assert_equal(vmap(op)(X), stacked(op, X)[0])
        assert_equal(vmap(grad(g))(X), stacked(grad(g), X)[0])


def test_a_loop_is_not_run_where_there_is_a_rule(monkeypatch):
    def refuse(step):
        raise AssertionError(step.primitive.name)

    monkeypatch.setattr(rules, "one_by_one", refuse)
    model = classifier()
    vmap(grad(lambda x, y: F.cross_entropy(model(x[None]), y[None])))(X, np.array([0, 1, 2, 0]))
    a = X[:, :, None] * X[:, None, :] + 3.0 * np.eye(3)
    vmap(grad(lambda a, b: np.sum(np.linalg.solve(a, b) ** 2)))(a, X)
    vmap(hessian(f))(X)


def test_each_example_draws_anew():
    model = nn.Dropout(0.5, rng=np.random.default_rng(3))
    found = vmap(model)(np.ones((4, 3)))
    again = nn.Dropout(0.5, rng=np.random.default_rng(3))
    assert_equal(found, np.stack([np.asarray(bare(again(np.ones(3)))) for _ in range(4)]))
    assert_equal(model(np.ones(3)), again(np.ones(3)))  # the generator stands where it would


def test_a_part_without_gradient_is_a_part_of_the_program():
    def frozen(x):
        with no_grad():
            s = np.sum(x)
            g = grad(f)(x)
        return np.sum(x * s * g)

    assert_equal(vmap(frozen)(X), stacked(frozen, X)[0])
    assert_equal(vmap(grad(frozen))(X), stacked(grad(frozen), X)[0])
    assert_equal(grad(frozen)(X[0]), np.sum(X[0]) * grad(f)(X[0]))
    step = compile(grad(frozen), back_end="numpy")
    assert_equal([step(x) for x in X], [grad(frozen)(x) for x in X])


# -- what is refused -------------------------------------------------------------------------------


class Counting(nn.Module):
    def __init__(self):
        self.count = nn.Buffer(0.0)

    def forward(self, x):
        self.count.data += 1.0
        return x


rng = np.random.default_rng(0)
w = Tensor(1.0, requires_grad=True)


def backwards(x):
    (w * x).backward()
    return w


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: vmap(lambda x: x if x > 0 else -x)(x[:, 0]), r"x if x > 0.* chooses by a value"),
        (lambda x: vmap(lambda x: float(x))(x[:, 0]), r"float\(x\).*looks at a value"),
        (lambda x: vmap(grad(lambda x: x * x.item()))(x[:, 0]), "looks at a value"),
        (lambda x: vmap(lambda x: np.zeros(int(x)))(x[:, 0]), "looks at a value"),
        (lambda x: vmap(lambda x: x[x > 0])(x), r"x\[x > 0\].*shape hangs on values"),
        (lambda x: vmap(lambda x: np.nonzero(x)[0])(x), "shape hangs on values"),
        (lambda x: vmap(lambda x: np.unique(x))(x), "shape hangs on values"),
        (lambda x: vmap(lambda x: x + rng.normal())(x), "draws random numbers itself"),
        (lambda x: vmap(nn.Dropout(0.5))(x), "without a generator"),
        (lambda x: vmap(Counting())(x), "writes into a Tensor"),
        (lambda x: vmap(backwards)(x[:, 0]), r"vmap\(grad\(f\)\)"),
        (lambda x: vmap(np.sin, None)(x), "axis of at least one argument"),
        (lambda x: vmap(np.add, (0, 0))(x, x[:2]), "argument 0 has 4 examples.*argument 1 has 2"),
        (lambda x: vmap(np.add, (0,))(x, x), "has 1 axes.*called with 2"),
        (lambda x: vmap(np.add, (0, 0))(x, 1.0), r"argument 1 has shape \(\): give in_axes=None"),
        (lambda x: vmap(np.sin, 2)(x), r"axis 2, and argument 0 has shape \(4, 3\)"),
        (lambda x: vmap(np.sin, "0")(x), "whole number, None, or a nest"),
        (lambda x: vmap(np.sum, {"a": 0})({"a": x}), "is a tuple"),
        (lambda x: vmap(np.sum, ({"b": 0},))({"a": x}), "a dict of 'b' where argument 0 has"),
        (lambda x: vmap(np.sin, 0, None)(x), "differs from example to example"),
        (lambda x: vmap(np.sin, 0, 5)(x), "out_axes has 5, and the result has 2"),
        (lambda x: vmap(np.sin(x)), "vmap takes a function"),
    ],
)
def test_refused(call, words):
    before = rng.bit_generator.state
    with pytest.raises(TypeError, match=words):
        call(X)
    assert rng.bit_generator.state == before
    assert w.grad is None


def test_the_line_is_named():
    def wrong(x):
        y = np.sin(x)
        if y > 0.0:
            return y
        return x

    with pytest.raises(VmapError, match=r"'if y > 0.0:' in test_vmap.py, line \d+, chooses"):
        vmap(wrong)(X[:, 0])


def test_what_is_the_same_for_all_may_be_looked_at():
    g = lambda w, x: x * 2.0 if w > 0.0 else x  # noqa: E731
    assert_equal(vmap(g, (None, 0))(Tensor(1.0), X), 2.0 * X)
    with pytest.raises(VmapError, match="chooses by a value"):
        vmap(lambda w: vmap(g, (None, 0))(w, X))(np.ones(2))


# -- beside JAX --------------------------------------------------------------------------------


def test_against_jax():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    def loss(np, p, x, y):
        h = np.tanh(p["w"] @ x + p["b"])
        return np.sum((h - y) ** 2)

    p = {"w": np.float32(RNG.normal(size=(2, 3))), "b": np.float32(RNG.normal(size=2))}
    x, y = np.float32(RNG.normal(size=(3, 5))), np.float32(RNG.normal(size=(5, 2)))
    axes = {"in_axes": (None, 1, 0), "out_axes": 1}
    ours = vmap(grad(lambda *a: loss(np, *a)), **axes)(p, x, y)
    theirs = jax.vmap(jax.grad(lambda *a: loss(jnp, *a)), **axes)(p, x, y)
    for name in p:
        assert_equal(ours[name], np.asarray(theirs[name]), rtol=1e-4, atol=1e-5)
