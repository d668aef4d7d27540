"""scan: the same as the steps one after the other, whichever back end runs them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, scan, value_and_grad
from autograd_lite.codegen import looping
from autograd_lite.errors import CompileError
from tests.codegen.test_numba import as_python, assert_close

__all__ = ["as_python"]  # the fixture

TARGET = Tensor([0.5, -0.5, 1.0])


def loss_of(params, x):
    return np.mean((np.tanh(x @ params["w"] + params["b"]) - TARGET) ** 2)


def adam(carry, x):
    """A step of Adam, with a rate of each member's own and a count that is a whole number."""
    loss, g = value_and_grad(loss_of)(carry["params"], x)
    t = carry["t"] + 1
    params, m, v = {}, {}, {}
    for k in g:
        m[k] = 0.9 * carry["m"][k] + 0.1 * g[k]
        v[k] = 0.999 * carry["v"][k] + 0.001 * g[k] ** 2
        change = m[k] / (1 - 0.9**t) / (np.sqrt(v[k] / (1 - 0.999**t)) + 1e-8)
        params[k] = carry["params"][k] - carry["lr"] * change
    return {"params": params, "m": m, "v": v, "t": t, "lr": carry["lr"] * 1.0}, (loss, g["b"])


def start(seed=0, lr=0.1):
    rng = np.random.default_rng(seed)
    params = {"w": rng.normal(size=(2, 3)), "b": rng.normal(size=3)}
    zeros = {k: np.zeros_like(p) for k, p in params.items()}
    return {"params": params, "m": zeros, "v": dict(zeros), "t": np.int64(0), "lr": lr}


XS = np.random.default_rng(1).normal(size=(3, 4, 2))


def one_by_one(carry, length):
    ys = []
    for x in itertools.islice(itertools.cycle(XS), length):
        carry, y = adam(carry, x)
        ys.append(y)
    return carry, tuple(np.array(y) for y in zip(*ys, strict=True))


def stacked(carries):
    if isinstance(carries[0], dict):
        return {k: stacked([c[k] for c in carries]) for k in carries[0]}
    return np.array(carries)


@pytest.fixture(params=["numpy", "numba"])
def back_end(request):
    if request.param == "numba":
        request.getfixturevalue("as_python")
    return request.param


def test_is_the_steps_one_after_the_other(back_end):
    begin = start()
    before = {k: p.copy() for k, p in begin["params"].items()}
    found = scan(adam, begin, XS, 70, back_end=back_end)
    assert_close(found, one_by_one(start(), 70), 1000)
    assert_close([*begin["params"].values()], [*before.values()], 0)  # what was given stays
    assert found[0]["t"] == 70


def test_many_at_once_are_each_alone(back_end):
    carries = [start(seed, lr) for seed, lr in ((0, 0.1), (1, 0.01))]
    alone = [scan(adam, carry, XS, 20, back_end=back_end) for carry in carries]
    carry, ys = scan(adam, stacked(carries), XS, 20, many=True, back_end=back_end)
    assert_close(carry, stacked([c for c, _ in alone]), 0)
    assert_close(list(ys), [np.stack(y) for y in zip(*(y for _, y in alone), strict=True)], 0)


def test_each_of_many_may_see_examples_of_its_own_and_begin_again(back_end):
    carries = [start(seed) for seed in range(3)]
    own = [XS, 2.0 * XS, XS[::-1]]

    def alone(count):
        return [
            scan(adam, c, x, count, back_end=back_end) for c, x in zip(carries, own, strict=True)
        ]

    loop = looping.Scan(adam, stacked(carries), np.stack(own), True, True, back_end)
    for count, which in ((20, [0, 1, 2]), (5, [2])):
        if which == [2]:
            loop.again(stacked([carries[2]]), own[2][None])  # fewer of them
        carry, ys = loop.run(count)
        expected = [alone(count)[i] for i in which]
        assert_close(carry, stacked([c for c, _ in expected]), 0)
        assert_close(
            list(ys), [np.stack(y) for y in zip(*(y for _, y in expected), strict=True)], 0
        )
    with pytest.raises(ValueError, match="carry and xs, of many, need a first axis of one length"):
        looping.Scan(adam, stacked(carries), np.stack(own[:2]), True, True, "numpy")


