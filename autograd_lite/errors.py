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
    """The base of all errors below.

    >>> from autograd_lite import Tensor
    >>> try:
    ...     Tensor([1.0, 2.0], requires_grad=True).backward()
    ... except AutogradError as error:
    ...     print(type(error).__name__)
    NonScalarBackwardError
    """


class NonScalarBackwardError(AutogradError, RuntimeError):
    """`backward()` or `grad` needs one number to start from, or a given gradient.

    >>> from autograd_lite import Tensor
    >>> try:
    ...     Tensor([1.0, 2.0], requires_grad=True).backward()
    ... except NonScalarBackwardError as error:
    ...     print(str(error).partition(":")[0])
    The Tensor has shape (2,), and only a single number can start a backward pass
    """


class NoGradientError(AutogradError, RuntimeError):
    """A gradient was asked of a value that nothing with ``requires_grad`` led to.

    >>> from autograd_lite import Tensor
    >>> try:
    ...     Tensor(2.0).backward()
    ... except NoGradientError as error:
    ...     print(str(error).partition(":")[0])
    The Tensor does not depend on anything that requires a gradient
    """


class GradientShapeError(AutogradError, ValueError):
    """A gradient that was given does not have the shape of its Tensor.

    >>> from autograd_lite import Tensor
    >>> try:
    ...     Tensor([1.0, 2.0], requires_grad=True).backward([1.0, 2.0, 3.0])
    ... except GradientShapeError as error:
    ...     print(str(error).partition(":")[0])
    The given gradient has shape (3,), but the Tensor has shape (2,)
    """


class GradientDtypeError(AutogradError, TypeError):
    """A gradient that was given does not have a dtype that its Tensor can hold.

    >>> from autograd_lite import Tensor
    >>> try:
    ...     Tensor([1.0, 2.0], requires_grad=True).backward([1j, 2.0])
    ... except GradientDtypeError as error:
    ...     print(str(error)[:44])
    The given gradient has dtype complex128, whi
    """


class BroadcastError(AutogradError, ValueError):
    """The shapes of the operands of an operation do not go together.

    >>> from autograd_lite import Tensor
    >>> try:
    ...     Tensor([1.0, 2.0]) + Tensor([1.0, 2.0, 3.0])
    ... except BroadcastError as error:
    ...     print(str(error).partition(":")[0])
    The shapes (2,) and (3,) do not go together in add
    """


class IntegerGradientError(AutogradError, TypeError):
    """Integers and booleans have no derivative, so they cannot require one.

    >>> from autograd_lite import Tensor
    >>> try:
    ...     Tensor([1, 2], requires_grad=True)
    ... except IntegerGradientError as error:
    ...     print(str(error).partition(":")[0])
    A Tensor of dtype int64 cannot require a gradient
    """


class ObjectArrayError(AutogradError, TypeError):
    """An object array, or a list of Tensors, was given where numbers are needed.

    >>> from autograd_lite import Tensor
    >>> try:
    ...     Tensor([1.0, None])
    ... except ObjectArrayError as error:
    ...     print(str(error).partition(":")[0])
    A Tensor holds numbers, and this data has dtype object
    """


class ForeignArrayError(AutogradError, TypeError):
    """An array of another kind stands where what it means would be lost.

    >>> import numpy as np
    >>> from autograd_lite import Tensor
    >>> try:
    ...     Tensor(np.ma.masked_array([1.0, 2.0], [False, True]))
    ... except ForeignArrayError as error:
    ...     print(str(error).partition(":")[0])
    A masked array stands beside a Tensor, which would drop its mask
    """


class InPlaceError(AutogradError, RuntimeError):
    """Something tried to overwrite a value that the tape still needs.

    >>> from autograd_lite import Tensor
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> y = x * 2.0
    >>> try:
    ...     y[0] = 3.0
    ... except InPlaceError as error:
    ...     print(str(error).partition(":")[0])
    The result of 'multiply' is on the tape, so it cannot be written into
    """


class StaleValueError(AutogradError, RuntimeError):
    """A value was changed after it was used and before its gradient was taken.

    >>> from autograd_lite import Tensor
    >>> w = Tensor(2.0, requires_grad=True)
    >>> loss = w * w
    >>> w.data = 3.0
    >>> try:
    ...     loss.backward()
    ... except StaleValueError as error:
    ...     print(str(error).partition(":")[0])
    The Tensor was changed after 'multiply' used it
    """


class CheckpointError(AutogradError, RuntimeError):
    """A checkpointed function did not do the same when it was run again.

    >>> import numpy as np
    >>> from autograd_lite import Tensor
    >>> from autograd_lite import checkpoint
    >>> lengths = iter([2, 3])
    >>> changing = checkpoint(lambda x: x * np.ones(next(lengths)))
    >>> loss = np.sum(changing(Tensor(1.0, requires_grad=True)))
    >>> try:
    ...     loss.backward()
    ... except CheckpointError as error:
    ...     print(str(error)[:43])
    The checkpointed function <lambda> returned
    """


