"""The rows for networks: each contender in a process of its own, with so many threads.

Two libraries in one process would share its threads. So each contender runs in
a child, which makes its steps when it is told to and answers with the seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd_lite import compile

from .harness import OURS, Ask, Contender, Row

STEPS = 5  # in a turn
FAST, TORCH = f"{OURS}, nn.fast", "PyTorch eager"
COMPILED, JAX = f"{OURS}, compiled", "JAX, compiled"


# -- what is measured --------------------------------------------------------------------------


def _is_torch(library: Any) -> bool:
    return bool(library.__name__.startswith("torch"))


def _cnn(library: Any, p: float = 0.5, **extra: Any) -> Any:
    """Return report R2's network at full size."""
    own = {} if _is_torch(library) else {"rng": np.random.default_rng(0)}
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
        library.Dropout(p, **own),
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


def _gpt(
    library: Any, width: int = 64, places: int = 32, at_last: bool = True, **extra: Any
) -> Any:
    """Return two blocks of causal attention over characters, which tell the last or each next."""
    theirs = _is_torch(library)

    class Network(library.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.characters = library.Embedding(CHARACTERS, width, **extra)
            self.places = library.Embedding(places, width, **extra)
            self.blocks = library.ModuleList(
                library.TransformerEncoderLayer(
                    width, 4, 4 * width, 0.0, library.functional.gelu, batch_first=True,
                    norm_first=True, **extra,
                )
                for _ in range(2)
            )  # fmt: skip
            self.norm = library.LayerNorm(width, **extra)
            self.scores = library.Linear(width, CHARACTERS, **extra)
            causal = library.Transformer.generate_square_subsequent_mask if theirs else None
            self.mask = causal(places, dtype=extra.get("dtype")) if causal else None

        def forward(self, x: Any) -> Any:
            h = self.characters(x) + self.places.weight
            for block in self.blocks:
                h = block(h, self.mask, is_causal=True)
            scores = self.scores(self.norm(h))
            return scores[:, -1] if at_last else scores.reshape(-1, CHARACTERS)

    return Network()


def _batch_norm(library: Any, **extra: Any) -> Any:
    """Return makemore's MLP with its hidden layer normalized by hand."""

    class Network(library.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.characters = library.Embedding(CHARACTERS, 10, **extra)
            self.hidden = library.Linear(30, 200, bias=False, **extra)
            one = library.Linear(200, 1, **extra).weight  # of the library's own kind of array
            self.gain, self.shift = (library.Parameter(one.detach() * 0 + at) for at in (1, 0))
            self.scores = library.Linear(200, CHARACTERS, **extra)

        def forward(self, x: Any) -> Any:
            h = self.hidden(self.characters(x).reshape(len(x), -1))
            h = h - h.mean(0, keepdims=True)
            root = ((h**2).mean(0, keepdims=True) + 1e-5) ** 0.5
            return self.scores(library.functional.tanh(self.gain * (h / root) + self.shift))

    return Network()


def _wavenet(library: Any, **extra: Any) -> Any:
    """Return makemore's last: eight characters, joined two by two by layers of 68."""

    class Network(library.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.characters = library.Embedding(CHARACTERS, 10, **extra)
            self.joins = library.ModuleList(
                library.Linear(2 * inputs, 68, bias=False, **extra) for inputs in (10, 68, 68)
            )
            self.norms = library.ModuleList(library.BatchNorm1d(68, **extra) for _ in range(3))
            self.scores = library.Linear(68, CHARACTERS, **extra)

        def forward(self, x: Any) -> Any:
            h = self.characters(x)
            for join, norm in zip(self.joins, self.norms, strict=True):
                pairs = h.reshape(-1, 2 * h.shape[-1])  # those of one line of text lie together
                h = library.functional.tanh(norm(join(pairs)))
            return self.scores(h)

    return Network()


class Model(NamedTuple):
    """What a row trains: a network, on inputs of a shape, in a precision, by so many threads."""

    build: Callable[..., Any]
    shape: tuple[int, ...]
    characters: bool = False
    """Whether inputs are characters."""
    dtype: Any = np.float32
    threads: int = 2
    optimizer: str = "Adam"
    at_each_place: bool = False
    """Whether there is a target for each character, and not for each line of them."""
    exact: tuple[tuple[str, float], ...] = ()
    """Settings of the network with which nothing in it is random."""
    others: tuple[str, ...] = (FAST, TORCH)
    """Who contends beside eager code."""


MODELS = {
    "cnn": Model(
        _cnn, (50, 1, 28, 28), exact=(("p", 0.0),), others=(FAST, COMPILED, TORCH)
    ),
    "mlp": Model(_mlp, (128, 784), others=(FAST, COMPILED, TORCH)),
    "embedding": Model(_embedding, (32, 3), characters=True),
    "lstm": Model(_lstm, (32, 16), characters=True),
    "gpt": Model(_gpt, (16, 32), characters=True),
    "gpt-compiled": Model(
        _gpt, (16, 32), characters=True, threads=1, others=(COMPILED, TORCH, JAX)
    ),
    "gpt64": Model(
        partial(_gpt, width=32, places=16, at_last=False), (16, 16), characters=True,
        dtype=np.float64, threads=1, at_each_place=True,
    ),
    "batchnorm": Model(
        _batch_norm, (32, 3), characters=True, dtype=np.float64, threads=1, optimizer="SGD"
    ),
    "wavenet": Model(
        _wavenet, (32, 8), characters=True, dtype=np.float64, threads=1, optimizer="SGD"
    ),
}  # fmt: skip


def step_of(name: str, library: str, exact: bool = False) -> Callable[[], object]:
    """Return one training step, in one of the libraries that contend, from the same weights.

    Where it is to be `exact`, with nothing random in it.
    """
    import nn as ours

    model = MODELS[name]
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=model.shape).astype(model.dtype), rng.integers(0, 10, model.shape[0])
    if model.characters:
        x = rng.integers(0, CHARACTERS, model.shape)
    if model.at_each_place:
        y = rng.integers(0, CHARACTERS, model.shape).ravel()
    settings = dict(model.exact) if exact else {}
    ours.manual_seed(0)
    network: Any = model.build(ours, dtype=model.dtype, **settings)
    nn, optim = ours, ours.optim
    if library == JAX:
        from .jax_gpt import step_of

        return step_of(network.state_dict(), x, y, 1e-4)
    if library == TORCH:
        import torch

        torch.set_num_threads(model.threads)
        weights = network.state_dict()
        dtype = torch.float64 if model.dtype is np.float64 else torch.float32
        nn, optim, x, y = torch.nn, torch.optim, torch.tensor(x), torch.tensor(y)
        network = model.build(nn, dtype=dtype, **settings)
        network.load_state_dict({key: torch.tensor(w) for key, w in weights.items()})
    if library == FAST:
        ours.fast.enable()
    rate = 1e-4 if model.optimizer == "Adam" else 0.1
    optimizer = getattr(optim, model.optimizer)(network.parameters(), rate)
    criterion = nn.CrossEntropyLoss()
    if library == COMPILED:
        compiled = compile(network, criterion, optimizer)
        return lambda: compiled(x, y)

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
    """Make STEPS steps for every line that comes in, and answer with the fastest one.

    The first answer is the loss in the third step, with nothing random in it.
    """
    if model == "fit":
        run = _fit_overhead(library)

        def step() -> object:
            return run()
    else:
        step = step_of(model, library, exact=True)
        losses: list[Any] = [step() for _ in range(3)]
        print(losses[-1].item(), flush=True)
        if MODELS[model].exact:
            step = step_of(model, library)
            for _ in range(3):  # the second of them compiles, where it is compiled
                step()
    for _ in sys.stdin:
        best = float("inf")
        for _ in range(STEPS):
            start = time.perf_counter()
            step()
            best = min(best, time.perf_counter() - start)
        print(best, flush=True)


def _threads(model: str) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    threads = MODELS[model].threads if model in MODELS else 2
    xla = f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()}"
    xla += f" intra_op_parallelism_threads={threads}"
    return {**os.environ, **dict.fromkeys(names, str(threads)), "XLA_FLAGS": xla}


_losses: dict[str, float] = {}


def _check_agreement(model: str, loss: float) -> None:
    """Raise unless contenders have the same loss after three steps."""
    first = _losses.setdefault(model, loss)
    if not np.isclose(loss, first, rtol=1e-4 if MODELS[model].dtype is np.float32 else 1e-10):
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
                    env=_threads(model),
                    cwd=Path(__file__).parent.parent,
                )
            )
            if model in MODELS:
                _check_agreement(model, float(process[0].stdout.readline()))  # type: ignore[union-attr]
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
        check=True, capture_output=True, text=True, env=_threads(model),
    )  # fmt: skip
    return float(done.stdout)


