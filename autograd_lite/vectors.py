"""A nest of numbers as one vector, and back: what JAX calls ``ravel_pytree``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import TreeError
from .foreign import as_array
from .tensor import Tensor, form
from .trees import take_apart


def flatten(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return all numbers of a nest as one vector, and the function that makes a nest of a vector.

    Parameters
    ----------
    tree
        Lists, tuples, dicts, dataclasses and ``nn`` modules (whose parameters count), of
        numbers, arrays and Tensors; see `autograd_lite.tree`. What else stands in them is kept.

    Returns
    -------
    vector
        An array of shape (n,): each leaf in C order, in the order in which they stand. A Tensor
        where there is one in the nest. Its dtype can hold all of them; float64 of none.
    rebuild : callable
        Takes a vector of shape (n,), an array or a Tensor; returns a nest in which each leaf has
        its shape and its dtype again. Where that is of whole numbers, they are rounded.

    Raises
    ------
    TreeError
        By `rebuild`, if the vector has another length, or is complex where no leaf is.

    Notes
    -----
    Both are differentiable. Of an ``nn`` module, `rebuild` returns a copy: a Tensor takes the
    place of a parameter, so that gradients of what the copy computes reach the vector.

    Examples
    --------
    >>> vector, rebuild = flatten({"w": np.array([[1.0, 2.0]]), "b": 3.0})
    >>> vector
    array([1., 2., 3.])
    >>> rebuild(2.0 * vector)
    {'w': array([[2., 4.]]), 'b': np.float64(6.0)}
    >>> from autograd_lite import grad
    >>> grad(lambda v: np.sum(rebuild(v)["w"] ** 2))(vector)
    array([2., 4., 0.])
    """
    leaves, build = take_apart(tree)
    forms = [(x.shape, x.dtype) for x in map(form, leaves)]
    dtype = np.result_type(*(d for _, d in forms)) if forms else np.dtype(np.float64)
    sizes = [int(np.prod(shape, dtype=int)) for shape, _ in forms]

    def rebuild(vector: Any) -> Any:
        v = vector if isinstance(vector, Tensor) else as_array(vector)
        if v.shape != (sum(sizes),):
            raise TreeError(
                f"The nest has {sum(sizes)} numbers, and the vector has shape {v.shape}: give one "
                f"of shape {(sum(sizes),)}."
            )
        if v.dtype.kind == "c" and dtype.kind != "c":
            raise TreeError(
                "The nest has real numbers, and the vector is complex: give a real one."
            )
        parts = np.split(v, np.cumsum(sizes)[:-1]) if forms else []
        return build([_as(x, *like) for x, like in zip(parts, forms, strict=True)])

    parts = [np.ravel(x if isinstance(x, Tensor) else as_array(x)) for x in leaves]
    return np.concatenate(parts, dtype=dtype) if parts else np.zeros(0, dtype), rebuild


def _as(part: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return some numbers of a vector as a leaf of their own: no view of it."""
    if part.dtype.kind == "c" and dtype.kind != "c":
        part = np.real(part)
    if part.dtype.kind == "f" and dtype.kind in "iub":
        part = np.rint(part)
    return np.reshape(part.astype(dtype), shape)[()]
