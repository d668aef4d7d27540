"""Solutions of differential equations: gradients beside formulas and differences."""

from __future__ import annotations

import numpy as np
import pytest

from autograd_lite import Tensor, compile, grad, hessian, jvp, value_and_grad
from autograd_lite.errors import CompileError, DetachError, UnsupportedArgumentError
from tests.peers import peer

si = peer("scipy.integrate")
integrate = peer("autograd_lite.scipy.integrate")

FINE = {"rtol": 1e-9, "atol": 1e-11}
WEIGHTS = np.array([[1.0, -2.0], [0.5, 3.0]])
T = np.array([0.0, 0.4, 1.0])


def turn(y, t, w):
    return np.stack([y[1], -w * w * y[0]])


def test_odeint_has_scipys_values():
    def f(y, t, a, b):
        return a * y - b * np.sin(t)

    for y0, t in [(1.5, T), ([1.0, 2.0], -T), (np.array([0.5]), [0.0, 2.0])]:
        found = integrate.odeint(f, y0, t, args=(0.5, 0.3), **FINE)
        np.testing.assert_allclose(found, si.odeint(f, y0, t, args=(0.5, 0.3), **FINE), rtol=1e-12)
    first = integrate.odeint(lambda t, y: -y, 1.0, T, tfirst=True, **FINE)
    np.testing.assert_allclose(first[:, 0], np.exp(-T), rtol=1e-8)


def test_of_an_oscillator():
    """cos and sin: the gradients by where it starts, by its frequency and by each time."""

    def f(y0, t, w):
        return integrate.odeint(turn, y0, t, args=(w,), **FINE)

    def exact(y0, t, w):
        s, c = np.sin(w * (t - t[0])), np.cos(w * (t - t[0]))
        return np.stack([y0[0] * c + y0[1] * s / w, y0[1] * c - y0[0] * w * s], axis=1)

    given = np.array([0.7, -0.3]), T, 1.7
    weights = np.arange(6.0).reshape(3, 2)
    for i in range(3):
        ours = grad(lambda *x: np.sum(weights * f(*x)), i)(*given)
        right = grad(lambda *x: np.sum(weights * exact(*x)), i)(*given)
        np.testing.assert_allclose(ours, right, rtol=1e-6, atol=1e-7)


def test_second_derivatives():
    """The adjoint of the adjoint: y = y0 exp(−k t), by y0 and k."""

    def end(p):
        return integrate.odeint(lambda y, t, k: -k * y, p[:1], [0.0, 0.8], args=(p[1],), **FINE)[
            1, 0
        ]

    y0, k, t = 1.3, 0.6, 0.8
    right = np.exp(-k * t) * np.array([[0.0, -t], [-t, y0 * t * t]])
    np.testing.assert_allclose(hessian(end)(np.array([y0, k])), right, atol=1e-6)
    tangent = jvp(end, (np.array([y0, k]),), (np.array([1.0, 2.0]),))[1]
    assert tangent == pytest.approx(np.exp(-k * t) * (1.0 - 2.0 * y0 * t), rel=1e-6)


