"""grad and value_and_grad: nested, mixed with backward, and at any order."""

import math
import timeit
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_lite import Tensor, derivative, grad, no_grad, value_and_grad
from autograd_lite.errors import IntegerGradientError, NonScalarBackwardError


def nth(f, n):
    for _ in range(n):
        f = grad(f)
    return f


@pytest.mark.parametrize("order", range(6))
def test_derivatives_of_exp_sin_by_complex_powers(order):
    # e^x sin x = Im e^((1+i)x), whose n-th derivative is Im (1+i)^n e^((1+i)x).
    x = 0.7
    expected = ((1 + 1j) ** order * np.exp((1 + 1j) * x)).imag
    assert nth(lambda t: np.exp(t) * np.sin(t), order)(x) == pytest.approx(expected, rel=1e-12)


@given(st.integers(2, 6), st.integers(0, 5), st.floats(0.5, 2.0))
def test_derivatives_of_a_power(p, order, x):
    expected = math.prod(range(p - order + 1, p + 1)) * x ** (p - order) if order <= p else 0.0
    assert nth(lambda t: t**p, order)(x) == pytest.approx(expected, rel=1e-12)


def test_no_perturbation_confusion():
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y)(1.0))(3.0) == 6.0
    # d/dx [ d/dy (x y²) at y = x ] = d/dx 2x² = 4x
    assert grad(lambda x: grad(lambda y: x * y * y)(x))(3.0) == 12.0
    # The same with the inner function closing over an interior value.
    assert grad(lambda x: grad(lambda y: (x * x) * y * y)(x * 2.0))(3.0) == pytest.approx(
        12.0 * 9.0
    )


def test_mixed_second_derivatives_are_equal():
    def f(x, y):
        return np.sin(x * y) * np.exp(x)

    xy = grad(lambda x, y: grad(f, 1)(x, y), 0)(0.3, 0.4)
    yx = grad(lambda x, y: grad(f, 0)(x, y), 1)(0.3, 0.4)
    assert xy == pytest.approx(yx, rel=1e-14)


def test_results_are_plain_and_arguments_untouched():
    x = np.array([1.0, 2.0])
    value, gradient = value_and_grad(lambda a: np.sum(a**3))(x)
    assert type(gradient) is np.ndarray
    assert isinstance(value, np.float64)
    np.testing.assert_allclose(gradient, [3.0, 12.0])
    t = Tensor(x, requires_grad=True)
    gradient = grad(lambda a: np.sum(a**3))(t)
    assert t.grad is None
    np.testing.assert_allclose(gradient.data, [3.0, 12.0])


def test_float32_stays():
    assert grad(lambda a: np.sum(a * 2.0))(np.ones(2, dtype=np.float32)).dtype == np.float32


def test_several_arguments():
    def f(a, b, *, c):
        return a * a * b * c

    assert grad(f, (0, 1))(2.0, 3.0, c=1.0) == (12.0, 4.0)
    assert grad(f, -1)(2.0, 3.0, c=1.0) == 4.0
    with pytest.raises(TypeError, match="by position"):
        grad(f, 1)(2.0, b=3.0, c=1.0)


def test_what_the_function_does_not_depend_on():
    np.testing.assert_array_equal(grad(lambda a: 3.0)(np.ones(2)), np.zeros(2))
    assert grad(lambda a, b: a * 2.0, 1)(1.0, 1.0) == 0.0
    assert grad(lambda a: a)(5.0) == 1.0
    assert grad(lambda a, b: b * b, (0, 1))(1.0, 3.0) == (0.0, 6.0)


def test_a_gradient_in_a_loss_is_differentiated():
    # A gradient penalty: L = (d/dx w x²)² = 4 w² x², dL/dw = 8 w x².
    w = Tensor(1.5, requires_grad=True)
    penalty = grad(lambda x: w * x * x)(2.0) ** 2
    penalty.backward()
    assert w.grad == pytest.approx(8 * 1.5 * 4.0)


def test_an_outer_tape_is_left_alone_under_no_grad():
    w = Tensor(1.5, requires_grad=True)
    with no_grad():
        gradient = grad(lambda x: w * x * x)(2.0)
        nested = grad(grad(lambda x: x**3))(2.0)
    assert not isinstance(gradient, Tensor)
    assert gradient == 6.0
    assert nested == 12.0


def test_backward_inside_a_transform():
    def f(x):
        w = Tensor(2.0, requires_grad=True)
        (w * w * x.item()).backward()
        return x * float(w.grad)

    assert grad(f)(3.0) == 12.0


def test_bad_calls():
    with pytest.raises(NonScalarBackwardError, match=r"shape \(2,\)"):
        grad(lambda a: a * a)(np.ones(2))
    with pytest.raises(NonScalarBackwardError):
        grad(lambda a: np.ones(2))(1.0)
    with pytest.raises(IntegerGradientError, match=r"as in 2\.0"):
        grad(lambda a: a * a)(2)


