"""How numbers, arrays and parameters are written where there is little room."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

SMALL = 16  # elements: an array of more is summarised
WIDE = 8  # elements beside each other: likewise


def number(x: Any) -> str:
    """Write one number with four significant digits.

    >>> number(2.0), number(-1 / 3), number(1e-9), number(True), number(-0.0), number(1 + 2j)
    ('2', '-0.3333', '1e-09', 'True', '0', '1+2j')
    """
    x = np.asarray(x)[()]
    if x.dtype.kind in "fc":
        return format(x + 0, ".4g")  # + 0: no minus before a zero
    return str(x)


def rows(array: Any) -> list[list[str]] | None:
    """Write every number of a small array, in rows along its last axis.

    Returns None where there are too many.

    >>> rows(np.eye(2))
    [['1', '0'], ['0', '1']]
    >>> rows(np.zeros(100)) is None
    True
    """
    a = np.asarray(array)
    if not 0 < a.size <= SMALL or (a.ndim and a.shape[-1] > WIDE):
        return None
    table = a.reshape(-1, a.shape[-1] if a.ndim else 1)
    return [[number(x) for x in row] for row in table]


def summary(array: Any) -> dict[str, str]:
    """Write what an array is like: its least, mean and largest element.

    >>> summary(np.arange(101.0))
    {'min': '0', 'mean': '50', 'max': '100'}
    >>> summary(np.array([1.0, np.nan, 3.0]))
    {'min': '1', 'mean': '2', 'max': '3', 'nan': '1 of 3'}
    >>> summary(np.arange(20) > 4)
    {'True': '15 of 20'}
    """
    a = np.asarray(array)
    if a.size == 0:
        return {"empty": ""}
    if a.dtype.kind == "b":
        return {"True": f"{np.count_nonzero(a)} of {a.size}"}
    finite = a[np.isfinite(a)]
    facts = {}
    if finite.size:
        wide = np.result_type(a.dtype, np.float64)  # in which a sum does not overflow as soon
        with np.errstate(all="ignore"):
            facts["mean"] = number(finite.mean(dtype=wide))
            if a.dtype.kind == "c":  # complex numbers have no order, their sizes have
                facts["largest size"] = number(np.abs(finite).max())
            else:
                facts = {"min": number(finite.min()), **facts, "max": number(finite.max())}
    if finite.size < a.size:
        nans = np.count_nonzero(np.isnan(a))
        infinite = a.size - finite.size - nans
        facts |= {"nan": f"{nans} of {a.size}"} if nans else {}
        facts |= {"inf": f"{infinite} of {a.size}"} if infinite else {}
    return facts


def parameters(given: dict[str, Any]) -> str:
    """Write the parameters of an operation; those that ask for nothing are left out.

    >>> parameters({"axis": 0, "keepdims": False, "dtype": None})
    'axis=0'
    >>> parameters({"index": (slice(1, None), Ellipsis, slice(None, None, 2))})
    '[1:, ..., ::2]'
    """
    return ", ".join(
        _index(value) if name == "index" else f"{name}={parameter(value)}"
        for name, value in given.items()
        if value is not None and value is not False
    )


def _index(index: Any) -> str:
    parts = index if isinstance(index, tuple) else (index,)
    return f"[{', '.join(map(parameter, parts))}]"


def parameter(value: Any) -> str:
    """Write one parameter, without anything that differs from run to run.

    >>> parameter(np.float32), parameter(np.arange(3)), parameter(np.zeros((64, 3))), parameter(len)
    ('float32', '[0, 1, 2]', 'float64 (64, 3)', 'len')
    """
    if value is Ellipsis:
        return "..."
    if isinstance(value, slice):
        ends = ["" if v is None else parameter(v) for v in (value.start, value.stop, value.step)]
        return ":".join(ends[: 2 if value.step is None else 3])
    if isinstance(value, (tuple, list)):
        inside = ", ".join(map(parameter, value[:WIDE])) + ", …" * (len(value) > WIDE)
        if isinstance(value, list):
            return f"[{inside}]"
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, (float, complex, np.generic)):
        return number(value)
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, np.ndarray):
        if value.ndim < 2 and value.size <= WIDE:
            return parameter(value.tolist())
        return f"{value.dtype} {value.shape}"
    if isinstance(value, type) or callable(value):
        return getattr(value, "__name__", type(value).__name__)
    written = repr(value)
    return type(value).__name__ if re.search(r" at 0x[0-9a-fA-F]", written) else written


def operations(count: int, which: str = "") -> str:
    """Write how many operations.

    >>> operations(1), operations(10_000, "earlier ")
    ('1 operation', '10,000 earlier operations')
    """
    return counted(count, f"{which}operation")


def counted(count: int, what: str) -> str:
    """Write how many of something.

    >>> counted(1, "value"), counted(1200, "parameter")
    ('1 value', '1,200 parameters')
    """
    return f"{count:,} {what}{'s' * (count != 1)}"


def printable(text: str) -> str:
    r"""Write out the characters that have no shape: line ends, controls, lone surrogates.

    >>> printable("a\nb\x00é")
    'a\\nb\\x00é'
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def cut(text: str, length: int) -> str:
    """Shorten a text that is longer than `length`.

    >>> cut("a_rather_long_name", 10), cut("short", 10)
    ('a_rather_…', 'short')
    """
    return text if len(text) <= length else text[: length - 1] + "…"


def sentence(parts: Iterable[str]) -> str:
    """Join what is not empty by semicolons.

    >>> sentence(["x", "", "shape (2,)"])
    'x; shape (2,)'
    """
    return "; ".join(part for part in parts if part)
