"""``python -m autograd_lite.testing lab.py:NNet`` checks the backward pass of a hand-in.

Each file runs in a process of its own, with a time and a memory limit: what hangs, prints,
exits or raises costs its own row and nothing else.
"""

from __future__ import annotations

import argparse
import csv
import glob
import html
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from ..files import replace
from ..visualize.palette import css
from .handin import CANNOT, RIGHT, STATUS, WRONG, check_file

SAID = {RIGHT: "right", WRONG: "WRONG", CANNOT: "cannot check"}


def main(argv: Sequence[str] | None = None) -> int:
    """Check hand-ins; return 0 (all are right), 1 (one is wrong) or 2 (one cannot be checked)."""
    parser = argparse.ArgumentParser(
        prog="python -m autograd_lite.testing",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="A file says what to check in a function gradient_check(NNet): see docs/check.md.",
    )
    parser.add_argument(
        "specs", nargs="+", metavar="FILE:NAME", help="what to check; FILE may be a pattern"
    )
    parser.add_argument("--adapter", metavar="FILE", help="a file with gradient_check(NAME) in it")
    parser.add_argument("--csv", metavar="FILE", help="write a row for each file")
    parser.add_argument("--html", metavar="FILE", help="write a page with what was found")
    parser.add_argument(
        "--timeout", type=float, default=30.0, metavar="S", help="seconds a file (30)"
    )
    parser.add_argument("--memory", type=int, default=4096, metavar="MB", help="MiB a file (4096)")
    parser.add_argument("--result", help=argparse.SUPPRESS)  # where a process leaves what it found
    args = parser.parse_args(argv)
    if args.result:
        _child(args)
        return 0
    if args.timeout <= 0 or args.memory <= 0:
        parser.error("--timeout and --memory are above 0")
    specs = _expanded(args.specs)
    results = {spec: _apart(spec, args) for spec in specs}
    print(_table(results))
    try:
        if args.csv:
            replace(args.csv, _csv(results).encode())
        if args.html:
            replace(args.html, _page(results).encode())
    except OSError as error:
        print(f"python -m autograd_lite.testing: error: {error}", file=sys.stderr)
        return 2
    found = {result["status"] for result in results.values()}
    return STATUS[WRONG] if WRONG in found else STATUS[CANNOT] if CANNOT in found else 0


def _expanded(specs: Sequence[str]) -> list[str]:
    """Return each file that a pattern names, with the name behind the colon."""
    found: list[str] = []
    for spec in specs:
        pattern, colon, name = spec.rpartition(":")
        files = sorted(glob.glob(pattern)) if any(c in pattern for c in "*?[") else []
        found += [f"{file}{colon}{name}" for file in files] or [spec]
    return found


# -- a process for each file ---------------------------------------------------------------


