"""Formulas that a learner types: read by Python's own parser, and nothing but formulas.

>>> values = {"w": 2.0, "x": -1.0}
>>> evaluate("w * x + 1", values)
-1.0
>>> evaluate("__import__('os')", values)
Traceback (most recent call last):
    ...
demos.expression.ExpressionError: there is no function '__import__': there are abs, arctan, cos, \
cosh, exp, log, max, min, relu, sigmoid, sin, sinh, sqrt, tan, tanh
"""

from __future__ import annotations

import ast
import operator
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
    "sigmoid": (sigmoid, 1),
    "relu": (relu, 1),
    "max": (np.maximum, 2),
    "min": (np.minimum, 2),
}


class ExpressionError(ValueError):
    """An expression is refused: the message says in one line what and why."""


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
    """Parse an expression, and see that only what is allowed is in it."""
    if len(text) > LONGEST:
        raise ExpressionError(f"it is longer than {LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ExpressionError("it is not a formula in Python's notation") from None
    _check(tree)
    return tree


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
