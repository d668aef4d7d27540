"""docs/nan.md holds, line by line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from autograd_lite import first_bad

PAGE = (Path(__file__).parents[1] / "docs" / "nan.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\| (.+?) \| `(.+)` \| (.+?) \|$", PAGE, re.M)


@pytest.mark.parametrize(("what", "program", "said"), LINES, ids=[line[0] for line in LINES])
def test_line(what: str, program: str, said: str) -> None:
    bad = eval(program, {"np": np, "first_bad": first_bad})
    found = bad.name if bad.way == "input" else f"{bad.operation}, {bad.way}: {bad.numbers}"
    assert found == said


def test_the_programs_print_what_the_page_says() -> None:
    assert len(LINES) == 13
    code = "\n".join(re.findall(r"```python\n(.+?)```", PAGE, re.S))
    printed: list[str] = []
    scope = {"print": lambda *args: printed.append(" ".join(map(str, args)))}
    with np.errstate(all="ignore"):
        exec(compile(code, "page.py", "exec"), scope)
    assert printed == re.findall(r"print\(.+\)  # (.+)", code)
    quoted = " ".join(line[2:] for line in PAGE.splitlines() if line.startswith("> "))
    assert str(scope["bad"]) == quoted
