"""Source code from a tape: a program and its backward pass as plain NumPy.

One way through: `record` runs a function once with everything on the tape, `program` reads
that as straight-line steps, `expand` opens fused primitives, `simplify` shortens, `write`
makes text of it.
"""

from __future__ import annotations

from .beside import Beside
from .compiled import Compiled
from .compiling import compile
from .expand import NotWritable
from .looping import scan
from .program import Program, Step, Value, read
from .readable import source
from .record import Recording, record
from .source_text import Source

__all__ = [
    "Beside",
    "Compiled",
    "NotWritable",
    "Program",
    "Recording",
    "Source",
    "Step",
    "Value",
    "compile",
    "read",
    "record",
    "scan",
    "source",
]
