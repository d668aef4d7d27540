"""Where the first NaN was born: `first_bad` of a result, and `anomaly` around a program.

`origin` walks the tape back to it, `meeting` writes the numbers that met there, `report` is
what a person reads.
"""

from .report import FirstBad, diagnose, first_bad
from .watch import anomaly

__all__ = ["FirstBad", "anomaly", "diagnose", "first_bad"]
