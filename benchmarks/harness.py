"""How things are timed: contenders take turns, and turns are compared in pairs.

A speed is a ratio to a peer measured in the same run. Contenders run in turns, many short ones,
so that whatever else the machine does falls on all of them. In each round there is one turn of
ours and one of a peer's, and so one ratio: the median of these is what counts, and their
quartiles say how sure it is.
"""

from __future__ import annotations

import gc
import importlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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

    Or, where `more` is given, at most that many µs more; where `most` is, itself at most that.
    With `best`, the best turn of each is compared, not the median of the rounds.
    """

    peer: str = ""
    times: float = 1.0
    more: float | None = None
    ours: str = OURS
    most: float | None = None
    best: bool = False

    def __str__(self) -> str:
        if self.most is not None:
            return f"asked: {self.ours}: at most {self.most:g}"
        asked = f"{self.times:g} × {self.peer}" if self.more is None else f"{self.more:g} µs more"
        by = "" if self.ours == OURS else f"{self.ours}: "
        return f"asked: {by}at most {asked}{', best of all turns' if self.best else ''}"


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
    """Every turn of each contender, in µs a unit, or what else the row measures."""

    row: Row
    turns: dict[str, list[float]]

    def data(self) -> dict[str, Any]:
        """Return the row as plain data: what JSON takes, and what the tables are written from."""
        return {
            "name": self.row.name,
            "quantity": self.row.quantity,
            "unit": self.row.unit,
            "note": self.row.note,
            "contenders": {
                name: {"median": float(np.median(turns)), "best": min(turns), **self.ratio(name)}
                for name, turns in sorted(self.turns.items(), key=lambda item: np.median(item[1]))
            },
            "asks": [self.measured(ask) for ask in self.row.asks],
        }

    def ratio(self, name: str, ours: str = OURS) -> dict[str, float]:
        """Return the quartiles of ours ÷ a contender's, round by round."""
        pairs = np.divide(self.turns[ours], self.turns[name])
        low, middle, high = (float(q) for q in np.percentile(pairs, (25, 50, 75)))
        return {"ratio": middle, "low": low, "high": high}

    def measured(self, ask: Ask) -> dict[str, Any]:
        """Return what came out beside what was asked."""
        if ask.most is not None:
            own = float(np.median(self.turns[ask.ours]))
            return {"asked": str(ask), "found": f"{own:.3g}", "met": own <= ask.most}
        peers = [name for name in self.turns if name.startswith(ask.peer)]
        if not peers or ask.ours not in self.turns:
            return {"asked": str(ask), "found": "not measured, one of the two is missing"}
        best = min(peers, key=lambda name: float(np.median(self.turns[name])))
        if ask.best:
            found, limit, unit = min(self.turns[ask.ours]) / min(self.turns[best]), ask.times, "×"
        elif ask.more is None:
            found, limit, unit = self.ratio(best, ask.ours)["ratio"], ask.times, "×"
        else:
            more = np.subtract(self.turns[ask.ours], self.turns[best])
            found, limit, unit = float(np.median(more)), ask.more, "µs"
        return {"asked": str(ask), "found": f"{_short(found)} {unit}", "met": found <= limit}


def measure(row: Row, rounds: int) -> Result:
    """Let the contenders of a row take turns."""
    turns: dict[str, list[float]] = {c.name: [] for c in row.contenders}
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
            turns[c.name].append(seconds / c.units * row.scale)
    return Result(row, turns)


# -- the table: as text, as Markdown -------------------------------------------------------------


def as_text(row: dict[str, Any]) -> str:
    """Return a row's part of the table as text."""
    lines = [f"{row['name']} ({row['quantity']} {row['unit']})"]
    for name, c in row["contenders"].items():
        line = f"  {name:34s} {c['median']:12.3f}"
        if name != OURS:
            low, middle, high = (_short(c[key]) for key in ("low", "ratio", "high"))
            line += f"   ours is {middle:>6s} ×   ({low} to {high})"
        lines.append(line)
    lines += [f"  {ask['asked']}: {ask['found']}{_verdict(ask)}" for ask in row["asks"]]
    return "\n".join([*lines, *([f"  {row['note']}"] if row["note"] else [])])


def as_markdown(rows: Iterable[dict[str, Any]]) -> str:
    """Return rows as one table: a line for each peer, and what was asked of it."""
    lines = ["| work | ours | peer | ours ÷ peer, quartiles | asked |", "|---|---|---|---|---|"]
    for row in rows:
        ours = row["contenders"].get(OURS)
        own = f"{ours['median']:.4g} {row['quantity']} {row['unit']}" if ours else ""
        asks = "; ".join(
            f"{a['asked'].removeprefix('asked: ')}: {a['found']}{_verdict(a)}" for a in row["asks"]
        )
        what = f"{row['name']}. {row['note']}" if row["note"] else row["name"]
        for name, c in row["contenders"].items():
            if name == OURS:
                continue
            low, middle, high = (_short(c[key]) for key in ("low", "ratio", "high"))
            ratio = f"**{middle}** ({low} to {high})"
            lines.append(f"| {what} | {own} | {name}: {c['median']:.4g} | {ratio} | {asks} |")
            what = own = asks = ""
    return "\n".join(lines)


def _short(x: float) -> str:
    """Return a number with two decimals, or with two digits where these would hide it."""
    return f"{x:.2f}" if abs(x) >= 0.1 else f"{x:.2g}"


def _verdict(ask: dict[str, Any]) -> str:
    return "" if "met" not in ask else ", met" if ask["met"] else ", **MISSED**"
