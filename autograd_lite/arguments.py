"""Checks of a transform's arguments: each wrong call gets one sentence.

Users come with the spellings of other libraries (``argnums``, ``grad(loss, x)``,
``grad(f, [0, 1])``), with functions that return nothing, and with tangents of
another form than the arguments. All transforms check their arguments here.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

from .errors import (
    GradientDtypeError,
    IntegerGradientError,
    NonScalarBackwardError,
    ObjectArrayError,
)
from .tensor import Tensor, unwrap
from .trees import described, flatten, flatten_like, is_number

Argnum = int | tuple[int, ...]

P = ParamSpec("P")
R = TypeVar("R")

# -- before the function is run ------------------------------------------------------------------


_USES = {
    **dict.fromkeys(("vjp", "linearize"), "{}(f, x)"),
    **dict.fromkeys(("grad", "value_and_grad", "elementwise_grad"), "{}(f)(x)"),
    **dict.fromkeys(("jacobian", "jacfwd", "jacrev", "hessian", "checkpoint", "vmap"), "{}(f)(x)"),
    "jvp": "{}(f, (x,), (t,))",
    "hvp": "{}(f)(x, v)",
    "source": "{}(f, x)",
    "compile": "{}(f)(x)",
    "for_scipy": "{}(f, x)",
}


def transform_of_functions(transform: Callable[P, R]) -> Callable[P, R]:
    """Check a transform's arguments first, since other libraries spell them otherwise."""
    name, parameters = transform.__name__, inspect.signature(transform).parameters
    use = _USES[name].format(name)

    @functools.wraps(transform)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        f: Any = args[0] if args else kwargs.get("f", kwargs.get("outputs"))
        if not callable(f):
            found, instead = repr(f), ""
            if isinstance(f, Tensor):
                found = "a Tensor"
                instead = ": for the gradient of a computed value call backward() and read x.grad"
            elif is_number(f):
                found, instead = described(f), ": give the function, not its result"
            raise TypeError(f"{name} takes a function, as in {use}, and got {found}{instead}.")
        if "argnum" in parameters:
            if "argnums" in kwargs:
                raise TypeError(f"{name} calls it argnum: write argnum=0, or argnum=(0, 1).")
            check_argnum(name, args[1] if len(args) > 1 else kwargs.get("argnum", 0))
        return transform(*args, **kwargs)

    return checked


def check_inputs(
    function: Callable[..., Any], inputs: Sequence[Any], instead: str, /, **keywords: Any
) -> None:
    """Raise unless a function can be called on these inputs, saying what to do `instead`."""
    try:
        inspect.signature(function).bind(*inputs, **keywords)
    except ValueError:  # it has no signature
        pass
    except TypeError as error:
        name = getattr(function, "__name__", type(function).__name__)
        raise TypeError(
            f"{name} cannot be called on the inputs given ({error}): {instead}."
        ) from None


def check_argnum(name: str, argnum: Any) -> None:
    """Raise unless `argnum` is an integer or a tuple of integers."""
    numbers = argnum if isinstance(argnum, tuple) else (argnum,)
    if numbers and all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        return
    instead = ""
    if isinstance(argnum, list):
        instead = f": write {tuple(argnum)!r}"
    elif is_number(argnum):
        use = _USES[name].format(name)
        instead = f": {name}(f) returns a function, which takes the arguments, as in {use}"
    found = described(argnum) if isinstance(argnum, (Tensor, np.ndarray)) else repr(argnum)
    raise TypeError(f"argnum is a whole number or a tuple of them, not {found}{instead}.")


_CONTAINERS = (np.ndarray, Tensor, float, list, tuple, dict)  # which may be empty


def argnums_of(f: Any, args: tuple[Any, ...], argnum: Argnum) -> list[int]:
    """Return the arguments that `argnum` is of, each one once and counted from the left."""
    if argnum == 0 and args and type(args[0]) in _CONTAINERS:  # as mostly
        return [0]
    chosen: list[int] = []
    for n in argnum if isinstance(argnum, tuple) else (argnum,):
        if not -len(args) <= n < len(args):
            raise TypeError(
                f"The gradient of {getattr(f, '__name__', 'the function')} was asked for argument "
                f"{n}, and it was called with {len(args)} positional ones: give that argument by "
                "position."
            )
        if n % len(args) in chosen:
            raise TypeError(f"argnum names argument {n % len(args)} twice: {argnum!r}.")
        if not (isinstance(args[n], _CONTAINERS) or flatten(args[n])[0]):
            raise IntegerGradientError(
                f"The gradient was asked for {args[n]!r}, in which there is no number: give "
                "floats, as in 2.0."
            )
        chosen.append(n % len(args))
    return chosen


# -- after it was run ---------------------------------------------------------------------------


def check_numbers(name: str, result: Any, outputs: Sequence[Any]) -> None:
    """Raise unless a function returned numbers."""
    odd = [unwrap(x) for x in outputs if np.result_type(unwrap(x)).kind not in "fciub"]
    if odd or (not outputs and not (isinstance(result, (list, tuple, dict)) and not result)):
        found = f"dtype {odd[0].dtype}" if odd else _returned(result)
        raise ObjectArrayError(
            f"{name} needs a function that returns numbers, and this one returned {found}."
        )


def _returned(result: Any) -> str:
    return "None: it may lack a return" if result is None else described(result)


def one_number(name: str, result: Any) -> Any:
    """Return the one real number that a function returned; raise if it is none."""
    if type(unwrap(result)) is np.float64:
        return result
    wanted = f"{name} needs a function that returns one number, and this one returned"
    if not is_number(result):
        raise NonScalarBackwardError(
            f"{wanted} {_returned(result)}"
            + (", of which the second may be something else with has_aux=True."
               if isinstance(result, tuple) and len(result) == 2 else ".")
        )  # fmt: skip
    dtype = np.result_type(unwrap(result))
    if dtype.kind == "c":
        raise NonScalarBackwardError(
            f"{name} needs a function that returns a real number, and this one returned a complex "
            "one: take its real part or its absolute value."
        )
    if np.size(unwrap(result)) != 1:
        raise NonScalarBackwardError(
            f"{wanted} {described(result)}: reduce the result first, as with np.sum."
        )
    if dtype.kind not in "fiu":
        raise NonScalarBackwardError(f"{wanted} dtype {dtype}, which has no derivative.")
    return result


def seeds_like(tree: Any, model: Any, what: str, whose: str, numbers: Sequence[Any]) -> list[Any]:
    """Return a tangent, or an upstream gradient, as arrays like the `numbers` of a model."""
    seeds = []
    for g, x in zip(flatten_like(tree, model, what, whose), numbers, strict=True):
        g = g if isinstance(g, Tensor) else np.asarray(g)[()]
        dtype = np.result_type(unwrap(x))
        if dtype.kind in "fc" and g.dtype != dtype:
            if not np.can_cast(g.dtype, dtype, "same_kind"):
                raise GradientDtypeError(
                    f"The {what} has dtype {g.dtype}, and {whose} has dtype {dtype}, which cannot "
                    "hold it: convert it with astype first."
                )
            g = g.astype(dtype)
        seeds.append(g)
    return seeds
