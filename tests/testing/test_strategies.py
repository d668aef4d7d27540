"""The strategies keep what they promise, and reach all of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from autograd_lite import Tensor
from autograd_lite.testing import (
    LAYOUTS,
    arrays,
    broadcastable_arrays,
    broadcastable_shapes,
    companions,
    dtypes,
    indices,
    integer_dtypes,
    joint_arrays,
    joint_shapes,
    laid_out,
    magnitudes,
    masks,
    orthogonal,
    permutations,
    positive_definite,
    shapes,
    simplex,
    symmetric,
    tensors,
    triangular,
)
from autograd_lite.testing.pasting import as_code, layout_of

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


# -- values ---------------------------------------------------------------------------------


def drawn(strategy, count=60):
    found = []

    @settings(max_examples=count)
    @given(strategy)
    def draw(x):
        found.append(x)

    draw()
    return found


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (-3.0, 3.0),
        (1e-3, 2e-3),
        (-1e5, 1e5),
        (5.0, 5.0),
        (0.0, 1e30),
        (-1e-200, 1e-200),
        (0.1, 0.3),
    ],
)
def test_any_interval(low, high):
    values = np.concatenate(
        [x.ravel() for x in drawn(arrays((3,), np.float64, low=low, high=high))]
    )
    assert np.all((low <= values) & (values <= high))
    assert np.unique(values).size >= (1 if low == high else 20)
    span = high - low
    assert values.max() >= high - span / 4.0
    assert values.min() <= low + span / 4.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 2.0, "high": 1.0}, "low <= high"),
        ({"low": -np.inf}, "magnitudes"),
        ({"low": 0.0, "high": 1.0, "away_from": [0.0, 1.0], "dtype": int}, "left away from"),
        ({"unique": True, "low": 1.0, "high": 2.0, "dtype": int}, "2 values"),
    ],
)
def test_what_cannot_be_drawn(options, message):
    with pytest.raises(ValueError, match=message):
        drawn(arrays((3, 3), **options))


def test_options_are_known():
    for build in (lambda: broadcastable_arrays(2, lo=1.0), lambda: arrays((2,), max_side=3)):
        with pytest.raises(TypeError, match=r"option lo|no max_side"):
            build()


@pytest.mark.parametrize(
    "dtype", [np.complex128, np.complex64, bool, np.int8, np.uint8, np.float16]
)
def test_any_dtype(dtype):
    found = drawn(arrays((2, 2), dtype, on=[1.0]))
    values = np.concatenate([x.ravel() for x in found])
    assert values.dtype == dtype
    assert np.unique(values).size >= (2 if dtype is bool else 4)
    if values.dtype.kind == "c":
        assert np.unique(values.imag).size > 10
        assert np.abs(values.imag).max() <= 3.0


def test_pairs_are_not_all_equal():
    """Nor is each different from the other in all of them: there are ties."""
    pairs = [np.broadcast_arrays(*p) for p in drawn(broadcastable_arrays(2, min_side=1), 200)]
    same = [np.array_equal(x, y) for x, y in pairs]
    assert np.mean(same) < 0.1
    assert any(np.any(x == y) for x, y in pairs)


@given(broadcastable_arrays(3, distinct=True, min_dims=1, low=-1.0, high=1.0))
def test_distinct_arrays(group):
    assert all(x.ndim >= 0 for x in group)
    values = [set(x.ravel().tolist()) for x in group]
    assert len(set.union(*values)) == sum(map(len, values))


@given(st.data())
def test_distinct_from_another_argument(data):
    x = data.draw(arrays((3, 3), low=0.0, high=1.0))
    y = data.draw(arrays((3,), low=0.0, high=1.0, distinct_from=x))
    assert not set(x.ravel().tolist()) & set(y.tolist())


@given(joint_shapes("nd,md,me,e"))
def test_joint_shapes(found):
    (n, d), (m, d2), (m2, e), (e2,) = found
    assert (d, m, e) == (d2, m2, e2)
    assert 1 <= n <= 4


@given(joint_arrays("nd,dm,m", np.float32, max_side=3, low=1.0))
def test_joint_arrays(group):
    x, w, b = group
    assert (x @ w + b).dtype == np.float32
    assert max(x.shape) <= 3
    assert all(np.all(a >= 1.0) for a in group)


# -- what has a structure -------------------------------------------------------------------


@settings(max_examples=30)
@given(st.data(), st.sampled_from([np.float64, np.float32, np.complex128]))
def test_matrices(data, dtype):
    tight = 1e-5 if dtype == np.float32 else 1e-12
    for strategy in (symmetric, positive_definite, triangular, orthogonal):
        a = data.draw(strategy(dtype=dtype, batch=(2,)))
        assert a.dtype == dtype
        assert a.shape == (2, a.shape[-1], a.shape[-1])
        adjoint = np.conj(np.swapaxes(a, -1, -2))
        if strategy in (symmetric, positive_definite):
            np.testing.assert_array_equal(a, adjoint) if strategy is symmetric else None
            np.testing.assert_allclose(a, adjoint, atol=tight)
        if strategy is positive_definite:
            assert np.linalg.eigvalsh(a).min() > 0.49
        if strategy is triangular:
            np.testing.assert_array_equal(a, np.tril(a))
            assert np.abs(np.linalg.det(a)).min() > 0.01
        if strategy is orthogonal:
            eye = np.broadcast_to(np.eye(a.shape[-1]), a.shape)
            np.testing.assert_allclose(a @ adjoint, eye, atol=tight)


@given(simplex((3, 4), np.float64, smallest=0.05), permutations(5), integer_dtypes())
def test_probabilities_and_permutations(p, order, dtype):
    np.testing.assert_allclose(p.sum(axis=-1), 1.0)
    assert p.min() >= 0.05 - 1e-12
    assert sorted(order.tolist()) == [0, 1, 2, 3, 4]
    assert dtype.kind in "iub"


@given(st.data())
def test_indices_and_masks(data):
    length = data.draw(st.integers(1, 5))
    x = np.arange(length)
    found = data.draw(indices(length, dtype=integer_dtypes(booleans=False)))
    assert x[found].shape == found.shape
    assert found.dtype.kind in "iu"
    once = data.draw(indices(length, (length,), unique=True))
    assert sorted(x[once].tolist()) == x.tolist()
    mask = data.draw(masks((2, 2), some=True))
    assert mask.any()
    n = data.draw(companions((2,), low=-2, high=3))
    assert np.all(np.asarray(n) <= 3)


@pytest.mark.parametrize(
    ("strategy", "reached"),
    [
        (indices(3, (2,)), lambda i: i[0] < 0 and i[1] >= 0),
        (indices(3, (2,), negative=False), lambda i: i[0] == i[1] == 2),
        (masks((2,)), lambda m: not m.any()),
        (companions((2,)), lambda n: not isinstance(n, np.ndarray)),
        (companions((2,)), lambda n: getattr(n, "dtype", None) == np.uint8 and n[0] == 0),
        (simplex((3,)), lambda p: 0.0 in p),
        (magnitudes((2,), np.float64), lambda x: 0.0 < abs(x[0]) < 1e-100 and abs(x[1]) > 1e100),
        (magnitudes((2,), infinities=True), lambda x: np.isinf(x[0]) and x[1] == 0.0),
        (magnitudes((2,), np.float32, smallest=1e-3, largest=1e3), lambda x: abs(x[0]) > 500.0),
        (broadcastable_arrays(2, shape=(2,)), lambda p: np.array_equal(*p)),
    ],
)
def test_all_of_it_is_reached(strategy, reached):
    find(strategy, reached, settings=settings(max_examples=2000))


# -- how a failure is shown -----------------------------------------------------------------


@pytest.mark.parametrize(
    "strategy",
    [
        arrays(dtype=dtypes(), max_side=5),
        arrays((5, 5), on=[np.nan, np.inf, -0.0]),
        tensors(),
        arrays(dtype=np.complex64),
        companions(),
        magnitudes(infinities=True),
        broadcastable_arrays(2),
        positive_definite(),
    ],
)
def test_values_print_as_python_that_makes_them_again(strategy):
    """With dtype and layout: what is pasted fails likewise."""
    for value in drawn(strategy, 30):
        again = eval(as_code(value), {"np": np, "laid_out": laid_out, "Tensor": Tensor})
        for x, y in zip(
            *(v if isinstance(v, tuple) else (v,) for v in (value, again)), strict=True
        ):
            assert type(x) is type(y)
            if isinstance(x, Tensor):  # it has made a copy of its own
                x, y = np.ascontiguousarray(x.data), np.ascontiguousarray(y.data)
            assert np.result_type(x) == np.result_type(y)
            np.testing.assert_array_equal(x, y)
            if isinstance(x, np.ndarray) and x.size:
                assert layout_of(x) == layout_of(y)


@pytest.mark.parametrize(
    ("strategy", "fails", "shown"),
    [
        (
            arrays((2,), np.float32, layouts=["F"]),
            lambda x: True,
            "np.array([2.0, -2.0], dtype=np.float32)",
        ),
        (arrays((5, 4)), lambda x: x.strides[1] < 0, "laid_out(np.array([[2.0, "),
        (tensors(()), lambda x: True, "Tensor(np.float64(2.0), requires_grad=True)"),
        (broadcastable_arrays(2), lambda p: True, "(np.array(2.0), np.array(-2.0))"),
        (masks((2,)), lambda m: True, "np.array([False, True])"),
    ],
)
def test_hypothesis_shows_them_so(strategy, fails, shown):
    @given(strategy)
    def test(x):
        assert not fails(x)

    with pytest.raises(AssertionError) as caught:
        test()
    assert shown in " ".join("".join(caught.value.__notes__).split())
