"""What a notebook shows by itself: text always, a picture where one is made soon."""

import re
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, draw, explain
from autograd_lite.visualize import drawing, notebook
from autograd_lite.visualize.render import render

ROOT = Path(__file__).parents[2]


def shown(x):
    return x._repr_mimebundle_(include=None, exclude=None)


def small():
    x = Tensor(2.0, requires_grad=True, name="x")
    return x * np.sin(x)


def words(html):
    """What is read, in its order."""
    return re.sub(r"<[^>]*>", " ", html).split()


def test_an_input_shows_its_numbers_shape_dtype_and_gradient():
    x = Tensor(np.array([[1.0, -2.0, 0.5]], np.float32), requires_grad=True, name="x")
    np.sum(x**2).backward()
    html = shown(x)["text/html"]
    assert words(html) == [
        *("x", "1", "−2", "0.5", "gradient", "of", "x", "2", "−4", "1"),
        *("shape", "(1,", "3);", "float32"),
    ]
    assert "<details" not in html  # nothing led to it
    large = shown(Tensor(np.arange(1000.0)))["text/html"]
    assert {"min", "max", "999", "(1000,);"} <= set(words(large))


def test_a_result_has_its_graph_behind_a_fold():
    bundle = shown(small())
    assert bundle["text/plain"].startswith("Tensor(1.8")
    html = bundle["text/html"]
    assert html.index("1.819") < html.index("<details>") < html.index("<svg")
    assert "width:100%" in html
    assert "sin" in html


def test_the_root_is_called_as_the_user_called_it(monkeypatch):
    """Names of a notebook's cells are those of the main module."""
    y = small() + 1.0
    monkeypatch.setattr(sys.modules["__main__"], "price", y, raising=False)
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    html = shown(y)["text/html"]
    assert words(html)[0] == "price"
    assert "<b>price</b>" in html.split("<details>")[1] or ">price<" in html.split("<details>")[1]
    assert "shown" not in html


def test_a_drawing_and_an_explanation():
    assert set(shown(draw(small()))) == {"text/plain", "image/svg+xml"}
    assert set(shown(explain(small()))) == {"text/plain", "text/html"}


def test_a_model_is_circles_and_lines():
    model = nn.MLP([2, 3, 1], rng=0)
    bundle = shown(model)
    assert bundle["text/plain"] == repr(model)
    html = bundle["text/html"]
    assert html.index("<table") < html.index("<details") < html.index("<svg")
    assert html.count("<circle") == 6
    assert "weight 3 × 2, bias 3" in html
    assert words(html.split("<details")[0])[-1] == f"{sum(p.size for p in model.parameters()):,}"
    assert "<svg" not in shown(nn.MLP([1] * 40, rng=0))["text/html"]


@pytest.mark.parametrize("module", [nn.ReLU(), nn.Conv2d(1, 1, 2, rng=0), nn.MSELoss()])
def test_another_module_is_its_table(module):
    html = shown(module)["text/html"]
    assert type(module).__name__ in html
    assert "<svg" not in html


def test_a_long_tape_is_text_at_once():
    y = Tensor(1.0, requires_grad=True)
    for _ in range(200_000):
        y = y + 1.0
    start = time.perf_counter()
    assert "<svg" not in shown(y)["text/html"]
    assert time.perf_counter() - start < 1  # it looks at 60 operations


def test_without_graphviz_there_is_text(monkeypatch, tmp_path):
    y = small()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert "<details" not in shown(y)["text/html"]
    assert set(shown(explain(y))) == {"text/plain", "text/html"}  # it lays itself out
    assert shown(draw(y)) == {"text/plain": draw(y).source}
    monkeypatch.setitem(sys.modules, "graphviz", None)
    assert "<details" not in shown(y)["text/html"]


def test_no_error_and_no_waiting(monkeypatch):
    y = small()

    def slow(*_):
        raise TimeoutError

    monkeypatch.setattr(drawing, "render", slow)
    assert "<details" not in shown(y)["text/html"]
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


def test_in_a_notebook_for_real(tmp_path, monkeypatch):
    """A kernel runs the cells: values, a model, the living page, and a training with its curve."""
    client, formats = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    cells = [
        "import numpy as np, nn\nfrom autograd_lite import Tensor, explain\n"
        "x = Tensor(2.0, requires_grad=True)\nprice = x * np.sin(x)\nprice",
        "model = nn.MLP([2, 3, 1], rng=0)\nmodel",
        "explain(price)",
        "X = np.eye(2)\ny = np.ones((2, 1))\n"
        "_ = nn.fit(model, nn.MSELoss(), nn.optim.SGD(model.parameters(), 0.1), X, y, epochs=40)",
    ]
    notebook_ = formats.v4.new_notebook(cells=[formats.v4.new_code_cell(c) for c in cells])
    client.NotebookClient(notebook_, timeout=60, kernel_name="python3").execute()
    value, model, page, training = (cell["outputs"] for cell in notebook_["cells"])
    assert words(value[-1]["data"]["text/html"])[0] == "price"
    assert "linear1" in model[-1]["data"]["text/html"]
    assert page[-1]["data"]["text/html"].startswith("<iframe srcdoc=")
    assert all(output["output_type"] != "stream" for output in training)  # no red text
    curve = training[-1]["data"]["text/html"]
    assert "epoch 40 of 40" in curve
    assert "<polyline" in curve
