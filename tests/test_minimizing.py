"""for_scipy: a function and its derivatives in the order in which SciPy calls them."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, for_scipy
from autograd_lite.errors import NonScalarBackwardError, ObjectArrayError, TreeError

optimize = pytest.importorskip("scipy.optimize")

START = {"a": 0.5, "rest": [np.array([0.3, 0.8])]}
WITHOUT_DERIVATIVES = ("nelder-mead", "powell", "cobyla", "cobyqa")
NEEDS = {
    **dict.fromkeys(("newton-cg", "trust-ncg", "trust-krylov", "trust-constr"), ("hess", "hessp")),
    **dict.fromkeys(("dogleg", "trust-exact"), ("hess",)),
}


def rosenbrock(p, scale, shift=1.0):
    x = np.concatenate([np.reshape(p["a"], (1,)), p["rest"][0]])
    return np.sum(scale * (x[1:] - x[:-1] ** 2) ** 2 + (shift - x[:-1]) ** 2)


METHODS = [
    (method, second)
    for method in optimize._minimize.MINIMIZE_METHODS
    for second in NEEDS.get(method, (None,))
]


@pytest.mark.parametrize(("method", "second"), METHODS)
@pytest.mark.filterwarnings("ignore:delta_grad == 0.0")
def test_every_method_of_minimize(method, second):
    s = for_scipy(rosenbrock, START)
    derivatives = {} if method in WITHOUT_DERIVATIVES else {"jac": s.jac}
    if second:
        derivatives[second] = getattr(s, second)
    # The dogleg's Hessian must be positive definite on the way: it begins nearby.
    x0 = np.full(3, 0.99) if method == "dogleg" else s.x0
    found = optimize.minimize(s.fun, x0, (5.0,), method, **derivatives)
    assert np.allclose(found.x, 1.0, atol=2e-2 if not derivatives else 1e-3), found
    best = s.rebuild(found.x)
    assert type(best["a"]) is np.float64
    assert best["rest"][0].shape == (2,)


def test_in_one_run():
    s = for_scipy(rosenbrock, START)
    found = optimize.minimize(s.fun_and_jac, s.x0, (5.0,), "BFGS", jac=True)
    assert np.allclose(found.x, 1.0, atol=1e-4)


def test_in_the_order_of_scipy():
    """SciPy's own check of gradients, and its Hessians; a direction where shapes agree."""
    s = for_scipy(lambda x, y: np.sum(np.exp(x * y)) + x[0] * x[1] ** 2, np.array([0.2, 0.7]))
    y, p = np.array([0.5, -1.5]), np.array([1.0, 10.0])
    assert optimize.check_grad(s.fun, s.jac, s.x0, y) < 1e-6
    exact = np.array([[0.0, 2.0 * s.x0[1]], [2.0 * s.x0[1], 2.0 * s.x0[0]]])
    exact += np.diag(y**2 * np.exp(s.x0 * y))
    assert np.allclose(s.hess(s.x0, y), exact)
    assert np.allclose(s.hessp(s.x0, p, y), exact @ p)
    assert [*inspect.signature(s.hessp).parameters] == ["x", "p", "args"]


@pytest.mark.parametrize(
    "example",
    [
        2.0,
        3,
        np.float32([0.5, 1.5]),
        [np.ones((2, 2)), {"b": Tensor([1.0, 2.0], requires_grad=True)}],
    ],
    ids=["number", "whole", "float32", "nest"],
)
def test_all_is_of_float64(example):
    s = for_scipy(lambda tree: sum(np.sum(np.sin(x) ** 3) for x in flat(tree)), example)
    vector = s.x0.copy()
    numbers = [s.fun(vector), s.jac(vector), s.hess(vector)]
    assert type(numbers[0]) is float
    assert [x.dtype for x in numbers[1:]] == [np.float64, np.float64]
    assert numbers[2].shape == 2 * numbers[1].shape == 2 * vector.shape
    assert np.allclose(numbers[1], 3.0 * np.sin(vector) ** 2 * np.cos(vector), atol=1e-14)
    assert np.allclose(s.hessp(vector, np.ones_like(vector)), numbers[2].sum(1))
    for x in (numbers[1], numbers[2]):
        x += 1.0  # SciPy writes into what it is given
    assert np.array_equal(vector, s.x0)


def flat(tree):
    if isinstance(tree, (list, dict)):
        parts = tree.values() if isinstance(tree, dict) else tree
        return [x for part in parts for x in flat(part)]
    return [tree]


# -- several functions at once --------------------------------------------------------------------

