"""Text as numbers: what `gpt` and `names` learn from, and how well counting does on it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import nn
from autograd_lite import no_grad

from .command import Parser
from .data import Array

LIBRARIES = (
    "numpy", "numpy.linalg", "numpy.fft", "numpy.random", "math", "statistics", "itertools",
    "collections", "functools", "pathlib", "string", "random", "json", "inspect", "ast", "typing",
    "logging", "socket", "threading", "zipfile",
)  # fmt: skip
LEAST = 1000
"""Fewer characters than this teach nothing."""


class Corpus(NamedTuple):
    """A text in numbers, and what each number stands for."""

    training: Array  # the first nine tenths of the lines, or of the characters
    held_out: Array
    characters: str

    def decode(self, numbers: Array) -> str:
        """Return numbers as characters."""
        return "".join(self.characters[i] for i in numbers)


def installed_names() -> list[str]:
    """Return the public names of NumPy and of modules that come with Python, in lower case."""
    found = {module.name for module in pkgutil.iter_modules()}
    for library in LIBRARIES:
        found |= set(dir(importlib.import_module(library)))
    kept = {name.lower().strip("_") for name in found if name.isascii() and not name.isupper()}
    return sorted(name for name in kept if 2 < len(name) < 20 and name.replace("_", "").isalpha())


def read(path: str | None, seed: int) -> Corpus:
    """Return the text of a file, or without one the names that are installed, a line each.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no text, or a short one.
    """
    rng = np.random.default_rng(seed)
    if path is None:
        names = installed_names()
        text = "".join(f"{names[i]}\n" for i in rng.permutation(len(names)))
    else:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is no text in UTF-8: {error.reason}") from None
    if len(text) < LEAST:
        raise ValueError(f"{path} has {len(text)} characters: give a text of at least {LEAST}")
    characters = "".join(sorted(set(text)))
    number = {character: i for i, character in enumerate(characters)}
    numbers = np.array([number[character] for character in text])
    split = text.rfind("\n", 0, len(text) * 9 // 10) + 1 or len(text) * 9 // 10
    return Corpus(numbers[:split], numbers[split:], characters)


def windows(
    numbers: Array, length: int, count: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return windows from anywhere in a text, (count, length), and what follows each character."""
    starts = rng.integers(0, len(numbers) - length, count)
    at = starts[:, None] + np.arange(length + 1)
    return numbers[at[:, :-1]], numbers[at[:, 1:]]


def whole(numbers: Array, length: int, most: int = 256) -> Iterator[tuple[Array, Array]]:
    """Yield a text once through, in windows side by side, at most so many at once."""
    count = (len(numbers) - 1) // length
    inputs = numbers[: count * length].reshape(count, length)
    targets = numbers[1 : count * length + 1].reshape(count, length)
    for first in range(0, count, most):
        yield inputs[first : first + most], targets[first : first + most]


def by_counting(text: Corpus) -> float:
    """Return the held-out loss of pairs that are counted: how often which character follows which.

    One of each pair is added, so that none is impossible.
    """
    counts = np.ones((len(text.characters),) * 2)
    np.add.at(counts, (text.training[:-1], text.training[1:]), 1.0)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return float(-np.log(shares[text.held_out[:-1], text.held_out[1:]]).mean())


def held_out(model: nn.Module, text: Corpus, context: int) -> float:
    """Return the mean loss of a character that is not trained on."""
    total = count = 0.0
    model.eval()
    with no_grad():
        for inputs, targets in whole(text.held_out, context):
            scores = np.swapaxes(model(inputs), 1, 2)
            total += nn.functional.cross_entropy(scores, targets, reduction="sum").item()
            count += targets.size
    model.train()
    return total / count


def next_character(
    model: nn.Module, written: list[int], context: int, rng: np.random.Generator
) -> int:
    """Draw the number of a character from what a model says of the one that follows."""
    seen = np.array(written[-context:])[None]
    shares = nn.functional.softmax(model(seen).numpy()[0, -1])
    return int(rng.choice(len(shares), p=shares / shares.sum()))


def see_finite(loss: float, lr: float) -> float:
    """Return a loss; or end the program in one line where it has overflown, or is about to."""
    if not loss < 1e6:
        raise SystemExit(
            f"python -m demos: error: the loss became {loss:.3g}, so training has failed: try a "
            f"--lr smaller than {lr:g}; files of earlier runs are as they were"
        )
    return loss


def given(parser: Parser, path: str | None, seed: int, context: int) -> Corpus:
    """Return the text that the flag --text names, or say in a line what is wrong with it."""
    try:
        text = read(path, seed)
    except OSError as error:
        parser.error(f"argument --text: cannot read '{path}': {error.strerror}")
    except ValueError as error:
        parser.error(f"argument --text: {error}")
    if len(text.held_out) <= context + 1:
        parser.error(
            f"a context of {context} is more than the {len(text.held_out)} characters that are "
            "held out"
        )
    return text
