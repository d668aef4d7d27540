"""scipy.special at its edges, its functions written in Python, and what is refused."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest

from autograd_lite import Tensor, grad, hessian
from autograd_lite.errors import DetachError, NoDerivativeError
from autograd_lite.testing import check_gradients
from tests.peers import peer

sc = peer("scipy.special")
private = peer("scipy.special._ufuncs")
special = peer("autograd_lite.scipy.special")  # which needs SciPy
mp = peer("mpmath").mp


def found(name):
    return getattr(private if name.startswith("_") else sc, name)


# -- edges -------------------------------------------------------------------------------------

inf, nan = np.inf, np.nan
PYTORCHS = {
    "expit": "expit", "logit": "logit", "log_expit": "log_sigmoid", "erf": "erf", "erfc": "erfc",
    "erfcx": "erfcx", "erfinv": "erfinv", "ndtr": "ndtr", "ndtri": "ndtri", "entr": "entr",
    "log_ndtr": "log_ndtr", "gammaln": "gammaln", "psi": "digamma", "i0": "i0", "i0e": "i0e",
    "i1": "i1", "i1e": "i1e", "exp2": "exp2", "expm1": "expm1", "log1p": "log1p",
    "xlogy": "xlogy", "xlog1py": "xlog1py",
}  # fmt: skip
NUMBERS = np.array([0.0, 0.5, 1.0, -1.0, 2.0, -2.5, 30.0, -30.0, 1e300, inf, -inf, nan])
OTHERWISE = {
    "entr": lambda x: x < 0,  # −inf there, whose slope PyTorch has as −log |x| or so
    "gammaln": lambda x: (x <= 0) & (x == np.round(x)),  # poles
    "psi": lambda x: (x <= 0) & (x == np.round(x)),
    "expit": lambda x: x > 30,  # rounded to 0
    "i1": lambda x: np.abs(x) > 700, "i0": lambda x: np.abs(x) > 700,
    "xlogy": lambda x, y: (x == 0) & (y < 0), "xlog1py": lambda x, y: (x == 0) & (y <= -1),
}  # fmt: skip


@pytest.mark.parametrize("name", PYTORCHS)
def test_gradients_at_special_values_are_pytorchs(torch, name):
    """Where PyTorch's are no NaN, and not rounded to 0 where ours are not."""
    f = found(name)
    theirs = getattr(torch.special, PYTORCHS[name], torch.nn.functional.logsigmoid)
    given = [a.ravel() for a in np.meshgrid(*[NUMBERS] * f.nin)]
    leaves = [Tensor(x, requires_grad=True) for x in given]
    with np.errstate(all="ignore"):
        f(*leaves).backward(np.ones_like(given[0]))
        skip = OTHERWISE.get(name, lambda *x: np.zeros(len(x[0]), bool))(*given)
    others = [torch.tensor(x, requires_grad=True) for x in given]
    theirs(*others).sum().backward()
    for ours, other in zip(leaves, others, strict=True):
        right = other.grad.numpy()
        known = ~np.isnan(right) & ~np.isnan(given).any(axis=0) & ~skip
        assert known.sum() >= 3
        assert np.isnan(ours.grad[np.isnan(given).any(axis=0) & np.isnan(right)]).all()
        np.testing.assert_allclose(ours.grad[known], right[known], rtol=1e-6, atol=1e-15)


