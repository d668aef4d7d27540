"""Every layer beside PyTorch's: values, all gradients, buffers; and second derivatives."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from autograd_lite.testing import check_gradients

IMAGES = (2, 4, 7, 6)

# layer, positional arguments, keyword arguments, shape of the input
LAYERS = [
    ("Conv2d", (4, 6, 3), {}, IMAGES),
    ("Conv2d", (4, 6, 3), {"bias": False}, (4, 7, 6)),
    ("Conv2d", (4, 3, 5), {"padding": "same"}, IMAGES),
    ("Conv2d", (4, 3, (4, 2)), {"padding": "same", "dilation": (1, 2)}, IMAGES),
    ("Conv2d", (4, 3, 2), {"padding": "valid"}, IMAGES),
    ("Conv2d", (4, 3, (3, 2)), {"stride": (2, 3), "padding": (2, 1)}, IMAGES),
    ("Conv2d", (4, 3, 3), {"stride": 2, "padding": 1, "dilation": 2}, IMAGES),
    ("Conv2d", (4, 6, 3), {"groups": 2, "padding": 1}, IMAGES),
    ("Conv2d", (4, 8, 3), {"groups": 4, "bias": False, "stride": 2}, IMAGES),
    ("Conv2d", (4, 3, 3), {"padding": 2, "padding_mode": "reflect"}, IMAGES),
    ("Conv2d", (4, 3, 3), {"padding": (1, 2), "padding_mode": "replicate"}, IMAGES),
    ("Conv2d", (4, 3, 4), {"padding": "same", "padding_mode": "circular"}, IMAGES),
    ("Conv2d", (4, 5, 1), {}, IMAGES),
    ("Conv2d", (4, 5, (7, 6)), {}, IMAGES),
    ("Conv1d", (4, 6, 3), {}, (2, 4, 9)),
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 2, "dilation": 2}, (2, 4, 9)),
    ("Conv1d", (4, 6, 4), {"padding": "same", "groups": 2, "bias": False}, (4, 9)),
    ("Conv1d", (4, 6, 3), {"padding": 2, "padding_mode": "reflect"}, (2, 4, 9)),
    ("MaxPool2d", (2,), {}, IMAGES),
    ("MaxPool2d", (3,), {"stride": 2, "padding": 1}, IMAGES),
    ("MaxPool2d", ((2, 3),), {"stride": (1, 2), "padding": (1, 0), "dilation": (2, 1)}, IMAGES),
    ("MaxPool2d", (2,), {"ceil_mode": True}, (4, 7, 7)),
    ("MaxPool2d", (3,), {"stride": 3, "padding": 1, "ceil_mode": True}, (1, 2, 6, 8)),
    ("MaxPool2d", (2, 5), {"ceil_mode": True}, (1, 2, 6, 8)),
    ("AvgPool2d", (2,), {}, IMAGES),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1}, IMAGES),
    ("AvgPool2d", (3,), {"stride": 1, "padding": 1, "count_include_pad": False}, IMAGES),
    ("AvgPool2d", (3,), {"stride": 3, "padding": 1, "ceil_mode": True}, (1, 2, 6, 8)),
    (
        "AvgPool2d",
        (3, 2, 1),
        {"ceil_mode": True, "count_include_pad": False},
        (2, 6, 9),
    ),
    ("AvgPool2d", (2,), {"divisor_override": 3}, IMAGES),
    ("Flatten", (), {}, IMAGES),
    ("Flatten", (0, 2), {}, IMAGES),
    ("BatchNorm1d", (4,), {}, (5, 4)),
    ("BatchNorm1d", (4,), {"eps": 1e-3, "momentum": 0.4}, (5, 4, 3)),
    ("BatchNorm2d", (4,), {}, IMAGES),
    ("BatchNorm2d", (4,), {"momentum": None}, IMAGES),
    ("BatchNorm2d", (4,), {"affine": False}, IMAGES),
    ("BatchNorm2d", (4,), {"track_running_stats": False}, IMAGES),
    ("LayerNorm", (6,), {}, IMAGES),
    ("LayerNorm", ((7, 6),), {"eps": 1e-2}, IMAGES),
    ("LayerNorm", ([4, 7, 6],), {"elementwise_affine": False}, IMAGES),
    ("LayerNorm", (6,), {"bias": False}, (3, 6)),
    ("Dropout", (0.0,), {}, IMAGES),
    ("ELU", (), {}, (5, 8)),
    ("ELU", (0.3,), {}, (5, 8)),
    ("GELU", (), {}, (5, 8)),
    ("GELU", ("tanh",), {}, (5, 8)),
    ("SiLU", (), {}, (5, 8)),
    ("Softplus", (), {}, (5, 8)),
    ("Softplus", (3.0, 4.0), {}, (5, 8)),
    ("LogSoftmax", (1,), {}, (5, 8)),
    ("PReLU", (), {}, (5, 8)),
    ("PReLU", (4,), {}, IMAGES),
    ("Hardtanh", (-0.5, 2.0), {}, (5, 8)),
    ("LogSigmoid", (), {}, (5, 8)),
    ("MaxPool1d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, (2, 4, 9)),
    ("AvgPool1d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}, (4, 8)),
    ("AdaptiveAvgPool2d", ((3, 4),), {}, IMAGES),
    ("AdaptiveAvgPool2d", ((None, 9),), {}, (4, 7, 6)),
    ("ConvTranspose2d", (4, 3, 3), {}, IMAGES),
    (
        "ConvTranspose2d",
        (4, 6, (3, 2)),
        {"stride": (2, 3), "padding": (1, 0), "groups": 2, "output_padding": (1, 2)},
        IMAGES,
    ),
    ("ConvTranspose2d", (4, 2, 3), {"stride": 2, "dilation": 2, "bias": False}, (4, 7, 6)),
    ("Upsample", (), {"scale_factor": 2}, IMAGES),
    ("Upsample", (), {"size": (5, 11)}, IMAGES),
    ("Upsample", (), {"scale_factor": 1.7, "mode": "bilinear"}, IMAGES),
    ("Upsample", ((4, 13),), {"mode": "bilinear", "align_corners": True}, IMAGES),
    ("Upsample", (5,), {"mode": "linear"}, (2, 4, 9)),
    ("Unflatten", (1, (2, -1)), {}, IMAGES),
    ("GroupNorm", (2, 4), {}, IMAGES),
    ("GroupNorm", (4, 4), {"affine": False, "eps": 0.1}, (3, 4, 5)),
    ("InstanceNorm1d", (4,), {}, (2, 4, 9)),
    ("InstanceNorm2d", (4,), {"affine": True, "track_running_stats": True}, IMAGES),
    ("InstanceNorm2d", (4,), {}, (4, 7, 6)),
    ("RMSNorm", (6,), {}, IMAGES),
    ("RMSNorm", ((7, 6), 0.3), {"elementwise_affine": False}, IMAGES),
]


def ident(case):
    name, args, kwargs, shape = case
    return f"{name}{args}{kwargs}{shape}".replace(" ", "")


def twins(torch, rng, name, args, kwargs):
    """Return our layer and PyTorch's, with the same random parameters."""
    ours = getattr(nn, name)(*args, **kwargs)
    for p in ours.parameters():
        p.data = rng.normal(size=p.shape)
    theirs = getattr(torch.nn, name)(*args, **kwargs).double()
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    return ours, theirs


