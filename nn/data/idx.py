"""Files of the MNIST family: the IDX format."""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from autograd_lite.files import StrPath

from ..module import Array
from .dataset import TensorDataset

MOST_AXES = 64
IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: StrPath) -> Array:
    """Read an array from an IDX file, compressed with gzip or not.

    The file is two zero bytes, a byte for the type, a byte for the number of
    axes, their sizes (big-endian, four bytes each), and the numbers.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no IDX file, or has fewer or more numbers than it says.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     written = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    ...     file.flush()
    ...     read_idx(file.name)
    array([7, 8, 9], dtype=uint8)
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            return _idx(name, gzip.GzipFile(fileobj=file) if compressed else file)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{name} is a damaged gzip file: {error}.") from None


def _idx(name: str, file: io.BufferedIOBase) -> Array:
    """Read an IDX file, of which no more is unpacked than its header announces."""
    begin = file.read(4)
    if len(begin) < 4 or begin[:2] != b"\0\0" or begin[2] not in IDX_TYPES:
        raise ValueError(
            f"{name} is no IDX file: it begins with the bytes {begin.hex(' ') or '(none)'}, "
            "not with 00 00, a type and a number of axes."
        )
    kind, axes = np.dtype(IDX_TYPES[begin[2]]), begin[3]
    if axes > MOST_AXES:
        raise ValueError(
            f"{name} is no IDX file that can be read: it has {axes} axes, and NumPy's arrays have "
            f"at most {MOST_AXES}."
        )
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise ValueError(f"{name} is cut off: it ends before the sizes of its {axes} axes.")
    shape = struct.unpack(f">{axes}I", sizes)
    wanted = math.prod(shape) * kind.itemsize
    content = bytearray()
    while part := file.read(min(wanted + 1 - len(content), 2**20)):
        content += part
    if len(content) != wanted:
        short, begins = len(content) < wanted, 4 + 4 * axes
        raise ValueError(
            f"{name} is {'cut off' if short else 'too long'}: for {' × '.join(map(str, shape))} "
            f"numbers of {kind.itemsize} bytes it would have {begins + wanted} bytes, and it has "
            f"{begins + len(content) if short else 'more'}."
        )
    return np.frombuffer(content, kind).reshape(shape).astype(kind.newbyteorder("="))


def read_mnist(folder: StrPath, train: bool = True, dtype: Any = np.float32) -> TensorDataset:
    """Read MNIST, or a relative of it, from its IDX files in a folder.

    These are ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, or
    ``t10k-…`` for testing, with ``.gz`` at the end or not.

    Returns
    -------
    TensorDataset
        Images (n, 1, rows, columns) from 0 to 1 in `dtype`, and labels (n,) of int.

    Raises
    ------
    FileNotFoundError
        If a file is not there: it says which were looked for.
    ValueError
        If a file is damaged, holds something else than its name says, or the two
        do not belong together.

    Examples
    --------
    >>> try:
    ...     read_mnist("no such folder")
    ... except FileNotFoundError as error:
    ...     print(str(error)[:40])
    no such folder has none of train-images-
    """
    part = "train" if train else "t10k"
    images_path = _found(folder, f"{part}-images-idx3-ubyte")
    labels_path = _found(folder, f"{part}-labels-idx1-ubyte")
    images, labels = read_idx(images_path), read_idx(labels_path)
    for path, array, axes, what in (
        (images_path, images, 3, "images"),
        (labels_path, labels, 1, "labels"),
    ):
        if array.ndim != axes or array.dtype != np.uint8:
            raise ValueError(
                f"{path} should have {what}, {axes} axes of bytes, and has {array.ndim} of "
                f"{array.dtype}: is it another file under this name?"
            )
    if len(images) != len(labels):
        raise ValueError(
            f"{images_path} has {len(images)} images and {labels_path} has {len(labels)} labels: "
            "they do not belong together."
        )
    scaled = images[:, None].astype(dtype) / np.dtype(dtype).type(255)
    return TensorDataset(scaled, labels.astype(np.int64))


def _found(folder: StrPath, name: str) -> Path:
    candidates = [
        Path(folder) / variant
        for base in (name, name.replace("-idx", ".idx"))
        for variant in (base, f"{base}.gz")
    ]
    for path in candidates:
        if path.is_file():
            return path
    names = ", ".join(path.name for path in candidates)
    raise FileNotFoundError(f"{os.fspath(folder)} has none of {names}.")
