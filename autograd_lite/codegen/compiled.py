"""A compiled function: it finds the form of a call's arguments, and runs what was built for it.

The form is all that is fixed: how arguments are nested, shapes, dtypes, memory layouts, whole
numbers. For a form that was not seen before, the function is recorded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import CompileError
from ..modes import special, state
from ..quiet import silence
from ..tensor import Tensor
from ..trees import Rebuild, _open, is_number
from . import backends
from .building import built, plain_program
from .record import Recording
from .schedule import Schedule, schedule
from .watching import Captured, record_watched


@dataclass(slots=True)
class Form:
    """A function as it was compiled for one form of its arguments."""

    kernel: backends.Kernel
    rebuild: Rebuild
    captured: Captured
    counts: dict[str, int]
    back_end: str
    _lock: Any = field(default_factory=threading.Lock)
    _context: Any = field(default_factory=silence)

    def run(self, function: Callable[..., list[Any]], *args: Any) -> list[Any]:
        """Call one of the kernel's functions: one at a time, with NumPy's warnings off."""
        with self._lock:
            return self._context.run(function, *args)  # type: ignore[no-any-return]


class Compiled:
    """A compiled function; made by `compile`, which see.

    >>> import numpy as np
    >>> from autograd_lite import compile, grad
    >>> slope = compile(grad(np.tanh))
    >>> type(slope).__name__, float(slope(0.0))
    ('Compiled', 1.0)
    """

    def __init__(self, f: Callable[..., Any], back_end: str, limit: int) -> None:
        self.f = f
        self.back_end = back_end
        self.limit = limit
        self.forms: dict[Any, Form] = {}
        self._lock = threading.RLock()
        self._latest: Form | None = None
        self.__name__ = getattr(f, "__name__", "f")
        self.__doc__ = getattr(f, "__doc__", None)
        self.__wrapped__ = f

    def __reach__(self) -> tuple[Any, ...]:
        """Return what of it belongs to the program: not what was built."""
        return (self.f,)

    def __reduce__(self) -> Any:
        # A copy, or another process, compiles it for itself.
        return type(self), (self.f, self.back_end, self.limit)

    def __repr__(self) -> str:
        return f"<compiled {self.__name__}, {len(self.forms)} forms>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it as the function."""
        if special and _is_recorded():  # a part of another program
            return self.f(*args, **kwargs)
        key, arrays = taken(args, kwargs)
        if _OUTSIDE in key and state.mode.records:  # a gradient is to flow through
            return self.f(*args, **kwargs)
        form, arrays = self._form(key, arrays, args, kwargs)
        return form.rebuild(form.run(form.kernel.call, arrays))

    def _form(self, key: Any, arrays: list[Any], args: Any, kwargs: Any) -> tuple[Form, list[Any]]:
        """Return the form of a call, compiled by now, and all arrays that its kernel takes."""
        try:
            form = self.forms.get(key)
        except TypeError:
            raise CompileError(
                f"An argument of '{self.__name__}' is neither a number nor something that can be "
                "compared with that of another call: give numbers, arrays, and lists, tuples, "
                "dicts and dataclasses of them."
            ) from None
        if form is None:  # no form has arrays with gaps: they are copied, as a transform does
            key, arrays = taken(args, kwargs, without_gaps=True)
            form = self.forms.get(key) or self._new(key, args, kwargs)
        while not form.captured.stands():
            form = self._new(key, args, kwargs)
        self._latest = form
        arrays += form.captured.arrays()
        return form, arrays

    def _new(self, key: Any, args: Any, kwargs: Any) -> Form:
        """Compile the function for one more form, or again."""
        with self._lock:
            if len(self.forms) >= self.limit and key not in self.forms:
                raise CompileError(
                    f"'{self.__name__}' was called with {self.limit} forms of arguments, and "
                    f"is compiled for each: the latest differs in {self._difference(key)}. "
                    "Give what changes in each call as an array or np.float64, not as a whole "
                    "number; make batches of one size; or raise limit=."
                )
            form = self.forms[key] = self._compiled(args, kwargs)
        return form

    def _difference(self, key: Sequence[Any]) -> str:
        """Say in what the latest call differs from the one before."""
        before: Sequence[Any] = next(reversed(self.forms))
        if len(before) != len(key):
            return "the number or the nesting of its arguments"
        a, b = next((a, b) for a, b in zip(before, key, strict=True) if a != b)
        return f"{_said(b)} where {_said(a)} was before"

    def _compiled(self, args: Any, kwargs: Any) -> Form:
        recording, captured = record_watched(self.f, args, kwargs)
        return self._built(recording, captured)

    def _built(self, recording: Recording, captured: Captured, updated: int = 0) -> Form:
        """Build the code; the first outputs are written into the inputs of the same number."""
        program = recording.program
        recorded = len(program.steps)
        program = plain_program(program)
        fixed = captured.fixed(program) | frozenset(range(updated))
        laid = schedule(program, {i: i for i in range(updated)}, fixed)
        kernel, back_end = built(self.back_end, laid, recording.name)
        counts = {"recorded": recorded, "steps": len(program.steps), "blocks": len(laid.blocks)}
        _let_go(laid)
        return Form(kernel, recording.rebuild, captured, counts, back_end)

    @property
    def source(self) -> str:
        """The code of the form that was called last."""
        return self._known().kernel.source

    def explain(self) -> str:
        """Say what was made of the function: what runs together, and what each line costs."""
        form = self._known()
        n = form.counts
        lines = [
            f"{self.__name__}: {n['recorded']} operations on the tape, {n['steps']} once "
            f"opened and simplified, in {n['blocks']} loops and calls; back end {form.back_end!r}.",
            *form.captured.described(),
            *(f"{line}\n    # {what}" for line, what in form.kernel.notes),
        ]
        return "\n".join(lines)

    def _known(self) -> Form:
        if self._latest is None:
            raise CompileError(
                f"'{self.__name__}' has not been called yet, and only then is it compiled: call it "
                "once."
            )
        return self._latest


