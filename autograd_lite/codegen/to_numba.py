"""The back end that compiles loops, with Numba: the extra ``fast``.

A whole schedule becomes one function, and two loops stand around it: over the members of a batch,
each with its own numbers, and over steps, where what a step updates goes into the next. So one
call is one step, a training run, or many of them, and nothing of Python runs in between.

What compiled loops cannot say, or NumPy does better (a large matrix product), is left to NumPy:
the schedule falls into *segments*, compiled ones and calls, that run one after the other.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

import numpy as np

from ..later import later
from . import cache, numba_table
from .backends import Kernel
from .numba_blocks import HEAVY, Body
from .numba_calls import is_compiled, write_call
from .numba_expressions import KINDS, NEAR, OWN, dtype_of, is_heavy, own_function
from .numba_memory import Line, Place, contiguous, given, viewed
from .program import Step, Value
from .schedule import Call, Loop, Schedule

SMALL = 4096
"""Arrays of up to so many numbers live on the stack; all of them together are eight times that."""

FIXED_NAMES = frozenset(
    (
        *("np", "at", "stack", "compiled", "added", "product_added", "members", "count", "jumps"),
        *("member", "step", "s", "x", "b", "i", "j", "k", "first", "part", "whole", "lost", "far"),
        *("abs", "min", "range", *OWN.values(), *NEAR.values()),
        *(f"{name}32" for name in (*OWN.values(), *NEAR.values())),
        *keyword.kwlist,
    )
)

Unit = list[Loop | Call]


def build(schedule: Schedule, name: str) -> Kernel:
    """Build a kernel of compiled loops."""
    if numba_table.fits(schedule):
        return numba_table.kernel(schedule)
    units = _units(schedule, _is_looked_at_before)
    if all(own for own, _ in units):
        return _Whole(schedule, name).kernel()
    units = _units(schedule, lambda block, schedule: False)
    return later("in_segments")(schedule, units, name)  # type: ignore[no-any-return]


def _is_looked_at_before(block: Loop | Call, schedule: Schedule) -> bool:
    """Whether a block sees that numbers are in range, of what no step changes: labels, say.

    It is done once for all steps, before them.
    """
    if not isinstance(block, Call) or not block.step.primitive.is_check:
        return False
    root = _root(block.step.operands[0])
    if root not in schedule.inputs or prod(root.shape) != prod(block.results[0].shape):
        return False
    i = schedule.inputs.index(root)
    return all(schedule.outputs[o] is root for o, u in schedule.updates.items() if u == i)


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


class Names:
    """Names for variables: of a wish, what is left when all but letters and digits is gone."""

    def __init__(self) -> None:
        self.taken = set(FIXED_NAMES)

    def free(self, wish: str) -> str:
        """Return a name that nothing has yet."""
        stem = re.sub(r"[^A-Za-z0-9_]", "_", wish)[:40].strip("_") or "v"
        stem = f"v_{stem}" if stem[0].isdigit() else stem
        name, n = stem, 1
        while name in self.taken or re.fullmatch(r"[nij]\d+", name):
            n += 1
            name = f"{stem}_{n}"
        self.taken.add(name)
        return name


class Writer:
    """Places for the values of a schedule, and the lines of its blocks."""

    def __init__(self, schedule: Schedule, depth: int) -> None:
        self.schedule = schedule
        self.names = Names()
        self.places: dict[Value, Place | str] = {}
        self.constants: dict[str, Value] = {}
        self.work: dict[str, tuple[int, np.dtype[Any]]] = {}  # too large for the stack
        self.unused: dict[Any, list[str]] = {}  # of these, what is no longer read
        self.on_stack = 0
        self.last = schedule.last_use()
        self.body = Body(self.place, self.names.free, depth)
        self.notes: list[tuple[str, str]] = []

    def place(self, v: Value) -> Place | str:
        """Return where a value lies: a variable, for a single number, or a place in an array."""
        known = self.places.get(v)
        if known is not None:
            return known
        if v.is_constant:
            name = self.names.free(v.name or "c")
            self.constants[name] = v
            self.places[v] = given(name, v.data)
        elif v.maker is not None and (view := self.view(v.maker)) is not None:
            self.places[v] = view
        elif not v.shape:
            self.places[v] = self.names.free(v.name or "t")
        else:
            self.places[v] = Place(self.memory(v), v.shape, contiguous(v.shape))
        return self.places[v]

    def view(self, step: Step) -> Place | None:
        """Return where a step's result lies if it is another look at its operand."""
        if step.primitive.name not in ("transpose", "broadcast_to", "reshape", "getitem"):
            return None
        if len(step.operands) != 1:
            return None
        place = self.place(step.operands[0])
        if isinstance(place, str):  # a single number, as it stands
            return None
        return viewed(step, place)

    def fits_in_place(self, v: Value, u: Value) -> bool:
        """Whether v can be written over u while it is computed: nothing reads u later."""
        blocks = self.schedule.blocks
        at = next((i for i, b in enumerate(blocks) if v in b.results), None)
        if at is None or not v.shape:
            return False
        loop = blocks[at]
        if not isinstance(loop, Loop) or loop.shape != u.shape:
            return False
        later = [w for block in blocks[at + 1 :] for w in block.operands]
        if any(_root(w) is u for w in (*later, *self.schedule.outputs)):
            return False
        heavy = sum(map(is_heavy, loop.steps))
        if heavy > HEAVY or any(own_function(s) in ("sin", "cos") for s in loop.steps):
            return False  # it runs in parts, and what is overwritten might be read once more
        if any(w is not u and w.maker and _root(w) is u for w in loop.operands):
            return False
        taken = [p for w, p in self.places.items() if w is not u]
        return self.places[u] not in taken

    def memory(self, v: Value) -> str:
        """Return the name of an array for a value that has none."""
        count, kind = prod(v.shape), dtype_of(v)
        if count <= SMALL and self.on_stack + count <= 8 * SMALL:
            self.on_stack += count
            return self.body.stack(v.name or "t", count, kind)
        unused = self.unused.get((count, kind))
        if unused:
            return unused.pop()
        name = self.names.free(v.name or "t")
        self.work[name] = count, kind
        return name

    def release(self, i: int, block: Loop | Call) -> None:
        """Let the memory of what no later block reads be used again."""
        for v in block.operands:
            place = self.places.get(v)
            if isinstance(place, Place) and place.array in self.work and self.last.get(v, -1) <= i:
                roots = [
                    w
                    for w, p in self.places.items()
                    if isinstance(p, Place) and p.array == place.array
                ]
                if all(self.last.get(w, -1) <= i for w in roots):
                    unused = self.unused.setdefault(self.work[place.array], [])
                    if place.array not in unused:
                        unused.append(place.array)

    def blocks(self, blocks: Iterable[tuple[int, Loop | Call]]) -> None:
        """Write blocks, each with its number in the schedule."""
        sums, stored = self._sums([b for _, b in blocks])
        for i, block in blocks:
            begin = len(self.body.write.lines)
            if isinstance(block, Loop):
                block = Loop(block.shape, block.steps, [v for v in block.results if v in stored])
                own = {v: sums[v] for s in block.steps for v in s.results if v in sums}
                self.body.loop(block, own)
            elif self.view(block.step) is not None:
                self.place(block.results[0])  # noted now: its operand's memory is in use
            elif not any(block.results[0] in made for made in sums.values()):
                write_call(self.body, block.step, self.place)
            lines = self.body.write.lines[begin:]
            if lines:
                self.notes.append((lines[0].strip(), f"{block}; {len(lines)} lines"))
            self.release(i, block)

    def _sums(self, blocks: list[Loop | Call]) -> tuple[dict[Value, list[Value]], set[Value]]:
        """Find sums over all elements of what a loop makes: the loop adds them up.

        Returns those by what is summed, and what is read by anything else.
        """
        made = {v: b for b in blocks if isinstance(b, Loop) for s in b.steps for v in s.results}
        sums: dict[Value, list[Value]] = {}
        read = set(self.schedule.outputs)
        inside = {id(b) for b in blocks}
        for block in self.schedule.blocks:
            if isinstance(block, Call) and id(block) in inside and _is_total(block.step):
                (v,) = block.step.operands
                if v in made and made[v].shape == v.shape and prod(v.shape) > 1:
                    sums.setdefault(v, []).append(block.step.results[0])
                    continue
            read.update(block.operands)
        return sums, read


