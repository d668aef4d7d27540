"""The operators of a Tensor, and the methods that NumPy's arrays do not have.

An operator is the compiled `apply` of its primitive, with nothing in between:
for a program on scalars, one more Python call would be a tenth of its time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .calculus.neural import relu, sigmoid
from .protocol import TABLE
from .tensor import Tensor

_BINARY = {
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
_COMPARISONS = {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}
_UNARY = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}


def _reflected(apply: Any) -> Any:
    return lambda self, other: apply(other, self)


def _install() -> None:
    for name, ufunc in {**_BINARY, **_COMPARISONS, **_UNARY}.items():
        setattr(Tensor, f"__{name}__", TABLE[ufunc].apply)
    for name, ufunc in _BINARY.items():
        setattr(Tensor, f"__r{name}__", _reflected(TABLE[ufunc].apply))
    Tensor.__hash__ = object.__hash__  # type: ignore[method-assign]
    Tensor.relu = relu.apply  # type: ignore[method-assign]
    Tensor.sigmoid = sigmoid.apply  # type: ignore[method-assign]


_install()
