"""What looks at values inside of itself, as one step of a program.

`np.median` asks where numbers stand, and the rule of `np.prod` whether one is 0: on the tape
is what follows for these numbers. A *closed* step is the whole function instead, which looks
again in each run. Its derivative is closed too: the pullback, which runs the function on a
tape of its own. So every order of derivative is right, at the price of eager code.

>>> import numpy as np
>>> from autograd_lite import compile, grad
>>> step = compile(grad(np.prod), back_end="numpy")
>>> step(np.array([2.0, 3.0])), step(np.array([0.0, 3.0]))
(array([3., 2.]), array([3., 0.]))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backward import conjugate_if_complex
from ..errors import CompileError
from ..modes import GRADIENT, recording
from ..primitive import Primitive
from ..tensor import Tensor, unwrap
from ..transforms import vjp
from ..trees import flatten

OF_SHAPES = frozenset({
    "unique", "unique_all", "unique_counts", "unique_inverse", "unique_values", "union1d",
    "intersect1d", "setxor1d", "setdiff1d", "trim_zeros", "extract", "compress",
    "real_if_close", "delete", "insert", "piecewise",
})  # fmt: skip
"""Functions whose result has a shape, or a dtype, that depends on values: they are no step."""


def call(entry: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Call a function of the table as one closed step."""
    leaves, rebuild = flatten((list(args), kwargs))
    places = [i for i, x in enumerate(leaves) if isinstance(x, Tensor)]
    form: list[Any] = []

    def function(*arrays: Any) -> tuple[Any, ...]:
        given = list(leaves)
        for i, x in zip(places, arrays, strict=True):
            given[i] = x
        own_args, own_kwargs = rebuild(given)
        numbers, rebuilt = flatten(entry.from_numpy(own_args, own_kwargs))
        form[:] = [rebuilt]
        return tuple(numbers)

    tensors = [leaves[i] for i in places]
    leaves = [None if i in places else x for i, x in enumerate(leaves)]
    made = closed(function, entry.name, several=True).apply(*tensors)
    return form[0](list(made))


def in_place_of(primitive: Primitive, parameters: Any) -> tuple[Primitive, None]:
    """Return a primitive that computes the same, and whose rule is closed; and its parameters."""
    given = dict(parameters or {})
    by_name = primitive.operands if primitive.by_name else ()

    def function(*arrays: Any) -> Any:
        if by_name:
            return primitive.apply(**dict(zip(by_name, arrays, strict=True)), **given)
        return primitive.apply(*arrays, **given)

    made = closed(function, primitive.name, several=primitive.outputs, single=primitive.elementwise)
    return made, None


@dataclass(frozen=True)
class Closed:
    """What a closed primitive is made of: see `closed`."""

    function: Callable[..., Any]
    several: bool
    single: bool


def closed(
    function: Callable[..., Any], name: str, several: bool, single: bool = False
) -> Primitive:
    """Return a primitive of a function that runs on arrays, with its pullback as its rule.

    Parameters
    ----------
    function
        Takes arrays, or Tensors to be differentiated through.
    name
        How it is called.
    several
        Whether it returns a tuple.
    single
        Whether it works on single elements, as long as all operands have one shape. Then so
        does its pullback, which otherwise sums up what was broadcast.
    """
    shapes: list[Any] = []

    def forward(*arrays: Any) -> Any:
        with recording(lambda outside: GRADIENT):  # what it does is no part of the program
            made = function(*arrays)
        numbers = [np.asarray(unwrap(x))[()] for x in (made if several else (made,))]
        found = [(x.shape, x.dtype) for x in numbers]
        shapes[:] = shapes or [found]
        if found != shapes[0]:
            raise CompileError(
                f"'{name}' gave arrays of {shapes[0]} when this was compiled, and gives {found} "
                "now, which hangs on the values: what follows was compiled for those shapes."
            )
        return tuple(numbers) if several else numbers[0]

    def joint(g: Any, arrays: Any) -> tuple[Any, ...]:
        floats = [i for i, x in enumerate(arrays) if _is_float(x)]
        pullback = _pullback(function, len(arrays), floats, several)
        pulled = closed(pullback, name, several=True, single=single)
        made = iter(pulled.apply(*(g if several else [g]), *arrays))
        return tuple(next(made) if i in floats else None for i in range(len(arrays)))

    primitive = Primitive(forward, {}, name=name, operands="*arrays", joint=joint, outputs=several)
    primitive.is_closed = True
    primitive.closes = Closed(function, several, single)
    return primitive


def _pullback(
    function: Callable[..., Any], operands: int, floats: Sequence[int], several: bool
) -> Callable[..., tuple[Any, ...]]:
    """Return the function from upstream gradients and operands to the gradients of operands."""

    def pulled(*given: Any) -> tuple[Any, ...]:
        count = len(given) - operands
        upstream, arrays = given[:count], given[count:]

        def of_floats(*chosen: Any) -> Any:
            own = list(arrays)
            for i, x in zip(floats, chosen, strict=True):
                own[i] = x
            made = function(*own)
            numbers = made if several else (made,)
            return tuple(x for x in numbers if _is_float(x))

        _, back = vjp(of_floats, *(arrays[i] for i in floats))
        seeds = [
            conjugate_if_complex(np.asarray(g)[()] if not isinstance(g, Tensor) else g)
            for g in upstream
        ]
        kept = [g for g in seeds if _is_float(g)]
        return tuple(conjugate_if_complex(g) for g in back(tuple(kept)))

    return pulled


def _is_float(x: Any) -> bool:
    return np.result_type(unwrap(x)).kind in "fc"
