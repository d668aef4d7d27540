"""NumPy's floating-point warnings turned off, for less than `numpy.errstate` takes."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

import numpy as np

# NumPy keeps what it does about errors in a context variable: here is that, in its silence.
_silence = contextvars.Context()
_silence.run(np.seterr, all="ignore")
[(_errors, _ignored)] = _silence.items()


def quietly(rules: Callable[..., Any], *args: Any) -> Any:
    """Call `rules`, which may be anybody's, with NumPy's floating-point warnings off.

    Where a derivative is infinite it is so in silence. This is `numpy.errstate`
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
"""A context that has nothing else: ``silence().run(np.exp, x)``, cheaper still."""


def quiet(function: Callable[..., Any], *args: Any) -> Any:
    """Call one of NumPy's functions, or what calls nobody else's, in such a context."""
    return silence().run(function, *args)
