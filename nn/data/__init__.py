"""Data: examples one by one, or in batches, in an order that a seed decides.

>>> import numpy as np
>>> x, y = np.arange(10.0).reshape(5, 2), np.arange(5)
>>> loader = DataLoader(TensorDataset(x, y), batch_size=2, shuffle=True, rng=0)
>>> for inputs, targets in loader:
...     print(inputs.shape, targets)
(2, 2) [2 4]
(2, 2) [3 0]
(1, 2) [1]
"""

from .dataset import Dataset, Subset, TensorDataset, random_split, stratified_split
from .idx import read_idx, read_mnist
from .loader import DataLoader, collate
from .toy import blobs, digits, moons

__all__ = [
    "DataLoader",
    "Dataset",
    "Subset",
    "TensorDataset",
    "blobs",
    "collate",
    "digits",
    "moons",
    "random_split",
    "read_idx",
    "read_mnist",
    "stratified_split",
]
