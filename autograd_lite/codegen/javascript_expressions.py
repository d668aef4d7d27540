"""An elementwise step as a JavaScript expression of numbers.

Every number is a double, bools and whole numbers too. What a page computes agrees with NumPy
to rounding; where JavaScript's own function means something else (a power of 1 and NaN, the
sign of a remainder), one of ``javascript_runtime.js`` stands in its place.
"""

from __future__ import annotations

from math import isfinite, isnan
from typing import Any

import numpy as np

from .program import Step, Value

_UFUNCS: dict[Any, str] = {
    np.add: "{0}+{1}", np.subtract: "{0}-{1}", np.multiply: "{0}*{1}",
    np.divide: "{0}/{1}", np.negative: "-{0}", np.positive: "{0}", np.conjugate: "{0}",
    np.square: "{0}*{0}", np.reciprocal: "1/{0}", np.absolute: "Math.abs({0})",
    np.fabs: "Math.abs({0})", np.sign: "Math.sign({0}) + 0",
    np.power: "power({0}, {1})", np.float_power: "power({0}, {1})",
    np.maximum: "Math.max({0},{1})", np.minimum: "Math.min({0}, {1})",
    np.fmax: "{0} >= {1} || {1} !== {1} ? {0} : {1}",
    np.fmin: "{0} <= {1} || {1} !== {1} ? {0} : {1}",
    np.logaddexp: "logaddexp({0}, {1})",
    np.logaddexp2: "logaddexp({0} * Math.LN2, {1} * Math.LN2) / Math.LN2",
    np.arctan2: "Math.atan2({0}, {1})", np.hypot: "hypot({0}, {1})",
    np.deg2rad: "{0} * (Math.PI / 180)", np.radians: "{0} * (Math.PI / 180)",
    np.rad2deg: "{0} * (180 / Math.PI)", np.degrees: "{0} * (180 / Math.PI)",
    np.exp2: "2 ** {0}", np.rint: "rint({0})", np.copysign: "copysign({0}, {1})",
    np.heaviside: "{0} < 0 ? 0 : {0} > 0 ? 1 : {0} === 0 ? {1} : NaN",
    np.ldexp: "{0} * 2 ** {1}", np.floor_divide: "floorDivide({0}, {1})",
    np.remainder: "remainder({0}, {1})", np.fmod: "{0} % {1}",
    np.greater: "+({0}>{1})", np.greater_equal: "+({0}>={1})", np.less: "+({0}<{1})",
    np.less_equal: "+({0}<={1})", np.equal: "+({0}==={1})", np.not_equal: "+({0}!=={1})",
    np.logical_and: "+({0} !== 0 && {1} !== 0)", np.logical_or: "+({0} !== 0 || {1} !== 0)",
    np.logical_xor: "+(({0} !== 0) !== ({1} !== 0))", np.logical_not: "+({0} === 0)",
    np.isnan: "+({0} !== {0})", np.isfinite: "+(Math.abs({0}) < Infinity)",
    np.isinf: "+(Math.abs({0}) === Infinity)",
    np.signbit: "+({0} < 0 || (1 / {0} < 0 && {0} === 0))",
    **{getattr(np, name): f"Math.{theirs}({{0}})" for name, theirs in {
        "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p", "log2": "log2",
        "log10": "log10", "sqrt": "sqrt", "cbrt": "cbrt", "sin": "sin", "cos": "cos",
        "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "sinh": "sinh",
        "cosh": "cosh", "tanh": "tanh", "arcsinh": "asinh", "arccosh": "acosh",
        "arctanh": "atanh", "floor": "floor", "ceil": "ceil", "trunc": "trunc",
    }.items()},
}  # fmt: skip
_OF_TRUTHS = {
    np.bitwise_and: "{0}*{1}", np.bitwise_or: "Math.max({0},{1})",
    np.bitwise_xor: "+({0}!=={1})", np.invert: "1 - {0}",
    np.add: "Math.max({0},{1})", np.multiply: "{0}*{1}",
}  # fmt: skip
"""Of bools, these are questions of logic; of whole numbers JavaScript has 32 bits only."""

