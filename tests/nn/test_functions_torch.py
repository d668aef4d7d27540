"""Functions beside PyTorch's that no layer of test_layers_torch.py covers."""

from __future__ import annotations

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from nn import functional as F
from tests.nn.test_layers_torch import agree

RNG = np.random.default_rng(3)
X, Y, Z = (RNG.normal(size=(4, 5)) for _ in range(3))
IMAGES = RNG.normal(size=(2, 3, 5, 4))
SHARES = RNG.dirichlet(np.ones(5), 4)


def named(x):
    return x if isinstance(x, str) else ""


# name, arrays, settings
CALLS = [
    ("cosine_similarity", [X, Y], {}),
    ("cosine_similarity", [IMAGES, IMAGES[::-1]], {"dim": 2}),
    ("logsumexp", [IMAGES], {"dim": (1, 3), "keepdim": True}),
    ("smooth_l1_loss", [X, Y], {"beta": 0.7}),
    ("smooth_l1_loss", [X, Y], {"beta": 0.0, "reduction": "sum"}),
    ("kl_div", [X, SHARES], {}),
    ("kl_div", [X, SHARES], {"reduction": "batchmean"}),
    ("kl_div", [X, Y], {"log_target": True, "reduction": "none"}),
    ("triplet_margin_loss", [X, Y, Z], {}),
    ("triplet_margin_loss", [X, Y, Z], {"p": 1.0, "swap": True, "margin": 0.3, "reduction": "sum"}),
    ("adaptive_avg_pool2d", [IMAGES], {"output_size": 7}),
    ("interpolate", [IMAGES], {"scale_factor": (0.5, 3), "mode": "bilinear"}),
    ("prelu", [IMAGES, np.array([0.1, -0.5, 2.0])], {}),
]


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
@pytest.mark.parametrize(("name", "arrays", "settings"), CALLS, ids=named)
def test_values_and_gradients_are_pytorchs(torch, name, arrays, settings):
    mine = [Tensor(x, requires_grad=True) for x in arrays]
    theirs = [torch.tensor(x.copy(), requires_grad=True) for x in arrays]
    out = getattr(F, name)(*mine, **settings)
    expected = getattr(torch if name == "logsumexp" else torch.nn.functional, name)
    expected = expected(*theirs, **settings)
    agree(out.numpy(), expected, name)
    upstream = np.random.default_rng(0).normal(size=out.shape)
    out.backward(upstream)
    expected.backward(torch.tensor(upstream))
    for a, b in zip(mine, theirs, strict=True):
        agree(a.grad, b.grad, "gradient")
    # Of arrays and of lists, the same numbers.
    for given in (arrays, [x.tolist() for x in arrays]):
        np.testing.assert_allclose(getattr(F, name)(*given, **settings), out.numpy(), rtol=1e-14)


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
def test_a_share_of_0_has_no_part_in_the_divergence(torch):
    shares = np.array([[0.0, 0.25, 0.75]])
    a, b = Tensor(X[:1, :3], requires_grad=True), torch.tensor(X[:1, :3], requires_grad=True)
    out, expected = F.kl_div(a, shares), torch.nn.functional.kl_div(b, torch.tensor(shares))
    agree(out.numpy(), expected, "value")
    out.backward()
    expected.backward()
    agree(a.grad, b.grad, "gradient")


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", ["arrays", "Tensors"])
def test_batch_norm_moves_what_it_is_given(torch, training, kind):
    weight, bias, mean, var = (RNG.uniform(0.5, 2.0, 3) for _ in range(4))
    a, b = Tensor(IMAGES, requires_grad=True), torch.tensor(IMAGES, requires_grad=True)
    running = [Tensor(x) if kind == "Tensors" else x.copy() for x in (mean, var)]
    theirs = [torch.tensor(x) for x in (mean, var, weight, bias)]
    out = F.batch_norm(a, *running, weight, bias, training=training, momentum=0.3)
    expected = torch.nn.functional.batch_norm(b, *theirs, training=training, momentum=0.3)
    agree(out.numpy(), expected, "value")
    out.backward(IMAGES)
    expected.backward(torch.tensor(IMAGES))
    agree(a.grad, b.grad, "gradient")
    for ours, reference in zip(running, theirs, strict=False):
        agree(ours.numpy() if kind == "Tensors" else ours, reference, "running")


REFUSED = [
    (lambda: F.interpolate(IMAGES), "a size or a scale_factor"),
    (lambda: F.interpolate(IMAGES, size=(2, 2), mode="linear"), r"\(N, C, L\)"),
    (lambda: F.interpolate(IMAGES, scale_factor=-1), "above 0"),
    (lambda: F.group_norm(IMAGES, 2), "2 groups divide"),
    (lambda: F.rms_norm(X, 4), "last axes are"),
    (lambda: F.hardtanh(X, 2.0, 1.0), "at most max_val"),
    (lambda: F.prelu(X, np.ones(3)), "one for each of 5 channels"),
    (lambda: F.conv_transpose2d(IMAGES, np.ones((2, 3, 2, 2))), "takes 2 channels"),
    (lambda: F.conv_transpose2d(IMAGES, np.ones((3, 3, 2, 2)), output_padding=1), "less than the"),
    (lambda: F.kl_div(X, SHARES[:2]), "one shape"),
    (lambda: nn.Unflatten(1, (3, 4))(X), "does not fit"),
    (lambda: nn.Bilinear(4, 5, 2)(X, Y), r"\(…, 4\) and \(…, 5\)"),
    (lambda: nn.ModuleDict({"a.b": nn.ReLU()}), "without dots"),
    (lambda: nn.ModuleDict({"a": np.sin}), "is a Module"),
    (lambda: nn.ReLU().register_buffer("", 1.0), "without dots"),
    (lambda: nn.ReLU().register_parameter("w", Tensor(1.0)), "nn.Parameter"),
]


@pytest.mark.parametrize(("call", "says"), REFUSED, ids=named)
def test_what_does_not_fit_is_refused(call, says):
    with pytest.raises((ValueError, TypeError), match=says):
        call()


def test_modules_and_parameters_by_name(torch):
    def made(library, parameter):
        model = library.Module()
        model.heads = library.ModuleDict({"b": library.Linear(2, 1), "a": library.ReLU()})
        model.scales = library.ParameterList([parameter([1.0, 2.0]), parameter([3.0])])
        return model

    ours = made(nn, nn.Parameter)
    theirs = made(torch.nn, lambda x: torch.nn.Parameter(torch.tensor(x)))
    ours.register_buffer("mean", np.zeros(2))
    theirs.register_buffer("mean", torch.zeros(2))
    ours.register_buffer("mask", np.tri(3), persistent=False)
    theirs.register_buffer("mask", torch.tril(torch.ones(3, 3)), persistent=False)
    ours.add_module("last", nn.Linear(1, 1))
    theirs.add_module("last", torch.nn.Linear(1, 1))
    assert sorted(ours.state_dict()) == sorted(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert {n for n, _ in ours.named_buffers()} == {n for n, _ in theirs.named_buffers()}
    assert list(ours.heads) == list(ours.heads.keys()) == ["b", "a"]
    assert "a" in ours.heads
    assert len(ours.heads) == 2
    del ours.heads["a"]
    with pytest.raises(KeyError, match="there are b"):
        ours.heads["a"]
    ours.scales.append([4.0])
    ours.scales[0] = [5.0]
    assert [p.tolist() for p in ours.scales] == [[5.0], [3.0], [4.0]]
    ours.register_buffer("mask", np.ones(3))
    assert "mask" in ours.state_dict()
