"""check_gradient_function: right ones pass, wrong ones fail and are told why."""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_lite import Tensor, testing
from autograd_lite.errors import CheckInputError, GradientCheckError, UncertainGradientWarning
from autograd_lite.testing import check_gradient_function, stored, with_cache
from autograd_lite.testing.__main__ import main
from autograd_lite.testing.adapters import gradient_names
from benchmarks.broken_backwards import MISTAKES, NETWORKS, Network, cases, found
from demos.check import Lab, of_r2

rng = np.random.default_rng(3)
X, Y = rng.normal(size=(12, 3)), rng.normal(size=12)


def loss(w, b):
    return np.sum((X @ w + b - Y) ** 2)


def gradient(w, b):
    d = 2 * (X @ w + b - Y)
    return X.T @ d, d.sum()


W, B = rng.normal(size=3), 0.3


def kinds(f, g, *point, **options):
    with pytest.raises(GradientCheckError) as caught:
        check_gradient_function(f, g, *point, **options)
    return [x.kind for x in caught.value.findings], str(caught.value)


# -- right ones ---------------------------------------------------------------------------------


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n.name)
def test_right_networks_pass(network):
    report = check_gradient_function(network.loss, network.gradient, network.point)
    assert report.verdict.name == "RIGHT"


@settings(max_examples=15)
@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=4),
    st.sampled_from(["sigmoid", "tanh"]),
    st.sampled_from(["mse", "softmax"]),
    st.integers(2, 9),
    st.integers(0, 10**6),
)
def test_right_networks_of_any_shape_pass(sizes, activation, kind, n, seed):
    network = Network(sizes, activation, kind, n, 0.1, seed)
    check_gradient_function(network.loss, network.gradient, network.point)


def test_forms_of_arguments():
    check_gradient_function(loss, gradient, W, B)
    check_gradient_function(lambda w, b: loss(w, b), lambda w, b: gradient(w, b)[1], W, B, argnum=1)
    check_gradient_function(lambda p: loss(*p), lambda p: list(gradient(*p)), [W, B])
    check_gradient_function(
        lambda w, y: np.sum((X @ w - y) ** 2), lambda w, y: 2 * X.T @ (X @ w - y), W, np.arange(12)
    )  # integers are passed on


def test_large_arrays_are_moved_along_directions():
    calls = []

    def f(x):
        calls.append(0)
        return np.sum(np.sin(x))

    check_gradient_function(f, np.cos, rng.normal(size=(100, 50)))
    assert len(calls) < 100
    assert kinds(f, lambda x: 2 * np.cos(x), rng.normal(size=(60, 50)))[0] == ["factor"]


def test_a_number_between_the_slopes_of_a_kink_is_right():
    x = np.array([0.0, 1.0, -2.0])
    for at_kink in (0.0, 0.5, -1.0):
        check_gradient_function(
            lambda x: np.sum(np.abs(x)), lambda x, k=at_kink: np.where(x == 0, k, np.sign(x)), x
        )
    found_kinds, text = kinds(
        lambda x: np.sum(np.abs(x)), lambda x: np.where(x == 0, 7.0, np.sign(x)), x
    )
    assert found_kinds[0] == "kink"
    assert "between the slopes" in text


TIED = np.array([2.0, 2.0, 2.0, 1.0])


@pytest.mark.parametrize("share", [lambda n: 1 / n, lambda n: 1.0, lambda n: 0.0, lambda n: 0.8])
def test_ties_share_one_gradient(share):
    """Each number may be from 0 to 1, the slopes of its sides; together they are 1."""
    right = share(3.0) == 1 / 3

    def gradient(x):
        tied = x == x.max()
        return tied * (share(tied.sum()) if tied.sum() > 1 else 1.0)

    if right:
        check_gradient_function(lambda x: np.max(x), gradient, TIED)
    else:
        names, text = kinds(lambda x: np.max(x), gradient, TIED)
        assert names == ["kink"]
        assert "the slope is 1." in text


