"""``draw(size="slide")``: 1280 × 720, and letters that the last row can read."""

import re
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, draw
from autograd_lite.visualize.fold import Fold

RNG = np.random.default_rng(0)


def given(name, *shape):
    return Tensor(RNG.normal(size=shape), requires_grad=True, name=name)


def xor_net():
    h = Tensor(RNG.uniform(size=(21, 2)), name="X")
    for i, shape in enumerate([(2, 4), (4, 4), (4, 1)], 1):
        h = (h @ given(f"W{i}", *shape)).sigmoid()
    return np.mean((h - np.zeros((21, 1))) ** 2)


def attention_head():
    x, n = Tensor(RNG.normal(size=(5, 8)), name="x"), 8
    queries, keys, values, output = (nn.Linear(n, n, rng=i) for i in range(4))
    scores = np.exp(queries(x) @ keys(x).T / np.sqrt(n))
    weights = scores / np.sum(scores, axis=-1, keepdims=True)
    return np.sum(output(weights @ values(x)) ** 2)


def eight_sigmoid_layers():
    model = nn.MLP([4] * 8 + [1], "sigmoid", output_activation="sigmoid", rng=0)
    return np.mean((model(RNG.normal(size=(21, 4))) - np.ones((21, 1))) ** 2)


def twenty_layers():
    return np.sum(nn.MLP([4] * 20 + [1], "tanh", bias=False, rng=0)(RNG.normal(size=(21, 4))))


def one_beside_the_other():
    parts = [np.sin(given(f"x{i}", 1)) for i in range(38)]
    return np.sum(np.concatenate(parts))


def a_tangle():
    rng = np.random.default_rng(1)
    values = [given(f"w{i}", 3, 3) for i in range(6)]
    for i in range(37):
        a, b = (values[-1 - int(rng.integers(0, 6))] for _ in range(2))
        values.append([a @ b, a * b, np.tanh(a), a - b][i % 4])
    return np.sum(values[-1] + values[-2])


PROGRAMS = [xor_net, attention_head, eight_sigmoid_layers, twenty_layers,
            one_beside_the_other, a_tangle]  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


def measured(svg: str):
    """The size of a picture in pixels, and of the letters of each text when it fills a slide."""
    root = ElementTree.fromstring(svg)
    width, height = (
        float(root.get(side).removesuffix("pt")) * 96 / 72 for side in ("width", "height")
    )
    scale = width / float(root.get("viewBox").split()[2])
    for step in re.findall(r"scale\(([\d.]+)", root.find(f"{SVG}g").get("transform")):
        scale *= float(step)
    letters = [float(t.get("font-size")) * scale for t in root.iter(f"{SVG}text")]
    return (width, height), letters


@pytest.mark.parametrize("program", PROGRAMS)
def test_letters_are_as_large_as_promised(program):
    drawing = draw(program(), gradients=True, size="slide")
    assert len(drawing.graph.operations) <= 41
    (width, height), letters = measured(drawing._repr_svg_())
    assert (width, height) == (pytest.approx(1280, abs=1), pytest.approx(720, abs=1))
    assert len(letters) > 2 * min(len(drawing.graph.operations), 10) - 2
    assert min(letters) >= 14


@pytest.mark.parametrize("program", PROGRAMS)
def test_boxes_lie_on_the_slide_and_apart(program):
    source = draw(program(), gradients=True, size="slide").source
    boxes = []
    for line in source.splitlines():
        if "height=" in line and "->" not in line:
            x, y = map(float, re.search(r'pos="([\d.-]+),([\d.-]+)"', line).groups())
            h, w = (float(re.search(rf"\b{s}=([\d.]+)", line)[1]) * 36 for s in ("height", "width"))
            boxes.append((x - w, y - h, x + w, y + h))
    corner = re.search(r'corner2 .*pos="([\d.]+),([\d.]+)"', source)
    for left, low, right, high in boxes:
        assert 0 <= left < right <= float(corner[1])
        assert 0 <= low < high <= float(corner[2])
    for a, b in combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_what_stands_on_a_slide(parse):
    w = Tensor([3.0, 4.0], requires_grad=True, name="w")
    y = np.sum(w**2)
    y.backward()
    picture = parse(draw(y, size="slide"))
    texts = {text for said in picture.labels.values() for text in said}
    assert {"w (2,)  |∇| 10", "t₁ = w²", "(2,)  |∇| 1.4", "y = Σ t₁", "25  |∇| 1"} <= texts
    assert "v2" not in picture.labels  # a bare number is in the formula
    assert picture.arrows == [("o1", "o2")]
    assert "vanishing" in str(
        parse(draw(y * 1e-9, gradients=True, size="slide", color="gradient")).labels
    )


def test_more_than_forty_operations_fold():
    y = x = given("x", 2)
    for i in range(30):
        y = np.tanh(y * x) if i != 15 else np.cos(y)
    drawing = draw(np.sum(y), gradients=True, size="slide")
    _, letters = measured(drawing._repr_svg_())
    assert min(letters) >= 14
    assert "× 15" in drawing.source
    assert not any(isinstance(o, Fold) for o in drawing.graph.operations)  # it is whole


def test_what_has_no_room_on_a_slide():
    y = given("x") * 2.0
    for asked in ({"backward": True}, {"rankdir": "TB"}):
        with pytest.raises(ValueError, match="size='slide' goes from left to right"):
            draw(y, size="slide", **asked)
    with pytest.raises(ValueError, match="size is 'slide' or None"):
        draw(y, size="poster")
