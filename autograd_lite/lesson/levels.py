"""The same program at a lower level: fused operations decomposed, arrays as scalars.

The program is run again on Tensors of its own, in simpler operations: a fused primitive as the
composition that it stands for, or every element of an array by itself, as the formula of
that element says. What one operation has become stands in a frame with its name.

>>> from autograd_lite import Tensor
>>> from autograd_lite.lesson.derivation import derive, read
>>> from autograd_lite.lesson.notation import TEXT
>>> from autograd_lite.lesson.writing import write
>>> z = Tensor(0.0, requires_grad=True, name="z")
>>> steps = derive(lower(read(z.sigmoid()), "steps")).steps
>>> [write(step.formula, TEXT) for step in steps]
['-z', 'exp(t2)', '1 + t3', '1 / t4']
"""

from __future__ import annotations

import functools
import operator
from bisect import bisect_right
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..modes import enable_grad
from ..primitive import Primitive
from ..program import evaluate
from ..tape import next_number
from ..tensor import Tensor
from ..visualize.graph import Graph, GraphValue, OpCall, read
from ..visualize.modules import ModuleCall
from .elements import followed, name_at
from .formula import Formula, arguments_of
from .forward import named, step_of

MOST = 2000  # numbers of a program that is taken apart


def lower(graph: Graph, level: str, seed: Any = None) -> Graph:
    """Return the graph of the same program, with more operations in it.

    Parameters
    ----------
    graph
        The program as it ran; it stays as it is.
    level
        ``"steps"``: every fused primitive is unfolded. ``"scalars"``: every element of an array
        is a value of its own; an operation that cannot be followed element by element stays
        one operation, between numbers.
    seed
        For scalars: what the elements of the result are weighted with, to be one result. None:
        every element is a result.

    Raises
    ------
    ValueError
        If there are too many numbers for scalars.
    """
    again = _InSteps() if level == "steps" else _InScalars(graph)
    with enable_grad(), np.errstate(all="ignore"):  # the program had its warnings
        known = {v: again.begin(v) for v in graph.values if v.maker is None}
        evaluate(graph.operations, known, again.apply)
        roots = [part for root in graph.roots for part in again.roots(root, known[root], seed)]
    return again.read(graph, roots)


class _Rerun:
    """A program that is run again, with a note of which operation became which."""

    def __init__(self) -> None:
        self.started: list[int] = []  # the sequence number at which each operation began
        self.inputs: dict[int, GraphValue] = {}  # by the id of the Tensor that stands for them

    def begin(self, value: GraphValue) -> Any:
        """Return what stands for a value that was there at the start."""
        raise NotImplementedError

    def apply(self, operation: OpCall, operands: list[Any]) -> list[Any]:
        """Apply an operation as simpler ones."""
        self.started.append(abs(next_number()))
        return self.in_other_words(operation, operands)

    def in_other_words(self, operation: OpCall, operands: list[Any]) -> list[Any]:
        """Return its results, computed by simpler operations."""
        raise NotImplementedError

    def roots(self, root: GraphValue, made: Any, seed: Any) -> list[Tensor]:
        """Return what to explain in place of a root, given what stands for it."""
        raise NotImplementedError

    def leaf(self, name: str, data: Any, value: GraphValue) -> Tensor:
        t = Tensor(data, value.requires_grad, name=name)
        self.inputs[id(t)] = value
        return t

    def read(self, graph: Graph, roots: list[Tensor]) -> Graph:
        """Read what has run, and say of each operation what it is a part of."""
        new = read(roots)
        became: dict[OpCall, list[OpCall]] = {}
        for operation in new.operations:
            made = operation.results[0].tensor
            assert made is not None
            whole = graph.operations[bisect_right(self.started, abs(made._number)) - 1]
            became.setdefault(whole, []).append(operation)
        for whole, parts in became.items():
            frame = whole.module
            if len(parts) > 1:
                frame = ModuleCall(f"{whole.key}s", whole.name, "", whole.module)
            for part in parts:
                part.module, part.line = frame, whole.line
                numbers = [v for v in part.operands if v.tensor is None and v.maker is None]
                for value in (*part.results, *numbers):
                    value.module = frame
        for value in new.values:
            source = self.inputs.get(id(value.tensor))
            if source is not None:
                value.module = source.module
        return new


class _InSteps(_Rerun):
    """Every fused primitive unfolds."""

    def begin(self, value: GraphValue) -> Any:
        symbol = named(value).head == "symbol"
        return self.leaf(value.name, value.data, value) if symbol else value.data

    def in_other_words(self, operation: OpCall, operands: list[Any]) -> list[Any]:
        instead = operation.primitive.decomposition
        if instead is None:
            made = operation.primitive.apply(*operands, **operation.parameters)
        else:
            made = instead(*operands, **arguments_of(instead, operation.parameters))
        results = operation.used(made)
        for value, result in zip(operation.results, results, strict=True):
            result.name = value.name
        return results

    def roots(self, root: GraphValue, made: Any, seed: Any) -> list[Tensor]:
        return [_begun(made, root, ...)]


