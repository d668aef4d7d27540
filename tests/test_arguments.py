"""What transforms refuse, in one sentence; and numbers of any kind that they take."""

import re

import numpy as np
import pytest

from autograd_lite import (
    Tensor,
    checkpoint,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    value_and_grad,
    vjp,
)
from autograd_lite.errors import (
    AutogradError,
    GradientDtypeError,
    GradientShapeError,
    NonScalarBackwardError,
)
from autograd_lite.tensor import unwrap

# Each transform, of a function at one argument.
OF_ONE_NUMBER = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: value_and_grad(f)(x),
    "hessian": lambda f, x: hessian(f)(x),
    "hvp": lambda f, x: hvp(f)(x, x),
}
OF_NUMBERS = {
    "elementwise_grad": lambda f, x: elementwise_grad(f)(x),
    "vjp": lambda f, x: vjp(f, x),
    "linearize": lambda f, x: linearize(f, x),
    "jvp": lambda f, x: jvp(f, (x,), (x,)),
    "jacobian": lambda f, x: jacobian(f)(x),
    "checkpoint": lambda f, x: checkpoint(f)(x),
}
ALL = OF_ONE_NUMBER | OF_NUMBERS
WITH_ARGNUM = [grad, value_and_grad, elementwise_grad, jacobian, hessian, hvp]


def refused(error, match, call, *args):
    """Assert that a call is refused by an error of one sentence."""
    with pytest.raises(error, match=match) as caught:
        call(*args)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert len(sentence) < 250
    assert "\n" not in sentence
    assert not re.search(r"\. [A-Z]", sentence), "more than one sentence"


@pytest.mark.parametrize("name", ALL)
def test_functions_that_return_no_numbers(name):
    error = NonScalarBackwardError if name in OF_ONE_NUMBER else AutogradError
    for result, said in (
        (None, "returned None: it may lack a return"),
        ("text", "returned 'text'"),
        (np.array(["a"]), "returned (an array of shape|dtype <U1)"),
        (np.array([None]), "returned (an array of shape|dtype object)"),
        ({"label": "text"}, "returned a dict of 'label'"),
        (object, "returned <class 'object'>"),
    ):
        refused(
            error,
            f"{name} needs a function that returns .*{said}",
            ALL[name],
            lambda x, result=result: result,
            2.0,
        )


@pytest.mark.parametrize("name", OF_ONE_NUMBER)
@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda x: (x, x), r"a tuple of 2.*has_aux"),
        (lambda x: [x], "a list of 1"),
        (lambda x: np.stack([x, x]), r"an array of shape \(2,\): reduce"),
        (lambda x: x > 0, "dtype bool"),
        (lambda x: True, "True"),
        (lambda x: x * 1j, "complex"),
    ],
)
def test_functions_that_do_not_return_one_number(name, f, said):
    refused(NonScalarBackwardError, f"{name} needs a function .*{said}", ALL[name], f, 2.0)


@pytest.mark.parametrize(
    "transform", [*WITH_ARGNUM, vjp, jvp, linearize, checkpoint], ids=lambda f: f.__name__
)
def test_a_transform_takes_a_function(transform):
    name, x = transform.__name__, Tensor(2.0, requires_grad=True)
    for call in (
        lambda: transform(x * x, x),  # PyTorch's
        lambda: transform(outputs=x * x, inputs=x),
    ):
        refused(TypeError, rf"{name} takes a function, as in {name}\(.*backward\(\)", call)
    refused(TypeError, "got a number: give the function, not its result", transform, 3.0)
    refused(TypeError, "got None", lambda: transform())
    refused(TypeError, "got 'f'", transform, "f")


@pytest.mark.parametrize("transform", WITH_ARGNUM, ids=lambda f: f.__name__)
def test_argnum(transform):
    f = lambda x, y: x * y  # noqa: E731
    wanted = "argnum is a whole number or a tuple of them, not "
    refused(TypeError, r"calls it argnum: write argnum=0", lambda: transform(f, argnums=(0, 1)))
    refused(TypeError, wanted + r"\[0, 1\]: write \(0, 1\)", transform, f, [0, 1])
    refused(TypeError, wanted + r"a number: .* as in", transform, f, Tensor(2.0))
    refused(TypeError, wanted + r"an array of shape \(2,\): .* as in", transform, f, np.ones(2))
    for odd in ("x", 1.5, None, (), True, (0, "x"), {0}):
        refused(TypeError, wanted, transform, f, odd)
    more = (1.0,) if transform is hvp else ()
    refused(TypeError, "twice", lambda: transform(f, (0, -2))(1.0, 2.0, *more))
    for out in (2, -3, (0, 2)):
        refused(TypeError, "by position", lambda out=out: transform(f, out)(1.0, 2.0, *more))


# -- tangents and upstream gradients ---------------------------------------------------------------

NUMBERS = {
    "a Python number": (2.0, 3.0),
    "a Python integer for a tangent": (2.0, 3),
    "NumPy's": (np.float64(2.0), np.float64(3.0)),
    "0-d": (np.array(2.0), np.array(3.0)),
    "0-d and an integer": (np.array(2.0), np.int64(3)),
    "a Tensor": (Tensor(2.0), Tensor(3.0)),
    "float32": (np.float32(2.0), 3.0),
    "a bool for a tangent": (2.0, np.bool_(True)),
}
FUNCTIONS = {
    "x³": (lambda x: x * x * x, lambda x: 3 * x * x),
    "x": (lambda x: x, lambda x: 1.0),
    "constant": (lambda x: 3.0, lambda x: 0.0),
    "sin": (np.sin, np.cos),
    "abs": (abs, np.sign),
    "broadcast": (lambda x: np.sum(x * np.ones(3, np.float32)), lambda x: 3.0),
    "reshaped": (lambda x: np.reshape(x, (1,))[0] * 2.0, lambda x: 2.0),
}


