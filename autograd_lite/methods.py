"""The operators of a Tensor, and its methods: each is compiled when it is first used.

An operator is a compiled function of its primitive, with nothing in between: for a program
on scalars, one more Python call would be a tenth of its time. So is an elementwise method. Any
other is a line of :mod:`autograd_lite.method_names`, in which ``np.…`` is the entry of the table:
``print(source("gather"))`` shows what becomes of one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any

import numpy

from . import method_names as names
from .errors import InPlaceError
from .inplace import overwrite
from .protocol import TABLE
from .tensor import Tensor

_BINARY: dict[str, numpy.ufunc] = {
    "add": numpy.add,
    "sub": numpy.subtract,
    "mul": numpy.multiply,
    "truediv": numpy.divide,
    "floordiv": numpy.floor_divide,
    "mod": numpy.remainder,
    "pow": numpy.power,
    "matmul": numpy.matmul,
    "and": numpy.bitwise_and,
    "or": numpy.bitwise_or,
    "xor": numpy.bitwise_xor,
}
_COMPARISONS: dict[str, numpy.ufunc] = {
    "lt": numpy.less,
    "le": numpy.less_equal,
    "gt": numpy.greater,
    "ge": numpy.greater_equal,
    "eq": numpy.equal,
    "ne": numpy.not_equal,
}
_UNARY: dict[str, numpy.ufunc] = {
    "neg": numpy.negative,
    "pos": numpy.positive,
    "abs": numpy.absolute,
    "invert": numpy.invert,
}


def _on_first_use(method: str, find: Callable[[], Any]) -> None:
    """Give Tensor a method that replaces itself by the compiled one when it is first called."""

    def first(self: Any, *others: Any) -> Any:
        compiled = find()
        setattr(Tensor, method, compiled)
        return compiled(self, *others)

    first.__name__ = method
    setattr(Tensor, method, first)


def _reflected(ufunc: numpy.ufunc) -> Callable[..., Any]:
    apply = TABLE[ufunc].operator

    def reflected(self: Any, other: Any) -> Any:
        if type(other) is complex:
            # Python's own, before a NumPy scalar, would make the result one of Python's.
            other = numpy.result_type(self._value, other).type(other)
        return apply(other, self)

    return reflected


for _name, _ufunc in {**_BINARY, **_COMPARISONS, **_UNARY}.items():
    _on_first_use(f"__{_name}__", partial(getattr, TABLE[_ufunc], "operator"))
for _name, _ufunc in _BINARY.items():
    _on_first_use(f"__i{_name}__", partial(getattr, TABLE[_ufunc], "inplace"))
    _on_first_use(f"__r{_name}__", partial(_reflected, _ufunc))


# -- methods -----------------------------------------------------------------------------------


class _Method:
    """A method that is compiled at its first use, and replaced by the compiled one."""

    __slots__ = ("make", "name")

    def __init__(self, name: str, make: Callable[[str], Any]) -> None:
        self.name, self.make = name, make

    def __get__(self, t: Any, kind: Any = None) -> Any:
        made = self.make(self.name)
        if isinstance(
            made, FunctionType
        ):  # so that it is found where it is: to pickle it, for help
            made.__module__, made.__qualname__ = Tensor.__module__, f"Tensor.{self.name}"
        setattr(Tensor, self.name, made)
        return made.__get__(t, kind)


class _Elsewhere:
    """A name that means something elsewhere: no attribute, and the error says what to write.

    Each is a descriptor, since a `__getattr__` would slow every attribute down.
    """

    __slots__ = ("instead", "name")

    def __init__(self, name: str, instead: str) -> None:
        self.name, self.instead = name, instead

    def __get__(self, t: Any, kind: Any = None) -> Any:
        raise AttributeError(f"A Tensor has no attribute '{self.name}': {self.instead}.")


def lines(*tables: str) -> dict[str, str]:
    """Return the lines of tables by their names; one that is indented belongs to the one before."""
    joined = (table.strip().replace("\n    ", " ") for table in tables)
    return {line.partition("(")[0]: line for table in joined for line in table.splitlines()}


_LINES = lines(names.NUMPY, names.PYTORCH)
_ALIASES = {"axis": "dim", "keepdims": "keepdim", "axis1": "dim1", "axis2": "dim2"}


def source(name: str) -> str:
    """Return the source that a method is compiled from.

    >>> print(source("unsqueeze"))
    def unsqueeze(t, dim):
        return np.expand_dims(t, dim)
    """
    parameters, body = parts(_LINES[name])
    if not body:
        named = parameters.index("*") if "*" in parameters else len(parameters)
        words = [p.partition("=")[0] for p in parameters]
        given = [w if i < named or w[0] == "*" else f"{w}={w}" for i, w in enumerate(words)]
        body = ", ".join([f"full(np.{name}", "t", *(w for w in given if w != "*")]) + ")"
    aliases = [(p.partition("=")[0], p.partition("=")[2]) for p in parameters]
    aliases = [(own, default) for own, default in aliases if own in _ALIASES and default]
    rest = [p for p in parameters if p.startswith("**")]
    plain = [p for p in parameters if not p.startswith("**")]
    if aliases:
        star = [] if any(p.startswith("*") for p in plain) else ["*"]
        plain += star + [f"{_ALIASES[own]}=None" for own, _ in aliases]
    head = [f"def {name}({', '.join(['t', *plain, *rest])}):"]
    for own, default in aliases:
        other = _ALIASES[own]
        head.append(f"    if {other} is not None:")
        head.append(f"        {own} = either('{name}', '{own}', {own}, {default}, {other})")
    return "\n".join([*head, f"    return {body}"])


def parts(line: str) -> tuple[list[str], str]:
    """Return the parameters of ``name(a, b=(0, 1)) = body``, with their defaults, and the body."""
    head, _, body = line.partition(" = ")  # a default has no spaces around its "="
    inside = head.strip().partition("(")[2].removesuffix(")")
    return re.split(r", (?![^(]*\))", inside) if inside else [], body.strip()


def compiled(name: str, source: str, namespace: dict[str, Any]) -> Any:
    """Return the function of a source."""
    made: dict[str, Any] = {}
    exec(compile(source, f"<autograd_lite {name}>", "exec"), namespace, made)
    made[name].__doc__ = f"``{source.rpartition('return ')[2]}``"
    return made[name]


def _of_line(name: str) -> Any:
    from . import method_parts  # the longer ones, not needed at import

    return compiled(name, source(name), vars(method_parts))


def _elementwise(name: str) -> Any:
    if name in ("relu", "sigmoid"):
        from .calculus import neural

        apply = getattr(neural, name).apply
    else:
        apply = TABLE[getattr(numpy, names.RENAMED.get(name, name))].apply
    method = FunctionType(apply.__code__, apply.__globals__, name, apply.__defaults__)
    method.__doc__ = f"``np.{name}(t)``, of each number."
    return method


def _property(name: str) -> Any:
    from . import method_parts

    source = f"def {name}(t):\n    return {names.PROPERTIES[name]}"
    return property(compiled(name, source, vars(method_parts)))


def _writing(name: str) -> Any:
    value = getattr(Tensor, name.removesuffix("_"))

    def method(t: Any, *args: Any, **kwargs: Any) -> Any:
        return overwrite(t, name, lambda: value(t, *args, **kwargs))

    method.__name__ = name
    method.__doc__ = f"Write ``t.{name.removesuffix('_')}(…)`` into t, inside `with no_grad():`."
    return method


def _refused(name: str) -> Any:
    instead = names.REFUSED[name]

    def method(t: Any, *args: Any, **kwargs: Any) -> Any:
        raise InPlaceError(
            f"{name}() of an array writes into it, which a Tensor does not allow: write {instead}, "
            "which returns another."
        )

    method.__name__ = name
    method.__doc__ = f"Raise an error: write ``{instead}``."
    return method


FUNCTIONS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(_LINES, _of_line),
    **dict.fromkeys(names.ELEMENTWISE.split(), _elementwise),
}
_MADE_BY = FUNCTIONS | {
    **dict.fromkeys(names.PROPERTIES, _property),
    **dict.fromkeys([f"{name}_" for name in names.WRITING.split()], _writing),
    **dict.fromkeys(names.REFUSED, _refused),
}
ELSEWHERE = {
    name: instead for listed, instead in names.ELSEWHERE.items() for name in listed.split()
}
_ELSEWHERE = {name: f"{instead} (docs/coming_from.md)" for name, instead in ELSEWHERE.items()}
_ELSEWHERE |= {name: f"what the tape knows of t is t.tape.{name}" for name in names.RECORD.split()}
for _name, _make in _MADE_BY.items():
    setattr(Tensor, _name, _Method(_name, _make))
for _name, _instead in _ELSEWHERE.items():
    setattr(Tensor, _name, _Elsewhere(_name, _instead))


def _dir(t: Tensor) -> list[str]:
    return [name for name in object.__dir__(t) if name not in _ELSEWHERE]


Tensor.__dir__ = _dir  # type: ignore[assignment,method-assign]
Tensor.__hash__ = object.__hash__  # type: ignore[assignment,method-assign]  # __eq__ took it away
