"""The back end that needs NumPy alone: each result goes into memory that is already there.

A small program is a line a step. Its intermediate arrays lie side by side in one piece of
memory, planned beforehand: where one is no longer read, the next is put. Over large arrays a
loop's steps run in blocks that fit into a cache. Views of planned memory, such as a
transpose, are made once.

A step as text is `numpy_calls`' work, how long values are read and where each is written
`numpy_plan`'s, loops in blocks `numpy_blocks`'; here they become one function.

The bits are those of the eager program: the same functions of NumPy on arrays that lie in
memory alike, so that sums are added in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from .backends import Kernel
from .numpy_blocks import Blocks, in_blocks
from .numpy_memory import dtype_of
from .numpy_plan import joins_lines
from .packing import packed
from .program import Step, Value
from .schedule import Call, Loop, Schedule, is_view, nbytes
from .spelling import identifier

_KEPT = ".copy('K')"


def build(schedule: Schedule, name: str) -> Kernel:
    """Build a kernel that calls NumPy."""
    schedule = packed(schedule)
    writer = _Writer(schedule, identifier(name))
    source = writer.written()
    namespace = dict(writer.objects)
    exec(compile(source, f"<compiled {writer.name}>", "exec"), namespace)
    function: Callable[..., list[Any]] = namespace[writer.name]

    def call(arrays: Sequence[Any]) -> list[Any]:
        return function(*arrays)

    return Kernel(schedule, call, source, writer.notes, own_run=_runs(schedule, function))


def _only_beside(schedule: Schedule) -> list[Value]:
    """Return those inputs that are numbers, and are only read beside arrays.

    NumPy takes an array of no dimension there in less time than a scalar.
    """
    steps = list(schedule.steps())
    beside = {v for step in steps for v in step.operands if _is_beside(step)}
    alone = {v for step in steps for v in step.operands if not _is_beside(step)}
    only = beside - alone - set(schedule.outputs)
    return [v for v in schedule.inputs if not v.shape and v in only]


def _runs(schedule: Schedule, function: Callable[..., list[Any]]) -> Any:
    """Return what makes many runs, with little around each: see `Kernel.run`."""
    updates, outputs = schedule.updates, schedule.outputs
    kept = [o for o in range(len(outputs)) if o not in updates]

    def run(arrays: Sequence[Any], count: int, scanned: frozenset[int]) -> list[Any]:
        given = list(arrays)
        if scanned:
            made = []
            for k in range(count):
                for i in scanned:
                    given[i] = arrays[i][k % len(arrays[i])]
                made.append(function(*given))
        else:
            made = [function(*given) for _ in range(count)]
        stacked = {
            o: np.array([one[o] for one in made], dtype_of(outputs[o])).reshape(
                count, *outputs[o].shape
            )
            for o in kept
        }
        return [arrays[updates[o]] if o in updates else stacked[o] for o in range(len(outputs))]

    return run


def _is_beside(step: Step) -> bool:
    """Whether a step takes numbers beside arrays, as ``2 * x`` does."""
    return isinstance(step.primitive.function, np.ufunc) and bool(step.results[0].shape)


class _Writer(Blocks):
    def __init__(self, schedule: Schedule, name: str) -> None:
        loops = [b for b in schedule.blocks if isinstance(b, Loop) and in_blocks(b)]
        super().__init__(schedule, frozenset(loops))
        self.notes: list[tuple[str, str]] = []
        self.name = self._free(name)

    def written(self) -> str:
        arguments = [self._name(v) for v in self.schedule.inputs]
        for i in self.schedule.fixed:  # for the views that are made of it once
            v = self.schedule.inputs[i]
            self.objects[self._name(v)] = v.data
        for v in _only_beside(self.schedule):
            self.body.append(f"{self._name(v)} = {self._imported('asarray')}({self._name(v)})")
        n = 0
        for block in self.schedule.blocks:
            begin = len(self.body)
            if isinstance(block, Loop) and block in self.blocked:
                self._blocked(block, n)
            else:
                for i, step in enumerate(block.steps, n):
                    self._step(step, i)
            n += len(block.steps)
            self._note(block, self.body[begin:])
        results = self._results()
        head = ["import numpy as np"]
        if self.functions:
            head.append(f"from numpy import {', '.join(sorted(self.functions))}")
        if self.places:
            head += ["", f"memory = np.empty({self.memory.size}, np.uint8)"]
        body = self.body or ["pass"]
        return "\n".join([
            *head, *self.constants, *self.setup, "", "",
            f"def {self.name}({', '.join(arguments)}):",
            *(f"    {line}" for line in body), f"    return [{', '.join(results)}]", "",
        ])  # fmt: skip

    def _results(self) -> list[str]:
        """Return the text of each output, and write into inputs what updates them."""
        results: list[str] = []
        late: list[str] = []  # written when nothing is read any more
        updated = {self.schedule.inputs[i] for i in self.schedule.updates.values()}
        seen = set[Value]()
        for o, v in enumerate(self.schedule.outputs):
            text = self._read(v)
            if v not in self.into and updated.intersection(self._roots(v)):  # from before the run
                if o in self.schedule.updates and text == self._given(o):
                    results.append(text)
                    continue
                kept = self._free("t1")
                self.body.append(f"{kept} = {text}{_KEPT if v.shape else '[()]'}")
                text = kept
            elif o not in self.schedule.updates:
                if v.shape and (v in self.static or v in seen or not self._is_fresh(v)):
                    text += _KEPT
                elif v.maker is not None and v.maker.shows:  # of no dimension, and yet memory
                    text += "[()]"
            if o in self.schedule.updates:
                if v not in self.into:
                    late.append(f"{self._imported('copyto')}({self._given(o)}, {text})")
                text = self._given(o)
            seen.add(v)
            results.append(text)
        self.body += late
        return results

    def _given(self, o: int) -> str:
        """Return the name of the input that an output is written into."""
        return self._name(self.schedule.inputs[self.schedule.updates[o]])

    def _is_fresh(self, v: Value) -> bool:
        """Whether a value is an array that this run has made, and nothing else shows."""
        return v.maker is not None and not v.maker.shows and not v.is_input

    def _step(self, step: Step, i: int) -> None:
        """Write one step over whole arrays."""
        dying = self._dying(step, i)
        if len(step.results) != 1 or step.indices:
            names = ["_"] * (1 + max(step.indices))
            for k, v in zip(step.indices, step.results, strict=True):
                names[k] = self._name(v)
            self.body.append(f"{', '.join(names)}, *_ = {self._call(step, None)}")
            self._release(dying)
            return
        (v,) = step.results
        if is_view(step):
            operand = step.operands[0]
            text = f"{self._name(v)} = {self._view(step, self._read(operand))}"
            if operand in self.static:
                self.static.add(v)
                self.setup.append(text)
            else:
                self.body.append(text)
            return
        if joins_lines(step) and v not in self.outputs:
            self._join(step, v)
            self._release(dying)
            return
        in_place = (
            isinstance(step.primitive.function, np.ufunc)
            and step.primitive.function.signature is None
        )
        if in_place:
            self._release(dying)
        if v in self.into:
            self.body.append(self._call(step, self._name(v)))
        elif nbytes(v) and v.shape and v not in self.outputs and self._takes_out(step):
            self._memory_for(v, dying if in_place else ())
            self.body.append(self._call(step, self._name(v)))
        else:
            self.body.append(f"{self._name(v)} = {self._call(step, None)}")
        if not in_place:
            self._release(dying)

    def _join(self, step: Step, whole: Value) -> None:
        """Write what joins lines of numbers, of which most are in their places by now."""
        if whole not in self.places:
            self._memory_for(whole, ())
        at = 0
        for piece in step.operands:
            (root,) = [v for v in self._roots(piece) if not (v.maker and v.maker.shows)] or [piece]
            if self.pieces.get(root) != (whole, at * dtype_of(whole).itemsize):
                end = at + prod(piece.shape)
                given = f"{self._name(whole)}[{at}:{end}], {self._read(piece)}"
                self.body.append(f"{self._imported('copyto')}({given})")
            at += prod(piece.shape)

    def _note(self, block: Loop | Call, lines: list[str]) -> None:
        if not lines:
            return
        moved = sum(map(nbytes, (*block.operands, *block.results)))
        if isinstance(block, Loop):
            count = len(block.steps)
            what = f"{count} step{'s' * (count > 1)} over {block.shape or 'a number'}"
            if count > 1:
                what += ", in blocks" if lines[-1].startswith(("    ", "loop")) else ", one by one"
        else:
            what = f"{block.step.primitive.name} {' '.join(str(v.shape) for v in block.results)}"
        self.notes.append(("; ".join(line.strip() for line in lines), f"{what}; {moved} bytes"))
