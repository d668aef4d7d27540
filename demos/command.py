"""What every sub-command shares: one-line errors, checked numbers, whole files."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from autograd_lite.errors import missing_extra
from autograd_lite.files import staged

SOURCES = """\
R0 to R3 are four reports on a university course's first lab, and R4 is its hand-out:
  R0  a network without bias, all points in one update
  R1  a network of layer objects, with bias, that stops when the loss is small
  R2  deeper networks on moons and blobs, and a convolutional network on digits
  R3  an update after every single point
  R4  the task, its data and derivations, and a printed log
"""
"""What the demonstrations call R0 to R4, for their help."""

IMPORTED_AS = {"scikit-learn": "sklearn"}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the usage before it.

    `--out` and a package that is missing are seen to by `ready`, last: whatever
    is wrong, nothing has been made then.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"formatter_class": HelpFormatter, "allow_abbrev": False, **settings})

    def ready(self, args: argparse.Namespace, *packages: str) -> argparse.Namespace:
        """Check that packages are installed, and make the folder `args.out`; return the flags."""
        for package in packages:
            if find_spec(IMPORTED_AS.get(package, package)) is None:
                self.exit(1, f"{missing_extra(package, 'demos', f'run {self.prog}')}\n")
        try:
            args.out = writable_folder(args.out)
        except argparse.ArgumentTypeError as error:
            self.error(f"argument --out: {error}")
        return args

    def error(self, message: str, marked: str = "") -> NoReturn:
        """Say what is wrong and where help is, and below it what is `marked`; exit with 2."""
        said = f"{self.prog}: error: {one_line(f'{message} (see {self.prog} --help)')}\n"
        self.exit(2, said + "".join(f"{one_line(line)}\n" for line in marked.splitlines()))

    def fail(self, message: object, status: int = 1) -> NoReturn:
        """Say in one line what went wrong; exit."""
        self.exit(status, f"{self.prog}: error: {one_line(message)}\n")


def one_line(message: object) -> str:
    r"""Return a text with what does not print written as Python writes it.

    >>> one_line("a\n\udc80é")
    'a\\n\\udc80é'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(message))


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Options in one column, their explanations in another."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=96)


MOST = 10**9
"""More of anything than a machine can train."""


def whole_number(text: str, least: int = 1, most: int | None = MOST) -> int:
    """Read an integer that is at least `least`, and at most `most`.

    >>> whole_number("4")
    4
    """
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, not '{text}'") from None
    if number < least:
        raise argparse.ArgumentTypeError(f"must be at least {least}, not {text}")
    if most is not None and number > most:
        raise argparse.ArgumentTypeError(f"must be at most {most}, not {text}")
    return number


def size_number(text: str) -> int:
    """Read how many units, layers or networks there are to be: no more than memory may hold."""
    return whole_number(text, most=100_000)


def seed_number(text: str) -> int:
    """Read a seed: an integer from 0."""
    return whole_number(text, least=0, most=None)


def positive(text: str) -> float:
    """Read a finite number above 0.

    >>> positive("0.1")
    0.1
    """
    number = _number(text)
    if not (number > 0 and math.isfinite(number)):
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text}")
    return number


def fraction(text: str) -> float:
    """Read a number from 0 up to, but not including, 1."""
    number = _number(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 0 and below 1, not {text}")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, not '{text}'") from None


def writable_folder(text: str) -> Path:
    """Make a folder and check that files can be written into it."""
    folder = Path(text)
    try:
        text.encode()  # else what lies in it could not be listed
        folder.mkdir(parents=True, exist_ok=True)
        with staged(folder):
            pass
    except ValueError:  # UnicodeEncodeError too
        raise argparse.ArgumentTypeError(f"{text!a} is no name for a folder") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise argparse.ArgumentTypeError(f"cannot write into '{text}': {reason}") from None
    return folder


@contextmanager
def listing(folder: Path) -> Iterator[Path]:
    """Do as `staged`, and print what was written."""
    with staged(folder) as new:
        yield new
        names = sorted(file.name for file in new.iterdir())
    print("files")
    for name in names:
        print(f"  {folder / name}")
