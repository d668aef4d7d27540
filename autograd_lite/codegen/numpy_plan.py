"""The plan of a NumPy program: how long values are read, and where each is written.

What updates an input is computed in its place where nothing reads the old number any more. What is
only made to be joined to others is written where it stands in the whole. All else shares one piece
of memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from .numpy_calls import Calls
from .numpy_memory import Memory, alike, dtype_of, in_order
from .program import Step, Value
from .schedule import Loop, Schedule, nbytes


class Plan(Calls):
    """Last uses of values, and places for them."""

    def __init__(self, schedule: Schedule, blocked: frozenset[Loop]) -> None:
        super().__init__()
        self.schedule, self.blocked = schedule, blocked
        self.setup: list[str] = []  # lines that run once
        self.memory = Memory()
        self.places: dict[Value, int] = {}  # of what lies in the memory
        self.static |= {schedule.inputs[i] for i in schedule.fixed if schedule.inputs[i].shape}
        self.steps = list(schedule.steps())
        self.outputs = set(schedule.outputs)
        self.last = self._last_uses()
        self.into = self._written_into()
        self.pieces = self._joined()

    def _last_uses(self) -> dict[Value, int]:
        """Return for each value the number of the step that reads it last, itself or as a view."""
        end = len(self.steps)
        last = dict.fromkeys(self.outputs, end)
        ends: dict[Step, int] = {}  # a loop in blocks reads all until its end
        n = 0
        for block in self.schedule.blocks:
            n += len(block.steps)
            if isinstance(block, Loop) and block in self.blocked:
                ends.update(dict.fromkeys(block.steps, n - 1))
        for i, step in reversed([*enumerate(self.steps)]):
            until = ends.get(step, i)
            if step.shows:
                until = max(until, *(last.get(v, i) for v in step.results))
            for v in step.operands:
                last[v] = max(last.get(v, until), until)
        return last

    def _written_into(self) -> dict[Value, Value]:
        """Return for outputs that update an input, and can be computed in its place, that input."""
        found = {}
        number = {step: i for i, step in enumerate(self.steps)}
        for o, i in self.schedule.updates.items():
            v, p = self.schedule.outputs[o], self.schedule.inputs[i]
            alone = self.schedule.outputs.count(v) == 1 and v.maker in number
            if not alone or not isinstance(v.maker.primitive.function, np.ufunc):  # type: ignore[union-attr]
                continue
            if p not in self.outputs and self.last.get(p, 0) <= number[v.maker] and v.shape:  # type: ignore[index]
                found[v] = p
        return found

    def _joined(self) -> dict[Value, tuple[Value, int]]:
        """Return for what is only made to be joined to others, where in the whole it stands.

        Its numbers are put there at once, and need not be copied.
        """
        found: dict[Value, tuple[Value, int]] = {}
        for step in self.steps:
            if not joins_lines(step) or step.results[0] in self.outputs:
                continue
            (whole,) = step.results
            at = 0
            for piece in step.operands:
                v = piece
                while v.maker is not None and v.maker.primitive.name == "reshape" and v.maker.shows:
                    v = v.maker.operands[0]
                alone = v not in found and v not in self.outputs and v.maker is not None
                alone = alone and self._takes_out(v.maker)  # type: ignore[arg-type]
                if alone and v.shape and dtype_of(v) == dtype_of(whole) and in_order(v):
                    found[v] = whole, at
                    self.last[whole] = max(self.last[whole], self.last.get(v, 0))
                at += prod(piece.shape) * dtype_of(whole).itemsize
        return found

    def _roots(self, v: Value) -> list[Value]:
        """Return a value and what it may be memory of."""
        roots = [v]
        for x in roots:
            if x.maker is not None and x.maker.shows:
                roots += [y for y in x.maker.operands if y not in roots]
        return roots

    def _dying(self, step: Step, i: int) -> list[Value]:
        operands = dict.fromkeys(step.operands)
        roots = dict.fromkeys(root for v in operands for root in self._roots(v))
        return [v for v in roots if self.last.get(v, -1) == i]

    def _memory_for(self, v: Value, dying: Sequence[Value]) -> None:
        """Plan where a value lies: best where one of the same size is read for the last time."""
        if v in self.pieces:
            whole, offset = self.pieces[v]
            if whole not in self.places:
                self.places[whole] = self.memory.take(nbytes(whole))
                self.static.add(whole)
                text = f"np.ndarray({whole.shape}, np.{dtype_of(whole).name}, memory"
                self.setup.append(f"{self._name(whole)} = {text}, {self.places[whole]})")
            at = self.places[whole] + offset
            self.static.add(v)
            text = f"np.ndarray({v.shape}, np.{dtype_of(v).name}, memory, {at})"
            self.setup.append(f"{self._name(v)} = {text}")
            return
        same = [x for x in dying if x in self.places and nbytes(x) == nbytes(v)]
        at = self.memory.take(nbytes(v), self.places[same[0]] if same else None)
        self.places[v] = at
        self.static.add(v)
        data = np.asarray(v.data)
        if same and at == self.places[same[0]] and alike(v, same[0]):
            # The very object: for another of the same memory NumPy takes twice the time.
            if v.name is None:
                self.names[v] = self._name(same[0])
            else:
                self.setup.append(f"{self._name(v)} = {self._name(same[0])}")
            return
        order = sorted(range(data.ndim), key=lambda i: -abs(data.strides[i]))
        text = f"np.ndarray({data.shape}, np.{data.dtype.name}, memory, {at}"
        if order != list(range(data.ndim)) and data.size:
            strides, step = [0] * data.ndim, data.itemsize
            for i in reversed(order):
                strides[i], step = step, step * data.shape[i]
            text += f", {tuple(strides)}"
        self.setup.append(f"{self._name(v)} = {text})")

    def _release(self, dying: Sequence[Value]) -> None:
        for v in dying:
            if v in self.places:
                self.memory.give_back(self.places[v], nbytes(v))


def joins_lines(step: Step) -> bool:
    """Whether a step puts lines of numbers of one dtype behind each other."""
    if step.primitive.name != "concatenate" or step.indices or len(step.results) != 1:
        return False
    return len(step.results[0].shape) == 1 and bool(step.results[0].shape[0])
