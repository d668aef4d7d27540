"""gpt and names: what they learn from, that a model sees no future, and what they write."""

from __future__ import annotations

import re

import numpy as np
import pytest

from autograd_lite import no_grad
from demos import gpt, names, text

pytest.importorskip("matplotlib")


@pytest.fixture
def story(tmp_path):
    file = tmp_path / "story.txt"
    file.write_text("".join(f"the {w} sat on the {w} mat.\n" for w in ("cat", "dog", "bat") * 20))
    return file


def test_a_text_in_numbers(story):
    read = text.read(str(story), 0)
    whole = np.concatenate([read.training, read.held_out])
    assert read.decode(whole) == story.read_text()
    assert read.decode(read.training)[-1] == "\n"  # no line is cut
    assert 0.85 < len(read.training) / len(whole) < 0.95
    inputs, targets = text.windows(read.training, 5, 40, np.random.default_rng(0))
    assert inputs.shape == targets.shape == (40, 5)
    np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
    parts = list(text.whole(read.held_out, 5, most=7))
    joined = np.concatenate([x.ravel() for x, _ in parts])
    np.testing.assert_array_equal(joined, read.held_out[: len(joined)])
    assert len(read.held_out) - len(joined) <= 5


def test_pairs_that_are_counted():
    given = text.Corpus(np.array([0, 1] * 8), np.array([0, 1, 0]), "ab")
    # After a comes b, 8 of 8 times, and after b comes a, 7 of 7; one of each is added.
    assert text.by_counting(given) == pytest.approx(-np.log([9 / 10, 8 / 9]).mean())


def test_installed_names_are_names():
    found = text.installed_names()
    assert {"zeros", "median", "linspace", "deque"} <= set(found)
    assert all(re.fullmatch(r"[a-z_]{3,19}", name) for name in found)
    assert len(found) > 1000


@pytest.mark.parametrize("make", [*names.MODELS.values(), lambda n, rng: gpt.GPT(
    n, 8, 8, 2, 2, 0.0, rng)])  # fmt: skip
def test_no_model_sees_what_comes_after(make):
    model, rng = make(9, rng=0), np.random.default_rng(0)
    first = rng.integers(0, 9, (2, 8))
    second = first.copy()
    second[:, 5:] = rng.integers(0, 9, (2, 3))
    with no_grad():
        a, b = model(first).numpy(), model(second).numpy()
    np.testing.assert_allclose(a[:, :5], b[:, :5], rtol=1e-12)
    assert a.shape == (2, 8, 9)
    assert not np.allclose(a[:, 7], b[:, 7])


def test_attention_is_shares_of_what_came_before():
    model = gpt.GPT(9, 8, 8, 2, 3, 0.0, 0)
    with no_grad():
        found = model.attention(np.arange(8))
    assert [weights.shape for weights in found] == [(2, 8, 8)] * 3
    for weights in found:
        np.testing.assert_allclose(weights.sum(axis=-1), 1.0)
        assert not np.triu(weights, 1).any()


def test_gpt_learns_a_story_and_writes_its_files(story, tmp_path, capsys):
    flags = ["--text", str(story), "--steps", "40", "--sample-every", "20", "--context", "8",
             "--width", "8", "--heads", "2", "--batch-size", "8", "--lr", "0.02",
             "--out", str(tmp_path / "out")]  # fmt: skip
    assert gpt.main(flags) == 0
    printed = capsys.readouterr().out
    losses = [float(x) for x in re.findall(r"held out ([\d.]+)", printed)]
    assert losses[-1] < losses[0] < np.log(20)
    assert {f.name for f in (tmp_path / "out").iterdir()} == {
        "gpt_attention.png", "gpt_loss.png", "gpt_sample.txt",
    }  # fmt: skip
    assert len((tmp_path / "out" / "gpt_sample.txt").read_text()) == 500
    assert gpt.main(flags) == 0  # the same program, the same numbers
    again = capsys.readouterr().out
    assert re.sub(r"\(\d+ s\)", "", again) == re.sub(r"\(\d+ s\)", "", printed)


def test_names_prints_what_each_model_reaches(story, tmp_path, capsys):
    flags = ["--text", str(story), "--steps", "30", "--batch-size", "8", "--lr", "0.03"]
    assert names.main([*flags, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    reached = dict(re.findall(r"^  (\S.*?)\s{2,}(\d\.\d{3})", printed, re.M))
    assert list(reached) == ["pairs, counted", *names.MODELS]
    assert float(reached["a recurrent network (GRU)"]) < np.log(20)
    assert (tmp_path / "out" / "names.png").exists()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--text", "nowhere.txt"], "cannot read 'nowhere.txt': No such file"),
        (["--text", "short.txt"], "short.txt has 5 characters"),
        (["--text", "bytes.bin"], "is no text in UTF-8"),
        (["--heads", "5"], "5 heads do not divide a width of 32"),
        (["--context", "9000"], "a context of 9000 is more than"),
    ],
)
def test_bad_input_is_one_line(flags, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.txt").write_text("short")
    (tmp_path / "bytes.bin").write_bytes(b"\xff\xfe" * 900)
    with pytest.raises(SystemExit) as stopped:
        gpt.main(flags)
    said = capsys.readouterr().err
    assert stopped.value.code == 2
    assert says in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()
