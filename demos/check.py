"""Hand-written backward passes, right and wrong, are checked.

Four networks as learners write them. One is right; R2's takes a mean over the batch where a
sum belongs; one forgets the derivative of a sigmoid; one keeps what an earlier forward pass
left behind. For each, what the check says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite.errors import GradientCheckError
from autograd_lite.testing import check_gradient_function, stored

from .command import SOURCES, Parser

Array = np.ndarray[Any, np.dtype[np.float64]]
Parts = tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]


def sigmoid(z: Any) -> Any:
    """1 / (1 + exp(−z))."""
    return 1 / (1 + np.exp(-z))


class Lab:
    """The lab's network, 2-4-4-1 with sigmoids, and its backward pass; it is right."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.w1, self.w2, self.w3 = (rng.normal(size=s) for s in ((2, 4), (4, 4), (4, 1)))

    def forward(self, x: Any) -> Any:
        """Return the prediction for points (n, 2)."""
        self.x = x
        self.a1 = sigmoid(x @ self.w1)
        self.a2 = sigmoid(self.a1 @ self.w2)
        self.y = sigmoid(self.a2 @ self.w3)
        return self.y

    def slope(self, a: Any) -> Any:
        """Return σ′ by a = σ(z)."""
        return a * (1 - a)

    def backprop(self, truth: Any) -> None:
        """Store the gradient of the mean squared error."""
        dy = 2 * (self.y - truth) / len(truth)
        dz3 = dy * self.slope(self.y)
        self.d_L_w3 = self.a2.T @ dz3
        dz2 = (dz3 @ self.w3.T) * self.slope(self.a2)
        self.d_L_w2 = self.a1.T @ dz2
        dz1 = (dz2 @ self.w2.T) * self.slope(self.a1)
        self.d_L_w1 = self.x.T @ dz1


class Forgetful(Lab):
    """The same, without the derivative of the second sigmoid."""

    def backprop(self, truth: Any) -> None:
        """Store the gradient of the mean squared error."""
        dy = 2 * (self.y - truth) / len(truth)
        dz3 = dy * self.slope(self.y)
        self.d_L_w3 = self.a2.T @ dz3
        dz2 = dz3 @ self.w3.T
        self.d_L_w2 = self.a1.T @ dz2
        dz1 = (dz2 @ self.w2.T) * self.slope(self.a1)
        self.d_L_w1 = self.x.T @ dz1


class Stale(Lab):
    """The same, with activations that are kept from the first forward pass on."""

    kept: tuple[Any, ...] = ()

    def backprop(self, truth: Any) -> None:
        """Store the gradient of the mean squared error."""
        self.kept = self.kept or (self.a1, self.a2, self.y, self.w2, self.w3)
        a1, a2, y, w2, w3 = self.kept
        dz3 = 2 * (y - truth) / len(truth) * self.slope(y)
        self.d_L_w3 = a2.T @ dz3
        dz2 = (dz3 @ w3.T) * self.slope(a2)
        self.d_L_w2 = a1.T @ dz2
        dz1 = (dz2 @ w2.T) * self.slope(a1)
        self.d_L_w1 = self.x.T @ dz1


def of_lab(kind: type[Lab]) -> Parts:
    """Return loss, gradient and point of a network that stores its gradients."""
    x = np.random.default_rng(1).random((21, 2))
    truth = np.round(x[:, :1])
    return stored(
        kind(),
        lambda net: np.mean((net.forward(x) - truth) ** 2),
        lambda net: net.backprop(truth),
    )


def of_r2() -> Parts:
    """Return loss, gradient and point of R2's network: softmax, L2, gradients in a dict."""
    rng = np.random.default_rng(2)
    x, labels, decay = rng.normal(size=(200, 2)), rng.integers(0, 2, 200), 0.01
    rows = np.arange(len(x))

    def run(p: dict[str, Any]) -> tuple[Any, Any]:
        a1 = np.tanh(x @ p["W1"] + p["b1"])
        e = np.exp(a1 @ p["W2"] + p["b2"])
        return a1, e / np.sum(e, axis=1, keepdims=True)

    def loss(p: dict[str, Any]) -> Any:
        _, probs = run(p)
        weights = np.sum(p["W1"] ** 2) + np.sum(p["W2"] ** 2)
        return -np.sum(np.log(probs[rows, labels])) + decay / 2 * weights

    def backward(p: dict[str, Any]) -> dict[str, Any]:
        a1, delta3 = run(p)
        delta3[rows, labels] -= 1
        delta2 = (delta3 @ p["W2"].T) * (1 - a1**2)
        return {
            "W1": x.T @ delta2 + decay * p["W1"],
            "b1": np.mean(delta2, axis=0),
            "W2": a1.T @ delta3 + decay * p["W2"],
            "b2": np.mean(delta3, axis=0),
        }

    sizes = {"W1": (2, 3), "b1": (3,), "W2": (3, 2), "b2": (2,)}
    return loss, backward, {name: rng.normal(size=shape) for name, shape in sizes.items()}


NETWORKS: dict[str, tuple[str, Callable[[], Parts]]] = {
    "lab": ("the lab's network, right", lambda: of_lab(Lab)),
    "R2": ("R2's network, with the mistake that it was handed in with", of_r2),
    "forgetful": ("the lab's network without one derivative", lambda: of_lab(Forgetful)),
    "stale": ("the lab's network with a cache that is never renewed", lambda: of_lab(Stale)),
}


def main(argv: list[str]) -> int:
    """Check the networks and say what was found."""
    parser = Parser(prog="python -m demos check", description=__doc__, epilog=SOURCES)
    parser.add_argument("--network", choices=NETWORKS, metavar="NAME",
                        help=f"one of {', '.join(NETWORKS)} (default: all)")  # fmt: skip
    chosen = parser.parse_args(argv).network
    for name, (said, parts) in NETWORKS.items():
        if chosen in (None, name):
            print(f"{name}: {said}")
            try:
                print(check_gradient_function(*parts()))
            except GradientCheckError as error:
                print(error.report)
                for finding in error.findings:
                    print(f"→ {finding.text}")
            print()
    return 0
