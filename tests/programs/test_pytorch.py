"""PyTorch's programs with our modules in place of its own: the same losses and gradients."""

import warnings

import numpy as np
import pytest

import autograd_lite.torch as ours
import nn
from tests.peers import peer
from tests.programs.pytorch import PROGRAMS

torch = peer("torch")
pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def in_double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def plain(result):
    return np.asarray(result.detach() if hasattr(result, "detach") else result)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_a_program_gives_the_same(program):
    a = program(ours, nn.functional, nn)
    with warnings.catch_warnings(action="ignore"):
        b = program(torch, torch.nn.functional, torch.nn)
    assert len(a) == len(b)
    for x, y in zip(map(plain, a), map(plain, b), strict=True):
        assert x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-10)
