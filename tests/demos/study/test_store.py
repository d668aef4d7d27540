"""Results on disk: whole or not at all, counted once, and damage is said."""

from __future__ import annotations

import errno
import json
import math
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import nn.files
from demos.study import configuration, store
from demos.study.configuration import Configuration
from demos.study.plans import Experiment, RunPlan
from demos.study.training import train

CELL = Configuration(bias=True, hidden=(3,), epochs=20)
WILD = replace(CELL, lr=1e6, activation="identity", output_activation="identity")
STOPS = Configuration(data="linear", lr=3.0, epochs=400, stop_below=0.1)


def plan(cells, seeds=3, name="E"):
    return RunPlan(Experiment(name, "…", cells), cells, range(seeds))


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the results of three cells."""
    cells = {"calm": CELL, "wild": WILD, "stops": STOPS}
    store.ask(tmp_path, [plan(cells)])
    for cell in cells.values():
        store.save(tmp_path, train(cell, range(3)))
    return tmp_path


def test_what_is_saved_is_read_back(folder):
    found, notes = store.stored(folder)
    assert notes == []
    assert len(found) == 9
    for cell in (CELL, WILD, STOPS):
        for run in train(cell, range(3)):
            read = found[cell.key, run.seed]
            assert read.configuration == cell
            assert (read.epochs, read.accuracies) == (run.epochs, run.accuracies)
            assert read.losses == run.losses
            assert read.diverged == run.diverged
            for name, array in run.weights.items():
                np.testing.assert_array_equal(read.weights[name], array)


def test_the_tables_say_what_the_runs_did(folder):
    results = store.load(folder)
    assert list(results.runs.columns) == store.RUNS
    assert list(results.curves.columns) == store.CURVES
    assert results.missing.empty
    runs = {cell: train(c, range(3)) for cell, c in (("calm", CELL), ("stops", STOPS))}
    for cell, several in runs.items():
        rows = results.runs[results.runs.cell == cell].set_index("seed")
        for run in several:
            row = rows.loc[run.seed]
            assert row.final_loss == pytest.approx(run.final_loss, rel=1e-12)
            assert row.accuracy == pytest.approx(run.accuracy)
            assert row.epochs_done == run.epochs_done
            reached = run.reached(0.9)
            assert math.isnan(row.reached_90) if reached is None else row.reached_90 == reached
    wild = results.runs[results.runs.cell == "wild"]
    assert wild.diverged.all()
    assert np.isinf(wild.final_loss).all()
    assert (wild.accuracy == 0).all()
    assert set(results.runs.hidden) == {"3", "4-4"}
    weights = results.weights("E", "calm")
    assert weights["linear1.weight"].shape == (3, 3, 2)
    np.testing.assert_array_equal(
        weights["linear1.bias"][2], runs["calm"][2].weights["linear1.bias"]
    )
    with pytest.raises(ValueError, match="no runs of E, other"):
        results.weights("E", "other")


def test_a_run_that_has_stopped_keeps_its_result_to_the_end_of_the_curve(folder):
    curves = store.load(folder).curves
    stops = curves[curves.cell == "stops"]
    counts = stops.groupby("epoch").seed.nunique()
    assert (counts == 3).all()
    assert counts.index.max() == 400
    run = train(STOPS, range(3))[0]
    assert run.epochs_done < 400
    [last] = stops[(stops.seed == 0) & (stops.epoch == 400)].loss
    assert last == pytest.approx(run.final_loss)


def test_what_is_not_there_is_missing(folder):
    store.ask(folder, [plan({"calm": CELL, "new": replace(CELL, lr=0.5)}, seeds=5)])
    results = store.load(folder)
    assert results.missing.values.tolist() == [["E", "calm", 5, 2], ["E", "new", 5, 5]]
    assert set(results.runs.cell) == {"calm"}
    store.ask_if_new(folder, [plan({"calm": CELL}, seeds=1), plan({"x": CELL}, seeds=3, name="F")])
    results = store.load(folder)
    assert results.missing.asked.tolist() == [5, 5]
    assert results.runs[results.runs.experiment == "F"].seed.tolist() == [0, 1, 2]


def test_a_result_is_counted_once_however_often_it_is_stored(folder):
    before = store.load(folder).runs
    store.save(folder, train(CELL, [1, 2]))
    store.save(folder, train(CELL, [2, 1, 0]))
    after = store.load(folder).runs
    columns = [c for c in store.RUNS if c != "seconds"]
    pd.testing.assert_frame_equal(before[columns], after[columns])


def test_a_table_that_was_altered_by_hand_is_believed(folder):
    store.load(folder)
    table = pd.read_csv(folder / "runs.csv")
    table["final_loss"] = 7.0
    table.to_csv(folder / "runs.csv", index=False)
    assert (store.load(folder).runs.final_loss == 7.0).all()


# -- several at once --------------------------------------------------------------------------


def test_of_many_commands_at_once_none_loses_what_another_asked_or_stored(tmp_path):
    """Eight write, in the order that a command does; readers see whole tables meanwhile."""
    cells = [replace(CELL, lr=0.1 + i) for i in range(8)]
    runs = [train(cell, range(2)) for cell in cells]
    store.ask(tmp_path, [plan({"first": CELL}, seeds=1, name="first")])
    done, seen, errors = threading.Event(), [], []

    def command(i):
        try:
            for again in range(3):
                store.ask(tmp_path, [plan({"cell": cells[i]}, 2, f"E{i}-{again}")])
                store.save(tmp_path, runs[i])
                store.ask_if_new(tmp_path, [plan({"cell": CELL}, 9, f"E{i}-{again}")])
                results = store.load(tmp_path)
                mine = results.runs[results.runs.experiment == f"E{i}-{again}"]
                assert mine.seed.tolist() == [0, 1]
        except BaseException as error:
            errors.append(error)

    def reader():
        while not done.is_set():
            results = store.load(tmp_path)
            seen.append(len(results.runs))
            drawn = results.curves[["experiment", "cell", "seed"]].drop_duplicates()
            if not drawn.equals(results.runs[["experiment", "cell", "seed"]]):
                pairs = [set(map(tuple, t.values)) for t in (drawn, results.runs[drawn.columns])]
                assert pairs[0] == pairs[1]

    commands = [threading.Thread(target=command, args=(i,)) for i in range(8)]
    reading = threading.Thread(target=reader)
    for thread in (*commands, reading):
        thread.start()
    for thread in commands:
        thread.join()
    done.set()
    reading.join()
    assert errors == []
    assert seen == sorted(seen)
    asked = json.loads((tmp_path / "asked.json").read_bytes())["experiments"]
    assert sorted(asked) == sorted(["first", *(f"E{i}-{k}" for i in range(8) for k in range(3))])
    results = store.load(tmp_path)
    assert len(results.runs) == 8 * 3 * 2
    assert results.missing.values.tolist() == [["first", "first", 1, 1]]


# -- what goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "fields"])
def test_a_damaged_file_is_left_aside_with_a_sentence(folder, damage):
    path = next((folder / "results").glob(f"{CELL.key}-*"))
    content = path.read_bytes()
    if damage == "fields":
        nn.files.write_arrays(path, {"seed": np.arange(3)}, {"version": "1", "configuration": "{}"})
    else:
        path.write_bytes({"cut": content[:200], "garbage": b"x" * 500, "empty": b""}[damage])
    results = store.load(folder)
    [note] = results.notes
    assert path.name in note
    assert note.endswith("; it is left aside.")
    assert "\n" not in note
    assert results.missing.values.tolist() == [["E", "calm", 3, 3]]
    store.save(folder, train(CELL, range(3)))
    assert store.load(folder).missing.empty


def altered(arrays, texts):
    """Yield results that are not as `save` writes them, each wrong in one way."""
    for name, array in arrays.items():
        for other in (array[:-1], array[None], array.astype(bool).astype("u1")[:0]):
            yield {**arrays, name: np.array(other)}, texts
        if not name.startswith("weights"):
            yield {k: v for k, v in arrays.items() if k != name}, texts
            yield {**arrays, name: np.array(array[0])}, texts
        if not name.startswith("weights"):
            yield {**arrays, name: np.array(array, "float32")[..., None]}, texts
    yield {**arrays, "curve.length": arrays["curve.length"] * 0}, texts
    yield {**arrays, "curve.length": -arrays["curve.length"]}, texts
    yield {**arrays, "seed": arrays["seed"] * 1.5}, texts
    for odd in ("", "{", "[]", "3", "null", '"text"', '{"hidden": 3}', '{"lr": "x"}', '{"lr": NaN}',
                '{"data": []}', '{"nothing": 1}', "[" * 100_000):  # fmt: skip
        yield arrays, {**texts, "configuration": odd}
    yield arrays, {}


def test_results_of_the_wrong_form_are_left_aside_with_a_sentence_each(folder):
    path = next((folder / "results").glob(f"{CELL.key}-*"))
    arrays, texts = nn.files.read_arrays(path)
    others = [p for p in (folder / "results").iterdir() if p != path]
    for p in others:
        p.unlink()
    for wrong in altered(arrays, texts):
        nn.files.write_arrays(path, *wrong)
        found, notes = store.stored(folder)
        if len(notes) != 1 and wrong[0].keys() == arrays.keys():
            pytest.fail(f"{[(k, v.shape) for k, v in wrong[0].items()]}, {wrong[1]}")
        for note in notes:
            assert found == {}
            assert path.name in note
            assert note.endswith("; it is left aside.")
            assert "\n" not in note
    path.unlink()
    path.mkdir()
    (folder / "results" / "dangling-1.safetensors").symlink_to("nowhere")
    results = store.load(folder)
    assert len(results.notes) == 2
    assert results.runs.empty


CELLS = (
    3,
    {"configuration": {}, "seeds": 3},
    {"configuration": [], "source_epochs": 1, "seeds": []},
    {"configuration": {}, "source_epochs": 1, "seeds": ["x"]},
)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "3", '{"version": 1}', "[" * 100_000, "\ud800"]
    + [
        json.dumps({"version": 1, "experiments": wrong})
        for wrong in ([], {"E": []}, *({"E": {"c": cell}} for cell in CELLS))
    ],
)
def test_a_list_of_the_wrong_form_is_one_sentence(folder, content):
    (folder / "asked.json").write_bytes(content.encode(errors="surrogatepass"))
    for call in (store.load, lambda folder: store.ask(folder, [plan({"calm": CELL})])):
        with pytest.raises(ValueError, match="damaged: delete it, and ask again"):
            call(folder)


@pytest.mark.parametrize("name", ["runs.csv", "curves.csv"])
def test_a_table_with_text_for_numbers_is_one_sentence(folder, name):
    store.load(folder)
    table = pd.read_csv(folder / name)
    numbers = {"seed", "final_loss", "epoch", "diverged", "version"}
    for column in (numbers & {*table}) | ({"loss"} if name == "curves.csv" else set()):
        wrong = table.astype({column: object})
        wrong.loc[0, column] = "text"
        wrong.to_csv(folder / name, index=False)
        with pytest.raises(ValueError, match=f"{name} has text in the columns {column}"):
            store.load(folder)


def test_a_file_of_another_version_is_left_aside_with_a_sentence(folder, monkeypatch):
    path = next((folder / "results").glob(f"{CELL.key}-*"))
    arrays, texts = nn.files.read_arrays(path)
    nn.files.write_arrays(path, arrays, {**texts, "version": "0"})
    [note] = store.load(folder).notes
    assert "version 0" in note
    assert "version 1" in note
    monkeypatch.setattr(store, "VERSION", configuration.VERSION + 1)
    with pytest.raises(ValueError, match=r"asked\.json is of version 1 .* this is version 2"):
        store.load(folder)


def test_a_table_of_another_version_or_without_columns(folder):
    store.load(folder)
    table = pd.read_csv(folder / "runs.csv")
    table.assign(version=0).to_csv(folder / "runs.csv", index=False)
    with pytest.raises(ValueError, match=r"runs\.csv has runs of another version"):
        store.load(folder)
    table.drop(columns=["accuracy", "seed"]).to_csv(folder / "runs.csv", index=False)
    with pytest.raises(ValueError, match="lacks the columns seed, accuracy: delete it"):
        store.load(folder)
    (folder / "runs.csv").unlink()
    assert len(store.load(folder).runs) == 9


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"version": 1})])
def test_a_damaged_list_of_what_was_asked(folder, content):
    (folder / "asked.json").write_text(content)
    with pytest.raises(ValueError, match=r"asked\.json is damaged: delete it"):
        store.load(folder)


def test_nothing_was_asked(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing was run there yet"):
        store.load(tmp_path)


def test_a_full_disk_is_one_sentence_and_loses_nothing(folder, monkeypatch):
    before = {path: path.read_bytes() for path in (folder / "results").iterdir()}

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left on device; what was stored before is whole"):
        store.save(folder, train(replace(CELL, lr=0.3), range(3)))
    assert {path: path.read_bytes() for path in (folder / "results").iterdir()} == before
