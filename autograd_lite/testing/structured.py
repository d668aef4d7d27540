"""Strategies for arrays that are not just any numbers: matrices, indices, masks, magnitudes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..tensor import Array
from .grids import draw_values, grid_of, pasteable
from .layouts import LAYOUTS, laid_out
from .strategies import (
    Shape,
    Strategy,
    as_shape,
    composed,
    dtypes,
    shapes,
    strategies_module,
    strategy_of,
)

VALUES = [layout for layout in LAYOUTS if layout != "broadcast"]
"""The layouts that keep the values, as an array with a structure needs."""


def _matrices(
    n: int | Strategy | None,
    dtype: Any,
    batch: Shape | Strategy,
    layouts: Sequence[str],
    make: Callable[[Array], Array],
    **interval: Any,
) -> Strategy:
    """Generate what some function makes of square matrices of any numbers."""
    st = strategies_module()
    of_n = strategy_of(n, lambda: st.integers(1, 4), int)
    of_batch = strategy_of(batch, shapes, as_shape)
    of_dtype = strategy_of(dtype, dtypes, np.dtype)
    of_layout = st.sampled_from(list(layouts))

    def drawn(draw: Any) -> Any:
        size, lead, kind = draw(of_n), draw(of_batch), draw(of_dtype)
        layout = draw(of_layout)
        grid = grid_of(kind, **{"low": -2.0, "high": 2.0, "away_from": (), "on": (), **interval})
        wide = np.result_type(kind, np.float64)
        values = draw_values(draw, (*lead, size, size), wide, grid)
        return pasteable(laid_out(make(values).astype(kind), layout))

    return composed(drawn)


def _adjoint(a: Array) -> Array:
    return np.conj(np.swapaxes(a, -1, -2))


def symmetric(
    n: int | Strategy | None = None,
    dtype: Any = None,
    *,
    batch: Shape | Strategy = (),
    layouts: Sequence[str] = VALUES,
) -> Strategy:
    """Generate symmetric matrices (Hermitian ones, of complex numbers).

    Parameters
    ----------
    n
        The number of rows, or a strategy for it; by default 1 to 4.
    dtype
        By default one of `dtypes`.
    batch
        The shape of leading axes, or a strategy for it.
    layouts
        How they may lie in memory.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(symmetric())
    ... def test(a):
    ...     assert np.array_equal(a, a.T)
    >>> test()
    """
    return _matrices(n, dtype, batch, layouts, lambda a: (a + _adjoint(a)) / 2.0)


def positive_definite(
    n: int | Strategy | None = None,
    dtype: Any = None,
    *,
    batch: Shape | Strategy = (),
    smallest: float = 0.5,
    layouts: Sequence[str] = VALUES,
) -> Strategy:
    """Generate positive definite matrices, no eigenvalue of which is under `smallest`.

    The other arguments are those of `symmetric`.

    >>> from hypothesis import given
    >>> @given(positive_definite(n=3))
    ... def test(a):
    ...     np.linalg.cholesky(a)
    >>> test()
    """

    def make(a: Array) -> Array:
        return a @ _adjoint(a) + 1.001 * smallest * np.eye(a.shape[-1])

    return _matrices(n, dtype, batch, layouts, make)


def triangular(
    n: int | Strategy | None = None,
    dtype: Any = None,
    *,
    lower: bool = True,
    batch: Shape | Strategy = (),
    layouts: Sequence[str] = VALUES,
) -> Strategy:
    """Generate triangular matrices whose diagonal is at least 1/2, so that they can be solved.

    The other arguments are those of `symmetric`.

    >>> from hypothesis import given
    >>> @given(triangular(lower=False))
    ... def test(a):
    ...     assert np.array_equal(a, np.triu(a)) and np.all(np.diag(a) >= 0.5)
    >>> test()
    """

    def make(a: Array) -> Array:
        cut = np.tril(a, -1) if lower else np.triu(a, 1)
        return cut + (np.abs(a) / 2.0 + 0.5) * np.eye(a.shape[-1])

    return _matrices(n, dtype, batch, layouts, make)


def orthogonal(
    n: int | Strategy | None = None,
    dtype: Any = None,
    *,
    batch: Shape | Strategy = (),
    layouts: Sequence[str] = VALUES,
) -> Strategy:
    """Generate orthogonal matrices (unitary ones, of complex numbers).

    The arguments are those of `symmetric`.

    >>> from hypothesis import given
    >>> @given(orthogonal(dtype=np.float64))
    ... def test(q):
    ...     np.testing.assert_allclose(q @ q.T, np.eye(len(q)), atol=1e-12)
    >>> test()
    """

    def make(a: Array) -> Array:
        return np.asarray(np.linalg.qr(a + 3.0 * np.eye(a.shape[-1]))[0])

    return _matrices(n, dtype, batch, layouts, make)


def simplex(
    shape: Shape | int | Strategy | None = None,
    dtype: Any = None,
    *,
    smallest: float = 0.0,
    layouts: Sequence[str] = VALUES,
) -> Strategy:
    """Generate probabilities: numbers that are not negative and sum to 1 along the last axis.

    Parameters
    ----------
    shape
        A shape of one axis and more, or a strategy for it.
    dtype
        By default one of `dtypes`.
    smallest
        What each is at least: above 0 where their logarithm is taken.
    layouts
        How they may lie in memory.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(simplex((2, 3), smallest=0.1))
    ... def test(p):
    ...     np.testing.assert_allclose(p.sum(axis=-1), 1.0, rtol=1e-6)
    ...     assert np.all(p > 0.09)
    >>> test()
    """
    st = strategies_module()
    of_shape = strategy_of(shape, lambda: shapes(min_dims=1, min_side=1), as_shape)
    of_dtype = strategy_of(dtype, dtypes, np.dtype)
    of_layout = st.sampled_from(list(layouts))

    def drawn(draw: Any) -> Any:
        chosen, kind, layout = draw(of_shape), draw(of_dtype), draw(of_layout)
        if not chosen or smallest * chosen[-1] >= 1.0:
            raise ValueError(
                f"In shape {chosen} there are no probabilities of {smallest} and more."
            )
        weights = draw_values(draw, chosen, np.float64, grid_of(float, 0.0, 3.0, (), ()))
        weights = weights + (weights.sum(axis=-1, keepdims=True) == 0.0)
        p = weights / weights.sum(axis=-1, keepdims=True)
        p = smallest + (1.0 - smallest * chosen[-1]) * p
        return pasteable(laid_out(p.astype(kind), layout))

    return composed(drawn)


def indices(
    length: int,
    shape: Shape | int | Strategy | None = None,
    dtype: Any = np.intp,
    *,
    negative: bool = True,
    unique: bool = False,
    layouts: Sequence[str] = LAYOUTS,
) -> Strategy:
    """Generate arrays of whole numbers that are indices into an axis.

    Parameters
    ----------
    length
        Of the axis.
    shape
        Of the array, or a strategy for it; by default `shapes`.
    dtype
        One of whole numbers, or a strategy for it. Without signs there are none
        from the end.
    negative
        Whether they may count from the end.
    unique
        Whether no element is meant twice.
    layouts
        How they may lie in memory.

    Raises
    ------
    ValueError
        If an axis has no index, or not so many different ones.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(indices(5, (3,), unique=True))
    ... def test(i):
    ...     assert len(set(np.arange(5)[i])) == 3
    >>> test()
    """
    st = strategies_module()
    if length < 1:
        raise ValueError(f"An axis of length {length} has no index.")
    of_shape = strategy_of(shape, shapes, as_shape)
    of_dtype = strategy_of(dtype, lambda: st.just(np.dtype(np.intp)), np.dtype)
    of_layout = st.sampled_from([x for x in layouts if not (unique and x == "broadcast")])

    def drawn(draw: Any) -> Any:
        chosen, kind, layout = draw(of_shape), draw(of_dtype), draw(of_layout)
        signed = negative and kind.kind == "i"
        if unique:
            size = int(np.prod(chosen, dtype=int))
            if size > length:
                raise ValueError(f"There are {length} indices, not {size} different ones.")
            order = draw(st.permutations(range(length)))
            found = np.array(order[:size], dtype=kind).reshape(chosen)
        else:
            grid = grid_of(np.dtype(np.intp), 0, length - 1, (), ())
            found = draw_values(draw, chosen, kind, grid)
        if signed:
            from_the_end = draw_values(draw, chosen, bool, grid_of(bool, 0, 1, (), ()))
            found = np.where(from_the_end, found, found - length).astype(kind)
        return pasteable(laid_out(found, layout))

    return composed(drawn)


def masks(
    shape: Shape | int | Strategy | None = None,
    *,
    some: bool = False,
    layouts: Sequence[str] = LAYOUTS,
) -> Strategy:
    """Generate arrays of booleans.

    Parameters
    ----------
    shape
        A shape, or a strategy for it; by default `shapes`.
    some
        Whether at least one is True, as a ``where=`` of a maximum needs.
    layouts
        How they may lie in memory.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(masks((2, 3), some=True))
    ... def test(m):
    ...     assert m.dtype == bool and m.any()
    >>> test()
    """
    st = strategies_module()
    of_shape = strategy_of(shape, shapes, as_shape)
    of_layout = st.sampled_from(list(layouts))

    def drawn(draw: Any) -> Any:
        chosen, layout = draw(of_shape), draw(of_layout)
        mask = laid_out(draw_values(draw, chosen, bool, grid_of(bool, 0, 1, (), ())), layout)
        if some and mask.size and not mask.any():
            mask = laid_out(np.ones(chosen, bool), layout)
        return pasteable(mask)

    return composed(drawn)


def permutations(n: int | Strategy | None = None) -> Strategy:
    """Generate the numbers from 0 to n − 1 in any order, as an array.

    >>> from hypothesis import given
    >>> @given(permutations(4))
    ... def test(p):
    ...     assert sorted(p) == [0, 1, 2, 3]
    >>> test()
    """
    st = strategies_module()
    of_n = strategy_of(n, lambda: st.integers(0, 5), int)

    def drawn(draw: Any) -> Any:
        order = draw(st.permutations(range(draw(of_n))))
        return pasteable(np.array(order, dtype=np.intp))

    return composed(drawn)


def integer_dtypes(booleans: bool = True) -> Strategy:
    """Generate the dtypes of whole numbers, with and without signs, and that of booleans.

    >>> from hypothesis import given
    >>> @given(integer_dtypes(booleans=False))
    ... def test(dtype):
    ...     assert dtype.kind in "iu"
    >>> test()
    """
    names = "int64 int32 int16 int8 uint8 uint16 uint32 uint64" + (" bool" if booleans else "")
    return strategies_module().sampled_from(list(map(np.dtype, names.split())))  # type: ignore[no-any-return]


def companions(
    shape: Shape | int | Strategy | None = None,
    *,
    low: int = 0,
    high: int = 3,
    layouts: Sequence[str] = LAYOUTS,
) -> Strategy:
    """Generate what stands beside a differentiated argument and is no float.

    Arrays of whole numbers and booleans of any dtype, and plain numbers: what wraps around
    or changes a dtype, if a rule negates it or subtracts 1.

    Parameters
    ----------
    shape
        A shape, or a strategy for it; by default `shapes`.
    low, high
        The interval; of dtypes without signs, the part of it that is not negative.
    layouts
        How arrays may lie in memory.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(companions((2,)))
    ... def test(n):
    ...     assert np.result_type(n).kind in "iub"
    >>> test()
    """
    st = strategies_module()
    of_shape = strategy_of(shape, shapes, as_shape)
    of_layout = st.sampled_from(list(layouts))

    def drawn(draw: Any) -> Any:
        dtype = draw(integer_dtypes())
        if draw(st.integers(0, 3)) == 3:
            return draw(st.booleans() if dtype.kind == "b" else st.integers(low, high))
        chosen, layout = draw(of_shape), draw(of_layout)
        values = draw_values(draw, chosen, dtype, grid_of(dtype, low, high, (), ()))
        return pasteable(laid_out(values, layout))

    return composed(drawn)


def magnitudes(
    shape: Shape | int | Strategy | None = None,
    dtype: Any = None,
    *,
    smallest: float | None = None,
    largest: float | None = None,
    zeros: bool = True,
    infinities: bool = False,
    layouts: Sequence[str] = LAYOUTS,
) -> Strategy:
    """Generate numbers of all magnitudes, evenly on a logarithmic scale.

    Parameters
    ----------
    shape, dtype
        As for `arrays`.
    smallest, largest
        The magnitudes, powers of 2; by default from the square root of the dtype's
        smallest normal number to that of its largest, so that squares do not overflow.
    zeros, infinities
        Whether 0, and ±inf, are among them.
    layouts
        How they may lie in memory.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(magnitudes((3,), np.float64, largest=1e300, infinities=True))
    ... def test(x):
    ...     assert np.all((np.abs(x) <= 1e300) | np.isinf(x))
    >>> test()
    """
    st = strategies_module()
    of_shape = strategy_of(shape, shapes, as_shape)
    of_dtype = strategy_of(dtype, dtypes, np.dtype)
    of_layout = st.sampled_from(list(layouts))
    special = [0.0, -0.0] * zeros + [np.inf, -np.inf] * infinities

    def drawn(draw: Any) -> Any:
        chosen, kind, layout = draw(of_shape), draw(of_dtype), draw(of_layout)
        info = np.finfo(kind)
        least = np.log2(smallest) if smallest else np.log2(float(info.smallest_normal)) / 2.0
        most = np.log2(largest) if largest else np.log2(float(info.max)) / 2.0
        exponents = sorted(range(int(np.ceil(least)), int(np.floor(most)) + 1), key=abs)
        if not exponents:
            raise ValueError(f"There is no power of 2 from {smallest} to {largest}.")
        signed = [sign * 2.0**k for k in exponents for sign in (1.0, -1.0)]
        # An eighth of the numbers are the special ones.
        every = max(1, len(signed) // (7 * max(1, len(special) // 2)))
        values = np.array(signed + special * (every if special else 0))
        size = int(np.prod(chosen, dtype=int))
        bytes_drawn = draw(st.binary(min_size=2 * size, max_size=2 * size))
        places = (np.frombuffer(bytes_drawn, dtype=">u2") + np.arange(size)) % len(values)
        return pasteable(laid_out(values[places].astype(kind).reshape(chosen), layout))

    return composed(drawn)
