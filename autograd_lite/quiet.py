"""NumPy's floating-point warnings turned off, for less than `numpy.errstate` takes."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

import numpy as np

# NumPy's error handling is one context variable: find it, and its value for 'ignore'.
_silence = contextvars.Context()
_silence.run(np.seterr, all="ignore")
[(_errors, _ignored)] = _silence.items()


def quietly(rules: Callable[..., Any], *args: Any) -> Any:
    """Call a function, which may be a user's, with NumPy's floating-point warnings off.

    An infinite derivative is no warning. This is `numpy.errstate`
    for a sixth of its price: 0.2 µs, not 1.2.

    >>> import numpy as np
    >>> quietly(np.divide, 1.0, 0.0)
    np.float64(inf)
    """
    before = _errors.get()
    try:
        _errors.set(_ignored)  # in here, so that an interrupt finds its way out
        return rules(*args)
    finally:
        _errors.set(before)


silence = _silence.copy
"""A new context with that variable alone: ``silence().run(np.exp, x)``, cheaper still."""


def quiet(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of NumPy's, or one that calls no user code, in such a context."""
    return silence().run(function, *args)
