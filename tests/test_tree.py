"""Nests as vectors and back, and in the words of jax.tree."""

from __future__ import annotations

import re
from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nn
from autograd_lite import Tensor, flatten, grad, hessian, jacobian, jvp, no_grad, tree
from autograd_lite.errors import TreeError

Pair = namedtuple("Pair", "first second")


@dataclass
class Line:
    slope: Any
    shift: Any
    kind: str = "line"


numbers = st.one_of(
    st.floats(-10, 10),
    st.integers(-1000, 1000),
    hnp.arrays(
        st.sampled_from(["f8", "f4", "f2", "i8", "u1", "c16", "?"]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    ),
    hnp.arrays("f8", (2,), elements=st.floats(-3, 3)).map(Tensor),
)
others = st.sampled_from([None, "note", True, np.sin])
nests = st.recursive(
    numbers | others,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.tuples(inner, inner).map(lambda both: Pair(*both)),
        st.tuples(inner, inner).map(lambda both: Line(*both)),
    ),
    max_leaves=8,
)


def expected(nest):
    """Walk a nest by hand: its leaves as arrays, in order."""
    if isinstance(nest, (Tensor, np.ndarray)) or type(nest) in (int, float):
        return [nest.numpy() if isinstance(nest, Tensor) else np.asarray(nest)]
    if isinstance(nest, dict):
        nest = list(nest.values())
    elif isinstance(nest, Line):
        nest = [nest.slope, nest.shift]
    return [x for part in nest for x in expected(part)] if isinstance(nest, (list, tuple)) else []


def equal(a, b):
    """Whether two nests are the same in every kind, key, dtype, shape and number."""
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return equal(*(x.numpy() if isinstance(x, Tensor) else x for x in (a, b)))
    if isinstance(a, (np.ndarray, np.generic)) or type(a) in (int, float):
        a, b = np.asarray(a), np.asarray(b)
        nan = a.dtype.kind in "fc"
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=nan)
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    return equal(vars(a), vars(b)) if isinstance(a, Line) else a is b or a == b


@settings(max_examples=60)
@given(nests)
def test_there_and_back(nest):
    leaves = expected(nest)
    vector, rebuild = flatten(nest)
    assert vector.ndim == 1
    assert vector.dtype == (np.result_type(*leaves) if leaves else np.float64)
    whole = np.concatenate([x.ravel() for x in leaves]) if leaves else np.zeros(0)
    assert equal(np.asarray(vector.tolist(), vector.dtype), whole.astype(vector.dtype))
    assert equal(rebuild(vector), nest)
    assert equal([np.asarray(bare(x)) for x in tree.leaves(nest)], leaves)
    assert equal(tree.structure(nest).unflatten(tree.leaves(nest)), nest)
    assert equal(tree.map(lambda x, y: y, nest, nest), nest)
    assert tree.structure(nest) == tree.structure(tree.map(lambda x: 0.0, nest))
    assert len(tree.paths(nest)) == tree.structure(nest).count == len(leaves)
    with pytest.raises(TreeError, match=re.escape(f"{vector.size} numbers")):
        rebuild(np.zeros(vector.size + 1))


def bare(x):
    return x.numpy() if isinstance(x, Tensor) else x


def test_what_is_rebuilt_belongs_to_the_caller():
    vector, rebuild = flatten([np.ones(2)])
    rebuild(vector)[0][:] = 5.0
    assert vector.tolist() == [1.0, 1.0]


PARAMS = {"w": np.array([[0.3, -0.2], [0.5, 0.1]]), "rest": (0.7, Line(np.ones(2), [0.2]))}


def loss(params):
    slope = params["rest"][1].slope
    return (
        np.sum(np.tanh(params["w"] @ slope) ** 2) * params["rest"][0] + params["rest"][1].shift[0]
    )


def test_derivatives_go_through_both_ways():
    vector, rebuild = flatten(PARAMS)
    by_vector = grad(lambda v: loss(rebuild(v)))
    assert np.allclose(by_vector(vector), flatten(grad(loss)(PARAMS))[0])
    # Of flatten itself: the Jacobian of all numbers by all numbers is one.
    both = jacobian(lambda v: flatten(rebuild(v))[0])(vector)
    assert np.array_equal(both, np.eye(vector.size))
    assert np.allclose(hessian(lambda v: loss(rebuild(v)))(vector), jacobian(by_vector)(vector))
    _, along = jvp(lambda v: loss(rebuild(v)), (vector,), (np.ones_like(vector),))
    assert np.isclose(along, np.sum(by_vector(vector)))
    t = Tensor([1.0, 2.0], requires_grad=True)
    (flatten({"t": t, "u": 3.0})[0] * [1.0, 10.0, 5.0]).sum().backward()
    assert t.grad.tolist() == [1.0, 10.0]


