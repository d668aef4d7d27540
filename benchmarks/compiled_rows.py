"""The rows for compiled code: the same work by JAX, compiled too, and by hand in NumPy.

Each row sees that all contenders come to the same numbers before it times them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import nn
from autograd_lite import compile, hvp, value_and_grad
from autograd_lite.codegen.looping import Scan
from demos.data import generate_XOR_easy

from . import handwritten
from .harness import OURS, Ask, Contender, Row, peer

NUMPY = f"{OURS}, NumPy alone"
JAX = "JAX, compiled"
STEPS = 2000


def _jax() -> Any:
    # One thread: read when JAX is imported.
    os.environ.setdefault(
        "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )
    jax = peer("jax")
    if jax:
        jax.config.update("jax_enable_x64", True)
    return jax


def _lab() -> tuple[Any, Any, list[Any]]:
    x, t = (np.asarray(a, dtype=float) for a in generate_XOR_easy())
    rng = np.random.default_rng(7)
    return x, t, [rng.normal(size=shape) for shape in ((2, 4), (4, 4), (4, 1))]


def _loss(sigmoid: Any, mean: Any, x: Any, t: Any) -> Callable[[Any], Any]:
    def loss(weights: Any) -> Any:
        y = x
        for w in weights:
            y = sigmoid(y @ w)
        return mean((y - t) ** 2)

    return loss


def _step(gradient: Any) -> Callable[[Any, Any], Any]:
    def step(weights: Any, _: Any) -> Any:
        loss, g = gradient(weights)
        return [w - 1.0 * d for w, d in zip(weights, g, strict=True)], loss

    return step


# -- a training loop of the lab's network ----------------------------------------------------------


def loop_row() -> Row:
    """Steps of the lab's network in a compiled loop, full batch, plain SGD."""
    x, t, weights = _lab()
    ours = Scan(_step(value_and_grad(_loss(nn.functional.sigmoid, np.mean, x, t))), weights, None)
    losses = [np.asarray(ours.run(STEPS)[1])]
    contenders = [Contender(OURS, lambda: ours.run(STEPS), STEPS)]
    for variant in (handwritten.in_place, handwritten.buffers):
        step = variant(x, t, [w.copy() for w in weights], 1.0)
        losses.append(np.array([step() for _ in range(STEPS)]))

        def repeat(step: Callable[[], float] = step) -> None:
            for _ in range(STEPS):
                step()

        is_best = variant is handwritten.in_place
        name = "hand-written NumPy, in place" if is_best else "buffered NumPy"
        contenders.append(Contender(name, repeat, STEPS))
    jax = _jax()
    if jax:
        loss = _loss(jax.nn.sigmoid, jax.numpy.mean, x, t)
        step = _step(jax.value_and_grad(loss))
        scan = jax.jit(lambda w: jax.lax.scan(step, w, None, length=STEPS))
        start = [jax.numpy.array(w) for w in weights]
        losses.append(np.asarray(scan(start)[1]))
        name = "JAX, lax.scan"
        contenders.append(Contender(name, lambda: scan(start)[1].block_until_ready(), STEPS))
    for other in losses[1:]:
        np.testing.assert_allclose(losses[0], other, rtol=1e-6)
    asks = [Ask("JAX", 0.15), Ask("hand-written NumPy", 0.04)]
    return Row("lab loop, compiled", "a step", contenders, asks)


