"""Hypothesis strategies: random shapes, arrays and Tensors, for tests of derivatives.

Hypothesis is imported when a strategy is first asked for, so that
:func:`~autograd_lite.testing.check_gradients` needs NumPy alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import missing_extra
from ..tensor import Tensor, to_numpy
from .grids import draw_values, grid_of, pasteable
from .layouts import LAYOUTS, laid_out

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    Strategy = SearchStrategy[Any]
else:
    Strategy = Any

Shape = tuple[int, ...]

SIDES = ("min_dims", "max_dims", "min_side", "max_side")
"""The keywords of `shapes`."""


def strategies_module() -> Any:
    """Import hypothesis.strategies, or say which extra brings it."""
    try:
        from hypothesis import strategies
    except ImportError:
        raise missing_extra("hypothesis", "testing", "generate test data") from None
    return strategies


def composed(drawn: Callable[..., Any]) -> Strategy:
    """Return the strategy of what a function makes of its ``draw``."""
    built: Strategy = _composite()(drawn)
    return built


@cache
def _composite() -> Callable[..., Strategy]:
    def calling(draw: Any, drawn: Callable[..., Any]) -> Any:
        return drawn(draw)

    # Once: Hypothesis reads the source of each function that becomes a strategy.
    made: Callable[..., Strategy] = strategies_module().composite(calling)
    return made


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4) -> Strategy:
    """Generate shapes: without axes, empty, of one element, of up to `max_dims` axes.

    >>> from hypothesis import given
    >>> @given(shapes(max_dims=2))
    ... def test(shape):
    ...     assert np.zeros(shape).ndim <= 2
    >>> test()
    """
    st = strategies_module()
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
    return strategies_module().sampled_from(dtypes)  # type: ignore[no-any-return]


def strategy_of(given: Any, default: Callable[[], Strategy], to: Callable[[Any], Any]) -> Strategy:
    """Return a strategy for what may be one, or one value, or None for the default."""
    st = strategies_module()
    if given is None:
        return default()
    chosen: Strategy = given if isinstance(given, st.SearchStrategy) else st.just(to(given))
    return chosen


def arrays(
    shape: Shape | int | Strategy | None = None,
    dtype: Any = None,
    *,
    low: float = -3.0,
    high: float = 3.0,
    away_from: Sequence[float] = (),
    on: Sequence[float] = (),
    unique: bool = False,
    distinct_from: Any = None,
    layouts: Sequence[str] = LAYOUTS,
    **sides: int,
) -> Strategy:
    """Generate arrays of floats, or of complex or whole numbers or booleans.

    Parameters
    ----------
    shape
        A shape, or a strategy for shapes; by default `shapes`.
    dtype
        A dtype, or a strategy for dtypes; by default `dtypes`.
    low, high
        The values lie in this interval, its ends included; so do the real and the
        imaginary part of complex ones.
    away_from
        Kinks that no value comes near to, such as 0 for ``np.abs``.
    on
        Kinks that values hit exactly, now and then.
    unique
        Whether all elements differ, as for an ``np.max`` without ties.
    distinct_from
        An array, none of whose values occurs: another argument that there shall
        be no tie with.
    layouts
        How the array may lie in memory: see `laid_out`.
    **sides
        For `shapes`, if no shape is given.

    Raises
    ------
    TypeError
        If both a shape and sides to choose are given.

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
    st = strategies_module()
    if unique:
        layouts = [name for name in layouts if name != "broadcast"]
    taken = () if distinct_from is None else np.asarray(to_numpy(distinct_from)).reshape(-1)
    if shape is not None and sides:
        raise TypeError(f"The shape is given, and so there is no {', '.join(sides)} to choose.")
    of_shape = strategy_of(shape, lambda: shapes(**sides), as_shape)
    of_dtype = strategy_of(dtype, dtypes, np.dtype)
    of_layout = st.sampled_from(list(layouts))

    def drawn(draw: Any) -> Any:
        chosen, kind, layout = draw(of_shape), draw(of_dtype), draw(of_layout)
        grid = grid_of(kind, low, high, away_from, on, tuple(taken))
        values = draw_values(draw, chosen, kind, grid, unique=unique)
        return pasteable(laid_out(values, layout))

    return composed(drawn)


def as_shape(shape: Any) -> Shape:
    """Return a shape; a number is that of one axis."""
    return (shape,) if isinstance(shape, int) else tuple(shape)


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
    st = strategies_module()

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


