"""A convolutional network that reads handwritten digits: what `digits` and `mnist` share.

The network is that of report R2: two convolutions with 5 × 5 kernels, each with
an activation and 2 × 2 max-pooling, a fully connected layer, dropout, and ten
outputs with softmax cross-entropy.

>>> from demos import digits, handwriting
>>> done = handwriting.train(digits.task(), "tanh", "adagrad", epochs=1)
>>> done.outputs.shape
(359, 10)
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd_lite import no_grad
from autograd_lite.errors import MissingExtraError
from autograd_lite.visualize import palette

from . import choices
from .command import (
    SOURCES,
    Parser,
    listing,
    positive,
    seed_number,
    size_number,
    whole_number,
    writable_folder,
)
from .data import Array
from .figures import diverging, logarithmic, marker_of

if TYPE_CHECKING:
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

ACTIVATIONS = ("relu", "leaky-relu", "tanh")
OPTIMIZERS = ("adam", "adagrad")
CLASSES = 10
LEAST_SIDE = 4  # pixels, of which two poolings leave one
COMPARED = [  # activations and optimizers that R2 compares
    ("relu", "adam"),
    ("relu", "adagrad"),
    ("leaky-relu", "adagrad"),
    ("tanh", "adagrad"),
]


# -- the task, the network, the training --------------------------------------------------


@dataclass
class Task:
    """What is to be learned: images and labels to train with and to test with; and settings."""

    name: str
    train: tuple[Array, Array]
    test: tuple[Array, Array]
    channels: tuple[int, int]
    units: int
    rates: dict[str, float]
    """The learning rate for each optimizer."""
    epochs: int
    batch_size: int = 50
    smoothing: float = 0.0
    """Of the labels, see `nn.CrossEntropyLoss`."""

    def without_test(self) -> Task:
        """Return the task to choose settings by: a fifth of the images to train with is the test.

        So the test images say how good a choice was, and have had no part in it.
        """
        images, labels = self.train
        rest, held_out = nn.data.stratified_split(labels, 0.2)
        return replace(
            self,
            train=(images[rest], labels[rest]),
            test=(images[held_out], labels[held_out]),
        )


def network(task: Task, activation: str, rng: np.random.Generator) -> nn.Sequential:
    """Return R2's network, in the size that the task asks for."""
    first, second = task.channels
    rows, columns = task.train[0].shape[2:]
    settings: dict[str, Any] = {"rng": rng, "dtype": np.float32}

    def act() -> nn.Module:
        return choices.activation(activation) or nn.Identity()

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
            "fc2": nn.Linear(task.units, CLASSES, **settings),
        }
    )


@dataclass
class TestLog:
    """A callback of `fit` for every step: each so many, it tests the network."""

    task: Task
    every: int
    say: Callable[[str], object]
    board: nn.tensorboard.Log | None = None
    steps: list[int] = field(default_factory=list)
    training_losses: list[float] = field(default_factory=list)
    """The mean over the steps since the last test."""
    test_losses: list[float] = field(default_factory=list)
    test_errors: list[float] = field(default_factory=list)
    _since: list[float] = field(default_factory=list)

    def __call__(self, state: nn.State) -> None:
        """Take note of a step."""
        self._since.append(state.step_loss)
        if state.step % self.every == 0:
            self.test(state.model, state.step)

    def test(self, model: nn.Module, step: int) -> None:
        """Test the network, unless that was just done."""
        if not self._since:
            return
        images, labels = self.task.test
        outputs = predict(model, images)
        self.steps.append(step)
        self.training_losses.append(float(np.mean(self._since)))
        self.test_losses.append(float(nn.functional.cross_entropy(outputs, labels)))
        self.test_errors.append(1.0 - nn.accuracy(outputs, labels))
        self._since = []
        if self.board is not None:
            latest = {
                "steps.training_loss": self.training_losses[-1],
                "steps.test_loss": self.test_losses[-1],
                "steps.test_error": self.test_errors[-1],
            }
            self.board.numbers(latest, step)
        self.say(
            f"step {step:>6}   training loss {self.training_losses[-1]:<8.4f} "
            f"test loss {self.test_losses[-1]:<8.4f} test error {self.test_errors[-1]:>6.2%}"
        )


