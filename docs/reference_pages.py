"""The pages of the reference: one for each public name, made of its docstring.

What is public is what a module's ``__all__`` names, or, of a module without one, what it defines
without an underscore. A name without a docstring fails the build.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from types import ModuleType

SECTIONS = {
    "Tensors and derivatives": ("autograd_lite",),
    "Checks of gradients": ("autograd_lite.testing",),
    "Programs as code": ("autograd_lite.codegen",),
    "Errors": ("autograd_lite.errors",),
    "Memory": ("autograd_lite.allocator",),
    "Nests of numbers": ("autograd_lite.tree",),
    "Layers, losses and training": ("nn",),
    "Estimators of scikit-learn's": ("nn.estimators",),
    "Functions of networks": ("nn.functional",),
    "Optimizers and schedules": ("nn.optim", "nn.lr_scheduler"),
    "How weights start": ("nn.init",),
    "Data": ("nn.data",),
    "What helps a training": ("nn.utils",),
}
ELSEWHERE = {"autograd_lite.codegen": ("compile", "scan", "source")}
"""Names that a section leaves to an earlier one."""


def public(module: ModuleType) -> list[str]:
    """Return the functions and classes that a module offers, in alphabetical order."""
    listed = getattr(module, "__all__", None)
    names = listed or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    left_out = ELSEWHERE.get(module.__name__, ())
    found = [
        name
        for name in names
        if name not in left_out
        and (inspect.isclass(thing := getattr(module, name)) or inspect.isroutine(thing))
    ]
    return sorted(found, key=str.lower)


def undocumented(module: ModuleType, names: list[str]) -> list[str]:
    """Return which of the names, and of their public methods, have no docstring."""
    missing = []
    for name in names:
        thing = getattr(module, name)
        if not inspect.getdoc(thing):
            missing.append(f"{module.__name__}.{name}")
        if inspect.isclass(thing):
            missing += [
                f"{module.__name__}.{name}.{method}"
                for method, value in vars(thing).items()
                if not method.startswith("_")
                and inspect.isfunction(value)
                and not inspect.getdoc(getattr(thing, method))
            ]
    return missing


def write(folder: Path) -> None:
    """Write a page for each section, and one that lists the sections.

    Raises
    ------
    ValueError
        If a public name has no docstring.
    """
    folder.mkdir(exist_ok=True)
    missing: list[str] = []
    sections = []
    for title, modules in SECTIONS.items():
        lines = [title, "=" * len(title), ""]
        for name in modules:
            module = importlib.import_module(name)
            names = public(module)
            missing += undocumented(module, names)
            lines += [f".. currentmodule:: {name}", "", ".. autosummary::"]
            lines += [
                "   :toctree: names",
                "   :nosignatures:",
                "",
                *(f"   {n}" for n in names),
                "",
            ]
        sections.append(modules[0].replace(".", "-"))
        _put(folder / f"{sections[-1]}.rst", lines)
    if missing:
        raise ValueError(f"These public names have no docstring: {', '.join(missing)}.")
    lines = ["Reference", "=========", "", *INTRODUCTION, "", ".. toctree::", "   :maxdepth: 1", ""]
    _put(folder / "index.rst", lines + [f"   {section}" for section in sections])


INTRODUCTION = [
    "Every public name, with its signature, shapes, errors and an example, which a test runs.",
    "NumPy's own functions take Tensors as they are: :doc:`/functions` lists them all.",
]


def _put(page: Path, lines: list[str]) -> None:
    """Write a page unless it stands as it should: Sphinx reads what is newer again."""
    text = "\n".join(lines) + "\n"
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")
