"""`python -m demos report`: run every experiment, and write the report that R4 asks for.

What has been run before is not run again, so the report can be made in pieces. Its text
stands in ``template/report.html``, its figures in `exhibits`, its claims in `claims`;
here they are brought together, and written as one page that needs no network.
"""

from __future__ import annotations

import argparse
import base64
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd_lite import Tensor, explain
from autograd_lite.files import staged
from autograd_lite.visualize.palette import css
from nn.files import write_arrays

from ..command import SOURCES, Parser, one_line, size_number
from ..data import generate_XOR_easy
from ..figures import style
from . import by_hand, diagnostics, scheduler, store
from .claims import CLAIMS
from .draws import points
from .exhibits import EXHIBITS, OWN, Share, Study, configuration, number, percent
from .experiments import EXPERIMENTS, R1_STARTS
from .flags import add_compile, check_compile, say_how
from .inside import Watched, watch
from .outcome import logged_epochs
from .plans import RunPlan
from .questions import Tables
from .statistics import size_of
from .verdicts import SIGNS, judge, reported_beside, table_of

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]

PARTS = ("tables", "figures", "weights")


def main(argv: Sequence[str]) -> int:
    """Run what is missing, write the report, and say where it is; return the exit status."""
    args = parse(argv)
    scope = "quick" if args.quick else "full" if args.full else "default"
    started = time.perf_counter()
    folder = args.out / "study"
    try:
        if args.run:
            todo = plans(scope, args.seeds)
            say_how(todo, args)
            results = scheduler.run(todo, folder, progress=args.progress, compile=args.compile)
        else:
            results = store.load(folder)
        for note in results.notes:
            print(note, file=sys.stderr)
        if args.progress is not False:
            print(f"{len(results.runs)} runs are there; now the figures", file=sys.stderr)
        page = write(results, scope, args.out / "report", args.compile)
    except (ValueError, FileNotFoundError) as error:
        print(f"python -m demos report: error: {one_line(error)}", file=sys.stderr)
        return 1
    print(f"{len(results.runs)} runs, {time.perf_counter() - started:.0f} s")
    print(f"{page}\n  and beside it {', '.join(PARTS)}")
    return 0


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the flags; whatever is wrong with them ends the program here, in one line."""
    parser = Parser(
        prog="python -m demos report",
        description="Run every experiment of the four lab reports and the hand-out, and write a "
        "report on them.",
        epilog=SOURCES,
    )
    add = parser.add_argument
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument(
        "--quick", action="store_true", help="in a minute: few seeds, and fewer epochs"
    )
    scope.add_argument(
        "--full", action="store_true", help="in hours: 100 seeds, and the sources' epochs"
    )
    add("--seeds", type=size_number, metavar="N",
        help="seeds of every experiment (default: by experiment)")  # fmt: skip
    add("--no-run", dest="run", action="store_false",
        help="train none of the experiments: report what is there, and mark the gaps")  # fmt: skip
    add_compile(add)
    add("--out", default="out", metavar="DIR",
        help="folder for results and report (default: %(default)s)")  # fmt: skip
    add("--progress", action=argparse.BooleanOptionalAction, default=None,
        help="whether to show a progress bar (default: on a terminal; elsewhere a line now and "
        "then)")  # fmt: skip
    args = parser.parse_args(argv)
    check_compile(parser, args)
    return parser.ready(
        args,
        "matplotlib", "pandas", "jinja2", "joblib", "tqdm", "safetensors", "scikit-learn",
    )  # fmt: skip


def plans(scope: str, seeds: int | None = None) -> list[RunPlan]:
    """Return what a report rests on: the sources' experiments, and its own."""
    return [experiment.sized(scope, seeds) for experiment in (*EXPERIMENTS.values(), *OWN.values())]


def write(results: store.Results, scope: str, folder: Path, compile: bool | None = None) -> Path:
    """Write the report and all that lies beside it; return the page.

    Files of an earlier report are replaced whole, and only once all of them are made.

    Parameters
    ----------
    results
        Of some or of all experiments.
    scope
        "quick", "default" or "full": how closely networks are watched while they learn.
    folder
        Where the page is written; figures, tables and weights get folders in it.
    compile
        As for `scheduler.run`, for the networks that are watched.
    """
    try:
        _write(results, scope, folder, compile)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OSError(
            f"cannot write the report into {folder}: {reason}; an earlier report is as it was"
        ) from None
    return folder / "report.html"


