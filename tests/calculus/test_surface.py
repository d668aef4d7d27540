"""Any call of any function is read as NumPy reads it.

Nothing here knows a function by its name: calls of `cases.py` are changed, by the signature
that NumPy itself states, into calls that nobody wrote down. What NumPy refuses must be
refused, with its kind of error and its words; what it takes must give its result. A list
stands for an array, and what is as by default may be said.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from autograd_lite import Tensor
from autograd_lite.composite import NO_VALUE, signature
from autograd_lite.errors import (
    DetachError,
    NoDerivativeError,
    ObjectArrayError,
    UnsupportedArgumentError,
)
from tests.calculus.cases import ENTRIES, is_internal, label, results_of, some
from tests.calculus.variations import UNORDERED

FUNCTIONS = sorted(
    (f for f in ENTRIES if not is_internal(f) and f is not np.ndarray.astype), key=label
)
every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=label)
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        np.lib.NumpyVersion(np.__version__) < "2.4.0",
        reason="older releases of NumPy have other parameters, dtypes and errors, a few of each",
    ),
]

WRONG: list[Any] = [
    *(-1, 7, 1.5, True, None, "wrong", "F", (0, 0), [0, 1], (1, 0), np.int32, object()),
    *(np.array([0.5, 0.5]), np.array([1, 0, 1])),
]
"""Given in the place of any parameter: some fit there, most do not."""
UFUNCS = {"out": None, "where": True, "casting": "same_kind", "order": "K", "dtype": None,
          "subok": True}  # fmt: skip
"""What every ufunc takes; before NumPy 2.4 it is stated nowhere."""
UNKNOWN = {np.empty_like}  # memory as it is found
"""Functions whose result is not compared."""


def is_odd(function: Any, name: str, value: Any) -> bool:
    """Whether NumPy's own answer to a call is no answer."""
    # It counts a number of `where` that often, and sums up once.
    counts = name == "where" and function in (np.mean, np.var, np.std)
    return counts and type(value) is int and value in (-1, 7)


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def with_keyword(self, **kwargs: Any) -> Arguments:
        """Return them with further keywords."""
        return replace(self, kwargs={**self.kwargs, **kwargs})


def outcome(function: Any, given: Arguments) -> Any:
    """Return a result, or the error that is raised."""
    with np.errstate(all="ignore"):
        try:
            return function(*given.args, **given.kwargs)
        except Exception as error:
            return error


def changed(x: Any, change: Any) -> Any:
    """Apply a change to every array among arguments, also in lists."""
    if type(x) in (list, tuple):
        return type(x)(changed(i, change) for i in x)
    return change(x) if isinstance(x, np.ndarray) else x


def on(given: Arguments, change: Any) -> Arguments:
    args = tuple(changed(a, change) for a in given.args)
    return Arguments(args, {k: changed(a, change) for k, a in given.kwargs.items()})


def tensor(x: Any) -> Any:
    return Tensor(x, requires_grad=x.dtype.kind in "fc") if x.dtype.kind in "fciub" else x


def hold(
    function: Any, given: Arguments, what: str, ours: Arguments | None = None, through: Any = None
) -> None:
    """Assert that a call of Tensors gives what the same call of arrays gives."""
    expected = outcome(through or function, on(given, np.copy))
    actual = outcome(through or function, on(given, tensor) if ours is None else ours)
    if isinstance(expected, Exception):
        of_numpy = str(expected).partition(" (")[0] in str(actual) or "NoValue" in str(actual)
        kind = isinstance(actual, type(expected)) and (of_numpy or ours is not None)
        holds = kind or is_documented(actual, expected)
    else:
        holds = is_numpys(function, given, actual, expected)
    assert holds, f"{label(function)}: {what}: NumPy {expected!r:.200}, ours {actual!r:.300}"


def is_numpys(function: Any, given: Arguments, actual: Any, expected: Any) -> bool:
    """Whether a result is NumPy's, or the refusal of one of which we say so."""
    if isinstance(actual, Exception):
        return is_documented(actual, expected)
    return function in UNKNOWN | UNORDERED or same(actual, expected, floats(given))


