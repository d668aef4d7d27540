"""In-place writes as values: ``t.at[index].set(v)`` instead of ``t[index] = v``.

>>> import numpy as np
>>> from autograd_lite import Tensor, grad
>>> x = Tensor([1.0, 2.0, 3.0])
>>> x.at[1].set(9.0)
Tensor([1., 9., 3.])
>>> x.at[[0, 0]].add(1.0)
Tensor([3., 2., 3.])
>>> grad(lambda v: np.sum(x.at[1:].set(v) ** 2))(np.array([5.0, 6.0]))
array([10., 12.])
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .foreign import as_array
from .protocol import TABLE
from .tensor import Tensor, unwrap_index


class IndexUpdateHelper:
    """The helper that ``t.at`` returns: index it, as in ``t.at[1:]``."""

    def __init__(self, t: Tensor) -> None:
        self._t = t

    def __getitem__(self, index: Any) -> IndexUpdate:
        return IndexUpdate(self._t, index)


class IndexUpdate:
    """What ``t.at[index]`` returns: it updates that part in a copy of the whole."""

    def __init__(self, t: Tensor, index: Any) -> None:
        self._t = t
        self._index = unwrap_index(index)
        # The flat position of each selected element: repeated where an index repeats.
        self._chosen = np.arange(t.size).reshape(t.shape)[self._index]

    def get(self) -> Tensor:
        """Return the part itself: ``t[index]``."""
        return self._t[self._index]

    def set(self, value: Any) -> Tensor:
        """Return a copy with the part replaced; where an index repeats, the last value counts."""
        t, chosen = self._t, self._chosen
        written = np.zeros(t.size, dtype=bool)
        written[chosen] = True
        last = np.zeros(t.size, dtype=int)
        last[chosen] = np.arange(chosen.size).reshape(chosen.shape)
        value = np.ravel(np.broadcast_to(_operand(value, t), chosen.shape))
        if not chosen.size:
            return t.copy()
        taken = TABLE[operator.getitem](value, last.reshape(t.shape))
        result: Tensor = np.where(written.reshape(t.shape), taken, t)  # type: ignore[assignment]
        return result

    def add(self, value: Any) -> Tensor:
        """Return a copy with `value` added to the part; where an index repeats, values add up."""
        from .calculus.indexing import scatter

        t = self._t
        value = np.broadcast_to(_operand(value, t), self._chosen.shape)
        result: Tensor = t + scatter(value, shape=t.shape, index=self._index)
        return result

    def multiply(self, value: Any) -> Tensor:
        """Return a copy with the part multiplied by `value`; no index may repeat."""
        if len(np.unique(self._chosen)) != self._chosen.size:
            raise IndexError("at[...].multiply takes an index in which nothing repeats.")
        return self.set(self.get() * _operand(value, self._t))


def _operand(value: Any, t: Tensor) -> Any:
    return value if isinstance(value, Tensor) else as_array(value).astype(t.dtype)
