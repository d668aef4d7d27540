"""Mistakes inside of a program, tried out on its tape until one gives the given numbers.

The function runs once on Tensors. Its reverse pass is then made again with one mistake in
it: a σ′ left out or taken twice, taken at the wrong place, or that of another function; the
layer's input before its activation in place of after it; one use of a value forgotten. If
the gradients that come out are those that were given, for every array, that was it.

>>> import numpy as np
>>> def loss(w):
...     return np.sum(np.tanh(w * 2.0) * 3.0)
>>> tape = Tape.of(loss, [np.array([0.3, -0.5])])
>>> without = np.array([6.0, 6.0])  # 3 · 2, and no 1 − tanh²
>>> [kind for kind, text in tape.explain([without])]
['missing derivative']
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..codegen.program import Program, Step, Value, read
from ..codegen.record import Names
from ..errors import AutogradError
from ..program import by_the_rules
from ..tensor import Tensor
from .diagnosis import Array, same

MOST = 400  # steps of a program that is searched
NEAR = 8  # steps that an activation may take on the tape


@dataclass(frozen=True)
class Activation:
    """An elementwise function that networks use, and its derivative in two spellings."""

    name: str
    of: Callable[[Array], Array]
    slope: Callable[[Array], Array]  # of z
    slope_by_value: Callable[[Array], Array]  # of a = of(z)


def _sigmoid(z: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-z))


ACTIVATIONS = (
    Activation(
        "sigmoid", _sigmoid, lambda z: _sigmoid(z) * (1 - _sigmoid(z)), lambda a: a * (1 - a)
    ),
    Activation("tanh", np.tanh, lambda z: 1 - np.tanh(z) ** 2, lambda a: 1 - a**2),
    Activation(
        "relu", lambda z: np.maximum(z, 0.0), lambda z: 1.0 * (z > 0), lambda a: 1.0 * (a > 0)
    ),
    Activation("sin", np.sin, np.cos, lambda a: np.sqrt(np.maximum(1 - a**2, 0.0))),
    Activation("exp", np.exp, np.exp, lambda a: a),
    Activation("softplus", lambda z: np.logaddexp(z, 0.0), _sigmoid, lambda a: 1 - np.exp(-a)),
)


@dataclass(frozen=True)
class Layer:
    """An activation on the tape: `a` was made from `z`."""

    activation: Activation
    z: Value
    a: Value


@dataclass
class Mistake:
    """A change of the reverse pass.

    Attributes
    ----------
    kind, text
        Its name, and what to tell the person who made it.
    slopes
        What to multiply with in place of an activation's derivative, by the `id` of its
        result: the value that gets the gradient, and the factor.
    operands
        What a step sees in place of an operand, by the step's `id` and the position.
    dropped
        The operands that get no contribution, likewise.
    """

    kind: str
    text: str
    slopes: dict[int, tuple[Value, Array]] = field(default_factory=dict)
    operands: dict[tuple[int, int], Array] = field(default_factory=dict)
    dropped: set[tuple[int, int]] = field(default_factory=set)


class Tape:
    """One run of a function on Tensors, ready to be swept in right and in wrong ways."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.layers = list(_layers(program))

    @classmethod
    def of(cls, f: Callable[..., Any], arrays: Sequence[Array]) -> Tape:
        """Run `f` on Tensors.

        Raises
        ------
        Exception
            Whatever `f` raises, as it need not be made for Tensors.
        AutogradError
            If it returns something else than one Tensor of one number.
        """
        leaves = [Tensor(x, requires_grad=True) for x in arrays]
        names = Names()
        with np.errstate(all="ignore"), names.watched():
            loss = f(*leaves)
        if not isinstance(loss, Tensor) or loss.size != 1 or not loss.requires_grad:
            raise AutogradError("the function returns no number that depends on its arguments")
        program = read([loss], leaves, names.chosen())
        if len(program.steps) > MOST:
            raise AutogradError(f"the program has {len(program.steps)} steps")
        return cls(program)

    def gradients(self, mistake: Mistake | None = None) -> list[Array]:
        """Return the gradients of the inputs, with a mistake in the reverse pass if given one."""
        reached = self.reached(mistake)
        return [
            np.asarray(reached.get(v, np.zeros(v.shape)), dtype=np.float64)
            for v in self.program.inputs
        ]

    def reached(self, mistake: Mistake | None = None) -> dict[Value, Any]:
        """Return the gradient of each value."""
        (root,) = self.program.outputs

        def vjp(step: Step, upstream: list[Any]) -> list[tuple[Value, Any]]:
            assert mistake is not None
            if id(step.results[0]) in mistake.slopes:
                z, slope = mistake.slopes[id(step.results[0])]
                return [(z, upstream[0] * slope)]
            seen = [
                mistake.operands.get((id(step), i), v.data) for i, v in enumerate(step.operands)
            ]
            made = step.vjp(upstream, seen)
            return [
                (v, g)
                for i, (v, g) in enumerate(zip(step.operands, made, strict=True))
                if (id(step), i) not in mistake.dropped
            ]

        with np.errstate(all="ignore"):
            return self.program.reverse([np.ones(root.shape)], vjp if mistake else by_the_rules)

    def contributions(self) -> dict[Value, list[Array]]:
        """Return what each use of a value adds to its gradient."""
        found: dict[Value, list[Array]] = {}

        def vjp(step: Step, upstream: list[Any]) -> list[tuple[Value, Any]]:
            pairs = [(v, g) for v, g in by_the_rules(step, upstream) if g is not None]
            for v, g in pairs:
                found.setdefault(v, []).append(np.asarray(g))
            return pairs

        (root,) = self.program.outputs
        with np.errstate(all="ignore"):
            self.program.reverse([np.ones(root.shape)], vjp)
        return found

    def explain(self, given: Sequence[Array]) -> list[tuple[str, str]]:
        """Return the kind and the text of the first mistakes that give these gradients."""
        with np.errstate(all="ignore"):
            return self._explained(given)

    def _explained(self, given: Sequence[Array]) -> list[tuple[str, str]]:
        right = self.gradients()
        for group in (self._one_slope, self._all_slopes, self._inputs_before, self._uses):
            for mistake in group():
                wrong = self.gradients(mistake)
                if all(map(same, wrong, right)):
                    continue  # it makes no difference at this point
                if all(same(a, b) for a, b in zip(given, wrong, strict=True)):
                    return [(mistake.kind, mistake.text)]
        return []

    # -- the mistakes ------------------------------------------------------------------------

    def _one_slope(self) -> Iterator[Mistake]:
        for layer in self.layers:
            yield from self._slopes([layer], self._which(layer))

    def _which(self, layer: Layer) -> str:
        """Return what to call an activation: by what it makes, or by its number."""
        name = layer.activation.name
        alike = [x for x in self.layers if x.activation is layer.activation]
        if layer.a.name is not None:
            return f"the {name} that makes '{layer.a.name}'"
        return f"the {name}" if len(alike) == 1 else f"the {_th(alike.index(layer))} {name}"

    def _all_slopes(self) -> Iterator[Mistake]:
        for first in range(len(self.layers)):
            for last in range(len(self.layers), first + 1, -1):
                chosen = self.layers[first:last]
                if len({x.activation.name for x in chosen}) == 1:
                    every = (
                        "every" if len(chosen) == len(self.layers) else f"{len(chosen)} times the"
                    )
                    yield from self._slopes(chosen, f"{every} {chosen[0].activation.name}")

    def _slopes(self, layers: list[Layer], which: str) -> Iterator[Mistake]:
        """Yield what people put in the place of an activation's derivative."""

        def mistake(kind: str, text: str, slope: Callable[[Layer], Array]) -> Mistake:
            slopes = {id(x.a): (x.z, slope(x)) for x in layers}
            return Mistake(kind, text, slopes)

        one = layers[0].activation
        yield mistake(
            "missing derivative",
            f"the derivative of {which} is missing: the gradient of its result is passed on as "
            "that of its argument",
            lambda x: np.ones(x.z.shape),
        )
        yield mistake(
            "doubled derivative",
            f"the derivative of {which} is multiplied in twice",
            lambda x: one.slope(x.z.data) ** 2,
        )
        yield mistake(
            "derivative at its value",
            f"the derivative of {which} is written for its argument z and is given its result "
            f"{one.name}(z)",
            lambda x: one.slope(x.a.data),
        )
        yield mistake(
            "derivative at its argument",
            f"the derivative of {which} is written for its result, as in a(1 − a), and is given "
            "its argument z",
            lambda x: one.slope_by_value(x.z.data),
        )
        yield mistake(
            "sign of the derivative",
            f"the derivative of {which} has the wrong sign",
            lambda x: -one.slope(x.z.data),
        )
        for other in ACTIVATIONS[:3]:
            if other is not one:
                yield mistake(
                    "another's derivative",
                    f"the derivative of {which} is that of {other.name}",
                    lambda x, other=other: other.slope_by_value(x.a.data),  # type: ignore[misc]
                )
                yield mistake(
                    "another's derivative",
                    f"the derivative of {which} is that of {other.name}",
                    lambda x, other=other: other.slope(x.z.data),  # type: ignore[misc]
                )

    def _inputs_before(self) -> Iterator[Mistake]:
        """A weight's gradient made with z, where the layer was given a = σ(z)."""
        for layer in self.layers:
            for step in self.program.steps:
                for i, v in enumerate(step.operands):
                    if v is layer.a and len(step.operands) > 1 and step.results[0] is not layer.z:
                        yield Mistake(
                            "argument for result",
                            f"a weight's gradient is made with the argument of a "
                            f"{layer.activation.name}, and the forward pass used its result",
                            operands={(id(step), i): np.asarray(layer.z.data)},
                        )

    def _uses(self) -> Iterator[Mistake]:
        """One use of a value counted, and the others forgotten: = where += belongs."""
        edges: dict[int, list[tuple[int, int]]] = {}
        values: dict[int, Value] = {}
        for step in self.program.steps:
            for i, v in enumerate(step.operands):
                if not v.is_constant:
                    edges.setdefault(id(v), []).append((id(step), i))
                    values[id(v)] = v
        for key, uses in edges.items():
            if not 2 <= len(uses) <= 6:
                continue
            for kept in uses:
                v = values[key]
                yield Mistake(
                    "missing sum of uses",
                    f"{_described(v, self.program)} is used {len(uses)} times, and only one use is "
                    "in its gradient: add the others (+=)",
                    dropped={edge for edge in uses if edge != kept},
                )


