"""A function on Tensors, and its derivatives, as functions from lists to lists of real arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import CheckInputError
from ..tensor import Array, Tensor, constant, to_numpy
from ..transforms import grad
from ..trees import flatten, paths
from .arguments import Point, describe_function

Function = Callable[..., list[Any]]
"""From arrays or Tensors, one for each argument, to a list of real results."""


class CheckedProgram:
    """A function of any arguments as one from a list of real arrays to a list of real results."""

    def __init__(self, f: Callable[..., Any], inputs: Sequence[Any]) -> None:
        self.f, self.name = f, describe_function(f)
        self.point = Point.of(f, inputs)
        self.arrays = [part for x in self.point.arrays for part in parts_of(x)]
        self.names = [
            name
            for name, x in zip(self.point.names, self.point.arrays, strict=True)
            for name in part_names(name, x)
        ]

    def __call__(self, *parts: Any) -> list[Any]:
        """Return those results that can have a derivative, in real parts."""
        rest = iter(parts)
        result = self.point.call(self.f, [whole(x.dtype.kind, rest) for x in self.point.arrays])
        if result is None:
            raise CheckInputError(f"{self.name} returned None: is a 'return' missing?")
        leaves = [result] if isinstance(result, Tensor) else flatten(result)[0]
        results = [x if isinstance(x, Tensor) else np.asarray(x) for x in leaves]
        if any(x.dtype.kind == "c" for x in results) and _is_complex_step(parts):
            return results
        found = [part for x in results if x.dtype.kind in "fc" for part in parts_of(x)]
        if not found:
            raise CheckInputError(
                f"{self.name} returned no floating-point number, so there is nothing to "
                "differentiate."
            )
        return found

    def result_names(self) -> list[str]:
        """Return what to call each of the results, as in ``"result['loss']"``."""
        result = self.point.call(self.f, list(map(constant, self.point.arrays)))
        leaves, _ = flatten(result)
        return [
            part
            for path, x in zip(paths(result), map(to_numpy, leaves), strict=True)
            if x.dtype.kind in "fc"
            for part in part_names(f"result{path}", x)
        ]


def _is_complex_step(parts: Sequence[Any]) -> bool:
    """Whether real parts are complex for once: see `numerical.slopes`."""
    return any(np.result_type(to_numpy(x)).kind == "c" for x in parts)


def parts_of(x: Any) -> tuple[Any, ...]:
    """Return the real and imaginary part of what is complex, or a real array as it is."""
    return (np.real(x), np.imag(x)) if x.dtype.kind == "c" else (x,)


def whole(kind: str, parts: Iterator[Any]) -> Any:
    """Put the next array together from its parts."""
    return next(parts) + next(parts) * 1j if kind == "c" else next(parts)


def part_names(name: str, x: Array) -> tuple[str, ...]:
    """Return what to call the parts of an array."""
    parts = (f"the real part of {name}", f"the imaginary part of {name}")
    return parts if x.dtype.kind == "c" else (name,)


def derivative_of(function: Function, weights: Sequence[Array], count: int) -> Function:
    """Return the function of the gradients of the results' weighted sum."""

    def contracted(*xs: Any) -> Any:
        total: Any = 0.0
        for result, w in zip(function(*xs), weights, strict=True):
            total = total + np.sum(result * w.astype(result.dtype)[()])
        return np.real(total) if _is_complex_step(xs) else total

    gradient = grad(contracted, tuple(range(count)))

    def derivative(*xs: Any) -> list[Any]:
        gradients = list(gradient(*xs))
        # The gradient of the real part of an analytic function is its derivative's conjugate.
        return list(map(np.conj, gradients)) if _is_complex_step(xs) else gradients

    return derivative


def on_arrays(function: Function) -> Callable[..., list[Array]]:
    """Return a function of Tensors as one of arrays."""
    return lambda *arrays: list(map(to_numpy, function(*map(constant, arrays))))


def split(row: Array, like: Sequence[Array]) -> list[Array]:
    """Cut a row of numbers into arrays like the given ones."""
    cut, begin = [], 0
    for x in like:
        cut.append(row[begin : begin + x.size].reshape(x.shape).astype(x.dtype))
        begin += x.size
    return cut
