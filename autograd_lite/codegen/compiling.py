"""`compile`: a function that was recorded once, run again without the tape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arguments import transform_of_functions
from . import backends
from .compiled import Compiled
from .stepping import Stepper

LIMIT = 32
"""For so many forms of its arguments a function is compiled; one more is an error."""


@transform_of_functions
def compile(
    f: Callable[..., Any],
    *others: Any,
    back_end: str = "auto",
    limit: int = LIMIT,
    state: Any = None,
) -> Any:
    """Return a function that computes what `f` does, without a tape.

    The first call records `f`, forward and backward, and builds code of it; later calls run
    that. It composes with every transform: ``compile(value_and_grad(loss))``,
    ``compile(hvp(f))``, ``compile(grad(grad(f)))``.

    Parameters
    ----------
    f
        A function of numbers, arrays, Tensors and nested lists, tuples, dicts and dataclasses
        of them. Arrays, Tensors, NumPy's scalars and Python's floats may have other values in
        each call. All else (whole numbers, bools, texts) is fixed: for another, `f` is
        recorded again, as it is for other shapes, dtypes or memory layouts.
    back_end
        ``"numpy"``, ``"numba"`` (the extra ``fast``), or ``"auto"``: the best that is there
        and can say what `f` does.
    *others
        ``compile(model, loss, optimizer)`` gives the training step of a network, which takes a
        batch: see `nn.compiled`.
    limit
        For how many forms of its arguments it may be compiled.
    state
        Arrays, nested, that a step updates in place: ``f(state, *args)`` returns ``(new state,
        result)``, what is returned here takes the other arguments alone, returns the result,
        and has written the new state into the arrays.

    Returns
    -------
    Compiled
        Called as `f` is. It returns arrays and NumPy's numbers where `f` may return Tensors;
        they belong to the caller. Its `source` is what runs, `explain` says what of it.

    Raises
    ------
    CompileError
        In the first call, if what `f` does depends on the values: a branch on one, ``.item()``,
        a shape that they decide, random numbers without a generator, a write into an array
        that it did not make. The message names the line.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_lite import compile, value_and_grad
    >>> step = compile(value_and_grad(lambda w, x: np.sum((w * x) ** 2)), back_end="numpy")
    >>> step(np.array([1.0, 2.0]), np.array([3.0, 1.0]))
    (np.float64(13.0), array([18.,  4.]))
    """
    backends.chosen(back_end)
    if others:
        build = getattr(f, "__compile__", None)
        if build is None:
            raise TypeError(
                "compile takes a function; or a model, its loss and its optimizer, as in "
                "compile(model, nn.MSELoss(), optimizer)."
            )
        return build(*others, back_end=back_end, limit=limit)
    if state is not None:
        return Stepper(f, state, back_end, limit)
    return Compiled(f, back_end, limit)