@pytest.mark.parametrize("form", NUMBERS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_numbers_of_any_kind(form, function):
    """Each transform gives NumPy's scalars, of the argument's dtype, whatever form they come in."""
    x, t = NUMBERS[form]
    f, derivative = FUNCTIONS[function]
    at, along = float(unwrap(x)), float(unwrap(t))
    slope = derivative(at)
    dtype = np.result_type(unwrap(x))
    found = {
        "jvp": (jvp(f, (x,), (t,))[1], slope * along),
        "jvp of lists": (jvp(f, [x], [t])[1], slope * along),
        "linearize": (linearize(f, x)[1](t), slope * along),
        "vjp": (vjp(f, x)[1](t)[0], slope * along),
        "grad": (grad(f)(x), slope),
        "value_and_grad": (value_and_grad(f)(x)[1], slope),
        "elementwise_grad": (elementwise_grad(f)(x), slope),
        "jacobian": (jacobian(f)(x), slope),
        "hvp": (hvp(lambda x: f(x) * x)(x, t), None),
        "hessian": (hessian(lambda x: f(x) * x)(x), None),
    }
    for name, (result, expected) in found.items():
        assert np.shape(result) == (), name
        assert not isinstance(result, Tensor)
        if function not in ("constant", "x") or name not in ("jvp", "jvp of lists", "linearize"):
            assert np.result_type(result) == dtype, name
        if expected is not None:
            assert float(result) == pytest.approx(expected, rel=1e-6), name


def test_lists_stand_for_arrays_and_keys_for_themselves():
    x, y = np.array([1.0, 2.0]), 3.0
    f = lambda p: {"z": p["x"] * p["y"], "a": p["y"]}  # noqa: E731
    primal = {"x": x, "y": y}
    _, pull = vjp(f, primal)
    [g] = pull({"a": 5, "z": [1, 10]})  # in another order than the value
    np.testing.assert_array_equal(g["x"], [3.0, 30.0])
    assert g["y"] == 1 * 1.0 + 10 * 2.0 + 5
    _, t = jvp(f, (primal,), ({"y": 1, "x": [10, 20]},))
    np.testing.assert_array_equal(t["z"], x + np.array([10.0, 20.0]) * y)
    h = hvp(lambda p: np.sum(p["x"] ** 2) * p["y"])(primal, {"y": 1.0, "x": [0, 0]})
    np.testing.assert_array_equal(h["x"], 2 * x)
    [g] = vjp(lambda p: p[0] * p[1], [2.0, 3.0])[1](1)
    assert g == [3.0, 2.0]
    _, t = jvp(lambda p: p[0] * p[1], ([2.0, 3.0],), (np.array([1.0, 10.0]),))
    assert t == 3.0 + 20.0


@pytest.mark.parametrize(
    "odd",
    [1.0, np.ones(3), {"x": np.ones(2)}, {"x": np.ones(2), "z": 1.0}, None, "text", [1.0],
     {"x": np.ones(3), "y": 1.0}, {"x": "text", "y": 1.0}, {"x": [[1.0], [1.0, 2.0]], "y": 1.0},
     {"x": None, "y": 1.0}, {"x": np.ones(2), "y": None}],
)  # fmt: skip
def test_a_tangent_of_another_form(odd):
    primal = {"x": np.ones(2), "y": 1.0}
    f = lambda p: {"x": p["x"] * p["y"], "y": p["y"]}  # noqa: E731
    total = lambda p: np.sum(p["x"]) * p["y"]  # noqa: E731
    refused(GradientShapeError, "The tangent", jvp, f, (primal,), (odd,))
    refused(GradientShapeError, "The tangent", linearize(f, primal)[1], odd)
    refused(GradientShapeError, "The upstream gradient", vjp(f, primal)[1], odd)
    refused(GradientShapeError, "The direction", hvp(total), primal, odd)


def test_a_tangent_that_does_not_fit():
    refused(GradientDtypeError, "complex128", jvp, np.sin, (1.0,), (1j,))
    refused(GradientDtypeError, "complex128", vjp(np.sin, 1.0)[1], 1j)
    refused(TypeError, r"as in jvp\(f, \(x,\), \(t,\)\), and got a number", jvp, np.sin, 1.0, 1.0)
    refused(TypeError, "got an array", jvp, np.sum, np.ones(2), np.ones(2))
    refused(TypeError, "its tangents in a tuple", jvp, np.sin, (1.0,), 1.0)
    refused(GradientShapeError, "one for each", jvp, np.sin, (1.0,), ())
    refused(TypeError, "then a direction", hvp(np.sin), 1.0)
    assert vjp(np.sin, np.float32(1.0))[1](1.0)[0].dtype == np.float32
    assert jvp(lambda x: x, (np.float32(1.0),), (1.0,))[1].dtype == np.float32


def test_argnums_of_hvp():
    f = lambda x, y: np.sum(x * x * y)  # noqa: E731
    x, y, u, v = np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([1.0, 0.0]), np.ones(2)
    of_x, of_y = hvp(f, (0, 1))(x, y, (u, v))
    np.testing.assert_array_equal(of_x, 2 * y * u + 2 * x * v)
    np.testing.assert_array_equal(of_y, 2 * x * u)
    np.testing.assert_array_equal(hvp(f, 1)(x, y, v), np.zeros(2))
