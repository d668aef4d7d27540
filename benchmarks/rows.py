"""The rows of the table."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import nn
from autograd_lite import Tensor, value_and_grad
from demos.data import generate_XOR_easy

from . import calculus_rows, compiled_rows, handwritten, memory_rows, nn_rows, study_rows
from .harness import OURS, Ask, Contender, Row, peer

STEPS = 300  # training steps in one turn


# -- a training step of the lab's network --------------------------------------------------


def _start(bias: bool) -> list[Any]:
    """Return the weights (in, out), and biases, that every contender starts from."""
    rng = np.random.default_rng(7)
    weights = []
    for a, b in ((2, 4), (4, 4), (4, 1)):
        weights.append(rng.normal(size=(a, b)))
        if bias:
            weights.append(rng.normal(size=b))
    return weights


def _repeat(step: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        for _ in range(STEPS):
            step()

    return run


def _ours(x: Any, t: Any, weights: list[Any]) -> tuple[Callable[[], object], Callable[[], Any]]:
    bias = len(weights) == 6
    model = nn.MLP([2, 4, 4, 1], "sigmoid", bias, output_activation="sigmoid")
    for p, w in zip(model.parameters(), weights, strict=True):
        p.data = w.T
    loss_of = nn.MSELoss()
    optimizer = nn.optim.SGD(model.parameters(), lr=1.0)
    inputs, targets = Tensor(x), Tensor(t)

    def step() -> object:
        loss = loss_of(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, lambda: [p.data.T for p in model.parameters()]


def _torch(
    torch: Any, x: Any, t: Any, weights: list[Any]
) -> tuple[Callable[[], object], Callable[[], Any]]:
    torch.set_num_threads(1)
    bias = len(weights) == 6
    layers = [torch.nn.Linear(a, b, bias=bias).double() for a, b in ((2, 4), (4, 4), (4, 1))]
    model = torch.nn.Sequential(*[m for layer in layers for m in (layer, torch.nn.Sigmoid())])
    with torch.no_grad():
        for p, w in zip(model.parameters(), weights, strict=True):
            p.copy_(torch.tensor(w.T))
    loss_of = torch.nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    inputs, targets = torch.tensor(x), torch.tensor(t)

    def step() -> object:
        loss = loss_of(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, lambda: [p.detach().numpy().T for p in model.parameters()]


def lab_step(bias: bool) -> Row:
    """One training step on XOR, float64, one thread, through the `nn` objects."""
    x, t = (np.asarray(a, dtype=float) for a in generate_XOR_easy())
    steps: dict[str, tuple[Callable[[], object], Callable[[], Any]]] = {}
    ours = _ours(x, t, _start(bias))
    steps[OURS] = ours
    variants = (
        {"in place": handwritten.in_place_with_bias}
        if bias
        else {"fresh arrays": handwritten.fresh, "in place": handwritten.in_place}
    )
    if not bias:
        variants["into buffers"] = handwritten.buffers
    for name, variant in variants.items():
        weights = _start(bias)
        label = "buffered NumPy" if name == "into buffers" else f"hand-written NumPy, {name}"
        steps[label] = (variant(x, t, weights, 1.0), lambda weights=weights: weights)  # type: ignore[misc]
    torch = peer("torch")
    if torch:
        steps["PyTorch eager"] = _torch(torch, x, t, _start(bias))
    _check_same_work(steps)
    contenders = [Contender(name, _repeat(step), STEPS) for name, (step, _) in steps.items()]
    asks = [Ask("hand-written NumPy", 2.1 if bias else 1.75)]
    if not bias:
        asks.append(Ask("PyTorch eager", 0.4))
    note = (
        ""
        if bias
        else "buffered: all arrays allocated once, for one batch size; a bound, not a peer"
    )
    return Row(f"lab step, {'with' if bias else 'without'} bias", "a step", contenders, asks, note)


def by_transform() -> Row:
    """The lab's training step by `value_and_grad`, beside the same by ``backward()``."""
    x, t = (np.asarray(a, dtype=float) for a in generate_XOR_easy())
    inputs, targets = Tensor(x), Tensor(t)
    f = nn.functional

    def loss(weights: Any) -> Any:
        z = inputs
        for w in weights:
            z = f.sigmoid(f.linear(z, w))
        return f.mse_loss(z, targets)

    arrays = [w.T.copy() for w in _start(bias=False)]
    value_and_gradients = value_and_grad(loss)

    def transformed() -> object:
        value, gradients = value_and_gradients(arrays)
        for w, g in zip(arrays, gradients, strict=True):
            w -= g
        return value

    leaves = [Tensor(w, requires_grad=True) for w in arrays]
    optimizer = nn.optim.SGD(leaves, lr=1.0)

    def backward() -> object:
        optimizer.zero_grad()
        value = loss(leaves)
        value.backward()
        optimizer.step()
        return value

    _check_same_work(
        {
            "": (transformed, lambda: arrays),
            "backward": (backward, lambda: [w.data for w in leaves]),
        }
    )
    return Row(
        "lab step by value_and_grad",
        "a step",
        [
            Contender(OURS, _repeat(transformed), STEPS),
            Contender("the same by backward()", _repeat(backward), STEPS),
        ],
        [Ask("the same by backward()", 1.15)],
    )


