"""Further fused primitives: smooth activations, and normalization.

NumPy has no error function, which GELU needs: here it is, from a table.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from ..primitive import Primitive, derivative
from ..tape import runs_again, special, state
from ..tensor import Tensor, to_numpy, unwrap
from .neural import sigmoid
from .transcendental import square_to_rest

# -- the error function ---------------------------------------------------------------------

_STEPS = 64  # to one
_END = 6  # erf is 1 to the last bit from there on


@cache
def _erf_table() -> tuple[Any, Any]:
    """Return erf and its derivative at multiples of the step."""
    points = np.arange(_END * _STEPS + 1) / _STEPS
    values = np.array([math.erf(a) for a in points])
    return values, 2.0 / math.sqrt(math.pi) * np.exp(-points * points)


def _erf(x: Any) -> Any:
    """Expand erf around the nearest point of the table.

    The derivatives of erf are its first one times polynomials: with d from the
    point a, erf(a + d) = erf a + erf′a · (d − a d² + (2a² − 1) d³/3 − …). At a
    distance of at most 1/128, what is left out is below the last bit.
    """
    kind = np.asarray(x).dtype
    size = np.minimum(np.abs(x, dtype=np.float64), _END)
    size = np.where(np.isnan(size), 0.0, size)
    nearest = np.rint(size * _STEPS).astype(np.intp)
    a = nearest / _STEPS
    d = size - a
    values, slopes = _erf_table()
    # Hermite's recursion: p₀ = 1, p₁ = −2a, pₙ₊₁ = −2a pₙ − 2n pₙ₋₁; the term is pₙ dⁿ⁺¹/(n+1)!
    before, p = 1.0, -2.0 * a
    power = d * d / 2.0
    series = d + p * power
    for n in range(1, 7):
        before, p = p, -2.0 * a * p - 2.0 * n * before
        power = power * d / (n + 2)
        series = series + p * power
    result = np.copysign(values[nearest] + slopes[nearest] * series, x)
    result = np.where(np.isnan(x), np.nan, result)
    return result.astype(kind if kind.kind == "f" else np.float64)[()]


erf = derivative(
    _erf,
    name="erf",
    elementwise=True,
    x=lambda g, x: g * (2.0 / math.sqrt(math.pi)) * np.exp(-square_to_rest(x)),
)
"""The error function 2/√π ∫₀ˣ e^(−t²) dt."""

# -- smooth activations -----------------------------------------------------------------------

_ROOT_HALF = math.sqrt(0.5)
_ROOT_TAU = 1.0 / math.sqrt(2.0 * math.pi)


def _below(x: Any) -> Any:
    """Return Φ(x), the share of the normal distribution below x."""
    return 0.5 * (1.0 + erf(x * _ROOT_HALF))


def _up_to(x: Any) -> Any:
    """Return x; where it is far, as a constant that is less far."""
    again = runs_again()
    far = np.abs(x if again else unwrap(x)) > _FAR
    return np.where(far, _FAR, x) if again or far.any() else x


_FAR = 1000.0
"""From there on, these are what they are at infinity, and inf · 0 is avoided."""

gelu = derivative(
    lambda x: np.maximum(x, -_FAR) * (0.5 * (1.0 + _erf(x * _ROOT_HALF))),
    name="gelu",
    elementwise=True,
    stands_for=lambda x: 0.5 * x * (1.0 + erf(x * _ROOT_HALF)),
    x=lambda g, x: g * (_below(x) + _up_to(x) * np.exp(-0.5 * _up_to(x) ** 2) * _ROOT_TAU),
)
"""x Φ(x)."""

silu = derivative(
    lambda x: np.maximum(x, -_FAR) * sigmoid(x),
    name="silu",
    elementwise=True,
    stands_for=lambda x: x / (1.0 + np.exp(-x)),
    x=lambda g, x: g * sigmoid(x) * (1.0 + _up_to(x) * (1.0 - sigmoid(x))),
)
"""x σ(x)."""

elu = derivative(
    lambda x, alpha=1.0: np.where(x > 0.0, x, alpha * np.expm1(np.minimum(x, 0.0))),
    name="elu",
    elementwise=True,
    stands_for=lambda x, alpha=1.0: np.maximum(x, 0.0) + alpha * (np.exp(np.minimum(x, 0.0)) - 1.0),
    x=lambda g, x, alpha=1.0: np.where(x > 0.0, g, g * alpha * np.exp(np.where(x >= 0.0, 0.0, x))),
)
"""x where it is positive, else alpha · (eˣ − 1)."""

# -- normalization ------------------------------------------------------------------------------


_ROWS = 1024


def mean_of(x: Any, axis: Any) -> Any:
    """Return np.mean(x, axis, keepdims=True).

    Where the last axis in memory is kept, NumPy adds row by row, and of many rows
    of float32 digits get lost. A product with ones, of some rows at a time, keeps
    them, and takes a fifth of the time.
    """
    rows = _rows(x, axis) if isinstance(x, np.ndarray) else None
    if rows is None:
        return np.mean(x, axis=axis, keepdims=True)
    ones = np.ones(min(_ROWS, len(rows)), x.dtype)
    parts = (rows[i : i + _ROWS] for i in range(0, len(rows), _ROWS))
    sums = np.add.reduce([np.dot(ones[: len(part)], part) for part in parts], dtype=np.float64)
    shape = [n if i == 1 else 1 for i, n in enumerate(x.shape)]
    return (sums / len(rows)).astype(x.dtype).reshape(shape)


def _rows(x: Any, axis: Any) -> Any:
    """View an array as rows of channels, if all but these, which are last in memory, are meant."""
    if x.dtype.char not in "fd" or not x.size or axis != (0, *range(2, x.ndim)):
        return None
    last = np.moveaxis(x, 1, -1)
    return last.reshape(-1, x.shape[1]) if last.flags.c_contiguous else None


def variance_of(x: Any, axis: Any) -> Any:
    """Return np.var(x, axis, keepdims=True)."""
    if not isinstance(x, np.ndarray):
        return np.var(x, axis=axis, keepdims=True)
    from_mean = x - mean_of(x, axis)
    return mean_of(from_mean * from_mean, axis)


batch_mean = Primitive(mean_of, {}, constants="x", allows="axis")
batch_variance = Primitive(variance_of, {}, constants="x", allows="axis")
"""The same as operations, for running means, to which no gradient flows."""


def measured(x: Any) -> Any:
    """Return what a running mean is taken of: a plain array, where no program is recorded."""
    if special and isinstance(x, Tensor) and state.mode.everything:
        return x.detach()
    return to_numpy(x)


def _normalize(x: Any, axis: Any, eps: float = 1e-5) -> Any:
    out = x - mean_of(x, axis)
    out /= np.sqrt(mean_of(out * out, axis) + eps)
    return out


def _normalize_rule(g: Any, x: Any, out: Any, axis: Any, eps: float) -> Any:
    """Take out of g what would only shift or scale x: the result has neither."""
    shift, scale = mean_of(g, axis), mean_of(g * out, axis)
    return (g - shift - out * scale) / np.sqrt(variance_of(x, axis) + eps)


normalize = derivative(
    _normalize,
    name="normalize",
    stands_for=lambda x, axis, eps=1e-5: (
        (x - np.mean(x, axis=axis, keepdims=True))
        / np.sqrt(np.var(x, axis=axis, keepdims=True) + eps)
    ),
    x=lambda g, x, out, axis=None, eps=1e-5: _normalize_rule(g, x, out, axis, eps),
)
"""(x − mean) / √(variance + eps), both taken over the axes `axis`."""
