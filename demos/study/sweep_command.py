"""`python -m demos sweep`: train every combination of some settings, over many seeds."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import nn

from ..command import Parser, fraction, listing, positive, size_number, whole_number
from . import figures
from .configuration import ACTIVATIONS, LOSSES, OPTIMIZERS, SHAPES, Configuration
from .flags import add_where, check_where, hints, results_of, table
from .plans import WORDS, Experiment, RunPlan

EPILOG = """\
examples:
  python -m demos sweep --lr 1 0.3 0.1 --hidden 2 4 10 --seeds 30
  python -m demos sweep --dataset linear xor --activation sigmoid tanh relu \\
      --optimizer sgd momentum adagrad adam --lr 0.1 --epochs 2000
  python -m demos sweep --lr 0.1 1 --backend dask --scheduler tcp://127.0.0.1:8786

A sweep that was interrupted goes on where it stopped: give the same command again.
"""


def main(argv: Sequence[str]) -> int:
    """Run the grid, print a table, draw its figures and list the files; return the exit status."""
    parser, args = parse(argv)
    try:
        grid = grid_of(args)
    except ValueError as error:
        parser.error(str(error).rstrip("."))
    check_where(parser, args)
    sweep = Experiment("sweep", "Every combination of some settings.", grid)
    plan = RunPlan(sweep, grid, range(args.seeds))
    print(f"cells: {len(grid)}; seeds of each: {args.seeds}; runs: {len(grid) * args.seeds}")
    results = results_of(parser, [plan], args)
    print(table(results, plan))
    for line in hints(results, plan):
        print(line)
    runs = results.runs[results.runs.experiment == "sweep"]
    with listing(args.out) as folder:
        figures.sweep_figures(dataclasses.replace(results, runs=runs), folder)
    for name in ("runs.csv", "curves.csv"):
        print(f"  {args.out / name}")
    return 0


LABELS: dict[str, Callable[[Any], str]] = {
    **WORDS,
    "hidden": lambda hidden: "-".join(map(str, hidden)),
    "bias": lambda bias: "with bias" if bias else "no bias",
    "init": str,
    "loss": str,
    "batch": lambda batch: f"batches of {batch}" if batch else "full batch",
}


def grid_of(args: argparse.Namespace) -> dict[str, Configuration]:
    """Return every combination of the settings, labelled by those that have several values.

    Raises
    ------
    ValueError
        If two settings do not go together.
    """
    options: dict[str, Sequence[Any]] = {
        "data": args.data,
        "hidden": [(units,) * layers for layers in args.layers for units in args.hidden],
        "bias": [choice == "yes" for choice in args.bias],
        "activation": args.activation,
        "init": args.init,
        "loss": args.loss or [None],
        "optimizer": args.optimizer,
        "lr": args.lr,
        "batch": args.batch,
    }
    several = [name for name, values in options.items() if len(set(values)) > 1]
    grid = {}
    for values in itertools.product(*options.values()):
        settings = dict(zip(options, values, strict=True))
        label = ", ".join(LABELS[name](settings[name]) for name in several) or settings["data"]
        classes = SHAPES[settings["data"]][1] > 1
        settings["loss"] = settings["loss"] or ("cross_entropy" if classes else "mse")
        grid[label] = Configuration(
            **settings,
            output_activation="softmax" if classes else args.output_activation,
            slope=args.slope,
            momentum=args.momentum,
            weight_decay=args.weight_decay,
            epochs=args.epochs,
            stop_below=args.stop_below,
        )
    return grid


def parse(argv: Sequence[str]) -> tuple[Parser, argparse.Namespace]:
    """Read the flags; whatever is wrong with them ends the program here, in one line."""
    parser = Parser(
        prog="python -m demos sweep",
        description="Train every combination of some settings, each over many seeds.",
        epilog=EPILOG,
    )

    def flag(name: str, text: str, shown: str, *before: str, **kwargs: Any) -> None:
        # An option that was called otherwise still goes by that name.
        group.add_argument(name, *before, help=f"{text} (default: {shown})", **kwargs)

    group = parser.add_argument_group("settings of which several can be given")
    data = [name for name in SHAPES if name != "digits"]
    flag("--dataset", "the points", "xor", "--data", dest="data",
         nargs="+", choices=data, default=["xor"])  # fmt: skip
    flag("--hidden", "units of each hidden layer", "4",
         nargs="+", type=size_number, default=[4], metavar="UNITS")  # fmt: skip
    flag("--layers", "hidden layers", "2",
         nargs="+", type=size_number, default=[2], metavar="N")  # fmt: skip
    flag(
        "--bias", "whether layers have one", "no", nargs="+", choices=("yes", "no"), default=["no"]
    )
    flag("--activation", "after each hidden layer", "sigmoid",
         nargs="+", type=activation, default=["sigmoid"], metavar=NAMES)  # fmt: skip
    flag("--init", "how weights start, a name of nn.init", "normal",
         nargs="+", choices=nn.init.BY_NAME, default=["normal"], metavar="NAME")  # fmt: skip
    flag("--loss", "what is minimised", "mse; cross_entropy for moons and blobs",
         nargs="+", choices=LOSSES)  # fmt: skip
    flag("--optimizer", "how weights change", "sgd",
         nargs="+", choices=OPTIMIZERS, default=["sgd"])  # fmt: skip
    flag("--lr", "learning rate", "1", nargs="+", type=positive, default=[1.0], metavar="RATE")
    flag("--batch-size", "points in an update, or all", "all", "--batch", dest="batch",
         nargs="+", type=batch, default=[None], metavar="N")  # fmt: skip

    group = parser.add_argument_group("settings of all cells")
    flag("--seeds", "random initialisations of each cell", "10",
         type=size_number, default=10, metavar="N")  # fmt: skip
    flag("--epochs", "how often all points are seen", "2000",
         type=whole_number, default=2000, metavar="N")  # fmt: skip
    flag("--output-activation", "after the last layer; moons and blobs have softmax", "sigmoid",
         type=activation, default="sigmoid", metavar=NAMES)  # fmt: skip
    flag("--slope", "of leaky-relu, for negative numbers", "0.01",
         type=positive, default=0.01, metavar="X")  # fmt: skip
    flag("--momentum", "share of the last change that momentum keeps", "0.9",
         type=fraction, default=0.9, metavar="BETA")  # fmt: skip
    flag("--weight-decay", "λ of λ/2 ‖W‖²", "none",
         type=positive, default=0.0, metavar="LAMBDA")  # fmt: skip
    flag("--stop-below", "stop when the loss is below this", "never",
         type=positive, metavar="LOSS")  # fmt: skip
    add_where(parser, "out/sweep")
    return parser, parser.parse_args(argv)


SPELLED = {"none" if n == "identity" else n.replace("_", "-"): n for n in ACTIVATIONS}
"""Activations by the names that the lab gives them."""
NAMES = f"{{{','.join(SPELLED)}}}"


def activation(text: str) -> str:
    """Read an activation, by the lab's name or by the study's.

    >>> activation("none"), activation("identity"), activation("leaky-relu")
    ('identity', 'identity', 'leaky_relu')
    """
    name = SPELLED.get(text, text)
    if name not in ACTIVATIONS:
        raise argparse.ArgumentTypeError(f"must be one of {NAMES[1:-1]}, not '{text}'")
    return name


def batch(text: str) -> int | None:
    """Read a number of points, or "all", which is None.

    >>> batch("all"), batch("10")
    (None, 10)
    """
    return None if text == "all" else whole_number(text)
