"""The page of training, used as a learner uses it: in a browser, by keys, pointer and touch."""

import json
import re
from importlib.resources import files

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, explain, play
from autograd_lite.errors import AutogradError
from autograd_lite.lesson.batches import WRITTEN, over_batches
from demos.data import generate_XOR_easy

By = pytest.importorskip("selenium.webdriver.common.by").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
Chains = pytest.importorskip("selenium.webdriver.common.action_chains").ActionChains

XOR = generate_XOR_easy()


def mlp(sizes, activation="sigmoid", **others):
    return nn.MLP(sizes, activation, init="normal", rng=0, **others)


def lab():
    return mlp([2, 4, 4, 1], bias=False, output_activation="sigmoid")


def three_blobs(n=30):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    return np.array([[0, 0], [2, 1], [0, 2.5]])[labels] + 0.5 * rng.normal(size=(n, 2)), labels


def images():
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 1, 5, 5)), rng.normal(size=(6, 1))


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, rng=0), nn.ReLU(), nn.Flatten(), nn.Linear(18, 1, rng=1)
    )


def one_hot(labels):
    return np.eye(3)[labels]


MODELS = {
    "lab": (lab, nn.MSELoss(), *XOR),
    "bce": (
        lambda: mlp([2, 4, 4, 1], "tanh", output_activation="sigmoid"), nn.BCELoss(),
        XOR[0], XOR[1].astype(float),
    ),
    "logits": (lambda: mlp([2, 3, 1], "silu"), nn.BCEWithLogitsLoss(), XOR[0], XOR[1] * 1.0),
    "softmax": (lambda: mlp([2, 5, 3], "relu"), nn.CrossEntropyLoss(), *three_blobs()),
    "one-hot": (
        lambda: mlp([2, 5, 3], "gelu"), nn.CrossEntropyLoss(),
        three_blobs()[0], one_hot(three_blobs()[1]),
    ),
    "convolution": (convolutional, nn.MSELoss(), *images()),
}  # fmt: skip
OPTIMIZERS = {
    "sgd": lambda p: nn.optim.SGD(p, 0.5),
    "momentum": lambda p: nn.optim.SGD(p, 0.05, momentum=0.9),
    "adam": lambda p: nn.optim.Adam(p, 0.02),
}


def trained(model, loss, optimizer, X, y, steps):
    """Train as a user of `nn` does; return the losses and the parameters."""
    losses = []
    for k in range(steps + 1):
        optimizer.zero_grad()
        value = loss(model(X), y)
        losses.append(value.item())
        if k < steps:
            value.backward()
            optimizer.step()
    return losses, np.concatenate([np.ravel(p.data) for p in model.parameters()])


class Page:
    def __init__(self, driver, path):
        self.driver = driver
        driver.get("about:blank")
        for log in ("browser", "performance"):
            driver.get_log(log)
        driver.get(path.as_uri())

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def press(self, *keys):
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def text(self, css):
        return self.find(css).text

    @property
    def step(self):
        return int(self.text("#step").split()[1].replace(",", ""))

    def until(self, condition):
        """Wait for what the page does in its next frames."""
        assert self.driver.execute_async_script(f"""
            const [done] = arguments, end = performance.now() + 20000;
            (function look() {{
              const is = {condition};
              if (is || performance.now() > end) done(Boolean(is)); else setTimeout(look, 20);
            }})();""")

    def open_step(self):
        self.find("#opened summary").click()
        self.until("document.getElementById('opened-rows').rows.length")

    def points(self):
        return self.run("return [[...examples.inputs], [...examples.targets]]")


@pytest.fixture
def page(chromium, tmp_path):
    def open_page(playground):
        return Page(chromium, playground.save(tmp_path / "play.html"))

    yield open_page
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert [e for e in chromium.get_log("browser") if e["level"] in ("SEVERE", "WARNING")] == []
    for entry in chromium.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            assert message["params"]["request"]["url"].startswith(("file://", "data:", "about:"))


# -- it learns as nn does ------------------------------------------------------------------------

ADVANCED = """
    const [optimizer, rate, steps, inputs, targets] = arguments;
    examples.set(Float64Array.from(inputs), Float64Array.from(targets));
    trainer.examples = {inputs: examples.inputs, targets: examples.targets};
    begin(original, ""); set({optimizer, rate}); trainer.advance(steps);
    return [trainer.losses, [...trainer.theta]];"""


