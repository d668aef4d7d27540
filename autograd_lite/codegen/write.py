"""A program as the NumPy that a person would have written by hand.

One line a meaningful step: a value has a line of its own where the user has a name for it,
where it is the gradient of such a value, where it is used more than once or is returned, or
where the line would become too long. All else stands inside of the line that uses it.
"""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from ..calculus.indexing import gather, getitem, put, scatter
from ..composite import NO_VALUE
from ..primitive import Primitive
from ..trees import flatten
from .operators import (
    ATOM,
    BINARY,
    OF_LISTS,
    POWER,
    SIGN,
    TEMPLATES,
    UNARY,
    Expression,
    number,
    within,
)
from .program import Step, Value
from .quoting import Quotes
from .record import Recording
from .simplify import uniform
from .spelling import array_literal, identifier, index_part, literal, numpys_name

LONGEST = 60  # letters of an expression that stands inside another
LITERAL = 128  # numbers of an array that is written out

_INDEXED = (getitem, gather, scatter, put)
_PLAIN = (bool, int, float, str, tuple, type(None))


def is_writable(primitive: Primitive) -> bool:
    """Whether a primitive can be written as it is, in one or two lines of NumPy."""
    return (
        numpys_name(primitive.function) is not None
        or primitive.name in TEMPLATES
        or primitive.name in OF_LISTS
        or primitive in _INDEXED
    )


def write(recording: Recording, constants: dict[int, str]) -> tuple[str, dict[str, Any]]:
    """Return the source of a function that computes a program, and the data that it needs.

    Parameters
    ----------
    recording
        The program, and how its function takes and returns values.
    constants
        What the user calls arrays that the function uses and does not take, by `id` of
        their `Value`.

    Returns
    -------
    source, data
        The text, and the arrays that are too long to stand in it, by the name of the keyword
        that they are to be given as.
    """
    return _Writer(recording, constants).written()


