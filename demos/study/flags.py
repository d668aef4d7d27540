"""What `experiment` and `sweep` share: where runs are trained, and what is printed of them."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.errors import missing_extra

from ..command import Parser, size_number
from .compiled import is_there
from .plans import Reported, RunPlan
from .scheduler import BACKENDS, run, tasks

if TYPE_CHECKING:
    from pandas import Series  # type: ignore[import-untyped]

    from .store import Results

PACKAGES = ("joblib", "matplotlib", "pandas", "safetensors", "scikit-learn", "tqdm")


def add_where(parser: Parser, out: str) -> None:
    """Add the flags that say where runs are trained and stored."""
    add = parser.add_argument_group("where").add_argument
    add("--jobs", type=size_number, metavar="N",
        help="processes on this machine (default: one for each core)")  # fmt: skip
    add("--backend", choices=BACKENDS, default="local",
        help="the cores of this machine, or a Dask cluster (default: %(default)s)")  # fmt: skip
    add("--scheduler", metavar="URL",
        help="of the Dask cluster (example: --scheduler tcp://127.0.0.1:8786)")  # fmt: skip
    add("--out", default=out, metavar="DIR",
        help="folder for results; none is run twice (default: %(default)s)")  # fmt: skip
    add_compile(add)
    add("--progress", action=argparse.BooleanOptionalAction, default=None,
        help="whether to show a progress bar (default: on a terminal; elsewhere a line now and "
        "then)")  # fmt: skip


def add_compile(add: Callable[..., Any]) -> None:
    """Add the flag that says whether training is compiled code."""
    add("--compile", action=argparse.BooleanOptionalAction, default=None,
        help="whether to train in compiled loops, the same to rounding (default: where numba is "
        "installed, for runs so long that it pays)")  # fmt: skip


def check_compile(parser: Parser, args: argparse.Namespace) -> None:
    """Exit unless Numba is installed if it was asked for."""
    if args.compile and not is_there():
        parser.exit(1, f"{missing_extra('numba', 'fast', 'train in compiled loops')}\n")


def say_how(plans: Sequence[RunPlan], args: argparse.Namespace) -> None:
    """Print whether runs are trained in compiled loops."""
    wanted = [(cell, seed) for plan in plans for cell in plan.cells.values() for seed in plan.seeds]
    todo = tasks(wanted, args.compile)
    if any(task.compiled for task in todo):
        runs = sum(len(task) for task in todo if task.compiled)
        print(f"{runs} of {sum(map(len, todo))} runs in compiled loops (--no-compile: in none)")


def check_where(parser: Parser, args: argparse.Namespace) -> None:
    """Exit unless the backend has what it needs, and the packages are installed."""
    if args.backend == "dask" and args.scheduler is None:
        parser.error("argument --backend: dask needs --scheduler, such as tcp://127.0.0.1:8786")
    if args.backend != "dask" and args.scheduler is not None:
        parser.error("argument --scheduler: it is for --backend dask")
    check_compile(parser, args)
    parser.ready(args, *PACKAGES)


def results_of(parser: Parser, plans: Sequence[RunPlan], args: argparse.Namespace) -> Results:
    """Run what is not stored yet; whatever stops that ends the program here, in one line."""
    say_how(plans, args)
    try:
        results = run(
            plans,
            args.out,
            backend=args.backend,
            scheduler=args.scheduler,
            jobs=args.jobs,
            progress=args.progress,
            compile=args.compile,
        )
    except KeyboardInterrupt:
        parser.exit(130, "\ninterrupted: what is finished is stored; the same command goes on\n")
    except (OSError, ValueError) as error:
        parser.fail(error)
    for note in results.notes:
        print(note, file=sys.stderr)
    return results


def hints(results: Results, plan: RunPlan) -> Iterator[str]:
    """Yield a line on the cells that failed, and what to try."""
    runs = results.runs[results.runs.experiment == plan.experiment.name]
    wild = [label for label in plan.cells if runs[runs.cell == label].diverged.any()]
    failed = [
        label
        for label in plan.cells
        if label not in wild and not (runs[runs.cell == label].accuracy >= 0.9).any()
    ]
    if wild:
        yield f"  overflowed: {'; '.join(wild)}. Try a smaller rate, or a sigmoid at the end."
    if failed:
        yield (
            f"  failed, no seed has 90 % right: {'; '.join(failed)}. Try a larger rate, more "
            "epochs, more units, or another start of the weights."
        )


def table(results: Results, plan: RunPlan, reported: Sequence[Reported] = ()) -> str:
    """Return a line for each cell, how its seeds did; and one for each figure of the source."""
    name = plan.experiment.name
    runs, curves = (t[t.experiment == name] for t in (results.runs, results.curves))
    width = max(len(label) for label in (*plan.cells, "cell"))
    lines = [f"  {'cell':{width}}  {'median loss (quartiles)':32}  ≥ 90 %  100 %  diverged"]
    for label in plan.cells:
        cell = runs[runs.cell == label]
        shares = [f"{(cell.accuracy >= least).mean():6.0%}" for least in (0.9, 1.0)]
        diverged = f"{cell.diverged.mean():8.0%}" if cell.diverged.any() else ""
        lines.append(
            f"  {label:{width}}  {_spread(cell.final_loss, '.3g'):32}  {shares[0]} {shares[1]}  "
            f"{diverged}".rstrip()
        )
        for figure in reported:
            if figure.cell == label:
                at = curves[(curves.cell == label) & (curves.epoch == figure.epoch)]
                column = "final_loss" if figure.quantity == "loss" else figure.quantity
                here = cell[column] if figure.epoch is None else at[figure.quantity]
                lines.append(f"  {'':{width}}    reported {_beside(figure, here)}")
    return "\n".join(lines)


def _spread(values: Series, form: str) -> str:
    """Return the median and the quartiles."""
    with np.errstate(invalid="ignore"):  # between two infinite numbers pandas finds NaN
        low, middle, high = values.quantile([0.25, 0.5, 0.75]).fillna(math.inf)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def _beside(figure: Reported, here: Series) -> str:
    """Return a reported figure in words, and beside it what came out here."""
    form = ".3g" if figure.quantity == "loss" else ".1%"
    at = "" if figure.epoch is None else f" after epoch {figure.epoch}"
    words = f" ({figure.words})" if figure.words else ""
    ours = _spread(here, form) if len(here) else "not reached"
    return f"{figure.quantity} {figure.value:{form}}{at}{words}; here {ours}"
