"""How things are timed: contenders take turns, and the best turn of each counts.

A speed is a ratio to a peer measured in the same run. Contenders run in turns,
many short ones, so that whatever else the machine does falls on all of them;
of each, the fastest turn is taken, since noise only ever adds.
"""

from __future__ import annotations

import gc
import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

OURS = "autograd_lite"


@dataclass
class Contender:
    """Something that can be run, and how many units of work one run does.

    A run that times itself, because it happens in another process, returns its seconds;
    one that measures something else returns that.
    """

    name: str
    run: Callable[[], object]
    units: int = 1
    times_itself: bool = False


def peer(name: str) -> Any:
    """Import a peer, or return None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


@dataclass
class Ask:
    """Our time shall be at most `times` the best of the contenders whose names begin so.

    Or, where `more` is given, at most that many µs more.
    """

    peer: str
    times: float = 1.0
    more: float | None = None
    ours: str = OURS

    def __str__(self) -> str:
        asked = f"{self.times:g} × {self.peer}" if self.more is None else f"{self.more:g} µs more"
        by = "" if self.ours == OURS else f"{self.ours}: "
        return f"asked: {by}at most {asked}"


@dataclass
class Row:
    """One comparison: its contenders, our own among them, and what was asked."""

    name: str
    unit: str
    contenders: list[Contender]
    asks: list[Ask] = field(default_factory=list)
    note: str = ""
    quantity: str = "µs"
    scale: float = 1e6
    """How many of them are in what a run returns: in a second."""
    rounds: int | None = None
    """At most so many."""
    seconds: float = float("inf")
    """After so many, no round is begun but the first three: where a step takes long."""


@dataclass
class Result:
    """The best of each contender, in µs a unit, or what else the row measures."""

    row: Row
    times: dict[str, float]

    def measured(self, ask: Ask) -> str:
        """Say what came out beside what was asked."""
        peers = [t for name, t in self.times.items() if name.startswith(ask.peer)]
        if not peers or ask.ours not in self.times:
            return f"{ask}: not measured, one of the two is missing"
        ours, theirs = self.times[ask.ours], min(peers)
        if ask.more is None:
            return f"{ask}: {ours / theirs:.2f} ×, {_verdict(ours / theirs, ask.times)}"
        return f"{ask}: {ours - theirs:.1f} µs, {_verdict(ours - theirs, ask.more)}"


def _verdict(found: float, asked: float) -> str:
    return "met" if found <= asked else "MISSED"


def measure(row: Row, rounds: int) -> Result:
    """Let the contenders of a row take turns."""
    best = {c.name: float("inf") for c in row.contenders}
    for c in row.contenders:
        c.run()  # warm up: compile, allocate, load
    begin = time.perf_counter()
    for done in range(min(rounds, row.rounds or rounds)):
        if done >= 3 and time.perf_counter() - begin > row.seconds:
            break
        for c in row.contenders:
            gc.collect()
            start = time.perf_counter()
            returned = c.run()
            seconds = time.perf_counter() - start
            if c.times_itself:
                assert isinstance(returned, float)
                seconds = returned
            best[c.name] = min(best[c.name], seconds / c.units)
    return Result(row, {name: t * row.scale for name, t in best.items()})


def report(result: Result) -> str:
    """Return a row's part of the table as text."""
    lines = [f"{result.row.name} ({result.row.quantity} {result.row.unit})"]
    ours = result.times[OURS]
    for name, t in sorted(result.times.items(), key=lambda item: item[1]):
        ratio = "" if name == OURS else f"   ours is {ours / t:6.2f} ×"
        lines.append(f"  {name:34s} {t:12.3f}{ratio}")
    lines += [f"  {result.measured(ask)}" for ask in result.row.asks]
    if result.row.note:
        lines.append(f"  {result.row.note}")
    return "\n".join(lines)
