"""The page of steps, used as a learner uses it: in a browser, by keys and by clicks."""

import json
import re
import time
from importlib.resources import files

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, explain, trace
from autograd_lite.calculus.convolution import conv2d
from autograd_lite.lesson.bumps import Replay, finite_differences
from autograd_lite.lesson.derivation import derive, read
from autograd_lite.lesson.elements import element
from autograd_lite.lesson.formula import record, symbol
from autograd_lite.lesson.notation import TEXT
from autograd_lite.lesson.writing import write
from demos.data import generate_XOR_easy

By = pytest.importorskip("selenium.webdriver.common.by").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys


def two_uses():
    x = Tensor(2.0, requires_grad=True)
    y = Tensor(3.0, requires_grad=True)
    with trace():
        f = x * y + np.sin(x)
    return explain(f)


def lab():
    model = nn.MLP(
        [2, 4, 4, 1], "sigmoid", bias=False, output_activation="sigmoid", init="normal", rng=0
    )
    X, target = generate_XOR_easy()
    loss = nn.MSELoss()(model(X), target)
    return explain(loss)


def broadcast():
    w = Tensor([[1.0, -2.0], [0.5, 0.0], [3.0, 1.0]], requires_grad=True)
    b = Tensor([0.1, -0.2], requires_grad=True)
    loss = np.sum(np.maximum(w + b, 0.0) ** 2)
    return explain(loss)


def layers():
    model = nn.MLP([2, 3, 1], "tanh", rng=0)
    x = np.array([[0.1, 0.9], [0.4, 0.4]])
    with trace():
        loss = nn.MSELoss()(model(x), np.ones((2, 1)))
    return explain(loss)


class Page:
    """A page in the browser, and what a learner does with it."""

    def __init__(self, driver, path):
        self.driver = driver
        driver.get("about:blank")
        for log in ("browser", "performance"):
            driver.get_log(log)
        driver.get(path.as_uri())
        self.data = self.now()
        self.last = len(self.data["frames"]) - 1

    def now(self):
        """Return what the page shows, with the numbers that it has computed."""
        return json.loads(
            self.run(
                "const known = arrays.map((a) => ({...a, cells: a.cells}));"
                "const told = frames.map((f) => ({...f}));"
                "return JSON.stringify({...data, arrays: known, frames: told})"
            )
        )

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def every(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css):
        return self.find(css).text

    def press(self, *keys):
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    @property
    def step(self):
        return int(self.text("#count").split()[0])

    def box(self, name, row):
        (key,) = [k for k, v in self.data["values"].items() if v["name"] == name]
        return self.run(f"return document.querySelector('#{key} .{row}').textContent")

    def at(self, step):
        self.run(f"location.hash = '#step={step}'")
        self.run("go(arguments[0])", step)
        return self


@pytest.fixture
def page(chromium, tmp_path):
    def open_page(explanation):
        return Page(chromium, explanation.save(tmp_path / "steps.html"))

    yield open_page
    errors = [e for e in chromium.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]
    assert errors == []
    for entry in chromium.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            assert message["params"]["request"]["url"].startswith(("file://", "data:", "about:"))


# -- stepping ----------------------------------------------------------------------------


def test_keys_go_to_the_end_and_back(page):
    p = page(two_uses())
    assert p.step == 0
    for i in range(p.last):
        p.press(Keys.ARROW_RIGHT if i % 2 else Keys.SPACE)
        assert p.step == i + 1
    p.press(Keys.ARROW_RIGHT)
    assert p.step == p.last
    p.press(Keys.ARROW_LEFT)
    assert p.step == p.last - 1
    p.press(Keys.HOME)
    assert p.step == 0
    p.press(Keys.END)
    assert p.step == p.last


def test_it_goes_on_by_itself(page):
    p = page(two_uses())
    p.press("a")
    assert p.find("#autoplay").get_attribute("aria-pressed") == "true"
    p.run("clearInterval(playing); playing = setInterval(() => "
          "(step < frames.length - 1 ? go(beside(1)) : play(false)), 5)")  # fmt: skip
    p.driver.execute_async_script(
        "const done = arguments[0], wait = () => playing ? setTimeout(wait, 5) : done(); wait()"
    )
    assert p.find("#autoplay").text == "Play"  # it stops at the end
    assert p.step == p.last
    p.find("#autoplay").click()  # from the start again
    assert p.step == 0
    p.press(Keys.ARROW_RIGHT)  # somebody takes over
    assert p.find("#autoplay").get_attribute("aria-pressed") == "false"
    assert p.step == 1


