"""Where in the program an operation is: the line, and the module that runs.

`autograd_lite.trace` asks at each operation. A learner wants the line that they wrote: what lies
in the folder of a library is skipped.
"""

from __future__ import annotations

import os
import re
import sys
from types import FrameType
from typing import Any

import numpy as np


class LayerCall:
    """One call of a module, that is, of an object with a method ``forward``, such as a layer.

    Attributes
    ----------
    name
        How the module that called it calls it, such as ``linear1``; else its class.
    kind
        Its class.
    within
        The call that it was made in; None for the outermost.
    """

    __slots__ = ("kind", "module", "name", "within")

    def __init__(self, module: Any, within: LayerCall | None) -> None:
        self.module, self.within, self.kind = module, within, type(module).__name__
        inside = getattr(within and within.module, "named_modules", dict[str, Any]().items)()
        self.name: str = next((path for path, m in inside if m is module), self.kind)


_skipped = ["<autograd_lite", "<__array_function__"]


def without_folders(line: str) -> str:
    """Return ``file:line``, or a file, as one says it: without folders, and a notebook's as cell.

    >>> without_folders("/home/ada/program.py:7"), without_folders("/tmp/ipykernel_9/173.py:7")
    ('program.py:7', 'cell:7')
    """
    name = line.replace("\\", "/").rsplit("/", 1)[-1]
    if "ipykernel_" in line or "<ipython-input-" in line:
        return re.sub(r"^.*?(?=(:\d+)?$)", "cell", name)
    return name


def skip_frames_in(folder: str) -> None:
    """Let `trace` look for lines outside of a library: a learner wants the line that they wrote."""
    _skipped.append(os.path.join(folder, ""))


def is_skipped(file: str) -> bool:
    """Whether a file belongs to a library: see `skip_frames_in`."""
    return file.startswith(tuple(_skipped))


skip_frames_in(os.path.dirname(__file__))
skip_frames_in(os.path.dirname(np.__file__))


def location(known: dict[FrameType, LayerCall]) -> tuple[str | None, LayerCall | None]:
    """Return ``file:line`` of the nearest caller outside of libraries, and the module it is in.

    `known` are the calls of modules that were running when this was last asked.
    """
    frame: FrameType | None = sys._getframe(2)
    line, running = None, []
    while frame is not None:
        code = frame.f_code
        if line is None and not is_skipped(code.co_filename):
            line = f"{code.co_filename}:{frame.f_lineno}"
        if code.co_name == "forward" and code.co_argcount:
            module = frame.f_locals.get(code.co_varnames[0])
            if getattr(getattr(type(module), "forward", None), "__code__", None) is code:
                running.append((frame, module))
        frame = frame.f_back
    call, calls = None, dict[FrameType, LayerCall]()
    for frame, module in reversed(running):
        call = calls[frame] = known.get(frame) or LayerCall(module, call)
    known.clear()  # frames are not kept longer than they are needed
    known.update(calls)
    return line, call
