"""compile(model, loss, optimizer): the same bits as eager training, in place."""

from __future__ import annotations

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, compile, value_and_grad
from autograd_lite.codegen.stepping import Stepper
from autograd_lite.errors import CompileError, StaleValueError
from autograd_lite.trees import flatten
from nn import functional as F
from nn import optim
from tests.codegen.test_numba import as_python
from tests.nn.test_every_argument import FUNCTIONS, MODULES

__all__ = ["as_python"]  # the fixture

rng = np.random.default_rng(3)
X, Y = rng.normal(size=(24, 6)), rng.normal(size=(24, 2))
LABELS = rng.integers(0, 2, 24)
OPTIMIZERS = {
    "SGD": (optim.SGD, {"lr": 0.1}),
    "decay": (optim.SGD, {"lr": 0.1, "weight_decay": 0.1}),
    "momentum": (optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.1}),
    "nesterov": (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "Adam": (optim.Adam, {"lr": 0.01}),
    "amsgrad": (optim.Adam, {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1}),
    "AdamW": (optim.AdamW, {"lr": 0.01}),
    "RMSprop": (optim.RMSprop, {"lr": 0.01, "centered": True, "momentum": 0.5}),
    "Adagrad": (optim.Adagrad, {"lr": 0.1, "lr_decay": 0.1}),
    "Adadelta": (optim.Adadelta, {"lr": 1.0}),
    "Adamax": (optim.Adamax, {"lr": 0.01, "weight_decay": 0.1}),
    "NAdam": (optim.NAdam, {"lr": 0.01, "weight_decay": 0.1}),
    "NAdam, apart": (
        optim.NAdam,
        {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True},
    ),
}


def eager_step(model, loss, optimizer, *batch):
    value = loss(model(batch[0]), *batch[1:])
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value.item()


def assert_same(one, other):
    (model, optimizer), (twin, others) = one, other
    for a, b in ((model.state_dict(), twin.state_dict()),):
        for name in a:
            assert a[name].dtype == b[name].dtype
            np.testing.assert_array_equal(a[name], b[name], name)
    a, b = optimizer.state_dict()["state"], others.state_dict()["state"]
    assert a.keys() == b.keys()
    for i in a:
        assert a[i].keys() == b[i].keys()
        for name in a[i]:
            np.testing.assert_array_equal(a[i][name], b[i][name], name)


def pair(make, kind, settings):
    models = [make(), make()]
    return [(m, kind(m.parameters(), **settings)) for m in models]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_comes_to_the_same_bits(name, dtype):
    eager, compiled = pair(lambda: nn.MLP([6, 5, 2], "tanh", rng=1).to(dtype), *OPTIMIZERS[name])
    loss, x, y = nn.MSELoss(), X.astype(dtype), Y.astype(dtype)
    step = compile(compiled[0], loss, compiled[1], back_end="numpy")
    for k in range(9):
        if k == 4:  # a scheduler's new rate, an eager step in between, new weights
            eager[1].lr = compiled[1].lr = 0.05
            eager_step(*eager[:1], loss, eager[1], x, y)
            eager_step(*compiled[:1], loss, compiled[1], x, y)
        if k == 6:
            for m, _ in (eager, compiled):
                m.load_state_dict({n: a * 0.5 for n, a in m.state_dict().items()})
        size = 24 if k % 3 else 7  # a smaller batch
        found = step(x[:size], y[:size])
        assert found == eager_step(eager[0], loss, eager[1], x[:size], y[:size])
        assert found.dtype == dtype
        assert_same(eager, compiled)


def normalized():
    return nn.Sequential(
        nn.Linear(6, 8, rng=1), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3, rng=5),
        nn.Linear(8, 2, rng=2), nn.LayerNorm(2),
    )  # fmt: skip


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1, rng=1), nn.BatchNorm2d(3), nn.GELU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(12, 2, rng=2),
    )  # fmt: skip


IMAGES = rng.normal(size=(24, 1, 4, 4))