TIMES = np.linspace(0.0, 2.0, 12)
MEASURED = 2.5 * np.exp(-1.3 * TIMES) + 0.5


def residuals(p, t, y):
    return {"of": p["scale"] * np.exp(-p["rate"] * t) + p["shift"] - y}


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_every_method_of_least_squares(method):
    s = for_scipy(residuals, {"scale": 1.0, "rate": 1.0, "shift": 0.0})
    found = optimize.least_squares(s.fun, s.x0, s.jac, method=method, args=(TIMES, MEASURED))
    assert np.allclose(found.x, [2.5, 1.3, 0.5])


def equations(x, y, k):
    return [k - x - 0.1 * np.sin(y), -y - 0.1 * np.cos(x)]  # a slope of −1: mixing converges


@pytest.mark.filterwarnings("ignore:An ill-conditioned matrix")  # inside of Anderson's
@pytest.mark.parametrize("method", optimize._root.ROOT_METHODS)
def test_every_method_of_root(method):
    s = for_scipy(equations, 0.0, 0.0)
    jac = {"jac": s.jac} if method in ("hybr", "lm") else {}
    found = optimize.root(s.fun, s.x0, (1.0,), method, tol=1e-8, **jac)
    x, y = s.rebuild(found.x)
    assert np.allclose([x + 0.1 * np.sin(y), y + 0.1 * np.cos(x)], [1.0, 0.0], atol=1e-6)


def test_roots_of_one_number():
    s = for_scipy(lambda x, a: x**3 - a, 1.0)
    for method in ("newton", "halley"):
        more = {"fprime2": s.hess} if method == "halley" else {}
        found = optimize.root_scalar(s.fun, (2.0,), method, x0=1.0, fprime=s.jac, **more)
        assert np.isclose(found.root, 2.0 ** (1 / 3))
    assert np.isclose(optimize.newton(s.fun, 1.0, s.jac, (2.0,), fprime2=s.hess), 2.0 ** (1 / 3))


@pytest.mark.parametrize("method", ["trust-constr", "SLSQP"])
def test_constraints(method):
    """The nearest point of a unit circle, on which x·y is at least 0.3."""
    s = for_scipy(lambda x: np.sum((x - [2.0, 1.0]) ** 2), np.array([0.6, 0.5]))
    c = for_scipy(lambda x: (np.sum(x**2), x[0] * x[1]), s.x0)
    assert np.allclose(c.weighted_hess(s.x0, [3.0, 5.0]), [[6.0, 5.0], [5.0, 6.0]])
    second = method == "trust-constr"  # the other takes none
    curvature = {"hess": c.weighted_hess} if second else {}
    bounds = [-np.inf, 0.3], [1.0, np.inf]
    region = optimize.NonlinearConstraint(c.fun, *bounds, c.jac, **curvature)
    hess = {"hess": s.hess} if second else {}
    found = optimize.minimize(s.fun, s.x0, (), method, s.jac, constraints=region, **hess)
    assert np.allclose(found.x, np.array([2.0, 1.0]) / 5**0.5, atol=1e-4)


def test_a_model_is_fitted():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(20, 1))
    s = for_scipy(lambda m, x, y: np.mean((m(x) - y) ** 2), nn.MLP([2, 3, 1], rng=0))
    found = optimize.minimize(s.fun_and_jac, s.x0, (x, y), "L-BFGS-B", jac=True)
    best = s.rebuild(found.x)
    assert isinstance(best, nn.MLP)
    assert found.fun < 0.8 * s.fun(s.x0, x, y)
    assert np.isclose(np.mean((best(x).numpy() - y) ** 2), found.fun)


# -- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: for_scipy(3.0, 1.0), TypeError, "for_scipy takes a function"),
        (lambda: for_scipy(np.sin), TypeError, r"for_scipy\(f, params\)"),
        (lambda: for_scipy(np.sin, {"a": []}), TreeError, "no number"),
        (lambda: for_scipy(np.sin, 1j), TreeError, "real numbers.*complex"),
        (lambda: for_scipy(np.sin, np.ones(2)).fun(np.ones(3)), TreeError, "has 2 numbers"),
        (lambda: for_scipy(np.sum, np.ones(2)).hessp(np.ones(2), np.ones(3)), ValueError, "shape"),
        (lambda: for_scipy(np.sin, np.ones(2)).hess(np.ones(2)), NonScalarBackwardError, "reduce"),
        (lambda: for_scipy(lambda x: None, 1.0).fun([1.0]), ObjectArrayError, "may lack a return"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words) as raised:
        call()
    assert str(raised.value).count(". ") == 0
