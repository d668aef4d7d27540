"""Reader: numerical checks of derivatives, and Hypothesis strategies to feed them.

=================  ==========================================================
`gradients`        `check_gradients`: analytic against numerical derivatives
`handwritten`      `check_gradient_function`: the same for gradients written by hand
`layouts`          the ways in which the same numbers can lie in memory
`strategies`       random shapes, arrays and Tensors (needs the extra testing)
=================  ==========================================================

>>> import numpy as np
>>> from autograd_lite.testing import check_gradients
>>> print(check_gradients(lambda x, y: np.sin(x) * y, np.array([0.5, 1.5]), 2.0).verdict.name)
RIGHT
"""

from .adapters import stored, with_cache
from .gradients import check_gradients
from .handwritten import check_gradient_function
from .layouts import LAYOUTS, laid_out
from .strategies import (
    arrays,
    broadcastable_arrays,
    broadcastable_shapes,
    dtypes,
    shapes,
    tensors,
)

__all__ = [
    "LAYOUTS",
    "arrays",
    "broadcastable_arrays",
    "broadcastable_shapes",
    "check_gradient_function",
    "check_gradients",
    "dtypes",
    "laid_out",
    "shapes",
    "stored",
    "tensors",
    "with_cache",
]
