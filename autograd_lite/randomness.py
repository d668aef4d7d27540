"""Randomness: a generator, a seed, or the one default sequence, which moves on.

Whatever draws takes an `rng`: a NumPy generator, which goes on from where it is,
or a seed, which starts one. Without either it draws from the *default sequence*.
That begins at seed 0, so the same program gives the same numbers, and it moves
on with each draw, so two draws in a program differ.

Each thread has a default sequence of its own: what one draws or restarts does
not show in another. A thread that was given no seed derives it from that of the
main thread and from its own name, so it is the same in every run, and another
than those of the other threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

Random: TypeAlias = "np.random.Generator | int | None"
Drawn = list[tuple["np.random.Generator | None", Any]]
"""Generators, with None for the default sequence, and where each stood."""


class _Default(threading.local):
    generator: np.random.Generator | None = None
    notes: tuple[Drawn, ...] = ()  # of each `drawn_from` that is open


_default = _Default()
_lock = threading.Lock()
_main_seed = 0
_threads: dict[str, int] = {}  # how many threads of a name have a sequence


def generator(rng: Random = None) -> np.random.Generator:
    """Return the generator that an `rng` argument stands for.

    Raises
    ------
    TypeError
        If it is neither a generator nor a seed.

    Examples
    --------
    >>> generator(3).random() == generator(3).random()
    True
    >>> generator().random() == generator().random()
    False
    """
    if rng is None or rng is _default.generator:
        found = _default.generator or _begin()
        _note(None, found)
        return found
    if isinstance(rng, np.random.Generator):
        _note(rng, rng)
        return rng
    return np.random.default_rng(
        _seed(rng, "rng is a seed (an integer from 0 on) or a numpy.random.Generator")
    )


def manual_seed(seed: int) -> None:
    """Start the default sequence of this thread again.

    Parameters
    ----------
    seed
        An integer from 0 on. A program begins with 0.

    Raises
    ------
    TypeError
        If it is no such integer.

    Examples
    --------
    >>> manual_seed(7)
    >>> first, second = generator().random(), generator().random()
    >>> manual_seed(7)
    >>> generator().random() == first, first == second
    (True, False)
    """
    global _main_seed
    begun = np.random.default_rng(_seed(seed, "seed is an integer from 0 on"))
    if threading.current_thread() is threading.main_thread():
        _main_seed = seed
    # Set the existing generator's state, so that all who refer to it continue from here.
    generator().bit_generator.state = begun.bit_generator.state


def get_rng_state() -> dict[str, Any]:
    """Return the state of this thread's default sequence, as a dict that JSON can hold.

    >>> state = get_rng_state()
    >>> drawn = generator().random()
    >>> set_rng_state(state)
    >>> generator().random() == drawn
    True
    """
    return dict(generator().bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Let the default sequence of this thread go on from what `get_rng_state` returned.

    >>> import nn
    >>> from autograd_lite import Tensor
    >>> state = get_rng_state()
    >>> first = nn.init.normal_(Tensor(np.zeros(3))).data
    >>> set_rng_state(state)
    >>> bool((nn.init.normal_(Tensor(np.zeros(3))).data == first).all())
    True
    """
    generator().bit_generator.state = state


def _seed(seed: Any, wanted: str) -> Any:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise TypeError(f"{wanted}, and got {seed!r}.")
    return seed


def _begin() -> np.random.Generator:
    """Return a default sequence for this thread, which has none."""
    thread, key = threading.current_thread(), ()
    if thread is not threading.main_thread():
        with _lock:
            count = _threads[thread.name] = _threads.get(thread.name, 0) + 1
        key = (count, *thread.name.encode("utf-8", "surrogatepass"))
    _default.generator = np.random.default_rng(np.random.SeedSequence(_main_seed, spawn_key=key))
    return _default.generator


# -- for what runs a program twice, or looks at it ------------------------------------------------


def _note(rng: np.random.Generator | None, found: np.random.Generator) -> None:
    for drawn in _default.notes:
        if all(other is not rng for other, _ in drawn):
            drawn.append((rng, found.bit_generator.state))


@contextmanager
def drawn_from() -> Iterator[Drawn]:
    """Record which generators are drawn from inside a ``with``, and their states before.

    >>> rng = np.random.default_rng(5)
    >>> with drawn_from() as drawn:
    ...     first = generator().random(), generator(rng).random()
    >>> with back_to(drawn):
    ...     again = generator().random(), generator(rng).random()
    >>> first == again, first == (generator().random(), generator(rng).random())
    (True, False)
    """
    drawn: Drawn = []
    before = _default.notes
    _default.notes = (*before, drawn)
    try:
        yield drawn
    finally:
        _default.notes = before


@contextmanager
def back_to(drawn: Drawn) -> Iterator[None]:
    """Draw the same numbers again inside a ``with``; restore the generators afterwards."""
    generators = [generator(rng) for rng, _ in drawn]
    states = [found.bit_generator.state for found in generators]
    try:
        for found, (_, state) in zip(generators, drawn, strict=True):
            found.bit_generator.state = state
        yield
    finally:
        for found, state in zip(generators, states, strict=True):
            found.bit_generator.state = state


@contextmanager
def aside() -> Iterator[None]:
    """Leave the default sequence as it is: a ``with`` draws other numbers, as if far ahead."""
    found = generator()
    bits = found.bit_generator
    before = bits.state
    bits.state = bits.jumped().state  # type: ignore[attr-defined]
    try:
        yield
    finally:
        bits.state = before
