"""The table of derivatives, a file for each branch of calculus."""

from . import (
    arithmetic,
    comparisons,
    complex,
    convolution,
    fft,
    layers,
    linalg,
    neural,
    polynomials,
    products,
    rearranging,
    reductions,
    shapes,
    statistics,
    transcendental,
)

__all__ = [
    "arithmetic",
    "comparisons",
    "complex",
    "convolution",
    "fft",
    "layers",
    "linalg",
    "neural",
    "polynomials",
    "products",
    "rearranging",
    "reductions",
    "shapes",
    "statistics",
    "transcendental",
]
