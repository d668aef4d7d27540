"""Recording: what is kept of a running program, and in which order.

There is no list of operations. The tape is the Tensors themselves: each one
that an operation made knows its primitive, its operands, their values and a
*sequence number*. The numbers count down, so whatever uses a value has a
smaller number than the value. They are a topological order for free: the
reverse pass (:mod:`autograd_lite.backward`) visits the smallest, the newest,
first, which is what a heap hands out.

How much is recorded is a *mode*, one for each thread:

============  ==============================================================
`GRADIENT`    the default: what leads to a gradient
`OFF`         nothing (``with no_grad():``)
otherwise     `GRADIENT` and more: comparisons and integers too (`everything`,
              to read a program as source), the line of each operation
              (`trace`), a fingerprint of each value (`strict`)
============  ==============================================================
"""

from __future__ import annotations

import contextvars
import itertools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType, MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .errors import StaleValueError

if TYPE_CHECKING:
    from .tensor import Tensor

next_number: Callable[[], int] = itertools.count(-1, -1).__next__


class Mode(NamedTuple):
    """What is recorded. Compared by identity on the hot path: see `GRADIENT`."""

    records: bool = True
    everything: bool = False
    lines: bool = False
    fingerprints: bool = False


GRADIENT = Mode()
OFF = Mode(records=False)


class _State(threading.local):
    mode: Mode = GRADIENT
    calls: Mapping[FrameType, Call] = MappingProxyType({})  # that run now; only `trace` looks


state = _State()


class Shared:
    """What all threads can see at the cost of one attribute, and seldom have to look behind."""

    __slots__ = ("last_write", "special")

    def __init__(self) -> None:
        self.special = 0  # how many `with` blocks, in any thread, are in another mode than GRADIENT
        self.last_write = 0  # the sequence number of the latest change of a value


shared = Shared()
_lock = threading.Lock()


@contextmanager
def recording(mode: Mode) -> Iterator[None]:
    """Record as `mode` says inside a ``with`` block, in this thread."""
    before = state.mode
    with _lock:
        shared.special += 1
    state.mode = mode
    try:
        yield
    finally:
        state.mode = before
        if mode.lines and not before.lines:
            state.calls = _State.calls  # frames are not kept longer than they are needed
        with _lock:
            shared.special -= 1


def no_grad() -> Any:
    """Record nothing inside a ``with`` block: results are constants.

    >>> from autograd_lite import Tensor, no_grad
    >>> x = Tensor(3.0, requires_grad=True)
    >>> with no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """
    return recording(OFF)


def everything() -> Any:
    """Record operations without a gradient too: comparisons, integers, constants.

    A program can only be read back as source when the mask of a ReLU or the
    transpose of the data is on the tape, not frozen into it as a number.

    >>> from autograd_lite import Tensor, everything
    >>> x = Tensor([1.0, -2.0])
    >>> with everything():
    ...     mask = x > 0
    >>> mask.tape.primitive.name
    'greater'
    """
    return recording(_active()._replace(everything=True))


def trace() -> Any:
    """Note the line and the layer of each operation, for pictures and explanations.

    >>> from autograd_lite import Tensor, trace
    >>> x = Tensor(3.0, requires_grad=True)
    >>> with trace():
    ...     y = x * x
    >>> y.tape.line.split(":")[-1].isdigit()
    True
    """
    return recording(_active()._replace(lines=True))


def strict() -> Any:
    """Fingerprint every value, so that a write into an array is caught too.

    Without it, ``w.data = …`` and ``w.data -= …`` between forward and backward
    are errors, and so is ``w[0] = …``; only a write through an index into the
    array itself (``w.data[0] = …``) goes unseen. With it, that is an error too,
    at the price of a hash over each operand.

    >>> import numpy as np
    >>> from autograd_lite import Tensor, strict
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> with strict():
    ...     loss = np.sum(w * w)
    >>> w.data[0] = 5.0
    >>> loss.backward()
    Traceback (most recent call last):
        ...
    autograd_lite.errors.StaleValueError: An operand of 'multiply' was written into after it was \
used: compute the result again before taking its gradient.
    """
    return recording(_active()._replace(fingerprints=True))


def _active() -> Mode:
    return state.mode if state.mode.records else GRADIENT


def differentiating() -> Any:
    """Make sure that what leads to a gradient is recorded, as a transform needs."""
    return recording(_active())


