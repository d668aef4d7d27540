"""Formulas that a learner types: read by Python's own parser, and nothing but formulas.

>>> values = {"w": 2.0, "x": -1.0}
>>> evaluate("w * x + 1", values)
-1.0
>>> evaluate("__import__('os')", values)
Traceback (most recent call last):
    ...
demos.expression.ExpressionError: there is no function '__import__': there are abs, arctan, cos, \
cosh, exp, ln, log, max, min, relu, sigmoid, sin, sinh, sqrt, tan, tanh
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograd_lite.calculus.neural import relu, sigmoid

LONGEST = 300  # characters

OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
FUNCTIONS: dict[str, tuple[Callable[..., Any], int]] = {  # with the number of their arguments
    **{f.__name__: (f, 1) for f in (np.exp, np.log, np.sqrt, np.sin, np.cos, np.tan)},
    **{f.__name__: (f, 1) for f in (np.sinh, np.cosh, np.tanh, np.arctan)},
    "abs": (np.absolute, 1),
    "ln": (np.log, 1),
    "sigmoid": (sigmoid, 1),
    "relu": (relu, 1),
    "max": (np.maximum, 2),
    "min": (np.minimum, 2),
}
CONSTANTS = {"pi": math.pi, "e": math.e}
"""What these names stand for, unless they are given a value."""


class ExpressionError(ValueError):
    """An expression is refused: the message says in one line what and why.

    Attributes
    ----------
    marked
        Where it is wrong, if that is known: the expression, and a caret in the line below it.
    """

    def __init__(self, message: str, marked: str = "") -> None:
        super().__init__(message)
        self.marked = marked


def evaluate(text: str, values: Mapping[str, Any]) -> Any:
    """Compute an expression of numbers, names, operators and known functions.

    Parameters
    ----------
    text
        Such as ``log(1 + exp(w*x + b))``.
    values
        What each name stands for: a number or a Tensor. Names must be the expression's.

    Raises
    ------
    ExpressionError
        If there is anything else in it, or a name is missing or too many.
    """
    tree = parse(text)
    used = names(tree)
    values = {**{name: x for name, x in CONSTANTS.items() if name in used}, **values}
    if missing := [name for name in used if name not in values]:
        raise ExpressionError(f"no value is given for {', '.join(missing)}")
    if extra := [name for name in values if name not in used]:
        raise ExpressionError(f"{', '.join(extra)} does not occur in the expression")
    try:
        return _value(tree, values)
    except OverflowError:
        raise ExpressionError("it cannot be computed: a number becomes too large") from None
    except ZeroDivisionError as error:
        raise ExpressionError(f"it cannot be computed: {error}") from None


def parse(text: str) -> ast.expr:
    """Parse an expression; raise if there is more in it than is allowed."""
    if len(text) > LONGEST:
        raise ExpressionError(f"it is longer than {LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise _misspelt(text.strip(), error.offset) from None
    except (ValueError, MemoryError, RecursionError):
        raise ExpressionError("it is not a formula in Python's notation") from None
    _check(tree)
    return tree


TIMES = re.compile(r"(?<![\w.])(\d+\.?\d*|\.\d+|\))\s*(?=[^\W\d]|\()(?![eE][-+]?\d)")
"""A number or a bracket with a name or a bracket straight after it."""


def _misspelt(text: str, offset: int | None) -> ExpressionError:
    r"""Say what is wrong with the notation, and where.

    >>> print(_misspelt("3 + 2x", 5), _misspelt("3 + 2x", 5).marked, sep="\n")
    it is not a formula in Python's notation: for a product write *, as in 2*x
      3 + 2x
           ^
    """
    said = "it is not a formula in Python's notation"
    product = TIMES.search(text)
    if product is not None:
        after = re.match(r"\w+|\(", text[product.end() :])
        assert after is not None
        said += f": for a product write *, as in {product.group(1)}*{after.group()}"
        return ExpressionError(said, _caret(text, product.end()))
    if text.count("(") > text.count(")"):
        return ExpressionError(f"{said}: a bracket is not closed", _caret(text, text.rindex("(")))
    return ExpressionError(said, "" if offset is None else _caret(text, offset - 1))


def _caret(text: str, place: int) -> str:
    return f"  {text}\n  {' ' * min(max(place, 0), len(text))}^"


def names(tree: ast.expr) -> list[str]:
    """Return the names of a checked expression, in order.

    >>> names(parse("log(w * x + b * w)"))
    ['w', 'x', 'b']
    """
    if isinstance(tree, ast.Name):
        return [tree.id]
    found = [name for part in _parts(tree) for name in names(part)]
    return list(dict.fromkeys(found))


def _parts(tree: ast.expr) -> list[ast.expr]:
    if isinstance(tree, ast.BinOp):
        return [tree.left, tree.right]
    if isinstance(tree, ast.UnaryOp):
        return [tree.operand]
    return tree.args if isinstance(tree, ast.Call) else []


def _check(tree: ast.expr) -> None:
    if isinstance(tree, ast.Constant):
        if type(tree.value) not in (int, float):
            raise ExpressionError(f"{tree.value!r} is not a number")
    elif isinstance(tree, (ast.BinOp, ast.UnaryOp)):
        if type(tree.op) not in OPERATORS:
            power = " (a power is written **)" if isinstance(tree.op, ast.BitXor) else ""
            raise ExpressionError(f"only + - * / ** are operators{power}")
    elif isinstance(tree, ast.Call):
        _check_call(tree)
    elif not isinstance(tree, ast.Name):
        raise ExpressionError(
            f"only numbers, names, + - * / ** and functions are allowed, not {ast.unparse(tree)!r}"
        )
    for part in _parts(tree):
        _check(part)


def _check_call(tree: ast.Call) -> None:
    called = ast.unparse(tree.func)
    if not isinstance(tree.func, (ast.Name, ast.Attribute)):
        raise ExpressionError(f"for a product write *, as in {called}*(…)")
    if called not in FUNCTIONS:
        raise ExpressionError(
            f"there is no function {called!r}: there are {', '.join(sorted(FUNCTIONS))}"
        )
    count = FUNCTIONS[called][1]
    if tree.keywords or len(tree.args) != count:
        raise ExpressionError(f"{called} takes {count} argument{'s' * (count > 1)}")


def _value(tree: ast.expr, values: Mapping[str, Any]) -> Any:
    if isinstance(tree, ast.Constant):
        return float(tree.value)  # type: ignore[arg-type]  # an int or a float: it is checked
    if isinstance(tree, ast.Name):
        return values[tree.id]
    parts = [_value(part, values) for part in _parts(tree)]
    if isinstance(tree, ast.Call):
        return FUNCTIONS[ast.unparse(tree.func)][0](*parts)
    assert isinstance(tree, (ast.BinOp, ast.UnaryOp))
    result = OPERATORS[type(tree.op)](*parts)
    if isinstance(result, complex):
        raise ZeroDivisionError("a root of a negative number")
    return result
