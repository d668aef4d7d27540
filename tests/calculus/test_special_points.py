"""Every elementwise function at special numbers: 0, ±1, ±inf, NaN, the largest, the least.

What is right is what SymPy derives from the formula of the function, and mpmath computes to
hundreds of digits. At 0, at infinity and at the edge of a domain that is what the derivative
comes to from each side on which the function is a number. Where the sides differ, any value
between them will do: which, is in `conventions.py`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from autograd_lite import Tensor, grad, hessian
from autograd_lite.calculus import activations, neural, norms, transcendental
from autograd_lite.tensor import to_numpy
from nn import activation
from nn import functional as F
from tests.calculus.cases import DIFFERENTIABLE

mp = pytest.importorskip("mpmath").mp
sp = pytest.importorskip("sympy")

x, y = sp.symbols("x y", real=True)
when, half = sp.Piecewise, sp.Rational(1, 2)
LIMITS = np.finfo(float)
EXTREME = [float(LIMITS.max), 1e200, 1e-200, float(LIMITS.tiny), float(LIMITS.smallest_subnormal)]
POINTS = [s * p for p in [0.0, 0.5, 1.0, 2.0, *EXTREME, np.inf] for s in (1.0, -1.0)]
FAR = 700  # what stands for infinity, as a power of ten; its inverse is near 0
EXPONENTIAL = 4  # of what grows like eˣ, or goes to its limit like that


class Row(NamedTuple):
    """A function, and its formula: one of SymPy's, in x, or in x and y."""

    function: Callable[..., Any]
    formula: Any
    far: int = FAR
    exponent_far: int | None = None  # of y, where it is another
    at_nan: float = np.nan  # the first derivative where the result is NaN
    left_out: Callable[..., bool] = lambda order, *point: False


def oscillates(order, x):
    return np.isinf(x)


def at_root(order, x):
    return order == 2 and 0 < abs(x) < 1e-16  # where 1 − 2σ is 0 to rounding


def values(order, *point):
    return order == 0


def relu(slope=0, below=None):
    return when((x, x > 0), (x * slope if below is None else below, True))


def norm(p):
    return lambda x: np.linalg.norm(np.stack([x, np.ones_like(x)]), float(p), axis=0)