def _apart(spec: str, args: argparse.Namespace) -> dict[str, Any]:
    """Check one file in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result.json")
        command = [sys.executable, "-m", "autograd_lite.testing", spec, "--result", str(result)]
        command += ["--memory", str(args.memory)]
        command += ["--adapter", args.adapter] if args.adapter else []
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that what it starts ends with it
        )
        try:
            process.wait(args.timeout)
        except subprocess.TimeoutExpired:
            return _failed(f"it ran longer than {args.timeout:g} seconds")
        finally:
            _end(process)
        try:
            made: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return _failed(
                f"its process ended with status {process.returncode} and no result: it may have "
                f"asked for more than {args.memory} MiB, or ended Python"
            )
        return made


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, 9)
    except (OSError, AttributeError):  # it is gone, or this is no POSIX system
        process.kill()
    process.wait()


def _failed(why: str) -> dict[str, Any]:
    return {"status": CANNOT, "message": why, "rows": [], "diagnoses": []}


def _child(args: argparse.Namespace) -> None:
    try:
        import resource

        limit = args.memory * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, ValueError, OSError):
        pass  # no limit on this system
    (spec,) = args.specs
    result = check_file(spec, args.adapter)
    Path(args.result).write_text(json.dumps(result, default=str), encoding="utf-8")


# -- what is shown -------------------------------------------------------------------------


def _table(results: dict[str, dict[str, Any]]) -> str:
    lines = []
    for spec, result in results.items():
        lines.append(f"{spec}: {SAID[result['status']]}")
        width = max((len(row["name"]) for row in result["rows"]), default=0)
        for row in result["rows"]:
            verdict = row["verdict"].replace("unknown", "cannot tell")
            verdict = verdict.upper() if verdict == "wrong" else verdict
            lines.append(f"  {row['name']:<{width}}  {verdict:<11}  off by {row['difference']:.0e}")
        said = result["diagnoses"] or ([] if result["status"] == RIGHT else [result["message"]])
        lines += [f"  → {text}" for text in said]
    return "\n".join(lines)


def _csv(results: dict[str, dict[str, Any]]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["file", "name", "status", "right", "wrong", "what"])
    for spec, result in results.items():
        file, _, name = spec.rpartition(":")
        verdicts = {row["name"]: row["verdict"] for row in result["rows"]}
        right = sum(v == "right" for v in verdicts.values())
        what = "; ".join(result["diagnoses"]) or result["message"]
        rows.writerow([file, name, result["status"], right, len(verdicts) - right, what])
    return text.getvalue()


def _page(results: dict[str, dict[str, Any]]) -> str:
    parts = []
    for spec, result in results.items():
        rows = "".join(
            f"<tr class={r['verdict']}><td><code>{html.escape(r['name'])}</code><td>{r['verdict']}"
            f"<td>{r['difference']:.0e}"
            for r in result["rows"]
        )
        said = result["diagnoses"] or ([] if result["status"] == RIGHT else [result["message"]])
        items = "".join(f"<li>{html.escape(text)}" for text in said)
        table = f"<table><tr><th>array<th>verdict<th>off by{rows}</table>" if rows else ""
        status = f"<span class={result['status'].split()[0]}>{SAID[result['status']]}</span>"
        step = _step_shown(spec, result.get("step"))
        head = f"<h2>{html.escape(spec)}: {status}</h2>"
        parts.append(f"<section>{head}{table}<ul>{items}</ul>{step}</section>")
    return PAGE.substitute(colours=css(), sections="".join(parts))


def _step_shown(spec: str, step: dict[str, Any] | None) -> str:
    """The wrong line of the source, and what it made beside what it should have made."""
    if not step:
        return ""
    try:
        source = Path(spec.rpartition(":")[0]).read_text(encoding="utf-8").splitlines()
        line = source[step["line"] - 1].strip()
    except (OSError, IndexError, UnicodeDecodeError):
        line = ""
    name = f"<code>{html.escape(step['name'])}</code>"
    arrays = "".join(
        f"<figure><figcaption>{name} {said}</figcaption>{_matrix(step[key], beside)}</figure>"
        for key, said, beside in (
            ("given", "is", step.get("wanted")),
            ("wanted", "should be", None),
        )
        if step.get(key) is not None
    )
    return f"<p>Line {step['line']}: <code>{html.escape(line)}</code></p><div>{arrays}</div>"


def _matrix(numbers: Any, right: Any = None) -> str:
    rows = numbers if numbers and isinstance(numbers[0], list) else [numbers]
    rights = right if right and isinstance(right[0], list) else [right or []]
    cells = []
    for i, row in enumerate(rows):
        if any(isinstance(x, list) for x in row):
            return f"<pre>{html.escape(str(numbers))}</pre>"
        cells.append("<tr>")
        for j, x in enumerate(row):
            wanted = rights[i][j] if i < len(rights) and j < len(rights[i]) else x
            off = abs(x - wanted) > 1e-6 * max(abs(wanted), abs(x))
            cells.append(f"<td{' class=wrong' if off else ''}>{x:.4g}{' ✗' if off else ''}")
    return f"<table class=matrix>{''.join(cells)}</table>"


PAGE = Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Gradient check</title>
<style>
$colours
body { color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
section { border-top: 1px solid var(--line); overflow-x: auto }
td, th { padding: .2rem .8rem .2rem 0; text-align: left } .matrix td { text-align: right }
.wrong, .cannot { color: var(--bad); font-weight: 600 } .right { color: var(--complete) }
div { display: flex; gap: 2rem; flex-wrap: wrap } figure { margin: 0 }
figcaption { font-weight: 600 }
</style>
<h1>Gradient check</h1>
$sections
</html>
""")


if __name__ == "__main__":
    sys.exit(main())
