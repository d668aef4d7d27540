"""Which values the tape keeps: those that a rule will read, and all of them for who looks."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from functools import partial

import numpy as np
import pytest

from autograd_lite import Tensor, derivative, everything, grad, hvp, strict, trace, vjp
from autograd_lite.declaration import reads_numbers
from autograd_lite.node import LARGE, Node
from autograd_lite.primitive import Primitive
from autograd_lite.protocol import TABLE
from autograd_lite.record import recorded
from autograd_lite.visualize.graph import read
from tests.tables import numpys

COUNT = LARGE // 8  # float64
NUMBERS = np.random.default_rng(0).uniform(0.1, 0.9, COUNT)
WEIGHTS = np.random.default_rng(1).normal(size=COUNT)

ELEMENTWISE = [
    p for p in numpys().values()
    if isinstance(p, Primitive) and p.elementwise and isinstance(p.function, np.ufunc) and p.rules
    and p.function is not np.ldexp
]  # fmt: skip


def through(primitive, x, y):
    """Apply a primitive to interior values, or to one beside a constant."""
    least = 1.0 if primitive.function is np.arccosh else 0.0
    operands = [x * 1.0 + least, 1.0 - y][: len(primitive.operands)]
    made = primitive(*operands)
    return (made[0] if primitive.outputs else made) * WEIGHTS


@pytest.mark.parametrize("primitive", ELEMENTWISE, ids=repr)
@pytest.mark.parametrize("both", [True, False], ids=["of both", "of one"])
def test_gradients_are_those_of_a_tape_with_all_values(primitive, both):
    other = Tensor(NUMBERS[::-1], requires_grad=both)
    if len(primitive.operands) == 1 and not both:
        return

    def gradients():
        x = Tensor(NUMBERS, requires_grad=True)
        np.sum(through(primitive, x, other)).backward()
        found, other.grad = (x.grad, other.grad), None
        return found

    plain = gradients()
    with trace():
        kept = gradients()
    for a, b in zip(plain, kept, strict=True):
        np.testing.assert_array_equal(a, b)


def test_second_derivatives_are_those_of_a_tape_with_all_values():
    def f(x):
        u = x * 2.0 + 1.0
        return np.sum(np.tanh(np.exp(u * 0.1)) * np.sin(u) / u)

    for derived in (grad(lambda x: np.sum(grad(f)(x) * WEIGHTS)), lambda x: hvp(f)(x, WEIGHTS)):
        plain = derived(NUMBERS)
        with trace():
            np.testing.assert_array_equal(plain, derived(NUMBERS))


def chain(x):
    """Three values that no rule reads (for that of the sum is a shape enough), and exp's own."""
    scaled = x * 3.0
    moved = scaled + 1.0
    power = np.exp(moved)
    halved = power * 0.5
    return [scaled, moved, power, halved], np.sum(halved)


def test_what_no_rule_reads_is_freed_with_the_programs_last_reference():
    values, total = chain(Tensor(NUMBERS, requires_grad=True))
    arrays = [weakref.ref(v.data) for v in values]
    del values
    assert [ref() is None for ref in arrays] == [True, True, False, True]
    total.backward()  # and the graph is still whole


def test_small_values_and_those_of_a_mode_stay():
    for mode, data in ((None, NUMBERS[:10]), (trace, NUMBERS), (everything, NUMBERS),
                       (strict, NUMBERS)):  # fmt: skip
        f = chain if mode is None else mode()(chain)
        values, total = f(Tensor(data, requires_grad=True))
        arrays = [weakref.ref(v.data) for v in values]
        del values
        assert all(ref() is not None for ref in arrays), mode
        total.backward()


def test_what_a_mode_keeps_is_kept_by_what_follows_it():
    x = Tensor(NUMBERS, requires_grad=True)
    for mode in (trace, strict):
        with mode():
            y = x * 2.0
        total = np.sum(y + 1.0)
        value = weakref.ref(y.data)
        del y
        assert value() is not None
        total.backward()


def test_who_reads_the_tape_finds_every_value():
    x = Tensor(NUMBERS, requires_grad=True, name="x")
    values, total = chain(x)
    expected = [np.array(v.data) for v in values]
    moved = values[1]
    del values
    steps = [t for t, _ in recorded([total])]
    assert [t.tape.primitive.name for t in steps] == ["multiply", "add", "exp", "multiply", "sum"]
    for t, array in zip(steps, expected, strict=False):
        assert type(t) is Tensor
        np.testing.assert_array_equal(t.data, array)
    assert steps[1] is moved
    for t, operands in recorded([total]):
        for x_, value in zip(operands, t.tape.values, strict=True):
            assert not isinstance(x_, Node) or x_.data is value
    total.backward()
    np.testing.assert_allclose(x.grad, 1.5 * np.exp(3.0 * NUMBERS + 1.0), rtol=1e-14)


def test_one_step_back_is_there_too():
    values, total = chain(Tensor(NUMBERS, requires_grad=True))
    expected, power = np.array(values[1].data), values[2]
    del values, total
    [operand] = power.tape.operands
    assert type(operand) is Tensor
    assert operand.tape.primitive is TABLE[np.add]
    np.testing.assert_array_equal(operand.data, expected)
    assert power.tape.parents == (operand,)
    assert power.tape.values[0] is operand.data


