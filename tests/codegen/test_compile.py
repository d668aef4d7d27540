"""compile: the same bits as eager, on other numbers, with nothing frozen in silence."""

from __future__ import annotations

import builtins
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import nn
from autograd_lite import (
    compile,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)
from autograd_lite.errors import CompileError
from autograd_lite.trees import flatten
from nn import functional as F
from tests.calculus.test_programs import pairs, programs, run
from tests.codegen.test_source import X3, X, assert_same_bits, lab, weights

BACK_ENDS = ["numpy"]


def same(found, expected):
    assert type(found) is type(expected)
    assert_same_bits(found, expected)


@settings(max_examples=25)
@given(programs(), pairs)
def test_random_programs_give_the_tapes_bits_on_other_numbers(steps, inputs):
    f = value_and_grad(lambda x, y: np.sum(run(steps, x, y) ** 2), (0, 1))
    x, y = inputs[0], inputs[0] + inputs[1]
    made = compile(f, back_end="numpy")
    same(made(np.cos(x), np.sin(y)), f(np.cos(x), np.sin(y)))
    same(made(x, y), f(x, y))


def nested(params, x):
    h = x
    for W in params["W"]:
        h = np.maximum(h @ W + params["b"], 0)
    return np.sum(h[:, 0] * h[[0, 1, 0], 1]) + np.max(np.linalg.svd(h)[1])


def classifier(W, b):
    return F.cross_entropy(F.linear(X, W, b), np.arange(21) % 3)


def attention(q, k):
    return np.sum(F.softmax(q @ k.T / 1.5) @ k)


def joined_twice(y):
    return np.sum(np.sin(np.concatenate([y, y, y])))


LARGE = np.linspace(-2.0, 2.0, 100_003)
PROGRAMS = {
    "lab": (value_and_grad(lab, (0, 1, 2)), weights(0)),
    "loop": (value_and_grad(nested), ({"W": [np.eye(3) + 0.1, np.eye(3)], "b": X[4:7, 0]}, X3)),
    "cross_entropy": (value_and_grad(classifier), (X[:3], X[3:6, 0])),
    "attention": (value_and_grad(attention, (0, 1)), (X[:4], X[4:8])),
    "hvp": (hvp(lambda x: np.sum(x**3 * x[0])), (X[0], X[1])),
    "hvp of the lab": (hvp(lambda w: lab(w, *weights(5)[1:])), (weights(1)[0], weights(2)[0])),
    "hessian": (hessian(lambda x: x[0] ** 2 * np.sin(x[1])), (X[0],)),
    "jacobian": (jacobian(lambda x: np.tanh(X[:2] @ x) * x), (X[0],)),
    "jvp": (lambda x, t: jvp(lambda x: np.exp(x) * x[0], (x,), (t,)), (X[0], X[1])),
    "vjp": (lambda x, g: vjp(lambda x: np.exp(x) * x[0], x)[1](g), (X[0], X[1])),
    "elementwise": (elementwise_grad(np.sin), (X,)),
    "joined to itself": (
        value_and_grad(lambda x: np.sum(np.concatenate([x + x, x * x, x + x]) * np.arange(6.0))),
        (X[0],),
    ),
    "joined to another dtype": (
        value_and_grad(
            lambda x, y: np.sum(np.concatenate([y * y, np.sin(x), y + y, x * x]) * np.arange(8.0)),
            (0, 1),
        ),
        (X[0], X[1].astype(np.float32)),
    ),
    "a number joined to others": (
        value_and_grad(lambda x: np.sum(np.append(x, F.elu(np.sum(x))) * np.arange(3.0))),
        (X[0],),
    ),
    # Sorting is a call of NumPy's, which parts what is compiled.
    "waves joined twice": (
        value_and_grad(lambda x: np.sort(np.append(np.sin(x), np.sin(x))) @ np.arange(12.0)),
        (X[:3],),
    ),
    "pieces joined to another dtype": (
        value_and_grad(
            lambda x: (
                np.real(np.append(x * x, 1j * np.exp(x))) @ np.arange(8.0) + np.sort(x.ravel())[0]
            )
        ),
        (X[:2],),
    ),
    "waves of three numbers in a row": (
        value_and_grad(
            lambda x: np.sum(np.apply_along_axis(lambda r: np.sin(r) * 2.0, -1, np.sin(x)))
        ),
        (X3[:3],),
    ),
    "one value joined twice": (value_and_grad(lambda x: joined_twice(x + x)), (X[0],)),
    "over a whole number": (value_and_grad(lambda x: np.min(x, axis=-1)), (X[0] * 0.0,)),
    "an open bound": (
        value_and_grad(lambda x, y: np.sum(np.clip(x, None, y))),
        (np.float64(0.5), X[:1]),
    ),
    "einsum": (grad(lambda x: np.einsum("ij,jk->", x, x)), (X[:2],)),
    "third": (grad(grad(grad(np.sin))), (np.float64(0.3),)),
    "float32": (
        value_and_grad(lambda x: np.sum(np.tanh(x) * 2.5) + np.mean(x)),
        (X.astype(np.float32),),
    ),
    "in blocks": (
        value_and_grad(lambda x: np.sum(np.exp(-x * x) * np.sin(3.0 * x) + np.tanh(x))),
        (LARGE,),
    ),
    "in blocks of rows": (
        value_and_grad(lambda x, y: np.mean(np.where(x > y, np.exp(x) - y, x * y) ** 2), (0, 1)),
        (LARGE[:100_000].reshape(1000, 100), LARGE[:100]),
    ),
    "from the end": (
        value_and_grad(lambda x: np.sum(np.exp(x.T) * x.T)),
        (LARGE[:100_000].reshape(1000, 100),),
    ),
    "of no dimension": (
        value_and_grad(lambda x: np.sum(np.sqrt(0.5 + np.square(np.expand_dims(x, 0))))),
        (np.float64(2.0),),
    ),
    "a sum of a number": (
        lambda x: (np.sum(np.exp(np.linalg.svd(x)[1][0])), np.linalg.det(x)),
        (X[:2, :2],),
    ),
    "a number picked": (grad(lambda x: np.sum(np.sin(x[None])) * np.exp(x[...])), (np.float64(2),)),
    "parts of what has but one": (
        value_and_grad(lambda x: np.sum(np.real(x) * x) + np.sum(np.imag(x))),
        (X[0],),
    ),
    "nothing": (lambda x: (x, x.T, x), (X,)),
}


