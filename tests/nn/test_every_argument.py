"""Every argument of every public function and module of nn, given a Tensor that needs a gradient.

Either the gradient arrives, and is that of numerical differences, or there is an error: no
argument drops the tape in silence.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from autograd_lite.tensor import to_numpy
from nn import functional as F

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
IMAGES = RNG.normal(size=(2, 2, 4, 5))
SHARES = RNG.dirichlet(np.ones(3), 4)
LABELS = np.array([0, 2, 1, 2])
WEIGHTS = np.array([0.5, 1.5, 2.0])
BELOW_1 = RNG.uniform(0.1, 0.9, (4, 3))
KERNELS, BIAS = RNG.normal(size=(4, 2, 2, 2)), RNG.normal(size=4)
SIGNS = np.where(Y > 0, 1.0, -1.0)

# How each function is called; what is not given has its default.
FUNCTIONS = {
    "linear": {"input": X, "weight": Y, "bias": BIAS},
    **{name: {"input": X} for name in ("sigmoid", "tanh", "relu", "silu", "leaky_relu", "elu")},
    **{name: {"input": X} for name in ("gelu", "softplus", "softmax", "log_softmax", "dropout")},
    "conv2d": {"input": IMAGES, "weight": KERNELS, "bias": BIAS},
    "conv1d": {"input": IMAGES[:, :, 0], "weight": KERNELS[..., 0], "bias": BIAS},
    "max_pool2d": {"input": IMAGES, "kernel_size": 2},
    "avg_pool2d": {"input": IMAGES, "kernel_size": 2, "divisor_override": 3},
    "layer_norm": {"input": X, "normalized_shape": (3,), "weight": WEIGHTS, "bias": WEIGHTS},
    **{name: {"input": X, "target": Y} for name in ("mse_loss", "l1_loss", "huber_loss")},
    **{name: {"input": X, "target": SIGNS} for name in ("hinge_loss", "hinge_embedding_loss")},
    "binary_cross_entropy": {"input": BELOW_1, "target": BELOW_1 / 2, "weight": WEIGHTS},
    "binary_cross_entropy_with_logits": {
        "input": X, "target": BELOW_1, "weight": WEIGHTS, "pos_weight": WEIGHTS,
    },
    "cross_entropy": {"input": X, "target": SHARES, "weight": WEIGHTS, "label_smoothing": 0.1},
    "cross_entropy of indices": {
        "input": X, "target": LABELS, "weight": WEIGHTS, "label_smoothing": 0.1, "ignore_index": 1,
    },
    "nll_loss": {"input": X, "target": LABELS, "weight": WEIGHTS, "ignore_index": 1},
    "normalize": {"input": X},
    "one_hot": {"tensor": LABELS},
    "pad": {"input": X, "pad": (1, 0), "value": 0.5},
    "scaled_dot_product_attention": {
        "query": X, "key": Y, "value": BELOW_1, "attn_mask": X @ Y.T, "scale": 0.5,
    },
    **{name: {"input": X} for name in ("hardtanh", "logsigmoid", "logsumexp")},
    "prelu": {"input": X, "weight": WEIGHTS},
    "max_pool1d": {"input": IMAGES[0], "kernel_size": 2},
    "avg_pool1d": {"input": IMAGES[0], "kernel_size": 2},
    "adaptive_avg_pool2d": {"input": IMAGES, "output_size": (3, 2)},
    "conv_transpose2d": {"input": np.tile(IMAGES, (1, 2, 1, 1)), "weight": KERNELS,
                         "bias": BIAS[:2]},
    "interpolate": {"input": IMAGES, "size": (3, 6), "mode": "bilinear"},
    "group_norm": {"input": IMAGES, "num_groups": 2, "weight": BIAS[:2], "bias": BIAS[:2]},
    "rms_norm": {"input": X, "normalized_shape": (3,), "weight": WEIGHTS},
    "batch_norm": {"input": X, "running_mean": Y[0], "running_var": WEIGHTS, "weight": WEIGHTS,
                   "bias": WEIGHTS},
    "embedding": {"input": LABELS, "weight": Y},
    **{name: {"input": X, "target": Y} for name in ("smooth_l1_loss",)},
    "kl_div": {"input": X, "target": SHARES},
    "kl_div of logarithms": {"input": X, "target": Y, "log_target": True},
    "cosine_similarity": {"x1": X, "x2": Y},
    "triplet_margin_loss": {"anchor": X, "positive": Y, "negative": Y[::-1].copy()},
}  # fmt: skip

# How each module is made, and on what it is called.
MODULES = {
    **{name: ({}, [X]) for name in ("Sigmoid", "Tanh", "ReLU", "SiLU", "GELU", "ELU", "LeakyReLU")},
    **{name: ({}, [X]) for name in ("Softplus", "Identity", "Softmax", "LogSoftmax", "Dropout")},
    "Flatten": ({}, [IMAGES]),
    "Linear": ({"in_features": 3, "out_features": 2}, [X]),
    "MLP": ({"sizes": [3, 2]}, [X]),
    "Conv2d": ({"in_channels": 2, "out_channels": 2, "kernel_size": 2}, [IMAGES]),
    "Conv1d": ({"in_channels": 2, "out_channels": 2, "kernel_size": 2}, [IMAGES[:, :, 0]]),
    "MaxPool2d": ({"kernel_size": 2}, [IMAGES]),
    "AvgPool2d": ({"kernel_size": 2}, [IMAGES]),
    "BatchNorm1d": ({"num_features": 3}, [X]),
    "BatchNorm2d": ({"num_features": 2}, [IMAGES]),
    "LayerNorm": ({"normalized_shape": 3}, [X]),
    **{name: ({}, [X, Y]) for name in ("MSELoss", "L1Loss", "HuberLoss")},
    **{name: ({}, [X, SIGNS]) for name in ("HingeLoss", "HingeEmbeddingLoss")},
    "BCELoss": ({"weight": WEIGHTS}, [BELOW_1, BELOW_1 / 2]),
    "BCEWithLogitsLoss": ({"weight": WEIGHTS, "pos_weight": WEIGHTS}, [X, BELOW_1]),
    "CrossEntropyLoss": ({"weight": WEIGHTS}, [X, SHARES]),
    "NLLLoss": ({"weight": WEIGHTS}, [X, LABELS]),
    **{name: ({}, [X]) for name in ("PReLU", "Hardtanh", "LogSigmoid")},
    "Bilinear": ({"in1_features": 3, "in2_features": 3, "out_features": 2}, [X, Y]),
    "Embedding": ({"num_embeddings": 3, "embedding_dim": 2}, [LABELS]),
    "MaxPool1d": ({"kernel_size": 2}, [IMAGES[0]]),
    "AvgPool1d": ({"kernel_size": 2}, [IMAGES[0]]),
    "AdaptiveAvgPool2d": ({"output_size": (3, 2)}, [IMAGES]),
    "Upsample": ({"size": (3, 7)}, [IMAGES]),
    "Unflatten": ({"dim": 1, "unflattened_size": (3, 1)}, [X]),
    "ConvTranspose2d": ({"in_channels": 2, "out_channels": 2, "kernel_size": 2}, [IMAGES]),
    "GroupNorm": ({"num_groups": 1, "num_channels": 2}, [IMAGES]),
    "InstanceNorm1d": ({"num_features": 2}, [IMAGES[:, :, 0]]),
    "InstanceNorm2d": ({"num_features": 2}, [IMAGES]),
    "RMSNorm": ({"normalized_shape": 3}, [X]),
    **{
        name: ({"input_size": 3, "hidden_size": 2}, [X])
        for name in ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
    },
    "MultiheadAttention": ({"embed_dim": 3, "num_heads": 1}, [X, Y, Y]),
    "TransformerEncoderLayer": ({"d_model": 3, "nhead": 1, "dim_feedforward": 2}, [X]),
    "SmoothL1Loss": ({}, [X, Y]),
    "KLDivLoss": ({}, [X, SHARES]),
    "TripletMarginLoss": ({}, [X, Y, Y[::-1].copy()]),
    "CosineSimilarity": ({}, [X, Y]),
}


def model():
    return nn.Linear(3, 3, rng=0)


def fit(**arguments):
    made = {"model": model(), "loss": nn.MSELoss(), "epochs": 1, "progress": False}
    made["optimizer"] = nn.optim.SGD(made["model"].parameters(), 0.1)
    return nn.fit(**{**made, **arguments})


def with_gradient():
    w = Tensor(np.ones((3, 3)), requires_grad=True)
    w.grad = np.ones((3, 3))
    return w


# What else takes numbers: how it is called.
OTHERS = {
    **{f: {"tensor": np.ones((3, 3))} for f in nn.init.BY_NAME.values()},
    nn.init.constant_: {"tensor": np.ones(3), "value": 0.5},
    nn.init.calculate_gain: {"nonlinearity": "leaky_relu", "param": 0.2},
    nn.utils.clip_grad_norm_: {"parameters": None, "max_norm": 1.0},
    nn.utils.clip_grad_value_: {"parameters": None, "clip_value": 0.5},
    nn.manual_seed: {"seed": 0},
    nn.TensorDataset: {"arrays": X},
    nn.DataLoader: {"dataset": (X,)},
    nn.random_split: {"dataset": nn.TensorDataset(X), "lengths": [0.5, 0.5]},
    nn.data.Subset: {"dataset": nn.TensorDataset(X), "indices": [0, 1]},
    nn.data.moons: {},
    nn.data.blobs: {},
    nn.data.stratified_split: {"labels": LABELS},
    nn.statistics.Watcher: {"inputs": X},
    fit: {"inputs": X, "targets": Y, "validation": (X, Y), "epochs": 1, "batch_size": 2,
          "patience": 1, "stop_below": 0.1, "shuffle": True, "keep_best": False,
          "progress": False, "rng": 0},
    **{getattr(nn.optim, name): {"params": None, "lr": 0.1}
       for name in ("SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "Adadelta", "Adamax", "NAdam",
                    "Muon")},
    nn.optim.LBFGS: {"params": None, "lr": 0.1},
    nn.utils.parameters_to_vector: {"parameters": None},
    nn.utils.vector_to_parameters: {"vec": np.ones(9), "parameters": None},
    nn.optim.lr_scheduler.MultiStepLR: {"optimizer": None, "milestones": [2, 3]},
    nn.optim.lr_scheduler.LambdaLR: {"optimizer": None, "lr_lambda": lambda epoch: 0.5},
    nn.optim.lr_scheduler.CosineAnnealingWarmRestarts: {"optimizer": None, "T_0": 3},
    nn.optim.lr_scheduler.OneCycleLR: {"optimizer": None, "max_lr": 0.5, "total_steps": 9,
                                       "cycle_momentum": False},
    nn.optim.lr_scheduler.StepLR: {"optimizer": None, "step_size": 2},
    nn.optim.lr_scheduler.ExponentialLR: {"optimizer": None, "gamma": 0.5},
    nn.optim.lr_scheduler.CosineAnnealingLR: {"optimizer": None, "T_max": 3},
    nn.optim.lr_scheduler.LinearLR: {"optimizer": None},
    nn.optim.lr_scheduler.ReduceLROnPlateau: {"optimizer": None},
}  # fmt: skip
# Measures, which return plain numbers, and what takes no numbers.
LEFT_OUT = {
    "accuracy", "summary", "save_weights", "load_weights", "Module", "Parameter", "Buffer",
    "Sequential", "ModuleList", "ModuleDict", "ParameterList", "Dataset", "DivergedError",
    "History", "State", "Summary", "fit", "get_rng_state", "set_rng_state",
}  # fmt: skip


def test_all_are_driven():
    assert set(F.__all__) == {name.split()[0] for name in FUNCTIONS}
    public = {n: v for n, v in vars(nn).items() if n in nn.__all__ and not inspect.ismodule(v)}
    driven = {f.__name__ for f in OTHERS} | {*MODULES} | LEFT_OUT
    assert {*public} <= driven
    for module in (nn.init, nn.utils, nn.optim, nn.optim.lr_scheduler):
        own = {f for f in vars(module).values() if getattr(f, "__module__", "") == module.__name__}
        takes_numbers = {f for f in own if not inspect.isclass(f) or hasattr(f, "step")}
        missing = {f.__name__ for f in takes_numbers if not f.__name__.startswith("_")} - driven
        assert missing <= {"fans", "named", "Optimizer", "LRScheduler", "SequentialLR"}


def substitutes(value):
    """Yield what is tried in place of a value: a Tensor, or what it holds as Tensors."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        yield value, lambda t: t
    elif isinstance(value, float):
        yield np.array(value), lambda t: t
    elif isinstance(value, (tuple, list)) and value and isinstance(value[0], (float, np.ndarray)):
        yield np.array(value[0]), lambda t: type(value)([t, *value[1:]])
        yield np.ones(2), lambda t: t
    else:  # an integer, a flag, a name or None
        for number in (np.array(1.0), np.array(0.0), np.array(0.5)):
            yield number, lambda t: t
        yield np.array(2.0), lambda t: (t, 2)
        yield np.ones(3), lambda t: t