def _is_total(step: Step) -> bool:
    """Whether a step is the sum of all elements of an array of floats."""
    if step.primitive.function is not np.sum or step.parameters.get("where", True) is not True:
        return False
    (v,) = step.operands
    axis = step.parameters.get("axis")
    all_axes = axis is None or (isinstance(axis, tuple) and len(axis) == len(v.shape))
    same = dtype_of(step.results[0]) == dtype_of(v) and dtype_of(v).kind == "f"
    return all_axes and same


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
        self.checks = [(schedule.inputs.index(_root(step.operands[0])), step) for step in found]
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


def _root(v: Value) -> Value:
    while v.maker is not None and v.maker.primitive.name in (
        "transpose",
        "reshape",
        "broadcast_to",
        "getitem",
    ):
        v = v.maker.operands[0]
    return v


def kind_name(kind: np.dtype[Any], is_read: bool = False) -> str:
    """Return what `jit.compiled` calls a line of numbers, which may be read and not written."""
    name = "boolean" if kind.kind == "b" else kind.name
    return f"{'const ' if is_read else ''}{name}[::1]"


def header(body: Body) -> list[str]:
    """Return the first lines of a generated module."""
    lines = ['"""Generated by autograd_lite.codegen.to_numba."""', "", "import numpy as np", ""]
    for module, suffix in (("elementary", ""), ("elementary32", "32")):
        names = sorted(name for m, name in body.own if m == module)
        if names:
            called = ", ".join(f"{name} as {name}{suffix}" if suffix else name for name in names)
            lines.append(f"from autograd_lite.codegen.{module} import {called}")
    lines.append("from autograd_lite.codegen.jit import added, compiled, intrinsics, product_added")
    return [*lines, "", "stack, at = intrinsics()", "", ""]


def stacks(body: Body) -> list[str]:
    """Return the lines that make the small arrays."""
    return [
        f"{name} = stack({count}, np.{kind.name if kind.kind != 'b' else 'bool_'})"
        for name, (count, kind) in body.small.items()
    ]


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
        self.constants = [
            Line(given(name, v.data), dtype_of(v))(v.data) for name, v in whole.constants.items()
        ]
        self.work = list(whole.work.values())
        self.spare: list[list[Any]] = []  # memory of runs that have ended
        self.once = self._jumps({}, {}, 1)

    def call(self, arrays: Sequence[Any]) -> list[Any]:
        """Run it once."""
        self._look(arrays)
        made = [np.empty(size, kind) for _, _, kind, size in self.outputs]
        # Shapes, dtypes and layouts are those that it was compiled for: `Line` sees to the rest.
        lines = [
            line(a) if axes is None else a.ravel() if not axes else a.transpose(axes).ravel()
            for a, line, axes in zip(arrays, self.lines, self.axes, strict=True)
        ]
        self._run(1, 1, self.once, lines, made)
        results: list[Any] = [None] * len(self.schedule.outputs)
        for (o, p, _, _), a in zip(self.outputs, made, strict=True):
            results[o] = a.reshape(p.shape) if p.shape else a[0]
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
