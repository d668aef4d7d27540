"""How NumPy's functions and numbers are written in Python.

Functions as operators, with how tightly they bind, or by templates; numbers as fractions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from math import isfinite
from typing import Any

import numpy as np

Expression = tuple[str, int]  # the text, and how tightly it binds

ATOM, POWER, SIGN, PRODUCT, SUM, SHIFT, AND, XOR, OR, COMPARISON = range(10, 0, -1)

BINARY: dict[Callable[..., Any], tuple[str, int]] = {
    np.add: ("+", SUM),
    np.subtract: ("-", SUM),
    np.multiply: ("*", PRODUCT),
    np.divide: ("/", PRODUCT),
    np.floor_divide: ("//", PRODUCT),
    np.remainder: ("%", PRODUCT),
    np.matmul: ("@", PRODUCT),
    np.power: ("**", POWER),
    np.bitwise_and: ("&", AND),
    np.bitwise_xor: ("^", XOR),
    np.bitwise_or: ("|", OR),
    np.less: ("<", COMPARISON),
    np.less_equal: ("<=", COMPARISON),
    np.greater: (">", COMPARISON),
    np.greater_equal: (">=", COMPARISON),
    np.equal: ("==", COMPARISON),
    np.not_equal: ("!=", COMPARISON),
}
UNARY: dict[Callable[..., Any], str] = {np.negative: "-", np.positive: "+", np.invert: "~"}
OPERATORS = {**{f: sign for f, (sign, _) in BINARY.items()}, **UNARY}
"""How NumPy's functions that are operators are written."""

# Primitives that are no function of NumPy's, as expressions of their operands and parameters.
TEMPLATES = {
    "where": "np.where({condition}, {x}, {y})",
    "clip": "np.minimum(np.maximum({x}, {low}), {high})",
    "real": "np.real({val})",
    "imag": "np.imag({val})",
    "i0": "np.i0({x})",
    "astype": "np.asarray({x}).astype({dtype})",
    "reshape": "np.reshape({a}, {shape})",
    "svd": "np.linalg.svd({a}, full_matrices={full_matrices})",
    "svdvals": "np.linalg.svd({a}, compute_uv=False)",
    "qr": "np.linalg.qr({a})",
    "eigh": "np.linalg.eigh({a}, {UPLO})",
    "slogdet": "np.linalg.slogdet({a})",
    "cholesky": "np.linalg.cholesky({a})",
    "convolve": "np.convolve({a}, {v})",
    "cumprod": "np.cumprod({a}, {axis})",
    "split": "np.split({array}, {sizes}, {axis})",
}
OF_LISTS = {
    "einsum": "np.einsum({subscripts}, {arrays})",
    "concatenate": "np.concatenate([{arrays}], axis={axis})",
}


def within(text: str, inner: int, outer: int) -> str:
    """Return an operand in brackets where it binds less tightly than what it stands in."""
    return text if inner >= outer else f"({text})"


def number(x: Any, sizes: Iterable[int]) -> Expression:
    """Return a number as a person would write it, where it is a share of one of some sizes.

    >>> number(2.0 / 21.0, [21])[0]
    '2 / 21'
    """
    if isinstance(x, (np.generic, np.ndarray)):
        x = x.item()
    text = repr(x)
    if isinstance(x, float):
        if not isfinite(x):
            return (f"-np.{text[1:]}", SIGN) if text[0] == "-" else (f"np.{text}", ATOM)
        if x.is_integer() and abs(x) < 1e15:
            return (str(int(x)), ATOM) if x > 0 or str(x)[0] != "-" else (f"{x:g}", SIGN)
        if len(text) > 8 and abs(x) < 1e15:
            for n in sorted(sizes):
                p = round(x * n)
                if 0 < abs(p) <= 64 and p / n == x:
                    return f"{p} / {n}", PRODUCT
            shortened = Fraction(x).limit_denominator(1000)
            if shortened and float(shortened) == x:
                return f"{shortened.numerator} / {shortened.denominator}", PRODUCT
    return text, SIGN if text.startswith("-") else ATOM
