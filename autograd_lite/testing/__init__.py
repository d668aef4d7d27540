"""Reader: numerical checks of derivatives, and Hypothesis strategies to feed them.

=================  ==========================================================
`gradients`        `check_gradients`: analytic against numerical derivatives
`handwritten`      `check_gradient_function`: the same for gradients written by hand
`layouts`          the ways in which the same numbers can lie in memory
`strategies`       random shapes, arrays and Tensors (needs the extra testing)
`structured`       matrices, indices, masks, probabilities, magnitudes (likewise)
`properties`       `gradient_test`: a property test in one line (likewise)
`plugin`           a pytest fixture, for ``pytest_plugins`` in a conftest.py
=================  ==========================================================

>>> import numpy as np
>>> from autograd_lite.testing import check_gradients
>>> print(check_gradients(lambda x, y: np.sin(x) * y, np.array([0.5, 1.5]), 2.0).verdict.name)
RIGHT
"""

from .adapters import stored, with_cache
from .gradients import check_gradients
from .handwritten import check_gradient_function
from .layouts import LAYOUTS as LAYOUTS
from .layouts import laid_out
from .properties import gradient_test
from .strategies import (
    arrays,
    broadcastable_arrays,
    broadcastable_shapes,
    dtypes,
    joint_arrays,
    joint_shapes,
    shapes,
    tensors,
)
from .structured import (
    companions,
    indices,
    integer_dtypes,
    magnitudes,
    masks,
    orthogonal,
    permutations,
    positive_definite,
    simplex,
    symmetric,
    triangular,
)

__all__ = [
    "arrays",
    "broadcastable_arrays",
    "broadcastable_shapes",
    "check_gradient_function",
    "check_gradients",
    "companions",
    "dtypes",
    "gradient_test",
    "indices",
    "integer_dtypes",
    "joint_arrays",
    "joint_shapes",
    "laid_out",
    "magnitudes",
    "masks",
    "orthogonal",
    "permutations",
    "positive_definite",
    "shapes",
    "simplex",
    "stored",
    "symmetric",
    "tensors",
    "triangular",
    "with_cache",
]
