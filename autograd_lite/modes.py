"""Modes: how much of a running program is recorded.

There is one mode for each context (thread, asyncio task):

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
import functools
import inspect
import weakref
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

if TYPE_CHECKING:
    from .locations import LayerCall

F = TypeVar("F", bound=Callable[..., Any])


class Mode(NamedTuple):
    """What is recorded."""

    records: bool = True
    everything: bool = False
    lines: bool = False
    fingerprints: bool = False
    keeps: bool = True  # copies of arrays that the user may refill
    watch: str = ""  # for "nan", or for infinities too ("all"): see `anomaly`
    recorder: Any = None  # of a program that is to run on other values: see `report_read`


GRADIENT = Mode()
OFF = Mode(records=False)


class ModeBlock:
    """One run of a ``with`` block, in force as long as somebody holds it.

    Only the ``with`` statement does: a block is what it looks up as ``__exit__``
    and calls in the end. All else refers to it weakly. So nothing needs to be
    undone when the block is left, and a Ctrl-C at its edge, a generator that
    nobody finishes or blocks that end in another order leave nothing behind.
    """

    __slots__ = ("__weakref__", "calls", "entered", "mode")

    __call__ = "".format  # written in C, so that no Ctrl-C can stop it; it returns what is false

    def __init__(self, mode: Mode, calls: dict[FrameType, LayerCall]) -> None:
        self.mode = mode
        self.calls = calls  # of modules, that run now; only `trace` looks
        self.entered = False


_blocks: contextvars.ContextVar[tuple[weakref.ref[ModeBlock], ...]] = contextvars.ContextVar(
    "autograd_lite.blocks", default=()
)
special: set[weakref.ref[ModeBlock]] = set()
"""The blocks, in any context, that are in another mode than GRADIENT: mostly there are none."""


def _innermost() -> ModeBlock | None:
    for ref in reversed(_blocks.get()):
        block = ref()
        if block is not None:
            return block
    return None


class _Present:
    """The mode, and the module calls, of the code that runs now."""

    # A traceback keeps the variables of its frames. So no frame here has a block in a variable
    # while it calls something, where a Ctrl-C would come up.

    @property
    def mode(self) -> Mode:
        """How much is recorded."""
        if special:
            for ref in reversed(_blocks.get()):
                block = ref()
                if block is not None:
                    return block.mode
        return GRADIENT

    @property
    def calls(self) -> dict[FrameType, LayerCall]:
        """The calls of modules that run now, as far as `trace` has met them."""
        block = _innermost()
        return {} if block is None else block.calls


state = _Present()


class _Exit:
    """``__exit__`` of `recording`: a new `ModeBlock` for each ``with`` that looks it up."""

    def __get__(self, manager: recording | None, owner: Any = None) -> Any:
        if manager is None:  # an ExitStack asks the class, and calls it as a function
            return recording._leave
        return manager._leave if manager.held else manager._begin()


class recording:
    """Record in another mode: inside a ``with`` block, or in all calls of a function.

    One may be used again, also inside itself and in several threads.

    Parameters
    ----------
    change
        From the mode outside to the mode inside.
    """

    __slots__ = ("__weakref__", "change", "held")

    def __init__(self, change: Callable[[Mode], Mode]) -> None:
        self.change = change
        self.held: list[ModeBlock] = []  # where no ``with`` statement holds them

    def _begin(self) -> ModeBlock:
        before = state.mode
        mode = self.change(before)
        around = [ref for ref in _blocks.get() if ref() is not None]
        block = ModeBlock(mode, state.calls if before.lines else {})
        try:
            if mode != GRADIENT:
                special.add(weakref.ref(block, special.discard))
            _blocks.set((*around, weakref.ref(block)))
        except BaseException:
            del block
            raise
        return block

    def __enter__(self) -> None:
        block = _innermost()
        if block is None or block.entered:
            # Called by hand, or by an ExitStack: no ``with`` statement has looked up `__exit__`.
            block = self._begin()
            self.held.append(block)
        block.entered = True

    def _leave(self, *error: Any) -> None:
        here = [ref() for ref in _blocks.get()]
        self.held.remove(next((b for b in reversed(self.held) if b in here), self.held[-1]))

    if TYPE_CHECKING:

        def __exit__(self, *error: Any) -> None: ...
    else:
        __exit__ = _Exit()

    def __call__(self, function: F) -> F:
        """Return `function` with all that it does recorded in this mode.

        It may be a coroutine function, and a generator function too: what runs
        between its steps is not concerned.
        """
        if not callable(function):
            raise TypeError(f"{function!r} is no function, so it cannot be decorated.")
        if inspect.isasyncgenfunction(function):
            inside = self._async_generator(function)
        elif inspect.isgeneratorfunction(function):
            inside = self._generator(function)
        elif inspect.iscoroutinefunction(function):

            async def inside(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

        else:

            def inside(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return function(*args, **kwargs)

        return functools.wraps(function)(inside)  # type: ignore[return-value]

    def _generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self:
                generator = function(*args, **kwargs)
            step, sent = generator.send, None
            while True:
                try:
                    with self:
                        value = step(sent)
                except StopIteration as end:
                    return end.value
                try:
                    step, sent = generator.send, (yield value)
                except GeneratorExit:
                    with self:
                        generator.close()
                    raise
                except BaseException as error:
                    step, sent = generator.throw, error

        return inside

    def _async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def inside(*args: Any, **kwargs: Any) -> Any:
            with self:
                generator = function(*args, **kwargs)
            step, sent = generator.asend, None
            while True:
                try:
                    with self:
                        value = await step(sent)
                except StopAsyncIteration:
                    return
                try:
                    step, sent = generator.asend, (yield value)
                except GeneratorExit:
                    with self:
                        await generator.aclose()
                    raise
                except BaseException as error:
                    step, sent = generator.athrow, error

        return inside


def _in_mode(change: Callable[[Mode], Mode], function: Any) -> Any:
    return recording(change) if function is None else recording(change)(function)


def _off(outside: Mode) -> Mode:
    if outside.everything:  # it stays a part of the program, through which no gradient flows
        return outside._replace(records=False)
    return OFF._replace(lines=True, watch=outside.watch) if outside.watch else OFF


@overload
def no_grad() -> recording: ...
@overload
def no_grad(function: F, /) -> F: ...
def no_grad(function: Any = None, /) -> Any:
    """Record nothing inside a ``with`` block: results are constants.

    Like the other modes it follows the context (a thread, an asyncio task) and
    ends with its block, and it decorates functions, generator functions and
    coroutine functions.

    >>> from autograd_lite import Tensor, no_grad
    >>> x = Tensor(3.0, requires_grad=True)
    >>> with no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    >>> @no_grad()
    ... def square(x):
    ...     return x * x
    >>> square(x).requires_grad
    False
    """
    return _in_mode(_off, function)


@overload
def everything() -> recording: ...
@overload
def everything(function: F, /) -> F: ...
def everything(function: Any = None, /) -> Any:
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
    return _in_mode(lambda outside: grad_enabled(outside)._replace(everything=True), function)


@overload
def trace() -> recording: ...
@overload
def trace(function: F, /) -> F: ...
def trace(function: Any = None, /) -> Any:
    """Note the line and the layer of each operation, for pictures and explanations.

    >>> from autograd_lite import Tensor, trace
    >>> x = Tensor(3.0, requires_grad=True)
    >>> with trace():
    ...     y = x * x
    >>> y.tape.line.split(":")[-1].isdigit()
    True
    """
    return _in_mode(lambda outside: grad_enabled(outside)._replace(lines=True), function)


@overload
def strict() -> recording: ...
@overload
def strict(function: F, /) -> F: ...
def strict(function: Any = None, /) -> Any:
    """Fingerprint every value, so that a write into an array is caught too.

    Without it, ``w.data = …`` and ``w.data -= …`` between forward and backward are
    errors, and so is ``w[0] = …``. An array of yours that stood beside a Tensor may be
    refilled: up to 1024 numbers, and whole numbers, masks and indices of any number, are
    copied; of a larger array of floats 512 numbers are looked at again before its gradient
    is taken. So three writes go unseen: through an index into a Tensor's own array
    (``w.data[0] = …``), of a few numbers of a large array, and into an array that an
    `Operation` or a rule holds (an attribute, a closure). With `strict` these are errors
    too, and so is any write into an index or a result, at the price of a hash over each.
    An array that a rule reads from a global is never seen.

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
    return _in_mode(
        lambda outside: grad_enabled(outside)._replace(fingerprints=True, keeps=False), function
    )


