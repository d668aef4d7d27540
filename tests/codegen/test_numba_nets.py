"""What large networks are made of, with Numba: windows, tiles, and loops that threads share."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd_lite import compile, value_and_grad
from autograd_lite.codegen import numba_calls, numba_products, numba_segments, numba_tile, threads
from autograd_lite.codegen.numba_plan import ALIGNED, placed
from autograd_lite.trees import flatten
from nn import functional as F
from tests.codegen.test_numba import as_python, assert_close

__all__ = ["as_python"]  # the fixture


@pytest.fixture
def everything_is_large(monkeypatch):
    """Let small arrays be treated as large ones are, by three threads."""
    monkeypatch.setattr(numba_calls, "PRODUCT", 0)
    monkeypatch.setattr(numba_segments, "SHARED_FROM", 20)
    monkeypatch.setattr(numba_segments, "MANY", 30)
    monkeypatch.setattr(numba_products, "DEEP", 10)
    monkeypatch.setattr(numba_products, "CLOSE", 4)
    monkeypatch.setattr(numba_segments, "threads", lambda: 3)
    monkeypatch.setattr(threads, "threads", lambda: 3)
    monkeypatch.setattr(numba_tile, "registers", lambda: (16, 6))
    for module in (numba_products, "numba_windows"):
        name = module if isinstance(module, str) else module.__name__.rpartition(".")[2]
        monkeypatch.setattr(f"autograd_lite.codegen.{name}.registers", lambda: (16, 6))


WINDOWS = [  # images, weights, settings
    ((2, 3, 7, 6), (4, 3, 3, 3), {"padding": 1}),
    ((2, 1, 8, 8), (5, 1, 5, 5), {"padding": 2}),
    ((3, 2, 9, 7), (3, 2, 3, 2), {"stride": (2, 1)}),
    ((1, 2, 9, 8), (9, 2, 2, 2), {"dilation": (3, 1)}),
    ((1, 2, 9, 9), (4, 2, 2, 2), {"dilation": 2}),  # left to NumPy, as are gaps in its gradient
    ((2, 20, 4, 5), (6, 20, 1, 1), {}),
    ((2, 2, 5, 6), (2, 2, 2, 2), {"padding": (0, 1)}),
    ((2, 2, 3, 3), (2, 2, 1, 2), {"padding": (2, 0)}),  # a border wider than the window
]


def held_to_pytorch(ours, theirs, arrays, units=500):
    """Compile the value and gradient of a weighted sum of what a function makes; compare."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=np.shape(ours(*arrays))).astype(arrays[0].dtype)
    every = tuple(range(len(arrays)))
    step = compile(
        value_and_grad(lambda *given: np.sum(ours(*given) * weights), every), back_end="numba"
    )
    for factor in (1, -2):
        given = [a * np.asarray(factor, a.dtype) for a in arrays]
        tensors = [torch.tensor(a, requires_grad=True) for a in given]
        value = (theirs(*tensors) * torch.tensor(weights)).sum()
        value.backward()
        expected = value.detach().numpy()[()], tuple(t.grad.numpy() for t in tensors)
        assert_close(step(*given), expected, units)
    return step


def by_numpy(step):
    """Return what of a compiled step is left to NumPy."""
    notes = step._latest.kernel.notes
    return {line.removeprefix("# ") for line, what in notes if what == "by NumPy"}


@pytest.mark.usefixtures("as_python", "everything_is_large")
@pytest.mark.parametrize(("shape", "kernel", "settings"), WINDOWS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_convolutions(shape, kernel, settings, dtype):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=s).astype(dtype) for s in (shape, kernel, kernel[0])]
    step = held_to_pytorch(
        lambda *given: F.relu(F.conv2d(*given, **settings)),
        lambda *given: torch.relu(torch.nn.functional.conv2d(*given, **settings)),
        arrays,
    )
    gaps = settings.keys() & {"stride", "dilation"} or kernel[2:] == (1, 2)
    assert by_numpy(step) & {"conv2d", "conv2d_image", "conv2d_weight"} == (
        {"conv2d", "conv2d_image", "conv2d_weight"} if settings == {"dilation": 2}
        else {"conv2d_image"} if gaps else set()
    )  # fmt: skip


POOLS = [
    ("max_pool2d", {"kernel_size": 2}, (2, 3, 6, 4)),
    ("max_pool2d", {"kernel_size": 2}, (2, 3, 7, 5)),  # a line is left out
    ("max_pool2d", {"kernel_size": (3, 2), "stride": (2, 1)}, (2, 3, 7, 5)),
    ("max_pool2d", {"kernel_size": 3, "stride": 2, "padding": 1}, (2, 3, 7, 5)),  # by NumPy
    ("avg_pool2d", {"kernel_size": 2}, (2, 3, 6, 4)),
    ("avg_pool2d", {"kernel_size": (3, 2), "stride": 1}, (2, 3, 7, 5)),
]


