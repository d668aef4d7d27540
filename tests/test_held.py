"""Nothing that a user holds ever changes: random programs over views, small and large.

Everything that a program could put its hands on is held: its arrays, views of values, seeds,
gradients that were read, what rules were given and gave. After each gradient all of it must have
the bytes that it had, and lie apart from what was handed out. At the large size the tape
lets values go, and NumPy adds to an array where it is if nobody else holds it.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_lite import (
    Tensor,
    checkpoint,
    derivative,
    grad,
    hvp,
    jvp,
    linearize,
    trace,
    value_and_grad,
    vjp,
)
from autograd_lite.node import LARGE
from autograd_lite.tensor import unwrap
from tests.calculus.cases import EXPLORING

SIZES = {"small": (4, 3), "large": (LARGE // 8 // 128, 128)}
HELD: list[tuple[np.ndarray, bytes]] = []  # by a program or its rules, as it was then
RULES = np.random.default_rng(2).normal(size=SIZES["large"])  # what a rule gives again and again
assert RULES.nbytes == LARGE


def hold(array):
    numbers = unwrap(array)
    HELD.append((numbers, numbers.tobytes()))
    return array


def lent(g):
    """An array of the rule's own, which it gives to everybody."""
    return RULES[: g.shape[0], : g.shape[1]]


same = derivative(lambda x: x, name="same", x=lambda g: g)
hooked = derivative(lambda x: x * 1.0, name="hooked", x=lambda g: hold(g))
kept = derivative(lambda x: x * 1.0, name="kept", x=lambda g: hold(g * 1.0))
mixed = derivative(lambda x, y: x + y, name="mixed", x=lambda g, y: y, y=lambda g: lent(g))
twins = derivative(
    lambda x, y: x - y, name="twins", joint=lambda g, x, y: (lambda both: (both, both))(g * 2.0)
)

