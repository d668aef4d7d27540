"""An array that was used may be refilled: the gradient is that of the numbers that were used."""

from __future__ import annotations

import operator
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_lite import Operation, Tensor, derivative, grad, hvp, keeping, linearize, strict
from autograd_lite.errors import StaleValueError
from autograd_lite.keeping import SMALL, copy_of
from autograd_lite.trees import flatten
from nn import functional as F
from tests.calculus.calls import CALLS, In, V

w0 = np.array([0.5, -1.0, 2.0])
W0 = np.arange(12.0).reshape(4, 3) / 7

# name: (a program of a Tensor and one array of the user's, the array's first and second contents)
USES = {
    "operand": (lambda w, b: w * b, [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]),
    "on the left": (lambda w, b: b - w * b, [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]),
    "power": (lambda w, b: np.abs(w) ** b, [1.0, 2.0, 3.0], [3.0, 1.0, 2.0]),
    "whole numbers": (lambda w, b: w * b, [1, 2, 3], [4, 5, 6]),
    "matrix": (lambda w, b: b @ w, np.eye(3).tolist(), np.ones((3, 3)).tolist()),
    "index": (lambda w, b: w[b], [0, 0, 1], [2, 2, 2]),
    "index in a tuple": (lambda w, b: (w * w[:, None])[1, b], [0, 0, 1], [2, 2, 2]),
    "mask": (lambda w, b: w[b], [True, False, True], [False, True, True]),
    "condition": (lambda w, b: np.where(b, w, 2 * w), [True, False, True], [False, True, True]),
    "branch": (lambda w, b: np.where(w > 0, w * b, b), [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]),
    "take": (lambda w, b: np.take(w, b), [0, 0, 1], [2, 2, 2]),
    "take_along_axis": (lambda w, b: np.take_along_axis(w, b, 0), [0, 0, 1], [2, 2, 2]),
    "where=": (lambda w, b: np.sum(w, where=b), [True, False, True], [False, True, True]),
    "choose": (lambda w, b: np.choose(b, [w, 3 * w]), [0, 1, 1], [1, 0, 0]),
    "concatenated": (lambda w, b: np.prod(np.stack([w, b]), axis=0), [1.0, 2.0, 3.0], [4.0, 5, 6]),
    "einsum": (lambda w, b: np.einsum("i,i->", w, b), [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]),
    "average": (lambda w, b: np.average(w, weights=b), [1.0, 2.0, 3.0], [4.0, 1.0, 1.0]),
    "clip": (lambda w, b: np.clip(w, b, 5.0), [-1.0, -2.0, 3.0], [4.0, -9.0, 1.0]),
    "maximum": (lambda w, b: np.maximum(w, b), [-1.0, -2.0, 3.0], [4.0, -9.0, 1.0]),
    "at": (lambda w, b: w.at[b].set(0.0) * w, [0, 1, 1], [2, 2, 2]),
    "repeats": (lambda w, b: np.repeat(w, b) ** 2, [1, 0, 2], [0, 1, 2]),
    "labels": (lambda w, b: F.cross_entropy(w * np.ones((3, 1)), b), [0, 0, 1], [2, 2, 2]),
    "targets": (lambda w, b: F.mse_loss(w, b), [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]),
    "batch": (lambda w, b: F.linear(b, w[None]), [[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]),
}


def gradient(f, *buffers):
    """The gradient of a sum over several contents, each in an array of its own."""
    w = Tensor(w0, requires_grad=True)
    sum(np.sum(f(w, np.array(b))) for b in buffers).backward()
    return w.grad


@pytest.mark.parametrize("name", USES)
def test_a_refilled_array_counts_as_it_was(name):
    f, first, second = USES[name]
    buffer, w, loss = np.array(first), Tensor(w0, requires_grad=True), 0.0
    for contents in (first, second):
        buffer[...] = contents
        loss = loss + np.sum(f(w, buffer))
    buffer[...] = 0
    loss.backward()
    np.testing.assert_array_equal(w.grad, gradient(f, first, second))


@pytest.mark.parametrize("name", USES)
def test_strict_sees_every_write(name):
    f, first, second = USES[name]
    buffer, w = np.array(first), Tensor(w0, requires_grad=True)
    with strict():
        loss = np.sum(f(w, buffer))
    buffer[...] = second
    try:
        loss.backward()
    except StaleValueError:
        return
    np.testing.assert_array_equal(w.grad, gradient(f, first))


class Scaled(Operation):
    """An operation with an array of its own."""

    def __init__(self, by):
        self.by = {"factor": by}

    def forward(self, x):
        return x * self.by["factor"]

    def grad_x(self, g):
        return g * self.by["factor"]


def around(b):
    return derivative(lambda x: x * b, name="around", x=lambda g: g * b)


@pytest.mark.parametrize("written", ["result", "held", "closure", "operand"])
def test_strict_sees_what_an_operation_holds_and_what_it_made(written):
    w, b = Tensor(w0, requires_grad=True), np.array([1.0, 2.0, 3.0])
    with strict():
        y = around(b)(Scaled(b if written == "held" else b + 1.0)(w * 2.0))
        z = np.exp(y)
        np.sum(z)
        loss = np.sum(z * z)
    {"result": z.data, "operand": w.data}.get(written, b)[0] = 7.0
    with pytest.raises(StaleValueError):
        loss.backward()


RETURNS = {
    "an operand": lambda x, b: b,
    "a view of one": lambda x, b: b[::-1],
    "one of several": lambda x, b: (x * 1.0, b.reshape(3, 1)),
}


@pytest.mark.parametrize("name", RETURNS)
def test_a_result_is_never_the_users_array(name):
    """A forward pass, which may be anybody's, may return what it was given."""
    forward = RETURNS[name]
    several = name == "one of several"
    twice = derivative(
        lambda x, b: forward(x, b),
        outputs=several,
        x=lambda g, x: np.zeros_like(x),
        b=lambda g, b: np.zeros_like(b),
        name="twice",
    )
    b = np.array([1.0, 2.0, 3.0])
    w = Tensor(w0, requires_grad=True)
    for call in (lambda: twice(w, b), lambda: twice(w, b=b)):
        result = call()
        result = result[1] if several else result
        kept = result.numpy().copy()
        y = np.sum(result * w)
        b[...] += 1.0
        np.testing.assert_array_equal(result.numpy(), kept)
        w.zero_grad()
        y.backward()
        np.testing.assert_array_equal(
            w.grad, np.broadcast_to(kept, (kept * w0).shape).sum(0) if several else kept
        )


def test_lists_may_be_changed_too():
    index, w = [0, 0, 1], Tensor(w0, requires_grad=True)
    y = np.sum(w[index])
    index[:] = [2, 2, 2]
    y.backward()
    np.testing.assert_array_equal(w.grad, [2.0, 1.0, 0.0])


@pytest.mark.parametrize("size", [SMALL, SMALL + 1, 100_000])
def test_a_large_array_is_watched(size):
    buffer = np.ones(size)
    w = Tensor(2.0, requires_grad=True)
    loss = np.sum(w * buffer)
    buffer[:] = 3.0
    if size <= SMALL:
        loss.backward()
        assert w.grad == size
        return
    with pytest.raises(StaleValueError, match=r"refilled since: .*x\.copy\(\)"):
        loss.backward()
    assert w.grad is None


def test_a_large_mask_or_index_is_copied():
    x = Tensor(np.arange(5000.0), requires_grad=True)
    mask, index = np.arange(5000) % 2 == 0, np.arange(5000)
    loss = np.sum(x[mask]) + np.sum(x[index] * x[index])
    mask[:], index[:] = False, 0
    loss.backward()
    np.testing.assert_array_equal(x.grad, (np.arange(5000) % 2 == 0) + 2 * np.arange(5000.0))


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=6),
    st.lists(st.floats(-2, 2), min_size=3, max_size=3),
)
def test_any_refills(order, numbers):
    contents = [np.array(numbers) + k for k in order]
    buffer, w, loss = np.zeros(3), Tensor(w0, requires_grad=True), 0.0
    for c in contents:
        buffer[:] = c
        loss = loss + np.sum(w * buffer * w)
    buffer[:] = np.nan
    loss.backward()
    np.testing.assert_allclose(w.grad, 2 * w0 * sum(contents), atol=1e-12)


