"""A small GPT that learns to write, character by character, and shows what it looks at.

It learns from a text file, or from the names of NumPy's and Python's functions,
and then invents some. On two cores it takes less than two minutes.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd_lite import no_grad
from autograd_lite.randomness import Random, generator
from autograd_lite.visualize import palette

from . import text as texts
from .command import Parser, fraction, listing, positive, seed_number, size_number, whole_number
from .data import Array
from .figures import blank, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .text import Corpus


gelu = functools.partial(nn.functional.gelu, approximate="tanh")  # GPT's own, and faster


class GPT(nn.Module):
    """Embeddings of characters and places, blocks of attention, scores of the next character.

    (Radford et al., 2018.) Input (N, L) of integers, L at most `context`; output
    (N, L, characters).
    """

    def __init__(
        self, characters: int, context: int, width: int, heads: int, layers: int, dropout: float,
        rng: Random = None,
    ) -> None:  # fmt: skip
        draws = generator(rng)
        self.context = context
        self.character = nn.Embedding(characters, width, rng=draws)
        self.place = nn.Embedding(context, width, rng=draws)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout, gelu, batch_first=True, norm_first=True,
                rng=draws,
            )
            for _ in range(layers)
        )  # fmt: skip
        self.norm = nn.LayerNorm(width)
        self.scores = nn.Linear(width, characters, rng=draws)

    def forward(self, numbers: Any) -> Any:
        """Return the scores of what follows each character."""
        x = self._embedded(numbers)
        for block in self.blocks:
            x = block(x, is_causal=True)
        return self.scores(self.norm(x))

    def _embedded(self, numbers: Any) -> Any:
        return self.character(numbers) + self.place(np.arange(np.shape(numbers)[1]))

    def attention(self, numbers: Array) -> list[Array]:
        """Return for each block what each place of a text (L,) takes from each, (heads, L, L)."""
        x, found = self._embedded(numbers[None]), []
        for block in self.blocks:
            inside: Any = block
            given = inside.norm1(x)
            _, weights = inside.self_attn(
                given, given, given, average_attn_weights=False, is_causal=True
            )
            found.append(np.array(weights.data[0]))
            x = block(x, is_causal=True)
        return found


def main(argv: Sequence[str]) -> int:
    """Train, print samples on the way, and draw the loss and the attention."""
    args = parse(argv)
    text: Corpus = args.read
    model = GPT(
        len(text.characters), args.context, args.width, args.heads, args.layers, args.dropout,
        args.seed,
    )  # fmt: skip
    size = sum(p.size for p in model.parameters())
    print(
        f"{len(text.training)} characters to learn from, {len(text.held_out)} held out, "
        f"{len(text.characters)} different; {size} weights"
    )
    print(f"held-out loss of pairs that are counted: {texts.by_counting(text):.3f}")
    start, rng = time.monotonic(), np.random.default_rng(args.seed + 1)
    with listing(args.out) as folder, style(), np.errstate(all="ignore"):
        losses = train(model, text, args, rng)
        print(f"held-out loss after {args.steps} steps: {losses[-1][2]:.3f}", end=" ")
        print(f"({time.monotonic() - start:.0f} s)")
        curves(losses, texts.by_counting(text)).savefig(folder / "gpt_loss.png")
        shown = text.held_out[: min(args.context, 24)]
        maps(model, shown, text.decode(shown)).savefig(folder / "gpt_attention.png")
        written = sample(model, text, 500, rng)
        (folder / "gpt_sample.txt").write_text(written, encoding="utf-8")
    return 0


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the flags, and the text."""
    parser = Parser(prog="python -m demos gpt", description=__doc__)
    add = parser.add_argument
    add("--text", metavar="FILE", help="to learn from; else names that are installed")
    add("--steps", type=whole_number, default=1500, metavar="N",
        help="how often it is updated (default: %(default)s)")  # fmt: skip
    add("--context", type=size_number, default=16, metavar="N",
        help="how many characters it sees (default: %(default)s)")  # fmt: skip
    add("--width", type=size_number, default=32, metavar="N",
        help="numbers for each character (default: %(default)s)")  # fmt: skip
    add("--heads", type=size_number, default=4, metavar="N",
        help="of attention, in each layer (default: %(default)s)")  # fmt: skip
    add("--layers", type=size_number, default=2, metavar="N",
        help="of attention, one above the other (default: %(default)s)")  # fmt: skip
    add("--dropout", type=fraction, default=0.0, metavar="P",
        help="share of the numbers left out in training (default: %(default)s)")  # fmt: skip
    add("--batch-size", type=size_number, default=32, metavar="N",
        help="windows of the text in each step (default: %(default)s)")  # fmt: skip
    add("--lr", type=positive, default=3e-3, metavar="RATE",
        help="learning rate of AdamW; it falls along a cosine (default: %(default)s)")  # fmt: skip
    add("--sample-every", type=whole_number, default=500, metavar="N",
        help="steps from one sample to the next (default: %(default)s)")  # fmt: skip
    add("--seed", type=seed_number, default=0, metavar="N",
        help="where all random numbers start (default: %(default)s)")  # fmt: skip
    add("--out", default="out", metavar="DIR", help="folder for the files (default: %(default)s)")
    args = parser.parse_args(argv)
    if args.width % args.heads:
        parser.error(f"argument --heads: {args.heads} heads do not divide a width of {args.width}")
    args.read = texts.given(parser, args.text, args.seed, args.context)
    return parser.ready(args, "matplotlib")


