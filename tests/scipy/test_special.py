"""scipy.special on Tensors: every rule against differences, mpmath and PyTorch; its edges."""

from __future__ import annotations

import itertools
import warnings
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from autograd_lite import Tensor, grad
from autograd_lite.protocol import TABLE
from autograd_lite.testing import check_gradients
from tests.calculus.cases import Call
from tests.calculus.test_mutants import mutants_of
from tests.peers import peer
from tests.scipy.special_cases import OF, called
from tests.tables import is_scipys

sc = peer("scipy.special")
private = peer("scipy.special._ufuncs")
special = peer("autograd_lite.scipy.special")  # which needs SciPy
mp = peer("mpmath").mp


def found(name):
    return getattr(private if name.startswith("_") else sc, name)


ENTRIES = {f.__name__: e for f, e in TABLE.items() if isinstance(f, np.ufunc) and is_scipys(f)}
NAMES = sorted(ENTRIES)
every_function = pytest.mark.parametrize("name", NAMES)


@cache
def examples(name: str, count: int = 12) -> list[Call]:
    """Return calls of all forms, the largest first, and some of both precisions."""
    forms: dict[str, Call] = {}

    @settings(
        max_examples=count, phases=[Phase.generate], suppress_health_check=[*HealthCheck],
    )  # fmt: skip
    @given(called(OF[name]))
    def draw(call: Call) -> None:
        forms[repr(([(x.shape, x.dtype) for x in call.operands], call.before))] = call

    draw()
    return sorted(forms.values(), key=lambda c: sum(x.size for x in c.operands), reverse=True)


def program(name: str, call: Call, entry=None):
    function = found(name) if entry is None else lambda *x: entry.from_numpy(x, {})

    def f(*operands):
        return function(*call.before, *operands, *call.after)

    f.__name__ = name
    return f


def test_every_entry_has_a_case():
    assert {*OF} == {*ENTRIES}
    assert len(ENTRIES) >= 140


@every_function
def test_first_and_second_order(name):
    for call in [c for c in examples(name) if sum(x.size for x in c.operands) <= 12][:1]:
        check_gradients(program(name, call), *call.operands)


@every_function
def test_values_dtypes_and_gradients_are_scipys(name):
    """Of every dtype the value is SciPy's own, and the gradient is of the operand's."""
    call = max(examples(name), key=lambda c: sum(x.dtype == float for x in c.operands))
    f = program(name, call)
    for kind in (np.float64, np.float32, np.float16, np.int64):
        operands = [np.ceil(np.abs(x)).astype(kind) if kind is np.int64 else x.astype(kind)
                    for x in call.operands]  # fmt: skip
        for i, x in enumerate(operands):
            given = [x if j == i else np.asarray(y, float) for j, y in enumerate(operands)]
            expected = f(*given)
            leaf = Tensor(x, requires_grad=kind is not np.int64)
            got = f(*given[:i], leaf, *given[i + 1 :])
            pairs = zip(got, expected, strict=True) if type(got) is tuple else [(got, expected)]
            for ours, theirs in pairs:
                assert ours.dtype == theirs.dtype
                np.testing.assert_array_equal(ours.numpy(), theirs)
            if leaf.requires_grad:
                first = got[0] if type(got) is tuple else got
                first.backward(np.ones(first.shape, first.dtype))
                assert leaf.grad.dtype == kind
                assert leaf.grad.shape == leaf.shape


# -- mistakes are seen -------------------------------------------------------------------------


def gradients(name, call, entry, order):
    """The gradients of a call, or of the sum of these, with a weight for each number."""

    def loss(*operands):
        results = program(name, call, entry)(*operands)
        results = results if type(results) is tuple else (results,)
        return sum(np.sum(weighted(r)) for r in results)

    def weighted(r):
        r = np.real(r) + 0.7 * np.imag(r) if r.dtype.kind == "c" else r
        return r * np.linspace(-1.3, 1.7, r.size).reshape(r.shape)

    n = tuple(range(len(call.operands)))
    first = grad(loss, n)
    if order == 1:
        return first(*call.operands)
    return grad(lambda *x: sum(np.sum(g) for g in first(*x)), n)(*call.operands)


