"""What happens inside a network while it learns: statistics of every layer, over time.

`Watcher` is a callback of `fit`. At the end of an epoch it takes, of every
layer's weights and biases, their gradients, and its outputs on some inputs (the
net inputs of a linear layer or a convolution, the activations of an activation),
the smallest, the largest, the mean, the standard deviation and a histogram.

>>> import nn
>>> x = np.linspace(-1.0, 1.0, 20).reshape(-1, 1)
>>> model = nn.MLP([1, 3, 1], "tanh", rng=0)
>>> watcher = Watcher(x)
>>> history = nn.fit(
...     model, nn.MSELoss(), nn.optim.SGD(model.parameters(), 0.1), x, x * x,
...     epochs=5, callbacks=[watcher], progress=False,
... )
>>> sorted(watcher.records)[:3]
['linear1', 'linear1.bias', 'linear1.bias.grad']
>>> len(watcher.records["tanh1"])
5
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite import no_grad
from autograd_lite.errors import missing_extra
from autograd_lite.files import StrPath

from .history import State
from .module import Array, Module, to_numpy
from .settings import as_data, count
from .tensorboard import BINS, Log
from .watch import evaluation, observed

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass
class Statistics:
    """What is kept of an array.

    >>> found = Statistics.of(np.array([1.0, 2.0, 6.0]))
    >>> found.minimum, found.maximum, found.mean
    (1.0, 6.0, 3.0)
    """

    minimum: float
    maximum: float
    mean: float
    std: float
    counts: Array
    """How many numbers are in each bin of the histogram."""
    edges: Array
    """Where the bins begin and end: one more than there are bins."""

    @classmethod
    def of(cls, array: Any) -> Statistics:
        """Return the statistics of an array that is not empty.

        >>> Statistics.of(np.array([1.0, 2.0, 3.0])).mean
        2.0
        """
        values = to_numpy(array).astype(np.float64).ravel()
        counts, edges = np.histogram(values, BINS)
        return cls(
            minimum=float(values.min()),
            maximum=float(values.max()),
            mean=float(values.mean()),
            std=float(values.std()),
            counts=counts,
            edges=edges,
        )


def layer_arrays(model: Module, x: Any) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of each layer by name: its output, parameters and their gradients.

    The model runs once, in evaluation; nothing of it is changed.

    >>> import nn
    >>> model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh())
    >>> [(name, array.shape) for name, array in layer_arrays(model, np.ones((4, 2)))]
    [('0', (4, 3)), ('1', (4, 3)), ('0.weight', (3, 2)), ('0.bias', (3,))]
    """
    outputs: dict[str, Array] = {}

    def see(path: str, module: Module, inputs: Any, output: Any) -> None:
        if not any(True for _ in module.children()):
            outputs[path or "output"] = to_numpy(output)

    with no_grad(), evaluation(model), observed(model, see):
        model(x)
    yield from outputs.items()
    for path, parameter in model.named_parameters():
        yield path, parameter.data
        if parameter.grad is not None:
            yield f"{path}.grad", parameter.grad


