"""Sums, products, powers, and the functions that choose between values."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..composite import as_array, composite, unsupported
from ..fitting import converted
from ..modes import runs_again
from ..primitive import derivative
from ..tensor import Tensor, measured, to_numpy, unwrap
from .complex import C
from .indexing import item

# -- the four operations -------------------------------------------------------

derivative(np.add, x=lambda g: g, y=lambda g: g, scalar=operator.add)
derivative(np.subtract, x=lambda g: g, y=lambda g: -g, scalar=operator.sub)
derivative(np.multiply, x=lambda g, y: g * y, y=lambda g, x: g * x, scalar=operator.mul)
derivative(
    np.divide, x=lambda g, y: g / y, y=lambda g, y, out: -g * out / y, scalar=operator.truediv
)
derivative(np.negative, x=lambda g: -g, scalar=operator.neg)
derivative(np.positive, x=lambda g: g, scalar=operator.pos)
derivative(np.reciprocal, x=lambda g, out: -g * out * out)

# -- powers --------------------------------------------------------------------


def _by_base(x: Any, y: Any) -> Any:
    """Return y·x**(y−1), which is 0 where y is 0, whatever x is."""
    if isinstance(y, (int, float, complex)):
        return y * x ** (y - 1) if y else np.zeros_like(x)
    y = converted(y, np.result_type(x, y))  # in its own dtype, y − 1 may wrap, or round
    # Not wherever y is 0: to y, the derivative of y·x**(y−1) there is 1/x.
    unknown = (np.abs(x) < np.finfo(y.dtype).tiny) | np.isnan(x)
    power = np.where(unknown & (y == 0), 1.0, x) ** (y - 1)
    return np.where(np.isinf(y) & (power == 0), 0.0, y) * power  # 0 · inf: it is 0 long before


def _by_exponent(x: Any, y: Any, out: Any) -> Any:
    """Return x**y · log x; 0 at 0 · −inf and 0 · inf, and at x = y = 0."""
    x = converted(x, out.dtype)
    if not np.iscomplexobj(x):
        x = np.where(x < 0, np.nan, x)
    flat = np.where(np.real(y) < 0, np.isinf(x), x == 0)
    return out * np.log(np.where(flat, 1.0, x))


derivative(
    np.power,
    x=lambda g, x, y: g * _by_base(x, y),
    y=lambda g, x, y, out: g * _by_exponent(x, y, out),
    scalar=operator.pow,
)
derivative(np.square, x=lambda g, x: g * (2.0 * x))
derivative(np.sqrt, x=lambda g, out: g * 0.5 / out)
derivative(np.cbrt, x=lambda g, out: g * np.square(1.0 / out) / 3.0)

# -- size and sign ---------------------------------------------------------------


def or_one(x: Any) -> Any:
    """A safe denominator: 1 in place of 0."""
    return np.where(x == 0, 1.0, x)


derivative(np.absolute, x=lambda g, x: g * C(np.sign(x)), scalar=operator.abs)
derivative(np.fabs, x=lambda g, x: g * np.sign(x))


def zero_gradient(g: Any, x: Any) -> Any:
    """The gradient of a function that is constant in steps: 0 everywhere."""
    return np.zeros_like(x)


def _turn(g: Any, x: Any) -> Any:
    """The gradient through x / |x| of a complex x, which turns and does not stretch."""
    r = or_one(np.abs(x))
    return np.where(x == 0, 0.0, g / r - np.real(g * x) * np.conjugate(x) / r**3)


derivative(np.sign, x=lambda g, x: _turn(g, x) if np.iscomplexobj(x) else zero_gradient(g, x))
derivative(np.floor, x=zero_gradient)
derivative(np.ceil, x=zero_gradient)
derivative(np.trunc, x=zero_gradient)
derivative(np.rint, x=zero_gradient)
derivative(np.round, a=lambda g, a: zero_gradient(g, a), parameters="decimals")
derivative(np.floor_divide, x=lambda g, x: zero_gradient(g, x), y=lambda g, y: zero_gradient(g, y))

derivative(np.remainder, x=lambda g: g, y=lambda g, x, y: -g * np.floor_divide(x, y))
# How often y fits in x, not x / y, which may round up to the whole number that it is just below.
derivative(np.fmod, x=lambda g: g, y=lambda g, x, y, out: -g * np.rint((x - out) / y))

# -- choices: ties are shared, a bound counts as inside ------------------------------


def shown(g: Any, x: Any) -> Any:
    """Return a gradient with NaN where x is NaN, so that it stays visible."""
    if runs_again():
        return np.where(np.isnan(x), np.nan, g)
    lost = np.isnan(unwrap(x))
    return np.where(lost, np.nan, g) if lost.any() else g


def _unless_less(g: Any, x: Any, y: Any) -> Any:
    """Return g unless x < y, and half of it where they are equal. A NaN is never less."""
    return np.where(x < y, 0.0, np.where(x == y, 0.5 * g, g))


derivative(
    np.maximum,
    x=lambda g, x, y: _unless_less(g, x, y),
    y=lambda g, x, y: _unless_less(g, y, x),
)
derivative(
    np.minimum,
    x=lambda g, x, y: _unless_less(g, y, x),
    y=lambda g, x, y: _unless_less(g, x, y),
)


def _if_found(g: Any, x: Any, y: Any, out: Any) -> Any:
    """Return g where x is the result, and half of it where y is too, or both are NaN."""
    both = (x == y) | np.isnan(out)
    return np.where((x == out) | both, np.where(both, 0.5 * g, g), 0.0)


# These two pass over a NaN.
for _ufunc in (np.fmax, np.fmin):
    derivative(
        _ufunc,
        x=lambda g, x, y, out: _if_found(g, x, y, out),
        y=lambda g, x, y, out: _if_found(g, y, x, out),
    )

choice = derivative(
    lambda condition, x, y: np.where(condition, x, y),
    name="where",
    operands="condition x y",
    nondifferentiable="condition",
    elementwise=True,
    x=lambda g, condition: np.where(condition, g, 0.0),
    y=lambda g, condition: np.where(condition, 0.0, g),
)
_NOT_GIVEN = object()


def _where(condition: Any, x: Any = _NOT_GIVEN, y: Any = _NOT_GIVEN, /) -> Any:
    return np.nonzero(condition) if x is _NOT_GIVEN else choice(condition, x, y)


composite(np.where, _where)


def _clip_between(x: Any, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(x, low), high)


between = derivative(
    _clip_between,
    name="clip",
    elementwise=True,
    x=lambda g, x, low, high, out: shown(np.where((x >= low) & (x <= high), g, 0.0), out),
    low=lambda g, x, low, high, out: shown(np.where((x < low) & (low <= high), g, 0.0), out),
    high=lambda g, x, low, high, out: shown(np.where((x > high) | (low > high), g, 0.0), out),
)


def _clip(
    a: Any, a_min: Any = None, a_max: Any = None, out: None = None, *, min: Any = None,
    max: Any = None, dtype: Any = None, where: Any = True, casting: Any = None, order: Any = None,
    subok: bool = True,
) -> Any:  # fmt: skip
    if not np.all(to_numpy(where)):
        raise unsupported(np.clip, "where", ())
    low = a_min if min is None else min
    high = a_max if max is None else max
    if dtype is not None:
        a, low, high = (x if x is None else as_array(x).astype(dtype) for x in (a, low, high))
    return between(a, -np.inf if low is None else low, np.inf if high is None else high)


composite(np.clip, _clip)

# -- the rest of the ufuncs, and functions in pieces --------------------------------------------


derivative(
    np.float_power,
    x1=lambda g, x1, x2: g * _by_base(x1, x2),
    x2=lambda g, x1, x2, out: g * _by_exponent(x1, x2, out),
)
derivative(
    np.heaviside,
    x1=lambda g, x1: zero_gradient(g, x1),
    x2=lambda g, x1: np.where(x1 == 0, g, 0.0),
)
derivative(
    np.copysign,
    x1=lambda g, x1, x2: np.where(np.signbit(x1) == np.signbit(x2), g, -g),
    x2=lambda g, x2: zero_gradient(g, x2),
)
derivative(np.frexp, x=lambda g, x: np.ldexp(g[0], -np.frexp(x)[1]), outputs=True)
derivative(np.ldexp, x1=lambda g, x2: np.ldexp(g, x2), operands="x1 x2", nondifferentiable="x2")


def _modf(x: Any) -> Any:
    finite = np.where(np.isinf(x), np.copysign(0.0, x), x)  # of inf, the fraction is 0
    return np.fmod(finite, 1.0), np.trunc(x * 1.0)


composite(np.divmod, lambda x1, x2: (np.floor_divide(x1, x2), np.remainder(x1, x2)))
composite(np.modf, _modf)
composite(np.fix, lambda x: np.trunc(x))


def _nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    values = measured(x)
    if values.dtype.kind == "c":
        parts = (_nan_to_num(part(x), copy, nan, posinf, neginf) for part in (np.real, np.imag))
        real, imag = parts
        return real + 1j * imag
    limits = np.finfo(values.dtype)
    for where, instead in (
        (np.isnan(values), nan),
        (np.isposinf(values), limits.max if posinf is None else posinf),
        (np.isneginf(values), limits.min if neginf is None else neginf),
    ):
        x = np.where(where, instead, x)
    return x


def _interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    """Return the line through the two neighbours, at x: in double precision, as NumPy does."""
    x, xp = as_array(x).astype(np.float64), as_array(xp).astype(np.float64)
    fp = as_array(fp).astype(np.result_type(fp, np.float64))
    if period is not None:
        period = np.abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(measured(xp))
        xp, fp = item(xp, order), item(fp, order)
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    last = np.size(xp) - 1
    before = np.clip(
        np.searchsorted(measured(xp), measured(x), side="right") - 1, 0, max(last - 1, 0)
    )
    after = np.minimum(before + 1, last)
    x0, x1, y0, y1 = (item(a, i) for a in (xp, fp) for i in (before, after))
    inside = (x >= xp[0]) & (x <= xp[-1])
    rise, run = np.where(inside, y1 - y0, 0.0), np.where(inside, x, x0) - x0
    line = y0 + rise * (run / or_one(x1 - x0))
    if period is None:
        line = np.where(x < xp[0], fp[0] if left is None else left, line)
        line = np.where(x > xp[-1], fp[-1] if right is None else right, line)
    return np.where(np.isnan(x), x, line)


def _unwrap(
    p: Any, discont: float | None = None, axis: int = -1, *, period: float = 2 * np.pi
) -> Any:
    added = turns(p, period, discont=unwrap(discont), axis=axis)
    if isinstance(period, Tensor):  # so many of them were added
        turn = measured(period)
        return p + added + np.rint(added / turn) * (period - turn)
    return p + added


def _turns(p: Any, period: Any, discont: Any = None, axis: int = -1) -> Any:
    """Return what np.unwrap adds."""
    unwrapped = np.unwrap(p, discont, axis, period=period)
    return np.where(unwrapped == p, 0.0, unwrapped - p).astype(unwrapped.dtype)


turns = derivative(_turns, name="turns", nondifferentiable="p period", parameters="discont axis")


composite(np.nan_to_num, _nan_to_num)
composite(np.interp, _interp)
composite(np.unwrap, _unwrap)
