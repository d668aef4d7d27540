"""Report R2's first part: small networks on two moons, or on two blobs.

Each network has softmax cross-entropy summed over all points, plus
λ/2 ‖W‖², and is trained by gradient descent on all points at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import numpy as np

import nn
from autograd_lite import no_grad

from .command import (
    SOURCES,
    Parser,
    listing,
    positive,
    seed_number,
    whole_number,
)
from .data import Array
from .figures import Panel, boundaries, style

# Each network of a figure: its title, the sizes of the hidden layers, the activation.
Network = tuple[str, list[int], str]


def _deep(pairs: Sequence[tuple[int, int]]) -> list[Network]:
    """Return networks for (width, layers), where input and output count as layers."""
    return [(f"width {w}, layers {n}", [w] * (n - 2), "tanh") for w, n in pairs]


FIGURES: dict[str, dict[str, list[Network]]] = {
    "moons": {
        "activations": [(name, [3], name) for name in ("tanh", "sigmoid", "relu")],
        "hidden_units": [(f"{n} hidden units", [n], "tanh") for n in (3, 5, 10, 15, 20)],
        "depth": _deep([(3, 3), (3, 5), (5, 5), (5, 10), (10, 3), (10, 5)]),
    },
    "blobs": {"depth": _deep([(3, 3), (3, 5), (5, 3), (5, 5)])},
}
DATA: dict[str, Callable[[np.random.Generator], tuple[Array, Array]]] = {
    "moons": lambda rng: nn.data.moons(200, 0.20, rng),
    "blobs": lambda rng: nn.data.blobs(200, rng=rng),
}


def moons(argv: Sequence[str]) -> int:
    """Run R2's part 1 on two moons."""
    return main("moons", argv)


def blobs(argv: Sequence[str]) -> int:
    """Run R2's part 1 on two blobs."""
    return main("blobs", argv)


def main(name: str, argv: Sequence[str]) -> int:
    """Train a network for each panel, print how it does, and draw its decision boundary."""
    args, diverged = parse(name, argv), False
    points, labels = DATA[name](np.random.default_rng(args.seed))
    print(f"{name}: 200 points; rate {args.lr:g}, {args.passes} passes, λ {args.decay:g}")
    with listing(args.out) as folder, style():
        for what, networks in FIGURES[name].items():
            views = []
            for title, hidden, activation in networks:
                model, overflowed = train(points, labels, hidden, activation, args)
                diverged |= overflowed
                accuracy = nn.accuracy(predict(model, points), labels)
                views.append(Panel(f"{title}: {accuracy:.1%}", points, labels, of_label_1(model)))
                print(f"  {title:24}{accuracy:>7.1%}", flush=True)
            figure = boundaries(views)
            figure.suptitle(f"{name}: {what.replace('_', ' ')}")
            figure.savefig(folder / f"{name}_{what}.png")
    return int(diverged)


def parse(name: str, argv: Sequence[str]) -> argparse.Namespace:
    """Read the flags."""
    parser = Parser(
        prog=f"python -m demos {name}",
        description=__doc__,
        epilog=SOURCES,
    )
    add = parser.add_argument
    add("--lr", type=positive, default=0.01, metavar="RATE",
        help="learning rate, on the sum over all points (default: %(default)s)")  # fmt: skip
    add("--weight-decay", "--decay", dest="decay", type=positive, default=0.01, metavar="LAMBDA",
        help="λ of the L2 regularisation (default: %(default)s)")  # fmt: skip
    add("--epochs", "--passes", dest="passes", type=whole_number, default=20000, metavar="N",
        help="steps (default: %(default)s)")  # fmt: skip
    add("--seed", type=seed_number, default=0, metavar="N",
        help="where all random numbers start (default: %(default)s)")  # fmt: skip
    add("--out", default="out", metavar="DIR", help="folder for the files (default: %(default)s)")
    return parser.ready(parser.parse_args(argv), "matplotlib", "scikit-learn")


def train(
    points: Array, labels: Array, hidden: list[int], activation: str, args: argparse.Namespace
) -> tuple[nn.MLP, bool]:
    """Train one network, and say whether it diverged: it has the last finite weights then."""
    model = nn.MLP([2, *hidden, 2], activation, init="fan_in_normal", rng=args.seed)
    weights = [p for p in model.parameters() if p.ndim > 1]
    biases = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": weights, "weight_decay": args.decay}, {"params": biases}]
    optimizer = nn.optim.SGD(groups, args.lr)
    loss = nn.CrossEntropyLoss(reduction="sum")
    try:
        nn.fit(model, loss, optimizer, points, labels, epochs=args.passes, progress=False)
    except nn.DivergedError as error:
        print(f"  {error}", file=sys.stderr)
        return model, True
    return model, False


def of_label_1(model: nn.Module) -> Callable[[Array], Array]:
    """Return the function from points to the probability of label 1."""
    return lambda points: predict(model, points)[:, 1]


def predict(model: nn.Module, points: Array) -> Array:
    """Return the probabilities of both classes."""
    with no_grad():
        outputs: Array = nn.functional.softmax(model(points)).numpy()
    return outputs
