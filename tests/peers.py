"""Independent references: they may be missing on a laptop, never in CI."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

import pytest


def peer(name: str) -> ModuleType:
    """Import a library to compare with; skip what needs it where it is missing, but fail in CI."""
    if os.environ.get("CI") == "true":
        return importlib.import_module(name)
    found: ModuleType = pytest.importorskip(name, exc_type=ImportError)
    return found
