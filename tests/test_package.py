"""The package as a person meets it: where it can be imported from, and what it says is missing."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import autograd_lite
from autograd_lite import errors

ROOT = Path(__file__).parents[1]


def test_a_folder_of_the_packages_name_does_not_hide_it(tmp_path):
    # So it is where a person stands above the checkout; Python would take it for a namespace.
    (tmp_path / "autograd_lite").mkdir()
    program = "from autograd_lite import Tensor; import nn; print(Tensor(1.0))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.stderr == ""
    assert run.stdout.startswith("Tensor(1")


@pytest.mark.parametrize("standing", ["in the checkout", "elsewhere", "installed"])
def test_a_missing_extra_says_how_to_install_it_from_here(standing, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT if standing == "in the checkout" else tmp_path)
    if standing == "installed":
        monkeypatch.setattr(errors, "__file__", str(tmp_path / "autograd_lite" / "errors.py"))
    how = str(errors.missing_extra("numba", "fast", "compile")).partition("pip install ")[2]
    expected = {
        "in the checkout": "-e '.[fast]'.",
        "elsewhere": f"-e '{ROOT}[fast]'.",
        "installed": "'autograd_lite[fast]'.",
    }
    assert how == expected[standing]


def test_every_extra_that_an_error_names_exists():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    named = set()
    for folder in ("autograd_lite", "nn", "demos"):
        for file in (ROOT / folder).rglob("*.py"):
            named |= set(re.findall(r'missing_extra\(\s*[^,]+,\s*"(\w+)"', file.read_text()))
    assert {"viz", "fast", "testing", "nn"} <= named <= set(extras)


def test_the_changelog_has_the_version():
    assert f"## {autograd_lite.__version__}" in (ROOT / "CHANGELOG.md").read_text()
