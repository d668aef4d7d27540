"""The picture of a network: its circles, its lines, what they show."""

import importlib
import json
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, draw
from autograd_lite.errors import MissingExtraError

SVG = "{http://www.w3.org/2000/svg}"


def mlp(*sizes, **options):
    return nn.MLP(list(sizes), "sigmoid", output_activation="sigmoid", rng=0, **options)


def parts(picture):
    root = ElementTree.fromstring(picture.source)
    return root.findall(f".//{SVG}circle"), root.findall(f".//{SVG}line")


def test_a_circle_for_each_unit_and_a_line_for_each_weight():
    circles, lines = parts(draw(mlp(2, 4, 4, 1)))
    assert len(circles) == 2 + 4 + 4 + 1
    assert len(lines) == 2 * 4 + 4 * 4 + 4 * 1


def test_a_line_says_its_weight_by_width_and_its_sign_by_dashes():
    model = mlp(1, 2)
    model[0].weight.data = [[2.0], [-1.0]]
    _, (up, down) = parts(draw(model))
    assert float(up.get("stroke-width")) > float(down.get("stroke-width"))
    assert up.get("stroke-dasharray") is None
    assert down.get("stroke-dasharray")
    assert up.find(f"{SVG}title").text == "weight [0, 0] = 2"


def test_activations_and_gradients_are_the_networks():
    model = mlp(2, 3, 1)
    point = [0.3, 0.7]
    before = [p.grad for p in model.parameters()]
    picture = draw(model, inputs=point)
    x = Tensor(point, requires_grad=True)
    out = model(x)
    out.backward(np.ones(1))
    titles = [t.text for t in ElementTree.fromstring(picture.source).iter(f"{SVG}title")]
    assert any(f"activation {out.item():.4g}" in t for t in titles)
    assert any(f"input 0, activation 0.3, gradient {x.grad[0]:.4g}" in t for t in titles)
    assert before == [None] * len(before)


def test_drawing_changes_no_gradient():
    model = mlp(2, 3, 1)
    for p in model.parameters():
        p.grad = np.ones(p.shape)
    draw(model, inputs=[0.0, 1.0])
    assert all(np.all(p.grad == 1) for p in model.parameters())


def test_a_wide_layer_leaves_some_out():
    picture = draw(mlp(3, 50, 1))
    circles, _ = parts(picture)
    assert len(circles) == 3 + 12 + 1
    assert "⋮" in picture.source
    assert "50 units" in picture.source
    assert repr(picture) == "<Drawing of a 3-50-1 network>"


def test_files_and_errors(tmp_path):
    picture = draw(mlp(2, 2))
    assert picture.render(tmp_path / "net.svg").read_text() == picture.source
    assert picture._repr_mimebundle_()["image/svg+xml"] == picture.source
    for format, begin in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        first, second = (
            draw(mlp(2, 2)).render(tmp_path / f"{i}.{format}").read_bytes() for i in range(2)
        )
        assert first.startswith(begin)
        assert first == second
    with pytest.raises(ValueError, match=r"\.svg, \.pdf or \.png"):
        picture.render(tmp_path / "net.jpeg")
    with pytest.raises(ValueError, match="2 numbers"):
        draw(mlp(2, 2), inputs=[1.0])
    with pytest.raises(ValueError, match="2 numbers"):
        draw(mlp(2, 2), inputs=["a", "b"])
    with pytest.raises(TypeError, match="for a model"):
        draw(Tensor(1.0, requires_grad=True) * 2.0, inputs=[1.0])


def test_a_model_has_no_part_and_no_level():
    for option in ({"part": "linear1"}, {"level": "scalars"}):
        with pytest.raises(TypeError, match="without part or level"):
            draw(mlp(2, 2), **option)


def test_without_matplotlib_there_is_still_svg(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    picture = draw(mlp(2, 2))
    assert picture.render(tmp_path / "net.svg").exists()
    with pytest.raises(MissingExtraError, match=r"matplotlib.*\[viz\]"):
        picture.render(tmp_path / "net.png")
    assert not (tmp_path / "net.png").exists()


def test_the_png_has_the_colours_of_the_weights(tmp_path):
    """The two pictures of one network are the same: in the middle of a line is its colour."""
    image = importlib.import_module("matplotlib.image")
    model = mlp(1, 1)
    for weight, blue in ((2.0, True), (-2.0, False)):
        model[0].weight.data = [[weight]]
        pixels = image.imread(draw(model).render(tmp_path / "net.png"))
        (_, (line,)) = parts(draw(model))
        x = (float(line.get("x1")) + float(line.get("x2"))) / 2
        y = (float(line.get("y1")) + float(line.get("y2"))) / 2
        around = pixels[int(y * 160 / 72), int((x - 8) * 160 / 72) : int((x + 8) * 160 / 72), :3]
        red, _, blueness = around.min(axis=0)
        assert (blueness > red) == blue


def test_long_names_of_layers_are_cut():
    layers = [nn.Linear(1, 1), *(nn.LeakyReLU() for _ in range(5))]
    source = draw(nn.Sequential(*layers)).source
    assert "Linear, LeakyReLU, …" in source


def test_json(tmp_path):
    x = Tensor([1.0, np.inf], requires_grad=True)
    y = np.sum(x * 2.0, axis=0)
    y.backward()
    first, second = (draw(y).save(tmp_path / f"{i}.json").read_text() for i in range(2))
    assert first == second
    graph = json.loads(first)
    assert graph["schema"] == "autograd_lite.graph/1"
    assert graph["gradients"] == "known"
    values = {v["key"]: v for v in graph["values"]}
    (root,) = graph["roots"]
    assert values[root]["name"] == "y"
    assert values["v1"] == {
        "key": "v1", "name": "x", "kind": "input", "shape": [2], "dtype": "float64",
        "requires_grad": True, "module": None, "value": [1.0, "inf"], "gradient": [2.0, 2.0],
    }  # fmt: skip
    assert graph["modules"] == []
    multiply, total = graph["operations"]
    assert multiply["operands"] == {"x": "v1", "y": "v2"}
    assert total["parameters"]["axis"] == "0"
    assert total["results"] == [root]
