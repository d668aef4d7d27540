"""What a module holds: parameters, which it learns, and buffers, which it keeps and saves."""

from __future__ import annotations

from typing import Any

from autograd_lite import Tensor
from autograd_lite.modes import runs_again


class Parameter(Tensor):
    """A Tensor that a model learns: a leaf of floats that requires a gradient.

    When a module that holds it becomes part of another, its `name` becomes its
    path from there, such as ``"0.weight"``, so that pictures are labelled.

    Parameters
    ----------
    data
        Floats, in anything that `numpy.array` takes; copied.
    requires_grad
        False freezes it.
    dtype, name
        As for `Tensor`.

    Raises
    ------
    IntegerGradientError
        If `data` holds integers.

    Examples
    --------
    >>> Parameter([1.0, 2.0]).requires_grad
    True
    """

    __slots__ = ()

    def __init__(
        self,
        data: Any,
        requires_grad: bool = True,
        *,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(data, requires_grad, dtype=dtype, name=name)


class Buffer(Tensor):
    """A Tensor that a model keeps and saves but does not learn, such as a running mean.

    Parameters
    ----------
    data, dtype
        As for `Tensor`.

    Examples
    --------
    >>> import nn
    >>> class Counter(nn.Module):
    ...     def __init__(self):
    ...         self.count = nn.Buffer(0)
    ...
    ...     def forward(self, x):
    ...         self.count.data += 1
    ...         return x
    >>> counter = Counter()
    >>> x = counter(counter(1.0))
    >>> counter.state_dict()
    {'count': array(2)}
    """

    __slots__ = ()

    def __init__(self, data: Any, *, dtype: Any = None) -> None:
        super().__init__(data, dtype=dtype)

    @property
    def data(self) -> Any:
        """The array; where a program is compiled that reads it in each run, a value of that."""
        return self.detach() if runs_again() else self._value

    @data.setter
    def data(self, value: Any) -> None:
        Tensor.data.fset(self, value)  # type: ignore[attr-defined]