def test_clicks_go_to_the_end_and_back(page):
    p = page(two_uses())
    while p.find("#next").is_enabled():
        p.find("#next").click()
    assert p.step == p.last
    while p.find("#back").is_enabled():
        p.find("#back").click()
    assert p.step == 0
    p.find("#last").click()
    assert p.step == p.last
    p.find("#first").click()
    assert p.step == 0


def test_a_key_on_a_button_moves_once(page):
    p = page(two_uses())
    p.find("#next").click()
    p.press(Keys.SPACE)
    assert p.step == 2
    p.press(Keys.ARROW_RIGHT)
    assert p.step == 3


def test_the_address_is_the_step(page):
    p = page(two_uses())
    p.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert p.driver.current_url.endswith("#step=2")
    p.run("location.hash = '#step=5'")
    assert p.run("return new Promise(done => setTimeout(() => done(step), 50))") == 5
    p.run("location.hash = '#step=999'")
    assert p.run("return new Promise(done => setTimeout(() => done(step), 50))") == p.last


# -- what is shown -----------------------------------------------------------------------


@pytest.mark.parametrize("program", [two_uses, lab, broadcast])
def test_numbers_are_those_of_the_tape(page, program):
    explanation = program()
    p = page(explanation)
    p.press(Keys.END)
    d = explanation.derivation
    arrays = p.data["arrays"]
    for value in d.graph.values:
        if value.key not in p.data["values"]:
            continue
        shown = arrays[p.data["values"][value.key]["data"]]
        assert shown["shape"] == list(np.shape(value.data))
        np.testing.assert_allclose(
            np.reshape(shown["cells"], shown["shape"]), np.asarray(value.data), 1e-12, 1e-15
        )
    for frame in p.data["frames"]:
        for key, (array, arrived, expected) in frame.get("grads", {}).items():
            if arrived == expected:
                (value,) = [v for v in d.graph.values if v.key == key]
                cells = np.reshape(arrays[array]["cells"], arrays[array]["shape"])
                np.testing.assert_allclose(cells, d.gradients[value], 1e-12, 1e-15)
    exact = [x for array in arrays for x in array["cells"] if isinstance(x, (int, float))]
    said = " ".join(p.run("return frames.flatMap((frame) => [frame.say, frame.hush])"))
    for number in re.findall(r"= (−?\d+(?:\.\d+)?(?:e[−+]?\d+)?)\.(?:\s|$)", said):
        x = float(number.replace("−", "-"))
        assert any(np.isclose(x, other, 1e-12, 0.0) for other in exact), number


def test_not_computed_yet_is_not_zero(page):
    p = page(two_uses())
    assert p.box("f", "value") == "= ?"
    assert p.box("x", "grad") == "∂ ? (0/2)"
    assert "later" in p.find("#" + p.data["rootKey"]).get_attribute("class")
    p.press(Keys.END)
    assert p.box("f", "value") == "= 6.909"
    assert p.box("x", "grad") == "∂ 2.584 (2/2) ✓"
    assert p.box("y", "grad") == "∂ 2 ✓"


def test_a_second_contribution_has_its_own_frame(page):
    p = page(two_uses())
    p.at(7)
    assert p.box("x", "grad") == "∂ −0.4161 (1/2)"
    assert "x waits for 1 more" in p.text("#say")
    assert "topological" in p.text("#say")
    p.press(Keys.ARROW_RIGHT)
    assert p.box("x", "grad") == "∂ 2.584 (2/2) ✓"
    assert "old + new" in p.text("#math")
    assert "ready" in p.text("#say")


def test_the_current_edge_is_lit(page):
    p = page(two_uses())
    p.at(2)
    assert len(p.every("#graph .arrow.lit:not(.back)")) == 1
    p.at(7)
    assert len(p.every("#graph .arrow.lit.back")) == 1
    assert len(p.every("#graph .box.lit")) == 1


def test_broadcasting_is_said(page):
    p = page(broadcast())
    steps = [i for i, f in enumerate(p.data["frames"]) if "summed over axis 0" in f["say"].lower()]
    p.at(steps[0])
    assert "Summed over axis 0, because the forward pass broadcast b" in p.text("#say")


def test_the_line_that_made_it(page):
    p = page(two_uses())
    p.press(Keys.ARROW_RIGHT)
    assert re.search(r"test_page.py:\d+: f = x \* y \+ np.sin\(x\)", p.text("#source"))


