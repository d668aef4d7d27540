"""What a recurrent cell does with its gates: one primitive a step, whatever stood before it.

The products, of the input and of the last state, are linear layers; here is all that comes
after them. σ and tanh are taken once: a rule finds them among the residuals.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import derivative
from ..residuals import Residuals
from .neural import sigmoid


def _split(x: Any, count: int) -> list[Any]:
    """Return equal parts of the last axis."""
    size = x.shape[-1] // count
    return [x[..., i * size : (i + 1) * size] for i in range(count)]


# -- LSTM ------------------------------------------------------------------------------------


def _lstm_parts(from_x: Any, from_h: Any, c: Any) -> tuple[Any, ...]:
    """Return i, f, g and o, the next c, and its tanh."""
    gates = from_x + from_h
    i, f, _, o = _split(sigmoid.apply(gates), 4)
    g = np.tanh(_split(gates, 4)[2])
    new = f * c + i * g
    return i, f, g, o, new, np.tanh(new)


def _lstm(from_x: Any, from_h: Any, c: Any, residuals: Residuals | None = None) -> tuple[Any, Any]:
    parts = _lstm_parts(from_x, from_h, c)
    if residuals is not None:
        residuals.keep(from_x, *parts)
    *_, o, new, limited = parts
    return o * limited, new


def _lstm_rule(g: Any, from_x: Any, from_h: Any, c: Any, residuals: Any) -> tuple[Any, Any, Any]:
    of_h, of_c = g
    parts = (residuals and residuals.of(from_x)) or _lstm_parts(from_x, from_h, c)
    i, f, new, o, _, limited = parts
    of_c = of_c + of_h * o * (1.0 - limited * limited)
    of_i, of_f, of_new, of_o = of_c * new, of_c * c, of_c * i, of_h * limited
    of_all = (of_i * i * (1.0 - i), of_f * f * (1.0 - f), of_new * (1.0 - new * new),
              of_o * o * (1.0 - o))  # fmt: skip
    of_gates = np.concatenate(of_all, axis=-1)
    return of_gates, of_gates, of_c * f


lstm = derivative(
    _lstm,
    name="lstm",
    operands="from_x from_h c",
    outputs=True,
    joint=lambda g, from_x, from_h, c, residuals=None: _lstm_rule(g, from_x, from_h, c, residuals),
)
"""h' = σ(o) tanh c' and c' = σ(f) c + σ(i) tanh g, of the sum of what input and state say.

That is (…, 4 · H): i, f, g and o.
"""

# -- GRU -------------------------------------------------------------------------------------


def _gru_parts(from_x: Any, from_h: Any) -> tuple[Any, ...]:
    """Return r, z and n, and what the state says to n."""
    half = from_x.shape[-1] // 3 * 2
    r, z = _split(sigmoid.apply(from_x[..., :half] + from_h[..., :half]), 2)
    said = from_h[..., half:]
    return r, z, np.tanh(from_x[..., half:] + r * said), said


def _gru(from_x: Any, from_h: Any, h: Any, residuals: Residuals | None = None) -> Any:
    parts = _gru_parts(from_x, from_h)
    if residuals is not None:
        residuals.keep(from_x, *parts)
    _, z, n, _ = parts
    return (1.0 - z) * n + z * h


def _gru_rule(g: Any, from_x: Any, from_h: Any, h: Any, residuals: Any) -> tuple[Any, Any, Any]:
    r, z, n, said = (residuals and residuals.of(from_x)) or _gru_parts(from_x, from_h)
    of_n = g * (1.0 - z) * (1.0 - n * n)
    of_r, of_z = of_n * said * r * (1.0 - r), g * (h - n) * z * (1.0 - z)
    of_both = [np.concatenate((of_r, of_z, last), axis=-1) for last in (of_n, of_n * r)]
    return of_both[0], of_both[1], g * z


gru = derivative(
    _gru,
    name="gru",
    operands="from_x from_h h",
    decomposition=_gru,
    joint=lambda g, from_x, from_h, h, residuals=None: _gru_rule(g, from_x, from_h, h, residuals),
)
"""h' = (1 − z) n + z h, of what input and state say to r, z and n, (…, 3 · H) each."""