class _Writer:
    def __init__(self, recording: Recording, constants: dict[int, str]) -> None:
        self.recording = recording
        self.program = recording.program
        self.uses = self.program.uses()
        self.sizes = {n for v in self.program.values() for n in _sizes(v.shape)}
        self.is_output = {id(v) for v in self.program.outputs}
        self.names: dict[int, str] = {}
        self.taken = {"np", *keyword.kwlist, *dir(__builtins__)} - {"input", "sum", "max", "min"}
        self.data: dict[str, Any] = {}
        self.literals: list[str] = []
        self.expressions: dict[int, Expression] = {}
        self.constants = constants
        self.quotes = Quotes(self._free)
        self.has_backward = any(step.is_backward for step in self.program.steps)
        self.needed = self._needed_lines()

    # -- which values have a line, and what they are called -----------------------------------

    def _needed_lines(self) -> set[int]:
        """Return the ids of the values that have a line of their own whatever its length."""
        needed = set()
        for step in self.program.steps:
            for v in step.results:
                view = step.primitive.function is np.transpose
                again = self.uses.get(id(v), 0) > 1 and not view
                if again or id(v) in self.is_output or (v.name and not view) or step.indices:
                    needed.add(id(v))
        for v in self.program.values():
            of = v.gradient_of
            if of is not None and v.maker is not None and (of.name or id(v) in needed):
                needed.add(id(v))
                if of.maker is not None:
                    needed.add(id(of))
        return needed

    def _name(self, v: Value) -> str:
        """Return the name of a value that has a line, or of an input."""
        if id(v) not in self.names:
            if v.name is not None:
                wanted = identifier(v.name)
            elif (of := _named_gradient(v)) is not None:
                wanted = f"d{self._name(of)}"
            elif self._is_result(v):
                wanted = "loss" if "loss" in self.recording.name or self.has_backward else "result"
            else:
                wanted = "t1"
            self.names[id(v)] = self._free(wanted)
        return self.names[id(v)]

    def _is_result(self, v: Value) -> bool:
        """Whether it is what the function, or the function that it is the gradient of, returns."""
        return v is self.program.outputs[0] and v.shape == ()

    def _name_as_the_user_did(self) -> None:
        """Give out the user's names before any of ours; h1, h2, … where a loop used one again."""
        named: dict[str, list[Value]] = {}
        for v in self.program.values():
            if v.name is not None and v.maker is not None and id(v) in self.needed:
                named.setdefault(identifier(v.name), []).append(v)
        for name, values in named.items():
            for i, v in enumerate(values):
                several = len(values) > 1
                self.names[id(v)] = self._free(f"{name}{i + 1}" if several else name)

    def _free(self, wanted: str) -> str:
        """Return a name that nothing else has: the wanted one, or with a number after it."""
        name, stem = wanted, re.sub(r"(?<=[^\d])\d+$", "", wanted) if wanted == "t1" else wanted
        i = 2 if wanted == "t1" else 1
        while name in self.taken:
            i += 1
            name = f"{stem}{'' if wanted == 't1' else '_'}{i - 1 if wanted == 't1' else i}"
        self.taken.add(name)
        return name

    # -- the text ------------------------------------------------------------------------------

    def written(self) -> tuple[str, dict[str, Any]]:
        taken = [self._name(v) for v in self.program.inputs]
        self._name_as_the_user_did()
        body: list[tuple[str, str]] = []
        section = ""
        for step in self.program.steps:
            lines = self._lines(step)
            if not lines:
                continue
            now = "backward" if step.is_backward else "forward"
            if now != section and self.has_backward:
                body.append((f"# {now}", ""))
                section = now
            body += lines
        result = self._nest(self.recording.result)
        if isinstance(self.recording.result, tuple) and len(self.recording.result) > 1:
            result = result[1:-1]
        width = max((len(code) for code, shape in body if shape and len(code) <= 72), default=0)
        text = [
            f"    {code:<{width}}  # {shape}" if shape else f"    {code}" for code, shape in body
        ]
        before = [*sorted(self.quotes.imports), "import numpy as np", ""]
        if self.literals:
            before += [*self.literals, ""]
        for quoted in self.quotes.texts:
            before += ["", quoted, ""]
        parameters = self._parameters(taken)
        name = identifier(self.recording.name)
        head = [f"def {name}({', '.join(parameters)}):", *self._unpacking()]
        return "\n".join([*before, "", *head, *text, f"    return {result}", ""]), self.data

    def _lines(self, step: Step) -> list[tuple[str, str]]:
        """Return the lines of a step with their comments; none if it stands inside another."""
        if step.indices:
            count = 1 + max(step.indices)
            names = ["_"] * count
            for i, v in zip(step.indices, step.results, strict=True):
                names[i] = self._name(v)
            text, _ = self._expression(step)
            return [
                (
                    f"{', '.join([*names, '*_'])} = {text}",
                    ", ".join(map(str, (v.shape for v in step.results))),
                )
            ]
        (result,) = step.results
        if step.primitive in (scatter, put):
            return self._placing(step, result)
        text, binding = self._expression(step)
        if id(result) not in self.needed and len(text) <= LONGEST:
            self.expressions[id(result)] = text, binding
            return []
        name = self._name(result)
        self.expressions[id(result)] = name, ATOM
        shape = str(result.shape) if result.shape else "a number"
        return [(f"{name} = {text}", shape)]

    def _placing(self, step: Step, result: Value) -> list[tuple[str, str]]:
        """Zeros, with a part added at an index."""
        name = self._name(result)
        self.expressions[id(result)] = name, ATOM
        part = self._operand(step.operands[0])[0]
        index = self._index(step, step.operands[1:])
        parts = step.parameters["index"]
        parts = parts if isinstance(parts, tuple) else (parts,)
        once = all(i is None or i is Ellipsis or type(i) in (int, slice) for i in parts)
        several = index if len(parts) == 1 else f"np.s_[{index}]"
        dtype = np.asarray(result.data).dtype
        zeros = f"np.zeros({result.shape}" + (f", np.{dtype})" if dtype != np.float64 else ")")
        return [
            (f"{name} = {zeros}", str(result.shape)),
            (
                f"{name}[{index}] = {part}" if once else f"np.add.at({name}, {several}, {part})",
                "",
            ),
        ]

    def _expression(self, step: Step) -> Expression:
        primitive, function = step.primitive, step.primitive.function
        operands = step.operands
        if function in BINARY and not step.parameters:
            sign, binding = BINARY[function]
            return self._binary(sign, binding, operands, step)
        if primitive.draws:
            return self._drawn(step), ATOM
        if function in UNARY and not step.parameters:
            text, inner = self._operand(operands[0])
            return UNARY[function] + within(text, inner, SIGN), SIGN
        if function is np.transpose and _turns_all(step):
            text, inner = self._operand(operands[0])
            return f"{within(text, inner, ATOM)}.T", ATOM
        if primitive in (getitem, gather):
            text, inner = self._operand(operands[0])
            return f"{within(text, inner, ATOM)}[{self._index(step, operands[1:])}]", ATOM
        if primitive.name in OF_LISTS and primitive.variadic:
            arrays = ", ".join(self._operand(v)[0] for v in operands)
            given = {k: literal(x) for k, x in step.parameters.items()}
            return OF_LISTS[primitive.name].format(arrays=arrays, **{"axis": "0", **given}), ATOM
        if numpys_name(function) is None and primitive.name in TEMPLATES:
            names = zip(primitive.operands, operands, strict=True)
            filled = {name: self._operand(v)[0] for name, v in names}
            if primitive.name == "where" and not any(map(_has_a_dtype, operands[1:])):
                filled |= {"x": _typed(operands[1]), "y": _typed(operands[2])}
            given = dict[str, Any](axis=0, full_matrices=False, UPLO="L") | step.parameters
            if primitive.name == "split":
                given["sizes"] = np.cumsum(given["sizes"][:-1]).tolist()
            filled |= {name: literal(x) for name, x in given.items()}
            return TEMPLATES[primitive.name].format(**filled), ATOM
        return self._call(step), ATOM

    def _drawn(self, step: Step) -> str:
        """A draw from the user's generator, which is given as a keyword."""
        generator, dtype = step.parameters["generator"], np.dtype(step.parameters["dtype"])
        name = next((name for name, x in self.data.items() if x is generator), None)
        if name is None:
            name = self._free("rng")
            self.data[name] = generator
        return f"{name}.random({step.results[0].shape}, {literal(dtype)})"

    def _binary(self, sign: str, binding: int, operands: Sequence[Value], step: Step) -> Expression:
        if sign == "*":
            for v, other in (operands, operands[::-1]):
                if uniform(v) == -1 and _is_weak(-1.0, step, v):
                    return "-" + within(*self._operand(other), SIGN), SIGN
        left, right = (self._operand(_without_axes(v, step), step) for v in operands)
        if sign == "**":
            return f"{within(*left, ATOM)}**{within(*right, ATOM)}", POWER
        if sign == "+" and operands[1].is_constant and right[1] == SIGN:
            sign, right = "-", (right[0].removeprefix("-"), ATOM)  # the same to the bit
        # Floating point is not associative: what stands on the right keeps its brackets.
        return f"{within(*left, binding)} {sign} {within(*right, binding + 1)}", binding

    def _call(self, step: Step) -> str:
        """A call of a function, without the arguments that are its defaults."""
        primitive = step.primitive
        texts = [self._operand(v, step)[0] for v in step.operands]
        if primitive.variadic:
            texts = [f"[{', '.join(texts)}]"]
        elif primitive.by_name:
            texts = [f"{n}={t}" for n, t in zip(primitive.operands, texts, strict=True)]
        try:
            defaults = {
                k: p.default for k, p in inspect.signature(primitive.function).parameters.items()
            }
        except (TypeError, ValueError):
            defaults = {}
        for name, value in step.parameters.items():
            default = defaults.get(name, inspect.Parameter.empty)
            if default is NO_VALUE or default is inspect.Parameter.empty:
                default = {"keepdims": False, "where": True}.get(name)
            if isinstance(value, _PLAIN) and type(value) is type(default) and value == default:
                continue
            if name == "axis" and isinstance(value, tuple) and len(value) == 1:
                (value,) = value
            texts.append(f"{name}={literal(value)}")
        known = numpys_name(primitive.function)
        if known is None:
            return self.quotes.call(primitive.function, texts, primitive.name)
        return f"{known}({', '.join(texts)})"

    def _index(self, step: Step, fillings: Sequence[Value]) -> str:
        left = iter(self._operand(v)[0] for v in fillings)
        index = step.parameters["index"]
        parts = index if isinstance(index, tuple) else (index,)
        last = len(parts) == 2 and parts[0] is Ellipsis and parts[1] is None
        if last and len(step.operands[0].shape) == 1:
            return ":, None"
        written = [next(left) if type(i).__name__ in SLOTS else index_part(i) for i in parts]
        return ", ".join(written) if written else "()"

    # -- operands ------------------------------------------------------------------------------

    def _operand(self, v: Value, step: Step | None = None) -> Expression:
        if id(v) in self.expressions:
            return self.expressions[id(v)]
        if v.is_constant:
            return self._constant(v, step)
        return self._name(v), ATOM

    def _constant(self, v: Value, step: Step | None) -> Expression:
        data, one = v.data, uniform(v)
        if np.ndim(data) == 0:
            if step is not None and _promotes(v, step):
                return f"{literal(np.asarray(data).dtype)}({number(data, self.sizes)[0]})", ATOM
            return number(data, self.sizes)
        if one is not None and step is not None and _is_weak(one, step, v):
            return number(one, self.sizes)
        plain = np.asarray(data).dtype.kind == "f"
        if one is not None and plain and v.name is None and id(v) not in self.constants:
            text = f"np.full({v.shape}, {one.item()!r})"
            if one == 1:
                text = f"np.ones({v.shape})"
            if (dtype := np.asarray(data).dtype) != np.float64:
                text = f"{text[:-1]}, dtype=np.{dtype})"
            self.expressions[id(v)] = text, ATOM
            return text, ATOM
        if (other := self._transposed(v)) is not None:
            self.expressions[id(v)] = f"{self._operand(other)[0]}.T", ATOM
            return self.expressions[id(v)]
        name = self._free(identifier(self.constants.get(id(v)) or v.name or "c"))
        self.expressions[id(v)] = name, ATOM
        if np.size(data) <= LITERAL:
            self.literals.append(f"{name} = {array_literal(data)}")
        else:
            self.data[name] = data
        return name, ATOM

    def _transposed(self, v: Value) -> Value | None:
        """Return the constant of which another is the transpose, taken by a rule."""
        flags, own = v.data.flags, self.constants.get(id(v)) or v.name
        if v.data.ndim != 2 or own or not flags.f_contiguous:
            return None  # a column's transpose is contiguous in both orders
        for other in self.program.values():
            like = other.is_constant and other is not v and other.shape == v.shape[::-1]
            seen = id(other) in self.expressions or self.constants.get(id(other)) or other.name
            if like and seen and np.array_equal(other.data, v.data.T, equal_nan=True):
                return other
        return None

    # -- the function's head and its result ----------------------------------------------------

    def _parameters(self, taken: list[str]) -> list[str]:
        plain = [
            self._name(x) if isinstance(x, Value) else name
            for name, x in zip(self.recording.parameters, self.recording.arguments, strict=True)
        ]
        return [*plain, *(["*", *self.data] if self.data else [])]

    def _unpacking(self) -> list[str]:
        """Lines that take the numbers out of arguments that are containers."""
        lines = []
        for name, x in zip(self.recording.parameters, self.recording.arguments, strict=True):
            if not isinstance(x, Value):
                for path, v in _paths(x, name):
                    lines.append(f"    {self._name(v)} = {path}")
        return lines

    def _nest(self, x: Any) -> str:
        if isinstance(x, Value):
            number = x.is_constant and np.ndim(x.data) == 0
            return literal(x.data) if number else self._operand(x)[0]
        if isinstance(x, dict):
            return "{" + ", ".join(f"{literal(k)}: {self._nest(v)}" for k, v in x.items()) + "}"
        if isinstance(x, list):
            return f"[{', '.join(map(self._nest, x))}]"
        if isinstance(x, tuple):
            inner = ", ".join(map(self._nest, x))
            return f"({inner},)" if len(x) == 1 else f"({inner})"
        leaves, _ = flatten(x)
        return f"({', '.join(map(self._nest, leaves))})" if leaves else literal(x)


