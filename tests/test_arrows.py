"""The directions of imports: demos → nn → engine, readers → engine, engine → NumPy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nn  # noqa: F401  (it says where things of its own are)
from autograd_lite.later import HOMES, later

ROOT = Path(__file__).parent.parent
READERS = {"visualize", "lesson", "codegen", "batching", "testing"}
MAY_USE = {
    "engine": {"engine"},
    **{reader: {"engine", *READERS} for reader in READERS},
    "nn": {"engine", "nn"},
    "autograd_lite.scipy": {"engine", "autograd_lite.scipy"},
    "torch": {"engine", "nn"},  # autograd_lite/torch.py: names onto both, which neither meets
    "demos": {"engine", *READERS, "nn", "demos"},
}
LIGHT = {*sys.stdlib_module_names, "numpy"}


def imports(source: str, package: str) -> Iterator[tuple[str, bool]]:
    """Yield each imported module's full name, and whether importing the file imports it.

    `from p import n` counts as `p.n`, which may be a module too. What stands in a
    function runs later, or never; what stands under TYPE_CHECKING is for mypy alone.
    """

    def visit(node: ast.AST, at_import: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                yield from visit(child, at_import)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, at_import
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}", at_import
        else:
            inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            for child in ast.iter_child_nodes(node):
                yield from visit(child, at_import and not inside)

    yield from visit(ast.parse(source), True)


def room(module: str) -> str:
    """Name the room that a module of ours is in, or the library that it belongs to."""
    parts = module.split(".")
    if parts[:2] == ["autograd_lite", "scipy"]:
        return "autograd_lite.scipy"  # which is not SciPy itself
    if parts[0] == "autograd_lite":
        apart = {*READERS, "torch"}
        return parts[1] if len(parts) > 1 and parts[1] in apart else "engine"
    return parts[0]


FILES = [
    path.relative_to(ROOT)
    for folder in ("autograd_lite", "nn", "demos")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_go_one_way(path: Path) -> None:
    package = ".".join(path.parts[:-1])
    here = room(".".join(path.with_suffix("").parts))
    # The package's own __init__ hands out the readers, each when it is first used (PEP 562).
    hands_out = READERS if path == Path("autograd_lite/__init__.py") else set()
    for module, at_import in imports((ROOT / path).read_text(encoding="utf-8"), package):
        there = room(module)
        if there in {*MAY_USE, "tests", "benchmarks"}:
            lazily = set() if at_import else hands_out
            assert there in MAY_USE[here] | lazily, f"{here} imports {module}"
        elif here == "engine" or at_import:
            needed = {"scipy"} if here == "autograd_lite.scipy" else set()
            if path == Path("nn/estimators.py"):  # which nn imports when it is asked for
                needed = {"sklearn"}
            assert there in LIGHT | needed, (
                f"{here} imports {module}: only what is built on the engine may, inside a function"
            )


def name_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def circles(imported: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return those modules that are on a circle of imports, or between two."""
    left = dict(imported)
    while free := [name for name, needed in left.items() if not needed & left.keys()]:
        for name in free:
            del left[name]
    while unused := left.keys() - {n for needed in left.values() for n in needed}:
        for name in unused:
            del left[name]
    return {name: needed & left.keys() for name, needed in left.items()}


def test_imports_form_no_circle() -> None:
    """Those inside of functions count; those for mypy alone do not."""
    modules = {name_of(path): path for path in FILES}
    imported: dict[str, set[str]] = {}
    for name, path in modules.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        imported[name] = set()
        for module, _ in imports((ROOT / path).read_text(encoding="utf-8"), package):
            while module and module not in modules:
                module = module.rpartition(".")[0]
            imported[name] |= {module} - {"", name}
    assert circles(imported) == {}


def test_what_counts_as_a_circle() -> None:
    assert circles({"a": {"b"}, "b": set(), "c": {"a", "b"}}) == {}
    found = circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}, "e": set()})
    assert found == {"b": {"c"}, "c": {"b"}}


def test_what_is_found_later_is_there() -> None:
    for name in HOMES:
        assert callable(later(name)), name


def test_what_counts_as_an_import() -> None:
    source = """
import os.path
from typing import TYPE_CHECKING
from . import tape
from ..visualize import draw
if TYPE_CHECKING:
    import matplotlib
def f():
    from nn import Linear
"""
    assert list(imports(source, "autograd_lite.calculus")) == [
        ("os.path", True),
        ("typing.TYPE_CHECKING", True),
        ("autograd_lite.calculus.tape", True),
        ("autograd_lite.visualize.draw", True),
        ("nn.Linear", False),
    ]
    assert room("autograd_lite.visualize.draw") == "visualize"
    assert room("autograd_lite.modes.no_grad") == "engine"


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a fresh Python has after a statement."""
    program = f"{statement}; import sys; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


HEAVY = {
    "sklearn",
    "scipy",
    "matplotlib",
    "graphviz",
    "pygraphviz",
    "hypothesis",
    "numba",
    "tqdm",
    "safetensors",
}


@pytest.mark.parametrize(
    "statement", ["import autograd_lite", "import nn", "import demos.__main__"]
)
def test_import_is_light(statement: str) -> None:
    assert loaded_by(statement).isdisjoint(HEAVY)


def test_engine_does_not_import_what_is_built_on_it() -> None:
    modules = loaded_by("import autograd_lite")
    assert "numpy" in modules
    assert modules.isdisjoint({"nn", "demos"})
    assert modules.isdisjoint(f"autograd_lite.{reader}" for reader in {*READERS, "torch", "scipy"})
