"""`vmap`: which axes are mapped, and the replay of the tape of one example on all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import program
from ..arguments import transform_of_functions
from ..backward import owned
from ..codegen.looks import DOES, SHAPES
from ..errors import VmapError
from ..node import parents, values, walk
from ..quiet import quietly
from ..tensor import CONSTANT, Tensor
from ..transforms import named_after
from ..trees import described, flatten, is_number, open_all, paths
from .recording import Example, run
from .rules import BatchedStep, mapped

Axes = Any  # a number or None, or a nest of them


@transform_of_functions
def vmap(f: Callable[..., Any], in_axes: Axes = 0, out_axes: Axes = 0) -> Callable[..., Any]:
    """Return the function that computes `f` for each example of a batch, without a Python loop.

    Parameters
    ----------
    f
        A function of one example: of numbers, arrays, Tensors and nests of them. It may be a
        transform, as in ``vmap(grad(loss))``, the gradient of each example, or itself a `vmap`.
    in_axes
        Along which axis of each positional argument the examples lie; None for what is the same
        for all of them. A tuple has one for each argument, and each may be a nest like the
        beginning of that argument: ``({"w": 0, "b": None}, 0)``. Arrays that are given by
        keyword are mapped along their first axis, other things by keyword are the same for all.
    out_axes
        Along which axis of the results the examples lie; a nest in the same way. None is for a
        result that is the same for all.

    Returns
    -------
    callable
        Takes what `f` takes with an axis more; returns what `f` returns with an axis more:
        arrays, or Tensors where an argument, or what `f` uses from around it, is one. Gradients
        flow through it, and it can be compiled.

    Raises
    ------
    VmapError
        If `f` looks at a value (``if x > 0``, ``float(x)``, a shape that values decide), writes,
        or draws random numbers that are not on the tape: the message names the line. Also if
        the axes do not fit the arguments.

    Notes
    -----
    `f` is run once, on the first example, in each call. A primitive that has no batching rule
    (`scipy`'s convolutions, a few of NumPy's sorting functions, an `Operation` or `derivative` of
    yours that is not elementwise), and NumPy's functions that look at values inside, such as
    ``np.median``, are run example by example: the result is right, without the gain. A layer
    that draws from a generator of its own, as ``nn.Dropout(0.5, rng=rng)`` does, draws for each
    example anew.

    Examples
    --------
    >>> distance = lambda x, y: np.sqrt(np.sum((x - y) ** 2))
    >>> points = np.array([[0.0, 0.0], [3.0, 4.0]])
    >>> vmap(distance, in_axes=(0, None))(points, np.zeros(2))
    array([0., 5.])
    >>> vmap(vmap(distance, (None, 0)), (0, None))(points, points)
    array([[0., 5.],
           [5., 0.]])
    """
    _check_axes("in_axes", in_axes)
    _check_axes("out_axes", out_axes)
    calls = 0

    @named_after(f)
    def batch(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        arguments = _Arguments(in_axes, args, kwargs)
        # A draw that the tape does not know of is looked for once: it takes half a millisecond.
        result, example = run(f, arguments.first, is_first=not calls)
        calls += 1
        leaves, rebuild = flatten(result)
        axes = _axes_of(result, out_axes, "out_axes", "the result")
        replay = _Replay(example, arguments.whole(example), arguments.count)
        made = replay.results(leaves)
        return rebuild(owned([_laid(*x, axis) for x, axis in zip(made, axes, strict=True)]))

    return batch


# -- which axes are mapped ---------------------------------------------------------------------


def _check_axes(name: str, axes: Any) -> None:
    wrong = [x for x in flatten(axes)[0] if not isinstance(x, (int, np.integer))]
    if wrong or not isinstance(axes, (int, np.integer, tuple, list, dict, type(None))):
        raise VmapError(f"{name} is a whole number, None, or a nest of them, and got {axes!r}.")


def _axes_of(tree: Any, axes: Any, name: str, what: str) -> list[int | None]:
    """Return the axis of each leaf of a nest, given those of its beginning."""
    if axes is None or is_number(axes):
        return [axes] * len(flatten(tree)[0])
    parts, _ = open_all(tree)
    own: list[Any] | None = None
    if isinstance(axes, dict):
        if isinstance(tree, dict) and axes.keys() == tree.keys():
            own = [axes[key] for key in tree]
    elif isinstance(tree, (list, tuple)) or parts:
        own = list(axes)
    if own is None or len(own) != len(parts) or is_number(tree):
        raise VmapError(
            f"{name} has {described(axes)} where {what} has {described(tree)}: give a number or "
            "None for all of it, or one for each part."
        )
    pairs = zip(parts, own, strict=True)
    return [axis for part, one in pairs for axis in _axes_of(part, one, name, what)]


class _Arguments:
    """The arguments of one call: the first example of them, and all."""

    def __init__(self, in_axes: Axes, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if isinstance(in_axes, (tuple, list)):
            if len(in_axes) != len(args):
                raise VmapError(
                    f"in_axes has {len(in_axes)} axes, and the function was called with "
                    f"{len(args)} positional arguments: give one for each."
                )
        elif isinstance(in_axes, dict):
            raise VmapError("in_axes of one argument that is a dict is a tuple: (axes,).")
        else:
            in_axes = (in_axes,) * len(args)
        names = [f"argument {n}" for n in range(len(args))]
        axes = [
            axis
            for x, own, name in zip(args, in_axes, names, strict=True)
            for axis in _axes_of(x, own, "in_axes", name)
        ]
        self.args_leaves, self._rebuild = flatten((list(args), kwargs))
        by_keyword = self.args_leaves[len(axes) :]
        axes += [0 if np.ndim(_value_of(x)) else None for x in by_keyword]
        every = zip([*args, *kwargs.values()], [*names, *map(repr, kwargs)], strict=True)
        self.names = [name + path for x, name in every for path in paths(x)]
        self.wholes = [
            x if axis is None else _in_front(x, axis, name)
            for x, axis, name in zip(self.args_leaves, axes, self.names, strict=True)
        ]
        self.is_mapped = [axis is not None for axis in axes]
        self.count = self._length()
        self._inputs: list[Tensor] = []

    def _length(self) -> int:
        lengths = {
            name: len(x)
            for x, name, is_mapped in zip(self.wholes, self.names, self.is_mapped, strict=True)
            if is_mapped
        }
        if not lengths:
            raise VmapError(
                "vmap maps over an axis of at least one argument, and in_axes names none: call "
                "the function itself."
            )
        (name, count), *others = lengths.items()
        for other, n in others:
            if n != count:
                raise VmapError(
                    f"vmap maps over axes of one length, and {name} has {count} examples where "
                    f"{other} has {n}."
                )
        return count

    def first(self, example: Example) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of the first example, the mapped ones as its inputs."""
        self._inputs = []
        given = []
        for x, name, is_mapped in zip(self.wholes, self.names, self.is_mapped, strict=True):
            if is_mapped:
                value = _value_of(x)
                one = value[0] if self.count else _some(value)
                self._inputs.append(example.input(one, name))
            given.append(self._inputs[-1] if is_mapped else x)
        args, kwargs = self._rebuild(given)
        return args, kwargs

    def whole(self, example: Example) -> dict[int, Any]:
        """Return what is mapped, by the `id` of the example's input."""
        wholes = [x for x, m in zip(self.wholes, self.is_mapped, strict=True) if m]
        return {id(t): x for t, x in zip(self._inputs, wholes, strict=True)}


