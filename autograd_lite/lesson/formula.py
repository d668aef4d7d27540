"""A rule, read as a formula.

A rule is plain NumPy and a Tensor answers plain NumPy. So a rule is read by calling
it: on Tensors that carry the real values, while everything is recorded. What comes
out knows how it was made, and that is the formula. Nothing is written twice: a
primitive that was declared a minute ago with nothing but its rules has formulas too.

>>> from autograd_lite.calculus.neural import sigmoid
>>> from autograd_lite.lesson.notation import TEXT, write
>>> rule = sigmoid.rules["x"]  # g * out * (1.0 - out)
>>> g, out = gradient("L", "y", np.float64(2.0)), symbol("y", np.float64(0.25))
>>> contribution = record(rule, {"g": g, "out": out})
>>> write(contribution, TEXT)
'∂L/∂y · y · (1 - y)'
>>> local = simplify(replace(contribution, g, ONE))
>>> write(local, TEXT), float(local.value)
('y · (1 - y)', 0.1875)
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..primitive import Primitive
from ..protocol import TABLE
from ..tape import everything
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
    return {name: offered[name] for name in inspect.signature(rule).parameters if name in offered}


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


def head_of(primitive: Primitive) -> str:
    """Return a primitive's name; with a prime if it is not the one that we know by that name."""
    function = primitive.function
    module = getattr(function, "__module__", None) or ""
    ours = isinstance(function, np.ufunc) or module.startswith(("numpy", "autograd_lite"))
    return primitive.name if ours or primitive.name not in _TAKEN else f"{primitive.name}′"


_TAKEN = {entry.name for entry in TABLE.values()} | {
    "symbol", "gradient", "constant", "terms", "rule", "fold",
}  # fmt: skip


# -- simplifying -----------------------------------------------------------------------

MOVES = {"broadcast_to", "reshape", "astype", "copy", "positive"}
"""Primitives that a formula between numbers does not mention: shapes tell them."""


def simplify(
    formula: Formula,
    notes: list[Formula] | None = None,
    *,
    choose: bool = True,
    moves: bool = False,
) -> Formula:
    """Write a formula as one would by hand.

    Products with 1 go, signs come to the front, and of a choice between two formulas
    only the one taken is shown, where it is the same one everywhere. Why it was taken
    is added to `notes`, as a comparison. Without `choose`, every choice stays; with
    `moves`, so does what only moves numbers, so that each element can be followed.

    >>> from autograd_lite.lesson.notation import TEXT, write
    >>> x = symbol("x", np.float64(3.0))
    >>> notes = []
    >>> chosen = record(lambda x: np.where(x > 0.0, 1.0 * x, 0.0), {"x": x})
    >>> write(simplify(chosen, notes), TEXT), write(notes[0], TEXT)
    ('x', 'x > 0')
    """
    notes = [] if notes is None else notes
    if formula.head == "where" and choose:
        return _choice(formula, notes, moves)
    arguments = tuple(simplify(a, notes, choose=choose, moves=moves) for a in formula.arguments)
    same = all(a is b for a, b in zip(arguments, formula.arguments, strict=True))
    new = formula if same else dataclasses.replace(formula, arguments=arguments)
    head, value = new.head, new.value
    if head in MOVES and arguments and not moves:
        moved = arguments[0]
        return number(value) if moved.head == "constant" else moved
    if head in ("maximum", "minimum") and choose:
        return _guard(new, notes)
    if head == "negative":
        (x,) = arguments
        if x.head == "negative":
            return x.arguments[0]
        if _is_number(x):
            return number(value)
    if head in ("multiply", "divide"):
        a, b = arguments
        if _is(a, 1) and head == "multiply":
            return b
        if _is(b, 1):
            return a
        if _is(a, 0) or (_is(b, 0) and head == "multiply"):
            return number(np.zeros_like(value)[()])
        negative = (a.head == "negative") + (b.head == "negative")
        if negative or (_is(a, -1) and head == "multiply"):
            a, b = (x.arguments[0] if x.head == "negative" else x for x in (a, b))
            if _is(a, -1) and head == "multiply":
                return simplify(apply("negative", b, value=value))
            positive = simplify(apply(head, a, b, value=np.negative(value)))
            return apply("negative", positive, value=value) if negative == 1 else positive
        if head == "multiply":
            return _numbers_first(a, b, value)
    if head in ("add", "subtract") and _is(arguments[1], 0):
        return arguments[0]
    if head == "add" and _is(arguments[0], 0):
        return arguments[1]
    if head == "power" and _is(arguments[1], 1):
        return arguments[0]
    if head == "transpose" and arguments[0].head == "transpose":
        inner = arguments[0]
        if not new.parameters.get("axes") and not inner.parameters.get("axes"):
            return inner.arguments[0]
    if head == "matmul" and arguments[0].head == "constant" and np.ndim(arguments[0].value) == 1:
        ones, x = arguments
        if np.all(ones.value == 1):  # a product with ones is a sum
            return apply("sum", x, value=value, axis=0)
    return new


