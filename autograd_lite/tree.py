"""Nests of numbers, in the words of ``jax.tree``: lists, tuples, dicts, dataclasses, modules.

>>> import numpy as np
>>> from autograd_lite import tree
>>> params = {"w": np.array([1.0, 2.0]), "b": 3.0}
>>> tree.map(lambda x: 2 * x, params)
{'w': array([2., 4.]), 'b': 6.0}
>>> tree.leaves(params)
[array([1., 2.]), 3.0]

A *leaf* is a number, an array or a Tensor. A nest is a list, a tuple (named ones too), a dict,
a dataclass, or an object that says so itself, as an ``nn.Module`` does, whose leaves are its
parameters. Whatever else stands in it, a name, a flag or None, is part of its structure: it is
kept as it is. A dict has its own order; two dicts are matched by their keys.

`autograd_lite.flatten` makes one vector of all the numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import TreeError
from .trees import described, is_number, open_all, take_apart
from .trees import paths as paths


def leaves(tree: Any) -> list[Any]:
    """Return the numbers, arrays and Tensors of a nest, in order.

    >>> leaves([1.0, {"a": 2.0, "note": "kept"}])
    [1.0, 2.0]
    """
    return take_apart(tree)[0]


def structure(tree: Any) -> Structure:
    """Return what is left of a nest without its leaves.

    >>> form = structure({"w": [1.0, 2.0], "kind": "line"})
    >>> form
    Structure({'w': [*, *], 'kind': 'line'})
    >>> form.unflatten([3.0, 4.0])
    {'w': [3.0, 4.0], 'kind': 'line'}
    >>> form == structure({"w": [5.0, 6.0], "kind": "line"})
    True
    """
    return Structure(tree)


class Structure:
    """What is left of a nest without its leaves. Made by `structure`, which see.

    Attributes
    ----------
    count
        How many leaves it has.

    Examples
    --------
    >>> structure({"w": 1.0, "b": [2.0, 3.0]}).count
    3
    """

    def __init__(self, tree: Any) -> None:
        found, self._rebuild = take_apart(tree)
        self.count = len(found)
        self._form = _form(tree)

    def unflatten(self, leaves: Any) -> Any:
        """Return a nest of this structure with other leaves, whatever they are.

        Raises
        ------
        TreeError
            If there are more or fewer than it has places.
        """
        given = list(leaves)
        if len(given) != self.count:
            raise TreeError(f"The structure has {self.count} leaves, and got {len(given)}.")
        return self._rebuild(given)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and _alike(self._form, other._form)

    __hash__ = None  # type: ignore[assignment]  # what it keeps need have none

    def __repr__(self) -> str:
        return f"Structure({self._rebuild([_STAR] * self.count)!r})"


class _Star:
    def __repr__(self) -> str:
        return "*"


_STAR = _Star()


def _form(tree: Any) -> Any:
    """Return a nest's kinds, keys and further objects, as what can be compared."""
    if is_number(tree):
        return _STAR
    parts, _ = open_all(tree)
    if isinstance(tree, dict):
        return type(tree), {key: _form(part) for key, part in tree.items()}
    if parts or isinstance(tree, (list, tuple)):
        return type(tree), [_form(part) for part in parts]
    return type(tree), tree


def _alike(a: Any, b: Any) -> bool:
    """Compare two forms; what they keep need not be comparable."""
    if a is b:
        return True
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_alike(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and type(a) is type(b):
        return len(a) == len(b) and all(_alike(x, y) for x, y in zip(a, b, strict=True))
    try:
        return bool(a == b)
    except Exception:
        return False


def unflatten(structure: Structure, leaves: Any) -> Any:
    """Return a nest of a structure with other leaves: `Structure.unflatten`.

    >>> unflatten(structure((1.0, [2.0])), "ab")
    ('a', ['b'])
    """
    return structure.unflatten(leaves)


def map(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Return a nest in which each leaf is what `f` returns of it.

    Parameters
    ----------
    f
        Takes a leaf, and what stands in the same place of each of `rest`.
    tree
        Says where the leaves are, and what stands around them in the result.
    *rest
        Nests of the same form.

    Raises
    ------
    TreeError
        If one of `rest` has another form.

    Examples
    --------
    >>> map(lambda w, g: w - 0.1 * g, {"a": 1.0, "b": [2.0]}, {"b": [5.0], "a": 10.0})
    {'a': 0.0, 'b': [1.5]}
    """
    found, rebuild = take_apart(tree)
    beside = [_beside(other, tree, "") for other in rest]
    return rebuild([f(*together) for together in zip(found, *beside, strict=True)])


def _beside(other: Any, tree: Any, path: str) -> list[Any]:
    """Return what stands in a nest where there are leaves in another."""
    if is_number(tree):
        return [other]
    parts, _ = open_all(tree)
    if not parts:
        return []
    others: list[Any] = []
    steps: list[Any] = list(range(len(parts)))
    if isinstance(tree, dict):
        if isinstance(other, dict) and other.keys() == tree.keys():
            others, steps = [other[key] for key in tree], list(tree)
    elif isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields"):
        others = list(other) if isinstance(other, (list, tuple)) else []
    elif type(other) is type(tree):
        others = open_all(other)[0]
    if len(others) != len(parts):
        where = f" at {path}" if path else ""
        raise TreeError(
            f"tree.map takes nests of one form: the first has {described(tree)}{where}, and "
            f"another has {described(other)}."
        )
    pairs = zip(others, parts, steps, strict=True)
    return [leaf for x, part, step in pairs for leaf in _beside(x, part, f"{path}[{step!r}]")]


def __getattr__(name: str) -> Any:
    others = {
        "flatten": "tree.leaves(t) and tree.structure(t), or autograd_lite.flatten(t), a vector",
        "reduce": "functools.reduce(f, tree.leaves(t))",
        "all": "all(tree.leaves(t))",
    }
    if name in others:
        raise AttributeError(
            f"autograd_lite.tree has no {name!r}: write {others[name]} (docs/coming_from.md).",
            name=name,
        )
    raise AttributeError(f"module 'autograd_lite.tree' has no attribute {name!r}", name=name)
