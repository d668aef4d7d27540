"""docs/explain.md: its Python runs, block after block, and prints what the page says."""

import contextlib
import io
import re
import shutil
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "explain.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCK = re.compile(r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.M | re.S)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "program"}
    for code, output in BLOCK.findall(TEXT):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "program.py", "exec"), names)
        comments = re.findall(r"^print\(.*\)  # (.*)$", code, re.M)
        assert printed.getvalue() == output or printed.getvalue().splitlines() == comments
    written = {path.name for path in tmp_path.iterdir()}
    assert {"steps.html", "derivation.tex", "graph.svg", "network.svg", "part.html"} <= written
    saved = re.findall(r'\.save\("([^"*]+)"\)', TEXT)
    assert set(saved) <= written
    assert "step_01.svg" in written


def test_its_pictures_are_there():
    pictures = re.findall(r"^!\[.+\]\((.+)\)$", TEXT, re.M)
    assert len(pictures) > 3
    for picture in pictures:
        assert (PAGE.parent / picture).is_file(), picture
