"""Print the benchmark table: ``python -m benchmarks [--rounds N] [NAME ...]``.

``--json FILE`` and ``--markdown FILE`` write it down as well; the site's page of benchmarks is
``python -m benchmarks --markdown docs/benchmarks.md``.
"""

from __future__ import annotations

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # before NumPy is imported

import argparse  # noqa: E402
import json  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from .harness import as_markdown, as_text, measure  # noqa: E402
from .rows import ROWS, stamp  # noqa: E402

PAGE = """# Benchmarks

Speeds beside the peers, which take turns in one run: {stamp}.
Contenders take turns; a ratio is that of two turns of the same round, its median and quartiles.
Below 1, ours is faster. Before they are timed, all results of a row are compared. Made by
`python -m benchmarks --markdown docs/benchmarks.md`.

{table}
"""


def main() -> None:
    """Measure the rows that were named, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Speeds, side by side with the peers in one run."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(ROWS)}; without one, all"
    )
    parser.add_argument("--rounds", type=int, default=25, help="turns for each (default 25)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write them as a page too")
    parser.add_argument("--only", help=argparse.SUPPRESS)  # in a process of its own: one row
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in ROWS]
    if unknown:
        parser.error(f"there is no row {', '.join(unknown)}: choose from {', '.join(ROWS)}")
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    if arguments.only:
        rounds = arguments.rounds
        rounds = max(3, rounds // 5) if arguments.only == "long" else rounds
        row = measure(ROWS[arguments.only](), rounds).data()
        arguments.json.write_text(json.dumps(row), encoding="utf-8")
        return
    print(stamp(), flush=True)
    rows = []
    for name in arguments.names or ROWS:
        rows.append(_alone(name, arguments.rounds))
        print("\n" + as_text(rows[-1]).replace("**", ""), flush=True)
        # Written after each row, so that a run that is stopped leaves what it has.
        if arguments.json:
            text = json.dumps({"measured": stamp(), "rows": rows}, indent=1, ensure_ascii=False)
            arguments.json.write_text(text + "\n", encoding="utf-8")
        if arguments.markdown:
            page = PAGE.format(stamp=stamp(), table=as_markdown(rows))
            arguments.markdown.write_text(page, encoding="utf-8")


def _alone(name: str, rounds: int) -> dict[str, Any]:
    """Measure a row in a process of its own: what one has imported must not burden the next."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "row.json")
        command = [sys.executable, "-m", "benchmarks", "--only", name, "--rounds", str(rounds)]
        subprocess.run([*command, "--json", str(file)], check=True)
        row: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return row


if __name__ == "__main__":
    main()
