"""Functions that are made of others: no rule of their own, and NumPy's whole signature.

A composite is differentiated through its definition, so what has to be right is how a
call of it is read. NumPy itself says what it takes: a call of a new form (other shapes,
dtypes or parameters) is first made on the bare arrays, and what NumPy refuses is refused,
in its own words. A definition names the parameters that change a number; others may be
given where they have NumPy's default. Where NumPy reads a list as an array, so do we.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import AutogradError, UnsupportedArgumentError
from .protocol import TABLE
from .tensor import Tensor, bare

_NAMED_ARRAYS = """
    a a1 a2 A append ar ar1 ar2 arr array ary aweights b condition element end f fill_value filt fp
    fweights m p prepend q seq_of_zeros start stop to_begin to_end v val values w weights x x1 x2
    xp y z"""
ARRAYS = frozenset(_NAMED_ARRAYS.split())
"""What NumPy calls the parameters that it reads as one array: a list of numbers is one."""

_FORMS = 4096  # of calls that a function keeps in mind
_LONGEST = 16  # of a list or array, so many values count for the form of a call
_PLAIN = (int, float, complex, bool, str, bytes, type(None), slice, type, np.dtype, np.generic)


def composite(function: Callable[..., Any], definition: Callable[..., Any]) -> Composite:
    """Declare a NumPy function by others that have rules; it needs no derivative.

    >>> import numpy as np
    >>> from autograd_lite import Tensor
    >>> np.square.__name__, TABLE[np.mean].name
    ('square', 'mean')
    """
    entry = Composite(function, definition)
    TABLE[function] = entry
    return entry


class Composite:
    """A function that is differentiated through its definition."""

    def __init__(self, function: Callable[..., Any], definition: Callable[..., Any]) -> None:
        self.function = function
        self.definition = definition
        self.name = function.__name__
        self._asks = str(getattr(function, "__module__", "")).startswith("numpy")
        self._known: dict[Any, bool] = {}  # forms of calls: whether the definition takes them as is

    @functools.cached_property
    def _takes(self) -> inspect.Signature:
        return inspect.signature(self.definition)

    @functools.cached_property
    def _signature(self) -> inspect.Signature:
        """NumPy's own signature; a definition stands in for what has none, before NumPy 2.4."""
        return signature(self.function) or self._takes

    def __repr__(self) -> str:
        return f"<composite {self.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply to Tensors, arrays and numbers."""
        return self.from_numpy(args, kwargs) if self._asks else self.definition(*args, **kwargs)

    def from_numpy(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Apply to the arguments of a NumPy call."""
        form = form_of(args, kwargs)
        as_is = self._known.get(form)
        if as_is is None:
            as_is = self._read(args, kwargs)
            if form is not None:
                if len(self._known) >= _FORMS:
                    self._known.clear()
                self._known[form] = as_is
        given = (args, kwargs) if as_is else self._by_name(args, kwargs)
        try:
            return self.definition(*given[0], **given[1])
        except AutogradError:
            raise
        except Exception:
            self._ask(args, kwargs)  # values, too, can be what NumPy refuses
            raise

    def _read(self, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
        """See that NumPy takes a call of a new form; return whether it can be handed on as is."""
        if kwargs.get("out") is not None:
            raise unsupported(self.function, "out", ())
        self._ask(args, kwargs)
        try:
            bound = self._takes.bind(*args, **kwargs)
        except TypeError:
            return False
        return not any(map(_is_read, bound.arguments.items()))

    def _ask(self, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        """Raise what NumPy raises of a call, if it does."""
        if not self._asks or _calls_back((args, kwargs)):
            return
        args, kwargs = bare_all(list(args)), bare_all(kwargs)
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError:
            pass  # NumPy will say it
        else:
            for name, value in (("overwrite_input", False), ("copy", True)):  # it only asks
                if name in bound.arguments:
                    bound.arguments[name] = value
            args, kwargs = bound.args, bound.kwargs
        with np.errstate(all="ignore"):  # the definition warns
            try:
                self.function(*args, **kwargs)
            except Exception as error:
                raise error from None

    def _by_name(
        self, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments as the definition takes them: without NumPy's defaults."""
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}: {error}.") from None
        positional: list[Any] = []
        named: dict[str, Any] = {}
        taken = self._takes.parameters
        anything = any(p.kind is p.VAR_KEYWORD for p in taken.values())
        for name, value in bound.arguments.items():
            parameter = self._signature.parameters[name]
            if parameter.kind is parameter.VAR_POSITIONAL:
                positional += [as_array(v) if isinstance(v, list) else v for v in value]
            elif parameter.kind is parameter.VAR_KEYWORD:
                named.update(value)
            elif is_default(value, parameter):
                continue
            elif name not in taken and not anything:
                raise unsupported(self.function, name, taken)
            else:
                value = as_array(value) if _is_read((name, value)) else value
                own = taken.get(name, parameter)
                if own.kind is own.POSITIONAL_ONLY or self._gathers_after(name):
                    positional.append(value)
                else:
                    named[name] = value
        return positional, named

    def _gathers_after(self, name: str) -> bool:
        """Whether a parameter stands before a *one, and can only be given by its position."""
        rest = iter(self._signature.parameters)
        return name in rest and any(
            self._signature.parameters[n].kind is inspect.Parameter.VAR_POSITIONAL for n in rest
        )


