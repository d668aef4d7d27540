"""Calls of the larger functions: a few of each form that an argument can take.

`CALLS` gives for each function a list of (arguments, keywords). The operands, of
which derivatives are taken, are wrapped in `V`; they stand together, alone or in
a list. Values are distinct, away from kinks and well conditioned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

la = np.linalg
RNG = np.random.default_rng(20261121)


class V:
    """An operand."""

    def __init__(self, array: Any) -> None:
        self.array = np.asarray(array)


def v(*shape: int) -> V:
    """Distinct values between -2 and 2, none near 0, no two closer than the steps of a check."""
    n = int(np.prod(shape))
    values = (np.arange(n) + 0.5) / max(n, 1) * 3.5 - 1.75
    values = values + 0.1 * np.sign(values)
    return V(RNG.permutation(values).reshape(shape))


def pos(*shape: int) -> V:
    """Distinct values between 0.5 and 2.5."""
    return V(np.abs(v(*shape).array) * 0.0 + np.abs(_distinct(shape)))


def _distinct(shape: tuple[int, ...]) -> Any:
    n = int(np.prod(shape))
    return RNG.permutation(0.5 + 2.0 * (np.arange(n) + 0.5) / max(n, 1)).reshape(shape)


def matrix(*shape: int) -> V:
    """Square and far from singular."""
    return V(RNG.normal(size=shape) * 0.4 + 2.0 * np.eye(shape[-1]))


def tall(*shape: int) -> V:
    """Of full rank, with singular values apart."""
    u, _ = la.qr(RNG.normal(size=(*shape[:-2], shape[-2], min(shape[-2:]))))
    w, _ = la.qr(RNG.normal(size=(*shape[:-2], shape[-1], min(shape[-2:]))))
    s = np.arange(1, min(shape[-2:]) + 1) * 0.8
    return V((u * s) @ np.swapaxes(w, -1, -2))


def nans(*shape: int) -> V:
    """With some NaN in them."""
    array = v(*shape).array
    array.reshape(-1)[1::4] = np.nan
    return V(array)


def zeros(*shape: int) -> V:
    """With some zeros in them."""
    array = v(*shape).array
    array.reshape(-1)[1::3] = 0.0
    return V(array)


def apart(*shape: int) -> V:
    """Square, with eigenvalues apart, and no two of one size."""
    return V(np.diag([1.0, -2.5, 4.5][: shape[-1]]) + RNG.uniform(0.05, 0.3, shape))


class In:
    """A sign that the operands are one argument, as in np.concatenate([...])."""

    def __init__(self, *operands: V) -> None:
        self.operands = operands


CALLS: dict[Callable[..., Any], list[tuple[tuple[Any, ...], dict[str, Any]]]] = {}


def call(function: Callable[..., Any], *args: Any, **keywords: Any) -> None:
    """Add a call."""
    CALLS.setdefault(function, []).append((args, keywords))


MASK = np.array([[True, False, True, True], [False, True, True, False], [True, True, False, True]])

# -- elementwise -------------------------------------------------------------------------------

call(np.float_power, pos(3), v(2, 3))
call(np.float_power, pos(3), 2)
call(np.heaviside, v(4), v(4))
call(np.copysign, v(4), v(3, 4))
call(np.ldexp, v(3), np.array([1, -2, 3]))
call(np.divmod, pos(3), V([0.7, -0.4, 3.1]))
call(np.modf, v(4))
call(np.fix, v(4))
call(np.nan_to_num, nans(6))
call(np.nan_to_num, V([1.5, np.inf, -np.inf, np.nan]), nan=2.0, posinf=3.0, neginf=-3.0)
call(np.interp, V([0.3, 1.6, -1.0, 4.5]), V([0.0, 1.0, 2.5, 4.0]), v(4))
call(np.interp, V([0.3, 1.6, -1.0, 4.5]), V([0.0, 1.0, 2.5, 4.0]), v(4), left=0.5, right=0.7)
call(np.argpartition, v(6), 2)
call(np.nanargmax, nans(2, 3), axis=1)
call(np.nanargmin, nans(2, 3))
call(np.digitize, v(4), np.array([-1.0, 0.0, 1.0]))
call(np.isin, V([1.0, 2.0]), np.array([2.0, 3.0]))
call(np.lexsort, v(2, 4))
for function in (np.isneginf, np.isposinf, np.iscomplex, np.isreal, np.flatnonzero, np.argwhere):
    call(function, zeros(4))
call(np.nonzero, zeros(2, 3))
call(la.matrix_rank, tall(3, 2))
call(np.unwrap, V([0.1, 0.9, 5.0, 12.0, 3.0]))
call(np.unwrap, V([[0.1, 0.9], [5.0, 12.0]]), axis=0, period=4.0)
call(np.sinc, v(5))
call(np.sinc, V([0.0, 0.01, -0.02, 1.0, 0.5]))
call(np.real, v(3))
call(np.imag, v(3))
call(np.angle, pos(3))
call(np.angle, pos(3), deg=True)
call(np.real_if_close, v(3))
call(np.conjugate, v(3))

# -- statistics --------------------------------------------------------------------------------

for axis in (None, 0, -1, (0, 2)):
    for keepdims in (False, True):
        form = {"axis": axis, "keepdims": keepdims}
        call(np.ptp, v(2, 3, 2), **form)
        call(np.median, v(2, 3, 2), **form)
        call(np.quantile, v(2, 3, 2), 0.3, **form)
        call(np.percentile, v(2, 3, 2), np.array([10.0, 75.0]), **form)
        call(np.average, v(2, 3, 2), **form)
        call(np.nansum, nans(2, 3, 2), **form)
        call(np.nanprod, nans(2, 3, 2), **form)
        call(np.nanmean, nans(2, 3, 2), **form)
        call(np.nanvar, nans(2, 3, 2), ddof=0, **form)
        call(np.nanstd, nans(4, 3, 2), **form)
        call(np.nanmax, nans(2, 3, 2), **form)
        call(np.nanmin, nans(2, 3, 2), **form)
        call(np.nanmedian, nans(2, 3, 2), **form)
        call(np.nanquantile, nans(2, 3, 2), np.array([0.2, 0.9]), **form)
        call(np.nanpercentile, nans(2, 3, 2), 35.0, **form)
call(np.ptp, v(4))
call(np.median, v(5))
call(np.median, V(2.5))
call(np.median, V([1.0, np.nan, 3.0]))
for method in ("linear", "lower", "higher", "midpoint", "nearest"):
    call(np.quantile, v(6), np.array([0.0, 0.33, 0.5, 1.0]), method=method)
for q in (V(0.3), V([0.15, 0.6])):
    call(np.quantile, v(5), q)
    call(np.quantile, v(3, 4), q, axis=1)
call(np.percentile, v(5), V([15.0, 60.0]))
call(np.nanquantile, nans(2, 6), V([0.15, 0.55]), axis=1)
call(np.average, v(3, 4), weights=np.array([1.0, 2.0, 3.0, 4.0]), axis=1)
call(np.average, v(3, 4), weights=pos(3, 4).array)
call(np.average, v(3), returned=True)
call(np.average, v(3, 2), weights=np.array([1.0, 2.0, 3.0]), axis=0, returned=True)
call(np.cov, v(3, 5))
call(np.cov, v(5))
call(np.cov, v(2, 4), v(2, 4))
call(np.cov, v(5, 2), rowvar=False, bias=True)
call(np.cov, v(2, 5), ddof=0)
call(np.corrcoef, v(2, 5))
call(np.corrcoef, v(5), v(5))
for function in (np.cumprod, np.nancumsum, np.nancumprod):
    call(function, v(4))
    call(function, v(2, 3), axis=0)
    call(function, v(2, 3))
call(np.cumprod, zeros(5))
call(np.cumprod, zeros(3, 4), axis=1)
call(np.nancumsum, nans(2, 3), axis=1)
call(np.nancumprod, nans(2, 3), axis=-1)
if hasattr(np, "cumulative_sum"):
    for function in (np.cumulative_sum, np.cumulative_prod):
        call(function, v(4))
        call(function, v(2, 3), axis=0)
        call(function, v(2, 3), axis=-1, include_initial=True)
# where= and initial=
call(np.sum, v(3, 4), axis=-1)
call(np.sum, v(3, 4), axis=0, where=MASK)
call(np.sum, v(3, 4), where=MASK, initial=2.0)
call(np.sum, v(3, 4), axis=1, keepdims=True, dtype=np.float64)
call(np.prod, v(3, 4), axis=0, where=MASK)
call(np.prod, v(3, 4), initial=2.0)
call(np.prod, zeros(3, 4), axis=1, initial=-0.5, where=MASK)
call(np.max, v(3, 4), axis=0, where=MASK, initial=-9.0)
call(np.max, v(3, 4), initial=9.0)
call(np.min, v(3, 4), axis=1, where=MASK, initial=9.0)
call(np.mean, v(3, 4), axis=0, where=MASK)
call(np.mean, v(3, 4), axis=1, keepdims=True, where=MASK)
call(np.var, v(3, 4), axis=1, where=MASK)
call(np.var, v(3, 4), ddof=1)
call(np.std, v(3, 4), axis=1, where=MASK, keepdims=True)

# -- differences -------------------------------------------------------------------------------

for axis in (0, -1):
    call(np.diff, v(4, 4), axis=axis)
    call(np.diff, v(4, 4), 2, axis)
    call(np.gradient, v(4, 4), axis=axis)
    call(np.trapezoid, v(4, 4), axis=axis)
call(np.diff, v(4), prepend=1.0)
call(np.diff, v(2, 3), append=np.ones((2, 2)))
call(np.ediff1d, v(2, 2))
call(np.ediff1d, v(4), to_end=np.array([7.0, 8.0]), to_begin=-1.0)
call(np.trapezoid, v(4), dx=0.5)
call(np.trapezoid, v(4), V([0.0, 0.5, 2.0, 2.5]))
call(np.trapezoid, v(2, 3), pos(2, 3))
call(np.trapezoid, v(3, 2), V([0.0, 0.5, 2.0]), axis=0)
call(np.gradient, v(5))
call(np.gradient, v(5), 0.5)
call(np.gradient, v(5), V([0.0, 0.5, 2.0, 2.5, 4.0]))
call(np.gradient, v(5), np.array([0.0, 0.5, 2.0, 2.5, 4.0]), edge_order=2)
call(np.gradient, v(4, 3))
call(np.gradient, v(4, 3), 0.5, 2.0, edge_order=2)
call(np.gradient, v(4, 3, 3), axis=(0, 2))

# -- rearranging -------------------------------------------------------------------------------

for k in range(-1, 5):
    call(np.rot90, v(2, 3), k)
call(np.rot90, v(2, 3, 2), axes=(1, 2))
call(np.rollaxis, v(2, 3, 4), 2)
call(np.rollaxis, v(2, 3, 4), 0, 3)
call(np.rollaxis, v(2, 3, 4), -1, 1)
call(np.matrix_transpose, v(2, 3, 4))
for shape in ((), (3,), (2, 3), (2, 3, 2)):
    call(np.atleast_3d, v(*shape))
    call(np.dstack, In(v(*shape), v(*shape)))
call(np.append, v(2, 3), v(2))
call(np.append, v(2, 3), v(1, 3), axis=0)
call(np.insert, v(4), 1, 5.0)
call(np.insert, v(4), 1, np.array([5.0, 6.0]))
call(np.insert, v(4), np.array([3, 1]), np.array([5.0, 6.0]))
call(np.insert, v(4), [0, 2, 2], 7.0)
call(np.insert, v(2, 3), 1, np.array([5.0, 6.0]), axis=1)
call(np.insert, v(2, 3), 1, 7.0)
call(np.insert, v(2, 3), [1], np.array([[5.0], [6.0]]), axis=1)
call(np.insert, v(4), slice(1, 3), np.array([5.0, 6.0]))
call(np.delete, v(5), 2)
call(np.delete, v(3, 4), [0, 2], axis=1)
call(np.delete, v(3, 4), slice(1, 3), 0)
call(np.delete, v(3, 4), np.array([True, False, True]), axis=0)
call(np.resize, v(0, 2), (2, 3))
call(np.resize, v(3), (2, 4))
call(np.resize, v(2, 3), 4)
call(np.block, In(v(2, 3), v(2, 1)))
call(np.broadcast_arrays, v(3, 1), v(4))
call(np.meshgrid, v(3), v(2))
call(np.meshgrid, v(3), v(2), indexing="ij")
call(np.meshgrid, v(3), v(2), v(2), sparse=True)
call(np.partition, v(6), 2)
call(np.partition, v(3, 4), 1, axis=0)
call(np.compress, [True, False, True], v(3, 2), axis=0)
call(np.compress, [True, False, True, True], v(2, 3))
call(np.extract, MASK, v(3, 4))
call(np.select, [MASK, ~MASK], In(v(3, 4), v(4)), 0.0)
call(np.piecewise, v(5), [np.array([True, False, False, True, False])], [np.sin, np.exp])
call(np.choose, np.array([0, 1, 2, 1]), In(v(4), v(4), v(4)))
call(np.choose, np.array([0, 4, -1, 1]), In(v(4), v(4)), mode="clip")
call(np.choose, np.array([0, 4, -1, 1]), In(v(4), v(4)), mode="wrap")
call(np.unique, v(5))
call(np.unique, v(3, 2), axis=0)
call(np.trim_zeros, V([1.5, 0.0, 2.5]))
call(np.apply_along_axis, np.sum, 0, v(3, 2))
call(np.apply_along_axis, lambda row: row[::-1] * 2.0, 1, v(2, 3))
call(np.apply_over_axes, np.sum, v(2, 3, 2), [0, 2])
call(np.diagflat, v(2, 2))
call(np.diagflat, v(2), 1)
call(np.dsplit, v(2, 2, 4), 2)
call(np.take, v(4), np.array([5, -1, 2]), mode="wrap")
call(np.take, v(2, 4), np.array([5, -1, 2]), axis=1, mode="clip")
if hasattr(np, "unstack"):
    call(np.unstack, v(3, 2))
    call(np.unstack, v(3, 2), axis=1)
for mode in ("edge", "reflect", "symmetric", "wrap", "maximum", "minimum", "mean", "median"):
    call(np.pad, v(4), (2, 3), mode=mode)
    call(np.pad, v(3, 4), ((1, 0), (2, 2)), mode)
call(np.pad, v(4), 2, "reflect", reflect_type="odd")
call(np.pad, v(4), (1, 2), "symmetric", reflect_type="odd")
call(np.pad, v(5), 3, "mean", stat_length=2)
call(np.pad, v(4), (2, 3), "linear_ramp", end_values=(5.0, -4.0))
call(np.pad, v(2, 3), 1, constant_values=((1.0, 2.0), (3.0, 4.0)))
call(np.pad, v(2, 3), ((0, 0), (1, 2)), "constant")

# -- products ----------------------------------------------------------------------------------

call(np.vecdot, v(2, 3), v(3))
call(np.vecdot, v(3, 2), v(3, 2), axis=0)
if hasattr(np, "matvec"):
    call(np.matvec, v(2, 3, 4), v(4))
    call(np.matvec, v(3, 4), v(2, 4))
    call(np.vecmat, v(3), v(2, 3, 4))
call(np.kron, v(2), v(3))
call(np.kron, v(2, 3), v(3, 2))
call(np.kron, v(2), v(2, 2))
call(np.cross, v(3), v(3))
call(np.cross, v(2, 3), v(3))
call(np.cross, v(3, 2), v(3, 2), axis=0)
for subscripts, *shapes in (
    ("ij,jk->ik", (2, 3), (3, 2)),
    ("ij,jk", (2, 3), (3, 2)),
    ("ij->", (2, 3)),
    ("ij->j", (2, 3)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iij->j", (3, 3, 2)),
    ("i,i", (3,), (3,)),
    ("i,j->ji", (3,), (2,)),
    ("ij,ij,ij->i", (2, 3), (2, 3), (2, 3)),
    ("...ij,...jk->...ik", (2, 2, 3), (3, 2)),
    ("...ij,...jk", (2, 1, 2, 3), (3, 3, 2)),
    ("b...,b...->...", (2, 3), (2, 3)),
    ("ij,kl->k", (2, 3), (2, 2)),
    ("ij,jk->ik", (2, 1), (3, 2)),
    ("ii,ij->j", (3, 3), (3, 2)),
):
    # Moved, so that they do not sum to 0: a gradient of 0 would be all rounding.
    call(np.einsum, subscripts, *[V(v(*shape).array + 0.25) for shape in shapes])
call(np.convolve, v(5), v(3))
call(np.convolve, v(2), v(4))
for mode in ("full", "same", "valid"):
    call(np.convolve, v(5), v(2), mode)
    call(np.convolve, v(3), v(4), mode)
    call(np.correlate, v(5), v(3), mode)
    call(np.correlate, v(5), v(2), mode)
    call(np.correlate, v(3), v(4), mode)
    call(np.correlate, v(2), v(5), mode)
call(np.polyval, v(4), v(2, 2))
call(np.polyval, v(3), V(0.7))
call(np.vander, v(3))
call(np.vander, v(3), 2)
call(np.vander, v(3), 4, increasing=True)
call(np.vdot, v(2, 3), v(2, 3))

# -- polynomials, sequences, other names --------------------------------------------------------

call(np.polyadd, v(3), v(2))
call(np.polysub, v(2), v(4))
call(np.polymul, v(4), v(2))
call(np.polyder, v(4))
call(np.polyder, v(4), 2)
call(np.polyint, v(3))
call(np.polyint, v(3), 2, np.array([1.0, 2.0]))
call(np.poly, v(3))
call(np.linspace, v(2), v(2), 4)
call(np.linspace, V(0.5), V(2.5), 5, endpoint=False)
call(np.linspace, V(0.5), V(2.5), 5, retstep=True)
call(np.linspace, v(2), V(2.5), 3, axis=-1)
call(np.logspace, V(0.5), V(1.5), 4)
call(np.logspace, V(0.5), V(1.5), 4, base=2.0)
call(np.geomspace, V(0.5), V(3.5), 4)
call(np.bincount, np.array([0, 2, 2, 1]), v(4))
call(np.bincount, np.array([0, 2, 2, 1]), v(4), minlength=6)
call(np.frexp, v(4))
call(np.roots, V([1.0, -6.0, 11.0, -6.0]))
call(np.roots, V([2.0, 3.0, 4.0]))
call(np.polyfit, V([0.0, 0.5, 1.0, 2.0]), v(4), 2)
call(np.polyfit, V([0.0, 0.5, 1.0, 2.0]), v(4, 2), 1, w=np.array([1.0, 2.0, 1.0, 0.5]))
call(np.i0, v(2, 3))
for function in (np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values):
    call(function, v(2, 3))
for function in (np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d):
    call(function, v(4), v(3))
call(np.sort_complex, v(4))
call(np.full_like, v(2, 3), V(0.7))
call(np.full_like, v(2, 3), v(3))
call(np.amax, v(2, 3), axis=0)
call(np.amin, v(2, 3), axis=1, keepdims=True)
call(np.around, V([0.3, 1.7, -2.4]), 0)
if hasattr(np, "astype"):
    call(np.astype, v(3), np.float64)

# -- linear algebra ----------------------------------------------------------------------------

for batch in ((), (2,)):
    call(la.inv, matrix(*batch, 3, 3))
    call(la.det, matrix(*batch, 3, 3))
    call(la.slogdet, matrix(*batch, 3, 3))
    call(la.solve, matrix(*batch, 3, 3), v(*batch, 3, 2))
    call(la.pinv, tall(*batch, 4, 2))
    call(la.pinv, tall(*batch, 2, 4))
    call(la.qr, tall(*batch, 4, 3))
    call(la.qr, tall(*batch, 3, 3))
    call(la.qr, tall(*batch, 2, 4))
    call(la.svd, tall(*batch, 3, 3))
    call(la.svd, tall(*batch, 4, 2), full_matrices=False)
    call(la.svd, tall(*batch, 2, 4), full_matrices=False)
    call(la.svd, tall(*batch, 3, 4), compute_uv=False)
    call(la.matrix_power, matrix(*batch, 2, 2), 3)
    call(la.cond, matrix(*batch, 3, 3))
    call(la.eigvals, V(np.diag([1.0, 2.0, 4.0]) + RNG.uniform(0.05, 0.2, (*batch, 3, 3))))
    call(la.eig, V(np.diag([1.0, 2.0, 4.0]) + RNG.uniform(0.05, 0.2, (*batch, 3, 3))))
    # One triangle is read, whatever stands in the other.
    call(la.cholesky, V(matrix(*batch, 3, 3).array + 2.0 * np.eye(3)))
    call(la.eigvalsh, apart(*batch, 3, 3))
    call(la.pinv, apart(*batch, 3, 3), hermitian=True)
    for uplo in ("L", "U"):
        call(la.eigh, apart(*batch, 3, 3), uplo)
    for vectors in (False, True):
        call(la.svd, apart(*batch, 3, 3), compute_uv=vectors, hermitian=True)
call(la.cholesky, V(matrix(3, 3).array + 2.0 * np.eye(3)), upper=True)
# Singular, also where that takes rounding, and to any rank.
call(la.det, V([[0.7, 0.2], [2.1, 0.6001]]))
call(la.det, V(np.arange(1.0, 10.0).reshape(3, 3)))
call(
    la.det,
    V(np.stack([v(4, 3).array @ v(3, 4).array, *map(np.diag, ([3.0, 2, 1, 0], [3.0, 2, 0, 0]))])),
)
call(la.det, V(np.zeros((2, 2))))
call(la.solve, matrix(3, 3), v(3))
call(la.solve, matrix(2, 3, 3), v(3, 1))
call(la.qr, tall(4, 2), "r")
call(la.eigvals, V([[1.0, 2.0, 0.5], [0.3, 4.0, 1.0], [-0.4, 0.5, -3.0]]))
call(la.eigvals, V([[-1.5, -2.0], [1.0, 0.0]]))  # they are complex
call(la.lstsq, tall(4, 2), v(4), rcond=None)
call(la.lstsq, tall(4, 2), v(4, 3), rcond=None)
call(la.lstsq, tall(2, 4), v(2), rcond=None)
call(la.matrix_power, matrix(2, 2), -2)
call(la.matrix_power, matrix(2, 2), 0)
call(la.multi_dot, In(v(2, 3), v(3, 2), v(2, 4)))
call(la.multi_dot, In(v(3), v(3, 2), v(2)))
call(la.tensorsolve, V(matrix(6, 6).array.reshape(2, 3, 6)), v(2, 3))
call(la.tensorinv, V(matrix(6, 6).array.reshape(2, 3, 6)), 2)
call(la.matrix_transpose, v(2, 3))
call(la.trace, v(2, 3, 3))
call(la.diagonal, v(2, 3, 3), offset=1)
call(la.matmul, v(2, 3), v(3, 2))
call(la.outer, v(2), v(3))
call(la.tensordot, v(2, 3), v(3, 2), axes=1)
call(la.vecdot, v(2, 3), v(3))
call(la.cross, v(3), v(3))
call(la.svdvals, tall(3, 2))
for p in (1, -1, 2, -2, np.inf, -np.inf, "fro", None):
    call(la.cond, matrix(3, 3), p)
for order in (None, 0, 1, -1, 2, 3, 0.5, -2, np.inf, -np.inf):
    some = pos if abs(order or 0) == np.inf else v  # no two of one size
    call(la.norm, some(4), order)
    call(la.norm, some(3, 4), order, axis=1, keepdims=True)
    if order is not None:
        call(la.vector_norm, some(2, 3), ord=order, axis=0)
for order in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
    call(la.norm, tall(3, 3), order)
    call(la.norm, tall(2, 3, 2), order, axis=(1, 2), keepdims=True)
    if order is not None:
        call(la.matrix_norm, tall(2, 3, 2), ord=order)
call(la.norm, v(2, 2, 2))
call(la.norm, v(2, 3), axis=(1, 0))

# -- Fourier transforms (of real input; complex ones in test_complex.py) -----------------------

for norm in (None, "ortho", "forward"):
    for n in (None, 3, 6):
        call(np.fft.rfft, v(4), n, norm=norm)
        call(np.fft.fft, v(5), n, norm=norm)
        call(np.fft.ifft, v(4), n, norm=norm)
        call(np.fft.ihfft, v(4), n, norm=norm)
        call(np.fft.irfft, v(4), n, norm=norm)
        call(np.fft.hfft, v(4), n, norm=norm)
for function in (np.fft.rfft, np.fft.fft, np.fft.irfft):
    call(function, v(4, 3), axis=0)
for function in (
    *(np.fft.fft2, np.fft.ifft2, np.fft.fftn, np.fft.ifftn),
    *(np.fft.rfft2, np.fft.irfft2, np.fft.rfftn, np.fft.irfftn),
):
    call(function, v(3, 4))
    call(function, v(2, 3, 4), (3, 2), (0, 2))
call(np.fft.fftn, v(2, 3, 2), axes=(0, 1))
for function in (np.fft.fftshift, np.fft.ifftshift):
    call(function, v(5))
    call(function, v(3, 4), axes=1)

# -- arguments that are seldom given -----------------------------------------------------------

for order in ("C", "F", "A", "K"):
    call(np.ravel, V(v(2, 3).array.T), order=order)
call(np.reshape, v(2, 3), (3, 2), order="F")
call(np.concatenate, In(v(2), v(3)), dtype=np.float64)
call(np.trace, v(3, 3), 1, dtype=np.float64)
call(np.insert, v(3, 2), 1, np.array([5.0, 6.0]), axis=0)
call(np.unwrap, V([0.1, 0.9, 5.0, 12.0, 3.0]), period=3.1)
call(np.logspace, V(0.3), V(1.2), 4, base=pos(2).array)
call(np.linspace, V(0.5), V(2.5), 1, retstep=False)
call(np.polyfit, V([0.0, 0.5, 1.0, 2.0]), v(4), 1, cov=True)
call(np.polyfit, V([0.0, 0.5, 1.0, 2.0]), v(4), 1, cov="unscaled", w=pos(4).array)
call(np.polyfit, V([0.0, 0.5, 1.0, 2.0]), v(4, 2), 1, full=True)
for mode in (0, 1, 2):
    call(np.convolve, v(5), v(2), mode)
for mode in (0, 1):
    call(np.choose, np.array([0, 4, 7, 1]), In(v(4), v(4)), mode=mode)
call(np.split, v(5), [3, 1])
call(np.tril, v(3))
call(np.triu, v(3), 1)
for optimize in (False, True, "optimal", ["einsum_path", (0, 2), (0, 1)]):
    call(np.einsum, "ij,jk,lk->il", v(2, 3), v(3, 2), v(2, 2), optimize=optimize)
for window, axis in (((2, 2), None), (2, 1), ((2, 1, 2), (0, 1, 0))):
    call(np.lib.stride_tricks.sliding_window_view, v(4, 3), window, axis)

# -- questions ---------------------------------------------------------------------------------

call(np.einsum_path, "ij,jk->ik", v(2, 3), v(3, 2))
for function in (np.diag_indices_from, np.tril_indices_from, np.triu_indices_from):
    call(function, v(3, 3))
call(np.common_type, v(3), v(2))
call(np.min_scalar_type, v(3))
for function in (np.may_share_memory, np.shares_memory):
    call(function, v(3), v(3))
for method in ("hazen", "weibull", "interpolated_inverted_cdf", "median_unbiased"):
    call(np.quantile, v(6), V([0.15, 0.63]), method=method)
for method in ("inverted_cdf", "averaged_inverted_cdf", "closest_observation"):
    call(np.quantile, v(3, 4), np.array([0.0, 0.4, 1.0]), axis=1, method=method)
    call(np.nanpercentile, nans(7), 40.0, method=method)
call(np.quantile, v(2, 4), 0.6, axis=1, method="inverted_cdf", weights=pos(4).array)
call(np.cov, v(2, 4), fweights=np.array([1, 2, 1, 3]))
call(np.cov, v(2, 4), v(2, 4), aweights=pos(4).array, dtype=np.float64)
call(np.average, v(2, 3), (1, 0), pos(3, 2).array)
call(np.cumprod, v(4), dtype=np.float64)
call(np.nancumprod, nans(4), dtype=np.float64)
call(np.diff, v(4), 0, prepend=1.0)
call(np.gradient, v(4, 3), axis=[0, 1])
call(np.interp, v(4), V([0.3, 1.1, 2.0]), v(3), period=2.3)
# where=, initial= and mean=
NAN_MASK = MASK | np.array([[False, False, False, False], [True, False, False, False], [True] * 4])
for function in (np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd):
    call(function, nans(3, 4), axis=1, where=NAN_MASK, keepdims=True)
call(np.nansum, nans(3, 4), initial=2.0, where=NAN_MASK, dtype=np.float64)
call(np.nanprod, nans(3, 4), axis=0, initial=-0.5, where=NAN_MASK)
call(np.nanmax, nans(3, 4), axis=0, initial=0.1, where=MASK)
call(np.nanmin, nans(3, 4), axis=1, initial=0.1)
for function in (np.var, np.std):
    call(function, v(3, 4), axis=1, mean=np.array([[0.1], [0.3], [-0.2]]), where=MASK)
    call(np.nanvar if function is np.var else np.nanstd, nans(3, 4), axis=1, mean=0.2, ddof=1)
call(np.clip, v(4), -0.6, 0.7, dtype=np.float64)
call(la.pinv, V(apart(3).array), hermitian=True)
call(la.pinv, tall(3, 2), rtol=1e-3)
call(la.cond, matrix(3, 3), 1)
call(la.lstsq, tall(4, 2), v(4), rcond=1e-3)
call(la.trace, matrix(2, 2), dtype=np.float64)
