"""check_gradients: hold the derivatives of a function against numerical ones.

Order n is checked by differencing the analytic derivative of order n − 1, which
has been checked by then. Whatever has more than one number is contracted with
fixed random weights, so that a derivative of any order is again a gradient: one
number for each element of each argument.

The differences are central ones of fourth order, over steps from large to small:

    f′(x) ≈ [8 (f(x+h) − f(x−h)) − (f(x+2h) − f(x−2h))] / 12h

Their error is h⁴f⁽⁵⁾/30 from the formula and about ε|f|/h from rounding. Large
steps are hidden least by rounding, small ones stay clear of poles and kinks, so
an element is right as soon as it agrees with one of them. A wrong derivative
would have to meet one of a few numbers to five digits by accident.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import GradientCheckError, IntegerGradientError
from ..tensor import Array, ArrayLike, Tensor, constant, plain
from ..transforms import grad

ELEMENTS = 32
"""The largest argument that is checked element by element."""
DIRECTIONS = 6
"""Along how many random directions a larger one is checked."""
EPSILON = float(np.finfo(np.float64).eps)
LARGEST, SMALLEST, FACTOR = 2.0**-10, 2.0**-22, 2.0**-3
"""Steps go from LARGEST · max(1, |x|) down to SMALLEST, each by this factor."""

Outputs = list[Array]
Function = Callable[..., list[Any]]  # from Tensors to the list of floating-point results


def check_gradients(
    f: Callable[..., Any],
    *inputs: ArrayLike,
    order: int = 2,
    rtol: float = 1e-5,
    atol: float = 0.0,
    seed: int | np.random.Generator = 0,
) -> None:
    """Compare the derivatives of `f` with numerical ones, for every argument.

    Parameters
    ----------
    f
        A function of real or complex numbers; its result may have any shape, or
        be a tuple or list. It is called with Tensors, many times, and must be
        the same each time.
    *inputs
        Where to differentiate: arrays, numbers or Tensors. Choose a point where
        `f` is smooth; at a kink there is no right answer to compare with.
        What should not be differentiated, such as an index, belongs into `f`.
        What is complex is moved, and checked, in its real and imaginary part.
    order
        The highest derivative to check; all below are checked too.
    rtol, atol
        An element is right if it differs from its reference by at most
        ``atol + rtol * max(|analytic|, |numerical|)`` and what rounding hides,
        which is reckoned from the size of the results.
    seed
        For the random weights with which results are contracted, and for the
        random directions in which arguments of more than 32 elements are
        moved: smaller ones are checked element by element.

    Raises
    ------
    GradientCheckError
        If a derivative is wrong. The message names the order, the argument, the
        worst element and both values.
    IntegerGradientError
        If an input is not made of floating-point numbers.

    Notes
    -----
    An input of less precision than float64 is checked twice: converted to
    float64, as above; and as it is, where its gradient must have its dtype and
    be that of the float64 program within ``max(rtol, √ε)`` of the largest of
    its elements and of the derivatives below: what cancels leaves its rounding.
    The inputs are lent read-only, so a function or a rule that writes into one
    fails.

    Examples
    --------
    >>> import numpy as np
    >>> check_gradients(lambda x: np.tanh(x) ** 2, np.array([0.3, -1.2]), order=3)

    A rule with a mistake:

    >>> from autograd_lite import derivative
    >>> cube = derivative(lambda x: x**3, name="cube", x=lambda g, x: g * 2 * x**2)
    >>> check_gradients(cube, 2.0)
    Traceback (most recent call last):
        ...
    autograd_lite.errors.GradientCheckError: The derivative of order 1 of 'cube' with respect to \