def test_of_a_nonlinear_field_with_several_arguments():
    """Predator and prey, arguments of several shapes, time in the field: beside differences."""

    def field(t, y, a, m, scale):
        return [
            scale * (a[0] * y[0] - m[0, 0] * y[0] * y[1]),
            m[1, 1] * y[0] * y[1] - a[1] * y[1] + np.sin(t),
        ]

    def f(p):
        y0, a, m = p[:2], p[2:4], np.reshape(p[4:], (2, 2))
        options = {"t_eval": [0.5, 1.5], "args": (a, m, 2), "rtol": 1e-9, "atol": 1e-10}
        return np.sum(WEIGHTS * integrate.solve_ivp(field, (0.0, 1.5), y0, "DOP853", **options).y)

    p = np.array([1.0, 0.8, 1.0, 0.7, 0.4, 0.1, 0.1, 0.3])
    right = [(f(p + e) - f(p - e)) / 2e-4 for e in 1e-4 * np.eye(8)]
    np.testing.assert_allclose(grad(f)(p), right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", ["RK45", "DOP853", "BDF", "LSODA"])
def test_solve_ivp(method):
    """Its times, with and without t_eval; y at them has the gradients of the formula."""

    def decay(t, y, k):
        return -k * y

    for t_eval in (None, [0.0, 0.3, 0.9], [0.3, 0.9]):
        found = integrate.solve_ivp(decay, (0.0, 0.9), [2.0], method, t_eval, args=(0.5,), **FINE)
        right = si.solve_ivp(decay, (0.0, 0.9), [2.0], method, t_eval, args=(0.5,), **FINE)
        np.testing.assert_allclose(found.t, right.t)
        np.testing.assert_allclose(found.y, right.y, rtol=1e-6)
        assert found.success

        def last(y0, k, end, t_eval=t_eval):
            stop = end if t_eval is None else 0.9
            return integrate.solve_ivp(
                decay, (0.0, stop), [y0], method, t_eval, args=(k,), **FINE
            ).y[0, -1]

        slopes = grad(last, (0, 1, 2) if t_eval is None else (0, 1))(2.0, 0.5, 0.9)
        small = np.exp(-0.45)
        rightly = [small, -1.8 * small, -small][: len(slopes)]
        np.testing.assert_allclose(slopes, rightly, rtol=2e-4 if method == "BDF" else 1e-5)


def test_options_of_the_size_of_y_are_not_given_to_the_adjoint():
    def end(k):
        return integrate.odeint(
            lambda y, t, k: -k * y, [1.0, 2.0], [0.0, 1.0], args=(k,),
            Dfun=lambda y, t, k: -0.5 * np.eye(2), rtol=1e-9, atol=np.array([1e-10, 1e-9]),
        )[1, 1]  # fmt: skip

    assert grad(end)(0.5) == pytest.approx(-2.0 * np.exp(-0.5), rel=1e-6)

    def implicit(k):
        found = integrate.solve_ivp(
            lambda t, y, k: -k * y, (0.0, 1.0), [1.0, 2.0], "Radau", args=(k,),
            jac=lambda t, y, k: -0.5 * np.eye(2), rtol=1e-8, atol=[1e-10, 1e-9],
        )  # fmt: skip
        return found.y[1, -1]

    assert grad(implicit)(0.5) == pytest.approx(-2.0 * np.exp(-0.5), rel=1e-5)


def test_what_is_refused():
    k = Tensor(0.5, requires_grad=True)
    for f in (
        lambda: integrate.odeint(lambda y, t: -k * y, 1.0, T),
        lambda: integrate.odeint(lambda y, t: [-k * y[0]], 1.0, T),
        lambda: integrate.solve_ivp(lambda t, y: -k * y, (0.0, 1.0), [1.0]),
    ):
        with pytest.raises(DetachError, match=r"none of its arguments.*args="):
            f()
    for more in ({"events": lambda t, y: y[0]}, {"dense_output": True}):
        with pytest.raises(UnsupportedArgumentError, match=r"no derivative with .*t_eval="):
            integrate.solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0], **more)
    with pytest.raises(UnsupportedArgumentError, match="full_output"):
        integrate.odeint(lambda y, t: -y, 1.0, T, full_output=1)
    with pytest.raises(UnsupportedArgumentError, match="in a list or a dict"):
        integrate.odeint(lambda y, t, k: -k[0] * y, 1.0, T, args=([k],))
    with pytest.raises(UnsupportedArgumentError, match="real numbers"):
        integrate.odeint(lambda y, t: -y, 1j, T)
    with pytest.raises(DetachError, match=r"autograd_lite\.scipy\.integrate\.solve_ivp"):
        si.solve_ivp(lambda t, y: -k * y, (0.0, 1.0), [1.0])
    with pytest.raises(DetachError, match=r"scipy\.integrate\.quad would"):
        si.quad(lambda x: x * k, 0.0, 1.0)
    assert integrate.trapezoid is si.trapezoid


def test_compiled():
    """The solver is one step of a compiled program; steps of its own choice cannot be in one."""

    def end(k):
        return integrate.odeint(lambda y, t, k: -k * y, 1.0, [0.0, 1.0], args=(k,), **FINE)[1, 0]

    compiled = compile(value_and_grad(end))
    compiled(0.5)
    np.testing.assert_allclose(compiled(2.0), [np.exp(-2.0), -np.exp(-2.0)], rtol=1e-6)
    with pytest.raises(CompileError, match="t_eval="):
        compile(lambda k: integrate.solve_ivp(lambda t, y, k: -k * y, (0, 1), [1.0], args=(k,)).y)(
            1.0
        )
