"""What is wrong with a gradient, where its numbers betray it.

Every mistake that people make with the chain rule leaves a mark: a mean where a sum belongs
is off by 1/n everywhere, a forgotten transpose is the right gradient turned, a forgotten
``+=`` is the gradient of one use alone. `diagnose` holds the given gradients against what
each mistake would have made of the right ones, and names those that fit *all* of the given
numbers. What fits nothing gets no name.

Mistakes inside of the program, such as a missing σ′, need its steps: they are tried out on
the tape of `f`, where that runs on Tensors (:mod:`autograd_lite.testing.suspects`).

>>> import numpy as np
>>> right = np.array([1.0, 2.0, 3.0])
>>> w = GivenGradient("w", np.ones(3), given=2 * right, right=right)
>>> [finding.text for finding in diagnose([w], sizes={21})]
['w is 2 times the right gradient']
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..fitting import broadcast_axes

Array = np.ndarray[Any, np.dtype[Any]]

CLOSE = 1e-5
"""How well numbers must agree, relative to the largest, to be the work of a mistake."""


@dataclass(frozen=True)
class GivenGradient:
    """One array's gradient, as it was given and as it should be.

    Attributes
    ----------
    name
        What the function calls the array.
    x
        The array.
    given
        What the hand-written gradient returned for it; of any shape.
    right
        The right gradient, of the shape of `x`.
    is_wrong
        Whether they differ by more than the reference's error.
    kink
        Where the function has a kink at the point; None where it has none.
    """

    name: str
    x: Array
    given: Array
    right: Array
    is_wrong: bool = True
    kink: Array | None = None


@dataclass(frozen=True)
class Finding:
    """A mistake that explains the given numbers.

    Attributes
    ----------
    kind
        Its name, such as ``"factor"`` or ``"missing derivative"``.
    said
        What to tell the person who made it; of an array, with its name before it.
    names
        The arrays whose gradients it explains.
    about
        Whether `said` is about each of these arrays, or a sentence of its own.
    """

    kind: str
    said: str
    names: tuple[str, ...]
    about: bool = True

    @property
    def text(self) -> str:
        """The sentence, without its full stop."""
        if not self.about:
            return self.said
        if len(self.names) == 1:
            return f"{self.names[0]} {self.said}"
        return f"{', '.join(self.names[:-1])} and {self.names[-1]}: each {self.said}"


def same(a: Any, b: Any, scale: float | None = None) -> bool:
    """Whether two arrays are the same number for number, but for rounding."""
    if np.shape(a) != np.shape(b):
        return False
    scale = np.max(np.abs(b), initial=0.0) if scale is None else scale
    return bool(np.all(np.isfinite(a)) and np.all(np.abs(a - b) <= CLOSE * max(scale, 1e-300)))


def diagnose(
    gradients: Sequence[GivenGradient],
    sizes: set[int] | None = None,
    earlier: Sequence[Sequence[Array]] = (),
) -> list[Finding]:
    """Name the mistakes that explain the wrong ones among some gradients.

    Parameters
    ----------
    gradients
        Those of all arguments, right ones too.
    sizes
        Lengths that may be that of a batch.
    earlier
        The right gradients at the points before this one.

    Returns
    -------
    list of Finding
        For each wrong array the first mistake that fits; one finding for several arrays
        that show the same.
    """
    found: list[Finding] = []
    wrong = [g for g in gradients if g.is_wrong]
    stale = _stale(wrong, earlier)
    if stale is not None:
        return [stale]
    for g in wrong:
        finding = next((f for look in LOOKS for f in look(g, gradients, sizes or set())), None)
        if finding is not None:
            found.append(finding)
    return _merged(found)


def _merged(found: list[Finding]) -> list[Finding]:
    """Merge findings that several arrays share."""
    merged: dict[tuple[str, str], tuple[str, ...]] = {}
    for f in found:
        merged[f.kind, f.said] = (*merged.get((f.kind, f.said), ()), *f.names)
    return [Finding(kind, said, names) for (kind, said), names in merged.items()]


# -- what the numbers of one array show -------------------------------------------------------

Look = Callable[[GivenGradient, Sequence[GivenGradient], set[int]], Iterator[Finding]]


def _shape(g: GivenGradient, _: Sequence[GivenGradient], sizes: set[int]) -> Iterator[Finding]:
    """The wrong shape: a missing sum, or a transpose too many."""
    given, right = g.given, g.right
    if given.shape == right.shape:
        return
    if given.ndim >= 2 and same(given.T, right):
        yield _finding(g, "transposed", "is the transpose of the right gradient")
    for axes in _axes(given.shape, right.shape):
        summed = given.sum(axis=axes)
        if summed.size == right.size and same(summed.reshape(right.shape), right):
            along = ", ".join(map(str, axes))
            yield _finding(
                g,
                "missing sum",
                f"has shape {given.shape} and not {right.shape}: {g.name} is used (broadcast) many "
                f"times, so its gradient is the sum over axis {along}",
            )
    if given.size == right.size and same(given.reshape(right.shape), right):
        yield _finding(
            g, "shape", f"has the right numbers in shape {given.shape}: reshape it to {right.shape}"
        )
    if given.size == 1 and right.size > 1 and same(given.reshape(()), right.sum()):
        yield _finding(
            g, "too many sums", f"is one number, the sum over all of shape {right.shape}"
        )


def _axes(wide: tuple[int, ...], shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the axes over which a wide array may be summed to have a shape."""
    for count in (1, 2):
        if len(wide) >= count:
            yield tuple(range(count))
    if len(wide) >= 2:
        yield (len(wide) - 1,)
    if len(wide) == len(shape):
        axes = broadcast_axes(shape, wide)
        if axes:
            yield axes


