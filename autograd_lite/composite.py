"""Functions that are made of others: no rule of their own, and NumPy's whole signature.

A composite is differentiated through its definition, so what has to be right is how a
call of it is read. NumPy itself says what it takes: a call of a new form (other shapes,
dtypes or parameters) is first made on the arrays alone, and what NumPy refuses is refused,
in its own words. A definition names the parameters that change a number; others may be
given where they have NumPy's default. Where NumPy reads a list as an array, so do we.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from . import foreign
from .errors import AutogradError, UnsupportedArgumentError
from .modes import report_read, special, state
from .numpy_warnings import NO_REGISTRY, again
from .protocol import TABLE, whole_name
from .tensor import Tensor, constant, unwrap

_NAMED_ARRAYS = """
    A a a1 a2 a_max a_min append ar ar1 ar2 arr array ary aweights b base condition element end
    f fill_value filt fp fweights m max min p prepend q seq_of_zeros start stop to_begin to_end
    v val values w weights x x1 x2 xp y z"""
ARRAYS = frozenset(_NAMED_ARRAYS.split())
"""What NumPy calls the parameters that it reads as one array: a list of numbers is one."""

_ON_TAPE = ARRAYS | {"indices", "where", "arrays", "tup", "choices", "condlist", "choicelist"}
_INTEGERS = ("axis", "num")  # which may be a bool
NO_VALUE = getattr(np, "_NoValue", object())  # NumPy's default where None means something
_FORMS = 4096  # of calls that a function keeps in mind
_LONGEST = 16  # of a list or array, so many values count for the form of a call
_call = FunctionType(
    (lambda function, args, kwargs: function(*args, **kwargs)).__code__,
    {"__warningregistry__": NO_REGISTRY},
)
_PLAIN = (int, float, complex, bool, str, bytes, type(None), slice, type, np.dtype, np.generic)


def composite(
    function: Callable[..., Any],
    definition: Callable[..., Any],
    *,
    always: bool = False,
    chooses: Sequence[str] = (),
) -> Composite:
    """Declare a NumPy function by others that have rules; it needs no derivative.

    Where no gradient flows, NumPy's own result is the result, if not `always`. No gradient
    reaches what `chooses` names: a Tensor that needs one is refused there.

    >>> import numpy as np
    >>> from autograd_lite import Tensor
    >>> np.square.__name__, TABLE[np.mean].name
    ('square', 'mean')
    """
    entry = Composite(function, definition, always, chooses)
    TABLE[function] = entry
    return entry


class Reading(NamedTuple):
    """How a call of some form is read."""

    constant: bool  # no gradient flows: the call is left to NumPy
    as_it_is: bool  # or lists become arrays, and what is as NumPy's default is left out
    calls_back: bool  # a user's function is among the arguments
    dtypes: Any  # of NumPy's results


_in_definition = contextvars.ContextVar("autograd_lite.in_definition", default=False)
"""Whether a definition runs: what it calls is ours, and NumPy was asked about the whole."""
_outermost: contextvars.ContextVar[Composite | None] = contextvars.ContextVar(
    "autograd_lite.outermost", default=None
)


def outermost() -> Composite | None:
    """Return the function that is run now, for a recorder: the one that the program called."""
    return _outermost.get()


class Composite:
    """A function that is differentiated through its definition.

    >>> from autograd_lite import composite, grad
    >>> cube = composite(lambda x: x**3, lambda x: x * x * x)
    >>> type(cube).__name__, float(grad(cube)(2.0))
    ('Composite', 12.0)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        definition: Callable[..., Any],
        always: bool = False,
        chooses: Sequence[str] = (),
    ) -> None:
        self.function = self.forward = function
        self.definition = definition
        self.name = function.__name__
        self.always = always
        self.chooses = {*chooses, "ord", "dtype"}
        self._is_numpys = str(getattr(function, "__module__", "")).startswith("numpy")
        self._known: dict[Any, Reading] = {}

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
        if self._is_numpys:
            return self.from_numpy(args, kwargs)
        return self.definition(*args, **kwargs)

    def from_numpy(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Apply to the arguments of a NumPy call."""
        recorder = state.mode.recorder if special else None
        if recorder is not None:
            if self in recorder.closed:
                return recorder.call(self, args, kwargs)
            if _outermost.get() is None:
                _outermost.set(self)
                try:
                    return self._from_numpy(args, kwargs)
                finally:
                    _outermost.set(None)
        return self._from_numpy(args, kwargs)

    def _from_numpy(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        inner = _in_definition.get()
        try:
            form = form_of(args, kwargs), inner
        except foreign.OtherKind:
            args, kwargs = foreign.converted(args), foreign.converted(kwargs)
            form = form_of(args, kwargs), inner
        reading = self._known.get(form)
        if reading is None:
            reading = self._read(args, kwargs)
            if form[0] is not None:
                if len(self._known) >= _FORMS:
                    self._known.clear()
                self._known[form] = reading
        if reading.constant and not state.mode.everything:
            return _constants(self._numpys(args, kwargs))
        given = (args, kwargs) if reading.as_it_is else self._by_name(args, kwargs)
        _in_definition.set(not reading.calls_back)
        try:
            result = self.definition(*given[0], **given[1])
        except AutogradError:
            raise
        except Exception:
            if not (inner or reading.calls_back):
                self._ask(args, kwargs)  # values, too, can be what NumPy refuses
            raise
        finally:
            _in_definition.set(inner)
        return result if reading.dtypes is None else _in_dtypes(result, reading.dtypes)

    def _read(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Reading:
        """Raise unless NumPy accepts a call of a new form; return how it is read."""
        if kwargs.get("out") is not None:
            raise unsupported(self.function, "out", ())
        calls_back = _any(_calls_back, (args, kwargs))
        dtypes = None
        if self._is_numpys and not calls_back:
            if not (self.always or _any(_requires, (args, kwargs))):
                return Reading(True, False, False, None)
            if not _in_definition.get():
                dtypes = _dtypes_of(self._ask(args, kwargs))
                if not _any(_is_inexact, dtypes):  # whole numbers have no gradient
                    return Reading(True, False, False, dtypes)
        try:
            bound = self._takes.bind(*args, **kwargs)
        except TypeError:
            as_it_is = False
        else:
            as_it_is = not any(map(_is_to_be_read, bound.arguments.items()))
            for name, value in bound.arguments.items():
                default = self._takes.parameters[name].default
                if _requires(value) and (isinstance(default, bool) or name in self.chooses):
                    number = "array" if np.ndim(value) else "number"
                    without = "t.numpy()" if np.ndim(value) else "t.item()"
                    raise UnsupportedArgumentError(
                        f"{whole_name(self.function)} only chooses by its argument '{name}', which "
                        f"no gradient reaches: give its {number}, {name}={without}."
                    )
        return Reading(False, as_it_is, calls_back, dtypes)

    def _ask(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if self._is_numpys:
            return ask(self.function, args, kwargs, copy=self._overwrites)
        return None

    def _numpys(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Return NumPy's result on the arrays alone."""
        given = self._unwrapped(args), self._unwrapped(kwargs)
        try:
            return _call(self.function, *given)
        except TypeError:  # of NumPy, or of a warning
            return again(self, *given[0], **given[1])

    def _unwrapped(self, arguments: Any) -> Any:
        return unwrap_all(arguments, copy=self._overwrites)

    @functools.cached_property
    def _overwrites(self) -> bool:
        """Whether NumPy can be told to write into the array that it is given."""
        return not {"copy", "overwrite_input"}.isdisjoint(self._signature.parameters)

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
                positional += value
            elif parameter.kind is parameter.VAR_KEYWORD:
                named.update(value)
            elif is_default(value, parameter):
                continue
            elif name not in taken and not anything:
                raise unsupported(self.function, name, taken)
            else:
                value = _as_read(name, value)
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


def _is_to_be_read(argument: tuple[str, Any]) -> bool:
    """Whether an argument is something that NumPy reads as an array, or number, and is not yet."""
    name, value = argument
    if value is NO_VALUE:
        return True  # it is left out
    if name == "keepdims":
        return type(value) is not bool
    if name == "where":
        return value is not True and getattr(value, "dtype", None) != np.dtype(bool)
    if name in _ON_TAPE:
        return not isinstance(value, (Tensor, np.ndarray, *_PLAIN)) and name in ARRAYS
    return isinstance(value, Tensor) or (type(value) is bool and name in _INTEGERS)


def _as_read(name: str, value: Any) -> Any:
    if not _is_to_be_read((name, value)):
        return value
    if name == "keepdims":
        return bool(unwrap(value))
    if name == "where":  # whatever counts as true
        return value.astype(bool) if isinstance(value, Tensor) else np.array(value, dtype=bool)
    if name in ARRAYS:
        return as_array(value)
    if isinstance(value, Tensor):  # an axis, a shape: what is no number has no gradient
        if value.dtype.kind not in "iub":
            return value
        if special:
            report_read(value, "an index or a count")
        return value._value
    return int(value)


def as_array(x: Any) -> Any:
    """Return an array, or a Tensor where there is one in a list."""
    if isinstance(x, (Tensor, np.ndarray, np.generic)):
        return x
    if isinstance(x, (list, tuple)) and _any(_holds_tensor, x):
        return np.stack([as_array(i) for i in x])
    return foreign.as_array(x)


def ask(
    function: Callable[..., Any], args: Any, kwargs: dict[str, Any], *, copy: bool = False
) -> Any:
    """Return NumPy's result, or raise what it raises; it does not warn."""
    with np.errstate(all="ignore"):
        try:
            return function(*unwrap_all(args, copy=copy), **unwrap_all(kwargs, copy=copy))
        except Exception as error:
            if "read-only" in str(error) and not copy:  # it counts with a parameter in place
                return ask(function, args, kwargs, copy=True)
            raise error from None


def unwrap_all(x: Any, *, copy: bool = False) -> Any:
    """Return arguments with arrays in place of Tensors, which NumPy may not overwrite."""
    if isinstance(x, Tensor):
        copy = copy or not x.ndim
        value = np.asarray(x._value)
        array = value.copy() if copy else value.view()
        array.flags.writeable = copy
        return array
    if type(x) is dict:
        return {name: unwrap_all(value, copy=copy) for name, value in x.items()}
    return type(x)(unwrap_all(i, copy=copy) for i in x) if type(x) in (list, tuple) else x


def _constants(result: Any) -> Any:
    """Return Tensors in place of NumPy's arrays of numbers."""
    if isinstance(result, (np.ndarray, np.generic)) and result.dtype.kind in "fiubc":
        return constant(result)
    if isinstance(result, (list, tuple)):
        parts = map(_constants, result)
        return result._make(parts) if hasattr(result, "_make") else type(result)(parts)
    return result


def _dtypes_of(result: Any) -> Any:
    """Return the dtype of a result of numbers, or a list of those of several results."""
    if isinstance(result, (list, tuple)):
        return [_dtypes_of(part) for part in result]
    dtype = getattr(result, "dtype", None)
    return dtype if dtype is not None and dtype.kind in "fciu" else None


def _is_inexact(dtype: Any) -> bool:
    return dtype is not None and dtype.kind in "fc"


def _in_dtypes(result: Any, dtypes: Any) -> Any:
    """Convert results to NumPy's dtypes, where only the precision differs, or NumPy's are whole."""
    if isinstance(result, (Tensor, np.ndarray, np.generic)):
        dtype = result.dtype
        if dtypes is None or dtype is dtypes or dtype == dtypes:
            return result
        alike = dtype.kind == dtypes.kind or (dtypes.kind in "iu" and dtype.kind == "f")
        return result.astype(dtypes) if alike else result
    if isinstance(result, (list, tuple)) and isinstance(dtypes, list):
        parts = list(map(_in_dtypes, result, dtypes))
        if all(a is b for a, b in zip(parts, result, strict=True)):
            return result
        return result._make(parts) if hasattr(result, "_make") else type(result)(parts)
    return result


def _any(holds: Callable[[Any], bool], x: Any) -> bool:
    """Whether something holds of any argument, also in lists."""
    if isinstance(x, (list, tuple)):
        return any(_any(holds, i) for i in x)
    return any(_any(holds, i) for i in x.values()) if isinstance(x, dict) else holds(x)


def _holds_tensor(x: Any) -> bool:
    return isinstance(x, Tensor)


def _requires(x: Any) -> bool:
    return isinstance(x, Tensor) and bool(x._requires)


def _calls_back(x: Any) -> bool:
    """Whether it is a user's function, which must not be called once more."""
    return callable(x) and not isinstance(x, (type, Tensor))


def unsupported(
    function: Callable[..., Any], parameter: str, covered: Any
) -> UnsupportedArgumentError:
    """Return the error for an argument that has no derivative."""
    name = whole_name(function)
    if parameter == "out":
        return UnsupportedArgumentError(
            f"{name}(…, out=…) would overwrite a value on the tape: "
            f"use the result instead, as in y = {name}(…)."
        )
    if parameter == "where" and (isinstance(function, np.ufunc) or function is np.clip):
        return UnsupportedArgumentError(
            f"{name}(…, where=mask) leaves the other places without a value: write "
            f"np.where(mask, {name}(…), other)."
        )
    return UnsupportedArgumentError(
        f"The derivative of {name} does not cover the argument '{parameter}'; it "
        f"covers {', '.join(sorted(covered)) or 'no keyword'}."
    )


# -- the form of a call ------------------------------------------------------------------------


def form_of(args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Return what decides whether NumPy takes a call; None where that cannot be told."""
    form = (tuple(map(_trait, args)), tuple((k, _trait(v)) for k, v in kwargs.items()))
    try:
        hash(form)
    except (TypeError, ValueError):  # of what has no hash
        return None
    return form


def _trait(x: Any) -> Any:
    if isinstance(x, Tensor):
        value = x._value
        return value.shape, value.dtype, bool(x._requires)
    if isinstance(x, np.ndarray):
        if type(x) is not np.ndarray:
            raise foreign.OtherKind
        few = x.size <= _LONGEST and x.dtype != object
        return x.shape, x.dtype, x.tobytes() if few else None
    if isinstance(x, (list, tuple)):
        return type(x), len(x), *map(_trait, x[:_LONGEST])
    if isinstance(x, slice):  # has no hash before Python 3.12
        return slice, x.start, x.stop, x.step
    if type(x) not in _PLAIN and foreign.is_array_like(x):
        raise foreign.OtherKind
    return type(x), x
