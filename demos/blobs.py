"""Report R2's small networks on two blobs."""

from .clusters import blobs as main

__all__ = ["main"]
