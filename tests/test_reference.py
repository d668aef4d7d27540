"""The reference has every public name, with what a reader needs: shapes, errors, an example."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
import types
import typing
from pathlib import Path

import pytest

import autograd_lite
import nn

ROOT = Path(__file__).parents[1]
MARKDOWN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?:python|\{code-cell\})\w*\n(.*?)^```$", re.M | re.S)


@pytest.fixture(scope="module")
def reference():
    sys.path.insert(0, str(ROOT / "docs"))
    sys.modules.pop("reference_pages", None)
    yield importlib.import_module("reference_pages")
    sys.path.remove(str(ROOT / "docs"))


@pytest.fixture(scope="module")
def entries(reference):
    """Return every name with its page, and the thing that it is."""
    return {
        f"{module}.{name}": getattr(importlib.import_module(module), name)
        for _, module, names in reference.pages()
        for name in names
    }


def key(thing):
    """Return what a thing is known by, also where doctest has imported its module once more."""
    name = getattr(thing, "__qualname__", None)
    return (thing.__module__, name) if name else repr(thing)


def offered(module, seen):
    """Add to `seen` what a module offers, and what the modules among that offer."""
    for name in getattr(module, "__all__", None) or vars(module):
        thing = getattr(module, name)
        if not inspect.ismodule(thing):
            if hasattr(module, "__all__"):
                seen.setdefault(key(thing), f"{module.__name__}.{name}")
        elif hasattr(module, "__all__") and thing.__name__ not in seen:
            seen[thing.__name__] = thing
            offered(thing, seen)
    return seen


def test_what_a_package_lists_has_its_page(entries):
    packages = [autograd_lite, nn] + [
        importlib.import_module(found.name)
        for found in pkgutil.iter_modules(autograd_lite.__path__, "autograd_lite.")
        if found.ispkg and found.name != "autograd_lite.calculus"  # docs/functions.md
    ]
    listed = {}
    for package in packages:
        offered(package, listed)
    there = {key(thing) for thing in entries.values()}
    assert len(listed) > 250
    assert not {name for key, name in listed.items() if isinstance(name, str) and key not in there}
    documented = {name.rpartition(".")[0] for name in entries}
    modules = {m for m, found in listed.items() if inspect.ismodule(found) and public_names(found)}
    assert modules <= documented | {"nn.lr_scheduler", "nn.optim.lr_scheduler"}


def public_names(module):
    return [n for n in getattr(module, "__all__", ()) if not inspect.ismodule(getattr(module, n))]


def test_what_the_pages_tell_people_to_write_has_its_page(entries, reference):
    there = {key(thing) for thing in entries.values()}
    used = {}
    for page in MARKDOWN:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            code = re.sub(r"^(:.*|%.*)$", "", block, flags=re.M)
            for node in ast.walk(ast.parse(code)):
                if isinstance(node, ast.ImportFrom) and re.match(
                    r"(autograd_lite|nn)\b", node.module
                ):
                    names = [(node.module, alias.name) for alias in node.names]
                elif isinstance(node, ast.Attribute) and re.match(
                    r"(nn|autograd_lite)\.[\w.]+$", ast.unparse(node)
                ):
                    names = [tuple(ast.unparse(node).rsplit(".", 1))]
                else:
                    continue
                for module, name in names:
                    found = resolved(module, name)
                    if found is not None and not inspect.ismodule(found):
                        used[f"{module}.{name}"] = found
    assert len(used) > 60
    assert not {
        name
        for name, thing in used.items()
        if key(thing) not in there and not name.startswith(reference.TORCH)
    }


def resolved(module, name):
    """Return a name of a module; None for what is no module, such as `nn.Linear.forward`."""
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError:
        return None


def test_what_a_public_function_returns_has_its_page(entries):
    there = {key(thing) for thing in entries.values()}
    missing = set()
    for name, thing in entries.items():
        if not inspect.isfunction(thing):
            continue
        stated = thing.__annotations__.get("return", "")
        words = re.findall(r"\b[A-Z]\w+", stated if isinstance(stated, str) else repr(stated))
        for word in words:
            kind = getattr(inspect.getmodule(thing), word, None)
            ours = inspect.isclass(kind) and kind.__module__.startswith(("autograd_lite", "nn"))
            if ours and key(kind) not in there:
                missing.add((name, word))
    assert not missing


def raises(function):
    """Return whether the body of a function, and not of one inside, raises."""
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    pending = list(definition.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Raise) and node.exc is not None:
            return True
        if not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            pending += ast.iter_child_nodes(node)
    return False


def test_a_name_that_can_raise_says_so(entries):
    silent = set()
    for name, thing in entries.items():
        function = vars(thing).get("__init__") if inspect.isclass(thing) else thing
        if not isinstance(function, types.FunctionType) or not hasattr(function, "__code__"):
            continue
        if function.__code__.co_filename.startswith("<"):  # what a dataclass writes
            continue
        said = inspect.getdoc(thing)
        if raises(inspect.unwrap(function)) and not re.search("Raises|rais|rror|refuse", said):
            silent.add(name)
    assert not silent


def test_a_layer_says_which_shapes_it_takes(entries):
    """In words, or as in (N, C, H, W); what goes by each number takes any shape."""
    by_number = {"Identity", "Sigmoid", "Tanh"}
    silent = {
        name
        for name, thing in entries.items()
        if inspect.isclass(thing) and "Module" in [base.__name__ for base in thing.__mro__]
        if not re.search(r"[Ss]hape|\([^()]+,[^()]*\)|each|every|all", inspect.getdoc(thing))
    }
    assert {name.removeprefix("nn.") for name in silent} <= by_number


def test_an_example_of_what_is_no_function_runs(entries):
    """Doctest looks into functions and classes alone: the distributions are neither."""
    run = doctest.DocTestRunner(verbose=False)
    for name, thing in entries.items():
        if isinstance(thing, (type, types.FunctionType)) or not hasattr(thing, "shapes"):
            continue
        import numpy as np

        test = doctest.DocTestParser().get_doctest(thing.__doc__, {"np": np}, name, None, 0)
        assert test.examples
        assert run.run(test).failed == 0, name


def test_a_name_without_docstring_or_example_fails_the_build(reference, monkeypatch, tmp_path):
    def silent(x):
        return x

    def without_example(x):
        """Return x."""
        return x

    class Kind:
        """Something.

        >>> 1
        1
        """

        def method(self):
            return self

    made = types.ModuleType("made")
    for thing in (silent, without_example, Kind):
        thing.__module__ = "made"
        setattr(made, thing.__name__, thing)
    monkeypatch.setitem(sys.modules, "made", made)
    monkeypatch.setattr(reference, "SECTIONS", {"Made": ("made",)})
    with pytest.raises(ValueError, match=r"made.Kind.method.*made.silent.*made.without_example"):
        reference.write(tmp_path)
    assert typing.get_type_hints(reference.write)["folder"] is Path
