"""Elementary functions of float64, written so that a compiler can run several elements at once.

A loop over `math.exp` calls the C library once for each element. These have no branch and no
table, only arithmetic, choices (``a if c else b``) and the bits of a number, so a loop over
them becomes vector instructions. They are plain Python: the Numba back end compiles them, the
tests run them as they stand too, where no product is fused with a sum.

Each result is within 2 units in the last place of the exact value (measured: 1.9), for every
float64, and right at ±0, infinities, NaN and subnormal numbers. `elementary32` is the same for
float32.

Sources. Reduction of the argument by a constant in several parts, and by powers of two: Cody
and Waite, *Software Manual for the Elementary Functions*, 1980. Rounding by adding a large
number, and exact errors of sums: Dekker, *Numerische Mathematik* 18, 1971; Knuth, *The Art of
Computer Programming* 2, § 4.2.2. log by s = f / (2 + f): Ng, in *FDLIBM*, 1993. The
coefficients are the polynomials through the Chebyshev nodes of the interval that is left;
``python -m tests.codegen.coefficients`` computes them.

>>> with np.errstate(over="ignore"):  # of whole numbers: they wrap round, as they shall
...     print(exp(np.float64(1.0)))
2.718281828459045

Polynomials are added up in pairs (Estrin, 1960), not one term after the other as by Horner's
rule: what does not wait for another runs beside it. It costs the last bits of a correction, not
of the result.

What holds for whoever compiles them: a product may be fused with a sum, but sums must stay
in their order and zeros keep their signs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..calculus.activations import ERF as COEFFICIENTS
from ..calculus.activations import ERF_END as END

Float = Any  # a NumPy float64; a loop's element when compiled

INF = np.inf
TINY = float(np.finfo(np.float64).tiny)  # the least normal number

ROUND = 1.5 * 2.0**52
"""Added and taken away again, it rounds to a whole number, which stands in the last bits."""

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""log 2 in two parts; the first has 32 bits, so that its product with an exponent is exact."""

ZERO_EXPONENT = np.uint64(1023)  # of 1.0, as it stands in the bits
ROUND_BITS = np.uint64(0x4338000000000000)  # of ROUND
FRACTION_BITS = np.uint64(52)
FRACTION = np.uint64((1 << 52) - 1)
_ONE, _TWO, _BIAS = np.uint64(1), np.uint64(2), np.uint64(2048)


# -- exp -------------------------------------------------------------------------------------

EXP = (
    0.5,
    0.1666666666666667,
    0.04166666666666667,
    0.008333333333326136,
    0.0013888888888883748,
    0.00019841269874820627,
    2.4801587325547743e-05,
    2.7557255400206422e-06,
    2.75572736431103e-07,
    2.5105217004720745e-08,
    2.0914686968086876e-09,
)
"""(e^r − 1 − r) / r² for |r| ≤ (log 2) / 2."""


def _exp_tail(r: Float) -> Float:
    """e^r − 1 − r."""
    c, z = EXP, r * r
    w = z * z
    q = (c[8] + r * c[9]) + z * c[10]
    q = ((c[4] + r * c[5]) + z * (c[6] + r * c[7])) + w * q
    q = ((c[0] + r * c[1]) + z * (c[2] + r * c[3])) + w * q
    return z * q


def _scaled(p: Float, n: Any) -> Float:
    """Return p · 2ⁿ, in two factors, so that each is a normal number.

    n is a whole number in the two's complement of 64 bits.
    """
    half = (n + _BIAS) >> _ONE  # n // 2 + 1024
    first = np.uint64((half - _ONE) << FRACTION_BITS).view(np.float64)
    second = np.uint64((n - half + _BIAS - _ONE) << FRACTION_BITS).view(np.float64)
    return p * first * second


def _reduced(x: Float) -> tuple[Float, Float, Any]:
    """Return r, what r lacks, and the bits of n, where x = n log 2 + r and |r| ≤ (log 2) / 2."""
    shifted = x * LOG2_E + ROUND
    n = shifted - ROUND
    high, low = x - n * LN2_HIGH, n * LN2_LOW
    r = high - low
    return r, (high - r) - low, np.float64(shifted).view(np.uint64) - ROUND_BITS


def exp(x: Float) -> Float:
    """e^x = 2ⁿ e^r; 1 + r is added with the error of the sum."""
    x = 709.9 if x > 709.9 else x  # infinite from there on
    x = -746.0 if x < -746.0 else x  # 0 from there on
    r, low, n = _reduced(x)
    total = 1.0 + r
    lost = r - (total - 1.0)
    return _scaled(total + (lost + (_exp_tail(r) + low)), n)