@dataclass
class Trained:
    """A trained network, how it learned, and what it makes of the test images at the end."""

    model: nn.Sequential
    history: nn.History
    log: TestLog
    outputs: Array
    accuracy: float
    seconds: float
    diverged: str = ""
    """What `fit` said if the loss overflowed."""


def train(
    task: Task,
    activation: str = "relu",
    optimizer: str = "adam",
    seed: int = 0,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    log_every: int = 100,
    say: Callable[[str], object] = lambda line: None,
    tensorboard: Path | None = None,
    progress: bool = False,
) -> Trained:
    """Train one network, and test it on the way and after the last epoch.

    Parameters
    ----------
    task, activation, optimizer
        What to learn, and a name of `ACTIVATIONS` and of `OPTIMIZERS`.
    seed
        Of the weights, the order of the images and dropout.
    epochs, batch_size, lr
        By default those of the task.
    log_every
        Steps from one test to the next.
    say
        What is called with a line of text at each test.
    tensorboard
        A folder for a log of every layer.
    progress
        Whether to show a progress bar.
    """
    rng = np.random.default_rng(seed)
    model = network(task, activation, rng)
    made = choices.optimizer(optimizer, model.parameters(), lr or task.rates[optimizer])
    epochs = epochs or task.epochs
    watchers = []
    if tensorboard is not None:
        watchers.append(nn.statistics.Watcher(task.test[0][:100], folder=tensorboard))
    log = TestLog(task, log_every, say, watchers[0].log if watchers else None)
    start, diverged = time.perf_counter(), ""
    try:
        history = nn.fit(
            model,
            nn.CrossEntropyLoss(label_smoothing=task.smoothing),
            made,
            *task.train,
            epochs=epochs,
            batch_size=batch_size or task.batch_size,
            rng=rng,
            scheduler=nn.optim.lr_scheduler.CosineAnnealingLR(made, epochs),
            callbacks=watchers,
            step_callbacks=[log],
            progress=progress,
        )
    except nn.DivergedError as error:
        history, diverged = error.history, str(error)
    seconds = time.perf_counter() - start
    log.test(model, log.steps[-1] + len(log._since) if log.steps else len(log._since))
    outputs = predict(model, task.test[0])
    if log.board is not None:
        wrong = surest_mistakes(outputs, task.test[1])
        if len(wrong):
            log.board.images("misclassified", task.test[0][wrong, 0], 0)
        log.board.close()
    accuracy = nn.accuracy(outputs, task.test[1])
    return Trained(model, history, log, outputs, accuracy, seconds, diverged)


def predict(model: nn.Module, images: Array) -> Array:
    """Return the outputs for images, in evaluation, some at a time."""
    with no_grad(), nn.watch.evaluation(model):
        parts = [model(images[i : i + 500]).numpy() for i in range(0, len(images), 500)]
    return np.concatenate(parts)


# -- the command -----------------------------------------------------------------------------


