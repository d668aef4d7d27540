"""Nested arguments: lists, tuples, dicts and dataclasses of arrays, as one list of leaves.

>>> leaves, rebuild = flatten({"w": [1.0, 2.0], "b": (3.0, "label")})
>>> leaves
[1.0, 2.0, 3.0]
>>> rebuild([10.0, 20.0, 30.0])
{'w': [10.0, 20.0], 'b': (30.0, 'label')}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .tensor import Tensor

Rebuild = Callable[[list[Any]], Any]


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """Return the numbers in a nest, and the function that puts others in their places.

    What is neither a number, an array or a Tensor, nor a list, tuple, dict or
    dataclass, is kept as it is.
    """
    if is_number(tree):
        return [tree], lambda leaves: leaves[0]
    parts, assemble = _open(tree)
    opened = [flatten(part) for part in parts]

    def rebuild(leaves: list[Any]) -> Any:
        rebuilt, begin = [], 0
        for own, rebuild_part in opened:
            rebuilt.append(rebuild_part(leaves[begin : begin + len(own)]))
            begin += len(own)
        return assemble(rebuilt)

    return [leaf for own, _ in opened for leaf in own], rebuild


def paths(tree: Any) -> list[str]:
    """Return where each of the numbers in a nest stands, in the order of `flatten`.

    >>> paths({"w": [1.0, 2.0], "b": (3.0, "label")})
    ["['w'][0]", "['w'][1]", "['b'][0]"]
    >>> paths(1.0)
    ['']
    """
    if is_number(tree):
        return [""]
    parts, _ = _open(tree)
    if isinstance(tree, dict):
        steps = [f"[{key!r}]" for key in tree]
    elif isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields"):
        steps = [f"[{i}]" for i in range(len(parts))]
    elif parts:
        steps = [f".{name}" for name in getattr(tree, "_fields", None) or _field_names(tree)]
    else:
        steps = []
    return [step + path for step, part in zip(steps, parts, strict=True) for path in paths(part)]


def is_number(x: Any) -> bool:
    """Whether `x` is a leaf: a number, an array or a Tensor."""
    return isinstance(x, (Tensor, np.ndarray, np.generic, int, float, complex)) and not isinstance(
        x, bool
    )


def _open(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """Return the parts of a container, and what makes a like container of other parts."""
    if isinstance(tree, dict):
        keys = list(tree)
        return list(tree.values()), lambda parts: dict(zip(keys, parts, strict=True))
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return list(tree), lambda parts: type(tree)(*parts)
    if isinstance(tree, (list, tuple)):
        kind = list if isinstance(tree, list) else tuple
        return list(tree), lambda parts: kind(parts)
    if hasattr(tree, "__dataclass_fields__") and not isinstance(tree, type):
        import dataclasses  # imported late: who holds a dataclass has imported it already

        names = _field_names(tree)
        values = [getattr(tree, name) for name in names]
        return values, lambda parts: dataclasses.replace(
            tree, **dict(zip(names, parts, strict=True))
        )
    return [], lambda _: tree


def _field_names(tree: Any) -> list[str]:
    import dataclasses

    return [f.name for f in dataclasses.fields(tree) if f.init]
