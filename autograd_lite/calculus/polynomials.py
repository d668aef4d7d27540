"""Polynomials by their coefficients, highest power first; sequences between two ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..composite import composite
from ..tensor import plain


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
    filled = np.flatnonzero(plain(a))
    return a[filled[0] if filled.size else -1 :]


def _polyder(p: Any, m: int = 1) -> Any:
    for _ in range(m):
        n = np.size(p) - 1
        p = p[:-1] * np.arange(n, 0, -1)
    return p


def _polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    constants = np.zeros(m) if k is None else np.broadcast_to(np.atleast_1d(k), (m,))
    for i in range(m):
        p = np.concatenate([p / np.arange(np.size(p), 0, -1), np.reshape(constants[i], (1,))])
    return p


def _poly(seq_of_zeros: Any) -> Any:
    zeros = np.linalg.eigvals(seq_of_zeros) if np.ndim(seq_of_zeros) == 2 else seq_of_zeros * 1.0
    if np.result_type(zeros) == np.float16:  # NumPy counts it as no type for this
        zeros = zeros.astype(np.float64)
    result: Any = np.ones(1, np.result_type(zeros))
    for i in range(np.size(zeros)):
        result = np.convolve(result, np.stack([np.ones((), np.result_type(zeros)), -zeros[i]]))
    return result


def _roots(p: Any) -> Any:
    """Return the eigenvalues of the companion matrix, in the order in which NumPy has them."""
    ordered = np.roots(plain(p))  # those at 0 come last
    n = len(ordered)
    if n == 0:
        return ordered
    p = np.trim_zeros(p, "f")
    companion = np.concatenate(
        [np.reshape(-p[1:] / p[0], (1, n)), np.eye(n - 1, n, dtype=np.result_type(p, np.float32))]
    )
    found = np.linalg.eigvals(companion)
    left, order = list(range(n)), []
    for root in ordered:
        order.append(min(left, key=lambda i: abs(plain(found)[i] - root)))
        left.remove(order[-1])
    return found[order]


def _polyfit(x: Any, y: Any, deg: int, rcond: float | None = None, *, w: Any = None) -> Any:
    powers = np.vander(x, deg + 1)
    if w is not None:
        powers, y = powers * w[:, None], np.moveaxis(np.moveaxis(y, 0, -1) * w, -1, 0)
    # As NumPy does: columns of one length, for the sake of the condition.
    lengths = np.linalg.norm(powers, axis=0)
    coefficients = np.linalg.lstsq(powers / lengths, y, rcond)[0]
    return coefficients / np.reshape(lengths, (-1,) + (1,) * (np.ndim(y) - 1))


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
    parts = max(num - 1 if endpoint else num, 1)
    places = _places(num, start, stop)
    step = (stop - start) / parts
    line = places.astype(np.result_type(start, stop, 1.0)) * step + start
    if endpoint and num > 1:
        line = np.where(places == num - 1, stop, line)
    line = np.moveaxis(line, 0, axis)
    line = line if dtype is None else line.astype(dtype)
    return (line, step) if retstep else line


def _places(num: int, start: Any, stop: Any) -> Any:
    """Return 0, 1, … along a new first axis."""
    return np.reshape(np.arange(num), (num,) + (1,) * max(np.ndim(start), np.ndim(stop)))


def _logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    powers = base ** _linspace(start, stop, num, endpoint, axis=axis)
    return powers if dtype is None else powers.astype(dtype)


def _geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    sign = np.sign(start)
    start, stop, places = start * sign, stop * sign, _places(num, start, stop)
    line = np.exp(_linspace(np.log(start), np.log(stop), num, endpoint))
    if endpoint and num > 1:
        line = np.where(places == num - 1, stop, line)
    line = sign * np.moveaxis(np.where(places == 0, start, line), 0, axis)
    return line.astype(np.result_type(line, np.float64) if dtype is None else dtype)


composite(np.linspace, _linspace)
composite(np.logspace, _logspace)
composite(np.geomspace, _geomspace)
