"""`compare`: two graphs in one picture."""

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, compare, trace
from autograd_lite.errors import NoGradientError
from autograd_lite.visualize import palette


def step_of_training():
    model, x, y = nn.MLP([2, 3, 1], "tanh", rng=0), np.ones((2, 2)), np.zeros((2, 1))
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        with trace():
            loss = nn.MSELoss()(model(x), y)
        loss.backward()
        losses.append(
            (loss, {n: (p.data.copy(), p.grad.copy()) for n, p in model.named_parameters()})
        )
        optimizer.step()
    return losses


def test_before_and_after_a_step(parse):
    (before, was), (after, now) = step_of_training()
    drawing = compare(before, after)
    picture = parse(drawing)
    assert not any(text.startswith(("+", "−")) for key, said in picture.labels.items()
                   if key != "legend" for text in said)  # fmt: skip
    for name, (data, grad) in now.items():
        change, size, old = (
            float(np.linalg.norm(g)) for g in (data - was[name][0], grad, was[name][1])
        )
        assert picture.labels[picture.key(name)][1:] == [
            f"|change| {change:.3g}", f"|grad| {old:.3g} → {size:.3g}"
        ]  # fmt: skip
    loss = f"after = {float(before.data):.4g} → {float(after.data):.4g}"
    assert loss in str(list(picture.labels.values()))
    assert picture.look("c1")["color"] == palette.GREY.of()  # the same data


def programs():
    x = Tensor(2.0, requires_grad=True, name="x")
    u = np.sin(x * 3.0)
    return u + x, np.exp(np.sin(x * 3.0)) * 2.0 + x


def marked(drawing, parse, sign):
    picture = parse(drawing)
    return [t[0][2:].split(" =")[0] for k, t in picture.labels.items()
            if k != "legend" and t[0].startswith(f"{sign} ")]  # fmt: skip


def test_two_programs(parse):
    short, long = programs()
    drawing = compare(short, long, gradients=True)
    assert marked(drawing, parse, "+") == ["exp", "t3", "multiply", "t4"]
    assert marked(drawing, parse, "−") == []
    gradient = 3 * np.cos(6) + 1, 2 * np.exp(np.sin(6)) * 3 * np.cos(6) + 1
    assert parse(drawing).text("x") == f"x = 2|grad {gradient[0]:.4g} → {gradient[1]:.4g}"
    assert "0 operations gone, 2 new" in repr(drawing)
    drawing = compare(long, short, gradients=True)  # and the other way round
    assert [name for name in marked(drawing, parse, "−") if not name.startswith("t")] == [
        "exp", "multiply"
    ]  # fmt: skip
    assert marked(drawing, parse, "+") == []
    assert "2 operations gone, 0 new" in repr(drawing)
    look = next(v for k, v in parse(drawing).looks.items() if k.startswith("ao"))
    assert look["color"] == palette.NEGATIVE.of()
    assert "dashed" in look["style"]


def test_nothing_in_common_and_everything(parse, tmp_path):
    x, y = (Tensor(v, requires_grad=True, name=n) for v, n in ((1.0, "x"), (2.0, "y")))
    picture = parse(compare(np.sin(x), np.exp(y)))
    assert {t[0][0] for k, t in picture.labels.items() if k.startswith(("o", "ao"))} == {"+", "−"}
    same = compare(np.sin(x), np.sin(x))
    assert "0 values changed, 0 operations gone, 0 new" in repr(same)
    assert compare(np.sin(x), np.sin(y)).save(tmp_path / "c.svg").exists()
    assert x.grad is None
    with pytest.raises(NoGradientError):
        compare(Tensor(1.0), np.sin(x))
    with pytest.raises(TypeError, match="A graph begins at a Tensor"):
        compare(np.sin(x), 3.0)