SLOTS = {"Hole", "TensorSlot"}


def _turns_all(step: Step) -> bool:
    """Whether a transpose is that of all axes, ``a.T``."""
    axes = step.parameters.get("axes")
    return axes is None or list(axes) == [*range(len(axes))][::-1]


def _named_gradient(v: Value) -> Value | None:
    """Return what a value is the gradient of, if that is no gradient of it in turn."""
    seen, of = {id(v)}, v.gradient_of
    while of is not None and of.gradient_of is not None:
        if id(of) in seen:
            return None
        seen.add(id(of))
        of = of.gradient_of
    return v.gradient_of


def _sizes(shape: tuple[int, ...]) -> Iterator[int]:
    yield from shape
    yield prod(shape)


def _is_weak(one: Any, step: Step, v: Value) -> bool:
    """Whether a Python number does in place of an array of equal ones, to shape and dtype."""
    if step.primitive.function not in BINARY or step.primitive.function is np.matmul:
        return False
    others = [x for x in step.operands if x is not v]
    if not others or others[0].shape != step.results[0].shape:
        return False
    if others[0].is_constant:
        return False
    dtype = np.asarray(others[0].data).dtype
    return dtype == np.asarray(v.data).dtype and dtype.kind in "fc"


def _has_a_dtype(v: Value) -> bool:
    """Whether it is more than a number that is written as Python's."""
    return not v.is_constant or bool(v.shape)


