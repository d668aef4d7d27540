from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from autograd_lite.errors import StaleValueError
from nn import optim
from nn.optimizer import SCALARS

SETTINGS = [
    ("SGD", {"lr": 0.3}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.4}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.3, "weight_decay": 0.05}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.05}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.02, "weight_decay": 0.05, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.3}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.05}),
    ("Adam", {"lr": 0.05, "amsgrad": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "betas": (0.8, 0.95), "weight_decay": 0.3, "amsgrad": True}),
    ("RMSprop", {}),
    ("RMSprop", {"alpha": 0.9, "eps": 1e-3, "weight_decay": 0.05, "momentum": 0.5}),
    ("RMSprop", {"alpha": 0.9, "centered": True, "eps": 1e-3}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.05}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.05}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.05, "momentum_decay": 0.1, "weight_decay": 0.05}),
    ("NAdam", {"lr": 0.05, "weight_decay": 0.3, "decoupled_weight_decay": True}),
]


@pytest.fixture(autouse=True)
def _doubles(request):
    """Let PyTorch keep NAdam's product of momenta in float64, as its parameters are."""
    if "torch" not in request.fixturenames:
        yield
        return
    torch = request.getfixturevalue("torch")
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def networks(torch, rng):
    ours = nn.Sequential(nn.Linear(2, 4, rng=rng), nn.Tanh(), nn.Linear(4, 1, rng=rng))
    theirs = torch.nn.Sequential(
        torch.nn.Linear(2, 4, dtype=torch.float64),
        torch.nn.Tanh(),
        torch.nn.Linear(4, 1, dtype=torch.float64),
    )
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    return ours, theirs


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_a_hundred_steps_are_pytorchs(torch, rng, name, settings):
    ours, theirs = networks(torch, rng)
    x, y = rng.normal(size=(21, 2)), rng.normal(size=(21, 1))
    a = getattr(optim, name)(ours.parameters(), **settings)
    b = getattr(torch.optim, name)(theirs.parameters(), **settings)
    start = ours.state_dict()
    for step in range(100):
        nn.MSELoss()(ours(x), y).backward()
        torch.nn.MSELoss()(theirs(torch.tensor(x)), torch.tensor(y)).backward()
        a.step()
        b.step()
        if step % 3:  # gradients add up in between, as they do there
            a.zero_grad()
            b.zero_grad()
    for (path, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert not np.allclose(p.data, start[path], atol=1e-3)
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=0, atol=1e-10, err_msg=path)


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_forty_steps_of_a_convolutional_network_are_pytorchs(torch, rng, name, settings):
    def network(library, **extra):
        return library.Sequential(
            # Without bias: after it comes a mean that is taken out, and its gradient is noise.
            library.Conv2d(1, 3, 3, padding="same", bias=False, **extra),
            library.BatchNorm2d(3, **extra),
            library.ReLU(),
            library.MaxPool2d(2),
            library.Conv2d(3, 4, 3, **extra),
            library.GELU(),
            library.AvgPool2d(2),
            library.Flatten(),
            library.LayerNorm(4, **extra),
            library.Linear(4, 3, **extra),
        )

    ours, theirs = network(nn), network(torch.nn, dtype=torch.float64)
    for p in ours.parameters():
        p.data = rng.normal(scale=0.5, size=p.shape)
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    x, y = rng.normal(size=(12, 1, 8, 8)), rng.integers(0, 3, size=12)
    # Faster, it would double a difference in the last bit with every step.
    gentle = {**settings, "lr": 0.01 if name == "SGD" else 0.003}
    a = getattr(optim, name)(ours.parameters(), **gentle)
    b = getattr(torch.optim, name)(theirs.parameters(), **gentle)
    start = ours.state_dict()
    criterion = torch.nn.CrossEntropyLoss()
    for step in range(40):
        batch = slice(4 * (step % 3), 4 * (step % 3) + 4)
        a.zero_grad()
        b.zero_grad()
        nn.CrossEntropyLoss()(ours(x[batch]), y[batch]).backward()
        criterion(theirs(torch.tensor(x[batch])), torch.tensor(y[batch])).backward()
        a.step()
        b.step()
    reference = theirs.state_dict()
    for path, array in ours.state_dict().items():
        assert not np.allclose(array, start[path], atol=1e-4)
        np.testing.assert_allclose(array, reference[path].numpy(), rtol=0, atol=1e-10, err_msg=path)