class _InScalars(_Rerun):
    """Every element is a value; for an array stand its elements, by their names."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.elements: dict[str, Any] = {}  # of all values so far, for what a condition asks
        size = sum(np.size(v.data) for v in graph.values)
        if size > MOST:
            raise ValueError(
                f"The program has {size:,} numbers, too many to look at one by one ({MOST:,} at "
                "most): give it fewer points, or a smaller network."
            )

    def begin(self, value: GraphValue) -> dict[str, Any]:
        array = np.asarray(value.data)
        made = {n: self.leaf(n, array[i], value) for i, n in _names(value)}
        self.elements.update(made)
        return made

    def in_other_words(self, operation: OpCall, operands: list[Any]) -> list[Any]:
        try:
            made = self.element_by_element(operation, operands)
        except ValueError:
            made = self.as_one(operation, operands)
        for elements in made:
            for name, t in elements.items():
                if isinstance(t, Tensor) and not t.name:
                    t.name = name
            self.elements.update(elements)
        return made

    def element_by_element(self, operation: OpCall, operands: list[Any]) -> list[dict[str, Any]]:
        """Compute each element of a result as its formula says."""
        if operation.indices:
            raise ValueError("A formula is known of one result, and there are several.")
        moving, (value,) = step_of(operation).moving, operation.results
        known = ChainMap(*operands, self.elements)
        return [{name: _compute(followed(moving, i), known) for i, name in _names(value)}]

    def as_one(self, operation: OpCall, operands: list[Any]) -> list[dict[str, Any]]:
        """Apply an operation as one between numbers: all elements in, all elements out."""
        elements = [x for parts in operands for x in parts.values()]
        made = iter(_between_numbers(operation).apply(*elements))
        return [{name: next(made) for _, name in _names(v)} for v in operation.results]

    def roots(self, root: GraphValue, made: Any, seed: Any) -> list[Tensor]:
        places = [i for i, _ in _names(root)]
        pairs = zip(made.values(), places, strict=True)
        elements = [_begun(t, root, place) for t, place in pairs]
        single = places == [()] or (len(places) == 1 and np.all(seed == 1))
        if seed is None or single:
            return elements
        terms = [t * float(np.asarray(seed)[p]) for t, p in zip(elements, places, strict=True)]
        total = functools.reduce(operator.add, terms)
        total.name = root.name
        return [total]


def _names(value: GraphValue) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yield the index and the name of each element."""
    for index in np.ndindex(np.shape(value.data)):
        yield index, name_at(value.name, index)


def _begun(t: Tensor, root: GraphValue, place: Any) -> Tensor:
    """Let a root that stands for another have run backward where that has."""
    upstream = root.tensor.tape.upstream if root.tensor is not None else None
    if upstream is not None:
        t._metadata = {**(t._metadata or {}), "upstream": np.asarray(upstream)[place]}
    return t


def _compute(f: Formula, known: Mapping[str, Any]) -> Any:
    """Compute a formula between single numbers on Tensors."""
    if f.head == "symbol":
        return known[f.name]
    if f.head == "constant" or not f.arguments:  # a sum of nothing
        return f.value
    arguments = [_compute(a, known) for a in f.arguments]
    if f.head == "terms":
        return functools.reduce(operator.add, arguments)
    if f.primitive is not None:
        return f.primitive.apply(*arguments, **f.parameters)
    return getattr(np, f.head)(*arguments)


def _between_numbers(operation: OpCall) -> Primitive:
    """Return an operation on arrays as one that takes and returns their elements."""
    operands, results = (
        [np.asarray(v.data) for v in values] for values in (operation.operands, operation.results)
    )

    def forward(*elements: Any) -> tuple[Any, ...]:
        return _elements(operation.apply(_joined(elements, operands)))

    def rule(g: Any, elements: Any) -> tuple[Any, ...]:
        # Of what is no number yet, this raises: it is a rule that is not read.
        upstream, given = (
            _joined(map(np.asarray, numbers), like)
            for numbers, like in ((g, results), (elements, operands))
        )
        brought = operation.vjp(upstream, given)
        pairs = zip(brought, operands, strict=True)
        return _elements(np.zeros_like(like) if g is None else g for g, like in pairs)

    rule.__name__ = operation.name
    rule.__doc__ = f"{operation.name} cannot be followed element by element, so it stays one step."
    return Primitive(
        forward, {}, name=operation.name, operands="*elements", joint=rule, outputs=True
    )


def _elements(arrays: Iterable[Any]) -> tuple[Any, ...]:
    """Return the numbers in arrays, one after the other."""
    return tuple(x for array in arrays for x in np.ravel(array))


def _joined(elements: Iterable[Any], like: Sequence[Any]) -> list[Any]:
    """Return numbers as arrays again, in the shapes and dtypes of these."""
    each = iter(elements)
    return [np.array([next(each) for _ in range(a.size)], a.dtype).reshape(a.shape)[()]
            for a in like]  # fmt: skip
