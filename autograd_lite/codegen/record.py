"""Run a function once, with everything on the tape, and note what the user calls its values.

>>> import numpy as np
>>> def f(x):
...     y = np.sin(x)
...     return y * y
>>> program = record(f, (np.array([0.5]),)).program
>>> [(step.primitive.name, step.results[0].name) for step in program.steps]
[('sin', 'y'), ('multiply', None)]
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from .. import foreign
from ..modes import everything
from ..reachable import is_library
from ..tensor import Tensor, constant
from ..trees import Rebuild, flatten, is_number
from .program import Program, Value, read


@dataclass(slots=True)
class Recording:
    """A program, and how the function that it was recorded from takes and returns its values.

    Attributes
    ----------
    name
        The function's name.
    program
        What it computed, as it was recorded.
    parameters
        The names of the function's positional arguments and keywords, in order.
    arguments
        For each of `parameters`, its value as given, with the program's inputs in place of
        the numbers: nested lists, tuples, dicts and dataclasses stay what they are.
    rebuild
        Puts one thing for each output into the form of what the function returned.
    owners
        The array or the Tensor that each constant is, where the function made it or took it
        from around itself.

    Examples
    --------
    >>> recording = record(lambda x, y: x * y + 1.0, [2.0, 3.0])
    >>> recording.parameters
    ['x', 'y']
    >>> [step.primitive.name for step in recording.program.steps]
    ['multiply', 'add']
    """

    name: str
    program: Program
    parameters: list[str]
    arguments: list[Any]
    rebuild: Rebuild
    owners: dict[Value, Any]

    @property
    def result(self) -> Any:
        """What the function returned, with the program's outputs in place of the numbers."""
        return self.rebuild(self.program.outputs)


def as_array(x: Any) -> Any:
    """Return a number of the arguments as an array: of a Tensor, its value."""
    return x.data if isinstance(x, Tensor) else foreign.as_array(x)


def record(
    f: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    given_as: Callable[[Any], Any] = as_array,
    mode: AbstractContextManager[None] | None = None,
    owned: bool = False,
) -> Recording:
    """Run `f` on example inputs and return what it computed as a program.

    Parameters
    ----------
    f
        A function of numbers, arrays, and nested containers of them; a transform such as
        ``value_and_grad(loss)`` too.
    args, kwargs
        What to call it with. Tensors, arrays and numbers of floating point are the inputs of
        the program; whatever else is given is fixed.
    given_as
        What array a number of the arguments is in the program; None if it is fixed.
    mode
        What to record it in, in place of `everything`.
    owned
        Whether each constant is to have its owner: two of them are then two constants.

    Examples
    --------
    >>> record(lambda x: x * x + 1.0, [2.0]).program.outputs[0].data
    np.float64(5.0)
    """
    kwargs = dict(kwargs or {})
    named = _argument_names(f, args, kwargs)
    inputs: list[Tensor] = []

    def begun(path: str, x: Any) -> Any:
        array = given_as(x)
        if array is None:
            return x
        t = constant(array)
        t.name = path
        inputs.append(t)
        return t

    every = (*args, *kwargs.values())
    given = [_replaced(x, name, begun) for name, x in zip(named, every, strict=True)]
    names = Names()
    with mode or everything(), names.watched():
        result = f(*given[: len(args)], **dict(zip(kwargs, given[len(args) :], strict=True)))
    leaves, rebuild = flatten(result)
    owners: dict[Value, Any] = {}
    program = read(leaves, inputs, names.chosen(), owners if owned else None)
    by_tensor = {id(t): v for t, v in zip(inputs, program.inputs, strict=True)}
    arguments = [_replaced(x, "", lambda _, t: by_tensor.get(id(t), t)) for x in given]
    name = getattr(f, "__name__", "f")
    return Recording(name, program, named, arguments, rebuild, owners)


def _argument_names(f: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[str]:
    """Return what the function calls its arguments; x1, x2, … where that is not known."""
    try:
        signature = inspect.signature(inspect.unwrap(f))
        bound = signature.bind(*args, **kwargs)
    except (TypeError, ValueError):
        return [f"x{i + 1}" for i in range(len(args))] + list(kwargs)
    names: list[str] = []
    for name, value in bound.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            names += [f"{name}{i + 1}" for i in range(len(value))]
        elif kind is inspect.Parameter.VAR_KEYWORD:
            names += list(value)
        else:
            names.append(name)
    return names


def _replaced(tree: Any, path: str, leaf: Callable[[str, Any], Any]) -> Any:
    """Return a nest with each number replaced by what `leaf` makes of its path and itself."""
    if is_number(tree):
        return leaf(path, tree)
    if isinstance(tree, dict):
        return {k: _replaced(v, _key_name(path, k), leaf) for k, v in tree.items()}
    leaves, rebuild = flatten(tree)
    many = len(leaves) > 1
    return rebuild([leaf(f"{path}{i + 1}" if many else path, x) for i, x in enumerate(leaves)])


def _key_name(path: str, key: Any) -> str:
    return key if isinstance(key, str) and key.isidentifier() else f"{path}_{key}"


class Names:
    """What running functions call their Tensors.

    The outermost function that gives a name counts, and in it the first name: a helper's
    ``x`` is the caller's ``Z1``.
    """

    def __init__(self) -> None:
        self._found: dict[int, tuple[float, str]] = {}  # by id: the depth of the frame, the name
        self._kept: list[Tensor] = []  # so that no id is given out twice

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at what user's functions name, after each of their lines: see `named_in`."""
        before = sys.gettrace()
        self._base = _depth(sys._getframe())
        sys.settrace(self._on_call)
        try:
            yield
        finally:
            sys.settrace(before)

    def _on_call(self, frame: FrameType, event: str, arg: Any) -> Any:
        return None if is_library(frame.f_code.co_filename) else self._on_line

    def _on_line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event in ("line", "return"):
            depth = _depth(frame)
            for holder, name, value in named_in(frame):
                if isinstance(value, Tensor) and _is_plain(name):
                    self._note(value, depth + (0.5 if holder else 0.0), name)
        return self._on_line

    def _note(self, t: Tensor, depth: float, name: str) -> None:
        known = self._found.get(id(t))
        if known is None or depth < known[0]:
            self._found[id(t)] = depth, name
            self._kept.append(t)

    def chosen(self) -> dict[int, str]:
        """Return the names, by the `id` of the Tensor."""
        return {key: name for key, (_, name) in self._found.items()}


def named_in(frame: FrameType) -> Iterator[tuple[str, str, Any]]:
    """Yield what a function calls its values: the list or dict that holds it, name and value.

    These are its local variables and the attributes of its ``self``, with ``""`` for what
    holds them, and what is in lists and dicts of either.
    """
    own = dict(frame.f_locals)
    me = own.pop("self", None)
    for variables in (own, getattr(me, "__dict__", {})):
        for name, value in list(variables.items()):
            yield "", name, value
            for key, x in items_of(value):
                yield name, key if isinstance(key, str) else f"{name}{key + 1}", x


def items_of(x: Any) -> list[tuple[str | int, Any]]:
    """Return what a short list or dict holds, by place or by key."""
    if isinstance(x, (list, tuple)) and len(x) <= 64:
        return list(enumerate(x))
    if isinstance(x, dict) and len(x) <= 64:
        return [(key, value) for key, value in x.items() if isinstance(key, str)]
    return []


def _is_plain(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_") and name != "self"


def _depth(frame: FrameType | None) -> int:
    depth = 0
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    return depth
