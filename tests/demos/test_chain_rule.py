"""`python -m demos chain-rule`, run as a person runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograd_lite import Tensor
from demos import chain_rule
from demos.expression import FUNCTIONS, ExpressionError, evaluate

ROOT = Path(__file__).parents[2]


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    """Run the demonstration in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-m", "demos", "chain-rule", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_the_lesson(tmp_path: Path) -> None:
    done = run("--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "∂f/∂x = cos(x) + y" in done.stdout
    assert "∂L/∂w1 = L′(t4) · t4′(y) · y′(z)" in done.stdout
    assert "∂c/∂a         2 + 2 = 4" in done.stdout
    names = sorted(path.name for path in tmp_path.iterdir())
    expected = [
        f"{x.file}.{kind}" for x in chain_rule.LESSONS for kind in ("html", "svg", "tex", "txt")
    ]
    assert names == sorted([*expected, "index.html"])
    index = (tmp_path / "index.html").read_text("utf-8")
    assert all(f'href="{name}"' in index for name in expected)
    assert (tmp_path / "3-network.html").stat().st_size < 1_000_000


def test_an_expression(tmp_path: Path) -> None:
    at = ["--at", "w=2", "x=-1", "b=0.5"]
    done = run("--expression", "log(1 + exp(w*x + b))", *at, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "f = log(t4) ≈ log(1.223) ≈ 0.2014" in done.stdout
    assert (tmp_path / "expression.html").exists()


def test_an_expression_of_all_the_names_that_its_result_might_have(tmp_path: Path) -> None:
    names = ["f", "y", "L", "f1", "result", "x", "t1", "loss"]
    at = [f"{name}=2" for name in names]
    done = run("--expression", "+".join(names), "--at", *at, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "f2 = " in done.stdout
    assert (tmp_path / "expression.html").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--expression", "x^2", "--at", "x=1"], "a power is written **"),
        (["--expression", "x.real", "--at", "x=1"], "not 'x.real'"),
        (["--expression", "__import__('os')", "--at", "x=1"], "there is no function"),
        (["--expression", "x*y", "--at", "x=1"], "no value is given for y"),
        (["--expression", "x*2", "--at", "x=1", "y=2"], "y does not occur"),
        (["--expression", "log(x)", "--at", "x=-1"], "its value at this point is nan"),
        (["--expression", "x", "--at", "x=1"], "nothing to derive"),
        (["--expression", "x*2", "--at", "x"], "must be like w=2, not 'x'"),
        (["--expression", "x*x", "--at", "x=1", "x=2"], "x is given twice"),
        (["--expression", "3(x+1)", "--at", "x=1"], "for a product write *, as in 3*"),
        (["--at", "x=1"], "give a formula"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        chain_rule.main([*flags, "--out", str(tmp_path)])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "[x]", "x[0]", "lambda: x", "x if x else 1", "x > 1", "f'{x}'", "(x := 1)", "x and 1",
        "'a'", "None", "1j", "True", "exp(x, x)", "exp(x=1)", "exp.real", "max(*x)", "x %% 2",
        "x // 2", "9**9**9 * x", "1/0 * x", "(-8)**0.5 * x", "", "x" * 400,
        "(" * 200 + "x" + ")" * 200,
    ],
)  # fmt: skip
def test_only_formulas_are_expressions(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, {"x": 1.0})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_computed_and_derived(name: str) -> None:
    function, count = FUNCTIONS[name]
    x, y = (Tensor(v, requires_grad=True, name=n) for v, n in ((0.7, "x"), (0.3, "y")))
    given = {"x": x, "y": y} if count == 2 else {"x": x}
    result = evaluate(f"{name}({', '.join(given)})", given)
    assert np.isclose(result.item(), function(*(t.data for t in given.values())))
    result.backward()
    assert x.grad is not None


@pytest.mark.parametrize(
    ("text", "said", "below"),
    [
        ("1 + 2x", "write *, as in 2*x", "     ^"),
        ("(x+1)(x-1) 2", "notation", "          ^"),
        ("x*(y + 1", "a bracket is not closed", "  ^"),
        ("x +* y", "notation", "   ^"),
    ],
)
def test_a_caret_stands_below_what_is_no_formula(text, said, below, capsys):
    with pytest.raises(SystemExit):
        chain_rule.parse(["--expression", text, "--at", "x=1", "y=2"])
    first, shown, caret = capsys.readouterr().err.splitlines()
    assert said in first
    assert shown == f"  {text}"
    assert caret.strip() == "^"
    if said != "notation":
        assert caret == f"  {below}"


def test_constants_and_ln_are_there_and_names_may_be_taken():
    assert evaluate("e ** ln(x) + sin(pi)", {"x": 2.0}) == pytest.approx(2.0)
    assert evaluate("e * pi", {"e": 3.0, "pi": 2.0}) == 6.0


def test_a_typed_formula_has_no_lines_of_ours(tmp_path):
    assert chain_rule.main(["--expression", "x*x+1", "--at", "x=2", "--out", str(tmp_path)]) == 0
    for file in tmp_path.iterdir():
        assert "expression.py" not in file.read_text(encoding="utf-8"), file.name
