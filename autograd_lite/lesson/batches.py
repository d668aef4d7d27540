"""One text for every number of examples: what differs between two sizes, as a formula in n.

The shapes of a program are fixed when it is recorded. On a page examples come and go, so the
program is written for a few sizes, and where the texts differ, in places of memory, ends of
loops, a mean's 2 / n, stands a formula that gives them all:

>>> over_batches(lambda n: f"m[{4 * n + 3} + i] *= {2 / n!r};", 21)
('(n) => m[(4 * n + 3) + i] *= (2 / n);', True)

It is right for other sizes than those if the program is made alike for each of them. That is
checked: the formulas must reproduce two further texts, and that for the size at hand, to the
letter. Otherwise the text is for the size at hand alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

SIZES = (23, 29)  # two to fit: primes, which no other length is by chance
OTHERS = (31, 43)  # two to look at
PECULIAR = 4  # for so few or less, the text may be shorter: 2 / n is 1, a list of ones no loop
WRITTEN = re.compile(r"(?<![\w.$])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])")
LISTED = re.compile(rf"-?{WRITTEN.pattern}(?:,-?{WRITTEN.pattern}){{4,}}")
PARTS = re.compile(f"{LISTED.pattern}|{WRITTEN.pattern}")


def over_batches(make: Callable[[int], str], n: int) -> tuple[str, bool]:
    """Write what `make` gives for each number of examples as one function of it.

    Parameters
    ----------
    make
        Returns an expression in JavaScript for a number of examples; raises if there is none.
    n
        A number for which there is one.

    Returns
    -------
    text : str
        ``(n) => expression``.
    every : bool
        Whether it holds for other numbers than `n`.
    """
    own = make(n)  # if it cannot be written, this says why
    sizes = (*SIZES, *OTHERS, *([n] if n > PECULIAR else []))
    try:
        texts = [make(k) for k in sizes]
    except Exception:  # other numbers of examples are refused
        return f"(n) => {own}", False
    between = [PARTS.split(text) for text in texts]
    numbers = [PARTS.findall(text) for text in texts]
    if n == 1 or any(b != between[0] for b in between):
        return f"(n) => {own}", False
    made = [between[0][0]]
    for written, rest in zip(zip(*numbers, strict=True), between[0][1:], strict=True):
        formula = _formula(written, sizes)
        if formula is None:
            return f"(n) => {own}", False
        made += [formula, rest]
    return f"(n) => {''.join(made)}", True


def _formula(written: Sequence[str], sizes: Sequence[int]) -> str | None:
    """Return what stands for numbers or lists of them, one for each size."""
    if all(text == written[0] for text in written):
        return written[0]
    lists = [[float(x) for x in text.split(",")] for text in written]
    if all(len(one) == 1 for one in lists):
        one = _number([x for (x,) in lists], sizes)
        return one and f"({one})"
    return _rows(lists, sizes)


def _number(found: Sequence[float], sizes: Sequence[int]) -> str | None:
    """Return numbers as a n + b, or as a / (b n)."""
    (first, second), (n, m) = found[:2], sizes[:2]
    if all(x == int(x) for x in found):
        a = Fraction(int(second) - int(first), m - n)
        b = int(first) - a * n
        if a.denominator == 1 and all(a * k + b == x for k, x in zip(sizes, found, strict=True)):
            rest = f" {'-' if b < 0 else '+'} {abs(int(b))}" if b else ""
            times = "n" if a == 1 else f"{a} * n"
            return f"{times}{rest}" if a else str(int(b))
    share = Fraction(first * n).limit_denominator(10_000)
    above, below = share.numerator, share.denominator
    if all(above / (below * k) == x for k, x in zip(sizes, found, strict=True)):
        return f"{above} / {'n' if below == 1 else f'({below} * n)'}"
    return None


def _rows(lists: Sequence[list[float]], sizes: Sequence[int]) -> str | None:
    """Return lists with a row for each example, each row a step from the one before."""
    wide, rest = divmod(len(lists[0]), sizes[0])
    if rest or any(len(one) != wide * k for one, k in zip(lists, sizes, strict=True)):
        return None
    firsts = [_number([one[c] for one in lists], sizes) for c in range(wide)]
    steps = {one[i + wide] - one[i] for one in lists for i in range(len(one) - wide)}
    if len(steps) > 1 or None in firsts:
        return None
    step = steps.pop() if steps else 0.0
    if step != int(step):
        return None
    return f"...rows(n, [{', '.join(map(str, firsts))}], {int(step)})"
