"""NumPy is the interface: how ``np.exp(t)`` finds its derivative.

NumPy hands a call that meets a Tensor to the Tensor (the protocols
``__array_ufunc__`` and ``__array_function__``, NEP 13 and NEP 18). What follows
is a look-up in one table, from the function to its entry.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import ForeignArrayError, NoDerivativeError
from .foreign import answers_itself
from .later import later

Axis = int | tuple[int, ...] | None
"""What a reduction goes over."""

TABLE: dict[Callable[..., Any], Any] = {}
"""The entry of each of NumPy's functions that has one, as far as it is declared."""


OPERATORS: dict[Any, tuple[str, Callable[[Any, Any], Any]]] = {
    np.add: ("+", operator.iadd),
    np.subtract: ("-", operator.isub),
    np.multiply: ("*", operator.imul),
    np.divide: ("/", operator.itruediv),
    np.floor_divide: ("//", operator.ifloordiv),
    np.remainder: ("%", operator.imod),
    np.power: ("**", operator.ipow),
    np.matmul: ("@", operator.imatmul),
    np.bitwise_and: ("&", operator.iand),
    np.bitwise_or: ("|", operator.ior),
    np.bitwise_xor: ("^", operator.ixor),
}
"""How the ufuncs that are operators are written, and what writes in place."""


WRITERS = {
    np.copyto: "dst",
    np.fill_diagonal: "a",
    np.place: "arr",
    np.put: "a",
    np.put_along_axis: "arr",
    np.putmask: "a",
}
"""The functions that write into an array, and how they call it."""


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: Any) -> Any:
    """Answer ``ufunc(*inputs)`` or a method of the ufunc, such as ``np.add.reduce``."""
    plain = method == "__call__" and not kwargs and len(inputs) == ufunc.nin
    if plain and not any(isinstance(x, (list, tuple)) for x in inputs):
        try:
            return look_up(ufunc).from_numpy(inputs, kwargs)
        except ForeignArrayError:
            kinds = [type(x) for x in inputs if hasattr(type(x), "__array_ufunc__")]
            if any(map(answers_itself, kinds)):
                return NotImplemented  # NumPy asks the next
            raise
    return later("answer")(ufunc, method, inputs, kwargs)


def apply_function(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> Any:
    """Answer a function of NumPy's that is not a ufunc, such as ``np.sum(t, axis=0)``."""
    if function in WRITERS:
        return later("write_by_function")(function, args, kwargs)
    return look_up(function).from_numpy(args, kwargs)


def look_up(function: Callable[..., Any]) -> Any:
    """Return the entry of a function, or raise an error that names the nearest."""
    entry = TABLE.get(function) or _of_scipy(function) or later("whole_table")().get(function)
    if entry is None:
        from difflib import get_close_matches  # imported late: a tenth of our import time

        name = whole_name(function)
        others = {whole_name(f, e.name).lstrip("_") for f, e in TABLE.items()} - {name}
        short = {other.rpartition(".")[2]: other for other in sorted(others, reverse=True)}
        close = get_close_matches(function.__name__, short, n=3, cutoff=0.4)
        why = later("reason")(name.removeprefix("np."))
        nearest = ", ".join(short[c] for c in close) or "none with a like name"
        because = f" ({why})" if why else ""
        raise NoDerivativeError(
            f"{name} has no derivative here{because}; the nearest that have one: {nearest}. Use "
            "one of them, give t.numpy() where no gradient is needed, or declare a rule with "
            "derivative(...)."
        )
    return entry


def _of_scipy(function: Callable[..., Any]) -> Any:
    """Return the entry of one of SciPy's ufuncs, whose rules are declared when it first asks."""
    if isinstance(function, np.ufunc) and "scipy.special" in sys.modules:
        return later("entry_of")(function)
    return None


def whole_name(function: Any, name: str = "") -> str:
    """Return a function's name with its module: ``np.linalg.eig``, ``scipy.special.erf``."""
    name = getattr(function, "__name__", name)
    for module in ("numpy", "numpy.linalg", "numpy.fft", "scipy.special", "scipy.special._ufuncs"):
        if getattr(sys.modules.get(module), name, None) is function:
            # What SciPy calls from a function of Python's is named as that.
            return f"{module}.{name}".replace("numpy", "np", 1).replace("._ufuncs._", ".")
    return name
