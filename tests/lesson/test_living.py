"""The page computes: numbers are changed on it, by its controls, and held against Python."""

import json
import re

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, explain, trace
from autograd_lite.lesson.living import alive
from autograd_lite.lesson.page import BOXES
from autograd_lite.lesson.parts import limit_size
from autograd_lite.visualize.graph import read
from tests.codegen.test_javascript import run
from tests.lesson.living_programs import PROGRAMS
from tests.lesson.test_page import Keys, lab, page  # noqa: F401

ActionChains = pytest.importorskip("selenium.webdriver").ActionChains


class Numbers:
    """The controls of a page, and what it shows."""

    def __init__(self, p):
        self.p = p

    def cell(self, input, place=0):
        return self.p.find(f'#given [data-input="{input}"][data-place="{place}"]')

    def type(self, input, place, text):
        cell = self.cell(input, place)
        self.p.run("arguments[0].focus()", cell)
        cell.send_keys(text[0])
        self.p.driver.switch_to.active_element.send_keys(text[1:], Keys.ENTER)

    def key(self, input, place, *keys):
        self.p.run("arguments[0].focus()", self.cell(input, place))
        ActionChains(self.p.driver, 0).send_keys(*keys).perform()

    def drag(self, input, place, by):
        cell = self.cell(input, place)
        self.p.run("arguments[0].scrollIntoView({block: 'center'})", cell)
        ActionChains(self.p.driver, 0).drag_and_drop_by_offset(cell, by, 0).perform()

    def touch(self, input, place, by):
        cell = self.cell(input, place)
        box = self.p.run(
            "arguments[0].scrollIntoView({block: 'center'});"
            "return arguments[0].getBoundingClientRect().toJSON()", cell
        )  # fmt: skip
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

        def send(kind, *points):
            points = [{"x": x, "y": y} for x, y in points]
            self.p.driver.execute_cdp_cmd(
                "Input.dispatchTouchEvent", {"type": kind, "touchPoints": points}
            )

        send("touchStart", (x, y))
        send("touchMove", (x + by / 2, y))
        send("touchMove", (x + by, y))
        send("touchEnd")

    def inputs(self):
        """Return the inputs by name, as they are now."""
        found = self.p.run(
            "return inputs.map(({name, shape, now}) => [name, shape, [...now].map(String)])"
        )
        return {name: np.reshape(floats(now), shape) for name, shape, now in found}

    def shown(self):
        """Return each value and each complete gradient that the page has, by key."""
        found = json.loads(
            self.p.run(
                """
                const of = (a) => ("out" in a ? [...outputs[a.out]] : a.cells);
                const all = (k) => of(arrays[k]).map(String);
                const gradients = {};
                for (const frame of frames)
                  for (const [key, [k, arrived, expected]] of Object.entries(frame.grads ?? {}))
                    if (arrived === expected) gradients[key] = all(k);
                const each = Object.entries(values).map(([key, v]) => [key, all(v.data)]);
                const now = Object.fromEntries(each);
                return JSON.stringify([now, gradients]);
                """
            )
        )
        return [{key: floats(x) for key, x in part.items()} for part in found]


def floats(texts):
    return np.array([float(x.replace("Infinity", "inf")) for x in texts])


def assert_same(found, wanted, said):
    wanted = np.ravel(np.asarray(wanted, float))
    scale = np.max(np.abs(wanted[np.isfinite(wanted)]), initial=1e-3)
    np.testing.assert_allclose(found, wanted, 1e-12, 1e-12 * scale, equal_nan=True, err_msg=said)


