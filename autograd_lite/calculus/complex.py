"""Complex numbers: the functions that are not differentiable as functions of z alone.

On the tape, a gradient is ∂L/∂x − i ∂L/∂y (see :mod:`autograd_lite.backward`), so
a rule below states ∂f/∂x − i ∂f/∂y for a real f, and conjugates for a conjugate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..composite import composite
from ..primitive import Primitive, derivative

derivative(np.conjugate, x=lambda g: np.conjugate(g))


def C(x: Any) -> Any:
    """Return the conjugate of what is complex; a real array itself, not a copy."""
    return np.conjugate(x) if np.iscomplexobj(x) else x


real: Primitive = derivative(lambda val: np.real(val), name="real", val=lambda g: g)
imag: Primitive = derivative(
    lambda val: np.imag(val), name="imag", val=lambda g, val: g * _minus_i(val)
)


def _minus_i(x: Any) -> Any:
    """Return −i, or 0 where a real number has no imaginary part to change."""
    return -1j if np.iscomplexobj(x) else 0.0


composite(np.real, lambda val: real(val))
composite(np.imag, lambda val: imag(val))


def _angle(z: Any, deg: bool = False) -> Any:
    radians = np.arctan2(np.imag(z), np.real(z))
    return np.degrees(radians) if deg else radians


composite(np.angle, _angle)


def _real_if_close(a: Any, tol: float = 100) -> Any:
    close = np.isrealobj(np.real_if_close(a.numpy(), tol))
    return np.real(a) if close else a


composite(np.real_if_close, _real_if_close)
