"""What the Numba back end writes, run as the Python that it is: nothing is compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np

from autograd_lite.codegen import cache, jit, numba_tile


class Interpreted:
    """A module of generated code."""

    def __init__(self, source: str) -> None:
        self.source = source
        exec(source, self.__dict__)


def compiled(signature):
    """Stand for the decorator that compiles."""
    return lambda function: function


def stack(count, dtype):
    """Return new memory, in which stand numbers that nobody would expect."""
    return np.full(count, np.nan if np.dtype(dtype).kind == "f" else 77, dtype)


@contextmanager
def without_a_compiler() -> Iterator[None]:
    """Let generated code run as it stands."""
    with (
        mock.patch.object(jit, "compiled", compiled),
        mock.patch.object(jit, "intrinsics", return_value=(stack, lambda i: i)),
        mock.patch.object(numba_tile, "tile", numba_tile.tile_in_python),
        mock.patch.object(cache, "load", Interpreted),
        np.errstate(over="ignore"),  # of whole numbers, in elementary functions
    ):
        yield