def test_every_box_names_the_line_that_made_it(page):
    p = page(two_uses())
    titles = [t.get_attribute("textContent") for t in p.every("#graph .box title")]
    assert sum(bool(re.search(r"; test_page.py:\d+$", t)) for t in titles) == 3  # t1, t2, f
    assert "x = input" in titles


def test_each_step_is_spoken(page):
    p = page(two_uses())
    say = p.find("#say")
    assert say.get_attribute("aria-live") == "polite"
    said = []
    for _ in range(p.last + 1):
        said.append(say.text)
        p.press(Keys.ARROW_RIGHT)
    assert len(set(said)) == p.last + 1
    assert all(text.endswith((".", "!")) for text in said)


def test_signs_are_symbols_and_shapes_are_said(page):
    p = page(broadcast())
    p.at(1)
    cells = [c.text for c in p.every(".array:last-child .cell")]
    assert cells == ["+1.1", "−2.2", "+0.6", "−0.2", "+3.1", "+0.8"]
    assert [c.text for c in p.every(".array figcaption span")] == ["3 × 2", "2", "3 × 2"]
    colours = [c.value_of_css_property("background-color") for c in p.every(".cell")]
    assert len(set(colours)) > 4


def test_on_paper_there_is_every_step_and_no_button(page):
    p = page(two_uses())
    p.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not p.find("nav").is_displayed()
    assert all(row.is_displayed() for row in p.every("#rows tr"))
    assert p.find("#graph").is_displayed()
    p.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("setting", ["reduce", "no-preference"])
def test_motion(page, setting):
    p = page(two_uses())
    feature = {"name": "prefers-reduced-motion", "value": setting}
    p.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    moves = p.find("#graph .box rect").value_of_css_property("transition-duration")
    assert (moves in ("", "0s")) == (setting == "reduce")
    p.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_formulas_are_mathml(page):
    p = page(two_uses())
    p.at(7)
    box = p.find("#math math mfrac").rect
    assert box["height"] > 20
    assert "cos" in p.text("#math")


def test_an_element_shows_its_derivation(page):
    p = page(lab())
    (i,) = [i for i, f in enumerate(p.data["frames"]) if f["title"].startswith("Forward: t1 =")]
    p.at(i)
    p.every("button.cell")[4 * 1 + 2].click()  # row 1, column 2
    shown = p.text("#element")
    assert "X[1, 0] · linear1.weight[2, 0] + X[1, 1] · linear1.weight[2, 1]" in shown
    cells = p.data["arrays"][p.data["frames"][i]["show"][-1]["data"]]["cells"]
    assert float(re.split("[=≈]", shown)[-1].replace("−", "-")) == pytest.approx(cells[6], rel=1e-3)


def test_cells_are_walked_by_arrow_keys(page):
    p = page(lab())
    p.at(1)
    first = p.every("button.cell")[0]
    first.click()
    before = p.text("#element")
    p.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ENTER)
    assert p.step == 1
    assert p.text("#element") != before
    assert "[1, 1]" in p.text("#element")


def test_the_table_says_the_same(page):
    p = page(two_uses())
    p.at(8)
    rows = [r.text for r in p.every("#rows tr") if r.is_displayed()]
    assert len(rows) == 9
    assert "∂f/∂t1 · y = 3" in rows[-1]
    assert p.find("#rows tr[aria-current=step]").text == rows[-1]


# -- predict mode ------------------------------------------------------------------------


def test_predict(page):
    p = page(two_uses())
    p.at(8)
    p.find("#predict").click()
    assert p.box("x", "grad") == "∂ −0.4161 (1/2)"
    assert "2.584" not in p.text("#step")
    assert "3" not in p.text("#math").split("contribution")[-1]
    answer = p.find("#answer")
    answer.send_keys("7", Keys.ENTER)
    assert "Wrong" in p.text("#verdict")
    answer.clear()
    answer.send_keys("−3", Keys.ENTER)
    assert "sign" in p.text("#verdict")
    answer.clear()
    answer.send_keys("what", Keys.ENTER)
    assert "Type a number" in p.text("#verdict")
    answer.clear()
    answer.send_keys("6/2", Keys.ENTER)
    assert "Right" in p.text("#verdict")
    assert "2.584" in p.text("#step")
    assert p.box("x", "grad") == "∂ 2.584 (2/2) ✓"


def test_predict_an_element(page):
    p = page(broadcast())
    p.at(1)
    p.find("#predict").click()
    assert all(cell.text == "?" for cell in p.every(".array:last-child .cell"))
    assert "element [2, 0]" in p.text("#asked")
    p.find("#reveal").click()
    assert "3.1" in p.text("#verdict")
    assert "+3.1" in p.text(".array:last-child")


