"""Verdicts are computed from the tables: other data, another verdict."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demos.study import questions, statistics, verdicts
from demos.study.claims import CLAIMS
from demos.study.experiments import EXPERIMENTS
from demos.study.questions import Tables
from demos.study.verdicts import AGREES, DISAGREES, FEW, LUCK, MISSING, Claim

pd = pytest.importorskip("pandas")

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)


def tables(cells, epochs=100, source_epochs=100, measures=()):
    """Return tables of runs whose (loss, accuracy) are given for (experiment, cell)."""
    runs = [
        {
            "experiment": experiment,
            "cell": cell,
            "seed": seed,
            "final_loss": loss,
            "accuracy": accuracy,
            "epochs": epochs,
            "source_epochs": source_epochs,
            "epochs_done": epochs,
            "diverged": not np.isfinite(loss),
        }
        for (experiment, cell), found in cells.items()
        for seed, (loss, accuracy) in enumerate(found)
    ]
    curves = [
        {"experiment": r["experiment"], "cell": r["cell"], "seed": r["seed"], "epoch": epoch,
         "loss": r["final_loss"] * epochs / epoch, "accuracy": r["accuracy"]}
        for r in runs for epoch in (epochs // 2, epochs)
    ]  # fmt: skip
    return Tables(
        pd.DataFrame(runs),
        pd.DataFrame(curves),
        pd.DataFrame(list(measures), columns=["experiment", "cell", "seed", "quantity", "value"]),
    )


def with_yes(yes, n):
    """Return tables in which so many of n runs are wholly right, and the claim that all are."""
    found = [(0.1, 1.0 if i < yes else 0.5) for i in range(n)]
    return Claim("R0", "t", "w", questions.accuracy("E", "c") >= 1.0), tables({("E", "c"): found})


# -- shares and effects ----------------------------------------------------------------------


@given(st.integers(1, 400), st.data())
def test_wilson_is_where_the_score_test_stops_rejecting(n, data):
    yes = data.draw(st.integers(0, n))
    share = yes / n
    for bound in statistics.wilson(yes, n):
        assert (share - bound) ** 2 * n == pytest.approx(
            1.959964**2 * bound * (1 - bound), abs=1e-9
        )
    low, high = statistics.wilson(yes, n)
    assert 0 <= low <= share <= high <= 1


@given(NUMBERS, NUMBERS)
def test_cliffs_delta_counts_pairs(a, b):
    above = sum(x > y for x in a for y in b) - sum(x < y for x in a for y in b)
    delta, low, high = statistics.cliffs_delta(a, b)
    assert delta == pytest.approx(above / (len(a) * len(b)))
    assert -1 <= low <= high <= 1
    assert statistics.cliffs_delta(b, a)[0] == pytest.approx(-delta)


def test_the_interval_of_the_effect_covers_it():
    """Of 200 samples from two normal distributions, about 95 % cover P(a>b) − P(a<b)."""
    rng = np.random.default_rng(3)
    true = 0.5205  # 2 Φ(1/√2) − 1
    covered = 0
    for _ in range(200):
        _, low, high = statistics.cliffs_delta(rng.normal(1, 1, 25), rng.normal(0, 1, 25), 300)
        covered += low <= true <= high
    assert covered >= 175


# -- verdicts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("yes", "n", "verdict"),
    [
        (98, 100, AGREES),
        (8, 10, FEW),
        (20, 20, AGREES),
        (5, 5, AGREES),
        (3, 3, FEW),
        (0, 3, FEW),
        (0, 5, DISAGREES),
        (2, 100, DISAGREES),
        (50, 100, LUCK),
        (79, 100, LUCK),
        (80, 100, AGREES),
        (20, 100, DISAGREES),
        (21, 100, LUCK),
        (0, 0, MISSING),
    ],
)
def test_the_verdict_follows_from_the_count(yes, n, verdict):
    claim, given_ = with_yes(yes, max(n, 1))
    if n == 0:
        given_.runs = given_.runs[:0]
    assert claim.judge(given_).verdict == verdict


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: f"{c.source}: {c.words}")
def test_every_claim_can_be_won_and_lost(claim):
    """Random tables, many times: each claim gets a yes from some seed and a no from another."""
    rng = np.random.default_rng(0)
    cells, measures = {}, []
    for q in {str(q): q for q in claim.question.quantities}.values():
        cells[q.experiment, q.cell] = [
            (np.inf, 0.0)
            if rng.random() < 0.4 and q.name == "diverged"
            else (5 / 21, 16 / 21)  # five points of XOR wholly wrong
            if rng.random() < 0.1 and q.experiment == "R1-starts"
            else (10 ** rng.uniform(-4, 0), rng.choice([0.5, 0.9, 0.97, 1.0]))
            for _ in range(400)
        ]
        measures += [
            (q.experiment, q.cell, seed, q.name, rng.choice([0.01, 0.5, 0.9, 1.0]))
            for seed in range(400)
        ]
        if q.name == "least_squares":
            cells[q.experiment, q.cell] = [
                (m[4] * rng.choice([1.0, 1.01, 3.0], p=[0.45, 0.45, 0.1]), 0.7)
                for m in measures[-400:]
            ]
    found = claim.judge(tables(cells, measures=measures))
    assert 0 < found.yes < found.n == 400


def test_a_comparison_flips_with_the_data():
    (claim,) = [c for c in CLAIMS if c.words.startswith("Momentum is better")]
    good, bad = [(0.001, 1.0)] * 20, [(0.1, 0.9)] * 20
    momentum = ("R0-momentum", "linear, momentum 0.9")
    sgd = ("R0-momentum", "linear, SGD")
    won, lost = tables({momentum: good, sgd: bad}), tables({momentum: bad, sgd: good})
    assert claim.judge(won).verdict == AGREES
    assert claim.judge(won).delta == (1.0, 1.0, 1.0)
    assert claim.judge(lost).verdict == DISAGREES
    won.runs.loc[won.runs.cell == "linear, momentum 0.9", "final_loss"] = 0.5
    assert claim.judge(won).verdict == DISAGREES


def test_a_run_that_overflowed_is_worse_than_any():
    t = tables({("E", "a"): [(np.inf, 1.0), (np.nan, 1.0)], ("E", "b"): [(1e300, 0.0)] * 2})
    assert (questions.loss("E", "a") > questions.loss("E", "b")).answers(t).all()
    assert (questions.accuracy("E", "a") <= 0.0).answers(t).all()
    assert (questions.time("E", "a") > questions.time("E", "b")).answers(t).all()


def test_only_seeds_that_both_have_are_compared():
    t = tables({("E", "a"): [(1.0, 1.0)] * 5, ("E", "b"): [(2.0, 1.0)] * 3})
    claim = Claim("R0", "t", "w", questions.loss("E", "a") < questions.loss("E", "b"))
    assert claim.judge(t).n == 3


def test_time_is_epochs_first_and_loss_second():
    t = tables({("E", "a"): [(0.5, 1.0)], ("E", "b"): [(0.1, 1.0)]})
    t.runs.loc[t.runs.cell == "b", "epochs_done"] = 99
    assert (questions.time("E", "b") < questions.time("E", "a")).answers(t).all()
    t.runs.loc[:, "epochs_done"] = 100
    assert (questions.time("E", "b") < questions.time("E", "a")).answers(t).all()
    t.runs.loc[t.runs.cell == "b", "final_loss"] = 0.7
    assert not (questions.time("E", "b") < questions.time("E", "a")).answers(t).any()


def test_questions_are_joined():
    t = tables({("E", "a"): [(0.1, 1.0), (0.1, 0.5), (0.9, 1.0), (0.9, 0.5)]})
    small, right = questions.loss("E", "a") < 0.5, questions.accuracy("E", "a") >= 1.0
    assert list((small & right).answers(t)) == [True, False, False, False]
    assert list((small | right).answers(t)) == [True, True, True, False]
    assert list((~small).answers(t)) == [False, False, True, True]
    assert str(small & ~right) == "loss (E, a) < 0.5 and not (accuracy (E, a) ≥ 1)"


def test_an_effect_above_zero_supports_the_claim():
    t = tables({("E", "a"): [(0.1, 1.0)] * 3, ("E", "b"): [(0.2, 0.5)] * 3})
    loss_a, loss_b = questions.loss("E", "a"), questions.loss("E", "b")
    right_a, right_b = questions.accuracy("E", "a"), questions.accuracy("E", "b")
    for question in (loss_a < loss_b, ~(loss_b < loss_a), right_a > right_b, loss_a <= loss_b):
        assert question.effect(t) == (1.0, 1.0, 1.0)
    for question in (loss_a > loss_b, right_a < right_b, ~(loss_a < loss_b)):
        assert question.effect(t) == (-1.0, -1.0, -1.0)
    both = (loss_a < loss_b) & (loss_b < loss_a)
    assert both.effect(t)[0] == -1.0  # the weakest
    assert (loss_a < 0.3).effect is None
    assert loss_a.near(loss_b, 1.0).effect is None


def test_a_printed_loss_amid_the_runs_is_not_contradicted():
    """Few runs are within a factor of 2, but the figure is as good as any of theirs."""
    losses = np.geomspace(1e-6, 1.0, 41)
    t = tables({("E", "a"): [(x, 1.0) for x in losses]})
    question = questions.loss("E", "a").like(1e-3)
    assert Claim("R0", "t", "w", question).judge(t).verdict == DISAGREES
    assert Claim("R0", "t", "w", question, printed=1e-3).judge(t).verdict == LUCK
    outside = questions.loss("E", "a").like(1e-9)
    assert Claim("R0", "t", "w", outside, printed=1e-9).judge(t).verdict == DISAGREES


def test_a_network_without_a_measure_is_not_asked():
    """A straight boundary has no corners: no answer, rather than a no."""
    measures = [("E", "a", 0, "corners", 0.9), ("E", "a", 1, "corners", np.nan)]
    t = tables({("E", "a"): [(1.0, 1.0)]}, measures=measures)
    assert Claim("R0", "t", "w", questions.measure("corners", "E", "a") > 0.5).judge(t).n == 1


def test_a_run_that_stopped_by_itself_was_not_cut_short():
    t = tables({("E", "a"): [(0.1, 1.0)] * 5}, epochs=100, source_epochs=1000)
    claim = Claim("R0", "t", "w", questions.accuracy("E", "a") >= 1.0)
    assert claim.judge(t).epochs == (100, 1000)
    t.runs["epochs_done"] = 60
    assert not claim.judge(t).shortened


@pytest.mark.parametrize("least", [0.5, 2.0])
@pytest.mark.parametrize("name", ["accuracy", "loss@1000"])
def test_what_was_not_run_to_its_end_is_no_verdict_whatever_it_says_by_then(name, least):
    t = tables({("E", "a"): [(0.1, 1.0)] * 9}, epochs=100, source_epochs=1000)
    claim = Claim("R0", "t", "w", questions.Quantity(name, "E", "a") >= least)
    assert claim.judge(t).verdict == verdicts.SHORT


def test_tables_are_read_as_they_were_written(tmp_path):
    t = tables({("E", "a"): [(0.1, 1.0), (np.inf, 0.5)]}, measures=[("E", "a", 0, "q", 0.25)])
    t.runs["hidden"] = "4-4"
    t.write(tmp_path)
    back = Tables.read(tmp_path)
    for name, table in vars(t).items():
        pd.testing.assert_frame_equal(table, getattr(back, name))


def test_fewer_epochs_than_the_source_are_said():
    claim, given_ = with_yes(5, 5)
    assert not claim.judge(given_).shortened
    given_.runs["source_epochs"] = 1000
    verdict = claim.judge(given_)
    assert verdict.shortened
    assert verdict.epochs == (100, 1000)


# -- the lists -------------------------------------------------------------------------------


def test_every_claim_is_about_cells_that_are_run():
    for claim in CLAIMS:
        for q in claim.question.quantities:
            if q.experiment == "R2-backward":  # measured by demos.study.diagnostics
                continue
            assert q.cell in EXPERIMENTS[q.experiment].cells, (claim.words, q)


def test_every_source_has_claims():
    assert {claim.source for claim in CLAIMS} == {"R0", "R1", "R2", "R3", "R4"}


def test_every_printed_figure_is_beside_what_was_found():
    cells = {
        (e.name, figure.cell): [(0.238, 1.0)] * 6
        for e in EXPERIMENTS.values()
        for figure in e.reported
    }
    table = verdicts.reported_beside(EXPERIMENTS.values(), tables(cells))
    assert len(table) == sum(len(e.reported) for e in EXPERIMENTS.values())
    row = table[(table.experiment == "R1-without-activation") & (table.quantity == "loss")].iloc[0]
    assert (row.reported, row["median"], row.verdict) == (0.238, 0.238, AGREES)
    row = table[(table.experiment == "R1-without-activation") & (table.reported == 0.762)].iloc[0]
    assert row.verdict == DISAGREES  # all are right here, and 16 of 21 were there
    assert (table[table.quantity == "accuracy"].share_100 == 1.0).all()


def test_a_printed_loss_within_a_wide_spread_depends_on_luck():
    (experiment,) = [e for e in EXPERIMENTS.values() if e.name == "R0-momentum"]
    losses = [(x, 1.0) for x in np.geomspace(1e-5, 1e-1, 40)]
    t = tables({(experiment.name, figure.cell): losses for figure in experiment.reported})
    table = verdicts.reported_beside([experiment], t)
    assert set(table[table.quantity == "loss"].verdict) == {LUCK}
    (row,) = table[table.reported == 0.00036].to_dict("records")
    assert row["as_good"] == np.mean([loss <= 0.00036 for loss, _ in losses])


def test_a_plateau_is_not_near_what_was_printed():
    """0.249 is within a factor of 2 of 0.238, and says something else."""
    experiment = EXPERIMENTS["R1-without-activation"]
    t = tables({(experiment.name, cell): [(0.2494, 0.524)] * 20 for cell in experiment.cells})
    table = verdicts.reported_beside([experiment], t)
    assert list(table[table.quantity == "loss"].verdict) == [DISAGREES]


def test_the_loss_at_an_epoch_is_taken_from_the_curve():
    t = tables({("E", "a"): [(1.0, 1.0)]})
    assert list(questions.Quantity("loss@50", "E", "a").of(t)) == [2.0]
    assert questions.Quantity("loss@49", "E", "a").of(t).empty


def test_tables_of_verdicts():
    claim, given_ = with_yes(50, 100)
    row = verdicts.table_of(verdicts.judge([claim], given_)).iloc[0]
    assert (row.seeds, row.yes, row.verdict) == (100, 50, LUCK)
    assert row.share_low < 0.5 < row.share_high
