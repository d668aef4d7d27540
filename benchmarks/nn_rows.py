"""The rows for networks: float32, two threads, and a process of its own for each contender.

Two libraries in one process would share its threads. So each contender runs in
a child, which makes its steps when it is told to and answers with the seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .harness import OURS, Ask, Contender, Row

THREADS = "2"
STEPS = 5  # in a turn
FAST, TORCH = f"{OURS}, nn.fast", "PyTorch eager"


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


CHARACTERS = 27


def _embedding(library: Any, **extra: Any) -> Any:
    """Return makemore's MLP: three characters, embedded, and what follows."""
    return library.Sequential(
        library.Embedding(CHARACTERS, 10, **extra),
        library.Flatten(),
        library.Linear(30, 200, **extra),
        library.Tanh(),
        library.Linear(200, CHARACTERS, **extra),
    )


def _lstm(library: Any, **extra: Any) -> Any:
    class Network(library.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.characters = library.Embedding(CHARACTERS, 32, **extra)
            self.lstm = library.LSTM(32, 64, batch_first=True, **extra)
            self.scores = library.Linear(64, CHARACTERS, **extra)

        def forward(self, x: Any) -> Any:
            out, _ = self.lstm(self.characters(x))
            return self.scores(out[:, -1])

    return Network()


def _gpt(library: Any, **extra: Any) -> Any:
    """Return two blocks of causal attention over 32 characters."""
    theirs = library.__name__.startswith("torch")

    class Network(library.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.characters = library.Embedding(CHARACTERS, 64, **extra)
            self.places = library.Embedding(32, 64, **extra)
            self.blocks = library.ModuleList(
                library.TransformerEncoderLayer(
                    64, 4, 256, 0.0, library.functional.gelu, batch_first=True, norm_first=True,
                    **extra,
                )
                for _ in range(2)
            )  # fmt: skip
            self.norm = library.LayerNorm(64, **extra)
            self.scores = library.Linear(64, CHARACTERS, **extra)
            self.mask = library.Transformer.generate_square_subsequent_mask(32) if theirs else None

        def forward(self, x: Any) -> Any:
            h = self.characters(x) + self.places.weight
            for block in self.blocks:
                h = block(h, self.mask, is_causal=True)
            return self.scores(self.norm(h))[:, -1]

    return Network()


MODELS: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "cnn": (_cnn, (50, 1, 28, 28)),
    "mlp": (_mlp, (128, 784)),
    "embedding": (_embedding, (32, 3)),
    "lstm": (_lstm, (32, 16)),
    "gpt": (_gpt, (16, 32)),
}
SEQUENCES = ("embedding", "lstm", "gpt")
"""Models of characters: all contenders begin with the same weights, and must agree."""


def step_of(model: str, library: str) -> Callable[[], object]:
    """Return one training step with Adam, in one of the libraries that contend."""
    build, shape = MODELS[model]
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=shape).astype(np.float32), rng.integers(0, 10, shape[0])
    if model in SEQUENCES:
        x = rng.integers(0, CHARACTERS, shape)
    if library == TORCH:
        import torch

        torch.set_num_threads(int(THREADS))
        nn: Any = torch.nn
        network, optim, x, y = build(nn), torch.optim, torch.tensor(x), torch.tensor(y)
        if model in SEQUENCES:
            import nn as ours

            weights = build(ours, dtype=np.float32).state_dict()
            network.load_state_dict({name: torch.tensor(w) for name, w in weights.items()})
    else:
        import nn as ours

        if library == FAST:
            ours.fast.enable()
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
    if model in SEQUENCES:
        losses: list[Any] = [step() for _ in range(3)]
        print(losses[-1].item(), flush=True)
    for _ in sys.stdin:
        best = float("inf")
        for _ in range(STEPS):
            start = time.perf_counter()
            step()
            best = min(best, time.perf_counter() - start)
        print(best, flush=True)


def _threads() -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, THREADS)}


_losses: dict[str, float] = {}


def _see_agreement(model: str, loss: float) -> None:
    """See that contenders have the same loss after three steps."""
    first = _losses.setdefault(model, loss)
    if not np.isclose(loss, first, rtol=1e-4):
        raise AssertionError(f"{model}: a loss of {loss} after three steps, and of {first}.")


