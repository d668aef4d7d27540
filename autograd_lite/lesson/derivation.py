"""The chain rule, applied to a graph one edge at a time, with a note of every number.

`derive` does what ``backward()`` does, in the same order and by the same rules, but it
keeps what ``backward()`` throws away: for each edge the upstream gradient, the local
derivative, their product, and the sum that the product was added to.

>>> from autograd_lite import Tensor
>>> x = Tensor(2.0, requires_grad=True, name="x")
>>> f = x * x
>>> for edge in derive(read(f)).edges:
...     print(edge.result.name, edge.operand.name, float(edge.contribution), float(edge.after))
t1 x 2.0 2.0
t1 x 2.0 4.0
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..backward import seed_for
from ..declaration import Rule
from ..errors import NoGradientError
from ..primitive import Primitive
from ..program import reverse
from ..tensor import Tensor
from ..visualize.fold import flat
from ..visualize.graph import Graph, Operation, Value, read
from .contractions import Declared, contraction, reasons
from .formula import (
    Formula,
    apply,
    arguments_of,
    gradient,
    head_of,
    number,
    occurs,
    record,
    renamed,
    replace,
    symbol,
)
from .notation import KNOWN_AS, TEXT, index_of, legible, over_axes, write
from .simplifying import simplify

LONGEST = 80  # letters of a composition, before its name says more

PLACES = {
    "multiply": ("factor", "factor"),
    "matmul": ("factor", "factor"),
    "add": ("term", "term"),
    "subtract": ("term", "term"),
    "divide": ("numerator", "denominator"),
    "power": ("base", "exponent"),
}
"""What the two operands of an operation are called."""

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")

__all__ = ["Derivation", "Edge", "Step", "derive", "read"]


@dataclass(slots=True, eq=False)
class Step:
    """One operation of the forward pass.

    `formula` is that of its result; `moving` too, with all that only moves numbers, so that
    each element can be followed.
    """

    operation: Operation
    formula: Formula
    moving: Formula

    @property
    def result(self) -> Value:
        """The value that it made; of several, the first."""
        return self.operation.results[0]


@dataclass(slots=True, eq=False)
class Edge:
    """One application of the chain rule: from a result back to one of its operands.

    Attributes
    ----------
    step
        The operation.
    position
        Which of its operands it is about.
    operand
        Where the contribution goes.
    upstream
        The gradient of the result, which is complete by now.
    places
        Names for the places of the operation, where the operand stands in several of them: of
        x · x, which is u · v, the derivatives by u and by v are two.
    local
        The local derivative, of this operation by this place alone, element by element. None
        where it is not one number for each element, as in a matrix product.
    product
        The contribution as the rule computes it from the upstream gradient.
    index
        The same for one element, where it is a sum of products, with the letters of its indices.
    moving
        The same with all that only moves numbers, so that each element can be followed.
    notes
        Why the rule is what it is here, such as ``x > 0``.
    remarks
        What happened to the shape, in words.
    contribution
        The number or numbers that arrive at the operand.
    before, after
        The gradient of the operand without it (None if it is the first) and with it.
    arrived, expected
        How many contributions the operand has now, and how many it waits for.
    """

    step: Step
    position: int
    places: dict[int, str]
    operand: Value
    upstream: Any
    local: Formula | None
    product: Formula
    index: Formula | None
    moving: Formula
    notes: list[Formula]
    remarks: list[str]
    contribution: Any
    before: Any
    after: Any
    arrived: int
    expected: int

    @property
    def operation(self) -> Operation:
        """The operation whose rule is applied."""
        return self.step.operation

    @property
    def result(self) -> Value:
        """The value from which the gradient comes; of several outputs, the first."""
        return self.step.result

    @property
    def sender(self) -> str:
        """What to call the results that the gradient comes from."""
        return ", ".join(value.name for value in self.operation.results)

    @property
    def receiver(self) -> str:
        """What to call the operand; which one it is, where the operation has it twice."""
        if self.position not in self.places:
            return self.operand.name
        return f"{self.operand.name} ({self.place} {self.by})"

    @property
    def by(self) -> str:
        """What the local derivative is by: the operand, or its place."""
        return self.places.get(self.position, self.operand.name)

    @property
    def place(self) -> str:
        """What to call the place of the operand in the operation."""
        first, second = PLACES.get(self.operation.name, ("operand", "operand"))
        if first != second:
            return second if self.position else first
        nth = ORDINALS[self.position] if self.position < len(ORDINALS) else f"{self.position + 1}th"
        return f"{nth} {first}"

    @property
    def here(self) -> Formula | None:
        """The operation, with its places by name; None where each operand stands in one."""
        if not self.places:
            return None
        given = [_placed(self.places, i, v) for i, v in enumerate(self.operation.operands)]
        return _applied(self.operation, given)

    @property
    def factors(self) -> list[Value]:
        """The operands that stand beside the upstream gradient in the sum that `index` is."""
        assert self.index is not None
        operands = self.operation.operands
        called = {v.name: v for o in flat([self.operation]) for v in o.operands}
        called |= {name: operands[i] for i, name in self.places.items()}
        return [called[f.name] for f in self.index.arguments if f.head == "symbol"]

    @property
    def same(self) -> list[str]:
        """The places that are the operand of this edge, by name."""
        operands = self.operation.operands
        return [name for i, name in self.places.items() if operands[i] is self.operand]

    @property
    def ready(self) -> bool:
        """Whether the operand's gradient is complete, so that it may be passed on."""
        return self.arrived == self.expected