def test_predict_elements_one_by_one_with_a_score(page):
    """Each ? can be asked for; what was found stays, the others stay covered."""
    p = page(broadcast())
    p.at(1)
    p.find("#predict").click()
    right = np.array([[1.0, -2.0], [0.5, 0.0], [3.0, 1.0]]) + np.array([0.1, -0.2])
    for k, tries in ((3, [9.0, right[1, 1]]), (0, [right[0, 0]])):
        p.every(".array:last-child .cell")[k].click()
        assert f"element {[k // 2, k % 2]}" in p.text("#asked")
        for number in tries:
            p.find("#answer").clear()
            p.find("#answer").send_keys(str(number), Keys.ENTER)
        assert "Right" in p.text("#verdict")
    shown_ = [c.text for c in p.every(".array:last-child .cell")]
    assert [x != "?" for x in shown_] == [True, False, False, True, False, False]
    assert p.text("#score") == "1 of 2 right at the first try"


def test_predict_which_paths_lead_here(page):
    """x reaches f = x·y + sin(x) by two paths, of four arrows."""
    p = page(two_uses())
    begin = next(i for i, f in enumerate(p.data["frames"]) if "begins" in f["title"])
    p.at(begin)
    p.find("#predict").click()
    paths = {path["name"]: path for path in p.data["frames"][begin]["ask"]["paths"]}
    assert sorted(map(tuple, paths["x"]["routes"])) == [("x", "t1", "f"), ("x", "t2", "f")]
    assert paths["y"]["routes"] == [["y", "t1", "f"]]
    assert len(paths["x"]["arrows"]) == 4
    assert len(paths["y"]["arrows"]) == 2
    first, *others = paths["x"]["arrows"]
    p.run("document.getElementById(arguments[0]).focus()", first)
    p.press(Keys.ENTER)
    p.find("#question button[type=submit]").click()
    assert p.text("#verdict") == "✗ 3 arrows are missing."
    for arrow in others:
        p.run("document.getElementById(arguments[0]).dispatchEvent(new Event('click'))", arrow)
    p.find("#question button[type=submit]").click()
    assert p.text("#verdict").startswith("✓ Right: 2 paths: x → t")
    assert p.text("#score") == "0 of 1 right at the first try"


# -- the view --------------------------------------------------------------------------------


def deep():
    model = nn.MLP([2, 3, 3, 3, 3, 3, 3, 1], "tanh", rng=0)
    with trace():
        loss = nn.MSELoss()(model(np.ones((2, 2))), np.ones((2, 1)))
    return explain(loss)


def seen(p):
    """Whether what the step is about is in view, as far as it is drawn at all."""
    return p.run("""
      const view = document.getElementById("picture").getBoundingClientRect();
      return [...document.querySelectorAll("#graph .box.lit:not(.gone) rect")].some((e) => {
        const r = e.getBoundingClientRect();
        return r.left >= view.left - 1 && r.right <= view.right + 1 &&
          r.top >= view.top - 1 && r.bottom <= view.bottom + 1; });""")


def test_a_large_graph_zooms_pans_and_follows(page):
    p = page(deep())
    feature = {"name": "prefers-reduced-motion", "value": "reduce"}
    p.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    assert p.find("#more-right").is_displayed()  # it is larger than its space, and says so
    assert not p.find("#more-left").is_displayed()
    assert p.run("return view.scale") >= 0.75
    for step in range(1, p.last):
        p.at(step)
        assert seen(p), step
    p.press("0")
    assert not any(p.find(f"#more-{side}").is_displayed() for side in ("left", "right"))
    small = p.run("return view.scale")
    assert not p.find("#zoom-out").is_enabled()
    p.find("#zoom-in").click()
    p.press("+")
    assert p.run("return view.scale") == pytest.approx(small * 1.25**2)
    before = p.run("return view.x")
    p.press(Keys.SHIFT + Keys.ARROW_LEFT + Keys.NULL)
    assert p.run("return view.x") < before
    assert p.step == p.last - 1
    wheel = """const r = document.getElementById("picture").getBoundingClientRect();
      return !document.getElementById("picture").dispatchEvent(new WheelEvent("wheel", {
        deltaY: arguments[0], clientX: r.left + 10, clientY: r.top + 10, cancelable: true}))"""
    before = p.run("return view.scale")
    assert p.run(wheel, -200)
    assert p.run("return view.scale") > before
    p.press("0")
    assert not p.run(wheel, 200)  # it is whole already: the page scrolls
    p.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_two_fingers_zoom_and_one_pans(page):
    p = page(deep())
    box = p.find("#picture").rect
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def touch(kind, *points):
        places = [{"x": x + dx, "y": y, "id": i} for i, dx in enumerate(points)]
        p.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    before, middle = p.run("return [view.scale, view.x]")
    touch("touchStart", 0)
    for dx in (-10, -60, -120):
        touch("touchMove", dx)
    touch("touchEnd")
    assert p.run("return view.x") > middle + 50
    touch("touchStart", -40, 40)
    for d in (50, 80, 120):
        touch("touchMove", -d, d)
    touch("touchEnd")
    assert p.run("return view.scale") > 1.5 * before


