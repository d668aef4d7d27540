"""From a program to what runs it: loops over elements, calls, and when each value is needed.

A step of a program is *elementwise* (each number of its result comes from the numbers at the
same place) or it is a call of something: a matrix product, a sum, an index. Elementwise steps
over one shape can run together, as one `Loop` over the elements: block by block in NumPy, so
that what one step writes is still in the cache when the next reads it, or number by number
in compiled code. Which may run together follows from *levels*: a call stands one level above
what it reads, an elementwise step on the level of what it reads in the same loop.

>>> import numpy as np
>>> from autograd_lite.codegen.record import record
>>> def f(x):
...     return np.sum(np.exp(x) * x) * x
>>> for block in schedule(record(f, (np.ones(3),)).program).blocks:
...     print(block)
Loop over (3,): exp, multiply
Call of sum
Loop over (3,): multiply

What is here is true in every language. A back end, see :mod:`autograd_lite.codegen.backends`,
reads a `Schedule` and knows no other back end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from .program import Program, Step, Value, with_operands
from .simplify import uniform, without_unused

ELEMENTWISE_NAMES = frozenset({"where", "astype", "erf"})
"""What is elementwise beside the ufuncs, by the primitive's name."""

VIEWS = frozenset({"transpose", "reshape", "broadcast_to", "getitem", "real", "imag"})
"""What may be the operand's memory, looked at in another way."""


@dataclass(slots=True, eq=False)
class Loop:
    """Elementwise steps over one shape, which run together.

    Attributes
    ----------
    shape
        What the results are shaped like; operands broadcast to it.
    steps
        In an order in which they can run.
    results
        What of theirs is read outside. All else lives for one element, or one block.
    """

    shape: tuple[int, ...]
    steps: list[Step] = field(default_factory=list)
    results: list[Value] = field(default_factory=list)

    def __str__(self) -> str:
        names = ", ".join(step.primitive.name for step in self.steps)
        return f"Loop over {self.shape}: {names}"

    @property
    def operands(self) -> list[Value]:
        """What it reads that it does not make, each once."""
        made = {v for step in self.steps for v in step.results}
        read = dict.fromkeys(v for step in self.steps for v in step.operands)
        return [v for v in read if v not in made]


@dataclass(slots=True, eq=False)
class Call:
    """One step that is not elementwise.

    Attributes
    ----------
    step
        The step.
    is_view
        Whether the result is the operand's memory, looked at in another way.
    """

    step: Step
    is_view: bool = False

    def __str__(self) -> str:
        return f"{'View' if self.is_view else 'Call'} of {self.step.primitive.name}"

    @property
    def steps(self) -> list[Step]:
        """The one step."""
        return [self.step]

    @property
    def results(self) -> list[Value]:
        """What it makes."""
        return self.step.results

    @property
    def operands(self) -> list[Value]:
        """What it reads, each once."""
        return list(dict.fromkeys(self.step.operands))


Block = Loop | Call


@dataclass(slots=True)
class Schedule:
    """What a back end builds from.

    Attributes
    ----------
    inputs, outputs
        As in the program. A value's `data` is an example: its shape, dtype and strides are
        those of every run.
    updates
        For the number of an output, the number of the input that it is written into: a
        parameter, or an optimizer's state. All others are new arrays in each run.
    blocks
        In the order in which they run.
    fixed
        The numbers of inputs that are the same array in each run, with other numbers in it:
        views of it can be made once.
    """

    inputs: list[Value]
    outputs: list[Value]
    updates: dict[int, int]
    blocks: list[Block]
    fixed: frozenset[int] = frozenset()

    def steps(self) -> Iterator[Step]:
        """Yield every step in the order in which they run."""
        for block in self.blocks:
            yield from block.steps

    def last_use(self) -> dict[Value, int]:
        """Return for each value the number of the block that reads it last.

        What a view shows is in use as long as the view is. An output is in use to the end.
        """
        last = {v: len(self.blocks) for v in self.outputs}
        for i in reversed(range(len(self.blocks))):
            block = self.blocks[i]
            until = i
            if isinstance(block, Call) and block.step.shows:
                until = max(last.get(v, i) for v in block.results)
            for v in block.operands:
                last[v] = max(last.get(v, until), until)
        return last


