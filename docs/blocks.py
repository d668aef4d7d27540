"""The Python on the pages of the guides, run when the site is built.

The blocks of a page are one program. What a ``print`` shows must be what the comment beside it
says, or what the block of text below its block shows.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import re
import sys
import tempfile
import traceback
import types
import warnings
from typing import Any

BLOCK = re.compile(r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.M | re.S)
FILE = "program.py"
"""What a page calls the file that its program would be in."""


def wrong(page: str) -> list[tuple[int, str]]:
    """Run the blocks of a page, Markdown; return what is wrong with it, and at which lines."""
    program = types.ModuleType("page")
    sys.modules["page"] = program  # where what a page defines is looked for
    found: list[tuple[int, str]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        warnings.catch_warnings(action="error"),
    ):
        for block in BLOCK.finditer(page):
            above = page.count("\n", 0, block.start(1))
            said, error = run(block[1], vars(program))
            lines = block[1].splitlines()
            alone = ""
            for line, text in said:
                comment = re.search(r"\)  # (.+)$", lines[line - 1])
                if not comment:
                    alone += text
                elif (out := text.rstrip("\n")) != comment[1]:
                    found.append(
                        (above + line, f"it prints {out!r}, and the page says {comment[1]!r}")
                    )
            if error:
                found.append((above + error[0], error[1]))
                break  # what comes after it builds on it
            if block[2] is not None and alone and alone != block[2]:
                found.append((above, f"it prints {alone!r}, and the text below says otherwise"))
    return found


def run(source: str, names: dict[str, Any]) -> tuple[list[tuple[int, str]], tuple[int, str] | None]:
    """Run a block; return what was printed at which line, and the error that ended it."""
    said = []

    def show(*what: Any, **how: Any) -> None:
        out = io.StringIO()
        print(*what, **(how | {"file": out}))
        said.append((sys._getframe(1).f_lineno, out.getvalue()))

    linecache.cache[FILE] = len(source), None, source.splitlines(keepends=True), FILE
    try:
        names["print"] = show
        exec(compile(source, FILE, "exec"), names)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = [f.lineno or 0 for f in frames if f.filename == FILE][-1:] or [0]
        return said, (line[0], f"{type(error).__name__}: {error}")
    return said, None
