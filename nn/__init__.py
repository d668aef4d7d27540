"""Layers, losses, optimizers and training, on :mod:`autograd_lite`; names as in ``torch.nn``.

>>> import numpy as np
>>> import nn
>>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
>>> y = np.array([[0.0], [1.0], [1.0], [0.0]])
>>> model = nn.MLP([2, 4, 1], activation="tanh", rng=0)
>>> optimizer = nn.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
>>> history = nn.fit(model, nn.MSELoss(), optimizer, x, y, epochs=300, progress=False)
>>> nn.accuracy(model(x), y)
1.0
"""

from autograd_lite.later import HOMES
from autograd_lite.randomness import get_rng_state, manual_seed, set_rng_state

from . import data, fast, functional, init, optim, statistics, tensorboard, utils, watch
from .activation import (
    ELU,
    GELU,
    Identity,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from .container import MLP, ModuleList, Sequential
from .convolution import Conv1d, Conv2d
from .data import DataLoader, Dataset, TensorDataset, random_split
from .dropout import Dropout
from .files import load_weights, save_weights
from .linear import Linear
from .loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HingeEmbeddingLoss,
    HingeLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
)
from .module import Buffer, Module, Parameter
from .normalization import BatchNorm1d, BatchNorm2d, LayerNorm
from .pooling import AvgPool2d, MaxPool2d
from .shaping import Flatten
from .train import DivergedError, History, State, accuracy, fit
from .watch import Summary, summary

__all__ = [
    "ELU",
    "GELU",
    "MLP",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Buffer",
    "Conv1d",
    "Conv2d",
    "CrossEntropyLoss",
    "DataLoader",
    "Dataset",
    "DivergedError",
    "Dropout",
    "Flatten",
    "HingeEmbeddingLoss",
    "HingeLoss",
    "History",
    "HuberLoss",
    "Identity",
    "L1Loss",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "Module",
    "ModuleList",
    "NLLLoss",
    "Parameter",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "State",
    "Summary",
    "Tanh",
    "TensorDataset",
    "accuracy",
    "data",
    "fast",
    "fit",
    "functional",
    "get_rng_state",
    "init",
    "load_weights",
    "manual_seed",
    "optim",
    "random_split",
    "save_weights",
    "set_rng_state",
    "statistics",
    "summary",
    "tensorboard",
    "utils",
    "watch",
]

HOMES["TrainingStep"] = "nn.compiled"  # which a module calls, and is built on it
