"""What happens to the result when an input is bumped a little: the gradient, by hand.

The recorded operations are run again on other numbers, in double precision.

>>> from autograd_lite import Tensor
>>> from autograd_lite.visualize.graph import read
>>> x = Tensor(3.0, requires_grad=True, name="x")
>>> graph = read(x * x)
>>> replay = Replay(graph, seed=1.0)
>>> replay(graph.values[0], np.float64(3.5))
12.25
>>> numbers = finite_differences(replay, graph.values[0])
>>> round(float(numbers[0]), 6)
6.0
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..program import evaluate
from ..visualize.birth import is_finite
from ..visualize.graph import Graph, GraphValue
from ..visualize.text import number as short
from .slots import finite

EPSILONS = (-1.0, -0.1, -0.01, 0.01, 0.1, 1.0)
MOST = 64  # elements of an input that are bumped
EACH = len(EPSILONS) + 2  # how often the program is run again for one of them


class Replay:
    """A graph as a function: call it with an input and another value for it.

    Parameters
    ----------
    graph
        With one root.
    seed
        What the elements of the root are weighted with, so that one number comes out.
    """

    def __init__(self, graph: Graph, seed: Any) -> None:
        self.graph = graph
        self.seed = np.asarray(seed)

    def __call__(self, changed: GraphValue | None = None, data: Any = None) -> float:
        """Return the root, with one input changed."""
        (root,) = self.graph.roots
        known = {v: _wide(v.data) for v in self.graph.values if v.maker is None}
        if changed is not None:
            known[changed] = _wide(data)
        with np.errstate(all="ignore"):
            evaluate(self.graph.operations, known)
            return float(np.sum(known[root] * self.seed))

    def agrees(self) -> bool:
        """Whether the same number comes out again: not where an operation is random."""
        (root,) = self.graph.roots
        recorded = float(np.sum(np.asarray(root.data) * self.seed))
        return bool(np.isclose(self(), recorded, rtol=1e-4, equal_nan=True))


def _wide(data: Any) -> Any:
    """Return a value in double precision; Python's own numbers as they are."""
    if isinstance(data, (bool, int, float)):
        return data
    array = np.asarray(data)
    return array.astype(np.float64)[()] if array.dtype.kind == "f" else array[()]


def places(value: GraphValue, most: int = MOST) -> list[tuple[int, ...]]:
    """Return the first elements of an input, as many as are bumped."""
    return list(itertools.islice(np.ndindex(np.shape(value.data)), most))


def bumped(value: GraphValue, place: tuple[int, ...], by: float) -> Any:
    """Return an input's value with one element changed."""
    array = np.array(value.data, dtype=np.float64)
    array[place] += by
    return array[()]


def finite_differences(replay: Replay, value: GraphValue, most: int = MOST) -> Any:
    """Return central differences for the elements in `places`, as a flat array.

    The step is the cube root of the precision, which balances what is cut off from the
    series against what is lost by rounding.
    """
    slopes = []
    for place in places(value, most):
        h = 6e-6 * max(1.0, abs(float(np.asarray(value.data)[place])))
        up, down = (replay(value, bumped(value, place, step)) for step in (h, -h))
        slopes.append((up - down) / (2 * h))
    return np.array(slopes)


def effects(replay: Replay, value: GraphValue, most: int = MOST) -> list[list[float]]:
    """Return the result for each of `EPSILONS`, for each element in `places`."""
    return [[replay(value, bumped(value, p, e)) for e in EPSILONS] for p in places(value, most)]


def compared(replay: Replay, value: GraphValue, gradient: Any, most: int = MOST) -> dict[str, Any]:
    """Return what a page says of a gradient beside finite differences, and shows of bumps.

    That is a ``badge``, whether all is ``ok``, and where they can be compared, for each element
    that is bumped, the ``gradient``, the ``numeric`` one and the ``effects``.
    """
    if not is_finite(gradient) or not is_finite(value.data):
        what = "gradient" if is_finite(value.data) else "value"
        badge = f"✗ the {what} is not finite: there is nothing to compare"
        return {"badge": badge, "ok": False}
    if not replay.agrees():
        return {"badge": "not the same when run again: it cannot be checked", "ok": False}
    slopes, bumped_places = finite_differences(replay, value, most), places(value, most)
    here = np.array([np.asarray(gradient)[p] for p in bumped_places], dtype=np.float64)
    error, size = np.abs(here - slopes), np.maximum(np.abs(here), np.abs(slopes))
    precision = 1e-3 if np.asarray(value.data).dtype == np.float32 else 1e-5
    ok = bool(np.all(error <= precision * size + 1e-7))
    part = f", first {len(here)} elements" if np.size(value.data) > len(here) else ""
    return {
        "ok": ok,
        "badge": f"{'✓ agrees with' if ok else '✗ differs from'} finite differences "
        f"(largest difference {short(error.max())}{part})",
        "at": finite(replay()),
        "places": [list(p) for p in bumped_places],
        "gradient": [finite(x) for x in here],
        "numeric": [finite(x) for x in slopes],
        "effects": [[finite(x) for x in row] for row in effects(replay, value, most)],
    }