EDGES = [
    # (name, operands, gradients of the sum of the results by each): limits, worked out by hand
    ("xlogy", ([0.0, 0.0, 0.0, 2.0], [0.0, -1.0, 3.0, 0.0]),
     ([0, 0, np.log(3.0), -inf], [0, 0, 0, inf])),
    ("xlog1py", ([0.0, 0.0, 2.0], [-1.0, 3.0, -1.0]), ([0, np.log(4.0), -inf], [0, 0, inf])),
    ("entr", ([0.0, 1.0, inf],), ([inf, -1, -inf],)),
    ("rel_entr", ([0.0, 0.0, 1.0], [0.0, 2.0, 1.0]), ([0, -inf, 1], [0, 0, -1])),
    ("kl_div", ([0.0, 0.0, 1.0], [0.0, 2.0, 1.0]), ([0, -inf, 0], [1, 1, 0])),
    ("huber", ([1.0, 1.0, 0.0, 2.0], [1.0, 3.0, 2.0, -5.0]), ([0, 2, 2, 3], [1, 1, 0, -2])),
    ("pseudo_huber", ([0.0, 1.0], [2.0, 0.0]), ([0, 0], [0, 0])),
    ("gamma", ([-1.0, -2.0, inf],), ([nan, nan, inf],)),
    ("rgamma", ([0.0, -1.0, -2.0, -3.0, inf],), ([1, -1, 2, -6, 0],)),
    ("gammaln", ([0.0, inf],), ([-inf, inf],)),
    ("psi", ([0.0, -1.0, inf],), ([inf, nan, 0],)),
    ("gammainc", ([1.0, 2.0, 0.5, 2.0], [0.0, 0.0, 0.0, inf]), (None, [1, 0, inf, 0])),
    ("betainc", ([1.0, 2.0, 1.0], [2.0, 3.0, 1.0], [0.0, 1.0, 1.0]), (None, None, [2, 0, 1])),
    ("erf", ([inf, -inf, nan],), ([0, 0, nan],)),
    ("erfcx", ([inf, -inf],), ([0, -inf],)),
    ("erfinv", ([1.0, -1.0],), ([inf, inf],)),
    ("log_ndtr", ([-inf, inf],), ([inf, 0],)),
    ("ndtri", ([0.0, 1.0],), ([inf, inf],)),
    ("ndtri_exp", ([0.0, -inf],), ([inf, 0],)),
    ("logit", ([0.0, 1.0],), ([inf, inf],)),
    ("expit", ([inf, -inf],), ([0, 0],)),
    ("log_expit", ([inf, -inf],), ([0, 1],)),
    ("exprel", ([0.0, -inf, inf],), ([0.5, 0, inf],)),
    ("boxcox", ([0.0, 1.0, 2.0], [2.0, 0.0, 0.0]),
     ([0, 1, 0.5], [0.25, 0, 0.5 * np.log(2.0) ** 2])),
    ("boxcox1p", ([0.0, 1.0], [0.0, 0.0]), ([1, 0.5], [0, 0.5 * np.log(2.0) ** 2])),
    ("inv_boxcox", ([0.5], [0.0]), ([np.exp(0.5)], [-0.125 * np.exp(0.5)])),
    ("cbrt", ([0.0],), ([inf],)),
    ("j0", ([0.0],), ([0],)),
    ("j1", ([0.0],), ([0.5],)),
    ("jv", ([0.0, 1.0, 2.0], [0.0, 0.0, 0.0]), (None, [0, 0.5, 0])),
    ("i0e", ([0.0],), ([0],)),
    ("i1e", ([0.0],), ([0.5],)),
    ("iv", ([1.0], [0.0]), (None, [0.5])),
    ("y0", ([0.0],), ([inf],)),
    ("k0", ([0.0, inf],), ([-inf, 0],)),
    ("ellipk", ([0.0, 1.0],), ([np.pi / 8, inf],)),
    ("ellipe", ([0.0],), ([-np.pi / 8],)),
    ("spence", ([1.0, 0.0],), ([-1, -inf],)),
    ("expi", ([0.0],), ([inf],)),
    ("expn", ([0, 1], [2.0, 2.0]), (None, [-0.75 * np.exp(-2.0), -0.5 * np.exp(-2.0)])),
    ("eval_chebyt", ([0, 1], [0.5, 0.5]), (None, [0, 1])),
    ("eval_legendre", ([0, 2], [0.5, 1.0]), (None, [0, 3])),
    ("bdtr", ([2.0, 3.0], np.array([3, 3]), [0.5, 0.5]), (None, None, [-0.75, 0])),
    ("_spherical_jn", ([0, 1], [0.0, 0.0]), (None, [0, 1 / 3])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "operands", "right"), EDGES, ids=lambda x: x if type(x) is str else ""
)
def test_edges(name, operands, right):
    leaves = [
        np.asarray(x) if g is None else Tensor(np.asarray(x, float), requires_grad=True)
        for x, g in zip(operands, right, strict=True)
    ]
    with np.errstate(all="ignore"):
        found(name)(*leaves).sum().backward()
    for leaf, g in zip(leaves, right, strict=True):
        if g is not None:
            np.testing.assert_allclose(leaf.grad, np.asarray(g, float), rtol=1e-12, atol=1e-300)


