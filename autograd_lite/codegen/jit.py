"""Numba, and our elementary functions in it: what every compiled loop begins with."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

from ..errors import missing_extra
from . import elementary, elementary32

FASTMATH = {"contract"}
"""What a compiler may do to floating point inside an elementary function.

A product may be fused with a sum. Never may sums be re-associated: what they lost would be lost.
"""

FUNCTIONS = (
    *("_exp_tail", "_scaled", "_reduced", "exp", "_expm1", "expm1"),
    *("_reciprocal", "tanh", "sigmoid", "_split", "_log_of", "log", "log1p"),
    *("_quadrant", "_sin_of", "_cos_of", "near_sin", "near_cos", "sin", "cos"),
)


@cache
def numba() -> Any:
    """Return Numba, to which our elementary functions are known by now.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import numba
        from numba.extending import register_jitable
    except ImportError:
        raise missing_extra("numba", "fast", "compile loops") from None
    inlined = register_jitable(forceinline=True, fastmath=FASTMATH, error_model="numpy")
    for module in (elementary, elementary32):
        for name in FUNCTIONS:
            inlined(getattr(module, name))
    return numba


def elementary_of(bits: int) -> ModuleType:
    """Return the elementary functions of floats of 32 or 64 bits."""
    return elementary if bits == 64 else elementary32
