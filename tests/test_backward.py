"""The reverse pass: order, accumulation, ownership, depth, threads."""

import itertools
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_lite import (
    Tensor,
    backward,
    derivative,
    grad,
    no_grad,
    strict,
    value_and_grad,
    vjp,
)
from autograd_lite.errors import (
    AutogradError,
    GradientDtypeError,
    GradientShapeError,
    NoGradientError,
    NonScalarBackwardError,
    StaleValueError,
)
from autograd_lite.protocol import TABLE
from autograd_lite.trees import flatten


def leaf(value, **kwargs):
    return Tensor(value, requires_grad=True, **kwargs)


def test_chain_rule_of_a_product_and_a_sine():
    x, y = leaf(2.0), leaf(3.0)
    (x * y + np.sin(x)).backward()
    assert x.grad == pytest.approx(3.0 + np.cos(2.0))
    assert y.grad == 2.0


def test_a_value_used_twice_counts_twice():
    # micrograd's set of parents once forgot that a + a has two edges.
    a = leaf(3.0)
    b = a + a
    (b + b).backward()
    assert a.grad == 4.0


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.booleans()), min_size=1))
def test_any_graph_is_visited_in_topological_order(steps):
    """Sums and halved differences in any wiring: the gradient is a sum over paths."""
    x, y = leaf(1.5), leaf(-0.5)
    values = [x, y]
    # The derivative by hand: carried forward beside each value.
    tangents = [np.array([1.0, 0.0]), np.array([0.0, 1.0])]
    for i, j, add in steps:
        i, j = i % len(values), j % len(values)
        if add:
            values.append(values[i] * 0.5 + values[j] * 0.25)
            tangents.append(tangents[i] * 0.5 + tangents[j] * 0.25)
        else:
            values.append(values[i] * values[j] * 0.1)
            tangents.append(0.1 * (tangents[i] * values[j].item() + tangents[j] * values[i].item()))
    values[-1].backward()
    reached = [0.0 if t.grad is None else t.grad for t in (x, y)]
    np.testing.assert_allclose(reached, tangents[-1], rtol=1e-10, atol=1e-12)


def test_a_second_call_adds_once_more_and_nothing_else_happens():
    x = leaf([1.0, 2.0])
    loss = np.sum(x * x)
    loss.backward()
    first = x.grad.copy()
    loss.backward()
    np.testing.assert_array_equal(x.grad, 2 * first)
    np.testing.assert_array_equal(x.data, [1.0, 2.0])


def test_gradients_of_two_losses_accumulate():
    x = leaf(2.0)
    (x * x).backward()
    (3.0 * x).backward()
    assert x.grad == 7.0
    x.zero_grad()
    assert x.grad is None


def test_a_leaf_is_its_own_gradient():
    x = leaf(2.0)
    x.backward()
    assert x.grad == 1.0


def test_an_upstream_gradient_weighs_the_rows():
    x = leaf(np.ones((2, 3)))
    weights = np.arange(6.0).reshape(2, 3)
    (x * 2.0).backward(weights)
    np.testing.assert_array_equal(x.grad, 2 * weights)
    (x * 2.0).backward(Tensor(weights))
    np.testing.assert_array_equal(x.grad, 4 * weights)


def test_gradients_of_a_sum_are_not_one_array():
    a, b = leaf(np.zeros(3)), leaf(np.zeros(3))
    (a + b).sum().backward()
    a.grad[0] = 7.0
    np.testing.assert_array_equal(b.grad, np.ones(3))


def test_no_gradient_shares_memory_with_what_the_user_can_reach():
    upstream = np.ones((2, 3))
    a, b = leaf(np.ones((2, 3))), leaf(np.ones((3, 2)))
    c = a + b.T
    c.retain_grad()
    d = c.reshape(3, 2).reshape(2, 3)
    d.backward(upstream)
    held = [upstream, a.grad, b.grad, c.grad, a.data, b.data, c.data, d.data]
    for i, one in enumerate(held):
        for other in held[i + 1 :]:
            assert not np.shares_memory(one, other) or one is c.data
    # c.data and d.data are views of one another, as in NumPy; no gradient is.


