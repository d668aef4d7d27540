"""docs/custom.md: its programs print what they say; its rules hold, to the second order."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from autograd_lite import grad, hessian
from autograd_lite.testing import check_gradients

PAGE = (Path(__file__).parents[1] / "docs" / "custom.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page():
    """Run all blocks, one after the other; return their names, and what they print."""
    code = "\n".join(re.findall(r"```python\n(.+?)```", PAGE, re.S))
    printed = []
    names = {"print": lambda *args: printed.append(" ".join(map(str, args)))}
    exec(code, names)
    return {**names, "printed": printed, "expected": re.findall(r"print\(.+\)  # (.+)", code)}


def test_the_programs_print_what_they_say(page):
    assert page["printed"] == page["expected"]
    assert len(page["printed"]) == 5


def test_a_root_and_a_fixed_point_are_differentiated_twice(page):
    m, e = np.array([0.5, 1.0]), np.array([0.1, 0.3])
    check_gradients(page["angle"], m, e, order=2)
    w, b = np.array([[0.3, -0.2], [0.1, 0.4]]), np.array([0.5, -1.0])
    check_gradients(page["settled"], w, b, order=2)


def test_of_the_loop_itself_jax_has_the_same(page):
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    def loop(w, b):
        x = jnp.zeros(2)
        for _ in range(60):
            x = jnp.tanh(w @ x + b)
        return jnp.sum(x**2)

    w, b = np.array([[0.3, -0.2], [0.1, 0.4]]), np.array([0.5, -1.0])
    ours = grad(lambda w, b: np.sum(page["settled"](w, b) ** 2), argnum=(0, 1))(w, b)
    for found, expected in zip(ours, jax.grad(loop, (0, 1))(w, b), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_an_equation_that_is_not_linear(page):
    """The pendulum, against differences, and growth of a second order in its rate."""
    pendulum = page["Flow"](
        lambda x, theta: np.stack([x[1], -theta[0] * np.sin(x[0]) - theta[1] * x[1]]), 0.6, 12
    )
    check_gradients(pendulum, np.array([1.0, 0.2]), np.array([2.0, 0.3]), rtol=1e-5)
    grown = page["Flow"](lambda x, theta: theta * x, 1.0, 16)
    second = hessian(lambda theta: np.sum(grown(np.array([2.0]), theta)))(np.array([0.3]))
    np.testing.assert_allclose(second, [[2.0 * np.exp(0.3)]], rtol=1e-6)
