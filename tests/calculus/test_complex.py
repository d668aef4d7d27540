"""Complex numbers: ∂L/∂x + i ∂L/∂y, against real derivatives and PyTorch."""

import numpy as np
import pytest

from autograd_lite import Tensor, grad, jvp, vjp
from autograd_lite.errors import NonScalarBackwardError
from autograd_lite.testing import check_gradients

RNG = np.random.default_rng(5)
la = np.linalg


def z(*shape):
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


def hermitian(n):
    a = z(n, n)
    return a @ a.conj().T + n * np.eye(n)


def symmetrized(f):
    """Of a Hermitian matrix, which stays one when its numbers are moved."""
    return lambda a: f((a + np.conjugate(np.swapaxes(a, -1, -2))) / 2)


# One eigenvalue is real, and two are not.
TURNING = np.array([[0.3, -1.0, 0.2], [1.2, 0.5, -0.1], [0.4, 0.3, 2.0]]) + 0j
ELEMENTWISE = [
    *(np.exp, np.log, np.sin, np.cos, np.tan, np.sinh, np.cosh, np.tanh, np.sqrt, np.square),
    *(np.arcsin, np.arccos, np.arctan, np.arcsinh, np.arctanh, np.expm1, np.log1p, np.log2),
    *(np.log10, np.exp2, np.reciprocal, np.negative, np.absolute, np.conjugate, np.real, np.imag),
    *(np.angle, np.sign, np.arccosh),
]
FUNCTIONS = {
    **{f.__name__: (f, [z(3)]) for f in ELEMENTWISE},
    "add": (lambda a, b: a + b, [z(2, 3), z(3)]),
    "subtract": (lambda a, b: a - b, [z(2, 3), z(3)]),
    "multiply": (lambda a, b: a * b, [z(2, 3), z(3)]),
    "divide": (lambda a, b: a / b, [z(2, 3), z(3)]),
    "power": (lambda a, b: a**b, [z(3), z(3)]),
    "square by power": (lambda a: a**2, [z(3)]),
    "sum": (lambda a: np.sum(a, axis=0), [z(2, 3)]),
    "mean": (np.mean, [z(2, 3)]),
    "prod": (lambda a: np.prod(a, axis=1), [z(2, 3)]),
    "var": (np.var, [z(4)]),
    "std": (np.std, [z(4)]),
    "cumsum": (np.cumsum, [z(4)]),
    "cumprod": (np.cumprod, [z(4)]),
    "where": (lambda a, b: np.where([True, False], a, b), [z(2), z(2)]),
    "matmul": (lambda a, b: a @ b, [z(2, 3), z(3, 2)]),
    "vdot": (np.vdot, [z(3), z(3)]),
    "vecdot": (np.vecdot, [z(2, 3), z(3)]),
    "outer": (np.outer, [z(2), z(3)]),
    "einsum": (lambda a, b: np.einsum("ij,jk->ki", a, b), [z(2, 3), z(3, 2)]),
    "convolve": (np.convolve, [z(4), z(2)]),
    "correlate": (np.correlate, [z(4), z(2)]),
    "indexing": (lambda a: a[[0, 0, 1]] * a[::-1][[1, 2, 0]], [z(3)]),
    "concatenate": (lambda a, b: np.concatenate([a, b * a[0]]), [z(2), z(3)]),
    "norm": (la.norm, [z(2, 3)]),
    "nuclear norm": (lambda a: la.norm(a, "nuc"), [z(3, 2)]),
    "1-norm": (lambda a: la.norm(a, 1, axis=0), [z(3, 2)]),
    "inv": (la.inv, [z(3, 3)]),
    "pinv": (la.pinv, [z(3, 2)]),
    "solve": (la.solve, [z(3, 3), z(3, 2)]),
    "det": (la.det, [z(3, 3)]),
    "slogdet": (lambda a: la.slogdet(a)[0] * la.slogdet(a)[1], [z(3, 3)]),
    "qr": (lambda a: la.qr(a)[0] * 2.0, [z(3, 2)]),
    "qr, r": (lambda a: la.qr(a)[1], [z(3, 2)]),
    "cholesky": (symmetrized(la.cholesky), [hermitian(3)]),
    # The phase of each vector is NumPy's: that loses no digit to what has no phase.
    "eigh, values": (symmetrized(la.eigvalsh), [hermitian(3)]),
    "eigh, vectors": (lambda a: la.eigh(a)[1], [hermitian(3)]),
    "eigh, vectors, upper": (lambda a: la.eigh(a, "U")[1], [hermitian(3)]),
    "eigh, projections": (
        symmetrized(lambda a: np.abs(la.eigh(a)[1]) ** 2),
        [hermitian(3)],
    ),
    "eigh, no number of a vector is real but one": (
        lambda a: np.abs(la.eigh(a)[1]),
        [np.diag([1.0 + 0j, 2.0, 3.0])],
    ),
    "eig, vectors": (lambda a: la.eig(a)[1], [z(2, 3, 3)]),
    "eig, vectors of a real matrix": (lambda a: la.eig(np.real(a))[1], [TURNING]),
    "svd, left": (lambda a: la.svd(a, full_matrices=False)[0], [z(2, 4)]),
    "svd, right": (lambda a: la.svd(a, full_matrices=False)[2], [z(4, 2)]),
    "svd, wide, right": (lambda a: la.svd(a, full_matrices=False)[2], [z(2, 7)]),
    "svd, full": (lambda a: la.svd(a)[0][..., :2] @ la.svd(a)[2], [z(2, 4, 2)]),
    "svd, full, wide": (lambda a: la.svd(a)[2][:2] * la.svd(a)[1][0], [z(2, 5)]),
    "svd, square": (lambda a: la.svd(a)[0] * 2.0, [z(3, 3)]),
    "eigvals": (lambda a: np.sum(la.eigvals(a) ** 3), [z(3, 3)]),
    "svd, values": (lambda a: la.svd(a, compute_uv=False), [z(3, 2)]),
    **{
        name: (getattr(np.fft, name), [z(4)])
        for name in ("fft", "ifft", "irfft", "hfft", "fftshift", "ifftshift")
    },
    **{
        name: (getattr(np.fft, name), [z(3, 4)])
        for name in ("fft2", "ifft2", "fftn", "ifftn", "irfft2", "irfftn")
    },
    "fft, padded": (lambda a: np.fft.fft(a, 6), [z(4)]),
    "fft, cut, ortho": (lambda a: np.fft.fft(a, 3, norm="ortho"), [z(4)]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_as_a_function_of_real_and_imaginary_parts(name):
    """Orders 1 and 2 of the real function (x, y) ↦ (Re f, Im f)."""
    f, points = FUNCTIONS[name]
    parts = [part for p in points for part in (p.real, p.imag)]

    def real_function(*xy):
        result = f(*[x + 1j * y for x, y in zip(xy[::2], xy[1::2], strict=True)])
        if not np.iscomplexobj(result):
            return result
        return np.stack([np.real(result), np.imag(result)])

    check_gradients(real_function, *parts)
    value = f(*[Tensor(p) for p in points])
    np.testing.assert_allclose(value.data, f(*points), rtol=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_torch(name, torch):
    theirs = {
        **{n: getattr(torch.linalg, n) for n in ("inv", "pinv", "solve", "det")},
        **{n: getattr(torch, n) for n in ("exp", "log", "sin", "tanh", "sqrt", "angle", "conj")},
        **{n: getattr(torch.fft, n) for n in ("fft", "ifft", "irfft", "hfft", "fft2", "irfft2")},
        "absolute": torch.abs, "sign": torch.sgn, "matmul": torch.matmul,
        "vdot": torch.vdot, "norm": torch.linalg.norm, "prod": lambda a: torch.prod(a, 1),
    }  # fmt: skip
    if name not in theirs:
        return
    f, points = FUNCTIONS[name]
    ours = [Tensor(p, requires_grad=True) for p in points]
    result = f(*ours)
    upstream = RNG.normal(size=result.shape)
    if np.iscomplexobj(result):
        upstream = upstream + 1j * RNG.normal(size=result.shape)
    result.backward(upstream)
    tensors = [torch.tensor(p, requires_grad=True) for p in points]
    theirs[name](*tensors).backward(torch.tensor(upstream))
    for t, reference in zip(ours, tensors, strict=True):
        np.testing.assert_allclose(
            t.grad, reference.grad.resolve_conj().numpy(), rtol=1e-9, atol=1e-11
        )


def test_a_real_operand_always_gets_a_real_gradient():
    x, c = Tensor([1.0, 2.0], requires_grad=True), Tensor(z(2), requires_grad=True)
    loss = np.sum(np.abs(np.fft.fft(x * c) + x * 1j) ** 2)
    loss.backward()
    assert x.grad.dtype == np.float64
    assert c.grad.dtype == np.complex128


def test_the_gradient_is_the_direction_of_steepest_ascent():
    p = z(3)
    g = grad(lambda w: np.sum(np.abs(w) ** 2))(p)
    np.testing.assert_allclose(g, 2 * p)
    w = Tensor(p, requires_grad=True)
    np.sum(np.abs(w) ** 2).backward()
    np.testing.assert_allclose(w.grad, 2 * p)


def test_vjp_and_jvp_are_adjoint():
    """Re⟨ḡ, J t⟩ = Re⟨J* ḡ, t⟩, for a map that is not holomorphic."""

    def f(w):
        return np.exp(w) * np.conjugate(w) + np.abs(w)

    p, t, g = z(3), z(3), z(3)
    _, pushed = jvp(f, (p,), (t,))
    [pulled] = vjp(f, p)[1](g)
    assert np.real(np.vdot(g, pushed)) == pytest.approx(np.real(np.vdot(pulled, t)))
    h = 1e-6
    np.testing.assert_allclose(pushed, (f(p + h * t) - f(p - h * t)) / (2 * h), rtol=1e-8)


def test_a_complex_loss_is_an_error():
    w = Tensor(1 + 2j, requires_grad=True)
    with pytest.raises(NonScalarBackwardError, match="real part"):
        (w * w).backward()
    with pytest.raises(NonScalarBackwardError, match="real part"):
        grad(lambda w: w * w)(1 + 2j)
    assert w.grad is None


@pytest.mark.parametrize("make", [lambda *s: z(*s).real, z], ids=["real", "complex"])
def test_singular_vectors_that_nothing_determines_have_no_gradient(make):
    for f, shape in (
        (lambda a: la.svd(a)[0][0, 3], (4, 2)),
        (lambda a: la.svd(a)[2][-1, 0], (2, 3)),
    ):
        with pytest.raises(la.LinAlgError, match="not determined"):
            grad(lambda a, f=f: np.real(f(a)))(make(*shape))
    check_gradients(lambda a: [la.svd(a)[1], np.abs(la.svd(a)[0][:, :2])], make(4, 2).real)