argument 0 is wrong: analytic 8, numerical 12.
    """
    if order < 1:
        raise ValueError(f"There is no derivative of order {order} to check: give 1 or more.")
    if not inputs:
        raise TypeError("check_gradients needs a point: give an input for each argument of f.")
    rng = np.random.default_rng(seed)
    lent = [_lent(x, i) for i, x in enumerate(inputs)]
    given = [part for x in lent for part in _parts(x)]
    names = [name for i, x in enumerate(lent) for name in _names(x, i)]
    precise = [x.astype(np.float64, copy=False) for x in given]
    rough = [i for i, x in enumerate(given) if x.dtype != np.float64]
    name = str(getattr(f, "name", getattr(f, "__name__", "f")))
    check = _Check(name, names, rtol, atol, rng)
    scale, size, rounding = 1.0, 0.0, EPSILON

    def function(*xs: Any) -> list[Any]:
        parts = iter(xs)
        return _floats(f(*(_whole(x.dtype.kind, parts) for x in lent)))

    for n in range(1, order + 1):
        values = _values(function, precise)
        if not values:
            raise GradientCheckError(
                f"'{check.name}' returned no floating-point number, so there is nothing to "
                "differentiate."
            )
        weights = [_weights(value.shape, rng) for value in values]
        gradient = _gradient_of(function, weights, len(given))
        analytic = _values(gradient, precise)
        # For a number of a number, the message can show the derivative without the weights.
        scale *= float(weights[0]) if [w.shape for w in weights] == [()] else math.nan
        # What is rounded: the results, what they were summed from as the gradient tells, and
        # the derivatives below. Where these cancel, their rounding is left.
        size = max(size, _size(values, weights), _size(analytic, precise))
        rounding = max(rounding, *(float(np.finfo(value.dtype).eps) for value in values))
        for i in range(len(given)):
            check.form(n, i, analytic[i], precise[i])
            check.numerically(n, i, analytic[i], function, weights, precise, scale, rounding * size)
        for i, value in enumerate(_values(gradient, given) if rough else []):
            check.form(n, i, value, given[i])
            check.roughly(n, i, value, analytic[i], size)
        function = gradient


# -- the function and its derivatives, on lists -------------------------------------


def _lent(x: ArrayLike, i: int) -> Array:
    """Return an input as an array that cannot be written into, in its own layout."""
    array = plain(x)
    if array.dtype.kind not in "fc":
        raise IntegerGradientError(
            f"Input {i} has dtype {array.dtype}, and only floating-point numbers are checked: give "
            "floats, as in 2.0, or move what is not differentiated into the function."
        )
    view = array.view()
    view.flags.writeable = False
    return view


def _parts(x: Any) -> tuple[Any, ...]:
    """Return the real and imaginary part of what is complex, or a real array as it is."""
    return (np.real(x), np.imag(x)) if x.dtype.kind == "c" else (x,)


def _whole(kind: str, parts: Iterator[Any]) -> Any:
    """Put the next input together from its parts."""
    return next(parts) + next(parts) * 1j if kind == "c" else next(parts)


def _names(x: Array, i: int) -> tuple[str, ...]:
    name = f"argument {i}"
    parts = (f"the real part of {name}", f"the imaginary part of {name}")
    return parts if x.dtype.kind == "c" else (name,)


def _floats(result: Any) -> list[Any]:
    """Return those results that can have a derivative, in real parts, as a list."""
    many = result if isinstance(result, (tuple, list)) else (result,)
    arrays = [x if isinstance(x, Tensor) else np.asarray(x) for x in many]
    return [part for x in arrays if x.dtype.kind in "fc" for part in _parts(x)]


def _values(function: Function, point: Sequence[Array]) -> Outputs:
    """Return a function's results as plain arrays."""
    results = function(*map(constant, point))
    return list(map(plain, results))


