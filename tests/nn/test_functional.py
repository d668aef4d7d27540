"""The functions: what they refuse, beside their modules and beside PyTorch's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from nn import functional as F

SIZES = [
    1, 2, 3, 0, -1, 1.5, True, "1", None, (1, 1), [1, 1], (2, 1), (1,), [2], (1, 2, 3), (), (0, 1),
    (1, -1), (1, 0.5), [[1, 1]], np.int64(2), (np.int32(1), np.int64(2)),
]  # fmt: skip
PADDINGS = [*SIZES, "same", "valid", "full"]
FLAGS = [True, False, 1, 0]
MODES = ["zeros", "reflect", "replicate", "circular", "mirror", None, 0]
GROUPS = [1, 2, 3, 0, -1, 1.0, (1,), None]
NUMBERS = [0.5, 0.0, -1.0, 1.0, 2, np.float64(0.3), np.array(0.3), "1", None, np.nan, (1.0,)]

IMAGES = np.random.default_rng(1).normal(size=(2, 4, 6, 7))
# Module, its arguments, function, its arguments that are no settings; the settings that are tried.
PAIRS = {
    "conv2d": (
        lambda **s: nn.Conv2d(4, 6, (2, 3), **s, rng=0),
        lambda x, layer, **s: F.conv2d(x, layer.weight, layer.bias, **s),
        IMAGES,
        {"stride": SIZES, "padding": PADDINGS, "dilation": SIZES, "groups": GROUPS},
    ),
    "conv1d": (
        lambda **s: nn.Conv1d(4, 6, 3, **s, rng=0),
        lambda x, layer, **s: F.conv1d(x, layer.weight, layer.bias, **s),
        IMAGES[0],
        {"stride": SIZES, "padding": PADDINGS, "dilation": SIZES, "groups": GROUPS},
    ),
    "max_pool2d": (
        lambda kernel_size=2, **s: nn.MaxPool2d(kernel_size, **s),
        lambda x, layer, kernel_size=2, **s: F.max_pool2d(x, kernel_size, **s),
        IMAGES,
        {"kernel_size": SIZES, "stride": SIZES, "padding": PADDINGS, "dilation": SIZES,
         "ceil_mode": FLAGS},
    ),
    "avg_pool2d": (
        lambda kernel_size=2, **s: nn.AvgPool2d(kernel_size, **s),
        lambda x, layer, kernel_size=2, **s: F.avg_pool2d(x, kernel_size, **s),
        IMAGES,
        {"kernel_size": SIZES, "stride": SIZES, "padding": PADDINGS, "ceil_mode": FLAGS,
         "count_include_pad": FLAGS, "divisor_override": [None, 1, 3, -2, 0, 1.5, "2"]},
    ),
    "layer_norm": (
        lambda normalized_shape=7, **s: nn.LayerNorm(normalized_shape, **s),
        lambda x, layer, normalized_shape=7, **s: F.layer_norm(x, normalized_shape, **s),
        IMAGES,
        {"normalized_shape": [7, (7,), [6, 7], (4, 6, 7), 6, (6,), (7, 6), 0, (), 7.0, None, True],
         "eps": NUMBERS},
    ),
    "dropout": (
        lambda **s: nn.Dropout(**s, rng=0),
        lambda x, layer, **s: F.dropout(x, **s, rng=0),
        IMAGES,
        {"p": NUMBERS},
    ),
    "leaky_relu": (
        lambda **s: nn.LeakyReLU(**s),
        lambda x, layer, **s: F.leaky_relu(x, **s),
        IMAGES,
        {"negative_slope": NUMBERS},
    ),
    "elu": (
        lambda **s: nn.ELU(**s), lambda x, layer, **s: F.elu(x, **s), IMAGES, {"alpha": NUMBERS},
    ),
    "gelu": (
        lambda **s: nn.GELU(**s),
        lambda x, layer, **s: F.gelu(x, **s),
        IMAGES,
        {"approximate": ["none", "tanh", "erf", None, 1, np.ones(2)]},
    ),
    "softplus": (
        lambda **s: nn.Softplus(**s),
        lambda x, layer, **s: F.softplus(x, **s),
        IMAGES,
        {"beta": NUMBERS, "threshold": NUMBERS},
    ),
    "softmax": (
        lambda **s: nn.Softmax(**s),
        lambda x, layer, **s: F.softmax(x, **s),
        IMAGES,
        {"dim": [0, -1, 3, 4, -5, 1.5, "1"]},
    ),
    "huber_loss": (
        lambda **s: lambda x: nn.HuberLoss(**s)(x, np.zeros_like(x)),
        lambda x, layer, **s: F.huber_loss(x, np.zeros_like(x), **s),
        IMAGES,
        {"delta": NUMBERS, "reduction": ["mean", "sum", "none", "max", None, 1, np.ones(2)]},
    ),
    "cross_entropy": (
        lambda **s: lambda x: nn.CrossEntropyLoss(**s)(x, LABELS),
        lambda x, layer, **s: F.cross_entropy(x, LABELS, **s),
        IMAGES,
        {"label_smoothing": NUMBERS, "ignore_index": [0, -1, 1.5, None, "0"],
         "weight": [None, np.ones(4), [1, 2, 3, 4], np.ones(3), np.ones((4, 1)), 1.0],
         "reduction": ["mean", "sum", "none", "max", None]},
    ),
}  # fmt: skip
SIGNAL = IMAGES[0]
OTHERS = {
    "max_pool1d": (
        lambda kernel_size=2, **s: nn.MaxPool1d(kernel_size, **s),
        lambda x, layer, kernel_size=2, **s: F.max_pool1d(x, kernel_size, **s),
        SIGNAL,
        {"kernel_size": SIZES, "stride": SIZES, "padding": PADDINGS, "dilation": SIZES},
    ),
    "avg_pool1d": (
        lambda kernel_size=2, **s: nn.AvgPool1d(kernel_size, **s),
        lambda x, layer, kernel_size=2, **s: F.avg_pool1d(x, kernel_size, **s),
        SIGNAL,
        {"kernel_size": SIZES, "stride": SIZES, "padding": PADDINGS},
    ),
    "adaptive_avg_pool2d": (
        lambda output_size=2: nn.AdaptiveAvgPool2d(output_size),
        lambda x, layer, output_size=2: F.adaptive_avg_pool2d(x, output_size),
        IMAGES,
        {"output_size": SIZES},
    ),
    "conv_transpose2d": (
        lambda **s: nn.ConvTranspose2d(4, 6, 3, **s, rng=0),
        lambda x, layer, **s: F.conv_transpose2d(x, layer.weight, layer.bias, **s),
        IMAGES,
        {"stride": SIZES, "padding": SIZES, "output_padding": SIZES, "dilation": SIZES},
    ),
    "group_norm": (
        lambda num_groups=2, **s: nn.GroupNorm(num_groups, 4, **s),
        lambda x, layer, num_groups=2, **s: F.group_norm(x, num_groups, **s),
        IMAGES,
        {"num_groups": [1, 2, 4, 0, -1, 1.5, None, (2,)], "eps": NUMBERS},
    ),
    "hardtanh": (
        lambda **s: nn.Hardtanh(**s),
        lambda x, layer, **s: F.hardtanh(x, **s),
        IMAGES,
        {"min_val": NUMBERS, "max_val": NUMBERS},
    ),
    "cosine_similarity": (
        lambda **s: lambda x: nn.CosineSimilarity(**s)(x, x + 1.0),
        lambda x, layer, **s: F.cosine_similarity(x, x + 1.0, **s),
        IMAGES,
        {"dim": [*SIZES, -5, 4], "eps": NUMBERS},
    ),
    "triplet_margin_loss": (
        lambda **s: lambda x: nn.TripletMarginLoss(**s)(x, x + 1.0, x * 2.0),
        lambda x, layer, **s: F.triplet_margin_loss(x, x + 1.0, x * 2.0, **s),
        IMAGES,
        {"margin": NUMBERS, "p": [1, 2.0, "2", None, np.nan], "eps": NUMBERS, "swap": FLAGS},
    ),
}  # fmt: skip
LABELS = np.random.default_rng(2).integers(0, 4, (2, 6, 7))


def tried(pairs):
    return [
        (name, setting, value)
        for name, (_, _, _, settings) in pairs.items()
        for setting, values in settings.items()
        for value in values
    ]


def outcome(f, *args, **settings):
    """Return what a call returns, or its error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return f(*args, **settings)
    except (ValueError, TypeError, RuntimeError, IndexError) as error:
        return error