_NAMED = {
    "where": "{0}!==0?{1}:{2}", "real": "{0}", "erf": "erf({0})", "i0": "bessel({0}, 0)",
    "sigmoid": "1 / (1 + Math.exp(-{0}))", "softplus": "logaddexp({0}, 0)",
    "relu": "Math.max({0}, 0)", "isneginf": "+({0} === -Infinity)",
    "isposinf": "+({0} === Infinity)", "isreal": "1", "iscomplex": "0",
}  # fmt: skip
"""Primitives that are no ufunc, by name."""
WITH_PARAMETERS = ("astype", "bessel", "clip", "round", "isclose")
"""Those whose expression depends on their parameters."""


def is_known(primitive: Any) -> bool:
    """Whether a primitive is elementwise and has an expression here."""
    function, name = primitive.function, primitive.name
    if primitive.is_closed:  # another function, under the name of what it closes
        return False
    if isinstance(function, np.ufunc):
        return function in _UFUNCS or function in _OF_TRUTHS
    own = (getattr(function, "__module__", None) or "").startswith(("numpy", "autograd_lite"))
    return own and (name in _NAMED or name in WITH_PARAMETERS)


def kind(v: Value) -> str:
    """Return the kind of a value's dtype: f, i, b, …."""
    return str(np.asarray(v.data).dtype.kind)


def number(x: Any) -> str:
    """Write a number, bool or whole number as a literal of JavaScript."""
    x = float(x)
    if not isfinite(x):
        return "NaN" if isnan(x) else "Infinity" if x > 0 else "-Infinity"
    text = repr(x)
    return text.removesuffix(".0") if x or text[0] != "-" else "-0"


def expression(step: Step, given: list[str]) -> str | None:
    """Write an elementwise step; None where it cannot be.

    Parameters
    ----------
    step
        The step.
    given
        What stands for each operand: a name or a literal, which binds tightly.
    """
    primitive, function, parameters = step.primitive, step.primitive.function, step.parameters
    (result,) = step.results
    if not is_known(primitive) or (isinstance(function, np.ufunc) and parameters):
        return None
    if all(kind(v) == "b" for v in step.operands) and function in _OF_TRUTHS:
        return _OF_TRUTHS[function].format(*given)
    if kind(result) in "iu" and not _is_wide(result, step):
        return None
    if function is np.power:
        return _power(step, given)
    if isinstance(function, np.ufunc):
        return _UFUNCS[function].format(*given) if function in _UFUNCS else None
    if primitive.name in WITH_PARAMETERS:
        return _parametrized(step, given)
    return _NAMED[primitive.name].format(*given)


def _is_wide(result: Value, step: Step) -> bool:
    """Whether whole numbers are as they are in a double: those of few bits wrap, say."""
    moved = step.primitive.name in ("where", "astype")
    return moved or np.asarray(result.data).dtype in (np.int64, np.int32, np.intp)


def _power(step: Step, given: list[str]) -> str:
    x, exponent = given[0], step.operands[1]
    if exponent.is_constant and not exponent.shape:
        known = {2.0: "{0}*{0}", 1.0: "{0}", 0.5: "Math.sqrt({0})", -1.0: "1/{0}"}
        if float(exponent.data) in known and kind(step.results[0]) == "f":
            return known[float(exponent.data)].format(x)
    return _UFUNCS[np.power].format(*given)


def _parametrized(step: Step, given: list[str]) -> str | None:
    p, name, x = step.parameters, step.primitive.name, given[0]
    if name == "astype":
        made, was = kind(step.results[0]), kind(step.operands[0])
        if made == "b":
            return f"+({x} !== 0)"
        if np.asarray(step.results[0].data).dtype == np.float32:
            return f"Math.fround({x})"
        return f"Math.trunc({x}) + 0" if made in "iu" and was == "f" else x
    if name == "bessel":
        return f"bessel({x}, {int(p['order'])})"
    if name == "clip":
        if len(given) != 3:
            return None
        return f"Math.min(Math.max({x}, {given[1]}), {given[2]})"
    if name == "isclose":
        rtol, atol = number(p.get("rtol", 1e-5)), number(p.get("atol", 1e-8))
        equal = "true" if p.get("equal_nan", False) else "false"
        return f"+isClose({given[0]}, {given[1]}, {rtol}, {atol}, {equal})"
    digits = int(p.get("decimals", 0))
    if digits == 0:
        return f"rint({x})"
    scale = number(10.0 ** abs(digits))
    up, down = ("*", "/") if digits > 0 else ("/", "*")
    return f"rint({x} {up} {scale}) {down} {scale}"
