"""SciPy's functions with derivatives, under SciPy's names.

>>> import numpy as np
>>> import scipy.special
>>> from autograd_lite import Tensor
>>> t = Tensor(0.0, requires_grad=True)
>>> scipy.special.expit(t).backward()  # a ufunc of SciPy's itself takes a Tensor
>>> float(t.grad)
0.25

The modules here are imported when they are first used. They need SciPy, which the extra
``autograd_lite[scipy]`` brings; the engine does not import them.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..errors import missing_extra

try:
    import scipy  # type: ignore[import-untyped]  # noqa: F401
except ImportError:
    raise missing_extra("scipy", "scipy", "use autograd_lite.scipy") from None

if TYPE_CHECKING:
    from . import integrate, linalg, signal, special, stats

__all__ = ["integrate", "linalg", "signal", "special", "stats"]

ELSEWHERE = {
    "misc": "its logsumexp is in autograd_lite.scipy.special",
    "optimize": "for_scipy(f, x0) gives what scipy.optimize takes",
}
"""Modules of SciPy's that are not here, and what to write."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f".{name}", __name__)
    more = f": {ELSEWHERE[name]} (docs/scipy.md)" if name in ELSEWHERE else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{more}", name=name)


def counterpart(frames: Sequence[FrameType]) -> tuple[str, str] | None:
    """Return which function of SciPy's makes an array of a Tensor, and what to write instead.

    Parameters
    ----------
    frames
        Those of SciPy on the way, the outermost first: the first that has a public name counts.
    """
    for frame in frames:
        owner = frame.f_locals.get("self")
        name = getattr(owner, "name", None) or type(owner).__name__.removesuffix("_gen")
        names = () if owner is None else (str(name),)
        here = frame.f_globals.get("__name__", ""), (*names, frame.f_code.co_name)
        # Around some functions there is another, which has them at hand.
        around = [
            (x.__module__, (x.__name__,)) for x in frame.f_locals.values() if inspect.isfunction(x)
        ]
        for home, path in (here, *around):
            module = ".".join(home.split(".")[:2])
            names = tuple(name for name in path if name not in ("__init__", "__call__"))
            if module.startswith("scipy.") and _has(importlib.import_module(module), names):
                return ".".join((module, *names)), _instead(module, names)
    return None


def _instead(module: str, names: Sequence[str]) -> str:
    """Return what to write in place of one of SciPy's functions."""
    part = module.rpartition(".")[2]
    ours = __getattr__(part) if part in __all__ else None
    if names and names[0] in getattr(ours, "__all__", ()) and _has(ours, names):
        return ".".join(("autograd_lite", module, *names))
    return ELSEWHERE.get(part, "a rule for it, with derivative(...),")


def _has(x: Any, names: Sequence[str]) -> bool:
    for name in names:
        x = getattr(x, name, None)
    return x is not None and bool(names)


def __dir__() -> list[str]:
    return sorted(__all__)
