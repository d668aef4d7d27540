"""The straight-line program of a tape: what every reader that runs or writes code begins with.

A tape holds references from each result back to its operands, and what only the engine
needs: the aliases of transforms, the bundles of primitives with several outputs. `read`
turns it round into a list of steps in the order in which they ran:

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

from ..primitive import Primitive, output
from ..tensor import Tensor
from . import tape


@dataclass(slots=True, eq=False)
class Value:
    """One value of a program.

    Attributes
    ----------
    data
        What it was when the program was recorded: an array or a number.
    name
        What the user calls it; None where nobody has named it.
    maker
        The step that makes it; None for an input or a constant.
    is_input
        Whether it is given to the program at each run. What is neither an input
        nor made by a step is a constant.
    gradient_of
        The value whose gradient this is, where a backward pass was recorded.
    """

    data: Any
    name: str | None = None
    maker: Step | None = field(default=None, repr=False)
    is_input: bool = False
    gradient_of: Value | None = field(default=None, repr=False)

    @property
    def is_constant(self) -> bool:
        """Whether it is the same at each run."""
        return self.maker is None and not self.is_input

    @property
    def shape(self) -> tuple[int, ...]:
        """The length along each axis."""
        return np.shape(self.data)


@dataclass(slots=True, eq=False)
class Step:
    """One application of a primitive.

    Attributes
    ----------
    primitive
        What is applied.
    operands
        What it is applied to, in the primitive's order.
    parameters
        What is given to it beside the operands, such as ``axis``.
    results
        What it makes: one value, or those outputs of several that are used.
    indices
        Which output each result is; empty for a primitive with one output.
    line
        ``file:line`` of the user's program, where that was recorded.
    is_backward
        Whether a reverse pass made it.
    shows
        Whether a result is memory of an operand, looked at in another way, as ``x.T`` is.
    """

    primitive: Primitive
    operands: list[Value]
    parameters: dict[str, Any]
    results: list[Value] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    line: str | None = None
    is_backward: bool = False
    shows: bool = False

    def apply(self, operands: Sequence[Any]) -> list[Any]:
        """Apply it to arrays, or to Tensors; returns one for each of `results`."""
        if any(isinstance(x, Tensor) for x in operands):
            made = self.primitive.apply(*operands, **self.parameters)
        else:
            made = self.primitive.forward(*operands, **self.parameters)
        return [made[i] for i in self.indices] if self.indices else [made]

    def vjp(self, upstream: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
        """Return what the rules make of upstream gradients: one contribution for each operand.

        Parameters
        ----------
        upstream
            An array for each of `results`, or None where no gradient arrived.
        operands
            Arrays or numbers; None stands in the list that is returned for what is not of
            floats, and for an operand that the primitive has no gradient for.
        """
        given = [_leaf(x) for x in operands]
        made = self.apply(given)
        for t, g in zip(made, upstream, strict=True):
            if g is not None and isinstance(t, Tensor) and t.requires_grad:
                t.backward(g)
        return [t.grad if isinstance(t, Tensor) else None for t in given]


def _leaf(x: Any) -> Any:
    array = np.asarray(x)
    return Tensor(array, requires_grad=True) if array.dtype.kind in "fc" else x


@dataclass(slots=True)
class Program:
    """Steps that lead from inputs to outputs, in an order in which they can run."""

    inputs: list[Value]
    steps: list[Step]
    outputs: list[Value]

    def evaluate(
        self, inputs: Sequence[Any], visit: Callable[[Step, list[Any]], Any] | None = None
    ) -> list[Any]:
        """Run the program on other inputs and return its outputs.

        Parameters
        ----------
        inputs
            An array or a Tensor for each of `self.inputs`.
        visit
            What is called with each step and its operands in place of applying it; it
            returns the results.
        """
        if len(inputs) != len(self.inputs):
            raise TypeError(
                f"The program has {len(self.inputs)} inputs, and {len(inputs)} were given."
            )
        run = visit or Step.apply
        known: dict[int, Any] = {id(v): x for v, x in zip(self.inputs, inputs, strict=True)}
        for step in self.steps:
            operands = [known.get(id(v), v.data) for v in step.operands]
            made = run(step, operands)
            known.update((id(v), x) for v, x in zip(step.results, made, strict=True))
        return [known.get(id(v), v.data) for v in self.outputs]

    def reverse(
        self,
        seeds: Sequence[Any],
        vjp: Callable[[Step, list[Any]], Iterable[tuple[Value, Any]]] | None = None,
    ) -> dict[int, Any]:
        """Carry gradients of the outputs back, one step at a time.

        Parameters
        ----------
        seeds
            The upstream gradient of each output.
        vjp
            What is called with each step and the gradients of its results, in place of
            applying its rules to the recorded values; it returns pairs of a value, usually
            one of the operands, and what is added to its gradient (or None).

        Returns
        -------
        dict
            The gradient of each value that got one, by its `id`.

        >>> from autograd_lite import Tensor
        >>> x = Tensor(3.0, requires_grad=True)
        >>> program = read([x * x * 2.0], inputs=[x])
        >>> program.reverse([1.0])[id(program.inputs[0])]
        np.float64(12.0)
        """
        gradients: dict[int, Any] = {}

        def add(v: Value, g: Any) -> None:
            if g is not None and not v.is_constant:
                gradients[id(v)] = gradients[id(v)] + g if id(v) in gradients else g

        for v, seed in zip(self.outputs, seeds, strict=True):
            add(v, seed)
        for step in reversed(self.steps):
            upstream = [gradients.get(id(v)) for v in step.results]
            if all(g is None for g in upstream):
                continue
            if vjp is None:
                made = step.vjp(upstream, [v.data for v in step.operands])
                contributions: Iterable[Any] = zip(step.operands, made, strict=True)
            else:
                contributions = vjp(step, upstream)
            for v, g in contributions:
                add(v, g)
        return gradients

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
    """
    return _Reader(inputs, names or {}, owners).program(roots)