def test_the_cost_does_not_grow_with_what_lies_outside():
    """Counted in operations swept, not in seconds: the deep past must not be visited."""
    visited = []

    def spy(depth):
        x = Tensor(1.0, requires_grad=True)
        y = x
        for _ in range(depth):
            y = y * 1.0
        import autograd_lite.run as module

        plain = module.reverse_since
        try:

            def counting(roots, start, stop, recorded):
                reached = plain(roots, start, stop, recorded)
                visited.append(len(reached))
                return reached

            module.reverse_since = counting
            grad(lambda z: z * z * y)(y)
        finally:
            module.reverse_since = plain

    spy(10)
    spy(1000)
    assert visited[0] == visited[1]


def test_deep_and_nested():
    def f(x):
        for _ in range(20_000):
            x = x * 1.00001
        return x * x

    assert grad(f)(1.0) == pytest.approx(2.0 * 1.00001**40_000, rel=1e-9)
    assert timeit.timeit(lambda: grad(grad(f))(1.0), number=1) < 60
    assert grad(grad(f))(1.0) == pytest.approx(2.0 * 1.00001**40_000, rel=1e-9)


put_aside: list = []
"""What a function of another run left behind."""

# Of w, a leaf outside, and p, which is a part of an earlier run: is the gradient at x on a tape?
REACH = {
    "neither": (lambda w, x: grad(lambda a: a * a)(3.0), False),
    "a leaf": (lambda w, x: grad(lambda a: a * a * w)(3.0), True),
    "a leaf, added": (lambda w, x: grad(lambda a: a * a + w)(3.0), False),
    "a constant of it": (lambda w, x: grad(lambda a: a * a * w.detach())(3.0), False),
    "a leaf, switched off": (
        lambda w, x: no_grad()(lambda: grad(lambda a: a * a * w)(3.0))(),
        False,
    ),
    "the argument": (lambda w, x: grad(lambda a: a * a)(w), True),
    "what was made of a leaf": (lambda w, x: grad(lambda a: a * a)(w * 2.0), True),
    "a leaf made inside": (
        lambda w, x: grad(lambda a: a * a * Tensor(2.0, requires_grad=True))(3.0),
        True,
    ),
    "the alias outside": (lambda w, x: grad(lambda a: a * a * x)(3.0), True),
    "the alias as argument": (lambda w, x: grad(lambda a: a * a)(x), True),
    "through an inner run": (
        lambda w, x: grad(lambda a: grad(lambda b: a * b * b)(a * 2.0))(3.0),
        False,
    ),
    "a leaf through an inner run": (
        lambda w, x: grad(lambda a: a * grad(lambda b: b * b)(w * 2.0))(3.0),
        True,
    ),
    "a leaf in the inner run": (
        lambda w, x: grad(lambda a: grad(lambda b: b * b * w)(a))(3.0),
        True,
    ),
    "many operands": (
        lambda w, x: grad(lambda a: np.prod(np.stack([a * a, w, a])))(3.0),
        True,
    ),
    "what an earlier run left": (
        lambda w, x: (
            grad(lambda b: (put_aside.append(b * b), b)[1])(1.0),
            grad(lambda a: a * a * put_aside.pop())(3.0),
        )[1],
        True,
    ),
}


@pytest.mark.parametrize("name", REACH)
def test_a_gradient_is_on_a_tape_where_what_it_used_is(name):
    program, expected = REACH[name]
    w = Tensor(1.5, requires_grad=True)
    seen = []
    grad(lambda x: (seen.append(isinstance(program(w, x), Tensor)), x)[1])(2.0)
    assert seen == [expected]


def test_a_leaf_reached_through_a_nested_run_gets_its_gradient():
    # d/dw of d/da [a · d/db b²] at b = 2w, which is 4w: it does not depend on a.
    w = Tensor(1.5, requires_grad=True)
    grad(lambda a: a * grad(lambda b: b * b)(w * 2.0))(3.0).backward()
    assert w.grad == 4.0


@pytest.mark.parametrize("size", [3, 1_000_000])
@pytest.mark.parametrize("transform", [grad, value_and_grad])
def test_the_sweep_frees_what_it_has_passed(transform, size):
    """When the first operation's rule runs, the last one's value is gone."""
    last, seen = [], []

    @derivative(x=lambda g: seen.append(last[0]()) or g)
    def first(x):
        return 1.0 * x

    def f(x):
        y = np.exp(np.tanh(first(x)))
        last.append(weakref.ref(y._value))
        return np.sum(y)

    transform(f)(np.linspace(0.0, 1.0, size))
    assert seen == [None]