@dataclass(slots=True, eq=False)
class Derivation:
    """The forward pass and the backward pass of one result.

    Attributes
    ----------
    graph
        The values and operations.
    root
        The value whose gradients are derived.
    seed
        The gradient that the backward pass begins with.
    has_run
        Whether ``backward()`` has run from the root in the user's program.
    steps
        The forward pass, in order.
    edges
        The backward pass, in order.
    gradients
        The complete gradient of every value that gets one.
    whole
        The derivation that this is a part of, where it is one.
    made_of
        Of a part: for each of its edges those of the whole that it adds up, and all that have
        arrived with it.
    """

    graph: Graph
    root: Value
    seed: Any
    has_run: bool
    steps: list[Step]
    edges: list[Edge] = field(default_factory=list)
    gradients: dict[Value, Any] = field(default_factory=dict)
    whole: Derivation | None = None
    made_of: dict[Edge, tuple[list[Edge], list[Edge]]] = field(default_factory=dict)

    @property
    def taken(self) -> set[str]:
        """The names that the program has, which no symbol of ours may be."""
        flats = (v for o in flat(self.graph.operations) for v in (*o.operands, *o.results))
        return {v.name.partition("[")[0] for v in (*self.graph.values, *flats)}

    @property
    def given(self) -> list[Value]:
        """The values that no step makes: inputs, constants, and what comes from elsewhere."""
        made = {v for step in self.steps for v in step.operation.results}
        return [v for v in self.graph.values if v not in made]

    @property
    def inputs(self) -> list[Value]:
        """The inputs, in the order in which they were used; those inside of folds too."""
        used = (v for o in flat(self.graph.operations) for v in o.operands)
        return [v for v in dict.fromkeys((*self.graph.values, *used)) if v.kind == "input"]


