"""The numerical reference: derivatives in closed form, with errors that are what they say."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest

from autograd_lite.testing.numerical import Verdict, judge, moves, random_weights, slopes

RIGHT, UNKNOWN, WRONG = Verdict


def relu(x):
    return np.maximum(x, 0.0)


def soft(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def verdicts(f, x, given, **options):
    point = [np.asarray(x, np.float64)]
    along = moves(point)
    with np.errstate(all="ignore"):
        count = np.size(f(point[0]))
    given = np.broadcast_to(np.asarray(given, float), (len(along), count))
    found = slopes(lambda x: [np.asarray(f(x))], point, along, given=given, **options)
    return judge(given, found, **options), found


def verdict(f, x, given, **options):
    return verdicts(f, x, given, **options)[0].max(initial=RIGHT)


Z = np.array([0.1, 0.7, -0.3])
DERIVATIVES = {
    # name: (function, where, derivative); a vector goes through one element at a time
    "sin": (np.sin, 0.5, math.cos(0.5)),
    "steep": (np.exp, 30.0, math.exp(30.0)),
    "almost too large": (np.exp, 700.0, math.exp(700.0)),
    "far out": (np.sin, 1e6, math.cos(1e6)),
    "near a pole": (lambda x: 1.0 / x, 1e-8, -1e16),
    "of tiny numbers": (np.log, 1e-300, 1e300),
    "of a tiny scale": (lambda x: 1e-20 * np.sin(x), 0.3, 1e-20 * math.cos(0.3)),
    "tiny beside large": (lambda x: x**2, [1e-8, 1e8], np.diag([2e-8, 2e8])),
    "a sum of tiny and large": (lambda x: np.sum(x**2), [1e-8, 1e8], [[2e-8], [2e8]]),
    "a kink near by": (relu, 1e-9, 1.0),
    "a kink nearer than rounding": (lambda x: 1.0 + relu(x), 1e-6, 1.0),
    "a kink to one side": (lambda x: np.where(x > 0.5001, 3.0 * x, x), 0.5, 1.0),
    "a border": (lambda x: x + x**1.5, 0.0, 1.0),
    "steps": (np.floor, 0.5, 0.0),
    "float32": (lambda x: np.tanh(x.astype(np.float32)), 0.3, 1.0 - math.tanh(0.3) ** 2),
    "float32 inside": (
        lambda x: np.tanh(x.astype(np.float32)).astype(float),
        0.3,
        1.0 - math.tanh(0.3) ** 2,
    ),
    "saturated": (np.tanh, 15.0, 1.0 / math.cosh(15.0) ** 2),
    "beside 1": (lambda x: 1.0 + 1e-12 * np.sin(x), 0.3, 1e-12 * math.cos(0.3)),
    "beside 1e12": (lambda x: (1e12 + np.sin(x)) - 1e12, 0.37, math.cos(0.37)),
}
CANCEL = {
    "a perfect fit": (lambda x: np.mean((np.tanh(0.7 * x) - np.tanh(1.4)) ** 2), 2.0),
    "a variance": (np.var, [0.1, 0.1, 0.1]),
    "KL(p‖p)": (lambda z: np.sum(soft(Z) * np.log(soft(Z) / soft(z))), Z),
    "exp and log": (lambda x: np.log(np.exp(x)) - x, 0.37),
    "a constant": (lambda x: 0.0 * x + 1.0, 0.3),
    "nothing": (lambda x: x, np.zeros((0, 3))),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_in_closed_form(name):
    f, x, exact = DERIVATIVES[name]
    judged, found = verdicts(f, x, exact)
    assert set(judged.ravel()) == {RIGHT}
    off = np.abs(np.broadcast_to(exact, found.value.shape) - found.value)
    assert np.all((off <= 4.0 * found.error) | np.isclose(found.value, exact, rtol=1e-8, atol=0.0))
    precise = np.all(found.error <= 1e-7 * np.abs(found.value).max())
    for factor in (0.0, 0.5, 2.0, -1.0, *([1.00001] if precise else ())):
        wrong = np.asarray(exact) * factor
        if not np.array_equal(wrong, exact):
            assert verdict(f, x, wrong) == WRONG, factor


@pytest.mark.parametrize("name", CANCEL)
@pytest.mark.parametrize("rounding", [0.0, 1e-16, -2e-17])
def test_what_is_zero_by_cancellation(name, rounding):
    f, x = CANCEL[name]
    assert verdict(f, x, rounding) == RIGHT
    assert verdict(f, x, 1e-3) == (WRONG if np.size(x) else RIGHT)


@pytest.mark.parametrize(
    ("f", "x", "left", "right"),
    [
        (np.abs, 0.0, -1.0, 1.0),
        (relu, 0.0, 0.0, 1.0),
        (lambda x: np.clip(x, 0.0, 1.0) ** 2, 1.0, 2.0, 0.0),
        (lambda x: np.maximum(np.sin(x), np.cos(x)), np.pi / 4, -math.sqrt(0.5), math.sqrt(0.5)),
        (lambda x: 1e-9 * np.abs(x) + 1e-12 * x, 0.0, -0.999e-9, 1.001e-9),
    ],
)
def test_at_a_kink_all_between_the_slopes_is_right(f, x, left, right):
    _, found = verdicts(f, x, left)
    np.testing.assert_allclose(
        [found.left, found.right], [[[left]], [[right]]], rtol=1e-6, atol=1e-7
    )
    assert found.doubt == "kink"
    for share in (0.0, 0.5, 0.9, 1.0):
        assert verdict(f, x, left + share * (right - left)) == RIGHT
    for share in (-0.1, 1.1, 3.0):
        assert verdict(f, x, left + share * (right - left)) == WRONG


@pytest.mark.parametrize(
    ("f", "x", "given", "doubt"),
    [
        (np.sign, 0.0, 0.0, "jump"),
        (np.floor, 1.0, 0.0, "jump"),
        (np.sqrt, 0.0, np.inf, "jump"),
        (np.cbrt, 0.0, np.inf, "jump"),
        (np.exp, 720.0, np.inf, "overflow"),
        (lambda x: x * np.nan, 1.0, 1.0, "overflow"),
        (lambda x: (1e13 + np.sin(x)) - 1e13, 0.37, math.cos(0.4), "noise"),
        (lambda x: (1e20 + x) - 1e20, 0.37, 1.0, "flat"),
    ],
)
def test_cannot_tell(f, x, given, doubt):
    judged, found = verdicts(f, x, given)
    assert judged == UNKNOWN
    assert found.doubt == doubt


def test_what_is_not_finite():
    for given in (np.nan, np.inf, -np.inf):
        assert verdict(np.sin, 0.3, given) == WRONG
        assert verdict(np.abs, 0.0, given) == WRONG


def jitter(x):
    """Noise that is the same each time."""
    return zlib.crc32(np.ascontiguousarray(x).tobytes()) / 2.0**31 - 1.0


@pytest.mark.parametrize("size", [1e-13, 1e-10, 1e-7, 1e-4, 1e-2])
def test_noise_makes_no_false_alarm(size):
    """And none is passed that is off by much more than the noise lets see."""
    rng = np.random.default_rng(0)
    told = 0
    for x in rng.normal(size=60):
        right = verdict(lambda t: np.sin(t) + size * jitter(t), x, np.cos(x))
        assert right != WRONG
        told += right == RIGHT
        assert verdict(lambda t: np.sin(t) + size * jitter(t), x, 2.0 * np.cos(x)) != RIGHT
    assert told >= (58 if size < 1e-5 else 0)


def test_weighted_sums_of_many_results():
    """A contraction with a matrix, moved along random directions."""
    rng = np.random.default_rng(0)
    a, point = rng.normal(size=(500, 1000)) / 30.0, [rng.normal(size=1000)]
    along, weights = moves(point), random_weights((2, 500), rng)
    exact = np.array([weights @ (np.cos(a @ point[0]) * (a @ m.direction)) for m in along])
    options = {"weights": weights, "given": exact}
    found = slopes(lambda x: [np.sin(a @ x)], point, along, **options)
    assert np.all(judge(exact, found) == RIGHT)
    assert found.evaluations == 1 + 4 * 6
    one_element = exact.copy()
    one_element[2, 1] *= 1.00001
    options["given"] = one_element
    found = slopes(lambda x: [np.sin(a @ x)], point, along, **options)
    assert np.argwhere(judge(one_element, found) == WRONG).tolist() == [[2, 1]]


def test_several_arguments_and_results():
    point = [np.array([0.3, -1.2]), np.array(2.0)]
    found = slopes(lambda x, y: [x * y, np.sum(x), y**2], point, moves(point))
    exact = [[2.0, 0.0, 1.0, 0.0], [0.0, 2.0, 1.0, 0.0], [0.3, -1.2, 0.0, 4.0]]
    np.testing.assert_allclose(found.value, exact, atol=1e-12)


def test_inputs_are_lent_and_shapes_must_stay():
    point = [np.ones(2)]

    def writes(x):
        x *= 2.0
        return [x]

    with pytest.raises(ValueError, match="read-only"):
        slopes(writes, point, moves(point))
    with pytest.raises(ValueError, match="the same form each time"):
        slopes(lambda x: [x[x >= 1.0]], point, moves(point))


def test_tolerances():
    assert verdict(np.sin, 0.0, 1.01, rtol=0.02) == RIGHT
    assert verdict(np.sin, 0.0, 1.01, atol=0.02) == RIGHT
    assert verdict(np.sin, 0.0, 1.01, rtol=0.005) == WRONG
