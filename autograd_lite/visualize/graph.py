"""From a tape to a graph: the values, the operations, and which made which from which.

`read` turns the tape round into a plain list of operations in the order in which
they ran, each with the values that went in and came out, as they are to be shown:

>>> import numpy as np
>>> from autograd_lite import Tensor
>>> x = Tensor(2.0, requires_grad=True, name="x")
>>> graph = read(x * 3.0 + np.sin(x))
>>> for operation in graph.operations:
...     print(*[v.name for v in operation.operands], operation.name, operation.results[0].name)
x 3 multiply t1
x sin t2
t1 t2 add t3

Nothing here knows about pictures; a picture, a text or a JSON file is one way to
write a `Graph` down.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import FrameType
from typing import Any, Literal, get_args

import numpy as np

from .. import program
from ..errors import NoGradientError
from ..keeping import copy_of
from ..primitive import Primitive
from ..record import RecordedStep, recorded
from ..tensor import Tensor
from .modules import ModuleCall, Modules
from .text import number


@dataclass(slots=True, eq=False)
class GraphValue(program.Value):
    """One value of the program, as it was when it was used.

    Attributes
    ----------
    key
        What tells it from the others: ``v1``, ``v2``, ….
    name
        The name that the user gave; else that of the variable, where it is known;
        else ``x1`` (an input), ``c1`` (a constant array), ``t1`` (a result), or the
        number itself (a constant number).
    data
        The array or number that the operations saw. An input may hold another
        one by now: an optimizer has made its step.
    requires_grad
        Whether a gradient flows to it.
    tensor
        The Tensor; None for an array or a number that was used as it is.
    is_root
        Whether it is what the user asked to see.
    gradient
        The gradient of the roots with respect to it, where that is known.
    accumulated
        The ``.grad``, where it is not `gradient`: the sum over several backward passes, what
        a clipping made of it, or what the backward pass of another result has left.
    module
        The module that it was made in, or that it is a parameter of.
    asks
        Of a condition such as ``z > 0``: the question, and the values and numbers that it was
        asked of; a Tensor for what is none of the graph's values, a pair for another question.
    """

    name: str
    maker: OpCall | None = field(default=None, repr=False)
    key: str = ""
    requires_grad: bool = False
    tensor: Tensor | None = None
    is_root: bool = False
    gradient: Any = None
    accumulated: Any = None
    module: ModuleCall | None = None
    asks: tuple[Primitive, list[Any]] | None = None

    @property
    def kind(self) -> Literal["input", "constant", "result"]:
        """What it is to the chain rule."""
        if self.maker is not None:
            return "result"
        return "input" if self.requires_grad else "constant"


@dataclass(slots=True, eq=False)
class OpCall(program.Step):
    """One application of a primitive.

    Attributes
    ----------
    key
        What tells it from the others: ``o1``, ``o2``, ….
    module
        The module that it is part of: the innermost that was running, where
        `autograd_lite.trace` recorded it; else the one whose parameters it uses, as their
        names tell (``linear1.weight``).
    sweep
        0 for what the program computed; 1 for the backward pass of a transform that was itself
        recorded, as in ``grad(f)(x)``; 2 for the backward pass of that.
    """

    operands: list[GraphValue]
    results: list[GraphValue] = field(default_factory=list)
    key: str = ""
    module: ModuleCall | None = None
    sweep: int = 0

    @property
    def name(self) -> str:
        """The primitive's name."""
        return self.primitive.name

    @property
    def count(self) -> int:
        """How many operations of the program it is."""
        return 1

    @property
    def operand_names(self) -> list[str]:
        """How the primitive calls its operands."""
        names = self.primitive.operands
        if self.primitive.variadic:
            return [f"{names[0]}[{i}]" for i in range(len(self.operands))]
        return list(names)


@dataclass(slots=True, eq=False)
class Stop:
    """A constant that was computed from a value, and to which no gradient comes back from there.

    Attributes
    ----------
    source
        The value. It need not be one of the graph's.
    made
        The constant.
    how
        ``"detach"`` or ``"no_grad"``.
    """

    source: GraphValue
    made: GraphValue
    how: str


@dataclass(slots=True, eq=False)
class Graph:
    """The values and operations that led to `roots`, in the order in which they came to be.

    `gradients` says what is known of the gradients: all of them, none of them, or
    that nobody wants to see them. `remarks` say what part of something larger it is.
    `bundles` are values that pass from one operation to another and are too many to show.
    `stops` are constants that were computed from values with a gradient. `contributions` are
    what each operation brings back to each of its operands, by position, where that is known.
    """

    roots: list[GraphValue]
    values: list[GraphValue]
    operations: list[OpCall]
    gradients: Literal["known", "unknown", "hidden"] = "unknown"
    remarks: list[str] = field(default_factory=list)
    bundles: dict[tuple[OpCall, OpCall], list[GraphValue]] = field(default_factory=dict)
    stops: list[Stop] = field(default_factory=list)
    contributions: dict[tuple[OpCall, int], Any] = field(default_factory=dict)