def numbers(output):
    """Return what a result holds of floats: of a module, of a dataset, of batches, ..."""
    if isinstance(output, (Tensor, np.ndarray, np.generic)):
        return [output] if output.dtype.kind == "f" else []
    if isinstance(output, (tuple, list)):
        return [x for part in output for x in numbers(part)]
    if isinstance(output, nn.Module):
        return [p.data for p in output.parameters()]
    if isinstance(output, nn.DataLoader):
        return numbers(list(output))
    if isinstance(output, nn.TensorDataset):
        return numbers(output[:])
    return []


def see(call, value, given, must=False):
    """Compare the gradient by a value with differences, or find an error, unless it must come."""

    def total(x, weights):
        outputs = numbers(call(given(x)))
        weights += [RNG.normal(size=o.shape) for o in outputs[len(weights) :]]
        return sum(((o * w).sum() for o, w in zip(outputs, weights, strict=True)), 0.0)

    t, weights = Tensor(value, requires_grad=True), []
    try:
        loss = total(t, weights)
        if isinstance(loss, Tensor) and loss.requires_grad:
            loss.backward()
    except (TypeError, ValueError, NotImplementedError, RuntimeError):
        if must:
            raise
        return
    expected = np.zeros_like(value)
    for index in np.ndindex(value.shape):
        moved = [value.copy() for _ in range(2)]
        moved[0][index] += 1e-6
        moved[1][index] -= 1e-6
        up, down = (total(m if m.ndim else float(m), weights) for m in moved)
        expected[index] = to_numpy((up - down) / 2e-6)
    got = np.zeros_like(value) if t.grad is None else t.grad
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_of_a_function(name):
    function, given = getattr(F, name.split()[0]), FUNCTIONS[name]
    for parameter in inspect.signature(function).parameters.values():
        tried = given.get(parameter.name, parameter.default)
        # Everything that is an array carries a gradient, but for the choice between two formulas.
        must = isinstance(tried, np.ndarray) and tried is not LABELS and tried is not SIGNS
        for reduction in ("mean", "none") if "reduction" in name else ("mean",):
            for value, insert in substitutes(tried):

                def call(x, key=parameter.name, reduction=reduction):
                    nn.manual_seed(0)
                    return function(**{**given, key: x})

                see(call, value, insert, must)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("training", [True, False])
