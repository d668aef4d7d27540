"""scipy.linalg: solving with triangles and factors, functions of matrices, with derivatives.

>>> import numpy as np
>>> from autograd_lite import grad
>>> from autograd_lite.scipy import linalg
>>> a = np.array([[0.0, 1.0], [-1.0, 0.0]])
>>> grad(lambda t: linalg.expm(t * a)[0, 0])(0.5).round(6)  # −sin(0.5): a turn
np.float64(-0.479426)

The functions of a matrix follow one fact: f of the block matrix [[a, e], [0, a]] has, above its
diagonal, the derivative of f at a along e. For aᵀ, along the upstream gradient, it is the
gradient. (Higham, "Functions of Matrices" (2008), theorem 3.6.)

What `numpy.linalg` has too is that here, with SciPy's arguments.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as sl  # type: ignore[import-untyped]

from ..calculus.rarer import linalg
from ..composite import as_array
from ..errors import NoDerivativeError
from ..fitting import unbroadcast
from ..primitive import Primitive, derivative
from ..tensor import Tensor, unwrap

H, M = linalg.H, linalg.M

__all__ = [
    "block_diag",
    "cho_factor",
    "cho_solve",
    "cholesky",
    "det",
    "expm",
    "inv",
    "logm",
    "norm",
    "pinv",
    "solve",
    "solve_banded",
    "solve_sylvester",
    "solve_triangular",
    "sqrtm",
]

# -- functions of a matrix ---------------------------------------------------------------------


def _moved(f: Any, a: Any, g: Any) -> Any:
    """Return the derivative of f at a along g."""
    n = a.shape[-1]
    zero = np.zeros(a.shape, a.dtype)
    both = np.concatenate(
        [np.concatenate([a, g], axis=-1), np.concatenate([zero, a], axis=-1)], axis=-2
    )
    return f(both)[..., :n, n:]


_exponential: Primitive = derivative(
    lambda a: sl.expm(a), name="expm", a=lambda g, a: _moved(_exponential, M(a), g)
)


def _each(f: Any, a: Any) -> Any:
    """Apply a function to each matrix of a stack."""
    if a.ndim == 2:
        return f(a)
    return np.reshape(np.stack([f(x) for x in a.reshape(-1, *a.shape[-2:])]), a.shape)


def _logm(a: Any) -> Any:
    def one(x: Any) -> Any:
        out = sl.logm(x)
        # SciPy's result is complex where rounding alone made it so.
        size = np.max(np.abs(out), initial=1.0)
        real = np.isrealobj(x) and np.max(np.abs(np.imag(out)), initial=0.0) < 1e-12 * size
        return np.real(out) if real else out

    return _each(one, a)


_log: Primitive = derivative(_logm, name="logm", a=lambda g, a: _moved(_log, M(a), g))
_root: Primitive = derivative(
    lambda a: _each(sl.sqrtm, a),
    name="sqrtm",
    operands="a",
    a=lambda g, out: _sylvester(M(out), M(out), g),  # as x dx + dx x = da
)


def expm(A: Any) -> Any:
    """Return the exponential of a matrix, or of a stack of matrices (…, n, n).

    >>> expm(np.zeros((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    return _exponential(_floats(A))


def logm(A: Any) -> Any:
    """Return the principal logarithm of a matrix, whose exponential is A.

    >>> logm(np.eye(2))
    array([[0., 0.],
           [0., 0.]])
    """
    return _log(_floats(A))


def sqrtm(A: Any) -> Any:
    """Return the principal square root of a matrix.

    >>> sqrtm(np.array([[4.0, 0.0], [0.0, 9.0]]))
    array([[2., 0.],
           [0., 3.]])
    """
    return _root(_floats(A))


def _floats(a: Any) -> Any:
    a = as_array(a)
    return a if a.dtype.kind in "fc" else a.astype(float)


# -- linear equations --------------------------------------------------------------------------


def _one_triangle(a: Any, lower: bool, unit_diagonal: bool) -> Any:
    a = np.tril(a) if lower else np.triu(a)
    return a - a * np.eye(a.shape[-1], dtype=a.dtype) if unit_diagonal else a


def _back(g: Any, a: Any, lower: bool, unit_diagonal: bool) -> Any:
    """Solve with the transposed triangle."""
    return _triangular(M(a), g, lower=not lower, unit_diagonal=unit_diagonal)


_triangular: Primitive = derivative(
    lambda a, b, lower, unit_diagonal: sl.solve_triangular(
        a, b, lower=lower, unit_diagonal=unit_diagonal
    ),
    name="solve_triangular",
    operands="a b",
    a=lambda g, a, out, lower, unit_diagonal: unbroadcast(
        _one_triangle(-_back(g, a, lower, unit_diagonal) @ M(out), lower, unit_diagonal), a.shape
    ),
    b=lambda g, a, b, lower, unit_diagonal: unbroadcast(_back(g, a, lower, unit_diagonal), b.shape),
)


def solve_triangular(
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """Solve a x = b, of which only one triangle of the matrix a, (n, n), is read.

    Parameters
    ----------
    a, b
        The matrix; a vector (n,) or a matrix (n, k). Both may be differentiated; the gradient by
        the other triangle is 0.
    trans
        Which system: 0 or ``"N"``, a; 1 or ``"T"``, aᵀ; 2 or ``"C"``, aᴴ.
    lower, unit_diagonal
        Which triangle, and whether its diagonal counts as ones, without being read.
    overwrite_b, check_finite
        SciPy's; here nothing is written into.

    Returns
    -------
    Tensor or array
        Of the shape of b.

    Raises
    ------
    ValueError
        If `trans` is not 0, 1, 2, ``'N'``, ``'T'`` or ``'C'``.

    Examples
    --------
    >>> solve_triangular(np.array([[2.0, 9.0], [1.0, 1.0]]), [2.0, 3.0], lower=True)
    array([1., 2.])
    """
    a, b = _floats(a), _floats(b)
    if check_finite:
        np.asarray_chkfinite(unwrap(a)), np.asarray_chkfinite(unwrap(b))  # raises as SciPy does
    if trans in (1, "T", 2, "C"):
        a, lower = (H(a) if trans in (2, "C") else M(a)), not lower
    elif trans not in (0, "N"):
        raise ValueError(f"trans is 0, 1, 2, 'N', 'T' or 'C', and was given as {trans!r}.")
    column = b[:, None] if b.ndim == 1 else b
    out = _triangular(a, column, lower=bool(lower), unit_diagonal=bool(unit_diagonal))
    return out[:, 0] if b.ndim == 1 else out


def cholesky(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Any:
    """Return the triangle u with uᴴ u = a, or, if `lower`, the l with l lᴴ = a.

    Of `a`, (n, n), only that triangle is read.

    >>> cholesky(np.array([[4.0, 2.0], [0.0, 2.0]]))
    array([[2., 1.],
           [0., 1.]])
    """
    a = _floats(a)
    return np.linalg.cholesky(a) if lower else H(np.linalg.cholesky(H(a)))


def cho_factor(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Any, bool]:
    """Return a Cholesky factor of a, for `cho_solve`, and whether it is the lower one.

    >>> cho_factor(np.array([[4.0]]))
    (array([[2.]]), False)
    """
    return cholesky(a, lower), lower


def cho_solve(
    c_and_lower: tuple[Any, bool], b: Any, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    """Solve a x = b, given the Cholesky factor of a and whether it is the lower one.

    >>> cho_solve(cho_factor(np.array([[4.0]])), [8.0])
    array([2.])
    """
    c, lower = c_and_lower
    first, second = (0, 2) if lower else (2, 0)
    half = solve_triangular(c, b, first, lower, check_finite=check_finite)
    return solve_triangular(c, half, second, lower, check_finite=check_finite)


_sylvester: Primitive = derivative(
    lambda a, b, q: sl.solve_sylvester(a, b, q) if a.ndim == 2 else _stack_of_sylvesters(a, b, q),
    name="solve_sylvester",
    operands="a b q",
    joint=lambda g, a, b, out: _sylvester_rule(g, a, b, out),
)


def _stack_of_sylvesters(a: Any, b: Any, q: Any) -> Any:
    rows = [x.reshape(-1, *x.shape[-2:]) for x in (a, b, q)]
    return np.reshape(np.stack([sl.solve_sylvester(*x) for x in zip(*rows, strict=True)]), q.shape)


def _sylvester_rule(g: Any, a: Any, b: Any, out: Any) -> tuple[Any, Any, Any]:
    """As a x + x b = q, what arrives by q solves the transposed equation."""
    by_q = _sylvester(M(a), M(b), g)
    return -by_q @ M(out), -M(out) @ by_q, by_q


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """Return the x with a x + x b = q; (n, n), (m, m) and (n, m).

    >>> solve_sylvester(np.eye(1), np.eye(1), np.array([[4.0]]))
    array([[2.]])
    """
    return _sylvester(*map(_floats, (a, b, q)))


def solve_banded(
    l_and_u: tuple[int, int],
    ab: Any,
    b: Any,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """Solve a x = b for a matrix that is 0 but for its middle diagonals, the rows of `ab`.

    Raises
    ------
    ValueError
        If the shapes of `ab` and `b` do not go with the diagonals.

    Examples
    --------
    >>> solve_banded((0, 1), np.array([[0.0, 1.0], [2.0, 2.0]]), [4.0, 4.0])
    array([1., 2.])
    """
    (below, above), ab, b = l_and_u, _floats(ab), _floats(b)
    n = ab.shape[-1]
    if ab.shape[0] != below + above + 1 or b.shape[0] != n:
        raise ValueError(
            f"For {below} diagonals below and {above} above, ab has {below + above + 1} rows, and "
            f"as many columns as b has rows; it has the shape {ab.shape}, and b {b.shape}."
        )
    diagonals = range(above, -below - 1, -1)
    rows = [ab[i, max(k, 0) : n + min(k, 0)] for i, k in enumerate(diagonals)]
    return solve(sum(np.diag(r, k) for r, k in zip(rows, diagonals, strict=True)), b)


def solve(
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: str | None = None,
    transposed: bool = False,
) -> Any:
    """Solve a x = b for a matrix (n, n) and a vector or matrix b.

    What is assumed of the matrix with `assume_a` says which elements are read: for ``"pos"``,
    ``"sym"`` and ``"her"`` those of the triangle that `lower` names; of others all.

    >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), [2.0, 4.0])
    array([1., 1.])
    """
    a, b = _floats(a), _floats(b)
    kind = assume_a or "gen"
    if kind in ("lower triangular", "upper triangular"):
        return solve_triangular(a, b, int(transposed), lower=kind.startswith("lower"))
    if kind in ("pos", "positive definite", "sym", "symmetric", "her", "hermitian"):
        triangle = np.tril(a) if lower else np.triu(a)
        rest = np.tril(a, -1) if lower else np.triu(a, 1)
        a = triangle + (M(rest) if kind.startswith("sym") else H(rest))
    return np.linalg.solve(M(a) if transposed else a, b)


def inv(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """Return the inverse of a matrix.

    >>> inv(np.array([[2.0]]))
    array([[0.5]])
    """
    return np.linalg.inv(_floats(a))


def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """Return the determinant of a matrix.

    >>> round(float(det(np.diag([2.0, 4.0]))), 9)
    8.0
    """
    return np.linalg.det(_floats(a))


def pinv(a: Any, *, rtol: Any = None, check_finite: bool = True) -> Any:
    """Return the pseudo-inverse of a matrix, of a rank that does not change nearby.

    >>> pinv(np.array([[2.0], [0.0]]))
    array([[0.5, 0. ]])
    """
    return np.linalg.pinv(_floats(a), rtol=rtol)


def norm(
    a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True
) -> Any:
    """Return a norm of a vector or a matrix.

    >>> float(norm([3.0, 4.0]))
    5.0
    """
    return np.linalg.norm(_floats(a), ord, axis, keepdims)


def block_diag(*arrs: Any) -> Any:
    """Return a matrix with these along its diagonal, and 0 elsewhere.

    Raises
    ------
    ValueError
        If one of them has more than two axes.

    Examples
    --------
    >>> block_diag([[1.0, 2.0]], [[3.0]])
    array([[1., 2., 0.],
           [0., 0., 3.]])
    """
    blocks = [np.atleast_2d(as_array(a)) for a in arrs] or [np.zeros((1, 0))]
    if any(b.ndim > 2 for b in blocks):
        raise ValueError("block_diag takes matrices, and one of these has more axes than two.")
    dtype = np.result_type(*(b.dtype for b in blocks))
    rows, width = [], sum(b.shape[1] for b in blocks)
    left = 0
    for block in blocks:
        height, n = block.shape
        sides = [np.zeros((height, k), dtype) for k in (left, width - left - n)]
        rows.append(np.concatenate([sides[0], block, sides[1]], axis=1))
        left += n
    return np.concatenate(rows, axis=0)


ELSEWHERE = {
    "eigh eigvalsh eig eigvals svd svdvals qr lstsq": "np.linalg.{}, with NumPy's arguments",
    "lu lu_factor lu_solve ldl schur hessenberg polar cossin": "np.linalg.solve, qr or svd",
    "solveh_banded solve_toeplitz solve_circulant": "linalg.solve of the whole matrix",
    "sinm cosm tanm sinhm coshm tanhm signm funm fractional_matrix_power": "a rule for it, with "
    "derivative(...); linalg.expm, logm and sqrtm have one",
}
"""What of SciPy's has no derivative here, and what to write."""


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    listed = {word: text for words, text in ELSEWHERE.items() for word in words.split()}
    theirs = getattr(sl, name)
    if name not in listed:
        return theirs  # which refuses a Tensor that needs a gradient

    def of_numbers(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, Tensor) and x.requires_grad for x in (*args, *kwargs.values())):
            raise NoDerivativeError(
                f"scipy.linalg.{name} has no derivative here: write {listed[name].format(name)}."
            )
        return theirs(*map(unwrap, args), **{k: unwrap(v) for k, v in kwargs.items()})

    return of_numbers