def test_letters_on_a_projector(page):
    """At 1280 pixels in class mode no letter of the graph is smaller than 14."""
    p = page(lab())
    p.press("p")
    assert p.find("#projector").get_attribute("aria-pressed") == "true"
    sizes = p.run("""return [...document.querySelectorAll("#graph text")].map((t) =>
      parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)""")
    assert min(sizes) >= 14
    assert p.run("return document.documentElement.scrollWidth") <= 1280
    p.press("d")
    ground = p.run("return getComputedStyle(document.documentElement).backgroundColor")
    assert ground == "rgb(22, 24, 28)"
    p.press("d", "p")


def test_on_a_phone(page):
    """Nothing but the foot's buttons lies over the content, and a finger hits what it aims at."""
    p = page(two_uses())
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    p.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    p.run("fit()")
    for step in (0, 3, p.last):
        p.at(step)
        small = p.run("""return [...document.querySelectorAll(
          "button, select, input, summary, #rows a, .switch")].filter((e) => {
            const r = (e.closest("label") ?? e).getBoundingClientRect();
            return r.width && (r.width < 44 || r.height < 44); }).map((e) => e.outerHTML)""")
        assert small == []
    assert p.find("header").value_of_css_property("position") == "static"
    p.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


# -- bumps -------------------------------------------------------------------------------


def test_badges_and_bumps(page):
    p = page(lab())
    assert not p.find("#check").is_displayed()  # the answer, before it has been earned
    p.press(Keys.END)
    badges = [b.text for b in p.every("#badges li")]
    assert len(badges) == 3
    assert all("✓ agrees" in b for b in badges)
    p.run("document.getElementById('bump-input').selectedIndex = 2")
    p.run("document.getElementById('bump-input').dispatchEvent(new Event('change'))")
    assert "linear3.weight[0, 0]" in p.text("#bump-say")
    assert len(p.every("#bump-table tbody tr")) == 6


def test_a_wrong_rule_is_found(page):
    from autograd_lite import derivative

    wrong = derivative(lambda x: x * x, name="wrong_square", elementwise=True, x=lambda g, x: g * x)
    p = page(explain(wrong(Tensor(3.0, True, name="x"))))
    p.press(Keys.END)
    assert "✗ differs from finite differences" in p.text("#badges")


def test_finite_differences_are_the_gradients():
    derivation = broadcast().derivation
    replay = Replay(derivation.graph, derivation.seed)
    assert replay.agrees()
    for value in derivation.inputs:
        np.testing.assert_allclose(
            finite_differences(replay, value), np.ravel(derivation.gradients[value]), atol=1e-6
        )


# -- the page itself ---------------------------------------------------------------------


@pytest.mark.parametrize("program", [two_uses, lab, broadcast, layers])
def test_nothing_sticks_out(page, program):
    p = page(program())
    for width, height in ((1280, 720), (390, 844)):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        p.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        for step in range(0, p.last + 1, 1 if width > 600 else 3):
            p.at(step)
            assert p.run("return document.documentElement.scrollWidth") <= width
            overlap = p.run("""
                const boxes = [...document.querySelectorAll("#graph .box rect")]
                  .map(b => b.getBoundingClientRect());
                return boxes.some((a, i) => boxes.some((b, j) => i < j && a.left < b.right &&
                  b.left < a.right && a.top < b.bottom && b.top < a.bottom));""")
            assert not overlap
    p.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize(
    ("program", "looks"), [(two_uses, "predict"), (lab, ""), (lab, "projector theme")]
)
def test_axe_finds_nothing(page, program, looks):
    try:
        axe = files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    except ModuleNotFoundError:
        pytest.skip("axe-core-python is missing")
    p = page(program())
    p.run(axe)
    for button in looks.split():
        p.find(f"#{button}").click()
    begin = next(i for i, f in enumerate(p.data["frames"]) if "begins" in f["title"])
    for step in (0, 2, begin, p.last):
        p.at(step)
        found = p.driver.execute_async_script(
            "const done = arguments[0]; axe.run().then(r => done(r.violations))"
        )
        assert [(v["id"], [n["html"] for n in v["nodes"][:3]]) for v in found] == []


