"""Embedding, recurrent layers and attention beside PyTorch's: values, states, all gradients."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from tests.nn.test_layers_torch import agree, twins


def both(torch, x):
    """Return an array as a leaf of ours and as one of PyTorch's."""
    return Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)


def same_gradients(torch, ours, theirs, leaves, results):
    """Send random gradients back through pairs of results, and compare what arrives."""
    rng = np.random.default_rng(0)
    a = b = 0.0
    for mine, reference in results:
        weight = rng.normal(size=mine.shape)
        agree(mine.numpy(), reference, "value")
        a, b = a + (mine * weight).sum(), b + (reference * torch.tensor(weight)).sum()
    a.backward()
    b.backward()
    for mine, reference in leaves:
        agree(mine.grad, reference.grad, "gradient of an input")
    if ours is not None:
        reference = dict(theirs.named_parameters())
        for path, p in ours.named_parameters():
            agree(p.grad, reference[path].grad, path)


@pytest.mark.parametrize("padding", [None, 2, -1])
def test_embedding(torch, rng, padding):
    ours, theirs = twins(torch, rng, "Embedding", (6, 3), {"padding_idx": padding})
    index = rng.integers(0, 6, (4, 5))
    out = ours(index)
    same_gradients(torch, ours, theirs, [], [(out, theirs(torch.tensor(index)))])
    assert padding is None or not nn.Embedding(6, 3, padding).weight.data[padding].any()


def test_embedding_refuses_what_is_no_index():
    layer = nn.Embedding(6, 3)
    with pytest.raises(IndexError, match=r"from 0 to 5, and got 6"):
        layer([1, 6])
    with pytest.raises(IndexError, match=r"got -1"):
        layer(-1)
    with pytest.raises(TypeError, match=r"integers, and got float64"):
        layer([0.5])


CELLS = [("RNNCell", {}), ("RNNCell", {"nonlinearity": "relu"}), ("LSTMCell", {}), ("GRUCell", {})]


@pytest.mark.parametrize(("name", "settings"), CELLS)
@pytest.mark.parametrize("shape", [(2,), ()])
@pytest.mark.parametrize("bias", [True, False])
def test_cells(torch, rng, name, settings, shape, bias):
    ours, theirs = twins(torch, rng, name, (3, 4), settings | {"bias": bias})
    leaves = [both(torch, rng.normal(size=(*shape, n))) for n in (3, 4, 4)]
    x, h, c = leaves
    pair = name == "LSTMCell"
    mine = ours(x[0], (h[0], c[0]) if pair else h[0])
    reference = theirs(x[1], (h[1], c[1]) if pair else h[1])
    results = list(zip(mine, reference, strict=True)) if pair else [(mine, reference)]
    same_gradients(torch, ours, theirs, leaves if pair else leaves[:2], results)
    begun, expected = ours(x[0].data), theirs(x[1].detach())
    agree((begun[0] if pair else begun).numpy(), expected[0] if pair else expected, "from zeros")


LAYERS = [
    {}, {"bias": False, "batch_first": True}, {"num_layers": 3, "bidirectional": True},
    {"num_layers": 2, "batch_first": True, "dropout": 0.0},
]  # fmt: skip


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("settings", LAYERS, ids=str)
@pytest.mark.parametrize("form", ["batch", "with a state", "single", "several lengths"])
def test_layers(torch, rng, name, settings, form):
    ours, theirs = twins(torch, rng, name, (3, 4), settings)
    cells = settings.get("num_layers", 1) * (1 + settings.get("bidirectional", False))
    first = settings.get("batch_first", False)
    shape = (5, 3) if form == "single" else (2, 5, 3) if first else (5, 2, 3)
    x = both(torch, rng.normal(size=shape))
    states = [
        both(torch, rng.normal(size=(cells, 2, 4))) for _ in range(2 if name == "LSTM" else 1)
    ]
    leaves, given, expected = [x], None, None
    if form in ("with a state", "several lengths"):
        leaves += states
        given, expected = ([s[i] for s in states] for i in (0, 1))
        given, expected = (tuple(s) if len(s) > 1 else s[0] for s in (given, expected))
    if form == "several lengths":
        lengths = np.array([5, 3])
        mask = np.arange(5) < lengths[:, None]
        pack = torch.nn.utils.rnn
        packed = pack.pack_padded_sequence(x[1], torch.tensor(lengths), batch_first=first)
        packed, ends = theirs(packed, expected)
        reference = (pack.pad_packed_sequence(packed, batch_first=first)[0], ends)
        mine = ours(x[0], given, mask=mask if first else mask.T)
    else:
        mine, reference = ours(x[0], given), theirs(x[1], expected)
    ends = [mine[1], reference[1]]
    ends = list(zip(*ends, strict=True)) if name == "LSTM" else [tuple(ends)]
    same_gradients(torch, ours, theirs, leaves, [(mine[0], reference[0]), *ends])
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_what_recurrent_layers_refuse():
    with pytest.raises(ValueError, match=r"3 numbers at each step, and got shape \(5, 2, 4\)"):
        nn.LSTM(3, 4)(np.zeros((5, 2, 4)))
    with pytest.raises(ValueError, match=r"a pair \(h, c\), each of shape \(1, 2, 4\)"):
        nn.LSTM(3, 4)(np.zeros((5, 2, 3)), np.zeros((1, 2, 4)))
    with pytest.raises(ValueError, match=r"mask is of shape \(5, 2\)"):
        nn.GRU(3, 4)(np.zeros((5, 2, 3)), mask=np.ones((2, 5)))
    with pytest.raises(ValueError, match=r"'tanh' or 'relu'"):
        nn.RNN(3, 4, nonlinearity="sin")


