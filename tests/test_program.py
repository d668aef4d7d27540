"""The program form of a tape: run again it gives what it gave, backward what `backward()` gives."""

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from autograd_lite.codegen.program import read as program_of
from autograd_lite.program import by_the_rules, evaluate, reverse
from autograd_lite.visualize.graph import read as graph_of
from tests.lesson.living_programs import PROGRAMS

MORE = {
    "complex": lambda x: np.sum(np.abs(np.exp(x * (1.0 + 2.0j))) ** 2),
    "several outputs, of which one is used": lambda x: np.sum(np.linalg.eigh(np.outer(x, x))[0]),
    "several outputs": lambda x: np.sum(np.prod(np.stack(np.split(np.sin(x), 3)), axis=0)),
    "twice": lambda x: np.sum(x * x + x),
    "half precision": lambda x: np.sum(x.astype(np.float16) * np.float16(0.1)),
    "broadcast": lambda x: np.sum(x[:, None] * np.ones((4, 3, 2)) * x[0]),
}


def loss_and_inputs(name):
    if name in PROGRAMS:
        loss = PROGRAMS[name]()
        return loss, [v.tensor for v in graph_of(loss).values if v.kind == "input"]
    x = Tensor([0.5, -1.5, 2.0], requires_grad=True, name="x")
    return MORE[name](x), [x]


@pytest.mark.parametrize("name", [*PROGRAMS, *MORE])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_forward_and_backward_are_what_they_were(name):
    loss, inputs = loss_and_inputs(name)
    program, graph = program_of([loss], inputs), graph_of(loss)
    known = evaluate(graph.operations, {})
    again = [known[graph.roots[0]], *program.evaluate([t.data for t in inputs])]
    one = np.ones_like(loss.data)
    values = {v.tensor: v for v in graph.values}
    swept = reverse(graph.operations, {graph.roots[0]: one})
    found = program.reverse([one])
    loss.backward()
    assert all(np.array_equal(x, loss.data) for x in again)
    for t, v in zip(inputs, program.inputs, strict=True):
        for g in (swept[values[t]], found[v]):
            np.testing.assert_allclose(np.conjugate(g), t.grad, rtol=1e-12, atol=1e-14)
            assert np.asarray(g).dtype == t.dtype


def test_whatever_stands_for_a_number_is_handed_on():
    x, y = Tensor(2.0, requires_grad=True, name="x"), Tensor(3.0, requires_grad=True, name="y")
    graph = graph_of(np.sin(x * y) + x)
    names = {v: v.name for v in graph.values if v.kind == "input"}
    texts = evaluate(graph.operations, names, lambda o, given: [f"{o.name}({', '.join(given)})"])
    assert texts[graph.roots[0]] == "add(sin(multiply(x, y)), x)"


def test_a_step_is_visited_when_the_gradients_of_its_results_are_complete():
    x = Tensor(2.0, requires_grad=True, name="x")
    graph = graph_of(x * x * x + np.exp(x * x))
    seen = {}

    def visit(step, upstream):
        seen[step] = upstream
        yield from by_the_rules(step, upstream)

    gradients = reverse(graph.operations, {graph.roots[0]: np.float64(1.0)}, visit)
    assert [*seen] == graph.operations[::-1]
    for step, upstream in seen.items():
        assert upstream == [gradients[v] for v in step.results]
    (of_x,) = (gradients[v] for v in graph.values if v.name == "x")
    assert of_x == pytest.approx(3 * 4 + 4 * np.exp(4))


def test_what_was_drawn_stays():
    x = Tensor(np.ones(50), requires_grad=True, name="x")
    loss = np.sum(nn.Dropout(0.5, rng=0)(x) ** 2)
    graph = graph_of(loss)
    (value,) = (v for v in graph.values if v.tensor is x)
    found = reverse(graph.operations, {graph.roots[0]: np.float64(1.0)})[value]
    assert x.grad is None
    loss.backward()
    np.testing.assert_array_equal(found, x.grad)


def test_other_numbers_may_stand_in_the_place_of_an_operand():
    x = Tensor(2.0, requires_grad=True, name="x")
    (step,) = graph_of(np.exp(x)).operations
    assert step.vjp([np.float64(3.0)]) == [pytest.approx(3.0 * np.exp(2.0))]
    assert step.vjp([np.float64(3.0)], [np.float64(0.0)]) == [3.0]