def test_the_page_is_small_and_alone(tmp_path):
    path = lab().save(tmp_path / "steps.html")
    html = path.read_text("utf-8")
    assert path.stat().st_size < 1_000_000
    assert not re.search(r"https?://|//[a-z]+\.[a-z]|@import|url\((?!#)", html)
    assert "prefers-reduced-motion" in html
    assert "@media print" in html


def test_hostile_names_do_nothing(page):
    name = "</script><img src=x onerror=alert(1)>$x`'\""
    x = Tensor(2.0, requires_grad=True, name=name)
    y = Tensor(
        [1.0, 2.0], requires_grad=True, name="a_very_long_name_of_an_input_that_nobody_reads"
    )
    p = page(explain(np.sum(x * y)))
    p.press(Keys.END)
    assert not p.every("img")
    boxes = p.run("return [...document.querySelectorAll('#graph .name')].map(t => t.textContent)")
    assert all(len(text) <= 24 for text in boxes)
    titles = p.run(
        "return [...document.querySelectorAll('#graph .box title')].map(t => t.textContent)"
    )
    assert any(t.startswith("a_very_long_name_of_an_input_that_nobody_reads") for t in titles)
    assert any(t.startswith(name) for t in titles)


def test_a_notebook_shows_the_page_in_a_frame(chromium, tmp_path):
    bundle = two_uses()._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    path = tmp_path / "notebook.html"
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8><title>n</title>{bundle['text/html']}")
    chromium.get(path.as_uri())
    chromium.switch_to.frame(0)
    chromium.find_element(By.ID, "next").click()
    assert chromium.find_element(By.ID, "count").text == "1 of 10"
    chromium.switch_to.default_content()


def test_strange_numbers(page):
    x = Tensor([np.inf, -1.0, 0.0, np.nan], requires_grad=True)
    with np.errstate(all="ignore"):
        p = page(explain(np.sum(np.log(x) * 1e-30)))
    p.press(Keys.END)
    assert p.step == p.last


def test_two_pages_are_the_same(tmp_path):
    first, second = (lab().save(tmp_path / f"{i}.html").read_bytes() for i in range(2))
    assert first == second


# -- modules ------------------------------------------------------------------------------


def module(page, name):
    return page.find(f"#graph .module[aria-label='module {name}']")


def shown(page):
    return [
        box.find_element(By.CSS_SELECTOR, ".name").text
        for box in page.every("#graph .box")
        if box.is_displayed()
    ]


def test_a_module_closes_and_opens(page):
    p = page(layers())
    assert [m.text.split("\n")[0] for m in p.every("#graph .module .label")] == [
        "MLP", "MSELoss", "linear1: Linear", "tanh1: Tanh", "linear2: Linear",
    ]  # fmt: skip
    before = shown(p)
    assert {"t₁", "W₁"} <= set(before)
    module(p, "MLP.linear1").find_element(By.CSS_SELECTOR, ".label").click()
    assert module(p, "MLP.linear1").get_attribute("aria-expanded") == "false"
    assert module(p, "MLP.linear1").find_element(By.CSS_SELECTOR, ".inside").text == (
        "linear1, closed: 3 values"
    )
    assert "t₁" not in shown(p)
    assert len(shown(p)) == len(before) - 3
    p.press(Keys.ENTER)  # the focus is on it
    assert shown(p) == before


def test_a_closed_module_is_one_step(page):
    p = page(layers())
    titles = [f["title"] for f in p.data["frames"]]
    back = [i for i, t in enumerate(titles) if t.startswith("Backward") and "t1 →" in t]
    assert len(back) == 2
    module(p, "MLP.linear1").find_element(By.CSS_SELECTOR, ".label").click()
    p.at(back[0] - 1)
    p.find("#next").click()
    assert p.step == back[-1]
    assert "lit" in module(p, "MLP.linear1").get_attribute("class")
    p.find("#back").click()
    assert p.step == back[0] - 1
    module(p, "MLP").find_element(By.CSS_SELECTOR, ".label").click()
    p.at(0)
    p.find("#next").click()
    assert titles[p.step].startswith("Forward: t3 =")  # all of the network in one
    p.find("#back").click()
    assert p.step == 0


