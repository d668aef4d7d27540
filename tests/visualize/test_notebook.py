"""What a notebook shows by itself: text always, a picture where one is made soon."""

import time

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, draw, explain
from autograd_lite.visualize import drawing, notebook
from autograd_lite.visualize.render import render


def shown(x):
    return x._repr_mimebundle_(include=None, exclude=None)


def small():
    x = Tensor(2.0, requires_grad=True, name="x")
    return x * np.sin(x)


def test_an_input_is_text():
    assert shown(Tensor([1.0, 2.0])) == {"text/plain": "Tensor([1., 2.])"}


def test_a_result_is_text_and_a_picture():
    bundle = shown(small())
    assert bundle["text/plain"].startswith("Tensor(1.8")
    assert "<svg" in bundle["image/svg+xml"]
    assert "sin" in bundle["image/svg+xml"]


def test_a_drawing_and_an_explanation():
    assert set(shown(draw(small()))) == {"text/plain", "image/svg+xml"}
    assert set(shown(explain(small()))) == {"text/plain", "text/html"}


def test_a_model_is_circles_and_lines():
    model = nn.MLP([2, 3, 1], rng=0)
    bundle = shown(model)
    assert bundle["text/plain"] == repr(model)
    assert bundle["image/svg+xml"].count("<circle") == 6
    assert set(shown(nn.MLP([1] * 40, rng=0))) == {"text/plain"}


@pytest.mark.parametrize("module", [nn.ReLU(), nn.Conv2d(1, 1, 2, rng=0), nn.MSELoss()])
def test_another_module_is_text(module):
    assert shown(module) == {"text/plain": repr(module)}


def test_a_long_tape_is_text_at_once():
    y = Tensor(1.0, requires_grad=True)
    for _ in range(200_000):
        y = y + 1.0
    start = time.perf_counter()
    assert set(shown(y)) == {"text/plain"}
    assert time.perf_counter() - start < 1  # it looks at 60 operations


def test_without_graphviz_there_is_text(monkeypatch, tmp_path):
    import sys

    y = small()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert shown(y) == {"text/plain": repr(y)}
    assert set(shown(explain(y))) == {"text/plain", "text/html"}  # it lays itself out
    assert shown(draw(y)) == {"text/plain": draw(y).source}
    monkeypatch.setitem(sys.modules, "graphviz", None)
    assert shown(y) == {"text/plain": repr(y)}


def test_no_error_and_no_waiting(monkeypatch):
    y = small()

    def slow(*_):
        raise TimeoutError

    monkeypatch.setattr(drawing, "render", slow)
    assert shown(y) == {"text/plain": repr(y)}
    picture = draw(y)

    def broken():
        raise RuntimeError("broken")

    assert notebook.beside("text", "image/svg+xml", broken) == {"text/plain": "text"}
    assert shown(picture) == {"text/plain": picture.source}


def test_a_layout_that_takes_too_long_is_ended():
    with pytest.raises(TimeoutError, match="max_boxes"):
        render("digraph { a -> b }", "svg", seconds=1e-6)


def test_a_repr_says_shape_gradient_and_operation():
    x = Tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "Tensor([1., 2.], requires_grad=True)"
    np.sum(x * x).backward()
    assert repr(x) == "Tensor([1., 2.], requires_grad=True, grad=[2., 4.])"
    wide = Tensor(np.zeros((50, 40)), requires_grad=True, name="w")
    (wide * 2.0).backward(np.ones((50, 40)))
    assert repr(wide).endswith("shape=(50, 40), requires_grad=True, grad=known, name='w')")
    assert repr(np.sin(x)).endswith("made_by=sin)")
    assert repr(Tensor(np.zeros((0, 3)))) == "Tensor([], shape=(0, 3))"
