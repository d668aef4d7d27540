"""The rows for large arrays beside HIPS autograd: time and peak memory, a process for each.

Most of such a gradient's time goes to memory that the system hands out page by page, so each
formula is timed twice: as a process begins, and with freed memory kept, which ours asks for by
`keep_freed_memory` and HIPS autograd gets by the same call.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .harness import OURS, Ask, Contender, Row, peer
from .nn_rows import raised_by

HIPS = "HIPS autograd"


def gradient_of(formula: str, library: str) -> Callable[[], Any]:
    """Return the gradient of one of the long formulas on a million numbers."""
    from .calculus_rows import FORMULAS

    f = FORMULAS[formula]
    if library == HIPS:
        grad = importlib.import_module("autograd").grad
        np_ = importlib.import_module("autograd.numpy")
    else:
        from autograd_lite import grad

        np_ = np
    gradient = grad(lambda t: f(np_, t))
    gradient(np.ones(3))  # import and compile
    x = np.random.default_rng(0).uniform(-3, 3, 1_000_000)
    return lambda: gradient(x)


def measured(formula: str, library: str, what: str) -> float:
    """Return the seconds of a gradient, or what it adds to this process's peak, in MiB."""
    import time

    run = gradient_of(formula, library)
    if what == "peak":
        return raised_by(run, times=2)
    if what == "kept":
        from autograd_lite.allocator import keep_freed_memory

        keep_freed_memory()
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def _row(formula: str, what: str, title: str, asked: float) -> Row:
    program = """if True:
        import sys
        from benchmarks.memory_rows import measured
        print(measured(*sys.argv[1:]))
    """

    def contender(name: str) -> Contender:
        def run() -> float:
            command = [sys.executable, "-c", program, formula, name, what]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            return float(done.stdout)

        return Contender(name, run, times_itself=True)

    names = [OURS, HIPS] if peer("autograd") else [OURS]
    peak = what == "peak"
    return Row(
        f"gradient of 50 {title} on 1e6 numbers"
        + {"peak": ": memory", "kept": ", freed memory kept", "fresh": ""}[what],
        "at its peak" if peak else "a gradient",
        [contender(name) for name in names],
        [Ask(HIPS, asked)],
        quantity="MiB" if peak else "ms",
        scale=1.0 if peak else 1e3,
        rounds=1 if peak else 5,
    )


ROWS: dict[str, Callable[[], Row]] = {
    "tanh": lambda: _row("tanh", "fresh", "tanh", 1.0),
    "tanh-kept": lambda: _row("tanh", "kept", "tanh", 0.75),
    "tanh-memory": lambda: _row("tanh", "peak", "tanh", 1.05),
    "sines": lambda: _row("sines", "fresh", "sines", 1.0),
    "sines-kept": lambda: _row("sines", "kept", "sines", 1.0),
    "sines-memory": lambda: _row("sines", "peak", "sines", 1.05),
}