UNARY = {
    "same": lambda x: same(x),
    "hooked": lambda x: hooked(x),
    "kept": lambda x: kept(x),
    "plus nothing": lambda x: x + 0,
    "zero less": lambda x: x - 0.0,
    "times one": lambda x: x * 1.0,
    "negative": lambda x: -x,
    "tanh": np.tanh,
    "exp": lambda x: np.exp(np.minimum(x, 1.0)),
    "squared": lambda x: x * x,
    "doubled": lambda x: x + x,
    "reshaped": lambda x: x.reshape(-1).reshape(x.shape),
    "transposed": lambda x: (x.T * 1.0).T,
    "turned around": lambda x: x[::-1, ::-1],
    "one row": lambda x: np.broadcast_to(x[:1], x.shape),
    "one column": lambda x: x[:, :1] + 0.0 * x,
    "halves": lambda x: np.concatenate([x[2:], x[:2]]),
    "parts": lambda x: np.vstack(np.split(x, 2)[::-1]),
    "stacked": lambda x: np.stack([x, x])[0],
    "an axis more": lambda x: np.squeeze(x[None], 0),
    "flat": lambda x: np.ravel(x.T).reshape(x.shape),
    "where": lambda x: np.where(x > 0, x, 0.5 * x),
    "the other sign": lambda x: np.where(x > 9, -x, x),
    "cast": lambda x: x.astype(np.float32).astype(np.float64),
    "real part": lambda x: np.real(np.conjugate(x)),
    "copied": lambda x: np.copy(x),
    "checkpointed": lambda x: checkpoint(lambda x: np.tanh(x) + x)(x),
    "picked": lambda x: x[np.arange(x.shape[0]) // 2],
    "summed": lambda x: np.cumsum(x, 0) * 0.1,
    "a mean taken off": lambda x: x - x.mean(0),
    "a matrix": lambda x: (x @ np.eye(x.shape[1])) * 0.5,
    "largest": lambda x: np.max(x, 1, keepdims=True) + 0.0 * x,
}
BINARY = {
    "sum": lambda x, y: x + y,
    "difference": lambda x, y: x - y,
    "product": lambda x, y: x * y,
    "mixed": lambda x, y: mixed(x, y),
    "twins": lambda x, y: twins(x, y),
    "the larger": np.maximum,
    "rows of each": lambda x, y: np.concatenate([x[:1], y[1:]]),
}

steps = st.lists(
    st.tuples(
        st.sampled_from([*UNARY, *BINARY]),
        st.integers(0, 30), st.integers(0, 30),
        st.sampled_from(["", "", "retain", "hold its value"]),
    ),
    min_size=4, max_size=14,
)  # fmt: skip


def program(a, b, lines, beside):
    """Run the lines on two values and two arrays; each takes its operands from all before it."""
    made = [a, b]
    for name, i, j, also in lines:
        x, y = made[i % len(made)], [*made, *beside][j % (len(made) + len(beside))]
        t = UNARY[name](x) if name in UNARY else BINARY[name](x, y)
        if isinstance(t, Tensor) and also == "retain" and t.requires_grad:
            t.retain_grad()
        if isinstance(t, Tensor) and also == "hold its value":
            hold(t)
        made.append(t)
    return made[-1] + 0.5 * made[len(made) // 2], made


class Held:
    """Arrays, and the bytes that they had when they were put here."""

    def __init__(self, *arrays):
        self.arrays = []
        self.add(*arrays)

    def add(self, *arrays):
        self.arrays += [(x, x.tobytes()) for x in arrays] + HELD
        HELD.clear()

    def check(self, said):
        for x, before in self.arrays:
            assert x.tobytes() == before, said

    def apart(self, results, said):
        """No result shares memory with another or with what is held; all may be written into."""
        for i, r in enumerate(results):
            assert r.flags.writeable, said
            for other in (*[x for x, _ in self.arrays], *results[:i]):
                assert not np.may_share_memory(r, other), said


def arrays_of(results):
    if isinstance(results, (tuple, list)):
        return [x for r in results for x in arrays_of(r)]
    return [results] if isinstance(results, np.ndarray) else []


def every_gradient(lines, a, b, beside, seed):
    """Yield, for each way to take a gradient, its name and a function that takes it once more."""

    def f(a, b):
        return program(a, b, lines, beside)[0]

    def total(a, b):
        return np.sum(f(a, b) * seed)

    _, pull = vjp(f, a, b)
    _, push = linearize(f, a, b)
    yield "pullback", lambda: pull(seed)
    yield "linearize", lambda x=a, y=b: push(x, y)
    yield "grad", lambda: grad(total, (0, 1))(a, b)
    yield "value_and_grad", lambda: value_and_grad(total, 1)(a, b)
    yield "jvp", lambda: jvp(f, (a, b), (b, a))
    yield "hvp", lambda: hvp(total, (0, 1))(a, b, (b, a))


def drawn(shape):
    rng = np.random.default_rng(3)
    a, b, seed, beside = (rng.normal(size=shape) for _ in range(4))
    return a, b, seed, (beside, rng.normal(size=shape[::-1]).T)


@pytest.mark.parametrize("size", SIZES)
@settings(max_examples=1500 if EXPLORING else 40)
@given(steps)
def test_transforms(size, lines):
    a, b, seed, beside = drawn(SIZES[size])
    for name, again in every_gradient(lines, a, b, beside, seed):
        held = Held(a, b, seed, *beside, RULES)
        first = arrays_of(again())
        held.add()
        before = [x.tobytes() for x in first]
        held.apart(first, name)
        second = arrays_of(again())
        assert [x.tobytes() for x in first] == before, name
        assert [x.tobytes() for x in second] == before, name
        for x in second:
            x[...] = 7.0
        held.check(name)
        third = arrays_of(again())
        assert [x.tobytes() for x in third] == before, name
        held.check(name)


@pytest.mark.parametrize("size", SIZES)
@settings(max_examples=1500 if EXPLORING else 10)
@given(steps)
def test_arguments_may_be_refilled_once_the_function_has_run(size, lines):
    a, b, seed, beside = drawn(SIZES[size])
    (_, pullback), (_, push), *_ = every_gradient(lines, a, b, beside, seed)
    given = a.copy(), b.copy()
    for again in (pullback, lambda: push(*given)):
        a[...], b[...] = given
        before = [x.tobytes() for x in arrays_of(again())]
        a[...], b[...] = 7.0, -8.0
        assert [x.tobytes() for x in arrays_of(again())] == before


@pytest.mark.parametrize("size", SIZES)
@settings(max_examples=1500 if EXPLORING else 60)
@given(steps)
def test_backward(size, lines):
    a, b, seed, beside = drawn(SIZES[size])

    def run(held):
        x, y = Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)
        out, made = program(x, y, lines, beside)
        asked = [x, y, *[t for t in made[2:] if isinstance(t, Tensor) and t._metadata]]
        found = []
        for turn in range(3):
            held.add()
            out.backward(seed * 1.0 if turn else seed)
            gradients = [t._read_grad() for t in asked]
            gradients = [g for g in gradients if g is not None]
            held.add()
            held.check(f"turn {turn}")
            held.apart(gradients, f"turn {turn}")
            held.add(*gradients)  # a second pass makes new arrays
            found.append([g.tobytes() for g in gradients])
        return found

    plain = run(Held(a, b, seed, *beside, RULES))
    with trace():  # with every value kept
        assert run(Held()) == plain
