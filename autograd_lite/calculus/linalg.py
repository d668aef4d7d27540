"""numpy.linalg: factorisations and what follows from them.

`M(a)` is the transpose of the last two axes: every function here works on
stacks of matrices. Formulas of the factorisations after Giles, "Collected matrix
derivative results for forward and reverse mode algorithmic differentiation"
(2008), and Murray, "Differentiation of the Cholesky decomposition" (2016). They are
for ∂L/∂x + i ∂L/∂y; on our tape is the conjugate of that, so that each stands
between two conjugations, `C(…)`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..composite import NO_VALUE, as_array, composite
from ..errors import UnsupportedArgumentError
from ..fitting import unbroadcast
from ..modes import runs_again
from ..primitive import Primitive, derivative
from ..protocol import TABLE
from ..quiet import quietly
from ..tensor import to_numpy, unwrap
from .arithmetic import or_one
from .complex import C
from .reductions import keepdims_shape, root, squared

la = np.linalg


def M(a: Any) -> Any:
    """Return the transpose of the last two axes."""
    return np.swapaxes(a, -1, -2)


def H(a: Any) -> Any:
    """Return the conjugate transpose of the last two axes."""
    return C(M(a))


def _diagonals(a: Any) -> Any:
    """Return stacks of diagonal matrices."""
    return a[..., None] * np.eye(a.shape[-1], dtype=a.dtype)


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
    a = _from_lower(a) if hermitian and np.size(a) else a
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
    rank = int(np.sum(to_numpy(s) > cut * np.max(to_numpy(s), initial=0.0)))
    residuals = np.sum(squared(b - a @ x), axis=0, keepdims=np.ndim(b) == 1)
    if not rank == columns < rows:
        residuals = np.zeros(0, np.finfo(np.result_type(*kinds)).dtype)
    return x, residuals, np.int32(rank), s


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

# -- factorisations ------------------------------------------------------------------------------


def _lower_half(a: Any) -> Any:
    """Return the lower triangle with half the diagonal."""
    return np.tril(a) - 0.5 * _diagonals(np.diagonal(a, axis1=-2, axis2=-1))


def _from_lower(a: Any) -> Any:
    """Return the Hermitian matrix of which this is the lower triangle."""
    below = np.tril(a, -1)
    return below + H(below) + _diagonals(np.real(np.diagonal(a, axis1=-2, axis2=-1)))


def _cholesky_rule(g: Any, out: Any) -> Any:
    inner = _lower_half(H(out) @ C(g))
    whole = solve(H(out), H(solve(H(out), H(inner))))
    return C(_lower_half(whole + H(whole)))  # of the triangle that is read


_cholesky = derivative(
    lambda a: la.cholesky(a), name="cholesky", a=lambda g, out: _cholesky_rule(g, out)
)
composite(la.cholesky, lambda a, /, *, upper=False: H(_cholesky(H(a))) if upper else _cholesky(a))


def _qr_rule(g: Any, a: Any) -> Any:
    q, r = la.qr(a)
    if np.any(np.diagonal(r, axis1=-2, axis2=-1) == 0):
        raise la.LinAlgError(
            "np.linalg.qr has no derivative where a column follows from those before it, as Q is "
            "not determined there: take such columns out first."
        )
    gq, gr = C(g[0]), C(g[1])
    return C(H(solve(r, H(gq + q @ _from_lower(r @ H(gr) - H(gq) @ q)))))


_tall_qr = derivative(
    lambda a: tuple(la.qr(a)), name="qr", outputs=True, a=lambda g, a: _qr_rule(g, a)
)


def _qr(a: Any, mode: str = "reduced") -> Any:
    rows, columns = np.shape(a)[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and rows <= columns):
        raise UnsupportedArgumentError(
            f"np.linalg.qr has a derivative for mode='reduced' and 'r', not for '{mode}': the "
            "other columns of a complete Q are not determined."
        )
    q, r = _tall_qr(a[..., :, : min(rows, columns)])
    if columns > rows:
        # The further columns of R follow from Q, which the first ones determine.
        r = np.concatenate([r, H(q) @ a[..., :, rows:]], axis=-1)
    return r if mode == "r" else type(la.qr(np.eye(1)))(q, r)


composite(la.qr, _qr)


def _gaps(w: Any) -> Any:
    """Return 1 / (wⱼ − wᵢ) at i, j; 0 on the diagonal and where two are equal."""
    gaps = w[..., None, :] - w[..., :, None]
    return np.where(gaps == 0, 0.0, 1.0 / or_one(gaps))


def _turn(v: Any, g: Any) -> Any:
    """Return by how much the result grows as the phase of each vector does."""
    return np.imag(np.sum(C(v) * g, axis=-2))


def _held(v: Any, g: Any, at: Any, turn: Any) -> Any:
    """Return a gradient for vectors that do not turn, as LAPACK leaves one number of each real.

    `at` marks that number. Where it is all but 0, the vector counts as not turning at all.
    """
    real = np.sum(np.real(v) * at, axis=-2)
    sure = np.abs(to_numpy(real)) > np.finfo(real.dtype).eps ** 0.5
    return g - 1j * (at * np.where(sure, turn / np.where(sure, real, 1.0), 0.0)[..., None, :])


def _eigh_rule(g: Any, a: Any, UPLO: Any = "L") -> Any:
    w, v = la.eigh(a, UPLO)
    gw, gv = g[0], C(g[1])
    if np.iscomplexobj(a):
        rows = np.arange(a.shape[-1])[:, None]
        gv = _held(v, gv, rows == (0 if UPLO in "lL" else a.shape[-1] - 1), _turn(v, gv))
    whole = v @ (_diagonals(gw) + _gaps(w) * (H(v) @ gv)) @ H(v)
    whole = whole + H(whole)
    return C(_lower_half(whole) if UPLO in "lL" else M(_lower_half(M(whole))))


_eigh = derivative(
    lambda a, UPLO="L": tuple(la.eigh(a, UPLO)),
    name="eigh",
    outputs=True,
    a=lambda g, a, UPLO="L": _eigh_rule(g, a, UPLO),
)
composite(la.eigh, lambda a, UPLO="L": type(la.eigh(np.eye(1)))(*_eigh(a, UPLO=UPLO)))
composite(la.eigvalsh, lambda a, UPLO="L": _eigh(a, UPLO=UPLO)[0])


def _spectrum(a: Any) -> tuple[Any, Any]:
    return tuple(np.asarray(part, np.result_type(a, np.complex64)) for part in la.eig(a))  # type: ignore[return-value]


def _spectrum_rule(g: Any, a: Any) -> Any:
    """As the vectors keep the length 1, and the largest number of each stays real."""
    w, v = spectrum(a)
    gw, gv = g[0], C(g[1])
    size = np.where(np.imag(to_numpy(v)) == 0, np.abs(to_numpy(v)), 0.0)
    largest = size == np.max(size, axis=-2, keepdims=True, initial=0.0)
    gv = _held(v, gv, largest, _turn(v, gv))
    gv = C(gv - v * np.real(np.sum(C(v) * gv, axis=-2))[..., None, :])
    return M(la.inv(v)) @ (_diagonals(gw) + _gaps(w) * (M(v) @ gv)) @ M(v)


spectrum: Primitive = derivative(
    _spectrum, name="eig", outputs=True, a=lambda g, a: _spectrum_rule(g, a)
)


def _eig(a: Any) -> Any:
    w, v = spectrum(a)
    if not np.iscomplexobj(a) and not np.any(np.imag(w) != 0):  # NumPy does so
        w, v = np.real(w), np.real(v)
    return type(la.eig(np.eye(1)))(w, v)


def _in_range(s: Any, shape: tuple[int, ...]) -> Any:
    """Whether singular values are more than 0 but for rounding."""
    return (
        s > np.max(s, axis=-1, keepdims=True, initial=0.0) * max(shape[-2:]) * np.finfo(s.dtype).eps
    )


def _inverse(s: Any) -> Any:
    """Return 1/s; 0 for 0."""
    return np.where(s == 0, 0.0, 1.0 / or_one(s))


def _svd_rule(g: Any, a: Any, full_matrices: bool) -> Any:
    """After Townsend, "Differentiating the singular value decomposition" (2016)."""
    u, s, vh = thin_svd(a, full_matrices=full_matrices)
    gu, gs, gv = C(g[0]), g[1], M(g[2])
    if full_matrices:
        n = s.shape[-1]
        if np.any(to_numpy(gu)[..., n:]) or np.any(to_numpy(gv)[..., n:]):
            raise la.LinAlgError(
                "The gradient depends on singular vectors for which there is no singular value, "
                "and they are not determined: use np.linalg.svd(…, full_matrices=False)."
            )
        u, vh, gu, gv = u[..., :n], vh[..., :n, :], gu[..., :n], gv[..., :n]
    s = np.where(_in_range(s, a.shape), s, 0.0)
    v, gaps, inverse = H(vh), _gaps(s * s), _inverse(s)[..., None, :]
    if np.iscomplexobj(a):
        turn = _turn(u, gu) + _turn(v, gv)
        if a.shape[-2] < a.shape[-1]:
            gu = _held(u, gu, np.arange(a.shape[-2])[:, None] == 0, turn)
        else:
            gv = _held(v, gv, np.arange(a.shape[-1])[:, None] == 0, turn)
    of_u, of_v = H(u) @ gu, vh @ gv
    turned_u, turned_v = of_u - H(of_u), of_v - H(of_v)
    inner = _diagonals(gs) + gaps * turned_u * s[..., None, :] + s[..., :, None] * gaps * turned_v
    if np.iscomplexobj(a):  # the common phase of a pair of vectors
        inner = inner + _diagonals(np.diagonal(turned_u, axis1=-2, axis2=-1)) * (0.5 * inverse)
    rows, columns = (np.eye(n, dtype=a.dtype) for n in a.shape[-2:])
    return C(
        u @ inner @ vh
        + (rows - u @ H(u)) @ (gu * inverse) @ vh
        + (u * inverse) @ H(gv) @ (columns - v @ vh)
    )


thin_svd: Primitive = derivative(
    lambda a, full_matrices=False: tuple(la.svd(a, full_matrices=full_matrices)),
    name="svd",
    outputs=True,
    a=lambda g, a, full_matrices=False: _svd_rule(g, a, full_matrices),
)


def _singular_values_rule(g: Any, a: Any) -> Any:
    u, _, vh = thin_svd(a)
    return C((u * g[..., None, :]) @ vh)


_singular_values = derivative(
    lambda a: la.svd(a, compute_uv=False),
    name="svdvals",
    a=lambda g, a: _singular_values_rule(g, a),
)


def _svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    if hermitian:
        return _svd_by_eigh(a, compute_uv)
    if not compute_uv:
        return _singular_values(a)
    more = {"full_matrices": True} if full_matrices and np.shape(a)[-1] != np.shape(a)[-2] else {}
    return type(la.svd(np.eye(1)))(*thin_svd(a, **more))


def _svd_by_eigh(a: Any, compute_uv: bool) -> Any:
    w, v = _eigh(a)
    order = np.argsort(np.abs(w), axis=-1)[..., ::-1]
    w = np.take_along_axis(w, order, axis=-1)
    if not compute_uv:
        return np.abs(w)
    u = np.take_along_axis(v, order[..., None, :], axis=-1)
    return type(la.svd(np.eye(1)))(u, np.abs(w), H(u * np.sign(w)[..., None, :]))


composite(la.svd, _svd)
composite(la.svdvals, lambda x, /: _singular_values(x))
composite(la.eig, _eig)
composite(la.eigvals, lambda a: _eig(a)[0])


def _nuclear_norm(a: Any) -> Any:
    return la.svd(a, compute_uv=False).sum(axis=-1)


nuclear_norm: Primitive = derivative(
    _nuclear_norm, name="nuclear_norm", a=lambda g, a: g[..., None, None] * C(polar(a))
)
"""The sum of the singular values; of one that is 0, the derivative is 0, as of |x|."""


def _polar(a: Any) -> Any:
    u, s, vh = la.svd(a, full_matrices=False)
    return (u * _in_range(s, a.shape)[..., None, :]) @ vh


def _polar_rule(g: Any, a: Any) -> Any:
    """As dw = u ω vᴴ + what of da is outside of u or v: ω s + s ω = k − kᴴ, with k = uᴴ da v."""
    u, s, vh = thin_svd(a)
    found = _in_range(s, a.shape)
    s, g, v = np.where(found, s, 0.0), C(g), H(vh)
    k, sums = H(u) @ g @ v, s[..., :, None] + s[..., None, :]
    both = found[..., :, None] & found[..., None, :]
    omega = np.where(both, (k - H(k)) / or_one(sums), 0.0)
    rows, columns = (np.eye(n, dtype=a.dtype) for n in a.shape[-2:])
    inverse, found = _inverse(s)[..., None, :], found[..., None, :]
    return C(
        u @ omega @ vh
        + (rows - (u * found) @ H(u)) @ g @ (v * inverse) @ vh
        + (u * inverse) @ H(u) @ g @ (columns - (v * found) @ vh)
    )


polar: Primitive = derivative(_polar, name="polar", a=lambda g, a: _polar_rule(g, a))
"""u vᴴ of the singular vectors in the range: the nearest matrix that is orthogonal on it."""

# -- norms -----------------------------------------------------------------------------------------


def _powers_rule(g: Any, x: Any, order: float, signed: bool) -> Any:
    """Return g · order · |x|**(order − 1), with the sign of x for an even power; 0 for 0 · inf."""
    slope = order * powers(x, order=order - 1.0, signed=not signed)
    seen = (slope, g) if runs_again() else (unwrap(slope), unwrap(g))
    nothing = np.isinf(seen[0]) & (seen[1] == 0)
    return np.where(nothing, 0.0, g * slope)


powers: Primitive = derivative(
    lambda x, order, signed=False: np.abs(x) ** order * (np.sign(x) if signed else 1.0),
    name="powers",
    elementwise=True,
    x=lambda g, x, order, signed=False: _powers_rule(g, x, order, signed),
)
"""|x|**order; signed, with the sign of x. NumPy's power would not know the slopes at 0."""


