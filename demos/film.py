"""The boundary being learned, as an animation: the output over the plane beside the loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import nn

from .data import Array
from .figures import INK, _points, blank, diverging, logarithmic

LOOKS = 200  # at the weights, over the whole training
FRAMES = 48
DPI = 90
STEPS = 24  # of the shades: a file of a quarter the size
FINE = 81  # places along each side of the plane, at most


class Film:
    """The outputs of a network over the plane while it learned; a callback of `nn.fit`.

    Parameters
    ----------
    predict
        Returns the network's output for points (n, 2), as it is by now.
    epochs
        How many there will be.
    places
        How many along each side of the plane it may be asked about.
    """

    def __init__(self, predict: Callable[[Array], Array], epochs: int, places: int = FINE) -> None:
        self.predict = predict
        self.ticks = np.linspace(-0.1, 1.1, min(places, FINE))
        self.every = max(1, epochs // LOOKS)
        self.epochs = [0]
        self.outputs = [self._look()]

    def __call__(self, state: nn.State) -> None:
        """Look at the plane."""
        self.epochs.append(state.epoch)
        self.outputs.append(self._look())

    def _look(self) -> Array:
        plane = np.stack(np.meshgrid(self.ticks, self.ticks), axis=-1)
        return self.predict(plane.reshape(-1, 2)).reshape(plane.shape[:2]).astype(np.float32)

    def frames(self) -> list[int]:
        """Return the numbers of the looks that are shown: as much happens from each to the next."""
        moves = [
            np.mean(np.abs(b - a)) for a, b in zip(self.outputs, self.outputs[1:], strict=False)
        ]
        gone = np.concatenate([[0.0], np.cumsum(np.nan_to_num(moves) + 1e-3)])
        places = np.searchsorted(gone, np.linspace(0.0, gone[-1], FRAMES))
        return sorted({0, len(gone) - 1, *np.minimum(places, len(gone) - 1).tolist()})

    def save(
        self, path: Path, inputs: Array, labels: Array, losses: Sequence[float], loss_name: str
    ) -> None:
        """Write the animation as a GIF that begins again after a while."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from PIL import Image

        figure = blank(figsize=(8.4, 4.2), dpi=DPI)
        left, right = figure.subplots(1, 2)
        shades = left.pcolormesh(
            self.ticks, self.ticks, self.outputs[0], cmap=diverging(), vmin=0, vmax=1, alpha=0.55
        )
        _points(left, inputs, labels)
        left.set(xlim=(-0.1, 1.1), ylim=(-0.1, 1.1))
        left.grid(False)
        left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
        epochs = np.arange(1, len(losses) + 1)
        right.plot(epochs, losses, color=INK, linewidth=0.6, alpha=0.4)
        (line,) = right.plot([], [], color=INK)
        (now,) = right.plot([], [], "o", color=INK)
        right.set(xlabel="epoch", ylabel=f"{loss_name} (log scale)", xlim=(0, max(2, len(losses))))
        right.xaxis.get_major_locator().set_params(integer=True)
        logarithmic(right, "y")
        boundary: list[Any] = []

        def show(k: int) -> None:
            epoch, output = self.epochs[k], self.outputs[k]
            shades.set_array(np.rint(output * STEPS) / STEPS)
            while boundary:
                boundary.pop().remove()
            if np.nanmin(output) < 0.5 < np.nanmax(output):
                boundary.append(
                    left.contour(
                        self.ticks, self.ticks, output, levels=[0.5], colors=INK, linewidths=1.8
                    )
                )
            left.set_title(f"epoch {epoch}")
            line.set_data(epochs[:epoch], losses[:epoch])
            now.set_data(epochs[max(0, epoch - 1) : epoch], losses[max(0, epoch - 1) : epoch])

        canvas: Any = FigureCanvasAgg(figure)
        frames, pictures = self.frames(), []
        for k in [frames[-1], *frames]:  # the first makes room for what is largest
            show(k)
            canvas.draw()
            figure.set_layout_engine("none")
            pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]))
        durations = [
            400,
            *[100] * (len(frames) - 2),
            2000,
        ]  # milliseconds, with a look at both ends
        pictures[1].save(
            path, save_all=True, append_images=pictures[2:], duration=durations, loop=0
        )
