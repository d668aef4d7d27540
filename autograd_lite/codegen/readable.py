"""`source`: the NumPy that a person would have written by hand."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..arguments import check_inputs, transform_of_functions
from ..errors import CompileError
from ..modes import everything, grad_enabled
from ..modes import recording as recording_mode
from ..reachable import State
from ..tensor import Tensor, constant
from ..trees import flatten, is_number
from .beside import beside
from .closing import OF_SHAPES
from .expand import NotWritable, expand, without_checks
from .looks import SO, Recorder, refused, said
from .program import Program
from .quoting import is_quotable
from .record import as_array, record
from .simplify import simplify
from .source_text import Source
from .watching import check_shapes, check_unchanged, lent, put_back, record_watched
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
    if not hasattr(f, "__wrapped__"):  # a transform, as of hvp, may take more than what it is of
        check_inputs(f, inputs, "write source(function, input, …)", **kwargs)
    before = State.of(f).copied()
    with _said_of_a_source(), lent(f):
        recording = record(f, inputs, kwargs, mode=_watched())
        check_unchanged(before.changed(), recording.program, attributes=False)
        check_shapes(recording.program)
    put_back(before.changed())
    opened = expand(without_checks(recording.program), is_writable, is_quotable)
    recording.program = simplify(opened)
    text, data = write(recording, _named_arrays(f, recording.program))
    made = Source(text)
    made.name, made.data = text[text.rindex("\ndef ") + 5 :].partition("(")[0], data
    try:
        _check(made, f, inputs, kwargs, before)
    finally:
        put_back(before.changed())
    if against is None:
        return made
    known = [v for program in (opened, recording.program) for v in program.values()]
    return beside(made, inputs, against, known)


class _Recorder(Recorder):
    """Refuses what the user's code looks at, and lets functions of the table and rules look.

    Those ask for infinities and NaN mostly. What is written is to be read, and is for numbers
    like those of the example; where their steps are others for others, `_check` sees it.
    """

    both_ways = False

    def inside(self, entry: Any, t: Any, how: str) -> None:
        """Let a function of the table look, unless its result has another shape for others."""
        if entry.name in OF_SHAPES:
            raise self.refused("a shape that values decide")
        if how == "an index or a count" or t.dtype.kind in "iu":
            raise self.refused("an index or a count")

    def refused(self, how: str) -> Exception:
        """Return the error for a look at a value."""
        return refused(how, NotWritable, SO.replace("compiled", "written"))


@contextmanager
def _said_of_a_source() -> Iterator[None]:
    try:
        yield
    except CompileError as error:
        raise NotWritable(str(error).replace("compiled", "written")) from None


def _watched() -> recording_mode:
    return recording_mode(
        lambda outside: grad_enabled(outside)._replace(
            everything=True, lines=True, recorder=_Recorder()
        )
    )


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


def _check(made: Source, f: Any, inputs: Any, kwargs: Any, before: State) -> None:
    """Run the source and the function on other numbers of the same shapes: they must agree."""
    function = made.load()
    for i, others in enumerate(_other_numbers((inputs, kwargs))):
        leaves, rebuild = flatten(others)
        args, named = rebuild([constant(as_array(x)) if is_number(x) else x for x in leaves])
        with np.errstate(all="ignore"):
            put_back(before.changed())  # both draw the same
            try:
                with everything():
                    expected = f(*args, **named)
            except Exception:  # these numbers are not for it
                continue
            put_back(before.changed())
            try:
                found = flatten(function(*others[0], **others[1]))[0]
            except Exception:
                if i == 0:  # these are the numbers that it was written for
                    raise
                continue  # it says so itself, as np.linalg.inv does of a singular matrix
        wanted = flatten(expected)[0]
        if len(found) != len(wanted) or not _agree(found, wanted):
            raise NotWritable(_hangs_on_numbers(made.name, f, inputs, kwargs))


def _hangs_on_numbers(name: str, f: Any, inputs: Any, kwargs: Any) -> str:
    """Say which line of the user's it is that makes a function compute otherwise."""
    where = f"What '{name}' computes"
    try:
        recording, _ = record_watched(f, inputs, kwargs)
        for step in recording.program.steps:
            if step.primitive.is_closed and not step.primitive.is_check:
                file, _, number = (step.line or "").rpartition(":")
                line = said((file, int(number)) if file else None).strip()
                where = f"{line} calls '{step.primitive.name}'; what it computes"
                break
    except Exception:  # then it is not known
        pass
    return (
        f"{where} depends on the numbers that it is given, as with 'if x > 0': the lines that are "
        "right for these are wrong for others. Write such a choice with np.where."
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


def _agree(found: list[Any], expected: list[Any]) -> bool:
    """Whether two results are the same but for rounding, which the order of numbers in memory has.

    That of the numbers which a source was written for is the tape's, to the bit.
    """
    pairs = [
        [np.asarray(x.data if isinstance(x, Tensor) else x) for x in pair]
        for pair in zip(found, expected, strict=True)
    ]
    sizes = [np.max(np.abs(b), where=np.isfinite(b), initial=0.0) for _, b in pairs]
    return all(
        a.shape == b.shape
        and a.dtype == b.dtype
        and np.allclose(a, b, rtol=_rounding(a), atol=_rounding(a) * max(sizes), equal_nan=True)
        for a, b in pairs
    )


def _rounding(a: Any) -> float:
    return float(np.finfo(a.dtype).eps ** 0.6) if a.dtype.kind in "fc" else 0.0