def test_dtypes():
    nest = [np.float32(1.5), np.array([1, 2]), np.array([True]), 1j]
    vector, rebuild = flatten(nest)
    assert vector.dtype == np.complex128
    back = rebuild(vector + 0.2)
    assert [np.asarray(x).dtype for x in back] == [np.float32, np.int64, np.bool_, np.complex128]
    assert back[1].tolist() == [1, 2]  # whole numbers are rounded
    with pytest.raises(TreeError, match="real numbers, and the vector is complex"):
        flatten([1.0])[1](np.array([1j]))


def test_against_jax():
    ravel = pytest.importorskip("jax.flatten_util").ravel_pytree
    nest = {
        "a": np.arange(6.0, dtype=np.float32).reshape(2, 3),
        "b": [np.float32(7.0), (np.ones(2, "f4"),)],
    }
    assert np.array_equal(flatten(nest)[0], ravel(nest)[0])
    import jax

    assert np.array_equal(tree.leaves(nest)[0], jax.tree.leaves(nest)[0])
    ours, theirs = (lib.map(lambda x, y: x - y, nest, nest) for lib in (tree, jax.tree))
    assert np.array_equal(flatten(ours)[0], flatten(jax.tree.map(np.asarray, theirs))[0])


# -- modules -----------------------------------------------------------------------------------


def models():
    shared = nn.Linear(3, 3, rng=0)
    return {
        "mlp": (nn.MLP([3, 4, 2], rng=0), (5, 3)),
        "shared": (nn.Sequential(shared, nn.Tanh(), shared), (5, 3)),
        "normed": (nn.Sequential(nn.Linear(3, 3, rng=0), nn.BatchNorm1d(3)), (5, 3)),
        "lstm": (nn.LSTM(3, 4, rng=0), (5, 2, 3)),
        "attention": (nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, rng=0), (2, 3, 4)),
        "listed": (Listed(), (5, 3)),
    }


class Listed(nn.Module):
    def __init__(self):
        self.weights = nn.ParameterList([np.full((3, 3), 0.1), np.eye(3)])

    def forward(self, x):
        for w in self.weights:
            x = np.tanh(x @ w)
        return x


@pytest.mark.parametrize("name", models())
def test_a_module_is_a_nest_of_its_parameters(name):
    model, shape = models()[name]
    x = np.random.default_rng(0).normal(size=shape)
    vector, rebuild = flatten(model)
    assert np.array_equal(vector.numpy(), nn.utils.parameters_to_vector(model.parameters()).numpy())
    before = model.state_dict()

    def value(m):
        out = m(x)
        return np.sum(np.sin(out[0] if isinstance(out, tuple) else out))

    value(model).backward()
    found = grad(lambda v: value(rebuild(v)))(vector.numpy())
    assert np.allclose(found, np.concatenate([p.grad.ravel() for p in model.parameters()]))
    other = rebuild(vector.numpy() + 1.0)
    assert all(isinstance(p, nn.Parameter) for p in other.parameters())
    assert [n for n, _ in other.named_parameters()] == [n for n, _ in model.named_parameters()]
    nn.utils.vector_to_parameters(vector.numpy() + 1.0, model.parameters())
    assert np.allclose(value(other).item(), value(model).item())
    if name != "normed":  # its running means go on
        model.load_state_dict(before)


def test_map_over_modules_is_a_step_of_training():
    model = nn.MLP([2, 3, 1], rng=0)
    step = tree.map(lambda p: p.numpy() * 0.5, {"net": model, "lr": Tensor(0.1)})
    assert np.allclose(step["net"].linear1.weight.data, 0.5 * model.linear1.weight.data)
    assert step["net"].linear1.weight.requires_grad
    assert step["lr"] == 0.05
    with no_grad():
        assert len(tree.leaves(model)) == 4


# -- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tree.map(np.add, [1.0, 2.0], [1.0]), "a list of 2, and another has a list of 1"),
        (lambda: tree.map(np.add, {"a": [1.0]}, {"a": 1.0}), r"at \['a'\]"),
        (lambda: tree.map(np.add, {"a": 1.0}, {"b": 1.0}), "a dict of 'a'.*a dict of 'b'"),
        (lambda: tree.unflatten(tree.structure([1.0]), []), "has 1 leaves, and got 0"),
        (lambda: flatten([1.0])[1]([[1.0]]), r"1 numbers, and the vector has shape \(1, 1\)"),
    ],
)
def test_errors(call, words):
    with pytest.raises(TreeError, match=words):
        call()


def test_other_names_of_jax():
    for name in ("flatten", "reduce", "all"):
        with pytest.raises(AttributeError, match=r"write .*coming_from\.md"):
            getattr(tree, name)
    assert not hasattr(tree, "nothing")
    assert tree.structure([np.zeros(2), "a"]) != tree.structure([np.zeros(2), "b"])
    assert tree.structure([1.0]) != tree.structure((1.0,))
