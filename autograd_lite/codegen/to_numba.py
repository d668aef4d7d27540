"""The back end that compiles loops, with Numba: the extra ``fast``.

A whole schedule becomes one function, and two loops stand around it: over the members of a batch,
each with its own numbers, and over steps, where what a step updates goes into the next. So one
call is one step, a training run, or many of them, and nothing of Python runs in between.

What compiled loops cannot say, or NumPy does better (a large matrix product), is left to NumPy:
the schedule falls into *segments*, compiled ones and calls, that run one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from . import cache, numba_table
from .backends import Kernel
from .numba_calls import is_compiled
from .numba_expressions import KINDS, dtype_of
from .numba_memory import Line, Place, contiguous, given
from .numba_plan import sunk
from .numba_products import is_tiled
from .numba_rows import is_by_rows
from .numba_segments import in_segments
from .numba_windows import is_windowed
from .numba_writer import SMALL, Unit, Writer, header, kind_name, root, stacks
from .program import Step, Value
from .schedule import Call, Loop, Schedule


def build(schedule: Schedule, name: str) -> Kernel:
    """Build a kernel of compiled loops."""
    if numba_table.fits(schedule):
        return numba_table.kernel(schedule)
    units = _units(schedule, _is_looked_at_before)
    if all(own for own, _ in units):
        return _Whole(schedule, name).kernel()
    schedule = sunk(schedule)
    units = _units(schedule, lambda block, schedule: _is_large(block))
    return in_segments(schedule, units, name)


def _is_large(block: Loop | Call) -> bool:
    """Whether a block is written as loops where each may be a function of its own."""
    if not isinstance(block, Call):
        return False
    return is_windowed(block.step) or is_tiled(block.step) or is_by_rows(block.step)


def _is_looked_at_before(block: Loop | Call, schedule: Schedule) -> bool:
    """Whether a block sees that numbers are in range, of what no step changes: labels, say.

    It is done once for all steps, before them.
    """
    if not isinstance(block, Call) or not block.step.primitive.is_check:
        return False
    base = root(block.step.operands[0])
    if base not in schedule.inputs or prod(base.shape) != prod(block.results[0].shape):
        return False
    i = schedule.inputs.index(base)
    return all(schedule.outputs[o] is base for o, u in schedule.updates.items() if u == i)


def _units(
    schedule: Schedule, passes: Callable[[Loop | Call, Schedule], bool]
) -> list[tuple[bool, Unit]]:
    """Cut the blocks into runs of those that are compiled and those that are left to NumPy.

    What `passes` is no work, and counts as compiled.
    """
    units: list[tuple[bool, Unit]] = []
    plain = all(dtype_of(v) in KINDS for v in schedule.inputs)
    for block in schedule.blocks:
        if isinstance(block, Call) and block.is_view:
            own = is_compiled(block) and (units[-1][0] if units else True)
        else:
            own = plain and (is_compiled(block) or passes(block, schedule))
        if not units or units[-1][0] != own:
            units.append((own, []))
        units[-1][1].append(block)
    return units or [(True, [])]


class _Whole(Writer):
    """A schedule as one function, with the loops over members and steps around it."""

    def __init__(self, schedule: Schedule, name: str) -> None:
        super().__init__(schedule, 3)
        self.name = self.names.free(name)
        self.entries: list[str] = []  # lines before the first step of a member
        self.exits: list[str] = []  # and after its last
        self.inputs: list[Place] = []
        self.outputs: list[tuple[int, Place]] = []  # those that are no updates
        self.updates = {i: o for o, i in schedule.updates.items()}
        found = [b.step for b in schedule.blocks if _is_looked_at_before(b, schedule)]  # type: ignore[union-attr]
        self.checks = [(schedule.inputs.index(root(step.operands[0])), step) for step in found]
        for i, v in enumerate(schedule.inputs):
            self._input(i, v)
        self._outputs()

    def view(self, step: Step) -> Place | None:
        """Return where a step's result lies, if it is its operand, looked at or only checked."""
        if any(step is checked for _, checked in self.checks):
            place = self.place(step.operands[0])
            return None if isinstance(place, str) else place
        return super().view(step)

    def _input(self, i: int, v: Value) -> None:
        array = self.names.free(v.name or "x")
        base = self.names.free(f"{array}_at")
        place = given(array, v.data, base)
        self.inputs.append(place)
        count = prod(v.shape)
        if i in self.updates and count <= SMALL and self.on_stack + count <= 8 * SMALL:
            self.on_stack += count  # it is carried from step to step where it is quick to reach
            kept = self.body.stack(f"{array}_kept", count, dtype_of(v))
            self.entries += [
                f"for i in range({count}):",
                f"    {kept}[i] = {array}[at({base} + i)]",
            ]
            self.exits += [
                f"for i in range({count}):",
                f"    {array}[at({base} + i)] = {kept}[i]",
            ]
            place = Place(kept, place.shape, place.strides)
        self.places[v] = place

    def _outputs(self) -> None:
        """Decide which results are written at once where they belong."""
        for o, v in enumerate(self.schedule.outputs):
            if o in self.schedule.updates:
                u = self.schedule.inputs[self.schedule.updates[o]]
                if v not in self.places and self.fits_in_place(v, u):
                    self.places[v] = self.places[u]
                continue
            array = self.names.free(v.name or "y")
            place = Place(array, v.shape, contiguous(v.shape), 0, self.names.free(f"{array}_at"))
            self.outputs.append((o, place))
            if v not in self.places and v.shape and v.maker and self.view(v.maker) is None:
                self.places[v] = place

    def kernel(self) -> Kernel:
        """Write it, compile it and return what calls it."""
        self.blocks(list(enumerate(self.schedule.blocks)))
        self._finish()
        source = self._source()
        function = getattr(cache.load(source), self.name)
        runner = _Runner(self, function)
        return Kernel(self.schedule, runner.call, source, self.notes, runner.run, runner.many)

    def _finish(self) -> None:
        """Write results that lie elsewhere to where they belong: first those that are no update."""
        write = self.body.write
        late: list[tuple[Place, Place | str]] = []
        updated = {
            p.array
            for u in self.updates
            for p in [self.places[self.schedule.inputs[u]]]
            if isinstance(p, Place)
        }
        for o, place in self.outputs:
            self._deliver(place, self.places_of(self.schedule.outputs[o]))
        for i, o in self.updates.items():
            target, source = (
                self.places[self.schedule.inputs[i]],
                self.places_of(self.schedule.outputs[o]),
            )
            assert isinstance(target, Place)
            if isinstance(source, Place) and source.array in updated and source != target:
                kept = Place(
                    self.memory(self.schedule.outputs[o]), source.shape, contiguous(source.shape)
                )
                self.body.copy(kept, source)
                source = kept
            elif isinstance(source, str):
                kept_name = self.names.free("kept")
                write(f"{kept_name} = {source}")
                source = kept_name
            late.append((target, source))
        for target, source in late:
            self._deliver(target, source)

    def places_of(self, v: Value) -> Place | str:
        """Return where an output lies; a constant number as text."""
        from .numba_expressions import number

        if v.is_constant and not v.shape:
            return number(v.data, dtype_of(v))
        return self.place(v)

    def _deliver(self, target: Place, source: Place | str) -> None:
        if isinstance(source, str):
            self.body.write(f"{target.element(['0'] * len(target.shape))} = {source}")
        elif source != target:
            self.body.copy(target, source)

    def _source(self) -> str:
        arguments: list[tuple[str, str]] = []
        for i, (p, v) in enumerate(zip(self.inputs, self.schedule.inputs, strict=True)):
            arguments.append((p.array, kind_name(dtype_of(v), is_read=i not in self.updates)))
        for o, p in self.outputs:
            arguments.append((p.array, kind_name(dtype_of(self.schedule.outputs[o]))))
        for name, v in self.constants.items():
            arguments.append((name, kind_name(dtype_of(v), is_read=True)))
        arguments += [(name, kind_name(kind)) for name, (_, kind) in self.work.items()]
        kinds = "; ".join(kind for _, kind in arguments)
        bases = [p.base for p in (*self.inputs, *(p for _, p in self.outputs))]
        lines = header(self.body)
        lines += [
            f'@compiled("int64; int64; table; {kinds}")',
            f"def {self.name}(members, count, jumps, {', '.join(name for name, _ in arguments)}):",
            *(f"    {text}" for text in stacks(self.body)),
            "    for member in range(members):",
        ]
        for n, base in enumerate(bases):
            lines.append(f"        {base} = member * jumps[{n}, 0]")
        lines += [f"        {text}" for text in self.entries]
        lines.append("        for step in range(count):")
        lines += self.body.write.lines or ["            pass"]
        stepped = [n for n in range(len(bases)) if n not in self.updates]
        for n in stepped:
            base = bases[n]
            lines.append(f"            {base} += jumps[{n}, 1]")
            if n < len(self.inputs):
                lines.append(f"            if {base} == jumps[{n}, 2] + member * jumps[{n}, 0]:")
                lines.append(f"                {base} = member * jumps[{n}, 0]")
        lines += [f"        {text}" for text in self.exits]
        return "\n".join([*lines, ""])