def _arrays(model: str) -> float:
    """Return the MiB that a compiled step and its optimizer keep: arrays, and nothing of Numba.

    Those of the step are as they were planned; the optimizer has what it keeps of each parameter.
    """
    step: Any = step_of(model, COMPILED)
    for _ in range(2):
        step()
    compiled = step.__closure__[0].cell_contents
    form = compiled._latest._latest
    kept = sum(a.nbytes for pack in compiled.packs for name, a in pack.arrays.items() if name)
    return float(form.kernel.memory + kept) / 2**20


def _names(model: str) -> list[str]:
    """Return who contends, of those that are installed."""
    needed = {FAST: "numba", COMPILED: "numpy", TORCH: "torch", JAX: "jax"}
    return [OURS, *(name for name in MODELS[model].others if find_spec(needed[name]))]


def row(model: str, title: str, asks: list[Ask]) -> Row:
    """One training step, beside PyTorch."""
    contenders = [_contender(name, model) for name in _names(model)]
    threads = {1: "one thread", 2: "two threads"}[MODELS[model].threads]
    note = f"{threads}, {np.dtype(MODELS[model].dtype)}"
    return Row(title, "a step", contenders, asks, note, seconds=60.0)


def memory_row(model: str, title: str, asks: list[Ask]) -> Row:
    """The peak memory of a training step, beside PyTorch."""

    def contender(name: str) -> Contender:
        return Contender(name, lambda: _peak(model, name), times_itself=True)

    contenders = [contender(name) for name in _names(model)]
    planned = Contender(f"{COMPILED}: its arrays", lambda: _arrays(model), times_itself=True)
    contenders += [planned] if COMPILED in _names(model) and find_spec("numba") else []
    note = (
        "beyond what the process has when model and data are made; for nn.fast and what is "
        "compiled, with Numba's own and with the recording of the step; its arrays alone are what "
        "the step's plan of memory and Adam's moments take"
    )
    return Row(title, "at most", contenders, asks, note, "MiB", scale=1.0, rounds=1)


