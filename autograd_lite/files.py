"""Atomic writes: a file is there whole or not at all, even if the writer is killed.

What is written goes into a temporary file, or folder, beside its place, and takes
the place at once when it is on the disk. The temporary one is locked while its
writer lives, so that the next writer can tell what a killed one left behind, and
removes that.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where nobody can remove what somebody has open anyway
    fcntl = None  # type: ignore[assignment]

StrPath = str | os.PathLike[str]

PREFIX = ".new-"


def replace(path: StrPath, content: bytes) -> None:
    """Replace a file atomically: a reader sees the old content or the new.

    It is on the disk before it gets its name, so this holds through a crash too.
    A symbolic link is followed, and a file keeps its permissions. Into a device,
    such as ``/dev/null``, or a pipe the content is written, as ``cp`` does.

    Raises
    ------
    OSError
        If it cannot be written. What was there before is as it was.
    """
    check_folder(path)
    with _called(path):
        target = _target(path)
        if target is None:
            with open(path, "wb") as device:
                device.write(content)
            return
        remove_left_overs(target.parent, target.name)
        with _temporary(target.parent) as (file, name):
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            _take_place(name, target)


@contextmanager
def staged(folder: StrPath) -> Iterator[Path]:
    """Yield an empty folder, and move the files that were put there into `folder` at the end.

    Each file is replaced whole, as `replace` does it, and none if there is an error
    or an interrupt before the end.
    """
    remove_left_overs(folder)
    with _temporary_folder(folder) as new:
        yield new
        with alone(folder):
            for file in sorted(new.iterdir()):
                with _called(path := Path(folder) / file.name):
                    target = _target(path)
                    if target is None or target.parent.stat().st_dev != file.stat().st_dev:
                        replace(path, file.read_bytes())
                    else:
                        _take_place(file, target)


@contextmanager
def alone(folder: StrPath) -> Iterator[None]:
    """Let no two ``with`` blocks for a folder run at once, in whatever threads and processes.

    For who reads a file and then writes it anew, and for who reads several that
    belong together. One block must not stand in another.
    """
    with _locked(folder, wait=True):
        yield


def check_folder(path: StrPath) -> None:
    """Raise unless the folder of a file exists."""
    folder = Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{os.fspath(path)} cannot be written: there is no such folder.")


def remove_left_overs(folder: StrPath, name: str = "") -> None:
    """Remove temporary files and folders of writers that were killed.

    Those of `name` too that stand under the names of earlier versions.
    """
    pattern = re.compile(rf"({re.escape(PREFIX)}|\.{re.escape(name)}\.)[a-z0-9_]{{8}}")
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in filter(lambda entry: pattern.fullmatch(entry.name), entries):
            with contextlib.suppress(OSError), _locked(entry.path) as free:
                if free and entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                elif free:
                    os.unlink(entry.path)


# -- one file ------------------------------------------------------------------------------------


def _target(path: StrPath) -> Path | None:
    """Return where a file is to be, behind symbolic links; None if that is a device or a pipe."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        if os.path.islink(path):
            raise OSError(errno.ENOENT, "It is a symbolic link to nothing") from None
        return Path(path)
    if stat.S_ISCHR(mode) or stat.S_ISFIFO(mode):
        return None
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "It is no file, but a disk or a socket")
    if not os.access(path, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    return Path(os.path.realpath(path))


@contextmanager
def _temporary(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Yield a new file that is locked, and its name; it is removed if it still has it."""
    while True:
        name = folder / f"{PREFIX}{os.urandom(4).hex()}"
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
        with open(os.open(name, flags, 0o666), "wb") as file:
            try:
                _lock(file.fileno(), wait=True)
                if name.exists():  # else it was taken for a left-over, before it was locked
                    yield file, name
                    return
            finally:
                name.unlink(missing_ok=True)


@contextmanager
def _temporary_folder(folder: StrPath) -> Iterator[Path]:
    """Yield a new folder that is locked; it is removed at the end."""
    while True:
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=folder) as name, ExitStack() as stack:
            with contextlib.suppress(FileNotFoundError):
                stack.enter_context(_locked(name, wait=True))
            if os.path.isdir(name):  # see `_temporary`
                yield Path(name)
                return


def _take_place(name: Path, target: Path) -> None:
    """Rename a file, and give it the owner and the permissions of the one before."""
    with contextlib.suppress(FileNotFoundError):
        before, new = os.stat(target), os.stat(name)
        if (before.st_uid, before.st_gid) != (new.st_uid, new.st_gid):
            with contextlib.suppress(OSError):
                os.chown(name, before.st_uid, before.st_gid)
        os.chmod(name, stat.S_IMODE(before.st_mode))
    os.replace(name, target)


@contextmanager
def _called(path: StrPath) -> Iterator[None]:
    """Let an error be about the path that the user gave."""
    try:
        yield
    except UnicodeEncodeError:
        raise OSError(errno.EINVAL, "It is no name for a file", ascii(path)) from None
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), os.fspath(path)) from None


# -- locks ---------------------------------------------------------------------------------------


@contextmanager
def _locked(path: StrPath, wait: bool = False) -> Iterator[bool]:
    """Hold the lock of a file or folder; yield whether nobody else does.

    The system takes it from a process that dies.
    """
    if fcntl is None:
        yield True
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield _lock(descriptor, wait)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, wait: bool) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # somebody else has it, or there are no locks on this disk
        return False
    return True