def test_modules_by_key(page):
    p = page(layers())
    p.run("arguments[0].focus()", module(p, "MSELoss"))
    p.press(Keys.SPACE)
    assert p.step == 0
    assert module(p, "MSELoss").get_attribute("aria-expanded") == "false"


def test_frames_hold_their_boxes_and_no_others(page):
    p = page(layers())
    rect = """return [...document.querySelectorAll("#graph .module, #graph .box")].map(e => {
        const r = e.querySelector("rect").getBoundingClientRect();
        return [e.id, e.dataset.within, e.matches(".module"), r.left, r.top, r.right, r.bottom]})"""
    boxes = p.run(rect)
    for key, _, is_module, *frame in boxes:
        if not is_module:
            continue
        for other, within, _, *box in boxes:
            apart = (
                box[2] <= frame[0] or frame[2] <= box[0] or box[3] <= frame[1] or frame[3] <= box[1]
            )
            inside = all(box[i] > frame[i] for i in (0, 1)) and all(
                box[i] < frame[i] for i in (2, 3)
            )
            if key in within.split():
                assert inside
            elif other != key and key not in (within or "").split():
                assert apart or all(
                    frame[i] > box[i] if i < 2 else frame[i] < box[i] for i in range(4)
                )


# -- large programs -----------------------------------------------------------------------


def chain(n):
    y = Tensor(1.0, requires_grad=True, name="x")
    for _ in range(n):
        y = np.sin(y * 1.01)
    return y


def test_a_page_of_thousands_of_operations(page):
    y = chain(2000)
    start = time.process_time()
    explanation = explain(y)
    p = page(explanation)
    assert time.process_time() - start < 10  # it takes 1
    assert len(explanation.to_html()) < 1_000_000
    assert p.text("#folded").startswith("Of 4,000 operations: 4,000 operations folded into 1 st")
    assert "part='× 2,000'" in p.text("#folded")
    p.press(Keys.END)
    slope = np.prod([1.01 * np.cos(v.tape.operands[0].item()) for v in tape(y)])
    assert p.box("x", "grad") == f"∂ {slope:.4g} ✓".replace("-", "−")
    assert "✓ agrees" in p.text("#badges")


def tape(y):
    """Return the sines of the chain."""
    found = []
    while y.tape.operands:
        found.append(y)
        y = y.tape.operands[0].tape.operands[0]
    return found


def test_what_does_not_fold_is_cut_off(tmp_path):
    rng = np.random.default_rng(0)
    values = [Tensor(x, requires_grad=True) for x in rng.normal(size=5)]
    functions = [np.add, np.multiply, np.subtract, np.maximum]
    for _ in range(2_000):  # a tangle
        a, b = rng.integers(max(0, len(values) - 50), len(values), size=2)
        values.append(np.tanh(functions[rng.integers(4)](values[a], values[b])))
    loss = sum(values[-50:])
    start = time.process_time()
    path = explain(loss).save(tmp_path / "steps.html")
    assert time.process_time() - start < 10
    assert path.stat().st_size < 1_000_000
    assert "not shown" in path.read_text("utf-8")


def test_a_part_of_a_long_program_is_not_folded(page):
    p = page(explain(chain(300), part="t100"))
    titles = [f["title"] for f in p.data["frames"]]
    assert "Forward: t100 = sin(t99)" in titles
    assert not any("×" in title for title in titles)
    assert "not shown" in p.text("#folded")
    slope = np.prod([1.01 * np.cos(v.tape.operands[0].item()) for v in tape(chain(300))[:250]])
    begin = next(f for f in p.data["frames"] if f["title"] == "The backward pass begins")
    (grad,) = begin["grads"].values()
    assert p.data["arrays"][grad[0]]["cells"][0] == pytest.approx(slope)


def test_steps_of_a_part(page):
    p = page(explain(layers_loss(), part="linear2"))
    assert p.text("#folded").startswith("Of 4 operations: 3 operations not shown.")
    p.press(Keys.END)
    assert p.step == p.last


def layers_loss():
    model = nn.MLP([2, 3, 1], "tanh", rng=0)
    with trace():
        return nn.MSELoss()(model(np.ones((2, 2))), np.ones((2, 1)))


