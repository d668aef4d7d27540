"""scipy.linalg and scipy.signal with derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from autograd_lite import Tensor, grad
from autograd_lite.errors import DetachError, NoDerivativeError
from autograd_lite.testing import check_gradients
from tests.peers import peer

sl = peer("scipy.linalg")
ss = peer("scipy.signal")
linalg = peer("autograd_lite.scipy.linalg")
signal = peer("autograd_lite.scipy.signal")

RNG = np.random.default_rng(5)
A = RNG.normal(size=(3, 3)) * 0.4 + 2.0 * np.eye(3)
S = A @ A.T
B, V = RNG.normal(size=(3, 2)), RNG.normal(size=3)
Z = A + 0.3j * RNG.normal(size=(3, 3))
BANDS = np.array([[0.0, 0.5, -0.3, 0.2], [2.0, 3.0, 2.5, 2.2], [0.1, -0.4, 0.3, 0.0]])

CALLS = [
    ("expm", (A,), {}), ("expm", (np.stack([A, -0.2 * A]),), {}), ("expm", (Z,), {}),
    ("sqrtm", (A,), {}), ("sqrtm", (Z,), {}), ("logm", (A,), {}), ("logm", (Z,), {}),
    ("cholesky", (S,), {}), ("cholesky", (S,), {"lower": True}),
    ("solve_sylvester", (A, A[:2, :2], B), {}),
    ("solve_banded", ((1, 1), BANDS, np.append(V, 1.0)), {}),
    ("solve", (A, B), {}), ("solve", (A, V), {"transposed": True}),
    ("solve", (S, V), {"assume_a": "pos"}),
    ("solve", (A, V), {"assume_a": "sym"}), ("solve", (A, V), {"assume_a": "sym", "lower": True}),
    ("inv", (A,), {}), ("det", (A,), {}), ("pinv", (A[:, :2],), {}),
    ("norm", (A,), {}), ("norm", (A, 1), {}),
    ("block_diag", (A, B, V), {}), ("block_diag", (np.array(2.0), A), {}),
    *[
        ("solve_triangular", (A, b), {"trans": trans, "lower": lower, "unit_diagonal": unit})
        for b, trans in ((B, 0), (V, "T")) for lower in (True, False) for unit in (False, True)
    ],
    ("solve_triangular", (Z, B), {"trans": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "keywords"), CALLS)
def test_values_and_gradients(name, args, keywords):
    """SciPy's values and dtypes; gradients by each matrix, of both orders."""
    ours, theirs = getattr(linalg, name), getattr(sl, name)
    right = theirs(*args, **keywords)
    found = ours(*args, **keywords)
    assert found.dtype == np.asarray(right).dtype
    np.testing.assert_allclose(found, right, rtol=1e-11, atol=1e-12)
    free = [i for i, x in enumerate(args) if isinstance(x, np.ndarray)]

    def f(*arrays):
        given = dict(zip(free, arrays, strict=True))
        return ours(*[given.get(i, x) for i, x in enumerate(args)], **keywords)

    f.__name__ = name
    check_gradients(f, *(args[i] for i in free))


def test_cholesky_factors():
    for lower in (False, True):
        factor = linalg.cho_factor(S, lower)
        assert factor[1] is lower
        np.testing.assert_allclose(linalg.cho_solve(factor, B), np.linalg.solve(S, B), rtol=1e-10)
        np.testing.assert_allclose(
            linalg.cho_solve(sl.cho_factor(S, lower), V), np.linalg.solve(S, V), rtol=1e-10
        )
        check_gradients(
            lambda a, b, lower=lower: linalg.cho_solve(
                linalg.cho_factor(a @ a.T + np.eye(3), lower), b
            ),
            A, B,
        )  # fmt: skip
    x = Tensor(S, requires_grad=True)
    linalg.cholesky(x).sum().backward()
    assert not np.tril(x.grad, -1).any()  # which is not read