@pytest.mark.parametrize(
    ("make", "x", "loss", "y"),
    [
        (normalized, X, nn.CrossEntropyLoss(), LABELS),
        (convolutional, IMAGES, nn.CrossEntropyLoss(ignore_index=1), LABELS),
        (convolutional, IMAGES, nn.CrossEntropyLoss(label_smoothing=0.1), LABELS),
        (normalized, X, nn.BCEWithLogitsLoss(), (Y > 0).astype(float)),
        (normalized, X, nn.HuberLoss(), Y),
        (normalized, X, nn.L1Loss(), Y),
    ],
    ids=["norms", "images", "smoothing", "logits", "huber", "l1"],
)
def test_masks_statistics_and_labels_are_operands(make, x, loss, y):
    eager, compiled = pair(make, optim.Adam, {"lr": 0.01})
    step = compile(compiled[0], loss, compiled[1], back_end="numpy")
    for k in range(6):
        batch = np.roll(x, 5 * k, 0)[:12] * (1.0 + k), np.roll(y, 7 * k, 0)[:12]
        found, expected = step(*batch), eager_step(eager[0], loss, eager[1], *batch)
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    for (name, a), b in zip(
        eager[0].state_dict().items(), compiled[0].state_dict().values(), strict=True
    ):
        # A bias before a norm has no gradient but rounding, which Adam makes steps of.
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=name)


class Letters(nn.Module):
    """A small GPT: what is looked up, attention with a mask, norms, GELU, dropout."""

    def __init__(self):
        self.letters = nn.Embedding(5, 4, padding_idx=0, rng=1)
        self.places = nn.Embedding(6, 4, rng=2)
        self.block = nn.TransformerEncoderLayer(
            4, 2, 8, 0.2, "gelu", batch_first=True, norm_first=True, rng=np.random.default_rng(3)
        )
        self.scores = nn.Linear(4, 5, rng=4)

    def forward(self, x):
        h = self.letters(x[0]) + self.places.weight
        return np.swapaxes(self.scores(self.block(h, src_key_padding_mask=x[1])), 1, 2)


def test_a_gpt_looks_up_letters_masks_and_labels_in_each_step():
    eager, compiled = pair(Letters, optim.AdamW, {"lr": 0.01})
    loss = nn.CrossEntropyLoss(ignore_index=0)
    step = compile(compiled[0], loss, compiled[1], back_end="numpy")
    for k in range(5):
        letters = np.random.default_rng(k).integers(1, 5, (3, 7))
        letters[np.arange(3), [6, 5, 4 - k % 2]] = 0
        batch = (letters[:, :-1], letters[:, :-1] == 0), letters[:, 1:]
        found, expected = step(*batch), eager_step(eager[0], loss, eager[1], *batch)
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    for (name, a), b in zip(
        eager[0].state_dict().items(), compiled[0].state_dict().values(), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=name)
    with pytest.raises(IndexError, match="embedding takes indices from 0 to 4, and got 5"):
        step((letters[:, 1:] * 0 + 5, letters[:, :-1] == 0), letters[:, 1:])


def called(make, given, held):
    """Return a function of those arguments that are arrays, and a change of the arrays."""
    names = [name for name, x in given.items() if isinstance(x, np.ndarray)]
    fixed = {name: x for name, x in given.items() if name not in names}

    def f(*arrays):
        total, function = 0.0, make(held)
        for x in flatten(function(**dict(zip(names, arrays, strict=True)), **fixed))[0]:
            weights = np.cos(np.arange(np.size(x)).reshape(np.shape(x)))
            total = total + np.sum(x * weights)
        return total

    return f, [given[name] for name in names]


ALL = {
    **{name: (lambda held, name=name: getattr(F, name.split()[0]), given)
       for name, given in FUNCTIONS.items()},
    **{name: (lambda held: lambda **given: held(*given.values()),
              {f"x{i}": x for i, x in enumerate(inputs)}, settings)
       for name, (settings, inputs) in MODULES.items()},
}  # fmt: skip
LOOKS = {"one_hot": {"num_classes": 3}, "dropout": {"rng": np.random.default_rng(0)}}


@pytest.mark.parametrize("name", ALL)
def test_every_function_and_module_is_compiled_for_other_numbers(name):
    make, given, *settings = ALL[name]
    held = getattr(nn, name)(**settings[0]).eval() if settings else None
    if hasattr(held, "rng"):
        held.rng = np.random.default_rng(0)
    f, arrays = called(make, given | LOOKS.get(name, {}), held)
    floats = tuple(
        i for i, x in enumerate(arrays)
        if x.dtype.kind == "f" and not ("inge" in name and i == 1)
    )  # fmt: skip
    g = value_and_grad(f, floats) if floats else f
    step, rng = compile(g, back_end="numpy"), np.random.default_rng(1)
    for k in range(3):
        others = [rng.permutation(x.ravel()).reshape(x.shape) for x in arrays] if k else arrays
        if "dropout" in name:
            LOOKS["dropout"]["rng"].bit_generator.state = before = np.random.PCG64(k).state
        found = step(*others)
        if "dropout" in name:
            LOOKS["dropout"]["rng"].bit_generator.state = before
        for a, b in zip(flatten(found)[0], flatten(g(*others))[0], strict=True):
            a, b = (np.asarray(x.data if isinstance(x, Tensor) else x) for x in (a, b))
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