def _value_of(x: Any) -> Any:
    """Return the numbers of a Tensor: it is no look at them, as the Tensor is used as well."""
    return x._value if isinstance(x, Tensor) else x


def _some(batch: Any) -> Any:
    """Return an example where there is none, to see what comes out: one that most will take."""
    shape = batch.shape[1:]
    if batch.dtype.kind not in "fc":
        return np.zeros(shape, batch.dtype)[()]  # the first of some places, or classes
    one = np.full(shape, 0.5, batch.dtype)
    if one.ndim > 1 and shape[-1] == shape[-2]:
        one += np.eye(shape[-1], dtype=batch.dtype)  # positive definite
    return one[()]


def _in_front(x: Any, axis: int, name: str) -> Any:
    """Return an argument with the axis of its examples in front."""
    x = x if isinstance(x, Tensor) else np.asarray(x)
    if not -x.ndim <= axis < x.ndim:
        hint = "" if x.ndim else ": give in_axes=None for what is the same for all examples"
        raise VmapError(f"vmap maps over axis {axis}, and {name} has shape {x.shape}{hint}.")
    return x if axis in (0, -x.ndim) else np.moveaxis(x, axis, 0)


def _laid(value: Any, count: int | None, axis: int | None) -> Any:
    """Lay the examples of a result along an axis; `count` is None where they are in front."""
    if axis is None:
        if count is None:
            raise VmapError(
                "out_axes is None for a result that differs from example to example: give an axis."
            )
        return value
    if count is not None:
        value = np.broadcast_to(value, (count, *np.shape(_value_of(value))))
    ndim = value.ndim
    if not -ndim <= axis < ndim:
        raise VmapError(f"out_axes has {axis}, and the result has {ndim} axes.")
    return value if axis in (0, -ndim) else np.moveaxis(value, 0, axis)