def annotate(result: Tensor) -> None:
    """Add to a recorded result what the present mode asks for beyond a gradient."""
    mode = state.mode
    if mode.lines:
        _note(result).update(zip(("line", "call"), _place(), strict=True))
    if mode.fingerprints:
        _note(result)["fingerprints"] = _fingerprints(result)


def note_gradient(g: Any, t: Tensor, sweep: int = 0) -> None:
    """Note whose gradient a recorded value is, and at which number the reverse pass began.

    Source code names it after that, and sets the backward pass apart.
    """
    if hasattr(g, "_note"):
        _note(g).setdefault("gradient_of", (t, sweep))


def verify(result: Tensor) -> None:
    """Raise if a value that `result` was made from was changed since."""
    for x in result.tape.operands:
        if hasattr(x, "_requires") and x._number < result._number:
            raise StaleValueError(
                f"{x.called()} was changed after '{result._primitive.name}' used it: take the "
                "gradient before the change, or compute the result again."
            )
    kept = (result._note or {}).get("fingerprints")
    if kept is not None and kept != _fingerprints(result):
        raise StaleValueError(
            f"An operand of '{result._primitive.name}' was written into after it was used: "
            "compute the result again before taking its gradient."
        )


def _note(result: Tensor) -> dict[str, Any]:
    if result._note is None:
        result._note = {}
    return result._note


def _fingerprints(result: Tensor) -> list[int]:
    values = (*result.tape.values, result._value)
    return [hash(np.asarray(v).tobytes()) for v in values if not isinstance(v, tuple)]


_silence = contextvars.Context()
_silence.run(np.seterr, all="ignore")


def quietly(f: Callable[..., Any], *args: Any) -> Any:
    """Call `f` with NumPy's floating-point warnings off.

    Where a derivative is infinite it is so in silence. This is `numpy.errstate`
    for a tenth of its price (0.06 µs, not 0.9): the state lives in a context
    variable, and a context that has it set is cheap to copy.

    >>> import numpy as np
    >>> quietly(np.divide, 1.0, 0.0)
    np.float64(inf)
    """
    return _silence.copy().run(f, *args)


# -- where in the program -----------------------------------------------------------------


class Call:
    """One call of a module, that is, of an object with a method ``forward``, such as a layer.

    Attributes
    ----------
    name
        How the module that called it calls it, such as ``linear1``; else its class.
    kind
        Its class.
    within
        The call that it was made in; None for the outermost.
    """

    __slots__ = ("kind", "module", "name", "within")

    def __init__(self, module: Any, within: Call | None) -> None:
        self.module, self.within, self.kind = module, within, type(module).__name__
        inside = getattr(within and within.module, "named_modules", dict[str, Any]().items)()
        self.name: str = next((path for path, m in inside if m is module), self.kind)


_passed_over = ["<autograd_lite", "<__array_function__"]


def pass_over(folder: str) -> None:
    """Let `trace` look for lines outside of a library: a learner wants the line that they wrote."""
    _passed_over.append(os.path.join(folder, ""))


def is_passed_over(file: str) -> bool:
    """Whether a file belongs to a library: see `pass_over`."""
    return file.startswith(tuple(_passed_over))


pass_over(os.path.dirname(__file__))
pass_over(os.path.dirname(np.__file__))


def is_users_file(filename: str) -> bool:
    """Whether a file belongs to the user's program, not to a library that `pass_over` named."""
    return not filename.startswith(tuple(_passed_over))


def _place() -> tuple[str | None, Call | None]:
    """Return ``file:line`` of the nearest caller outside of libraries, and the module it is in."""
    frame: FrameType | None = sys._getframe(2)
    line, running = None, []
    while frame is not None:
        code = frame.f_code
        if line is None and not is_passed_over(code.co_filename):
            line = f"{code.co_filename}:{frame.f_lineno}"
        if code.co_name == "forward" and code.co_argcount:
            module = frame.f_locals.get(code.co_varnames[0])
            if getattr(getattr(type(module), "forward", None), "__code__", None) is code:
                running.append((frame, module))
        frame = frame.f_back
    call, calls = None, {}
    for frame, module in reversed(running):
        call = calls[frame] = state.calls.get(frame) or Call(module, call)
    state.calls = calls
    return line, call