class Sign(optim.Optimizer):
    elementwise = True

    def update(self, parameter, gradient, state, group):
        return group["lr"] * np.sign(gradient)


class Counting(optim.Optimizer):
    elementwise = True

    def update(self, parameter, gradient, state, group):
        state["step"] = state.get("step", 0) + 1
        return group["lr"] / state["step"] * gradient


def test_an_optimizer_of_ones_own_is_compiled_or_refused():
    def make():
        return nn.Linear(6, 2, rng=1)

    eager, compiled = pair(make, Sign, {"lr": 0.1})
    step = compile(compiled[0], nn.MSELoss(), compiled[1], back_end="numpy")
    for _ in range(3):
        assert step(X, Y) == eager_step(eager[0], nn.MSELoss(), eager[1], X, Y)
    model = make()
    step = compile(model, nn.MSELoss(), Counting(model.parameters(), lr=0.1), back_end="numpy")
    step(X, Y)
    with pytest.raises(CompileError, match=r"number of the step.*rates\(\)"):
        step(X, Y)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_many_steps_in_one_call_are_the_same_steps(name, monkeypatch):
    """Of every optimizer, also where its formula counts the steps; with no step by itself."""
    eager, compiled = pair(lambda: nn.MLP([6, 4, 2], rng=1), *OPTIMIZERS[name])
    loss, singles = nn.MSELoss(), []
    step = compile(compiled[0], loss, compiled[1], back_end="numpy")
    one = Stepper.__call__
    monkeypatch.setattr(Stepper, "__call__", lambda *args: singles.append(1) or one(*args))
    expected = [eager_step(eager[0], loss, eager[1], X, Y) for _ in range(6)]
    np.testing.assert_array_equal([*step.run(4, X, Y), *step.run(2, X, Y)], expected)
    eager[1].lr = compiled[1].lr = 0.05
    batches = X.reshape(4, 6, 6), Y.reshape(4, 6, 2)
    expected = [
        eager_step(eager[0], loss, eager[1], *(b[k % 4] for b in batches)) for k in range(6)
    ]
    np.testing.assert_array_equal(step.run(6, *batches, scanned=True), expected)
    assert_same(eager, compiled)
    assert not singles


def test_parameters_without_a_gradient_and_frozen_ones_stay():
    class Model(nn.Module):
        def __init__(self):
            self.used, self.frozen = nn.Linear(6, 2, rng=1), nn.Linear(2, 2, rng=2)
            self.unused = nn.Linear(3, 3, rng=3)
            self.frozen.weight.requires_grad = False

        def forward(self, x):
            return self.frozen(self.used(x))

    eager, compiled = pair(Model, optim.Adam, {"lr": 0.1, "weight_decay": 0.1})
    step = compile(compiled[0], nn.MSELoss(), compiled[1], back_end="numpy")
    for _ in range(4):
        assert step(X, Y) == eager_step(eager[0], nn.MSELoss(), eager[1], X, Y)
    assert_same(eager, compiled)