def _expm1(x: Float) -> tuple[Float, Float]:
    """e^x − 1 for −60 ≤ x ≤ 40, as a sum of two.

    2ⁿ (1 + r + tail) − 1, where 2ⁿ − 1 and 2ⁿ r are added with the error of their sum.
    """
    r, low, n = _reduced(x)
    scale = np.uint64((n + ZERO_EXPONENT) << FRACTION_BITS).view(np.float64)
    a, b = scale - 1.0, scale * r
    total = a + b
    part = total - a
    lost = (a - (total - part)) + (b - part)
    return total, lost + scale * (_exp_tail(r) + low)


def expm1(x: Float) -> Float:
    """e^x − 1."""
    most, rest = _expm1(40.0 if x > 40.0 else -50.0 if x < -50.0 else x)
    made = exp(x) if x > 40.0 else most + rest
    return x if x == 0.0 else made


def _reciprocal(d: Float) -> Float:
    """1 / d for 1 ≤ d ≤ 2, within 5 %: to correct what is right but for the last bits."""
    return 1.457 - 0.5 * d


def tanh(x: Float) -> Float:
    """By −t / (2 + t), where t = e^(−2 |x|) − 1; corrected by what both sums lost."""
    a = abs(x)
    most, rest = _expm1(-50.0 if a > 25.0 else -2.0 * a)
    t = most + rest
    d = 2.0 + t
    lost = (most - t) + rest
    q = t / d
    q += (lost - q * ((t - (d - 2.0)) + lost)) * _reciprocal(d)
    made = np.copysign(q, x)
    return x if a < 1e-9 else made  # x − x³ / 3 + …


def sigmoid(x: Float) -> Float:
    """1 / (1 + e^−x); for negative x as e^x / (1 + e^x), which does not overflow."""
    e = exp(-abs(x))
    d = 1.0 + e
    q = (1.0 if x >= 0.0 else e) / d
    return q - q * (e - (d - 1.0)) * _reciprocal(d)


# -- log -------------------------------------------------------------------------------------

LOG = (
    0.6666666666666666,
    0.40000000000000885,
    0.28571428570799784,
    0.22222222392581045,
    0.18181795547521137,
    0.15386244737621665,
    0.13268638369266825,
    0.13088034850927555,
)
"""(log((1 + s) / (1 − s)) − 2 s) / s³ as a polynomial of s², for the ratio from √½ to √2."""

SQRT_HALF_BITS = np.uint64(0x3FE6A09E667F3BCD)
ONE_BITS = np.uint64(0x3FF0000000000000)
WHOLE_BITS = np.uint64(0x4330000000000000)  # of 2⁵²: what is put into the last bits is added
WHOLE = 2.0**52 + 1023.0


def _split(x: Float) -> tuple[Float, Float]:
    """Return k and m with x = 2ᵏ m, m from √½ to √2; x is a normal number above 0."""
    bits = np.float64(x).view(np.uint64) + (ONE_BITS - SQRT_HALF_BITS)
    k = np.uint64((bits >> FRACTION_BITS) | WHOLE_BITS).view(np.float64) - WHOLE
    return k, np.uint64((bits & FRACTION) + SQRT_HALF_BITS).view(np.float64)


def _log_of(k: Float, f: Float, low: Float) -> Float:
    """log(2ᵏ (1 + f)) + low: f − f² / 2 + s (f² / 2 + s² L(s²)), with s = f / (2 + f)."""
    c = LOG
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    q = (c[4] + z * c[5]) + w * (c[6] + z * c[7])
    q = z * (((c[0] + z * c[1]) + w * (c[2] + z * c[3])) + w * w * q)
    half = 0.5 * f * f
    return k * LN2_HIGH - ((half - (s * (half + q) + (k * LN2_LOW + low))) - f)


def log(x: Float) -> Float:
    """By k log 2 + log m, where x = 2ᵏ m."""
    small = x < TINY
    k, m = _split(x * 2.0**54 if small else x)
    made = _log_of(k - 54.0 if small else k, m - 1.0, 0.0)
    made = made if x < INF else x  # infinity and NaN
    made = made if x != 0.0 else -INF
    return np.nan if x < 0.0 else made


def log1p(x: Float) -> Float:
    """log(1 + x): the log of the rounded sum u, and the part that was lost, over u."""
    u = 1.0 + x
    part = u - 1.0
    lost = (1.0 - (u - part)) + (x - part)
    k, m = _split(u)
    near = k == 0.0
    made = _log_of(k, x if near else m - 1.0, 0.0 if near else lost / u)
    made = made if x < INF else x
    made = made if x != -1.0 else -INF
    made = np.nan if x < -1.0 else made
    return x if x == 0.0 else made


