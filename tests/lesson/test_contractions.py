"""The indices that contractions declare, and what follows from them, against einsum and loops."""

import numpy as np
import pytest

from autograd_lite import Tensor, derivative, explain
from autograd_lite.calculus import convolution
from autograd_lite.lesson.indices import contraction
from autograd_lite.lesson.notation import TEXT
from autograd_lite.lesson.writing import write
from tests.lesson.every_primitive import CALLS, derivation, entries

RNG = np.random.default_rng(2)
DECLARED = [name for name, same in entries().items() if any(p.indices for p in same)]
PROGRAMS = [(name, f, given) for name in DECLARED for f, given in CALLS[name]]


def operations(name, f, given):
    d = derivation(f, given)
    return d, [step for step in d.steps if step.operation.name == name]


@pytest.mark.parametrize(("name", "f", "given"), PROGRAMS)
def test_each_gradient_is_the_sum_that_its_indices_say(name, f, given):
    d, found = operations(name, f, given)
    assert found
    for step in found:
        shapes = [np.shape(v.data) for v in step.operation.operands]
        shape = np.shape(step.result.data)
        declared = contraction(step.operation.primitive, shapes, shape, step.operation.parameters)
        arrays = [v.data for v in step.operation.operands]
        forward = declared.product.evaluate([arrays[i] for i in declared.positions])
        for i, (own, _) in declared.added.items():
            assert own == declared.product.out[1:2] or own == declared.product.out[-1:]
            bias = np.reshape(arrays[i], (-1, 1, 1) if np.ndim(forward) == 4 else (-1,))
            forward = forward + bias
        np.testing.assert_allclose(forward, step.result.data)
        upstream = RNG.normal(size=shape)
        pulled = _gradients(step.operation, upstream)
        for position, expected in enumerate(pulled):
            of = declared.gradient(position)
            factors = [upstream, *(arrays[i] for i in declared.others(position))]
            np.testing.assert_allclose(of.evaluate(factors), expected, atol=1e-12)
            if not of.windowed and "0" not in str(of) and "->" in str(of):
                kept = "".join(
                    c for c in str(of.out and "".join(of.out)) if c in str(of).split("->")[0]
                )
                made = np.einsum(f"{str(of).split('->')[0]}->{kept}", *factors)
                if kept == "".join(of.out):
                    np.testing.assert_allclose(made, expected, atol=1e-12)
            for place in [*np.ndindex(np.shape(expected))][:: max(1, np.size(expected) // 5)]:
                terms = (
                    np.prod([a[p] for a, p in zip(factors, where, strict=True)])
                    for where in of.places(place)
                )
                assert sum(terms) == pytest.approx(np.asarray(expected)[place])
    for edge in d.edges:
        if edge.operation.name == name and np.ndim(edge.result.data):
            assert edge.index is not None
            assert np.shape(edge.product.value) == np.shape(edge.operand.data)


def _gradients(operation, upstream):
    given = [Tensor(np.asarray(v.data), True) for v in operation.operands]
    operation.primitive.apply(*given, **operation.parameters).backward(upstream)
    return [t.grad for t in given]


@pytest.mark.parametrize(
    ("subscripts", "left", "right", "matrices"),
    [
        ("ij,jk->ik", "∂Y/∂Y · Qᵀ", "Pᵀ · ∂Y/∂Y", True),
        ("ji,jk->ik", "Q · (∂Y/∂Y)ᵀ", "P · ∂Y/∂Y", True),
        ("ij,kj->ik", "∂Y/∂Y · Q", "(∂Y/∂Y)ᵀ · P", True),
        ("ji,kj->ik", "Qᵀ · (∂Y/∂Y)ᵀ", "(∂Y/∂Y)ᵀ · Pᵀ", True),
        ("ij,jk->ki", "(∂Y/∂Y)ᵀ · Qᵀ", "Pᵀ · (∂Y/∂Y)ᵀ", True),
        ("ij,ij->i", "∂Y/∂Y[i] · Q[i, j]", "∂Y/∂Y[i] · P[i, j]", False),
    ],
)
def test_order_and_transposition_follow_from_the_letters(subscripts, left, right, matrices):
    sizes = dict(zip("ijk", (2, 3, 4), strict=True))
    first, second = (tuple(sizes[c] for c in word) for word in subscripts.split("->")[0].split(","))
    given = [RNG.normal(size=first), RNG.normal(size=second)]
    d = derivation(lambda p, q: np.einsum(subscripts, p, q), given)
    assert [write(e.product, TEXT) for e in d.edges] == [left, right]
    if matrices:
        for e in d.edges:
            a, b = (_value(f) for f in e.product.arguments)
            np.testing.assert_allclose(a @ b, e.contribution)


def _value(f):
    return _value(f.arguments[0]).T if f.head == "transpose" else f.value


def test_letters_are_none_of_the_programs_names():
    n, o, i = (Tensor(RNG.normal(size=s), True) for s in ((2, 3), (3, 4), (2, 4)))
    text = str(explain(np.sum((n @ o) * i)))
    assert "∂t3/∂n[l, k] = Σⱼ ∂t3/∂t1[l, j] · o[k, j]" in text


def test_a_declaration_that_is_wrong_is_not_believed():
    wrong = derivative(
        lambda x, y: x @ y,
        name="wrong",
        indices="ij,kj->ik",
        x=lambda g, y: g @ y.T,
        y=lambda g, x: x.T @ g,
    )
    x, y = (Tensor(RNG.normal(size=(2, 2)), True, name=name) for name in "xy")
    text = str(explain(np.sum(wrong(x, y))))
    assert "by index" not in text
    assert "∂t2/∂t1 · yᵀ" in text


def test_windows_that_jump_and_reach_over_the_border():
    p, q = RNG.normal(size=(1, 1, 5, 5)), RNG.normal(size=(1, 1, 3, 3))
    geometry = {"stride": (2, 2), "padding": ((1, 1), (1, 1))}
    d = derivation(lambda p, q: convolution.conv2d(p, q, **geometry), [p, q])
    texts = [write(e.index, TEXT) for e in d.edges]
    assert texts[0] == "Σₒᵢⱼ ∂Y/∂Y[n, o, (h + 1 - i)/2, (w + 1 - j)/2] · Q[o, k, i, j]"
    assert texts[1] == "Σₙᵣₛ ∂Y/∂Y[n, o, r, s] · P[n, k, 2·r + i - 1, 2·s + j - 1]"
