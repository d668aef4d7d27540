"""A function's arguments as a list of arrays with names, and its results likewise.

A check moves arrays; people pass numbers, dicts, lists, dataclasses and `nn` modules. A
`Point` holds both: the arrays, each with a name that says where it came from, and the way
back to what the function takes.

>>> import numpy as np
>>> point = Point.of(lambda p, x: x, ({"w": np.ones(2), "b": 0.5}, 2.0))
>>> point.names
["p['w']", "p['b']", 'x']
>>> point.arguments([1.0, 2.0, 3.0])
({'w': 1.0, 'b': 2.0}, 3.0)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..errors import IntegerGradientError
from ..locations import without_folders
from ..tensor import Array, to_numpy
from ..trees import Rebuild, flatten, is_number, paths
from .numerical import read_only


def describe_function(f: Callable[..., Any]) -> str:
    """Return what to call a function in a message.

    >>> describe_function(max)
    "'max'"
    """
    name = getattr(f, "name", None) or getattr(f, "__name__", None) or type(f).__name__
    if name != "<lambda>":
        return f"'{name}'"
    code = f.__code__
    file = without_folders(code.co_filename)
    return f"the lambda in {file}:{code.co_firstlineno}"


def parameter_names(f: Callable[..., Any], count: int) -> list[str]:
    """Return what a function calls its first `count` positional arguments.

    >>> parameter_names(lambda x, *more: x, 3)
    ['x', 'more[0]', 'more[1]']
    >>> parameter_names(max, 2)
    ['argument 0', 'argument 1']
    """
    names: list[str] = []
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):  # it is compiled, and does not say
        parameters = ()  # type: ignore[assignment]
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}[{k}]" for k in range(count - len(names))]
        elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
    return names[:count] + [f"argument {k}" for k in range(len(names), count)]


def is_module(x: Any) -> bool:
    """Whether `x` has parameters, as the modules of `nn` do (which is not imported here)."""
    return hasattr(x, "named_parameters") and not isinstance(x, type)


@dataclass(frozen=True)
class Point:
    """Where a function is checked.

    Attributes
    ----------
    names
        A name for each array: ``"x"``, ``"p['w'][0]"``, ``"model.0.weight"``.
    arrays
        The arrays themselves, read-only, in their own dtypes and layouts.
    """

    names: list[str]
    arrays: list[Array]
    counts: list[int]
    rebuilds: list[Rebuild]
    is_flat: bool  # whether the arguments are the arrays

    @classmethod
    def of(cls, f: Callable[..., Any], inputs: Sequence[Any]) -> Point:
        """Take a function's arguments apart.

        Raises
        ------
        IntegerGradientError
            If there is an argument without numbers, or a number that is not of floats.
        """
        names, arrays, counts = [], [], []
        rebuilds: list[Rebuild] = []
        called_with = parameter_names(f, len(inputs))
        if is_module(f):
            inputs, called_with = [f, *inputs], ["", *called_with]
        for i, (x, name) in enumerate(zip(inputs, called_with, strict=True)):
            if is_module(x):
                slots = list(x.named_parameters())
                leaves = [p for _, p in slots]
                rebuilds.append(partial(_Module, x))
                # Of a module that is checked itself, the paths are the names.
                found = [path if x is f else f"{name}.{path}" for path, _ in slots]
            else:
                leaves, rebuild = flatten(x)
                rebuilds.append(rebuild)
                found = [name + path for path in paths(x)]
            if not leaves and not isinstance(x, (list, tuple, dict)):
                raise IntegerGradientError(
                    f"Input {i}, for {name}, is {x!r}, in which there is no number: give floats, "
                    "as in 2.0, or move what is not differentiated into the function."
                )
            arrays += [_lent(leaf, i, where) for leaf, where in zip(leaves, found, strict=True)]
            names += found
            counts.append(len(leaves))
        return cls(names, arrays, counts, rebuilds, all(map(is_number, inputs)))

    def call(self, f: Callable[..., Any], leaves: Sequence[Any]) -> Any:
        """Call the function with other arrays (or Tensors) in the places of the given ones."""
        if self.is_flat:
            return f(*leaves)
        with ExitStack() as during:
            arguments = [
                during.enter_context(x) if isinstance(x, _Module) else x
                for x in self.arguments(leaves)
            ]
            if is_module(f):
                arguments = arguments[1:]
            return f(*arguments)

    def arguments(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """Put other arrays in the places of the given ones."""
        rebuilt, begin = [], 0
        for count, rebuild in zip(self.counts, self.rebuilds, strict=True):
            rebuilt.append(rebuild(list(leaves[begin : begin + count])))
            begin += count
        return tuple(rebuilt)


def _lent(leaf: Any, i: int, name: str) -> Array:
    """Return a number as an array that cannot be written into, in its own layout."""
    array = to_numpy(leaf)
    if array.dtype.kind not in "fc":
        raise IntegerGradientError(
            f"Input {i}, for {name}, has dtype {array.dtype}, and only floating-point numbers are "
            "checked: give floats, as in 2.0, or move what is not differentiated into the function."
        )
    return read_only(array)


# -- modules ------------------------------------------------------------------------------


class _Module:
    """A module to be called with other Tensors in the places of its parameters."""

    def __init__(self, module: Any, tensors: Sequence[Any]) -> None:
        self.module, self.tensors = module, tensors

    def __enter__(self) -> Any:
        places = _places(self.module)
        self.before = [(attributes, name, attributes[name]) for attributes, name, _ in places]
        for attributes, name, k in places:
            # Not by setattr, which takes a Parameter only.
            attributes[name] = self.tensors[k]
        return self.module

    def __exit__(self, *_: object) -> None:
        for attributes, name, parameter in self.before:
            attributes[name] = parameter


def _places(module: Any) -> list[tuple[dict[str, Any], str, int]]:
    """Return each attribute that holds a parameter, and the number of that parameter."""
    number = {id(p): k for k, (_, p) in enumerate(module.named_parameters())}
    return [
        (vars(part), name, number[id(value)])
        for part in module.modules()
        for name, value in vars(part).items()
        if id(value) in number
    ]