def check(make, inputs, numbers, said):
    """Hold all values and gradients of a page against the program at the page's inputs."""
    with np.errstate(all="ignore"):
        loss = make(inputs)
    graph = read(loss)
    tensors = {v.key: v.tensor for v in graph.values if v.tensor is not None and v.requires_grad}
    for t in tensors.values():
        t.retain_grad()
    with np.errstate(all="ignore"):
        loss.backward()
    now, gradients = numbers.shown()
    assert now.keys() <= {v.key for v in graph.values}
    for v in graph.values:
        if v.key in now:
            assert_same(now[v.key], v.data, f"{said}: {v.name}")
    assert len(gradients) > 1
    for key, g in gradients.items():
        assert_same(g, tensors[key].grad, f"{said}: the gradient of {key}")


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_changed_on_the_page_is_what_python_computes(page, name):  # noqa: F811
    make = PROGRAMS[name]
    numbers = Numbers(page(explain(make())))
    assert not numbers.p.find("#fixed").is_displayed()
    rng = np.random.default_rng(len(name))
    shapes = [x.shape for x in numbers.inputs().values()]
    ways = [
        lambda i, k: numbers.key(i, k, Keys.ARROW_UP, Keys.PAGE_DOWN),
        lambda i, k: numbers.type(i, k, f"{rng.normal():.3f}"),
        lambda i, k: numbers.drag(i, k, int(rng.integers(10, 40))),
        lambda i, k: numbers.touch(i, k, -int(rng.integers(10, 40))),
        lambda i, k: numbers.type(i, k, f"{rng.normal():.3f}".replace(".", ",")),
    ]
    before = numbers.inputs()
    for j, way in enumerate(ways):
        i = int(rng.integers(len(shapes)))
        way(i, int(rng.integers(np.prod(shapes[i], dtype=int))))
        after = numbers.inputs()
        assert sum(np.sum(before[n] != after[n]) for n in after) == 1
        check(make, after, numbers, f"{name}, change {j}")
        before = after


def chain(n):
    x, w = Tensor(0.7, True, name="x"), Tensor(1.01, True, name="w")
    y = x
    for _ in range(n):
        y = np.sin(y) * w + y * 0.1
    return y


def test_every_number_of_parts_folds_and_levels(chromium):
    made = [explain(chain(200)), explain(chain(200), part="t100")]
    made += [
        explain(PROGRAMS["attention_head"](), level=k) for k in ("modules", "steps", "scalars")
    ]
    made += [explain(PROGRAMS["relu_network"](), level=k) for k in ("modules", "steps")]
    derivations = [limit_size(e.derivation, BOXES, e._folding) for e in made]
    lives = [alive(d) for d in derivations]
    points = [[[np.asarray(v.data, float) for v in live.inputs]] for live in lives]
    found = run(chromium, list(zip(lives, points, strict=True)))
    for d, live, (outputs,) in zip(derivations, lives, found, strict=True):
        assert {which for _, which in live.number} >= {"value", "gradient", "contribution", "after"}
        for (of, which), n in live.number.items():
            data = d.gradients[of] if which == "gradient" else None
            if which in ("contribution", "before", "after"):
                data = getattr(of, which)
            elif which == "value":
                data = of.data
            elif which == "local":
                data = np.broadcast_to(of.local.value, live.shapes[n])
            assert_same(outputs[n], data, f"{which} of {of}")


def shown(p):
    """Return what the page says now: the sentence, the formulas, the notice."""
    formulas = p.run(
        "return [...document.querySelectorAll('#math dd')].map((dd) => dd.textContent)"
    )
    return p.text("#say"), formulas, p.text("#changed") if p.find("#changed").is_displayed() else ""