def agree(ours, theirs, what):
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=0, atol=1e-10, err_msg=what)


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize("case", LAYERS, ids=ident)
def test_layers_are_pytorchs(torch, rng, case):
    name, args, kwargs, shape = case
    ours, theirs = twins(torch, rng, name, args, kwargs)
    x = 4.0 * rng.normal(size=shape)
    for training in (True, True, False):  # twice, for the running means
        ours.train(training)
        theirs.train(training)
        a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        out, expected = ours(a), theirs(b)
        agree(out.numpy(), expected, "value")
        upstream = rng.normal(size=out.shape)
        ours.zero_grad()
        theirs.zero_grad()
        out.backward(upstream)
        expected.backward(torch.tensor(upstream))
        agree(a.grad, b.grad, "gradient of the input")
        reference = dict(theirs.named_parameters())
        for path, p in ours.named_parameters():
            agree(p.grad, reference[path].grad, path)
        buffers = dict(theirs.named_buffers())
        for path, buffer in ours.named_buffers():
            agree(buffer.data, buffers[path], path)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        # An array gives the same numbers.
        ours.eval()
        theirs.eval()
        plain = ours(x)
        agree(plain.numpy() if isinstance(plain, Tensor) else plain, theirs(b), "of an array")


@pytest.mark.parametrize("case", LAYERS, ids=ident)
def test_second_derivatives(rng, case):
    name, args, kwargs, shape = case
    layer = getattr(nn, name)(*args, **kwargs)
    if isinstance(layer, nn.Dropout):
        return
    x = 2.0 * rng.permutation(np.linspace(-1.0, 1.0, int(np.prod(shape)))).reshape(shape)
    arrays = [rng.normal(size=p.shape) for p in layer.parameters()]
    paths = [path for path, _ in layer.named_parameters()]

    def f(x, *values):
        for path, value in zip(paths, values, strict=True):
            vars(layer)[path] = value
        return layer(x)

    check_gradients(f, x, *arrays)


@pytest.mark.parametrize("case", LAYERS, ids=ident)
def test_float32_stays_float32(rng, case):
    name, args, kwargs, shape = case
    has_dtype = "dtype" in inspect.signature(getattr(nn, name)).parameters
    layer = getattr(nn, name)(*args, **kwargs, **({"dtype": np.float32} if has_dtype else {}))
    x = Tensor(rng.normal(size=shape), requires_grad=True, dtype=np.float32)
    for training in (True, False):
        out = layer.train(training)(x)
        assert out.dtype == np.float32
        out.sum().backward()
        assert x.grad.dtype == np.float32
        assert all(b.dtype.kind == "i" or b.dtype == np.float32 for b in layer.buffers())