@np.errstate(all="ignore")  # the program had its warnings
def derive(graph: Graph, upstream: Any = None) -> Derivation:
    """Derive the gradients of a graph's root.

    Parameters
    ----------
    graph
        What `read` returned for one root.
    upstream
        The gradient to begin with. By default what ``backward()`` began with, else 1.

    Raises
    ------
    NoGradientError
        If the root does not depend on anything that requires a gradient.
    NonScalarBackwardError
        If the root is not a single number and no upstream gradient is known.
    """
    (root,) = graph.roots
    assert root.tensor is not None
    if not root.requires_grad:
        raise NoGradientError(
            f"{root.tensor._describe()} does not depend on anything that requires a gradient: "
            "make an input with requires_grad=True."
        )
    seed = seed_of(root.tensor, upstream)
    steps = [step_of(operation) for operation in graph.operations]
    derivation = Derivation(graph, root, seed, root.tensor.tape.upstream is not None, steps)
    gradients, taken = derivation.gradients, derivation.taken
    gradients[root] = seed
    step_for = {step.operation: step for step in steps}

    def visit(operation: Operation, upstream: list[Any]) -> Iterator[tuple[Value, Any]]:
        for position, brought in enumerate(operation.vjp(upstream)):
            if brought is None:
                continue
            operand = operation.operands[position]
            contribution = np.array(brought)[()]  # a rule may hand on what it was given
            edge = _edge(root, step_for[operation], position, upstream, contribution, taken)
            edge.before = gradients.get(operand)
            derivation.edges.append(edge)
            yield operand, contribution
            edge.after = gradients[operand]

    reverse(graph.operations, gradients, visit)
    _count(derivation.edges)
    for value in graph.values:
        value.gradient = gradients.get(value)
    return derivation


def _count(edges: list[Edge]) -> None:
    """Number the contributions to each value."""
    expected = Counter(edge.operand for edge in edges)
    arrived: Counter[Value] = Counter()
    for edge in edges:
        arrived[edge.operand] += 1
        edge.arrived, edge.expected = arrived[edge.operand], expected[edge.operand]


def seed_of(root: Tensor, upstream: Any = None) -> Any:
    """Return the gradient that a backward pass begins with: as given, as it began, or 1."""
    begun = root.tape.upstream
    return begun if upstream is None and begun is not None else seed_for(root, upstream)


# -- the formula of a result --------------------------------------------------------------


def named(value: Value) -> Formula:
    """Return a value as a formula: its name, the number itself, or what a condition asks."""
    if value.asks is not None:
        return _question(*value.asks, value.data)
    if value.tensor is None and np.ndim(value.data) == 0:
        return number(value.data)
    return symbol(value.name, value.data)


def _question(primitive: Primitive, of: list[Any], value: Any) -> Formula:
    """Return a condition as a formula of what it was asked of."""
    return Formula(head_of(primitive), value, "", tuple(map(_asked, of)), {}, primitive)


def _asked(x: Any) -> Formula:
    if isinstance(x, Value):
        return named(x)
    if isinstance(x, tuple):
        primitive, of = x
        operands = [_asked(part) for part in of]
        value = primitive.forward(*(np.asarray(f.value)[()] for f in operands))
        return _question(primitive, of, value)
    if not isinstance(x, Tensor):
        return number(x)
    made = x.tape
    if made.primitive is None or made.primitive.outputs:
        return symbol(x.name or "it", x.data)
    given = tuple(map(_asked, made.operands))
    return Formula(head_of(made.primitive), x.data, "", given, made.parameters, made.primitive)


def places_of(operation: Operation, taken: set[str]) -> dict[int, str]:
    """Name the places of those operands that an operation differentiates more than once."""
    primitive = operation.primitive
    receiving = [
        i for i, v in enumerate(operation.operands)
        if v.requires_grad
        and (primitive.variadic or primitive.operands[i] not in primitive.nondifferentiable)
    ]  # fmt: skip
    operands = [operation.operands[i] for i in receiving]
    several = [i for i in receiving if operands.count(operation.operands[i]) > 1]
    names = itertools.chain("uvwpqrs", (f"u{n}" for n in itertools.count(1)))
    free = (name for name in names if name not in taken)
    return dict(zip(several, free, strict=False))


def _placed(places: dict[int, str], i: int, value: Value) -> Formula:
    """Return an operand as a formula, by the name of its place if that has one."""
    if i not in places:
        return named(value)
    return Formula("symbol", value.data, places[i], parameters={"stands_for": value.name})


