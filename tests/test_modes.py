"""A mode holds inside of its block, in its context, and nowhere else, whatever interrupts it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import dis
import inspect
import itertools
import sys
import threading

import numpy as np
import pytest

from autograd_lite import (
    Tensor,
    derivative,
    everything,
    grad,
    modes,
    no_grad,
    strict,
    tape,
    tensor,
    trace,
)
from autograd_lite.errors import StaleValueError
from autograd_lite.modes import GRADIENT, state
from autograd_lite.protocol import TABLE

MODES = [no_grad, everything, trace, strict, modes.enable_grad]


def records():
    x = Tensor(1.0, requires_grad=True)
    return (x * x).requires_grad


@pytest.fixture(autouse=True)
def _nothing_is_left_behind():
    yield
    assert state.mode == GRADIENT
    assert not modes.special
    assert records()


def test_a_mode_belongs_to_its_thread():
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(records()))
        thread.start()
        thread.join()
        copied = contextvars.copy_context()
        assert not copied.run(records)  # a context that was copied in a block is in its mode
    assert seen == [True]
    assert copied.run(records)  # as long as the block runs


def test_a_mode_belongs_to_its_task():
    async def quiet(started, go_on):
        with no_grad():
            started.set()
            await go_on.wait()
            await asyncio.gather(asyncio.to_thread(lambda: seen.append(records())), child())
            seen.append(records())
        seen.append(records())

    async def child():
        seen.append(records())

    async def loud(started, go_on):
        await started.wait()
        seen.append(records())
        go_on.set()

    async def both():
        started, go_on = asyncio.Event(), asyncio.Event()
        await asyncio.gather(quiet(started, go_on), loud(started, go_on))

    seen = []
    asyncio.run(both())
    assert seen == [True, False, False, False, True]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_blocks_that_interleave_may_end_in_any_order(order):
    def block(manager):
        with manager:
            yield

    again = no_grad()
    blocks = [block(again), block(no_grad()), block(again)]
    for generator in blocks:
        next(generator)
    for k in order:
        assert not records()
        blocks[k].close()
    assert records()


def test_a_generator_that_is_dropped_in_a_block_ends_it():
    def endless():
        with no_grad():
            while True:
                yield

    generator = endless()
    next(generator)
    assert not records()
    del generator
    assert records()


@pytest.mark.parametrize("manager", [mode() for mode in MODES])
def test_a_mode_can_be_used_again_in_itself_by_hand_and_on_a_stack(manager):
    class Delegates:
        def __enter__(self):
            return manager.__enter__()

        def __exit__(self, *error):
            return manager.__exit__(*error)

    with manager:
        expected = state.mode
    with manager, manager, pytest.raises(ZeroDivisionError), manager:
        raise ZeroDivisionError
    with contextlib.ExitStack() as stack:
        for one in (manager, manager, Delegates()):
            stack.enter_context(one)
            assert state.mode == expected
        assert state.mode == expected
    assert state.mode == GRADIENT
    manager.__enter__()
    with manager, Delegates():
        assert state.mode == expected
    assert state.mode == expected
    manager.__exit__(None, None, None)
    assert state.mode == GRADIENT


def test_a_mode_is_worked_out_where_it_is_entered():
    lines = trace()
    with strict(), lines:
        assert state.mode.lines
        assert state.mode.fingerprints
    with no_grad(), lines:
        assert state.mode == GRADIENT._replace(lines=True)


def driven(generator):
    """Return what a generator yields and returns, and what holds between its steps."""
    seen = [generator.send(None), state.mode, generator.send("sent"), state.mode]
    seen += [generator.throw(KeyError("thrown")), state.mode]
    with pytest.raises(StopIteration) as end:
        next(generator)
    return [*seen, end.value.value]


async def driven_async(generator):
    seen = [await generator.asend(None), state.mode, await generator.asend("sent"), state.mode]
    seen += [await generator.athrow(KeyError("thrown")), state.mode]
    with pytest.raises(StopAsyncIteration):
        await anext(generator)
    return [*seen, None]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.__name__)
def test_a_mode_decorates_functions_of_every_kind(mode):
    with mode():
        inside = state.mode
    closed = []

    def plain(x):
        return x, state.mode

    async def coroutine(x):
        await asyncio.sleep(0)
        return x, state.mode

    def generator(x):
        try:
            sent = yield x, state.mode
            try:
                yield sent, state.mode
            except KeyError as error:
                yield error.args[0], state.mode
        finally:
            closed.append(state.mode)
        return state.mode

    async def asynchronous(x):
        try:
            sent = yield x, state.mode
            try:
                yield sent, state.mode
            except KeyError as error:
                yield error.args[0], state.mode
        finally:
            await asyncio.sleep(0)
            closed.append(state.mode)

    decorate = mode()
    functions = plain, coroutine, generator, asynchronous
    plain, coroutine, generator, asynchronous = inner = [decorate(f) for f in functions]
    assert [f.__name__ for f in inner] == ["plain", "coroutine", "generator", "asynchronous"]
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isgeneratorfunction(generator)
    assert inspect.isasyncgenfunction(asynchronous)
    assert plain(1) == (1, inside)
    assert asyncio.run(coroutine(1)) == (1, inside)
    steps = [(1, inside), GRADIENT, ("sent", inside), GRADIENT, ("thrown", inside), GRADIENT]
    assert driven(generator(1)) == [*steps, inside]
    assert asyncio.run(driven_async(asynchronous(1))) == [*steps, None]

    async def left():
        steps = asynchronous(1)
        await anext(steps)
        await steps.aclose()

    unfinished = generator(1)
    next(unfinished)
    unfinished.close()
    asyncio.run(left())
    assert closed == [inside] * 4
    with pytest.raises(TypeError, match="no function"):
        decorate(3)


def test_a_mode_decorates_without_being_called():
    assert not no_grad(records)()
    assert strict(lambda: state.mode.fingerprints)()


@pytest.mark.parametrize("keeps", [False, True], ids=["dropped", "kept"])
def test_an_interrupt_anywhere_in_a_block_leaves_nothing_behind(keeps):
    """KeyboardInterrupt at each bytecode in turn, of the modes and of who uses them.

    Whoever keeps the error keeps the variables of all functions on its way. So then it comes
    where Python looks for signals: where a function begins, and when a call is over.
    """
    again, usual = no_grad(), np.geterr()

    @no_grad()
    def decorated():
        return 1

    def program():
        with no_grad(), again:
            decorated()
        grad(np.sin)(1.0)

    steps, kept = -1, []
    for stop in itertools.count():
        steps, before = 0, {}

        def at(frame, event, argument, stop=stop, before=before):
            nonlocal steps
            if frame.f_code.co_filename not in (__file__, modes.__file__):
                return None
            frame.f_trace_opcodes = True
            looks = event == "call" or (not keeps or before.get(id(frame), "").startswith("CALL"))
            before[id(frame)] = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            if event in ("opcode", "call") and looks:
                steps += 1
                if steps > stop:
                    sys.settrace(None)
                    raise KeyboardInterrupt
            return at

        try:
            sys.settrace(at)
            program()
        except KeyboardInterrupt as error:
            kept += [error] if keeps else []
        finally:
            sys.settrace(None)
            errors = np.seterr(**usual)
        assert not keeps or errors == usual
        assert state.mode == GRADIENT
        assert not modes.special
        if steps <= stop:
            break
    assert steps > 10


def test_rules_run_in_the_context_of_their_user_and_in_silence():
    scale = contextvars.ContextVar("scale", default=1.0)
    halves = derivative(lambda x: 2.0 * x, name="halves", x=lambda g: g * scale.get() / 0.0)
    try:
        scale.set(-3.0)
        x = Tensor([1.0], requires_grad=True)
        with np.errstate(all="raise"):
            np.sum(halves(x)).backward()
            assert x.grad == -np.inf
            assert grad(lambda v: np.sum(halves(v)))(np.ones(1)) == -np.inf
            with pytest.raises(FloatingPointError):
                np.ones(1) / 0.0
    finally:
        TABLE.pop(halves.function)


def test_a_slow_write_in_another_thread_hides_no_stale_value(monkeypatch):
    """A thread takes the number of its write and sleeps; a later write must not be forgotten."""
    took, go_on = threading.Event(), threading.Event()
    first, w = Tensor(1.0), Tensor(2.0, requires_grad=True)
    following = tape.next_number

    def slowly():
        n = following()
        if threading.current_thread() is thread:
            took.set()
            assert go_on.wait(10)
        return n

    def write():
        first.data = 5.0

    monkeypatch.setattr(tensor, "next_number", slowly)
    thread = threading.Thread(target=write)
    thread.start()
    assert took.wait(10)
    y = w * w
    w.data = 3.0
    go_on.set()
    thread.join()
    with pytest.raises(StaleValueError):
        y.backward()


def test_a_write_while_an_operation_runs_is_newer_than_its_result():
    def writes(x):
        w.data = 3.0  # as another thread might
        return x * x

    w = Tensor(2.0, requires_grad=True)
    square = derivative(writes, name="writes", x=lambda g, x: g * 2.0 * x)
    try:
        with pytest.raises(StaleValueError):
            square(w).backward()
    finally:
        TABLE.pop(square.function)


def test_warnings_are_as_they_were_after_a_reverse_pass():
    before = np.geterr()
    t = Tensor(0.0, requires_grad=True)
    np.sqrt(t).backward()  # infinite, in silence
    assert t.grad == np.inf
    assert np.geterr() == before
    bad = derivative(lambda z: z * 1.0, name="bad", z=lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bad(Tensor(1.0, requires_grad=True)).backward()
    assert np.geterr() == before


@pytest.mark.parametrize(
    "function", [np.median, lambda a: np.quantile(a, [0.2, 0.7]), lambda a: np.linalg.cond(a)]
)
def test_a_mode_reaches_all_that_a_function_is_made_of(function):
    data = Tensor(np.array([[3.0, 1.0], [2.0, 5.0]]))
    with everything():
        result = function(data)
    waiting, made = [result], 0
    while waiting:
        t = waiting.pop()
        if t.tape.primitive is None:
            assert t is data  # no number between is frozen as a constant
        else:
            made += 1
            waiting += [x for x in t.tape.operands if isinstance(x, Tensor)]
    assert made > 1
