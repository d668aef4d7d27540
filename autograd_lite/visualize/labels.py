"""What a box says in a picture: short names, and what an operation does in mathematics.

They are for looking at, where there is room for some fifteen letters. The whole formula, and
what a name stands for, is said beside the picture (a tooltip, the words of a step).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from .fold import Fold
from .graph import GraphValue, OpCall

BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
ABOVE = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "kappa": "κ", "mu": "μ", "nu": "ν", "xi": "ξ", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
LETTERS = {"weight": "W", "bias": "b"}  # of a module's parameters

# What is written in another way than name(operands), by the name of the primitive.
SIGNS = {
    "add": "{0} + {1}",
    "subtract": "{0} − {1}",
    "divide": "{0} / {1}",
    "negative": "−{0}",
    "matmul": "{0}·{1}",
    "dot": "{0}·{1}",
    "linear": "{0}·{1}ᵀ + {2}",
    "conv1d": "{0} ∗ {1} + {2}",
    "conv2d": "{0} ∗ {1} + {2}",
    "conv3d": "{0} ∗ {1} + {2}",
    "sigmoid": "σ({0})",
    "sqrt": "√{0}",
    "square": "{0}²",
    "reciprocal": "1 / {0}",
    "absolute": "|{0}|",
    "abs": "|{0}|",
    "mse": "mean(({0} − {1})²)",
    "sum": "Σ {0}",
    "getitem": "{0}[…]",
    "maximum": "max({0}, {1})",
    "minimum": "min({0}, {1})",
    "max_pool": "max_pool({0})",
    "greater": "{0} > {1}",
    "greater_equal": "{0} ≥ {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} ≤ {1}",
    "equal": "{0} = {1}",
    "not_equal": "{0} ≠ {1}",
}


def subscripted(name: str) -> str:
    """Return a name as mathematics has it: Greek letters, digits below.

    >>> subscripted("t12"), subscripted("theta_0"), subscripted("W[0, 1]"), subscripted("loss")
    ('t₁₂', 'θ₀', 'W[0, 1]', 'loss')
    """
    match = re.fullmatch(r"([A-Za-z]+?)_?(\d*)((?:\[[\d, ]+\])?)", name)
    if not match:
        return name
    letters, digits, element = match.groups()
    letter = GREEK.get(letters, letters)
    if len(letter) > 1:
        return name
    return letter + digits.translate(BELOW) + element


def short_names(values: Iterable[GraphValue]) -> dict[GraphValue, str]:
    """Return each value's short name; a module's weight and bias are W and b, numbered.

    What the program itself calls W₁ keeps that name, and the modules' keep theirs.
    """
    values = list(values)
    split = {v: _parameter(v.name) for v in values if v.maker is None and v.tensor is not None}
    owners = list(dict.fromkeys(path for path, _, _ in filter(None, split.values())))
    numbers = {path: str(i).translate(BELOW) for i, path in enumerate(owners, 1)}
    names: dict[GraphValue, str] = {v: subscripted(v.name) for v in values}
    taken = set(names.values())
    for value, found in split.items():
        if found:
            path, word, element = found
            letter = LETTERS[word] + (numbers[path] if len(owners) > 1 else "")
            if letter not in taken:
                names[value] = letter + element
    return names


def _parameter(name: str) -> tuple[str, str, str] | None:
    """Split the name of a module's parameter: where it is, what it is, which element.

    >>> _parameter("net.0.weight"), _parameter("fc.bias[1]"), _parameter("x")
    (('net.0', 'weight', ''), ('fc', 'bias', '[1]'), None)
    """
    match = re.fullmatch(r"(.+)\.(weight|bias)(\[[\d, ]+\])?", name)
    return (match[1], match[2], match[3] or "") if match else None


def short_formula(operation: OpCall, names: Mapping[GraphValue, str]) -> str:
    """Return what an operation does, such as ``X·W₁ᵀ + b₁``, ``σ(t₁)`` or ``t₆²``."""
    name = operation.name
    if isinstance(operation, Fold):
        return name
    operands = list(operation.operands)
    if name == "max_pool":
        operands = operands[:1]  # what is picked; the other says by what
    written = [names.get(v, subscripted(v.name)) for v in operands]
    written = [f"({x})" if x.startswith(("-", "−")) and i else x for i, x in enumerate(written)]
    written = [x.replace("-", "−") for x in written]
    if name == "multiply" and len(written) == 2:
        both = all(np.ndim(v.data) for v in operands)
        return f"{written[0]} ⊙ {written[1]}" if both else f"{written[0]}·{written[1]}"
    if name == "power" and len(written) == 2:
        exponent = written[1].strip("()")
        if exponent.translate(ABOVE) != exponent and set(exponent) <= set("0123456789−"):
            return f"{_base(written[0])}{exponent.translate(ABOVE)}"
        return f"{_base(written[0])}^{written[1]}"
    if name == "transpose" and np.ndim(operands[0].data) == 2:
        return f"{written[0]}ᵀ"
    sign = SIGNS.get(name)
    if sign and name == "sum" and operation.parameters.get("axis") is not None:
        sign = None
    if sign and "{2}" in sign and len(written) == 2:
        sign = sign.removesuffix(" + {2}")
    if sign and sign.count("{") == len(written):
        return sign.format(*written)
    axis = operation.parameters.get("axis")
    given = [*written, *([f"axis {axis}"] if isinstance(axis, int) and name == "sum" else [])]
    return f"{name}({', '.join(given)})"


def _base(x: str) -> str:
    return f"({x})" if x.startswith("−") else x
