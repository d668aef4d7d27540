"""Late imports: what a lower module calls of a higher one, imported at its first use.

A Tensor that a notebook shows is drawn by a reader, and an error's message may take a walk over
the tape. If the lower module imported the higher one, the two would close a circle. So it asks
here by name, and the package says in its ``__init__`` where each name is at home.

>>> later("advice").__module__
'autograd_lite.leaving'
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

HOMES: dict[str, str] = {}
"""The module of each name that is imported late, relative to the package or absolute."""


@functools.cache
def later(name: str) -> Any:
    """Return what has a name in `HOMES`."""
    return getattr(importlib.import_module(HOMES[name], __package__), name)
