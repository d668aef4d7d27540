"""From DOT to a picture, with whichever Graphviz there is.

The program ``dot`` is used where it is installed. Where it is not, the package
pygraphviz does the same: since version 2 its wheels carry Graphviz with them. It
runs in a process of its own, just as ``dot`` does, so that a layout which takes too
long can be interrupted, and what Graphviz's libraries remark on the machine's fonts
does not land in the middle of the user's output.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from .. import files
from ..errors import missing_extra

Point = tuple[float, float]

FORMATS = ("svg", "pdf", "png")

_OPTIONS = {"png": ["-Gdpi=160"]}  # sharp on a projector; the others scale by themselves

_PYGRAPHVIZ = """
import sys
from pygraphviz import AGraph
graph = AGraph(string=sys.stdin.buffer.read().decode())
options = sys.argv[1:]
sys.stdout.buffer.write(graph.draw(format=options[0][2:], prog="dot", args=" ".join(options)))
"""


def render(source: str, format: str, seconds: float | None = None) -> bytes:
    """Return the picture that a DOT text describes.

    Parameters
    ----------
    source
        The DOT text.
    format
        ``svg``, ``pdf`` or ``png``.
    seconds
        How long to wait.

    Raises
    ------
    MissingExtraError
        If neither the program ``dot`` nor pygraphviz is installed.
    TimeoutError
        If it takes longer.
    RuntimeError
        If Graphviz refuses: the message is its own.
    """
    command = [*_graphviz(), f"-T{format}", *_OPTIONS.get(format, [])]
    try:
        done = subprocess.run(
            command, input=source.encode(), capture_output=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(
            f"Graphviz did not place the boxes within {seconds} seconds: draw fewer (max_boxes=…)."
        ) from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"Graphviz could not render the graph: {said or done.returncode}")
    return done.stdout


@dataclass
class Positions:
    """Where Graphviz has placed boxes and lines, in inches from the lower left corner."""

    width: float = 0.0
    height: float = 0.0
    boxes: dict[str, Point] = field(default_factory=dict)
    """The middle of each box, by its name, which has no spaces."""
    lines: dict[tuple[str, str], list[list[Point]]] = field(default_factory=dict)
    """The control points of the lines between two boxes, in the order in which they were given."""


def positions(source: str) -> Positions:
    """Place what a DOT text describes.

    >>> found = positions("digraph { a -> b }")
    >>> sorted(found.boxes), list(found.lines)
    (['a', 'b'], [('a', 'b')])
    """
    found = Positions()
    for line in render(source, "plain").decode().splitlines():
        words = line.replace('"', "").split()
        if words[0] == "graph":
            found.width, found.height = float(words[2]), float(words[3])
        elif words[0] == "node":
            found.boxes[words[1]] = float(words[2]), float(words[3])
        elif words[0] == "edge":
            numbers = list(map(float, words[4 : 4 + 2 * int(words[3])]))
            points = list(zip(numbers[::2], numbers[1::2], strict=True))
            found.lines.setdefault((words[1], words[2]), []).append(points)
    return found


def _graphviz() -> list[str]:
    """Return the command that takes the options of ``dot`` and its text on standard input."""
    program = shutil.which("dot")
    if program is not None:
        return [program]
    if find_spec("pygraphviz") is not None:
        return [sys.executable, "-P", "-c", _PYGRAPHVIZ]  # -P: no module of the folder we are in
    raise missing_extra(
        "pygraphviz", "viz", "render a graph where the program 'dot' is not installed"
    )


def ending(path: Path, known: Iterable[str]) -> str:
    """Return what a file's name ends with, in small letters, which says what to write."""
    suffix, known = path.suffix.lower(), list(known)
    if suffix not in known:
        *others, last = known
        endings = f"{', '.join(others)} or {last}" if others else last
        raise ValueError(f"'{path.name}' does not say what to write: let it end with {endings}.")
    return suffix


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, or say what to do."""
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The folder '{folder}' does not exist: make it first, or write to another place."
        )
    try:
        files.replace(path, content)
    except OSError as error:
        raise type(error)(
            f"'{path}' could not be written ({error.strerror}): write to another place."
        ) from None
