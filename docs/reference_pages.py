"""The pages of the reference: one for each public name, made of its docstring.

What is public is what a module's ``__all__`` names, or, of a module without one, what it defines
without an underscore. A name without a docstring, or without an example, fails the build.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

SECTIONS = {
    "Tensors and derivatives": (
        "autograd_lite",
        "autograd_lite.primitive",
        "autograd_lite.composite",
        "autograd_lite.minimizing",
    ),
    "Lessons, pictures, the first NaN": (
        "autograd_lite.lesson",
        "autograd_lite.visualize",
        "autograd_lite.nonfinite",
    ),
    "Checks of gradients": ("autograd_lite.testing", "autograd_lite.testing.report"),
    "Programs as code": ("autograd_lite.codegen",),
    "Errors": ("autograd_lite.errors",),
    "Memory": ("autograd_lite.allocator",),
    "Nests of numbers": ("autograd_lite.tree",),
    "SciPy's special functions": ("autograd_lite.scipy.special",),
    "SciPy's distributions": ("autograd_lite.scipy.stats",),
    "SciPy's matrices, signals and differential equations": (
        "autograd_lite.scipy.linalg",
        "autograd_lite.scipy.signal",
        "autograd_lite.scipy.integrate",
    ),
    "Layers, losses and training": ("nn",),
    "Estimators of scikit-learn's": ("nn.estimators",),
    "Functions of networks": ("nn.functional",),
    "Optimizers and schedules": ("nn.optim", "nn.lr_scheduler"),
    "How weights start": ("nn.init",),
    "Data": ("nn.data",),
    "What helps a training": ("nn.utils", "nn.fast"),
    "Looking into a network": ("nn.watch", "nn.statistics", "nn.tensorboard"),
}
"""The modules of each section. A thing that several offer has its page with the first."""

RETURNED = {
    "autograd_lite.primitive": ["Primitive"],
    "autograd_lite.composite": ["Composite"],
    "autograd_lite.minimizing": ["ForScipy"],
    "autograd_lite.testing.report": ["Report"],
}
"""What public functions return, of modules that nobody needs to import."""

TORCH = "autograd_lite.torch"
"""A table onto what has its page elsewhere, so that one page has all its names."""


def public(module: ModuleType) -> list[str]:
    """Return the names of what a module offers but modules, in alphabetical order."""
    names = (
        RETURNED.get(module.__name__)
        or getattr(module, "__all__", None)
        or [
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
        ]
    )
    found = [name for name in names if not inspect.ismodule(getattr(module, name))]
    return sorted(found, key=str.lower)


def pages() -> Iterator[tuple[str, str, list[str]]]:
    """Yield each section's title and modules, with the names that have their pages there."""
    seen: set[int] = set()
    for title, modules in SECTIONS.items():
        for name in modules:
            module = importlib.import_module(name)
            new = [n for n in public(module) if id(getattr(module, n)) not in seen]
            seen.update(id(getattr(module, n)) for n in new)
            yield title, name, new


def undocumented(module: str, names: list[str]) -> list[str]:
    """Return which of the names, or of their public methods, say nothing or show no example."""
    missing = []
    for name in names:
        thing = getattr(importlib.import_module(module), name)
        if ">>>" not in (inspect.getdoc(thing) or ""):
            missing.append(f"{module}.{name}")
        if inspect.isclass(thing):
            missing += [f"{module}.{name}.{m}" for m in _methods(thing) if not _says(thing, m)]
    return missing


def _methods(cls: type) -> list[str]:
    return [
        name
        for name, value in vars(cls).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, (property, classmethod, staticmethod)))
    ]


def _says(cls: type, method: str) -> bool:
    static = inspect.getattr_static(cls, method)  # a property is its own docstring's owner
    return bool(inspect.getdoc(static) or inspect.getdoc(getattr(cls, method)))


def write(folder: Path) -> None:
    """Write a page for each section, and one that lists the sections.

    Raises
    ------
    ValueError
        If a public name has no docstring, or its docstring no example.
    """
    folder.mkdir(exist_ok=True)
    missing: list[str] = []
    sections: dict[str, list[str]] = {}
    for title, module, names in pages():
        missing += undocumented(module, names)
        lines = sections.setdefault(title, [title, "=" * len(title), ""])
        about = (inspect.getdoc(importlib.import_module(module)) or "").partition("\n")[0]
        lines += [f".. currentmodule:: {module}", "", f"``{module}``: {about}", ""]
        lines += [".. autosummary::", "   :toctree: names", "   :nosignatures:", ""]
        lines += [*(f"   {name}" for name in names), ""]
    if missing:
        raise ValueError(f"These public names have no docstring with an example: {missing}.")
    sections["PyTorch's names"] = of_torch()
    places = {title: modules[0] for title, modules in SECTIONS.items()} | {"PyTorch's names": TORCH}
    for title, lines in sections.items():
        _put(folder / f"{places[title].replace('.', '-')}.rst", lines)
    lines = ["Reference", "=========", "", *INTRODUCTION, "", ".. toctree::", "   :maxdepth: 1", ""]
    current = {f"{module}.{name}.rst" for _, module, names in pages() for name in names}
    for page in (folder / "names").glob("*.rst"):
        if page.name not in current:  # of a name that is no longer there
            page.unlink()
    _put(folder / "index.rst", lines + [f"   {places[t].replace('.', '-')}" for t in sections])


def of_torch() -> list[str]:
    """Return the page of `autograd_lite.torch`: what each of its names means here."""
    torch = importlib.import_module(TORCH)
    lines = ["PyTorch's names", "===============", "", f".. currentmodule:: {TORCH}", ""]
    lines += [inspect.getdoc(torch) or "", "", ".. list-table::", "   :widths: 25 75", ""]
    for name in dir(torch):
        lines += [f"   * - ``{name}``", f"     - {meaning(name, getattr(torch, name))}"]
    return lines


def meaning(name: str, thing: Any) -> str:
    """Return what one of PyTorch's names is here."""
    if inspect.ismodule(thing):
        return f"the module ``{thing.__name__}``"
    if getattr(thing, "__module__", None) == TORCH and inspect.isroutine(thing):
        return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())
    if inspect.isclass(thing) or inspect.isroutine(thing) or hasattr(thing, "__name__"):
        return f"``{thing.__module__}.{thing.__name__}``".replace("builtins.", "")
    return f"``{thing!r}``"


INTRODUCTION = [
    "Every public name, with its signature, shapes, errors and an example, which a test runs.",
    "NumPy's own functions take Tensors as they are: :doc:`/functions` lists them all.",
]


def _put(page: Path, lines: list[str]) -> None:
    """Write a page unless it stands as it should: Sphinx reads what is newer again."""
    text = "\n".join(lines) + "\n"
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")
