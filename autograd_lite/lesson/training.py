"""What a page needs to train a model: its programs, for any number of examples.

A model is called a few times, on as many examples as were given and on a few less, and what it
does is recorded as `compile` records it, so nothing freezes in silence. The page gets two
functions in JavaScript: ``look`` computes the outputs and each unit's activation, ``step`` the
loss and its gradients with respect to the parameters. A program is a function, so the gradients
are those of ``value_and_grad(program.evaluate)``: how the model holds its parameters does not
matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..codegen.building import plain_program
from ..codegen.expand import without_checks
from ..codegen.program import Program, Step, Value
from ..codegen.watching import Captured, record_watched
from ..errors import NonScalarBackwardError
from ..modes import no_grad, trace
from ..tensor import Tensor
from ..transforms import value_and_grad


@dataclass(slots=True)
class LayerUnits:
    """The units of one layer, as a program computes them.

    Attributes
    ----------
    names
        What is done to arrive here: the primitives' names.
    size
        How many units there are.
    activation
        Their value in the program, (examples, units).
    weight, bias
        The numbers of the parameters that lead here; None for the inputs, or where there is none.
    turned
        Whether the weight is (units before, units), as in ``X @ W``; else it is (units, before).
    """

    names: list[str]
    size: int
    activation: Value
    weight: int | None = None
    bias: int | None = None
    turned: bool = False


@dataclass
class FunctionTraining:
    """A function whose arguments are trained: there are no examples.

    Attributes
    ----------
    f
        Called on the parameters; returns the loss.
    parameters
        By name.
    """

    f: Callable[..., Any]
    parameters: dict[str, Tensor]

    def __post_init__(self) -> None:
        if not self.parameters:
            raise ValueError("train=True changes the inputs, and there are none: give some.")
        with no_grad():
            _check_number(self.f(*self.values))

    @property
    def name(self) -> str:
        """What the function is called."""
        return getattr(self.f, "__name__", "f")

    @property
    def values(self) -> list[Any]:
        """The parameters' arrays, in double precision as on the page."""
        return [_double(p.data) for p in self.parameters.values()]

    def traced(self) -> tuple[Tensor, list[Tensor | None]]:
        """Return the loss on a tape, and the Tensors that a lesson of it has as inputs."""
        with trace():
            made = self.f(*self.parameters.values())
        return made, list(self.parameters.values())

    @property
    def sizes(self) -> dict[str, int]:
        """How many numbers there are of each kind."""
        return {"parameters": sum(np.size(x) for x in self.values)}

    def step(self) -> Program:
        """Return the program from parameters to the loss, the loss again, and gradients."""

        def made(weights: Any) -> Any:
            loss, gradients = value_and_grad(lambda weights: self.f(*weights))(weights)
            return loss, loss, *gradients

        return _recorded(made, self.values, tuple(self.parameters))


