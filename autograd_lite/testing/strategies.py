"""Hypothesis strategies: random shapes, arrays and Tensors, for tests of derivatives.

Hypothesis is imported when a strategy is first asked for, so that
:func:`~autograd_lite.testing.check_gradients` needs NumPy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import missing_extra
from ..tensor import Tensor
from .layouts import LAYOUTS, laid_out

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    Strategy = SearchStrategy[Any]

Shape = tuple[int, ...]

GRID = 64
"""Values are multiples of 1 / GRID: exact in float32, short to read, ties now and then."""
MARGIN = 0.0625
"""How far values stay away from a kink."""


def _strategies() -> Any:
    try:
        from hypothesis import strategies
    except ImportError:
        raise missing_extra("hypothesis", "testing", "generate test data") from None
    return strategies


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4) -> Strategy:
    """Generate shapes: without axes, empty, of one element, of up to `max_dims` axes.

    >>> from hypothesis import given
    >>> @given(shapes(max_dims=2))
    ... def test(shape):
    ...     assert np.zeros(shape).ndim <= 2
    >>> test()
    """
    st = _strategies()
    # A side of 0 leaves nothing to check, so it is one case of several, not one of each.
    sides = st.integers(max(min_side, 1), max_side)
    # Not a list of sides: Hypothesis makes short lists, and most of what can go wrong needs axes.
    full = st.integers(min_dims, max_dims).flatmap(lambda ndim: st.tuples(*[sides] * ndim))
    if min_side > 0 or max_dims == 0:
        return full  # type: ignore[no-any-return]
    empty = st.tuples(full, st.integers(0, 8)).map(_with_an_empty_side)
    return st.integers(0, 7).flatmap(lambda k: empty if k == 7 else full)  # type: ignore[no-any-return]


def _with_an_empty_side(drawn: tuple[Shape, int]) -> Shape:
    shape, i = drawn
    return tuple(0 if k == i % len(shape) else n for k, n in enumerate(shape))


def dtypes() -> Strategy:
    """Generate float64 and float32.

    >>> from hypothesis import given
    >>> @given(dtypes())
    ... def test(dtype):
    ...     assert dtype.kind == "f"
    >>> test()
    """
    dtypes = [np.dtype(np.float64), np.dtype(np.float32)]
    return _strategies().sampled_from(dtypes)  # type: ignore[no-any-return]


def _strategy_for_dtype(dtype: Any) -> Strategy:
    if dtype is None:
        return dtypes()
    st = _strategies()
    given: Strategy = dtype if isinstance(dtype, st.SearchStrategy) else st.just(np.dtype(dtype))
    return given


def arrays(
    shape: Shape | Strategy | None = None,
    dtype: Any = None,
    *,
    low: float = -3.0,
    high: float = 3.0,
    away_from: Sequence[float] = (),
    on: Sequence[float] = (),
    unique: bool = False,
    layouts: Sequence[str] = LAYOUTS,
) -> Strategy:
    """Generate arrays of floats.

    Parameters
    ----------
    shape
        A shape, or a strategy for shapes; by default `shapes`.
    dtype
        A dtype, or a strategy for dtypes; by default `dtypes`.
    low, high
        The values lie in this interval, its ends included.
    away_from
        Kinks that no value comes near to, such as 0 for ``np.abs``.
    on
        Kinks that values hit exactly, now and then.
    unique
        Whether all elements differ, as for an ``np.max`` without ties.
    layouts
        How the array may lie in memory: see `laid_out`.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(arrays(shape=(2, 3), low=0.5, high=2.0, away_from=[1.0]))
    ... def test(x):
    ...     assert x.shape == (2, 3) and not np.any(x == 1.0)
    >>> test()
    >>> @given(arrays(dtype=np.float32, on=[0.0]))
    ... def test(x):
    ...     assert x.dtype == np.float32
    >>> test()
    """
    st = _strategies()
    grid = [k / GRID for k in range(int(np.ceil(low * GRID)), int(np.floor(high * GRID)) + 1)]
    grid = [v for v in grid if all(abs(v - kink) >= MARGIN for kink in away_from)]
    # The simplest first, since failing examples shrink towards it: short, positive numbers.
    # 0 and ±1 are not simple: too much is right by accident there.
    grid.sort(key=lambda v: (v % 1.0 != 0.0, v % 0.25 != 0.0, v in (0.0, 1.0, -1.0), abs(v), v < 0))
    if on:  # every third value is one of the kinks
        kinks = cycle(map(float, on))
        grid = [v for i in range(0, len(grid), 2) for v in (*grid[i : i + 2], next(kinks))]
    if unique:
        layouts = [name for name in layouts if name != "broadcast"]

    def build(shape: Shape, dtype: Any, layout: str) -> Strategy:
        size = int(np.prod(shape, dtype=int))
        if unique and size > len(grid):
            raise ValueError(f"There are {len(grid)} values, not {size} different ones.")

        def from_bytes(drawn: bytes) -> Any:
            # Counted on from the place of the first, so that no bytes make all values equal.
            places = (np.frombuffer(drawn, dtype=">u2") + np.arange(size)) % len(grid)
            values = np.array(grid, dtype=dtype)[_distinct(places, grid) if unique else places]
            return laid_out(values.reshape(shape), layout)

        # Two bytes for a value: one draw for an array, where a list would take one for each.
        drawn = st.binary(min_size=2 * size, max_size=2 * size)
        return drawn.map(lambda b: from_bytes(b))  # type: ignore[no-any-return]

    of_shape = shapes() if shape is None else shape
    form = st.tuples(
        of_shape if isinstance(of_shape, st.SearchStrategy) else st.just(of_shape),
        _strategy_for_dtype(dtype),
        st.sampled_from(list(layouts)),
    )
    return form.flatmap(lambda drawn: build(*drawn))  # type: ignore[no-any-return]


def _distinct(places: Any, grid: Sequence[float]) -> Any:
    """Move each place on to the next that is not taken."""
    taken: set[float] = set()
    for k, place in enumerate(places.tolist()):
        while grid[place] in taken:
            place = (place + 1) % len(grid)
        taken.add(grid[place])
        places[k] = place
    return places


def broadcastable_shapes(count: int = 2, **sides: int) -> Strategy:
    """Generate tuples of `count` shapes that broadcast with each other.

    Keywords are those of `shapes`, and hold for the common shape. The common
    shape is among those generated as often as not.

    >>> from hypothesis import given
    >>> @given(broadcastable_shapes(3))
    ... def test(shapes):
    ...     np.broadcast_shapes(*shapes)
    >>> test()
    """
    st = _strategies()

    def part(common: Shape) -> Strategy:
        """A shape that broadcasts to the common one: some leading axes less, some sides 1."""

        def cut(drawn: tuple[int, list[bool]]) -> Shape:
            dropped, ones = drawn
            narrowed = [1 if one else n for n, one in zip(common, ones, strict=True)]
            return tuple(narrowed[dropped:])

        ones = st.lists(st.booleans(), min_size=len(common), max_size=len(common))
        narrowed = st.tuples(st.integers(0, len(common)), ones).map(cut)
        return st.one_of(st.just(common), narrowed)  # type: ignore[no-any-return]

    return shapes(**sides).flatmap(lambda common: st.tuples(*[part(common)] * count))


def broadcastable_arrays(count: int = 2, dtype: Any = None, **values: Any) -> Strategy:
    """Generate tuples of `count` arrays that broadcast with each other.

    They share a dtype, by default one of `dtypes`. Keywords are those of `arrays`.

    >>> from hypothesis import given
    >>> @given(broadcastable_arrays(2))
    ... def test(pair):
    ...     np.add(*pair)
    >>> test()
    """
    st = _strategies()
    shape = values.pop("shape", None)
    of_shapes = broadcastable_shapes(count) if shape is None else st.just((shape,) * count)
    return st.tuples(of_shapes, _strategy_for_dtype(dtype)).flatmap(  # type: ignore[no-any-return]
        lambda drawn: st.tuples(*[arrays(shape, drawn[1], **values) for shape in drawn[0]])
    )


def tensors(shape: Any = None, dtype: Any = None, **values: Any) -> Strategy:
    """Generate Tensors that require a gradient. Arguments are those of `arrays`.

    >>> from hypothesis import given
    >>> @given(tensors(shape=(3,)))
    ... def test(t):
    ...     np.sum(t * t).backward()
    ...     assert np.array_equal(t.grad, 2.0 * t.data)
    >>> test()
    """
    built: Strategy = arrays(shape, dtype, **values).map(lambda a: Tensor(a, requires_grad=True))
    return built
