"""Make a program that fails as small as it gets, and let it fail in the same way."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from tests.soak.programs import Program, evaluated

SECONDS = 20.0


def shrink(program: Program, fails: Callable[[Program], bool], seconds: float = SECONDS) -> Program:
    """Return a smaller program that fails; `fails` says whether one does, in the same way."""
    end = time.monotonic() + seconds
    while True:
        for smaller in smaller_ones(program):
            if time.monotonic() > end:
                return program
            if size(smaller) < size(program) and fails(smaller):
                program = smaller
                break
        else:
            return program


def size(program: Program) -> tuple[int, int, int]:
    """Return what is to become smaller: the lines, and then what there is to read."""
    text = program.whole_text()
    return len(program.lines), len(program.results), len(text)


def smaller_ones(program: Program) -> Iterator[Program]:
    """Yield what to try, the largest steps first."""
    if len(program.results) > 1:
        for name in program.results:
            yield program.only([name])
    names = list(program.lines)
    for name in names[:-1]:
        yield program.only([name])
    known = evaluated(program)
    for name in reversed(names):  # a line's value becomes an input
        if name in program.results and len(program.results) == 1:
            continue
        yield made_an_input(program, name, known[name])
    for name in reversed(names):  # or another of its kind takes its place
        for other, x in known.items():
            if other == name:
                break
            like = x.shape == known[name].shape and x.dtype == known[name].dtype
            if like and not (other in program.inputs and name in program.results):
                yield renamed(program, name, other)
    for name, x in program.inputs.items():
        if x.dtype != np.float64 and x.dtype.kind == "f":
            yield with_input(program, name, x.astype(np.float64))
        if not x.flags.c_contiguous or any(n < 0 for n in x.strides):
            yield with_input(program, name, np.array(x, order="C"))
        for digits in (0, 1):
            if not np.array_equal(x, rounded := np.asarray(np.round(x, digits), x.dtype)):
                yield with_input(program, name, rounded)


def with_input(program: Program, name: str, x: np.ndarray) -> Program:
    return replace(program, inputs={**program.inputs, name: x})


def made_an_input(program: Program, name: str, x: np.ndarray) -> Program:
    lines = {other: line for other, line in program.lines.items() if other != name}
    results = [r for r in program.results if r != name]
    return Program({**program.inputs, name: x}, lines, results).only(results)


def renamed(program: Program, name: str, other: str) -> Program:
    """Use one value in place of another."""
    pattern = re.compile(rf"\b{name}\b")
    lines = {own: pattern.sub(other, line) for own, line in program.lines.items() if own != name}
    results = list(dict.fromkeys(other if r == name else r for r in program.results))
    return Program(program.inputs, lines, results).only(results)
