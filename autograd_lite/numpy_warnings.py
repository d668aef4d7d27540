"""NumPy's warnings name the line of the user's program, not a line of this package.

NumPy warns of an overflow at the line that called it, which would be one of the compiled
functions' (:mod:`autograd_lite.weave`); and since Python shows a warning once for each
line, a second overflow, elsewhere in the program, would never be seen.

A compiled function must not be slower because something might overflow, so it does not ask.
Python keeps in a module's ``__warningregistry__`` which warnings it has shown. In the
functions' namespaces that is not a dict, and there a warning fails with a TypeError before
anything is shown. Then, and only then, the operation runs once more in the user's name.
"""

from __future__ import annotations

import sys
import warnings
from types import BuiltinFunctionType, FrameType, FunctionType
from typing import Any

import numpy as np

from .locations import is_skipped
from .modes import state

NO_REGISTRY = ()
_COMPILED = (np.ufunc, BuiltinFunctionType, type(np.sum))
_CALCULUS = f"{__package__}.calculus"
_KINDS = {
    "divide by zero": "divide",
    "overflow": "over",
    "underflow": "under",
    "invalid value": "invalid",
}


def is_watched(function: Any) -> bool:
    """Whether NumPy warns in our name when `function` is called: not in a function of the user's.

    >>> is_watched(np.exp), is_watched(lambda x: x)
    (True, False)
    """
    return isinstance(function, _COMPILED) or _is_ours(function)


def _is_ours(function: Any) -> bool:
    return isinstance(function, FunctionType) and (function.__module__ or "").startswith(_CALCULUS)


def watched(function: Any, copies: dict[Any, Any] | None = None) -> Any:
    """Return a function of the calculus, and those that it calls, in such namespaces."""
    if not _is_ours(function):
        return function
    copies = {} if copies is None else copies
    if function not in copies:
        namespace = {**function.__globals__, "__warningregistry__": NO_REGISTRY}
        copies[function] = copy = FunctionType(
            function.__code__,
            namespace,
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        copy.__kwdefaults__ = function.__kwdefaults__
        for name in function.__code__.co_names:
            if name in namespace:
                namespace[name] = watched(namespace[name], copies)
    return copies[function]


def again(primitive: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Run a forward pass once more, after a TypeError: its warnings name the user's line.

    If it was not for a warning that it failed, it fails again.
    """
    frame = users_frame()
    try:
        if state.mode.watch:
            with np.errstate(all="ignore"):
                result = primitive.forward(*args, **kwargs)
            if not np.isfinite(result).all():
                return result  # `anomaly` says more than a warning
        if _is_ours(primitive.forward):
            return _listened_to(frame, primitive, args, kwargs)
        # The same as if that line had called NumPy: filters, `np.errstate`, what is shown once.
        code = _call.__code__.replace(
            co_name=primitive.name,
            co_filename=frame.f_code.co_filename,
            co_firstlineno=frame.f_lineno,
        )
        return FunctionType(code, frame.f_globals)(primitive.forward, args, kwargs)
    except Exception as error:
        raise error from None


_call = lambda function, args, kwargs: function(*args, **kwargs)  # noqa: E731  (of one line)


def users_frame() -> FrameType:
    """Return the nearest caller outside of libraries, or the outermost."""
    frame = sys._getframe(1)
    while is_skipped(frame.f_code.co_filename) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _listened_to(frame: FrameType, primitive: Any, args: Any, kwargs: Any) -> Any:
    """Run a function of several steps, and warn of the whole of it."""
    modes = dict[str, Any](**np.geterr())
    users: Any = np.geterrcall()
    heard: dict[str, None] = {}

    def hear(kind: str, flag: int) -> None:
        if modes[_KINDS[kind]] == "warn":
            heard[kind] = None
        else:
            users(kind, flag)

    hear.write = getattr(users, "write", None)  # type: ignore[attr-defined]
    called = {kind: "call" for kind, mode in modes.items() if mode == "warn"}
    with np.errstate(call=hear, **called):  # type: ignore[arg-type]
        result = primitive.forward(*args, **kwargs)
    for kind in heard:
        warnings.warn_explicit(
            f"{kind} encountered in {primitive.name}",
            RuntimeWarning,
            frame.f_code.co_filename,
            frame.f_lineno,
            frame.f_globals.get("__name__"),
            frame.f_globals.setdefault("__warningregistry__", {}),
        )
    return result
