"""The gradient of every value of a graph, computed again and kept.

``backward()`` leaves gradients in the inputs only, and drops those of the results
on its way. To show them, the recorded operations are run once more, on fresh
Tensors around the recorded arrays, and then the reverse pass. So no ``.grad`` of
the user's changes, and the values are those that were recorded, even where an
input has been given a new one since, which on the tape itself would be an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tape import enable_grad
from ..tensor import Tensor
from .graph import Graph, Operation, Value


def differentiate(graph: Graph, gradients: Any = None) -> None:
    """Fill in the gradients of a graph.

    Parameters
    ----------
    graph
        What `autograd_lite.visualize.graph.read` returned.
    gradients
        None: the gradients are shown when ``backward()`` has run from a root, with
        the upstream gradient that it was given; unknown otherwise.
        True: they are computed. False: they are not shown. Or the upstream
        gradient of the root (a list for several roots): they are computed from it.

    Notes
    -----
    For several roots, it is the gradient of the sum of all their elements.
    """
    if gradients is False:
        graph.gradients = "hidden"
    elif gradients is None:
        _fill_in_what_backward_did(graph)
    elif gradients is True:
        several = len(graph.roots) > 1  # of which the sum is one number, whatever they are
        _fill_in(graph, [np.ones_like(v.data) if several else None for v in graph.roots])
    else:
        several = isinstance(gradients, (list, tuple)) and len(graph.roots) > 1
        seeds = list(gradients) if several else [gradients]
        if len(seeds) != len(graph.roots):
            raise ValueError(
                f"{len(seeds)} upstream gradients were given for {len(graph.roots)} results: "
                "give one for each."
            )
        _fill_in(graph, seeds)


def _fill_in_what_backward_did(graph: Graph) -> None:
    upstream = [None if v.tensor is None else v.tensor.tape.upstream for v in graph.roots]
    if any(g is not None for g in upstream):
        _fill_in(graph, [np.zeros_like(v.data) if g is None else g
                         for v, g in zip(graph.roots, upstream, strict=True)])  # fmt: skip
    else:
        for value in graph.values:  # left by another backward pass, such as one from further on
            if value.requires_grad and value.tensor is not None:
                value.accumulated = value.tensor.grad


def _fill_in(graph: Graph, seeds: list[Any]) -> None:
    with enable_grad(), np.errstate(all="ignore"):  # the program had its warnings
        twins = _copy(graph)
        for root, seed in zip(graph.roots, seeds, strict=True):
            if twins[root].requires_grad:
                twins[root].backward(seed)
    for value, twin in twins.items():
        value.gradient = twin.grad
        if value.kind == "input" and value.tensor is not None:
            left = value.tensor.grad
            if left is not None and not _same(left, value.gradient):
                value.accumulated = left
    graph.gradients = "known"


def contributions(graph: Graph) -> dict[tuple[Operation, int], Any]:
    """Return what each operation brings back to each of its operands, by position.

    Each operation is applied by itself to operands of its own, one for each position, so that
    what ``a * a`` brings to a is two contributions.
    """
    found: dict[tuple[Operation, int], Any] = {}
    with enable_grad(), np.errstate(all="ignore"):
        for operation in graph.operations:
            if all(v.gradient is None for v in operation.results):
                continue
            operands = [
                Tensor(v.data, True) if v.requires_grad else v.data for v in operation.operands
            ]
            for value, made in zip(operation.results, made_by(operation, operands), strict=True):
                made._value = value.data  # what was recorded, and not what is random this time
                if value.gradient is not None and made.requires_grad:
                    made.backward(value.gradient)
            for i, x in enumerate(operands):
                if isinstance(x, Tensor) and x.grad is not None:
                    found[operation, i] = np.asarray(x.grad)
    return found


def made_by(operation: Operation, operands: list[Any]) -> list[Tensor]:
    """Apply an operation to other operands, and return its results."""
    made = operation.primitive.apply(*operands, **operation.parameters)
    return [made[i] for i in operation.indices] if operation.indices else [made]


def _same(a: Any, b: Any) -> bool:
    return b is not None and np.allclose(a, b, rtol=1e-5, atol=0.0, equal_nan=True)


def _copy(graph: Graph) -> dict[Value, Tensor]:
    """Run the program of a graph again; every value that has a gradient will keep it."""
    twins: dict[Value, Tensor] = {}

    def add(value: Value, twin: Tensor) -> None:
        # Not what came out this time (a primitive may be random), but what was recorded.
        twin._value = value.data
        if twin.requires_grad:
            twin.retain_grad()
        twins[value] = twin

    for value in graph.values:
        if value.maker is None and value.tensor is not None:
            twin = value.tensor.detach()
            add(value, twin.requires_grad_() if value.requires_grad else twin)
    for operation in graph.operations:
        operands = [twins.get(v, v.data) for v in operation.operands]
        for value, twin in zip(operation.results, made_by(operation, operands), strict=True):
            add(value, twin)
    return twins
