"""Nested arguments: lists, tuples, dicts and dataclasses of arrays, as one list of leaves.

>>> leaves, rebuild = flatten({"w": [1.0, 2.0], "b": (3.0, "label")})
>>> leaves
[1.0, 2.0, 3.0]
>>> rebuild([10.0, 20.0, 30.0])
{'w': [10.0, 20.0], 'b': (30.0, 'label')}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

import numpy as np

from .errors import GradientShapeError
from .tensor import Tensor, unwrap

Rebuild = Callable[[list[Any]], Any]
Open = Callable[[Any], tuple[list[Any], Rebuild]]

_FIRST = itemgetter(0)
_LEAVES = frozenset({Tensor, np.ndarray, np.float64, float})  # those that are met most


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """Return the numbers in a nest, and the function that puts others in their places.

    What is neither a number, an array or a Tensor, nor a list, tuple, dict or
    dataclass, is kept as it is.
    """
    kind = type(tree)
    if kind in _LEAVES:
        return [tree], _FIRST
    if (kind is list or kind is tuple) and _LEAVES.issuperset(map(type, tree)):
        return list(tree), kind
    return take_apart(tree, _open)


def take_apart(tree: Any, opened: Open | None = None) -> tuple[list[Any], Rebuild]:
    """Return the numbers in a nest, as `flatten` does; those inside of `nn` modules too."""
    leaves: list[Any] = []
    build = _add(tree, leaves, opened or open_all)
    return leaves, lambda others: build(iter(others))


def _add(tree: Any, leaves: list[Any], opened: Open) -> Callable[[Iterator[Any]], Any]:
    """Add the numbers in a nest to `leaves`, and return what builds the nest of others."""
    if type(tree) in _LEAVES or is_number(tree):
        leaves.append(tree)
        return next
    parts, assemble = opened(tree)
    builders = [_add(part, leaves, opened) for part in parts]
    return lambda others: assemble([build(others) for build in builders])


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


def flatten_like(tree: Any, model: Any, what: str, whose: str) -> list[Any]:
    """Return what stands in `tree` where there are numbers in `model`.

    Where the model has an array, a list of numbers will do.

    >>> import numpy as np
    >>> model = {"w": np.zeros(2), "b": 0.0}
    >>> flatten_like({"b": 3.0, "w": [1.0, 2.0]}, model, "tangent", "the primal")
    [array([1., 2.]), 3.0]

    Raises
    ------
    GradientShapeError
        If the two are not of one form, or shapes differ. The message calls them
        `what` and `whose`.
    """
    if is_number(model):
        leaf = tree if is_number(tree) else _as_array(tree)
        if leaf is None:
            raise GradientShapeError(
                f"The {what} is {described(tree)}, and {whose} is {described(model)}: give numbers."
            )
        if np.shape(unwrap(leaf)) != np.shape(unwrap(model)):
            raise GradientShapeError(
                f"The {what} has shape {np.shape(unwrap(leaf))}, and {whose} has shape "
                f"{np.shape(unwrap(model))}: they must be the same."
            )
        return [leaf]
    parts, _ = _open(model)
    others: list[Any] | None = None
    if isinstance(model, dict):
        if isinstance(tree, dict) and tree.keys() == model.keys():
            others = [tree[key] for key in model]
    elif isinstance(model, (list, tuple)):
        if isinstance(tree, (list, tuple)) or (isinstance(tree, np.ndarray) and tree.ndim):
            others = list(tree)
    elif not parts or type(tree) is type(model):  # no container, or a dataclass
        others = _open(tree)[0] if parts else []
    if others is None or len(others) != len(parts):
        raise GradientShapeError(
            f"The {what} is {described(tree)}, and {whose} is {described(model)}: give one for "
            "each."
        )
    pairs = zip(others, parts, strict=True)
    return [leaf for other, part in pairs for leaf in flatten_like(other, part, what, whose)]


def _as_array(numbers: Any) -> Any:
    """Return a list of numbers as an array, and None if it is none."""
    try:
        array = np.asarray(numbers)
    except (ValueError, TypeError):  # a ragged list, or one of Tensors
        return None
    return array if array.dtype.kind in "fciu" else None


def described(tree: Any) -> str:
    """Say in a few words what a nest is."""
    if is_number(tree):
        shape = np.shape(unwrap(tree))
        return f"an array of shape {shape}" if shape else "a number"
    if isinstance(tree, dict):
        return f"a dict of {', '.join(map(repr, tree)) or 'nothing'}"
    if isinstance(tree, (list, tuple)):
        return f"a {type(tree).__name__} of {len(tree)}"
    return f"a {type(tree).__name__}" if _open(tree)[0] else repr(tree)


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
        fields = type(tree)  # not the tree: what it holds is not kept
        return list(tree), lambda parts: fields(*parts)
    if isinstance(tree, (list, tuple)):
        return list(tree), list if isinstance(tree, list) else tuple
    if hasattr(tree, "__dataclass_fields__") and not isinstance(tree, type):
        import dataclasses  # imported late: who holds a dataclass has imported it already

        names = _field_names(tree)
        values = [getattr(tree, name) for name in names]
        return values, lambda parts: dataclasses.replace(
            tree, **dict(zip(names, parts, strict=True))
        )
    return [], lambda _: tree


def open_all(tree: Any) -> tuple[list[Any], Rebuild]:
    """Open a container, or an object that says itself what its parts are: an `nn` module."""
    own = getattr(type(tree), "__open__", None)
    return _open(tree) if own is None else own(tree)


def _field_names(tree: Any) -> list[str]:
    import dataclasses

    return [f.name for f in dataclasses.fields(tree) if f.init]
