"""How Python spells what a program holds: numbers, arrays, indices and names.

>>> literal((1.0, np.float32(2.0), None)), index_part(slice(0, 3)), identifier("a b")
('(1.0, 2.0, None)', '0:3', 'a_b')
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np

from ..protocol import whole_name
from .expand import NotWritable


def numpys_name(function: Callable[..., Any]) -> str | None:
    """Return ``np.tanh`` and the like; None for a function that is not NumPy's."""
    name = "np.abs" if function is np.absolute else whole_name(function)
    return name if name.startswith("np.") else None


def identifier(name: str) -> str:
    """Return a name as Python can say it: nothing of it but letters, digits and underscores.

    To Python two names are one if they are so in Unicode's form NFKC, as x and ｘ are.
    """
    if name == "<lambda>":
        return "f"
    name = unicodedata.normalize("NFKC", name)
    name = re.sub(r"\W", "_", name).strip("_") or "x"
    if not name.isidentifier() or keyword.iskeyword(name):
        name = f"x_{name}"
    return name


def literal(x: Any) -> str:
    """Return a number, an array or a nest of them as Python writes it."""
    if isinstance(x, np.ndarray):
        return array_literal(x)
    if isinstance(x, np.dtype) or (isinstance(x, type) and issubclass(x, np.generic)):
        return f"np.{np.dtype(x).name}"
    if isinstance(x, np.generic) or (isinstance(x, np.ndarray) and x.ndim == 0):
        return literal(x.item())
    if isinstance(x, (list, tuple)):
        inner = ", ".join(map(literal, x))
        return (
            f"[{inner}]" if isinstance(x, list) else f"({inner},)" if len(x) == 1 else f"({inner})"
        )
    if isinstance(x, float) and not np.isfinite(x):
        return "np.nan" if np.isnan(x) else "np.inf" if x > 0 else "-np.inf"
    if isinstance(x, complex) and not np.isfinite(x):
        return f"complex({literal(x.real)}, {literal(x.imag)})"
    if x is None or isinstance(x, (bool, int, float, complex, str)):
        return repr(x)
    raise NotWritable(f"A parameter of type '{type(x).__name__}' cannot be written as source.")


def array_literal(data: Any) -> str:
    """Return an array as Python writes it, in its order in memory: sums hang on that.

    >>> array_literal(np.array([[1.0, 2.0], [3.0, 4.0]]).T)
    'np.array([[1.0, 2.0], [3.0, 4.0]]).transpose(1, 0)'
    """
    array = np.asarray(data)
    if not array.size:
        return f"np.zeros({array.shape}, np.{array.dtype})"
    axes = sorted(range(array.ndim), key=lambda i: -array.strides[i])
    if not array.flags.c_contiguous and array.transpose(axes).flags.c_contiguous:
        back = sorted(range(array.ndim), key=axes.__getitem__)
        return f"{array_literal(array.transpose(axes))}.transpose({', '.join(map(str, back))})"
    dtype = "" if array.dtype in (np.float64, np.int64, np.bool_) else f", dtype=np.{array.dtype}"
    text = literal(array.tolist())
    if array.ndim == 2 and len(text) > 72 and array.shape[1] > 1:  # a line a row
        rows = ",\n    ".join(map(literal, array.tolist()))
        text = f"[\n    {rows},\n]"
    return f"np.array({text}{dtype})"


def index_part(i: Any) -> str:
    """Return one part of an index as Python writes it."""
    if isinstance(i, slice):
        start, stop, step = ("" if x is None else literal(x) for x in (i.start, i.stop, i.step))
        return f"{start}:{stop}" + (f":{step}" if step else "")
    return "..." if i is Ellipsis else "None" if i is None else literal(i)
