"""A schedule in parts: compiled loops, and between them what is left to NumPy.

A large matrix product, a convolution, a sort: NumPy has them, and calls to it take little beside
what they do. What one part makes and another reads is an array that both are handed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from ..calculus.convolution import conv2d_weight
from . import cache
from .backends import Kernel
from .numba_blocks import Body
from .numba_calls import is_small_product
from .numba_expressions import dtype_of
from .numba_memory import Line, Place, Strides, contiguous, given, in_order, shaped
from .numba_parts import Parts
from .numba_products import MANY, is_tiled, multiplications, write_product
from .numba_windows import CHANNELS_LAST, is_windowed, write_windows
from .numba_writer import Unit, Writer, header, kind_name, stacks
from .program import Step, Value
from .schedule import Call, Loop, Schedule, is_elementwise
from .threads import SHARED_FROM, shared, threads


def in_segments(schedule: Schedule, units: list[tuple[bool, Unit]], name: str) -> Kernel:
    """Build a kernel that runs compiled parts and calls of NumPy in turn."""
    return _Segments(schedule, units, name).kernel()


class _Segments(Writer):
    def __init__(self, schedule: Schedule, units: list[tuple[bool, Unit]], name: str) -> None:
        super().__init__(schedule, 1)
        self.units, self.name = self._cut(units), name
        self.arrays: dict[str, tuple[int, np.dtype[Any]]] = {}  # that live between the parts
        self.fresh: dict[str, tuple[int, np.dtype[Any]]] = {}  # those that are new in each run
        self.functions: list[_Function] = []
        self.tiles: dict[str, str] = {}
        self.orders = _orders(schedule)
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

    def _cut(self, units: list[tuple[bool, Unit]]) -> list[tuple[bool, Unit]]:
        """Let each block that threads share be a unit of its own."""
        cut: list[tuple[bool, Unit]] = []
        for own, unit in units:
            summed, ended = self.sums_of(unit) if own else {}, True
            for block in unit:
                shared = own and is_shared(block, summed)
                if shared or ended:
                    cut.append((own, []))
                cut[-1][1].append(block)
                ended = shared
        return cut

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
        self.places[v] = Place(name, v.shape, self.strides(v))
        kept = self.fresh if v in self.schedule.outputs else self.arrays
        kept[name] = prod(v.shape), dtype_of(v)

    def strides(self, v: Value) -> Strides:
        """Return how a value lies: images with their channels last, and what is made of them."""
        return in_order(v.shape, self.orders.get(v, range(len(v.shape))))

    def large(self, wish: str, count: int, kind: np.dtype[Any]) -> str:
        """Return the name of a new array."""
        name = self.names.free(wish)
        self.arrays[name] = count, kind
        return name

    def kernel(self) -> Kernel:
        """Write all units, compile them and return what calls them."""
        actions: list[Any] = []
        n = 0
        for own, unit in self.units:
            numbered = [(n + k, block) for k, block in enumerate(unit)]
            n += len(unit)
            if own:
                self._write(numbered)
                actions += [f for f in self.functions if f.body.write.lines]
                self.functions = []
                continue
            steps = [s for block in unit for s in block.steps if not self._is_no_work(s)]
            actions += steps
            self.notes += [(f"# {s.primitive.name}", "by NumPy") for s in steps]
        functions = [a for a in actions if isinstance(a, _Function)]
        texts = [line for f in functions for line in self._text(f)]
        for function in functions:
            self.body.own |= function.body.own
        source = "\n".join([*header(self.body), *texts])
        module = cache.load(source)
        for function in functions:
            function.compiled = getattr(module, function.name)
        return Kernel(self.schedule, _Runner(self, actions).call, source, self.notes)

    def _write(self, numbered: list[tuple[int, Loop | Call]]) -> None:
        """Write the blocks of a unit: one that threads share, or others together."""
        _, block = numbered[0]
        if isinstance(block, Call) and is_shared(block, {}):
            parts = Parts(self.place, lambda n: self.begin(n).body, self.large, self._each)
            (write_windows if is_windowed(block.step) else write_product)(block.step, parts)
        elif isinstance(block, Loop) and is_shared(block, self.sums_of([b for _, b in numbered])):
            function = self.begin(1)
            function.turns = function.body.loop(block, {}, True)
        else:
            self.begin(None)
            self.blocks(numbered)
            return
        lines = self.body.write.lines
        self.notes.append((lines[0].strip(), f"{block}; {len(lines)} lines, shared by threads"))

    def _each(self, wish: str, count: int, kind: np.dtype[Any]) -> str:
        return self.large(wish, count * threads(), kind)

    def call(self, step: Step) -> None:
        """Write a call among other lines."""
        if is_tiled(step) and not is_small_product(step):
            parts = Parts(self.place, lambda _: self.body, self.large, self.large, False)
            write_product(step, parts)
        else:
            super().call(step)

    def begin(self, turns: int | None) -> _Function:
        """Begin another function; see `Parts.begin`."""
        self.body = Body(self.place, self.names.free, 1)
        self.body.tiles = self.tiles
        self.on_stack = 0
        self.functions.append(_Function(self.body, self.names.free(self.name), turns))
        return self.functions[-1]

    def _text(self, function: _Function) -> list[str]:
        """Return the lines of a function, which takes the arrays that stand in them."""
        body = function.body
        used = [a for text in body.write.lines for a in re.findall(r"(\w+)\[", text)]
        function.arrays = [a for a in dict.fromkeys((*used, *body.handed)) if a not in body.small]
        kinds = [self._kind(a) for a in function.arrays]
        names = list(function.arrays)
        if function.turns is not None:
            kinds, names = ["int64"] * 3 + kinds, ["begin", "end", "share", *names]
        return [
            f'@compiled("{"; ".join(kinds)}")', f"def {function.name}({', '.join(names)}):",
            *(f"    {text}" for text in stacks(body)), *body.write.lines, "", "",
        ]  # fmt: skip

    def _is_no_work(self, step: Step) -> bool:
        return len(step.results) == 1 and self.view(step) is not None

    def _kind(self, array: str) -> str:
        for own in (self.arrays, self.fresh, self.work):
            if array in own:
                return kind_name(own[array][1])
        if array in self.constants:
            return kind_name(dtype_of(self.constants[array]), is_read=True)
        i = next(i for i, p in enumerate(self.inputs) if p.array == array)
        is_read = i not in self.schedule.updates.values()
        return kind_name(dtype_of(self.schedule.inputs[i]), is_read)


VIEWS = ("transpose", "broadcast_to", "reshape", "getitem")


def _orders(schedule: Schedule) -> dict[Value, tuple[int, ...]]:
    """Return the order of axes in memory of what does not lie in C's."""
    orders: dict[Value, tuple[int, ...]] = {}
    for step in schedule.steps():
        (v,) = step.results[:1]
        if is_windowed(step) and step.primitive is not conv2d_weight:
            orders[v] = CHANNELS_LAST
        elif is_elementwise(step):
            found = [orders[u] for u in step.operands if u in orders and u.shape == v.shape]
            if found:
                orders[v] = found[0]
    return orders