def training_row() -> Row:
    """A training step of the lab's network through `nn`, compiled with NumPy alone."""
    x, t, weights = _lab()
    model = nn.MLP([2, 4, 4, 1], "sigmoid", False, output_activation="sigmoid")
    for p, w in zip(model.parameters(), weights, strict=True):
        p.data = w.T
    optimizer = nn.optim.SGD(model.parameters(), lr=1.0)
    step = compile(model, nn.MSELoss(), optimizer, back_end="numpy")
    by_hand = handwritten.in_place(x, t, [w.copy() for w in weights], 1.0)
    found = [float(step(x, t)) for _ in range(20)] + step.run(STEPS, x, t).tolist()
    np.testing.assert_allclose(found, [by_hand() for _ in range(20 + STEPS)], rtol=1e-6)

    def repeat(step: Callable[..., Any], *batch: Any) -> Callable[[], None]:
        def run() -> None:
            for _ in range(STEPS):
                step(*batch)

        return run

    called = f"{OURS}, a call a step"
    contenders = [
        Contender(OURS, lambda: step.run(STEPS, x, t), STEPS),
        Contender(called, repeat(step, x, t), STEPS),
        Contender("hand-written NumPy, in place", repeat(by_hand), STEPS),
    ]
    note = "asked at first, then; many steps a call, with NumPy alone"
    asks = [
        Ask("hand-written NumPy", 0.70), Ask("hand-written NumPy", 0.65),
        Ask("hand-written NumPy", 0.70, ours=called),
    ]  # fmt: skip
    return Row("lab training step, compiled with NumPy", "a step", contenders, asks, note)


def many_row(members: int = 100, steps: int = 10_000) -> Row:
    """Many initialisations of the lab's network, each trained as long as R0 does."""
    x, t, _ = _lab()
    rng = np.random.default_rng(7)
    weights = [rng.normal(size=(members, *shape)) for shape in ((2, 4), (4, 4), (4, 1))]
    gradient = value_and_grad(_loss(nn.functional.sigmoid, np.mean, x, t))

    def ours() -> Any:
        return Scan(_step(gradient), weights, None, many=True).run(steps)

    contenders = [Contender(OURS, ours, members * steps)]
    jax = _jax()
    if jax:
        step = _step(jax.value_and_grad(_loss(jax.nn.sigmoid, jax.numpy.mean, x, t)))
        scan = jax.jit(jax.vmap(lambda w: jax.lax.scan(step, w, None, length=steps)))
        start = [jax.numpy.array(w) for w in weights]
        _, losses = scan(start)
        np.testing.assert_allclose(ours()[1][:, :200], np.asarray(losses)[:, :200], rtol=1e-6)
        name = "JAX, vmap of lax.scan"
        contenders.append(
            Contender(name, lambda: scan(start)[1].block_until_ready(), members * steps)
        )
    return Row(
        f"{members} initialisations × {steps} epochs of the lab, compiled", "a step of one",
        contenders, [Ask("JAX", 0.45)], rounds=5,
    )  # fmt: skip


# -- formulas over many numbers --------------------------------------------------------------------


def _twenty(np_: Any) -> Callable[[Any], Any]:
    """Return a formula of twenty operations and a sum."""

    def f(x: Any) -> Any:
        y = np_.exp(-x * x) * np_.sin(3.0 * x) + np_.tanh(x)
        z = np_.sqrt(1.0 + y * y) + np_.log(1.0 + x * x)
        return np_.sum(y / z + 0.5 * z - np_.cos(y) * x)

    return f


def _twenty_by_hand(x: Any) -> Any:
    """Return the same and its derivative, with everything shared that can be."""
    xx, t = x * x, np.tanh(x)
    e = np.exp(-xx)
    waves, slopes = e * np.sin(3.0 * x), e * np.cos(3.0 * x)
    y = waves + t
    root, u = np.sqrt(1.0 + y * y), 1.0 + xx
    z = root + np.log(u)
    cosine = np.cos(y)
    dz = 0.5 - y / (z * z)
    dy = 1.0 / z + np.sin(y) * x + dz * y / root
    dx = dz * 2.0 * x / u - cosine + dy * (3.0 * slopes - 2.0 * x * waves + 1.0 - t * t)
    return np.sum(y / z + 0.5 * z - cosine * x), dx


def formula_row(n: int) -> Row:
    """The value and gradient of a formula of twenty operations."""
    x = np.random.default_rng(0).normal(size=n)
    compiled = compile(value_and_grad(_twenty(np)), back_end="numba")
    plain = compile(value_and_grad(_twenty(np)), back_end="numpy")
    runs: dict[str, Callable[[], Any]] = {
        OURS: lambda: compiled(x),
        NUMPY: lambda: plain(x),
        "hand-written NumPy": lambda: _twenty_by_hand(x),
    }
    jax = _jax()
    if jax:
        fast, there = jax.jit(jax.value_and_grad(_twenty(jax.numpy))), jax.numpy.array(x)
        runs[JAX] = lambda: jax.block_until_ready(fast(there))
    return _agreeing(
        f"formula of 20 operations, {n:.0e} numbers",
        runs,
        [Ask("JAX", 0.6), Ask("hand-written", 0.15), Ask("hand-written", 0.4, ours=NUMPY)],
    )


