"""check_gradients passes what is right and catches what is wrong, by little too."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import nn
from autograd_lite import Tensor, derivative
from autograd_lite.errors import (
    CheckInputError,
    GradientCheckError,
    IntegerGradientError,
    UncertainGradientWarning,
)
from autograd_lite.protocol import TABLE
from autograd_lite.testing import broadcastable_arrays, check_gradients
from autograd_lite.testing.numerical import Verdict

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
    assert check_gradients(f, *inputs, order=3).verdict == Verdict.RIGHT


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
        at = r"at \[1, 3\]" if shape == (2, 4) else r"at \[0, 7\]"
        with pytest.raises(GradientCheckError, match=at):
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
            GradientCheckError, match="respect to y is wrong: analytic 5, numerical 4"
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
    infinite = derivative(lambda x: np.sin(x), name="infinite", x=lambda g, x: g * np.inf)
    try:
        with pytest.raises(GradientCheckError, match="analytic inf"):
            check_gradients(infinite, 0.0)
    finally:
        TABLE.pop(infinite.function)
    with pytest.raises(CheckInputError, match="is NaN at this point"):
        check_gradients(lambda x: x * np.nan, 1.0)


def test_a_vertical_tangent_cannot_be_told():
    with pytest.warns(UncertainGradientWarning, match="vertical tangent"):
        assert check_gradients(np.sqrt, 0.0, order=1).verdict == Verdict.UNKNOWN


def test_a_kink_is_called_a_kink(square):
    f = lambda x: np.maximum(x, 0.0) * 2.0 + x  # noqa: E731
    check_gradients(f, 1e-9)
    report = check_gradients(f, 0.0)
    assert report.verdict == Verdict.RIGHT
    assert "kink: left slope 1, right slope 3" in str(report)
    wrong = square(lambda g, x: g * 4.0, forward=lambda x: np.abs(x))
    with pytest.raises(GradientCheckError, match="left slope -1, right slope 1"):
        check_gradients(wrong, 0.0)


@pytest.mark.parametrize("x", [3, np.arange(3), True])
def test_integers_are_refused(x):
    with pytest.raises(IntegerGradientError, match="Input 1"):
        check_gradients(lambda a, b: a * b, 1.0, x)


def test_bad_calls():
    with pytest.raises(ValueError, match="order 0"):
        check_gradients(np.sin, 1.0, order=0)
    with pytest.raises(TypeError, match="needs a point"):
        check_gradients(np.sin)
    with pytest.raises(CheckInputError, match="nothing to differentiate"):
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


# -- what is right, and was called wrong -------------------------------------------------


P = np.array([0.1, 0.7, 0.2])
CANCEL = {
    "a perfect fit": (lambda x: np.mean((np.tanh(0.7 * x) - np.tanh(1.4)) ** 2), 2.0),
    "a variance": (np.var, np.array([0.1, 0.1, 0.1])),
    "a variance in float32": (np.var, np.full(3, 0.1, np.float32)),
    "KL(p‖p)": (lambda z: np.sum(P * (np.log(P) - z + np.log(np.sum(np.exp(z))))), np.log(P)),
    "exp and log": (lambda x: np.log(np.exp(x)) - x, np.array([0.3, 1.7, -2.0])),
    "beside 1e12": (lambda x: (1e12 + np.sin(x)) - 1e12, np.array([0.3, 1.7])),
    "beside 1e4 in float32": (lambda x: (1e4 + np.sin(x)) - 1e4, np.array([0.3], np.float32)),
    "saturated": (np.tanh, np.array([15.0, 20.0, -18.0, 400.0])),
    "saturated sigmoids": (lambda x: 1.0 / (1.0 + np.exp(-x)), np.array([40.0, -40.0, 30.0])),
    "scales": (lambda x: np.sum(x**2) + x**3, np.array([1e-8, 1.0, 1e8])),
    "nothing": (lambda x: np.sum(x) * np.nan, np.zeros((0, 3))),
    "infinite elsewhere": (np.exp, np.array([1.0, 800.0])),
    "a kink": (lambda x: np.abs(x) + np.maximum(x, 0.0), np.array([0.0, 1.0])),
    "ties": (np.max, np.array([1.0, 1.0, 0.0])),
}


@pytest.mark.parametrize("name", CANCEL)
def test_no_false_alarm(name):
    f, x = CANCEL[name]
    for seed in range(3):
        with warnings.catch_warnings():
            if name == "infinite elsewhere":
                warnings.simplefilter("ignore", UncertainGradientWarning)
            check_gradients(f, x, seed=seed)


@settings(max_examples=60)
@given(broadcastable_arrays(2))
def test_an_mse_has_no_false_alarm(pair):
    check_gradients(lambda x, y: np.mean((x - y) ** 2), *pair)


# -- arguments and results of all forms ---------------------------------------------------


def test_dicts_and_nests(square):
    wrong = square(lambda g, x: g * x)
    p = {"w": np.array([1.0, 2.0]), "b": 0.5, "name": "a layer"}
    right = lambda p, q: {"loss": np.sum(p["w"] ** 2) * p["b"], "more": [q[0][0], (p["b"],)]}  # noqa: E731
    assert check_gradients(right, p, [(3.0,)]).verdict == Verdict.RIGHT
    with pytest.raises(GradientCheckError) as caught:
        check_gradients(lambda p, q: [p["b"], {"loss": wrong(p["w"])}], p, [(3.0,)])
    assert (
        "respect to p['w'] is wrong at [0], the worst of 2 wrong elements of 2, in result[1]"
        in str(caught.value)
    )
    assert "['loss'] at [0]: analytic 1, numerical 2." in str(caught.value)


def test_modules():
    model = nn.Sequential(
        nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1, rng=1)
    )
    x = RNG.normal(size=(5, 3))
    before = model.state_dict()
    report = check_gradients(model, x, order=1)
    assert [row.argument for row in report.rows][:2] == ["0.weight", "0.bias"]
    loss = lambda net, x: np.mean((net(x) - 1.0) ** 2)  # noqa: E731
    assert check_gradients(loss, model, x).verdict == Verdict.RIGHT
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    wrong = derivative(lambda x: x * 2.0, name="twice", x=lambda g, x: g)
    try:
        with pytest.raises(
            GradientCheckError, match=r"with respect to net\.0\.bias is wrong at \[\d\]"
        ):
            check_gradients(lambda net: np.sum(wrong(net[0].bias)), model)
    finally:
        TABLE.pop(wrong.function)


@pytest.mark.parametrize("shape", [(12,), (10, 10)])
def test_one_number_of_many_is_named(square, shape):
    """Seen in a sum or along a random direction, it is followed to the number itself."""
    place = tuple(n // 2 for n in shape)

    def rule(g, x):
        off = np.zeros(x.shape)
        off[place] = 1.0
        return g * 2.0 * x * (1.0 + 1e-5 * off)

    x = np.linspace(1.0, 2.0, int(np.prod(shape))).reshape(shape)
    at = str(list(place)).replace("[", r"\[").replace("]", r"\]")
    exact = f"{2.0 * x[place]:.9g}"
    with pytest.raises(
        GradientCheckError, match=rf"at {at}.*, in result at {at}: .*numerical {exact}"
    ):
        check_gradients(square(rule), x)


def test_a_second_derivative_is_named(square):
    def frozen(g, x):
        return g * (2.0 * (x.data if isinstance(x, Tensor) else x))

    wrong = square(frozen)
    with pytest.raises(GradientCheckError) as caught:
        check_gradients(lambda x, y: [y * 1.0, wrong(x) * y], np.array([1.0, 2.0, 3.0]), 5.0)
    assert "The derivative of order 2 of the lambda in test_check_gradients.py" in str(caught.value)
    where = r"x is wrong at \[(\d)\].*, in result\[1\] at \[\1\], of the derivative by x at \[\1\]"
    assert re.search(rf"with respect to {where}: analytic 0, numerical 10\.", str(caught.value))


def test_forward_mode_is_checked():
    """A rule that is not linear in g is right for g = 1 alone."""
    wrong = derivative(lambda x: x * x, name="odd", x=lambda g, x: np.sign(g) * 2.0 * x)
    try:
        with pytest.raises(GradientCheckError, match="wrong in forward mode"):
            check_gradients(wrong, 3.0, order=1)
    finally:
        TABLE.pop(wrong.function)


# -- what is no good to check ------------------------------------------------------------


def test_bad_input():
    rng = np.random.default_rng(0)
    with pytest.raises(CheckInputError, match="gives two results for one input"):
        check_gradients(lambda x: x * rng.normal(), 1.0)
    with pytest.raises(CheckInputError, match=r"gives two results for one input.*eval\(\)"):
        check_gradients(
            nn.Sequential(nn.Linear(3, 20, rng=0), nn.Dropout(0.5, rng=0)), np.ones((2, 3))
        )
    with pytest.raises(CheckInputError, match="returned None: is a 'return' missing"):
        check_gradients(lambda x: None, 1.0)
    with pytest.raises(CheckInputError, match="the same form each time"):
        check_gradients(lambda x: x[x.data > 1.0], np.array([1.0, 2.0]))
    with pytest.raises(CheckInputError, match=r"is NaN at this point, in result at \[1\]"):
        check_gradients(np.log, np.array([1.0, -1.0]))


def test_a_function_of_the_layout():
    def by_memory(x):
        return np.sin(x) * (2.0 if x.data.flags.f_contiguous else 1.0)

    x = np.arange(6.0, 0.0, -1.0).reshape(2, 3)
    check_gradients(by_memory, x)
    with pytest.raises(CheckInputError, match="depends on how its inputs lie in memory"):
        check_gradients(by_memory, np.asfortranarray(x))


def test_an_in_place_backward_is_told_about_order_1(square):
    def rule(g, x):
        g = np.array(g)
        np.multiply(g, 2.0 * x, out=g)
        return g

    report = check_gradients(square(rule), np.array([1.0, 2.0]), order=1)
    assert report.verdict == Verdict.RIGHT
    with pytest.raises(CheckInputError, match="give order=1"):
        check_gradients(square(rule), np.array([1.0, 2.0]))


# -- what comes out -----------------------------------------------------------------------


def test_cannot_tell_is_warned_of_and_reported():
    f = lambda x: (1e15 + np.abs(x)) - 1e15  # noqa: E731
    with pytest.warns(UncertainGradientWarning, match=r"respect to x is right at \[0\].*rounding"):
        report = check_gradients(f, np.array([0.7, 3.0]), order=1)
    assert report.verdict == Verdict.UNKNOWN
    assert "cannot tell" in str(report)


def test_the_cost_is_printed(capsys):
    weights = [RNG.normal(size=shape) for shape in ((2, 4), (4,), (4, 4), (4,), (4, 1))]
    x = RNG.normal(size=(21, 2))

    def loss(a, b, c, d, e):
        return np.mean(np.tanh(np.tanh(np.tanh(x @ a + b) @ c + d) @ e) ** 2)

    report = check_gradients(loss, *weights, order=1, verbose=True)
    assert f"{report.evaluations} evaluations and 3 gradients, " in capsys.readouterr().out
    assert report.evaluations == 1 + 4 * 36
    matrix = RNG.normal(size=(1000, 1000)) / 30.0
    report = check_gradients(lambda x: np.tanh(matrix @ x), RNG.normal(size=1000), order=1)
    assert report.evaluations == 1 + 4 * 6


def test_a_failure_is_short(square):
    """Nothing of the check itself stands in pytest's traceback."""
    with pytest.raises(GradientCheckError) as caught:
        check_gradients(square(lambda g, x: g), 3.0)
    assert [entry.path.name for entry in caught.traceback.filter(caught)] == [Path(__file__).name]


