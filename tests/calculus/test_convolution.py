"""Convolutions of every geometry, beside the sums over taps that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_lite.calculus import convolution as conv

SMALL = st.integers(1, 3)
DTYPES = st.sampled_from([np.float32, np.float64])


@st.composite
def geometry(draw):
    """Draw images' shape and where windows are on them."""
    kernel, stride, dilation = (draw(st.tuples(SMALL, SMALL)) for _ in range(3))
    padding = draw(st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2))
    least = [
        max(1, d * (k - 1) + 1 - sum(p)) for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    size = [n + draw(st.integers(0, 4)) for n in least]
    channels = draw(st.sampled_from([1, 2, 9, 40]))  # few, whose lines are short, or many
    shape = (draw(SMALL), channels, *size)
    return shape, kernel, {"stride": stride, "padding": padding, "dilation": dilation}


def laid_out(array, order):
    """Return the array with its axes in another order in memory."""
    back = np.argsort(order)
    return np.ascontiguousarray(array.transpose(order)).transpose(back)


LAYOUTS = st.sampled_from([(0, 1, 2, 3), (0, 2, 3, 1), (3, 1, 0, 2)])


@settings(max_examples=150)
@given(geometry(), SMALL, DTYPES, LAYOUTS, st.booleans(), st.integers(0, 99))
def test_convolution_and_its_derivatives_are_sums_over_taps(
    windows, outputs, dtype, layout, in_parts, seed
):
    shape, kernel, geometry = windows
    rng = np.random.default_rng(seed)
    image = laid_out(rng.normal(size=shape).astype(dtype), layout)
    weight = rng.normal(size=(outputs, shape[1], *kernel)).astype(dtype)
    bias = rng.normal(size=outputs).astype(dtype)
    tolerance = 1e-4 if dtype == np.float32 else 1e-11

    def agree(found, expected):
        assert found.dtype == dtype
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)

    with pytest.MonkeyPatch.context() as patch:
        if in_parts:
            patch.setattr(conv, "BUFFER", 1)
        expected = conv.conv2d_by_taps(image, weight, **geometry)
        agree(conv._conv2d(image, weight, **geometry), expected)
        with_bias = conv._conv2d_bias(image, weight, bias, **geometry)
        agree(with_bias, expected + bias[:, None, None])
        upstream = laid_out(rng.normal(size=expected.shape).astype(dtype), layout)
        agree(
            conv._conv2d_weight(upstream, image, kernel, **geometry),
            conv._conv2d_weight_by_taps(upstream, image, kernel, **geometry),
        )
        agree(
            conv._conv2d_image(upstream, weight, shape[2:], **geometry),
            conv.conv2d_image_by_taps(upstream, weight, shape[2:], **geometry),
        )
