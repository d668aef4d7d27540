"""The back end for a web page: a program as one expression of JavaScript, which needs nothing.

All values lie in one ``Float64Array``, each at a place of its own: an offset, and a stride for
each axis. What only looks at numbers in another way (a transpose, a slice, a window that slides)
is a place over the same numbers, and no work; what moves them otherwise is a table of places. An
elementwise loop, a reduction, and every product that `einsum` can say, convolutions too, are
nests of loops with constant strides.

>>> from autograd_lite.codegen.record import record
>>> def f(x):
...     return x * x + 1.0
>>> print(javascript(record(f, (2.0,)).program).text)
(function () {
"use strict";
const m = new Float64Array(2);
const outputs = [[1,2]].map(([a, b]) => m.subarray(a, b));
return function run(inputs) {
m.set(inputs[0], 0);
const v1=m[0]*m[0];
m[1]=v1+1;
return outputs;
};
})()
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import prod

import numpy as np

from ..primitive import Primitive
from .expand import NotWritable, expand
from .javascript_calls import refusal, writer_of
from .javascript_expressions import expression, is_known, kind, number
from .javascript_memory import Lines, merged
from .program import Program, Value
from .schedule import Call, Loop, Schedule, schedule
from .simplify import simplify

MOST = 20_000
"""Operations of a program: a page with more would be slow to open."""


@dataclass(slots=True)
class JavaScript:
    """A program as JavaScript.

    Attributes
    ----------
    text
        An expression, whose value is a function ``run(inputs)``: from an array of a
        ``Float64Array`` (or a list of numbers) for each input, in the order of an array's
        elements, to an array of a ``Float64Array`` for each output. The next run writes into
        the same outputs: copy what is to be kept. Inputs may be outputs of the run before.
    inputs, outputs
        What they are: the program's values, with names, shapes and examples.
    """

    text: str
    inputs: list[Value]
    outputs: list[Value]


def javascript(program: Program, updates: dict[int, int] | None = None) -> JavaScript:
    """Write a program in JavaScript, in double precision whatever its dtypes are.

    Parameters
    ----------
    program
        As it was recorded. Its shapes are those of every run.
    updates
        For the number of an output, that of the input into whose array it is written.

    Raises
    ------
    NotWritable
        For complex numbers, an operation that JavaScript has no words for here, or more than
        20,000 of them. It names the line where that is known.
    """
    program = simplify(
        expand(program, is_writable, lambda primitive: True, lambda primitive: False)
    )
    if len(program.steps) > MOST:
        raise NotWritable(
            f"A program of {len(program.steps):,} operations is too long to be written in "
            f"JavaScript: {MOST:,} at most."
        )
    return build(schedule(program, updates))


def build(laid: Schedule) -> JavaScript:
    """Write what is laid out in loops and calls."""
    return JavaScript(_Writer(laid).written(), laid.inputs, laid.outputs)


def is_writable(primitive: Primitive) -> bool:
    """Whether a primitive is written as it is."""
    return is_known(primitive) or writer_of(primitive) is not None


class _Writer(Lines):
    def __init__(self, laid: Schedule) -> None:
        super().__init__()
        self.laid = laid
        self.count = 0

    def written(self) -> str:
        """Return the whole expression."""
        for i, v in enumerate(self.laid.inputs):
            self._check(v, None)
            self.body.append(f"m.set(inputs[{i}], {self.new(v).offset});")
        for block in self.laid.blocks:
            for v in (*block.operands, *block.results):
                self._check(v, block)
            if isinstance(block, Loop):
                self.loop(block)
            else:
                self.call(block)
        outputs = []
        for v in self.laid.outputs:
            self._check(v, None)
            place = self.in_one_run(self.place(v))
            outputs.append(f"[{place.offset},{place.offset + prod(v.shape)}]")
        for o, i in self.laid.updates.items():
            self.body.append(f"inputs[{i}].set(outputs[{o}]);")
        text = "\n".join([
            f"const m = new Float64Array({self.size});", *self.constants,
            f"const outputs = [{','.join(outputs)}].map(([a, b]) => m.subarray(a, b));",
            "return function run(inputs) {", *self.body, "return outputs;", "};",
        ])  # fmt: skip
        return "\n".join(["(function () {", '"use strict";', *used(text), text, "})()"])

    def _check(self, v: Value, block: Loop | Call | None) -> None:
        if kind(v) not in "fiub":
            raise NotWritable(
                f"{_of(block)}numbers of dtype {np.asarray(v.data).dtype} cannot be written in "
                "JavaScript: there are real numbers only."
            )

    def loop(self, loop: Loop) -> None:
        """Write elementwise steps over one shape."""
        outside = {v: self.place(v).spread(loop.shape) for v in loop.operands if not _literal(v)}
        made = {v: self.new(v) for v in loop.results}
        shape, places = merged([*outside.values(), *made.values()], loop.shape)
        letters = [f"i{k}" for k in range(len(shape))]
        at = {v: p.at(letters) for v, p in zip((*outside, *made), places, strict=True)}
        names: dict[Value, str] = {v: at[v] for v in outside}
        single = all(n == 1 for n in shape)
        lines = []
        for step in loop.steps:
            given = [names.get(v) or _bound(number(v.data)) for v in step.operands]
            text = expression(step, given)
            if text is None:
                raise refusal(step)
            (v,) = step.results
            if single and v in made:  # of one number, no name is needed beside its place
                names[v] = at[v]
                lines.append(f"{at[v]}={text};")
                continue
            self.count += 1
            names[v] = f"v{self.count}"
            lines.append(f"const {names[v]}={text};")
            if v in made:
                lines.append(f"{at[v]}={names[v]};")
        self.nest(zip(letters, shape, strict=True), _joined(lines))

    def call(self, block: Call) -> None:
        """Write one step that is not elementwise."""
        step = block.step
        if is_known(step.primitive):
            return self.loop(Loop(step.results[0].shape, [step], step.results))
        write = writer_of(step.primitive)
        if step.primitive.is_closed or step.primitive.draws or write is None:
            raise refusal(step)
        return write(self, step)


def _joined(lines: list[str]) -> list[str]:
    """Return lines with those that name values, one after the other, as one."""
    found: list[str] = []
    for text in lines:
        if found and text.startswith("const ") and found[-1].startswith("const "):
            found[-1] = f"{found[-1][:-1]},{text.removeprefix('const ')}"
        else:
            found.append(text)
    return found


def _literal(v: Value) -> bool:
    return v.is_constant and not v.shape


def _bound(text: str) -> str:
    return f"({text})" if text.startswith("-") else text


def _of(block: Loop | Call | None) -> str:
    """Begin a sentence about an operation, with the user's line where that is known."""
    if block is None:
        return "Here "
    step = block.steps[0]
    return f"'{step.primitive.name}'{f' ({step.line})' if step.line else ''}: "


# -- the functions that stand beside -----------------------------------------------------------


@cache
def _runtime() -> dict[str, str]:
    text = files(__package__).joinpath("javascript_runtime.js").read_text("utf-8")
    found = re.findall(r"^function (\w+)\(.*?^}$", text, re.M | re.S)
    bodies = re.finditer(r"^function \w+\(.*?^}$", text, re.M | re.S)
    return dict(zip(found, (b.group() for b in bodies), strict=True))


def used(text: str) -> list[str]:
    """Return those functions of ``javascript_runtime.js`` that a text calls, and what they call."""
    known, found = _runtime(), dict[str, None]()
    waiting = [text]
    while waiting:
        for name in re.findall(r"(?<!\.)\b(\w+)\(", waiting.pop()):
            if name in known and name not in found:
                found[name] = None
                waiting.append(known[name])
    return [known[name] for name in known if name in found]