Level = Literal["modules", "program", "steps", "scalars"]


def check_level(level: Any) -> None:
    """Raise unless a level is one of the known ones; `draw` and `explain` say what each is."""
    if level not in get_args(Level):
        levels = ", ".join(map(repr, get_args(Level)))
        raise ValueError(f"level is one of {levels}, and {level!r} was given.")


def read(roots: Tensor | Sequence[Tensor], variables: Mapping[int, str] | None = None) -> Graph:
    """Read the tape that leads to one Tensor, or to several.

    Parameters
    ----------
    roots
        The results to begin from.
    variables
        Names for those Tensors and arrays that have none, by `id`: see `named_in`.

    Returns
    -------
    Graph
        All that led there. The gradients are not filled in.

    Raises
    ------
    TypeError
        If something else than a Tensor is given.
    NoGradientError
        If nothing was recorded on the way to the roots.
    """
    return _GraphReader(_checked(roots), variables or {}).graph


def named_in(frame: FrameType | None) -> dict[int, str]:
    """Return what the Tensors and arrays of a running function are called in it, by `id`.

    >>> import sys
    >>> price = Tensor(2.0)
    >>> named_in(sys._getframe())[id(price)]
    'price'
    """
    places = []
    while frame is not None:
        places.append(frame.f_locals)
        # A comprehension and a lambda belong to the function that they stand in.
        inner = frame.f_code.co_name in ("<lambda>", "<listcomp>", "<dictcomp>", "<genexpr>")
        frame = frame.f_back if inner else None
    if "IPython" in sys.modules:  # a notebook shows what its cells have named
        places.append(vars(sys.modules["__main__"]))
    names: dict[int, str] = {}
    for place in places:
        for name, value in list(place.items()):
            ours = name.isidentifier() and not name.startswith("_")
            if ours and isinstance(value, (Tensor, np.ndarray)):
                names.setdefault(id(value), name)
                if isinstance(value, np.ndarray) and (copy := copy_of(value)) is not None:
                    names.setdefault(id(copy), name)
    return names


def _checked(roots: Any) -> list[Tensor]:
    several = isinstance(roots, (tuple, list))
    tensors = list(roots) if several else [roots]
    if not tensors:
        raise TypeError("There is nothing to draw in an empty list: give a Tensor.")
    for root in tensors:
        if not isinstance(root, Tensor):
            this, kind = "one of these" if several else "this", type(root).__name__
            raise TypeError(
                f"A graph begins at a Tensor, and {this} is of type '{kind}': give the Tensor that "
                "your program computed, such as the loss."
            )
    if not any(t.requires_grad or t.tape.primitive for t in tensors):
        raise NoGradientError(
            f"{tensors[0]._describe()} has no tape: nothing that requires a gradient led to it. "
            "Make an input with requires_grad=True, and compute it outside of no_grad()."
        )
    return tensors


