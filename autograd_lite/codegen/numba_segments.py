"""A schedule in parts: compiled loops, and between them what is left to NumPy.

A large matrix product, a convolution, a sort: NumPy has them, and calls to it take little beside
what they do. What one part makes and another reads is an array that both are handed.
"""

from __future__ import annotations

import re
from math import prod
from typing import Any

import numpy as np

from ..calculus.convolution import conv2d_weight
from . import cache
from .backends import Kernel
from .numba_blocks import Body
from .numba_calls import is_small_product
from .numba_expressions import dtype_of
from .numba_memory import Place, Strides, contiguous, given, in_order
from .numba_parts import Parts
from .numba_products import MANY, is_tiled, multiplications, write_product
from .numba_rows import is_by_rows, write_rows
from .numba_runner import Function, Layout, Runner
from .numba_windows import CHANNELS_LAST, is_windowed, write_windows
from .numba_writer import FIXED_NAMES, Unit, Writer, header, kind_name, stacks
from .program import Step, Value
from .schedule import Call, Loop, Schedule, is_elementwise
from .threads import SHARED_FROM, threads


def in_segments(schedule: Schedule, units: list[tuple[bool, Unit]], name: str) -> Kernel:
    """Build a kernel that runs compiled parts and calls of NumPy in turn."""
    return _Segments(schedule, units, name).kernel()