def _zero(g: GivenGradient, _: Sequence[GivenGradient], sizes: set[int]) -> Iterator[Finding]:
    if g.given.size and np.max(np.abs(g.given)) <= 1e-12 * np.max(np.abs(g.right), initial=0.0):
        yield _finding(
            g, "zero", "is 0 everywhere: this argument's part of the gradient is never computed"
        )


def _not_finite(g: GivenGradient, _: Sequence[GivenGradient], sizes: set[int]) -> Iterator[Finding]:
    if not np.all(np.isfinite(g.given)):
        yield _finding(g, "not finite", "has a NaN or an infinity where the function is smooth")


def _factor(g: GivenGradient, all_: Sequence[GivenGradient], sizes: set[int]) -> Iterator[Finding]:
    """Off by a constant: −1, 2, 1/n, n, or another."""
    c = _ratio(g.given, g.right)
    if c is None or (g.right.size < 2 and not _is_telling(c, sizes)):
        return
    if abs(c + 1.0) < CLOSE:
        yield _finding(g, "sign", "has the wrong sign")
        return
    for n in sorted(sizes):
        if n > 2 and abs(c * n - 1.0) < CLOSE:
            yield _finding(
                g,
                "mean",
                f"is 1/{n} of the right gradient: a mean over {n} where a sum belongs",
            )
            return
        if n > 2 and abs(c / n - 1.0) < CLOSE:
            yield _finding(
                g,
                "sum",
                f"is {n} times the right gradient: a sum over {n} where a mean belongs",
            )
            return
    yield _finding(g, "factor", f"is {_number(c)} times the right gradient")


def _is_telling(c: float, sizes: set[int]) -> bool:
    """Whether a single number's ratio is one that people make, not any number."""
    usual = {-1.0, 2.0, 0.5, -2.0, -0.5, *(float(n) for n in sizes), *(1.0 / n for n in sizes)}
    return any(abs(c / u - 1.0) < CLOSE for u in usual)


def _ratio(given: Array, right: Array) -> float | None:
    """Return c where given = c · right, c ≠ 0, 1; None where there is no such number."""
    if given.shape != right.shape or not np.any(right) or not np.all(np.isfinite(given)):
        return None
    c = float(np.vdot(right, given) / np.vdot(right, right))
    if abs(c) < CLOSE or abs(c - 1.0) < CLOSE or not same(given, c * right):
        return None
    return c