def test_groups_have_settings_of_their_own(torch, rng):
    ours, theirs = networks(torch, rng)
    x, y = rng.normal(size=(21, 2)), rng.normal(size=(21, 1))

    def groups(model):
        return [
            {"params": model[0].parameters(), "lr": 0.5},
            {"params": [model[2].weight], "momentum": 0.9},
            {"params": model[2].bias},
        ]

    a = optim.SGD(groups(ours), lr=0.1)
    b = torch.optim.SGD(groups(theirs), lr=0.1)
    for step in range(20):
        for optimizer, loss in (
            (a, nn.MSELoss()(ours(x), y)),
            (b, torch.nn.MSELoss()(theirs(torch.tensor(x)), torch.tensor(y))),
        ):
            optimizer.zero_grad()
            loss.backward()
            if step == 10:
                optimizer.param_groups[0]["lr"] = 0.05
            optimizer.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=0, atol=1e-12)
    twin = optim.SGD(groups(ours), lr=9.0)
    twin.load_state_dict(a.state_dict())
    assert [g["lr"] for g in twin.param_groups] == [0.05, 0.1, 0.1]
    assert np.array_equal(twin.state[2]["momentum_buffer"], a.state[2]["momentum_buffer"])


def test_a_formula_under_its_older_name_goes_on_working():
    class Halving(optim.Optimizer):
        def change(self, parameter, gradient, memory, group):
            memory["step"] = memory.get("step", 0) + 1
            return parameter.data / 2.0

    w = Tensor([4.0], requires_grad=True)
    optimizer = Halving([w], lr=1.0)
    for _ in range(2):
        (w * w).sum().backward()
        optimizer.step()
    assert w.data == [1.0]
    assert not optimizer.is_elementwise()
    assert optimizer.memory == optimizer.state == ({"step": 2},)


