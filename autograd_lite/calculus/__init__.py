"""The table of derivatives, a file for each branch of calculus; a few wait in `rarer`."""

from . import (
    arithmetic,
    comparisons,
    complex,
    indexing,
    neural,
    products,
    rearranging,
    reductions,
    shapes,
    transcendental,
)

__all__ = [
    "arithmetic",
    "comparisons",
    "complex",
    "indexing",
    "neural",
    "products",
    "rearranging",
    "reductions",
    "shapes",
    "transcendental",
]
