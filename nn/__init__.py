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

from typing import TYPE_CHECKING, Any

from autograd_lite.later import HOMES
from autograd_lite.randomness import get_rng_state, manual_seed, set_rng_state

from . import data, fast, functional, init, optim, statistics, tensorboard, utils, watch
from .activation import (
    ELU,
    GELU,
    Hardtanh,
    Identity,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from .attention import MultiheadAttention, TransformerEncoderLayer
from .container import MLP, ModuleDict, ModuleList, ParameterList, Sequential
from .convolution import Conv1d, Conv2d
from .data import DataLoader, Dataset, TensorDataset, random_split
from .diverged import DivergedError
from .dropout import Dropout
from .embedding import Embedding
from .files import load_weights, save_weights
from .history import History, State
from .linear import Bilinear, Linear
from .loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CosineSimilarity,
    CrossEntropyLoss,
    HingeEmbeddingLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
    TripletMarginLoss,
)
from .metrics import accuracy
from .module import Buffer, Module, Parameter
from .normalization import (
    BatchNorm1d,
    BatchNorm2d,
    GroupNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    LayerNorm,
    RMSNorm,
)
from .pooling import AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d
from .recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from .resizing import AdaptiveAvgPool2d, Upsample
from .shaping import Flatten, Unflatten
from .train import fit
from .transposed import ConvTranspose2d
from .watch import Summary, summary

if TYPE_CHECKING:
    from .estimators import Classifier as Classifier
    from .estimators import Regressor as Regressor

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "AdaptiveAvgPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Bilinear",
    "Buffer",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "CosineSimilarity",
    "CrossEntropyLoss",
    "DataLoader",
    "Dataset",
    "DivergedError",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GroupNorm",
    "Hardtanh",
    "HingeEmbeddingLoss",
    "HingeLoss",
    "History",
    "HuberLoss",
    "Identity",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "KLDivLoss",
    "L1Loss",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "MSELoss",
    "MaxPool1d",
    "MaxPool2d",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiheadAttention",
    "NLLLoss",
    "PReLU",
    "Parameter",
    "ParameterList",
    "RMSNorm",
    "RNNCell",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "State",
    "Summary",
    "Tanh",
    "TensorDataset",
    "TransformerEncoderLayer",
    "TripletMarginLoss",
    "Unflatten",
    "Upsample",
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


def __getattr__(name: str) -> Any:
    if name in ("Classifier", "Regressor"):  # built on scikit-learn, which takes a second to import
        from . import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module 'nn' has no attribute {name!r}", name=name)
