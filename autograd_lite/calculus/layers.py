"""Further fused primitives: smooth activations, and normalization.

NumPy has no error function, which GELU needs: here it is, by a polynomial.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..primitive import Primitive, derivative
from ..tape import runs_again, special, state
from ..tensor import Tensor, to_numpy, unwrap
from .loops import loop, loops
from .neural import sigmoid
from .transcendental import square_to_rest

# -- the error function ---------------------------------------------------------------------

# erf x = 1 − e^(−x q(x)) for x ≥ 0, where q, that is −log(erfc x) / x, is so smooth that one
# polynomial gives it. Their coefficients, from the lowest, were found by Remez's exchange of
# points, in 50 digits: erf's relative error is least, below the last bit of either precision.

_END = 6.0  # erf is 1 to the last bit from there on
_Q: dict[Any, tuple[float, ...]] = {
    np.float32: (
        1.128379171610196,
        0.6366193819465258,
        0.1027778308053927,
        -0.019153065204017685,
        -0.00016039302107289708,
        0.0016670233607049539,
        -0.0006328338578786863,
        0.00011764019482176318,
        -9.256117474463373e-06,
    ),
    np.float64: (
        1.1283791670955126,
        0.6366197723675909,
        0.10277260330131549,
        -0.019128446993095925,
        -0.00020919485390747295,
        0.0016962076697436383,
        -0.0005901324294871834,
        2.5904497180341006e-05,
        6.442047936455552e-05,
        -2.9575682991523256e-05,
        3.169695611701954e-06,
        3.1329344132244543e-06,
        -2.03716355522613e-06,
        5.706148916430974e-07,
        -1.1698320397660812e-08,
        -6.573801082837907e-08,
        3.458645986342946e-08,
        -1.0773808222121026e-08,
        2.360615803868053e-09,
        -3.760880381609628e-10,
        4.301992225950791e-11,
        -3.3645233401454135e-12,
        1.6149606862226337e-13,
        -3.5924096324347786e-15,
    ),
}


@loop
def _polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    """Return c₀ + c₁ x + c₂ x² + …, by Horner's rule."""
    out = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        out *= x
        out += c
    return out


def _erf(x: Any) -> Any:
    kind = np.result_type(x)
    wide = np.float32 if kind in (np.float16, np.float32) else np.float64
    size = np.asarray(np.minimum(np.abs(x), _END), wide)
    out = loops["polynomial"](size, _Q[wide])
    out *= size
    np.negative(out, out)
    np.expm1(out, out)  # not exp: near 0 all digits count
    np.copysign(out, x, out)
    return out.astype(kind if kind.kind == "f" else np.float64, copy=False)[()]


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


def _gelu_slope(x: Any, out: Any) -> Any:
    """Return Φ(x) + x φ(x). Φ is what x was multiplied by, which takes a tenth of another erf."""
    share = _below(x) if isinstance(x, Tensor) else _quotient(out, x)
    x = _up_to(x)
    return share + x * np.exp(-0.5 * x**2) * _ROOT_TAU


def _quotient(out: Any, x: Any) -> Any:
    """Return out / x; near 0, where out may have lost its digits, ½."""
    near = np.abs(x) < 4.0 * np.finfo(x.dtype).tiny
    return np.where(near, 0.5, np.minimum(out, _FAR)) / np.where(near, 1.0, np.minimum(x, _FAR))


gelu = derivative(
    lambda x: np.maximum(x, -_FAR) * (0.5 * (1.0 + _erf(x * _ROOT_HALF))),
    name="gelu",
    elementwise=True,
    decomposition=lambda x: 0.5 * x * (1.0 + erf(x * _ROOT_HALF)),
    x=lambda g, x, out: g * _gelu_slope(x, out),
)
"""x Φ(x)."""

silu = derivative(
    lambda x: np.maximum(x, -_FAR) * sigmoid(x),
    name="silu",
    elementwise=True,
    decomposition=lambda x: x / (1.0 + np.exp(-x)),
    x=lambda g, x: g * sigmoid(x) * (1.0 + _up_to(x) * (1.0 - sigmoid(x))),
)
"""x σ(x)."""

elu = derivative(
    lambda x, alpha=1.0: np.where(x > 0.0, x, alpha * np.expm1(np.minimum(x, 0.0))),
    name="elu",
    elementwise=True,
    decomposition=lambda x, alpha=1.0: (
        np.maximum(x, 0.0) + alpha * (np.exp(np.minimum(x, 0.0)) - 1.0)
    ),
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


batch_mean = Primitive(mean_of, {}, nondifferentiable="x", parameters="axis")
batch_variance = Primitive(variance_of, {}, nondifferentiable="x", parameters="axis")
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
    decomposition=lambda x, axis, eps=1e-5: (
        (x - np.mean(x, axis=axis, keepdims=True))
        / np.sqrt(np.var(x, axis=axis, keepdims=True) + eps)
    ),
    x=lambda g, x, out, axis=None, eps=1e-5: _normalize_rule(g, x, out, axis, eps),
)
"""(x − mean) / √(variance + eps), both taken over the axes `axis`."""