def is_documented(error: Any, expected: Any) -> bool:
    """Whether a refusal is one of those that the documentation states."""
    if isinstance(error, ObjectArrayError):
        return True  # objects have no derivative
    if isinstance(error, DetachError):
        # NumPy asks some arguments only, or counts with one of them: we are not asked.
        called = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        return "apply_function" not in called or "apply_over_axes" in called
    if any(np.asarray(r).dtype.kind in "OUS" for r in results_of(expected)):
        return True  # neither have objects and text
    kinds = (UnsupportedArgumentError, NoDerivativeError)
    return isinstance(error, kinds) and any(words in str(error) for words in REFUSALS)


REFUSALS = (
    "only chooses by its argument",
    "leaves the other places without a value",  # a ufunc's where=
    "other columns of a complete Q are not determined",
    "for widths below the length",
    "np.copyto has no derivative here (writes into an array",  # np.full_like(x, t) calls it
)


def floats(given: Arguments) -> list[Any]:
    """Return the dtypes of the floats among arguments: no result is more precise than they."""
    found: list[Any] = []
    on(given, lambda x: found.append(x.dtype))
    return [d for d in found if d.kind in "fc"]


def same(actual: Any, expected: Any, coarser: Any = ()) -> bool:
    if isinstance(expected, (list, tuple)):
        alike = isinstance(actual, (list, tuple)) and len(actual) == len(expected)
        return alike and all(same(a, e, coarser) for a, e in zip(actual, expected, strict=True))
    if not isinstance(expected, (np.ndarray, np.generic, int, float, complex)):
        return bool(actual == expected)
    actual = actual.numpy() if isinstance(actual, Tensor) else np.asarray(actual)
    expected = np.asarray(expected)
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        return False
    if expected.dtype.kind not in "fc":
        return bool(np.array_equal(actual, expected))
    # NumPy's own numbers that are longer than double are not all of that precision.
    precision = 64 * max(np.finfo(d).eps for d in (expected.dtype, *coarser, np.float64))
    finite = np.abs(expected[np.isfinite(expected)])
    close = precision * np.max(finite, initial=1.0)
    return bool(np.allclose(actual, expected, rtol=precision, atol=close, equal_nan=True))


def calls(function: Any, count: int = 2) -> Iterator[Arguments]:
    for call in some(function, count):
        args, kwargs = call.arguments()
        yield Arguments(args, dict(kwargs))


# -- what stands in a call, by the name of the parameter ---------------------------------------


def parameters(function: Any) -> dict[str, Any]:
    """Return the parameters that can be given by name, with their defaults."""
    if isinstance(function, np.ufunc):
        return UFUNCS
    stated = signature(function)
    given_by_name = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    everything = stated.parameters.values() if stated else ()
    return {p.name: p.default for p in everything if p.kind in given_by_name and p.name != "like"}


def with_parameter(function: Any, given: Arguments, name: str, value: Any) -> Arguments | None:
    """Return a call with another value of a parameter; None where that is one of its arrays."""
    stated = signature(function)
    if stated is None:
        return given.with_keyword(**{name: value})
    bound = stated.bind(*given.args, **given.kwargs)
    now = bound.arguments.get(name)
    if isinstance(now, np.ndarray) or (type(now) in (list, tuple) and any(map(is_array, now))):
        return None
    bound.arguments[name] = value
    order = [n for n in stated.parameters if n in bound.arguments]
    bound.arguments = {n: bound.arguments[n] for n in order}
    return Arguments(bound.args, bound.kwargs)


def is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray)


@every_function
def test_wrong_arguments(function):
    for given in calls(function, 1 if isinstance(function, np.ufunc) else 2):
        hold(function, given.with_keyword(foo=1), "foo=1")
        for name in parameters(function):
            for value in WRONG:
                call = with_parameter(function, given, name, value)
                out = name == "out" and value is not None
                if call is not None and not out and not is_odd(function, name, value):
                    hold(function, call, f"{name}={value!r}")