def test_second_derivatives_at_edges():
    """Where a formula divides by what is 0: by the series of each, worked out by hand."""
    for f, x, right in [
        (sc.exprel, 0.0, 1 / 3), (sc.j1, 0.0, 0.0), (sc.j0, 0.0, -0.5), (sc.i1, 0.0, 0.0),
        (sc.ellipk, 0.0, 9 * np.pi / 64), (sc.ellipe, 0.0, -3 * np.pi / 64), (sc.spence, 1.0, 0.5),
        (sc.rgamma, 0.0, 2 * np.euler_gamma), (sc.sinc, 0.0, -np.pi**2 / 3), (sc.dawsn, 0.0, 0.0),
        (lambda k: sc.boxcox(np.e, k), 0.0, 1 / 3),
        (lambda k: sc.inv_boxcox(1.0, k), 0.0, 11 / 12 * np.e),
        (lambda m: sc.ellipkinc(np.pi / 2, m), 0.0, 9 * np.pi / 64),
        (lambda x: special.spherical_jn(0, x), 0.0, -1 / 3),
    ]:  # fmt: skip
        assert grad(grad(f))(x) == pytest.approx(right, rel=1e-12, abs=1e-15)


# -- functions that SciPy writes in Python -----------------------------------------------------

A = np.array([[0.3, -1.2, 2.0], [0.7, 1.1, -0.4]])
B = np.array([[0.5, 1.5, -0.2], [2.0, -0.3, 0.9]])
WRITTEN = [
    ("logsumexp", (A,), {}), ("logsumexp", (A,), {"axis": 1}),
    ("logsumexp", (A,), {"axis": (0, 1), "keepdims": True}), ("logsumexp", (A, 0, np.abs(B)), {}),
    ("logsumexp", (A,), {"axis": 0, "keepdims": True}), ("logsumexp", (A[:, :1],), {"b": B}),
    ("logsumexp", (A,), {"axis": 1, "b": B, "return_sign": True}),
    ("logsumexp", (A + 700.0,), {"b": np.abs(B)}), ("logsumexp", (np.array(2.0),), {}),
    ("softmax", (A,), {}), ("softmax", (A,), {"axis": 1}), ("softmax", (A,), {"axis": (0, 1)}),
    ("log_softmax", (A,), {}), ("log_softmax", (A,), {"axis": 0}),
    ("softmax", (A,), {"axis": (1,)}), ("polygamma", ([1, 2, 3], A + 1.5), {}),
    ("polygamma", (2, A + 1.5), {}), ("polygamma", (0, A + 1.5), {}),
    ("multigammaln", (A + 2.5, 3), {}), ("factorial", (A + 1.5,), {}), ("perm", (A + 4.0, 1.5), {}),
    ("comb", (A + 4.0, np.abs(B)), {}), ("comb", (A + 4.0, 2.0), {"repetition": True}),
    ("spherical_jn", (2, A + 1.5), {}), ("spherical_in", (0, A + 1.5), {"derivative": True}),
    ("spherical_yn", (1, A + 1.5), {}), ("spherical_kn", (1, A + 1.5), {"derivative": True}),
    ("softplus", (A,), {}), ("sinc", (A,), {}),
    ("zeta", (2.5, A + 1.5), {}), ("lambertw", (A + 1.5,), {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "keywords"), WRITTEN)
def test_functions_written_in_python(name, args, keywords):
    """The value is SciPy's; each array of floats has a gradient, of two orders."""
    if not hasattr(sc, name):
        pytest.skip("not in this SciPy")
    f = getattr(special, name)
    expected = getattr(sc, name)(*args, **keywords)
    places = [i for i, x in enumerate(args) if isinstance(x, np.ndarray)]
    free = {k: x for k, x in keywords.items() if isinstance(x, np.ndarray)}

    def of_arrays(*operands):
        given = list(args)
        for i, x in zip(places, operands, strict=False):
            given[i] = x
        more = dict(zip(free, operands[len(places) :], strict=True))
        return f(*given, **{**keywords, **more})

    operands = [*(args[i] for i in places), *free.values()]
    result = of_arrays(*(Tensor(x, requires_grad=True) for x in operands))
    pairs = (
        [(result, expected)]
        if not isinstance(result, tuple)
        else zip(result, expected, strict=True)
    )
    for ours, theirs in pairs:
        assert isinstance(ours, Tensor)
        assert ours.dtype == np.asarray(theirs).dtype
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-13, atol=1e-15)
    of_arrays.__name__ = name
    check_gradients(of_arrays, *operands)


