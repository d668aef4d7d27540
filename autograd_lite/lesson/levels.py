"""The same program, closer: fused operations unfolded, arrays taken apart.

The program is run again on Tensors of its own, in other words: a fused primitive as the
composition that it stands for, or every element of an array by itself, as the formula of
that element says.

>>> from autograd_lite import Tensor
>>> from autograd_lite.lesson.derivation import derive, read
>>> from autograd_lite.lesson.notation import TEXT, write
>>> z = Tensor(0.0, requires_grad=True, name="z")
>>> closer = in_steps(derive(read(z.sigmoid())))
>>> [write(step.formula, TEXT) for step in closer.steps]
['-z', 'exp(t2)', '1 + t3', '1 / t4']
"""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from ..tape import differentiating
from ..tensor import Tensor
from ..visualize.graph import Value, read
from .derivation import Derivation, derive, named
from .elements import followed, name_at
from .formula import Formula, arguments_of

MOST = 2000  # numbers of a program that is taken apart


def in_steps(derivation: Derivation) -> Derivation:
    """Derive the same gradients with every fused primitive unfolded."""
    known: dict[Value, Any] = {
        v: _leaf(v.name, v.data, v.requires_grad) if named(v).head == "symbol" else v.data
        for v in derivation.graph.values
        if v.maker is None
    }
    with differentiating(), np.errstate(all="ignore"):
        for operation in derivation.graph.operations:
            operands = [known[v] for v in operation.operands]
            primitive, given = operation.primitive, operation.parameters
            if primitive.stands_for is None:
                made = primitive.apply(*operands, **given)
            else:
                given = arguments_of(primitive.stands_for, given)
                made = primitive.stands_for(*operands, **given)
            results = [made[i] for i in operation.indices] if operation.indices else [made]
            for value, result in zip(operation.results, results, strict=True):
                result.name = value.name
                known[value] = result
    return _derived(known[derivation.root], derivation, derivation.seed)


def in_scalars(derivation: Derivation) -> Derivation:
    """Derive the same gradients with every element a value of its own.

    Raises
    ------
    ValueError
        If there are too many, or an operation cannot be followed element by element.
    """
    size = sum(np.size(v.data) for v in derivation.graph.values)
    if size > MOST:
        raise ValueError(
            f"The program has {size} numbers, too many to look at one by one ({MOST} at most): "
            "give it fewer points, or a smaller network."
        )
    known: dict[str, Any] = {}
    for value in derivation.graph.values:
        if value.maker is None:
            for index in np.ndindex(np.shape(value.data)):
                name = name_at(value.name, index)
                number = np.asarray(value.data)[index]
                known[name] = _leaf(name, number, value.requires_grad)
    with differentiating(), np.errstate(all="ignore"):
        for step in derivation.steps:
            if len(step.operation.results) > 1:
                raise ValueError(f"'{step.operation.name}' cannot be followed element by element.")
            for index in np.ndindex(np.shape(step.result.data)):
                name = name_at(step.result.name, index)
                result = _compute(followed(step.moving, index), known)
                if isinstance(result, Tensor) and not result.name:
                    result.name = name
                known[name] = result
        root, seed = _root(derivation, known)
    return _derived(root, derivation, seed)


def _root(derivation: Derivation, known: dict[str, Any]) -> tuple[Tensor, Any]:
    """Return the result; of an array, what its elements weighted by the seed add up to."""
    root = derivation.root
    if not np.ndim(root.data):
        return known[root.name], derivation.seed
    seed = np.asarray(derivation.seed)
    places = list(np.ndindex(seed.shape))
    terms = [known[name_at(root.name, p)] * float(seed[p]) for p in places]
    total = functools.reduce(operator.add, terms)
    total.name = root.name
    return total, None


def _compute(f: Formula, known: dict[str, Any]) -> Any:
    """Compute a formula between single numbers on Tensors."""
    if f.head == "symbol":
        return known[f.name]
    if f.head == "constant":
        return f.value
    arguments = [_compute(a, known) for a in f.arguments]
    if f.head == "terms":
        return functools.reduce(operator.add, arguments)
    if f.primitive is not None:
        return f.primitive.apply(*arguments, **f.parameters)
    return getattr(np, f.head)(*arguments)


def _leaf(name: str, data: Any, requires_grad: bool) -> Tensor:
    return Tensor(data, requires_grad, name=name)


def _derived(root: Tensor, derivation: Derivation, seed: Any) -> Derivation:
    closer = derive(read(root), seed)
    closer.has_run = derivation.has_run
    return closer