def test_sentences_formulas_badges_and_bumps_follow(page):  # noqa: F811
    with trace():
        x, y = Tensor(2.0, True, name="x"), Tensor(-3.0, True, name="y")
        f = x * y + np.sin(x)
    p = page(explain(f))
    numbers = Numbers(p)
    numbers.type(0, 0, "0.5")
    assert p.box("x", "value") == "= 0.5"
    p.at(p.last - 1)
    for i, frame in enumerate(p.now()["frames"]):
        if frame["phase"] == "backward" and "from t1 to y" in frame["say"]:
            p.at(i)
            say, formulas, _ = shown(p)
            assert "= 0.5." in say
            assert formulas[-1] == "0.5"
    p.at(1)
    assert "-3" not in p.text("#say")
    assert "−1.5" in p.text("#say")
    assert "0.5·(−3)" in " ".join(shown(p)[1])  # what begins with a minus is in parentheses
    box = p.find(f"#graph #{p.run('return inputs[1].key')}")
    ActionChains(p.driver, 0).drag_and_drop_by_offset(box, 20, 0).perform()
    assert p.box("y", "value") == "= −2.9"  # ten steps of a hundredth
    numbers.type(1, 0, "4")
    assert "0.5·4" in " ".join(shown(p)[1])
    p.at(p.last).run("settle()")
    slope = 4 + np.cos(0.5)
    assert f"{slope:.4g}" in p.text("#bump-say")
    row = [td.text for td in p.every("#bump-table tbody tr:last-child td")]
    at = 0.5 * 4 + np.sin(0.5)
    assert float(row[1]) == pytest.approx(at + slope, abs=1e-7)
    assert float(row[2]) == pytest.approx(1.5 * 4 + np.sin(1.5), abs=1e-7)
    assert p.text("#badges").count("✓ agrees") == 2
    assert p.text("#rows").count("−1.5") == 0


def test_what_is_rounded_is_not_said_to_be_equal(page):  # noqa: F811
    with trace():
        x = Tensor(2.0, True, name="x")
        f = x * 3.0
    p = page(explain(f)).at(1)
    assert "≈" not in " ".join(shown(p)[1])
    Numbers(p).type(0, 0, "1/3")
    assert "≈" in " ".join(shown(p)[1])


def test_what_is_typed_and_how_far_a_step_goes(page):  # noqa: F811
    x = Tensor([250.0, 1e-3], True, name="x")
    p = page(explain(np.sum(x * x)))
    typed = {
        "0.5": 0.5, "−3": -3, "1e-3": 1e-3, "1/3": 1 / 3, "0,5": 0.5, " 7 ": 7, "-inf": -np.inf,
        "∞": np.inf, "NaN": np.nan,
    }  # fmt: skip
    found = p.run("return arguments[0].map((text) => String(parsed(text)))", list(typed))
    np.testing.assert_array_equal(floats(found), list(typed.values()))
    assert p.run("return ['', 'x', '1/', '--2', '1,2,3'].map(parsed)")[:2] == [None, None]
    assert p.run("return stepped(inputs[0], 250, 1)") == 251
    assert p.run("return stepped(inputs[0], 0.1, 3)") == 3.1  # without what rounding leaves
    assert p.run("return fill('a ⟦0:0⟧ ⟪⟦0:1⟧⟫')") == "a 250 0.001"
    p.run("change(inputs[0], 1, -2)")
    assert p.run("return fill('a ⟪⟦0:1⟧⟫ · ⟪⟪⟦0:1⟧⟫ + 1⟫')") == "a (−2) · (−2) + 1"
    assert p.run("return named('⟪⟦0:1⟧⟫')") == "x[1]"


def test_a_kink_is_said_and_the_old_rule_is_not_shown(page):  # noqa: F811
    with trace():
        x = Tensor([1.0, 2.0], True, name="x")
        loss = np.sum(nn.functional.relu(x) * 2.0)
    p = page(explain(loss))
    numbers = Numbers(p)
    back = next(i for i, f in enumerate(p.data["frames"]) if f["title"].endswith("→ x"))
    numbers.type(0, 1, "-1")
    p.at(back)
    say, _, changed = shown(p)
    assert "crossed a kink" in changed
    assert f"step {back}" in changed
    assert "crossed a kink" in say
    _, gradients = numbers.shown()
    assert gradients[p.run("return inputs[0].key")].tolist() == [2.0, 0.0]
    numbers.type(0, 1, "3")
    assert shown(p)[2] == ""
    assert "kink" not in shown(p)[0]


