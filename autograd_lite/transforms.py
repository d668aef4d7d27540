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

from .backward import sweep
from .errors import IntegerGradientError, NonScalarBackwardError
from .primitive import derivative
from .tape import differentiating, state
from .tensor import Tensor

Function = Callable[..., Any]

_alias = derivative(lambda x: x, name="alias", x=lambda g: g)


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
        aliases = [_fresh(args[n]) for n in places]
        given = list(args)
        for n, alias in zip(places, aliases, strict=True):
            given[n] = alias
        with differentiating():
            value = f(*given, **kwargs)
        gradients = _gradients(value, aliases)
        value = _settled(value, aliases[0]._number)
        return value, gradients if isinstance(argnum, tuple) else gradients[0]

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
    """Return a Tensor like `x` that is newer than anything else; linked to `x` if that is traced."""
    if isinstance(x, Tensor):
        alias = _alias.apply(x)
    else:
        alias = Tensor(x)
    if alias.dtype.kind not in "fc":
        raise IntegerGradientError(
            f"The gradient was asked for an argument of dtype {alias.dtype}: give floats, as in 2.0."
        )
    alias._requires = True
    return alias


def _gradients(value: Any, aliases: list[Tensor]) -> tuple[Any, ...]:
    start, stop = aliases[0]._number, aliases[-1]._number
    if not isinstance(value, Tensor) or not value._requires or value._number < start:
        if np.size(value) != 1:
            raise _not_one_number(value)
        return tuple(np.zeros_like(alias._data) for alias in aliases)
    if value.size != 1:
        raise _not_one_number(value)
    # Rules are fed Tensors only where the gradient is on someone else's tape too.
    recorded = state.mode.records and _touches_outside(value, start, stop)
    reached, _ = sweep(
        value, np.ones_like(value._data), start=start, stop=stop, recorded=recorded
    )
    return tuple(
        _settled(reached[alias._number][1], start)
        if alias._number in reached
        else np.zeros_like(alias._data)
        for alias in aliases
    )


def _not_one_number(value: Any) -> NonScalarBackwardError:
    return NonScalarBackwardError(
        f"grad needs a function that returns one number, and this one returned shape "
        f"{np.shape(value)}: reduce the result first, as with np.sum."
    )


def _touches_outside(value: Tensor, start: int, stop: int) -> bool:
    """Whether the part of the tape since `start` leads to anything older that needs a gradient."""
    if value._number <= stop:
        return value._primitive is not None
    waiting, seen = [value], {value._number}
    while waiting:
        for x in waiting.pop()._operands:
            n = x._number
            if not x._requires or n in seen:
                continue
            seen.add(n)
            if n > stop:
                if x._primitive is None:
                    return True
                waiting.append(x)
            elif n < start or x._primitive is not None:
                return True
    return False


def _settled(value: Any, start: int) -> Any:
    """Return plain numbers, unless the value is on a tape that is older than `start`."""
    if not isinstance(value, Tensor):
        return value
    if value._requires and state.mode.records and _touches_outside(value, start, start - 1):
        return value
    return value._data


