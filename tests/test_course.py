"""The lessons of the course run; their checks tell an attempt from a solution."""

from __future__ import annotations

import ast
import importlib
import linecache
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from autograd_lite.testing.__main__ import main

COURSE = Path(__file__).parents[1] / "docs" / "course"
LESSONS = sorted(COURSE.glob("[0-9][0-9]_*.md"))
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n((?::[^\n]*\n)*)(.*?)^```$", re.M | re.S)


def cells(lesson: Path) -> list[tuple[bool, str]]:
    """Return the code of each cell, and whether it is a folded solution."""
    text = lesson.read_text(encoding="utf-8")
    return [("hide-cell" in tags, code) for tags, code in CELL.findall(text)]


def run(code: str, names: dict, where: str) -> None:
    """Run a cell as a notebook does: the last expression is shown."""
    lines = code.splitlines(keepends=True)
    linecache.cache[where] = (len(code), None, lines, where)  # so that a function has its lines
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, where, "exec"), names)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), where, "eval"), names)
        show = getattr(value, "_repr_html_", None)
        assert show is None or show() is None or "<" in show()


@pytest.fixture
def names(monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    monkeypatch.chdir(COURSE)
    monkeypatch.syspath_prepend(str(COURSE))
    yield {"__name__": "__main__"}
    sys.modules["matplotlib.pyplot"].close("all") if "matplotlib.pyplot" in sys.modules else None


HAND_IN = """
import numpy as np

def s(z):
    return 1 / (1 + np.exp(-z))

def gradient(X, y, W1, W2, W3):
    A1 = s(X @ W1); A2 = s(A1 @ W2); p = s(A2 @ W3)
    dZ3 = 2 / len(X) * (p - y) * p * (1 - p)
    dZ2 = dZ3 @ W3.T * A2 * (1 - A2)
    dZ1 = dZ2 @ W2.T * A1 * (1 - A1)
    return X.T @ dZ1, A1.T @ dZ2, A2.T @ dZ3
"""


def test_the_assignment_is_marked(tmp_path, capsys):
    wrong = HAND_IN.replace("* A1 * (1 - A1)", "* A1")
    for name, code in {"ada": HAND_IN, "bob": wrong, "cyd": "raise SystemExit"}.items():
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    hand_ins = str(tmp_path / "*.py:gradient")
    assert main([hand_ins, "--adapter", str(COURSE / "marker.py")]) == 1
    said = re.findall(r"(\w+)\.py:gradient: (.+)", capsys.readouterr().out)
    assert said == [("ada", "right"), ("bob", "WRONG"), ("cyd", "cannot check")]


@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.stem for lesson in LESSONS])
def test_lesson(lesson, names, capsys):
    """Each attempt is told what is wrong with it; each solution is right."""
    attempts = solutions = 0
    for i, (folded, code) in enumerate(cells(lesson)):
        run(code, names, f"{lesson.name}, cell {i + 1}")
        printed = capsys.readouterr().out
        said = re.findall(r"^(Right|Not yet)", printed, re.M)
        if said and (folded or "check_engine(" in code):
            assert set(said) == {"Right"}, printed
            solutions += folded
        elif said:
            assert "Not yet" in said, f"the attempt passes:\n{printed}"
            attempts += 1
    assert attempts == solutions >= 2


def test_a_check_is_kind_about_answers_that_do_not_run(names, capsys):
    checks = importlib.import_module("exercises")
    checks.check_values(lambda x: None, lambda x: x, 1.0)
    assert "does your function end with `return`" in capsys.readouterr().out
    two = np.ones((2, 3))
    for answer in (lambda x: x @ two, lambda x: x + np.ones(2)):
        checks.check_values(answer, lambda x: x, two)
        said = capsys.readouterr().out
        assert "do not fit together: " in said
        assert "Write down the shape" in said
        assert "gufunc" not in said
    checks.check_gradient(lambda x: x * x, lambda x: x, 3.0)
    assert "your loss" in capsys.readouterr().out
