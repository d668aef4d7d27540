"""Smooth activations, and the error function: further fused primitives.

NumPy has no error function, which GELU needs: here it is, by a polynomial.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..modes import runs_again
from ..primitive import derivative
from ..tensor import Tensor, unwrap
from .loops import loop, loops
from .neural import sigmoid
from .transcendental import square_to_rest

# -- the error function ---------------------------------------------------------------------

# erf x = 1 − e^(−x q(x)) for x ≥ 0, where q, that is −log(erfc x) / x, is so smooth that one
# polynomial gives it. Their coefficients, from the lowest, were found by Remez's exchange of
# points, in 50 digits: erf's relative error is least, below the last bit of either precision.

ERF_END = 6.0  # erf is 1 to the last bit from there on
ERF: dict[Any, tuple[float, ...]] = {
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
    """Return the sum of all cₖ xᵏ, by Horner's rule."""
    out = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        out *= x
        out += c
    return out


def _erf(x: Any) -> Any:
    kind = np.result_type(x)
    wide = np.float32 if kind in (np.float16, np.float32) else np.float64
    size = np.asarray(np.abs(x), wide)
    np.minimum(size, ERF_END, out=size)
    out = loops["polynomial"](size, ERF[wide])
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
    """Return x clipped to ± `_FAR`, as a constant where it was clipped."""
    again = runs_again()
    far = np.abs(x if again else unwrap(x)) > _FAR
    return np.where(far, _FAR, x) if again or far.any() else x


_FAR = 1000.0
"""Beyond this, the functions have their limits' values; inf · 0 is avoided."""


def _gelu(x: Any) -> Any:
    if isinstance(x, Tensor):
        return (erf(x * _ROOT_HALF) + 1.0) * 0.5 * np.maximum(x, -_FAR)
    out = np.asarray(_erf(x * _ROOT_HALF))
    out += 1.0
    out *= 0.5
    out *= x if x.min(initial=0.0) > -_FAR else np.maximum(x, -_FAR)
    return out[()]


def _slope(x: Any) -> Any:
    """Return Φ(x) + x φ(x)."""
    far = _up_to(x)
    return _below(x) + far * np.exp(-0.5 * far**2) * _ROOT_TAU


@loop
def _gelu_slope(x: Any, out: Any) -> Any:
    """Return Φ(x) + x φ(x). Φ is what x was multiplied by, which takes a tenth of another erf."""
    slope = np.abs(x)
    near, far = slope.min(initial=1.0) < 4.0 * np.finfo(x.dtype).tiny, slope.max(initial=0.0)
    if near or not far < _FAR or not x.ndim:  # out / x is no number, or has lost its digits
        return _slope(x)
    np.multiply(x, x, out=slope)
    slope *= -0.5
    np.exp(slope, out=slope)
    slope *= x
    slope *= _ROOT_TAU
    slope += out / x
    return slope


gelu = derivative(
    _gelu,
    name="gelu",
    elementwise=True,
    decomposition=lambda x: 0.5 * x * (1.0 + erf(x * _ROOT_HALF)),
    x=lambda g, x, out: g * (_slope(x) if isinstance(x, Tensor) else loops["gelu_slope"](x, out)),
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