def test_a_plain_step_sees_a_rate_that_a_group_was_given():
    p = Tensor([0.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=1.0)
    p.grad = [1.0]
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.5
    optimizer.step()
    assert p.data[0] == -1.5


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_float32_and_single_numbers_stay_what_they_are(name, settings):
    for data in (np.ones(3, np.float32), np.float32(1.0), np.float64(1.0)):
        p = Tensor(data, requires_grad=True)
        optimizer = getattr(optim, name)([p], **settings)
        for _ in range(3):
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()
        assert p.dtype == data.dtype
        assert p.shape == data.shape
        assert type(p.data) is type(data)
        assert np.all(p.data < 1.0)


AS = {
    "float64": np.float64,
    "float32": np.float32,
    "longdouble": np.longdouble,
    "array": lambda value: np.array(value, np.float64),
}


def cast(value, kind):
    if isinstance(value, tuple):
        return tuple(cast(v, kind) for v in value)
    return AS[kind](value) if isinstance(value, float) else value


def python(value):
    return tuple(map(float, value)) if isinstance(value, tuple) else float(value)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_numpys_numbers_as_settings_are_pythons(name, settings, dtype):
    """Whatever a setting is and whenever it was given: the same bits, in the parameter's dtype."""
    start = np.array([[0.5, -1.5], [2.0, 1.0]], dtype)

    def trained(settings, later=(), rate=None):
        p = Tensor(start, requires_grad=True)
        optimizer = getattr(optim, name)([p], **settings)
        optimizer.param_groups[0].update(later)
        scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.5 if rate is None else rate)
        for _ in range(3):
            p.grad = p.data
            optimizer.step()
            scheduler.step()
            assert p.dtype == dtype
            arrays = [v for k, v in optimizer.state[0].items() if k not in SCALARS]
            assert all(array.dtype == dtype for array in arrays)
        return p.data

    defaults = getattr(optim, name)([Tensor(1.0, requires_grad=True)], **settings).param_groups[0]
    numbers = {k: v for k, v in defaults.items() if type(v) is float or k == "betas"}
    for kind in AS:
        drifting = {key: cast(value, kind) for key, value in numbers.items()}
        expected = trained({**settings, **{key: python(v) for key, v in drifting.items()}})
        assert np.array_equal(trained({**settings, **drifting}), expected)
        assert np.array_equal(trained(settings, later=drifting), expected)
        assert np.array_equal(trained({**settings, **drifting}, rate=cast(0.5, kind)), expected)


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_an_optimizer_follows_a_model_that_was_converted(torch, name, settings):
    """As one that PyTorch makes goes on when its state is loaded into the converted model."""
    rng = np.random.default_rng(2)
    gradients = rng.normal(size=(4, 2, 1))
    model = nn.Linear(1, 2, bias=False, rng=0)
    optimizer = getattr(optim, name)(model.parameters(), **settings)
    q = torch.nn.Parameter(torch.tensor(model.weight.data))
    theirs = getattr(torch.optim, name)([q], **settings)

    def step(k, dtype):
        model.weight.grad, q.grad = gradients[k], torch.tensor(gradients[k]).to(q.dtype)
        optimizer.step()
        theirs.step()
        assert model.weight.dtype == dtype
        memory = optimizer.state[0].items()
        assert all(value.dtype == dtype for key, value in memory if key not in SCALARS)
        tolerance = 1e-12 if dtype == np.float64 else 1e-6
        np.testing.assert_allclose(model.weight.data, q.detach().numpy(), rtol=tolerance)

    step(0, np.float64)
    step(1, np.float64)
    saved = optimizer.state_dict()
    model.to(np.float32)
    q = torch.nn.Parameter(q.detach().float())
    state, theirs = theirs.state_dict(), getattr(torch.optim, name)([q], **settings)
    theirs.load_state_dict(state)
    # The same where a state of float64 is loaded.
    again = nn.Linear(1, 2, bias=False, dtype=np.float32)
    again.load_state_dict(model.state_dict())
    twin = getattr(optim, name)(again.parameters(), **settings)
    twin.load_state_dict(saved)
    again.weight.grad = gradients[2]
    twin.step()
    step(2, np.float32)
    assert np.array_equal(again.weight.data, model.weight.data)
    step(3, np.float32)


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_a_saved_optimizer_goes_on_as_if_nothing_had_happened(name, settings):
    def run(steps, p, optimizer):
        for _ in range(steps):
            optimizer.zero_grad()
            (p * p * p).sum().backward()
            optimizer.step()

    p = Tensor([0.5, -0.3], requires_grad=True)
    optimizer = getattr(optim, name)([p], **settings)
    run(5, p, optimizer)
    saved, weights = optimizer.state_dict(), p.data
    q = Tensor(weights, requires_grad=True)
    other = getattr(optim, name)([q], lr=9.0)
    other.load_state_dict(saved)
    run(5, p, optimizer)
    run(5, q, other)
    assert np.array_equal(p.data, q.data)
    # What was saved is a copy: it still loads after ten more steps.
    q.data = weights
    other.load_state_dict(saved)
    run(5, q, other)
    assert np.array_equal(p.data, q.data)


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_a_step_writes_into_nothing(name, settings):
    p = Tensor([1.0, 2.0], requires_grad=True)
    optimizer = getattr(optim, name)([p], **settings)
    for _ in range(2):
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        held, gradient = p.data, p.grad
        copies = held.copy(), gradient.copy()
        optimizer.step()
        assert np.array_equal(held, copies[0])
        assert np.array_equal(gradient, copies[1])
        assert p.data is not held
        with pytest.raises(StaleValueError):
            loss.backward()


def test_the_momentum_does_not_hang_on_the_gradients_array():
    p = Tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=1.0, momentum=1.0)
    p.grad = [1.0]
    optimizer.step()
    p.grad[:] = 100.0  # somebody reuses the array
    p.grad = [0.0]
    optimizer.step()
    assert p.data[0] == -1.0


def test_a_parameter_without_a_gradient_is_left_alone():
    p, q = (Tensor([1.0], requires_grad=True) for _ in range(2))
    for optimizer in (optim.SGD([p, q], 0.5, weight_decay=0.1), optim.SGD([p, q], 0.5)):
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()
    assert q.data[0] == 1.0
    assert p.data[0] != 1.0


