"""A schedule in parts: compiled loops, and between them what is left to NumPy.

A large matrix product, a convolution, a sort: NumPy has them, and calls to it take little beside
what they do. What one part makes and another reads is an array that both are handed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from . import cache
from .backends import Kernel
from .numba_blocks import Body
from .numba_expressions import dtype_of
from .numba_memory import Line, Place, contiguous, given, shaped
from .program import Step, Value
from .schedule import Schedule
from .to_numba import Unit, Writer, header, kind_name, stacks


def in_segments(schedule: Schedule, units: list[tuple[bool, Unit]], name: str) -> Kernel:
    """Build a kernel that runs compiled parts and calls of NumPy in turn."""
    return _Segments(schedule, units, name).kernel()


class _Segments(Writer):
    def __init__(self, schedule: Schedule, units: list[tuple[bool, Unit]], name: str) -> None:
        super().__init__(schedule, 1)
        self.units, self.name = units, name
        self.shared: dict[
            str, tuple[int, np.dtype[Any], bool]
        ] = {}  # and whether it is new each time
        self.inputs: list[Place] = []
        for v in schedule.inputs:
            place = given(self.names.free(v.name or "x"), v.data)
            self.inputs.append(place)
            self.places[v] = place
        for o, i in schedule.updates.items():
            v, u = schedule.outputs[o], schedule.inputs[i]
            if v not in self.places and self.fits_in_place(v, u) and self._is_compiled(v):
                self.places[v] = self.places[u]
        for v in self._crossing():
            if v not in self.places:
                self._share(v)

    def _is_compiled(self, v: Value) -> bool:
        return any(own and any(v in b.results for b in unit) for own, unit in self.units)

    def _crossing(self) -> list[Value]:
        """Return what is made in one unit and read in another, or returned."""
        made: dict[Value, int] = {}
        crossing: dict[Value, None] = {}

        def read(v: Value, n: int) -> None:
            while True:
                if v in made and (made[v] != n or not self.units[n][0]):
                    crossing[v] = None
                if (
                    v.maker is None
                    or len(v.maker.operands) != 1
                    or v.maker.primitive.name not in VIEWS
                ):
                    return
                v = v.maker.operands[0]

        for n, (own, unit) in enumerate(self.units):
            for block in unit:
                for v in block.operands:
                    read(v, n)
                made.update(dict.fromkeys(block.results, n))
                if not own:
                    every = [v for step in block.steps for v in step.results]
                    crossing.update(dict.fromkeys(every))
                    made.update(dict.fromkeys(every, n))
        for v in self.schedule.outputs:
            read(v, -1) if v in made else None
            if v in made:
                crossing[v] = None
        return [v for step in self.schedule.steps() for v in step.results if v in crossing]

    def _share(self, v: Value) -> None:
        if v.maker is not None and self.view(v.maker) is not None:
            return
        name = self.names.free(v.name or "t")
        self.places[v] = Place(name, v.shape, contiguous(v.shape))
        self.shared[name] = prod(v.shape), dtype_of(v), v in self.schedule.outputs

    def kernel(self) -> Kernel:
        """Write all units, compile them and return what calls them."""
        texts: list[str] = []
        actions: list[Any] = []  # the name of a function and of its arrays; or a step
        own_functions: set[tuple[str, str]] = set()
        n = 0
        for own, unit in self.units:
            numbered = [(n + k, block) for k, block in enumerate(unit)]
            n += len(unit)
            if not own:
                steps = [s for block in unit for s in block.steps if not self._is_no_work(s)]
                actions += steps
                self.notes += [(f"# {s.primitive.name}", "by NumPy") for s in steps]
                continue
            self.body = Body(self.place, self.names.free, 1)
            self.on_stack = 0
            self.blocks(numbered)
            lines = self.body.write.lines
            if not lines:
                continue
            own_functions |= self.body.own
            function = self.names.free(self.name)
            arrays = dict.fromkeys(a for text in lines for a in re.findall(r"(\w+)\[", text))
            arrays = dict.fromkeys(a for a in arrays if a not in self.body.small)
            kinds = "; ".join(self._kind(a) for a in arrays)
            texts += [
                f'@compiled("{kinds}")', f"def {function}({', '.join(arrays)}):",
                *(f"    {text}" for text in stacks(self.body)), *lines, "", "",
            ]  # fmt: skip
            actions.append((function, list(arrays)))
        self.body.own = own_functions
        source = "\n".join([*header(self.body), *texts])
        module = cache.load(source)
        actions = [(getattr(module, a[0]), a[1]) if isinstance(a, tuple) else a for a in actions]
        return Kernel(self.schedule, _Runner(self, actions).call, source, self.notes)

    def _is_no_work(self, step: Step) -> bool:
        return len(step.results) == 1 and self.view(step) is not None

    def _kind(self, array: str) -> str:
        if array in self.shared:
            return kind_name(self.shared[array][1])
        if array in self.work:
            return kind_name(self.work[array][1])
        if array in self.constants:
            return kind_name(dtype_of(self.constants[array]), is_read=True)
        i = next(i for i, p in enumerate(self.inputs) if p.array == array)
        is_read = i not in self.schedule.updates.values()
        return kind_name(dtype_of(self.schedule.inputs[i]), is_read)


VIEWS = ("transpose", "broadcast_to", "reshape", "getitem")


class _Runner:
    """Runs the parts one after the other."""

    def __init__(self, segments: _Segments, actions: list[Any]) -> None:
        self.schedule, self.actions = segments.schedule, actions
        self.inputs, self.places = segments.inputs, segments.places
        self.fresh = {a: (n, k) for a, (n, k, new) in segments.shared.items() if new}
        self.kept = {a: (n, k) for a, (n, k, new) in segments.shared.items() if not new}
        self.kept |= segments.work
        self.constants = {
            name: Line(given(name, v.data), dtype_of(v))(v.data)
            for name, v in segments.constants.items()
        }
        self.spare: list[dict[str, Any]] = []
        updated = set(self.schedule.updates.values())
        pairs = zip(self.inputs, self.schedule.inputs, strict=True)
        self.lines = [Line(p, dtype_of(v), i in updated) for i, (p, v) in enumerate(pairs)]
        steps = [a for a in actions if isinstance(a, Step)]
        for v in (*(v for s in steps for v in (*s.operands, *s.results)), *self.schedule.outputs):
            if not v.is_constant:
                segments.place(v)

    def call(self, arrays: Sequence[Any]) -> list[Any]:
        """Run it once."""
        kept = (
            self.spare.pop()
            if self.spare
            else {a: np.empty(n, k) for a, (n, k) in self.kept.items()}
        )
        memory = kept | self.constants | {a: np.empty(n, k) for a, (n, k) in self.fresh.items()}
        for line, a in zip(self.lines, arrays, strict=True):
            memory[line.place.array] = line(a)
        for action in self.actions:
            if isinstance(action, Step):
                self._by_numpy(action, memory)
            else:
                function, names = action
                function(*[memory[name] for name in names])
        results = self._results(memory, arrays)
        self.spare.append(kept)
        return results

    def _array(self, v: Value, memory: dict[str, Any]) -> Any:
        if v.is_constant:
            return v.data
        place = self.places[v]
        assert isinstance(place, Place)
        flat = memory[place.array]
        return shaped(flat, place) if v.shape else flat[place.offset]

    def _by_numpy(self, step: Step, memory: dict[str, Any]) -> None:
        operands = [self._array(v, memory) for v in step.operands]
        if step.primitive.function is np.matmul and step.results[0].shape:
            a, b = operands
            np.matmul(a, b, out=self._array(step.results[0], memory))
            return
        with np.errstate(all="ignore"):
            made = step.apply(operands)
        for v, x in zip(step.results, made, strict=True):
            place = self.places[v]
            assert isinstance(place, Place)
            if not v.shape:
                memory[place.array][place.offset] = x
            elif place.array in self.fresh or place.array in self.kept:
                np.copyto(shaped(memory[place.array], place), x)

    def _results(self, memory: dict[str, Any], arrays: Sequence[Any]) -> list[Any]:
        updates = self.schedule.updates
        seen: set[str] = set()
        results: list[Any] = []
        for o, v in enumerate(self.schedule.outputs):
            a = self._array(v, memory)
            place = self.places.get(v)
            array = place.array if isinstance(place, Place) else ""
            if o in updates:
                target = self.inputs[updates[o]]
                in_place = place == target
                a = None if in_place else np.array(a)
            elif v.shape and (
                array not in self.fresh
                or array in seen
                or place != Place(array, v.shape, contiguous(v.shape))
            ):
                a = np.array(a)
            seen.add(array)
            results.append(a)
        for o, i in updates.items():
            if results[o] is not None:
                np.copyto(arrays[i], results[o])
            results[o] = arrays[i]
        return results
