"""Freed memory is kept where a process asks for it, and given back where it no longer does."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from autograd_lite import allocator

GLIBC = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")

FAULTS = """if True:
    import resource, sys
    import numpy as np
    from autograd_lite.allocator import keep_freed_memory

    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(50):
            np.ones(1 << 18).sum()
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    found = []
    for keep in (True, False):
        assert keep_freed_memory(keep)
        faults()
        found.append(faults())
    print(*found)
"""


@pytest.mark.skipif(not GLIBC, reason="only glibc can be told")
def test_memory_that_is_kept_costs_no_page_faults():
    run = subprocess.run(
        [sys.executable, "-c", FAULTS], check=True, capture_output=True, text=True, timeout=60
    )
    kept, given_back = map(int, run.stdout.split())
    assert 10 * kept + 100 < given_back


def test_elsewhere_nothing_happens(monkeypatch):
    monkeypatch.setattr(allocator.sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", None)
    assert allocator.keep_freed_memory() is False


def test_nothing_is_set_by_an_import():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, autograd_lite, nn\n"
         "print('autograd_lite.allocator' in sys.modules)"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == "False"
