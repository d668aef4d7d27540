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

    A run that times itself, because it happens in another process, returns its seconds.
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
    """Our time shall be at most `times` the best of the contenders whose names begin so."""

    peer: str
    times: float


@dataclass
class Row:
    """One comparison: its contenders, our own among them, and what was asked."""

    name: str
    unit: str
    contenders: list[Contender]
    asks: list[Ask] = field(default_factory=list)
    note: str = ""


@dataclass
class Result:
    """The best time of each contender, in µs a unit."""

    row: Row
    times: dict[str, float]

    def ratio(self, ask: Ask) -> float | None:
        """Return our time by the best of a peer's variants; None where the peer is missing."""
        peers = [t for name, t in self.times.items() if name.startswith(ask.peer)]
        return self.times[OURS] / min(peers) if peers else None


def measure(row: Row, rounds: int) -> Result:
    """Let the contenders of a row take turns."""
    best = {c.name: float("inf") for c in row.contenders}
    for c in row.contenders:
        c.run()  # warm up: compile, allocate, load
    for _ in range(rounds):
        for c in row.contenders:
            gc.collect()
            start = time.perf_counter()
            returned = c.run()
            seconds = time.perf_counter() - start
            if c.times_itself:
                assert isinstance(returned, float)
                seconds = returned
            best[c.name] = min(best[c.name], seconds / c.units)
    return Result(row, {name: t * 1e6 for name, t in best.items()})


def report(result: Result) -> str:
    """Return a row's part of the table as text."""
    lines = [f"{result.row.name} (µs {result.row.unit})"]
    ours = result.times[OURS]
    for name, t in sorted(result.times.items(), key=lambda item: item[1]):
        ratio = "" if name == OURS else f"   ours is {ours / t:6.2f} ×"
        lines.append(f"  {name:34s} {t:12.3f}{ratio}")
    for ask in result.row.asks:
        ratio_or_none = result.ratio(ask)
        if ratio_or_none is None:
            lines.append(f"  asked: at most {ask.times} × {ask.peer}: not measured, it is missing")
        else:
            verdict = "met" if ratio_or_none <= ask.times else "MISSED"
            lines.append(
                f"  asked: at most {ask.times} × {ask.peer}: {ratio_or_none:.2f} ×, {verdict}"
            )
    if result.row.note:
        lines.append(f"  {result.row.note}")
    return "\n".join(lines)