def _described(v: Value, program: Program) -> str:
    for i, x in enumerate(program.inputs):
        if x is v:
            return f"'{x.name}'" if x.name else f"argument {i}"
    made = v.maker.primitive.name if v.maker else "a value"
    return f"the result of '{made}' of shape {v.shape}" if v.shape else f"the number from '{made}'"


def _th(i: int) -> str:
    return ("first", "second", "third", "fourth", "fifth", "sixth")[i] if i < 6 else f"{i + 1}th"


def _layers(program: Program) -> Iterator[Layer]:
    """Yield the activations on a tape, found by their numbers: σ(z) may be many steps."""
    found: dict[int, Layer] = {}
    inside: set[int] = set()  # the results of steps that are part of a larger activation
    for step in reversed(program.steps):
        (a, *others) = step.results
        if others or id(a) in inside or np.asarray(a.data).dtype.kind != "f":
            continue
        for z in _before(step):
            varied = np.size(z.data) == 1 or np.ptp(z.data) > 0.0
            if id(a) in found or z.shape != a.shape or not varied:
                continue
            with np.errstate(all="ignore"):
                fits = [x for x in ACTIVATIONS if same(x.of(z.data), np.asarray(a.data))]
            if fits:
                found[id(a)] = Layer(fits[0], z, a)
                inside |= _between(a, z)
    yield from reversed(found.values())


def _between(a: Value, z: Value) -> set[int]:
    """Return the ids of the values that were made on the way from `z` to `a`."""
    found: set[int] = set()
    waiting = list(a.maker.operands) if a.maker else []
    while waiting:
        v = waiting.pop()
        if v is not z and v.maker is not None and id(v) not in found:
            found.add(id(v))
            waiting += v.maker.operands
    return found


def _before(step: Step) -> Iterator[Value]:
    """Yield the values behind a step, the farthest of its few predecessors first."""
    found: dict[int, Value] = {}
    waiting = [(v, 1) for v in step.operands]
    while waiting:
        v, depth = waiting.pop(0)
        if v.is_constant or id(v) in found:
            continue
        found[id(v)] = v
        if v.maker is not None and depth < NEAR:
            waiting += [(x, depth + 1) for x in v.maker.operands]
    yield from reversed(found.values())