def test_kinks_that_have_nothing_to_do_with_each_other():
    def f(x, y):
        return np.sum(np.maximum(x, 0)) - np.sum(np.maximum(y, 0))

    check_gradient_function(f, lambda x, y: (1.0 * (x >= 0), -1.0 * (y > 0)), 0 * TIED, 0 * TIED)


def test_at_a_perfect_fit_single_precision_leaves_its_rounding():
    w = np.float32([0.3, -0.7, 1.1])
    x = X.astype(np.float32)
    target = np.tanh(x @ w)

    def f(w):
        return np.mean((np.tanh(x @ w) - target) ** 2)

    def gradient(w, factor=1):
        a = np.tanh(x @ w)
        return factor * 2 * x.T @ ((a - target) * (1 - a**2)) / len(x)

    check_gradient_function(f, gradient, w)
    with pytest.raises(GradientCheckError, match="2 times"):
        check_gradient_function(f, lambda w: gradient(w, 2), w)  # seen at the point beside it


def test_a_wrapper_that_relies_on_the_last_forward_pass_works():
    state = {}

    def f(w):
        state["d"] = X @ w - Y
        return np.sum(state["d"] ** 2)

    check_gradient_function(f, lambda w: 2 * X.T @ state["d"], W)


def test_what_cannot_be_told_warns():
    with pytest.warns(UncertainGradientWarning, match="cannot be told"):
        check_gradient_function(lambda x: (1e13 + np.sin(x)) - 1e13, np.cos, 0.3)


# -- wrong ones ---------------------------------------------------------------------------------


def test_every_kind_of_mistake_is_named():
    """One network for each mistake; `python -m benchmarks diagnoses` tries all of them."""
    chosen = {}
    for case in cases():
        chosen.setdefault(case.mistake.split(" in layer")[0], case)
    assert set(chosen) == set(MISTAKES)
    for case in chosen.values():
        assert set(found(case) or ["nothing"]) <= case.expected, case.mistake


def test_a_failure_ends_with_a_line_that_shows_it_again():
    point = {"w": np.asfortranarray(np.float32([[1, 2], [3, 4]])), "b": [0.5]}
    with pytest.raises(GradientCheckError) as caught:
        check_gradient_function(
            lambda p: np.sum(p["w"] ** 2) + p["b"][0],
            lambda p: {"w": 3 * p["w"], "b": [1.0]},
            point,
            seed=3,
        )
    [line] = caught.value.__notes__
    assert line == caught.value.reproduce
    assert "'w': laid_out(np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32), 'F')" in line
    with pytest.raises(
        GradientCheckError, match=re.escape(str(caught.value).split(" is wrong")[1])
    ):
        exec(line, {})
    layer = with_cache(affine_forward, lambda dout, cache: affine_backward(2 * dout, cache))
    with pytest.raises(GradientCheckError) as caught:
        check_gradient_function(*layer, X, rng.normal(size=(3, 2)), np.zeros(2))
    assert caught.value.reproduce is None  # it is no function that has a name


def test_r2s_mistake_is_named():
    names, text = kinds(*of_r2())
    assert names[0] == "mean"
    assert "p['b1'] and p['b2']: each is 1/200 of the right gradient" in text
    assert "p['W1']" not in text


def test_the_first_wrong_line_is_named():
    def network(w1, w2):
        z1 = X @ w1
        a1 = np.tanh(z1)
        return np.sum((a1 @ w2 - Y) ** 2)

    def backward(w1, w2):
        z1 = X @ w1
        a1 = np.tanh(z1)
        d = 2 * (a1 @ w2 - Y)
        da1 = d[:, None] * w2
        dz1 = da1 * (1 - a1)
        return X.T @ dz1, a1.T @ d

    _, text = kinds(network, backward, rng.normal(size=(3, 4)), rng.normal(size=4))
    line = backward.__code__.co_firstlineno + 5
    assert f"test_check_gradient_function.py:{line}, 'dz1'; 'da1' before it is right" in text


