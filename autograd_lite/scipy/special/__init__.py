"""scipy.special: its ufuncs take Tensors, and so do its other functions when called from here.

>>> import numpy as np
>>> from autograd_lite import Tensor
>>> from autograd_lite.scipy import special
>>> x = Tensor([0.0, 1.0], requires_grad=True)
>>> np.sum(special.erf(x)).backward()
>>> x.grad.round(4)
array([1.1284, 0.4151])

SciPy's ufuncs arrive through NumPy's protocol: ``scipy.special.erf(t)`` itself is recorded, and
finds its rule here. Functions that SciPy writes in Python (logsumexp, softmax, polygamma) make
arrays of their arguments, which a Tensor refuses: those below have the same names and arguments.
All other names are SciPy's own, and raise where a Tensor that needs a gradient meets them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as sc  # type: ignore[import-untyped]
from scipy.special import _ufuncs as ufuncs

from ...protocol import TABLE
from . import bessel, exponentials, gammas, hypergeometric, normals  # noqa: F401  (their rules)
from .written import (
    comb,
    factorial,
    log_softmax,
    logsumexp,
    multigammaln,
    perm,
    polygamma,
    softmax,
    spherical_in,
    spherical_jn,
    spherical_kn,
    spherical_yn,
)

__all__ = [
    "comb",
    "factorial",
    "log_softmax",
    "logsumexp",
    "multigammaln",
    "perm",
    "polygamma",
    "softmax",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    # Under SCIPY_ARRAY_API, SciPy wraps some of its ufuncs: here they are themselves.
    return getattr(ufuncs, name, None) or getattr(sc, name)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in dir(sc) if not name.startswith("_"))})


def entry_of(ufunc: np.ufunc) -> Any:
    """Return the rules of one of SciPy's ufuncs, or None; the engine asks when it meets one."""
    return TABLE.get(ufunc)