def _write(results: store.Results, scope: str, folder: Path, compile: bool | None) -> None:
    effort = EFFORTS[scope]
    weights = weights_of(results)
    measures = diagnostics.measure(results.runs, weights, effort.seeds, effort.passes)
    for part in PARTS:
        (folder / part).mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        page = stack.enter_context(staged(folder))
        parts = {part: stack.enter_context(staged(folder / part)) for part in PARTS}
        Tables(results.runs, results.curves, measures).write(parts["tables"])
        tables = Tables.read(parts["tables"])  # every verdict comes from the files
        study = Study(tables, weights, watched(effort, compile))
        html = render(study, Album(study, parts["figures"]), results.missing, scope)
        (page / "report.html").write_text(html, encoding="utf-8")
        for name, verdicts in (
            ("claims", table_of(judge(CLAIMS, tables))),
            ("reported", reported_beside(EXPERIMENTS.values(), tables)),
        ):
            verdicts.to_csv(parts["tables"] / f"{name}.csv", index=False)
        save_weights(results, parts["weights"])


def weights_of(results: store.Results) -> Any:
    """Return the function from an experiment and a cell to the weights of each seed."""

    def weights(experiment: str, cell: str) -> dict[int, dict[str, Any]]:
        runs = results.runs
        rows = runs[(runs.experiment == experiment) & (runs.cell == cell)]
        arrays = results.weights(experiment, cell)
        return {
            int(seed): {name: array[i] for name, array in arrays.items()}
            for i, seed in enumerate(rows.seed)
        }

    return weights


def save_weights(results: store.Results, folder: Path) -> None:
    """Write the trained weights, a file for each experiment: CELL/PARAMETER, seeds in front."""
    for experiment, runs in results.runs.groupby("experiment"):
        arrays = {
            f"{cell}/{name}": array
            for cell in runs.cell.unique()
            for name, array in results.weights(experiment, cell).items()
        }
        write_arrays(folder / f"{experiment}.safetensors", arrays)


# -- networks that are watched while they learn -----------------------------------------------


@dataclass(frozen=True)
class Effort:
    """How many seeds are watched, and for how long; and R2's passes by hand."""

    seeds: int
    xor: int
    deep: int
    relu: int
    passes: int


EFFORTS = {
    "quick": Effort(5, 10000, 50, 200, 1000),
    "default": Effort(20, 10000, 1000, 200, by_hand.PASSES),
    "full": Effort(100, 10000, 1000, 200, by_hand.PASSES),
}


def watched(effort: Effort, compile: bool | None = None) -> dict[str, Watched]:
    """Train the networks whose insides the report shows."""
    deep = configuration("R2-moons-depth", "width 5, 10 layers")
    relu = configuration("R3-relu", "ReLU everywhere")
    found = {
        "xor": replace(configuration("R0-xor", "xor"), epochs=effort.xor),
        "deep": replace(deep, epochs=effort.deep),
        "deep-sigmoid": replace(deep, epochs=effort.deep, activation="sigmoid"),
        "relu": replace(relu, epochs=effort.relu),
        "relu-last": replace(relu, epochs=effort.relu, output_activation="sigmoid"),
    }
    return {
        name: watch(c, range(effort.seeds), logged_epochs(c.epochs, 40), compile)
        for name, c in found.items()
    }


# -- the page ---------------------------------------------------------------------------------


class Album:
    """The figures with their numbers and captions, as the text shows them.

    Parameters
    ----------
    study
        What is shown.
    folder
        Where each figure is written, as SVG and as PNG.
    """

    def __init__(self, study: Study, folder: Path) -> None:
        self.study = study
        self.folder = folder
        self.numbers = {name: i for i, name in enumerate(EXHIBITS, 1)}
        whole = [name for name, (_, needs) in EXHIBITS.items() if not study.missing(needs)]
        self.said = draw_all(study, folder, whole)

    def ref(self, name: str) -> str:
        """Return a link to a figure."""
        return f'<a href="#figure-{name}">figure {self.numbers[name]}</a>'

    def show(self, name: str) -> str:
        """Return a figure with its caption; or say what has to be run for it."""
        label = f"<b>Figure {self.numbers[name]}.</b>"
        if name not in self.said:
            missing = self.study.missing(EXHIBITS[name][1])
            return (
                f'<div class="gap" id="figure-{name}">{label} Not drawn: '
                f"{_commands(missing)} has to be run first.</div>"
            )
        caption, alt = self.said[name]
        data = base64.b64encode((self.folder / f"{name}.svg").read_bytes()).decode()
        return (
            f'<figure id="figure-{name}"><img src="data:image/svg+xml;base64,{data}" '
            f'alt="{escape(alt)}"><figcaption>{label} {escape(caption)}</figcaption></figure>'
        )


Said = dict[str, tuple[str, str]]


def draw_all(study: Study, folder: Path, names: Sequence[str]) -> Said:
    """Draw figures into a folder, a share on each core; return captions and texts by name."""
    import joblib  # type: ignore[import-untyped]

    cores = min(joblib.cpu_count(), len(names))
    shares = [names[i::cores] for i in range(cores)]
    done = joblib.Parallel(cores)(joblib.delayed(draw)(study, folder, share) for share in shares)
    return {name: said for share in done for name, said in share.items()}


