"""How to call each entry of the table: what drives its tests.

`CASES` gives, for each function of the table, a Hypothesis strategy of calls.
A function without one fails `test_table.py`. Values stay away from kinks here;
what happens on them is in `conventions.py`.
"""

from __future__ import annotations

import inspect
import operator
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations
from math import factorial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd_lite
from autograd_lite import Tensor, primitive
from autograd_lite.calculus import (
    arithmetic,
    factorisations,
    facts,
    indexing,
    neural,
    norms,
    shapes,
    transcendental,
)
from autograd_lite.primitive import Primitive
from autograd_lite.testing import (
    LAYOUTS,
    arrays,
    broadcastable_arrays,
    broadcastable_shapes,
    dtypes,
    laid_out,
)
from autograd_lite.testing import shapes as some_shapes
from tests.calculus import calls, layer_cases
from tests.tables import numpys


@dataclass(frozen=True)
class Call:
    """One call: the operands that may be differentiated, and what stands around them."""

    operands: tuple[Any, ...]
    before: tuple[Any, ...] = ()
    after: tuple[Any, ...] = ()
    keywords: dict[str, Any] = field(default_factory=dict)
    listed: bool = False  # whether the operands are one argument, as in np.concatenate

    def arguments(self, operands: Any = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return what to call the function with, optionally on other operands."""
        given = self.operands if operands is None else operands
        middle = ([*given],) if self.listed else given
        return (*self.before, *middle, *self.after), self.keywords

    def with_value(self, i: int, index: tuple[int, ...], value: float) -> Call:
        """Return the call with another value in one place of one operand."""
        x = np.array(self.operands[i])
        x[index] = value
        return replace(self, operands=(*self.operands[:i], x, *self.operands[i + 1 :]))


Strategy = st.SearchStrategy[Call]
DRAWN, TOGETHER = 120, 12
EXPLORING = os.environ.get("HYPOTHESIS_PROFILE") == "explore"
"""Whether there is time: each check then sees a thousand new calls."""


def leaves(call: Call) -> list[Tensor]:
    """Return the operands as Tensors; those that can, require a gradient."""
    return [Tensor(x, requires_grad=np.asarray(x).dtype.kind in "fc") for x in call.operands]


def is_ours(function: Callable[..., Any]) -> bool:
    """Whether the engine declared an entry: not a test, an example or a program."""
    try:
        file = inspect.getfile(function)
    except TypeError:  # it is compiled: NumPy's
        return True
    homes = (Path(autograd_lite.__file__).parent, Path(np.__file__).parent)
    return any(home in Path(file).parents for home in homes)


# Taken when tests are collected, before any of them registers an entry of its own.
ENTRIES = {function: entry for function, entry in numpys().items() if is_ours(function)}
DIFFERENTIABLE = {
    function: entry
    for function, entry in ENTRIES.items()
    if isinstance(entry, Primitive) and entry._all_rules()
}
"""Primitives with rules."""


@cache
def label(function: Callable[..., Any]) -> str:
    """Name an entry uniquely."""
    entry = ENTRIES[function]
    name = entry.name
    if isinstance(entry, Primitive):
        same = [f for f, e in ENTRIES.items() if e.name == name and isinstance(e, Primitive)]
        if len(same) > 1:
            name += str(same.index(function) + 1)
    if not isinstance(function, np.ufunc) and is_internal(function):
        name = f"_{name}"
    return name


def is_internal(function: Callable[..., Any]) -> bool:
    """Whether a program reaches it by its entry, not by a function of NumPy's."""
    return getattr(function, "__module__", "").startswith("autograd_lite")


def evaluate(entry: Any, call: Call, operands: Any = None) -> Any:
    """Make a call through an entry (or a mutant of it), which may be no longer in the table."""
    args, keywords = call.arguments(operands)
    if getattr(entry, "name", "") == "output":
        # It works on a bundle that only a primitive with several outputs makes.
        with patch.object(primitive, "output", entry):
            return shapes.part(*args, sizes=keywords["sizes"])[keywords["index"]]
    return entry.from_numpy(args, keywords)


def examples(function: Callable[..., Any]) -> list[Call]:
    """Return some calls of all forms, always the same; the largest come first.

    Hypothesis likes to repeat itself, above all in what is small. A form is the
    shapes and dtypes of the operands, whether there is a 0 in them, and the
    parameters; of each form one call is kept. Drawn many at a time they take half as long.
    """
    return _examples(CASES[function])


@cache  # many functions share a strategy
def _examples(strategy: Strategy) -> list[Call]:
    forms: dict[str, Call] = {}

    @settings(
        max_examples=DRAWN // TOGETHER,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(st.tuples(*[strategy] * TOGETHER))
    def draw(calls: tuple[Call, ...]) -> None:
        for call in calls:
            arrays = map(np.asarray, call.operands)
            operands = [(x.shape, x.dtype, np.any(x == 0.0)) for x in arrays]
            forms[repr((operands, call.before, call.after, call.keywords))] = call

    draw()
    return sorted(forms.values(), key=size, reverse=True)


def size(call: Call) -> int:
    return sum(np.size(x) for x in call.operands)


def some(function: Callable[..., Any], count: int) -> list[Call]:
    """Return a few of the examples, from large to small."""
    calls = examples(function)
    return calls[:: max(1, len(calls) // count)][:count]


# -- elementwise functions, by domain --------------------------------------------------

HALVES = [k / 2 for k in range(-7, 8)]
INTEGERS = [float(k) for k in range(-3, 4)]
ODD_HALVES = [h for h in HALVES if h % 1]
POSITIVE = {"low": 0.25, "high": 3.0}
INSIDE_ONE = {"low": -0.875, "high": 0.875}
NOT_ZERO = {"away_from": [0.0]}

DOMAINS: dict[Any, tuple[dict[str, Any], ...]] = {
    np.reciprocal: (NOT_ZERO,),
    np.sqrt: (POSITIVE,),
    np.cbrt: (NOT_ZERO,),
    np.absolute: (NOT_ZERO,),
    np.fabs: (NOT_ZERO,),
    np.sign: (NOT_ZERO,),
    np.floor: ({"away_from": INTEGERS},),
    np.ceil: ({"away_from": INTEGERS},),
    np.trunc: ({"away_from": INTEGERS},),
    np.rint: ({"away_from": ODD_HALVES},),
    np.log: (POSITIVE,),
    np.log2: (POSITIVE,),
    np.log10: (POSITIVE,),
    np.log1p: ({"low": -0.75},),
    np.tan: ({"low": -1.25, "high": 1.25},),
    np.arcsin: (INSIDE_ONE,),
    np.arccos: (INSIDE_ONE,),
    np.arccosh: ({"low": 1.125},),
    np.arctanh: (INSIDE_ONE,),
    np.divide: ({}, NOT_ZERO),
    np.power: ({"low": 0.25, "high": 2.0}, {"low": -2.0, "high": 2.0}),
    np.arctan2: (NOT_ZERO, {}),
    np.hypot: (NOT_ZERO, {}),
    neural.relu.function: (NOT_ZERO,),
    neural.leaky_relu.function: (NOT_ZERO,),
}
"""For each operand, where its values lie; anywhere in [−3, 3] where nothing is said."""

# Of at most 27 elements, so that derivatives are checked element by element.
small = some_shapes(max_side=3)


@st.composite
def elementwise(draw, *domains):
    """Operands that broadcast, of one dtype, each in a domain of its own."""
    dtype = draw(dtypes())
    common = draw(broadcastable_shapes(len(domains), max_side=3))
    return Call(
        tuple(
            draw(arrays(shape, dtype, **domain))
            for shape, domain in zip(common, domains, strict=True)
        )
    )


def ufunc_case(ufunc: np.ufunc) -> Strategy:
    domains = DOMAINS.get(ufunc, ({},) * ufunc.nin)
    return _shared.setdefault(repr(domains), elementwise(*domains))


_shared: dict[str, Strategy] = {}


def no_ties(call: Call) -> bool:
    x, y = call.operands
    return not np.any(x == y)


@st.composite
def quotient_not_whole(draw):
    """x and y with x / y away from whole numbers."""
    dtype = draw(dtypes())
    of_quotient, of_y = draw(broadcastable_shapes(2, max_side=3))
    y = draw(arrays(of_y, dtype, low=-2.0, high=2.0, away_from=[0.0, -0.25, 0.25]))
    quotient = draw(arrays(of_quotient, dtype, away_from=[k / 4 for k in range(-12, 13, 4)]))
    return Call((quotient * y, y))


@st.composite
def power(draw):
    """Any positive base; or any base, to an exponent that is a whole number."""
    if draw(st.booleans()):
        return draw(elementwise(*DOMAINS[np.power]))
    x = draw(arrays(small, away_from=[0.0]))
    n = draw(st.integers(-3, 4))
    exponent = draw(st.sampled_from([n, float(n), x.dtype.type(n)]))
    if draw(st.booleans()):
        # The derivative to the exponent is a complex number, or NaN, where the base is negative.
        exponent = np.full(x.shape, exponent, dtype=x.dtype)
    return Call((x,), after=(exponent,))


@st.composite
def rounding(draw):
    """Away from where the result jumps, by its number of decimals."""
    if draw(st.booleans()):
        x = draw(arrays(small, away_from=ODD_HALVES))
        return Call((x,), keywords=draw(st.sampled_from([{}, {"decimals": 0}])))
    x = draw(arrays(small))
    return Call((np.asarray(np.round(x, 1), x.dtype),), keywords={"decimals": 1})


@st.composite
def where(draw):
    x, y = draw(broadcastable_arrays(2))
    condition = draw(hnp.arrays(bool, np.broadcast_shapes(x.shape, y.shape)))
    return Call((x, y), before=(condition,))


@st.composite
def clip(draw):
    """An array and bounds that may be crossed, without ties."""
    dtype = draw(dtypes())
    x, low, high = (
        draw(arrays(shape, dtype)) for shape in draw(broadcastable_shapes(3, max_side=3))
    )
    low, high = low + dtype.type(2**-7), high + dtype.type(2**-8)
    return Call((x, low, high))


@st.composite
def clip_by_keyword(draw):
    x = draw(arrays(small, away_from=[-1.0, 1.0]))
    bounds = [{"a_min": -1.0, "a_max": None}, {"a_min": None, "a_max": 1.0}]
    if "min" in inspect.signature(np.clip).parameters:  # from NumPy 2.1 on
        bounds.append({"min": -1, "max": 1})
    return Call((x,), keywords=draw(st.sampled_from(bounds)))


# -- reductions ------------------------------------------------------------------------


def axis_of(ndim: int, *, many: bool = True) -> st.SearchStrategy[Any]:
    """All forms of an axis argument."""
    one = list(range(-ndim, ndim)) or [0, -1]  # NumPy lets a number have a first axis
    if not many:
        return st.sampled_from([None, *one])
    several = [axes for n in range(ndim + 1) for axes in combinations(range(ndim), n)]
    backwards = [tuple(a - ndim for a in axes[::-1]) for axes in several]
    return st.sampled_from([None, *one, *several, *backwards])


@st.composite
def reduction(draw, shape=small, many=True, keepdims=True, **values):
    """An array, an axis in any form, keepdims or not."""
    x = draw(arrays(shape, **values))
    keywords = {}
    if draw(st.integers(0, 3)):
        keywords["axis"] = draw(axis_of(x.ndim, many=many))
    if keepdims and draw(st.booleans()):
        keywords["keepdims"] = draw(st.booleans())
    return Call((x,), keywords=keywords)


full = some_shapes(min_side=1, max_side=3)
full_axes = some_shapes(min_dims=1, min_side=1, max_side=3)
planes = some_shapes(min_dims=2, min_side=1, max_side=3)


@st.composite
def spread(draw):
    """For var and std: more elements than degrees of freedom, and not all equal."""
    call = draw(reduction(full, unique=True))
    x = call.operands[0]
    axis = call.keywords.get("axis")
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    count = int(np.prod([x.shape[a] for a in axes])) if x.ndim else 1
    ddof = draw(st.sampled_from([d for d in (0, 1, 0.5) if d < count]))
    return Call(call.operands, keywords={**call.keywords, "ddof": ddof} if ddof else call.keywords)


@st.composite
def sum_with_dtype(draw):
    call = draw(reduction())
    if draw(st.integers(0, 4)) == 0:
        call.keywords["dtype"] = draw(dtypes())
    return call


def works(function: Callable[..., Any]) -> Callable[[Call], bool]:
    """Whether NumPy itself takes a call."""

    def check(call: Call) -> bool:
        args, keywords = call.arguments()
        try:
            function(*args, **keywords)
        except (ValueError, IndexError):
            return False
        return True

    return check


def along_axis(**values: Any) -> Strategy:
    """For softmax and the like: one axis, of at least one element."""

    @st.composite
    def case(draw):
        x = draw(arrays(full_axes, **values))
        if draw(st.booleans()):
            return Call((x,))
        return Call((x,), keywords={"axis": draw(st.integers(-x.ndim, x.ndim - 1))})

    return case()


def with_keepdims(case: Strategy) -> Strategy:
    return st.tuples(case, st.booleans()).map(
        lambda drawn: Call(
            drawn[0].operands,
            keywords={**drawn[0].keywords, **({"keepdims": True} if drawn[1] else {})},
        )
    )


# -- products --------------------------------------------------------------------------

side = st.sampled_from([1, 2, 3, 1, 2, 3, 0])


@st.composite
def matmul(draw):
    """Vectors, matrices and stacks of them, whose leading axes broadcast."""
    dtype = draw(dtypes())
    n, k, m = draw(side), draw(side), draw(side)
    rows, columns = draw(broadcastable_shapes(2, max_dims=2, max_side=2))
    left = (k,) if draw(st.integers(0, 3)) == 0 else (*rows, n, k)
    right = (k,) if draw(st.integers(0, 3)) == 0 else (*columns, k, m)
    return Call((draw(arrays(left, dtype)), draw(arrays(right, dtype))))


def pair(shape_pairs: st.SearchStrategy[Any]) -> Strategy:
    """Two arrays of given shapes and of one dtype."""

    @st.composite
    def case(draw):
        dtype = draw(dtypes())
        return Call(tuple(draw(arrays(shape, dtype)) for shape in draw(shape_pairs)))

    return case()


dot = pair(
    st.sampled_from(
        [
            ((), ()), ((), (2,)), ((2, 3), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)),
            ((2, 3), (3, 2)), ((2, 2, 3), (3,)), ((2, 2, 3), (3, 2)), ((3,), (2, 3, 2)),
            ((2, 3), (2, 3, 2)), ((2, 2, 3), (2, 3, 1)), ((2, 0), (0, 3)), ((0, 2), (2, 3)),
        ]
    )
)  # fmt: skip
inner = pair(
    st.sampled_from(
        [
            ((), ()),
            ((2, 3), ()),
            ((3,), (3,)),
            ((2, 3), (3,)),
            ((2, 3), (4, 3)),
            ((2, 2, 3), (1, 3)),
        ]
    )
)
vdot = pair(
    st.sampled_from([((), ()), ((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (3, 2)), ((0,), (0,))])
)
outer = pair(st.tuples(small, small).filter(lambda s: len(s[0]) + len(s[1]) < 4))


@st.composite
def tensordot(draw):
    dtype = draw(dtypes())
    a, b, axes = draw(
        st.sampled_from(
            [
                ((2, 3), (3, 2), 1), ((2, 3), (2, 3), 2), ((2,), (3,), 0), ((), (), 0),
                ((2, 3), (4, 3), (1, 1)), ((2, 3), (3, 2), ([0, 1], [1, 0])),
                ((2, 3, 2), (3, 2), ([1, -1], [0, 1])), ((2, 3, 2), (2, 2, 3), ((0, 1), (-2, 2))),
                ((0, 2), (2, 3), 1), ((2, 0), (0, 3), 1), ((2, 3), (3,), (-1, -1)),
            ]
        )
    )  # fmt: skip
    return Call((draw(arrays(a, dtype)), draw(arrays(b, dtype))), keywords={"axes": axes})


@st.composite
def linear(draw, bias):
    dtype = draw(dtypes())
    n, m = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    lead = draw(some_shapes(max_dims=2, max_side=3))
    x, weight = draw(arrays((*lead, n), dtype)), draw(arrays((m, n), dtype))
    return Call((x, weight, draw(arrays((m,), dtype))) if bias else (x, weight))


def same_shape(shape: Any = full) -> Strategy:
    """Two arrays of one shape and dtype."""
    return pair(shape.map(lambda s: (s, s)))


# -- the same numbers elsewhere ------------------------------------------------------------


@st.composite
def reshape(draw):
    x = draw(arrays(small))
    shapes = [(x.size,), x.shape[::-1], (1, *x.shape), (*x.shape, 1), x.size]
    if x.size:
        shapes += [(-1,), -1, (*x.shape[:1], -1), (-1, *x.shape[1:])]
    return Call((x,), after=(draw(st.sampled_from(shapes)),))


@st.composite
def squeeze(draw):
    x = draw(arrays(some_shapes(max_side=2)))
    ones = [i for i, n in enumerate(x.shape) if n == 1]
    axes = [None, tuple(ones), *ones, *[i - x.ndim for i in ones]]
    return Call((x,), keywords=draw(st.sampled_from([{}, *[{"axis": a} for a in axes]])))


@st.composite
def expand_dims(draw):
    x = draw(arrays(small))
    return Call((x,), after=(draw(st.sampled_from([0, -1, x.ndim, (0, -1), (1, 0), [0, 1]])),))


several = st.lists(arrays(small, np.float64), min_size=1, max_size=3).map(lambda a: Call(tuple(a)))


@st.composite
def broadcast_to(draw):
    small_shape, common = draw(broadcastable_shapes(2, max_side=3))
    shape = np.broadcast_shapes(small_shape, common)
    return Call((draw(arrays(small_shape)),), after=(shape,))


@st.composite
def transpose(draw):
    x = draw(arrays(small))
    order = draw(st.permutations(range(x.ndim)))
    mixed = [a - x.ndim * draw(st.integers(0, 1)) for a in order]  # from either end
    forms = [{}, {"axes": None}, {"axes": tuple(order)}, {"axes": mixed}]
    return Call((x,), keywords=draw(st.sampled_from(forms)))


@st.composite
def two_axes(draw):
    x = draw(arrays(some_shapes(min_dims=1, max_side=3)))
    axis = st.integers(-x.ndim, x.ndim - 1)
    return Call((x,), after=(draw(axis), draw(axis)))


@st.composite
def moveaxis(draw):
    x = draw(arrays(some_shapes(min_dims=1, max_side=3)))
    if draw(st.booleans()):
        axis = st.integers(-x.ndim, x.ndim - 1)
        return Call((x,), after=(draw(axis), draw(axis)))
    count = draw(st.integers(1, x.ndim))
    source = draw(st.permutations(range(x.ndim)))[:count]
    destination = draw(st.permutations(range(x.ndim)))[:count]
    return Call((x,), after=(tuple(source), [d - x.ndim for d in destination]))


@st.composite
def roll(draw):
    x = draw(arrays(small))
    shift = st.integers(-4, 4)
    if x.ndim == 0 or draw(st.booleans()):
        return Call((x,), after=(draw(shift),))
    axis = st.integers(-x.ndim, x.ndim - 1)
    if draw(st.booleans()):
        return Call((x,), after=(draw(shift),), keywords={"axis": draw(axis)})
    # The shifts of an axis that is named twice add up.
    axes = draw(st.lists(axis, min_size=1, max_size=3))
    shifts = draw(st.sampled_from([1, tuple(draw(shift) for _ in axes)]))
    return Call((x,), after=(shifts,), keywords={"axis": tuple(axes)})


@st.composite
def index_of(draw, shape):
    """A basic index, a mask, or whole numbers in which some repeat."""
    kinds = ["basic", "mask"]
    if shape and 0 not in shape:
        kinds += ["integers", "mixed", "list"]
    kind = draw(st.sampled_from(kinds))
    if kind == "basic":
        return draw(hnp.basic_indices(shape, allow_newaxis=True))
    if kind == "mask":
        return draw(hnp.arrays(bool, shape[: draw(st.integers(0, len(shape)))]))
    n = shape[0]
    if kind == "list":
        return draw(st.lists(st.integers(-n, n - 1), max_size=4))
    if kind == "mixed":
        places = draw(hnp.arrays(int, (3,), elements=st.integers(-n, n - 1)))
        rest = draw(st.sampled_from([(), (Ellipsis,), (None,), (0,) * (len(shape) - 1)]))
        return (places, *rest)
    to = draw(st.integers(1, 2)) if len(shape) > 1 else 1
    return tuple(draw(hnp.arrays(int, (2, 2), elements=st.integers(-m, m - 1))) for m in shape[:to])


@st.composite
def item(draw, keyword=False):
    x = draw(arrays(small))
    index = draw(index_of(x.shape))
    if isinstance(index, list) and keyword:
        index = np.array(index, dtype=int)
    return Call((x,), keywords={"index": index}) if keyword else Call((x,), after=(index,))


@st.composite
def scatter(draw):
    shape = draw(small)
    index = draw(index_of(shape))
    if isinstance(index, list):
        index = np.array(index, dtype=int)
    part = draw(arrays(np.zeros(shape)[index].shape))
    return Call((part,), keywords={"shape": shape, "index": index})


@st.composite
def gather(draw, put=False):
    """An index with holes, and the arrays that fill them."""
    shape = draw(some_shapes(min_dims=1, min_side=1, max_side=3))
    filling = draw(hnp.arrays(int, (2, 2), elements=st.integers(-shape[0], shape[0] - 1)))
    if draw(st.booleans()):
        filling = draw(hnp.arrays(bool, shape[:1]))
    index = draw(
        st.sampled_from(
            [indexing.TENSOR_SLOT, (indexing.TENSOR_SLOT, Ellipsis), (indexing.TENSOR_SLOT, None)]
        )
    )
    if not put:
        return Call((draw(arrays(shape)),), after=(filling,), keywords={"index": index})
    picked = np.zeros(shape)[indexing._filled(index, (filling,))]
    keywords = {"index": index, "shape": shape}
    return Call((draw(arrays(picked.shape)),), after=(filling,), keywords=keywords)


@st.composite
def take(draw):
    x = draw(arrays(full_axes))
    axis = draw(axis_of(x.ndim, many=False))
    n = x.size if axis is None else x.shape[axis]
    shape = draw(st.sampled_from([(), (3,), (2, 2), (0,)]))
    indices = draw(hnp.arrays(int, shape, elements=st.integers(-n, n - 1)))
    return Call((x,), after=(indices,), keywords={"axis": axis} if axis is not None else {})


@st.composite
def take_along_axis(draw):
    x = draw(arrays(full_axes))
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    n = x.shape[axis]
    shape = list(x.shape)
    shape[axis] = draw(st.integers(1, 3))
    if draw(st.integers(0, 3)) == 0:
        places = draw(hnp.arrays(int, (3,), elements=st.integers(-x.size, x.size - 1)))
        return Call((x,), after=(places,), keywords={"axis": None})
    # Indices broadcast against the other axes.
    shape = [1 if i != axis % x.ndim and draw(st.booleans()) else m for i, m in enumerate(shape)]
    indices = draw(hnp.arrays(int, tuple(shape), elements=st.integers(-n, n - 1)))
    return Call((x,), after=(indices,), keywords={"axis": axis})


@st.composite
def repeat(draw):
    x = draw(arrays(small))
    axis = draw(axis_of(x.ndim, many=False))
    n = x.size if axis is None or not x.ndim else x.shape[axis]
    each = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    repeats = draw(st.sampled_from([0, 2, each]))
    return Call((x,), after=(repeats,), keywords={"axis": axis} if axis is not None else {})


@st.composite
def tile(draw):
    x = draw(arrays(some_shapes(max_dims=2, max_side=3)))
    return Call((x,), after=(draw(st.sampled_from([1, 2, (2,), (1, 2), (2, 1, 2), (), 0])),))


@st.composite
def concatenate(draw, listed=True):
    """Arrays that differ along one axis, by any name of that axis, or flattened."""
    dtype = draw(dtypes())
    shape = draw(some_shapes(min_dims=1, max_side=3))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    lengths = draw(st.lists(st.integers(0, 2), min_size=1, max_size=3))
    k = axis % len(shape)
    operands = tuple(draw(arrays((*shape[:k], n, *shape[k + 1 :]), dtype)) for n in lengths)
    forms = [{"axis": axis}, {"axis": None}] if listed else [{"axis": axis}]
    keywords = draw(st.sampled_from([*forms, {}] if k == 0 else forms))
    return Call(operands, listed=listed, keywords=keywords)


@st.composite
def stack(draw):
    dtype, shape = draw(dtypes()), draw(some_shapes(max_dims=2, max_side=3))
    operands = tuple(draw(arrays(shape, dtype)) for _ in range(draw(st.integers(1, 3))))
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    return Call(operands, listed=True, keywords=draw(st.sampled_from([{}, {"axis": axis}])))


def stacked(*groups: tuple[tuple[int, ...], ...]) -> Strategy:
    """Arrays of one of these groups of shapes, as a list."""

    @st.composite
    def case(draw):
        dtype = draw(dtypes())
        operands = tuple(draw(arrays(s, dtype)) for s in draw(st.sampled_from(groups)))
        return Call(operands, listed=True)

    return case()


def split(axis: int | None = None, *, uneven: bool = False) -> Strategy:
    """Equal sections, or places to cut at; along any axis, or along the function's own."""

    @st.composite
    def case(draw):
        x = draw(arrays(some_shapes(min_dims=2, min_side=1)))
        along = draw(st.integers(-x.ndim, x.ndim - 1)) if axis is None else axis
        n = x.shape[along]
        sections = [k for k in range(1, 5) if uneven or n % k == 0]
        places = draw(st.lists(st.integers(0, n + 1), max_size=3)).copy()
        cut = draw(st.sampled_from([*sections, sorted(places)]))
        named = axis is None and (along != 0 or draw(st.booleans()))
        return Call((x,), after=(cut,), keywords={"axis": along} if named else {})

    return case()


@st.composite
def part(draw, output=False):
    """The split into given sizes that split and array_split come down to."""
    x = draw(arrays(some_shapes(min_dims=1, min_side=1)))
    axis = draw(st.integers(0, x.ndim - 1))
    first = draw(st.integers(0, x.shape[axis]))
    sizes = [first, x.shape[axis] - first]
    if output:
        x = np.moveaxis(x, axis, 0)
        return Call((x,), keywords={"sizes": sizes, "index": draw(st.integers(0, 1))})
    return Call((x,), keywords={"sizes": sizes, "axis": axis})


@st.composite
def diagonal(draw):
    x = draw(arrays(planes))
    axes = draw(st.permutations(range(x.ndim)))[:2]
    offset = {"offset": draw(st.integers(-2, 2))}
    named = {"axis1": axes[0], "axis2": axes[1] - x.ndim}
    return Call((x,), keywords=draw(st.sampled_from([{}, offset, {**offset, **named}])))


@st.composite
def diag(draw):
    x = draw(arrays(some_shapes(min_dims=1, max_dims=2, min_side=1, max_side=3)))
    return Call((x,), keywords=draw(st.sampled_from([{}, {"k": 1}, {"k": -2}])))


@st.composite
def triangle(draw):
    x = draw(arrays(some_shapes(min_dims=2, max_side=3)))
    return Call((x,), keywords=draw(st.sampled_from([{}, {"k": 1}, {"k": -1}])))


@st.composite
def pad(draw):
    x = draw(arrays(some_shapes(max_side=2)))
    each = st.tuples(st.integers(0, 2), st.integers(0, 2))
    widths = [2, (1, 2), ((2, 1),), [draw(each) for _ in range(x.ndim)] or 1]
    keywords = draw(st.sampled_from([{}, {"mode": "constant"}, {"constant_values": 1.5}]))
    return Call((x,), after=(draw(st.sampled_from(widths)),), keywords=keywords)


@st.composite
def diff(draw):
    x = draw(arrays(full_axes))
    axis = {"axis": draw(st.integers(-x.ndim, x.ndim - 1))}
    n = {"n": draw(st.integers(0, 2))}
    return Call((x,), keywords=draw(st.sampled_from([{}, axis, n, {**axis, **n}])))


@st.composite
def astype(draw):
    return Call((draw(arrays(small)),), keywords={"dtype": draw(dtypes())})


# -- functions without a derivative --------------------------------------------------------

whole = st.sampled_from([np.dtype(bool), np.dtype(np.int64)])


@st.composite
def bits(draw, count=2):
    dtype = draw(whole)
    each = draw(broadcastable_shapes(count, max_side=3))
    return Call(tuple(draw(hnp.arrays(dtype, shape)) for shape in each))


@st.composite
def with_special(draw):
    x = draw(arrays(small, on=[np.nan, np.inf, -np.inf, -0.0]))
    return Call((x,))


@st.composite
def searchsorted(draw):
    a = np.sort(draw(arrays((5,), np.float64)))
    v = draw(arrays(small, np.float64))
    return Call((a, v), keywords=draw(st.sampled_from([{}, {"side": "right"}])))


one = arrays(small).map(lambda x: Call((x,)))
two = broadcastable_arrays(2).map(Call)
flips = reduction(keepdims=False)

# -- the cases -----------------------------------------------------------------------------

CASES: dict[Callable[..., Any], Strategy] = {
    function: ufunc_case(function) for function in ENTRIES if isinstance(function, np.ufunc)
}
DEFAULTS = dict(CASES)
CASES |= dict.fromkeys(
    [np.maximum, np.minimum, np.fmax, np.fmin], elementwise({}, {}).filter(no_ties)
)
CASES |= dict.fromkeys([np.floor_divide, np.remainder, np.fmod], quotient_not_whole())
CASES |= dict.fromkeys([np.bitwise_and, np.bitwise_or, np.bitwise_xor], bits())
CASES |= dict.fromkeys([np.isnan, np.isinf, np.isfinite, np.signbit], with_special())
CASES |= {
    np.invert: bits(1),
    np.matmul: matmul(),
    np.power: power(),
    np.float_power: power(),
    # Arithmetic
    np.round: rounding(),
    np.where: where(),
    arithmetic.choice.function: where(),
    np.clip: clip_by_keyword() | clip(),
    arithmetic.between.function: clip(),
    # Reductions
    np.sum: sum_with_dtype(),
    np.mean: reduction(full),
    np.var: spread(),
    np.std: spread(),
    np.max: reduction(unique=True),
    np.min: reduction(unique=True),
    np.prod: reduction(on=[0.0], low=-2.0, high=2.0),
    np.cumsum: reduction(many=False, keepdims=False),
    # Products
    np.dot: dot,
    np.tensordot: tensordot(),
    np.vdot: vdot,
    np.inner: inner,
    np.outer: outer,
    # Shapes
    shapes.reshape.function: reshape().map(
        lambda call: Call(call.operands, keywords={"shape": call.after[0]})
    ),
    np.reshape: reshape(),
    np.ravel: one,
    np.squeeze: squeeze(),
    np.expand_dims: expand_dims(),
    np.atleast_1d: several,
    np.atleast_2d: several,
    np.broadcast_to: broadcast_to(),
    np.copy: one,
    shapes._cast.function: astype(),
    np.ndarray.astype: astype(),
    np.transpose: transpose(),
    np.swapaxes: two_axes(),
    np.moveaxis: moveaxis(),
    np.flip: flips,
    np.flipud: arrays(full_axes).map(lambda x: Call((x,))),
    np.fliplr: arrays(planes).map(lambda x: Call((x,))),
    np.roll: roll(),
    # Selecting, placing
    indexing.getitem.function: item(keyword=True),
    indexing.scatter.function: scatter(),
    indexing.gather.function: gather(),
    indexing.put.function: gather(put=True),
    operator.getitem: item(),
    np.take: take(),
    np.take_along_axis: take_along_axis(),
    np.sort: reduction(full_axes, many=False, keepdims=False, unique=True),
    np.repeat: repeat(),
    np.tile: tile(),
    # Joining, splitting
    shapes.join.function: concatenate(listed=False),
    shapes.part.function: part(),
    primitive.output.function: part(output=True),
    np.concatenate: concatenate(),
    np.stack: stack(),
    np.vstack: stacked(((), ()), ((3,), (3,)), ((2, 3), (3,), (1, 3)), ((2, 1, 2), (1, 1, 2))),
    np.hstack: stacked(((), (2,)), ((3,), (2,)), ((2, 3), (2, 1)), ((2, 1, 2), (2, 2, 2))),
    np.column_stack: stacked(((3,), (3,)), ((3,), (3, 2)), ((2, 1), (2, 3), (2,)), ((), ())),
    np.split: split(),
    np.array_split: split(uneven=True),
    np.hsplit: split(1),
    np.vsplit: split(0),
    # Diagonals, borders
    np.diagonal: diagonal(),
    np.trace: diagonal(),
    np.diag: diag(),
    np.tril: triangle(),
    np.triu: triangle(),
    np.pad: pad(),
    np.diff: diff(),
    # Fused
    neural.linear.function: linear(bias=False),
    neural.affine.function: linear(bias=True),
    neural.sigmoid.function: one,
    neural.relu.function: elementwise(NOT_ZERO),
    neural.leaky_relu.function: st.tuples(
        elementwise(NOT_ZERO), st.sampled_from([{}, {"slope": 0.5}])
    ).map(lambda drawn: Call(drawn[0].operands, keywords=drawn[1])),
    neural.softplus.function: one,
    neural.logsumexp.function: with_keepdims(along_axis()),
    neural.softmax.function: along_axis(),
    neural.log_softmax.function: along_axis(),
    neural.mse.function: same_shape(),
    neural.bce_with_logits.function: elementwise({}, {"low": 0.0, "high": 1.0}),
    neural.bce.function: elementwise({"low": 0.125, "high": 0.875}, {"low": 0.0, "high": 1.0}),
    # Without a derivative
    np.argmax: reduction(full, many=False),
    np.argmin: reduction(full, many=False),
    np.argsort: reduction(full_axes, many=False, keepdims=False, unique=True),
    np.any: reduction(on=[0.0]),
    np.all: reduction(on=[0.0]),
    np.count_nonzero: reduction(on=[0.0]),
    np.searchsorted: searchsorted(),
    np.isclose: two,
    np.allclose: two,
    np.array_equal: same_shape(),
    np.array_equiv: two,
    np.full_like: arrays(small).map(lambda x: Call((x,), after=(2.0,))),
    np.result_type: two,
    np.can_cast: arrays(full_axes).map(lambda x: Call((x,), after=(np.float32,))),
}
AXES = [
    *(np.sum, np.mean, np.var, np.std, np.max, np.min, np.prod, np.cumsum, np.flip, np.argmax),
    *(np.argmin, np.any, np.all, np.count_nonzero, np.take, np.repeat),
]
# A maximum of nothing, or the second axis of a number, is NumPy's error, not ours.
CASES |= {function: CASES[function].filter(works(function)) for function in AXES}
QUESTIONS_OF_ONE_ARRAY = [
    *(np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like),
    *(np.array2string, np.array_repr, np.array_str, np.iscomplexobj, np.isrealobj),
]
CASES |= dict.fromkeys(QUESTIONS_OF_ONE_ARRAY, one)
CASES |= {f: one for f, entry in ENTRIES.items() if entry.name in ("alias", "detach")}
CASES |= {
    function: case.map(lambda call: Call(**call)) for function, case in layer_cases.CASES.items()
}


def listed_call(args: tuple[Any, ...], keywords: dict[str, Any]) -> Call:
    """Return a call of calls.py, where operands are marked."""
    places = [i for i, a in enumerate(args) if isinstance(a, (calls.V, calls.In))]
    first, last = places[0], places[-1]
    listed = isinstance(args[first], calls.In)
    marked = args[first].operands if listed else args[first : last + 1]
    operands = tuple(v.array for v in marked)
    return Call(operands, args[:first], args[last + 1 :], keywords, listed)


def in_form(call: Call, dtype: np.dtype[Any], layout: str) -> Call:
    """Return a call with its operands in another dtype and layout."""
    operands = tuple(laid_out(x.astype(dtype), layout) for x in call.operands)
    return replace(call, operands=operands)


def one_of(calls: list[Call]) -> Strategy:
    layouts = st.sampled_from([name for name in LAYOUTS if name != "broadcast"])  # it merges values
    return st.builds(in_form, st.sampled_from(calls), dtypes(), layouts)


LISTED = {f: [listed_call(*call) for call in forms] for f, forms in calls.CALLS.items()}
WHERE = {"where": np.array([True, False, True, True]), "initial": 2.0}
MORE = {
    # To both of its arguments, x**y is differentiable at y = 0 too.
    np.power: [Call((np.array([0.5, 2.0]), np.array([0.0, 1.0])))],
    np.float_power: [Call((np.array([0.5, 2.0]), np.array([0.0, 1.0])))],
    # Neither is its own inverse.
    np.transpose: [Call((calls.v(2, 3, 4).array,), keywords={"axes": (1, -1, 0)})],
    np.roll: [Call((calls.v(3, 4).array,), after=((1, 1),), keywords={"axis": (0, -1)})],
    np.linalg.solve: [Call((calls.matrix(3, 3).array, calls.v(2, 3, 2).array))],
    np.cumprod: [
        Call((f(*shape).array,), keywords={"axis": axis})
        for f in (calls.v, calls.zeros)
        for shape, axis in [((2, 3, 2), 2), ((3, 2, 2), 0), ((5,), 0)]
    ],
    **{f: [Call((calls.v(2, 4).array,), keywords=WHERE)] for f in (np.sum, np.prod, np.min)},
}
MORE[np.cumsum] = [Call((np.array(2.0),), keywords={"axis": 0})]
MORE[np.prod].append(Call((calls.v(2, 3).array,), keywords={"axis": -1}))
MORE[np.prod].append(Call((np.array(0.0),), keywords={"axis": 0}))
LISTED |= {f: LISTED.get(f, []) + forms for f, forms in MORE.items()}
for function, forms in LISTED.items():
    known = CASES.get(function)
    # The domain of most ufuncs that are listed is not all of the numbers.
    guessed = known is DEFAULTS.get(function) and function not in DOMAINS
    CASES[function] = one_of(forms) if guessed else one_of(forms) | known


CASES[factorisations.polar.function] = one_of(
    [Call((calls.tall(*shape).array,)) for shape in [(3, 3), (2, 4, 2), (2, 3)]]
)
CASES[transcendental.bessel.function] = st.tuples(arrays(small), st.integers(0, 3)).map(
    lambda drawn: Call(drawn[:1], keywords={"order": drawn[1]})
)

CASES[arithmetic.turns.function] = st.sampled_from(
    [
        Call((np.array(p),), after=(period,))
        for p in ([0.1, 5.0, 12.0], [0.3])
        for period in (4.0, 6.3)
    ]
)
CASES[facts.holding.function] = arrays(small).map(
    lambda x: Call((x,), after=(np.bool_(True),), keywords={"is_so": True, "what": ""})
)
CASES[transcendental.cosine.function] = CASES[np.hypot]
CASES[norms.powers.function] = st.builds(
    lambda x, order, signed: Call((x,), keywords={"order": order, "signed": signed}),
    arrays(small, away_from=[0.0]),
    st.sampled_from([1.5, 2.0, 3.0]),
    st.booleans(),
)

CASES |= {f: CASES[np.vstack] for f, entry in ENTRIES.items() if entry.name == "row_stack"}


def recorded_calls() -> dict[Callable[..., Any], list[Call]]:
    """Return the calls of internal primitives that those of calls.py come down to."""
    found: dict[Callable[..., Any], list[Call]] = {}
    for function, forms in LISTED.items():
        for call in forms:
            with np.errstate(all="ignore"):
                waiting = results_of(evaluate(ENTRIES[function], call, leaves(call)))
            while waiting:
                t = waiting.pop()
                if isinstance(t, Tensor) and t.tape.primitive is not None:
                    waiting += t.tape.operands
                    floats = [
                        v for v in t.tape.values if hasattr(v, "dtype") and v.dtype.kind in "fc"
                    ]
                    rest = t.tape.values[len(floats) :]
                    form = Call(tuple(floats), after=rest, keywords=t.tape.parameters)
                    found.setdefault(t.tape.primitive.function, []).append(form)
    return found


def eigen(a: Any) -> Any:
    """What is the same for eigenvectors of any phase and length."""
    values, vectors = a
    return values, np.abs(vectors) ** 2 / np.sum(np.abs(vectors) ** 2, axis=-2, keepdims=True)


NOT_UNIQUE = {f: eigen for f, entry in ENTRIES.items() if entry.name == "eig"}
"""What to look at, of results that are not unique."""


def results_of(result: Any) -> list[Any]:
    return list(result) if isinstance(result, (list, tuple)) else [result]


REACHED = {f: forms for f, forms in recorded_calls().items() if f not in CASES and f in ENTRIES}
"""Internal primitives whose calls are not written down: those that public functions make."""
CASES |= {f: st.sampled_from(forms) for f, forms in REACHED.items()}


# -- what each entry should be: NumPy's function, or its own words for it ---------------------


def _scatter(part: Any, shape: Any, index: Any) -> Any:
    whole = np.zeros(shape, dtype=part.dtype)
    places = np.arange(whole.size).reshape(shape)[index]
    for place, value in zip(places.ravel(), np.ravel(part), strict=True):
        whole.flat[place] += value
    return whole


def _put(part: Any, filling: Any, *, index: Any, shape: Any) -> Any:
    return _scatter(part, shape, indexing._filled(index, (filling,)))


def _bessel(x: Any, order: int) -> Any:
    """The power series, for |x| ≤ 3."""
    terms = [(0.5 * x) ** (2 * k + order) / factorial(k) / factorial(k + order) for k in range(25)]
    return sum(terms)


def _polar(a: Any) -> Any:
    """The matrix over its size, a (aᵀa)^(-1/2); of a wide one, its transpose's transposed."""
    if a.shape[-1] > a.shape[-2]:
        return np.swapaxes(_polar(np.swapaxes(a, -1, -2)), -1, -2)
    w, v = np.linalg.eigh(np.swapaxes(a, -1, -2) @ a)
    return a @ (v / np.sqrt(w)[..., None, :]) @ np.swapaxes(v, -1, -2)


INTERNAL: dict[Callable[..., Any], Callable[..., Any]] = {
    arithmetic.between.function: lambda x, low, high: np.clip(x, low, high),
    shapes.reshape.function: lambda a, shape: a.reshape(shape),
    shapes._cast.function: lambda x, dtype: x.astype(dtype),
    indexing.getitem.function: lambda x, index: x[index],
    indexing.scatter.function: _scatter,
    indexing.gather.function: lambda x, filling, index: x[indexing._filled(index, (filling,))],
    indexing.put.function: _put,
    shapes.join.function: lambda *arrays, axis=0: np.concatenate(arrays, axis=axis),
    shapes.part.function: lambda array, sizes, axis=0: tuple(
        np.split(array, np.cumsum(sizes)[:-1], axis)
    ),
    primitive.output.function: lambda array, sizes, index: np.split(array, [sizes[0]])[index],
    transcendental.bessel.function: _bessel,
    norms.powers.function: lambda x, order, signed: (
        np.copysign(np.abs(x) ** order, x) if signed else np.abs(x) ** order
    ),
    factorisations.polar.function: _polar,
    arithmetic.turns.function: lambda p, period: np.unwrap(p, period=period) - p,
    facts.holding.function: lambda x, fact, is_so, what: x,
    **{f: (lambda x: x) for f, entry in ENTRIES.items() if entry.name in ("alias", "detach")},
    **layer_cases.INTERNAL,
}
"""The internal primitives that stand for no composition, in other words."""


def reference(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what an entry should compute, on plain arrays."""
    if not is_internal(function):
        return function
    entry = ENTRIES[function]
    # What is only reached from public functions is held to be right where those are.
    return entry.decomposition or INTERNAL.get(function, entry.function)
