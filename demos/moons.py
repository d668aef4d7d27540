"""Report R2's small networks on two moons."""

from .clusters import moons as main

__all__ = ["main"]
