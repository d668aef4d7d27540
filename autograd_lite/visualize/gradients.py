"""The gradient of every value of a graph, computed again and kept.

``backward()`` leaves gradients in the inputs only, and drops those of the results
on its way. To show them, the rules of the recorded operations are applied once more,
to the recorded arrays. So no ``.grad`` of the user's changes, and the values are those
that were recorded, even where an input has been given a new one since, which on the
tape itself would be an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..backward import conjugate_if_complex, seed_for
from ..program import reverse
from .graph import Graph, GraphValue, OpCall


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
    with np.errstate(all="ignore"):  # the program had its warnings
        begun = zip(graph.roots, seeds, strict=True)
        found = {
            v: seed_for(v.tensor, g) for v, g in begun if v.tensor is not None and v.requires_grad
        }

        def visit(operation: OpCall, upstream: list[Any]) -> Iterator[tuple[GraphValue, Any]]:
            brought = operation.vjp(upstream)
            for i, (value, g) in enumerate(zip(operation.operands, brought, strict=True)):
                if g is not None:
                    graph.contributions[operation, i] = np.asarray(conjugate_if_complex(g))
                    yield value, g

        reverse(graph.operations, found, visit)
    for value in graph.values:
        value.gradient = np.asarray(conjugate_if_complex(found[value])) if value in found else None
        if value.kind == "input" and value.tensor is not None:
            left = value.tensor.grad
            if left is not None and not _same(left, value.gradient):
                value.accumulated = left
    graph.gradients = "known"


def _same(a: Any, b: Any) -> bool:
    return b is not None and np.allclose(a, b, rtol=1e-5, atol=0.0, equal_nan=True)