def test_of_a_module(name, training):
    made, inputs = MODULES[name]
    cls = getattr(nn, name)
    for parameter in inspect.signature(cls).parameters.values():
        for value, insert in substitutes(made.get(parameter.name, parameter.default)):

            def make_and_call(x, key=parameter.name):
                nn.manual_seed(0)
                module = cls(**{**made, key: x})
                return [module.train(training)(*inputs), module]

            see(make_and_call, value, insert, must="weight" in parameter.name)
    for i, given in enumerate(inputs):
        for value, insert in substitutes(given):

            def call(x, i=i):
                nn.manual_seed(0)
                module = cls(**made).train(training)
                return module(*inputs[:i], x, *inputs[i + 1 :])

            see(call, value, insert, must=given is not LABELS and given is not SIGNS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("function", OTHERS, ids=lambda f: f.__name__)
def test_of_the_rest(function):
    given = OTHERS[function]
    taken = inspect.signature(function).parameters
    for key in {*taken, *given} - {"arguments", "tensor", "parameters", "params", "optimizer"}:
        variadic = key in taken and taken[key].kind is inspect.Parameter.VAR_POSITIONAL
        default = taken[key].default if key in taken else None

        def call(x, key=key, variadic=variadic):
            nn.manual_seed(0)
            objects = {
                "tensor": lambda: Tensor(np.ones((3, 3))),
                "parameters": with_gradient,
                "params": lambda: [with_gradient()],
                "optimizer": lambda: nn.optim.SGD([with_gradient()], 0.1),
            }
            own = {k: objects[k]() if k in objects else v for k, v in given.items()}
            if variadic:
                return function(x)
            result = function(**{**own, key: x})
            held = own.get("tensor", own.get("parameters"))
            return [result, held.data, held.grad] if held is not None else result

        for value, insert in substitutes(given.get(key, default)):
            see(call, value, insert)
