"""Random programs until the time is over: ``python -m tests.soak --seconds 60 --seed 0``.

Each seed is 400 programs; when they are done, the next seed follows. A program that fails is made
small and printed, with the command that draws it again; then the soak goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

import numpy as np

from tests.soak.checks import hold
from tests.soak.programs import Program, draw
from tests.soak.shrink import shrink

PROGRAMS = 400


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long; 60")
    parser.add_argument("--seed", type=int, default=0, help="the first seed; 0")
    parser.add_argument("--program", type=int, help="one program of the seed, and no other")
    asked = parser.parse_args(argv)
    notes: Counter[str] = Counter()
    end, failed = time.monotonic() + asked.seconds, 0
    for seed, number in numbers(asked.seed, asked.program):
        if asked.program is None and time.monotonic() > end:
            break
        notes["programs"] += 1
        program = draw(np.random.default_rng([seed, number]))
        error = failure(program, notes)
        if error is not None:
            failed += 1
            report(program, error, f"--seed {seed} --program {number}")
    told = ", ".join(f"{count} {what}" for what, count in notes.items() if count)
    print(f"soak: {told}; {failed} disagree (from seed {asked.seed} to {seed})")
    return failed > 0


def numbers(seed: int, program: int | None):
    if program is not None:
        yield seed, program
        return
    while True:
        yield from ((seed, n) for n in range(PROGRAMS))
        seed += 1


def failure(program: Program, notes: Counter[str] | None = None) -> Exception | None:
    """Return why a program does not hold, if it does not."""
    try:
        hold(program.function(), *program.arguments(), notes=notes)
    except Exception as error:
        return error
    return None


def report(program: Program, error: Exception, again: str) -> None:
    """Print a small program that fails in the same way."""

    def fails(smaller: Program) -> bool:
        other = failure(smaller)
        return type(other) is type(error) and kind(other) == kind(error)

    small = shrink(program, fails)
    print(f"== {again}: {type(error).__name__}: {error}")
    print(f"python -m tests.soak {again}  # or, as small as it gets:\n")
    print(small.whole_text(), flush=True)


def kind(error: Exception | None) -> str:
    """Return what a message says before any number in it."""
    return str(error).partition(":")[0][:40]


if __name__ == "__main__":
    sys.exit(main())
