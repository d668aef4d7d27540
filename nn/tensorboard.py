"""Logs for TensorBoard: numbers, histograms, images, and the graph of a model.

The package tensorboardX writes them; TensorFlow is not needed. To look at them::

    tensorboard --logdir FOLDER

The graph is the tape of one forward pass, each operation in the scope of the
layer that it is part of.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from autograd_lite import Tensor, everything, trace
from autograd_lite.errors import missing_extra
from autograd_lite.files import StrPath

from .module import Array, Module, to_numpy
from .watch import evaluation

BINS = 30


class Log:
    """A log in a folder.

    Names are paths, such as ``"conv1.weight"``: TensorBoard groups by them.

    Parameters
    ----------
    folder
        Where the log is written; it is made if it is not there.
    purge_step
        From this step on, what is in the folder from an earlier run is not shown.

    Raises
    ------
    MissingExtraError
        If there is no tensorboardX.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = Log(folder)
    ...     log.numbers({"loss": 0.5}, step=1)
    ...     log.close()
    """

    def __init__(self, folder: StrPath, purge_step: int | None = None) -> None:
        self.folder = folder
        self._writer = _library("tensorboardX").SummaryWriter(
            os.fspath(folder),
            purge_step=purge_step,
            # Without it, a log that is begun in the same second would take this one's place.
            filename_suffix=f".{time.time_ns()}",
        )

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """Add a point to the curve of each name."""
        for name, value in values.items():
            self._writer.add_scalar(_tag(name), value, step)

    def histogram(self, name: str, array: Any, step: int) -> None:
        """Add how the numbers of an array are distributed."""
        self._writer.add_histogram(_tag(name), to_numpy(array), step, bins=BINS)

    def images(self, name: str, images: Any, step: int) -> None:
        """Add images (n, rows, columns), side by side, from their least to their largest number."""
        _library("PIL")  # with which tensorboardX writes them
        self._writer.add_image(_tag(name), tiles(to_numpy(images)), step, dataformats="HW")

    def graph(self, model: Module, x: Any) -> None:
        """Set the graph: what a model does with an input."""
        self._writer.file_writer.add_onnx_graph(graph(model, x))  # any GraphDef, for all its name

    def flush(self) -> None:
        """Write down what has been added."""
        self._writer.flush()

    def close(self) -> None:
        """Finish the log."""
        self._writer.close()


def tiles(images: Array) -> Array:
    """Join images (n, rows, columns) into one, in rows of eight, and scale it to 0 … 1.

    >>> tiles(np.arange(12.0).reshape(3, 2, 2)).shape
    (33, 98)
    """
    low, high = images.min(), images.max()
    scaled = (images - low) / (high - low if high > low else 1.0)
    larger = max(1, 32 // max(images.shape[1:]))  # so that a small kernel can be seen
    scaled = scaled.repeat(larger, 1).repeat(larger, 2)
    framed = np.pad(scaled, ((0, 0), (0, 1), (0, 1)), constant_values=1.0)
    across = min(8, len(framed))
    framed = np.pad(framed, ((0, -len(framed) % across), (0, 0), (0, 0)), constant_values=1.0)
    rows, columns = framed.shape[1:]
    grid = framed.reshape(-1, across, rows, columns).transpose(0, 2, 1, 3)
    joined: Array = grid.reshape(-1, across * columns)[:, :-1]
    return joined


def graph(model: Module, x: Any) -> Any:
    """Return a GraphDef of what a model does with an input, in evaluation.

    A node is an operation of the tape or one of its leaves. Its name says the
    layer that it is part of, its attribute what shape it has.

    >>> import nn
    >>> len(graph(nn.Linear(2, 1), np.ones((1, 2))).node) > 0
    True
    """
    given = Tensor(to_numpy(x), name="input")
    with evaluation(model), everything(), trace():
        end = model(given)
    paths = {id(parameter): path for path, parameter in model.named_parameters()}
    graph_def = import_module("tensorboardX.proto.graph_pb2").GraphDef()
    names: dict[int, str] = {}
    taken: dict[str, int] = {}
    for t in _in_order(end):
        name = _tag(paths.get(id(t)) or "/".join([*_layers(t), _kind(t)]))
        taken[name] = taken.get(name, 0) + 1
        names[id(t)] = name if taken[name] == 1 else f"{name}_{taken[name]}"
        node = graph_def.node.add(name=names[id(t)], op="parameter" if id(t) in paths else _kind(t))
        node.input.extend(names[id(x)] for x in t.tape.operands if isinstance(x, Tensor))
        shape = node.attr["_output_shapes"].list.shape.add()
        for size in t.shape:
            shape.dim.add(size=size)
    return graph_def


def _in_order(end: Tensor) -> list[Tensor]:
    """Return what a result was made from, and the result, each after its operands."""
    found, waiting = {id(end): end}, [end]
    while waiting:
        for x in waiting.pop().tape.operands:
            if isinstance(x, Tensor) and id(x) not in found:
                found[id(x)] = x
                waiting.append(x)
    return sorted(found.values(), key=lambda t: t._number, reverse=True)


def _kind(t: Tensor) -> str:
    primitive = t.tape.primitive
    return primitive.name if primitive is not None else t.name or "constant"


def _layers(t: Tensor) -> list[str]:
    """Return the names of the layers that an operation is part of, without the model itself."""
    names, call = [], t.tape.call
    while call is not None and call.within is not None:
        names.append(call.name)
        call = call.within
    return names[::-1]


def _tag(name: str) -> str:
    return name.replace(".", "/").replace(" ", "/")


def _library(package: str) -> Any:
    try:
        return import_module(package)
    except ImportError:
        raise missing_extra(package, "watch", "write a log for TensorBoard") from None