def train(
    model: GPT, text: Corpus, args: argparse.Namespace, rng: np.random.Generator
) -> list[tuple[int, float, float]]:
    """Train; return now and then the step, the loss since the last, and the held-out loss."""
    optimizer = nn.optim.AdamW(model.parameters(), args.lr, betas=(0.9, 0.99))
    scheduler = nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps, 0.1 * args.lr)
    found, since = [], []
    every = max(1, min(args.sample_every, args.steps // 10 or 1))
    for step in range(1, args.steps + 1):
        inputs, targets = texts.windows(text.training, args.context, args.batch_size, rng)
        loss = nn.functional.cross_entropy(np.swapaxes(model(inputs), 1, 2), targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        since.append(texts.see_finite(loss.item(), args.lr))
        if step % every == 0 or step == args.steps:
            new = texts.see_finite(texts.held_out(model, text, args.context), args.lr)
            found.append((step, float(np.mean(since)), new))
            since = []
        if step % args.sample_every == 0:
            _, seen, new = found[-1]
            print(f"step {step}: loss {seen:.3f}, held out {new:.3f}")
            for line in sample(model, text, 80, rng).strip().splitlines()[:5]:
                print(f"    {line}")
            sys.stdout.flush()
    return found


def sample(model: GPT, text: Corpus, length: int, rng: np.random.Generator) -> str:
    """Let the model write on, after a new line if the text has some."""
    written = [max(text.characters.find("\n"), 0)]
    model.eval()
    with no_grad():
        for _ in range(length):
            written.append(texts.next_character(model, written, model.context, rng))
    model.train()
    return text.decode(np.array(written[1:]))


def curves(losses: list[tuple[int, float, float]], counted: float) -> Figure:
    """Draw the losses from step to step."""
    figure = blank(figsize=(6, 4))
    axes = figure.subplots()
    steps, seen, new = zip(*losses, strict=True)
    axes.plot(steps, seen, marker=".", label="of the batches")
    axes.plot(steps, new, marker="s", markersize=3, label="held out")
    axes.axhline(counted, linestyle=":", color=palette.GREY.of(), label="held out, pairs counted")
    axes.set(xlabel="step", ylabel="loss of a character (nats)", title="What it learns")
    axes.legend()
    return figure


def maps(model: GPT, numbers: Array, characters: str) -> Figure:
    """Draw for each head what each character takes from which."""
    model.eval()
    with no_grad():
        found = model.attention(numbers)
    model.train()
    figure = blank(figsize=(2.6 * len(found[0]), 2.9 * len(found)))
    grid = figure.subplots(len(found), len(found[0]), squeeze=False)
    names = [{"\n": "↵", " ": "␣"}.get(character, character) for character in characters]
    for layer, (row, heads) in enumerate(zip(grid, found, strict=True), start=1):
        for head, (axes, weights) in enumerate(zip(row, heads, strict=True), start=1):
            shades = axes.imshow(weights, cmap=palette.SHADES, vmin=0.0, vmax=1.0)
            axes.set_xticks(range(len(names)), names, fontsize=7)
            axes.set_yticks(range(len(names)), names, fontsize=7)
            axes.set_title(f"layer {layer}, head {head}", fontsize=9)
    figure.colorbar(shades, ax=grid, label="share of the attention", shrink=0.6)
    figure.supxlabel("what is looked at")
    figure.supylabel("the character that looks")
    return figure
