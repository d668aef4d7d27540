"""A compiled loop, run by several threads: each takes some of its turns.

Compiled code lets go of Python's lock, so threads of Python do. They are begun once, and wait.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

SHARED_FROM = 1 << 17
"""Numbers that a loop goes over; for fewer, to wake a thread takes longer than the work."""


@cache
def threads() -> int:
    """Return how many threads share a loop: OMP_NUM_THREADS, or as many as there are processors."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) else os.cpu_count() or 1


class _Worker:
    """A thread that runs what it is handed, and says so when it is done."""

    def __init__(self) -> None:
        self.tasks: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=self._work, name="autograd_lite", daemon=True).start()

    def _work(self) -> None:
        while True:
            function, arguments, done = self.tasks.get()
            try:
                function(*arguments)
            except BaseException as error:
                done.put(error)
            else:
                done.put(None)
            del function, arguments, done  # it may wait for long, and holds no array meanwhile


@cache
def _workers() -> list[_Worker]:
    return [_Worker() for _ in range(threads() - 1)]


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_workers.cache_clear)


def shared(function: Callable[..., None], turns: int) -> Callable[..., None]:
    """Return a function of ``(begin, end, share, *arrays)`` as one of the arrays alone.

    >>> def count(begin, end, share, array):
    ...     array[begin:end] += 1
    >>> import numpy as np
    >>> total = np.zeros(5)
    >>> shared(count, 5)(total)
    >>> total
    array([1., 1., 1., 1., 1.])
    """
    count = min(threads(), turns)
    parts = [
        (a, b, k) for k, (a, b) in enumerate(pairwise(turns * k // count for k in range(count + 1)))
    ]
    first, others = parts[0], parts[1:]

    def alone(*arrays: Any) -> None:
        function(*first, *arrays)

    def run(*arrays: Any) -> None:
        done: SimpleQueue[Any] = SimpleQueue()
        for worker, part in zip(_workers(), others, strict=False):
            worker.tasks.put((function, (*part, *arrays), done))
        try:
            function(*first, *arrays)
        finally:
            errors = [done.get() for _ in others]
        for error in filter(None, errors):
            raise error

    return run if others else alone
