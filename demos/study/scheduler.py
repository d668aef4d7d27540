"""Hand the runs of a study to the cores of this machine, or to a Dask cluster.

`run` sees what is asked for and not stored yet, cuts it into *tasks* (some seeds of
configurations that train as one stack), has them trained wherever there is room, and
stores each result as it comes. Only this process writes, so results need no common disk,
and a task that a dying machine made twice is stored once.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import logging
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograd_lite.errors import missing_extra

from . import compiled, store
from .configuration import COUNTS, VERSION, Configuration
from .outcome import Outcome
from .plans import RunPlan
from .training import train

# -- what is to be done -------------------------------------------------------------------------

NUMBERS = 12_000
"""In the widest array of a stack: with more, memory costs more than Python does."""
SEEDS = 50
"""In a task at most, so that an interrupt loses little."""
TASK = 15.0
"""Seconds of a compiled task, about; one run may take longer."""
PAUSE = 10.0
"""Seconds from one printed line to the next, where there is no terminal for a bar."""
PATIENCE = 5
"""Seconds to wait for a scheduler, and for its workers."""


@dataclass(frozen=True)
class Job:
    """Seeds of some configurations that train as one; it is what a worker is sent."""

    cells: tuple[Configuration, ...]
    seeds: tuple[int, ...]
    compiled: bool = False

    def __call__(self) -> list[Outcome]:
        """Train."""
        return train(self.cells, self.seeds, compile=self.compiled and compiled.is_there())

    def __len__(self) -> int:
        return len(self.cells) * len(self.seeds)

    @property
    def program(self) -> Program:
        """What its steps are compiled for."""
        return _program(self.cells[0])

    @property
    def cost(self) -> float:
        """About how many seconds it takes, if no seed stops early."""
        cell = self.cells[0]
        if cell.data == "digits":
            return 0.4 * cell.epochs * len(self)
        return compiled.seconds(cell, len(self), self.compiled)


def tasks(wanted: Sequence[tuple[Configuration, int]], compile: bool | None = None) -> list[Job]:
    """Cut runs into tasks, the longest first.

    Runs that differ only in settings that they do not use are one. Of what is compiled, one
    task of each program comes before all others, so that no two processes compile the same.
    `compile` is that of `run`.

    >>> cells = [Configuration(lr=lr) for lr in (0.1, 1.0)]
    >>> found = tasks([(cell, seed) for cell in cells for seed in range(60)])
    >>> [(len(task.cells), len(task.seeds)) for task in found]
    [(2, 30), (2, 30)]
    """
    seeds_of: dict[Configuration, list[int]] = {}
    for cell, seed in {(cell.key, seed): (cell, seed) for cell, seed in wanted}.values():
        seeds_of.setdefault(cell, []).append(seed)
    alike: dict[tuple[Configuration, tuple[int, ...]], list[Configuration]] = {}
    for cell, missing in seeds_of.items():
        alike.setdefault((replace(cell, lr=0.0), tuple(missing)), []).append(cell)
    groups = [(cells, seeds) for (_, seeds), cells in alike.items()]
    compiles = dict.fromkeys(map(_program, seeds_of), bool(compile))
    if compile is None:
        stacks: dict[Program, list[tuple[Configuration, int]]] = {}
        for cells, seeds in groups:
            parts = _parts(cells, seeds, loops=False)
            sizes = [(cells[0], len(some) * len(part)) for some, part in parts]
            stacks.setdefault(_program(cells[0]), []).extend(sizes)
        compiles = {program: compiled.pays(sizes) for program, sizes in stacks.items()}
    found = []
    for cells, seeds in groups:
        loops = cells[0].data in COUNTS and compiles[_program(cells[0])]
        found += [Job(tuple(some), part, loops) for some, part in _parts(cells, seeds, loops)]
    found.sort(key=lambda task: -task.cost)
    first = {task.program: task for task in reversed(found) if task.compiled}
    others = [task for task in found if first.get(task.program) is not task]
    return [*sorted(first.values(), key=lambda task: -task.cost), *others]


def _program(cell: Configuration) -> Program:
    """Return what is alike in all configurations whose step is one program."""
    told = {name: x for name, x in cell.settings().items() if name not in NUMBERS_OF_A_RUN}
    return COUNTS.get(cell.data, 0), *sorted(told.items())


Program = tuple[Any, ...]
NUMBERS_OF_A_RUN = ("data", "init", "folded", "lr", "epochs", "stop_below")
"""Settings that a compiled step is given as numbers, or never sees."""


def _parts(
    cells: Sequence[Configuration], seeds: Sequence[int], loops: bool
) -> Iterator[tuple[Sequence[Configuration], tuple[int, ...]]]:
    """Yield some of the cells and some of the seeds: those that train as one stack."""
    lanes = _lanes(cells[0], loops)
    for some in _cut(cells, lanes):
        for part in _cut(seeds, min(SEEDS, max(1, lanes // len(some)))):
            yield some, tuple(part)


def _lanes(cell: Configuration, loops: bool) -> int:
    """Return how many runs of a configuration should train as one stack."""
    if cell.data == "digits":
        return 1
    if loops:  # one after the other, so that not much is lost if it is interrupted
        return min(2 * SEEDS, max(1, int(TASK / compiled.seconds(cell, 1, True))))
    points = COUNTS[cell.data]
    return max(5, NUMBERS // (min(cell.batch or points, points) * max(cell.sizes)))


def _cut(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Yield parts of at most `size`, as even as can be."""
    count = -(-len(items) // size)
    bounds = [round(i * len(items) / count) for i in range(count + 1)]
    for start, stop in itertools.pairwise(bounds):
        yield items[start:stop]


# -- where it is done -----------------------------------------------------------------------------

Done = Generator[tuple[Job, list[Outcome]], None, None]
"""Tasks with their results, in whatever order they come."""


def _call(task: Job) -> tuple[Job, list[Outcome]]:
    return task, task()


def _call_in_process(task: Job) -> tuple[Job, list[Outcome]]:
    # Ctrl-C goes to all processes; the first one decides, and ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return _call(task)


def locally(todo: Sequence[Job], jobs: int | None = None) -> Done:
    """Train on the cores of this machine."""
    try:
        import joblib  # type: ignore[import-untyped]
    except ImportError:
        raise missing_extra("joblib", "demos", "run a study") from None
    jobs = min(jobs or joblib.cpu_count(), len(todo))
    if jobs == 1:
        yield from map(_call, todo)
        return
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(jobs, return_as="generator_unordered", batch_size=1)
        yield from parallel(joblib.delayed(_call_in_process)(task) for task in todo)


def on_dask(todo: Sequence[Job], scheduler: str) -> Done:
    """Train on a Dask cluster; what a worker had begun when it died is done by another.

    Raises
    ------
    ConnectionError
        If the scheduler does not answer or has no workers, or is lost on the way.
    """
    try:
        distributed: Any = importlib.import_module("distributed")  # it has few types
    except ImportError:
        raise missing_extra("distributed", "cluster", "use a Dask cluster") from None
    with _client(distributed, scheduler) as client:
        futures = client.map(_call, todo)
        try:
            for future in distributed.as_completed(futures):
                yield future.result()
                future.release()
        except (OSError, distributed.client.FutureCancelledError):
            raise ConnectionError(
                f"the scheduler at {scheduler} was lost; what came back is stored, and the same "
                "command goes on from there"
            ) from None
        except distributed.KilledWorker:
            raise ConnectionError(
                "several workers died of one task: see that they have enough memory, and give the "
                "same command again; it goes on from there"
            ) from None


@contextmanager
def _client(distributed: Any, scheduler: str) -> Iterator[Any]:
    """Connect to a scheduler that has workers."""
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is said here

    async def see() -> None:  # for a client may wait without end for what accepts and is silent
        attempt = distributed.comm.connect(scheduler, timeout=PATIENCE)
        await (await asyncio.wait_for(attempt, PATIENCE)).close()

    try:
        asyncio.run(see())
        client = distributed.Client(scheduler, timeout=PATIENCE)
    except (OSError, ValueError, TypeError) as error:  # TimeoutError is an OSError
        reason = str(error) or f"nothing in {PATIENCE} seconds"
        raise ConnectionError(
            f"no Dask scheduler answers at {scheduler} ({reason}): start one with 'dask "
            "scheduler', or leave out --backend dask to use the cores of this machine"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise ConnectionError(
                f"the Dask scheduler at {scheduler} has no workers: start some with 'dask worker "
                f"{scheduler}'"
            ) from None
        try:
            there = {client.run_on_scheduler(_version), *client.run(_version).values()}
        except Exception as error:  # whatever their Python makes of a program it does not have
            there = {f"none, {error}"}
        if there != {VERSION}:
            raise ConnectionError(
                f"the cluster at {scheduler} does not have version {VERSION} of the study (it has: "
                f"{', '.join(map(str, there))}): install the same program on scheduler and workers"
            )
        yield client


def _version() -> int:
    return VERSION


BACKENDS = ("local", "dask")

# -- all of it ------------------------------------------------------------------------------------


def run(
    plans: Sequence[RunPlan],
    folder: str | Path,
    *,
    backend: str = "local",
    scheduler: str | None = None,
    jobs: int | None = None,
    progress: bool | None = False,
    compile: bool | None = None,
) -> store.Results:
    """Train what is asked for and not stored yet, and return all that was asked for.

    Parameters
    ----------
    plans
        Experiments with their cells and seeds.
    folder
        Where results are stored; a second call with the same one goes on where the first stopped.
    backend, scheduler
        ``"local"``; or ``"dask"`` and the address of its scheduler.
    jobs
        Processes on this machine; one for each core by default.
    progress
        Whether to show a progress bar, with the time that is left; None for a bar on a
        terminal, and elsewhere a line now and then.
    compile
        Whether runs are trained in compiled loops: by default where Numba is installed and
        they are so long that it pays.

    Raises
    ------
    ValueError
        If there is nothing to run, or the backend is unknown or lacks its address.
    ConnectionError
        If the cluster cannot be used.
    OSError
        If a result cannot be written; those before it are stored.

    Examples
    --------
    >>> import tempfile
    >>> from demos.study.experiments import EXPERIMENTS
    >>> from demos.study.plans import RunPlan
    >>> experiment = EXPERIMENTS["R0-xor"]
    >>> short = {"xor": replace(experiment.cells["xor"], epochs=5)}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = run([RunPlan(experiment, short, range(3))], folder)
    >>> results.runs[["cell", "seed", "epochs_done"]].values.tolist()
    [['xor', 0, 5], ['xor', 1, 5], ['xor', 2, 5]]
    """
    folder = Path(folder)
    wanted = [(cell, seed) for plan in plans for cell in plan.cells.values() for seed in plan.seeds]
    if not wanted:
        raise ValueError("There is nothing to run: the grid is empty.")
    if backend not in BACKENDS:
        raise ValueError(f"backend is one of {', '.join(BACKENDS)}, and got {backend!r}.")
    if (backend == "dask") != (scheduler is not None):
        raise ValueError("backend 'dask' and the address of its scheduler go together: give both.")
    store.ask(folder, plans)
    found, notes = store.stored(folder)
    todo = tasks([(cell, seed) for cell, seed in wanted if (cell.key, seed) not in found], compile)
    if todo:
        done = locally(todo, jobs) if scheduler is None else on_dask(todo, scheduler)
        with closing(done), _bar(todo, progress) as advance:
            for task, runs in done:
                store.save(folder, runs)
                advance(task)
    results = store.load(folder)
    return replace(results, notes=list(dict.fromkeys([*notes, *results.notes])))


@contextmanager
def _bar(todo: Sequence[Job], shown: bool | None) -> Iterator[Callable[[Job], None]]:
    """Show how much of the expected time is over."""
    if shown is None and not sys.stderr.isatty():
        yield _lines(todo)
        return
    if shown is False:
        yield lambda task: None
        return
    try:
        from tqdm import tqdm  # type: ignore[import-untyped]
    except ImportError:
        raise missing_extra("tqdm", "demos", "show a progress bar") from None
    runs = sum(map(len, todo))
    form = "{percentage:3.0f}%|{bar}| {elapsed}, {remaining} left{postfix}"
    with tqdm(total=sum(task.cost for task in todo), bar_format=form) as bar:
        over = 0

        def advance(task: Job) -> None:
            nonlocal over
            over += len(task)
            bar.set_postfix_str(f"{over} of {runs} runs", refresh=False)
            bar.update(task.cost)

        bar.set_postfix_str(f"0 of {runs} runs")
        yield advance


def _lines(todo: Sequence[Job]) -> Callable[[Job], None]:
    """Return what prints how far a run is, when that was not said for a while."""
    runs, whole = sum(map(len, todo)), sum(task.cost for task in todo)
    start = said = time.monotonic()
    over, done = 0, 0.0

    def advance(task: Job) -> None:
        nonlocal over, done, said
        over, done = over + len(task), done + task.cost
        now = time.monotonic()
        if now - said >= PAUSE:
            said = now
            share = f"{done / whole:.0%} of the work" if whole else ""
            print(
                f"{over} of {runs} runs, {share}, {now - start:.0f} s", file=sys.stderr, flush=True
            )

    return advance
