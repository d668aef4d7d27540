"""A mode holds inside of its block, in its context, and nowhere else, whatever interrupts it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import sys
import threading

import numpy as np
import pytest

from autograd_lite import Tensor, derivative, everything, grad, no_grad, strict, trace
from autograd_lite.errors import StaleValueError
from autograd_lite.tape import GRADIENT, special, state

x = Tensor(2.0, requires_grad=True)
MODES = [no_grad, everything, trace, strict]


def records():
    return (x * x).requires_grad


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    gc.collect()
    assert state.mode is GRADIENT
    assert not special


@pytest.mark.parametrize("mode", MODES)
def test_one_block_can_be_used_again_and_inside_itself(mode):
    block = mode()
    for _ in range(2):
        with block:
            inside = state.mode
            with block:
                assert state.mode == inside
            assert state.mode == inside
        assert state.mode is GRADIENT


def test_tasks_do_not_see_each_other():
    seen = {}

    async def without(name):
        with no_grad():
            await asyncio.sleep(0)
            seen[name] = records()
            await asyncio.sleep(0)

    async def plain(name):
        for i in range(3):
            seen[name, i] = records()
            await asyncio.sleep(0)

    async def both():
        await asyncio.gather(without("a"), plain("b"), without("c"))
        return records()

    assert asyncio.run(both())
    assert not seen["a"]
    assert not seen["c"]
    assert all(seen["b", i] for i in range(3))


def test_generators_that_end_in_another_order_leave_nothing_behind():
    def steps():
        with no_grad():
            yield

    first, second = steps(), steps()
    next(first)
    next(second)
    next(first, None)
    next(second, None)
    assert records()
    third = steps()
    next(third)
    del third  # never finished
    assert records()


@no_grad()
def decorated():
    return records()


@no_grad
def without_brackets():
    return records()


@no_grad()
def generator():
    sent = yield records()
    try:
        yield sent, records()
    except KeyError:
        yield "caught", records()


@no_grad()
async def coroutine():
    before = records()
    await asyncio.sleep(0)
    return before, records()


@no_grad()
async def async_generator():
    for _ in range(2):
        yield records()


def test_it_decorates_functions_of_every_kind():
    assert not decorated()
    assert not without_brackets()
    assert decorated.__name__ == "decorated"
    steps = generator()
    assert next(steps) is False
    assert records()  # not between its steps
    assert steps.send("sent") == ("sent", False)
    assert steps.throw(KeyError()) == ("caught", False)

    async def run():
        before_and_after = await coroutine()
        seen = [(inside, records()) async for inside in async_generator()]
        return before_and_after, seen

    assert asyncio.run(run()) == ((False, False), [(False, True)] * 2)
    with pytest.raises(TypeError, match="no function"):
        no_grad(3)


def test_a_thread_that_is_started_inside_records():
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(records()))
        thread.start()
        thread.join()
        assert not records()
    assert seen == [True]


def test_an_exit_stack_and_calls_by_hand():
    with contextlib.ExitStack() as stack:
        stack.enter_context(no_grad())
        assert not records()
    assert records()
    block = no_grad()
    block.__enter__()
    assert not records()
    block.__exit__(None, None, None)
    assert records()


def test_an_interrupt_at_any_line_leaves_nothing_behind():
    """A KeyboardInterrupt is raised at each event of Python's in and around the block."""

    def block():
        with no_grad():
            x * x

    count, at = [0], [0]

    def interrupting(frame, event, arg):
        count[0] += 1
        if count[0] == at[0]:
            raise KeyboardInterrupt
        return interrupting

    before = sys.gettrace()
    for at[0] in range(1, 60):
        count[0] = 0
        sys.settrace(interrupting)
        try:
            block()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        gc.collect()
        assert records(), at[0]
    assert at[0] > 50


def test_a_write_in_a_slow_thread_is_seen():
    """Threads write and use in turns: a use before a write of its operand is always stale."""
    leaf = Tensor(1.0, requires_grad=True)
    others = [Tensor(float(i), requires_grad=True) for i in range(4)]
    stop = threading.Event()

    def write(t):
        while not stop.is_set():
            t.data = 1.0

    threads = [threading.Thread(target=write, args=(t,)) for t in others]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for _ in range(300):
            y = leaf * 2.0
            leaf.data = 3.0
            with pytest.raises(StaleValueError):
                y.backward()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)


scale = contextvars.ContextVar("scale", default=1.0)


def test_a_rule_sees_the_users_context():
    scaled = derivative(lambda z: z * 1.0, name="scaled", z=lambda g: g * scale.get())
    token = scale.set(5.0)
    try:
        t = Tensor(1.0, requires_grad=True)
        scaled(t).backward()
        assert t.grad == 5.0
        assert grad(scaled)(1.0) == 5.0
    finally:
        scale.reset(token)


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
