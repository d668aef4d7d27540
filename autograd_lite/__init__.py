"""Reverse-mode differentiation on NumPy.

>>> from autograd_lite import Tensor, grad
>>> x = Tensor(3.0, requires_grad=True)
>>> (x * x).backward()
>>> x.grad
array(6.)
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .tensor import Tensor  # isort: skip
from . import calculus, methods  # noqa: F401  (they fill the table and the operators)
from .checkpointing import checkpoint
from .composite import composite
from .operation import Operation
from .primitive import derivative
from .tape import everything, no_grad, strict, trace
from .transforms import (
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    value_and_grad,
    vjp,
)

if TYPE_CHECKING:
    from .codegen import compile as compile
    from .codegen import scan as scan
    from .codegen import source as source
    from .lesson import explain
    from .nonfinite import anomaly, first_bad
    from .visualize import draw
    from .visualize.notebook import mimebundle as mimebundle

__version__ = "0.1.0"

__all__ = [
    "Operation",
    "Tensor",
    "anomaly",
    "checkpoint",
    "compile",
    "composite",
    "derivative",
    "draw",
    "elementwise_grad",
    "everything",
    "explain",
    "first_bad",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "linearize",
    "no_grad",
    "scan",
    "source",
    "strict",
    "trace",
    "value_and_grad",
    "vjp",
]


def __getattr__(name: str) -> Any:
    # Readers are imported when first used, so that `import autograd_lite` stays light (PEP 562).
    if name == "draw":
        from .visualize import draw

        return draw
    if name == "explain":
        from .lesson import explain

        return explain
    if name in ("anomaly", "first_bad"):
        from . import nonfinite

        return getattr(nonfinite, name)
    if name in ("compile", "scan", "source"):
        from . import codegen

        return getattr(codegen, name)
    if name == "mimebundle":  # for notebooks
        from .visualize.notebook import mimebundle

        return mimebundle
    if name.startswith("__"):  # which many look for
        raise AttributeError(f"module 'autograd_lite' has no attribute {name!r}")
    from .elsewhere import error

    raise error(name, sys._getframe(1))


def __dir__() -> list[str]:
    return sorted(__all__)
