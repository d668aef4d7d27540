"""What ``x.grad`` is: an array that also answers the names of a Tensor.

>>> from autograd_lite import Tensor
>>> w = Tensor([3.0, 4.0], requires_grad=True)
>>> (w * w / 2).sum().backward()
>>> w.grad
array([3., 4.])
>>> w.grad.norm(), w.grad.data.zero_()
(np.float64(5.0), array([0., 0.]))

It is a view of the gradient, made when it is asked for. Programs for PyTorch write
``p.grad.zero_()``, ``p.grad.norm()`` and ``p.grad.data``, which an array does not know. What is
computed from it is a plain array.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np


class Gradient(np.ndarray[Any, np.dtype[Any]]):
    """An array of NumPy's, to which methods of a Tensor are added."""

    __slots__ = ()
    as_tensor: ClassVar[Any]  # `constant`, which tensor.py says

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar else array

    def __getattr__(self, name: str) -> Any:
        """Answer a method of a Tensor that no array has; one with a ``_`` writes in here."""
        if name.startswith("__"):
            raise AttributeError(name)
        writes = name.endswith("_")
        t = self.as_tensor(np.array(self) if writes else self.view(np.ndarray))
        found = getattr(t, name)
        if not callable(found):
            return _unwrapped(found)

        def method(*args: Any, **kwargs: Any) -> Any:
            result = found(*args, **kwargs)
            if result is t and writes:
                self[...] = t._value
            return self if result is t else _unwrapped(result)

        return method

    @property
    def data(self) -> Any:
        """The gradient itself; an array's own `data` is its memory: ``memoryview(x.grad)``."""
        return self

    def detach(self) -> Any:
        """Return the gradient itself: it has no tape."""
        return self

    def numpy(self) -> Any:
        """Return the gradient as a plain array, not a copy."""
        return self.view(np.ndarray)

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).copy().__reduce__()


def _unwrapped(result: Any) -> Any:
    """Return arrays in place of Tensors."""
    if isinstance(result, tuple):
        parts = map(_unwrapped, result)
        return result._make(parts) if hasattr(result, "_make") else tuple(parts)
    return getattr(result, "_value", result)