def arguments(
    argv: Sequence[str], name: str, description: str, epochs: int, more: Any = None
) -> argparse.Namespace:
    """Read the flags."""
    parser = Parser(prog=f"python -m demos {name}", description=description, epilog=SOURCES)
    add = parser.add_argument
    if more is not None:
        more(parser)
    add("--epochs", type=whole_number, default=epochs, metavar="N",
        help="how often all images are seen (default: %(default)s)")  # fmt: skip
    add("--batch-size", type=whole_number, default=Task.batch_size, metavar="N",
        help="images in each step (default: %(default)s)")  # fmt: skip
    add("--activation", choices=ACTIVATIONS, default="relu",
        help="after each layer but the last (default: %(default)s)")  # fmt: skip
    add("--optimizer", choices=OPTIMIZERS, default="adam",
        help="how weights change (default: %(default)s)")  # fmt: skip
    add("--lr", type=positive, metavar="RATE", help="learning rate (default: by optimizer)")
    add("--seed", type=seed_number, default=0, metavar="N",
        help="of weights, order and dropout (default: %(default)s)")  # fmt: skip
    add("--runs", type=size_number, default=1, metavar="N",
        help="how many runs, with one seed after another (default: %(default)s)")  # fmt: skip
    add("--compare", action="store_true",
        help="train with each of R2's activations and optimizers, and compare")  # fmt: skip
    add("--validate", action="store_true",
        help="leave the test images alone, and test on a fifth of the others: "
             "to choose settings by")  # fmt: skip
    add("--log-every", type=whole_number, default=100, metavar="N",
        help="steps from one test to the next (default: %(default)s)")  # fmt: skip
    add("--out", default="out", metavar="DIR", help="folder for the files (default: %(default)s)")
    add("--tensorboard", metavar="DIR",
        help="folder for TensorBoard logs of every layer (default: none)")  # fmt: skip
    add("--fast", action="store_true",
        help="use compiled loops: the same to rounding, in less time (needs numba)")  # fmt: skip
    add("--progress", action=argparse.BooleanOptionalAction, default=sys.stderr.isatty(),
        help="whether to show a progress bar (default: on a terminal)")  # fmt: skip
    args = parser.parse_args(argv)
    if args.fast:
        try:
            nn.fast.enable()
        except MissingExtraError as error:
            parser.exit(1, f"{error}\n")
    if args.tensorboard:
        try:
            writable_folder(args.tensorboard)
        except argparse.ArgumentTypeError as error:
            parser.error(f"argument --tensorboard: {error}")
    needed = ("matplotlib", "safetensors", "scikit-learn", "tqdm", "tensorboardX")
    return parser.ready(args, *needed)


