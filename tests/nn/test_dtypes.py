"""Which dtype comes out, and how many of its digits are right: sums of many, and half precision."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from autograd_lite.trees import flatten
from nn import functional as F
from tests.nn.test_every_argument import FUNCTIONS, MODULES

FLOATS = [np.float16, np.float32, np.float64]
WHOLE = [bool, *np.typecodes["AllInteger"]]
LOSSES = {
    "mse_loss": {}, "l1_loss": {}, "huber_loss": {"delta": 0.7}, "binary_cross_entropy": {},
    "binary_cross_entropy_with_logits": {"pos_weight": [2, 3]}, "hinge_loss": {},
    "hinge_embedding_loss": {}, "cross_entropy": {"weight": [1, 2]}, "nll_loss": {},
}  # fmt: skip


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", LOSSES)
def test_of_targets_that_are_integers_a_loss_has_the_inputs_dtype(name, dtype, reduction):
    """And the number that targets of floats would give: no integer wraps."""
    function = getattr(F, name)

    def loss(x, target, reduction, **settings):
        return function(x, target, reduction=reduction, **settings)

    values = np.array([[0.2, 0.9], [0.7, 0.4], [0.1, 0.6]], dtype)
    target = np.array([[1, 1], [1, 0], [0, 1]])
    if "hinge" in name:
        target = np.ones_like(target)
    kinds = WHOLE if name not in ("cross_entropy", "nll_loss") else WHOLE[1:]
    if name in ("cross_entropy", "nll_loss"):
        target = target[:, 0]
        expected = loss(values.astype(float), target, reduction, **LOSSES[name])
    else:
        expected = loss(values.astype(float), target.astype(float), reduction, **LOSSES[name])
    for kind in kinds:
        for wrap in (np.asarray, Tensor):
            x = Tensor(values, requires_grad=True)
            found = loss(x, wrap(target.astype(kind)), reduction, **LOSSES[name])
            assert found.dtype == dtype, kind
            np.testing.assert_allclose(found.numpy(), expected, rtol=2 * np.finfo(dtype).eps)
            found.sum().backward()
            assert x.grad.dtype == dtype
    weighted = "weight" in inspect.signature(function).parameters
    for weight in (np.ones(2), np.array([1, 1], np.uint8), [1, 1]) if weighted else ():
        assert loss(values, target, reduction, weight=weight).dtype == dtype


def test_integers_as_inputs_do_not_wrap_either():
    a, b = np.array([200, 3], np.uint8), np.array([10, 250], np.uint8)
    for loss, expected in (
        (F.mse_loss, (190**2 + 247**2) / 2), (F.l1_loss, (190 + 247) / 2),
        (F.huber_loss, (190 + 247) / 2 - 0.5),
    ):  # fmt: skip
        assert loss(a, b) == expected
        assert loss(a, b, "none").dtype == np.float64


X = np.random.default_rng(3).normal(size=(4, 3, 6))
SETTINGS = {
    nn.LeakyReLU: {"negative_slope": 0.1}, nn.ELU: {"alpha": 0.5}, nn.Dropout: {"p": 0.3},
    nn.Softplus: {"beta": 2.0, "threshold": 1.0}, nn.LayerNorm: {"eps": 0.1},
    nn.BatchNorm1d: {"eps": 0.1, "momentum": 0.3}, nn.HuberLoss: {"delta": 0.5},
    nn.HingeLoss: {"margin": 0.5}, nn.HingeEmbeddingLoss: {"margin": 0.5},
    nn.CrossEntropyLoss: {"label_smoothing": 0.2},
}  # fmt: skip
SIZES = {nn.LayerNorm: (6,), nn.BatchNorm1d: (3,)}


@pytest.mark.parametrize("cast", [np.float64, np.float32, np.array, Tensor])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("cls", SETTINGS)
def test_settings_that_are_numpys_numbers_do_not_promote(cls, dtype, cast):
    settings = {key: cast(value) for key, value in SETTINGS[cls].items()}
    python = {key: float(np.asarray(Tensor(v).data)) for key, v in settings.items()}
    target = np.where(X > 0, 1, -1)
    arguments = [target if cls is not nn.CrossEntropyLoss else np.ones((4, 6), int)]
    arguments = arguments if issubclass(cls, nn.loss._Loss) else []

    def run(**settings):
        nn.manual_seed(0)
        layer = cls(*SIZES.get(cls, ()), **settings).to(dtype)
        x = Tensor(X.astype(dtype), requires_grad=True)
        outputs = [layer(x, *arguments), layer.eval()(x, *arguments)]
        (outputs[0].sum() + outputs[1].sum()).backward()
        return [o.numpy() for o in outputs] + [x.grad, *(b.data for b in layer.buffers())]

    for found, expected in zip(run(**settings), run(**python), strict=True):
        assert found.dtype == dtype or found.dtype == int
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_training_stays_in_its_dtype(dtype):
    nn.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 2, groups=1, bias=False), nn.BatchNorm2d(4, momentum=None), nn.GELU(),
        nn.AvgPool2d(2), nn.Flatten(), nn.LayerNorm(4), nn.Dropout(0.2), nn.Linear(4, 3),
    ).to(dtype)  # fmt: skip
    optimizer = nn.optim.Adam(model.parameters(), np.float64(0.01), eps=1e-4)
    scheduler = nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5, np.float64(0.001))
    x = np.random.default_rng(0).normal(size=(6, 1, 8, 8)).astype(dtype)
    criterion = nn.CrossEntropyLoss(np.array([1.0, 2.0, 3.0]), label_smoothing=np.float64(0.1))
    for _ in range(3):
        output = model(x)
        loss = criterion(output, np.array([0, 1, 2, 0, 1, 2], np.uint8))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), np.float64(1.0))
        optimizer.step()
        scheduler.step()
        held = [output, loss, *model.parameters(), *model.buffers(), model.eval()(x)]
        model.train()
        kept = [v for memory in optimizer.state for k, v in memory.items() if k != "step"]
        dtypes = {t.dtype for t in (*held, *kept, *(p.grad for p in model.parameters()))}
        assert dtypes == {np.dtype(dtype), np.dtype(int)}  # and the count of batches
        assert np.isfinite(loss.item())


def in_single(x):
    return x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


@pytest.mark.parametrize("name", [*FUNCTIONS, *MODULES])
def test_everything_stays_in_single_precision(name):
    """Forward and backward, of each function and module of nn: NumPy's own scalars promote."""
    if name in FUNCTIONS:
        given = {key: in_single(x) for key, x in FUNCTIONS[name].items()}
        function, inputs = getattr(F, name.split()[0]), []
    else:
        settings, inputs = MODULES[name]
        function = getattr(nn, name)(**{key: in_single(x) for key, x in settings.items()})
        function, given, inputs = function.to(np.float32), {}, list(map(in_single, inputs))
    x = next((x for x in (*given.values(), *inputs) if getattr(x, "dtype", None) == np.float32), 0)
    t = Tensor(x, requires_grad=isinstance(x, np.ndarray))
    made = function(
        *(t if a is x else a for a in inputs), **{k: t if a is x else a for k, a in given.items()}
    )
    for out in flatten(made)[0]:
        assert out.dtype == np.float32 or out.dtype.kind != "f"
        if t.requires_grad:
            out.sum().backward()
            assert t.grad.dtype == np.float32


