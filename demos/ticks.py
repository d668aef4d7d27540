"""Ticks of a logarithmic axis that can be read: decades, or plain numbers between them.

This imports Matplotlib, so it is imported where a figure is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import Formatter, LogLocator, MaxNLocator


class LogTicks(LogLocator):
    """Each power of ten; over less than two of them 1, 2 and 5 times each; else round numbers.

    Of what is counted, the ticks are whole numbers.
    """

    def __init__(self, whole: bool = False) -> None:
        super().__init__()
        self.whole = whole

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Return the places of the ticks, for limits of the axis."""
        low, high = sorted((vmin, vmax))
        if low <= 0.0 or high >= 100.0 * low:
            return super().tick_values(vmin, vmax)
        first, last = np.floor(np.log10([low, high])).astype(int)
        found = [f * 10.0**k for k in range(first, last + 1) for f in (1, 2, 5)]
        found = [tick for tick in found if low <= tick <= high]
        if len(found) >= 3:
            return found
        return MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], integer=self.whole).tick_values(low, high)


class LogNumbers(Formatter):
    """Plain numbers; powers of ten where some would have too many zeros."""

    def __call__(self, x: float, pos: Any = None) -> str:
        """Return the text of a tick."""
        low, high = sorted(self.axis.get_view_interval()) if self.axis is not None else (x, x)
        power = np.log10(x) if x > 0.0 else 0.5
        if (low < 1e-5 or high > 1e6) and abs(power - round(power)) < 1e-9:
            return f"$10^{{{round(power)}}}$"
        return f"{x:.12g}"
