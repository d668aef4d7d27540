"""How numbers and parameters are written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from autograd_lite import Tensor, draw
from autograd_lite.visualize.text import number, parameter, printable, rows, summary


@given(st.floats(-1e300, 1e300))
def test_a_number_keeps_four_digits(x):
    assert float(number(x)) == pytest.approx(x, rel=5.1e-4, abs=1e-320)


@given(arrays(np.float64, array_shapes(max_dims=3, max_side=6)))
def test_an_array_is_written_whole_or_summarised(a):
    table = rows(a)
    if table is None:
        assert a.size > 16 or a.shape[-1] > 8
        assert set(summary(a)) <= {"min", "mean", "max", "nan", "inf"}
    else:
        assert [x for row in table for x in row] == [number(x) for x in a.ravel()]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full(30, np.nan), {"nan": "30 of 30"}),
        (np.r_[np.ones(20), np.inf], {"min": "1", "mean": "1", "max": "1", "inf": "1 of 21"}),
        (np.full(20, 3 + 4j), {"mean": "3+4j", "largest size": "5"}),
        (np.arange(20), {"min": "0", "mean": "9.5", "max": "19"}),
        (np.full(20, 6e4, np.float16), {"min": "6e+04", "mean": "6e+04", "max": "6e+04"}),
        (np.full(20, 1e308), {"min": "1e+308", "mean": "inf", "max": "1e+308"}),
        (np.zeros((0, 3)), {"empty": ""}),
    ],
)
def test_summaries(array, expected):
    assert summary(array) == expected


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((0, 3)), np.ones((2, 2, 2)), np.ones(1), np.ones((3, 4, 5), np.float32),
        np.full(40, np.nan), np.full((4, 4), np.inf), np.ones(5) * 1j, np.float32(2),
        np.ones((1, 9)),
    ],
)  # fmt: skip
def test_every_kind_of_array_can_be_drawn(data, parse):
    x = Tensor(data, requires_grad=True, name="x")
    for gradients in (None, np.ones_like(data)):
        picture = parse(draw(x * 2.0, gradients=gradients))
        assert len(picture.labels) == 4
        assert draw(x * 2.0, gradients=gradients)._repr_svg_()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1,), "(1,)"), ([1, 2], "[1, 2]"), (list(range(99)), "[0, 1, 2, 3, 4, 5, 6, 7, …]"),
        (slice(None, None, -1), "::-1"), (slice(1, None), "1:"), (..., "..."), (True, "True"),
        (0.1 + 0.2, "0.3"), (np.int64(3), "3"), ("ij,jk", "'ij,jk'"), (np.dtype("f4"), "float32"),
        (object(), "object"), (lambda: 0, "<lambda>"), (np.zeros((3, 3)), "float64 (3, 3)"),
    ],
)  # fmt: skip
def test_parameters(value, expected):
    assert parameter(value) == expected


@given(st.text())
def test_printable_text_can_be_encoded(text):
    assert printable(text).isprintable()
    printable(text).encode()
