"""The text of a function, and the function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Source(str):
    """The source of a function; print it, or `load` the function.

    Attributes
    ----------
    name
        The function's name.
    data
        Arrays that the function uses, does not take, and that are too long to stand in the
        text: the source takes them as keywords of these names.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_lite import source, value_and_grad
    >>> def square(x):
    ...     return x * x
    >>> text = source(value_and_grad(square), 3.0)
    >>> text.name
    'square'
    >>> text.load()(3.0)
    (9.0, 6.0)
    """

    name: str
    data: dict[str, Any]

    def load(self) -> Callable[..., Any]:
        """Return the function, with `data` given to it."""
        namespace: dict[str, Any] = {}
        exec(compile(self, f"<source of {self.name}>", "exec"), namespace)
        function: Callable[..., Any] = namespace[self.name]
        if not self.data:
            return function
        return lambda *args, **kwargs: function(*args, **{**self.data, **kwargs})
