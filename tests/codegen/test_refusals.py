"""What hangs on values, draws or writes is refused with its line, compiled or written as source."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
import random

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, compile, source, value_and_grad
from autograd_lite.codegen import NotWritable
from autograd_lite.errors import CompileError, ForeignArrayError
from autograd_lite.tensor import unwrap
from nn import functional as F
from tests.codegen.test_source import assert_same_bits

kept = np.zeros(2)
rng = np.random.default_rng(0)
weight = Tensor([1.0, 2.0], requires_grad=True)


def branch(x):
    if x[0] > 0:  # HERE
        return x
    return -x


def loop(x):
    while np.sum(x) > 1.0:  # HERE
        x = x / 2.0
    return x


def item(x):
    return x * np.max(x).item()  # HERE


def as_float(x):
    return x * float(x[0])  # HERE


def as_array(x):
    return x * x.numpy()  # HERE


def data(x):
    return x * x.data  # HERE


def nested_lists(x):
    return sum(x.tolist()) * x  # HERE


def asarray(x):
    return np.asarray(x) * 2.0  # HERE


def index(x):
    return x[np.argmax(x).__index__()]  # HERE


def count(x):
    return sum(x[i] for i in range(np.argmax(x)))  # HERE


def mask(x):
    return np.sum(x[x > 0.0])  # HERE


def nonzero(x):
    return np.sum(x[np.nonzero(x)])  # HERE


def allclose(x):
    return x if np.allclose(x, 0.0) else x * 2.0  # HERE


def written(x):
    kept[:] = 1.0  # HERE
    return x * 2.0


def augmented(x):
    global kept
    kept += 1.0  # HERE
    return x * 2.0


def argument(x):
    x[0] = 1.0  # HERE
    return x * 2.0


def argument_augmented(x):
    x += 1.0  # HERE
    return x * 2.0


def tensor_set(x):
    weight.data = np.ones(2)  # HERE
    return x * weight


def backward(x):
    np.sum(weight * x).backward()  # HERE
    return x


def of_tensor(x):
    return x * weight.data  # HERE


def drawn(x):
    return x * rng.random(2)


def default_dropout(x):
    return F.dropout(x, 0.5)  # HERE


def of_its_numbers_alone(x):
    return x if np.sum(x) < 1e6 else -x  # HERE


def contains(x):
    return x if 5.0 in x else -x  # HERE


def chain(x):
    return x if 0.0 < x[0] < 3.0 else -x  # HERE


def matches(x):
    match x[0]:
        case 1.0:  # HERE
            return x
    return -x


def orders(x):
    return sorted(x)[0] * x  # HERE


def largest(x):
    return max(x) * x  # HERE


def asserts(x):
    assert np.all(x > 0.0)  # HERE
    return x * 2.0


def rounds(x):
    return round(x[0].item()) * x  # HERE


def of_math(x):
    return math.sin(x[0]) * x  # HERE


def in_a_list(x):
    return x if x[0] in [1.0, 7.0] else -x  # HERE


def from_a_list(x):
    return [1.0, 2.0, 3.0][np.argmax(x)] * x  # HERE


def slices(x):
    return x[: np.argmax(x)]  # HERE


def copies(x):
    return copy.deepcopy(x) * x  # HERE


def axis(x):
    return np.sum(x, axis=np.argmin(x))  # HERE


def in_pieces(x):
    return np.piecewise(x, [x > 1.5], [lambda x: x * 2.0, lambda x: -x])  # HERE


def distinct(x):
    return np.unique(x)  # HERE


def noisy(x):
    return x * random.random()


@pytest.mark.parametrize(
    "f",
    [
        *(branch, loop, item, as_float, as_array, data, nested_lists, asarray, index, count, mask),
        *(nonzero, allclose, written, augmented, argument, argument_augmented, tensor_set),
        *(backward, of_tensor, drawn, default_dropout, of_its_numbers_alone, contains, chain),
        *(matches, orders, largest, asserts, rounds, of_math, in_a_list, from_a_list, slices),
        *(copies, axis, in_pieces, distinct, noisy),
    ],
    ids=lambda f: f.__name__,
)
def test_what_hangs_on_values_is_refused_with_its_line(f):
    lines, first = inspect.getsourcelines(f)
    here = [i for i, line in enumerate(lines) if "# HERE" in line]
    x, state = np.array([1.0, 2.0]), rng.bit_generator.state
    before = x.copy(), kept.copy(), weight.data.copy()
    for g in (f, value_and_grad(lambda x: np.sum(f(x)))):
        for run, kind in ((compile(g, back_end="numpy"), CompileError), (source, NotWritable)):
            with pytest.raises(kind) as caught:
                run(x) if kind is CompileError else run(g, x)
            said = str(caught.value)
            if here:
                assert f"test_refusals.py, line {first + here[0]}, " in said
                assert lines[here[0]].split("#")[0].strip() in said
            assert ("compiled" if kind is CompileError else "written") in said
            assert_same_bits((x, kept, weight.data), before)
            assert weight.grad is None
            assert kept.flags.writeable
            assert rng.bit_generator.state == state


COUNTED = {
    "tile": lambda x, n: np.tile(x, n),
    "pad": lambda x, n: np.pad(x, n),
    "repeat": lambda x, n: np.repeat(x, n),
    "repeat each": lambda x, n: np.repeat(x, np.stack([n, n + 1, n])),
    "diff": lambda x, n: np.diff(x, n=n),
    "matrix_power": lambda x, n: np.linalg.matrix_power(np.outer(x, x), n),
    "tril": lambda x, n: np.tril(np.outer(x, x), n),
    "diag": lambda x, n: np.diag(x, n),
    "rot90": lambda x, n: np.rot90(np.outer(x, x), n),
    "roll": lambda x, n: np.roll(x, n),
    "swapaxes": lambda x, n: np.swapaxes(np.outer(x, 2.0 * x), 0, n),
    "sum": lambda x, n: np.sum(np.outer(x, 2.0 * x), axis=n),
    "max": lambda x, n: np.max(np.outer(x, 2.0 * x), axis=n),
    "cumsum": lambda x, n: np.cumsum(np.outer(x, 2.0 * x), axis=n),
    "var": lambda x, n: np.var(x, ddof=n),
    "linspace": lambda x, n: np.linspace(x, 5.0, n),
    "partition": lambda x, n: np.partition(x, n),
    "stack": lambda x, n: np.stack([x, 2.0 * x], axis=n),
    "vander": lambda x, n: np.vander(x, n),
    "fft": lambda x, n: np.real(np.fft.fft(x, n + 1)),
    "gradient": lambda x, n: np.gradient(np.outer(x, x), axis=n),
    "round": lambda x, n: np.round(x, n),
    "take": lambda x, n: np.take(x, n * 4, mode="clip"),
    "a row": lambda x, n: np.outer(x, x)[n] * 2.0,
}


@pytest.mark.parametrize("name", COUNTED)
def test_a_value_as_a_count_is_looked_at_again_or_refused(name):
    """Never is it the count of the first call, though the shape be the same."""
    x, y = np.array([0.3, 2.1, 1.0]), np.array([2.0, -0.7, 1.0])
    f = lambda x: COUNTED[name](x, np.argmax(x))  # noqa: E731
    for run in (lambda: compile(f, back_end="numpy"), lambda: source(f, x).load()):
        said = ""
        try:
            made = run()
            assert_same_bits(made(x), f(x))
            assert_same_bits(made(y), f(y))
        except (CompileError, NotWritable) as error:
            said = str(error)
        assert not said or "takes a value as an index or a count" in said or "hangs on the" in said


def test_batch_norm_in_training_is_refused_with_what_to_do():
    norm, x = nn.BatchNorm1d(2), np.array([[1.0, 2.0], [3.0, 5.0], [4.0, 4.0]])

    def loss(x):
        return np.sum(norm(x) ** 3)  # HERE

    before = norm.running_mean.data.copy()
    for run in (lambda g: compile(g, back_end="numpy")(x), lambda g: source(g, x)):
        with pytest.raises((CompileError, NotWritable), match=r"norm\(x\).*test_refusals.*eval"):
            run(value_and_grad(loss))
    assert_same_bits(norm.running_mean.data, before)
    free = nn.BatchNorm1d(2, track_running_stats=False)
    f = value_and_grad(lambda x: np.sum(free(x) ** 3))  # as it says
    for a, b in zip(source(f, x).load()(x), value_and_grad(loss)(x), strict=True):
        np.testing.assert_allclose(a, unwrap(b), atol=1e-12)


def test_no_key_of_a_dict_is_code():
    class Key:
        def __repr__(self):
            return "__import__('os').abort()"

    with pytest.raises(NotWritable, match="'Key'"):
        source(lambda x: {Key(): x * 2.0}, 1.0)
    with pytest.raises(NotWritable, match="'Key'"):
        source(lambda d: sum(d.values()), {Key(): 1.0})
    assert source(lambda d: {"a b'": d["c\n"] * 2.0}, {"c\n": 1.0}).load()({"c\n": 3.0}) == {
        "a b'": 6.0
    }


def pickled(f):
    return pickle.loads(pickle.dumps(f))


def of_two(x, y):
    return np.sum(x * y)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))]
)
def test_a_copy_of_what_is_compiled_compiles_for_itself(again):
    made = compile(of_two, back_end="numpy", limit=7)
    assert made(2.0, 3.0) == 6.0
    other = again(made)
    assert (other.limit, len(other.forms), other(2.0, 4.0)) == (7, 0, 8.0)
    step = again(compile(moved, state=np.ones(2), back_end="numpy"))
    assert_same_bits((step(1.0), step(1.0), step.state), (2.0, 4.0, np.full(2, 3.0)))


def moved(state, x):
    return state + x, np.sum(state)


def test_a_masked_array_is_refused_by_both():
    x = np.ma.masked_array([1.0, 2.0], [True, False])
    for run in (lambda f: compile(f, back_end="numpy")(x), lambda f: source(f, x)):
        with pytest.raises((CompileError, ForeignArrayError), match=r"plain one|masked array"):
            run(lambda x: x * 2.0)