class Deep:
    """Two layers whose values are kept on the object, one in a list, and gradients in a dict."""

    def __init__(self, slope):
        draw = np.random.default_rng(1)
        self.w1, self.w2, self.slope = draw.normal(size=(3, 4)), draw.normal(size=(4, 2)), slope

    def forward(self, x):
        self.x = x
        self.z1 = x @ self.w1
        self.hidden = [np.tanh(self.z1)]
        self.out = self.hidden[0] @ self.w2
        return self.out

    def backprop(self):
        self.d_out = 2 * self.out
        self.grads = {"w2": self.hidden[0].T @ self.d_out}
        self.d_hidden1 = self.d_out @ self.w2.T
        self.d_z1 = self.d_hidden1 * self.slope(self.hidden[0])
        self.grads["w1"] = self.x.T @ self.d_z1


def test_the_first_wrong_line_of_what_is_stored_on_an_object():
    def parts(slope, *names):
        net = Deep(slope)
        net.forward(X)
        net.backprop()  # what an earlier step left behind is not mistaken for a weight
        return stored(net, lambda n: np.sum(n.forward(X) ** 2), lambda n: n.backprop(), *names)

    names = {"w1": "grads.w1", "w2": "grads.w2"}
    check_gradient_function(*parts(lambda a: 1 - a**2, names))
    _, text = kinds(*parts(lambda a: 1 - a**3, names))
    line = Deep.backprop.__code__.co_firstlineno + 4
    assert f"test_check_gradient_function.py:{line}, 'd_z1'; 'd_hidden1' before it is right" in text
    with pytest.raises(CheckInputError, match="'z1' is made anew"):
        parts(lambda a: 1 - a**2, {"z1": "d_z1"})
    with pytest.raises(CheckInputError, match="No gradients were found"):
        parts(lambda a: 1 - a**2)


COMPLEX = rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2))


def of_complex(z, x):
    return np.sum(np.abs(z * x) ** 2 + np.real(z) ** 3)


def gradient_of_complex(z, x):
    """With respect to z = a + ib: ∂/∂a + i ∂/∂b."""
    return 2 * x**2 * z + 3 * np.real(z) ** 2, 2 * np.sum(np.abs(z) ** 2) * x


@pytest.mark.parametrize("z", [COMPLEX, COMPLEX.astype(np.complex64), 1 + 2j, np.array(0.5j)])
def test_complex_arguments(z):
    check_gradient_function(of_complex, gradient_of_complex, z, 1.5)
    assert kinds(of_complex, lambda z, x: (0 * z, gradient_of_complex(z, x)[1]), z, 1.5)[0]


def test_mistakes_with_complex_arguments():
    def broken(change):
        def gradient(z, x):
            of_z, of_x = gradient_of_complex(z, x)
            return change(of_z), of_x

        return gradient

    def named(change):
        return kinds(of_complex, broken(change), COMPLEX, 1.5)

    found_kinds, text = named(np.conj)
    assert found_kinds[0] == "conjugate"
    assert "z is the conjugate" in text
    assert named(lambda g: 2 * g)[0] == ["factor"]
    assert named(np.transpose)[0] == ["transposed"]
    assert named(np.real)[0] == ["zero"]  # the imaginary part


def test_a_layer_of_complex_numbers():
    def forward(z, w):
        return z @ w, (z, w)

    def backward(dout, cache):
        z, w = cache
        return dout @ np.conj(w).T, np.conj(z).T @ dout

    check_gradient_function(*with_cache(forward, backward), COMPLEX, COMPLEX.T)
    wrong = with_cache(forward, lambda d, c: (d @ c[1].T, backward(d, c)[1]))
    assert "z is wrong" in kinds(*wrong, COMPLEX, COMPLEX.T)[1]


