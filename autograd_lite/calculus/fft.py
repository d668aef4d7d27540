"""numpy.fft: the Fourier matrix is symmetric, so the transform is its own transpose.

All others are made of `fft` and `ifft` along one axis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..composite import composite
from ..primitive import Primitive, derivative

_DUAL = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def _fit(a: Any, n: int, axis: int) -> Any:
    """Cut or pad an axis to length n, as a transform does with its input."""
    axis %= np.ndim(a)
    length = np.shape(a)[axis]
    if n == length:
        return a
    if n < length:
        return a[(slice(None),) * axis + (slice(n),)]
    widths = [(0, n - length if i == axis else 0) for i in range(np.ndim(a))]
    return np.pad(a, widths)


def _one_axis(function: Callable[..., Any]) -> Primitive:
    """Declare a transform along one axis, of an input that already has its length."""
    transform: Primitive = derivative(
        lambda a, axis=-1, norm=None: function(a, axis=axis, norm=norm),
        name=function.__name__,
        a=lambda g, axis=-1, norm=None: transform(g, axis=axis, norm=norm),
    )
    composite(
        function,
        lambda a, n=None, axis=-1, norm=None: transform(
            a if n is None else _fit(a, n, axis), axis=axis, norm=norm
        ),
    )
    return transform


forward = _one_axis(np.fft.fft)
inverse = _one_axis(np.fft.ifft)

# -- real input, real output ---------------------------------------------------------------


def _rfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    n = np.shape(a)[axis] if n is None else n
    return _fit(forward(_fit(a, n, axis), axis=axis, norm=norm), n // 2 + 1, axis)


def _irfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    """Complete the spectrum by the conjugates of what is there, and transform that."""
    n = 2 * (np.shape(a)[axis] - 1) if n is None else n
    half = np.moveaxis(_fit(a, n // 2 + 1, axis), axis, -1)
    ends = np.zeros(n // 2 + 1, dtype=bool)
    ends[0] = True
    if n % 2 == 0:
        ends[-1] = True
    half = np.where(ends, np.real(half), half)  # their imaginary parts are not looked at
    mirrored = np.conjugate(np.flip(half[..., 1 : (n + 1) // 2], -1))
    whole = np.concatenate([half, mirrored], axis=-1)
    signal = np.real(inverse(np.moveaxis(whole, -1, axis), axis=axis, norm=norm))
    return signal.astype(np.float16) if np.result_type(a) == np.float16 else signal


def _hfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    return _irfft(np.conjugate(a), n, axis, _DUAL[norm])


def _ihfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    return np.conjugate(_rfft(a, n, axis, _DUAL[norm]))


composite(np.fft.rfft, _rfft)
composite(np.fft.irfft, _irfft)
composite(np.fft.hfft, _hfft)
composite(np.fft.ihfft, _ihfft)

# -- several axes ----------------------------------------------------------------------------


def _lengths(a: Any, s: Any, axes: Any) -> list[tuple[int, int]]:
    """Return the axes of a transform with their lengths."""
    if axes is None:
        axes = range(-len(s), 0) if s is not None else range(-np.ndim(a), 0)
    axes = list(axes)
    if s is None:
        s = [-1] * len(axes)
    return [
        (axis, np.shape(a)[axis] if n in (-1, None) else n) for axis, n in zip(axes, s, strict=True)
    ]


def _several(one: Primitive) -> Callable[..., Any]:
    def transform(a: Any, s: Any = None, axes: Any = None, norm: str | None = None) -> Any:
        for axis, n in reversed(_lengths(a, s, axes)):
            a = one(_fit(a, n, axis), axis=axis, norm=norm)
        return a

    return transform


def _in_two(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, s=None, axes=(-2, -1), norm=None: function(a, s, axes, norm)


def _rfftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None) -> Any:
    *others, (last, n) = _lengths(a, s, axes)
    a = _rfft(a, n, last, norm)
    for axis, n in reversed(others):
        a = forward(_fit(a, n, axis), axis=axis, norm=norm)
    return a


def _irfftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None) -> Any:
    lengths = _lengths(a, s, axes)
    (last, n) = lengths[-1]
    if s is None or s[-1] in (-1, None):
        n = 2 * (n - 1)
    for axis, m in lengths[:-1]:
        a = inverse(_fit(a, m, axis), axis=axis, norm=norm)
    return _irfft(a, n, last, norm)


_fftn, _ifftn = _several(forward), _several(inverse)
composite(np.fft.fftn, _fftn)
composite(np.fft.ifftn, _ifftn)
composite(np.fft.fft2, _in_two(_fftn))
composite(np.fft.ifft2, _in_two(_ifftn))
composite(np.fft.rfftn, _rfftn)
composite(np.fft.irfftn, _irfftn)
composite(np.fft.rfft2, _in_two(_rfftn))
composite(np.fft.irfft2, _in_two(_irfftn))

# -- shifts ------------------------------------------------------------------------------------


def _shift(x: Any, axes: Any, sign: int) -> Any:
    axes = range(np.ndim(x)) if axes is None else np.atleast_1d(axes).tolist()
    for axis in axes:
        n = np.shape(x)[axis]
        x = np.roll(x, n // 2 if sign > 0 else -(n // 2), axis)
    return x


composite(np.fft.fftshift, lambda x, axes=None: _shift(x, axes, 1))
composite(np.fft.ifftshift, lambda x, axes=None: _shift(x, axes, -1))
