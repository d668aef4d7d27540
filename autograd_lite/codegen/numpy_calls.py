"""The steps of a NumPy program as text: what a value is called, and what computes it."""

from __future__ import annotations

import builtins
import keyword
from math import prod
from typing import Any

import numpy as np

from ..calculus.indexing import getitem
from .numpy_memory import dtype_of
from .operators import OPERATORS
from .program import Step, Value
from .spelling import identifier, index_part, literal, numpys_name

_NUMPYS = frozenset(name for name, x in vars(np).items() if callable(x))
_BUILTINS = frozenset(dir(builtins))
_REDUCTIONS = {np.sum: "add", np.prod: "multiply", np.max: "maximum", np.min: "minimum"}


class Calls:
    """Names of values, functions and constants, and the texts of steps made of them."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {"np": np}
        self.names: dict[Value, str] = {}
        self.taken = {"np", "memory", "i", *keyword.kwlist, *_NUMPYS, *_BUILTINS}
        self.counts: dict[str, int] = {}
        self.functions: dict[str, None] = {}  # of NumPy's, that are imported
        self.constants: list[str] = []  # lines
        self.scalars: dict[Any, str] = {}  # constant numbers, as arrays of no dimension
        self.ones: dict[Any, str] = {}
        self.static: set[Value] = set()  # what is the same array in each run
        self.into: dict[Value, Value] = {}  # results that are written into an input, and that

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

    # -- steps -----------------------------------------------------------------------------------

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
            made = dtype_of(step.results[0])
            is_one = function is np.divide and given[0] == self.ones.get(made)
            if is_one and dtype_of(step.operands[1]) == made:  # that of whole numbers is whole
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


def _reduces_all(step: Step) -> bool:
    """Whether a reduction takes in every number, and begins with nothing."""
    given = {k for k, x in step.parameters.items() if not (k == "where" and x is True)}
    return given <= {"axis", "keepdims", "dtype"} and bool(prod(step.operands[0].shape))


def _is_product(step: Step) -> bool:
    """Whether `ndarray.dot` computes a product as `np.matmul` does, which takes longer to begin."""
    arrays = [np.asarray(v.data) for v in step.operands]
    if any(a.dtype.kind not in "fc" or not a.flags.forc for a in arrays):
        return False
    return all(a.ndim == 2 for a in arrays) or all(a.ndim == 1 for a in arrays)


def _power(step: Step) -> Any:
    """Return what the operator ``**`` calls in place of a power, as NumPy does."""
    x, y = step.operands
    if not x.shape or not y.is_constant or y.shape or dtype_of(x).kind not in "fc":
        return None
    return {2.0: np.square, 0.5: np.sqrt, -1.0: np.reciprocal}.get(y.data)
