"""A page on which the lab's network learns, in a browser: rate and points can be changed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import numpy as np

import nn
from autograd_lite import play
from autograd_lite.errors import AutogradError

from .choices import ACTIVATIONS, activation
from .command import Parser, listing, one_line, positive, seed_number, size_number
from .data import DATASETS, Array
from .lab import LOSSES, RATES, SEED

DATA: dict[str, Callable[[np.random.Generator], tuple[Array, Array]]] = {
    **DATASETS,
    "moons": lambda rng: nn.data.moons(200, 0.20, rng),
    "blobs": lambda rng: nn.data.blobs(200, rng=rng),
}
OPTIMIZERS = ("sgd", "momentum", "adam")

EPILOG = """\
examples:
  the lab's network, on XOR:
    python -m demos playground
  a wider one with bias, on two moons, with Adam:
    python -m demos playground --dataset moons --hidden 8 8 --bias --optimizer adam
"""


def main(argv: Sequence[str]) -> int:
    """Write the page; return the exit status."""
    args = parse(argv)
    rng = np.random.default_rng(args.seed)
    inputs, labels = DATA[args.dataset](rng)
    sizes = [2, *args.hidden, 1]
    model = nn.MLP(
        sizes,
        activation=activation(args.activation, args.slope),
        output_activation=nn.Sigmoid(),
        bias=args.bias,
        init=args.init,
        rng=rng,
    )
    try:
        page = play(
            model,
            LOSSES[args.loss][0](),
            inputs,
            labels.reshape(-1, 1).astype(float),
            optimizer=args.optimizer,
            lr=args.lr,
            title=f"Watch it learn: {'-'.join(map(str, sizes))} on {args.dataset}",
        )
    except (AutogradError, ValueError) as error:
        print(f"python -m demos playground: error: {one_line(error)}", file=sys.stderr)
        return 1
    print(
        f"{args.dataset}: {len(inputs)} points; network {'-'.join(map(str, sizes))}, "
        f"{args.activation}; {args.optimizer} at rate {args.lr:g}\n"
        "a page that trains it, in a browser, without a network: open the file"
    )
    with listing(args.out) as folder:
        page.save(folder / f"playground_{args.dataset}.html")
    return 0


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the flags, named as the lab's."""
    parser = Parser(prog="python -m demos playground", description=__doc__, epilog=EPILOG)

    def flag(name: str, text: str, shown: str = "%(default)s", **kwargs: object) -> None:
        parser.add_argument(name, help=f"{text} (default: {shown})", **kwargs)  # type: ignore[arg-type]

    flag("--dataset", "which points to learn", choices=DATA, default="xor")
    flag("--hidden", "units of each hidden layer", "4 4", type=size_number, nargs="+",
         default=[4, 4], metavar="UNITS")  # fmt: skip
    flag("--activation", "after each hidden layer", choices=ACTIVATIONS, default="sigmoid")
    flag("--slope", "of leaky-relu, for negative numbers", type=positive, default=0.01,
         metavar="X")  # fmt: skip
    flag("--bias", "whether layers have a bias", "--no-bias", default=False,
         action=argparse.BooleanOptionalAction)  # fmt: skip
    flag("--init", "how weights start: N(0, 1), or another name of nn.init",
         choices=nn.init.BY_NAME, default="normal", metavar="NAME")  # fmt: skip
    flag("--loss", "squared error or cross-entropy", choices=LOSSES, default="mse")
    flag("--optimizer", "how weights change, to begin with", choices=OPTIMIZERS, default="sgd")
    rates = ", ".join(f"{RATES[o]:g} for {o}" for o in OPTIMIZERS)
    flag("--lr", "learning rate, to begin with", rates, type=positive, metavar="RATE")
    flag("--seed", "where all random numbers start", type=seed_number, default=SEED, metavar="N")
    flag("--out", "folder for the file", default="out", metavar="DIR")
    args = parser.parse_args(argv)
    args.lr = args.lr or RATES[args.optimizer]
    packages = ["scikit-learn"] if args.dataset in ("moons", "blobs") else []
    return parser.ready(args, *packages)
