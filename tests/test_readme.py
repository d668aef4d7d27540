"""The Python in README.md and the like runs, block after block, as printed."""

from __future__ import annotations

import importlib
import importlib.util
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


COMMAND = re.compile(r"python -m ([\w.]+)((?: (?!→)[^`\n#|>]*)?)")


def commands():
    """Yield each module that a page runs, and what stands behind it."""
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        yield from COMMAND.findall(text)
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("| `python -m demos …` |")[2]
    for row in re.findall(r"^\| (`.*?) \|", table.partition("\n\n")[0], re.M):
        first, *more = re.findall(r"`([^`]+)`", row)
        if more and not more[0].startswith("--"):  # `moons`, `blobs`
            yield from (("demos", name) for name in more)
            more = []
        yield "demos", " ".join([first, *more])


def test_every_command_is_there_with_its_options(capsys):
    found = {(module, " ".join(rest.split())) for module, rest in commands()}
    assert len(found) > 20
    for module, rest in sorted(found):
        assert importlib.util.find_spec(module), module
        words = rest.split()
        if module not in ("demos", "autograd_lite.testing") or words[:1] in ([], ["…"]):
            continue
        asked = words[:1] if module == "demos" else []
        with pytest.raises(SystemExit) as ended:
            importlib.import_module(f"{module}.__main__").main([*asked, "--help"])
        assert ended.value.code == 0, rest
        said = capsys.readouterr().out
        assert all(word in said for word in words if word.startswith("--")), rest


def test_every_target_of_make_is_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in ("README.md", "CONTRIBUTING.md", "docs/index.md", "docs/course/index.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"^make (\w+)|`make (\w+)", text, re.M):
            assert re.search(rf"^{''.join(target)}:", makefile, re.M), target
