"""What a configuration may be, and the name of its results."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demos import digits
from demos.study import configuration
from demos.study.configuration import Configuration
from demos.study.experiments import EXPERIMENTS, find
from demos.study.plans import SIZES

# -- a configuration ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"data": "spiral"}, "data is one of linear, xor"),
        ({"activation": "swish"}, "activation is one of sigmoid"),
        ({"optimizer": "lion"}, "optimizer is one of sgd"),
        ({"init": "none"}, "init is one of"),
        ({"hidden": (4, 0)}, "hidden is a whole number from 1 on, and got 0"),
        ({"epochs": 2.5}, "epochs is a whole number from 1 on, and got 2.5"),
        ({"batch": True}, "batch is a whole number"),
        ({"lr": float("nan")}, "lr is a number from 0 on, and got nan"),
        ({"momentum": -0.1}, "momentum is a number from 0 on"),
        ({"loss": "bce", "output_activation": "tanh"}, "between 0 and 1"),
        ({"data": "moons"}, "loss is cross_entropy for moons"),
        ({"loss": "cross_entropy"}, "loss is mse or bce for xor"),
        ({"output_activation": "softmax"}, "softmax with cross_entropy and only there"),
    ],
)
def test_a_wrong_setting_is_one_sentence(settings, said):
    with pytest.raises(ValueError, match=said) as raised:
        Configuration(**settings)
    assert str(raised.value).count(". ") == 0


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "data": st.sampled_from(["linear", "xor"]),
            "hidden": st.lists(st.integers(1, 9), max_size=3).map(tuple),
            "bias": st.booleans(),
            "activation": st.sampled_from(["sigmoid", "leaky_relu"]),
            "optimizer": st.sampled_from(["sgd", "momentum"]),
            "momentum": st.sampled_from([0.5, 0.9]),
            "slope": st.sampled_from([0.01, 0.1]),
            "lr": st.sampled_from([1, 1.0, 0.1]),
            "batch": st.sampled_from([None, 1]),
        },
    ),
    st.sampled_from(["momentum", "slope", "lr", "epochs", "batch", "init", "weight_decay"]),
)
def test_the_key_is_that_of_the_settings_that_count(settings, changed):
    cell = Configuration(**settings)
    assert Configuration(**json.loads(json.dumps({**settings}))).key == cell.key
    others = {"epochs": 77, "batch": 5, "init": "ones", "weight_decay": 0.5, "lr": 7}
    other = replace(cell, **{changed: others.get(changed, 0.25)})
    counts = changed in cell.settings()
    assert (other.key != cell.key) == counts
    assert counts or changed in ("momentum", "slope")


def test_the_key_is_the_same_in_another_process_and_changes_with_the_version(monkeypatch):
    program = "from demos.study.configuration import Configuration as C; print(C(hidden=(3,)).key)"
    root = Path(__file__).parents[3]
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=root,
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in (1, 2)
    }
    assert found == {Configuration(hidden=(3,)).key}
    monkeypatch.setattr(configuration, "VERSION", configuration.VERSION + 1)
    assert Configuration(hidden=(3,)).key not in found


# -- the experiments -----------------------------------------------------------------------------


def test_every_experiment_is_whole():
    assert {experiment.source for experiment in EXPERIMENTS.values()} == {
        "R0", "R1", "R2", "R3", "R4",
    }  # fmt: skip
    for name, experiment in EXPERIMENTS.items():
        assert name == experiment.name
        assert experiment.sentence.endswith((".", "?"))
        assert len({cell.key for cell in experiment.cells.values()}) == len(experiment.cells)
        assert set(experiment.sizes) == set(SIZES)
        for figure in experiment.reported:
            assert figure.cell in experiment.cells
            assert figure.quantity in ("loss", "accuracy")
            assert figure.epoch is None or figure.epoch <= experiment.cells[figure.cell].epochs


def test_a_smaller_study_has_fewer_seeds_or_epochs_and_a_full_one_all():
    for experiment in EXPERIMENTS.values():
        quick, default, full = (experiment.sized(size) for size in SIZES)
        assert dict(full.cells) == dict(experiment.cells)
        assert len(quick.seeds) <= len(default.seeds) <= len(full.seeds)
        for label, cell in experiment.cells.items():
            assert quick.cells[label].epochs <= default.cells[label].epochs <= cell.epochs
            assert replace(quick.cells[label], epochs=cell.epochs) == cell
    plan = find("R0-xor").sized("default", seeds=7, epochs=12)
    assert (list(plan.seeds), plan.cells["xor"].epochs) == ([0, 1, 2, 3, 4, 5, 6], 12)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("R0-XOR", "R0-xor"), ("R1-optimisers", "R1-optimizers"), ("R2-moons-d", "R2-moons-depth")],
)
def test_an_unknown_name_gives_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=f"no experiment '{name}': did you mean .*{nearest}"):
        find(name)
    with pytest.raises(ValueError, match="no experiment 'zzz': see --list"):
        find("zzz")


def test_the_digits_are_trained_as_the_demo_trains_them():
    task = digits.task()
    for cell in EXPERIMENTS["R2-digits"].cells.values():
        assert cell.lr == task.rates[cell.optimizer]
        assert cell.batch == task.batch_size