ONE = [
    *[Row(f, x) for f in (np.positive, np.conjugate)],
    Row(np.negative, -x),
    Row(np.reciprocal, 1 / x),
    Row(np.square, x**2),
    Row(np.sqrt, sp.sqrt(x)),
    Row(np.cbrt, when((sp.cbrt(x), x > 0), (-sp.cbrt(-x), True))),
    *[Row(f, when((x, x > 0), (-x, True))) for f in (np.absolute, np.fabs)],
    *[Row(f, sp.S(0), left_out=values) for f in (np.sign, np.floor, np.ceil, np.trunc, np.rint)],
    Row(np.exp, sp.exp(x), EXPONENTIAL),
    Row(np.exp2, 2**x, EXPONENTIAL),
    Row(np.expm1, sp.exp(x) - 1, EXPONENTIAL),
    Row(np.log, sp.log(x)),
    Row(np.log2, sp.log(x, 2)),
    Row(np.log10, sp.log(x, 10)),
    Row(np.log1p, sp.log(1 + x)),
    Row(np.sin, sp.sin(x), left_out=oscillates),
    Row(np.cos, sp.cos(x), left_out=oscillates),
    Row(np.tan, sp.tan(x), left_out=oscillates),
    Row(np.arcsin, sp.asin(x)),
    Row(np.arccos, sp.acos(x)),
    Row(np.arctan, sp.atan(x)),
    Row(np.sinh, sp.sinh(x), EXPONENTIAL),
    Row(np.cosh, sp.cosh(x), EXPONENTIAL),
    Row(np.tanh, sp.tanh(x), EXPONENTIAL),
    Row(np.arcsinh, sp.asinh(x)),
    Row(np.arccosh, sp.acosh(x)),
    Row(np.arctanh, sp.atanh(x)),
    *[Row(f, x * sp.pi / 180) for f in (np.deg2rad, np.radians)],
    *[Row(f, x * 180 / sp.pi) for f in (np.rad2deg, np.degrees)],
    Row(  # by its series near 0; far out, NumPy has rounded π x, or it is infinite
        np.sinc,
        when((sp.sin(sp.pi * x) / (sp.pi * x), x * x > 1e-99), (1 - (sp.pi * x) ** 2 / 6, True)),
        left_out=lambda order, x: abs(x) > 1e100,
    ),
    Row(  # by its series; from 700 on, what counts is that it is more than a float holds
        np.i0,
        when(
            (sum((x * x / 4) ** k / sp.factorial(k) ** 2 for k in range(12)), x * x < 100),
            (sp.cosh(x), True),
        ),
        EXPONENTIAL,
        left_out=lambda order, x: order == 0 and np.isinf(x),  # NaN, in NumPy
    ),
    Row(lambda x: np.clip(x, -1.0, 1.0), when((-1, x < -1), (1, x > 1), (x, True))),
    Row(lambda x: np.maximum(x, 1.25), when((x, x > 1.25), (1.25, True)), at_nan=1.0),
    Row(lambda x: np.minimum(x, 1.25), when((x, x < 1.25), (1.25, True)), at_nan=1.0),
    Row(lambda x: x**3, x**3),
    Row(lambda x: x**-2.0, x**-2),
    Row(lambda x: x**2.5, x ** sp.Rational(5, 2)),
    Row(lambda x: 0.5**x, half**x, EXPONENTIAL),
    *[
        Row(
            norm(p),
            when(((x**p + 1) ** (1 / p), x > 0), (((-x) ** p + 1) ** (1 / p), True)),
            left_out=lambda order, x: 1e100 < abs(x) < np.inf,  # the square overflows, in NumPy too
        )
        for p in (sp.Rational(3, 2), sp.S(2), sp.S(3))
    ],
    Row(
        lambda x: norms.powers(x, order=1.5),
        when((x ** sp.Rational(3, 2), x > 0), ((-x) ** sp.Rational(3, 2), True)),
    ),
]


ACTIVATIONS = {
    "sigmoid": 1 / (1 + sp.exp(-x)),
    "tanh": sp.tanh(x),
    "relu": relu(),
    "leaky_relu": relu(sp.Rational(1, 100)),
    "elu": relu(below=sp.exp(x) - 1),
    "gelu": x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
    "silu": x / (1 + sp.exp(-x)),
    "softplus": sp.log(1 + sp.exp(x)),
    "log_sigmoid": -sp.log(1 + sp.exp(-x)),
    "hardtanh": when((-1, x < -1), (1, x > 1), (x, True)),
    "prelu": relu(sp.Rational(1, 4)),
    "identity": x,
}
ONE += [
    Row(activation.BY_NAME[name](), formula, EXPONENTIAL, left_out=at_root)
    for name, formula in ACTIVATIONS.items()
]
ONE += [
    Row(lambda x: F.leaky_relu(x, 0.25), relu(sp.Rational(1, 4))),
    Row(lambda x: F.elu(x, 0.25), relu(below=(sp.exp(x) - 1) / 4), EXPONENTIAL),
    Row(
        lambda x: F.gelu(x, "tanh"),
        x / 2 * (1 + sp.tanh(sp.sqrt(2 / sp.pi) * (x + sp.Rational(44715, 10**6) * x**3))),
        EXPONENTIAL,
    ),
    Row(activations.erf, sp.erf(x), EXPONENTIAL),
]


def near_zero(order, x, y):
    return np.hypot(x, y) < 1e-150  # a kink, beside which 1/r² overflows


def by_convention(order, x, y):
    """0 ** y, in conventions.py; 1 ** inf; and where x ** (y − 2) overflows."""
    return (x == 0 and (y <= 1 or order == 2)) or (
        order == 2 and ((x == 1 and np.isinf(y)) or 0 < x < 1e-150)
    )


