"""lr_scheduler/ and utils.py."""

from __future__ import annotations

import numpy as np
import pytest

from autograd_lite import Tensor
from nn import optim, utils

SCHEDULERS = [
    ("StepLR", (3,), {}),
    ("StepLR", (4, 0.5), {}),
    ("ExponentialLR", (0.9,), {}),
    ("CosineAnnealingLR", (10,), {}),
    ("CosineAnnealingLR", (7,), {"eta_min": 0.01}),
    ("LinearLR", (), {}),
    ("LinearLR", (0.1,), {"end_factor": 0.7, "total_iters": 8}),
    ("MultiStepLR", ([9, 2, 5, 5],), {"gamma": 0.5}),
    ("LambdaLR", (lambda epoch: 0.95**epoch,), {}),
    ("LambdaLR", ([lambda epoch: 1.0 / (1 + epoch), lambda epoch: epoch % 3],), {}),
    ("CosineAnnealingWarmRestarts", (5,), {}),
    ("CosineAnnealingWarmRestarts", (3, 2), {"eta_min": 0.01}),
    ("OneCycleLR", ([0.7, 0.1],), {"total_steps": 26, "cycle_momentum": False}),
    (
        "OneCycleLR",
        (0.5,),
        {
            "epochs": 13,
            "steps_per_epoch": 2,
            "cycle_momentum": False,
            "three_phase": True,
            "anneal_strategy": "linear",
            "pct_start": 0.4,
        },
    ),
]


def optimizers(torch):
    groups = [{"lr": 0.3}, {"lr": 0.02}]
    ours = optim.SGD([{"params": [Tensor(1.0, requires_grad=True)], **g} for g in groups])
    theirs = torch.optim.SGD([{"params": [torch.ones(1, requires_grad=True)], **g} for g in groups])
    return ours, theirs


def same(ours, theirs):
    for group, reference in zip(ours.param_groups, theirs.param_groups, strict=True):
        np.testing.assert_allclose(group["lr"], reference["lr"], rtol=0, atol=1e-14)


@pytest.mark.parametrize(("name", "args", "kwargs"), SCHEDULERS)
def test_rates_are_pytorchs(torch, name, args, kwargs):
    ours, theirs = optimizers(torch)
    a = getattr(optim.lr_scheduler, name)(ours, *args, **kwargs)
    b = getattr(torch.optim.lr_scheduler, name)(theirs, *args, **kwargs)
    seen = []
    for _ in range(25):
        same(ours, theirs)
        seen.append(ours.lr)
        theirs.step()
        a.step()
        b.step()
    assert len(set(seen)) > 3
    assert a.get_last_lr() == [g["lr"] for g in ours.param_groups]


@pytest.mark.parametrize("settings", [{}, {"three_phase": True, "anneal_strategy": "linear"}])
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_one_cycle_takes_the_momentum_along(torch, name, settings):
    own = {"momentum": 0.5} if name == "SGD" else {}
    ours = getattr(optim, name)([Tensor(1.0, requires_grad=True)], lr=0.1, **own)
    theirs = getattr(torch.optim, name)([torch.ones(1, requires_grad=True)], lr=0.1, **own)
    a = optim.lr_scheduler.OneCycleLR(ours, 0.3, total_steps=20, **settings)
    b = torch.optim.lr_scheduler.OneCycleLR(theirs, 0.3, total_steps=20, **settings)
    for _ in range(19):
        same(ours, theirs)
        key = "momentum" if own else "betas"
        assert ours.param_groups[0][key] == pytest.approx(theirs.param_groups[0][key], abs=1e-14)
        theirs.step()
        a.step()
        b.step()
    with pytest.raises(ValueError, match="made for 20 steps"):
        a.step()


def test_a_warm_up_and_then_a_cosine(torch):
    ours, theirs = optimizers(torch)
    made = []
    for library, optimizer in ((optim, ours), (torch.optim, theirs)):
        module = library.lr_scheduler
        parts = [module.LinearLR(optimizer, 0.1), module.CosineAnnealingLR(optimizer, 9)]
        made.append(module.SequentialLR(optimizer, parts, milestones=[5]))
    for _ in range(14):
        same(ours, theirs)
        theirs.step()
        for scheduler in made:
            scheduler.step()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("settings", [
    {"patience": 2},
    {"patience": 0, "cooldown": 2, "factor": 0.5},
    {"mode": "max", "patience": 1, "threshold": 0.1},
    {"threshold_mode": "abs", "threshold": 0.5, "patience": 1, "min_lr": 0.01},
    {"mode": "max", "threshold_mode": "abs", "threshold": 0.2, "patience": 1, "eps": 0.1},
])  # fmt: skip
def test_a_plateau_is_pytorchs(torch, rng, settings):
    ours, theirs = optimizers(torch)
    a = optim.lr_scheduler.ReduceLROnPlateau(ours, **settings)
    b = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **settings)
    for value in np.abs(3.0 + np.cumsum(rng.normal(size=40))):
        a.step(value)
        b.step(value)
        same(ours, theirs)


def test_a_scheduler_goes_on_from_its_state(torch):
    def run(optimizer, scheduler, steps):
        rates = []
        for _ in range(steps):
            scheduler.step()
            rates.append(optimizer.lr)
        return rates

    ours, _ = optimizers(torch)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(ours, 10)
    run(ours, scheduler, 4)
    saved = ours.state_dict(), scheduler.state_dict()
    rest = run(ours, scheduler, 4)
    twin, _ = optimizers(torch)
    again = optim.lr_scheduler.CosineAnnealingLR(twin, 10)
    twin.load_state_dict(saved[0])
    again.load_state_dict(saved[1])
    assert run(twin, again, 4) == rest
    with pytest.raises(ValueError, match="does not fit"):
        again.load_state_dict({"last_epoch": 3})