both = derivative(
    lambda x, y: np.maximum(x, y),
    name="both",
    elementwise=True,
    x=lambda g, x, y: g * (x >= y),
    y=lambda g, x, y: g * (y >= x),
)


@pytest.mark.parametrize("n", [1, 3, 20])
def test_a_tie_is_shared(n):
    ones = np.ones(n)
    check_gradients(np.maximum, ones, ones)
    with pytest.raises(GradientCheckError, match="x, y is wrong where elements are tied"):
        check_gradients(both, ones, ones)
    check_gradients(both, ones, 2 * ones)


def test_single_precision_at_a_perfect_fit():
    target = np.float32([0.3, 0.7])
    check_gradients(lambda x: np.mean((np.tanh(x) - np.tanh(target)) ** 2), target)
    coarse = derivative(
        lambda x: np.tanh(x),
        name="coarse",
        x=lambda g, out: g * (1 - out**2) * g.dtype.type(1.0 if g.itemsize == 8 else 1.01),
    )
    with pytest.raises(GradientCheckError, match="wrong in float32"):
        check_gradients(lambda x: np.mean((coarse(x) - np.tanh(target)) ** 2), target + 1)


@pytest.mark.parametrize("n", [3, 4, 5])
@pytest.mark.parametrize("f", [np.sort, np.median, lambda x: np.quantile(x, 0.3)])
def test_three_and_more_equal_numbers(f, n):
    """Where no move along an axis shows a kink, points beside the point do."""
    check_gradients(f, np.append(np.ones(n), 2.0), order=1)
    check_gradients(f, np.ones(n), order=1)