def _vector_norm(x: Any, order: Any, axis: Any, keepdims: bool) -> Any:
    x = x * 1.0 if np.result_type(x).kind not in "fc" else x
    axis = axis if axis is None or isinstance(axis, tuple) else int(axis)
    infinite = np.isinf(unwrap(x))
    if infinite.any() and (order is None or 1 < order < np.inf):
        return _norm_with_infinities(x, infinite, order, axis, keepdims)
    if order is None or order == 2:
        return root(np.sum(squared(x), axis=axis, keepdims=keepdims))
    size = np.abs(x)
    if order == np.inf:
        return np.max(size, axis=axis, keepdims=keepdims, initial=0.0)
    if order == -np.inf:
        return np.min(size, axis=axis, keepdims=keepdims)
    if order == 0:
        counts = np.where(size != 0, np.ones((), size.dtype), size)  # on the tape, with slope 0
        return np.sum(counts, axis=axis, keepdims=keepdims)
    if order == 1:
        return np.sum(size, axis=axis, keepdims=keepdims)
    if order > 1 and not np.iscomplexobj(x):
        sums = np.sum(powers(x, order=float(order)), axis=axis, keepdims=keepdims)
        return root(sums, 1.0 / order)
    if order > 0:
        return root(np.sum(root(size, order), axis=axis, keepdims=keepdims), 1.0 / order)
    # One 0 makes the norm 0, and the others have no influence.
    sums = np.sum(or_one(size) ** order, axis=axis, keepdims=keepdims)
    nothing = np.any(size == 0, axis=axis, keepdims=keepdims)
    return np.where(nothing, 0.0, sums ** (1.0 / order))