# -- sums of many ---------------------------------------------------------------------------

MANY = 70_000
LARGE = np.random.default_rng(4).uniform(-250.0, 250.0, MANY)  # their squares are not halves
SHARES = np.random.default_rng(5).uniform(0.01, 0.99, MANY)
FEATURES = LARGE.reshape(7, -1)
PATCHES = np.abs(LARGE[:4096].reshape(1, 1, 64, 64))
IN_HALF = {
    "mse_loss": (LARGE, lambda x: F.mse_loss(x, np.zeros(MANY, int))),
    "l1_loss": (LARGE, lambda x: F.l1_loss(x, np.zeros(MANY, int))),
    "huber_loss": (LARGE, lambda x: F.huber_loss(x, np.zeros(MANY, int), delta=200.0)),
    "hinge_loss": (LARGE, lambda x: F.hinge_loss(x, np.ones(MANY, int))),
    "hinge_embedding_loss": (
        LARGE,
        lambda x: F.hinge_embedding_loss(x, np.where(LARGE > 0, 1, -1)),
    ),
    "binary_cross_entropy": (SHARES, lambda x: F.binary_cross_entropy(x, np.ones(MANY, int))),
    "binary_cross_entropy_with_logits": (
        LARGE,
        lambda x: F.binary_cross_entropy_with_logits(x, np.ones(MANY, int)),
    ),
    "cross_entropy": (FEATURES, lambda x: F.cross_entropy(x, np.arange(7), label_smoothing=0.1)),
    "cross_entropy by weights": (
        FEATURES,
        lambda x: F.cross_entropy(x.T, np.arange(10_000) % 7, weight=np.arange(1.0, 8.0)),
    ),
    "cross_entropy of shares": (FEATURES, lambda x: F.cross_entropy(x, np.full((7, 10_000), 1e-4))),
    "nll_loss": (
        FEATURES,
        lambda x: F.nll_loss(x.T, np.arange(10_000) % 7, weight=np.arange(1.0, 8.0)),
    ),
    "softmax": (LARGE, lambda x: F.softmax(x / 8000.0) * 30_000.0),
    "log_softmax": (LARGE, lambda x: F.log_softmax(x / 8000.0)),
    "layer_norm": (FEATURES, lambda x: F.layer_norm(x, 10_000)),
    "BatchNorm1d": (FEATURES, lambda x: nn.BatchNorm1d(7, dtype=x.dtype)(x.T)),
    "BatchNorm1d of signals": (
        FEATURES,
        lambda x: nn.BatchNorm1d(7, dtype=x.dtype)(x.reshape(1, 7, -1)),
    ),
    "avg_pool2d": (PATCHES, lambda x: F.avg_pool2d(x, 64)),
    "avg_pool2d of parts": (PATCHES, lambda x: F.avg_pool2d(x, 32, 16, 16, True, False)),
}


