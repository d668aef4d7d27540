"""Function transforms: from a function to the function of its derivative.

>>> import numpy as np
>>> from autograd_lite import grad
>>> grad(np.sin)(0.0)
np.float64(1.0)
>>> grad(grad(grad(np.sin)))(0.0)
np.float64(-1.0)

Each call differentiates with respect to a fresh *alias* of its input. The
reverse pass does not go below the sequence number of the alias, so that what
happened before the call costs nothing, and nested calls do not mistake each
other's inputs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .backward import reverse_since
from .errors import IntegerGradientError, NonScalarBackwardError
from .primitive import derivative
from .tape import differentiating, quietly, state
from .tensor import Tensor, constant

Function = Callable[..., Any]


def grad(f: Function, argnum: int | tuple[int, ...] = 0) -> Function:
    """Return the function that computes the gradient of `f`.

    Parameters
    ----------
    f
        A function whose result is one number.
    argnum
        With respect to which argument, or a tuple of them.

    Returns
    -------
    callable
        Takes what `f` takes; returns a gradient like the argument (a tuple of
        them for a tuple `argnum`): a NumPy array, or a Tensor where it depends
        on something else on the tape, as in a nested `grad`.

    Raises
    ------
    NonScalarBackwardError
        If `f` returns more than one number.
    IntegerGradientError
        If an argument is an integer.

    Examples
    --------
    >>> grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0)
    np.float64(1.0)
    >>> grad(lambda x, y: x * y, argnum=(0, 1))(2.0, 3.0)
    (np.float64(3.0), np.float64(2.0))
    """
    both = value_and_grad(f, argnum)

    @functools.wraps(f, assigned=("__module__", "__name__", "__doc__"), updated=())
    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return gradient


def value_and_grad(f: Function, argnum: int | tuple[int, ...] = 0) -> Function:
    """Return the function that computes the value of `f` and its gradient.

    See `grad`.

    >>> value_and_grad(lambda x: x**3)(2.0)
    (np.float64(8.0), np.float64(12.0))
    """
    argnums = argnum if isinstance(argnum, tuple) else (argnum,)

    @functools.wraps(f, assigned=("__module__", "__name__", "__doc__"), updated=())
    def both(*args: Any, **kwargs: Any) -> Any:
        places = [_place(f, args, n) for n in argnums]
        originals = [args[n] for n in places]
        aliases = [_fresh(x) for x in originals]
        given = list(args)
        for n, alias in zip(places, aliases, strict=True):
            given[n] = alias
        with differentiating():
            value = f(*given, **kwargs)
        gradients = _gradients(value, aliases, originals)
        value, *gradients = (_settled(v, aliases) for v in (value, *gradients))
        return value, tuple(gradients) if isinstance(argnum, tuple) else gradients[0]

    return both


def _place(f: Function, args: tuple[Any, ...], n: int) -> int:
    if not -len(args) <= n < len(args):
        name = getattr(f, "__name__", "the function")
        raise TypeError(
            f"The gradient of {name} was asked for argument {n}, and it was called with "
            f"{len(args)} positional ones: give that argument by position."
        )
    return n % len(args)


def _fresh(x: Any) -> Tensor:
    """Return a leaf with the value of `x` that is newer than anything else."""
    alias = constant(x._data) if isinstance(x, Tensor) else Tensor(x)
    if alias.dtype.kind not in "fc":
        raise IntegerGradientError(
            f"The gradient was asked for an argument of dtype {alias.dtype}: "
            "give floats, as in 2.0."
        )
    alias._requires = True
    return alias


def _gradients(value: Any, aliases: list[Tensor], originals: list[Any]) -> list[Any]:
    """Return the gradients of a function's value, and tie the aliases to what they stood for."""
    if np.size(value) != 1:
        raise NonScalarBackwardError(
            f"grad needs a function that returns one number, and this one returned shape "
            f"{np.shape(value)}: reduce the result first, as with np.sum."
        )
    start = aliases[0]._number
    tied = [isinstance(x, Tensor) and x._requires and state.mode.records for x in originals]
    if not isinstance(value, Tensor) or not value._requires or value._number > start:
        gradients = {}
    else:
        # Rules are fed Tensors only where the gradient is on someone else's tape too.
        recorded = any(tied) or (state.mode.records and _leads_outside(value, aliases))
        seed = np.ones_like(value._data)
        gradients = quietly(reverse_since, value, seed, start, recorded)
    for alias, x, tie in zip(aliases, originals, tied, strict=True):
        # From here on an alias is what it stood for: a value on an outer tape, or a constant.
        # Only now, since the sweep above had to end at the alias.
        if tie:
            _alias_of(alias, x)
        else:
            alias._requires = False
    return [gradients.get(a._number, np.zeros_like(a._data)) for a in aliases]


_identity = derivative(lambda x: x, name="alias", x=lambda g: g)


def _alias_of(alias: Tensor, x: Tensor) -> None:
    alias._primitive = _identity
    alias._a, alias._value_a, alias._parameters = x, x._data, {}


def _leads_outside(value: Tensor, aliases: list[Tensor]) -> bool:
    """Whether a value's tape leads to anything that needs a gradient, other than the aliases."""
    start, ends = aliases[0]._number, {alias._number for alias in aliases}
    waiting, seen = [value], {value._number}
    while waiting:
        t = waiting.pop()
        if (t._primitive is None and t._number not in ends) or t._number > start:
            return True
        for x in t.operands:
            if isinstance(x, Tensor) and x._requires and x._number not in seen:
                seen.add(x._number)
                waiting.append(x)
    return False


def _settled(value: Any, aliases: list[Tensor]) -> Any:
    """Return plain numbers, unless the value is on a tape that leads beyond the aliases."""
    if not isinstance(value, Tensor):
        return value
    if value._requires and state.mode.records and _leads_outside(value, aliases):
        return value
    return value._data
