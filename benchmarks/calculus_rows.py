"""The rows for the calculus of NumPy: large arrays, matrices of derivatives, many pieces."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

import nn
from autograd_lite import Tensor, grad, hessian, hvp, jacobian
from demos.data import generate_XOR_easy

from .harness import OURS, Ask, Contender, Row, peer


def _torch() -> Any:
    torch = peer("torch")
    if torch:
        torch.set_num_threads(1)
    return torch


def _jax() -> Any:
    jax = peer("jax")
    if jax:
        jax.config.update("jax_enable_x64", True)
    return jax


# -- a formula of 50 terms on a million numbers ------------------------------------------------

TERMS = 50


def _formula(np_: Any, x: Any) -> Any:
    """Σₖ sin(k x) / k, each term written out, then the mean."""
    total = np_.sin(x)
    for k in range(2, TERMS + 1):
        total = total + np_.sin(x * k) / k
    return total.mean() if hasattr(total, "mean") else np_.mean(total)


def _formula_by_hand(x: Any) -> Any:
    """Its derivative, term by term, each temporary worked on in place."""
    total = np.cos(x)
    for k in range(2, TERMS + 1):
        term = x * k
        np.cos(term, out=term)
        total += term
    total /= x.size
    return total


def _value_and_formula_by_hand(x: Any) -> Any:
    """The value and the derivative together, which is what the engines compute."""
    total = np.sin(x)
    for k in range(2, TERMS + 1):
        term = x * k
        np.sin(term, out=term)
        term /= k
        total += term
    return total.mean(), _formula_by_hand(x)


def long_formula() -> Row:
    """The gradient of a formula of 50 terms on 1e6 numbers."""
    return _formula_row(
        f"gradient of {TERMS} sines on 1e6 numbers",
        _formula,
        {
            "hand-written derivative": _formula_by_hand,
            "value and derivative, hand-written": lambda x: _value_and_formula_by_hand(x)[1],
        },
        "hand-written derivative",
        "an engine computes the value as well: beside both by hand, see the line of that name",
    )


_RNG = np.random.default_rng(1)
COEFFICIENTS = [tuple(map(float, row)) for row in _RNG.normal(size=(TERMS, 3))]


def _steps(np_: Any, x: Any) -> Any:
    """Σₖ w tanh(a x + b), then the mean."""
    total = 0.0
    for w, a, b in COEFFICIENTS:
        total = total + np_.tanh(x * a + b) * w
    return total.mean()  # type: ignore[attr-defined]


def _steps_by_hand(x: Any) -> Any:
    """Its derivative, which needs each tanh: the value costs a multiplication and a sum more."""
    value, slope = np.zeros_like(x), np.zeros_like(x)
    for w, a, b in COEFFICIENTS:
        t = x * a
        t += b
        np.tanh(t, out=t)
        value += t * w
        np.multiply(t, t, out=t)
        np.subtract(1.0, t, out=t)
        t *= w * a
        slope += t
    slope /= x.size
    value.mean()
    return slope


def steps_row() -> Row:
    """The same for a formula whose derivative is made of its value."""
    return _formula_row(
        f"gradient of {TERMS} tanh on 1e6 numbers",
        _steps,
        {"value and derivative, hand-written": _steps_by_hand},
        "value and derivative, hand-written",
    )


FORMULAS = {"sines": _formula, "tanh": _steps}


def _formula_row(
    name: str, formula: Any, by_hand: dict[str, Any], asked: str, note: str = ""
) -> Row:
    x = np.random.default_rng(0).uniform(-3, 3, 1_000_000)

    def ours() -> Any:
        return grad(lambda t: formula(np, t))(x)

    def called(f: Any) -> Callable[[], Any]:
        return lambda: f(x)

    contenders = [Contender(OURS, ours)]
    for what, f in by_hand.items():
        np.testing.assert_allclose(ours(), f(x), rtol=1e-9, atol=1e-15)
        contenders.append(Contender(what, called(f)))
    autograd = peer("autograd")
    if autograd:
        gradient = autograd.grad(lambda t: formula(importlib.import_module("autograd.numpy"), t))
        contenders.append(Contender("HIPS autograd", lambda: gradient(x)))
    torch = _torch()
    if torch:

        def theirs() -> Any:
            t = torch.tensor(x, requires_grad=True)
            formula(torch, t).backward()
            return t.grad

        contenders.append(Contender("PyTorch", theirs))
    jax = _jax()
    if jax:
        fast = jax.jit(jax.grad(lambda t: formula(jax.numpy, t)))
        contenders.append(Contender("JAX, compiled", lambda: fast(x).block_until_ready()))
    return Row(name, "a gradient", contenders, [Ask(asked, 1.3)], note)


# -- matrices of derivatives -------------------------------------------------------------------


def _rosenbrock(x: Any) -> Any:
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def hessian_row() -> Row:
    """The Hessian of Rosenbrock's function in 100 dimensions."""
    x = np.random.default_rng(0).normal(size=100)
    ours = hessian(_rosenbrock)
    contenders = [Contender(OURS, lambda: ours(x))]
    autograd = peer("autograd")
    if autograd:
        theirs = autograd.hessian(_rosenbrock)
        contenders.append(Contender("HIPS autograd", lambda: theirs(x)))
        np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-9, atol=1e-8)
    torch = _torch()
    if torch:
        t = torch.tensor(x)
        contenders.append(
            Contender("PyTorch", lambda: torch.autograd.functional.hessian(_rosenbrock, t))
        )
    jax = _jax()
    if jax:
        fast = jax.jit(jax.hessian(_rosenbrock))
        contenders.append(Contender("JAX, compiled", lambda: fast(x).block_until_ready()))
    return Row(
        "Hessian of Rosenbrock, n = 100", "a Hessian", contenders, [Ask("HIPS autograd", 0.55)]
    )


