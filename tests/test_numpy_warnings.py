"""What NumPy warns of, and where: as if the user's line had called NumPy itself."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_lite import Tensor, checkpoint, grad, hessian, jvp
from autograd_lite.calculus.neural import softmax
from autograd_lite.composite import Composite
from autograd_lite.protocol import TABLE
from tests.tables import numpys

SPECIAL = (0.0, -1.0, 2.0, 1e200, -np.inf, np.nan)
UFUNCS = [
    f
    for f in numpys()
    if isinstance(f, np.ufunc) and f.signature is None and "d" * f.nin + "->" in "".join(f.types)
]


def heard(program: Callable[..., Any], *given: Any, action: Any = "always") -> list[Any]:
    """Return the warnings of a program: what, where, and of which kind."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(action)
        program(*given)
    return [(w.filename, w.lineno, w.category, str(w.message)) for w in caught]


def raised(program: Callable[..., Any], *given: Any) -> Any:
    try:
        program(*given)
    except (RuntimeWarning, FloatingPointError, TypeError) as error:
        return type(error), str(error).splitlines()[0]
    return None


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda f: f.__name__)
def test_warnings_are_those_of_numpy(ufunc: np.ufunc) -> None:
    for given in itertools.product([np.array([x]) for x in SPECIAL], repeat=ufunc.nin):

        def program(*operands: Any) -> Any:
            return ufunc(*operands)

        tensors = [Tensor(x, requires_grad=True) for x in given]
        expected = heard(program, *given)
        found = heard(program, *tensors)
        if isinstance(TABLE[ufunc], Composite):  # one step of NumPy's may be several of ours
            assert {tuple(place) for *place, _ in found} == {tuple(place) for *place, _ in expected}
            continue
        assert found == expected
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert raised(program, *tensors) == raised(program, *given)
        with np.errstate(all="raise"):
            assert raised(program, *tensors) == raised(program, *given)
        with np.errstate(all="ignore"):
            assert heard(program, *tensors) == []


def zero() -> Any:
    return Tensor([0.0], requires_grad=True)


LINES: dict[str, Callable[[], Any]] = {
    "operator": lambda: zero() / 0.0,
    "reflected": lambda: 1.0 / zero(),
    "scalar": lambda: Tensor(1e200) * 1e200,
    "method": lambda: zero().log(),
    "conversion": lambda: Tensor(np.nan).astype(int),
    "fused": lambda: softmax(Tensor([-np.inf, -np.inf])),
    "helper of a fused one": lambda: nn.MSELoss()(
        Tensor(np.float32([3e38]), requires_grad=True), Tensor(np.float32([-3e38]))
    ),
    "module": lambda: nn.Softmax()(Tensor([-np.inf])),
    "grad": lambda: grad(lambda x: np.log(x))(0.0),
    "nested": lambda: grad(grad(lambda x: np.log(x)))(0.0),
    "jvp": lambda: jvp(lambda x: np.log(x), (0.0,), (1.0,)),
    "hessian": lambda: hessian(lambda x: np.sum(np.log(x)))(np.zeros(1)),
    "checkpoint": lambda: checkpoint(lambda x: np.log(x))(zero()),
}


@pytest.mark.parametrize("name", LINES)
def test_warnings_name_the_users_line(name: str) -> None:
    program = LINES[name]
    found = heard(program)
    assert found
    assert {(file, line) for file, line, *_ in found} == {
        (__file__, program.__code__.co_firstlineno)
    }
    assert {kind for *_, kind, _ in found} == {RuntimeWarning}


def test_a_warning_is_shown_once_for_each_line() -> None:
    def program(x: Any) -> None:
        for _ in range(3):
            np.exp(x)
            np.exp(x)

    x = np.array([1000.0])
    first = program.__code__.co_firstlineno + 2
    lines = [line for _, line, *_ in heard(program, Tensor(x), action="default")]
    assert lines == [first, first + 1]
    assert lines == [line for _, line, *_ in heard(program, x, action="default")]


def test_other_handlers_are_called_as_by_numpy() -> None:
    def kinds(x: Any, operation: Any) -> list[Any]:
        called: list[Any] = []
        with np.errstate(all="call", call=lambda kind, flag: called.append(kind)):
            operation(x)
        return called

    x = np.array([0.0, 1.0])
    assert kinds(Tensor(x), np.log) == kinds(x, np.log) == ["divide by zero"]
    # Of a function of ours: one kind is a warning, another one is called.
    given = Tensor([-np.inf, -np.inf])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        called: list[str] = []
        with np.errstate(divide="call", call=lambda kind, flag: called.append(kind)):
            softmax(given)
    assert [str(w.message) for w in caught] == ["invalid value encountered in softmax"]


def test_an_error_is_that_of_the_function() -> None:
    with pytest.raises(TypeError, match="bitwise_and") as caught:
        Tensor(1.5) & Tensor(2.5)
    assert caught.value.__suppress_context__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="overflow encountered in exp") as warned:
            np.exp(Tensor([1000.0]))
    assert warned.value.__suppress_context__  # the TypeError is how we work, and nobody's error
    assert warned.traceback[-1].path == Path(__file__)
