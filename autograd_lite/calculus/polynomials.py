"""Polynomials by their coefficients, highest power first; sequences between two ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..composite import as_array, composite
from ..modes import report_read
from ..primitive import Primitive, derivative
from ..tensor import form, measured, to_numpy
from .facts import given


def _aligned(a1: Any, a2: Any) -> tuple[Any, Any]:
    """Put zeros before the shorter of two coefficient sequences."""
    a1, a2 = np.atleast_1d(a1), np.atleast_1d(a2)
    more = len(a2) - len(a1)
    if more > 0:
        a1 = np.concatenate([np.zeros(more, np.result_type(a1)), a1])
    elif more < 0:
        a2 = np.concatenate([np.zeros(-more, np.result_type(a2)), a2])
    return a1, a2


def _polyadd(a1: Any, a2: Any) -> Any:
    first, second = _aligned(a1, a2)
    return first + second


def _polysub(a1: Any, a2: Any) -> Any:
    first, second = _aligned(a1, a2)
    return first - second


def _trimmed(a: Any) -> Any:
    """Return the coefficients from the first that is not 0 on, but the last in any case."""
    a = np.atleast_1d(a) if np.size(a) else np.zeros(1, np.result_type(a))
    zeros, now = (np.sum(np.cumprod(x == 0)) for x in (measured(a), to_numpy(a)))
    a = given(a, zeros == now, f"{now} coefficients are 0 before the first that is not", "")
    return a[min(now, len(a) - 1) :]


def _polyder(p: Any, m: int = 1) -> Any:
    for _ in range(int(m)):
        n = np.size(p) - 1
        p = p[:-1] * np.arange(n, 0, -1)
    return p


def _polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    m, p = int(m), as_array(p)
    constants = np.zeros(m) if k is None else np.ravel(as_array(k))
    if m and np.size(constants) == 1:
        constants = np.broadcast_to(constants, (m,))
    for i in range(m):
        p = np.concatenate([p / np.arange(np.size(p), 0, -1), constants[i : i + 1]])
    return p


def _poly(seq_of_zeros: Any) -> Any:
    seq_of_zeros = np.atleast_1d(seq_of_zeros)
    zeros = np.linalg.eigvals(seq_of_zeros) if np.ndim(seq_of_zeros) == 2 else seq_of_zeros * 1.0
    if np.result_type(zeros) == np.float16:  # NumPy counts it as no type for this
        zeros = zeros.astype(np.float64)
    result: Any = np.ones(1, np.result_type(zeros))
    for i in range(np.size(zeros)):
        result = np.convolve(result, np.stack([np.ones((), np.result_type(zeros)), -zeros[i]]))
    # Zeros in conjugate pairs make real coefficients, and NumPy returns them as such.
    return np.real(result) if np.isrealobj(np.poly(to_numpy(seq_of_zeros))) else result


def _polyfit(
    x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    order = int(deg) + 1
    x, y = x + 0.0, y + 0.0
    if rcond is None:
        rcond = np.size(x) * np.finfo(np.result_type(x)).eps
    powers = np.vander(x, order)
    if w is not None:
        weighted = np.moveaxis(np.moveaxis(y, 0, -1) * w, -1, 0)
        powers, y = (powers * w[:, None]).astype(powers.dtype), weighted.astype(y.dtype)
    # As NumPy does: columns of one length, for the sake of the condition.
    lengths = np.linalg.norm(powers, axis=0)
    powers = powers / lengths
    coefficients, missed, rank, sizes = np.linalg.lstsq(powers, y, rcond)
    coefficients = coefficients / np.reshape(lengths, (-1,) + (1,) * (np.ndim(y) - 1))
    if full:
        return coefficients, missed, rank, sizes, rcond
    if not cov:
        return coefficients
    spread = np.linalg.inv(powers.T @ powers) / np.outer(lengths, lengths)
    scale = 1.0 if cov == "unscaled" else missed / (np.size(x) - order)
    return coefficients, (spread if np.ndim(y) == 1 else spread[:, :, None]) * scale


def _roots_rule(g: Any, p: Any, out: Any) -> Any:
    """As p(r) stays 0: a root r goes by −rᵏ / p′(r) with the coefficient of the power k."""
    return -np.sum(np.vander(out, len(p)) * (g / np.polyval(np.polyder(p), out))[:, None], axis=0)


roots: Primitive = derivative(
    lambda p: np.roots(p), name="roots", p=lambda g, p, out: _roots_rule(g, p, out)
)


def _roots(p: Any) -> Any:
    report_read(p, "how many roots there are")
    found = roots(p)
    if np.iscomplexobj(p):
        return found
    are_complex = np.any(np.imag(measured(found)) != 0)
    return given(found, are_complex, "some roots are complex", "all roots are real")


composite(np.roots, _roots)
composite(np.polyfit, _polyfit)
composite(np.polyadd, _polyadd)
composite(np.polysub, _polysub)
composite(np.polymul, lambda a1, a2: np.convolve(_trimmed(a1), _trimmed(a2)))
composite(np.polyder, _polyder)
composite(np.polyint, _polyint)
composite(np.poly, _poly)


def _linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    parts = num - 1 if endpoint else num
    index = _indices(num, start, stop)
    difference = stop - np.multiply(start, 1.0)
    step = difference / parts if parts > 0 else np.nan
    rise = index.astype(np.result_type(start, stop, 1.0))
    if parts > 0 and not np.any(to_numpy(step) == 0):
        line = rise * step + start
    else:  # of one number, or of denormal ones, the step is not known
        line = rise / max(parts, 1) * difference + start
    if endpoint and num > 1:
        line = np.where(index == num - 1, stop, line)
    line = np.moveaxis(line, 0, axis)
    if dtype is not None:
        line = (np.floor(line) if np.dtype(dtype).kind in "iu" else line).astype(dtype)
    return (line, step) if retstep else line


def _indices(num: int, start: Any, stop: Any) -> Any:
    """Return 0, 1, … along a new first axis."""
    return np.reshape(np.arange(num), (num,) + (1,) * max(np.ndim(start), np.ndim(stop)))


def _logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    if np.ndim(base):
        base = as_array(base)
        ndim = max(map(np.ndim, (start, stop, base)))
        start, stop, base = (
            np.reshape(a, (1,) * (ndim - np.ndim(a)) + np.shape(a)) for a in (start, stop, base)
        )
        base = np.expand_dims(base, axis)
    powers = base ** _linspace(start, stop, num, endpoint, axis=axis)
    return powers if dtype is None else powers.astype(dtype)


def _geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    if np.any(to_numpy(start) == 0) or np.any(to_numpy(stop) == 0):
        raise ValueError("Geometric sequence cannot include zero")
    exact = np.result_type(form(start), form(stop), float(num), np.zeros((), dtype))
    start, stop = as_array(start).astype(exact), as_array(stop).astype(exact)
    sign = np.sign(start)
    start, stop, index = start / sign, stop / sign, _indices(num, start, stop)
    line = np.exp(_linspace(np.log(start), np.log(stop), num, endpoint))
    if endpoint and num > 1:
        line = np.where(index == num - 1, stop, line)
    line = sign * np.where(index == 0, start, line)
    return np.moveaxis(line, 0, axis).astype(exact if dtype is None else dtype)


composite(np.linspace, _linspace)
composite(np.logspace, _logspace)
composite(np.geomspace, _geomspace)
