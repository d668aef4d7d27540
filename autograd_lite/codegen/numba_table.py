"""Programs of thousands of operations on single numbers, as a table that one compiled loop reads.

As lines of code they would take a compiler minutes. So the operations stand in arrays: which one,
and where its operands are. Operations that do not wait for each other and are the same stand side
by side, and run as one loop: there is one decision for all of them.

All numbers lie in one array: constants, inputs, then the results in the order of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import cache
from .backends import Kernel
from .numba_expressions import OWN, dtype_of
from .program import Step, Value
from .schedule import Loop, Schedule

LEAST = 1000
"""Programs with fewer operations are written as lines."""

FORMULAS: dict[Any, str] = {
    np.add: "x + y", np.subtract: "x - y", np.multiply: "x * y", np.divide: "x / y",
    np.negative: "-x", np.positive: "x", np.absolute: "abs(x)", np.square: "x * x",
    np.sqrt: "np.sqrt(x)", np.reciprocal: "1.0 / x", np.power: "np.power(x, y)",
    np.maximum: "x if x >= y or x != x else y", np.minimum: "x if x <= y or x != x else y",
    np.greater: "1.0 if x > y else 0.0", np.greater_equal: "1.0 if x >= y else 0.0",
    np.less: "1.0 if x < y else 0.0", np.less_equal: "1.0 if x <= y else 0.0",
    np.equal: "1.0 if x == y else 0.0", np.not_equal: "1.0 if x != y else 0.0",
    np.logical_and: "x * y", np.logical_or: "max(x, y)", np.logical_not: "1.0 - x",
    np.bitwise_and: "x * y", np.bitwise_or: "max(x, y)", np.invert: "1.0 - x",
    np.sign: "1.0 if x > 0.0 else -1.0 if x < 0.0 else x * 0.0",
    "where": "y if x != 0.0 else z", "astype": "x",
    **{function: f"{name}(x)" for function, name in OWN.items()},
}  # fmt: skip
"""What is done with operands x, y and z; truth is 1.0 and 0.0."""

NUMBERS = {key: n for n, key in enumerate(FORMULAS)}
_FLOAT, _BOOL = np.dtype(np.float64), np.dtype(bool)


def fits(schedule: Schedule) -> bool:
    """Whether a schedule is many operations on single float64 numbers, and nothing else."""
    blocks = schedule.blocks
    if schedule.updates or sum(len(b.steps) for b in blocks) < LEAST:
        return False
    if any(dtype_of(v) != _FLOAT or v.shape for v in schedule.inputs):
        return False
    return all(isinstance(b, Loop) and not b.shape and all(map(_fits, b.steps)) for b in blocks)


def _fits(step: Step) -> bool:
    made = dtype_of(step.results[0])
    if _key(step) not in NUMBERS or made not in (_FLOAT, _BOOL):
        return False
    return all(v.is_constant or dtype_of(v) in (_FLOAT, _BOOL) for v in step.operands)


def _key(step: Step) -> Any:
    """Return what stands in the table for an operation."""
    function, name = step.primitive.function, step.primitive.name
    if name in ("where", "astype"):
        return name
    if function is np.power and step.operands[1].is_constant and step.operands[1].data == 2:
        return np.square
    return function


def kernel(schedule: Schedule) -> Kernel:
    """Build a kernel that reads a table."""
    steps = list(schedule.steps())
    depths: dict[Value, int] = {}
    for step in steps:
        depths[step.results[0]] = 1 + max((depths.get(v, 0) for v in step.operands), default=0)
    steps.sort(key=lambda step: (depths[step.results[0]], NUMBERS[_key(step)]))
    places: dict[Value, int] = {}
    constants: list[float] = []
    outputs = schedule.outputs
    for v in (*(v for step in steps for v in step.operands), *outputs):
        if v.is_constant and v not in places:
            places[v] = len(constants)
            constants.append(float(v.data))
    for v in (*schedule.inputs, *(step.results[0] for step in steps)):
        places[v] = len(places)
    operands = np.zeros((3, len(steps)), np.int64)
    runs: list[list[int]] = []
    before: Any = None
    for k, step in enumerate(steps):
        at = [places[v] for v in step.operands]
        if _key(step) is np.square:
            at = at[:1]
        operands[: len(at), k] = at
        key = depths[step.results[0]], NUMBERS[_key(step)]
        if key != before:
            runs.append([key[1], k, k])
            before = key
        runs[-1][2] = k + 1
    return _Table(
        schedule,
        np.array(runs, np.int64).reshape(-1),
        operands,
        np.array(constants),
        np.array([places[v] for v in outputs], np.int64),
    ).kernel()


class _Table:
    def __init__(
        self, schedule: Schedule, runs: Any, operands: Any, constants: Any, outputs: Any
    ) -> None:
        self.schedule, self.runs, self.operands, self.outputs = schedule, runs, operands, outputs
        self.begin = len(constants)
        self.count = len(schedule.inputs)
        self.first = self.begin + self.count  # of the results
        self.numbers = np.zeros(self.first + operands.shape[1])
        self.numbers[: self.begin] = constants
        self.truths = [o for o, v in enumerate(schedule.outputs) if dtype_of(v) == _BOOL]
        self.spare: list[Any] = []
        self.source = _source()
        self.run = cache.load(self.source).run

    def kernel(self) -> Kernel:
        """Return what calls it."""
        count, runs = self.operands.shape[1], len(self.runs) // 3
        note = f"{count} operations on single numbers, in {runs} loops over a table"
        return Kernel(self.schedule, self.call, self.source, [("def run(...)", note)])

    def call(self, arrays: Sequence[Any]) -> list[Any]:
        """Run it once."""
        numbers = self.spare.pop() if self.spare else self.numbers.copy()
        numbers[self.begin : self.first] = arrays
        self.run(self.first, self.runs, *self.operands, numbers)
        found = list(numbers[self.outputs])
        self.spare.append(numbers)
        for o in self.truths:
            found[o] = np.bool_(found[o])
        return found


def _source() -> str:
    """Return the loop, which is the same for all tables."""
    own = ", ".join(sorted(OWN.values()))
    lines = [
        '"""Generated by autograd_lite.codegen.numba_table."""', "", "import numpy as np", "",
        f"from autograd_lite.codegen.elementary import {own}",
        "from autograd_lite.codegen.jit import compiled, intrinsics", "",
        "stack, at = intrinsics()", "", "",
        '@compiled("int64; const int64[::1]; const int64[::1]; const int64[::1]; '
        'const int64[::1]; float64[::1]")',
        "def run(first, runs, xs, ys, zs, numbers):",
        "    for r in range(0, runs.size, 3):",
        "        begin, end = runs[r + 1], runs[r + 2]",
    ]  # fmt: skip
    for key, formula in FORMULAS.items():
        word = "if" if NUMBERS[key] == 0 else "elif"
        lines.append(f"        {word} runs[r] == {NUMBERS[key]}:")
        lines.append("            for k in range(begin, end):")
        lines.append("                x = numbers[at(xs[at(k)])]")
        for name in "yz":
            if name in formula.replace("np.", ""):
                lines.append(f"                {name} = numbers[at({name}s[at(k)])]")
        lines.append(f"                numbers[at(first + k)] = {formula}")
    return "\n".join([*lines, ""])
