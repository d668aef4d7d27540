"""Running a schedule in parts: compiled functions and calls of NumPy, one after the other.

All arrays that live between the parts lie in one piece of memory, which is planned: see
`numba_plan`. It stays from run to run, and so does what each part is called with, but for what
another array was given for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .numba_blocks import Body
from .numba_expressions import dtype_of
from .numba_memory import Line, Place, contiguous, given, shaped
from .numba_plan import ALIGNED, placed
from .program import Step, Value
from .schedule import Schedule
from .threads import shared

Size = tuple[int, np.dtype[Any]]


@dataclass(slots=True)
class Layout:
    """Where everything lies that parts are handed.

    Attributes
    ----------
    inputs
        The places of what is given.
    places
        Those of all values.
    arrays
        Lengths and dtypes of the arrays that live between the parts.
    fresh
        Of those that are new in each run, since they are returned.
    pieces
        Names for parts of arrays: of which, where they begin, and their lengths.
    constants
        The arrays that are numbers of the program.
    """

    inputs: list[Place] = field(default_factory=list)
    places: dict[Value, Place | str] = field(default_factory=dict)
    arrays: dict[str, Size] = field(default_factory=dict)
    fresh: dict[str, Size] = field(default_factory=dict)
    pieces: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    constants: dict[str, Value] = field(default_factory=dict)


@dataclass(slots=True)
class Function:
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


class Runner:
    """Runs the parts one after the other."""

    def __init__(self, layout: Layout, schedule: Schedule, actions: list[Any]) -> None:
        self.schedule, self.actions = schedule, actions
        self.inputs, self.places, self.pieces = layout.inputs, layout.places, layout.pieces
        self.fresh, self.kept = layout.fresh, layout.arrays
        self.constants = {
            name: Line(given(name, v.data), dtype_of(v))(v.data)
            for name, v in layout.constants.items()
        }
        self.spare: list[_Frame] = []
        updated = set(self.schedule.updates.values())
        pairs = zip(self.inputs, self.schedule.inputs, strict=True)
        self.lines = [Line(p, dtype_of(v), i in updated) for i, (p, v) in enumerate(pairs)]
        self.functions = [_by_numpy(a) if isinstance(a, Step) else a.run() for a in actions]
        self.readers: dict[str, set[int]] = {}  # the numbers of actions, by what they use
        for k, action in enumerate(actions):
            for name in self._used(action):
                self.readers.setdefault(name, set()).add(k)
        self.always = set().union(*(self.readers.get(name, set()) for name in self.fresh))
        self._plan()

    def _plan(self) -> None:
        """Decide where the arrays lie that live between the parts."""
        sizes = {a: n * k.itemsize for a, (n, k) in self.kept.items()}
        read = {self._whole(p.array) for v in self.schedule.outputs
                if isinstance(p := self.places.get(v), Place)}  # fmt: skip
        spans = {}
        for name in sizes:
            found = self.readers.get(name, {0})
            spans[name] = min(found), len(self.actions) if name in read else max(found)
        self.begins, self.size = placed(sizes, spans)

    def described(self) -> str:
        """Say how much memory a run takes."""
        apart = sum(n * k.itemsize for n, k in self.kept.values())
        return (
            f"{self.size / 2**20:.3g} MiB in one piece, for {len(self.kept)} arrays that would "
            f"take {apart / 2**20:.3g} MiB apart"
        )

    def _whole(self, name: str) -> str:
        """Return the array that a name is a piece of."""
        return self.pieces[name][0] if name in self.pieces else name

    def _line(self, name: str, memory: dict[str, Any]) -> Any:
        if name not in self.pieces:
            return memory[name]
        array, begin, count = self.pieces[name]
        return memory[array][begin : begin + count]

    def _used(self, action: Any) -> list[str]:
        if not isinstance(action, Step):
            return [self._whole(name) for name in action.arrays]
        values = (*action.operands, *action.results)
        places = [self.places[v] for v in values if not v.is_constant]
        return [self._whole(p.array) for p in places if isinstance(p, Place)]

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
        whole = np.empty(self.size + ALIGNED, np.uint8)
        whole = whole[-whole.ctypes.data % ALIGNED :]
        memory = dict(self.constants)
        for name, (n, kind) in self.kept.items():
            begin = self.begins[name]
            memory[name] = whole[begin : begin + n * kind.itemsize].view(kind)
        frame = _Frame(memory, [None] * len(self.lines), [None] * len(self.actions))
        inputs = {p.array for p in self.inputs} | set(self.fresh)
        for k, action in enumerate(self.actions):
            if not inputs.intersection(self._used(action)):
                frame.arguments[k] = self._arguments(action, memory)
        return frame

    def _arguments(self, action: Any, memory: dict[str, Any]) -> Any:
        """Return what an action is called with: arrays, and those that a step's results go into."""
        if not isinstance(action, Step):
            return [self._line(name, memory) for name in action.arrays]
        operands = [self._view(v, memory) for v in action.operands]
        own = self.fresh.keys() | self.kept.keys()
        places = [self.places[v] for v in action.results]
        targets = [
            self._view(v, memory) if isinstance(p, Place) and self._whole(p.array) in own else None
            for v, p in zip(action.results, places, strict=True)
        ]
        return [*operands, *targets]

    def _view(self, v: Value, memory: dict[str, Any]) -> Any:
        """Return a value as an array over the memory that it lies in; a constant as it is."""
        if v.is_constant:
            return v.data
        place = self.places[v]
        assert isinstance(place, Place)
        return shaped(self._line(place.array, memory), place)

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