def test_the_rate_can_be_changed_between_steps():
    p = Tensor([0.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=1.0)
    p.grad = [1.0]
    optimizer.step()
    optimizer.lr = 0.25
    optimizer.step()
    assert p.data[0] == -1.25
    with pytest.raises(ValueError, match="lr"):
        optimizer.lr = -1.0
    assert optimizer.lr == 0.25


def test_zero_grad_reaches_all():
    model = nn.MLP([2, 3, 1], rng=0)
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    for zeros in (optimizer, model):
        zeros.zero_grad(set_to_none=False)
        assert all(p.grad is None for p in model.parameters())
        model(np.ones((1, 2))).sum().backward()
        zeros.zero_grad(set_to_none=False)
        assert all((p.grad == 0).all() and p.grad.shape == p.shape for p in model.parameters())
        zeros.zero_grad()
        assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: optim.SGD(p, lr=-1.0), "lr is at least 0"),
        (lambda p: optim.SGD(p, lr=float("nan")), "lr is a finite number"),
        (lambda p: optim.SGD(p, lr="fast"), "lr is a finite number"),
        (lambda p: optim.SGD(p, lr=0.1, momentum=-0.1), "momentum"),
        (lambda p: optim.SGD(p, lr=0.1, weight_decay=-0.1), "weight_decay"),
        (lambda p: optim.SGD(p, lr=0.1, nesterov=True), "nesterov"),
        (lambda p: optim.SGD(p, 0.1, 0.9, dampening=0.1, nesterov=True), "nesterov"),
        (lambda p: optim.Adagrad(p, eps=-1.0), "eps"),
        (lambda p: optim.Adagrad(p, lr_decay=-1.0), "lr_decay"),
        (lambda p: optim.Adagrad(p, initial_accumulator_value=-1.0), "initial_accumulator_value"),
        (lambda p: optim.Adam(p, betas=(1.0, 0.9)), r"betas\[0\]"),
        (lambda p: optim.Adam(p, betas=(0.9, -0.1)), r"betas\[1\]"),
        (lambda p: optim.Adam(p, betas=0.9), "pair"),
        (lambda p: optim.RMSprop(p, alpha=-1.0), "alpha"),
        (lambda p: optim.AdamW(p, weight_decay=-1.0), "weight_decay"),
        (lambda p: optim.SGD([{"params": p, "rate": 0.1}]), "setting rate; there are lr"),
        (lambda p: optim.SGD([{"params": p, "lr": -0.1}]), "lr"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make([Tensor([1.0], requires_grad=True)])


def test_bad_parameters_are_refused():
    p = Tensor([1.0], requires_grad=True)
    for bad in (p, nn.Linear(1, 1), {"p": p}, [np.zeros(1)], 3):
        with pytest.raises(TypeError, match="iterable of Tensors"):
            optim.SGD(bad, lr=0.1)
    model = nn.Linear(1, 1)
    used_up = model.parameters()
    list(used_up)
    with pytest.raises(ValueError, match="none"):
        optim.SGD(used_up, lr=0.1)
    with pytest.raises(ValueError, match="twice"):
        optim.SGD([p, p], lr=0.1)
    with pytest.raises(ValueError, match="computed"):
        optim.SGD([p * 2.0], lr=0.1)
    with pytest.raises(ValueError, match="int"):
        optim.SGD([Tensor([1])], lr=0.1)


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing():
    p = Tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
    p.grad = [1.0, 1.0]
    optimizer.step()
    before = repr(optimizer.state_dict())
    two = [Tensor([1.0, 2.0], requires_grad=True) for _ in range(2)]
    misshaped = optimizer.state_dict()
    misshaped["state"][0]["momentum_buffer"] = np.zeros(3)
    for state, message in (
        (optim.Adam([p]).state_dict(), "no setting dampening, momentum"),
        (optim.SGD(two, lr=5.0).state_dict(), r"\[2\] parameters"),
        (misshaped, r"\(3,\)"),
        ({}, "dict"),
        (None, "dict"),
    ):
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(state)
        assert repr(optimizer.state_dict()) == before


def test_repr_shows_the_settings():
    p = Tensor([1.0], requires_grad=True)
    assert repr(optim.Adam([p])) == (
        "Adam(lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0, amsgrad=False)"
    )


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4)])
def test_muon_makes_the_momentum_orthogonal(torch, rng, shape):
    start, gradients = rng.normal(size=shape), rng.normal(size=(4, *shape))
    ours, theirs = Tensor(start, requires_grad=True), torch.tensor(start, requires_grad=True)
    settings = {"lr": 0.1, "weight_decay": 0.2, "momentum": 0.6}
    a, b = optim.Muon([ours], **settings), torch.optim.Muon([theirs], **settings)
    momentum = np.zeros(shape)
    for g in gradients:
        before = ours.data
        ours.grad, theirs.grad = g, torch.tensor(g)
        a.step()
        b.step()
        # The formula, with a singular value decomposition in place of the iteration.
        momentum = 0.6 * momentum + 0.4 * g
        u, _, vh = np.linalg.svd(0.4 * g + 0.6 * momentum, full_matrices=False)
        step = (before * (1 - 0.1 * 0.2) - ours.data) / (0.1 * max(1, shape[0] / shape[1]) ** 0.5)
        inside = u.T @ step @ vh.T
        np.testing.assert_allclose(inside, np.diag(np.diag(inside)), atol=1e-12)
        assert 0.6 < np.diag(inside).min() <= np.diag(inside).max() < 1.3
        np.testing.assert_allclose(ours.data, theirs.detach().numpy(), atol=0.02)  # of bfloat16


