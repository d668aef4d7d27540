"""gradient_test finds what is wrong, shrinks it, and says how to see it again."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from autograd_lite import Tensor, derivative
from autograd_lite.errors import CheckInputError, GradientCheckError, UncertainGradientWarning
from autograd_lite.protocol import TABLE
from autograd_lite.testing import arrays, broadcastable_arrays, gradient_test, joint_arrays, tensors

ROOT = Path(__file__).parents[2]


def softplus(x):
    return np.log(1.0 + np.exp(x))


test_softplus = gradient_test(softplus, tensors(max_side=3), settings=settings(max_examples=20))
test_linear = gradient_test(
    lambda x, w, b: x @ w + b,
    joint_arrays("nd,dm,m", max_side=2),
    order=1,
    settings=settings(max_examples=10),
)
test_where = gradient_test(
    lambda x, y: np.where(x > 0.0, x, x * y),
    arrays((3,), away_from=[0.0]),
    arrays((3,), np.float64),
    order=1,
    settings=settings(max_examples=10),
)


def cube(x):
    return x**3


def large(x):
    return np.where(x > 2.9, 2.0, 3.0)


WRONG = {
    # name: (rule, strategies, the call that shows it)
    "for large numbers": (
        lambda g, x: g * large(x) * x**2,
        [tensors()],
        "check_gradients(wrong, Tensor(np.float64(3.0), requires_grad=True), order=1)",
    ),
    "in float32": (
        lambda g, x: g * (3.0 if x.dtype == np.float64 else 3.1) * x**2,
        [arrays()],
        "check_gradients(wrong, np.array(2.0, dtype=np.float32), order=1)",
    ),
    "for one of many": (
        lambda g, x: g * 3.0 * x**2 * (1.0 + (np.arange(x.size).reshape(x.shape) == 2)),
        [arrays()],
        "check_gradients(wrong, np.array([2.0, 2.0, 2.0]), order=1)",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_smallest_failing_input_and_the_line_that_shows_it(name):
    rule, strategies, call = WRONG[name]
    wrong = derivative(cube, name="wrong", x=rule)
    try:
        with pytest.raises(GradientCheckError) as caught:
            gradient_test(wrong, *strategies, order=1)()
        last = caught.value.__notes__[-1]
        assert last == caught.value.reproduce
        assert last.split("; ")[-1] == call
        with pytest.raises(GradientCheckError):
            exec(last, {"wrong": wrong})
    finally:
        TABLE.pop(wrong.function)


def by_layout(x):
    return x * (2.0 if x.data.flags.c_contiguous else 1.0)


def test_the_layout_is_shown():
    with pytest.raises(CheckInputError) as caught:
        gradient_test(by_layout, arrays(max_side=2, layouts=["C", "F"]))()
    last = caught.value.__notes__[-1]
    assert "laid_out(np.array([[2.0, 2.0], [2.0, 2.0]]), 'F')" in last
    with pytest.raises(CheckInputError):
        exec(last, {})


def test_a_tie_of_two_arguments():
    """Where it is wrong at ties alone, broadcastable arrays find it."""
    wrong = derivative(
        lambda x, y: np.maximum(x, y),
        name="wrong",
        elementwise=True,
        x=lambda g, x, y: g * np.where(x == y, 3.0, x > y),
        y=lambda g, x, y: g * (y > x),
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UncertainGradientWarning)
            gradient_test(wrong, broadcastable_arrays(2, distinct=True), order=1)()
            with pytest.raises(GradientCheckError, match="left slope"):
                gradient_test(wrong, st.tuples(arrays((1,)), arrays((1,))), order=1)()
    finally:
        TABLE.pop(wrong.function)


def test_its_name_and_settings():
    seen = []

    def counted(x):
        if not isinstance(x.data, Tensor):
            seen.append(x.shape)
        return x * 2.0

    test = gradient_test(counted, arrays((2,)), order=1, settings=settings(max_examples=3))
    test()
    assert test.__name__ == "test_counted"
    assert 0 < len(seen) < 80
    with pytest.raises(ValueError, match="order 0"):
        gradient_test(counted, arrays((2,)), order=0)()


FILE = """
import numpy as np
from autograd_lite import derivative

pytest_plugins = ["autograd_lite.testing.plugin"]
cube = derivative(lambda x: x**3, name="cube", x=lambda g, x: g * 2 * x**2)


def test_right(check_gradients):
    check_gradients(np.sin, np.array([0.5, 2.0]))


def test_wrong(check_gradients):
    check_gradients(cube, 2.0)
"""


def test_the_fixture_and_how_long_a_failure_is(tmp_path):
    (tmp_path / "conftest.py").write_text(FILE.split("cube =")[0])
    (tmp_path / "test_file.py").write_text(FILE.replace("pytest_plugins", "_"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    command += ["--rootdir", str(tmp_path), "--gradient-seed=3"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "1 failed, 1 passed" in run.stdout
    assert re.search(r"gradients: \d\d derivatives of 1 functions right, 0\.\d\d s", run.stdout)
    failure = run.stdout[run.stdout.index("= FAILURES") : run.stdout.index("short test summary")]
    assert "with respect to x is wrong: analytic 8, numerical 12." in failure
    assert "check_gradients(cube, 2.0, seed=3)" in failure
    assert "gradients.py" not in failure
    assert len(failure.splitlines()) < 20
