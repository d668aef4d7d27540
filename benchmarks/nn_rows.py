"""The rows for networks: float32, two threads, and a process of its own for each contender.

Two libraries in one process would share its threads. So each contender runs in
a child, which makes its steps when it is told to and answers with the seconds.

``python -m benchmarks.nn_rows cnn memory`` prints the peak memory of some steps.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .harness import OURS, Ask, Contender, Row, peer

THREADS = "2"
STEPS = 5  # in a turn


# -- what is measured --------------------------------------------------------------------------


def _cnn(library: Any, **extra: Any) -> Any:
    """Return report R2's network at full size."""
    return library.Sequential(
        library.Conv2d(1, 32, 5, padding=2, **extra),
        library.ReLU(),
        library.MaxPool2d(2),
        library.Conv2d(32, 64, 5, padding=2, **extra),
        library.ReLU(),
        library.MaxPool2d(2),
        library.Flatten(),
        library.Linear(3136, 1024, **extra),
        library.ReLU(),
        library.Dropout(),
        library.Linear(1024, 10, **extra),
    )


def _mlp(library: Any, **extra: Any) -> Any:
    return library.Sequential(
        library.Linear(784, 256, **extra),
        library.ReLU(),
        library.Linear(256, 128, **extra),
        library.ReLU(),
        library.Linear(128, 10, **extra),
    )


MODELS: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "cnn": (_cnn, (50, 1, 28, 28)),
    "mlp": (_mlp, (128, 784)),
}


def step_of(model: str, library: str) -> Callable[[], object]:
    """Return one training step with Adam."""
    build, shape = MODELS[model]
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=shape).astype(np.float32), rng.integers(0, 10, shape[0])
    if library == "torch":
        import torch

        torch.set_num_threads(int(THREADS))
        nn: Any = torch.nn
        network, optim, x, y = build(nn), torch.optim, torch.tensor(x), torch.tensor(y)
    else:
        import nn as ours

        nn, optim = ours, ours.optim
        network = build(nn, dtype=np.float32)
    optimizer = optim.Adam(network.parameters(), 1e-4)
    criterion = nn.CrossEntropyLoss()

    def step() -> object:
        optimizer.zero_grad()
        loss = criterion(network(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def _fit_overhead(library: str) -> Callable[[], object]:
    """Return 100 steps of almost nothing, through fit and a loader or by hand."""
    import nn

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 2)), rng.normal(size=(400, 1))
    model = nn.Linear(2, 1)
    optimizer = nn.optim.SGD(model.parameters(), 0.01)
    criterion = nn.MSELoss()

    def by_hand() -> None:
        for i in range(0, 400, 4):
            loss = criterion(model(x[i : i + 4]), y[i : i + 4])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def fitted() -> None:
        nn.fit(model, criterion, optimizer, x, y, epochs=1, batch_size=4, progress=False)

    return fitted if library == OURS else by_hand


# -- a child, and its parent ----------------------------------------------------------------------


def child(model: str, library: str) -> None:
    """Make STEPS steps for every line that comes in, and answer with the fastest one."""
    if model == "fit":
        run = _fit_overhead(library)

        def step() -> object:
            return run()
    else:
        step = step_of(model, library)
    for _ in sys.stdin:
        best = float("inf")
        for _ in range(STEPS):
            start = time.perf_counter()
            step()
            best = min(best, time.perf_counter() - start)
        print(best, flush=True)


def _contender(name: str, model: str, library: str, units: int = 1) -> Contender:
    process: list[subprocess.Popen[str]] = []

    def run() -> float:
        if not process:
            threads = dict.fromkeys(
                ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), THREADS
            )
            process.append(
                subprocess.Popen(
                    [sys.executable, "-m", "benchmarks.nn_rows", model, library],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env={**os.environ, **threads},
                    cwd=Path(__file__).parent.parent,
                )
            )
        [worker] = process
        assert worker.stdin
        assert worker.stdout
        worker.stdin.write("\n")
        worker.stdin.flush()
        return float(worker.stdout.readline())

    return Contender(name, run, units, times_itself=True)


def row(model: str, title: str, times: float) -> Row:
    """One training step, beside PyTorch."""
    contenders = [_contender(OURS, model, OURS)]
    if peer("torch"):
        contenders.append(_contender("PyTorch eager", model, "torch"))
    return Row(title, "a step", contenders, [Ask("PyTorch", times)], "two threads, float32")


def fit_row() -> Row:
    """A step through `fit` and its loader, beside the same loop by hand."""
    contenders = [
        _contender(OURS, "fit", OURS, 100),
        _contender("the loop by hand", "fit", "hand", 100),
    ]
    note = "asked: fit and its loader cost less than 10 µs a step more than the loop by hand"
    return Row("a step through fit", "a step", contenders, [], note)


def memory(model: str) -> None:
    """Print by how much the steps of each library raise its process's peak memory."""
    program = (
        "import resource, sys; from benchmarks.nn_rows import step_of; "
        "step = step_of(*sys.argv[1:]); "
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
        "before = peak(); [step() for _ in range(5)]; print((peak() - before) / 1024)"
    )
    for library in (OURS, "torch"):
        done = subprocess.run(
            [sys.executable, "-c", program, model, library],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        print(f"{model}: {library:16} {float(done.stdout):7.1f} MiB")


ROWS: dict[str, Callable[[], Row]] = {
    "cnn": lambda: row("cnn", "training step of R2's network, batch 50", 2.5),
    "mlp": lambda: row("mlp", "training step of an MLP 784-256-128-10, batch 128", 1.1),
    "fit": fit_row,
}

if __name__ == "__main__":
    if sys.argv[2] == "memory":
        memory(sys.argv[1])
    else:
        child(*sys.argv[1:3])
