"""An elementwise step as an expression of numbers, in the Python that Numba compiles.

Operands are cast to what NumPy would compute in, so that results have NumPy's dtypes and its
bits, but for the elementary functions, which are our own.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from ..calculus.activations import erf
from .program import Step, Value

KINDS = {np.dtype(t) for t in (np.float64, np.float32, np.int64, np.int32, np.bool_)}
"""The dtypes that compiled loops know; what has another is left to NumPy."""

OWN = {
    np.exp: "exp", np.expm1: "expm1", np.tanh: "tanh", np.log: "log", np.log1p: "log1p",
    np.sin: "sin", np.cos: "cos", erf.function: "erf",
}  # fmt: skip
NEAR = {"sin": "near_sin", "cos": "near_cos"}
"""Own functions with a faster form for arguments that are not very large."""

_OPERATORS = {
    np.add: "{} + {}", np.subtract: "{} - {}", np.multiply: "{} * {}", np.divide: "{} / {}",
    np.negative: "-{}", np.positive: "{}", np.absolute: "abs({})", np.fabs: "abs({})",
    np.square: "{0} * {0}", np.sqrt: "np.sqrt({})",
}  # fmt: skip
_CHOICES = {
    np.maximum: "{0} if {0} >= {1} or {0} != {0} else {1}",
    np.minimum: "{0} if {0} <= {1} or {0} != {0} else {1}",
    np.fmax: "{0} if {0} >= {1} or {1} != {1} else {1}",
    np.fmin: "{0} if {0} <= {1} or {1} != {1} else {1}",
}
_COMPARISONS = {
    np.greater: "{} > {}", np.greater_equal: "{} >= {}", np.less: "{} < {}",
    np.less_equal: "{} <= {}", np.equal: "{} == {}", np.not_equal: "{} != {}",
}  # fmt: skip
_LOGICAL = {np.logical_and: "{} & {}", np.logical_or: "{} | {}", np.logical_xor: "{} ^ {}",
            np.logical_not: "not {}"}  # fmt: skip
_BITWISE = {np.bitwise_and: "{} & {}", np.bitwise_or: "{} | {}", np.bitwise_xor: "{} ^ {}"}
_LIBRARY = {
    np.arctan: 1, np.arctan2: 2, np.arcsin: 1, np.arccos: 1, np.sinh: 1, np.cosh: 1, np.tan: 1,
    np.log2: 1, np.log10: 1, np.exp2: 1, np.hypot: 2, np.copysign: 2, np.arcsinh: 1,
    np.arccosh: 1, np.arctanh: 1, np.floor: 1, np.ceil: 1, np.trunc: 1, np.logaddexp: 2,
}  # fmt: skip
"""What the C library computes, element by element, or a machine instruction."""
_QUESTIONS = {np.isnan: "{0} != {0}", np.isfinite: "abs({0}) < np.inf",
              np.isinf: "abs({0}) == np.inf"}  # fmt: skip
_INSTRUCTIONS = {np.copysign, np.floor, np.ceil, np.trunc}


def dtype_of(v: Value) -> np.dtype[Any]:
    """Return a value's dtype."""
    return np.asarray(v.data).dtype


def number(x: Any, dtype: np.dtype[Any]) -> str:
    """Write a number of a dtype; nothing but a number comes of it."""
    if dtype.kind == "b":
        return repr(bool(x))
    if dtype.kind == "i":
        return repr(int(x)) if dtype == np.int64 else f"np.{dtype.name}({int(x)!r})"
    x = float(np.asarray(x).astype(dtype))
    text = repr(x) if isfinite(x) else "np.nan" if x != x else "np.inf" if x > 0 else "-np.inf"
    return text if dtype == np.float64 else f"np.{dtype.name}({text})"


def is_heavy(step: Step) -> bool:
    """Whether a step is an elementary function: of these, few go well into one loop."""
    function = step.primitive.function
    if function is np.power:
        return _multiplications(step) is None
    return function in OWN or (function in _LIBRARY and function not in _INSTRUCTIONS)


def own_function(step: Step) -> str | None:
    """Return the elementary function of ours that a step is."""
    function: Any = step.primitive.function
    name = OWN.get(function)
    return name if name and dtype_of(step.results[0]).kind == "f" else None


