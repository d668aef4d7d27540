"""A primitive that has nothing but its rules: all that is promised of one works for it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from autograd_lite import Tensor, derivative, grad
from autograd_lite.protocol import TABLE
from autograd_lite.testing import check_gradients


@pytest.fixture
def damped():
    """exp(−a x) sin x."""
    primitive = derivative(
        lambda x, a: np.exp(-a * x) * np.sin(x),
        name="damped",
        elementwise=True,
        x=lambda g, x, a, out: g * (np.exp(-a * x) * np.cos(x) - a * out),
        a=lambda g, x, out: -g * x * out,
    )
    yield primitive
    assert TABLE.pop(primitive.function) is primitive


def test_orders(damped):
    # d³/dx³ of e^(−ax) sin x = Im (i − a)³ e^((i − a)x)
    x, a = 0.7, 0.3
    third = grad(grad(grad(lambda t: damped(t, a))))(x)
    assert third == pytest.approx(((1j - a) ** 3 * np.exp((1j - a) * x)).imag, rel=1e-12)


def test_check_gradients(damped):
    check_gradients(damped, np.array([[0.3], [-0.5]]), np.array([0.2, 1.0, 2.0]), order=3)
    check_gradients(lambda x: damped(x, 0.5), np.array([0.3, 1.5], dtype=np.float32))


def test_backward(damped):
    x = Tensor([0.0, 1.0], requires_grad=True)
    damped(x, 0.0).sum().backward()
    np.testing.assert_allclose(x.grad, np.cos([0.0, 1.0]))


def test_drawing(damped):
    visualize = pytest.importorskip("autograd_lite.visualize")
    pytest.importorskip("graphviz")
    x = Tensor([0.3, 1.5], requires_grad=True, name="x")
    y = damped(x, 0.5).sum()
    y.backward()
    assert "damped" in visualize.draw(y).source


def test_an_entry_of_the_users_own_stays_when_more_of_the_table_is_declared():
    program = """if True:
        import importlib, pkgutil, numpy as np, autograd_lite
        from autograd_lite import derivative
        from autograd_lite.protocol import TABLE, look_up

        begun = set(TABLE)
        own = [derivative(f, a=lambda g: g, operands="a") for f in (np.fft.fft, np.linalg.inv)]
        assert not begun & {np.fft.fft, np.linalg.inv}, "they are no test of what comes later"
        look_up(np.linalg.det)
        assert np.linalg.solve in TABLE
        for name in ("scipy.linalg", "batching", "nn"):
            importlib.import_module(f"autograd_lite.{name}" if name != "nn" else name)
        assert [TABLE[np.fft.fft], TABLE[np.linalg.inv]] == own
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