@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_of_many_kinds(name, back_end):
    f, inputs = PROGRAMS[name]
    step = compile(f, back_end=back_end)
    leaves, rebuild = flatten(inputs)
    first = step(*inputs)
    kept = [np.array(x) for x in flatten(first)[0]]
    others = rebuild([np.asarray(x * 1.25 - 0.1, np.asarray(x).dtype)[()] for x in leaves])
    for given_ in (inputs, others):
        assert_same_bits(step(*given_), f(*given_))
    assert len(step.forms) == 1
    # What was returned belongs to the caller: no later call has written into it.
    assert_same_bits(flatten(first)[0], kept)


# -- what is around it ----------------------------------------------------------------

kept = np.zeros(2)


def test_what_is_around_may_be_views_of_each_other_and_compiled_functions():
    whole = np.arange(6.0)
    parts = [whole[:2], whole[:3][1:], whole]
    inner = compile(lambda x: np.sum(x * parts[1]), back_end="numpy")
    outer = compile(value_and_grad(lambda x: inner(x) * x + np.sum(x * whole)), back_end="numpy")
    inner(1.0)
    for factor in (1.0, 3.0):
        whole *= factor
        assert outer(2.0) == ((12.0 + 30.0) * factor, (12.0 + 15.0) * factor)
        assert all(part.flags.writeable for part in parts)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x * kept),
        lambda x: np.sum(np.where(x > kept, x, -x) * kept),
        lambda x: x @ kept,
        lambda x: np.sum(np.maximum(x, kept) / kept),
        lambda x: F.mse_loss(x, kept),
        lambda x: np.sum(np.concatenate([x, kept]) ** 2),
        lambda x: np.sum(x) * np.sum(kept) + kept[0],  # what NumPy computes alone
        lambda x: np.sum(x * np.where(kept > 1.0, 2.0, np.nan)),
    ],
)
def test_arrays_around_are_operands_of_gradients_too(f):
    x = np.array([1.0, 3.0])
    steps = [(compile(g, back_end="numpy"), g) for g in (value_and_grad(f), hessian(f))]
    try:
        for numbers in ([0.5, 2.0], [4.0, 1.0], [2.0, 5.0]):
            kept[:] = numbers
            for step, g in steps:
                assert_same_bits(step(x), g(x))
                assert len(step.forms) == 1
    finally:
        kept[:] = 0.0