def _numbers_first(a: Formula, b: Formula, value: Any) -> Formula:
    """Multiply, with what is only a number in front: 2 · x · 3 · y becomes 6 · (x · y)."""
    if _is_number(a) and _is_number(b):
        return number(value)
    if _is_number(b):
        a, b = b, a
    if _is_number(a):
        if b.head == "multiply" and _is_number(b.arguments[0]):
            first, rest = b.arguments
            coefficient = number(np.multiply(a.value, first.value))
            return (
                rest if _is(coefficient, 1) else apply("multiply", coefficient, rest, value=value)
            )
        return apply("multiply", a, b, value=value)
    for x, y in ((a, b), (b, a)):
        if x.head == "divide" and _is(x.arguments[0], 1):  # 1 / x · y
            return apply("divide", y, x.arguments[1], value=value)
        if x.head == "multiply" and _is_number(x.arguments[0]):
            coefficient, rest = x.arguments
            both = (rest, y) if x is a else (y, rest)
            product = apply("multiply", *both, value=np.multiply(rest.value, y.value))
            return _numbers_first(coefficient, _numbers_first(*both, product.value), value)
    return apply("multiply", a, b, value=value)


def _choice(formula: Formula, notes: list[Formula], moves: bool) -> Formula:
    """Simplify ``where(condition, a, b)``."""
    condition, a, b = formula.arguments
    taken = np.asarray(condition.value)
    if taken.size and (taken.all() or not taken.any()):
        # That a single point was not hit (x == 0) goes without saying.
        if condition.head == "bitwise_and" and taken.all():
            notes += condition.arguments
        elif condition.head in COMPARISONS and not (condition.head == "equal" and not taken.any()):
            notes.append(condition if taken.all() else _opposite(condition))
        return simplify(a if taken.all() else b, notes, moves=moves)
    arguments = (
        simplify(condition, moves=moves),
        simplify(a, notes, moves=moves),
        simplify(b, notes, moves=moves),
    )
    return dataclasses.replace(formula, arguments=arguments)


COMPARISONS = {
    "greater": "less_equal",
    "greater_equal": "less",
    "less": "greater_equal",
    "less_equal": "greater",
    "equal": "not_equal",
    "not_equal": "equal",
}
"""Comparisons and their opposites."""


def _opposite(condition: Formula) -> Formula:
    return Formula(
        COMPARISONS[condition.head],
        np.logical_not(condition.value),
        "",
        condition.arguments,
    )


def _guard(formula: Formula, notes: list[Formula]) -> Formula:
    """Leave out a bound, as in ``maximum(x, 1e-12)``, that was not reached."""
    for x, bound in (formula.arguments, formula.arguments[::-1]):
        if _is_number(bound) and not _is_number(x):
            compare, head = (
                (np.greater, "greater") if formula.head == "maximum" else (np.less, "less")
            )
            holds = compare(x.value, bound.value)
            if np.all(holds):
                notes.append(apply(head, x, bound, value=holds))
                return x
    return formula


def _is_number(formula: Formula) -> bool:
    """Whether it is one number, perhaps in many places."""
    if formula.head != "constant":
        return False
    array = np.asarray(formula.value)
    return array.dtype.kind in "fiu" and bool(array.size) and bool(np.all(array == array.flat[0]))


def _is(formula: Formula, value: float) -> bool:
    return _is_number(formula) and np.asarray(formula.value).flat[0] == value


def occurs(formula: Formula, head: str) -> bool:
    """Whether a primitive is applied anywhere in a formula."""
    return formula.head == head or any(occurs(a, head) for a in formula.arguments)
