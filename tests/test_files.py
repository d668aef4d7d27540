"""Atomic writes: a file is there whole or not at all, even if the writer is killed."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, draw, files

ROOT = Path(__file__).parent.parent


def picture(path):
    draw(np.sin(Tensor(2.0, requires_grad=True))).save(path)


def into_a_folder(path):
    with files.staged(path.parent) as new:
        (new / path.name).write_bytes(b"new")


WRITERS = {
    "replace": lambda path: files.replace(path, b"new"),
    "save_weights": lambda path: nn.save_weights(nn.Linear(2, 1), path),
    "a picture": picture,
    "staged": into_a_folder,
}
each = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


@each
def test_through_a_link_the_file_behind_it_is_written(write, tmp_path):
    for folder in ("behind", "before"):
        (tmp_path / folder).mkdir()
    file, link = tmp_path / "behind" / "real.dot", tmp_path / "before" / "link.dot"
    file.write_bytes(b"old")
    file.chmod(0o640)
    link.symlink_to(Path("..") / "behind" / "real.dot")
    again = tmp_path / "before" / "again.dot"
    again.symlink_to("link.dot")
    for path in (link, again):
        file.write_bytes(b"old")
        write(path)
        assert path.is_symlink()
        assert not file.is_symlink()
        assert file.read_bytes() != b"old"
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == [
        "again.dot",
        "link.dot",
        "real.dot",
    ]


@each
def test_a_link_to_nothing_or_to_itself_is_refused(write, tmp_path):
    for name, to in (("dangling.dot", "nowhere"), ("loop.dot", "loop.dot")):
        (tmp_path / name).symlink_to(to)
        with pytest.raises(OSError, match=name):
            write(tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dangling.dot", "loop.dot"]


@each
def test_a_device_stays_one(write, tmp_path):
    """Devices of its own, so that a mistake does not cost the machine its /dev/full."""
    for name, minor in (("full", 7), ("null", 3)):
        path = tmp_path / f"{name}.dot"
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor))
            path.write_bytes(b"")
        except (PermissionError, AttributeError):
            path.unlink(missing_ok=True)
            if not os.access("/dev", os.W_OK) and os.path.exists(f"/dev/{name}"):
                path.symlink_to(f"/dev/{name}")
            else:
                pytest.skip("no device can be made here")
        if name == "full":
            with pytest.raises(OSError, match="No space left") as caught:
                write(path)
            assert ".new-" not in str(caught.value)
        else:
            write(path)
        assert stat.S_ISCHR(os.stat(path).st_mode)
    assert len(list(tmp_path.iterdir())) == 2


@each
def test_into_a_pipe(write, tmp_path):
    path, read = tmp_path / "pipe.dot", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()), daemon=True)
    reader.start()
    write(path)
    reader.join(30)
    assert read[0]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_what_is_no_file_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        files.replace(tmp_path / "folder", b"")
    with pytest.raises(OSError, match="no name"):
        files.replace(tmp_path / "\ud800", b"")
    with pytest.raises((OSError, ValueError), match="null"):
        files.replace(f"{tmp_path}/a\0b", b"")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        files.replace(tmp_path / "missing" / "file", b"")
    with pytest.raises(OSError, match="too long"):
        files.replace(tmp_path / ("n" * 256), b"")
    files.replace(tmp_path / ("n" * 255), b"long")
    assert (tmp_path / ("n" * 255)).read_bytes() == b"long"
    if os.getuid():
        (tmp_path / "protected").write_bytes(b"old")
        (tmp_path / "protected").chmod(0o444)
        with pytest.raises(PermissionError):
            files.replace(tmp_path / "protected", b"new")


def test_permissions_are_those_of_an_ordinary_file(tmp_path):
    before = os.umask(0o027)
    try:
        files.replace(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


@each
def test_an_error_leaves_what_was_there(write, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "file.dot"
    path.write_bytes(b"old")
    for function in ("os.fsync", "os.replace"):
        if write is into_a_folder and function == "os.fsync":
            continue
        with monkeypatch.context() as patch:
            patch.setattr(function, full)
            with pytest.raises(OSError, match=r"file\.dot") as caught:
                write(path)
        assert ".new-" not in str(caught.value)
        assert list(tmp_path.iterdir()) == [path]
        assert path.read_bytes() == b"old"


KILLED = """
import os, signal, sys
from autograd_lite import files
def stop(*_):
    print("writing", flush=True)
    sys.stdin.read(1)
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "replace":
    os.fsync = stop
    files.replace(sys.argv[2], b"x" * 1000)
else:
    with files.staged(os.path.dirname(sys.argv[2])) as new:
        (new / "other").write_bytes(b"half")
        stop()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
def test_what_a_killed_write_left_is_removed_and_what_a_live_one_has_is_not(tmp_path):
    path = tmp_path / "ck.safetensors"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    processes = [
        subprocess.Popen([sys.executable, "-c", KILLED, how, path], **pipes)
        for how in ("replace", "staged")
    ]
    for process in processes:
        assert process.stdout.readline() == "writing\n"
    ours = lambda: sorted(p.name for p in tmp_path.iterdir() if p != path)  # noqa: E731
    alive = ours()
    assert len(alive) == 2
    for write in WRITERS.values():
        if write is not picture:
            write(path)
        assert ours() == alive
    for process in processes:
        process.communicate("x")
        assert process.returncode == -signal.SIGKILL
    assert ours() == alive
    # What earlier versions left has no writer either; what is not ours stays.
    (tmp_path / ".ck.safetensors.a1b2c3d4").write_bytes(b"half")
    (tmp_path / ".new-abc_1234").mkdir()
    (tmp_path / ".new-abc_1234" / "file").write_bytes(b"half")
    kept = [".ck.safetensors.swp", ".new-ideas", ".other.settings", "new-abcd1234"]
    for name in kept:
        (tmp_path / name).write_bytes(b"mine")
    files.replace(path, b"new")
    assert ours() == kept


def test_many_writers_of_one_file(tmp_path):
    """Whoever reads meanwhile sees one of the contents, whole; nothing is left over."""
    path, stop, seen = tmp_path / "file", threading.Event(), set()
    contents = [bytes([65 + i]) * 50_000 for i in range(4)]
    files.replace(path, contents[0])

    def write(content):
        for _ in range(10):
            files.replace(path, content)

    def read():
        while not stop.is_set():
            seen.add(path.read_bytes())

    threads = [threading.Thread(target=write, args=(c,)) for c in contents]
    reader = threading.Thread(target=read)
    for thread in (reader, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    reader.join()
    assert seen <= set(contents)
    assert list(tmp_path.iterdir()) == [path]


def test_writers_do_not_take_one_another_s_beginnings_for_left_overs(tmp_path):
    errors = []

    def write(name):
        try:
            for _ in range(60):
                files.replace(tmp_path / name, b"one")
                with files.staged(tmp_path) as new:
                    (new / name).write_bytes(b"two")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(f"file{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"file{i}" for i in range(6)]


def test_an_error_in_a_staged_block_is_the_user_s(tmp_path):
    with pytest.raises(FileNotFoundError, match="mine"), files.staged(tmp_path):
        raise FileNotFoundError("mine")
    assert list(tmp_path.iterdir()) == []


def test_alone(tmp_path):
    count = tmp_path / "count"
    count.write_text("0")

    def add():
        for _ in range(20):
            with files.alone(tmp_path):
                number = int(count.read_text())
                time.sleep(0.0005)
                count.write_text(str(number + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count.read_text() == "80"
    assert list(tmp_path.iterdir()) == [count]
