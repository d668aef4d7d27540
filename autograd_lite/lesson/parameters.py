"""What is given to an operation beside its operands, as a person says it: axes, an index, windows.

>>> over_axes((0, 2)), across((2, 3))
('axes 0, 2', '2 × 3')
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..visualize.text import parameter
from .formula import Formula

MOST = 8  # numbers of an index that are written one by one


def axes_of(f: Formula) -> str:
    """Write the axes that an operation is along, counted from the left; nothing if it is all."""
    axis, ndim = f.parameters.get("axis"), len(f.arguments[0].shape)
    axes = {i % ndim for i in (axis if isinstance(axis, tuple) else (axis,))} if ndim and (
        axis is not None
    ) else set()  # fmt: skip
    return over_axes(tuple(sorted(axes))) if 0 < len(axes) < ndim else ""


def across(shape: Sequence[int]) -> str:
    """Write a shape: 2 × 3."""
    return " × ".join(map(str, shape))


def index_of(f: Formula) -> str:
    """Write the index of a part; arrays of places that are too large to be read have a name.

    >>> rows, labels = np.arange(20), np.tile([0, 2], 10)
    >>> index_of(Formula("getitem", 0.0, parameters={"index": (rows, labels)}))
    '[rows, labels]'
    """
    index = f.parameters.get("index")
    parts = index if isinstance(index, tuple) else (index,)
    if f.arguments and Ellipsis in [p for p in parts if not isinstance(p, np.ndarray)]:
        at = next(i for i, p in enumerate(parts) if p is Ellipsis)
        missing = len(f.arguments[0].shape) - sum(p is not None for p in parts) + 1
        parts = (*parts[:at], *(slice(None),) * missing, *parts[at + 1 :])
    several = sum(isinstance(p, (np.ndarray, list)) for p in parts) > 1
    written = []
    for part in parts:
        array = np.asarray(part) if isinstance(part, (np.ndarray, list)) else None
        if array is None or (array.ndim < 2 and array.size <= MOST):
            written.append(parameter(part))
        elif array.dtype.kind == "b":
            written.append("mask")
        elif several and not written and np.array_equal(array.ravel(), np.arange(array.size)):
            written.append("rows")
        else:
            written.append("labels" if several and "rows" in written else "places")
    return f"[{', '.join(written)}]"


def only_axes(f: Formula) -> bool:
    """Whether a part is all of it, with other axes of length 1."""
    index = f.parameters.get("index")
    parts = index if isinstance(index, tuple) else (index,)
    plain = all(p is None or isinstance(p, (int, slice, type(Ellipsis))) for p in parts)
    changed = any(p is None or isinstance(p, int) for p in parts)
    return plain and changed and np.size(f.value) == np.size(f.arguments[0].value)


def windows(parameters: Mapping[str, Any]) -> str:
    """Write which windows slide.

    >>> windows({"kernel": (2, 2), "stride": (2, 2)}), windows({"kernel": (3, 3)})
    ('2 × 2 windows', '3 × 3 windows (stride 1)')
    """
    kernel = parameters["kernel"]
    stride = parameters.get("stride", (1, 1))
    how = geometry({**parameters, "stride": (1, 1)})
    if tuple(stride) != tuple(kernel):
        how = ", ".join(filter(None, [f"stride {_pair(stride)}", how]))
    return f"{across(kernel)} windows" + (f" ({how})" if how else "")


def geometry(parameters: Mapping[str, Any]) -> str:
    """Write how windows slide, where it is not one place after the other."""
    said = []
    if tuple(parameters.get("stride", (1, 1))) != (1, 1):
        said.append(f"stride {_pair(parameters['stride'])}")
    padding = parameters.get("padding", ((0, 0), (0, 0)))
    if any(n for pair in padding for n in pair):
        ends = [n for pair in padding for n in pair]
        said.append(f"padding {ends[0] if len({*ends}) == 1 else padding}")
    if tuple(parameters.get("dilation", (1, 1))) != (1, 1):
        said.append(f"dilation {_pair(parameters['dilation'])}")
    return ", ".join(said)


def _pair(pair: Any) -> str:
    return str(pair[0]) if pair[0] == pair[1] else across(pair)


UNSAID = {"dtype", "keepdims", "order", "casting", "subok", "writeable", "kind"}
"""Parameters that change no number that a formula is about."""


def given(f: Formula) -> list[str]:
    """Write the parameters that a person gave, without the names that they have."""
    found: list[str] = []
    for name, value in _telling(f).items():
        if value is None or value is False or name in UNSAID:
            continue
        if name == "axis":
            found += filter(None, [axes_of(f)])
        else:
            found.append(index_of(f) if name == "index" else parameter(value))
    return found


def _telling(f: Formula) -> dict[str, Any]:
    """Return the parameters that are not what they are by default."""
    if f.primitive is None or isinstance(f.primitive.function, np.ufunc):
        return dict(f.parameters)
    defaults = inspect.signature(f.primitive.function).parameters
    return {
        name: value
        for name, value in f.parameters.items()
        if name not in defaults or repr(defaults[name].default) != repr(value)
    }


def over_axes(axis: Any) -> str:
    """Name axes.

    >>> over_axes(0), over_axes((0, 2))
    ('axis 0', 'axes 0, 2')
    """
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return f"ax{'i' if len(axes) == 1 else 'e'}s {', '.join(str(a) for a in axes)}"
