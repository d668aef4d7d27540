"""How much is recorded: nothing, gradients, or everything."""

import numpy as np
import pytest

from autograd_lite import Tensor, everything, no_grad, trace
from autograd_lite.modes import GRADIENT, state


def test_the_default_keeps_what_leads_to_a_gradient():
    x, k = Tensor([1.0, -1.0], requires_grad=True), Tensor([1.0, 2.0])
    assert (x > 0).tape.primitive is None
    assert (k * k).tape.primitive is None
    assert (x * k).tape.primitive.name == "multiply"


def test_everything_keeps_masks_transposes_and_integers():
    """Nothing of a ReLU network may freeze into a constant: every value leads to the data."""
    data = Tensor(np.arange(6.0).reshape(2, 3))
    w = Tensor(np.ones((2, 4)), requires_grad=True)
    with everything():
        hidden = data.T @ w
        mask = hidden > 1.0
        order = np.argsort(hidden, axis=0)
        loss = np.sum(np.where(mask, hidden, 0.0)) + np.sum(hidden[mask]) + np.sum(hidden[order])
    leaves, waiting = [], [loss]
    names = set()
    while waiting:
        t = waiting.pop()
        if t.tape.primitive is None:
            leaves.append(t)
        else:
            names.add(t.tape.primitive.name)
            waiting += [x for x in t.tape.operands if isinstance(x, Tensor)]
            # Apart from the number 1.0 or 0.0, no operand is a bare array.
            assert all(np.ndim(x) == 0 for x in t.tape.operands if not isinstance(x, Tensor))
    assert set(map(id, leaves)) == {id(data), id(w)}
    assert {"transpose", "greater", "argsort", "where", "getitem"} <= names
    assert not mask.requires_grad
    loss.backward()
    assert w.grad is not None


def test_modes_nest_and_are_restored_after_an_error():
    with pytest.raises(ZeroDivisionError), no_grad(), everything():
        raise ZeroDivisionError
    assert state.mode is GRADIENT
    x = Tensor(1.0, requires_grad=True)
    with no_grad():
        assert not (x * x).requires_grad
    assert (x * x).requires_grad


def test_trace_notes_this_line():
    x = Tensor(1.0, requires_grad=True)
    with trace():
        y = np.sum(x * x, axis=None)
    assert y.tape.line.startswith(__file__)
    assert y.tape.line == y.tape.operands[0].tape.line
    assert (x * x).tape.line is None


def test_values_stay_as_they_were():
    w = Tensor(3.0, requires_grad=True)
    y = w * 2.0
    w.data = 4.0
    assert y.tape.values[0] == 3.0
    assert w.data == 4.0
