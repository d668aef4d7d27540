"""scipy.stats with derivatives: SciPy's values, gradients beside differences and PyTorch."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from autograd_lite import Tensor, compile, grad
from autograd_lite.errors import DetachError, NoDerivativeError
from autograd_lite.testing import check_gradients
from tests.peers import peer

scipys = peer("scipy.stats")
stats = peer("autograd_lite.scipy.stats")

inf, nan = np.inf, np.nan
SHAPES = {
    "beta": (2.5, 0.7), "chi2": (3.0,), "f": (3.0, 5.0), "gamma": (1.7,), "invgamma": (1.7,),
    "lognorm": (0.6,), "pareto": (2.3,), "t": (3.3,), "weibull_min": (1.4,), "bernoulli": (0.3,),
    "binom": (5.0, 0.3), "geom": (0.3,), "nbinom": (2.5, 0.4), "poisson": (2.2,),
}  # fmt: skip
UNIVARIATE = [name for name in stats.__all__ if hasattr(getattr(stats, name), "shapes")]
every_family = pytest.mark.parametrize("name", UNIVARIATE)
NUMBERS = np.array([-inf, -3.0, -1.0, -0.3, 0.0, 0.2, 0.5, 1.0, 1.7, 3.0, 40.0, inf, nan])
CHANCES = np.array([-1.0, 0.0, 1e-3, 0.01, 0.3, 0.99, 1.0, 1.2, nan])
COUNTS = {"bernoulli", "binom", "geom", "nbinom", "poisson"}


@every_family
def test_values_are_scipys(name):
    """Inside and outside of the support, on its ends, at infinity, of no parameters at all."""
    ours, theirs, shapes = getattr(stats, name), getattr(scipys, name), SHAPES.get(name, ())
    for method in ours._methods():
        x = CHANCES if method == "ppf" else NUMBERS
        forms = [{}, {"loc": 1}]
        if name not in COUNTS:
            forms += [{"loc": 0.1, "scale": 1.3}, {"scale": -1.0}, {"scale": 0.0}]
        for keywords in forms:
            with np.errstate(all="ignore"):
                right = getattr(theirs, method)(x, *shapes, **keywords)
                found = getattr(ours, method)(Tensor(x), *shapes, **keywords).numpy()
                frozen = getattr(ours(*shapes, **keywords), method)(x)
            known = ~(np.isnan(right) & np.isinf(x))  # SciPy has NaN at infinity, here and there
            np.testing.assert_allclose(found[known], right[known], rtol=1e-11, atol=1e-14)
            np.testing.assert_array_equal(frozen, found)


@every_family
def test_gradients(name):
    """By the number, loc, scale and shapes, in the middle, to the second order."""
    family, shapes = getattr(stats, name), SHAPES.get(name, ())
    if name in COUNTS:
        k = np.array([1.0, 0.0, 1.0] if name == "bernoulli" else [1.0, 3.0, 2.0])
        fixed, free = (shapes[:1], shapes[1:]) if name == "binom" else ((), shapes)
        check_gradients(lambda *s: family.logpmf(k, *fixed, *s), *map(np.array, free))

        def all_of_them(p):
            rest = (*shapes[:-1], p)
            return np.stack([getattr(family, m)(k - 1.0, *rest) for m in ("pmf", "cdf", "logsf")])

        check_gradients(all_of_them, np.array(free[-1]))
        return
    x = np.array([[2.3, 2.6, 3.1]]) if name == "pareto" else np.array([[0.35, 0.6, 0.8]])
    arrays = [np.array(v) for v in (*shapes, 0.1, 1.3)]
    check_gradients(family.logpdf, x, *arrays)

    def f(x, loc, scale):
        frozen = family(*shapes, loc=loc, scale=scale)
        sides = [frozen.cdf(x), frozen.logcdf(x), frozen.sf(x), frozen.logsf(x)]
        return np.stack([*sides, frozen.pdf(x), frozen.ppf(0.3 * x)])

    check_gradients(f, x[:, :2], np.array(0.1), np.array(1.3))


PYTORCHS = {
    "norm": lambda d, loc, scale: d.Normal(loc, scale),
    "laplace": lambda d, loc, scale: d.Laplace(loc, scale),
    "cauchy": lambda d, loc, scale: d.Cauchy(loc, scale),
    "t": lambda d, df, loc, scale: d.StudentT(df, loc, scale),
    "gumbel_r": lambda d, loc, scale: d.Gumbel(loc, scale),
    "gamma": lambda d, a: d.Gamma(a, a * 0 + 1),
    "beta": lambda d, a, b: d.Beta(a, b),
    "chi2": lambda d, df: d.Chi2(df),
    "f": lambda d, n, m: d.FisherSnedecor(n, m),
    "poisson": lambda d, mu: d.Poisson(mu),
    "geom": lambda d, p: d.Geometric(p),  # of the failures before
    "bernoulli": lambda d, p: d.Bernoulli(p),
    "nbinom": lambda d, n, p: d.NegativeBinomial(n, 1 - p),
}


@pytest.mark.parametrize("name", PYTORCHS)
def test_gradients_are_pytorchs(torch, name):
    x = np.array([0.0, 1.0, 1.0]) if name in COUNTS else np.array([0.2, 0.5, 0.9])
    arity = PYTORCHS[name].__code__.co_argcount - 1
    given = (*SHAPES.get(name, ()), 0.3, 1.4)[:arity]
    ours = [Tensor(v, requires_grad=True) for v in given]
    theirs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in given]
    family = getattr(stats, name)
    log = family.logpmf if name in COUNTS else family.logpdf
    np.sum(log(x + (name == "geom"), *ours)).backward()
    PYTORCHS[name](torch.distributions, *theirs).log_prob(torch.tensor(x)).sum().backward()
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad == pytest.approx(b.grad.item(), rel=1e-10)


def test_outside_of_the_support():
    """There, nothing changes with anything; on the end, it does as inside."""
    for family, shapes, x in [
        (stats.gamma, (2.0,), [-1.0, -1e-9]), (stats.beta, (2.0, 3.0), [-0.5, 1.5]),
        (stats.expon, (), [-2.0, -1.0]), (stats.uniform, (), [-0.1, 1.1]),
    ]:  # fmt: skip
        leaves = [Tensor(v, requires_grad=True) for v in (x, *shapes, 0.0, 1.0)]
        for method in ("logpdf", "pdf"):
            np.sum(getattr(family, method)(*leaves)).backward()
        if not shapes:
            np.sum(family.cdf(*leaves)).backward()
        for t in leaves:
            np.testing.assert_array_equal(t.grad, np.zeros(t.shape))
    scale = Tensor(2.0, requires_grad=True)
    stats.expon.logpdf(0.0, 0.0, scale).backward()
    assert scale.grad == -0.5
    x = Tensor([0.0, inf, -inf], requires_grad=True)
    np.sum(stats.norm.cdf(x)).backward()
    np.testing.assert_allclose(x.grad, [1 / np.sqrt(2 * np.pi), 0.0, 0.0])


def test_float32_stays():
    x = np.array([0.5, 1.5], np.float32)
    assert stats.norm.logpdf(x, 0.0, 2.0).dtype == np.float32
    assert stats.gamma.logpdf(Tensor(x), np.float32(2.0)).dtype == np.float32
    assert stats.norm.logpdf([1, 2]).dtype == np.float64


def test_multivariate_normal(torch):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(3, 3))
    x, mean, cov = rng.normal(size=(2, 4, 3)), rng.normal(size=3), a @ a.T + np.eye(3)
    for given in [
        (x, mean, cov), (x[0, 0], mean, cov), (x, mean, 2.0), (x, mean, np.array([1.0, 2.0, 3.0])),
        (x, None, cov), (x[0, 0], None, 1.5), (0.7, 0.2, 3.0), (x, mean),
    ]:  # fmt: skip
        for method in ("logpdf", "pdf"):
            found = getattr(stats.multivariate_normal, method)(*given)
            right = getattr(scipys.multivariate_normal, method)(*given)
            np.testing.assert_allclose(found, right, rtol=1e-12)
    ours = [Tensor(v, requires_grad=True) for v in (x, mean, cov)]
    theirs = [torch.tensor(v, requires_grad=True) for v in (x, mean, cov)]
    np.sum(stats.multivariate_normal(*ours[1:]).logpdf(ours[0])).backward()
    torch.distributions.MultivariateNormal(*theirs[1:]).log_prob(theirs[0]).sum().backward()
    for t, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(t.grad, other.grad.numpy(), rtol=1e-10)
    check_gradients(
        lambda x, m, a: stats.multivariate_normal.logpdf(x, m, a @ a.T + np.eye(3)), x[0], mean, a
    )
    for wrong, words in [(-cov, "positive definite"), (np.triu(cov), "symmetric")]:
        with pytest.raises(np.linalg.LinAlgError, match=words):
            stats.multivariate_normal.logpdf(x, mean, wrong)
    with pytest.raises(NoDerivativeError, match="allow_singular"):
        stats.multivariate_normal.logpdf(x, mean, cov, True)
    with pytest.raises(ValueError, match="has 3 elements"):
        stats.multivariate_normal.logpdf(x, mean, np.eye(2))
    with pytest.raises(ValueError, match="last axis of x"):
        stats.multivariate_normal.logpdf(x[..., :2], mean)


def test_dirichlet_and_multinomial():
    x, alpha = np.array([[0.2, 0.1], [0.5, 0.3], [0.3, 0.6]]), np.array([1.5, 0.8, 2.5])
    for given in (x, x[:2], x[:, 0], x[:2, 0]):
        for method in ("logpdf", "pdf"):
            found = getattr(stats.dirichlet, method)(given, alpha)
            right = getattr(scipys.dirichlet, method)(given, alpha)
            np.testing.assert_allclose(found, right, rtol=1e-12)
    check_gradients(stats.dirichlet.logpdf, x[:2], alpha)
    with pytest.raises(ValueError, match="sum 1"):
        stats.dirichlet.logpdf(x * 1.1, alpha)
    with pytest.raises(ValueError, match="positive"):
        stats.dirichlet.logpdf(x, -alpha)
    counts, p = np.array([[1, 2, 3], [2, 2, 2], [1, 1, 1]]), np.array([0.2, 0.3, 0.5])
    with np.errstate(all="ignore"):
        right = scipys.multinomial.logpmf(counts, 6, p)
    np.testing.assert_allclose(stats.multinomial.logpmf(counts, 6, p), right, rtol=1e-12)
    check_gradients(
        lambda z: stats.multinomial.logpmf(counts[:2], 6, np.exp(z) / np.sum(np.exp(z))), p
    )


def test_the_names_are_modules_too():
    import autograd_lite.scipy.stats.norm as norm

    from autograd_lite.scipy.stats import norm as the_same

    assert norm is the_same is stats.norm
    assert sys.modules["autograd_lite.scipy.stats.norm"] is norm
    assert repr(norm(1.0, scale=2.0)) == "<norm(1.0, scale=2.0)>"


def test_what_is_refused_and_what_it_says():
    t = Tensor(1.0, requires_grad=True)
    with pytest.raises(NoDerivativeError, match=r"gammainc has no derivative by its argument 'a'"):
        grad(lambda a: stats.gamma.cdf(0.5, a))(2.0)
    with pytest.raises(NoDerivativeError, match=r"poisson\.logpmf has no derivative by its count"):
        stats.poisson.logpmf(t, 2.0)
    with pytest.raises(NoDerivativeError, match=r"poisson\.cdf has no derivative by 'loc'"):
        stats.poisson.cdf(1.0, 2.0, t)
    with pytest.raises(TypeError, match=r"gamma\.logpdf needs its parameter a"):
        stats.gamma.logpdf(0.5)
    with pytest.raises(TypeError, match="none of its parameters: those are loc, scale"):
        stats.norm.logpdf(0.5, df=3)
    with pytest.raises(TypeError, match="takes the parameters loc, scale, and was given 3"):
        stats.norm(0.0, 1.0, 2.0)
    with pytest.raises(AttributeError, match=r"no 'rvs' here.*logpdf.*scipy\.stats\.norm\.rvs"):
        _ = stats.norm.rvs
    with pytest.raises(AttributeError, match=r"no attribute 'levy'.*weibull_min"):
        _ = stats.levy
    for f, name in [
        (lambda: scipys.norm.logpdf(t), "norm.logpdf"), (lambda: scipys.gamma(t).pdf(0.5), ""),
        (lambda: scipys.multivariate_normal.logpdf(t), "multivariate_normal.logpdf"),
        (lambda: scipys.poisson.pmf(2, t), "poisson.pmf"),
    ]:  # fmt: skip
        with pytest.raises(DetachError, match=rf"autograd_lite\.scipy\.stats\.{name}"):
            f()


@pytest.mark.parametrize("name", ["binom"])
def test_a_compiled_program_sees_where_other_numbers_lie(name):
    """What is outside of the support is found anew, not as it was when it was recorded."""
    family, shapes = getattr(stats, name), SHAPES.get(name, ())
    log = family.logpmf if name in COUNTS else family.logpdf
    inside, outside = np.array([0.5, 0.8]), np.array([-0.5, 0.7])
    if name in COUNTS:
        inside, outside = np.array([1.0, 2.0]), np.array([-1.0, 0.5])

    def both(x):
        return log(x, *shapes), family.cdf(x, *shapes)

    compiled = compile(both)
    compiled(inside)
    np.testing.assert_allclose(compiled(outside), both(outside))