def is_shared(block: Loop | Call, summed: dict[Value, Any]) -> bool:
    """Whether threads share a block: a long loop that adds nothing up, or windows of images."""
    if isinstance(block, Call):
        step = block.step
        return is_windowed(step) or (is_tiled(step) and multiplications(step) >= MANY)
    adds = any(v in summed for step in block.steps for v in step.results)
    return prod(block.shape) >= SHARED_FROM and not adds


@dataclass(slots=True)
class _Function:
    """A compiled part: its lines, and what it is called with."""

    body: Body
    name: str
    turns: int | None
    """How many turns threads share; None if one thread runs it."""
    arrays: list[str] = field(default_factory=list)
    compiled: Any = None

    def run(self) -> Callable[..., None]:
        """Return what runs it on arrays."""
        return self.compiled if self.turns is None else shared(self.compiled, self.turns)


@dataclass(slots=True)
class _Frame:
    """The memory of a run, and what each action is called with: most of it stays as it is."""

    memory: dict[str, Any]
    given: list[Any]
    arguments: list[Any]


class _Runner:
    """Runs the parts one after the other."""

    def __init__(self, segments: _Segments, actions: list[Any]) -> None:
        self.schedule = segments.schedule
        self.inputs, self.places = segments.inputs, segments.places
        self.fresh = segments.fresh
        self.kept = segments.arrays | segments.work
        self.constants = {
            name: Line(given(name, v.data), dtype_of(v))(v.data)
            for name, v in segments.constants.items()
        }
        self.spare: list[_Frame] = []
        updated = set(self.schedule.updates.values())
        pairs = zip(self.inputs, self.schedule.inputs, strict=True)
        self.lines = [Line(p, dtype_of(v), i in updated) for i, (p, v) in enumerate(pairs)]
        steps = [a for a in actions if isinstance(a, Step)]
        for v in (*(v for s in steps for v in (*s.operands, *s.results)), *self.schedule.outputs):
            if not v.is_constant:
                segments.place(v)
        self.actions = actions
        self.functions = [_by_numpy(a) if isinstance(a, Step) else a.run() for a in actions]
        self.readers: dict[str, set[int]] = {}  # the numbers of actions, by what they use
        for k, action in enumerate(actions):
            for name in self._used(action):
                self.readers.setdefault(name, set()).add(k)
        self.always = set().union(*(self.readers.get(name, set()) for name in self.fresh))

    def _used(self, action: Any) -> list[str]:
        if not isinstance(action, Step):
            return list(action.arrays)
        values = (*action.operands, *action.results)
        places = [self.places[v] for v in values if not v.is_constant]
        return [p.array for p in places if isinstance(p, Place)]

    def call(self, arrays: Sequence[Any]) -> list[Any]:
        """Run it once."""
        frame = self.spare.pop() if self.spare else self._frame()
        memory, known, arguments = frame.memory, frame.given, frame.arguments
        for name, (n, kind) in self.fresh.items():
            memory[name] = np.empty(n, kind)
        stale = set(self.always)
        for i, a in enumerate(arrays):
            if a is not known[i]:
                line = self.lines[i]
                made = line(a)
                memory[line.place.array] = made
                known[i] = a if _is_memory_of(made, a) else None
                stale |= self.readers.get(line.place.array, _NONE)
        for k in stale:
            arguments[k] = self._arguments(self.actions[k], memory)
        for function, given_now in zip(self.functions, arguments, strict=True):
            function(*given_now)
        results = self._results(memory, arrays)
        self.spare.append(frame)
        return results

    def _frame(self) -> _Frame:
        memory = {a: np.empty(n, k) for a, (n, k) in self.kept.items()} | self.constants
        frame = _Frame(memory, [None] * len(self.lines), [None] * len(self.actions))
        inputs = {p.array for p in self.inputs} | set(self.fresh)
        for k, action in enumerate(self.actions):
            if not inputs.intersection(self._used(action)):
                frame.arguments[k] = self._arguments(action, memory)
        return frame

    def _arguments(self, action: Any, memory: dict[str, Any]) -> Any:
        """Return what an action is called with: arrays, and those that a step's results go into."""
        if not isinstance(action, Step):
            return [memory[name] for name in action.arrays]
        operands = [self._view(v, memory) for v in action.operands]
        own = self.fresh.keys() | self.kept.keys()
        places = [self.places[v] for v in action.results]
        targets = [
            self._view(v, memory) if isinstance(p, Place) and p.array in own else None
            for v, p in zip(action.results, places, strict=True)
        ]
        return [*operands, *targets]

    def _view(self, v: Value, memory: dict[str, Any]) -> Any:
        """Return a value as an array over the memory that it lies in; a constant as it is."""
        if v.is_constant:
            return v.data
        place = self.places[v]
        assert isinstance(place, Place)
        return shaped(memory[place.array], place)

    def _array(self, v: Value, memory: dict[str, Any]) -> Any:
        return v.data if v.is_constant else self._view(v, memory)[()]

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


_NONE: frozenset[int] = frozenset()


def _is_memory_of(made: Any, a: Any) -> bool:
    """Whether a line is the memory of an array, and not a copy."""
    return isinstance(a, np.ndarray) and np.may_share_memory(made, a)


def _by_numpy(step: Step) -> Callable[..., None]:
    """Return what runs a step: it takes operands, and arrays for the results."""
    count = len(step.operands)
    if step.primitive.function is np.matmul and step.results[0].shape:
        return np.matmul

    def run(*arrays: Any) -> None:
        operands = [x[()] if type(x) is np.ndarray and not x.ndim else x for x in arrays[:count]]
        with np.errstate(all="ignore"):
            made = step.apply(operands)
        for target, x in zip(arrays[count:], made, strict=True):
            if target is not None:
                np.copyto(target, x)

    return run