def _by_name(operation: Operation, formulas: list[Formula]) -> dict[str, Any]:
    """Return the operands as formulas, by the names that the rules have for them."""
    names = operation.primitive.operands
    if operation.primitive.variadic:
        return {names[0]: formulas}
    return dict(zip(names, formulas, strict=True))


def step_of(operation: Operation) -> Step:
    """Return an operation as a step forward, with the formula of its result."""
    primitive = operation.primitive
    formulas = [named(v) for v in operation.operands]
    moving = None
    if primitive.decomposition is not None:
        try:
            given = _by_name(operation, formulas) | operation.parameters
            formula = record(primitive.decomposition, arguments_of(primitive.decomposition, given))
            moving = simplify(formula, choose=False, moves=True)
            formula = simplify(formula, choose=False)
            if len(write(formula, TEXT)) <= LONGEST and legible(formula):
                return Step(operation, formula, moving)
        except Exception:  # what it stands for is there to be read; if it cannot be, its name can
            pass
    formula = _applied(operation, formulas)
    return Step(operation, formula, moving or formula)


def _applied(operation: Operation, formulas: list[Formula]) -> Formula:
    """Return an operation, by its name, applied to formulas."""
    primitive, value = operation.primitive, operation.results[0].data
    shown = {k: v for k, v in operation.parameters.items() if v is not None and v is not False}
    formula = Formula(head_of(primitive), value, "", tuple(formulas), shown, primitive)
    if primitive.name in ("conv2d_image", "conv2d_weight"):
        declared = _declared(operation, set())
        if declared is not None:
            return declared.product.formula(formulas, value)
    if primitive.outputs and len(operation.results) == 1:
        (index,) = operation.indices
        return simplify(apply("output", formula, value=value, index=index), choose=False)
    return formula


def _declared(operation: Operation, taken: set[str]) -> Declared | None:
    """Return what an operation says of its indices, in letters that the program has no use for."""
    shapes = [np.shape(v.data) for v in operation.operands]
    shape = np.shape(operation.results[0].data)
    return contraction(operation.primitive, shapes, shape, operation.parameters, taken)


# -- one application of a rule ----------------------------------------------------------


def _edge(
    root: Value,
    step: Step,
    position: int,
    arrived: list[Any],
    contribution: Any,
    taken: set[str],
) -> Edge:
    operation, result = step.operation, step.result
    primitive, operand = operation.primitive, operation.operands[position]
    places = places_of(operation, taken)
    formulas = [_placed(places, i, v) for i, v in enumerate(operation.operands)]
    g: Any
    out: Any
    upstream = np.zeros_like(result.data) if arrived[0] is None else arrived[0]
    if primitive.outputs:
        numbers = [np.asarray(v.data)[()] for v in operation.operands]
        outputs = primitive.compute(numbers, operation.parameters)
        g = [number(np.zeros_like(part)) for part in outputs]
        for index, value, found in zip(operation.indices, operation.results, arrived, strict=True):
            if found is not None:
                g[index] = gradient(root.name, value.name, found)
        out = [number(part) for part in outputs]
    else:
        g = gradient(root.name, result.name, upstream)
        out = named(result)
    offered = {"g": g, "out": out, **_by_name(operation, formulas), **operation.parameters}
    notes: list[Formula] = []
    remarks: list[str] = []
    raw = _apply_rule(operation, position, offered, remarks)
    local = None
    if _one_for_each_element(operation) and raw.head != "rule":
        # The derivative is what the rule makes of an upstream gradient of 1.
        local = simplify(replace(raw, g, number(np.ones_like(upstream))), notes)
        if primitive.indices is not None:
            local = _without_upstream(operation, position, formulas, taken)
        if local is not None and not legible(local):
            local = None
    product, moving = simplify(raw, None if local else notes), simplify(raw, moves=True)
    if primitive.indices is None:
        remarks += _moves(raw, product, operation, operand, result)
    if np.shape(raw.value) != np.shape(operand.data):
        product, moving, remark = _summed(product, moving, operand)
        remarks.append(remark)
    by_index: Formula | None = None
    if local is None:
        by_index, matrices = _as_contraction(operation, position, formulas, g, contribution, taken)
        if by_index is not None:
            product, moving = matrices or by_index, by_index
            remarks += reasons(by_index, product, operand.name, result.name)
    if not legible(product):
        given = [*(g if isinstance(g, list) else [g]), *formulas]
        arguments = tuple(a for a in given if a.head in ("gradient", "symbol"))
        called = KNOWN_AS.get(operation.name, operation.name)
        product = Formula("rule", contribution, f"back through {called}", arguments)
        remarks.append(NUMBERS_ONLY)
        notes.clear()
    return Edge(
        step, position, places, operand, upstream, local, product, by_index, moving, notes,
        remarks, contribution, before=None, after=None, arrived=0, expected=0,
    )  # fmt: skip