def fit_row() -> Row:
    """A step through `fit` and its loader, beside the same loop by hand."""
    by_hand = "the loop by hand"
    contenders = [_contender(OURS, "fit", 100), _contender(by_hand, "fit", 100)]
    return Row("a step through fit", "a step", contenders, [Ask(by_hand, more=10.0)])


GPT = "step of a GPT of two blocks, batch 16 of 32 characters"
CNN = "training step of R2's network, batch 50"
ROWS: dict[str, Callable[[], Row]] = {
    "cnn": lambda: row(
        "cnn", CNN,
        [Ask("PyTorch", 1.25), Ask("PyTorch", 1.0, ours=FAST), Ask("PyTorch", 1.0, ours=COMPILED)],
    ),
    "embedding": lambda: row(
        "embedding", "step of makemore's MLP: embedding, batch 32", [Ask("PyTorch", 1.0)]
    ),
    "lstm": lambda: row("lstm", "step of an LSTM of 64 units, batch 32 of 16 characters", []),
    "gpt": lambda: row("gpt", GPT, []),
    "gpt-compiled": lambda: row(
        "gpt-compiled", f"{GPT}, compiled",
        [Ask("PyTorch", 0.6, ours=COMPILED), Ask("JAX", 1.0, ours=COMPILED)],
    ),
    "gpt64": lambda: row(
        "gpt64",
        "step of a GPT of two blocks, 32 wide, exact GELU, batch 16 of 16 characters",
        [Ask("PyTorch", 1.8), Ask("PyTorch", 1.2, ours=FAST)],
    ),
    "batchnorm": lambda: row(
        "batchnorm", "step of makemore's MLP with batch norm by hand, batch 32", [Ask("PyTorch")]
    ),
    "wavenet": lambda: row(
        "wavenet", "step of a wavenet-like net: joins of two and batch norms", [Ask("PyTorch")]
    ),
    "cnn-memory": lambda: memory_row(
        "cnn", f"{CNN}: peak memory", [Ask("PyTorch", 0.75), Ask("PyTorch", 0.6, ours=COMPILED)]
    ),
    "mlp": lambda: row(
        "mlp", "training step of an MLP 784-256-128-10, batch 128",
        [Ask("PyTorch", 1.1), Ask("PyTorch", 0.75, ours=COMPILED)],
    ),
    "fit": fit_row,
}  # fmt: skip

if __name__ == "__main__":
    child(*sys.argv[1:3])
