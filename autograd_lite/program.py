"""The program form of a tape: steps in the order in which they ran, to run again or backward.

A tape holds references from each result back to its operands, and what only the engine needs:
the aliases of transforms, the bundles of primitives with several outputs. A `Reader` turns it
round into a list of steps. Pictures, explanations, source code and batches are all made from
such a list, and what runs it is here:

* `evaluate` applies the steps to other operands: arrays, Tensors, or whatever a reader puts in
  the place of a number;
* `reverse` carries gradients back through them, by the rules or by what a reader makes of each.

>>> import numpy as np
>>> from autograd_lite import Tensor
>>> x = Tensor(2.0, requires_grad=True, name="x")
>>> from autograd_lite.codegen.program import read
>>> program = read([x * 3.0 + np.sin(x)], inputs=[x])
>>> [step.primitive.name for step in program.steps]
['multiply', 'sin', 'add']
>>> known = evaluate(program.steps, {program.inputs[0]: np.float64(0.0)})
>>> [known[v] for v in program.outputs]
[np.float64(0.0)]
>>> gradients = reverse(program.steps, {program.outputs[0]: np.float64(1.0)})
>>> round(gradients[program.inputs[0]], 6)  # 3 + cos 2
np.float64(2.583853)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from .helpers import OutputGradients
from .node import LEAF
from .primitive import Primitive, output
from .run import identity
from .tape import next_number
from .tensor import CONSTANT, Tensor


@dataclass(slots=True, eq=False)
class Value:
    """One value of a program.

    Attributes
    ----------
    data
        What it was when the program ran: an array or a number.
    name
        What it is called; None where nobody has named it.
    maker
        The step that makes it; None for what is there at the start.
    """

    data: Any
    name: Any = None
    maker: Any = field(default=None, repr=False)

    @property
    def is_constant(self) -> bool:
        """Whether it is the same at each run."""
        return self.maker is None

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient can flow to it."""
        return not self.is_constant and np.asarray(self.data).dtype.kind in "fc"

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
        What it is applied to, in the primitive's order; the same value stands here twice after
        ``a + a``.
    parameters
        What is given to it beside the operands, such as ``axis``.
    results
        What it makes: one value, or those outputs of several that are used.
    indices
        Which output each result is; empty for a primitive with one output.
    line
        ``file:line`` of the user's program, where that was recorded.
    """

    primitive: Primitive
    operands: list[Any]
    parameters: dict[str, Any]
    results: list[Any] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    line: str | None = None

    def used(self, made: Any) -> list[Any]:
        """Return, of what the primitive returned, one for each of `results`."""
        return [made[i] for i in self.indices] if self.indices else [made]

    def apply(self, operands: Sequence[Any]) -> list[Any]:
        """Apply it to arrays, or to Tensors; returns one for each of `results`."""
        if any(isinstance(x, Tensor) for x in operands):
            return self.used(self.primitive.apply(*operands, **self.parameters))
        return self.used(self.primitive.compute(operands, self.parameters))

    def vjp(self, upstream: Sequence[Any], operands: Sequence[Any] | None = None) -> list[Any]:
        """Return what the rules make of upstream gradients: a contribution for each operand.

        Parameters
        ----------
        upstream
            An array for each of `results`, or None where no gradient arrived; of complex
            numbers as on the tape, see :mod:`autograd_lite.backward`.
        operands
            Arrays in place of those that the program saw.

        Returns
        -------
        list
            Arrays; None for an operand that needs no gradient.
        """
        out: Any
        if operands is not None or self.primitive.outputs:
            given = [v.data for v in self.operands] if operands is None else operands
            out = self.primitive.compute(given, self.parameters)
        else:
            given, out = [v.data for v in self.operands], self.results[0].data
        g = upstream[0]
        if self.primitive.outputs:
            arrived = zip(self.indices, upstream, strict=True)
            g = OutputGradients({i: g for i, g in arrived if g is not None})
        needs = [v.requires_grad for v in self.operands]
        return vjp(self.primitive, self.parameters, g, given, out, needs)


def vjp(
    primitive: Primitive,
    parameters: dict[str, Any],
    g: Any,
    operands: Sequence[Any],
    out: Any,
    needs: Sequence[bool],
) -> list[Any]:
    """Return what the rules of a primitive make of an upstream gradient, on these numbers.

    Parameters
    ----------
    primitive, parameters
        What was applied.
    g
        The gradient of what it made, as on the tape; `OutputGradients` of several outputs.
    operands, out
        What it was applied to, and what it made: a tuple of several outputs.
    needs
        For which operands a contribution is wanted; for the others there is None.
    """
    leaves = [stand_in(x) if need else CONSTANT for x, need in zip(operands, needs, strict=True)]
    pairs = zip(leaves, operands, strict=True)
    values = [x if leaf is CONSTANT else leaf._value for leaf, x in pairs]
    t = stand_in(out)
    t._primitive, t._parameters = primitive, parameters
    if primitive.slots:
        t._a, t._value_a = leaves[0], values[0]
        t._b, t._value_b = leaves[-1], values[-1]
    else:
        t._a, t._value_a = tuple(leaves), tuple(values)
    pending: dict[int, Any] = {}
    primitive.vjp(t, g, pending, [], [])
    return [pending.get(leaf._number) for leaf in leaves]


def stand_in(value: Any) -> Tensor:
    """Return a Tensor on a tape of its own, to which a gradient flows; a bundle of a tuple."""
    t = object.__new__(Tensor)
    t._value = tuple(map(_held, value)) if isinstance(value, tuple) else _held(value)
    t._number, t._requires = next_number(), LEAF
    t._grad = t._metadata = t._primitive = None
    return t


def _held(x: Any) -> Any:
    """Return what a Tensor holds: an array, or a NumPy scalar where it has no dimension."""
    return np.asarray(x)[()]


# -- forward and backward ----------------------------------------------------------------------

V = TypeVar("V", bound=Value)
S = TypeVar("S", bound=Step)


def evaluate(
    steps: Iterable[S],
    known: dict[V, Any],
    apply: Callable[[S, list[Any]], Sequence[Any]] = Step.apply,
) -> dict[V, Any]:
    """Run steps on other operands.

    Parameters
    ----------
    steps
        In an order in which they can run.
    known
        What stands for those values that are there at the start, and then for all others: it
        is filled as the steps run, and returned. What is not in it is the number that it was.
    apply
        Takes a step and its operands, and returns one thing for each of its results.
    """
    for step in steps:
        made = apply(step, [known.get(v, v.data) for v in step.operands])
        known.update(zip(step.results, made, strict=True))
    return known


def by_the_rules(step: Step, upstream: list[Any]) -> Iterable[tuple[Any, Any]]:
    """Return what a step contributes to its operands on the numbers that the program saw."""
    return zip(step.operands, step.vjp(upstream), strict=True)


def reverse(
    steps: Sequence[S],
    gradients: dict[V, Any],
    visit: Callable[[S, list[Any]], Iterable[tuple[V, Any]]] = by_the_rules,
) -> dict[V, Any]:
    """Carry gradients back, one step at a time.

    Parameters
    ----------
    steps
        In the order in which they ran.
    gradients
        Those of the results; then of all values that get one: it is filled on the way, and
        returned. When a step is visited, the gradients of its results are complete.
    visit
        Takes a step and the gradients of its results (None where none arrived), and yields
        pairs of a value and what is added to its gradient, or None.
    """
    for step in reversed(steps):
        upstream = [gradients.get(v) for v in step.results]
        if any(g is not None for g in upstream):
            for v, g in visit(step, upstream):
                if g is not None:
                    gradients[v] = gradients[v] + g if v in gradients else g
    return gradients


# -- from the tape -----------------------------------------------------------------------------


class Reader:
    """Reads a tape, one result after the other, into `steps`.

    What it keeps of a value and of a step is each reader's own: see the four methods at the end.
    """

    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.known: dict[int, Any] = {}  # the value of each Tensor, by its id
        self._bundles: dict[int, Any] = {}  # steps with several outputs, by the bundle's id
        self._sweeps: list[tuple[int, int]] = []

    def look_over(self, tape: Iterable[tuple[Tensor, Sequence[Any]]]) -> None:
        """See which recorded backward passes there are on a tape, for `sweep_of`."""
        on_it = (x for t, operands in tape for x in (t, *operands) if isinstance(x, Tensor))
        self._sweeps = sorted({x.tape.sweep for x in on_it if x.tape.sweep}, reverse=True)

    def sweep_of(self, t: Tensor) -> int:
        """Return in which recorded backward pass a value was computed; 0 if in none."""
        within = (i for i, (began, end) in enumerate(self._sweeps, 1) if end < t._number < began)
        return next(within, 0)

    def add(self, t: Tensor, operands: Sequence[Any]) -> None:
        """Add what an operation made, from Tensors and arrays or numbers."""
        primitive = t._primitive
        if primitive is output:  # one of several: a result of the step that made the bundle
            step = self._bundles[id(operands[0])]
            step.indices.append(t._parameters["index"])
        elif (same := self.same(t, operands)) is not None:
            self.known[id(t)] = same
            return
        else:
            step = self.step(t, operands)
            self.steps.append(step)
            if primitive.outputs:
                self._bundles[id(t)] = step
                return
        self.known[id(t)] = value = self.result(t, step)
        value.maker = step
        step.results.append(value)

    def same(self, t: Tensor, operands: Sequence[Any]) -> Any:
        """Return the value that a result is, if it is no new one, as a transform's alias is not."""
        if t._primitive is identity and isinstance(operands[0], Tensor):
            return self.value(operands[0], t.tape.values[0])
        return None

    def value(self, operand: Any, data: Any) -> Any:
        """Return the value of an operand, which was `data` when it was used."""
        raise NotImplementedError

    def step(self, t: Tensor, operands: Sequence[Any]) -> Any:
        """Return the step that made a Tensor, without its results."""
        raise NotImplementedError

    def result(self, t: Tensor, step: Any) -> Any:
        """Return the value of a result."""
        raise NotImplementedError
