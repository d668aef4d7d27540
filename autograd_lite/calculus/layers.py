"""Further fused primitives: smooth activations, normalization, attention.

NumPy has no error function, which GELU needs: here it is, by a polynomial.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..fitting import unbroadcast
from ..modes import runs_again
from ..primitive import Primitive, derivative
from ..tensor import Tensor, unwrap
from .loops import loop, loops
from .neural import sigmoid, softmax
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

# -- normalization ------------------------------------------------------------------------------


_ROWS = 1024  # so many numbers are added up in one run: of more, float32 would lose digits


def mean_of(x: Any, axis: Any) -> Any:
    """Return np.mean(x, axis, keepdims=True)."""
    return loops["mean"](x, axis) if type(x) is np.ndarray else np.mean(x, axis, keepdims=True)


@loop
def _mean(x: Any, axis: Any) -> Any:
    """Return np.mean(x, axis, keepdims=True); of a matrix as a product with ones.

    That takes a fifth of the time, and keeps the digits of float32 that NumPy, which adds
    row by row, would lose.
    """
    across, matrix, shape = _as_matrix(x, axis)
    if matrix is None:
        return np.mean(x, axis=axis, keepdims=True)
    ones = np.ones(min(_ROWS, matrix.shape[across]), x.dtype)
    if across:
        sums = matrix.dot(ones)
    elif len(matrix) <= _ROWS:
        sums = ones.dot(matrix)
    else:
        parts = (matrix[i : i + _ROWS] for i in range(0, len(matrix), _ROWS))
        sums = np.add.reduce([ones[: len(part)].dot(part) for part in parts], dtype=np.float64)
    sums /= matrix.shape[across]
    return sums.astype(x.dtype, copy=False).reshape(shape)


def _as_matrix(x: Any, axis: Any) -> tuple[int, Any, Any]:
    """View the numbers of each mean as a row or as a column, where they lie so in memory."""
    if x.dtype.char not in "fd" or not x.size or type(axis) is not tuple:
        return 0, None, None
    if axis == (0,) and x.ndim == 2:
        return 0, x, (1, x.shape[1])
    if axis == (-1,) and x.shape[-1] <= _ROWS:
        return 1, x.reshape(-1, x.shape[-1]), (*x.shape[:-1], 1)
    if x.ndim > 2 and axis == (0, *range(2, x.ndim)):
        last = np.moveaxis(x, 1, -1)
        if last.flags.c_contiguous:
            return 0, last.reshape(-1, x.shape[1]), (1, -1, *(1,) * (x.ndim - 2))
    return 0, None, None


def mean_and_variance(x: Any, axis: Any) -> tuple[Any, Any]:
    """Return np.mean and np.var of x over an axis, which both keep."""
    if isinstance(x, Tensor):
        return batch_mean(x, axis=axis), batch_variance(x, axis=axis)
    mean = mean_of(x, axis)
    from_mean = x - mean
    return mean, mean_of(from_mean * from_mean, axis)


batch_mean = Primitive(mean_of, {}, nondifferentiable="x", parameters="axis")
batch_variance = Primitive(
    lambda x, axis: mean_and_variance(x, axis)[1], {}, nondifferentiable="x", parameters="axis"
)
"""The same as operations, for running means, to which no gradient flows."""


def _normalize(x: Any, axis: Any, eps: float = 1e-5) -> Any:
    if isinstance(x, Tensor):
        return _normalized(x, axis, eps)[0]
    out = x - mean_of(x, axis)
    out /= np.sqrt(mean_of(out * out, axis) + eps)
    return out


def _normalized(x: Any, axis: Any, eps: float) -> tuple[Any, Any]:
    """Return what `normalize` does, and what it divides by; as arrays, or recorded."""
    from_mean = x - mean_of(x, axis)
    root = np.sqrt(mean_of(from_mean * from_mean, axis) + eps)
    return from_mean / root, root


def _without_scale(g: Any, out: Any, axis: Any) -> Any:
    """Take out of g what would only shift or scale x: the result has neither."""
    return g - mean_of(g, axis) - out * mean_of(g * out, axis)


def _normalize_rule(g: Any, x: Any, axis: Any, eps: float) -> Any:
    out, root = _normalized(x, axis, eps)
    return _without_scale(g, out, axis) / root


normalize = derivative(
    _normalize,
    name="normalize",
    decomposition=lambda x, axis, eps=1e-5: (
        (x - np.mean(x, axis=axis, keepdims=True))
        / np.sqrt(np.var(x, axis=axis, keepdims=True) + eps)
    ),
    x=lambda g, x, axis=None, eps=1e-5: _normalize_rule(g, x, axis, eps),
)
"""(x − mean) / √(variance + eps), both taken over the axes `axis`."""


def _scaled_rule(g: Any, x: Any, weight: Any, bias: Any, axis: Any, eps: float) -> Any:
    out, root = _normalized(x, axis, eps)
    aligned = (1,) * (x.ndim - np.ndim(weight)) + np.shape(weight)
    if aligned == root.shape and np.shape(bias) == np.shape(weight):
        # Of one weight for each mean, both sums of the one are those of the other.
        shift, scale = mean_of(g, axis), mean_of(g * out, axis)
        of_x, count = (g - shift - out * scale) * (weight / root), x.size // root.size
        return of_x, *(np.reshape(a * count, np.shape(weight)) for a in (scale, shift))
    shares = _without_scale(g * weight, out, axis) / root, g * out, g
    return tuple(map(unbroadcast, shares, (x.shape, np.shape(weight), np.shape(bias))))


normalize_and_scale = derivative(
    lambda x, weight, bias, axis, eps=1e-5: _normalize(x, axis, eps) * weight + bias,
    name="normalize",
    decomposition=lambda x, weight, bias, axis, eps=1e-5: (
        (x - np.mean(x, axis=axis, keepdims=True))
        / np.sqrt(np.var(x, axis=axis, keepdims=True) + eps)
        * weight
        + bias
    ),
    operands="x weight bias",
    joint=lambda g, x, weight, bias, axis=None, eps=1e-5: _scaled_rule(
        g, x, weight, bias, axis, eps
    ),
)
"""The same, times a weight, plus a bias, which broadcast."""

# -- attention ----------------------------------------------------------------------------------


def _parts(x: Any, heads: int, count: int) -> Any:
    """Return (count, …, heads, L, E) of (…, L, count · heads · E)."""
    x = np.reshape(x, (*x.shape[:-1], count, heads, x.shape[-1] // (count * heads)))
    return np.swapaxes(np.moveaxis(x, -3, 0), -3, -2)


def _together(x: Any) -> Any:
    """Return (…, L, count · heads · E) of (count, …, heads, L, E)."""
    x = np.moveaxis(np.swapaxes(x, -3, -2), 0, -3)
    return np.reshape(x, (*x.shape[:-3], x.shape[-3] * x.shape[-2] * x.shape[-1]))


def _transposed(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def _scores(q: Any, k: Any, mask: Any) -> Any:
    scores = np.matmul(q, _transposed(k)) * (1.0 / math.sqrt(q.shape[-1]))
    return scores if mask is None else scores + mask


def _attention(x: Any, heads: int, mask: Any = None) -> Any:
    q, k, v = _parts(x, heads, 3)
    return _together(np.matmul(softmax(_scores(q, k, mask)), v)[None])


def _attention_rule(g: Any, x: Any, heads: int, mask: Any) -> Any:
    """Go back through both products, and through the softmax between them."""
    (q, k, v), g = _parts(x, heads, 3), _parts(g, heads, 1)[0]
    weights = softmax(_scores(q, k, mask))
    of_weights = np.matmul(g, _transposed(v))
    of_scores = weights * (of_weights - np.sum(weights * of_weights, axis=-1, keepdims=True))
    of_scores = of_scores * (1.0 / math.sqrt(q.shape[-1]))
    of_q, of_k = np.matmul(of_scores, k), np.matmul(_transposed(of_scores), q)
    return _together(np.stack([of_q, of_k, np.matmul(_transposed(weights), g)]))


attention = derivative(
    _attention,
    name="attention",
    decomposition=_attention,
    x=lambda g, x, heads, mask=None: _attention_rule(g, x, heads, mask),
)
"""softmax(q kᵀ / √E + mask) v, side by side in heads; x is (…, L, 3 · heads · E): q, k and v."""
