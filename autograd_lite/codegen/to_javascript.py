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
const outputs = [m.subarray(1, 2)];
return function run(inputs) {
m.set(inputs[0], 0);
{
const v1 = m[0] * m[0];
const v2 = v1 + 1;
m[1] = v2;
}
return outputs;
};
})()
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import prod
from typing import Any

import numpy as np

from ..calculus import convolution
from ..calculus.shapes import HOLE, gather, getitem, put, scatter
from ..primitive import Primitive
from .expand import NotWritable, expand
from .javascript_expressions import expression, is_known, kind, number
from .program import Program, Step, Value
from .schedule import Call, Loop, Schedule, schedule
from .simplify import simplify

MOST = 20_000
"""Operations of a program: a page with more would be slow to open."""

Text = list[str]


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
    program = simplify(expand(program, is_writable, closed=True, exact=False))
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
    return is_known(primitive) or _writer_of(primitive) is not None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the numbers of a value lie."""

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def at(self, letters: Sequence[str]) -> str:
        """Return the element at these indices; an axis of one element needs none."""
        terms = [
            name if step == 1 else f"{step} * {name}"
            for name, step, n in zip(letters, self.strides, self.shape, strict=True)
            if step and n != 1
        ]
        if self.offset or not terms:
            terms.insert(0, str(self.offset))
        return f"m[{' + '.join(terms).replace('+ -', '- ')}]"

    def numbers(self) -> Any:
        """Return an array of this shape of where each number lies."""
        where = np.full(self.shape, self.offset, np.int64)
        for axis, (n, step) in enumerate(zip(self.shape, self.strides, strict=True)):
            along = [-1 if i == axis else 1 for i in range(len(self.shape))]
            where += (np.arange(n) * step).reshape(along)
        return where

    def spread(self, shape: tuple[int, ...]) -> Place:
        """Return the place, broadcast."""
        missing = len(shape) - len(self.shape)
        strides = [s if n != 1 else 0 for s, n in zip(self.strides, self.shape, strict=True)]
        return Place(self.offset, shape, (*(0,) * missing, *strides))

    @property
    def is_one_run(self) -> bool:
        """Whether the numbers lie behind each other, in order."""
        return self == line(self.offset, self.shape)


def line(offset: int, shape: tuple[int, ...]) -> Place:
    """Return the place of numbers that lie behind each other."""
    strides = [prod(shape[i + 1 :]) for i in range(len(shape))]
    return Place(offset, shape, tuple(strides))


def regular(where: Any) -> Place | None:
    """Return the place that has these numbers, if a constant stride along each axis has them."""
    where = np.asarray(where)
    if not where.size:
        return Place(0, where.shape, (0,) * where.ndim)
    first = int(where.flat[0])
    strides = []
    for axis, n in enumerate(where.shape):
        second = tuple(int(i == axis) for i in range(where.ndim))
        strides.append(int(where[second]) - first if n > 1 else 0)
    place = Place(first, where.shape, tuple(strides))
    return place if np.array_equal(place.numbers(), where) else None


MOVES = frozenset({
    "transpose", "reshape", "broadcast_to", "getitem", "flip", "roll", "copy", "detach", "alias",
    "sliding_window_view", "split", "real", "conjugate",
})  # fmt: skip
"""What moves numbers without a look at them."""


class _Writer:
    def __init__(self, laid: Schedule) -> None:
        self.laid = laid
        self.places: dict[Value, Place] = {}
        self.size = 0
        self.constants: Text = []
        self.tables: dict[bytes, str] = {}
        self.body: Text = []
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
            outputs.append(f"m.subarray({place.offset}, {place.offset + prod(v.shape)})")
        for o, i in self.laid.updates.items():
            self.body.append(f"inputs[{i}].set(outputs[{o}]);")
        text = "\n".join([
            f"const m = new Float64Array({self.size});", *self.constants,
            f"const outputs = [{', '.join(outputs)}];", "return function run(inputs) {",
            *self.body, "return outputs;", "};",
        ])  # fmt: skip
        return "\n".join(["(function () {", '"use strict";', *used(text), text, "})()"])

    def _check(self, v: Value, block: Loop | Call | None) -> None:
        if kind(v) not in "fiub":
            raise NotWritable(
                f"{_of(block)}numbers of dtype {np.asarray(v.data).dtype} cannot be written in "
                "JavaScript: there are real numbers only."
            )

    # -- places --------------------------------------------------------------------------------

    def room(self, shape: tuple[int, ...]) -> Place:
        """Return a place that nothing else has."""
        place = line(self.size, shape)
        self.size += prod(shape)
        return place

    def new(self, v: Value) -> Place:
        """Make room for a value."""
        self.places[v] = self.room(v.shape)
        return self.places[v]

    def place(self, v: Value) -> Place:
        """Return where a value lies; a constant is put there before the first run."""
        if v not in self.places:
            assert v.is_constant
            place = self.new(v)
            numbers = np.asarray(v.data, float).ravel()
            if numbers.size and np.all(numbers == numbers[0]) and numbers.size > 4:
                end = place.offset + numbers.size
                self.constants.append(f"m.fill({number(numbers[0])}, {place.offset}, {end});")
            else:
                self.constants.append(f"m.set([{','.join(map(number, numbers))}], {place.offset});")
        return self.places[v]

    def table(self, numbers: Any) -> str:
        """Return the name of an array of whole numbers."""
        flat = np.asarray(numbers, np.int64).ravel()
        name = self.tables.setdefault(flat.tobytes(), f"table{len(self.tables) + 1}")
        if name == f"table{len(self.tables)}" and not any(name in c for c in self.constants):
            self.constants.append(f"const {name} = Int32Array.of({','.join(map(str, flat))});")
        return name

    def in_one_run(self, place: Place) -> Place:
        """Return a place, copied if its numbers do not lie behind each other in order."""
        if place.is_one_run:
            return place
        made = self.room(place.shape)
        self.each([made, place], "{} = {};")
        return made

    def copied(self, place: Place) -> Place:
        """Return a copy."""
        made = self.room(place.shape)
        self.each([made, place], "{} = {};")
        return made

    # -- loops ---------------------------------------------------------------------------------

    def nest(self, axes: Iterable[tuple[str, int]], inner: Text) -> None:
        """Write loops around lines."""
        around = [(name, n) for name, n in axes if n != 1]
        if any(n == 0 for _, n in around):
            return
        self.body += [f"for (let {i} = 0; {i} < {n}; {i}++) {{" for i, n in around]
        self.body += [*inner, "}" * len(around)] if around else inner

    def turns(self, count: int, text: str) -> None:
        """Write a line for i from 0 to a count."""
        self.body.append(f"for (let i = 0; i < {count}; i++) {text}")

    def each(self, places: Sequence[Place], template: str) -> None:
        """Write a line for each element of places of one shape."""
        shape, places = merged(places)
        letters = [f"i{k}" for k in range(len(shape))]
        texts = [p.at(letters) for p in places]
        self.nest(zip(letters, shape, strict=True), [template.format(*texts)])

    def loop(self, loop: Loop) -> None:
        """Write elementwise steps over one shape."""
        outside = {v: self.place(v).spread(loop.shape) for v in loop.operands if not _literal(v)}
        made = {v: self.new(v) for v in loop.results}
        shape, places = merged([*outside.values(), *made.values()], loop.shape)
        letters = [f"i{k}" for k in range(len(shape))]
        at = {v: p.at(letters) for v, p in zip((*outside, *made), places, strict=True)}
        names: dict[Value, str] = {v: at[v] for v in outside}
        lines = []
        for step in loop.steps:
            given = [names.get(v) or _bound(number(v.data)) for v in step.operands]
            text = expression(step, given)
            if text is None:
                raise _refusal(step)
            (v,) = step.results
            self.count += 1
            names[v] = f"v{self.count}"
            lines.append(f"const {names[v]} = {text};")
            if v in made:
                lines.append(f"{at[v]} = {names[v]};")
        if all(n == 1 for n in shape):
            lines = ["{", *lines, "}"]
        self.nest(zip(letters, shape, strict=True), lines)

    def call(self, block: Call) -> None:
        """Write one step that is not elementwise."""
        step = block.step
        if is_known(step.primitive):
            return self.loop(Loop(step.results[0].shape, [step], step.results))
        write = _writer_of(step.primitive)
        if step.primitive.is_closed or step.primitive.draws or write is None:
            raise _refusal(step)
        return write(self, step)

    def moved(self, step: Step) -> None:
        """What moves numbers: another look at them, or a table of where they are."""
        source = self.place(step.operands[0])
        made = step.primitive.forward(source.numbers(), **step.parameters)
        parts = [made[i] for i in step.indices] if step.indices else [made]
        for v, where in zip(step.results, parts, strict=True):
            place = regular(where)
            if place is None:
                place = self.room(v.shape)
                name = self.table(where)
                self.turns(prod(v.shape), f"m[{place.offset} + i] = m[{name}[i]];")
            self.places[v] = place

    def zeroed(self, place: Place) -> Place:
        """Write zeros into a new place."""
        self.body.append(f"m.fill(0, {place.offset}, {place.offset + prod(place.shape)});")
        return place

    def scattered(self, step: Step) -> None:
        """Zeros, with a part added at an index."""
        whole = self.zeroed(self.new(step.results[0]))
        where = whole.numbers()[step.parameters["index"]]
        part = self.place(step.operands[0]).spread(where.shape)
        target = regular(where)
        if target is not None:
            self.each([target, part], "{} += {};")
            return
        part = self.in_one_run(part)
        text = f"m[{self.table(where)}[i]] += m[{part.offset} + i];"
        self.turns(prod(part.shape), text)

    def indexed(self, step: Step, shape: tuple[int, ...]) -> tuple[str, int]:
        """Return the place of the i-th chosen element of an array in one run, and how many.

        Some of the indices are values of the program: what they add is looked up.
        """
        index, holes = step.parameters["index"], step.operands[1:]
        parts = index if isinstance(index, tuple) else (index,)
        if any(kind(v) not in "iu" and not v.is_constant for v in holes):
            raise _refusal(step)

        def chosen(whole: Any, fillings: list[Any]) -> Any:
            left = iter(fillings)
            filled = tuple(next(left) if p is HOLE else p for p in parts)
            return whole[filled]

        nothing = [v.data if v.is_constant else np.zeros(v.shape, np.int64) for v in holes]
        flat = np.arange(prod(shape)).reshape(shape)
        fixed = chosen(flat, nothing)
        terms = [f"{self.table(fixed)}[i]"]
        axes = _axes_of_holes(parts, len(shape))
        for k, (v, axis) in enumerate(zip(holes, axes, strict=True)):
            if v.is_constant:
                continue
            # Which element of the filling each result is chosen by: NumPy says so itself.
            along = [-1 if i == axis else 1 for i in range(len(shape))]
            size = prod(v.shape)
            numbered = np.arange(size).reshape(along)
            numbered = np.broadcast_to(numbered, (*shape[:axis], size, *shape[axis + 1 :]))
            fillings = [*nothing[:k], np.arange(size).reshape(v.shape), *nothing[k + 1 :]]
            by = self.table(chosen(numbered, fillings))
            run = self.in_one_run(self.place(v))
            name, n = f"m[{run.offset} + {by}[i]]", shape[axis]
            stride = prod(shape[axis + 1 :])
            terms.append(f"{stride} * (({name} + {n}) % {n})")
        return " + ".join(terms), fixed.size

    def gathered(self, step: Step) -> None:
        """What an index that is a value chooses."""
        source = self.in_one_run(self.place(step.operands[0]))
        where, count = self.indexed(step, source.shape)
        made = self.new(step.results[0])
        self.turns(count, f"m[{made.offset} + i] = m[{source.offset} + {where}];")

    def put(self, step: Step) -> None:
        """Zeros, with a part added where an index that is a value says."""
        whole = self.zeroed(self.new(step.results[0]))
        where, count = self.indexed(step, whole.shape)
        part = self.place(step.operands[0])
        chosen = self.in_one_run(part)
        self.turns(count, f"m[{whole.offset} + {where}] += m[{chosen.offset} + i];")

    def joined(self, step: Step) -> None:
        """Arrays behind each other along an axis."""
        whole = self.new(step.results[0])
        axis = step.parameters.get("axis", 0) % len(whole.shape)
        begin = 0
        for v in step.operands:
            offset = whole.offset + begin * whole.strides[axis]
            self.each([Place(offset, v.shape, whole.strides), self.place(v)], "{} = {};")
            begin += v.shape[axis]

    # -- reductions ----------------------------------------------------------------------------

    def reduced(self, step: Step) -> None:
        """A sum, a product, an extreme, a question of all: one number of many."""
        first, turn = _REDUCTIONS[step.primitive.name]
        p = dict(step.parameters)
        names = step.primitive.operands
        extra = {n: self.place(v) for n, v in zip(names, step.operands, strict=True)}
        source = extra.pop(names[0])
        given = p.get("where", True)
        if given is not True and not isinstance(given, bool):
            extra["where"] = self.place(Value(np.asarray(given)))
        if set(extra) - {"where"}:
            raise _refusal(step)
        shape = source.shape
        axis, ndim = p.get("axis"), len(shape)
        axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        across = {int(i) % ndim for i in axes} if ndim else set()
        letters = [f"i{k}" for k in range(ndim)]
        made = self.new(step.results[0])
        kept = [k for k in range(ndim) if k not in across]
        target = line(made.offset, tuple(shape[k] for k in kept))
        initial = p.get("initial", np._NoValue)
        begin = first if initial is np._NoValue or initial is None else number(initial)
        line_of = turn.format(source.at(letters))
        if "where" in extra:
            line_of = f"if ({extra['where'].spread(shape).at(letters)} !== 0) {line_of}"
        inner = _Lines()
        inner.nest([(letters[k], shape[k]) for k in sorted(across)], [line_of])
        lines = [f"let s = {begin};", *inner.body, f"{target.at([letters[k] for k in kept])} = s;"]
        if all(shape[k] == 1 for k in kept):
            lines = ["{", *lines, "}"]
        self.nest([(letters[k], shape[k]) for k in kept], lines)

    def running(self, step: Step) -> None:
        """Sums or products of all numbers so far along an axis."""
        sign = "+" if step.primitive.name == "cumsum" else "*"
        source, axis = self.place(step.operands[0]), step.parameters.get("axis")
        made = self.new(step.results[0])
        if axis is None or not source.shape:
            source, axis = self.flat(source), 0
        axis %= len(source.shape)
        target = line(made.offset, source.shape)
        letters = [f"i{k}" for k in range(len(source.shape))]
        here = (*source.shape[:axis], *source.shape[axis + 1 :])
        around = [*letters[:axis], *letters[axis + 1 :]]
        n = source.shape[axis]
        inner = f"{target.at(letters)} = s = s {sign} {source.at(letters)};"
        begin = f"let s = {0 if sign == '+' else 1};"
        along = f"for (let {letters[axis]} = 0; {letters[axis]} < {n}; {letters[axis]}++) {inner}"
        if n == 1:
            along = inner
        self.nest(zip(around, here, strict=True), ["{", begin, along, "}"])

    def flat(self, place: Place) -> Place:
        """Return a place as one line."""
        place = self.in_one_run(place)
        return line(place.offset, (prod(place.shape),))

    def lines_along(self, step: Step, call: str, one: bool) -> None:
        """Call a function for each line of numbers along an axis.

        In `call` stand where a line begins, its stride and length, and the same of the result.
        """
        p, source = step.parameters, self.place(step.operands[0])
        axis = p.get("axis", None if one else -1)
        made = self.new(step.results[0])
        if axis is None or not source.shape:
            source, axis = self.flat(source), 0
        axis = int(axis) % len(source.shape)
        shape = tuple(1 if one and k == axis else n for k, n in enumerate(source.shape))
        target = line(made.offset, shape)
        letters = ["0" if k == axis else f"i{k}" for k in range(len(shape))]

        def begin(place: Place) -> str:
            strides = tuple(0 if k == axis else s for k, s in enumerate(place.strides))
            return Place(place.offset, shape, strides).at(letters)[2:-1]

        n = source.shape[axis]
        text = call.format(
            begin(source), source.strides[axis], n, begin(target), target.strides[axis]
        )
        around = [(i, m) for k, (i, m) in enumerate(zip(letters, shape, strict=True)) if k != axis]
        self.nest(around, [text])

    # -- products ------------------------------------------------------------------------------

    def contraction(self, result: Place, out: str, operands: Sequence[tuple[Place, str]]) -> None:
        """Write a sum of products, with a letter for each axis, as `einsum` has it."""
        sizes = {c: n for p, w in operands for c, n in zip(w, p.shape, strict=True)}
        product = " * ".join(p.at([f"{c}_" for c in w]) for p, w in operands)
        target = result.at([f"{c}_" for c in out])
        summed = [(f"{c}_", n) for c, n in sizes.items() if c not in out]
        inner = _Lines()
        inner.nest(summed, [f"s += {product};"])
        around = [(f"{c}_", sizes[c]) for c in out]
        self.nest(around, ["{", "let s = 0;", *inner.body, f"{target} = s;", "}"])

    def product(self, step: Step) -> None:
        """A product of matrices."""
        a, b = (self.place(v) for v in step.operands)
        made = self.new(step.results[0])
        left, right = "ik"[len(a.shape) == 1 :], "kj"[: len(b.shape)]
        axes = "nopqrstuvw"[: max(len(a.shape), len(b.shape), 2) - 2]
        shape = made.shape[: len(axes)]
        if len(a.shape) > 1:
            a = _stacked(a, shape)
        if len(b.shape) > 1:
            b = _stacked(b, shape)
        out = axes + (left + right).replace("k", "")
        words = [(p, (axes if len(p.shape) > 1 else "") + w) for p, w in ((a, left), (b, right))]
        self.contraction(made, out, words)

    def linear(self, step: Step) -> None:
        """X Wᵀ + b."""
        x, weight = (self.place(v) for v in step.operands[:2])
        made = self.new(step.results[0])
        axes = "abcdefgh"[: len(x.shape) - 1]
        self.contraction(made, axes + "o", [(x, axes + "i"), (weight, "oi")])
        if len(step.operands) > 2:
            bias = self.place(step.operands[2]).spread(made.shape)
            self.each([made, bias], "{} += {};")

    def einsum(self, step: Step) -> None:
        """A sum of products."""
        inputs, out = step.parameters["subscripts"].split("->")
        places = [self.place(v) for v in step.operands]
        made = self.new(step.results[0])
        self.contraction(made, out, list(zip(places, inputs.split(","), strict=True)))

    def convolved(self, step: Step) -> None:
        """Every overlap of two sequences."""
        (n,), (k,) = (v.shape for v in step.operands)
        made = self.zeroed(self.new(step.results[0]))
        windows = Place(made.offset, (n, k), (1, 1))
        a, v = (self.place(x) for x in step.operands)
        a = Place(a.offset, (n, k), (a.strides[0], 0))
        v = Place(v.offset, (n, k), (0, v.strides[0]))
        letters = ["i", "j"]
        text = f"{windows.at(letters)} += {a.at(letters)} * {v.at(letters)};"
        self.nest([("i", n), ("j", k)], [text])

    # -- windows over images -------------------------------------------------------------------

    def geometry(self, step: Step, kernel: Any, grid: Any) -> Callable[[Place], Place]:
        """Return what makes the windows (n, c, rows, columns, kh, kw) of a padded image."""
        sy, sx = step.parameters.get("stride", (1, 1))
        dy, dx = step.parameters.get("dilation", (1, 1))

        def windows(image: Place) -> Place:
            n, c, y, x = image.strides
            shape = (*image.shape[:2], *grid, *kernel)
            return Place(image.offset, shape, (n, c, y * sy, x * sx, y * dy, x * dx))

        return windows

    def padded(self, step: Step, image: Place) -> Place:
        """Return an image with its border of zeros."""
        (top, bottom), (left, right) = step.parameters.get("padding", convolution.NONE)
        if not (top or bottom or left or right):
            return image
        n, c, height, width = image.shape
        whole = self.zeroed(self.room((n, c, top + height + bottom, left + width + right)))
        self.each([self.inside(step, whole, image.shape), image], "{} = {};")
        return whole

    def inside(self, step: Step, whole: Place, shape: tuple[int, ...]) -> Place:
        """Return the image within its border."""
        (top, _), (left, _) = step.parameters.get("padding", convolution.NONE)
        offset = whole.offset + top * whole.strides[2] + left * whole.strides[3]
        return Place(offset, shape, whole.strides)

    def bordered(self, step: Step, shape: tuple[int, ...]) -> Place:
        """Return zeros for an image and its border."""
        (top, bottom), (left, right) = step.parameters.get("padding", convolution.NONE)
        n, c, height, width = shape
        return self.zeroed(self.room((n, c, top + height + bottom, left + width + right)))

    def conv2d(self, step: Step) -> None:
        """Images times a kernel that slides over them."""
        image, weight, *bias = (self.place(v) for v in step.operands)
        made = self.new(step.results[0])
        windows = self.geometry(step, weight.shape[2:], made.shape[2:])(self.padded(step, image))
        self.contraction(made, "noyx", [(windows, "ncyxij"), (weight, "ocij")])
        for b in bias:
            b = Place(b.offset, made.shape, (0, b.strides[0], 0, 0))
            self.each([made, b], "{} += {};")

    def conv2d_weight(self, step: Step) -> None:
        """What arrives at each tap of the kernel."""
        upstream, image = (self.place(v) for v in step.operands)
        made = self.new(step.results[0])
        windows = self.geometry(step, made.shape[2:], upstream.shape[2:])(self.padded(step, image))
        self.contraction(made, "ocij", [(upstream, "noyx"), (windows, "ncyxij")])

    def conv2d_image(self, step: Step) -> None:
        """What arrives at each place of the image: windows overlap, and it adds up."""
        upstream, weight = (self.place(v) for v in step.operands)
        (v,) = step.results
        whole = self.bordered(step, v.shape)
        windows = self.geometry(step, weight.shape[2:], upstream.shape[2:])(whole)
        self.added(windows, "ncyxij", [(upstream, "noyx"), (weight, "ocij")])
        self.places[v] = self.inside(step, whole, v.shape)

    def added(self, target: Place, out: str, operands: Sequence[tuple[Place, str]]) -> None:
        """Add products to a place whose elements may meet."""
        pairs = [(target, out), *operands]
        sizes = {c: n for p, w in pairs for c, n in zip(w, p.shape, strict=True)}
        product = " * ".join(p.at([f"{c}_" for c in w]) for p, w in operands)
        text = f"{target.at([f'{c}_' for c in out])} += {product};"
        self.nest([(f"{c}_", n) for c, n in sizes.items()], [text])

    def pool_sum(self, step: Step) -> None:
        """The sum over each window."""
        image = self.padded(step, self.place(step.operands[0]))
        made = self.new(step.results[0])
        windows = self.geometry(step, step.parameters["kernel"], made.shape[2:])(image)
        self.contraction(made, "ncyx", [(windows, "ncyxij")])

    def pool_spread(self, step: Step) -> None:
        """A number spread over each window."""
        upstream, (v,) = self.place(step.operands[0]), step.results
        whole = self.bordered(step, v.shape)
        windows = self.geometry(step, step.parameters["kernel"], upstream.shape[2:])(whole)
        self.added(windows, "ncyxij", [(upstream, "ncyx")])
        self.places[v] = self.inside(step, whole, v.shape)

    def max_pool(self, step: Step) -> None:
        """Of each window, the value where `by` is largest; or a part, put there."""
        values, by = (self.place(v) for v in step.operands)
        picks = step.primitive is convolution.pick
        made = self.new(step.results[0])
        if not picks:
            self.zeroed(made)
        else:
            values = self.in_one_run(values)
        grid = made.shape if picks else values.shape
        (top, _), (left, _) = step.parameters.get("padding", convolution.NONE)
        (sy, sx), (dy, dx) = (step.parameters.get(k, (1, 1)) for k in ("stride", "dilation"))
        kh, kw = step.parameters["kernel"]
        height, width = by.shape[2:]
        letters = ["0" if n == 1 else c for n, c in zip(grid, "ncyx", strict=True)]
        n, c, y, x = letters
        image = f"{by.offset} + {by.strides[0]} * {n} + {by.strides[1]} * {c}"
        corner = f"{sy} * {y} - {top}, {sx} * {x} - {left}"
        call = (
            f"largest(m, {image}, {by.strides[2]}, {by.strides[3]}, {kh}, {kw}, {corner}, "
            f"{height}, {width}, {dy}, {dx})"
        )
        whole = values if picks else made
        at = f"m[{whole.offset} + ({n} * {by.shape[1]} + {c}) * {height * width} + found]"
        if picks:
            found = f"{made.at(letters)} = found < 0 ? -Infinity : {at};"
        else:
            found = f"if (found >= 0) {at} += {values.at(letters)};"
        self.nest(zip(letters, grid, strict=True), ["{", f"const found = {call};", found, "}"])

    # -- matrices ------------------------------------------------------------------------------

    def of_matrices(self, step: Step) -> None:
        """What is computed of each matrix of a stack."""
        name = step.primitive.name
        a = self.place(step.operands[0])
        n, stack = a.shape[-1], a.shape[:-2]
        results = [self.new(v) for v in step.results]
        other, k, shared = self.identity(n), n, True
        if name == "solve":
            v = step.operands[1]
            other, vector = self.place(v), len(v.shape) == 1
            k = 1 if vector else v.shape[-1]
            shape = step.results[0].shape[: -1 if vector else -2]
            a = self.in_one_run(a.spread((*shape, n, n)))
            other = self.in_one_run(other.spread((*shape, n) if vector else (*shape, n, k)))
            stack, shared = shape, False
        a = self.copied(a)
        at = f"{a.offset} + {n * n} * i"
        to = [f"{place.offset} + {prod(place.shape[len(stack) :])} * i" for place in results]
        if name in ("solve", "inv"):
            b = f"{other.offset}" + ("" if shared else f" + {n * k} * i")
            text = f"solve(m, {at}, {n}, {b}, {k}, {to[0]});"
        elif name == "cholesky":
            text = f"cholesky(m, {at}, {n}, {to[0]});"
        elif name == "det":
            text = f"m[{to[0]}] = det(m, {at}, {n});"
        else:
            parts = zip(to, step.indices, strict=True)
            told = " ".join(f"m[{place}] = found[{index}];" for place, index in parts)
            text = f"{{ const found = slogdet(m, {at}, {n}); {told} }}"
        self.turns(prod(stack), text)

    def identity(self, n: int) -> Place:
        """Return the place of a matrix with ones along its diagonal."""
        return self.place(self.constant("identity", n, lambda: np.eye(n)))

    def constant(self, name: str, n: int, make: Callable[[], Any]) -> Value:
        """Return a constant of ours, once for each size."""
        key = f"{name}{n}"
        for v in self.places:
            if v.name == key and v.is_constant:
                return v
        return Value(make(), key)


class _Lines(_Writer):
    """Lines that stand inside others."""

    def __init__(self) -> None:
        self.body = []


def merged(
    places: Sequence[Place], shape: tuple[int, ...] | None = None
) -> tuple[tuple[int, ...], list[Place]]:
    """Walk along as few axes as these places of one shape allow."""
    shape = places[0].shape if shape is None else shape
    kept = [k for k, n in enumerate(shape) if n != 1]
    sizes: list[int] = []
    strides: list[list[int]] = [[] for _ in places]
    for k in kept:
        steps = [p.strides[k] for p in places]
        if sizes and all(s[-1] == step * shape[k] for s, step in zip(strides, steps, strict=True)):
            sizes[-1] *= shape[k]
            for s, step in zip(strides, steps, strict=True):
                s[-1] = step
        else:
            sizes.append(shape[k])
            for s, step in zip(strides, steps, strict=True):
                s.append(step)
    new = tuple(sizes)
    return new, [Place(p.offset, new, tuple(s)) for p, s in zip(places, strides, strict=True)]


def _stacked(place: Place, shape: tuple[int, ...]) -> Place:
    """Broadcast all axes but the last two."""
    return place.spread((*shape, *place.shape[-2:])) if len(place.shape) - 2 < len(shape) or (
        place.shape[:-2] != shape
    ) else place  # fmt: skip


def _axes_of_holes(parts: tuple[Any, ...], ndim: int) -> list[int]:
    """Return which axis each hole of an index chooses along."""

    def takes(p: Any) -> int:
        if p is None:
            return 0
        return np.ndim(p) if isinstance(p, np.ndarray) and p.dtype == bool else 1

    named = sum(takes(p) for p in parts if p is not Ellipsis)
    axes, axis = [], 0
    for p in parts:
        if p is HOLE:
            axes.append(axis)
        axis += ndim - named if p is Ellipsis else takes(p)
    return axes


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


def _refusal(step: Step) -> NotWritable:
    where = f" ({step.line})" if step.line else ""
    why = "it draws random numbers" if step.primitive.draws else "there are no words for it here"
    return NotWritable(f"'{step.primitive.name}'{where} cannot be written in JavaScript: {why}.")


_REDUCTIONS = {
    "sum": ("0", "s += {};"), "prod": ("1", "s *= {};"),
    "max": ("-Infinity", "s = Math.max(s, {});"), "min": ("Infinity", "s = Math.min(s, {});"),
    "all": ("1", "if ({} === 0) s = 0;"), "any": ("0", "if ({} !== 0) s = 1;"),
    "count_nonzero": ("0", "if ({} !== 0) s += 1;"),
}  # fmt: skip
"""What a reduction begins with, and its turn."""

Write = Callable[[_Writer, Step], None]


@cache
def _by_primitive() -> dict[Any, Write]:
    w = _Writer
    return {
        getitem: w.moved, scatter: w.scattered, gather: w.gathered, put: w.put,
        convolution.conv2d: w.conv2d, convolution.conv2d_bias: w.conv2d,
        convolution.conv2d_weight: w.conv2d_weight, convolution.conv2d_image: w.conv2d_image,
        convolution.pool_sum: w.pool_sum, convolution.pool_spread: w.pool_spread,
        convolution.pick: w.max_pool, convolution.place: w.max_pool,
    }  # fmt: skip


@cache
def _by_name() -> dict[str, Write]:
    w = _Writer
    found: dict[str, Write] = dict.fromkeys(MOVES, w.moved)
    found |= dict.fromkeys(_REDUCTIONS, w.reduced)
    found |= dict.fromkeys(("solve", "inv", "det", "slogdet", "cholesky"), w.of_matrices)
    found |= {
        "concatenate": w.joined, "matmul": w.product, "einsum": w.einsum, "linear": w.linear,
        "cumsum": w.running, "cumprod": w.running, "convolve": w.convolved,
        "argsort": _argsort, "argmax": _argmax, "argmin": _argmin, "searchsorted": _searchsorted,
    }  # fmt: skip
    return found


def _argsort(w: _Writer, step: Step) -> None:
    w.lines_along(step, "argsort(m, {0}, {1}, {2}, {3}, {4});", one=False)


def _argmax(w: _Writer, step: Step) -> None:
    w.lines_along(step, "m[{3}] = extreme(m, {0}, {1}, {2}, 1);", one=True)


def _argmin(w: _Writer, step: Step) -> None:
    w.lines_along(step, "m[{3}] = extreme(m, {0}, {1}, {2}, -1);", one=True)


def _searchsorted(w: _Writer, step: Step) -> None:
    if len(step.operands) != 2 or step.parameters.get("sorter") is not None:
        raise _refusal(step)
    a, v = (w.place(x) for x in step.operands)
    right = "true" if step.parameters.get("side", "left") == "right" else "false"
    made = w.new(step.results[0])
    call = f"searchsorted(m, {a.offset}, {a.strides[0]}, {a.shape[0]}, {{1}}, {right})"
    w.each([made, v], f"{{0}} = {call};")


def _writer_of(primitive: Primitive) -> Write | None:
    """Return what writes a primitive, if it is the one that we know by its name."""
    found = _by_primitive().get(primitive)
    if found is not None or primitive.name == "scatter":
        return found
    function: Any = primitive.function
    own = (getattr(function, "__module__", None) or "numpy").startswith(("numpy", "autograd_lite"))
    return _by_name().get(primitive.name) if own else None


# -- the functions that stand beside -----------------------------------------------------------


@cache
def _runtime() -> dict[str, str]:
    text = files(__package__).joinpath("javascript_runtime.js").read_text("utf-8")
    found = re.findall(r"^function (\w+)\(.*?^}$", text, re.M | re.S)
    bodies = re.finditer(r"^function \w+\(.*?^}$", text, re.M | re.S)
    return dict(zip(found, (b.group() for b in bodies), strict=True))


def used(text: str) -> Text:
    """Return those functions of ``javascript_runtime.js`` that a text calls, and what they call."""
    known, found = _runtime(), dict[str, None]()
    waiting = [text]
    while waiting:
        for name in re.findall(r"(?<!\.)\b(\w+)\(", waiting.pop()):
            if name in known and name not in found:
                found[name] = None
                waiting.append(known[name])
    return [known[name] for name in known if name in found]