@dataclass
class Training:
    """A model with a loss and examples.

    Attributes
    ----------
    model, loss
        Called as ``loss(model(X), y)``.
    X, y
        Arrays, whose first axis counts the examples.
    parameters
        By name.
    """

    model: Callable[..., Any]
    loss: Callable[..., Any]
    X: Any
    y: Any
    parameters: dict[str, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.parameters = parameters_of(self.model)
        self.X, self.y = _array(self.X), _array(self.y)
        if not self.X.ndim or not self.y.ndim or len(self.X) != len(self.y) or not len(self.X):
            raise ValueError(
                "play takes as many targets as inputs, along the first axis, and got X of shape "
                f"{self.X.shape} and y of shape {self.y.shape}."
            )
        if self.X.dtype.kind in "iub" and self._takes(self.X.astype(float)):
            self.X = self.X.astype(float)  # points that can be moved
        with no_grad():
            outputs = self.model(self.X)
            made = self.loss(outputs, self.y)
        self.outputs = _array(outputs)
        _check_number(made)

    def _takes(self, X: Any) -> bool:
        try:
            with no_grad():
                self.model(X)
        except Exception:  # it takes whole numbers, as an index perhaps
            return False
        return True

    @property
    def name(self) -> str:
        """What the model is called."""
        return getattr(self.model, "__name__", type(self.model).__name__)

    @property
    def values(self) -> list[Any]:
        """The parameters' arrays, in double precision as on the page."""
        return [_double(p.data) for p in self.parameters.values()]

    @property
    def sizes(self) -> dict[str, int]:
        """How many numbers there are of each kind."""
        parameters = sum(np.size(x) for x in self.values)
        return {"parameters": parameters, "examples": self.X.size + self.y.size}

    def traced(self) -> tuple[Tensor, list[Tensor | None]]:
        """Return the loss on a tape, and the Tensors that a lesson of it has as inputs.

        These are the parameters, the inputs and the targets; None where targets are labels.
        """
        X, y = Tensor(self.X, name="X"), self.y
        if y.dtype.kind in "iub" and y.shape == self.outputs.shape:
            y = y.astype(float)
        targets = Tensor(y, name="y") if y.dtype.kind == "f" else None
        with trace():
            made = self.loss(self.model(X), y if targets is None else targets)
        return made, [*self.parameters.values(), X, targets]

    # -- programs ----------------------------------------------------------------------------

    def look(self, n: int | None = None) -> Program:
        """Return the program from parameters and `n` inputs to outputs and each column's units."""
        program, columns = self._model if n is None else self._recorded_model(n)
        units = [c.activation for c in columns[1:]]
        return plain_program(Program(program.inputs, program.steps, [*program.outputs, *units]))

    def step(self, n: int | None = None) -> Program:
        """Return the program from parameters, `n` inputs and targets to the loss and gradients.

        Its outputs are the loss, the outputs of the model, and a gradient for each parameter.
        """
        X, y = self._examples(n)

        def objective(X: Any, y: Any) -> Any:
            outputs = self.model(X)
            return self.loss(outputs, y), outputs

        program = self._owned(objective, X, y)

        def made(weights: Any, X: Any, y: Any) -> Any:
            def run(weights: Any) -> Any:
                return tuple(program.evaluate([*weights, X, y]))

            (loss, outputs), gradients = value_and_grad(run, has_aux=True)(weights)
            return loss, outputs, *gradients

        return _recorded(made, self.values, (*self.parameters, "X", "y"), _double(X), _double(y))

    @property
    def columns(self) -> list[LayerUnits]:
        """The layers as units; empty if the model is no chain of layers."""
        return self._model[1]

    @cached_property
    def _model(self) -> tuple[Program, list[LayerUnits]]:
        return self._recorded_model(len(self.X))

    def _recorded_model(self, n: int) -> tuple[Program, list[LayerUnits]]:
        X, _ = self._examples(n)
        program = self._owned(lambda X: self.model(X), X)
        return program, columns_of(program, len(self.parameters))

    def _examples(self, n: int | None) -> tuple[Any, Any]:
        """Return `n` of the examples, from the first again after the last."""
        if n is None or n == len(self.X):
            return self.X, self.y
        rows = np.arange(n) % len(self.X)
        return self.X[rows], self.y[rows]

    def _owned(self, f: Callable[..., Any], *args: Any) -> Program:
        """Record a function; the inputs are the parameters, then the arguments.

        What else it takes from around itself stays what it is now.
        """
        recording, captured = record_watched(f, args, {})
        program = recording.program
        own = {id(x): v for x, v in zip(captured.owners, captured.values, strict=True)}
        _fix(captured)
        program = without_checks(program)
        parameters = []
        for name, p in self.parameters.items():
            v = own.get(id(p)) or Value(p.data)
            v.name, v.is_input = name, True
            parameters.append(v)
        return Program(parameters + program.inputs[: len(args)], program.steps, program.outputs)


def _recorded(
    f: Callable[..., Any], weights: list[Any], names: tuple[str, ...], *args: Any
) -> Program:
    """Record a function of weights and more; the inputs are these, by name."""
    recording, captured = record_watched(f, (weights, *args), {})
    _fix(captured)
    inputs = recording.program.inputs[: len(names)]
    for v, name in zip(inputs, names, strict=True):
        v.name = name
    return plain_program(Program(inputs, recording.program.steps, recording.program.outputs))


def _double(x: Any) -> Any:
    return np.asarray(x, float) if np.asarray(x).dtype.kind == "f" else x


def _fix(captured: Captured) -> None:
    """Fix the values that a function captured at what they are now."""
    for v in captured.values:
        v.is_input = False


def parameters_of(model: Any) -> dict[str, Tensor]:
    """Return what of a model is trained, by name.

    Raises
    ------
    TypeError
        If it cannot be called, or does not say what its parameters are.
    ValueError
        If it has none.
    """
    if not callable(model) or not hasattr(model, "parameters"):
        raise TypeError(
            "play takes a model that is called on inputs and has a method parameters(), and got "
            f"{type(model).__name__}: play(model, loss, X, y)."
        )
    if hasattr(model, "named_parameters"):
        pairs = list(model.named_parameters())
    else:
        given: Iterable[Tensor] = model.parameters()
        pairs = [(p.name or f"p{i + 1}", p) for i, p in enumerate(given)]
    found = {name: p for name, p in pairs if isinstance(p, Tensor) and p.requires_grad}
    if not found:
        raise ValueError(
            "The model has no parameters that require a gradient, so there is nothing to train."
        )
    return found


def _check_number(loss: Any) -> None:
    if np.shape(_array(loss)) != ():
        raise NonScalarBackwardError(
            f"The loss is an array of shape {_array(loss).shape}, and training lessens one "
            "number: take its mean or its sum."
        )


def _array(x: Any) -> Any:
    return np.asarray(x.data if isinstance(x, Tensor) else x)


# -- layers ------------------------------------------------------------------------------------


def columns_of(program: Program, parameters: int) -> list[LayerUnits]:
    """Read a model's program as layers of units; return nothing if it is no chain of them.

    A layer begins where the units so far meet a parameter in a matrix product; what is then done
    to each unit (a bias, an activation) belongs to it.

    Parameters
    ----------
    program
        Of the parameters and the inputs, as it was recorded.
    parameters
        How many of its inputs are parameters.
    """
    own = {id(v): i for i, v in enumerate(program.inputs[:parameters])}
    now = program.inputs[parameters]
    if len(now.shape) != 2 or len(program.outputs) != 1:
        return []
    columns = [LayerUnits(["input"], now.shape[1], now)]
    for step in program.steps:
        if len(step.results) != 1 or not any(v is now for v in step.operands):
            continue
        made, others = step.results[0], [v for v in step.operands if v is not now]
        layer = _layer(step, now, own)
        if layer is not None:
            columns.append(layer)
        elif len(columns) > 1 and made.shape == now.shape and all(map(_is_beside, others)):
            columns[-1].names.append(step.primitive.name)
            biases = [own[id(v)] for v in others if id(v) in own]
            if step.primitive.function is np.add and biases and columns[-1].bias is None:
                columns[-1].bias = biases[0]
            columns[-1].activation = made
        else:
            continue
        now = made
    ends = now is program.outputs[0] and len(columns) > 1
    return columns if ends else []


def _is_beside(v: Value) -> bool:
    return v.maker is None


def _layer(step: Step, now: Value, own: dict[int, int]) -> LayerUnits | None:
    """Return the layer that begins with a matrix product with a parameter."""
    name, operands = step.primitive.name, step.operands
    if name not in ("linear", "matmul") or operands[0] is not now:
        return None
    weight, turned = operands[1], name == "matmul"
    if weight.maker is not None and weight.maker.primitive.function is np.transpose:
        weight, turned = weight.maker.operands[0], not turned
    if id(weight) not in own or len(weight.shape) != 2:
        return None
    bias = own.get(id(operands[2])) if len(operands) > 2 else None
    made = step.results[0]
    return LayerUnits([name], made.shape[1], made, own[id(weight)], bias, turned)
