"""checkpoint: what is run twice is as if it had run once; against the program without it."""

import copy
import functools
import gc
import random
import tracemalloc
import weakref
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, checkpoint, grad, hessian, hvp, jacobian, jvp, no_grad, vjp
from autograd_lite.errors import CheckpointError, NoGradientError, StaleValueError
from autograd_lite.reachable import LARGE
from autograd_lite.tensor import unwrap
from nn import functional as F

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4))
MODULE_LEVEL = np.random.default_rng(1)
SHELF = SimpleNamespace()


def leaf(x=X):
    return Tensor(x, requires_grad=True)


# -- gradients are those of the program without it -------------------------------------------


def test_nothing_inside_is_kept_and_it_runs_again():
    runs, alive = [], []

    def f(x, y):
        runs.append(1)
        inside = np.sin(x) * np.exp(y)
        alive.append(weakref.ref(inside))
        return np.sum(inside)

    x, y = leaf(X[0]), leaf(X[1])
    loss = checkpoint(f)(x, y)
    gc.collect()
    assert loss.tape.operands == (x, y)
    assert (len(runs), alive[0]()) == (1, None)
    loss.backward()
    assert len(runs) == 2
    np.testing.assert_allclose(x.grad, np.cos(X[0]) * np.exp(X[1]))
    np.testing.assert_allclose(y.grad, np.sin(X[0]) * np.exp(X[1]))


def test_memory():
    def deep(x):
        for _ in range(50):
            x = np.tanh(x)
        return x

    x = leaf(np.ones(10_000))
    kept = []
    for f in (deep, checkpoint(deep)):
        tracemalloc.start()
        y = f(x)
        kept.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        del y
    assert kept[1] < kept[0] / 20


W = leaf(RNG.normal(size=(4, 3)))
B = leaf(RNG.normal(size=3))


@dataclass
class Pair:
    left: Any
    right: Any = 0.5


