"""`python -m demos experiment` and `sweep`, as a person runs them."""

from __future__ import annotations

import errno
from pathlib import Path

import pandas as pd
import pytest

from demos.study import experiment, scheduler, sweep_command
from demos.study.experiments import EXPERIMENTS


def fails(command, flags, capsys):
    """Run a command that ends with one line; return its status and the line."""
    with pytest.raises(SystemExit) as ended:
        command.main(flags)
    _, said = capsys.readouterr()
    assert len(said.strip().splitlines()) == 1
    return ended.value.code, said


# -- experiment ---------------------------------------------------------------------------------


def test_the_list_has_every_experiment_with_its_sentence(capsys):
    assert experiment.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(EXPERIMENTS)
    for line, (name, found) in zip(lines, EXPERIMENTS.items(), strict=True):
        assert line.split()[0] == name
        assert line.endswith(found.sentence)


@pytest.fixture
def unrendered(monkeypatch):
    """Figures are drawn, and their files left empty: to fill one takes longest."""
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda self, path, **settings: Path(path).touch()
    )


def test_an_experiment_prints_what_was_reported_beside_what_came_out(tmp_path, capsys, unrendered):
    names = ["R0-xor", "R1-without-activation"]
    flags = ["--seeds", "3", "--epochs", "600", "--jobs", "1", "--out", str(tmp_path)]
    assert experiment.main([*names, *flags]) == 0
    printed = capsys.readouterr().out
    assert "9 runs in" in printed
    assert "  failed, no seed has 90 % right: xor. Try a larger rate, more epochs" in printed
    assert "3 seeds, at most 600 of the source's 1000000 epochs" in printed
    runs, curves = (pd.read_csv(tmp_path / f"{table}.csv") for table in ("runs", "curves"))
    assert len(runs) == 9
    assert set(runs.source_epochs) == {10_000, 1_000_000}
    last = runs[(runs.experiment == names[1]) & (runs.cell == "xor")].final_loss.median()
    assert f"reported loss 0.238; here {last:.3g} (" in printed
    assert "reported accuracy 76.2% (16 of 21 points); here " in printed
    then = curves[(curves.experiment == names[0]) & (curves.epoch == 500)].loss.median()
    assert f"reported loss 0.219 after epoch 500; here {then:.3g} (" in printed
    assert "reported loss 0.177 after epoch 1000; here not reached" in printed
    written = {path.name for path in tmp_path.iterdir() if path.is_file()}
    figures = {f"{name}.{kind}" for name in names for kind in ("svg", "png")}
    assert written == figures | {"asked.json", "runs.csv", "curves.csv"}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "name an experiment, or see --list"),
        (["R0-xro"], "there is no experiment 'R0-xro': did you mean R0-xor"),
        (["R0-xor", "--seeds", "0"], "must be at least 1, not 0"),
        (["R0-xor", "--backend", "dask"], "dask needs --scheduler"),
        (["R0-xor", "--scheduler", "tcp://here:1"], "it is for --backend dask"),
        (["R0-xor", "--out", "/proc/out"], "cannot write into '/proc/out'"),
    ],
)
def test_bad_flags_are_one_line(flags, said, capsys):
    status, line = fails(experiment, flags, capsys)
    assert status == 2
    assert said in line


def test_a_full_disk_is_one_line(tmp_path, capsys, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    flags = ["R0-xor", "--seeds", "1", "--epochs", "2", "--out", str(tmp_path)]
    status, line = fails(experiment, flags, capsys)
    assert status == 1
    assert "no space left on device" in line


def test_a_scheduler_that_does_not_answer_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(scheduler, "PATIENCE", 0.5)
    flags = ["R0-xor", "--backend", "dask", "--scheduler", "tcp://127.0.0.1:9"]
    status, line = fails(experiment, [*flags, "--out", str(tmp_path)], capsys)
    assert status == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in line


def test_a_long_run_that_is_piped_says_now_and_then_how_far_it_is(
    tmp_path, capsys, monkeypatch, unrendered
):
    monkeypatch.setattr(scheduler, "PAUSE", 0.0)
    monkeypatch.setattr(scheduler, "SEEDS", 2)
    flags = ["R0-xor", "R0-linear", "--seeds", "4", "--epochs", "2", "--jobs", "1"]
    assert experiment.main([*flags, "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in said] == [f"{n} of 8 runs" for n in (2, 4, 6, 8)]
    assert "100% of the work" in said[-1]


# -- sweep --------------------------------------------------------------------------------------


def test_a_sweep_runs_every_combination(tmp_path, capsys):
    flags = ["--lr", "1", "0.1", "--hidden", "2", "3", "--layers", "1", "2", "--batch", "all", "7"]
    flags += ["--epochs", "3", "--seeds", "2", "--jobs", "1", "--out", str(tmp_path)]
    assert sweep_command.main(flags) == 0
    assert "cells: 16; seeds of each: 2; runs: 32" in capsys.readouterr().out
    runs = pd.read_csv(tmp_path / "runs.csv", dtype={"hidden": str})
    assert set(runs.hidden) == {"2", "3", "2-2", "3-3"}
    assert len(runs.drop_duplicates(["lr", "hidden", "batch"])) == runs.cell.nunique() == 16
    assert runs.groupby("cell").seed.apply(set).map({0, 1}.__eq__).all()
    for name in ("sweep_loss", "sweep_success_90", "sweep_success_100"):
        for kind in ("svg", "png"):
            assert (tmp_path / f"{name}.{kind}").stat().st_size > 1000


def test_a_grid_over_data_of_both_kinds_takes_the_loss_of_each():
    _, args = sweep_command.parse(["--data", "xor", "moons", "--lr", "0.1", "0.1"])
    found = sweep_command.grid_of(args)
    assert {label: cell.loss for label, cell in found.items()} == {
        "xor": "mse",
        "moons": "cross_entropy",
    }


def test_a_sweep_of_which_everything_overflows_is_drawn_all_the_same(tmp_path, capsys):
    flags = ["--activation", "identity", "--output-activation", "identity", "--lr", "1e3", "1e4"]
    flags += ["--epochs", "40", "--seeds", "2", "--jobs", "1", "--out", str(tmp_path)]
    assert sweep_command.main(flags) == 0
    printed = capsys.readouterr().out
    assert "inf (inf to inf)" in printed
    assert "  overflowed: rate 1000; rate 10000. Try a smaller rate" in printed


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--lr"], "--lr: expected at least one argument"),
        (["--lr", "fast"], "must be a number, not 'fast'"),
        (["--batch", "some"], "must be a whole number, not 'some'"),
        (["--data", "moons", "--loss", "mse"], "loss is cross_entropy for moons"),
        (["--loss", "bce", "--output-activation", "tanh"], "between 0 and 1"),
    ],
)
def test_a_grid_that_cannot_be_is_one_line(flags, said, capsys):
    status, line = fails(sweep_command, flags, capsys)
    assert status == 2
    assert said in line