def _weights(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return random numbers, none of them near 0: each element has to count."""
    return np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape))


def _size(values: Outputs, weights: Sequence[Array]) -> float:
    """Return what goes into the weighted sum of some values, without cancellation."""
    with np.errstate(all="ignore"):
        sizes = [np.abs(w * v) for w, v in zip(weights, values, strict=True)]
    return sum(float(np.sum(size[np.isfinite(size)])) for size in sizes)


def _gradient_of(function: Function, weights: Sequence[Array], count: int) -> Function:
    """Return the function of the gradients of the results' weighted sum."""

    def contracted(*xs: Any) -> Any:
        total: Any = 0.0
        for result, w in zip(function(*xs), weights, strict=True):
            total = total + np.sum(result * w.astype(result.dtype)[()])
        return total

    gradient = grad(contracted, tuple(range(count)))
    return lambda *xs: list(gradient(*xs))


# -- numerical derivatives -----------------------------------------------------------


class _Slope(NamedTuple):
    value: float
    noise: float  # what rounding may have added


def _slopes(
    function: Function,
    weights: Sequence[Array],
    point: list[Array],
    i: int,
    direction: Array,
    rounding: float,
) -> Iterator[_Slope]:
    """Yield the derivative of the weighted sum along a direction of argument `i`, by step."""

    def moved(t: float) -> Outputs:
        return _values(function, [*point[:i], point[i] + t * direction, *point[i + 1 :]])

    farthest = float(np.max(np.abs(np.where(direction != 0.0, point[i], 0.0))))
    farthest = farthest if math.isfinite(farthest) else 1.0
    # A power of two, so that x ± h differ by what the formula divides by.
    h = LARGEST * 2.0 ** math.ceil(math.log2(max(1.0, farthest)))
    while h >= SMALLEST:
        with np.errstate(all="ignore"):
            corners = zip(moved(h), moved(-h), moved(2 * h), moved(-2 * h), strict=True)
            # Differences first, the sum last: what does not change cancels exactly.
            parts = [
                float(np.sum(w * (8.0 * (a - b) - (c - d))))
                for w, (a, b, c, d) in zip(weights, corners, strict=True)
            ]
        value = sum(parts) / (12.0 * h)
        # The results are rounded, and so is the place where they are taken.
        yield _Slope(value, 8.0 * (rounding + EPSILON * farthest * abs(value)) / h)
        h *= FACTOR


def _directions(x: Array, rng: np.random.Generator) -> Iterator[tuple[Any, Array]]:
    """Yield the ways to move an argument: the element's index, or None for many at once."""
    if x.size > ELEMENTS:
        for _ in range(DIRECTIONS):
            yield None, _weights(x.shape, rng)
        return
    for index in np.ndindex(x.shape):
        direction = np.zeros(x.shape)
        direction[index] = 1.0
        yield index, direction


# -- the comparison -------------------------------------------------------------------


class _Check(NamedTuple):
    """What is the same for all comparisons of one call."""

    name: str
    arguments: list[str]
    rtol: float
    atol: float
    rng: np.random.Generator

    def fails(self, n: int, i: int, what: str) -> GradientCheckError:
        to = self.arguments[i]
        return GradientCheckError(
            f"The derivative of order {n} of '{self.name}' with respect to {to} {what}."
        )

    def form(self, n: int, i: int, gradient: Array, x: Array) -> None:
        """Hold a gradient's shape and dtype against its argument's."""
        if gradient.shape != x.shape or gradient.dtype != x.dtype:
            raise self.fails(
                n,
                i,
                f"has shape {gradient.shape} and dtype {gradient.dtype}, and the argument has "
                f"shape {x.shape} and dtype {x.dtype}",
            )

    def numerically(
        self,
        n: int,
        i: int,
        gradient: Array,
        function: Function,
        weights: Sequence[Array],
        point: list[Array],
        scale: float,
        rounding: float,
    ) -> None:
        """Hold a gradient against differences of the derivative below."""
        wrong = []
        moves = list(_directions(point[i], self.rng))
        for index, direction in moves:
            # Not a dot product: where nothing moves, an infinite gradient must not count as NaN.
            analytic = float(np.sum(np.where(direction == 0.0, 0.0, gradient) * direction))
            numerical = []
            for slope in _slopes(function, weights, point, i, direction, rounding):
                error = abs(analytic - slope.value)
                allowed = self.rtol * max(abs(analytic), abs(slope.value)) + self.atol + slope.noise
                if error <= allowed < math.inf:
                    break
                numerical.append(slope.value)
            else:
                reference = float(np.median(numerical))
                off = abs(analytic - reference) / (abs(reference) or 1.0)
                wrong.append((off if off == off else math.inf, index, analytic, reference))
        if wrong:
            _, index, analytic, reference = max(wrong, key=lambda w: w[0])
            where = ""
            if index is None:
                where = " along a random direction"
            elif index:
                place = ", ".join(map(str, index))
                where = f" at [{place}], the worst of {len(wrong)} wrong elements of {len(moves)}"
            by = scale if math.isfinite(scale) else 1.0
            of = "" if math.isfinite(scale) else " (of all results, with random weights)"
            what = f"analytic {analytic / by:.9g}, numerical {reference / by:.9g}"
            raise self.fails(n, i, f"is wrong{where}: {what}{of}")

    def roughly(self, n: int, i: int, gradient: Array, precise: Array, size: float) -> None:
        """Hold a gradient in low precision against the same in float64."""
        if not gradient.size:
            return
        allowed = max(self.rtol, float(np.finfo(gradient.dtype).eps) ** 0.5)
        size = max(size, float(np.max(np.abs(precise))))
        error = np.abs(gradient.astype(np.float64) - precise)
        error = np.where(np.isnan(error), np.inf, error)
        if not np.max(error) <= allowed * size + self.atol:
            index = tuple(int(k) for k in np.unravel_index(np.argmax(error), error.shape))
            where = f" at [{', '.join(map(str, index))}]" if index else ""
            raise self.fails(
                n,
                i,
                f"is wrong in {gradient.dtype}{where}: {float(gradient[index]):.7g}, and in "
                f"float64 {float(precise[index]):.7g}",
            )
