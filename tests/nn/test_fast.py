"""The compiled loops, beside NumPy's."""

from __future__ import annotations

import os
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from autograd_lite import Tensor
from autograd_lite.calculus import convolution as conv
from autograd_lite.calculus import pooling
from autograd_lite.calculus.convolution import window_grid
from autograd_lite.calculus.loops import loops
from autograd_lite.errors import MissingExtraError
from nn import fast
from tests.calculus.test_convolution import DTYPES, LAYOUTS, geometry, laid_out

pytest.importorskip("numba")


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    monkeypatch.setattr(fast, "SMALL", 0)  # what is compiled is compared at small sizes, too
    yield
    fast.disable()


@pytest.fixture(params=["one thread", "three threads"])
def threads(request, monkeypatch):
    """Share even the smallest work, among more threads than there may be cores."""
    if request.param == "three threads":
        monkeypatch.setattr(fast, "THREADS", 3)
        monkeypatch.setattr(fast, "SHARED_FROM", 0)
    else:
        monkeypatch.setattr(fast, "THREADS", 1)


def both(f):
    """Return what `f` returns with NumPy's loops, and with the compiled ones."""
    assert not fast.enabled()
    plain = f()
    fast.enable()
    try:
        return plain, f()
    finally:
        fast.disable()


def agree(f, dtype):
    for plain, compiled in zip(*both(f), strict=True):
        assert compiled.dtype == plain.dtype
        assert compiled.shape == plain.shape
        tolerance = 1e-5 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(compiled, plain, rtol=tolerance, atol=10 * tolerance)


@pytest.mark.usefixtures("threads")
@settings(max_examples=40)
@given(geometry(), DTYPES, LAYOUTS, st.integers(0, 99), st.booleans())
def test_max_pooling_agrees(windows, dtype, layout, seed, nan):
    shape, kernel, geometry = windows
    padding = [
        [min(p, k // 2) for p in two] for two, k in zip(geometry["padding"], kernel, strict=True)
    ]
    geometry["padding"] = tuple(map(tuple, padding))
    if min(window_grid(shape, kernel, *geometry.values())) < 1:
        return
    rng = np.random.default_rng(seed)
    image = rng.integers(-2, 3, shape).astype(dtype)  # with many ties
    if nan:
        image[0, 0, 0, 0] = np.nan
    image = laid_out(image, layout)
    part = rng.normal(size=pooling._max_pool(image, image, kernel, **geometry).shape).astype(dtype)
    agree(lambda: [pooling._max_unpool(laid_out(part, layout), image, kernel, **geometry)], dtype)


@pytest.mark.usefixtures("threads")
@given(st.lists(st.integers(1, 4), max_size=4), DTYPES, st.integers(0, 99), st.booleans())
def test_relus_derivative_agrees_to_the_bit(shape, dtype, seed, strided):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=shape), 1).astype(dtype)
    g = rng.normal(size=shape).astype(dtype)
    if x.size:
        x.flat[0], g.flat[0] = -1.0, np.inf
    if strided and x.ndim:
        x = np.asfortranarray(x)[::-1]
    expected = np.where(x > 0.0, g, 0.0)
    for found in both(lambda: loops["masked"](g, x > 0.0)):
        assert found.tobytes() == expected.tobytes()
    if x.size:
        x.flat[-1] = np.nan
    expected = np.where(np.isnan(x), x, np.where(x > 0.0, g, 0.0))
    for found in both(lambda: np.asarray(loops["relu_rule"](g, x))):
        np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.longdouble])
@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 2, 200)])
@pytest.mark.parametrize("strided", [False, True])
def test_gelu_agrees(dtype, shape, strided, threads):
    x = 3.0 * np.random.default_rng(0).normal(size=shape).astype(dtype)
    x = np.asfortranarray(x)[::-1] if strided and x.ndim else x

    def run():
        t = Tensor(x, requires_grad=True)
        out = nn.functional.gelu(t)
        out.sum().backward()
        return out.numpy(), t.grad

    agree(run, np.float32 if dtype == np.float16 else dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.longdouble])