CLASSES = {name.lower() for name in vars(nn.activation)} | {"logsoftmax"}
ACTIVATIONS = [
    name
    for name in nn.functional.__all__
    if name.replace("_", "") in CLASSES and name not in ("gelu", "prelu")  # erf is not ours
]
CHOICES = {
    **{name: getattr(nn.functional, name) for name in ACTIVATIONS},
    "clip": lambda x: np.clip(x, -0.5, 0.5),
    "arctan": np.arctan,
    "max": lambda x: np.max(x, axis=1, keepdims=True, initial=0.1) * x,
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_rule_that_knows_special_points_is_no_reason_to_leave_the_loop(name, as_python):
    """Its gradient is that of the tape where x is infinite or NaN too, in compiled code."""

    def loss(x):
        return np.sum(CHOICES[name](x) * np.array([1.0, -2.0, 3.0]))

    points = np.array(
        [[[0.0, 0.3, -0.7], [2.0, -3.0, 0.5]], [[np.nan, 1.0, 4.0], [1e200, 7.0, -9]]]
    )
    points = np.concatenate([points, [[[np.inf, 1.0, 2.0], [-np.inf, 0.1, 0.2]]]])
    both = value_and_grad(loss)
    loop = looping.Scan(lambda c, x: (c, both(x)), 0.0, points, back_end="numba")
    assert loop.kernel.own_run is not None
    with np.errstate(all="ignore"):
        _, (losses, slopes) = loop.run(3)
        for x, value, slope in zip(points, losses, slopes, strict=True):
            assert_close([value, slope], list(both(x)))


def test_callback_sees_all_steps_once_and_can_end_it(back_end):
    seen = []

    def callback(done, carry, ys):
        seen.append((done, carry["t"], ys[0]))
        return done == 30

    _, (losses, _) = scan(adam, start(), XS, 50, callback=callback, every=10, back_end=back_end)
    assert [(done, t) for done, t, _ in seen] == [(10, 10), (20, 20), (30, 30)]
    np.testing.assert_array_equal(np.concatenate([y for _, _, y in seen]), losses)


def test_calls_are_short_so_that_an_interrupt_is_heard(monkeypatch):
    sizes = []
    kept = looping.Scan._some
    clock = itertools.count()
    monkeypatch.setattr(looping.time, "perf_counter", lambda: next(clock) * 1.0)
    monkeypatch.setattr(
        looping.Scan, "_some", lambda self, k, n: sizes.append(n) or kept(self, k, n)
    )
    scan(lambda c, x: (c + 1.0, None), np.zeros(1), None, 40, back_end="numpy")
    assert sizes[0] == 16
    assert sizes[1] == 3  # sixteen took five times as long as a call may
    assert sum(sizes) == 40


def test_what_is_carried_may_stay_as_it_is(back_end):
    carry, y = scan(lambda c, x: (c, None), np.ones(2), None, 3, back_end=back_end)
    assert_close([carry], [np.ones(2)])
    assert y is None


def test_no_steps_at_all():
    carry, y = scan(lambda c, x: (c + x, c * x), 1.0, np.ones(3), 0, back_end="numpy")
    assert carry == 1.0
    assert y.shape == (0,)


@pytest.mark.parametrize(
    ("step", "carry", "message"),
    [
        (lambda c, x: c, 1.0, "must return two values"),
        (lambda c, x: ((c, c), None), 1.0, "got a carry of 1 arrays and numbers and returns one"),
        (lambda c, x: (np.sum(c), None), np.ones(2), r"got an array of shape \(2,\) and dtype"),
        (lambda c, x: (c * 1.0, None), np.float32(1.0) * np.ones(2, np.int64), "dtype"),
    ],
)
def test_what_cannot_be_carried_is_said(step, carry, message):
    if message == "dtype":
        carry = np.ones(2, np.int64)
    with pytest.raises(CompileError, match=message):
        scan(step, carry, None, 3, back_end="numpy")


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({}, TypeError),
        ({"length": -1}, ValueError),
        ({"length": 2, "every": 0}, ValueError),
        ({"xs": [np.ones(2), np.ones(3)]}, ValueError),
        ({"xs": np.float64(1.0)}, ValueError),
        ({"length": 2, "back_end": "fortran"}, ValueError),
    ],
)
def test_bad_arguments_are_one_sentence(more, error):
    with pytest.raises(error, match=r"[.]$"):
        scan(lambda c, x: (c, None), np.ones(2), **{"back_end": "numpy", **more})


class Obliging:
    """Answers to every name, as a library behind a foreign interface does."""

    def __getattribute__(self, name):
        return len if name != "__class__" else Obliging


obliging = Obliging()


def test_an_object_that_answers_to_every_name_is_passed_by():
    def step(c, x):
        return (c * 2.0 if obliging is not None else c), None

    assert scan(step, 1.0, None, 3, back_end="numpy")[0] == 8.0
