"""Every array that a transform returns is the caller's alone; and is not copied for nothing."""

import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from autograd_lite import (
    Tensor,
    checkpoint,
    derivative,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    value_and_grad,
    vjp,
)
from autograd_lite.trees import flatten

KEPT = np.full((2, 3), 2.0)
KEPT.flags.writeable = False


class Point(NamedTuple):
    u: Any
    v: Any


@dataclass
class Layer:
    weight: Any
    bias: Any
    name: str = "layer"


lends = derivative(lambda x, y: x + y, name="lends", x=lambda g, y: y, y=lambda g: KEPT)
"""Its rules pass on an operand, and an array of their own."""

hidden = np.ones((2, 3))
M = np.arange(6.0).reshape(2, 3) + 1.0

# From two arrays of shape (2, 3) to one: each in its own way lends its operands or its gradients.
PROGRAMS = {
    "the first": lambda a, b: a,
    "a constant": lambda a, b: hidden,
    "a sum": lambda a, b: a + b,
    "a sum with an array": lambda a, b: M + a,
    "twice": lambda a, b: a + a,
    "a product": lambda a, b: a * b,
    "reshaped": lambda a, b: a.reshape(3, 2).T + b,
    "a transpose": lambda a, b: (a.T @ np.eye(2)).T,
    "broadcast": lambda a, b: np.broadcast_to(a[0], (2, 3)) + np.sum(b),
    "stacked": lambda a, b: np.concatenate([a, b])[1:3],
    "a view": lambda a, b: a[::-1, ::-1],
    "split": lambda a, b: np.hstack(np.split(a, 3, 1)) + b[:1],
    "with a rule that lends": lambda a, b: lends(a, b),
    "where": lambda a, b: np.where(M > 2, a, b),
    "float32": lambda a, b: a.astype(np.float32) + b,
    "through a checkpoint": lambda a, b: checkpoint(lambda a, b: a + b)(a, b),
    "real parts": lambda a, b: np.real(a) + np.conjugate(b),
    "a product of matrices": lambda a, b: a @ (b.T @ M),
    "a matrix by a constant": lambda a, b: (a @ M.T) @ M + b,
}
FORMS = {
    "two arrays": lambda f: (lambda a, b: f(a, b), lambda a, b: (a, b)),
    "a dict": lambda f: (lambda p: f(p["a"], p["b"]), lambda a, b: ({"a": a, "b": b},)),
    "a list": lambda f: (lambda p: f(*p), lambda a, b: ([a, b],)),
    "a named tuple": lambda f: (lambda p: f(p.u, p.v), lambda a, b: (Point(a, b),)),
    "a dataclass": lambda f: (lambda p: f(p.weight, p.bias), lambda a, b: (Layer(a, b),)),
    "Tensors": lambda f: (f, lambda a, b: (Tensor(a), Tensor(b))),
}


def scalar(f):
    return lambda *args: np.sum(f(*args))


def all_of(args):
    return tuple(range(len(args)))


def backward_of(f, args):
    leaves, rebuild = flatten(args)
    leaves = [Tensor(x, requires_grad=True) for x in leaves]
    result = f(*rebuild(leaves))
    if isinstance(result, Tensor) and result.requires_grad:
        result.backward(np.ones((2, 3), result.dtype))
    return [x.grad for x in leaves if x.grad is not None]