def test_logsumexp_of_infinities_and_zeros():
    a, b = np.array([[-inf, -inf], [inf, 1.0], [800.0, -inf]]), np.array([1.0, 0.0])
    for axis, factors in itertools.product((None, 0, 1), (None, b)):
        found = special.logsumexp(Tensor(a), axis, factors)
        with np.errstate(all="ignore"):  # older releases of SciPy warn
            np.testing.assert_allclose(found.numpy(), sc.logsumexp(a, axis, factors))
    t = Tensor(b, requires_grad=True)
    special.logsumexp(np.array([0.5, 3.0]), b=t).backward()
    np.testing.assert_allclose(t.grad, [1.0, np.exp(2.5)])  # by a factor that is 0, too
    size, sign = special.logsumexp([1.0, 2.0], b=[1.0, -1.0], return_sign=True)
    assert (size, sign) == pytest.approx(sc.logsumexp([1, 2], b=[1, -1], return_sign=True))
    assert np.isnan(special.logsumexp([1.0, 2.0], b=[1.0, -1.0]))


def test_polygamma_on_both_sides_of_zero():
    points = np.array([-30.25, -2.5, -1.75, -0.1, 0.1, 3.0])
    for n in (1, 2, 3):
        right = [float(mp.psi(n, x)) for x in points]
        np.testing.assert_allclose(special.polygamma(n, points), right, rtol=1e-12)
    assert special.polygamma(1, np.float32(2.0)).dtype == np.float32
    assert special.polygamma(1, 0.0) == inf
    assert np.isnan(special.polygamma(1, -1.0))


def test_complex_arguments():
    """A holomorphic function has one derivative, whatever way z goes: that of mpmath."""
    for f, theirs in [
        (sc.erf, mp.erf), (sc.loggamma, mp.loggamma), (sc.gamma, mp.gamma),
        (lambda z: sc.jv(1.5, z), lambda z: mp.besselj(1.5, z)), (sc.exp1, mp.e1),
        (lambda z: sc.kv(1.5, z), lambda z: mp.besselk(1.5, z)), (sc.lambertw, mp.lambertw),
        (lambda z: sc.hyp2f1(0.5, 1.5, 2.5, z), lambda z: mp.hyp2f1(0.5, 1.5, 2.5, z)),
        (sc.erfcx, lambda z: mp.exp(z * z) * mp.erfc(z)), (sc.rgamma, mp.rgamma),
        (lambda z: sc.ive(1.5, z) * np.exp(np.real(z)), lambda z: mp.besseli(1.5, z)),
        (lambda z: sc.jve(1.5, z) * np.exp(np.imag(z)), lambda z: mp.besselj(1.5, z)),
    ]:  # fmt: skip
        z = 0.7 + 0.4j
        right = complex(mp.diff(theirs, z))
        t = Tensor(z, requires_grad=True)
        value = f(t)
        np.real(value).backward()
        assert complex(t.grad) == pytest.approx(right.conjugate(), rel=1e-9)  # as in PyTorch
        t.grad = None
        np.imag(f(t)).backward()
        assert complex(t.grad) == pytest.approx(1j * right.conjugate(), rel=1e-9)
    with pytest.raises(NoDerivativeError, match="real arguments"):
        np.real(sc.psi(Tensor(1.0 + 1j, requires_grad=True))).backward()


