"""Which number is wrong: a failure that was seen in a sum is followed to one derivative.

Sums of results and random directions show that something is wrong, with numbers that nobody
can check by hand. Halving what is summed, again and again, leads to one element of the result
and one of the argument, and to their derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..tensor import Array, constant, to_numpy
from ..transforms import vjp
from .numerical import Move, Slopes, Verdict, judge, slopes
from .programs import CheckedProgram, Function, derivative_of, on_arrays, split

REASONS = {
    "noise": "rounding in the function hides its slope",
    "jump": "the slope grows without bound as the step shrinks: a jump or a vertical tangent",
    "overflow": "the function is not finite near by",
    "kink": "there is a kink",
    "flat": "not a digit of the result changes, or it is infinite",
}


class Derivative(NamedTuple):
    """A derivative beside its reference, and of what by what it is."""

    given: float
    value: float
    error: float
    left: float
    right: float
    doubt: str
    move: Move
    of: Sequence[Array]  # the weights of the results, then those of the derivatives below

    @property
    def numbers(self) -> str:
        """Both numbers, and how well the second is known where that is not well."""
        if self.doubt == "kink":
            return (
                f"analytic {self.given:.9g} is not between the one-sided slopes of this kink, left "
                f"slope {self.left:.9g}, right slope {self.right:.9g}"
            )
        sure = f" ± {self.error:.1g}" if self.error > 1e-6 * abs(self.value) else ""
        return f"analytic {self.given:.9g}, numerical {self.value:.9g}{sure}"


def derivative_at(
    given: Array, found: Slopes, k: int, j: int, move: Move, of: Sequence[Array]
) -> Derivative:
    """Take one derivative out of a table of them."""
    value, error, left, right = (
        float(x[k, j]) for x in (found.value, found.error, found.left, found.right)
    )
    doubt = str(found.doubt[k, j])
    return Derivative(float(given[k, j]), value, error, left, right, doubt, move, of)


def pinpoint(
    program: CheckedProgram,
    at: Sequence[Array],
    point: Sequence[Array],
    shapes: Sequence[Sequence[Array]],
    suspect: Derivative,
    tolerances: dict[str, Any],
) -> Derivative:
    """Follow a wrong derivative to one element of the results and one of the argument.

    Parameters
    ----------
    program
        The function.
    at, point
        Where the analytic derivatives are taken, and the numerical ones: the same numbers.
    shapes
        For each order up to that of the derivative, arrays like its results.
    suspect
        What is wrong.
    tolerances
        For `judge`.

    Returns
    -------
    Derivative
        The one, or `suspect` itself where no single one is seen to be wrong.
    """

    def look(of: Sequence[Array], move: Move, closely: bool = False) -> tuple[Array, Slopes]:
        function: Function = program
        for weights, like in zip(of[:-1], shapes, strict=False):
            function = derivative_of(function, split(weights, like), len(at))
        _, pullback = vjp(function, *map(constant, at))
        gradient = to_numpy(pullback(split(of[-1], shapes[-1]))[move.argument])
        moved = np.where(move.direction == 0.0, 0.0, gradient) * move.direction
        given = np.array([[float(np.sum(moved))]])
        sums: Array | None = of[-1][None] if of[-1].size > 1 else None
        found = slopes(
            on_arrays(function),
            point,
            [move],
            weights=sums,
            given=given if closely else None,
            **tolerances,
        )
        return given, found

    def off(of: Sequence[Array], move: Move) -> float:
        given, found = look(of, move)
        return float(given[0, 0] - found.value[0, 0])

    of: list[Array] = [np.array(w) for w in suspect.of]
    move = suspect.move
    whole = suspect.given - suspect.value
    for level in reversed(range(len(of))):
        while np.count_nonzero(of[level]) > 1:
            half = _halved(of[level])
            part = off([*of[:level], half, *of[level + 1 :]], move)
            first = not abs(part) < abs(whole - part)  # NaN stays with what made it
            of[level], whole = (half, part) if first else (of[level] - half, whole - part)
        whole /= float(np.sum(of[level]))
        of[level] = np.sign(np.abs(of[level]))
    while np.count_nonzero(move.direction) > 1:
        half_move = Move(move.argument, _halved(move.direction))
        part = off(of, half_move)
        if not abs(part) < abs(whole - part):
            move, whole = half_move, part
        else:
            move, whole = Move(move.argument, move.direction - half_move.direction), whole - part
    index = tuple(int(axis[0]) for axis in np.nonzero(move.direction))
    move = Move(move.argument, np.sign(np.abs(move.direction)), index)
    given, found = look(of, move, closely=True)
    if judge(given, found, **tolerances)[0, 0] != Verdict.WRONG:
        return suspect
    return derivative_at(given, found, 0, 0, move, of)


def _halved(weights: Array) -> Array:
    """Return an array with half of those elements that are not 0."""
    half = np.zeros_like(weights)
    places = np.flatnonzero(weights)
    some = places[: len(places) // 2]
    half.flat[some] = weights.flat[some]
    return half


# -- in words ------------------------------------------------------------------------------


def element(names: Sequence[str], like: Sequence[Array], flat: int) -> str:
    """Name one number of several arrays.

    >>> element(["result[0]", "result[1]"], [np.ones(()), np.ones((2, 2))], 3)
    'result[1] at [1, 0]'
    """
    for name, x in zip(names, like, strict=True):
        if flat < x.size:
            return name + index_text(tuple(int(i) for i in np.unravel_index(flat, x.shape)))
        flat -= x.size
    return ""


def index_text(index: tuple[int, ...] | None) -> str:
    """Write an index into an array; nothing, where the array has but one number."""
    return f" at [{', '.join(map(str, index))}]" if index else ""


def described(program: CheckedProgram, shapes: Sequence[Sequence[Array]], found: Derivative) -> str:
    """Say of which results a derivative is, and what has been differentiated by before."""
    said = []
    for level, (weights, like) in enumerate(zip(found.of, shapes, strict=True)):
        if sum(x.size for x in like) == 1:
            continue
        names = program.result_names() if level == 0 else program.names
        what = "a sum of all, with random weights"
        if np.count_nonzero(weights) == 1:
            what = element(names, like, int(np.flatnonzero(weights)[0]))
        if level == 0:
            said.append(f", in {what}" if what.startswith("result") else f", in the result: {what}")
        else:
            said.append(f", then by {what}" if level > 1 else f", of the derivative by {what}")
    return "".join(said)
