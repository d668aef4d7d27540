"""The same program, closer: fused operations unfolded, arrays taken apart.

The program is run again on Tensors of its own, in other words: a fused primitive as the
composition that it stands for, or every element of an array by itself, as the formula of
that element says. What one operation has become stands in a frame with its name.

>>> from autograd_lite import Tensor
>>> from autograd_lite.lesson.derivation import derive, read
>>> from autograd_lite.lesson.notation import TEXT, write
>>> z = Tensor(0.0, requires_grad=True, name="z")
>>> steps = derive(closer(read(z.sigmoid()), "steps")).steps
>>> [write(step.formula, TEXT) for step in steps]
['-z', 'exp(t2)', '1 + t3', '1 / t4']
"""

from __future__ import annotations

import functools
import operator
from bisect import bisect_right
from typing import Any

import numpy as np

from ..backward import conjugate_if_complex
from ..primitive import Primitive, derivative
from ..protocol import TABLE
from ..tape import enable_grad, next_number
from ..tensor import Tensor
from ..visualize.graph import Graph, Module, Operation, Value, read
from .derivation import named, step_of
from .elements import followed, name_at
from .formula import Formula, arguments_of

MOST = 2000  # numbers of a program that is taken apart


def closer(graph: Graph, level: str, seed: Any = None) -> Graph:
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
        for value in graph.values:
            if value.maker is None:
                again.begin(value)
        for operation in graph.operations:
            again.started.append(abs(next_number()))
            again.run(operation)
        roots = [part for root in graph.roots for part in again.roots(root, seed)]
    return again.read(graph, roots)


class _Again:
    """A program that is run again, with a note of which operation became which."""

    def __init__(self) -> None:
        self.started: list[int] = []  # the sequence number at which each operation began
        self.inputs: dict[int, Value] = {}  # by the id of the Tensor that stands for them

    def begin(self, value: Value) -> None:
        """Take up what was there at the start."""
        raise NotImplementedError

    def run(self, operation: Operation) -> None:
        """Apply an operation in other words."""
        raise NotImplementedError

    def roots(self, root: Value, seed: Any) -> list[Tensor]:
        """Return what has become of a root."""
        raise NotImplementedError

    def leaf(self, name: str, data: Any, value: Value) -> Tensor:
        t = Tensor(data, value.requires_grad, name=name)
        self.inputs[id(t)] = value
        return t

    def read(self, graph: Graph, roots: list[Tensor]) -> Graph:
        """Read what has run, and say of each operation what it is a part of."""
        new = read(roots)
        became: dict[Operation, list[Operation]] = {}
        for operation in new.operations:
            made = operation.results[0].tensor
            assert made is not None
            whole = graph.operations[bisect_right(self.started, abs(made._number)) - 1]
            became.setdefault(whole, []).append(operation)
        for whole, parts in became.items():
            frame = whole.module
            if len(parts) > 1:
                frame = Module(f"{whole.key}s", whole.name, "", whole.module)
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


