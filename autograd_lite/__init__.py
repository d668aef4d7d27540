"""Reverse-mode differentiation on NumPy.

>>> from autograd_lite import Tensor, grad
>>> x = Tensor(3.0, requires_grad=True)
>>> (x * x).backward()
>>> x.grad
array(6.)
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .tensor import Tensor  # isort: skip
from . import calculus, methods  # noqa: F401  (they fill the table and the operators)
from .composite import composite
from .later import HOMES, later
from .modes import everything, no_grad, strict, trace
from .primitive import derivative

if TYPE_CHECKING:
    from . import tree as tree
    from .batching import vmap
    from .checkpointing import checkpoint
    from .codegen import compile as compile
    from .codegen import scan as scan
    from .codegen import source as source
    from .lesson import explain
    from .lesson import play as play
    from .matrices import hessian, jacfwd, jacobian, jacrev
    from .minimizing import for_scipy
    from .nonfinite import anomaly, first_bad
    from .operation import Operation
    from .transforms import (
        elementwise_grad,
        grad,
        hvp,
        jvp,
        linearize,
        value_and_grad,
        vjp,
    )
    from .vectors import flatten
    from .visualize import compare, draw

__version__ = "0.1.0"

__all__ = [
    "Operation",
    "Tensor",
    "anomaly",
    "checkpoint",
    "compare",
    "compile",
    "composite",
    "derivative",
    "draw",
    "elementwise_grad",
    "everything",
    "explain",
    "first_bad",
    "flatten",
    "for_scipy",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "no_grad",
    "play",
    "scan",
    "source",
    "strict",
    "trace",
    "tree",
    "value_and_grad",
    "vjp",
    "vmap",
]


# Imported when first used, so that `import autograd_lite` stays light (PEP 562): the readers,
# what few programs use, and what the engine's modules call of those that are built on them.
HOMES |= {
    "IndexUpdateHelper": ".indexed",
    "Operation": ".operation",
    "advice": ".leaving",
    "anomaly": ".nonfinite",
    "answer": ".ufuncs",
    "checkpoint": ".checkpointing",
    "lower": ".lesson.levels",
    "compare": ".visualize",
    "compile": ".codegen",
    "counterpart": ".scipy",
    "draw": ".visualize",
    "elementwise_grad": ".transforms",
    "entry_of": ".scipy.special",
    "explain": ".lesson",
    "first_bad": ".nonfinite",
    "flatten": ".vectors",
    "for_scipy": ".minimizing",
    "grad": ".transforms",
    "hessian": ".matrices",
    "hvp": ".transforms",
    "jacfwd": ".matrices",
    "jacobian": ".matrices",
    "jacrev": ".matrices",
    "jvp": ".transforms",
    "linearize": ".transforms",
    "mimebundle": ".visualize.notebook",
    "play": ".lesson",
    "reason": ".calculus.coverage",
    "scan": ".codegen",
    "source": ".codegen",
    "stop": ".calculus.shapes",
    "value_and_grad": ".transforms",
    "vjp": ".transforms",
    "vmap": ".batching",
    "watch_gradients": ".nonfinite.watch",
    "watch_result": ".nonfinite.watch",
    "whole_table": ".calculus.rarer",
    "write_by_function": ".ufuncs",
}


def __getattr__(name: str) -> Any:
    if name == "tree":
        return import_module(".tree", __name__)
    if name in __all__:
        found = globals()[name] = later(name)
        return found
    if name.startswith("__"):  # which many look for
        raise AttributeError(f"module 'autograd_lite' has no attribute {name!r}")
    from .elsewhere import error

    raise error(name, sys._getframe(1))


def __dir__() -> list[str]:
    return sorted(__all__)
