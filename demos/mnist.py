"""R2's convolutional network on MNIST, or a relative of it, from its IDX files."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

import nn

from .handwriting import Task, arguments, run

EPOCHS = 9  # of 1200 steps each: about R2's 10,000


def main(argv: Sequence[str]) -> int:
    """Train, print and save; return the exit status."""

    def more(parser: ArgumentParser) -> None:
        parser.add_argument(
            "--data",
            required=True,
            metavar="DIR",
            help="folder with the four IDX files, such as train-images-idx3-ubyte.gz",
        )

    args = arguments(argv, "mnist", __doc__ or "", EPOCHS, more)
    try:
        parts = [nn.data.read_mnist(args.data, train).arrays for train in (True, False)]
    except (OSError, ValueError) as error:
        print(f"python -m demos mnist: error: {error}", file=sys.stderr)
        return 2
    task = Task(
        name="mnist",
        train=(parts[0][0], parts[0][1]),
        test=(parts[1][0], parts[1][1]),
        channels=(32, 64),
        units=1024,
        rates={"adam": 1e-4, "adagrad": 1e-2},
        epochs=EPOCHS,
    )
    return run(task, args)