def test_gradients_keep_shape_and_dtype():
    x = leaf(np.ones(3, dtype=np.float32))
    y = leaf(np.float32(2.0))
    w = leaf(np.ones(3))  # float64 takes part, and the float32 leaves keep theirs
    (np.sum(x * y * 2.0) + np.sum(w * x)).backward()
    assert (x.grad.dtype, y.grad.dtype, w.grad.dtype) == (np.float32, np.float32, np.float64)
    assert (x.grad.shape, y.grad.shape) == ((3,), ())
    assert all(isinstance(t.grad, np.ndarray) for t in (x, y, w))
    assert all(type(t._read_grad()) is type(2 * w.grad) is np.ndarray for t in (x, y, w))


def test_interior_values_keep_a_gradient_when_asked():
    x = leaf(3.0)
    y = x * x
    z = y * 2.0
    y.retain_grad()
    z.backward()
    assert y.grad == 2.0
    assert z.grad is None
    z.backward()
    assert y.grad == 4.0


def test_what_needs_no_gradient_gets_none():
    x, k = leaf(2.0), Tensor(3.0)
    (x * k).backward()
    assert k.grad is None
    with no_grad():
        y = x * x
    assert not y.requires_grad
    assert y.is_leaf
    (y * x).backward()
    assert x.grad == 3.0 + 4.0


def test_detach_stops_the_gradient():
    x = leaf(2.0)
    (x.detach() * x).backward()
    assert x.grad == 2.0


def test_a_chain_of_a_million_operations():
    x = leaf(1.0)
    y = x
    for _ in range(1_000_000):
        y = y + 1e-6
    y.backward()
    assert x.grad == 1.0


def test_threads_record_and_sweep_on_their_own():
    w = leaf(np.ones(4))
    results = {}

    def work(k):
        x = leaf(np.full(4, float(k)))
        for _ in range(50):
            with no_grad():
                w * 2.0
            loss = np.sum(w * x * x)
            loss.backward()
        results[k] = x.grad

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, gradient in results.items():
        np.testing.assert_allclose(gradient, 50 * 2.0 * k * np.ones(4))


def interrupted_at(steps, call):
    """Call, with a KeyboardInterrupt at one of the bytecodes of backward.py; say how many ran."""
    count = 0

    def at(frame, event, argument):
        nonlocal count
        if frame.f_code.co_filename != backward.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            count += 1
            if count > steps:
                sys.settrace(None)
                raise KeyboardInterrupt
        return at

    sys.settrace(at)
    try:
        call()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(None)
    return count


@pytest.mark.parametrize("turn", [0, 1])
def test_an_interrupt_leaves_all_gradients_or_none(turn):
    """And after it, one more call gives what it should."""
    for steps in itertools.count():
        a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
        product = a * b
        product.retain_grad()
        loss = np.sum(product + b)
        for _ in range(turn):
            loss.backward()
        done = interrupted_at(steps, loss.backward) <= steps
        found = [t.grad for t in (a, b, product)]
        times = {turn, turn + 1} if not done else {turn + 1}
        if all(g is None for g in found):
            assert 0 in times
        else:
            assert any(
                all(
                    g is not None and np.array_equal(g, n * np.array(one))
                    for g, one in zip(found, ([3, 4], [2, 3], [1, 1]), strict=True)
                )
                for n in times
            ), (steps, found)
        if done:
            break
    assert steps > 100


# -- bad input: an error of its own kind, and every gradient as it was ---------------


@pytest.fixture
def trained():
    x = leaf([1.0, 2.0], name="x")
    np.sum(x * x).backward()
    return x, x.grad.copy()