@pytest.mark.usefixtures("as_python", "everything_is_large")
@pytest.mark.parametrize(("name", "settings", "shape"), POOLS)
@pytest.mark.parametrize("after", ["as given", "channels last"])
def test_pools(name, settings, shape, after):
    rng = np.random.default_rng(0)
    x = rng.integers(-2, 3, shape).astype(float)  # with ties, of which the first counts
    w = np.eye(3)[:, :, None, None] * 2.0  # a convolution's results have their channels last

    def net(conv2d, pool, weight):
        return lambda x: pool(conv2d(x, weight) if after != "as given" else x * 2.0, **settings)

    of_torch = torch.nn.functional
    step = held_to_pytorch(
        net(F.conv2d, getattr(F, name), w),
        net(of_torch.conv2d, getattr(of_torch, name), torch.tensor(w)),
        [x],
    )
    assert bool(by_numpy(step)) == ("padding" in settings)


@pytest.mark.usefixtures("as_python", "everything_is_large")
def test_a_nan_is_the_largest_of_its_window():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    x[0, 0, 0, 0] = x[0, 0, 1, 1] = np.nan
    step = compile(value_and_grad(lambda x: np.sum(F.max_pool2d(x, 2))), back_end="numba")
    value, gradient = step(x)
    assert np.isnan(value)
    np.testing.assert_array_equal(np.argwhere(gradient[0, 0]), [[0, 0], [1, 3], [3, 1], [3, 3]])


PRODUCTS = [
    ((7, 5), (5, 6)), ((20, 9), (9, 13)), ((3, 25), (25, 8)), ((1, 4), (4, 5)),
    ((6,), (6, 7)), ((2, 3, 4, 5), (2, 3, 5, 6)), ((2, 1, 4, 5), (3, 5, 4)), ((4, 5), (2, 5, 9)),
]  # fmt: skip


@pytest.mark.usefixtures("as_python", "everything_is_large")
@pytest.mark.parametrize(("left", "right"), PRODUCTS)
@pytest.mark.parametrize("turned", [(), (0,), (1,), (0, 1)])
def test_products(left, right, turned):
    rng = np.random.default_rng(0)
    shapes = [s[:-2] + s[-2:][::-1] if i in turned else s for i, s in enumerate((left, right))]
    arrays = [rng.normal(size=s) for s in shapes]

    def product(*given):
        a, b = (x.swapaxes(-1, -2) if i in turned and x.ndim > 1 else x
                for i, x in enumerate(given))  # fmt: skip
        return a @ b

    step = held_to_pytorch(product, product, arrays)
    assert len(left) == 1 or "matmul" not in by_numpy(step)  # matrix times vector is NumPy's


@pytest.mark.usefixtures("everything_is_large")
def test_long_loops_are_shared():
    x, scale = np.linspace(-3.0, 3.0, 9000), np.linspace(1.0, 2.0, 9000)
    f = compile(lambda x, y: (np.exp(x) * y, x + np.cumsum(y), np.sin(x * y)), back_end="numba")
    for sign in (1.0, -1.0):
        x = x * sign
        found = f(x, scale)
        assert_close(found, (np.exp(x) * scale, x + np.cumsum(scale), np.sin(x * scale)))
    assert "shared by threads" in f.explain()


def test_a_compiled_network_learns_as_an_eager_one(monkeypatch):
    monkeypatch.setattr(numba_segments, "SHARED_FROM", 100)
    monkeypatch.setattr(numba_segments, "MANY", 100)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 1, 8, 8)).astype(np.float32), rng.integers(0, 5, 6)
    losses = []
    for compiled in (False, True):
        model = nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1, rng=0, dtype=np.float32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 20, 3, rng=1, dtype=np.float32), nn.Tanh(), nn.AvgPool2d(2),
            nn.Flatten(), nn.Linear(20, 5, rng=2, dtype=np.float32),
        )  # fmt: skip
        optimizer, loss = nn.optim.Adam(model.parameters(), lr=0.01), nn.CrossEntropyLoss()
        if compiled:
            step = compile(model, loss, optimizer, back_end="numba")
            losses.append([float(step(x, y)) for _ in range(8)])
            assert by_numpy(step._latest) <= {"labels"}
            continue
        losses.append([])
        for _ in range(8):
            value = loss(model(x), y)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            losses[-1].append(value.item())
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_arrays_that_live_at_one_time_lie_apart(arrays):
    sizes = {str(i): n for i, (n, _, _) in enumerate(arrays)}
    spans = {str(i): (min(a, b), max(a, b)) for i, (_, a, b) in enumerate(arrays)}
    begins, total = placed(sizes, spans)
    assert begins.keys() == sizes.keys()
    for time in range(10):
        alive = sorted(
            (begins[a], begins[a] + sizes[a]) for a, (i, j) in spans.items() if i <= time <= j
        )
        assert all(end <= begin for (_, end), (begin, _) in pairwise(alive))
        assert all(end <= total for _, end in alive)
    assert all(begin % ALIGNED == 0 for begin in begins.values())


