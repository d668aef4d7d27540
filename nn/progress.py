"""What `fit` shows while it trains: a bar; in a notebook a bar and the loss, as it is learned.

A progress has tqdm's ``update`` (of so many steps) and ``set_postfix`` (the numbers to show).
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from html import escape
from typing import Any

import numpy as np


def progress(total: int, done: int, unit: str) -> AbstractContextManager[Any]:
    """Return what shows `done` of `total` steps: a cell's, tqdm's, or a line now and then."""
    display = _display()
    if display is not None:
        return NotebookBar(total, done, unit, display)
    try:
        from tqdm import tqdm  # type: ignore[import-untyped]
    except ImportError:
        return PlainBar(total, done, unit)
    return tqdm(total=total, initial=done, unit=unit, mininterval=0.2)  # type: ignore[no-any-return]


def _display() -> Any:
    """Return IPython's `display` where this runs in a notebook; else None."""
    ipython = sys.modules.get("IPython")  # a notebook has imported it
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import display  # type: ignore[import-not-found, unused-ignore]

    return display


class PlainBar:
    """What stands in for tqdm's bar where it is not installed: a plain line now and then."""

    def __init__(self, total: int, done: int, unit: str, seconds: float = 5.0) -> None:
        self.total, self.done, self.unit, self.seconds = total, done, unit, seconds
        self.shown: Mapping[str, float] = {}
        self.next_line = time.monotonic() + seconds

    def __enter__(self) -> PlainBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.line()

    def update(self, steps: int = 1) -> bool:
        """Count steps; true where it is time for a line, which `set_postfix` then writes."""
        self.done += steps
        return time.monotonic() >= self.next_line

    def set_postfix(self, numbers: Mapping[str, float], refresh: bool = False) -> None:
        """Note the numbers to show, and show them if the last line is a while ago."""
        self.shown = numbers
        if time.monotonic() >= self.next_line:
            self.line()
            self.next_line = time.monotonic() + self.seconds

    def line(self) -> None:
        """Write what `fit` has done so far, to standard error, as a bar would."""
        print(self, file=sys.stderr, flush=True)

    def __repr__(self) -> str:
        return f"{self.unit} {self.done} of {self.total}{said(self.shown)}"


class NotebookBar(PlainBar):
    """A bar and the curves of the losses, as HTML that is written anew in its place."""

    POINTS = 400  # of a curve; of more, every other one is left out
    WIDTH, HEIGHT = 480, 120

    def __init__(self, total: int, done: int, unit: str, display: Any) -> None:
        super().__init__(total, done, unit, seconds=0.25)
        self.curves: dict[str, list[tuple[int, float]]] = {}
        self.handle = display(self, display_id=True)
        self.next_line = 0.0

    def set_postfix(self, numbers: Mapping[str, float], refresh: bool = False) -> None:
        """Add the losses to their curves, and show them if the last time is a while ago."""
        for name, number in numbers.items():
            if "loss" in name and math.isfinite(number):
                curve = self.curves.setdefault(name, [])
                if not curve or curve[-1][0] != self.done:
                    curve.append((self.done, float(number)))
                if len(curve) > self.POINTS:
                    del curve[1:-1:2]
        super().set_postfix(numbers, refresh)

    def line(self) -> None:
        """Show what `fit` has done so far."""
        self.handle.update(self)

    def _repr_html_(self) -> str:
        """Return the bar, the numbers and the curves; their ink is that of the notebook."""
        bar = f'<progress max="{self.total}" value="{self.done}" style="width:16em"></progress>'
        return f"<div><div>{bar} {escape(repr(self))}</div>{self._curves()}</div>"

    def _curves(self) -> str:
        """Draw the losses over the steps, their axis by powers where all of them are positive."""
        points = [point for curve in self.curves.values() for point in curve]
        if len(points) < 2:
            return ""
        losses = np.array([loss for _, loss in points])
        scale = np.log10 if losses.min() > 0 else np.asarray
        low, high = float(scale(losses.min())), float(scale(losses.max()))
        lines, names = [], []
        for i, (name, curve) in enumerate(self.curves.items()):
            across = [self.WIDTH * step / max(self.total, 1) for step, _ in curve]
            down = [
                self.HEIGHT * (1 - (float(scale(loss)) - low) / (high - low or 1.0))
                for _, loss in curve
            ]
            places = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
            dashes = f' stroke-dasharray="{6 * i} 4"' if i else ""
            lines.append(f'<polyline points="{places}"{dashes}/>')
            names.append(f"{escape(name)}{' (dashed)' if i else ''}")
        kind = ", log scale" if scale is np.log10 else ""
        ends = f"{losses.max():.3g} to {losses.min():.3g}{kind}"
        title = f"{' and '.join(names)} over the {self.unit}s: {ends}"
        return (
            f'<svg viewBox="-4 -4 {self.WIDTH + 8} {self.HEIGHT + 8}" role="img" '
            f'aria-label="{title}" style="width:100%;max-width:{self.WIDTH + 8}px" '
            f'fill="none" stroke="currentColor" stroke-width="2">'
            f'<rect width="{self.WIDTH}" height="{self.HEIGHT}" stroke-width=".5"/>'
            f"{''.join(lines)}</svg><div>{title}</div>"
        )


def said(numbers: Mapping[str, float]) -> str:
    """Write numbers with their names."""
    return "".join(f", {name} {value:.3g}" for name, value in numbers.items())
