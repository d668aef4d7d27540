"""`python -m demos NAME …`: pick a demonstration and hand the rest of the line to it."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import TextIOWrapper

from .command import Parser, one_line

# NAME: (module with a `main(argv)`, what it does). A module is imported when it is run.
COMMANDS = {
    "lab": ("demos.lab", "train a small network on two data sets, and picture what it learned"),
    "playground": ("demos.playground", "a page on which the lab's network learns as you watch"),
    "moons": ("demos.moons", "small networks on two moons, and their decision boundaries"),
    "blobs": ("demos.blobs", "the same on two blobs"),
    "digits": ("demos.digits", "a convolutional network that reads handwritten digits"),
    "mnist": ("demos.mnist", "the same at full size, on MNIST's files"),
    "names": ("demos.names", "from counted pairs to a recurrent network: models of names"),
    "gpt": ("demos.gpt", "a small GPT that learns to write, with pictures of its attention"),
    "report": (
        "demos.study.report",
        "four lab reports and the hand-out, every experiment run again",
    ),
    "experiment": ("demos.study.experiment", "an experiment of the lab reports, over many seeds"),
    "sweep": (
        "demos.study.sweep_command",
        "any grid of settings over many seeds, as a table and figures",
    ),
    "check": ("demos.check", "hand-written backward passes are checked, and their mistakes named"),
    "chain-rule": ("demos.chain_rule", "see how gradients come about, one step at a time"),
}


def main(argv: list[str]) -> int:
    """Run the demonstration that the first argument names; return the exit status."""
    listed = "\n".join(f"  {name:11} {summary}" for name, (_, summary) in COMMANDS.items())
    parser = Parser(
        prog="python -m demos",
        description="Demonstrations of autograd_lite and nn.",
        epilog=f"demonstrations:\n{listed}\n\nexample:\n  python -m demos lab --help",
    )
    parser.add_argument("name", choices=COMMANDS, metavar="NAME", help="which one; see below")
    name = parser.parse_args(argv[:1]).name
    status: int = import_module(COMMANDS[name][0]).main(argv[1:])
    return status


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(line_buffering=True)  # a line is seen at once in a pipe, too
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()  # here a reader that left is noticed
        sys.exit(status)
    except BrokenPipeError:  # as `head` does when it has seen enough
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        print("\ninterrupted: files of earlier runs are as they were", file=sys.stderr)
        sys.exit(130)
    except (OSError, MemoryError) as error:  # a full disk, a vast network
        print(f"python -m demos: error: {one_line(error)}", file=sys.stderr)
        sys.exit(1)