@pytest.mark.parametrize(
    ("attempt", "error", "kind", "words"),
    [
        (lambda x: (x * x).backward(), NonScalarBackwardError, RuntimeError, "shape (2,)"),
        (lambda x: Tensor(1.0).backward(), NoGradientError, RuntimeError, "requires_grad=True"),
        (lambda x: (x * x).backward(np.ones(3)), GradientShapeError, ValueError, "(3,)"),
        (lambda x: (x * x).backward(np.ones(2) * 1j), GradientDtypeError, TypeError, "complex"),
    ],
)
def test_bad_calls_raise_and_lose_nothing(trained, attempt, error, kind, words):
    x, before = trained
    with pytest.raises(error) as caught:
        attempt(x)
    assert isinstance(caught.value, kind)
    assert isinstance(caught.value, AutogradError)
    assert words in str(caught.value)
    np.testing.assert_array_equal(x.grad, before)


@pytest.mark.parametrize("change", [lambda w: w.data * 1.0, lambda w: w.data + 1.0])
def test_a_value_changed_in_between_is_an_error(change):
    w, x = leaf([3.0], name="w"), leaf([2.0])
    loss = np.sum(w * x)
    w.data = change(w)
    with pytest.raises(StaleValueError, match="'w' was changed after 'multiply'"):
        loss.backward()
    assert w.grad is None
    assert x.grad is None


def test_an_augmented_assignment_in_between_is_an_error():
    w = leaf([3.0])
    loss = np.sum(w * w)
    w.data -= 1.0
    with pytest.raises(StaleValueError):
        loss.backward()


def test_a_changed_constant_is_an_error_too():
    x, k = leaf(2.0), Tensor(3.0)
    y = x * k
    k.data = 4.0
    with pytest.raises(StaleValueError):
        y.backward()
    assert x.grad is None


def test_a_value_that_is_changed_and_not_used_again_is_fine():
    w = leaf(3.0)
    for _ in range(3):
        w.zero_grad()
        (w * w).backward()
        w.data -= 0.5 * w.grad
    assert w.data == 0.0


@pytest.mark.parametrize("written", [0, 1])
def test_strict_mode_catches_a_write_through_an_index(written):
    arrays = [np.ones(2), np.ones(2)]
    x, k = leaf(arrays[0]), arrays[1]
    with strict():
        loss = np.sum(x * k)
    (x.data if written == 0 else k)[0] = 5.0
    with pytest.raises(StaleValueError, match="written into"):
        loss.backward()
    assert x.grad is None


def test_an_error_in_a_rule_leaves_every_gradient_as_it_was():
    def fails(g):
        raise ZeroDivisionError

    broken = derivative(lambda v: v + 0.0, name="broken", v=fails)
    try:
        x, y = leaf(1.0), leaf(1.0)
        z = broken(x) + y * y  # y's gradient is complete before x's rule fails
        with pytest.raises(ZeroDivisionError):
            z.backward()
        assert x.grad is None
        assert y.grad is None
    finally:
        TABLE.pop(broken.function)


FORMS = {
    "first": lambda function, x, beside: function(x, beside),
    "second": lambda function, x, beside: function(beside, x) * x,
}


@pytest.mark.parametrize("x", [np.array(0.7, np.float32), np.float32(0.7), np.ones(2, np.float32)])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "function", [np.multiply, np.add, np.maximum, np.copysign, np.hypot, np.logaddexp]
)
def test_a_gradient_has_the_dtype_of_its_leaf_beside_doubles(function, form, x):
    """Also that of a single number, whose rules cast nothing on the way."""

    def f(x):
        return FORMS[form](function, x, np.array(1.5))

    leaf = Tensor(x, requires_grad=True)
    np.sum(f(leaf)).backward()
    out, pull = vjp(f, x)
    found = [
        leaf.grad,
        grad(lambda x: np.sum(f(x)))(x),
        value_and_grad(lambda x: np.sum(f(x)))(x)[1],
        *flatten(pull(np.ones_like(out)))[0],
    ]
    assert {g.dtype for g in found} == {x.dtype}
    np.testing.assert_allclose(found[1:], [found[0]] * 3, rtol=1e-6)