def test_dropout_between_layers_is_drawn_anew_and_none_in_evaluation(rng):
    layer, x = nn.GRU(3, 4, 2, dropout=0.5, rng=0), rng.normal(size=(5, 2, 3))
    first, second = layer(x)[0].numpy(), layer(x)[0].numpy()
    assert not np.array_equal(first, second)
    layer.eval()
    assert np.array_equal(layer(x)[0].numpy(), layer(x)[0].numpy())


# -- attention ------------------------------------------------------------------------------------

MULTIHEAD = [
    {}, {"bias": False, "batch_first": True}, {"kdim": 5, "vdim": 3}, {"kdim": 5, "bias": False},
]  # fmt: skip


@pytest.mark.parametrize("settings", MULTIHEAD, ids=str)
@pytest.mark.parametrize("form", ["batch", "single", "masks", "floats", "each head"])
def test_multihead_attention(torch, rng, settings, form):
    ours, theirs = twins(torch, rng, "MultiheadAttention", (6, 2), settings)
    widths = 6, settings.get("kdim", 6), settings.get("vdim", 6)
    shapes = [(n, 2, width) for n, width in zip((4, 5, 5), widths, strict=True)]
    if settings.get("batch_first"):
        shapes = [(n, length, width) for length, n, width in shapes]
    if form == "single":
        shapes = [(n, width) for n, width in zip((4, 5, 5), widths, strict=True)]
    leaves = [both(torch, rng.normal(size=shape)) for shape in shapes]
    masks = {}
    if form == "masks":
        masks = {"key_padding_mask": np.array([[0, 0, 0, 1, 1], [0, 0, 0, 0, 1]], bool),
                 "attn_mask": np.triu(np.ones((4, 5), bool), 2)}  # fmt: skip
    if form == "floats":
        masks = {"attn_mask": rng.normal(size=(4, 4, 5))}
    if form == "each head":
        masks = {"average_attn_weights": False}
    reference = {n: torch.tensor(x) if isinstance(x, np.ndarray) else x for n, x in masks.items()}
    mine = ours(*(a for a, _ in leaves), **masks)
    expected = theirs(*(b for _, b in leaves), **reference)
    same_gradients(torch, ours, theirs, leaves, list(zip(mine, expected, strict=True)))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours(*(a.data for a, _ in leaves), need_weights=False)[1] is None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("norm_first", "activation", "bias"),
    list(itertools.product([True, False], ["relu", "gelu"], [True, False])),
)
def test_an_encoder_layer(torch, rng, norm_first, activation, bias):
    settings = {"dropout": 0.0, "norm_first": norm_first, "activation": activation, "bias": bias}
    ours, theirs = twins(torch, rng, "TransformerEncoderLayer", (6, 2, 8), settings)
    x = both(torch, rng.normal(size=(4, 3, 6)))
    mask = np.triu(np.ones((4, 4), bool), 1)
    mine, reference = ours(x[0], mask), theirs(x[1], torch.tensor(mask))
    same_gradients(torch, ours, theirs, [x], [(mine, reference)])
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_how_they_start(torch):
    # The spread of each start is PyTorch's: bounds and standard deviations, not single numbers.
    made = [("LSTM", (20, 30), {}), ("GRUCell", (20, 30), {}), ("MultiheadAttention", (24, 3), {}),
            ("Embedding", (60, 20), {}), ("Bilinear", (9, 8, 7), {}),
            ("ConvTranspose2d", (6, 8, 3), {})]  # fmt: skip
    for name, args, kwargs in made:
        torch.manual_seed(0)
        ours = getattr(nn, name)(*args, **kwargs, rng=0).state_dict()
        theirs = getattr(torch.nn, name)(*args, **kwargs).state_dict()
        for path, value in ours.items():
            expected = theirs[path].numpy()
            if value.size > 50:  # of fewer numbers these differ by chance
                assert np.abs(value).max() == pytest.approx(np.abs(expected).max(), rel=0.3), path
                assert value.std() == pytest.approx(expected.std(), rel=0.2), path


def test_two_heads_start_apart_and_masks_that_do_not_fit_are_refused():
    weight = nn.MultiheadAttention(4, 2).in_proj_weight.data
    assert not np.array_equal(weight[:2], weight[2:4])
    layer, x = nn.MultiheadAttention(4, 2), np.zeros((5, 3, 4))
    with pytest.raises(ValueError, match=r"attn_mask is of shape \(5, 5\) or \(6, 5, 5\)"):
        layer(x, x, x, attn_mask=np.zeros((3, 5)))
    with pytest.raises(ValueError, match=r"key_padding_mask is of shape \(3, 5\)"):
        layer(x, x, x, key_padding_mask=np.zeros((5, 3)))
    with pytest.raises(ValueError, match=r"num_heads divides embed_dim"):
        nn.MultiheadAttention(5, 2)