@pytest.mark.parametrize("name", IN_HALF)
def test_half_precision_is_right_to_its_last_digits(name):
    """Beside float64 of the same numbers: value and gradient, however many they are."""
    start, f = IN_HALF[name]
    half = Tensor(start.astype(np.float16), requires_grad=True)
    wide = Tensor(half.numpy().astype(np.float64), requires_grad=True)
    found, expected = f(half), f(wide)
    weights = np.cos(np.arange(expected.size)).reshape(expected.shape)
    assert found.dtype == np.float16
    eps = float(np.finfo(np.float16).eps)
    size = float(np.abs(expected.numpy()).max())
    np.testing.assert_allclose(found.numpy(), expected.numpy(), 2 * eps, 2 * eps * min(size, 1.0))
    (found * weights.astype(np.float16)).sum().backward()
    (expected * weights.astype(np.float16).astype(float)).sum().backward()
    tiny = 2 * float(np.finfo(np.float16).smallest_subnormal)
    large = float(np.abs(wide.grad).max())
    np.testing.assert_allclose(half.grad, wide.grad, 4 * eps, max(tiny, 4 * eps * large))


def test_running_statistics_of_half_precision():
    x = np.array([[1000.0], [2000.0], [3000.0]])
    for dtype in FLOATS:
        layer = nn.BatchNorm1d(1, momentum=0.01, dtype=dtype)
        layer(x.astype(dtype))
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(layer.running_mean.data, [20.0], rtol=2 * eps)
        np.testing.assert_allclose(layer.running_var.data, [0.99 + 0.01e6], rtol=2 * eps)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_sums_of_a_million_floats_keep_their_digits(offset):
    """Beside float64: to some units in the last place of float32."""
    x = (offset + np.random.default_rng(6).uniform(0.5, 1.5, 1_200_000)).astype(np.float32)
    exact = x.astype(np.float64)
    eps = float(np.finfo(np.float32).eps)

    def close(found, expected, units, scale=1.0):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, units * eps, units * eps * scale)

    zeros = np.zeros(len(x), int)
    close(F.mse_loss(x, zeros), np.mean(exact**2), 4)
    close(F.l1_loss(x, zeros), np.mean(exact), 4)
    pooled = F.avg_pool2d(x.reshape(12, 1, 400, 250), (400, 250))
    close(pooled.ravel(), exact.reshape(12, -1).mean(axis=1), 8)
    powers = np.exp(exact - exact.max())
    close(F.softmax(x), powers / powers.sum(), 20, 0.0)
    images = x.reshape(100, 3, 50, 80)
    channels_last = np.moveaxis(np.ascontiguousarray(np.moveaxis(images, 1, -1)), -1, 1)
    for rows in (x.reshape(400_000, 3), images, channels_last):
        shape = rows.shape
        axis = (0, *range(2, len(shape)))
        wide = rows.astype(np.float64)
        mean, variance = wide.mean(axis, keepdims=True), wide.var(axis, keepdims=True)
        layer = (nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d)(3, dtype=np.float32)
        # The mean itself is rounded, to a unit of its size.
        out = layer(rows).numpy()
        close(out, (wide - mean) / np.sqrt(variance + 1e-5), 20, offset + 1.0)
        close(layer.running_mean.data, 0.1 * mean.ravel(), 4)
        close(layer.running_var.data, 0.9 + 0.1 * variance.ravel() * 4e5 / (4e5 - 1), 8, offset)
