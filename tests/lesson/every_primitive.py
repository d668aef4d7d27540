"""Every primitive with a rule, applied to a number, a vector and a matrix: what its lesson says.

An entry that works element by element is applied without a line here; of the others, `CALLS`
has some. An entry of the table that has neither fails `test_every_rule_is_read_by_a_person`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import nn
from autograd_lite import Tensor, grad
from autograd_lite import __name__ as HOME
from autograd_lite.calculus import attention, convolution, neural, pooling, recurrence
from autograd_lite.lesson.derivation import Derivation, derive, read
from autograd_lite.primitive import Primitive
from tests.tables import numpys

RNG = np.random.default_rng(5)
SHAPES = {"a number": (), "a vector": (2,), "a matrix": (2, 3)}
NAMES = "PQRSW"  # none of which is a parameter's


def drawn(*shape: int) -> Any:
    """Return numbers that every function takes, none of them like another."""
    return RNG.uniform(0.2, 0.8, shape)


def square(n: int = 2) -> Any:
    """Return a symmetric matrix that can be inverted."""
    a = drawn(n, n)
    return a @ a.T + np.eye(n)


IMAGE = drawn(1, 2, 4, 4)
KERNEL = drawn(2, 2, 2, 2)

# Programs by the name of the primitive that each is about; several where its rules differ.
CALLS: dict[str, list[tuple[Callable[..., Any], list[Any]]]] = {
    "real": [(np.real, [drawn(2)])],
    "imag": [(lambda p: np.imag(p * (1.0 + 2.0j)), [drawn(2)])],
    "round": [(np.round, [drawn(2)]), (lambda p: np.round(p, 1), [0.33])],
    "matmul": [
        (np.matmul, [drawn(2, 3), drawn(3, 4)]),
        (np.matmul, [drawn(2, 3), drawn(3)]),
        (np.matmul, [drawn(2), drawn(2, 3)]),
        (np.matmul, [drawn(3), drawn(3)]),
        (np.matmul, [drawn(5, 2, 3), drawn(5, 3, 4)]),
        (np.matmul, [drawn(5, 2, 3), drawn(3, 4)]),
        (np.matmul, [drawn(2, 3), drawn(5, 3, 4)]),
        (np.matmul, [drawn(5, 2, 3), drawn(3)]),
        (np.matmul, [drawn(2), drawn(5, 2, 3)]),
    ],
    "einsum": [
        (lambda p, q: np.einsum("ij,jk->ik", p, q), [drawn(2, 3), drawn(3, 4)]),
        (lambda p, q: np.einsum("ij,ij->", p, q), [drawn(2, 3), drawn(2, 3)]),
        (lambda p: np.einsum("ij->j", p), [drawn(2, 3)]),
        (lambda p, q, r: np.einsum("i,ij,j->", p, q, r), [drawn(2), drawn(2, 3), drawn(3)]),
    ],
    "linear": [
        (neural.linear, [drawn(2, 3), drawn(4, 3)]),
        (neural.linear, [drawn(3), drawn(4, 3)]),
        (neural.linear, [drawn(5, 2, 3), drawn(4, 3)]),
        (neural.affine, [drawn(2, 3), drawn(4, 3), drawn(4)]),
        (neural.affine, [drawn(3), drawn(4, 3), drawn(4)]),
        (neural.affine, [drawn(5, 2, 3), drawn(4, 3), drawn(4)]),
    ],
    "conv2d": [
        (convolution.conv2d, [IMAGE, KERNEL]),
        (convolution.conv2d_bias, [IMAGE, KERNEL, drawn(2)]),
        (
            lambda p, q: convolution.conv2d(p, q, stride=(2, 2), padding=((1, 1), (1, 1))),
            [IMAGE, KERNEL],
        ),
    ],
    "conv2d_image": [
        (lambda p, q: convolution.conv2d_image(p, q, (4, 4)), [drawn(1, 2, 3, 3), KERNEL])
    ],
    "conv2d_weight": [
        (lambda p, q: convolution.conv2d_weight(p, q, (2, 2)), [drawn(1, 2, 3, 3), IMAGE])
    ],
    "pool_sum": [(lambda p: pooling.pool_sum(p, (2, 2), (2, 2)), [IMAGE])],
    "pool_spread": [
        (lambda p: pooling.pool_spread(p, (4, 4), (2, 2), (2, 2)), [drawn(1, 2, 2, 2)])
    ],
    "max_pool": [(nn.MaxPool2d(2), [IMAGE]), (nn.MaxPool2d(2, stride=1, padding=1), [IMAGE])],
    "max_unpool": [
        (
            lambda p: pooling.max_unpool(p, IMAGE, kernel=(2, 2), stride=(2, 2)),
            [drawn(1, 2, 2, 2)],
        )
    ],
    "fft": [(lambda p: np.real(np.fft.fft(p)), [drawn(4)])],
    "ifft": [(lambda p: np.real(np.fft.ifft(p)), [drawn(4)])],
    "sum": [
        (np.sum, [drawn(2, 3)]),
        (np.sum, [drawn(3)]),
        (np.sum, [0.3]),
        (lambda p: np.sum(p, axis=0), [drawn(2, 3)]),
        (lambda p: np.sum(p, axis=1, keepdims=True), [drawn(2, 3)]),
        (lambda p: np.sum(p, axis=-1), [drawn(2, 3)]),
        (np.mean, [drawn(2, 3)]),
        (np.var, [drawn(3)]),
        (np.std, [drawn(3)]),
    ],
    "max": [
        (np.max, [drawn(3)]),
        (np.max, [0.3]),
        (np.max, [drawn(2, 3)]),
        (lambda p: np.max(p, axis=0), [drawn(2, 3)]),
        (lambda p: np.max(p, axis=1, keepdims=True), [drawn(2, 3)]),
    ],
    "min": [(np.min, [drawn(3)]), (lambda p: np.min(p, axis=1), [drawn(2, 3)])],
    "prod": [
        (np.prod, [drawn(3)]),
        (np.prod, [0.3]),
        (lambda p: np.prod(p, axis=1), [drawn(2, 3)]),
    ],
    "cumsum": [(np.cumsum, [drawn(3)]), (lambda p: np.cumsum(p, axis=1), [drawn(2, 3)])],
    "cumprod": [(np.cumprod, [drawn(3)]), (lambda p: np.cumprod(p, axis=1), [drawn(2, 3)])],
    "logsumexp": [
        (neural.logsumexp, [drawn(3)]),
        (neural.logsumexp, [drawn(2, 3)]),
        (lambda p: neural.logsumexp(p, axis=0, keepdims=True), [drawn(2, 3)]),
    ],
    "softmax": [
        (neural.softmax, [drawn(3)]),
        (neural.softmax, [drawn(2, 3)]),
        (lambda p: neural.softmax(p, axis=0), [drawn(2, 3)]),
    ],
    "log_softmax": [(neural.log_softmax, [drawn(3)]), (neural.log_softmax, [drawn(2, 3)])],
    "mse": [(neural.mse, [drawn(*s), drawn(*s)]) for s in SHAPES.values()],
    "normalize": [(nn.LayerNorm(3), [drawn(2, 3)])],
    "attention": [(lambda p: attention.attention(p, heads=2), [drawn(2, 6)])],
    "lstm": [(lambda *p: recurrence.lstm(*p)[0], [drawn(2, 4), drawn(2, 4), drawn(2, 1)])],
    "gru": [(recurrence.gru, [drawn(2, 3), drawn(2, 3), drawn(2, 1)])],
    "inv": [(np.linalg.inv, [square()])],
    "solve": [
        (np.linalg.solve, [square(), drawn(2)]),
        (np.linalg.solve, [square(), drawn(2, 3)]),
    ],
    "pinv": [(np.linalg.pinv, [drawn(2, 3)])],
    "det": [(np.linalg.det, [square()])],
    "roots": [(np.roots, [np.array([1.0, -3.0, 2.0])])],
    "frexp": [(lambda p: np.frexp(p)[0], [drawn(2)])],
    "slogdet": [(lambda p: np.linalg.slogdet(p)[1], [square()])],
    "cholesky": [(np.linalg.cholesky, [square()])],
    "qr": [(lambda p: np.linalg.qr(p)[1], [square()])],
    "eigh": [(lambda p: np.linalg.eigh(p)[0], [square()])],
    "eig": [(lambda p: np.real(np.linalg.eig(p)[0]), [square()])],
    "svd": [(lambda p: np.linalg.svd(p, full_matrices=False)[1], [drawn(2, 3)])],
    "svdvals": [(lambda p: np.linalg.svd(p, compute_uv=False), [drawn(2, 3)])],
    "nuclear_norm": [(lambda p: np.linalg.norm(p, "nuc"), [drawn(2, 3)])],
    "convolve": [(np.convolve, [drawn(4), drawn(2)])],
    "reshape": [(lambda p: np.reshape(p, (3, 2)), [drawn(2, 3)]), (np.ravel, [drawn(2, 3)])],
    "broadcast_to": [
        (lambda p: np.broadcast_to(p, (2, 3)), [drawn(3)]),
        (lambda p: np.broadcast_to(p, (2, 3)), [0.5]),
    ],
    "copy": [(np.copy, [drawn(2)])],
    "astype": [(lambda p: p.astype(np.float32), [drawn(2)])],
    "transpose": [
        (np.transpose, [drawn(2, 3)]),
        (lambda p: np.transpose(p, (1, 2, 0)), [drawn(2, 3, 4)]),
        (lambda p: np.moveaxis(p, 0, 1), [drawn(2, 3)]),
    ],
    "flip": [(np.flip, [drawn(3)]), (lambda p: np.flip(p, axis=1), [drawn(2, 3)])],
    "roll": [(lambda p: np.roll(p, 1), [drawn(3)])],
    "getitem": [
        (lambda p: p[1:], [drawn(3)]),
        (lambda p: p[0], [drawn(3)]),
        (lambda p: p[:, 1], [drawn(2, 3)]),
        (lambda p: p[..., None], [drawn(3)]),
        (lambda p: p[np.arange(2), [0, 2]], [drawn(2, 3)]),
        (lambda p: p[[0, 0, 1]], [drawn(2, 3)]),
        (lambda p: p[np.array([True, False])], [drawn(2, 3)]),
        (lambda p: nn.CrossEntropyLoss()(p, np.array([0, 2])), [drawn(2, 3)]),
        (lambda p: nn.CrossEntropyLoss()(p, np.arange(12) % 3), [drawn(12, 3)]),
        (lambda p, q: np.stack([p, q])[1], [0.3, 0.4]),
    ],
    "concatenate": [
        (lambda p, q: np.concatenate([p, q]), [drawn(2), drawn(3)]),
        (lambda p, q: np.concatenate([p, q], axis=1), [drawn(2, 3), drawn(2, 1)]),
        (lambda p, q: np.stack([p, q]), [0.3, 0.4]),
    ],
    "split": [(lambda p: np.split(p, 2)[0], [drawn(4)])],
    "sliding_window_view": [(lambda p: np.lib.stride_tricks.sliding_window_view(p, 2), [drawn(4)])],
    "clip": [(lambda p: np.clip(p, 0.0, 1.0), [x]) for x in (0.3, drawn(2), drawn(2, 3))],
    "where": [
        (lambda p, q: np.where(p > q, p, q), [0.3, 0.5]),
        (lambda p, q: np.where(p > 0.5, p, q), [np.array([0.3, 0.7]), 0.5]),
        (lambda p: np.where(p > 0.5, p, p * p), [np.array([[0.3, 0.7]])]),
    ],
    "bessel": [(grad(np.i0), [0.3]), (grad(np.i0), [0.4])],
    "powers": [(lambda p: np.linalg.norm(p, 3), [drawn(3)])],
    "power": [(lambda p: p**2, [0.4]), (lambda p: p**3.0, [drawn(3)]), (lambda p: p**-1, [0.4])],
}

# What no program reaches by itself, or where there is no derivative to speak of.
INTERNAL = {"output", "alias", "scatter", "polar", "holding"}


def entries() -> dict[str, list[Primitive]]:
    """Return the primitives of the engine that have a rule, by name."""
    found: dict[str, list[Primitive]] = {}
    for function, entry in numpys().items():
        if isinstance(entry, Primitive) and (entry.rules or entry.joint):
            module = getattr(function, "__module__", None) or ""  # none in a guide that was run
            if isinstance(function, np.ufunc) or module.partition(".")[0] in (HOME, "numpy"):
                found.setdefault(entry.name, []).append(entry)
    return found


def programs() -> Iterator[tuple[str, Callable[..., Any], list[Any]]]:
    """Yield, for every primitive, programs around it and what to call them with."""
    for name, same in entries().items():
        for number, (function, given) in enumerate(CALLS.get(name, [])):
            yield f"{name} {number}", function, given
        for entry in same:
            if not entry.elementwise or name in INTERNAL or (name in CALLS and name != "power"):
                continue
            for where, shape in SHAPES.items():
                given = [drawn(*shape) for _ in entry.operands]
                if name in ("arccosh",):
                    given = [x + 1.0 for x in given]
                if name == "ldexp":
                    given[1] = np.full(shape, 2)
                yield f"{name} of {where}", entry, given
            if len(entry.operands) == 2 and name != "ldexp":
                yield f"{name} of a vector and a number", entry, [drawn(2), drawn()]


def derivation(function: Callable[..., Any], given: list[Any]) -> Derivation:
    """Return the derivation of a program, its inputs named by letters."""
    named = [
        Tensor(x, np.asarray(x).dtype.kind == "f", name=letter)
        for x, letter in zip(given, NAMES, strict=False)
    ]
    out = function(*named)
    out.name = "Y"
    return derive(read(out), np.ones_like(out.data))
