"""The report: every figure with its caption, every verdict from its tables, nothing lost."""

from __future__ import annotations

import errno
import json
import re
from collections import Counter
from dataclasses import replace
from html import escape
from importlib.resources import files

import pytest

from demos.study import figures, report, scheduler, store, verdicts
from demos.study.claims import CLAIMS
from demos.study.exhibits import EXHIBITS, Study, number
from demos.study.plans import RunPlan
from demos.study.questions import Tables

pytest.importorskip("pandas")
pytest.importorskip("jinja2")

GAP = "R3-tanh"
HALF = "R1-optimizers"
SHORT = report.Effort(seeds=3, xor=20, deep=2, relu=3, passes=3)


SMALL = '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="300"/>'


def a_third_in_full(figure, folder, name):
    """Write every third figure as it is; all are made, and to write one takes longest."""
    if list(EXHIBITS).index(name) % 3 == 0:
        figure.savefig(folder / f"{name}.svg")
    else:
        (folder / f"{name}.svg").write_text(SMALL)


# One worker runs them all, the one with the browser: the report that they look at takes half a
# minute.
pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A whole report after two epochs; one experiment was never run, and one by half.

    Nor does every experiment begin with seed 0.
    """
    folder = tmp_path_factory.mktemp("out")
    plans = [
        RunPlan(
            plan.experiment,
            {
                label: replace(cell, epochs=min(2, cell.epochs))
                for label, cell in plan.cells.items()
                if (plan.experiment.name, label) != (HALF, "xor, Adagrad")
            },
            range(1) if plan.experiment.name == "R2-digits" else range(2, 7),
        )
        for plan in report.plans("quick")
        if plan.experiment.name != GAP
    ]
    results = scheduler.run(plans, folder / "study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(report.EFFORTS, "quick", SHORT)
        patch.setattr(report, "draw_all", report.draw)  # here, and as SVG alone: it is faster
        patch.setattr(figures, "save", a_third_in_full)
        page = report.write(results, "quick", folder / "report")
    return folder, page.read_text("utf-8")


# -- the page --------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_figure_stands_once_and_in_order(made):
    _, html = made
    assert re.findall(r'id="figure-([^"]*)"', html) == list(EXHIBITS)
    assert [int(n) for n in re.findall(r"<b>Figure (\d+)\.</b>", html)] == list(
        range(1, len(EXHIBITS) + 1)
    )
    assert re.findall(r"<b>Table (\d+)\.</b>", html) == ["1", "2", "3"]


@pytest.mark.slow
def test_no_figure_without_a_caption_and_a_text(made):
    _, html = made
    shown = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    assert len(shown) == len(EXHIBITS) - 2  # two are gaps
    for figure in shown:
        alt = re.search(r'<img src="data:[^"]*" alt="([^"]*)">', figure)[1]
        caption = re.sub("<.*?>", "", re.search("<figcaption>(.*)</figcaption>", figure)[1])
        assert len(alt) > 15
        assert len(caption.split()) > 15
        assert "nan" not in caption.split()


@pytest.mark.slow
def test_a_gap_is_marked(made):
    _, html = made
    assert "This report has gaps." in html
    assert f"{GAP} (not run)" in html
    assert f"{HALF} (not run: xor, Adagrad)" in html
    for name in (GAP, HALF):
        assert f"python -m demos experiment {name}</code> has to be run first" in html
    assert re.search(r"tanh separates XOR better.*?not run", html, re.DOTALL)


@pytest.mark.slow
def test_the_page_stands_alone(made):
    _, html = made
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", html)
    assert not re.search(r"@import|url\(", html)
    assert "<script" not in html


@pytest.mark.slow
def test_fewer_epochs_are_said_beside_the_figure(made):
    _, html = made
    row = re.search(r"<tr><td>R1-without-activation.*?</tr>", html, re.DOTALL)[0]
    assert "2†" in row
    assert "of 1000000" in row


@pytest.mark.slow
def test_figures_tables_and_weights_lie_beside_it(made):
    folder, _ = made
    beside = folder / "report"
    names = {path.name for path in (beside / "figures").iterdir()}
    drawn = set(EXHIBITS) - {"activations", "optimizers"}
    assert names == {f"{name}.svg" for name in drawn} | {"network.png"}
    assert {path.name for path in (beside / "tables").iterdir()} == {
        f"{name}.csv" for name in ("runs", "curves", "measures", "claims", "reported")
    }
    weights = {path.stem for path in (beside / "weights").iterdir()}
    assert weights == {plan.experiment.name for plan in report.plans("quick")} - {GAP}


@pytest.mark.slow
def test_a_share_of_the_figures_on_each_core_is_all_of_them(made, tmp_path):
    folder, html = made
    tables = Tables.read(folder / "report" / "tables")
    study = Study(tables, lambda experiment, cell: {}, {})
    said = report.draw_all(study, tmp_path, ["sigmoid", "rates-success", "momentum"])
    assert set(said) == {"sigmoid", "rates-success", "momentum"}
    for name, (caption, _) in said.items():
        assert escape(caption) in html
        assert {(tmp_path / f"{name}.{kind}").exists() for kind in ("svg", "png")} == {True}


# -- verdicts --------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_verdict_on_the_page_is_the_tables(made):
    folder, html = made
    tables = Tables.read(folder / "report" / "tables")
    judged = verdicts.judge(CLAIMS, tables)
    assert {v.verdict for v in judged if v.shortened} == {verdicts.SHORT}
    expected = Counter(v.verdict for v in judged)
    bodies = re.findall(r"<caption>What the reports say.*?</table>", html, re.DOTALL)
    found = Counter(
        verdict.strip(" †")
        for body in bodies
        for verdict in re.findall(r'class="verdict.*?</span>&nbsp;(.*?)</span>', body)
    )
    assert found == expected


@pytest.mark.slow
def test_other_numbers_in_the_csv_are_another_verdict(made, tmp_path):
    folder, _ = made
    tables = Tables.read(folder / "report" / "tables")
    tables.runs["source_epochs"] = tables.runs["epochs"]  # as if that had been all
    (claim,) = [c for c in CLAIMS if c.words == "ReLU fails on XOR (in every layer)."]
    assert claim.judge(tables).verdict == verdicts.AGREES  # nothing is learned in two epochs
    tables.write(tmp_path)
    text = (tmp_path / "runs.csv").read_text().splitlines()
    column = text[0].split(",").index("accuracy")
    for i, line in enumerate(text):
        if line.startswith("R3-relu,ReLU everywhere"):
            row = line.split(",")
            row[column] = "1.0"
            text[i] = ",".join(row)
    (tmp_path / "runs.csv").write_text("\n".join(text))
    assert claim.judge(Tables.read(tmp_path)).verdict == verdicts.DISAGREES


# -- what goes wrong -------------------------------------------------------------------------


@pytest.mark.slow
def test_a_full_disk_leaves_the_earlier_report(made, monkeypatch, capsys):
    folder, _ = made
    before = {path: path.read_bytes() for path in (folder / "report").rglob("*") if path.is_file()}

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(report.EFFORTS, "default", SHORT)
    monkeypatch.setattr(report, "draw_all", lambda study, to, names: {})
    monkeypatch.setattr(report, "save_weights", full)
    with pytest.raises(OSError, match=r"^cannot write .*: no space left .*; an earlier report is"):
        report.main(["--no-run", "--out", str(folder)])
    after = {path: path.read_bytes() for path in (folder / "report").rglob("*") if path.is_file()}
    assert after == before


def test_nothing_run_yet_is_one_sentence(tmp_path, capsys):
    assert report.main(["--no-run", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "nothing was run there yet" in said


def test_results_of_another_version_are_one_sentence(tmp_path, capsys):
    (tmp_path / "study").mkdir()
    asked = tmp_path / "study" / "asked.json"
    asked.write_text(json.dumps({"version": store.VERSION + 1, "experiments": {}}))
    before = asked.read_bytes()
    assert report.main(["--no-run", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"version {store.VERSION + 1}" in said
    assert asked.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as exit_:
        report.main(["--out", str(tmp_path / "file" / "below")])
    assert exit_.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("flags", [["--quick", "--full"], ["--seeds", "0"], ["--seed", "3"]])
def test_bad_flags(flags, capsys):
    with pytest.raises(SystemExit) as exit_:
        report.main(flags)
    assert exit_.value.code == 2


# -- how numbers are written -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (0.25, "0.25"),
        (1 / 3, "0.333"),
        (123456.0, "123000"),
        (0.000012345, "0.0000123"),
        (1.5e-14, "1.5 × 10⁻¹⁴"),
        (3.2e9, "3.2 × 10⁹"),
        (float("inf"), "∞"),
        (float("nan"), "–"),
        (-0.5, "-0.5"),
    ],
)
def test_numbers_can_be_read(value, written):
    assert number(value) == written


# -- in a browser ----------------------------------------------------------------------------


@pytest.mark.slow
def test_the_page_in_a_browser(made, chromium):
    folder, _ = made
    chromium.get("about:blank")
    for log in ("browser", "performance"):
        chromium.get_log(log)
    chromium.get((folder / "report" / "report.html").as_uri())
    run = chromium.execute_script
    assert run("return document.documentElement.scrollWidth") <= 1280
    broken = run("return [...document.images].filter(i => !i.naturalWidth || !i.alt).length")
    assert broken == 0
    nameless = run(
        "return [...document.querySelectorAll('figure')]"
        ".filter(f => !f.querySelector('figcaption')).length"
    )
    assert nameless == 0
    assert run("return [...document.querySelectorAll('a')].filter(a => "
               "!document.querySelector(a.getAttribute('href'))).length") == 0  # fmt: skip
    assert run("return document.querySelectorAll('math').length") > 20
    assert [e for e in chromium.get_log("browser") if e["level"] in ("SEVERE", "WARNING")] == []
    for entry in chromium.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            assert message["params"]["request"]["url"].startswith(("file://", "data:", "about:"))
    try:
        axe = files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    except ModuleNotFoundError:
        pytest.skip("axe-core-python is missing")
    run(axe)
    found = chromium.execute_async_script(
        "const done = arguments[0]; axe.run().then(r => done(r.violations))"
    )
    grave = [
        (v["id"], [n["html"][:200] for n in v["nodes"][:3]])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
    assert grave == []
