"""Generated modules on disk, so that compiled code can be kept for the next process.

Numba keeps what it has compiled beside the file that a function is from. So the source goes
into a file of the user's cache folder, named by its contents; a second program with the same
source, in this process or the next, finds the machine code there. A file whose contents are not
what its name says is written anew, and machine code that is not what a third file says of it
is compiled anew; files are put in place whole, so that two processes may do it at once; and
where the folder cannot be written, one temporary folder serves this process, and a warning
says so.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType

from . import elementary, elementary32, jit, numba_tile

VARIABLE = "AUTOGRAD_LITE_CACHE"
"""The environment variable that names another folder."""


def load(source: str) -> ModuleType:
    """Return the module of this source, compiled or from the disk."""
    key = hashlib.sha256(_surroundings() + source.encode()).hexdigest()[:24]
    name = f"autograd_lite_compiled_{key}"
    if name in sys.modules:
        return sys.modules[name]
    path = folder() / f"{name}.py"
    try:
        _put(path, source)
        if not _is_sealed(path):
            _forget(path)
    except OSError as error:  # the folder was taken away from us since it was looked at
        path = _instead_of(path.parent, error) / path.name
        _put(path, source)
    try:
        module = _imported(name, path)
    except Exception:
        # What stood beside it may be another Numba's: once more, without it.
        _forget(path)
        module = _imported(name, path)
    _seal(path)
    return module


def folder() -> Path:
    """Return where generated modules are kept: a folder that is ours and can be written."""
    try:
        wanted = Path(os.environ.get(VARIABLE) or _users())
    except RuntimeError as error:  # a user without a home
        return _instead_of(Path("~"), error)
    return _usable(wanted)


def _users() -> Path:
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "autograd_lite" / "compiled"


@cache
def _usable(wanted: Path) -> Path:
    try:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        # What others could have put there is machine code that we would run.
        if hasattr(os, "getuid") and wanted.stat().st_uid != os.getuid():
            raise PermissionError(f"{wanted} belongs to another user")
        with tempfile.TemporaryFile(dir=wanted):
            pass
    except OSError as error:
        return _instead_of(wanted, error)
    return wanted


_instead: list[Path] = []
"""The folder of this process alone, once there is one."""


def _instead_of(wanted: Path, error: Exception) -> Path:
    """Return a folder for this process, and warn, once, that it is none for the next."""
    if not _instead:
        _instead.append(Path(tempfile.mkdtemp(prefix="autograd_lite_")))
        atexit.register(shutil.rmtree, _instead[0], ignore_errors=True)
        warnings.warn(
            f"Compiled code cannot be kept in {wanted} ({error}): it is compiled anew in each "
            f"process. Set {VARIABLE} to a folder that you can write.",
            stacklevel=2,
        )
    return _instead[0]


@cache
def _surroundings() -> bytes:
    """What generated code depends on beside itself: Numba does not look at what it calls."""
    files = [Path(str(module.__file__)) for module in (elementary, elementary32, jit, numba_tile)]
    version: str = jit.numba().__version__
    return version.encode() + b"".join(file.read_bytes() for file in files)


def _put(path: Path, source: str) -> None:
    """Let a file hold this text; it is put in place whole."""
    written = source.encode()
    try:
        if path.read_bytes() == written:
            return
    except OSError:  # there is none, or none that we can read
        pass
    handle, unfinished = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "wb") as file:
        file.write(written)
    os.replace(unfinished, path)


# Numba does not see whether its files are as it wrote them, and would run what is left of them.


def _seal(path: Path) -> None:
    """Write down what Numba's files beside a module hold."""
    with contextlib.suppress(OSError):  # the next process compiles it then
        _put(path.with_suffix(".sum"), _sums(path))


def _is_sealed(path: Path) -> bool:
    """Whether Numba's files are as they were written; true where there are none."""
    try:
        now = _sums(path)
        return not now or path.with_suffix(".sum").read_text(encoding="ascii") == now
    except (OSError, ValueError):
        return False


def _sums(path: Path) -> str:
    files = sorted((path.parent / "__pycache__").glob(f"{path.stem}*.nb[ic]"))
    return "".join(f"{hashlib.sha256(f.read_bytes()).hexdigest()} {f.name}\n" for f in files)


def _imported(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _forget(path: Path) -> None:
    for file in (path.parent / "__pycache__").glob(f"{path.stem}*"):
        file.unlink(missing_ok=True)
