"""Products of vectors, matrices and arrays of more axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..composite import as_array, composite
from ..fitting import unbroadcast, wider
from ..primitive import Primitive, derivative
from ..tensor import form
from .complex import C


def _left(g: Any, x: Any, y: Any) -> Any:
    """∂L/∂x of x @ y: the upstream gradient times yᵀ, with vectors as one-line matrices."""
    if x.ndim == y.ndim == 2:
        return g @ y.T
    if y.ndim == 1:
        return g[..., None] * y
    if x.ndim == 1:
        return unbroadcast((y @ g[..., None])[..., 0], x.shape)
    return unbroadcast(g @ np.swapaxes(y, -1, -2), x.shape)


def _right(g: Any, x: Any, y: Any) -> Any:
    """∂L/∂y of x @ y: xᵀ times the upstream gradient, with vectors as one-line matrices."""
    if x.ndim == y.ndim == 2:
        return x.T @ g
    if x.ndim == y.ndim == 1:
        return g * x
    if x.ndim == 1:
        return unbroadcast(x[:, None] * g[..., None, :], y.shape)
    if y.ndim == 1:
        return unbroadcast((np.swapaxes(x, -1, -2) @ g[..., None])[..., 0], y.shape)
    return unbroadcast(np.swapaxes(x, -1, -2) @ g, y.shape)


derivative(
    np.matmul,
    elementwise=False,
    indices="...i?k,...kj?->...i?j?",
    x=lambda g, x, y: _left(g, x, y),
    y=lambda g, x, y: _right(g, x, y),
)


def _dot(a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    if (np.ndim(b) <= 2 and np.ndim(a) <= 2) or np.ndim(b) == 1:
        return np.matmul(a, b)
    return np.tensordot(a, b, (-1, -2))


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Bring the summed axes together, and it is one matrix product."""
    if np.ndim(axes) == 0:
        summed_a, summed_b = list(range(np.ndim(a) - axes, np.ndim(a))), list(range(axes))
    else:
        summed_a, summed_b = (list(np.atleast_1d(pair).tolist()) for pair in axes)
    summed_a = [i % np.ndim(a) for i in summed_a]
    summed_b = [i % np.ndim(b) for i in summed_b]
    kept_a = [i for i in range(np.ndim(a)) if i not in summed_a]
    kept_b = [i for i in range(np.ndim(b)) if i not in summed_b]
    n = int(np.prod([np.shape(a)[i] for i in summed_a]))
    shape = tuple(np.shape(a)[i] for i in kept_a) + tuple(np.shape(b)[i] for i in kept_b)
    rows = np.reshape(np.transpose(a, kept_a + summed_a), (-1, n) if n else (_size(a, kept_a), 0))
    columns = np.reshape(
        np.transpose(b, summed_b + kept_b), (n, -1) if n else (0, _size(b, kept_b))
    )
    return np.reshape(np.matmul(rows, columns), shape)


def _size(a: Any, axes: list[int]) -> int:
    return int(np.prod([np.shape(a)[i] for i in axes]))


composite(np.dot, _dot)
composite(np.tensordot, _tensordot)
composite(np.vdot, lambda a, b: np.matmul(C(np.ravel(a)), np.ravel(b)))
composite(
    np.inner,
    lambda a, b: (
        np.multiply(a, b) if np.ndim(a) == 0 or np.ndim(b) == 0 else np.tensordot(a, b, (-1, -1))
    ),
)
composite(np.outer, lambda a, b: np.reshape(a, (-1, 1)) * np.ravel(b))

# -- products along an axis, or of all pairs ---------------------------------------------------


def _vecdot(x1: Any, x2: Any, *, axis: int = -1) -> Any:
    return np.sum(C(x1) * x2, axis=axis)


composite(np.vecdot, _vecdot)
if hasattr(np, "matvec"):  # from NumPy 2.2 on
    composite(np.matvec, lambda x1, x2: np.matmul(x1, x2[..., None])[..., 0])
    composite(np.vecmat, lambda x1, x2: np.matmul(C(x1)[..., None, :], x2)[..., 0, :])


