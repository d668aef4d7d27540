"""The formulas of the hand-out and the reports come out of the program, and hold.

Each formula is read off a derivation as text, computed by Python at other numbers than those
that it was derived at, and held against differences of the program itself.
"""

import re

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, explain
from autograd_lite.lesson.elements import element
from autograd_lite.lesson.equations import equations
from autograd_lite.lesson.notation import LATEX, TEXT
from autograd_lite.lesson.writing import write

RNG = np.random.default_rng(3)


def formulas(loss, part="gradients", level="program"):
    """Return every formula of a derivation, by what it is equal to."""
    found = {}
    for e in getattr(equations(explain(loss, level=level).derivation, TEXT), part):
        found.setdefault(e.left, []).extend(e.right[:1])  # a remark has none
    return found


def value(formula, product="*", **names):
    """Compute a formula with Python's own operators."""
    python = formula.replace("⊙", "*").replace("^", "**").replace("ᵀ", ".T")
    python = re.sub(r"∂L/∂(\w+)", r"g_\1", python.replace("·", product))
    return eval(python, {"exp": np.exp, "sigmoid": lambda z: 1 / (1 + np.exp(-z)), **names})


def slope(f, at, name, h=1e-6):
    """Return the derivative of f by one of its arguments, by central differences."""
    up, down = ({**at, name: at[name] + s * h} for s in (1, -1))
    return (f(**up) - f(**down)) / (2 * h)


# -- a neuron: ∂L/∂w1 as a product of local derivatives ---------------------------------------


def neuron(w1, w2, b, x1, x2):
    z = w1 * x1 + w2 * x2 + b
    y = 1.0 / (1.0 + np.exp(-z))
    return (y - 1.0) ** 2.0, y


def test_the_gradient_of_a_weight_is_a_product_of_local_derivatives():
    at = {"w1": 0.8, "w2": -0.3, "b": 0.1, "x1": 0.5, "x2": -1.0}
    t = {name: Tensor(x, requires_grad=name[0] in "wb", name=name) for name, x in at.items()}
    z = t["w1"] * t["x1"] + t["w2"] * t["x2"] + t["b"]
    y = z.sigmoid()
    e = y - 1.0
    loss = e**2.0
    z.name, y.name, e.name, loss.name = "z", "y", "e", "L"
    found = formulas(loss)
    assert found["∂L/∂w1"][:2] == [
        "L′(e) · e′(y) · y′(z) · z′(t3) · t3′(t1) · t1′(w1)",
        "2 · e · y · (1 - y) · x1",
    ]
    other = {"w1": -0.4, "w2": 1.1, "b": 0.7, "x1": 2.0, "x2": 0.3}
    _, y = neuron(**other)
    for name in ("w1", "w2", "b"):
        formula = found[f"∂L/∂{name}"][1]
        expected = slope(lambda **a: neuron(**a)[0], other, name)
        assert value(formula, y=y, e=y - 1.0, **other) == pytest.approx(expected, rel=1e-6)


# -- the network: the matrix forms ------------------------------------------------------------


def network(X, T, W1, W2, W3):
    """Return what the hand-out has, written by hand: the loss, and what is on the way."""
    h1 = 1 / (1 + np.exp(-X @ W1.T))
    h2 = 1 / (1 + np.exp(-h1 @ W2.T))
    y = 1 / (1 + np.exp(-h2 @ W3.T))
    return np.mean((y - T) ** 2), h1, h2, y


def test_the_matrix_forms_of_backpropagation():
    X, T = RNG.uniform(size=(5, 2)), RNG.uniform(size=(5, 1))
    weights = [RNG.normal(size=s) for s in ((4, 2), (4, 4), (1, 4))]
    model = nn.MLP([2, 4, 4, 1], "sigmoid", output_activation="sigmoid", bias=False, rng=0)
    for layer, w, name in zip(model[::2], weights, ("W1", "W2", "W3"), strict=True):
        layer.weight.data = w
        layer.weight.name = name
    h1 = model[1](model[0](Tensor(X, name="X")))
    h2 = model[3](model[2](h1))
    y = model[5](model[4](h2))
    h1.name, h2.name, y.name = "h1", "h2", "y"
    loss = nn.MSELoss()(y, Tensor(T, name="T"))
    loss.name = "L"
    found = formulas(loss, "backward")
    assert found["L′(y)"][0] == "0.4 · (y - T)"  # 2 / n
    assert found["y′(t3)"] == ["y ⊙ (1 - y)"]
    assert found["∂L/∂W3"] == ["(∂L/∂t3)ᵀ · h2"]
    assert found["∂L/∂h2"] == ["∂L/∂t3 · W3"]
    assert found["∂L/∂W2"] == ["(∂L/∂t2)ᵀ · h1"]
    assert found["∂L/∂W1"] == ["(∂L/∂t1)ᵀ · X"]
    # Backpropagation by these formulas alone, at other weights, against differences.
    at = dict(zip(("W1", "W2", "W3"), (RNG.normal(size=w.shape) for w in weights), strict=True))
    _, v1, v2, vy = network(X, T, **at)
    names = {**at, "X": X, "T": T, "h1": v1, "h2": v2, "y": vy}
    g = names["g_y"] = value(found["L′(y)"][0], **names)
    for t, h, formula in (("t3", "y", None), ("t2", "h2", "∂L/∂h2"), ("t1", "h1", "∂L/∂h1")):
        if formula:
            g = value(found[formula][0], "@", **names)
        names[f"g_{t}"] = g * value(found[f"{h}′({t})"][0], **names)
    for name, w in at.items():
        gradient = value(found[f"∂L/∂{name}"][0], "@", **names)
        for place in np.ndindex(w.shape):
            bump = np.zeros(w.shape)
            bump[place] = 1e-6
            up, down = (network(X, T, **{**at, name: w + s * bump})[0] for s in (1, -1))
            assert gradient[place] == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-9)


