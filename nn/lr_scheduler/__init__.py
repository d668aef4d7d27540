"""Schedulers: the learning rate from epoch to epoch, as in ``torch.optim.lr_scheduler``.

A scheduler sets the rate of every group of an optimizer when it is made, and
again in each `step`, which is called once an epoch, after the optimizer's steps.
It makes the next rate from the one that there is, so that two schedulers chain,
and a rate that was set by hand stays the rate from which it goes on.

>>> from autograd_lite import Tensor
>>> from nn import optim
>>> optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=0.1)
>>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
>>> rates = []
>>> for epoch in range(5):
...     rates.append(optimizer.lr)
...     scheduler.step()
>>> rates
[0.1, 0.1, 0.05, 0.05, 0.025]
"""

from .base import LRScheduler
from .by_epoch import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    StepLR,
)
from .one_cycle import OneCycleLR
from .plateau import ReduceLROnPlateau
from .sequential import SequentialLR

__all__ = [
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
