"""The back end that needs NumPy alone: each result goes into memory that is already there.

A small program is a line a step. Its intermediate arrays lie side by side in one piece of
memory, planned beforehand: where one is no longer read, the next is put. Over large arrays a
loop's steps run in blocks that fit into a cache. Views of planned memory, such as a
transpose, are made once.

The bits are those of the eager program: the same functions of NumPy on arrays that lie in
memory alike, so that sums are added in the same order.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from ..calculus.indexing import getitem
from .backends import Kernel
from .packing import packed
from .program import Step, Value
from .schedule import Call, Loop, Schedule, is_view, nbytes
from .spelling import identifier, index_part, literal, numpys_name
from .write import OPERATORS

BLOCK = 1 << 16
"""Bytes of each array in one turn of a loop: a few of them fit into a core's second cache."""
LARGE = 4 * BLOCK
"""From so many bytes on, a loop runs in blocks."""
_ALIGNED = 64
_KEPT = ".copy('K')"

_NUMPYS = frozenset(name for name, x in vars(np).items() if callable(x))
_BUILTINS = frozenset(dir(builtins))
_REDUCTIONS = {np.sum: "add", np.prod: "multiply", np.max: "maximum", np.min: "minimum"}


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
            o: np.array([one[o] for one in made], _dtype(outputs[o])).reshape(
                count, *outputs[o].shape
            )
            for o in kept
        }
        return [arrays[updates[o]] if o in updates else stacked[o] for o in range(len(outputs))]

    return run


def _is_beside(step: Step) -> bool:
    """Whether a step takes numbers beside arrays, as ``2 * x`` does."""
    return isinstance(step.primitive.function, np.ufunc) and bool(step.results[0].shape)