def signature(function: Callable[..., Any]) -> inspect.Signature | None:
    """Return the signature; None for a ufunc, and some compiled functions before NumPy 2.4."""
    try:
        return None if isinstance(function, np.ufunc) else inspect.signature(function)
    except ValueError:
        return None


def is_default(value: Any, parameter: inspect.Parameter) -> bool:
    """Whether an argument is what the function would take without it."""
    default = parameter.default
    return value is default or (type(value) is type(default) in _PLAIN and bool(value == default))


def _is_read(argument: tuple[str, Any]) -> bool:
    """Whether an argument is something that NumPy reads as an array, and is not one yet."""
    name, value = argument
    return name in ARRAYS and not isinstance(value, (Tensor, np.ndarray, *_PLAIN))


def as_array(x: Any) -> Any:
    """Return an array, or a Tensor where there is one in a list."""
    if isinstance(x, (Tensor, np.ndarray, np.generic)):
        return x
    if isinstance(x, (list, tuple)) and _holds_tensor(x):
        return np.stack([as_array(i) for i in x])
    return np.asarray(x)


def _holds_tensor(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(_holds_tensor, x))
    return isinstance(x, Tensor)


def bare_all(x: Any) -> Any:
    """Return arguments with arrays in place of Tensors, also in lists and the like."""
    if isinstance(x, dict):
        return {name: bare_all(value) for name, value in x.items()}
    if type(x) in (list, tuple):
        return type(x)(map(bare_all, x))
    return bare(x)


def _calls_back(x: Any) -> bool:
    """Whether a user's function is among the arguments, which must not be called once more."""
    if isinstance(x, (list, tuple)):
        return any(map(_calls_back, x))
    if isinstance(x, dict):
        return any(map(_calls_back, x.values()))
    return callable(x) and not isinstance(x, (type, Tensor))


def unsupported(
    function: Callable[..., Any], parameter: str, covered: Any
) -> UnsupportedArgumentError:
    """Return the error for an argument that has no derivative."""
    name = function.__name__
    if parameter == "out":
        return UnsupportedArgumentError(
            f"np.{name}(…, out=…) would overwrite a value on the tape: "
            f"use the result instead, as in y = np.{name}(…)."
        )
    if parameter == "where" and isinstance(function, np.ufunc):
        return UnsupportedArgumentError(
            f"np.{name}(…, where=mask) leaves the other places without a value: write "
            f"np.where(mask, np.{name}(…), other)."
        )
    return UnsupportedArgumentError(
        f"The derivative of np.{name} does not cover the argument '{parameter}'; it "
        f"covers {', '.join(sorted(covered)) or 'no keyword'}."
    )


# -- the form of a call ------------------------------------------------------------------------


def form_of(args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Return what decides whether NumPy takes a call; None where that cannot be told."""
    try:
        form = (tuple(map(_trait, args)), tuple((k, _trait(v)) for k, v in kwargs.items()))
        hash(form)
    except TypeError:
        return None
    return form


def _trait(x: Any) -> Any:
    if isinstance(x, Tensor):
        x = x._value
        return x.shape, x.dtype
    if isinstance(x, np.ndarray):
        few = x.size <= _LONGEST and x.dtype != object
        return x.shape, x.dtype, x.tobytes() if few else None
    if isinstance(x, (list, tuple)):
        return type(x), len(x), *map(_trait, x[:_LONGEST])
    if isinstance(x, slice):  # has no hash before Python 3.12
        return slice, x.start, x.stop, x.step
    return type(x), x