@every_function
def test_defaults_written_out(function):
    stated = signature(function)
    for given in calls(function):
        for name, default in parameters(function).items():
            if default is not inspect.Parameter.empty:
                call = with_parameter(function, given, name, default)
                if call is not None and name not in given.kwargs:
                    hold(function, call, f"{name}={default!r}")
        if stated is None:
            continue
        bound = stated.bind(*given.args, **given.kwargs)
        bound.apply_defaults()
        hold(function, Arguments(bound.args, bound.kwargs), "everything by position")
        named = {n: bound.arguments.pop(n) for n in parameters(function) if n in bound.arguments}
        gathered = [p.kind is p.VAR_POSITIONAL for p in stated.parameters.values()]
        if not any(gathered):
            hold(function, Arguments(bound.args, {**bound.kwargs, **named}), "everything by name")


METHODS = [
    name
    for name in dir(np.ndarray)
    if callable(getattr(np.ndarray, name)) and getattr(np, name, None) in FUNCTIONS
]


@pytest.mark.parametrize("name", METHODS)
def test_wrong_arguments_and_defaults_of_methods(name):
    function = getattr(np, name)

    def method(x: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(x, name)(*args, **kwargs)

    for given in calls(function):
        if not given.args or not is_array(given.args[0]):
            continue  # np.compress and np.choose take the array of the method elsewhere
        hold(function, given.with_keyword(foo=1), "foo=1", through=method)
        for parameter, default in parameters(function).items():
            for value in (*WRONG, default):
                missing = value is inspect.Parameter.empty or value is NO_VALUE
                out = parameter == "out" and value is not None
                call = with_parameter(function, given, parameter, value)
                if call and not (missing or out or is_odd(function, parameter, value)):
                    hold(function, call, f"{parameter}={value!r}", through=method)


# -- what stands in the place of an array ------------------------------------------------------


def places(given: Arguments) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield each array of a call, with where it stands."""
    for key, x in (*enumerate(given.args), *given.kwargs.items()):
        for inner, y in enumerate(x) if type(x) in (list, tuple) else [(None, x)]:
            if isinstance(y, np.ndarray):
                yield (key, inner), y


def put(given: Arguments, place: Any, value: Any) -> Arguments:
    key, inner = place
    args, kwargs = list(given.args), dict(given.kwargs)
    where: Any = args if isinstance(key, int) else kwargs
    if inner is None:
        where[key] = value
    else:
        where[key] = type(where[key])(value if i == inner else x for i, x in enumerate(where[key]))
    return Arguments(tuple(args), kwargs)


@every_function
def test_lists_in_place_of_arrays(function):
    """NumPy sees that a Tensor is there only where one is left as an argument of its own."""
    for given in calls(function, 4):
        arrays = [(place, x) for place, x in places(given) if x.dtype.char in "d?lq"]
        for place, x in arrays if len(list(places(given))) > 1 else []:
            listed = put(given, place, x.tolist())
            hold(function, listed, f"a list at {place}")
            if x.ndim and x.dtype.kind == "f" and place[1] is None:
                of_tensors = [Tensor(row, requires_grad=True) for row in x]
                ours = put(on(given, tensor), place, of_tensors)
                hold(function, listed, f"a list of Tensors at {place}", ours)


@every_function
def test_wrong_arrays(function):
    for given in calls(function, 1):
        several = len(list(places(given))) > 1
        for place, x in places(given):
            whole = np.nan_to_num(np.real(x)) * 3
            others = [
                *(x[None], x[:0] if x.ndim else x, np.zeros((0, 3)), np.ones(7), np.array(1.5)),
                *(np.ones((2, 2, 2, 2)), np.arange(6.0).reshape(2, 3), whole > 1.0),
                *(whole.astype(int), np.abs(whole).astype(np.uint8), x.astype(np.float32)),
                *([x[0]] if x.ndim and len(x) else []), x.astype(complex),
                *(["text", None, [[1.0], [2.0, 3.0]]] if several else []),
            ]  # fmt: skip
            for other in others:
                hold(function, put(given, place, other), f"at {place} {other!r}")
