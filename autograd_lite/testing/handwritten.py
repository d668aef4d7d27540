"""check_gradient_function: hold a gradient that was written by hand against numerical ones.

There need be no Tensor in it: `f` and `grad_f` are ordinary functions of NumPy arrays, in
whatever library they are written. What is wrong is named, where the numbers betray it.
"""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import CheckInputError, GradientCheckError, UncertainGradientWarning
from ..tensor import Tensor
from ..trees import flatten
from .arguments import Point, describe_function, parameter_names
from .diagnosis import Array, Finding, Gradient, diagnose, same
from .forms import chosen, leaves_like, lending, with_parameters
from .ladder import EPSILON, SURE
from .neighbours import excused
from .numerical import Move, Slopes, Verdict, judge, moves, read_only, slopes, tied
from .pasting import reproducible
from .programs import part_names, parts_of, whole
from .report import Report, Row
from .steps import WrongStep, first_wrong_step
from .suspects import Tape

FULL = 4096
"""Up to so many numbers, all of a wrong gradient is computed to find out what is wrong."""
BESIDE = 0.03
"""How far the second point is from the first, relative to each number, or to 1."""


def check_gradient_function(
    f: Callable[..., Any],
    grad_f: Callable[..., Any],
    *inputs: Any,
    argnum: int | tuple[int, ...] | None = None,
    rtol: float | None = None,
    atol: float = 0.0,
    seed: int | np.random.Generator = 0,
    verbose: bool = False,
) -> Report:
    """Compare a hand-written gradient with numerical derivatives, and say what is wrong.

    Parameters
    ----------
    f
        A function that returns one number, the loss.
    grad_f
        Takes what `f` takes and returns its gradient: an array for one argument, a tuple or
        a list for several, for a dict or another container one like it. Functions that keep
        a cache or store gradients on an object: see `with_cache` and `stored`.
    *inputs
        Where to check. Arrays and numbers of floats, and dicts, lists, tuples and
        dataclasses of them, are differentiated; all else (labels, shapes) is passed on.
        The gradient of what is complex, x + iy, is ∂L/∂x + i ∂L/∂y.
    argnum
        Which arguments `grad_f` returns the gradients of, where not of all that hold floats.
    rtol, atol
        What is allowed beside the error of the numerical reference, which is estimated;
        `rtol` is 8 √ε of the dtype by default.
    seed
        For the random directions in which arguments of over 32 numbers are moved.
    verbose
        Whether to print the report.

    Returns
    -------
    Report
        A row for each array; it prints as a table.

    Raises
    ------
    GradientCheckError
        If a gradient is wrong: which, where, and why, if the numbers tell.
    CheckInputError
        If there is nothing to check: a random function, one that writes into its arguments,
        NaN at the point, a gradient that does not have the form of the arguments.

    Warns
    -----
    UncertainGradientWarning
        Where the numerical reference is too uncertain to tell.

    Notes
    -----
    The gradient is asked for at two points, each time after `f` was called there: a wrapper
    that relies on the last forward pass works, and one that kept too much of it shows.
    At a kink any number between the one-sided slopes is right.

    Examples
    --------
    >>> X, y = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]]), np.array([1.0, 0.0, 2.0])
    >>> def loss(w, b):
    ...     return np.sum((X @ w + b - y) ** 2)
    >>> def gradient(w, b):
    ...     d = 2 * (X @ w + b - y)
    ...     return X.T @ d, d.mean()
    >>> check_gradient_function(loss, gradient, np.array([0.3, -0.2]), 0.1)
    Traceback (most recent call last):
        ...
    autograd_lite.errors.GradientCheckError: The gradient of 'loss' with respect to b is wrong: \
given -1.16667, numerical -3.5. b is 1/3 of the right gradient: a mean over 3 where a sum belongs.
    import numpy as np; from autograd_lite.testing import check_gradient_function; \
check_gradient_function(loss, gradient, np.array([0.3, -0.2]), 0.1)
    """
    __tracebackhide__ = True
    begin = time.perf_counter()
    check = _Check(f, grad_f, inputs, argnum, rtol, atol, np.random.default_rng(seed))
    wrong: GradientCheckError | CheckInputError | None
    try:
        wrong = check.run()
    except CheckInputError as error:
        wrong = error
    check.report.seconds = time.perf_counter() - begin
    if verbose:
        print(check.report)
    if wrong is not None:
        options = {"argnum": argnum, "rtol": rtol, "atol": atol, "seed": seed}
        raise reproducible(wrong, check_gradient_function, [f, grad_f], inputs, options)
    for doubt in check.doubts:
        warnings.warn(doubt, UncertainGradientWarning, stacklevel=2)
    return check.report


