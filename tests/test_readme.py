"""The Python in README.md and the like runs, block after block, as printed."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED = re.compile(r"^print\(.*\)  # (.*)$", re.MULTILINE)


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "docs/operations.md", "docs/index.md"]
)
def test_blocks_run_and_print_what_their_comments_say(document: str, tmp_path: Path) -> None:
    blocks = BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))
    assert blocks
    program = "\n".join(blocks)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,  # what they write stays out of the checkout
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == PRINTED.findall(program)


def test_a_page_that_does_not_do_what_it_says_fails_the_build(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    wrong = importlib.import_module("blocks").wrong
    right = "# T\n\n```python\nx = 2\nprint(x)  # 2\nprint('a')\n```\n\n```text\na\n```\n"
    assert wrong(right) == []
    assert [line for line, _ in wrong(right.replace("# 2", "# 3"))] == [5]
    [(_, said)] = wrong(right.replace("\na\n", "\nb\n"))
    assert "text below" in said
    [(line, said)] = wrong(right + "\n```python\nx\ny\n```\n\n```python\nz\n```\n")
    assert (line, said) == (15, "NameError: name 'y' is not defined")
    [(_, said)] = wrong("```python\nimport warnings\n\nwarnings.warn('old')\n```\n")
    assert said == "UserWarning: old"
