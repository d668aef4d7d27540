"""Numba, and what our compiled loops use in it: the elementary functions, sums, small arrays."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

from ..errors import missing_extra
from . import elementary, elementary32

FASTMATH = {"contract"}
"""What a compiler may do to floating point inside an elementary function.

A product may be fused with a sum. Never may sums be re-associated: what they lost would be lost.
"""

FUNCTIONS = (
    *("_exp_tail", "_scaled", "_reduced", "exp", "_expm1", "expm1"),
    *("_reciprocal", "tanh", "sigmoid", "_split", "_log_of", "log", "log1p"),
    *("_quadrant", "_sin_of", "_cos_of", "near_sin", "near_cos", "sin", "cos", "erf"),
)


def elementary_of(bits: int) -> ModuleType:
    """Return the elementary functions of floats of 32 or 64 bits."""
    return elementary if bits == 64 else elementary32


@cache
def numba() -> Any:
    """Return Numba, with our functions registered.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import numba
    except ImportError:
        raise missing_extra("numba", "fast", "compile loops") from None
    inlined = _inlined(fastmath=FASTMATH)
    for module in (elementary, elementary32):
        for name in FUNCTIONS:
            inlined(getattr(module, name))
    _inlined(fastmath={"reassoc", "contract"})(added)
    _inlined(fastmath={"contract"})(product_added)
    for choice in (larger, smaller):
        _inlined(fastmath={"nnan", "nsz"})(choice)
    return numba


def compiled(signature: str) -> Any:
    """Return a decorator that compiles for one signature, or takes what the disk has.

    Sums are not re-associated and products not fused, but for `added` and `product_added`.

    Parameters
    ----------
    signature
        The types of the arguments. A line of numbers, as ``float64[::1]``, may be a read-only
        one after ``const``; ``table`` is a matrix of whole numbers. ``; `` stands between two.
    """
    types = numba().types
    kinds = []
    for text in signature.split("; "):
        name, is_line, _ = text.removeprefix("const ").partition("[::1]")
        if is_line:
            is_const = text.startswith("const ")
            kinds.append(types.Array(getattr(types, name), 1, "C", readonly=is_const))
        else:
            kinds.append({"int64": types.int64, "table": types.int64[:, ::1]}[name])
    signature_ = types.void(*kinds)

    def of(function: Any) -> Any:
        dispatcher = numba().njit(cache=True, error_model="numpy", nogil=True)(function)
        _load_first(dispatcher)
        dispatcher.compile(signature_)
        dispatcher.disable_compile()
        return dispatcher

    return of


_LOADS_FIRST = (0, 60), (0, 68)
"""The versions of Numba, from the first to the last, of which `_load_first` was tried."""


def _load_first(dispatcher: Any) -> None:
    """Let a function look on the disk before Numba gets ready to compile, not after.

    Getting ready, it imports SciPy's linear algebra and all that it knows of NumPy: ten times
    what it takes to load machine code, which needs none of it.
    """
    from numba.core.runtime.nrt import rtsys

    version = tuple(int(part) for part in numba().__version__.split(".")[:2] if part.isdigit())
    if not _LOADS_FIRST[0] <= version <= _LOADS_FIRST[1]:
        return
    own = dispatcher._cache
    prepared = own.load_overload

    def load(signature: Any, context: Any) -> Any:
        rtsys.initialize(context)
        with own._guard_against_spurious_io_errors():
            found = own._load_overload(signature, context)
        return found if found is not None else prepared(signature, context)

    own.load_overload = load


def _inlined(**flags: Any) -> Any:
    from numba.extending import register_jitable

    return register_jitable(forceinline=True, error_model="numpy", **flags)


# -- what generated code calls --------------------------------------------------------------


def added(total: Any, x: Any) -> Any:
    """Add, in whatever order is fastest: a sum runs over several elements at once."""
    return total + x


def product_added(total: Any, x: Any, y: Any) -> Any:
    """Return total + x · y, rounded once where the machine can."""
    return total + x * y


def larger(s: Any, x: Any) -> Any:
    """Return the larger of two numbers that are none of them NaN: several are compared at once."""
    return x if x > s else s


def smaller(s: Any, x: Any) -> Any:
    """Return the smaller of two numbers that are none of them NaN."""
    return x if x < s else s


@cache
def intrinsics() -> tuple[Any, Any]:
    """Return what Python has no equivalent of: `stack` and `at`.

    ``stack(n, dtype)`` is an array of n numbers that lives as long as the function runs, and
    costs nothing. ``at(i)`` is i as an index that is not looked at for being negative.
    """
    numba()
    from numba import types
    from numba.core import cgutils as builders
    from numba.extending import intrinsic

    cgutils: Any = builders

    @intrinsic(prefer_literal=True)
    def stack(typing: Any, size: Any, dtype: Any) -> Any:
        array, count = types.Array(dtype.dtype, 1, "C"), size.literal_value

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            widen(builder)
            kind = context.get_data_type(dtype.dtype)
            length = context.get_constant(types.intp, count)
            width = context.get_constant(types.intp, context.get_abi_sizeof(kind))
            made = context.make_array(array)(context, builder)
            memory = cgutils.alloca_once(builder, kind, size=length)
            memory.align = 64
            size = context.get_constant(types.intp, count * context.get_abi_sizeof(kind))
            cgutils.memset(builder, memory, size, 0)
            context.populate_array(
                made, data=memory, shape=[length], strides=[width], itemsize=width, meminfo=None
            )
            return made._getvalue()

        return array(size, dtype), generate

    @intrinsic
    def at(typing: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            widen(builder)
            return context.cast(builder, arguments[0], index, types.uintp)

        return types.uintp(index), generate

    return stack, at


def widen(builder: Any) -> None:
    """Let a function's loops use vectors of 512 bits, where they cost the machine no speed.

    LLVM prefers 256 bits on all processors of Intel's, for the sake of the first that had more.
    """
    if _is_wide():
        # llvmlite checks names against a list that is not complete.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')


@cache
def _is_wide() -> bool:
    import llvmlite.binding  # type: ignore[import-untyped]

    features: Any = llvmlite.binding.get_host_cpu_features()
    return bool(features.get("avx512bf16"))
