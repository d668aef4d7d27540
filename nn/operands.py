"""What a layer or a loss is given: as Tensors or arrays, in floats, and checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_lite import Tensor
from autograd_lite.primitive import Primitive


def operand(x: Any) -> Any:
    """Return a Tensor or an array as it is, and anything else as an array."""
    return x if isinstance(x, (Tensor, np.ndarray)) else np.asarray(x)


def in_single(x: Any) -> Any:
    """Return half precision in single, in which sums and squares have room."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def floats(x: Any, dtype: Any = np.float64) -> Any:
    """Return integers and booleans, which wrap and promote, as floats."""
    return x.astype(dtype) if x.dtype.kind in "biu" else x


def check(function: Callable[..., Any], **how: Any) -> Primitive:
    """Return a check as an operation, so that a recorded program makes it in each run."""
    name = function.__name__.removeprefix("_check_")
    made = Primitive(function, how.pop("rules", {}), name=name, **how)
    made.is_closed = made.is_check = True
    return made
