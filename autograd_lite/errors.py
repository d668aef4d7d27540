"""Every error that a user of the engine can meet.

Each class is an :class:`AutogradError` and also the built-in exception that
NumPy or Python would have raised in its place, so that ``except ValueError``
keeps working. A message is one sentence that says what was wrong and what to
do; the sentence is written where the facts are known, the kinds live here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class AutogradError(Exception):
    """The base of all errors below."""


class NonScalarBackwardError(AutogradError, RuntimeError):
    """`backward()` or `grad` needs one number to start from, or a given gradient."""


class NoGradientError(AutogradError, RuntimeError):
    """A gradient was asked of a value that nothing with ``requires_grad`` led to."""


class GradientShapeError(AutogradError, ValueError):
    """A gradient that was given does not have the shape of its Tensor."""


class GradientDtypeError(AutogradError, TypeError):
    """A gradient that was given does not have a dtype that its Tensor can hold."""


class BroadcastError(AutogradError, ValueError):
    """The shapes of the operands of an operation do not go together."""


class IntegerGradientError(AutogradError, TypeError):
    """Integers and booleans have no derivative, so they cannot require one."""


class ObjectArrayError(AutogradError, TypeError):
    """An object array, or a list of Tensors, was given where numbers are needed."""


class ForeignArrayError(AutogradError, TypeError):
    """An array of another kind stands where what it means would be lost."""


class InPlaceError(AutogradError, RuntimeError):
    """Something tried to overwrite a value that the tape still needs."""


class StaleValueError(AutogradError, RuntimeError):
    """A value was changed after it was used and before its gradient was taken."""


class CheckpointError(AutogradError, RuntimeError):
    """A checkpointed function did not do the same when it was run again."""


class DetachError(AutogradError, TypeError):
    """Something outside NumPy's protocols would have dropped the tape in silence."""


class NoDerivativeError(AutogradError, NotImplementedError, TypeError):
    """A NumPy function, or one operand of it, has no rule."""


class UnsupportedArgumentError(AutogradError, TypeError):
    """A function has a rule, but not for this argument of it."""


class RuleError(AutogradError, ValueError):
    """A rule, or a declaration of one, is wrong: the message names which."""


class CompileError(AutogradError, TypeError):
    """A program does something that a compiled one cannot: the message names the line."""


class TreeError(AutogradError, ValueError):
    """A nest, or a vector of its numbers, does not have the form of another."""


class VmapError(AutogradError, TypeError):
    """A function cannot be mapped over a batch: the message names the line, or the argument."""


class NotFiniteError(AutogradError, FloatingPointError):
    """A value or a gradient became NaN or infinite inside ``with anomaly():``.

    Attributes
    ----------
    first_bad : FirstBad
        Where, and of which numbers.
    """

    def __init__(self, first_bad: Any) -> None:
        super().__init__(first_bad)
        self.first_bad = first_bad


class MissingExtraError(AutogradError, ImportError):
    """An optional package is missing: the message names the extra that brings it."""


class GradientCheckError(AutogradError, AssertionError):
    """A gradient and its numerical reference differ.

    Attributes
    ----------
    report
        What was found of each array, where a hand-written gradient was checked.
    findings
        The mistakes that explain its numbers.
    step
        Its first wrong line, where that is known.
    reproduce
        A line that shows it again when pasted; also the last note.
    """

    report: Any = None
    findings: Sequence[Any] = ()
    step: Any = None
    reproduce: str | None = None


class CheckInputError(AutogradError, ValueError):
    """What was given to a gradient check cannot be checked: a random function, NaN at the point.

    Its attribute `reproduce` is a line that shows it again when pasted.
    """

    reproduce: str | None = None


class UncertainGradientWarning(UserWarning):
    """A gradient check cannot tell: its numerical reference is too uncertain there."""


def missing_extra(package: str, extra: str, purpose: str) -> MissingExtraError:
    """Return the error for an optional package that is not installed.

    It says how to install the extra from where this package is: in a checkout, or from an index.

    >>> str(missing_extra("graphviz", "viz", "draw a graph")).startswith(
    ...     "To draw a graph, the package 'graphviz' is needed: pip install "
    ... )
    True
    """
    from pathlib import Path

    checkout = Path(__file__).parents[1]
    where = "autograd_lite"
    if (checkout / "pyproject.toml").is_file():
        where = "." if checkout == Path.cwd() else str(checkout)
    how = f"pip install {'-e ' * (where != 'autograd_lite')}'{where}[{extra}]'"
    return MissingExtraError(f"To {purpose}, the package '{package}' is needed: {how}.")