def _norm_with_infinities(x: Any, infinite: Any, order: Any, axis: Any, keepdims: bool) -> Any:
    """Return a norm, which, where numbers are infinite, changes with them alone, and alike."""
    lost = np.any(np.isnan(unwrap(x)), axis=axis, keepdims=True)
    some = np.any(infinite, axis=axis, keepdims=True) & ~lost
    count = or_one(np.sum(infinite, axis=axis, keepdims=True)).astype(
        np.result_type(unwrap(x).real)
    )
    shares = np.where(infinite, np.abs(x), 0.0) * count ** (1.0 / (order or 2) - 1.0)
    of_infinite = np.sum(shares, axis=axis, keepdims=True)
    rest = np.where(some, 0.0, np.where(infinite, np.nan, x))
    out = np.where(some, of_infinite, _vector_norm(rest, order, axis, True))
    return out if keepdims else np.squeeze(out, axis=axis)


def _matrix_norm(x: Any, order: Any, axis: tuple[int, int], keepdims: bool) -> Any:
    x = x * 1.0 if np.result_type(x).kind not in "fc" else x
    row, column = (i % np.ndim(x) for i in axis)
    if order in (None, "fro", "f"):
        return _vector_norm(x, 2, (row, column), keepdims)
    if order in ("nuc", 2, -2):
        matrix = np.moveaxis(x, (row, column), (-2, -1))
        if order == "nuc":
            result = nuclear_norm(matrix)
        else:
            sizes = _singular_values(matrix)
            result = np.max(sizes, axis=-1, initial=0.0) if order == 2 else np.min(sizes, axis=-1)
        return (
            np.reshape(result, keepdims_shape(np.shape(x), (row, column))) if keepdims else result
        )
    sums = np.sum(np.abs(x), axis=row if abs(order) == 1 else column, keepdims=True)
    if order > 0:
        result = np.max(sums, axis=(row, column), keepdims=True, initial=0.0)
    else:
        result = np.min(sums, axis=(row, column), keepdims=True)
    return result if keepdims else np.squeeze(result, axis=(row, column))


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if axis is None:
        if ord is None:
            flat = _vector_norm(np.ravel(x), 2, None, False)
            return np.reshape(flat, (1,) * np.ndim(x)) if keepdims else flat
        axis = tuple(range(np.ndim(x)))
    axes = axis if isinstance(axis, tuple) else (axis,)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    return _matrix_norm(x, ord, axes, keepdims)


composite(la.norm, _norm)
composite(
    la.vector_norm,
    lambda x, /, *, axis=None, keepdims=False, ord=2: _vector_norm(x, ord, axis, keepdims),
)
composite(
    la.matrix_norm,
    lambda x, /, *, keepdims=False, ord="fro": _matrix_norm(x, ord, (-2, -1), keepdims),
)


def _cond(x: Any, p: Any = None) -> Any:
    if p in (None, 2, -2):
        s = _singular_values(x)
        first, last = (s[..., -1], s[..., 0]) if p == -2 else (s[..., 0], s[..., -1])
        return quietly(np.divide, first, last)  # inf for a singular matrix
    singular = la.cond(to_numpy(x), p) == np.inf
    if np.any(singular):
        x = np.where(np.expand_dims(singular, (-2, -1)), np.eye(np.shape(x)[-1]), x)
    both = _matrix_norm(x, p, (-2, -1), False) * _matrix_norm(la.inv(x), p, (-2, -1), False)
    return np.where(singular, np.inf, both) if np.any(singular) else both


composite(la.cond, _cond)

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
