"""Where the coefficients in `autograd_lite.codegen.elementary` are from.

``python -m tests.codegen.coefficients`` prints them: of each function, the polynomial through
the Chebyshev nodes of the interval, computed with 60 digits by mpmath.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp


def _log(z: Any) -> Any:
    s = mp.sqrt(z)
    return (mp.log((1 + s) / (1 - s)) - 2 * s) / s**3


def _exp(r: Any) -> Any:
    return (mp.exp(r) - 1 - r) / r**2 if abs(r) > mp.mpf(10) ** -30 else mp.mpf(1) / 2


def _sin(z: Any) -> Any:
    r = mp.sqrt(z)
    return (mp.sin(r) - r) / r**3


def _cos(z: Any) -> Any:
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2


def through_chebyshev_nodes(f: Callable[[Any], Any], low: Any, high: Any, degree: int) -> list[Any]:
    """Return the coefficients, that of x⁰ first."""
    n = degree + 1
    nodes = [
        (low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * n))
        for k in range(n)
    ]
    powers = mp.matrix([[x**j for j in range(n)] for x in nodes])
    return list(mp.lu_solve(powers, mp.matrix([f(x) for x in nodes])))


def coefficients() -> dict[str, dict[str, list[float]]]:
    """Return all, by module and name."""
    with mp.workdps(60):
        half = mp.log(2) / 2 * mp.mpf("1.0001")
        s = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)
        quarter = (mp.pi / 4) ** 2 * mp.mpf("1.001")
        asked = {
            "EXP": (_exp, -half, half, (10, 4)),
            "LOG": (_log, mp.mpf(0), s**2 * mp.mpf("1.001"), (7, 3)),
            "SIN": (_sin, mp.mpf(0), quarter, (5, 3)),
            "COS": (_cos, mp.mpf(0), quarter, (5, 3)),
        }
        return {
            module: {
                name: [float(c) for c in through_chebyshev_nodes(f, low, high, degrees[i])]
                for name, (f, low, high, degrees) in asked.items()
            }
            for i, module in enumerate(("elementary", "elementary32"))
        }


if __name__ == "__main__":
    for module, named in coefficients().items():
        for name, numbers in named.items():
            print(module, name, *map(repr, numbers), sep="\n    ")
