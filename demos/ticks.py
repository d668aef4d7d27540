"""Ticks of a logarithmic axis that can be read: decades, or plain numbers between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.ticker import Formatter, Locator


def log_ticks(whole: bool = False) -> Locator:
    """Each power of ten; over less than two of them 1, 2 and 5 times each; else round numbers.

    Of what is counted, the ticks are whole numbers.
    """
    from matplotlib.ticker import LogLocator, MaxNLocator

    class LogTicks(LogLocator):
        def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
            low, high = sorted((vmin, vmax))
            if low <= 0.0 or high >= 100.0 * low:
                return super().tick_values(vmin, vmax)
            first, last = np.floor(np.log10([low, high])).astype(int)
            found = [f * 10.0**k for k in range(first, last + 1) for f in (1, 2, 5)]
            found = [tick for tick in found if low <= tick <= high]
            if len(found) >= 3:
                return found
            even = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], integer=whole)
            return even.tick_values(low, high)

    return LogTicks()


def log_numbers() -> Formatter:
    """Plain numbers; powers of ten where some would have too many zeros."""
    from matplotlib.ticker import FuncFormatter

    def text(x: float, pos: Any = None) -> str:
        low, high = sorted(made.axis.get_view_interval()) if made.axis is not None else (x, x)
        power = np.log10(x) if x > 0.0 else 0.5
        if (low < 1e-5 or high > 1e6) and abs(power - round(power)) < 1e-9:
            return f"$10^{{{round(power)}}}$"
        return f"{x:.12g}"

    made = FuncFormatter(text)
    return made
