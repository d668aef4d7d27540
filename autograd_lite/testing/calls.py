"""A loss and its hand-written gradient, called at flat lists of real arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import CheckInputError
from ..tensor import Tensor
from .arguments import Point, describe_function, parameter_names
from .diagnosis import Array
from .forms import chosen, leaves_like, lending, with_parameters
from .numerical import read_only
from .programs import part_names, parts_of, whole
from .report import Report


class FunctionPair:
    """What `check_gradient_function` was given, as functions of a list of real arrays.

    What is complex is moved, and its gradient checked, in its real and imaginary part.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        grad_f: Callable[..., Any],
        inputs: tuple[Any, ...],
        argnum: int | tuple[int, ...] | None,
    ) -> None:
        if not callable(f) or not callable(grad_f):
            raise CheckInputError(
                "check_gradient_function takes two functions, the loss and its gradient, and then "
                "the point where to check."
            )
        self.f, self.grad_f, self.inputs = f, grad_f, inputs
        self.chosen = chosen(f, inputs, argnum)
        self.is_single = isinstance(argnum, int) or (argnum is None and len(self.chosen) == 1)
        every = parameter_names(f, len(inputs))
        self.point = Point.of(
            with_parameters([every[i] for i in self.chosen]), [inputs[i] for i in self.chosen]
        )
        self.kinds = [x.dtype.kind for x in self.point.arrays]
        self.numbers = [i for i, x in enumerate(self.point.arrays) if not x.ndim]
        self.own = [part for x in self.point.arrays for part in parts_of(x)]
        self.names = [
            name
            for of, x in zip(self.point.names, self.point.arrays, strict=True)
            for name in part_names(of, x)
        ]
        self.report = Report(describe_function(f))
        self.epsilon = max([float(np.finfo(x.dtype).eps) for x in self.own], default=0.0)

    def arguments(self, arrays: Sequence[Any]) -> list[Any]:
        """Return what `f` takes, with other arrays in the places of those that are moved."""
        arguments = list(self.inputs)
        like = list(arrays)
        if "c" in self.kinds:
            parts = iter(arrays)
            like = [whole(kind, parts) for kind in self.kinds]
            like = [read_only(x) if isinstance(x, np.ndarray) else x for x in like]
        for i in self.numbers:
            if isinstance(like[i], np.ndarray):
                like[i] = like[i][()]  # without dimensions it is the number that was given
        for i, x in zip(self.chosen, self.point.arguments(like), strict=True):
            arguments[i] = x
        return arguments

    def value(self, *arrays: Any) -> list[Array]:
        """Return the loss as a list of one array."""
        self.report.evaluations += 1
        value = lending(self.f, self.arguments(arrays))
        if isinstance(value, Tensor):
            value = value.data
        if value is None or not isinstance(value, (int, float, complex, np.ndarray, np.generic)):
            raise CheckInputError(
                f"{describe_function(self.f)} returned "
                f"{type(value).__name__ if value is not None else None}, and a gradient is of "
                "one number: return the loss."
            )
        array = np.asarray(value)
        if array.size != 1 or array.dtype.kind not in "fiu":
            what = f"shape {array.shape}" if array.size != 1 else f"dtype {array.dtype}"
            raise CheckInputError(
                f"{describe_function(self.f)} returned {what}, and a gradient is of one real "
                "number: return the loss, or its sum with fixed weights (see with_cache)."
            )
        return [array.reshape(())]

    def gradient(self, arrays: Sequence[Array]) -> list[Array]:
        """Return what the hand-written gradient says, an array for each that is moved."""
        self.report.gradients += 1
        given = lending(self.grad_f, self.arguments(arrays))
        return self.matched(given)

    def matched(self, given: Any) -> list[Array]:
        """Return the arrays of a gradient in the order of the arguments'."""
        name = describe_function(self.grad_f)
        if given is None:
            raise CheckInputError(f"{name} returned None: return the gradient.")
        wanted = [self.inputs[i] for i in self.chosen]
        several: Sequence[Any]
        if self.is_single:
            several = [given]
            alone = isinstance(given, (tuple, list)) and len(given) == 1
            if alone and not isinstance(wanted[0], (tuple, list)):
                several = [given[0]]
        elif isinstance(given, (tuple, list)):
            several = given
        else:
            raise CheckInputError(
                f"{name} returned one {type(given).__name__}, and there are {len(wanted)} "
                f"arguments that hold floats: return a tuple of {len(wanted)} gradients, or say "
                "with argnum= of which argument it is."
            )
        if len(several) != len(wanted):
            raise CheckInputError(
                f"{name} returned {len(several)} gradients, and there are {len(wanted)} arguments "
                "that hold floats: return one for each, or say with argnum= of which they are."
            )
        arrays: list[Array] = []
        for i, (g, x) in enumerate(zip(several, wanted, strict=True)):
            arrays += leaves_like(g, x, parameter_names(self.f, len(self.inputs))[self.chosen[i]])
        found: list[Array] = []
        for g, kind, own in zip(arrays, self.kinds, self.point.names, strict=True):
            if kind == "c":
                found += [np.real(g), np.imag(g)]
            elif g.dtype.kind == "c":
                raise CheckInputError(
                    f"The gradient of {own} has dtype {g.dtype}, and {own} is real: return real "
                    "numbers."
                )
            else:
                found.append(g)
        return found

    def asked(self, arrays: Sequence[Array]) -> list[Array]:
        """Return the hand-written gradient at a point, after the function was called there."""
        lent = [read_only(x) for x in arrays]
        self.value(*lent)
        return [np.array(g, dtype=np.float64) for g in self.gradient(lent)]
