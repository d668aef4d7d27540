"""Gradients that many numbers add up to: in half and single precision as in double.

Each program uses the numbers of x a great many times. In half precision a running sum of ones
stops at 2048, and in single precision one of 200,000 has three digits.
"""

from __future__ import annotations

import numpy as np
import pytest

from autograd_lite import Tensor
from nn import functional as F


def full(x, *shape):
    return np.full(shape, 0.5, x.dtype)


def rows(x, n):
    return np.tile(np.array([1.0, 2.0, 4.0], x.dtype), (n, 1))


USES = {
    "take": lambda x, n: np.take(x, np.zeros(n, int)),
    "index": lambda x, n: x[np.zeros(n, int)],
    "index of pairs": lambda x, n: x[None][np.zeros(n, int), np.ones(n, int)],
    "take_along_axis": lambda x, n: np.take_along_axis(x, np.zeros(n, int), 0),
    "repeat": lambda x, n: np.repeat(x, [n, 0, 0]),
    "tile": lambda x, n: np.tile(x[:1], n),
    "product": lambda x, n: x * full(x, n, 1),
    "broadcast_to": lambda x, n: np.broadcast_to(x, (n, 3)),
    "where": lambda x, n: np.where(np.ones(n, bool), x[0], x[1]),
    "choose": lambda x, n: np.choose(np.zeros(n, int), [x[0], x[1]]),
    "meshgrid": lambda x, n: np.meshgrid(x, full(x, n))[0],
    "pad": lambda x, n: np.pad(x, (0, n), "edge"),
    "cumsum": lambda x, n: np.cumsum(np.broadcast_to(x[:1], (n,)))[-5:],
    "mean": lambda x, n: np.mean(np.broadcast_to(x, (n, 3)), 0),
    "max": lambda x, n: np.max(np.broadcast_to(x[:1], (n,))),
    "std": lambda x, n: np.std(np.concatenate([np.broadcast_to(x[:1], (n,)), x])) * 100,
    "interp": lambda x, n: np.interp(np.full(n, 0.25), [0.0, 1.0, 2.0], x),
    "matmul": lambda x, n: full(x, n, 3) @ x,
    "einsum": lambda x, n: np.einsum("ij,j->i", full(x, n, 3), x),
    "einsum of one": lambda x, n: np.einsum("ij,jk->ik", full(x, n, 3), x[:, None]),
    "tensordot": lambda x, n: np.tensordot(full(x, n, 3), x, 1),
    "outer": lambda x, n: np.outer(x, full(x, n)),
    "kron": lambda x, n: np.kron(x, full(x, n)),
    "convolve": lambda x, n: np.convolve(full(x, n), x),
    "bias": lambda x, n: F.linear(full(x, n, 1), full(x, 3, 1), x),
    "weight": lambda x, n: F.linear(full(x, n, 3), x[None]),
    "bias of a convolution": lambda x, n: F.conv2d(
        full(x, 1, 1, n // 50, 50), full(x, 3, 1, 1, 1), x
    ),
    "weight of a convolution": lambda x, n: F.conv1d(full(x, 1, 1, n), x[:, None, None]),
    "weight of a norm": lambda x, n: F.layer_norm(rows(x, n), 3, x, None),
    "bias of a norm": lambda x, n: F.layer_norm(rows(x, n), 3, None, x),
    "weight of classes": lambda x, n: F.cross_entropy(
        np.zeros((n, 3), x.dtype), np.zeros(n, int), "sum", x
    ),
    "slope": lambda x, n: F.prelu(-full(x, n, 3), x),
    "mse": lambda x, n: F.mse_loss(np.broadcast_to(x, (n, 3)), np.zeros((n, 3), x.dtype)),
    "average pooling": lambda x, n: F.avg_pool2d(
        np.broadcast_to(x[:1, None, None], (1, n // 50, 50)), (n // 50, 50)
    ),
    "log_softmax": lambda x, n: F.log_softmax(np.broadcast_to(x, (n, 3)))[:, 0],
}


OF_BLAS = {"matmul", "tensordot", "convolve", "bias", "weight", "weight of a convolution"}
"""Products in single precision are BLAS's affair, here as in NumPy and PyTorch."""


def gradient(use, dtype, n, g):
    x = Tensor(np.array([1.0, 0.5, 0.25], dtype), requires_grad=True)
    y = use(x, n)
    y.backward(np.full(y.shape, g, y.dtype))
    return x.grad.astype(np.float64)


@pytest.mark.parametrize(("dtype", "n"), [(np.float16, 5000), (np.float32, 50_000)])
@pytest.mark.parametrize("name", USES)
def test_many_uses_of_a_number(name, dtype, n):
    g = float(dtype(1.1))  # so that the sum rounds
    ours, right = (gradient(USES[name], kind, n, g) for kind in (dtype, np.float64))
    close = 5e-4 if name in OF_BLAS and dtype == np.float32 else 16 * np.finfo(dtype).eps
    np.testing.assert_allclose(ours, right, rtol=close, atol=close * np.abs(right).max())
