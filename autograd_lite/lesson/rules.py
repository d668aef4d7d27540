"""One application of the chain rule as formulas: what a rule makes of the upstream gradient.

A derivative rule is plain NumPy. Applied to formulas in place of numbers it writes down what it
does, and what it writes is made simpler until it reads as in a book:

>>> from autograd_lite import Tensor
>>> from autograd_lite.lesson.forward import step_of
>>> from autograd_lite.lesson.notation import TEXT
>>> from autograd_lite.lesson.writing import write
>>> from autograd_lite.visualize.graph import read
>>> x = Tensor(2.0, requires_grad=True, name="x")
>>> (operation,) = read(np.sin(x)).operations
>>> made = terms("f", step_of(operation), 0, [np.float64(1.0)], np.cos(2.0), set())
>>> write(made.local, TEXT), write(made.product, TEXT)
('cos(x)', '∂f/∂t1 · cos(x)')
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..declaration import Rule
from ..fitting import broadcast_axes
from ..visualize.graph import GraphValue, OpCall
from .contractions import Contraction, reasons
from .formula import Formula, apply, arguments_of, gradient, number, occurs, record
from .formula import replace as substitute
from .forward import ForwardStep, by_name, declared_by, named, placed, places_of
from .parameters import index_of, over_axes
from .simplifying import simplify
from .writing import KNOWN_AS, legible


@dataclass(slots=True, eq=False)
class Terms:
    """What a rule says at one of the operands.

    Attributes
    ----------
    places
        Names for the places of the operation, where the operand stands in several of them: of
        x · x, which is u · v, the derivatives by u and by v are two.
    product
        The contribution as the rule computes it from the upstream gradient.
    moving
        The same with all that only moves numbers, so that each element can be followed.
    local
        The local derivative, of this operation by this place alone, element by element. None
        where it is not one number for each element, as in a matrix product.
    index
        The contribution for one element, where it is a sum of products, with the letters of its
        indices.
    notes
        Why the rule is what it is here, such as ``x > 0``.
    remarks
        What happened to the shape, in words.
    """

    places: dict[int, str]
    product: Formula
    moving: Formula
    local: Formula | None = None
    index: Formula | None = None
    notes: list[Formula] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def terms(
    root: str,
    step: ForwardStep,
    position: int,
    upstream: list[Any],
    contribution: Any,
    taken: set[str],
) -> Terms:
    """Return what the rule of a step says at one of its operands.

    Parameters
    ----------
    root
        The name of what is differentiated.
    step, position
        The operation, and which of its operands it is about.
    upstream
        The gradients of the operation's results; None where none arrived.
    contribution
        What the rule makes of them in numbers.
    taken
        Names that the program has, which no letter of ours may be.
    """
    at = _Applied(root, step, position, upstream, taken)
    notes: list[Formula] = []
    local = at.local(notes)
    made = at.contribution([] if local else notes)
    made.local, made.notes = local, notes
    sums = None if local else at.sum_of_products(contribution)
    if sums is not None:
        made.index = made.moving = sums.formula(at.factors, contribution)
        made.product = sums.matrices(at.factors, contribution) or made.index
        made.remarks += reasons(made.index, made.product, at.operand.name, step.result.name)
    if not legible(made.product):
        called = KNOWN_AS.get(at.operation.name, at.operation.name)
        known = tuple(f for f in at.given if f.head in ("gradient", "symbol"))
        made.product = Formula("rule", contribution, f"back through {called}", known)
        made.remarks.append(NUMBERS_ONLY)
        made.notes = []
    return made


NUMBERS_ONLY = "the formula of this rule is too long to be read; these are its numbers"


class _Applied:
    """A rule, applied to formulas.

    Attributes
    ----------
    operands
        Those of the operation, by name, or by the name of the place.
    g, out
        The upstream gradient and the result; of several results, lists.
    made
        What the rule makes of these.
    remarks
        What its docstring says, where it cannot be followed inside.
    """

    def __init__(
        self, root: str, step: ForwardStep, position: int, upstream: list[Any], taken: set[str]
    ) -> None:
        self.operation, self.result, self.taken = step.operation, step.result, taken
        self.position, self.operand = position, step.operation.operands[position]
        self.places = places_of(self.operation, taken)
        values = enumerate(self.operation.operands)
        self.operands = [placed(self.places, i, v) for i, v in values]
        self.g, self.out = self._results(root, upstream)
        self.remarks: list[str] = []
        self.made = self._apply()

    def _results(self, root: str, upstream: list[Any]) -> tuple[Any, Any]:
        """Return the upstream gradient and the result as formulas."""
        operation, primitive = self.operation, self.operation.primitive
        if not primitive.outputs:
            return gradient(root, self.result.name, upstream[0]), named(self.result)
        numbers = [np.asarray(v.data)[()] for v in operation.operands]
        out = [number(part) for part in primitive.compute(numbers, operation.parameters)]
        g = [number(np.zeros_like(part.value)) for part in out]
        for i, v, arrived in zip(operation.indices, operation.results, upstream, strict=True):
            if arrived is not None:
                g[i] = gradient(root, v.name, arrived)
        return g, out

    def _apply(self) -> Formula:
        """Return what the rule makes of the upstream gradient, where it can be read."""
        operation, primitive = self.operation, self.operation.primitive
        name = primitive.operands[0 if primitive.variadic else self.position]
        rule = primitive.joint or primitive.rules[name]
        offered = {"g": self.g, "out": self.out, **by_name(operation, self.operands)}
        given = arguments_of(rule, offered | operation.parameters)
        try:
            made = record(rule, given)
        except Exception:
            # The rule leaves NumPy's functions with rules, so it cannot be followed inside: it
            # is applied to plain arrays, and called by its name.
            with np.errstate(all="ignore"):
                made = rule(**{key: _plain(value) for key, value in given.items()})
            made = made[self.position] if primitive.joint is not None else made
            arguments = tuple(v for v in given.values() if isinstance(v, Formula))
            known_as, self.remarks = _name_of(rule)
            return Formula("rule", made, known_as, arguments)
        made = made[self.position] if primitive.joint is not None else made
        assert isinstance(made, Formula)
        return made

    @property
    def given(self) -> list[Formula]:
        """The upstream gradient, of several results each, and the operands."""
        return [*(self.g if isinstance(self.g, list) else [self.g]), *self.operands]

    # -- the local derivative --------------------------------------------------------------------

    def local(self, notes: list[Formula]) -> Formula | None:
        """Return the local derivative; None where there is none to be read.

        It is what the rule makes of an upstream gradient of 1.
        """
        if not self._one_for_each_element() or self.made.head == "rule":
            return None
        local: Formula | None
        local = simplify(substitute(self.made, self.g, number(np.ones_like(self.g.value))), notes)
        if self.operation.primitive.indices is not None:
            local = self._without_upstream()
        return local if local is not None and legible(local) else None

    def _one_for_each_element(self) -> bool:
        """Whether it is one number for each element of the result or the operand."""
        primitive = self.operation.primitive
        if primitive.outputs:
            return False
        matrices = getattr(primitive.function, "signature", None) is not None  # a ufunc, as matmul
        return (primitive.elementwise and not matrices) or np.ndim(self.result.data) == 0

    def _without_upstream(self) -> Formula | None:
        """Return the derivative of a number that is a sum of products, by matrices."""
        declared = declared_by(self.operation, self.taken)
        if declared is None:
            return None
        of = declared.gradient(self.position)
        left = replace(of, factors=of.factors[1:], shapes=of.shapes[1:])
        return left.matrices([self.operands[i] for i in declared.others(self.position)])

    # -- the contribution ------------------------------------------------------------------------

    def contribution(self, notes: list[Formula]) -> Terms:
        """Return it as the rule computes it, summed where the operand was broadcast."""
        product, moving = simplify(self.made, notes), simplify(self.made, moves=True)
        remarks = [*self.remarks]
        if self.operation.primitive.indices is None:
            remarks += _shape_remarks(self.made, product, self.operation, self.operand, self.result)
        if np.shape(self.made.value) != np.shape(self.operand.data):
            product, moving, remark = _summed(product, moving, self.operand)
            remarks.append(remark)
        return Terms(self.places, product, moving, remarks=remarks)

    def sum_of_products(self, contribution: Any) -> Contraction | None:
        """Return it by its indices, where these are declared and come to its numbers."""
        declared = declared_by(self.operation, self.taken)
        if declared is None or not isinstance(self.g, Formula):
            return None
        self.factors = [self.g, *(self.operands[i] for i in declared.others(self.position))]
        sums = declared.gradient(self.position)
        return sums if sums.comes_to([f.value for f in self.factors], contribution) else None


# -- in words ---------------------------------------------------------------------------------


def _plain(argument: Any) -> Any:
    if isinstance(argument, list):
        return [_plain(a) for a in argument]
    return np.asarray(argument.value)[()] if isinstance(argument, Formula) else argument


def _name_of(rule: Rule) -> tuple[str, list[str]]:
    """Return what to call a rule, and what its docstring says."""
    names = getattr(getattr(rule, "__code__", None), "co_names", ())
    helper = getattr(rule, "__globals__", {}).get(names[0]) if names else None
    documented = helper if inspect.isfunction(helper) else rule
    name = documented.__name__ if documented.__name__ != "<lambda>" else "its rule"
    doc = inspect.getdoc(documented)
    return name.strip("_").replace("_", " "), [doc.splitlines()[0]] if doc else []


def _shape_remarks(
    raw: Formula, product: Formula, operation: OpCall, operand: GraphValue, result: GraphValue
) -> list[str]:
    """Say in words how a rule moves numbers from the result's shape to the operand's."""
    before, after = np.shape(result.data), np.shape(operand.data)
    if before == after or operation.primitive.elementwise:
        return []
    if occurs(raw, "broadcast_to"):
        return [
            f"copied to every place of shape {after}, because the forward pass reduced that shape "
            f"to {before or 'one number'} ({operation.name})"
        ]
    if occurs(product, "scatter"):
        known = "index" in operation.parameters
        index = index_of(Formula("getitem", None, parameters=operation.parameters))
        index = index if known else "its place"
        return [
            f"put back at {index}, with zeros elsewhere, because the forward pass "
            "used only that part"
        ]
    if raw.head in ("reshape", "scatter"):
        return [f"put back into shape {after}, because the forward pass reshaped it to {before}"]
    return []


def _summed(product: Formula, moving: Formula, operand: GraphValue) -> tuple[Formula, Formula, str]:
    """Return the sums over the axes that were broadcast, and the sentence that says so."""
    wide, shape = moving.shape, np.shape(operand.data)
    axes = broadcast_axes(shape, wide)
    if not axes:
        return product, moving, f"copied to shape {shape}"
    axis = axes[0] if len(axes) == 1 else axes
    total = np.sum(moving.value, axis=axes).reshape(shape)
    product, moving = (apply("sum", f, value=total, axis=axis) for f in (product, moving))
    return (
        product,
        moving,
        (
            f"summed over {over_axes(axis)}, because the forward pass broadcast {operand.name} "
            f"from shape {shape} to {wide}"
        ),
    )