def fifty_row(name: str) -> Row:
    """The gradient of a sum of fifty times one function, of a million numbers."""

    def fifty(np_: Any) -> Callable[[Any], Any]:
        def f(x: Any) -> Any:
            function, total = getattr(np_, name), 0.0
            for k in range(50):
                total = total + function(x * (0.1 + 0.05 * k))
            return np_.sum(total)

        return f

    x = np.random.default_rng(0).normal(size=1_000_000)
    compiled = compile(value_and_grad(fifty(np)), back_end="numba")
    runs: dict[str, Callable[[], Any]] = {OURS: lambda: compiled(x)}
    jax = _jax()
    if jax:
        fast, there = jax.jit(jax.value_and_grad(fifty(jax.numpy))), jax.numpy.array(x)
        runs[JAX] = lambda: jax.block_until_ready(fast(there))
    return _agreeing(f"sum of 50 {name}, compiled", runs, [Ask("JAX", 0.6)])


def _agreeing(title: str, runs: dict[str, Callable[[], Any]], asks: list[Ask]) -> Row:
    value, gradient = runs[OURS]()
    for run in runs.values():
        other, slope = run()
        np.testing.assert_allclose(other, value, rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(slope, gradient, rtol=1e-8, atol=1e-9)
    contenders = [Contender(name, run) for name, run in runs.items()]
    return Row(title, "a value and gradient", contenders, asks, seconds=40.0)


def product_row(times: int = 200) -> Row:
    """A Hessian-vector product of the lab network's loss, compiled."""
    x, t, weights = _lab()
    along = [np.cos(w) for w in weights]
    ours = compile(hvp(_loss(nn.functional.sigmoid, np.mean, x, t)), back_end="numba")
    found = ours(weights, along)

    def repeated(run: Callable[[], Any]) -> Callable[[], None]:
        def repeat() -> None:
            for _ in range(times):
                run()

        return repeat

    contenders = [Contender(OURS, repeated(lambda: ours(weights, along)), times)]
    jax = _jax()
    if jax:
        gradient = jax.grad(_loss(jax.nn.sigmoid, jax.numpy.mean, x, t))
        fast = jax.jit(lambda w, v: jax.jvp(gradient, (w,), (v,))[1])
        there = [[jax.numpy.array(a) for a in part] for part in (weights, along)]
        for a, b in zip(found, fast(*there), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-12)
        run = repeated(lambda: jax.block_until_ready(fast(*there)))
        contenders.append(Contender(JAX, run, times))
    title = "Hessian-vector product of the lab, compiled"
    return Row(title, "a product", contenders, [Ask("JAX", 0.25)])


# -- thousands of single numbers -------------------------------------------------------------------


def _moons() -> tuple[list[list[float]], list[float]]:
    """Return a hundred points of two half circles, and for each 1 or −1."""
    rng = np.random.default_rng(0)
    angle = np.linspace(0.0, np.pi, 50)
    outer = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.concatenate([outer, np.array([1.0, 0.5]) - outer])
    points += 0.1 * rng.normal(size=points.shape)
    return points.tolist(), [1.0] * 50 + [-1.0] * 50


def _scores(layers: Any, points: Any, relu: Callable[[Any], Any]) -> list[Any]:
    """Return the outputs of micrograd's network; a neuron is its weights, and then its bias."""
    scores = []
    for point in points:
        values = point
        for layer in layers:
            sums = [sum((w * x for w, x in zip(n, values, strict=False)), n[-1]) for n in layer]
            values = sums if layer is layers[-1] else [relu(s) for s in sums]
        scores.append(values[0])
    return scores


def _margin(layers: Any, relu: Callable[[Any], Any]) -> Any:
    """Return the loss of micrograd's demonstration: a margin, and the squares of the weights."""
    points, labels = _moons()
    scores = _scores(layers, points, relu)
    losses = [relu(1.0 + -label * s) for label, s in zip(labels, scores, strict=True)]
    squares = sum(p * p for layer in layers for neuron in layer for p in neuron)
    return sum(losses) * (1.0 / len(losses)) + 1e-4 * squares


def moons_row() -> Row:
    """A step of micrograd's demonstration: 74,000 operations on single numbers, and back."""
    rng = np.random.default_rng(1)
    sizes = [2, 16, 16, 1]
    start = [
        [rng.uniform(-1, 1, n_in + 1).tolist() for _ in range(n_out)]
        for n_in, n_out in pairwise(sizes)
    ]
    gradient = compile(value_and_grad(lambda layers: _margin(layers, lambda s: np.maximum(s, 0.0))))
    value, slopes = gradient(start)
    contenders = [Contender(OURS, lambda: gradient(start))]
    engine = peer("micrograd.engine")
    if engine:

        def theirs() -> Any:
            layers = [[[engine.Value(p) for p in n] for n in layer] for layer in start]
            loss = _margin(layers, lambda s: s.relu())
            loss.backward()
            return loss, layers

        loss, layers = theirs()
        np.testing.assert_allclose(value, loss.data, rtol=1e-9)
        for mine, other in zip(slopes, layers, strict=True):
            expected = [[p.grad for p in neuron] for neuron in other]
            np.testing.assert_allclose(mine, expected, rtol=1e-9, atol=1e-12)
        contenders.append(Contender("micrograd", theirs))
    return Row("micrograd's moons, compiled", "a step", contenders, [Ask("micrograd", 0.001)])


# -- compiling ------------------------------------------------------------------------------------

_COMPILING = """
import time, sys, numpy as np, nn
from autograd_lite import value_and_grad
from autograd_lite.codegen.looping import Scan
from benchmarks.compiled_rows import _lab, _loss, _step
back_end = sys.argv[1]
if back_end == "numba":
    import numba
x, t, weights = _lab()
step = _step(value_and_grad(_loss(nn.functional.sigmoid, np.mean, x, t)))
step(weights, None)
begin = time.perf_counter()
Scan(step, weights, None, back_end=back_end).run(1)
print(time.perf_counter() - begin)
"""


def compiling_row() -> Row:
    """What it takes to compile a step of the lab's network, in a fresh process; Numba imported."""
    kept, from_disk = tempfile.TemporaryDirectory(), f"{OURS}, from the disk"

    def compiling(back_end: str, is_first: bool) -> Callable[[], float]:
        def run() -> float:
            with tempfile.TemporaryDirectory() as empty:
                done = subprocess.run(
                    [sys.executable, "-c", _COMPILING, back_end],
                    check=True, capture_output=True, text=True,
                    env={**os.environ, "AUTOGRAD_LITE_CACHE": empty if is_first else kept.name},
                )  # fmt: skip
            return float(done.stdout)

        return run

    return Row(
        "compiling the lab's step",
        "a step",
        [
            Contender(OURS, compiling("numba", True), times_itself=True),
            Contender(from_disk, compiling("numba", False), times_itself=True),
            Contender(NUMPY, compiling("numpy", False), times_itself=True),
        ],
        [Ask(most=3.0), Ask(most=0.3, ours=from_disk), Ask(most=0.03, ours=NUMPY)],
        quantity="s",
        scale=1.0,
        rounds=5,
    )


ROWS: dict[str, Callable[[], Row]] = {
    "loop": loop_row,
    "training": training_row,
    "many": many_row,
    "formula-1e5": lambda: formula_row(100_000),
    "formula-1e6": lambda: formula_row(1_000_000),
    "formula-1e7": lambda: formula_row(10_000_000),
    "fifty-tanh": lambda: fifty_row("tanh"),
    "fifty-sin": lambda: fifty_row("sin"),
    "product": product_row,
    "moons": moons_row,
    "compiling": compiling_row,
}