def _typed(v: Value) -> str:
    """Return a number in its dtype, where nothing beside it has one."""
    data = np.asarray(v.data)
    text = literal(data.item())
    return text if data.dtype in (np.float64, np.int64, bool) else f"{literal(data.dtype)}({text})"


def _promotes(v: Value, step: Step) -> bool:
    """Whether a constant number is of a dtype that one of Python's would not bring about."""
    if not isinstance(step.primitive.function, np.ufunc) or type(v.data) in (bool, int, float):
        return False
    own = np.asarray(v.data)
    others = [np.asarray(x.data).dtype for x in step.operands if x is not v]
    if own.dtype.kind not in "fc" or not others:
        return False
    return bool(np.result_type(own.item(), *others) != np.result_type(own.dtype, *others))


def _without_axes(v: Value, step: Step) -> Value:
    """Return the number of which ``number[..., None]`` is an array, where that is broadcast."""
    maker = v.maker
    if maker is None or maker.primitive is not getitem or maker.operands[0].shape != ():
        return v
    others = [x for x in step.operands if x is not v]
    return maker.operands[0] if others and others[0].shape == step.results[0].shape else v


def _paths(tree: Any, path: str) -> Iterator[tuple[str, Value]]:
    """Yield how to reach each input in a container, as source."""
    if isinstance(tree, Value):
        yield path, tree
    elif isinstance(tree, dict):
        for key, x in tree.items():
            yield from _paths(x, f"{path}[{literal(key)}]")
    elif isinstance(tree, (list, tuple)):
        for i, x in enumerate(tree):
            yield from _paths(x, f"{path}[{i}]")
    elif hasattr(tree, "__dataclass_fields__"):
        for field in tree.__dataclass_fields__:
            yield from _paths(getattr(tree, field), f"{path}.{field}")