PROGRAMS = {
    "parameters": lambda c, x: c(lambda x: np.tanh(x @ W + B))(x),
    "no argument needs a gradient": lambda c, x: x[:, :3] * c(lambda: W * 2.0)()[0],
    "an interior value": lambda c, x: (lambda y: c(lambda x: x * y)(x))(np.sin(x) @ np.eye(4)),
    "of parameters and arrays": lambda c, x: c(lambda a: np.sum(a @ W))(X) * np.sum(x),
    "a nest in and out": lambda c, x: (
        lambda r: r["sum"] * r["rest"][0] + np.sum(r["rest"][1].left)
    )(c(lambda p: {"sum": np.sum(p["x"]), "rest": (p["y"], Pair(p["x"] ** 2))})({"x": x, "y": B})),
    "keywords and an index": lambda c, x: c(lambda x, *, i, b: x[i] * b)(x, i=[1, 1, 3], b=B[0]),
    "as it is": lambda c, x: c(lambda x: x)(x),
    "a parameter as it is": lambda c, x: c(lambda x: (x, W))(x)[1] * np.sum(x),
    "twice the same": lambda c, x: c(lambda x, y: x * y)(x, x),
    "nested": lambda c, x: c(lambda x: c(lambda x: c(np.tanh)(x @ W) * B)(x * 2.0))(x),
    "the transform of a parameter": lambda c, x: c(
        lambda x: grad(lambda z: np.sum(z * z @ W * B))(x)
    )(x),
    "numbers that do not move": lambda c, x: (lambda r: r[0] * r[1] + np.sum(r[3]))(
        c(lambda x: (x * 2.0, 3.0, "label", np.argmax(x.detach(), 1)))(x)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_those_without_it(name):
    def gradients(c):
        x = leaf()
        W.grad = B.grad = None
        np.sum(np.sin(PROGRAMS[name](c, x))).backward()
        return x.grad, W.grad, B.grad

    def higher(c):
        f = lambda x: np.sum(np.sin(PROGRAMS[name](c, x)))  # noqa: E731
        v = np.cos(X)
        return grad(lambda x: np.sum(grad(f)(x) ** 2))(X), hvp(f)(X, v), jvp(f, (X,), (v,))[1]

    for of in (gradients, higher):
        for ours, plain in zip(of(checkpoint), of(lambda f: f), strict=True):
            assert (ours is None) == (plain is None)
            if plain is not None:
                np.testing.assert_allclose(
                    getattr(ours, "data", ours), getattr(plain, "data", plain)
                )


def test_complex_numbers_and_integers():
    z = np.array([1.0 + 2.0j, -0.5j])
    w = np.array([0.5j, 2.0 - 1.0j])
    f = checkpoint(lambda z, w: np.sum(np.abs(z * w) ** 2))
    of_z, of_w = grad(f, (0, 1))(z, w)
    np.testing.assert_allclose(of_z, 2 * np.abs(w) ** 2 * z)
    np.testing.assert_allclose(of_w, 2 * np.abs(z) ** 2 * w)
    cube = checkpoint(lambda x, i: x[i] ** 3)
    assert grad(grad(lambda x: cube(np.stack([x, x]), np.array(1))))(2.0) == pytest.approx(12.0)


def test_it_is_transparent_where_nothing_is_recorded():
    with no_grad():
        assert not checkpoint(lambda x: x * W[0, 0])(leaf()).requires_grad
    assert type(checkpoint(np.sin)(X)) is np.ndarray
    assert checkpoint(lambda x: {"y": x, "n": 3})(2.0) == {"y": 2.0, "n": 3}


def test_a_change_of_what_it_used_is_seen():
    w = leaf(2.0)
    loss = checkpoint(lambda x: w * x)(leaf(3.0))
    w.data = 5.0
    with pytest.raises(StaleValueError):
        loss.backward()


def test_what_left_it_otherwise_than_as_a_result_has_no_gradient_in_silence():
    shelf = []
    x = leaf(2.0)
    y = checkpoint(lambda x: (shelf.append(x * x), x * 3.0)[1])(x)
    with pytest.raises(NoGradientError, match="return it from the function"):
        (y + shelf[0]).backward()
    assert x.grad is None


# -- randomness ----------------------------------------------------------------------------------


class Noise:
    own_class: Any

    def __init__(self):
        self.rng = np.random.default_rng(4)
        self.dropout = nn.Dropout(0.5, rng=5)

    def __call__(self, x):
        return x * self.rng.normal(size=x.shape)

    def method(self, x):
        return self.dropout(x) * type(self).own_class.random(x.shape)


class Slots:
    __slots__ = ("rng",)

    def __init__(self):
        self.rng = np.random.default_rng(6)

    def __call__(self, x):
        return x * self.rng.random(x.shape)


@dataclass(frozen=True, slots=True)
class Frozen:
    rng: Any = field(default_factory=lambda: np.random.default_rng(7))


def at_module_level(x):
    return x * MODULE_LEVEL.random(x.shape)


def wrapped(f):
    @functools.wraps(f)
    def wrapper(*args):
        return f(*args)

    return wrapper


def draws():
    """Return functions that draw, from generators that start anew."""
    global MODULE_LEVEL
    MODULE_LEVEL = np.random.default_rng(1)
    np.random.seed(0)  # noqa: NPY002
    random.seed(0)
    nn.manual_seed(0)
    Noise.own_class = np.random.default_rng(3)
    SHELF.deep = [{"rng": np.random.default_rng(2)}]
    rng, bits, legacy = np.random.default_rng(9), np.random.MT19937(10), np.random.RandomState(11)
    python, draw = random.Random(12), np.random.default_rng(13).random

    def with_a_default(x, rng=np.random.default_rng(8)):  # noqa: B008
        return x * rng.random(x.shape)

    return {
        "a closure": lambda x: x * rng.random(x.shape),
        "an inner function": lambda x: [x * rng.random(x.shape) for _ in range(2)][1],
        "bits": lambda x: x * np.random.Generator(bits).random(x.shape),
        "a RandomState": lambda x: x * legacy.rand(*x.shape),
        "Python's Random": lambda x: x * python.random(),
        "a bound method": lambda x: x * draw(x.shape),
        "a module-level generator": lambda x: at_module_level(x),
        "deep in an object": lambda x: x * SHELF.deep[0]["rng"].random(x.shape),
        "a default": with_a_default,
        "an object": Noise(),
        "a method": Noise().method,
        "slots": Slots(),
        "a partial": functools.partial(lambda r, x: x * r.rng.random(x.shape), Frozen()),
        "wrapped": wrapped(lambda x: x * rng.random(x.shape)),
        "numpy's own": lambda x: x * np.random.rand(*x.shape),  # noqa: NPY002
        "Python's own": lambda x: x * random.random(),
        "the default sequence": lambda x: F.dropout(x, 0.5),
        "a layer": nn.Dropout(0.5, rng=14),
        "a layer of the default sequence": nn.Dropout(0.5),
        "a network": nn.Sequential(nn.Linear(4, 4, rng=0), nn.Sequential(nn.Dropout(0.3))),
    }


@pytest.mark.parametrize("name", draws())
def test_the_second_run_draws_the_same(name):
    def program(c):
        f, x = draws()[name], leaf()
        y = c(f)(x)
        between = f(X.copy())  # draws from the same place before the second run
        np.sum(y**2).backward()
        return x.grad, y.data, unwrap(between), unwrap(f(X.copy()))

    for ours, expected in zip(program(checkpoint), program(lambda f: f), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_each_call_draws_anew_and_both_gradients_are_right():
    layer = nn.Dropout(0.5, rng=0)
    x, y = leaf(), leaf()
    one, two = checkpoint(layer)(x), checkpoint(layer)(y)
    (np.sum(one) + np.sum(two)).backward()
    np.testing.assert_array_equal(x.grad * X, one.data)
    np.testing.assert_array_equal(y.grad * X, two.data)
    assert not np.array_equal(x.grad, y.grad)


COUNT = [0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * np.random.default_rng().random(x.shape),
        lambda x: (COUNT.append(0), x * float(len(COUNT)))[1],
        lambda x: (COUNT.append(0), np.sum(x, axis=len(COUNT) % 2))[1],
        lambda x: (COUNT.append(0), [x] * len(COUNT))[1],
        lambda x: (COUNT.append(0), x * float("nan") if len(COUNT) % 2 else x)[1],
        lambda x: x * Tensor(1.0, requires_grad=True),
    ],
)
def test_a_second_run_that_differs_is_an_error(f):
    x = leaf()
    result = checkpoint(f)(x)
    loss = np.sum(result[0] if isinstance(result, list) else result)
    with pytest.raises(CheckpointError, match="run again"):
        loss.backward()
    assert x.grad is None


# -- buffers ------------------------------------------------------------------------------------


class Tracker(nn.Module):
    """Holds state in every way, and its output depends on it."""

    def __init__(self):
        self.buffer = nn.Buffer(np.ones(4))
        self.calls = nn.Buffer(0)
        self.array = np.ones(4)
        self.big = np.ones(LARGE // 8 + 1)
        self.count = 0
        self.cache: Any = None

    def forward(self, x):
        if self.cache is None:
            self.cache = x * 2.0
        out = x * self.buffer.data * self.array * self.count + self.cache + self.calls.data
        self.buffer.data = 0.9 * self.buffer.data + 0.1 * np.mean(x.data, 0)
        self.buffer.data += 1.0
        self.calls.data += 1
        self.array += 1.0
        self.big = self.big + 1.0
        self.count += 1
        self.new = self.count
        return out

    def state(self):
        fields = (self.buffer.data, self.calls.data, self.array, self.big, self.count, self.new)
        return copy.deepcopy(fields)


def test_a_batch_is_counted_once():
    def program(c):
        tracker, norm, x = Tracker(), nn.BatchNorm1d(4), leaf()
        f = nn.Sequential(norm, nn.Linear(4, 4, rng=0))
        hold, states = tracker.buffer.data, []
        y = c(tracker)(x) + c(f)(x)
        tracker.cache = None
        y = c(tracker)(y) * 2.0 + c(f)(y)
        loss = np.sum(np.sin(y))
        for run in (loss.backward, loss.backward, lambda: tracker(X)):
            run()
            states.append((*tracker.state(), *f.state_dict().values()))
        return x.grad, hold, *(s for state in states for s in state)

    for ours, plain in zip(program(checkpoint), program(lambda f: f), strict=True):
        np.testing.assert_allclose(ours, plain)


def test_state_is_as_it_was_after_an_error_too():
    class Fails(Tracker):
        def forward(self, x):
            out = super().forward(x)
            if self.fails:
                raise KeyError("second")
            return out

    f = Fails()
    f.fails = False
    loss = np.sum(checkpoint(f)(leaf()))
    f.fails, before = True, None
    before = f.state()
    rng = np.random.get_state(legacy=False)  # noqa: NPY002
    with pytest.raises((KeyError, CheckpointError)):
        loss.backward()
    for a, b in zip(before, f.state(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_equal(rng, np.random.get_state(legacy=False))  # noqa: NPY002


def test_a_large_array_is_not_copied_and_not_written_into_twice():
    big = SimpleNamespace(rows=np.ones(LARGE // 8 + 1))
    loss = checkpoint(lambda x: np.sum(x) * big.rows[0])(leaf())
    loss.backward()

    def writes(x):
        big.rows[0] += 1.0
        return np.sum(x)

    loss = checkpoint(writes)(leaf())
    with pytest.raises(ValueError, match="read-only"):
        loss.backward()
    assert (big.rows[0], big.rows.flags.writeable) == (2.0, True)


def test_in_fit_it_trains_as_without():
    def trained(c):
        nn.manual_seed(0)
        inner = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Tanh())

        class Net(nn.Module):
            def __init__(self):
                self.inner, self.head = inner, nn.Linear(8, 1)

            def forward(self, x):
                return self.head(c(self.inner)(x))

        net = Net()
        nn.fit(net, nn.MSELoss(), nn.optim.SGD(net.parameters(), 0.1), X, X[:, :1],
               epochs=3, batch_size=3, progress=False)  # fmt: skip
        return net.state_dict()

    ours, plain = trained(checkpoint), trained(lambda f: f)
    for name in plain:
        np.testing.assert_allclose(ours[name], plain[name], rtol=1e-12)


def test_jacobian_vjp_and_hessian_of_it():
    f = checkpoint(lambda x: np.tanh(x @ W.data))
    x = X[0]
    plain = jacobian(lambda x: np.tanh(x @ W.data))(x)
    np.testing.assert_allclose(jacobian(f)(x), plain)
    _, pullback = vjp(f, x)
    for _ in range(2):
        np.testing.assert_allclose(pullback(np.ones(3))[0], plain.sum(0))
    np.testing.assert_allclose(
        hessian(lambda x: np.sum(f(x)))(x), hessian(lambda x: np.sum(np.tanh(x @ W.data)))(x)
    )