def runs_again() -> bool:
    """Whether what runs is recorded as a program for other numbers: each choice is a step of it."""
    recorder = state.mode.recorder
    return recorder is not None and bool(recorder.both_ways)


def report_read(t: Any, how: str) -> None:
    """Tell a recording that a program looks at a value, as ``if t > 0`` does.

    What follows from that is not on the tape: run on other numbers, the recorded program
    would be another. A recorder (`autograd_lite.codegen.watching`) has methods ``reads(t,
    how)``, ``call(entry, args, kwargs)`` and ``primitive(entry, parameters)``, and in
    ``closed`` the entries that are one step for it, whatever they do inside.
    """
    recorder = state.mode.recorder
    if recorder is not None:
        recorder.reads(t, how)


def grad_enabled(mode: Mode) -> Mode:
    """Return a mode in which what leads to a gradient is recorded as well."""
    if mode.records:
        return mode
    if mode.everything:
        return mode._replace(records=True)
    return mode._replace(records=True, keeps=GRADIENT.keeps) if mode.watch else GRADIENT


def enable_grad() -> recording:
    """Make sure that what leads to a gradient is recorded, as a transform needs."""
    return recording(grad_enabled)


def call_with_grad(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function with what leads to a gradient recorded; mostly it is, and nothing is done."""
    if state.mode.records:
        return function(*args, **kwargs)
    with enable_grad():
        return function(*args, **kwargs)
