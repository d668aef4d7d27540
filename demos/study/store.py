"""Results on disk: each is there whole or not at all, and is counted once.

A folder holds

* ``results/``: a file for the runs of some seeds of one configuration, under the
  configuration's key. What is here is never trained again;
* ``asked.json``: which experiments were asked for, their cells and seeds;
* ``runs.csv`` and ``curves.csv``: what was asked for and is there, as tidy tables. They
  are made from the other two whenever these are newer.

A file takes its place under its name at once, when it is on the disk. So an
interrupt, a ``kill -9`` or a full disk leaves every result that was stored.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.errors import missing_extra
from autograd_lite.files import alone, replace
from nn.files import read_arrays, write_arrays

from ..command import one_line
from ..data import Array
from .configuration import VERSION, Configuration
from .outcome import Outcome, logged_epochs
from .plans import RunPlan

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]

WRONG = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError)
"""What reading a file raises that is not as it should be."""

# -- one file ---------------------------------------------------------------------------------


def save(folder: Path, runs: Sequence[Outcome]) -> None:
    """Store runs, a file for each configuration among them.

    Raises
    ------
    OSError
        If a file cannot be written; those that were there are whole.
    """
    for key in {run.configuration.key: None for run in runs}:
        same = [run for run in runs if run.configuration.key == key]
        seeds = hashlib.sha256(repr([run.seed for run in same]).encode()).hexdigest()[:8]
        path = folder / "results" / f"{key}-{seeds}.safetensors"
        with _writing(path), alone(folder):
            write_arrays(path, *_packed(same))


def _packed(runs: Sequence[Outcome]) -> tuple[dict[str, Array], dict[str, str]]:
    """Return runs of one configuration as arrays, and what they are as texts."""
    arrays = {
        "seed": np.array([run.seed for run in runs]),
        "diverged": np.array([run.diverged for run in runs]),
        "held_out_accuracy": np.array([run.held_out_accuracy for run in runs]),
        "seconds": np.array([run.seconds for run in runs]),
        # The curves one after the other: runs stop at different epochs.
        "curve.length": np.array([len(run.epochs) for run in runs]),
        "curve.epoch": np.concatenate([run.epochs for run in runs]),
        "curve.loss": np.concatenate([run.losses for run in runs]),
        "curve.accuracy": np.concatenate([run.accuracies for run in runs]),
    }
    for name in runs[0].weights:
        arrays[f"weights.{name}"] = np.stack([run.weights[name] for run in runs])
    texts = {
        "version": str(VERSION),
        "configuration": json.dumps(dataclasses.asdict(runs[0].configuration)),
    }
    return arrays, texts


def _unpacked(path: Path) -> list[Outcome]:
    """Read the runs of a file.

    Raises
    ------
    ValueError
        If it is damaged, or of another version.
    """
    arrays, texts = read_arrays(path)
    version = texts.get("version")
    if version != str(VERSION):
        raise ValueError(
            f"{path} holds results of version {version or 'unknown'} of the study, and this is "
            f"version {VERSION}"
        )
    cell = Configuration(**json.loads(texts["configuration"]))
    _check_form(arrays)
    weights = {k.removeprefix("weights."): v for k, v in arrays.items() if k.startswith("weights.")}
    ends = np.cumsum(arrays["curve.length"])[:-1]
    epochs, losses, accuracies = (
        np.split(arrays[f"curve.{column}"], ends) for column in ("epoch", "loss", "accuracy")
    )
    return [
        Outcome(
            cell,
            int(seed),
            epochs=epochs[i].tolist(),
            losses=losses[i].tolist(),
            accuracies=accuracies[i].tolist(),
            diverged=bool(arrays["diverged"][i]),
            held_out_accuracy=float(arrays["held_out_accuracy"][i]),
            seconds=float(arrays["seconds"][i]),
            weights={name: stack[i] for name, stack in weights.items()},
        )
        for i, seed in enumerate(arrays["seed"])
    ]


def _check_form(arrays: dict[str, Array]) -> None:
    """Raise unless arrays are such as `_packed` makes."""
    count = len(arrays["seed"])
    total = int(np.sum(arrays["curve.length"]))
    for name, array in arrays.items():
        whole = name in ("seed", "curve.length", "curve.epoch")
        shape = array.shape[:1] if name.startswith("weights.") else array.shape
        fits = shape == (count,) if not name.startswith("curve.") else shape == (total,)
        if name == "curve.length":
            fits = shape == (count,) and bool(np.all(array > 0))
        if not fits or (whole and array.dtype.kind not in "iu") or array.dtype.kind not in "iufb":
            raise ValueError(f"its '{name}' does not fit {count} seeds with {total} epochs logged")


# -- what there is, and what was asked for ----------------------------------------------------


def stored(folder: Path, key: str = "*") -> tuple[dict[tuple[str, int], Outcome], list[str]]:
    """Return the runs of a folder, or of one key, by key and seed.

    And a sentence for each file that is left aside: damaged, or of another version.
    """
    runs: dict[tuple[str, int], Outcome] = {}
    notes = []
    for path in sorted((folder / "results").glob(f"{key}-*.safetensors")):
        try:
            found = _unpacked(path)
        except WRONG as error:
            reason = str(error).rstrip(".")
            if str(path) not in reason:
                reason = f"{path} has not the form of a result ({reason})"
            notes.append(f"{one_line(reason)}; it is left aside.")
            continue
        runs.update({(run.configuration.key, run.seed): run for run in found})
    return runs, notes


def ask(folder: Path, plans: Iterable[RunPlan], *, again: bool = True) -> None:
    """Note what is asked for; an experiment that was asked for before is replaced, if `again`.

    What other processes ask for in the same moment is kept.
    """
    path = folder / "asked.json"
    with _writing(path), alone(folder):
        asked = _asked(folder)
        for plan in plans:
            if again or plan.experiment.name not in asked:
                asked[plan.experiment.name] = {
                    label: {
                        "configuration": dataclasses.asdict(cell),
                        "source_epochs": plan.experiment.cells[label].epochs,
                        "seeds": list(plan.seeds),
                    }
                    for label, cell in plan.cells.items()
                }
        replace(path, json.dumps({"version": VERSION, "experiments": asked}, indent=1).encode())


def ask_if_new(folder: Path, plans: Iterable[RunPlan]) -> None:
    """Note what was never asked for here, so that it shows among what is missing."""
    ask(folder, plans, again=False)


def _asked(folder: Path) -> dict[str, Any]:
    path = folder / "asked.json"
    if not path.exists():
        return {}
    damaged = ValueError(f"{path} is damaged: delete it, and ask again.")
    try:
        content = json.loads(path.read_bytes())
        version, asked = content["version"], content["experiments"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise damaged from None
    if version != VERSION:
        raise ValueError(
            f"{path} is of version {version} of the study, and this is version {VERSION}: "
            "use another folder, or delete that one."
        )
    try:
        for cells in asked.values():
            for cell in cells.values():
                Configuration(**cell["configuration"])
                if not all(type(n) is int for n in (cell["source_epochs"], *cell["seeds"])):
                    raise damaged
    except (ValueError, KeyError, TypeError, AttributeError):
        raise damaged from None
    return asked  # type: ignore[no-any-return]


@dataclass
class Results:
    """What is there of what was asked for.

    Attributes
    ----------
    folder
        Where it is stored.
    runs
        A row for each run: experiment, cell, the settings of the configuration
        (empty where they are not used), seed, source_epochs, epochs_done, final_loss (inf
        where it diverged), accuracy, held_out_accuracy, reached_90 and reached_100 (the
        first logged epoch, or empty), diverged, seconds, key, version.
    curves
        A row for each logged epoch of a run: experiment, cell, seed, epoch, loss,
        accuracy. A run that has stopped keeps its result to the end.
    missing
        A row for each cell that is not whole: experiment, cell, asked, missing (seeds).
    notes
        A sentence for each file that could not be used.
    """

    folder: Path
    runs: DataFrame
    curves: DataFrame
    missing: DataFrame
    notes: list[str] = field(default_factory=list)

    def weights(self, experiment: str, cell: str) -> dict[str, Array]:
        """Return the trained parameters of a cell by name, one more dimension in front.

        That is the seeds', in the order of `runs`.
        """
        rows = self.runs[(self.runs.experiment == experiment) & (self.runs.cell == cell)]
        runs: list[Outcome] = []
        for key, of_key in rows.groupby("key"):
            found, _ = stored(self.folder, key)
            runs += [found[key, seed] for seed in of_key.seed]
        if not runs:
            raise ValueError(f"{self.folder} has no runs of {experiment}, {cell}.")
        names = sorted(runs[0].weights)
        return {name: np.stack([run.weights[name] for run in runs]) for name in names}


# -- tables -------------------------------------------------------------------------------------

SETTINGS = [f.name for f in dataclasses.fields(Configuration)]
RUNS = [
    "experiment", "cell", *SETTINGS, "seed", "source_epochs", "epochs_done", "final_loss",
    "accuracy", "held_out_accuracy", "reached_90", "reached_100", "diverged", "seconds", "key",
    "version",
]  # fmt: skip
TEXTS = ("experiment", "cell", "hidden", "key")  # which may look like numbers
CURVES = ["experiment", "cell", "seed", "epoch", "loss", "accuracy"]


def load(folder: str | Path) -> Results:
    """Return the results of a folder, having made its tables if they are not there or old.

    Raises
    ------
    FileNotFoundError
        If nothing was ever asked for in this folder.
    ValueError
        If a table is damaged, or of another version.
    """
    folder = Path(folder)
    if not _asked(folder):
        raise FileNotFoundError(f"{folder} holds no results: nothing was run there yet.")
    tables = [folder / "runs.csv", folder / "curves.csv"]
    notes: list[str] = []
    with alone(folder):  # while somebody else runs, the tables are of one moment all the same
        asked = _asked(folder)
        # A file may be older than its name: that is as old as its folder.
        results = folder / "results"
        sources = [path for path in (folder / "asked.json", results) if path.exists()]
        sources += results.glob("*.safetensors")
        if not all(path.exists() for path in tables) or _newest(sources) >= _newest(tables[:1]):
            notes = tabulate(folder)
        runs, curves = (
            _read(path, columns) for path, columns in zip(tables, (RUNS, CURVES), strict=True)
        )
    if not (runs.version == VERSION).all():
        raise ValueError(
            f"{tables[0]} has runs of another version of the study, and this is version "
            f"{VERSION}: delete it, and it is made again."
        )
    found = runs.groupby(["experiment", "cell"]).seed.nunique()
    gaps = [
        (
            experiment,
            label,
            len(cell["seeds"]),
            len(cell["seeds"]) - found.get((experiment, label), 0),
        )
        for experiment, cells in asked.items()
        for label, cell in cells.items()
    ]
    missing = _pandas().DataFrame(gaps, columns=["experiment", "cell", "asked", "missing"])
    return Results(folder, runs, curves, missing[missing.missing > 0].reset_index(drop=True), notes)


def _newest(paths: Iterable[Path]) -> int:
    return max(path.lstat().st_mtime_ns for path in paths)


def _read(path: Path, columns: Sequence[str]) -> DataFrame:
    """Read a table, having seen that it has its columns."""
    pandas = _pandas()
    try:
        table = pandas.read_csv(path, dtype=dict.fromkeys(TEXTS, str))
    except (ValueError, pandas.errors.ParserError) as error:
        raise ValueError(f"{path} is no table: {error}; delete it, and it is made again.") from None
    free = {*TEXTS, *(SETTINGS if columns is RUNS else ())}
    numbers = table[[c for c in columns if c in table and c not in free]]
    texts = [c for c in numbers if len(table) and numbers[c].dtype.kind not in "iufb"]
    if texts:
        raise ValueError(
            f"{path} has text in the columns {', '.join(texts)}: delete it, and it is made again."
        )
    lacking = [column for column in columns if column not in table]
    if lacking:
        raise ValueError(
            f"{path} lacks the columns {', '.join(lacking)}: delete it, and it is made again."
        )
    return table


def tabulate(folder: Path) -> list[str]:
    """Write the tables anew; return a sentence for each file that could not be used.

    Nobody else may be at it: see `load`.
    """
    found, notes = stored(folder)
    rows: list[list[Any]] = []
    curves: list[DataFrame] = []
    pandas = _pandas()
    for experiment, cells in _asked(folder).items():
        for label, asked in cells.items():
            cell = Configuration(**asked["configuration"])
            for seed in asked["seeds"]:
                run = found.get((cell.key, seed))
                if run is not None:
                    rows.append([experiment, label, *_row(run, asked["source_epochs"])])
                    curves.append(_curve(experiment, label, run))
    tables = {
        "runs.csv": pandas.DataFrame(rows, columns=RUNS),
        "curves.csv": pandas.concat(curves) if curves else pandas.DataFrame(columns=CURVES),
    }
    # The runs last: they are as new as the results, so the curves are not older.
    for name in ("curves.csv", "runs.csv"):
        with _writing(folder / name):
            replace(folder / name, tables[name].to_csv(index=False).encode())
    return notes


def _row(run: Outcome, source_epochs: int) -> list[Any]:
    """Return a run's line of the table, after its experiment and cell."""
    used = run.configuration.settings()
    if "hidden" in used:
        used["hidden"] = "-".join(map(str, used["hidden"]))
    return [
        *(used.get(name) for name in SETTINGS),
        run.seed,
        source_epochs,
        run.epochs_done,
        run.final_loss,
        run.accuracy,
        run.held_out_accuracy,
        run.reached(0.9),
        run.reached(1.0),
        run.diverged,
        run.seconds,
        run.configuration.key,
        VERSION,
    ]


def _curve(experiment: str, label: str, run: Outcome) -> DataFrame:
    """Return a run's lines of the curves: what has stopped keeps its result to the end."""
    epochs, losses, accuracies = run.epochs, run.losses, run.accuracies
    last = run.configuration.epochs
    if epochs[-1] < last:
        grid = set(logged_epochs(last))
        kept = [i for i, epoch in enumerate(epochs) if epoch in grid]
        after = sorted(epoch for epoch in grid if epoch > epochs[-1])
        epochs = [epochs[i] for i in kept] + after
        losses = [losses[i] for i in kept] + [run.final_loss] * len(after)
        accuracies = [accuracies[i] for i in kept] + [run.accuracy] * len(after)
    columns = (experiment, label, run.seed, epochs, losses, accuracies)
    return _pandas().DataFrame(dict(zip(CURVES, columns, strict=True)))


# -- what goes wrong ------------------------------------------------------------------------------


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Make the folder of a file that is about to be written; say it in one sentence if it fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OSError(
            f"cannot write {path}: {reason}; what was stored before is whole, and the same "
            "command goes on from there"
        ) from None


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise missing_extra("pandas", "demos", "keep the results of a study") from None
    return pandas
