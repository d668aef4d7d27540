"""What many runs say: the interval of a share, and how far two groups of numbers lie apart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def wilson(yes: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the 95 % interval of a share, which holds for 0 of n and for n of n too.

    The shares p with |yes/n − p| = z √(p (1 − p) / n): E. B. Wilson, Journal of the
    American Statistical Association 22 (1927).

    >>> low, high = wilson(98, 100)
    >>> f"{low:.3f} {high:.3f}"
    '0.930 0.994'
    """
    if n == 0:
        return 0.0, 1.0
    share = yes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half))


def cliffs_delta(a: Any, b: Any, resamples: int = 1000) -> tuple[float, float, float]:
    """Return P(a > b) − P(a < b) over all pairs, and its 95 % bootstrap interval.

    1 means that every number of `a` is above every number of `b`, 0 that it is as often
    below as above, −1 that it is always below: N. Cliff, Psychological Bulletin 114
    (1993). The interval is that of runs drawn anew, with replacement, from both sides.

    >>> cliffs_delta([3.0, 4.0], [1.0, 2.0])
    (1.0, 1.0, 1.0)
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if not a.size or not b.size:
        return math.nan, math.nan, math.nan
    above = (a[:, None] > b).astype(float) - (a[:, None] < b)
    rng = np.random.default_rng(0)
    rows = rng.multinomial(a.size, np.full(a.size, 1 / a.size), resamples)
    columns = rng.multinomial(b.size, np.full(b.size, 1 / b.size), resamples)
    drawn = np.sum((rows @ above) * columns, axis=1) / (a.size * b.size)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(above.mean()), float(low), float(high)


def size_of(delta: float) -> str:
    """Say how large an effect is, with the bounds of Romano and others (2006).

    >>> size_of(-0.2)
    'small'
    """
    for bound, word in ((0.147, "negligible"), (0.33, "small"), (0.474, "medium")):
        if abs(delta) < bound:
            return word
    return "large"
