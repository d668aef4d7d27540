"""The table of derivatives as the engine has it, whatever else was imported before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite.protocol import TABLE


def is_scipys(function: Callable[..., Any]) -> bool:
    """Whether an entry is of autograd_lite.scipy: tests/scipy holds those."""
    if isinstance(function, np.ufunc):
        return getattr(np, function.__name__, None) is not function
    return (getattr(function, "__module__", None) or "").startswith("autograd_lite.scipy")


def numpys() -> dict[Callable[..., Any], Any]:
    return {function: entry for function, entry in TABLE.items() if not is_scipys(function)}
