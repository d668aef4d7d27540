"""Residuals: what a forward pass computed on its way, for the rules, which need it again.

A rule may read nothing but operands and the result, so that what it computes from them can be
differentiated once more. So what is kept here is no part of the program: it is asked for by the
very array that it was computed from, and of any other, and of a Tensor, a rule computes it anew.

>>> import numpy as np
>>> x, residuals = np.ones(3), Residuals()
>>> residuals.keep(x, x.mean(), x.var())
>>> residuals.of(x)
(np.float64(1.0), np.float64(0.0))
>>> residuals.of(np.ones(3)) is None
True
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np


class Residuals:
    """What was computed of one array; given to an operation as its parameter `residuals`."""

    __slots__ = ("_array", "_found")

    def __init__(self) -> None:
        self._array: Callable[[], Any] = lambda: None
        self._found: tuple[Any, ...] = ()

    def keep(self, array: Any, *found: Any) -> None:
        """Remember what was found of an array, in place of what was found of another."""
        if type(array) is np.ndarray:
            self._array, self._found = weakref.ref(array), found

    def of(self, array: Any) -> tuple[Any, ...] | None:
        """Return what was found of this array; None if it was another, or a Tensor."""
        return self._found if array is not None and self._array() is array else None
