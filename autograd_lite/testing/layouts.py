"""The ways in which the same numbers can lie in memory."""

from __future__ import annotations

import numpy as np

from ..tensor import Array

LAYOUTS = ("C", "F", "reversed", "strided", "broadcast")
"""The names that `laid_out` knows."""


def laid_out(array: Array, layout: str) -> Array:
    """Return an array of the same shape and dtype in another layout.

    Parameters
    ----------
    array
        Any array.
    layout
        ``"C"`` (rows together), ``"F"`` (columns together), ``"reversed"``
        (negative strides), ``"strided"`` (with gaps), ``"broadcast"``: a
        read-only view in which the first axis of more than one element repeats
        its first entry. All but the last keep the values.

    Raises
    ------
    ValueError
        If there is no such layout.

    Examples
    --------
    >>> import numpy as np
    >>> a = np.arange(6.0).reshape(2, 3)
    >>> laid_out(a, "reversed").strides
    (-24, -8)
    >>> laid_out(a, "broadcast")
    array([[0., 1., 2.],
           [0., 1., 2.]])
    """
    if layout == "C":
        return np.array(array, order="C")
    if layout == "F":
        return np.array(array, order="F")
    if layout == "reversed":
        back = (slice(None, None, -1),) * array.ndim
        return array[back].copy()[back] if array.ndim else array.copy()
    if layout == "strided":
        wide = np.zeros([2 * n for n in array.shape], dtype=array.dtype)
        view = wide[(slice(None, None, 2),) * array.ndim] if array.ndim else wide
        view[...] = array
        return view
    if layout == "broadcast":
        axis = next((i for i, n in enumerate(array.shape) if n > 1), None)
        first = array if axis is None else array[(slice(None),) * axis + (slice(0, 1),)]
        return np.broadcast_to(first.copy(), array.shape)
    raise ValueError(f"There is no layout '{layout}': use one of {', '.join(LAYOUTS)}.")