def test_a_name_that_stands_for_another_right_gradient_is_no_wrong_line():
    def forward(x, g):
        centred = x - x.mean(axis=0)
        return g * centred, (centred, g)

    def backward(dout, cache, mean=np.sum):
        centred, g = cache
        dx = dout * g  # that of what is centred
        return dx - dx.mean(axis=0), mean(dout * centred, axis=0)

    layer = with_cache(forward, backward)
    check_gradient_function(*layer, X, np.ones(3))
    broken = with_cache(forward, lambda dout, cache: backward(dout, cache, np.mean))
    names, text = kinds(*broken, X, np.ones(3))
    assert names == ["mean"]
    assert "'dx'" not in text


def test_a_constant_is_no_regularisation():
    names, _ = kinds(lambda x: np.sum(x**2), lambda x: 2 * x - 0.01, np.ones(4))
    assert "regularisation" not in names


def test_only_wrong_in_float32():
    def coarse(x):
        x = np.asarray(x)
        return 1.0 / x if x.dtype == np.float64 else np.float32(1.01) / x

    names, _ = kinds(lambda x: np.sum(np.log(x)), coarse, np.float32([1.0, 2.0, 5.0]))
    assert names[0] in ("precision", "factor")
    check_gradient_function(lambda x: np.sum(np.log(x)), lambda x: 1 / x, np.float32([1, 2, 5]))


def test_what_fits_nothing_gets_no_name():
    names, text = kinds(loss, lambda w, b: (np.array([0.1, 0.7, 0.2]), gradient(w, b)[1]), W, B)
    assert [n for n in names if n != "step"] == []
    assert "given 0.7" in text or "given 0.1" in text or "given 0.2" in text


# -- bad input ------------------------------------------------------------------------------------


def writes(w, b):
    w *= 2
    return loss(w, b)


@pytest.mark.parametrize(
    ("f", "g", "point", "message"),
    [
        (loss, lambda w, b: None, (W, B), "returned None"),
        (loss, lambda w, b: gradient(w, b)[0], (W, B), "there are 2 arguments"),
        (loss, lambda w, b: (*gradient(w, b), 0.0), (W, B), "returned 3 gradients"),
        (lambda p: loss(**p), lambda p: list(gradient(**p)), ({"w": W, "b": B},), "is a dict"),
        (lambda p: loss(**p), lambda p: {"w": W}, ({"w": W, "b": B},), r"missing: \['b'\]"),
        (loss, lambda w, b: ("text", 0.0), (W, B), "of type str"),
        (lambda w: X @ w, lambda w: X, (W,), "returned shape"),
        (lambda w: None, lambda w: w, (W,), "returned None"),
        (lambda w: np.random.default_rng().random(), lambda w: w, (W,), "is random"),
        (lambda w: np.sum(w), lambda w: np.random.default_rng().random(3), (W,), "is wrong|random"),
        (lambda w: np.nan * np.sum(w), lambda w: w, (W,), "is nan at the point"),
        (writes, gradient, (W, B), "writes into an array"),
        (lambda n: n, lambda n: n, (3,), "no float"),
        (lambda z: z * z, lambda z: 2 * z, (1j,), "of one real number"),
        (loss, lambda w, b: (W * 1j, 0.0), (W, B), "w is real: return real"),
    ],
)
def test_bad_input_is_named(f, g, point, message):
    with pytest.raises((CheckInputError, GradientCheckError), match=message):
        check_gradient_function(f, g, *point)


@pytest.mark.parametrize(("f", "g"), [(3, 4), (loss, None), (None, gradient)])
def test_what_is_no_function_is_named(f, g):
    with pytest.raises(CheckInputError, match="two functions"):
        check_gradient_function(f, g, W, B)


def test_argnum_is_checked():
    with pytest.raises(CheckInputError, match="count from 0"):
        check_gradient_function(loss, gradient, W, B, argnum=5)


# -- adapters -------------------------------------------------------------------------------------


def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def test_a_triple_of_forward_backward_and_cache():
    point = X, rng.normal(size=(3, 2)), rng.normal(size=2)
    check_gradient_function(*with_cache(affine_forward, affine_backward), *point)
    names, _ = kinds(
        *with_cache(affine_forward, lambda d, c: (d @ c[1].T, c[0].T @ d, d.mean(axis=0))), *point
    )
    assert names[0] == "mean"
    with pytest.raises(CheckInputError, match=r"\(out, cache\)"):
        check_gradient_function(*with_cache(lambda x: x, lambda d, c: d), X)