class _Check:
    """One call of check_gradient_function."""

    def __init__(
        self,
        f: Callable[..., Any],
        grad_f: Callable[..., Any],
        inputs: tuple[Any, ...],
        argnum: int | tuple[int, ...] | None,
        rtol: float | None,
        atol: float,
        rng: np.random.Generator,
    ) -> None:
        if not callable(f) or not callable(grad_f):
            raise CheckInputError(
                "check_gradient_function takes two functions, the loss and its gradient, and then "
                "the point where to check."
            )
        self.f, self.grad_f, self.inputs = f, grad_f, inputs
        self.tolerances: dict[str, Any] = {"rtol": rtol, "atol": atol}
        self.rng = rng
        self.chosen = chosen(f, inputs, argnum)
        self.is_single = isinstance(argnum, int) or (argnum is None and len(self.chosen) == 1)
        every = parameter_names(f, len(inputs))
        self.point = Point.of(
            with_parameters([every[i] for i in self.chosen]), [inputs[i] for i in self.chosen]
        )
        # What is complex is moved, and its gradient checked, in its real and imaginary part.
        self.kinds = [x.dtype.kind for x in self.point.arrays]
        self.numbers = [i for i, x in enumerate(self.point.arrays) if not x.ndim]
        self.own = [part for x in self.point.arrays for part in parts_of(x)]
        self.names = [
            name
            for of, x in zip(self.point.names, self.point.arrays, strict=True)
            for name in part_names(of, x)
        ]
        self.report = Report(describe_function(f))
        self.doubts: list[str] = []
        self.step: WrongStep | None = None
        self.epsilon = max([float(np.finfo(x.dtype).eps) for x in self.own], default=0.0)

    # -- calls -----------------------------------------------------------------------------

    def arguments(self, arrays: Sequence[Any]) -> list[Any]:
        """Return what `f` takes, with other arrays in the places of those that are moved."""
        arguments = list(self.inputs)
        like = list(arrays)
        if "c" in self.kinds:
            parts = iter(arrays)
            like = [whole(kind, parts) for kind in self.kinds]
            like = [read_only(x) if isinstance(x, np.ndarray) else x for x in like]
        for i in self.numbers:
            if isinstance(like[i], np.ndarray):
                like[i] = like[i][()]  # without dimensions it is the number that was given
        for i, x in zip(self.chosen, self.point.arguments(like), strict=True):
            arguments[i] = x
        return arguments

    def value(self, *arrays: Any) -> list[Array]:
        """Return the loss as a list of one array."""
        self.report.evaluations += 1
        value = lending(self.f, self.arguments(arrays))
        if isinstance(value, Tensor):
            value = value.data
        if value is None or not isinstance(value, (int, float, complex, np.ndarray, np.generic)):
            raise CheckInputError(
                f"{describe_function(self.f)} returned "
                f"{type(value).__name__ if value is not None else None}, and a gradient is of "
                "one number: return the loss."
            )
        array = np.asarray(value)
        if array.size != 1 or array.dtype.kind not in "fiu":
            what = f"shape {array.shape}" if array.size != 1 else f"dtype {array.dtype}"
            raise CheckInputError(
                f"{describe_function(self.f)} returned {what}, and a gradient is of one real "
                "number: return the loss, or its sum with fixed weights (see with_cache)."
            )
        return [array.reshape(())]

    def gradient(self, arrays: Sequence[Array]) -> list[Array]:
        """Return what the hand-written gradient says, an array for each that is moved."""
        self.report.gradients += 1
        given = lending(self.grad_f, self.arguments(arrays))
        return self.matched(given)

    def matched(self, given: Any) -> list[Array]:
        """Return the arrays of a gradient in the order of the arguments'."""
        name = describe_function(self.grad_f)
        if given is None:
            raise CheckInputError(f"{name} returned None: return the gradient.")
        wanted = [self.inputs[i] for i in self.chosen]
        several: Sequence[Any]
        if self.is_single:
            several = [given]
            alone = isinstance(given, (tuple, list)) and len(given) == 1
            if alone and not isinstance(wanted[0], (tuple, list)):
                several = [given[0]]
        elif isinstance(given, (tuple, list)):
            several = given
        else:
            raise CheckInputError(
                f"{name} returned one {type(given).__name__}, and there are {len(wanted)} "
                f"arguments that hold floats: return a tuple of {len(wanted)} gradients, or say "
                "with argnum= of which argument it is."
            )
        if len(several) != len(wanted):
            raise CheckInputError(
                f"{name} returned {len(several)} gradients, and there are {len(wanted)} arguments "
                "that hold floats: return one for each, or say with argnum= of which they are."
            )
        arrays: list[Array] = []
        for i, (g, x) in enumerate(zip(several, wanted, strict=True)):
            arrays += leaves_like(g, x, parameter_names(self.f, len(self.inputs))[self.chosen[i]])
        found: list[Array] = []
        for g, kind, own in zip(arrays, self.kinds, self.point.names, strict=True):
            if kind == "c":
                found += [np.real(g), np.imag(g)]
            elif g.dtype.kind == "c":
                raise CheckInputError(
                    f"The gradient of {own} has dtype {g.dtype}, and {own} is real: return real "
                    "numbers."
                )
            else:
                found.append(g)
        return found

    # -- the check -------------------------------------------------------------------------

    def run(self) -> GradientCheckError | None:
        here = [np.array(x, dtype=np.float64) for x in self.own]
        beside = [
            x + BESIDE * np.maximum(np.abs(x), 0.1) * self.rng.uniform(-1.0, 1.0, x.shape)
            for x in here
        ]
        rights: list[list[Array]] = []
        for number, arrays in enumerate((here, beside)):
            lent = [read_only(x.astype(own.dtype)) for x, own in zip(arrays, self.own, strict=True)]
            (value,), (again,) = self.value(*lent), self.value(*lent)
            if not np.array_equal(value, again, equal_nan=True):
                raise CheckInputError(
                    f"{describe_function(self.f)} is random: it returned {value} and then {again} "
                    "for the same arguments. Fix its seed, or draw what is random outside of it."
                )
            if not np.isfinite(value):
                if number:
                    break
                raise CheckInputError(
                    f"{describe_function(self.f)} is {value} at the point: give a point where "
                    "it is finite."
                )
            given = [np.array(g) for g in self.gradient(lent)]
            wrong = self.compare(number, lent, arrays, given, rights)
            if wrong is not None:
                return wrong
            self.value(*lent)
            repeated = self.gradient(lent)
            if wrong := self.not_the_same(given, repeated):
                return wrong
        return None

    def not_the_same(
        self, given: Sequence[Array], repeated: Sequence[Array]
    ) -> GradientCheckError | None:
        """Whether a second call gives something else: an accumulation, or randomness."""
        for name, a, b in zip(self.names, given, repeated, strict=True):
            if np.array_equal(a, b, equal_nan=True):
                continue
            if np.shape(a) == np.shape(b) and same(b, 2.0 * a):
                finding = Finding(
                    "accumulates",
                    "is twice as large when it is asked for again: gradients of earlier calls are "
                    "added to, and must be set to 0 first",
                    (name,),
                )
                return self.error([f"The gradient of {self.report.name} accumulates."], [finding])
            raise CheckInputError(
                f"{describe_function(self.grad_f)} is random: called twice, it returned two "
                f"gradients for {name}. Fix its seed."
            )
        return None

    def compare(
        self,
        number: int,
        lent: Sequence[Array],
        point: list[Array],
        given: list[Array],
        rights: list[list[Array]],
    ) -> GradientCheckError | None:
        """Hold the gradients at one point against differences."""
        badly_formed = [g.shape != x.shape for g, x in zip(given, point, strict=True)]
        along = moves(point, self.rng)
        along = [m for m in along if not badly_formed[m.argument]]
        column = _along(given, along)
        found = slopes(self.value, point, along, given=column, **self.tolerances)
        judging = {**self.tolerances, "epsilon": max(self.epsilon, EPSILON)}
        told = judge(column, found, **judging)
        verdicts = excused(told, column, found, self.value, point, along)
        is_excused = bool(np.any(verdicts != told))
        bad = verdicts == Verdict.WRONG
        if bad.any() and not any(badly_formed) and self.epsilon > EPSILON:
            exact = self.asked(point)
            told = judge(_along(exact, along), found, **judging)  # it may hold on to constants
            if np.any(told == Verdict.WRONG):  # what is wrong in float64 too is diagnosed there
                given, column, verdicts = exact, _along(exact, along), told
            elif self.is_rounding(point, given, exact):
                verdicts = np.where(bad, Verdict.RIGHT, verdicts)
        self.record(number, point, along, column, found, verdicts, badly_formed)
        if not any(badly_formed) and not np.any(verdicts == Verdict.WRONG):
            if not is_excused and (
                wrong := self.wrong_where_tied(point, along, column, found, judging)
            ):
                return wrong
            self.note_doubts(along, found, verdicts)
            if not np.any(verdicts):
                rights.append([np.asarray(g, dtype=np.float64) for g in given])
            return None
        return self.explained(lent, point, given, along, column, found, verdicts, rights)

    def wrong_where_tied(
        self,
        point: list[Array],
        along: list[Move],
        column: Array,
        found: Slopes,
        judging: dict[str, Any],
    ) -> GradientCheckError | None:
        """Look at elements with kinks together: each may be right alone, as in a maximum."""
        rows = np.flatnonzero(found.doubt[:, 0] == "kink")
        if len(rows) < 2:
            return None
        left, right, given = (x[rows, 0] for x in (found.left, found.right, column))
        kinked = [along[k] for k in rows]
        joint = tied(self.value, point, kinked, left, right, given, **self.tolerances)
        total = np.array([[given.sum()]])
        if joint is None or judge(total, joint, **judging)[0, 0] != Verdict.WRONG:
            return None
        names = tuple(dict.fromkeys(self.names[m.argument] for m in kinked))
        line = (
            f"The gradient of {self.report.name} with respect to {', '.join(names)} is wrong where "
            f"elements are tied: those with a kink sum to {total[0, 0]:.6g}, and where all of them "
            f"move at once, the slope is {joint.value[0, 0]:.6g}."
        )
        text = (
            "is wrong only at ties: what is shared by equal elements is counted in full for each "
            "of them, or for none"
        )
        return self.error([line], [Finding("kink", text, names)])

    def is_rounding(self, point: list[Array], given: list[Array], exact: list[Array]) -> bool:
        """Whether a gradient in low precision is that in float64, at arguments that are rounded.

        At the bottom of a valley, where it cancels, that is much beside the gradient itself.
        """
        change = [0.0] * len(exact)
        for _ in range(3):
            beside = [
                x + self.rng.choice([-1.0, 1.0], x.shape) * np.spacing(np.abs(own))
                for x, own in zip(point, self.own, strict=True)
            ]
            there = self.asked(beside)
            change = [
                max(c, SURE * float(np.max(np.abs(a - b), initial=0.0)))
                for c, a, b in zip(change, there, exact, strict=True)
            ]
        largest = max(float(np.max(np.abs(e), initial=0.0)) for e in exact)
        least = max(float(np.finfo(x.dtype).smallest_normal) for x in self.own)
        size = max(largest, float(np.abs(self.value(*point)[0])))
        return all(
            bool(np.all(np.abs(g - e) <= c + self.epsilon**0.5 * size + least))
            for g, e, c in zip(given, exact, change, strict=True)
        )

    def asked(self, arrays: Sequence[Array]) -> list[Array]:
        """Return the hand-written gradient at a point, after the function was called there."""
        lent = [read_only(x) for x in arrays]
        self.value(*lent)
        return [np.array(g, dtype=np.float64) for g in self.gradient(lent)]

    def record(
        self,
        number: int,
        point: list[Array],
        along: list[Move],
        column: Array,
        found: Slopes,
        verdicts: Array,
        badly_formed: list[bool],
    ) -> None:
        for i, name in enumerate(self.names):
            rows = [k for k, m in enumerate(along) if m.argument == i]
            verdict = Verdict(int(verdicts[rows].max(initial=0)))
            scale = float(np.max(np.abs(found.value[rows]), initial=0.0)) or 1.0
            off = float(np.max(np.abs(column[rows] - found.value[rows]), initial=0.0)) / scale
            error = float(np.max(found.error[rows], initial=0.0)) / scale
            note = "" if number == 0 else "at a point beside it"
            if badly_formed[i]:
                verdict, note = Verdict.WRONG, "of the wrong shape"
            self.report.rows.append(Row(name, 1, "by hand", len(rows), verdict, off, error, note))

    def note_doubts(self, along: list[Move], found: Slopes, verdicts: Array) -> None:
        unknown = np.flatnonzero(verdicts[:, 0] == Verdict.UNKNOWN)
        if unknown.size:
            m, why = along[int(unknown[0])], found.doubt[int(unknown[0]), 0] or "noise"
            self.doubts.append(
                f"The gradient of {self.report.name} with respect to "
                f"{self.names[m.argument]}{list(m.at) if m.at else ''} cannot be told: the "
                f"numerical reference is uncertain there ({why})."
            )

    # -- what is wrong ---------------------------------------------------------------------

    def explained(
        self,
        lent: Sequence[Array],
        point: list[Array],
        given: list[Array],
        along: list[Move],
        column: Array,
        found: Slopes,
        verdicts: Array,
        rights: list[list[Array]],
    ) -> GradientCheckError:
        """Return the error that says which gradient is wrong, where and why."""
        tape = self.tape(point)
        gradients = self.in_full(point, given, along, found, verdicts, tape)
        lines = [self.worst(g, i, along, column, found, verdicts) for i, g in enumerate(gradients)]
        findings: list[Finding] = []
        if not any(g.given.shape != g.right.shape for g in gradients):
            findings = self.conjugated(gradients) or self.known_mistakes(tape, gradients)
        if not findings:
            findings = diagnose(gradients, self.sizes(), rights)
        if not findings:
            findings = self.only_in_low_precision(point, gradients)
        if tape is not None:
            step = first_wrong_step(self.grad_f, self.arguments(lent), tape)
            if step is not None:
                findings = [*findings, Finding("step", str(step), (), about=False)]
                self.step = step
        return self.error([line for line in lines if line], findings)

    def conjugated(self, gradients: list[Gradient]) -> list[Finding]:
        """Whether all that is wrong is the sign of imaginary parts."""
        of_parts = iter(gradients)
        names = []
        for name, kind in zip(self.point.names, self.kinds, strict=True):
            real = next(of_parts)
            if kind == "c":
                imaginary = next(of_parts)
                if imaginary.is_wrong and same(imaginary.given, -imaginary.right):
                    names.append(name)
                    if not real.is_wrong:
                        continue
            if real.is_wrong or (kind == "c" and imaginary.is_wrong):
                return []
        what = (
            "is the conjugate of what is asked, ∂L/∂x + i ∂L/∂y of x + iy (PyTorch's gradient): "
            "JAX and HIPS autograd return ∂L/∂x − i ∂L/∂y"
        )
        return [Finding("conjugate", what, tuple(names))] if names else []

    def known_mistakes(self, tape: Tape | None, gradients: list[Gradient]) -> list[Finding]:
        """Try mistakes inside of the program, but only where no plain factor explains it all."""
        plain = diagnose(gradients, self.sizes())
        wrong = {g.name for g in gradients if g.is_wrong}
        if tape is None or {name for f in plain for name in f.names} >= wrong:
            return []
        explained = tape.explain([np.asarray(g.given, dtype=np.float64) for g in gradients])
        return [Finding(kind, text, tuple(sorted(wrong)), about=False) for kind, text in explained]

    def tape(self, point: list[Array]) -> Tape | None:
        """Run the function on Tensors, if it can do it."""
        try:
            tape = Tape.of(lambda *xs: self.f(*self.arguments(xs)), point)
        except Exception:  # it was not written for Tensors
            return None
        for v, name in zip(tape.program.inputs, self.names, strict=True):
            v.name = name
        return tape

    def in_full(
        self,
        point: list[Array],
        given: list[Array],
        along: list[Move],
        found: Slopes,
        verdicts: Array,
        tape: Tape | None,
    ) -> list[Gradient]:
        """Return given and right gradients, all numbers of them where that is affordable."""
        exact = None if tape is None else tape.gradients()
        gradients = []
        for i, (x, g) in enumerate(zip(point, given, strict=True)):
            rows = [k for k, m in enumerate(along) if m.argument == i]
            is_wrong = g.shape != x.shape or bool(np.any(verdicts[rows] == Verdict.WRONG))
            kink = None
            if x.size == len(rows) and not any(along[k].at is None for k in rows):
                right = found.value[rows, 0].reshape(x.shape)
                kink = (found.doubt[rows, 0] == "kink").reshape(x.shape)
            elif exact is not None:
                right = exact[i]
            elif x.size <= FULL:
                each = moves([np.zeros(0)] * i + [x], elements=FULL)
                right = slopes(self.value, point, each).value[:, 0].reshape(x.shape)
            else:
                right = np.full(x.shape, np.nan)
            if exact is not None and kink is not None and not np.any(kink):
                right = exact[i] if same(exact[i], right) else right
            gradients.append(
                Gradient(self.names[i], x, np.asarray(g, dtype=np.float64), right, is_wrong, kink)
            )
        return gradients

    def worst(
        self, g: Gradient, i: int, along: list[Move], column: Array, found: Slopes, verdicts: Array
    ) -> str:
        """Return the sentence that says where a gradient is most wrong."""
        if not g.is_wrong:
            return ""
        what = f"The gradient of {self.report.name} with respect to {g.name}"
        if g.given.shape != g.right.shape:
            return f"{what} has shape {g.given.shape}, and {g.name} has shape {g.right.shape}."
        off = np.abs(g.given - g.right)
        at = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape)
        where = f" at {list(map(int, at))}" if off.ndim else ""
        return f"{what} is wrong{where}: given {g.given[at]:.6g}, numerical {g.right[at]:.6g}."

    def sizes(self) -> set[int]:
        """Return lengths that may be that of a batch: of arguments, and of what `f` closes over."""
        sizes: set[int] = set()
        known = list(self.inputs)
        for function in (self.f, self.grad_f):
            try:
                variables = inspect.getclosurevars(inspect.unwrap(function))
            except TypeError:
                continue
            known += [*variables.nonlocals.values(), *variables.globals.values()]
        for x in known:
            for leaf in flatten(x)[0] if not callable(x) else ():
                sizes.update(np.shape(leaf))
                sizes.add(int(np.size(leaf)))
            for array in vars(x).values() if hasattr(x, "__dict__") and not callable(x) else ():
                if isinstance(array, np.ndarray):
                    sizes.update(array.shape)
        return sizes - {0, 1}

    def only_in_low_precision(self, point: list[Array], gradients: list[Gradient]) -> list[Finding]:
        """Whether the gradient is right in float64 and wrong in the dtype that was given."""
        if self.epsilon <= EPSILON:
            return []
        if not all(same(a, g.right) for a, g in zip(self.asked(point), gradients, strict=True)):
            return []
        names = tuple(g.name for g in gradients if g.is_wrong)
        dtype = next(x.dtype for x in self.own if x.dtype != np.float64)
        text = f"the gradient is right in float64 and wrong in {dtype}: rounding, or an overflow"
        return [Finding("precision", text, names, about=False)]

    def error(self, lines: list[str], findings: list[Finding]) -> GradientCheckError:
        said = [f"{f.text if f.about else f.text[0].upper() + f.text[1:]}." for f in findings]
        error = GradientCheckError(" ".join([*lines, *said]))
        error.report, error.findings, error.step = self.report, findings, self.step
        return error


def _along(gradients: Sequence[Array], along: Sequence[Move]) -> Array:
    """Return the derivatives along the moves, as a column."""
    column = [
        np.sum(gradients[m.argument] * m.direction) if m.at is None else gradients[m.argument][m.at]
        for m in along
    ]
    return np.array(column, dtype=np.float64).reshape(len(along), 1)
