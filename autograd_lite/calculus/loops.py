"""Inner loops that compiled ones can replace.

A loop stands in NumPy where it is used, and in this table under its name, by
which it is called: ``loops["unpool"](…)``. :mod:`nn.fast`, when it is told to,
puts one that Numba compiles in its place. The results agree to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Loop = Callable[..., Any]

loops: dict[str, Loop] = {}


def loop(function: Loop) -> Loop:
    """Enter a function into the table, under its name without the underscore."""
    loops[function.__name__.lstrip("_")] = function
    return function