def test_the_guide_prints_what_it_says(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "compile.md").read_text(encoding="utf-8")
    program = "\n".join(re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S))
    printed, shown = [], re.findall(r"^ *print\(.*\)  # (.*)$", program, re.M)
    file = tmp_path / "guide.py"  # errors name lines of it
    file.write_text(program, encoding="utf-8")
    names = {"print": lambda *x: printed.append(" ".join(map(str, x)))}
    exec(builtins.compile(program, str(file), "exec"), names)
    assert printed == shown
    assert f"```text\n{names['first'].source.strip()}\n```" in page


def swapped(state, x):
    """Return each other's place, a part of the one and the whole of the other, as they were."""
    a, b = state
    return (b + 0.0 * x[0], a), (a, b[:1], b[0] * a[0], np.sum(a * x))


@pytest.mark.parametrize("f", [swapped, lambda s, x: ((s[1], s[0]), (s[0], s[1][1:], s[0][0], x))])
@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_what_a_step_returns_of_its_state_is_from_before(f, back_end):
    state, own = (np.array([1.0, 2.0]), np.array([3.0, 5.0])), ([1.0, 2.0], [3.0, 5.0])
    step, x = compile(f, state=state, back_end=back_end), np.array([0.5, 4.0])
    results = []
    for _ in range(3):
        own, expected = f(tuple(map(np.array, own)), x)
        results.append((step(x), expected))
        assert_same_bits(state, own)
    for found, expected in results:  # and stays what it was
        assert_same_bits(found, expected)


def test_the_memory_of_a_state_is_read_from_the_state_alone():
    memory = np.arange(6.0)
    w, view, beside = memory[1:3], memory[2:3], memory[3:5]
    step = compile(lambda w, x: (w - x, np.sum(w * x)), state=w, back_end="numpy")
    for wrong in (w, memory[:2], memory[2:4]):
        with pytest.raises(CompileError, match="an argument, which is memory of the state"):
            step(wrong)
    around = compile(lambda w, x: (w - x, np.sum(x * view)), state=w, back_end="numpy")
    with pytest.raises(CompileError, match=r"array of shape \(1,\) around it, which is memory"):
        around(np.ones(2))
    with pytest.raises(ValueError, match="the same memory"):
        compile(lambda s: (s, None), state=[w, view], back_end="numpy")
    assert_same_bits(memory, np.arange(6.0))
    assert step(beside) == 1.0 * 3.0 + 2.0 * 4.0


@pytest.mark.parametrize("name", ["a weight", None])
def test_a_loss_that_holds_a_parameter_beside_the_model_is_refused(name):
    model = nn.Linear(3, 1, rng=0)
    held = [model.weight]
    model.weight.name = name
    step = compile(
        model, lambda y, t: np.mean((y - t) ** 2) + np.sum(held[0] ** 2),
        nn.optim.SGD(model.parameters(), lr=0.1), back_end="numpy",
    )  # fmt: skip
    step(X3, X3[:, :1])
    before = model.weight.numpy().copy()
    with pytest.raises(CompileError, match=name or "which is memory"):
        step(X3, X3[:, :1])
    assert_same_bits(model.weight.numpy(), before)


def test_an_array_around_is_called_what_the_user_calls_it():
    """Not what a rule calls it that transposes it."""
    step = compile(value_and_grad(lambda W: np.sum(np.tanh(X3 @ W))), back_end="numpy")
    step(np.ones((X3.shape[1], 2)))
    assert "the array 'X3'" in step.explain()