def draw(study: Study, folder: Path, names: Sequence[str]) -> Said:
    """Draw figures into a folder; return captions and texts by name."""
    said = {}
    with style():
        for name in names:
            exhibit = EXHIBITS[name][0](study)
            exhibit.save(folder, name)
            said[name] = exhibit.caption, exhibit.alt
    return said


def _commands(experiments: Sequence[str]) -> str:
    return " and ".join(f"<code>python -m demos experiment {name}</code>" for name in experiments)


def render(study: Study, album: Album, missing: DataFrame, scope: str) -> str:
    """Return the page."""
    import jinja2
    from markupsafe import Markup

    template = files(__package__).joinpath("template")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    verdicts = judge(CLAIMS, study.tables)
    beside = reported_beside(EXPERIMENTS.values(), study.tables)
    number_of = {name: i for i, name in enumerate(("backward", "beside", "experiments"), 1)}

    text: str = environment.from_string(template.joinpath("report.html").read_text("utf-8")).render(
        style=Markup(css(dark=False) + template.joinpath("report.css").read_text("utf-8")),
        scope=scope,
        runs=study.tables.runs,
        gaps=gaps(study, missing),
        verdicts=verdicts,
        counts=Counter(v.verdict for v in verdicts),
        by_topic={t: [v for v in verdicts if v.claim.topic == t] for t in _topics()},
        signs=SIGNS,
        size=size_of,
        beside=beside.to_dict("records"),
        beside_counts=Counter(beside.verdict),
        beside_shortened=bool(beside.shortened.any()),
        cells=list(cells(study)),
        experiments=[*EXPERIMENTS.values(), *OWN.values()],
        missing=study.missing,
        commands=lambda names: Markup(_commands(names)),
        show=lambda name: Markup(album.show(name)),
        ref=lambda name: Markup(album.ref(name)),
        table_number=lambda name: Markup(f"<b>Table {number_of[name]}.</b> "),
        table_ref=lambda name: Markup(f'<a href="#table-{name}">table {number_of[name]}</a>'),
        reach=study.reach,
        median=study.median,
        until=study.until,
        starts=list(R1_STARTS),
        at_five_wrong=lambda start, step: five_wrong(study, f"{start}, {step}"),
        measured=lambda *where: float(np.median(study.measured(*where))),
        number=number,
        percent=percent,
        derivation=Markup(derivation()),
        checks=backward_checks(),
        n_points=200,
        by_hand=lambda cell, quantity: float(
            np.median(study.measured("R2-backward", cell, quantity))
        ),
        by_hand_share=lambda cell: Share(
            int((study.measured("R2-backward", cell, "trained_accuracy") >= 0.9).sum()),
            len(study.measured("R2-backward", cell, "trained_accuracy")),
        ),
        by_hand_seeds=len(study.measured("R2-backward", "mistake", "trained_loss")),
        by_hand_passes=EFFORTS[scope].passes,
        relu=lambda: Markup(why_relu_failed(study, album)),
    )
    return text


def _topics() -> list[str]:
    return list(dict.fromkeys(claim.topic for claim in CLAIMS))


def gaps(study: Study, missing: DataFrame) -> dict[str, str]:
    """Return what is not whole: for each such experiment, what it lacks."""
    found = {}
    for name, experiment in {**EXPERIMENTS, **OWN}.items():
        lacking = study.lacking(name)
        part = missing[(missing.experiment == name) & ~missing.cell.isin(lacking)]
        if len(lacking) == len(experiment.cells):
            found[name] = "not run"
        elif lacking:
            found[name] = f"not run: {'; '.join(lacking)}"
        elif len(part):
            found[name] = f"{int(part.missing.sum())} of {int(part.asked.sum())} runs missing"
    return found


def cells(study: Study) -> Any:
    """Yield a row for every cell of every experiment."""
    for experiment in (*EXPERIMENTS.values(), *OWN.values()):
        for i, label in enumerate(experiment.cells):
            runs = study.runs(experiment.name, label)
            row = {
                "experiment": experiment.name,
                "first": len(experiment.cells) if i == 0 else 0,
                "cell": label,
                "seeds": len(runs),
            }
            if len(runs):
                cut = (runs.epochs_done == runs.epochs) & (runs.epochs < runs.source_epochs)
                row |= {
                    "epochs": int(runs.epochs.max()),
                    "shortened": bool(cut.any()),
                    "loss": float(runs.final_loss.median()),
                    "accuracy": float(runs.accuracy.median()),
                    "share_100": float((runs.accuracy >= 1.0).mean()),
                }
            yield row


# -- passages that are computed -----------------------------------------------------------------


