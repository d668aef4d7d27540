"""Looks at values: what a program that is recorded to run on other numbers must not do.

The engine tells a `Recorder` of each (`autograd_lite.modes.report_read`): ``if x > 0``,
``x.item()``, ``float(x)``. In the user's code it is refused, with the line; in a function of
NumPy's that is defined here, or in a rule, the function becomes one closed step. A source, which
is to be read, has a recorder of its own (`autograd_lite.codegen.readable`).
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Mapping
from types import FrameType, MappingProxyType
from typing import Any

import numpy as np

from .. import modes, tensor
from ..composite import outermost
from ..errors import CompileError
from ..locations import without_folders
from ..reachable import is_library
from ..tape import next_number, rule_of
from ..tensor import Tensor, constant
from . import closing

_PACKAGE = os.path.dirname(os.path.dirname(__file__))
# Between a look and the program that looks: where the engine tells of it, and whatever is called.
_PASSED = (
    *(str(module.__file__) for module in (modes, tensor)),
    os.path.join(_PACKAGE, "batching", "recording.py"),
    __file__,
)
_READING = os.path.join(_PACKAGE, "calculus", "")

INSTEAD = {
    "a choice by the value": "write np.where(condition, a, b), which takes both ways",
    "an index or a count": "give a whole number as an argument of its own: it is fixed",
    ".data": "use the Tensor itself, or detach() it",
    ".backward()": "compile value_and_grad(f), which returns the gradient",
    ".grad": "compile value_and_grad(f), which returns the gradient",
    "writing into it": "make a new value: t.at[index].set(v), np.where(...), or x = x + y",
    "setting .data": "return the new value, and set it outside; statistics, as of batch norm, are "
    "noted in compile(model, loss, optimizer) alone: call eval(), or give "
    "track_running_stats=False, which has the same gradient",
    "a draw without a generator": "give it a generator, as in nn.Dropout(0.5, rng=0)",
    "a shape that values decide": "keep the shape and use np.where(mask, x, 0), or weights of 0",
}
_OTHERWISE = "compute on with np functions of the Tensor itself"


class Look(Exception):
    """A function of the table looked at a value: it is closed, and the recording begins again."""


DOES = {
    "a choice by the value": "chooses by a value",
    "an index or a count": "takes a value as an index or a count",
    "writing into it": "writes into what it was given",
    "setting .data": "writes into a Tensor that it did not make",
    "a copy": "copies what it was given, or pickles it",
    "a draw without a generator": "draws random numbers without a generator of its own",
    "a shape that values decide": "makes an array whose shape hangs on values",
}
SHAPES = (np.nonzero, np.flatnonzero, np.argwhere)
"""Functions whose result has a shape that depends on values."""


SO = "so what is compiled would be right for these numbers alone"


def refused(
    how: str,
    kind: type[Exception] = CompileError,
    so: str = SO,
    instead: Mapping[str, str] = MappingProxyType({}),
) -> Exception:
    """Return the error for a look at a value, with the line of the user's that runs.

    Parameters
    ----------
    how
        What was done.
    kind
        Of the error.
    so
        What follows from it.
    instead
        What to write, where that is not what `INSTEAD` says.
    """
    frame = _users_frame()
    place = None if frame is None else (frame.f_code.co_filename, frame.f_lineno)
    does = DOES.get(how, f"looks at a value ({how})")
    return kind(f"{said(place)}{does}, {so}: {instead.get(how) or INSTEAD.get(how, _OTHERWISE)}.")


def said(place: tuple[str, int] | None) -> str:
    """Begin a sentence with a line of the user's."""
    if place is None:
        return "The function "
    file, number = place
    line = linecache.getline(file, number).strip()
    text = f"'{line}' in " if line else ""
    return f"{text}{without_folders(file)}, line {number}, "


def _users_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_library(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


class Recorder:
    """What the engine tells of a program that is recorded to run on other values.

    Attributes
    ----------
    closed
        Entries of the table that are one step, see :mod:`autograd_lite.codegen.closing`.
    """

    call = staticmethod(closing.call)
    primitive = staticmethod(closing.in_place_of)
    both_ways = True
    """Whether a rule that asks for infinities or NaN is to be right for such numbers as well."""

    def __init__(self) -> None:
        self.closed: set[Any] = set()
        self.begin = abs(next_number())
        self._held: dict[int, Tensor] = {}  # by the id of an array, which they keep

    def held(self, array: Any) -> Tensor:
        """Return what stands on the tape for an array that is no Tensor's."""
        if id(array) not in self._held:
            t = constant(array)
            t._value = array  # itself, also where it has no dimension
            t._number = -self.begin  # older than all that is recorded
            t._metadata = {"held": array}
            self._held[id(array)] = t
        return self._held[id(array)]

    def let_go(self) -> None:
        """Hold no array any more: who else does is to be seen."""
        self._held.clear()

    def refused(self, how: str) -> Exception:
        """Return the error for a look at a value."""
        return refused(how)

    def draws_from(self, generator: Any) -> None:
        """Note that a generator is about to be drawn from, by a step of the program."""

    def reads(self, t: Any, how: str) -> None:
        """Refuse a look at a value, or close the function of the table that it is in."""
        note = t._metadata or {}
        leaf = t._primitive is None and "alias" not in note and "name" not in note
        if leaf and abs(t._number) > self.begin:
            return  # a constant that the function has made
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename.startswith(_PASSED):
            frame = frame.f_back
        file = frame.f_code.co_filename if frame is not None else ""
        if file.startswith(_PACKAGE):
            if how in _OF_THE_ENGINE and not file.startswith(_READING):
                return  # shapes, dtypes, checks
            made = rule_of.get()
            entry = outermost() or (made._primitive if made is not None else None)
            if entry is not None:
                self.inside(entry, t, how)
                return
        raise self.refused(how)

    def inside(self, entry: Any, t: Any, how: str) -> None:
        """Close a function of the table that looks at a value."""
        if entry.name in closing.OF_SHAPES:
            raise self.refused("a shape that values decide")
        if entry in self.closed:
            raise self.refused(how)
        self.closed.add(entry)
        raise Look


_OF_THE_ENGINE = ("unwrap", ".data", ".grad", ".numpy()")
