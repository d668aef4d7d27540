"""Fused primitives: one step on the tape for what NumPy writes in several.

Each names the composition that it stands for; it exists because it is faster,
or because the composition overflows where the result does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..fitting import total
from ..primitive import Primitive, derivative
from ..quiet import quietly, silence
from .arithmetic import shown
from .loops import loop, loops
from .reductions import expand_reduced

# -- a layer --------------------------------------------------------------------


def _rows(a: Any) -> Any:
    """View an array as a matrix: all axes but the last together."""
    return a if a.ndim == 2 else np.reshape(a, (-1, a.shape[-1]))


def _dot(x: Any, y: Any) -> Any:
    """Return the product of two matrices.

    Of small arrays, `dot` takes a third of the time of `@`, which is the operator of Tensors.
    """
    return x.dot(y) if type(x) is type(y) is np.ndarray else x @ y


def _product(x: Any, matrix: Any) -> Any:
    """Return x @ matrix as a product of matrices: `dot` of more axes takes fifty times as long."""
    if x.ndim > 2:
        return np.reshape(_dot(_rows(x), matrix), (*x.shape[:-1], matrix.shape[1]))
    return _dot(x, matrix)


def _linear(x: Any, weight: Any) -> Any:
    return x.dot(weight.T) if x.ndim <= 2 else _product(x, weight.T)


linear = derivative(
    _linear,
    name="linear",
    decomposition=lambda x, weight: np.matmul(x, np.transpose(weight)),
    indices="...i,oi->...o",
    x=lambda g, weight: _product(g, weight),
    weight=lambda g, x: _dot(_rows(g).T, _rows(x)),
)
"""x Wᵀ: a fully connected layer without bias; x (…, in), weight (out, in)."""


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    out = _product(x, weight.T)
    out += bias
    return out


def _column_sums(g: Any) -> Any:
    """Sum over all axes but the last. As a product with ones it is one fast call."""
    rows = _rows(g)
    return _dot(np.ones(len(rows), rows.dtype), rows)


affine = derivative(
    _affine,
    name="linear",
    decomposition=lambda x, weight, bias: np.matmul(x, np.transpose(weight)) + bias,
    indices="...i,oi+o->...o",
    x=lambda g, weight: _product(g, weight),
    weight=lambda g, x: _dot(_rows(g).T, _rows(x)),
    bias=lambda g: _column_sums(g),
)
"""x Wᵀ + b: a fully connected layer; bias (out,)."""

# -- activations ------------------------------------------------------------------


def _sigmoid(x: Any) -> Any:
    # exp overflows to inf for x < −709, and 1 / inf is the right answer.
    if x.ndim == 0 or x.dtype.kind != "f":
        return 1.0 / (1.0 + silence().run(np.exp, -x))
    out = np.negative(x)
    silence().run(np.exp, out, out)
    out += 1.0
    return np.reciprocal(out, out)


sigmoid = derivative(
    _sigmoid,
    name="sigmoid",
    elementwise=True,
    decomposition=lambda x: 1.0 / (1.0 + np.exp(-x)),
    x=lambda g, out: g * out * (1.0 - out),
)


@loop
def _masked(g: Any, mask: Any) -> Any:
    """Return np.where(mask, g, 0); of arrays in a quarter of its time, without a branch."""
    if not type(g) is type(mask) is np.ndarray or not g.ndim or g.dtype.char not in "efd":
        return np.where(mask, g, 0.0)
    out = np.empty_like(g)
    bits = out.view(f"i{g.itemsize}")
    bits[...] = mask
    np.negative(bits, out=bits)  # all of a number's bits, or none
    bits &= g.view(bits.dtype)
    return out


@loop
def _relu_rule(g: Any, x: Any) -> Any:
    """Pass on the gradient of what is positive; a NaN stays visible."""
    return shown(loops["masked"](g, x > 0.0), x)


relu = derivative(
    lambda x: np.maximum(x, 0.0),
    name="relu",
    elementwise=True,
    decomposition=lambda x: np.where(x > 0.0, x, 0.0),
    x=lambda g, x: loops["relu_rule"](g, x),
)

leaky_relu = derivative(
    lambda x, slope=0.01: np.where(x > 0.0, x, slope * x),
    name="leaky_relu",
    elementwise=True,
    decomposition=lambda x, slope=0.01: np.maximum(x, 0.0) + slope * np.minimum(x, 0.0),
    x=lambda g, x, slope=0.01: shown(np.where(x > 0.0, g, slope * g), x),
)


def _softplus(x: Any) -> Any:
    return np.logaddexp(x, 0.0)


softplus = derivative(
    _softplus,
    name="softplus",
    elementwise=True,
    decomposition=lambda x: np.log(1.0 + np.exp(x)),
    x=lambda g, x: g * sigmoid(x),
)

# -- along an axis: the largest is taken out first, so that exp cannot overflow ---------


# Half precision is computed in single, which its sums would soon leave.


def largest_along(x: Any, axis: int) -> Any:
    """Return np.max(x, axis, keepdims=True), −∞ of nothing."""
    rows = type(x) is np.ndarray and x.dtype.char in "fd" and axis in (-1, x.ndim - 1)
    if rows and x.size >= _MANY and x.shape[-1] <= _SHORT:
        # Down columns, many are compared at once: to begin a short row takes longer.
        columns = x.reshape(-1, x.shape[-1]).T.copy()
        return np.max(columns, axis=0).reshape(*x.shape[:-1], 1)
    return np.max(x, axis=axis, keepdims=True, initial=-np.inf)


_MANY, _SHORT = 1024, 32  # numbers


def _from_largest(x: Any, axis: int) -> tuple[Any, Any]:
    """Return the largest numbers, or 0 where they are infinite, and x less them."""
    largest = largest_along(x, axis)
    largest = np.where(np.isinf(largest), 0.0, largest)
    return largest, x - largest


def _logsumexp(x: Any, axis: int = -1, keepdims: bool = False) -> Any:
    if x.dtype == np.float16:
        return _logsumexp(x.astype(np.float32), axis, keepdims).astype(np.float16)
    largest, x = _from_largest(x, axis)
    out = quietly(np.log, total(np.exp(x), axis, keepdims=True)) + largest
    return out if keepdims else np.squeeze(out, axis=axis)


def _shares(x: Any, axis: int) -> Any:
    """Return the softmax; where the largest are infinite they share all, or 0 if that is −inf."""
    largest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    infinite = np.isinf(largest)
    x = np.where(infinite & (x == largest), 0.0, np.where(infinite, -np.inf, x))
    return np.where(largest == -np.inf, 0.0, softmax(x, axis=axis))


logsumexp = derivative(
    _logsumexp,
    name="logsumexp",
    decomposition=lambda x, axis=-1, keepdims=False: np.log(
        np.sum(np.exp(x), axis=axis, keepdims=keepdims)
    ),
    x=lambda g, x, axis=-1, keepdims=False: (
        expand_reduced(g, x.shape, axis, keepdims) * _shares(x, axis)
    ),
)


def _softmax(x: Any, axis: int = -1) -> Any:
    if x.dtype == np.float16:
        return _softmax(x.astype(np.float32), axis).astype(np.float16)
    powers = np.exp(x - largest_along(x, axis))
    return powers / total(powers, axis, keepdims=True)


softmax: Primitive = derivative(
    _softmax,
    name="softmax",
    decomposition=lambda x, axis=-1: np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True),
    x=lambda g, out, axis=-1: out * (g - total(g * out, axis, keepdims=True)),
)


def _log_softmax(x: Any, axis: int = -1) -> Any:
    if x.dtype == np.float16:
        return _log_softmax(x.astype(np.float32), axis).astype(np.float16)
    # The largest first: beside a large x, the logarithm of the sum would lose its digits.
    _, x = _from_largest(x, axis)
    return x - quietly(np.log, total(np.exp(x), axis, keepdims=True))


log_softmax = derivative(
    _log_softmax,
    name="log_softmax",
    decomposition=lambda x, axis=-1: x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True)),
    x=lambda g, out, axis=-1: g - np.exp(out) * total(g, axis, keepdims=True),
)

# -- losses -----------------------------------------------------------------------


_DOUBLE = np.dtype(np.float64)
_FEW = 1 << 16  # numbers: a dot product of more, in one run, loses digits of float32


def _mse(input: Any, target: Any) -> Any:
    d = (input - target).ravel()
    n = d.size
    if input.dtype is _DOUBLE and n <= _FEW:
        return d.dot(d) / n
    return _mean_of_squares(input, target)


def _mean_of_squares(input: Any, target: Any) -> Any:
    """Return the same for integers (which wrap or promote), half precision, and many numbers."""
    own = input.dtype if input.dtype.kind in "fc" else np.dtype(float)
    dtype = own if target.dtype.kind in "biu" else np.result_type(own, target)
    wide = np.promote_types(dtype, np.float32)
    d = np.subtract(input, target, dtype=wide).ravel()
    parts = [d[i : i + _FEW] for i in range(0, d.size, _FEW)]
    total = np.add.reduce([part.dot(part) for part in parts], dtype=wide)
    return np.asarray(total / d.dtype.type(d.size)).astype(dtype)[()]


def _mse_rule(g: Any, input: Any, target: Any) -> Any:
    share = 2.0 / input.size
    if share < 1e-3 and g.dtype == np.float16:  # in which it would soon be 0
        g = g.astype(np.float32)
    return g * share * (input - target)


mse = derivative(
    _mse,
    name="mse",
    decomposition=lambda input, target: np.mean((input - target) ** 2),
    input=_mse_rule,
    target=lambda g, input, target: _mse_rule(g, target, input),
)
"""The mean of squared differences; operands of one shape."""


def _bce_with_logits(input: Any, target: Any) -> Any:
    # log(1 + eˣ) − x·target would be the difference of two large numbers.
    linear = input * np.where(input > 0.0, 1.0 - target, -target)
    return linear + np.log1p(np.exp(-np.abs(input)))


bce_with_logits = derivative(
    _bce_with_logits,
    name="bce_with_logits",
    elementwise=True,
    decomposition=lambda input, target: (
        -(
            target * np.log(1.0 / (1.0 + np.exp(-input)))
            + (1.0 - target) * np.log(1.0 - 1.0 / (1.0 + np.exp(-input)))
        )
    ),
    input=lambda g, input, target: g * (sigmoid(input) - target),
    target=lambda g, input: -g * input,
)
"""Binary cross-entropy of the sigmoid of the input, for each element."""


def _clamped_logs(p: Any) -> tuple[Any, Any]:
    """Return log p and log(1 − p), clamped at −100, so that the loss stays finite."""
    return np.maximum(quietly(np.log, p), -100.0), np.maximum(quietly(np.log1p, -p), -100.0)


def _bce(input: Any, target: Any) -> Any:
    log_p, log_not_p = _clamped_logs(input)
    return -(target * log_p + (1.0 - target) * log_not_p)


def _bce_target_rule(g: Any, input: Any) -> Any:
    log_p, log_not_p = _clamped_logs(input)
    return g * (log_not_p - log_p)


bce = derivative(
    _bce,
    name="bce",
    elementwise=True,
    decomposition=lambda input, target: (
        -(target * np.log(input) + (1.0 - target) * np.log(1.0 - input))
    ),
    # −ŷ/y + (1 − ŷ)/(1 − y) over one denominator, which is kept from 0 as PyTorch keeps it.
    input=lambda g, input, target: g * (input - target) / np.maximum(input * (1.0 - input), 1e-12),
    target=lambda g, input: _bce_target_rule(g, input),
)
"""Binary cross-entropy for each element."""
