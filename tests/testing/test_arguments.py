"""Arguments of all forms become arrays with names, and become arguments again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from autograd_lite.errors import IntegerGradientError
from autograd_lite.tensor import constant
from autograd_lite.testing.arguments import Point, describe_function, parameter_names
from autograd_lite.trees import flatten, paths


class Pair(NamedTuple):
    a: Any
    b: Any


@dataclass
class Record:
    w: Any
    label: str = "label"


TREES = [
    (1.0, [""]),
    ({"w": [1.0, 2.0], "b": (3.0, "label", None)}, ["['w'][0]", "['w'][1]", "['b'][0]"]),
    (Pair(1.0, {2: 3.0}), [".a", ".b[2]"]),
    (Record([1.0]), [".w[0]"]),
    ([], []),
]


@pytest.mark.parametrize(("tree", "expected"), TREES)
def test_paths_are_those_of_the_numbers(tree, expected):
    assert paths(tree) == expected
    leaves, rebuild = flatten(tree)
    assert len(leaves) == len(expected)
    assert rebuild(leaves) == tree


def test_names_and_forms():
    def f(tree, *more):
        return tree, more

    point = Point.of(f, (Record({"a": 1.0}), [2.0], Tensor([3.0])))
    assert point.names == ["tree.w['a']", "more[0][0]", "more[1]"]
    assert not any(x.flags.writeable for x in point.arrays)
    assert point.call(f, [4.0, 5.0, 6.0]) == (Record({"a": 4.0}), ([5.0], 6.0))


def test_a_module_is_called_with_other_parameters():
    tied = nn.Linear(2, 2, rng=0)
    model = nn.Sequential(tied, nn.Tanh(), tied)
    held = tied.weight
    x = np.array([[0.5, -0.5]])
    for f, inputs, names in [
        (model, (x,), ["0.weight", "0.bias", "input"]),
        (lambda m, t: m(t), (model, x), ["m.0.weight", "m.0.bias", "t"]),
    ]:
        point = Point.of(f, inputs)
        assert point.names[:2] == names[:2]
        result = point.call(f, [constant(a * 2.0) for a in point.arrays])
        w, b = 2.0 * tied.weight.data, 2.0 * tied.bias.data
        np.testing.assert_allclose(result.data, np.tanh(2.0 * x @ w.T + b) @ w.T + b)
        assert tied.weight is held
        with pytest.raises(ZeroDivisionError):
            Point.of(f, inputs).call(lambda *_: 1 // 0, point.arrays)
        assert tied.weight is held


@pytest.mark.parametrize("x", [3, np.arange(3), True, "text", None, {"n": 3}])
def test_only_floats(x):
    with pytest.raises(IntegerGradientError, match="Input 1, for b"):
        Point.of(lambda a, b: a, (1.0, x))


def test_names_of_functions():
    assert describe_function(np.sin) == "'sin'"
    line = test_names_of_functions.__code__.co_firstlineno + 3
    assert describe_function(lambda x: x) == f"the lambda in test_arguments.py:{line}"
    assert describe_function(nn.Linear(1, 1, rng=0)) == "'Linear'"
    assert parameter_names(np.linalg.inv, 1) == ["a"]
    assert parameter_names(max, 1) == ["argument 0"]
