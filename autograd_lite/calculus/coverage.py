"""What of NumPy's public namespace has a derivative: ``python -m autograd_lite.calculus.coverage``.

Every function of `numpy`, `numpy.linalg` and `numpy.fft` is in the table, or in
one of the two lists below. A test walks the namespace, so that a function that a
new release of NumPy brings shows up as a gap with a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..composite import Composite
from ..primitive import Primitive
from .rarer import whole_table

LEFT_OUT = {
    "polydiv": "the number of coefficients of its results depends on their values",
}
"""Differentiable somewhere, without a rule here, and why."""

NO_DERIVATIVE = {
    "makes arrays of what is no array of floats": """
        arange array asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray asmatrix
        bartlett blackman bmat empty eye frombuffer fromfile fromfunction fromiter from_dlpack
        frompyfunc fromregex fromstring full genfromtxt hamming hanning identity indices kaiser load
        loadtxt ones require tri zeros fft.fftfreq fft.rfftfreq""",
    "writes into an array: use t.at[index].set(v)": """
        copyto fill_diagonal place put put_along_axis putmask""",
    "takes or returns integers, bits, dates or text": """
        base_repr binary_repr bitwise_count bitwise_left_shift bitwise_right_shift busday_count
        busday_offset datetime_as_string datetime_data diag_indices format_float_positional
        format_float_scientific gcd is_busday isnat ix_ lcm left_shift mask_indices packbits
        ravel_multi_index right_shift tril_indices triu_indices unpackbits unravel_index""",
    "an older name: vstack, trapezoid, isin": "row_stack trapz in1d",
    "counts, in steps": "histogram histogram2d histogram_bin_edges histogramdd",
    "is a step between neighbouring floating-point numbers": "nextafter spacing",
    "asks, sets, saves or shows": """
        broadcast_shapes get_include get_printoptions getbufsize geterr geterrcall info isdtype
        isfortran isscalar issubdtype iterable mintypecode nested_iters printoptions promote_types
        save savetxt savez savez_compressed set_printoptions setbufsize seterr seterrcall
        show_config show_runtime test typename linalg.test fft.test""",
}
"""Functions that no derivative can be asked of, by the reason."""

MODULES = (("", np), ("linalg.", np.linalg), ("fft.", np.fft))


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the public functions of NumPy, by their names below ``np.``."""
    for prefix, module in MODULES:
        for name in sorted(dir(module)):
            found = getattr(module, name) if not name.startswith("_") else None
            if callable(found) and not isinstance(found, type):
                yield prefix + name, found


def state(name: str, function: Callable[..., Any]) -> str | None:
    """Return in words what there is for a function; None for a gap."""
    entry = whole_table().get(function)
    if isinstance(entry, Primitive):
        return "derivative" if entry.rules or entry.joint else "no derivative: on the tape"
    if isinstance(entry, Composite):
        return "derivative, through its definition"
    if entry is not None:
        return "no derivative: asks"
    if name in LEFT_OUT:
        return f"left out: {LEFT_OUT[name]}"
    for reason, names in NO_DERIVATIVE.items():
        if name in names.split():
            return f"no derivative: {reason}"
    return None


def reason(name: str) -> str | None:
    """Return why there is no derivative, where one of the lists says so."""
    if name in LEFT_OUT:
        return LEFT_OUT[name]
    return next((why for why, names in NO_DERIVATIVE.items() if name in names.split()), None)


def page() -> str:
    """Return the page of docs/ that lists every function with its state."""
    lines = [
        "# NumPy's functions",
        "",
        "Every function of `numpy`, `numpy.linalg` and `numpy.fft`, and what happens when a",
        "Tensor is given to it. Made by `python -m autograd_lite.calculus.coverage`; a test keeps",
        "it current.",
        "",
        "*derivative*: its own rules. *through its definition*: made of functions that have them.",
        "*on the tape*: a comparison or the like, recorded where everything is. Whatever is not",
        "here with a derivative raises an error that names it, and never detaches in silence.",
        "",
        "| function | state |",
        "|---|---|",
    ]
    for name, function in functions():
        lines.append(f"| `np.{name}` | {state(name, function) or '**gap**'} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