def test_a_pool_sends_the_gradient_to_the_first_of_equals(torch):
    x = np.zeros((1, 1, 4, 4))
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    nn.MaxPool2d(3, 1)(a).sum().backward()
    torch.nn.MaxPool2d(3, 1)(b).sum().backward()
    agree(a.grad, b.grad, "ties")
    assert a.grad[0, 0, 0, 0] == 1.0


@pytest.mark.parametrize("stride", [1, 2])
def test_an_infinite_gradient_stays_where_a_pool_sends_it(torch, stride):
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out = nn.MaxPool2d(2, stride)(a)
    upstream = np.full(out.shape, np.inf)
    out.backward(upstream)
    torch.nn.MaxPool2d(2, stride)(b).backward(torch.tensor(upstream))
    agree(a.grad, b.grad, "inf")


# -- dropout ---------------------------------------------------------------------------------


def test_dropout_keeps_the_mean_and_draws_from_its_generator(rng):
    x = np.ones((100, 100))
    first, second = nn.Dropout(0.3, rng=5), nn.Dropout(0.3, rng=5)
    out = first(x)
    assert set(np.unique(out)) == {0.0, 1.0 / 0.7}
    assert abs((out == 0).mean() - 0.3) < 0.02
    assert np.array_equal(out, second(x))
    assert not np.array_equal(out, first(x))
    t = Tensor(x, requires_grad=True)
    dropped = first(t)
    dropped.sum().backward()
    assert np.array_equal(t.grad, dropped.numpy())
    assert first.eval()(t) is t
    assert not nn.Dropout(1.0)(x).any()


# -- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Conv2d(3, 4, 3)(np.zeros((2, 1, 8, 8))), r"3 channels.*\(2, 1, 8, 8\)"),
        (lambda: nn.Conv2d(1, 4, 9)(np.zeros((2, 1, 8, 8))), "8 × 8 is too small.*9 × 9"),
        (lambda: nn.Conv2d(1, 4, 3)(np.zeros((8, 8))), "C, H, W"),
        (lambda: nn.Conv1d(1, 4, 3)(np.zeros(8)), "C, L"),
        (lambda: nn.Conv2d(1, 4, 3, stride=2, padding="same"), "stride 1"),
        (lambda: nn.Conv2d(1, 4, 3, padding="some"), "'same' or 'valid'"),
        (lambda: nn.Conv2d(1, 4, 0), "kernel_size is a positive"),
        (lambda: nn.Conv2d(1, 4, (3, 3, 3)), "2 of them"),
        (lambda: nn.Conv2d(1, 4, 3, padding=-1), "from 0 on"),
        (lambda: nn.Conv2d(0, 4, 3), "in_channels"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), "zeros, reflect"),
        (
            lambda: nn.Conv2d(1, 1, 3, padding=3, padding_mode="reflect")(np.zeros((1, 1, 3, 3))),
            "too wide",
        ),
        (lambda: nn.MaxPool2d(4)(np.zeros((1, 1, 3, 3))), "too small"),
        (lambda: nn.MaxPool2d(2, padding=2), "half"),
        (lambda: nn.AvgPool2d(2)(np.zeros((3, 3))), "C, H, W"),
        (lambda: nn.BatchNorm2d(3)(np.zeros((2, 4, 5, 5))), r"3 channels.*\(2, 4, 5, 5\)"),
        (lambda: nn.BatchNorm1d(3)(np.zeros((1, 3))), "more than one number"),
        (lambda: nn.LayerNorm((3, 4))(np.zeros((2, 4))), r"\(3, 4\)"),
        (lambda: nn.Dropout(1.5), "probability"),
        (lambda: nn.Flatten(2)(np.zeros((2, 3))), "does not fit"),
        (lambda: nn.GELU("erf")(1.0), "tanh"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# -- lists and buffers -----------------------------------------------------------------------------


def test_a_module_list_holds_and_is_not_run():
    layers = nn.ModuleList([nn.Linear(1, 1, rng=0)])
    layers.append(nn.Linear(1, 1, rng=1)).extend([nn.ReLU()])
    assert [type(m) for m in layers] == [nn.Linear, nn.Linear, nn.ReLU]
    assert list(layers.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    with pytest.raises(NotImplementedError, match="ModuleList"):
        layers(1.0)


def test_a_buffer_is_saved_and_not_learned():
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1, rng=0))
    names = ["0.running_mean", "0.running_var", "0.num_batches_tracked"]
    assert [name for name, _ in model.named_buffers()] == names
    assert not any(b.requires_grad for b in model.buffers())
    model(np.array([[1.0, 2.0], [3.0, 5.0]]))
    twin = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1, rng=1))
    twin.load_state_dict(model.state_dict())
    assert np.array_equal(twin[0].running_var.data, model[0].running_var.data)
    assert twin[0].num_batches_tracked.data == 1
    with pytest.raises(TypeError, match="Buffer"):
        model[0].running_mean = np.zeros(2)
