"""Elementary functions of float32: `elementary`'s, with the constants of 32 bits.

Sine and cosine reduce their argument in float64, so that two parts of π/2 are enough.

>>> with np.errstate(over="ignore"):
...     print(exp(np.float32(0.0)))
1.0
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..calculus.activations import ERF as COEFFICIENTS

Float = Any  # a NumPy float32
single = np.float32

INF, NAN = single(np.inf), single(np.nan)
TINY = single(np.finfo(np.float32).tiny)
ZERO, HALF, ONE, TWO = single(0.0), single(0.5), single(1.0), single(2.0)

ROUND = single(1.5 * 2.0**23)
LOG2_E = single(1.4426950408889634)
LN2_HIGH, LN2_LOW = single(0.693145751953125), single(1.428606765330187e-06)
ZERO_EXPONENT = np.uint32(127)
ROUND_BITS = np.uint32(0x4B400000)
FRACTION_BITS = np.uint32(23)
FRACTION = np.uint32((1 << 23) - 1)
_ONE, _TWO, _BIAS = np.uint32(1), np.uint32(2), np.uint32(256)


# -- exp -------------------------------------------------------------------------------------

EXP = (
    single(0.5),
    single(0.16666576266288757),
    single(0.041666556149721146),
    single(0.008363178931176662),
    single(0.0013926184037700295),
)
LARGEST, LEAST = single(89.0), single(-104.5)  # infinite and 0 from there on
EXPM1_LARGEST, EXPM1_LEAST = single(20.0), single(-20.0)
TANH_LARGEST, TANH_TINY = single(10.0), single(1e-4)


def _exp_tail(r: Float) -> Float:
    """e^r − 1 − r."""
    c, z = EXP, r * r
    return z * ((c[0] + r * c[1]) + z * ((c[2] + r * c[3]) + z * c[4]))


def _scaled(p: Float, n: Any) -> Float:
    """Return p · 2ⁿ, in two factors, so that each is a normal number."""
    half = np.uint32(np.uint32(n + _BIAS) >> _ONE)  # n // 2 + 128
    first = np.uint32(np.uint32(half - _ONE) << FRACTION_BITS).view(np.float32)
    second = np.uint32(np.uint32(n - half + _BIAS - _ONE) << FRACTION_BITS).view(np.float32)
    return p * first * second


def _reduced(x: Float) -> tuple[Float, Float, Any]:
    """Return r, what r lacks, and the bits of n, where x = n log 2 + r and |r| ≤ (log 2) / 2."""
    shifted = x * LOG2_E + ROUND
    n = shifted - ROUND
    high, low = x - n * LN2_HIGH, n * LN2_LOW
    r = high - low
    return r, (high - r) - low, np.uint32(np.float32(shifted).view(np.uint32) - ROUND_BITS)


def exp(x: Float) -> Float:
    """e^x = 2ⁿ e^r; 1 + r is added with the error of the sum."""
    x = LARGEST if x > LARGEST else x
    x = LEAST if x < LEAST else x
    r, low, n = _reduced(x)
    total = ONE + r
    lost = r - (total - ONE)
    return _scaled(total + (lost + (_exp_tail(r) + low)), n)


def _expm1(x: Float) -> tuple[Float, Float]:
    """e^x − 1 for −20 ≤ x ≤ 20, as a sum of two."""
    r, low, n = _reduced(x)
    scale = np.uint32(np.uint32(n + ZERO_EXPONENT) << FRACTION_BITS).view(np.float32)
    a, b = scale - ONE, scale * r
    total = a + b
    part = total - a
    lost = (a - (total - part)) + (b - part)
    return total, lost + scale * (_exp_tail(r) + low)


def expm1(x: Float) -> Float:
    """e^x − 1."""
    inner = EXPM1_LARGEST if x > EXPM1_LARGEST else EXPM1_LEAST if x < EXPM1_LEAST else x
    most, rest = _expm1(inner)
    made = exp(x) if x > EXPM1_LARGEST else most + rest
    return x if x == ZERO else made


RECIPROCAL = single(1.457)


def _reciprocal(d: Float) -> Float:
    """1 / d for 1 ≤ d ≤ 2, within 5 %."""
    return RECIPROCAL - HALF * d


def tanh(x: Float) -> Float:
    """By −t / (2 + t), where t = e^(−2 |x|) − 1; corrected by what both sums lost."""
    a = abs(x)
    most, rest = _expm1(EXPM1_LEAST if a > TANH_LARGEST else -TWO * a)
    t = most + rest
    d = TWO + t
    lost = (most - t) + rest
    q = t / d
    q += (lost - q * ((t - (d - TWO)) + lost)) * _reciprocal(d)
    made = np.copysign(q, x)
    return x if a < TANH_TINY else made


def sigmoid(x: Float) -> Float:
    """1 / (1 + e^−x); for negative x as e^x / (1 + e^x), which does not overflow."""
    e = exp(-abs(x))
    d = ONE + e
    q = (ONE if x >= ZERO else e) / d
    return q - q * (e - (d - ONE)) * _reciprocal(d)


# -- log -------------------------------------------------------------------------------------

LOG = (
    single(0.6666666865348816),
    single(0.4000012278556824),
    single(0.28550779819488525),
    single(0.23331613838672638),
)
SQRT_HALF_BITS = np.uint32(0x3F3504F3)
ONE_BITS = np.uint32(0x3F800000)
WHOLE_BITS = np.uint32(0x4B000000)  # of 2²³
WHOLE = single(2.0**23 + 127.0)
RAISED, LOWERED = single(2.0**25), single(25.0)


def _split(x: Float) -> tuple[Float, Float]:
    """Return k and m with x = 2ᵏ m, m from √½ to √2; x is a normal number above 0."""
    bits = np.uint32(np.float32(x).view(np.uint32) + (ONE_BITS - SQRT_HALF_BITS))
    k = np.uint32(np.uint32(bits >> FRACTION_BITS) | WHOLE_BITS).view(np.float32) - WHOLE
    return k, np.uint32(np.uint32(bits & FRACTION) + SQRT_HALF_BITS).view(np.float32)


def _log_of(k: Float, f: Float, low: Float) -> Float:
    """log(2ᵏ (1 + f)) + low: f − f² / 2 + s (f² / 2 + s² L(s²)), with s = f / (2 + f)."""
    c = LOG
    s = f / (TWO + f)
    z = s * s
    q = z * ((c[0] + z * c[1]) + z * z * (c[2] + z * c[3]))
    half = HALF * f * f
    return k * LN2_HIGH - ((half - (s * (half + q) + (k * LN2_LOW + low))) - f)


def log(x: Float) -> Float:
    """By k log 2 + log m, where x = 2ᵏ m."""
    small = x < TINY
    k, m = _split(x * RAISED if small else x)
    made = _log_of(k - LOWERED if small else k, m - ONE, ZERO)
    made = made if x < INF else x  # infinity and NaN
    made = made if x != ZERO else -INF
    return NAN if x < ZERO else made


def log1p(x: Float) -> Float:
    """log(1 + x): the log of the rounded sum u, and the part that was lost, over u."""
    u = ONE + x
    part = u - ONE
    lost = (ONE - (u - part)) + (x - part)
    k, m = _split(u)
    near = k == ZERO
    made = _log_of(k, x if near else m - ONE, ZERO if near else lost / u)
    made = made if x < INF else x
    made = made if x != -ONE else -INF
    made = NAN if x < -ONE else made
    return x if x == ZERO else made


# -- sin and cos -----------------------------------------------------------------------------

NEAR = single(1e6)

TWO_OVER_PI = 0.6366197723675814
PI_HALVES = (1.57079632673412561417e00, 6.07710050650619224932e-11)
ROUND64 = 1.5 * 2.0**52

SIN = (
    single(-0.1666666716337204),
    single(0.008333331905305386),
    single(-0.00019840084132738411),
    single(2.724962087086169e-06),
)
COS = (
    single(0.0416666679084301),
    single(-0.00138888880610466),
    single(2.4800598112051375e-05),
    single(-2.7300703209220956e-07),
)


def _quadrant(x: Float) -> tuple[Float, Float, Any]:
    """Return r, what r lacks, and n, where x = n π/2 + r and |r| ≤ π/4."""
    p = PI_HALVES
    wide = np.float64(x)
    shifted = wide * TWO_OVER_PI + ROUND64
    n = shifted - ROUND64
    exact = (wide - n * p[0]) - n * p[1]
    r = np.float32(exact)
    bits = np.float64(shifted).view(np.uint64)
    return r, np.float32(exact - np.float64(r)), np.uint32(bits & np.uint64(3))


def _sin_of(r: Float, low: Float) -> Float:
    c = SIN
    z = r * r
    q = (c[0] + z * c[1]) + z * z * (c[2] + z * c[3])
    return r + (r * z * q + low * (ONE - HALF * z))


def _cos_of(r: Float, low: Float) -> Float:
    c = COS
    z = r * r
    w = z * z
    q = w * ((c[0] + z * c[1]) + w * (c[2] + z * c[3]))
    half = HALF * z
    most = ONE - half
    return most + (((ONE - most) - half) + (q - r * low))


def near_sin(x: Float) -> Float:
    """Sine of what is not above `NEAR` in magnitude."""
    r, low, n = _quadrant(x)
    made = _cos_of(r, low) if n & _ONE else _sin_of(r, low)
    made = -made if n & _TWO else made
    return x if x == ZERO else made


def near_cos(x: Float) -> Float:
    """Cosine of what is not above `NEAR` in magnitude."""
    r, low, n = _quadrant(x)
    made = _sin_of(r, low) if n & _ONE else _cos_of(r, low)
    return -made if np.uint32(n + _ONE) & _TWO else made


def sin(x: Float) -> Float:
    """Sine; of what is very large as the C library has it."""
    return near_sin(x) if abs(x) <= NEAR else np.float32(np.sin(np.float64(x)))


def cos(x: Float) -> Float:
    """Cosine; of what is very large as the C library has it."""
    return near_cos(x) if abs(x) <= NEAR else np.float32(np.cos(np.float64(x)))


# -- erf -------------------------------------------------------------------------------------

ERF = tuple(single(c) for c in COEFFICIENTS[np.float32])
ERF_FIRST, ERF_END = COEFFICIENTS[np.float32][0], single(4.0)  # erf is 1 from there on


def erf(x: Float) -> Float:
    """1 − e^(−a q(a)) with the sign of x, where a = |x|; q is the engine's polynomial.

    Near 0 all digits of the exponent count: its last steps are float64's, and what it loses as
    a float32 is given back.
    """
    c, a = ERF, abs(x)
    a = ERF_END if a > ERF_END else a
    z = a * a
    p = (c[5] + a * c[6]) + z * (c[7] + a * c[8])
    p = ((c[1] + a * c[2]) + z * (c[3] + a * c[4])) + z * z * p
    wide = np.float64(a)
    exact = -wide * (ERF_FIRST + wide * np.float64(p))
    exponent = np.float32(exact)
    lost = np.float32(exact - np.float64(exponent))
    most, rest = _expm1(exponent)
    return np.copysign(most + (rest + lost * (ONE + most)), x)