@pytest.mark.parametrize(
    "make",
    [
        lambda p: nn.optim.Adam(p, 0.1),
        lambda p: nn.optim.Adam(p, 0.1, weight_decay=0.1, amsgrad=True),
        lambda p: nn.optim.AdamW(p, 0.1, weight_decay=0.1),
    ],
)
def test_adam_agrees(dtype, make):
    def train():
        w = Tensor(np.linspace(-1.0, 1.0, 12).reshape(3, 4).astype(dtype), requires_grad=True)
        b = Tensor(dtype(0.5), requires_grad=True)
        optimizer = make([w, b])
        for _ in range(5):
            optimizer.zero_grad()
            (w.T * w.T * b).sum().backward()
            optimizer.step()
        return [w.data, np.asarray(b.data)]

    agree(train, np.float32 if np.finfo(dtype).eps > 1e-9 else np.float64)


@pytest.mark.parametrize("make", [nn.optim.Adam, nn.optim.AdamW])
def test_a_rate_for_each_row_agrees(make):
    def train():
        w = Tensor(np.linspace(-1.0, 1.0, 12).reshape(3, 4), requires_grad=True)
        optimizer = make([w], weight_decay=0.1)
        optimizer.param_groups[0]["lr"] = np.array([[0.1], [0.2], [0.3]])
        (w * w).sum().backward()
        optimizer.step()
        return [w.data]

    agree(train, np.float64)


@pytest.mark.usefixtures("threads")
def test_a_training_agrees():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 1, 8, 8)), rng.integers(0, 3, 12)

    def train():
        model = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1, rng=0), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(3, 4, 3, stride=2, rng=1), nn.ReLU(), nn.Flatten(), nn.Linear(4, 3, rng=2),
        )  # fmt: skip
        optimizer = nn.optim.Adam(model.parameters(), 0.01)
        settings = {"epochs": 5, "batch_size": 4, "rng": 3, "progress": False}
        history = nn.fit(model, nn.CrossEntropyLoss(), optimizer, x, y, **settings)
        return [np.array(history.losses), *model.state_dict().values()]

    agree(train, np.float64)


def test_the_switch():
    before = dict(loops)
    fast.enable()
    fast.enable()
    assert fast.enabled()
    assert loops["unpool"] is not before["unpool"]
    fast.disable()
    fast.disable()
    assert loops == before
    assert not fast.enabled()


def test_integers_and_empty_batches_take_numpys_loops():
    fast.enable()
    whole = conv._conv2d(np.ones((1, 1, 3, 3), int), np.ones((1, 1, 2, 2), int))
    assert whole.dtype == int
    assert whole.tolist() == [[[[4, 4], [4, 4]]]]
    assert conv._conv2d(np.ones((0, 1, 3, 3)), np.ones((1, 1, 2, 2))).shape == (0, 1, 2, 2)


def test_several_threads_may_use_it_at_once(monkeypatch):
    monkeypatch.setattr(fast, "SHARED_FROM", 0)
    rng = np.random.default_rng(0)
    image, weight = rng.normal(size=(9, 2, 9, 9)), rng.normal(size=(3, 2, 3, 3))
    expected = conv._conv2d(image, weight)
    fast.enable()
    found = [None] * 8

    def work(i):
        for _ in range(20):
            found[i] = conv._conv2d(image, weight)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(np.allclose(one, expected, rtol=1e-12) for one in found)


def test_without_numba_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    before = dict(loops)
    with pytest.raises(MissingExtraError, match=r"\[fast\]"):
        fast.enable()
    assert loops == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_has_threads_of_its_own():
    program = """
        import os, numpy as np, nn
        from nn import fast
        fast.THREADS, fast.SHARED_FROM, fast.SMALL = 2, 0, 0
        fast.enable()
        layer = nn.ReLU()
        x = np.ones((4, 4))
        fast.loops["masked"](x, x > 0.0)
        child = os.fork()
        if child == 0:
            os._exit(int(fast.loops["masked"](x, x > 0.0).sum()))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    import subprocess
    import textwrap

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == "16", done.stderr
