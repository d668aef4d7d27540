"""check_gradients passes what is right and catches what is wrong, by little too."""

from __future__ import annotations

import numpy as np
import pytest

from autograd_lite import Tensor, derivative
from autograd_lite.errors import GradientCheckError, IntegerGradientError
from autograd_lite.primitive import TABLE
from autograd_lite.testing import check_gradients

RNG = np.random.default_rng(7)
RIGHT = {
    "smooth": (lambda x: np.sin(x) * np.exp(-x * x), [RNG.normal(size=(3, 4))]),
    "poles near by": (lambda x: 1.0 / x + np.log(x), [np.array([1e-4, 0.01, 1.0, 1e3])]),
    "steep": (np.exp, [np.array([-30.0, 0.0, 30.0])]),
    "far out": (np.sin, [np.array([1e3, -1e5, 1e6])]),
    "small beside large": (lambda x: x**2 + 1e6, [np.array([1e-3, 2.0])]),
    "broadcast": (lambda x, y: x / (1.0 + y * y), [RNG.normal(size=(2, 1)), RNG.normal(size=3)]),
    "numbers": (lambda x, y: x * y * y, [2.0, np.float32(0.5)]),
    "Tensors": (lambda x: x.exp().sum(), [Tensor([0.1, 0.2], requires_grad=True)]),
    "several results": (lambda x: (x, [1], x**3, np.argmax(x)), [np.array([0.3, 0.4])]),
    "nothing": (lambda x: x * 2.0, [np.zeros((0, 3))]),
    "large": (lambda x: np.tanh(x).sum(axis=0) ** 2, [RNG.normal(size=(30, 40))]),
    "float32": (lambda x: np.tanh(x) ** 2, [RNG.normal(size=5).astype(np.float32)]),
    "float16": (np.sin, [np.array([0.3, 1.2], dtype=np.float16)]),
    "complex": (lambda z: np.exp(z) * np.conj(z), [np.array([1.0 + 2.0j, -0.5j])]),
    "complex64": (lambda z: np.abs(z), [np.array([1.0 + 2.0j], dtype=np.complex64)]),
    "independent": (lambda x, y: y * y, [1.0, 2.0]),
    "linear": (lambda x: 3.0 * x, [np.array([1.0, -1.0])]),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right(name):
    f, inputs = RIGHT[name]
    assert check_gradients(f, *inputs, order=3) is None


@pytest.mark.parametrize("seed", range(20))
def test_right_for_any_weights(seed):
    check_gradients(lambda x: np.log(x) / x, np.array([0.05, 0.7, 30.0]), order=3, seed=seed)
    check_gradients(np.tanh, RNG.normal(size=100), seed=np.random.default_rng(seed))


@pytest.fixture
def square():
    """Make squares with a rule of one's own."""
    made = []

    def make(rule, forward=lambda x: x * x):
        made.append(derivative(forward, name="square", x=rule))
        return made[-1]

    yield make
    for primitive in made:
        TABLE.pop(primitive.function, None)


@pytest.mark.parametrize("x", [3.0, np.float32(3.0), np.full(5, 3.0), np.linspace(1.0, 2.0, 50)])
@pytest.mark.parametrize("factor", [1.001, 0.999, 1.0001, 2.0, -1.0, 0.0])
def test_a_factor(square, factor, x):
    with pytest.raises(GradientCheckError, match="order 1"):
        check_gradients(square(lambda g, x: g * (2.0 * x * factor)), x)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_a_factor_at_any_scale(square, scale):
    wrong = square(lambda g, x: g * (2.0 * x * 1.001))
    with pytest.raises(GradientCheckError):
        check_gradients(lambda x: wrong(x) * scale, 3.0)
    check_gradients(lambda x: x * x * scale, 3.0)


def test_what_is_right_in_value_only(square):
    """The second derivative of a rule with a constant in it is wrong."""

    def frozen(g, x):
        return g * (2.0 * (x.data if isinstance(x, Tensor) else x))

    check_gradients(square(frozen), 3.0, order=1)
    with pytest.raises(GradientCheckError, match=r"order 2 .*: analytic 0, numerical 2\."):
        check_gradients(square(frozen), 3.0, order=2)


def test_one_element_of_many(square):
    def rule(g, x):
        return g * 2.0 * x * np.where(np.arange(x.size).reshape(x.shape) == 7, 1.5, 1.0)

    for shape in ((2, 4), (5, 40)):
        with pytest.raises(
            GradientCheckError, match=r"at \[1, 3\]" if shape == (2, 4) else "along"
        ):
            check_gradients(square(rule), np.ones(shape))


def test_the_upstream_gradient_counts(square):
    with pytest.raises(GradientCheckError):
        check_gradients(square(lambda g, x: 2.0 * x), 3.0)


def test_each_argument_is_checked():
    wrong = derivative(
        lambda x, y: x * y,
        name="times",
        elementwise=True,
        x=lambda g, y: g * y,
        y=lambda g, y: g * y,
    )
    try:
        with pytest.raises(
            GradientCheckError, match="argument 1 is wrong: analytic 5, numerical 4"
        ):
            check_gradients(wrong, 4.0, 5.0)
    finally:
        TABLE.pop(wrong.function)


def test_low_precision_is_held_to_its_own_dtype(square):
    """Right in float64, wrong in float32."""

    def rule(g, x):
        return g * 2.0 * x if x.dtype == np.float64 else g * 2.1 * x

    check_gradients(square(rule), 3.0)
    with pytest.raises(GradientCheckError, match=r"in float32: .* in float64"):
        check_gradients(square(rule), np.float32(3.0))


def test_a_write_into_an_input_fails(square):
    def rule(g, x):
        x *= 2.0
        return g * x

    with pytest.raises(ValueError, match="read-only"):
        check_gradients(square(rule), np.ones(2), order=1)


def test_inputs_are_left_as_they_are():
    x = np.array([1.0, 2.0])
    t = Tensor(x, requires_grad=True)
    check_gradients(lambda a, b: a * b, x, t)
    np.testing.assert_array_equal(x, [1.0, 2.0])
    assert x.flags.writeable
    assert t.grad is None


def test_infinite_and_undefined_derivatives_are_wrong():
    with pytest.raises(GradientCheckError, match="analytic inf"):
        check_gradients(np.sqrt, 0.0)
    with pytest.raises(GradientCheckError, match="nan"):
        check_gradients(lambda x: x * np.nan, 1.0)


def test_a_kink_is_no_place_to_differentiate():
    with pytest.raises(GradientCheckError):
        check_gradients(lambda x: np.maximum(x, 0.0) * 2.0 + x, 1e-9)


@pytest.mark.parametrize("x", [3, np.arange(3), True])
def test_integers_are_refused(x):
    with pytest.raises(IntegerGradientError, match="Input 1"):
        check_gradients(lambda a, b: a * b, 1.0, x)


def test_bad_calls():
    with pytest.raises(ValueError, match="order 0"):
        check_gradients(np.sin, 1.0, order=0)
    with pytest.raises(TypeError, match="needs a point"):
        check_gradients(np.sin)
    with pytest.raises(GradientCheckError, match="nothing to differentiate"):
        check_gradients(np.argmax, np.ones(3))


def test_tolerances():
    wrong = derivative(lambda x: x * x, name="near", x=lambda g, x: g * 2.0 * x * 1.01)
    try:
        check_gradients(wrong, 1.0, order=1, rtol=0.02)
        check_gradients(wrong, 1.0, order=1, atol=0.1)
        with pytest.raises(GradientCheckError):
            check_gradients(wrong, 1.0, order=1, rtol=0.005)
    finally:
        TABLE.pop(wrong.function)