# -- binary cross-entropy ------------------------------------------------------------------------


def test_binary_cross_entropy():
    y = Tensor([0.2, 0.7], requires_grad=True, name="y")
    loss = nn.BCELoss(reduction="sum")(y, Tensor([0.0, 1.0], name="t"))
    loss.name = "L"
    (formula,) = formulas(loss, "backward")["t1′(y)"]
    assert formula == "(y - t) / (y ⊙ (1 - y))"
    for p, t in ((0.3, 0.0), (0.3, 1.0), (0.9, 0.25)):
        expected = slope(lambda y, t=t: -t * np.log(y) - (1 - t) * np.log(1 - y), {"y": p}, "y")
        assert value(formula, y=p, t=t) == pytest.approx(expected, rel=1e-6)


def test_of_logits_it_is_the_difference():
    z = Tensor([0.2, -1.7], requires_grad=True, name="z")
    loss = nn.BCEWithLogitsLoss(reduction="sum")(z, Tensor([0.0, 1.0], name="t"))
    (formula,) = formulas(loss, "backward")["t1′(z)"]
    assert formula == "sigmoid(z) - t"
    f = lambda z: np.log(1 + np.exp(z)) - 0.25 * z  # noqa: E731
    assert value(formula, z=0.6, t=0.25) == pytest.approx(slope(f, {"z": 0.6}, "z"), rel=1e-6)


# -- a convolution: the sum of a tap ---------------------------------------------------------------


@pytest.mark.parametrize("channel", [0, 1])
def test_a_tap_of_conv2d_is_a_sum_over_the_positions_it_visited(channel):
    """R4: ∂L/∂F[k] = Σ over positions of ∂L/∂O[position] · x[position + k]."""
    layer = nn.Conv2d(1, 2, 2, rng=0)
    layer.weight.name = "F"
    image = RNG.normal(size=(1, 1, 3, 3))
    out = layer(Tensor(image, name="x"))
    out.name = "O"
    loss = np.sum(out**3)
    loss.name = "L"
    derivation = explain(loss).derivation
    (edge,) = [e for e in derivation.edges if e.operand.name == "F"]
    tap = element(edge.moving, (channel, 0, 0, 1))
    assert write(tap, TEXT) == " + ".join(
        f"∂L/∂O[0, {channel}, {i}, {j}] · x[0, 0, {i}, {j + 1}]" for i in (0, 1) for j in (0, 1)
    )
    g = 3.0 * out.numpy() ** 2  # ∂L/∂O, by hand
    by_hand = sum(g[0, channel, i, j] * image[0, 0, i, j + 1] for i in (0, 1) for j in (0, 1))
    assert float(tap.value) == pytest.approx(by_hand)
    loss.backward()
    assert float(tap.value) == pytest.approx(layer.weight.grad[channel, 0, 0, 1])
    assert r"\frac{\partial L}{\partial" in write(tap, LATEX)
    # Taken apart, the program says it all in symbols: the sum of 3 O² · x over the positions.
    taps = formulas(loss, level="scalars")[f"∂L/∂F[{channel}, 0, 0, 1]"][1]
    numbers = {f"O[0, {channel}, {i}, {j}]": out.numpy()[0, channel, i, j]
               for i in (0, 1) for j in (0, 1)}  # fmt: skip
    numbers |= {f"x[0, 0, {i}, {j}]": image[0, 0, i, j] for i in range(3) for j in range(3)}
    for name, number in numbers.items():
        taps = taps.replace(name, f"({number})")
    assert "[" not in taps
    assert taps.count(" + ") == 3
    assert value(taps) == pytest.approx(by_hand)
