"""t.at[index].set(v) and .add(v), beside NumPy's own writes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograd_lite import Tensor
from autograd_lite.testing import check_gradients

SHAPE = (3, 4)
indices = st.one_of(
    hnp.basic_indices(SHAPE, allow_newaxis=True),
    hnp.integer_array_indices(SHAPE),
    hnp.arrays(bool, SHAPE),
    hnp.arrays(bool, (3,)),
    st.tuples(st.slices(3), hnp.arrays(int, (3,), elements=st.integers(-4, 3))),
)


@given(indices)
def test_a_write_is_numpys_write(index):
    x = np.arange(12.0).reshape(SHAPE)
    part = x[index]
    v = 100.0 + np.arange(np.size(part)).reshape(np.shape(part))
    written = x.copy()
    written[index] = v
    np.testing.assert_array_equal(Tensor(x).at[index].set(v).data, written)
    added = x.copy()
    np.add.at(added, index, v)
    np.testing.assert_array_equal(Tensor(x).at[index].add(v).data, added)
    np.testing.assert_array_equal(Tensor(x).at[index].get().data, part)
    np.testing.assert_array_equal(x, np.arange(12.0).reshape(SHAPE))


@given(indices)
def test_both_are_differentiable_in_both(index):
    x = np.sin(np.arange(12.0)).reshape(SHAPE)
    v = np.cos(np.arange(np.size(x[index]))).reshape(np.shape(x[index]))
    check_gradients(lambda x, v: Tensor.__mul__(_t(x).at[index].set(v), _t(x)), x, v)
    check_gradients(lambda x, v: _t(x).at[index].add(v * v), x, v)


def _t(x):
    return x if isinstance(x, Tensor) else Tensor(x)


def test_what_is_not_finite_stays_where_it_is():
    x = Tensor([np.inf, 1.0, np.nan], requires_grad=True)
    y = x.at[0].set(2.0)
    np.testing.assert_array_equal(y.data, [2.0, 1.0, np.nan])
    y.backward(np.ones(3))
    np.testing.assert_array_equal(x.grad, [0.0, 1.0, 1.0])


def test_multiply_and_bad_calls():
    x = Tensor([1.0, 2.0])
    np.testing.assert_array_equal(x.at[1:].multiply(5.0).data, [1.0, 10.0])
    with pytest.raises(IndexError, match="repeats"):
        x.at[[0, 0]].multiply(2.0)
    with pytest.raises(IndexError):
        x.at[7].set(1.0)
    with pytest.raises(ValueError, match="broadcast"):
        x.at[:].set(np.ones(3))
    assert x.at[Tensor([0])].set(5.0).tolist() == [5.0, 2.0]
    assert Tensor(np.ones(2, np.float32)).at[0].set(3).dtype == np.float32