# -- the replay ----------------------------------------------------------------------------------


class _Mapped(NamedTuple):
    """An array that has the axis of the examples, in front."""

    whole: Any


@dataclass(slots=True, eq=False)
class _OfOne(program.Step):
    """A step of the first example, and what it made of that."""

    t: Any = None


class _Replay(program.Reader):
    """The tape of one example, applied to all of them."""

    def __init__(self, example: Example, wholes: dict[int, Any], count: int) -> None:
        super().__init__()
        self.example, self.count = example, count
        self.wholes: dict[program.Value, Any] = {}
        for key, x in wholes.items():
            self.known[key] = value = program.Value(None)
            self.wholes[value] = _Mapped(x)

    def results(self, leaves: list[Any]) -> list[tuple[Any, int | None]]:
        """Return for each result its value for all, and how often it is to be repeated."""
        for t in walk(leaves, self.example.begin):
            self.add(t, parents(t))
        for_all = program.evaluate(self.steps, self.wholes, self.apply)
        outputs = [self.value(x, _value_of(x)) for x in leaves]
        found = [for_all.get(v, v.data) for v in outputs]
        return [(x.whole, None) if isinstance(x, _Mapped) else (x, self.count) for x in found]

    # -- what stands in the program: for what is mapped, the value of one example ---------------

    def value(self, operand: Any, data: Any) -> program.Value:
        if id(operand) in self.known:
            return self.known[id(operand)]  # type: ignore[no-any-return]
        if not isinstance(operand, Tensor) or operand is CONSTANT:
            return program.Value(data)
        held = (operand._metadata or {}).get("held")  # an array from around the function
        if held is not None:
            return program.Value(held)
        # What is older is somebody else's, who may want a gradient.
        return program.Value(data if self.example.is_inside(operand) else operand)

    def step(self, t: Tensor, operands: Sequence[Any]) -> _OfOne:
        given = [self.value(x, v) for x, v in zip(operands, values(t), strict=True)]
        parameters = t._parameters if t._primitive.takes_parameters else {}
        return _OfOne(t._primitive, given, parameters, t=t)

    def result(self, t: Tensor, step: _OfOne) -> program.Value:
        return program.Value(t._value)

    # -- and what becomes of it ------------------------------------------------------------------

    def apply(self, step: _OfOne, operands: list[Any]) -> list[Any]:
        """Apply a step to all examples, or to what is the same for all of them."""
        t, primitive = step.t, step.primitive
        are_mapped = [isinstance(x, _Mapped) for x in operands]
        given = [x.whole if m else x for x, m in zip(operands, are_mapped, strict=True)]
        if not any(are_mapped) and not primitive.draws:
            if not any(isinstance(x, Tensor) for x in given):
                return step.used(t._value)
            return step.used(primitive.apply(*given, **step.parameters))
        if primitive.function in SHAPES:
            raise self._shape_of_values(t)
        one = BatchedStep(
            primitive, given, are_mapped, values(t), step.parameters, t._value, self.count
        )
        # A rule's infinities are nobody's line.
        made = quietly(mapped, one) if "rule_of" in (t._metadata or {}) else mapped(one)
        return [_Mapped(x) for x in step.used(made)]

    def _shape_of_values(self, t: Tensor) -> VmapError:
        how = "a shape that values decide"
        return VmapError(
            f"Line {t.tape.line or '?'} {DOES[how]}, so that examples would not lie in one array: "
            "keep the shape and use np.where(mask, x, 0), or weights of 0."
        )
