"""Programs written for micrograd run, with `Tensor as Value` and inputs that require gradients.

The programs are written here in micrograd's manner; where micrograd is
installed (the extra `bench`), its own engine gives the reference as well.
"""

import itertools
import random

import numpy as np
import pytest

from autograd_lite import Tensor


def value(number):
    """As `Value(number)` there; here an input is marked, and an integer is made a float."""
    return Tensor(float(number), requires_grad=True)


class Neuron:
    def __init__(self, make, rng, n_inputs, nonlinear):
        self.weights = [make(rng.uniform(-1, 1)) for _ in range(n_inputs)]
        self.bias = make(0)
        self.nonlinear = nonlinear

    def __call__(self, inputs):
        total = sum((w * x for w, x in zip(self.weights, inputs, strict=True)), self.bias)
        return total.relu() if self.nonlinear else total

    def parameters(self):
        return [*self.weights, self.bias]


class Network:
    def __init__(self, make, rng, sizes):
        self.layers = [
            [Neuron(make, rng, a, i < len(sizes) - 2) for _ in range(b)]
            for i, (a, b) in enumerate(itertools.pairwise(sizes))
        ]

    def __call__(self, x):
        for layer in self.layers:
            x = [neuron(x) for neuron in layer]
        return x[0]

    def parameters(self):
        return [p for layer in self.layers for neuron in layer for p in neuron.parameters()]


def two_moons(rng, n):
    points, labels = [], []
    for i in range(n):
        angle, upper = np.pi * i / n, i % 2 == 0
        x, y = np.cos(angle), np.sin(angle)
        points.append((x, y) if upper else (1 - x, 0.5 - y))
        labels.append(1 if upper else -1)
        points[-1] = tuple(c + rng.gauss(0, 0.1) for c in points[-1])
    return points, labels


def max_margin_steps(make, steps=5):
    """Train as in micrograd's demo; return the losses and the last gradients."""
    rng = random.Random(1337)
    network = Network(make, rng, [2, 8, 8, 1])
    points, labels = two_moons(rng, 20)
    losses = []
    for k in range(steps):
        inputs = [[make(c) for c in point] for point in points]
        scores = [network(x) for x in inputs]
        margins = [(1 + -label * score).relu() for label, score in zip(labels, scores, strict=True)]
        data_loss = sum(margins) * (1.0 / len(margins))
        penalty = 1e-4 * sum(p * p for p in network.parameters())
        total = data_loss + penalty
        for p in network.parameters():
            p.grad = 0
        total.backward()
        for p in network.parameters():
            p.data -= (1.0 - 0.9 * k / 100) * p.grad
        losses.append(float(total.data))
        accuracy = [
            (label > 0) == (score.data > 0) for label, score in zip(labels, scores, strict=True)
        ]
        assert 0 <= sum(accuracy) <= len(labels)
    return losses, [float(p.grad) for p in network.parameters()]


def reference_steps(steps=5):
    """The same training in NumPy, with the gradient written by hand."""
    rng = random.Random(1337)
    sizes = [2, 8, 8, 1]
    layers = []
    for a, b in itertools.pairwise(sizes):
        layers.append(
            (np.array([[rng.uniform(-1, 1) for _ in range(a)] for _ in range(b)]), np.zeros(b))
        )
    points, labels = two_moons(rng, 20)
    x, y = np.array(points), np.array(labels)
    losses = []
    for k in range(steps):
        activations, sums = [x], []
        for i, (w, b) in enumerate(layers):
            sums.append(activations[-1] @ w.T + b)
            activations.append(np.maximum(sums[-1], 0) if i < 2 else sums[-1])
        margin = 1 - y * activations[-1][:, 0]
        losses.append(
            np.mean(np.maximum(margin, 0))
            + 1e-4 * sum((w**2).sum() + (b**2).sum() for w, b in layers)
        )
        g = (-(y * (margin > 0)) / len(y))[:, None]
        gradients = [None] * 3
        for i in (2, 1, 0):
            if i < 2:
                g = g * (sums[i] > 0)
            w, b = layers[i]
            gradients[i] = (g.T @ activations[i] + 2e-4 * w, g.sum(0) + 2e-4 * b)
            g = g @ w
        rate = 1.0 - 0.9 * k / 100
        layers = [
            (w - rate * gw, b - rate * gb)
            for (w, b), (gw, gb) in zip(layers, gradients, strict=True)
        ]
    flat = []
    for gw, gb in gradients:
        for row, bias in zip(gw, gb, strict=True):
            flat += [*row.tolist(), float(bias)]
    return losses, flat


def test_an_mlp_on_two_moons_with_a_max_margin_loss():
    losses, gradients = max_margin_steps(value)
    expected_losses, expected_gradients = reference_steps()
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-12)
    np.testing.assert_allclose(gradients, expected_gradients, rtol=1e-9, atol=1e-13)


def many_uses(make):
    """A graph in which values are used many times."""
    a, b = make(-4.0), make(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    return float(g.data), float(a.grad), float(b.grad)


def test_a_graph_in_which_values_are_used_many_times():
    result, da, db = many_uses(value)
    # By hand at a = -4, b = 2: c = 4c₀+3-a... worked out with exact fractions.
    from fractions import Fraction as F

    def g(a, b):
        c = a + b
        d = a * b + b**3
        c += c + 1
        c += 1 + c + (-a)
        d += d * 2 + max(b + a, 0)
        d += 3 * d + max(b - a, 0)
        f = (c - d) ** 2
        return f / 2 + 10 / f

    h = F(1, 10**8)
    a, b = F(-4), F(2)
    assert result == pytest.approx(float(g(a, b)), rel=1e-14)
    assert da == pytest.approx(float((g(a + h, b) - g(a - h, b)) / (2 * h)), rel=1e-12)
    assert db == pytest.approx(float((g(a, b + h) - g(a, b - h)) / (2 * h)), rel=1e-12)


def test_micrograd_itself_agrees():
    engine = pytest.importorskip("micrograd.engine")
    np.testing.assert_allclose(many_uses(value), many_uses(engine.Value), rtol=1e-13)
    ours, theirs = max_margin_steps(value), max_margin_steps(engine.Value)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-13)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-9, atol=1e-13)


def test_other_methods_of_a_value():
    x = value(0.7)
    y = x.tanh() * x.exp() + 2**x - 1 / x + x.log()
    y.backward()
    t = np.tanh(0.7)
    slope = (1 - t * t) * np.exp(0.7) + t * np.exp(0.7) + np.log(2) * 2**0.7 + 1 / 0.49 + 1 / 0.7
    assert x.grad == pytest.approx(slope, rel=1e-13)
