"""The strategies keep what they promise, and reach all of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from autograd_lite import Tensor
from autograd_lite.testing import (
    LAYOUTS,
    arrays,
    broadcastable_arrays,
    broadcastable_shapes,
    dtypes,
    laid_out,
    shapes,
    tensors,
)

ROOT = Path(__file__).parents[2]


@given(shapes(min_dims=1, max_dims=2, min_side=1, max_side=3))
def test_shapes_stay_within_bounds(shape):
    assert 1 <= len(shape) <= 2
    assert all(1 <= n <= 3 for n in shape)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (4, 1, 4), (2, 0)])
def test_shapes_reach(shape):
    assert find(shapes(), lambda s: s == shape) == shape


@given(st.data(), dtypes())
def test_arrays_are_as_asked(data, dtype):
    x = data.draw(arrays((2, 3), dtype, low=-1.0, high=2.0, away_from=[0.0, 1.0]))
    assert x.shape == (2, 3)
    assert x.dtype == dtype
    assert np.all((x >= -1.0) & (x <= 2.0))
    assert np.all(np.abs(x) > 0.05)
    assert np.all(np.abs(x - 1.0) > 0.05)


@given(arrays((3, 3), unique=True))
def test_unique(x):
    assert np.unique(x).size == 9


@pytest.mark.parametrize("kink", [0.0, np.inf, 1.0])
def test_kinks_are_hit(kink):
    found = find(arrays((2,), on=[kink, np.inf]), lambda x: kink in x and np.any(x != kink))
    assert kink in found


def test_kinks_are_kept_away_from():
    with pytest.raises(NoSuchExample):
        find(arrays((2,), away_from=[2.0]), lambda x: 2.0 in x)


def strides_are(layout, x):
    steps = [s for s, n in zip(x.strides, x.shape, strict=True) if n > 1]
    return {
        "C": x.flags.c_contiguous,
        "F": x.flags.f_contiguous,
        "reversed": all(s < 0 for s in steps),
        "strided": not (x.flags.c_contiguous or x.flags.f_contiguous),
        "broadcast": 0 in steps and not x.flags.writeable,
    }[layout]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout):
    x = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    y = laid_out(x, layout)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert not np.shares_memory(x, y)
    assert strides_are(layout, y)
    if layout != "broadcast":
        np.testing.assert_array_equal(x, y)
    assert strides_are(layout, find(arrays((2, 3)), lambda z: strides_are(layout, z)))
    for shape in ((), (0, 2), (1,)):
        assert laid_out(np.zeros(shape), layout).shape == shape


def test_an_unknown_layout():
    with pytest.raises(ValueError, match="'G': use one of C, F"):
        laid_out(np.ones(2), "G")


@given(broadcastable_shapes(3))
def test_shapes_broadcast(group):
    assert len(group) == 3
    np.broadcast_shapes(*group)


@pytest.mark.parametrize(
    "reached",
    [
        lambda a, b: a == b and len(a) == 2,
        lambda a, b: len(a) == 0 and len(b) == 2,
        lambda a, b: len(a) == len(b) == 2 and a[0] == 1 and b[0] > 1,
        lambda a, b: 0 in a and len(b) < len(a),
    ],
)
def test_all_kinds_of_broadcasting_are_reached(reached):
    find(broadcastable_shapes(2), lambda pair: reached(*pair))


@given(broadcastable_arrays(2, low=0.5))
def test_groups_share_a_dtype(pair):
    x, y = pair
    assert x.dtype == y.dtype
    assert np.all(x + y >= 1.0)


@given(tensors())
def test_tensors_are_leaves(t):
    assert isinstance(t, Tensor)
    assert t.requires_grad
    assert t.is_leaf


def test_examples_shrink_to_something_short():
    assert find(arrays(dtype=np.float64), lambda x: np.any(x < 0)).tolist() in ([-2.0], -2.0)


def test_values_differ_in_the_simplest_example():
    """A product with 0 or 1, or of equal numbers, is right by accident."""
    assert find(arrays((4,), np.float64), lambda x: True).tolist() == [2.0, -2.0, 3.0, -3.0]


def test_without_hypothesis():
    program = """
import sys
sys.modules["hypothesis"] = None
import numpy as np
from autograd_lite.errors import MissingExtraError
from autograd_lite.testing import arrays, check_gradients
check_gradients(np.sin, 1.0)
try:
    arrays()
except MissingExtraError as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip().endswith("pip install -e '.[testing]'.")