def run(task: Task, args: argparse.Namespace) -> int:
    """Train, print and save; return the exit status."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    if args.validate:
        task = task.without_test()
    print(
        f"{task.name}: {len(task.train[0])} images to train with, {len(task.test[0])} to test with"
    )
    shown = network(task, args.activation, np.random.default_rng(0))
    print(nn.summary(shown, task.train[0].shape[1:]))
    choices = COMPARED if args.compare else [(args.activation, args.optimizer)]
    runs: dict[str, list[Trained]] = {}
    for activation, optimizer in choices:
        name = f"{activation} + {optimizer}"
        for seed in range(args.seed, args.seed + args.runs):
            print(f"\n{name}, seed {seed}")
            folder = f"{activation}-{optimizer}-{seed}"
            done = train(
                task,
                activation,
                optimizer,
                seed,
                epochs=args.epochs,
                batch_size=args.batch_size,
                lr=args.lr,
                log_every=args.log_every,
                say=tqdm.write,
                tensorboard=Path(args.tensorboard, folder) if args.tensorboard else None,
                progress=args.progress,
            )
            runs.setdefault(name, []).append(done)
            if done.diverged:
                print(f"{name}, seed {seed}: {done.diverged}", file=sys.stderr)
            print(
                f"test accuracy {done.accuracy:.2%} after epoch {len(done.history)}, "
                f"{done.seconds:.0f} s"
            )
    if args.runs > 1 or args.compare:
        print(f"\ntest accuracy, median of {args.runs}")
        for name, several in runs.items():
            accuracies = [one.accuracy for one in several]
            spread = f"from {min(accuracies):.2%} to {max(accuracies):.2%}"
            print(f"  {name:24}{np.median(accuracies):.2%}   {spread}")
    save(task, args.out, runs)
    return int(any(one.diverged for several in runs.values() for one in several))


def save(task: Task, out: Path, runs: dict[str, list[Trained]]) -> None:
    """Write the figures, and the weights of the first run."""
    from . import figures

    first = next(iter(runs.values()))[0]
    with listing(out) as folder, figures.style():
        drawn = {
            "learning_curve": learning_curves(
                {name: some[0].log for name, some in runs.items()}, task.smoothing
            ),
            "confusion": confusion(first.outputs, task.test[1]),
            "mistakes": mistakes(*task.test, first.outputs),
            "filters": filters(first.model),
            "feature_maps": feature_maps(first.model, task.test[0][:1]),
        }
        for what, figure in drawn.items():
            figure.savefig(folder / f"{task.name}_{what}.png")
        nn.save_weights(first.model, folder / f"{task.name}_weights.safetensors")


# -- figures ---------------------------------------------------------------------------------


def learning_curves(logs: dict[str, TestLog], smoothing: float) -> Figure:
    """Draw loss and test error of each combination over the steps."""
    from matplotlib.figure import Figure

    title = "training: with dropout" + (f", labels smoothed by {smoothing:g}" if smoothing else "")
    figure = Figure(figsize=(8, 6))
    above, below = figure.subplots(2, 1, sharex=True)
    for i, (name, log) in enumerate(logs.items()):
        line = {"color": f"C{i}", "marker": marker_of(log.steps)}
        above.plot(log.steps, log.training_losses, label=f"{name}, training", **line)
        above.plot(log.steps, log.test_losses, "--", label=f"{name}, test", **line)
        below.plot(log.steps, 100 * np.array(log.test_errors), **line)
    above.set(ylabel="cross-entropy (log scale)", title=title)
    logarithmic(above, "y")
    # From 0 to 1 % in one step, and from there on by factors.
    below.set(ylabel="test error (%)", xlabel="step", yscale="symlog", ylim=(0, 100))
    below.set_yticks((0, 1, 2, 5, 10, 20, 50, 100), minor=False)
    above.legend(fontsize=9, ncols=1 if len(logs) == 1 else 2)
    below.yaxis.set_major_formatter("{x:g}")
    below.yaxis.set_minor_formatter("")
    last = max((log.steps[-1] for log in logs.values() if log.steps), default=1)
    below.set_xlim(0, 1.02 * last)
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
    shades = axes.imshow(counts, cmap=palette.SHADES, norm="symlog")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            dark = shades.cmap(shades.norm(count))[0] < 0.5
            color = palette.PAPER.of() if dark else palette.INK.of()
            axes.text(column, row, str(count), ha="center", va="center", color=color)
    axes.set(xticks=range(10), yticks=range(10), xlabel="taken for", ylabel="digit")
    right = np.trace(counts)
    figure.suptitle(f"Confusion matrix: {right} of {counts.sum()} right")
    return figure


def mistakes(images: Array, labels: Array, outputs: Array) -> Figure:
    """Draw the test images that were read wrong, the surest mistakes first."""
    wrong = surest_mistakes(outputs, labels)
    titles = [f"{labels[i]}, read as {outputs[i].argmax()}" for i in wrong[:24]]
    return _tiles(images[wrong[:24], 0], f"{len(wrong)} of {len(labels)} read wrong", titles)


def surest_mistakes(outputs: Array, labels: Array) -> Array:
    """Return the indices of what was read wrong, the most probable first."""
    wrong = np.flatnonzero(outputs.argmax(axis=1) != labels)
    sure = nn.functional.softmax(outputs[wrong]).max(axis=1) if len(wrong) else wrong
    found: Array = wrong[np.argsort(-sure)]
    return found


def filters(model: nn.Sequential) -> Figure:
    """Draw the kernels of the first convolution."""
    kernels = model[0].weight.data[:, 0]  # type: ignore[attr-defined]
    most = np.abs(kernels).max()
    return _tiles(
        kernels, "Kernels of conv1: blue is positive", cmap=diverging(), limits=(-most, most)
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
    cmap: str | Colormap = palette.SHADES,
    limits: tuple[float | None, float | None] = (None, None),
) -> Figure:
    """Draw images in rows of eight, or of a few more where the last row would be nearly empty."""
    from matplotlib.figure import Figure

    columns = min(range(8, 13), key=lambda n: -len(images) % n) if len(images) > 8 else 8
    rows = max(1, -(-len(images) // columns))
    figure = Figure(figsize=(8, 0.6 + rows * 8 / columns * (1.25 if any(titles) else 1.0)))
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for i, (axes, image) in enumerate(zip(grid, images, strict=False)):
        axes.imshow(image, cmap=cmap, vmin=limits[0], vmax=limits[1])
        if i < len(titles) and titles[i]:
            axes.set_title(titles[i], fontsize=9, loc="center")
    figure.suptitle(title)
    return figure
