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

from . import functional, init, optim
from .activation import Identity, LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from .container import MLP, Sequential
from .linear import Linear
from .loss import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from .module import Module, Parameter
from .train import DivergedError, History, State, accuracy, fit

__all__ = [
    "MLP",
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "DivergedError",
    "History",
    "Identity",
    "LeakyReLU",
    "Linear",
    "MSELoss",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "State",
    "Tanh",
    "accuracy",
    "fit",
    "functional",
    "init",
    "optim",
]
