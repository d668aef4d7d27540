"""A folded derivation, and a part of one, have the numbers of the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from autograd_lite import Tensor, explain, trace
from autograd_lite.lesson.derivation import derive
from autograd_lite.lesson.parts import limit_size, of_graph
from autograd_lite.visualize.fold import Fold, fold
from autograd_lite.visualize.graph import read
from autograd_lite.visualize.part import piece

TURNS = {
    "sin": lambda y, w: np.sin(y),
    "times": lambda y, w: y * w,
    "twice": lambda y, w: y + y * w,
    "tanh": lambda y, w: np.tanh(y - w),
}


def program(turns, seed):
    """Run a program of loops in which two weights are used again and again."""
    rng = np.random.default_rng(seed)
    x = Tensor(rng.normal(size=2), requires_grad=True, name="x")
    weights = [Tensor(0.9, True, name="w0"), Tensor([0.5, -0.3], True, name="w1")]
    y = x
    for names, times in turns:
        for i in range(times):
            for name in names:
                y = TURNS[name](y, weights[i % 2])
    return np.sum(y * x)


TURN = st.tuples(st.lists(st.sampled_from(sorted(TURNS)), min_size=1, max_size=3),
                 st.integers(1, 12))  # fmt: skip


def holds(part, whole):
    """Check a part of a derivation against the whole."""
    last = {}
    sent = {}
    for edge in part.edges:
        v = edge.operand
        sent[v] = sent.get(v, 0) + 1
        assert edge.arrived <= edge.expected
        if edge.before is not None:
            np.testing.assert_allclose(edge.before + edge.contribution, edge.after)
        assert np.shape(edge.contribution) == np.shape(v.data)
        last[v] = edge
    for v, edge in last.items():
        if edge.ready:
            np.testing.assert_allclose(edge.after, whole.gradients[v], rtol=1e-9, atol=1e-12)
    return last, sent


@settings(max_examples=30, deadline=None)
@given(st.lists(TURN, min_size=1, max_size=4), st.integers(0, 99), st.integers(4, 60))
def test_a_fold_sends_what_is_inside_sends(turns, seed, most):
    whole = derive(read(program(turns, seed)))
    part = of_graph(whole, fold(whole.graph, most))
    last, sent = holds(part, whole)
    for v, edge in last.items():  # nothing is left out, and nothing is counted twice
        assert edge.ready
        assert sent[v] == edge.expected
    assert {v for v in part.graph.values if v in whole.gradients} <= {*last, whole.root}
    assert str(explain_text(part)).count("\n") > 5


def explain_text(derivation):
    from autograd_lite.lesson.words import to_text

    return to_text(derivation)


@settings(max_examples=20, deadline=None)
@given(st.lists(TURN, min_size=1, max_size=3), st.integers(0, 99), st.integers(5, 40))
def test_the_latest_operations(turns, seed, most):
    whole = derive(read(program(turns, seed)))
    part = limit_size(whole, most, folding=False)
    assert len(part.graph.values) + len(part.graph.operations) <= most
    assert part.edges == [] or part.edges[0].result is whole.root
    holds(part, whole)


def test_contributions_from_outside_are_counted():
    x = Tensor(2.0, requires_grad=True, name="x")
    a = x * 3.0
    b = a * a + a
    a.name = "a"
    whole = derive(read(b))
    part = of_graph(whole, piece(whole.graph, "a"))  # what led to a: the first product
    (edge,) = part.edges
    assert edge.operand.name == "x"
    assert float(edge.upstream) == 2 * 6 + 1
    assert str(explain(b, part="a")).count("to begin with") == 1
    assert "∂b/∂a = 13, to begin with" in str(explain(b, part="a"))


def test_a_module_is_one_step_with_the_gradients_of_its_parameters():
    model = nn.MLP([2, 3, 1], "tanh", rng=0)
    with trace():
        loss = np.sum(model(np.ones((4, 2))) ** 2)
    explanation = explain(loss, level="modules")
    d = explanation.derivation
    assert [type(s.operation) is Fold for s in d.steps] == [True, True, True, False, False]
    assert "t1 = linear1: Linear(c1)" in str(explanation)
    # Backward, a module says its own formula: a layer that of its product, a loss its quotient.
    assert "contribution  ∂loss/∂t3 · linear2.weight" in str(explanation)
    with trace():
        bce = nn.BCELoss()(model(np.ones((4, 2))).sigmoid(), np.ones((4, 1)))
    text = str(explain(bce, level="modules"))
    assert "contribution  ∂bce/∂bce · ((t4 - c2) / (t4 ⊙ (1 - t4)) / 4)" in text
    loss.backward()
    text = str(explain(loss, level="modules"))
    for p in model.parameters():
        assert f"∂loss/∂{p.name} ≈ " in text
    assert {v.name for v in d.inputs} == {p.name for p in model.parameters()}


def test_modules_that_are_too_many_are_folded_further():
    model = nn.MLP([2] * 60 + [1], "tanh", rng=0)
    with trace():
        loss = np.sum(model(np.ones((4, 2))) ** 2)
    whole = derive(read(loss))
    layers = of_graph(whole, fold(whole.graph, 10_000, modules=True))
    fits = limit_size(layers, 60)
    assert [s.operation.name for s in fits.steps] == [
        "(Linear, Tanh) × 59", "linear60: Linear", "power", "sum",
    ]  # fmt: skip
    assert [(e.sender, e.operand.name) for e in fits.edges] == [
        ("t121", "t120"), ("t120", "t119"), ("t119", "t118"),
    ]  # fmt: skip
    assert explain(loss, level="modules").to_html()


def test_an_unknown_part():
    x = Tensor(2.0, requires_grad=True, name="x")
    with pytest.raises(ValueError, match="no 'other'"):
        explain(x * x, part="other")