TWO = [
    Row(np.add, x + y),
    Row(np.subtract, x - y),
    Row(np.multiply, x * y),
    Row(np.divide, x / y, left_out=lambda order, x, y: x == 0 and 0 < y < 1e-200),  # 1/y² is inf
    Row(np.hypot, sp.sqrt(x**2 + y**2), left_out=near_zero),
    Row(transcendental.cosine, x / sp.sqrt(x**2 + y**2), left_out=near_zero),
    Row(np.arctan2, sp.atan2(x, y), left_out=near_zero),
    Row(np.logaddexp2, sp.log(2**x + 2**y, 2), EXPONENTIAL),
    Row(np.power, x**y, exponent_far=EXPONENTIAL, left_out=by_convention),
]


def exact(value) -> float | None:
    """Round to a float; None for what is no real number."""
    if not mp.isnan(value) and not mp.im(value):
        value = mp.re(value)
        return float(value) if abs(value) < 2**1024 else math.copysign(np.inf, value)
    return None


def beside(point: float, far: int) -> list[Any]:
    """What lies at a point, and next to it where there is no number at it."""
    if np.isinf(point):
        return [math.copysign(1, point) * k * mp.mpf(10) ** far for k in (1, 3, 7)]
    if point == 0:
        return [mp.mpf(10) ** -FAR, -(mp.mpf(10) ** -FAR)]
    if abs(point) == 1:  # where a piece may end
        step = mp.mpf(10) ** -(FAR if far == FAR else 300)
        return [mp.mpf(point) * factor for factor in (1, 1 + step, 1 - step)]
    return [mp.mpf(point)]


def sides(f, derived, point, fars: tuple[int, ...]) -> set[float]:
    """What a derivative comes to at a point, from each side on which the function is real."""
    found = set()
    for near in itertools.product(*map(beside, point, fars)):
        for step in (0, mp.mpf(10) ** -FAR, -(mp.mpf(10) ** -FAR)):
            at = [p * (1 + step) for p in near]
            try:
                value = exact(derived(*at)) if exact(f(*at)) is not None else None
            except ZeroDivisionError:  # a pole: what is beside it
                continue
            if value is not None:
                found.add(value + 0.0)
            if step == 0:
                break
    return found


def allowed(value: float, found: set[float], near: float) -> bool:
    """Whether a derivative is the limit, to rounding, or between sides; inf has either sign."""
    low, high = min(found), max(found)
    if low == high and np.isinf(low):
        return np.isinf(value)
    room = 1e-10 * max(abs(low), abs(high)) + near if np.isfinite([low, high]).all() else 0.0
    return low - room <= value <= high + room


ORDERS = {1: [(), (0,), (0, 0)], 2: [(0,), (1,), (0, 0), (0, 1), (1, 1)]}


def hold(row: Row, points: list[tuple[float, ...]]) -> list[str]:
    """Return what is wrong: the derivative, the point, what it is and what it should be."""
    symbols, wrong = (x, y)[: len(points[0])], []
    mp.prec = 2600 if row.far == FAR else 1200
    f = sp.lambdify(symbols, row.formula, modules="mpmath", cse=True)
    arrays = [np.array(column) for column in zip(*points, strict=True)]
    for order in ORDERS[len(symbols)]:
        derived, ours = row.formula, row.function
        for i in order:
            derived = sp.diff(derived, symbols[i])
            ours = grad(lambda *t, ours=ours: np.sum(ours(*t)), i)
        is_constant = not derived.free_symbols
        derived = sp.lambdify(symbols, derived, modules="mpmath", cse=True)
        with np.errstate(all="ignore"):
            results, values = to_numpy(ours(*arrays)), to_numpy(row.function(*arrays))
        for point, result, value in zip(points, results, values, strict=True):
            if row.left_out(len(order), *point):
                continue
            if any(map(np.isnan, point)):
                expected = {row.at_nan} if len(order) == 1 else {np.nan}
                if (
                    np.isnan(value)
                    and not is_constant
                    and not np.array_equal([*expected], [result], equal_nan=True)
                ):
                    wrong.append(f"{order} at {point}: {result}, not {expected}")
                continue
            if np.isnan(value):
                continue  # no number: 0 / 0
            found = sides(f, derived, point, (row.far, row.exponent_far or row.far))
            if (len(found) > 1 or not order) and min(map(abs, found), default=0.0) >= 100.0:
                continue  # it grows, too slowly for a float
            if found and not allowed(result, found, 1e-300 if order else 1e-15):
                wrong.append(f"{order} at {point}: {result}, not {sorted(found)}")
    return wrong