def test_functions_refuse_what_their_modules_refuse_in_the_same_words():
    pairs = PAIRS | OTHERS
    for name, setting, value in tried(pairs):
        make, function, x, _ = pairs[name]
        layer = outcome(make, **{setting: value})
        ours = layer if isinstance(layer, Exception) else outcome(layer, x)
        weights = make() if isinstance(layer, Exception) else layer
        direct = outcome(function, x, weights, **{setting: value})
        where = f"{name}({setting}={value!r})"
        if isinstance(ours, Exception):
            assert type(direct) is type(ours), where
            # Which channels groups would have to divide is only the module's to say.
            assert str(direct) == str(ours) or (setting, value) == ("groups", 3), where
        else:
            assert np.array_equal(direct, ours, equal_nan=True), where


def ours_is_stricter(setting, value):
    """What PyTorch takes and we refuse: a tuple of none, NaN, a smoothing below 0, a column."""
    return (
        (setting == "stride" and value == ())
        or (isinstance(value, float) and np.isnan(value))
        or (setting, value) in [("label_smoothing", -1.0), ("beta", 0.0)]
        or (setting == "weight" and np.ndim(value) == 2)
    )


def ours_is_wider(setting, value):
    """What we take and PyTorch refuses: 0 and 1 as flags, one size alone, arrays and lists."""
    return (
        (setting in ("ceil_mode", "count_include_pad") and type(value) is int)
        or (setting == "normalized_shape" and value == 7)
        or isinstance(value, np.ndarray)
        or (setting == "weight" and isinstance(value, list))
    )