def expression(step: Step, operands: list[str], near: bool = False) -> str | None:
    """Write an elementwise step; None where it is not for compiled loops.

    Parameters
    ----------
    step
        The step.
    operands
        A variable for each operand; for a constant number nothing but its place is used.
    near
        Whether arguments of sine and cosine are known not to be very large.
    """
    (result,) = step.results
    if any(dtype_of(v) not in KINDS for v in (*step.operands, result)):
        return None
    function, made = step.primitive.function, dtype_of(result)
    if step.primitive.name == "where":
        if dtype_of(step.operands[0]).kind != "b":
            return None
        condition, x, y = _cast(step, operands, [np.dtype(bool), made, made])
        return f"{x} if {condition} else {y}"
    if step.primitive.name == "astype":
        (x,) = _cast(step, operands, [made])
        return x
    if step.primitive is erf and made.kind == "f" and dtype_of(step.operands[0]) == made:
        return f"erf{'' if made == np.float64 else '32'}({operands[0]})"
    if not isinstance(function, np.ufunc) or step.parameters:
        return None
    text = _of_ufunc(step, function, operands, near)
    return f"np.int32({text})" if text and made == np.int32 else text


def _of_ufunc(step: Step, function: Any, operands: list[str], near: bool) -> str | None:
    *inputs, made = _loop(step, function)
    if any(d not in KINDS for d in inputs) or made != dtype_of(step.results[0]):
        return None
    given = _cast(step, operands, inputs)
    if function in _COMPARISONS:
        return _COMPARISONS[function].format(*given)
    kind = inputs[0].kind
    if function in _BITWISE:
        return _BITWISE[function].format(*given)
    if function is np.invert and kind == "b":
        return f"not {given[0]}"
    if function in _LOGICAL:
        return _LOGICAL[function].format(*given) if kind == "b" else None
    if kind == "b":
        return {np.add: "{} | {}", np.multiply: "{} & {}"}.get(function, "").format(*given) or None
    if function in _CHOICES:
        return _CHOICES[function].format(*given)
    if function in _OPERATORS:
        return _OPERATORS[function].format(*given)
    if kind != "f":
        return None
    if function in _QUESTIONS:
        return _QUESTIONS[function].format(*given)
    one = number(1, made)
    if function is np.reciprocal:
        return f"{one} / {given[0]}"
    if function is np.sign:
        zero = number(0, made)
        x = given[0]
        return f"{one} if {x} > {zero} else -{one} if {x} < {zero} else {x} * {zero}"
    if function is np.power:
        return _multiplications(step, given[0]) or f"np.power({given[0]}, {given[1]})"
    if (own := OWN.get(function)) is not None:
        name = NEAR.get(own, own) if near else own
        return f"{name}{'' if made == np.float64 else '32'}({given[0]})"
    if function in _LIBRARY:
        return f"np.{function.__name__}({', '.join(given)})"
    return None


def _multiplications(step: Step, x: str = "x") -> str | None:
    """Write a power whose exponent is a small constant."""
    exponent = step.operands[1]
    if not exponent.is_constant or np.ndim(exponent.data):
        return None
    one = number(1, dtype_of(step.results[0]))
    return {
        0.0: one, 1.0: x, 2.0: f"{x} * {x}", 3.0: f"{x} * {x} * {x}", 0.5: f"np.sqrt({x})",
        4.0: f"({x} * {x}) * ({x} * {x})", -1.0: f"{one} / {x}", -2.0: f"{one} / ({x} * {x})",
    }.get(float(exponent.data))  # fmt: skip


def _loop(step: Step, function: Any) -> list[np.dtype[Any]]:
    """Return the dtypes that NumPy computes in: of the operands, and of the result."""
    weak = [type(v.data) if type(v.data) in (int, float) else dtype_of(v) for v in step.operands]
    try:
        return list(function.resolve_dtypes((*weak, None)))
    except TypeError:
        return [*(np.dtype(object) for _ in weak), np.dtype(object)]


def _cast(step: Step, operands: list[str], dtypes: list[np.dtype[Any]]) -> list[str]:
    made = []
    for v, text, dtype in zip(step.operands, operands, dtypes, strict=True):
        if v.is_constant and np.ndim(v.data) == 0:
            text = number(v.data, dtype)
            text = f"({text})" if text.startswith("-") else text
        elif dtype_of(v) != dtype:
            text = f"({text} != 0)" if dtype.kind == "b" else f"np.{dtype.name}({text})"
        made.append(text)
    return made
