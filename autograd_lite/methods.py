"""The operators of a Tensor, the methods that NumPy's arrays do not have, and names of others.

An operator is a compiled function of its primitive, with nothing in between:
for a program on scalars, one more Python call would be a tenth of its time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .calculus.neural import relu, sigmoid
from .protocol import TABLE
from .tensor import Tensor

_BINARY: dict[str, np.ufunc] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}
_COMPARISONS: dict[str, np.ufunc] = {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}
_UNARY: dict[str, np.ufunc] = {
    "neg": np.negative,
    "pos": np.positive,
    "abs": np.absolute,
    "invert": np.invert,
}


def _on_first_use(method: str, find: Callable[[], Any]) -> None:
    """Give Tensor a method that replaces itself by the compiled one when it is first called."""

    def first(self: Any, *others: Any) -> Any:
        compiled = find()
        setattr(Tensor, method, compiled)
        return compiled(self, *others)

    first.__name__ = method
    setattr(Tensor, method, first)


def _reflected(ufunc: np.ufunc) -> Callable[..., Any]:
    apply = TABLE[ufunc].operator

    def reflected(self: Any, other: Any) -> Any:
        if type(other) is complex:
            # Python's own, before a NumPy scalar, would make the result one of Python's.
            other = np.result_type(self._value, other).type(other)
        return apply(other, self)

    return reflected


for _name, _ufunc in {**_BINARY, **_COMPARISONS, **_UNARY}.items():
    _on_first_use(f"__{_name}__", partial(getattr, TABLE[_ufunc], "operator"))
for _name, _ufunc in _BINARY.items():
    _on_first_use(f"__i{_name}__", partial(getattr, TABLE[_ufunc], "inplace"))
    _on_first_use(f"__r{_name}__", partial(_reflected, _ufunc))
_on_first_use("relu", lambda: relu.apply)
_on_first_use("sigmoid", lambda: sigmoid.apply)


class _Elsewhere:
    """A name that means something elsewhere: no attribute, and the error says what to write.

    Each is a descriptor, since a `__getattr__` would slow every attribute down.
    """

    def __init__(self, name: str, instead: str) -> None:
        self.message = f"A Tensor has no attribute '{name}': {instead}."

    def __get__(self, t: Any, kind: Any = None) -> Any:
        raise AttributeError(self.message)


_INSTEAD = {
    "values": "np.max(t, axis) and np.sort(t) return the values themselves, t.numpy() is an array",
    "indices": "np.argmax(t, axis), np.argmin(t, axis) and np.argsort(t) return indices",
    **{
        name: f"what the tape knows of t is t.tape.{name}"
        for name in (
            "primitive",
            "operands",
            "parents",
            "parameters",
            "line",
            "call",
            "upstream",
            "rule_of",
        )
    },
}
for _name, _instead in _INSTEAD.items():
    setattr(Tensor, _name, _Elsewhere(_name, _instead))


def _dir(t: Tensor) -> list[str]:
    return [name for name in object.__dir__(t) if name not in _INSTEAD]


Tensor.__dir__ = _dir  # type: ignore[assignment,method-assign]
Tensor.__hash__ = object.__hash__  # type: ignore[assignment,method-assign]  # __eq__ took it away