NUMBERS_ONLY = "the formula of this rule is too long to be read; these are its numbers"


def _without_upstream(
    operation: Operation, position: int, formulas: list[Formula], taken: set[str]
) -> Formula | None:
    """Return the derivative of a number that is a sum of products, as products of matrices."""
    declared = _declared(operation, taken)
    if declared is None:
        return None
    of = declared.gradient(position)
    left = dataclasses.replace(of, factors=of.factors[1:], shapes=of.shapes[1:])
    return left.matrices([formulas[i] for i in declared.others(position)])


def _as_contraction(
    operation: Operation,
    position: int,
    formulas: list[Formula],
    g: Any,
    contribution: Any,
    taken: set[str],
) -> tuple[Formula | None, Formula | None]:
    """Return a contribution by indices and by matrices, where they are known and come to it."""
    declared = _declared(operation, taken)
    if declared is None or not isinstance(g, Formula):
        return None, None
    factors = [g, *(formulas[i] for i in declared.others(position))]
    gradient_of = declared.gradient(position)
    if not gradient_of.comes_to([f.value for f in factors], contribution):
        return None, None
    index = gradient_of.formula(factors, contribution)
    return index, gradient_of.matrices(factors, contribution)


def _one_for_each_element(operation: Operation) -> bool:
    """Whether a local derivative is one number for each element of the result or the operand."""
    primitive = operation.primitive
    if primitive.outputs:
        return False
    matrices = getattr(primitive.function, "signature", None) is not None  # a ufunc, as matmul
    return (primitive.elementwise and not matrices) or np.ndim(operation.results[0].data) == 0


def _apply_rule(
    operation: Operation, position: int, offered: dict[str, Any], remarks: list[str]
) -> Formula:
    """Return what a rule makes of the upstream gradient, as a formula where it can be read."""
    primitive = operation.primitive
    name = primitive.operands[0 if primitive.variadic else position]
    rule = primitive.joint or primitive.rules[name]
    given = arguments_of(rule, offered)
    try:
        contribution = record(rule, given)
    except Exception:
        # The rule leaves NumPy's functions with rules, so it cannot be followed inside: it is
        # applied to plain arrays, and called by its name.
        with np.errstate(all="ignore"):
            contribution = rule(**{key: _plain(value) for key, value in given.items()})
        if primitive.joint is not None:
            contribution = contribution[position]
        arguments = tuple(v for v in given.values() if isinstance(v, Formula))
        known_as, said = _name_of(rule)
        remarks += said
        return Formula("rule", contribution, known_as, arguments)
    if primitive.joint is not None:
        contribution = contribution[position]
    assert isinstance(contribution, Formula)
    return contribution


def _plain(argument: Any) -> Any:
    if isinstance(argument, list):
        return [_plain(a) for a in argument]
    return np.asarray(argument.value)[()] if isinstance(argument, Formula) else argument


def _name_of(rule: Rule) -> tuple[str, list[str]]:
    """Return what to call a rule, and what its docstring says."""
    names = getattr(getattr(rule, "__code__", None), "co_names", ())
    helper = getattr(rule, "__globals__", {}).get(names[0]) if names else None
    documented = helper if inspect.isfunction(helper) else rule
    name = documented.__name__ if documented.__name__ != "<lambda>" else "its rule"
    doc = inspect.getdoc(documented)
    return name.strip("_").replace("_", " "), [doc.splitlines()[0]] if doc else []


