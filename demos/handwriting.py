"""A convolutional network that reads handwritten digits: what `digits` and `mnist` share.

The network is that of report R2: two convolutions with 5 × 5 kernels, each with
an activation and 2 × 2 max-pooling, a fully connected layer, dropout, and ten
outputs with softmax cross-entropy.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd_lite import no_grad
from autograd_lite.errors import missing_extra

from .command import (
    HelpFormatter,
    Parser,
    positive,
    replacing,
    seed_number,
    whole_number,
    writable_folder,
)
from .data import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACTIVATIONS = {"relu": nn.ReLU, "leaky-relu": nn.LeakyReLU, "tanh": nn.Tanh}
OPTIMIZERS: dict[str, Callable[..., nn.optim.Optimizer]] = {
    "adam": nn.optim.Adam,
    "adagrad": nn.optim.Adagrad,
}
COMPARED = [  # activations and optimizers that R2 compares
    ("relu", "adam"),
    ("relu", "adagrad"),
    ("leaky-relu", "adagrad"),
    ("tanh", "adagrad"),
]


@dataclass
class Task:
    """What is to be learned: images and labels to train with and to test with."""

    name: str
    train: tuple[Array, Array]
    test: tuple[Array, Array]
    channels: tuple[int, int]
    units: int
    rates: dict[str, float]
    smoothing: float = 0.0


def network(task: Task, activation: str, rng: np.random.Generator) -> nn.Sequential:
    """Return R2's network, in the size that the task asks for."""
    first, second = task.channels
    rows, columns = task.train[0].shape[2:]
    settings: dict[str, Any] = {"rng": rng, "dtype": np.float32}
    act = ACTIVATIONS[activation]
    return nn.Sequential(
        {
            "conv1": nn.Conv2d(1, first, 5, padding="same", **settings),
            "activation1": act(),
            "pool1": nn.MaxPool2d(2),
            "conv2": nn.Conv2d(first, second, 5, padding="same", **settings),
            "activation2": act(),
            "pool2": nn.MaxPool2d(2),
            "flatten": nn.Flatten(),
            "fc1": nn.Linear(second * (rows // 4) * (columns // 4), task.units, **settings),
            "activation3": act(),
            "dropout": nn.Dropout(0.5, rng=rng),
            "fc2": nn.Linear(task.units, 10, **settings),
        }
    )


def arguments(
    argv: Sequence[str], name: str, description: str, epochs: int, more: Any = None
) -> argparse.Namespace:
    """Read the flags."""
    parser = Parser(
        prog=f"python -m demos {name}",
        description=description,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    if more is not None:
        more(parser)
    add("--epochs", type=whole_number, default=epochs, metavar="N",
        help="how often all images are seen (default: %(default)s)")  # fmt: skip
    add("--batch-size", type=whole_number, default=50, metavar="N",
        help="images in each step (default: %(default)s)")  # fmt: skip
    add("--activation", choices=ACTIVATIONS, default="relu", help="(default: %(default)s)")
    add("--optimizer", choices=OPTIMIZERS, default="adam", help="(default: %(default)s)")
    add("--lr", type=positive, metavar="RATE", help="learning rate (default: by optimizer)")
    add("--seed", type=seed_number, default=0, metavar="N",
        help="of weights, order and dropout (default: %(default)s)")  # fmt: skip
    add("--runs", type=whole_number, default=1, metavar="N",
        help="how many runs, with one seed after another (default: %(default)s)")  # fmt: skip
    add("--compare", action="store_true",
        help="train with each of R2's activations and optimizers, and compare")  # fmt: skip
    add("--log-every", type=whole_number, default=100, metavar="N",
        help="steps from one printed test error to the next (default: %(default)s)")  # fmt: skip
    add("--out", default="out", metavar="DIR", help="folder for the files (default: %(default)s)")
    add("--tensorboard", metavar="DIR",
        help="folder for TensorBoard logs of every layer's statistics (default: none)")  # fmt: skip
    add("--progress", action=argparse.BooleanOptionalAction, default=sys.stderr.isatty(),
        help="whether to show a progress bar (default: on a terminal)")  # fmt: skip
    args = parser.parse_args(argv)
    for package, module in (
        ("matplotlib", "matplotlib"),
        ("safetensors", "safetensors"),
        ("scikit-learn", "sklearn"),
        ("tqdm", "tqdm"),
        ("tensorboardX", "tensorboardX"),
    ):
        if find_spec(module) is None:
            parser.exit(1, f"{missing_extra(package, 'demos', f'run {name}')}\n")
    try:
        args.out = writable_folder(args.out)
    except argparse.ArgumentTypeError as error:
        parser.error(f"argument --out: {error}")
    return args


@dataclass
class Run:
    """A trained network, and what it makes of the test images."""

    model: nn.Sequential
    history: nn.History
    outputs: Array
    accuracy: float
    seconds: float


def train(task: Task, args: argparse.Namespace, seed: int, activation: str, optimizer: str) -> Run:
    """Train one network, and test it after the last epoch."""
    rng = np.random.default_rng(seed)
    model = network(task, activation, rng)
    rate = args.lr or task.rates[optimizer]
    made = OPTIMIZERS[optimizer](model.parameters(), rate)
    steps = -(-len(task.train[0]) // args.batch_size)
    every = max(1, round(args.log_every / steps))  # epochs

    def log(state: nn.State) -> None:
        from tqdm import tqdm  # type: ignore[import-untyped]

        if state.epoch % every == 0 or state.epoch == args.epochs:
            error = 1.0 - state.history.validation_metrics["accuracy"][-1]
            tqdm.write(
                f"step {state.epoch * steps:>6}   training loss {state.loss:<8.4f} "
                f"test error {error:>6.2%}"
            )

    callbacks: list[Callable[[nn.State], None]] = [log]
    if args.tensorboard:
        folder = Path(args.tensorboard) / f"{activation}-{optimizer}-{seed}"
        callbacks.append(nn.statistics.Watcher(task.test[0][:100], every, folder))
    start = time.perf_counter()
    history = nn.fit(
        model,
        nn.CrossEntropyLoss(label_smoothing=task.smoothing),
        made,
        *task.train,
        epochs=args.epochs,
        batch_size=args.batch_size,
        rng=rng,
        metrics={"accuracy": nn.accuracy},
        validation=task.test,
        scheduler=nn.optim.lr_scheduler.CosineAnnealingLR(made, args.epochs),
        callbacks=callbacks,
        progress=args.progress,
    )
    seconds = time.perf_counter() - start
    outputs = predict(model, task.test[0])
    return Run(model, history, outputs, nn.accuracy(outputs, task.test[1]), seconds)


def predict(model: nn.Module, images: Array) -> Array:
    """Return the outputs for images, in evaluation, some at a time."""
    model.eval()
    with no_grad():
        parts = [model(images[i : i + 500]).numpy() for i in range(0, len(images), 500)]
    return np.concatenate(parts)


def run(task: Task, args: argparse.Namespace) -> int:
    """Train, print and save; return the exit status."""
    print(
        f"{task.name}: {len(task.train[0])} images to train with, {len(task.test[0])} to test with"
    )
    print(
        nn.summary(
            network(task, args.activation, np.random.default_rng(0)), task.train[0].shape[1:]
        )
    )
    choices = COMPARED if args.compare else [(args.activation, args.optimizer)]
    runs: dict[str, list[Run]] = {}
    for activation, optimizer in choices:
        name = f"{activation} + {optimizer}"
        for seed in range(args.seed, args.seed + args.runs):
            print(f"\n{name}, seed {seed}")
            done = train(task, args, seed, activation, optimizer)
            runs.setdefault(name, []).append(done)
            print(f"test accuracy {done.accuracy:.2%} after the last epoch, {done.seconds:.0f} s")
    if args.runs > 1 or args.compare:
        print(f"\ntest accuracy, median of {args.runs}")
        for name, several in runs.items():
            accuracies = [one.accuracy for one in several]
            print(f"  {name:24}{np.median(accuracies):.2%}   from {min(accuracies):.2%}")
    save(task, args.out, runs)
    return 0


def save(task: Task, out: Path, runs: dict[str, list[Run]]) -> None:
    """Write the figures and the weights of the first run; list them."""
    from . import figures

    first = next(iter(runs.values()))[0]
    histories = {name: several[0].history for name, several in runs.items()}
    with replacing(out) as folder, figures.style():
        drawn = {
            "learning_curve": learning_curves(histories),
            "confusion": confusion(first.outputs, task.test[1]),
            "mistakes": mistakes(*task.test, first.outputs),
            "filters": filters(first.model),
            "feature_maps": feature_maps(first.model, task.test[0][:1]),
        }
        for what, figure in drawn.items():
            figure.savefig(folder / f"{task.name}_{what}.png")
        nn.save_weights(first.model, folder / f"{task.name}_weights.safetensors")
        written = sorted(file.name for file in folder.iterdir())
    print("files")
    for name in written:
        print(f"  {out / name}")


# -- figures ---------------------------------------------------------------------------------


def learning_curves(histories: dict[str, nn.History]) -> Figure:
    """Draw loss and test error of each combination over the epochs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6))
    above, below = figure.subplots(2, 1, sharex=True)
    for i, (name, history) in enumerate(histories.items()):
        epochs = np.arange(1, len(history) + 1)
        above.plot(epochs, history.losses, color=f"C{i}", label=f"{name}, training")
        above.plot(epochs, history.validation_losses, "--", color=f"C{i}", label=f"{name}, test")
        error = 100 * (1 - np.array(history.validation_metrics["accuracy"]))
        below.plot(epochs, error, color=f"C{i}")
    above.set(yscale="log", ylabel="cross-entropy")
    below.set(ylabel="test error (%)", xlabel="epoch", ylim=(0, None))
    above.legend()
    for axes in (above, below):
        axes.grid(True)
    figure.align_ylabels()
    figure.suptitle("Learning curve")
    return figure


def confusion(outputs: Array, labels: Array) -> Figure:
    """Draw how often each digit was taken for each."""
    from matplotlib.figure import Figure

    counts = np.zeros((10, 10), int)
    np.add.at(counts, (labels, outputs.argmax(axis=1)), 1)
    figure = Figure(figsize=(6.4, 6))
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues", norm="symlog")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if row == column else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color)
    axes.set(xticks=range(10), yticks=range(10), xlabel="taken for", ylabel="digit")
    right = np.trace(counts)
    figure.suptitle(f"Confusion matrix: {right} of {counts.sum()} right")
    return figure


def mistakes(images: Array, labels: Array, outputs: Array) -> Figure:
    """Draw the test images that were read wrong, the surest mistakes first."""
    wrong = np.flatnonzero(outputs.argmax(axis=1) != labels)
    surest = wrong[np.argsort(-outputs[wrong].max(axis=1))][:24]
    titles = [f"{labels[i]}, read as {outputs[i].argmax()}" for i in surest]
    return _tiles(images[surest, 0], f"{len(wrong)} of {len(labels)} read wrong", titles)


def filters(model: nn.Sequential) -> Figure:
    """Draw the kernels of the first convolution."""
    kernels = model[0].weight.data[:, 0]  # type: ignore[attr-defined]
    most = np.abs(kernels).max()
    return _tiles(
        kernels, "Kernels of conv1: blue is negative", cmap="RdBu_r", limits=(-most, most)
    )


def feature_maps(model: nn.Sequential, image: Array) -> Figure:
    """Draw what the first convolution and its activation make of an image."""
    with no_grad():
        maps = model[:2](image).numpy()[0]
    titles = ["input"] + [""] * len(maps)
    return _tiles([image[0, 0], *maps], "What activation1 shows of an image", titles)


def _tiles(
    images: Any,
    title: str,
    titles: Sequence[str] = (),
    cmap: str = "gray_r",
    limits: tuple[float | None, float | None] = (None, None),
) -> Figure:
    """Draw images in rows of eight."""
    from matplotlib.figure import Figure

    rows = max(1, -(-len(images) // 8))
    figure = Figure(figsize=(8, 0.6 + rows * (1.25 if any(titles) else 1.0)))
    grid = figure.subplots(rows, 8, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for i, (axes, image) in enumerate(zip(grid, images, strict=False)):
        axes.imshow(image, cmap=cmap, vmin=limits[0], vmax=limits[1])
        if i < len(titles) and titles[i]:
            axes.set_title(titles[i], fontsize=9, loc="center")
    figure.suptitle(title)
    return figure
