"""A rule, read as a formula.

A rule is plain NumPy and a Tensor answers plain NumPy. So a rule is read by calling
it: on Tensors that carry the real values, while everything is recorded. What comes
out knows how it was made, and that is the formula. Nothing is written twice: a
primitive that was declared a minute ago with nothing but its rules has formulas too.

>>> from autograd_lite.calculus.neural import sigmoid
>>> from autograd_lite.lesson.notation import TEXT
>>> from autograd_lite.lesson.writing import write
>>> rule = sigmoid.rules["x"]  # g * out * (1.0 - out)
>>> g, out = gradient("L", "y", np.float64(2.0)), symbol("y", np.float64(0.25))
>>> contribution = record(rule, {"g": g, "out": out})
>>> write(contribution, TEXT)
'∂L/∂y · y · (1 - y)'
>>> local = replace(contribution, g, ONE)
>>> write(local, TEXT), float(local.value)
('1 · y · (1 - y)', 0.1875)

:mod:`autograd_lite.lesson.simplifying` writes it as one would by hand.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..calculus.rarer import whole_table
from ..modes import everything
from ..primitive import Primitive
from ..tensor import Tensor, constant


@dataclass(frozen=True, eq=False, slots=True)
class Formula:
    """A value and how it is computed.

    Attributes
    ----------
    head
        ``symbol``, ``gradient`` (the gradient of what `name` calls), ``constant``,
        or the name of the primitive that is applied.
    value
        What it comes to, with the numbers of this program.
    name
        What a symbol stands for; what a gradient is with respect to.
    arguments, parameters
        What the primitive is applied to.
    primitive
        The primitive, where the formula was recorded.
    """

    head: str
    value: Any
    name: str = ""
    arguments: tuple[Formula, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    primitive: Primitive | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return np.shape(self.value)


def symbol(name: str, value: Any) -> Formula:
    """Return a formula that is a name."""
    return Formula("symbol", value, name)


def gradient(of: str, by: str, value: Any) -> Formula:
    """Return a gradient ∂of/∂by that is known, as a formula."""
    return Formula("gradient", value, by, parameters={"of": of})


def number(value: Any) -> Formula:
    """Return a formula that is a number or an array without a name."""
    return Formula("constant", value)


ONE = number(1.0)


def apply(head: str, *arguments: Formula, value: Any, **parameters: Any) -> Formula:
    """Return a primitive applied to formulas."""
    return Formula(head, value, "", arguments, parameters)


# -- reading ---------------------------------------------------------------------------


def record(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """Call a function on stand-ins for formulas and return its result as a formula.

    Parameters
    ----------
    function
        A rule, or the composition that a fused primitive stands for.
    given
        Its arguments by name: a `Formula`, a list of them, or a plain parameter.

    Returns
    -------
    Formula
        Or a list, where the function returns several. None where it returns None.
    """
    known: dict[int, Formula] = {}

    def stand_in(argument: Any) -> Any:
        if isinstance(argument, (list, tuple)) and any(isinstance(a, Formula) for a in argument):
            return [stand_in(a) for a in argument]
        if not isinstance(argument, Formula):
            return argument
        if argument.head == "constant" and np.ndim(argument.value) == 0:
            return argument.value  # a number is itself
        t = constant(np.asarray(argument.value))
        if t.dtype.kind in "fc":
            t.requires_grad_()  # so that whatever would drop it from the tape says so
        known[id(t)] = argument
        kept.append(t)
        return t

    def formula(x: Any) -> Any:
        if x is None:
            return None
        if not isinstance(x, Tensor):
            return number(x)
        if id(x) not in known:
            kept.append(x)
            made = x.tape
            assert made.primitive is not None
            arguments = tuple(formula(operand) for operand in made.operands)
            head = head_of(made.primitive)
            known[id(x)] = Formula(head, x.data, "", arguments, made.parameters, made.primitive)
        return known[id(x)]

    kept: list[Any] = []  # an id is only a name while its object lives
    given = {name: stand_in(argument) for name, argument in given.items()}
    with everything(), np.errstate(all="ignore"):
        result = function(**given)
    if isinstance(result, (list, tuple)):
        return [formula(part) for part in result]
    return formula(result)


def arguments_of(rule: Callable[..., Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    """Choose what a rule names from what there is; a parameter that is missing has its default."""
    asked = inspect.signature(rule).parameters
    if any(p.kind is p.VAR_KEYWORD for p in asked.values()):  # such as **geometry
        return {name: x for name, x in offered.items() if name not in ("g", "out")}
    return {name: offered[name] for name in asked if name in offered}


def replace(formula: Formula, old: Formula, new: Formula) -> Formula:
    """Put a formula in another's place, wherever it occurs. The values are computed anew."""
    if formula is old:
        return new
    arguments = tuple(replace(a, old, new) for a in formula.arguments)
    if all(a is b for a, b in zip(arguments, formula.arguments, strict=True)):
        return formula
    assert formula.primitive is not None
    values = [np.asarray(a.value)[()] for a in arguments]
    with np.errstate(all="ignore"):
        value = formula.primitive.forward(*values, **formula.parameters)
    return dataclasses.replace(formula, value=value, arguments=arguments)


def renamed(formula: Formula, names: Mapping[str, str]) -> Formula:
    """Put other names in the place of symbols."""
    if formula.head == "symbol":
        return dataclasses.replace(formula, name=names.get(formula.name, formula.name))
    if not names or not formula.arguments:
        return formula
    return dataclasses.replace(
        formula, arguments=tuple(renamed(a, names) for a in formula.arguments)
    )


def head_of(primitive: Primitive) -> str:
    """Return a primitive's name; with a 2 if it is not the one that we know by that name."""
    function = primitive.function
    module = getattr(function, "__module__", None) or ""
    ours = isinstance(function, np.ufunc) or module.startswith(("numpy", "autograd_lite"))
    return primitive.name if ours or primitive.name not in _TAKEN else f"{primitive.name}_2"


_TAKEN = {entry.name for entry in whole_table().values()} | {
    "symbol", "gradient", "constant", "terms", "rule", "fold", "contraction",
}  # fmt: skip


# -- looking ---------------------------------------------------------------------------


def occurs(formula: Formula, head: str) -> bool:
    """Whether a primitive is applied anywhere in a formula."""
    return formula.head == head or any(occurs(a, head) for a in formula.arguments)


def is_number(formula: Formula) -> bool:
    """Whether it is one number, perhaps in many places."""
    if formula.head != "constant":
        return False
    array = np.asarray(formula.value)
    return array.dtype.kind in "fiuc" and bool(array.size) and bool(np.all(array == array.flat[0]))


def same(a: Formula, b: Formula) -> bool:
    """Whether two formulas say the same of the same values.

    >>> x = symbol("x", 2.0)
    >>> same(apply("sin", x, value=0.9), apply("sin", x, value=0.9))
    True
    """
    if a is b:
        return True
    if (a.head, a.name, len(a.arguments)) != (b.head, b.name, len(b.arguments)):
        return False
    if not a.arguments:
        x, y = np.asarray(a.value), np.asarray(b.value)
        return x.shape == y.shape and np.array_equal(x, y, equal_nan=x.dtype.kind in "fc")
    return repr(a.parameters) == repr(b.parameters) and all(map(same, a.arguments, b.arguments))