def _number(c: float) -> str:
    for d in range(1, 13):
        n = round(c * d)
        if n not in (0, d) and abs(c * d / n - 1.0) < CLOSE:
            return f"{n}" if d == 1 else f"{n}/{d}"
    return f"{c:.4g}" if abs(c - 1.0) > 1e-3 else f"{c:.8g}"


def _turned(g: GivenGradient, _: Sequence[GivenGradient], sizes: set[int]) -> Iterator[Finding]:
    if g.right.ndim == 2 and same(g.given.T, g.right):
        yield _finding(g, "transposed", "is the transpose of the right gradient")


def _of_another(
    g: GivenGradient, all_: Sequence[GivenGradient], sizes: set[int]
) -> Iterator[Finding]:
    for other in all_:
        if other is not g and same(g.given, other.right):
            yield _finding(g, "another's", f"is the gradient of {other.name}")


def _regularisation(
    g: GivenGradient, all_: Sequence[GivenGradient], sizes: set[int]
) -> Iterator[Finding]:
    """The difference is a multiple of the array itself, or of its signs."""
    if g.given.shape != g.right.shape or g.x.size < 2:
        return
    missing = g.right - g.given
    scale = float(np.max(np.abs(g.right)))
    for term, said in ((g.x, g.name), (np.sign(g.x), f"sign({g.name})")):
        if not np.ptp(term) > 0.0 or not np.any(missing):
            continue  # of equal numbers it is any constant
        c = float(np.vdot(term, missing) / np.vdot(term, term))
        if abs(c) * np.max(np.abs(term)) > 10 * CLOSE * scale and same(missing, c * term, scale):
            what = "lacks" if c > 0 else "has too much by"
            yield _finding(
                g,
                "regularisation",
                f"{what} {_number(abs(c))} · {said}: the derivative of a regularisation term "
                f"({'left out' if c > 0 else 'counted too often, or with another factor'})",
            )


def _summed_too_far(
    g: GivenGradient, _: Sequence[GivenGradient], sizes: set[int]
) -> Iterator[Finding]:
    """All elements the same: the sum, or the mean, over an axis that should have stayed."""
    if g.given.shape != g.right.shape or g.right.size < 2 or np.ptp(g.right) == 0.0:
        return
    for axis in (None, *range(g.right.ndim)):
        if axis is not None and g.right.shape[axis] < 2:
            continue
        for reduce, said in ((np.sum, "sum"), (np.mean, "mean")):
            wide = np.broadcast_to(reduce(g.right, axis=axis, keepdims=True), g.right.shape)
            if same(g.given, wide):
                over = "all elements" if axis is None else f"axis {axis}"
                yield _finding(
                    g, "too many sums", f"is the {said} over {over} of the right gradient"
                )
                return


def _at_kinks(g: GivenGradient, _: Sequence[GivenGradient], sizes: set[int]) -> Iterator[Finding]:
    if g.kink is None or g.given.shape != g.right.shape:
        return
    off = np.abs(g.given - g.right) > CLOSE * np.max(np.abs(g.right), initial=1e-300)
    if np.any(off) and np.all(g.kink[off]) and not np.all(g.kink):
        yield _finding(
            g,
            "kink",
            "is wrong only where the function has a kink (a tie, or an argument of exactly 0): "
            "there it must lie between the slopes of the two sides",
        )


LOOKS: tuple[Look, ...] = (
    _shape,
    _not_finite,
    _zero,
    _at_kinks,
    _factor,
    _turned,
    _of_another,
    _regularisation,
    _summed_too_far,
)


def _stale(wrong: Sequence[GivenGradient], earlier: Sequence[Sequence[Array]]) -> Finding | None:
    """The gradients of an earlier point: something was kept from an earlier call."""
    if not wrong:
        return None
    for rights in earlier:
        if all(any(same(g.given, r) for r in rights) for g in wrong):
            names = tuple(g.name for g in wrong)
            return Finding(
                "stale",
                "is the gradient at the point before this one: the backward pass uses what an "
                "earlier forward pass left behind",
                names,
            )
    return None


def _finding(g: GivenGradient, kind: str, text: str) -> Finding:
    return Finding(kind, text, (g.name,))
