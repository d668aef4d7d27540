"""check_gradients: hold the derivatives of a function against numerical ones.

A function of arguments and results of any form becomes one from a list of arrays to a list
of arrays. Its Jacobian is then known in three ways: by rows (reverse mode), by columns
(forward mode) and by differences (:mod:`.numerical`), which must agree. A small one is
compared number by number; of a large one, sums with random weights, along random directions.

Order n is checked by differencing the analytic derivative of order n − 1, which has been
checked by then: a function's gradient, contracted with fixed random weights, is again a
function from a list of arrays to a list of arrays.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import CheckInputError, GradientCheckError, UncertainGradientWarning
from .arguments import is_module
from .orders import Check
from .pasting import reproducible
from .report import Report


def check_gradients(
    f: Callable[..., Any],
    *inputs: Any,
    order: int = 2,
    rtol: float | None = None,
    atol: float = 0.0,
    seed: int | np.random.Generator = 0,
    verbose: bool = False,
) -> Report:
    """Compare the derivatives of `f` with numerical ones, for every argument and result.

    Parameters
    ----------
    f
        A function of real or complex numbers; its result may have any shape and
        any form: a tuple, a dict. It is called with Tensors, many times, and must
        be the same each time. Of an `nn` module, the parameters are checked too.
    *inputs
        Where to differentiate: what `grad` takes (arrays, numbers, Tensors, and
        lists, tuples, dicts and dataclasses of them), or an `nn` module, for
        its parameters. What should not be differentiated, such as an index,
        belongs into `f`. What is complex is moved, and checked, in its real and
        imaginary part.
    order
        The highest derivative to check; all below are checked too.
    rtol, atol
        What is allowed beside the error that the reference may have: relative to the
        larger of both numbers, and absolute. By default `rtol` is 8 √ε of the dtype.
    seed
        For the random weights and directions.
    verbose
        Whether to print the report, with what it cost.

    Returns
    -------
    Report
        A row for each argument, order and mode, with how well each is known.

    Raises
    ------
    GradientCheckError
        If a derivative is wrong. The message names the order, the argument, the
        element, that of the result, and both values.
    CheckInputError
        If the function is no good to check: random, changing its inputs, NaN here.
    IntegerGradientError
        If an input is not made of floating-point numbers.

    Warns
    -----
    UncertainGradientWarning
        Where the numerical reference is too uncertain to tell, as at a jump, or
        where rounding hides the slope. At a kink each number between the one-sided
        slopes is right.

    Notes
    -----
    Arguments of up to 32 elements are moved element by element, larger ones along six
    random directions; results of up to 8 numbers are looked at one by one, of larger
    ones four sums. A wrong one is then searched for, so that the message can name it.

    An input of less precision than float64 is checked twice: converted to
    float64, as above; and as it is, where its gradient must have its dtype and
    be that of the float64 program within ``max(rtol, √ε)`` of the largest of
    its elements and of the derivatives below: what cancels leaves its rounding.
    `f` gets read-only views of the inputs, so a function or a rule that writes into one
    fails; and the numerical derivatives are taken at a copy in C order, so that
    a function that depends on how its inputs lie in memory is found.

    Examples
    --------
    >>> import numpy as np
    >>> report = check_gradients(lambda x: np.tanh(x) ** 2, np.array([0.3, -1.2]), order=3)
    >>> report.verdict.name
    'RIGHT'

    A rule with a mistake:

    >>> from autograd_lite import derivative
    >>> cube = derivative(lambda x: x**3, name="cube", x=lambda g, x: g * 2 * x**2)
    >>> check_gradients(cube, 2.0)
    Traceback (most recent call last):
        ...
    autograd_lite.errors.GradientCheckError: The derivative of order 1 of 'cube' with respect to x \
is wrong: analytic 8, numerical 12.
    import numpy as np; from autograd_lite.testing import check_gradients; \
check_gradients(cube, 2.0)
    """
    __tracebackhide__ = True
    if order < 1:
        raise ValueError(f"There is no derivative of order {order} to check: give 1 or more.")
    if not inputs and not is_module(f):
        raise TypeError("check_gradients needs a point: give an input for each argument of f.")
    begin = time.perf_counter()
    check = Check(f, inputs, rtol, atol, np.random.default_rng(seed))
    wrong: GradientCheckError | CheckInputError | None
    with _buffers_restored([f, *inputs]):
        try:
            wrong = check.run(order)
        except CheckInputError as error:
            wrong = error
    check.report.seconds = time.perf_counter() - begin
    if verbose:
        print(check.report)
    if wrong is not None:
        options = {"order": order, "rtol": rtol, "atol": atol, "seed": seed}
        raise reproducible(wrong, check_gradients, [f], inputs, options)
    for doubt in check.doubts:
        warnings.warn(doubt, UncertainGradientWarning, stacklevel=2)
    return check.report


@contextmanager
def _buffers_restored(given: Sequence[Any]) -> Iterator[None]:
    """Leave the running means of modules as they were."""
    buffers = [b for x in given if is_module(x) for b in x.buffers()]
    before = [np.array(b.data) for b in buffers]
    try:
        yield
    finally:
        for b, data in zip(buffers, before, strict=True):
            b.data = data