def is_caught(name, entry, mutant):
    twin = entry.with_rules(**{mutant.key: mutant.rule})
    for call, order in itertools.product(examples(name)[:6], (1, 2)):
        call = Call(tuple(x.astype(float) for x in call.operands), call.before, call.after)
        right = gradients(name, call, entry, order)
        try:
            ours = gradients(name, call, twin, order)
        except Exception:
            return True
        for a, b in zip(ours, right, strict=True):
            if a.shape != b.shape or not np.allclose(a, b, rtol=1e-6, atol=1e-9, equal_nan=True):
                return True
    return False


def test_mutants_are_caught():
    """A sample of changes to rules, one in nine to one function in five: by calls as above."""
    survivors, count = [], 0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for offset, name in enumerate(NAMES[::5]):
            entry = ENTRIES[name]
            for mutant in itertools.islice(mutants_of(entry), offset % 9, None, 9):
                count += 1
                if not is_caught(name, entry, mutant):
                    survivors.append(f"{name}: {mutant.key}: {mutant.what}")
    assert count > 60
    assert len(survivors) <= 0.06 * count, survivors


# -- beside mpmath, far out too ----------------------------------------------------------------


MPMATH = {
    "expit": (lambda x: 1 / (1 + mp.exp(-x)), [-700.0, -30.0, 0.0, 1.5, 40.0, 700.0]),
    "log_expit": (lambda x: -mp.log1p(mp.exp(-x)), [-700.0, -30.0, 0.0, 1.5, 40.0]),
    "logit": (lambda x: mp.log(x / (1 - x)), [1e-12, 1e-5, 0.25, 0.999]),
    "exp10": (lambda x: mp.mpf(10) ** x, [-300.0, 0.0, 2.5]),
    "expm1": (mp.expm1, [-30.0, -1e-9, 0.0, 2.0]),
    "exprel": (lambda x: mp.expm1(x) / x, [-300.0, -2.0, 1e-7, 0.5, 200.0]),
    "cosm1": (lambda x: mp.cos(x) - 1, [0.0, 1e-9, 2.0]),
    "tandg": (lambda x: mp.tan(x * mp.pi / 180), [-30.0, 0.0, 80.0]),
    "cotdg": (lambda x: mp.cot(x * mp.pi / 180), [-30.0, 10.0]),
    "entr": (lambda x: -x * mp.log(x), [1e-12, 0.3, 1.0, 50.0]),
    "erf": (mp.erf, [-5.0, 0.0, 0.5]),
    "erfc": (mp.erfc, [-5.0, 0.0, 0.5, 20.0]),
    "erfi": (mp.erfi, [-5.0, 0.0, 0.5]),
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), [-5.0, 0.0, 0.5, 10.0, 49.0, 51.0, 1e4, 1e8]),
    "dawsn": (
        lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
        [-1e5, 0.0, 0.5, 5.0, 30.0, 70.0],
    ),
    "ndtr": (mp.ncdf, [-35.0, -1.0, 0.0, 3.0]),
    "log_ndtr": (lambda x: mp.log(mp.erfc(-x / mp.sqrt(2)) / 2), [-1e5, -40.0, -1.0, 0.0, 3.0]),
    "gammaln": (mp.loggamma, [1e-12, 0.5, 2.0, 1e5]),
    "gamma": (mp.gamma, [-2.5, -1e-5, 0.5, 150.0]),
    "rgamma": (mp.rgamma, [-20.0, -3.0, -2.5, -1.0, -1e-9, 0.0, 0.5, 1.0, 30.0]),
    "psi": (mp.digamma, [-30.25, -2.5, -0.1, 1e-5, 0.5, 1e4]),
    "j0": (mp.j0, [-7.0, 0.0, 1e-8, 2.0, 50.0]),
    "j1": (mp.j1, [-7.0, 0.0, 1e-8, 2.0, 50.0]),
    "y0": (lambda x: mp.bessely(0, x), [0.3, 4.0]),
    "y1": (lambda x: mp.bessely(1, x), [4.0]),
    "i0": (lambda x: mp.besseli(0, x), [-7.0, 0.0, 2.0, 50.0]),
    "i1": (lambda x: mp.besseli(1, x), [-7.0, 0.0, 2.0, 50.0]),
    "i0e": (lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), [-7.0, 2.0, 500.0]),
    "i1e": (lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), [-7.0, 2.0, 500.0]),
    "k0": (lambda x: mp.besselk(0, x), [0.3, 4.0]),
    "k1": (lambda x: mp.besselk(1, x), [0.3, 4.0]),
    "k0e": (lambda x: mp.besselk(0, x) * mp.exp(x), [0.3, 500.0]),
    "k1e": (lambda x: mp.besselk(1, x) * mp.exp(x), [0.3, 500.0]),
    "expi": (mp.ei, [-5.0, 0.3, 50.0]),
    "exp1": (mp.e1, [0.3, 5.0, 100.0]),
    "spence": (lambda x: mp.polylog(2, 1 - x), [1e-8, 0.3, 0.7, 1.0, 1.3, 1.9, 50.0]),
    "ellipk": (mp.ellipk, [-1e3, -0.2, -0.1, 0.0, 1e-9, 0.05, 0.3, 0.999]),
    "ellipe": (mp.ellipe, [-1e3, -0.2, -0.1, 0.0, 1e-9, 0.05, 0.3, 0.999]),
    "ellipkm1": (lambda x: mp.ellipk(1 - x), [1e-9, 0.3, 1.0, 2.0]),
    "ellipkinc by m": (lambda m: mp.ellipf(1.2, m), [-3.0, 0.0, 0.05, 0.3, 0.9]),
    "ellipeinc by m": (lambda m: mp.ellipe(1.2, m), [-3.0, 0.0, 0.05, 0.3, 0.9]),
    "boxcox by lmbda": (lambda k: (mp.mpf(2.5) ** k - 1) / k, [-2.0, 1e-7, 0.5, 3.0]),
    "inv_boxcox by lmbda": (lambda k: (1 + k / 2) ** (1 / k), [-1.5, 1e-7, 0.5, 3.0]),
    "pseudo_huber by delta": (
        lambda d: d * d * (mp.sqrt(1 + (2 / d) ** 2) - 1), [1e-3, 0.5, 3.0, 1e5]
    ),
    "gammainc by x": (lambda x: mp.gammainc(2.5, 0, x, True), [1e-5, 0.5, 2.0, 40.0]),
    "betainc by x": (lambda x: mp.betainc(2.5, 0.5, 0, x, True), [1e-5, 0.5, 0.99]),
    "jv by z": (lambda z: mp.besselj(2.5, z), [0.5, 3.0, 40.0]),
    "kv by z": (lambda z: mp.besselk(2.5, z), [0.5, 3.0, 40.0]),
    "hyp1f1 by x": (lambda x: mp.hyp1f1(0.5, 2.5, x), [-20.0, 0.0, 3.0]),
    "hyp2f1 by z": (lambda z: mp.hyp2f1(0.5, 1.5, 2.5, z), [-20.0, 0.0, 0.3, 0.9]),
}  # fmt: skip
GIVEN = {
    "ellipkinc": lambda x: (1.2, x), "ellipeinc": lambda x: (1.2, x),
    "boxcox": lambda x: (2.5, x), "inv_boxcox": lambda x: (0.5, x),
    "pseudo_huber": lambda x: (x, 2.0), "gammainc": lambda x: (2.5, x),
    "betainc": lambda x: (2.5, 0.5, x), "jv": lambda x: (2.5, x), "kv": lambda x: (2.5, x),
    "hyp1f1": lambda x: (0.5, 2.5, x), "hyp2f1": lambda x: (0.5, 1.5, 2.5, x),
}  # fmt: skip
"""How a function of several arguments is called with the one that changes."""


@pytest.mark.parametrize("row", MPMATH)
def test_beside_mpmath(row):
    """First and second derivatives, to nine digits: also where a formula would lose them all."""
    name = row.partition(" ")[0]
    formula, points = MPMATH[row]
    f = found(name)
    given = GIVEN.get(name, lambda x: (x,))
    with mp.workdps(30):
        for order in (1, 2):
            ours = lambda x: f(*given(x))  # noqa: E731
            for _ in range(order):
                ours = grad(ours)
            for x in points:
                beside = mp.mpf(x) or mp.mpf(10) ** -20  # a quotient is no number at 0
                right = float(mp.diff(formula, beside, order, relative=0 < abs(x) < 1))
                close = {"rel": 1e-9 if order == 1 else 1e-7, "abs": 1e-300 if x else 1e-15}
                assert ours(x) == pytest.approx(right, **close), f"order {order} at {x}"