def _kron(a: Any, b: Any) -> Any:
    ndim = max(np.ndim(a), np.ndim(b))
    a = np.reshape(a, (1,) * (ndim - np.ndim(a)) + np.shape(a))
    b = np.reshape(b, (1,) * (ndim - np.ndim(b)) + np.shape(b))
    pairs = [(m, n) for m, n in zip(np.shape(a), np.shape(b), strict=True)]
    a = np.reshape(a, tuple(i for m, _ in pairs for i in (m, 1)))
    b = np.reshape(b, tuple(i for _, n in pairs for i in (1, n)))
    return np.reshape(a * b, tuple(m * n for m, n in pairs))


def _cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if np.shape(a)[-1] == np.shape(b)[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a, b = _in_space(a), _in_space(b)
    ahead, behind = [1, 2, 0], [2, 0, 1]
    c = a[..., ahead] * b[..., behind] - a[..., behind] * b[..., ahead]
    return np.moveaxis(c, -1, axisc)


def _in_space(a: Any) -> Any:
    """Return vectors of the plane with a third component, 0."""
    return a if np.shape(a)[-1] == 3 else np.pad(a, [(0, 0)] * (np.ndim(a) - 1) + [(0, 1)])


composite(np.kron, _kron)
composite(np.cross, _cross)

# -- einsum: the gradient of an operand is an einsum of the others -----------------------------


def _letters(subscripts: str) -> tuple[list[str], str]:
    inputs, output = subscripts.split("->")
    return inputs.split(","), output


def _einsum_rule(g: Any, arrays: Any, subscripts: str) -> list[Any]:
    inputs, output = _letters(subscripts)
    gradients = []
    wide = next((dtype for a in (g, *arrays) if (dtype := wider(a, None)) is not None), None)
    if wide is not None:  # NumPy adds up in the dtype of the operands
        g, *arrays = (a.astype(np.result_type(a.dtype, wide)) for a in (g, *arrays))
    for k, own in enumerate(inputs):
        others = [a for i, a in enumerate(arrays) if i != k]
        names = [name for i, name in enumerate(inputs) if i != k]
        kept = "".join(c for c in own if c in output or any(c in name for name in names))
        part = contract(g, *others, subscripts=f"{','.join([output, *names])}->{kept}")
        # An index in no other term was summed over: the gradient is constant along it.
        shape = arrays[k].shape
        with_ones = tuple(n if c in kept else 1 for c, n in zip(own, shape, strict=True))
        gradients.append(np.broadcast_to(np.reshape(part, with_ones), shape))
    return gradients


contract: Primitive = derivative(
    lambda *arrays, subscripts: np.einsum(subscripts, *arrays),
    name="einsum",
    operands="*arrays",
    indices="{subscripts}",
    joint=lambda g, arrays, subscripts: _einsum_rule(g, arrays, subscripts),
)
"""einsum where no operand repeats an index, and all sizes of an index are the same."""


def _einsum(
    *operands: Any,
    out: None = None,
    optimize: Any = False,
    dtype: Any = None,
    order: str = "K",
    casting: Any = "safe",
) -> Any:
    subscripts, arrays = _spelled_out(operands)
    if dtype is not None:
        arrays = [as_array(a).astype(dtype) for a in arrays]
    inputs, output = _letters(subscripts)
    sizes: dict[str, int] = {}
    for own, a in zip(inputs, arrays, strict=True):
        for c, n in zip(own, np.shape(a), strict=True):
            sizes[c] = n if sizes.get(c, 1) == 1 else sizes[c]
    terms = [_plain_term(own, a, sizes) for own, a in zip(inputs, arrays, strict=True)]
    for group in _path(terms, output, optimize):
        taken = [terms[i] for i in sorted(group)]
        terms = [term for i, term in enumerate(terms) if i not in group]
        needed = {*output, *"".join(name for name, _ in terms)} if terms else None
        names = ",".join(name for name, _ in taken)
        kept = output if needed is None else "".join(sorted({*names} & needed))
        terms.append((kept, contract(*[a for _, a in taken], subscripts=f"{names}->{kept}")))
    return terms[0][1]


def _plain_term(own: str, a: Any, sizes: dict[str, int]) -> tuple[str, Any]:
    """Return an operand with each of its indices once, and without those that are stretched."""
    for c in sorted(set(own)):
        while own.count(c) > 1:  # a repeated index walks along the diagonal
            first, second = [i for i, d in enumerate(own) if d == c][:2]
            a = np.diagonal(a, axis1=first, axis2=second)
            own = own[:first] + own[first + 1 : second] + own[second + 1 :] + c
    stretched = [i for i, c in enumerate(own) if np.shape(a)[i] == 1 != sizes[c]]
    if stretched:
        a = np.squeeze(a, axis=tuple(stretched))
        own = "".join(c for i, c in enumerate(own) if i not in stretched)
    return own, a


def _path(terms: list[tuple[str, Any]], output: str, optimize: Any) -> list[Any]:
    """Return which operands are contracted together, in which order: by default all at once."""
    if optimize is False or len(terms) < 3:
        return [range(len(terms))]
    subscripts = f"{','.join(name for name, _ in terms)}->{output}"
    optimize = optimize if isinstance(optimize, (str, tuple, list)) else True
    return np.einsum_path(subscripts, *[form(a) for _, a in terms], optimize=optimize)[0][1:]


def _spelled_out(operands: Any) -> tuple[str, list[Any]]:
    """Return subscripts with a letter for each axis, also for those that … stands for."""
    if isinstance(operands[0], str):
        subscripts, arrays = operands[0].replace(" ", ""), [as_array(a) for a in operands[1:]]
    else:  # einsum(a, [0, 1], b, [1, 2], [0, 2])
        arrays = list(operands[0 : len(operands) - len(operands) % 2 : 2])
        lists = [*operands[1::2], *([operands[-1]] if len(operands) % 2 else [])]
        words = ["".join("..." if i is Ellipsis else _LETTERS[i] for i in word) for word in lists]
        subscripts = ",".join(words[: len(arrays)])
        if len(operands) % 2:
            subscripts += "->" + words[-1]
    left, arrow, output = subscripts.partition("->")
    free = [c for c in reversed(_LETTERS) if c not in subscripts]
    inputs, longest = [], 0
    for word, a in zip(left.split(","), arrays, strict=True):
        extra = np.ndim(a) - len(word.replace("...", ""))
        longest = max(longest, extra)
        inputs.append(word.replace("...", "".join(reversed(free[:extra]))))
    dots = "".join(reversed(free[:longest]))
    if not arrow:
        letters = left.replace("...", "").replace(",", "")
        output = dots + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    return f"{','.join(inputs)}->{output.replace('...', dots)}", arrays


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

composite(np.einsum, _einsum)

# -- sequences ---------------------------------------------------------------------------------

_slide: Primitive = derivative(
    lambda a, v: np.convolve(a, v),
    name="convolve",
    indices="i,j->[ij]",
    a=lambda g, a, v: _overlap(g, v, a.shape[0]),
    v=lambda g, a, v: _overlap(g, a, v.shape[0]),
)
"""Every shifted overlap of two sequences."""


def _overlap(g: Any, other: Any, n: int) -> Any:
    begin = other.shape[0] - 1
    return _slide(g, np.flip(other))[begin : begin + n]


def _convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    a, v = np.ravel(a), np.ravel(v)
    if np.size(v) > np.size(a):
        a, v = v, a
    whole, n, m = _slide(a, v), np.size(a), np.size(v)
    mode = _in_words(mode)
    if mode == "full":
        return whole
    if mode == "same":
        return whole[(m - 1) // 2 : (m - 1) // 2 + n]
    return whole[m - 1 : n]


def _in_words(mode: Any) -> str:
    modes = ("valid", "same", "full")  # NumPy numbers them, and looks at the first letter
    by_letter = {name[0]: name for name in modes}
    return by_letter[mode[0].lower()] if isinstance(mode, str) else modes[mode]


def _correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    v = np.flip(C(np.ravel(v)))
    n, m = np.size(a), np.size(v)
    if _in_words(mode) == "same" and m > n:
        whole = _slide(np.ravel(a), v)
        return whole[n // 2 : n // 2 + m]
    return _convolve(a, v, mode)


def _polyval(p: Any, x: Any) -> Any:
    result: Any = np.zeros_like(x)
    for i in range(np.shape(p)[0]):
        result = result * x + p[i]
    return result


def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    n = np.size(x) if N is None else N
    powers = np.arange(n) if increasing else np.arange(n)[::-1]
    return x[:, None] ** powers


composite(np.convolve, _convolve)
composite(np.correlate, _correlate)
composite(np.polyval, _polyval)
composite(np.vander, _vander)
