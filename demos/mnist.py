"""R2's convolutional network on MNIST, or a relative of it, from its IDX files."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

import numpy as np

import nn

from .command import one_line
from .data import Array
from .handwriting import CLASSES, LEAST_SIDE, Task, arguments, run

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
        check(*parts, validate=args.validate)
    except (OSError, ValueError) as error:
        print(f"python -m demos mnist: error: {one_line(error)}", file=sys.stderr)
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


def check(train: tuple[Array, ...], test: tuple[Array, ...], *, validate: bool = False) -> None:
    """Raise unless images and labels are such as the network can learn.

    Raises
    ------
    ValueError
        If there are none, they are too small or of two sizes, or labels are no digits.
    """
    for what, (images, labels) in (("training", train), ("test", test)):
        sides = images.shape[2:]
        if not len(images):
            raise ValueError(f"the {what} files have no images")
        if min(sides) < LEAST_SIDE or sides != train[0].shape[2:]:
            raise ValueError(
                f"the {what} images have {sides[0]} × {sides[1]} pixels: all must be of one size, "
                f"of {LEAST_SIDE} × {LEAST_SIDE} at least"
            )
        if labels.max() >= CLASSES:
            raise ValueError(
                f"the {what} files have the label {labels.max()}: there must be digits alone, from "
                f"0 to {CLASSES - 1}"
            )
    counts = np.bincount(train[1])
    if validate and counts[counts > 0].min() < 2:
        raise ValueError("for --validate there must be two training images of each digit")
