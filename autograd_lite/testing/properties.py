"""gradient_test: a test of a function's gradients, at points that Hypothesis chooses."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from ..errors import CheckInputError, GradientCheckError
from .gradients import check_gradients
from .grids import one_by_one
from .strategies import Strategy, strategies_module


def gradient_test(
    f: Callable[..., Any], *strategies: Strategy, settings: Any = None, **options: Any
) -> Callable[[], None]:
    """Return a test that checks the gradients of `f` wherever Hypothesis looks.

    Where one is wrong, it shrinks the arguments to the smallest that show it, and ends with
    a line that shows it again when pasted, without Hypothesis.

    Parameters
    ----------
    f
        What `check_gradients` takes.
    *strategies
        One for each argument. One alone may draw a tuple of all arguments, as
        `broadcastable_arrays` does.
    settings
        ``hypothesis.settings(...)``: how many examples, by default as the profile says.
    **options
        For `check_gradients`, as ``order=1``.

    Returns
    -------
    callable
        A test without arguments: pytest finds it if its name begins with ``test_``.

    Examples
    --------
    >>> from autograd_lite.testing import arrays, tensors
    >>> test_square = gradient_test(lambda x: x * x, tensors(max_side=2), order=1)
    >>> test_square()

    A rule with a mistake at large arguments:

    >>> import numpy as np
    >>> from autograd_lite import derivative
    >>> cube = derivative(
    ...     lambda x: x**3, name="cube", x=lambda g, x: g * np.where(x > 2.9, 2.0, 3.0) * x**2
    ... )
    >>> try:
    ...     gradient_test(cube, arrays(layouts=["C"]), order=1)()
    ... except AssertionError as error:
    ...     print(error.__notes__[-1].rsplit("; ")[-1])
    check_gradients(cube, np.array(3.0), order=1)
    """
    st = strategies_module()
    hypothesis: Any = importlib.import_module("hypothesis")

    def search(inputs: tuple[Any, ...]) -> None:
        __tracebackhide__ = True
        if len(inputs) == 1 and isinstance(inputs[0], tuple):
            inputs = inputs[0]
        check_gradients(f, *inputs, **options)

    quiet = hypothesis.settings(
        settings or hypothesis.settings.default,
        deadline=None,
        report_multiple_bugs=False,
        phases=[p for p in hypothesis.Phase if p != hypothesis.Phase.explain],
    )
    run: Callable[[], None] = quiet(hypothesis.given(st.tuples(*strategies))(search))

    def test() -> None:
        __tracebackhide__ = True
        token = one_by_one.set(True)
        try:
            run()
        except (GradientCheckError, CheckInputError) as error:
            if error.reproduce is not None:
                # Last of all, after what Hypothesis has to say.
                notes = [note for note in error.__notes__ if note != error.reproduce]
                error.__notes__ = [*notes, error.reproduce]
            raise
        finally:
            one_by_one.reset(token)

    name = getattr(f, "__name__", None) or getattr(f, "name", None) or "f"
    test.__name__ = test.__qualname__ = f"test_{name}"
    test.__doc__ = f"The gradients of {name} are right."
    return test
