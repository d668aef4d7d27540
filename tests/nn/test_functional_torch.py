"""`normalize`, `one_hot`, `pad` and attention beside PyTorch: values, gradients, refusals."""

import numpy as np
import pytest

from autograd_lite import Tensor
from nn import functional as F

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 3, 4, 5))
Q, K, V = (rng.normal(size=shape) for shape in ((2, 3, 4, 6), (2, 3, 5, 6), (2, 3, 5, 2)))
SEEN = rng.random((4, 5)) < 0.6
SEEN[1] = False  # a query that may look nowhere
ADDED = np.where(rng.random((3, 4, 5)) < 0.7, rng.normal(size=(3, 4, 5)), -np.inf)
MODES = ("reflect", "replicate", "circular")
CASES = [
    *(("normalize", (X,), {"dim": d, "p": p}) for d, p in ((1, 2.0), (-1, 1.0), (2, np.inf))),
    ("normalize", (np.array([[3.0, 4.0], [1e-14, 0.0]]),), {}),
    *(("pad", (X,), {"pad": p}) for p in ((1, 2), (0, 0, 2, 1), [1, -1], (-1, -2, 1, 0, 0, 1), ())),
    ("pad", (X,), {"pad": (1, 1), "value": 2.5}),
    *(("pad", (X,), {"pad": (1, 2, 2, 1), "mode": m}) for m in MODES),
    ("scaled_dot_product_attention", (Q, K, V), {}),
    ("scaled_dot_product_attention", (Q, K, V), {"scale": 0.3}),
    ("scaled_dot_product_attention", (Q, K, V), {"is_causal": True}),
    ("scaled_dot_product_attention", (Q, K, V), {"attn_mask": SEEN}),
    ("scaled_dot_product_attention", (Q, K, V), {"attn_mask": ADDED}),
    ("scaled_dot_product_attention", (Q[0, 0], K[0, 0], V[0, 0]), {"is_causal": True}),
    ("scaled_dot_product_attention", (Q[:1], K, V[:, :1]), {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arrays", "settings"), CASES)
def test_a_function_is_pytorchs(torch, name, arrays, settings):
    ours = [Tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    told = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
    a, b = getattr(F, name)(*ours, **settings), getattr(torch.nn.functional, name)(*theirs, **told)
    np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-10, atol=1e-12)
    plain = getattr(F, name)(*arrays, **settings)
    assert type(plain) is np.ndarray
    np.testing.assert_array_equal(plain, a.data)
    upstream = rng.normal(size=a.shape)
    a.backward(upstream)
    b.backward(torch.tensor(upstream))
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x.grad, y.grad.numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("settings", [{}, {"num_classes": 5}])
@pytest.mark.parametrize("places", [[2, 0, 1], [[1, 0], [3, 3]], 2, [[0]]])
def test_one_hot_is_pytorchs(torch, places, settings):
    theirs = torch.nn.functional.one_hot(torch.tensor(places), **settings)
    for ours in (F.one_hot(np.array(places), **settings), F.one_hot(Tensor(places), **settings)):
        np.testing.assert_array_equal(np.asarray(ours), theirs.numpy())
        assert ours.dtype == np.int64


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: F.one_hot([1.0]), "whole numbers"),
        (lambda: F.one_hot([3], 3), "0 to num_classes"),
        (lambda: F.one_hot([-1]), "0 to num_classes"),
        (lambda: F.pad(X, (1,)), "two widths"),
        (lambda: F.pad(X[0, 0], (1,) * 6), "two widths"),
        (lambda: F.pad(X, (1, 1), mode="mirror"), "'circular', and got 'mirror'"),
        (lambda: F.pad(X, (1, 1), mode="reflect", value=1.0), "value is for"),
        (lambda: F.pad(X, (-3, -3)), "cut more off"),
        (lambda: F.scaled_dot_product_attention(Q, K, V, SEEN, is_causal=True), "not both"),
    ],
)
def test_what_is_refused_is_said(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_attention_drops_weights_from_the_generator():
    drawn = [F.scaled_dot_product_attention(Q, K, V, dropout_p=0.5, rng=3) for _ in range(2)]
    np.testing.assert_array_equal(*drawn)
    assert not np.allclose(drawn[0], F.scaled_dot_product_attention(Q, K, V))