class DetachError(AutogradError, TypeError):
    """Something outside NumPy's protocols would have dropped the tape in silence.

    >>> from autograd_lite import Tensor
    >>> try:
    ...     float(Tensor(2.0, requires_grad=True) * 3.0)
    ... except DetachError as error:
    ...     print(str(error).partition(":")[0])
    float() would drop the tape of the result of 'multiply'
    """


class NoDerivativeError(AutogradError, NotImplementedError, TypeError):
    """A NumPy function, or one operand of it, has no rule.

    >>> import numpy as np
    >>> from autograd_lite import Tensor
    >>> try:
    ...     np.nextafter(Tensor(2.0, requires_grad=True), 3.0)
    ... except NoDerivativeError as error:
    ...     print(str(error)[:44])
    np.nextafter has no derivative here (is a st
    """


class UnsupportedArgumentError(AutogradError, TypeError):
    """A function has a rule, but not for this argument of it.

    >>> import numpy as np
    >>> from autograd_lite import Tensor
    >>> try:
    ...     np.sum(Tensor([1.0, 2.0], requires_grad=True), out=np.zeros(()))
    ... except UnsupportedArgumentError as error:
    ...     print(str(error).partition(":")[0])
    np.sum(…, out=…) would overwrite a value on the tape
    """


class RuleError(AutogradError, ValueError):
    """A rule, or a declaration of one, is wrong: the message names which.

    >>> from autograd_lite import derivative
    >>> try:
    ...     derivative(lambda x: x * x, y=lambda g: g)
    ... except RuleError as error:
    ...     print(str(error).partition(":")[0])
    A rule of '<lambda>' is for, or names, 'y', which is no argument of it; those are x.
    """


class CompileError(AutogradError, TypeError):
    """A program does something that a compiled one cannot: the message names the line.

    >>> from autograd_lite import compile
    >>> try:
    ...     compile(lambda x: x * 2.0 if x > 0 else x)(1.0)
    ... except CompileError as error:
    ...     print("np.where(condition, a, b)" in str(error))
    True
    """


class TreeError(AutogradError, ValueError):
    """A nest, or a vector of its numbers, does not have the form of another.

    >>> from autograd_lite import tree
    >>> tree.unflatten(tree.structure([1.0, 2.0]), [1.0])
    Traceback (most recent call last):
    autograd_lite.errors.TreeError: The structure has 2 leaves, and got 1.
    """


class VmapError(AutogradError, TypeError):
    """A function cannot be mapped over a batch: the message names the line, or the argument.

    >>> import numpy as np
    >>> from autograd_lite import vmap
    >>> try:
    ...     vmap(lambda x: x * 2.0 if x > 0 else x)(np.ones(3))
    ... except VmapError as error:
    ...     print("np.where(condition, a, b)" in str(error))
    True
    """


class NotFiniteError(AutogradError, FloatingPointError):
    """A value or a gradient became NaN or infinite inside ``with anomaly():``.

    Attributes
    ----------
    first_bad : FirstBad
        Where, and of which numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_lite import Tensor
    >>> from autograd_lite import anomaly
    >>> try:
    ...     with anomaly(), np.errstate(all="ignore"):
    ...         np.log(Tensor(-1.0, requires_grad=True, name="x"))
    ... except NotFiniteError as error:
    ...     print(error.first_bad.numbers, error.first_bad.value)
    log(-1) nan
    """

    def __init__(self, first_bad: Any) -> None:
        super().__init__(first_bad)
        self.first_bad = first_bad


class MissingExtraError(AutogradError, ImportError):
    """An optional package is missing: the message names the extra that brings it.

    >>> raise MissingExtraError("To draw a graph, the package 'graphviz' is needed.")
    Traceback (most recent call last):
    autograd_lite.errors.MissingExtraError: To draw a graph, the package 'graphviz' is needed.
    """


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

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_lite import derivative
    >>> from autograd_lite.testing import check_gradients
    >>> square = derivative(lambda x: x * x, name="square", x=lambda g, x: g * x)
    >>> try:
    ...     check_gradients(square, np.array(3.0))
    ... except GradientCheckError as error:
    ...     print(str(error).splitlines()[0])
    The derivative of order 1 of 'square' with respect to x is wrong: analytic 3, numerical 6.
    """

    report: Any = None
    findings: Sequence[Any] = ()
    step: Any = None
    reproduce: str | None = None


class CheckInputError(AutogradError, ValueError):
    """What was given to a gradient check cannot be checked: a random function, NaN at the point.

    Its attribute `reproduce` is a line that shows it again when pasted.

    >>> import numpy as np
    >>> from autograd_lite.testing import check_gradients
    >>> try:
    ...     check_gradients(np.sqrt, np.array(-1.0))
    ... except CheckInputError as error:
    ...     print(str(error).partition(":")[0])
    'sqrt' is NaN at this point
    """

    reproduce: str | None = None


class UncertainGradientWarning(UserWarning):
    """A gradient check cannot tell: its numerical reference is too uncertain there.

    >>> issubclass(UncertainGradientWarning, UserWarning)
    True
    """


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