# -- what is refused, and what it says ---------------------------------------------------------


def test_a_derivative_by_the_order_is_refused():
    for f, argument in [
        (lambda t: sc.jv(t, 0.5), "jv.*'v'"), (lambda t: sc.gammainc(t, 0.5), "gammainc.*'a'"),
        (lambda t: sc.betainc(1.0, t, 0.5), "betainc.*'b'"), (lambda t: sc.kv(t, 0.5), "kv.*'v'"),
        (lambda t: sc.zeta(t, 0.5), "zeta.*'x'"), (lambda t: sc.stdtr(t, 0.5), "stdtr.*'df'"),
        (lambda t: sc.hyp2f1(1.0, 1.0, t, 0.5), "hyp2f1.*'c'"),
        (lambda t: special.polygamma(t, 0.5), "polygamma.*'n'"),
        (lambda t: special.spherical_jn(t, 0.5), "spherical_jn.*'n'"),
    ]:  # fmt: skip
        with pytest.raises(NoDerivativeError, match=rf"scipy\.special\.{argument}.*closed form"):
            grad(f)(2.0)
    x = Tensor(0.5, requires_grad=True)
    sc.jv(Tensor(2.0), x).backward()  # an order that needs none is a number
    assert x.grad == sc.jvp(2.0, 0.5)


def test_what_cannot_be_intercepted_says_what_to_write():
    t = Tensor(A, requires_grad=True)
    for name in ("logsumexp", "softmax", "log_softmax"):
        with pytest.raises(
            DetachError,
            match=rf"^scipy\.special\.{name} would.*autograd_lite\.scipy\.special\.{name} ",
        ):
            getattr(sc, name)(t)
    with pytest.raises(DetachError, match=r"autograd_lite\.scipy\.special\.polygamma"):
        sc.polygamma(1, t)
    with pytest.raises(NoDerivativeError, match=r"^scipy\.special\.agm has no derivative here"):
        sc.agm(t, 1.0)
    with pytest.raises(DetachError, match=r"^scipy\.special\.diric would.*derivative\(\.\.\.\)"):
        sc.diric(t, 3)


def test_all_other_names_are_scipys():
    assert special.roots_hermite is sc.roots_hermite
    assert special.expit is sc.expit
    assert {*dir(special)} >= {n for n in dir(sc) if not n.startswith("_")}
    with pytest.raises(AttributeError, match="no_such"):
        _ = special.no_such


def test_the_rules_are_declared_when_a_ufunc_first_meets_a_tensor():
    program = """
import sys, autograd_lite
assert "scipy" not in sys.modules
import scipy.special, numpy as np
assert "autograd_lite.scipy" not in sys.modules
np.sin(autograd_lite.Tensor(0.0))
assert "autograd_lite.scipy" not in sys.modules
assert autograd_lite.grad(scipy.special.expit)(0.0) == 0.25
assert "autograd_lite.scipy.special" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_scipy_the_error_names_the_extra():
    program = """
import sys
sys.modules["scipy"] = None
try:
    import autograd_lite.scipy
except ImportError as error:
    assert "[scipy]" in str(error), error
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_transforms():
    """A Hessian through several of them, against differences of the gradient."""

    def f(x):
        return np.sum(sc.gammaln(x) * sc.expit(x)) + sc.betaln(x[0], x[1]) + sc.i0(x[2])

    check_gradients(f, np.array([0.7, 1.3, 2.1]), order=3)
    x = np.array([0.7, 1.3, 2.1])
    h = 1e-6
    rows = [(grad(f)(x + e) - grad(f)(x - e)) / (2 * h) for e in h * np.eye(3)]
    np.testing.assert_allclose(hessian(f)(x), rows, rtol=1e-6, atol=1e-8)