def _check_same_work(
    steps: dict[str, tuple[Callable[[], object], Callable[[], Any]]],
) -> None:
    """Run 20 steps of each; raise unless all weights have become the same."""
    reference = None
    for step, weights in steps.values():
        for _ in range(20):
            step()
        reached = weights()
        reference = reference or [np.array(w) for w in reached]
        for w, r in zip(reached, reference, strict=True):
            np.testing.assert_allclose(w, r, rtol=1e-8, atol=1e-10)


# -- scalars ---------------------------------------------------------------------------------


def _chain(value: Any, n: int) -> Any:
    """Return n additions and multiplications in a chain, forward and backward."""
    x, w = value(1.0), value(1e-3)
    y = x
    for _ in range(n // 2):
        y = y * w
        y = y + x
    y.backward()
    return x.grad


def _leaf(number: float) -> Tensor:
    return Tensor(number, requires_grad=True)


def scalar_chain(n: int = 3000) -> Row:
    """A chain of scalar operations, beside micrograd."""
    contenders = [Contender(OURS, lambda: _chain(_leaf, n), n)]
    micrograd = peer("micrograd.engine")
    if micrograd:
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 10 * n))  # micrograd's backward recurses
        contenders.append(Contender("micrograd", lambda: _chain(micrograd.Value, n), n))
        assert abs(float(_chain(_leaf, n)) - _chain(micrograd.Value, n)) < 1e-9
    torch = peer("torch")
    if torch:

        def value(number: float) -> Any:
            return torch.tensor(number, dtype=torch.float64, requires_grad=True)

        contenders.append(Contender("PyTorch", lambda: _chain(value, n), n))
    return Row(
        f"scalar chain of {n} operations", "an operation", contenders, [Ask("micrograd", 0.55)]
    )


def long_chain() -> Row:
    """The cost of an operation in a long chain, beside that in a short one."""
    contenders = [
        Contender(OURS, lambda: _chain(_leaf, 1_000_000), 1_000_000),
        Contender("itself, at 10,000 operations", lambda: _chain(_leaf, 10_000), 10_000),
    ]
    return Row(
        "scalar chain of 1,000,000 operations",
        "an operation",
        contenders,
        [Ask("itself, at 10,000 operations", 1.5, best=True)],
        "the rest is Python's cyclic collector",
    )


# -- importing -------------------------------------------------------------------------------


def import_time() -> Row:
    """An import in a fresh interpreter, timed in it; NumPy's own is part of ours."""
    # Python keeps what it has compiled, unless this variable forbids it.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def importing(module: str) -> Callable[[], float]:
        program = (
            "import time; start = time.perf_counter(); "
            f"import {module}; print(time.perf_counter() - start)"
        )

        def run() -> float:
            done = subprocess.run(
                [sys.executable, "-c", program],
                check=True, capture_output=True, text=True, env=environment,
            )  # fmt: skip
            return float(done.stdout)

        return run

    return Row(
        "import",
        "an import",
        [
            Contender(OURS, importing("autograd_lite"), times_itself=True),
            Contender("numpy", importing("numpy"), times_itself=True),
        ],
        [Ask("numpy", 1.2)],
    )


ROWS: dict[str, Callable[[], Row]] = {
    "lab": lambda: lab_step(bias=False),
    "lab-bias": lambda: lab_step(bias=True),
    "lab-transform": by_transform,
    "scalars": scalar_chain,
    "long": long_chain,
    "import": import_time,
    **calculus_rows.ROWS,
    **memory_rows.ROWS,
    **nn_rows.ROWS,
    **study_rows.ROWS,
    **compiled_rows.ROWS,
}
"""The rows by the names that the command line takes."""


def stamp() -> str:
    """Return what was measured, on what and when."""
    versions = [f"Python {sys.version.split()[0]}", f"NumPy {np.__version__} ({_blas()})"]
    for name in ("torch", "micrograd", "autograd", "jax", "numba"):
        if peer(name):
            versions.append(f"{name} {importlib.metadata.version(name)}")
    machine = f"{os.cpu_count()} cores of {_processor()}"
    threads = "one thread where the row does not say two"
    return f"{time.strftime('%Y-%m-%d')}, {machine}, {', '.join(versions)}, {threads}"


def _blas() -> str:
    config: Any = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas['version']}"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.split("\n") if "model name" in line]
    return names[0] if names else platform.machine()