class _Reader:
    """Builds a program, one result of the tape after the other."""

    def __init__(
        self, inputs: Sequence[Tensor], names: dict[int, str], owners: dict[Value, Any] | None
    ) -> None:
        self.names = names
        self.owners = owners
        self.known: dict[int, Value] = {}  # by the id of the Tensor, or of the array
        self.bundles: dict[int, Step] = {}  # steps with several outputs, by the id of the bundle
        self.constants: dict[Any, Value] = {}
        self.kept: list[Any] = []  # so that no id is given out twice
        self.inputs = [Value(t.data, self._name(t), is_input=True) for t in inputs]
        self.known.update((id(t), v) for t, v in zip(inputs, self.inputs, strict=True))

    def program(self, roots: Sequence[Any]) -> Program:
        """Return the steps that lead to the roots."""
        steps: list[Step] = []
        recorded = tape.steps([t for t in roots if isinstance(t, Tensor)])
        for t in recorded:
            self._add(t, steps)
        self._mark_backward(recorded, steps)
        outputs = [self._value(t, tape.data(t)) for t in roots]
        return Program(self.inputs, steps, outputs)

    def _mark_backward(self, recorded: Sequence[Tensor], steps: list[Step]) -> None:
        """Note what is whose gradient, and which steps lie between a sweep's begin and its end."""
        ends: dict[int, int] = {}  # by the number at which a sweep began
        for t in recorded:
            of, began = tape.gradient_of(t)
            if of is not None and id(of) in self.known and id(t) in self.known:
                self.known[id(t)].gradient_of = self.known[id(of)]
            if of is not None:
                ends[began] = max(ends.get(began, began), tape.number(t))
        for t in recorded:
            n = tape.number(t)
            if any(begin < n <= end for begin, end in ends.items()):
                maker = self.known[id(t)].maker if id(t) in self.known else None
                if maker is not None:
                    maker.is_backward = True

    def _add(self, t: Tensor, steps: list[Step]) -> None:
        if id(t) in self.known:  # an input that something made, before the program began
            return
        primitive, operands, values = tape.made(t)
        first = operands[0]
        if primitive is output:
            # One of several outputs: a result of the step that made the bundle.
            step = self.bundles[id(first)]
            step.indices.append(tape.parameters(t)["index"])
            self._add_result(t, step)
        elif primitive.name == "alias" and isinstance(first, Tensor):
            # A transform's private name for its input: the same value.
            value = self._value(first, values[0])
            value.name = value.name or self._name(t)
            self.known[id(t)] = value
        else:
            given = [self._value(x, v) for x, v in zip(operands, values, strict=True)]
            step = Step(primitive, given, tape.parameters(t), line=tape.line(t))
            step.shows = _shows(t.data, values)
            steps.append(step)
            if primitive.outputs:
                self.bundles[id(t)] = step
            else:
                self._add_result(t, step)

    def _add_result(self, t: Tensor, step: Step) -> None:
        value = Value(t.data, self._name(t), step)
        step.results.append(value)
        self.known[id(t)] = value

    def _value(self, operand: Any, data: Any) -> Value:
        if isinstance(operand, Tensor) and id(operand) in self.known:
            return self.known[id(operand)]
        owner = tape.owner(operand, data)
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
    """Whether one of the results is memory of an operand."""
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