class _GraphReader(program.Reader):
    """Builds a graph, one step of the tape after the other."""

    def __init__(self, roots: list[Tensor], variables: Mapping[int, str]) -> None:
        super().__init__()
        tape = recorded(roots)
        self.graph = Graph([], [], self.steps)
        self.given: dict[int, list[GraphValue]] = {}  # inputs and constants, by id
        self.names = _Names(tape, roots, variables)
        self.modules = Modules()
        self.roots = set(map(id, roots))
        self.look_over(tape)
        for t, operands in tape:
            self.add(t, operands)
        for value in self.graph.values:
            if value.maker is None and value.tensor is not None:
                value.asks = self._asked(value.tensor.tape.asks)
        for root in roots:
            value = self.value(root, root.data)
            if not value.is_root:
                value.is_root = True
                self.graph.roots.append(value)
        self._stops()

    def same(self, t: Tensor, operands: Sequence[Any]) -> GraphValue | None:
        if (same := self._times_one(t, operands)) is not None:
            return self.value(same, same.data)
        first = operands[0]
        if isinstance(first, Tensor) and first.requires_grad:
            return super().same(t, operands)  # type: ignore[no-any-return]
        return None

    def step(self, t: Tensor, operands: Sequence[Any]) -> OpCall:
        of = t.tape
        assert of.primitive is not None
        values = [self.value(x, v) for x, v in zip(operands, of.values, strict=True)]
        operation = OpCall(of.primitive, values, of.parameters, line=of.line)
        operation.key = f"o{len(self.steps) + 1}"
        operation.sweep = self.sweep_of(t)
        operation.module = self.modules.of(t, operands, operation.sweep)
        for value in values:
            self.modules.place(value, operation)
        return operation

    def result(self, t: Tensor, step: OpCall) -> GraphValue:
        value = self._new(self.names.of(t, "t"), t.data, t)
        value.module = step.module
        return value

    def _times_one(self, t: Tensor, operands: Sequence[Any]) -> Tensor | None:
        """Return what a backward pass only multiplied by its beginning, which is 1."""
        if t._primitive.function is not np.multiply or id(t) in self.roots or not self.sweep_of(t):
            return None
        for one, other in (operands, operands[::-1]):
            if not isinstance(one, Tensor) and isinstance(other, Tensor) and other.requires_grad:
                same = other.shape == t.shape and other.dtype == t.dtype
                if same and np.ndim(one) == 0 and one == 1:
                    return other
        return None

    def _stops(self) -> None:
        """Say of the constants that were computed from values with a gradient, from which."""
        for made in self.graph.values:
            if made.tensor is None or made.maker is not None:
                continue
            how, sources = made.tensor.tape.stopped
            for t in sources:
                known = self.known.get(id(t)) or next(iter(self.given.get(id(t), [])), None)
                if known is None:
                    prefix = "x" if t.is_leaf else "t"
                    key, name = f"s{len(self.graph.stops) + 1}", self.names.of(t, prefix)
                    known = GraphValue(t.data, name, key=key, requires_grad=True, tensor=t)
                    self.given[id(t)] = [known]
                self.graph.stops.append(Stop(known, made, how))

    def value(self, operand: Any, data: Any) -> GraphValue:
        """Return the value that an operand had when it was used.

        An input is one value, however often it was used, unless its ``.data`` was
        replaced between two uses: then it is two.
        """
        if id(operand) in self.known:
            return self.known[id(operand)]  # type: ignore[no-any-return]
        if isinstance(operand, Tensor):
            prefix = "x"
        elif isinstance(operand, np.ndarray) and operand.ndim:
            prefix = "c"
        else:
            return self._new(number(data), data, None)  # a box at each place where it is used
        known = self.given.setdefault(id(operand), [])
        for value in known:
            if value.data is data:
                return value
        tensor = operand if isinstance(operand, Tensor) else None
        if tensor is not None and tensor.dtype.kind == "b":
            prefix = "c"  # a condition, which is asked of values that may come later here
        value = self._new(self.names.of(operand, prefix), data, tensor)
        known.append(value)
        return value

    def _asked(self, x: Any) -> Any:
        """Return what a question was asked of: a value of the graph, a question, or itself."""
        if isinstance(x, tuple):
            primitive, of = x
            return primitive, [self._asked(y) for y in of]
        known = self.known.get(id(x)) or next(iter(self.given.get(id(x), [])), None)
        if known is None and isinstance(x, Tensor) and x.tape.asks is not None:
            return self._asked(x.tape.asks)
        return x if known is None else known

    def _new(self, name: str, data: Any, tensor: Tensor | None) -> GraphValue:
        requires = tensor is not None and tensor.requires_grad
        key = f"v{len(self.graph.values) + 1}"
        value = GraphValue(data, name, key=key, requires_grad=requires, tensor=tensor)
        self.graph.values.append(value)
        return value


class _Names:
    """Gives a name to what has none, in the order of asking, so that two runs agree."""

    def __init__(
        self, tape: list[RecordedStep], roots: list[Tensor], variables: Mapping[int, str]
    ) -> None:
        operands = (x for _, given in tape for x in given if isinstance(x, Tensor))
        # An element's name, t1[0], takes t1 too.
        self.taken = {t.name.partition("[")[0] for t in chain(roots, operands) if t.name}
        self.variables = {key: name for key, name in variables.items() if name not in self.taken}
        self.taken.update(self.variables.values())
        self.counters = {prefix: self._count(prefix) for prefix in "xct"}

    def _count(self, prefix: str) -> Iterator[str]:
        i = 0
        while True:
            i += 1
            if f"{prefix}{i}" not in self.taken:
                yield f"{prefix}{i}"

    def of(self, x: Any, prefix: str) -> str:
        """Return the name of a Tensor or an array."""
        given = x.name if isinstance(x, Tensor) else None
        return given or self.variables.get(id(x)) or next(self.counters[prefix])
