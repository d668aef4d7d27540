from __future__ import annotations

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from autograd_lite.errors import StaleValueError
from nn import optim

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
]


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
    model(np.ones((1, 2))).sum().backward()
    optimizer.zero_grad()
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
    misshaped["memory"][0]["momentum_buffer"] = np.zeros(3)
    for state, message in (
        (optim.Adam([p]).state_dict(), "settings"),
        (optim.SGD(two, lr=5.0).state_dict(), "2 parameters"),
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
        "Adam(lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0)"
    )
