"""What the writing of a step in several functions needs of the program around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from .numba_blocks import Body
from .program import Value

Work = Callable[[str, int, np.dtype[Any]], str]


class Parts(NamedTuple):
    """Places and functions for the lines of a step.

    Attributes
    ----------
    place
        Returns where a value lies.
    begin
        Begins another function, and returns its lines. Of a number, threads share the function:
        each runs it for some ``range(begin, end)`` of that many turns, and has the number
        `share`.
    work
        Returns the name of an array of so many numbers.
    each
        The same, with so many numbers for each thread.
    is_shared
        Whether there are such functions; else all lines stand in one.
    """

    place: Callable[[Value], Any]
    begin: Callable[[int | None], Body]
    work: Work
    each: Work
    is_shared: bool = True

    @contextmanager
    def loop(self, turns: int) -> Iterator[Body]:
        """Begin a function that is a loop over i0."""
        body = self.begin(turns)
        with body.write.inside(f"for i0 in range({'begin, end' if self.is_shared else turns}):"):
            yield body

    def at(self, size: int) -> str:
        """Return where the own numbers of a thread begin, in an array that `each` has named."""
        return f"share * {size}" if self.is_shared else "0"