def derivation() -> str:
    """Return the backpropagation of the hand-out's network, read off its tape, as HTML."""
    inputs, labels = generate_XOR_easy()
    rng = np.random.default_rng(0)
    X, truth = Tensor(inputs, name="X"), Tensor(labels.astype(float), name="truth")
    W1, W2, W3 = (
        Tensor(rng.normal(size=shape), requires_grad=True, name=name)
        for name, shape in (("W1", (2, 4)), ("W2", (4, 4)), ("W3", (4, 1)))
    )
    Z1 = nn.functional.sigmoid(X @ W1)
    Z2 = nn.functional.sigmoid(Z1 @ W2)
    y = nn.functional.sigmoid(Z2 @ W3)
    L = nn.functional.mse_loss(y, truth)
    for value, name in ((Z1, "Z1"), (Z2, "Z2"), (y, "y"), (L, "L")):
        value.name = name
    return explain(L).to_mathml()


def backward_checks() -> list[tuple[by_hand.Difference, by_hand.Difference]]:
    """Hold R2's backward pass against the tape: with its mistake, and put right."""
    inputs, labels = points("moons", 0)
    model = nn.MLP([2, 3, 2], "tanh", init="fan_in_normal", rng=0)
    wrong, right = (
        by_hand.against_the_tape(model, inputs, labels, 0.01, mistake) for mistake in (True, False)
    )
    return list(zip(wrong, right, strict=True))


def five_wrong(study: Study, cell: str) -> Share:
    """Return how many seeds of a start end with five points of XOR wholly wrong, and no other."""
    runs = study.runs("R1-starts", cell)
    there = (runs.final_loss - 5 / 21).abs() <= 0.001
    return Share(int((there & ((runs.accuracy - 16 / 21).abs() <= 0.001)).sum()), len(runs))


def why_relu_failed(study: Study, album: Album) -> str:
    """Say what the diagnostics found in the ReLU networks on XOR, number by number."""
    everywhere = study.reach("R3-relu", "ReLU everywhere")
    last = study.reach("R3-relu", "ReLU, sigmoid last")

    def of(quantity: str, cell: str = "ReLU everywhere") -> Any:
        return study.measured("R3-relu", cell, quantity)

    silent, zero = of("silent_output") > 0, of("largest_gradient") == 0.0
    accuracy = study.runs("R3-relu", "ReLU everywhere").accuracy.to_numpy()
    failed = accuracy < 1.0
    caused = Share(int((failed & zero).sum()), int(failed.sum()))
    start = Share(int((of("silent_output_at_start") > 0).sum()), everywhere.n)
    quiet = np.median(of("silent_hidden")[failed]) if failed.any() else math.nan
    quiet_last = np.median(of("silent_hidden", "ReLU, sigmoid last"))
    said = [
        "R3’s author could not say why ReLU failed on XOR, and R3 does not say whether the last "
        "layer had a ReLU as well. That is what decides. With ReLU in the hidden layers and a "
        f"sigmoid at the end, {last} networks learn all of XOR; with ReLU in every layer it is "
        f"{everywhere}."
    ]
    if caused.n and caused.share > 0.5:
        said.append(
            f"In {caused.yes} of the {caused.n} networks that failed, the largest gradient of any "
            f"weight is exactly 0 at the end; in {int((failed & silent).sum())}, the output is 0 "
            "for every point. The one output unit is the only way back into the network. Once its "
            "input is negative for all 21 points it outputs 0 for all of them, ReLU’s slope there "
            "is 0, and so is the gradient of every weight: no further step changes anything. The "
            "network then says label 0 of every point, which is right for 11 of the 21, "
            f"{percent(11 / 21)}, at a loss of 10/21 = 0.476; "
            f"{np.sum(np.isclose(accuracy[failed], 11 / 21))} of them end there."
        )
        said.append(
            "The hidden units are not to blame. In the networks that failed the median share of "
            f"hidden units that are silent is {percent(quiet)}, and with a sigmoid at the end, "
            f"where nearly all learn, it is {percent(quiet_last)}."
            if last.share > 0.5 and quiet <= quiet_last + 0.1
            else f"Of the hidden units, a median of {percent(quiet)} are silent in the networks "
            f"that failed, and {percent(quiet_last)} with a sigmoid at the end."
        )
        said.append(
            f"It is a matter of the start and of the first steps: {start} outputs are silent "
            "before any training, because their weights happen to be drawn so, and most of the "
            f"others fall silent within the first epochs ({album.ref('silence')}), when a step "
            "after a single point is large enough to throw the output below 0 for all points. "
            f"Change one thing, and fewer fail ({album.ref('relu-changed')})."
        )
    else:
        said.append(
            f"In {caused} networks that failed, the largest gradient is exactly 0 at the end; the "
            "others could still learn, and have not in so many epochs."
        )
    return "\n".join(f"<p>{paragraph}</p>" for paragraph in said)