def name(row: Row) -> str:
    return f"{getattr(row.function, '__name__', row.function)}: {row.formula}"[:60]


@pytest.mark.parametrize("row", ONE, ids=name)
def test_of_one_number(row):
    assert hold(row, [(p,) for p in [*POINTS, np.nan]]) == []


ELSEWHERE = {
    *("fmax", "fmin", "heaviside", "copysign", "where", "bce", "bce_with_logits"),  # conventions.py
    *("floor_divide", "remainder", "fmod", "ldexp", "frexp"),  # steps, and products with them
    *("float_power", "logaddexp", "bessel"),  # by the rules of power, logaddexp2 and i0
}
FINITE = [0.0, -0.0, 1.0, -2.0, 0.5]
FEW = [*FINITE, np.inf, -np.inf]
PAIRS = [
    *itertools.product(FEW, FEW),
    *itertools.product(EXTREME, FINITE),
    *itertools.product(FINITE, EXTREME),
]


@pytest.mark.parametrize("row", TWO, ids=name)
def test_of_two_numbers(row):
    assert hold(row, PAIRS) == []


@pytest.mark.parametrize("p", [1.25, 1.5, 2.0, 3.0])
def test_norm(p):
    """Its second derivatives, by the formula; by an element that is 0 times one that is not, 0."""
    x = np.array([0.0, 1.0, -2.0])
    n, s = np.linalg.norm(x, p), np.sign(x) * np.abs(x) ** (p - 1.0)
    with np.errstate(divide="ignore"):
        diagonal = np.diag(np.abs(x) ** (p - 2.0))
    right = (p - 1.0) * (n ** (1.0 - p) * diagonal - n ** (1.0 - 2.0 * p) * np.outer(s, s))
    np.testing.assert_allclose(hessian(lambda x: np.linalg.norm(x, p))(x), right, atol=1e-14)


@pytest.mark.parametrize(("dtype", "units"), [(np.float64, 2), (np.float32, 3)])
def test_erf_to_the_last_bits(dtype, units):
    """Near 0, where all digits count, and up to where it is 1; of numbers and of arrays."""
    sizes = np.concatenate([np.linspace(0, 7, 40_000), np.logspace(-37, 0, 4_000)])
    given = np.concatenate([sizes, -sizes, [np.inf, -np.inf]]).astype(dtype)
    right = np.array([math.erf(a) for a in given.tolist()])
    wrong = np.abs(activations.erf(given).astype(float) - right)
    assert (wrong <= units * np.spacing(np.abs(right).astype(dtype))).all()
    assert activations.erf(given[77]) == activations.erf(given)[77]
    assert np.signbit(activations.erf(dtype(-0.0)))


def test_no_elementwise_function_is_left_out():
    assert {*ACTIVATIONS} == {*activation.BY_NAME} - {"softmax", "log_softmax"}
    reached = {*ELSEWHERE}
    with np.errstate(all="ignore"):
        for row in (*ONE, *TWO):
            ts = [Tensor([0.5, 1.5], requires_grad=True) for _ in range(2 if row in TWO else 1)]
            waiting = [row.function(*ts)]
            while waiting:
                t = waiting.pop()
                if isinstance(t, Tensor) and t.tape.primitive is not None:
                    reached.add(t.tape.primitive.name)
                    waiting += t.tape.operands
    elementwise = {entry.name for entry in DIFFERENTIABLE.values() if entry.elementwise}
    assert elementwise - reached == set()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(700, 3), (5, 40, 30), (2000, 1), (3, 7), (2, 0), (40, 50)])
def test_the_largest_of_rows_is_numpys(shape, dtype):
    x = np.random.default_rng(3).normal(size=shape).astype(dtype)
    x.reshape(-1)[::7], x.reshape(-1)[::511] = -np.inf, np.nan
    for axis in (-1, 0, x.ndim - 1):
        with np.errstate(invalid="ignore"):
            expected = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
            found = neural.largest_along(x, axis)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected)