class _Memory:
    """One piece of memory, and what of it is free: places are given out and taken back."""

    def __init__(self) -> None:
        self.size = 0
        self._free: list[tuple[int, int]] = []  # (begin, end), in order

    def take(self, count: int, wanted: int | None = None) -> int:
        """Return where `count` bytes may be written; at `wanted` if that is free."""
        count = -(-count // _ALIGNED) * _ALIGNED
        fitting = [(a, b) for a, b in self._free if b - a >= count]
        if wanted is not None:
            fitting = [(a, b) for a, b in fitting if a <= wanted and wanted + count <= b] or fitting
        if not fitting:
            begin = self.size
            if self._free and self._free[-1][1] == begin:  # the last place grows
                begin, _ = self._free.pop()
            self.size = begin + count
            return begin
        begin, end = min(fitting, key=lambda place: place[1] - place[0])
        self._free.remove((begin, end))
        at = begin
        if wanted is not None and begin <= wanted and wanted + count <= end:
            at = wanted
        self._free += [(a, b) for a, b in ((begin, at), (at + count, end)) if a < b]
        self._free.sort()
        return at

    def give_back(self, begin: int, count: int) -> None:
        """Let a place be used again."""
        places = sorted([*self._free, (begin, begin + -(-count // _ALIGNED) * _ALIGNED)])
        self._free = []
        for a, b in places:
            if self._free and self._free[-1][1] == a:
                self._free[-1] = self._free[-1][0], b
            else:
                self._free.append((a, b))


class _Writer:
    def __init__(self, schedule: Schedule, name: str) -> None:
        self.schedule = schedule
        self.objects: dict[str, Any] = {"np": np}
        self.names: dict[Value, str] = {}
        self.taken = {"np", "memory", "i", *keyword.kwlist, *_NUMPYS, *_BUILTINS}
        self.functions: dict[str, None] = {}  # of NumPy's, that are imported
        self.setup: list[str] = []
        self.body: list[str] = []
        self.notes: list[tuple[str, str]] = []
        self.memory = _Memory()
        self.constants: list[str] = []
        self.scalars: dict[Any, str] = {}  # constant numbers, as arrays of no dimension
        self.ones: dict[Any, str] = {}
        self.places: dict[Value, int] = {}  # of what lies in the memory
        # What is the same array in each run.
        self.static = {schedule.inputs[i] for i in schedule.fixed if schedule.inputs[i].shape}
        self.counts: dict[str, int] = {}
        self.name = self._free(name)
        self.steps = list(schedule.steps())
        self.outputs = set(schedule.outputs)
        self.last = self._last_uses()
        self.into = self._written_into()
        self.pieces = self._joined()

    # -- when values are read last, and what may be written where ------------------------------

    def _last_uses(self) -> dict[Value, int]:
        """Return for each value the number of the step that reads it last, itself or as a view."""
        end = len(self.steps)
        last = dict.fromkeys(self.outputs, end)
        ends: dict[Step, int] = {}  # a loop in blocks reads all until its end
        n = 0
        for block in self.schedule.blocks:
            n += len(block.steps)
            if isinstance(block, Loop) and self._in_blocks(block):
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
            if not _joins_lines(step) or step.results[0] in self.outputs:
                continue
            (whole,) = step.results
            at = 0
            for piece in step.operands:
                v = piece
                while v.maker is not None and v.maker.primitive.name == "reshape" and v.maker.shows:
                    v = v.maker.operands[0]
                alone = v not in found and v not in self.outputs and v.maker is not None
                alone = alone and self._takes_out(v.maker)  # type: ignore[arg-type]
                if alone and v.shape and _dtype(v) == _dtype(whole) and _in_order(v):
                    found[v] = whole, at
                    self.last[whole] = max(self.last[whole], self.last.get(v, 0))
                at += prod(piece.shape) * _dtype(whole).itemsize
        return found

    # -- names -----------------------------------------------------------------------------------

    def _free(self, wanted: str) -> str:
        """Return a name that nothing else has: t1, t2, … or, of the user's, Z1, Z1_2, …."""
        counted = wanted in ("t1", "c1", "n1", "s1", "loop1")
        stem, begin = (wanted[:-1], 1) if counted else (f"{wanted}_", 2)
        name, i = wanted, self.counts.get(stem, begin)
        while name in self.taken or name in self.objects:
            name, i = f"{stem}{i}", i + 1
        self.counts[stem] = i
        self.taken.add(name)
        return name

    def _name(self, v: Value) -> str:
        if v not in self.names:
            if v in self.into:
                return self._name(self.into[v])
            of = v.gradient_of
            if v.name is not None:
                wanted = identifier(v.name)
            elif of is not None and of.name is not None:
                wanted = f"d{identifier(of.name)}"
            else:
                wanted = "c1" if v.is_constant else "t1"
            self.names[v] = self._free(wanted)
        return self.names[v]

    def _object(self, wanted: str, x: Any) -> str:
        """Return the name of something that the text cannot say."""
        for name, other in self.objects.items():
            if other is x:
                return name
        name = self._free(identifier(wanted))
        self.objects[name] = x
        return name

    def _numpys(self, function: Any) -> str | None:
        """Return the name of one of NumPy's functions, and import it."""
        name = numpys_name(function)
        if name is None:
            return None
        name = name.removeprefix("np.")
        return f"np.{name}" if "." in name else self._imported(name)

    def _imported(self, name: str) -> str:
        self.functions[name] = None
        return name

    # -- values ----------------------------------------------------------------------------------

    def _read(self, v: Value) -> str:
        if v.is_constant and v not in self.names:
            data = (
                int(v.data) if isinstance(v.data, int) and not isinstance(v.data, bool) else v.data
            )
            if type(data) in (bool, int, float, complex) and np.isfinite(data):
                return repr(data) if complex(data).real >= 0 else f"({data!r})"
            self.names[v] = self._object(v.name or "c1", data)
            self.static.add(v)
        return self._name(v)

    def _memory_for(self, v: Value, dying: Sequence[Value]) -> None:
        """Plan where a value lies: best where one of the same size is read for the last time."""
        if v in self.pieces:
            whole, offset = self.pieces[v]
            if whole not in self.places:
                self.places[whole] = self.memory.take(nbytes(whole))
                self.static.add(whole)
                text = f"np.ndarray({whole.shape}, np.{_dtype(whole).name}, memory"
                self.setup.append(f"{self._name(whole)} = {text}, {self.places[whole]})")
            at = self.places[whole] + offset
            self.static.add(v)
            text = f"np.ndarray({v.shape}, np.{_dtype(v).name}, memory, {at})"
            self.setup.append(f"{self._name(v)} = {text}")
            return
        same = [x for x in dying if x in self.places and nbytes(x) == nbytes(v)]
        at = self.memory.take(nbytes(v), self.places[same[0]] if same else None)
        self.places[v] = at
        self.static.add(v)
        data = np.asarray(v.data)
        if same and at == self.places[same[0]] and _alike(v, same[0]):
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

    # -- the text --------------------------------------------------------------------------------

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
            if isinstance(block, Loop) and self._in_blocks(block):
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

    def _dying(self, step: Step, i: int) -> list[Value]:
        operands = dict.fromkeys(step.operands)
        roots = dict.fromkeys(root for v in operands for root in self._roots(v))
        return [v for v in roots if self.last.get(v, -1) == i]

    def _roots(self, v: Value) -> list[Value]:
        """Return a value and what it may be memory of."""
        roots = [v]
        for x in roots:
            if x.maker is not None and x.maker.shows:
                roots += [y for y in x.maker.operands if y not in roots]
        return roots

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
        if _joins_lines(step) and v not in self.outputs:
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
            if self.pieces.get(root) != (whole, at * _dtype(whole).itemsize):
                end = at + prod(piece.shape)
                given = f"{self._name(whole)}[{at}:{end}], {self._read(piece)}"
                self.body.append(f"{self._imported('copyto')}({given})")
            at += prod(piece.shape)

    def _takes_out(self, step: Step) -> bool:
        function = step.primitive.function
        if isinstance(function, np.ufunc):
            return not step.parameters and function.nout == 1
        if function in _REDUCTIONS:
            return _reduces_all(step)
        return step.primitive.name in ("where", "astype")

    def _call(self, step: Step, out: str | None) -> str:
        """Return the text of a step; into `out`, or as an expression."""
        primitive, function = step.primitive, step.primitive.function
        given = [self._read(v) for v in step.operands]
        after = [] if out is None else [out]
        if function is np.power and (other := _power(step)) is not None:
            function, given = other, given[:1]
        if isinstance(function, np.ufunc) and not step.parameters:
            shapes = [v.shape for v in step.operands]
            if function is np.matmul and _is_product(step):
                return f"{given[0]}.dot({', '.join([*given[1:], *after])})"
            if any(shapes):
                given = [
                    self._scalar(v, step) or text
                    for v, text in zip(step.operands, given, strict=False)
                ]
            made = _dtype(step.results[0])
            is_one = function is np.divide and given[0] == self.ones.get(made)
            if is_one and _dtype(step.operands[1]) == made:  # that of whole numbers is whole
                function, given = np.reciprocal, given[1:]
            sign = OPERATORS.get(function)
            if not any(shapes) and sign and primitive.forward is not primitive.function:
                return f"{given[0]} {sign} {given[1]}" if len(given) == 2 else f"{sign}{given[0]}"
            name = self._numpys(function) or self._object(primitive.name, function)
            if out is not None and function in (np.maximum, np.minimum):  # they ask for the word
                after = [f"out={out}"]
            return f"{name}({', '.join([*given, *after])})"
        if function in _REDUCTIONS and _reduces_all(step):
            p = step.parameters
            name = self._imported(_REDUCTIONS[function])
            dtype = "None" if p.get("dtype") is None else literal(np.dtype(p["dtype"]))
            keeps = bool(p.get("keepdims", False))
            more = [literal(p.get("axis")), dtype, out or "None", str(keeps)]
            while more[-1] in ("None", "False") and len(more) > 1:
                more.pop()
            return f"{name}.reduce({', '.join([given[0], *more])})"
        if primitive.name == "where" and out is not None:
            condition, x, y = given
            copyto = self._imported("copyto")
            return f"{copyto}({out}, {y}); {copyto}({out}, {x}, where={condition})"
        if primitive.name == "astype":
            if out is not None:
                return f"{self._imported('copyto')}({out}, {given[0]}, casting='unsafe')"
            return f"{given[0]}.astype({literal(np.dtype(step.parameters['dtype']))})"
        text = self._general(step, given)
        return text if out is None else f"{self._imported('copyto')}({out}, {text})"

    def _scalar(self, v: Value, step: Step) -> str | None:
        """Return a constant number beside arrays as an array of no dimension.

        NumPy takes that in less time than a number of Python's, which it has to convert.
        """
        number = v.is_constant and isinstance(v.data, (int, float, np.floating))
        if not number or isinstance(v.data, bool) or step.primitive.function not in OPERATORS:
            return None
        others = [np.asarray(x.data).dtype for x in step.operands if x is not v]
        kind = np.result_type(v.data, *others)
        if kind.kind != "f" or not np.isfinite(v.data):
            return None
        key = kind, float(v.data), str(v.data)
        if key not in self.scalars:
            name = self._free("n1")
            self.scalars[key] = name
            self.constants.append(f"{name} = np.array({literal(float(v.data))}, np.{kind.name})")
            if v.data == 1:
                self.ones[kind] = name
        return self.scalars[key]

    def _general(self, step: Step, given: list[str]) -> str:
        """A call of whatever it is, as the eager program makes it."""
        primitive = step.primitive
        if primitive is getitem:
            return f"{given[0]}[{self._index(step.parameters['index'])}]"
        name = self._object(primitive.name, primitive.forward)
        if primitive.by_name:
            given = [f"{n}={t}" for n, t in zip(primitive.operands, given, strict=True)]
        else:
            last = len(given) - len(primitive.without_rule)
            given[last:] = (
                [f"{n}={t}" for n, t in zip(primitive.operands[last:], given[last:], strict=True)]
                if primitive.without_rule
                else given[last:]
            )
        given += [f"{k}={self._parameter(k, x)}" for k, x in step.parameters.items()]
        return f"{name}({', '.join(given)})"

    def _parameter(self, name: str, x: Any) -> str:
        if (
            x is None
            or type(x) in (bool, int)
            or (type(x) is tuple and all(type(i) is int for i in x))
        ):
            return repr(x)
        return self._object(name, x)

    def _index(self, index: Any) -> str:
        parts = index if isinstance(index, tuple) else (index,)
        simple = all(i is None or i is Ellipsis or type(i) in (int, slice) for i in parts)
        return ", ".join(map(index_part, parts)) if simple and parts else self._object("at", index)

    def _view(self, step: Step, x: str) -> str:
        name, p = step.primitive.name, step.parameters
        if step.primitive is getitem:
            return f"{x}[{self._index(p['index'])}]"
        if name == "transpose":
            axes = p.get("axes")
            return f"{x}.T" if axes is None else f"{x}.transpose({tuple(axes)})"
        shape = step.results[0].shape
        if name == "reshape":
            return f"{x}.reshape({shape})"
        if name in ("real", "imag"):
            return f"{x}.{name}"
        return f"np.broadcast_to({x}, {shape})"

    # -- loops in blocks -------------------------------------------------------------------------

    def _in_blocks(self, loop: Loop) -> bool:
        """Whether a loop is so long that it pays to run its steps block by block."""
        if len(loop.steps) < 2 or max(map(nbytes, _made(loop))) < LARGE:
            return False
        return self._lines_of(loop) is not None

    def _lines_of(self, loop: Loop) -> tuple[bool, int] | None:
        """Return whether all arrays can be one line of numbers, and how many rows make a block.

        None where they lie in memory in ways that cannot be cut alike.
        """
        whole = [v for v in (*loop.operands, *_made(loop)) if v.shape == loop.shape]
        others = [v for v in loop.operands if v.shape != loop.shape]
        largest = max(np.asarray(v.data).itemsize for v in whole)
        if all(prod(v.shape) == 1 for v in others) and len({_layout(v) for v in whole}) == 1:
            if _layout(whole[0]) is None:
                return None
            return True, BLOCK // largest
        if any(_layout(v) != tuple(range(len(loop.shape))) for v in whole):
            return None
        rows = BLOCK // (largest * prod(loop.shape[1:]) or 1)
        return (False, rows) if 0 < rows < loop.shape[0] else None

    def _blocked(self, loop: Loop, first: int) -> None:
        """Write a loop as a function of one block, called block by block."""
        lines = self._lines_of(loop)
        assert lines is not None
        flat, rows = lines
        count = prod(loop.shape) if flat else loop.shape[0]
        rest = loop.shape[1:] if not flat else ()
        function = self._free("loop1")
        inner = set(_made(loop)) - set(loop.results)
        operands = [v for v in loop.operands if not (v.is_constant and not v.shape)]
        for v in loop.results:
            if v in self.outputs and v not in self.into:
                self.body.append(f"{self._name(v)} = {self._empty(v)}")
            elif v not in self.into:
                self._memory_for(v, ())
        # Memory of one block for what is read in it alone.
        scratch: dict[Any, list[str]] = {}
        pads: list[tuple[str, Any]] = []
        names: dict[Value, str] = {}
        free_in: dict[Value, int] = {}
        for i, step in enumerate(loop.steps):
            for v in step.operands:
                if v in inner:
                    free_in[v] = i
        code = []
        outside = dict(self.names)
        for i, step in enumerate(loop.steps):
            (v,) = step.results
            safe = isinstance(step.primitive.function, np.ufunc)
            dead = [x for x in dict.fromkeys(step.operands) if free_in.get(x) == i]
            if safe:
                for x in dead:
                    scratch.setdefault(_dtype(x), []).append(names[x])
            if v in inner:
                kind = _dtype(v)
                if scratch.get(kind):
                    names[v] = scratch[kind].pop()
                else:
                    names[v] = self._free("s1")
                    pads.append((names[v], kind))
                self.names[v] = names[v]
            code.append(self._call(step, self._name(v)))
            if not safe:
                for x in dead:
                    scratch.setdefault(_dtype(x), []).append(names[x])
        arguments = [self._name(v) for v in (*operands, *loop.results)]
        arguments = list(dict.fromkeys(arguments))
        pad_names = [name for name, _ in pads]
        self.setup += ["", f"def {function}({', '.join([*arguments, *pad_names])}):"]
        self.setup += [f"    {line}" for line in code] + [""]
        for name, kind in pads:
            shape = (min(rows, count), *rest)
            self.setup.append(f"{name} = np.empty({shape}, np.{kind.name})")
        left = count % rows
        if left:
            self.setup += [f"{name}_rest = {name}[:{left}]" for name in pad_names]
        cut: list[str] = []
        seen = set[str]()
        for v in (*operands, *loop.results):
            name = self._name(v)
            if name in seen:
                continue
            seen.add(name)
            if v.shape != loop.shape and not (
                not flat and len(v.shape) == len(loop.shape) and v.shape[0] == count
            ):
                cut.append(name)
                continue
            if flat and len(v.shape) != 1:
                line = self._free(f"{name}_line")
                layout = _layout(v)
                turned = "" if layout == tuple(range(len(v.shape))) else f".transpose({layout})"
                text = f"{line} = {name}{turned}.reshape(-1)"
                (self.setup if v in self.static else self.body).append(text)
                name = line
            cut.append(f"{name}[§]")
        full = count - left
        turn = ", ".join([*cut, *pad_names])
        if full:
            self.body.append(f"for i in range(0, {full}, {rows}):")
            self.body.append(f"    {function}({turn.replace('§', f'i:i + {rows}')})")
        if left:
            turn = ", ".join([*cut, *(f"{name}_rest" for name in pad_names)])
            self.body.append(f"{function}({turn.replace('§', f'{full}:')})")
        self.names = {**outside, **{v: n for v, n in self.names.items() if v not in inner}}
        last = first + len(loop.steps) - 1
        self._release([
            v for x in loop.operands for v in self._roots(x) if self.last.get(v, -1) == last
        ])  # fmt: skip

    def _empty(self, v: Value) -> str:
        layout = _layout(v)
        shape = [v.shape[i] for i in layout or ()]
        text = f"np.empty({tuple(shape)}, np.{_dtype(v).name})"
        if layout != tuple(range(len(v.shape))):
            text += f".transpose({tuple(np.argsort(layout or ()).tolist())})"
        return text

    # -- what is said of it ------------------------------------------------------------------------

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


def _joins_lines(step: Step) -> bool:
    """Whether a step puts lines of numbers of one dtype behind each other."""
    if step.primitive.name != "concatenate" or step.indices or len(step.results) != 1:
        return False
    return len(step.results[0].shape) == 1 and bool(step.results[0].shape[0])


def _in_order(v: Value) -> bool:
    return _layout(v) == tuple(range(len(v.shape))) and bool(nbytes(v))


def _reduces_all(step: Step) -> bool:
    """Whether a reduction takes in every number, and begins with nothing."""
    given = {k for k, x in step.parameters.items() if not (k == "where" and x is True)}
    return given <= {"axis", "keepdims", "dtype"} and bool(prod(step.operands[0].shape))


def _made(loop: Loop) -> list[Value]:
    return [v for step in loop.steps for v in step.results]


def _dtype(v: Value) -> np.dtype[Any]:
    return np.asarray(v.data).dtype


def _layout(v: Value) -> tuple[int, ...] | None:
    """Return the axes in the order in which they lie in memory; None if there are gaps."""
    data = np.asarray(v.data)
    order = sorted(range(data.ndim), key=lambda i: -abs(data.strides[i]))
    return tuple(order) if data.transpose(order).flags.c_contiguous else None


def _alike(v: Value, other: Value) -> bool:
    return v.shape == other.shape and _dtype(v) == _dtype(other) and _layout(v) == _layout(other)


def _is_product(step: Step) -> bool:
    """Whether `ndarray.dot` computes a product as `np.matmul` does, which takes longer to begin."""
    arrays = [np.asarray(v.data) for v in step.operands]
    if any(a.dtype.kind not in "fc" or not a.flags.forc for a in arrays):
        return False
    return all(a.ndim == 2 for a in arrays) or all(a.ndim == 1 for a in arrays)


def _power(step: Step) -> Any:
    """Return what the operator ``**`` calls in place of a power, as NumPy does."""
    x, y = step.operands
    if not x.shape or not y.is_constant or y.shape or _dtype(x).kind not in "fc":
        return None
    return {2.0: np.square, 0.5: np.sqrt, -1.0: np.reciprocal}.get(y.data)
