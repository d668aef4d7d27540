"""Programs that are written with NumPy: beside HIPS autograd, JAX, micrograd, and by formula."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

import autograd_lite
from autograd_lite import Tensor
from tests.peers import peer

numpys = peer("tests.programs.numpys")  # which needs SciPy

OURS = SimpleNamespace(
    **{name: getattr(autograd_lite, name) for name in autograd_lite.__all__ if name != "source"},
    hessian_vector_product=autograd_lite.hvp,
    bare=lambda x: x.detach().numpy() if isinstance(x, Tensor) else x,
)


def hold(ours, theirs):
    loosely = isinstance(ours, numpys.Loosely)
    ours, theirs = (np.asarray(getattr(x, "value", x)) for x in (ours, theirs))
    assert ours.shape == theirs.shape
    tolerance = 1e-4 if loosely else 1e-10
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("program", numpys.HIPS, ids=lambda p: p.__name__)
def test_a_program_of_hips_autograd(program):
    autograd = peer("autograd")
    from autograd.tracer import getval

    theirs = SimpleNamespace(
        **{
            name: getattr(autograd, name)
            for name in (
                *("grad", "value_and_grad", "elementwise_grad", "hessian"),
                "hessian_vector_product",
            )
        },
        bare=getval,
    )
    a, b = program(np, OURS), program(importlib.import_module("autograd.numpy"), theirs)
    for x, y in zip(a, b, strict=True):
        hold(x, y)


@pytest.mark.parametrize("program", numpys.JAX, ids=lambda p: p.__name__)
def test_a_program_of_jax(program):
    jax = peer("jax")

    def compiled(f, **how):
        return jax.jit(jax.value_and_grad(f, **how))

    same = ("grad", "jvp", "vjp", "hessian", "jacobian", "jacfwd", "jacrev", "vmap", "tree")
    names = {name: getattr(jax, name) for name in same}
    flatten = importlib.import_module("jax.flatten_util").ravel_pytree
    is_whole = program in (numpys.forward_over_reverse, *numpys.JAX[3:])
    both = jax.value_and_grad if is_whole else compiled
    theirs = SimpleNamespace(value_and_grad=both, flatten=flatten, **names)
    a = program(np, OURS)
    with jax.enable_x64(True):
        if is_whole:  # one compilation for all that is in there
            b = jax.jit(lambda: program(jax.numpy, theirs))()
        else:
            b = program(jax.numpy, theirs)
        for x, y in zip(a, b, strict=True):
            hold(x, y)


def test_a_program_of_micrograd():
    engine = peer("micrograd.engine")
    ours = numpys.moons_of_scalars(lambda x: Tensor(x, requires_grad=True))
    for x, y in zip(ours, numpys.moons_of_scalars(engine.Value), strict=True):
        hold(x, y)


@pytest.mark.parametrize("program", numpys.HOMEWORK, ids=lambda p: p.__name__)
def test_homework_with_a_formula(program):
    for x, y in program(np, OURS):
        hold(x, y)
