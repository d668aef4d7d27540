"""Sums, products, powers, and the functions that choose between values."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..composite import as_array, composite
from ..primitive import derivative
from ..tensor import Tensor, bare, plain

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


def _one_less(x: Any, y: Any) -> Any:
    """Return y − 1, but 1 where y is 0 and 1/x is inf: there y·x**(y−1) is 0, not 0·inf."""
    if isinstance(y, (int, float)):
        return y - 1 if y else 1
    # Not wherever y is 0: to y, the derivative of y·x**(y−1) there is 1/x.
    too_small = np.abs(x) < np.finfo(np.result_type(x, y)).tiny
    return np.where(too_small & (y == 0), 1.0, y - 1)


def _log_of_base(x: Any) -> Any:
    """Return log x; 0 at x = 0, where x**y is flat in y > 0; NaN for x < 0."""
    if np.iscomplexobj(x):
        return np.log(np.where(x == 0, 1.0, x))
    return np.where(x < 0, np.nan, np.log(np.where(x > 0, x, 1.0)))


derivative(
    np.power,
    x=lambda g, x, y: g * (y * x ** _one_less(x, y)),
    y=lambda g, x, out: g * (out * _log_of_base(x)),
    scalar=operator.pow,
)
derivative(np.square, x=lambda g, x: g * (2.0 * x))
derivative(np.sqrt, x=lambda g, out: g * 0.5 / out)
derivative(np.cbrt, x=lambda g, out: g / (3.0 * out * out))

# -- size and sign ---------------------------------------------------------------


def or_one(x: Any) -> Any:
    """A safe denominator: 1 in place of 0."""
    return np.where(x == 0, 1.0, x)


def _direction(x: Any) -> Any:
    """Return ∂|x|/∂x: the sign; for a complex number, the conjugate of x / |x|."""
    return np.conjugate(x) / or_one(np.abs(x)) if np.iscomplexobj(x) else np.sign(x)


derivative(np.absolute, x=lambda g, x: g * _direction(x), scalar=operator.abs)
derivative(np.fabs, x=lambda g, x: g * np.sign(x))


def _flat(g: Any, x: Any) -> Any:
    """The gradient of a function that is constant in steps: 0 everywhere."""
    return np.zeros_like(x)


def _turn(g: Any, x: Any) -> Any:
    """The gradient through x / |x| of a complex x, which turns and does not stretch."""
    r = or_one(np.abs(x))
    return g / r - np.real(g * x) * np.conjugate(x) / r**3


derivative(np.sign, x=lambda g, x: _turn(g, x) if np.iscomplexobj(x) else _flat(g, x))
derivative(np.floor, x=_flat)
derivative(np.ceil, x=_flat)
derivative(np.trunc, x=_flat)
derivative(np.rint, x=_flat)
derivative(np.round, a=lambda g, a: _flat(g, a), allows="decimals")
derivative(np.floor_divide, x=lambda g, x: _flat(g, x), y=lambda g, y: _flat(g, y))

derivative(np.remainder, x=lambda g: g, y=lambda g, x, y: -g * np.floor_divide(x, y))
derivative(np.fmod, x=lambda g: g, y=lambda g, x, y: -g * np.trunc(x / y))

# -- choices: ties are shared, a bound counts as inside ------------------------------


def _where_larger(g: Any, x: Any, y: Any) -> Any:
    """Return g where x is chosen, and half of it of equals. A NaN is never the smaller one."""
    return np.where(x < y, 0.0, np.where(x == y, 0.5 * g, g))


def _nan_as(number: float, x: Any) -> Any:
    return np.where(np.isnan(x), number, x)


derivative(
    np.maximum,
    x=lambda g, x, y: _where_larger(g, x, y),
    y=lambda g, x, y: _where_larger(g, y, x),
)
derivative(
    np.minimum,
    x=lambda g, x, y: _where_larger(g, -x, -y),
    y=lambda g, x, y: _where_larger(g, -y, -x),
)
# These two pass over a NaN.
derivative(
    np.fmax,
    x=lambda g, x, y: _where_larger(g, _nan_as(-np.inf, x), _nan_as(-np.inf, y)),
    y=lambda g, x, y: _where_larger(g, _nan_as(-np.inf, y), _nan_as(-np.inf, x)),
)
derivative(
    np.fmin,
    x=lambda g, x, y: _where_larger(g, _nan_as(-np.inf, -x), _nan_as(-np.inf, -y)),
    y=lambda g, x, y: _where_larger(g, _nan_as(-np.inf, -y), _nan_as(-np.inf, -x)),
)

choice = derivative(
    lambda condition, x, y: np.where(condition, x, y),
    name="where",
    operands="condition x y",
    constants="condition",
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
    x=lambda g, x, low, high: np.where((x >= low) & (x <= high), g, 0.0),
    low=lambda g, x, low, high: np.where((x < low) & (low <= high), g, 0.0),
    high=lambda g, x, low, high: np.where((x > high) | (low > high), g, 0.0),
)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low = a_min if min is None else min
    high = a_max if max is None else max
    return between(a, -np.inf if low is None else low, np.inf if high is None else high)


composite(np.clip, _clip)

# -- the rest of the ufuncs, and functions in pieces --------------------------------------------


def _float_power_rule(x: Any, y: Any) -> Any:
    return y * np.power(x * 1.0, _one_less(x, y))


derivative(
    np.float_power,
    x1=lambda g, x1, x2: g * _float_power_rule(x1, x2),
    x2=lambda g, x1, out: g * (out * _log_of_base(x1)),
)
derivative(
    np.heaviside,
    x1=lambda g, x1: _flat(g, x1),
    x2=lambda g, x1: np.where(x1 == 0, g, 0.0),
)
derivative(
    np.copysign,
    x1=lambda g, x1, x2: np.where(np.signbit(x1) == np.signbit(x2), g, -g),
    x2=lambda g, x2: _flat(g, x2),
)
derivative(np.ldexp, x1=lambda g, x2: np.ldexp(g, x2), operands="x1 x2", constants="x2")


def _modf(x: Any) -> Any:
    finite = np.where(np.isinf(x), np.copysign(0.0, x), x)  # of inf, the fraction is 0
    return np.fmod(finite, 1.0), np.trunc(x * 1.0)


composite(np.divmod, lambda x1, x2: (np.floor_divide(x1, x2), np.remainder(x1, x2)))
composite(np.modf, _modf)
composite(np.frexp, lambda x: (np.ldexp(x, -_exponent(x)), _exponent(x)))
composite(np.fix, lambda x: np.trunc(x))


def _exponent(x: Any) -> Any:
    return np.frexp(plain(x))[1]


def _nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    values = plain(x)
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
        order = np.argsort(plain(xp))
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    last = np.size(xp) - 1
    place = np.clip(np.searchsorted(plain(xp), plain(x), side="right") - 1, 0, max(last - 1, 0))
    after = np.minimum(place + 1, last)
    x0, x1, y0, y1 = xp[place], xp[after], fp[place], fp[after]
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
    here, turn = plain(p), bare(period)
    unwrapped = np.unwrap(here, bare(discont), axis, period=turn)
    added = np.where(unwrapped == here, 0.0, unwrapped - here).astype(unwrapped.dtype)
    if isinstance(period, Tensor):  # so many of them were added
        return p + added + np.rint(added / turn) * (period - turn)
    return p + added


composite(np.nan_to_num, _nan_to_num)
composite(np.interp, _interp)
composite(np.unwrap, _unwrap)