# -- sin and cos -----------------------------------------------------------------------------

NEAR = 1e6
"""Up to here `near_sin` and `near_cos` serve."""

TWO_OVER_PI = 0.6366197723675814
PI_HALVES = (
    1.57079632673412561417e00,
    6.07710050630396597660e-11,
    2.02226624871116645580e-21,
    8.47842766036889956997e-32,
)
"""π/2 in four parts; the first three have 33 bits, so that products with n are exact."""

SIN = (
    -0.16666666666666666,
    0.008333333333330936,
    -0.00019841269836740532,
    2.7557316093198404e-06,
    -2.5051129896450185e-08,
    1.5917988979397435e-10,
)
"""(sin r − r) / r³ as a polynomial of r², for |r| ≤ π/4."""

COS = (
    0.041666666666666664,
    -0.0013888888888887389,
    2.48015872987544e-05,
    -2.755731726587808e-07,
    2.087614504941318e-09,
    -1.138254464534925e-11,
)
"""(cos r − 1 + r²/2) / r⁴ as a polynomial of r², for |r| ≤ π/4."""


def _quadrant(x: Float) -> tuple[Float, Float, Any]:
    """Return r, what r lacks, and n, where x = n π/2 + r and |r| ≤ π/4."""
    p = PI_HALVES
    shifted = x * TWO_OVER_PI + ROUND
    n = shifted - ROUND
    a = x - n * p[0]  # exact
    b = -n * p[1]
    first = a + b
    part = first - a
    lost = (a - (first - part)) + (b - part)
    b = -n * p[2]
    second = first + b
    part = second - first
    lost += (first - (second - part)) + (b - part)
    lost -= n * p[3]
    r = second + lost
    return r, (second - r) + lost, np.float64(shifted).view(np.uint64)


def _sin_of(r: Float, low: Float) -> Float:
    c = SIN
    z = r * r
    w = z * z
    q = ((c[0] + z * c[1]) + w * (c[2] + z * c[3])) + w * w * (c[4] + z * c[5])
    return r + (r * z * q + low * (1.0 - 0.5 * z))


def _cos_of(r: Float, low: Float) -> Float:
    c = COS
    z = r * r
    w = z * z
    q = w * (((c[0] + z * c[1]) + w * (c[2] + z * c[3])) + w * w * (c[4] + z * c[5]))
    half = 0.5 * z
    most = 1.0 - half
    return most + (((1.0 - most) - half) + (q - r * low))


def near_sin(x: Float) -> Float:
    """Sine of what is not above `NEAR` in magnitude."""
    r, low, n = _quadrant(x)
    made = _cos_of(r, low) if n & _ONE else _sin_of(r, low)
    made = -made if n & _TWO else made
    return x if x == 0.0 else made


def near_cos(x: Float) -> Float:
    """Cosine of what is not above `NEAR` in magnitude."""
    r, low, n = _quadrant(x)
    made = _sin_of(r, low) if n & _ONE else _cos_of(r, low)
    return -made if (n + _ONE) & _TWO else made


def sin(x: Float) -> Float:
    """Sine; of what is very large as the C library has it."""
    return near_sin(x) if abs(x) <= NEAR else np.sin(x)


def cos(x: Float) -> Float:
    """Cosine; of what is very large as the C library has it."""
    return near_cos(x) if abs(x) <= NEAR else np.cos(x)


# -- erf -------------------------------------------------------------------------------------

ERF = tuple(c for c in COEFFICIENTS[np.float64])
ERF_END = END


def erf(x: Float) -> Float:
    """1 − e^(−a q(a)) with the sign of x, where a = |x|; q is the engine's polynomial.

    Near 0 all digits of the exponent count: what its first sum loses is given back.
    """
    c, a = ERF, abs(x)
    a = ERF_END if a > ERF_END else a
    z = a * a
    w = z * z
    q = (c[21] + a * c[22]) + z * c[23]
    q = ((c[17] + a * c[18]) + z * (c[19] + a * c[20])) + w * q
    q = ((c[13] + a * c[14]) + z * (c[15] + a * c[16])) + w * q
    q = ((c[9] + a * c[10]) + z * (c[11] + a * c[12])) + w * q
    q = ((c[5] + a * c[6]) + z * (c[7] + a * c[8])) + w * q
    q = a * (((c[1] + a * c[2]) + z * (c[3] + a * c[4])) + w * q)
    p = c[0] + q
    lost = q - (p - c[0])
    most, rest = _expm1(-(a * p))
    return np.copysign(most + (rest - a * lost * (1.0 + most)), x)
