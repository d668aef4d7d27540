"""Programs that are written with autograd.scipy run with autograd_lite.scipy in its place."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

import autograd_lite
from tests.peers import peer
from tests.programs.test_numpys import hold

programs = peer("tests.programs.scipys")  # which needs SciPy
NAMES = ("grad", "value_and_grad", "hessian")
PARTS = ("special", "stats", "linalg", "signal", "integrate")


def of(module, **more):
    return SimpleNamespace(**{name: getattr(module, name) for name in NAMES}, **more)


def scipy_of(name):
    return SimpleNamespace(
        **{part: importlib.import_module(f"{name}.scipy.{part}") for part in PARTS}
    )


@pytest.mark.parametrize("program", programs.PROGRAMS, ids=lambda p: p.__name__)
def test_a_program(program):
    autograd = peer("autograd")
    ours = program(np, scipy_of("autograd_lite"), of(autograd_lite, joins=False, tuple=tuple))
    theirs = program(
        importlib.import_module("autograd.numpy"),
        scipy_of("autograd"),
        of(autograd, joins=True, tuple=peer("autograd.builtins").tuple),
    )
    for x, y in zip(ours, theirs, strict=True):
        hold(x, y)
    assert all(np.isfinite(getattr(x, "value", x)).all() for x in ours)