def test_a_condition_is_asked_again_and_what_cannot_be_followed_is_said(page):  # noqa: F811
    def made(at):
        x = Tensor(np.asarray(at, float), True, name="x")
        with trace():
            choice = np.where((x > 0.5) & (np.abs(x) < 2.0), x * x, 3.0 * x)
            loss = np.sum(choice * np.sort(x))
        return loss, x

    p = page(explain(made([1.0, -1.0, 3.0])[0]))
    assert not p.find("#fixed").is_displayed()
    numbers = Numbers(p)
    for place, text in [(0, "4"), (1, "1.5"), (2, "-2.5")]:
        numbers.type(0, place, text)
        loss, x = made(numbers.inputs()["x"])
        loss.backward()
        now, gradients = numbers.shown()
        assert_same(gradients[p.run("return inputs[0].key")], x.grad, text)
        assert_same(now[p.data["rootKey"]], loss.data, text)
    with trace():
        x = Tensor([[1.0, 2.0], [5.0, 4.0]], True, name="x")
        loss = np.sum(x[np.arange(2), np.argmax(x, axis=1)] ** 2)
    p = page(explain(loss))
    assert "as it was when the program ran" in p.text("#fixed")


def test_overflow_and_nan_are_shown_as_what_they_are(page):  # noqa: F811
    with trace():
        x = Tensor(1.0, True, name="x")
        f = np.exp(x) - x
    p = page(explain(f))
    numbers = Numbers(p)
    p.press(Keys.END)
    numbers.type(0, 0, "1000")
    assert "overflows" in shown(p)[2]
    assert p.box("t1", "value") == "= inf"
    p.run("settle()")
    assert "✗ the gradient is not finite" in p.text("#badges")
    numbers.type(0, 0, "nan")
    assert "not a number" in shown(p)[2]
    assert p.box("f", "value") == "= nan"
    numbers.type(0, 0, "hello")  # which is no number: nothing happens
    assert p.box("f", "value") == "= nan"
    p.find("#reset").click()
    assert shown(p)[2] == ""
    assert p.box("f", "value") == "= 1.718"
    p.run("settle()")
    assert "✓ agrees" in p.text("#badges")


def test_an_element_and_a_cell_of_a_step_follow(page):  # noqa: F811
    p = page(lab())
    forward = next(i for i, f in enumerate(p.data["frames"]) if f["title"].startswith("Forward"))
    p.at(forward)
    p.find("#arrays .array:last-child button").click()
    before = p.text("#element")
    cell = p.find("#arrays .array:first-child .control")
    p.run("arguments[0].focus()", cell)
    ActionChains(p.driver, 0).send_keys(Keys.PAGE_UP).perform()
    assert p.run("return document.activeElement === arguments[0]", cell)
    after = p.text("#element")
    assert before != after
    assert re.split(" [=≈] ", before)[0] == re.split(" [=≈] ", after)[0]
    assert p.text("#reset")


def test_a_page_that_cannot_compute_stands_still_and_says_why(page):  # noqa: F811
    with trace():
        a = Tensor(np.array([[2.0, 1.0], [1.0, 3.0]]), True, name="a")
        loss = np.sum(np.linalg.eigvalsh(a) ** 2)
    p = page(explain(loss))
    assert "stand still" in p.text("#fixed")
    assert "'eigh'" in p.text("#fixed")
    assert p.every("#given *") == []
    p.press(Keys.END)
    for v in explain(loss).derivation.graph.values:
        if v.key in p.data["values"] and np.ndim(v.data) == 0:
            assert float(p.box(v.name, "value").removeprefix("= ")) == pytest.approx(v.data, 1e-3)


def test_the_labs_page_is_small_opens_at_once_and_follows_a_drag(page):  # noqa: F811
    explanation = lab()
    assert len(explanation.to_html().encode()) < 400_000
    p = page(explanation)
    entry = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
    opened = [p.run(f"return {entry}")]
    while min(opened) >= 1000 and len(opened) < 4:  # the best turn: the machine may be busy
        p.driver.refresh()
        opened.append(p.run(f"return {entry}"))
    assert min(opened) < 1000
    p.at(5)
    took = p.run(
        """
        const times = [];
        for (let i = 0; i < 30; i++) {
          const begin = performance.now();
          change(inputs[0], 0, 0.01 * i);
          document.body.offsetHeight;
          times.push(performance.now() - begin);
        }
        return Math.min(...times);
        """
    )
    assert took < 16
