"""Backward passes that are broken on purpose, as a learner would break them, made by program.

`cases` yields networks of several shapes with hand-written backward passes, each with one
mistake and the kind of diagnosis that it should get. `python -m benchmarks diagnoses`
measures how many are named rightly (recall), and how many names are right (precision).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from autograd_lite.errors import GradientCheckError
from autograd_lite.testing import check_gradient_function


@dataclass(frozen=True)
class Case:
    """A network with a broken backward pass, and the kinds of diagnosis that are right."""

    network: str
    mistake: str
    expected: frozenset[str]
    loss: Callable[..., Any]
    gradient: Callable[..., Any]
    point: dict[str, Any]


SLOPES = {
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a**2,
    "relu": lambda a: 1.0 * (a > 0),
}
FORWARD = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}

# mistake: the kinds that name it. Where two mistakes give the same numbers, either is right.
MISTAKES: dict[str, set[str]] = {
    "twice": {"factor"},
    "half": {"factor"},
    "sign": {"sign"},
    "mean for the bias": {"mean"},
    "mean for the weight": {"mean"},
    "sum for a mean": {"sum"},
    "no sum over the batch": {"missing sum"},
    "transposed": {"transposed"},
    "no derivative": {"missing derivative"},
    "derivative twice": {"doubled derivative"},
    "derivative at the value": {"derivative at its value"},
    "derivative at the argument": {"derivative at its argument"},
    "zero weight": {"zero"},
    "zero bias": {"zero"},
    "another's": {"another's"},
    "argument for result": {"argument for result"},
    "no regularisation": {"regularisation"},
    "regularisation twice": {"regularisation"},
    "one use of two": {"missing sum of uses"},
    "stale": {"stale"},
    "added up": {"accumulates"},
    "another's derivative": {"another's derivative"},
    "all axes summed": {"too many sums"},
}


class Network:
    """A stack of layers on a fixed batch, with a hand-written backward pass."""

    def __init__(
        self, sizes: list[int], activation: str, loss: str, n: int, decay: float, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        self.sizes, self.activation, self.kind, self.n, self.decay = (
            sizes,
            activation,
            loss,
            n,
            decay,
        )
        self.X = rng.normal(size=(n, sizes[0]))
        self.T = rng.normal(size=(n, sizes[-1]))
        self.labels = rng.integers(0, sizes[-1], n)
        self.point = {}
        for i, (a, b) in enumerate(pairwise(sizes)):
            self.point[f"W{i}"] = rng.normal(size=(a, b))
            self.point[f"b{i}"] = rng.normal(size=b) * 0.3
        self.name = f"{'-'.join(map(str, sizes))} {activation} {loss}"

    @property
    def depth(self) -> int:
        return len(self.sizes) - 1

    def is_balanced(self, i: int) -> bool:
        """Whether a layer's upstream gradients sum to 0, as those of a softmax do."""
        return self.kind == "softmax" and i == self.depth - 1

    def run(self, p: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        zs, activations = [], [self.X]
        for i in range(self.depth):
            z = activations[-1] @ p[f"W{i}"] + p[f"b{i}"]
            if i and self.is_residual(i):
                z = z + activations[-1]
            zs.append(z)
            last = i == self.depth - 1
            activations.append(z if last else FORWARD[self.activation](z))
        return zs, activations

    def is_residual(self, i: int) -> bool:
        return self.kind == "residual" and self.sizes[i] == self.sizes[i + 1]

    def loss(self, p: dict[str, Any]) -> Any:
        _, activations = self.run(p)
        out = activations[-1]
        if self.kind == "softmax":
            e = np.exp(out)
            value = -np.sum(
                np.log((e / np.sum(e, axis=1, keepdims=True))[np.arange(self.n), self.labels])
            )
        else:
            value = np.sum((out - self.T) ** 2) / self.n
        return value + self.decay / 2 * sum(np.sum(p[f"W{i}"] ** 2) for i in range(self.depth))

    def gradient(self, p: dict[str, Any], mistake: str = "", at: int = 0) -> dict[str, Any]:
        """The backward pass, with a mistake in layer `at`."""
        zs, activations = self.run(p)
        out = activations[-1]
        if self.kind == "softmax":
            e = np.exp(out)
            dz = e / np.sum(e, axis=1, keepdims=True)
            dz[np.arange(self.n), self.labels] -= 1
        else:
            dz = 2 * (out - self.T) / self.n
        g: dict[str, Any] = {}
        for i in reversed(range(self.depth)):
            here = mistake if i == at else ""
            a = activations[i]
            if here == "argument for result":
                a = zs[i - 1]
            dW, db = a.T @ dz, dz.sum(axis=0)
            decay = {"no regularisation": 0.0, "regularisation twice": 2.0}.get(here, 1.0)
            if here == "twice":
                dW = 2 * dW
                decay *= 2
            elif here == "half":
                db = db / 2
            elif here == "sign":
                dW, decay = -dW, -decay
            elif here == "mean for the bias":
                db = dz.mean(axis=0)
            elif here == "mean for the weight":
                dW, decay = dW / self.n, decay / self.n
            elif here == "sum for a mean":
                db = db * self.n
            elif here == "no sum over the batch":
                db = dz
            elif here == "zero weight":
                dW, decay = 0 * dW, 0.0
            elif here == "zero bias":
                db = 0 * db
            elif here == "all axes summed":
                db = np.full_like(db, dz.sum())
            dW = dW + decay * self.decay * p[f"W{i}"]
            if here == "transposed":
                dW = dW.T
            g[f"W{i}"], g[f"b{i}"] = dW, db
            if i == 0:
                break
            da = dz @ p[f"W{i}"].T
            if self.is_residual(i) and here != "one use of two":
                da = da + dz
            slope = SLOPES[self.activation](activations[i])
            if here == "no derivative":
                slope = 1.0
            elif here == "derivative twice":
                slope = slope**2
            elif here == "derivative at the value":
                slope = SLOPES[self.activation](FORWARD[self.activation](activations[i]))
            elif here == "derivative at the argument":
                slope = SLOPES[self.activation](zs[i - 1])
            elif here == "another's derivative":
                slope = SLOPES["tanh" if self.activation == "sigmoid" else "sigmoid"](
                    activations[i]
                )
            dz = da * slope
        if mistake == "another's":
            g[f"W{at}"] = self.alike(g, at)
        return g

    def alike(self, g: dict[str, Any], at: int) -> Any:
        """Return the gradient of another weight of the same shape."""
        shape = g[f"W{at}"].shape
        return next(g[f"W{i}"] for i in range(self.depth) if i != at and g[f"W{i}"].shape == shape)


def _is_possible(network: Network, mistake: str, at: int) -> bool:
    a, b = network.sizes[at], network.sizes[at + 1]
    inner = at > 0
    if mistake in (
        "no derivative",
        "derivative twice",
        "argument for result",
        "another's derivative",
    ):
        return inner and not (mistake == "derivative twice" and network.activation == "relu")
    if mistake in ("derivative at the value", "derivative at the argument"):
        return inner and network.activation != "relu"
    if mistake == "another's":
        shapes = list(pairwise(network.sizes))
        return shapes.count((a, b)) > 1
    if mistake == "transposed":
        return a > 1 and b > 1
    if "regularisation" in mistake:
        return network.decay > 0
    if mistake == "one use of two":
        return inner and network.is_residual(at)
    if mistake == "all axes summed":
        return b > 1
    return True


NETWORKS = [
    Network([2, 4, 4, 1], "sigmoid", "mse", 21, 0.0, 0),
    Network([2, 3, 2], "tanh", "softmax", 20, 0.01, 1),
    Network([3, 5, 5, 5, 2], "tanh", "residual", 9, 0.1, 2),
    Network([4, 6, 3], "relu", "softmax", 11, 0.1, 3),
    Network([2, 7, 7, 7, 1], "sigmoid", "mse", 13, 0.05, 4),
]


def cases() -> Iterator[Case]:
    """Yield every mistake in every layer where it can be made."""
    for network in NETWORKS:
        for mistake, expected in MISTAKES.items():
            for at in range(network.depth):
                if mistake in ("stale", "added up"):
                    if at == 0:
                        yield _with_memory(network, mistake, frozenset(expected))
                elif _is_possible(network, mistake, at):
                    gradient = _broken(network, mistake, at)
                    if mistake == "all axes summed" and network.is_balanced(at):
                        expected = {"zero"}
                    yield Case(
                        network.name, f"{mistake} in layer {at}", frozenset(expected),
                        network.loss, gradient, network.point,
                    )  # fmt: skip


def _broken(network: Network, mistake: str, at: int) -> Callable[..., Any]:
    def gradient(p: dict[str, Any]) -> dict[str, Any]:
        return network.gradient(p, mistake, at)

    return gradient


def _with_memory(network: Network, mistake: str, expected: frozenset[str]) -> Case:
    kept: dict[str, Any] = {}

    def gradient(p: dict[str, Any]) -> dict[str, Any]:
        if mistake == "stale":
            if not kept:
                kept.update({k: np.array(x) for k, x in p.items()})
            return network.gradient(kept)
        for k, g in network.gradient(p).items():
            kept[k] = kept.get(k, 0.0) + g
        return {k: np.array(g) for k, g in kept.items()}

    return Case(network.name, mistake, expected, network.loss, gradient, network.point)


def found(case: Case) -> list[str] | None:
    """Return the kinds that a check names; None if it finds nothing wrong."""
    try:
        check_gradient_function(case.loss, case.gradient, case.point)
    except GradientCheckError as error:
        return [f.kind for f in error.findings if f.kind != "step"]
    return None


def main() -> None:
    """Count how many mistakes are found and named, and print a table."""
    counts: dict[str, list[int]] = {}
    for case in cases():
        kinds = found(case)
        row = counts.setdefault(case.mistake.split(" in layer")[0], [0, 0, 0, 0])
        named = bool(kinds)
        right = named and set(kinds or ()) <= case.expected
        for i, x in enumerate((True, kinds is not None, named, right)):
            row[i] += x
    total = [sum(column) for column in zip(*counts.values(), strict=True)]
    print("| mistake | made | found | named | rightly |\n|---|---|---|---|---|")
    for name, row in {**counts, "**all**": total}.items():
        print(f"| {name} | {' | '.join(map(str, row))} |")
    made, _, named_, right_ = total
    print(f"\nprecision {right_ / named_:.1%}, recall {right_ / made:.1%}")
    for network in NETWORKS:
        check_gradient_function(network.loss, network.gradient, network.point)
    print(f"right backward passes that were called wrong: 0 of {len(NETWORKS)}")


if __name__ == "__main__":
    main()
