"""Print the benchmark table: ``python -m benchmarks [--rounds N] [NAME ...]``."""

from __future__ import annotations

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # before NumPy is imported

import argparse  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402

from .harness import measure, report  # noqa: E402
from .rows import ROWS, stamp  # noqa: E402


def main() -> None:
    """Measure the rows that were named, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Speeds, side by side with the peers in one run."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ROWS)}; all")
    parser.add_argument("--rounds", type=int, default=25, help="turns for each (default 25)")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in ROWS]
    if unknown:
        parser.error(f"there is no row {', '.join(unknown)}: choose from {', '.join(ROWS)}")
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    if len(arguments.names) != 1:
        print(stamp(), flush=True)
        for name in arguments.names or ROWS:
            # A process for each row: what one has imported must not burden the next.
            command = [sys.executable, "-m", "benchmarks", name, "--rounds", str(arguments.rounds)]
            subprocess.run(command, check=True)
        return
    [name] = arguments.names
    rounds = max(3, arguments.rounds // 5) if name == "long" else arguments.rounds
    print("\n" + report(measure(ROWS[name](), rounds)), flush=True)


if __name__ == "__main__":
    main()