def test_a_convolutions_tap_is_a_sum_over_the_positions_it_visited():
    """R4: ∂L/∂F = Σ ∂O_i/∂F · ∂L/∂O_i."""
    image = Tensor(np.arange(9.0).reshape(1, 1, 3, 3), name="x")
    f = Tensor([[[[1.0, -1.0], [0.5, 0.0]]]], requires_grad=True, name="F")
    out = conv2d(image, f)
    out.name = "O"
    loss = np.sum(out**2)
    loss.name = "L"
    edge = derive(read(loss)).edges[-1]
    assert write(edge.product, TEXT) == ("Σₙᵣₛ ∂L/∂O[n, o, r, s] · x[n, k, r + i, s + j]")
    tap = element(edge.moving, (0, 0, 0, 1))
    assert write(tap, TEXT) == " + ".join(
        f"∂L/∂O[0, 0, {i}, {j}] · x[0, 0, {i}, {j + 1}]" for i in (0, 1) for j in (0, 1)
    )
    loss.backward()
    assert float(tap.value) == f.grad[0, 0, 0, 1]


def test_an_output_of_a_convolution_is_followed():
    image = Tensor(np.arange(9.0).reshape(1, 1, 3, 3), name="x")
    f = Tensor([[[[1.0, -1.0], [0.5, 0.0]]]], requires_grad=True, name="F")
    (step,) = derive(read(conv2d(image, f)), np.ones((1, 1, 2, 2))).steps
    assert write(step.formula, TEXT) == "x ∗ F"
    one = element(step.moving, (0, 0, 1, 0))
    assert write(one, TEXT).count("· F[0, 0, ") == 4
    assert "x[0, 0, 1, 0] · F[0, 0, 0, 0]" in write(one, TEXT)


def test_an_element_of_what_cannot_be_followed_is_its_number():
    x = symbol("x", np.array([3.0, 1.0]))
    one = element(record(np.sort, {"a": x}), (0,))
    assert float(one.value) == 1.0


def test_what_meets_in_an_element_lights_up(page):
    """A row and a column of matrices; a window's places and what came back to them."""
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(5, 2)), name="X")
    w = Tensor(rng.normal(size=(2, 3)), True, name="W")
    f = Tensor(rng.normal(size=(1, 1, 2, 2)), True, name="F")
    loss = np.sum((x @ w) ** 2) + np.sum(conv2d(np.reshape(x[:2, :2], (1, 1, 2, 2)), f))
    p = page(explain(loss))
    titles = [frame["title"] for frame in p.data["frames"]]
    for name, place, met in (("W", 1, 5 + 5), ("F", 0, 1 + 1)):
        p.at(next(i for i, t in enumerate(titles) if t.endswith(f"→ {name}")))
        p.every("button.cell")[place].click()
        assert len(p.every(".cell.met")) == met
    lit = [cell.get_attribute("title") for cell in p.every(".cell.met")]
    assert all("[0, 0, 0, 0]" in text for text in lit)


def test_the_end_shows_each_way_as_its_arrows_are(page):
    x, y = (Tensor(v, True, name=name) for name, v in (("x", 2.0), ("y", 3.0)))
    p = page(explain(x * y + np.sin(x)))
    p.at(p.last)
    words = [line.replace("−", "-") for line in p.text("#math").split("\n")]
    assert any("cos" in line for line in words)
    ways = p.every(".way")
    assert [way.get_attribute("data-way") for way in ways] == ["0", "1", "0"]
    coloured = "return [...document.querySelectorAll('.arrow[data-way]')].map((a) => a.id)"
    assert len(p.run(coloured)) == 4  # both ways of x, of two arrows each
    p.run("arguments[0].focus()", ways[2])
    assert sorted(p.run(coloured)) == sorted(ways[2].get_attribute("data-arrows").split())


def test_pooling_shows_which_element_won():
    x = Tensor(np.array([[[[1.0, 7.0, 2.0, 0.0], [3.0, 5.0, 9.0, 4.0]]]]), True, name="x")
    pooled = nn.MaxPool2d(2)(x)
    loss = np.sum(pooled * np.array([2.0, 3.0]))
    pooled.name, loss.name = "p", "L"
    d = derive(read(loss))
    (step,) = [s for s in d.steps if s.operation.name == "max_pool"]
    assert write(element(step.moving, (0, 0, 0, 1)), TEXT) == "x[0, 0, 1, 2]"
    edge = d.edges[-1]
    assert write(element(edge.moving, (0, 0, 0, 1)), TEXT) == "∂L/∂p[0, 0, 0, 0]"
    assert write(element(edge.moving, (0, 0, 0, 0)), TEXT) == "0"
