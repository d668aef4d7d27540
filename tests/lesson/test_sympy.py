"""The formulas of sixty small programs, held against SymPy: no formula is true by accident.

A formula is turned into SymPy's, sign by sign, from the text that a person reads; what it is
held against is SymPy's own derivative of the program. Both are computed at other points than the
one that the formula was read at.
"""

import re

import numpy as np
import pytest

from autograd_lite import Tensor, explain
from autograd_lite.lesson.derivation import in_one_line, paths
from autograd_lite.lesson.equations import total
from autograd_lite.lesson.notation import TEXT
from autograd_lite.lesson.writing import write

sympy = pytest.importorskip("sympy")

x, y, z = sympy.symbols("x y z")
AT = {"x": 0.7, "y": 1.3, "z": 0.4}
POINTS = [{"x": 0.61, "y": 1.52, "z": 0.47}, {"x": 0.83, "y": 1.11, "z": 0.29}]

# A program, and the same in SymPy's words where they are others.
PROGRAMS = [
    ("x * x", None), ("x * y", None), ("x + y", None), ("x - y", None), ("x / y", None),
    ("x / (x + y)", None), ("x * x * x", None), ("(x + y) * (x - y)", None), ("-x * y", None),
    ("1.0 / x", None), ("x**2", None), ("x**3 * y", None), ("x**-2", None), ("x**0.5", None),
    ("x**y", None), ("x**x", None), ("2.0**x", None), ("(x * y) ** 2 + x", None),
    ("np.sin(x)", None), ("np.cos(x)", None), ("np.tan(x)", None), ("np.exp(x)", None),
    ("np.log(x)", None), ("np.sqrt(x)", None), ("np.tanh(x)", None), ("np.sinh(x)", None),
    ("np.cosh(x)", None), ("np.arcsin(x)", "asin(x)"), ("np.arccos(x)", "acos(x)"),
    ("np.arctan(x)", "atan(x)"), ("np.arcsinh(x)", "asinh(x)"), ("np.arctanh(x)", "atanh(x)"),
    ("np.arccosh(y)", "acosh(y)"), ("np.log1p(x)", "log(1 + x)"), ("np.expm1(x)", "exp(x) - 1"),
    ("np.log2(x)", "log(x) / log(2)"), ("np.log10(x)", "log(x) / log(10)"),
    ("np.exp2(x)", "2**x"), ("np.cbrt(x)", "x**Rational(1, 3)"), ("np.square(x)", "x**2"),
    ("np.reciprocal(x)", "1/x"), ("np.arctan2(x, y)", "atan(x/y)"),
    ("np.hypot(x, y)", "sqrt(x**2 + y**2)"), ("np.logaddexp(x, y)", "log(exp(x) + exp(y))"),
    ("np.deg2rad(x)", "x*pi/180"), ("np.rad2deg(x)", "x*180/pi"),
    ("np.maximum(x, y)", "y"), ("np.minimum(x, y) * x", "x*x"), ("np.abs(x)", "x"),
    ("np.where(x > z, x * y, y)", "x*y"), ("np.clip(x, 0.0, 1.0)", "x"),
    ("x * y + np.sin(x)", None), ("np.sin(x) * np.exp(-x * y)", None),
    ("np.log(1.0 + np.exp(x))", None), ("1.0 / (1.0 + np.exp(-x))", None),
    ("x.sigmoid() * y", "y/(1 + exp(-x))"), ("np.exp(-0.5 * x * x)", None),
    ("(x - y) ** 2 / z", None), ("np.sqrt(x * x + y * y + z * z)", None),
    ("x * y * z + x * z", None), ("np.tanh(x * y) - np.log(z)", None), ("((x * y) * x) * y", None),
    ("np.sin(np.sin(np.sin(x)))", None),
]  # fmt: skip


FUNCTIONS = {
    "arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan, "arctan2": sympy.atan2,
    "arcsinh": sympy.asinh, "arccosh": sympy.acosh, "arctanh": sympy.atanh,
    "sigmoid": lambda t: 1 / (1 + sympy.exp(-t)), "hypot": lambda a, b: sympy.sqrt(a**2 + b**2),
    "logaddexp": lambda a, b: sympy.log(sympy.exp(a) + sympy.exp(b)),
    "log1p": lambda t: sympy.log(1 + t), "expm1": lambda t: sympy.exp(t) - 1,
    "log2": lambda t: sympy.log(t) / sympy.log(2), "log10": lambda t: sympy.log(t) / sympy.log(10),
    "exp2": lambda t: 2**t, "cbrt": lambda t: t ** sympy.Rational(1, 3),
    "maximum": sympy.Max, "minimum": sympy.Min,
    "clip": lambda t, a, b: sympy.Min(sympy.Max(t, a), b),
    "deg2rad": lambda t: t * sympy.pi / 180, "rad2deg": lambda t: t * 180 / sympy.pi,
}  # fmt: skip


def in_sympy(text, names):
    """Read a formula that a person reads."""
    text = re.sub(r"\|([^|]*)\|", r"Abs(\1)", text.replace("·", "*").replace("^", "**"))
    text = re.sub(r"\((.*) where (.*), else (.*)\)", r"Piecewise((\1, \2), (\3, True))", text)
    return sympy.sympify(text.replace("π", "pi"), locals={**FUNCTIONS, **names})


def numbers(expression):
    """Compute a formula at the points."""
    return [float(expression.subs(point)) for point in POINTS]


@pytest.mark.parametrize(("program", "same"), PROGRAMS, ids=[p for p, _ in PROGRAMS])
def test_formulas_hold(program, same):
    given = {name: Tensor(v, requires_grad=True, name=name) for name, v in AT.items()}
    d = explain(eval(program, {"np": np, **given})).derivation
    symbols = dict(zip("xyz", (x, y, z), strict=True))
    whole = sympy.sympify(same or re.sub(r"\bnp\.", "", program))
    # Every value of the program in terms of its inputs, step by step, by the formulas shown.
    known = dict(symbols)
    for step in d.steps:
        known[step.result.name] = in_sympy(write(step.formula, TEXT), known)
    for value in d.inputs:
        expected = numbers(sympy.diff(whole, symbols[value.name]))
        ways = paths(d, value)
        assert numbers(in_sympy(write(total(ways), TEXT), known)) == pytest.approx(expected)
        if len(ways) > 1:
            along = [numbers(in_sympy(write(in_one_line(way), TEXT), known)) for way in ways]
            assert np.sum(along, axis=0) == pytest.approx(expected)
    for edge in d.edges:  # each local derivative by itself, of its one operation
        free = {name: sympy.Symbol(name) for name in {*known, *edge.places.values()}}
        here = in_sympy(write(edge.here or edge.step.formula, TEXT), free)
        local = in_sympy(write(edge.local, TEXT), free).subs(edge.result.name, here)
        at = {name: POINTS[0].get(name, 0.37 + 0.1 * i) for i, name in enumerate(sorted(free))}
        if same is None:
            difference = (local - sympy.diff(here, free[edge.by])).subs(at)
            assert abs(complex(difference)) < 1e-9, write(edge.local, TEXT)