class _Segments(Writer):
    def __init__(self, schedule: Schedule, units: list[tuple[bool, Unit]], name: str) -> None:
        super().__init__(schedule, 1)
        self.units, self.name = self._cut(units), name
        self.layout = Layout(places=self.places, constants=self.constants)
        self.functions: list[Function] = []
        self.known: dict[Any, str] = {}  # functions, by what they do
        self.joined: dict[Step, set[int]] = {}  # operands that are made where they will lie
        self.tiles: dict[str, str] = {}
        self.orders = _orders(schedule)
        for v in schedule.inputs:
            place = given(self.names.free(v.name or "x"), v.data)
            self.layout.inputs.append(place)
            self.places[v] = place
        for o, i in schedule.updates.items():
            v, u = schedule.outputs[o], schedule.inputs[i]
            if v not in self.places and self.fits_in_place(v, u) and self._is_compiled(v):
                self.places[v] = self.places[u]
        for step in schedule.steps():
            if step.primitive.name == "concatenate":
                self._join(step)
        for v in self._crossing():
            if v not in self.places:
                self._share(v)

    def _cut(self, units: list[tuple[bool, Unit]]) -> list[tuple[bool, Unit]]:
        """Let each block that threads share be a unit of its own; let a product begin another.

        So layers that are alike fall into units that are alike, which are compiled once.
        """
        cut: list[tuple[bool, Unit]] = []
        for own, unit in units:
            summed, ended = self.sums_of(unit) if own else {}, True
            for block in unit:
                shared = own and is_shared(block, summed)
                begins = own and isinstance(block, Call) and _is_tiled(block.step)
                if shared or ended or begins:
                    cut.append((own, []))
                cut[-1][1].append(block)
                ended = shared
        return cut

    def _join(self, step: Step) -> None:
        """Let what is joined be made where it will lie."""
        (whole,) = step.results
        axis = step.parameters.get("axis", 0) % len(whole.shape)
        if whole in self.places or whole in self.schedule.outputs or prod(whole.shape[:axis]) != 1:
            return
        self._share(whole)
        begin, (array, _) = 0, (self.places[whole].array, None)  # type: ignore[union-attr]
        for i, v in enumerate(step.operands):
            u, count = v, prod(v.shape)
            while u.maker is not None and u.maker.primitive.name == "reshape":
                u = u.maker.operands[0]
            is_view = u.maker is None or u.maker.primitive.name in VIEWS
            is_other = is_view or dtype_of(u) != dtype_of(whole)
            if not (is_other or u in self.places or u in self.schedule.outputs or u in self.orders):
                name = self._piece(u, array, begin, count)
                self.places[u] = Place(name, u.shape, contiguous(u.shape))
                self.joined.setdefault(step, set()).add(i)
            begin += count

    def _piece(self, v: Value, array: str, begin: int, count: int) -> str:
        """Return a name for a part of an array."""
        name = self.names.free(v.name or "part_of")
        self.layout.pieces[name] = array, begin, count
        return name

    def view(self, step: Step) -> Place | None:
        """Return where a step's result lies; a part of what is given has a name of its own."""
        v = step.results[0]
        known = self.places.get(v)
        is_part = step.primitive.name == "getitem"
        if is_part and isinstance(known, Place) and known.array in self.layout.pieces:
            return known
        place = super().view(step)
        given_ = {p.array for p in self.layout.inputs}
        if place is None or not is_part or place.array not in given_ or place.strides != (1,):
            return place
        return Place(self._piece(v, place.array, place.offset, *v.shape), v.shape, (1,))

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
        layout = self.layout
        kept = layout.fresh if v in self.schedule.outputs else layout.arrays
        kept[name] = prod(v.shape), dtype_of(v)

    def strides(self, v: Value) -> Strides:
        """Return how a value lies: images with their channels last, and what is made of them."""
        return in_order(v.shape, self.orders.get(v, range(len(v.shape))))

    def large(self, wish: str, count: int, kind: np.dtype[Any]) -> str:
        """Return the name of a new array."""
        name = self.names.free(wish)
        self.layout.arrays[name] = count, kind
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
        functions = [a for a in actions if isinstance(a, Function)]
        texts = [line for f in functions for line in self._text(f)]
        for function in functions:
            self.body.own |= function.body.own
        source = "\n".join([*header(self.body), *texts])
        module = cache.load(source)
        for function in functions:
            function.compiled = getattr(module, function.name)
        steps = [a for a in actions if isinstance(a, Step)]
        for v in (*(v for s in steps for v in (*s.operands, *s.results)), *self.schedule.outputs):
            if not v.is_constant:
                self.place(v)
        self.layout.arrays |= self.work
        runner = Runner(self.layout, self.schedule, actions)
        self.notes.append(("# memory", runner.described()))
        return Kernel(self.schedule, runner.call, source, self.notes, memory=runner.size)

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
        if _is_tiled(step):
            parts = Parts(self.place, lambda _: self.body, self.large, self.large, False)
            write_product(step, parts)
        elif is_by_rows(step):
            write_rows(self.body, step, self.place)
        elif step in self.joined:
            whole, begin = self.place(step.results[0]), 0
            for i, v in enumerate(step.operands):
                if i not in self.joined[step]:
                    target = whole.replaced(v.shape, contiguous(v.shape), begin)  # type: ignore[union-attr]
                    self.body.copy(target, self.place(v))  # type: ignore[arg-type]
                begin += prod(v.shape)
        else:
            super().call(step)

    def begin(self, turns: int | None) -> Function:
        """Begin another function; see `Parts.begin`."""
        self.body = Body(self.place, self.names.free, 1)
        self.body.tiles = self.tiles
        self.on_stack = 0
        self.functions.append(Function(self.body, self.names.free(self.name), turns))
        return self.functions[-1]

    def _text(self, function: Function) -> list[str]:
        """Return the lines of a function, which takes the arrays that stand in them."""
        body = function.body
        used = [a for text in body.write.lines for a in re.findall(r"(\w+)\[", text)]
        function.arrays = [a for a in dict.fromkeys((*used, *body.handed)) if a not in body.small]
        kinds = [self._kind(a) for a in function.arrays]
        names = list(function.arrays)
        form = self._form([*map(str.strip, stacks(body)), *body.write.lines, *kinds, *names])
        if (known := self.known.setdefault(form, function.name)) != function.name:
            function.name = known
            return []
        if function.turns is not None:
            kinds, names = ["int64"] * 3 + kinds, ["begin", "end", "share", *names]
        return [
            f'@compiled("{"; ".join(kinds)}")', f"def {function.name}({', '.join(names)}):",
            *(f"    {text}" for text in stacks(body)), *body.write.lines, "", "",
        ]  # fmt: skip

    def _form(self, lines: list[str]) -> tuple[str, ...]:
        """Return what is the same for functions that do the same: names are numbered."""
        numbers: dict[str, str] = {}
        free = self.names.taken - FIXED_NAMES - set(self.tiles.values())

        def numbered(found: re.Match[str]) -> str:
            name = found[0]
            return numbers.setdefault(name, f"v{len(numbers)}") if name in free else name

        return tuple(re.sub(r"(?<![.\w])[A-Za-z_]\w*", numbered, line) for line in lines)

    def _is_no_work(self, step: Step) -> bool:
        return len(step.results) == 1 and self.view(step) is not None

    def _kind(self, array: str) -> str:
        layout = self.layout
        if array in layout.pieces:
            return self._kind(layout.pieces[array][0])
        for own in (layout.arrays, layout.fresh, self.work):
            if array in own:
                return kind_name(own[array][1])
        if array in self.constants:
            return kind_name(dtype_of(self.constants[array]), is_read=True)
        i = next(i for i, p in enumerate(layout.inputs) if p.array == array)
        is_read = i not in self.schedule.updates.values()
        return kind_name(dtype_of(self.schedule.inputs[i]), is_read)


def _is_tiled(step: Step) -> bool:
    return is_tiled(step) and not is_small_product(step)


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