def test_higher_derivatives_and_transforms():
    buffer = np.array([1.0, 2.0, 3.0])

    def f(w):
        buffer[:] = [1.0, 2.0, 3.0]
        y = np.sum(w**3 * buffer)
        buffer[:] = 0.0
        return y

    np.testing.assert_array_equal(grad(f)(w0), 3 * w0**2 * [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(hvp(f)(w0, np.ones(3)), 6 * w0 * [1.0, 2.0, 3.0])


def test_an_unchanged_array_is_copied_once():
    b, w = np.ones(3), Tensor(w0, requires_grad=True)
    one, two = w * b, w + b
    assert one.tape.values[1] is two.tape.values[1] is copy_of(b)
    assert one.tape.values[1] is not b
    del b
    assert operator.length_hint(one.tape.values) == 2


def test_a_larger_array_is_looked_at_everywhere():
    """Whatever its pattern: a column of a matrix, the middle of all images of a stack."""
    rng = np.random.default_rng(0)
    images = np.zeros((128, 28, 28))
    for buffer, part in [
        (np.zeros((1000, 64)), np.s_[:, 3]),
        (images, np.s_[:, 8:20, 8:20]),
        (np.zeros((512, 512), order="F"), np.s_[100:110]),
        (np.zeros((300, 20))[::2, 1:], np.s_[:, 7]),
    ]:
        w = Tensor(2.0, requires_grad=True)
        loss = np.sum(w * buffer)
        buffer[part] = rng.normal(size=buffer[part].shape)
        with pytest.raises(StaleValueError, match="refilled"):
            loss.backward()


def test_a_large_array_is_watched_in_a_recorded_reverse_pass_too():
    big = np.ones(5000)
    _, push = linearize(lambda x: x * big, np.ones(5000))
    big[:] = 3.0
    with pytest.raises(StaleValueError):
        push(np.ones(5000))


def test_nothing_is_said_when_python_ends(monkeypatch):
    """An array may live longer than the names of our module do."""
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    b = np.ones(3)
    keeping.copied(b)
    entry = keeping._copies[id(b)]
    monkeypatch.setattr(keeping, "_copies", None)  # as Python does at its end
    del b
    assert entry[0]() is None
    assert unraisable == []


def numbers(args, keywords, which):
    """Return a call's arguments, one operand of it a Tensor, and every other array in them."""
    tensors, arrays, seen = [], [], []

    def made(a):
        if isinstance(a, V):
            seen.append(a)
            if len(seen) - 1 == which:
                tensors.append(Tensor(a.array, requires_grad=True))
                return tensors[0]
            a = a.array
        if isinstance(a, np.ndarray):
            arrays.append(np.array(a))
            return arrays[-1]
        if isinstance(a, In):
            a = list(a.operands)
        return type(a)(map(made, a)) if type(a) in (list, tuple) else a

    return [made(a) for a in args], {k: made(a) for k, a in keywords.items()}, tensors, arrays


def loss_of(result):
    leaves = [x for x in flatten(result)[0] if isinstance(x, Tensor) and x.requires_grad]
    return sum((np.sum(np.real(x) ** 2) + np.sum(np.imag(x)) for x in leaves), 0.0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_array_beside_a_tensor_in_every_function_may_be_refilled():
    looked_at = 0
    for function, forms in CALLS.items():
        args, keywords = forms[-1]
        for which in range(3):
            wanted = None
            for refilled in (False, True):
                given, named, tensors, arrays = numbers(args, keywords, which)
                if not tensors or not arrays:
                    continue
                try:
                    result = function(*given, **named)
                    loss = loss_of(result)
                except TypeError:  # the operand cannot carry a gradient
                    continue
                for t in flatten(result)[0]:
                    if isinstance(t, Tensor):
                        assert not any(np.shares_memory(t.numpy(), a) for a in arrays)
                if not isinstance(loss, Tensor):
                    continue
                for a in arrays if refilled else ():
                    a[...] = ~a if a.dtype == bool else (a * 0 if a.dtype.kind == "i" else a + 1.5)
                loss.backward()
                if refilled:
                    looked_at += 1
                    np.testing.assert_array_equal(tensors[0].grad, wanted, function.__name__)
                wanted = tensors[0].grad
    assert looked_at > 50
