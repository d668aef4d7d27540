"""The numbers that met where a NaN or an infinity was born, in a few characters.

>>> _applied("divide", [0.0, 0.0]), _applied("log", [-1.0]), _applied("arctan2", [1, np.nan])
('0 / 0', 'log(-1)', 'arctan2(1, nan)')
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..program import stand_in
from .experiment import first_index
from .node import RecordedCall
from .origin import Found, of_value

SYMBOLS = {"add": "+", "subtract": "-", "multiply": "·", "divide": "/", "power": "**"}
FEW = 4  # numbers that are listed one by one
TRIED = 256  # numbers of an incoming gradient that are tried one by one


def number(x: Any) -> str:
    """Write one number with four significant digits.

    >>> number(np.float32(np.inf)), number(-0.0), number(1 / 3)
    ('inf', '0', '0.3333')
    """
    return format(x + 0, ".4g") if np.asarray(x).dtype.kind in "fc" else str(x)


def numbers_of(found: Found) -> str:
    """Return the numbers that met where something was born; empty for an input."""
    if found.way == "sum":
        return _listed(found.terms, " + ")
    if found.node is None:
        return ""
    return _back(found) if found.way == "backward" else _forward(found.node, found.index)


def _applied(name: str, numbers: Sequence[Any]) -> str:
    shown = [number(x) for x in numbers]
    if name in SYMBOLS and len(shown) == 2:
        return f"{shown[0]} {SYMBOLS[name]} {shown[1]}"
    return f"{name}({', '.join(shown)})"


def _listed(terms: Sequence[Any], sign: str) -> str:
    """Write the terms of a sum or product that is not finite: those that tell why."""
    shown = [number(x) for x in terms[:FEW]]
    return sign.join([*shown, "…"] if len(terms) > FEW else shown)


# -- forward -----------------------------------------------------------------------------------


def _forward(node: RecordedCall, index: tuple[int, ...]) -> str:
    if node.pointwise:
        return _applied(node.name, node.at(index).values)
    for attempt in (_unfolded, _terms):
        try:
            told = attempt(node, index)
        except Exception:  # only words are lost
            told = ""
        if told:
            return told
    return _whole(node.name, node.values)


def _unfolded(node: RecordedCall, index: tuple[int, ...]) -> str:
    """Look inside a fused operation, at the composition that it stands for."""
    made_of = node.primitive.decomposition
    if made_of is None:
        return ""
    result = made_of(*map(stand_in, node.values), **node.parameters)
    if np.isfinite(result._value[index]):
        return ""  # the fused operation is the more careful, and failed otherwise
    found = of_value(result, index)
    return numbers_of(found.turn or found)


def _terms(node: RecordedCall, index: tuple[int, ...]) -> str:
    """Read a sum of products: of each number, with what it is multiplied."""
    for i, value in enumerate(node.values):
        array = np.asarray(value)
        if array.dtype.kind not in "fc" or not _is_linear(node, i):
            continue
        outs = [np.zeros_like(out) for out in node.outs]
        outs[0][index] = 1.0
        slopes = np.asarray(node.vjp(outs, node.values, node.outs, every=True)[i])
        products = array * slopes
        used = ~(slopes == 0) | ~np.isfinite(array)  # what is multiplied by 0 has a part as well
        met = np.flatnonzero(used & ~np.isfinite(products))
        nan = [k for k in met if np.isnan(products.flat[k])]
        if nan:
            return _product(array.flat[nan[0]], slopes.flat[nan[0]])
        if len(met):
            infinite = products.flat[met]
            signs = sorted({float(np.real(x)) for x in infinite}, reverse=True)
            if len(signs) > 1:
                return f"{number(signs[0])} + {number(signs[1])}"
            return _product(array.flat[met[0]], slopes.flat[met[0]])
        largest = (
            np.sort_complex(products[used])[::-1]
            if array.dtype.kind == "c"
            else (products[used][np.argsort(-np.abs(products[used]))])
        )
        return _listed(largest, " + ")
    return ""


def _product(x: Any, slope: Any) -> str:
    if slope == 1:
        return number(x)
    return f"{number(slope)} · {number(x)}" if slope == 0 else f"{number(x)} · {number(slope)}"


def _is_linear(node: RecordedCall, i: int) -> bool:
    """Whether a result is a sum of products of the numbers of an operand: tried on two others."""
    rng = np.random.default_rng(0)
    others = [_like(v, rng) for v in node.values]

    def result(x: Any) -> Any:
        return node.forward([*others[:i], x, *others[i + 1 :]])[0]

    x, y = _like(node.values[i], rng), _like(node.values[i], rng)
    zero = result(x * 0)
    return bool(np.allclose(result(x + y) - zero, (result(x) - zero) + (result(y) - zero), 1e-2))


def _like(value: Any, rng: np.random.Generator) -> Any:
    a = np.asarray(value)
    return rng.normal(size=a.shape).astype(a.dtype)[()] if a.dtype.kind in "fc" else value


def _whole(name: str, values: Sequence[Any]) -> str:
    """Say of large operands between which numbers they are."""
    told = []
    for value in values:
        a = np.asarray(value)
        if a.dtype.kind not in "fiuc":
            continue
        if a.size <= FEW:
            told.append(", ".join(map(number, a.ravel())))
        else:
            bad = first_index(a)
            size = np.abs(a[np.isfinite(a)])
            told.append(
                f"{a.size:,} numbers"
                + (
                    f", one of them {number(a[bad])}"
                    if bad is not None
                    else f" up to {number(size.max())}"
                )
            )
    return f"{name}({'; '.join(told)})"


# -- backward ----------------------------------------------------------------------------------


def _back(found: Found) -> str:
    """Write the incoming gradient, and what the rule multiplied it with."""
    node, i, index = found.node, found.operand, found.index
    if node.pointwise:
        small = node.at(index)
        (g,) = found.gs
        slope = small.vjp([np.ones_like(g)[()]], small.values, small.outs)[i]
        return f"{number(g)} · {number(slope)}"
    for k, g in enumerate(found.gs):
        # A rule is linear in the gradient, so each number of that has a part of its own.
        flat = np.asarray(g).ravel()
        for at in range(min(flat.size, TRIED)):
            gs = [np.zeros_like(g) for g in found.gs]
            one = np.asarray(gs[k])
            one.reshape(-1)[at] = 1.0
            gs[k] = one[()]
            slope = np.asarray(node.vjp(gs, node.values, node.outs)[i])[index]
            if not np.isfinite(slope * flat[at]):
                return f"{number(flat[at])} · {number(slope)}"
    return _whole("the gradient of " + node.name, [*found.gs, *node.values])