def test_muon_is_for_matrices():
    with pytest.raises(ValueError, match=r"'b' has shape \(3,\): give it to another optimizer"):
        optim.Muon([Tensor(np.ones(3), requires_grad=True, name="b")])
    with pytest.raises(ValueError, match=r"matrices, and the Tensor has shape \(3,\)"):
        optim.Muon([Tensor(np.ones(3), requires_grad=True)])


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lbfgs_evaluates_and_moves_as_pytorchs(torch, search, seed):
    rng = np.random.default_rng(seed)
    ours, theirs = networks(torch, rng)
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(20, 1))
    settings = {"max_iter": 6, "history_size": 3, "line_search_fn": search}
    settings["lr"] = 0.1 if search is None else 1.0
    a = optim.LBFGS(ours.parameters(), **settings)
    b = torch.optim.LBFGS(theirs.parameters(), **settings)
    calls, given = [0, 0], (torch.tensor(x), torch.tensor(y))

    def closure(which, optimizer, loss):
        calls[which] += 1
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    for k in range(4):
        mine = a.step(partial(closure, 0, a, lambda: nn.MSELoss()(ours(x), y)))
        reference = b.step(
            partial(closure, 1, b, lambda: torch.nn.MSELoss()(theirs(given[0]), given[1]))
        )
        assert mine.item() == pytest.approx(reference.item(), rel=1e-9)
        assert calls[0] == calls[1]
        if k == 1:  # saved and loaded, it goes on alike
            saved, a = a.state_dict(), optim.LBFGS(ours.parameters(), **settings)
            a.load_state_dict(saved)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=0, atol=1e-8)


def test_lbfgs_stops_where_it_is_flat_and_says_what_it_needs():
    w = Tensor([0.0, 0.0], requires_grad=True)
    optimizer, calls = optim.LBFGS([w]), []

    def closure():
        optimizer.zero_grad()
        calls.append(0)
        loss = (w * w).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert len(calls) == 1
    with pytest.raises(TypeError, match="give step a function"):
        optimizer.step()
    with pytest.raises(ValueError, match="None or 'strong_wolfe'"):
        optim.LBFGS([w], line_search_fn="armijo")
    with pytest.raises(ValueError, match="one group"):
        optim.LBFGS([{"params": [w]}, {"params": [Tensor(1.0, requires_grad=True)]}])
    with pytest.raises(ValueError, match="nothing was loaded"):
        optimizer.load_state_dict(optim.SGD([w]).state_dict())