class _InSteps(_Again):
    """Every fused primitive unfolds."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[Value, Any] = {}

    def begin(self, value: Value) -> None:
        symbol = named(value).head == "symbol"
        self.known[value] = self.leaf(value.name, value.data, value) if symbol else value.data

    def run(self, operation: Operation) -> None:
        operands = [self.known[v] for v in operation.operands]
        primitive, given = operation.primitive, operation.parameters
        if primitive.stands_for is None:
            made = primitive.apply(*operands, **given)
        else:
            given = arguments_of(primitive.stands_for, given)
            made = primitive.stands_for(*operands, **given)
        results = [made[i] for i in operation.indices] if operation.indices else [made]
        for value, result in zip(operation.results, results, strict=True):
            result.name = value.name
            self.known[value] = result

    def roots(self, root: Value, seed: Any) -> list[Tensor]:
        return [_begun(self.known[root], root, ...)]


class _InScalars(_Again):
    """Every element is a value."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.known: dict[str, Any] = {}  # by the names that the formulas have for them
        size = sum(np.size(v.data) for v in graph.values)
        if size > MOST:
            raise ValueError(
                f"The program has {size:,} numbers, too many to look at one by one ({MOST:,} at "
                "most): give it fewer points, or a smaller network."
            )

    def begin(self, value: Value) -> None:
        for index in np.ndindex(np.shape(value.data)):
            name = name_at(value.name, index)
            self.known[name] = self.leaf(name, np.asarray(value.data)[index], value)

    def run(self, operation: Operation) -> None:
        try:
            made = self.element_by_element(operation)
        except ValueError:
            made = self.as_one(operation)
        for name, result in made.items():
            if isinstance(result, Tensor) and not result.name:
                result.name = name
        self.known.update(made)

    def element_by_element(self, operation: Operation) -> dict[str, Any]:
        """Compute each element of a result as its formula says."""
        if operation.indices:
            raise ValueError("A formula is known of one result, and there are several.")
        moving, (value,) = step_of(operation).moving, operation.results
        return {
            name_at(value.name, index): _compute(followed(moving, index), self.known)
            for index in np.ndindex(np.shape(value.data))
        }

    def as_one(self, operation: Operation) -> dict[str, Any]:
        """Apply an operation as one between numbers: all elements in, all elements out."""
        elements = [
            self.known[name_at(v.name, index)]
            for v in operation.operands
            for index in np.ndindex(np.shape(v.data))
        ]
        made = _between_numbers(operation).apply(*elements)
        names = [name_at(v.name, i) for v in operation.results for i in np.ndindex(v.data.shape)]
        return dict(zip(names, made, strict=True))

    def roots(self, root: Value, seed: Any) -> list[Tensor]:
        places = list(np.ndindex(np.shape(root.data)))
        elements = [_begun(self.known[name_at(root.name, p)], root, p) for p in places]
        single = places == [()] or (len(places) == 1 and np.all(seed == 1))
        if seed is None or single:
            return elements
        terms = [t * float(np.asarray(seed)[p]) for t, p in zip(elements, places, strict=True)]
        total = functools.reduce(operator.add, terms)
        total.name = root.name
        return [total]


def _begun(t: Tensor, root: Value, place: Any) -> Tensor:
    """Let a root that stands for another have run backward where that has."""
    upstream = root.tensor.tape.upstream if root.tensor is not None else None
    if upstream is not None:
        t._metadata = {**(t._metadata or {}), "upstream": np.asarray(upstream)[place]}
    return t


def _compute(f: Formula, known: dict[str, Any]) -> Any:
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


def _between_numbers(operation: Operation) -> Primitive:
    """Return an operation on arrays as one that takes and returns their elements."""
    primitive, parameters = operation.primitive, operation.parameters
    like = [np.asarray(v.data) for v in operation.operands]
    needed = [v.requires_grad for v in operation.operands]

    def arrays(elements: Any) -> list[Any]:
        each = iter(elements)
        return [np.array([next(each) for _ in range(a.size)], a.dtype).reshape(a.shape)[()]
                for a in like]  # fmt: skip

    def results(made: Any) -> list[Any]:
        return [made[i] for i in operation.indices] if operation.indices else [made]

    def forward(*elements: Any) -> tuple[Any, ...]:
        made = results(primitive.forward(*arrays(elements), **parameters))
        return tuple(x for part in made for x in np.ravel(part))

    def rule(g: Any, elements: Any) -> list[Any]:
        waiting = iter([np.asarray(x)[()] for x in g])  # of Tensors this raises: it is not read
        operands = [
            Tensor(x, True) if needs else x
            for x, needs in zip(arrays(map(np.asarray, elements)), needed, strict=True)
        ]
        for part in results(primitive.apply(*operands, **parameters)):
            upstream = np.array([next(waiting) for _ in range(part.size)], part.dtype)
            part.backward(conjugate_if_complex(upstream.reshape(part.shape)))
        gradients = [getattr(t, "grad", None) for t in operands]
        return [
            x
            for found, a in zip(gradients, like, strict=True)
            for x in np.ravel(np.zeros_like(a) if found is None else conjugate_if_complex(found))
        ]

    rule.__name__ = primitive.name
    rule.__doc__ = f"{primitive.name} cannot be followed element by element, so it stays one step."
    whole = derivative(forward, name=primitive.name, operands="*elements", joint=rule, outputs=True)
    del TABLE[forward]  # it is for this program alone
    return whole