def is_elementwise(step: Step) -> bool:
    """Whether each number of a step's result comes from the numbers at the same place."""
    function = step.primitive.function
    if isinstance(function, np.ufunc):
        return function.signature is None and function.nout == 1 and not step.parameters
    return step.primitive.name in ELEMENTWISE_NAMES


def is_view(step: Step) -> bool:
    """Whether a step makes one view of its operand, in a way that is the same in each run."""
    if not step.shows or step.primitive.name not in VIEWS or len(step.operands) != 1:
        return False
    return len(step.results) == 1 and bool(step.results[0].shape)


def schedule(
    program: Program,
    updates: dict[int, int] | None = None,
    fixed: frozenset[int] = frozenset(),
) -> Schedule:
    """Lay a program out in loops and calls.

    Parameters
    ----------
    program
        Simplified, and with its fused primitives opened as far as they can be.
    updates, fixed
        See `Schedule`.
    """
    program = without_unused(_read_unspread(program))
    blocks = _blocks(program)
    set_results(blocks, program.outputs)
    return Schedule(program.inputs, program.outputs, dict(updates or {}), blocks, fixed)


def set_results(blocks: Iterable[Block], outputs: Iterable[Value]) -> None:
    """Let each loop's results be what other blocks, or the program's reader, see of it."""
    outside = set(outputs).union(*(block.operands for block in blocks))
    for block in blocks:
        if isinstance(block, Loop):
            block.results = [v for s in block.steps for v in s.results if v in outside]


def _blocks(program: Program) -> list[Block]:
    level: dict[Value, int] = {}
    within: dict[Value, Loop] = {}
    loops: dict[tuple[tuple[int, ...], int], Loop] = {}
    placed: list[tuple[int, int, Block]] = []
    drawn = 0  # draws from a generator keep their order
    for n, step in enumerate(program.steps):
        if is_elementwise(step):
            shape = step.results[0].shape
            at = 1
            for v in step.operands:
                if v in level:
                    same = v in within and within[v].shape == shape
                    at = max(at, level[v] + (0 if same else 1))
            loop = loops.get((shape, at))
            if loop is None:
                loop = loops[shape, at] = Loop(shape)
                placed.append((at, n, loop))
            loop.steps.append(step)
            within.update(dict.fromkeys(step.results, loop))
        else:
            at = 1 + max((level.get(v, 0) for v in step.operands), default=0)
            if step.primitive.draws:
                at = drawn = max(at, drawn)
            placed.append((at, n, Call(step, is_view(step))))
        level.update(dict.fromkeys(step.results, at))
    return [block for _, _, block in sorted(placed, key=lambda entry: entry[:2])]


# -- what need not be spread out -------------------------------------------------------------------


def _read_unspread(program: Program) -> Program:
    """Let elementwise steps read a number where they would read an array of equal ones."""
    steps = []
    for step in program.steps:
        if is_elementwise(step):
            operands = list(step.operands)
            for i, v in enumerate(operands):
                small = _unspread(v)
                if small is not v and _fits(step, [*operands[:i], small, *operands[i + 1 :]]):
                    operands[i] = small
            if operands != step.operands:
                step = with_operands(step, operands)
        steps.append(step)
    return Program(program.inputs, steps, program.outputs)


def _unspread(v: Value) -> Value:
    maker = v.maker
    if maker is not None and maker.primitive.name == "broadcast_to":
        return _unspread(maker.operands[0])
    if v.is_constant and isinstance(v.data, np.ndarray) and v.data.ndim:
        one = uniform(v)
        if one is not None:
            return Value(one)
    return v


def _fits(step: Step, operands: Sequence[Value]) -> bool:
    """Whether a step on these operands has the same result in shape and dtype."""
    result = step.results[0]
    if np.broadcast_shapes(*(v.shape for v in operands)) != result.shape:
        return False
    return not result.shape or any(v.shape for v in operands)


def nbytes(v: Value) -> int:
    """Return how many bytes a value takes."""
    data = np.asarray(v.data)
    return prod(data.shape) * data.itemsize
