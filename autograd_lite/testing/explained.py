"""Why a hand-written gradient is wrong: the mistakes that would give just these numbers."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import numpy as np

from ..errors import GradientCheckError
from ..trees import flatten
from .calls import FunctionPair
from .diagnosis import Array, Finding, GivenGradient, diagnose, same
from .ladder import EPSILON
from .numerical import Move, Slopes, Verdict, moves, slopes
from .steps import WrongStep, first_wrong_step
from .suspects import Tape

FULL = 4096
"""Up to so many numbers, all of a wrong gradient is computed to find out what is wrong."""


class MistakeFinder:
    """Says which gradient is wrong, where and why.

    Parameters
    ----------
    calls
        The functions that are checked.
    """

    def __init__(self, calls: FunctionPair) -> None:
        self.calls = calls
        self.step: WrongStep | None = None

    def error_at(
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
            step = first_wrong_step(self.calls.grad_f, self.calls.arguments(lent), tape)
            if step is not None:
                findings = [*findings, Finding("step", str(step), (), about=False)]
                self.step = step
        return self.error([line for line in lines if line], findings)

    def conjugated(self, gradients: list[GivenGradient]) -> list[Finding]:
        """Whether all that is wrong is the sign of imaginary parts."""
        of_parts = iter(gradients)
        names = []
        for name, kind in zip(self.calls.point.names, self.calls.kinds, strict=True):
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

    def known_mistakes(self, tape: Tape | None, gradients: list[GivenGradient]) -> list[Finding]:
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
            tape = Tape.of(lambda *xs: self.calls.f(*self.calls.arguments(xs)), point)
        except Exception:  # it was not written for Tensors
            return None
        for v, name in zip(tape.program.inputs, self.calls.names, strict=True):
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
    ) -> list[GivenGradient]:
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
                right = slopes(self.calls.value, point, each).value[:, 0].reshape(x.shape)
            else:
                right = np.full(x.shape, np.nan)
            if exact is not None and kink is not None and not np.any(kink):
                right = exact[i] if same(exact[i], right) else right
            gradients.append(
                GivenGradient(
                    self.calls.names[i], x, np.asarray(g, dtype=np.float64), right, is_wrong, kink
                )
            )
        return gradients

    def worst(
        self,
        g: GivenGradient,
        i: int,
        along: list[Move],
        column: Array,
        found: Slopes,
        verdicts: Array,
    ) -> str:
        """Return the sentence that says where a gradient is most wrong."""
        if not g.is_wrong:
            return ""
        what = f"The gradient of {self.calls.report.name} with respect to {g.name}"
        if g.given.shape != g.right.shape:
            return f"{what} has shape {g.given.shape}, and {g.name} has shape {g.right.shape}."
        off = np.abs(g.given - g.right)
        at = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape)
        where = f" at {list(map(int, at))}" if off.ndim else ""
        return f"{what} is wrong{where}: given {g.given[at]:.6g}, numerical {g.right[at]:.6g}."

    def sizes(self) -> set[int]:
        """Return lengths that may be that of a batch: of arguments, and of what `f` closes over."""
        sizes: set[int] = set()
        known = list(self.calls.inputs)
        for function in (self.calls.f, self.calls.grad_f):
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

    def only_in_low_precision(
        self, point: list[Array], gradients: list[GivenGradient]
    ) -> list[Finding]:
        """Whether the gradient is right in float64 and wrong in the dtype that was given."""
        if self.calls.epsilon <= EPSILON:
            return []
        if not all(
            same(a, g.right) for a, g in zip(self.calls.asked(point), gradients, strict=True)
        ):
            return []
        names = tuple(g.name for g in gradients if g.is_wrong)
        dtype = next(x.dtype for x in self.calls.own if x.dtype != np.float64)
        text = f"the gradient is right in float64 and wrong in {dtype}: rounding, or an overflow"
        return [Finding("precision", text, names, about=False)]

    def error(self, lines: list[str], findings: list[Finding]) -> GradientCheckError:
        """Return an error of some sentences, and of what was found."""
        said = [f"{f.text if f.about else f.text[0].upper() + f.text[1:]}." for f in findings]
        error = GradientCheckError(" ".join([*lines, *said]))
        error.report, error.findings, error.step = self.calls.report, findings, self.step
        return error
