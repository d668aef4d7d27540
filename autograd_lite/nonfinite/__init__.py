"""Where the first NaN was born: `first_bad` of a result, and `anomaly` around a program.

`origin` walks the tape back to it, `meeting` writes the numbers that met there, `report` is
what a person reads.
"""

from .report import FirstBad, first_bad

__all__ = ["FirstBad", "first_bad"]
