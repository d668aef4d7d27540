"""Random numbers as an operation: where a program is recorded, each run of it draws anew."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..modes import report_read, special, state
from ..primitive import Primitive
from ..randomness import Random, generator
from ..tensor import Tensor


def _uniform(like: Any, generator: np.random.Generator, dtype: Any) -> Any:
    return generator.random(np.shape(like), dtype)


uniform = Primitive(
    _uniform, {}, name="uniform", nondifferentiable="like", parameters="generator dtype"
)
uniform.draws = True


def uniform_like(x: Any, rng: Random, dtype: Any = np.float64) -> Any:
    """Return numbers from 0 up to but not including 1, in the shape of `x`.

    Where everything is recorded this is a step of the program, which needs a generator of
    its own; a seed gives the same numbers each time.

    >>> uniform_like(np.zeros(2), 0)
    array([0.63696169, 0.26978671])
    """
    if special and isinstance(x, Tensor) and state.mode.everything:
        if rng is None:
            report_read(x, "a draw without a generator")
        elif isinstance(rng, np.random.Generator):
            if state.mode.recorder is not None:
                state.mode.recorder.draws_from(rng)
            return uniform.apply(x, generator=generator(rng), dtype=dtype)
    return generator(rng).random(np.shape(x), dtype)