def _let_go(laid: Schedule) -> None:
    """Keep of the examples of values their shapes and dtypes alone."""
    values = {v for step in laid.steps() for v in (*step.results, *step.operands)}
    for v in {*values, *laid.inputs, *laid.outputs}:
        if not v.is_constant:
            data = np.asarray(v.data)
            v.data = np.broadcast_to(np.zeros((), data.dtype), data.shape)


def _is_recorded() -> bool:
    """Whether each operation is to be seen: by a transform's recording, or by the user."""
    mode = state.mode
    return mode.everything or bool(mode.watch) or mode.lines or mode.fingerprints


# -- the form of a call ------------------------------------------------------------------------

_OUTSIDE = "a Tensor that requires a gradient"


def taken(args: Any, kwargs: Any, without_gaps: bool = False) -> tuple[Any, list[Any]]:
    """Return what is fixed in the arguments of a call, and the arrays that may change."""
    key: list[Any] = [len(args)]
    arrays: list[Any] = []
    _take(args, key, arrays, without_gaps)
    for name, x in kwargs.items():
        key.append(name)
        _take((x,), key, arrays, without_gaps)
    return tuple(key), arrays


def _take(xs: Iterable[Any], key: list[Any], arrays: list[Any], without_gaps: bool) -> None:
    """Note what is fixed in each of these, and take out of it what may change."""
    for x in xs:
        kind = type(x)
        if kind is np.ndarray:
            if without_gaps and not x.flags.forc:
                x = np.array(x)
            shape = x.shape
            key.append((shape, x.dtype, x.strides))
            arrays.append(x if shape else x[()])
        elif kind is float:
            key.append(float)
            arrays.append(np.float64(x))
        elif kind is list or kind is tuple:
            key.append((kind, len(x)))
            _take(x, key, arrays, without_gaps)
        elif kind is dict:
            key.append((dict, *x))
            _take(x.values(), key, arrays, without_gaps)
        elif isinstance(x, Tensor):
            value = x._value
            if without_gaps and value.ndim and not value.flags.forc:
                value = np.array(value)
            key.append((value.shape, value.dtype, value.strides))
            arrays.append(value)
            if x._requires:
                key.append(_OUTSIDE)
        elif isinstance(x, np.generic) and x.dtype.kind in "fciub":
            key.append(((), x.dtype, ()))
            arrays.append(x)
        elif is_number(x) or isinstance(x, bool):
            key.append((kind, x, str(x)))  # −0.0 is not 0.0, nor True 1
            if isinstance(x, np.ndarray):
                raise CompileError(f"An argument is an array of {kind.__name__}: give a plain one.")
        else:
            parts, _ = _open(x)
            key.append((kind, len(parts)) if parts else (kind, x))
            _take(parts, key, arrays, without_gaps)


def _said(part: Any) -> str:
    if isinstance(part, tuple) and len(part) == 3 and isinstance(part[0], tuple):
        return f"an array of shape {part[0]} and dtype {part[1]}"
    if isinstance(part, tuple) and len(part) == 3:
        return repr(part[1])
    return str(part)