def _moves(
    raw: Formula, product: Formula, operation: Operation, operand: Value, result: Value
) -> list[str]:
    """Say in words how a rule moves numbers from the result's shape to the operand's."""
    before, after = np.shape(result.data), np.shape(operand.data)
    if before == after or operation.primitive.elementwise:
        return []
    if occurs(raw, "broadcast_to"):
        return [
            f"copied to every place of shape {after}, because the forward pass reduced that shape "
            f"to {before or 'one number'} ({operation.name})"
        ]
    if occurs(product, "scatter"):
        known = "index" in operation.parameters
        index = index_of(Formula("getitem", None, parameters=operation.parameters))
        index = index if known else "its place"
        return [
            f"put back at {index}, with zeros elsewhere, because the forward pass "
            "used only that part"
        ]
    if raw.head in ("reshape", "scatter"):
        return [f"put back into shape {after}, because the forward pass reshaped it to {before}"]
    return []


def _summed(product: Formula, moving: Formula, operand: Value) -> tuple[Formula, Formula, str]:
    """Return the sums over the axes that were broadcast, and the sentence that says so."""
    wide, shape = moving.shape, np.shape(operand.data)
    extra = len(wide) - len(shape)
    axes = (*range(extra), *(i + extra for i, n in enumerate(shape) if n == 1 != wide[i + extra]))
    if not axes:
        return product, moving, f"copied to shape {shape}"
    axis = axes[0] if len(axes) == 1 else axes
    total = np.sum(moving.value, axis=axes).reshape(shape)
    product, moving = (apply("sum", f, value=total, axis=axis) for f in (product, moving))
    return (
        product,
        moving,
        (
            f"summed over {over_axes(axis)}, because the forward pass broadcast {operand.name} "
            f"from shape {shape} to {wide}"
        ),
    )


# -- the derivative in one line -----------------------------------------------------------


def paths(
    derivation: Derivation, value: Value, most: int = 4, longest: int = 24
) -> list[list[Edge]] | None:
    """Return the ways from the root to a value, each as the edges along it.

    None where there are more than `most`, or one of more than `longest` edges, where a
    derivative on the way is not a number, or where not all edges are there.

    >>> from autograd_lite import Tensor
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> derivation = derive(read(x * np.sin(x)))
    >>> [[edge.result.name for edge in path] for path in paths(derivation, derivation.inputs[0])]
    [['t2'], ['t2', 't1']]
    """
    if derivation.whole is not None:
        return None
    arriving: dict[Value, list[Edge]] = {}
    for edge in derivation.edges:
        arriving.setdefault(edge.operand, []).append(edge)
    found: list[list[Edge]] = []
    waiting: list[tuple[Value, list[Edge]]] = [(value, [])]
    while waiting:
        here, path = waiting.pop()
        if here is derivation.root and path:
            found.append(path)
        for edge in reversed(arriving.get(here, [])):
            if edge.local is None or np.ndim(edge.operand.data):
                return None
            waiting.append((edge.result, [edge, *path]))
        if len(found) + len(waiting) > most or len(path) > longest:
            return None
    return found


def in_one_line(path: list[Edge]) -> Formula:
    """Multiply the local derivatives along a path, as a formula of the values."""
    total: Formula | None = None
    for edge in path:
        local = in_program(edge)
        if total is None:
            total = local
        else:
            value = np.multiply(total.value, local.value)
            total = simplify(apply("multiply", total, local, value=value))
    assert total is not None
    return total


def in_program(edge: Edge) -> Formula:
    """Return a local derivative with the program's names in place of those of its places."""
    assert edge.local is not None
    operands = edge.operation.operands
    return renamed(edge.local, {name: operands[i].name for i, name in edge.places.items()})
