"""What an index adds up in one place: in NumPy's order, so to its bits, however it is done."""

import numpy as np
import pytest

from autograd_lite import Tensor
from autograd_lite.calculus.indexing import scatter

SHAPE = (30, 4, 3)
RNG = np.random.default_rng(5)
INDICES = {
    "rows": RNG.integers(-30, 30, 70),
    "rows, of two axes": RNG.integers(0, 30, (20, 3)),
    "a type that cannot count all numbers": np.array([1, 1, 29, 29], np.uint8),
    "one row": np.array(2),
    "no row": np.array([], int),
    "a list": [1, 1, 2],
    "two axes": (RNG.integers(0, 30, 60), RNG.integers(-4, 4, 60)),
    "a slice before": (slice(None), RNG.integers(-4, 4, 6)),
    "a slice behind": (RNG.integers(0, 30, 6), slice(1, 3)),
    "the last": (..., RNG.integers(0, 3, (2, 2))),
    "few of many": (2, RNG.integers(0, 4, 9)),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
@pytest.mark.parametrize("name", INDICES)
def test_scatter_is_numpys_sum_to_the_bit(name, dtype):
    index, expected = INDICES[name], np.zeros(SHAPE, dtype)
    part = RNG.normal(size=expected[index].shape).astype(dtype)
    np.add.at(expected, index, part)
    found = scatter(Tensor(part), shape=SHAPE, index=index)
    assert found.dtype == dtype
    assert found.numpy().tobytes() == expected.tobytes()
