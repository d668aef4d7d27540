"""The forward pass as formulas: what each operation of a graph computes, as a person writes it.

>>> from autograd_lite import Tensor
>>> from autograd_lite.visualize.graph import read
>>> x = Tensor(2.0, requires_grad=True, name="x")
>>> graph = read(np.sin(x * 3.0))
>>> [write(step_of(operation).formula, TEXT) for operation in graph.operations]
['x · 3', 'sin(t1)']
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..primitive import Primitive
from ..tensor import Tensor
from ..visualize.graph import GraphValue, OpCall
from .formula import Formula, apply, arguments_of, head_of, number, record, symbol
from .indices import Declared, contraction
from .notation import TEXT
from .simplifying import simplify
from .writing import legible, write

LONGEST = 80  # letters of a composition, before its name says more


@dataclass(slots=True, eq=False)
class ForwardStep:
    """One operation of the forward pass.

    `formula` is that of its result; `moving` too, with all that only moves numbers, so that
    each element can be followed.
    """

    operation: OpCall
    formula: Formula
    moving: Formula

    @property
    def result(self) -> GraphValue:
        """The value that it made; of several, the first."""
        return self.operation.results[0]


# -- values ---------------------------------------------------------------------------------------


def named(value: GraphValue) -> Formula:
    """Return a value as a formula: its name, the number itself, or the condition."""
    if value.asks is not None:
        return _question(*value.asks, value.data)
    if value.tensor is None and np.ndim(value.data) == 0:
        return number(value.data)
    return symbol(value.name, value.data)


def _question(primitive: Primitive, of: list[Any], value: Any) -> Formula:
    """Return a condition as a formula of its operands."""
    return Formula(head_of(primitive), value, "", tuple(map(_asked, of)), {}, primitive)


def _asked(x: Any) -> Formula:
    if isinstance(x, GraphValue):
        return named(x)
    if isinstance(x, tuple):
        primitive, of = x
        operands = [_asked(part) for part in of]
        value = primitive.forward(*(np.asarray(f.value)[()] for f in operands))
        return _question(primitive, of, value)
    if not isinstance(x, Tensor):
        return number(x)
    made = x.tape
    if made.primitive is None or made.primitive.outputs:
        return symbol(x.name or "it", x.data)
    given = tuple(map(_asked, made.operands))
    return Formula(head_of(made.primitive), x.data, "", given, made.parameters, made.primitive)


# -- operations -----------------------------------------------------------------------------------


def by_name(operation: OpCall, formulas: list[Formula]) -> dict[str, Any]:
    """Return the operands as formulas, by the names that the rules have for them."""
    names = operation.primitive.operands
    if operation.primitive.variadic:
        return {names[0]: formulas}
    return dict(zip(names, formulas, strict=True))


def step_of(operation: OpCall) -> ForwardStep:
    """Return an operation as a step forward, with the formula of its result."""
    primitive = operation.primitive
    formulas = [named(v) for v in operation.operands]
    moving = None
    if primitive.decomposition is not None:
        try:
            given = by_name(operation, formulas) | operation.parameters
            formula = record(primitive.decomposition, arguments_of(primitive.decomposition, given))
            moving = simplify(formula, choose=False, moves=True)
            formula = simplify(formula, choose=False)
            if len(write(formula, TEXT)) <= LONGEST and legible(formula):
                return ForwardStep(operation, formula, moving)
        except Exception:  # what it stands for is there to be read; if it cannot be, its name can
            pass
    formula = applied(operation, formulas)
    return ForwardStep(operation, formula, moving or formula)


def applied(operation: OpCall, formulas: list[Formula]) -> Formula:
    """Return an operation, by its name, applied to formulas."""
    primitive, value = operation.primitive, operation.results[0].data
    shown = {k: v for k, v in operation.parameters.items() if v is not None and v is not False}
    formula = Formula(head_of(primitive), value, "", tuple(formulas), shown, primitive)
    if primitive.name in ("conv2d_image", "conv2d_weight"):
        declared = declared_by(operation, set())
        if declared is not None:
            return declared.product.formula(formulas, value)
    if primitive.outputs and len(operation.results) == 1:
        (index,) = operation.indices
        return simplify(apply("output", formula, value=value, index=index), choose=False)
    return formula


def declared_by(operation: OpCall, taken: set[str]) -> Declared | None:
    """Return the indices that an operation declares, in letters that the program does not use."""
    shapes = [np.shape(v.data) for v in operation.operands]
    shape = np.shape(operation.results[0].data)
    return contraction(operation.primitive, shapes, shape, operation.parameters, taken)


def places_of(operation: OpCall, taken: set[str]) -> dict[int, str]:
    """Name the places of those operands that an operation differentiates more than once."""
    primitive = operation.primitive
    receiving = [
        i for i, v in enumerate(operation.operands)
        if v.requires_grad
        and (primitive.variadic or primitive.operands[i] not in primitive.nondifferentiable)
    ]  # fmt: skip
    operands = [operation.operands[i] for i in receiving]
    several = [i for i in receiving if operands.count(operation.operands[i]) > 1]
    names = itertools.chain("uvwpqrs", (f"u{n}" for n in itertools.count(1)))
    free = (name for name in names if name not in taken)
    return dict(zip(several, free, strict=False))


def placed(places: dict[int, str], i: int, value: GraphValue) -> Formula:
    """Return an operand as a formula, by the name of its place if that has one."""
    if i not in places:
        return named(value)
    return Formula("symbol", value.data, places[i], parameters={"stands_for": value.name})