@pytest.mark.parametrize(
    "make",
    [
        lambda o: optim.lr_scheduler.StepLR(o, 0),
        lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 2.5),
        lambda o: optim.lr_scheduler.LinearLR(o, 0.0),
        lambda o: optim.lr_scheduler.ReduceLROnPlateau(o, "least"),
        lambda o: optim.lr_scheduler.ReduceLROnPlateau(o, factor=1.0),
        lambda o: optim.lr_scheduler.SequentialLR(o, [], []),
    ],
)
def test_bad_settings_are_refused(make):
    with pytest.raises(ValueError, match="got"):
        make(optim.SGD([Tensor(1.0, requires_grad=True)]))


# -- clipping ----------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", [1.0, 2.0, 3.0, float("inf")])
@pytest.mark.parametrize("most", [0.5, 100.0])
def test_clipping_by_norm_is_pytorchs(torch, rng, norm, most):
    arrays = [rng.normal(size=(3, 4)), rng.normal(size=2), rng.normal(size=())]
    ours = [Tensor(a, requires_grad=True) for a in arrays] + [Tensor(1.0, requires_grad=True)]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    for p, q, a in zip(ours, theirs, arrays, strict=False):
        p.grad, q.grad = a, torch.tensor(a)
    total = utils.clip_grad_norm_(ours, most, norm)
    expected = torch.nn.utils.clip_grad_norm_(theirs, most, norm)
    assert abs(total - float(expected)) < 1e-12
    for p, q in zip(ours, theirs, strict=False):
        np.testing.assert_allclose(p.grad, q.grad.numpy(), atol=1e-14)
    assert ours[-1].grad is None


def test_clipping_keeps_float32_and_says_when_it_cannot():
    p = Tensor([3.0, 4.0], requires_grad=True, dtype=np.float32)
    p.grad = np.array([3.0, 4.0], np.float32)
    utils.clip_grad_norm_(p, 1.0)
    assert p.grad.dtype == np.float32
    p.grad = np.array([np.nan, 1.0], np.float32)
    with pytest.raises(RuntimeError, match="nan"):
        utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    with pytest.raises(ValueError, match="max_norm"):
        utils.clip_grad_norm_(p, -1.0)
    assert utils.clip_grad_norm_([], 1.0) == 0.0


@pytest.mark.parametrize("norm", [1.0, 2.0, 3.0, np.inf])
@pytest.mark.parametrize(
    ("dtype", "size", "scale"),
    [(np.float16, 5, 6e4), (np.float16, 90_000, 6e4), (np.float32, 70, 3e38), (np.float32, 7, 9.0)],
)
def test_a_norm_beyond_the_dtype_is_clipped_too(rng, dtype, size, scale, norm):
    """Beside the same in float64; the clipped gradients are right to the dtype's last bits."""
    gradients = [(rng.uniform(-scale, scale, n)).astype(dtype) for n in (size, 3)]
    ours = [Tensor(np.zeros(len(g), dtype), requires_grad=True) for g in gradients]
    for p, g in zip(ours, gradients, strict=True):
        p.grad = g
    whole = np.concatenate(gradients).astype(np.float64)
    expected = np.linalg.norm(whole, norm)
    assert utils.clip_grad_norm_(ours, 1.0, norm) == pytest.approx(expected, rel=1e-12)
    clipped = np.concatenate([p.grad for p in ours])
    assert clipped.dtype == dtype
    tiny = np.finfo(dtype).smallest_subnormal
    np.testing.assert_allclose(clipped, whole / (expected + 1e-6), np.finfo(dtype).eps, tiny)


def test_of_gradients_that_are_not_finite_none_stays_in_silence(torch):
    for bad in (np.nan, np.inf):
        p, q = Tensor([1.0, 2.0], requires_grad=True), torch.zeros(2, requires_grad=True)
        p.grad, q.grad = np.array([bad, 1.0]), torch.tensor([bad, 1.0])
        utils.clip_grad_norm_(p, 1.0)
        torch.nn.utils.clip_grad_norm_(q, 1.0)
        assert np.array_equal(p.grad, q.grad.numpy(), equal_nan=True)


def test_clipping_by_value():
    wide = Tensor(np.zeros(2, np.float16), requires_grad=True)
    wide.grad = np.array([6e4, 1.0])
    utils.clip_grad_value_(wide, np.float64(1e6))  # more than float16 has
    assert wide.grad.dtype == np.float16
    assert wide.grad.tolist() == [6e4, 1.0]
    p = Tensor([3.0, -4.0], requires_grad=True)
    p.grad = [3.0, -0.5]
    utils.clip_grad_value_([p], 1.0)
    assert p.grad.tolist() == [1.0, -0.5]


def test_parameters_as_one_vector(torch, rng):
    a, b = (Tensor(rng.normal(size=shape), requires_grad=True) for shape in ((2, 3), (4,)))
    vector = utils.parameters_to_vector([a, b])
    np.testing.assert_array_equal(vector.data, [*a.data.ravel(), *b.data])
    (vector * np.arange(10.0)).sum().backward()
    np.testing.assert_array_equal(a.grad, np.arange(6.0).reshape(2, 3))
    before = a.data
    with pytest.raises(ValueError, match=r"shape \(10,\), and got \(9,\)"):
        utils.vector_to_parameters(np.zeros(9), [a, b])
    assert a.data is before
    given = np.arange(10.0)
    utils.vector_to_parameters(given, [a, b])
    given[:] = 0.0
    np.testing.assert_array_equal(utils.parameters_to_vector([a, b]).data, np.arange(10.0))