def deep(layers):
    """Return a compiled step of a network of equal layers, and the same step made eagerly."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 40)), rng.normal(size=(40, 40))
    made = []
    for compiled in (True, False):
        middle = [m for i in range(layers) for m in (nn.Linear(40, 40, rng=i), nn.GELU())]
        model = nn.Sequential(*middle, nn.Linear(40, 40, rng=9))
        optimizer, loss = nn.optim.Adam(model.parameters(), lr=0.01), nn.MSELoss()
        if compiled:
            step = compile(model, loss, optimizer, back_end="numba")
            for _ in range(4):
                step(x, y)
        else:
            for _ in range(4):
                value = loss(model(x), y)
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
        made.append(model.state_dict())
    return step, made


@pytest.mark.usefixtures("as_python")
def test_layers_that_are_alike_are_compiled_once():
    counts = []
    for layers in (3, 5):
        step, (compiled, eager) = deep(layers)
        for name, a in eager.items():
            np.testing.assert_allclose(compiled[name], a, rtol=1e-9, atol=1e-12, err_msg=name)
        counts.append(step.source.count("@compiled"))
    assert counts[0] == counts[1]


@pytest.mark.usefixtures("as_python")
def test_gradients_are_made_where_the_optimizer_reads_them():
    step, _ = deep(2)
    run = step._latest._latest.kernel.call.__self__
    gradient = sum(p.size for p in step.optimizer.params)
    assert sum(n == gradient for n, _ in run.kept.values()) == 1  # and no sum with the moments
    joined = [array for array, *_ in run.pieces.values() if array in run.kept]
    assert len(joined) == len(list(step.model.parameters()))


@pytest.mark.usefixtures("as_python", "everything_is_large")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(7,), (2, 5)])
def test_rows_are_picked_and_added_up(dtype, shape):
    rng = np.random.default_rng(0)
    table, weights = (rng.normal(size=s).astype(dtype) for s in ((5, 3), (*shape, 3)))
    step = compile(
        value_and_grad(lambda t, i: np.sum(F.embedding(i, t) ** 2 * weights), 0), back_end="numba"
    )
    for _ in range(2):
        index = rng.integers(0, 5, shape)
        tensor = torch.tensor(table, requires_grad=True)
        value = (torch.nn.functional.embedding(torch.tensor(index), tensor) ** 2).mul(
            torch.tensor(weights)
        ).sum()  # fmt: skip
        value.backward()
        assert_close(step(table, index), (value.detach().numpy()[()], tensor.grad.numpy()))
    assert not {"getitem", "scatter"} & by_numpy(step)
    with pytest.raises(IndexError, match="from 0 to 4, and got 5"):
        step(table, index * 0 + 5)


def test_the_largest_of_rows_with_nan_and_infinities():
    x = np.random.default_rng(0).normal(size=(9, 21))
    x[1, 4], x[2, 0], x[3, 20], x[4] = np.nan, np.inf, -np.inf, -np.inf
    f = compile(lambda x: (np.max(x, axis=1), np.min(x, axis=1), np.max(x)), back_end="numba")
    assert_close(f(x), (np.max(x, axis=1), np.min(x, axis=1), np.max(x)), 0)
    assert_close(f(-x), (np.max(-x, axis=1), np.min(-x, axis=1), np.max(-x)), 0)


def test_an_error_in_a_thread_is_raised_when_all_are_done(monkeypatch):
    monkeypatch.setattr(threads, "threads", lambda: 3)
    threads._workers.cache_clear()
    done = np.zeros(9)

    def fails(begin, end, share, array):
        if begin == wrong:
            raise ValueError("no")
        array[begin:end] += 1

    try:
        run = threads.shared(fails, 9)
        for wrong in (0, 3, 6):  # noqa: B007 (the function reads it)
            with pytest.raises(ValueError, match="no"):
                run(done)
        np.testing.assert_array_equal(done, 2.0)
    finally:
        threads._workers.cache_clear()


@pytest.mark.usefixtures("everything_is_large", "as_python")
def test_what_is_joined_twice_is_there_twice():
    x, y = np.linspace(0.0, 1.0, 36).reshape(6, 6), np.linspace(-1.0, 1.0, 36).reshape(6, 6)

    def f(x, y):
        a, b = x @ y, y @ x
        once = np.concatenate([np.ravel(a), np.ravel(b), np.ravel(a)])
        return np.cumsum(once) * 2.0, np.cumsum(np.concatenate([np.ravel(b), np.ravel(x)])) * 2.0

    assert_close(compile(f, back_end="numba")(x, y), f(x, y))


@pytest.mark.usefixtures("everything_is_large", "as_python")
def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    rng = np.random.default_rng(0)
    x, w, v = (rng.normal(size=s) for s in ((5, 2, 6, 6), (6, 2, 3, 3), (96, 7)))

    def loss(w, v):
        h = F.max_pool2d(np.tanh(F.conv2d(x, w)), 2)
        return np.sum((h.reshape(5, -1)[:, :24] @ v[:24]) ** 2)

    found = []
    for count in (1, 2, 4):
        monkeypatch.setattr(threads, "threads", lambda count=count: count)
        monkeypatch.setattr(numba_segments, "threads", lambda count=count: count)
        threads._workers.cache_clear()
        found.append(flatten(compile(value_and_grad(loss, (0, 1)), back_end="numba")(w, v))[0])
    threads._workers.cache_clear()
    for other in found[1:]:
        assert_close(other, found[0], 0)