def _contender(name: str, model: str, units: int = 1) -> Contender:
    process: list[subprocess.Popen[str]] = []

    def run() -> float:
        if not process:
            process.append(
                subprocess.Popen(
                    [sys.executable, "-m", "benchmarks.nn_rows", model, name],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=_threads(),
                    cwd=Path(__file__).parent.parent,
                )
            )
            if model in SEQUENCES:
                _see_agreement(model, float(process[0].stdout.readline()))  # type: ignore[union-attr]
        [worker] = process
        assert worker.stdin
        assert worker.stdout
        worker.stdin.write("\n")
        worker.stdin.flush()
        return float(worker.stdout.readline())

    return Contender(name, run, units, times_itself=True)


def raised_by(run: Callable[[], object], times: int) -> float:
    """Return by how many MiB calls raise what this process has in memory, at its peak."""
    # Linux's own account, since `resource` counts what the parent had when it began this process.
    process = Path("/proc/self")

    def size(kind: str) -> float:
        return float((process / "status").read_text().split(kind)[1].split()[0]) / 1024

    (process / "clear_refs").write_text("5")  # forget the peak so far
    before = size("VmRSS:")
    for _ in range(times):
        run()
    return size("VmHWM:") - before


def _peak(model: str, name: str) -> float:
    """Return by how many MiB some steps raise the peak memory of a process."""
    program = """if True:
        import sys
        from benchmarks.nn_rows import raised_by, step_of
        step = step_of(*sys.argv[1:])
        print(raised_by(step, times=5))
    """
    done = subprocess.run(
        [sys.executable, "-c", program, model, name],
        check=True, capture_output=True, text=True, env=_threads(),
    )  # fmt: skip
    return float(done.stdout)


def _names() -> list[str]:
    """Return who contends, of those that are installed."""
    needed = {FAST: "numba", TORCH: "torch"}
    return [OURS, *(name for name, package in needed.items() if find_spec(package))]


def row(model: str, title: str, asks: list[Ask]) -> Row:
    """One training step, beside PyTorch."""
    contenders = [_contender(name, model) for name in _names()]
    return Row(title, "a step", contenders, asks, "two threads, float32", seconds=60.0)


def memory_row(model: str, title: str, asks: list[Ask]) -> Row:
    """The peak memory of a training step, beside PyTorch."""

    def contender(name: str) -> Contender:
        return Contender(name, lambda: _peak(model, name), times_itself=True)

    contenders = [contender(name) for name in _names()]
    note = "beyond what the process has when model and data are made; for nn.fast, with Numba's own"
    return Row(title, "at most", contenders, asks, note, "MiB", scale=1.0, rounds=1)


def fit_row() -> Row:
    """A step through `fit` and its loader, beside the same loop by hand."""
    by_hand = "the loop by hand"
    contenders = [_contender(OURS, "fit", 100), _contender(by_hand, "fit", 100)]
    return Row("a step through fit", "a step", contenders, [Ask(by_hand, more=10.0)])


CNN = "training step of R2's network, batch 50"
ROWS: dict[str, Callable[[], Row]] = {
    "cnn": lambda: row("cnn", CNN, [Ask("PyTorch", 1.25), Ask("PyTorch", 1.0, ours=FAST)]),
    "embedding": lambda: row(
        "embedding", "step of makemore's MLP: embedding, batch 32", [Ask("PyTorch", 1.0)]
    ),
    "lstm": lambda: row("lstm", "step of an LSTM of 64 units, batch 32 of 16 characters", []),
    "gpt": lambda: row("gpt", "step of a GPT of two blocks, batch 16 of 32 characters", []),
    "cnn-memory": lambda: memory_row("cnn", f"{CNN}: peak memory", [Ask("PyTorch", 0.75)]),
    "mlp": lambda: row(
        "mlp", "training step of an MLP 784-256-128-10, batch 128", [Ask("PyTorch", 1.1)]
    ),
    "fit": fit_row,
}

if __name__ == "__main__":
    child(*sys.argv[1:3])