def test_and_what_pytorchs_functions_refuse(torch):
    for name, setting, value in tried(PAIRS):
        make, function, x, _ = PAIRS[name]
        if (setting, value) == ("groups", 2):  # a layer with other weights
            continue
        layer = make()
        ours = outcome(function, x, layer, **{setting: value})
        theirs = outcome(torchs, torch, name, torch.tensor(x), layer, {setting: value})
        where = f"{name}({setting}={value!r}): {ours}"
        if isinstance(theirs, Exception):
            assert isinstance(ours, Exception) or ours_is_wider(setting, value), where
        elif isinstance(ours, Exception):
            assert ours_is_stricter(setting, value), where
        elif name != "dropout":  # by chance
            reference = theirs.detach().numpy()
            np.testing.assert_allclose(arr(ours), reference, 1e-10, 1e-12, err_msg=where)


def arr(x):
    return x.numpy() if isinstance(x, Tensor) else x


def torchs(torch, name, x, layer, settings):
    given = {"max_pool2d": {"kernel_size": 2}, "layer_norm": {"normalized_shape": (7,)}}
    given["avg_pool2d"] = given["max_pool2d"]
    tensors = {
        "conv2d": lambda: [torch.tensor(p.data) for p in layer.parameters()],
        "huber_loss": lambda: [torch.zeros_like(x)],
        "cross_entropy": lambda: [torch.tensor(LABELS)],
    }
    tensors["conv1d"] = tensors["conv2d"]
    if isinstance(settings.get("weight"), np.ndarray):
        settings = {"weight": torch.tensor(settings["weight"])}
    function = getattr(torch.nn.functional, name)
    return function(x, *tensors.get(name, list)(), **{**given.get(name, {}), **settings})


