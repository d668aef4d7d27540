"""`run` on the cores of this machine and on a cluster: nothing is lost, nothing counted twice."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import distributed
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demos.study import scheduler, store
from demos.study.configuration import Configuration
from demos.study.plans import Experiment, RunPlan, cells
from demos.study.scheduler import run, tasks

ROOT = Path(__file__).parents[3]
SHORT = Configuration(epochs=30)
GRID = cells(SHORT, data=["linear", "xor"], hidden=[(2,), (3,)], lr=[0.1, 1.0])


def plan(grid, seeds, name="E"):
    return RunPlan(Experiment(name, "…", grid), grid, range(seeds))


def numbers(results):
    """Return what does not depend on where and when a run was made."""
    return results.runs.drop(columns="seconds")


# -- cutting -------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            st.builds(
                Configuration,
                data=st.sampled_from(["linear", "xor"]),
                hidden=st.sampled_from([(2,), (50, 50)]),
                lr=st.sampled_from([0.1, 0.2, 1.0]),
                batch=st.sampled_from([None, 1]),
            ),
            st.integers(0, 300),
        ),
        max_size=60,
    ),
    st.booleans(),
)
def test_every_run_is_in_one_task_and_a_task_trains_as_one(wanted, compile):
    found = tasks(wanted, compile)
    made = Counter((cell, seed) for task in found for cell in task.cells for seed in task.seeds)
    assert set(made) == set(wanted)
    assert set(made.values()) <= {1}
    for task in found:
        assert len({replace(cell, lr=0.0) for cell in task.cells}) == 1
        assert len(task.seeds) <= scheduler.SEEDS
    assert {task.compiled for task in found} <= {False, compile}
    programs = [task.program for task in found if task.compiled]
    begun = len(set(programs))  # one of each, so that no two processes compile the same
    assert len(set(programs[:begun])) == begun
    for part in (found[:begun], found[begun:]):
        costs = [task.cost for task in part]
        assert costs == sorted(costs, reverse=True)


def test_large_stacks_are_cut_and_small_ones_are_not():
    wide = replace(SHORT, data="linear", hidden=(60,))
    assert len(tasks([(wide, seed) for seed in range(50)])) == 10
    assert len(tasks([(SHORT, seed) for seed in range(50)])) == 1
    rates = [replace(SHORT, lr=0.1 * k, batch=1) for k in range(1, 5)]
    [together] = tasks([(cell, seed) for cell in rates for seed in range(20)])
    assert len(together) == 80


def test_a_program_is_compiled_for_all_that_share_it_and_a_run_is_made_once():
    cell = Configuration(data="linear", epochs=5000)  # five lanes do not pay
    few = [(cell, seed) for seed in range(5)]
    assert not any(task.compiled for task in tasks(few))
    others = [
        replace(cell, lr=0.001 * k, init=init) for k in (1, 2) for init in ("uniform", "zeros")
    ]
    more = [(other, seed) for other in others for seed in range(100)]
    assert all(task.compiled for task in tasks([*few, *more]))
    same = [(replace(cell, slope=0.5), seed) for seed in range(5)]  # it has no leaky ReLU
    assert tasks([*few, *same]) == tasks(same)


# -- on this machine -------------------------------------------------------------------------------


def test_processes_give_the_same_as_one(tmp_path):
    one = run([plan(GRID, 4)], tmp_path / "one", jobs=1)
    two = run([plan(GRID, 4)], tmp_path / "two", jobs=2)
    assert len(one.runs) == 32
    assert one.missing.empty
    pd.testing.assert_frame_equal(numbers(one), numbers(two))
    pd.testing.assert_frame_equal(one.curves, two.curves)


def test_a_cell_alone_gives_what_it_gives_in_the_grid(tmp_path):
    whole = run([plan(GRID, 4)], tmp_path / "whole", jobs=1)
    label = "xor, 3 units, rate 1"
    alone = run([plan({label: GRID[label]}, 2)], tmp_path / "alone", jobs=1)
    rows = whole.runs[(whole.runs.cell == label) & (whole.runs.seed < 2)]
    np.testing.assert_allclose(alone.runs.final_loss, rows.final_loss, rtol=1e-9)
    assert alone.runs.key.tolist() == rows.key.tolist()


def test_what_is_there_is_not_run_again(tmp_path, monkeypatch):
    trained = []
    train = scheduler.train

    def counted(cells, seeds, **how):
        trained.extend((cell.key, seed) for cell in cells for seed in seeds)
        return train(cells, seeds, **how)

    monkeypatch.setattr(scheduler, "train", counted)
    some = dict(list(GRID.items())[:3])
    run([plan(some, 2)], tmp_path, jobs=1)
    assert len(trained) == 6
    run([plan(GRID, 3)], tmp_path, jobs=1)
    assert len(trained) == len(set(trained)) == 24
    results = run([plan(GRID, 3), plan(some, 2, name="again")], tmp_path, jobs=1)
    assert len(trained) == 24
    assert len(results.runs) == 30


def test_a_damaged_file_is_said_and_its_runs_are_trained_again(tmp_path):
    grid = dict(list(GRID.items())[:2])
    before = run([plan(grid, 3)], tmp_path, jobs=1)
    damaged = there(tmp_path)[0]
    damaged.write_bytes(damaged.read_bytes()[:100])
    after = run([plan(grid, 3)], tmp_path, jobs=1)
    [note] = after.notes
    assert damaged.name in note
    assert after.missing.empty
    pd.testing.assert_frame_equal(numbers(before), numbers(after))


def test_nothing_to_run_and_wrong_backends(tmp_path):
    with pytest.raises(ValueError, match="the grid is empty"):
        run([plan({}, 3)], tmp_path)
    with pytest.raises(ValueError, match="backend is one of local, dask, and got 'spark'"):
        run([plan(GRID, 1)], tmp_path, backend="spark")
    for settings in ({"backend": "dask"}, {"scheduler": "tcp://127.0.0.1:1"}):
        with pytest.raises(ValueError, match="go together: give both"):
            run([plan(GRID, 1)], tmp_path, **settings)
    assert list(tmp_path.iterdir()) == []


# -- interrupted -----------------------------------------------------------------------------


def started(folder):
    """Start a sweep of 12 tasks, and wait until some of it is stored."""
    command = [sys.executable, "-m", "demos", "sweep", "--lr", "1", "--hidden"]
    command += [*map(str, range(2, 14)), "--epochs", "3000", "--seeds", "4", "--no-progress"]
    command += ["--out", str(folder)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    while len(there(folder)) < 3:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return command, process


def there(folder):
    return sorted((folder / "results").glob("*.safetensors"))


@pytest.mark.slow
def test_killed_or_interrupted_it_goes_on_where_it_stopped(tmp_path):
    command, process = started(tmp_path)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = {path: path.stat().st_mtime_ns for path in there(tmp_path)}
    assert 3 <= len(before) < 10
    partly = store.load(tmp_path)  # a report of what is there can be made
    assert len(partly.runs) == 4 * len(before)
    assert len(partly.missing) == 12 - len(before)

    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    while len(there(tmp_path)) < len(before) + 2:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.strip() == "interrupted: what is finished is stored; the same command goes on"

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    results = store.load(tmp_path)
    assert results.missing.empty
    assert len(results.runs) == len(results.runs.drop_duplicates(["cell", "seed"])) == 48
    assert len(there(tmp_path)) == 12
    for path, written in before.items():
        assert path.stat().st_mtime_ns == written


# -- on a cluster ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    """Start a scheduler and three worker processes."""
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as started:
        yield started


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # distributed's own
def test_a_worker_dies_half_way_and_nothing_is_lost_or_counted_twice(
    tmp_path, cluster, monkeypatch
):
    grid = {f"{n}": replace(SHORT, hidden=(n,), epochs=1500) for n in range(2, 14)}
    killed, saved = [], Counter()
    save = store.save

    def save_and_kill(folder, runs):
        save(folder, runs)
        saved.update((run.configuration.key, run.seed) for run in runs)
        busy = [
            worker.name for worker in cluster.scheduler.workers.values() if worker.processing
        ]  # fmt: skip
        if not killed and busy:
            killed.append(cluster.workers[busy[0]].pid)
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(store, "save", save_and_kill)
    address = cluster.scheduler_address
    there = run([plan(grid, 5)], tmp_path / "dask", backend="dask", scheduler=address)
    assert killed
    assert there.missing.empty
    assert len(saved) == 60
    assert set(saved.values()) == {1}
    monkeypatch.setattr(store, "save", save)
    here = run([plan(grid, 5)], tmp_path / "here", jobs=1)
    pd.testing.assert_frame_equal(numbers(there), numbers(here))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_cluster_with_another_version_is_not_used(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr(scheduler, "VERSION", 77)
    url = cluster.scheduler_address
    with pytest.raises(ConnectionError, match="does not have version 77 of the study"):
        run([plan(GRID, 1)], tmp_path, backend="dask", scheduler=url)
    monkeypatch.setattr(
        scheduler, "_version", lambda: 1 / 0
    )  # a program that cannot be loaded there
    with pytest.raises(ConnectionError, match="division by zero"):
        run([plan(GRID, 1)], tmp_path, backend="dask", scheduler=url)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", ["closed", "nonsense", "silent"])
def test_a_scheduler_that_does_not_answer_is_said_in_seconds(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(scheduler, "PATIENCE", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        url = f"tcp://127.0.0.1:{silent.getsockname()[1]}" if kind != "nonsense" else "here:there"
        if kind == "closed":
            silent.close()
        start = time.monotonic()
        with pytest.raises(ConnectionError, match=f"no Dask scheduler answers at {url}") as raised:
            run([plan(GRID, 1)], tmp_path, backend="dask", scheduler=url)
    assert time.monotonic() - start < 10
    assert "\n" not in str(raised.value)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_scheduler_without_workers_is_said_too(tmp_path, monkeypatch):
    monkeypatch.setattr(scheduler, "PATIENCE", 1)
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty:
        url = empty.scheduler_address
        with pytest.raises(ConnectionError, match=f"at {url} has no workers: start some"):
            run([plan(GRID, 1)], tmp_path, backend="dask", scheduler=url)
