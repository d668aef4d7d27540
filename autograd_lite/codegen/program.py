"""The program of a recorded function: what everything that writes code begins with.

>>> import numpy as np
>>> from autograd_lite import Tensor
>>> x = Tensor(2.0, requires_grad=True, name="x")
>>> program = read([x * 3.0 + np.sin(x)], inputs=[x])
>>> for step in program.steps:
...     print(step.primitive.name, [v.shape for v in step.operands])
multiply [(), ()]
sin [()]
add [(), ()]

A `Program` is a function: `evaluate` runs it on other inputs.

>>> program.evaluate([np.float64(0.0)])
[np.float64(0.0)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .. import program as base
from ..record import recorded
from ..tensor import Tensor


@dataclass(slots=True, eq=False)
class Value(base.Value):
    """One value of a program.

    Attributes
    ----------
    is_input
        Whether it is given to the program at each run. What is neither an input
        nor made by a step is a constant.
    gradient_of
        The value whose gradient this is, where a backward pass was recorded.

    Examples
    --------
    >>> from autograd_lite import Tensor
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> value = read([x * x], [x]).outputs[0]
    >>> value.data, value.is_input, value.maker.primitive.name
    (np.float64(4.0), False, 'multiply')
    """

    name: str | None = None
    maker: Step | None = field(default=None, repr=False)
    is_input: bool = False
    gradient_of: Value | None = field(default=None, repr=False)

    @property
    def is_constant(self) -> bool:
        """Whether it is the same at each run."""
        return self.maker is None and not self.is_input


@dataclass(slots=True, eq=False)
class Step(base.Step):
    """One application of a primitive.

    Attributes
    ----------
    is_backward
        Whether a reverse pass made it.
    shows
        Whether a result is memory of an operand, looked at in another way, as ``x.T`` is.

    Examples
    --------
    >>> from autograd_lite import Tensor
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> step = read([x * x], [x]).steps[0]
    >>> step.primitive.name, [value.name for value in step.operands]
    ('multiply', ['x', 'x'])
    """

    operands: list[Value]
    results: list[Value] = field(default_factory=list)
    is_backward: bool = False
    shows: bool = False


@dataclass(slots=True)
class Program:
    """Steps that lead from inputs to outputs, in an order in which they can run.

    >>> from autograd_lite import Tensor
    >>> x = Tensor(2.0, requires_grad=True)
    >>> program = read([x * x + 1.0], [x])
    >>> [step.primitive.name for step in program.steps], len(program.outputs)
    (['multiply', 'add'], 1)
    """

    inputs: list[Value]
    steps: list[Step]
    outputs: list[Value]

    def evaluate(self, inputs: Sequence[Any]) -> list[Any]:
        """Run the program on other inputs, arrays or Tensors, and return its outputs."""
        if len(inputs) != len(self.inputs):
            raise TypeError(
                f"The program has {len(self.inputs)} inputs, and {len(inputs)} were given."
            )
        known = base.evaluate(self.steps, dict(zip(self.inputs, inputs, strict=True)))
        return [known.get(v, v.data) for v in self.outputs]

    def reverse(
        self,
        seeds: Sequence[Any],
        visit: Callable[[Step, list[Any]], Iterable[tuple[Value, Any]]] = base.by_the_rules,
    ) -> dict[Value, Any]:
        """Return the gradient of each value that gets one, from one for each output.

        `visit` is as for `autograd_lite.program.reverse`.

        >>> from autograd_lite import Tensor
        >>> x = Tensor(3.0, requires_grad=True)
        >>> program = read([x * x * 2.0], inputs=[x])
        >>> program.reverse([1.0])[program.inputs[0]]
        np.float64(12.0)
        """
        gradients: dict[Value, Any] = {}
        for v, seed in zip(self.outputs, seeds, strict=True):
            gradients[v] = gradients[v] + seed if v in gradients else seed
        return base.reverse(self.steps, gradients, visit)

    def uses(self) -> dict[int, int]:
        """Count, by the `id` of each value, how often it is an operand or an output."""
        counts: dict[int, int] = {}
        for v in (*(v for step in self.steps for v in step.operands), *self.outputs):
            counts[id(v)] = counts.get(id(v), 0) + 1
        return counts

    def values(self) -> Iterator[Value]:
        """Yield every value once: inputs, constants where they are first used, results."""
        seen: set[int] = set()
        groups = [self.inputs, *([*s.operands, *s.results] for s in self.steps), self.outputs]
        for v in (v for group in groups for v in group):
            if id(v) not in seen:
                seen.add(id(v))
                yield v


def read(
    roots: Sequence[Any],
    inputs: Sequence[Tensor],
    names: dict[int, str] | None = None,
    owners: dict[Value, Any] | None = None,
) -> Program:
    """Read the tape that leads from `inputs` to `roots`.

    Parameters
    ----------
    roots
        Tensors, and numbers or arrays, which are constants.
    inputs
        What the program is a function of. A Tensor on the tape that no step made and that
        is not among them is a constant.
    names
        Names for those Tensors that have none, by `id`.
    owners
        Filled, where it is given, with the array or the Tensor that each constant is. Two
        of them are then two constants, though their numbers be the same today.

    Returns
    -------
    Program
        As it was recorded; `autograd_lite.codegen.simplify` shortens it.

    Examples
    --------
    >>> from autograd_lite import Tensor
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> program = read([x * x], [x])
    >>> program.inputs[0].name, program.outputs[0].data
    ('x', np.float64(4.0))
    """
    return _Reader(inputs, names or {}, owners).program(roots)


class _Reader(base.Reader):
    """Builds a program, in which equal constants are one."""

    def __init__(
        self, inputs: Sequence[Tensor], names: dict[int, str], owners: dict[Value, Any] | None
    ) -> None:
        super().__init__()
        self.names = names
        self.owners = owners
        self.constants: dict[Any, Value] = {}
        self.kept: list[Any] = []  # so that no id is given out twice
        self.inputs = [Value(t.data, self._name(t), is_input=True) for t in inputs]
        self.known.update((id(t), v) for t, v in zip(inputs, self.inputs, strict=True))

    def program(self, roots: Sequence[Any]) -> Program:
        """Return the steps that lead to the roots."""
        tape = recorded([t for t in roots if isinstance(t, Tensor)])
        self.look_over(tape)
        for t, operands in tape:
            if id(t) not in self.known:  # else something made an input, before the program began
                self.add(t, operands)
        self._name_gradients(t for t, _ in tape)
        outputs = [self.value(t, t.data if isinstance(t, Tensor) else t) for t in roots]
        return Program(self.inputs, self.steps, outputs)

    def _name_gradients(self, made: Iterable[Tensor]) -> None:
        """Note what is whose gradient."""
        for t in made:
            of, _ = (t._metadata or {}).get("gradient_of", (None, 0))
            if of is not None and id(of) in self.known and id(t) in self.known:
                self.known[id(t)].gradient_of = self.known[id(of)]

    def same(self, t: Tensor, operands: Sequence[Any]) -> Value | None:
        value: Value | None = super().same(t, operands)
        if value is not None:
            value.name = value.name or self._name(t)
        return value

    def step(self, t: Tensor, operands: Sequence[Any]) -> Step:
        of = t.tape
        assert of.primitive is not None
        given = [self.value(x, v) for x, v in zip(operands, of.values, strict=True)]
        shows = _shows(t.data, of.values)
        step = Step(of.primitive, given, of.parameters, line=of.line, shows=shows)
        step.is_backward = bool(self.sweep_of(t))
        return step

    def result(self, t: Tensor, step: Step) -> Value:
        return Value(t.data, self._name(t))

    def value(self, operand: Any, data: Any) -> Value:
        if isinstance(operand, Tensor) and id(operand) in self.known:
            return self.known[id(operand)]  # type: ignore[no-any-return]
        owner = data
        if isinstance(operand, Tensor):  # or the array that it holds for the program around it
            owner = (operand._metadata or {}).get("held", operand)
        own = self.owners is not None and isinstance(owner, (Tensor, np.ndarray))
        key = id(owner) if own else _key(data)
        if key not in self.constants:
            self.constants[key] = Value(data, self._name(operand))
            if own:
                assert self.owners is not None
                self.owners[self.constants[key]] = owner
        value = self.constants[key]
        if isinstance(operand, Tensor):
            self.known[id(operand)] = value
            self.kept.append(operand)
        return value

    def _name(self, x: Any) -> str | None:
        given = x.name if isinstance(x, Tensor) else None
        return given or self.names.get(id(x))


def _shows(made: Any, values: Sequence[Any]) -> bool:
    """Whether one of the results shares memory with an operand."""
    results = made if isinstance(made, tuple) else (made,)
    arrays = [x for x in values if isinstance(x, np.ndarray)]
    return any(
        np.may_share_memory(r, x) for r in results if isinstance(r, np.ndarray) for x in arrays
    )


def _key(data: Any) -> Any:
    """Return what tells one constant from another: its type and its bits."""
    array = np.asarray(data)
    return type(data), array.dtype.str, array.shape, array.tobytes()


def with_operands(step: Step, operands: list[Value]) -> Step:
    """Return a step like another, on other operands; the results stay the same."""
    new = replace(step, operands=operands)
    for v in new.results:
        v.maker = new
    return new
