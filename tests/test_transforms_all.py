"""vjp, jvp, jacobian, hessian, hvp, checkpoint: against closed forms, nested in any order."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_lite import (
    Tensor,
    checkpoint,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    no_grad,
    value_and_grad,
    vjp,
)
from autograd_lite.errors import GradientShapeError, IntegerGradientError
from autograd_lite.trees import flatten

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 4))
X = RNG.normal(size=4)


def smooth(x):
    """From 4 numbers to 3, with a Jacobian that can be written down."""
    return np.sin(A @ x)


def smooth_jacobian(x):
    return np.cos(A @ x)[:, None] * A


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_hessian(x):
    n = len(x)
    h = np.zeros((n, n))
    i = np.arange(n - 1)
    h[i, i] += 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    h[i + 1, i + 1] += 200
    h[i, i + 1] = h[i + 1, i] = -400 * x[:-1]
    return h


# -- against matrices that are known ---------------------------------------------------------


def test_vjp_is_the_transposed_jacobian_and_can_be_called_again():
    value, pullback = vjp(smooth, X)
    np.testing.assert_allclose(value, smooth(X))
    for g in np.eye(3):
        [gradient] = pullback(g)
        np.testing.assert_allclose(gradient, g @ smooth_jacobian(X), rtol=1e-13)
        assert type(gradient) is np.ndarray


def test_jvp_is_the_jacobian():
    for t in np.eye(4):
        value, tangent = jvp(smooth, (X,), (t,))
        np.testing.assert_allclose(value, smooth(X))
        np.testing.assert_allclose(tangent, smooth_jacobian(X) @ t, rtol=1e-13)
        assert type(tangent) is np.ndarray


def test_linearize_runs_the_function_once():
    calls = []

    def counted(x):
        calls.append(1)
        return smooth(x)

    _, pushforward = linearize(counted, X)
    columns = [pushforward(t) for t in np.eye(4)]
    np.testing.assert_allclose(np.stack(columns, 1), smooth_jacobian(X), rtol=1e-13)
    assert len(calls) == 1


@pytest.mark.parametrize("jacobian", [jacobian, jacrev, jacfwd])
def test_jacobian_by_rows_and_by_columns(jacobian):
    np.testing.assert_allclose(jacobian(smooth)(X), smooth_jacobian(X), rtol=1e-13)  # 3 rows

    def tall(y):
        return np.sin(A.T @ y)  # 4 rows, 3 columns

    y = X[:3]
    np.testing.assert_allclose(jacobian(tall)(y), np.cos(A.T @ y)[:, None] * A.T, rtol=1e-13)
    wide = jacobian(lambda m: m.T * 2.0)(np.ones((2, 3)))
    assert wide.shape == (3, 2, 2, 3)
    np.testing.assert_array_equal(wide, 2 * np.einsum("il,jk->ijkl", np.eye(3), np.eye(2)))
    assert jacobian(lambda x: x * x)(3.0) == 6.0
    assert jacobian(lambda x: x * 1.0)(np.zeros((0,))).shape == (0, 0)
    assert jacobian(lambda x: np.ones(2))(np.ones(3)).tolist() == np.zeros((2, 3)).tolist()


def test_hessian_and_its_products():
    x = RNG.normal(size=7)
    expected = rosenbrock_hessian(x)
    np.testing.assert_allclose(hessian(rosenbrock)(x), expected, rtol=1e-11, atol=1e-10)
    v = RNG.normal(size=7)
    np.testing.assert_allclose(hvp(rosenbrock)(x, v), expected @ v, rtol=1e-11)


def test_forward_over_reverse_is_reverse_over_reverse():
    v = RNG.normal(size=4)
    _, forward = jvp(grad(rosenbrock), (X,), (v,))
    np.testing.assert_allclose(forward, rosenbrock_hessian(X) @ v, rtol=1e-11)
    np.testing.assert_allclose(
        grad(lambda x: jvp(rosenbrock, (x,), (v,))[1])(X), rosenbrock_hessian(X) @ v, rtol=1e-11
    )


ONE = {
    "grad": lambda f: grad(f),
    "value_and_grad": lambda f: lambda x: value_and_grad(f)(x)[1],
    "elementwise_grad": lambda f: elementwise_grad(f),
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
    "jvp": lambda f: lambda x: jvp(f, (x,), (1.0,))[1],
    "linearize": lambda f: lambda x: linearize(f, x)[1](1.0),
    "jacobian": lambda f: jacobian(f),
    "jacfwd": lambda f: jacfwd(f),
    "checkpoint": lambda f: grad(checkpoint(f)),
}


@given(st.lists(st.sampled_from(sorted(ONE)), min_size=1, max_size=3), st.floats(-1.0, 1.0))
def test_transforms_nest_in_any_order(names, x):
    f = lambda t: np.exp(t) * np.sin(t)  # noqa: E731
    for name in names:
        f = ONE[name](f)
    # The n-th derivative of e^x sin x is the imaginary part of (1+i)^n e^((1+i)x).
    expected = ((1 + 1j) ** len(names) * np.exp((1 + 1j) * x)).imag
    result = f(x)
    assert not isinstance(result, Tensor)
    assert result == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("outer", sorted(ONE))
@pytest.mark.parametrize("inner", sorted(ONE))
def test_no_perturbation_confusion_in_any_pair(outer, inner):
    # d/dx [ x · d/dy (x y + y²) at y = 1 ] = d/dx (x² + 2x) = 2x + 2
    f = ONE[outer](lambda x: x * ONE[inner](lambda y: x * y + y * y)(1.0))
    assert f(3.0) == pytest.approx(8.0)


def test_tangents_and_primals_may_be_on_an_outer_tape():
    # f = sin; d/dt [ cos(x) t ] = cos x, and d/dx of it is -sin(x) t.
    assert grad(lambda t: jvp(np.sin, (0.3,), (t,))[1])(2.0) == pytest.approx(np.cos(0.3))
    assert grad(lambda x: jvp(np.sin, (x,), (2.0,))[1])(0.3) == pytest.approx(-2 * np.sin(0.3))
    assert grad(lambda g: vjp(np.sin, 0.3)[1](g)[0])(2.0) == pytest.approx(np.cos(0.3))
    w = Tensor(2.0, requires_grad=True)
    jvp(lambda x: w * x * x, (3.0,), (1.0,))[1].backward()
    assert w.grad == 6.0
    with no_grad():
        assert not isinstance(jvp(lambda x: w * x, (3.0,), (1.0,))[1], Tensor)


def test_a_pullback_taken_outside_of_an_outer_transform():
    def f(x):
        _, pullback = vjp(lambda y: x * y * y, x)
        return pullback(1.0)[0]  # 2 x y at y = x

    assert grad(f)(3.0) == pytest.approx(12.0)


# -- nests ---------------------------------------------------------------------------------------


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclasses.dataclass
class Layer:
    weight: Any
    bias: Any
    label: str = "layer"


def test_arguments_in_nests():
    tree = {
        "list": [1.0, np.array([2.0, 3.0])],
        "pair": Pair(4.0, (5.0,)),
        "layer": Layer(np.ones((2, 2)), Tensor(6.0)),
    }

    def f(t):
        layer = t["layer"]
        return (
            t["list"][0] * 2
            + np.sum(t["list"][1] ** 2)
            + t["pair"].left * t["pair"].right[0]
            + np.sum(layer.weight) * layer.bias
        )

    g = grad(f)(tree)
    assert g["list"][0] == 2.0
    np.testing.assert_array_equal(g["list"][1], [4.0, 6.0])
    assert g["pair"] == Pair(5.0, (4.0,))
    assert (g["layer"].bias, g["layer"].label) == (4.0, "layer")
    np.testing.assert_array_equal(g["layer"].weight, np.full((2, 2), 6.0))


def test_results_in_nests():
    def f(x, y):
        return {"product": x * y, "pair": (x + y, 3.0)}

    value, pullback = vjp(f, 2.0, 5.0)
    assert value == {"product": 10.0, "pair": (7.0, 3.0)}
    assert pullback({"product": 1.0, "pair": (10.0, 0.0)}) == (15.0, 12.0)
    _, tangent = jvp(f, (2.0, 5.0), (1.0, 0.0))
    assert tangent == {"product": 5.0, "pair": (1.0, 0.0)}
    for jacobian_of in (jacobian, jacfwd, jacrev):
        j = jacobian_of(f, (0, 1))(2.0, 5.0)
        assert j == {"product": (5.0, 2.0), "pair": ((1.0, 1.0), (0.0, 0.0))}
    h = hessian(lambda p: p["a"] ** 2 * p["b"])({"a": 2.0, "b": 3.0})
    assert h == {"a": {"a": 6.0, "b": 4.0}, "b": {"a": 4.0, "b": 0.0}}


@given(
    st.recursive(
        st.floats(-1, 1),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=2), inner, max_size=3)
            | st.tuples(inner, inner).map(lambda t: Pair(*t))
        ),
        max_leaves=8,
    )
)
def test_a_nest_is_put_together_as_it_was(tree):
    leaves, rebuild = flatten(tree)
    assert rebuild(leaves) == tree
    assert flatten(rebuild([2 * x for x in leaves]))[0] == [2 * x for x in leaves]


def test_auxiliary_output():
    def f(x):
        return x * x, {"double": 2 * x, "note": "kept"}

    g, aux = grad(f, has_aux=True)(3.0)
    assert (g, aux) == (6.0, {"double": 6.0, "note": "kept"})
    assert not isinstance(aux["double"], Tensor)
    (value, aux), g = value_and_grad(f, has_aux=True)(3.0)
    assert (value, aux["note"], g) == (9.0, "kept", 6.0)
    with pytest.raises(TypeError, match="pair"):
        grad(lambda x: x, has_aux=True)(1.0)


# -- bad calls -----------------------------------------------------------------------------------


def test_a_product_with_a_complex_hessian():
    """Of Σ|z|⁴ the gradient is 4|z|²z; along t, that changes by 8 Re(z̄ t) z + 4|z|² t."""
    z, t = np.array([1.0 + 1.0j, 0.5 - 2.0j]), np.array([1.0 - 0.5j, 2.0j])
    f = lambda z: np.sum(np.abs(z) ** 4)  # noqa: E731
    expected = 8 * np.real(np.conj(z) * t) * z + 4 * np.abs(z) ** 2 * t
    np.testing.assert_allclose(hvp(f)(z, t), expected)
    np.testing.assert_allclose(jvp(grad(f), (z,), (t,))[1], expected)


def test_a_product_is_differentiated_by_its_direction():
    """Of Σ x³ the product is 6 x v, and of Σ c·(6 x v) the gradient by v is 6 x c."""
    x, v, c = np.array([1.0, 2.0]), np.array([0.3, -0.5]), np.array([2.0, -1.0])
    f = lambda x: np.sum(x**3)  # noqa: E731
    np.testing.assert_allclose(grad(lambda v: np.sum(c * hvp(f)(x, v)))(v), 6 * x * c)
    np.testing.assert_allclose(grad(lambda x: np.sum(c * hvp(f)(x, v)))(x), 6 * v * c)
    t = Tensor(v, requires_grad=True)
    np.sum(c * hvp(f)(x, t)).backward()
    np.testing.assert_allclose(t.grad, 6 * x * c)


@pytest.mark.parametrize("jacobian", [jacobian, jacrev, jacfwd])
@pytest.mark.parametrize(("m", "n"), [(2, 3), (3, 2)])  # by rows, and by columns
def test_a_jacobian_of_complex_numbers(m, n, jacobian):
    a = RNG.normal(size=(m, n)) + 1j * RNG.normal(size=(m, n))
    z = RNG.normal(size=n) + 1j * RNG.normal(size=n)
    x = np.real(z)
    # A derivative that there is, that of a real argument, and gradients of real results.
    np.testing.assert_allclose(jacobian(lambda z: a @ z**2)(z), a * 2 * z)
    np.testing.assert_allclose(jacobian(lambda x: a @ x**2)(x), a * 2 * x)
    np.testing.assert_allclose(
        jacobian(lambda z: np.real(a) @ np.abs(z) ** 2)(z), np.real(a) * 2 * z
    )


def test_an_argument_without_numbers():
    for transform in (grad, hessian, jacobian, value_and_grad):
        for nothing in (None, "text"):
            with pytest.raises(IntegerGradientError, match="no number: give floats"):
                transform(lambda p: 1.0)(nothing)
    assert grad(lambda p: np.float64(1.0))([]) == []
    assert grad(lambda p: 2.0 * p["w"])({"w": 3.0, "unused": []}) == {"w": 2.0, "unused": []}


@pytest.mark.parametrize("argnum", [[0, 1], "x", 1.0, (0, "x")])
def test_argnum_is_a_number_or_a_tuple(argnum):
    with pytest.raises(TypeError, match="argnum is a whole number or a tuple of them"):
        grad(lambda x, y: x * y, argnum)(1.0, 2.0)


def test_shapes_are_checked():
    with pytest.raises(GradientShapeError, match=r"\(2,\)"):
        jvp(smooth, (X,), (np.ones(2),))
    with pytest.raises(GradientShapeError, match="one for each"):
        jvp(smooth, (X,), (X, X))
    with pytest.raises(GradientShapeError):
        vjp(smooth, X)[1](np.ones(4))
    with pytest.raises(GradientShapeError):
        hvp(rosenbrock)(X, np.ones(2))
    with pytest.raises(TypeError, match="direction"):
        hvp(rosenbrock)(X)
    with pytest.raises(IntegerGradientError):
        jacobian(smooth)(np.arange(4))
    with pytest.raises(IntegerGradientError):
        grad(lambda p: p["x"] * 1.0)({"x": 1.0, "n": 3})
