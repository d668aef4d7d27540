"""A function of one example as a function of a batch: `vmap`, in JAX's words.

>>> import numpy as np
>>> from autograd_lite import grad, vmap
>>> def loss(w, x, y):
...     return (np.dot(w, x) - y) ** 2
>>> x, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.0, 1.0])
>>> vmap(grad(loss), in_axes=(None, 0, 0))(np.ones(2), x, y)
array([[ 6., 12.],
       [36., 48.]])

The function runs once, on the first example, and the tape of that run is replayed with an axis
in front of every value that depends on the example. What a primitive does with one more axis is
a *batching rule* (:mod:`autograd_lite.batching.rules`), written in NumPy as a derivative is. So
the batch is one program of NumPy calls, which is on the tape in its turn.
"""

from . import indexing as indexing
from .mapping import vmap as vmap
