"""numpy.linalg: factorisations, eigenvalues and singular values.

Formulas after Giles, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation" (2008), and Murray, "Differentiation of the Cholesky decomposition"
(2016). They are for ∂L/∂x + i ∂L/∂y; on our tape is the conjugate of that, so that each stands
between two conjugations, `C(…)`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..composite import composite
from ..errors import UnsupportedArgumentError
from ..primitive import Primitive, derivative
from ..tensor import measured, to_numpy
from .arithmetic import or_one
from .complex import C
from .facts import given
from .linalg import H, M, diagonals, from_lower, solve

la = np.linalg


def _lower_half(a: Any) -> Any:
    """Return the lower triangle with half the diagonal."""
    return np.tril(a) - 0.5 * diagonals(np.diagonal(a, axis1=-2, axis2=-1))


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
    return C(H(solve(r, H(gq + q @ from_lower(r @ H(gr) - H(gq) @ q)))))


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
    sure = np.abs(measured(real)) > np.finfo(real.dtype).eps ** 0.5
    return g - 1j * (at * np.where(sure, turn / np.where(sure, real, 1.0), 0.0)[..., None, :])


def _eigh_rule(g: Any, a: Any, UPLO: Any = "L") -> Any:
    w, v = la.eigh(a, UPLO)
    gw, gv = g[0], C(g[1])
    if np.iscomplexobj(a):
        rows = np.arange(a.shape[-1])[:, None]
        gv = _held(v, gv, rows == (0 if UPLO in "lL" else a.shape[-1] - 1), _turn(v, gv))
    whole = v @ (diagonals(gw) + _gaps(w) * (H(v) @ gv)) @ H(v)
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
    size = np.where(np.imag(measured(v)) == 0, np.abs(measured(v)), 0.0)
    largest = size == np.max(size, axis=-2, keepdims=True, initial=0.0)
    gv = _held(v, gv, largest, _turn(v, gv))
    gv = C(gv - v * np.real(np.sum(C(v) * gv, axis=-2))[..., None, :])
    return M(la.inv(v)) @ (diagonals(gw) + _gaps(w) * (M(v) @ gv)) @ M(v)


spectrum: Primitive = derivative(
    _spectrum, name="eig", outputs=True, a=lambda g, a: _spectrum_rule(g, a)
)


def _eig(a: Any) -> Any:
    w, v = spectrum(a)
    if not np.iscomplexobj(a):  # NumPy does so
        is_complex = np.any(np.imag(measured(w)) != 0)
        are_real = not np.any(np.imag(to_numpy(w)) != 0)
        w, v = (
            given(x, is_complex, "some eigenvalues are complex", "all eigenvalues are real")
            for x in ((np.real(w), np.real(v)) if are_real else (w, v))
        )
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
    inner = diagonals(gs) + gaps * turned_u * s[..., None, :] + s[..., :, None] * gaps * turned_v
    if np.iscomplexobj(a):  # the common phase of a pair of vectors
        inner = inner + diagonals(np.diagonal(turned_u, axis1=-2, axis2=-1)) * (0.5 * inverse)
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


singular_values = derivative(
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
        return singular_values(a)
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
composite(la.svdvals, lambda x, /: singular_values(x))
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
