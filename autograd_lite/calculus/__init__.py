"""The table of derivatives, a file for each branch of calculus."""

from . import arithmetic, comparisons, neural, products, reductions, shapes, transcendental

__all__ = [
    "arithmetic",
    "comparisons",
    "neural",
    "products",
    "reductions",
    "shapes",
    "transcendental",
]
