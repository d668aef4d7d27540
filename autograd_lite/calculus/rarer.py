"""Branches that few programs use: declared when one of their functions is first looked up."""

from collections.abc import Callable
from typing import Any

from ..protocol import TABLE

_before = dict(TABLE)

from . import (  # noqa: E402
    activations,
    attention,
    convolution,
    factorisations,
    fft,
    linalg,
    normalization,
    norms,
    polynomials,
    pooling,
    quantiles,
    recurrence,
    running,
    statistics,
)

TABLE.update(_before)  # an entry of the user's own stays

__all__ = [
    "activations",
    "attention",
    "convolution",
    "factorisations",
    "fft",
    "linalg",
    "normalization",
    "norms",
    "polynomials",
    "pooling",
    "quantiles",
    "recurrence",
    "running",
    "statistics",
    "whole_table",
]


def whole_table() -> dict[Callable[..., Any], Any]:
    """Return the table, in which these branches are by now."""
    return TABLE
