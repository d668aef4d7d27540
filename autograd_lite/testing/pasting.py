"""Values and calls as Python that can be pasted: dtypes and layouts included.

>>> import numpy as np
>>> from autograd_lite.testing import laid_out
>>> print(as_code({"w": laid_out(np.ones((2, 2), np.float32), "F"), "n": 3}))
{'w': laid_out(np.array([[1.0, 1.0], [1.0, 1.0]], dtype=np.float32), 'F'), 'n': 3}
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import CheckInputError, GradientCheckError
from ..tensor import Array, Tensor
from .arguments import is_module
from .layouts import LAYOUTS, laid_out

Failure = GradientCheckError | CheckInputError

LONGEST = 1000
"""Up to so many numbers, a call is written out."""


def as_code(x: Any) -> str:
    """Return a value as Python, in which NumPy is ``np``."""
    if isinstance(x, Tensor):
        return f"Tensor({as_code(x.data)}{', requires_grad=True' if x.requires_grad else ''})"
    if isinstance(x, np.ndarray):
        return _array(x)
    if isinstance(x, np.generic):
        return f"np.{x.dtype.name}({_number(x)})"
    if isinstance(x, (float, complex)):
        return _number(x)
    if isinstance(x, dict):
        return "{" + ", ".join(f"{k!r}: {as_code(v)}" for k, v in x.items()) + "}"
    if isinstance(x, list):
        return "[" + ", ".join(map(as_code, x)) + "]"
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        parts = (f"{name}={as_code(v)}" for name, v in zip(x._fields, x, strict=True))
        return f"{type(x).__name__}({', '.join(parts)})"
    if isinstance(x, tuple):
        return "(" + ", ".join(map(as_code, x)) + ("," if len(x) == 1 else "") + ")"
    if hasattr(x, "__dataclass_fields__") and not isinstance(x, type):
        parts = (f"{name}={as_code(getattr(x, name))}" for name in x.__dataclass_fields__)
        return f"{type(x).__name__}({', '.join(parts)})"
    return repr(x)


def _array(x: Array) -> str:
    dtype = "" if x.dtype in (np.float64, np.complex128, np.bool_) else f", dtype=np.{x.dtype.name}"
    if not x.size:
        dtype = f", dtype=np.{x.dtype.name}" if x.dtype != np.float64 else ""
        return f"np.zeros({x.shape}{dtype})"
    layout = layout_of(x)
    text = f"np.array({_nested(x)}{dtype})"
    return text if layout == "C" else f"laid_out({text}, {layout!r})"


def _nested(x: Array) -> str:
    return "[" + ", ".join(map(_nested, x)) + "]" if x.ndim else _number(x[()])


def _number(x: Any) -> str:
    """Return a number as Python, in the fewest digits that its own precision needs."""
    if isinstance(x, (complex, np.complexfloating)):
        return f"complex({_number(x.real)}, {_number(x.imag)})"
    if np.isnan(x):
        return "np.nan"
    if np.isinf(x):
        return "np.inf" if x > 0 else "-np.inf"
    return str(x)


def layout_of(x: Array) -> str:
    """Return the layout that `laid_out` gives an array like this; ``"C"`` if it knows none.

    >>> layout_of(np.ones((3, 2)).T)
    'F'
    """
    if x.flags.c_contiguous or not x.size:
        return "C"
    for layout in LAYOUTS:
        twin = laid_out(x, layout)
        if twin.strides == x.strides and np.array_equal(twin, x, equal_nan=x.dtype.kind in "fc"):
            return layout
    return "F" if x.flags.f_contiguous else "strided"


# -- calls ------------------------------------------------------------------------------------


def call_as_code(
    function: str, of: Sequence[Callable[..., Any]], inputs: Sequence[Any], **options: Any
) -> str | None:
    """Return a call of a check as one line of Python, or None if that cannot be done.

    >>> call_as_code("check_gradients", [np.sin], (np.float32(2.0),), order=1)
    'import numpy as np; from autograd_lite.testing import check_gradients; \
check_gradients(np.sin, np.float32(2.0), order=1)'
    """
    if any(map(is_module, (*of, *inputs))):
        return None  # it holds its parameters
    if any(inspect.isfunction(f) and hasattr(f, "__wrapped__") for f in of):
        return None  # it was made of the function whose name it has
    sizes = [np.size(x.data if isinstance(x, Tensor) else x) for x in _leaves(inputs)]
    if sum(sizes) > LONGEST:
        return None
    named = [_function_as_code(f) for f in of]
    names, where = [name for name, _ in named], [line for _, lines in named for line in lines]
    given = [*names, *map(as_code, inputs), *(f"{k}={as_code(v)}" for k, v in options.items())]
    call = f"{function}({', '.join(given)})"
    ours = [function, *(["laid_out"] if "laid_out(" in call else [])]
    lines = ["import numpy as np", f"from autograd_lite.testing import {', '.join(ours)}"]
    if "Tensor(" in call:
        lines.append("from autograd_lite import Tensor")
    return "; ".join([*lines, *dict.fromkeys(where), call])


def reproducible(
    wrong: Failure,
    check: Callable[..., Any],
    of: Sequence[Callable[..., Any]],
    inputs: Sequence[Any],
    options: dict[str, Any],
) -> Failure:
    """Give an error the line that shows it again: those options that are no defaults are in it."""
    defaults = inspect.signature(check).parameters
    given = {k: v for k, v in options.items() if not _is_default(v, defaults[k].default)}
    wrong.reproduce = call_as_code(check.__name__, of, inputs, **given)
    if wrong.reproduce:
        wrong.add_note(wrong.reproduce)
    return wrong


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and bool(value == default))


def _leaves(x: Any) -> list[Any]:
    if isinstance(x, dict):
        return [leaf for v in x.values() for leaf in _leaves(v)]
    if isinstance(x, (list, tuple)):
        return [leaf for v in x for leaf in _leaves(v)]
    return [x] if isinstance(x, (np.ndarray, np.generic, Tensor)) else []


def _function_as_code(f: Callable[..., Any]) -> tuple[str, list[str]]:
    """Return how to name a function, and what to import for that."""
    name = getattr(f, "name", None) or getattr(f, "__name__", None) or "f"
    if name == "<lambda>":
        return _lambda(f), []
    if getattr(np, name, None) is f:
        return f"np.{name}", []
    if getattr(np.linalg, name, None) is f:
        return f"np.linalg.{name}", []
    module = getattr(f, "__module__", None) or ""
    if module != "__main__" and getattr(sys.modules.get(module), name, None) is f:
        return name, [f"from {module} import {name}"]
    return name, []


def _lambda(f: Callable[..., Any]) -> str:
    """Return the source of a lambda, or ``"f"`` where it is not found."""
    code = f.__code__
    places = [
        (line, column)
        for line, _, column, _ in code.co_positions()
        if line is not None and column is not None and (line, column) != (code.co_firstlineno, 0)
    ]
    try:
        tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    except SyntaxError:
        return "f"
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Lambda)
        and places
        and (node.body.lineno, node.body.col_offset) <= min(places)
        and min(places) <= (node.body.end_lineno or 0, node.body.end_col_offset or 0)
    ]
    if not around:
        return "f"
    innermost = max(around, key=lambda node: (node.lineno, node.col_offset))
    return f"({ast.unparse(innermost)})"
