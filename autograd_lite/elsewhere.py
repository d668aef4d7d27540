"""Names of PyTorch, HIPS autograd, JAX and MyGrad, and what to write here instead."""

from __future__ import annotations

import dis
from types import FrameType

INSTEAD = {
    "Variable Value Parameter as_tensor": "Tensor(x, requires_grad=True)",
    "egrad": "elementwise_grad(f)",
    "multigrad multigrad_dict grad_and_aux": "grad(f, argnum=(0, 1)), or has_aux=True",
    "make_vjp": "vjp(f, x), which returns the value and the pullback",
    "make_jvp make_jvp_reversemode": "jvp(f, (x,), (v,))",
    "hessian_vector_product hessian_tensor_product make_hvp make_ggnvp": "hvp(f)(x, v)",
    "defvjp defjvp custom_vjp custom_jvp Function": "derivative(…), or an Operation for "
    "what keeps a state",
    "jit": "compile(f)",
    "pmap": "vmap(f), on the cores that NumPy's functions use",
    "enable_grad no_autodiff inference_mode GradientTape": "with no_grad(): where nothing is to be "
    "recorded",
    "stop_gradient": "t.detach()",
    "ravel_pytree": "flatten(nest), a vector and what rebuilds the nest",
    "tree_map tree_util tree_leaves tree_flatten tree_structure": "tree.map(f, nest), "
    "tree.leaves(nest), tree.structure(nest)",
    "numpy jnp": "import numpy as np, whose functions take Tensors",
    "random": "numpy.random.default_rng(seed)",
    "functional optim Module Linear Adam SGD": "import nn, which stands beside autograd_lite",
}
"""Names, and what to write."""


def error(name: str, asked: FrameType) -> AttributeError | ImportError:
    """Return the error for a name that the package does not have; see `as_asked`."""
    listed = {word: instead for words, instead in INSTEAD.items() for word in words.split()}
    message = f"module 'autograd_lite' has no attribute {name!r}"
    if name not in listed:
        return AttributeError(message, name=name)
    return as_asked(f"{message}: write {listed[name]} (docs/coming_from.md).", name, asked)


def as_asked(message: str, name: str, asked: FrameType) -> AttributeError | ImportError:
    """Return the error for a name that a module does not have.

    Parameters
    ----------
    message, name
        What it says, and of what.
    asked
        The frame that asked. ``from autograd_lite import …`` would pass over an
        AttributeError, and what it says would be lost.
    """
    here = (i.opname for i in dis.get_instructions(asked.f_code) if i.offset == asked.f_lasti)
    kind = ImportError if next(here, "") == "IMPORT_FROM" else AttributeError
    return kind(message, name=name)