def test_a_picture_after_the_fact_has_its_numbers():
    x = Tensor(NUMBERS, requires_grad=True, name="x")
    plain = chain(x)[1]
    with trace():
        kept = chain(x)[1]
    plain.backward(), kept.backward()
    shown = [
        [(op.name, [r.data for r in op.results]) for op in read(t).operations]
        for t in (plain, kept)
    ]
    for (name, results), (other, those) in zip(*shown, strict=True):
        assert name == other
        for a, b in zip(results, those, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("before", [True, False])
def test_a_gradient_may_be_retained_whenever_it_is_asked_for(before):
    x = Tensor(NUMBERS, requires_grad=True)
    y = x * 2.0
    if before:
        y.retain_grad()
    total = np.sum((y + 1.0) * 3.0)
    if not before:
        y.retain_grad()
    total.backward()
    np.testing.assert_array_equal(y.grad, np.full(COUNT, 3.0))
    y.name = "y"
    total.backward()
    np.testing.assert_array_equal(y.grad, np.full(COUNT, 6.0))


def test_a_value_used_by_rules_that_read_it_and_rules_that_do_not():
    x = Tensor(NUMBERS, requires_grad=True)
    y = x * 2.0
    total = np.sum(np.sin(y) + (y + 1.0))
    del y
    assert len(recorded([total])) == 5
    total.backward()
    np.testing.assert_allclose(x.grad, 2.0 * np.cos(2.0 * NUMBERS) + 2.0, rtol=1e-14)


@pytest.mark.parametrize(
    ("rule", "reads"),
    [
        (lambda g, x: g * x, True),
        (lambda g, x: g.reshape(x.shape), False),
        (lambda g, x: (x.shape, x), True),
        (lambda g, x: [x.dtype for _ in x.shape], True),  # by an inner function: not looked into
        (lambda g, y: g, False),
        (lambda g, x: x.T, True),
    ],
)
def test_what_a_rule_reads(rule, reads):
    assert reads_numbers(rule, "x") is reads


def test_a_rule_of_the_users_is_asked_too():
    scale = derivative(lambda x, y: x * y, name="scale", elementwise=True,
                       x=lambda g, y: g * y, y=lambda g, x: g * x)  # fmt: skip
    x = Tensor(NUMBERS, requires_grad=True)
    one, two = x * 1.0, x * 2.0
    total = np.sum(scale(one, two))
    value = weakref.ref(one.data)
    del one, two
    assert value() is not None
    total.backward()
    np.testing.assert_allclose(x.grad, 4.0 * NUMBERS, rtol=1e-14)


# -- the sweep frees as it goes ------------------------------------------------------------------


def peak_of(function, *args):
    """Return how many arrays of COUNT numbers there were at once, beside the arguments."""
    function(*args)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        function(*args)
        return (tracemalloc.get_traced_memory()[1] - before) / (8 * COUNT)
    finally:
        tracemalloc.stop()


def test_memory_is_what_the_rules_read():
    def steps(x):
        for k in range(20):
            x = x * 0.9 + 0.1 * k
        return np.sum(x)

    def tanhs(x):
        total = 0.0
        for k in range(20):
            total = total + np.tanh(x * (0.1 * k)) * 0.5
        return np.sum(total)

    assert peak_of(grad(steps), NUMBERS) < 6
    assert peak_of(grad(tanhs), NUMBERS) < 20 + 6


def test_gradients_are_freed_as_the_sweep_goes():
    def f(x):
        for _ in range(20):
            x = np.sin(x)  # whose rule reads its operand
        return np.sum(x)

    # The twenty values are there when the sweep begins, and it needs two or three more.
    assert peak_of(grad(f), NUMBERS) < 20 + 5


# -- and nothing that somebody holds is written into --------------------------------------------


def test_what_a_rule_returned_and_somebody_holds_stays():
    held = np.full(COUNT, 2.0)
    view = held[:]
    copy = held.copy()
    for returned in (held, view, held.reshape(1, -1)[0]):
        f = Primitive(lambda x: np.sum(x), {"x": partial(lambda array, g: array, returned)})
        x = Tensor(NUMBERS, requires_grad=True)
        (f(x) + f(x) + f(x)).backward()
        np.testing.assert_array_equal(x.grad, np.full(COUNT, 6.0))
        assert not np.shares_memory(x.grad, held)
        np.testing.assert_array_equal(held, copy)
        np.testing.assert_array_equal(grad(lambda x, f=f: f(x) + f(x) + f(x))(NUMBERS), 3 * copy)
        np.testing.assert_array_equal(held, copy)


def test_a_pullback_gives_the_same_again_and_leaves_its_argument():
    _, pullback = vjp(lambda x: x + x * 2.0 + np.exp(x) + x, NUMBERS)
    seed = WEIGHTS.copy()
    first = pullback(seed)[0]
    kept = first.copy()
    second = pullback(seed)[0]
    np.testing.assert_array_equal(seed, WEIGHTS)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(first, second)
    assert not np.shares_memory(first, second)
    assert not np.shares_memory(first, seed)


def test_retained_gradients_stay_when_more_is_added():
    x = Tensor(NUMBERS, requires_grad=True)
    y = x * 2.0
    y.retain_grad()
    z = y + 0.0
    z.retain_grad()
    (np.sum(z + y) + np.sum(y)).backward()
    np.testing.assert_array_equal(z.grad, np.ones(COUNT))
    np.testing.assert_array_equal(y.grad, np.full(COUNT, 3.0))
    np.testing.assert_array_equal(x.grad, np.full(COUNT, 6.0))
    x.grad[:] = 0.0
    np.testing.assert_array_equal(y.grad, np.full(COUNT, 3.0))
