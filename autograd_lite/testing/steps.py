"""The first line of a hand-written backward pass whose result is no gradient of the program.

A backward pass names its intermediate results: ``dz2``, ``da1``, ``grad_h``. Each of them
should be the gradient of some value of the forward pass, and those are known from the tape.
So the lines are followed one by one, and the first that assigns an array that looks like a
gradient and is none is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..codegen.following import GRADIENT, Assignment, assignments, gradient_of
from ..locations import without_folders
from .diagnosis import Array, same
from .suspects import Tape


@dataclass(frozen=True, eq=False)
class WrongStep:
    """The first line whose result is not the gradient that it should be.

    Attributes
    ----------
    assignment
        The line, and what it made.
    wanted
        The gradient that its name says it is; None where the name says nothing.
    before
        The name of the last right gradient before it, or None.
    """

    assignment: Assignment
    wanted: Array | None
    before: str | None

    def __str__(self) -> str:
        a = self.assignment
        so_far = f"; '{self.before}' before it is right" if self.before else ""
        return (
            f"the first line whose result is not the gradient that it should be is "
            f"{without_folders(a.file)}:{a.line}, '{a.name}'{so_far}"
        )


def first_wrong_step(
    grad_f: Callable[..., Any], arguments: Sequence[Any], tape: Tape
) -> WrongStep | None:
    """Return the first wrong line; None where that is not clear.

    Parameters
    ----------
    grad_f
        The hand-written gradient; it is called once more.
    arguments
        What to call it with.
    tape
        The forward pass at the same point.
    """
    try:
        made = list(assignments(grad_f, arguments))
    except Exception:
        return None
    gradients = tape.reached()
    parts = tape.contributions()  # a gradient may be summed in several lines
    known = [(np.asarray(gradients[v]), v) for v in tape.program.values() if v in gradients]
    named = {v.name.lower(): (g, parts.get(v, [])) for g, v in known if v.name}
    right_ones = [g for g, _ in known] + [
        g for _, v in known if len(parts.get(v, ())) > 1 for g in parts[v]
    ]
    forward = [np.asarray(v.data) for v in tape.program.values()]
    right: list[Assignment] = []
    for a in made:
        is_known = any(same(a.array, g) or same(a.array, g.T) for g in right_ones)
        wanted, summands = named.get(gradient_of(a.name) or "", (None, []))
        if wanted is not None and wanted.shape == a.array.shape:
            is_right = any(same(a.array, g) for g in (wanted, *summands))
            if is_known and not is_right:
                continue  # the name stands for another gradient, as dx may for that of (x − mean)
        else:
            is_right = is_known
            looks_like_one = GRADIENT.match(a.name) and any(
                g.shape == a.array.shape for g, _ in known
            )
            if not is_right and (not looks_like_one or any(same(a.array, x) for x in forward)):
                continue
        if is_right:
            right.append(a)
        elif right or wanted is not None:
            before = [r.name for r in right if r.line < a.line and r.name != a.name]
            return WrongStep(a, wanted, before[-1] if before else None)
        else:
            return None  # nothing to hold on to: the names are not those of gradients, perhaps
    return None
