"""Own elementary functions against long double: within 2 units in the last place, everywhere.

The long run, over many more numbers, says how far each is off at most:
``python -m tests.codegen.test_elementary --seeds 20``, a few minutes.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pytest

from autograd_lite.codegen import elementary, elementary32, jit
from tests.codegen.coefficients import coefficients

NAMES = ("exp", "expm1", "tanh", "sigmoid", "log", "log1p", "sin", "cos", "erf")
MODULES = {np.float64: elementary, np.float32: elementary32}
WIDER = {np.float64: np.longdouble, np.float32: np.float64}
UNITS = 2.0
PI = np.longdouble("3.14159265358979323846264338327950288")

pytestmark = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant < 63, reason="long double is no wider than float64 here"
)


def exact(name, x):
    """The function in the next wider floats."""
    if name == "sigmoid":
        e = np.exp(-np.abs(x))
        return np.where(x >= 0, 1, e) / (1 + e)
    if name == "erf":
        return erf(x)
    return getattr(np, name)(x)


def erf(x):
    """By the series whose terms are all positive (Abramowitz and Stegun, 7.1.6), in long double.

    erf x = 2 / √π e^(−x²) Σ 2ⁿ x^(2n + 1) / (1 · 3 ⋯ (2n + 1)).
    """
    wide = x.astype(np.longdouble)
    near = np.abs(wide) < 6.5  # beyond, it is 1 to the last bit
    a = wide[near]
    term = total = a
    for n in range(1, 200):
        term = term * (2 * a * a) / (2 * n + 1)
        total = total + term
    made = np.copysign(np.longdouble(1), wide)
    made[near] = 2 / np.sqrt(PI) * np.exp(-a * a) * total
    return np.where(np.isnan(wide), wide, made)


def samples(real, seed, n):
    """Numbers of every size, near where functions turn and where a reduction loses digits."""
    rng = np.random.default_rng(seed)
    whole = np.uint64 if real is np.float64 else np.uint32
    info = np.finfo(real)
    halves = rng.integers(-600_000, 600_000, n).astype(real) * real(np.pi / 2)
    special = [0.0, info.tiny, info.smallest_subnormal, info.max, np.inf, np.nan, 1.0, 1e6, np.pi]
    special += [0.1071794712954726]  # where erf was off by 2.1 units
    groups = [
        rng.integers(0, np.iinfo(whole).max, n, dtype=whole, endpoint=True).view(real),
        rng.uniform(-110 if real is np.float32 else -750, 90 if real is np.float32 else 710, n),
        rng.uniform(-40, 40, n),
        rng.uniform(-2, 2, n),
        rng.uniform(-1, 1, n) * 10.0 ** rng.uniform(-20, 0, n),
        1 + rng.uniform(-1, 1, n) * 10.0 ** rng.uniform(-17, 0, n),
        rng.uniform(0, 1, n) * info.tiny,
        rng.uniform(-1e6, 1e6, n),
        halves,
        np.nextafter(halves, real(np.inf)),
        special,
        np.negative(special),
    ]
    return np.concatenate([np.asarray(g, real) for g in groups])


@np.errstate(all="ignore")
def check(name, x, found):
    """Right to `UNITS`; the same infinities, NaN and zeros with their signs."""
    wide = exact(name, x.astype(WIDER[x.dtype.type]))
    expected = wide.astype(x.dtype)
    special = ~np.isfinite(expected) | (expected == 0)
    np.testing.assert_array_equal(found[special], expected[special], err_msg=name)
    signs = (expected == 0) & (x == 0)
    np.testing.assert_array_equal(
        np.signbit(found[signs]), np.signbit(expected[signs]), err_msg=name
    )
    unit = np.spacing(np.abs(expected[~special])).astype(wide.dtype)
    off = np.abs(found[~special].astype(wide.dtype) - wide[~special]) / unit
    worst = int(np.argmax(off))
    assert off[worst] <= UNITS, f"{name}({x[~special][worst]!r}) is off by {off[worst]} units"
    return off[worst]


def compiled(real, names):
    """Four of them in one function: Numba takes a second for each that it compiles."""
    first, second, third, fourth = (getattr(MODULES[real], name) for name in names)

    @jit.numba().njit(error_model="numpy")
    def run(x, out):
        for i in range(x.size):
            v = x[i]
            out[0, i], out[1, i], out[2, i], out[3, i] = first(v), second(v), third(v), fourth(v)

    def of(x):
        out = np.empty((4, x.size), real)
        run(x, out)
        return dict(zip(names, out, strict=True))

    return of


@pytest.mark.parametrize("real", MODULES)
def test_within_two_units_when_compiled(real):
    """Half of them here, where they share the most code; all in the long run."""
    pytest.importorskip("numba")
    x = samples(real, 0, 20_000)
    for name, found in compiled(real, ("exp", "tanh", "log1p", "sin"))(x).items():
        check(name, x, found)


@pytest.mark.parametrize("real", MODULES)
@pytest.mark.parametrize("name", NAMES)
@np.errstate(all="ignore")
def test_within_two_units_without_fused_products(name, real):
    function = getattr(MODULES[real], name)
    x = samples(real, 1, 300)
    check(name, x, np.array([function(v) for v in x], real))


def test_coefficients_are_those_of_the_polynomials():
    for module, named in coefficients().items():
        for name, expected in named.items():
            found = getattr({"elementary": elementary, "elementary32": elementary32}[module], name)
            eps = np.finfo(type(found[0]) if module == "elementary32" else np.float64).eps
            np.testing.assert_allclose(np.array(found, float), expected, rtol=eps, err_msg=name)


def main():
    """The long run: print after each seed how far off the worst of all numbers so far are."""
    parser = argparse.ArgumentParser(description="Own elementary functions, over many numbers.")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--numbers", type=int, default=100_000, help="of each kind and seed")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    given = parser.parse_args()
    runs = {real: [compiled(real, NAMES[i : i + 4]) for i in (0, 4, 5)] for real in MODULES}
    worst = dict.fromkeys([(name, real.__name__) for name in NAMES for real in MODULES], 0.0)
    begin = time.monotonic()
    for done, seed in enumerate(range(given.first, given.first + given.seeds), 1):
        for real, functions in runs.items():
            x = samples(real, seed, given.numbers)
            found = {name: made for of in functions for name, made in of(x).items()}
            for name, made in found.items():
                key = name, real.__name__
                worst[key] = max(worst[key], float(check(name, x, made)))
        now = "; ".join(f"{name} {kind} {off:.3f}" for (name, kind), off in worst.items())
        print(f"{done} of {given.seeds}, {time.monotonic() - begin:.0f} s: {now}", flush=True)
    for (name, kind), off in worst.items():
        print(f"{name:8s} {kind:8s} {off:.3f} units at most")


if __name__ == "__main__":
    main()