SEED = np.ones((2, 3))
TRANSFORMS = {
    "grad": lambda f, args: grad(scalar(f), all_of(args))(*args),
    "value_and_grad": lambda f, args: value_and_grad(scalar(f), all_of(args))(*args),
    "aux": lambda f, args: value_and_grad(
        lambda *a: (np.sum(r := f(*a)), {"r": (r, Layer(r, M)), "args": a, "given": args}),
        all_of(args),
        has_aux=True,
    )(*args),
    "a value of one element": lambda f, args: value_and_grad(
        lambda *a: f(*a).reshape(-1)[:1], all_of(args)
    )(*args),
    "elementwise_grad": lambda f, args: elementwise_grad(f, all_of(args))(*args),
    "vjp": lambda f, args: (lambda v, pull: (v, pull(SEED), pull(SEED)))(*vjp(f, *args)),
    "vjp of nests": lambda f, args: (
        lambda v, pull: (v, pull({"n": "note", "l": [SEED, Point(SEED, SEED)]}))
    )(*vjp(lambda *a: {"l": [f(*a), Point(f(*a), a and f(*a))], "n": "note"}, *args)),
    "jvp": lambda f, args: jvp(f, args, args),
    "linearize": lambda f, args: (lambda v, push: (v, push(*args), push(*args)))(
        *linearize(f, *args)
    ),
    "jacobian": lambda f, args: jacobian(f, all_of(args))(*args),
    "hessian": lambda f, args: hessian(scalar(f), all_of(args))(*args),
    "hvp": lambda f, args: hvp(scalar(f), all_of(args))(*args, args),
    "backward": backward_of,
}  # fmt: skip


def arrays_in(tree):
    return [x for x in flatten(tree)[0] if isinstance(x, np.ndarray)]


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_results_belong_to_the_caller_alone(transform):
    for (name, program), form in itertools.product(PROGRAMS.items(), FORMS):
        f, made = FORMS[form](program)
        a, b = M + 0.5, M - 0.5
        args = made(a, b)
        before = [np.array(x) for x in (a, b, M, KEPT, SEED, hidden)]
        results = arrays_in(TRANSFORMS[transform](f, args))
        outside = [a, b, M, KEPT, SEED, hidden, *(np.asarray(x) for x in flatten(args)[0])]
        for i, result in enumerate(results):
            assert result.flags.writeable, (name, form)
            for other in (*outside, *results[i + 1 :]):
                assert not np.shares_memory(result, other), (name, form)
            result += 1.0
        for was, x in zip(before, (a, b, M, KEPT, SEED, hidden), strict=True):
            np.testing.assert_array_equal(was, x)


@pytest.mark.parametrize("program", PROGRAMS)
def test_writes_into_results_do_not_reach_the_tape(program):
    a, b = M + 0.5, M - 0.5
    value, pull = vjp(PROGRAMS[program], a, b)
    other, push = linearize(PROGRAMS[program], a, b)
    first = [np.array(x) for x in (*pull(SEED), push(a, b))]
    for _ in range(2):
        results = [*pull(SEED), push(a, b)]
        for x, expected in zip(results, first, strict=True):
            np.testing.assert_array_equal(x, expected)
        for x in (*results, value, other):
            x *= 100.0


# -- no copy for nothing -------------------------------------------------------------------------

MADE: list[int] = []


def fresh(g):
    made = 3.0 * g
    MADE.append(made.__array_interface__["data"][0])
    return made


tripled = derivative(lambda x: 3.0 * x, name="tripled", x=lambda g: fresh(g))


@pytest.mark.parametrize(
    "of",
    [
        lambda x: grad(lambda x: np.sum(tripled(x)))(x),
        lambda x: value_and_grad(lambda x: np.sum(tripled(x)))(x)[1],
        lambda x: vjp(tripled, x)[1](SEED)[0],
        lambda x: grad(lambda p: np.sum(tripled(p["x"].T)))({"x": x})["x"],
        lambda x: backward_of(tripled, (x,))[0],
    ],
)
def test_what_the_engine_made_is_not_copied(of):
    MADE.clear()
    x = of(M)
    assert x.__array_interface__["data"][0] == MADE[-1]


def test_a_value_is_not_copied_where_the_tape_is_gone():
    where = []

    def f(x):
        y = np.exp(x).reshape(-1)
        where.append(y.data.__array_interface__["data"][0])
        return y

    value, _ = value_and_grad(lambda x: f(x)[:1] * 1.0)(M)
    value, _ = jvp(f, (M,), (M,))
    assert value.__array_interface__["data"][0] == where[-1]
