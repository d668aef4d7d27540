"""Operations that keep a state: a class with a forward pass and its rules.

>>> import numpy as np
>>> from autograd_lite import Operation, grad
>>> class Power(Operation):
...     def __init__(self, n):
...         self.n = n
...
...     def forward(self, x):
...         return x**self.n
...
...     def grad_x(self, g, x):
...         return g * self.n * x ** (self.n - 1)
>>> cube = Power(3)
>>> cube(2.0), float(grad(cube)(2.0)), float(grad(grad(cube))(2.0))
(8.0, 12.0, 12.0)

There is nothing to it but `derivative`, declared of an instance's methods.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar

from .declaration import OPTIONS, RENAMED
from .errors import RuleError
from .primitive import Primitive


class Operation:
    """A primitive with a state: subclass it, write `forward` and the rules, and call it.

    ``forward(self, x, …)``
        The forward pass, on arrays.
    ``grad_x(self, g, …)``
        The rule for its operand `x`: ∂L/∂x from the upstream gradient `g`. Like
        any rule it takes by name what else it needs: `out`, operands, parameters.
        An operand may have none: it is an error when its gradient is asked for.
    ``backward(self, g, …)``
        One rule that returns the gradients of all operands, in place of those.

    Keywords of the class are those of `derivative`: ``class Clamp(Operation,
    elementwise=True)``.

    The state must be the same when the gradient is taken as it was in the call.
    What belongs to one call, such as a random mask, is an argument of `forward`.

    Raises
    ------
    RuleError
        At the first call, if methods are missing or their names do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_lite import grad
    >>> class Scale(Operation, elementwise=True):
    ...     def __init__(self, factor):
    ...         self.factor = factor
    ...
    ...     def forward(self, x):
    ...         return self.factor * x
    ...
    ...     def grad_x(self, g):
    ...         return self.factor * g
    >>> grad(Scale(3.0))(2.0)
    np.float64(3.0)
    """

    _declaration: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, **declaration: Any) -> None:
        super().__init_subclass__()
        for option in declaration:
            if RENAMED.get(option, option) not in OPTIONS:
                raise RuleError(
                    f"'{cls.__name__}' is an Operation, which has no option '{option}'; it has "
                    f"{', '.join(OPTIONS)}."
                )
        cls._declaration = {**cls._declaration, **declaration}

    @functools.cached_property
    def primitive(self) -> Primitive:
        """What stands on the tape: the methods of this instance, as `derivative` compiles them."""
        kind = type(self)
        forward = getattr(self, "forward", None)
        if forward is None:
            raise RuleError(f"The operation '{kind.__name__}' needs a method forward(self, x, …).")
        rules = {
            method.removeprefix("grad_"): getattr(self, method)
            for method in dir(kind)
            if method.startswith("grad_")
        }
        joint = getattr(self, "backward", None)
        return Primitive(
            forward, rules, **{"joint": joint, "name": kind.__name__, **kind._declaration}
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply to Tensors, arrays and numbers; without a Tensor, the result is an array."""
        return self.primitive(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the primitive: a copy makes its own, of its own methods."""
        return {name: value for name, value in self.__dict__.items() if name != "primitive"}
