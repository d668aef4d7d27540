"""What a hand-written gradient takes and returns, as lists of arrays.

People return a tuple, a dict, a list of lists; one number for an array of one, or the gradient
alone where there is one argument. What does not have the form of the arguments is refused in
one sentence.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import CheckInputError
from ..tensor import Array, Tensor
from ..trees import flatten
from .arguments import describe_function


def chosen(
    f: Callable[..., Any], inputs: tuple[Any, ...], argnum: int | tuple[int, ...] | None
) -> list[int]:
    """Return which arguments are differentiated."""
    if argnum is not None:
        chosen = [argnum] if isinstance(argnum, int) else list(argnum)
        for n in chosen:
            if not isinstance(n, int) or not 0 <= n < len(inputs):
                raise CheckInputError(
                    f"argnum is {argnum!r}, and there are {len(inputs)} arguments: count from 0."
                )
        return chosen
    chosen = [i for i, x in enumerate(inputs) if _holds_floats(x)]
    if not chosen:
        raise CheckInputError(
            f"There is no float among the arguments of {describe_function(f)}: give the point "
            "where to check."
        )
    return chosen


def _holds_floats(x: Any) -> bool:
    leaves = flatten(x)[0]
    return bool(leaves) and all(np.asarray(leaf).dtype.kind in "fc" for leaf in leaves)


def leaves_like(g: Any, x: Any, name: str) -> list[Array]:
    """Return the arrays of one argument's gradient, which has the argument's form."""
    if isinstance(x, dict):
        if not isinstance(g, dict):
            raise CheckInputError(
                f"{name} is a dict, and its gradient is of type {type(g).__name__}: return a dict "
                "with the same keys."
            )
        if g.keys() != x.keys():
            missing, more = [k for k in x if k not in g], [k for k in g if k not in x]
            raise CheckInputError(
                f"The gradient of {name} must have its keys; missing: {missing}, unknown: {more}."
            )
        return [leaf for key in x for leaf in leaves_like(g[key], x[key], f"{name}[{key!r}]")]
    if isinstance(x, (list, tuple)):
        if not isinstance(g, (list, tuple)) or len(g) != len(x):
            what = f"has {len(g)}" if isinstance(g, (list, tuple)) else f"is {type(g).__name__}"
            raise CheckInputError(
                f"{name} has {len(x)} parts, and its gradient {what}: return a {type(x).__name__} "
                "of as many."
            )
        parts = enumerate(zip(g, x, strict=True))
        return [leaf for i, (a, b) in parts for leaf in leaves_like(a, b, f"{name}[{i}]")]
    if g is None:
        raise CheckInputError(f"The gradient of {name} is None: return an array of its shape.")
    found = flatten(g)[0] if not isinstance(g, (np.ndarray, Tensor)) else [g]
    if isinstance(g, (list, tuple)):
        try:
            found = [np.asarray(g, dtype=np.float64)]
        except (TypeError, ValueError):
            found = []
    expected = len(flatten(x)[0])
    if len(found) != expected or not found:
        raise CheckInputError(
            f"The gradient of {name} is of type {type(g).__name__}: return an array of its shape."
        )
    arrays = [np.asarray(leaf.data if isinstance(leaf, Tensor) else leaf) for leaf in found]
    for a in arrays:
        if a.dtype.kind not in "fiubc":
            raise CheckInputError(
                f"The gradient of {name} has dtype {a.dtype}: return an array of numbers."
            )
    return arrays


def with_parameters(names: Sequence[str]) -> Callable[..., Any]:
    """Return a function whose parameters have these names."""

    def function(*args: Any) -> Any:
        return args

    if all(name.isidentifier() for name in names):
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(name, kind) for name in names]
        function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


def lending(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Call a function whose arguments may not be written into, and say so where it does."""
    try:
        return function(*arguments)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise CheckInputError(
            f"{describe_function(function)} writes into an array that it was given: let it make a "
            f"new one ({error})."
        ) from error
