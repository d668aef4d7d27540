"""Functions without a derivative: comparisons, logic, positions, shapes.

Their results are Tensors that require no gradient, and they are on the tape
where everything is recorded, so that a mask is never frozen into a program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..composite import unwrap_all
from ..modes import report_read, special
from ..primitive import derivative
from ..protocol import TABLE
from ..tensor import Tensor

_ufunc: np.ufunc
for _ufunc in (
    *(np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal),
    *(np.logical_and, np.logical_or, np.logical_xor),
    *(np.bitwise_and, np.bitwise_or, np.bitwise_xor),
):
    derivative(_ufunc, nondifferentiable="x y")

for _ufunc in (np.logical_not, np.invert, np.isnan, np.isinf, np.isfinite, np.signbit):
    derivative(_ufunc, nondifferentiable="x")

derivative(np.argmax, nondifferentiable="a", parameters="axis keepdims")
derivative(np.argmin, nondifferentiable="a", parameters="axis keepdims")
derivative(np.argsort, nondifferentiable="a", parameters="axis kind stable")
derivative(np.any, nondifferentiable="a", parameters="axis keepdims where")
derivative(np.all, nondifferentiable="a", parameters="axis keepdims where")
derivative(np.count_nonzero, nondifferentiable="a", parameters="axis keepdims")
derivative(np.searchsorted, nondifferentiable="a v", parameters="side sorter")
derivative(np.isclose, nondifferentiable="a b", parameters="rtol atol equal_nan")
derivative(np.argpartition, nondifferentiable="a", parameters="kth axis kind")
derivative(np.nanargmax, nondifferentiable="a", parameters="axis keepdims")
derivative(np.nanargmin, nondifferentiable="a", parameters="axis keepdims")
derivative(np.digitize, nondifferentiable="x bins", parameters="right")
derivative(np.isin, nondifferentiable="element test_elements", parameters="assume_unique invert")
derivative(np.lexsort, nondifferentiable="keys", parameters="axis")
derivative(np.isneginf, nondifferentiable="x")
derivative(np.isposinf, nondifferentiable="x")
derivative(np.iscomplex, nondifferentiable="x")
derivative(np.isreal, nondifferentiable="x")
derivative(np.flatnonzero, nondifferentiable="a")
derivative(np.argwhere, nondifferentiable="a")
derivative(np.nonzero, nondifferentiable="a", outputs=True)
derivative(np.linalg.matrix_rank, nondifferentiable="A", parameters="tol hermitian rtol")


_OF_VALUES = frozenset({"allclose", "array_equal", "array_equiv"})
"""Those whose result depends on the numbers, not on shapes and dtypes alone."""


class Unrecorded:
    """A function that is evaluated on plain arrays and not recorded: its result is no Tensor."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = function.__name__

    def __repr__(self) -> str:
        return f"<unrecorded {self.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the function on the values."""
        return self.from_numpy(args, kwargs)

    def from_numpy(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Evaluate a NumPy call."""
        if special and self.name in _OF_VALUES:
            for x in (*args, *kwargs.values()):
                if isinstance(x, Tensor):
                    report_read(x, f"np.{self.name}")
        return self.function(*unwrap_all(args), **unwrap_all(kwargs))


for _function in (
    *(np.shape, np.ndim, np.size, np.allclose, np.array_equal, np.array_equiv),
    *(np.zeros_like, np.ones_like, np.empty_like),
    *(np.array2string, np.array_repr, np.array_str),
    *(np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.common_type),
    *(np.may_share_memory, np.shares_memory, np.min_scalar_type, np.einsum_path),
    *(np.diag_indices_from, np.tril_indices_from, np.triu_indices_from),
):
    TABLE[_function] = Unrecorded(_function)
