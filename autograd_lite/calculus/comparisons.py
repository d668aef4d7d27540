"""Functions without a derivative: comparisons, logic, positions, questions.

Their results are Tensors that require no gradient, and they are on the tape
where everything is recorded, so that a mask is never frozen into a program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..primitive import derivative
from ..protocol import TABLE
from ..tensor import Tensor

_ufunc: np.ufunc
for _ufunc in (
    *(np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal),
    *(np.logical_and, np.logical_or, np.logical_xor),
    *(np.bitwise_and, np.bitwise_or, np.bitwise_xor),
):
    derivative(_ufunc, operands="x y")

for _ufunc in (np.logical_not, np.invert, np.isnan, np.isinf, np.isfinite, np.signbit):
    derivative(_ufunc, operands="x")

derivative(np.argmax, operands="a", allows="axis keepdims")
derivative(np.argmin, operands="a", allows="axis keepdims")
derivative(np.argsort, operands="a", allows="axis kind stable")
derivative(np.any, operands="a", allows="axis keepdims")
derivative(np.all, operands="a", allows="axis keepdims")
derivative(np.count_nonzero, operands="a", allows="axis keepdims")
derivative(np.searchsorted, operands="a v", allows="side")
derivative(np.isclose, operands="a b", allows="rtol atol equal_nan")
derivative(np.argpartition, operands="a", allows="kth axis kind")
derivative(np.nanargmax, operands="a", allows="axis keepdims")
derivative(np.nanargmin, operands="a", allows="axis keepdims")
derivative(np.digitize, operands="x bins", allows="right")
derivative(np.isin, operands="element test_elements", allows="assume_unique invert")
derivative(np.lexsort, operands="keys", allows="axis")
derivative(np.isneginf, operands="x")
derivative(np.isposinf, operands="x")
derivative(np.iscomplex, operands="x")
derivative(np.isreal, operands="x")
derivative(np.flatnonzero, operands="a")
derivative(np.argwhere, operands="a")
derivative(np.nonzero, operands="a", outputs=True)
derivative(np.linalg.matrix_rank, operands="A", allows="tol hermitian rtol")


class Question:
    """A function whose answer is no array on the tape: a shape, a truth, a text."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = function.__name__

    def __repr__(self) -> str:
        return f"<question {self.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Ask the function about the values."""
        return self.from_numpy(args, kwargs)

    def from_numpy(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Answer a NumPy call."""
        values = [a.numpy() if isinstance(a, Tensor) else a for a in args]
        named = {k: a.numpy() if isinstance(a, Tensor) else a for k, a in kwargs.items()}
        return self.function(*values, **named)


for _question in (
    *(np.shape, np.ndim, np.size, np.allclose, np.array_equal, np.array_equiv),
    *(np.zeros_like, np.ones_like, np.empty_like),
    *(np.array2string, np.array_repr, np.array_str),
    *(np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj),
):
    TABLE[_question] = Question(_question)