def test_stored_leaves_the_object_as_it_was():
    net, x = Lab(), rng.normal(size=(5, 2))
    before = {k: v.copy() for k, v in vars(net).items()}
    t = np.ones((5, 1))
    parts = stored(
        net, lambda n: np.mean((n.forward(x) - t) ** 2), lambda n: n.backprop(t), {"w2": "d_L_w2"}
    )
    check_gradient_function(*parts)
    assert vars(net).keys() == before.keys()
    with pytest.raises(CheckInputError, match="no 'w9'"):
        stored(net, None, None, {"w9": "d"})


def test_gradients_are_found_by_their_names():
    class Layer:
        def __init__(self):
            self.W, self.dW, self.b, self.db = (np.ones(2) for _ in range(4))

    class Net:
        def __init__(self):
            self.layers = [Layer(), Layer()]
            self.params, self.grads = {"c": np.ones(1)}, {"c": np.ones(1)}

    assert gradient_names(Net()) == {
        "layers.0.W": "layers.0.dW",
        "layers.0.b": "layers.0.db",
        "layers.1.W": "layers.1.dW",
        "layers.1.b": "layers.1.db",
        "params.c": "grads.c",
    }
    with pytest.raises(CheckInputError, match="No gradients were found"):
        gradient_names(object())


def test_a_rule_of_another_framework_behind_two_lines(torch):
    def f(x):
        return float(torch.sum(torch.tanh(torch.tensor(x)) ** 2))

    def g(x):
        t = torch.tensor(x, requires_grad=True)
        torch.sum(torch.tanh(t) ** 2).backward()
        return t.grad.numpy()

    check_gradient_function(f, g, rng.normal(size=(2, 3)))


def test_gradients_of_tensors_are_taken_too():
    check_gradient_function(lambda x: np.sum(np.sin(x)), lambda x: Tensor(np.cos(x)), W)


# -- the command line -----------------------------------------------------------------------------

GOOD = """
import numpy as np
from autograd_lite.testing import stored
x = np.arange(6.0).reshape(3, 2) / 5
print("a hand-in may print")
class NNet:
    def __init__(self): self.w = np.array([0.5, -1.0])
    def forward(self): return x @ self.w
    def backward(self): self.d_w = {factor} * 2 * x.T @ (x @ self.w)
def gradient_check(kind):
    return stored(kind(), lambda n: np.sum(n.forward() ** 2), lambda n: n.backward())
"""
FILES = {
    "good.py": (GOOD.replace("{factor}", "1"), 0, "right"),
    "half.py": (GOOD.replace("{factor}", ".5"), 1, "w'] is 1/2 times"),
    "hangs.py": ("while True: pass", 2, "longer than 4"),
    "exits.py": ("import sys; sys.exit(3)", 2, "exits"),
    "raises.py": ("1 / 0", 2, "ZeroDivisionError at line 1"),
    "imports.py": ("import no_such_package", 2, "no_such_package"),
    "lacks.py": ("class Other: pass", 2, "its classes are Other"),
    "plain.py": ("class NNet:\n    def backprop(self): pass", 2, "net.backprop(X, y)"),
    "kills.py": ("import os; os._exit(5)", 2, "status 5"),
    "eats.py": ("x = bytearray(8 << 30)", 2, "MemoryError"),
}