class Watcher:
    """A callback of `fit` that keeps statistics of every layer, and logs them for TensorBoard.

    Parameters
    ----------
    inputs
        On which the layers' outputs are taken.
    every
        From how many epochs to the next.
    folder
        Where to write a log for TensorBoard (see `nn.tensorboard`; this needs
        tensorboardX); None for no log. Beside the statistics, it has what `fit`
        measures, the graph of the model, and as images the kernels of each
        convolution and what each layer makes of the first input.

    Attributes
    ----------
    epochs : list of int
    records : dict of list of Statistics
        By the name of what was watched, a record for each of `epochs`.
    log : nn.tensorboard.Log, or None

    Raises
    ------
    ValueError
        If there are no inputs, or `every` is no positive integer.
    MissingExtraError
        If there is a folder and no tensorboardX.

    Examples
    --------
    >>> import nn
    >>> x = np.array([[0.0], [1.0]])
    >>> model = nn.Linear(1, 1, rng=0)
    >>> watcher = Watcher(x, every=2)
    >>> training = nn.MSELoss(), nn.optim.SGD(model.parameters(), lr=0.1), x, 2 * x
    >>> history = nn.fit(model, *training, epochs=4, progress=False, callbacks=[watcher])
    >>> watcher.epochs, sorted(watcher.records)
    ([2, 4], ['bias', 'bias.grad', 'output', 'weight', 'weight.grad'])
    """

    def __init__(self, inputs: Any, every: int = 1, folder: StrPath | None = None) -> None:
        self.inputs = as_data("inputs", inputs)
        if not self.inputs.size:
            raise ValueError(f"Watcher takes some inputs, and got shape {self.inputs.shape}.")
        self.every = count("every", every)
        self.epochs: list[int] = []
        self.records: dict[str, list[Statistics]] = {}
        self.log = None if folder is None else Log(folder)

    def __call__(self, state: State) -> None:
        """Take the statistics of an epoch."""
        if self.log is not None:
            self.log.numbers(state.history.latest(), state.epoch)
        if state.epoch % self.every == 0:
            if self.log is not None and not self.epochs:
                self.log.graph(state.model, self.inputs[:1])
            self.epochs.append(state.epoch)
            kernels = {path for path, _ in state.model.named_parameters()}
            for name, array in layer_arrays(state.model, self.inputs):
                self.records.setdefault(name, []).append(Statistics.of(array))
                if self.log is not None:
                    self._write(self.log, name, array, state.epoch)
                    if array.ndim == 4 and not name.endswith(".grad"):
                        images = array[:, 0] if name in kernels else array[0]
                        # Not the histogram's name: TensorBoard shows one kind of thing by a name.
                        self.log.images(f"{name}/image", images, state.epoch)
        if self.log is not None:
            self.log.flush()

    def _write(self, log: Log, name: str, array: Array, epoch: int) -> None:
        found = self.records[name][-1]
        kinds = ("minimum", "maximum", "mean", "std")
        log.numbers({f"{name}/{kind}": getattr(found, kind) for kind in kinds}, epoch)
        log.histogram(name, array, epoch)

    def close(self) -> None:
        """Finish the log."""
        if self.log is not None:
            self.log.close()

    def state_dict(self) -> dict[str, Any]:
        """Return what was kept, for a checkpoint of `fit`."""
        records = {name: [vars(one) for one in kept] for name, kept in self.records.items()}
        return {"epochs": list(self.epochs), "records": records}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned; what was logged after it is not shown."""
        self.epochs = list(state["epochs"])
        self.records = {
            name: [Statistics(**one) for one in kept] for name, kept in state["records"].items()
        }
        if self.log is not None and self.epochs:
            self.log.close()
            self.log = Log(self.log.folder, purge_step=self.epochs[-1] + 1)

    def plot(self, ending: str = "") -> Figure:
        """Return a figure of everything whose name ends so, such as ``".weight"``.

        Each has the mean, a band of one standard deviation around it, and the
        smallest and largest number, over the epochs.
        """
        figure, panels = self._panels(ending)
        for axes, epochs, kept in panels:
            low, high, mean, std = (
                np.array([getattr(one, kind) for one in kept])
                for kind in ("minimum", "maximum", "mean", "std")
            )
            axes.fill_between(epochs, low, high, alpha=0.15, label="smallest to largest")
            axes.fill_between(epochs, mean - std, mean + std, alpha=0.35, label="± std")
            axes.plot(epochs, mean, label="mean")
        panels[0][0].legend(fontsize=8)
        return figure

    def plot_histograms(self, ending: str = "") -> Figure:
        """Return a figure of the histograms over the epochs, coloured by how many numbers."""
        figure, panels = self._panels(ending)
        for axes, epochs, kept in panels:
            for epoch, one in zip(epochs, kept, strict=True):
                column = [epoch - 0.5 * self.every, epoch + 0.5 * self.every]
                # By a root, as few numbers in a tail should still be seen.
                shares = np.sqrt(one.counts / one.counts.max())[:, None]
                axes.pcolormesh(column, one.edges, shares, vmin=0.0, vmax=1.0)
        return figure

    def _panels(self, ending: str) -> tuple[Figure, list[tuple[Any, list[int], list[Statistics]]]]:
        """Return a figure with axes for each name that ends so, its epochs and its records."""
        try:
            from matplotlib.figure import Figure
        except ImportError:
            raise missing_extra("matplotlib", "viz", "plot statistics") from None
        names = [name for name in self.records if name.endswith(ending)]
        if not names:
            raise ValueError(
                f"Nothing that was watched ends with {ending!r}: there are "
                f"{', '.join(self.records) or 'no records yet'}."
            )
        rows = -(-len(names) // 3)
        figure = Figure(figsize=(10, 2.6 * rows), layout="constrained")
        grid = figure.subplots(rows, 3, squeeze=False, sharex=True).ravel()
        for axes in grid[len(names) :]:
            axes.axis("off")
        for axes, name in zip(grid, names, strict=False):
            axes.set_title(name, fontsize=10)
        figure.supxlabel("epoch")
        kept = [self.records[name] for name in names]
        return figure, [(a, self.epochs[-len(k) :], k) for a, k in zip(grid, kept, strict=False)]
