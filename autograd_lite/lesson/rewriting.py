"""How a formula is simplified: rewritings by head, applied until none applies.

Of a choice between two formulas only the one taken is kept, where it is the same one everywhere;
why it was taken is noted, as a comparison. The rewritings themselves are in `simplifying`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .formula import Formula, apply, is_number, number, same

COMPARISONS = {
    "greater": "less_equal",
    "greater_equal": "less",
    "less": "greater_equal",
    "less_equal": "greater",
    "equal": "not_equal",
    "not_equal": "equal",
}
"""Comparisons and their opposites."""

SIGNS = {
    "less": {-1},
    "equal": {0},
    "greater": {1},
    "less_equal": {-1, 0},
    "greater_equal": {0, 1},
    "not_equal": {-1, 1},
}
"""Which signs of a − b a comparison of a and b allows."""


@dataclasses.dataclass
class Way:
    """How to simplify: see `simplify`."""

    notes: list[Formula]
    choose: bool
    moves: bool


Rewriting = Callable[[Formula, Way], Formula | None]
REWRITINGS: dict[str, list[Rewriting]] = {}


def rewrites(*heads: str) -> Callable[[Rewriting], Rewriting]:
    """Register a rewriting of formulas with these heads."""

    def register(rewriting: Rewriting) -> Rewriting:
        for head in heads:
            REWRITINGS.setdefault(head, []).append(rewriting)
        return rewriting

    return register


def simplify(
    formula: Formula,
    notes: list[Formula] | None = None,
    *,
    choose: bool = True,
    moves: bool = False,
) -> Formula:
    """Write a formula as one would by hand.

    Parameters
    ----------
    formula
        As it was recorded.
    notes
        Filled with the reasons for which a choice was left out, as comparisons.
    choose
        Whether to show, of a choice that is the same everywhere, only what was taken.
    moves
        Whether what only moves numbers stays, so that each element can be followed.
    """
    way = Way([] if notes is None else notes, choose, moves)
    made = simplified(formula, way)
    way.notes[:] = together(way.notes)
    return made


def simplified(formula: Formula, way: Way) -> Formula:
    """Return the formula after all rewritings, of its parts first."""
    if formula.head == "where" and way.choose:  # what is not taken leaves no notes
        taken = _choice(formula, way)
        if taken is not None:
            return simplified(taken, way)
    arguments = tuple(simplified(a, way) for a in formula.arguments)
    if any(a is not b for a, b in zip(arguments, formula.arguments, strict=True)):
        formula = dataclasses.replace(formula, arguments=arguments)
    new: Formula | None = formula
    while new is not None:
        formula = new
        new = next(
            (made for rule in REWRITINGS.get(formula.head, ()) if (made := rule(formula, way))),
            None,
        )
    return formula


def computed(head: str, *arguments: Formula) -> Formula:
    """Apply an operator of NumPy, and compute what it comes to."""
    with np.errstate(all="ignore"):
        value = getattr(np, head)(*(a.value for a in arguments))
    return apply(head, *arguments, value=value)


def is_equal(formula: Formula, value: float) -> bool:
    """Whether a formula is this number, or an array of it."""
    return is_number(formula) and np.asarray(formula.value).flat[0] == value


def filled(value: Any) -> Formula:
    """Return zeros, or another array of one number, as a formula."""
    return number(np.asarray(value)[()])


def again(formula: Formula, way: Way) -> Formula:
    """Apply the rewritings of a formula's head, whose parts are simple."""
    for rule in REWRITINGS.get(formula.head, ()):
        new = rule(formula, way)
        if new is not None:
            return again(new, way)
    return formula


# -- choices -----------------------------------------------------------------------------------


def _choice(f: Formula, way: Way) -> Formula | None:
    """Return what ``where(condition, a, b)`` chose, if it is the same everywhere."""
    condition, a, b = f.arguments
    taken = np.asarray(condition.value)
    if not taken.size or taken.any() != taken.all():
        return None
    _note(condition, bool(taken.all()), way)
    return a if taken.all() else b


def together(notes: Iterable[Formula]) -> list[Formula]:
    """Merge comparisons of the same two formulas: x ≥ 0 and x ≠ 0 is x > 0.

    That a single point was not hit, as in x ≠ 0, is left out.
    """
    kept: list[tuple[Formula, set[int]]] = []
    for note in notes:
        signs = SIGNS.get(note.head, set())
        for i, (earlier, allowed) in enumerate(kept):
            if signs and allowed and _same_pair(earlier.arguments, note.arguments):
                kept[i] = earlier, allowed & signs
                break
            if signs and allowed and _same_pair(earlier.arguments, note.arguments[::-1]):
                kept[i] = earlier, allowed & {-sign for sign in signs}
                break
        else:
            kept.append((note, signs))
    heads = {frozenset(signs): head for head, signs in SIGNS.items()}
    said = [
        dataclasses.replace(note, head=heads.get(frozenset(signs), note.head))
        for note, signs in kept
    ]
    return [note for note in said if note.head != "not_equal"]


def _same_pair(a: tuple[Formula, ...], b: tuple[Formula, ...]) -> bool:
    return all(map(same, a, b))


def _note(condition: Formula, holds: bool, way: Way) -> None:
    """Note why a choice was made."""
    condition = simplified(condition, Way([], way.choose, way.moves))
    if condition.head in ("bitwise_and", "logical_and") and holds:
        for part in condition.arguments:
            _note(part, True, way)
    elif condition.head in COMPARISONS:
        way.notes.append(condition if holds else opposite(condition))
    elif condition.head == "symbol" and np.asarray(condition.value).dtype.kind == "b":
        way.notes.append(apply("equal", condition, number(holds), value=np.bool_(True)))


def opposite(f: Formula) -> Formula:
    """Return the comparison that holds where this one does not."""
    return apply(COMPARISONS[f.head], *f.arguments, value=np.logical_not(f.value))