@pytest.mark.parametrize("name", MODELS)
def test_fifty_steps_are_those_of_nn(page, name):
    """With these examples, and with any number of them."""
    make, loss, X, y = MODELS[name]
    p = page(play(make(), loss, X, y))
    cases = [(optimizer, len(X)) for optimizer in OPTIMIZERS] + [("sgd", n) for n in (2, 3, 8, 47)]
    for optimizer, count in cases:
        rows = np.arange(count) if count == len(X) else np.arange(count) * 7 % len(X)
        model, steps = make(), 50 if count == len(X) else 3
        own = OPTIMIZERS[optimizer](model.parameters())
        numbers = [np.ravel(a[rows]).tolist() for a in (X, y)]
        losses, theta = p.run(ADVANCED, optimizer, own.lr, steps, *numbers)
        expected = trained(model, loss, own, X[rows], y[rows], steps)
        np.testing.assert_allclose(losses, expected[0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(theta, expected[1], rtol=1e-9, atol=1e-12)


def test_a_hundred_steps_of_the_lab_in_a_tenth_of_a_second(page):
    p = page(play(lab(), nn.MSELoss(), *XOR, lr=1.0))
    took = p.run("""
        return [1, 2, 3].map(() => {
          const begin = performance.now(); steps(100); return performance.now() - begin; })""")
    assert min(took) < 100
    assert p.step == 300
    dragged = p.run("""
        return Array.from({length: 20}, (_, k) => {
          const begin = performance.now(); move(3, [0.1 + k / 100, 0.5]);
          document.body.offsetHeight; return performance.now() - begin; })""")
    assert min(dragged) < 16


def test_every_step_can_be_gone_back_to(page):
    """What is between two snapshots is the same again, whatever was set in between."""
    p = page(play(lab(), nn.MSELoss(), *XOR, lr=1.0))
    p.run("""
        trainer.most = 8; window.seen = [];
        const note = (n) => { for (let k = 0; k < n; k++) {
          window.seen.push([...trainer.theta]); trainer.advance(1); } };
        note(40); set({rate: 0.3}); note(7); set({optimizer: "adam", rate: 0.01}); note(40);
        move(3, [0.4, 0.9]); note(20); set({optimizer: "momentum", rate: 0.1}); note(21);""")
    wrong = p.run("""
        return [127, 3, 40, 41, 46, 47, 48, 86, 87, 88, 107, 108, 64, 12, 0].filter((k) => {
          trainer.seek(k);
          return trainer.step !== k || seen[k].some((x, i) => x !== trainer.theta[i]); })""")
    assert wrong == []
    assert p.run("return trainer.snapshots.length") < 20
    assert p.run("trainer.seek(20); trainer.advance(1); return trainer.last") == 21
    # At a step that has been gone back to, another optimizer begins without the first one's memory.
    assert p.run("""
        set({optimizer: "adam"}); trainer.advance(9); trainer.seek(25);
        set({optimizer: "momentum", rate: 0.1}); trainer.advance(3); return trainer.isFinite""")


# -- what a learner does ---------------------------------------------------------------------------


def test_keys_train_pause_and_rewind(page):
    p = page(play(lab(), nn.MSELoss(), *XOR, lr=1.0))
    p.find("body").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert p.step == 2
    p.find("#ten").click()
    p.find("body").send_keys(Keys.SHIFT, Keys.ARROW_RIGHT, Keys.NULL)
    assert p.step == 22
    p.find("body").send_keys(Keys.ARROW_LEFT)
    assert p.step == 21
    p.find("body").send_keys(Keys.END)
    assert p.step == 22
    p.find("body").send_keys(Keys.HOME)
    assert (p.step, p.run("return trainer.last")) == (0, 22)
    p.find("body").send_keys(Keys.SPACE)
    assert "Pause" in p.text("#play")
    p.until("trainer.step > 40")
    p.find("body").send_keys(Keys.SPACE)
    assert "Play" in p.text("#play")
    assert p.step > 22
    stopped = p.step
    p.driver.execute_async_script("setTimeout(arguments[0], 100)")
    assert p.step == stopped
    p.find("#rewind").click()
    assert p.step == 0
    p.open_step()
    assert p.text("#opened-title") == "Step 0, opened"
    assert len(p.driver.find_elements(By.CSS_SELECTOR, "#opened-rows tr")) == 28


def test_an_opened_step_shows_what_the_optimizer_does(page):
    p = page(play(lab(), nn.MSELoss(), *XOR, optimizer="adam", lr=0.02))
    p.run("steps(10)")
    p.open_step()
    model, X, y = lab(), *XOR
    optimizer = nn.optim.Adam(model.parameters(), 0.02)
    trained(model, nn.MSELoss(), optimizer, X, y, 10)
    before = model[0].weight.data.copy()
    (nn.MSELoss()(model(X), y)).backward()
    gradient = model[0].weight.grad.copy()
    optimizer.step()
    row = p.find("#opened-rows tr:nth-child(4)").text.replace("−", "-").split()
    assert row[0] == "linear1.weight[1,"
    m, v = (optimizer.state[0][name][1, 1] for name in ("exp_avg", "exp_avg_sq"))
    after = model[0].weight.data
    expected = [before[1, 1], gradient[1, 1], m, v, (after - before)[1, 1], after[1, 1]]
    np.testing.assert_allclose([float(x) for x in row[2:]], expected, rtol=6e-3)


@pytest.mark.parametrize("name", ["lab", "softmax"])
def test_a_step_is_explained_at_its_parameters_and_points(page, name):
    make, loss, X, y = MODELS[name]
    p = page(play(make(), loss, X, y))
    X = np.copy(X)
    X[2] = 0.3, 0.45
    p.run("set({optimizer: 'adam', rate: 0.02}); steps(30); go(7); move(2, [0.3, 0.45])")
    p.open_step()
    p.find("#explain").click()
    theta = p.run("return [...trainer.theta]")
    p.driver.switch_to.frame(p.find("#lesson-page"))
    p.run("go(frames.length - 1); settle()")
    shown = p.run("return bumps.flatMap((bump) => bump.gradient)")
    assert all(badge[0] != "✗" for badge in p.run("return bumps.map((bump) => bump.badge)"))
    p.driver.switch_to.default_content()
    model = make()
    ends = np.cumsum([q.size for q in model.parameters()])[:-1]
    for q, part in zip(model.parameters(), np.split(theta, ends), strict=True):
        q.data = part.reshape(q.shape)
    loss(model(X), y).backward()
    expected = np.concatenate([np.ravel(q.grad) for q in model.parameters()])
    np.testing.assert_allclose(shown, expected, rtol=1e-9, atol=1e-15)
    p.find("#close").click()
    p.run("remove(0)")
    p.find("#explain").click()
    assert f"is of {len(X)} examples, and there are {len(X) - 1}" in p.text("#unexplained")


def test_points_by_keys_and_fields(page):
    p = page(play(lab(), nn.MSELoss(), *XOR, lr=1.0))
    p.run("plane.points[0].focus()")
    p.press(Keys.ARROW_RIGHT, Keys.ARROW_UP)
    assert p.points()[0][:2] == [0.012, 0.012]  # a hundredth of the window each
    p.press(Keys.ENTER)
    assert p.points()[1][0] == 1
    p.press("0")
    assert p.points()[1][0] == 0
    p.press(Keys.PAGE_DOWN)
    assert p.text("#chosen") == "Example 2 of 21"
    p.press(Keys.DELETE)
    assert len(p.points()[1]) == 20
    assert "20 right" in p.text("#score")
    p.find("#add").click()
    assert p.text("#chosen") == "Example 21 of 21"
    field = p.find("#x1")
    field.clear()
    field.send_keys("0,25", Keys.ENTER)
    assert p.points()[0][-2:] == [0.25, 0.5]
    field.clear()
    field.send_keys("x", Keys.ENTER)
    assert "is a number" in p.text("#news")
    assert p.points()[0][-2] == 0.25
    for _ in range(25):
        p.find("#remove").click()
    assert len(p.points()[1]) == 2
    assert "At least 2" in p.text("#news")
    p.run("steps(10); scrollTo(0, 0)")
    p.find("#reset").click()
    assert p.points() == [np.ravel(XOR[0]).tolist(), np.ravel(XOR[1]).tolist()]
    assert p.step == 0


def test_points_by_pointer_and_touch(page):
    p = page(play(lab(), nn.MSELoss(), *XOR, lr=1.0))
    at = "const b = plane.points[arguments[0]].getBoundingClientRect();" \
         "return [b.left + b.width / 2, b.top + b.height / 2]"  # fmt: skip
    x, y = map(round, p.run(at, 4))
    before = p.points()[0]
    mouse = Chains(p.driver, duration=20)
    mouse.w3c_actions.pointer_action.move_to_location(x, y).pointer_down()
    mouse.w3c_actions.pointer_action.move_to_location(x + 40, y).pointer_up()
    mouse.perform()
    after = p.points()[0]
    assert after[8] - before[8] == pytest.approx(40 * 1.2 / p.run(
        "return document.getElementById('heat').clientWidth"), abs=0.01)  # fmt: skip
    assert after[:8] == before[:8]
    # A click on a free place adds a point of the label that is chosen.
    p.run("document.getElementById('adds').value = '1'")
    mouse = Chains(p.driver, duration=20)
    mouse.w3c_actions.pointer_action.move_to_location(*map(round, p.run(at, 0)))
    mouse.w3c_actions.pointer_action.move_to_location(x, y + 60).pointer_down().pointer_up()
    mouse.perform()
    assert len(p.points()[1]) == 22
    assert p.points()[1][-1] == 1
    # A finger that begins on a point drags it, and the page does not scroll.
    x, y = p.run(at, 4)
    for kind, dx in (("touchStart", 0), ("touchMove", 20), ("touchMove", 40), ("touchEnd", None)):
        touches = [] if dx is None else [{"x": x - dx, "y": y}]
        event = {"type": kind, "touchPoints": touches}
        p.driver.execute_cdp_cmd("Input.dispatchTouchEvent", event)
    assert p.points()[0][8] == pytest.approx(before[8], abs=0.01)


def test_one_input_is_a_curve_whose_points_move_up_and_down(page):
    x = np.linspace(-1.0, 1.0, 12)[:, None]
    make, loss, y = (lambda: mlp([1, 3, 1], "tanh")), nn.MSELoss(), np.sin(3 * x)
    p = page(play(make(), loss, x, y))
    p.run("plane.points[3].focus()")
    p.press(Keys.ARROW_UP, Keys.ARROW_UP)
    inputs, targets = (np.reshape(a, x.shape) for a in p.points())
    np.testing.assert_array_equal(inputs[:3], x[:3])
    assert targets[3] > y[3]
    np.testing.assert_array_equal(np.delete(targets, 3), np.delete(y, 3))
    p.find("#label").clear()
    p.find("#label").send_keys("9", Keys.ENTER)  # outside of the window, which follows
    assert p.points()[1][3] == 9
    assert p.run("return plane.holdsAll()")
    assert p.run("return trainer.loss") == pytest.approx(
        loss(make()(inputs), np.reshape(p.points()[1], x.shape)).item(), rel=1e-12
    )
    path = p.run("return plane.boundary.getAttribute('d')")
    left, y0 = map(float, re.match(r"M([\d.]+),([\d.]+)", path).groups())
    at, _ = p.run("return plane.place([plane.spans[0][0], 0])")
    expected = make()(np.array([[p.run("return plane.spans[0][0]")]])).item()
    assert (left, y0) == pytest.approx(
        (at, p.run("return plane.place([0, arguments[0]])[1]", expected)), abs=0.06
    )


def test_settings_and_what_is_wrong_with_them(page):
    p = page(play(lab(), nn.MSELoss(), *XOR, lr=1.0))
    assert p.run("return [trainer.settings.rate, document.getElementById('rate').value]") == [
        1, "0"]  # fmt: skip
    p.find("#rate").send_keys(Keys.ARROW_RIGHT)
    assert p.run("return trainer.settings.rate") == 1.1
    number = p.find("#rate-number")
    number.clear()
    number.send_keys("1e6", Keys.ENTER)
    assert p.run("return trainer.settings.rate") == 1e6
    number.clear()
    number.send_keys("-1", Keys.ENTER)
    assert "from 0" in p.text("#news")
    assert p.run("return trainer.settings.rate") == 1e6
    p.run("""document.getElementById("optimizer").value = "adam";
             document.getElementById("optimizer").dispatchEvent(new Event("change"))""")
    assert p.run("return [trainer.settings.optimizer, trainer.settings.rate]") == ["adam", 0.01]
    p.find("#seed").clear()
    p.find("#seed").send_keys("5")
    p.find("#draw").click()
    one = p.run("return [...trainer.theta]")
    p.find("#draw").click()
    assert p.run("return [...trainer.theta]") == one
    assert one != p.run("return [...original]")


def test_the_looks_change_by_keys(page):
    p = page(play(lab(), nn.MSELoss(), *XOR, lr=1.0))
    middle = (
        "return plane.tints.map((of) => new Uint8Array(of.buffer, 0, 3)).flatMap((c) => [...c])"
    )
    light = p.run(middle)
    p.press("d", "p")
    assert p.run("return document.documentElement.classList.contains('projector')")
    assert sum(p.run(middle)) < sum(light) - 600
    assert p.run("return document.documentElement.scrollWidth <= innerWidth")
    p.press("d")
    assert p.run(middle) == light


def test_a_loss_that_overflows_stops_and_says_so(page):
    class Line:
        w = Tensor([[1.0]], requires_grad=True, name="w")

        def parameters(self):
            return [self.w]

        def __call__(self, X):
            return X @ self.w

    X = np.array([[1.0], [2.0]])
    p = page(play(Line(), lambda out, y: np.sum((out - y) ** 4), X, 3.0 * X, lr=1.0))
    p.run("steps(100)")
    assert p.step < 20
    assert "rate 1 was too large" in p.text("#news")
    p.find("#rewind").click()
    assert p.step == 0


def test_a_function_is_trained_too(page):
    def f(w, b):
        return np.sum((w * 2.0 + b - 1.0) ** 2)

    p = page(explain(f, np.array([1.0, -0.5]), 0.3, train=True))
    p.run("set({rate: 0.05}); steps(1)")
    assert p.text("#opened-rows tr:last-child th") == "b"
    b = 0.3 - 0.05 * 2 * ((2 * 1.0 + 0.3 - 1) + (-1.0 + 0.3 - 1))
    assert p.run("return trainer.theta[2]") == pytest.approx(b, rel=1e-12)


@pytest.mark.parametrize("name", ["lab", "convolution"])
def test_it_can_be_used_by_all(page, name):
    """Axe finds nothing, and nothing sticks out, on any screen, in light and in dark."""
    try:
        axe = files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    except ModuleNotFoundError:
        pytest.skip("axe-core-python is missing")
    make, loss, X, y = MODELS[name]
    p = page(play(make(), loss, X, y))
    p.run("steps(10); document.getElementById('opened').open = true")
    p.run(axe)
    for width, height, theme in ((1440, 900, "light"), (1024, 768, "dark"), (390, 844, "light")):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        p.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        p.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        assert p.run("return document.documentElement.scrollWidth") <= width
        if theme == "light" and (name != "lab" or width > 1000):
            continue  # axe takes a second
        found = p.driver.execute_async_script(
            "const done = arguments[0]; axe.run().then(r => done(r.violations))"
        )
        assert [(v["id"], [n["html"] for n in v["nodes"][:3]]) for v in found] == []
    p.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert (
        p.run("""
        return [...document.querySelectorAll("main button, main select, header button")]
          .filter((b) => b.offsetParent && b.getBoundingClientRect().height < 44).length""")
        == 0
    )


# -- without a browser -----------------------------------------------------------------------------


def test_what_cannot_be_trained_is_refused_in_a_sentence():
    X, y = XOR
    refused = [
        (lambda: play(nn.ReLU(), nn.MSELoss(), X, y), "no parameters"),
        (lambda: play(np.tanh, nn.MSELoss(), X, y), "method parameters"),
        (lambda: play(lab(), lambda out, y: out - y, X, y), r"\(21, 1\).*mean or its sum"),
        (lambda: play(lab(), nn.MSELoss(), X, y[:5]), r"\(21, 2\) and y of shape \(5, 1\)"),
        (lambda: play(lab(), nn.MSELoss(), X[:, :1], y), "linear"),
        (lambda: play(lab(), nn.MSELoss(), X, y, optimizer="lion"), "sgd, momentum, adam"),
        (lambda: play(lab(), nn.MSELoss(), X, y, lr=-1.0), "above 0"),
        (lambda: play(lab(), lambda out, y: np.mean((out - y) ** 2) if out.sum() > 0 else 0.0,
                      X, y), "chooses by a value"),
        (lambda: play(nn.Sequential(nn.Linear(2, 1), nn.Dropout(0.5, rng=0)), nn.MSELoss(),
                      X, y), "JavaScript"),
        (lambda: explain(lab()(X).sum(), train=True), "give the function"),
        (lambda: explain(lambda: 1.0, train=True), "there are none"),
    ]  # fmt: skip
    for call, says in refused:
        with pytest.raises((TypeError, ValueError, AutogradError), match=says) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_the_model_stays_as_it_is():
    model, (X, y) = lab(), XOR
    nn.MSELoss()(model(X), y).backward()
    before = [(p.data.copy(), p.grad.copy()) for p in model.parameters()]
    play(model, nn.MSELoss(), X, y).to_html()
    for p, (data, grad) in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.data, data)
        np.testing.assert_array_equal(p.grad, grad)


def test_a_model_of_single_precision_learns_in_double():
    model, twin = lab().to(np.float32), lab()
    X, y = (a.astype(np.float32) for a in XOR)
    page = play(model, nn.MSELoss(), X, y)
    assert page.sizes  # any number of examples
    weights = [p.data.astype(np.float32).astype(float) for p in twin.parameters()]
    for p, data in zip(twin.parameters(), weights, strict=True):
        p.data = data
    expected = nn.MSELoss()(twin(X.astype(float)), y.astype(float))
    expected.backward()
    loss, _, *gradients = page.training.step().evaluate([*weights, X.astype(float), y * 1.0])
    assert loss == pytest.approx(expected.item(), rel=1e-14)
    for g, p in zip(gradients, twin.parameters(), strict=True):
        np.testing.assert_allclose(g, p.grad, rtol=1e-12)


def test_the_page_is_small_and_alone():
    html = play(lab(), nn.MSELoss(), *XOR).to_html()
    assert len(html.encode()) < 400_000
    assert not re.search(r"https?://(?!www.w3.org/2000/svg)|@import|url\((?!#)", html)
    assert "prefers-reduced-motion" in html


def of_size(text, n):
    """Evaluate the formulas of a text."""
    text = re.sub(
        r"\.\.\.rows\(n, \[([^]]*)\], (-?\d+)\)",
        lambda m: ",".join(
            str(eval(a, {"n": n}) + i * int(m[2])) for i in range(n) for a in m[1].split(", ")
        ),
        text,
    )
    return re.sub(r"\(([^()]*\bn\b[^()]*|\d+ / \(\d+ \* n\))\)",
                  lambda m: repr(eval(m[1], {"n": n})), text)  # fmt: skip


@pytest.mark.parametrize("make", [
    lambda n: f"m[{3 * n - 7} + i] * {1 / n!r} + {2 / (3 * n)!r}",
    lambda n: f"Int32Array.of({','.join(str(5 + 3 * i) for i in range(n))});",
    lambda n: f"[{','.join(f'{n + 2 * i},{7 + 2 * i}' for i in range(n))}] v12 i0 1e-05",
])  # fmt: skip
def test_a_text_for_every_size(make):
    text, every = over_batches(make, 9)
    assert every
    for n in (5, 9, 30):
        wanted = [float(x) for x in WRITTEN.findall(make(n))]
        found = [float(x) for x in WRITTEN.findall(of_size(text.removeprefix("(n) => "), n))]
        assert found == wanted


@pytest.mark.parametrize("make", [
    lambda n: f"{n * n}",
    lambda n: "a" if n > 30 else "b",
    lambda n: f"[{','.join(str(i * i) for i in range(n))}]",
    lambda n: "one" if n == 9 else "other",
])  # fmt: skip
def test_what_no_formula_gives_is_for_one_size(make):
    assert over_batches(make, 9) == (f"(n) => {make(9)}", False)