def test_no_kink_near_by_excuses_what_is_wrong():
    def scaled(rate, wrong):
        return derivative(
            lambda x: np.sin(rate * x),
            name="scaled",
            x=lambda g, x: g * rate * np.cos(rate * x) * wrong,
        )

    for rate in (1.0, 1e4, 1e6):
        check_gradients(scaled(rate, 1.0), np.array([0.3, 1.0]), order=1)
        with pytest.raises(GradientCheckError):
            check_gradients(scaled(rate, 1.0 + 1e-5), np.array([0.3, 1.0]), order=1)
    third = derivative(
        lambda x: np.sort(x), name="third", x=lambda g, x: 1.5 * g[np.argsort(np.argsort(x))]
    )
    with pytest.raises(GradientCheckError):
        check_gradients(third, np.ones(3), order=1)


def test_nan_is_wrong_where_the_derivative_is_nought():
    """The branch that np.where does not take makes 0 · ∞ of it."""
    with pytest.raises(GradientCheckError, match="analytic nan, numerical 0"):
        check_gradients(lambda x: np.where(x > 0, np.sqrt(x), 0.0), np.array([-1.0, 2.0]), order=1)
    with pytest.warns(UncertainGradientWarning, match="vertical tangent"):
        check_gradients(np.sqrt, np.array([0.0, 2.0]), order=1)