def test_a_graph_made_before_a_step_cannot_be_swept_after_it():
    model = nn.Linear(6, 2, rng=1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    step = compile(model, nn.MSELoss(), optimizer, back_end="numpy")
    step(X, Y)
    step(X, Y)
    loss = nn.MSELoss()(model(X), Y)
    step(X, Y)
    with pytest.raises(StaleValueError):
        loss.backward()


def test_labels_are_looked_at_in_each_step():
    model = nn.Linear(6, 2, rng=1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    step = compile(model, nn.CrossEntropyLoss(), optimizer, back_end="numpy")
    for _ in range(2):
        step(X, LABELS)
    before = model.state_dict()
    with pytest.raises(ValueError, match="2 classes, numbered from 0, and its target has 2"):
        step(X, LABELS + 1)
    for name, a in model.state_dict().items():
        np.testing.assert_array_equal(a, before[name])


@pytest.mark.parametrize(
    "settings",
    [{}, {"ignore_index": 1}, {"label_smoothing": 0.1, "weight": np.array([1.0, 2.0, 0.5])}],
)
def test_a_classifier_with_labels_is_one_loop_and_labels_are_looked_at_before_it(
    settings, as_python
):
    eager, compiled = pair(lambda: nn.MLP([6, 4, 3], "relu", rng=1), optim.Adam, {"lr": 0.1})
    loss, labels = nn.CrossEntropyLoss(**settings), np.arange(24) % 3
    step = compile(compiled[0], loss, compiled[1], back_end="numba")
    expected = [eager_step(eager[0], loss, eager[1], X, labels) for _ in range(6)]
    np.testing.assert_allclose(step.run(6, X, labels), expected, rtol=1e-12)
    (form,) = step._latest.forms.values()
    assert form.kernel.own_run is not None
    before = {name: p.copy() for name, p in compiled[0].state_dict().items()}
    wrong = np.where(np.arange(24) == 17, 7, labels)
    for run in (step, lambda x, y: step.run(3, x, y)):
        with pytest.raises(ValueError, match=r"has 3 classes, .* its target has 7 at index 17"):
            run(X, wrong)
    stacked = np.stack([X, X]), np.stack([labels, wrong])
    with pytest.raises(ValueError, match="its target has 7 at index 17"):
        step.run(2, *stacked, scanned=True)
    for name, p in compiled[0].state_dict().items():
        np.testing.assert_array_equal(p, before[name])


@pytest.mark.parametrize("wrong", [(nn.MSELoss(),), (nn.MSELoss(), nn.MSELoss()), (1, 2, 3)])
def test_other_arguments_are_refused(wrong):
    with pytest.raises(TypeError):
        compile(nn.Linear(2, 1), *wrong)


@pytest.mark.parametrize("batch_size", [None, 10])
def test_fit_compiled_is_fit(batch_size):
    histories, states = [], []
    for how in (False, "numpy"):
        model = nn.MLP([6, 4, 2], "relu", rng=1)
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        history = nn.fit(
            model, nn.MSELoss(), optimizer, X, Y, epochs=4, batch_size=batch_size, rng=0,
            metrics={"worst": lambda out, y: float(np.max(np.abs(out - y)))}, validation=(X, Y),
            scheduler=optim.lr_scheduler.StepLR(optimizer, 2), progress=False, compile=how,
        )  # fmt: skip
        histories.append(history.series())
        states.append((model, optimizer))
    assert histories[0] == histories[1]
    assert_same(*states)


def test_fit_compiled_reports_what_diverges_and_goes_back():
    model = nn.Linear(6, 2, rng=1)
    optimizer = optim.SGD(model.parameters(), lr=1e200)
    with pytest.raises(nn.DivergedError, match="learning rate"):
        nn.fit(model, nn.MSELoss(), optimizer, X, Y, epochs=9, progress=False, compile="numpy")
    assert np.isfinite(nn.MSELoss()(model(X), Y).item())


class Normed(optim.Optimizer):
    """Steps of one length for each parameter: of a vector of all they would be others."""

    def update(self, parameter, gradient, state, group):
        return group["lr"] * gradient / np.sqrt((gradient * gradient).sum())


class NormedAdam(optim.Adam):
    def moved(self, parameter, gradient, memory, group):
        return super().moved(parameter, gradient / np.sqrt((gradient**2).sum()), memory, group)


@pytest.mark.parametrize("make", [Normed, NormedAdam, optim.Muon, optim.LBFGS])
def test_a_formula_that_is_not_for_each_number_alone_is_refused(make):
    model = nn.MLP([3, 2, 1], bias=False, rng=0)
    before = [p.data.copy() for p in model.parameters()]
    with pytest.raises(CompileError, match=f"{make.__name__} does not say that its formula"):
        compile(model, nn.MSELoss(), make(model.parameters(), lr=0.1))(X[:, :3], X[:, :1])
    for p, data in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.data, data)


def test_a_model_is_compiled_with_a_loss_and_an_optimizer_and_nothing_else():
    model = nn.Linear(6, 2, rng=1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    for others in ((nn.MSELoss(),), (optimizer, nn.MSELoss()), (nn.MSELoss(), optimizer, X)):
        with pytest.raises(TypeError, match="a model, a loss and an optimizer, in this order"):
            compile(model, *others)
