"""``draw(x).save("graph.html")`` in a real browser: it zooms, searches, opens and closes."""

import json
import re
from importlib.resources import files

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, draw, trace


class Block(nn.Module):
    def __init__(self):
        self.fc1, self.fc2 = nn.Linear(4, 4, rng=0), nn.Linear(4, 4, rng=1)

    def forward(self, x):
        return x + self.fc2(np.tanh(self.fc1(x)))


class Tower(nn.Module):
    def __init__(self):
        self.blocks = nn.Sequential(*[Block() for _ in range(50)])

    def forward(self, x):
        return self.blocks(x)


def tower():
    with trace():
        return np.sum(Tower()(np.ones((2, 4))) ** 2)


def long_loop():
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    for _ in range(2000):
        x = np.sin(x * 1.01)
    return np.sum(x)


def data(path):
    page = path.read_text("utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])


@pytest.mark.parametrize("program", [tower, long_loop])
def test_every_operation_is_in_one_place(program, tmp_path):
    drawing = draw(program(), gradients=True)
    page = data(drawing.save(tmp_path / "graph.html"))
    boxes = {box["key"] for box in page["boxes"]}
    assert {o.key for o in drawing.graph.operations} <= boxes
    children = [child for group in page["groups"] for child in group["children"]]
    assert len(children) == len(set(children))
    assert {*children, "all"} == boxes | {group["key"] for group in page["groups"]}
    assert all(len(group["children"]) <= 42 for group in page["groups"])
    made = {v: o.key for o in drawing.graph.operations for v in o.results}
    uses = {(made[v], o.key) for o in drawing.graph.operations for v in o.operands if v in made}
    assert uses <= {(tail, head) for tail, head, _ in page["arrows"]}


def test_frames_close_in_an_svg(tmp_path, chromium):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    def press(element, key):
        chromium.execute_script("arguments[0].focus()", element)
        ActionChains(chromium).send_keys(key).perform()

    with trace():
        loss = np.sum(Block()(np.ones((2, 4))) ** 2)
    path = draw(loss).save(tmp_path / "graph.svg")
    assert "<script" not in draw(loss)._repr_svg_()  # a notebook has no use for it
    chromium.get(path.as_uri())

    def seen(kind):
        found = chromium.find_elements(By.CSS_SELECTOR, f"g.{kind}")
        return [g for g in found if g.value_of_css_property("display") != "none"]

    boxes, arrows = len(seen("node")), len(seen("edge"))
    (frame,) = (g for g in seen("cluster") if "fc1: Linear" in g.text)
    press(frame, Keys.ENTER)
    assert frame.get_attribute("aria-expanded") == "false"
    assert len(seen("node")) == boxes - 4  # weight, bias, the operation and its result
    assert len(seen("edge")) == arrows - 3
    assert "fc1: Linear (1 operation)" in frame.text
    chromium.execute_script("arguments[0].dispatchEvent(new MouseEvent('click'))", frame)
    assert (len(seen("node")), len(seen("edge"))) == (boxes, arrows)
    (whole,) = (g for g in seen("cluster") if "\nBlock" in g.text)
    press(whole, Keys.SPACE)
    assert len(seen("cluster")) == 1
    assert [m for m in chromium.get_log("browser") if m["level"] == "SEVERE"] == []


def test_it_opens_closes_searches_and_zooms(tmp_path, chromium):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    path = draw(tower(), gradients=True).save(tmp_path / "graph.html")
    assert path.stat().st_size < 400_000
    chromium.get(path.as_uri())

    def shown(kind):
        return chromium.find_elements(By.CSS_SELECTOR, kind)

    def group(label):
        return chromium.find_element(By.CSS_SELECTOR, f'.group[aria-label*="{label}"]')

    assert len(shown(".box")) < 40
    group("× 50").click()
    assert group("× 50").get_attribute("aria-expanded") == "true"
    before = len(shown(".group"))
    group("11 – 20").send_keys(Keys.ENTER)  # by keyboard
    assert len(shown(".group")) == before + 10
    assert chromium.switch_to.active_element.get_attribute("aria-expanded") == "true"
    group("11 – 20").send_keys(Keys.SPACE)
    assert len(shown(".group")) == before

    # Boxes beside each other do not overlap.
    places = chromium.execute_script(
        "return [...document.querySelectorAll('.box, .group:not(.open)')]"
        ".map(g => places.get(g.dataset.key)).map(p => [p.x, p.y, p.x + p.w, p.y + p.h])"
    )
    for i, a in enumerate(places):
        for b in places[:i]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]

    query = chromium.find_element(By.ID, "query")
    query.send_keys("37: Block", Keys.ENTER)
    assert chromium.find_element(By.ID, "found").text == "1 of 1"
    assert "37: Block" in chromium.find_element(By.CSS_SELECTOR, ".lit").get_attribute("aria-label")
    query.clear()
    query.send_keys("no such thing", Keys.ENTER)
    assert chromium.find_element(By.ID, "found").text == "nothing found"

    def width():
        return chromium.execute_script("return view.w")

    wide = width()
    chromium.find_element(By.ID, "in").click()
    assert width() < wide
    chromium.find_element(By.ID, "close").click()
    closed = len(shown(".group"))
    chromium.find_element(By.ID, "open").click()
    assert len(shown(".group")) > closed
    try:
        axe = files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    except ModuleNotFoundError:
        axe = None
    if axe:
        chromium.execute_script(axe)
        found = chromium.execute_async_script(
            "const done = arguments[0]; axe.run().then(r => done(r.violations))"
        )
        assert [v["id"] for v in found] == []
    assert [m for m in chromium.get_log("browser") if m["level"] == "SEVERE"] == []
