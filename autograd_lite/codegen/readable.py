"""`source`: the NumPy that a person would have written by hand."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..arguments import transform_of_functions
from ..tensor import Tensor
from ..trees import flatten
from .beside import beside
from .expand import NotWritable, expand
from .program import Program
from .record import record
from .simplify import simplify
from .source_text import Source
from .write import is_writable, write


@transform_of_functions
def source(
    f: Callable[..., Any],
    *inputs: Any,
    against: Callable[..., Any] | None = None,
    **kwargs: Any,
) -> Source:
    """Return `f` as readable NumPy, self-contained and without a Tensor in it.

    Of a transform, such as ``value_and_grad(loss)``, it is the whole backward pass: what one
    would have written by hand, with the user's names, ``dw`` for the gradient of ``w``, one
    line a meaningful step. Run, it gives the same bits as the tape.

    Parameters
    ----------
    f
        A function of numbers, arrays, and nested lists, tuples, dicts and dataclasses of them.
    *inputs, **kwargs
        What to call it with. The source is for arguments of these shapes and dtypes.
    against
        A function of the same inputs, such as a backward pass that was written by hand. It is
        run on the inputs, and its lines stand beside those that give the same numbers.

    Returns
    -------
    Source
        The text, with a method ``load()`` that gives the function. With `against`, a `Beside`:
        both texts side by side, and their ``rows``.

    Raises
    ------
    NotWritable
        If an operation cannot be written in NumPy's functions, or if what `f` computes depends
        on the numbers themselves, as with ``if x > 0``: other numbers, other lines. The
        source is run on other numbers of the same shapes before it is returned.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_lite import source, value_and_grad
    >>> def loss(w, x):
    ...     y = np.tanh(w @ x)
    ...     return np.square(y - 1.0)
    >>> print(source(value_and_grad(loss), np.array([0.5, -1.0]), np.array([1.0, 2.0])))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def loss(w, x):
        # forward
        y = np.tanh(w @ x)             # a number
        t1 = y - 1                     # a number
        loss = np.square(t1)           # a number
        # backward
        dw = 2 * t1 * (1 - y * y) * x  # (2,)
        return loss, dw
    <BLANKLINE>
    """
    recording = record(f, inputs, kwargs)
    opened = expand(recording.program, is_writable)
    recording.program = simplify(opened)
    text, data = write(recording, _named_arrays(f, recording.program))
    made = Source(text)
    made.name, made.data = text[text.index("\ndef ") + 5 :].partition("(")[0], data
    _check(made, f, inputs, kwargs)
    if against is None:
        return made
    known = [v for program in (opened, recording.program) for v in program.values()]
    return beside(made, inputs, against, known)


def _named_arrays(f: Any, program: Program) -> dict[int, str]:
    """Return what the function's globals and closure call the arrays that it uses."""
    try:
        variables = inspect.getclosurevars(inspect.unwrap(f))
    except TypeError:  # not a function written in Python
        return {}
    arrays = {}
    for name, x in {**variables.globals, **variables.nonlocals}.items():
        data = x.data if isinstance(x, Tensor) else x
        if isinstance(data, np.ndarray):
            arrays[_contents(data)] = name
    constants = [v for v in program.values() if v.is_constant and isinstance(v.data, np.ndarray)]
    named = {id(v): arrays.get(_contents(v.data)) for v in constants}
    return {key: name for key, name in named.items() if name is not None}


def _contents(data: Any) -> Any:
    return data.dtype.str, data.shape, data.tobytes()


# -- a program that depends on the numbers themselves is refused --------------------------------


def _check(made: Source, f: Any, inputs: Any, kwargs: Any) -> None:
    """Run the source and the function on other numbers of the same shapes: they must agree."""
    function = made.load()
    for i, others in enumerate(_other_numbers((inputs, kwargs))):
        with np.errstate(all="ignore"):
            try:
                expected = f(*others[0], **others[1])
            except Exception:  # these numbers are not for it
                continue
            try:
                found = flatten(function(*others[0], **others[1]))[0]
            except Exception:
                if i == 0:  # these are the numbers that it was written for
                    raise
                found = []
        wanted = flatten(expected)[0]
        if len(found) != len(wanted) or not all(map(_same, found, wanted)):
            raise NotWritable(
                f"What '{made.name}' computes depends on the numbers that it is given, as with "
                "'if x > 0' or an order of sorting: the lines that are right for these are wrong "
                "for others. Write such a choice with np.where."
            )


def _other_numbers(arguments: Any) -> Iterator[Any]:
    """Yield the same arguments with other floating-point numbers in them."""
    leaves, rebuild = flatten(arguments)
    rng = np.random.default_rng(0)
    changes: list[Callable[[Any], Any]] = [
        lambda a: a,
        *[lambda a: rng.permutation(a.ravel()).reshape(a.shape)] * 3,
        lambda a: -a,
        lambda a: a * 0.0,
        lambda a: a + rng.normal(size=a.shape),
    ]
    for change in changes:
        yield rebuild([_changed(x, change) for x in leaves])


def _changed(x: Any, change: Callable[[Any], Any]) -> Any:
    array = np.asarray(x.data if isinstance(x, Tensor) else x)
    return np.array(change(array), array.dtype, order="C")[()] if array.dtype.kind in "fc" else x


def _same(a: Any, b: Any) -> bool:
    a, b = (np.asarray(x.data if isinstance(x, Tensor) else x) for x in (a, b))
    return (
        a.shape == b.shape
        and a.dtype == b.dtype
        and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    )