WEIGHT, KERNELS = np.ones((5, 7)), np.ones((6, 4, 2, 3))
BAD = {
    "linear: features": lambda F: F.linear(IMAGES[..., :6], WEIGHT),
    "linear: a number": lambda F: F.linear(np.array(1.0), WEIGHT),
    "linear: weight": lambda F: F.linear(IMAGES, np.ones((5, 7, 1))),
    "linear: bias": lambda F: F.linear(IMAGES, WEIGHT, np.ones(7)),
    "conv2d: axes": lambda F: F.conv2d(SIGNAL[0], KERNELS),
    "conv2d: too many axes": lambda F: F.conv2d(IMAGES[None], KERNELS),
    "conv2d: channels": lambda F: F.conv2d(IMAGES[:, :3], KERNELS),
    "conv2d: weight": lambda F: F.conv2d(IMAGES, KERNELS[0]),
    "conv2d: no kernel": lambda F: F.conv2d(IMAGES, KERNELS[..., :0]),
    "conv2d: bias": lambda F: F.conv2d(IMAGES, KERNELS, np.ones(4)),
    "conv2d: bias of one": lambda F: F.conv2d(IMAGES, KERNELS, np.ones((6, 1, 1))),
    "conv2d: small image": lambda F: F.conv2d(IMAGES[..., :1, :], KERNELS),
    "conv1d: small signal": lambda F: F.conv1d(SIGNAL[..., :2], KERNELS[..., 0, :]),
    "conv1d: weight": lambda F: F.conv1d(SIGNAL, KERNELS),
    "conv1d: channels": lambda F: F.conv1d(SIGNAL[:, :3], KERNELS[..., 0, :]),
    "max_pool2d: small image": lambda F: F.max_pool2d(IMAGES, 7),
    "max_pool2d: axes": lambda F: F.max_pool2d(IMAGES[0, 0], 2),
    "avg_pool2d: small image": lambda F: F.avg_pool2d(IMAGES, (1, 8)),
    "layer_norm: weight": lambda F: F.layer_norm(IMAGES, (7,), np.ones(6)),
    "layer_norm: weight of one": lambda F: F.layer_norm(IMAGES, (7,), np.ones(1)),
    "layer_norm: bias": lambda F: F.layer_norm(IMAGES, (6, 7), None, np.ones(7)),
    "mse_loss: shapes": lambda F: F.mse_loss(np.ones(3), np.ones((3, 1))),
    "cross_entropy: index": lambda F: F.cross_entropy(np.ones((2, 3)), np.array([0, 3])),
    "cross_entropy: shape": lambda F: F.cross_entropy(np.ones((2, 3)), np.array([0, 1, 2])),
    "nll_loss: weight": lambda F: F.nll_loss(np.ones((2, 3)), np.array([0, 1]), weight=np.ones(2)),
    "binary_cross_entropy: range": lambda F: F.binary_cross_entropy(np.array([2.0]), np.ones(1)),
    "binary_cross_entropy: weight": lambda F: F.binary_cross_entropy(
        np.full((3, 1), 0.5), np.ones((3, 1)), weight=np.ones((2, 1))
    ),
    "binary_cross_entropy_with_logits: weight": lambda F: F.binary_cross_entropy_with_logits(
        np.ones((3, 1)), np.ones((3, 1)), pos_weight=np.ones(2)
    ),
}


class Torch:
    """PyTorch's functions, called with arrays."""

    def __init__(self, torch):
        self.torch = torch

    def __getattr__(self, name):
        function = getattr(self.torch.nn.functional, name)

        def convert(x):
            return self.torch.tensor(x) if isinstance(x, np.ndarray) else x

        return lambda *args, **kwargs: function(
            *map(convert, args), **{key: convert(value) for key, value in kwargs.items()}
        )


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_refused_in_one_sentence(torch, name):
    error = outcome(BAD[name], F)
    assert isinstance(error, ValueError), error
    assert str(error).endswith(".")
    assert "\n" not in str(error)
    with warnings.catch_warnings():  # PyTorch warns where shapes broadcast, and goes on
        warnings.simplefilter("ignore")
        if name not in ("mse_loss: shapes", "binary_cross_entropy_with_logits: weight"):
            with pytest.raises((RuntimeError, ValueError, IndexError)):
                BAD[name](Torch(torch))
