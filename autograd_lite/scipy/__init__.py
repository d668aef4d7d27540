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
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..errors import missing_extra

try:
    import scipy  # type: ignore[import-untyped]  # noqa: F401
except ImportError:
    raise missing_extra("scipy", "scipy", "use autograd_lite.scipy") from None

if TYPE_CHECKING:
    from . import special, stats

__all__ = ["special", "stats"]

ELSEWHERE = {
    "misc": "its logsumexp is in autograd_lite.scipy.special",
    "optimize": "scipy.optimize.minimize takes value_and_grad(f) as its function, with jac=True",
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
        module = ".".join(frame.f_globals.get("__name__", "").split(".")[:2])
        owner = frame.f_locals.get("self")
        name = getattr(owner, "name", None) or type(owner).__name__.removesuffix("_gen")
        method = () if owner is None else (str(name),)
        path = (module, *method, frame.f_code.co_name)
        whole = ".".join(path).removesuffix(".__init__").removesuffix(".__call__")
        public = importlib.import_module(module)
        if _has(public, whole.split(".")[2:]):
            part = module.rpartition(".")[2]
            ours = __getattr__(part) if part in __all__ else None
            names = whole.split(".")[2:]
            if names[0] in getattr(ours, "__all__", ()) and _has(ours, names):
                return whole, f"autograd_lite.{whole}"
            instead = ELSEWHERE.get(part, "a rule for it, with derivative(...),")
            return whole, instead
    return None


def _has(x: Any, names: Sequence[str]) -> bool:
    for name in names:
        x = getattr(x, name, None)
    return x is not None


def __dir__() -> list[str]:
    return sorted(__all__)
