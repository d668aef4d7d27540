"""From counted pairs to a recurrent network: four models of what character comes next.

All learn from the same names, of NumPy's and Python's functions or the lines of a
file, and are held against names that they have not seen; each invents some.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd_lite import no_grad
from autograd_lite.randomness import Random, generator

from . import text as texts
from .command import Parser, listing, positive, seed_number, size_number, whole_number
from .figures import blank, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .text import Corpus

CONTEXT = 16
WINDOW = 3


class Pairs(nn.Module):
    """A row of scores for each character: what counting finds, learned by its gradient."""

    def __init__(self, characters: int, rng: Random = None) -> None:
        self.scores = nn.Embedding(characters, characters, rng=rng)

    def forward(self, numbers: Any) -> Any:
        """Return the scores of what follows each character (N, L), as (N, L, characters)."""
        return self.scores(numbers)


class Window(nn.Module):
    """A network with a hidden layer that sees the last few characters.

    (Bengio et al., 2003.)
    """

    def __init__(self, characters: int, rng: Random = None) -> None:
        draws = generator(rng)
        self.vectors = nn.Embedding(characters, 10, rng=draws)
        self.hidden = nn.Linear(WINDOW * 10, 64, rng=draws)
        self.scores = nn.Linear(64, characters, rng=draws)

    def forward(self, numbers: Any) -> Any:
        """Return the scores; before the first character it sees the first once more."""
        numbers = np.asarray(numbers)
        before = np.repeat(numbers[:, :1], WINDOW - 1, axis=1)
        long = np.concatenate([before, numbers], axis=1)
        length = numbers.shape[1]
        seen = np.stack([long[:, k : k + length] for k in range(WINDOW)], axis=-1)
        x = np.reshape(self.vectors(seen), (*numbers.shape, WINDOW * 10))
        return self.scores(np.tanh(self.hidden(x)))


class Recurrent(nn.Module):
    """A GRU, which keeps in its state what it makes of all characters so far."""

    def __init__(self, characters: int, rng: Random = None) -> None:
        draws = generator(rng)
        self.vectors = nn.Embedding(characters, 16, rng=draws)
        self.gru = nn.GRU(16, 64, batch_first=True, rng=draws)
        self.scores = nn.Linear(64, characters, rng=draws)

    def forward(self, numbers: Any) -> Any:
        """Return the scores."""
        states, _ = self.gru(self.vectors(numbers))
        return self.scores(states)


MODELS: dict[str, Callable[..., nn.Module]] = {
    "pairs, learned": Pairs,
    f"{WINDOW} characters, a hidden layer": Window,
    "a recurrent network (GRU)": Recurrent,
}


def main(argv: Sequence[str]) -> int:
    """Train each model, print what it reaches and some names, and draw them side by side."""
    args = parse(argv)
    text: Corpus = args.read
    print(f"{len(text.training)} characters to learn from, {len(text.held_out)} held out")
    reached = {"pairs, counted": texts.by_counting(text)}
    print(f"  {'pairs, counted':32}{reached['pairs, counted']:.3f}")
    with listing(args.out) as folder, style(), np.errstate(all="ignore"):
        for name, make in MODELS.items():
            start, rng = time.monotonic(), np.random.default_rng(args.seed)
            model = make(len(text.characters), rng=args.seed)
            train(model, text, args, rng)
            reached[name] = texts.see_finite(texts.held_out(model, text, CONTEXT), args.lr)
            print(f"  {name:32}{reached[name]:.3f}   ({time.monotonic() - start:.0f} s)")
            print(f"      {'  '.join(invented(model, text, 6, rng))}")
            sys.stdout.flush()
        bars(reached).savefig(folder / "names.png")
    return 0


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the flags, and the text."""
    parser = Parser(prog="python -m demos names", description=__doc__)
    add = parser.add_argument
    add("--text", metavar="FILE", help="a name a line; else names that are installed")
    add("--steps", type=whole_number, default=1500, metavar="N",
        help="of each model (default: %(default)s)")  # fmt: skip
    add("--batch-size", type=size_number, default=32, metavar="N",
        help="windows of the text in each step (default: %(default)s)")  # fmt: skip
    add("--lr", type=positive, default=0.01, metavar="RATE",
        help="learning rate of Adam (default: %(default)s)")  # fmt: skip
    add("--seed", type=seed_number, default=0, metavar="N",
        help="where all random numbers start (default: %(default)s)")  # fmt: skip
    add("--out", default="out", metavar="DIR", help="folder for the files (default: %(default)s)")
    args = parser.parse_args(argv)
    args.read = texts.given(parser, args.text, args.seed, CONTEXT)
    return parser.ready(args, "matplotlib")


def train(
    model: nn.Module, text: Corpus, args: argparse.Namespace, rng: np.random.Generator
) -> None:
    """Train on windows from anywhere in the text."""
    optimizer = nn.optim.Adam(model.parameters(), args.lr)
    scheduler = nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps, 0.1 * args.lr)
    for _ in range(args.steps):
        inputs, targets = texts.windows(text.training, CONTEXT, args.batch_size, rng)
        loss = nn.functional.cross_entropy(np.swapaxes(model(inputs), 1, 2), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()


def invented(model: nn.Module, text: Corpus, count: int, rng: np.random.Generator) -> list[str]:
    """Let a model write names, from the end of one line to the next."""
    end = max(text.characters.find("\n"), 0)
    names = []
    with no_grad():
        for _ in range(count):
            written = [end]
            while len(written) < 20 and (len(written) == 1 or written[-1] != end):
                written.append(texts.next_character(model, written, CONTEXT, rng))
            names.append(text.decode(np.array(written)).strip())
    return names


def bars(reached: dict[str, float]) -> Figure:
    """Draw the held-out losses side by side."""
    figure = blank(figsize=(7, 3))
    axes = figure.subplots()
    axes.barh(list(reached), list(reached.values()))
    for place, value in enumerate(reached.values()):
        axes.text(value, place, f" {value:.3f}", va="center")
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set(xlabel="held-out loss of a character (nats)")
    return figure