class _Runner:
    """Hands arrays to a compiled schedule."""

    def __init__(self, whole: _Whole, function: Any) -> None:
        self.function, self.schedule = function, whole.schedule
        pairs = zip(whole.inputs, self.schedule.inputs, strict=True)
        self.lines = [Line(p, dtype_of(v), i in whole.updates) for i, (p, v) in enumerate(pairs)]
        self.axes = [line.axes if line.place.shape and not line.is_written else None
                     for line in self.lines]  # fmt: skip
        self.sizes = [prod(v.shape) for v in self.schedule.inputs]
        self.updates = frozenset(whole.updates)
        self.checks = whole.checks
        self.outputs = [
            (o, p, dtype_of(self.schedule.outputs[o]), prod(p.shape)) for o, p in whole.outputs
        ]
        self.shapes = [(p.shape or 1, kind) for _, p, kind, _ in self.outputs]
        # Whether all outputs are new arrays with axes.
        self.are_plain = not self.updates and all(p.shape for _, p, _, _ in self.outputs)
        self.constants = [
            Line(given(name, v.data), dtype_of(v))(v.data) for name, v in whole.constants.items()
        ]
        self.work = list(whole.work.values())
        self.spare: list[list[Any]] = []  # memory of runs that have ended
        self.once = self._jumps({}, {}, 1)

    def call(self, arrays: Sequence[Any]) -> list[Any]:
        """Run it once."""
        if self.checks:
            self._look(arrays)
        made = [np.empty(shape, kind) for shape, kind in self.shapes]
        # Shapes, dtypes and layouts are those that it was compiled for: `Line` sees to the rest.
        lines = [
            line(a) if axes is None else a.ravel() if not axes else a.transpose(axes).ravel()
            for a, line, axes in zip(arrays, self.lines, self.axes)  # noqa: B905 (of one length)
        ]
        self._run(1, 1, self.once, lines, [a.ravel() for a in made])
        if self.are_plain:
            return made
        results: list[Any] = [None] * len(self.schedule.outputs)
        for (o, p, _, _), a in zip(self.outputs, made, strict=True):
            results[o] = a if p.shape else a[0]
        for o, i in self.schedule.updates.items():
            results[o] = arrays[i]
        return results

    def run(self, arrays: Sequence[Any], count: int, scanned: frozenset[int]) -> list[Any]:
        """Run it `count` times; see `Kernel.run`."""
        return self.many(arrays, count, scanned, frozenset())

    def many(
        self, arrays: Sequence[Any], count: int, scanned: frozenset[int], batched: frozenset[int]
    ) -> list[Any]:
        """Run it `count` times for each member of a batch; see `Kernel.many`."""
        self._look(arrays)
        n = next((len(arrays[i]) for i in batched), 1)
        front = (n,) if batched else ()
        lengths = {i: arrays[i].shape[1 if i in batched else 0] for i in scanned}
        made = [np.empty((*front, count, *p.shape), kind) for _, p, kind, _ in self.outputs]
        jumps = self._jumps(lengths, dict.fromkeys(batched, 0), count)
        lines = [line(a) for line, a in zip(self.lines, arrays, strict=True)]
        self._run(n, count, jumps, lines, [a.reshape(-1) for a in made])
        results: list[Any] = [None] * len(self.schedule.outputs)
        for (o, *_), a in zip(self.outputs, made, strict=True):
            results[o] = a
        for o, i in self.schedule.updates.items():
            results[o] = arrays[i]
        return results

    def _look(self, arrays: Sequence[Any]) -> None:
        """Raise, naming the step or member, unless all that is given is in range."""
        for i, step in self.checks:
            try:
                step.apply([arrays[i]])
            except (ValueError, IndexError):
                shape = self.schedule.inputs[i].shape
                for row in np.reshape(arrays[i], (-1, *shape)):
                    step.apply([row])
                raise

    def _jumps(self, lengths: dict[int, int], batched: dict[int, int], count: int) -> Any:
        """Return how far each array moves on, from member to member and step to step."""
        rows = []
        for i, size in enumerate(self.sizes):
            n = lengths.get(i, 1)
            rows.append((size * n if i in batched else 0, size if i in lengths else 0,
                         size * n if i in lengths else -1))  # fmt: skip
        rows += [(size * count, size, -1) for *_, size in self.outputs]
        return np.array(rows, np.int64).reshape(-1, 3)

    def _run(self, n: int, count: int, jumps: Any, lines: list[Any], made: list[Any]) -> None:
        work = self.spare.pop() if self.spare else [np.empty(n, k) for n, k in self.work]
        self.function(n, count, jumps, *lines, *made, *self.constants, *work)
        self.spare.append(work)