def broadcastable_arrays(
    count: int = 2,
    dtype: Any = None,
    *,
    shape: Shape | None = None,
    distinct: bool = False,
    **options: Any,
) -> Strategy:
    """Generate tuples of `count` arrays that broadcast with each other.

    Parameters
    ----------
    count
        How many.
    dtype
        They share it; by default one of `dtypes`.
    shape
        One that all of them have; by default `broadcastable_shapes`.
    distinct
        Whether no two arrays have a value in common, as for an ``np.maximum``
        without ties. Without it, equal numbers meet now and then.
    **options
        For `arrays`, and for `shapes`: ``low=0.5, min_dims=1``.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(broadcastable_arrays(2, distinct=True))
    ... def test(pair):
    ...     assert not np.any(np.equal(*pair))
    >>> test()
    """
    sides = {k: options.pop(k) for k in SIDES if k in options}
    of_shapes = broadcastable_shapes(count, **sides)
    if shape is not None:
        of_shapes = strategies_module().just((as_shape(shape),) * count)
    return _together(of_shapes, dtype, distinct, options)


def _together(of_shapes: Strategy, dtype: Any, distinct: bool, options: dict[str, Any]) -> Strategy:
    """Generate an array for each of several shapes, of one dtype."""
    st = strategies_module()
    of_dtype = strategy_of(dtype, dtypes, np.dtype)
    of_layout = st.sampled_from(list(options.pop("layouts", LAYOUTS)))
    unique, tie = options.pop("unique", False), st.integers(0, 7)
    interval: dict[str, Any] = {"low": -3.0, "high": 3.0, "away_from": (), "on": ()}
    if unknown := set(options) - {*interval, "distinct_from"}:
        raise TypeError(f"There is no option {', '.join(sorted(unknown))}: see arrays and shapes.")
    interval |= options

    def drawn(draw: Any) -> tuple[Any, ...]:
        chosen, kind = draw(of_shapes), draw(of_dtype)
        whole = grid_of(kind, **interval)
        values: list[Any] = []
        before = 0
        for k, shape in enumerate(chosen):
            layout = draw(of_layout)
            grid = whole.every(k, len(chosen)) if distinct else whole
            # Each goes on where the last one ended, so that the simplest are not all the same.
            x = draw_values(draw, shape, kind, grid, unique=unique, after=before)
            before += 0 if distinct else x.size
            if k and not distinct and not unique and values[0].size and draw(tie) == 7:
                x = np.resize(values[0], shape)
            values.append(pasteable(laid_out(x, layout)))
        return tuple(values)

    return composed(drawn)


def joint_shapes(axes: str, **sides: int) -> Strategy:
    """Generate shapes whose axes have lengths in common: a tuple of them.

    Parameters
    ----------
    axes
        A letter for each axis of each shape, as in ``np.einsum``: ``"nd,md"`` are
        two matrices with rows of one length.
    **sides
        ``min_side`` and ``max_side``, as for `shapes`.

    Raises
    ------
    ValueError
        If `axes` is not letters and commas, as in ``'nd,dm'``.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(joint_shapes("nd,dm,m"))
    ... def test(shapes):
    ...     x, w, b = map(np.zeros, shapes)
    ...     x @ w + b
    >>> test()
    """
    st = strategies_module()
    names = [part.strip() for part in axes.split(",")]
    letters = sorted(set("".join(names)))
    if not all(letter.isalpha() for letter in letters):
        raise ValueError(f"The axes {axes!r} are not letters and commas, as in 'nd,dm'.")
    side = st.integers(max(sides.get("min_side", 1), 0), sides.get("max_side", 4))

    def shaped(lengths: tuple[int, ...]) -> tuple[Shape, ...]:
        length = dict(zip(letters, lengths, strict=True))
        return tuple(tuple(length[letter] for letter in name) for name in names)

    return st.tuples(*[side] * len(letters)).map(shaped)  # type: ignore[no-any-return]


def joint_arrays(
    axes: str, dtype: Any = None, *, distinct: bool = False, **options: Any
) -> Strategy:
    """Generate tuples of arrays whose axes have lengths in common: see `joint_shapes`.

    They share a dtype. Keywords are those of `arrays`, and ``min_side`` and ``max_side``.

    >>> from hypothesis import given
    >>> @given(joint_arrays("nd,dm,m", max_side=3))
    ... def test(arrays):
    ...     x, w, b = arrays
    ...     assert (x @ w + b).dtype == x.dtype
    >>> test()
    """
    sides = {k: options.pop(k) for k in SIDES if k in options}
    return _together(joint_shapes(axes, **sides), dtype, distinct, options)


def tensors(
    shape: Shape | int | Strategy | None = None, dtype: Any = None, **options: Any
) -> Strategy:
    """Generate Tensors that require a gradient. Arguments are those of `arrays`.

    >>> from hypothesis import given
    >>> @given(tensors(shape=(3,)))
    ... def test(t):
    ...     np.sum(t * t).backward()
    ...     assert np.array_equal(t.grad, 2.0 * t.data)
    >>> test()
    """
    of_arrays = arrays(shape, dtype, **options)

    def drawn(draw: Any) -> Any:
        return pasteable(Tensor(draw(of_arrays), requires_grad=True))

    return composed(drawn)
