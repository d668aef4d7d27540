"""numpy.linalg: inverses and solutions, determinants, products.

`M(a)` is the transpose of the last two axes: every function here works on stacks of matrices.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..composite import NO_VALUE, as_array, composite
from ..fitting import unbroadcast
from ..primitive import Primitive, derivative
from ..protocol import TABLE
from ..tensor import measured, to_numpy
from .arithmetic import or_one
from .complex import C
from .facts import given
from .reductions import squared

la = np.linalg


def M(a: Any) -> Any:
    """Return the transpose of the last two axes."""
    return np.swapaxes(a, -1, -2)


def H(a: Any) -> Any:
    """Return the conjugate transpose of the last two axes."""
    return C(M(a))


def diagonals(a: Any) -> Any:
    """Return stacks of diagonal matrices."""
    return a[..., None] * np.eye(a.shape[-1], dtype=a.dtype)


def from_lower(a: Any) -> Any:
    """Return the Hermitian matrix of which this is the lower triangle."""
    below = np.tril(a, -1)
    return below + H(below) + diagonals(np.real(np.diagonal(a, axis1=-2, axis2=-1)))


# -- inverses --------------------------------------------------------------------------------

derivative(la.inv, a=lambda g, out: -M(out) @ g @ M(out))


def _solve_for_matrices(a: Any, b: Any) -> Any:
    return la.solve(a, b)


def _solved(a: Any, g: Any) -> Any:
    """Solve with the transpose, which rounding may make singular where `a` was not."""
    try:
        return solve(a, g)
    except la.LinAlgError:
        return M(la.inv(M(a))) @ g


solve: Primitive = derivative(
    _solve_for_matrices,
    name="solve",
    a=lambda g, a, out: unbroadcast(-_solved(M(a), g) @ M(out), a.shape),
    b=lambda g, a, b: unbroadcast(_solved(M(a), g), b.shape),
)


def _solve(a: Any, b: Any) -> Any:
    if np.ndim(b) == 1:
        return solve(a, b[:, None])[..., 0]
    return solve(a, b)


composite(la.solve, _solve)


def _pinv_rule(g: Any, a: Any, out: Any) -> Any:
    """After Golub and Pereyra (1973), for a rank that does not change nearby."""
    rows, columns = (np.eye(n, dtype=a.dtype) for n in a.shape[-2:])
    g, p = C(g), H(out)
    missed = (rows - a @ out) @ H(g) @ out @ p + p @ out @ H(g) @ (columns - out @ a)
    return C(missed - p @ g @ p)


_pinv = derivative(
    lambda a, rcond=None: la.pinv(a, rcond),
    name="pinv",
    a=lambda g, a, out: _pinv_rule(g, a, out),
    parameters="rcond",
)


def _pseudo_inverse(
    a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = NO_VALUE
) -> Any:
    if rtol is None:
        rtol = max(np.shape(a)[-2:]) * np.finfo(np.result_type(a)).eps
    a = from_lower(a) if hermitian and np.size(a) else a
    return _pinv(a, rcond=rcond if rtol is NO_VALUE else rtol)


composite(la.pinv, _pseudo_inverse)


def _lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    rows, columns = np.shape(a)
    kinds = [d if d.kind in "fc" else np.dtype(float) for d in map(np.result_type, (a, b))]
    a, b = (as_array(x).astype(np.result_type(x, np.float64)) for x in (a, b))
    epsilon = np.finfo(np.float64).eps
    cut = max(rows, columns) * epsilon if rcond is None else rcond
    cut = cut if 0 < cut < 1 else epsilon / 2.0  # as LAPACK reads it
    x = la.pinv(a, cut) @ b
    s = la.svd(a, compute_uv=False)
    rank, now = (
        np.sum(sizes > cut * np.max(sizes, initial=0.0)).astype(np.int32)
        for sizes in (measured(s), to_numpy(s))
    )
    residuals = np.sum(squared(b - a @ x), axis=0, keepdims=np.ndim(b) == 1)
    if not now == columns < rows:
        residuals = np.zeros(0, np.finfo(np.result_type(*kinds)).dtype)
    if columns < rows:
        residuals = given(residuals, rank == columns, "the rank is full", "it is less than full")
    return x, residuals, rank, s


composite(la.lstsq, _lstsq)


def _tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    if axes is not None:
        axes = [i % np.ndim(a) for i in axes]
        a = np.transpose(a, [i for i in range(np.ndim(a)) if i not in axes] + axes)
    shape = np.shape(a)[np.ndim(b) - np.ndim(a) :]  # as NumPy does, where nothing is left too
    n = math.prod(shape)
    return np.reshape(la.solve(np.reshape(a, (n, n)), np.ravel(b)), shape)


def _tensorinv(a: Any, ind: int = 2) -> Any:
    first, last = np.shape(a)[:ind], np.shape(a)[ind:]
    n = math.prod(last)
    return np.reshape(la.inv(np.reshape(a, (-1, n))), last + first)


composite(la.tensorsolve, _tensorsolve)
composite(la.tensorinv, _tensorinv)

# -- determinants ------------------------------------------------------------------------------


def _cofactors(a: Any) -> Any:
    """Return ∂det/∂a: det · a⁻ᵀ, as long as rounding leaves its derivatives alone."""
    determinant = la.det(a)
    if np.all(determinant != 0):
        inverse = la.inv(a)
        condition = _sum_of_squares(a) * _sum_of_squares(inverse)
        if not np.any(condition > np.finfo(a.dtype).eps ** -0.5):
            return determinant[..., None, None] * M(inverse)
    return _bordered_cofactors(a)


def _sum_of_squares(a: Any) -> Any:
    return np.sum(squared(to_numpy(a)), axis=(-2, -1))


def _bordered_cofactors(a: Any) -> Any:
    """Return the cofactors of any matrix, singular ones too, with right derivatives.

    Bordered by the k singular vectors of what is small in it, `a` becomes a matrix b
    that has an inverse, say in blocks p, q; r, s. Then det a = det b · det s and
    a⁻¹ = p − q s⁻¹ r, for whatever vectors: they count as constants.
    """
    values = to_numpy(a)
    u, sizes, vh = la.svd(np.where(np.isfinite(values), values, 0.0))
    scale = or_one(sizes[..., :1, None])
    small = sizes[..., None] <= np.finfo(a.dtype).eps ** 0.25 * scale
    n, k = a.shape[-1], int(np.max(np.sum(small, axis=(-2, -1)), initial=0))
    corner = np.zeros((*a.shape[:-2], k, k), a.dtype)
    b = np.block([[a / scale, u[..., n - k :]], [vh[..., n - k :, :], corner]])
    inverse = la.inv(b)
    p, q, r, s = (
        inverse[..., i, j] for i in (slice(n), slice(n, None)) for j in (slice(n), slice(n, None))
    )
    adjugate = la.det(s)[..., None, None] * p - q @ M(_minors(s)) @ r
    return scale ** (n - 1) * la.det(b)[..., None, None] * M(adjugate)


def _minors(a: Any) -> Any:
    """Return the cofactors one by one, of a small matrix."""
    n = a.shape[-1]
    if n > 8:  # as it comes from above it is 0 but for rounding, and so are seven derivatives
        return np.zeros_like(a)
    others = np.array([[j for j in range(n) if j != i] for i in range(n)], dtype=int)
    others = others.reshape(n, max(n - 1, 0))
    minors = a[..., others[:, None, :, None], others[None, :, None, :]]
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
    return la.det(minors) * signs.astype(a.dtype)


derivative(la.det, a=lambda g, a: g[..., None, None] * _cofactors(a))


def _slogdet_rule(g: Any, a: Any, out: Any) -> Any:
    of_sign, of_log = g
    if np.iscomplexobj(a):
        of_log = of_log - 1j * np.real(of_sign * (1j * out[0]))
    return of_log[..., None, None] * _cofactors_over_det(a, out[0])


def _cofactors_over_det(a: Any, sign: Any) -> Any:
    """Return a⁻ᵀ; of a singular matrix, ±inf where a number has a cofactor, as log has at 0."""
    if np.all(sign != 0):
        return M(la.inv(a))
    singular = (sign == 0)[..., None, None]
    cofactors = _cofactors(a)
    infinite = np.where(cofactors == 0, 0.0, np.inf * cofactors)
    return np.where(singular, infinite, M(la.inv(np.where(singular, np.eye(a.shape[-1]), a))))


_slogdet = derivative(
    lambda a: tuple(la.slogdet(a)),
    name="slogdet",
    outputs=True,
    a=lambda g, a: _slogdet_rule(g, a, la.slogdet(a)),
)
composite(la.slogdet, lambda a: type(la.slogdet(np.eye(1)))(*_slogdet(a)))

# -- products --------------------------------------------------------------------------------------


def _matrix_power(a: Any, n: int) -> Any:
    if n == 0:
        return np.where(False, a, np.eye(np.shape(a)[-1], dtype=np.result_type(a)))
    if n < 0:
        a, n = la.inv(a), -n
    result = None
    while n:
        if n % 2:
            result = a if result is None else result @ a
        a, n = a @ a, n // 2
    return result


def _multi_dot(arrays: Any) -> Any:
    result = arrays[0]
    for a in arrays[1:]:
        result = np.dot(result, a)
    return result


composite(la.matrix_power, _matrix_power)
composite(la.multi_dot, _multi_dot)
composite(la.matrix_transpose, lambda x, /: M(x))
composite(
    la.trace,
    lambda x, /, *, offset=0, dtype=None: np.trace(x, offset, axis1=-2, axis2=-1, dtype=dtype),
)
composite(la.diagonal, lambda x, /, *, offset=0: np.diagonal(x, offset=offset, axis1=-2, axis2=-1))
composite(la.matmul, lambda x1, x2, /: np.matmul(x1, x2))
composite(la.outer, lambda x1, x2, /: np.outer(x1, x2))
composite(la.tensordot, lambda x1, x2, /, *, axes=2: np.tensordot(x1, x2, axes=axes))
composite(la.vecdot, lambda x1, x2, /, *, axis=-1: TABLE[np.vecdot](x1, x2, axis=axis))
composite(la.cross, lambda x1, x2, /, *, axis=-1: np.cross(x1, x2, axis=axis))
