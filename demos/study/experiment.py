"""`python -m demos experiment NAME`: run an experiment of the reports over many seeds."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from ..command import SOURCES, Parser, listing, size_number, whole_number
from ..figures import style
from . import figures
from .experiments import EXPERIMENTS, find
from .flags import add_where, check_where, hints, results_of, table
from .plans import RunPlan

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]

    from .store import Results

EPILOG = f"""\
{SOURCES}
examples:
  python -m demos experiment --list
  python -m demos experiment R1-without-activation --seeds 100
  python -m demos experiment R0-linear R0-xor --full

An experiment that was interrupted goes on where it stopped: give the same command again.
"""


def main(argv: Sequence[str]) -> int:
    """Run, print a table and list the files; return the exit status."""
    parser, args = parse(argv)
    if args.list:
        for experiment in EXPERIMENTS.values():
            print(f"{experiment.name:26}{experiment.sentence}")
        return 0
    size = "quick" if args.quick else "full" if args.full else "default"
    plans = [find(name).sized(size, args.seeds, args.epochs) for name in dict.fromkeys(args.names)]
    started = time.perf_counter()
    results = results_of(parser, plans, args)
    print(f"{sum(len(p.cells) * len(p.seeds) for p in plans)} runs", end=" ")
    print(f"in {time.perf_counter() - started:.1f} s, with those that were stored before")
    for plan in plans:
        experiment = plan.experiment
        asked = max(cell.epochs for cell in plan.cells.values())
        source = max(cell.epochs for cell in experiment.cells.values())
        shorter = f" of the source's {source}" if asked < source else ""
        print(f"\n{experiment.name}: {experiment.sentence}")
        if experiment.assumed:
            print(fill(experiment.assumed, 96, initial_indent="  ", subsequent_indent="  "))
        print(f"  {len(plan.seeds)} seeds, at most {asked}{shorter} epochs")
        print(table(results, plan, experiment.reported))
        for line in hints(results, plan):
            print(line)
    print()
    with listing(args.out) as folder, style():
        for plan in plans:
            figure = figures.learning_curves(_panels(results, plan))
            figure.suptitle(plan.experiment.name)
            figures.save(figure, folder, plan.experiment.name)
    for name in ("runs.csv", "curves.csv"):
        print(f"  {args.out / name}")
    return 0


def _panels(results: Results, plan: RunPlan) -> dict[str, dict[str, DataFrame]]:
    """Return the curves of an experiment, those of each data set in a panel of their own."""
    curves = results.curves[results.curves.experiment == plan.experiment.name]
    panels: dict[str, dict[str, DataFrame]] = {}
    for label, cell in plan.cells.items():
        panels.setdefault(cell.data, {})[label] = curves[curves.cell == label]
    return panels


def parse(argv: Sequence[str]) -> tuple[Parser, argparse.Namespace]:
    """Read the flags; whatever is wrong with them ends the program here, in one line."""
    parser = Parser(
        prog="python -m demos experiment",
        description="Run experiments of four reports and the hand-out, over many random starts.",
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="which; see --list")
    add("--list", action="store_true", help="show all experiments, and run none")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="few seeds, and few epochs")
    size.add_argument("--full", action="store_true", help="100 seeds, and the source's epochs")
    add("--seeds", type=size_number, metavar="N",
        help="random initialisations of each cell (default: by experiment)")  # fmt: skip
    add("--epochs", type=whole_number, metavar="N", help="at most (default: by experiment)")
    add_where(parser, "out/study")
    args = parser.parse_args(argv)
    if not args.list:
        if not args.names:
            parser.error("argument NAME: name an experiment, or see --list")
        for name in args.names:
            try:
                find(name)
            except ValueError as error:
                parser.error(str(error)[0].lower() + str(error)[1:].rstrip("."))
        check_where(parser, args)
    return parser, args