@pytest.mark.slow
def test_a_folder_of_hand_ins(tmp_path, capsys):
    for name, (text, _, _) in FILES.items():
        (tmp_path / name).write_text(text)
    marks, page = tmp_path / "marks.csv", tmp_path / "page.html"
    command = [f"{tmp_path}/*.py:NNet", "--timeout", "4", "--csv", str(marks), "--html", str(page)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        assert main(command) == 1
    rows = dict(line.split(",", 1) for line in marks.read_text().splitlines()[1:])
    for name, (_, _, message) in FILES.items():
        assert message in rows[str(tmp_path / name)], name
    assert "WRONG" in capsys.readouterr().out
    assert "half.py" in page.read_text()
    assert main([f"{tmp_path / 'good.py'}:NNet"]) == 0


def test_one_file_without_a_process(tmp_path):
    from autograd_lite.testing.handin import check_file

    adapter = tmp_path / "adapter.py"
    (tmp_path / "lab.py").write_text(GOOD.replace("{factor}", "3").partition("def gradient")[0])
    adapter.write_text(
        "import numpy as np\nfrom autograd_lite.testing import stored\n"
        "def gradient_check(kind):\n"
        "    return stored(kind(), lambda n: np.sum(n.forward()**2), lambda n: n.backward())\n"
    )
    result = check_file(f"{tmp_path / 'lab.py'}:NNet", str(adapter))
    assert result["status"] == "wrong"
    assert result["diagnoses"][0] == "weights['w'] is 3 times the right gradient"
    assert json.dumps(result)
    assert "no file" in check_file("nowhere.py:NNet")["message"]
    assert "not of the form" in check_file("nowhere.py")["message"]


@pytest.mark.parametrize("page", ["check.md", "testing.md"])
def test_the_pages_of_the_docs(page, monkeypatch):
    """Each block of Python runs, prints what stands below it, and its tests pass."""
    few = partial(testing.gradient_test, settings=settings(max_examples=4))
    monkeypatch.setattr(testing, "gradient_test", few)
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall("^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", text, re.M | re.S)
    names = {}
    for code, shown in blocks:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, page, "exec"), names)
        assert printed.getvalue() == shown
    for name, test in names.items():
        if name.startswith("test_"):
            test()
    assert len(blocks) >= 2


def test_the_demo_says_what_is_wrong():
    run = [sys.executable, "-m", "demos", "check", "--network", "R2"]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "a mean over 200 where a sum belongs" in done.stdout


def test_noise_that_looks_like_a_slope():
    """Found by a search: each is right, and four points or a ladder of steps agreed on another."""
    x, target = rng.normal(size=(2, 4)), None
    w = 1e-3 * rng.normal(size=(4, 4))

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    target = sigmoid(x @ w)
    check_gradient_function(  # at a perfect fit, all is 0 but for rounding
        lambda w: np.sum((sigmoid(x @ w) - target) ** 2),
        lambda w: x.T @ (2 * (sigmoid(x @ w) - target) * sigmoid(x @ w) * (1 - sigmoid(x @ w))),
        w,
    )

    def saturated(z):  # 1 + 1e-9 has few digits after the 1
        return np.log(np.sum(np.exp(z - z.max()))) - (z[0] - z.max())

    def gradient(z):
        p = np.exp(z - z.max()) / np.sum(np.exp(z - z.max()))
        return np.append(-p[1:].sum(), p[1:])

    for low in np.linspace(-22.0, -18.0, 12):
        check_gradient_function(saturated, gradient, np.array([0.0, low, low - 1.3]))


def test_cancellation_in_single_precision():
    """1 − tanh² has no digit left where tanh is nearly 1: small beside the other gradients."""
    x = np.float32([0.3, 5.0, 8.0, 9.0, 30.0])
    check_gradient_function(lambda x: np.sum(np.tanh(x)), lambda x: 1 - np.tanh(x) ** 2, x)


def test_an_infinite_gradient_where_there_is_one():
    """And the other numbers beside it are not 0 · ∞."""
    x = np.array([0.0, 1.0])
    with np.errstate(all="ignore"):
        with pytest.warns(UncertainGradientWarning):
            check_gradient_function(lambda x: np.sum(np.sqrt(x)), lambda x: 0.5 / np.sqrt(x), x)
        names, _ = kinds(lambda x: np.sum(x**2), lambda x: 2 * x**2 / x, x)
    assert names == ["not finite"]