def jacobian_row() -> Row:
    """The Jacobian of a map from 100 numbers to 100."""
    rng = np.random.default_rng(0)
    a, x = rng.normal(size=(100, 100)) / 10, rng.normal(size=100)

    def ours_of(t: Any) -> Any:
        return np.tanh(a @ np.tanh(a @ t))

    ours = jacobian(ours_of)
    contenders = [Contender(OURS, lambda: ours(x))]
    autograd = peer("autograd")
    if autograd:
        anp = importlib.import_module("autograd.numpy")
        theirs = autograd.jacobian(lambda t: anp.tanh(anp.dot(a, anp.tanh(anp.dot(a, t)))))
        contenders.append(Contender("HIPS autograd", lambda: theirs(x)))
        np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-9, atol=1e-12)
    torch = _torch()
    if torch:
        ta, tx = torch.tensor(a), torch.tensor(x)

        def torch_of(t: Any) -> Any:
            return torch.tanh(ta @ torch.tanh(ta @ t))

        contenders.append(
            Contender("PyTorch", lambda: torch.autograd.functional.jacobian(torch_of, tx))
        )
    jax = _jax()
    if jax:
        jnp = jax.numpy
        fast = jax.jit(jax.jacobian(lambda t: jnp.tanh(a @ jnp.tanh(a @ t))))
        contenders.append(Contender("JAX, compiled", lambda: fast(x).block_until_ready()))
    return Row("Jacobian, 100 → 100", "a Jacobian", contenders, [Ask("HIPS autograd", 0.79)])


def hvp_row() -> Row:
    """A Hessian-vector product of the lab network's loss, beside its gradient."""
    inputs, targets = generate_XOR_easy()
    targets = targets.astype(float)
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=s) for s in ((4, 2), (4, 4), (1, 4))]
    along = [rng.normal(size=w.shape) for w in weights]
    f = nn.functional

    def loss(ws: Any) -> Any:
        z = inputs
        for w in ws:
            z = f.sigmoid(f.linear(z, w))
        return f.mse_loss(z, targets)

    gradient, product = grad(loss), hvp(loss)
    contenders = [
        Contender(OURS, lambda: [product(weights, along) for _ in range(20)], 20),
        Contender("its gradient", lambda: [gradient(weights) for _ in range(20)], 20),
    ]
    return Row("hvp on the lab network", "a call", contenders, [Ask("its gradient", 3.3)])


# -- indices that repeat, many pieces ----------------------------------------------------------


def indexing_row() -> Row:
    """x[i].sum() with a million indices that repeat, forward and backward."""
    rng = np.random.default_rng(0)
    x, i = rng.normal(size=100_000), rng.integers(0, 100_000, 1_000_000)

    def ours() -> Any:
        t = Tensor(x, requires_grad=True)
        (t[i] * t[i]).sum().backward()
        return t.grad

    contenders = [Contender(OURS, ours)]
    autograd = peer("autograd")
    if autograd:
        theirs = autograd.grad(lambda t: (t[i] * t[i]).sum())
        contenders.append(Contender("HIPS autograd", lambda: theirs(x)))
    torch = _torch()
    if torch:
        index = torch.tensor(i)

        def of_torch() -> Any:
            t = torch.tensor(x, requires_grad=True)
            (t[index] * t[index]).sum().backward()
            return t.grad

        np.testing.assert_allclose(ours(), of_torch().numpy(), rtol=1e-9)
        contenders.append(Contender("PyTorch", of_torch))
    jax = _jax()
    if jax:
        fast = jax.jit(jax.grad(lambda t: (t[i] * t[i]).sum()))
        contenders.append(Contender("JAX, compiled", lambda: fast(x).block_until_ready()))
    return Row(
        "indexing with repeats, 1e6 indices", "a gradient", contenders, [Ask("HIPS autograd", 0.96)]
    )


def joining_row(join: str = "concatenate") -> Row:
    """Joining 10,000 pieces, beside 1,000: linear in their number where the ratio is about 1."""

    def run(n: int) -> Callable[[], Any]:
        pieces = [np.full(3, float(k)) for k in range(n)]

        def once() -> Any:
            leaves = [Tensor(p, requires_grad=True) for p in pieces]
            (getattr(np, join)(leaves) ** 2).sum().backward()
            return leaves

        return once

    contenders = [
        Contender(OURS, run(10_000), 10_000),
        Contender("itself, with 1,000 pieces", run(1_000), 1_000),
    ]
    return Row(
        f"{join} of 10,000 pieces", "a piece", contenders, [Ask("itself, with 1,000 pieces", 1.5)]
    )


ROWS: dict[str, Callable[[], Row]] = {
    "formula": long_formula,
    "formula-tanh": steps_row,
    "hessian": hessian_row,
    "jacobian": jacobian_row,
    "hvp": hvp_row,
    "indexing": indexing_row,
    "concatenate": joining_row,
    "stack": lambda: joining_row("stack"),
}