def test_functions_of_a_matrix_against_pytorch(torch):
    for ours, theirs in [(linalg.expm, torch.linalg.matrix_exp)]:
        x, y = Tensor(A, requires_grad=True), torch.tensor(A, requires_grad=True)
        (ours(x) * A).sum().backward()
        (theirs(y) * torch.tensor(A)).sum().backward()
        np.testing.assert_allclose(x.grad, y.grad.numpy(), rtol=1e-10)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])  # a matrix that has no eigenvectors of its own
    assert grad(lambda t: linalg.expm(t * turn)[1, 0])(0.3) == pytest.approx(np.cos(0.3))
    jordan = np.array([[1.0, 1.0], [0.0, 1.0]])
    check_gradients(linalg.expm, jordan)
    assert grad(lambda t: linalg.logm(np.exp(t) * np.eye(2))[0, 0])(0.7) == pytest.approx(1.0)
    of_negative = linalg.sqrtm(Tensor(-A, requires_grad=True))  # a real matrix, a complex root
    np.testing.assert_allclose((of_negative @ of_negative).numpy(), -A, atol=1e-12)


def test_what_is_refused():
    t = Tensor(A, requires_grad=True)
    with pytest.raises(DetachError, match=r"^scipy\.linalg\.expm would.*lite\.scipy\.linalg\.expm"):
        sl.expm(t)
    with pytest.raises(DetachError, match=r"autograd_lite\.scipy\.linalg\.solve_triangular"):
        sl.solve_triangular(t, V)
    with pytest.raises(NoDerivativeError, match=r"scipy\.linalg\.eigh .*np\.linalg\.eigh"):
        linalg.eigh(t)
    with pytest.raises(NoDerivativeError, match=r"cosm .*expm, logm and sqrtm"):
        linalg.cosm(t)
    np.testing.assert_allclose(linalg.eigh(S)[0], sl.eigh(S)[0])
    assert linalg.hilbert is sl.hilbert
    with pytest.raises(ValueError, match="trans is 0, 1, 2"):
        linalg.solve_triangular(A, V, 3)
    with pytest.raises(ValueError, match="infs or NaNs"):
        linalg.solve_triangular(A, V * np.inf)
    with pytest.raises(np.linalg.LinAlgError):
        linalg.cholesky(-S)
    with pytest.raises(ValueError, match="more axes than two"):
        linalg.block_diag(A[None])


# -- signal ------------------------------------------------------------------------------------

SHAPES = [
    ((5,), (3,)),
    ((3,), (5,)),
    ((4, 5), (2, 3)),
    ((2, 3), (4, 5)),
    ((2, 3, 3), (2, 2, 1)),
    ((1,), (1,)),
]


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_convolutions(shapes, mode):
    a, b = (RNG.normal(size=shape) for shape in shapes)
    for method in ("direct", "fft", "auto"):
        for ours, theirs in [(signal.convolve, ss.convolve), (signal.correlate, ss.correlate)]:
            found = ours(a, b, mode, method)
            np.testing.assert_allclose(found, theirs(a, b, mode, method), atol=1e-13)
    method = "fft" if len(a.shape) == 2 else "direct"

    def both(a, b):
        one, other = (f(a, b, mode, method) for f in (signal.convolve, signal.correlate))
        return np.concatenate([np.ravel(one), np.ravel(other)])

    check_gradients(both, a, b)


def test_convolutions_of_other_dtypes_and_what_is_refused():
    a, b = np.arange(4, dtype=np.float32), np.array([1, 2], np.float32)
    x = Tensor(a, requires_grad=True)
    out = signal.fftconvolve(x, b)
    out.sum().backward()
    assert out.dtype == x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad, [3, 3, 3, 3])
    z = a + 1j * a[::-1]
    np.testing.assert_allclose(signal.correlate(z, z, "same"), ss.correlate(z, z, "same"))
    check_gradients(signal.convolve, z.astype(complex), z.astype(complex))
    assert signal.convolve([1, 2], [1, 1]).dtype == np.int64
    assert signal.convolve(2.0, 3.0) == 6.0
    assert signal.convolve(np.zeros(0), a).shape == (0,)
    for wrong, words in [
        ((a, b, "wide"), "mode"),
        ((a, a[None]), "dim"),
        ((a, b, "full", "slow"), "method"),
    ]:
        with pytest.raises(ValueError, match=words):
            signal.convolve(*wrong)
    with pytest.raises(ValueError, match="valid"):
        signal.convolve(np.ones((2, 3)), np.ones((3, 2)), "valid")
    with pytest.raises(TypeError, match=r"axes=, dot_axes=, which HIPS.*conv2d"):
        signal.convolve(a, b, axes=([0], [0]), dot_axes=([], []))
    with pytest.raises(DetachError, match=r"autograd_lite\.scipy\.signal\.convolve"):
        ss.convolve(x, b)
    with pytest.raises(DetachError, match=r"scipy\.signal\.lfilter"):
        signal.lfilter(b, [1.0], x)
