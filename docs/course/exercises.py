"""The checks of the course's exercises: each says `Right`, or what is not right yet.

They are ordinary functions, and take the place of a teacher who looks over your shoulder. A check
never raises: an unfinished answer is no accident.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_lite.errors import CheckInputError
from autograd_lite.testing import check_gradient_function


def check_gradient(loss: Callable[..., Any], gradient: Callable[..., Any], *inputs: Any) -> None:
    """Hold a gradient that was written by hand against bumps of the loss, and name a mistake.

    Parameters
    ----------
    loss
        A function of the inputs; its result is one number.
    gradient
        Your function of the same inputs: one gradient, or a tuple with one for each.
    *inputs
        Where to look.

    Examples
    --------
    >>> def square(x):
    ...     return x**2
    >>> check_gradient(square, lambda x: 2 * x, 3.0)
    Right: the gradient agrees with the bumps.
    >>> check_gradient(square, lambda x: x, 3.0)  # doctest: +ELLIPSIS
    Not yet. The gradient of 'square' with respect to x is wrong: given 3, numerical 6. ...
    """
    try:
        check_gradient_function(loss, gradient, *inputs)
    except (AssertionError, CheckInputError) as error:
        print(f"Not yet. {re.sub(r'the lambda in [^ ]+', 'your loss', str(error))}")
    except Exception as error:
        print(_stopped(error))
    else:
        print("Right: the gradient agrees with the bumps.")


def check_values(
    yours: Callable[..., Any], right: Callable[..., Any], *cases: Any, within: float = 1e-6
) -> None:
    """Hold a function against the right one, at several inputs.

    Parameters
    ----------
    yours, right
        Functions of the same arguments.
    *cases
        Arguments: a tuple for several.
    within
        How far off a number may be, as a share of the right one, or of 1 if that is larger.

    Examples
    --------
    >>> check_values(lambda x: x + x, lambda x: 2 * x, 1.0, 2.0)
    Right: 2 of 2 agree.
    >>> check_values(lambda x: x * x, lambda x: 2 * x, 2.0, 3.0)
    Not yet. At 3.0 it gives 9, not 6.
    """
    for case in cases:
        arguments = case if isinstance(case, tuple) else (case,)
        at = f"At {', '.join(_short(a) for a in arguments)}"
        try:
            answer = yours(*arguments)
            if answer is None:
                print(f"Not yet. {at} it gives nothing back: does your function end with `return`?")
                return
            given, wanted = np.asarray(answer, float), np.asarray(right(*arguments))
        except Exception as error:
            print(_stopped(error))
            return
        if given.shape != wanted.shape:
            print(
                f"Not yet. {at} the result has the shape {given.shape}, and should have "
                f"{wanted.shape}."
            )
            return
        wrong = np.argwhere(~(np.abs(given - wanted) <= within * np.maximum(1, np.abs(wanted))))
        if len(wrong):
            place = tuple(map(int, wrong[0]))
            where = f" at {list(place)}" if place else ""
            print(f"Not yet. {at} it gives {given[place]:.6g}{where}, not {wanted[place]:.6g}.")
            return
    print(f"Right: {len(cases)} of {len(cases)} agree.")


def check_engine(value: Callable[[Any], Any], programs: Sequence[Callable[..., Any]]) -> None:
    """Hold the engine of the course against autograd_lite's, program by program.

    Parameters
    ----------
    value
        The class that you wrote: ``value(data)`` records, ``.backward()`` fills ``.grad``.
    programs
        Functions of two values, that use operators and methods which both have.
    """
    from autograd_lite import Tensor

    for i, program in enumerate(programs, 1):
        for a, b in ((2.0, -0.5), (np.array([[1.0, 2.0]]), np.array([[0.5], [-1.5], [1.0]]))):
            ours = [Tensor(x, requires_grad=True) for x in (a, b)]
            np.sum(program(*ours)).backward()
            yours = [value(x) for x in (a, b)]
            try:
                result = program(*yours)
                (result.sum() if np.ndim(result.data) else result).backward()
            except Exception as error:
                print(f"{_stopped(error)} (program {i})")
                return
            for which, mine, reference in zip("ab", yours, ours, strict=True):
                same = np.shape(mine.grad) == np.shape(reference.grad)
                if not same or not np.allclose(mine.grad, reference.grad, rtol=1e-9, atol=1e-12):
                    print(
                        f"Not yet. Program {i}: the gradient of {which} is {_short(mine.grad)}, "
                        f"and should be {_short(reference.grad)}."
                    )
                    return
    print(f"Right: {len(programs)} of {len(programs)} programs agree with autograd_lite.")


def _stopped(error: Exception) -> str:
    if isinstance(error, ValueError) and re.search("matmul|broadcast|shapes", str(error)):
        shapes = re.search(r"shapes? (\(.*\))", str(error))
        lengths = re.search(r"size (\d+) is different from (\d+)", str(error))
        found = f": {shapes[1]}" if shapes else ""
        if lengths:
            found = f": one has the length {lengths[2]} where the other has {lengths[1]}"
        return (
            f"Not yet. Two arrays of your lines do not fit together{found}. Write down the shape "
            "of each array, line by line."
        )
    return f"Not yet. Your lines stopped with {type(error).__name__}: {error}"


def _short(value: Any) -> str:
    if isinstance(value, (str, int, float)):
        return str(value)
    if callable(value):
        return str(getattr(value, "__name__", value))
    array = np.asarray(value)
    return np.array2string(array, precision=4) if array.size <= 6 else f"an array {array.shape}"
